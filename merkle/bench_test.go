package merkle

import (
	"crypto/sha256"
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Each benchmark also reports x/sha: its time divided by that of the SHA-256
// calls which the operation cannot do without, timed in the same run, since
// rates alone say more about the machine than about the code.

// shaNanos returns the time of one SHA-256 of n bytes: the best of some short
// runs, which other work on the machine disturbs least.
func shaNanos(n int) float64 {
	buf := make([]byte, n)
	best := math.Inf(1)
	for range 30 {
		const calls = 300
		start := time.Now()
		for range calls {
			sha256.Sum256(buf)
		}
		best = min(best, float64(time.Since(start).Nanoseconds())/calls)
	}
	return best
}

func reportRatio(b *testing.B, floor float64) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/floor, "x/sha")
}

func BenchmarkLeafHash(b *testing.B) {
	for _, n := range []int{256, 1024, 16 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			record := make([]byte, n)
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				LeafHash(record)
			}
			reportRatio(b, shaNanos(n+1))
		})
	}
}

// One leaf and, on average, one node.
func BenchmarkAppendRecord(b *testing.B) {
	record := make([]byte, 1024)
	var f Frontier
	b.ReportAllocs()
	for b.Loop() {
		record[0]++
		if err := f.Append(LeafHash(record)); err != nil {
			b.Fatal(err)
		}
	}
	reportRatio(b, shaNanos(len(record)+1))
}

func BenchmarkAppend(b *testing.B) {
	var f Frontier
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Append(Hash{}); err != nil {
			b.Fatal(err)
		}
	}
	reportRatio(b, shaNanos(65))
}

func BenchmarkRoot(b *testing.B) {
	f, err := NewFrontier(1<<20-1, make([]Hash, 20))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Root()
	}
	reportRatio(b, 19*shaNanos(65))
}

// benchTree has 2^20 leaves, the size of the figures in docs/benchmarks.md.
func benchTree(b *testing.B) (*Tree, Hash) {
	b.Helper()
	t := new(Tree)
	for i := range 1 << 20 {
		t.Append(Hash{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	root, err := t.RootAt(t.Size())
	if err != nil {
		b.Fatal(err)
	}
	return t, root
}

func BenchmarkProofs(b *testing.B) {
	tree, root := benchTree(b)
	size := tree.Size()
	const index, size1 = 704_643, 704_643
	leaf, err := tree.Subtree(0, index)
	if err != nil {
		b.Fatal(err)
	}
	root1, err := tree.RootAt(size1)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ProveInclusion", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ProveInclusion(size, index, tree); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("CheckInclusion", func(b *testing.B) {
		proof, err := ProveInclusion(size, index, tree)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := CheckInclusion(proof, size, root, index, leaf); err != nil {
				b.Fatal(err)
			}
		}
		reportRatio(b, float64(len(proof))*shaNanos(65))
	})
	b.Run("tlog.CheckRecord", func(b *testing.B) {
		proof, err := ProveInclusion(size, index, tree)
		if err != nil {
			b.Fatal(err)
		}
		hashes := tlogHashes(proof)
		b.ReportAllocs()
		for b.Loop() {
			if err := tlog.CheckRecord(hashes, size, tlog.Hash(root), index, tlog.Hash(leaf)); err != nil {
				b.Fatal(err)
			}
		}
		reportRatio(b, float64(len(proof))*shaNanos(65))
	})
	b.Run("ProveConsistency", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ProveConsistency(size1, size, tree); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("CheckConsistency", func(b *testing.B) {
		proof, err := ProveConsistency(size1, size, tree)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if err := CheckConsistency(proof, size1, root1, size, root); err != nil {
				b.Fatal(err)
			}
		}
		// Each hash of the proof is a node of the larger tree, and half of
		// them are nodes of the smaller one too.
		reportRatio(b, float64(len(proof))*shaNanos(65))
	})
	b.Run("tlog.CheckTree", func(b *testing.B) {
		proof, err := ProveConsistency(size1, size, tree)
		if err != nil {
			b.Fatal(err)
		}
		hashes := tlogHashes(proof)
		b.ReportAllocs()
		for b.Loop() {
			if err := tlog.CheckTree(hashes, size, tlog.Hash(root), size1, tlog.Hash(root1)); err != nil {
				b.Fatal(err)
			}
		}
		reportRatio(b, float64(len(proof))*shaNanos(65))
	})
}

func BenchmarkOpenCheckpoint(b *testing.B) {
	signed, log, client := exampleNote(), logKey(), clientKey()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenCheckpoint(signed, log, client); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckPublicKey(b *testing.B) {
	key := testPublic(1)
	for b.Loop() {
		if err := CheckPublicKey(key); err != nil {
			b.Fatal(err)
		}
	}
}
