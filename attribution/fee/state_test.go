package fee

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// guarded is a result with every right there is: silence after 2 days, a
// dispute within 5 that the lapse of 4 more ends, a lock of 6 days and a
// guarantee of 10 from then.
func guarded(change ...string) string {
	return strings.NewReplacer(change...).Replace(`{
	"results": {"done": {"facts": {"amount": "decimal"}, "quantity": "amount", "once_per": "case", "claim": ["vendor"],
		"accept": {"on": "silence", "after": "2d", "from": "claim"}, "dispute": {"within": "5d", "unresolved": {"after": "4d", "then": "accept"}},
		"reopen": {"within": "10d", "from": "locked"}, "escalation": "void", "lock": "6d", "billed_at": "occurred", "final_after": "40d"}},
	"measures": {"amount": {"over": "period", "sum": "done.amount"}},
	"lines": [{"name": "amount", "of": "amount", "mode": "graduated", "tiers": [{"unit": "1"}]}],
	"settle": {"close_after": "10d", "late": "correction", "negative": "credit", "corrections": "after_minimum"}}`)
}

func claimOf(when, matter, amount string) *record.Record {
	return &record.Record{At: at(when), ID: "o-" + matter, Case: matter, Body: &record.Outcome{Result: "done", Facts: record.Facts{record.Text("amount", amount)}}}
}

func reverseOf(when, cause, quantity string) *record.Record {
	return &record.Record{At: at(when), Body: &record.Reverse{Of: "o-T", Cause: cause, Quantity: record.Decimal(quantity)}}
}

func confirmOf(when, verdict string) *record.Record {
	return &record.Record{At: at(when), ID: verdict, By: "client", Body: &record.Confirm{Of: "o-T", Verdict: verdict}}
}

func disputeOf(when string) *record.Record {
	return &record.Record{At: at(when), ID: "dispute", By: "client", Body: &record.Dispute{About: "o-T", Ground: "result"}}
}

func resolveOf(when, of, disposition string) *record.Record {
	return &record.Record{At: at(when), By: "court", Body: &record.Resolve{Dispute: of, Disposition: disposition, As: "arbiter"}}
}

func handoffOf(when string) *record.Record {
	return &record.Record{At: at(when), Case: "T", Body: &record.Handoff{To: "person", Reason: "asked", Nonce: "AAAAAAAAAAAAAAAAAAAAAA=="}}
}

