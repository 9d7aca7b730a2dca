package fee

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// What one side tried in order to be paid, or to be paid back, where the terms
// do not say so. The claim is of 10 on 10 March, under the terms of guarded.
func TestAttacksWithoutEffect(t *testing.T) {
	onClient := []string{`"silence", "after": "2d", "from": "claim"`, `"client"`, `"then": "accept"`, `"then": "void"`}
	receipt := []string{`"after": "2d", "from": "claim"`, `"after": "2d", "from": "receipt"`}
	logged := func(r *record.Record, when string) *record.Record {
		r.Log = &record.Log{Time: at(when)}
		return r
	}
	backfilled := func(r *record.Record, when string) *record.Record {
		r.Backfilled = true
		return logged(r, when)
	}
	by := func(party string, r *record.Record) *record.Record {
		r.By = party
		return r
	}
	claim := func() *record.Record { return claimOf("2026-03-10", "T", "10") }
	type records = []*record.Record
	for _, c := range []struct {
		name    string
		terms   string
		records records
		want    string // counts of the statement of March
	}{
		{"the vendor disputes its own claim", guarded(receipt...), records{claim(), by("vendor", disputeOf("2026-03-11"))}, "not_entitled 1, pending 1"},
		{"the vendor rejects its own claim", guarded(onClient...), records{claim(), by("vendor", confirmOf("2026-03-11", "reject"))}, "not_entitled 1, pending 1"},
		{"the arbiter rejects the vendor's own dispute", guarded(receipt...), records{claim(), by("vendor", disputeOf("2026-03-11")), resolveOf("2026-03-12", "dispute", "rejected")}, "not_entitled 1, pending 1"},
		{"the vendor disputes its own backfilled claim", guarded(), records{backfilled(claim(), "2026-03-11"), by("vendor", disputeOf("2026-03-11"))}, "not_entitled 1, pending 1"},
		{"the client disputes its own claim", strings.Replace(guarded(), `["vendor"]`, `["client","vendor"]`, 1), records{by("client", claim()), disputeOf("2026-03-11")}, "billed 1, not_entitled 1"},
		{"a dispute lapses where nothing is silent", guarded(receipt...), records{claim(), disputeOf("2026-03-11")}, "pending 1"},
		{"a dispute of a backfilled claim lapses", guarded(), records{backfilled(claim(), "2026-03-11"), disputeOf("2026-03-11")}, "pending 1"},
		{"a dispute that lapses does not accept before silence", guarded(`"after": "2d"`, `"after": "20d"`, `"escalation": "void"`, `"escalation": "void"`), records{claim(), disputeOf("2026-03-11"), handoffOf("2026-03-20")}, "escalated 1"},
		{"the arbiter accepts where nothing is silent", guarded(receipt...), records{claim(), disputeOf("2026-03-11"), resolveOf("2026-03-12", "dispute", "rejected")}, "billed 1"},
		{"one dispute lapses, another is rejected", guarded(receipt...), records{claim(), disputeOf("2026-03-11"), confirmOf("2026-03-16", "reject"), resolveOf("2026-03-18", "reject", "rejected")}, "billed 1"},

		{"a claim is dated back by its silence", guarded(`"then": "accept"`, `"then": "void"`), records{logged(claim(), "2026-03-12"), disputeOf("2026-03-13")}, "dispute_upheld 1"},
		{"a claim is dated back by its dispute window", guarded(`"then": "accept"`, `"then": "void"`), records{logged(claim(), "2026-03-20"), disputeOf("2026-03-24")}, "dispute_upheld 1"},
		{"the window after a claim dated back", guarded(`"then": "accept"`, `"then": "void"`), records{logged(claim(), "2026-03-20"), disputeOf("2026-03-25T00:01")}, "billed 1, dispute_late 1"},
		{"a claim is dated back by its guarantee", guarded(`"from": "locked"`, `"from": "occurred"`), records{logged(claim(), "2026-03-25"), reverseOf("2026-04-04", "reversed", "")}, "billed 1"},
		{"the guarantee of a claim dated back, and over", guarded(`"from": "locked"`, `"from": "occurred"`), records{logged(claim(), "2026-03-25"), reverseOf("2026-04-04T00:01", "reversed", "")}, "after_guarantee 1, billed 1"},
		{"acceptance on the claim, dated back", guarded(`"silence", "after": "2d", "from": "claim"`, `"claim"`, `"10d", "from": "locked"`, `"10d", "from": "accepted"`), records{backfilled(claim(), "2026-03-25"), reverseOf("2026-04-04", "reversed", "")}, "billed 1"},
		{"the ledger is shown after the window", guarded(append(receipt, `"then": "accept"`, `"then": "void"`)...), records{claim(), disputeOf("2026-03-25")}, "dispute_upheld 1"},
		{"the client disputes long after it accepted", guarded(onClient...), records{claim(), confirmOf("2026-03-11", "accept"), disputeOf("2026-03-25")}, "billed 1, dispute_late 1"},

		{"a reversal is backfilled into the guarantee", guarded(), records{claim(), backfilled(reverseOf("2026-03-11", "reversed", ""), "2026-04-05")}, "after_guarantee 1, billed 1"},
		{"a handoff is backfilled to before acceptance", guarded(), records{claim(), backfilled(handoffOf("2026-03-11"), "2026-04-05")}, "billed 1"},
		{"a dispute is backfilled into its window", guarded(), records{claim(), backfilled(disputeOf("2026-03-11"), "2026-04-05")}, "billed 1, dispute_late 1"},
		{"a resolution is backfilled to before the lapse", guarded(), records{claim(), disputeOf("2026-03-11"), backfilled(resolveOf("2026-03-12", "dispute", "upheld"), "2026-04-05")}, "billed 1"},
		{"all of it is backfilled", guarded(), records{backfilled(claim(), "2026-04-05"), backfilled(handoffOf("2026-03-11"), "2026-04-05")}, "escalated 1"},

		{"a reversal leaves more decimals than a value has", guarded(), records{claim(), reverseOf("2026-03-11", "reversed", "0.0000000000001")}, "billed 1, no_quantity 1"},
		{"a reversal has more digits than a value has", guarded(), records{claim(), reverseOf("2026-03-11", "reversed", "1000000000000")}, "billed 1, no_quantity 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := start(t, c.terms)
			for _, r := range c.records {
				k.add(r)
			}
			st, _ := k.settle()
			var got []string
			for _, n := range st.Counts {
				got = append(got, fmt.Sprintf("%s %d", n.Reason, n.N))
			}
			if g := strings.Join(got, ", "); g != c.want {
				t.Errorf("got %q, want %q", g, c.want)
			}
		})
	}
}

