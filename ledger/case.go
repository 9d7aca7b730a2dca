package ledger

import (
	"context"
	"fmt"
	"io"
	"slices"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// Chain returns the indexes of the records of a chain, such as case/T-1, in
// order; none where there is no such chain. They are found by their links, not
// by reading the ledger.
func (l *Ledger) Chain(ctx context.Context, name string) ([]int64, error) {
	var end chainHead
	var found bool
	size := l.Size()
	err := l.view(func(txn *badger.Txn, _ *tree) (err error) {
		end, found, err = readChain(txn, l.number, name)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	// A group that is being committed may be ahead of what can be read.
	if end.n >= size {
		if err := l.barrier(); err != nil {
			return nil, err
		}
	}
	ns, _, err := l.walk(ctx, bundle.End{Chain: name, Ordinal: end.ordinal, N: end.n}, 0, nil)
	return ns, err
}

// walk follows a chain from its end to its beginning, or to the first record of
// since or before (0: all of it), and calls each, if not nil, with its records, the last
// first. It returns their indexes in order.
func (l *Ledger) walk(ctx context.Context, end bundle.End, since record.Time, each func(r *record.Record)) (ns []int64, bytes int64, err error) {
	return l.walkTo(ctx, end, -1, since, each)
}

// walkTo is walk down to record after, which is left out.
func (l *Ledger) walkTo(ctx context.Context, end bundle.End, after int64, since record.Time, each func(r *record.Record)) (ns []int64, bytes int64, err error) {
	n, ordinal := end.N, end.Ordinal
	for n > after {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		line, err := l.Get(n)
		if err != nil {
			return nil, 0, err
		}
		r, err := record.Parse(line)
		if err != nil {
			return nil, 0, damaged("%s: record %d: %v", l.origin, n, err)
		}
		i := slices.IndexFunc(r.Log.Chains, func(k record.Link) bool { return k.Chain == end.Chain })
		if i < 0 || r.Log.Chains[i].Ordinal != ordinal {
			return nil, 0, damaged("%s: record %d is not the one with ordinal %d in chain %s", l.origin, n, ordinal, end.Chain)
		}
		ns = append(ns, n)
		bytes += int64(len(line))
		if each != nil {
			each(r)
		}
		if since > 0 && r.Log.Time <= since {
			break
		}
		n, ordinal = r.Log.Chains[i].Prev, ordinal-1
	}
	slices.Reverse(ns)
	return ns, bytes, nil
}

// Indexed returns the size of the newest kept checkpoint whose last record is
// a chain index: the one that a case bundle is made for. Without one the error
// is [ErrNoCheckpoint].
func (l *Ledger) Indexed(ctx context.Context) (int64, error) {
	var sizes []int64
	err := l.view(func(txn *badger.Txn, _ *tree) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		o.Prefix = ledgerKey(keyCheckpoint, l.number)
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			size, err := keyIndex(it.Item().Key())
			if err != nil {
				return err
			}
			sizes = append(sizes, size)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, size := range slices.Backward(sizes) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r, err := l.recordAt(size - 1)
		if err != nil {
			return 0, err
		}
		if r.Kind == record.KindChainIndex {
			return size, nil
		}
	}
	return 0, fmt.Errorf("%s: %w of a size that ends with a chain index", l.origin, ErrNoCheckpoint)
}

// CaseOptions choose the kept checkpoint, of a size whose last record is a
// chain index (0: the newest of them), and the evidence.
type CaseOptions struct {
	Size int64

	// Since are sizes of checkpoints that the reader holds: the bundle gets
	// the proof that it extends each of them. [Ledger.Extends] compares one.
	Since []int64

	// Show is the evidence to disclose, none by default.
	Show Selection
	Key  *evidence.Identity // opens what is shown
}

// WriteCase writes a case bundle of a chain to w: case/ID for all of a case,
// config/ID, grant/ID or input/ID for all that was done under one. Nothing but
// the records in it is read. It is verified on the way, like a replay bundle.
// That there is no such chain is something that a bundle shows, too.
func (l *Ledger) WriteCase(ctx context.Context, w io.Writer, of string, o CaseOptions) error {
	if err := l.db.begin(); err != nil {
		return err
	}
	defer l.db.end()
	if !record.IsChain(of) {
		return fmt.Errorf("%s: %q is no name of a chain", l.origin, of)
	}
	if err := o.Show.opened(o.Key); err != nil {
		return fmt.Errorf("%s: bundle: %w", l.origin, err)
	}
	if o.Size == 0 {
		var err error
		if o.Size, err = l.Indexed(ctx); err != nil {
			return err
		}
	}
	note, err := l.Kept(o.Size)
	if err != nil {
		return err
	}
	return l.verified(w, note, func(w io.Writer) error { return l.writeCase(ctx, w, note, of, o) })
}

func (l *Ledger) writeCase(ctx context.Context, w io.Writer, note []byte, of string, o CaseOptions) error {
	proofs, ns, err := l.provenCase(ctx, of, o.Size)
	if err != nil {
		return err
	}
	out, err := bundle.NewWriter(w, bundle.Header{Kind: bundle.KindCase, Origin: l.origin, Of: of, Chains: int64(len(proofs)), Records: int64(len(ns)), Checkpoint: note})
	if err != nil {
		return err
	}
	if err := l.writeLeads(out, o.Since, o.Size); err != nil {
		return err
	}
	for _, p := range proofs {
		if err := out.Chain(p); err != nil {
			return err
		}
	}
	for _, n := range ns {
		line, proof, err := l.proven(n, o.Size)
		if err != nil {
			return err
		}
		if err := out.Place(n, proof); err != nil {
			return err
		}
		if err := out.Record(line); err != nil {
			return err
		}
		if err := l.writeEvidence(ctx, out, line, o.Show, o.Key); err != nil {
			return err
		}
	}
	return out.Close()
}

// provenCase lists the chains of a case bundle with their proofs under the
// chain index at the end of size, and the records in it. Evidence is read
// after it: it needs the state, whose lock is taken before that of the index.
func (l *Ledger) provenCase(ctx context.Context, of string, size int64) (proofs []bundle.ChainProof, ns []int64, err error) {
	last, err := l.recordAt(size - 1)
	if err != nil {
		return nil, nil, err
	}
	b, ok := last.Body.(*record.ChainIndex)
	if !ok {
		return nil, nil, fmt.Errorf("record %d, the last of the checkpoint, is %s, want a chain index", last.Log.N, last.Kind)
	}
	err = l.indexAt(ctx, size-1, func(x *indexed) error {
		tree := x.proofs()
		if want := x.commitment(); *b != *want {
			return damaged("record %d commits %d chains with root %s, the records before it have %d with root %s", last.Log.N, b.Chains, b.Root, want.Chains, want.Root)
		}
		var names []string
		var err error
		if names, ns, err = l.caseRecords(ctx, x.index, of, size); err != nil {
			return err
		}
		for _, name := range names {
			p, err := tree.Prove(name)
			if err != nil {
				return err
			}
			proofs = append(proofs, p)
		}
		return nil
	})
	return proofs, ns, err
}

// maxCaseBytes is what the format allows the records of a case bundle.
const maxCaseBytes = 256 << 20

// caseRecords lists the chains of a case bundle and the records in it.
func (l *Ledger) caseRecords(ctx context.Context, x *bundle.Index, of string, size int64) (names []string, ns []int64, err error) {
	ns = []int64{size - 1}
	var total int64
	read := func(name string, since record.Time, each func(r *record.Record)) error {
		end, ok := x.End(name)
		if !ok {
			return nil
		}
		more, bytes, err := l.walk(ctx, end, since, each)
		ns = append(ns, more...)
		if total += bytes; err == nil && total > 2*maxCaseBytes {
			err = fmt.Errorf("the records of %s and of what it rests on have more than %d bytes", of, maxCaseBytes)
		}
		return err
	}
	var own, standing []*record.Record
	if err := read(record.ChainStanding, 0, func(r *record.Record) { standing = append(standing, r) }); err != nil {
		return nil, nil, err
	}
	if of == record.ChainStanding {
		own = standing
	} else if err := read(of, 0, func(r *record.Record) { own = append(own, r) }); err != nil {
		return nil, nil, err
	}
	var failed error
	find := func(id string) *record.Record {
		n, ok, err := l.Find(id)
		if err == nil && ok && n < size {
			var r *record.Record
			if r, err = l.recordAt(n); err == nil {
				return r
			}
		}
		if err != nil && failed == nil {
			failed = err
		}
		return nil
	}
	asked := verify.Asked(of, own, standing, find)
	for _, name := range asked.Chains {
		if name == of || name == record.ChainStanding {
			continue
		}
		since := record.Time(0)
		if what, _ := record.SplitChain(name); what == "grant" {
			since = asked.Since
		}
		err := read(name, since, func(r *record.Record) {
			if id := verify.Beside(of, r); id != "" {
				if beside := find(id); beside != nil {
					ns = append(ns, beside.Log.N)
				}
			}
		})
		if err != nil {
			return nil, nil, err
		}
	}
	slices.Sort(ns)
	return asked.Chains, slices.Compact(ns), failed
}

// proven is record n with the proof that it is in the tree of size.
func (l *Ledger) proven(n, size int64) (line []byte, proof []merkle.Hash, err error) {
	if line, err = l.Get(n); err != nil {
		return nil, nil, err
	}
	err = l.view(func(txn *badger.Txn, t *tree) error {
		proof, err = merkle.ProveInclusion(size, n, newTreeReader(txn, l.number, t))
		return err
	})
	return line, proof, err
}
