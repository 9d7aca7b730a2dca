package terms

import (
	"errors"
	"fmt"
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

// Truth is the value of a condition over the facts of one record whose instant
// is at: 1 true, 0 false, -1 undefined. It is undefined where a fact that
// decides it is absent or not of its type, or where a number is divided by
// zero.
func (e *Expr) Truth(f record.Facts, at record.Time) int {
	v := values{facts: f, at: at}
	return int(v.truth(e.root))
}

// Value is the value of a formula. lookup gives the numbers of its names,
// which are measures and formulas; ok is false where one that it reads has
// none, or where a function of them has none. Constants are part of e.
func (e *Expr) Value(lookup func(name string) (exact.Rat, bool)) (x exact.Rat, ok bool) {
	v := values{lookup: lookup}
	n, ok := v.number(e.root)
	if !ok {
		return exact.Rat{}, false
	}
	return n.quotient(), true
}

// Names returns the facts, or the measures, constants and formulas, that e
// reads, sorted. The instant of the record is none of them.
func (e *Expr) Names() []string {
	var names []string
	e.root.walk(func(name string) {
		if name != occurred {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return slices.Compact(names)
}

// reads reports whether e reads a name.
func (e *Expr) reads(name string) bool {
	found := false
	e.root.walk(func(other string) { found = found || other == name })
	return found
}

// walk calls visit for each name in n.
func (n *node) walk(visit func(name string)) {
	if n.op == opName {
		visit(n.name)
	}
	for _, arg := range n.args {
		arg.walk(visit)
	}
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

// values evaluates over the facts of one record, or over what lookup gives.
// Each of its methods knows one kind of node; ok is false for what is
// undefined.
type values struct {
	facts  record.Facts
	at     record.Time // instant of the record
	lookup func(name string) (exact.Rat, bool)
	exact  bool   // never scaled integers: for the test that both ways agree
	name   string // of the fact that was read as a number last, and the number
	last   number
}

func (v *values) truth(n *node) truth {
	switch n.op {
	case opLiteral:
		return n.truth
	case opName:
		if value, ok := v.facts.Get(n.name); ok && value.IsBool {
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
	value, ok := v.facts.Get(n.name)
	return value.Text, ok && !value.IsBool
}

// instant is the value of a time or a duration, in milliseconds. Nothing
// overflows: a text of MaxExprBytes has too few terms for that.
func (v *values) instant(n *node) (ms int64, ok bool) {
	switch n.op {
	case opLiteral:
		return n.instant, true
	case opName:
		if n.name == occurred {
			return int64(v.at), true
		}
		value, ok := v.facts.Get(n.name)
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
	switch {
	case n.fixed:
		if v.exact {
			return n.number.general(), true
		}
		return n.number, true
	case n.op == opName && v.lookup != nil:
		r, ok := v.lookup(n.name)
		return numberOf(r, v.exact), ok
	case n.op == opName:
		if v.name == n.name {
			return v.last, true // a value is often held to two bounds
		}
		value, ok := v.facts.Get(n.name)
		if !ok || value.IsBool {
			return number{}, false
		}
		if x, ok = parseNumber(value.Text, v.exact); ok {
			v.name, v.last = n.name, x
		}
		return x, ok
	case n.op > opAbs:
		return v.function(n)
	}
	if x, ok = v.number(n.args[0]); !ok {
		return number{}, false
	}
	switch n.op {
	case opNegate:
		return x.negated(), true
	case opAbs:
		return x.abs(), true
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
