package merkle

import (
	"crypto/sha256"
	"fmt"
	"math"
	"testing"
	"time"
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
