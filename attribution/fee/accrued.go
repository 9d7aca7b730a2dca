package fee

import (
	"container/heap"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A Meter keeps running totals beside a State: what has been earned, what is
// pending, and what may still be given back, at any time. It looks again only
// at the results that a record is about, and at those whose time has come: so
// it costs the same for each record, however many results are live.
type Meter struct {
	s   *State
	now record.Time

	metered  map[*claim]*metered
	byCase   map[string][]*claim
	unseen   []*claim // that no receipt covers, in ledger order
	handed   []*claim // whose evidence was handed over, and no receipt covers that, in its order
	due      deadlines
	readings map[string]*reading // by key: the one that stands
	resolved map[string]*reading // by span: the one that both sides resolved last
	measured map[*reading]*metered

	firm, high, low map[slot]*tally // of each slot that something is in
	counts          [reasons]int64
	exposed         int64
}

// metered is what a claim adds to the totals.
type metered struct {
	firm, exposed, pending []part // exposed is of the firm ones
	back                   []part // what is billed and will not stand, for sure
	left                   []part // of that, what stands in its place
	period                 record.Time
	found                  []part      // of measures of findings, not counted by a statement
	foundIn                record.Time // start of the period of these
	reason                 reason
	next                   record.Time // when it is looked at again
}

// A deadline is when a claim changes by itself.
type deadline struct {
	at record.Time
	c  *claim
}

type deadlines []deadline

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].at < d[j].at }
func (d deadlines) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *deadlines) Push(x any)        { *d = append(*d, x.(deadline)) }
func (d *deadlines) Pop() any {
	old := *d
	x := old[len(old)-1]
	*d = old[:len(old)-1]
	return x
}

// NewMeter begins the totals of a state as of an instant. From then on records
// are applied through the meter.
func NewMeter(s *State, now record.Time) *Meter {
	m := &Meter{s: s}
	m.begin(now)
	return m
}

// begin looks at all there is.
func (m *Meter) begin(now record.Time) {
	m.now = max(m.now, now)
	m.metered, m.byCase = map[*claim]*metered{}, map[string][]*claim{}
	m.measured, m.readings, m.resolved = map[*reading]*metered{}, map[string]*reading{}, map[string]*reading{}
	m.firm, m.high, m.low = map[slot]*tally{}, map[slot]*tally{}, map[slot]*tally{}
	m.unseen, m.due, m.counts, m.exposed = nil, nil, [reasons]int64{}, 0
	for _, c := range m.s.claims {
		m.open(c)
	}
	m.handed = m.s.handedOver(m.s.claims)
	for _, x := range m.s.readings {
		m.read(x)
	}
}

// Apply applies a record to the state and brings the totals up to date. The
// clock of the meter is the ledger's.
func (m *Meter) Apply(r *record.Record) error {
	s := m.s
	claims, readings := len(s.claims), len(s.readings)
	var receipts []receipt
	if r.Kind == record.KindReceipt {
		receipts = slices.Clone(s.receipts)
	}
	periods, versions := len(s.periods), len(s.versions)
	var last settled
	if periods > 0 {
		last = s.lastPeriod()
	}
	var waited []*claim
	if b, ok := r.Body.(*record.Disclose); ok {
		waited = s.wanted[b.Digest]
	}
	err := s.Apply(r)
	if _, mismatch := err.(*Mismatch); err != nil && !mismatch {
		return err
	}
	if len(s.versions) != versions || len(s.periods) != periods || periods > 0 && s.lastPeriod() != last {
		// A statement or an amendment changes what everything is counted in.
		m.begin(r.Log.Time)
		return err
	}
	m.now = max(m.now, r.Log.Time)
	for _, c := range s.claims[claims:] {
		m.open(c)
	}
	for _, x := range s.readings[readings:] {
		m.read(x)
	}
	m.handed = append(m.handed, s.handedOver(waited)...)
	for _, c := range s.concerned(r) {
		m.look(c)
	}
	switch r.Body.(type) {
	case *record.Handoff:
		for _, c := range m.byCase[r.Case] {
			m.look(c)
		}
	}
	if r.Kind == record.KindReceipt {
		// One that is later than all others covers what none did; another one
		// can bring what was covered forward.
		if n := len(receipts); len(s.receipts) < n || !slices.Equal(s.receipts[:n], receipts) {
			m.begin(r.Log.Time)
			return err
		}
		m.covered()
	}
	m.Advance(r.Log.Time)
	return err
}

