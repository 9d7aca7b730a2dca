package ledger

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/merkle"
)

// every is which share of the calls the enumerating tests take: 1 is all.
var every = flag.Int("every", 5, "take every Nth call in tests that fail or crash at each")

// A stage stands in for the disk and knows each call that changes something.
// Calls are counted from 1. at is asked before each: it can stop the world
// there, or let the call fail, done or not done.
type stage struct {
	disk
	mu    sync.Mutex
	calls int
	at    func(call int, what string) (err error, doIt bool)
}

// do runs one changing call.
func (s *stage) do(op, path string, call func() error) error {
	s.mu.Lock()
	s.calls++
	k := s.calls
	s.mu.Unlock()
	if s.at != nil {
		if err, doIt := s.at(k, op+" "+filepath.Base(path)); err != nil {
			if doIt {
				if e := call(); e != nil {
					return e
				}
			}
			return err
		}
	}
	return call()
}

func (s *stage) MakeDir(dir string) error {
	return s.do("make", dir, func() error { return s.disk.MakeDir(dir) })
}
func (s *stage) Create(path string) (f file, err error) {
	err = s.do("create", path, func() error {
		g, err := s.disk.Create(path)
		f = &stageFile{g, s, path}
		return err
	})
	return f, err
}
func (s *stage) Open(path string) (file, error) {
	f, err := s.disk.Open(path)
	if err != nil {
		return nil, err
	}
	return &stageFile{f, s, path}, nil
}
func (s *stage) Rename(from, to string) error {
	return s.do("rename", to, func() error { return s.disk.Rename(from, to) })
}
func (s *stage) Remove(path string) error {
	return s.do("remove", path, func() error { return s.disk.Remove(path) })
}
func (s *stage) SyncDir(dir string) error {
	return s.do("syncdir", dir, func() error { return s.disk.SyncDir(dir) })
}

type stageFile struct {
	file
	s    *stage
	path string
}

func (f *stageFile) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.s.do("write", f.path, func() error { n, err = f.file.WriteAt(b, at); return err })
	return n, err
}
func (f *stageFile) Allocate(n int64) error {
	return f.s.do("allocate", f.path, func() error { return f.file.Allocate(n) })
}
func (f *stageFile) Reserve(n int64) error {
	return f.s.do("reserve", f.path, func() error { return f.file.Reserve(n) })
}
func (f *stageFile) Sync() error {
	return f.s.do("sync", f.path, func() error { return f.file.Sync() })
}

var errInjected = fmt.Errorf("injected: %w", syscall.EIO)

// A promise is what a run was told before it ended.
type promise struct {
	created bool
	lines   []string // acknowledged records, by index
	notes   [][]byte // checkpoints that were handed out
}

func (p *promise) clone() promise {
	return promise{p.created, slices.Clone(p.lines), slices.Clone(p.notes)}
}

// play is the workload: it creates a store with a ledger, appends small and
// large groups so that the journal goes on to a second segment, and signs
// checkpoints. It stops at the first error, as a user would.
func play(t testing.TB, dir string, o Options, clock *testClock, p *promise, mu *sync.Mutex) error {
	db, err := Open(dir, o)
	if err != nil {
		return err
	}
	defer db.Close()
	l, err := db.Create(ctx, agreement(t, testOrigin, "vendor", "client"))
	if err != nil {
		return err
	}
	promised := func(ns ...int64) error {
		mu.Lock()
		defer mu.Unlock()
		p.created = true
		for _, n := range ns {
			line, err := l.Get(n)
			if err != nil {
				return err
			}
			if n != int64(len(p.lines)) {
				return fmt.Errorf("got index %d, want %d", n, len(p.lines))
			}
			p.lines = append(p.lines, string(line))
		}
		return nil
	}
	if err := promised(0); err != nil {
		return err
	}
	clock.set("2026-03-02T10:00:00")
	now := at("2026-03-02T10:00:00")
	for i := range 5 {
		rs := outcomes(100*i, 1+i, now)
		if i == 1 || i == 3 {
			for k := range 14 {
				rs = append(rs, big(fmt.Sprintf("b-%d-%d", i, k), 62000, now))
			}
		}
		ns, err := l.Append(ctx, rs...)
		if err != nil {
			return err
		}
		if err := promised(ns...); err != nil {
			return err
		}
		if i%2 == 0 {
			index, err := l.Index(ctx)
			if err != nil {
				return err
			}
			if err := promised(index.Log.N); err != nil {
				return err
			}
			note, err := l.Checkpoint(ctx, key("log"))
			if err != nil {
				return err
			}
			mu.Lock()
			p.notes = append(p.notes, note)
			mu.Unlock()
		}
	}
	return db.Close()
}

