package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// vendorRecord is a record of the vendor, now.
func vendorRecord(clock *testClock, id, matter string, b record.Body) *record.Record {
	return &record.Record{Kind: b.Kind(), ID: id, Case: matter, At: clock.now, By: "vendor", Body: b}
}

// cosigned signs the ledger as it is, and has the client cosign it.
func cosigned(t testing.TB, l *Ledger, clock *testClock) []byte {
	t.Helper()
	note, err := l.Checkpoint(ctx, key("log"))
	must(t, err)
	note, err = merkle.Cosign(note, "client.example/auditor", key("client"), int64(clock.now)/1000)
	must(t, err)
	note, err = l.Cosigned(ctx, note)
	must(t, err)
	return note
}

// refunds is a ledger with agents, grants, and two cases among many others,
// and a cosigned checkpoint that ends with a chain index.
func refunds(t *testing.T, dir string, clock *testClock) (*DB, *Ledger) {
	t.Helper()
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	grant := func(parent string) *record.Grant {
		g := &record.Grant{Grantor: "vendor", Grantee: "agent-1", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, Parent: parent,
			From: at("2026-03-01T00:00:00"), Until: at("2027-03-01T00:00:00"), Delegable: 1}
		if parent == "" {
			g.LimitPeriod = &record.PeriodLimit{Amount: "1000", Days: 30}
		}
		return g
	}
	refund := func(decision, review string) *record.Action {
		return &record.Action{Decision: decision, Grant: "g-2", Review: review, Action: "refund", Amount: "5", Currency: "EUR", Effect: "commit", Status: "executed"}
	}
	for _, r := range []*record.Record{
		vendorRecord(clock, "g-1", "", grant("")),
		vendorRecord(clock, "g-2", "", grant("g-1")),
		vendorRecord(clock, "c-1", "", &record.Config{Agent: "agent-1", Model: "m-7"}),
		vendorRecord(clock, "i-prices", "", &record.Input{AsOf: clock.now}),
		vendorRecord(clock, "m-1", "", &record.Measurement{Metric: "csat", From: clock.now, Until: clock.now, Value: "4.5"}),
		vendorRecord(clock, "d-1", "R-1", &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-2", Inputs: []string{"i-prices", "m-1"}}),
		vendorRecord(clock, "d-2", "R-2", &record.Decision{Agent: "agent-1", Config: "c-1", Grant: "g-2"}),
	} {
		_, err := l.Append(ctx, r)
		must(t, err)
	}
	_, err := l.Append(ctx, outcomes(0, 300, clock.now)...)
	must(t, err)
	review := vendorRecord(clock, "r-2", "R-2", &record.Review{Of: "d-2", Verdict: "override"})
	review.Actor = "h-lin"
	for _, r := range []*record.Record{review, vendorRecord(clock, "x-2", "R-2", refund("d-2", "r-2")), vendorRecord(clock, "x-1", "R-1", refund("d-1", ""))} {
		_, err := l.Append(ctx, r)
		must(t, err)
	}
	_, err = l.Index(ctx)
	must(t, err)
	cosigned(t, l, clock)
	return db, l
}

// readCase writes a case bundle and verifies it as the client's auditor does.
func readCase(t *testing.T, l *Ledger, of string, size int64) (*verify.Case, *verify.Report) {
	t.Helper()
	var b bytes.Buffer
	must(t, l.WriteCase(ctx, &b, of, CaseOptions{Size: size}))
	c, report, err := verify.ReadCase(&b, verify.Options{Policy: testPolicy(t)})
	must(t, err)
	if c == nil || report.Verdict != verify.Verified || !c.Complete {
		var text bytes.Buffer
		must(t, report.WriteText(&text))
		t.Fatalf("%s at %d:\n%s", of, size, text.String())
	}
	return c, report
}

func ids(list []*record.Record) string {
	var s []string
	for _, r := range list {
		s = append(s, r.ID)
	}
	return strings.Join(s, " ")
}

func TestCase(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := refunds(t, dir, clock)
	first := l.Size()
	wantCases := func(size int64) {
		t.Helper()
		for _, tc := range []struct {
			of, own, effects string
			records          int
		}{
			{"case/R-1", "d-1 x-1", "x-1", 11}, // the case, the standing records, the grants' actions, a metric, the review of x-2
			{"case/R-2", "d-2 r-2 x-2", "x-2", 10},
			{"case/T-7", "o-7", "", 7},
			{"case/none", "", "", 6},
			{"config/c-1", "d-1 d-2", "x-2 x-1", 11},
			{"input/i-prices", "d-1", "x-1", 8},
			{"grant/g-1", "", "x-2 x-1", 8},
			{"grant/g-2", "x-2 x-1", "x-2 x-1", 8},
			{"measure/csat", "m-1", "", 7},
		} {
			c, _ := readCase(t, l, tc.of, size)
			own, ok := c.Chain(tc.of)
			if !ok || ids(own) != tc.own || ids(c.Effects()) != tc.effects || len(c.Records) != tc.records || c.Size != first {
				t.Errorf("%s: %q, effects %q, %d records, size %d; want %+v at %d", tc.of, ids(own), ids(c.Effects()), len(c.Records), c.Size, tc, first)
			}
			ns, err := l.Chain(ctx, tc.of)
			must(t, err)
			var in []string
			for _, n := range ns {
				r, err := l.recordAt(n)
				must(t, err)
				in = append(in, r.ID)
			}
			if got := strings.Join(in, " "); got != tc.own {
				t.Errorf("%s: the chain has %q, want %q", tc.of, got, tc.own)
			}
		}
	}
	wantCases(0)
	wantCases(first)

	// Nothing has come since: the same record. Then more comes, without an index.
	again, err := l.Index(ctx)
	must(t, err)
	if again.Log.N != first-1 || l.Size() != first {
		t.Errorf("index is record %d, the ledger has %d", again.Log.N, l.Size())
	}
	_, err = l.Append(ctx, outcomes(500, 50, clock.now)...)
	must(t, err)
	cosigned(t, l, clock)
	wantError(t, l.WriteCase(ctx, new(bytes.Buffer), "case/R-1", CaseOptions{Size: l.Size()}), fmt.Sprintf("record %d, the last of the checkpoint, is outcome, want a chain index", l.Size()-1))
	wantError(t, l.WriteCase(ctx, new(bytes.Buffer), "case/R-1", CaseOptions{Size: 9}), "no such checkpoint at size 9")
	wantError(t, l.WriteCase(ctx, new(bytes.Buffer), "R-1", CaseOptions{}), `"R-1" is no name of a chain`)
	wantCases(0) // from an index that is ahead by 50
	done(t, db)

	// Opened again, all is read from the keys of the chains.
	db = open(t, dir, small(clock))
	l, err = db.Ledger(testOrigin)
	must(t, err)
	wantCases(0)
	more := vendorRecord(clock, "n-1", "R-1", &record.Incident{Severity: "low", Discovered: clock.now})
	_, err = l.Append(ctx, more)
	must(t, err)
	_, err = l.Index(ctx)
	must(t, err)
	cosigned(t, l, clock)
	c, _ := readCase(t, l, "case/R-1", 0)
	if own, _ := c.Chain("case/R-1"); ids(own) != "d-1 x-1 n-1" || c.Size != l.Size() {
		t.Errorf("%q at %d", ids(own), c.Size)
	}
	c, _ = readCase(t, l, "case/R-1", first)
	if own, _ := c.Chain("case/R-1"); ids(own) != "d-1 x-1" {
		t.Errorf("%q at %d", ids(own), c.Size)
	}

	// A replay bundle recomputes all of them.
	var b bytes.Buffer
	must(t, l.WriteBundle(ctx, &b, BundleOptions{}))
	report, err := verify.Verify(&b, verify.Options{Policy: testPolicy(t)})
	must(t, err)
	if report.Verdict != verify.Verified || report.Index == nil || !report.Index.Recomputed || report.Index.N != l.Size()-1 {
		t.Errorf("verdict %s, index %+v", report.Verdict, report.Index)
	}
	done(t, db)
}

// TestCaseWithoutCosignature: who has the vendor's word alone is told so.
func TestCaseWithoutCosignature(t *testing.T) {
	clock := newClock()
	db, l := create(t, t.TempDir(), small(clock))
	if err := l.WriteCase(ctx, new(bytes.Buffer), "case/T-1", CaseOptions{}); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("got %v", err)
	}
	_, err := l.Append(ctx, outcomes(0, 3, clock.now)...)
	must(t, err)
	_, err = l.Index(ctx)
	must(t, err)
	_, err = l.Checkpoint(ctx, key("log"))
	must(t, err)
	var b bytes.Buffer
	must(t, l.WriteCase(ctx, &b, "case/T-1", CaseOptions{}))
	p := testPolicy(t)
	c, report, err := verify.ReadCase(&b, verify.Options{Policy: p})
	must(t, err)
	if report.Verdict != verify.Unproven || c == nil || c.Complete {
		t.Errorf("verdict %s, case %+v", report.Verdict, c)
	}
	done(t, db)
}

