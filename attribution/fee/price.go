package fee

import (
	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A table is a line of the terms: what it prices, and how.
type table struct {
	line *terms.Line // that it is of
	name string
	of   string // measure or formula, "" of a flat line
	flat number // of a flat line

	// An own line prices a measure of its version's results or actions, each
	// version by itself. All others are due in the base version only, and read
	// the measures of all versions together.
	own   bool
	term  bool        // over the term: what is billed before is taken off
	due   record.Time // the instant from whose period on it is due, once; 0 is always
	share int         // in mode each, its place among the lines that price the measure so

	mode    pricing
	convert *conversion
	tiers   []tier // the last has no end
	zeroDue bool   // the first tier's flat is due at quantity 0
	below   string // what a quantity below 0 is: zero, negative, hold
	least   *number
	most    *number
	free    *allowance
	adjusts []adjust

	roundTiers, roundEvents bool
	scale                   int
	rounding                exact.Mode
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

// A conversion changes the unit of a quantity.
type conversion struct {
	by       number
	divide   bool
	decimals int
	round    exact.Mode
}

// An allowance is what is free of a period: events, or their quantity.
type allowance struct {
	events      int64 // -1 is no such bound
	amount      number
	bounded     bool // by amount
	independent bool
}

func newTable(t *terms.Terms, l *terms.Line) *table {
	x := &table{
		line: l, name: l.Name, of: l.Of, flat: decimalOr0(l.Flat), term: t.OverOf(l.Of) == "term", due: l.DueAt,
		zeroDue: l.Zero == "due", below: l.BelowZero, adjusts: newAdjusts(l.Adjust),
		roundTiers: t.Rounding.At == "tier", roundEvents: t.Rounding.At == "event", scale: t.Scale, rounding: exact.Mode(t.Rounding.Mode),
	}
	if l.Of == "" {
		// What a flat line is due for once may rest on the whole term.
		for _, a := range l.Adjust {
			x.term = x.term || a.By != "" && t.OverOf(a.By) == "term"
		}
		return x
	}
	// What a line over the term has come to hangs on more than its versions'
	// quantities where it reads a value, or was not due from the beginning.
	if m := t.Measure(l.Of); m != nil && (m.Source == "result" || m.Source == "action") && (m.Op == "count" || m.Op == "sum") {
		x.own = !x.term || x.due == 0 && len(reads(nil, x.adjusts)) == 0
	}
	switch l.Mode {
	case "graduated":
		x.mode = graduated
	case "volume":
		x.mode = volume
	case "each":
		x.mode = each
	default:
		panic("fee: unchecked mode " + l.Mode)
	}
	if c := l.Convert; c != nil {
		x.convert = &conversion{by: decimalOr0(c.Multiply), decimals: c.Decimals, round: exact.Mode(c.Round)}
		if c.Divide != "" {
			x.convert.by, x.convert.divide = mustParse(c.Divide), true
		}
	}
	for _, u := range l.Tiers {
		y := tier{upTo: decimalOr0(u.UpTo), unit: decimalOr0(u.Unit), flat: decimalOr0(u.Flat)}
		if u.Rate != "" {
			y.unit = mustParse(u.Rate)
		}
		if p := u.Package; p != nil {
			y.size, y.price, y.roundUp = mustParse(p.Size), mustParse(p.Price), p.Round == "up"
		}
		x.tiers = append(x.tiers, y)
	}
	if e := l.Each; e != nil {
		x.least, x.most = decimalOrNil(e.AtLeast), decimalOrNil(e.AtMost)
		if f := e.Free; f != nil {
			x.free = &allowance{events: -1, amount: decimalOr0(f.Amount), bounded: f.Amount != "", independent: f.Ends == "independent"}
			if f.Events > 0 {
				x.free.events = f.Events
			}
		}
	}
	return x
}

func decimalOr0(d record.Decimal) number {
	if d == "" {
		return number{}
	}
	return mustParse(d)
}

func decimalOrNil(d record.Decimal) *number {
	if d == "" {
		return nil
	}
	x := mustParse(d)
	return &x
}

// price is the price of a quantity of at least 0, before adjustments.
func (t *table) price(q number) number {
	var sum number
	t.split(q, func(_ int, _, amount number) { sum = sum.add(amount) })
	return sum
}

// one is the price of one result's quantity in mode each, and the tier that
// has it, -1 if none.
func (t *table) one(q number) (amount number, at int) {
	amount, at = t.inTier(q)
	if t.least != nil {
		amount = larger(amount, *t.least)
	}
	if t.most != nil {
		amount = smaller(amount, *t.most)
	}
	if t.roundEvents {
		amount = amount.round(t.scale, t.rounding)
	}
	return amount, at
}

// inTier is what its tier takes for one result's quantity, before any bound.
func (t *table) inTier(q number) (amount number, at int) {
	at = -1
	t.split(q, func(tier int, _, x number) { amount, at = x, tier })
	return amount, at
}

// split calls use for each tier that contributes to the price of q.
func (t *table) split(q number, use func(tier int, quantity, amount number)) {
	if q.sign() <= 0 {
		if t.zeroDue {
			use(0, number{}, t.rounded(t.tiers[0].flat))
		}
		return
	}
	last := len(t.tiers) - 1
	if t.mode != graduated {
		i := 0
		for i < last && q.cmp(t.tiers[i].upTo) > 0 {
			i++
		}
		use(i, q, t.rounded(t.tiers[i].charge(q)))
		return
	}
	var low number
	for i := range t.tiers {
		x := &t.tiers[i]
		if i == last || q.cmp(x.upTo) <= 0 {
			part := q.sub(low)
			use(i, part, t.rounded(x.charge(part)))
			return
		}
		part := x.upTo.sub(low)
		use(i, part, t.rounded(x.charge(part)))
		low = x.upTo
	}
}

// rounded rounds what a tier takes, where that is the agreed place.
func (t *table) rounded(amount number) number {
	if t.roundTiers {
		return amount.round(t.scale, t.rounding)
	}
	return amount
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

// of converts a quantity.
func (c *conversion) of(q number) number {
	if !c.divide {
		return q.mul(c.by).round(c.decimals, c.round)
	}
	r, _ := q.rat().Quo(c.by.rat()) // more than 0
	return numberOf(r.Round(c.decimals, c.round))
}

// walk prices results one by one, in ledger order, less what is free. use
// receives the amount of each, and its tier: -1 where all of it is free.
func (t *table) walk(values []value, use func(v *value, quantity, amount number, tier int)) {
	left := *t.free
	ended := false
	for i := range values {
		v := &values[i]
		rest := v.quantity
		some := !ended // of the allowance is left
		switch {
		case left.independent && left.events > 0:
			left.events--
			use(v, number{}, number{}, -1)
			continue
		case left.independent:
			some = left.amount.sign() > 0
			part := smaller(left.amount, rest)
			left.amount, rest = left.amount.sub(part), rest.sub(part)
		case !ended:
			if left.events > 0 {
				left.events--
			}
			part := rest
			if left.bounded {
				part = smaller(left.amount, rest)
				left.amount = left.amount.sub(part)
			}
			rest = rest.sub(part)
			ended = left.events == 0 || left.bounded && left.amount.sign() <= 0
		default:
			amount, tier := t.one(rest)
			use(v, rest, amount, tier)
			continue
		}
		if rest.sign() <= 0 && some {
			use(v, number{}, number{}, -1)
			continue
		}
		amount, tier := t.one(rest)
		use(v, rest, amount, tier)
	}
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
