package terms

import (
	"fmt"
	"slices"
)

// ReviewAmendment warns of what an amendment of old to t does to amounts beside
// what it says: what was charged is charged again, and money paid before is
// there again or for longer. It is of terms that begin later than old.
func ReviewAmendment(old, t *Terms) []Mistake {
	if t.From <= old.From {
		return nil
	}
	var warnings []Mistake
	warn := func(path, format string, args ...any) {
		warnings = append(warnings, Mistake{path, fmt.Sprintf(format, args...), true})
	}
	// The periods of both, as they are settled. The amendment governs one from the
	// first on of which it governs the last moment.
	both := &Standing{versions: []Version{{Terms: old}, {Terms: t}}}
	for i := range t.Lines {
		l := &t.Lines[i]
		j := slices.IndexFunc(old.Lines, func(o Line) bool { return o.Name == l.Name })
		if j < 0 || old.Lines[j].DueAt == l.DueAt || old.Lines[j].DueAt == 0 || t.overTerm(l) || old.overTerm(&old.Lines[j]) {
			continue
		}
		path, was := element("lines", i)+".due_at", old.Lines[j].DueAt
		before, ok := both.PeriodAt(was)
		charged := ok && before.Until <= t.From
		if l.DueAt == 0 {
			if charged {
				warn(path, "line %s is due in every period from %v on, and was charged at %v already", l.Name, t.From, was)
			}
			continue
		}
		if charged { // it is due from the beginning of the amendment on at the earliest
			warn(path, "line %s was due at %v, before the amendment begins, and is due again at %v: it is charged twice", l.Name, was, l.DueAt)
		}
	}
	for i := range t.Settle.Prepaid {
		p := &t.Settle.Prepaid[i]
		j := slices.IndexFunc(old.Settle.Prepaid, func(o Prepaid) bool { return o.Name == p.Name })
		if j < 0 || p.Until <= old.Settle.Prepaid[j].Until {
			continue
		}
		path, was := element("settle.prepaid", i)+".until", old.Settle.Prepaid[j].Until
		// It lapses with the first period that begins at or after its end.
		lapse, ok := both.PeriodAt(was)
		if ok && lapse.From < was {
			lapse, ok = both.After(lapse)
		}
		if ok && lapse.Until <= t.From {
			warn(path, "%s had lapsed at %v, before the amendment begins: by a later end all of %s is there anew", p.Name, was, p.Amount)
			continue
		}
		warn(path, "what is left of %s at %v does not lapse then: statements draw on it until %v", p.Name, was, p.Until)
	}
	return warnings
}

// overTerm reports whether the amount of a line goes on over the whole term: then
// it takes what it has come to less what was charged before.
func (t *Terms) overTerm(l *Line) bool {
	if t.OverOf(l.Of) == "term" {
		return true
	}
	return l.Of == "" && slices.ContainsFunc(l.Adjust, func(a Adjustment) bool { return a.By != "" && t.OverOf(a.By) == "term" })
}
