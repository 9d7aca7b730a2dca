package merkle

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

// The example of the package comment and of docs/checkpoint.md: a ledger of
// three records, signed by the vendor's log, cosigned by the client and by a
// witness that only it knows.
const (
	exampleOrigin  = "vendor.example/contract-17"
	exampleClient  = "client.example/audit"
	exampleWitness = "witness.example/w1"
	exampleTime    = 1772355600 // 2026-03-01T09:00:00Z
)

func exampleCheckpoint() Checkpoint {
	var f Frontier
	for _, record := range []string{"one", "two", "three"} {
		if err := f.Append(LeafHash([]byte(record))); err != nil {
			panic(err)
		}
	}
	return Checkpoint{Origin: exampleOrigin, Size: f.Size(), Root: f.Root()}
}

// The keys of the example.
func logKey() VerifierKey { return must(NewVerifierKey(exampleOrigin, KindLog, testPublic(1))) }
func clientKey() VerifierKey {
	return must(NewVerifierKey(exampleClient, KindCosignature, testPublic(2)))
}
func witnessKey() VerifierKey {
	return must(NewVerifierKey(exampleWitness, KindCosignature, testPublic(3)))
}

func exampleSigned() []byte {
	return must(SignCheckpoint(exampleCheckpoint(), must(NewLogSigner(exampleOrigin, testKey(1)))))
}

func exampleNote() []byte {
	signed := must(Cosign(exampleSigned(), exampleClient, testKey(2), exampleTime))
	return must(Cosign(signed, exampleWitness, testKey(3), exampleTime+60))
}

func TestOpenCheckpoint(t *testing.T) {
	opened, err := OpenCheckpoint(exampleNote(), clientKey(), logKey(), logKey())
	if err != nil {
		t.Fatal(err)
	}
	if opened.Checkpoint != exampleCheckpoint() {
		t.Errorf("checkpoint is %v", opened.Checkpoint)
	}
	if want := []Signature{{logKey(), 0}, {clientKey(), exampleTime}}; !slices.Equal(opened.Signatures, want) {
		t.Errorf("signatures are %v, want %v", opened.Signatures, want)
	}
	if len(opened.Unverified) != 1 || opened.Unverified[0].Name != exampleWitness || opened.Unverified[0].KeyHash != witnessKey().KeyHash() {
		t.Errorf("unverified are %v", opened.Unverified)
	}
	// Signing all at once gives the same note as one after the other.
	atOnce := must(SignCheckpoint(exampleCheckpoint(),
		must(NewLogSigner(exampleOrigin, testKey(1))),
		must(NewCosigner(exampleClient, testKey(2), exampleTime)),
		must(NewCosigner(exampleWitness, testKey(3), exampleTime+60))))
	if !bytes.Equal(atOnce, exampleNote()) {
		t.Errorf("signed at once:\n%s\none after the other:\n%s", atOnce, exampleNote())
	}
}

// TestEveryNoteBit flips each bit of an honest note whose keys are all known:
// nothing of it may be changed.
func TestEveryNoteBit(t *testing.T) {
	signed := exampleNote()
	keys := []VerifierKey{logKey(), clientKey(), witnessKey()}
	for i := range signed {
		for bit := range 8 {
			damaged := slices.Clone(signed)
			damaged[i] ^= 1 << bit
			opened, err := OpenCheckpoint(damaged, keys...)
			// A name or key id that is changed makes a line of another key,
			// which is then not verified. It does not count, and says so.
			if err == nil && len(opened.Signatures)+len(opened.Unverified) == 3 && len(opened.Signatures) == 2 &&
				opened.Checkpoint == exampleCheckpoint() {
				continue
			}
			if err == nil {
				t.Fatalf("bit %d of byte %d flipped: opened as %+v", bit, i, opened)
			}
		}
	}
	for i := range signed {
		if _, err := OpenCheckpoint(signed[:i], keys...); err == nil && !strings.HasSuffix(string(signed[:i]), "=\n") {
			t.Fatalf("the note is accepted when cut after %d bytes", i)
		}
	}
}

