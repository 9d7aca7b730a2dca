package fee

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// What statements must come to in the corners of the language: each of these
// was wrong once.

// settling is how the tests of this file settle, with late as given.
func settling(late string) string {
	return `"settle": {"close_after": "0s", "late": "` + late + `", "negative": "credit", "corrections": "after_minimum"}`
}

// from begins the term of an amendment.
func from(when, fields string) string {
	return strings.Replace(fields, `{`, `{"effective": {"from": "`+when+`T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},`, 1)
}

func (k *kit) dial(when, amount string) {
	k.add(&record.Record{At: at(when), Log: &record.Log{Time: max(k.logged, at(when))}, Body: &record.Action{Action: "dial", Effect: "communicate", Amount: record.Decimal(amount), Currency: "EUR", Status: "executed"}})
}

const counter = `"measures": {"won": {"count": "sale", "over": "term"}}, "lines": [{"name": "won", "of": "won", "mode": "graduated", "tiers": [{"up_to": "5", "unit": "30"}, {"unit": "24"}]%s}]`

// A counter that goes on over an amendment in the first period bills each unit
// once.
func TestCounterOverAnAmendmentInTheFirstPeriod(t *testing.T) {
	fields := `{"results": {` + simple("sale", "") + `}, ` + fmt.Sprintf(counter, "") + `, ` + settling("correction") + `}`
	k := start(t, fields)
	k.claims(4, "sale", "2026-03-05")
	k.agree(at("2026-03-10"), draft(t, from("2026-03-15", fields)), "", "vendor", "client")
	k.claims(3, "sale", "2026-03-20")
	wantStatement(t, k, `
won: 0 to 4 = 120.00
  tier 0: 4 = 120
won: 4 to 7 = 78.00
  tier 0: 1 = 30
  tier 1: 2 = 48
total 198.00
`)
}

// A line over the term whose factor has no value bills what it held once the
// value is there, and a factor that changes is that of all of the term.
func TestHeldCounterCatchesUp(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"quality": {"by": ["client"], "final_after": "300d"}},
		"measures": {"won": {"count": "sale", "over": "term"}, "quality": {"last": "metric/quality.value", "over": "term", "missing": {"then": "hold"}}},
		"lines": [{"name": "won", "of": "won", "mode": "graduated", "tiers": [{"unit": "10"}], "adjust": [{"times": "quality", "undefined": "hold"}]}], `+settling("correction")+`}`)
	k.claims(4, "sale", "2026-03-05")
	wantStatement(t, k, "won: 4 = 0.00 held\n  quality is \n  tier 0: 4 = 40\ntotal 0.00")
	k.claims(3, "sale", "2026-04-05")
	k.measure("quality", "client", "2026-04-10", "2026-04-10", "0.5")
	wantStatement(t, k, "won: 4 to 7 = 35.00\n  quality is 0.5\n  tier 0: 7 = 70\n  times: 70 to 35\ntotal 35.00")
	k.measure("quality", "client", "2026-05-10", "2026-05-10", "1")
	wantStatement(t, k, "won: 7 to 7 = 35.00\n  quality is 1\n  tier 0: 7 = 70\n  times: 70 to 70\ntotal 35.00")
}

// The same where each result has a price of its own.
func TestHeldPricesOfEachCatchUp(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", `"value": "decimal"`)+`}, "metrics": {"quality": {"by": ["client"], "final_after": "300d"}},
		"measures": {"sold": {"sum": "sale.value", "over": "term"}, "quality": {"last": "metric/quality.value", "over": "term", "missing": {"then": "hold"}}},
		"lines": [{"name": "sold", "of": "sold", "mode": "each", "tiers": [{"rate": "0.1"}], "each": {"at_least": "2"}, "adjust": [{"times": "quality", "undefined": "hold"}]}], `+settling("correction")+`}`)
	k.claim("sale", "2026-03-05", decimalFact("value", "10"))
	if st, _ := k.settle(); st.Total != "0.00" || !st.Lines[0].Held {
		t.Fatalf("got\n%s", tellAll(st))
	}
	k.measure("quality", "client", "2026-04-10", "2026-04-10", "0.5")
	k.claim("sale", "2026-04-05", decimalFact("value", "40"))
	if st, _ := k.settle(); st.Total != "3.00" {
		t.Fatalf("got\n%s", tellAll(st))
	}
}

// A counter that is due once from an instant on is not due before, and then
// with all of the term.
func TestCounterIsNotDueBefore(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, `+fmt.Sprintf(counter, `, "due_at": "2026-04-15T00:00:00.000Z"`)+`, `+settling("correction")+`}`)
	k.claims(2, "sale", "2026-03-05")
	wantStatement(t, k, "total 0.00")
	k.claims(1, "sale", "2026-04-05")
	wantStatement(t, k, "won: 2 to 3 = 90.00\n  tier 0: 3 = 90\ntotal 90.00")
	k.claims(1, "sale", "2026-05-05")
	wantStatement(t, k, "won: 3 to 4 = 30.00\n  tier 0: 4 = 120\ntotal 30.00")
}

