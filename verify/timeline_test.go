package verify

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// toldCase is a case with records of most kinds, each with all that it can say: a
// review one second after the showing, a sealed field that is shown, one that
// is not and one that is erased, a demand that is answered and one that is
// not, and an action that goes ahead with a reason.
func toldCase(t testing.TB) *maker {
	m := newMaker(t)
	const matter = "order-7"
	client := func(id, actor string, b record.Body) {
		r := &record.Record{Kind: b.Kind(), ID: id, Case: matter, Actor: actor, Body: b}
		if b.Kind() == record.KindGrant {
			r.Case = ""
		}
		m.add(m.byClient(r))
	}
	act := func(id string, b record.Action) {
		m.add(&record.Record{Kind: record.KindAction, ID: id, Case: matter, Actor: "care-3", At: m.now, By: "vendor", Body: &b})
	}
	nonce := base64.StdEncoding.EncodeToString([]byte("shown to h-wu 01"))
	sealed := func(name, value string) string {
		s, _, err := record.Seal(name, []byte(value), []byte("0123456789abcdef"))
		m.must(err)
		return s
	}
	m.clock("2026-03-01T00:00:00")
	m.agreement(refundTerms, 1, "vendor", "client")
	m.vendor("c-1", "", &record.Config{Agent: "care-3", Model: "modelco/m7", Supplier: "third", Prompt: record.Sum([]byte("p"))})
	client("g-1", "", &record.Grant{Grantor: "client", Grantee: "care-3", Operator: "vendor", Actions: []string{"refund", "credit"}, Resources: []string{"order/*"}, LimitEach: "1000",
		LimitPeriod: &record.PeriodLimit{Amount: "5000", Days: 30}, Escalate: []record.Boundary{{When: "amount_over", Value: "800"}, {When: "confidence_under", Value: "0.85"}}, OnTimeout: "block",
		From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2027-03-01T00:00:00"), Tier: "authorised"})
	m.clock("2026-03-10T09:50:00")
	total, income, iban := sealed("total", `"1500"`), sealed("income", `"80000"`), sealed("iban", `"DE00"`)
	i1 := &record.Record{Kind: record.KindInput, ID: "i-1", Case: matter, Body: &record.Input{AsOf: m.now, Source: "shop", Flags: []string{"vulnerable"}, Fields: record.NewFacts(record.Text("delivered", "no"), record.Bool("paid", true))}}
	n := int64(len(m.records))
	m.seal(i1, total, income, iban)
	m.add(m.byClient(i1))
	m.hidden[n] = []string{total}
	m.clock("2026-03-10T10:00:00")
	m.vendor("d-1", matter, &record.Decision{Agent: "care-3", Config: "c-1", Grant: "g-1", Inputs: []string{"i-1"}, DependsOn: []record.FieldRef{{Ref: "i-1", Field: "total"}},
		Claims:     []record.Claim{{ID: "k-1", Material: true, Value: "no", Support: []record.FieldRef{{Ref: "i-1", Field: "delivered"}}}, {ID: "k-2", Value: "80000", Support: []record.FieldRef{{Ref: "i-1", Field: "income"}}}, {ID: "k-3"}},
		Checks:     []record.Check{{ID: "within", Left: record.Operand{Lit: "1500"}, Op: "<=", Right: record.Operand{Ref: "i-1", Field: "total"}, Result: "pass", Blocks: []string{"refund"}}, {ID: "fraud", Left: record.Operand{Ref: "i-1", Field: "score"}, Op: "<", Right: record.Operand{Lit: "0.5"}, Result: "refer"}},
		Confidence: "0.70", Proposes: &record.Proposal{Action: "refund", Resource: "order/7", Amount: "900"}, Reasons: record.Sum([]byte("why")), Output: record.Sum([]byte("what")), ModelReported: "modelco/m7"})
	m.clock("2026-03-10T10:20:00")
	m.vendor("h-1", matter, &record.Handoff{Decision: "d-1", To: "client", Deadline: at(t, "2026-03-10T10:30:00"), Reason: "amount over 800", Shown: []string{"claims", "checks"}, Nonce: nonce})
	m.clock("2026-03-10T10:20:01")
	client("r-1", "h-wu", &record.Review{Of: "d-1", Verdict: "approve", Nonce: nonce, Opened: at(t, "2026-03-10T10:20:00"), Shown: []string{"claims"}, Reasons: record.Sum([]byte("ok"))})
	m.clock("2026-03-10T10:21:00")
	act("x-1", record.Action{Decision: "d-1", Grant: "g-1", Review: "r-1", Action: "refund", Resource: "order/7", Amount: "900", Currency: "EUR", Effect: "commit", Status: "executed", Key: "k 7", Reversible: true, ObservedBy: "bank",
		Reason: "the reviewer answered within a second, the order leaves in ten minutes"})
	m.vendor("d-2", matter, &record.Decision{Agent: "care-3", Config: "c-1", Grant: "g-1", Proposes: &record.Proposal{Action: "credit", Amount: "20"}})
	m.vendor("h-2", matter, &record.Handoff{Decision: "d-2", To: "client", Deadline: at(t, "2026-03-10T11:00:00"), Reason: strings.Repeat("the customer asks again and again, ", 8)})
	act("x-2", record.Action{Decision: "d-2", Action: "credit", Resource: "order/7", Amount: "20", Currency: "EUR", Effect: "commit", Status: "refused", Reason: "nobody has answered"})
	m.clock("2026-03-11T08:00:00")
	client("m-1", "", &record.Demand{Of: "d-1", Custodian: "vendor", Basis: "dispute", Deadline: at(t, "2026-03-11T09:00:00")})
	m.vendor("m-2", matter, &record.Demand{Of: "i-1", Custodian: "client", Basis: "dispute", Deadline: at(t, "2026-03-12T08:00:00")})
	m.clock("2026-03-11T08:30:00")
	client("ds-1", "", &record.Disclose{Demand: "m-2", To: "vendor", Digest: record.Sum([]byte(total))})
	m.vendor("e-1", matter, &record.Erase{Of: "i-1", Basis: "subject_request", State: "erased", Scope: []string{string(record.Sum([]byte(iban)))}, Holders: []string{"vendor", "client"}, Confirmed: []string{"client"}})
	m.clock("2026-03-11T10:00:00")
	client("i-2", "", &record.Input{AsOf: m.now, Corrects: "i-1", Fields: record.NewFacts(record.Text("delivered", "yes"))})
	client("dp-1", "", &record.Dispute{About: "x-1", Ground: "was delivered", Claimed: record.NewFacts(record.Text("delivered", "yes")), Remedy: "credit", Amount: "900"})
	m.vendor("o-1", matter, &record.Outcome{Result: "resolved", Facts: record.Facts{record.Text("minutes", "12"), record.Bool("solved", true)}, Effect: "x-1"})
	client("cf-1", "", &record.Confirm{Of: "o-1", Verdict: "reject", Reason: "not solved"})
	m.vendor("in-1", matter, &record.Incident{About: []string{"x-1"}, Severity: "serious", Discovered: m.now, Notified: []record.Notice{{Who: "BaFin", At: m.now}}, Text: "money was paid twice"})
	m.index(nil)
	return m
}

// What a case says, in words, on a terminal and as a page.
func TestToldCase(t *testing.T) {
	o := Options{Policy: policy(t, policyText(t, "client")), Now: at(t, "2026-06-20T00:00:00"), Verifier: strings.Repeat("0f", 32)}
	b := toldCase(t).matter(matterCut{of: "case/order-7"})
	traced, report, err := Trace(bytes.NewReader(b), o, "")
	if err != nil || traced == nil {
		t.Fatalf("%v\n%s", err, text(t, report))
	}
	checkTraceJSON(t, traced)
	var told bytes.Buffer
	if err := traced.WriteText(&told); err != nil {
		t.Fatal(err)
	}
	_, page := pageOf(t, b, o)
	wellFormed(t, page)
	for path, got := range map[string]string{"told.txt": told.String(), "told.html": page} {
		path = filepath.Join("testdata", path)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is another; -update writes it anew", path)
		}
	}
	// What must stand there whatever the goldens say, in both.
	for _, want := range []string{
		"approve d-1, 1 s after h-1 showed it",
		"1 s, from handoff h-1 (record 5, by vendor), which showed it, to this record (record 6, by client)",
		"claims; by handoff h-1: claims, checks",
		"kept outside, " + string(record.Sum([]byte("why"))),
		"0.70",
		"modelco/m7",
		"total of i-1 (1500)",
		"income of i-1 (sealed, not shown)",
		"erased by e-1 (record 14, by vendor)",
		"1 field, not shown",
		"because the reviewer answered within a second, the order leaves in ten minutes",
		"because nobody has answered",
		"sealed field total of i-1 to vendor in ds-1 (record 13)",
		"demand m-1 by client to vendor for evidence of d-1 has no answer in the records; its deadline, 2026-03-11 09:00:00 UTC, is past",
		"handoff h-2 by vendor to client has no answer in the records; its deadline, 2026-03-10 11:00:00 UTC, is past",
		"dispute dp-1 by client about x-1 has no resolution in the records",
		"if the confidence is under 0.85",
		"at most 5000 in 30 days",
		"BaFin at 2026-03-11 10:00:00 UTC",
		"more characters)",
	} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("the text has no %q", want)
		}
		if !strings.Contains(page, escaped(want)) {
			t.Errorf("the page has no %q", want)
		}
	}
	for _, want := range []string{"approve, 1 s</text>", ">Handed on, reviewed</text>", "The reason that care-3 of vendor gives for doing it: the reviewer answered within a second", "<li>The handoff h-2 by vendor to client has no answer"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := len(traced.Waiting); n != 3 {
		t.Errorf("%d are waited for: %v", n, traced.Waiting)
	}
	// Then less was said, and less was waited for.
	early, _, err := TraceAt(bytes.NewReader(b), o, "", 6)
	if err != nil || len(early.Timeline) != 3 || len(early.Waiting) != 1 || early.Waiting[0].ID != "h-1" || early.Waiting[0].Past ||
		!strings.HasSuffix(early.Timeline[2].Text, "not answered") {
		t.Errorf("at size 6: %+v, %+v, %v", early.Timeline, early.Waiting, err)
	}
}

