package fee

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A reckoning is what a line comes to, with all that leads there.
type reckoning struct {
	table    *table
	version  *version
	quantity bookValue
	before   bookValue // of a line over the term
	held     bool      // something has no value: the amount is 0
	amount   number    // exact, or rounded where that is the line's place and it is a difference
	reads    []record.Reading
	tiers    []record.TierUse
	steps    []record.Adjustment
	behind   []*change // what of this statement is behind it
}

// reckon works out a line of the period that is settled: for a line over the
// term, what it has come to since the statement before.
func (z *settlement) reckon(v *version, i int) (r reckoning, due bool) {
	t := v.tables[i]
	r = reckoning{table: t, version: v}
	if t.own {
		if y := z.current[v.number-1][v.measure(t.of)]; y != nil {
			r.behind = append(r.behind, y)
		}
	} else {
		for _, name := range v.reads(t) {
			r.behind = append(r.behind, z.changesOf(name)...)
		}
	}
	base := v.number == z.base
	switch {
	case t.term && z.later:
		return r, false
	case t.due != 0 && !t.term && (t.due < z.period.From || t.due >= z.period.Until):
		return r, false
	case t.own && !base && !slices.ContainsFunc(r.behind, func(y *change) bool { return y.claims > 0 || y.before.claims != y.after.claims }):
		return r, false
	case !t.own && !base:
		return r, false
	case t.term && t.own:
		z.reckonOwnTerm(&r, v)
		return r, true
	case t.term:
		if t.due != 0 && t.due >= z.period.Until {
			return r, false
		}
		z.reckonTerm(&r, v)
		return r, true
	}
	x := z.lineOf(v, i, z.period, true, &r)
	r.quantity, r.amount, r.held = x.quantity, x.amount.number, !x.amount.ok
	return r, true
}

// changesOf are the changes of the measures of that name, in this period or of
// the term.
func (z *settlement) changesOf(name string) []*change {
	var list []*change
	for _, w := range z.s.versions {
		if k := w.measure(name); k >= 0 && w.number > z.s.excluded {
			if y := z.current[w.number-1][k]; y != nil {
				list = append(list, y)
			}
		}
	}
	return list
}

// reads are the measures that a line reads beside the one that it prices by
// itself, what stands in for them included.
func (v *version) reads(t *table) []string {
	var names []string
	var add func(name string)
	add = func(name string) {
		for _, m := range v.terms.Reads(name) {
			if contains(names, m) {
				continue
			}
			names = append(names, m)
			if missing := v.measures[v.measure(m)].Missing; missing != nil && missing.Measure != "" {
				add(missing.Measure)
			}
		}
	}
	if t.of != "" && !t.own {
		add(t.of)
	}
	for _, name := range reads(nil, t.adjusts) {
		add(name)
	}
	return names
}

// A lineAmount is a line's quantity and amount; either may have no value.
type lineAmount struct{ quantity, amount bookValue }

// lineOf works out a line of a period, before or after the statement. show, if
// not nil, receives how.
func (z *settlement) lineOf(v *version, i int, period terms.Period, after bool, show *reckoning) (x lineAmount) {
	t := v.tables[i]
	b := z.book(v, period.From, after)
	if t.due != 0 && (t.due < period.From || t.due >= period.Until) {
		return lineAmount{amount: bookValue{ok: true}}
	}
	g := z.setting(b, period, show)
	switch {
	case t.of == "":
		x.amount = z.finish(t, g, t.flat, show)
		return x
	case t.own:
		at := z.slotOf(period.From, v, v.measure(t.of))
		y := z.tally(at, after)
		if y == nil {
			y = new(tally)
		}
		x.quantity = bookValue{y.quantity, true}
		base := z.baseOf(period.From) == v.number
		switch {
		case y.claims == 0 && !base:
			x.amount.ok = true
			return x
		case t.mode == each:
			x.amount = z.finish(t, g, z.eachSum(t, at, y, show), show)
			return x
		}
	default:
		x.quantity.number, x.quantity.ok = b.value(t.of)
	}
	amount, ok := z.priced(t, x.quantity, z.includedIn(t, period.From, after), show)
	if !ok {
		return x
	}
	x.amount = z.finish(t, g, amount, show)
	return x
}

// eachSum is what results priced one by one come to.
func (z *settlement) eachSum(t *table, at slot, y *tally, show *reckoning) number {
	if t.free == nil {
		if show != nil {
			if c := z.changes[at]; c != nil && t.share < len(c.uses) {
				show.showTiers(t, c.uses[t.share])
			}
		}
		if t.share < len(y.sums) {
			return y.sums[t.share]
		}
		return number{}
	}
	var sum number
	uses := map[int]tierUse{}
	t.walk(y.values, func(_ *value, quantity, amount number, tier int) {
		sum = sum.add(amount)
		if tier >= 0 {
			u := uses[tier]
			uses[tier] = tierUse{u.quantity.add(quantity), u.amount.add(amount)}
		}
	})
	if show != nil {
		show.showTiers(t, uses)
	}
	return sum
}

