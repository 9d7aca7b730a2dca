package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A Fault is one thing that Check found.
type Fault struct {
	Origin string // "" if it is not one ledger's
	N      int64  // -1 if it is not one record's
	Text   string
}

func (f Fault) String() string {
	s := f.Text
	if f.N >= 0 {
		s = fmt.Sprintf("record %d: %s", f.N, s)
	}
	if f.Origin != "" {
		s = f.Origin + ": " + s
	}
	return s
}

// Check re-reads and re-hashes everything, reports every fault and changes
// nothing. The error means only that it could not go through: that there are
// faults is said by fault alone.
//
// It looks at the journal, and for each ledger at the records and their order,
// the tree, ids and chains, the settlement, checkpoints with their head file,
// and snapshots. Appends may go on meanwhile; it looks at what was there when
// it began.
//
// Evidence is hashed as it lies there, which needs no key. With keys, what they
// hold is opened too, and compared with what the records commit to.
func (db *DB) Check(ctx context.Context, fault func(Fault), keys ...*evidence.Identity) error {
	if err := db.begin(); err != nil {
		return err
	}
	defer db.end()
	if cause := db.cause.Load(); cause != nil {
		fault(Fault{N: -1, Text: (*cause).Error()})
	}
	if err := db.checkJournal(ctx, fault); err != nil {
		return err
	}
	if err := db.checkStore(ctx, fault, keys...); err != nil {
		return err
	}
	names, err := db.fsys.List(db.path(nameEvidence))
	if err != nil && !isGone(err) {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(db.allLedgers(), func(l *Ledger) bool { return filepath.Base(l.evidenceDir()) == name }) {
			fault(Fault{N: -1, Text: fmt.Sprintf("evidence/%s is of no ledger", name)})
		}
	}
	return nil
}

// checkJournal reads the journal as it is. The committer may write meanwhile,
// and a read that is overtaken has the end of what was written without its
// beginning; or it has gone on to another segment. So what is damaged is read
// again: damage is what is there twice.
func (db *DB) checkJournal(ctx context.Context, fault func(Fault)) error {
	seen := ""
	for {
		j := db.newJournal()
		frames := 0
		err := j.read(false, func(f frame) error {
			frames++
			if _, err := parseBody(f.body, db.store); err != nil {
				return damaged("frame %d: %v", f.seq, err)
			}
			return ctx.Err()
		})
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case isGone(err):
			continue // a segment was dropped
		case errors.Is(err, ErrDamaged):
			if first, last, e := segments(db.fsys, db.path(nameJournal)); e == nil && (first != j.first || last != j.last) {
				continue
			}
			if err.Error() != seen {
				seen = err.Error()
				continue
			}
			fault(Fault{N: -1, Text: seen})
			return nil
		default:
			return err
		}
	}
}

// checkStore is Check without the journal. Open uses it where Badger's files
// look odd.
func (db *DB) checkStore(ctx context.Context, fault func(Fault), keys ...*evidence.Identity) error {
	for _, l := range db.allLedgers() {
		if l.Size() == 0 {
			continue
		}
		if err := l.check(ctx, fault, keys); err != nil {
			return err
		}
	}
	return nil
}

