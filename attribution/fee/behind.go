package fee

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// A Backing is what stands behind one line of a statement, behind one correction
// in it, or behind what its own adjustments read: measure by measure, with the
// records that each was counted from.
type Backing struct {
	Line     string // "" of the statement's own adjustments
	Version  int64
	Period   string // that is corrected, "" of what is of the statement's own period
	Steps    []Step // how the amount of the line, or of the correction, comes about
	Measures []Measured
}

// A Measured is one measure behind a line. What of it the statement counted, or
// took out, is listed in the order of the records: results and measurements
// first, then actions.
type Measured struct {
	Name   string
	Means  string         // what it is, in words
	Noun   string         // what it counts: result, measurement or action
	Beside bool           // an adjustment reads it beside what the line prices: it is not among the records of the line
	Value  record.Decimal // "" where there is none

	// Over the term, and in a period that is corrected, it counts on from what it
	// was before the statement, and from how many that was.
	CountsOn bool
	Before   record.Decimal
	Earlier  int64

	StandIn string // what stands in for a measurement that is missing, in words, "" where none is missing

	Sources []Source // the first ones
	Count   int64    // how many there are

	// Actions that the state took over, already added up: how many of Count, and
	// the first of them.
	Hidden, HiddenFirst int64
}

// A Source is a record that counts, or counted, for a measure.
type Source struct {
	N        int64
	At       record.Time    // when it occurred
	Key      string         // of a result its name and key, else what it is of and its id
	Quantity record.Decimal // what the measure gained by it
	Text     string         // the value, where different texts are counted
	Amount   record.Decimal // what the line gained by it, before adjustments, "" where that is not of one record
	Price    string         // where each record is priced by itself: its price on paper
	Counted  bool           // now; else it was, and is taken out
	Reason   string         // as in the detail
	By       []int64        // the records by which it is taken back, where it is
	Lapsed   bool           // it is a dispute, which nobody resolved in time
	Credit   []string       // who shares it, in words
}

// An acted is an action that is listed.
type acted struct {
	n    int64
	at   record.Time
	id   string
	part part
}

// List keeps of the actions that come as many as are listed for each measure:
// they are in no detail. A number below 0 is all.
func (s *State) List(most int) { s.list = most }

// listed notes an action that counts.
func (u *usage) listed(most int, v *version, a acted) {
	u.passed++
	each := v.measures[a.part.measure].each
	if u.prices == nil && len(each) > 0 {
		u.prices = make([]eachSums, len(each))
	}
	for k, i := range each {
		if t := v.tables[i]; t.free == nil {
			u.prices[k].add(t, t.pricedOne(a.part.quantity))
		}
	}
	if most < 0 || len(u.seen) < most {
		u.seen = append(u.seen, a)
	}
}

// Backings are the statement that Settle computes, and what stands behind its
// lines: for each measure at most as many records as List says. line names the
// line that is asked for, "" all of them.
func (s *State) Backings(line string, detail func(line []byte) error) (*record.Statement, []Backing, error) {
	return s.backings(&backings{most: s.list, line: line}, detail)
}

// BackingsOf are what Backings gives, of one result alone: of each measure only
// what it counts of the result with the key, and of no line how it comes about.
func (s *State) BackingsOf(key string, detail func(line []byte) error) (*record.Statement, []Backing, error) {
	return s.backings(&backings{most: -1, key: key}, detail)
}

func (s *State) backings(x *backings, detail func(line []byte) error) (*record.Statement, []Backing, error) {
	z, err := s.settle()
	if err != nil {
		return nil, nil, err
	}
	x.z, x.targets = z, map[slot][]target{}
	z.backings = x
	if err := z.write(detail); err != nil {
		return nil, nil, err
	}
	return z.statement, z.backings.list, nil
}

