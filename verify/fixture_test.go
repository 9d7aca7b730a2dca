package verify

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

const origin = "vendor.example/contract-17"

// key returns a private key that its name decides.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("raasledger test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) ed25519.PublicKey { return key(name).Public().(ed25519.PublicKey) }

func at(t testing.TB, text string) record.Time {
	t.Helper()
	if len(text) == len("2026-03-01T08:00:00") {
		text += ".000Z"
	}
	x, err := record.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// supportTerms are those of a support desk, paid per ticket solved.
const supportTerms = `{
"title": "Support desk", "currency": "EUR", "scale": 2,
"parties": {
 "vendor": {"role": "vendor", "name": "Vendor", "keys": ["@vendor"]},
 "client": {"role": "client", "name": "Client", "keys": ["@client"]}},
"rounding": {"mode": "half_even", "at": "statement"},
"calendar": {"zone": "UTC", "period": "month", "offsets": [{"from": "2026-01-01T00:00:00.000Z", "minutes": 0}]},
"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},
"record_delay": "1h", "skew": "5m", "backfill": "refuse",
"results": {"resolved": {
 "facts": {"minutes": "decimal", "solved": "bool"}, "once_per": "case", "where": "solved", "claim": ["vendor"],
 "accept": {"on": "silence", "after": "72h", "from": "claim"},
 "dispute": {"within": "72h", "unresolved": {"after": "7d", "then": "accept"}},
 "reopen": {"within": "7d", "from": "accepted"},
 "escalation": "void", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}},
"measures": {"resolved": {"count": "resolved", "over": "period"}},
"lines": [{"name": "resolved", "of": "resolved", "mode": "graduated", "tiers": [{"unit": "0.99"}]}],
"settle": {"close_after": "8d", "late": "current", "negative": "carry", "corrections": "after_minimum"}}`

// A maker makes a ledger, honest or not, without package ledger.
type maker struct {
	t       testing.TB
	state   *fee.State
	records []*record.Record
	lines   [][]byte
	leaves  []merkle.Hash
	heads   map[string]record.Link
	authors map[string]record.Author
	now     record.Time
	files   map[int64][]file          // attachments by record
	hidden  map[int64][]string        // disclosures by record
	logName string                    // origin of the checkpoints
	agreed  string                    // origin in the agreement
	logKey  string                    // whose key the agreement names
	history string                    // in the next agreement
	honest  []*record.Record          // as the state has them
	byID    map[string]*record.Record // the same
	spoil   func(s *record.Statement) // changes a statement before it is written
	alter   func(r *record.Record)    // changes a record after the state has taken it
	kept    Kept                      // of the finding blocks of the bundle so far
	say     func(b *record.Resolve)   // changes a resolve by finding before it is signed
}

type file struct {
	name    string
	salt    [32]byte
	content string
}

func newMaker(t testing.TB) *maker {
	return &maker{t: t, state: fee.New(), heads: map[string]record.Link{}, authors: map[string]record.Author{}, byID: map[string]*record.Record{},
		files: map[int64][]file{}, hidden: map[int64][]string{},
		logName: origin, agreed: origin, logKey: "log"}
}

func (m *maker) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// clock sets the time of the next records.
func (m *maker) clock(text string) { m.now = at(m.t, text) }

// agreement appends a version of the agreement, signed by the given keys.
func (m *maker) agreement(text string, version int64, signers ...string) *record.Record {
	m.t.Helper()
	for _, name := range []string{"vendor", "client"} {
		text = strings.ReplaceAll(text, "@"+name, record.FormatPublicKey(public(name)))
	}
	canonical, mistakes := terms.Draft([]byte(text), nil)
	for _, k := range mistakes {
		if !k.Warning {
			m.t.Fatalf("terms: %s: %s", k.Path, k.Reason)
		}
	}
	logKey, err := merkle.NewVerifierKey(m.agreed, merkle.KindLog, public(m.logKey))
	m.must(err)
	body := &record.Agreement{Version: version, Format: record.Format, Origin: m.agreed, LogKey: logKey.String(), Nonce: base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("nonce of version %d", version))), History: m.history, Terms: canonical}
	if version > 1 {
		for _, o := range m.honest {
			if o.Kind == record.KindAgreement {
				body.Prev, err = record.ContentDigest(o)
				m.must(err)
			}
		}
	}
	r := &record.Record{Kind: record.KindAgreement, ID: fmt.Sprintf("agreement/%d", version), At: m.now, By: "vendor", Body: body}
	for _, name := range signers {
		m.must(record.Sign(r, m.agreed, key(name)))
	}
	m.add(r)
	return r
}

