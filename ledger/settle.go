package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

// Settle appends the statement of the next period and returns its record with
// Log set. Before the period's closing instant has passed on the ledger's
// clock it returns a [*NotDueError].
func (l *Ledger) Settle(ctx context.Context) (*record.Record, error) {
	ns, err := l.append(ctx, &call{fix: func(s *fee.State, now record.Time) (*record.Record, error) {
		period, closing, ok := s.Next()
		if !ok {
			return nil, fmt.Errorf("%s: %w", l.origin, ErrAllSettled)
		}
		if now < closing {
			return nil, &NotDueError{Origin: l.origin, Period: period.Name, Closing: closing, Clock: now}
		}
		statement, err := s.Settle(nil)
		if err != nil {
			return nil, err
		}
		versions := s.Standing().Versions()
		return &record.Record{
			Kind: record.KindStatement,
			ID:   "statement/" + statement.Period,
			At:   now,
			By:   versions[len(versions)-1].Terms.Operator().ID,
			Body: statement,
		}, nil
	}})
	if err != nil {
		return nil, err
	}
	return l.recordAt(ns[0])
}

// snapshotChunk is how much of a snapshot goes into one value.
const snapshotChunk = 256 << 10

func linesDigest(lines [][]byte) record.Digest {
	h := sha256.New()
	for _, line := range lines {
		h.Write(line)
		h.Write([]byte{'\n'})
	}
	return record.Digest(fmt.Sprintf("sha256:%x", h.Sum(nil)))
}

// writeSnapshot keeps the state lines that the statement at n left. They are
// derived, so they are not in the journal.
func (db *DB) writeSnapshot(l number, n int64, lines [][]byte) error {
	w := &writer{kv: db.kv}
	all := append(bytes.Join(lines, []byte{'\n'}), '\n')
	for chunk := 0; len(all) > 0; chunk++ {
		size := min(len(all), snapshotChunk)
		w.put(snapshotKey(l, n, chunk), all[:size])
		all = all[size:]
	}
	if err := w.commit(); err != nil {
		return err
	}
	db.refresh()
	return nil
}

// readSnapshot returns the state lines that the statement at n left, if they
// are there and are those of the statement.
func (l *Ledger) readSnapshot(n int64) ([][]byte, bool, error) {
	want, err := l.statementAt(n)
	if err != nil {
		return nil, false, err
	}
	var all []byte
	err = l.view(func(txn *badger.Txn, _ *tree) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		o.Prefix = snapshotPrefix(l.number, n)
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := it.Item().Value(func(v []byte) error { all = append(all, v...); return nil }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	body, ok := bytes.CutSuffix(all, []byte{'\n'})
	if !ok {
		return nil, false, nil
	}
	lines := bytes.Split(body, []byte{'\n'})
	return lines, linesDigest(lines) == want.State, nil
}

// statementAt is the statement that is record n.
func (l *Ledger) statementAt(n int64) (*record.Statement, error) {
	r, err := l.recordAt(n)
	if err != nil {
		return nil, err
	}
	s, ok := r.Body.(*record.Statement)
	if !ok {
		return nil, fmt.Errorf("%s: record %d is %s, want a statement", l.origin, n, r.Kind)
	}
	return s, nil
}

// snapshots lists the indexes below size of the statements that have a
// snapshot, the newest first.
func (l *Ledger) snapshots(size int64) ([]int64, error) {
	var ns []int64
	err := l.view(func(txn *badger.Txn, _ *tree) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		o.Reverse = true
		o.Prefix = ledgerKey(keySnapshot, l.number)
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Seek(append(snapshotPrefix(l.number, size), 0)); it.Valid(); it.Next() {
			key := it.Item().Key()
			if len(key) != 17 {
				return damaged("key %x has %d bytes, want 17", key, len(key))
			}
			n := int64(binary.BigEndian.Uint64(key[5:]))
			if n < size && (len(ns) == 0 || ns[len(ns)-1] != n) {
				ns = append(ns, n)
			}
		}
		return nil
	})
	return ns, err
}

// readState is the settlement state as of the current size: from the newest
// good snapshot, else from the first record, and all records since.
func (l *Ledger) readState() (*fee.State, error) {
	size := l.Size()
	state := fee.New()
	ns, err := l.snapshots(size)
	if err != nil {
		return nil, err
	}
	for _, n := range ns {
		lines, ok, err := l.readSnapshot(n)
		if err != nil {
			return nil, err
		}
		if ok {
			if s, err := fee.ReadState(lines); err == nil {
				state = s
				break
			}
		}
		l.db.report(fmt.Sprintf("%s: the snapshot of the statement at %d is not that of the statement; folding again", l.origin, n))
	}
	return state, l.foldTo(state, size)
}

// foldTo moves a state on to size.
func (l *Ledger) foldTo(state *fee.State, size int64) error {
	for line, err := range l.Records(context.Background(), state.Size(), size) {
		if err != nil {
			return err
		}
		r, err := record.Parse(line)
		if err != nil {
			return damaged("%s: record %d: %v", l.origin, state.Size(), err)
		}
		if err := state.Apply(r); err != nil {
			return damaged("%s: record %d: %v", l.origin, state.Size(), err)
		}
	}
	return nil
}

// stateAfter is the carried state of a bundle that starts at the statement n:
// the lines that the statement left.
func (l *Ledger) stateAfter(n int64) ([][]byte, error) {
	lines, ok, err := l.readSnapshot(n)
	if err != nil || ok {
		return lines, err
	}
	want, err := l.statementAt(n)
	if err != nil {
		return nil, err
	}
	state := fee.New()
	earlier, err := l.snapshots(n)
	if err != nil {
		return nil, err
	}
	for _, m := range earlier {
		if lines, ok, err := l.readSnapshot(m); err != nil {
			return nil, err
		} else if ok {
			if s, err := fee.ReadState(lines); err == nil {
				state = s
				break
			}
		}
	}
	if err := l.foldTo(state, n); err != nil {
		return nil, err
	}
	if lines, err = state.SettledLines(); err != nil {
		return nil, err
	}
	if got := linesDigest(lines); got != want.State {
		return nil, damaged("%s: statement at %d left state %s, computed %s", l.origin, n, want.State, got)
	}
	if err := l.db.writeSnapshot(l.number, n, lines); err != nil {
		return nil, l.db.poison(err)
	}
	return lines, nil
}
