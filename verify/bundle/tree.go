package bundle

import (
	"fmt"

	"github.com/raasledger/raasledger/merkle"
)

// A Tree folds the records of a bundle into the header's frontier. If in the
// end it has size and root of the signed checkpoint, then no record of the
// stretch was removed, changed, added or moved since that was signed, and the
// frontier was the right one.
type Tree struct {
	want   merkle.Checkpoint
	replay *merkle.Replay
	start  int64
	root   merkle.Hash // at start
}

// NewTree returns the tree that h starts from, and that is to end at want.
func NewTree(h Header, want merkle.Checkpoint) (*Tree, error) {
	f, err := merkle.NewFrontier(h.Start, h.Frontier)
	if err != nil {
		return nil, err
	}
	return &Tree{want: want, replay: merkle.NewReplay(f), start: h.Start, root: f.Root()}, nil
}

// Expect makes [Tree.Append] compare the root at the size of c, a checkpoint
// that is held from before. The size is beyond the start, or is the start.
func (t *Tree) Expect(c merkle.Checkpoint) error { return t.replay.Expect(c.Size, c.Root) }

// Append adds the leaf of the next record. A [*merkle.RootError] is about a
// root that was expected; the leaf is in all the same.
func (t *Tree) Append(leaf merkle.Hash) error { return t.replay.Append(leaf) }

// Frontier returns a copy of the frontier reached so far.
func (t *Tree) Frontier() *merkle.Frontier { return t.replay.Frontier() }

// CheckRef returns nil if proof shows that record has index n in the tree of
// the start.
func (t *Tree) CheckRef(n int64, record []byte, proof []merkle.Hash) error {
	return merkle.CheckInclusion(proof, t.start, t.root, n, merkle.LeafHash(record))
}

// Finish returns nil if the tree is the one of the checkpoint.
func (t *Tree) Finish() error {
	if got := t.replay.Size(); got != t.want.Size {
		return fmt.Errorf("%d records from %d on end at size %d, the checkpoint has size %d", got-t.start, t.start, got, t.want.Size)
	}
	if got := t.replay.Root(); got != t.want.Root {
		return &merkle.RootError{Size: t.want.Size, Got: got, Want: t.want.Root}
	}
	return nil
}
