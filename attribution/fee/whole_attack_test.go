package fee

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// meter is a metric of the client and the bank, which a line prices by one.
func meter(late, missing string) string {
	return `{"results": {` + simple("sale", "") + `}, "metrics": {"kwh": {"by": ["bank", "client"], "final_after": "50d"}, "ours": {"by": ["vendor"], "final_after": "50d"}},
		"measures": {"used": {"sum": "metric/kwh.value", "over": "period", "missing": ` + missing + `}, "ours": {"last": "metric/ours.value", "over": "period", "missing": {"then": "hold"}}},
		"lines": [{"name": "kwh", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"}], ` + settling(late) + `}`
}

// brief is the total of a statement, what is held, its corrections and counts.
func brief(st *record.Statement) string {
	out := string(st.Total)
	for _, l := range st.Lines {
		if l.Held {
			out += ", " + l.Name + " held"
		}
	}
	for _, c := range st.Corrections {
		out += fmt.Sprintf(", %s of %s %s", c.Line, c.Period, c.Amount)
	}
	for _, c := range st.Counts {
		out += fmt.Sprintf(", %s %d", c.Reason, c.N)
	}
	return out
}

// What becomes of measurements that are not there, come late, or come again:
// the statements of March, April and May, which close when they end.
func TestSilenceOfMeasurements(t *testing.T) {
	reading := func(by, from, until, value string) *record.Record {
		return &record.Record{By: by, Body: &record.Measurement{Metric: "kwh", From: at(from), Until: at(until), Value: record.Decimal(value)}}
	}
	march := func(by, value string) *record.Record { return reading(by, "2026-03-01", "2026-04-01", value) }
	revoke := &record.Record{By: "bank", Body: &record.Key{Op: "revoke", Key: publicText("bank"), Holder: "bank", Party: "bank", Effective: at("2026-03-09")}}
	type step struct {
		when string
		r    *record.Record
	}
	const hold, last = `{"then": "hold"}`, `{"then": "last"}`
	for _, c := range []struct {
		name, late, missing string
		steps               []step
		want                [3]string
	}{
		{"nobody measures, and it is held", "correction", hold, nil, [3]string{"0.00, kwh held", "0.00, kwh held", "0.00, kwh held"}},
		{"nobody measures, and there was no last value", "correction", last, nil, [3]string{"0.00, kwh held", "0.00, kwh held", "0.00, kwh held"}},
		{"nobody measures, and a value is agreed", "correction", `{"then": "value", "value": "5"}`, nil, [3]string{"5.00", "5.00", "5.00"}},
		{"nobody measures, and neither does the other", "correction", `{"then": "other", "measure": "ours"}`, nil, [3]string{"0.00, kwh held", "0.00, kwh held", "0.00, kwh held"}},
		{"the last value goes on", "correction", last, []step{{"2026-03-31", march("client", "7")}}, [3]string{"7.00, billed 1", "7.00", "7.00"}},
		{"who is not named measures", "correction", hold, []step{{"2026-03-31", march("vendor", "900")}, {"2026-03-31", march("court", "900")}}, [3]string{"0.00, kwh held", "0.00, kwh held", "0.00, kwh held"}},
		{"who pays restates it down after the statement", "correction", hold, []step{{"2026-03-31", march("client", "7")}, {"2026-04-10", march("client", "2")}}, [3]string{"7.00, billed 1", "-5.00, kwh held, kwh of 2026-03 -5.00, billed 1, restated 1", "0.00, kwh held"}},
		{"the same, where what is late is refused", "refuse", hold, []step{{"2026-03-31", march("client", "7")}, {"2026-04-10", march("client", "2")}}, [3]string{"7.00, billed 1", "0.00, kwh held, late 1", "0.00, kwh held"}},
		{"the same, where what is late counts now: a measurement is of its period", "current", hold, []step{{"2026-03-31", march("client", "7")}, {"2026-04-10", march("client", "2")}}, [3]string{"7.00, billed 1", "-5.00, kwh held, kwh of 2026-03 -5.00, billed 1, restated 1", "0.00, kwh held"}},
		{"nobody restates what another measured", "correction", hold, []step{{"2026-03-31", march("client", "7")}, {"2026-03-31", march("bank", "1")}}, [3]string{"8.00, billed 2", "0.00, kwh held", "0.00, kwh held"}},
		{"it is restated beyond its horizon", "correction", hold, []step{{"2026-03-05", reading("client", "2026-03-01", "2026-03-05", "7")}, {"2026-05-05", reading("client", "2026-03-01", "2026-03-05", "2")}}, [3]string{"7.00, billed 1", "0.00, kwh held", "0.00, kwh held, final 1"}},
		{"it is dated back into a settled period", "correction", hold, []step{{"2026-04-10", march("client", "7")}}, [3]string{"0.00, kwh held", "7.00, kwh held, kwh of 2026-03 7.00, billed 1", "0.00, kwh held"}},
		{"a span that is over after its period counts in the period of its end", "correction", hold, []step{{"2026-03-31", reading("client", "2026-03-01", "2026-04-02", "7")}}, [3]string{"0.00, kwh held, pending 1", "7.00, billed 1", "0.00, kwh held"}},
		{"a revoked key measures", "correction", hold, []step{{"2026-03-09", revoke}, {"2026-03-31", march("bank", "7")}}, [3]string{"0.00, kwh held, void_signature 1", "0.00, kwh held", "0.00, kwh held"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := start(t, strings.Replace(meter(c.late, c.missing), "{", `{"record_delay": "unlimited", `, 1))
			var got [3]string
			steps := c.steps
			for i, end := range []string{"2026-04-01", "2026-05-01", "2026-06-01"} {
				for len(steps) > 0 && at(steps[0].when) < at(end) {
					r := *steps[0].r
					r.At = at(steps[0].when)
					r.Log = &record.Log{Time: max(r.At, k.logged)}
					k.add(&r)
					steps = steps[1:]
				}
				st, _ := k.settle()
				got[i] = brief(st)
			}
			if got != c.want {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got[:], "\n"), strings.Join(c.want[:], "\n"))
			}
		})
	}
}

