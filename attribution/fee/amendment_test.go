package fee

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// What terms.ReviewAmendment warns of is what happens: a line that was due is
// charged again, and money that had lapsed is there anew.
func TestAmendmentChargesAgain(t *testing.T) {
	text := func(from, due, until string) string {
		return fmt.Sprintf(`{"effective": {"from": "%s", "until": "2027-03-01T00:00:00.000Z"}, "results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
			"lines": [{"name": "setup", "flat": "100", "due_at": "%s"}, {"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "1"}]}],
			"settle": {"close_after": "0s", "late": "current", "negative": "carry", "corrections": "after_minimum",
				"prepaid": [{"name": "gift", "amount": "30", "every": "once", "from": "2026-03-01T00:00:00.000Z", "until": "%s"}]}}`, from, due, until)
	}
	k := start(t, text("2026-03-01T00:00:00.000Z", "2026-03-10T00:00:00.000Z", "2026-04-01T00:00:00.000Z"))
	var due []string
	settle := func() {
		st, _ := k.settle()
		due = append(due, string(st.Total)+" "+string(st.Due))
	}
	settle() // March: 100, of which the gift pays 30
	settle() // April: it has lapsed
	second := draft(t, text("2026-05-02T00:00:00.000Z", "2026-06-10T00:00:00.000Z", "2026-07-01T00:00:00.000Z"))
	old, next := k.state.versions[0].terms, (*terms.Terms)(nil)
	if next, _ = terms.Parse(second); len(terms.ReviewAmendment(old, next)) != 2 {
		t.Errorf("warned of %v, want of both", terms.ReviewAmendment(old, next))
	}
	k.agree(at("2026-05-01"), second, "", "vendor", "client")
	settle() // May
	settle() // June: 100 again, of which the gift pays 30 again
	if got, want := fmt.Sprint(due), "[100.00 70.00 0.00 0.00 0.00 0.00 100.00 70.00]"; got != want {
		t.Errorf("total and due by month: %s, want %s", got, want)
	}
}

// A resolution is of a dispute about a live result, or says what holds of a live
// measurement; any other is counted as one that has no effect.
func TestResolutionOfNothingIsUnmatched(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"kwh": {"by": ["client"], "facts": {"good": "bool"}, "final_after": "40d"}},
		"measures": {"sales": {"count": "sale", "over": "period"}, "used": {"sum": "metric/kwh.value", "over": "period", "missing": {"then": "hold"}}},
		"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "1"}]}, {"name": "used", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"}],
		"settle": {"close_after": "0s", "late": "correction", "negative": "carry", "corrections": "after_minimum"}}`)
	m := k.measure("kwh", "client", "2026-03-01", "2026-03-11", "9", record.Bool("good", true))
	of := k.claim("sale", "2026-03-12")
	resolve := func(b record.Resolve) {
		b.Disposition, b.As = "upheld", "joint"
		k.add(&record.Record{At: at("2026-03-20"), By: "client", Body: &b})
	}
	resolve(record.Resolve{About: m, Field: "value", Value: "8"})
	// A dispute about a measurement is of no result; what resolves it is not.
	d := k.add(&record.Record{ID: "s-1", At: at("2026-03-20"), By: "client", Body: &record.Dispute{About: m, Ground: "too much"}})
	resolve(record.Resolve{Dispute: d, About: m, Field: "value", Value: "7"})
	if st, _ := k.settle(); st.Total != "8.00" || !strings.Contains(show(st), "count unmatched: 1\n") {
		t.Errorf("March: %s", show(st))
	}
	for _, b := range []record.Resolve{
		{About: of, Field: "value", Value: "8"},    // a result
		{About: m, Field: "volume", Value: "8"},    // it has no such field
		{About: m, Field: "good", Value: "false"},  // a truth value
		{About: m, Field: "value", Value: "eight"}, // no number
		{About: m},   // nothing
		{Dispute: d}, // a dispute about no result
		{Dispute: d, About: of, Field: "value", Value: "8"},
	} {
		resolve(b)
	}
	if st, _ := k.settle(); !strings.Contains(show(st), "count unmatched: 7\n") {
		t.Errorf("April: %s", show(st))
	}
}

// An amendment may round otherwise. What an earlier period was billed is given
// back to the last cent all the same: a correction is rounded as its period was,
// and so is the share of a bound.
func TestCorrectionIsRoundedAsItsPeriod(t *testing.T) {
	text := func(from, mode string) string {
		return fmt.Sprintf(`{"effective": {"from": "%s", "until": "2026-07-01T00:00:00.000Z"}, "rounding": {"mode": "%s", "at": "line"},
			"results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
			"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "0.455"}]}],
			"settle": {"close_after": "0s", "late": "current", "negative": "carry", "corrections": "after_minimum"}}`, from, mode)
	}
	for _, c := range []struct{ first, second, billed, back string }{
		{"half_up", "down", "0.46", "-0.46"},
		{"down", "up", "0.45", "-0.45"},
	} {
		k := start(t, text("2026-03-01T00:00:00.000Z", c.first))
		of := k.claim("sale", "2026-03-10")
		k.agree(at("2026-03-31"), draft(t, text("2026-04-01T00:00:00.000Z", c.second)), "", "vendor", "client")
		if st, _ := k.settle(); string(st.Total) != c.billed {
			t.Errorf("March is %s, want %s", st.Total, c.billed)
		}
		k.add(&record.Record{At: at("2026-04-02"), By: "client", Body: &record.Reverse{Of: of, Cause: "reversed"}})
		st, detail := k.settle()
		if string(st.CarriedOut) != c.back || !strings.Contains(strings.Join(detail, "\n"), `"`+c.back+`","reversed"`) {
			t.Errorf("rounded %s and then %s: given back %s, want %s: %v", c.first, c.second, st.CarriedOut, c.back, detail)
		}
	}
}

// Rounded half to even 0.005 is 0.00. With a correction of 0.01 before it is
// rounded it is 0.015, which is 0.02: the account says so.
func TestAccountOfWhatIsRoundedOnce(t *testing.T) {
	k := start(t, `{"rounding": {"mode": "half_even", "at": "statement"}, "results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
		"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "0.005"}]}],
		"settle": {"close_after": "0s", "late": "correction", "negative": "carry", "corrections": "before_minimum"}}`)
	k.claim("sale", "2026-03-10")
	k.settle()
	late := k.claim("sale", "2026-03-11")
	k.claim("sale", "2026-04-10")
	st, _ := k.settle()
	if len(st.Corrections) != 1 || st.Corrections[0].Amount != "0.01" || st.Lines[0].Amount != "0.00" || st.Subtotal != "0.02" {
		t.Fatalf("%s is late: %s", late, show(st))
	}
	want := []Step{{"the lines and the corrections together", "0.00 + 0.01 = 0.01"}, {"the lines and the corrections together, rounded once as their exact sum", "0.02"}}
	if got := NewAccount(k.state.standing, st).Sum; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
