package fee

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

func claimed(result, matter, when, by string, facts ...record.Fact) *record.Record {
	return &record.Record{By: by, Case: matter, At: at(when), Body: &record.Outcome{Result: result, Facts: record.NewFacts(facts...)}}
}

// How a number is spelled makes it no other number.
func TestDistinctCountsDecimalsByValue(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", `"buyer": "decimal"`)+`}, "measures": {"buyers": {"distinct": "sale.buyer", "over": "period"}},
		"lines": [{"name": "buyers", "of": "buyers", "mode": "graduated", "tiers": [{"unit": "12"}]}], `+settling("correction")+`}`)
	for i, buyer := range []string{"1", "1.0", "1.00", "2", "-1"} {
		k.add(claimed("sale", fmt.Sprint("K", i), "2026-03-10", "vendor", decimalFact("buyer", buyer)))
	}
	if st, _ := k.settle(); st.Lines[0].Quantity != "3" || brief(st) != "36.00, billed 5" {
		t.Errorf("%s of %s, want 36.00 of 3", brief(st), st.Lines[0].Quantity)
	}
}

// A complaint lowers the fee, and who is paid does not take it back: not in
// full, not in part, not when both claim the same.
func TestVendorReversesNoComplaint(t *testing.T) {
	fields := `{"results": {` + simple("sale", "") + `, ` + strings.Replace(simple("complaint", `"weight": "decimal"`), `"facts"`, `"quantity": "weight", "facts"`, 1) + `},
		"measures": {"sales": {"count": "sale", "over": "period"}, "bad": {"sum": "complaint.weight", "over": "period"}}, "formulas": {"net": "sales - bad"},
		"lines": [{"name": "net", "of": "net", "mode": "graduated", "tiers": [{"unit": "12"}], "below_zero": "zero"}], ` + settling("correction") + `}`
	for _, c := range []struct{ claims, reverses, quantity, want string }{
		{"client", "vendor", "", "12.00, billed 4, not_entitled 1"},
		{"client", "vendor", "1", "12.00, billed 4, not_entitled 1"},
		{"bank", "vendor", "", "12.00, billed 4, not_entitled 1"},
		{"client", "client", "", "36.00, billed 3, reversed 1"},
		{"client", "bank", "1", "24.00, billed 4"},
		{"vendor", "vendor", "", "36.00, billed 3, reversed 1"},
	} {
		k := start(t, strings.Replace(fields, `"claim": ["vendor", "client"]`, `"claim": ["bank", "client", "vendor"]`, -1))
		for i := range 3 {
			k.add(claimed("sale", fmt.Sprint("K", i), "2026-03-10", "vendor"))
		}
		id := k.add(claimed("complaint", "K", "2026-03-11", c.claims, decimalFact("weight", "2")))
		k.add(&record.Record{At: at("2026-03-11"), By: c.reverses, Body: &record.Reverse{Of: id, Cause: "reversed", Quantity: record.Decimal(c.quantity)}})
		if st, _ := k.settle(); brief(st) != c.want {
			t.Errorf("%s claims, %s reverses %q: %s, want %s", c.claims, c.reverses, c.quantity, brief(st), c.want)
		}
	}
}

// Terms of actions alone have no final_after; what is recorded late still
// counts where they say that it counts now.
func TestLateActionsWithoutHorizon(t *testing.T) {
	for late, want := range map[string]string{"current": "1.00", "correction": "0.00, final 1", "refuse": "0.00, final 1"} {
		k := start(t, `{"measures": {"calls": {"count": "action/dial", "over": "period"}}, "lines": [{"name": "calls", "of": "calls", "mode": "graduated", "tiers": [{"unit": "1"}]}], `+settling(late)+`}`)
		k.settle()
		k.dial("2026-03-20", "1")
		if st, _ := k.settle(); brief(st) != want {
			t.Errorf("%s: %s, want %s", late, brief(st), want)
		}
	}
}
