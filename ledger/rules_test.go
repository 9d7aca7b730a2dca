package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/verify"
)

// underRules is a ledger of the support desk with rs-1 in its terms.
func underRules(t testing.TB, dir string, clock *testClock) (*DB, *Ledger) {
	t.Helper()
	return under(t, dir, clock, strings.TrimSuffix(supportTerms, "}")+`, "responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "60s", "must_show": ["checks", "claims"],
 "approvers": [{"human": "h-lin", "party": "client", "actions": ["refund"], "limit": "500"}], "erasure_bases": ["asked"],
 "duties": [{"id": "look", "party": "vendor", "on": ["refund"], "check": "k-1", "weight": 1}]}}`)
}

// under is a ledger with these terms.
func under(t testing.TB, dir string, clock *testClock, text string) (*DB, *Ledger) {
	t.Helper()
	for _, name := range []string{"vendor", "client"} {
		text = strings.ReplaceAll(text, "@"+name, record.FormatPublicKey(key(name).Public().(ed25519.PublicKey)))
	}
	canonical, mistakes := terms.Draft([]byte(text), nil)
	if canonical == nil {
		t.Fatal(mistakes)
	}
	r := agreement(t, testOrigin)
	r.Body.(*record.Agreement).Terms = canonical
	must(t, record.Sign(r, testOrigin, key("vendor")))
	must(t, record.Sign(r, testOrigin, key("client")))
	db := open(t, dir, Options{Clock: clock.Now})
	l, err := db.Create(ctx, r)
	must(t, err)
	return db, l
}

// desk writes random matters into a ledger under rules.
type desk struct {
	t        testing.TB
	clock    *testClock
	l        *Ledger
	random   *rand.Rand
	n        int
	seq      int64
	prev     record.Digest
	grants   []string
	shared   []string // inputs and measurements of no case
	open     map[string]*matterOf
	asked    int // prechecks compared
	compared int // traces
	found    map[responsibility.Rule]int
}

// matterOf is what there is of a case so far.
type matterOf struct {
	inputs, decisions, reviews, effects, disputes, demands []string
	nonces                                                 map[string]string // by decision
}

func (d *desk) id(kind string) string { d.n++; return fmt.Sprintf("%s-%d", kind, d.n) }

func (d *desk) pick(list []string) string {
	if len(list) == 0 || d.random.IntN(8) == 0 {
		return ""
	}
	return list[d.random.IntN(len(list))]
}

func (d *desk) append(r *record.Record) bool {
	d.t.Helper()
	_, err := d.l.Append(ctx, r)
	if _, refused := errors.AsType[*record.Refusal](err); refused {
		return false
	}
	must(d.t, err)
	return true
}

func (d *desk) vendor(id, matter string, b record.Body) bool {
	r := vendorRecord(d.clock, id, matter, b)
	r.At -= record.Time(d.random.IntN(3)) * 45 * 60 * 1000 // at times later than the record delay
	return d.append(r)
}

func (d *desk) client(r *record.Record) bool {
	r.At = d.clock.now
	d.seq++
	var cites []*record.Record
	for _, ref := range record.References(r) {
		n, _, err := d.l.Find(ref.ID)
		must(d.t, err)
		to, err := d.l.recordAt(n)
		must(d.t, err)
		if !slices.ContainsFunc(cites, func(c *record.Record) bool { return c.ID == to.ID }) {
			cites = append(cites, to)
		}
	}
	byClient(d.t, r, d.seq, d.prev, cites...)
	if b, ok := r.Body.(*record.Resolve); ok && b.As == "joint" { // it takes both
		must(d.t, record.Sign(r, testOrigin, key("vendor")))
	}
	if !d.append(r) {
		d.seq--
		return false
	}
	sum, err := record.ContentDigest(r)
	must(d.t, err)
	d.prev = sum
	return true
}

func (d *desk) grant(parent string) {
	g := &record.Grant{Grantor: "client", Grantee: "agent", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, Delegable: 2, Parent: parent,
		From: at("2026-03-01T00:00:00"), Until: at("2026-05-01T00:00:00"), OnTimeout: "block", Escalate: []record.Boundary{{When: "amount_over", Value: "60"}}}
	if d.random.IntN(2) == 0 {
		g.LimitPeriod = &record.PeriodLimit{Amount: "150", Days: 1 + d.random.Int64N(9)}
	}
	r := &record.Record{Kind: record.KindGrant, ID: d.id("grant"), Body: g}
	if parent == "" && d.client(r) || parent != "" && d.vendor(r.ID, "", func() record.Body { g.Grantor = "agent"; return g }()) {
		d.grants = append(d.grants, r.ID)
	}
}

