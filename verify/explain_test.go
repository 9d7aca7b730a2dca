package verify

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// joinedTerms have lines that no single record prices: a fee by what two metrics
// come to, one of them for the other where that is missing, and what is paid for
// actions and results together.
const joinedTerms = `{
"title": "Campaign", "currency": "EUR", "scale": 2,
"parties": {
 "vendor": {"role": "vendor", "name": "Vendor", "keys": ["@vendor"]},
 "client": {"role": "client", "name": "Client", "keys": ["@client"]}},
"rounding": {"mode": "half_even", "at": "statement"},
"calendar": {"zone": "UTC", "period": "month", "offsets": [{"from": "2026-01-01T00:00:00.000Z", "minutes": 0}]},
"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},
"record_delay": "1h", "skew": "5m", "backfill": "refuse",
"results": {"sale": {"facts": {}, "once_per": "case", "claim": ["vendor"], "accept": {"on": "claim"}, "dispute": "none",
 "reopen": {"within": "60d", "from": "occurred"}, "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "90d"}},
"metrics": {"till": {"by": ["client"], "final_after": "90d"}, "shop": {"by": ["vendor"], "final_after": "90d"}},
"measures": {
 "till": {"sum": "metric/till.value", "over": "period", "missing": {"then": "other", "measure": "shop"}},
 "shop": {"sum": "metric/shop.value", "over": "period", "missing": {"then": "value", "value": "0"}},
 "calls": {"count": "action/call", "over": "period"}, "dear": {"sum": "action/call.amount", "over": "period", "where": "amount > 1"},
 "sales": {"count": "sale", "over": "period"}},
"formulas": {"work": "calls + dear + sales * 10"},
"lines": [
 {"name": "fee", "flat": "100", "adjust": [{"factor": {"by": "till", "steps": [{"from": "50", "times": "1"}], "below": "0.5", "undefined": "hold"}}]},
 {"name": "work", "of": "work", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"},
 {"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "1"}], "adjust": [{"times": "till", "undefined": "hold"}]}],
"settle": {"close_after": "8d", "late": "correction", "negative": "carry", "corrections": "after_minimum"}}`

