package terms

import (
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// metrics reads the optional object metrics.
func (d *document) metrics(t *Terms, o *object) {
	o.namedIfThere("metrics", maxMetrics, func(path, name string, v any) {
		if !isID(name) {
			d.fail(path, "metric %s: want %s", quote(name), wantID)
		}
		m := Metric{Name: name}
		if mo, ok := d.object(path, v); ok {
			d.metric(t, &m, mo)
			mo.end()
		}
		t.Metrics = append(t.Metrics, m)
	})
}

func (d *document) metric(t *Terms, m *Metric, o *object) {
	m.By = d.partySet(t, o, "by")
	for _, id := range m.By {
		if p := t.Party(id); p != nil && p.Role != "" && !record.MayWrite(record.KindMeasurement, p.Role) {
			d.fail(join(o.path, "by"), "%s has the role %s, which may not write a measurement", id, p.Role)
		}
	}
	o.namedIfThere("facts", maxFacts, func(at, fact string, v any) {
		d.checkWord(at, fact)
		if fact == metricValue {
			d.fail(at, "%s is the number that is measured, want another name", fact)
		}
		m.Facts = append(m.Facts, FactType{Name: fact, Type: d.choiceOf(at, v, "bool", "decimal", "text", "time")})
	})
	m.FinalAfter, _ = o.duration("final_after")
}

// checkMetricsFinal checks that a measurement can be delivered, and restated,
// as long as the statement of its period is not due.
func (d *document) checkMetricsFinal(t *Terms) {
	want := longestPeriod(t.Calendar.Period) + t.Settle.CloseAfter
	for i := range t.Metrics {
		if m := &t.Metrics[i]; m.FinalAfter < want {
			d.fail("metrics."+m.Name+".final_after", "got %s, want at least %s: a period and settle.close_after last so long", m.FinalAfter, want)
		}
	}
}

// longestPeriod is how long a period of a kind can last, but for changes of
// the clocks.
func longestPeriod(period string) Duration {
	switch period {
	case "week":
		return 7 * day
	case "month":
		return 31 * day
	case "quarter":
		return 92 * day
	case "year":
		return 366 * day
	}
	return day
}

// metricValue is the name of what a measurement measures.
const metricValue = "value"

// fact returns the type of the value or of a field beside it, or nil.
func (m *Metric) fact(name string) *FactType {
	if name == metricValue {
		return &FactType{Name: metricValue, Type: "decimal"}
	}
	for i := range m.Facts {
		if m.Facts[i].Name == name {
			return &m.Facts[i]
		}
	}
	return nil
}

// actionFacts are what a condition and a measure read of an action.
var actionFacts = []FactType{{Name: "amount", Type: "decimal"}, {Name: "currency", Type: "text"}, {Name: "resource", Type: "text"}}

// measureOps are the ways to come from many numbers to one.
var measureOps = []string{"count", "sum", "min", "max", "last", "mean", "distinct"}

// measures reads the object measures.
func (d *document) measures(t *Terms, o *object) {
	o.namedIfThere("measures", maxMeasures, func(path, name string, v any) {
		d.checkWord(path, name)
		m := Measure{Name: name}
		if mo, ok := d.object(path, v); ok {
			d.measure(t, &m, mo)
			mo.end()
		}
		t.Measures = append(t.Measures, m)
	})
	for i := range t.Measures {
		d.checkOther(t, &t.Measures[i])
	}
}

func (d *document) measure(t *Terms, m *Measure, o *object) {
	var ops []string
	for _, op := range measureOps {
		if o.has(op) {
			ops = append(ops, op)
			o.taken[op] = true
		}
	}
	var facts []FactType
	known := false
	if len(ops) != 1 {
		d.fail(o.path, "want exactly one of %s", strings.ReplaceAll(anyOf(measureOps), " or ", " and "))
	} else {
		m.Op = ops[0]
		facts, known = d.measured(t, m, join(o.path, m.Op), o.fields[m.Op])
	}
	m.Over = o.choice("over", "period", "term")
	if m.Op == "distinct" && m.Over == "term" {
		d.fail(join(o.path, "over"), "got term, want period: the different values of a whole term are not kept")
	}
	if m.Source == "finding" {
		// A condition without a value would hide what was found.
		o.refuse("where", "each result that a finding voids counts")
	} else if known {
		m.Where = d.where(o, facts)
	} else {
		// Its facts are not known, so nothing can be said about it.
		o.taken["where"] = true
	}
	switch {
	case m.Source == "metric":
		if mo, ok := o.object("missing"); ok {
			m.Missing = d.missing(m, mo)
			mo.end()
		}
	case m.Source != "":
		o.refuse("missing", "only measurements can be missing")
	default:
		o.taken["missing"] = true
	}
	if v, path, ok := o.optional("credit"); ok {
		switch {
		case m.Source == "":
		case m.Source != "result" || m.Op != "count" && m.Op != "sum":
			d.fail(path, "unknown field: a credit is a share of the results that a count or a sum bills")
		default:
			if co, ok := d.object(path, v); ok {
				m.Credit = d.credit(t, m, co)
				co.end()
			}
		}
	}
}

// measured reads what a measure is of: RESULT, metric/METRIC, action/NAME or
// finding/RESULT,
// and after a point what of them it takes. known tells whether the facts are
// those of something that there is.
func (d *document) measured(t *Terms, m *Measure, path string, v any) (facts []FactType, known bool) {
	want := "RESULT.FACT, metric/METRIC.FIELD or action/NAME.amount"
	switch m.Op {
	case "count":
		want = "the name of a result, metric/METRIC, action/NAME or finding/RESULT"
	case "distinct":
		want = "RESULT.FACT, metric/METRIC.FIELD or action/NAME.resource"
	}
	s, ok := d.textOf(path, v, want)
	if !ok {
		return nil, false
	}
	of, source := s, "result"
	if rest, ok := strings.CutPrefix(s, "metric/"); ok {
		of, source = rest, "metric"
	} else if rest, ok := strings.CutPrefix(s, "action/"); ok {
		of, source = rest, "action"
	} else if rest, ok := strings.CutPrefix(s, "finding/"); ok {
		of, source = rest, "finding"
	}
	if source == "finding" && m.Op != "count" {
		d.fail(path, "got %s, want count: findings have no value", quote(s))
		return nil, false
	}
	if m.Op != "count" {
		i := strings.LastIndexByte(of, '.')
		if i <= 0 || i == len(of)-1 {
			d.fail(path, "got %s, want %s", quote(s), want)
			return nil, false
		}
		of, m.Fact = of[:i], of[i+1:]
	}
	m.Of, m.Source = of, source
	types := []string{"decimal"}
	if m.Op == "distinct" {
		types = []string{"decimal", "text", "time"}
	}
	switch source {
	case "metric":
		metric := t.Metric(of)
		if metric == nil {
			d.fail(path, "there is no metric %s", quote(of))
			return nil, false
		}
		facts = append([]FactType{{Name: metricValue, Type: "decimal"}}, metric.Facts...)
		slices.SortFunc(facts, func(a, b FactType) int { return strings.Compare(a.Name, b.Name) })
		if m.Op != "count" {
			d.wantType(path, "metric "+of, m.Fact, metric.fact(m.Fact), types...)
		}
	case "action":
		if of == "" || len(of) > record.MaxLabelBytes {
			d.fail(path, "got %s, want the name of an action of 1 to %d bytes", quote(s), record.MaxLabelBytes)
		}
		facts = actionFacts
		field := "amount"
		if m.Op == "distinct" {
			field = "resource"
		}
		if m.Op != "count" && m.Fact != field {
			d.fail(path, "got %s, want action/NAME.%s: of actions, %s takes the %s", quote(s), field, m.Op, field)
		}
	case "finding":
		r := t.Result(of)
		if r == nil {
			d.fail(path, "there is no result %s", quote(of))
			return nil, false
		}
		if f := r.Findings(); f == nil || len(f.Void) == 0 {
			d.fail(path, "result %s has no effect.findings.void: no finding voids it", of)
		}
	default:
		r := t.Result(of)
		if r == nil {
			d.fail(path, "there is no result %s", quote(of))
			return nil, false
		}
		facts = r.Facts
		if m.Op == "count" {
			break
		}
		d.wantType(path, "result "+of, m.Fact, r.Fact(m.Fact), types...)
		if f := r.Fact(m.Fact); f != nil && m.Op == "sum" {
			f.summed = true
		}
	}
	return facts, true
}

// canBeNegative reports whether the measure can be below 0.
func (m *Measure) canBeNegative() bool {
	switch m.Op {
	case "count", "distinct":
		return false
	case "sum":
		return m.Source == "metric"
	}
	// A fact of a result is held to 0 or more only where it is summed.
	return m.Source != "action"
}

// missing reads what stands in for a measurement.
func (d *document) missing(m *Measure, o *object) *Missing {
	missing := &Missing{Then: o.choice("then", "last", "value", "other", "hold")}
	switch missing.Then {
	case "value":
		if m.canBeNegative() {
			missing.Value = o.signed("value")
		} else {
			missing.Value = o.decimal("value", false)
		}
	case "other":
		missing.Measure, _ = o.text("measure", "the name of a measure")
	}
	return missing
}

// checkOther checks the measure that stands in for m.
func (d *document) checkOther(t *Terms, m *Measure) {
	if m.Missing == nil || m.Missing.Then != "other" || m.Missing.Measure == "" {
		return
	}
	path := "measures." + m.Name + ".missing.measure"
	other := t.Measure(m.Missing.Measure)
	switch {
	case other == nil:
		d.fail(path, "there is no measure %s", quote(m.Missing.Measure))
	case other == m:
		d.fail(path, "%s stands in for itself", m.Name)
	case other.Source != "" && other.Source != "metric":
		d.fail(path, "measure %s is of a %s, want one of a metric", other.Name, other.Source)
	case other.Over != "" && m.Over != "" && other.Over != m.Over:
		d.fail(path, "measure %s is over the %s, want one over the %s", other.Name, other.Over, m.Over)
	case other.Missing != nil && other.Missing.Then == "other":
		d.fail(path, "measure %s may be missing for another one itself, want last, value or hold there", other.Name)
	case other.canBeNegative() && !m.canBeNegative():
		d.fail(path, "measure %s can be below 0, and %s cannot", other.Name, m.Name)
	}
}
