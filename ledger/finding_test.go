package ledger

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/verify"
)

// findingTerms are those of a desk that is paid per refund, where what is
// found of a refund decides whether it is.
var findingTerms = strings.NewReplacer(
	`"results": {"resolved": {`, `"responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "0s"},
"results": {"refund": {
 "facts": {"amount": "decimal"}, "once_per": "case", "claim": ["vendor"],
 "accept": {"on": "silence", "after": "72h", "from": "claim"},
 "dispute": {"within": "72h", "unresolved": {"after": "7d", "then": "accept"}},
 "effect": {"disputed": "hold", "findings": {"void": ["limit_exceeded", "no_authority", "contradicted_claim"], "keep": ["bad_input", "override_taken"], "both": "open", "within": "30d"}},
 "reopen": {"within": "7d", "from": "accepted"},
 "escalation": "ignore", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}, "resolved": {`,
	`"measures": {`, `"measures": {"refunds": {"count": "refund", "over": "period"}, `,
	`"lines": [`, `"lines": [{"name": "refunds", "of": "refunds", "mode": "graduated", "tiers": [{"unit": "2.00"}]}, `,
).Replace(supportTerms)

// A refundDesk is a desk whose refunds are judged by what is found of them.
type refundDesk struct {
	*desk
	db *DB
}

func newRefundDesk(t testing.TB) *refundDesk {
	t.Helper()
	clock := newClock()
	db, l := under(t, scratch(t), clock, findingTerms)
	d := &refundDesk{&desk{t: t, clock: clock, l: l, seq: -1, random: rand.New(rand.NewPCG(1, 1))}, db}
	d.byClient("g-1", "", &record.Grant{Grantor: "client", Grantee: "agent-1", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, LimitEach: "100",
		LimitPeriod: &record.PeriodLimit{Amount: "5000", Days: 30}, From: at("2026-03-01T00:00:00"), Until: at("2027-03-01T00:00:00")})
	d.byVendor("c-1", "", &record.Config{Agent: "agent-1", Model: "m-7"})
	clock.set("2026-03-02T09:00:00")
	return d
}

func (d *refundDesk) byVendor(id, matter string, b record.Body) {
	d.t.Helper()
	r := vendorRecord(d.clock, id, matter, b)
	if r.Kind == record.KindAction {
		r.Actor = "agent-1"
	}
	_, err := d.l.Append(ctx, r)
	must(d.t, err)
}

func (d *refundDesk) byClient(id, matter string, b record.Body) {
	d.t.Helper()
	r := &record.Record{Kind: b.Kind(), ID: id, Case: matter, Body: b}
	if r.Kind == record.KindReview {
		r.Actor = "h-lin"
	}
	if !d.client(r) {
		d.t.Fatalf("%s is refused", id)
	}
}