// backings are the lists in the making.
type backings struct {
	z       *settlement
	most    int
	line    string // asked for, "" is all
	key     string // of the one result that is asked for, "" is all
	list    []Backing
	targets map[slot][]target

	corrections []working // that the statement makes
	workings    []working // as the list

	claim   *claim   // the one at hand, nil for a measurement
	reading *reading // the one at hand, nil for a claim
}

// A target is a measure of a backing that reads a slot.
type target struct{ backing, measured int }

// begin notes what the lines read. The statement has its lines and corrections.
func (x *backings) begin(lines []reckoning) {
	if x == nil {
		return
	}
	z := x.z
	for i := range lines {
		x.add(working{now: &lines[i], period: z.period, at: i}, "")
	}
	for i, c := range z.statement.Corrections {
		w := x.corrections[i]
		p, _ := z.s.periodAt(z.corrected[i].period)
		w.period, w.at = p.Period, i
		x.add(w, c.Period)
	}
	if z.base > 0 && x.line == "" {
		v := z.s.versions[z.base-1]
		if t := (&table{adjusts: v.adjusts}); len(v.reads(t)) > 0 {
			x.list, x.workings = append(x.list, Backing{Version: v.number}), append(x.workings, working{})
			x.measures(v, t, z.period.From)
		}
	}
}

// add notes what a line reads, and how it comes about.
func (x *backings) add(w working, name string) {
	v, t := w.now.version, w.now.table
	if x.line != "" && x.line != t.name {
		return
	}
	w.priceFree(x.z)
	x.list, x.workings = append(x.list, Backing{Line: t.name, Version: v.number, Period: name}), append(x.workings, w)
	x.measures(v, t, w.period.From)
}

// end sets out how the lines and the corrections come about, once all records
// are known.
func (x *backings) end() {
	if x == nil || x.key != "" {
		return
	}
	for i := range x.workings {
		w, b := &x.workings[i], &x.list[i]
		switch {
		case w.now == nil:
		case w.was != nil:
			b.Steps = w.correction(x.z, &x.z.statement.Corrections[w.at])
		default:
			b.Steps = w.steps(x.z, &x.z.statement.Lines[w.at])
		}
	}
}

// measures notes the measures of the last backing of the list.
func (x *backings) measures(v *version, t *table, period record.Time) {
	z := x.z
	b := &x.list[len(x.list)-1]
	if t.own {
		i := v.measure(t.of)
		at := z.slotOf(period, v, i)
		m := x.measured(v, v.measures[i], period)
		m.Before, m.Value, m.Earlier = "0", "0", 0
		if y := z.tally(at, false); y != nil {
			m.Before, m.Earlier = display(y.quantity), y.claims
		}
		if y := z.tally(at, true); y != nil {
			m.Value = display(y.quantity)
		}
		x.aim(b, m, at)
	}
	for _, name := range v.reads(t) {
		m := v.measures[v.measure(name)]
		var slots []slot
		for _, w := range z.s.versions {
			if k := w.same(m); k >= 0 && w.number > z.s.excluded {
				slots = append(slots, z.slotOf(period, w, k))
			}
		}
		if t.own && name == t.of && len(slots) == 1 {
			continue // it is there already
		}
		d := x.measured(v, m, period)
		d.Beside = t.own
		if y, ok := z.book(v, period, false).value(name); ok {
			d.Before = display(y)
		}
		after := z.book(v, period, true)
		if y, ok := after.value(name); ok {
			d.Value = display(y)
		}
		for _, at := range slots {
			if y := z.tally(at, false); y != nil {
				d.Earlier += y.claims
			}
		}
		if y := after.tally(m); m.Missing != nil && y.claims == 0 {
			d.StandIn = standInWords(m, d.Value)
		}
		x.aim(b, d, slots...)
	}
}

// measured is a measure of which nothing is listed yet.
func (x *backings) measured(v *version, m *measure, period record.Time) Measured {
	return Measured{Name: m.Name, Means: strings.TrimSuffix(measureWords(m.Measure), ","), Noun: nouns[m.Source], CountsOn: m.term || period != x.z.period.From, HiddenFirst: -1}
}

