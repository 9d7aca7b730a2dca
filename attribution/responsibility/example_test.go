package responsibility_test

import (
	"fmt"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/attribution/terms"
)

const agreement = `{
 "title": "Refunds", "currency": "EUR", "scale": 2, "rounding": {"mode": "half_up", "at": "line"},
 "parties": {
  "shop": {"role": "client", "name": "Shop Ltd", "keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAII5/hSGJBuIVrCmmfsPAIlNeyMNqkyfYoidPge4IKd+w"]},
  "agents": {"role": "vendor", "name": "Agents Inc", "keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP0BjNK5nBzdpifbAPjt04bohIGrZSWVUaWqmR2isKSt"]}
 },
 "calendar": {"zone": "UTC", "period": "month", "offsets": [{"from": "2026-03-01T00:00:00.000Z", "minutes": 0}]},
 "effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}, "record_delay": "5m", "skew": "5m", "backfill": "refuse",
 "results": {"done": {"facts": {}, "once_per": "case", "claim": ["agents"], "accept": {"on": "client"}, "dispute": "none", "reopen": "none",
  "escalation": "ignore", "lock": "0s", "billed_at": "accepted", "final_after": "30d"}},
 "measures": {"done": {"count": "done", "over": "period"}},
 "lines": [{"name": "done", "of": "done", "mode": "graduated", "tiers": [{"unit": "1"}]}],
 "settle": {"close_after": "3d", "late": "correction", "negative": "carry", "corrections": "after_minimum"},
 "responsibility": {"rule_set": "rs-1", "outward": "shop", "review_min": "60s"}
}`

// An agent asks before it acts: would this refund break a rule?
func ExamplePrecheck() {
	canonical, mistakes := terms.Draft([]byte(agreement), nil)
	if canonical == nil {
		fmt.Println(mistakes)
		return
	}
	at, _ := record.ParseTime("2026-03-02T08:00:00.000Z")
	until, _ := record.ParseTime("2027-03-01T00:00:00.000Z")
	f := responsibility.NewFacts()
	for n, r := range []*record.Record{
		{ID: "agreement", By: "agents", Body: &record.Agreement{Version: 1, Terms: canonical}},
		{ID: "config", By: "agents", Body: &record.Config{Agent: "care", Model: "m7"}},
		{ID: "grant", By: "shop", Body: &record.Grant{Grantor: "shop", Grantee: "care", Operator: "agents", Actions: []string{"refund"}, Resources: []string{"order/*"}, LimitEach: "50.00", From: at, Until: until}},
		{ID: "order", By: "shop", Case: "order-1", Body: &record.Input{AsOf: at, Fields: record.NewFacts(record.Text("total", "80.00"))}},
		{ID: "decision", By: "agents", Case: "order-1", Body: &record.Decision{Agent: "care", Config: "config", Inputs: []string{"order"}, Reasons: record.Sum(nil), Output: record.Sum(nil)}},
	} {
		r.Kind, r.At, r.Log = r.Body.Kind(), at, &record.Log{N: int64(n), Time: at}
		if err := f.Add(r); err != nil {
			fmt.Println(err)
			return
		}
	}
	answer, err := responsibility.Precheck(f, &record.Record{
		Kind: record.KindAction, ID: "refund", Case: "order-1", At: at, By: "agents", Actor: "care",
		Body: &record.Action{Decision: "decision", Grant: "grant", Action: "refund", Resource: "order/1", Amount: "80.00", Currency: "EUR", Effect: "commit", Status: "planned"},
	}, at)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, finding := range answer.Findings {
		fmt.Println(finding.Rule, finding.Party, finding.Status)
		for _, i := range finding.Tests {
			fmt.Println(" ", answer.Tests[i])
		}
	}
	// Output:
	// limit_exceeded agents established
	//   limit_exceeded, effect refund: amount 80.00 EUR > limit_each 50.00 EUR, the least of the chain, of grant: yes
}