func TestIndexRefused(t *testing.T) {
	clock := newClock()
	db, l := create(t, t.TempDir(), small(clock))
	_, err := l.Append(ctx, outcomes(0, 5, clock.now)...)
	must(t, err)
	index := func(id string, chains int64, root record.Digest) *record.Record {
		return vendorRecord(clock, id, "", &record.ChainIndex{Chains: chains, Root: root})
	}
	refused := func(want string, records ...*record.Record) {
		t.Helper()
		_, err := l.Append(ctx, records...)
		var r *record.Refusal
		if !errors.As(err, &r) {
			t.Errorf("got %v, want a refusal", err)
		}
		wantError(t, err, want)
	}
	var right *record.ChainIndex
	must(t, l.indexAt(ctx, 6, func(x *indexed) error { right = x.commitment(); return nil }))
	refused("record x: body: commits 6 chains with root "+string(record.Sum(nil))+", the records before it have 6 with root "+string(right.Root), index("x", 6, record.Sum(nil)))
	refused("commits 5 chains", index("x", 5, right.Root))
	refused("record 2 of the call: record x: kind: is chain-index, which stands alone in its call; this one has 2 records", outcome("o-9", "T-9", clock.now), index("x", 6, right.Root))
	if l.Size() != 6 {
		t.Errorf("size %d", l.Size())
	}
	// The right one is taken, under any id; again it is the same record.
	for range 2 {
		ns, err := l.Append(ctx, index("x", right.Chains, right.Root))
		must(t, err)
		if ns[0] != 6 {
			t.Errorf("record %d", ns[0])
		}
	}
	refused("commits 6 chains", index("y", right.Chains, right.Root)) // one record later the standing chain is longer

	// What is done about a decision stays in its case.
	for _, r := range []*record.Record{
		vendorRecord(clock, "d-0", "", &record.Decision{Agent: "a"}),
		vendorRecord(clock, "i-0", "", &record.Input{AsOf: clock.now}),
	} {
		_, err := l.Append(ctx, r)
		must(t, err)
	}
	refused(`record x-0: case: is "T-1", want "", that of record d-0 in body.decision`, vendorRecord(clock, "x-0", "T-1", &record.Action{Decision: "d-0", Action: "a", Effect: "read", Status: "planned"}))
	refused(`record i-1: case: is "T-1", want "", that of record i-0 in body.corrects`, vendorRecord(clock, "i-1", "T-1", &record.Input{AsOf: clock.now, Corrects: "i-0"}))
	_, err = l.Append(ctx, vendorRecord(clock, "d-1", "T-1", &record.Decision{Agent: "a", Inputs: []string{"i-0"}}))
	must(t, err)
	done(t, db)
}

