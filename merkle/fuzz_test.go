package merkle

import (
	"bytes"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(exampleCheckpoint().String())
	for _, v := range textVectors(f, "checkpoint") {
		f.Add(v.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err == nil && c.String() != text {
			t.Errorf("%q is accepted and written as %q", text, c)
		}
	})
}

func FuzzParseVerifierKey(f *testing.F) {
	f.Add(logKey().String())
	for _, v := range textVectors(f, "key") {
		f.Add(v.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseVerifierKey(text)
		if err != nil {
			return
		}
		if k.String() != text {
			t.Errorf("%q is accepted and written as %q", text, k)
		}
		if again, err := NewVerifierKey(k.Name(), k.Kind(), k.PublicKey()); err != nil || again != k {
			t.Errorf("%q made again from its parts is %q, %v", text, again, err)
		}
		// What we take, the reader of the go command takes.
		if k.Kind() == KindLog {
			if _, err := note.NewVerifier(text); err != nil {
				t.Errorf("%q: note says %v", text, err)
			}
		}
	})
}

func FuzzParseNote(f *testing.F) {
	f.Add(exampleNote())
	for _, v := range textVectors(f, "note") {
		f.Add([]byte(v.text))
	}
	keys := []VerifierKey{logKey(), clientKey()}
	f.Fuzz(func(t *testing.T, signed []byte) {
		n, err := ParseNote(signed)
		if err != nil {
			if _, err := OpenCheckpoint(signed, keys...); err == nil {
				t.Error("opened what does not parse")
			}
			return
		}
		if again, err := n.Marshal(); err != nil || !bytes.Equal(again, signed) {
			t.Errorf("%q is accepted and written as %q, %v", signed, again, err)
		}
		opened, err := OpenCheckpoint(signed, keys...)
		theirs, theirErr := note.Open(signed, note.VerifierList(keys[0], keys[1]))
		if err != nil {
			return // we refuse more
		}
		if theirErr != nil || theirs.Text != opened.String() || len(theirs.Sigs) != len(opened.Signatures) || len(theirs.UnverifiedSigs) != len(opened.Unverified) {
			t.Errorf("opened as %+v, note says %+v, %v", opened, theirs, theirErr)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add(EmptyRoot.String())
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := ParseHash(text); err == nil && h.String() != text {
			t.Errorf("%q is accepted and written as %q", text, h)
		}
	})
}

// FuzzCheckProofs runs both checks on sizes and hashes of all kinds: they
// return, and accept nothing against a root that nobody computed.
func FuzzCheckProofs(f *testing.F) {
	f.Add(int64(5), int64(7), []byte("0123456789012345678901234567890123456789012345678901234567890123"))
	f.Add(int64(MaxSize-1), int64(MaxSize), make([]byte, 54*32))
	f.Fuzz(func(t *testing.T, a, b int64, raw []byte) {
		var proof []Hash
		for ; len(raw) >= 32; raw = raw[32:] {
			proof = append(proof, Hash(raw))
		}
		root := LeafHash([]byte("nobody computes this"))
		if CheckInclusion(proof, b, root, a, Hash{}) == nil {
			t.Error("an inclusion proof is accepted against a made up root")
		}
		if err := CheckConsistency(proof, a, Hash{}, b, root); err == nil {
			t.Error("a consistency proof is accepted against a made up root")
		}
	})
}
