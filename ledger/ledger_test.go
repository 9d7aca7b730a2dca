package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

func TestAppend(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	now := at("2026-03-02T10:00:00")

	ns, err := l.Append(ctx, outcome("o-1", "T-1", now))
	must(t, err)
	if !slices.Equal(ns, []int64{1}) {
		t.Errorf("got indexes %v, want [1]", ns)
	}
	ns, err = l.Append(ctx, outcomes(2, 3, now)...)
	must(t, err)
	if !slices.Equal(ns, []int64{2, 3, 4}) {
		t.Errorf("got indexes %v, want [2 3 4]", ns)
	}
	// The same content again, alone and among new ones, and twice in a call.
	ns, err = l.Append(ctx, outcome("o-3", "T-3", now), outcome("o-5", "T-5", now), outcome("o-5", "T-5", now))
	must(t, err)
	if !slices.Equal(ns, []int64{3, 5, 5}) {
		t.Errorf("got indexes %v, want [3 5 5]", ns)
	}
	if ns, err := l.Append(ctx); err != nil || len(ns) != 0 {
		t.Errorf("append of nothing: %v, %v", ns, err)
	}
	if l.Size() != 6 {
		t.Errorf("size is %d, want 6", l.Size())
	}

	line, err := l.Get(3)
	must(t, err)
	want := `{"at":"2026-03-02T10:00:00.000Z","body":{"facts":{"minutes":"12","solved":true},"result":"resolved"},"by":"vendor","case":"T-3","id":"o-3","kind":"outcome","log":{"chains":{"case/T-3":[0,-1]},"n":3,"time":"2026-03-02T10:00:00.000Z"}}`
	if string(line) != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
	if n, ok, err := l.Find("o-5"); n != 5 || !ok || err != nil {
		t.Errorf("find: %d %v %v", n, ok, err)
	}
	if _, ok, err := l.Find("o-6"); ok || err != nil {
		t.Errorf("find of nothing: %v %v", ok, err)
	}
	_, err = l.Get(6)
	if !errors.Is(err, ErrNoRecord) {
		t.Errorf("got %v, want %v", err, ErrNoRecord)
	}
	all := lines(t, l)
	done(t, db)

	db = open(t, dir, small(clock))
	l, err = db.Ledger(testOrigin)
	must(t, err)
	if got := lines(t, l); !slices.Equal(got, all) {
		t.Errorf("after opening again got\n%s\nwant\n%s", got, all)
	}
	ns, err = l.Append(ctx, outcome("o-2", "T-2", now), outcome("o-7", "T-1", now))
	must(t, err)
	if !slices.Equal(ns, []int64{2, 6}) {
		t.Errorf("got indexes %v, want [2 6]", ns)
	}
	r, err := record.Parse([]byte(lines(t, l)[6]))
	must(t, err)
	if want := (record.Link{Chain: "case/T-1", Ordinal: 1, Prev: 1}); r.Log.Chains[0] != want {
		t.Errorf("got link %v, want %v", r.Log.Chains[0], want)
	}
	done(t, db)
}

// TestRefusals: nothing of a refused call is stored, and the text says what is
// wrong.
func TestRefusals(t *testing.T) {
	clock := newClock()
	db, l := create(t, t.TempDir(), small(clock))
	clock.set("2026-03-02T10:00:00")
	now := at("2026-03-02T10:00:00")
	_, err := l.Append(ctx, outcome("o-1", "T-1", now))
	must(t, err)
	first := agreement(t, "other.example/contract", "vendor", "client")

	bad := outcome("o-1", "T-1", now)
	bad.Subject = "someone"
	withLog := outcome("o-2", "T-2", now)
	withLog.Log = &record.Log{N: 2, Time: now}
	confirm := func(of, matter string) *record.Record {
		return &record.Record{Kind: record.KindConfirm, ID: "c-1", Case: matter, At: now, Body: &record.Confirm{Of: of, Verdict: "accept"}}
	}
	unknownFact := outcome("o-2", "T-2", now)
	unknownFact.Body = &record.Outcome{Result: "resolved", Facts: record.Facts{record.Bool("happy", true)}}
	reverse := &record.Record{Kind: record.KindReverse, ID: "r-1", Case: "T-1", At: now, By: "vendor", Body: &record.Reverse{Of: "o-9", Cause: "reopened"}}
	wrongCite := byClient(t, confirm("o-1", "T-1"), 0, "", outcome("o-1", "T-2", now))
	var many []*record.Record
	for i := range 17 {
		many = append(many, big(fmt.Sprintf("b-%d", i), 62000, now))
	}
	for _, c := range []struct {
		name string
		call []*record.Record
		want string
	}{
		{"id clash", []*record.Record{bad}, "record o-1: id: is that of record 1 with other content: got sha256:"},
		{"log given", []*record.Record{withLog}, "record o-2: log: is there, the ledger assigns it"},
		{"nil", []*record.Record{nil}, "record is nil"},
		{"reference to nothing", []*record.Record{reverse}, `record r-1: body.of: is "o-9", which is no earlier record`},
		{"case", []*record.Record{byClient(t, confirm("o-1", "T-2"), 0, "", outcome("o-1", "T-1", now))}, `record c-1: case: is "T-2", want "T-1", that of record o-1 in body.of`},
		{"cite", []*record.Record{wrongCite}, "record c-1: cites: has sha256:"},
		{"fact", []*record.Record{unknownFact}, "happy"},
		{"form", []*record.Record{outcome("o 2", "T-2", now)}, "o 2"},
		{"agreement in company", []*record.Record{outcome("o-2", "T-2", now), first}, "record 2 of the call: record agreement/1: id: is that of record 0 with other content"},
		{"second of two", []*record.Record{outcome("o-2", "T-2", now), unknownFact}, "record 2 of the call: record o-2"},
		{"too large", many, "append of 17 records has 10"},
		{"future", []*record.Record{outcome("o-2", "T-2", at("2026-03-02T10:06:00"))}, "record o-2: at"},
	} {
		if _, err := l.Append(ctx, c.call...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want %q", c.name, err, c.want)
		}
		if l.Size() != 2 {
			t.Fatalf("%s: size is %d, want 2", c.name, l.Size())
		}
	}
	var refusal *record.Refusal
	_, err = l.Append(ctx, outcome("o-2", "T-2", now), unknownFact)
	var batch *BatchError
	if !errors.As(err, &refusal) || !errors.As(err, &batch) || batch.Position != 1 || refusal.N != -1 {
		t.Errorf("got %#v, want a refusal at position 1 without an index", err)
	}

	// What was refused left no trace: the same ids can still be used.
	good := byClient(t, confirm("o-1", "T-1"), 0, "", outcome("o-1", "T-1", now))
	ns, err := l.Append(ctx, outcome("o-2", "T-2", now), good)
	must(t, err)
	if !slices.Equal(ns, []int64{2, 3}) {
		t.Errorf("got indexes %v, want [2 3]", ns)
	}
	done(t, db)
}