// solved appends the vendor's claim that a case was solved.
func (m *maker) solved(id, matter string, yes bool) *record.Record {
	m.t.Helper()
	r := &record.Record{Kind: record.KindOutcome, ID: id, Case: matter, At: m.now, By: "vendor",
		Body: &record.Outcome{Result: "resolved", Facts: record.Facts{record.Text("minutes", "12"), record.Bool("solved", yes)}}}
	m.add(r)
	return r
}

// byClient makes a record the client's: author, cites, signature.
func (m *maker) byClient(r *record.Record) *record.Record {
	m.t.Helper()
	r.At, r.By = m.now, "client"
	m.sign(r, "client")
	return r
}

// sign gives r the next place among the records of the key, cites and a signature.
func (m *maker) sign(r *record.Record, name string) {
	m.t.Helper()
	next := m.authors[name]
	r.Author = &next
	r.Cites = nil
	for _, ref := range record.References(r) {
		o := m.byID[ref.ID]
		if o == nil {
			continue
		}
		d, err := record.ContentDigest(o)
		m.must(err)
		if !slices.ContainsFunc(r.Cites, func(c record.Cite) bool { return c.ID == ref.ID }) {
			r.Cites = append(r.Cites, record.Cite{ID: ref.ID, Digest: d})
		}
	}
	slices.SortFunc(r.Cites, func(a, b record.Cite) int { return strings.Compare(a.ID, b.ID) })
	m.must(record.Sign(r, m.agreed, key(name)))
	d, err := record.ContentDigest(r)
	m.must(err)
	m.authors[name] = record.Author{Seq: next.Seq + 1, Prev: d}
}

// statement settles the next period.
func (m *maker) statement() *record.Record {
	m.t.Helper()
	s, err := m.state.Settle(nil)
	m.must(err)
	if m.spoil != nil {
		m.spoil(s)
	}
	r := &record.Record{Kind: record.KindStatement, ID: "statement/" + s.Period, At: m.now, By: "vendor", Body: s}
	m.add(r)
	return r
}

// add gives r its log and appends it to ledger and state.
func (m *maker) add(r *record.Record) {
	m.t.Helper()
	m.number(r)
	m.push(r)
}

// number gives r the log of the next record.
func (m *maker) number(r *record.Record) {
	n := int64(len(m.records))
	r.Log = &record.Log{N: n, Time: m.now}
	for _, name := range record.Chains(r) {
		link := record.Link{Chain: name, Prev: -1}
		if head, ok := m.heads[name]; ok {
			link.Ordinal, link.Prev = head.Ordinal+1, head.Prev
		}
		r.Log.Chains = append(r.Log.Chains, link)
		m.heads[name] = record.Link{Ordinal: link.Ordinal, Prev: n}
	}
}

// push appends r: to the state as it is, to the ledger as altered.
func (m *maker) push(r *record.Record) {
	m.t.Helper()
	var mismatch *fee.Mismatch
	if err := m.state.Apply(r); err != nil && !errors.As(err, &mismatch) {
		m.t.Fatal(err)
	}
	m.honest = append(m.honest, r)
	m.byID[r.ID] = r
	line, err := record.Marshal(r)
	m.must(err)
	if m.alter != nil {
		if r, err = record.Parse(line); err == nil {
			m.alter(r)
			line, err = record.Marshal(r)
		}
		m.must(err)
	}
	m.records = append(m.records, r)
	m.lines = append(m.lines, line)
	m.leaves = append(m.leaves, merkle.LeafHash(line))
}

// attach gives r an attachment; its bytes go into bundles.
func (m *maker) attach(r *record.Record, name, content string) {
	f := file{name: name, salt: sha256.Sum256([]byte("salt of " + name)), content: content}
	r.Attach = append(r.Attach, record.Attachment{Name: name, Size: int64(len(content)), Media: "text/plain",
		Digest: record.Sum(append(f.salt[:], content...))})
	n := int64(len(m.records))
	m.files[n] = append(m.files[n], f)
}

// seal gives r sealed fields; their disclosures go into bundles.
func (m *maker) seal(r *record.Record, texts ...string) {
	for _, text := range texts {
		r.Sealed = append(r.Sealed, record.Sum([]byte(text)))
	}
	slices.Sort(r.Sealed)
	slices.SortFunc(texts, func(a, b string) int {
		return strings.Compare(string(record.Sum([]byte(a))), string(record.Sum([]byte(b))))
	})
	m.hidden[int64(len(m.records))] = texts
}

// tree is that of the leaves [0, size).
func (m *maker) tree(size int64) *merkle.Tree {
	var t merkle.Tree
	t.Append(m.leaves[:size]...)
	return &t
}

