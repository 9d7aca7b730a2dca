package responsibility

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// A correction says that a field of a source has another value.
type correction struct {
	n        int64 // since when it is on the ledger
	value    string
	admitted bool // by the supplier itself, or in a resolve
	disputed bool // the word of a dispute that is open
	records  []*record.Record
}

// correctionsOf returns what the records before the size of the run say of a
// field of a source, in ledger order.
func (u *run) correctionsOf(source *record.Record, name string) []correction {
	var all []correction
	seen := map[string]bool{source.ID: true}
	for queue := []*record.Record{source}; len(queue) > 0; queue = queue[1:] {
		for _, r := range u.about(queue[0].ID, u.size) {
			switch b := r.Body.(type) {
			case *record.Input:
				if seen[r.ID] {
					continue
				}
				seen[r.ID] = true
				queue = append(queue, r)
				if v := u.f.value(r, name, u.size); v.state == present {
					all = append(all, u.word(source, r, name, v.value))
				}
			case *record.Dispute:
				if v, ok := b.Claimed.Get(name); ok && queue[0] == source {
					all = append(all, u.claimed(r, text(v)))
				}
			case *record.Resolve:
				if queue[0] == source && b.About == source.ID && b.Field == name && b.Value != "" && b.Disposition == "upheld" {
					all = append(all, correction{n: r.Log.N, value: b.Value, admitted: true, records: []*record.Record{r}})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b correction) int { return cmpN(a.n, b.n) })
	return all
}

// word is a further input about a source: the supplier's word, or another's,
// which a resolve may admit.
func (u *run) word(source, r *record.Record, name, value string) correction {
	c := correction{n: r.Log.N, value: value, admitted: r.By == source.By && !u.f.void(r), records: []*record.Record{r}}
	for _, e := range u.about(r.ID, u.size) {
		b, ok := e.Body.(*record.Resolve)
		if ok && !c.admitted && b.About == r.ID && b.Disposition == "upheld" && (b.Field == "" || b.Field == name) && (b.Value == "" || compare(b.Value, value) == 0) {
			c.n, c.admitted, c.records = e.Log.N, true, append(c.records, e)
		}
	}
	return c
}

// claimed is what a dispute says about a source.
func (u *run) claimed(dispute *record.Record, value string) correction {
	c := correction{n: dispute.Log.N, value: value, disputed: true, records: []*record.Record{dispute}}
	for _, e := range u.about(dispute.ID, u.size) {
		b, ok := e.Body.(*record.Resolve)
		if !ok || b.Dispute != dispute.ID {
			continue
		}
		if c.disputed = false; !c.admitted && b.Disposition == "upheld" {
			c.n, c.admitted, c.records = e.Log.N, true, append(c.records, e)
		}
	}
	return c
}

// corrections runs the rules about what the decision depended on.
func (u *run) corrections() {
	if u.d == nil {
		return
	}
	seen := map[field]bool{}
	for _, dep := range u.decision.DependsOn {
		source := u.f.before(u.d.Log.N, dep.Ref)
		if source == nil || !isSource(source) {
			continue
		}
		for _, name := range fieldsOf(source, dep.Field) {
			if k := (field{source.ID, name}); !seen[k] {
				seen[k] = true
				u.corrected(source, name)
			}
		}
	}
}

// fieldsOf are the fields of a source that a dependency names: one, or all
// that stand in an input which is named as a whole.
func fieldsOf(source *record.Record, name string) []string {
	b, ok := source.Body.(*record.Input)
	if name != "" || !ok {
		return []string{name}
	}
	var names []string
	for _, f := range b.Fields {
		names = append(names, f.Name)
	}
	return names
}

func (u *run) corrected(source *record.Record, name string) {
	used := u.f.value(source, name, u.size)
	shown := shows(record.Operand{Ref: source.ID, Field: name}, used)
	of := "decision " + u.d.ID + ", which depends on " + shown
	differs := func(v string) bool { return used.state != present || compare(v, used.value) != 0 }
	var before, after, alleged, disputed *correction
	for _, c := range u.correctionsOf(source, name) {
		switch {
		case c.admitted && c.n < u.d.Log.N:
			before = &c
		case c.admitted:
			after = &c
		case c.n > u.d.Log.N && differs(c.value):
			if alleged = &c; c.disputed {
				disputed = &c
			}
		}
	}
	// Nobody can tell whether a field that is not shown differs.
	judge := func(rule Rule, party string, c *correction, known, right string, trips bool) {
		left, status := quoted(c.value)+" of "+c.records[0].ID+", known "+known+" it,", Established
		if trips && used.state == unavailable {
			status = Undeterminable
			u.test(rule, of, left, "!=", right, unknown)
		} else if !u.decide(rule, of, left, "!=", right, trips) {
			return
		}
		u.operative(rule, party, status, source, name, c)
	}
	if before != nil {
		judge(SupersededInput, u.x.By, before, "before", shown, differs(before.value))
	}
	switch {
	case after != nil:
		// What was known before the decision is not the supplier's fault again.
		known := before != nil && compare(before.value, after.value) == 0
		right := shown
		if known {
			right += ", and known before it"
		}
		judge(BadInput, source.By, after, "after", right, differs(after.value) && !known)
	case alleged != nil:
		if disputed != nil && (before == nil || compare(before.value, disputed.value) != 0) && u.unanswered(source, name, disputed) {
			return
		}
		u.test(BadInput, of, quoted(alleged.value)+" of "+alleged.records[0].ID+", the word of "+alleged.records[0].By+" alone,", "!=", shown, unknown)
		f := u.find(BadInput, source.By, Undeterminable, append(slices.Clone(alleged.records), source, u.d)...)
		f.ButFor = stronger(f.ButFor, u.butFor(BadInput, source, name, alleged.value))
	}
}

// unanswered presumes bad_input against a supplier that was asked for the source
// of an input and gave none, where a dispute says that the input is false, and
// with its word a check comes out otherwise. It reports whether it did.
func (u *run) unanswered(source *record.Record, name string, c *correction) bool {
	if source.By == u.x.By || len(u.handed(source, source.By)) > 0 {
		return false
	}
	var demands []*record.Record
	first := len(u.tests)
	for _, e := range u.about(source.ID, u.size) {
		b, ok := e.Body.(*record.Demand)
		if ok && b.Custodian == source.By && e.By != source.By && !u.f.void(e) &&
			u.decide(BadInput, "demand "+e.ID+" to the supplier", "deadline "+u.f.demandDue(e).String()+", and no disclosure,", "<", u.now().String(), u.f.demandDue(e) < u.now()) {
			demands = append(demands, e)
		}
	}
	if len(demands) == 0 || u.butFor(BadInput, source, name, c.value) != ButForYes {
		return false
	}
	f := u.find(BadInput, source.By, Presumed, slices.Concat(c.records, demands, []*record.Record{source, u.d})...)
	f.ButFor = ButForYes
	for i := first; i < len(u.tests); i++ {
		if u.tests[i].Result == yes && !slices.Contains(f.Tests, i) {
			f.Tests = append(f.Tests, i)
		}
	}
	slices.Sort(f.Tests)
	return true
}

// operative adds a finding that weighs only where the right value changes a
// check.
func (u *run) operative(rule Rule, party string, status Status, source *record.Record, name string, c *correction) {
	made := len(u.tests) - 1
	butFor := u.butFor(rule, source, name, c.value)
	weight := 0
	if butFor == ButForYes {
		weight = u.agreed.WeightOf(string(rule))
	}
	f := u.findWeighing(weight, rule, party, status, append(slices.Clone(c.records), source, u.d)...)
	f.ButFor = stronger(f.ButFor, butFor)
	if !slices.Contains(f.Tests, made) {
		f.Tests = append(f.Tests, made)
		slices.Sort(f.Tests)
	}
}

// stronger is yes before unknown before no.
func stronger(a, b ButFor) ButFor {
	for _, v := range []ButFor{ButForYes, ButForUnknown, ButForNo} {
		if a == v || b == v {
			return v
		}
	}
	return ""
}

// butFor replays the checks that read a field with another value of it.
func (u *run) butFor(rule Rule, source *record.Record, name, value string) ButFor {
	k := field{source.ID, name}
	read, open := false, false
	for i := range u.decision.Checks {
		c := &u.decision.Checks[i]
		if (field{c.Left.Ref, c.Left.Field}) != k && (field{c.Right.Ref, c.Right.Field}) != k {
			continue
		}
		was, knownBefore, _, _ := u.replay(c, nil)
		is, knownAfter, left, right := u.replay(c, map[field]string{k: value})
		of := "check " + c.ID + " with " + shows(c.Left, left) + " " + c.Op + " " + shows(c.Right, right)
		switch {
		case !knownBefore || !knownAfter:
			u.test(rule, of, "its result", "changes", "", unknown)
			open = true
		case u.decide(rule, of, "its result", "changes", "", was != is):
			return ButForYes
		}
		read = true
	}
	if !read || open {
		return ButForUnknown
	}
	return ButForNo
}