// The table of the document: a claim of 10 on 10 March at noon, accepted on
// the 12th, locked on the 16th, guaranteed until the 26th, in the statement of
// March, which closes on 11 April; and what that of April, which closes on 11
// May, gives back.
func TestTimeline(t *testing.T) {
	outcome := func(k *kit, periods int) string {
		var words []string
		for range periods {
			st, detail := k.settle()
			for _, line := range detail {
				f := strings.Split(strings.Trim(line, "[]"), ",")
				words = append(words, strings.Trim(f[4], `"`)+" "+strings.Trim(f[7], `"`))
			}
			for _, c := range st.Counts {
				switch c.Reason {
				case "dispute_late", "after_guarantee", "over_reversed", "no_quantity", "unmatched":
					words = append(words, c.Reason)
				}
			}
			words = append(words, "/")
		}
		return strings.TrimSuffix(strings.TrimSpace(strings.Join(words, " ")), " /")
	}
	type events = []*record.Record
	onTheFirst := []string{`"lock": "6d"`, `"lock": {"months": 1, "day": 1}`, `{"within": "10d", "from": "locked"}`, `"none"`}
	for _, c := range []struct {
		name   string
		terms  string
		events events
		want   string // of March / of April
	}{
		{"silence", guarded(), nil, "10 billed /"},

		{"handoff before the claim", guarded(), events{handoffOf("2026-03-09")}, " escalated /"},
		{"handoff at acceptance", guarded(), events{handoffOf("2026-03-12T12:00")}, " escalated /"},
		{"handoff after acceptance", guarded(), events{handoffOf("2026-03-12T12:01")}, "10 billed /"},
		{"handoff long before the claim", guarded(), events{handoffOf("2026-01-29T12:00")}, "10 billed /"},
		{"handoff ignored", guarded(`"void", "lock"`, `"ignore", "lock"`), events{handoffOf("2026-03-11")}, "10 billed /"},

		{"reversal before the claim", guarded(), events{reverseOf("2026-03-09", "reopened", "")}, " reopened /"},
		{"reversal at the lock", guarded(), events{reverseOf("2026-03-16T12:00", "cancelled", "")}, " cancelled /"},
		{"reversal before the day of the lock", guarded(onTheFirst...), events{reverseOf("2026-04-01", "cancelled", "")}, " cancelled /"},
		{"part before the day of the lock", guarded(onTheFirst...), events{reverseOf("2026-04-01", "reversed", "4")}, "6 billed /"},
		{"reversal after the day of the lock", guarded(onTheFirst...), events{reverseOf("2026-04-01T00:01", "reversed", "")}, "10 billed after_guarantee /"},
		{"the day of the lock is after the closing", guarded(`"lock": "6d"`, `"lock": {"months": 1, "day": 12}`, `"40d"`, `"54d"`), nil, "pending / 10 billed"},
		{"reversal after the lock", guarded(), events{reverseOf("2026-03-16T12:01", "reversed", "")}, " reversed /"},
		{"reversal at the end of the guarantee", guarded(), events{reverseOf("2026-03-26T12:00", "reversed", "")}, " reversed /"},
		{"reversal after the guarantee", guarded(), events{reverseOf("2026-03-26T12:01", "reversed", "")}, "10 billed after_guarantee /"},
		{"reversal without guarantee", guarded(`{"within": "10d", "from": "locked"}`, `"none"`), events{reverseOf("2026-03-16T12:01", "reversed", "")}, "10 billed after_guarantee /"},
		{"reversal in the next period", guarded(`"10d", "from": "locked"`, `"20d", "from": "locked"`), events{reverseOf("2026-04-02", "reversed", "")}, "10 billed / -10 reversed"},

		{"part before the lock", guarded(), events{reverseOf("2026-03-16T12:00", "reversed", "4")}, "6 billed /"},
		{"part after the lock", guarded(), events{reverseOf("2026-03-20", "reversed", "4")}, "6 billed /"},
		{"part in the next period", guarded(`"10d", "from": "locked"`, `"20d", "from": "locked"`), events{reverseOf("2026-04-02", "reversed", "4")}, "10 billed / -4 reduced"},
		{"more than there is", guarded(), events{reverseOf("2026-03-15", "reversed", "7"), reverseOf("2026-03-15", "reversed", "4")}, "6 billed over_reversed /"},
		{"all in parts", guarded(), events{reverseOf("2026-03-15", "reversed", "6"), reverseOf("2026-03-15", "reversed", "4")}, "0 billed /"},
		{"part of what has none", guarded(`"quantity": "amount", `, ""), events{reverseOf("2026-03-15", "reversed", "6")}, "10 billed no_quantity /"},

		{"dispute at the end of its window", guarded(), events{disputeOf("2026-03-15T12:00")}, "10 billed /"},
		{"dispute after its window", guarded(), events{disputeOf("2026-03-15T12:01")}, "10 billed dispute_late /"},
		{"dispute where there is none", guarded(`{"within": "5d", "unresolved": {"after": "4d", "then": "accept"}}`, `"none"`), events{disputeOf("2026-03-11")}, "10 billed dispute_late /"},
		{"dispute that lapses into void", guarded(`"then": "accept"`, `"then": "void"`), events{disputeOf("2026-03-11")}, " dispute_upheld /"},
		{"dispute that waits for the arbiter", guarded(`"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`), events{disputeOf("2026-03-11")}, " disputed / disputed dispute_upheld"},
		{"dispute upheld", guarded(), events{disputeOf("2026-03-11"), resolveOf("2026-03-13", "dispute", "upheld")}, " dispute_upheld /"},
		{"dispute rejected", guarded(), events{disputeOf("2026-03-11"), resolveOf("2026-03-13", "dispute", "rejected")}, "10 billed /"},
		{"dispute upheld at its lapse", guarded(), events{disputeOf("2026-03-11"), resolveOf("2026-03-15", "dispute", "upheld")}, " dispute_upheld /"},
		{"dispute upheld after its lapse", guarded(), events{disputeOf("2026-03-11"), resolveOf("2026-03-15T00:01", "dispute", "upheld")}, "10 billed /"},
		{"dispute withdrawn", guarded(`"then": "accept"`, `"then": "void"`), events{disputeOf("2026-03-11"), confirmOf("2026-03-12", "accept")}, "10 billed /"},
		{"acceptance before the dispute", guarded(`"then": "accept"`, `"then": "void"`), events{disputeOf("2026-03-11"), confirmOf("2026-03-10T13:00", "accept")}, " dispute_upheld /"},
		{"rejection is a dispute", guarded(`"then": "accept"`, `"then": "void"`), events{confirmOf("2026-03-11", "reject")}, " dispute_upheld /"},
		{"rejection rejected", guarded(`"then": "accept"`, `"then": "void"`), events{confirmOf("2026-03-11", "reject"), resolveOf("2026-03-13", "reject", "rejected")}, "10 billed /"},
		{"partial confirmation", guarded(), events{confirmOf("2026-03-11", "partial")}, "10 billed /"},
		{"acceptance cannot heal a handoff", guarded(), events{handoffOf("2026-03-11"), confirmOf("2026-03-12", "accept")}, " escalated /"},
		{"acceptance before a handoff", guarded(), events{confirmOf("2026-03-10T13:00", "accept"), handoffOf("2026-03-11")}, "10 billed /"},
	} {
		t.Run(c.name, func(t *testing.T) {
			terms := c.terms
			if strings.Contains(c.name, "arbiter") {
				terms = strings.Replace(terms, `"40d"`, `"60d"`, 1)
			}
			k := start(t, terms)
			k.add(claimOf("2026-03-10T12:00", "T", "10"))
			periods := 2
			for _, e := range c.events {
				k.add(e)
			}
			if strings.Contains(c.name, "arbiter") {
				k.settle()
				k.add(resolveOf("2026-04-20", "dispute", "upheld"))
				st, _ := k.settle()
				if st.Counts[0].Reason != "dispute_upheld" {
					t.Fatalf("counts are %v", st.Counts)
				}
				return
			}
			if got := outcome(k, periods); strings.TrimSpace(got) != strings.TrimSpace(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestBilledDisputeIsGivenBack(t *testing.T) {
	// Accepted by the client on the 11th, disputed on the 15th, upheld in April.
	k := start(t, guarded(`"lock": "6d"`, `"lock": "0s"`, `"close_after": "10d"`, `"close_after": "0s"`, `"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`))
	k.add(claimOf("2026-03-28", "T", "10"))
	k.add(confirmOf("2026-03-29", "accept"))
	st, _ := k.settle()
	if st.Total != "10.00" || st.Grades[0].Grade != "both" {
		t.Fatalf("got\n%s", show(st))
	}
	k.add(disputeOf("2026-04-01T00:01"))
	k.add(resolveOf("2026-04-20", "dispute", "upheld"))
	st, detail := k.settle()
	want(t, show(st)+strings.Join(detail, "\n"), `
line amount v1: 0 -> 0.00 (0 results)
subtotal 0.00
correction of 2026-03 amount v1: 10 -> 0 = -10.00
carried in 0.00, total -10.00, carried out 0.00
count dispute_upheld: 1
[1,"done","T","amount","-10","amount","-10.00","dispute_upheld"]`)
}

func TestLate(t *testing.T) {
	for _, c := range []struct{ late, want string }{
		{"current", "line amount v1: 10 -> 10.00 (1 results)\n  tier 0: 10 -> 10\nsubtotal 10.00\ncarried in 0.00, total 10.00, carried out 0.00\ngrade vendor: 10.00\ncount billed: 1"},
		{"correction", "line amount v1: 0 -> 0.00 (0 results)\nsubtotal 0.00\ncorrection of 2026-03 amount v1: 0 -> 10 = 10.00\ncarried in 0.00, total 10.00, carried out 0.00\ncount billed: 1"},
		{"refuse", "line amount v1: 0 -> 0.00 (0 results)\nsubtotal 0.00\ncarried in 0.00, total 0.00, carried out 0.00\ncount late: 1"},
	} {
		k := start(t, guarded(`"late": "correction"`, `"late": "`+c.late+`"`))
		k.settle()
		k.add(claimOf("2026-03-10", "T", "10"))
		st, _ := k.settle()
		want(t, show(st), c.want)

		// What was there in time, and held, is not late.
		k = start(t, guarded(`"late": "correction"`, `"late": "`+c.late+`"`, `"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`, `"40d"`, `"80d"`))
		k.add(claimOf("2026-03-10", "T", "10"))
		k.add(disputeOf("2026-03-11"))
		if st, _ = k.settle(); st.Total != "0.00" {
			t.Fatalf("%s: a disputed claim is billed", c.late)
		}
		k.add(resolveOf("2026-04-20", "dispute", "rejected"))
		if st, _ = k.settle(); st.Total != "10.00" {
			t.Errorf("%s: a claim that a dispute held is settled as\n%s", c.late, show(st))
		}
	}
}

func TestHorizon(t *testing.T) {
	k := start(t, guarded(`"silence", "after": "2d", "from": "claim"`, `"client"`, `"then": "accept"`, `"then": "void"`))
	k.add(claimOf("2026-03-10", "T", "10"))
	k.add(&record.Record{At: at("2026-04-15"), Body: &record.Reverse{Of: "o-none", Cause: "reversed"}})
	if st, _ := k.settle(); len(st.Counts) != 1 || st.Counts[0].Reason != "pending" {
		t.Fatalf("counts are %v", st.Counts)
	}
	st, _ := k.settle() // closes on 11 May; the horizon ended on 19 April
	want(t, show(st), "line amount v1: 0 -> 0.00 (0 results)\nsubtotal 0.00\ncarried in 0.00, total 0.00, carried out 0.00\ncount expired: 1\ncount unmatched: 1")
	if len(k.state.claims) != 0 {
		t.Fatal("the result is still there")
	}
	// 40 days before 11 May, when April closed, is 1 April.
	k.add(&record.Record{At: at("2026-04-01"), ID: "a", Case: "A", Body: &record.Outcome{Result: "done", Facts: record.Facts{record.Text("amount", "1")}}})
	k.add(&record.Record{At: at("2026-04-01T00:01"), ID: "b", Case: "B", Body: &record.Outcome{Result: "done", Facts: record.Facts{record.Text("amount", "1")}}})
	_, detail := k.settle()
	want(t, strings.Join(detail, "\n"), `
[5,"done","A","","","","","final"]
[6,"done","B","","","","","expired"]`)
}

func TestStatementsOutOfOrderAreRefused(t *testing.T) {
	k := start(t, guarded())
	k.add(claimOf("2026-03-10", "T", "10"))
	st, err := k.state.Settle(nil)
	if err != nil {
		t.Fatal(err)
	}
	before := join(k.state.Lines())
	try := func(body record.Statement, logged record.Time, text string) {
		t.Helper()
		r := k.make(&record.Record{ID: "statement/x", At: logged, Body: &body, Log: &record.Log{Time: logged}})
		err := k.state.Apply(r)
		var refusal *record.Refusal
		if !errors.As(err, &refusal) || refusal.Check != "statements" || err.Error() != text {
			t.Errorf("got %v, want %s", err, text)
		}
		if !bytes.Equal(before, join(k.state.Lines())) {
			t.Error("the refusal changed the state")
		}
	}
	april := *st
	april.Period = "2026-04"
	try(april, at("2026-06-01"), "record 2 statement/x: body.period: is 2026-04, want 2026-03: periods are settled in order")
	try(*st, at("2026-04-10T23:59"), "record 2 statement/x: log.time: is 2026-04-10T23:59:00.000Z, before 2026-03 closes at 2026-04-11T00:00:00.000Z")

	empty := New()
	if _, err := empty.Settle(nil); err == nil || err.Error() != "there is no agreement to settle" {
		t.Errorf("got %v", err)
	}
	for range 12 {
		k.settle()
	}
	if _, _, ok := k.state.Next(); ok {
		t.Error("there is a period after the term")
	}
	if _, err := k.state.Settle(nil); err == nil || err.Error() != "the term has ended: 2027-02 was its last period" {
		t.Errorf("got %v", err)
	}
	before = join(k.state.Lines())
	r := k.make(&record.Record{ID: "statement/y", At: at("2027-06-01"), Body: st})
	if err := k.state.Apply(r); err == nil || err.Error() != "record 14 statement/y: body.period: is 2026-03, and there is nothing left to settle" {
		t.Errorf("got %v", err)
	}
}

func TestMismatchSaysWhatDiffers(t *testing.T) {
	k := start(t, guarded())
	k.add(claimOf("2026-03-10", "T", "10"))
	honest, err := k.state.Settle(nil)
	if err != nil {
		t.Fatal(err)
	}
	other := record.Sum(nil)
	for _, c := range []struct {
		change func(st *record.Statement)
		want   string
	}{
		{func(st *record.Statement) { st.Total = "12.00" }, "total: claimed 12.00 EUR, computed 10.00 EUR"},
		{func(st *record.Statement) { st.Currency = "USD" }, "currency: claimed USD, computed EUR"},
		{func(st *record.Statement) { st.Agreed = false }, "agreed: claimed false, computed true"},
		{func(st *record.Statement) { st.CarriedOut = "-1.00" }, "carried_out: claimed -1.00 EUR, computed 0.00 EUR"},
		{func(st *record.Statement) { st.Until++ }, "until: claimed 2026-04-01T00:00:00.001Z, computed 2026-04-01T00:00:00.000Z"},
		{func(st *record.Statement) { st.Lines[0].Quantity = "11" }, "line amount of version 1: quantity: claimed 11, computed 10"},
		{func(st *record.Statement) { st.Lines[0].Tiers = nil }, "line amount of version 1: tiers: claimed [], computed [{0 10 10}]"},
		{func(st *record.Statement) { st.Lines = nil }, "line amount of version 1: not claimed, computed"},
		{func(st *record.Statement) { st.Lines = append(st.Lines, st.Lines[0]) }, "lines: claimed in another order, or twice"},
		{func(st *record.Statement) {
			st.Corrections = []record.Correction{{Period: "2026-02", Version: 1, Line: "amount", Amount: "1.00"}}
		}, "correction of amount in 2026-02 of version 1: claimed, not computed"},
		{func(st *record.Statement) { st.Grades[0].Grade = "both" }, "grade vendor: not claimed, computed; grade both: claimed, not computed"},
		{func(st *record.Statement) { st.Counts[0].N = 2 }, "count billed: claimed 2, computed 1"},
		{func(st *record.Statement) { st.Detail = other }, "detail: claimed " + string(other) + ", computed " + string(honest.Detail)},
		{func(st *record.Statement) { st.State = other }, "state: claimed " + string(other) + ", computed " + string(honest.State)},
	} {
		k := start(t, guarded())
		k.add(claimOf("2026-03-10", "T", "10"))
		st, err := k.state.Settle(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.change(st)
		r := k.make(&record.Record{ID: "statement/2026-03", At: at("2026-04-12"), Body: st})
		err = k.state.Apply(r)
		var m *Mismatch
		if !errors.As(err, &m) || err.Error() != "statement 2026-03: "+c.want {
			t.Errorf("got %v, want %s", err, c.want)
			continue
		}
		if m.N != 2 || m.Claimed != st || m.Computed.Total != "10.00" {
			t.Errorf("mismatch is %+v", m)
		}
		// The state has moved on with the computed statement.
		if p, _, _ := k.state.Next(); p.Name != "2026-04" || k.state.Size() != 3 {
			t.Errorf("next is %s at size %d", p.Name, k.state.Size())
		}
	}
}

func TestHistoryBeforeTheClientSigned(t *testing.T) {
	canonical := draft(t, guarded())
	for _, c := range []struct {
		history string
		want    []string
	}{
		{"adopt", []string{"false 10.00", "true 0.00 -10.00", "true 5.00"}},
		{"exclude", []string{"false 10.00", "false 0.00", "true 5.00"}},
	} {
		k := newKit(t)
		k.agree(at("2026-03-01"), canonical, "", "vendor")
		k.add(claimOf("2026-03-10", "T", "10"))
		k.add(claimOf("2026-03-11", "U", "7"))
		k.add(&record.Record{At: at("2026-03-12"), By: "client", ID: "no", Body: &record.Dispute{About: "o-U", Ground: "result"}})
		k.add(&record.Record{At: at("2026-03-13"), By: "court", Body: &record.Resolve{Dispute: "no", Disposition: "upheld", As: "arbiter"}})
		st, _ := k.settle()
		got := []string{agreedWord(st) + " " + string(st.Total)}
		later := strings.Replace(guarded(), `{`, `{"effective": {"from": "2026-05-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},`, 1)
		k.add(reverseOf("2026-03-22", "reversed", ""))
		k.agree(at("2026-04-12"), draft(t, later), c.history, "vendor", "client")
		st, _ = k.settle()
		word := agreedWord(st) + " " + string(st.Total)
		if len(st.Corrections) > 0 {
			word = agreedWord(st) + " 0.00 " + string(st.Corrections[0].Amount)
		}
		got = append(got, word)
		k.add(claimOf("2026-05-02", "V", "5"))
		st, _ = k.settle()
		got = append(got, agreedWord(st)+" "+string(st.Total))
		if strings.Join(got, ", ") != strings.Join(c.want, ", ") {
			t.Errorf("%s: got %v, want %v", c.history, got, c.want)
		}
	}
}

func agreedWord(st *record.Statement) string {
	if st.Agreed {
		return "true"
	}
	return "false"
}

func TestRevokedKey(t *testing.T) {
	k := start(t, guarded(`"silence", "after": "2d", "from": "claim"`, `"client"`, `"then": "accept"`, `"then": "void"`))
	k.add(claimOf("2026-03-10", "T", "10"))
	k.add(claimOf("2026-03-10", "U", "10"))
	second := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	k.add(&record.Record{At: at("2026-03-11"), By: "client", Body: &record.Key{Op: "enrol", Key: record.FormatPublicKey(second.Public().(ed25519.PublicKey)), Holder: "client", Party: "client"}})
	sign := func(r *record.Record, seq int64, prev record.Digest, of string) {
		r.Kind, r.By = r.Body.Kind(), "client"
		r.Author = &record.Author{Seq: seq, Prev: prev}
		r.Cites = []record.Cite{{ID: of, Digest: k.digests[of]}}
		r.Case = k.cases[of]
		if err := record.Sign(r, origin, second); err != nil {
			t.Fatal(err)
		}
		r.Log = &record.Log{N: int64(len(k.records)), Time: max(k.logged, r.At)}
		if err := k.state.Apply(r); err != nil {
			t.Fatal(err)
		}
		authors := *k.authors["client"]
		k.keep(r)
		k.authors["client"] = &authors
	}
	first := &record.Record{At: at("2026-03-12"), ID: "yes", Body: &record.Confirm{Of: "o-T", Verdict: "accept"}}
	sign(first, 0, "", "o-T")
	k.add(&record.Record{At: at("2026-03-13"), By: "client", Body: &record.Key{Op: "revoke", Key: record.FormatPublicKey(second.Public().(ed25519.PublicKey)), Holder: "client", Party: "client", Effective: at("2026-03-13")}})
	sign(&record.Record{At: at("2026-03-14"), ID: "stolen", Body: &record.Confirm{Of: "o-U", Verdict: "accept"}}, 1, k.digests["yes"], "o-U")
	st, _ := k.settle()
	want(t, show(st), `
line amount v1: 10 -> 10.00 (1 results)
  tier 0: 10 -> 10
subtotal 10.00
carried in 0.00, total 10.00, carried out 0.00
grade both: 10.00
count billed: 1
count pending: 1
count void_signature: 1`)
}

func TestReceiptsOfTheClientOnly(t *testing.T) {
	fields := guarded(`"from": "claim"`, `"from": "receipt"`, `"lock": "6d"`, `"lock": "0s"`)
	for _, c := range []struct {
		name, party string
		size        int64
		cosigned    string
		want        string
	}{
		{"covers the claim", "client", 2, "2026-03-20", "billed"},
		{"does not cover it", "client", 1, "2026-03-20", "pending"},
		{"by another party", "court", 2, "2026-03-20", "pending"},
		{"larger than the ledger", "client", 3, "2026-03-20", "pending"},
		{"cosigned too late for the closing", "client", 2, "2026-04-09T12:00", "pending"},
	} {
		k := start(t, fields)
		k.add(claimOf("2026-03-10", "T", "10"))
		h := &history{kit: k}
		h.receipt(c.party, c.size, at(c.cosigned), at("2026-03-20"), at("2026-03-20"))
		st, _ := k.settle()
		if got := st.Counts[0].Reason; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestReceiptsKeptAreTheEarliest(t *testing.T) {
	// All sequences of four receipts of sizes and instants 1 to 3.
	for code := range 9 * 9 * 9 * 9 {
		s := New()
		var all []receipt
		for c, i := code, 0; i < 4; c, i = c/9, i+1 {
			r := receipt{int64(c%3) + 1, record.Time(c/3%3) + 1}
			all = append(all, r)
			s.keepReceipt(r)
		}
		for n := range int64(4) {
			want := never
			for _, r := range all {
				if r.size > n {
					want = min(want, r.at)
				}
			}
			if got := s.received(n); got != want {
				t.Fatalf("after %v record %d is received at %d, want %d: %v", all, n, got, want, s.receipts)
			}
		}
		for i := 1; i < len(s.receipts); i++ {
			if a, b := s.receipts[i-1], s.receipts[i]; a.size >= b.size || a.at >= b.at {
				t.Fatalf("after %v are kept %v", all, s.receipts)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	k := start(t, guarded())
	k.add(claimOf("2026-03-10T12:00", "T", "10"))
	explain := func(name string) string {
		t.Helper()
		x, err := k.state.Explain(name)
		if err != nil {
			t.Fatal(err)
		}
		if x.Result != "done" || x.Key != "T" {
			t.Fatalf("it is about %s of %s", x.Result, x.Key)
		}
		return strings.Join(x.Words(), "\n")
	}
	want(t, explain("done/T"), `
2026-03-10T12:00:00.000Z  record 1 claims done for T, under version 1 of the terms, by the vendor, with amount 10
no statement has considered it yet
now: silence accepts it at 2026-03-12T12:00:00.000Z`)
	k.add(disputeOf("2026-03-11"))
	want(t, explain("o-T"), `
2026-03-10T12:00:00.000Z  record 1 claims done for T, under version 1 of the terms, by the vendor, with amount 10
2026-03-11T00:00:00.000Z  record 2 disputes it, by the client
no statement has considered it yet
now: a dispute is open`)
	k.add(resolveOf("2026-03-13", "dispute", "rejected"))
	k.add(reverseOf("2026-03-14", "reversed", "4"))
	k.settle()
	want(t, explain("o-T"), `
2026-03-10T12:00:00.000Z  record 1 claims done for T, under version 1 of the terms, by the vendor, with amount 10
2026-03-11T00:00:00.000Z  record 2 disputes it, by the client
2026-03-13T00:00:00.000Z  record 3 rejects dispute dispute, by the arbiter
2026-03-13T00:00:00.000Z  accepted: the dispute is over
2026-03-14T00:00:00.000Z  record 4 reverses 4 of it: reversed, by the vendor
2026-03-16T12:00:00.000Z  locked
billed in 2026-03: measure amount, quantity 6, on amount
now: accepted and locked, its instant of billing is 2026-03-10T12:00:00.000Z`)
	if _, err := k.state.Explain("o-X"); err == nil || err.Error() != "no live result has the id or key o-X: it was never claimed, or it is final" {
		t.Errorf("got %v", err)
	}
}

func TestDocumentsExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/settlement.md")
	if err != nil {
		text, err = os.ReadFile("../../docs/terms.md")
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`[1,"resolved","T-1","resolved","1","resolved","0.99","billed"]`,
		`[2,"resolved","T-2","","","","","where"]`,
		`[3,"resolved","T-1","","","","","duplicate"]`,
		`[4,"resolved","T-3","resolved","1","resolved","0.99","billed"]`,
		`[4,"resolved","T-3","resolved","-1","resolved","-0.99","reopened"]`,
	} {
		if !bytes.Contains(text, []byte(line+"\n")) {
			t.Errorf("the document's example has no line %s", line)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(stateExample), "\n") {
		if !strings.HasPrefix(line, `["event"`) && !strings.HasPrefix(line, `["claim",1`) && !bytes.Contains(text, []byte(line+"\n")) {
			t.Errorf("the document has no state line %s", line)
		}
	}
	for _, word := range reasonWords[1:] {
		if !bytes.Contains(text, []byte("`"+word+"`")) {
			t.Errorf("the document does not name the reason %s", word)
		}
	}
	for _, name := range []string{lineClaim, lineEvent, lineFold, lineHandoff, lineIncluded, lineLoose, linePeriod, linePrepaid, lineReached, lineReading, lineReceipt, lineRest, lineRolled, lineRuling, lineContest, lineStand, lineStandin, lineTaken, lineTally, lineUsage, lineUsed, lineValue} {
		if !bytes.Contains(text, []byte("| `"+name+"` |")) {
			t.Errorf("the document does not describe the state line %s", name)
		}
	}
}

func TestBalanceEndsWithExcludedHistory(t *testing.T) {
	for _, c := range []struct{ history, want string }{{"adopt", "-10.00"}, {"exclude", "0.00"}} {
		fields := guarded(`"negative": "credit"`, `"negative": "carry"`, `"close_after": "10d"`, `"close_after": "0s"`, `"reopen": {"within": "10d"`, `"reopen": {"within": "20d"`)
		k := newKit(t)
		k.agree(at("2026-03-01"), draft(t, fields), "", "vendor")
		k.add(claimOf("2026-03-15", "T", "10"))
		k.settle()
		k.add(reverseOf("2026-04-02", "reversed", ""))
		if st, _ := k.settle(); st.CarriedOut != "-10.00" {
			t.Fatalf("got\n%s", show(st))
		}
		later := strings.Replace(fields, `{`, `{"effective": {"from": "2026-05-02T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},`, 1)
		k.agree(at("2026-05-01"), draft(t, later), c.history, "vendor", "client")
		st, _ := k.settle()
		if string(st.CarriedIn) != c.want || string(st.CarriedOut) != c.want {
			t.Errorf("%s: got\n%s", c.history, show(st))
		}
	}
}

func TestTermTakenUpAgain(t *testing.T) {
	spans := func(from, until string) []byte {
		return draft(t, strings.Replace(guarded(), `{`, `{"effective": {"from": "`+from+`T00:00:00.000Z", "until": "`+until+`T00:00:00.000Z"},`, 1))
	}
	k := newKit(t)
	k.agree(at("2026-03-01"), spans("2026-03-01", "2026-03-15"), "", "vendor", "client")
	k.add(claimOf("2026-03-08", "T", "10"))
	st, _ := k.settle()
	if st.Period != "2026-03" || st.Until != at("2026-03-15") || st.Total != "10.00" {
		t.Fatalf("first is %s until %v\n%s", st.Period, st.Until, show(st))
	}
	if p, _, ok := k.state.Next(); ok {
		t.Fatalf("%s follows the end of the term", p.Name)
	}
	k.agree(at("2026-03-26"), spans("2026-03-28", "2026-06-01"), "", "vendor", "client")
	k.add(claimOf("2026-03-29", "U", "4"))
	st, _ = k.settle()
	if st.Period != "2026-04" || st.From != at("2026-03-15") || st.Until != at("2026-05-01") || st.Total != "4.00" {
		t.Fatalf("then comes %s from %v until %v\n%s", st.Period, st.From, st.Until, show(st))
	}
	st, _ = k.settle()
	if st.Period != "2026-05" {
		t.Fatalf("last comes %s", st.Period)
	}
}
