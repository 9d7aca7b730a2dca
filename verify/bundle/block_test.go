package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/merkle"
)

// sampleBlock is a replay bundle of the records [start, 7), of which the sixth
// has a finding block in front of it.
func sampleBlock(t testing.TB, start int64) []byte {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var tree merkle.Tree
	for n := range 7 {
		tree.Append(merkle.LeafHash(rec(n)))
	}
	root, err := tree.RootAt(7)
	must(err)
	f, err := merkle.FrontierAt(start, &tree)
	must(err)
	h := Header{Kind: KindReplay, Origin: origin, Start: start, Frontier: f.Hashes(), Records: 7 - start,
		Checkpoint: signed(t, merkle.Checkpoint{Origin: origin, Size: 7, Root: root})}
	if start > 0 {
		h.StateLines = 1
	}
	var x Index
	for i, name := range []string{"standing", "case/T-2", "case/T-3", "case/T-4"} {
		x.Set(End{name, 0, int64(i)})
	}
	var b bytes.Buffer
	w, err := NewWriter(&b, h)
	must(err)
	ref := func(n, size int64) {
		t.Helper()
		proof, err := merkle.ProveInclusion(size, n, &tree)
		must(err)
		must(w.Ref(rec(int(n)), proof))
	}
	if start > 0 {
		must(w.State([]byte(`["a"]`)))
	}
	for n := start; n < 7; n++ {
		if n == 5 {
			if start > 0 {
				ref(1, start)
			}
			for _, name := range []string{"case/T-2", "case/T-35"} {
				p, err := x.Tree().Prove(name)
				must(err)
				must(w.Chain(p))
			}
			ref(1, 5)
			ref(4, 5)
		}
		must(w.Record(rec(int(n))))
		if n == 5 {
			must(w.Disclosure("YQ"))
		}
	}
	must(w.Close())
	return b.Bytes()
}

func TestBlockRoundTrip(t *testing.T) {
	for _, start := range []int64{0, 3} {
		b := sampleBlock(t, start)
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		tree, err := NewTree(r.Header(), merkle.Checkpoint{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			it, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			s := fmt.Sprintf("%s %d", it.Kind, it.Index)
			switch {
			case it.Kind == ChainLine:
				s += fmt.Sprintf(" %s %v", it.Chain.Chain, it.Block)
			case it.Kind == RefLine && it.Block:
				n := int64(it.Line[7] - '0')
				c := merkle.Checkpoint{Size: it.Index, Root: tree.Frontier().Root()}
				s += fmt.Sprintf(" %s in the block %v", it.Line, CheckRecord(c, n, it.Line, it.Proof))
			case it.Kind == RefLine:
				s += fmt.Sprintf(" %s %v", it.Line, tree.CheckRef(int64(it.Line[7]-'0'), it.Line, it.Proof))
			case it.Kind == RecordLine:
				if err := tree.Append(merkle.LeafHash(it.Line)); err != nil {
					t.Fatal(err)
				}
			}
			if it.Index == 5 {
				got = append(got, s)
			}
		}
		want := []string{"chain 5 case/T-2 true", "chain 5 case/T-35 true", `ref 5 {"at":"1"} in the block <nil>`, `ref 5 {"at":"4"} in the block <nil>`, "record 5", "disclosure 5"}
		if start > 0 {
			want = slices.Insert(want, 0, `ref 5 {"at":"1"} <nil>`)
		}
		if !slices.Equal(got, want) || r.Digest() == "" {
			t.Errorf("items\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		rewritten(t, b)
	}
}

// TestBlockCutAndFlip: cut at any byte, or with any bit changed, it is refused.
func TestBlockCutAndFlip(t *testing.T) {
	b := sampleBlock(t, 0)
	for i := range b {
		if _, _, err := readAll(b[:i]); err == nil {
			t.Fatalf("cut at %d: accepted", i)
		}
		for bit := range 8 {
			b[i] ^= 1 << bit
			if _, _, err := readAll(b); err == nil {
				t.Fatalf("bit %d of byte %d flipped: accepted", bit, i)
			}
			b[i] ^= 1 << bit
		}
	}
}

func TestBlockForm(t *testing.T) {
	b := sampleBlock(t, 0) // header; records 0 to 4 are lines 2 to 6; the block is 7 to 10
	remove := func(from, to int) []byte {
		return redone(b, func(lines []string) []string { return slices.Delete(lines, from-1, to) })
	}
	insert := func(line int, text string) []byte {
		return redone(b, func(lines []string) []string { return slices.Insert(lines, line-1, text) })
	}
	swap := func(i, k int) []byte {
		return redone(b, func(lines []string) []string {
			lines[i-1], lines[k-1] = lines[k-1], lines[i-1]
			return lines
		})
	}
	const chain, ref = `{"chain":"z","shown":[{"end":[0,0],"name":"z","place":0,"proof":[]}]}`, `{"proof":[],"ref":{"at":"0"}}`
	for _, tc := range []struct {
		name string
		b    []byte
		want string // beginning of the error
	}{
		{"ref without chains", remove(7, 8), `line 7: ref line, but the bundle starts at 0`},
		{"chains in disorder", swap(7, 8), `line 8: chain case/T-2 after case/T-35, want them by name, each once`},
		{"chain behind a ref", insert(10, chain), `line 10: chain line after a ref line of its finding block`},
		{"disclosure within", insert(9, `{"disclosure":"YQ"}`), `line 9: disclosure line within a finding block`},
		{"chunk within", insert(9, `{"attachment":"a","chunk":"`+strings.Repeat("A", 44)+`"}`), `line 9: chunk after a chain line, want one after its record`},
		{"chunk behind refs", insert(11, `{"attachment":"a","chunk":"`+strings.Repeat("A", 44)+`"}`), `line 11: chunk after a ref line, want one after its record`},
		{"state within", insert(9, `[1]`), `line 9: state line within a finding block`},
		{"place within", insert(9, `{"n":0,"proof":[]}`), `line 9: place line in a bundle of kind replay`},
		{"record missing", redone(b, func(lines []string) []string { return lines[:10] }), `line 11: end within a finding block, want its record`},
		{"behind the last record", insert(14, chain), `line 14: chain line after the last record`},
		{"ref behind the last record", insert(14, ref), `line 14: ref line, but the bundle starts at 0`},
		{"before the state", redone(sampleBlock(t, 3), func(lines []string) []string { return slices.Insert(lines, 1, chain) }), `line 2: chain line after 0 state lines, the header announces 1`},
	} {
		_, _, err := readAll(tc.b)
		var form *FormError
		if !errors.As(err, &form) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v\nwant %s", tc.name, err, tc.want)
		}
	}
	// A block is kept until its record comes, so it has a bound; each its own.
	o := newOrder(&Header{Kind: KindReplay, Records: 2})
	for range 2 {
		if err := o.next(ChainLine, "a", 64); err != nil {
			t.Fatal(err)
		}
		for range maxCaseTotalBytes/(maxRefBytes+1) - 1 {
			if err := o.next(RefLine, "", maxRefBytes); err != nil {
				t.Fatal(err)
			}
		}
		if o.records == 0 {
			if err := o.next(RecordLine, "", 1); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := errors.Join(o.next(RefLine, "", maxRefBytes), o.next(RefLine, "", maxRefBytes))
	if want := "finding block has more than 268435456 bytes"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func FuzzBlockReader(f *testing.F) {
	b := sampleBlock(f, 3)
	f.Add(b)
	f.Add(redone(b, func(lines []string) []string { return slices.Delete(lines, 6, 8) }))
	f.Fuzz(rewritten)
}
