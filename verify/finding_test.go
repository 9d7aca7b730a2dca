package verify

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// findingTerms are those of a desk that is paid per refund, where what is
// found of a refund decides whether it is.
var findingTerms = strings.NewReplacer(
	`"results": {"resolved": {`, `"responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "0s"},
"results": {"refund": {
 "facts": {"amount": "decimal"}, "once_per": "case", "claim": ["vendor"],
 "accept": {"on": "silence", "after": "72h", "from": "claim"},
 "dispute": {"within": "72h", "unresolved": {"after": "7d", "then": "accept"}},
 "effect": {"disputed": "hold", "findings": {"void": ["limit_exceeded", "no_authority"], "keep": ["bad_input", "override_taken"], "both": "open", "within": "30d"}},
 "reopen": {"within": "7d", "from": "accepted"},
 "escalation": "ignore", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}, "resolved": {`,
	`"measures": {`, `"measures": {"refunds": {"count": "refund", "over": "period"}, `,
	`"lines": [`, `"lines": [{"name": "refunds", "of": "refunds", "mode": "graduated", "tiers": [{"unit": "2.00"}]}, `,
).Replace(supportTerms)

// decided appends a decision of the vendor's agent.
func (m *maker) decided(matter string) {
	m.t.Helper()
	m.vendor("d-"+matter, matter, &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-1"})
}

// client appends a record of the client.
func (m *maker) client(id, matter string, b record.Body) {
	m.t.Helper()
	m.add(m.byClient(&record.Record{Kind: b.Kind(), ID: id, Case: matter, Body: b}))
}

// find appends a resolve by finding, which m.say may make another one.
func (m *maker) find(by, id, matter string, b *record.Resolve) {
	m.t.Helper()
	if m.say != nil {
		m.say(b)
	}
	if by == "client" {
		m.client(id, matter, b)
	} else {
		m.vendor(id, matter, b)
	}
}

// found is a resolve by finding about a dispute.
func found(dispute, disposition string, size int64, rules ...string) *record.Resolve {
	return &record.Resolve{Dispute: dispute, Disposition: disposition, As: record.ByFinding, Size: size, Findings: rules}
}

// foundAbout is one about a claim, or its reversal.
func foundAbout(about, disposition string, size int64, rules ...string) *record.Resolve {
	return &record.Resolve{About: about, Disposition: disposition, As: record.ByFinding, Size: size, Findings: rules}
}

// refunds is a ledger in which findings decide: T-1 and T-3 went beyond the
// agent's limit of 100, T-2 was ordered by the client's human. step is called before each
// record.
func refunds(t testing.TB, step func(m *maker, n int)) *maker {
	m := newMaker(t)
	do := func(f func()) {
		if step != nil {
			step(m, len(m.records))
		}
		f()
	}
	m.clock("2026-03-01T00:00:00")
	do(func() { m.agreement(findingTerms, 1, "vendor", "client") }) // 0
	do(func() {                                                     // 1
		m.client("g-1", "", &record.Grant{Grantor: "client", Grantee: "agent-1", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, LimitEach: "100",
			LimitPeriod: &record.PeriodLimit{Amount: "5000", Days: 30}, From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2027-03-01T00:00:00")})
	})
	do(func() { m.vendor("c-1", "", &record.Config{Agent: "agent-1", Model: "m-7"}) }) // 2
	m.clock("2026-03-02T09:00:00")
	do(func() { m.decided("T-1") }) // 3
	do(func() {                     // 4
		m.refund("T-1", "120", "")
	})
	do(func() { m.claim("T-1", "120") }) // 5
	do(func() { m.decided("T-2") })      // 6
	do(func() {                          // 7
		r := &record.Record{Kind: record.KindReview, ID: "r-T-2", Case: "T-2", Actor: "h-lin", Body: &record.Review{Of: "d-T-2", Verdict: "override", Reasons: record.Sum(nil)}}
		m.add(m.byClient(r))
	})
	do(func() { m.refund("T-2", "500", "r-T-2") }) // 8
	do(func() { m.claim("T-2", "500") })           // 9
	m.clock("2026-03-03T09:00:00")
	do(func() { m.client("dp-1", "T-1", &record.Dispute{About: "x-T-1", Ground: "more than 100"}) })        // 10
	do(func() { m.client("dp-2", "T-2", &record.Dispute{About: "o-T-2", Ground: "too much"}) })             // 11
	do(func() { m.index(nil) })                                                                             // 12
	do(func() { m.find("client", "finding/dp-1", "T-1", found("dp-1", "upheld", 13, "limit_exceeded")) })   // 13
	do(func() { m.find("vendor", "finding/dp-2", "T-2", found("dp-2", "rejected", 13, "override_taken")) }) // 14
	do(func() { m.decided("T-3") })                                                                         // 15
	do(func() { m.refund("T-3", "150", "") })                                                               // 16
	do(func() { m.claim("T-3", "150") })                                                                    // 17
	m.clock("2026-03-05T09:00:00")
	do(func() { m.client("rv-2", "T-2", &record.Reverse{Of: "o-T-2", Cause: "reversed"}) })                      // 18
	do(func() { m.index(nil) })                                                                                  // 19
	do(func() { m.find("client", "finding/o-T-3", "T-3", foundAbout("o-T-3", "upheld", 20, "limit_exceeded")) }) // 20
	do(func() { m.find("vendor", "finding/rv-2", "T-2", foundAbout("rv-2", "rejected", 20, "override_taken")) }) // 21
	m.clock("2026-04-09T00:00:00")
	do(func() { m.statement() }) // 22: 2026-03
	m.clock("2026-04-10T09:00:00")
	do(func() { m.index(nil) })                                                                           // 23
	do(func() { m.client("dp-3", "T-3", &record.Dispute{About: "x-T-3", Ground: "once more"}) })          // 24
	do(func() { m.index(nil) })                                                                           // 25
	do(func() { m.find("client", "finding/dp-3", "T-3", found("dp-3", "upheld", 26, "limit_exceeded")) }) // 26
	m.clock("2026-05-09T00:00:00")
	do(func() { m.statement() }) // 27: 2026-04
	return m
}

// refund appends what the vendor's agent did.
func (m *maker) refund(matter, amount, review string) {
	m.t.Helper()
	m.add(&record.Record{Kind: record.KindAction, ID: "x-" + matter, Case: matter, At: m.now, By: "vendor", Actor: "agent-1",
		Body: &record.Action{Decision: "d-" + matter, Grant: "g-1", Review: review, Action: "refund", Resource: matter,
			Amount: record.Decimal(amount), Currency: "EUR", Effect: "commit", Status: "executed"}})
}

// claim appends the vendor's claim of the refund.
func (m *maker) claim(matter, amount string) {
	m.t.Helper()
	m.vendor("o-"+matter, matter, &record.Outcome{Result: "refund", Effect: "x-" + matter, Facts: record.Facts{record.Text("amount", amount)}})
}

// findingBlock writes what stands before r, if it is a resolve by finding.
func (m *maker) findingBlock(w *bundle.Writer, r *record.Record, change func(r *record.Record, c *matterCut) bool) {
	m.t.Helper()
	c := matterCut{of: record.ChainOfCase(r.Case)}
	if b, ok := r.Body.(*record.Resolve); ok && b.As == record.ByFinding {
		c.size = b.Size
	}
	if change != nil && !change(r, &c) || c.size == 0 || c.size > r.Log.N || r.Log.N > int64(len(m.records)) {
		return
	}
	shown, carried := m.chosen(&c)
	m.kept.Begin()
	for _, p := range shown {
		m.must(w.Chain(p))
	}
	tree := m.tree(r.Log.N)
	for n := range int64(len(m.records)) {
		if !carried[n] || m.kept.Has(n) && !slices.Contains(c.again, n) {
			continue
		}
		line := m.lines[n]
		if c.line != nil {
			line = c.line(n, line)
		}
		proof, err := merkle.ProveInclusion(r.Log.N, n, tree)
		m.must(err)
		m.must(w.Ref(line, proof))
		m.kept.Add(m.records[n], len(line))
	}
}

// blocked is the bundle of refunds from start on, with the block of record n
// changed.
func blocked(start, n int64, change func(c *matterCut)) func(t testing.TB) []byte {
	return func(t testing.TB) []byte {
		return refunds(t, nil).bundle(cut{start: start, block: func(r *record.Record, c *matterCut) bool {
			if r.Log.N == n {
				change(c)
			}
			return true
		}})
	}
}

// unfounded is refunds, in which the author of the resolve n says another thing;
// the statements are settled by it.
func unfounded(t testing.TB, n int, say func(b *record.Resolve)) *maker {
	return refunds(t, func(m *maker, next int) {
		if m.say = nil; next == n {
			m.say = say
		}
	})
}

var findingVectors = []vector{
	{name: "findings", make: func(t testing.TB) []byte { return refunds(t, nil).bundle(cut{}) }},
	{name: "findings-continued", since: "held-refunds.checkpoint", make: func(t testing.TB) []byte { return refunds(t, nil).bundle(cut{start: 22}) }},
	{name: "findings-continued-not-cosigned", policy: "none.policy", since: "held-refunds.checkpoint", make: func(t testing.TB) []byte {
		return refunds(t, nil).bundle(cut{start: 22, cosigners: []string{}})
	}},

	// The vendor claims for what was not done, of which nothing could be found.
	{name: "finding-claim-of-a-decision", fails: "terms", make: func(t testing.TB) []byte {
		m := newMaker(t)
		m.clock("2026-03-01T00:00:00")
		m.agreement(findingTerms, 1, "vendor", "client")
		m.vendor("d-T-1", "T-1", &record.Decision{Agent: "agent-1"})
		m.vendor("o-T-1", "T-1", &record.Outcome{Result: "refund", Effect: "d-T-1", Facts: record.Facts{record.Text("amount", "10")}})
		m.clock("2026-04-09T00:00:00")
		m.statement()
		return m.bundle(cut{})
	}},

	// The vendor writes a block that shows less, or something else.
	{name: "finding-block-missing", fails: "findings", make: func(t testing.TB) []byte {
		return refunds(t, nil).bundle(cut{block: func(r *record.Record, c *matterCut) bool { return r.Log.N != 13 }})
	}},
	{name: "finding-block-not-asked-for", fails: "findings", make: func(t testing.TB) []byte {
		return refunds(t, nil).bundle(cut{block: func(r *record.Record, c *matterCut) bool {
			if r.Log.N == 15 {
				c.of, c.size = "case/T-1", 13
			}
			return true
		}})
	}},
	{name: "finding-record-dropped", fails: "findings", make: blocked(0, 14, func(c *matterCut) { c.drop = []int64{6} })},
	{name: "finding-record-twice", fails: "findings", make: blocked(0, 14, func(c *matterCut) { c.again = []int64{1} })},
	{name: "finding-grant-dropped", fails: "findings", make: blocked(0, 13, func(c *matterCut) { c.drop = []int64{1} })},
	{name: "finding-record-of-another-case", fails: "findings", make: blocked(0, 13, func(c *matterCut) { c.add = []int64{9} })},
	{name: "finding-record-changed", fails: "findings", make: blocked(0, 13, func(c *matterCut) {
		c.line = func(n int64, line []byte) []byte {
			return []byte(strings.Replace(string(line), `"amount":"120"`, `"amount":"20"`, 1))
		}
	})},
	{name: "finding-grant-not-shown", fails: "findings", make: blocked(0, 13, func(c *matterCut) { c.names = []string{"case/T-1", "standing"} })},
	{name: "finding-of-another-block", fails: "findings", make: blocked(0, 13, func(c *matterCut) { c.of = "case/T-2" })},
	{name: "finding-proof-of-another-index", fails: "findings", make: func(t testing.TB) []byte {
		m := refunds(t, nil)
		return m.bundle(cut{block: func(r *record.Record, c *matterCut) bool {
			if r.Log.N == 20 {
				c.index = m.indexAt(12)
			}
			return true
		}})
	}},
	{name: "finding-index-swapped", fails: "findings", make: func(t testing.TB) []byte {
		// The block is that of the index before, when the reversal had not come.
		return refunds(t, nil).bundle(cut{block: func(r *record.Record, c *matterCut) bool {
			if r.Log.N == 21 {
				c.size = 13
			}
			return true
		}})
	}},
	{name: "finding-record-dropped-continued", fails: "findings", since: "held-refunds.checkpoint", make: blocked(22, 26, func(c *matterCut) { c.drop = []int64{17} })},

	// Whoever writes the record says what is not so.
	{name: "finding-false-disposition", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 14, func(b *record.Resolve) { b.Disposition = "upheld" }).bundle(cut{})
	}},
	{name: "finding-rule-not-found", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 14, func(b *record.Resolve) { b.Findings = []string{"bad_input"} }).bundle(cut{})
	}},
	{name: "finding-one-rule-too-many", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 14, func(b *record.Resolve) { b.Findings = []string{"bad_input", "override_taken"} }).bundle(cut{})
	}},
	{name: "finding-old-size", fails: "findings", make: func(t testing.TB) []byte {
		// The reversal is not there yet at the size that the record names.
		return unfounded(t, 21, func(b *record.Resolve) { b.Size = 13 }).bundle(cut{})
	}},
	{name: "finding-size-of-no-index", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 14, func(b *record.Resolve) { b.Size = 12 }).bundle(cut{})
	}},
	{name: "finding-before-the-statement", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 26, func(b *record.Resolve) { b.Size = 20 }).bundle(cut{})
	}},
	{name: "finding-about-a-claim-kept", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 14, func(b *record.Resolve) { b.Dispute, b.About = "", "o-T-2" }).bundle(cut{})
	}},
	{name: "finding-on-a-sealed-value", fails: "findings", make: func(t testing.TB) []byte { return sealedRefund(t).bundle(cut{}) }},
	{name: "finding-forged-index", fails: "chains", make: func(t testing.TB) []byte { return forgedIndex(t, cut{}) }},
	{name: "finding-forged-index-continued", policy: "none.policy", since: "held-refunds.checkpoint", make: func(t testing.TB) []byte {
		return forgedIndex(t, cut{start: 22, cosigners: []string{}})
	}},

	// An action before the start, of a claim that comes after it.
	{name: "claim-of-a-carried-action", make: func(t testing.TB) []byte { return claimedLater(t, "commit").bundle(cut{start: 5}) }},
	{name: "claim-of-an-action-not-carried", fails: "chains", make: func(t testing.TB) []byte {
		return claimedLater(t, "commit").bundle(cut{start: 5, noAction: true})
	}},
	{name: "claim-of-a-carried-read", fails: "terms", make: func(t testing.TB) []byte { return claimedLater(t, "read").bundle(cut{start: 5}) }},

	// The same in the bundle of the case.
	{name: "finding-case", make: func(t testing.TB) []byte { return refunds(t, nil).matter(matterCut{of: "case/T-2", size: 26}) }},
	{name: "finding-case-false", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 14, func(b *record.Resolve) { b.Findings = []string{"bad_input"} }).matter(matterCut{of: "case/T-2", size: 26})
	}},
	{name: "finding-case-old-size", fails: "findings", make: func(t testing.TB) []byte {
		return unfounded(t, 21, func(b *record.Resolve) { b.Size = 13 }).matter(matterCut{of: "case/T-2", size: 26})
	}},
}

