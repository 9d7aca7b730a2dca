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
	upTo    exact.Rat // unused in the last
	unit    exact.Rat // also a rate
	flat    exact.Rat
	size    exact.Rat // of a package, 0 if the tier has none
	price   exact.Rat // of a package
	roundUp bool      // packages begun are packages used
}

type adjust struct {
	op     string // at_least, at_most
	amount exact.Rat
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
	amount := func(d record.Decimal) exact.Rat {
		if d == "" {
			return exact.Rat{}
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
func (t *table) price(q exact.Rat) exact.Rat {
	var sum exact.Rat
	t.split(q, func(_ int, _, amount exact.Rat) { sum = sum.Add(amount) })
	return sum
}

// split calls use for each tier that contributes to the price of q.
func (t *table) split(q exact.Rat, use func(tier int, quantity, amount exact.Rat)) {
	if q.Sign() <= 0 {
		if t.zeroDue {
			use(0, exact.Rat{}, t.tiers[0].flat)
		}
		return
	}
	last := len(t.tiers) - 1
	if t.mode != graduated {
		i := 0
		for i < last && q.Cmp(t.tiers[i].upTo) > 0 {
			i++
		}
		use(i, q, t.tiers[i].charge(q))
		return
	}
	var low exact.Rat
	for i := range t.tiers {
		x := &t.tiers[i]
		if i == last || q.Cmp(x.upTo) <= 0 {
			part := q.Sub(low)
			use(i, part, x.charge(part))
			return
		}
		part := x.upTo.Sub(low)
		use(i, part, x.charge(part))
		low = x.upTo
	}
}

// charge is what a tier takes for its part of a quantity.
func (x *tier) charge(part exact.Rat) exact.Rat {
	amount := x.unit.Mul(part)
	if x.size.Sign() > 0 {
		count, _ := part.Quo(x.size)
		mode := exact.Down
		if x.roundUp {
			mode = exact.Up
		}
		amount = count.Round(0, mode).Mul(x.price)
	}
	return amount.Add(x.flat)
}

// price is what a slot costs before adjustments. The lines of the base version
// are due in any case; those of another version only with claims behind them.
func (y *tally) price(t *table, base bool) exact.Rat {
	switch {
	case t.mode == each:
		return y.sum
	case y.claims == 0 && !base:
		return exact.Rat{}
	}
	return t.price(y.quantity)
}

// amount is what a slot costs after the adjustments of its line. step, if not
// nil, receives each of them.
func (y *tally) amount(t *table, base bool, step func(a adjust, before, after exact.Rat)) exact.Rat {
	x := y.price(t, base)
	if y.claims == 0 && !base {
		return x
	}
	return adjusted(x, t.adjusts, step)
}

func adjusted(x exact.Rat, list []adjust, step func(a adjust, before, after exact.Rat)) exact.Rat {
	for _, a := range list {
		before := x
		switch a.op {
		case "at_least":
			x = exact.Max(x, a.amount)
		case "at_most":
			x = exact.Min(x, a.amount)
		default:
			panic("fee: unchecked adjustment " + a.op)
		}
		if step != nil {
			step(a, before, x)
		}
	}
	return x
}

// share hands out total, a whole number of units of 10^-scale, by weight:
// every part rounded down, then a unit each to the largest remainders, the
// first of equal ones first. The weights add up to sum, which is not 0.
func share(total exact.Rat, weights []exact.Rat, sum exact.Rat, scale int) []exact.Rat {
	parts := make([]exact.Rat, len(weights))
	for i, w := range weights {
		parts[i], _ = total.Mul(w).Quo(sum)
	}
	return roundParts(parts, total, scale)
}

// roundParts rounds parts to units of 10^-scale so that they add up to total.
func roundParts(parts []exact.Rat, total exact.Rat, scale int) []exact.Rat {
	rounded := make([]exact.Rat, len(parts))
	rests := make([]exact.Rat, len(parts))
	left := total
	for i, p := range parts {
		mode := exact.Down
		if p.Sign() < 0 {
			mode = exact.Up
		}
		rounded[i] = p.Round(scale, mode) // the floor
		rests[i] = p.Sub(rounded[i])
		left = left.Sub(rounded[i])
	}
	unit := unitOf(scale)
	for left.Sign() > 0 {
		most := 0
		for i := range rests {
			if rests[i].Cmp(rests[most]) > 0 {
				most = i
			}
		}
		rounded[most] = rounded[most].Add(unit)
		rests[most] = exact.Int(-1)
		left = left.Sub(unit)
	}
	return rounded
}

func unitOf(scale int) exact.Rat {
	ten := int64(1)
	for range scale {
		ten *= 10
	}
	unit, _ := exact.Int(1).Quo(exact.Int(ten))
	return unit
}
