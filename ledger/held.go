package ledger

import (
	"fmt"
	"slices"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// Extends returns the size of a signed checkpoint that somebody holds, if the
// ledger is what it says: of this origin, and with that root at that size. Who
// signed it is for its holder to judge.
func (l *Ledger) Extends(note []byte) (int64, error) {
	if err := l.db.begin(); err != nil {
		return 0, err
	}
	defer l.db.end()
	n, err := merkle.ParseNote(note)
	if err != nil {
		return 0, err
	}
	held, size := n.Checkpoint, l.Size()
	switch {
	case held.Origin != l.origin:
		return 0, fmt.Errorf("checkpoint is of %s, want %s", held.Origin, l.origin)
	case held.Size > size:
		return 0, fmt.Errorf("%s: checkpoint is of size %d, the ledger has %d records", l.origin, held.Size, size)
	}
	root, err := l.rootAt(held.Size)
	if err != nil {
		return 0, err
	}
	if root != held.Root {
		return 0, fmt.Errorf("%s: checkpoint at size %d has root %v, the ledger has %v: two histories", l.origin, held.Size, held.Root, root)
	}
	return held.Size, nil
}

// writeLeads writes the consistency proofs from earlier sizes to the checkpoint
// of a case bundle. Its own size needs none.
func (l *Ledger) writeLeads(out *bundle.Writer, since []int64, size int64) error {
	since = slices.Clone(since)
	slices.Sort(since)
	for _, earlier := range slices.Compact(since) {
		switch {
		case earlier == size || earlier == 0: // every ledger begins without a record
			continue
		case earlier < 1 || earlier > size:
			return fmt.Errorf("no proof leads from size %d to the checkpoint of size %d", earlier, size)
		}
		var proof []merkle.Hash
		err := l.view(func(txn *badger.Txn, t *tree) (err error) {
			proof, err = merkle.ProveConsistency(earlier, size, newTreeReader(txn, l.number, t))
			return err
		})
		if err != nil {
			return err
		}
		if err := out.Consistency(earlier, proof); err != nil {
			return err
		}
	}
	return nil
}
