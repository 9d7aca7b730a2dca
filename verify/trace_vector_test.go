package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/verify/bundle"
)

const shownNonce = "c2hvd24gdG8gaC1saW4uLg=="

// overdrawn is a ledger under rs-1 in which a refund of case R-1, record 12,
// goes wrong in many ways, each of which rests on another record.
func overdrawn(t testing.TB, step func(m *maker, n int)) *maker {
	m := newMaker(t)
	do := func(f func()) {
		if step != nil {
			step(m, len(m.records))
		}
		f()
	}
	client := func(id, matter, actor string, b record.Body) {
		m.add(m.byClient(&record.Record{Kind: b.Kind(), ID: id, Case: matter, Actor: actor, Body: b}))
	}
	refund := func(id, matter, decision, amount, key string) {
		m.add(&record.Record{Kind: record.KindAction, ID: id, Case: matter, At: m.now, By: "vendor", Actor: "agent-1",
			Body: &record.Action{Decision: decision, Grant: "g-1", Action: "refund", Resource: "order/1", Amount: record.Decimal(amount), Currency: "EUR", Effect: "commit", Status: "executed", Key: key}})
	}
	rules := strings.TrimSuffix(strings.TrimSpace(supportTerms), "}") + `, "responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "60s", "must_show": ["checks"],
"approvers": [{"human": "h-lin", "party": "client", "actions": ["refund"], "limit": "500"}], "erasure_bases": ["asked"]}}`
	m.clock("2026-03-01T00:00:00")
	do(func() { m.agreement(rules, 1, "vendor", "client") }) // 0
	do(func() {                                              // 1
		client("g-1", "", "", &record.Grant{Grantor: "client", Grantee: "agent-1", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"order/*"},
			LimitPeriod: &record.PeriodLimit{Amount: "100", Days: 30}, Escalate: []record.Boundary{{When: "amount_over", Value: "40"}}, OnTimeout: "block",
			From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2027-03-01T00:00:00")})
	})
	do(func() { m.vendor("c-1", "", &record.Config{Agent: "agent-1", Model: "m-7", Prompt: record.Sum(nil)}) }) // 2
	m.clock("2026-03-02T09:00:00")
	do(func() { refund("x-2", "R-2", "", "70", "pay 2") }) // 3: uses up the limit
	do(func() { refund("x-3", "R-3", "", "5", "pay 1") })  // 4: has the same key
	do(func() {                                            // 5
		r := &record.Record{Kind: record.KindInput, ID: "i-1", Case: "R-1", At: m.now, By: "vendor", Body: &record.Input{AsOf: m.now, Fields: record.Facts{record.Text("paid", "80")}}}
		m.seal(r, base64.RawURLEncoding.EncodeToString([]byte(`["MDEyMzQ1Njc4OWFiY2RlZg","total","80"]`)))
		m.add(r)
	})
	do(func() { // 6
		operand := func(field string) record.Operand { return record.Operand{Ref: "i-1", Field: field} }
		m.vendor("d-1", "R-1", &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-1", Inputs: []string{"i-1"}, DependsOn: []record.FieldRef{{Ref: "i-1", Field: "paid"}},
			Checks:  []record.Check{{ID: "paid", Left: operand("paid"), Op: "<=", Right: record.Operand{Lit: "100"}, Result: "pass"}, {ID: "small", Left: operand("total"), Op: "<", Right: record.Operand{Lit: "50"}, Result: "pass"}},
			Reasons: record.Sum(nil), Output: record.Sum(nil)})
	})
	m.clock("2026-03-02T10:59:50")
	do(func() { // 7
		m.vendor("h-1", "R-1", &record.Handoff{Decision: "d-1", To: "client", Reason: "amount", Deadline: m.now + 3600*1000, Shown: []string{"checks"}, Nonce: shownNonce})
	})
	m.clock("2026-03-02T11:00:00")
	do(func() { // 8: says half an hour, and was shown it for ten seconds
		client("r-1", "R-1", "h-lin", &record.Review{Of: "d-1", Verdict: "approve", Opened: m.now - 1800_000, Nonce: shownNonce})
	})
	do(func() { m.vendor("o-2", "R-2", &record.Input{AsOf: m.now}) })                                      // 9: of another matter
	do(func() { client("v-1", "", "", &record.Revoke{Grant: "g-1", Effective: m.now, Reason: "enough"}) }) // 10
	do(func() {
		client("q-1", "R-1", "", &record.Demand{Of: "i-1", Custodian: "vendor", Basis: "audit", Deadline: m.now + 1})
	}) // 11
	m.clock("2026-03-02T12:00:00")
	do(func() { refund("x-1", "R-1", "d-1", "80", "pay 1") }) // 12
	do(func() { m.index(nil) })                               // 13
	m.clock("2026-03-03T09:00:00")
	do(func() { // 14
		m.vendor("i-2", "R-1", &record.Input{AsOf: m.now, Corrects: "i-1", Fields: record.Facts{record.Text("paid", "120")}})
	})
	do(func() { refund("x-4", "R-4", "", "1", "pay 4") }) // 15: after it
	do(func() { m.index(nil) })                           // 16
	return m
}

