package ledger

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// keys are what checkpoints of a ledger are opened with: its log key, and the
// keys of the agreement's other parties as cosigners. A cosigner's name is its
// own choice; who it is, is said by its key.
type keys struct {
	log     merkle.VerifierKey
	parties []ed25519.PublicKey
}

func keysOf(s *fee.State) (k keys, err error) {
	k.log, err = merkle.ParseVerifierKey(s.Standing().LogKey())
	if err != nil {
		return k, err
	}
	seen := map[string]bool{}
	for _, v := range s.Standing().Versions() {
		operator := v.Terms.Operator()
		for _, p := range v.Terms.Parties {
			if operator != nil && p.ID == operator.ID {
				continue
			}
			for _, text := range p.Keys {
				if seen[text] {
					continue
				}
				seen[text] = true
				pub, err := record.ParsePublicKey(text)
				if err != nil {
					return k, err
				}
				if !pub.Equal(k.log.PublicKey()) {
					k.parties = append(k.parties, pub)
				}
			}
		}
	}
	return k, nil
}

// known are the verifier keys that fit the lines of a note.
func (k keys) known(n merkle.Note) []merkle.VerifierKey {
	known := []merkle.VerifierKey{k.log}
	for _, line := range n.Lines {
		for _, pub := range k.parties {
			key, err := merkle.NewVerifierKey(line.Name, merkle.KindCosignature, pub)
			if err == nil && key.KeyHash() == line.KeyHash {
				known = append(known, key)
			}
		}
	}
	return known
}

func (l *Ledger) keys() (k keys, err error) {
	err = l.State(func(s *fee.State) error {
		k, err = keysOf(s)
		return err
	})
	return k, err
}

// headPath is the file of the ledger's newest signed checkpoint, the second
// place beside Badger.
func (l *Ledger) headPath() string {
	return filepath.Join(l.db.path(nameHeads), fmt.Sprintf("%08d.checkpoint", l.number))
}

// Checkpoint signs the current size and root. The key is the agreement's log
// key, or stands for one that is kept elsewhere, as in an ssh-agent. A size that
// is signed already keeps its note, with the cosignatures it has. The note is
// durable in the journal and in the head file before it is returned, so that no
// crash leads to a second root for its size.
func (l *Ledger) Checkpoint(ctx context.Context, key crypto.Signer) ([]byte, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	l.signing.Lock()
	defer l.signing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.db.stopCause(); err != nil {
		return nil, err
	}
	k, err := l.keys()
	if err != nil {
		return nil, err
	}
	signer, err := merkle.NewLogSigner(l.origin, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.origin, err)
	}
	if got := signer.VerifierKey(); got != k.log {
		return nil, fmt.Errorf("%s: log key is %s, want %s as in the agreement", l.origin, got, k.log)
	}
	c, err := l.readBack()
	if err != nil {
		return nil, err
	}
	kept, err := l.kept(c.Size)
	if err != nil {
		return nil, err
	}
	if kept != nil {
		n, err := merkle.ParseNote(kept)
		if err != nil {
			return nil, l.db.poison(damaged("%s: checkpoint at size %d: %v", l.origin, c.Size, err))
		}
		if n.Checkpoint != c {
			return nil, l.db.poison(damaged("%s: checkpoint at size %d is already signed with another root, %v, not %v", l.origin, c.Size, n.Checkpoint.Root, c.Root))
		}
		return kept, l.writeHead(kept)
	}
	if err := l.compareHead(k, c.Size); err != nil {
		return nil, l.db.poison(err)
	}
	note, err := merkle.SignCheckpoint(c, signer)
	if err != nil {
		return nil, err
	}
	if err := l.keep(c.Size, note); err != nil {
		return nil, err
	}
	return note, l.writeHead(note)
}

