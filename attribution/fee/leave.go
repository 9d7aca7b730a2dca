package fee

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// applyStatement checks r against the computed statement and moves on.
func (s *State) applyStatement(r *record.Record, b *record.Statement) error {
	refuse := func(field, reason string, args ...any) error {
		return &record.Refusal{Check: "statements", N: r.Log.N, ID: r.ID, Field: field, Reason: fmt.Sprintf(reason, args...)}
	}
	if s.awaits() {
		return s.applyAwaited(r, b)
	}
	p, closing, ok := s.Next()
	switch {
	case !ok:
		return refuse("body.period", "is %s, and there is nothing left to settle", b.Period)
	case b.Period != p.Name:
		return refuse("body.period", "is %s, want %s: periods are settled in order", b.Period, p.Name)
	case r.Log.Time < closing:
		return refuse("log.time", "is %v, before %s closes at %v", r.Log.Time, p.Name, closing)
	}
	// Who may not write it is told so before anything is computed.
	after := s.standing.Clone()
	if err := after.Apply(r); err != nil {
		return err
	}
	z, err := s.settle()
	if err == nil {
		err = z.write(nil)
	}
	if err != nil {
		return refuse("body", "%v", err)
	}
	*s.standing = *after
	z.take()
	s.statement = s.size
	s.size++
	if d := differences(b, z.statement); len(d) > 0 {
		return &Mismatch{r.Log.N, b, z.statement, d}
	}
	return nil
}

// awaits reports whether the next record is the statement that s already
// accounts for: s was read from the state lines it leaves.
func (s *State) awaits() bool { return s.statement == s.size }

// applyAwaited takes the statement whose state lines s was read from. What it
// was computed from is not at hand; that it leaves this state is.
func (s *State) applyAwaited(r *record.Record, b *record.Statement) error {
	p := s.lastPeriod()
	got := [...]string{b.Period, b.From.String(), b.Until.String(), b.Closing.String(), string(b.State)}
	want := [...]string{p.Name, p.From.String(), p.Until.String(), p.closing.String(), string(s.Digest())}
	for i, field := range [...]string{"body.period", "body.from", "body.until", "body.closing", "body.state"} {
		if got[i] != want[i] {
			return &record.Refusal{Check: "statements", N: r.Log.N, ID: r.ID, Field: field, Reason: fmt.Sprintf("is %s, and the state it leaves says %s", got[i], want[i])}
		}
	}
	if err := s.standing.Apply(r); err != nil {
		return err
	}
	s.size++
	return nil
}

// leave is the state after the statement, before its record.
func (z *settlement) leave() image {
	s := z.s
	m := image{
		standing: s.standing, size: s.size, statement: s.size,
		carried: z.balance, versions: s.versions, usage: map[slot]*usage{}, shared: map[shared]int64{}, rolled: z.rolled, prepaid: z.prepaid,
		included: map[lineSlot]number{}, standins: map[string]number{}, reached: z.reached,
		tallies: map[slot]*tally{}, handoffs: map[string]*handoffs{},
		claims: make([]claimLine, 0, len(z.decisions)),
	}
	booked, covered := never, never // earliest booking, first claim that a receipt may accept
	earliest := map[string]record.Time{}
	for i := range z.decisions {
		d := &z.decisions[i]
		if d.leaves {
			continue
		}
		marks := z.marks(d)
		m.claims = append(m.claims, claimLine{d.claim, marks, d.also().idle, d.also().spent})
		booked = min(booked, marks.period, marks.found)
		covered = min(covered, record.Time(d.claim.n))
		if _, ok := s.handoffs[d.claim.matter()]; ok {
			at, ok := earliest[d.claim.matter()]
			if !ok {
				at = never
			}
			earliest[d.claim.matter()] = min(at, d.claim.at)
		}
	}

	for i := range z.readings {
		d := &z.readings[i]
		if !d.leaves {
			m.readings = append(m.readings, readingLine{d.reading, d.marks})
			booked = min(booked, d.marks.period)
		}
	}

	// What no claim, present or to come, can ask for any more is dropped. A
	// claim to come has its horizon after this closing.
	past := z.closing - s.horizon()
	m.periods = append(slices.Clone(s.periods), settled{z.period, z.closing, z.base})
	for len(m.periods) > 1 && m.periods[0].Until <= past && m.periods[0].From < booked {
		m.periods = m.periods[1:]
	}
	keep := func(at slot, y *tally) {
		if at.period >= m.periods[0].From && !y.empty() {
			m.tallies[at] = y
		}
	}
	for at, y := range s.tallies {
		keep(at, y)
	}
	for at, y := range z.changes {
		delete(m.tallies, at)
		keep(at, &y.after)
	}
	z.fold(&m)
	for at, u := range s.usage {
		if at.period >= z.period.Until {
			m.usage[at] = u
		}
	}
	for at, n := range s.shared {
		if at.period >= z.period.Until {
			m.shared[at] = n
		}
	}
	for at, x := range s.included {
		if at.period >= m.periods[0].From {
			m.included[at] = x
		}
	}
	for at, x := range z.included {
		m.included[at] = x
	}
	z.lastValues(m.standins)
	for matter, list := range s.handoffs {
		at, ok := earliest[matter]
		var kept handoffs
		for against := range scopes {
			// The earliest claim that there is or may come: the others count.
			i := 0
			for i < len(list[against]) && list[against][i].until <= past && !(ok && at < list[against][i].until) {
				i++
			}
			if i < len(list[against]) {
				kept[against] = list[against][i:]
				m.handoffs[matter] = &kept
			}
		}
	}
	m.contests, _ = z.contestsAfter()
	for _, r := range s.receipts {
		if r.size > int64(covered) {
			m.receipts = append(m.receipts, r)
		}
	}
	for _, l := range s.loose {
		if l.at > z.closing {
			m.loose = append(m.loose, l)
		}
	}
	m.taken = z.takenAfter()
	return m
}