// kept opens a store as after a crash, and checks that nothing promised is
// lost, and that it goes on.
func kept(t testing.TB, dir string, clock *testClock, p promise) {
	t.Helper()
	db, err := Open(dir, small(clock))
	if err != nil {
		t.Errorf("open: %v", err)
		return
	}
	l, err := db.Ledger(testOrigin)
	if err != nil {
		if p.created {
			t.Errorf("ledger: %v", err)
		}
		l, err = db.Create(ctx, agreement(t, testOrigin, "vendor", "client"))
		must(t, err)
	}
	have := lines(t, l)
	if len(have) < len(p.lines) || !slices.Equal(have[:len(p.lines)], p.lines) {
		t.Errorf("%d records are there, %d were acknowledged, or they differ", len(have), len(p.lines))
	}
	for _, note := range p.notes {
		n, err := merkle.ParseNote(note)
		must(t, err)
		if again, err := l.Kept(n.Checkpoint.Size); err != nil || !bytes.Equal(again, note) {
			t.Errorf("checkpoint at size %d: got %s, %v, want %s", n.Checkpoint.Size, again, err, note)
		}
	}
	clock.set("2026-03-02T10:00:00")
	now := at("2026-03-02T10:00:00")
	// The whole workload again: what is there keeps its index.
	for i := range 5 {
		_, err := l.Append(ctx, outcomes(100*i, 1+i, now)...)
		must(t, err)
	}
	// Check compares the index with the records, and the case bundle with that.
	if _, err := l.Index(ctx); err != nil {
		t.Error(err)
	}
	if _, err := l.Checkpoint(ctx, key("log")); err != nil {
		t.Error(err)
	}
	if err := l.WriteCase(ctx, io.Discard, "case/T-100", CaseOptions{}); err != nil {
		t.Error(err)
	}
	done(t, db)
}

// TestEveryCallFails: each call that changes something fails once, not done
// or done all the same. The run ends with an error or gets by; what it was
// told holds afterwards.
func TestEveryCallFails(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("enumerates every call")
	}
	clean := &stage{}
	clock := newClock()
	o := small(clock)
	o.files = clean
	must(t, play(t, scratch(t), o, clock, new(promise), new(sync.Mutex)))
	if clean.calls < 30 {
		t.Errorf("%d calls, want more", clean.calls)
	}
	for _, doIt := range []bool{false, true} {
		for k := 1; k <= clean.calls; k += *every {
			var what string
			s := &stage{}
			s.at = func(call int, w string) (error, bool) {
				if call != k {
					return nil, false
				}
				what = w
				return errInjected, doIt
			}
			clock := newClock()
			o := small(clock)
			o.files = s
			dir := scratch(t)
			var p promise
			err := play(t, dir, o, clock, &p, new(sync.Mutex))
			if err != nil && !errors.Is(err, syscall.EIO) {
				t.Errorf("call %d, %s, done %v: got %v, want the injected error", k, what, doIt, err)
			}
			kept(t, dir, clock, p)
			if t.Failed() {
				t.Fatalf("call %d, %s, done %v; error %v", k, what, doIt, err)
			}
			must(t, os.RemoveAll(dir))
		}
	}
}

