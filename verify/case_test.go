package verify

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// indexAt is the chain index of the records before n, from their logs alone.
func (m *maker) indexAt(n int64) *bundle.Index {
	var x bundle.Index
	for _, r := range m.records[:n] {
		for _, k := range r.Log.Chains {
			x.Set(bundle.End{Chain: k.Chain, Ordinal: k.Ordinal, N: r.Log.N})
		}
	}
	return &x
}

// index appends a chain index, which spoil, if not nil, makes another one.
func (m *maker) index(spoil func(b *record.ChainIndex)) {
	m.t.Helper()
	x := m.indexAt(int64(len(m.records)))
	root := x.Root()
	b := &record.ChainIndex{Chains: x.Len(), Root: record.Digest(fmt.Sprintf("sha256:%x", root[:]))}
	if spoil != nil {
		spoil(b)
	}
	m.add(&record.Record{Kind: record.KindChainIndex, ID: fmt.Sprintf("index/%d", len(m.records)), At: m.now, By: "vendor", Body: b})
}

// vendor appends a record of the vendor.
func (m *maker) vendor(id, matter string, b record.Body) *record.Record {
	m.t.Helper()
	r := &record.Record{Kind: b.Kind(), ID: id, Case: matter, At: m.now, By: "vendor", Body: b}
	m.add(r)
	return r
}

// smallCase is the smallest ledger with two cases and a chain index.
func smallCase(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.solved("o-1", "T-1", true)
	m.solved("o-2", "T-2", true)
	m.add(m.byClient(&record.Record{Kind: record.KindConfirm, ID: "c-1", Case: "T-1", Body: &record.Confirm{Of: "o-1", Verdict: "accept"}}))
	m.index(nil)
	return m
}

