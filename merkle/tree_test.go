package merkle

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// exhaustive is the size up to which everything is compared with the reference.
const exhaustive = 300

func TestHashes(t *testing.T) {
	// The empty root and the leaf of no bytes are in RFC 6962's own test data.
	if got := hex.EncodeToString(EmptyRoot[:]); got != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
		t.Errorf("EmptyRoot is %s", got)
	}
	leaf := LeafHash(nil)
	if got := hex.EncodeToString(leaf[:]); got != "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" {
		t.Errorf("leaf hash of nothing is %s", got)
	}
	node := NodeHash(LeafHash([]byte("N123")), LeafHash([]byte("N456")))
	want := sha256.Sum256(slices.Concat([]byte{1}, sum("\x00N123"), sum("\x00N456")))
	if node != want {
		t.Errorf("node hash is %v, want %v", node, Hash(want))
	}
	for n := range 300 { // all around the block lengths of SHA-256
		record := make([]byte, n)
		if got, want := LeafHash(record), sha256.Sum256(make([]byte, n+1)); got != want {
			t.Fatalf("leaf hash of %d bytes is %v, want %v", n, got, Hash(want))
		}
	}
}

func sum(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

func TestParseHash(t *testing.T) {
	h, err := ParseHash("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
	if err != nil || h != EmptyRoot {
		t.Fatalf("got %v, %v, want the empty root", h, err)
	}
	for text, want := range map[string]string{
		"": "hash has 0 characters, want 44",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU":      "hash has 43 characters, want 44",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n":   "hash has 45 characters, want 44",
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=":     `hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=" is not base64`,
		"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=":     `hash "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=" is not base64`,
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==":     `hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuF==" is not base64`,
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUU":     `hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUU" has 33 bytes, want 32`,
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==":     `hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==" has 31 bytes, want 32`,
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS\nw==":    `hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS\nw==" is not base64`,
		"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS\n\r\r\n": `hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hS\n\r\r\n" has 30 bytes, want 32`,
	} {
		if _, err := ParseHash(text); err == nil || err.Error() != want {
			t.Errorf("ParseHash(%q): got %v, want %s", text, err, want)
		}
	}
}

// TestFrontierAgainstReference goes through all sizes: root, hashes, rebuilding
// from hashes and from a HashReader, at once and from every smaller size.
func TestFrontierAgainstReference(t *testing.T) {
	ref := newReference(exhaustive)
	tree := ref.tree()
	var f Frontier
	for n := range exhaustive + 1 {
		want := Hash(ref.mth(0, n))
		if f.Size() != int64(n) || f.Root() != want {
			t.Fatalf("size %d: frontier has size %d, root %v, want %v", n, f.Size(), f.Root(), want)
		}
		// The hashes are the complete subtrees, named by the bits of the size.
		var hashes []Hash
		for lo, bit := 0, 1<<20; bit > 0; bit /= 2 {
			if n&bit != 0 {
				hashes = append(hashes, ref.mth(lo, lo+bit))
				lo += bit
			}
		}
		if !slices.Equal(f.Hashes(), hashes) {
			t.Fatalf("size %d: hashes are %v, want %v", n, f.Hashes(), hashes)
		}
		again, err := NewFrontier(int64(n), hashes)
		if err != nil || again.Root() != want || !slices.Equal(again.Hashes(), hashes) {
			t.Fatalf("size %d: NewFrontier gives %v", n, err)
		}
		at, err := FrontierAt(int64(n), tree)
		if err != nil || at.Root() != want || !slices.Equal(at.Hashes(), hashes) {
			t.Fatalf("size %d: FrontierAt gives %v", n, err)
		}
		if root, err := tree.RootAt(int64(n)); err != nil || root != want {
			t.Fatalf("size %d: RootAt gives %v, %v, want %v", n, root, err, want)
		}
		for m := n; m < exhaustive; m++ {
			if err := again.Append(ref.leaf(m)); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := again.Root(), Hash(ref.mth(0, exhaustive)); got != want {
			t.Fatalf("from size %d to %d: root %v, want %v", n, exhaustive, got, want)
		}
		if n < exhaustive {
			if err := f.Append(ref.leaf(n)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestProofsAgainstReference goes through all pairs of index and size, and of
// two sizes: the proof is the reference's, is accepted, and is accepted for
// nothing else that is near.
func TestProofsAgainstReference(t *testing.T) {
	ref := newReference(exhaustive)
	tree := ref.tree()
	for n := 1; n <= exhaustive; n++ {
		root := Hash(ref.mth(0, n))
		for i := range n {
			proof, err := ProveInclusion(int64(n), int64(i), tree)
			if err != nil || !slices.Equal(proof, ref.path(i, 0, n)) {
				t.Fatalf("inclusion of %d in %d: got %v, %v, want %v", i, n, proof, err, ref.path(i, 0, n))
			}
			if err := CheckInclusion(proof, int64(n), root, int64(i), ref.leaf(i)); err != nil {
				t.Fatal(err)
			}
			if i+1 < n && CheckInclusion(proof, int64(n), root, int64(i+1), ref.leaf(i)) == nil {
				t.Fatalf("inclusion of %d in %d is accepted for the next index", i, n)
			}
			if CheckInclusion(proof, int64(n), root, int64(i), ref.leaf((i+1)%exhaustive)) == nil {
				t.Fatalf("inclusion of %d in %d is accepted for another leaf", i, n)
			}
		}
		for m := 1; m <= n; m++ {
			proof, err := ProveConsistency(int64(m), int64(n), tree)
			if err != nil || !slices.Equal(proof, ref.subproof(m, 0, n, true)) {
				t.Fatalf("consistency of %d and %d: got %v, %v, want %v", m, n, proof, err, ref.subproof(m, 0, n, true))
			}
			root1 := Hash(ref.mth(0, m))
			if err := CheckConsistency(proof, int64(m), root1, int64(n), root); err != nil {
				t.Fatal(err)
			}
			if CheckConsistency(proof, int64(m), Hash{}, int64(n), root) == nil {
				t.Fatalf("consistency of %d and %d is accepted for another first root", m, n)
			}
			if CheckConsistency(proof, int64(m), root1, int64(n), Hash{}) == nil {
				t.Fatalf("consistency of %d and %d is accepted for another second root", m, n)
			}
		}
	}
}

// TestEveryProofBit flips each bit of each proof of some sizes, and drops,
// doubles and adds each hash.
func TestEveryProofBit(t *testing.T) {
	ref := newReference(33)
	tree := ref.tree()
	damaged := func(proof []Hash, accepts func([]Hash) bool) {
		t.Helper()
		for i := range proof {
			for bit := range 256 {
				p := slices.Clone(proof)
				p[i][bit/8] ^= 1 << (bit % 8)
				if accepts(p) {
					t.Fatalf("proof with bit %d of hash %d flipped is accepted", bit, i)
				}
			}
			if accepts(slices.Delete(slices.Clone(proof), i, i+1)) {
				t.Fatalf("proof without hash %d is accepted", i)
			}
			if accepts(slices.Insert(slices.Clone(proof), i, proof[i])) {
				t.Fatalf("proof with hash %d twice is accepted", i)
			}
			for j := range i {
				p := slices.Clone(proof)
				p[i], p[j] = p[j], p[i]
				if accepts(p) {
					t.Fatalf("proof with hashes %d and %d exchanged is accepted", j, i)
				}
			}
		}
		if accepts(append(slices.Clone(proof), Hash{})) {
			t.Fatal("proof with one more hash is accepted")
		}
	}
	for _, n := range []int64{1, 2, 7, 8, 11, 33} {
		root, err := tree.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			proof, err := ProveInclusion(n, i, tree)
			if err != nil {
				t.Fatal(err)
			}
			damaged(proof, func(p []Hash) bool {
				return CheckInclusion(p, n, root, i, ref.leaf(int(i))) == nil
			})
		}
		for m := int64(1); m <= n; m++ {
			root1, err := tree.RootAt(m)
			if err != nil {
				t.Fatal(err)
			}
			proof, err := ProveConsistency(m, n, tree)
			if err != nil {
				t.Fatal(err)
			}
			damaged(proof, func(p []Hash) bool {
				return CheckConsistency(p, m, root1, n, root) == nil
			})
		}
	}
}

// folded is what TestFoldedProofs computes. The module internal/interop comes
// to the same constant with the libraries of others.
const (
	foldedSize = 2000
	folded     = "67ecdd86c390cb676e0853c11c961bf5327602970fb04b500d7155174d8550ea"
)

// TestFoldedProofs hashes all roots and proofs of a wide range of sizes into
// one constant.
func TestFoldedProofs(t *testing.T) {
	tree := new(Tree)
	h := sha256.New()
	var number [8]byte
	for i := range int64(foldedSize) {
		binary.BigEndian.PutUint64(number[:], uint64(i))
		tree.Append(LeafHash(number[:]))
		n := i + 1
		root, err := tree.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(root[:])
		for i := range n {
			proof, err := ProveInclusion(n, i, tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range proof {
				h.Write(p[:])
			}
		}
		for m := int64(1); m <= n; m++ {
			proof, err := ProveConsistency(m, n, tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range proof {
				h.Write(p[:])
			}
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != folded {
		t.Errorf("folded hash of all proofs to size %d is %s, want %s", foldedSize, got, folded)
	}
}

// tlogReader lets golang.org/x/mod/sumdb/tlog read a Tree.
func tlogReader(tree *Tree) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, x := range indexes {
			h, err := tree.Subtree(tlog.SplitStoredHashIndex(x))
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, tlog.Hash(h))
		}
		return hashes, nil
	}
}

func tlogHashes(hashes []Hash) []tlog.Hash {
	var out []tlog.Hash
	for _, h := range hashes {
		out = append(out, tlog.Hash(h))
	}
	return out
}

// TestAgainstTlog compares proofs and verdicts with golang.org/x/mod/sumdb/tlog
// on random inputs, honest and damaged.
func TestAgainstTlog(t *testing.T) {
	tree := new(Tree)
	for i := range int64(5000) {
		tree.Append(LeafHash(binary.BigEndian.AppendUint64(nil, uint64(i))))
	}
	read := tlogReader(tree)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, tree.Size()).Draw(t, "size")
		m := rapid.Int64Range(1, n).Draw(t, "size1")
		i := rapid.Int64Range(0, n-1).Draw(t, "index")
		root, err := tree.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tlog.TreeHash(n, read)
		if err != nil || tlog.Hash(root) != want {
			t.Fatalf("root %v, tlog %v, %v", root, want, err)
		}
		root1, err := tree.RootAt(m)
		if err != nil {
			t.Fatal(err)
		}
		inclusion, err := ProveInclusion(n, i, tree)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := tlog.ProveRecord(n, i, read); err != nil || !slices.Equal(tlogHashes(inclusion), p) {
			t.Fatalf("inclusion proof differs from tlog's: %v, %v, %v", inclusion, p, err)
		}
		consistency, err := ProveConsistency(m, n, tree)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := tlog.ProveTree(n, m, read); err != nil || !slices.Equal(tlogHashes(consistency), p) {
			t.Fatalf("consistency proof differs from tlog's: %v, %v, %v", consistency, p, err)
		}

		// The same verdict for proofs, indexes and sizes that may be damaged.
		damage := func(p []Hash) []Hash {
			p = slices.Clone(p)
			switch rapid.IntRange(0, 3).Draw(t, "damage") {
			case 1:
				p = append(p, Hash{})
			case 2:
				p = p[:max(0, len(p)-1)]
			case 3:
				if len(p) > 0 {
					p[rapid.IntRange(0, len(p)-1).Draw(t, "hash")][0] ^= 1
				}
			}
			return p
		}
		shift := rapid.SampledFrom([]int64{0, 0, 0, 1, -1, -n, 1 << 40})
		inclusion, consistency = damage(inclusion), damage(consistency)
		leaf, err := tree.Subtree(0, i)
		if err != nil {
			t.Fatal(err)
		}
		i2, m2, n2 := i+shift.Draw(t, "index shift"), m+shift.Draw(t, "size1 shift"), n+shift.Draw(t, "size shift")
		ours := CheckInclusion(inclusion, n2, root, i2, leaf)
		theirs := tlog.CheckRecord(tlogHashes(inclusion), n2, tlog.Hash(root), i2, tlog.Hash(leaf))
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("inclusion: we say %v, tlog says %v", ours, theirs)
		}
		ours = CheckConsistency(consistency, m2, root1, n2, root)
		theirs = tlog.CheckTree(tlogHashes(consistency), n2, tlog.Hash(root), m2, tlog.Hash(root1))
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("consistency: we say %v, tlog says %v", ours, theirs)
		}
	})
}

// TestLargeSizes works at the top of the range of sizes, where a tree cannot be
// built: a frontier of arbitrary hashes, whose subtrees are all that proofs of
// the last leaves need.
func TestLargeSizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(1<<30, MaxSize-8).Draw(t, "size")
		tail := rapid.Int64Range(1, 8).Draw(t, "tail")
		known := sparse{}
		f, err := NewFrontier(size, known.edge(size))
		if err != nil {
			t.Fatal(err)
		}
		root1 := f.Root()
		for i := range tail {
			leaf := LeafHash([]byte{byte(i)})
			known.append(size+i, leaf)
			if err := f.Append(leaf); err != nil {
				t.Fatal(err)
			}
		}
		n := size + tail
		proof, err := ProveConsistency(size, n, known)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckConsistency(proof, size, root1, n, f.Root()); err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(tlogHashes(proof), n, tlog.Hash(f.Root()), size, tlog.Hash(root1)); err != nil {
			t.Fatal(err)
		}
		proof, err = ProveInclusion(n, n-1, known)
		if err != nil {
			t.Fatal(err)
		}
		leaf := LeafHash([]byte{byte(tail - 1)})
		if err := CheckInclusion(proof, n, f.Root(), n-1, leaf); err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckRecord(tlogHashes(proof), n, tlog.Hash(f.Root()), n-1, tlog.Hash(leaf)); err != nil {
			t.Fatal(err)
		}
	})
}

