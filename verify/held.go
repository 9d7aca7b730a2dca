package verify

import (
	"fmt"

	"github.com/raasledger/raasledger/merkle"
)

// leadsFrom compares an earlier checkpoint with that of a case bundle, by the
// proof that the bundle carries from its size. led is false where it carries
// none.
func (v *verifier) leadsFrom(c merkle.Checkpoint) (led bool, err error) {
	proof, led := v.leads[c.Size]
	if !led {
		return false, nil
	}
	return true, merkle.CheckConsistency(proof, c.Size, c.Root, v.opened.Size, v.opened.Root)
}

// endHeld judges whether the checkpoint of a case bundle extends the one held,
// of a smaller size. The proof is not the word of whoever wrote the bundle: none
// can be made for another root.
func (v *verifier) endHeld() {
	if v.since == nil || v.since.Origin != v.opened.Origin || v.since.Size >= v.opened.Size {
		return // judged when the checkpoint was opened
	}
	t := &v.checks[history]
	switch led, err := v.leadsFrom(v.since.Checkpoint); {
	case err != nil:
		t.fail("the proof carried does not lead from the checkpoint held, of size %d, to this one: %v", v.since.Size, err)
	case !led && v.since.Size > 0: // of no records: every tree begins so
		t.lack("the bundle carries no proof that its checkpoint, of size %d, extends the one held, of size %d", v.opened.Size, v.since.Size)
	default:
		t.passed = fmt.Sprintf("extends the checkpoint held, of size %d", v.since.Size)
	}
}
