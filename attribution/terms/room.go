package terms

import (
	"fmt"
	"maps"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// A statement is one record. What the terms let it show is bounded, so that no
// agreement that can be signed comes to a statement that no record holds:
// periods are settled in order, and nothing would be settled after it. The
// bytes are those of the longest text of each part, with its comma.
const (
	maxStatementBytes = record.MaxRecordBytes - record.LogBytes

	decimalBytes     = record.MaxDigits + len(`"-."`)
	indexBytes       = len("9007199254740991")
	digestBytes      = len(`"sha256:",`) + 64
	tierBytes        = len(`{"amount":,"quantity":,"tier":63},`) + 2*decimalBytes
	adjustmentBytes  = len(`{"after":,"before":,"op":"percent_off"},`) + 2*decimalBytes
	inputBytes       = len(`{"name":"","value":},`) + decimalBytes
	lineBytes        = len(`{"adjust":[],"amount":,"before":,"first":,"held":true,"inputs":[],"last":,"name":"","quantity":,"records":,"tiers":[],"version":},`) + 3*decimalBytes + 4*indexBytes
	prepaidBytes     = len(`{"after":,"before":,"name":"","used":},`) + 3*decimalBytes
	correctionBytes  = len(`{"amount":,"line":"","period":"2026-03-01","quantity":,"quantity_before":,"version":},`) + 3*decimalBytes + indexBytes
	statementBytes   = 4224    // of the envelope, the totals, the grades and the counts
	periodsAroundEnd = 4       // further ones that a horizon can meet: cut by the term, and by changes of the clocks
	periodsDiffer    = 3 * day // how much longer than the shortest period of its kind one can be
)

// room is what the terms of one version need in a statement.
type room struct {
	lines, tiers, adjustments int
	inputs, prepaid           int
	own                       int // bytes of these
	corrections               int // bytes of the corrections of one period
	periods                   int // that a statement can correct
}

func (t *Terms) room() room {
	r := room{lines: len(t.Lines), adjustments: len(t.Adjust), own: digestBytes}
	for i := range t.Lines {
		l := &t.Lines[i]
		r.tiers += len(l.Tiers)
		r.adjustments += len(l.Adjust)
		r.own += lineBytes + len(l.Name)
		r.corrections += correctionBytes + len(l.Name)
		for _, name := range t.inputs(l.Of, l.Adjust) {
			r.inputs++
			r.own += inputBytes + len(name)
		}
	}
	for _, name := range t.inputs("", t.Adjust) {
		r.inputs++
		r.own += inputBytes + len(name)
	}
	r.prepaid = len(t.Settle.Prepaid)
	for _, p := range t.Settle.Prepaid {
		r.own += prepaidBytes + len(p.Name)
	}
	r.own += r.tiers*tierBytes + r.adjustments*adjustmentBytes
	r.periods = int(longestFinal(t)/shortestPeriod(t.Calendar.Period)) + periodsAroundEnd
	return r
}

// inputs are the names beside its own measure from which an amount is
// computed: a formula that is priced, what the adjustments multiply by, and all
// that these read, sorted.
func (t *Terms) inputs(of string, adjust []Adjustment) []string {
	names := map[string]bool{}
	var read func(name string)
	read = func(name string) {
		if name == "" || names[name] {
			return
		}
		names[name] = true
		if f := t.Formula(name); f != nil {
			for _, inner := range f.Is.Names() {
				read(inner)
			}
		}
	}
	if t.Formula(of) != nil {
		read(of)
	}
	for _, a := range adjust {
		read(a.By)
	}
	return slices.Sorted(maps.Keys(names))
}

func shortestPeriod(period string) Duration {
	switch period {
	case "week":
		return 7 * day
	case "month":
		return 28 * day
	case "quarter":
		return 90 * day
	case "year":
		return 365 * day
	}
	return day
}

// bytes is the longest statement under these terms alone.
func (r room) bytes() int { return statementBytes + r.own + r.periods*r.corrections }

// checkRoom checks that a statement fits.
func (d *document) checkRoom(t *Terms) {
	r := t.room()
	if r.bytes() <= maxStatementBytes {
		return
	}
	beside := ""
	if r.inputs > 0 {
		beside += ", " + many(r.inputs, "name") + " that they are computed from"
	}
	if r.prepaid > 0 {
		beside += ", " + many(r.prepaid, "prepaid amount")
	}
	d.fail("lines", "%s, %s, %s%s and corrections of up to %s make a statement of up to %d bytes, at most %d: take fewer, or a longer calendar.period or a shorter final_after",
		many(r.lines, "line"), many(r.tiers, "tier"), many(r.adjustments, "adjustment"), beside, many(r.periods, "period"), r.bytes(), maxStatementBytes)
}

func many(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// checkRoomBeside checks that a statement fits that shows t, the next version,
// beside those before it whose results may still be billed or corrected. A
// result keeps its version for life, so each has its lines in each period.
func (d *document) checkRoomBeside(before []Version, t *Terms) {
	horizon := longestFinal(t)
	for i := range before {
		horizon = max(horizon, longestFinal(before[i].Terms))
	}
	// A statement may begin a period after its horizon, and sees what is before.
	horizon += 2 * (shortestPeriod(t.Calendar.Period) + periodsDiffer)
	next := t.room()
	own, corrections, periods := next.own, next.corrections, next.periods
	older := 0
	end := t.From // of the version i
	for i := len(before) - 1; i >= 0 && t.From-end <= record.Time(horizon); i-- {
		old := before[i].Terms.room()
		own, corrections, periods = own+old.own, corrections+old.corrections, max(periods, old.periods)
		end = before[i].Terms.From
		older++
	}
	if all := (room{own: own, corrections: corrections, periods: periods}); all.bytes() > maxStatementBytes {
		d.fail("lines", "this and %s before it, within %s, make a statement of up to %d bytes, at most %d",
			many(older, "version"), horizon, all.bytes(), maxStatementBytes)
	}
}

// longestFinal is how long after a record what rests on it can change.
func longestFinal(t *Terms) (longest Duration) {
	for i := range t.Metrics {
		longest = max(longest, t.Metrics[i].FinalAfter)
	}
	for i := range t.Results {
		longest = max(longest, t.Results[i].FinalAfter)
	}
	return longest
}