// step records something.
func (d *desk) step() {
	matter := fmt.Sprintf("T-%d", d.random.IntN(6))
	if d.random.IntN(8) == 0 {
		matter = "" // what belongs to the whole ledger
	}
	m := d.open[matter]
	if m == nil {
		m = &matterOf{nonces: map[string]string{}}
		d.open[matter] = m
	}
	keep := func(list *[]string, id string, ok bool) {
		if ok {
			*list = append(*list, id)
		}
	}
	switch d.random.IntN(17) {
	case 12:
		if of := d.pick(m.decisions); of != "" {
			m.nonces[of] = nonceOf(fmt.Sprint(d.random.IntN(3)))
			d.vendor(d.id("handoff"), matter, &record.Handoff{Decision: of, To: []string{"client", "h-lin", "h-new", "agent", "elsewhere"}[d.random.IntN(5)], Reason: "unsure",
				Shown: []string{"checks", "claims"}[:d.random.IntN(3)], Nonce: m.nonces[of], Deadline: d.clock.now + record.Time(d.random.IntN(20))*60*60*1000})
		}
	case 13:
		of := d.pick(slices.Concat(m.inputs, m.decisions, m.reviews, m.effects))
		id := d.id("demand")
		keep(&m.demands, id, of != "" && d.client(&record.Record{Kind: record.KindDemand, ID: id, Case: matter,
			Body: &record.Demand{Of: of, Custodian: "vendor", Basis: "audit", Deadline: d.clock.now + record.Time(d.random.IntN(20))*60*60*1000}}))
	case 14:
		if of := d.pick(m.demands); of != "" {
			r := vendorRecord(d.clock, d.id("disclose"), matter, &record.Disclose{Demand: of, To: "client", Digest: record.Sum(nil)})
			r.Attach = []record.Attachment{{Name: "answer", Digest: record.Sum(nil)}}
			d.append(r)
		}
	case 0:
		d.grant(d.pick(d.grants))
	case 15:
		if grant := d.pick(d.grants); grant != "" && d.random.IntN(2) == 0 {
			d.client(&record.Record{Kind: record.KindRevoke, ID: d.id("revoke"), Body: &record.Revoke{Grant: grant, Effective: d.clock.now, Reason: "enough"}})
		}
	case 16:
		if of := d.pick(slices.Concat(m.inputs, m.decisions)); of != "" {
			d.vendor(d.id("erase"), matter, &record.Erase{Of: of, Basis: []string{"asked", "tidy"}[d.random.IntN(2)], State: record.Erased, Holders: []string{"vendor"}})
		}
	case 1:
		id := d.id("price")
		b := &record.Input{AsOf: d.clock.now, Fields: record.Facts{record.Text("total", fmt.Sprint(d.random.IntN(90)))}}
		if corrects := d.pick(d.shared); strings.HasPrefix(corrects, "price") {
			b.Corrects = corrects
		}
		keep(&d.shared, id, d.vendor(id, "", b))
	case 2:
		id := d.id("meter")
		keep(&d.shared, id, d.vendor(id, "", &record.Measurement{Metric: fmt.Sprintf("m%d", d.random.IntN(2)), From: d.clock.now, Until: d.clock.now, Value: "4.5"}))
	case 3:
		id := d.id("input")
		keep(&m.inputs, id, d.vendor(id, matter, &record.Input{AsOf: d.clock.now, Corrects: d.pick(m.inputs), Fields: record.Facts{record.Text("total", fmt.Sprint(d.random.IntN(90)))}}))
	case 4, 5:
		id, ref := d.id("decision"), d.pick(append(slices.Clone(m.inputs), d.shared...))
		b := &record.Decision{Agent: "agent", Grant: d.pick(d.grants), Reasons: record.Sum(nil), Output: record.Sum(nil)}
		if ref != "" {
			field := "total"
			if strings.HasPrefix(ref, "meter") {
				field = ""
			}
			b.Inputs = []string{ref}
			b.DependsOn = []record.FieldRef{{Ref: ref, Field: field}}
			b.Checks = []record.Check{{ID: "k-1", Left: record.Operand{Ref: ref, Field: field}, Op: "<", Right: record.Operand{Lit: "50"}, Result: []string{"pass", "fail"}[d.random.IntN(2)]}}
		}
		keep(&m.decisions, id, d.vendor(id, matter, b))
	case 6:
		of := d.pick(m.decisions)
		nonce := m.nonces[of] // of the last handoff, if there is one
		r := &record.Record{Kind: record.KindReview, ID: d.id("review"), Case: matter, Actor: []string{"h-lin", "h-lin", "h-new"}[d.random.IntN(3)],
			Body: &record.Review{Nonce: nonce, Of: of, Verdict: []string{"approve", "override", "reject"}[d.random.IntN(3)], Opened: d.clock.now - 90_000, Shown: []string{"checks", "claims"}}}
		keep(&m.reviews, r.ID, of != "" && d.client(r))
	case 7, 8, 9:
		d.act(matter, m)
	case 10:
		about := d.pick(append(append(slices.Clone(m.inputs), d.shared...), m.effects...))
		id := d.id("dispute")
		keep(&m.disputes, id, about != "" && d.client(&record.Record{Kind: record.KindDispute, ID: id, Case: matter,
			Body: &record.Dispute{About: about, Ground: "wrong", Claimed: record.Facts{record.Text("total", "77")}}}))
	case 11:
		if dispute := d.pick(m.disputes); dispute != "" {
			n, _, err := d.l.Find(dispute)
			must(d.t, err)
			r, err := d.l.recordAt(n)
			must(d.t, err)
			d.client(&record.Record{Kind: record.KindResolve, ID: d.id("resolve"), Case: matter,
				Body: &record.Resolve{Dispute: dispute, About: r.Body.(*record.Dispute).About, Disposition: "upheld", As: "joint"}})
		}
	}
}

