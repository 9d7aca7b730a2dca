package fee

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// simple is a result of the name that counts when it is claimed.
func simple(name, facts string) string {
	return fmt.Sprintf(`%q: {"facts": {%s}, "once_per": "id", "claim": ["vendor", "client"], "accept": {"on": "claim"}, "dispute": {"within": "30d", "unresolved": {"after": "1d", "then": "void"}},
		"reopen": {"within": "300d", "from": "occurred"}, "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "300d"}`, name, facts)
}

// tellAll is show with what newer parts of a statement have.
func tellAll(st *record.Statement) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, l := range st.Lines {
		before, held := "", ""
		if l.Before != "" {
			before = string(l.Before) + " to "
		}
		if l.Held {
			held = " held"
		}
		p("%s: %s%s = %s%s", l.Name, before, l.Quantity, l.Amount, held)
		for _, r := range l.Reads {
			p("  %s is %s", r.Name, r.Value)
		}
		for _, u := range l.Tiers {
			p("  tier %d: %s = %s", u.Tier, u.Quantity, u.Amount)
		}
		for _, a := range l.Adjust {
			p("  %s: %s to %s", a.Op, a.Before, a.After)
		}
	}
	for _, a := range st.Adjust {
		p("%s: %s to %s", a.Op, a.Before, a.After)
	}
	for _, c := range st.Corrections {
		p("%s of %s: %s to %s = %s", c.Line, c.Period, c.QuantityBefore, c.Quantity, c.Amount)
	}
	p("total %s", st.Total)
	for _, d := range st.Prepaid {
		p("%s: %s - %s = %s", d.Name, d.Before, d.Used, d.After)
	}
	if st.Due != "" {
		p("due %s", st.Due)
	}
	return b.String()
}

func (k *kit) claim(result, when string, facts ...record.Fact) string {
	return k.add(&record.Record{At: at(when), Body: &record.Outcome{Result: result, Facts: record.NewFacts(facts...)}})
}

func (k *kit) claims(n int, result, when string, facts ...record.Fact) {
	for range n {
		k.claim(result, when, facts...)
	}
}

func (k *kit) measure(metric, by, from, until, value string, fields ...record.Fact) string {
	return k.add(&record.Record{At: max(k.logged, at(until)), By: by, Body: &record.Measurement{Metric: metric, From: at(from), Until: at(until), Value: record.Decimal(value), Fields: record.NewFacts(fields...)}})
}

func decimalFact(name, value string) record.Fact {
	return record.Fact{Name: name, Value: record.Value{Text: value}}
}

func wantStatement(t *testing.T, k *kit, text string) {
	t.Helper()
	st, _ := k.settle()
	want(t, tellAll(st), text)
}

func TestCounterOverTheTerm(t *testing.T) {
	k := start(t, `{"results": {`+simple("client_won", "")+`}, "measures": {"won": {"count": "client_won", "over": "term"}},
		"lines": [{"name": "won", "of": "won", "mode": "graduated", "tiers": [{"up_to": "5", "unit": "30"}, {"unit": "24"}]}]}`)
	k.claims(4, "client_won", "2026-03-10")
	wantStatement(t, k, `
won: 0 to 4 = 120.00
  tier 0: 4 = 120
total 120.00
`)
	k.claims(3, "client_won", "2026-04-10")
	wantStatement(t, k, `
won: 4 to 7 = 78.00
  tier 0: 1 = 30
  tier 1: 2 = 48
total 78.00
`)
	// One of March is taken back in May: the last unit goes.
	k.add(&record.Record{At: at("2026-05-02"), Body: &record.Reverse{Of: k.records[1].ID, Cause: "reversed"}})
	wantStatement(t, k, `
won: 7 to 6 = -24.00
  tier 1: -1 = -24
total 0.00
`)
}