// standInWords say what stands in for a measure of which there is no
// measurement.
func standInWords(m *measure, value record.Decimal) string {
	switch m.Missing.Then {
	case "value":
		return fmt.Sprintf("there is no measurement of it: the agreed value %s stands in", m.Missing.Value)
	case "other":
		if value == "" {
			return fmt.Sprintf("there is no measurement of it, and measure %s, which would stand in, has no value either", m.Missing.Measure)
		}
		return fmt.Sprintf("there is no measurement of it: measure %s, which is %s, stands in", m.Missing.Measure, value)
	case "last":
		if value == "" {
			return "there is no measurement of it, and none in a period before: it has no value"
		}
		return fmt.Sprintf("there is no measurement of it: its value in the latest period before that has one, %s, stands in", value)
	}
	return "there is no measurement of it, and nothing stands in: what reads it is held"
}

// aim adds a measure to the backing, which is the last of the list.
func (x *backings) aim(b *Backing, m Measured, slots ...slot) {
	b.Measures = append(b.Measures, m)
	for _, at := range slots {
		x.targets[at] = append(x.targets[at], target{len(x.list) - 1, len(b.Measures) - 1})
	}
}

// take lists the record at hand under each measure that reads the slot, with
// what it had counted before, if it had, and counts now, if it does.
func (x *backings) take(at slot, l *detailLine, p, was, now part, had, has bool) {
	if x == nil || x.key != "" && (x.claim == nil || x.claim.key() != x.key) {
		return
	}
	m := x.z.s.versions[at.version-1].measures[at.measure]
	s := Source{N: l.n, Quantity: display(l.quantity), Text: p.text, Counted: l.reason == billed || m.Source == "finding", Reason: l.reason.String()}
	if x.claim != nil {
		s.At, s.Key = x.claim.at, l.result+"/"+l.key
	} else {
		s.At, s.Key = x.reading.moment, l.result+" "+l.key
	}
	for _, to := range x.targets[at] {
		d := &x.list[to.backing].Measures[to.measured]
		price := ""
		if w := &x.workings[to.backing]; w.now != nil && !d.Beside {
			price = w.moves(x.z, at, l.n, was.quantity, now.quantity, had, has)
		}
		d.Count++
		if x.most >= 0 && len(d.Sources) >= x.most {
			continue
		}
		if m.Credit != nil && l.reason == billed && s.Credit == nil {
			v := x.z.s.look(x.claim, x.z.closing)
			s.Credit = x.z.touches.explain(x.claim, use{at.measure, m}, &v, x.z.until)
		}
		if l.reason != billed && s.By == nil {
			s.By, s.Lapsed = x.takers(l.reason)
		}
		s.Price = price
		d.Sources = append(d.Sources, s)
	}
}

// takers are the records by which what is at hand is taken back. lapsed is true
// where it is a dispute that nobody resolved.
func (x *backings) takers(r reason) (by []int64, lapsed bool) {
	z, c := x.z, x.claim
	switch r {
	case restated:
		var stands *reading
		for _, y := range z.s.readings {
			if y == x.reading || y.at > z.closing || z.tooLate(y) || spanOf(y.key) != spanOf(x.reading.key) || y.key != x.reading.key && !y.resolved {
				continue
			}
			if stands == nil || y.resolved && !stands.resolved || y.resolved == stands.resolved && y.n > stands.n {
				stands = y
			}
		}
		if stands != nil {
			by = append(by, stands.n)
		}
	case escalated:
		if h, ok := z.s.handoffOf(c); ok {
			by = append(by, h.n)
		}
	case reduced:
		for _, r := range z.s.look(c, z.closing).reduces {
			by = append(by, r.n)
		}
	case disputeUpheld:
		v := z.s.look(c, z.closing)
		p := v.upheld()
		if p == nil {
			break
		}
		d := &c.events[p.event]
		if p.lapsed {
			return []int64{d.n}, true
		}
		for i := range c.events {
			if e := &c.events[i]; e.kind == uphold && e.id == d.id && e.at <= z.closing {
				by = append(by, e.n)
			}
		}
	case found:
		at := z.s.look(c, z.closing).found
		for i := range c.events { // one before its dispute counts when that comes
			if e := &c.events[i]; e.kind == findVoid && e.at <= at {
				by = append(by, e.n)
			}
		}
	case reopened, reversed, cancelled:
		v := z.s.look(c, z.closing)
		since := min(v.voidAt, v.backAt)
		for i := range c.events {
			if e := &c.events[i]; e.kind == reverse && e.cause == r && max(e.at, c.at) == since {
				by = append(by, e.n)
			}
		}
	}
	return by, false
}

