package fee

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// Next is the period to be settled next; ok is false before the agreement and
// past its end.
//
// Periods follow each other from the beginning of the first version on.
func (s *State) Next() (p terms.Period, closing record.Time, ok bool) {
	if len(s.versions) == 0 {
		return p, 0, false
	}
	from := s.versions[0].terms.From
	if len(s.periods) > 0 {
		from = s.lastPeriod().Until
	}
	if p, ok = s.standing.PeriodAt(from); !ok {
		return terms.Period{}, 0, false
	}
	p.From = from
	if len(s.periods) > 0 && p.Name == s.lastPeriod().Name {
		// The term had ended within this calendar period, and a later version
		// took it up again. Its rest goes with the next one: a name is settled
		// once.
		if q, more := s.standing.PeriodAt(p.Until); more {
			p.Name, p.Until = q.Name, q.Until
		}
	}
	return p, s.standing.Closing(p), true
}

// A settlement is a statement in the making: what it decides about each claim,
// and what that changes. The state is not touched before it is taken over.
type settlement struct {
	s       *State
	period  terms.Period
	closing record.Time
	until   record.Time  // what comes before counts in this statement
	terms   *terms.Terms // of the version that governs the period's last moment
	base    int64        // version whose lines are due in any case, 0 if none
	touches *touches
	later   bool // a running total of a period behind another that is not settled: what is over the term, or carried, is in that one

	decisions []decision // by claim, in ledger order
	readings  []readingDecision
	refused   []refusedUsage
	acted     []countedUsage
	slots     []slot // touched, sorted once all is decided
	changes   map[slot]*change
	current   [][]*change // those of this period and of the term, by version and measure
	books     []*book

	backings *backings // what stands behind the lines, nil where nobody asks

	statement *record.Statement
	corrected []correctedLine   // of its corrections
	balance   number            // to carry
	reached   map[string]number // by line over the term that is not own: what it has come to
	included  map[lineSlot]number
	rolled    map[string]number // by line: what the next period includes beside its own
	prepaid   map[string]number // what is left
	left      image             // the state the statement leaves
}

// A lineSlot is a line in a period.
type lineSlot struct {
	period record.Time
	line   string
}

// A decision is what the settlement does with one claim.
type decision struct {
	claim      *claim
	period     record.Time // start of the period that it is billed in, never while it is not
	stands     []part      // what of it then stands in the quantities of that period
	rare       *rare       // nil where there is nothing of it
	reason     reason      // unsaid: the claim is not mentioned
	said       reason      // in the last statement that named it, which may be this one
	grade      grade
	considered bool // by this statement at the latest
	leaves     bool
	undoes     bool // what stood in the quantities of the period is taken out
	counts     bool // what stands is put in
}

// marks are those that the settlement leaves on a claim.
func (z *settlement) marks(d *decision) marks {
	m := marks{since: d.claim.since, said: d.said, period: d.period, parts: d.stands, found: d.claim.found}
	if d.considered {
		m.since = min(m.since, z.period.From)
	}
	if r := d.also(); len(r.found) > 0 {
		m.found = r.foundIn
	}
	return m
}

// A rare is what few decisions have.
type rare struct {
	idle    []idle      // told now
	spent   []int       // reversals for which it takes from what was billed
	found   []part      // what it adds to measures of findings
	foundIn record.Time // start of the period of that
}

var nothingRare rare

// also is what is rare of the decision, to be read only.
func (d *decision) also() *rare {
	if d.rare == nil {
		return &nothingRare
	}
	return d.rare
}

// rarely is also, to be written.
func (d *decision) rarely() *rare {
	if d.rare == nil {
		d.rare = new(rare)
	}
	return d.rare
}

// before is what stood in the quantities of the period, and stands there no
// more.
func (d *decision) before() []part {
	if d.undoes {
		return d.claim.parts
	}
	return nil
}

// parts are what now stands in the quantities of the period, of what changes.
func (d *decision) parts() []part {
	if d.counts {
		return d.stands
	}
	return nil
}

// moves reports whether the decision changes quantities.
func (d *decision) moves() bool { return d.undoes || d.counts && len(d.stands) > 0 }

// A change is what the settlement does to one slot.
type change struct {
	version       *version
	measure       *measure
	base          bool // its lines are due without claims
	mode          exact.Mode
	before, after tally
	claims        int64   // of this statement
	joint         bool    // a line of some version reads it together with others
	behind        []int64 // results and measurements of this statement, by n, where it is joint
	actions       int64   // of this statement
	first, last   int64
	grades        [grades]number
	weakest       grade
	uses          [][]tierUse // by the lines that price each result, and tier

	// Of a listed measure, what after gains and loses is put into its list once
	// all is decided: one by one, each would move all that stand behind it.
	gained []value
	lost   []int64 // n of values

	// For the detail: the slot up to a claim, and the rounded price of each line.
	begun     bool
	cumulated tally
	lines     []int // that price the measure by itself
	prices    []number
}