func TestFormulaIsCorrected(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", `"value": "decimal"`)+`}, "metrics": {"spend": {"by": ["client"], "final_after": "300d"}},
		"measures": {"gmv": {"sum": "sale.value", "over": "period"}, "spent": {"sum": "metric/spend.value", "over": "period", "missing": {"then": "hold"}}},
		"formulas": {"roi": "min(1, gmv / (3 * spent))"}, "settle": {"close_after": "0s", "late": "correction", "negative": "credit", "corrections": "after_minimum"},
		"lines": [{"name": "fee", "flat": "1800", "adjust": [{"times": "roi", "undefined": "hold"}]}]}`)
	k.claim("sale", "2026-03-10", decimalFact("value", "27450"))
	wantStatement(t, k, `
fee:  = 0.00 held
  roi is 
total 0.00
`)
	k.measure("spend", "client", "2026-03-01", "2026-04-01", "10000")
	k.claim("sale", "2026-04-10", decimalFact("value", "30000"))
	k.measure("spend", "client", "2026-04-01", "2026-05-01", "10000")
	wantStatement(t, k, `
fee:  = 1800.00
  roi is 1
  times: 1800 to 1800
fee of 2026-03:  to  = 1647.00
total 3447.00
`)
	// Restated: more was spent in April.
	k.measure("spend", "client", "2026-04-01", "2026-05-01", "20000")
	wantStatement(t, k, `
fee:  = 0.00 held
  roi is 
fee of 2026-04:  to  = -900.00
total -900.00
`)
}

func TestMissingMeasurement(t *testing.T) {
	meter := func(missing string) *kit {
		return start(t, `{"results": {`+simple("sale", "")+`}, "metrics": {"kwh": {"by": ["client"], "final_after": "300d"}, "ours": {"by": ["vendor"], "final_after": "300d"}},
			"measures": {"used": {"last": "metric/kwh.value", "over": "period", "missing": `+missing+`}, "read": {"last": "metric/ours.value", "over": "period", "missing": {"then": "hold"}}},
			"lines": [{"name": "kwh", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "hold"}], "settle": {"close_after": "0s", "late": "correction", "negative": "carry", "corrections": "after_minimum"}}`)
	}
	k := meter(`{"then": "last"}`)
	wantStatement(t, k, "kwh:  = 0.00 held\ntotal 0.00")
	k.measure("kwh", "client", "2026-04-01", "2026-05-01", "7")
	wantStatement(t, k, "kwh: 7 = 7.00\n  tier 0: 7 = 7\ntotal 7.00")
	wantStatement(t, k, "kwh: 7 = 7.00\n  tier 0: 7 = 7\ntotal 7.00")
	k.measure("kwh", "client", "2026-05-01", "2026-06-01", "9")
	// Of May it is known now, and so stands in for June.
	wantStatement(t, k, "kwh: 9 = 9.00\n  tier 0: 9 = 9\nkwh of 2026-05: 7 to 9 = 2.00\ntotal 11.00")

	k = meter(`{"then": "value", "value": "100"}`)
	wantStatement(t, k, "kwh: 100 = 100.00\n  tier 0: 100 = 100\ntotal 100.00")

	k = meter(`{"then": "other", "measure": "read"}`)
	k.measure("ours", "vendor", "2026-03-01", "2026-04-01", "5")
	wantStatement(t, k, "kwh: 5 = 5.00\n  tier 0: 5 = 5\ntotal 5.00")
	k.measure("ours", "client", "2026-04-01", "2026-05-01", "6") // not the author's to deliver
	k.measure("kwh", "client", "2026-03-01", "2026-04-01", "4")
	wantStatement(t, k, "kwh:  = 0.00 held\nkwh of 2026-03: 5 to 4 = -1.00\ntotal 0.00")
}

func TestOperationsOfMeasures(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", `"value": "decimal", "buyer": "text"`)+`},
		"measures": {"least": {"min": "sale.value", "over": "period"}, "most": {"max": "sale.value", "over": "period"}, "newest": {"last": "sale.value", "over": "period"},
			"average": {"mean": "sale.value", "over": "period"}, "buyers": {"distinct": "sale.buyer", "over": "period", "where": "value > 1"}, "ever": {"max": "sale.value", "over": "term"}},
		"settle": {"close_after": "0s", "late": "correction", "negative": "credit", "corrections": "after_minimum"},
		"lines": [`+lineOfEach("least", "most", "newest", "average", "buyers", "ever")+`]}`)
	sale := func(when, value, buyer string) string {
		return k.claim("sale", when, decimalFact("value", value), decimalFact("buyer", buyer))
	}
	low := sale("2026-03-01", "1", "ann")
	sale("2026-03-05", "4", "bob")
	top := sale("2026-03-09", "9", "ann")
	sale("2026-03-07", "6", "bob")
	_ = low
	one := func(values ...string) string {
		names := []string{"least", "most", "newest", "average", "buyers", "ever"}
		text := ""
		for i, v := range values {
			text += names[i] + ": " + v + "\n"
			if !strings.Contains(v, "held") && !strings.HasPrefix(v, "9 to ") {
				f := strings.Fields(v)
				text += fmt.Sprintf("  tier 0: %s = %s\n", f[0], f[0])
			}
		}
		return text
	}
	wantStatement(t, k, one("1 = 1.00", "9 = 9.00", "9 = 9.00", "5 = 5.00", "2 = 2.00", "9 = 9.00")+"total 35.00")
	k.add(&record.Record{At: at("2026-04-03"), Body: &record.Reverse{Of: top, Cause: "reversed"}})
	st, _ := k.settle()
	var got []string
	for _, c := range st.Corrections {
		got = append(got, fmt.Sprintf("%s %s to %s = %s", c.Line, c.QuantityBefore, c.Quantity, c.Amount))
	}
	want(t, strings.Join(got, "\n"), `
