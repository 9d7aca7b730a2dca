package fee

import (
	"cmp"
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

	// How it comes about, for whoever explains it.
	free           number           // what is included of the quantity
	start          *number          // the price before adjustments, nil where there is none
	end            bookValue        // after them, before it is rounded
	covered, whole int64            // of the calendar's period
	had            number           // of a line over the term: what it had come to
	was            *reckoning       // how, where that is worked out here
	all            []record.TierUse // where tiers are what they gained: what they take of all of it
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
			r.behind = append(r.behind, z.changesOf(v.measures[v.measure(name)])...)
		}
	}
	base := v.number == z.base
	switch {
	case t.term && z.later:
		return r, false
	case t.due != 0 && !t.term && (t.due < z.period.From || t.due >= z.period.Until):
		return r, false
	case t.own && !base && !slices.ContainsFunc(r.behind, (*change).changed):
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

// changed reports whether the statement changes anything.
func (y *change) changed() bool {
	return y.claims > 0 || y.before.claims != y.after.claims || y.before.quantity.cmp(y.after.quantity) != 0
}

// changesOf are the changes of a measure, as all versions have it, in this
// period or of the term.
func (z *settlement) changesOf(m *measure) []*change {
	var list []*change
	for _, w := range z.s.versions {
		if k := w.same(m); k >= 0 && w.number > z.s.excluded {
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
	amount, ok := z.priced(t, x.quantity, z.includedIn(v, t, period.From), show)
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
				show.showTiers(c.uses[t.share])
			}
		}
		if t.share < len(y.sums) {
			return y.sums[t.share]
		}
		return number{}
	}
	var sum number
	uses := make([]tierUse, len(t.tiers))
	t.walk(y.values, func(_ *value, quantity, amount number, tier int) {
		sum = sum.add(amount)
		if tier >= 0 {
			uses[tier].add(quantity, amount)
		}
	})
	if show != nil {
		show.showTiers(uses)
	}
	return sum
}