// TestIndexReference: while many callers append, the index at any size is the
// one that follows from the records, also of a store that is opened again.
func TestIndexReference(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	for round := range 6 {
		errs := make(chan error)
		for k := range 4 {
			cases := []string{}
			for range 20 {
				cases = append(cases, fmt.Sprintf("T-%d", r.IntN(60)))
			}
			go func() {
				var err error
				for i, matter := range cases {
					_, e := l.Append(ctx, outcome(fmt.Sprintf("o-%d-%d-%d", round, k, i), matter, at("2026-03-01T00:00:00")))
					err = errors.Join(err, e)
					if i%7 == 0 {
						_, e = l.Index(ctx)
						err = errors.Join(err, e)
					}
				}
				errs <- err
			}()
		}
		for range 4 {
			must(t, <-errs)
		}
		if round%2 == 1 {
			done(t, db)
			var err error
			db = open(t, dir, small(clock))
			l, err = db.Ledger(testOrigin)
			must(t, err)
		}
		for range 10 {
			size := r.Int64N(l.Size()) + 1
			var want bundle.Index
			for line, err := range l.Records(ctx, 0, size) {
				must(t, err)
				rec, err := record.Parse(line)
				must(t, err)
				for _, k := range rec.Log.Chains {
					want.Set(bundle.End{Chain: k.Chain, Ordinal: k.Ordinal, N: rec.Log.N})
				}
			}
			must(t, l.indexAt(ctx, size, func(x *indexed) error {
				if x.index.Root() != want.Root() || x.index.Len() != want.Len() {
					t.Errorf("at %d: %d chains, want %d", size, x.index.Len(), want.Len())
				}
				return nil
			}))
		}
	}
	done(t, db)
}