// Advance brings the totals to an instant: silence accepts, guarantees end.
func (m *Meter) Advance(now record.Time) {
	m.now = max(m.now, now)
	for len(m.due) > 0 && m.due[0].at <= m.now {
		d := heap.Pop(&m.due).(deadline)
		if x := m.metered[d.c]; x != nil && x.next == d.at {
			m.look(d.c)
		}
	}
}

func (m *Meter) open(c *claim) {
	if c.matter() != "" {
		m.byCase[c.matter()] = append(m.byCase[c.matter()], c)
	}
	if a := c.rule.Accept; a.On == "silence" && a.From == "receipt" && m.s.received(c.n) == never {
		m.unseen = append(m.unseen, c)
	}
	m.look(c)
}

// covered looks at the claims that a receipt has covered since, or the last
// of their evidence.
func (m *Meter) covered() {
	for len(m.handed) > 0 && m.s.delivered(m.handed[0]) < never {
		m.look(m.handed[0])
		m.handed = m.handed[1:]
	}
	for len(m.unseen) > 0 && m.s.received(m.unseen[0].n) < never {
		m.look(m.unseen[0])
		m.unseen = m.unseen[1:]
	}
}

// look works out anew what c adds, and the results that share their credit
// with it, should it be a touch.
func (m *Meter) look(c *claim) {
	m.lookAlone(c)
	for _, u := range c.rule.version.measures {
		if u.Credit == nil || u.Credit.Of != c.rule.Name || !u.read {
			continue
		}
		for _, other := range m.byCase[c.matter()] {
			if other != c && other.rule.Name == u.Of {
				m.lookAlone(other)
			}
		}
	}
}

func (m *Meter) lookAlone(c *claim) {
	if old := m.metered[c]; old != nil {
		m.count(c.rule.version, c.n, c.at, old, -1)
	}
	x := m.judge(c)
	m.metered[c] = x
	m.count(c.rule.version, c.n, c.at, x, 1)
	if x.next < never {
		heap.Push(&m.due, deadline{x.next, c})
	}
}

// judge says how c stands now.
func (m *Meter) judge(c *claim) *metered {
	x := &metered{period: c.period, next: never}
	at := func(t record.Time) {
		if t > m.now && t < x.next {
			x.next = t
		}
	}
	if c.at > m.now {
		x.reason, x.next = pending, c.at
		return x
	}
	if c.rule.version.number <= m.s.excluded {
		x.reason = shadow
		return x
	}
	credits := &touches{s: m.s, closing: m.now, byCase: m.byCase}
	v := m.s.look(c, m.now)
	m.find(c, &v, x)
	for i := range c.events {
		at(c.events[i].at)
		if d := c.rule.Dispute; (c.events[i].kind == dispute || c.events[i].kind == contested) && d != nil && d.Then != "arbiter" {
			at(max(c.events[i].at, c.at) + record.Time(d.After))
		}
	}
	if h, ok := m.s.handoffOf(c); ok {
		at(h.at)
	}
	if v.accepted == never {
		at(m.s.silent(c))
	} else {
		at(max(v.accepted, c.locks()))
	}
	at(m.s.delivered(c))
	back := v.reversible(c)
	at(after(back, 1))
	gone := v.void
	if gone == unsaid {
		gone = v.back
	}
	if c.period != never {
		switch { // a statement has counted it: of what is earned since it is none
		case len(c.parts) == 0:
		case gone != unsaid:
			x.back = c.parts
		default:
			stands := c.parts
			if v.locked < never && len(v.reduces) > 0 {
				if now, truth := c.target(&v, m.now+1, nil, credits); truth == 1 {
					if now = least(c.parts, now); !sameParts(now, c.parts) {
						x.back, x.left, stands = c.parts, now, now
					}
				}
			}
			if m.now <= back {
				x.exposed = stands
			}
		}
		return x
	}
	t := c.rule.version.terms
	switch {
	case c.at < t.From || c.at >= t.Until:
		x.reason = outsideTerm
		return x
	case !c.evidenced:
		x.reason = evidence
		return x
	case c.rule.Effect != nil && c.asked.action == "":
		x.reason = noEffect
		return x
	case gone != unsaid:
		x.reason = gone
		return x
	}
	parts, truth := c.target(&v, m.now+1, nil, credits)
	switch {
	case truth == 0:
		x.reason = where
		return x
	case truth < 0:
		x.reason = undefined
		return x
	case len(parts) == 0:
		x.reason = noLine
		return x
	}
	// A claim that is not accepted counts in the period in which it would be if
	// nobody said anything, or else if it had been accepted at once.
	if v.accepted == never {
		if v.accepted = m.s.silent(c); v.accepted == never {
			v.accepted = max(c.at, c.logged)
		}
	}
	if v.locked < never && !v.open && !v.missing {
		x.reason, x.firm = billed, parts
		if m.now <= back {
			x.exposed = parts
		}
	} else {
		x.reason, x.pending = pending, parts
		if v.open {
			x.reason = disputed
		}
		if v.locked == never {
			v.locked = max(v.accepted, c.locks())
		}
	}
	x.period = m.periodOf(c.billedAt(&v))
	return x
}