// act asks first, acts, and compares what was said with what is found then.
func (d *desk) act(matter string, m *matterOf) {
	t := d.t
	r := vendorRecord(d.clock, d.id("refund"), matter, &record.Action{Decision: d.pick(m.decisions), Grant: d.pick(d.grants), Review: d.pick(m.reviews), Reverses: "",
		Action: "refund", Resource: "order", Amount: record.Decimal(fmt.Sprint(1 + d.random.IntN(80))), Currency: "EUR", Effect: "commit", Status: "executed", Key: fmt.Sprintf("key %d", d.random.IntN(25))})
	r.Actor = "agent"
	before, err := d.l.Precheck(ctx, r)
	must(t, err)
	if !d.append(r) {
		return
	}
	m.effects = append(m.effects, r.ID)
	after, err := d.l.Trace(ctx, r.ID, 0)
	must(t, err)
	d.same("asked before", before, after)
	d.asked++
	for _, f := range after.Findings {
		d.found[f.Rule]++
	}
}

func answerOf(t testing.TB, a *responsibility.Answer) string {
	t.Helper()
	b, err := a.Marshal()
	must(t, err)
	return string(b)
}

var (
	rulesSeed  = flag.Uint64("rules-seed", 0, "seed of the first random ledger of TestRulesSeeAll, 0 for another one each time")
	rulesSeeds = flag.Int("rules-seeds", 2, "how many random ledgers TestRulesSeeAll writes, with the seeds that follow")
)

// TestRulesSeeAll: what the chains of a store, and what a case bundle shows,
// lead to the same answers, byte by byte, as all records of the ledger; and what
// is said before an effect is what is found after it. One ledger is always the
// same and long, and must come to what the test is for; what happens in a random
// one is left to chance, and only the answers are compared.
func TestRulesSeeAll(t *testing.T) {
	d := rulesSeeAll(t, 7, 70)
	found, kinds := d.found, map[record.Kind]int{}
	for line, err := range d.l.Records(ctx, 0, d.l.Size()) {
		must(t, err)
		r, err := record.Parse(line)
		must(t, err)
		kinds[r.Kind]++
	}
	t.Logf("%v, %d effects compared, %d asked before, findings %v", kinds, d.compared, d.asked, found)
	for _, k := range []record.Kind{record.KindReview, record.KindResolve, record.KindMeasurement, record.KindHandoff, record.KindDemand, record.KindDisclose, record.KindRevoke, record.KindErase} {
		if kinds[k] == 0 {
			t.Errorf("no %s among the records", k)
		}
	}
	for _, rule := range []responsibility.Rule{responsibility.LimitExceeded, responsibility.DuplicateEffect, responsibility.BadInput,
		responsibility.EvidenceMissing, responsibility.ImproperErasure, responsibility.StaleGrant} {
		if found[rule] == 0 {
			t.Errorf("no finding of %s", rule)
		}
	}
	first := *rulesSeed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	for i := range *rulesSeeds {
		seed := first + uint64(i)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { // a failure names it
			rulesSeeAll(t, seed, 10+int(seed%4)*20)
		})
	}
}

