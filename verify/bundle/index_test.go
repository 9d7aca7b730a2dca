package bundle

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/merkle"
)

// slowIndex is the chain index by the words of docs/record.md: the lines
// sorted by the bytes of the names, and the tree over them by recursion.
func slowIndex(ends map[string]End) (lines []string, root merkle.Hash) {
	var names []string
	for name := range ends {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		lines = append(lines, fmt.Sprintf("%s %d %d", name, ends[name].Ordinal, ends[name].N))
	}
	return lines, slowRoot(lines)
}

func slowRoot(lines []string) merkle.Hash {
	switch n := len(lines); n {
	case 0:
		return merkle.EmptyRoot
	case 1:
		return merkle.LeafHash([]byte(lines[0]))
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		return merkle.NodeHash(slowRoot(lines[:k]), slowRoot(lines[k:]))
	}
}

// TestIndexDocument: the root in docs/record.md is that of the lines there.
func TestIndexDocument(t *testing.T) {
	doc, err := os.ReadFile("../../docs/record.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```chains\n")
	example, rest, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("no example of a chain index in docs/record.md")
	}
	var x Index
	for line := range strings.Lines(example) {
		var e End
		if _, err := fmt.Sscanf(line, "%s %d %d\n", &e.Chain, &e.Ordinal, &e.N); err != nil {
			t.Fatal(err)
		}
		x.Set(e)
	}
	root := x.Root()
	want := fmt.Sprintf("`root` is `sha256:%x`", root[:])
	if !strings.Contains(rest, want) {
		t.Errorf("docs/record.md does not say: %s", want)
	}
}

// TestIndex: roots and proofs agree with the reference while chains begin and
// move on, at every size up to 70; and what is not so is not shown.
func TestIndex(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var x Index
	ends := map[string]End{}
	name := func() string { return fmt.Sprintf("case/%03d", r.IntN(90)*3) }
	for n := int64(0); n < 300; n++ {
		e := End{name(), 0, n}
		if old, ok := ends[e.Chain]; ok {
			e.Ordinal = old.Ordinal + 1
		}
		ends[e.Chain] = e
		x.Set(e)
		if n%3 > 0 && n > 60 {
			continue // some roots after several changes
		}
		lines, want := slowIndex(ends)
		if got := x.Root(); got != want || x.Len() != int64(len(lines)) {
			t.Fatalf("after record %d: %d chains, root %v, want %d, %v", n, x.Len(), got, len(lines), want)
		}
		if n > 40 && n%30 > 0 {
			continue
		}
		tree := x.Tree()
		for i := -1; i < 272; i++ {
			chain := fmt.Sprintf("case/%03d", max(i, 0))
			if i < 0 {
				chain = "a" // before all
			}
			p, err := tree.Prove(chain)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Check(x.Len(), want); err != nil {
				t.Fatal(err)
			}
			got, found := p.Found()
			if old, ok := ends[chain]; ok != found || got != old {
				t.Fatalf("%s: %v %v, want %v %v", chain, got, found, old, ok)
			}
			denied(t, r, p, x.Len(), want)
		}
	}
}

// denied tries what no proof may show.
func denied(t *testing.T, r *rand.Rand, p ChainProof, chains int64, root merkle.Hash) {
	t.Helper()
	try := func(what string, change func(p *ChainProof)) {
		t.Helper()
		q := ChainProof{Chain: p.Chain}
		for _, s := range p.Shown {
			s.Proof = slices.Clone(s.Proof)
			q.Shown = append(q.Shown, s)
		}
		change(&q)
		if err := q.Check(chains, root); err == nil {
			t.Fatalf("%s: %v is shown as %v", what, p, q)
		}
	}
	i := r.IntN(len(p.Shown))
	try("ordinal", func(p *ChainProof) { p.Shown[i].Ordinal++ })
	try("index of the last record", func(p *ChainProof) { p.Shown[i].N++ })
	try("place", func(p *ChainProof) { p.Shown[i].Place++ })
	try("nothing", func(p *ChainProof) { p.Shown = nil })
	if len(p.Shown) == 2 {
		try("one neighbour", func(p *ChainProof) { p.Shown = slices.Delete(p.Shown, i, i+1) })
		try("another name", func(p *ChainProof) { p.Chain = p.Shown[1-i].Chain })
		try("one twice", func(p *ChainProof) { p.Shown[1-i] = p.Shown[i] })
	}
	if _, found := p.Found(); found {
		// A chain that is there is not denied by any pair of lines.
		try("renamed", func(p *ChainProof) { p.Shown[0].Chain += "x" })
		try("denied by itself", func(p *ChainProof) { p.Shown = append(p.Shown, p.Shown[0]) })
	}
	if err := p.Check(chains+1, root); err == nil && chains > 0 {
		// Only a proof of the same length, for another size, can be right by its hashes.
		if _, found := p.Found(); !found && p.Shown[len(p.Shown)-1].Chain < p.Chain {
			t.Fatalf("%v is shown of an index of one chain more", p)
		}
	}
}

// TestIndexNoPairDenies: of an index of 9 chains no pair of lines shows that
// one that is there is not.
func TestIndexNoPairDenies(t *testing.T) {
	var x Index
	for i := range int64(9) {
		x.Set(End{fmt.Sprintf("case/%d", i), 0, i})
	}
	tree, root := x.Tree(), x.Root()
	var all []Place
	for i := range 9 {
		p, err := tree.Prove(fmt.Sprintf("case/%d", i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p.Shown[0])
	}
	for i := range 9 {
		chain := fmt.Sprintf("case/%d", i)
		for a := range all {
			for b := range all {
				for _, shown := range [][]Place{{}, {all[a]}, {all[a], all[b]}, {all[a], all[b], all[(a+b)%9]}} {
					p := ChainProof{chain, shown}
					if _, found := p.Found(); !found && p.Check(9, root) == nil {
						t.Fatalf("%s is denied by %v", chain, shown)
					}
				}
			}
		}
	}
}

// A ledger of a million cases.
const manyChains = 1_000_000

func fillIndex(x *Index) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range int64(manyChains) {
		x.Set(End{fmt.Sprintf("case/ticket/%08x", r.Uint32()), 0, i})
	}
}

// BenchmarkIndex: the root of a million chains for the first time, again after
// 1,000 records of which half begin a chain, and a proof. B/chain is what is
// live.
func BenchmarkIndex(b *testing.B) {
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			var x Index
			before := live()
			fillIndex(&x)
			b.ReportMetric(float64(live()-before)/manyChains, "B/chain-before")
			b.StartTimer()
			x.Root()
			b.StopTimer()
			b.ReportMetric(float64(live()-before)/manyChains, "B/chain")
			b.StartTimer()
			runtime.KeepAlive(&x)
		}
	})
	var x Index
	fillIndex(&x)
	x.Root()
	b.Run("again", func(b *testing.B) {
		n := int64(manyChains)
		for b.Loop() {
			for i := range int64(500) {
				x.Set(End{fmt.Sprintf("case/more/%d", n+i), 0, n + i})
				x.Set(End{x.ends[i*1999].Chain, 1, n + i})
			}
			n += 500
			x.Root()
		}
	})
	b.Run("tree", func(b *testing.B) {
		for b.Loop() {
			x.Tree()
		}
	})
	tree := x.Tree()
	b.Run("proof", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i += 7919
			if _, err := tree.Prove(x.ends[i%manyChains].Chain); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("absent", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i += 7919
			if _, err := tree.Prove(x.ends[i%manyChains].Chain + "x"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
