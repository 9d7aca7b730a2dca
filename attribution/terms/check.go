package terms

import (
	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// check finds the kind of a node from those of its arguments.
func (p *parser) check(n *node) *node {
	if p.form != nil {
		return n
	}
	p.wantTimes(n)
	a := n.args[0].kind
	b := n.args[len(n.args)-1].kind
	for _, arg := range n.args {
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
		n.size = sizeOf(n)
		p.digits += n.size.digits()
		if n.op == opPower {
			p.digits += powerWork
		}
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
	case opRatio, opDeadBand, opExcess, opHoldout, opHoldoutLower, opDid, opDidRelative, opSqrt, opPower:
		want := 0
		for _, f := range functions {
			if f.op == n.op {
				want = f.arguments
			}
		}
		if len(n.args) != want {
			p.failType(n.column, "%s has %s, want %d", n.op, many(len(n.args), "argument"), want)
			return n
		}
		for _, arg := range n.args {
			if arg.kind != kindDecimal {
				p.failType(arg.column, "%s wants decimals, got %s", n.op, arg.kind)
				return n
			}
		}
		n.kind = kindDecimal
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
	if digits := n.size.digits(); n.kind == kindDecimal && digits > MaxExprDigits {
		p.failType(n.column, "%s may give a number of %d digits, at most %d", n.op, digits, MaxExprDigits)
		n.kind = kindUnknown
		return n
	}
	p.fix(n)
	return n
}

// fix computes a decimal that hangs on no name, and refuses one that has no
// value.
func (p *parser) fix(n *node) {
	if n.kind != kindDecimal {
		return
	}
	for _, arg := range n.args {
		if !arg.fixed {
			// It may have a value or not, but never by 0.
			if divisor := n.args[len(n.args)-1]; n.op == opDivide && divisor.fixed && divisor.number.sign() == 0 {
				p.failType(n.column, "/ by 0, which has no value")
				n.kind = kindUnknown
			}
			return
		}
	}
	var v values
	x, ok := v.number(n)
	switch {
	case ok:
		n.fixed, n.number = true, x
		return
	case n.op == opDivide:
		p.failType(n.column, "/ by 0, which has no value")
	default:
		p.failType(n.column, "%s of these numbers has no value", n.op)
	}
	n.kind = kindUnknown
}

// wantTimes turns a text in the form of a time into that time where the other
// side is a time, or what is added to one.
func (p *parser) wantTimes(n *node) {
	var times bool
	for _, arg := range n.args {
		times = times || arg.kind == kindTime
	}
	switch n.op {
	case opEqual, opNotEqual, opLess, opAtMost, opMore, opAtLeast, opMin, opMax, opSubtract:
	case opAdd:
		times = n.args[1].kind == kindDuration
	default:
		return
	}
	if n.op == opSubtract && n.args[1].kind == kindDuration {
		times = true
	}
	if !times {
		return
	}
	for _, arg := range n.args {
		if arg.kind != kindText || arg.op != opLiteral {
			continue
		}
		at, err := record.ParseTime(arg.text)
		if err != nil {
			p.failType(arg.column, "%v", err)
			arg.kind = kindUnknown
			continue
		}
		arg.kind, arg.instant = kindTime, int64(at)
	}
}

// A size bounds the digits of a number: of a decimal those before the point and
// behind it, of a quotient those of both its integers together.
type size struct {
	before, behind int
	quotient       bool // behind is 0
}

func (s size) digits() int { return s.before + s.behind }

// sizeOf bounds the digits of a decimal by those of what it is computed from.
func sizeOf(n *node) (s size) {
	// The rules of docs/terms.md: quotients have common denominators that
	// multiply, decimals do not.
	sum, quotient := 0, false
	for _, arg := range n.args {
		sum += arg.size.digits() + 1
		quotient = quotient || arg.size.quotient
	}
	switch n.op {
	case opPower:
		return size{before: record.MaxDigits, behind: exact.InexactDecimals}
	case opSqrt:
		return size{before: sum, behind: exact.InexactDecimals}
	case opHoldoutLower:
		// The rates stand squared, and by the counts, under the root.
		return size{before: 4*sum + 2*exact.InexactDecimals, quotient: true}
	case opMultiply:
		if !quotient {
			a, b := n.args[0].size, n.args[1].size
			return size{before: a.before + b.before + 2, behind: a.behind + b.behind}
		}
	case opAdd, opSubtract, opNegate, opAbs, opMin, opMax, opDeadBand, opExcess, opDid:
		if !quotient {
			for _, arg := range n.args {
				s.before, s.behind = max(s.before, arg.size.before), max(s.behind, arg.size.behind)
			}
			s.before += len(n.args)
			return s
		}
	}
	return size{before: sum, quotient: true}
}

// powerWork is what a power costs, in digits on the way.
const powerWork = 2 << 10
