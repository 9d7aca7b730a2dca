package ledger

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// months is a ledger with the statements of March and April.
func months(t *testing.T, dir string, clock *testClock) (*DB, *Ledger) {
	t.Helper()
	db, l := create(t, dir, small(clock))
	for i, month := range []string{"2026-03", "2026-04"} {
		for day := 2; day < 12; day++ {
			clock.set(fmt.Sprintf("%s-%02dT10:00:00", month, day))
			_, err := l.Append(ctx, outcomes(i*1000+day*30, 30, at(fmt.Sprintf("%s-%02dT10:00:00", month, day)))...)
			must(t, err)
		}
		clock.set([]string{"2026-04-09T00:00:00", "2026-05-09T00:00:00"}[i])
		_, err := l.Settle(ctx)
		must(t, err)
	}
	return db, l
}

func TestSettle(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	clock.set("2026-03-02T10:00:00")
	_, err := l.Append(ctx, outcomes(1, 100, at("2026-03-02T10:00:00"))...)
	must(t, err)
	clock.set("2026-04-08T23:59:59")
	_, err = l.Settle(ctx)
	var due *NotDueError
	if !errors.As(err, &due) || due.Period != "2026-03" || due.Closing != at("2026-04-09T00:00:00") {
		t.Errorf("got %v", err)
	}
	wantError(t, err, "vendor.example/contract-17: period 2026-03 closes at 2026-04-09T00:00:00.000Z, the ledger's clock is at 2026-04-08T23:59:59.000Z")

	// A statement that is not the computed one, then the next record.
	clock.set("2026-04-09T00:00:00")
	var wrong *record.Statement
	must(t, l.State(func(s *fee.State) error { wrong, err = s.Settle(nil); return err }))
	wrong.Total = "1.00"
	_, err = l.Append(ctx, &record.Record{Kind: record.KindStatement, ID: "statement/2026-03", At: at("2026-04-09T00:00:00"), By: "vendor", Body: wrong})
	wantError(t, err, "record statement/2026-03: body: total: claimed 1.00 EUR, computed 99.00 EUR")

	r, err := l.Settle(ctx)
	must(t, err)
	s := r.Body.(*record.Statement)
	if r.Log == nil || r.Log.N != 101 || s.Total != "99.00" || r.ID != "statement/2026-03" {
		t.Errorf("got %s at %v, total %s", r.ID, r.Log, s.Total)
	}
	p, closing, ok, err := l.Due()
	if p.Name != "2026-04" || closing != at("2026-05-09T00:00:00") || !ok || err != nil {
		t.Errorf("due: %v %v %v %v", p, closing, ok, err)
	}
	// The clock goes back: the ledger's does not.
	clock.set("2026-04-01T00:00:00")
	_, err = l.Append(ctx, outcome("o-999", "T-999", at("2026-04-09T00:00:00")))
	must(t, err)
	line, err := l.Get(102)
	must(t, err)
	if !bytes.Contains(line, []byte(`"time":"2026-04-09T00:00:00.000Z"`)) {
		t.Errorf("got %s, want a log.time that did not go back", line)
	}
	done(t, db)

	// The state is the same from the snapshot as from the first record.
	db = open(t, dir, small(clock))
	l, err = db.Ledger(testOrigin)
	must(t, err)
	if ns, err := l.snapshots(l.Size()); err != nil || len(ns) != 1 || ns[0] != 101 {
		t.Errorf("snapshots are at %v, %v, want [101]", ns, err)
	}
	var got, want record.Digest
	must(t, l.State(func(s *fee.State) error { got = s.Digest(); return nil }))
	all := fee.New()
	must(t, l.foldTo(all, l.Size()))
	if want = all.Digest(); got != want {
		t.Errorf("state from the snapshot is %s, from the first record %s", got, want)
	}
	done(t, db)
}

// TestSnapshotDamaged: a snapshot is derived, so a bad one is not relied on.
func TestSnapshotDamaged(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := months(t, dir, clock)
	ns, err := l.snapshots(l.Size())
	must(t, err)
	if len(ns) != 2 {
		t.Fatalf("snapshots are at %v, want two", ns)
	}
	must(t, alter(db, func(txn *badger.Txn) error {
		return txn.Set(snapshotKey(l.number, ns[0], 0), []byte("[\"fold\",1]\n"))
	}))
	if f := faults(t, db); len(f) != 1 || !strings.Contains(f[0], "state snapshot has digest sha256:") {
		t.Errorf("check found %v, want the snapshot", f)
	}
	must(t, db.Close())
	db = open(t, dir, small(clock))
	l, err = db.Ledger(testOrigin)
	must(t, err)
	_, err = l.Append(ctx, outcome("o-9999", "T-9999", at("2026-05-09T00:00:00")))
	must(t, err)
	// A bundle needs it: it is computed and kept again.
	_, err = l.Checkpoint(ctx, key("log"))
	must(t, err)
	must(t, l.WriteBundle(ctx, new(bytes.Buffer), BundleOptions{From: ns[0]}))
	done(t, db)
}