// An action that is recorded late, in each of the ways.
func TestLateActions(t *testing.T) {
	for late, want := range map[string]string{"current": "1.00", "correction": "1.00, calls of 2026-03 1.00", "refuse": "0.00, late 1"} {
		k := start(t, fmt.Sprintf(calls, simple("sale", ""), settling(late)))
		k.settle()
		k.dial("2026-03-20", "1")
		if st, _ := k.settle(); brief(st) != want {
			t.Errorf("%s: %s, want %s", late, brief(st), want)
		}
	}
}

// Nothing of a history that the client excluded counts when it has signed.
func TestExcludedHistoryLeaksNothing(t *testing.T) {
	fields := `{"results": {` + simple("sale", `"value": "decimal"`) + `, ` + strings.ReplaceAll(simple("touch", `"channel": "text"`), `300d`, `366d`) + `},
		"metrics": {"kwh": {"by": ["client"], "final_after": "300d"}},
		"measures": {"won": {"count": "sale", "over": "term"}, "most": {"max": "metric/kwh.value", "over": "term", "missing": {"then": "hold"}}, "used": {"sum": "metric/kwh.value", "over": "period", "missing": {"then": "last"}},
			"dials": {"count": "action/dial", "over": "period"}, "spent": {"sum": "action/dial.amount", "over": "term"}, "sales": {"count": "sale", "over": "period"},
			"credited": {"sum": "sale.value", "over": "period", "credit": {"model": "linear", "of": "touch", "by": "channel", "to": ["agent"], "within": "30d", "decimals": 2}}},
		"lines": [{"name": "won", "of": "won", "mode": "graduated", "tiers": [{"up_to": "2", "unit": "30"}, {"unit": "24"}]}, {"name": "most", "of": "most", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"},
			{"name": "used", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"}, {"name": "dials", "of": "dials", "mode": "graduated", "tiers": [{"unit": "1"}]},
			{"name": "spent", "of": "spent", "mode": "graduated", "tiers": [{"rate": "0.1"}]}, {"name": "credited", "of": "credited", "mode": "graduated", "tiers": [{"unit": "1"}]},
			{"name": "rolling", "of": "sales", "mode": "graduated", "tiers": [{"unit": "1"}], "adjust": [{"include": "1", "unused": "rolls"}]}],
		"settle": {"close_after": "0s", "late": "correction", "negative": "credit", "corrections": "after_minimum", "prepaid": [{"name": "gift", "amount": "50", "every": "once", "from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}]}}`
	sale := func(k *kit, when string) {
		k.add(&record.Record{Case: "K", At: at(when), Body: &record.Outcome{Result: "sale", Facts: record.NewFacts(decimalFact("value", "10"))}})
	}
	touch := func(k *kit, when string) {
		k.add(&record.Record{Case: "K", At: at(when), Body: &record.Outcome{Result: "touch", Facts: record.NewFacts(decimalFact("channel", "agent"))}})
	}
	for _, c := range []struct{ history, want string }{
		// One sale at the price of the fourth, the most there was, the last value,
		// the credit of the touch, 2 of what rolled.
		{"adopt", "gift 0.00, due 45.90: won 3 to 4 = 24.00; most 9 to 9 = 0.00; used 9 = 9.00; dials 1 = 1.00; spent 9 to 11 = 0.20; credited 10 = 10.00; rolling 1 = 0.00"},
		{"exclude", "gift 50.00, due 0.00: won 0 to 1 = 30.00; most  = 0.00; used  = 0.00; dials 1 = 1.00; spent 0 to 2 = 0.20; credited 0 = 0.00; rolling 1 = 0.00"},
	} {
		k := newKit(t)
		k.agree(at("2026-03-01"), draft(t, fields), "", "vendor")
		for range 3 {
			sale(k, "2026-03-10")
		}
		k.measure("kwh", "client", "2026-03-01", "2026-03-11", "9")
		k.dial("2026-03-12", "2")
		k.settle()                // draws 50 of more
		k.dial("2026-04-02", "7") // counted by no statement yet
		touch(k, "2026-04-03")
		k.agree(at("2026-04-04"), draft(t, from("2026-04-05", fields)), c.history, "vendor", "client")
		sale(k, "2026-04-10")
		k.dial("2026-04-12", "2")
		st, _ := k.settle()
		got := fmt.Sprintf("gift %s, due %s:", st.Prepaid[0].Before, st.Due)
		for _, l := range st.Lines {
			if l.Version != 2 {
				continue // of the dial before
			}
			before := ""
			if l.Before != "" {
				before = string(l.Before) + " to "
			}
			got += fmt.Sprintf(" %s %s%s = %s;", l.Name, before, l.Quantity, l.Amount)
		}
		if got = strings.TrimSuffix(got, ";"); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s\n%s", c.history, got, c.want, tellAll(st))
		}
	}
}

