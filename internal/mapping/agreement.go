package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// CheckTerms compares the mapping with a version of the agreement, before
// any row is read: the result and its facts, who writes, and how old a record
// may be. It is called for each version before [Mapping.Records].
func (m *Mapping) CheckTerms(t *terms.Terms) error {
	d := &document{}
	operator := t.Operator().ID
	if m.checked > 0 && operator != m.operator {
		return fmt.Errorf("mapping: versions of the agreement name %s and %s as vendor", m.operator, operator)
	}
	m.operator = operator
	if m.backfilled && t.Backfill != "accept" {
		return fmt.Errorf("mapping: backfilled is true, but the agreement says backfill: %s", t.Backfill)
	}
	if o := m.outcome; o != nil {
		result := t.Result(o.result)
		if result == nil {
			var names []string
			for _, r := range t.Results {
				names = append(names, r.Name)
			}
			d.mistake(o.place, "result %q is not in the agreement, which has %s", o.result, strings.Join(names, ", "))
			return &MistakesError{Mistakes: d.mistakes}
		}
		if !slices.Contains(result.Claim, operator) {
			d.mistake(o.place, "result %q is not for %s to claim, but for %s", o.result, operator, strings.Join(result.Claim, ", "))
		}
		for _, f := range o.facts {
			i := slices.IndexFunc(result.Facts, func(t terms.FactType) bool { return t.Name == f.name })
			switch {
			case i < 0:
				d.mistake(f.place, "result %q has no such fact", o.result)
			case f.value.number && result.Facts[i].Type != "decimal":
				d.mistake(f.place, "is a number, but the agreement says %s", result.Facts[i].Type)
			case f.value.test != nil && result.Facts[i].Type != "bool":
				d.mistake(f.place, "is true or false, but the agreement says %s", result.Facts[i].Type)
			}
		}
		if len(result.Evidence) > 0 {
			d.mistake(o.place, "result %q asks for attachments, which an import has not: %s", o.result, strings.Join(result.Evidence, ", "))
		}
		if m.reverse != nil && m.reverse.reduces != nil {
			if result.Quantity == "" {
				d.mistake(m.reverse.place, "reduces: result %q has no quantity that could fall", o.result)
			} else if !slices.ContainsFunc(o.facts, func(f fact) bool { return f.name == result.Quantity }) {
				d.mistake(o.place, "facts: %s is not given, which reversals reduce", result.Quantity)
			}
			if m.checked > 0 && result.Quantity != m.quantity {
				d.mistake(m.reverse.place, "reduces: versions of the agreement reduce %q and %q", m.quantity, result.Quantity)
			}
		}
		m.quantity = result.Quantity
		if m.quantity != "" {
			m.count("result", result.Name, m.quantity)
		}
	}
	if s := m.measure; s != nil {
		s.check(d, t, operator)
	}
	for _, measure := range t.Measures {
		if measure.Fact != "" && measure.Op != "distinct" {
			m.count(measure.Source, measure.Of, measure.Fact)
		}
	}
	m.checked++
	if len(d.mistakes) > 0 {
		return &MistakesError{Mistakes: d.mistakes}
	}
	return nil
}

// check compares the measurements with the metric they are of. One that the
// agreement does not declare carries no money; one whose name the rows give
// is compared record by record, when it is appended.
func (s *measureRows) check(d *document, t *terms.Terms, operator string) {
	if s.metric == nil || len(s.metric.fields) > 0 {
		return
	}
	metric := t.Metric(s.metric.parts[0])
	if metric == nil {
		return
	}
	if !slices.Contains(metric.By, operator) {
		d.mistake(s.place, "metric %q is not for %s to measure, but for %s", metric.Name, operator, strings.Join(metric.By, ", "))
	}
	for _, f := range s.fields {
		i := slices.IndexFunc(metric.Facts, func(t terms.FactType) bool { return t.Name == f.name })
		switch {
		case i < 0:
			d.mistake(f.place, "metric %q has no such fact", metric.Name)
		case f.value.number && metric.Facts[i].Type != "decimal":
			d.mistake(f.place, "is a number, but the agreement says %s", metric.Facts[i].Type)
		case f.value.test != nil && metric.Facts[i].Type != "bool":
			d.mistake(f.place, "is true or false, but the agreement says %s", metric.Facts[i].Type)
		}
	}
}

// A counted is a number that measures of the agreement read: a fact of a
// result, or the value or a field of a metric.
type counted struct{ source, of, fact string }

func (m *Mapping) count(source, of, fact string) {
	if m.counted == nil {
		m.counted = map[counted]bool{}
	}
	m.counted[counted{source, of, fact}] = true
}

// checkCounted refuses a number that a settlement gives no value: the result or
// measurement would be in no sum, and nobody told.
func (m *Mapping) checkCounted(r *record.Record) error {
	var source, of string
	var facts record.Facts
	switch b := r.Body.(type) {
	case *record.Outcome:
		source, of, facts = "result", b.Result, b.Facts
	case *record.Measurement:
		source, of, facts = "metric", b.Metric, b.Fields
		if m.counted[counted{source, of, "value"}] && terms.TooLong(string(b.Value)) {
			return fmt.Errorf("value: got %s, %s: it would count for nothing", b.Value, terms.WantShort)
		}
	}
	for _, f := range facts {
		if m.counted[counted{source, of, f.Name}] && terms.TooLong(f.Value.Text) {
			return fmt.Errorf("fact %s: got %s, %s: it would count for nothing", f.Name, f.Value.Text, terms.WantShort)
		}
	}
	return nil
}
