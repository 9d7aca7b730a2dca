package responsibility

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// A maker makes random records that are well formed and make little sense:
// their references go to the future, to themselves, to other kinds and to
// nothing, and their values are of any size.
type maker struct {
	*rand.Rand
	ids  []string
	made map[record.Kind][]string
}

func pick[T any](m *maker, list ...T) T { return list[m.IntN(len(list))] }

func some[T any](m *maker, one func() T) []T {
	var list []T
	for range m.IntN(4) {
		list = append(list, one())
	}
	return list
}

func (m *maker) id() string { return pick(m, m.ids...) }

// a is mostly the id of a record of the kind that was made before.
func (m *maker) a(k record.Kind) string {
	if list := m.made[k]; len(list) > 0 && m.IntN(8) > 0 {
		return list[m.IntN(len(list))]
	}
	return m.maybe()
}

func (m *maker) maybe() string { return pick(m, m.id(), m.id(), m.id(), "") }
func (m *maker) party() string {
	return pick(m, "vendor", "vendor", "vendor", "client", "client", "third", "court", "nobody")
}
func (m *maker) agent() string {
	return pick(m, "agent-1", "agent-1", "agent-1", "agent-1", "agent-1", "agent-1", "agent-2", "")
}
func (m *maker) act() string   { return pick(m, "pay", "deny", "tell") }
func (m *maker) name() string  { return pick(m, "a", "b", "c", "") }
func (m *maker) label() string { return pick(m, "claims", "checks", "vip", "pay", "a", "*", "x*") }
func (m *maker) sum() string {
	return pick(m, "0", "0.00", "1", "9.9", "9.90", "1000.01", "9999999999999999999999999999999999", "")
}
func (m *maker) value() string {
	return pick(m, "1", "1.0", "10", "9", "yes", "no", "2026-03-01", "ü", "", "-3")
}
func (m *maker) dec() record.Decimal { return record.Decimal(m.sum()) }

func (m *maker) time() record.Time {
	if m.IntN(20) == 0 {
		return pick(m, 0, 1, record.MaxTime)
	}
	return record.Time(1_780_000_000_000 + m.Int64N(40*dayMS))
}

func (m *maker) digest() record.Digest {
	return pick(m, "", record.Sum([]byte("x")))
}

// piece is what an erasure can name.
func (m *maker) piece() string {
	return pick(m, "a", string(record.Sum([]byte("sealed"))), string(record.Sum([]byte("other"))), string(record.Sum([]byte("file"))))
}

func (m *maker) facts() record.Facts {
	var list []record.Fact
	for _, name := range []string{"a", "b", "c"} {
		switch m.IntN(4) {
		case 0:
			list = append(list, record.Bool(name, m.IntN(2) == 0))
		case 1, 2:
			list = append(list, record.Text(name, pick(m, "1", "1.0", "10", "9", "yes")))
		}
	}
	return record.NewFacts(list...)
}

func (m *maker) ref() record.FieldRef {
	return record.FieldRef{Ref: m.a(record.KindInput), Field: m.name()}
}

func (m *maker) operand() record.Operand {
	if m.IntN(2) == 0 {
		return record.Operand{Lit: pick(m, "1", "10", "yes", "9.9")}
	}
	return record.Operand{Ref: m.a(record.KindInput), Field: m.name()}
}

func (m *maker) proposal() *record.Proposal {
	if m.IntN(2) == 0 {
		return nil
	}
	return &record.Proposal{Action: m.act(), Resource: pick(m, "", "x1"), Amount: m.dec()}
}

