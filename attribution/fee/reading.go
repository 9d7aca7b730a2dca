package fee

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A reading is a measurement of a metric of the terms. Of several with one key
// the latest stands: whoever measures may restate, until the metric's horizon.
type reading struct {
	n          int64
	metric     string
	id, key    string
	moment     record.Time // the last one of the span it measures, or its instant
	at         record.Time // instant of the record
	version    *version    // governs the moment
	author     role
	backfilled bool
	resolved   bool         // a resolution set it: no restatement goes before
	facts      record.Facts // what measures read, value among it
	marks
}

// fieldValue is what the terms call the number of a measurement.
const fieldValue = "value"

// metricOf is the metric that a measurement counts for, nil if it is of none.
func metricOf(v *version, by, metric string) *terms.Metric {
	m := v.terms.Metric(metric)
	if m == nil || !slices.Contains(m.By, by) {
		return nil
	}
	return m
}

// momentOf is the last moment of what is measured.
func momentOf(b *record.Measurement) record.Time {
	if b.Until > b.From {
		return b.Until - 1
	}
	return b.From
}

func (s *State) addMeasurement(r *record.Record, b *record.Measurement) {
	at, moment := s.instant(r), momentOf(b)
	v := s.governing(moment)
	if v == nil {
		v = s.governing(at)
		if v == nil || metricOf(v, r.By, b.Metric) == nil {
			return
		}
		s.loose = append(s.loose, loose{n: r.Log.N, at: at, reason: outsideTerm})
		return
	}
	m := metricOf(v, r.By, b.Metric)
	if m == nil {
		return // carries no money
	}
	switch {
	case s.standing.SignatureVoid(r):
		s.loose = append(s.loose, loose{n: r.Log.N, at: at, reason: voidSignature})
		return
	case s.settledUpTo() >= moment+record.Time(m.FinalAfter):
		s.loose = append(s.loose, loose{n: r.Log.N, at: at, reason: final})
		return
	}
	x := &reading{
		n: r.Log.N, metric: m.Name, id: strings.Clone(r.ID), moment: moment, at: at, version: v,
		key:    readingKey(m.Name, r.By, r.Case, r.Subject, b.From, b.Until),
		author: roleOf(v.terms, r.By), backfilled: r.Backfilled,
		facts: readingFacts(b), marks: marks{since: never, period: never},
	}
	s.readings = append(s.readings, x)
}

// readingKey tells what is measured, and by whom.
func readingKey(metric, by, matter, subject string, from, until record.Time) string {
	return strings.Join([]string{metric, by, matter, subject, from.String(), until.String()}, " ")
}

func readingFacts(b *record.Measurement) record.Facts {
	facts := make(record.Facts, 0, len(b.Fields)+1)
	for _, f := range b.Fields {
		facts = append(facts, record.Fact{Name: strings.Clone(f.Name), Value: record.Value{IsBool: f.Value.IsBool, Bool: f.Value.Bool, Text: strings.Clone(f.Value.Text)}})
	}
	if b.Value != "" {
		facts = append(facts, record.Fact{Name: fieldValue, Value: record.Value{Text: strings.Clone(string(b.Value))}})
	}
	slices.SortFunc(facts, func(a, b record.Fact) int { return strings.Compare(a.Name, b.Name) })
	return facts
}

// settledUpTo is the closing of the last statement, before all instants if
// there is none.
func (s *State) settledUpTo() record.Time {
	if len(s.periods) == 0 {
		return -never
	}
	return s.lastPeriod().closing
}

// resolveReading takes a resolution that says what holds of a live measurement.
// It reports whether r is one.
func (s *State) resolveReading(r *record.Record, b *record.Resolve) bool {
	if b.Field == "" || b.Value == "" || s.standing.SignatureVoid(r) {
		return false
	}
	i := slices.IndexFunc(s.readings, func(x *reading) bool { return x.id == b.About })
	if i < 0 {
		return false
	}
	old := s.readings[i]
	j := slices.IndexFunc(old.facts, func(f record.Fact) bool { return f.Name == b.Field })
	if j < 0 || old.facts[j].Value.IsBool {
		return false
	}
	if old.version.fieldType(old.metric, b.Field) == "decimal" {
		if _, err := record.ParseDecimal(b.Value); err != nil {
			return false
		}
	}
	x := *old
	x.n, x.at, x.id, x.resolved = r.Log.N, s.instant(r), strings.Clone(r.ID), true
	x.marks = marks{since: never, period: never}
	x.facts = slices.Clone(old.facts)
	x.facts[j].Value.Text = strings.Clone(b.Value)
	s.readings = append(s.readings, &x)
	return true
}