// claims is a ledger with two cases of one agent whose grant has a limit, and
// a chain index at its end, at 20.
func claims(t testing.TB, step func(m *maker, n int)) *maker {
	m := newMaker(t)
	do := func(f func()) {
		if step != nil {
			step(m, len(m.records))
		}
		f()
	}
	grant := func(parent string) *record.Grant {
		g := &record.Grant{Grantor: "vendor", Grantee: "agent-1", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, Parent: parent,
			From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2027-03-01T00:00:00"), Delegable: 1}
		if parent == "" {
			g.LimitPeriod = &record.PeriodLimit{Amount: "1000", Days: 30}
		}
		return g
	}
	refund := func(decision, grant, review, amount string) *record.Action {
		return &record.Action{Decision: decision, Grant: grant, Review: review, Action: "refund", Amount: record.Decimal(amount), Currency: "EUR", Effect: "commit", Status: "executed"}
	}
	m.clock("2026-03-01T00:00:00")
	do(func() { m.agreement(supportTerms, 1, "vendor", "client") })                    // 0
	do(func() { m.vendor("g-1", "", grant("")) })                                      // 1
	do(func() { m.vendor("g-2", "", grant("g-1")) })                                   // 2
	do(func() { m.vendor("c-1", "", &record.Config{Agent: "agent-1", Model: "m-7"}) }) // 3
	do(func() { m.vendor("c-2", "", &record.Config{Agent: "agent-1", Model: "m-8"}) }) // 4
	do(func() {                                                                        // 5: prices, for all cases
		m.vendor("i-prices", "", &record.Input{AsOf: m.now, Fields: record.Facts{record.Text("list", "2026")}})
	})
	do(func() { // 6
		m.vendor("m-1", "", &record.Measurement{Metric: "csat", From: m.now, Until: m.now + 1000, Value: "4.5"})
	})
	m.clock("2026-03-02T09:00:00")
	do(func() { // 7
		r := &record.Record{Kind: record.KindInput, ID: "i-1", Case: "T-1", At: m.now, By: "vendor",
			Body: &record.Input{AsOf: m.now, Fields: record.Facts{record.Text("paid", "80")}}}
		m.attach(r, "mail.txt", "I want my money back.\n")
		m.seal(r, "WyJzYWx0MSIsImVtYWlsIiwiYUBiLmV4YW1wbGUiXQ")
		m.add(r)
	})
	do(func() { // 8
		m.vendor("d-1", "T-1", &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-2", Inputs: []string{"i-1", "i-prices", "m-1"}})
	})
	do(func() { // 9: the other case
		m.vendor("d-2", "T-2", &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-2", Inputs: []string{"i-prices"}})
	})
	do(func() { // 10
		r := &record.Record{Kind: record.KindReview, ID: "r-2", Case: "T-2", Actor: "h-lin", Body: &record.Review{Of: "d-2", Verdict: "override"}}
		m.add(m.byClient(r))
	})
	do(func() { m.vendor("x-2", "T-2", refund("d-2", "g-2", "r-2", "500")) }) // 11
	do(func() { m.vendor("x-1", "T-1", refund("d-1", "g-2", "", "80")) })     // 12
	do(func() { m.index(nil) })                                               // 13
	m.clock("2026-03-03T09:00:00")
	do(func() { // 14
		m.add(m.byClient(&record.Record{Kind: record.KindDispute, ID: "dp-1", Case: "T-1", Body: &record.Dispute{About: "x-1", Ground: "too little"}}))
	})
	do(func() { // 15
		m.vendor("m-2", "", &record.Measurement{Metric: "csat", From: m.now, Until: m.now + 1000, Value: "4.4"})
	})
	do(func() { m.solved("o-3", "T-3", true) })                                        // 16
	do(func() { m.vendor("x-0", "T-4", refund("", "g-1", "", "10")) })                 // 17: by the grant itself
	do(func() { m.vendor("d-4", "T-4", &record.Decision{Agent: "a", Config: "c-2"}) }) // 18
	do(func() { m.vendor("x-4", "T-4", refund("d-4", "", "", "1")) })                  // 19
	do(func() { m.index(nil) })                                                        // 20
	return m
}

// spring is a ledger in which a grant was used for months: by records 2 to 5,
// of which 3 is standing, and 6 within the 30 days that its limit looks back on
// from record 7, in case T-9.
func spring(t testing.TB) *maker {
	m := newMaker(t)
	refund := &record.Action{Grant: "g", Action: "refund", Effect: "commit", Status: "executed"}
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client") // 0
	m.vendor("g", "", &record.Grant{Grantor: "vendor", Grantee: "a", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"},
		From: m.now, Until: m.now + 1000, LimitPeriod: &record.PeriodLimit{Amount: "1", Days: 30}}) // 1
	for i, day := range []string{"2026-03-02", "2026-03-10", "2026-03-15", "2026-03-20", "2026-04-20", "2026-05-10"} {
		m.clock(day + "T09:00:00")
		m.vendor(fmt.Sprintf("x-%d", i), []string{"T-1", "", "T-2", "T-3", "T-4", "T-9"}[i], refund) // 2 to 7
	}
	m.index(nil) // 8
	return m
}

// A matterCut is what of a ledger goes into a case bundle, and what is done to it.
type matterCut struct {
	of        string
	size      int64
	cosigners []string
	names     []string // of the chains shown, if not those asked for
	index     *bundle.Index
	drop, add []int64 // records
	again     []int64 // records that a finding block before had
	proofs    func(list []bundle.ChainProof) []bundle.ChainProof
	header    func(h *bundle.Header)
	line      func(n int64, line []byte) []byte
	place     func(n int64) int64

	leads []int64 // sizes from which a consistency proof is carried
	lead  func(proof []merkle.Hash) []merkle.Hash

	noEvidence bool
}

// matter writes the case bundle.
func (m *maker) matter(c matterCut) []byte {
	m.t.Helper()
	if c.size == 0 {
		c.size = int64(len(m.records))
	}
	if c.cosigners == nil {
		c.cosigners = []string{"client", "third"}
	}
	shown, carried := m.chosen(&c)
	h := bundle.Header{Kind: bundle.KindCase, Origin: m.logName, Of: c.of, Chains: int64(len(shown)), Records: int64(len(carried)), Checkpoint: m.checkpoint(c.size, c.cosigners...)}
	if c.header != nil {
		c.header(&h)
	}
	var b bytes.Buffer
	w, err := bundle.NewWriter(&b, h)
	m.must(err)
	tree := m.tree(c.size)
	for _, size := range c.leads {
		proof, err := merkle.ProveConsistency(size, c.size, tree)
		m.must(err)
		if c.lead != nil {
			proof = c.lead(proof)
		}
		m.must(w.Consistency(size, proof))
	}
	for _, p := range shown {
		m.must(w.Chain(p))
	}
	for n := range int64(len(m.records)) {
		if !carried[n] {
			continue
		}
		line := m.lines[n]
		if c.line != nil {
			line = c.line(n, line)
		}
		at := n
		if c.place != nil {
			at = c.place(n)
		}
		proof, err := merkle.ProveInclusion(c.size, at, tree)
		m.must(err)
		m.must(w.Place(at, proof))
		m.must(w.Record(line))
		if c.noEvidence {
			continue
		}
		for _, text := range m.hidden[n] {
			m.must(w.Disclosure(text))
		}
		for _, f := range m.files[n] {
			m.must(w.Attachment(f.name, f.salt, strings.NewReader(f.content)))
		}
	}
	m.must(w.Close())
	return b.Bytes()
}

// chosen are the chains and the records of a cut.
func (m *maker) chosen(c *matterCut) (shown []bundle.ChainProof, carried map[int64]bool) {
	m.t.Helper()
	in := func(chain string) (list []*record.Record) {
		for _, r := range m.records[:c.size-1] {
			if slices.ContainsFunc(r.Log.Chains, func(k record.Link) bool { return k.Chain == chain }) {
				list = append(list, r)
			}
		}
		return list
	}
	asked := Asked(c.of, in(c.of), in("standing"), func(id string) *record.Record { return m.byID[id] })
	if c.names == nil {
		c.names = asked.Chains
	}
	carried = map[int64]bool{c.size - 1: true}
	for _, name := range c.names {
		for _, r := range slices.Backward(in(name)) {
			carried[r.Log.N] = true
			if strings.HasPrefix(name, "grant/") && asked.Since > 0 && r.Log.Time <= asked.Since {
				break
			}
		}
	}
	for _, r := range m.records {
		if id := Beside(c.of, r); id != "" && carried[r.Log.N] {
			carried[m.byID[id].Log.N] = true
		}
	}
	for _, n := range c.drop {
		delete(carried, n)
	}
	for _, n := range c.add {
		carried[n] = true
	}
	if c.index == nil {
		c.index = m.indexAt(c.size - 1)
	}
	for _, name := range c.names {
		p, err := c.index.Tree().Prove(name)
		m.must(err)
		shown = append(shown, p)
	}
	if c.proofs != nil {
		shown = c.proofs(shown)
	}
	return shown, carried
}

// ofClaims is a case bundle of the honest ledger.
func ofClaims(c matterCut) func(t testing.TB) []byte {
	return func(t testing.TB) []byte {
		if c.of == "" {
			c.of = "case/T-1"
		}
		return claims(t, nil).matter(c)
	}
}

// spoilt is the ledger with record n changed after the state has taken it.
func spoilt(t testing.TB, n int, alter func(m *maker, r *record.Record)) *maker {
	return claims(t, func(m *maker, next int) {
		m.alter = nil
		if next == n {
			m.alter = func(r *record.Record) { alter(m, r) }
		}
	})
}

var caseVectors = append([]vector{
	// The chain index in replay bundles.
	{name: "index", make: func(t testing.TB) []byte { return claims(t, nil).bundle(cut{}) }},
	{name: "index-of-another-map", fails: "chains", make: func(t testing.TB) []byte {
		return indexed(t, func(b *record.ChainIndex) { b.Root = record.Sum(nil) })
	}},
	{name: "index-miscounted", fails: "chains", make: func(t testing.TB) []byte {
		return indexed(t, func(b *record.ChainIndex) { b.Chains++ })
	}},
	{name: "index-stale", fails: "chains", make: func(t testing.TB) []byte {
		// It commits the chains as they were before the last record.
		var before *maker
		m := claims(t, func(m *maker, n int) {
			if n == 19 {
				before = m
				x := before.indexAt(19)
				root := x.Root()
				m.history = fmt.Sprintf("%d sha256:%x", x.Len(), root[:])
			}
			if n == 20 {
				m.alter = func(r *record.Record) {
					b := r.Body.(*record.ChainIndex)
					chains, root, _ := strings.Cut(m.history, " ")
					b.Chains, _ = strconv.ParseInt(chains, 10, 64)
					b.Root = record.Digest(root)
				}
			}
		})
		return m.bundle(cut{})
	}},
	{name: "index-continued", since: "held-9.checkpoint", make: func(t testing.TB) []byte {
		m := honest(t)
		m.index(nil)
		return m.bundle(cut{start: 8})
	}},
	{name: "leaves-its-case", fails: "chains", make: func(t testing.TB) []byte {
		// A decision of no case, and an action on it within one.
		m := newMaker(t)
		m.clock("2026-03-01T00:00:00")
		m.agreement(supportTerms, 1, "vendor", "client")
		m.vendor("d-1", "", &record.Decision{Agent: "agent-1"})
		m.vendor("x-1", "T-1", &record.Action{Decision: "d-1", Action: "refund", Effect: "commit", Status: "executed"})
		return m.bundle(cut{})
	}},
	{name: "decision-not-in-its-config", fails: "chains", make: func(t testing.TB) []byte {
		return spoilt(t, 18, func(m *maker, r *record.Record) {
			r.Log.Chains = slices.DeleteFunc(r.Log.Chains, func(k record.Link) bool { return k.Chain == "config/c-2" })
			delete(m.heads, "config/c-2")
		}).bundle(cut{size: 20})
	}},

	// Case bundles that are as they should be.
	{name: "case", now: "2026-03-03T09:10:00", maxAge: 3600, make: ofClaims(matterCut{})},
	{name: "case-tiny", make: func(t testing.TB) []byte { return smallCase(t).matter(matterCut{of: "case/T-1"}) }},
	{name: "case-earlier", make: ofClaims(matterCut{size: 14})},
	{name: "case-absent", make: ofClaims(matterCut{of: "case/T-11"})},
	{name: "case-absent-first", make: ofClaims(matterCut{of: "case/A"})},
	{name: "case-of-a-config", make: ofClaims(matterCut{of: "config/c-1"})},
	{name: "case-of-an-input", make: ofClaims(matterCut{of: "input/i-prices"})},
	{name: "case-of-a-grant", make: ofClaims(matterCut{of: "grant/g-1"})},
	{name: "case-not-replayed", policy: "asks-third.policy", make: ofClaims(matterCut{cosigners: []string{"third"}})},
	{name: "case-held", since: "held-claims.checkpoint", make: ofClaims(matterCut{})},
	{name: "case-held-other-size", since: "held-9.checkpoint", make: ofClaims(matterCut{})},
	{name: "case-extends-held", since: "held-14.checkpoint", make: ofClaims(matterCut{leads: []int64{9, 14, 20}})},
	{name: "case-extends-another-size", since: "held-14.checkpoint", make: ofClaims(matterCut{leads: []int64{13, 15}})},
	{name: "case-older-than-held", since: "held-claims.checkpoint", make: ofClaims(matterCut{size: 14, leads: []int64{13}})},
	{name: "case-extends-a-fork", since: "forked-14.checkpoint", fails: "history", make: ofClaims(matterCut{leads: []int64{14}})},
	{name: "case-lead-changed", since: "held-14.checkpoint", fails: "history", make: ofClaims(matterCut{leads: []int64{14}, lead: func(proof []merkle.Hash) []merkle.Hash {
		proof[1][0] ^= 1
		return proof
	}})},
	{name: "case-lead-short", since: "held-14.checkpoint", fails: "history", make: ofClaims(matterCut{leads: []int64{14}, lead: func(proof []merkle.Hash) []merkle.Hash { return proof[1:] }})},
	{name: "case-lead-of-another-size", since: "held-14.checkpoint", fails: "history", make: func(t testing.TB) []byte {
		b := claims(t, nil).matter(matterCut{of: "case/T-1", leads: []int64{13}})
		return resum(bytes.Replace(b, []byte(`],"size":13}`), []byte(`],"size":14}`), 1))
	}},
	{name: "case-lead-behind-chains", since: "held-14.checkpoint", fails: "form", make: func(t testing.TB) []byte {
		lines := bytes.SplitAfter(claims(t, nil).matter(matterCut{of: "case/T-1", leads: []int64{14}}), []byte("\n"))
		lines[1], lines[2] = lines[2], lines[1]
		return resum(bytes.Join(lines, nil))
	}},
	{name: "case-receipt-compared", make: func(t testing.TB) []byte {
		m := receipts(t, nil)
		m.index(nil)
		return m.matter(matterCut{of: "case/T-1", leads: []int64{2}})
	}},
	{name: "case-receipt-of-a-fork", fails: "history", make: func(t testing.TB) []byte {
		// The client was shown another record 1, and cosigned it.
		fork := receipts(t, func(m *maker, r *record.Record) {
			if b, ok := r.Body.(*record.Outcome); ok {
				b.Facts[0].Value.Text = "60"
			}
		})
		note := fork.checkpoint(2, "client")
		m := receipts(t, func(m *maker, r *record.Record) {
			if b, ok := r.Body.(*record.Receipt); ok {
				b.Checkpoint = noteLines(note)
			}
		})
		m.index(nil)
		return m.matter(matterCut{of: "case/T-1", leads: []int64{2}})
	}},
	{name: "case-forked", since: "forked-claims.checkpoint", fails: "history", make: ofClaims(matterCut{})},

	{name: "case-grant-since", make: func(t testing.TB) []byte { return spring(t).matter(matterCut{of: "case/T-9"}) }},
	{name: "case-grant-since-too-late", fails: "chains", make: func(t testing.TB) []byte {
		return spring(t).matter(matterCut{of: "case/T-9", drop: []int64{5}})
	}},
	{name: "case-grant-gap-within", fails: "chains", make: func(t testing.TB) []byte {
		return spring(t).matter(matterCut{of: "case/T-9", drop: []int64{6}})
	}},

	// Records left out, moved in, or changed.
	{name: "case-first-record-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{7}})},
	{name: "case-record-dropped", fails: "several", make: ofClaims(matterCut{drop: []int64{12}})},
	{name: "case-last-record-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{14}})},
	{name: "case-agreement-dropped", fails: "several", make: ofClaims(matterCut{drop: []int64{0}})},
	{name: "case-standing-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{4}})},
	{name: "case-earlier-index-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{13}})},
	{name: "case-index-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{20}})},
	{name: "case-grant-effect-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{11}})},
	{name: "case-measurement-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{15}})},
	{name: "case-review-dropped", fails: "chains", make: ofClaims(matterCut{drop: []int64{10}})},
	{name: "case-record-of-another", fails: "chains", make: ofClaims(matterCut{add: []int64{16}})},
	{name: "case-record-moved-in", fails: "chains", make: func(t testing.TB) []byte {
		// Record 16 is said to be of the case, in the place of its last record.
		return spoilt(t, 16, func(m *maker, r *record.Record) {
			r.Log.Chains[0] = record.Link{Chain: "case/T-1", Ordinal: 4, Prev: 14}
		}).matter(matterCut{of: "case/T-1"})
	}},
	{name: "case-record-changed", fails: "records", make: ofClaims(matterCut{line: func(n int64, line []byte) []byte {
		return bytes.Replace(line, []byte(`"paid":"80"`), []byte(`"paid":"90"`), 1)
	}})},
	{name: "case-record-at-another-place", fails: "several", make: ofClaims(matterCut{drop: []int64{12}, place: func(n int64) int64 {
		if n == 11 {
			return 12
		}
		return n
	}})},
	{name: "case-ordinal-skipped", fails: "chains", make: func(t testing.TB) []byte {
		return spoilt(t, 14, func(m *maker, r *record.Record) { r.Log.Chains[0].Ordinal++ }).matter(matterCut{of: "case/T-1"})
	}},
	{name: "case-predecessor-skipped", fails: "chains", make: func(t testing.TB) []byte {
		return spoilt(t, 14, func(m *maker, r *record.Record) { r.Log.Chains[0].Prev = 8 }).matter(matterCut{of: "case/T-1"})
	}},
	{name: "case-begun-anew", fails: "chains", make: func(t testing.TB) []byte {
		// The chain forgets what came before, and the index goes along.
		return spoilt(t, 14, func(m *maker, r *record.Record) {
			r.Log.Chains[0].Ordinal, r.Log.Chains[0].Prev = 0, -1
		}).matter(matterCut{of: "case/T-1"})
	}},
	{name: "case-client-signature-false", fails: "author signatures", make: func(t testing.TB) []byte {
		return spoilt(t, 14, func(m *maker, r *record.Record) { r.Sigs[0].Sig[0] ^= 1 }).matter(matterCut{of: "case/T-1"})
	}},
	{name: "case-evidence-changed", fails: "attachments", make: func(t testing.TB) []byte {
		m := claims(t, nil)
		m.files[7][0].content = "I do not want my money back.\n"
		return m.matter(matterCut{of: "case/T-1"})
	}},

	{name: "case-evidence-asked-for", asks: []string{"mail.txt"}, make: ofClaims(matterCut{noEvidence: true})},
	{name: "case-evidence-erased", make: func(t testing.TB) []byte {
		// That it was erased is of the case, and so is shown with it.
		m := claims(t, nil)
		m.files[7] = nil
		m.vendor("erase/1", "T-1", &record.Erase{Of: "i-1", Basis: "asked", State: record.Erased, Scope: []string{"mail.txt"}, Holders: []string{"client", "vendor"}})
		m.index(nil)
		return m.matter(matterCut{of: "case/T-1"})
	}},

	{name: "case-erased-by-name", make: func(t testing.TB) []byte {
		// No record has a field's name: the scope of an erasure has its digest.
		m := claims(t, nil)
		m.vendor("erase/1", "T-1", &record.Erase{Of: "i-1", Basis: "asked", State: record.Erased, Scope: []string{"mail.txt", "total"}, Holders: []string{"vendor"}})
		m.index(nil)
		return m.matter(matterCut{of: "case/T-1"})
	}},
	{name: "case-answered-to-another", make: func(t testing.TB) []byte {
		m := claims(t, nil)
		m.vendor("demand/1", "T-1", &record.Demand{Of: "i-1", Custodian: "vendor", Basis: "audit", Deadline: m.now + 1})
		m.vendor("answer/1", "T-1", &record.Disclose{Demand: "demand/1", To: "client", Digest: m.records[7].Attach[0].Digest})
		m.index(nil)
		return m.matter(matterCut{of: "case/T-1"})
	}},
	{name: "case-answered-with-nothing", make: func(t testing.TB) []byte {
		m := claims(t, nil)
		m.vendor("demand/1", "T-1", &record.Demand{Of: "i-1", Custodian: "vendor", Basis: "audit", Deadline: m.now + 1})
		m.vendor("answer/1", "T-1", &record.Disclose{Demand: "demand/1", To: "vendor", Digest: record.Sum([]byte("nothing"))})
		m.index(nil)
		return m.matter(matterCut{of: "case/T-1"})
	}},

	// The index and what it is said to say.
	{name: "case-index-of-before", fails: "chains", make: func(t testing.TB) []byte {
		// The tree has gone on since its last index.
		m := claims(t, nil)
		m.solved("o-9", "T-9", true)
		return m.matter(matterCut{of: "case/T-1", index: m.indexAt(20)})
	}},
	{name: "case-stale-proofs", fails: "chains", make: func(t testing.TB) []byte {
		m := claims(t, nil)
		return m.matter(matterCut{of: "case/T-1", index: m.indexAt(13), drop: []int64{14}})
	}},
	{name: "case-truncated", fails: "chains", make: ofClaims(matterCut{drop: []int64{14}, proofs: func(list []bundle.ChainProof) []bundle.ChainProof {
		list[0].Shown[0].Ordinal, list[0].Shown[0].N = 2, 12
		return list
	}})},
	{name: "case-denied", fails: "chains", make: func(t testing.TB) []byte {
		// Case T-1 is said not to be there, by its neighbours.
		m := claims(t, nil)
		return m.matter(matterCut{of: "case/T-1", names: []string{"case/T-1", "standing"}, drop: []int64{7, 8, 12, 14}, proofs: func(list []bundle.ChainProof) []bundle.ChainProof {
			after, err := m.indexAt(20).Tree().Prove("case/T-2")
			m.must(err)
			list[0].Shown = after.Shown
			return list
		}})
	}},
	{name: "case-chain-not-shown", fails: "chains", make: ofClaims(matterCut{names: []string{"case/T-1", "grant/g-1", "measure/csat", "standing"}, add: []int64{12}})},
	{name: "case-chain-not-asked", fails: "chains", make: ofClaims(matterCut{of: "case/T-3", names: []string{"case/T-2", "case/T-3", "standing"}})},
	{name: "case-of-another", fails: "several", make: ofClaims(matterCut{header: func(h *bundle.Header) { h.Of = "case/T-2" }})},
	{name: "case-of-no-chain", fails: "form", make: ofClaims(matterCut{header: func(h *bundle.Header) { h.Of = "T-1" }})},
	{name: "case-within-a-decision", fails: "chains", make: func(t testing.TB) []byte {
		// A decision of the case is left out of the chain of its config.
		return spoilt(t, 9, func(m *maker, r *record.Record) {
			r.Log.Chains = slices.DeleteFunc(r.Log.Chains, func(k record.Link) bool { return k.Chain == "config/c-1" })
		}).matter(matterCut{of: "input/i-prices"})
	}},
}, traceVectors...)

// indexed is the replay bundle of claims with its last chain index spoilt.
func indexed(t testing.TB, spoil func(b *record.ChainIndex)) []byte {
	return spoilt(t, 20, func(m *maker, r *record.Record) { spoil(r.Body.(*record.ChainIndex)) }).bundle(cut{})
}

// recount makes the counts of header and end line those of the lines there are.
func recount(b []byte) []byte {
	lines := strings.SplitAfter(string(b), "\n")
	records, shown := 0, 0
	for _, line := range lines[1:] {
		switch {
		case strings.HasPrefix(line, `{"a`) && !strings.HasPrefix(line, `{"attachment"`):
			records++
		case strings.HasPrefix(line, `{"chain":`):
			shown++
		}
	}
	lines[0] = regexp.MustCompile(`"records":[0-9]+,"shown":[0-9]+`).ReplaceAllString(lines[0], fmt.Sprintf(`"records":%d,"shown":%d`, records, shown))
	end := len(lines) - 2
	lines[end] = regexp.MustCompile(`"lines":[0-9]+,"records":[0-9]+`).ReplaceAllString(lines[end], fmt.Sprintf(`"lines":%d,"records":%d`, end, records))
	return resum([]byte(strings.Join(lines, "")))
}

// TestCaseEveryLine: of a small case bundle, with one line left out, two lines
// swapped, one line put in the place of another, or one bit
// flipped of every fifth byte, and all counts and digests made right again, none is verified.
func TestCaseEveryLine(t *testing.T) {
	o := Options{Policy: policy(t, policyText(t, "both"))}
	small := smallCase(t)
	large := claims(t, nil)
	for _, of := range []string{"case/T-1", "case/T-11", "config/c-1", "grant/g-1"} {
		honest := large.matter(matterCut{of: of})
		if of == "case/T-1" {
			honest = small.matter(matterCut{of: of})
		}
		if rep := run(t, recount(honest), o); rep.Verdict != Verified {
			t.Fatal(text(t, rep))
		}
		lines := strings.SplitAfter(string(honest), "\n")
		lines = lines[:len(lines)-1]
		try := func(what string, changed []string) {
			t.Helper()
			rep := run(t, recount([]byte(strings.Join(changed, ""))), o)
			if rep.Verdict == Verified || rep.ExitCode() == 0 {
				t.Errorf("%s: %s:\n%s", of, what, text(t, rep))
			}
		}
		end := len(lines) - 1
		dropped := 0
		for i := 1; i < end; i++ {
			if strings.HasPrefix(lines[i], `{"disclosure"`) || strings.HasPrefix(lines[i], `{"attachment"`) {
				continue // evidence may be left out
			}
			dropped++
			try(fmt.Sprintf("line %d left out", i+1), slices.Delete(slices.Clone(lines), i, i+1))
			if strings.HasPrefix(lines[i], `{"n":`) {
				// With its record, and what belongs to that.
				k := i + 2
				for k < end && !strings.HasPrefix(lines[k], `{"n":`) {
					k++
				}
				try(fmt.Sprintf("lines %d to %d left out", i+1, k), slices.Delete(slices.Clone(lines), i, k))
			}
		}
		if dropped < 8 {
			t.Fatalf("%d lines", dropped)
		}
		if len(lines) > 15 {
			continue
		}
		for i := 1; i < end; i++ {
			for k := i + 1; k < end; k++ {
				swapped := slices.Clone(lines)
				swapped[i], swapped[k] = swapped[k], swapped[i]
				try(fmt.Sprintf("lines %d and %d swapped", i+1, k+1), swapped)
				doubled := slices.Clone(lines)
				doubled[i] = doubled[k]
				try(fmt.Sprintf("line %d for line %d", k+1, i+1), doubled)
			}
			for at := i % 5; at < len(lines[i])-1; at += 5 {
				altered := slices.Clone(lines)
				b := []byte(lines[i])
				b[at] ^= 1 << (at % 7)
				altered[i] = string(b)
				try(fmt.Sprintf("byte %d of line %d altered", at, i+1), altered)
			}
		}
	}
}

// TestCaseEverySubset: of the records of the case and those beside it, no
// choice but all is verified.
func TestCaseEverySubset(t *testing.T) {
	m := claims(t, nil)
	o := Options{Policy: policy(t, policyText(t, "both"))}
	own := []int64{7, 8, 10, 11, 12, 14, 15, 17}
	for choice := range 1 << len(own) {
		var drop []int64
		for i, n := range own {
			if choice>>i&1 == 1 {
				drop = append(drop, n)
			}
		}
		rep := run(t, m.matter(matterCut{of: "case/T-1", drop: drop}), o)
		if (rep.Verdict == Verified) != (choice == 0) {
			t.Fatalf("without %d:\n%s", drop, text(t, rep))
		}
	}
}

func TestReadCase(t *testing.T) {
	m := claims(t, nil)
	o := Options{Policy: policy(t, policyText(t, "both"))}
	read := func(b []byte) (*Case, *Report) {
		t.Helper()
		c, rep, err := ReadCase(bytes.NewReader(b), o)
		if err != nil {
			t.Fatal(err)
		}
		return c, rep
	}
	names := func(list []*record.Record) string {
		var s []string
		for _, r := range list {
			s = append(s, r.ID)
		}
		return strings.Join(s, " ")
	}
	for _, tc := range []struct{ of, own, effects string }{
		{"case/T-1", "i-1 d-1 x-1 dp-1", "x-1"},
		{"case/T-4", "x-0 d-4 x-4", "x-0 x-4"},
		{"case/none", "", ""},
		{"config/c-1", "d-1 d-2", "x-2 x-1"},
		{"config/c-2", "d-4", "x-4"},
		{"input/i-prices", "d-1 d-2", "x-2 x-1"},
		{"input/i-1", "d-1", "x-1"},
		{"grant/g-1", "x-0", "x-2 x-1 x-0"},
		{"grant/g-2", "x-2 x-1", "x-2 x-1"},
	} {
		c, rep := read(m.matter(matterCut{of: tc.of}))
		if c == nil {
			t.Fatalf("%s:\n%s", tc.of, text(t, rep))
		}
		own, ok := c.Chain(tc.of)
		if !ok || names(own) != tc.own || names(c.Effects()) != tc.effects || c.Found != (tc.own != "") || !c.Complete || c.Size != 21 || c.Origin != origin {
			t.Errorf("%s: %q, effects %q, found %v, complete %v; want %q, %q", tc.of, names(own), names(c.Effects()), c.Found, c.Complete, tc.own, tc.effects)
		}
		if c.Standing.Latest() == nil || c.Records[len(c.Records)-1].Kind != record.KindChainIndex {
			t.Errorf("%s: no agreement, or the last record is no chain index", tc.of)
		}
		if _, ok := c.Chain("case/T-3"); ok {
			t.Errorf("%s: has the chain of case T-3", tc.of)
		}
	}
	c, _ := read(spring(t).matter(matterCut{of: "case/T-9"}))
	if list, ok := c.Chain("grant/g"); !ok || names(list) != "x-3 x-4 x-5" {
		t.Errorf("the chain of the grant has %q", names(list))
	}
	// The client's word is missing: all is there, and not complete.
	c, rep := read(m.matter(matterCut{of: "case/T-1", cosigners: []string{"third"}}))
	if c == nil || c.Complete || rep.Verdict != Unproven {
		t.Errorf("%+v\n%s", c, text(t, rep))
	}
	if c, rep := read(m.matter(matterCut{of: "case/T-1", drop: []int64{8}})); c != nil || rep.Verdict != Refused || rep.Case != nil {
		t.Errorf("%+v\n%s", c, text(t, rep))
	}
	if c, rep := read(m.bundle(cut{})); c != nil || rep.Verdict != Verified {
		t.Errorf("a replay bundle: %+v\n%s", c, text(t, rep))
	}
	if _, _, err := Explain(bytes.NewReader(m.matter(matterCut{of: "case/T-1"})), o, Question{Result: "x-1"}); err == nil || err.Error() != "nothing can be explained: a case bundle has no settlement in it" {
		t.Error(err)
	}
}

// TestAsked: which chains are asked for, by the words of the document.
func TestAsked(t *testing.T) {
	grant := func(id, parent string, limit bool) *record.Record {
		g := &record.Grant{Parent: parent}
		if limit {
			g.LimitPeriod = &record.PeriodLimit{Amount: "1", Days: 1}
		}
		return &record.Record{Kind: record.KindGrant, ID: id, Body: g}
	}
	// a has a limit; b and c are taken from it, d from c, which has one too; e has none above it.
	standing := []*record.Record{grant("a", "", true), grant("b", "a", false), grant("c", "a", true), grant("d", "c", false), grant("e", "", false), grant("f", "e", true)}
	act := func(id string) *record.Record {
		return &record.Record{Kind: record.KindAction, Case: "T", Body: &record.Action{Grant: id}}
	}
	decide := func(matter string) *record.Record {
		return &record.Record{Kind: record.KindDecision, ID: "x", Case: matter, Body: &record.Decision{Agent: "a", Inputs: []string{"m", "n", "i"}}}
	}
	find := func(id string) *record.Record {
		switch id {
		case "m":
			return &record.Record{Kind: record.KindMeasurement, Body: &record.Measurement{Metric: "csat"}}
		case "n":
			return &record.Record{Kind: record.KindMeasurement, Case: "T", Body: &record.Measurement{Metric: "other"}}
		}
		return nil
	}
	for _, tc := range []struct {
		of   string
		own  []*record.Record
		want string
	}{
		{"case/T", nil, "case/T standing"},
		{"case/T", []*record.Record{act("e")}, "case/T standing"},
		{"case/T", []*record.Record{act("nowhere")}, "case/T standing"},
		{"case/T", []*record.Record{act("f")}, "case/T grant/f standing"},
		{"case/T", []*record.Record{act("b")}, "case/T grant/a grant/b grant/c grant/d standing"},
		{"case/T", []*record.Record{act("d")}, "case/T grant/a grant/b grant/c grant/d standing"},
		{"case/T", []*record.Record{decide("T")}, "case/T measure/csat standing"},
		{"config/k", []*record.Record{decide("T"), decide("U"), decide("")}, "case/T case/U config/k standing"},
		{"input/i", []*record.Record{decide("T")}, "case/T input/i standing"},
		{"grant/c", []*record.Record{act("c")}, "grant/c grant/d standing"},
		{"grant/e", nil, "grant/e grant/f standing"},
		{"measure/csat", nil, "measure/csat standing"},
		{"standing", standing, "standing"},
	} {
		if got := strings.Join(Asked(tc.of, tc.own, standing, find).Chains, " "); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.of, got, tc.want)
		}
	}
}

// FuzzCase never panics, and verified is only what says what the honest
// bundle says.
func FuzzCase(f *testing.F) {
	m := claims(f, nil)
	o := Options{Policy: policy(f, policyText(f, "both"))}
	for _, of := range []string{"case/T-1", "case/T-11", "config/c-1", "grant/g-1"} {
		f.Add(m.matter(matterCut{of: of}), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, redo bool) {
		if i := bytes.LastIndex(b, []byte("\n{\"end\":{")); redo && i > 0 && regexp.MustCompile(`"sha256":"[0-9a-f]{64}"`).Match(b[i:]) && bytes.Count(b[i+1:], []byte("\n")) == 1 && b[len(b)-1] == '\n' {
			b = resum(b)
		}
		c, rep, err := ReadCase(bytes.NewReader(b), o)
		if err != nil {
			t.Fatal(err)
		}
		text(t, rep)
		if rep.Verdict != Verified || c == nil {
			return
		}
		own, _ := c.Chain(c.Of)
		want := 0
		for _, r := range m.records {
			if slices.Contains(record.Chains(r), c.Of) {
				want++
			}
		}
		if len(own) != want {
			t.Errorf("%s: %d records, want %d", c.Of, len(own), want)
		}
	})
}

// TestCaseDocument: the example of a case bundle in docs/bundle.md is
// case-tiny.bundle, cut where it says so.
func TestCaseDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/bundle.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```case\n")
	example, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("no example of a case bundle in docs/bundle.md")
	}
	got := strings.SplitAfter(example, "\n")
	want := strings.SplitAfter(string(smallCase(t).matter(matterCut{of: "case/T-1"})), "\n")
	if len(got) != len(want) {
		t.Fatalf("the example has %d lines, the bundle %d", len(got), len(want))
	}
	for i, line := range got {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		if ok, err := regexp.MatchString("^"+pattern+"$", want[i]); err != nil || !ok {
			t.Errorf("line %d of the example is\n%sthe bundle has\n%s", i+1, line, want[i])
		}
	}
}