// readBack is the size and the root as Badger has them after the last commit,
// with the root computed again from what is stored.
func (l *Ledger) readBack() (merkle.Checkpoint, error) {
	var c merkle.Checkpoint
	err := l.db.read(func(txn *badger.Txn) error {
		h, err := readHead(txn, l.number)
		if err != nil {
			return err
		}
		t, err := readTree(txn, l.number, h.size)
		if err != nil {
			return err
		}
		if got := t.frontier.Root(); got != h.root {
			return damaged("root at size %d is %v as stored, was %v", h.size, got, h.root)
		}
		c = merkle.Checkpoint{Origin: l.origin, Size: h.size, Root: h.root}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", l.origin, err)
		if errors.Is(err, ErrDamaged) {
			err = l.db.poison(err)
		}
		return c, err
	}
	return c, nil
}

// compareHead refuses a store whose first size records do not begin with what
// was signed last.
func (l *Ledger) compareHead(k keys, size int64) error {
	old, err := l.readHeadFile(k)
	if err != nil || old == nil {
		return err
	}
	return l.isPrefix(old.Checkpoint, size)
}

// readHeadFile is the newest checkpoint that was handed out, nil if none was.
func (l *Ledger) readHeadFile(k keys) (*merkle.OpenedCheckpoint, error) {
	text, err := readFile(l.db.fsys, l.headPath(), merkle.MaxNoteBytes)
	if isGone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	opened, err := merkle.OpenCheckpoint(text, k.log)
	if err != nil {
		return nil, damaged("%s: %s: %v", l.origin, l.headPath(), err)
	}
	if opened.Origin != l.origin {
		return nil, damaged("%s: %s has origin %s", l.origin, l.headPath(), opened.Origin)
	}
	return opened, nil
}

// isPrefix refuses a signed checkpoint that is not the beginning of the tree.
func (l *Ledger) isPrefix(c merkle.Checkpoint, size int64) error {
	if c.Size > size {
		return damaged("%s: a checkpoint of size %d was signed, the store has %d records: it was rolled back", l.origin, c.Size, size)
	}
	root, err := l.rootAt(c.Size)
	if err != nil {
		return err
	}
	if root != c.Root {
		return damaged("%s: checkpoint at size %d was signed with root %v, the tree has %v", l.origin, c.Size, c.Root, root)
	}
	return nil
}

// rootAt is the root of the first records.
func (l *Ledger) rootAt(size int64) (merkle.Hash, error) {
	f, err := l.frontierAt(size)
	if err != nil {
		return merkle.Hash{}, err
	}
	return f.Root(), nil
}

func (l *Ledger) frontierAt(size int64) (f *merkle.Frontier, err error) {
	err = l.view(func(txn *badger.Txn, t *tree) error {
		f, err = merkle.FrontierAt(size, newTreeReader(txn, l.number, t))
		return err
	})
	return f, err
}

// keep makes a note durable in the journal and visible in Badger.
func (l *Ledger) keep(size int64, note []byte) error {
	r := &request{ledger: l, note: &noteItem{number: l.number, size: size, note: note}, done: make(chan error, 1)}
	if err := l.db.enqueue(r); err != nil {
		return err
	}
	return <-r.done
}

// writeHead makes a note durable in the head file, unless that has it or a
// later one.
func (l *Ledger) writeHead(note []byte) error {
	n, err := merkle.ParseNote(note)
	if err != nil {
		return err
	}
	if text, err := readFile(l.db.fsys, l.headPath(), merkle.MaxNoteBytes); err == nil {
		if old, err := merkle.ParseNote(text); err == nil && old.Checkpoint.Size >= n.Checkpoint.Size {
			return nil
		}
	}
	err = l.db.fsys.MakeDir(l.db.path(nameHeads))
	if err == nil {
		err = l.db.fsys.SyncDir(l.db.dir)
	}
	if err == nil {
		err = replaceFile(l.db.fsys, l.headPath(), note)
	}
	if err != nil {
		return l.db.poison(fmt.Errorf("%s: head file: %w", l.origin, err))
	}
	return nil
}

// kept is the note that is kept for a size, nil if there is none.
func (l *Ledger) kept(size int64) (note []byte, err error) {
	err = l.view(func(txn *badger.Txn, _ *tree) error {
		item, err := txn.Get(checkpointKey(l.number, size))
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		note, err = item.ValueCopy(nil)
		return err
	})
	return note, err
}

// Kept returns the checkpoint that is kept for a size, with the cosignatures
// it has; size 0 is the newest.
func (l *Ledger) Kept(size int64) ([]byte, error) {
	if size == 0 {
		err := l.view(func(txn *badger.Txn, _ *tree) error {
			o := badger.DefaultIteratorOptions
			o.PrefetchValues = false
			o.Reverse = true
			o.Prefix = ledgerKey(keyCheckpoint, l.number)
			it := txn.NewIterator(o)
			defer it.Close()
			it.Seek(checkpointKey(l.number, merkle.MaxSize))
			if !it.Valid() {
				return nil
			}
			var err error
			size, err = keyIndex(it.Item().Key())
			return err
		})
		if err != nil {
			return nil, err
		}
		if size == 0 {
			return nil, fmt.Errorf("%s: %w: none is signed yet", l.origin, ErrNoCheckpoint)
		}
	}
	note, err := l.kept(size)
	if err != nil {
		return nil, err
	}
	if note == nil {
		return nil, fmt.Errorf("%s: %w at size %d", l.origin, ErrNoCheckpoint, size)
	}
	return note, nil
}

// Cosigned merges the verified cosignatures of note into the kept checkpoint
// of its size, and returns that. Cosigners are the keys of the agreement's
// parties; a line by any other key is refused. Of two lines by one key the
// newer stays: it says more about how fresh the checkpoint is, and receipts
// are what keeps the older one.
func (l *Ledger) Cosigned(ctx context.Context, note []byte) ([]byte, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	l.signing.Lock()
	defer l.signing.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.db.stopCause(); err != nil {
		return nil, err
	}
	given, err := merkle.ParseNote(note)
	if err != nil {
		return nil, err
	}
	if given.Checkpoint.Origin != l.origin {
		return nil, fmt.Errorf("checkpoint is of %s, want %s", given.Checkpoint.Origin, l.origin)
	}
	text, err := l.Kept(given.Checkpoint.Size)
	if err != nil {
		return nil, err
	}
	kept, err := merkle.ParseNote(text)
	if err != nil {
		return nil, damaged("%s: checkpoint at size %d: %v", l.origin, given.Checkpoint.Size, err)
	}
	if given.Checkpoint != kept.Checkpoint {
		return nil, fmt.Errorf("%s: checkpoint at size %d has root %v, the one kept has %v", l.origin, given.Checkpoint.Size, given.Checkpoint.Root, kept.Checkpoint.Root)
	}
	k, err := l.keys()
	if err != nil {
		return nil, err
	}
	opened, err := merkle.OpenCheckpoint(note, k.known(given)...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.origin, err)
	}
	if len(opened.Unverified) > 0 {
		u := opened.Unverified[0]
		return nil, fmt.Errorf("%s: cosignature by %s+%08x is by no key of the agreement", l.origin, u.Name, u.KeyHash)
	}
	merged, changed, err := mergeLines(kept, given, k)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.origin, err)
	}
	if !changed {
		return text, nil
	}
	if err := l.keep(kept.Checkpoint.Size, merged); err != nil {
		return nil, err
	}
	return merged, nil
}