// TestCrashAtEveryCall: the process ends before each call. With the power as
// well, Badger's unsynced files may be those of any moment before: the test
// takes those of the beginning, and those without their newest log.
func TestCrashAtEveryCall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("enumerates every call")
	}
	type image struct {
		dir, what string
		p         promise
	}
	var images []image
	var early string
	clock := newClock()
	o := small(clock)
	dir := scratch(t)
	var p promise
	var mu sync.Mutex
	o.files = &stage{at: func(call int, what string) (error, bool) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(what, "allocate") || strings.HasPrefix(what, "reserve") {
			return nil, false
		}
		images = append(images, image{copyDir(t, dir), what, p.clone()})
		if early == "" && p.created {
			early = copyDir(t, filepath.Join(dir, nameBadger))
		}
		return nil, false
	}}
	must(t, play(t, dir, o, clock, &p, &mu))
	if len(images) < 25 {
		t.Errorf("%d images, want more", len(images))
	}
	for i, im := range images {
		if i%*every != 0 && i != len(images)-1 {
			continue
		}
		behind := copyDir(t, im.dir)
		kept(t, im.dir, newClock(), im.p)
		if im.p.created {
			must(t, os.RemoveAll(filepath.Join(behind, nameBadger)))
			must(t, os.Rename(copyDir(t, early), filepath.Join(behind, nameBadger)))
			kept(t, behind, newClock(), im.p)
		}
		if t.Failed() {
			t.Fatalf("crash %d, before %s", i, im.what)
		}
		must(t, errors.Join(os.RemoveAll(im.dir), os.RemoveAll(behind)))
	}
}

// crashed is a store as a killed process leaves it, with what was promised.
func crashed(t testing.TB) (string, promise) {
	t.Helper()
	clock := newClock()
	o := small(clock)
	dir := scratch(t)
	var mu sync.Mutex
	image := ""
	// Before the head file of the workload's last checkpoint is in its place.
	heads := 0
	o.files = &stage{at: func(call int, what string) (error, bool) {
		if what == "rename 00000001.checkpoint" {
			if heads++; heads == 3 {
				image = copyDir(t, dir)
			}
		}
		return nil, false
	}}
	var told promise
	must(t, play(t, dir, o, clock, &told, &mu))
	told.notes = told.notes[:len(told.notes)-1]
	if image == "" {
		t.Fatal("no image was taken")
	}
	return image, told
}

// TestBadgerDamaged: files of Badger's cut, removed or with a bit flipped,
// while the journal has all: everything is given back.
func TestBadgerDamaged(t *testing.T) {
	t.Parallel()
	image, p := crashed(t)
	names, err := os.ReadDir(filepath.Join(image, nameBadger))
	must(t, err)
	type damage struct {
		name string
		do   func(path string) error
	}
	damages := []damage{
		{"removed", os.Remove},
		{"emptied", func(path string) error { return os.Truncate(path, 0) }},
		{"halved", func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, info.Size()/2)
		}},
	}
	for _, at := range []int64{4, 30, 200, 2000, 20000, 200000} {
		damages = append(damages, damage{fmt.Sprintf("bit flipped at %d", at), func(path string) error { return flip(path, at) }})
	}
	tested := 0
	for _, name := range names {
		if name.Name() == "LOCK" {
			continue
		}
		for _, d := range damages {
			dir := copyDir(t, image)
			if err := d.do(filepath.Join(dir, nameBadger, name.Name())); err != nil {
				continue // too short
			}
			kept(t, dir, newClock(), p)
			if t.Failed() {
				t.Fatalf("%s %s", name.Name(), d.name)
			}
			tested++
			must(t, os.RemoveAll(dir))
		}
	}
	if tested < 20 {
		t.Errorf("%d damages, want more", tested)
	}
	must(t, os.RemoveAll(image))
}

