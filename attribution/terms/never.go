package terms

import (
	"cmp"
	"fmt"
)

// never says why a condition can be true for no record, "" where it may be for
// one. It sees what contradicts itself in so many words: conditions that are
// joined by && and hold one name to fixed values between which there is none.
// What it does not see is no mistake.
func never(root *node) string {
	held := map[string]*bounds{}
	why := ""
	var walk func(n *node)
	walk = func(n *node) {
		switch n.op {
		case opAnd:
			walk(n.args[0])
			walk(n.args[1])
		case opName:
			hold(held, n.name).is(n, opEqual, &node{op: opLiteral, kind: kindBool, truth: yes}, n.name, &why)
		case opNot:
			if x := n.args[0]; x.op == opName {
				hold(held, x.name).is(x, opEqual, &node{op: opLiteral, kind: kindBool, truth: no}, "!"+x.name, &why)
			}
		case opEqual, opLess, opAtMost, opMore, opAtLeast:
			name, value, op := n.args[0], n.args[1], n.op
			if name.op != opName {
				name, value, op = value, name, mirrored[op]
			}
			if name.op == opName && (value.op == opLiteral || value.fixed) {
				hold(held, name.name).is(name, op, value, name.name+" "+op.String()+" "+value.literal(), &why)
			}
		}
	}
	walk(root)
	return why
}

var mirrored = map[op]op{opEqual: opEqual, opLess: opMore, opAtMost: opAtLeast, opMore: opLess, opAtLeast: opAtMost}

func hold(held map[string]*bounds, name string) *bounds {
	if held[name] == nil {
		held[name] = &bounds{}
	}
	return held[name]
}

// bounds are the tightest bounds of a name so far, nil where there is none.
type bounds struct{ low, high *limit }

type limit struct {
	at     *node
	strict bool
	text   string // of the condition
}

// is narrows the bounds, and says which two leave nothing.
func (b *bounds) is(name *node, op op, value *node, text string, why *string) {
	if name.kind != value.kind {
		return // a mistake of its own
	}
	strict := op == opLess || op == opMore
	if op != opLess && op != opAtMost {
		if c := b.low.compare(value); b.low == nil || c < 0 || c == 0 && strict {
			b.low = &limit{value, strict, text}
		}
	}
	if op != opMore && op != opAtLeast {
		if c := b.high.compare(value); b.high == nil || c > 0 || c == 0 && strict {
			b.high = &limit{value, strict, text}
		}
	}
	if *why != "" || b.low == nil || b.high == nil {
		return
	}
	if c := b.low.compare(b.high.at); c > 0 || c == 0 && (b.low.strict || b.high.strict) {
		*why = fmt.Sprintf("%s contradicts %s", b.low.text, b.high.text)
	}
}

// compare is the limit's value against another of its type.
func (l *limit) compare(with *node) int {
	if l == nil {
		return 0
	}
	switch with.kind {
	case kindDecimal:
		return l.at.number.cmp(with.number)
	case kindText:
		return cmp.Compare(l.at.text, with.text)
	case kindBool:
		return cmp.Compare(l.at.truth, with.truth)
	}
	return cmp.Compare(l.at.instant, with.instant)
}

// literal is a fixed value as it stands in an expression.
func (n *node) literal() string {
	switch n.kind {
	case kindDecimal:
		return n.number.quotient().String()
	case kindDuration:
		return Duration(n.instant).String()
	}
	return quote(n.text)
}
