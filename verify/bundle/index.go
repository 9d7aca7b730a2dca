package bundle

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/merkle"
)

// An End is where a chain ends: the ordinal of its last record, and the index
// of that record.
type End struct {
	Chain      string
	Ordinal, N int64
}

// appendLine appends the line of e in a chain index: "case/T-1 3 120418".
func (e End) appendLine(b []byte) []byte {
	b = append(b, e.Chain...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, e.Ordinal, 10)
	b = append(b, ' ')
	return strconv.AppendInt(b, e.N, 10)
}

// Leaf is the leaf hash of e in a chain index.
func (e End) Leaf() merkle.Hash {
	var room [maxChainBytes + 64]byte
	return merkle.LeafHash(e.appendLine(room[:0]))
}

// maxChainBytes bounds the name of a chain: "measure/" and an id.
const maxChainBytes = 136

// check holds what is asked of an end in a bundle. A name without a space has
// one reading in the line.
func (e End) check() error {
	if err := checkChain(e.Chain); err != nil {
		return err
	}
	if e.Ordinal < 0 || e.N < e.Ordinal || e.N >= merkle.MaxSize {
		return fmt.Errorf("chain %s ends at ordinal %d, record %d", e.Chain, e.Ordinal, e.N)
	}
	return nil
}

func checkChain(name string) error {
	if name == "" || len(name) > maxChainBytes {
		return fmt.Errorf("name of a chain has %d bytes, want 1 to %d", len(name), maxChainBytes)
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return fmt.Errorf("name of a chain %q has a character that none has", name)
		}
	}
	return nil
}

// An Index is the map of the chains of a ledger to their ends, which a
// chain-index record commits (docs/record.md). The zero Index is empty. It
// takes about 100 bytes a chain, and 40 more once a root was asked for.
type Index struct {
	ends   []End            // as they began
	places map[string]int32 // in ends
	order  []int32          // those sorted already, by name
	leaves []merkle.Hash    // by place in ends, of those that a root was computed of
	old    []bool           // the end has moved since its leaf was computed
}

// Len is how many chains there are.
func (x *Index) Len() int64 { return int64(len(x.ends)) }

// End returns the end of a chain.
func (x *Index) End(chain string) (End, bool) {
	i, ok := x.places[chain]
	if !ok {
		return End{}, false
	}
	return x.ends[i], true
}

// Each calls f with the ends of all chains, in the order in which they began.
func (x *Index) Each(f func(e End)) {
	for _, e := range x.ends {
		f(e)
	}
}

// Set moves the end of a chain, which begins if it is not there yet.
func (x *Index) Set(e End) {
	if i, ok := x.places[e.Chain]; ok {
		x.ends[i].Ordinal, x.ends[i].N = e.Ordinal, e.N
		if int(i) < len(x.old) {
			x.old[i] = true
		}
		return
	}
	if x.places == nil {
		x.places = map[string]int32{}
	}
	e.Chain = strings.Clone(e.Chain) // part of a line, which need not stay
	x.places[e.Chain] = int32(len(x.ends))
	x.ends = append(x.ends, e)
}

// arrange sorts what has come since, and brings the leaves up to date.
func (x *Index) arrange() {
	byName := func(a, b int32) int { return cmp.Compare(x.ends[a].Chain, x.ends[b].Chain) }
	if have := len(x.order); have < len(x.ends) {
		fresh := make([]int32, len(x.ends)-have)
		for i := range fresh {
			fresh[i] = int32(have + i)
		}
		slices.SortFunc(fresh, byName)
		merged := make([]int32, 0, len(x.ends))
		for _, old := range x.order {
			for len(fresh) > 0 && byName(fresh[0], old) < 0 {
				merged, fresh = append(merged, fresh[0]), fresh[1:]
			}
			merged = append(merged, old)
		}
		x.order = append(merged, fresh...)
	}
	for i := range x.leaves {
		if x.old[i] {
			x.leaves[i], x.old[i] = x.ends[i].Leaf(), false
		}
	}
	x.leaves, x.old = slices.Grow(x.leaves, len(x.ends)-len(x.leaves)), slices.Grow(x.old, len(x.ends)-len(x.old))
	for i := len(x.leaves); i < len(x.ends); i++ {
		x.leaves, x.old = append(x.leaves, x.ends[i].Leaf()), append(x.old, false)
	}
}

