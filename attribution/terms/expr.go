package terms

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// An Expr is a checked expression, compiled once.
type Expr struct {
	Text string
	root *node
}

// Compile parses and type-checks text as an expression of type want over
// facts. Errors name the column, counted in characters from 1; all errors of
// type are in the one that is returned.
func Compile(text string, facts []FactType, want string) (*Expr, error) {
	k := kindOf(want)
	if k == kindUnknown {
		return nil, fmt.Errorf("type %s of the expression is not known, want bool, decimal, text, time or duration", quote(want))
	}
	root, mistakes := compile(text, facts, k)
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	return &Expr{text, root}, nil
}

// Truth is the value of a condition over the facts of one record: 1 true, 0
// false, -1 undefined. It is undefined where a fact that decides it is absent
// or not of its type, or where a number is divided by zero.
func (e *Expr) Truth(f record.Facts) int {
	v := values{facts: f}
	return int(v.truth(e.root))
}

// Names returns the facts e reads, sorted.
func (e *Expr) Names() []string {
	var names []string
	var walk func(n *node)
	walk = func(n *node) {
		if n.op == opFact {
			names = append(names, n.fact)
		}
		for _, arg := range n.args {
			walk(arg)
		}
	}
	walk(e.root)
	slices.Sort(names)
	return slices.Compact(names)
}

// String returns the text of e.
func (e *Expr) String() string { return e.Text }

// truth is a truth value of three.
type truth int8

