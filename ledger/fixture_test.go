package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
)

var ctx = context.Background()

const testOrigin = "vendor.example/contract-17"

// key returns a private key that its name decides.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("raasledger test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
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

// agreement is version 1 of an agreement, signed by the names.
func agreement(t testing.TB, origin string, signers ...string) *record.Record {
	t.Helper()
	text := supportTerms
	for _, name := range []string{"vendor", "client"} {
		text = strings.ReplaceAll(text, "@"+name, record.FormatPublicKey(key(name).Public().(ed25519.PublicKey)))
	}
	canonical, mistakes := terms.Draft([]byte(text), nil)
	for _, m := range mistakes {
		if !m.Warning {
			t.Fatalf("terms: %s: %s", m.Path, m.Reason)
		}
	}
	logKey, err := merkle.NewVerifierKey(origin, merkle.KindLog, key("log").Public().(ed25519.PublicKey))
	must(t, err)
	r := &record.Record{Kind: record.KindAgreement, ID: "agreement/1", At: at("2026-03-01T00:00:00"), By: "vendor",
		Body: &record.Agreement{Version: 1, Format: record.Format, Origin: origin, LogKey: logKey.String(), Nonce: "MDEyMzQ1Njc4OWFiY2RlZg==", Terms: canonical}}
	for _, name := range signers {
		must(t, record.Sign(r, origin, key(name)))
	}
	return r
}

func at(text string) record.Time {
	x, err := record.ParseTime(text + ".000Z")
	if err != nil {
		panic(err)
	}
	return x
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A testClock stands still until it is moved.
type testClock struct {
	mu  sync.Mutex
	now record.Time
}

func newClock() *testClock { return &testClock{now: at("2026-03-01T00:00:00")} }

func (c *testClock) set(text string) { c.mu.Lock(); c.now = at(text); c.mu.Unlock() }
func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.UnixMilli(int64(c.now))
}

// small are options for small stores on small disks.
func small(c *testClock) Options {
	return Options{Clock: c.Now, MemTableBytes: 256 << 10, ValueLogBytes: 1 << 20, SegmentBytes: 1 << 20}
}

// outcome is the vendor's claim that a case was solved.
func outcome(id, matter string, when record.Time) *record.Record {
	return &record.Record{Kind: record.KindOutcome, ID: id, Case: matter, At: when, By: "vendor",
		Body: &record.Outcome{Result: "resolved", Facts: record.Facts{record.Text("minutes", "12"), record.Bool("solved", true)}}}
}

// outcomes are k of them, from number n on, a case each.
func outcomes(n, k int, when record.Time) []*record.Record {
	rs := make([]*record.Record, k)
	for i := range rs {
		rs[i] = outcome(fmt.Sprintf("o-%d", n+i), fmt.Sprintf("T-%d", n+i), when)
	}
	return rs
}

// big is a record of about the given size, in a case of its own.
func big(id string, size int, when record.Time) *record.Record {
	r := &record.Record{Kind: record.KindInput, ID: id, Case: "case-" + id, At: when, By: "vendor",
		Body: &record.Input{Source: "test", AsOf: when}}
	facts := record.Facts{}
	for i := 0; size > 0; i++ {
		part := min(size, 4000)
		facts = append(facts, record.Text(fmt.Sprintf("text_%03d", i), strings.Repeat("x", part)))
		size -= part
	}
	r.Body.(*record.Input).Fields = facts
	return r
}

// byClient signs r as the client's record of that place in the client's
// author chain.
func byClient(t testing.TB, r *record.Record, seq int64, prev record.Digest, cites ...*record.Record) *record.Record {
	t.Helper()
	r.By = "client"
	r.Author = &record.Author{Seq: seq, Prev: prev}
	for _, c := range cites {
		d, err := record.ContentDigest(c)
		must(t, err)
		r.Cites = append(r.Cites, record.Cite{ID: c.ID, Digest: d})
	}
	slices.SortFunc(r.Cites, func(a, b record.Cite) int { return strings.Compare(a.ID, b.ID) })
	must(t, record.Sign(r, testOrigin, key("client")))
	return r
}

func open(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	db, err := Open(dir, o)
	must(t, err)
	return db
}

// create opens a new store with one ledger.
func create(t testing.TB, dir string, o Options) (*DB, *Ledger) {
	t.Helper()
	db := open(t, dir, o)
	l, err := db.Create(ctx, agreement(t, testOrigin, "vendor", "client"))
	must(t, err)
	return db, l
}

// faults are what Check finds.
func faults(t testing.TB, db *DB) []string {
	t.Helper()
	var found []string
	must(t, db.Check(ctx, func(f Fault) { found = append(found, f.String()) }))
	return found
}

// done ends a test that opened a store: nothing is wrong with it.
func done(t testing.TB, db *DB) {
	t.Helper()
	for _, f := range faults(t, db) {
		t.Errorf("check: %s", f)
	}
	must(t, db.Close())
}

// scratch is a directory for tests that open many stores: in memory where the
// system has such a place, since a sync costs nothing there. All tests together
// hold 200 MiB, and a container often has 64: Badger's mapped files on a full
// disk end the process by a signal.
func scratch(t testing.TB) string {
	t.Helper()
	const shm = "/dev/shm"
	if free, err := (disk{}).Free(shm); err != nil || free < 1<<30 {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(shm, "raasledger-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// copyDir copies a store as it lies on the disk, which is what a killed
// process leaves. Badger turns a memtable into a table beside the callers, and
// a copy with neither of the two would be of no moment: it is made again until
// no file has come or gone meanwhile.
func copyDir(t testing.TB, from string) string {
	t.Helper()
	for range 100 {
		to, before := scratch(t), namesBelow(t, from)
		err := copyFiles(from, to)
		if err == nil && namesBelow(t, from) == before {
			return to
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		must(t, os.RemoveAll(to))
	}
	t.Fatalf("%s changes all the time", from)
	return ""
}

// namesBelow lists the files below dir.
func namesBelow(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		fmt.Fprintln(&b, path)
		return err
	}))
	return b.String()
}

func copyFiles(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, path)
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return writeSparse(filepath.Join(to, rel), b)
	})
}

// writeSparse writes a file without its zeros, which Badger's files are full of.
func writeSparse(path string, b []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	zero := make([]byte, 4096)
	for i := 0; i < len(b); i += 4096 {
		page := b[i:min(i+4096, len(b))]
		if bytes.Equal(page, zero[:len(page)]) {
			continue
		}
		if _, err := f.WriteAt(page, int64(i)); err != nil {
			return err
		}
	}
	return f.Truncate(int64(len(b)))
}

// lines are all records of a ledger.
func lines(t testing.TB, l *Ledger) []string {
	t.Helper()
	var all []string
	for line, err := range l.Records(ctx, 0, l.Size()) {
		must(t, err)
		all = append(all, string(line))
	}
	return all
}

// wantError is a test of an error's text.
func wantError(t testing.TB, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want %q", err, want)
	}
}

// alter changes Badger behind the ledger's back.
func alter(db *DB, f func(txn *badger.Txn) error) error {
	err := db.kv.Update(f)
	db.refresh()
	return err
}