// A tierUse is what results take of a tier.
type tierUse struct {
	used             bool
	quantity, amount number
}

// note adds to what is behind the change.
func (y *change) note(claims, first, last int64) {
	y.claims += claims
	if y.first < 0 || first < y.first {
		y.first = first
	}
	y.last = max(y.last, last)
}

func (s *State) settle() (*settlement, error) {
	if s.awaits() {
		return nil, fmt.Errorf("the statement of %s is record %d and has not been applied", s.lastPeriod().Name, s.size)
	}
	p, closing, ok := s.Next()
	if !ok {
		if len(s.versions) == 0 {
			return nil, fmt.Errorf("there is no agreement to settle")
		}
		return nil, fmt.Errorf("the term has ended: %s was its last period", s.lastPeriod().Name)
	}
	z := s.begin(p, closing)
	z.decisions = make([]decision, len(s.claims))
	// Parts are kept, in pieces of memory that many claims share.
	var parts []part
	for i, c := range s.claims {
		if n := len(c.rule.uses); cap(parts)-len(parts) < n {
			parts = make([]part, 0, max(n, min(1024, n*(len(s.claims)-i))))
		}
		d := &z.decisions[i]
		parts = z.decide(c, d, parts)
		z.count(d)
	}
	z.decideReadings()
	z.countUsage()
	for _, y := range z.changes {
		y.list()
	}
	z.standIn()
	slices.SortFunc(z.slots, slot.compare)
	return z, nil
}

// begin is a settlement of a period in which nothing is decided yet.
func (s *State) begin(p terms.Period, closing record.Time) *settlement {
	v := s.governing(p.Until - 1)
	z := &settlement{s: s, period: p, closing: closing, until: p.Until, terms: v.terms, changes: map[slot]*change{}, reached: map[string]number{}, touches: &touches{s: s, closing: closing}}
	if _, more := s.standing.After(p); !more {
		z.until = closing + 1 // no statement follows that could give back
	}
	if v.number > s.excluded {
		z.base = v.number
	}
	if z.begun() {
		maps.Copy(z.reached, s.reached) // those of lines that are not due now stay
	}
	for _, v := range s.versions {
		z.current = append(z.current, make([]*change, len(v.measures)))
	}
	if z.base > 0 {
		for i, m := range s.versions[z.base-1].measures {
			if m.read {
				z.change(z.slotOf(p.From, s.versions[z.base-1], i))
			}
		}
	}
	return z
}

// decide works out what becomes of c. Its parts are appended to the buffer.
func (z *settlement) decide(c *claim, d *decision, buffer []part) []part {
	s := z.s
	d.claim, d.said, d.period, d.stands = c, c.said, c.period, c.parts
	if c.at > z.closing {
		return buffer
	}
	d.considered = true
	if c.rule.version.number <= s.excluded {
		d.reason, d.leaves = shadow, true
		return buffer
	}
	v := s.look(c, z.closing)
	for _, e := range v.idle {
		if !c.events[e.event].told {
			d.rarely().idle = append(d.rarely().idle, e)
		}
	}
	var reason reason
	waits := false // for its own period, though nothing else is open
	if c.period != never {
		reason, waits, buffer = z.review(c, &v, d, buffer)
	} else {
		reason, waits, buffer = z.judge(c, &v, d, buffer)
	}
	z.spend(c, &v, d)
	if z.find(c, &v, d) {
		waits = true
	}
	d.leaves = !waits && z.closing >= c.at+record.Time(c.rule.FinalAfter)
	if d.leaves && (reason == pending || reason == disputed || reason == undelivered) {
		reason = expired
	}
	// What was said before is not said again, except that it is still open.
	if d.moves() || reason.underWay() || reason != c.said {
		d.reason = reason
	}
	d.said = reason
	return buffer
}