// fieldType is the type of a field of a metric.
func (v *version) fieldType(metric, field string) string {
	if field == fieldValue {
		return "decimal"
	}
	if m := v.terms.Metric(metric); m != nil {
		for _, f := range m.Facts {
			if f.Name == field {
				return f.Type
			}
		}
	}
	return ""
}

// A readingDecision is what the settlement does with one measurement.
type readingDecision struct {
	reading *reading
	reason  reason
	before  []part
	parts   []part
	period  record.Time
	leaves  bool
	marks   marks
}

// decideReadings works out what becomes of the measurements.
func (z *settlement) decideReadings() {
	s := z.s
	if len(s.readings) == 0 {
		return
	}
	// Which of those with one key stands.
	stands := map[string]*reading{}
	for _, x := range s.readings {
		if x.at > z.closing || x.version.number <= s.excluded || z.tooLate(x) {
			continue
		}
		old := stands[x.key]
		if old == nil || x.resolved && !old.resolved || x.resolved == old.resolved && x.n > old.n {
			stands[x.key] = x
		}
	}
	onlyResolved(stands)
	z.readings = make([]readingDecision, len(s.readings))
	for i, x := range s.readings {
		d := &z.readings[i]
		d.reading, d.marks = x, x.marks
		horizon := x.moment + record.Time(x.version.terms.Metric(x.metric).FinalAfter)
		if x.at > z.closing {
			if z.closing >= horizon {
				// What it would restate leaves now, and cannot be taken out any more.
				d.reason, d.leaves = final, true
			}
			continue
		}
		d.marks.since = min(x.since, z.period.From)
		t := x.version.terms
		switch {
		case x.version.number <= s.excluded:
			d.reason, d.leaves = shadow, true
			continue
		case x.moment < t.From || x.moment >= t.Until:
			d.reason, d.leaves = outsideTerm, true
			continue
		}
		waits := false
		switch up := stands[x.key] == x; {
		case z.tooLate(x):
			d.reason = late
		case x.period != never && !up:
			d.before, d.period, d.marks.parts = x.parts, x.period, nil
			d.reason = restated
		case x.period == never && up:
			if x.moment >= z.period.Until {
				d.reason, waits = pending, true
				break
			}
			d.period = z.period.From
			if x.moment < z.period.From {
				p, ok := s.periodAt(x.moment)
				if !ok {
					d.reason = outsideTerm
					break
				}
				d.period = p.From
			}
			parts, ok := x.measured()
			if !ok {
				d.reason = undefined
				break
			}
			if len(parts) == 0 {
				d.reason = noLine
				break
			}
			d.reason, d.parts = billed, parts
			d.marks.period, d.marks.parts = d.period, parts
		case x.period == never:
			d.reason = restated
		}
		d.leaves = !waits && z.closing >= horizon
		if !d.reason.underWay() && d.reason == x.said && len(d.before)+len(d.parts) == 0 {
			d.reason = unsaid
		}
		if d.reason != unsaid {
			d.marks.said = d.reason
		}
		z.move(x.version, d.period, d.before, -1, x.n, x.moment, 0, false)
		z.move(x.version, d.period, d.parts, 1, x.n, x.moment, x.grade(), true)
	}
}

// onlyResolved leaves, of the measurements of one span whoever measured it, the
// one that both sides resolved, if they did: neither takes it back by
// measuring again, as itself or as another author.
func onlyResolved(stands map[string]*reading) {
	agreed := map[string]*reading{}
	for _, x := range stands {
		if old := agreed[spanOf(x.key)]; x.resolved && (old == nil || x.n > old.n) {
			agreed[spanOf(x.key)] = x
		}
	}
	if len(agreed) == 0 {
		return
	}
	for key, x := range stands {
		if a := agreed[spanOf(key)]; a != nil && a != x {
			delete(stands, key)
		}
	}
}