// Touches: after the sale, against its case, disputed, without what the terms
// ask for, and taken back after the sale was billed.
func TestTouchesThatDoNotCount(t *testing.T) {
	fields := `{"results": {` + strings.Replace(simple("sale", `"value": "decimal"`), `"facts"`, `"quantity": "value", "facts"`, 1) + `, ` + strings.Replace(strings.ReplaceAll(simple("touch", `"channel": "text"`), `300d`, `366d`), `"facts"`, `"evidence": ["log"], "facts"`, 1) + `},
		"measures": {"credited": {"sum": "sale.value", "over": "period", "credit": {"of": "touch", "by": "channel", "to": ["agent"], "within": "30d", "decimals": 2, "model": "linear"}}},
		"lines": [{"name": "credited", "of": "credited", "mode": "graduated", "tiers": [{"unit": "1"}]}], ` + settling("correction") + `}`
	touch := func(id, when, matter string) *record.Record {
		return &record.Record{ID: id, Case: matter, At: at(when), Attach: []record.Attachment{{Name: "log", Digest: record.Sum(nil), Size: 1}}, Body: &record.Outcome{Result: "touch", Facts: record.NewFacts(decimalFact("channel", "agent"))}}
	}
	house := touch("house", "2026-03-02", "K")
	house.Body.(*record.Outcome).Facts = record.NewFacts(decimalFact("channel", "house"))
	bare := touch("bare", "2026-03-05", "K")
	bare.Attach = nil
	for _, c := range []struct {
		name    string
		records []*record.Record
		want    string
	}{
		{"none of the agent", nil, "0.00"},
		{"one of each", []*record.Record{touch("a", "2026-03-05", "K")}, "5.00"},
		{"after the sale", []*record.Record{touch("a", "2026-03-20T00:01", "K")}, "0.00"},
		{"long before", []*record.Record{touch("a", "2026-02-15", "K")}, "0.00"},
		{"in another case", []*record.Record{touch("a", "2026-03-05", "L")}, "0.00"},
		{"without its evidence", []*record.Record{bare}, "0.00"},
		{"disputed", []*record.Record{touch("a", "2026-03-05", "K"), {At: at("2026-03-31T12:00"), By: "client", ID: "d", Body: &record.Dispute{About: "a", Ground: "result"}}}, "0.00"},
		{"taken back before the sale is billed", []*record.Record{touch("a", "2026-03-05", "K"), {At: at("2026-03-31"), Body: &record.Reverse{Of: "a", Cause: "reversed"}}}, "0.00"},
	} {
		k := start(t, strings.Replace(fields, "{", `{"effective": {"from": "2026-02-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}, `, 1))
		k.add(house)
		k.add(&record.Record{ID: "sale", Case: "K", At: at("2026-03-20"), Log: &record.Log{Time: at("2026-03-20")}, Body: &record.Outcome{Result: "sale", Facts: record.NewFacts(decimalFact("value", "10"))}})
		for _, r := range c.records {
			x := *r
			x.Log = &record.Log{Time: max(k.logged, x.At)}
			k.add(&x)
		}
		k.settle() // February
		st, _ := k.settle()
		if string(st.Total) != c.want {
			t.Errorf("%s: %s, want %s", c.name, st.Total, c.want)
		}
		if c.name != "one of each" {
			continue
		}
		// The share is that of when it was billed.
		k.add(&record.Record{At: at("2026-04-10"), Body: &record.Reverse{Of: "a", Cause: "reversed"}})
		if st, _ = k.settle(); st.Total != "0.00" {
			t.Errorf("a touch falls after the sale was billed: %s", brief(st))
		}
	}
}