// mergeLines adds to the kept note the verified lines of the given one.
func mergeLines(kept, given merkle.Note, k keys) (merged []byte, changed bool, err error) {
	when := func(n merkle.Note) (map[string]int64, error) {
		signed, err := n.Marshal()
		if err != nil {
			return nil, err
		}
		opened, err := merkle.OpenCheckpoint(signed, k.known(n)...)
		if err != nil {
			return nil, err
		}
		times := map[string]int64{}
		for _, s := range opened.Signatures {
			times[string(s.Key.PublicKey())] = s.Time
		}
		return times, nil
	}
	// keyOf finds the public key of a line, by which signers are told apart.
	keyOf := func(line merkle.Line) string {
		for _, key := range k.known(merkle.Note{Lines: []merkle.Line{line}}) {
			if key.Name() == line.Name && key.KeyHash() == line.KeyHash {
				return string(key.PublicKey())
			}
		}
		return ""
	}
	had, err := when(kept)
	if err != nil {
		return nil, false, err
	}
	has, err := when(given)
	if err != nil {
		return nil, false, err
	}
	at := map[string]int{}
	for i, line := range kept.Lines {
		at[keyOf(line)] = i
	}
	for _, line := range given.Lines {
		key := keyOf(line)
		i, ok := at[key]
		switch {
		case !ok:
			kept.Lines = append(kept.Lines, line)
			at[key] = len(kept.Lines) - 1
			changed = true
		case has[key] > had[key]:
			kept.Lines[i] = line
			changed = true
		}
	}
	merged, err = kept.Marshal()
	return merged, changed, err
}