// sparse is a HashReader of a few subtrees.
type sparse map[[2]int64]Hash

// edge makes up the subtrees of the frontier of a size.
func (s sparse) edge(size int64) []Hash {
	var hashes []Hash
	lo := int64(0)
	for l := int64(62); l >= 0; l-- {
		if size>>l&1 == 1 {
			h := LeafHash(fmt.Appendf(nil, "%d %d", l, lo>>l))
			s[[2]int64{l, lo >> l}] = h
			hashes = append(hashes, h)
			lo += 1 << l
		}
	}
	return hashes
}

func (s sparse) append(n int64, h Hash) {
	for l := int64(0); ; l++ {
		s[[2]int64{l, n}] = h
		if n%2 == 0 {
			return
		}
		h = NodeHash(s[[2]int64{l, n - 1}], h)
		n /= 2
	}
}

func (s sparse) Subtree(level int, index int64) (Hash, error) {
	h, ok := s[[2]int64{int64(level), index}]
	if !ok {
		return Hash{}, fmt.Errorf("no subtree at level %d, index %d", level, index)
	}
	return h, nil
}

func TestFrontierRefusals(t *testing.T) {
	full, err := NewFrontier(MaxSize, make([]Hash, 53))
	if err != nil {
		t.Fatal(err)
	}
	last, err := NewFrontier(MaxSize-1, make([]Hash, 52))
	if err != nil {
		t.Fatal(err)
	}
	root := last.Root()
	tree := newReference(5).tree()
	wantError(t, full.Append(Hash{}), "tree has size 9007199254740991, the largest")
	wantError(t, last.AppendAll(make([]Hash, 2)), "tree of size 9007199254740990 takes 1 more leaves, got 2")
	if last.Size() != MaxSize-1 || last.Root() != root {
		t.Error("a refused AppendAll changed the frontier")
	}
	if err := last.AppendAll(make([]Hash, 1)); err != nil || last.Size() != MaxSize {
		t.Errorf("the last leaf is refused: %v", err)
	}
	_, err = NewFrontier(-1, nil)
	wantError(t, err, "size -1 is outside 0 to 9007199254740991")
	_, err = NewFrontier(MaxSize+1, make([]Hash, 1))
	wantError(t, err, "size 9007199254740992 is outside 0 to 9007199254740991")
	_, err = NewFrontier(5, make([]Hash, 3))
	wantError(t, err, "frontier of size 5 has 3 hashes, want 2")
	_, err = NewFrontier(5, make([]Hash, 1))
	wantError(t, err, "frontier of size 5 has 1 hashes, want 2")
	_, err = NewFrontier(0, make([]Hash, 1))
	wantError(t, err, "frontier of size 0 has 1 hashes, want 0")
	_, err = FrontierAt(-1, tree)
	wantError(t, err, "size -1 is outside 0 to 9007199254740991")
	_, err = FrontierAt(6, tree)
	wantError(t, err, "subtree at level 1, index 2 is not in the tree of size 5")
	_, err = tree.RootAt(6)
	wantError(t, err, "size 6 is beyond the tree of size 5")
	_, err = tree.RootAt(-1)
	wantError(t, err, "size -1 is outside 0 to 9007199254740991")
	for _, at := range [][2]int64{{-1, 0}, {0, -1}, {0, 5}, {1, 2}, {2, 1}, {3, 0}, {1 << 40, 0}} {
		_, err = tree.Subtree(int(at[0]), at[1])
		wantError(t, err, fmt.Sprintf("subtree at level %d, index %d is not in the tree of size 5", at[0], at[1]))
	}
	_, err = new(Tree).Subtree(0, 0)
	wantError(t, err, "subtree at level 0, index 0 is not in the tree of size 0")
}

