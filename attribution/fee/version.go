package fee

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A version is a version of the terms with its prices made ready.
type version struct {
	number   int64
	agreed   bool
	terms    *terms.Terms
	digest   record.Digest // of the terms
	mode     exact.Mode
	rules    map[string]*rule
	measures []*measure // as in the terms
	tables   []*table   // of the lines, as in the terms
	adjusts  []adjust   // of the statement

	horizon     record.Time // longest final_after
	voidHorizon record.Time // longest final_after of results that an escalation voids, 0 if none
	holdHorizon record.Time // longest final_after of results that a dispute about their action holds, 0 if none
}

// A rule is a result of the terms with what reads it.
type rule struct {
	*terms.Result
	version *version
	reads   []string // facts that conditions and measures read, sorted
	uses    []use
	finds   []use // measures that count it once a finding voids it
	keeps   bool  // a finding may keep it in the fee
	piece   piece // for the next claims
}

// A use is a measure that a line reads, by its place among the measures.
type use struct {
	at int
	*measure
}

// A measure of the terms, as the fold needs it.
type measure struct {
	*terms.Measure
	term   bool  // over the term, not the period
	listed bool  // its values are kept one by one
	each   []int // lines that price its results one by one
	read   bool  // a line or the statement's adjustments read it
	joint  bool  // a line reads it together with others

	decimal bool // what it takes is a decimal
}

func newVersion(of terms.Version) *version {
	t := of.Terms
	v := &version{number: of.Number, agreed: of.Agreed, terms: t, digest: t.Digest(), mode: exact.Mode(t.Rounding.Mode), rules: map[string]*rule{}}
	for i := range t.Measures {
		m := &measure{Measure: &t.Measures[i], term: t.Measures[i].Over == "term"}
		switch m.Op {
		case "min", "max", "last", "distinct":
			m.listed = true
		}
		switch m.Source {
		case "result":
			f := t.Result(m.Of).Fact(m.Fact)
			m.decimal = f != nil && f.Type == "decimal"
		case "metric":
			m.decimal = v.fieldType(m.Of, m.Fact) == "decimal"
		}
		v.measures = append(v.measures, m)
	}
	reads := func(names ...string) {
		for _, name := range names {
			for _, m := range t.Reads(name) {
				v.measures[v.measure(m)].read = true
				v.measures[v.measure(m)].joint = true
			}
		}
	}
	adjusts := func(list []terms.Adjustment) {
		for _, a := range list {
			if a.By != "" {
				reads(a.By)
			}
		}
	}
	for i := range t.Lines {
		l := newTable(t, &t.Lines[i])
		v.tables = append(v.tables, l)
		switch {
		case l.own:
			v.measures[v.measure(l.of)].read = true
		case l.of != "":
			reads(l.of)
		}
		adjusts(t.Lines[i].Adjust)
		if l.mode != each {
			continue
		}
		m := v.measures[v.measure(l.of)]
		l.share = len(m.each)
		m.each = append(m.each, i)
		m.listed = m.listed || l.free != nil
	}
	adjusts(t.Adjust)
	v.adjusts = newAdjusts(t.Adjust)
	// What stands in for a measure is read with it.
	for changed := true; changed; {
		changed = false
		for _, m := range v.measures {
			if m.read && m.Missing != nil && m.Missing.Measure != "" {
				if other := v.measures[v.measure(m.Missing.Measure)]; !other.read || !other.joint {
					other.read, other.joint, changed = true, true, true
				}
			}
		}
	}
	for i := range t.Results {
		r := &rule{Result: &t.Results[i], version: v}
		r.reads = r.read(r.Where, r.Quantity)
		v.rules[r.Name] = r
		v.horizon = max(v.horizon, record.Time(r.FinalAfter))
		if r.Escalation == "void" {
			v.voidHorizon = max(v.voidHorizon, record.Time(r.FinalAfter))
		}
		if r.Holds() {
			v.holdHorizon = max(v.holdHorizon, record.Time(r.FinalAfter))
		}
		r.keeps = r.Findings() != nil && len(r.Findings().Keep) > 0
	}
	for i := range t.Metrics {
		v.horizon = max(v.horizon, record.Time(t.Metrics[i].FinalAfter))
	}
	for i, m := range v.measures {
		if m.Source == "finding" && m.read {
			v.rules[m.Of].finds = append(v.rules[m.Of].finds, use{i, m})
		}
		if m.Source != "result" || !m.read {
			continue
		}
		r := v.rules[m.Of]
		r.uses = append(r.uses, use{i, m})
		r.reads = r.read(m.Where, m.Fact)
		if k := m.Credit; k != nil && k.Of != "" && k.By != "author" {
			touched := v.rules[k.Of]
			touched.reads = touched.read(nil, k.By)
		}
	}
	return v
}

// measure is the place of the measure of that name, -1 if there is none.
func (v *version) measure(name string) int {
	return slices.IndexFunc(v.measures, func(m *measure) bool { return m.Name == name })
}

// line is the place of the line of that name, -1 if there is none.
func (v *version) line(name string) int {
	return slices.IndexFunc(v.tables, func(t *table) bool { return t.name == name })
}

// read adds the names that a condition and a fact reference read.
func (r *rule) read(condition *terms.Expr, fact string) []string {
	names := r.reads
	if condition != nil {
		names = append(names, condition.Names()...)
	}
	if fact != "" {
		names = append(names, fact)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// horizon is the longest final_after of any version.
func (s *State) horizon() record.Time {
	var h record.Time
	for _, v := range s.versions {
		h = max(h, v.horizon)
	}
	return h
}

func (s *State) version(number int64) *version {
	if number < 1 || number > int64(len(s.versions)) {
		return nil
	}
	return s.versions[number-1]
}