func TestSignCheckpointRefusals(t *testing.T) {
	log := must(NewLogSigner(exampleOrigin, testKey(1)))
	client := must(NewCosigner(exampleClient, testKey(2), exampleTime))
	c := exampleCheckpoint()
	sign := func(c Checkpoint, signers ...*Signer) error {
		_, err := SignCheckpoint(c, signers...)
		return err
	}
	wantError(t, sign(c), `checkpoint of "vendor.example/contract-17" has no log signer`)
	wantError(t, sign(c, client), `checkpoint of "vendor.example/contract-17" has no log signer`)
	wantError(t, sign(c, log, log), "signature lines 1 and 2 are by one key, vendor.example/contract-17+"+id(logKey()))
	wantError(t, sign(c, log, client, client), "signature lines 2 and 3 are by one key, client.example/audit+"+id(clientKey()))
	wantError(t, sign(c, must(NewLogSigner("other.example", testKey(1)))), `log signer "other.example" is to sign a checkpoint of "vendor.example/contract-17"`)
	bad := c
	bad.Origin = ""
	wantError(t, sign(bad, log), "checkpoint origin is empty")
	bad = c
	bad.Origin = strings.Repeat("a", 256)
	wantError(t, sign(bad, log), "checkpoint origin has 256 bytes, at most 255")
	bad = c
	bad.Size = -1
	wantError(t, sign(bad, log), "checkpoint size -1 is outside 0 to 9007199254740991")
	bad.Size = MaxSize + 1
	wantError(t, sign(bad, log), "checkpoint size 9007199254740992 is outside 0 to 9007199254740991")
	bad.Size = 0
	wantError(t, sign(bad, log), "checkpoint root at size 0 is "+c.Root.String()+", want "+EmptyRoot.String())

	cosign := func(signed []byte, name string, seed byte, seconds int64) error {
		_, err := Cosign(signed, name, testKey(seed), seconds)
		return err
	}
	wantError(t, cosign(exampleNote(), exampleClient, 2, exampleTime+1), "signature lines 2 and 4 are by one key, client.example/audit+"+id(clientKey()))
	wantError(t, cosign(exampleNote(), "a+b", 4, 1), `key name "a+b" has the character U+002B`)
	wantError(t, cosign(exampleNote(), "a.example", 4, 0), "cosignature time is 0, want at least 1")
	wantError(t, cosign([]byte("x\n\n"), "a.example", 4, 1), "checkpoint has 1 lines, want 3")
}

func id(k VerifierKey) string { return fmt.Sprintf("%08x", k.KeyHash()) }

func TestOpenCheckpointKeys(t *testing.T) {
	_, err := OpenCheckpoint(exampleSigned(), logKey(), VerifierKey{})
	wantError(t, err, "verifier key 2: key type 0x00 is not known, want 0x01 (log) or 0x04 (cosignature)")

	// Two keys with one name and one id, which are 4 bytes only: a line could
	// be by either. Found by trying numbers as seeds.
	numbered := func(i uint32) VerifierKey {
		seed := make([]byte, ed25519.SeedSize)
		binary.BigEndian.PutUint32(seed, i)
		return must(NewVerifierKey(exampleClient, KindCosignature, ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)))
	}
	one, other := numbered(28054), numbered(38315)
	if one == other || one.KeyHash() != other.KeyHash() {
		t.Fatalf("keys %v and %v are not what this test needs", one, other)
	}
	_, err = OpenCheckpoint(exampleSigned(), logKey(), one, other)
	wantError(t, err, fmt.Sprintf("verifier keys %s and %s have one id", one, other))
}