func TestProofRefusals(t *testing.T) {
	ref := newReference(7)
	tree := ref.tree()
	_, err := ProveInclusion(7, 7, tree)
	wantError(t, err, "index 7 is outside size 7")
	_, err = ProveInclusion(7, -1, tree)
	wantError(t, err, "index -1 is outside size 7")
	_, err = ProveInclusion(MaxSize+1, 0, tree)
	wantError(t, err, "size 9007199254740992 is outside 0 to 9007199254740991")
	_, err = ProveConsistency(0, 7, tree)
	wantError(t, err, "consistency from size 0 proves nothing")
	_, err = ProveConsistency(8, 7, tree)
	wantError(t, err, "consistency from size 8 to 7, a smaller one")
	_, err = ProveConsistency(-1, 7, tree)
	wantError(t, err, "size -1 is outside 0 to 9007199254740991")
	_, err = ProveConsistency(7, MaxSize+1, tree)
	wantError(t, err, "size 9007199254740992 is outside 0 to 9007199254740991")

	// Every read that fails ends the proof with its error.
	for n := int64(1); n <= 7; n++ {
		for i := range n {
			failing(t, tree, func(r HashReader) error { _, err := ProveInclusion(n, i, r); return err })
			failing(t, tree, func(r HashReader) error { _, err := ProveConsistency(i+1, n, r); return err })
		}
		failing(t, tree, func(r HashReader) error { _, err := FrontierAt(n, r); return err })
	}
}