least 1 to 1 = 0.00
most 9 to 6 = -3.00
newest 9 to 6 = -3.00
average 5 to 3.666666666666666667 = -1.33
buyers 2 to 1 = -1.00`)
	if l := st.Lines[5]; l.Amount != "-3.00" || l.Before != "9" || l.Quantity != "6" {
		t.Fatalf("over the term: %+v", l)
	}
}

func lineOfEach(names ...string) string {
	var lines []string
	for _, n := range names {
		below := `, "below_zero": "zero"`
		if n == "buyers" {
			below = "" // a count
		}
		lines = append(lines, fmt.Sprintf(`{"name": %q, "of": %q, "mode": "graduated", "tiers": [{"unit": "1"}]%s}`, n, n, below))
	}
	return strings.Join(lines, ", ")
}

func TestIncludeRolls(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
		"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "6"}], "adjust": [{"include": "5", "unused": "rolls", "rolls_to": "8"}]}]}`)
	k.claims(4, "sale", "2026-03-10")
	wantStatement(t, k, "sales: 4 = 0.00\n  include: 4 to 0\ntotal 0.00")
	k.claims(7, "sale", "2026-04-10")
	wantStatement(t, k, "sales: 7 = 6.00\n  tier 0: 1 = 6\n  include: 7 to 1\ntotal 6.00")
	wantStatement(t, k, "sales: 0 = 0.00\n  include: 0 to 0\ntotal 0.00")
	k.claims(9, "sale", "2026-06-10")
	wantStatement(t, k, "sales: 9 = 6.00\n  tier 0: 1 = 6\n  include: 9 to 1\ntotal 6.00")
}

func TestFreeEventsAndAmount(t *testing.T) {
	// By hand: a payment of v costs 0.01 v + 0.10, at least 0.50, at most 1.90.
	for _, c := range []struct{ free, want string }{
		{`{"events": 3}`, "2.50"},                                         // 50: 0.60, 200: 2.10 cut to 1.90
		{`{"amount": "120"}`, "4.50"},                                     // 80 of the second: 0.90, 100: 1.10, 50: 0.60, 200: 1.90
		{`{"events": 3, "amount": "120", "ends": "together"}`, "4.50"},    // the amount ends first
		{`{"events": 1, "amount": "120", "ends": "independent"}`, "3.40"}, // 80 of the third: 0.90, 50: 0.60, 200: 1.90
	} {
		k := start(t, `{"results": {`+simple("payment", `"value": "decimal"`)+`}, "measures": {"paid": {"sum": "payment.value", "over": "period"}},
			"lines": [{"name": "paid", "of": "paid", "mode": "each", "zero": "not_due", "tiers": [{"rate": "0.01", "flat": "0.10"}], "each": {"at_least": "0.50", "at_most": "1.90", "free": `+c.free+`}}]}`)
		for _, v := range []string{"100", "100", "100", "50", "200"} {
			k.claim("payment", "2026-03-10", decimalFact("value", v))
		}
		if st, _ := k.settle(); string(st.Total) != c.want {
			t.Errorf("%s: %s, want %s", c.free, st.Total, c.want)
		}
	}
}