// ofOverdrawn is the case bundle of R-1, with something done to it.
func ofOverdrawn(c matterCut) func(t testing.TB) []byte {
	return func(t testing.TB) []byte {
		c.of = "case/R-1"
		return overdrawn(t, nil).matter(c)
	}
}

// without is the case bundle without some of its records.
func without(n ...int64) func(t testing.TB) []byte { return ofOverdrawn(matterCut{drop: n}) }

// inLine replaces text in record n, as carried.
func inLine(n int64, old, new string) func(t testing.TB) []byte {
	return ofOverdrawn(matterCut{line: func(at int64, line []byte) []byte {
		if at == n {
			return bytes.Replace(line, []byte(old), []byte(new), 1)
		}
		return line
	}})
}

// forged is the ledger with record n changed after it was signed, whole and
// indexed again.
func forged(n int, alter func(r *record.Record)) func(t testing.TB) []byte {
	return func(t testing.TB) []byte {
		return overdrawn(t, func(m *maker, next int) {
			if m.alter = nil; next == n {
				m.alter = alter
			}
		}).matter(matterCut{of: "case/R-1"})
	}
}

// fieldErased is the case bundle after the operator has erased the sealed field.
func fieldErased(shown bool) func(t testing.TB) []byte {
	return func(t testing.TB) []byte {
		m := overdrawn(t, nil)
		m.vendor("erase/1", "R-1", &record.Erase{Of: "i-1", Basis: "whim", State: record.Erased, Scope: []string{string(m.records[5].Sealed[0])}, Holders: []string{"vendor"}})
		m.index(nil)
		if !shown {
			m.hidden[5] = nil
		}
		return m.matter(matterCut{of: "case/R-1"})
	}
}

// traceVectors are case bundles beside which the answer stands, or that there is
// none. Each that is refused would lead to another answer than the honest one.
var traceVectors = []vector{
	{name: "trace-honest", make: ofOverdrawn(matterCut{})},
	{name: "trace-earlier", make: ofOverdrawn(matterCut{size: 14})}, // the correction has not come
	{name: "trace-value-withheld", make: ofOverdrawn(matterCut{noEvidence: true})},
	{name: "trace-not-replayed", policy: "asks-third.policy", make: ofOverdrawn(matterCut{cosigners: []string{"third"}})},
	{name: "trace-no-such-case", make: func(t testing.TB) []byte { return overdrawn(t, nil).matter(matterCut{of: "case/R-9"}) }},

	// The one sealed field is erased by its digest, on no agreed basis. Whether
	// somebody still shows it makes no difference, as long as nobody holds it.
	{name: "trace-field-erased", make: fieldErased(false)},
	{name: "trace-field-erased-and-shown", make: fieldErased(true)},

	{name: "trace-spending-dropped", fails: "chains", make: without(3)},
	{name: "trace-key-used-before-dropped", fails: "chains", make: without(4)},
	{name: "trace-chain-of-key-not-shown", fails: "chains", make: ofOverdrawn(matterCut{names: []string{"case/R-1", "grant/g-1", "standing"}, drop: []int64{4}})},
	{name: "trace-input-dropped", fails: "several", make: without(5)},
	{name: "trace-decision-dropped", fails: "several", make: without(6)},
	{name: "trace-review-dropped", fails: "chains", make: without(8)},
	{name: "trace-revocation-dropped", fails: "chains", make: without(10)},
	{name: "trace-demand-dropped", fails: "chains", make: without(11)},
	{name: "trace-effect-dropped", fails: "chains", make: without(12)},
	{name: "trace-correction-dropped", fails: "chains", make: without(14)},
	{name: "trace-grant-widened", fails: "several", make: inLine(1, `"amount":"100"`, `"amount":"900"`)},
	{name: "trace-amount-lowered", fails: "records", make: inLine(12, `"amount":"80"`, `"amount":"8"`)},
	{name: "trace-review-lengthened", fails: "several", make: inLine(8, `"nonce":"`+shownNonce+`",`, "")},
	{name: "trace-handoff-dropped", fails: "chains", make: without(7)},
	{name: "trace-handoff-dated-back", fails: "records", make: inLine(7, `"at":"2026-03-02T10:59:50.000Z"`, `"at":"2026-03-02T10:29:50.000Z"`)},
	{name: "trace-grant-widened-and-signed-anew", fails: "author signatures", make: forged(1, func(r *record.Record) { r.Body.(*record.Grant).LimitPeriod.Amount = "900" })},
	{name: "trace-review-forged", fails: "author signatures", make: forged(8, func(r *record.Record) { r.Body.(*record.Review).Nonce = "" })},
	{name: "trace-custodian-unknown", fails: "terms", make: func(t testing.TB) []byte {
		return overdrawn(t, func(m *maker, next int) {
			if m.alter = nil; next == 11 {
				m.alter = func(r *record.Record) { r.Body.(*record.Demand).Custodian = "marsman" }
			}
		}).matter(matterCut{of: "case/R-1"})
	}},
	{name: "trace-revocation-postponed", fails: "author signatures", make: forged(10, func(r *record.Record) { r.Body.(*record.Revoke).Effective += 365 * 24 * 3600 * 1000 })},
	{name: "trace-value-changed", fails: "attachments", make: func(t testing.TB) []byte {
		m := overdrawn(t, nil)
		m.hidden[5] = []string{base64.RawURLEncoding.EncodeToString([]byte(`["MDEyMzQ1Njc4OWFiY2RlZg","total","8"]`))}
		return m.matter(matterCut{of: "case/R-1"})
	}},
}