// reversible is the last instant at which the claim can still be kept from the
// fee, or given back, by what the other side does.
func (v *view) reversible(c *claim) record.Time {
	last := record.Time(-1)
	if d := c.rule.Dispute; d != nil {
		last = after(v.seen, d.Within)
	}
	if f := c.rule.Findings(); f != nil && len(f.Void) > 0 {
		last = max(last, after(v.seen, f.Within))
	}
	if v.locked < never && c.rule.Reopen != nil {
		last = max(last, v.guarantee(c))
	}
	return last
}

// periodOf is the start of the period in which an instant counts: one that is
// settled only where the terms correct it, else the next one.
func (m *Meter) periodOf(at record.Time) record.Time {
	next, _, ok := m.s.Next()
	if !ok {
		return never
	}
	if at >= next.From {
		if p, ok := m.s.standing.PeriodAt(at); ok && p.From >= next.Until {
			return p.From
		}
		return next.From
	}
	if v := m.s.governing(next.Until - 1); v != nil && v.terms.Settle.Late == "correction" {
		if p, ok := m.s.periodAt(at); ok {
			return p.From
		}
	}
	return next.From
}

// read counts a measurement, and takes out those in whose place it stands: the
// one that it restates, and what others measured of a span that it resolves.
func (m *Meter) read(x *reading) {
	if x.version.number <= m.s.excluded {
		return
	}
	old := m.readings[x.key]
	if old != nil && (old.resolved && !x.resolved || old.resolved == x.resolved && old.n > x.n) {
		return
	}
	parts, ok := x.measured()
	now := &metered{period: x.period, next: never}
	if x.period == never && ok {
		now.firm, now.period = parts, m.periodOf(x.moment)
		if x.moment < m.firstOpen() {
			if p, settled := m.s.periodAt(x.moment); settled {
				now.period = p.From
			}
			if v := m.s.governing(x.moment); v != nil && v.terms.Settle.Late == "refuse" && !x.resolved {
				return
			}
		}
	}
	span := spanOf(x.key)
	if agreed := m.resolved[span]; agreed != nil && (!x.resolved || agreed.n > x.n) {
		if x.period != never { // booked before: it is to be taken out
			m.readings[x.key], m.measured[x] = x, now
			m.takeOut(x)
		}
		return
	}
	if old != nil {
		m.takeOut(old)
	}
	if x.resolved {
		m.resolved[span] = x
		for key, other := range m.readings {
			if key != x.key && spanOf(key) == span {
				m.takeOut(other)
			}
		}
	}
	m.readings[x.key], m.measured[x] = x, now
	m.count(x.version, x.n, x.moment, now, 1)
}

// takeOut takes out a measurement that does not stand any more.
func (m *Meter) takeOut(old *reading) {
	was := m.measured[old]
	m.count(old.version, old.n, old.moment, was, -1)
	gone := &metered{period: was.period, next: never}
	if old.period != never {
		gone.back = old.parts
	}
	m.measured[old] = gone
	m.count(old.version, old.n, old.moment, gone, 1)
}

// firstOpen is the beginning of the next period to be settled.
func (m *Meter) firstOpen() record.Time {
	p, _, ok := m.s.Next()
	if !ok {
		return never
	}
	return p.From
}

// count adds what is metered to the totals, or takes it out.
func (m *Meter) count(v *version, n int64, at record.Time, x *metered, sign int64) {
	m.counts[x.reason] += sign
	if len(x.exposed) > 0 {
		m.exposed += sign
	}
	in := x.period
	move := func(to map[slot]*tally, parts []part, sign int64) {
		for _, p := range parts {
			where := slot{in, v.number, p.measure}
			if v.measures[p.measure].term {
				where.period = never
			}
			y := to[where]
			if y == nil {
				y = new(tally)
				if t := m.s.tallies[where]; t != nil {
					*y = *t
					y.values, y.sums = slices.Clone(t.values), slices.Clone(t.sums)
				}
				to[where] = y
			}
			y.add(v, v.measures[p.measure], p, n, at, sign)
		}
	}
	all := []map[slot]*tally{m.firm, m.high, m.low}
	if sign < 0 { // the other way round, so that of one result never two values stand
		move(m.low, x.exposed, 1)
		for _, to := range all {
			move(to, x.left, -1)
		}
	}
	for _, to := range all {
		move(to, x.firm, sign)
		move(to, x.back, -sign)
	}
	if sign > 0 {
		for _, to := range all {
			move(to, x.left, 1)
		}
	}
	move(m.high, x.pending, sign)
	if sign > 0 {
		move(m.low, x.exposed, -1)
	}
	in = x.foundIn
	for _, to := range all {
		move(to, x.found, sign)
	}
}