func TestPrepaid(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
		"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "10"}]}],
		"settle": {"close_after": "0s", "late": "current", "negative": "carry", "corrections": "after_minimum", "prepaid": [
			{"name": "bonus", "amount": "15", "every": "once", "from": "2026-03-01T00:00:00.000Z", "until": "2026-05-01T00:00:00.000Z"},
			{"name": "monthly", "amount": "20", "every": "period", "unused": "rolls", "at_most": "30", "from": "2026-03-01T00:00:00.000Z", "until": "2026-06-01T00:00:00.000Z"}]}}`)
	k.claims(1, "sale", "2026-03-10")
	wantStatement(t, k, "sales: 1 = 10.00\n  tier 0: 1 = 10\ntotal 10.00\nbonus: 15.00 - 10.00 = 5.00\nmonthly: 20.00 - 0.00 = 20.00\ndue 0.00")
	k.claims(4, "sale", "2026-04-10")
	wantStatement(t, k, "sales: 4 = 40.00\n  tier 0: 4 = 40\ntotal 40.00\nbonus: 5.00 - 5.00 = 0.00\nmonthly: 30.00 - 30.00 = 0.00\ndue 5.00")
	k.claims(3, "sale", "2026-05-10")
	wantStatement(t, k, "sales: 3 = 30.00\n  tier 0: 3 = 30\ntotal 30.00\nmonthly: 20.00 - 20.00 = 0.00\ndue 10.00")
	k.claims(1, "sale", "2026-06-10")
	wantStatement(t, k, "sales: 1 = 10.00\n  tier 0: 1 = 10\ntotal 10.00\ndue 10.00")
}

func TestActionsAreCounted(t *testing.T) {
	k := start(t, `{"results": {`+simple("sale", "")+`}, "measures": {"calls": {"count": "action/dial", "over": "period", "where": "amount > 0"}, "spent": {"sum": "action/dial.amount", "over": "term"}},
		"lines": [{"name": "calls", "of": "calls", "mode": "graduated", "tiers": [{"unit": "0.25"}]}, {"name": "spent", "of": "spent", "mode": "graduated", "tiers": [{"rate": "0.1"}]}],
		"settle": {"close_after": "0s", "late": "correction", "negative": "carry", "corrections": "after_minimum"}}`)
	dial := func(when, amount, status string) {
		k.add(&record.Record{At: at(when), Body: &record.Action{Action: "dial", Effect: "communicate", Amount: record.Decimal(amount), Currency: "EUR", Status: status}})
	}
	dial("2026-03-05", "2", "executed")
	dial("2026-03-06", "0", "executed")
	dial("2026-03-07", "9", "failed")
	dial("2026-04-01", "4", "executed")
	st, _ := k.settle()
	want(t, tellAll(st), "calls: 1 = 0.25\n  tier 0: 1 = 0.25\nspent: 0 to 2 = 0.20\n  tier 0: 2 = 0.2\ntotal 0.45")
	if l := st.Lines[0]; l.Records != 1 || l.First != 1 || l.Last != 1 {
		t.Errorf("behind the calls: %+v", l)
	}
	dial("2026-03-20", "6", "executed") // late
	wantStatement(t, k, "calls: 1 = 0.25\n  tier 0: 1 = 0.25\nspent: 2 to 12 = 1.00\n  tier 0: 10 = 1\ncalls of 2026-03: 1 to 2 = 0.25\ntotal 1.50")
}

func TestDeadlineOfAKPI(t *testing.T) {
	kpi := `{"results": {` + simple("sale", "") + `}, "metrics": {"aum": {"by": ["bank"], "final_after": "300d"}},
		"measures": {"gain": {"last": "metric/aum.value", "over": "term", "where": "occurred < \"2026-05-01T00:00:00.000Z\"", "missing": {"then": "hold"}}},
		"constants": {"goal": "300"}, "formulas": {"attained": "gain / goal"}, "settle": {"close_after": "10d", "late": "correction", "negative": "credit", "corrections": "after_minimum"},
		"lines": [{"name": "kpi", "flat": "480000", "due_at": "2026-04-30T23:59:59.999Z", "adjust": [{"times": "attained", "undefined": "hold"}, {"at_most": "480000"}]}]}`
	k := start(t, kpi)
	k.measure("aum", "bank", "2026-03-31", "2026-03-31", "100")
	wantStatement(t, k, "total 0.00")
	k.measure("aum", "bank", "2026-04-30", "2026-04-30", "276")
	k.measure("aum", "bank", "2026-05-02", "2026-05-02", "400")
	wantStatement(t, k, "kpi:  = 441600.00\n  attained is 0.92\n  times: 480000 to 441600\n  at_most: 441600 to 441600\ntotal 441600.00")
	wantStatement(t, k, "kpi:  = 0.00\n  attained is 0.92\n  times: 480000 to 441600\n  at_most: 441600 to 441600\ntotal 0.00")
}

func TestMinimumAgainstCorrections(t *testing.T) {
	for place, total := range map[string]string{"after_minimum": "92.00", "before_minimum": "100.00"} {
		k := start(t, `{"results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
			"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "8"}]}], "adjust": [{"at_least": "100"}],
			"settle": {"close_after": "0s", "late": "current", "negative": "credit", "corrections": "`+place+`"}}`)
		k.claims(20, "sale", "2026-03-10")
		k.settle()
		k.claims(13, "sale", "2026-04-10") // 104
		k.add(&record.Record{At: at("2026-04-12"), Body: &record.Reverse{Of: k.records[1].ID, Cause: "reversed"}})
		st, _ := k.settle()
		if place == "after_minimum" {
			total = "96.00" // 104 - 8
		}
		if string(st.Total) != total {
			t.Errorf("%s: %s, want %s", place, st.Total, total)
		}
	}
}

func TestProratedMinimum(t *testing.T) {
	for partial, want := range map[string]string{"full": "100.00", "prorated": "54.84"} { // 17 of 31 days
		k := start(t, `{"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2026-05-18T00:00:00.000Z"}, "results": {`+simple("sale", "")+`}, "measures": {"sales": {"count": "sale", "over": "period"}},
			"calendar": {"zone": "UTC", "period": "month"`+map[string]string{"full": "", "prorated": `, "day_count": "actual"`}[partial]+`},
			"lines": [{"name": "sales", "of": "sales", "mode": "graduated", "tiers": [{"unit": "8"}]}], "adjust": [{"at_least": "100", "partial": "`+partial+`"}]}`)
		k.settle()
		k.settle()
		if st, _ := k.settle(); string(st.Total) != want {
			t.Errorf("%s: %s, want %s", partial, st.Total, want)
		}
	}
}

func TestCredits(t *testing.T) {
	touchTerms := func(model string) string {
		return `{"results": {` + simple("sale", `"value": "decimal"`) + `, ` + strings.ReplaceAll(simple("touch", `"channel": "text"`), `300d`, `366d`) + `},
			"measures": {"credited": {"sum": "sale.value", "over": "period", "credit": {"of": "touch", "by": "channel", "to": ["agent"], "within": "30d", "decimals": 2, ` + model + `}}},
			"lines": [{"name": "credited", "of": "credited", "mode": "graduated", "tiers": [{"unit": "1"}]}]}`
	}
	for _, c := range []struct{ model, touches, value, want string }{
		{`"model": "linear"`, "agent shop web", "10.00", "3.34"},
		{`"model": "linear"`, "shop agent web", "10.00", "3.33"},
		{`"model": "first"`, "agent shop", "10.00", "10.00"},
		{`"model": "last", "skip": ["direct"]`, "shop agent direct", "10.00", "10.00"},
		{`"model": "position", "first": "40", "last": "40"`, "agent a b c d", "88.88", "35.55"},
		{`"model": "position", "first": "40", "last": "40"`, "a agent b c d", "88.88", "5.93"},
		{`"model": "position", "first": "40", "last": "40"`, "a b c agent d", "88.88", "5.92"},
		{`"model": "shapley", "coalitions": {"agent": "30", "house": "50", "agent+house": "110"}`, "house agent", "110", "45.00"},
		{`"model": "shapley", "coalitions": {"agent": "30", "house": "50", "agent+house": "110"}`, "agent", "110", "110.00"},
	} {
		k := start(t, touchTerms(c.model))
		for i, g := range strings.Fields(c.touches) {
			k.add(&record.Record{Case: "K", At: at("2026-03-02") + record.Time(i), Body: &record.Outcome{Result: "touch", Facts: record.NewFacts(decimalFact("channel", g))}})
		}
		k.add(&record.Record{Case: "K", At: at("2026-03-20"), Body: &record.Outcome{Result: "sale", Facts: record.NewFacts(decimalFact("value", c.value))}})
		if st, _ := k.settle(); string(st.Total) != c.want {
			t.Errorf("%s by %s: %s, want %s", c.touches, c.model, st.Total, c.want)
		}
	}
	// The shares are explained.
	k := start(t, touchTerms(`"model": "linear"`))
	for i, g := range []string{"agent", "shop", "web"} {
		k.add(&record.Record{Case: "K", At: at("2026-03-02") + record.Time(i), Body: &record.Outcome{Result: "touch", Facts: record.NewFacts(decimalFact("channel", g))}})
	}
	sale := k.add(&record.Record{Case: "K", At: at("2026-03-20"), Body: &record.Outcome{Result: "sale", Facts: record.NewFacts(decimalFact("value", "10.00"))}})
	x, err := k.state.Explain(sale)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"record 1 of 2026-03-02T00:00:00.000Z is a touch of agent",
		"measure credited shares 10 by linear: agent 3.34, shop 3.33, web 3.33; it counts the part of agent, 3.34",
	} {
		if !strings.Contains(strings.Join(x.Lines, "\n"), line) {
			t.Errorf("explained as\n%s\nwithout\n%s", strings.Join(x.Lines, "\n"), line)
		}
	}
	// Ages of 12, 4 and 1 days with a half-life of 7: 40.45, 89.33, 120.22.
	for i, want := range []string{"40.45", "89.33", "120.22"} {
		k := start(t, touchTerms(`"model": "decay", "half_life": "7d"`))
		for j, when := range []string{"2026-03-08", "2026-03-16", "2026-03-19"} {
			group := "other" + fmt.Sprint(j)
			if i == j {
				group = "agent"
			}
			k.add(&record.Record{Case: "K", At: at(when), Body: &record.Outcome{Result: "touch", Facts: record.NewFacts(decimalFact("channel", group))}})
		}
		k.add(&record.Record{Case: "K", At: at("2026-03-20"), Body: &record.Outcome{Result: "sale", Facts: record.NewFacts(decimalFact("value", "250"))}})
		if st, _ := k.settle(); string(st.Total) != want {
			t.Errorf("touch %d: %s, want %s", i, st.Total, want)
		}
	}
}

// Three players, worked by the orders in which they can join: abc, acb, bac,
// bca, cab, cba give a 6, 6, 14, 12, 6, 12. A fourth without a row is none.
func TestShapley(t *testing.T) {
	k := &terms.Credit{Model: "shapley", Shares: []terms.Share{{Of: "a", Value: "6"}, {Of: "a+b", Value: "20"}, {Of: "a+b+c", Value: "30"}, {Of: "a+c", Value: "10"},
		{Of: "b", Value: "6"}, {Of: "b+c", Value: "18"}, {Of: "c", Value: "4"}}}
	groups, weights := shapley(k, []touch{{group: "c"}, {group: "a"}, {group: "d"}, {group: "b"}, {group: "a"}})
	if got := fmt.Sprint(groups, weights); got != "[c a b] [22/3 28/3 40/3]" {
		t.Errorf("got %s", got)
	}
}
