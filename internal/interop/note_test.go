package interop

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/torchwood"
	"github.com/raasledger/raasledger/merkle"
	formatslog "github.com/transparency-dev/formats/log"
	formatsnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

const (
	origin  = "vendor.example/contract-17"
	witness = "witness.example/w1"
)

func key(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func checkpoint() merkle.Checkpoint {
	var f merkle.Frontier
	for i := range 7 {
		if err := f.Append(merkle.LeafHash(leaf(i))); err != nil {
			panic(err)
		}
	}
	return merkle.Checkpoint{Origin: origin, Size: f.Size(), Root: f.Root()}
}

func signed() []byte {
	return must(merkle.SignCheckpoint(checkpoint(), must(merkle.NewLogSigner(origin, key(1)))))
}

func verifierKeys() (log, cosigner merkle.VerifierKey) {
	log = must(merkle.NewVerifierKey(origin, merkle.KindLog, key(1).Public().(ed25519.PublicKey)))
	cosigner = must(merkle.NewVerifierKey(witness, merkle.KindCosignature, key(2).Public().(ed25519.PublicKey)))
	return log, cosigner
}

// TestTheyOpenOurs gives a checkpoint that package merkle signed and cosigned to
// the readers of others.
func TestTheyOpenOurs(t *testing.T) {
	const seconds = 1772355600
	cosigned := must(merkle.Cosign(signed(), witness, key(2), seconds))
	log, cosigner := verifierKeys()
	c := checkpoint()

	theirLog := must(note.NewVerifier(log.String()))
	for name, v := range map[string]note.Verifier{
		"torchwood": must(torchwood.NewCosignatureVerifier(cosigner.String())),
		"formats":   must(formatsnote.NewVerifierForCosignatureV1(cosigner.String())),
		"merkle":    cosigner,
	} {
		n, err := note.Open(cosigned, note.VerifierList(theirLog, v))
		if err != nil || len(n.Sigs) != 2 || n.Text != c.String() {
			t.Fatalf("%s: opened as %+v, %v", name, n, err)
		}
		if got, err := torchwood.CosignatureTimestamp(n.Sigs[1]); err != nil || got != seconds {
			t.Errorf("%s: torchwood reads the time %d, %v, want %d", name, got, err, seconds)
		}
		if got, err := formatsnote.CoSigV1Timestamp(n.Sigs[1]); err != nil || got.Unix() != seconds {
			t.Errorf("%s: formats reads the time %v, %v, want %d", name, got, err, seconds)
		}
	}

	tw := must(torchwood.ParseCheckpoint(c.String()))
	if tw.Origin != c.Origin || tw.N != c.Size || merkle.Hash(tw.Hash) != c.Root || tw.Extension != "" || tw.String() != c.String() {
		t.Errorf("torchwood reads the checkpoint as %+v", tw)
	}
	fc, rest, n, err := formatslog.ParseCheckpoint(cosigned, origin, theirLog)
	if err != nil || len(rest) != 0 || len(n.UnverifiedSigs) != 1 || fc.Size != uint64(c.Size) || !bytes.Equal(fc.Hash, c.Root[:]) || string(fc.Marshal()) != c.String() {
		t.Errorf("formats reads the checkpoint as %+v, %q, %+v, %v", fc, rest, n, err)
	}
	if got := must(formatsnote.VKeyToCosignatureV1(must(note.NewEd25519VerifierKey(witness, key(2).Public().(ed25519.PublicKey))))); got != cosigner.String() {
		t.Errorf("formats writes the verifier key as %s, want %s", got, cosigner)
	}
}

// TestWeOpenTheirs opens what the signers of others made. They take the time
// from the clock.
func TestWeOpenTheirs(t *testing.T) {
	log, cosigner := verifierKeys()
	text := checkpoint().String()
	seed := base64.StdEncoding.EncodeToString(append([]byte{1}, key(2).Seed()...))
	skey := func(name string, id uint32, seed string) string {
		return fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", name, id, seed)
	}
	seed1 := base64.StdEncoding.EncodeToString(append([]byte{1}, key(1).Seed()...))
	theirLog := must(note.NewSigner(skey(origin, log.KeyHash(), seed1)))

	for name, s := range map[string]note.Signer{
		"torchwood": must(torchwood.NewCosignatureSigner(witness, key(2))),
		"formats":   must(formatsnote.NewSignerForCosignatureV1(skey(witness, 0, seed))),
	} {
		before := time.Now().Unix()
		cosigned := must(note.Sign(&note.Note{Text: text}, theirLog, s))
		opened, err := merkle.OpenCheckpoint(cosigned, log, cosigner)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if opened.Checkpoint != checkpoint() || len(opened.Signatures) != 2 || opened.Signatures[1].Key != cosigner || len(opened.Unverified) != 0 {
			t.Errorf("%s: opened as %+v", name, opened)
		}
		if got := opened.Signatures[1].Time; got < before || got > before+60 {
			t.Errorf("%s: time is %d, want %d or soon after", name, got, before)
		}
	}
	if again := must(note.Sign(&note.Note{Text: text}, theirLog)); !bytes.Equal(again, signed()) {
		t.Errorf("note signs\n%s\nmerkle\n%s", again, signed())
	}

	// A line of the coming kind, by a key we cannot verify, is carried along.
	private, _, err := formatsnote.GenerateMLDSAKey("pq.example/w1")
	if err != nil {
		t.Fatal(err)
	}
	pq := must(formatsnote.NewMLDSASigner(private))
	opened, err := merkle.OpenCheckpoint(must(note.Sign(&note.Note{Text: text}, theirLog, pq)), log, cosigner)
	if err != nil || len(opened.Signatures) != 1 || len(opened.Unverified) != 1 || opened.Unverified[0].KeyHash != pq.KeyHash() {
		t.Errorf("with an ML-DSA line: opened as %+v, %v", opened, err)
	}
}

// TestVectorsElsewhere gives the vectors of testdata/merkle to the readers of
// others: what package merkle accepts, they accept. The reverse does not hold,
// since package merkle refuses second spellings.
func TestVectorsElsewhere(t *testing.T) {
	accepted := map[string]int{}
	for _, folder := range []string{"checkpoint", "key"} {
		files, err := filepath.Glob(filepath.Join("../../testdata/merkle", folder, "honest*.json"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			var v struct{ Text string }
			if err := json.Unmarshal(must(os.ReadFile(file)), &v); err != nil {
				t.Fatal(err)
			}
			accepted[folder]++
			switch folder {
			case "checkpoint":
				c, err := torchwood.ParseCheckpoint(v.Text)
				if err != nil || c.String() != v.Text {
					t.Errorf("%s: torchwood reads %+v, %v", file, c, err)
				}
				var f formatslog.Checkpoint
				if rest, err := f.Unmarshal([]byte(v.Text)); err != nil || len(rest) != 0 || string(f.Marshal()) != v.Text {
					t.Errorf("%s: formats reads %+v, %q, %v", file, f, rest, err)
				}
			case "key":
				_, errLog := note.NewVerifier(v.Text)
				_, errCosigner := torchwood.NewCosignatureVerifier(v.Text)
				if isCosigner := strings.HasSuffix(file, "honest-cosignature.json"); isCosigner && errCosigner != nil || !isCosigner && errLog != nil {
					t.Errorf("%s: note says %v, torchwood %v", file, errLog, errCosigner)
				}
			}
		}
	}
	if accepted["checkpoint"] < 4 || accepted["key"] < 3 {
		t.Errorf("honest vectors found: %v", accepted)
	}
}
