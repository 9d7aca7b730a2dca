package ledger

import (
	"context"
	"errors"
	"fmt"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// An indexed is the chain index of the first records of a ledger, in memory.
// It is derived: from the keys of the chains, which are what open recovers, and
// from the records since.
type indexed struct {
	size  int64
	index *bundle.Index
	tree  *bundle.IndexTree // of index, nil until it is needed
}

// proofs is the tree of x, which stays in memory until x is moved on.
func (x *indexed) proofs() *bundle.IndexTree {
	if x.tree == nil {
		x.tree = x.index.Tree()
	}
	return x.tree
}

// commitment is what a chain-index record says of x.
func (x *indexed) commitment() *record.ChainIndex {
	if x.tree != nil {
		return commitment(x.index.Len(), x.tree.Root())
	}
	return commitment(x.index.Len(), x.index.Root())
}

func commitment(chains int64, root merkle.Hash) *record.ChainIndex {
	return &record.ChainIndex{Chains: chains, Root: record.Digest(fmt.Sprintf("sha256:%x", root[:]))}
}

// errHalfway: a snapshot of Badger was taken between two transactions of one
// group.
var errHalfway = errors.New("snapshot within a group")

// indexAt gives f the chain index of the first size records, which are
// committed; f must not keep it. The newest one stays in memory and is moved
// on by the records that came since; an earlier one is put together anew, from
// the ends of all chains and the records since. Either reads all keys of the
// chains once, and no record before size.
func (l *Ledger) indexAt(ctx context.Context, size int64, f func(*indexed) error) error {
	l.indexMu.Lock()
	defer l.indexMu.Unlock()
	x, err := l.moveIndex(ctx, l.indexed, size)
	if err != nil {
		return err
	}
	if l.indexed == nil || x.size >= l.indexed.size {
		l.indexed = x
	}
	return f(x)
}

// moveIndex is x moved on to size, or one that is read from the store where x is
// nil or beyond.
func (l *Ledger) moveIndex(ctx context.Context, x *indexed, size int64) (*indexed, error) {
	if x == nil || x.size > size {
		var err error
		for {
			if x, err = l.readIndex(ctx, size); !errors.Is(err, errHalfway) {
				break
			}
			if err := l.barrier(); err != nil {
				return nil, err
			}
		}
		if err != nil {
			return nil, err
		}
	}
	for line, err := range l.Records(ctx, x.size, size) {
		if err != nil {
			return nil, err
		}
		r, err := record.Parse(line)
		if err != nil {
			return nil, damaged("%s: record %d: %v", l.origin, x.size, err)
		}
		for _, k := range r.Log.Chains {
			x.index.Set(bundle.End{Chain: k.Chain, Ordinal: k.Ordinal, N: r.Log.N})
		}
		x.size, x.tree = x.size+1, nil
	}
	return x, nil
}

// readIndex is the chain index of the first size records, or of less where
// the snapshot at hand has less. Where it has more, the ends of the chains are
// taken back by what the records since say of their predecessors.
func (l *Ledger) readIndex(ctx context.Context, size int64) (*indexed, error) {
	x := &indexed{index: new(bundle.Index)}
	err := l.view(func(txn *badger.Txn, _ *tree) error {
		h, err := readHead(txn, l.number)
		if err != nil {
			return err
		}
		x.size = min(size, h.size)
		before := map[string]record.Link{} // of the first record since, in each chain
		n := x.size
		for line, err := range readLines(txn, l.number, x.size, h.size) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			r, err := record.Parse(line)
			if err != nil || r.Log == nil {
				return damaged("record %d: %v", n, err)
			}
			n++
			for _, k := range r.Log.Chains {
				if _, ok := before[k.Chain]; !ok {
					before[k.Chain] = k
				}
			}
		}
		return eachChain(ctx, txn, l.number, func(chain string, end chainHead) error {
			if end.n >= h.size {
				return errHalfway
			}
			if k, ok := before[chain]; ok {
				end = chainHead{k.Ordinal - 1, k.Prev}
			}
			if end.ordinal >= 0 {
				x.index.Set(bundle.End{Chain: chain, Ordinal: end.ordinal, N: end.n})
			}
			return nil
		})
	})
	return x, err
}

// eachChain calls f with the chains of a ledger and their ends, by name.
func eachChain(ctx context.Context, txn *badger.Txn, l number, f func(chain string, end chainHead) error) error {
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false // they lie beside their keys
	o.Prefix = ledgerKey(keyChain, l)
	it := txn.NewIterator(o)
	defer it.Close()
	n := 0
	for it.Rewind(); it.Valid(); it.Next() {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		chain := string(it.Item().Key()[len(o.Prefix):])
		err := it.Item().Value(func(v []byte) error {
			end, err := decodeChain(v)
			if err != nil {
				return err
			}
			return f(chain, end)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Index appends a chain-index record, which commits the chains of all records
// before it, and returns it. Where the last record is one already, that one is
// returned: nothing has come since. A checkpoint signed next is one that case
// bundles can be made for.
func (l *Ledger) Index(ctx context.Context) (*record.Record, error) {
	size := l.Size()
	last, err := l.recordAt(size - 1)
	if err != nil {
		return nil, err
	}
	if last.Kind == record.KindChainIndex {
		return last, nil
	}
	// All that takes long is done before the ledger is held up.
	if err := l.indexAt(ctx, size, func(x *indexed) error { x.commitment(); return nil }); err != nil {
		return nil, err
	}
	ns, err := l.append(ctx, &call{settled: true, fix: func(s *fee.State, now record.Time) (*record.Record, error) {
		r := &record.Record{
			Kind: record.KindChainIndex,
			ID:   fmt.Sprintf("chain-index/%d", s.Size()),
			At:   now,
			By:   s.Standing().Latest().Terms.Operator().ID,
		}
		err := l.indexAt(ctx, s.Size(), func(x *indexed) error { r.Body = x.commitment(); return nil })
		return r, err
	}})
	if err != nil {
		return nil, err
	}
	return l.recordAt(ns[0])
}

// checkIndex refuses a chain index that is not the one of the records before
// it, all of which are committed.
func (l *Ledger) checkIndex(ctx context.Context, r *record.Record, b *record.ChainIndex) error {
	return l.indexAt(ctx, r.Log.N, func(x *indexed) error {
		if want := x.commitment(); *b != *want {
			return &record.Refusal{Check: "chains", N: -1, ID: r.ID, Field: "body",
				Reason: fmt.Sprintf("commits %d chains with root %s, the records before it have %d with root %s", b.Chains, b.Root, want.Chains, want.Root)}
		}
		return nil
	})
}

// recordAt is record n.
func (l *Ledger) recordAt(n int64) (*record.Record, error) {
	line, err := l.Get(n)
	if err != nil {
		return nil, err
	}
	r, err := record.Parse(line)
	if err != nil {
		return nil, damaged("%s: record %d: %v", l.origin, n, err)
	}
	return r, nil
}
