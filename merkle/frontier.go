package merkle

import (
	"fmt"
	"math/bits"
)

// A Frontier is the right edge of a tree: the roots of its complete
// subtrees, left to right, one for each 1 bit of its size. It is all that is
// needed to append leaves and to state the root, and nothing older.
//
// The zero Frontier is the empty tree. A Frontier takes no further memory as
// it grows.
type Frontier struct {
	size int64
	// edge[l] is the root of the complete subtree of 1<<l leaves if bit l of
	// size is 1; otherwise it is left over from earlier and means nothing.
	edge [maxLevels]Hash
}

// NewFrontier returns the frontier of the given size. The hashes are those
// that [Frontier.Hashes] returns: exactly one for each 1 bit of size.
func NewFrontier(size int64, hashes []Hash) (*Frontier, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	if want := bits.OnesCount64(uint64(size)); len(hashes) != want {
		return nil, fmt.Errorf("frontier of size %d has %d hashes, want %d", size, len(hashes), want)
	}
	f := &Frontier{size: size}
	for rest := uint64(size); rest != 0; {
		l := bits.Len64(rest) - 1
		f.edge[l], hashes = hashes[0], hashes[1:]
		rest &^= 1 << l
	}
	return f, nil
}

// FrontierAt reads the frontier of the tree's first size leaves from r.
func FrontierAt(size int64, r HashReader) (*Frontier, error) {
	if err := checkSize(size); err != nil {
		return nil, err
	}
	f := &Frontier{size: size}
	for rest := uint64(size); rest != 0; rest &= rest - 1 {
		l := bits.TrailingZeros64(rest)
		// The node before the one that holds the first leaf beyond the subtree.
		h, err := r.Subtree(l, size>>l-1)
		if err != nil {
			return nil, err
		}
		f.edge[l] = h
	}
	return f, nil
}

// Size returns the number of leaves.
func (f *Frontier) Size() int64 { return f.size }

// Append adds a leaf on the right. It refuses only a tree of [MaxSize], which
// it leaves unchanged.
func (f *Frontier) Append(leaf Hash) error {
	if f.size >= MaxSize {
		return fmt.Errorf("tree has size %d, the largest", f.size)
	}
	// Each trailing 1 bit of the size is a subtree that the leaf completes
	// into one twice as large.
	l := bits.TrailingZeros64(^uint64(f.size))
	for i := range l {
		leaf = NodeHash(f.edge[i], leaf)
	}
	f.edge[l] = leaf
	f.size++
	return nil
}

// AppendAll adds the leaves in order: all of them, or none where the tree
// would exceed [MaxSize].
func (f *Frontier) AppendAll(leaves []Hash) error {
	if int64(len(leaves)) > MaxSize-f.size {
		return fmt.Errorf("tree of size %d takes %d more leaves, got %d", f.size, MaxSize-f.size, len(leaves))
	}
	for _, leaf := range leaves {
		if err := f.Append(leaf); err != nil {
			return err
		}
	}
	return nil
}

// Root returns the root of the tree.
func (f *Frontier) Root() Hash {
	if f.size == 0 {
		return EmptyRoot
	}
	rest := uint64(f.size)
	root := f.edge[bits.TrailingZeros64(rest)]
	for rest &= rest - 1; rest != 0; rest &= rest - 1 {
		root = NodeHash(f.edge[bits.TrailingZeros64(rest)], root)
	}
	return root
}

// Hashes returns the roots of the complete subtrees, left to right, which is
// largest first: one for each 1 bit of the size.
func (f *Frontier) Hashes() []Hash {
	hashes := make([]Hash, 0, bits.OnesCount64(uint64(f.size)))
	for rest := uint64(f.size); rest != 0; {
		l := bits.Len64(rest) - 1
		hashes = append(hashes, f.edge[l])
		rest &^= 1 << l
	}
	return hashes
}

// Clone returns a copy that shares nothing with f.
func (f *Frontier) Clone() *Frontier {
	c := *f
	return &c
}

func checkSize(size int64) error {
	if size < 0 || size > MaxSize {
		return fmt.Errorf("size %d is outside 0 to %d", size, int64(MaxSize))
	}
	return nil
}
