package fee

import (
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// paperTerms are terms of one result that is accepted with its claim, and of
// two metrics.
func paperTerms(lines, settle string) string {
	return `{"results": {"done": {"facts": {"amount": "decimal"}, "quantity": "amount", "once_per": "case", "claim": ["vendor"], "accept": {"on": "claim"}, "dispute": "none",
 "reopen": {"within": "60d", "from": "occurred"}, "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "90d"}},
"metrics": {"csat": {"by": ["client"], "final_after": "90d"}, "net": {"by": ["client"], "final_after": "90d"}},
"measures": {"amount": {"sum": "done.amount", "over": "period"}, "total": {"sum": "done.amount", "over": "term"},
 "csat": {"mean": "metric/csat.value", "over": "period", "missing": {"then": "hold"}}, "net": {"sum": "metric/net.value", "over": "period", "missing": {"then": "value", "value": "0"}}},
"lines": [` + lines + `], ` + settle + `
"settle": {"close_after": "8d", "late": "correction", "negative": "carry", "corrections": "after_minimum"}}`
}

// measured adds a measurement of the client over a day.
func (k *kit) measured(metric, day, value string) {
	k.t.Helper()
	k.add(&record.Record{At: at(day), By: "client", Body: &record.Measurement{Metric: metric, From: at(day) - 1000, Until: at(day), Value: record.Decimal(value)}})
}

// lineWords explains a line of the next statement, and settles it.
func (k *kit) lineWords(line string) string {
	k.t.Helper()
	_, behind, err := k.state.Backings(line, nil)
	if err != nil {
		k.t.Fatalf("explain: %v", err)
	}
	st, _ := k.settle()
	words, err := ExplainLine(st, line, k.state.standing.Versions(), behind)
	if err != nil {
		k.t.Fatalf("explain: %v", err)
	}
	return strings.Join(words, "\n")
}

// totalWords explains the total of the next statement, and settles it.
func (k *kit) totalWords() string {
	k.t.Helper()
	_, behind, err := k.state.Backings("", nil)
	if err != nil {
		k.t.Fatalf("explain: %v", err)
	}
	st, _ := k.settle()
	return strings.Join(ExplainTotal(k.state.standing, st, behind)[1:], "\n")
}

// Where each result is priced by itself it is said which are free, raised and
// cut, with the sums, and of each record its price.
func TestEachOnPaper(t *testing.T) {
	line := `{"name": "fee", "of": "amount", "mode": "each", "tiers": [{"rate": "0.029", "flat": "0.30"}], "zero": "not_due",
 "each": {"at_least": "2", "at_most": "3", "free": {"events": 3, "amount": "500", "ends": "together"}}}`
	k := start(t, paperTerms(line, ""))
	for i, amount := range []string{"100", "300", "200", "50", "80"} {
		k.add(claimOf("2026-03-1"+string(rune('0'+i)), string(rune('A'+i)), amount))
	}
	_, behind, err := k.state.Backings("fee", nil)
	if err != nil {
		t.Fatal(err)
	}
	var records []string
	for _, s := range behind[0].Measures[0].Sources {
		records = append(records, s.Words())
	}
	want(t, strings.Join(records, "\n"), `
done/A: quantity 100, free
done/B: quantity 300, free
done/C: quantity 200, price 100 of it free, 100 x 0.029 + 0.3 = 3.2, cut to 3
done/D: quantity 50, price 50 x 0.029 + 0.3 = 1.75, raised to 2
done/E: quantity 80, price 80 x 0.029 + 0.3 = 2.62`)
	want(t, k.lineWords("fee"), `
line fee of version 1 in 2026-03 comes to 7.62 EUR
behind it in this statement: 5 results, record 1 to record 5
measure amount, the sum of amount over the results done, is 730
each result is priced by itself, at least 2 and at most 3; free: the first 3 results of the period, or the first 500 of the quantity, until either is used up
of 1 result a part is free, together 100
2 results of quantity 400, free: 0
1 result of quantity 80, at a rate of 0.029 and 0.30 flat: 80 x 0.029 + 1 x 0.3 = 2.62
1 result of quantity 50, raised to 2 each: 1 x 2 = 2
1 result of quantity 100, cut to 3 each: 1 x 3 = 3
together: 0 + 2.62 + 2 + 3 = 7.62
rounded half up to 2 decimals at the line: 7.62 becomes 7.62`)
	// What is free is of all of them: without the first, the others move up.
	k.add(&record.Record{At: at("2026-04-12"), By: "client", Body: &record.Reverse{Of: "o-A", Cause: "reversed"}})
	words := k.lineWords("fee")
	for _, want := range []string{
		"\n  as it was before this statement:\n    measure amount, the sum of amount over the results done, is 730\n",
		"\n  as it is now:\n    measure amount, the sum of amount over the results done, is 630\n",
		"\n  record 4 has another price: it was 50 x 0.029 + 0.3 = 1.75, raised to 2, and is 50 x 0.029 + 0.3 = 1.75, raised to 2\n",
		"\n  the difference: ",
	} {
		if strings.Contains(want, "record 4 has") {
			if !strings.Contains(words, "record 3 has another price: it was 100 of it free, 100 x 0.029 + 0.3 = 3.2, cut to 3, and is free") {
				t.Errorf("got\n%s\nwhich does not say that record 3 is free now", words)
			}
			continue
		}
		if !strings.Contains(words+"\n", want) {
			t.Errorf("got\n%s\nwant in it%s", words, want)
		}
	}
}

// A correction is worked out both ways, with what its adjustments read.
func TestCorrectionOnPaper(t *testing.T) {
	line := `{"name": "fee", "of": "amount", "mode": "graduated", "tiers": [{"up_to": "10", "unit": "5"}, {"unit": "4"}],
 "adjust": [{"factor": {"by": "csat", "steps": [{"from": "0.8", "times": "0.75"}, {"from": "0.9", "times": "1"}], "below": "0.5", "undefined": "hold"}}]}`
	k := start(t, paperTerms(line, ""))
	k.add(claimOf("2026-03-10", "A", "12"))
	want(t, k.lineWords("fee"), `
line fee of version 1 in 2026-03 comes to 0.00 EUR
behind it in this statement: 1 result, record 1 to record 1
measure amount, the sum of amount over the results done, is 12
tier 1, up to 10, at 5 each: 10 x 5 = 50
tier 2, above 10, at 4 each: 2 x 4 = 8
together: 50 + 8 = 58
measure csat, the mean value of the measurements csat, has no value
held: csat has no value, so these are not applied: factor by csat; nothing is billed on it until the value is there`)
	k.logged = at("2026-04-12")
	k.measured("csat", "2026-03-30", "0.85")
	words := k.lineWords("fee")
	_, words, _ = strings.Cut(words, "correction of")
	want(t, "correction of"+words, `
correction of line fee in 2026-03: from 12 to 12, 43.50 EUR
  as it was before this statement:
    measure amount, the sum of amount over the results done, is 12
    tier 1, up to 10, at 5 each: 10 x 5 = 50
    tier 2, above 10, at 4 each: 2 x 4 = 8
    together: 50 + 8 = 58
    measure csat, the mean value of the measurements csat, has no value
    held: csat has no value, so these are not applied: factor by csat; nothing is billed on it until the value is there: 0.00
  as it is now:
    measure amount, the sum of amount over the results done, is 12
    tier 1, up to 10, at 5 each: 10 x 5 = 50
    tier 2, above 10, at 4 each: 2 x 4 = 8
    together: 50 + 8 = 58
    measure csat, the mean value of the measurements csat, is 0.85
    csat is 0.85, which reaches the step from 0.8: the factor is 0.75: 58 x 0.75 = 43.5
    rounded half up to 2 decimals: 43.5 becomes 43.50
  the difference: 43.50 - 0.00 = 43.50`)
}

// A line over the term shows what it had come to and what it comes to, each
// whole, before one is taken from the other.
func TestTermOnPaper(t *testing.T) {
	line := `{"name": "fee", "of": "total", "mode": "graduated", "tiers": [{"up_to": "10", "unit": "5"}, {"unit": "4"}], "adjust": [{"percent_off": "12.5"}, {"at_most": "60"}]}`
	k := start(t, paperTerms(line, ""))
	k.add(claimOf("2026-03-10", "A", "4"))
	k.settle()
	k.add(claimOf("2026-04-20", "B", "14"))
	want(t, k.lineWords("fee"), `
line fee of version 1 in 2026-04 comes to 42.50 EUR
behind it in this statement: 1 result, record 3 to record 3
what it had come to before this statement:
  measure total, the sum of amount over the results done, is 4
  tier 1, up to 10, at 5 each: 4 x 5 = 20
  12.5 percent off: 20 x (100 - 12.5) / 100 = 17.5
  at most 60: 17.5 becomes 17.5
what it comes to now, over the term so far:
  measure total, the sum of amount over the results done, is 18
  tier 1, up to 10, at 5 each: 10 x 5 = 50
  tier 2, above 10, at 4 each: 8 x 4 = 32
  together: 50 + 32 = 82
  12.5 percent off: 82 x (100 - 12.5) / 100 = 71.75
  at most 60: 71.75 becomes 60
rounded half up to 2 decimals at the line: 60 becomes 60.00
what it had come to before this statement, rounded alike: 17.5 becomes 17.50
less what it had come to before this statement: 60.00 - 17.50 = 42.50`)
}

// What rolls is told apart from what is included, and a bound that goes with
// the share of the period with that share.
func TestIncludedAndProratedOnPaper(t *testing.T) {
	line := `{"name": "fee", "of": "amount", "mode": "graduated", "tiers": [{"unit": "1"}], "adjust": [{"include": "3", "unused": "rolls", "rolls_to": "5"}, {"at_least": "0.50"}]}`
	k := start(t, strings.Replace(paperTerms(line, `"effective": {"from": "2026-03-11T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}, "calendar": {"zone": "UTC", "period": "month", "day_count": "fixed_30"},`),
		`"at_least": "0.50"`, `"at_least": "0.50", "partial": "prorated"`, 1))
	k.add(claimOf("2026-03-12", "A", "2"))
	want(t, k.lineWords("fee"), `
line fee of version 1 in 2026-03 comes to 0.33 EUR
behind it in this statement: 1 result, record 1 to record 1
measure amount, the sum of amount over the results done, is 2
3 are included: 2 - 3 = -1, at least 0
no tier has any of it: 0
at least 0.33, the agreed 0.50 for 20 of 30 days (a month has 30), 0.50 x 20 / 30, rounded half up to 2 decimals: 0 becomes 0.33
rounded half up to 2 decimals at the line: 0.33 becomes 0.33`)
	k.add(claimOf("2026-04-20", "B", "14"))
	if got, want := k.lineWords("fee"), "\n3 are included, and 1 that the periods before left over, together 4: 14 - 4 = 10\n"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant in it%s", got, want)
	}
}