func TestCreate(t *testing.T) {
	clock := newClock()
	db, l := create(t, t.TempDir(), small(clock))
	_, err := db.Create(ctx, agreement(t, testOrigin, "vendor", "client"))
	wantError(t, err, `record agreement/1: body.origin: is "vendor.example/contract-17", which is there already`)
	_, err = db.Create(ctx, outcome("o-1", "T-1", at("2026-03-01T00:00:00")))
	wantError(t, err, `record o-1: kind: is "outcome", a ledger begins with an agreement`)
	_, err = db.Create(ctx, agreement(t, "other.example/1"))
	wantError(t, err, "agreement/1")
	if got := db.Origins(); !slices.Equal(got, []string{testOrigin}) {
		t.Errorf("origins are %v", got)
	}
	// In shadow: by the vendor alone.
	shadow, err := db.Create(ctx, agreement(t, "other.example/1", "vendor"))
	must(t, err)
	if got := db.Origins(); !slices.Equal(got, []string{"other.example/1", testOrigin}) {
		t.Errorf("origins are %v", got)
	}
	for _, l := range []*Ledger{l, shadow} {
		if got, err := db.Ledger(l.Origin()); err != nil || got != l || l.Size() != 1 {
			t.Errorf("%s: %v, size %d", l.Origin(), err, l.Size())
		}
	}
	if _, err := db.Ledger("none.example"); !errors.Is(err, ErrNoLedger) {
		t.Errorf("got %v, want %v", err, ErrNoLedger)
	}
	done(t, db)
}

// TestSizes compares the tree at every size with merkle.Tree, across blocks.
func TestSizes(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	now := at("2026-03-02T10:00:00")
	var want merkle.Tree
	line, err := l.Get(0)
	must(t, err)
	want.Append(merkle.LeafHash(line))
	for n := 1; n < 1100; {
		k := 1 + n*7%61
		_, err := l.Append(ctx, outcomes(n, k, now)...)
		must(t, err)
		for line, err := range l.Records(ctx, int64(n), l.Size()) {
			must(t, err)
			want.Append(merkle.LeafHash(line))
		}
		n += k
		size, root := l.Root()
		if wantRoot, err := want.RootAt(int64(n)); err != nil || size != int64(n) || root != wantRoot {
			t.Fatalf("size %d: got %d %v, want %v", n, size, root, wantRoot)
		}
		if n%5 == 0 {
			must(t, db.Close())
			db = open(t, dir, small(clock))
			l, err = db.Ledger(testOrigin)
			must(t, err)
		}
	}
	for size := int64(1); size <= l.Size(); size += 13 {
		f, err := l.frontierAt(size)
		must(t, err)
		root, err := want.RootAt(size)
		must(t, err)
		if f.Root() != root {
			t.Errorf("root at size %d is %v, want %v", size, f.Root(), root)
		}
	}
	for n := int64(0); n < l.Size(); n += 97 {
		if _, err := l.Get(n); err != nil {
			t.Error(err)
		}
	}
	done(t, db)
}