func (r *reckoning) showTiers(uses []tierUse) {
	for i, u := range uses {
		if u.used {
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
		if q = t.convert.of(q); !q.below(maxWhole) {
			return number{}, false
		}
		step("convert", before, q)
	}
	if included(t.adjusts) != nil {
		if show != nil {
			show.free = free
		}
		before := q
		q = larger(q.sub(free), number{})
		step("include", before, q)
	}
	t.split(q, func(tier int, quantity, x number) {
		amount = amount.add(x)
		if !amount.below(maxWhole) {
			return
		}
		if show != nil {
			show.tiers = append(show.tiers, record.TierUse{Tier: int64(tier), Quantity: display(quantity.mul(sign)), Amount: display(x.mul(sign))})
		}
	})
	if !amount.below(maxWhole) {
		if show != nil {
			show.tiers = nil
		}
		return number{}, false
	}
	return amount.mul(sign), true
}

// includedIn is the quantity that a line includes in a period. What rolls from
// period to period does so on the lines of their base versions only.
func (z *settlement) includedIn(v *version, t *table, period record.Time) number {
	a := included(t.adjusts)
	switch {
	case a == nil:
		return number{}
	case !a.rolls || z.baseOf(period) != v.number:
		return a.amount
	case period != z.period.From:
		if x, ok := z.s.included[lineSlot{period, t.name}]; ok {
			return x
		}
		return a.amount
	}
	x := a.amount
	if z.begun() {
		x = x.add(z.s.rolled[t.name])
	}
	if a.rollsTo != nil {
		x = smaller(x, *a.rollsTo)
	}
	return x
}

// roll notes what is left of what lines include for the next period, and what
// stays included in this one: what rolled on is there no more, so that no
// correction uses it again.
func (z *settlement) roll() {
	z.included, z.rolled = map[lineSlot]number{}, map[string]number{}
	if z.base == 0 {
		return
	}
	v := z.s.versions[z.base-1]
	for i, t := range v.tables {
		a := included(t.adjusts)
		if a == nil || !a.rolls || t.term || t.due != 0 {
			continue
		}
		free := z.includedIn(v, t, z.period.From)
		q := z.lineOf(v, i, z.period, true, nil).quantity.number
		switch {
		case q.sign() >= 0:
		case t.below == "negative":
			q = q.neg()
		default:
			q = number{}
		}
		if t.convert != nil {
			q = t.convert.of(q)
		}
		left := free.sub(q).round(displayScale, exact.Down) // q may be a quotient
		if a.rollsTo != nil {
			left = smaller(left, a.rollsTo.sub(a.amount))
		}
		if left.sign() > 0 {
			z.rolled[t.name], free = left, free.sub(left)
		}
		z.included[lineSlot{z.period.From, t.name}] = free
	}
}

// finish applies the adjustments of a line.
func (z *settlement) finish(t *table, g *setting, amount number, show *reckoning) bookValue {
	x, ok := g.adjusted(amount, t.adjusts)
	ok = ok && x.below(maxAmount)
	if show != nil {
		if !amount.below(maxWhole) {
			show.tiers = nil
		}
		start := amount // only what is shown is kept
		show.start, show.end, show.covered, show.whole = &start, bookValue{x, ok}, g.covered, g.whole
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
	g := &setting{value: b.value, covered: 1, whole: 1, scale: z.terms.Scale, mode: z.modeOf(period.From)}
	g.covered, g.whole = z.share(b.version, period)
	if show != nil {
		g.step = func(op string, before, after number) {
			show.steps = append(show.steps, record.Adjustment{Op: op, Before: display(before), After: display(after)})
		}
	}
	return g
}

// share is the share of a calendar's period that the term covers. A settled one
// keeps it, even if the term is taken up again later.
func (z *settlement) share(v *version, p terms.Period) (covered, whole int64) {
	if q, ok := z.s.standing.PeriodAt(p.From); p.From == z.period.From || !ok || q.Until <= p.Until {
		return z.s.standing.Covered(p)
	}
	t := *v.terms
	t.From, t.Until = p.From, p.Until
	return t.Covered(p)
}

// baseOf is the version whose lines are due in a period in any case.
func (z *settlement) baseOf(period record.Time) int64 {
	if period == z.period.From {
		return z.base
	}
	p, _ := z.s.periodAt(period)
	return p.base
}

// modeOf is how amounts of a period are rounded: as its base version says. An
// amendment may say otherwise from then on, but never a currency's scale.
func (z *settlement) modeOf(period record.Time) exact.Mode {
	if period != never && period != z.period.From {
		if base := z.baseOf(period); base > 0 {
			return exact.Mode(z.s.versions[base-1].terms.Rounding.Mode)
		}
	}
	return exact.Mode(z.terms.Rounding.Mode)
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
	from, to, counted := z.termUpTo(m, v.number)
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
			var ok bool
			if x, ok = z.priced(t, bookValue{q, true}, free, show); !ok {
				r.held = true
				return number{}
			}
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
	if z.begun() || counted {
		r.was = &reckoning{table: t, version: v, quantity: r.before}
		prior = total(from, &change.before, r.was)
		priorTiers, r.was.all = r.was.tiers, r.was.tiers
	}
	g.step, r.had = nil, prior
	now := total(to, &change.after, r)
	if r.held {
		return
	}
	if t.mode == each {
		if t.share < len(change.uses) {
			r.showTiers(change.uses[t.share])
		}
	} else {
		r.all = r.tiers
		r.tiers = lessTiers(r.tiers, priorTiers)
	}
	r.amount = z.gained(prior, now)
	if v.number == z.base {
		z.reach(t.name, kept(now))
	}
}

// kept is an amount that is carried from statement to statement, with the
// decimals of a figure that is shown.
func kept(x number) number { return x.round(displayScale, exact.HalfEven) }

// termUpTo is what the measure came to over the term before and after the
// version's own change, all versions in their order, and whether versions
// before counted anything.
func (z *settlement) termUpTo(m *measure, upTo int64) (from, to number, counted bool) {
	for _, w := range z.s.versions {
		i := w.same(m)
		if i < 0 || w.number <= z.s.excluded {
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
			counted = counted || after != nil && after.claims > 0
			from, to = from.add(take(after)), to.add(take(after))
		case w.number == upTo:
			from, to = from.add(take(before)), to.add(take(after))
		default:
			from, to = from.add(take(before)), to.add(take(before))
		}
	}
	return from, to, counted
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
		if !seen[p.Tier] && (p.Quantity != "0" || p.Amount != "0") {
			p.Quantity = display(mustParse(p.Quantity).neg())
			p.Amount = display(mustParse(p.Amount).neg())
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b record.TierUse) int { return cmp.Compare(a.Tier, b.Tier) })
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
		if t.mode == each {
			return quantity, z.finish(t, g, z.eachOverTerm(v, t, after), show)
		}
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
	var prior number
	if z.begun() {
		prior = z.s.reached[t.name]
	}
	dueBefore := z.begun() && (t.due == 0 || t.due < z.s.lastPeriod().Until)
	if t.of != "" && z.begun() {
		r.before, _ = total(false, nil)
	}
	if dueBefore && z.s.lastPeriod().base != z.base {
		// Another version of the terms: what was there is taken at its prices.
		was := &reckoning{table: t, version: v, quantity: r.before}
		if _, x := total(false, was); x.ok {
			prior, r.was = kept(x.number), was
		}
	}
	r.had = prior
	quantity, now := total(true, r)
	now.number = kept(now.number)
	r.quantity = quantity
	if !now.ok {
		r.held = true
		z.reach(t.name, prior)
		return
	}
	z.reach(t.name, now.number)
	r.amount = z.gained(prior, now.number)
}

// eachOverTerm is what the results of all versions come to on a line that
// prices each by itself: each version by its line of that name.
func (z *settlement) eachOverTerm(v *version, t *table, after bool) (sum number) {
	m := v.measures[v.measure(t.of)]
	for _, w := range z.s.versions {
		i, k := w.line(t.name), w.same(m)
		if i < 0 || k < 0 || w.number <= z.s.excluded || w.tables[i].mode != each || w.tables[i].of != t.of {
			continue
		}
		if y := z.tally(slot{never, w.number, k}, after); y != nil && w.tables[i].share < len(y.sums) {
			sum = sum.add(y.sums[w.tables[i].share])
		}
	}
	return sum
}

func (z *settlement) reach(line string, x number) {
	delete(z.reached, line)
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