// What an amendment puts off was billed before it is not billed again.
func TestCounterThatIsPutOffIsNotBilledTwice(t *testing.T) {
	results := `"results": {` + simple("sale", "") + `}, `
	k := start(t, `{`+results+fmt.Sprintf(counter, "")+`, `+settling("correction")+`}`)
	k.claims(2, "sale", "2026-03-05")
	k.settle() // 60
	k.agree(at("2026-04-10"), draft(t, from("2026-05-01", `{`+results+fmt.Sprintf(counter, `, "due_at": "2026-06-15T00:00:00.000Z"`)+`, `+settling("correction")+`}`)), "", "vendor", "client")
	for range 2 {
		if st, _ := k.settle(); st.Total != "0.00" {
			t.Fatalf("got\n%s", tellAll(st))
		}
	}
	k.claims(1, "sale", "2026-06-05")
	if st, _ := k.settle(); st.Total != "30.00" {
		t.Fatalf("got\n%s", tellAll(st))
	}
}

// A measure that an amendment gives another name, or another meaning, begins
// anew: kilos are not added to money.
func TestAmendmentResetsACounter(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"", "", "5 to 8"},
		{`"won"`, `"won2"`, "0 to 3"},
		{`sale.value`, `sale.weight`, "0 to 3"},
	} {
		fields := `{"results": {` + simple("sale", `"value": "decimal", "weight": "decimal"`) + `}, "measures": {"won": {"sum": "sale.value", "over": "term"}},
			"lines": [{"name": "won", "of": "won", "mode": "graduated", "tiers": [{"unit": "1"}]}], ` + settling("correction") + `}`
		k := start(t, fields)
		sale := func(when, value string) {
			k.claim("sale", when, decimalFact("value", value), decimalFact("weight", value))
		}
		sale("2026-03-05", "5")
		k.settle()
		k.agree(at("2026-03-31"), draft(t, from("2026-04-02", strings.ReplaceAll(fields, c.from, c.to))), "", "vendor", "client")
		sale("2026-04-05", "3")
		st, _ := k.settle()
		if l := st.Lines[len(st.Lines)-1]; fmt.Sprintf("%s to %s", l.Before, l.Quantity) != c.want || l.Amount != "3.00" {
			t.Errorf("%s for %s:\n%s", c.to, c.from, tellAll(st))
		}
	}
}