func TestNoteBounds(t *testing.T) {
	n := must(ParseNote(exampleSigned()))
	for i := range MaxNoteLines - 1 {
		n.Lines = append(n.Lines, Line{Name: fmt.Sprintf("other-%d.example", i), Signature: make([]byte, 64)})
	}
	opened := must(OpenCheckpoint(must(n.Marshal()), logKey()))
	if len(opened.Unverified) != MaxNoteLines-1 {
		t.Errorf("note of %d lines has %d unverified", MaxNoteLines, len(opened.Unverified))
	}
	n.Lines = append(n.Lines, Line{Name: "one-more.example", Signature: make([]byte, 64)})
	_, err := ParseNote(n.marshal())
	wantError(t, err, "note has more than 64 signature lines")
	_, err = n.Marshal()
	wantError(t, err, "note has more than 64 signature lines")

	// The largest note, to the byte, with a line of any length.
	n.Lines = n.Lines[:1]
	rest := MaxNoteBytes - len(n.marshal()) - len(Line{Name: "pad.example"}.String()) + 8 - 1
	n.Lines = append(n.Lines, Line{Name: "pad.example" + strings.Repeat("x", rest%4), Signature: make([]byte, rest/4*3-4)})
	if got := len(n.marshal()); got != MaxNoteBytes {
		t.Fatalf("note has %d bytes, want %d for this test", got, MaxNoteBytes)
	}
	if _, err := OpenCheckpoint(n.marshal(), logKey()); err != nil {
		t.Error(err)
	}
	n.Lines[1].Name += "x"
	_, err = ParseNote(n.marshal())
	wantError(t, err, "note has 131073 bytes, at most 131072")
}

// TestNoteProperty signs random checkpoints with random keys and opens them
// with any of the keys, here and in golang.org/x/mod/sumdb/note.
func TestNoteProperty(t *testing.T) {
	name := rapid.StringMatching(`[a-z./é—-]{1,30}`)
	rapid.Check(t, func(t *rapid.T) {
		c := Checkpoint{Origin: name.Draw(t, "origin"), Size: rapid.Int64Range(0, MaxSize).Draw(t, "size"), Root: EmptyRoot}
		if c.Size > 0 {
			copy(c.Root[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root"))
		}
		if again, err := ParseCheckpoint(c.String()); err != nil || again != c {
			t.Fatalf("parsed again: %v, %v, want %v", again, err, c)
		}
		signers := []*Signer{must(NewLogSigner(c.Origin, testKey(0)))}
		keys := []VerifierKey{signers[0].VerifierKey()}
		times := map[VerifierKey]int64{keys[0]: 0}
		for i := range rapid.IntRange(0, 5).Draw(t, "cosigners") {
			seconds := rapid.Int64Range(1, 1<<63-1).Draw(t, "time")
			s := must(NewCosigner(name.Draw(t, "name"), testKey(byte(i+1)), seconds))
			signers, keys = append(signers, s), append(keys, s.VerifierKey())
			times[s.VerifierKey()] = seconds
		}
		signed, err := SignCheckpoint(c, signers...)
		if err != nil {
			t.Fatal(err)
		}
		known := []VerifierKey{keys[0]}
		for _, k := range keys[1:] {
			if rapid.Bool().Draw(t, "known") {
				known = append(known, k)
			}
			if again, err := ParseVerifierKey(k.String()); err != nil || again != k {
				t.Fatalf("parsed again: %v, %v, want %v", again, err, k)
			}
		}
		opened, err := OpenCheckpoint(signed, known...)
		if err != nil {
			t.Fatal(err)
		}
		if opened.Checkpoint != c || len(opened.Signatures) != len(known) || len(opened.Unverified) != len(keys)-len(known) {
			t.Fatalf("opened as %+v", opened)
		}
		list := make([]note.Verifier, len(known))
		for i, sig := range opened.Signatures {
			if sig.Key != known[i] || sig.Time != times[sig.Key] {
				t.Fatalf("signature %d is by %v at %d, want %v at %d", i, sig.Key, sig.Time, known[i], times[known[i]])
			}
			list[i] = known[i]
		}
		n, err := note.Open(signed, note.VerifierList(list...))
		if err != nil || n.Text != c.String() || len(n.Sigs) != len(known) || len(n.UnverifiedSigs) != len(opened.Unverified) {
			t.Fatalf("note opens it as %+v, %v", n, err)
		}
	})
}
