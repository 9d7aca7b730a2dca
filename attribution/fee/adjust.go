package fee

import (
	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// An adjust changes a quantity or an amount, as the terms say.
type adjust struct {
	op     string
	amount number // of include, percent_off, at_least, at_most

	prorated bool    // a bound that goes with the share of the period that the term covers
	rolls    bool    // what an include leaves unused goes into the next period
	rollsTo  *number // nil is without bound

	by      string // measure or formula of times and factor
	steps   []step // rising
	below   number
	standIn *number // for a value that is undefined, nil holds the line
}

type step struct{ from, times number }

func newAdjusts(list []terms.Adjustment) []adjust {
	var out []adjust
	for _, a := range list {
		x := adjust{
			op: a.Op, amount: decimalOr0(a.Amount), prorated: a.Partial == "prorated",
			rolls: a.Unused == "rolls", rollsTo: decimalOrNil(a.RollsTo),
			by: a.By, below: decimalOr0(a.Below),
		}
		if a.Undefined != "hold" && a.Undefined != "" {
			x.standIn = decimalOrNil(record.Decimal(a.Undefined))
		}
		for _, s := range a.Steps {
			x.steps = append(x.steps, step{mustParse(s.From), mustParse(s.Times)})
		}
		out = append(out, x)
	}
	return out
}

// included is the include of a list, nil if it has none.
func included(list []adjust) *adjust {
	if len(list) > 0 && list[0].op == "include" {
		return &list[0]
	}
	return nil
}

// A setting is where adjustments happen: the values that they read, the share
// of the period that the term covers, and the rounding of a prorated bound.
type setting struct {
	value          func(name string) (number, bool)
	covered, whole int64
	scale          int
	mode           exact.Mode
	step           func(op string, before, after number) // nil, or receives each of them
}

// adjusted applies the adjustments of an amount in their order. ok is false
// where one of them reads a value that is not there, and the terms say hold.
func (g *setting) adjusted(x number, list []adjust) (after number, ok bool) {
	if !x.below(maxWhole) {
		return number{}, false // no statement can say it
	}
	for i := range list {
		a := &list[i]
		before := x
		switch a.op {
		case "include":
			continue // done to the quantity
		case "at_least":
			x = larger(x, g.bound(a))
		case "at_most":
			x = smaller(x, g.bound(a))
		case "percent_off":
			x = x.mul(number{units: 100}.sub(a.amount)).mul(number{units: 1, decimals: 2})
		case "prorate":
			x = g.share(x)
		case "times", "factor":
			f, ok := g.value(a.by)
			switch {
			case !ok && a.standIn == nil:
				return number{}, false
			case !ok:
				f = *a.standIn
			case a.op == "factor":
				f = a.factor(f)
			}
			x = x.mul(f)
		default:
			panic("fee: unchecked adjustment " + a.op)
		}
		if !x.below(maxWhole) {
			return number{}, false
		}
		if g.step != nil {
			g.step(a.op, before, x)
		}
	}
	return x, true
}

// factor is the factor of the last step that a value reaches.
func (a *adjust) factor(v number) number {
	f := a.below
	for _, s := range a.steps {
		if v.cmp(s.from) < 0 {
			break
		}
		f = s.times
	}
	return f
}

// bound is the amount of at_least or at_most. What is prorated is rounded
// before anything is compared with it.
func (g *setting) bound(a *adjust) number {
	if !a.prorated || g.covered == g.whole {
		return a.amount
	}
	return g.share(a.amount).round(g.scale, g.mode)
}

// share is the part of an amount that goes with the covered part of the period.
func (g *setting) share(x number) number {
	if g.covered == g.whole {
		return x
	}
	r, _ := x.mul(number{units: g.covered}).rat().Quo(exact.Int(g.whole)) // more than 0
	return numberOf(r)
}

// reads are the names that a list of adjustments reads, without doubles.
func reads(names []string, list []adjust) []string {
	for i := range list {
		if by := list[i].by; by != "" && !contains(names, by) {
			names = append(names, by)
		}
	}
	return names
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