func testPolicy(t testing.TB) *bundle.Policy {
	t.Helper()
	logKey, err := merkle.NewVerifierKey(testOrigin, merkle.KindLog, key("log").Public().(ed25519.PublicKey))
	must(t, err)
	client, err := merkle.NewVerifierKey("client.example/auditor", merkle.KindCosignature, key("client").Public().(ed25519.PublicKey))
	must(t, err)
	p, err := bundle.ParsePolicy(fmt.Appendf(nil, "log %s\nwitness client %s\nquorum client\n", logKey, client))
	must(t, err)
	return p
}

func TestBundle(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := months(t, dir, clock)
	if _, err := l.Kept(0); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("got %v, want %v", err, ErrNoCheckpoint)
	}
	first, err := l.Checkpoint(ctx, key("log"))
	must(t, err)
	first, err = merkle.Cosign(first, "client.example/auditor", key("client"), int64(clock.now)/1000)
	must(t, err)
	first, err = l.Cosigned(ctx, first)
	must(t, err)

	// A third month, in which an old case goes on.
	clock.set("2026-05-10T10:00:00")
	reopened := &record.Record{Kind: record.KindReverse, ID: "r-1", Case: "T-1330", At: at("2026-05-10T10:00:00"), By: "vendor", Body: &record.Reverse{Of: "o-1330", Cause: "reopened"}}
	accepted := &record.Record{Kind: record.KindConfirm, ID: "c-1", Case: "T-60", At: at("2026-05-10T10:00:00"), Body: &record.Confirm{Of: "o-60", Verdict: "accept"}}
	_, err = l.Append(ctx, reopened, byClient(t, accepted, 0, "", outcome("o-60", "T-60", at("2026-03-02T10:00:00"))))
	must(t, err)
	clock.set("2026-06-09T00:00:00")
	_, err = l.Settle(ctx)
	must(t, err)
	second, err := l.Checkpoint(ctx, key("log"))
	must(t, err)
	second, err = merkle.Cosign(second, "client.example/auditor", key("client"), int64(clock.now)/1000)
	must(t, err)
	second, err = l.Cosigned(ctx, second)
	must(t, err)
	done(t, db)

	db = open(t, dir, small(clock))
	l, err = db.Ledger(testOrigin)
	must(t, err)
	if kept, err := l.Kept(0); err != nil || !bytes.Equal(kept, second) {
		t.Errorf("newest checkpoint is %s, %v, want %s", kept, err, second)
	}
	ns, err := l.snapshots(l.Size())
	must(t, err)
	for _, c := range []struct {
		o     BundleOptions
		since []byte
		want  verify.Verdict
	}{
		{BundleOptions{}, nil, "verified"},
		{BundleOptions{}, first, "verified"},
		{BundleOptions{Size: 603}, nil, "verified"},
		{BundleOptions{From: ns[1]}, first, "verified"},
		{BundleOptions{From: ns[1]}, nil, "unproven"}, // nothing fixes what the state was computed from
		{BundleOptions{From: ns[2]}, first, "verified"},
		{BundleOptions{From: ns[0]}, second, "verified"},
	} {
		var b bytes.Buffer
		must(t, l.WriteBundle(ctx, &b, c.o))
		report, err := verify.Verify(&b, verify.Options{Policy: testPolicy(t), Since: c.since})
		must(t, err)
		if report.Verdict != c.want {
			var text bytes.Buffer
			must(t, report.WriteText(&text))
			t.Errorf("%+v: verdict %s, want %s\n%s", c.o, report.Verdict, c.want, text.String())
		}
	}
	wantError(t, l.WriteBundle(ctx, new(bytes.Buffer), BundleOptions{From: 7}), "record 7 is outcome, want a statement")
	wantError(t, l.WriteBundle(ctx, new(bytes.Buffer), BundleOptions{Size: 5}), "no such checkpoint at size 5")
	wantError(t, l.WriteBundle(ctx, new(bytes.Buffer), BundleOptions{From: 9999}), "bundle from 9999 to checkpoint 606 holds no record")
	done(t, db)
}