// After the end of the term no statement follows: the last one takes back what
// is known at its closing, on lines over the term and prices of each as well.
func TestLastPeriodTakesBackOverTheTerm(t *testing.T) {
	for when, want := range map[string]string{"2026-05-09": "0.00", "2026-05-12": "30.00"} {
		k := start(t, `{"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2026-05-01T00:00:00.000Z"}, "results": {`+simple("sale", "")+`}, `+fmt.Sprintf(counter, "")+`,
			"settle": {"close_after": "10d", "late": "correction", "negative": "credit", "corrections": "after_minimum"}}`)
		k.claims(1, "sale", "2026-03-05")
		if st, _ := k.settle(); st.Total != "30.00" {
			t.Fatal(brief(st))
		}
		k.claims(1, "sale", "2026-04-20")
		k.add(&record.Record{At: at(when), Body: &record.Reverse{Of: "r-1", Cause: "reversed"}})
		if st, _ := k.settle(); string(st.Total) != want {
			t.Errorf("%s: %s, want %s", when, brief(st), want)
		}
	}
}

// An amendment that drops a metric leaves the corrections of before to the
// terms of before.
func TestAmendmentDropsAMetric(t *testing.T) {
	k := start(t, meter("correction", `{"then": "hold"}`))
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "7")
	k.settle()
	k.agree(at("2026-04-01"), draft(t, from("2026-04-02", fmt.Sprintf(calls, simple("sale", ""), settling("correction")))), "", "vendor", "client")
	k.measure("kwh", "client", "2026-04-02", "2026-04-10", "100") // of no metric any more
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "9")
	if st, _ := k.settle(); brief(st) != "2.00, kwh of 2026-03 2.00, billed 1, restated 1" {
		t.Errorf("got %s", brief(st))
	}
}

