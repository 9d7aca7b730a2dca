package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
)

// TestEraseLeavesNoByte: after an erasure no file of the store holds a byte of
// what was erased, nor of what would open a copy of it.
func TestEraseLeavesNoByte(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := withChat(t, dir, clock, small(clock))
	// Enough beside it that Badger flushes and the journal goes on.
	for i := range 3 {
		var rs []*record.Record
		for k := range 14 {
			rs = append(rs, big(fmt.Sprintf("b-%d-%d", i, k), 62000, clock.now))
		}
		_, err := l.Append(ctx, rs...)
		must(t, err)
	}
	all := secrets(t, dir)
	if len(all) < 4*5+8 {
		t.Fatalf("%d texts to look for", len(all))
	}
	for _, s := range all[:len(all)-4] { // those in the clear are nowhere even before
		if grep(t, dir, s) == nil {
			t.Errorf("%x is not found before it is erased: this test could not fail", s)
		}
	}
	r, err := l.recordAt(1)
	must(t, err)
	_, improper, err := l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "GDPR 17(1)(a)"})
	var refused *ImproperError
	if !errors.As(err, &refused) || len(improper) != 1 {
		t.Fatalf("got %v, %v", improper, err)
	}
	wantError(t, err, `erasing evidence of o-1 would be improper: attachment "transcript" is to be kept until 2026-03-02T10:00:01.000Z, erased at 2026-03-02T10:00:00.000Z`)
	if grep(t, dir, all[0]) == nil {
		t.Fatal("a refused erasure erased")
	}
	reading, err := l.OpenEvidence(1, "transcript", identity(t, "vendor"))
	must(t, err)
	n, improper, err := l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "GDPR 17(1)(a)", Improper: true})
	must(t, err)
	if n != 44 || len(improper) != 1 {
		t.Errorf("record %d, %v", n, improper)
	}
	_, err = io.Copy(io.Discard, reading)
	if !errors.Is(err, ErrErased) {
		t.Errorf("who reads meanwhile gets %v, want %v", err, ErrErased)
	}
	must(t, reading.Close())
	for range 2 {
		if found := grep(t, dir, all...); found != nil {
			t.Errorf("after the erasure: %q", found)
		}
		for _, name := range []string{"transcript", "photo", string(r.Sealed[0]), string(r.Sealed[1])} {
			_, err := readAll(l, 1, name, identity(t, "vendor"))
			if !errors.Is(err, ErrErased) {
				t.Errorf("%s: got %v, want %v", name, err, ErrErased)
			}
			wantError(t, err, "evidence is erased: of record 1, by record 44")
		}
		erased, err := l.recordAt(44)
		must(t, err)
		b := erased.Body.(*record.Erase)
		if !slices.Equal(b.Holders, []string{"client", "vendor"}) || b.Confirmed != nil || erased.Case != "T-1" || erased.By != "vendor" {
			t.Errorf("recorded as %+v %+v", erased, b)
		}
		// Again it is the same record.
		again, _, err := l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "GDPR 17(1)(a)", Improper: true})
		if err != nil || again != 44 {
			t.Errorf("again: record %d, %v", again, err)
		}
		_, _, err = l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "another", Improper: true})
		wantError(t, err, "is that of record 44 with other content")
		// What is erased is not taken in again.
		err = l.Disclose(ctx, 1, "WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiYSIsMV0")
		wantError(t, err, "which is none of the 2 sealed fields")
		done(t, db)
		db = open(t, dir, small(clock))
		l, err = db.Ledger(testOrigin)
		must(t, err)
	}
	done(t, db)
}

