package fee

import (
	"crypto/ed25519"
	"fmt"
	"slices"
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
		{"a reversal has more digits than a value has", guarded(), records{claim(), reverseOf("2026-03-11", "reversed", "10000000000000000000")}, "billed 1, no_quantity 1"},
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

// A key stays taken until no claim can come that is dated inside the horizon
// of the first one, which is 40 days here.
func TestKeyStaysTaken(t *testing.T) {
	k := start(t, guarded(`"close_after": "10d"`, `"close_after": "20d"`))
	k.add(claimOf("2026-03-02", "T", "10"))
	k.settle() // closes on 20 April, when its horizon has passed since 11 April
	if len(k.state.claims) != 0 {
		t.Fatal("the result is still there")
	}
	again := func(id, when string) *record.Record {
		r := claimOf(when, "T", "10")
		r.ID = id
		return r
	}
	k.add(again("again", "2026-04-11"))
	st, detail := k.settle() // 21 May: 80 days after 2 March
	want(t, strings.Join(detail, "\n"), `[3,"done","T","","","","","duplicate"]`)
	if len(st.Counts) != 1 || len(k.state.taken.list) != 0 {
		t.Fatalf("counts %v, taken %v", st.Counts, k.state.taken.list)
	}
	k.add(again("much-later", "2026-05-21"))
	if st, _ = k.settle(); st.Total != "10.00" {
		t.Fatalf("got\n%s", show(st))
	}
}

func TestExcludedHistoryTakesNoKeys(t *testing.T) {
	k := newKit(t)
	fields := guarded(`"close_after": "10d"`, `"close_after": "20d"`)
	k.agree(at("2026-03-01"), draft(t, fields), "", "vendor")
	k.add(claimOf("2026-03-02", "T", "10"))
	k.add(claimOf("2026-03-25", "U", "10"))
	k.settle()
	if n := len(k.state.taken.list); n != 1 {
		t.Fatalf("%d keys are taken, want 1", n)
	}
	later := strings.Replace(fields, `{`, `{"effective": {"from": "2026-04-22T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},`, 1)
	k.agree(at("2026-04-21"), draft(t, later), "exclude", "vendor", "client")
	k.settle()
	if n := len(k.state.taken.list); n != 0 {
		t.Fatalf("%d keys are taken by history that is excluded", n)
	}
}

func TestRefusedByTheFold(t *testing.T) {
	k := start(t, guarded())
	k.add(claimOf("2026-03-10", "T", "10"))
	k.add(disputeOf("2026-03-11"))
	k.settle()
	before := k.state.Digest()
	try := func(r *record.Record, want string) {
		t.Helper()
		k.make(r)
		if err := k.state.Apply(r); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if k.state.Digest() != before {
			t.Error("the refusal changed the state")
		}
	}
	other := claimOf("2026-04-12", "U", "10")
	other.ID = "o-T"
	try(other, "record 4 o-T: id: is that of an earlier record about a live result")
	try(disputeOf("2026-04-12"), "record 4 dispute: id: is that of an earlier record about a live result")
	reject := confirmOf("2026-04-12", "reject")
	reject.ID = "dispute"
	try(reject, "record 4 dispute: id: is that of an earlier record about a live result")

	// A standing whose latest instant does not show what is settled.
	k.state.periods[0].Until = at("2026-06-01")
	before = k.state.Digest()
	text := draft(t, strings.Replace(guarded(), `{`, `{"effective": {"from": "2026-05-02T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},`, 1))
	try(&record.Record{ID: "agreement/2", At: at("2026-04-12"), Body: &record.Agreement{Version: 2, Terms: text}},
		"record 4 agreement/2: body.terms.effective.from: is 2026-05-02T00:00:00.000Z, before the end of 2026-03 at 2026-06-01T00:00:00.000Z, which is settled")
}

// A statement by someone who may not write one is refused before it is
// computed.
func TestStatementOfAStrangerIsNotComputed(t *testing.T) {
	k := start(t, guarded())
	st, err := k.state.Settle(nil)
	if err != nil {
		t.Fatal(err)
	}
	k.state.claims = append(k.state.claims, nil) // settling it would panic
	r := k.make(&record.Record{ID: "statement/2026-03", At: at("2026-04-11"), Body: st})
	r.By = "nobody"
	if err := k.state.Apply(r); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v", err)
	}
}

