package fee

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/record"
)

func tellAccrued(t failer, m *Meter) string {
	t.Helper()
	a, err := m.Accrued()
	if err != nil {
		t.Fatalf("accrued: %v", err)
	}
	text := fmt.Sprintf("earned %d, pending %d, disputed %d, exposed %d\n", a.Earned, a.Pending, a.Disputed, a.Exposed)
	for _, p := range a.Periods {
		text += fmt.Sprintf("%s: %s to %s, %s by now\n%s", p.Statement.Period, p.Low.Total, p.High.Total, p.Statement.Total, tellAll(p.Statement))
		for _, v := range p.Values {
			text += fmt.Sprintf("%s %s\n", v.Name, v.Value)
		}
		for _, d := range p.Distances {
			text += fmt.Sprintf("%s to %s %d %s at %s: %s left\n", d.Line, d.To, d.N, d.By, d.Bound, d.Left)
		}
	}
	return text
}

// What a meter keeps from record to record is what it finds when it looks at
// everything.
func TestMeterFollowsItsRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 40)
		m := NewMeter(New(), 0)
		for _, r := range h.kit.records {
			if err := m.Apply(r); err != nil {
				t.Fatalf("record %d: %v", r.Log.N, err)
			}
			if len(m.s.versions) == 0 {
				continue
			}
			got, want := tellAccrued(t, m), tellAccrued(t, NewMeter(m.s, m.now))
			if got != want {
				t.Fatalf("after record %d, %s, at %v:\n%s\nwant\n%s", r.Log.N, r.Kind, m.now, got, want)
			}
		}
	})
}

func TestAccrued(t *testing.T) {
	k := newKit(t)
	terms := draft(t, `{"results": {"done": {"facts": {"amount": "decimal"}, "once_per": "case", "claim": ["vendor"], "accept": {"on": "silence", "after": "3d", "from": "claim"}, "dispute": {"within": "5d", "unresolved": {"after": "4d", "then": "void"}},
		"reopen": {"within": "20d", "from": "occurred"}, "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "60d"}},
		"measures": {"amount": {"sum": "done.amount", "over": "period"}, "cases": {"count": "done", "over": "period"}}, "formulas": {"average": "amount / cases"},
		"lines": [{"name": "amount", "of": "amount", "mode": "graduated", "tiers": [{"unit": "1"}], "adjust": [{"at_most": "100"}]}, {"name": "average", "of": "average", "mode": "graduated", "tiers": [{"unit": "0"}], "below_zero": "zero"}],
		"settle": {"close_after": "10d", "late": "correction", "negative": "carry", "corrections": "after_minimum"}}`)
	m := NewMeter(k.state, 0)
	apply := func(r *record.Record) {
		t.Helper()
		k.make(r)
		if err := m.Apply(r); err != nil {
			t.Fatal(err)
		}
		k.keep(r)
	}
	k.agree(at("2026-03-01"), terms, "", "vendor", "client")
	m.begin(at("2026-03-01"))
	apply(claimOf("2026-03-10", "A", "30"))
	apply(claimOf("2026-03-11", "B", "50"))
	apply(claimOf("2026-03-12", "C", "40"))
	want(t, tellAccrued(t, m), `
earned 0, pending 3, disputed 0, exposed 0
2026-03: 0.00 to 100.00, 0.00 by now
amount: 0 = 0.00
  at_most: 0 to 0
average:  = 0.00 held
total 0.00
amount 0
cases 0
average 
amount to at_most 0  at 100: 100 left
`)
	m.Advance(at("2026-03-14")) // silence on A and B
	apply(&record.Record{Case: "B", At: at("2026-03-14"), By: "client", Body: &record.Dispute{About: k.records[2].ID, Ground: "not done"}})
	want(t, tellAccrued(t, m), `
earned 1, pending 1, disputed 1, exposed 1
2026-03: 0.00 to 100.00, 30.00 by now
amount: 30 = 30.00
  tier 0: 30 = 30
  at_most: 30 to 30
average: 30 = 0.00
  tier 0: 30 = 0
total 30.00
amount 30
cases 1
average 30
amount to at_most 0  at 100: 70 left
`)
	m.Advance(at("2026-04-11")) // nobody decided: B is void
	want(t, tellAccrued(t, m), `
earned 2, pending 0, disputed 0, exposed 0
2026-03: 70.00 to 70.00, 70.00 by now
amount: 70 = 70.00
  tier 0: 70 = 70
  at_most: 70 to 70
average: 35 = 0.00
  tier 0: 35 = 0
total 70.00
amount 70
cases 2
average 35
amount to at_most 0  at 100: 30 left
2026-04: 0.00 to 0.00, 0.00 by now
amount: 0 = 0.00
  at_most: 0 to 0
average:  = 0.00 held
total 0.00
amount 0
cases 0
average 
amount to at_most 0  at 100: 100 left
`)
	k.logged = at("2026-04-11")
	st, _ := k.settle()
	if st.Total != "70.00" {
		t.Fatalf("settled %s", st.Total)
	}
}

