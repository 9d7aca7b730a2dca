package fee

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
)

const origin = "vendor.example/contract-17"

// key is the key of a party: always the same one.
func key(party string) ed25519.PrivateKey {
	seed := [ed25519.SeedSize]byte{}
	copy(seed[:], party)
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicText(party string) string {
	return record.FormatPublicKey(key(party).Public().(ed25519.PublicKey))
}

// A failer is a *testing.T or a *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// header is what all terms of the tests share. Fields of a test's own replace
// those here.
func header() map[string]any {
	party := func(id, role string) map[string]any {
		return map[string]any{"role": role, "name": strings.ToUpper(id[:1]) + id[1:], "keys": []any{publicText(id)}}
	}
	return map[string]any{
		"title":        "Test",
		"parties":      map[string]any{"vendor": party("vendor", "vendor"), "client": party("client", "client"), "court": party("court", "arbiter"), "bank": party("bank", "third")},
		"currency":     "EUR",
		"scale":        2,
		"rounding":     map[string]any{"mode": "half_up", "at": "line"},
		"calendar":     map[string]any{"zone": "UTC", "period": "month"},
		"effective":    map[string]any{"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},
		"record_delay": "unlimited",
		"skew":         "1h",
		"backfill":     "accept",
		"settle":       map[string]any{"close_after": "0s", "late": "current", "negative": "carry", "corrections": "after_minimum"},
	}
}

// draft makes canonical terms of a header and fields in JSON.
func draft(t failer, fields string) []byte {
	t.Helper()
	h := header()
	var own map[string]any
	d := json.NewDecoder(strings.NewReader(fields))
	d.UseNumber()
	if err := d.Decode(&own); err != nil {
		t.Fatalf("terms: %v", err)
	}
	for name, v := range own {
		h[name] = v
	}
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatalf("terms: %v", err)
	}
	utc := func(_ string, from, _ record.Time) ([]terms.Offset, error) { return []terms.Offset{{From: from}}, nil }
	canonical, mistakes := terms.Draft(text, utc)
	if slices.ContainsFunc(mistakes, func(m terms.Mistake) bool { return strings.HasSuffix(m.Path, ".partial") }) {
		// The term cuts a period, in which the bounds of these tests are whole.
		text = boundsInFull.ReplaceAll(text, []byte(`{$1,"partial":"full"}`))
		canonical, mistakes = terms.Draft(text, utc)
	}
	if canonical == nil {
		t.Fatalf("terms: %v", mistakes)
	}
	return canonical
}

var boundsInFull = regexp.MustCompile(`\{("at_(?:least|most)":"[^"]*")\}`)

// A kit writes a ledger's records in memory.
type kit struct {
	t       failer
	state   *State
	records []*record.Record
	logged  record.Time // never decreases
	digests map[string]record.Digest
	authors map[string]*record.Author
	cases   map[string]string
	chains  map[string][2]int64 // ordinal and n of the last record of each
}

func newKit(t failer) *kit {
	s := New()
	s.List(-1)
	return &kit{t: t, state: s, digests: map[string]record.Digest{}, authors: map[string]*record.Author{}, cases: map[string]string{}, chains: map[string][2]int64{}}
}

// at reads a time like "2026-03-02" or "2026-03-02T09:00".
func at(s string) record.Time {
	for _, form := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(form, s); err == nil {
			return record.Time(t.UnixMilli())
		}
	}
	panic("time " + s)
}

// make fills in what a record needs beside its body; by and the rest of the
// envelope are the caller's.
func (k *kit) make(r *record.Record) *record.Record {
	k.t.Helper()
	r.Kind = r.Body.Kind()
	n := int64(len(k.records))
	if r.ID == "" {
		r.ID = fmt.Sprintf("r-%d", n)
	}
	if r.By == "" {
		r.By = "vendor"
	}
	refs := record.References(r)
	for _, ref := range refs {
		if k.cases[ref.ID] != "" && r.Case == "" && r.Kind != record.KindStatement {
			r.Case = k.cases[ref.ID]
		}
	}
	if r.By != "vendor" {
		seen := map[string]bool{}
		for _, ref := range refs {
			if d, ok := k.digests[ref.ID]; ok && !seen[ref.ID] {
				seen[ref.ID] = true
				r.Cites = append(r.Cites, record.Cite{ID: ref.ID, Digest: d})
			}
		}
		a := record.Author{}
		if last := k.authors[r.By]; last != nil {
			a = *last
		}
		r.Author = &a
		if err := record.Sign(r, origin, key(r.By)); err != nil {
			k.t.Fatalf("sign %s: %v", r.ID, err)
		}
	}
	if r.Kind == record.KindResolve && (r.By == "vendor" || r.By == "client") && r.Body.(*record.Resolve).As == "joint" {
		for _, party := range []string{"vendor", "client"} {
			if err := record.Sign(r, origin, key(party)); err != nil {
				k.t.Fatalf("sign %s: %v", r.ID, err)
			}
		}
	}
	if r.Log == nil {
		r.Log = &record.Log{Time: max(k.logged, r.At)}
	}
	r.Log.N = n
	for _, name := range record.Chains(r) {
		link := record.Link{Chain: name, Prev: -1}
		if last, ok := k.chains[name]; ok {
			link.Ordinal, link.Prev = last[0]+1, last[1]
		}
		r.Log.Chains = append(r.Log.Chains, link)
	}
	return r
}

// add applies a record, logged when it happened or when the one before was,
// whichever is later. It returns the record's id.
func (k *kit) add(r *record.Record) string {
	k.t.Helper()
	k.make(r)
	if err := k.state.Apply(r); err != nil {
		k.t.Fatalf("apply %s: %v", r.ID, err)
	}
	k.keep(r)
	return r.ID
}