// refund records a case: a decision, an override where one is ordered, the refund, the claim.
func (d *refundDesk) refund(matter, amount string, ordered bool) {
	d.t.Helper()
	d.byVendor("d-"+matter, matter, &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-1"})
	review := ""
	if ordered {
		review = "r-" + matter
		d.byClient(review, matter, &record.Review{Of: "d-" + matter, Verdict: "override", Reasons: record.Sum(nil)})
	}
	d.byVendor("x-"+matter, matter, &record.Action{Decision: "d-" + matter, Grant: "g-1", Review: review, Action: "refund", Resource: matter,
		Amount: record.Decimal(amount), Currency: "EUR", Effect: "commit", Status: "executed"})
	d.byVendor("o-"+matter, matter, &record.Outcome{Result: "refund", Effect: "x-" + matter, Facts: record.Facts{record.Text("amount", amount)}})
}

// verified is the report of the client's auditor on the bundle from a record on.
func (d *refundDesk) verified(from int64, since []byte) *verify.Report {
	d.t.Helper()
	var b bytes.Buffer
	must(d.t, d.l.WriteBundle(ctx, &b, BundleOptions{From: from}))
	report, err := verify.Verify(&b, verify.Options{Policy: testPolicy(d.t), Since: since})
	must(d.t, err)
	if report.Verdict != verify.Verified || report.Amounts != "verified" {
		var text bytes.Buffer
		must(d.t, report.WriteText(&text))
		d.t.Fatalf("from %d:\n%s", from, text.String())
	}
	return report
}

func found(dispute, disposition string, size int64, rules ...string) *record.Resolve {
	return &record.Resolve{Dispute: dispute, Disposition: disposition, As: record.ByFinding, Size: size, Findings: rules}
}

// TestConclude is the whole chain: disputes, a claim and a reversal are decided
// by what is found, by either side; the statement follows, and the auditor computes
// all of it again.
func TestConclude(t *testing.T) {
	d := newRefundDesk(t)
	l := d.l
	d.refund("T-1", "120", false) // beyond the limit
	d.refund("T-2", "500", true)  // the client's own order
	d.refund("T-3", "150", false) // beyond it, and nobody disputes
	d.refund("T-4", "80", false)  // as it should be
	d.clock.set("2026-03-03T09:00:00")
	d.byClient("dp-1", "T-1", &record.Dispute{About: "x-T-1", Ground: "more than 100"})
	d.byClient("dp-2", "T-2", &record.Dispute{About: "o-T-2", Ground: "too much"})
	d.byClient("dp-4", "T-4", &record.Dispute{About: "o-T-4", Ground: "too much"})

	// The vendor has dp-2 rejected, and the client dp-1 upheld.
	c, err := l.Conclude(ctx, "dp-2")
	must(t, err)
	if r := c.Record; r == nil || c.Disposition != "rejected" || r.ID != "finding/dp-2" || r.By != "vendor" || r.Case != "T-2" || r.Log.N != l.Size()-1 || r.Body.(*record.Resolve).Size != l.Size()-1 {
		t.Fatalf("dp-2: %+v", c)
	}
	p, err := l.Proposed(ctx, "dp-1", "client")
	must(t, err)
	if p.Record == nil || p.Record.By != "client" || p.Record.Log != nil {
		t.Fatalf("dp-1: %+v", p)
	}
	if !d.client(p.Record) {
		t.Fatal("dp-1: what was proposed is refused")
	}
	// Nothing follows from what is found of T-4.
	size := l.Size()
	if c, err = l.Conclude(ctx, "dp-4"); err != nil || c.Record != nil || c.Nothing == "" || l.Size() != size {
		t.Errorf("dp-4: %+v %v, size %d, was %d", c, err, l.Size(), size)
	}
	// A claim that nobody disputes, and a reversal.
	if p, err = l.Proposed(ctx, "o-T-3", "client"); err != nil || !d.client(p.Record) {
		t.Fatal("o-T-3", err)
	}
	if c, err = l.Conclude(ctx, "o-T-2"); err != nil || c.Record != nil || !strings.Contains(c.Nothing, "no dispute of it is named, and what is found (override_taken) keeps it") {
		t.Errorf("o-T-2: %+v %v", c, err)
	}
	d.byClient("rv-2", "T-2", &record.Reverse{Of: "o-T-2", Cause: "reversed"})
	d.byClient("rv-3", "T-3", &record.Reverse{Of: "o-T-3", Cause: "reversed"})
	if c, err = l.Conclude(ctx, "rv-3"); err != nil || c.Record != nil || !strings.Contains(c.Nothing, "(limit_exceeded) does not speak against the reversal of o-T-3") {
		t.Errorf("rv-3: %+v %v", c, err)
	}
	if c, err = l.Conclude(ctx, "rv-2"); err != nil || c.Record == nil {
		t.Fatal(c, err)
	}
	_, err = l.Conclude(ctx, "rv-2")
	wantError(t, err, "id: is that of record")
	for of, want := range map[string]string{
		"x-T-1": "x-T-1: record 4 is of kind action, want a dispute, a claim or a reversal",
		"none":  "none: no such record among the first",
	} {
		_, err = l.Conclude(ctx, of)
		wantError(t, err, want)
	}

	d.clock.set("2026-04-09T00:00:00")
	s, err := l.Settle(ctx)
	must(t, err)
	if got := s.Body.(*record.Statement); got.Total != "4.00" { // T-2 and T-4
		t.Errorf("total %s, counts %+v", got.Total, got.Counts)
	}
	note := cosigned(t, l, d.clock)
	if report := d.verified(0, nil); report.Findings == nil || *report.Findings != (verify.Findings{Records: 4, Indexed: true}) {
		t.Errorf("findings %+v", report.Findings)
	}
	// What is said later is in the bundle that continues.
	d.refund("T-5", "101", false)
	d.byClient("dp-5", "T-5", &record.Dispute{About: "x-T-5", Ground: "more than 100"})
	if c, err = l.Conclude(ctx, "dp-5"); err != nil || c.Record == nil {
		t.Fatal(c, err)
	}
	d.clock.set("2026-05-09T00:00:00")
	_, err = l.Settle(ctx)
	must(t, err)
	_, err = l.Index(ctx)
	must(t, err)
	cosigned(t, l, d.clock)
	d.verified(0, nil)
	var b bytes.Buffer
	must(t, l.WriteBundle(ctx, &b, BundleOptions{From: s.Log.N}))
	report, err := verify.Verify(&b, verify.Options{Policy: testPolicy(t), Since: note})
	must(t, err)
	for _, k := range report.Checks { // but for the chain indexes themselves, which only a bundle from 0 computes
		if k.Result == verify.Failed || k.Result == verify.Unproven && k.Name != "chains" {
			t.Errorf("from %d: %s %s %s", s.Log.N, k.Result, k.Name, k.Text)
		}
	}
	if report.Findings == nil || *report.Findings != (verify.Findings{Records: 1}) {
		t.Errorf("findings %+v", report.Findings)
	}
	// And in the bundle of its case.
	if c, report := readCase(t, l, "case/T-2", 0); len(c.Records) == 0 || report.Checks[11].Text != "2 resolves by finding as computed from the records before" {
		t.Errorf("case T-2: %+v", report.Checks[11])
	}

	// Nothing of it is in memory alone.
	dir := d.db.dir
	must(t, d.db.Close())
	d.db = open(t, dir, Options{Clock: d.clock.Now})
	d.l, err = d.db.Ledger(testOrigin)
	must(t, err)
	d.verified(0, nil)
	done(t, d.db)
}

// TestFindingRefused: what the records do not bear out is not taken.
// TestClaimNamesAnAction: nothing is ever found of what was not done, so a claim
// that names such a record is refused where the terms ask for the action.
func TestClaimNamesAnAction(t *testing.T) {
	dir, clock := scratch(t), newClock()
	db, l := under(t, dir, clock, findingTerms)
	claim := func(id, effect string) *record.Record {
		return vendorRecord(clock, id, "T-1", &record.Outcome{Result: "refund", Effect: effect, Facts: record.Facts{record.Text("amount", "1")}})
	}
	action := func(id, effect, status string) *record.Record {
		r := vendorRecord(clock, id, "T-1", &record.Action{Action: "refund", Effect: effect, Status: status})
		r.Actor = "agent-1"
		return r
	}
	not := []string{"d-1", "planned", "failed", "read", "outcome"}
	_, err := l.Append(ctx, vendorRecord(clock, "d-1", "T-1", &record.Decision{Agent: "agent-1"}), action("planned", "commit", "planned"), action("failed", "commit", "failed"),
		action("read", "read", "executed"), vendorRecord(clock, "outcome", "T-1", &record.Outcome{Result: "resolved", Facts: record.Facts{record.Text("minutes", "1"), record.Bool("solved", true)}}))
	must(t, err)
	refused := func(rs ...*record.Record) {
		t.Helper()
		before := l.Size()
		_, err := l.Append(ctx, rs...)
		if want := "body.effect: got "; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "want an action that was executed and is no read") {
			t.Errorf("%s: %v, want %q", rs[len(rs)-1].Body.(*record.Outcome).Effect, err, want)
		}
		if l.Size() != before {
			t.Error("appended")
		}
	}
	for range 2 { // of what is under way or in memory, and of what is in the store
		for _, id := range not {
			refused(claim("o-"+id, id))
		}
		must(t, db.Close())
		if db, err = Open(dir, small(clock)); err != nil {
			t.Fatal(err)
		}
		if l, err = db.Ledger(testOrigin); err != nil {
			t.Fatal(err)
		}
	}
	defer db.Close()
	// In one call.
	refused(action("p-2", "commit", "planned"), claim("o-2", "p-2"))
	_, err = l.Append(ctx, action("x-2", "commit", "executed"), claim("o-2", "x-2"))
	must(t, err)
	// What the terms do not ask for may be any record.
	other := claim("o-3", "d-1")
	other.Body = &record.Outcome{Result: "resolved", Effect: "d-1", Facts: record.Facts{record.Text("minutes", "1"), record.Bool("solved", true)}}
	_, err = l.Append(ctx, other)
	must(t, err)
}