// The longest claim that a record holds, of a key as long as texts may be, is
// in state lines that are read back.
func TestLongClaimIsReadBack(t *testing.T) {
	long := func(c string) string { return strings.Repeat(c, 4096) }
	fields := guarded(`{"amount": "decimal"}`, `{"amount": "decimal", "ref": "text", "a": "text", "b": "text", "c": "text", "d": "text", "e": "text", "f": "text", "g": "text"}`,
		`"once_per": "case"`, `"once_per": "fact:ref", "where": "ref != a && ref != b && ref != c && ref != d && ref != e && ref != f && ref != g"`)
	k := start(t, fields)
	r := claimOf("2026-03-10", "T", "10")
	facts := record.Facts{record.Text("amount", "10"), record.Text("ref", long(`"`))}
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		facts = append(facts, record.Text(name, long(`\`)))
	}
	facts = append(facts, record.Text("g", strings.Repeat(`\`, 3350)))
	r.Body.(*record.Outcome).Facts = record.NewFacts(facts...)
	k.add(r)
	if line, err := record.Marshal(k.records[1]); err != nil || len(line) < 64000 {
		t.Fatalf("the record has %d bytes: %v", len(line), err)
	}
	most := 0
	for _, line := range k.state.Lines() {
		most = max(most, len(line))
	}
	if most <= record.MaxRecordBytes || most > maxLineBytes {
		t.Fatalf("the longest line has %d bytes", most)
	}
	if _, err := ReadState(k.state.Lines()); err != nil {
		t.Fatal(err)
	}
	k.settle()
}

// Only a key in force when the receipt counts starts silence.
func TestReceiptsAfterRotation(t *testing.T) {
	for _, c := range []struct{ party, want string }{{"client", "pending"}, {"client2", "billed"}} {
		k := start(t, guarded(`"from": "claim"`, `"from": "receipt"`, `"lock": "6d"`, `"lock": "0s"`))
		k.add(&record.Record{At: at("2026-03-02"), By: "client", Body: &record.Key{Op: "rotate", Key: publicText("client2"), Prev: record.Fingerprint(key("client").Public().(ed25519.PublicKey)), Holder: "client", Party: "client", Effective: at("2026-03-02")}})
		k.add(claimOf("2026-03-10", "T", "10"))
		h := &history{kit: k}
		h.receipt(c.party, 3, at("2026-03-11"), at("2026-03-11"), at("2026-03-11"))
		st, _ := k.settle()
		if got := st.Counts[0].Reason; got != c.want {
			t.Errorf("cosigned by %s: %s, want %s", c.party, got, c.want)
		}
	}
}

// A state that no records lead to is refused, before a settlement stumbles
// over it.
func TestHostileStatesAreRefused(t *testing.T) {
	k := example(t)
	for _, c := range []struct{ from, to, want string }{
		{`["fold",15,4,"0"]`, `["fold",15,4,"1"]`, "balance is 1, want at most 0 with at most 2 decimals"},
		{`["fold",15,4,"0"]`, `["fold",15,4,"-0.001"]`, "balance is -0.001, want at most 0 with at most 2 decimals"},
		{`["fold",15,4,"0"]`, `["fold",15,4,"-` + strings.Repeat("9", 40) + `"]`, "balance: decimal \"-" + strings.Repeat("9", 40) + ".00\": want a decimal like -12.50 of at most 34 digits and 18 decimals"},
		{`"amount",1,"10"]`, `"amount",0,"10"]`, "tally of 0 and 10 has 1 and 10 in it"},
		{`"amount",1,"10"]`, `"amount",1,"9"]`, "tally of 1 and 9 has 1 and 10 in it"},
		{`{"amount":"10"}`, `{"amount":true}`, "fact amount: it is a decimal"},
		{`{"amount":"10"}`, `{"amount":"x"}`, `fact amount: decimal "x": want a decimal like -12.50 of at most 34 digits and 18 decimals`},
		{`{"amount":"10"}`, `{"amount":"10","b":"1"}`, "has the fact b, which nothing reads"},
		{`["event",1,13,"reverse","vendor","2026-04-07T00:00:00.000Z","0","reversed"]`, `["event",1,13,"reverse","vendor","2026-04-07T00:00:00.000Z","0","billed"]`, `has "billed" where a cause should stand`},
		{`"duplicate","done"`, `"pending","done"`, `has the reason "pending", which no loose record has`},
		{`["loose",12,`, `["loose",99,`, "loose record 99 is not in its place"},
		{`["event",1,13,`, `["event",1,15,`, "event 15 of claim 1 is not in its place"},
		{`"2026-03-10T00:00:00.000Z","2026-03-10T00:00:00.000Z",1,"vendor","01",{"amount":"10"}`, `"2026-02-10T00:00:00.000Z","2026-03-10T00:00:00.000Z",1,"vendor","01",{"amount":"10"}`, "version 1 does not govern 2026-02-10T00:00:00.000Z"},
		{`["amount","10"]]`, `["amount","10"],["amount","10"]]`, "is booked on a measure twice, or not in order"},
		{`"2026-03-01T00:00:00.000Z",1,"amount",1,"10"]`, `"2026-03-01T00:00:00.000Z",1,"amount",1,"1` + strings.Repeat("0", 300) + `"]`, "has a number of 301 bytes, at most 256"},
		{`["receipt",3,`, `["taken","done","T","2026-03-10T00:00:00.000Z",1]` + "\n" + `["receipt",3,`, "is a key that another result has"},
		{`["receipt",3,`, `["taken","done","Z","2026-03-10T00:00:00.000Z",2]` + "\n" + `["receipt",3,`, "has a version or a result that is not there"},
		{`["receipt",3,`, `["receipt",4,"2026-04-06T00:00:00.000Z"]` + "\n" + `["receipt",3,`, "receipt of size 3 says nothing beside that of size 4"},
	} {
		damaged := strings.Replace(string(join(k.state.Lines())), c.from, c.to, 1)
		lines := strings.Split(strings.TrimSuffix(damaged, "\n"), "\n")
		slices.Sort(lines)
		var bytes [][]byte
		for _, line := range lines {
			bytes = append(bytes, []byte(line))
		}
		if _, err := ReadState(bytes); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s to %s: got %v, want %s", c.from, c.to, err, c.want)
		}
	}
}

// One side can bring about a correction of every period of the horizon on one
// day. Terms that can be signed leave room for them in one record.
func TestCorrectionsOfAllPeriodsFit(t *testing.T) {
	line := `{"name": "%s", "of": "amount", "mode": "graduated", "tiers": [{"unit": "0.99"}]}`
	fields := guarded(`"within": "10d", "from": "locked"`, `"within": "80d", "from": "locked"`, `"lock": "6d"`, `"lock": "0s"`, `"40d"`, `"90d"`, `"close_after": "10d"`, `"close_after": "3d"`)
	fields = strings.Replace(fields, `{`, `{"calendar": {"zone": "UTC", "period": "day"},`, 1)
	from := strings.Index(fields, `"lines"`)
	to := from + strings.Index(fields[from:], "\n")
	fields = fields[:from] + `"lines": [` + fmt.Sprintf(line, "a"+strings.Repeat("x", 63)) + "," + fmt.Sprintf(line, "b"+strings.Repeat("x", 63)) + `],` + fields[to:]
	k := start(t, fields)
	const days = 78
	for i := range days {
		r := claimOf("2026-03-01", fmt.Sprintf("T%d", i), "999999999999.999999999999")
		r.At += record.Time(i) * day
		k.add(r)
	}
	for range days {
		if st, _ := k.settle(); len(st.Lines) != 2 {
			t.Fatalf("got\n%s", show(st))
		}
	}
	for i := range days {
		r := reverseOf("2026-05-18T12:00", "reversed", "")
		r.Body.(*record.Reverse).Of = fmt.Sprintf("o-T%d", i)
		k.add(r)
	}
	st, _ := k.settle()
	if len(st.Corrections) != 2*days {
		t.Fatalf("%d corrections, want %d", len(st.Corrections), 2*days)
	}
}