// A touch that silence accepts, with no record about it, shares the credit from
// then on.
func TestMeterOfTouches(t *testing.T) {
	k := newKit(t)
	terms := draft(t, `{"results": {`+simple("sale", `"value": "decimal"`)+`, "touch": {"facts": {"channel": "text"}, "once_per": "fact:channel", "claim": ["vendor"], "accept": {"on": "silence", "after": "15d", "from": "claim"},
			"dispute": {"within": "3d", "unresolved": {"after": "4d", "then": "void"}}, "reopen": "none", "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "366d"}},
		"measures": {"credited": {"sum": "sale.value", "over": "period", "credit": {"of": "touch", "by": "channel", "to": ["agent"], "within": "30d", "decimals": 2, "model": "linear"}}},
		"lines": [{"name": "credited", "of": "credited", "mode": "graduated", "tiers": [{"unit": "1"}]}], "settle": {"close_after": "10d", "late": "current", "negative": "carry", "corrections": "after_minimum"}}`)
	k.agree(at("2026-03-01"), terms, "", "vendor", "client")
	m := NewMeter(k.state, at("2026-03-01"))
	for _, r := range []*record.Record{
		{Case: "K", At: at("2026-03-02"), Body: &record.Outcome{Result: "touch", Facts: record.NewFacts(decimalFact("channel", "agent"))}},
		{Case: "K", At: at("2026-03-03"), Body: &record.Outcome{Result: "sale", Facts: record.NewFacts(decimalFact("value", "10"))}},
	} {
		k.make(r)
		if err := m.Apply(r); err != nil {
			t.Fatal(err)
		}
		k.keep(r)
	}
	for _, day := range []string{"2026-03-16", "2026-03-18"} {
		m.Advance(at(day))
		a, err := m.Accrued()
		if err != nil {
			t.Fatal(err)
		}
		if got, want := a.Periods[0].Statement.Total, map[string]record.Decimal{"2026-03-16": "0.00", "2026-03-18": "10.00"}[day]; got != want {
			t.Errorf("on %s: %s, want %s", day, got, want)
		}
		want(t, tellAccrued(t, m), tellAccrued(t, NewMeter(m.s, m.now)))
	}
}

// What comes next: a tier behind what is included, a step, a minimum and a cap
// that go with the part of the period that the term covers.
func TestDistances(t *testing.T) {
	k := newKit(t)
	terms := draft(t, `{"effective": {"from": "2026-03-16T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}, "calendar": {"zone": "UTC", "period": "month", "day_count": "actual", "offsets": [{"from": "2026-01-01T00:00:00.000Z", "minutes": 0}]},
		"results": {"done": {"facts": {"amount": "decimal"}, "once_per": "case", "claim": ["vendor"], "accept": {"on": "claim"}, "dispute": "none", "reopen": "none", "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "60d"}},
		"measures": {"amount": {"sum": "done.amount", "over": "period"}, "cases": {"count": "done", "over": "period"}},
		"lines": [{"name": "amount", "of": "amount", "mode": "graduated", "tiers": [{"up_to": "10", "unit": "1"}, {"up_to": "50", "unit": "2"}, {"unit": "3"}],
			"adjust": [{"include": "5", "unused": "lost"}, {"factor": {"by": "cases", "steps": [{"from": "2", "times": "1"}, {"from": "4", "times": "2"}], "below": "0.5", "undefined": "hold"}}, {"at_most": "62", "partial": "prorated"}]}],
		"adjust": [{"at_least": "31", "partial": "full"}]}`)
	k.agree(at("2026-03-16"), terms, "", "vendor", "client")
	tell := func() (text string) {
		m := NewMeter(k.state, at("2026-03-20"))
		a, err := m.Accrued()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range a.Periods[0].Distances {
			text += fmt.Sprintf("%s to %s %d %s at %s: now %s, %s left\n", d.Line, d.To, d.N, d.By, d.Bound, d.Now, d.Left)
		}
		return text
	}
	// 16 of 31 days: the cap is 32.
	want(t, tell(), `
amount to tier 1  at 10: now 0, 10 left
amount to step 0 cases at 2: now 0, 2 left
amount to at_most 2  at 32: now 0, 32 left
 to at_least 0  at 31: now 0, 31 left
`)
	k.add(claimOf("2026-03-17", "A", "12")) // 7 above what is included, half of it
	want(t, tell(), `
amount to tier 1  at 10: now 7, 3 left
amount to step 0 cases at 2: now 1, 1 left
amount to at_most 2  at 32: now 3.5, 28.5 left
 to at_least 0  at 31: now 3.5, 27.5 left
`)
	k.add(claimOf("2026-03-17", "B", "20")) // 27: 10 at 1, 17 at 2
	want(t, tell(), `
amount to tier 2  at 50: now 27, 23 left
amount to step 1 cases at 4: now 2, 2 left
amount to at_most 2  at 32: now 44, -12 left
 to at_least 0  at 31: now 32, -1 left
`)
}