// An action that one measure cannot read counts for none of them.
func TestActionCountsForAllOrNone(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "measures": {"calls": {"count": "action/dial", "over": "period"}, "spent": {"sum": "action/dial.amount", "over": "period"}},
		"lines": [{"name": "calls", "of": "calls", "mode": "graduated", "tiers": [{"unit": "1"}]}, {"name": "spent", "of": "spent", "mode": "graduated", "tiers": [{"unit": "1"}]}], `+settling("correction")+`}`)
	k.add(&record.Record{At: at("2026-03-05"), Body: &record.Action{Action: "dial", Effect: "communicate", Status: "executed"}})
	st, _ := k.settle()
	if st.Total != "0.00" || len(st.Counts) != 1 || st.Counts[0] != (record.Count{Reason: "undefined", N: 1}) {
		t.Fatalf("got\n%s", show(st))
	}
}

const calls = `{"results": {%s}, "measures": {"calls": {"count": "action/dial", "over": "period"}}, "lines": [{"name": "calls", "of": "calls", "mode": "graduated", "tiers": [{"unit": "1"}]}], %s}`

// Actions of the rest of a calendar period, of which a part was settled before
// the term was taken up again, belong to the next statement.
func TestActionsOfATermTakenUpAgain(t *testing.T) {
	spans := func(from, until string) []byte {
		return draft(t, strings.Replace(fmt.Sprintf(calls, simple("sale", ""), settling("correction")), `{`, `{"effective": {"from": "`+from+`T00:00:00.000Z", "until": "`+until+`T00:00:00.000Z"},`, 1))
	}
	k := newKit(t)
	k.agree(at("2026-03-01"), spans("2026-03-01", "2026-03-15"), "", "vendor", "client")
	k.settle()
	k.agree(at("2026-03-26"), spans("2026-03-28", "2026-06-01"), "", "vendor", "client")
	k.dial("2026-03-29", "1")
	wantStatement(t, k, "calls: 1 = 1.00\n  tier 0: 1 = 1\ntotal 1.00")
}

// An action is counted as late as anything can still be settled, and not on.
func TestActionBeyondTheHorizon(t *testing.T) {
	for _, late := range []string{"current", "correction"} {
		k := start(t, fmt.Sprintf(calls, strings.ReplaceAll(simple("sale", ""), "300d", "60d"), settling(late)))
		k.settle() // March
		k.dial("2026-03-20", "1")
		if st, _ := k.settle(); st.Total != "1.00" {
			t.Fatalf("%s: got\n%s", late, show(st))
		}
		k.settle() // May closes on 1 June: 60 days before is 2 April
		k.dial("2026-03-20", "1")
		st, _ := k.settle()
		if st.Total != "0.00" || len(st.Counts) != 1 || st.Counts[0].Reason != "final" {
			t.Fatalf("%s: got\n%s", late, show(st))
		}
	}
}

// A measurement that the closing did not see is no second one of the same when
// the first has left.
func TestRestatedBeyondItsHorizon(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"kwh": {"by": ["client"], "final_after": "50d"}},
		"measures": {"used": {"sum": "metric/kwh.value", "over": "period", "missing": {"then": "hold"}}},
		"lines": [{"name": "kwh", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "hold"}], `+settling("correction")+`}`)
	k.measure("kwh", "client", "2026-03-01", "2026-03-10", "7")
	k.settle()
	r := &record.Record{At: at("2026-05-02"), By: "client", Body: &record.Measurement{Metric: "kwh", From: at("2026-03-01"), Until: at("2026-03-10"), Value: "9"}}
	k.add(r)   // after April closes
	k.settle() // April closes on 1 May: the horizon of the first ended on 28 April
	st, _ := k.settle()
	if len(st.Corrections) != 0 || len(k.state.readings) != 0 {
		t.Fatalf("got\n%s", tellAll(st))
	}
}

// Where the terms refuse what is late, both sides together can still say what
// holds.
func TestLateMeasurementIsResolved(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"kwh": {"by": ["client"], "final_after": "300d"}},
		"measures": {"used": {"sum": "metric/kwh.value", "over": "period", "missing": {"then": "hold"}}},
		"lines": [{"name": "kwh", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "hold"}], `+settling("refuse")+`}`)
	k.settle()
	late := k.measure("kwh", "client", "2026-03-01", "2026-04-01", "7")
	for _, want := range []string{"late 1", ""} {
		st, _ := k.settle()
		got := ""
		for _, c := range st.Counts {
			got += fmt.Sprintf("%s %d", c.Reason, c.N)
		}
		if len(st.Corrections) != 0 || got != want {
			t.Fatalf("got %q, want %q\n%s", got, want, show(st))
		}
	}
	k.add(&record.Record{At: at("2026-06-10"), By: "client", Body: &record.Resolve{About: late, Field: "value", Value: "8", Disposition: "upheld", As: "joint"}})
	wantStatement(t, k, "kwh:  = 0.00 held\nkwh of 2026-03:  to 8 = 8.00\ntotal 8.00")
}

// A result that is only reduced was counted before: it is in no grade and no
// count of the records behind the line.
func TestReducedIsNotCountedAgain(t *testing.T) {
	k := start(t, `{"results": {`+strings.Replace(simple("sale", `"value": "decimal"`), `"facts"`, `"quantity": "value", "facts"`, 1)+`}, "measures": {"sold": {"sum": "sale.value", "over": "term"}},
		"lines": [{"name": "sold", "of": "sold", "mode": "graduated", "tiers": [{"unit": "1"}]}], `+settling("correction")+`}`)
	sale := k.claim("sale", "2026-03-05", decimalFact("value", "10"))
	k.settle()
	k.add(&record.Record{At: at("2026-04-02"), Body: &record.Reverse{Of: sale, Cause: "reversed", Quantity: "4"}})
	k.claim("sale", "2026-04-05", decimalFact("value", "7"))
	st, _ := k.settle()
	if l := st.Lines[0]; l.Records != 1 || l.First != 4 || len(st.Grades) != 1 || st.Grades[0] != (record.Grade{Grade: "vendor", Amount: "3.00"}) {
		t.Fatalf("%+v, grades %v", l, st.Grades)
	}
}

// What one period left over is used once: by the next one, or by what comes
// late for the first, and not by both.
func TestIncludeThatRolledIsNotUsedAgain(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
		"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "6"}], "adjust": [{"include": "5", "unused": "rolls", "rolls_to": "8"}]}], `+settling("correction")+`}`)
	k.claims(1, "sale", "2026-03-10") // leaves 4, of which 3 roll
	k.settle()
	k.claims(3, "sale", "2026-03-20") // late: 1 of them is still included
	k.claims(9, "sale", "2026-04-10") // 5 + 3 are included
	st, _ := k.settle()
	if st.Lines[0].Amount != "6.00" || len(st.Corrections) != 1 || st.Corrections[0].Amount != "12.00" {
		t.Fatalf("got\n%s", tellAll(st))
	}
}