// Parts are erased by name, and the rest stays.
func TestEraseInPart(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := withChat(t, dir, clock, small(clock))
	r, err := l.recordAt(1)
	must(t, err)
	e := &record.Record{Kind: record.KindErase, ID: "client-erased", Case: "T-1", At: clock.now,
		Body: &record.Erase{Of: "o-1", Basis: "asked", State: record.Erased, Scope: []string{"photo", string(r.Sealed[0])}, Holders: []string{"client"}}}
	_, err = l.Append(ctx, byClient(t, e, 0, "", strip(r)))
	must(t, err)
	// The client's word about its own copies erases nothing here.
	if got, err := readAll(l, 1, "photo", identity(t, "vendor")); err != nil || got != marked("photo", 300) {
		t.Errorf("got %q %v", got, err)
	}
	_, _, err = l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Scope: []string{"video"}})
	wantError(t, err, `record 1 commits to none called "video"`)
	n, improper, err := l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Scope: []string{"photo", string(r.Sealed[0])}})
	must(t, err)
	erased, err := l.recordAt(n)
	must(t, err)
	if b := erased.Body.(*record.Erase); improper != nil || !slices.Equal(b.Confirmed, []string{"client"}) {
		t.Errorf("confirmed by %q, improper %v", b.Confirmed, improper)
	}
	for name, want := range map[string]error{"photo": ErrErased, string(r.Sealed[0]): ErrErased, "transcript": nil, string(r.Sealed[1]): nil} {
		if _, err := readAll(l, 1, name, identity(t, "client")); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
	_, _, err = l.Erase(ctx, Erasure{ID: "erase/2", Of: "o-1", Basis: "asked", State: record.Restricted})
	must(t, err)
	_, err = readAll(l, 1, "transcript", identity(t, "client"))
	wantError(t, err, "evidence is erased: of record 1, kept for storage only by record 4")
	items, err := l.Evidence(1)
	must(t, err)
	var states []string
	for _, i := range items {
		states = append(states, i.Name+" "+i.State)
	}
	if states[0] != "photo erased" || states[1] != "transcript restricted" {
		t.Errorf("states %q", states)
	}
	done(t, db)
}

// strip takes the log of a record away: what a client cites.
func strip(r *record.Record) *record.Record {
	c := *r
	c.Log = nil
	return &c
}

// TestBackupDoesNotResurrect: files of before the erasure, copied back, are
// destroyed when the store is opened, and never read.
func TestBackupDoesNotResurrect(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, _ := withChat(t, dir, clock, small(clock))
	must(t, db.Close())
	backup := copyDir(t, dir)
	all := secrets(t, dir)
	db = open(t, dir, small(clock))
	l, err := db.Ledger(testOrigin)
	must(t, err)
	_, _, err = l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Improper: true})
	must(t, err)
	restore := func() {
		must(t, os.RemoveAll(filepath.Join(dir, nameEvidence)))
		must(t, os.CopyFS(filepath.Join(dir, nameEvidence), os.DirFS(filepath.Join(backup, nameEvidence))))
	}
	// While the store is open: reads are refused, Check reports it.
	restore()
	if grep(t, dir, all[0]) == nil {
		t.Fatal("the backup is not there")
	}
	_, err = readAll(l, 1, "photo", identity(t, "vendor"))
	if !errors.Is(err, ErrErased) {
		t.Errorf("got %v, want %v", err, ErrErased)
	}
	found := faults(t, db)
	if len(found) != 4 || !strings.Contains(found[0], `record 1: attachment "photo" is erased by record 2, and its file is there`) {
		t.Errorf("check finds %q", found)
	}
	must(t, db.Close())
	db = open(t, dir, small(clock))
	if found := grep(t, dir, all...); found != nil {
		t.Errorf("after opening: %q", found)
	}
	// The whole store of before, to which the records since come again, as from
	// the client's copy.
	lost := open(t, backup, small(clock))
	l2, err := lost.Ledger(testOrigin)
	must(t, err)
	l, err = db.Ledger(testOrigin)
	must(t, err)
	r, err := l.recordAt(2)
	must(t, err)
	_, err = l2.Append(ctx, strip(r))
	must(t, err)
	if found := grep(t, backup, all...); found != nil {
		t.Errorf("after the erase record came again: %q", found)
	}
	done(t, lost)
	done(t, db)
}