// Accrued are the running totals of a ledger at an instant.
type Accrued struct {
	At      record.Time
	Periods []AccruedPeriod // that no statement has settled, in order

	Earned   int64 // results that are accepted and locked, and in no statement yet
	Pending  int64 // results that may still be accepted
	Disputed int64 // of which a dispute is open
	Exposed  int64 // results that the other side can still have taken back

	Carried record.Decimal // balance that the last statement left, at most 0
	Prepaid []Prepaid      // what the last statement left, in the order in which it is drawn
}

// A Prepaid is what is left of money paid before.
type Prepaid struct {
	Name string
	Left record.Decimal
}

// An AccruedPeriod is a period that is not settled. Its statement is the one
// there would be if nothing else came; Low is the one if all that can be taken
// back was, High if all that is pending was accepted. Where a price falls as a
// quantity rises, High can be below Low. None of them has what is about single
// results: grades, counts, detail.
type AccruedPeriod struct {
	Statement, Low, High *record.Statement
	Values               []record.Reading // of measures and formulas, now
	Distances            []Distance       // of Statement, in the order of the terms
}

// Accrued gives the totals now. It costs the same however many results are
// live.
func (m *Meter) Accrued() (*Accrued, error) {
	a := &Accrued{At: m.now, Earned: m.counts[billed], Pending: m.counts[pending], Disputed: m.counts[disputed], Exposed: m.exposed}
	a.Carried, a.Prepaid = m.s.Carried(), m.s.prepaidLeft()
	from := m.firstOpen()
	for first := true; from <= m.now && from != never || first; first = false {
		p, closing, ok := m.s.Next()
		if !first {
			if p, ok = m.s.standing.PeriodAt(from); ok {
				closing = m.s.standing.Closing(p)
			}
		}
		if !ok {
			break
		}
		firm, lines := m.statement(p, closing, m.firm, first)
		low, _ := m.statement(p, closing, m.low, first)
		high, _ := m.statement(p, closing, m.high, first)
		a.Periods = append(a.Periods, AccruedPeriod{firm.statement, low.statement, high.statement, firm.values(), firm.distances(lines)})
		from = p.Until
	}
	return a, nil
}

// statement is what a period comes to with the tallies of the meter, and what
// its lines do.
func (m *Meter) statement(p terms.Period, closing record.Time, tallies map[slot]*tally, first bool) (*settlement, []reckoning) {
	z := m.s.begin(p, closing)
	z.later = !first
	for _, at := range sortedSlots(tallies) {
		settled := at.period < p.From
		if !(at.period == p.From || first && (settled || at.period == never)) {
			continue
		}
		if tallies[at].same(m.s.tallies[at]) {
			continue // what was in it is not any more
		}
		y := z.change(at)
		y.after = *tallies[at]
		y.after.values = slices.Clone(y.after.values)
		if n := y.after.claims - y.before.claims; n > 0 {
			y.note(n, 0, 0)
			y.first, y.last = -1, -1
		}
	}
	z.countUsage()
	z.standIn()
	slices.SortFunc(z.slots, slot.compare)
	_, lines, _ := z.price()
	return z, lines
}

// same reports whether two tallies hold the same; nil holds nothing.
func (y *tally) same(o *tally) bool {
	if o == nil {
		o = new(tally)
	}
	return y.claims == o.claims && y.quantity.cmp(o.quantity) == 0 &&
		slices.EqualFunc(y.values, o.values, func(a, b value) bool { return a.n == b.n && a.quantity.cmp(b.quantity) == 0 })
}

// values are those of the measures that lines read, and of the formulas over
// them, as the base version has them.
func (z *settlement) values() []record.Reading {
	if z.base == 0 {
		return nil
	}
	v := z.s.versions[z.base-1]
	b := z.book(v, z.period.From, true)
	var out []record.Reading
	for _, x := range v.measures {
		if x.read {
			out = append(out, shownValue(x.Name, b.value))
		}
	}
	for _, f := range v.terms.Formulas {
		unread := func(name string) bool { return !v.measures[v.measure(name)].read }
		if !slices.ContainsFunc(v.terms.Reads(f.Name), unread) {
			out = append(out, shownValue(f.Name, b.value))
		}
	}
	return out
}