// priced notes what a line that prices the measure by itself gained by the
// record that was just taken.
func (x *backings) priced(at slot, l *detailLine) {
	if x == nil || x.key != "" && (x.claim == nil || x.claim.key() != x.key) {
		return
	}
	for _, to := range x.targets[at] {
		b := &x.list[to.backing]
		d := &b.Measures[to.measured]
		if n := len(d.Sources); b.Line == l.line && b.Version == at.version && !d.Beside && n > 0 && d.Sources[n-1].N == l.n {
			d.Sources[n-1].Amount = fixed(l.amount, x.z.terms.Scale)
		}
	}
}

// actions lists what was counted of actions.
func (x *backings) actions() {
	if x == nil || x.key != "" {
		return
	}
	for _, c := range x.z.acted {
		m := x.z.s.versions[c.to.version-1].measures[c.to.measure]
		for _, to := range x.targets[c.to] {
			d := &x.list[to.backing].Measures[to.measured]
			w := &x.workings[to.backing]
			price := func(acted) string { return "" }
			if w.now != nil && !d.Beside {
				price = w.acts(x.z, c)
			}
			d.Count += c.claims
			if hidden := c.claims - c.passed; hidden > 0 {
				d.Hidden += hidden
				if d.HiddenFirst < 0 || c.first < d.HiddenFirst {
					d.HiddenFirst = c.first
				}
			}
			for _, a := range c.seen {
				if x.most >= 0 && len(d.Sources) >= x.most {
					break
				}
				d.Sources = append(d.Sources, Source{N: a.n, At: a.at, Key: "action/" + m.Of + " " + a.id, Quantity: display(a.part.quantity), Text: a.part.text, Counted: true, Reason: billed.String(), Price: price(a)})
			}
		}
	}
	for i := range x.list {
		for j := range x.list[i].Measures {
			d := &x.list[i].Measures[j]
			if d.Noun == "action" { // those of several periods or versions
				slices.SortStableFunc(d.Sources, func(a, b Source) int { return int(min(max(a.N-b.N, -1), 1)) })
			}
		}
	}
}

// Words say what a source is and what it did.
func (s *Source) Words() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: ", s.Key)
	switch {
	case s.Lapsed:
		fmt.Fprintf(&b, "void since nobody resolved the dispute, record %d, ", s.By[0])
	case s.Reason != billed.String():
		b.WriteString(strings.ReplaceAll(s.Reason, "_", " "))
		for i, n := range s.By {
			fmt.Fprintf(&b, "%s record %d", map[bool]string{true: " by", false: ","}[i == 0], n)
		}
		b.WriteString(", ")
	}
	if s.Text != "" {
		fmt.Fprintf(&b, "%q", s.Text)
	} else {
		fmt.Fprintf(&b, "quantity %s", s.Quantity)
	}
	switch s.Price {
	case "":
	case freeWords:
		b.WriteString(", " + freeWords)
	default:
		b.WriteString(", price " + s.Price)
	}
	if s.Amount != "" {
		fmt.Fprintf(&b, ", amount %s", s.Amount)
	}
	return b.String()
}
