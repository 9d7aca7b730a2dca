// Package ledger is the append-only outcome ledger on Badger.
//
// A [DB] is one directory with many ledgers; a [Ledger] is the log of one
// agreement. What Append returns an index for is durable and stays: docs/store.md
// says under which faults, and what the store does when it is not sure.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
)

// A Ledger is the append-only log of one agreement. It is safe for concurrent
// use.
type Ledger struct {
	db     *DB
	number number
	origin string

	base      head // at the beginning of the journal
	replaying bool // during open

	head atomic.Pointer[head] // what is durable and visible
	tree atomic.Pointer[tree] // its right edge, nil until it is needed

	callsMu sync.Mutex
	calls   []*call // that wait for admission
	led     bool    // somebody admits them

	mu        sync.Mutex // admission: one leader at a time
	admission *admission // nil until it is needed
	used      atomic.Uint64
	signing   sync.Mutex // checkpoints: one at a time, taken before mu

	evidenceMu sync.Mutex      // the names of evidence: one changes at a time
	madeDirs   map[string]bool // folders of evidence that are durable
	indexMu    sync.Mutex      // taken after mu
	indexed    *indexed        // nil until it is needed
	rulesMu    sync.Mutex      // taken before mu
	rules      *rules          // nil until they are needed
}

// Origin is the agreement's origin.
func (l *Ledger) Origin() string { return l.origin }

// Size is the number of records.
func (l *Ledger) Size() int64 { return l.head.Load().size }

// Root is the size and the root of the tree at that size.
func (l *Ledger) Root() (int64, merkle.Hash) {
	h := l.head.Load()
	return h.size, h.root
}

// edge is the tree as of the last commit.
func (l *Ledger) edge() (*tree, error) {
	want := *l.head.Load()
	// publish stores the tree before the head, so a tree that is not behind
	// the head is whole.
	t := l.tree.Load()
	if t != nil && t.size() >= want.size {
		return t, nil
	}
	old := t
	err := l.db.read(func(txn *badger.Txn) (err error) {
		t, err = readTree(txn, l.number, want.size)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.origin, err)
	}
	if got := t.head(); got != want {
		return nil, damaged("%s at size %d has root %v, want %v", l.origin, got.size, got.root, want.root)
	}
	// A commit may have come between; its tree is the newer one.
	l.tree.CompareAndSwap(old, t)
	return t, nil
}

// publish makes a committed tree visible.
func (l *Ledger) publish(t *tree) {
	h := t.head()
	l.tree.Store(t)
	l.head.Store(&h)
}

// view runs f on one snapshot of the store and the edge that belongs to it.
func (l *Ledger) view(f func(txn *badger.Txn, t *tree) error) error {
	if err := l.db.begin(); err != nil {
		return err
	}
	defer l.db.end()
	t, err := l.edge()
	if err != nil {
		return err
	}
	err = l.db.read(func(txn *badger.Txn) error { return f(txn, t) })
	if errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%s: %w", l.origin, err)
		l.db.poison(err)
	}
	return err
}

// Get returns the line of record n, checked against its leaf hash.
func (l *Ledger) Get(n int64) ([]byte, error) {
	for line, err := range l.Records(context.Background(), n, n+1) {
		return line, err
	}
	return nil, fmt.Errorf("%s: %w: %d", l.origin, ErrNoRecord, n)
}

// Records iterates over the lines [lo, hi), each checked against its leaf
// hash. The lines are the caller's.
func (l *Ledger) Records(ctx context.Context, lo, hi int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if size := l.Size(); lo < 0 || hi > size || lo > hi {
			yield(nil, fmt.Errorf("%s: %w: %d to %d of %d", l.origin, ErrNoRecord, lo, hi, size))
			return
		}
		stopped := false
		err := l.view(func(txn *badger.Txn, t *tree) error {
			r := newTreeReader(txn, l.number, t)
			n := lo
			for line, err := range readLines(txn, l.number, lo, hi) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return err
				}
				want, err := r.leaf(n)
				if err != nil {
					return err
				}
				if got := merkle.LeafHash(line); got != want {
					return damaged("record %d has leaf hash %v, want %v", n, got, want)
				}
				n++
				if !yield(line, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// Find returns the index of the record with an id.
func (l *Ledger) Find(id string) (n int64, ok bool, err error) {
	err = l.view(func(txn *badger.Txn, t *tree) error {
		e, found, err := readID(txn, l.number, id)
		// An entry beyond the size is of a group that is being committed.
		n, ok = e.n, found && e.n < t.size()
		return err
	})
	if !ok {
		n = 0
	}
	return n, ok, err
}

func readID(txn *badger.Txn, l number, id string) (e idEntry, ok bool, err error) {
	item, err := txn.Get(idKey(l, id))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return e, false, nil
	}
	if err != nil {
		return e, false, err
	}
	err = item.Value(func(v []byte) (err error) {
		e, err = decodeID(v)
		e.stored = true
		return err
	})
	return e, err == nil, err
}

func readChain(txn *badger.Txn, l number, chain string) (h chainHead, ok bool, err error) {
	item, err := txn.Get(chainKey(l, chain))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return h, false, nil
	}
	if err != nil {
		return h, false, err
	}
	err = item.Value(func(v []byte) (err error) {
		h, err = decodeChain(v)
		return err
	})
	return h, err == nil, err
}

// State gives f the settlement state as of the current size, under the
// ledger's lock; f must not keep it nor move it on.
func (l *Ledger) State(f func(*fee.State) error) error {
	return l.admissionDo(func(a *admission) error { return f(a.state) })
}

// admissionDo gives f the admission as of the current size, under the lock.
func (l *Ledger) admissionDo(f func(*admission) error) error {
	if err := l.db.begin(); err != nil {
		return err
	}
	defer l.db.end()
	l.mu.Lock()
	defer l.mu.Unlock()
	a, err := l.admitted()
	if err != nil {
		return err
	}
	if err := l.drain(a); err != nil {
		return err
	}
	return f(a)
}

// Due is the next period to settle and its closing instant; ok is false past
// the end of the agreement.
func (l *Ledger) Due() (p terms.Period, closing record.Time, ok bool, err error) {
	err = l.State(func(s *fee.State) error {
		p, closing, ok = s.Next()
		return nil
	})
	return p, closing, ok, err
}