// rulesSeeAll writes the random ledger of a seed, and compares all answers four
// times.
func rulesSeeAll(t *testing.T, seed uint64, steps int) *desk {
	clock := newClock()
	dir := scratch(t)
	db, l := underRules(t, dir, clock)
	t.Cleanup(func() { done(t, db) })
	d := &desk{t: t, clock: clock, l: l, seq: -1, random: rand.New(rand.NewPCG(seed, 7)), open: map[string]*matterOf{}, found: map[responsibility.Rule]int{}}
	d.grant("")
	for round := range 4 {
		for range steps {
			clock.now += record.Time(d.random.IntN(6)) * 60 * 60 * 1000
			d.step()
		}
		if round == 1 { // what is kept in memory is derived
			done(t, db)
			db = open(t, dir, Options{Clock: clock.Now})
			var err error
			l, err = db.Ledger(testOrigin)
			must(t, err)
			d.l = l
		}
		_, err := l.Index(ctx)
		must(t, err)
		cosigned(t, l, clock)
		whole := responsibility.NewFacts()
		for line, err := range l.Records(ctx, 0, l.Size()) {
			must(t, err)
			r, err := record.Parse(line)
			must(t, err)
			must(t, whole.Add(r))
		}
		for _, matter := range slices.Sorted(maps.Keys(d.open)) {
			if matter != "" {
				d.compareBundle(matter, whole)
			}
			d.compareStore(matter, whole)
		}
		d.compareErasures(whole)
	}
	return d
}

// compareErasures: what the rules find improper of any effect, the store would
// have refused.
func (d *desk) compareErasures(whole *responsibility.Facts) {
	refused := map[string]bool{}
	for line, err := range d.l.Records(ctx, 0, d.l.Size()) {
		must(d.t, err)
		e, err := record.Parse(line)
		must(d.t, err)
		if b, ok := e.Body.(*record.Erase); ok {
			of, err := d.l.foundBefore(b.Of, e.Log.N)
			must(d.t, err)
			improper, err := d.l.against(ctx, e, of)
			must(d.t, err)
			refused[e.ID] = len(improper) > 0
		}
	}
	for _, m := range d.open {
		for _, x := range m.effects {
			a, err := responsibility.Trace(whole, x, d.l.Size())
			must(d.t, err)
			f := a.Finding(responsibility.ImproperErasure, "vendor", responsibility.Established)
			if f == nil {
				continue
			}
			for _, e := range f.Evidence {
				if no, erasure := refused[e.ID]; erasure && !no {
					d.t.Errorf("the store sees nothing against %s, and the rules do:\n%s", e.ID, a.Text())
				}
			}
		}
	}
}

// compareBundle compares what the case bundle of a matter, and the store, say
// of all its effects with what all records do.
func (d *desk) compareBundle(matter string, whole *responsibility.Facts) {
	t, effects := d.t, d.open[matter].effects
	var b bytes.Buffer
	must(t, d.l.WriteCase(ctx, &b, record.ChainOfCase(matter), CaseOptions{}))
	shown, report, err := verify.ReadCase(&b, verify.Options{Policy: testPolicy(t)})
	must(t, err)
	if shown == nil {
		var text bytes.Buffer
		must(t, report.WriteText(&text))
		t.Fatal(text.String())
	}
	d.compareAt(shown, d.l.Size(), whole, effects)
	// An old answer stands, and is there for whoever has the bundle of today.
	at := 1 + d.random.Int64N(d.l.Size())
	n := 0
	for _, effect := range effects {
		if recorded, _, err := d.l.Find(effect); err == nil && recorded < at {
			n++
		}
	}
	d.compareAt(shown, at, whole, effects[:n])
}