// flip changes one bit.
func flip(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 0x10
	_, err = f.WriteAt(b, at)
	return err
}

// TestJournalDamaged: a bit flipped or a cut anywhere in the journal is
// refused, or is behind its end and changes nothing. Nothing is lost in
// silence.
func TestJournalDamaged(t *testing.T) {
	t.Parallel()
	image, p := crashed(t)
	journalDir := filepath.Join(image, nameJournal)
	names, err := os.ReadDir(journalDir)
	must(t, err)
	refused, harmless := 0, 0
	try := func(what string, damage func(dir string) error) {
		t.Helper()
		dir := copyDir(t, image)
		defer os.RemoveAll(dir)
		must(t, damage(filepath.Join(dir, nameJournal)))
		before := treeOf(t, dir)
		db, err := Open(dir, small(newClock()))
		if err != nil {
			refused++
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: got %v, want %v", what, err, ErrDamaged)
			}
			if after := treeOf(t, dir); strings.Contains(what, "journal") && after != before {
				t.Errorf("%s: a refused store was changed", what)
			}
			return
		}
		harmless++
		must(t, db.Close())
		kept(t, dir, newClock(), p)
		if t.Failed() {
			t.Fatal(what)
		}
	}
	for _, name := range names {
		path := name.Name()
		info, err := name.Info()
		must(t, err)
		size := info.Size()
		for i := range int64(24) {
			at := i * i * i * size / (24 * 24 * 24)
			try(fmt.Sprintf("%s: bit flipped at %d", path, at), func(dir string) error { return flip(filepath.Join(dir, path), at) })
		}
		for i := range int64(4) {
			at := i * size / 4
			try(fmt.Sprintf("%s: cut at %d", path, at), func(dir string) error { return os.Truncate(filepath.Join(dir, path), at) })
		}
		try(path+": removed", func(dir string) error { return os.Remove(filepath.Join(dir, path)) })
	}
	try("journal removed", os.RemoveAll)
	if refused < 10 || harmless == 0 {
		t.Errorf("%d refused, %d harmless", refused, harmless)
	}
	must(t, os.RemoveAll(image))
}

// treeOf is a listing with sizes, to see that nothing was changed.
func treeOf(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(filepath.Join(dir, nameJournal), func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		info, err := d.Info()
		fmt.Fprintln(&b, path, info.Size())
		return err
	}))
	return b.String()
}

// TestRolledBack: an older copy of the whole store but for the head file.
func TestRolledBack(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, _ := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	must(t, db.Close())
	old := copyDir(t, dir)
	db = open(t, dir, small(clock))
	l, err := db.Ledger(testOrigin)
	must(t, err)
	_, err = l.Append(ctx, outcome("o-1", "T-1", clock.now))
	must(t, err)
	_, err = l.Checkpoint(ctx, key("log"))
	must(t, err)
	done(t, db)
	must(t, os.Rename(filepath.Join(dir, nameHeads), filepath.Join(old, nameHeads)))
	_, err = Open(old, small(clock))
	if !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v, want %v", err, ErrDamaged)
	}
	wantError(t, err, "vendor.example/contract-17: a checkpoint of size 2 was signed, the store has 1 records: it was rolled back")
}