// traceText is the answer as people read it, or that there is none.
func traceText(t testing.TB, b []byte, o Options) []byte {
	t.Helper()
	traced, report, err := Trace(bytes.NewReader(b), o, "")
	if err != nil {
		t.Fatal(err)
	}
	if traced == nil {
		return []byte("nothing is traced: " + report.Verdict + "\n")
	}
	var text bytes.Buffer
	if err := traced.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return text.Bytes()
}

// believed is what follows for x-1 from a bundle whose word is taken for
// everything: nothing in it is checked.
func believed(t testing.TB, b []byte) string {
	t.Helper()
	r, err := bundle.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	f, m := responsibility.NewFacts(), &matter{}
	var last *record.Record
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch it.Kind {
		case bundle.RecordLine:
			if last, err = record.Parse(it.Line); err != nil {
				t.Fatal(err)
			}
			if err := f.Add(last); err != nil {
				t.Fatal(err)
			}
		case bundle.DisclosureLine:
			m.disclose(last, it.Text)
		}
	}
	for _, d := range m.disclosed {
		d.tell(f)
	}
	answer, err := responsibility.Trace(f, "x-1", f.Size())
	if err != nil {
		return err.Error()
	}
	return answer.Text()
}

// TestTraceVectors: what is refused would have told another story, and nothing
// of it is told; and the honest one has all that there is to be found.
func TestTraceVectors(t *testing.T) {
	files := files(t)
	honest := believed(t, overdrawn(t, nil).matter(matterCut{of: "case/R-1"}))
	for _, rule := range []responsibility.Rule{responsibility.LimitExceeded, responsibility.DuplicateEffect, responsibility.StaleGrant, responsibility.CheckMisreported,
		responsibility.BadInput, responsibility.ReviewTooShort, responsibility.EvidenceMissing} {
		if !strings.Contains(honest, string(rule)+" ") {
			t.Errorf("no %s in\n%s", rule, honest)
		}
	}
	for _, v := range traceVectors {
		b := v.make(t)
		o, _ := v.options(t, files)
		traced, report, err := Trace(bytes.NewReader(b), o, "x-1")
		if v.name == "trace-no-such-case" {
			if err == nil || err.Error() != "case R-9 has no effect x-1" {
				t.Errorf("%s: %v", v.name, err)
			}
			continue
		}
		switch {
		case err != nil:
			t.Errorf("%s: %v", v.name, err)
		case v.fails == "":
			if traced == nil || len(traced.Answers) != 1 || traced.Answers[0].Text() != believed(t, b) {
				t.Errorf("%s: %+v", v.name, traced)
			}
		case traced != nil || report.Verdict != Refused:
			t.Errorf("%s is traced", v.name)
		case believed(t, b) == honest:
			t.Errorf("%s says nothing else than the honest one", v.name)
		}
	}
	// No other bundle that is refused is traced, either.
	for _, v := range vectors {
		if v.fails == "" || strings.HasPrefix(v.name, "trace-") {
			continue
		}
		o, _ := v.options(t, files)
		if traced, report, err := Trace(bytes.NewReader(v.make(t)), o, ""); traced != nil || err != nil || report.Verdict != Refused {
			t.Errorf("%s: %v, %v", v.name, traced, err)
		}
	}
}