// claimedLater is a ledger whose refund is done before a statement and claimed
// after it, when something else was recorded of the case.
func claimedLater(t testing.TB, effect string) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(findingTerms, 1, "vendor", "client")
	m.client("g-1", "", &record.Grant{Grantor: "client", Grantee: "agent-1", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, LimitEach: "100",
		From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2027-03-01T00:00:00")})
	m.vendor("c-1", "", &record.Config{Agent: "agent-1", Model: "m-7"})
	m.clock("2026-04-08T23:00:00")
	m.decided("T-1")
	m.alter = func(r *record.Record) { r.Body.(*record.Action).Effect = effect }
	m.refund("T-1", "80", "")
	m.alter = nil
	m.clock("2026-04-09T00:00:00")
	m.statement()
	m.vendor("d-again", "T-1", &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-1"})
	m.claim("T-1", "80")
	m.clock("2026-05-09T00:00:00")
	m.statement()
	return m
}

// sealedRefund is a ledger whose client says that a sealed value contradicts
// the agent: whether it does is not known to all.
func sealedRefund(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(strings.Replace(findingTerms, `"no_authority"]`, `"no_authority", "contradicted_claim"]`, 1), 1, "vendor", "client")
	m.client("g-1", "", &record.Grant{Grantor: "client", Grantee: "agent-1", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, LimitEach: "100",
		From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2027-03-01T00:00:00")})
	m.vendor("c-1", "", &record.Config{Agent: "agent-1", Model: "m-7"})
	m.clock("2026-03-02T09:00:00")
	i := &record.Record{Kind: record.KindInput, ID: "i-T-1", Case: "T-1", At: m.now, By: "vendor", Body: &record.Input{AsOf: m.now}}
	m.seal(i, "WyJzYWx0MSIsInBhaWQiLCI1MCJd") // paid: 50
	m.add(i)
	m.vendor("d-T-1", "T-1", &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-1", Inputs: []string{"i-T-1"},
		Claims: []record.Claim{{ID: "k-1", Material: true, Value: "80", Support: []record.FieldRef{{Ref: "i-T-1", Field: "paid"}}}}})
	m.refund("T-1", "80", "")
	m.claim("T-1", "80")
	m.client("dp-1", "T-1", &record.Dispute{About: "o-T-1", Ground: "paid 50"})
	m.index(nil)
	m.find("client", "finding/dp-1", "T-1", found("dp-1", "upheld", 9, "contradicted_claim"))
	m.clock("2026-04-09T00:00:00")
	m.statement()
	return m
}

// forgedIndex is the bundle of a ledger whose index 25 says that no decision
// was ever made on the config, and whose vendor shows what fits that.
func forgedIndex(t testing.TB, c cut) []byte {
	m := refunds(t, func(m *maker, n int) {
		if m.alter = nil; n == 25 {
			m.alter = func(r *record.Record) {
				x := forgetful(m)
				root := x.Root()
				b := r.Body.(*record.ChainIndex)
				b.Chains, b.Root = x.Len(), record.Digest(fmt.Sprintf("sha256:%x", root[:]))
			}
		}
	})
	c.block = func(r *record.Record, c *matterCut) bool {
		if r.Log.N == 26 {
			c.index = forgetful(m)
		}
		return true
	}
	return m.bundle(c)
}

func forgetful(m *maker) *bundle.Index {
	var x bundle.Index
	m.indexAt(25).Each(func(e bundle.End) {
		if e.Chain != "config/c-1" {
			x.Set(e)
		}
	})
	return &x
}

// TestFindingsWord: who did not cosign what no index shows is told so.
func TestFindingsWords(t *testing.T) {
	files := files(t)
	for _, tc := range []struct{ vector, result, text string }{
		{"findings", Passed, "5 resolves by finding as computed from the records before"},
		{"findings-continued", Passed, "1 resolve by finding as computed from the records before; that nothing is left out of them rests on the client, who cosigned this checkpoint"},
		{"honest", NotPresent, "no resolve by finding in this stretch"},
		{"finding-case", Passed, "2 resolves by finding as computed from the records before"},
	} {
		v := vectors[slices.IndexFunc(vectors, func(v vector) bool { return v.name == tc.vector })]
		o, _ := v.options(t, files)
		rep := run(t, v.make(t), o)
		if c := rep.Checks[findings]; c.Result != tc.result || c.Text != tc.text {
			t.Errorf("%s: %s %s", tc.vector, c.Result, c.Text)
		}
	}
}

// TestBlockDocument: the block of docs/bundle.md is that of the vector, cut
// where it says so.
func TestBlockDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/bundle.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```block\n")
	written, _, _ := strings.Cut(rest, "```\n")
	text := string(refunds(t, nil).bundle(cut{}))
	lines := strings.Split(text[strings.Index(text, `{"chain":`):], "\n")
	for i, line := range strings.Split(strings.TrimSuffix(written, "\n"), "\n") {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		if ok, err := regexp.MatchString("^"+pattern+"$", lines[i]); err != nil || !ok {
			t.Errorf("line %d of the block is\n%s\nthe bundle has\n%s", i+1, line, lines[i])
		}
	}
}

// TestFindingsTold: trace, its JSON and the page of the case say which findings
// were relied on.
func TestFindingsTold(t *testing.T) {
	b := refunds(t, nil).matter(matterCut{of: "case/T-2", size: 26})
	o := Options{Policy: policy(t, policyText(t, "both"))}
	tracing, _, err := Trace(bytes.NewReader(b), o, "")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tracing.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"relied on: finding/dp-2 (14), at size 13: rejected, by override_taken\n",
		"relied on: finding/rv-2 (21), at size 20: rejected, by override_taken\n",
		"rejected rv-2, by finding override_taken at size 20",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	text, err := tracing.MarshalJSON()
	if want := `"relied_on":[{"n":14,"id":"finding/dp-2","effect":"x-T-2","size":13,"disposition":"rejected","findings":["override_taken"]},{"n":21`; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("%v, lacks %s:\n%s", err, want, text)
	}
	page, err := ReadPage(bytes.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	if html, want := htmlOf(t, page), `<p>Record <a href="#n14">14</a> relies on it, as of the first 13 records: override_taken keeps the claim in the fee, as the terms say.</p>`; !strings.Contains(html, want) {
		t.Errorf("the page lacks %s", want)
	}
	// The client draws the same conclusions from it.
	c, _, err := ReadCase(bytes.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	if a, body, err := c.Conclude("rv-2"); err != nil || body == nil || body.About != "rv-2" || body.Size != 26 || a.Disposition != "rejected" {
		t.Errorf("%+v %+v %v", a, body, err)
	}
	if a, body, err := c.Conclude("o-T-2"); err != nil || body != nil || a.Nothing == "" {
		t.Errorf("%+v %+v %v", a, body, err)
	}
}