const (
	undefined truth = iota - 1
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// values evaluates over the facts of one record. Each of its methods knows one
// kind of node; ok is false for what is undefined.
type values struct {
	facts record.Facts
	exact bool // never scaled integers: for the test that both ways agree
}

func (v *values) truth(n *node) truth {
	switch n.op {
	case opLiteral:
		return n.truth
	case opFact:
		if value, ok := v.facts.Get(n.fact); ok && value.IsBool {
			return truthOf(value.Bool)
		}
		return undefined
	case opNot:
		if t := v.truth(n.args[0]); t != undefined {
			return 1 - t
		}
		return undefined
	case opAnd:
		// Of three values: the least, with undefined between false and true.
		left := v.truth(n.args[0])
		if left == no {
			return no
		}
		if right := v.truth(n.args[1]); right != yes {
			return right
		}
		return left
	case opOr:
		left := v.truth(n.args[0])
		if left == yes {
			return yes
		}
		if right := v.truth(n.args[1]); right != no {
			return right
		}
		return left
	}
	c, ok := v.compare(n.args[0], n.args[1])
	if !ok {
		return undefined
	}
	switch n.op {
	case opEqual:
		return truthOf(c == 0)
	case opNotEqual:
		return truthOf(c != 0)
	case opLess:
		return truthOf(c < 0)
	case opAtMost:
		return truthOf(c <= 0)
	case opMore:
		return truthOf(c > 0)
	case opAtLeast:
		return truthOf(c >= 0)
	}
	panic("terms: truth of operator " + n.op.String())
}

func (v *values) compare(a, b *node) (c int, ok bool) {
	switch a.kind {
	case kindBool:
		x, y := v.truth(a), v.truth(b)
		return int(x) - int(y), x != undefined && y != undefined
	case kindDecimal:
		x, okX := v.number(a)
		y, okY := v.number(b)
		return x.cmp(y), okX && okY
	case kindText:
		x, okX := v.text(a)
		y, okY := v.text(b)
		return strings.Compare(x, y), okX && okY
	}
	x, okX := v.instant(a)
	y, okY := v.instant(b)
	switch {
	case x < y:
		return -1, okX && okY
	case x > y:
		return 1, okX && okY
	}
	return 0, okX && okY
}

func (v *values) text(n *node) (s string, ok bool) {
	if n.op == opLiteral {
		return n.text, true
	}
	value, ok := v.facts.Get(n.fact)
	return value.Text, ok && !value.IsBool
}

// instant is the value of a time or a duration, in milliseconds. Nothing
// overflows: a text of MaxExprBytes has too few terms for that.
func (v *values) instant(n *node) (ms int64, ok bool) {
	switch n.op {
	case opLiteral:
		return n.instant, true
	case opFact:
		value, ok := v.facts.Get(n.fact)
		if !ok || value.IsBool {
			return 0, false
		}
		t, err := record.ParseTime(value.Text)
		return int64(t), err == nil
	}
	a, ok := v.instant(n.args[0])
	if !ok {
		return 0, false
	}
	switch n.op {
	case opNegate:
		return -a, true
	case opAbs:
		return max(a, -a), true
	}
	for _, arg := range n.args[1:] {
		b, ok := v.instant(arg)
		if !ok {
			return 0, false
		}
		switch n.op {
		case opAdd:
			a += b
		case opSubtract:
			a -= b
		case opMin:
			a = min(a, b)
		case opMax:
			a = max(a, b)
		default:
			panic("terms: instant of operator " + n.op.String())
		}
	}
	return a, true
}

func (v *values) number(n *node) (x number, ok bool) {
	switch n.op {
	case opLiteral:
		if v.exact {
			return n.number.general(), true
		}
		return n.number, true
	case opFact:
		value, ok := v.facts.Get(n.fact)
		if !ok || value.IsBool {
			return number{}, false
		}
		return parseNumber(value.Text, v.exact)
	}
	if x, ok = v.number(n.args[0]); !ok {
		return number{}, false
	}
	switch n.op {
	case opNegate:
		return x.negated(), true
	case opAbs:
		if x.sign() < 0 {
			return x.negated(), true
		}
		return x, true
	}
	for _, arg := range n.args[1:] {
		y, ok := v.number(arg)
		if !ok {
			return number{}, false
		}
		switch n.op {
		case opAdd:
			x = x.plus(y)
		case opSubtract:
			x = x.plus(y.negated())
		case opMultiply:
			x = x.times(y)
		case opDivide:
			if x, ok = x.by(y); !ok {
				return number{}, false
			}
		case opMin:
			if y.cmp(x) < 0 {
				x = y
			}
		case opMax:
			if y.cmp(x) > 0 {
				x = y
			}
		default:
			panic("terms: number of operator " + n.op.String())
		}
	}
	return x, true
}

// maxScaledDigits is how many digits a scaled integer may have: they fit in 63
// bits, and so does each power of ten up to it.
const maxScaledDigits = 18

var powers = func() (p [maxScaledDigits + 1]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// parseNumber reads a decimal of a record.
func parseNumber(text string, general bool) (number, bool) {
	if _, err := record.ParseDecimal(text); err != nil {
		return number{}, false
	}
	if !general && len(text) <= maxScaledDigits {
		var x number
		negative := text[0] == '-'
		point := len(text)
		for i := range len(text) {
			switch c := text[i]; c {
			case '-':
			case '.':
				point = i + 1
			default:
				x.coef = x.coef*10 + int64(c-'0')
			}
		}
		x.scale = uint8(len(text) - point)
		if negative {
			x.coef = -x.coef
		}
		return x, true
	}
	r, err := exact.Parse(text)
	return number{rat: &r}, err == nil
}

// general returns x as a quotient.
func (x number) general() number {
	r := x.quotient()
	return number{rat: &r}
}

func (x number) quotient() exact.Rat {
	if x.rat != nil {
		return *x.rat
	}
	r, _ := exact.Int(x.coef).Quo(exact.Int(powers[x.scale]))
	return r
}

func (x number) sign() int {
	switch {
	case x.rat != nil:
		return x.rat.Sign()
	case x.coef < 0:
		return -1
	case x.coef > 0:
		return 1
	}
	return 0
}

func (x number) negated() number {
	if x.rat != nil {
		r := x.rat.Neg()
		return number{rat: &r}
	}
	// A scaled integer has at most 63 bits and is never the least int64.
	x.coef = -x.coef
	return x
}

func (x number) cmp(y number) int {
	if x.rat != nil || y.rat != nil {
		return x.quotient().Cmp(y.quotient())
	}
	if x.scale == y.scale {
		switch {
		case x.coef < y.coef:
			return -1
		case x.coef > y.coef:
			return 1
		}
		return 0
	}
	if s, t := x.sign(), y.sign(); s != t {
		if s < t {
			return -1
		}
		return 1
	}
	// Same sign: the magnitudes at the same scale, which fit in 128 bits.
	var xs, ys int64 = 1, 1
	if x.scale < y.scale {
		xs = powers[y.scale-x.scale]
	} else {
		ys = powers[x.scale-y.scale]
	}
	xHigh, xLow := bits.Mul64(magnitude(x.coef), uint64(xs))
	yHigh, yLow := bits.Mul64(magnitude(y.coef), uint64(ys))
	c := 0
	switch {
	case xHigh < yHigh || xHigh == yHigh && xLow < yLow:
		c = -1
	case xHigh > yHigh || xHigh == yHigh && xLow > yLow:
		c = 1
	}
	if x.coef < 0 {
		return -c
	}
	return c
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

// scaled returns a product if it fits in a scaled integer.
func scaled(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > 1<<63-1 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(low), true
	}
	return int64(low), true
}

func (x number) plus(y number) number {
	if x.rat == nil && y.rat == nil {
		if x.scale < y.scale {
			x, y = y, x
		}
		if b, ok := scaled(y.coef, powers[x.scale-y.scale]); ok {
			// Both are above the least int64, so an overflow shows in the sign.
			sum := x.coef + b
			if (x.coef < 0) != (b < 0) || sum != -1<<63 && (sum < 0) == (x.coef < 0) {
				return number{coef: sum, scale: x.scale}
			}
		}
	}
	r := x.quotient().Add(y.quotient())
	return number{rat: &r}
}

func (x number) times(y number) number {
	if x.rat == nil && y.rat == nil && x.scale+y.scale <= maxScaledDigits {
		if coef, ok := scaled(x.coef, y.coef); ok {
			return number{coef: coef, scale: x.scale + y.scale}
		}
	}
	r := x.quotient().Mul(y.quotient())
	return number{rat: &r}
}

// by divides; ok is false where y is 0.
func (x number) by(y number) (number, bool) {
	r, ok := x.quotient().Quo(y.quotient())
	return number{rat: &r}, ok
}
