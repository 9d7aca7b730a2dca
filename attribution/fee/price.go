package fee

import (
	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A table is the price table of a line.
type table struct {
	name    string
	mode    pricing
	tiers   []tier // the last has no end
	zeroDue bool   // the first tier's flat is due at quantity 0
	adjusts []adjust
}

type pricing uint8

const (
	graduated pricing = iota
	volume
	each
)

// A tier prices quantities above the tier before, up to and with upTo.
type tier struct {
	upTo    number // unused in the last
	unit    number // also a rate
	flat    number
	size    number // of a package, 0 if the tier has none
	price   number // of a package
	roundUp bool   // packages begun are packages used
}

type adjust struct {
	op     string // at_least, at_most
	amount number
}

func newTable(l terms.Line) *table {
	t := &table{name: l.Name, zeroDue: l.Zero == "due", adjusts: newAdjusts(l.Adjust)}
	switch l.Mode {
	case "graduated":
		t.mode = graduated
	case "volume":
		t.mode = volume
	case "each":
		t.mode = each
	default:
		panic("fee: unchecked mode " + l.Mode)
	}
	amount := func(d record.Decimal) number {
		if d == "" {
			return number{}
		}
		return mustParse(d)
	}
	for _, u := range l.Tiers {
		x := tier{upTo: amount(u.UpTo), unit: amount(u.Unit), flat: amount(u.Flat)}
		if u.Rate != "" {
			x.unit = amount(u.Rate)
		}
		if p := u.Package; p != nil {
			x.size, x.price, x.roundUp = amount(p.Size), amount(p.Price), p.Round == "up"
		}
		t.tiers = append(t.tiers, x)
	}
	return t
}

func newAdjusts(list []terms.Adjustment) []adjust {
	var out []adjust
	for _, a := range list {
		out = append(out, adjust{a.Op, mustParse(a.Amount)})
	}
	return out
}

// price is the price of a quantity, before adjustments. In mode each it is the
// price of one claim's own quantity. A quantity below 0 is priced as 0.
func (t *table) price(q number) number {
	var sum number
	t.split(q, func(_ int, _, amount number) { sum = sum.add(amount) })
	return sum
}

// split calls use for each tier that contributes to the price of q.
func (t *table) split(q number, use func(tier int, quantity, amount number)) {
	if q.sign() <= 0 {
		if t.zeroDue {
			use(0, number{}, t.tiers[0].flat)
		}
		return
	}
	last := len(t.tiers) - 1
	if t.mode != graduated {
		i := 0
		for i < last && q.cmp(t.tiers[i].upTo) > 0 {
			i++
		}
		use(i, q, t.tiers[i].charge(q))
		return
	}
	var low number
	for i := range t.tiers {
		x := &t.tiers[i]
		if i == last || q.cmp(x.upTo) <= 0 {
			part := q.sub(low)
			use(i, part, x.charge(part))
			return
		}
		part := x.upTo.sub(low)
		use(i, part, x.charge(part))
		low = x.upTo
	}
}

// charge is what a tier takes for its part of a quantity.
func (x *tier) charge(part number) number {
	amount := x.unit.mul(part)
	if x.size.sign() > 0 {
		mode := exact.Down
		if x.roundUp {
			mode = exact.Up
		}
		amount = part.per(x.size, mode).mul(x.price)
	}
	return amount.add(x.flat)
}

// price is what a slot costs before adjustments. The lines of the base version
// are due in any case; those of another version only with claims behind them.
func (y *tally) price(t *table, base bool) number {
	switch {
	case t.mode == each:
		return y.sum
	case y.claims == 0 && !base:
		return number{}
	}
	return t.price(y.quantity)
}

// amount is what a slot costs after the adjustments of its line. step, if not
// nil, receives each of them.
func (y *tally) amount(t *table, base bool, step func(a adjust, before, after number)) number {
	x := y.price(t, base)
	if y.claims == 0 && !base {
		return x
	}
	return adjusted(x, t.adjusts, step)
}

func adjusted(x number, list []adjust, step func(a adjust, before, after number)) number {
	for _, a := range list {
		before := x
		switch a.op {
		case "at_least":
			x = larger(x, a.amount)
		case "at_most":
			x = smaller(x, a.amount)
		default:
			panic("fee: unchecked adjustment " + a.op)
		}
		if step != nil {
			step(a, before, x)
		}
	}
	return x
}

// parts rounds the parts of a total, which is a whole number of units of
// 10^-scale, so that they add up to it: every part down, then a unit each to
// the largest remainders, of equal ones the first.
func parts(of []exact.Rat, total number, scale int) []number {
	rounded := make([]number, len(of))
	rests := make([]exact.Rat, len(of))
	left := total
	for i, p := range of {
		mode := exact.Down
		if p.Sign() < 0 {
			mode = exact.Up
		}
		floor := p.Round(scale, mode)
		rests[i] = p.Sub(floor)
		rounded[i] = numberOf(floor)
		left = left.sub(rounded[i])
	}
	unit := number{units: 1, decimals: uint8(scale)}
	for ; left.sign() > 0; left = left.sub(unit) {
		most := 0
		for i := range rests {
			if rests[i].Cmp(rests[most]) > 0 {
				most = i
			}
		}
		rounded[most] = rounded[most].add(unit)
		rests[most] = exact.Int(-1)
	}
	return rounded
}
