package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
)

var mebi = flag.Int64("mebi", 64, "MiB of the attachment in TestLongAttachment")

func identity(t testing.TB, name string) *evidence.Identity {
	t.Helper()
	id, err := evidence.NewIdentity(key(name))
	must(t, err)
	return id
}

func public(name string) ed25519.PublicKey { return key(name).Public().(ed25519.PublicKey) }

// marked is content that is found again wherever it lies in the clear.
func marked(name string, n int) string {
	return strings.Repeat("SECRET-"+name+"-", n/(len(name)+8)+1)[:n]
}

// chat is an outcome's evidence: two attachments and two sealed fields.
func chat(now record.Time) Evidence {
	return Evidence{
		Attach: []Attachment{
			{Name: "transcript", Media: "text/plain", Keep: now + 1000, Content: strings.NewReader(marked("transcript", 200000))},
			{Name: "photo", Content: strings.NewReader(marked("photo", 300))},
		},
		Fields: []Field{{Name: "customer", Value: []byte(`"SECRET-customer-Ann"`)}, {Name: "iban", Value: []byte(`"SECRET-iban-DE1"`)}},
	}
}

// withChat is a new store with one record, index 1, that has evidence.
func withChat(t testing.TB, dir string, clock *testClock, o Options) (*DB, *Ledger) {
	t.Helper()
	db, l := create(t, dir, o)
	clock.set("2026-03-02T10:00:00")
	n, err := l.AppendEvidence(ctx, outcome("o-1", "T-1", clock.now), chat(clock.now))
	must(t, err)
	if n != 1 {
		t.Fatalf("index %d, want 1", n)
	}
	return db, l
}