// How long a review took, by whose word, and what became of the handoff.
func TestTimeTaken(t *testing.T) {
	const begins, nonce = record.Time(1_780_000_000_000), "MDEyMzQ1Njc4OWFiY2RlZg=="
	for name, c := range map[string]struct {
		handoff *record.Handoff
		after   record.Time // review behind handoff, in ms
		review  record.Review
		took    string
		answer  string
	}{
		"one second":             {&record.Handoff{Nonce: nonce}, 1000, record.Review{Nonce: nonce}, "1 s after h showed it", "answered by r after 1 s"},
		"less":                   {&record.Handoff{Nonce: nonce}, 50, record.Review{Nonce: nonce}, "0.05 s after h showed it", "answered by r after 0.05 s"},
		"at once":                {&record.Handoff{Nonce: nonce}, 0, record.Review{Nonce: nonce}, "0 s after h showed it", "answered by r after 0 s"},
		"longer":                 {&record.Handoff{Nonce: nonce}, 4_925_000, record.Review{Nonce: nonce}, "1 h 22 min after h showed it", "answered by r after 1 h 22 min"},
		"days":                   {&record.Handoff{Nonce: nonce}, 2*86_400_000 + 1, record.Review{Nonce: nonce}, "2 d after h showed it", "answered by r after 2 d"},
		"opened does not matter": {&record.Handoff{Nonce: nonce}, 61_000, record.Review{Nonce: nonce, Opened: begins - 3600_000}, "1 min 1 s after h showed it", "answered by r after 1 min 1 s"},
		"dated before":           {&record.Handoff{Nonce: nonce}, -2000, record.Review{Nonce: nonce}, "0 s after h showed it", "answered by r dated before it"},
		"no nonce":               {&record.Handoff{Nonce: nonce}, 1000, record.Review{Opened: begins - 119_000}, "2 min after opening, by its own word", "answered by r after 1 s"},
		"another nonce":          {&record.Handoff{Nonce: nonce}, 1000, record.Review{Nonce: "other"}, "shown nothing: its nonce is of no handoff of d by vendor before it", "answered by r after 1 s"},
		"nothing":                {&record.Handoff{}, 1000, record.Review{}, "how long it took is not recorded", "answered by r after 1 s"},
		"opened later":           {&record.Handoff{}, 1000, record.Review{Opened: begins + 9000}, "dated before it was opened, by its own word", "answered by r after 1 s"},
		"of the action":          {&record.Handoff{Nonce: nonce}, 1000, record.Review{Of: "x", Nonce: nonce}, "1 s after h showed it", "not answered"},
	} {
		f := responsibility.NewFacts()
		n := int64(0)
		put := func(id, by string, at record.Time, b record.Body) *record.Record {
			r := &record.Record{Kind: b.Kind(), ID: id, Case: "c", By: by, At: at, Body: b, Log: &record.Log{N: n, Time: max(at, begins)}}
			n++
			if err := f.Add(r); err != nil {
				t.Fatal(err)
			}
			return r
		}
		put("d", "vendor", begins, &record.Decision{Agent: "a"})
		put("x", "vendor", begins, &record.Action{Action: "pay", Effect: "commit", Status: "planned", Decision: "d"})
		c.handoff.Decision, c.handoff.To, c.handoff.Reason = "d", "client", "r"
		h := put("h", "vendor", begins, c.handoff)
		if c.review.Of == "" {
			c.review.Of = "d"
		}
		r := put("r", "client", begins+c.after, &c.review)
		w := newTeller(f, "c", n, nil)
		if got := w.took(r, &c.review).short; got != c.took {
			t.Errorf("%s: %q, want %q", name, got, c.took)
		}
		if got := w.answer(h, c.handoff).short; got != c.answer {
			t.Errorf("%s: the handoff is %q, want %q", name, got, c.answer)
		}
		if c.review.Nonce != "" {
			again := c.review
			r2 := put("r2", "client", r.At, &again)
			if told := fmt.Sprint(newTeller(f, "c", n, nil).details(r2)); !strings.Contains(told, ", which review r (record 3) named before}") {
				t.Errorf("%s: of the nonce named twice it says %s", name, told)
			}
		}
		if got := newTeller(f, "another", n, nil).inShort(r); got != inShort(&c.review) {
			t.Errorf("%s: of another matter it says %q", name, got)
		}
		if before := newTeller(f, "c", h.Log.N+1, nil); before.answer(h, c.handoff).short != "not answered" {
			t.Errorf("%s: answered before it was", name)
		}
	}
}

