package fee

import (
	"fmt"
	"testing"

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