// Root is the root of the tree of the sorted lines: two seconds for a million
// chains the first time, a third of a second later.
func (x *Index) Root() merkle.Hash {
	x.arrange()
	var f merkle.Frontier
	for _, i := range x.order {
		if f.Append(x.leaves[i]) != nil {
			panic("bundle: more chains than leaves in Index.Root")
		}
	}
	return f.Root()
}

// An IndexTree proves what an [Index] says. It takes 64 bytes a chain, and is
// of the index as it was: Set must not be called while it is in use.
type IndexTree struct {
	index *Index
	tree  merkle.Tree
}

// Tree returns the tree of x.
func (x *Index) Tree() *IndexTree {
	x.arrange()
	t := &IndexTree{index: x}
	for _, i := range x.order {
		t.tree.Append(x.leaves[i])
	}
	return t
}

// Root is the root of the tree.
func (t *IndexTree) Root() merkle.Hash {
	root, err := t.tree.RootAt(t.tree.Size())
	if err != nil {
		panic("bundle: no root of a tree in memory in IndexTree.Root")
	}
	return root
}

// Prove shows what the index says of a chain.
func (t *IndexTree) Prove(chain string) (ChainProof, error) {
	x := t.index
	at, found := slices.BinarySearchFunc(x.order, chain, func(i int32, name string) int { return cmp.Compare(x.ends[i].Chain, name) })
	want := []int{at - 1, at} // the neighbours
	if found {
		want = []int{at}
	}
	p := ChainProof{Chain: chain}
	for _, i := range want {
		if i < 0 || i >= len(x.order) {
			continue
		}
		proof, err := merkle.ProveInclusion(x.Len(), int64(i), &t.tree)
		if err != nil {
			return ChainProof{}, err
		}
		p.Shown = append(p.Shown, Place{x.ends[x.order[i]], int64(i), proof})
	}
	return p, nil
}

// A Place is a line of a chain index with its place, from 0, and the proof
// that it stands there.
type Place struct {
	End
	Place int64
	Proof []merkle.Hash
}

// A ChainProof shows of one chain what a chain index says: its end, or that
// there is no chain of that name, by the lines between which it would stand.
type ChainProof struct {
	Chain string
	Shown []Place // its own line; else the one before and the one after, as far as there are
}

// Found reports whether the chain is in the index, and where it ends.
func (p *ChainProof) Found() (End, bool) {
	if len(p.Shown) == 1 && p.Shown[0].Chain == p.Chain {
		return p.Shown[0].End, true
	}
	return End{}, false
}

// Check returns nil if what p shows is so in the chain index with that many
// chains and that root.
func (p *ChainProof) Check(chains int64, root merkle.Hash) error {
	for _, s := range p.Shown {
		if err := merkle.CheckInclusion(s.Proof, chains, root, s.Place, s.Leaf()); err != nil {
			return fmt.Errorf("chain %s: line of %s: %w", p.Chain, s.Chain, err)
		}
	}
	if _, found := p.Found(); found {
		return nil
	}
	// What stands before it, and what after.
	before, after := int64(-1), chains
	for _, s := range p.Shown {
		switch {
		case s.Chain < p.Chain && before < 0:
			before = s.Place
		case s.Chain > p.Chain && after == chains:
			after = s.Place
		default:
			return fmt.Errorf("chain %s: the line of %s does not show that there is none", p.Chain, s.Chain)
		}
	}
	if after != before+1 {
		return fmt.Errorf("chain %s: the lines at %d and %d are not neighbours: it can stand between them", p.Chain, before, after)
	}
	return nil
}