// joined is a ledger of two months under such terms.
func joined(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(joinedTerms, 1, "vendor", "client")
	call := func(id, amount string) {
		m.vendor(id, "", &record.Action{Action: "call", Effect: "communicate", Amount: record.Decimal(amount), Currency: "EUR", Resource: "line", Status: "executed"})
	}
	m.clock("2026-03-02T09:00:00")
	call("a-1", "1")
	call("a-2", "3")
	m.vendor("s-1", "T-1", &record.Outcome{Result: "sale"})
	m.clock("2026-03-31T23:59:00")
	m.vendor("m-1", "", &record.Measurement{Metric: "shop", From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2026-03-31T23:59:00"), Value: "60"})
	m.clock("2026-04-02T09:00:00")
	call("a-3", "2")
	m.add(m.byClient(&record.Record{Kind: record.KindReverse, ID: "r-1", Case: "T-1", Body: &record.Reverse{Of: "s-1", Cause: "reopened"}}))
	m.clock("2026-04-09T00:00:00")
	m.statement()
	call("a-4", "5")
	m.clock("2026-04-30T23:00:00")
	m.add(m.byClient(&record.Record{Kind: record.KindMeasurement, ID: "m-2", Body: &record.Measurement{Metric: "till", From: at(t, "2026-04-01T00:00:00"), Until: at(t, "2026-04-30T23:00:00"), Value: "40"}}))
	m.clock("2026-05-09T00:00:00")
	m.statement()
	return m
}

// A line that no single record prices leads to its records too: those of every
// measure it reads, what stands in for what is missing, and what a correction
// took back.
func TestExplainJoinedLines(t *testing.T) {
	in := joined(t).bundle(cut{})
	o := Options{Policy: policy(t, policyText(t, "both"))}
	for _, tc := range []struct {
		question Question
		want     string
	}{
		{Question{Line: "fee", Period: "2026-03"}, `
  line fee of version 1 in 2026-03 comes to 100.00 EUR
  behind it in this statement: 1 measurement, record 4 to record 4
  it is a flat amount of 100
  measure till, the sum of value over the measurements till, is 60
  till is 60, which reaches the step from 50: the factor is 1: 100 x 1 = 100
  rounded half even to 2 decimals at the sum of the lines, of which each shows its part: 100 becomes 100.00
behind line fee of version 1:
  measure till, the sum of value over the measurements till, is 60: no measurement is behind it
    there is no measurement of it: measure shop, which is 60, stands in
  measure shop, the sum of value over the measurements shop, is 60: 1 measurement
    record 4  2026-03-31T23:58:59.999Z  metric/shop m-1: quantity 60
`},
		{Question{Line: "work", Period: "2026-03"}, `
  line work of version 1 in 2026-03 comes to 15.00 EUR
  behind it in this statement: 3 records, record 1 to record 3
  formula work = calls + dear + sales * 10, with calls 2, dear 3, sales 1
  formula work is 15
  at 1 each: 15 x 1 = 15
  rounded half even to 2 decimals at the sum of the lines, of which each shows its part: 15 becomes 15.00
behind line work of version 1:
  measure calls, the number of the actions call, is 2: 2 actions
    record 1  2026-03-02T09:00:00.000Z  action/call a-1: quantity 1
    record 2  2026-03-02T09:00:00.000Z  action/call a-2: quantity 1
  measure dear, the sum of amount over the actions call where amount > 1, is 3: 1 action
    record 2  2026-03-02T09:00:00.000Z  action/call a-2: quantity 3
  measure sales, the number of the results sale, is 1: 1 result
    record 3  2026-03-02T09:00:00.000Z  sale/T-1: quantity 1
`},
		{Question{Line: "sales"}, `
  line sales of version 1 in 2026-04 comes to 0.00 EUR
  measure sales, the number of the results sale, is 0
  no tier has any of it: 0
  measure till, the sum of value over the measurements till, is 40
  times till, which is 40: 0 x 40 = 0
  rounded half even to 2 decimals at the sum of the lines, of which each shows its part: 0 becomes 0.00
  correction of line sales in 2026-03: from 1 to 0, -60.00 EUR
    as it was before this statement:
      measure sales, the number of the results sale, is 1
      at 1 each: 1 x 1 = 1
      measure till, the sum of value over the measurements till, is 60
      times till, which is 60: 1 x 60 = 60
      rounded half even to 2 decimals: 60 becomes 60.00
    as it is now:
      measure sales, the number of the results sale, is 0
      no tier has any of it: 0
      measure till, the sum of value over the measurements till, is 60
      times till, which is 60: 0 x 60 = 0
      rounded half even to 2 decimals: 0 becomes 0.00
    the difference: 0.00 - 60.00 = -60.00
behind line sales of version 1:
  measure sales, the number of the results sale, is 0: no result is behind it
  measure till, the sum of value over the measurements till, is 40, read by an adjustment: 1 measurement
    record 9  2026-04-30T22:59:59.999Z  metric/till m-2: quantity 40
  measure shop, the sum of value over the measurements shop, is 0, read by an adjustment: no measurement is behind it
    there is no measurement of it: the agreed value 0 stands in
behind the correction of line sales of version 1 in 2026-03:
  measure sales, the number of the results sale, goes from 1 to 0: 1 result, beside 1 that statements before counted
    record 3  2026-03-02T09:00:00.000Z  sale/T-1: reopened by record 6, quantity -1, amount -1.00
`},
	} {
		x, rep, err := Explain(bytes.NewReader(in), o, tc.question)
		if err != nil || rep.Verdict != Verified {
			t.Fatalf("%+v: %v\n%s", tc.question, err, text(t, rep))
		}
		_, got, _ := strings.Cut(x.Text(), "\n")
		if want := strings.TrimPrefix(tc.want, "\n"); !strings.HasPrefix(got, want) {
			t.Errorf("%+v: got\n%s\nwant\n%s", tc.question, got, want)
		}
	}
}

// A bundle that goes on from a statement says which records it does not have.
func TestExplainGoesOn(t *testing.T) {
	m := joined(t)
	in := m.bundle(cut{start: 7})
	o := Options{Policy: policy(t, policyText(t, "both"))}
	x, rep, err := Explain(bytes.NewReader(in), o, Question{Line: "work"})
	if err != nil || rep.Verdict == Refused {
		t.Fatal(err, text(t, rep))
	}
	for _, want := range []string{
		"\n  measure calls, the number of the actions call, is 2: 2 actions\n" +
			"    1 action from record 5 on, before record 7, with which the bundle begins: it has how many they are and what they add up to, not each\n" +
			"    record 8  2026-04-09T00:00:00.000Z  action/call a-4: quantity 1\n",
		"\n    record 3  2026-03-02T09:00:00.000Z  sale/T-1: reopened by record 6, quantity -1, before the bundle, which begins with record 7\n",
	} {
		if !strings.Contains(x.Text(), want) {
			t.Errorf("got\n%s\nwant in it%s", x.Text(), want)
		}
	}
	// The page leads to the same.
	_, page := pageOf(t, in, o)
	for _, want := range []string{
		`quantity 9, <a href="#behind-10-1">from 2 records, no. 5 to 8</a>`,
		`<td>1 action from record 5 on, before record 7, with which the bundle begins: it has how many they are and what they add up to, not each</td>`,
		`<td>There is no measurement of it: the agreed value 0 stands in</td>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

// Of many records the first ones are listed, and how many more there are is
// said.
func TestExplainMany(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(joinedTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	for i := range 25 {
		m.vendor(fmt.Sprintf("a-%d", i+1), "", &record.Action{Action: "call", Effect: "communicate", Amount: "1", Currency: "EUR", Resource: "line", Status: "executed"})
	}
	m.clock("2026-04-09T00:00:00")
	m.statement()
	in := m.bundle(cut{})
	o := Options{Policy: policy(t, policyText(t, "both"))}
	for all, want := range map[bool]string{
		false: "action/call a-20: quantity 1\n    and 5 more actions: --all lists them\n",
		true:  "action/call a-24: quantity 1\n    record 25  2026-03-02T09:00:00.000Z  action/call a-25: quantity 1\n",
	} {
		x, _, err := Explain(bytes.NewReader(in), o, Question{Total: true, All: all})
		if err != nil || !strings.Contains(x.Text(), want) {
			t.Errorf("all %v: %v\n%s", all, err, x.Text())
		}
	}
	if _, page := pageOf(t, in, o); !strings.Contains(page, "<td>and 5 more actions</td>") || strings.Contains(page, "a-21") {
		t.Error("the page lists all of them, or says not how many more there are")
	}
}
