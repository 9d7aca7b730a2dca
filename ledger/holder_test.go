package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/ledger/evidence"
)

func TestAddHolders(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := withChat(t, dir, clock, small(clock))
	third := identity(t, "third")
	if _, err := readAll(l, 1, "photo", third); !errors.Is(err, evidence.ErrNotHeld) {
		t.Errorf("third opens it: %v", err)
	}
	before := func(name string) []byte {
		i, err := l.Item(1, name)
		must(t, err)
		b, err := os.ReadFile(l.evidencePath(1, i.Digest))
		must(t, err)
		return b
	}
	old := before("transcript")
	r, err := l.OpenEvidence(1, "transcript", identity(t, "client")) // who is reading goes on
	must(t, err)
	for name, want := range map[string]int{"transcript": 1, "photo": 1} {
		added, err := l.AddHolders(ctx, 1, name, identity(t, "client"), public("third"), public("vendor"))
		if err != nil || added != want {
			t.Errorf("%s: added %d, %v", name, added, err)
		}
	}
	if added, err := l.AddHolders(ctx, 1, "photo", third, public("third")); err != nil || added != 0 {
		t.Errorf("again: added %d, %v", added, err)
	}
	if added, err := l.AddHolders(ctx, 1, "photo", third); err != nil || added != 0 {
		t.Errorf("the keys in force: added %d, %v", added, err)
	}
	var read bytes.Buffer
	_, err = read.ReadFrom(r)
	must(t, errors.Join(err, r.Close()))
	if read.String() != marked("transcript", 200000) {
		t.Error("who was reading got something else")
	}
	now := before("transcript")
	if !bytes.Equal(old[evidence.HeaderBytes:], now[evidence.HeaderBytes:]) || bytes.Equal(old[:evidence.HeaderBytes], now[:evidence.HeaderBytes]) {
		t.Error("want another header before the same payload")
	}
	for _, name := range []string{"vendor", "client", "third"} {
		if got, err := readAll(l, 1, "transcript", identity(t, name)); err != nil || got != marked("transcript", 200000) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
	// A copy for the third alone, and its erasing.
	var own bytes.Buffer
	must(t, l.SealedCopy(&own, 1, "photo", third.Fingerprint()))
	h, err := evidence.ReadHeader(&own)
	must(t, err)
	if len(h.Slots) != 1 || !h.HeldBy(third.Fingerprint()) {
		t.Errorf("copy with %d slots", len(h.Slots))
	}

	// What is refused changes nothing.
	old = before("photo")
	_, err = l.AddHolders(ctx, 1, "photo", identity(t, "stranger"), public("fourth"))
	if !errors.Is(err, evidence.ErrNotHeld) {
		t.Errorf("a stranger adds: %v", err)
	}
	var many []ed25519.PublicKey
	for i := range 12 {
		many = append(many, public(fmt.Sprint("holder ", i)))
	}
	_, err = l.AddHolders(ctx, 1, "photo", third, many...)
	wantError(t, err, "15 holders, at most 14")
	_, err = l.AddHolders(ctx, 1, "nothing", third, public("fourth"))
	if !errors.Is(err, ErrNoEvidence) {
		t.Errorf("no such evidence: %v", err)
	}
	if !bytes.Equal(old, before("photo")) {
		t.Error("the file has changed")
	}
	_, _, err = l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Scope: []string{"photo"}, Improper: true})
	must(t, err)
	_, err = l.AddHolders(ctx, 1, "photo", third, public("fourth"))
	if !errors.Is(err, ErrErased) {
		t.Errorf("erased: %v", err)
	}
	done(t, db)
	// No byte of the wrapped keys is anywhere.
	for i := range 3 {
		if found := grep(t, dir, string(old[512+256*i:][:180])); found != nil {
			t.Errorf("still there: %q", found)
		}
	}
}