func (m *maker) record(n int64, at record.Time) *record.Record {
	r := &record.Record{ID: m.ids[n], At: at, By: m.party(), Actor: m.agent(), Log: &record.Log{N: n, Time: at + record.Time(pick(m, int64(0), 0, m.Int64N(3*dayMS)))}}
	if m.IntN(4) == 0 {
		r.At = m.time()
	}
	if m.IntN(5) > 0 {
		r.Case = pick(m, "case-1", "case-2")
	}
	if m.IntN(8) == 0 {
		r.Sigs = []record.Signature{{Key: pick(m, "SHA256:one", "SHA256:two")}}
	}
	r.Backfilled = m.IntN(10) == 0
	r.Body = m.body(r)
	r.Kind = r.Body.Kind()
	switch _, isGrant := r.Body.(*record.Grant); {
	case isGrant:
		if r.By = "client"; r.Body.(*record.Grant).Parent != "" && m.IntN(4) > 0 {
			r.By = "vendor"
		}
	case r.Kind == record.KindAction, r.Kind == record.KindDecision:
		r.By = pick(m, "vendor", "vendor", "vendor", "client")
	case r.Kind == record.KindReview && m.IntN(2) == 0:
		r.By, r.Actor = "client", "h-lin"
	}
	m.made[r.Kind] = append(m.made[r.Kind], r.ID)
	return r
}

func (m *maker) body(r *record.Record) record.Body {
	switch m.IntN(24) {
	case 0, 1, 2, 3, 4, 5:
		return &record.Action{Decision: m.a(record.KindDecision), Grant: m.a(record.KindGrant), Review: pick(m, "", "", m.a(record.KindReview)), Action: m.act(), Resource: pick(m, "", "x1", "y"), Amount: m.dec(),
			Currency: pick(m, "CNY", "CNY", "EUR"), Effect: pick(m, "commit", "write", "communicate", "read"), Status: pick(m, "executed", "executed", "executed", "refused"),
			Key: pick(m, "", "k1", "k2"), Reverses: m.maybe()}
	case 6, 7, 8:
		d := &record.Decision{Agent: "agent-1", Config: m.a(record.KindConfig), Grant: m.maybe(), Inputs: some(m, func() string { return m.a(record.KindInput) }), DependsOn: some(m, m.ref), Confidence: pick(m, record.Decimal(""), "0.2", "0.9"),
			Proposes: m.proposal(), Reasons: m.digest(), Output: m.digest(), ModelReported: pick(m, "", "m1", "m2")}
		for i := range m.IntN(3) {
			d.Claims = append(d.Claims, record.Claim{ID: fmt.Sprint("k", i), Material: m.IntN(2) == 0, Value: m.value(), Support: some(m, m.ref)})
			d.Checks = append(d.Checks, record.Check{ID: fmt.Sprint("c", i), Left: m.operand(), Right: m.operand(), Op: pick(m, "<=", "<", ">=", ">", "==", "!="),
				Result: pick(m, "pass", "fail", "refer"), Blocks: some(m, m.act)})
		}
		return d
	case 9, 10, 11:
		if m.IntN(3) == 0 {
			r.Sealed = []record.Digest{record.Sum([]byte("sealed")), record.Sum([]byte("other"))}
		}
		if m.IntN(6) == 0 {
			r.Attach = []record.Attachment{{Name: "a", Digest: record.Sum([]byte("file")), Keep: m.time()}}
		}
		return &record.Input{Fields: m.facts(), AsOf: m.time(), Flags: some(m, m.label), Corrects: pick(m, "", m.a(record.KindInput))}
	case 12, 13:
		g := &record.Grant{Grantor: pick(m, "agent-1", "agent-1", "client"), Grantee: m.agent(), Operator: pick(m, "vendor", "vendor", "vendor", "vendor", m.party()), Parent: pick(m, "", m.a(record.KindGrant)), Actions: []string{"pay", m.act(), m.act()},
			Resources: []string{pick(m, "*", "*", "*", m.label()), "x1"}, LimitEach: pick(m, "", m.dec()), OnTimeout: pick(m, "", "block", "proceed"), From: 1_770_000_000_000, Until: 1_780_000_000_000 + record.Time(m.Int64N(60*dayMS)),
			Delegable: pick(m, int64(0), 1, 2, 2), Tier: pick(m, "", "user", "autonomous")}
		for range m.IntN(3) {
			g.Escalate = append(g.Escalate, record.Boundary{When: pick(m, "amount_over", "confidence_under", "flag", "action", "check_result"), Value: pick(m, "1", "0.5", "vip", "pay", "fail")})
		}
		if m.IntN(2) == 0 {
			g.LimitPeriod = &record.PeriodLimit{Amount: pick(m, record.Decimal("1"), "100.00", "9999999999"), Days: pick(m, int64(1), 30, record.MaxInteger)}
		}
		return g
	case 14, 15, 16:
		return &record.Review{Of: m.a(record.KindDecision), Verdict: pick(m, "approve", "approve", "modify", "reject", "override", "halt"), Opened: pick(m, 0, m.time()), Shown: some(m, m.label),
			Sets: m.proposal(), Reasons: m.digest(), Nonce: pick(m, "", "bm9uY2Vub25jZW5vbmNlbm8=")}
	case 17:
		return &record.Handoff{Decision: m.a(record.KindDecision), To: m.party(), Reason: "r", Deadline: pick(m, 0, m.time()), Shown: some(m, m.label), Nonce: pick(m, "", "bm9uY2Vub25jZW5vbmNlbm8=")}
	case 18:
		return &record.Erase{Of: m.id(), Basis: pick(m, "subject_request", "whim"), State: pick(m, "erased", "restricted"), Scope: some(m, m.piece), Holders: []string{m.party()}}
	case 19:
		return &record.Demand{Of: m.id(), Custodian: m.party(), Basis: "b", Deadline: m.time()}
	case 20:
		r.Attach = []record.Attachment{{Name: "a", Digest: record.Sum([]byte("file"))}}
		return &record.Disclose{Demand: m.a(record.KindDemand), To: m.party(), Digest: record.Digest(m.piece())}
	case 21:
		return &record.Dispute{About: m.a(record.KindInput), Ground: "g", Claimed: m.facts()}
	case 22:
		return &record.Resolve{Dispute: m.a(record.KindDispute), About: m.a(record.KindInput), Field: m.name(), Value: m.value(), Disposition: pick(m, "upheld", "rejected"), As: "joint"}
	}
	switch m.IntN(4) {
	case 0:
		return &record.Config{Agent: "agent-1", Model: pick(m, "m1", "m2")}
	case 1:
		return &record.Revoke{Grant: m.a(record.KindGrant), Effective: m.time(), Reason: "r"}
	case 2:
		return &record.Key{Op: "rotate", Key: "none", Prev: pick(m, "SHA256:one", "SHA256:two"), Effective: m.time()}
	}
	return &record.Measurement{Metric: "m", Fields: m.facts(), Value: m.dec(), From: 0, Until: m.time()}
}