// playEvidence stores and erases; it stops at the first error.
func playEvidence(dir string, o Options, clock *testClock, told *[]string) error {
	db, err := Open(dir, o)
	if err != nil {
		return err
	}
	defer db.Close()
	clock.set("2026-03-02T10:00:00")
	l, err := db.Ledger(testOrigin)
	if err != nil {
		return err
	}
	say := func(what string) { *told = append(*told, what) }
	salt := [32]byte{9}
	a, err := record.Commit("later", salt, strings.NewReader(marked("photo", 70000)))
	if err != nil {
		return err
	}
	r := outcome("o-1", "T-1", clock.now)
	r.Attach = append(r.Attach, a)
	if _, err := l.AppendEvidence(ctx, r, Evidence{
		Attach: []Attachment{{Name: "transcript", Content: strings.NewReader(marked("transcript", 300))}},
		Fields: []Field{{Name: "customer", Value: []byte(`"SECRET-customer"`)}},
	}); err != nil {
		return err
	}
	say("appended")
	if err := l.Attach(ctx, 1, "later", salt, strings.NewReader(marked("photo", 70000))); err != nil {
		return err
	}
	say("attached")
	id, err := evidence.NewIdentity(key("vendor"))
	if err != nil {
		return err
	}
	of, err := l.recordAt(1)
	if err != nil {
		return err
	}
	for _, name := range []string{"later", string(of.Sealed[0])} {
		if _, err := l.AddHolders(ctx, 1, name, id, public("third")); err != nil {
			return err
		}
	}
	say("widened")
	if _, _, err := l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Scope: []string{"later", "transcript"}, Improper: true}); err != nil {
		return err
	}
	say("erased")
	return db.Close()
}

// evidenceKept opens a store as after a crash: what was told holds, nothing is
// staged, and what an erase record covers is gone whether it was told or not.
func evidenceKept(t *testing.T, dir string, clock *testClock, told []string) {
	t.Helper()
	db, err := Open(dir, small(clock))
	if err != nil {
		t.Errorf("open: %v", err)
		return
	}
	l, err := db.Ledger(testOrigin)
	must(t, err)
	if names := staging(t, dir); len(names) > 0 {
		t.Errorf("still staged: %q", names)
	}
	_, erased, err := l.Find("erase/1")
	must(t, err)
	if slices.Contains(told, "erased") && !erased {
		t.Error("the erase record is lost")
	}
	if l.Size() > 1 {
		items, err := l.Evidence(1)
		must(t, err)
		for _, i := range items {
			want := Stored
			switch {
			case erased && i.Name != "":
				want = Erased
			case i.Name == "later" && !slices.Contains(told, "attached"):
				want = "" // either
			}
			if want != "" && i.State != want {
				t.Errorf("%s is %s, want %s", i.called(), i.State, want)
			}
			if i.State == Stored {
				_, err := readAll(l, 1, string(i.Digest), identity(t, "client"))
				must(t, err)
				if _, err = readAll(l, 1, string(i.Digest), identity(t, "third")); err != nil && slices.Contains(told, "widened") && i.Name == "" {
					t.Errorf("%s does not open for who was added: %v", i.called(), err)
				}
			}
		}
	} else if slices.Contains(told, "appended") {
		t.Error("the record is lost")
	}
	if erased {
		if files, _ := filepath.Glob(filepath.Join(dir, nameEvidence, "*", "0*", "*")); len(files) > 1 {
			t.Errorf("files %q, want that of the sealed field", files)
		}
	}
	for _, f := range faults(t, db) {
		t.Errorf("check: %s", f)
	}
	must(t, db.Close())
}

// TestEvidenceEveryCall: each call on our files fails once, not done or done
// all the same, or the process stops there; for good, too. What was told holds.
func TestEvidenceEveryCall(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("enumerates every call")
	}
	// A store with a ledger, made without faults.
	clock := newClock()
	made := scratch(t)
	db, _ := create(t, made, small(clock))
	must(t, db.Close())

	clean := &stage{}
	o := small(clock)
	o.files = clean
	must(t, playEvidence(copyDir(t, made), o, clock, new([]string)))
	if clean.calls < 50 {
		t.Errorf("%d calls, want more", clean.calls)
	}
	for _, mode := range []struct {
		name         string
		doIt, sticky bool
	}{{"not done", false, false}, {"done", true, false}, {"from then on", false, true}} {
		for k := 1; k <= clean.calls; k += *every {
			var what string
			s := &stage{}
			s.at = func(call int, w string) (error, bool) {
				if call < k || call > k && !mode.sticky {
					return nil, false
				}
				if call == k {
					what = w
				}
				return errInjected, mode.doIt
			}
			clock := newClock()
			o := small(clock)
			o.files = s
			dir := copyDir(t, made)
			var told []string
			err := playEvidence(dir, o, clock, &told)
			if err != nil && !errors.Is(err, syscall.EIO) {
				t.Errorf("got %v, want the injected error", err)
			}
			evidenceKept(t, dir, clock, told)
			if t.Failed() {
				t.Fatalf("call %d, %s, %s; told %q; error %v", k, what, mode.name, told, err)
			}
		}
	}
}

