package terms

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// readVector returns the terms of a valid vector.
func readVector(t testing.TB, name string) *Terms {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors, "valid", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	canonical, mistakes := Draft(text, noZone)
	if canonical == nil {
		t.Fatal(mistakes)
	}
	terms, _ := Parse(canonical)
	return terms
}

func TestReads(t *testing.T) {
	terms := readVector(t, "whole-language")
	for name, want := range map[string]string{
		"tickets": "tickets", "meter": "meter", "baseline": "", "gain": "aum", "constant": "", "nobody": "",
		"quality": "orders tickets", "odd": "aum meter", "lift": "ads calls orders tickets",
	} {
		if got := strings.Join(terms.Reads(name), " "); got != want {
			t.Errorf("%s reads %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"revenue_year": "term", "gain": "period", "constant": "", "baseline": "", "tickets": "period"} {
		if got := terms.OverOf(name); got != want {
			t.Errorf("%s is over %q, want %q", name, got, want)
		}
	}
	perPeriod := map[string]bool{"setup": false, "fee": true, "tickets": true, "share": true, "orders": true, "growth": true, "year": false}
	for i := range terms.Lines {
		if l := &terms.Lines[i]; terms.PerPeriod(l) != perPeriod[l.Name] {
			t.Errorf("line %s is per period: %v", l.Name, !perPeriod[l.Name])
		}
	}
	if got := terms.inputs("gain", terms.Lines[5].Adjust); strings.Join(got, " ") != "aum baseline gain orders quality tickets" {
		t.Errorf("line growth is computed from %q", got)
	}
}

// spanned is the support desk over another span and calendar.
func spanned(t testing.TB, zone, period, dayCount, from, until string, offsets ...Offset) *Terms {
	t.Helper()
	terms := *mustParse(t, supportDesk)
	terms.From, terms.Until = at(t, from), at(t, until)
	if offsets == nil {
		offsets = []Offset{{From: terms.From}}
	}
	terms.Calendar = Calendar{Zone: zone, Period: period, DayCount: dayCount, Offsets: offsets}
	return &terms
}

func TestCovered(t *testing.T) {
	for _, test := range []struct {
		period, dayCount, from, until, at string
		covered, whole                    int64
	}{
		// 15 to 31 March are 17 days, of which the first one counts.
		{"month", "actual", "2026-03-15T00:00", "2027-03-01T00:00", "2026-03-20T00:00", 17, 31},
		{"month", "fixed_30", "2026-03-15T00:00", "2027-03-01T00:00", "2026-03-20T00:00", 16, 30},
		{"month", "seconds", "2026-03-15T00:00", "2027-03-01T00:00", "2026-03-20T00:00", 17 * 86400000, 31 * 86400000},
		{"month", "actual", "2026-03-15T00:00", "2027-03-01T00:00", "2026-04-20T00:00", 30, 30},
		{"month", "fixed_30", "2026-03-15T00:00", "2027-03-01T00:00", "2027-02-20T00:00", 30, 30},
		// The day of the end does not count, that of the beginning does.
		{"month", "actual", "2026-03-15T12:00", "2026-03-17T12:00", "2026-03-16T00:00", 2, 31},
		{"month", "actual", "2026-03-15T12:00", "2026-03-15T13:00", "2026-03-15T12:00", 0, 31},
		{"month", "seconds", "2026-03-15T12:00", "2026-03-15T13:00", "2026-03-15T12:00", 3600000, 31 * 86400000},
		{"month", "fixed_30", "2026-03-31T00:00", "2027-03-01T00:00", "2026-03-31T00:00", 0, 30},
		{"month", "fixed_30", "2026-02-15T00:00", "2027-03-01T00:00", "2026-02-15T00:00", 16, 30},
		{"month", "actual", "2026-02-15T00:00", "2027-03-01T00:00", "2026-02-15T00:00", 14, 28},
		{"quarter", "actual", "2026-02-15T00:00", "2027-03-01T00:00", "2026-02-15T00:00", 45, 90},
		{"quarter", "fixed_30", "2026-04-11T00:00", "2027-03-01T00:00", "2026-05-15T00:00", 80, 90},
		{"year", "fixed_30", "2026-01-11T00:00", "2027-03-01T00:00", "2026-05-15T00:00", 350, 360},
		{"year", "actual", "2026-01-11T00:00", "2027-03-01T00:00", "2027-01-15T00:00", 59, 365},
		{"week", "actual", "2026-03-04T00:00", "2027-03-01T00:00", "2026-03-04T00:00", 5, 7},
		{"week", "fixed_30", "2026-03-04T00:00", "2026-03-06T00:00", "2026-03-04T00:00", 2, 7},
		{"day", "actual", "2026-03-04T06:00", "2026-03-06T00:00", "2026-03-04T06:00", 1, 1},
		{"day", "seconds", "2026-03-04T06:00", "2026-03-06T00:00", "2026-03-04T06:00", 18 * 3600000, 24 * 3600000},
	} {
		terms := spanned(t, "UTC", test.period, test.dayCount, test.from, test.until)
		p, ok := terms.PeriodAt(at(t, test.at))
		if !ok {
			t.Fatalf("no period at %s", test.at)
		}
		if covered, whole := terms.Covered(p); covered != test.covered || whole != test.whole {
			t.Errorf("%s by %s from %s to %s, at %s: %d of %d, want %d of %d", test.period, test.dayCount, test.from, test.until, test.at, covered, whole, test.covered, test.whole)
		}
	}

	// In local days, and by the clock: a day in Berlin that had 23 hours.
	berlin := []Offset{{at(t, "2026-03-14T23:00"), 60}, {at(t, "2026-03-29T01:00"), 120}}
	terms := spanned(t, "Europe/Berlin", "month", "seconds", "2026-03-14T23:00", "2026-05-31T22:00", berlin...)
	p, _ := terms.PeriodAt(terms.From)
	if covered, whole := terms.Covered(p); covered != 17*86400000-3600000 || whole != 31*86400000-3600000 {
		t.Errorf("March in Berlin: %d of %d", covered, whole)
	}
	// Samoa had no 30 December 2011.
	apia := []Offset{{at(t, "2011-12-29T10:00"), -600}, {at(t, "2011-12-30T10:00"), 840}}
	terms = spanned(t, "Pacific/Apia", "month", "actual", "2011-12-29T10:00", "2012-02-01T00:00", apia...)
	p, _ = terms.PeriodAt(terms.From)
	if covered, whole := terms.Covered(p); covered != 2 || whole != 30 {
		t.Errorf("December in Apia: %d of %d, want 2 of 30", covered, whole)
	}
}

func TestCutsPeriod(t *testing.T) {
	for _, test := range []struct {
		period, from, until string
		want                bool
	}{
		{"month", "2026-03-01T00:00", "2027-03-01T00:00", false},
		{"month", "2026-03-01T00:01", "2027-03-01T00:00", true},
		{"month", "2026-03-01T00:00", "2027-02-28T23:59", true},
		{"quarter", "2026-03-01T00:00", "2027-04-01T00:00", true},
		{"quarter", "2026-01-01T00:00", "2026-04-01T00:00", false},
		{"year", "2026-01-01T00:00", "2028-01-01T00:00", false},
		{"week", "2026-03-02T00:00", "2026-03-09T00:00", false},
		{"week", "2026-03-01T00:00", "2026-03-09T00:00", true},
		{"day", "2026-03-01T00:00", "2026-03-09T12:00", true},
	} {
		if got := spanned(t, "UTC", test.period, "", test.from, test.until).CutsPeriod(); got != test.want {
			t.Errorf("%s from %s to %s: %v, want %v", test.period, test.from, test.until, got, test.want)
		}
	}
}

// The span of a Standing is that of all versions: an amendment cuts no period.
func TestCoveredOverVersions(t *testing.T) {
	prorated := strings.Replace(supportDesk, `"settle": {`, `"adjust": [{"prorate": "term"}], "settle": {`, 1)
	prorated = strings.Replace(prorated, `"period": "month"`, `"period": "month", "day_count": "actual"`, 1)
	b := newBook(t).agreed(later(prorated, "2026-03-15"))
	b.apply(b.cosign(b.cosign(b.agreement(2, later(supportDesk, "2026-05-10")), "vendor"), "client"))
	for _, test := range []struct {
		at             string
		covered, whole int64
	}{{"2026-03-20T00:00", 17, 31}, {"2026-05-05T00:00", 31, 31}, {"2026-05-20T00:00", 31, 31}} {
		p, ok := b.s.PeriodAt(at(t, test.at))
		if covered, whole := b.s.Covered(p); !ok || covered != test.covered || whole != test.whole {
			t.Errorf("at %s: %d of %d, want %d of %d", test.at, covered, whole, test.covered, test.whole)
		}
	}
	// A day count that was agreed once is that of later versions.
	seconds := strings.Replace(later(prorated, "2026-06-10"), `"actual"`, `"seconds"`, 1)
	b.refused(b.cosign(b.cosign(b.agreement(3, seconds), "vendor"), "client"), "terms", "body.terms.calendar.day_count: got seconds, want actual as in version 1")
	b.apply(b.cosign(b.cosign(b.agreement(3, later(prorated, "2026-06-10")), "vendor"), "client"))
	if covered, whole := NewStanding().Covered(Period{}); covered != 0 || whole != 1 {
		t.Errorf("without a version %d of %d", covered, whole)
	}
}

// A claim with a number that no measure can take is refused: it would be billed
// for nothing, and nobody told.
func TestTooLongFacts(t *testing.T) {
	b := newBook(t).agreed(strings.Replace(supportDesk, `"facts": {`, `"facts": {"worth": "decimal", `, 1))
	claim := func(id, worth string) *record.Record { return b.outcome(id, record.Text("worth", worth)) }
	for i, worth := range []string{"1000000000000000000", "-9999999999999999999.999999999999", "1.0000000000000", "0"} {
		b.apply(claim(fmt.Sprintf("o-%d", i), worth))
	}
	for _, worth := range []string{"10000000000000000000", "-10000000000000000000", "0.0000000000001"} {
		b.refused(claim("o-long", worth), "terms", "body.facts.worth: got "+worth+", want at most 19 digits before the point and 12 after it")
	}
}

// A measurement of a metric is one of its type; any other is a number on which
// nothing hangs.
func TestMeasurements(t *testing.T) {
	measured := strings.Replace(supportDesk, `"measures": {`, `"metrics": {"aum": {"by": ["client"], "facts": {"branch": "text", "share": "decimal"}, "final_after": "60d"}}, "measures": {"aum": {"last": "metric/aum.value", "over": "period", "missing": {"then": "last"}},`, 1)
	b := newBook(t).agreed(measured)
	n := 0
	measurement := func(metric, value string, fields ...record.Fact) *record.Record {
		n++
		r := b.draft(fmt.Sprintf("m-%d", n), "client", &record.Measurement{Metric: metric, From: at(t, "2026-03-01T00:00"), Until: at(t, "2026-03-02T00:00"),
			Value: record.Decimal(value), Fields: record.NewFacts(fields...)})
		return b.sign(r, "client")
	}
	b.apply(measurement("aum", "-12.5", record.Text("branch", "north"), record.Text("share", "0.2")))
	both := []record.Fact{record.Text("branch", "north"), record.Text("share", "0.2")}
	b.refused(measurement("aum", "12"), "terms", "body.fields.branch: missing: metric aum has it")
	b.refused(measurement("aum", "12.1234567890123", both...), "terms", "body.value: got 12.1234567890123, want at most 19 digits before the point and 12 after it")
	b.apply(measurement("aum", "12.1234567890120", both...))
	b.apply(measurement("other", "", record.Text("x", "y")))
	b.refused(measurement("aum", "", record.Text("branch", "north")), "terms", "body.value: missing: metric aum has one")
	b.refused(measurement("aum", "1", append(slices.Clone(both), record.Text("brnch", "north"))...), "terms", "body.fields.brnch: metric aum has no such fact")
	b.refused(measurement("aum", "1", append(slices.Clone(both), record.Text("value", "2"))...), "terms", "body.fields.value: metric aum has no such fact")
	b.refused(measurement("aum", "1", record.Text("branch", "north"), record.Text("share", "much")), "terms", `body.fields.share: decimal "much": want a decimal like -12.50 of at most 34 digits and 18 decimals`)
	b.refused(measurement("aum", "1", record.Bool("branch", true), record.Text("share", "1")), "terms", "body.fields.branch: got a truth value, want a text")
	// The vendor's number is not the client's.
	b.apply(b.draft("mine", "vendor", &record.Measurement{Metric: "aum", From: at(t, "2026-03-01T00:00"), Until: at(t, "2026-03-02T00:00"), Fields: record.NewFacts(record.Text("x", "y"))}))
}

func TestLookupsOfNumbers(t *testing.T) {
	terms := readVector(t, "whole-language")
	if terms.Formula("gain") == nil || terms.Formula("tickets") != nil || terms.Constant("z") == nil || terms.Constant("gain") != nil ||
		terms.Metric("meter/main.1") == nil || terms.Metric("meter") != nil {
		t.Error("Formula, Constant or Metric")
	}
	got, ok := terms.Formula("gain").Is.Value(func(name string) (exact.Rat, bool) {
		if name != "aum" {
			t.Errorf("asked for %s", name)
		}
		return exact.Int(250000), true
	})
	// 250,000 - 120,000 is above two percent of 120,000.
	if !ok || got.String() != "127600" {
		t.Errorf("gain is %v, %v", got, ok)
	}
}