var errRead = errors.New("read failed")

type failingReader struct {
	HashReader
	left int
}

func (r *failingReader) Subtree(level int, index int64) (Hash, error) {
	if r.left--; r.left < 0 {
		return Hash{}, errRead
	}
	return r.HashReader.Subtree(level, index)
}

// failing runs f with a reader whose read number 0, 1, 2, ... fails, until f
// needs no further one.
func failing(t *testing.T, tree *Tree, f func(HashReader) error) {
	t.Helper()
	for reads := 0; ; reads++ {
		r := &failingReader{tree, reads}
		err := f(r)
		if r.left >= 0 {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.Is(err, errRead) {
			t.Fatalf("read %d failed, got error %v", reads, err)
		}
	}
}

func TestReplay(t *testing.T) {
	ref := newReference(40)
	tree := ref.tree()
	for start := range 40 {
		f, err := FrontierAt(int64(start), tree)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReplay(f)
		// Expected in another order than they are reached.
		sizes := rand.New(rand.NewPCG(1, uint64(start))).Perm(41 - start)
		for _, s := range sizes {
			if err := r.Expect(int64(start+s), ref.mth(0, start+s)); err != nil {
				t.Fatal(err)
			}
		}
		for i := start; i < 40; i++ {
			wantError(t, r.Finish(), fmt.Sprintf("replay ended at size %d, a root is expected at size %d", i, i+1))
			if err := r.Append(ref.leaf(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Finish(); err != nil {
			t.Fatal(err)
		}
		if r.Size() != 40 || r.Root() != Hash(ref.mth(0, 40)) || r.Frontier().Root() != r.Root() {
			t.Fatalf("replay from %d ends at size %d, root %v", start, r.Size(), r.Root())
		}
		if f.Size() != int64(start) || f.Root() != Hash(ref.mth(0, start)) {
			t.Fatalf("replay changed the frontier it started from")
		}
	}
}

func TestReplayRefusals(t *testing.T) {
	ref := newReference(4)
	r := NewReplay(new(Frontier))
	var root *RootError
	err := r.Expect(0, Hash{})
	if !errors.As(err, &root) || root.Size != 0 || root.Got != EmptyRoot || root.Want != (Hash{}) {
		t.Errorf("wrong root at the start: %v", err)
	}
	wantError(t, err, "root at size 0 is "+EmptyRoot.String()+", want "+Hash{}.String())
	wantError(t, r.Expect(-1, Hash{}), "size -1 is outside 0 to 9007199254740991")
	// Two roots at one size, one of them wrong, in either order.
	for _, roots := range [][]Hash{{ref.mth(0, 2), {}}, {{}, ref.mth(0, 2)}} {
		r := NewReplay(new(Frontier))
		for _, h := range roots {
			if err := r.Expect(2, h); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Expect(3, ref.mth(0, 3)); err != nil {
			t.Fatal(err)
		}
		if err := r.Append(ref.leaf(0)); err != nil {
			t.Fatal(err)
		}
		wantError(t, r.Append(ref.leaf(1)), "root at size 2 is "+Hash(ref.mth(0, 2)).String()+", want "+Hash{}.String())
		wantError(t, r.Expect(1, Hash{}), "root at size 1 cannot be compared, the replay is at size 2")
		// The pass may go on.
		if err := r.Append(ref.leaf(2)); err != nil {
			t.Fatal(err)
		}
		if err := r.Finish(); err != nil {
			t.Fatal(err)
		}
	}
	// Of two wrong ones the first expected is named.
	r = NewReplay(new(Frontier))
	for _, h := range []Hash{{1}, {2}} {
		if err := r.Expect(1, h); err != nil {
			t.Fatal(err)
		}
	}
	wantError(t, r.Append(ref.leaf(0)), "root at size 1 is "+ref.leaf(0).String()+", want "+Hash{1}.String())

	full, err := NewFrontier(MaxSize, make([]Hash, 53))
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, NewReplay(full).Append(Hash{}), "tree has size 9007199254740991, the largest")
}

// TestTreeOverTree holds what the comment of Tree says of upper levels.
func TestTreeOverTree(t *testing.T) {
	tree := newReference(64).tree()
	var upper Tree
	for i := range int64(16) {
		h, err := tree.Subtree(2, i)
		if err != nil {
			t.Fatal(err)
		}
		upper.Append(h)
	}
	for l := range 5 {
		for i := range int64(16 >> l) {
			got, err1 := upper.Subtree(l, i)
			want, err2 := tree.Subtree(2+l, i)
			if err1 != nil || err2 != nil || got != want {
				t.Fatalf("level %d, index %d: got %v, %v, want %v, %v", l, i, got, err1, want, err2)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	var f Frontier
	record := make([]byte, 1000)
	if n := testing.AllocsPerRun(100, func() {
		if err := f.Append(LeafHash(record)); err != nil {
			t.Fatal(err)
		}
		f.Root()
	}); n != 0 {
		t.Errorf("appending a record and stating the root allocates %v times", n)
	}
	c := f.Clone()
	if err := c.Append(Hash{}); err != nil || c.Size() != f.Size()+1 || c.Root() == f.Root() {
		t.Errorf("a clone is not on its own: %v", err)
	}
	tree := newReference(100).tree()
	proof, err := ProveInclusion(100, 33, tree)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.RootAt(100)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := tree.Subtree(0, 33)
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		if err := CheckInclusion(proof, 100, root, 33, leaf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("checking an inclusion proof allocates %v times", n)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("got no error, want %s", want)
	case err.Error() != want:
		t.Errorf("got error %s\nwant      %s", err, want)
	}
}
