package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"github.com/raasledger/raasledger/merkle"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// folded is the constant of TestFoldedProofs in package merkle: the roots and
// all proofs of the sizes to 2000 in one hash.
const (
	foldedSize = 2000
	folded     = "67ecdd86c390cb676e0853c11c961bf5327602970fb04b500d7155174d8550ea"
)

// nodes stores the hashes that transparency-dev/merkle visits.
type nodes map[compact.NodeID][]byte

func (n nodes) set(id compact.NodeID, hash []byte) { n[id] = bytes.Clone(hash) }

// proof returns the proof that transparency-dev/merkle makes for the nodes.
func (n nodes) proof(t *testing.T, of proof.Nodes, err error) [][]byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var hashes [][]byte
	for _, id := range of.IDs {
		h, ok := n[id]
		if !ok {
			t.Fatalf("node %+v is not stored", id)
		}
		hashes = append(hashes, h)
	}
	p, err := of.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func leaf(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// TestFolded comes to the constant with transparency-dev/merkle alone.
func TestFolded(t *testing.T) {
	hasher := rfc6962.DefaultHasher
	factory := compact.RangeFactory{Hash: hasher.HashChildren}
	edge := factory.NewEmptyRange(0)
	stored := nodes{}
	sum := sha256.New()
	for i := range foldedSize {
		if err := edge.Append(hasher.HashLeaf(leaf(i)), stored.set); err != nil {
			t.Fatal(err)
		}
		n := uint64(i + 1)
		root, err := edge.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(root)
		for i := range n {
			of, err := proof.Inclusion(i, n)
			for _, h := range stored.proof(t, of, err) {
				sum.Write(h)
			}
		}
		for m := uint64(1); m <= n; m++ {
			of, err := proof.Consistency(m, n)
			for _, h := range stored.proof(t, of, err) {
				sum.Write(h)
			}
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != folded {
		t.Errorf("transparency-dev/merkle comes to %s, want %s", got, folded)
	}
}

// TestVerdicts gives honest and damaged proofs to package merkle, to
// transparency-dev/merkle and to sumdb/tlog: all three say the same, but for
// size1 = 0, which transparency-dev/merkle v0.0.2 accepts with any root.
func TestVerdicts(t *testing.T) {
	const size = 300
	tree := new(merkle.Tree)
	for i := range size {
		tree.Append(merkle.LeafHash(leaf(i)))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	hasher := rfc6962.DefaultHasher
	accepted, refused := 0, 0
	count := func(err error) {
		if err == nil {
			accepted++
		} else {
			refused++
		}
	}
	for range 100_000 {
		n := random.Int64N(size) + 1
		i := random.Int64N(n)
		m := random.Int64N(n) + 1
		root, leaf, root1 := rootAt(t, tree, n), subtree(t, tree, i), rootAt(t, tree, m)
		p, err := merkle.ProveInclusion(n, i, tree)
		if err != nil {
			t.Fatal(err)
		}
		c, err := merkle.ProveConsistency(m, n, tree)
		if err != nil {
			t.Fatal(err)
		}
		p, c = damage(random, p), damage(random, c)
		shift := []int64{0, 0, 0, 0, 1, -1, 2, -2, 256}
		i += shift[random.IntN(len(shift))]
		m += shift[random.IntN(len(shift))]
		n += shift[random.IntN(len(shift))]
		if n < 0 || m < 0 || i < 0 {
			continue // not to be said in uint64
		}

		ours := merkle.CheckInclusion(p, n, root, i, leaf)
		count(ours)
		theirs := proof.VerifyInclusion(hasher, uint64(i), uint64(n), leaf[:], rawHashes(p), root[:])
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("index %d, size %d: merkle says %v, transparency-dev %v", i, n, ours, theirs)
		}
		theirs = tlog.CheckRecord(tlogHashes(p), n, tlog.Hash(root), i, tlog.Hash(leaf))
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("index %d, size %d: merkle says %v, tlog %v", i, n, ours, theirs)
		}

		ours = merkle.CheckConsistency(c, m, root1, n, root)
		count(ours)
		theirs = proof.VerifyConsistency(hasher, uint64(m), uint64(n), rawHashes(c), root1[:], root[:])
		if m != 0 && (ours == nil) != (theirs == nil) {
			t.Fatalf("size %d to %d: merkle says %v, transparency-dev %v", m, n, ours, theirs)
		}
		theirs = tlog.CheckTree(tlogHashes(c), n, tlog.Hash(root), m, tlog.Hash(root1))
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("size %d to %d: merkle says %v, tlog %v", m, n, ours, theirs)
		}
	}
	if accepted < 10_000 || refused < 10_000 {
		t.Errorf("%d accepted, %d refused: want enough of both", accepted, refused)
	}
}

// damage leaves half of the proofs as they are.
func damage(random *rand.Rand, p []merkle.Hash) []merkle.Hash {
	switch random.IntN(8) {
	case 0:
		return append(p, merkle.Hash{})
	case 1:
		return p[:max(0, len(p)-1)]
	case 2:
		if len(p) > 0 {
			p[random.IntN(len(p))][random.IntN(32)] ^= 1 << random.IntN(8)
		}
	case 3:
		random.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
	}
	return p
}

func rootAt(t *testing.T, tree *merkle.Tree, size int64) merkle.Hash {
	t.Helper()
	h, err := tree.RootAt(size)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func subtree(t *testing.T, tree *merkle.Tree, index int64) merkle.Hash {
	t.Helper()
	h, err := tree.Subtree(0, index)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func rawHashes(hashes []merkle.Hash) [][]byte {
	var out [][]byte
	for _, h := range hashes {
		out = append(out, bytes.Clone(h[:]))
	}
	return out
}

func tlogHashes(hashes []merkle.Hash) []tlog.Hash {
	var out []tlog.Hash
	for _, h := range hashes {
		out = append(out, tlog.Hash(h))
	}
	return out
}