// Each kind of record says something in its row, and nothing makes a row or a
// detail longer than it may be.
func TestEveryKindSays(t *testing.T) {
	for _, long := range []string{"x", strings.Repeat("长", 1500), "\u202e"} {
		for _, k := range record.Kinds() {
			b, _ := record.NewBody(k)
			fillBody(reflect.ValueOf(b).Elem(), long, 60)
			f := responsibility.NewFacts()
			r := &record.Record{Kind: k, ID: "r", By: "vendor", Body: b, Log: &record.Log{}}
			for i := range 60 {
				r.Attach = append(r.Attach, record.Attachment{Name: fmt.Sprint("a", i), Media: long})
				r.Sealed = append(r.Sealed, record.Sum([]byte{byte(i)}))
			}
			e := newTeller(f, "", 1, nil).entry(r)
			if n := len([]rune(e.Text)); n == 0 || n > mostInDetail+40 {
				t.Errorf("%s says %d characters", k, n)
			}
			for _, d := range e.Details {
				if n := len([]rune(d.Text)); n > mostInDetail+40 {
					t.Errorf("%s: %s has %d characters", k, d.Name, n)
				}
				if strings.ContainsFunc(d.Name+d.Text, active) {
					t.Errorf("%s: %s has active characters", k, d.Name)
				}
			}
			if n := len(e.Details); n > 8*mostTold {
				t.Errorf("%s has %d details", k, n)
			}
		}
	}
}

// fillBody puts a text in each string, and n elements into each list.
func fillBody(v reflect.Value, text string, n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Bool:
		v.SetBool(false)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillBody(v.Elem(), text, n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			if v.Index(i).Kind() == reflect.Uint8 {
				return
			}
			fillBody(v.Index(i), text, min(n, 3))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fillBody(v.Field(i), text, n)
		}
	}
}