func readAll(l *Ledger, n int64, name string, id *evidence.Identity) (string, error) {
	r, err := l.OpenEvidence(n, name, id)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

func TestEvidence(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := withChat(t, dir, clock, small(clock))
	for range 2 {
		r, err := l.recordAt(1)
		must(t, err)
		if len(r.Attach) != 2 || len(r.Sealed) != 2 || r.Attach[0].Name != "photo" || r.Attach[1].Size != 200000 || r.Attach[1].Media != "text/plain" || r.Attach[1].Keep != clock.now+1000 {
			t.Errorf("record commits to %+v %v", r.Attach, r.Sealed)
		}
		for _, name := range []string{"vendor", "client"} {
			if got, err := readAll(l, 1, "transcript", identity(t, name)); err != nil || got != marked("transcript", 200000) {
				t.Errorf("%s: got %d bytes, %v", name, len(got), err)
			}
			if got, err := readAll(l, 1, "photo", identity(t, name)); err != nil || got != marked("photo", 300) {
				t.Errorf("%s: got %q, %v", name, got, err)
			}
		}
		var fields []string
		for _, d := range r.Sealed {
			text, err := readAll(l, 1, string(d), identity(t, "client"))
			must(t, err)
			name, value, err := record.OpenDisclosure(text)
			must(t, err)
			fields = append(fields, name+" "+string(value))
		}
		slices.Sort(fields)
		if want := []string{`customer "SECRET-customer-Ann"`, `iban "SECRET-iban-DE1"`}; !slices.Equal(fields, want) {
			t.Errorf("fields are %q, want %q", fields, want)
		}
		_, err = readAll(l, 1, "photo", identity(t, "stranger"))
		wantError(t, err, `vendor.example/contract-17: record 1: attachment "photo": evidence is not sealed for this key, SHA256:`)
		_, err = readAll(l, 1, "video", identity(t, "vendor"))
		wantError(t, err, `no such evidence: record 1 commits to none called "video"`)
		items, err := l.Evidence(1)
		must(t, err)
		for _, i := range items {
			if i.State != Stored || !slices.Equal(i.Parties, []string{"client", "vendor"}) || i.By != -1 {
				t.Errorf("item %+v", i)
			}
		}
		if found := grep(t, dir, "SECRET"); found != nil {
			t.Errorf("content lies in the clear in %q", found)
		}
		done(t, db)
		db = open(t, dir, small(clock))
		l, err = db.Ledger(testOrigin)
		must(t, err)
	}
	// A copy for the client opens with the client's key alone.
	var copied bytes.Buffer
	must(t, l.SealedCopy(&copied, 1, "photo", record.Fingerprint(public("client"))))
	h, err := evidence.ParseHeader(copied.Bytes()[:evidence.HeaderBytes])
	must(t, err)
	if h.HeldBy(record.Fingerprint(public("vendor"))) {
		t.Error("the client's copy has the vendor's key")
	}
	r, err := h.Open(identity(t, "client"), testOrigin, bytes.NewReader(copied.Bytes()[evidence.HeaderBytes:]))
	must(t, err)
	if b, err := io.ReadAll(r); err != nil || string(b[32:]) != marked("photo", 300) {
		t.Errorf("the copy opens as %q %v", b, err)
	}
	var found []string
	must(t, db.Check(ctx, func(f Fault) { found = append(found, f.String()) }, identity(t, "vendor"), identity(t, "stranger")))
	if found != nil {
		t.Errorf("check with a key: %q", found)
	}
	done(t, db)
}

// Attach and Disclose store what a record of the client's commits to, which
// the client signed before.
func TestAttachLater(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	salt := [32]byte{1}
	a, err := record.Commit("meter.csv", salt, strings.NewReader("SECRET-meter"))
	must(t, err)
	disclosure, digest, err := record.Seal("reader", []byte(`"SECRET-reader"`), make([]byte, 16))
	must(t, err)
	r := &record.Record{Kind: record.KindInput, ID: "i-1", Case: "T-1", At: clock.now, Attach: []record.Attachment{a}, Sealed: []record.Digest{digest},
		Body: &record.Input{AsOf: clock.now, Fields: record.Facts{record.Text("value", "1")}}}
	_, err = l.Append(ctx, byClient(t, r, 0, ""))
	must(t, err)
	items, err := l.Evidence(1)
	must(t, err)
	if len(items) != 2 || items[0].State != Absent {
		t.Errorf("items %+v", items)
	}
	_, err = readAll(l, 1, "meter.csv", identity(t, "client"))
	wantError(t, err, "no such evidence: this store was not given it")
	for _, c := range []struct {
		name, content string
		salt          [32]byte
		want          string
	}{
		{"meter.csv", "SECRET-metre", salt, `attachment "meter.csv" has digest sha256:`},
		{"meter.csv", "SECRET-meter", [32]byte{2}, `content or salt differ`},
		{"meter.csv", "SECRET-meter!", salt, `attachment "meter.csv" has 13 bytes, want 12 as in the record`},
		{"meter", "SECRET-meter", salt, `record 1 commits to no attachment "meter"`},
	} {
		wantError(t, l.Attach(ctx, 1, c.name, c.salt, strings.NewReader(c.content)), c.want)
	}
	wantError(t, l.Disclose(ctx, 1, strings.Replace(disclosure, "QUFB", "QkFB", 1)), "which is none of the 1 sealed fields of record 1")
	wantError(t, l.Disclose(ctx, 1, "x!"), "disclosure is not base64url")
	wantError(t, l.Attach(ctx, 1, "meter.csv", salt, iotest.ErrReader(errors.New("gone"))), "gone")
	wantError(t, l.Attach(ctx, 2, "meter.csv", salt, strings.NewReader("")), "no such record")
	for range 2 { // again does no harm
		must(t, l.Attach(ctx, 1, "meter.csv", salt, strings.NewReader("SECRET-meter")))
		must(t, l.Disclose(ctx, 1, disclosure, public("client")))
	}
	if got, err := readAll(l, 1, "meter.csv", identity(t, "vendor")); err != nil || got != "SECRET-meter" {
		t.Errorf("got %q %v", got, err)
	}
	item, err := l.Item(1, string(digest))
	must(t, err)
	if !slices.Equal(item.Parties, []string{"client"}) {
		t.Errorf("held by %q, want the client alone", item.Parties)
	}
	if names := staging(t, dir); len(names) > 0 {
		t.Errorf("still staged: %q", names)
	}
	done(t, db)
}

// staging lists what has no place yet.
func staging(t testing.TB, dir string) []string {
	names, err := filepath.Glob(filepath.Join(dir, nameEvidence, "*", nameStaged, "*"))
	must(t, err)
	return names
}

// A record that is refused leaves no evidence behind.
func TestRefusedWithEvidence(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	r := outcome("o-1", "T-1", clock.now)
	r.By = "nobody"
	_, err := l.AppendEvidence(ctx, r, chat(clock.now))
	if _, ok := errors.AsType[*record.Refusal](err); !ok {
		t.Errorf("got %v, want a refusal", err)
	}
	e := chat(clock.now)
	e.Fields[1].Value = []byte("1.5")
	_, err = l.AppendEvidence(ctx, outcome("o-1", "T-1", clock.now), e)
	wantError(t, err, `sealed field "iban": value`)
	if names := staging(t, dir); len(names) > 0 || l.Size() != 1 {
		t.Errorf("size %d, still staged: %q", l.Size(), names)
	}
	done(t, db)
}

// A long attachment takes no more memory than a short one. go test -mebi 1024
// takes a GiB.
func TestLongAttachment(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	length := *mebi << 20
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err := l.AppendEvidence(ctx, outcome("o-1", "T-1", clock.now), Evidence{Attach: []Attachment{{Name: "video", Content: io.LimitReader(endless{}, length)}}})
	must(t, err)
	r, err := l.OpenEvidence(1, "video", identity(t, "client"))
	must(t, err)
	n, err := io.Copy(io.Discard, r)
	must(t, errors.Join(err, r.Close()))
	runtime.ReadMemStats(&after)
	if n != length {
		t.Errorf("read %d bytes, want %d", n, length)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d MiB took %d bytes of memory, want at most 8 MiB", *mebi, took)
	}
	done(t, db)
}

type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(i)
	}
	return len(b), nil
}

