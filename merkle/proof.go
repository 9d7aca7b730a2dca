package merkle

import (
	"fmt"
	"math/bits"
)

// A HashReader reads the roots of complete subtrees.
type HashReader interface {
	// Subtree returns the root of the leaves [index<<level, (index+1)<<level),
	// all of which are in the tree.
	Subtree(level int, index int64) (Hash, error)
}

// ProveInclusion returns the proof that the tree of the given size holds the
// leaf at index: RFC 6962 PATH, the leaf's sibling first.
func ProveInclusion(size, index int64, r HashReader) ([]Hash, error) {
	if err := checkIndex(index, size); err != nil {
		return nil, err
	}
	return provePath(make([]Hash, 0, pathLen(size, 0, index)), size, 0, index, r)
}

// CheckInclusion returns nil if proof shows that the tree with the given size
// and root holds leaf at index.
func CheckInclusion(proof []Hash, size int64, root Hash, index int64, leaf Hash) error {
	if err := checkIndex(index, size); err != nil {
		return err
	}
	if want := pathLen(size, 0, index); len(proof) != want {
		return fmt.Errorf("inclusion proof has %d hashes, want %d for index %d in size %d", len(proof), want, index, size)
	}
	if got := foldPath(proof, size, 0, index, leaf); got != root {
		return fmt.Errorf("inclusion proof for index %d in size %d gives root %v, want %v", index, size, got, root)
	}
	return nil
}

// ProveConsistency returns the proof that the tree of size2 begins with the
// leaves of the tree of size1: RFC 6962 PROOF. It refuses size1 = 0: an empty
// tree is the beginning of every tree, so there is nothing to prove.
func ProveConsistency(size1, size2 int64, r HashReader) ([]Hash, error) {
	if err := checkSizes(size1, size2); err != nil {
		return nil, err
	}
	if size1 == size2 {
		return nil, nil
	}
	level := bits.TrailingZeros64(uint64(size1))
	proof := make([]Hash, 0, 1+pathLen(size2, level, size1-1))
	if size1 != 1<<level {
		h, err := r.Subtree(level, (size1-1)>>level)
		if err != nil {
			return nil, err
		}
		proof = append(proof, h)
	}
	return provePath(proof, size2, level, size1-1, r)
}

// CheckConsistency returns nil if proof shows that the tree with size2 and
// root2 begins with the leaves of the tree with size1 and root1. It refuses
// size1 = 0, which would accept any root1: a caller that holds an empty tree
// compares root1 with [EmptyRoot].
func CheckConsistency(proof []Hash, size1 int64, root1 Hash, size2 int64, root2 Hash) error {
	if err := checkSizes(size1, size2); err != nil {
		return err
	}
	if want := consistencyLen(size1, size2); len(proof) != want {
		return fmt.Errorf("consistency proof has %d hashes, want %d from size %d to %d", len(proof), want, size1, size2)
	}
	if size1 == size2 {
		if root1 != root2 {
			return fmt.Errorf("roots at size %d differ: %v and %v", size1, root1, root2)
		}
		return nil
	}

	// The proof starts from the last complete subtree of the smaller tree. If
	// that is the whole smaller tree, its root is known and not in the proof.
	level := bits.TrailingZeros64(uint64(size1))
	seed := root1
	if size1 != 1<<level {
		seed, proof = proof[0], proof[1:]
	}

	// The hashes on the left of the path lie in both trees, those on the right
	// in the larger one alone.
	got1 := seed
	inner := innerLen(size2, level, size1-1)
	for i, h := range proof {
		if i >= inner || (size1-1)>>(level+i)&1 == 1 {
			got1 = NodeHash(h, got1)
		}
	}
	if got1 != root1 {
		return fmt.Errorf("consistency proof from size %d to %d gives root %v at size %d, want %v", size1, size2, got1, size1, root1)
	}
	if got2 := foldPath(proof, size2, level, size1-1, seed); got2 != root2 {
		return fmt.Errorf("consistency proof from size %d to %d gives root %v at size %d, want %v", size1, size2, got2, size2, root2)
	}
	return nil
}

// A path leads from a node up to the root. It is named by the node's level and
// by any leaf under it. It has two parts: inner, where the node's subtree and
// the last leaf of the tree are not yet under one node, with siblings on both
// sides; and the border, where they are, with siblings on the left alone.

// innerLen returns the length of the inner part.
func innerLen(size int64, level int, leaf int64) int {
	return max(bits.Len64(uint64(leaf^(size-1)))-level, 0)
}

// pathLen returns the length of both parts.
func pathLen(size int64, level int, leaf int64) int {
	inner := innerLen(size, level, leaf)
	return inner + bits.OnesCount64(uint64(leaf)>>(level+inner))
}

// consistencyLen returns the length of the proof between two sizes.
func consistencyLen(size1, size2 int64) int {
	if size1 == size2 {
		return 0
	}
	level := bits.TrailingZeros64(uint64(size1))
	n := pathLen(size2, level, size1-1)
	if size1 != 1<<level {
		n++
	}
	return n
}

// foldPath returns the root that a path of the right length leads to from h.
func foldPath(path []Hash, size int64, level int, leaf int64, h Hash) Hash {
	inner := innerLen(size, level, leaf)
	for i, sibling := range path {
		if i < inner && leaf>>(level+i)&1 == 0 {
			h = NodeHash(h, sibling)
		} else {
			h = NodeHash(sibling, h)
		}
	}
	return h
}

// provePath appends the siblings along a path.
func provePath(proof []Hash, size int64, level int, leaf int64, r HashReader) ([]Hash, error) {
	top := level + innerLen(size, level, leaf)
	for l := level; leaf>>l != 0 || l < top; l++ {
		node := leaf >> l
		var h Hash
		var err error
		switch {
		case l == top-1:
			// Only the last sibling on the right can be incomplete.
			h, err = edgeRoot((node+1)<<l, size, r)
		case l < top || node&1 == 1:
			h, err = r.Subtree(l, node^1)
		default:
			continue // on the border, no sibling on the left
		}
		if err != nil {
			return nil, err
		}
		proof = append(proof, h)
	}
	return proof, nil
}

// edgeRoot returns the root of the leaves [lo, hi), where lo is a multiple of
// a power of two that is at least hi-lo.
func edgeRoot(lo, hi int64, r HashReader) (Hash, error) {
	rest := uint64(hi - lo)
	var root Hash
	for right := true; rest != 0; right = false {
		l := bits.TrailingZeros64(rest)
		h, err := r.Subtree(l, (lo+int64(rest))>>l-1)
		if err != nil {
			return Hash{}, err
		}
		if right {
			root = h
		} else {
			root = NodeHash(h, root)
		}
		rest &= rest - 1
	}
	return root, nil
}

func checkIndex(index, size int64) error {
	if err := checkSize(size); err != nil {
		return err
	}
	if index < 0 || index >= size {
		return fmt.Errorf("index %d is outside size %d", index, size)
	}
	return nil
}

func checkSizes(size1, size2 int64) error {
	if err := checkSize(size1); err != nil {
		return err
	}
	if err := checkSize(size2); err != nil {
		return err
	}
	if size1 == 0 {
		return fmt.Errorf("consistency from size 0 proves nothing")
	}
	if size1 > size2 {
		return fmt.Errorf("consistency from size %d to %d, a smaller one", size1, size2)
	}
	return nil
}
