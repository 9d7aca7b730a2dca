package fee

import "testing"

// A measurement that no measure counts is not billed, like a result that no
// line counts, and is said once.
func TestMeasurementThatNothingCounts(t *testing.T) {
	k := start(t, `{"metrics": {"aum": {"by": ["client"], "final_after": "300d"}},
		"measures": {"reached": {"last": "metric/aum.value", "over": "period", "where": "occurred < \"2026-03-15T00:00:00.000Z\"", "missing": {"then": "hold"}}},
		"lines": [{"name": "aum", "of": "reached", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"}]}`)
	k.measure("aum", "client", "2026-03-01", "2026-03-10", "5")
	k.measure("aum", "client", "2026-03-10", "2026-03-20", "7")
	st, detail := k.settle()
	want(t, show(st), `
line aum v1: 5 -> 5.00 (1 results)
  tier 0: 5 -> 5
subtotal 5.00
carried in 0.00, total 5.00, carried out 0.00
grade client: 5.00
count billed: 1
count no_line: 1
`)
	if len(detail) != 2 {
		t.Errorf("the detail has %d lines, want 2: %q", len(detail), detail)
	}
	// Restated in April: the one before never counted, and this one does not.
	k.measure("aum", "client", "2026-03-10", "2026-03-20", "8")
	st, _ = k.settle()
	want(t, show(st), `
line aum v1:  -> 0.00 (0 results)
subtotal 0.00
carried in 0.00, total 0.00, carried out 0.00
count no_line: 1
count restated: 1
`)
	st, _ = k.settle()
	if len(st.Counts) != 0 {
		t.Errorf("May counts %v, want nothing", st.Counts)
	}
}