// TestEvidenceKilled copies the store at each call, as a killed process leaves
// it.
func TestEvidenceKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("enumerates every call")
	}
	clock := newClock()
	dir := scratch(t)
	db, _ := create(t, dir, small(clock))
	must(t, db.Close())
	var told []string
	type cut struct {
		what, dir string
		told      []string
	}
	var cuts []cut
	s := &stage{}
	s.at = func(call int, what string) (error, bool) {
		if call%*every == 0 {
			cuts = append(cuts, cut{what, copyDir(t, dir), slices.Clone(told)})
		}
		return nil, false
	}
	o := small(clock)
	o.files = s
	must(t, playEvidence(dir, o, clock, &told))
	if len(cuts) < 10 {
		t.Errorf("%d cuts, want more", len(cuts))
	}
	for i, c := range cuts {
		evidenceKept(t, c.dir, newClock(), c.told)
		if t.Failed() {
			t.Fatalf("cut %d before %s; told %q", i, c.what, c.told)
		}
	}
}

// An erasing that is cut off is ended by the next open: at each call of it.
func TestEraseCutOff(t *testing.T) {
	clock := newClock()
	made := scratch(t)
	db, _ := withChat(t, made, clock, small(clock))
	must(t, db.Close())
	all := secrets(t, made)
	calls := 0
	for k := 0; ; k++ {
		dir := copyDir(t, made)
		s := &stage{}
		o := small(clock)
		o.files = s
		db := open(t, dir, o)
		l, _ := db.Ledger(testOrigin)
		_, _, err := l.Erase(ctx, Erasure{ID: "none", Of: "o-1", Basis: "asked"}) // loads the ledger
		if _, ok := errors.AsType[*ImproperError](err); !ok {
			t.Fatal(err)
		}
		begin := s.calls
		s.at = func(call int, what string) (error, bool) {
			if call > begin+k {
				return errInjected, false
			}
			return nil, false
		}
		_, _, err = l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Improper: true})
		calls = s.calls - begin
		db.Close()
		if err == nil {
			break
		}
		db = open(t, dir, small(clock))
		l, err = db.Ledger(testOrigin)
		must(t, err)
		if _, ok, _ := l.Find("erase/1"); ok {
			if found := grep(t, dir, all...); found != nil {
				t.Fatalf("cut off after %d calls, opened again: %q", k, found)
			}
		} else if _, err := readAll(l, 1, "photo", identity(t, "client")); err != nil {
			t.Fatalf("cut off after %d calls, no erase record: %v", k, err)
		}
		done(t, db)
	}
	if calls < 20 {
		t.Errorf("an erasure of four takes %d calls, want more", calls)
	}
}