// Adjustments of the whole statement that were not made are named with the
// reason; corrections that come before them stand before them.
func TestTotalOnPaper(t *testing.T) {
	line := `{"name": "fee", "of": "amount", "mode": "graduated", "tiers": [{"unit": "10.005"}]}`
	k := start(t, strings.Replace(paperTerms(line, `"adjust": [{"times": "csat", "undefined": "hold"}, {"percent_off": "12.5"}, {"at_least": "20"}],`),
		`"after_minimum"`, `"before_minimum"`, 1))
	k.add(claimOf("2026-03-10", "T", "5"))
	want(t, k.totalWords(), `
line fee of version 1: 50.03
csat has no value
not applied: times csat, 12.5 percent off, at least 20: csat has no value, and then, as agreed, none of the adjustments of the whole statement is made
subtotal: 50.03
total: 50.03 EUR
50.03 of the subtotal rests on the vendor's word alone`)
	k.add(&record.Record{At: at("2026-04-12"), By: "client", Body: &record.Reverse{Of: "o-T", Cause: "reversed", Quantity: "2"}})
	k.measured("csat", "2026-04-20", "1")
	want(t, k.totalWords(), `
line fee of version 1: 0.00
correction of line fee in 2026-03: from 5 to 3, -20.01 EUR
  as it was before this statement:
    measure amount, the sum of amount over the results done, is 5
    at 10.005 each: 5 x 10.005 = 50.025
    rounded half up to 2 decimals: 50.025 becomes 50.03
  as it is now:
    measure amount, the sum of amount over the results done, is 3
    at 10.005 each: 3 x 10.005 = 30.015
    rounded half up to 2 decimals: 30.015 becomes 30.02
  the difference: 30.02 - 50.03 = -20.01
the lines and the corrections together: 0.00 - 20.01 = -20.01
csat is 1
times csat, which is 1: -20.01 x 1 = -20.01
12.5 percent off: -20.01 x (100 - 12.5) / 100 = -17.50875
at least 20: -17.50875 becomes 20
subtotal: 20.00
total: 20.00 EUR
20.00 of the subtotal rests on both sides' word`)
}

// A dispute that nobody resolved is not told as one that was upheld.
func TestLapseInWords(t *testing.T) {
	k := start(t, strings.Replace(paperTerms(`{"name": "fee", "of": "amount", "mode": "graduated", "tiers": [{"unit": "1"}]}`, ""),
		`"accept": {"on": "claim"}, "dispute": "none"`, `"accept": {"on": "silence", "after": "3d", "from": "claim"}, "dispute": {"within": "10d", "unresolved": {"after": "5d", "then": "void"}}`, 1))
	k.add(claimOf("2026-03-10", "T", "5"))
	k.settle()
	k.add(disputeOf("2026-03-19"))
	k.settle()
	x, err := k.state.Explain("done/T")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(x.Words(), "\n")
	for _, want := range []string{
		"2026-03-24T00:00:00.000Z  the dispute of record 3 lapses: nobody resolved it within 5d, and then, as agreed, it voids the result",
		"given back: nobody resolved the dispute of record 3 within 5d, and then, as agreed, it voids the result",
	} {
		if !strings.Contains(text, want) || strings.Contains(text, "upheld") {
			t.Errorf("got\n%s\nwant in it %s", text, want)
		}
	}
}
