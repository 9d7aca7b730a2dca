package merkle

import "fmt"

// A Tree holds the roots of all complete subtrees in memory, 64 bytes a leaf.
// It is a [HashReader]. The zero Tree is empty.
//
// A log that keeps its lower levels elsewhere can append the roots of complete
// subtrees of one level L as leaves: Subtree(l, i) of such a tree is the
// subtree at level L+l of the log.
type Tree struct {
	levels [][]Hash // levels[l][i] is the root of leaves [i<<l, (i+1)<<l)
}

// Size returns the number of leaves.
func (t *Tree) Size() int64 {
	if len(t.levels) == 0 {
		return 0
	}
	return int64(len(t.levels[0]))
}

// Append adds leaves on the right.
func (t *Tree) Append(leaves ...Hash) {
	for _, h := range leaves {
		for l := 0; ; l++ {
			if l == len(t.levels) {
				t.levels = append(t.levels, nil)
			}
			t.levels[l] = append(t.levels[l], h)
			n := len(t.levels[l])
			if n%2 == 1 {
				break
			}
			h = NodeHash(t.levels[l][n-2], t.levels[l][n-1])
		}
	}
}

// Subtree returns the root of the complete subtree at level and index.
func (t *Tree) Subtree(level int, index int64) (Hash, error) {
	if level < 0 || level >= len(t.levels) || index < 0 || index >= int64(len(t.levels[level])) {
		return Hash{}, fmt.Errorf("subtree at level %d, index %d is not in the tree of size %d", level, index, t.Size())
	}
	return t.levels[level][index], nil
}

// RootAt returns the root of the first size leaves.
func (t *Tree) RootAt(size int64) (Hash, error) {
	if size > t.Size() {
		return Hash{}, fmt.Errorf("size %d is beyond the tree of size %d", size, t.Size())
	}
	f, err := FrontierAt(size, t)
	if err != nil {
		return Hash{}, err
	}
	return f.Root(), nil
}