// Opening a store with many erasures stays quick.
func BenchmarkOpenErased(b *testing.B) {
	clock := newClock()
	dir := scratch(b)
	db, l := create(b, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	const erasures = 2000
	for i := range erasures / 100 {
		rs := outcomes(100*i, 100, clock.now)
		for k, r := range rs {
			r.Attach = []record.Attachment{{Name: "a", Digest: record.Sum([]byte{byte(i), byte(k)}), Size: 1}}
		}
		_, err := l.Append(ctx, rs...)
		must(b, err)
	}
	_, err := l.AppendEvidence(ctx, outcome("last", "T-last", clock.now), Evidence{Attach: []Attachment{{Name: "a", Content: strings.NewReader("x")}}})
	must(b, err)
	for i := range erasures {
		_, err := l.Append(ctx, &record.Record{Kind: record.KindErase, ID: fmt.Sprintf("e-%d", i), Case: fmt.Sprintf("T-%d", i), At: clock.now, By: "vendor",
			Body: &record.Erase{Of: fmt.Sprintf("o-%d", i), Basis: "asked", State: record.Erased, Holders: []string{"vendor"}}})
		must(b, err)
	}
	for b.Loop() {
		must(b, db.openEvidence())
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/erasures, "us/erasure")
	must(b, db.Close())
}

// BenchmarkAttach stores a MiB at a time.
func BenchmarkAttach(b *testing.B) {
	clock := newClock()
	db, l := create(b, b.TempDir(), Options{Clock: clock.Now})
	clock.set("2026-03-02T10:00:00")
	for _, mib := range []int64{0, 1, 64} {
		b.Run(fmt.Sprintf("%dMiB", mib), func(b *testing.B) {
			b.SetBytes(mib<<20 + 1)
			for b.Loop() {
				_, err := l.AppendEvidence(ctx, outcome(fmt.Sprint("o-", l.Size()), fmt.Sprint("T-", l.Size()), clock.now),
					Evidence{Attach: []Attachment{{Name: "a", Content: io.LimitReader(endless{}, mib<<20+1)}}})
				must(b, err)
			}
		})
	}
	b.Run("read64MiB", func(b *testing.B) {
		n, err := l.AppendEvidence(ctx, outcome("read", "T-read", clock.now), Evidence{Attach: []Attachment{{Name: "a", Content: io.LimitReader(endless{}, 64<<20)}}})
		must(b, err)
		b.SetBytes(64 << 20)
		for b.Loop() {
			r, err := l.OpenEvidence(n, "a", identity(b, "vendor"))
			must(b, err)
			_, err = io.Copy(io.Discard, r)
			must(b, errors.Join(err, r.Close()))
		}
	})
	must(b, db.Close())
}

// What is erased is not taken in again, be it attached once more or staged by a
// process that was stopped before.
func TestErasedIsNotTakenIn(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	salt := [32]byte{1}
	attached := func() error { return l.Attach(ctx, 1, "a", salt, strings.NewReader("SECRET-a")) }
	r := outcome("o-1", "T-1", clock.now)
	a, err := record.Commit("a", salt, strings.NewReader("SECRET-a"))
	must(t, err)
	r.Attach = []record.Attachment{a}
	_, err = l.Append(ctx, r)
	must(t, err)
	must(t, attached())
	_, _, err = l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Improper: true})
	must(t, err)
	if err := attached(); !errors.Is(err, ErrErased) {
		t.Errorf("got %v, want %v", err, ErrErased)
	}
	items, err := l.Evidence(1)
	must(t, err)
	if items[0].State != Erased || len(staging(t, dir)) > 0 {
		t.Errorf("%+v, still staged %q", items, staging(t, dir))
	}
	// Staged, and not placed before the store was stopped.
	holders, err := l.holders(nil)
	must(t, err)
	_, err = l.stage(ctx, evidence.Attachment, "o-1", strings.NewReader(string(salt[:])+"SECRET-a"), holders)
	must(t, err)
	if len(staging(t, dir)) != 1 {
		t.Fatal("nothing is staged")
	}
	done(t, db)
	db = open(t, dir, small(clock))
	if names := staging(t, dir); len(names) > 0 {
		t.Errorf("still staged: %q", names)
	}
	done(t, db)
}

// TestEvidenceAtOnce stores, reads, erases and checks at the same time.
func TestEvidenceAtOnce(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	id := identity(t, "client")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for k := range 4 {
				name := fmt.Sprintf("o-%d-%d", i, k)
				content := marked(name, 70000)
				n, err := l.AppendEvidence(ctx, outcome(name, "T-"+name, clock.now), Evidence{
					Attach: []Attachment{{Name: "a", Content: strings.NewReader(content)}},
					Fields: []Field{{Name: "b", Value: []byte(`"SECRET"`)}},
				})
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := readAll(l, n, "a", id); err != nil || got != content {
					t.Errorf("%s: %d bytes, %v", name, len(got), err)
				}
				if k%2 == 0 {
					continue
				}
				all.Go(func() { // letting a further key in meanwhile disturbs nobody
					if _, err := l.AddHolders(ctx, n, "a", id, public("third")); err != nil && !errors.Is(err, ErrErased) {
						t.Errorf("%s: %v", name, err)
					}
				})
				all.Go(func() { // who reads meanwhile reads all of it, or is told
					if got, err := readAll(l, n, "a", id); err == nil && got != content || err != nil && !errors.Is(err, ErrErased) {
						t.Errorf("%s: %d bytes, %v", name, len(got), err)
					}
				})
				if _, _, err := l.Erase(ctx, Erasure{ID: "erase/" + name, Of: name, Basis: "asked", Improper: true}); err != nil {
					t.Error(err)
				}
				if _, err := readAll(l, n, "a", id); !errors.Is(err, ErrErased) {
					t.Errorf("%s: got %v, want %v", name, err, ErrErased)
				}
			}
		})
	}
	all.Go(func() {
		for range 5 {
			for _, f := range faults(t, db) {
				t.Errorf("check meanwhile: %s", f)
			}
		}
	})
	all.Wait()
	done(t, db)
}
