package merkle

import (
	"fmt"
	"slices"
)

// A Replay appends a stretch of leaves to a frontier and compares the root
// with every root that is known, as the pass reaches its size. One pass so
// proves that a tree extends all checkpoints given, and is the one signed.
type Replay struct {
	frontier Frontier
	ahead    []knownRoot // sizes not reached yet, ascending
}

type knownRoot struct {
	size int64
	root Hash
}

// A RootError says that a tree has another root than the one known for its
// size.
type RootError struct {
	Size      int64
	Got, Want Hash
}

func (e *RootError) Error() string {
	return fmt.Sprintf("root at size %d is %v, want %v", e.Size, e.Got, e.Want)
}

// NewReplay returns a replay that starts after the leaves of start, which is
// copied.
func NewReplay(start *Frontier) *Replay {
	return &Replay{frontier: *start}
}

// Expect makes the replay compare its root with the given one at the given
// size. The size that the replay has now is compared at once; a smaller one is
// refused, since the pass does not come by there any more. The error is a
// [*RootError] where the root is another one.
func (r *Replay) Expect(size int64, root Hash) error {
	if err := checkSize(size); err != nil {
		return err
	}
	if now := r.frontier.Size(); size < now {
		return fmt.Errorf("root at size %d cannot be compared, the replay is at size %d", size, now)
	} else if size == now {
		return r.compare(size, root)
	}
	i, _ := slices.BinarySearchFunc(r.ahead, size, func(k knownRoot, size int64) int {
		if k.size <= size {
			return -1 // behind those of the same size
		}
		return 1
	})
	r.ahead = slices.Insert(r.ahead, i, knownRoot{size, root})
	return nil
}

// Append adds the next leaf and compares the root where one is expected at the
// new size. A [*RootError] does not stop the replay: the leaf is in, and the
// caller may go on to see what else differs.
func (r *Replay) Append(leaf Hash) error {
	if err := r.frontier.Append(leaf); err != nil {
		return err
	}
	var first error
	for len(r.ahead) > 0 && r.ahead[0].size == r.frontier.Size() {
		if err := r.compare(r.ahead[0].size, r.ahead[0].root); err != nil && first == nil {
			first = err
		}
		r.ahead = r.ahead[1:]
	}
	return first
}

func (r *Replay) compare(size int64, want Hash) error {
	if got := r.frontier.Root(); got != want {
		return &RootError{Size: size, Got: got, Want: want}
	}
	return nil
}

// Frontier returns a copy of the frontier reached so far.
func (r *Replay) Frontier() *Frontier { return r.frontier.Clone() }

// Size returns the size reached so far.
func (r *Replay) Size() int64 { return r.frontier.Size() }

// Root returns the root reached so far.
func (r *Replay) Root() Hash { return r.frontier.Root() }

// Finish returns an error if the replay ended before a size at which a root
// is expected.
func (r *Replay) Finish() error {
	if len(r.ahead) > 0 {
		return fmt.Errorf("replay ended at size %d, a root is expected at size %d", r.frontier.Size(), r.ahead[0].size)
	}
	return nil
}