// checkpoint is signed by the log and cosigned by the names, each at a time
// in seconds after the last record.
func (m *maker) checkpoint(size int64, cosigners ...string) []byte {
	m.t.Helper()
	root, err := m.tree(size).RootAt(size)
	m.must(err)
	s, err := merkle.NewLogSigner(m.logName, key("log"))
	m.must(err)
	note, err := merkle.SignCheckpoint(merkle.Checkpoint{Origin: m.logName, Size: size, Root: root}, s)
	m.must(err)
	for i, name := range cosigners {
		seconds := int64(m.records[size-1].Log.Time)/1000 + 60*int64(i+1)
		note, err = merkle.Cosign(note, name+".example/auditor", key(name), seconds)
		m.must(err)
	}
	return note
}

// A cut is what of a ledger goes into a bundle, and what is done to it.
type cut struct {
	start, size int64
	cosigners   []string
	header      func(h *bundle.Header)
	state       func(lines [][]byte) [][]byte
	lines       func(lines [][]byte) [][]byte // records from start
	stateOf     int64                         // the statement whose state is carried, if not that at start
	noEvidence  bool
	noRefs      bool
	noAction    bool  // none of what claims name
	alsoRef     int64 // before the first record, if not 0

	// block changes the finding block of a record, or leaves it out.
	block func(r *record.Record, c *matterCut) bool
}

// bundle writes the bundle.
func (m *maker) bundle(c cut) []byte {
	m.t.Helper()
	if c.size == 0 {
		c.size = int64(len(m.records))
	}
	if c.cosigners == nil {
		c.cosigners = []string{"client", "third"}
	}
	start := m.tree(c.start)
	f, err := merkle.FrontierAt(c.start, start)
	m.must(err)
	lines := slices.Clone(m.lines[c.start:c.size])
	if c.lines != nil {
		lines = c.lines(lines)
	}
	h := bundle.Header{Kind: bundle.KindReplay, Origin: m.logName, Start: c.start, Frontier: f.Hashes(), Records: int64(len(lines)), Checkpoint: m.checkpoint(c.size, c.cosigners...)}
	var state [][]byte
	if c.start > 0 {
		state = m.stateAt(cmp.Or(c.stateOf, c.start))
		if c.state != nil {
			state = c.state(state)
		}
		h.StateLines = int64(len(state))
	}
	if c.header != nil {
		c.header(&h)
	}
	var b bytes.Buffer
	w, err := bundle.NewWriter(&b, h)
	m.must(err)
	m.kept = Kept{}
	for _, line := range state {
		m.must(w.State(line))
	}
	for i, line := range lines {
		r, err := record.Parse(line)
		if err != nil {
			m.must(w.Record(line))
			continue
		}
		if !c.noRefs {
			needs := m.needs(r, c.start, i == 0)
			if c.noAction && r.Kind == record.KindOutcome {
				needs = slices.DeleteFunc(needs, func(n int64) bool { return m.records[n].Kind == record.KindAction })
			}
			if i == 0 && c.alsoRef > 0 {
				needs = append(needs, c.alsoRef)
				slices.Sort(needs)
			}
			for _, n := range needs {
				proof, err := merkle.ProveInclusion(c.start, n, start)
				m.must(err)
				m.must(w.Ref(m.lines[n], proof))
			}
		}
		m.findingBlock(w, r, c.block)
		m.must(w.Record(line))
		if c.noEvidence {
			continue
		}
		for _, text := range m.hidden[r.Log.N] {
			m.must(w.Disclosure(text))
		}
		for _, f := range m.files[r.Log.N] {
			m.must(w.Attachment(f.name, f.salt, strings.NewReader(f.content)))
		}
	}
	m.must(w.Close())
	return b.Bytes()
}

// needs are the records before start that must stand before r.
func (m *maker) needs(r *record.Record, start int64, first bool) []int64 {
	var ns []int64
	for _, k := range r.Log.Chains {
		if k.Prev >= 0 && k.Prev < start {
			ns = append(ns, k.Prev)
		}
	}
	for _, c := range r.Cites {
		if o := m.byID[c.ID]; o != nil && o.Log.N < start {
			ns = append(ns, o.Log.N)
		}
	}
	if b, ok := r.Body.(*record.Outcome); ok && b.Effect != "" {
		if o := m.byID[b.Effect]; o != nil && o.Log.N < start {
			ns = append(ns, o.Log.N)
		}
	}
	if first && start > 0 {
		for i, o := range m.records[:start] {
			if o.Kind == record.KindAgreement {
				ns = append(ns, int64(i))
			}
		}
	}
	slices.Sort(ns)
	return slices.Compact(ns)
}

// stateAt is the state that the statement at n commits to.
func (m *maker) stateAt(n int64) [][]byte {
	m.t.Helper()
	want := m.records[n].Body.(*record.Statement).State
	s := fee.New()
	for _, r := range m.honest[:n] {
		var mismatch *fee.Mismatch
		if err := s.Apply(r); err != nil && !errors.As(err, &mismatch) {
			m.t.Fatal(err)
		}
	}
	lines, err := s.SettledLines()
	m.must(err)
	if got := digestLines(lines); got != want {
		m.t.Fatalf("state before the statement at %d has the digest %s, want %s", n, got, want)
	}
	return lines
}