// A result of which a part is taken back after it was billed keeps the rest, in
// measures that keep their values one by one too.
func TestMeterTakesBackAPart(t *testing.T) {
	k := start(t, guarded(`"measures": {`, `"measures": {"most": {"max": "done.amount", "over": "period"}, "how_many": {"count": "done", "over": "period"}, `,
		`"lines": [`, `"lines": [{"name": "most", "of": "most", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"}, {"name": "how_many", "of": "how_many", "mode": "graduated", "tiers": [{"unit": "1"}]}, `))
	m := NewMeter(New(), 0)
	meter := func() string {
		for m.s.Size() < int64(len(k.records)) {
			if err := m.Apply(k.records[m.s.Size()]); err != nil {
				t.Fatal(err)
			}
		}
		return tellAccrued(t, m)
	}
	k.add(claimOf("2026-03-29", "T", "10"))
	k.add(claimOf("2026-03-29", "U", "4"))
	meter()
	k.settle()
	before := meter()
	k.add(reverseOf("2026-04-11", "cancelled", "3"))
	got := meter()
	for _, want := range []string{"amount of 2026-03: 14 to 11 = -3.00\n", "most of 2026-03: 10 to 7 = -3.00\n", "total -6.00\n"} {
		if !strings.Contains(got, want) || strings.Contains(before, want) {
			t.Errorf("%q is not there:\n%s", want, got)
		}
	}
	if strings.Contains(got, "how_many of 2026-03") {
		t.Errorf("a result is counted as gone:\n%s", got)
	}
	k.add(reverseOf("2026-04-11", "cancelled", "2"))
	if got := meter(); !strings.Contains(got, "most of 2026-03: 10 to 5 = -5.00\n") {
		t.Errorf("the second part is not there:\n%s", got)
	}
}

// The totals cost the same with a thousand times as many live results.
func BenchmarkMeter(b *testing.B) {
	for _, live := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("%d live", live), func(b *testing.B) {
			k := start(benchFailer{b}, guarded())
			for i := range live {
				k.add(claimOf("2026-03-10", fmt.Sprintf("T-%d", i), "10"))
			}
			m := NewMeter(k.state, at("2026-03-12"))
			b.ResetTimer()
			for i := range b.N {
				r := k.make(claimOf("2026-03-12", fmt.Sprintf("N-%d", i), "10"))
				if err := m.Apply(r); err != nil {
					b.Fatal(err)
				}
				k.keep(r)
				if _, err := m.Accrued(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type benchFailer struct{ *testing.B }

// The same over histories of the whole language.
func TestMeterFollowsTheWholeLanguage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, _, _ := drawWholeHistory(t, 30)
		m := NewMeter(New(), 0)
		for _, r := range k.records {
			if err := m.Apply(r); err != nil {
				t.Fatalf("record %d: %v", r.Log.N, err)
			}
			if len(m.s.versions) == 0 {
				continue
			}
			got, want := tellAccrued(t, m), tellAccrued(t, NewMeter(m.s, m.now))
			if got != want {
				t.Fatalf("after record %d, %s, at %v:\n%s\nwant\n%s", r.Log.N, r.Kind, m.now, got, want)
			}
		}
	})
}