// What rolls is included once, though an amendment falls into the period.
func TestIncludeRollsIntoOneVersion(t *testing.T) {
	fields := `{"results": {` + simple("sale", "") + `}, "measures": {"sales": {"count": "sale", "over": "period"}},
		"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "6"}], "adjust": [{"include": "5", "unused": "rolls"}]}], ` + settling("correction") + `}`
	k := start(t, fields)
	k.settle() // leaves 5
	k.agree(at("2026-03-31"), draft(t, from("2026-04-10", fields)), "", "vendor", "client")
	k.claims(6, "sale", "2026-04-05")
	k.claims(11, "sale", "2026-04-15")
	st, _ := k.settle() // 6 - 5, and 11 - 10
	if st.Total != "12.00" {
		t.Fatalf("got\n%s", tellAll(st))
	}
	if st, _ = k.settle(); st.Total != "0.00" {
		t.Fatalf("got\n%s", tellAll(st))
	}
	k.claims(1, "sale", "2026-05-20") // of May: its 5 rolled on
	if st, _ = k.settle(); len(st.Corrections) != 1 || st.Corrections[0].Amount != "6.00" {
		t.Fatalf("got\n%s", tellAll(st))
	}
}

// A quantity below 0 that is given back uses what is included as one above 0
// does.
func TestIncludeOfAQuantityBelow0(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"net": {"by": ["client"], "final_after": "300d"}},
		"measures": {"net": {"sum": "metric/net.value", "over": "period", "missing": {"then": "value", "value": "0"}}},
		"lines": [{"name": "net", "of": "net", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "negative", "adjust": [{"include": "5", "unused": "rolls"}]}], `+settling("correction")+`}`)
	k.measure("net", "client", "2026-03-01", "2026-04-01", "-8")
	wantStatement(t, k, "net: -8 = -3.00\n  tier 0: -3 = -3\n  include: 8 to 3\ntotal -3.00")
	k.measure("net", "client", "2026-04-01", "2026-05-01", "6")
	wantStatement(t, k, "net: 6 = 1.00\n  tier 0: 1 = 1\n  include: 6 to 1\ntotal 1.00")
}

// What a quotient leaves over is kept with 18 decimals, in a state that is read
// back.
func TestIncludeOfAQuotientRolls(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", `"value": "decimal"`)+`}, "measures": {"sold": {"sum": "sale.value", "over": "period"}, "sales": {"count": "sale", "over": "period"}}, "formulas": {"mean": "ratio(sold, sales, 0)"},
		"lines": [{"name": "mean", "of": "mean", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero", "adjust": [{"include": "5", "unused": "rolls"}]}], `+settling("correction")+`}`)
	for _, v := range []string{"3", "3", "2"} {
		k.claim("sale", "2026-03-10", decimalFact("value", v))
	}
	k.settle()
	if x := k.state.rolled["mean"].String(); x != "2.333333333333333333" {
		t.Errorf("%s rolls", x)
	}
}

// A line that was not due in a period has no correction of it.
func TestNoCorrectionWhereNothingWasDue(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
		"lines": [{"name": "once", "of": "sales", "mode": "graduated", "tiers": [{"unit": "1"}], "due_at": "2026-04-10T00:00:00.000Z"}], `+settling("correction")+`}`)
	k.settle()
	k.claims(3, "sale", "2026-03-10")
	k.claims(2, "sale", "2026-04-10")
	wantStatement(t, k, "once: 2 = 2.00\n  tier 0: 2 = 2\ntotal 2.00")
}

// A measurement that is taken out leaves the last value of before in its place.
func TestLastValueComesBack(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"kwh": {"by": ["client"], "facts": {"good": "bool"}, "final_after": "300d"}},
		"measures": {"used": {"last": "metric/kwh.value", "where": "good", "over": "period", "missing": {"then": "last"}}},
		"lines": [{"name": "kwh", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "hold"}], `+settling("correction")+`}`)
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "7", record.Bool("good", true))
	k.settle()
	k.measure("kwh", "client", "2026-04-01", "2026-05-01", "9", record.Bool("good", true))
	k.settle()
	k.measure("kwh", "client", "2026-04-01", "2026-05-01", "9", record.Bool("good", false))
	wantStatement(t, k, "kwh: 7 = 7.00\n  tier 0: 7 = 7\nkwh of 2026-04: 9 to 7 = -2.00\ntotal 5.00")
}