func (r *reckoning) showTiers(t *table, uses map[int]tierUse) {
	for i := range t.tiers {
		if u, ok := uses[i]; ok {
			r.tiers = append(r.tiers, record.TierUse{Tier: int64(i), Quantity: display(u.quantity), Amount: display(u.amount)})
		}
	}
}

// priced is the price of a line's quantity; ok is false where it has none.
func (z *settlement) priced(t *table, quantity bookValue, free number, show *reckoning) (amount number, ok bool) {
	if !quantity.ok {
		return number{}, false
	}
	q, sign := quantity.number, one
	if q.sign() < 0 {
		switch t.below {
		case "hold":
			return number{}, false
		case "negative":
			q, sign = q.neg(), minusOne
		default:
			q = number{}
		}
	}
	step := func(op string, before, after number) {
		if show != nil {
			show.steps = append(show.steps, record.Adjustment{Op: op, Before: display(before), After: display(after)})
		}
	}
	if t.convert != nil {
		before := q
		q = t.convert.of(q)
		step("convert", before, q)
	}
	if included(t.adjusts) != nil {
		before := q
		q = larger(q.sub(free), number{})
		step("include", before, q)
	}
	t.split(q, func(tier int, quantity, x number) {
		amount = amount.add(x)
		if show != nil {
			show.tiers = append(show.tiers, record.TierUse{Tier: int64(tier), Quantity: display(quantity.mul(sign)), Amount: display(x.mul(sign))})
		}
	})
	return amount.mul(sign), true
}

// includedIn is the quantity that a line includes in a period.
func (z *settlement) includedIn(t *table, period record.Time, after bool) number {
	a := included(t.adjusts)
	switch {
	case a == nil:
		return number{}
	case !a.rolls:
		return a.amount
	case period != z.period.From:
		if x, ok := z.s.included[lineSlot{period, t.name}]; ok {
			return x
		}
		return a.amount
	}
	x := a.amount.add(z.s.rolled[t.name])
	if a.rollsTo != nil {
		x = smaller(x, *a.rollsTo)
	}
	return x
}

// roll notes what lines that roll included in this period, and what is left of
// it for the next.
func (z *settlement) roll() {
	z.included, z.rolled = map[lineSlot]number{}, map[string]number{}
	if z.base == 0 {
		return
	}
	v := z.s.versions[z.base-1]
	for i, t := range v.tables {
		a := included(t.adjusts)
		if a == nil || !a.rolls || t.term {
			continue
		}
		free := z.includedIn(t, z.period.From, true)
		z.included[lineSlot{z.period.From, t.name}] = free
		x := z.lineOf(v, i, z.period, true, nil)
		q := larger(x.quantity.number, number{})
		if t.convert != nil {
			q = t.convert.of(q)
		}
		if left := free.sub(q); left.sign() > 0 {
			z.rolled[t.name] = left
		}
	}
}

// finish applies the adjustments of a line.
func (z *settlement) finish(t *table, g *setting, amount number, show *reckoning) bookValue {
	x, ok := g.adjusted(amount, t.adjusts)
	if show != nil {
		for _, name := range reads(nil, t.adjusts) {
			show.reads = append(show.reads, shownValue(name, g.value))
		}
	}
	return bookValue{x, ok}
}

// shownValue is one value that is read, as it is shown.
func shownValue(name string, value func(string) (number, bool)) record.Reading {
	x, ok := value(name)
	if !ok {
		return record.Reading{Name: name}
	}
	return record.Reading{Name: name, Value: display(x)}
}

// setting is where the adjustments of a period happen.
func (z *settlement) setting(b *book, period terms.Period, show *reckoning) *setting {
	g := &setting{value: b.value, covered: 1, whole: 1, scale: z.terms.Scale, mode: exact.Mode(z.terms.Rounding.Mode)}
	g.covered, g.whole = z.s.standing.Covered(period)
	if show != nil {
		g.step = func(op string, before, after number) {
			show.steps = append(show.steps, record.Adjustment{Op: op, Before: display(before), After: display(after)})
		}
	}
	return g
}

// baseOf is the version whose lines are due in a period in any case.
func (z *settlement) baseOf(period record.Time) int64 {
	if period == z.period.From {
		return z.base
	}
	p, _ := z.s.periodAt(period)
	return p.base
}

// begun reports whether a statement that is owed came before.
func (z *settlement) begun() bool {
	return len(z.s.periods) > 0 && z.s.lastPeriod().base > z.s.excluded
}