// compareAt compares the answers for effects, all that there are at a size.
func (d *desk) compareAt(shown *verify.Case, size int64, whole *responsibility.Facts, effects []string) {
	t := d.t
	_, matter := record.SplitChain(shown.Of)
	traced, err := shown.TraceAt("", size)
	must(t, err)
	stored, err := d.l.TraceCase(ctx, matter, size)
	must(t, err)
	if len(traced.Answers) != len(effects) || len(stored.Answers) != len(effects) || len(stored.Timeline) != len(traced.Timeline) {
		t.Fatalf("%s: %d answers and %d entries from the bundle, %d and %d from the store, want %d answers", matter,
			len(traced.Answers), len(traced.Timeline), len(stored.Answers), len(stored.Timeline), len(effects))
	}
	// What is told of the case is the same, too: the bundle has all of it.
	for name, lists := range map[string][2]any{"timeline": {traced.Timeline, stored.Timeline}, "what it rests on": {traced.Rests, stored.Rests}, "what is waited for": {traced.Waiting, stored.Waiting}} {
		if !reflect.DeepEqual(lists[0], lists[1]) {
			t.Errorf("%s at %d: the %s is\n%+v\nfrom the bundle, and\n%+v\nfrom the store", matter, size, name, lists[0], lists[1])
		}
	}
	for i, effect := range effects {
		want, err := responsibility.Trace(whole, effect, size)
		must(t, err)
		d.same("from the bundle", traced.Answers[i], want)
		d.same("from the chains of the case", stored.Answers[i], want)
	}
}

// compareStore compares what the store says of single effects, now and as of
// when they were recorded.
func (d *desk) compareStore(matter string, whole *responsibility.Facts) {
	t := d.t
	for _, effect := range d.open[matter].effects {
		want, err := responsibility.Trace(whole, effect, d.l.Size())
		must(t, err)
		got, err := d.l.Trace(ctx, effect, 0)
		must(t, err)
		d.same("from the chains", got, want)
		n := want.Effect.N + 1 // an old answer stands
		want, err = responsibility.Trace(whole, effect, n)
		must(t, err)
		got, err = d.l.Trace(ctx, effect, n)
		must(t, err)
		d.same("from the chains, of then", got, want)
		d.compared++
	}
}

// same shows where two answers begin to differ.
func (d *desk) same(what string, got, want *responsibility.Answer) {
	d.t.Helper()
	g, w := answerOf(d.t, got), answerOf(d.t, want)
	if g == w {
		return
	}
	i := 0
	for i < min(len(g), len(w)) && g[i] == w[i] {
		i++
	}
	from := max(0, i-300)
	d.t.Fatalf("effect %s at size %d, %s:\n...%s\nfrom all records:\n...%s", want.Effect.ID, want.Size, what, g[from:min(i+300, len(g))], w[from:min(i+300, len(w))])
}

// A decision that is a standing record rests on measurements like one of a
// case; they are in no chain that is read for it.
func TestRulesOfStandingDecision(t *testing.T) {
	clock := newClock()
	db, l := underRules(t, t.TempDir(), clock)
	defer done(t, db)
	meter := vendorRecord(clock, "meter", "", &record.Measurement{Metric: "m", From: clock.now, Until: clock.now, Value: "4.5"})
	decision := vendorRecord(clock, "decision", "", &record.Decision{Agent: "agent", Inputs: []string{"meter"}, DependsOn: []record.FieldRef{{Ref: "meter"}},
		Checks: []record.Check{{ID: "k-1", Left: record.Operand{Ref: "meter"}, Op: "<", Right: record.Operand{Lit: "50"}, Result: "fail"}}, Reasons: record.Sum(nil), Output: record.Sum(nil)})
	_, err := l.Append(ctx, meter, decision)
	must(t, err)
	refund := vendorRecord(clock, "refund", "", &record.Action{Decision: "decision", Action: "refund", Resource: "order", Amount: "1", Currency: "EUR", Effect: "commit", Status: "executed"})
	before, err := l.Precheck(ctx, refund)
	must(t, err)
	_, err = l.Append(ctx, refund)
	must(t, err)
	after, err := l.Trace(ctx, "refund", 0)
	must(t, err)
	for _, a := range []*responsibility.Answer{before, after} {
		if a.Finding(responsibility.CheckMisreported, "vendor", responsibility.Established) == nil || a.Finding(responsibility.ImpossibleReference, "vendor", responsibility.Established) != nil {
			t.Errorf("the check of the measurement is not replayed:\n%s", a.Text())
		}
	}
}

