package terms

import "github.com/raasledger/raasledger/attribution/exact"

// maxArguments is how many arguments the functions of this file have at most.
const maxArguments = 5

// function evaluates a call whose arguments all have a value. docs/terms.md
// has the formula of each function.
func (v *values) function(n *node) (x number, ok bool) {
	var a [maxArguments]number
	for i, arg := range n.args {
		if a[i], ok = v.number(arg); !ok {
			return number{}, false
		}
	}
	switch n.op {
	case opRatio:
		if x, ok := a[0].by(a[1]); ok {
			return x, true
		}
		return a[2], true
	case opDeadBand:
		if a[0].abs().cmp(a[1]) >= 0 {
			return a[0], true
		}
		return number{}, true
	case opExcess:
		over := a[0].abs().minus(a[1])
		switch {
		case over.sign() <= 0 || a[0].sign() == 0:
			return number{}, true
		case a[0].sign() < 0:
			return over.negated(), true
		}
		return over, true
	case opHoldout:
		return holdout(a[0], a[1], a[2], a[3]), true
	case opHoldoutLower:
		return holdoutLower(a[0], a[1], a[2], a[3], a[4])
	case opDid:
		return a[1].minus(a[0]).minus(a[3].minus(a[2])), true
	case opDidRelative:
		share, ok := a[3].by(a[2])
		return a[1].minus(a[0].times(share)), ok
	case opSqrt:
		return a[0].root()
	case opPower:
		r, ok := exact.Power(a[0].quotient(), a[1].quotient())
		return numberOf(r, v.exact), ok
	}
	panic("terms: function " + n.op.String())
}

// holdout is what the treated group has more than the control group would have
// at its size. Without either of them there is nothing to bill.
func holdout(xt, nt, xc, nc number) number {
	share, ok := nt.by(nc)
	if !ok || nt.sign() == 0 {
		return number{}
	}
	return xt.minus(xc.times(share))
}

// holdoutLower is the lower bound of holdout, z standard errors below it, and
// at least 0.
func holdoutLower(xt, nt, xc, nc, z number) (number, bool) {
	if nt.sign() == 0 || nc.sign() == 0 {
		return number{}, true
	}
	one := number{coef: 1}
	variance := func(x, n number) (p, of number) {
		p, _ = x.by(n)
		of, _ = p.times(one.minus(p)).by(n)
		return p, of
	}
	pt, vt := variance(xt, nt)
	pc, vc := variance(xc, nc)
	deviation, ok := vt.plus(vc).root()
	if !ok {
		return number{}, false
	}
	x := nt.times(pt.minus(pc).minus(z.times(deviation)))
	if x.sign() < 0 {
		return number{}, true
	}
	return x, true
}