func digestLines(lines [][]byte) record.Digest {
	var b bytes.Buffer
	for _, line := range lines {
		b.Write(line)
		b.WriteByte('\n')
	}
	return record.Sum(b.Bytes())
}

// The policy of the tests: a log, the client and a third party.
func policyText(t testing.TB, quorum string) string {
	t.Helper()
	vkey := func(name string, kind merkle.Kind, holder string) string {
		k, err := merkle.NewVerifierKey(name, kind, public(holder))
		if err != nil {
			t.Fatal(err)
		}
		return k.String()
	}
	return "log " + vkey(origin, merkle.KindLog, "log") + "\n" +
		"witness client " + vkey("client.example/auditor", merkle.KindCosignature, "client") + "\n" +
		"witness third " + vkey("third.example/auditor", merkle.KindCosignature, "third") + "\n" +
		"group both all client third\n" +
		"quorum " + quorum + "\n"
}

func policy(t testing.TB, text string) *bundle.Policy {
	t.Helper()
	p, err := bundle.ParsePolicy([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// honest is a ledger of two settled months.
func honest(t testing.TB) *maker { return story(t, nil) }

// story is the honest ledger; step, if not nil, is called before each record
// with its number and may change what follows.
func story(t testing.TB, step func(m *maker, n int)) *maker {
	m := newMaker(t)
	do := func(f func()) {
		if step != nil {
			step(m, len(m.records))
		}
		f()
	}
	m.clock("2026-03-01T00:00:00")
	do(func() { m.agreement(supportTerms, 1, "vendor", "client") }) // 0
	m.clock("2026-03-02T09:00:00")
	do(func() { // 1
		r := &record.Record{Kind: record.KindOutcome, ID: "o-1", Case: "T-1", At: m.now, By: "vendor",
			Body: &record.Outcome{Result: "resolved", Facts: record.Facts{record.Text("minutes", "7.5"), record.Bool("solved", true)}}}
		m.attach(r, "answer.txt", "Please press the button.\n")
		m.attach(r, "question.txt", "It does not work.\n")
		m.seal(r, "WyJzYWx0MSIsImVtYWlsIiwiYUBiLmV4YW1wbGUiXQ", "WyJzYWx0MiIsIm5hbWUiLCJBbm4iXQ")
		m.add(r)
	})
	m.clock("2026-03-02T09:30:00")
	do(func() { m.solved("o-2", "T-2", true) }) // 2
	m.clock("2026-03-02T10:00:00")
	do(func() { // 3
		m.add(m.byClient(&record.Record{Kind: record.KindConfirm, ID: "c-1", Case: "T-1", Body: &record.Confirm{Of: "o-1", Verdict: "accept"}}))
	})
	m.clock("2026-03-03T10:00:00")
	do(func() { m.solved("o-3", "T-3", false) }) // 4
	do(func() {                                  // 5
		m.add(m.byClient(&record.Record{Kind: record.KindReverse, ID: "r-2", Case: "T-2", Body: &record.Reverse{Of: "o-2", Cause: "reopened"}}))
	})
	do(func() { // 6
		m.add(&record.Record{Kind: record.KindMeasurement, ID: "m-1", At: m.now, By: "vendor",
			Body: &record.Measurement{Metric: "csat", Method: "survey", From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2026-03-03T00:00:00"), Value: "4.5"}})
	})
	do(func() { m.solved("o-4", "T-4", true) }) // 7
	m.clock("2026-04-09T00:00:00")
	do(func() { m.statement() }) // 8: 2026-03
	m.clock("2026-04-10T08:00:00")
	do(func() { m.solved("o-5", "T-5", true) }) // 9
	m.clock("2026-04-10T09:00:00")
	do(func() { // 10
		m.add(m.byClient(&record.Record{Kind: record.KindConfirm, ID: "c-4", Case: "T-4", Body: &record.Confirm{Of: "o-4", Verdict: "accept"}}))
	})
	do(func() { // 11
		m.add(m.byClient(&record.Record{Kind: record.KindConfirm, ID: "c-5", Case: "T-5", Body: &record.Confirm{Of: "o-5", Verdict: "accept"}}))
	})
	m.clock("2026-05-09T00:00:00")
	do(func() { m.statement() }) // 12: 2026-04
	return m
}

// tiny is the smallest ledger with a statement.
func tiny(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.solved("o-1", "T-1", true)
	m.clock("2026-04-09T00:00:00")
	m.statement()
	return m
}

// run verifies b and fails the test on an error.
func run(t testing.TB, b []byte, o Options) *Report {
	t.Helper()
	rep, err := Verify(bytes.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

// text is the report as people read it.
func text(t testing.TB, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