// judge decides about a claim that is not billed.
func (z *settlement) judge(c *claim, v *view, d *decision, buffer []part) (r reason, waits bool, parts []part) {
	t := c.rule.version.terms
	switch {
	case c.at < t.From || c.at >= t.Until:
		return outsideTerm, false, buffer
	case !c.evidenced:
		return evidence, false, buffer
	case c.rule.Effect != nil && c.asked.action == "":
		return noEffect, false, buffer
	case v.void != unsaid:
		return v.void, false, buffer
	case v.open:
		return disputed, false, buffer
	case v.missing:
		return undelivered, false, buffer
	case v.locked == never:
		return pending, false, buffer
	case v.back != unsaid && v.backAt < z.until:
		return v.back, false, buffer
	}
	from := len(buffer)
	buffer, truth := c.target(v, z.until, buffer, z.touches)
	switch {
	case truth == 0:
		return where, false, buffer
	case truth < 0:
		return undefined, false, buffer
	case len(buffer) == from:
		if len(v.reduces) > 0 {
			return reduced, false, buffer
		}
		return noLine, false, buffer
	}
	parts = buffer[from:len(buffer):len(buffer)]
	b := c.billedAt(v)
	period := z.period.From
	switch {
	case b >= z.period.Until:
		if b >= z.s.versions[len(z.s.versions)-1].terms.Until {
			return outsideTerm, false, buffer[:from]
		}
		return pending, true, buffer[:from]
	case b < z.period.From:
		p, ok := z.s.periodAt(b)
		if !ok {
			return outsideTerm, false, buffer[:from]
		}
		switch z.terms.Settle.Late {
		case "current":
		case "correction":
			period = p.From
		case "refuse":
			// A claim that was there when its period was settled is not late.
			if b < min(c.since, z.period.From) {
				return late, false, buffer[:from]
			}
		default:
			panic("fee: unchecked settle.late " + z.terms.Settle.Late)
		}
	}
	d.period, d.stands, d.counts, d.grade = period, parts, true, v.grade(c)
	// A reversal of the next period is not lost when the claim would leave now.
	return billed, v.waits(z.until), buffer
}

// review decides about a claim that is billed: what is to be given back.
func (z *settlement) review(c *claim, v *view, d *decision, buffer []part) (r reason, waits bool, parts []part) {
	if len(c.parts) == 0 {
		return c.said, false, buffer // all of it was given back
	}
	at, gone := v.voidAt, v.void
	if v.backAt < at {
		at, gone = v.backAt, v.back
	}
	if gone != unsaid && at < z.until {
		d.undoes, d.stands = true, nil
		return gone, false, buffer
	}
	waits = v.waits(z.until)
	if v.locked == never || len(v.reduces) == 0 {
		return c.said, waits, buffer
	}
	from := len(buffer)
	buffer, truth := c.target(v, z.until, buffer, z.touches)
	if truth != 1 {
		buffer = buffer[:from]
	}
	now := least(c.parts, buffer[from:])
	buffer = buffer[:from]
	if sameParts(now, c.parts) {
		return c.said, waits, buffer
	}
	d.undoes, d.counts, d.stands = true, true, now
	return reduced, waits, buffer
}

// waits reports whether something known at the closing takes effect in a later
// period only.
func (v *view) waits(until record.Time) bool {
	if v.void != unsaid && v.voidAt >= until || v.back != unsaid && v.backAt >= until {
		return true
	}
	return slices.ContainsFunc(v.reduces, func(r reduction) bool { return r.at >= until })
}

// billedAt is the instant that decides the period of a claim.
func (c *claim) billedAt(v *view) record.Time {
	switch c.rule.BilledAt {
	case "occurred":
		return c.at
	case "accepted":
		return v.accepted
	case "locked":
		return v.locked
	case "recorded":
		return c.logged
	}
	panic("fee: unchecked billed_at " + c.rule.BilledAt)
}

// slotOf is where a measure of a version counts what belongs to a period.
func (z *settlement) slotOf(period record.Time, v *version, measure int) slot {
	if v.measures[measure].term {
		period = never
	}
	return slot{period, v.number, measure}
}

// change is the change of a slot, begun if there is none.
func (z *settlement) change(at slot) *change {
	v := z.s.versions[at.version-1]
	now := at.period == z.period.From || at.period == never
	y := z.current[at.version-1][at.measure]
	if !now {
		y = z.changes[at]
	}
	if y != nil {
		return y
	}
	y = &change{version: v, measure: v.measures[at.measure], first: -1, last: -1, mode: z.modeOf(at.period)}
	if at.period == never {
		y.base = v.number == z.base
	} else {
		y.base = v.number == z.baseOf(at.period)
	}
	if t := z.s.tallies[at]; t != nil {
		y.before = *t
	}
	y.after = y.before
	y.after.values, y.after.sums = slices.Clip(y.before.values), slices.Clone(y.before.sums)
	y.joint = slices.ContainsFunc(z.s.versions, func(w *version) bool {
		i := w.measure(y.measure.Name)
		return i >= 0 && w.measures[i].joint
	})
	z.changes[at] = y
	if now {
		z.current[at.version-1][at.measure] = y
	}
	z.slots = append(z.slots, at)
	return y
}

// count adds a decision to the slots it changes.
func (z *settlement) count(d *decision) {
	v := d.claim.rule.version
	if r := d.also(); len(r.found) > 0 {
		z.move(v, r.foundIn, r.found, 1, d.claim.n, d.claim.at, gradeBoth, true) // both sides compute it alike
	}
	if !d.moves() {
		return
	}
	fresh := d.reason == billed
	z.move(v, d.period, d.before(), -1, d.claim.n, d.claim.at, 0, false)
	z.move(v, d.period, d.parts(), 1, d.claim.n, d.claim.at, d.grade, fresh)
}