// TestCallers: many callers of several ledgers, each with its own records.
func TestCallers(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	o := small(clock)
	o.OpenLedgers = 2
	db := open(t, dir, o)
	clock.set("2026-03-02T10:00:00")
	now := at("2026-03-02T10:00:00")
	var ledgers []*Ledger
	for i := range 5 {
		l, err := db.Create(ctx, agreement(t, fmt.Sprintf("vendor.example/%d", i), "vendor", "client"))
		must(t, err)
		ledgers = append(ledgers, l)
	}
	var wg sync.WaitGroup
	for c := range 20 {
		wg.Go(func() {
			for i := range 20 {
				l := ledgers[(c+i)%len(ledgers)]
				r := outcome(fmt.Sprintf("o-%d-%d", c, i), fmt.Sprintf("T-%d", i), now)
				ns, err := l.Append(ctx, r)
				if err != nil {
					t.Error(err)
					return
				}
				line, err := l.Get(ns[0])
				if err != nil || !bytes.Contains(line, []byte(r.ID)) {
					t.Errorf("record %d: %s %v", ns[0], line, err)
				}
			}
		})
	}
	wg.Wait()
	total := int64(0)
	for _, l := range ledgers {
		total += l.Size()
	}
	if total != 405 {
		t.Errorf("%d records, want 405", total)
	}
	must(t, ledgers[3].State(func(*fee.State) error { return nil }))
	if len(db.loaded) != 2 {
		t.Errorf("%d ledgers are in memory, want 2", len(db.loaded))
	}
	done(t, db)
	db = open(t, dir, o)
	done(t, db)
}

func TestLargeRecords(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	now := at("2026-03-02T10:00:00")
	for i := range 6 {
		var call []*record.Record
		for k := range 16 {
			call = append(call, big(fmt.Sprintf("b-%d-%d", i, k), 62000, now))
		}
		_, err := l.Append(ctx, call...)
		must(t, err)
	}
	if got := len(lines(t, l)); got != 97 {
		t.Errorf("%d records, want 97", got)
	}
	if db.journal.first == 1 && db.journal.last == 1 {
		t.Error("the journal has one segment, want several")
	}
	done(t, db)
	db = open(t, dir, small(clock))
	done(t, db)
}

func TestNoStore(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("mine"), 0o600))
	_, err := Open(dir, small(clock))
	if !errors.Is(err, ErrNoStore) {
		t.Errorf("got %v, want %v", err, ErrNoStore)
	}
	wantError(t, err, "not a ledger store: it holds thesis.txt and no RAASLEDGER")
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) != 1 {
		t.Errorf("the directory holds %v, want what it held", names)
	}
	must(t, os.WriteFile(filepath.Join(dir, nameMarker), []byte("something else\n"), 0o600))
	_, err = Open(dir, small(clock))
	if !errors.Is(err, ErrNoStore) {
		t.Errorf("got %v, want %v", err, ErrNoStore)
	}
}

func TestLocked(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, _ := create(t, dir, small(clock))
	_, err := Open(dir, small(clock))
	if !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want %v", err, ErrLocked)
	}
	wantError(t, err, "store "+dir+": in use by another process")
	done(t, db)
	if err := db.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	db = open(t, dir, small(clock))
	done(t, db)
}

// A program that starts another one has all open files twice until the other
// one runs: the lock of a closed store must be free all the same, and Badger's,
// which is not while that lasts, is waited for and is no damage.
func TestLockedByACopy(t *testing.T) {
	dir := t.TempDir()
	lock, err := disk{}.Lock(filepath.Join(dir, "lock"))
	must(t, err)
	copied, err := unix.Dup(int(lock.(diskLock).f.Fd()))
	must(t, err)
	defer unix.Close(copied)
	must(t, lock.Close())
	lock, err = disk{}.Lock(filepath.Join(dir, "lock"))
	must(t, err)
	must(t, lock.Close())

	clock := newClock()
	dir = t.TempDir()
	db, _ := create(t, dir, small(clock))
	done(t, db)
	held, err := os.Open(filepath.Join(dir, nameBadger))
	must(t, err)
	must(t, unix.Flock(int(held.Fd()), unix.LOCK_EX))
	before := treeOf(t, dir)
	_, err = Open(dir, small(clock))
	if !errors.Is(err, ErrLocked) || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want %v", err, ErrLocked)
	}
	if after := treeOf(t, dir); after != before {
		t.Errorf("a store in use was changed: %s, was %s", after, before)
	}
	time.AfterFunc(50*time.Millisecond, func() { held.Close() })
	done(t, open(t, dir, small(clock)))
}

func TestClosed(t *testing.T) {
	clock := newClock()
	db, l := create(t, t.TempDir(), small(clock))
	done(t, db)
	_, err := l.Append(ctx, outcome("o-1", "T-1", at("2026-03-01T00:00:00")))
	if !errors.Is(err, ErrClosed) {
		t.Errorf("append: %v", err)
	}
	if _, err := l.Get(0); !errors.Is(err, ErrClosed) {
		t.Errorf("get: %v", err)
	}
}

func TestOptions(t *testing.T) {
	_, err := Open(t.TempDir(), Options{MemTableBytes: 1})
	wantError(t, err, "option MemTableBytes is 1, want 262144 to 1073741824")
}