// check looks at one ledger. It goes on after a fault as far as it can.
func (l *Ledger) check(ctx context.Context, report func(Fault), keys []*evidence.Identity) error {
	want := *l.head.Load()
	fault := func(n int64, format string, args ...any) {
		report(Fault{Origin: l.origin, N: n, Text: fmt.Sprintf(format, args...)})
	}
	return l.db.kv.View(func(txn *badger.Txn) error {
		c := &checker{ledger: l, walker: &walker{ledger: l}, txn: txn, fault: fault, state: fee.New(), leaves: newTreeReader(txn, l.number, nil), identities: keys, badgerOnly: l.db.newest.Load() == nil}
		n := int64(0)
		for line, err := range readLines(txn, l.number, 0, want.size) {
			if err != nil {
				fault(-1, "%v", err)
				c.state = nil
				break
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			c.record(ctx, n, line)
			n++
		}
		if n == want.size {
			if got := c.tree.frontier.Root(); got != want.root {
				fault(-1, "root at size %d is %v, want %v", n, got, want.root)
			}
			c.counts(ctx, n)
			if err := c.evidenceFiles(ctx); err != nil {
				return err
			}
		}
		return c.checkpoints(want.size)
	})
}

// A checker is one pass over the records of a ledger.
type checker struct {
	ledger *Ledger
	txn    *badger.Txn
	fault  func(n int64, format string, args ...any)

	tree   tree
	leaves *treeReader
	state  *fee.State // nil once it cannot go on
	chains bundle.Index
	walker *walker // of chain indexes that findings rest on
	ids    int64
	last   record.Time

	identities       []*evidence.Identity
	badgerOnly       bool // while the store is opened
	stored, erasures int64
}

// record checks one record against all that is said of it.
func (c *checker) record(ctx context.Context, n int64, line []byte) {
	l := c.ledger.number
	leaf := merkle.LeafHash(line)
	err := c.tree.append(l, []merkle.Hash{leaf}, func(key, want []byte) {
		item, err := c.txn.Get(key)
		if err == nil {
			err = item.Value(func(v []byte) error {
				if string(v) != string(want) {
					return errors.New("differs from what follows from the records")
				}
				return nil
			})
		}
		if err != nil {
			what := "leaf hashes"
			if key[0] == keyNode {
				what = "root of a subtree"
			}
			c.fault(n, "%s up to here: %v", what, err)
		}
	})
	if err != nil {
		c.fault(n, "%v", err)
	}

	e, err := newEntry(line)
	if err != nil {
		c.fault(n, "%v", err)
		c.state = nil
		return
	}
	if e.index.n != n {
		c.fault(n, "is numbered %d", e.index.n)
	}
	switch got, ok, err := readID(c.txn, l, e.id); {
	case err != nil:
		c.fault(n, "id %s: %v", e.id, err)
	case !ok:
		c.fault(n, "id %s is not indexed", e.id)
	case !got.same(e.index):
		c.fault(n, "id %s is indexed as record %d with content sha256:%x and case %q, want sha256:%x and case %q", e.id, got.n, got.digest, got.matter, e.index.digest, e.index.matter)
	}
	c.ids++
	r, err := record.Parse(line)
	if err != nil {
		c.fault(n, "%v", err)
		c.state = nil
		return
	}
	if b, ok := r.Body.(*record.ChainIndex); ok {
		if want := commitment(c.chains.Len(), c.chains.Root()); *b != *want {
			c.fault(n, "commits %d chains with root %s, the records before it have %d with root %s", b.Chains, b.Root, want.Chains, want.Root)
		}
	}
	if byFinding(r.Body) && !c.badgerOnly {
		if err := c.ledger.checkFinding(ctx, r, c.walker.indexAt); err != nil {
			c.fault(n, "%v", err)
		}
	}
	for _, link := range e.chains {
		before, ok := c.chains.End(link.Chain)
		wantOrdinal, wantPrev := int64(0), int64(-1)
		if ok {
			wantOrdinal, wantPrev = before.Ordinal+1, before.N
		}
		if link.Ordinal != wantOrdinal || link.Prev != wantPrev {
			c.fault(n, "is [%d,%d] in chain %s, want [%d,%d]", link.Ordinal, link.Prev, link.Chain, wantOrdinal, wantPrev)
		}
		c.chains.Set(bundle.End{Chain: link.Chain, Ordinal: link.Ordinal, N: n})
	}

	if r.Log.Time < c.last {
		c.fault(n, "log.time is %s, before %s of the record before", r.Log.Time, c.last)
	}
	c.last = max(c.last, r.Log.Time)
	c.evidenceOf(ctx, r)
	if s, ok := r.Body.(*record.Statement); ok {
		c.snapshot(n, s)
	}
	if c.state == nil {
		return
	}
	if err := c.state.Apply(r); err != nil {
		c.fault(n, "%v", err)
		var m *fee.Mismatch
		if !errors.As(err, &m) {
			c.state = nil
		}
	}
}

// snapshot checks the state lines that are kept for a statement. That none
// are kept is no fault: they are derived.
func (c *checker) snapshot(n int64, s *record.Statement) {
	o := badger.DefaultIteratorOptions
	o.Prefix = snapshotPrefix(c.ledger.number, n)
	it := c.txn.NewIterator(o)
	defer it.Close()
	var all []byte
	for it.Rewind(); it.Valid(); it.Next() {
		if err := it.Item().Value(func(v []byte) error { all = append(all, v...); return nil }); err != nil {
			c.fault(n, "state snapshot: %v", err)
			return
		}
	}
	if all == nil {
		return
	}
	if got := record.Sum(all); got != s.State {
		c.fault(n, "state snapshot has digest %s, want %s", got, s.State)
	}
}

// counts compares the indexes with what was seen: nothing is in them that is
// not in the records.
func (c *checker) counts(ctx context.Context, size int64) {
	l := c.ledger.number
	c.chains.Each(func(want bundle.End) {
		switch got, ok, err := readChain(c.txn, l, want.Chain); {
		case err != nil:
			c.fault(-1, "chain %s: %v", want.Chain, err)
		case !ok:
			c.fault(-1, "chain %s is not indexed", want.Chain)
		case got != (chainHead{want.Ordinal, want.N}) && got.n < size:
			c.fault(-1, "chain %s is indexed as ending at record %d with ordinal %d, want %d with %d", want.Chain, got.n, got.ordinal, want.N, want.Ordinal)
		}
	})
	err := eachChain(ctx, c.txn, l, func(chain string, got chainHead) error {
		if _, ok := c.chains.End(chain); !ok && got.n < size {
			c.fault(-1, "chain %s is indexed as ending at record %d, and no record is in it", chain, got.n)
		}
		return nil
	})
	if ctx.Err() == nil && err != nil {
		c.fault(-1, "chains: %v", err)
	}
	extra := func(kind byte, what string, beyond func(key, value []byte) bool, want int64) {
		o := badger.DefaultIteratorOptions
		o.Prefix = ledgerKey(kind, l)
		it := c.txn.NewIterator(o)
		defer it.Close()
		n := int64(0)
		for it.Rewind(); it.Valid(); it.Next() {
			err := it.Item().Value(func(v []byte) error {
				if !beyond(it.Item().Key(), v) {
					n++
				}
				return nil
			})
			if err != nil {
				c.fault(-1, "%s: %v", what, err)
			}
		}
		if n != want {
			c.fault(-1, "%d %s are indexed, want %d", n, what, want)
		}
	}
	number := func(b []byte) bool { return len(b) >= 8 && int64(binary.BigEndian.Uint64(b)) >= size }
	extra(keyID, "ids", func(_, v []byte) bool { return number(v) }, c.ids)
	extra(keyErasure, "erasures", func(key, _ []byte) bool { return len(key) > 13 && number(key[len(key)-8:]) }, c.erasures)
	extra(keyEvidence, "pieces of evidence", func(key, _ []byte) bool { return len(key) > 13 && number(key[5:]) }, c.stored)
}

// checkpoints checks every kept checkpoint and the head file against the tree.
func (c *checker) checkpoints(size int64) error {
	l := c.ledger
	if c.state == nil {
		c.fault(-1, "checkpoints and settlement are not checked, since not all records could be read")
		return nil
	}
	k, err := keysOf(c.state)
	if err != nil {
		c.fault(-1, "keys of the agreement: %v", err)
		return nil
	}
	at := map[int64]merkle.Hash{}
	rootAt := func(size int64) (merkle.Hash, error) {
		if root, ok := at[size]; ok {
			return root, nil
		}
		f, err := merkle.FrontierAt(size, newTreeReader(c.txn, l.number, &c.tree))
		if err != nil {
			return merkle.Hash{}, err
		}
		at[size] = f.Root()
		return at[size], nil
	}
	examine := func(where string, note []byte) {
		n, err := merkle.ParseNote(note)
		if err != nil {
			c.fault(-1, "%s: %v", where, err)
			return
		}
		opened, err := merkle.OpenCheckpoint(note, k.known(n)...)
		if err != nil {
			c.fault(-1, "%s: %v", where, err)
			return
		}
		for _, line := range opened.Unverified {
			c.fault(-1, "%s: cosignature by %s+%08x is by no key of the agreement", where, line.Name, line.KeyHash)
		}
		if opened.Origin != l.origin {
			c.fault(-1, "%s: origin is %s", where, opened.Origin)
		}
		if opened.Size > size {
			if opened.Size > l.Size() {
				c.fault(-1, "%s: size is %d, the ledger has %d records", where, opened.Size, l.Size())
			}
			return
		}
		root, err := rootAt(opened.Size)
		if err != nil {
			c.fault(-1, "%s: %v", where, err)
		} else if root != opened.Root {
			c.fault(-1, "%s: root is %v, the tree has %v", where, opened.Root, root)
		}
	}
	o := badger.DefaultIteratorOptions
	o.Prefix = ledgerKey(keyCheckpoint, l.number)
	it := c.txn.NewIterator(o)
	defer it.Close()
	newest := int64(0)
	for it.Rewind(); it.Valid(); it.Next() {
		size, err := keyIndex(it.Item().Key())
		if err != nil {
			c.fault(-1, "%v", err)
			continue
		}
		where := fmt.Sprintf("checkpoint at size %d", size)
		err = it.Item().Value(func(v []byte) error {
			if n, err := merkle.ParseNote(v); err == nil && n.Checkpoint.Size != size {
				c.fault(-1, "%s: is of size %d", where, n.Checkpoint.Size)
			}
			examine(where, v)
			return nil
		})
		if err != nil {
			c.fault(-1, "%s: %v", where, err)
		}
		newest = size
	}
	where := "head file " + filepath.Base(l.headPath())
	text, err := readFile(l.db.fsys, l.headPath(), merkle.MaxNoteBytes)
	switch {
	case isGone(err):
		if newest > 0 {
			c.fault(-1, "%s is missing, the checkpoint at size %d is there", where, newest)
		}
		return nil
	case err != nil:
		return err
	}
	examine(where, text)
	return nil
}
