package terms

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// An operator of the tree that an expression is parsed into.
type op uint8

const (
	opLiteral op = iota
	opFact
	opNot
	opNegate
	opOr
	opAnd
	opEqual
	opNotEqual
	opLess
	opAtMost
	opMore
	opAtLeast
	opAdd
	opSubtract
	opMultiply
	opDivide
	opMin
	opMax
	opAbs
)

// String is the operator as it is written.
func (o op) String() string {
	switch o {
	case opLiteral:
		return "literal"
	case opFact:
		return "fact"
	case opNot:
		return "!"
	case opNegate, opSubtract:
		return "-"
	case opOr:
		return "||"
	case opAnd:
		return "&&"
	case opEqual:
		return "=="
	case opNotEqual:
		return "!="
	case opLess:
		return "<"
	case opAtMost:
		return "<="
	case opMore:
		return ">"
	case opAtLeast:
		return ">="
	case opAdd:
		return "+"
	case opMultiply:
		return "*"
	case opDivide:
		return "/"
	case opMin:
		return "min"
	case opMax:
		return "max"
	case opAbs:
		return "abs"
	}
	return fmt.Sprintf("op %d", uint8(o))
}

// A kind is the type of a value.
type kind uint8

const (
	kindUnknown kind = iota // of what is wrongly typed; no further mistake follows from it
	kindBool
	kindDecimal
	kindText
	kindTime
	kindDuration
)

// String is the word for the type in terms.
func (k kind) String() string {
	switch k {
	case kindBool:
		return "bool"
	case kindDecimal:
		return "decimal"
	case kindText:
		return "text"
	case kindTime:
		return "time"
	case kindDuration:
		return "duration"
	}
	return "unknown"
}

func kindOf(name string) kind {
	for k := kindBool; k <= kindDuration; k++ {
		if k.String() == name {
			return k
		}
	}
	return kindUnknown
}

// A node is a checked part of an expression. Its kind decides which of the
// values holds a literal.
type node struct {
	op     op
	kind   kind
	column int
	args   []*node // at most two, but for min and max

	fact    string // opFact
	text    string // literals
	truth   truth
	instant int64 // milliseconds, of durations
	number  number

	digits int // an upper bound for the digits of a decimal and what it is computed from
}

// reserved are the words of expressions that no fact can be named.
var reservedWords = [...]string{"abs", "false", "max", "min", "true"}

func isReserved(name string) bool { return slices.Contains(reservedWords[:], name) }

// A parser reads an expression by precedence. The first mistake of form ends
// it; mistakes of type are all kept.
type parser struct {
	text  string
	i     int // of the next token
	tok   string
	at    int // of tok
	facts []FactType
	depth int
	// digits is how many all numbers on the way may have together.
	digits int
	form   error
	types  []error
}

// compile parses text and checks it.
func compile(text string, facts []FactType, want kind) (*node, []error) {
	if len(text) > MaxExprBytes {
		return nil, []error{fmt.Errorf("expression has %d bytes, at most %d", len(text), MaxExprBytes)}
	}
	p := &parser{text: text, facts: facts}
	p.next()
	n := p.binary(0)
	if p.form == nil && p.tok != "" {
		p.failForm("got %s, want an operator or the end", quote(p.tok))
	}
	if p.form != nil {
		return nil, []error{p.form}
	}
	if n.kind != want && n.kind != kindUnknown {
		p.failType(n.column, "expression is a %s, want a %s", n.kind, want)
	}
	if p.digits > MaxExprWork {
		p.failType(1, "the numbers on the way may have %d digits together, at most %d", p.digits, MaxExprWork)
	}
	if len(p.types) > 0 {
		return nil, p.types
	}
	return n, nil
}

// column counts the characters before an index, from 1.
func (p *parser) column(i int) int { return utf8.RuneCountInString(p.text[:i]) + 1 }

func (p *parser) failForm(format string, args ...any) {
	if p.form == nil {
		p.form = fmt.Errorf("column %d: %s", p.column(p.at), fmt.Sprintf(format, args...))
	}
	p.tok, p.i = "", len(p.text)
}

func (p *parser) failType(column int, format string, args ...any) {
	p.types = append(p.types, fmt.Errorf("column %d: %s", column, fmt.Sprintf(format, args...)))
}