// TestHeaderTorn: whatever part of a header reached the disk, the staged one
// mends it, even where what is there looks whole; but not where it is of another
// time, or before another payload.
func TestHeaderTorn(t *testing.T) {
	clock := newClock()
	made := scratch(t)
	db, l := withChat(t, made, clock, small(clock))
	i, err := l.Item(1, "photo")
	must(t, err)
	rel, err := filepath.Rel(made, l.evidencePath(1, i.Digest))
	must(t, err)
	staged, err := filepath.Rel(made, filepath.Join(l.evidenceDir(), nameStaged, strings.Repeat("0", 32)+suffixHolders))
	must(t, err)
	old, err := os.ReadFile(filepath.Join(made, rel))
	must(t, err)
	_, err = l.AddHolders(ctx, 1, "photo", identity(t, "vendor"), public("third"))
	must(t, err)
	wide, err := os.ReadFile(filepath.Join(made, rel))
	must(t, err)
	_, err = l.AddHolders(ctx, 1, "photo", identity(t, "vendor"), public("fourth"))
	must(t, err)
	wider, err := os.ReadFile(filepath.Join(made, rel))
	must(t, err)
	must(t, db.Close())
	head := wide[:evidence.HeaderBytes]
	type torn struct {
		name         string
		file, staged []byte
		third        bool // opens it afterwards
		fault        string
	}
	all := []torn{
		{"old header whole", old, head, true, ""},
		{"new header whole", wide, head, true, ""},
		{"zeros", append(make([]byte, evidence.HeaderBytes), old[evidence.HeaderBytes:]...), head, true, ""},
		{"header of later", wider, head, true, ""},
		{"header of later and torn staged one", wider, head[:700], true, ""},
		{"staged header cut", old, head[:4000], false, ""},
		{"staged header empty", old, nil, false, ""},
		{"neither whole", append(make([]byte, evidence.HeaderBytes), old[evidence.HeaderBytes:]...), head[:1024], false, `attachment "photo": header`},
		{"another payload", append(make([]byte, evidence.HeaderBytes), bytes.Repeat([]byte{1}, len(old)-evidence.HeaderBytes)...), head, false, `attachment "photo": header`},
		{"file shorter", append(make([]byte, evidence.HeaderBytes), 1), head, false, `attachment "photo": header`},
	}
	for _, k := range []int{100, 512, 600, 768, 900, 1024, 1100, 1280, 2048} {
		all = append(all, torn{fmt.Sprint("new to ", k), append(bytes.Clone(wide[:k]), old[k:]...), head, true, ""},
			torn{fmt.Sprint("new from ", k), append(bytes.Clone(old[:k]), wide[k:]...), head, true, ""})
	}
	for _, tc := range all {
		dir := copyDir(t, made)
		must(t, os.WriteFile(filepath.Join(dir, rel), tc.file, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, staged), tc.staged, 0o600))
		db := open(t, dir, small(clock))
		l, err := db.Ledger(testOrigin)
		must(t, err)
		if names := staging(t, dir); len(names) > 0 {
			t.Errorf("%s: still staged: %q", tc.name, names)
		}
		if _, err := readAll(l, 1, "photo", identity(t, "third")); (err == nil) != tc.third {
			t.Errorf("%s: third: %v", tc.name, err)
		}
		for _, name := range []string{"vendor", "client"} {
			if _, err := readAll(l, 1, "photo", identity(t, name)); (err == nil) != (tc.fault == "") {
				t.Errorf("%s: %s: %v", tc.name, name, err)
			}
		}
		if found := strings.Join(faults(t, db), "\n"); (found == "") != (tc.fault == "") || !strings.Contains(found, tc.fault) {
			t.Errorf("%s: check: %q", tc.name, found)
		}
		must(t, db.Close())
	}
}

// TestRestrictionLifted: what is restricted is not read until that is lifted;
// what is erased stays so.
func TestRestrictionLifted(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := withChat(t, dir, clock, small(clock))
	client := identity(t, "client")
	say := func(id, state, want string) {
		t.Helper()
		_, _, err := l.Erase(ctx, Erasure{ID: id, Of: "o-1", Basis: "asked", Scope: []string{"photo"}, State: state, Improper: true})
		if want != "" {
			wantError(t, err, want)
			return
		}
		must(t, err)
	}
	read := func(ok bool) {
		t.Helper()
		if got, err := readAll(l, 1, "photo", client); (err == nil && got == marked("photo", 300)) != ok || !ok && !errors.Is(err, ErrErased) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	}
	say("l0", "lifted", "none of record 1 that is named is restricted")
	say("r1", "restricted", "")
	read(false)
	say("l1", "lifted", "")
	read(true)
	say("l1", "lifted", "") // the same again
	say("r1", "restricted", "id: is that of record 2, and its evidence is not restricted any more: a further record needs another id")
	say("r2", "restricted", "")
	say("l1", "lifted", "id: is that of record 3, and its evidence is not lifted any more")
	must(t, db.Close())
	db = open(t, dir, small(clock))
	var err error
	l, err = db.Ledger(testOrigin)
	must(t, err)
	read(false)
	say("l2", "lifted", "")
	read(true)
	say("e1", "erased", "")
	read(false)
	say("l3", "lifted", "none of record 1 that is named is restricted")
	say("r1", "restricted", "") // of what is erased this says nothing new
	read(false)
	done(t, db)
}
