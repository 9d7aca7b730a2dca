package bundle

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/merkle"
)

// leading is sampleCase with proofs from sizes 3 and 6.
func leading(t testing.TB) []byte {
	t.Helper()
	var tree merkle.Tree
	for n := range 7 {
		tree.Append(merkle.LeafHash(rec(n)))
	}
	return redone(sampleCase(t), func(lines []string) []string {
		for i, size := range []int64{3, 6} {
			proof, err := merkle.ProveConsistency(size, 7, &tree)
			if err != nil {
				t.Fatal(err)
			}
			lines = slices.Insert(lines, 1+i, string(marshalConsistency(size, proof)))
		}
		return lines
	})
}

func TestConsistencyRoundTrip(t *testing.T) {
	b := leading(t)
	rewritten(t, b)
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	note, err := merkle.ParseNote(r.Header().Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var tree merkle.Tree
	for n := range 7 {
		tree.Append(merkle.LeafHash(rec(n)))
	}
	for _, size := range []int64{3, 6} {
		it, err := r.Next()
		if err != nil || it.Kind != ConsistencyLine || it.Kind.String() != "consistency" || it.Size != size || it.Index != -1 {
			t.Fatalf("got %+v, %v, want size %d", it, err, size)
		}
		root, err := tree.RootAt(size)
		if err != nil {
			t.Fatal(err)
		}
		if err := merkle.CheckConsistency(it.Proof, size, root, 7, note.Checkpoint.Root); err != nil {
			t.Error(err)
		}
	}
	for i := range b { // cut at any byte, or with any byte changed, it is refused
		if _, _, err := readAll(b[:i]); err == nil {
			t.Fatalf("cut at %d: accepted", i)
		}
		b[i] ^= 1
		if _, _, err := readAll(b); err == nil {
			t.Fatalf("byte %d changed: accepted", i)
		}
		b[i] ^= 1
	}
}

func TestConsistencyForm(t *testing.T) {
	b := leading(t)
	insert := func(line int, text string) []byte {
		return redone(b, func(lines []string) []string { return slices.Insert(lines, line-1, text) })
	}
	for _, tc := range []struct {
		name string
		b    []byte
		want string // beginning of the error
	}{
		{"of no record", insert(2, `{"consistency":[],"size":0}`), `line 2: consistency line of size 0, want 1 to 6`},
		{"of the checkpoint's size", insert(4, `{"consistency":[],"size":7}`), `line 4: consistency line of size 7, want 1 to 6`},
		{"twice", insert(4, `{"consistency":[],"size":6}`), `line 4: consistency line of size 6 after that of size 6`},
		{"in disorder", insert(3, `{"consistency":[],"size":1}`), `line 3: consistency line of size 1 after that of size 3`},
		{"behind a chain", insert(5, `{"consistency":[],"size":6}`), `line 5: consistency line after a chain line`},
		{"no JSON", insert(2, `{"consistency":1}`), `line 2: consistency line is not JSON of the right types: `},
		{"size a text", insert(2, `{"consistency":[],"size":"1"}`), `line 2: consistency line is not JSON of the right types: `},
		{"no size", insert(2, `{"consistency":[]}`), `line 2: not in canonical form at column`},
		{"with more", insert(2, `{"consistency":[],"size":1,"x":1}`), `line 2: not in canonical form at column`},
		{"hash", insert(2, `{"consistency":["AA=="],"size":1}`), `line 2: proof: `},
		{"too long", insert(2, `{"consistency":["`+strings.Repeat("A", 4096)+`"],"size":1}`), `line 2: consistency line has 4125 bytes, at most 4096`},
		{"in a replay bundle", redone(sample(t, 0), func(lines []string) []string { return slices.Insert(lines, 1, `{"consistency":[],"size":1}`) }),
			`line 2: consistency line in a bundle of kind replay`},
	} {
		_, _, err := readAll(tc.b)
		var form *FormError
		if !errors.As(err, &form) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v\nwant %s", tc.name, err, tc.want)
		}
	}
	// There is a bound, for writer and reader.
	o := order{kind: KindCase, size: 1000}
	for size := int64(1); size <= maxConsistency; size++ {
		if err := o.consistency(size); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.consistency(maxConsistency + 1); err == nil || err.Error() != "more than 64 consistency lines" {
		t.Error(err)
	}
}