// TestReadDamage: a record that Badger gives back wrong, or not at all, is
// never taken for what was stored, and stops the DB.
func TestReadDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(txn *badger.Txn, l *Ledger) error
		want   string
	}{
		{"changed", func(txn *badger.Txn, l *Ledger) error {
			return txn.Set(packKey(l.number, 1), []byte("{\"n\":1}\n"))
		}, "record 1 has leaf hash"},
		{"gone", func(txn *badger.Txn, l *Ledger) error { return txn.Delete(packKey(l.number, 1)) }, "records 1 to 1 are missing"},
		{"leaf", func(txn *badger.Txn, l *Ledger) error { return txn.Delete(tileKey(l.number, 0)) }, "leaf hashes of records 0 to 255 are missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := newClock()
			dir := scratch(t)
			db, l := create(t, dir, small(clock))
			clock.set("2026-03-02T10:00:00")
			_, err := l.Append(ctx, outcome("o-1", "T-1", clock.now))
			must(t, err)
			_, err = l.Append(ctx, outcomes(2, 300, clock.now)...)
			must(t, err)
			must(t, alter(db, func(txn *badger.Txn) error { return c.damage(txn, l) }))
			_, err = l.Get(1)
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("got %v, want %v", err, ErrDamaged)
			}
			wantError(t, err, c.want)
			if _, err := l.Append(ctx, outcome("o-999", "T-999", clock.now)); !errors.Is(err, ErrPoisoned) {
				t.Errorf("append after it: %v, want %v", err, ErrPoisoned)
			}
			if f := faults(t, db); len(f) < 2 {
				t.Errorf("check finds %v, want the damage and why the DB stopped", f)
			}
			if err := db.Close(); !errors.Is(err, ErrPoisoned) {
				t.Errorf("close: %v", err)
			}
			if c.name == "leaf" {
				return // the journal holds no leaf hashes; they are computed when records are put again
			}
			db = open(t, dir, small(clock))
			done(t, db)
		})
	}
}

// TestBadgerComplains: what Badger reports nowhere but in its log stops the DB.
func TestBadgerComplains(t *testing.T) {
	clock := newClock()
	db, l := create(t, scratch(t), small(clock))
	badgerLog{db}.Warningf("something odd")
	_, err := l.Append(ctx, outcome("o-1", "T-1", clock.now))
	must(t, err)
	badgerLog{db}.Errorf("error flushing memtable to disk: %v, retrying\n", syscall.EIO)
	_, err = l.Append(ctx, outcome("o-2", "T-2", clock.now))
	if !errors.Is(err, ErrPoisoned) {
		t.Errorf("got %v, want %v", err, ErrPoisoned)
	}
	wantError(t, err, "store stopped after an error; open it again and look up what is stored: badger: error flushing memtable to disk: input/output error, retrying")
	if _, err := l.Get(1); err != nil {
		t.Errorf("reads go on: %v", err)
	}
	db.Close()
}

// A fullDisk has no space left.
type fullDisk struct {
	disk
	free int64
}

func (f *fullDisk) Free(string) (int64, error) { return f.free, nil }

func TestDiskFull(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	o := small(clock)
	full := &fullDisk{free: 1 << 40}
	o.files = full
	db, l := create(t, dir, o)
	_, err := l.Append(ctx, outcome("o-1", "T-1", clock.now))
	must(t, err)
	full.free = 1 << 20
	db.roomSeen.Store(0)
	_, err = l.Append(ctx, outcome("o-2", "T-2", clock.now))
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("got %v, want %v", err, ErrNoSpace)
	}
	wantError(t, err, "disk is full: nothing was written, nothing is lost (1048576 bytes left, ")
	done(t, db)
	// It opens, without its ballast, and reads.
	full.free = 100 << 10
	db = open(t, dir, o)
	l, err = db.Ledger(testOrigin)
	must(t, err)
	if got := len(lines(t, l)); got != 2 {
		t.Errorf("%d records, want 2", got)
	}
	if _, err := os.Stat(filepath.Join(dir, nameBallast)); !os.IsNotExist(err) {
		t.Errorf("ballast on a full disk: %v", err)
	}
	must(t, db.Close())
	full.free = 1 << 40
	db = open(t, dir, o)
	l, err = db.Ledger(testOrigin)
	must(t, err)
	_, err = l.Append(ctx, outcome("o-2", "T-2", clock.now))
	must(t, err)
	if _, err := os.Stat(filepath.Join(dir, nameBallast)); err != nil {
		t.Errorf("ballast: %v", err)
	}
	done(t, db)
}