// next moves on to the next token: a number with what sticks to it, a name, a
// text in quotes, or an operator. The empty token is the end.
func (p *parser) next() {
	for p.i < len(p.text) && p.text[p.i] == ' ' {
		p.i++
	}
	p.at = p.i
	s := p.text[p.i:]
	n := 0
	switch {
	case s == "":
	case isWord(s[0]):
		for n < len(s) && (isWord(s[n]) || s[n] == '.') {
			n++
		}
	case s[0] == '"':
		end := strings.IndexByte(s[1:], '"')
		if end < 0 {
			p.failForm("text has no closing quote")
			return
		}
		n = end + 2
	case len(s) > 1 && slices.Contains([]string{"||", "&&", "==", "!=", "<=", ">="}, s[:2]):
		n = 2
	case strings.IndexByte("<>+-*/!(),", s[0]) >= 0:
		n = 1
	default:
		_, size := utf8.DecodeRuneInString(s)
		p.failForm("got %s, which no expression has", quote(s[:size]))
		return
	}
	p.tok = s[:n]
	p.i += n
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// levels are the binary operators, loosest first. Those of one level group
// from the left, but comparisons do not chain.
var levels = [...][]op{
	{opOr},
	{opAnd},
	{opEqual, opNotEqual, opLess, opAtMost, opMore, opAtLeast},
	{opAdd, opSubtract},
	{opMultiply, opDivide},
}

const comparisons = 2

// binary reads operands of the level joined by its operators.
func (p *parser) binary(level int) *node {
	if level == len(levels) {
		return p.unary()
	}
	left := p.binary(level + 1)
	for joined := 0; ; joined++ {
		i := slices.IndexFunc(levels[level], func(o op) bool { return o.String() == p.tok })
		if i < 0 || p.form != nil {
			return left
		}
		if level == comparisons && joined > 0 {
			p.failForm("comparisons do not chain: join two of them by &&")
			return left
		}
		column := p.column(p.at)
		p.next()
		left = p.check(&node{op: levels[level][i], column: column, args: []*node{left, p.binary(level + 1)}})
	}
}

// down enters a part that stands inside another one.
func (p *parser) down() bool {
	if p.depth == MaxExprDepth {
		p.failForm("more than %d parentheses, calls and signs inside each other", MaxExprDepth)
		return false
	}
	p.depth++
	return true
}

func (p *parser) unary() *node {
	column := p.column(p.at)
	o := opNot
	switch p.tok {
	case "!":
	case "-":
		o = opNegate
	default:
		return p.primary()
	}
	if !p.down() {
		return &node{}
	}
	p.next()
	arg := p.unary()
	p.depth--
	return p.check(&node{op: o, column: column, args: []*node{arg}})
}

func (p *parser) primary() *node {
	n := &node{column: p.column(p.at)}
	tok := p.tok
	switch {
	case tok == "":
		p.failForm("ends, want a value")
		return n
	case tok == "(":
		if !p.down() {
			return n
		}
		p.next()
		inner := p.binary(0)
		p.depth--
		if p.form == nil && p.tok != ")" {
			p.failForm("got %s, want )", p.got())
		}
		p.next()
		// The kind of what is in parentheses is that of the whole; so is its column.
		return inner
	case tok[0] == '"':
		n.kind, n.text = kindText, tok[1:len(tok)-1]
		if err := record.CheckCanonical(record.AppendString(nil, n.text)); err != nil {
			p.failForm("text %s cannot stand in a record", quote(n.text))
		}
	case tok == "true" || tok == "false":
		n.kind, n.truth = kindBool, truthOf(tok == "true")
	case tok == "min" || tok == "max" || tok == "abs":
		return p.call(n, tok)
	case tok[0] >= '0' && tok[0] <= '9':
		p.literal(n, tok)
	case isWord(tok[0]):
		p.fact(n, tok)
	default:
		p.failForm("got %s, want a value", quote(tok))
		return n
	}
	p.next()
	return n
}

func (p *parser) got() string {
	if p.tok == "" {
		return "the end"
	}
	return quote(p.tok)
}

// literal reads a decimal or a duration.
func (p *parser) literal(n *node, tok string) {
	if d, size := durationPrefix(tok); size == len(tok) {
		if d > MaxDuration {
			p.failForm("got %s, at most %s", tok, MaxDuration)
			return
		}
		n.kind, n.instant = kindDuration, int64(d)
		return
	}
	if _, err := record.ParseDecimal(tok); err != nil {
		p.failForm("got %s, want a decimal like 30.00 or a duration like 72h", quote(tok))
		return
	}
	n.kind = kindDecimal
	n.number, _ = parseNumber(tok, false)
	n.digits = len(tok)
}

func (p *parser) fact(n *node, tok string) {
	n.op, n.fact = opFact, tok
	for i := range p.facts {
		if p.facts[i].Name == tok {
			n.kind = kindOf(p.facts[i].Type)
			n.digits = record.MaxDigits + record.MaxDecimals
			return
		}
	}
	p.failType(n.column, "unknown fact %s", quote(tok))
}

func (p *parser) call(n *node, name string) *node {
	n.op = opAbs
	switch name {
	case "min":
		n.op = opMin
	case "max":
		n.op = opMax
	}
	p.next()
	if p.tok != "(" {
		p.failForm("got %s, want ( after %s", p.got(), name)
		return n
	}
	if !p.down() {
		return n
	}
	for first := true; first || p.tok == ","; first = false {
		p.next()
		n.args = append(n.args, p.binary(0))
	}
	p.depth--
	if p.form == nil && p.tok != ")" {
		p.failForm("got %s, want , or )", p.got())
		return n
	}
	p.next()
	return p.check(n)
}

// check finds the kind of a node from those of its arguments.
func (p *parser) check(n *node) *node {
	if p.form != nil {
		return n
	}
	a := n.args[0].kind
	b := n.args[len(n.args)-1].kind
	for _, arg := range n.args {
		n.digits += arg.digits + 1
		if arg.kind == kindUnknown {
			// Its mistake is reported. What the operator gives is still known
			// where it does not depend on the argument.
			if n.op >= opOr && n.op <= opAtLeast || n.op == opNot {
				n.kind = kindBool
			}
			return n
		}
	}
	if a == kindDecimal {
		p.digits += n.digits
	}
	switch n.op {
	case opNot, opAnd, opOr:
		n.kind = kindBool
		for _, arg := range n.args {
			if arg.kind != kindBool {
				p.failType(arg.column, "%s wants bool, got %s", n.op, arg.kind)
			}
		}
		return n
	case opEqual, opNotEqual:
		if n.kind = kindBool; a != b {
			p.failType(n.column, "%s wants two values of one type, got %s and %s", n.op, a, b)
		}
		return n
	case opLess, opAtMost, opMore, opAtLeast:
		if n.kind = kindBool; a != b || a != kindDecimal && a != kindTime && a != kindDuration {
			p.failType(n.column, "%s wants two decimals, times or durations, got %s and %s", n.op, a, b)
		}
		return n
	case opNegate, opAbs:
		if len(n.args) != 1 {
			p.failType(n.column, "%s has %d arguments, want 1", n.op, len(n.args))
		} else if a != kindDecimal && a != kindDuration {
			p.failType(n.args[0].column, "%s wants a decimal or a duration, got %s", n.op, a)
		} else {
			n.kind = a
		}
	case opMin, opMax:
		if len(n.args) < 2 {
			p.failType(n.column, "%s has 1 argument, want 2 or more", n.op)
			return n
		}
		if a != kindDecimal && a != kindTime && a != kindDuration {
			p.failType(n.args[0].column, "%s wants decimals, times or durations, got %s", n.op, a)
			return n
		}
		for _, arg := range n.args[1:] {
			if arg.kind != a {
				p.failType(arg.column, "%s wants values of one type, got %s and %s", n.op, a, arg.kind)
				return n
			}
		}
		n.kind = a
	case opMultiply, opDivide:
		if a != kindDecimal || b != kindDecimal {
			p.failType(n.column, "%s wants two decimals, got %s and %s", n.op, a, b)
			return n
		}
		n.kind = kindDecimal
	case opAdd:
		switch {
		case a == b && (a == kindDecimal || a == kindDuration):
			n.kind = a
		case a == kindTime && b == kindDuration:
			n.kind = kindTime
		default:
			p.failType(n.column, "+ wants two decimals, two durations, or a time and a duration, got %s and %s", a, b)
			return n
		}
	case opSubtract:
		switch {
		case a == b && (a == kindDecimal || a == kindDuration):
			n.kind = a
		case a == kindTime && b == kindTime:
			n.kind = kindDuration
		case a == kindTime && b == kindDuration:
			n.kind = kindTime
		default:
			p.failType(n.column, "- wants two decimals, two durations, two times, or a time and a duration, got %s and %s", a, b)
			return n
		}
	}
	// Whatever the facts are, no number on the way then takes long.
	if n.kind == kindDecimal && n.digits > MaxExprDigits {
		p.failType(n.column, "%s may give a number of %d digits, at most %d", n.op, n.digits, MaxExprDigits)
		n.kind = kindUnknown
	}
	return n
}

// A number is an exact decimal or quotient. It is coef / 10^scale where rat is
// nil, which is what nearly all numbers of terms and facts are.
type number struct {
	coef  int64
	scale uint8
	rat   *exact.Rat
}