// TestChainsDamaged: a key of a chain that says something else than the
// records is found by Check, and leads to no bundle.
func TestChainsDamaged(t *testing.T) {
	for _, tc := range []struct {
		name string
		f    func(txn *badger.Txn, l number) error
		want string
	}{
		{"ends earlier", func(txn *badger.Txn, l number) error {
			return txn.Set(chainKey(l, "case/R-1"), chainHead{0, 6}.encode())
		}, "chain case/R-1 is indexed as ending at record 6 with ordinal 0, want 310 with 1"},
		{"missing", func(txn *badger.Txn, l number) error { return txn.Delete(chainKey(l, "case/R-1")) }, "chain case/R-1 is not indexed"},
		{"made up", func(txn *badger.Txn, l number) error {
			return txn.Set(chainKey(l, "case/R-9"), chainHead{0, 6}.encode())
		}, "chain case/R-9 is indexed as ending at record 6, and no record is in it"},
	} {
		clock := newClock()
		db, l := refunds(t, t.TempDir(), clock)
		must(t, alter(db, func(txn *badger.Txn) error { return tc.f(txn, l.number) }))
		db.refresh()
		l.indexed = nil
		if found := faults(t, db); !slices.Contains(found, testOrigin+": "+tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, found, tc.want)
		}
		wantError(t, l.WriteCase(ctx, new(bytes.Buffer), "case/R-1", CaseOptions{}), "store is damaged: record 311 commits")
		must(t, db.Close())
	}
}

// benchLedger is a ledger with n cases, of which every tenth has an action
// under a grant, and a chain index at its end.
func benchLedger(b *testing.B, n int) (*DB, *Ledger) {
	clock := newClock()
	dir, err := os.MkdirTemp("", "raasledger")
	must(b, err)
	b.Cleanup(func() { os.RemoveAll(dir) })
	db, l := create(b, dir, Options{Clock: clock.Now})
	for i := 0; i < n; i += 1000 {
		_, err := l.Append(ctx, outcomes(i, 1000, clock.now)...)
		must(b, err)
	}
	return db, l
}

// BenchmarkCase: in a ledger of a million cases, the first chain index, one
// after 1,000 further records, and a case bundle with the index in memory and
// from the keys of the chains.
func BenchmarkCase(b *testing.B) {
	const n = 1_000_000
	db, l := benchLedger(b, n)
	defer db.Close()
	next := n
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			_, err := l.Append(ctx, outcomes(next, 1, at("2026-03-01T00:00:00"))...)
			must(b, err)
			next++
			l.indexed = nil
			b.StartTimer()
			_, err = l.Index(ctx)
			must(b, err)
		}
	})
	b.Run("next", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			_, err := l.Append(ctx, outcomes(next, 1000, at("2026-03-01T00:00:00"))...)
			must(b, err)
			next += 1000
			b.StartTimer()
			_, err = l.Index(ctx)
			must(b, err)
		}
	})
	_, err := l.Checkpoint(ctx, key("log"))
	must(b, err)
	for _, name := range []string{"memory", "keys"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if name == "keys" {
					l.indexed = nil
				}
				must(b, l.WriteCase(ctx, new(bytes.Buffer), "case/T-1234", CaseOptions{}))
			}
		})
	}
}