func TestFindingRefused(t *testing.T) {
	d := newRefundDesk(t)
	l := d.l
	d.refund("T-1", "120", false)
	d.refund("T-2", "500", true)
	d.byVendor("i-T-6", "T-6", &record.Input{AsOf: d.clock.now})
	d.refund("T-6", "50", false)
	d.byVendor("o-0", "T-7", &record.Outcome{Result: "resolved", Facts: record.Facts{record.Text("minutes", "1"), record.Bool("solved", true)}})
	d.byVendor("x-9", "", &record.Action{Grant: "g-1", Action: "refund", Effect: "commit", Status: "executed"})
	d.byVendor("o-9", "T-9", &record.Outcome{Result: "refund", Effect: "x-9", Facts: record.Facts{record.Text("amount", "1")}})
	for matter, about := range map[string]string{"T-1": "x-T-1", "T-2": "o-T-2", "T-6": "i-T-6", "T-9": "o-9"} {
		d.byClient("dp-"+matter, matter, &record.Dispute{About: about, Ground: "it is wrong"})
	}
	x, err := l.Index(ctx)
	must(t, err)
	size := x.Log.N + 1
	refused := func(what string, r *record.Record, want string) {
		t.Helper()
		before := l.Size()
		_, err := l.Append(ctx, r)
		var refusal *record.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if l.Size() != before {
			t.Errorf("%s: appended", what)
		}
	}
	r := func(matter string, b *record.Resolve) *record.Record { return vendorRecord(d.clock, "f", matter, b) }
	about := func(id, disposition string, rules ...string) *record.Resolve {
		return &record.Resolve{About: id, Disposition: disposition, As: record.ByFinding, Size: size, Findings: rules}
	}
	refused("other side", r("T-1", found("dp-T-1", "rejected", size, "limit_exceeded")), "body.disposition: got rejected, want upheld, as limit_exceeded is found at size")
	refused("other rule", r("T-1", found("dp-T-1", "upheld", size, "no_authority")), "body.findings: got no_authority, want limit_exceeded")
	refused("one more", r("T-1", found("dp-T-1", "upheld", size, "limit_exceeded", "no_authority")), "body.findings: got limit_exceeded, no_authority, want limit_exceeded")
	refused("no index", r("T-1", found("dp-T-1", "upheld", size-1, "limit_exceeded")), "is of kind dispute, want the size behind a chain index")
	refused("a size to come", r("T-1", found("dp-T-1", "upheld", size+1, "limit_exceeded")), "findings are of the records before")
	refused("no case", r("", found("dp-T-1", "upheld", size, "limit_exceeded")), "case: is \"\", want \"T-1\"")
	refused("an action", r("T-1", about("x-T-1", "upheld", "limit_exceeded")), `body.about: is "x-T-1" of kind action, want an outcome or a reverse`)
	refused("a claim as a dispute", r("T-1", found("o-T-1", "upheld", size, "limit_exceeded")), `body.dispute: is "o-T-1" of kind outcome, want a dispute`)
	refused("a dispute as a claim", r("T-1", about("dp-T-1", "upheld", "limit_exceeded")), `body.about: is "dp-T-1" of kind dispute, want an outcome or a reverse`)
	refused("a dispute of an input", r("T-6", found("dp-T-6", "upheld", size, "limit_exceeded")), "is about record 10 of kind input, want a claim or an action")
	refused("nothing found", r("T-6", about("o-T-6", "upheld", "limit_exceeded")), "body.findings: got limit_exceeded, want no such record: none of contradicted_claim, limit_exceeded, no_authority is found against the vendor")
	refused("no action", r("T-7", about("o-0", "upheld", "limit_exceeded")), "claim o-0: names no action behind it")
	refused("no matter of its own", r("T-9", found("dp-T-9", "upheld", size, "no_authority")), "action x-9: names no case")
	refused("kept without a dispute", r("T-2", about("o-T-2", "rejected", "override_taken")), "no dispute of it is named")
	_, err = l.Append(ctx, r("T-1", found("dp-T-1", "upheld", size, "limit_exceeded")), outcome("o-10", "T-10", d.clock.now))
	wantError(t, err, "is resolve, which stands alone in its call; this one has 2 records")
	unsigned := r("T-1", found("dp-T-1", "upheld", size, "limit_exceeded"))
	unsigned.By = "client"
	refused("not signed", unsigned, "has no signature of client")

	// What was said since: of the case; by a standing record that findings rest
	// on; and of another case, or by one that they do not.
	d.byVendor("c-2", "", &record.Config{Agent: "agent-1", Model: "m-8"})
	d.byVendor("more", "T-2", &record.Input{AsOf: d.clock.now})
	refused("since, of the case", r("T-2", found("dp-T-2", "rejected", size, "override_taken")), "more was said of the case since")
	if _, err := l.Append(ctx, r("T-1", found("dp-T-1", "upheld", size, "limit_exceeded"))); err != nil {
		t.Error(err)
	}
	_, err = l.Index(ctx)
	must(t, err)
	size = l.Size()
	d.byVendor("prices", "", &record.Input{AsOf: d.clock.now})
	refused("since, standing", vendorRecord(d.clock, "f-2", "T-2", found("dp-T-2", "rejected", size, "override_taken")), "after its chain index, is one that findings rest on")
	done(t, d.db)
}