// TestBundleRefused: what the verifier would refuse gets no end line.
func TestBundleRefused(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := months(t, dir, clock)
	_, err := l.Checkpoint(ctx, key("log"))
	must(t, err)
	// The checkpoint that is kept is replaced by one with another root.
	s, err := merkle.NewLogSigner(testOrigin, key("log"))
	must(t, err)
	forged, err := merkle.SignCheckpoint(merkle.Checkpoint{Origin: testOrigin, Size: l.Size(), Root: merkle.LeafHash(nil)}, s)
	must(t, err)
	must(t, alter(db, func(txn *badger.Txn) error { return txn.Set(checkpointKey(l.number, l.Size()), forged) }))
	var b bytes.Buffer
	err = l.WriteBundle(ctx, &b, BundleOptions{})
	wantError(t, err, "bundle: would be refused: records: ")
	if bytes.Contains(b.Bytes(), []byte(`{"end":`)) || b.Len() == 0 {
		t.Errorf("%d bytes were written, the end line must not be among them", b.Len())
	}
	if f := faults(t, db); len(f) == 0 {
		t.Error("check finds nothing")
	}
	must(t, db.Close())

	// In both places: it is noticed when the ledger is first used.
	must(t, os.WriteFile(l.headPath(), forged, 0o600))
	db = open(t, dir, small(clock))
	l, err = db.Ledger(testOrigin)
	must(t, err)
	_, err = l.Append(ctx, outcome("o-9999", "T-9999", clock.now))
	if !errors.Is(err, ErrDamaged) || !errors.Is(err, ErrPoisoned) {
		t.Errorf("got %v, want %v", err, ErrDamaged)
	}
	wantError(t, err, "vendor.example/contract-17: checkpoint at size 603 was signed with root ")
	db.Close()
}

func TestCheckpoint(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	note, err := l.Checkpoint(ctx, key("log"))
	must(t, err)
	n, err := merkle.ParseNote(note)
	must(t, err)
	if size, root := l.Root(); n.Checkpoint != (merkle.Checkpoint{Origin: testOrigin, Size: size, Root: root}) {
		t.Errorf("got %v", n.Checkpoint)
	}
	_, err = l.Checkpoint(ctx, key("other"))
	wantError(t, err, "as in the agreement")
	again, err := l.Checkpoint(ctx, key("log"))
	must(t, err)
	if !bytes.Equal(note, again) {
		t.Errorf("a second note for one size:\n%s\n%s", note, again)
	}

	cosigned, err := merkle.Cosign(note, "client.example/auditor", key("client"), 1772352000)
	must(t, err)
	kept, err := l.Cosigned(ctx, cosigned)
	must(t, err)
	if !bytes.Equal(kept, cosigned) {
		t.Errorf("got %s, want %s", kept, cosigned)
	}
	newer, err := merkle.Cosign(note, "client.example/auditor", key("client"), 1772352060)
	must(t, err)
	kept, err = l.Cosigned(ctx, newer)
	must(t, err)
	if !bytes.Equal(kept, newer) {
		t.Errorf("got %s, want the newer %s", kept, newer)
	}
	if kept, err = l.Cosigned(ctx, cosigned); err != nil || !bytes.Equal(kept, newer) {
		t.Errorf("got %s, %v, want still the newer %s", kept, err, newer)
	}
	if again, err := l.Checkpoint(ctx, key("log")); err != nil || !bytes.Equal(again, newer) {
		t.Errorf("got %s, %v, want the cosigned %s", again, err, newer)
	}
	stranger, err := merkle.Cosign(note, "client.example/auditor", key("stranger"), 1772352000)
	must(t, err)
	_, err = l.Cosigned(ctx, stranger)
	wantError(t, err, "is by no key of the agreement")
	// One character of the signature changed.
	text, sig, _ := strings.Cut(string(cosigned), "client.example/auditor ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(sig, "\n"))
	must(t, err)
	raw[20] ^= 1
	_, err = l.Cosigned(ctx, []byte(text+"client.example/auditor "+base64.StdEncoding.EncodeToString(raw)+"\n"))
	wantError(t, err, "does not verify")
	s, err := merkle.NewLogSigner(testOrigin, key("log"))
	must(t, err)
	other, err := merkle.SignCheckpoint(merkle.Checkpoint{Origin: testOrigin, Size: 1, Root: merkle.LeafHash(nil)}, s)
	must(t, err)
	_, err = l.Cosigned(ctx, other)
	wantError(t, err, "the one kept has")
	done(t, db)
	db = open(t, dir, small(clock))
	done(t, db)
}

// A lyingSigner stands for a key kept elsewhere that signs something else.
type lyingSigner struct{ crypto.Signer }

func (s lyingSigner) Sign(r io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.Signer.Sign(r, append([]byte("x"), message...), opts)
}

// A signature that does not verify is kept nowhere: the next one signs.
func TestCheckpointOfALyingSigner(t *testing.T) {
	db, l := create(t, t.TempDir(), small(newClock()))
	_, err := l.Checkpoint(ctx, lyingSigner{key("log")})
	wantError(t, err, fmt.Sprintf("signature made for %q does not verify", testOrigin))
	if _, err := l.Kept(0); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("got %v, want %v", err, ErrNoCheckpoint)
	}
	_, err = l.Checkpoint(ctx, key("log"))
	must(t, err)
	done(t, db)
}
