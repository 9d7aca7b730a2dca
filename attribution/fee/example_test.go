package fee

import (
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// desk is the example of the document.
const desk = `{
	"results": {"resolved": {"facts": {"solved": "bool", "transferred": "bool"}, "once_per": "case", "where": "solved && !transferred", "claim": ["vendor"],
		"accept": {"on": "silence", "after": "72h", "from": "claim"}, "dispute": "none", "reopen": {"within": "7d", "from": "occurred"},
		"escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "90d"}},
	"measures": {"resolved": {"count": "resolved", "over": "period"}},
	"lines": [{"name": "resolved", "of": "resolved", "mode": "graduated", "tiers": [{"unit": "0.99"}]}],
	"settle": {"close_after": "3d", "late": "correction", "negative": "carry", "corrections": "after_minimum"}}`

func resolved(when, matter string, transferred bool) *record.Record {
	return &record.Record{At: at(when), Case: matter, Body: &record.Outcome{Result: "resolved", Facts: record.Facts{record.Bool("solved", true), record.Bool("transferred", transferred)}}}
}

func TestExampleOfTheDocument(t *testing.T) {
	k := start(t, desk)
	first := k.add(resolved("2026-03-02T09:00", "T-1", false))
	k.add(resolved("2026-03-02T10:00", "T-2", true))
	k.add(resolved("2026-03-03T08:00", "T-1", false))
	fourth := k.add(resolved("2026-03-30T10:00", "T-3", false))
	k.add(&record.Record{At: at("2026-03-31T12:00"), Body: &record.Reverse{Of: first, Cause: "reopened"}})
	k.add(&record.Record{At: at("2026-04-02T12:00"), Body: &record.Reverse{Of: fourth, Cause: "reopened"}})

	st, detail := k.settle()
	want(t, show(st), `
line resolved v1: 2 -> 1.98 (2 results)
  tier 0: 2 -> 1.98
subtotal 1.98
carried in 0.00, total 1.98, carried out 0.00
grade vendor: 1.98
count after_guarantee: 1
count billed: 2
count duplicate: 1
count where: 1
`)
	want(t, strings.Join(detail, "\n"), `
[1,"resolved","T-1","resolved","1","resolved","0.99","billed"]
[2,"resolved","T-2","","","","","where"]
[3,"resolved","T-1","","","","","duplicate"]
[4,"resolved","T-3","resolved","1","resolved","0.99","billed"]
`)
	st, detail = k.settle()
	want(t, show(st), `
line resolved v1: 0 -> 0.00 (0 results)
subtotal 0.00
correction of 2026-03 resolved v1: 2 -> 1 = -0.99
carried in 0.00, total 0.00, carried out -0.99
count reopened: 1
`)
	want(t, strings.Join(detail, "\n"), `
[4,"resolved","T-3","resolved","-1","resolved","-0.99","reopened"]
`)
}

func want(t failer, got, want string) {
	t.Helper()
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Fatalf("got\n%s\nwant\n%s", strings.TrimSpace(got), strings.TrimSpace(want))
	}
}