// Grades of a joint line say how what is behind it can be believed, whether or
// not the terms are agreed; and weights that set each other off say nothing.
func TestGradesOfJointLines(t *testing.T) {
	k := newKit(t)
	k.agree(at("2026-03-01"), draft(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"kwh": {"by": ["client"], "final_after": "300d"}},
		"measures": {"used": {"sum": "metric/kwh.value", "over": "period", "missing": {"then": "hold"}}, "sales": {"count": "sale", "over": "period"}}, "adjust": [{"at_least": "30"}],
		"lines": [{"name": "kwh", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "negative"}, {"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "10"}]}], `+settling("correction")+`}`), "", "vendor")
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "40")
	st, _ := k.settle()
	if len(st.Grades) != 1 || st.Grades[0] != (record.Grade{Grade: "client", Amount: "40.00"}) {
		t.Fatalf("grades %v", st.Grades)
	}
	k.measure("kwh", "client", "2026-04-01", "2026-05-01", "-10")
	k.claims(1, "sale", "2026-04-05")
	st, _ = k.settle() // -10 of the client, 10 of the vendor, and 30 at least
	if len(st.Grades) != 1 || st.Grades[0] != (record.Grade{Grade: "vendor", Amount: "30.00"}) {
		t.Fatalf("grades %v", st.Grades)
	}
}

// What is left of money paid before ends where the terms name it no more.
func TestPrepaidThatIsDroppedLapses(t *testing.T) {
	fields := func(prepaid string) string {
		return `{"results": {` + simple("sale", "") + `}, "measures": {"sales": {"count": "sale", "over": "period"}},
			"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "10"}]}],
			"settle": {"close_after": "0s", "late": "current", "negative": "carry", "corrections": "after_minimum"` + prepaid + `}}`
	}
	gift := `, "prepaid": [{"name": "gift", "amount": "15", "every": "once", "from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}]`
	k := start(t, fields(gift))
	k.claims(1, "sale", "2026-03-10")
	k.settle()
	k.agree(at("2026-03-31"), draft(t, from("2026-04-02", fields(""))), "", "vendor", "client")
	k.settle()
	if len(k.state.prepaid) != 0 {
		t.Fatalf("left %v", k.state.prepaid)
	}
}

// The corrections of a period that the term cut are those of that share, also
// when the term is taken up again.
func TestShareOfASettledPeriodStays(t *testing.T) {
	spans := func(from, until string) []byte {
		return draft(t, `{"effective": {"from": "`+from+`T00:00:00.000Z", "until": "`+until+`T00:00:00.000Z"}, "calendar": {"zone": "UTC", "period": "month", "day_count": "actual"}, "results": {`+simple("sale", "")+`},
			"measures": {"sales": {"count": "sale", "over": "period"}},
			"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "1"}], "adjust": [{"at_least": "31", "partial": "prorated"}]}], `+settling("correction")+`}`)
	}
	k := newKit(t)
	k.agree(at("2026-03-01"), spans("2026-03-01", "2026-03-15"), "", "vendor", "client")
	k.claims(20, "sale", "2026-03-05")
	if st, _ := k.settle(); st.Total != "20.00" { // at least 14
		t.Fatalf("got\n%s", show(st))
	}
	k.agree(at("2026-03-26"), spans("2026-03-28", "2026-06-15"), "", "vendor", "client")
	for i := range 9 {
		k.add(&record.Record{At: at("2026-04-02"), Body: &record.Reverse{Of: fmt.Sprintf("r-%d", i+1), Cause: "reversed"}})
	}
	st, _ := k.settle() // 11 are left, and at least 14
	if len(st.Corrections) != 1 || st.Corrections[0].Amount != "-6.00" {
		t.Fatalf("got\n%s", show(st))
	}
}

// No number that one side delivers keeps the other from a statement: what no
// statement can say is held.
func TestNumbersThatNoStatementCanSay(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", `"value": "decimal"`)+`}, "metrics": {"kwh": {"by": ["client"], "final_after": "300d"}},
		"measures": {"used": {"sum": "metric/kwh.value", "over": "period", "missing": {"then": "hold"}}, "sold": {"sum": "sale.value", "over": "period"}},
		"formulas": {"square": "used * used", "cube": "used * used * used"},
		"lines": [{"name": "square", "of": "square", "mode": "graduated", "tiers": [{"unit": "0.000001"}], "below_zero": "zero"}, {"name": "cube", "of": "cube", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"},
			{"name": "large", "of": "used", "mode": "graduated", "tiers": [{"unit": "99999999999"}], "below_zero": "zero"}, {"name": "twice", "of": "used", "mode": "graduated", "tiers": [{"unit": "99999999999"}], "below_zero": "zero", "adjust": [{"times": "square", "undefined": "hold"}]},
			{"name": "sold", "of": "sold", "mode": "graduated", "tiers": [{"unit": "1"}]}], `+settling("correction")+`}`)
	k.claim("sale", "2026-03-10", decimalFact("value", "10"))
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "999999999999.999999999999")
	wantStatement(t, k, `
square: 999999999999999999999998 = 1000000000000000000.00
  tier 0: 999999999999999999999998 = 999999999999999999.999998
cube:  = 0.00 held
large: 999999999999.999999999999 = 0.00 held
  tier 0: 999999999999.999999999999 = 99999999998999999999999.9
twice: 999999999999.999999999999 = 0.00 held
  square is 999999999999999999999998
  tier 0: 999999999999.999999999999 = 99999999998999999999999.9
sold: 10 = 10.00
  tier 0: 10 = 10
total 1000000000000000010.00
`)
}

// 10^18 units at a hundredth of a percent, as they come in currencies of small
// units, and the smallest thing beside them, over two statements and an exact
// carried state.
func TestHugeQuantities(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", `"value": "decimal"`)+`},
		"measures": {"sold": {"sum": "sale.value", "over": "period"}, "all": {"sum": "sale.value", "over": "term"}},
		"lines": [{"name": "month", "of": "sold", "mode": "graduated", "tiers": [{"rate": "0.0001"}]}, {"name": "term", "of": "all", "mode": "graduated", "tiers": [{"up_to": "1500000000000000000", "unit": "0.0001"}, {"unit": "0"}]}], `+settling("correction")+`}`)
	k.claim("sale", "2026-03-10", decimalFact("value", "1000000000000000000"))
	k.claim("sale", "2026-03-11", decimalFact("value", "0.000000000001"))
	wantStatement(t, k, `
month: 1000000000000000000.000000000001 = 100000000000000.00
  tier 0: 1000000000000000000.000000000001 = 100000000000000.0000000000000001
term: 0 to 1000000000000000000.000000000001 = 100000000000000.00
  tier 0: 1000000000000000000.000000000001 = 100000000000000.0000000000000001
total 200000000000000.00
`)
	k.claim("sale", "2026-04-10", decimalFact("value", "999999999999999999.999999999999"))
	wantStatement(t, k, `
month: 999999999999999999.999999999999 = 100000000000000.00
  tier 0: 999999999999999999.999999999999 = 99999999999999.9999999999999999
term: 1000000000000000000.000000000001 to 2000000000000000000 = 50000000000000.00
  tier 0: 499999999999999999.999999999999 = 49999999999999.9999999999999999
  tier 1: 500000000000000000 = 0
total 150000000000000.00
`)
}