// No statement follows the last: it gives back what is known at its closing.
func TestLastStatementGivesBack(t *testing.T) {
	short := func(from, to string) string {
		return strings.Replace(guarded(from, to), `{`, `{"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2026-04-01T00:00:00.000Z"},`, 1)
	}
	for _, c := range []struct{ name, when, quantity, want string }{
		{"in full", "2026-04-08", "", "0.00"},
		{"in part", "2026-04-08", "4", "6.00"},
		{"at the closing", "2026-04-11", "", "0.00"},
		{"after the closing", "2026-04-11T00:01", "", "10.00"},
	} {
		k := start(t, short(`"within": "10d"`, `"within": "30d"`))
		k.add(claimOf("2026-03-20", "T", "10"))
		k.add(reverseOf(c.when, "reversed", c.quantity))
		if st, _ := k.settle(); string(st.Total) != c.want {
			t.Errorf("%s: got\n%s\nwant %s", c.name, show(st), c.want)
		}
		if p, _, ok := k.state.Next(); ok {
			t.Fatalf("%s follows", p.Name)
		}
	}
}

// A revoked key's handoff voids nothing.
func TestHandoffOfARevokedKey(t *testing.T) {
	k := start(t, guarded())
	k.add(&record.Record{At: at("2026-03-09"), By: "client", Body: &record.Key{Op: "revoke", Key: publicText("client"), Holder: "client", Party: "client", Effective: at("2026-03-09")}})
	k.add(claimOf("2026-03-10", "T", "10"))
	h := handoffOf("2026-03-11")
	h.By = "client"
	k.add(h)
	st, _ := k.settle()
	want(t, show(st), `
line amount v1: 10 -> 10.00 (1 results)
  tier 0: 10 -> 10
subtotal 10.00
carried in 0.00, total 10.00, carried out 0.00
grade vendor: 10.00
count billed: 1
count void_signature: 1`)
}

// The time of a settlement grows with the events, not with their square: what
// 20,000 of them take is no matter of minutes.
func BenchmarkManyEvents(b *testing.B) {
	const many = 20_000
	k := start(b, guarded())
	k.add(claimOf("2026-03-10", "T", "10"))
	c := k.state.claims[0]
	for i := range many {
		id := fmt.Sprintf("d-%d", i)
		c.events = append(c.events,
			event{kind: dispute, by: client, at: c.at + record.Time(i), n: int64(2 + 2*i), id: id},
			event{kind: reject, by: arbiter, at: c.at + record.Time(2*i), n: int64(3 + 2*i), id: id})
		h := handoffOf("2026-03-10")
		h.Log = &record.Log{N: int64(2 + 2*i)}
		k.state.escalate(h, c.at+record.Time(i), againstAll)
	}
	for b.Loop() {
		if _, err := k.state.Settle(nil); err != nil {
			b.Fatal(err)
		}
	}
}