// An attachment that would use up Badger's reserve is refused while it is
// written, and nothing of it stays.
func TestEvidenceFillsTheDisk(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	o := small(clock)
	full := &fullDisk{free: 1 << 40}
	o.files = full
	db, l := create(t, dir, o)
	clock.set("2026-03-02T10:00:00")
	_, err := l.AppendEvidence(ctx, outcome("o-1", "T-1", clock.now), Evidence{Attach: []Attachment{{Name: "video", Content: filling{full, db}}}})
	if !errors.Is(err, ErrNoSpace) {
		t.Errorf("got %v, want %v", err, ErrNoSpace)
	}
	if names := staging(t, dir); len(names) > 0 {
		t.Errorf("still staged: %q", names)
	}
	done(t, db)
}

// A filling stream leaves less and less space.
type filling struct {
	full *fullDisk
	db   *DB
}

func (f filling) Read(b []byte) (int, error) {
	f.full.free /= 2
	f.db.roomSeen.Store(0)
	return endless{}.Read(b)
}

// grep lists the files below dir that hold one of the texts, as it is, in hex
// or in base64 at any offset.
func grep(t testing.TB, dir string, texts ...string) []string {
	t.Helper()
	var wanted [][]byte
	for _, text := range texts {
		b := []byte(text)
		wanted = append(wanted, b, []byte(hex.EncodeToString(b)))
		for skip := range 3 {
			if len(b) > skip+8 {
				cut := b[skip : skip+(len(b)-skip)/3*3]
				wanted = append(wanted, []byte(base64.RawStdEncoding.EncodeToString(cut)), []byte(base64.RawURLEncoding.EncodeToString(cut)))
			}
		}
	}
	var found []string
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == nameBallast {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // what Badger took away meanwhile holds nothing
			return err
		}
		for _, w := range wanted {
			if bytes.Contains(b, w) {
				found = append(found, fmt.Sprintf("%s holds %.40q", path, w))
			}
		}
		return nil
	}))
	return found
}

// secrets is all that erasing must leave no byte of: what opens the evidence,
// as it lies in the store and as a holder unwraps it, and the evidence itself.
func secrets(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	files, err := filepath.Glob(filepath.Join(dir, nameEvidence, "*", "*", "*"))
	must(t, err)
	for _, path := range files {
		b, err := os.ReadFile(path)
		must(t, err)
		h, err := evidence.ParseHeader(b[:evidence.HeaderBytes])
		must(t, err)
		for _, s := range h.Slots {
			all = append(all, string(s.Share[:]), string(s.Wrapped[:]))
		}
		all = append(all, string(h.Prefix[:]))
		payload := b[evidence.HeaderBytes:]
		for at := 0; at < len(payload); at += evidence.ChunkBytes {
			all = append(all, string(payload[at:min(at+32, len(payload))]))
		}
		all = append(all, string(payload[len(payload)-16:]))
	}
	return append(all, "SECRET-transcript", "SECRET-photo", "SECRET-customer", "SECRET-iban")
}