// A measurement of a span that ends under an amendment to come is of the
// version that governed it when it was recorded, in a state that is read back.
func TestMeasurementAheadOfAnAmendment(t *testing.T) {
	fields := meter("correction", `{"then": "hold"}`)
	k := start(t, fields)
	k.add(&record.Record{At: at("2026-03-05"), By: "client", Body: &record.Measurement{Metric: "kwh", From: at("2026-03-01"), Until: at("2026-04-01"), Value: "7"}})
	k.agree(at("2026-03-10"), draft(t, from("2026-03-15", fields)), "", "vendor", "client")
	if _, err := ReadState(k.state.Lines()); err != nil {
		t.Fatal(err)
	}
	if st, _ := k.settle(); brief(st) != "7.00, billed 1" {
		t.Errorf("got %s", brief(st))
	}
}

// Where a third party accepts, its word does not end what the client disputes,
// and the end of a dispute is not its word.
func TestDisputesWhereAThirdPartyAccepts(t *testing.T) {
	confirm := func(by, when string) *record.Record {
		return &record.Record{At: at(when), By: by, Body: &record.Confirm{Of: "o-T", Verdict: "accept"}}
	}
	type records = []*record.Record
	for _, c := range []struct {
		name    string
		records records
		want    string
	}{
		{"the bank accepts what the client disputes", records{disputeOf("2026-03-11"), confirm("bank", "2026-03-12")}, "disputed 1"},
		{"and the arbiter rejects the dispute", records{disputeOf("2026-03-11"), confirm("bank", "2026-03-12"), resolveOf("2026-03-13", "dispute", "rejected")}, "billed 1"},
		{"and the client withdraws it", records{disputeOf("2026-03-11"), confirm("bank", "2026-03-12"), confirm("client", "2026-03-13")}, "billed 1"},
		{"the arbiter rejects a dispute, and the bank says nothing", records{disputeOf("2026-03-11"), resolveOf("2026-03-13", "dispute", "rejected")}, "pending 1"},
		{"the client withdraws a dispute, and the bank says nothing", records{disputeOf("2026-03-11"), confirm("client", "2026-03-13")}, "pending 1"},
		{"the bank takes back what it rejected", records{{At: at("2026-03-11"), By: "bank", Body: &record.Confirm{Of: "o-T", Verdict: "reject"}}, confirm("bank", "2026-03-12")}, "billed 1"},
	} {
		k := start(t, guarded(`"silence", "after": "2d", "from": "claim"`, `"third", "by": "bank"`, `"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`))
		k.add(claimOf("2026-03-10", "T", "10"))
		for _, r := range c.records {
			k.add(r)
		}
		st, _ := k.settle()
		got := ""
		for _, n := range st.Counts {
			got += fmt.Sprintf("%s %d", n.Reason, n.N)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// What both sides resolved of a span is not taken back by one of them, as
// itself or as another author of the metric.
func TestResolutionStandsForItsSpan(t *testing.T) {
	k := start(t, `{"metrics": {"kwh": {"by": ["client", "vendor"], "final_after": "90d"}}, "settle": {"close_after": "10d", "late": "correction", "negative": "credit", "corrections": "after_minimum"},
		"measures": {"used": {"last": "metric/kwh.value", "over": "period", "missing": {"then": "hold"}}},
		"lines": [{"name": "used", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"}]}`)
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "50")
	k.measure("kwh", "vendor", "2026-03-01", "2026-04-01", "100")
	k.add(&record.Record{At: at("2026-04-02"), By: "client", Body: &record.Resolve{About: k.records[1].ID, Field: "value", Value: "80", Disposition: "upheld", As: "joint"}})
	k.measure("kwh", "vendor", "2026-03-01", "2026-04-01", "100")
	if st, _ := k.settle(); st.Total != "80.00" {
		t.Fatalf("the vendor measures again and is paid %s, want 80.00", st.Total)
	}
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "10")
	if st, _ := k.settle(); len(st.Corrections) != 0 || st.Total != "0.00" {
		t.Fatalf("the client measures again, which corrects %v, total %s", st.Corrections, st.Total)
	}
}