// TestConcludeWhileAppending: others append to the case and beside it.
func TestConcludeWhileAppending(t *testing.T) {
	d := newRefundDesk(t)
	for _, matter := range []string{"T-1", "T-2", "T-3"} {
		d.refund(matter, "120", false)
		d.byClient("dp-"+matter, matter, &record.Dispute{About: "x-" + matter, Ground: "more than 100"})
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := d.l.Append(ctx, outcomes(1000+i, 1, d.clock.now)...); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for _, matter := range []string{"T-1", "T-2", "T-3"} {
		if c, err := d.l.Conclude(ctx, "dp-"+matter); err != nil || c.Record == nil {
			t.Error(matter, c, err)
		}
	}
	close(stop)
	wg.Wait()
	cosigned(t, d.l, d.clock)
	var b bytes.Buffer
	must(t, d.l.WriteBundle(ctx, &b, BundleOptions{}))
	report, err := verify.Verify(&b, verify.Options{Policy: testPolicy(t)})
	must(t, err)
	if i := slices.IndexFunc(report.Checks, func(c verify.Check) bool { return c.Name == "findings" }); report.Verdict != verify.Verified || report.Checks[i].Text != "3 resolves by finding as computed from the records before" {
		t.Errorf("%+v", report.Checks[i])
	}
	done(t, d.db)
}

var findingSeed = flag.Uint64("finding-seed", 1795744000000000001, "seed of the random ledger of TestFindingsSeen")

// TestFindingsSeen: whatever is recorded, what the ledger concludes and takes is
// what the auditor computes from its bundle, and what all records say.
func TestFindingsSeen(t *testing.T) {
	t.Logf("seed %d", *findingSeed)
	text := strings.NewReplacer(
		`"void": ["limit_exceeded", "no_authority", "contradicted_claim"], "keep": ["bad_input", "override_taken"], "both": "open"`,
		`"void": ["limit_exceeded", "no_authority", "missing_escalation", "duplicate_effect", "superseded_input", "late_record", "unexplained_decision"],
		 "keep": ["bad_input", "override_taken", "approval_out_of_authority", "review_too_short"], "both": "keep"`,
		`"outward": "client"`, `"outward": "client", "must_show": ["checks", "claims"], "approvers": [{"human": "h-lin", "party": "client", "actions": ["refund"], "limit": "500"}]`,
		`"facts": {"amount": "decimal"}, "once_per": "case"`, `"facts": {"amount": "text"}, "once_per": "fact:amount"`,
	).Replace(findingTerms)
	clock := newClock()
	db, l := under(t, scratch(t), clock, text)
	d := &desk{t: t, clock: clock, l: l, seq: -1, random: rand.New(rand.NewPCG(*findingSeed, 7)), open: map[string]*matterOf{}, found: map[responsibility.Rule]int{}}
	d.grant("")
	claimed := map[string]bool{}
	decided := map[string]int{}
	for range 150 {
		clock.now += record.Time(d.random.IntN(3)) * 20 * 60 * 1000
		d.step()
		matter := fmt.Sprintf("T-%d", d.random.IntN(6))
		m := d.open[matter]
		if m == nil || len(m.effects) == 0 {
			continue
		}
		x := m.effects[d.random.IntN(len(m.effects))]
		if !claimed[x] {
			claimed[x] = true
			if !d.append(vendorRecord(clock, "o-"+x, matter, &record.Outcome{Result: "refund", Effect: x, Facts: record.Facts{record.Text("amount", x)}})) {
				t.Fatal("a claim is refused")
			}
			continue
		}
		of := "o-" + x
		switch d.random.IntN(4) {
		case 0:
			of = d.id("contest")
			about := []string{x, "o-" + x}[d.random.IntN(2)]
			if !d.client(&record.Record{Kind: record.KindDispute, ID: of, Case: matter, Body: &record.Dispute{About: about, Ground: "wrong"}}) {
				t.Fatal("a dispute is refused")
			}
		case 1:
			of = d.id("reversal")
			if !d.client(&record.Record{Kind: record.KindReverse, ID: of, Case: matter, Body: &record.Reverse{Of: "o-" + x, Cause: "reversed"}}) {
				t.Fatal("a reversal is refused")
			}
		}
		if d.random.IntN(2) == 0 {
			d.step() // more may be said before
		}
		if _, ok, err := l.Find(responsibility.IDOf(of)); err != nil || ok {
			continue
		}
		by := []string{"vendor", "client"}[d.random.IntN(2)]
		p, err := l.Proposed(ctx, of, by)
		must(t, err)
		if p.Record == nil {
			decided["nothing"]++
			continue
		}
		whole := responsibility.NewFacts()
		for line, err := range l.Records(ctx, 0, l.Size()) {
			must(t, err)
			r, err := record.Parse(line)
			must(t, err)
			must(t, whole.Add(r))
		}
		want, err := responsibility.Conclude(whole, of, l.Size())
		must(t, err)
		if want.Text() != p.Text() {
			t.Fatalf("%s: from all records\n%s\nfrom the chains\n%s", of, want.Text(), p.Text())
		}
		if by == "client" && !d.client(p.Record) || by == "vendor" && !d.append(p.Record) {
			t.Fatalf("%s is refused", p.Record.ID)
		}
		decided[p.Disposition]++
		for _, rule := range p.Findings {
			d.found[responsibility.Rule(rule)]++
		}
	}
	_, err := l.Index(ctx)
	must(t, err)
	cosigned(t, l, clock)
	var b bytes.Buffer
	must(t, l.WriteBundle(ctx, &b, BundleOptions{}))
	size := b.Len()
	report, err := verify.Verify(&b, verify.Options{Policy: testPolicy(t)})
	must(t, err)
	if report.Verdict != verify.Verified || report.Findings == nil || report.Findings.Records != int64(decided["upheld"]+decided["rejected"]) {
		var text bytes.Buffer
		must(t, report.WriteText(&text))
		t.Errorf("%v\n%s", decided, text.String())
	}
	for matter := range d.open {
		if matter == "" {
			continue // what belongs to the whole ledger is no case
		}
		var b bytes.Buffer
		must(t, l.WriteCase(ctx, &b, record.ChainOfCase(matter), CaseOptions{}))
	}
	t.Logf("%d records, decided %v by %v, bundle of %d bytes", l.Size(), decided, d.found, size)
	if decided["upheld"] < 5 {
		t.Errorf("decided %v", decided)
	}
	done(t, db)
}

// BenchmarkConclude decides disputes of a ledger of 20,000 cases, each with a
// chain index of its own; the bundle of all is written and verified at the end.
func BenchmarkConclude(b *testing.B) {
	d := newRefundDesk(b)
	for i := range 20 {
		_, err := d.l.Append(ctx, outcomes(i*1000, 1000, d.clock.now)...)
		must(b, err)
	}
	for i := range b.N {
		matter := fmt.Sprintf("R-%d", i)
		d.refund(matter, "120", false)
		d.byClient("dp-"+matter, matter, &record.Dispute{About: "x-" + matter, Ground: "more than 100"})
	}
	b.ResetTimer()
	for i := range b.N {
		if c, err := d.l.Conclude(ctx, fmt.Sprintf("dp-R-%d", i)); err != nil || c.Record == nil {
			b.Fatal(c, err)
		}
	}
	b.StopTimer()
	cosigned(b, d.l, d.clock)
	var text bytes.Buffer
	begin := time.Now()
	must(b, d.l.WriteBundle(ctx, &text, BundleOptions{}))
	written := time.Since(begin)
	b.ReportMetric(float64(text.Len())/float64(b.N), "B/finding")
	b.ReportMetric(float64(written.Milliseconds())/float64(b.N), "ms-bundle/finding")
	must(b, d.db.Close())
}