// reckonOwnTerm works out a line over the term that each version prices by
// itself. The versions count on from each other in their order, so what all of
// them take is what the last one leads to.
func (z *settlement) reckonOwnTerm(r *reckoning, v *version) {
	t := r.table
	m := v.measures[v.measure(t.of)]
	from, to := z.termUpTo(m, v.number)
	r.before, r.quantity = bookValue{from, true}, bookValue{to, true}
	b := z.book(v, z.period.From, true)
	g := z.setting(b, z.period, nil)
	g.covered, g.whole = 1, 1
	total := func(q number, sums *tally, show *reckoning) number {
		if show != nil {
			g.step = func(op string, before, after number) {
				show.steps = append(show.steps, record.Adjustment{Op: op, Before: display(before), After: display(after)})
			}
		}
		var x number
		if t.mode == each {
			if t.share < len(sums.sums) {
				x = sums.sums[t.share]
			}
		} else {
			var free number
			if a := included(t.adjusts); a != nil {
				free = a.amount
			}
			x, _ = z.priced(t, bookValue{q, true}, free, show)
		}
		y := z.finish(t, g, x, show)
		if !y.ok {
			r.held = true
		}
		return y.number
	}
	at := slot{never, v.number, v.measure(t.of)}
	change := z.change(at)
	var prior number
	var priorTiers []record.TierUse
	if z.begun() {
		was := reckoning{table: t}
		prior = total(from, &change.before, &was)
		priorTiers = was.tiers
	}
	g.step = nil
	now := total(to, &change.after, r)
	if r.held {
		return
	}
	if t.mode == each {
		if t.share < len(change.uses) {
			r.showTiers(t, change.uses[t.share])
		}
	} else {
		r.tiers = lessTiers(r.tiers, priorTiers)
	}
	r.amount = z.gained(prior, now)
}

// termUpTo is what the measure of that name came to over the term before and
// after the version's own change, all versions in their order.
func (z *settlement) termUpTo(m *measure, upTo int64) (from, to number) {
	for _, w := range z.s.versions {
		i := w.measure(m.Name)
		if i < 0 || w.number <= z.s.excluded || !w.measures[i].term {
			continue
		}
		at := slot{never, w.number, i}
		before, after := z.tally(at, false), z.tally(at, true)
		take := func(y *tally) (q number) {
			if y != nil {
				q = y.quantity
			}
			return q
		}
		switch {
		case w.number < upTo:
			from, to = from.add(take(after)), to.add(take(after))
		case w.number == upTo:
			from, to = from.add(take(before)), to.add(take(after))
		default:
			from, to = from.add(take(before)), to.add(take(before))
		}
	}
	return from, to
}

// lessTiers is what tiers gained.
func lessTiers(now, prior []record.TierUse) []record.TierUse {
	var out []record.TierUse
	seen := map[int64]bool{}
	for _, u := range now {
		seen[u.Tier] = true
		for _, p := range prior {
			if p.Tier == u.Tier {
				u.Quantity = display(mustParse(u.Quantity).sub(mustParse(p.Quantity)))
				u.Amount = display(mustParse(u.Amount).sub(mustParse(p.Amount)))
			}
		}
		if u.Quantity != "0" || u.Amount != "0" {
			out = append(out, u)
		}
	}
	for _, p := range prior {
		if !seen[p.Tier] {
			p.Quantity = display(mustParse(p.Quantity).neg())
			p.Amount = display(mustParse(p.Amount).neg())
			out = append(out, p)
		}
	}
	return out
}

// reckonTerm works out a line over the term that the base version alone has:
// what it comes to now, less what it had come to.
func (z *settlement) reckonTerm(r *reckoning, v *version) {
	t := r.table
	total := func(after bool, show *reckoning) (quantity, amount bookValue) {
		b := z.book(v, z.period.From, after)
		g := z.setting(b, z.period, show)
		g.covered, g.whole = 1, 1
		if t.of == "" {
			return bookValue{}, z.finish(t, g, t.flat, show)
		}
		quantity.number, quantity.ok = b.value(t.of)
		var free number
		if a := included(t.adjusts); a != nil {
			free = a.amount
		}
		x, ok := z.priced(t, quantity, free, show)
		if !ok {
			return quantity, bookValue{}
		}
		return quantity, z.finish(t, g, x, show)
	}
	// What it comes to is kept, with the decimals of a figure that is shown.
	kept := func(x bookValue) bookValue { return bookValue{x.number.round(displayScale, exact.HalfEven), x.ok} }
	prior := z.s.reached[t.name]
	dueBefore := z.begun() && (t.due == 0 || t.due < z.s.lastPeriod().Until)
	if t.of != "" && z.begun() {
		r.before, _ = total(false, nil)
	}
	if dueBefore && z.s.lastPeriod().base != z.base {
		// Another version of the terms: what was there is taken at its prices.
		if _, x := total(false, nil); x.ok {
			prior = kept(x).number
		}
	}
	quantity, now := total(true, r)
	now = kept(now)
	r.quantity = quantity
	if !now.ok {
		r.held = true
		z.reach(t.name, prior)
		return
	}
	z.reach(t.name, now.number)
	r.amount = z.gained(prior, now.number)
}

func (z *settlement) reach(line string, x number) {
	if x.sign() != 0 {
		z.reached[line] = x
	}
}

// gained is the difference of two totals. Where lines are rounded, both are:
// so what all statements take adds up to the rounded total.
func (z *settlement) gained(prior, now number) number {
	if z.terms.Rounding.At == "statement" {
		return now.sub(prior)
	}
	return z.round(now).sub(z.round(prior))
}