// spanOf is the key of a measurement without its author.
func spanOf(key string) string {
	metric, rest, _ := strings.Cut(key, " ")
	_, rest, _ = strings.Cut(rest, " ")
	return metric + " " + rest
}

// tooLate reports whether a measurement came after its period was settled, and
// the terms refuse that. What both sides resolve is never late.
func (z *settlement) tooLate(x *reading) bool {
	return !x.resolved && x.period == never && z.terms.Settle.Late == "refuse" && x.moment < min(x.since, z.period.From)
}

// measured gives what the measurement adds to the measures of its version; ok
// is false where one of them has no value.
func (x *reading) measured() (parts []part, ok bool) {
	for i, m := range x.version.measures {
		if m.Source != "metric" || m.Of != x.metric || !m.read {
			continue
		}
		p, truth := m.part(i, x.facts, x.moment)
		switch truth {
		case -1:
			return nil, false
		case 1:
			parts = append(parts, p)
		}
	}
	return parts, true
}

// part is what facts add to a measure at its place; truth is that of the
// condition of the measure: 1, 0, or -1 where something has no value.
func (m *measure) part(at int, facts record.Facts, occurred record.Time) (p part, truth int) {
	if truth := holds(m.Where, facts, occurred); truth != 1 {
		return part{}, truth
	}
	p = part{measure: at, quantity: one}
	switch m.Op {
	case "count":
	case "distinct":
		v, ok := facts.Get(m.Fact)
		if !ok || v.IsBool {
			return part{}, -1
		}
		p.text = v.Text
		if m.decimal {
			// 1 and 1.0 are two texts and one value.
			x, err := parseNumber(v.Text)
			if err != nil {
				return part{}, -1
			}
			p.text = x.String()
		}
	default:
		var ok bool
		if p.quantity, ok = factNumber(facts, m.Fact); !ok {
			return part{}, -1
		}
	}
	return p, 1
}

func (x *reading) grade() grade {
	switch {
	case x.resolved:
		return gradeBoth
	case x.author == client:
		return gradeClient
	case x.backfilled:
		return gradeBackfilled
	case x.author == vendor:
		return gradeVendor
	}
	return gradeThird
}

// writeReading writes the line of a measurement:
//
//	["reading",n,metric,id,key,moment,at,version,author,flags,facts,since,said,booking]
func (r *row) writeReading(x *reading, m marks) []byte {
	r.begin(lineReading).int(x.n).text(x.metric).text(x.id).text(x.key).
		time(x.moment).time(x.at).int(x.version.number).text(roleWords[x.author]).flags(x.backfilled, x.resolved)
	return r.facts(x.facts).marks(x.version, &m).end()
}

func (s *State) readReading(c *cells) error {
	x := &reading{n: c.int(), metric: c.text(), id: c.text(), key: c.text(), moment: c.time(), at: c.time()}
	number := c.int()
	x.author = role(c.word(roleWords[:]))
	flags := c.flags(2)
	x.backfilled, x.resolved = flags[0], flags[1]
	x.facts = c.facts()
	if x.version = s.version(number); x.version == nil {
		return fmt.Errorf("version %d is not there", number)
	}
	if x.moment < x.version.terms.From {
		return fmt.Errorf("version %d does not govern %v", number, x.moment)
	}
	if x.version.terms.Metric(x.metric) == nil {
		return fmt.Errorf("version %d has no metric %s", number, x.metric)
	}
	var err error
	if x.marks, err = c.marks(x.version, func(m *measure) bool { return m.Source == "metric" && m.Of == x.metric }); err != nil {
		return err
	}
	for _, f := range x.facts {
		if t := x.version.fieldType(x.metric, f.Name); t == "" || f.Value.IsBool != (t == "bool") {
			return fmt.Errorf("fact %s is no %s", f.Name, t)
		} else if t == "decimal" {
			if _, err := record.ParseDecimal(f.Value.Text); err != nil {
				return fmt.Errorf("fact %s: %v", f.Name, err)
			}
		}
	}
	s.readings = append(s.readings, x)
	return c.done()
}
