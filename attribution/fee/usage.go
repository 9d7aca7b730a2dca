package fee

import (
	"cmp"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// A usage are the actions of one period that no statement has counted yet, of
// one measure. They have no states: what was executed was executed.
type usage struct {
	tally
	first, last int64

	passed int64      // how many of them came by while they were listed
	seen   []acted    // the first ones that did
	prices []eachSums // of all that did, by the lines that price each by itself
}

// Actions of one period that several measures count are counted by which ones
// too: so a line that reads these knows how many different ones are behind it.
type shared struct {
	period   record.Time // its start
	version  int64
	measures string // their names, as listed by joinNames
}

// joinNames lists names in one text, in their order; splitNames takes them
// apart. A name has no comma.
func joinNames(names []string) string { return strings.Join(names, ",") }

func splitNames(list string) []string { return strings.Split(list, ",") }

// addAction counts an executed action for the measures that are of it.
func (s *State) addAction(r *record.Record, b *record.Action) {
	if b.Status != "executed" {
		return
	}
	at := s.instant(r)
	v := s.governing(at)
	if v == nil || !slices.ContainsFunc(v.measures, func(m *measure) bool { return m.counts(b) }) {
		return
	}
	p, ok := s.standing.PeriodAt(at)
	switch {
	case !ok || at < v.terms.From || at >= v.terms.Until:
		s.loose = append(s.loose, loose{n: r.Log.N, at: at, reason: outsideTerm})
		return
	case s.standing.SignatureVoid(r):
		s.loose = append(s.loose, loose{n: r.Log.N, at: at, reason: voidSignature})
		return
	}
	if len(s.periods) > 0 && at >= s.lastPeriod().Until {
		// Of a calendar period of which a part is settled, this is the rest.
		p.From = max(p.From, s.lastPeriod().Until)
	}
	facts := actionFacts(b)
	var parts []part
	for i, m := range v.measures {
		if !m.counts(b) {
			continue
		}
		switch q, truth := m.part(i, facts, at); truth {
		case 1:
			q.text = strings.Clone(q.text)
			parts = append(parts, q)
		case -1:
			s.loose = append(s.loose, loose{n: r.Log.N, at: at, reason: undefined})
			return
		}
	}
	if len(parts) > 1 {
		names := make([]string, len(parts))
		for i, q := range parts {
			names[i] = v.measures[q.measure].Name
		}
		s.shared[shared{p.From, v.number, joinNames(names)}]++
	}
	for _, q := range parts {
		where := slot{p.From, v.number, q.measure}
		u := s.usage[where]
		if u == nil {
			u = &usage{first: r.Log.N}
			s.usage[where] = u
		}
		u.add(v, v.measures[q.measure], q, r.Log.N, at, 1)
		u.last = r.Log.N
		if s.list != 0 {
			u.listed(s.list, v, acted{r.Log.N, at, strings.Clone(r.ID), q})
		}
	}
}

func (m *measure) counts(b *record.Action) bool {
	return m.Source == "action" && m.read && m.Of == b.Action
}

// actionFacts are the fields of an action that terms can read, sorted.
func actionFacts(b *record.Action) record.Facts {
	facts := make(record.Facts, 0, 3)
	for _, f := range [...]struct{ name, text string }{{"amount", string(b.Amount)}, {"currency", b.Currency}, {"resource", b.Resource}} {
		if f.text != "" {
			facts = append(facts, record.Fact{Name: f.name, Value: record.Value{Text: f.text}})
		}
	}
	return facts
}

// countUsage counts the actions up to the end of the period.
func (z *settlement) countUsage() {
	for _, at := range sortedSlots(z.s.usage) {
		if at.period >= z.period.Until || z.later && at.period < z.period.From {
			continue
		}
		u := z.s.usage[at]
		v := z.s.versions[at.version-1]
		m := v.measures[at.measure]
		period := z.period.From
		if v.number <= z.s.excluded {
			z.refused = append(z.refused, refusedUsage{at, shadow})
			continue
		}
		if at.period < z.period.From {
			p, ok := z.s.periodAt(at.period)
			switch kept := ok && p.Until > z.s.settledUpTo()-z.s.horizon(); {
			case z.terms.Settle.Late == "current" && z.s.horizon() == 0:
				// Terms of actions alone have no horizon, and this needs none.
			case !kept:
				// Nothing of that period is kept for certain.
				z.refused = append(z.refused, refusedUsage{at, final})
				continue
			case z.terms.Settle.Late == "refuse":
				z.refused = append(z.refused, refusedUsage{at, late})
				continue
			case z.terms.Settle.Late == "correction":
				period = p.From
			}
		}
		to := slot{period, at.version, at.measure}
		if m.term {
			to.period = never
			if z.later {
				continue
			}
		}
		y := z.change(to)
		y.after.claims += u.claims
		y.after.quantity = y.after.quantity.add(u.quantity)
		y.after.values = append(y.after.values, u.values...)
		slices.SortFunc(y.after.values, func(a, b value) int { return cmp.Compare(a.n, b.n) })
		y.note(u.claims, u.first, u.last)
		y.actions += u.claims
		z.acted = append(z.acted, countedUsage{at, to, u})
		if period == z.period.From || m.term {
			y.grades[gradeVendor] = y.grades[gradeVendor].add(larger(u.quantity, number{}))
			y.weakest = max(y.weakest, gradeVendor)
		}
	}
}

// A refusedUsage is a slot of actions that came too late, or outside the term.
type refusedUsage struct {
	at     slot
	reason reason
}

// A countedUsage is a slot of actions, and where the statement counts them.
type countedUsage struct {
	from, to slot
	*usage
}

// countedTwice is how many actions a list of changes has more often than once,
// for each time beyond the first. All of them are of this statement's period, or
// of the term.
func (z *settlement) countedTwice(list []*change) (n int64) {
	for at, count := range z.s.shared {
		times := int64(-1)
		for _, name := range splitNames(at.measures) {
			v := z.s.versions[at.version-1]
			from := slot{at.period, at.version, v.measure(name)}
			if slices.ContainsFunc(z.acted, func(c countedUsage) bool {
				return c.from == from && slices.Contains(list, z.current[at.version-1][from.measure]) && (c.to.period == z.period.From || c.to.period == never)
			}) {
				times++
			}
		}
		n += count * max(times, 0)
	}
	return n
}

func sortedSlots[T any](m map[slot]T) []slot {
	list := make([]slot, 0, len(m))
	for at := range m {
		list = append(list, at)
	}
	slices.SortFunc(list, slot.compare)
	return list
}