// BenchmarkPrecheck: asking before an act, under a grant with a limit of a
// period and many effects under it.
func BenchmarkPrecheck(b *testing.B) {
	for _, effects := range []int{0, 10_000, 50_000} {
		b.Run(fmt.Sprintf("effects=%d", effects), func(b *testing.B) {
			clock := newClock()
			db, l := underRules(b, b.TempDir(), clock)
			defer db.Close()
			d := &desk{t: b, clock: clock, l: l, seq: -1}
			if !d.client(&record.Record{Kind: record.KindGrant, ID: "g", Body: &record.Grant{Grantor: "client", Grantee: "agent", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"},
				LimitPeriod: &record.PeriodLimit{Amount: "1000000", Days: 30}, From: at("2026-03-01T00:00:00"), Until: at("2026-05-01T00:00:00")}}) {
				b.Fatal("the grant is refused")
			}
			act := func(matter string) []*record.Record {
				decision := vendorRecord(clock, "decision/"+matter, matter, &record.Decision{Agent: "agent", Grant: "g", Inputs: []string{"input/" + matter}, Reasons: record.Sum(nil), Output: record.Sum(nil)})
				refund := vendorRecord(clock, "refund/"+matter, matter, &record.Action{Decision: decision.ID, Grant: "g", Action: "refund", Resource: "order", Amount: "5", Currency: "EUR", Effect: "commit", Status: "executed", Key: matter})
				refund.Actor = "agent"
				return []*record.Record{vendorRecord(clock, "input/"+matter, matter, &record.Input{AsOf: clock.now, Fields: record.Facts{record.Text("total", "5")}}), decision, refund}
			}
			for i := 0; i < effects; i += 100 {
				var batch []*record.Record
				for k := range 100 {
					batch = append(batch, act(fmt.Sprintf("T-%d", i+k))...)
				}
				_, err := l.Append(ctx, batch...)
				must(b, err)
			}
			next := act("next")
			_, err := l.Append(ctx, next[:2]...)
			must(b, err)
			_, err = l.Precheck(ctx, next[2]) // the first one reads what stays in memory
			must(b, err)
			for b.Loop() {
				_, err := l.Precheck(ctx, next[2])
				must(b, err)
			}
		})
	}
}

// TestPrecheckWhileAppending: asking does not wait for those who append, nor
// disturb them; what is said is right for some size.
func TestPrecheckWhileAppending(t *testing.T) {
	clock := newClock()
	db, l := underRules(t, t.TempDir(), clock)
	d := &desk{t: t, clock: clock, l: l, seq: -1}
	if !d.client(&record.Record{Kind: record.KindGrant, ID: "g", Body: &record.Grant{Grantor: "client", Grantee: "agent", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"},
		LimitPeriod: &record.PeriodLimit{Amount: "100", Days: 30}, From: at("2026-03-01T00:00:00"), Until: at("2026-05-01T00:00:00")}}) {
		t.Fatal("the grant is refused")
	}
	refund := func(id string) *record.Record {
		r := vendorRecord(clock, id, "T-"+id, &record.Action{Grant: "g", Action: "refund", Resource: "order", Amount: "1", Currency: "EUR", Effect: "commit", Status: "executed", Key: id})
		r.Actor = "agent"
		return r
	}
	errs := make(chan error)
	for k := range 4 {
		go func() {
			var err error
			for i := range 40 {
				_, e := l.Append(ctx, refund(fmt.Sprintf("%d-%d", k, i)))
				err = errors.Join(err, e)
			}
			errs <- err
		}()
		go func() {
			var err error
			exceeded := false
			for i := range 40 {
				a, e := l.Precheck(ctx, refund(fmt.Sprintf("ask-%d-%d", k, i)))
				if err = errors.Join(err, e); e == nil {
					now := a.Finding(responsibility.LimitExceeded, "vendor", responsibility.Established) != nil
					if exceeded && !now {
						err = errors.Join(err, fmt.Errorf("ask %d: the limit is not exceeded any more", i))
					}
					exceeded = now
				}
			}
			errs <- err
		}()
	}
	for range 8 {
		must(t, <-errs)
	}
	a, err := l.Precheck(ctx, refund("last"))
	must(t, err)
	if f := a.Finding(responsibility.LimitExceeded, "vendor", responsibility.Established); f == nil || !strings.Contains(a.Tests[f.Tests[0]].Left, "sum 161 ") {
		t.Errorf("after 160 refunds:\n%s", a.Text())
	}
	_, err = l.Precheck(ctx, refund("0-0"))
	wantError(t, err, "effect 0-0: record ")
	_, err = l.Precheck(ctx, vendorRecord(clock, "d", "", &record.Decision{Agent: "a"}))
	wantError(t, err, "effect d: got a decision, want an action")
	_, err = l.Trace(ctx, "none", 0)
	wantError(t, err, "effect none: no such record among the first 162")
	_, err = l.Trace(ctx, "0-0", 1000)
	wantError(t, err, "trace at size 1000, the ledger has 162")
	done(t, db)
}