// move counts parts in, or out with the sign -1. fresh parts were not counted
// before, and have a grade.
func (z *settlement) move(v *version, period record.Time, list []part, sign, n int64, at record.Time, g grade, fresh bool) {
	for _, p := range list {
		y := z.change(z.slotOf(period, v, p.measure))
		y.after.count(v, y.measure, p, sign)
		switch {
		case !y.measure.listed:
		case sign > 0:
			y.gained = append(y.gained, value{n, at, p.quantity, p.text})
		default:
			y.lost = append(y.lost, n)
		}
		if !fresh {
			continue
		}
		y.note(1, n, n)
		if y.joint {
			y.behind = append(y.behind, n)
		}
		if period != z.period.From && !y.measure.term {
			continue
		}
		if p.quantity.sign() > 0 {
			y.grades[g] = y.grades[g].add(p.quantity)
		}
		y.weakest = max(y.weakest, g)
		for k, i := range y.measure.each {
			if y.version.tables[i].free == nil {
				y.use(k, y.version.tables[i], p.quantity)
			}
		}
	}
}

// list puts what the change gained and lost into its list of values. One that
// is measured again is lost first and then gained.
func (y *change) list() {
	if len(y.gained) == 0 && len(y.lost) == 0 {
		return
	}
	if len(y.after.values) == 0 { // as nearly always
		y.after.values, y.gained, y.lost = y.gained, nil, nil
		slices.SortFunc(y.after.values, func(a, b value) int { return cmp.Compare(a.n, b.n) })
		return
	}
	slices.Sort(y.lost)
	values := make([]value, 0, len(y.after.values)+len(y.gained))
	for _, v := range y.after.values {
		for len(y.lost) > 0 && y.lost[0] < v.n {
			y.lost = y.lost[1:]
		}
		if len(y.lost) == 0 || y.lost[0] != v.n {
			values = append(values, v)
		}
	}
	values = append(values, y.gained...)
	slices.SortFunc(values, func(a, b value) int { return cmp.Compare(a.n, b.n) })
	y.after.values, y.gained, y.lost = values, nil, nil
}

// use notes what one result takes of the tiers of a line in mode each.
func (y *change) use(k int, t *table, q number) {
	if y.uses == nil {
		y.uses = make([][]tierUse, len(y.measure.each))
	}
	if y.uses[k] == nil {
		y.uses[k] = make([]tierUse, len(t.tiers))
	}
	if amount, tier := t.one(q); tier >= 0 {
		y.uses[k][tier].add(q, amount)
	}
}

func (u *tierUse) add(quantity, amount number) {
	*u = tierUse{true, u.quantity.add(quantity), u.amount.add(amount)}
}

// standIn notes what stands in for the measures that nobody delivered in this
// period.
func (z *settlement) standIn() {
	if z.base == 0 {
		return
	}
	v := z.s.versions[z.base-1]
	for i, m := range v.measures {
		if !m.standsIn() {
			continue
		}
		// It is kept even beside measurements: they may be taken out later.
		if x, ok := z.lastBefore(v, m); ok {
			z.change(slot{z.period.From, v.number, i}).after.stand = &x
		}
	}
	z.books = nil // what they know may be out of date
}

// standsIn reports whether the last value of the measure stands in for one that
// is missing.
func (m *measure) standsIn() bool {
	return m.read && m.Missing != nil && m.Missing.Then == "last" && !m.term
}

// lastBefore is the value of a measure in the latest period before that has a
// measurement. Of periods that are not in the state any more, the last
// statement left it.
func (z *settlement) lastBefore(v *version, m *measure) (number, bool) {
	if !z.begun() {
		return number{}, false // none of an excluded history
	}
	for i := len(z.s.periods) - 1; i >= 0; i-- {
		p := &z.s.periods[i]
		if p.base <= z.s.excluded {
			return number{}, false
		}
		if x, ok := z.measuredIn(v, m, p.From); ok {
			return x, true
		}
	}
	if last := z.s.versions[z.s.lastPeriod().base-1]; last.same(m) < 0 {
		return number{}, false // of another measure
	}
	x, ok := z.s.standins[m.Name]
	return x, ok
}

// measuredIn is the value of a measure in a period, if it was measured, with
// the decimals of a figure that is shown.
func (z *settlement) measuredIn(v *version, m *measure, period record.Time) (number, bool) {
	y := (&book{z: z, version: v, period: period, after: true}).tally(m)
	if y.claims == 0 {
		return number{}, false
	}
	x, ok := y.value(m.Op)
	return x.round(displayScale, exact.HalfEven), ok
}