// TestCheckFindsEvidence: whatever happens to a file of evidence is reported
// by name.
func TestCheckFindsEvidence(t *testing.T) {
	clock := newClock()
	whole := scratch(t)
	db, l := withChat(t, whole, clock, small(clock))
	item, err := l.Item(1, "transcript")
	must(t, err)
	photo, err := l.Item(1, "photo")
	must(t, err)
	must(t, db.Close())
	at := func(dir string, i Item) string {
		return filepath.Join(dir, nameEvidence, "00000001", "00000000", evidenceName(1, i.Digest))
	}
	flip := func(k int64) func(dir string) error {
		return func(dir string) error {
			b, err := os.ReadFile(at(dir, item))
			if err != nil {
				return err
			}
			b[k] ^= 1
			return os.WriteFile(at(dir, item), b, 0o600)
		}
	}
	for _, c := range []struct {
		name   string
		damage func(dir string) error
		want   []string
	}{
		{"payload", flip(150000), []string{`record 1: attachment "transcript": payload has digest sha256:`}},
		{"header", flip(10), []string{`record 1: attachment "transcript": header line 1: has checksum`}},
		{"slot", flip(600), []string{`record 1: attachment "transcript": header line 2: has checksum`}},
		{"removed", func(dir string) error { return os.Remove(at(dir, item)) }, []string{`record 1: attachment "transcript" was stored, and its file is missing`}},
		{"cut", func(dir string) error { return os.Truncate(at(dir, item), 100000) }, []string{`record 1: attachment "transcript": file has 100000 bytes, want `}},
		{"emptied", func(dir string) error { return os.Truncate(at(dir, item), 0) }, []string{`record 1: attachment "transcript": header has 0 bytes, want 4096`}},
		{"swapped", func(dir string) error { return os.Rename(at(dir, photo), at(dir, item)) }, []string{
			`record 1: attachment "photo" was stored, and its file is missing`,
			`record 1: attachment "transcript": file has digest sha256:`}},
		{"stray", func(dir string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(at(dir, item)), "notes.txt"), nil, 0o600)
		}, []string{
			`file 00000000/notes.txt is no evidence of a record`}},
		{"of no record", func(dir string) error {
			return os.WriteFile(filepath.Join(filepath.Dir(at(dir, item)), evidenceName(7, item.Digest)), nil, 0o600)
		}, []string{`record 7: file 00000000/0000000000000007-`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := copyDir(t, whole)
			must(t, c.damage(dir))
			db := open(t, dir, small(clock))
			found := faults(t, db)
			if len(found) != len(c.want) {
				t.Errorf("got %q, want %q", found, c.want)
			}
			for i := range min(len(found), len(c.want)) {
				wantError(t, errors.New(found[i]), testOrigin+": "+c.want[i])
			}
			l, err := db.Ledger(testOrigin)
			must(t, err)
			if c.name != "stray" && c.name != "of no record" {
				if _, err := readAll(l, 1, "transcript", identity(t, "vendor")); !errors.Is(err, ErrDamaged) {
					t.Errorf("reading it: got %v, want %v", err, ErrDamaged)
				}
			}
			must(t, db.Close())
		})
	}
	// One that lost its key in Badger, and one that Badger alone has.
	dir := copyDir(t, whole)
	db = open(t, dir, small(clock))
	sum, _ := item.Digest.Bytes()
	must(t, alter(db, func(txn *badger.Txn) error {
		return errors.Join(txn.Delete(evidenceKey(1, 1, sum)), txn.Set(evidenceKey(1, 0, sha256.Sum256(nil)), []byte("attachment")))
	}))
	found := faults(t, db)
	for i, want := range []string{`record 1: attachment "transcript" is there, and not known to be stored`, "4 pieces of evidence are indexed, want 3", "record 1: file 00000000/0000000000000001-"} {
		if len(found) != 3 || !strings.Contains(found[i], want) {
			t.Errorf("got %q, want %q", found, want)
		}
	}
	must(t, db.Close())
}

// A damaged file is replaced by what is attached again.
func TestAttachAgainMends(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	salt := [32]byte{1}
	_, err := l.AppendEvidence(ctx, outcome("o-1", "T-1", clock.now), Evidence{Attach: []Attachment{{Name: "a", Salt: salt[:], Content: strings.NewReader("content")}}})
	must(t, err)
	item, err := l.Item(1, "a")
	must(t, err)
	path := l.evidencePath(1, item.Digest)
	for _, k := range []int{5, 700, evidence.HeaderBytes + 5} {
		b, err := os.ReadFile(path)
		must(t, err)
		b[k] ^= 1
		must(t, os.WriteFile(path, b, 0o600))
		if f := faults(t, db); len(f) != 1 {
			t.Errorf("faults %q", f)
		}
		must(t, l.Attach(ctx, 1, "a", salt, strings.NewReader("content")))
		if got, err := readAll(l, 1, "a", identity(t, "client")); err != nil || got != "content" {
			t.Errorf("got %q %v", got, err)
		}
		if f := faults(t, db); f != nil {
			t.Errorf("faults %q", f)
		}
	}
	done(t, db)
}

// TestStagedOnAFullDisk: what was appended and has no place yet waits for an
// open that has the room, and the store is open meanwhile.
func TestStagedOnAFullDisk(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	r := outcome("o-1", "T-1", clock.now)
	holders, err := l.holders(nil)
	must(t, err)
	s, err := l.stageAttachment(ctx, r, Attachment{Name: "a", Content: strings.NewReader("content")}, holders)
	must(t, err)
	_, err = l.Append(ctx, r)
	must(t, err)
	must(t, db.Close())
	o := small(clock)
	full := &fullDisk{free: 100 << 10}
	o.files = full
	db = open(t, dir, o)
	if names := staging(t, dir); len(names) != 1 || names[0] != s.path {
		t.Errorf("staged is %q, want %q", names, s.path)
	}
	done(t, db)
	full.free = 1 << 40
	db = open(t, dir, o)
	l, err = db.Ledger(testOrigin)
	must(t, err)
	if got, err := readAll(l, 1, "a", identity(t, "client")); err != nil || got != "content" {
		t.Errorf("got %q %v", got, err)
	}
	done(t, db)
}