// fold takes the values of claims and measurements that leave out of the lists
// of measures over the term: nothing can change them any more, and what they
// come to together is enough.
func (z *settlement) fold(m *image) {
	gone := map[int64]bool{}
	for i := range z.decisions {
		if d := &z.decisions[i]; d.leaves {
			gone[d.claim.n] = true
		}
	}
	for i := range z.readings {
		if d := &z.readings[i]; d.leaves {
			gone[d.reading.n] = true
		}
	}
	for at, y := range m.tallies {
		o := z.s.versions[at.version-1].measures[at.measure]
		if at.period != never || !o.listed || o.Op == "distinct" {
			continue
		}
		var left []value
		var rest []value
		if y.rest != nil {
			rest = append(rest, *y.rest)
		}
		for _, v := range y.values {
			// Actions are never in a list that somebody can change.
			if gone[v.n] || o.Source == "action" {
				rest = append(rest, v)
			} else {
				left = append(left, v)
			}
		}
		best, ok := bestOf(o.Op, rest)
		if !ok || len(left) == len(y.values) {
			continue
		}
		folded := *y
		folded.values, folded.rest = left, &best
		m.tallies[at] = &folded
	}
}

// lastValues notes the values that stand in for those of a later period.
func (z *settlement) lastValues(standins map[string]number) {
	if z.base == 0 {
		return
	}
	v := z.s.versions[z.base-1]
	for _, m := range v.measures {
		if !m.standsIn() {
			continue
		}
		x, ok := z.measuredIn(v, m, z.period.From)
		if !ok {
			x, ok = z.lastBefore(v, m)
		}
		if ok {
			standins[m.Name] = x
		}
	}
}

// take moves the state on as the settlement decided.
func (z *settlement) take() {
	s, m := z.s, &z.left
	for i := range z.decisions {
		d := &z.decisions[i]
		c := d.claim
		if !d.leaves {
			c.marks = z.marks(d)
			for _, e := range d.also().idle {
				c.events[e.event].told = true
			}
			for _, i := range d.also().spent {
				c.events[i].spent = true
			}
			continue
		}
		for j := range c.events {
			if c.events[j].kind == dispute {
				delete(s.disputes, c.events[j].id)
			}
			delete(s.reversals, c.events[j].id)
		}
	}
	if len(m.claims) < len(s.claims) {
		left := make([]*claim, len(m.claims))
		for i := range m.claims {
			left[i] = m.claims[i].claim
		}
		s.setClaims(left)
	}
	for i := range z.readings {
		z.readings[i].reading.marks = z.readings[i].marks
	}
	s.readings = nil
	for _, l := range m.readings {
		s.readings = append(s.readings, l.reading)
	}
	s.shared = m.shared
	s.usage, s.standins, s.reached, s.included, s.rolled, s.prepaid = m.usage, m.standins, m.reached, m.included, m.rolled, m.prepaid
	s.carried, s.periods, s.tallies = m.carried, m.periods, m.tallies
	s.handoffs, s.receipts, s.loose = m.handoffs, m.receipts, m.loose
	s.takeContests(m.contests)
	s.taken = newTaken(m.taken)
}
