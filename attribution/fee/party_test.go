package fee

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// twoThirds are parties with two third ones, which roles do not tell apart.
func twoThirds() string {
	text := ""
	for i, p := range []struct{ id, role string }{{"vendor", "vendor"}, {"client", "client"}, {"bank", "third"}, {"clinic", "third"}} {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf(`%q: {"role": %q, "name": "A party", "keys": [%q]}`, p.id, p.role, publicText(p.id))
	}
	return `"parties": {` + text + `}`
}

// Where a third party accepts, nobody else's word does: not the client's, and
// not that of another third party. What it claims itself is accepted at once.
func TestThirdPartyAccepts(t *testing.T) {
	k := start(t, `{`+twoThirds()+`,
		"results": {"treated": {"facts": {}, "once_per": "id", "claim": ["bank", "clinic", "vendor"], "accept": {"on": "third", "by": "bank"}, "dispute": {"within": "5d", "unresolved": {"after": "5d", "then": "void"}},
			"reopen": "none", "escalation": "ignore", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}},
		"measures": {"treated": {"count": "treated", "over": "period"}},
		"lines": [{"name": "treated", "of": "treated", "mode": "graduated", "tiers": [{"unit": "10"}]}]}`)
	claim := func(by string) string {
		return k.add(&record.Record{At: at("2026-03-02"), By: by, Body: &record.Outcome{Result: "treated"}})
	}
	confirm := func(by, of, verdict, when string) {
		k.add(&record.Record{At: at(when), By: by, Body: &record.Confirm{Of: of, Verdict: verdict}})
	}
	vendors, clinics, refused := claim("vendor"), claim("clinic"), claim("vendor")
	claim("bank")
	claim("clinic")
	confirm("client", vendors, "accept", "2026-03-03")
	confirm("clinic", vendors, "accept", "2026-03-04")
	confirm("bank", refused, "reject", "2026-03-05")
	st, _ := k.settle()
	want(t, show(st), `
line treated v1: 1 -> 10.00 (1 results)
  tier 0: 1 -> 10
subtotal 10.00
carried in 0.00, total 10.00, carried out 0.00
grade third: 10.00
count billed: 1
count dispute_upheld: 1
count pending: 3
`)
	confirm("bank", vendors, "accept", "2026-04-03")
	confirm("bank", clinics, "accept", "2026-04-04")
	e, err := k.state.Explain(clinics)
	if err != nil || len(e.Lines) < 3 || e.Lines[2] != "2026-04-04T00:00:00.000Z  accepted by bank" {
		t.Errorf("explained as %v, %v", e, err)
	}
	st, _ = k.settle()
	// The vendor's claim was confirmed by the client as well: both stand for it.
	want(t, show(st), `
line treated v1: 2 -> 20.00 (2 results)
  tier 0: 2 -> 20
subtotal 20.00
carried in 0.00, total 20.00, carried out 0.00
grade both: 10.00
grade third: 10.00
count billed: 2
count pending: 1
`)
}

// With credit by author, the groups are parties, not roles.
func TestCreditByAuthor(t *testing.T) {
	measure := func(to string) string {
		return fmt.Sprintf(`%q: {"sum": "sale.value", "over": "period", "credit": {"model": "linear", "of": "touch", "by": "author", "within": "30d", "to": [%q], "decimals": 2}}`, to, to)
	}
	line := func(name string) string {
		return fmt.Sprintf(`{"name": %q, "of": %q, "mode": "graduated", "tiers": [{"rate": "1"}]}`, name, name)
	}
	k := start(t, `{`+twoThirds()+`, "results": {"sale": {"facts": {"value": "decimal"}, "once_per": "case", "claim": ["client"], "accept": {"on": "claim"}, "dispute": "none", "reopen": "none", "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "40d"},
		"touch": {"facts": {}, "once_per": "id", "claim": ["bank", "clinic", "vendor"], "accept": {"on": "claim"}, "dispute": "none", "reopen": "none", "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "90d"}},
		"measures": {`+measure("bank")+`, `+measure("clinic")+`, `+measure("vendor")+`},
		"lines": [`+line("bank")+`, `+line("clinic")+`, `+line("vendor")+`]}`)
	for _, by := range []string{"clinic", "vendor", "clinic", "bank"} {
		k.add(&record.Record{At: at("2026-03-02"), By: by, Case: "c", Body: &record.Outcome{Result: "touch"}})
	}
	k.add(&record.Record{At: at("2026-03-09"), By: "client", Case: "c", Body: &record.Outcome{Result: "sale", Facts: record.Facts{record.Text("value", "10.00")}}})
	st, _ := k.settle()
	got := ""
	for _, l := range st.Lines {
		got += fmt.Sprintf("%s %s\n", l.Name, l.Amount)
	}
	want(t, got, `
bank 2.50
clinic 5.00
vendor 2.50
`)
}

// The word of the third party that accepts ends a dispute of what another third
// party claimed, and none of what it claimed itself.
func TestThirdPartyEndsADispute(t *testing.T) {
	k := start(t, `{`+twoThirds()+`,
		"results": {"treated": {"facts": {}, "once_per": "id", "claim": ["bank", "clinic"], "accept": {"on": "third", "by": "bank"}, "dispute": {"within": "5d", "unresolved": {"after": "5d", "then": "void"}},
			"reopen": "none", "escalation": "ignore", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}},
		"measures": {"treated": {"count": "treated", "over": "period"}},
		"lines": [{"name": "treated", "of": "treated", "mode": "graduated", "tiers": [{"unit": "10"}]}]}`)
	for _, by := range []string{"clinic", "bank"} {
		of := k.add(&record.Record{At: at("2026-03-02"), By: by, Body: &record.Outcome{Result: "treated"}})
		k.add(&record.Record{At: at("2026-03-03"), By: "vendor", Body: &record.Dispute{About: of, Ground: "result"}})
		k.add(&record.Record{At: at("2026-03-04"), By: "bank", Body: &record.Confirm{Of: of, Verdict: "accept"}})
	}
	_, detail := k.settle()
	var reasons []string
	for _, line := range detail {
		f := strings.Split(strings.Trim(line, "[]"), ",")
		reasons = append(reasons, f[len(f)-1])
	}
	if got := strings.Join(reasons, " "); got != `"billed" "dispute_upheld"` {
		t.Errorf("got %s: %s", got, strings.Join(detail, "\n"))
	}
}
