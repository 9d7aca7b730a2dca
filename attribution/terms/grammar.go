package terms

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/record"
)

// An operator of the tree that an expression is parsed into.
type op uint8

const (
	opLiteral op = iota
	opName
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
	opRatio
	opDeadBand
	opExcess
	opHoldout
	opHoldoutLower
	opDid
	opDidRelative
	opSqrt
	opPower
)

// A function is an operator that is called by its name.
type function struct {
	name      string
	op        op
	arguments int
}

// functions are the operators that are called by a name, with how many
// arguments they take: 0 stands for two or more.
var functions = [...]function{
	{"abs", opAbs, 1},
	{"dead_band", opDeadBand, 2},
	{"did", opDid, 4},
	{"did_relative", opDidRelative, 4},
	{"excess", opExcess, 2},
	{"holdout", opHoldout, 4},
	{"holdout_lower", opHoldoutLower, 5},
	{"max", opMax, 0},
	{"min", opMin, 0},
	{"power", opPower, 2},
	{"ratio", opRatio, 3},
	{"sqrt", opSqrt, 1},
}

// occurred is the name of the instant of the record in a condition.
const occurred = "occurred"

// String is the operator as it is written.
func (o op) String() string {
	switch o {
	case opLiteral:
		return "literal"
	case opName:
		return "name"
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
	}
	for _, f := range functions {
		if f.op == o {
			return f.name
		}
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
	args   []*node // more than two only of functions

	name    string // opName
	text    string // literals
	truth   truth
	instant int64 // milliseconds, of durations and times
	number  number

	// fixed is set where a decimal is the same whatever the names stand for;
	// number is then its value.
	fixed bool
	size  size // of a decimal
}

// isReserved reports whether a word means something in expressions, so that
// nothing can be named so.
func isReserved(name string) bool {
	return isFunction(name) || name == "true" || name == "false" || name == occurred
}

// A named number is what a name of a formula stands for.
type named struct {
	kind   kind // kindUnknown where it has a mistake of its own
	size   size
	work   int // of a formula: digits on the way
	fixed  bool
	number number // of a constant
}

// A parser reads an expression by precedence. The first mistake of form ends
// it; mistakes of type are all kept.
type parser struct {
	text  string
	i     int // of the next token
	tok   string
	at    int // of tok
	facts []FactType
	// numbers finds the names of a formula. It is nil in a condition, whose
	// names are facts.
	numbers func(name string) (named, bool)
	depth   int
	// digits is how many all numbers on the way may have together.
	digits int
	form   error
	types  []error
}

// compile parses text and checks it.
func compile(text string, facts []FactType, want kind) (*node, []error) {
	p := &parser{text: text, facts: facts}
	return p.compile(want), p.mistakes()
}

// compile reads the whole text as an expression of a kind.
func (p *parser) compile(want kind) *node {
	if len(p.text) > MaxExprBytes {
		p.form = fmt.Errorf("expression has %d bytes, at most %d", len(p.text), MaxExprBytes)
		return nil
	}
	p.next()
	n := p.binary(0)
	if p.form == nil && p.tok != "" {
		p.failForm("got %s, want an operator or the end", quote(p.tok))
	}
	if p.form != nil {
		return nil
	}
	if n.kind != want && n.kind != kindUnknown {
		p.failType(n.column, "expression is a %s, want a %s", n.kind, want)
	}
	if p.digits > MaxExprWork {
		p.failType(1, "the numbers on the way may have %d digits together, at most %d", p.digits, MaxExprWork)
	}
	return n
}

func (p *parser) mistakes() []error {
	if p.form != nil {
		return []error{p.form}
	}
	return p.types
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
	case isFunction(tok):
		return p.call(n, tok)
	case tok[0] >= '0' && tok[0] <= '9':
		p.literal(n, tok)
	case isWord(tok[0]):
		p.name(n, tok)
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
	n.fixed, n.size = true, sizeOfDecimal(tok)
}

// name reads a fact, or what stands for a number in a formula.
func (p *parser) name(n *node, tok string) {
	n.op, n.name = opName, tok
	if p.numbers != nil {
		of, ok := p.numbers(tok)
		if !ok {
			p.failType(n.column, "unknown name %s: want a measure, a constant or a formula", quote(tok))
			return
		}
		n.kind, n.size, n.fixed, n.number = of.kind, of.size, of.fixed, of.number
		p.digits += of.work
		return
	}
	if tok == occurred {
		n.kind = kindTime
		return
	}
	for i := range p.facts {
		if p.facts[i].Name == tok {
			n.kind = kindOf(p.facts[i].Type)
			n.size = size{before: record.MaxDigits, behind: record.MaxDecimals}
			return
		}
	}
	p.failType(n.column, "unknown fact %s", quote(tok))
}

func isFunction(name string) bool {
	return slices.ContainsFunc(functions[:], func(f function) bool { return f.name == name })
}

func (p *parser) call(n *node, name string) *node {
	for _, f := range functions {
		if f.name == name {
			n.op = f.op
		}
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