// keep notes a record that was applied.
func (k *kit) keep(r *record.Record) {
	d, err := record.ContentDigest(r)
	if err != nil {
		k.t.Fatalf("digest of %s: %v", r.ID, err)
	}
	k.digests[r.ID] = d
	k.cases[r.ID] = r.Case
	k.logged = r.Log.Time
	for _, l := range r.Log.Chains {
		k.chains[l.Chain] = [2]int64{l.Ordinal, r.Log.N}
	}
	k.records = append(k.records, r)
	if r.Author != nil {
		k.authors[r.By] = &record.Author{Seq: r.Author.Seq + 1, Prev: d}
	}
}

// agree applies a version of the terms, signed by the parties named.
func (k *kit) agree(when record.Time, canonical []byte, history string, parties ...string) {
	k.t.Helper()
	version := int64(len(k.state.versions)) + 1
	var prev record.Digest
	if version > 1 {
		prev = k.digests[fmt.Sprintf("agreement/%d", version-1)]
	}
	log, err := merkle.NewVerifierKey(origin, merkle.KindLog, key("log").Public().(ed25519.PublicKey))
	if err != nil {
		k.t.Fatalf("log key: %v", err)
	}
	r := &record.Record{
		Kind: record.KindAgreement, ID: fmt.Sprintf("agreement/%d", version), By: "vendor", At: when,
		Body: &record.Agreement{Version: version, Prev: prev, Format: "raasledger/v1", Origin: origin, LogKey: log.String(), Nonce: fmt.Sprintf("AAAAAAAAAAAAAAAAAAAAA%c==", "AQgw"[version-1]), History: history, Terms: canonical},
		Log:  &record.Log{Time: max(k.logged, when)},
	}
	for _, party := range parties {
		if err := record.Sign(r, origin, key(party)); err != nil {
			k.t.Fatalf("sign %s: %v", r.ID, err)
		}
	}
	k.add(r)
}

// start is a kit with terms that both parties signed.
func start(t failer, fields string) *kit {
	t.Helper()
	k := newKit(t)
	k.agree(at("2026-03-01"), draft(t, fields), "", "vendor", "client")
	return k
}

// settle computes and applies the next statement, checks what must hold of
// every statement, and returns it with its detail.
func (k *kit) settle() (*record.Statement, []string) {
	k.t.Helper()
	_, closing, ok := k.state.Next()
	if !ok {
		k.t.Fatalf("nothing to settle")
	}
	before := join(k.state.Lines())
	var detail []string
	st, err := k.state.Settle(func(line []byte) error {
		detail = append(detail, string(line))
		return nil
	})
	if err != nil {
		k.t.Fatalf("settle: %v", err)
	}
	if d := record.Sum([]byte(strings.Join(append(detail, ""), "\n"))); d != st.Detail {
		k.t.Fatalf("detail has digest %s, the statement says %s", d, st.Detail)
	}
	checkBackings(k.t, k.state, st)
	left, err := k.state.SettledLines()
	if err != nil {
		k.t.Fatalf("settled lines: %v", err)
	}
	if d := record.Sum(join(left)); d != st.State {
		k.t.Fatalf("settled lines have digest %s, the statement says %s", d, st.State)
	}
	if !bytes.Equal(before, join(k.state.Lines())) {
		k.t.Fatalf("settling changed the state")
	}
	r := k.make(&record.Record{ID: "statement/" + st.Period, At: max(k.logged, closing), Body: st})

	// The state that was carried, with the statement, is the state that goes on.
	carried, err := ReadState(left)
	if err != nil {
		k.t.Fatalf("read state: %v\n%s", err, join(left))
	}
	if err := k.state.Apply(r); err != nil {
		k.t.Fatalf("apply %s: %v", r.ID, err)
	}
	k.keep(r)
	if err := carried.Apply(r); err != nil {
		k.t.Fatalf("apply %s to the carried state: %v", r.ID, err)
	}
	if a, b := join(k.state.Lines()), join(carried.Lines()); !bytes.Equal(a, b) {
		k.t.Fatalf("the carried state goes on as\n%s\nwant\n%s", b, a)
	}
	if _, err := record.Marshal(r); err != nil {
		k.t.Fatalf("marshal %s: %v", r.ID, err)
	}
	return st, detail
}

func join(lines [][]byte) []byte {
	return append(bytes.Join(lines, []byte("\n")), '\n')
}

// show writes a statement as the worked files have it.
func show(st *record.Statement) string {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	for _, l := range st.Lines {
		p("line %s v%d: %s -> %s (%d results)", l.Name, l.Version, l.Quantity, l.Amount, l.Records)
		for _, u := range l.Tiers {
			p("  tier %d: %s -> %s", u.Tier, u.Quantity, u.Amount)
		}
		for _, a := range l.Adjust {
			p("  %s: %s -> %s", a.Op, a.Before, a.After)
		}
	}
	for _, a := range st.Adjust {
		p("%s: %s -> %s", a.Op, a.Before, a.After)
	}
	p("subtotal %s", st.Subtotal)
	for _, c := range st.Corrections {
		p("correction of %s %s v%d: %s -> %s = %s", c.Period, c.Line, c.Version, c.QuantityBefore, c.Quantity, c.Amount)
	}
	p("carried in %s, total %s, carried out %s", st.CarriedIn, st.Total, st.CarriedOut)
	for _, g := range st.Grades {
		p("grade %s: %s", g.Grade, g.Amount)
	}
	for _, c := range st.Counts {
		p("count %s: %d", c.Reason, c.N)
	}
	return b.String()
}