// Any records have an answer, which is the same again, and the same before
// what follows it. The records of one seed must come to what the test is for;
// what happens in those of another is left to chance.
func TestTotal(t *testing.T) {
	seen, answers := totalOf(t, rand.New(rand.NewPCG(1, 0)))
	// Some rules need more sense than chance makes.
	if len(seen) < 20 || answers < 200 {
		t.Errorf("%d rules tripped in %d answers", len(seen), answers)
	}
	t.Logf("%d answers: %v", answers, seen)
	random, _ := randomSource(t)
	totalOf(t, random)
}

func totalOf(t *testing.T, random *rand.Rand) (seen map[Rule]map[Status]int, answers int) {
	var agreement *record.Record
	for _, s := range readStories(t, ownStories) {
		if s.ID == "duties" {
			e := s.clone().Entries[0]
			e.By = "client"
			e.SignedBy = []string{"client", "vendor"}
			e.Body["parties"] = map[string]any{"client": "client", "vendor": "vendor", "third": "data source", "court": "arbiter"}
			e.Body["outward"] = "client"
			e.Body["approvers"] = []any{map[string]any{"human": "h-lin", "party": "client", "actions": []any{"pay", "tell"}, "limit": "1000.00"}}
			e.Body["duties"] = []any{
				map[string]any{"id": "D1", "party": "vendor", "on": []any{"pay"}, "needs": map[string]any{"check": "c0"}, "weight": 2.0},
				map[string]any{"id": "D2", "party": "third", "on": []any{"pay", "deny"}, "needs": map[string]any{"fresh": map[string]any{"field": "a", "days": 3.0}}},
			}
			agreement = newLoader(t, s).record(&e)
		}
	}
	seen = map[Rule]map[Status]int{}
	for range 30 {
		m := &maker{Rand: random, made: map[record.Kind][]string{}}
		const size = 60
		for i := range size + 10 { // some of which no record has
			m.ids = append(m.ids, fmt.Sprintf("r%d", i))
		}
		m.ids[0] = agreement.ID
		f, half := NewFacts(), NewFacts()
		var all []*record.Record
		cut := int64(20 + random.IntN(40))
		for n := range int64(size) {
			r := agreement
			if n > 0 {
				r = m.record(n, 1_780_000_000_000+record.Time(n)*dayMS/2)
			}
			if err := f.Add(r); err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
			if n < cut {
				if err := half.Add(r); err != nil {
					t.Fatal(err)
				}
			}
			if len(r.Sealed) > 0 && random.IntN(2) == 0 {
				for _, f := range []*Facts{f, half} {
					f.Disclose(r.ID, "c", r.Sealed[0], record.Value{Text: "1"})
				}
			}
		}
		for _, r := range all {
			id := r.ID
			b, ok := r.Body.(*record.Action)
			if !ok {
				if _, err := Trace(f, id, size); err == nil {
					t.Fatalf("%s is a %s and has an answer", id, r.Kind)
				}
				continue
			}
			planned := *r
			planned.ID = "next"
			if _, err := Precheck(f, &planned, m.time()); err != nil && b.Effect != "read" {
				t.Fatal(err)
			}
			a, err := Trace(f, id, size)
			if !b.IsEffect() {
				if err == nil {
					t.Fatalf("%s is no effect and has an answer", id)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			answers++
			checkAnswer(t, a)
			again, err := Trace(f, id, size)
			if err != nil || !bytes.Equal(marshal(t, a), marshal(t, again)) {
				t.Fatalf("%s is answered otherwise the second time", id)
			}
			for _, k := range a.Findings {
				if seen[k.Rule] == nil {
					seen[k.Rule] = map[Status]int{}
				}
				seen[k.Rule][k.Status]++
			}
			if r.Log.N < cut {
				old, err := Trace(f, id, cut)
				if err != nil {
					t.Fatal(err)
				}
				then, err := Trace(half, id, cut)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(marshal(t, old), marshal(t, then)) {
					t.Fatalf("%s at %d is\n%swith what follows, and was\n%s", id, cut, old.Text(), then.Text())
				}
			}
		}
	}
	return seen, answers
}

// checkAnswer checks what holds of any answer.
func checkAnswer(t *testing.T, a *Answer) {
	t.Helper()
	sum := int64(0)
	for _, s := range a.Shares {
		sum += s.BP
	}
	if len(a.Shares) > 0 && sum != 10000 {
		t.Fatalf("shares add up to %d", sum)
	}
	for _, f := range a.Findings {
		if len(f.Evidence) == 0 || len(f.Tests) == 0 {
			t.Fatalf("%s has no evidence, or no test\n%s", f.Rule, a.Text())
		}
		for _, i := range f.Tests {
			want := yes
			if f.Status == Undeterminable {
				want = unknown
			}
			if got := a.Tests[i]; got.Rule != f.Rule || f.Status != Presumed && f.ButFor == "" && got.Result != want {
				t.Fatalf("%s of %s cites the test %s", f.Rule, f.Party, got)
			}
		}
		for i, e := range f.Evidence {
			if e.N >= a.Size || i > 0 && f.Evidence[i-1].N >= e.N {
				t.Fatalf("%s has evidence %v at size %d", f.Rule, f.Evidence, a.Size)
			}
		}
		if f.Status == Undeterminable && f.Weight != 0 {
			t.Fatalf("%s is open and weighs %d", f.Rule, f.Weight)
		}
	}
}
