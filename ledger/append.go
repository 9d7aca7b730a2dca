package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

// Append makes the records durable, all or none, and returns their indexes. A
// record whose id is already there with the same content gets the first
// index. Log must be nil: the ledger assigns it. The records must not be
// changed during the call.
//
// A refusal is a *record.Refusal, with several records inside a [*BatchError].
// Once the records are admitted the call waits for their commit, whatever
// becomes of ctx. After [ErrPoisoned] they may be stored or not.
func (l *Ledger) Append(ctx context.Context, records ...*record.Record) ([]int64, error) {
	return l.append(ctx, &call{records: records})
}

// A call is one Append on its way: admitted by whoever leads, committed by
// the committer.
type call struct {
	ctx      context.Context
	create   bool // the ledger is new
	settled  bool // of what is committed before it: a chain index, a resolve by finding, a review that answers or was opened, what names pieces of evidence
	records  []*record.Record
	prepared []*record.Prepared
	fix      fix // nil but in Settle
	done     chan error

	// Set by admission.
	ns       []int64
	snapshot [][]byte
}

// A fix makes the only record of a call once its time is known.
type fix func(*fee.State, record.Time) (*record.Record, error)

func (l *Ledger) append(ctx context.Context, c *call) ([]int64, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.db.stopCause(); err != nil {
		return nil, err
	}
	if err := l.db.room(); err != nil {
		return nil, err
	}
	var err error
	if c.prepared, err = prepare(c.records); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(c.records, func(r *record.Record) bool { return erases(r) != "" }) {
		// From the erase record to the last byte of what it erases nobody else
		// looks at evidence: what is half erased is seen by a crash alone.
		l.evidenceMu.Lock()
		defer l.evidenceMu.Unlock()
	}
	c.ctx, c.done = ctx, make(chan error, 1)
	c.settled = c.settled || slices.ContainsFunc(c.records, func(r *record.Record) bool {
		return r.Kind == record.KindChainIndex || byFinding(r.Body) || looksBack(r.Body) || namesEvidence(r.Body)
	})
	l.callsMu.Lock()
	l.calls = append(l.calls, c)
	lead := !l.led
	l.led = true
	l.callsMu.Unlock()
	if lead {
		l.lead()
	}
	if err := <-c.done; err != nil {
		return nil, err
	}
	if c.snapshot != nil {
		// Derived: a crash before this line costs the next open of the ledger
		// a fold from an earlier snapshot.
		if err := l.db.writeSnapshot(l.number, c.ns[0], c.snapshot); err != nil {
			return nil, l.db.poison(err)
		}
	}
	if err := l.obey(c.records); err != nil {
		return nil, err
	}
	return c.ns, nil
}

// lead admits all calls that wait, the leader's own among them. With a lock
// that each caller takes by itself, a thousand callers would wake one another
// in turn, each at the end of the scheduler's queue.
func (l *Ledger) lead() {
	l.callsMu.Lock()
	calls := l.calls
	l.calls = nil
	l.callsMu.Unlock()

	l.mu.Lock()
	var requests []*request
	for _, c := range calls {
		if l.admission == nil || c.settled {
			l.handOn(requests) // before state or chains are read from what is stored
			requests = nil
		}
		r, err := l.admit(c)
		switch {
		case err != nil:
			c.done <- err
		case r == nil:
			c.done <- nil
		default:
			requests = append(requests, r)
		}
	}
	l.handOn(requests)
	l.mu.Unlock()

	l.callsMu.Lock()
	more := len(l.calls) > 0
	l.led = more
	l.callsMu.Unlock()
	if more {
		go l.lead() // the leader's own call is on its way
	}
}

// handOn gives requests to the committer.
func (l *Ledger) handOn(requests []*request) {
	if len(requests) == 0 {
		return
	}
	if err := l.db.enqueue(requests...); err != nil {
		l.admission = nil // ahead of what will ever be stored
		for _, r := range requests {
			r.done <- err
		}
	}
}

// prepare writes the records but for what the ledger assigns.
func prepare(records []*record.Record) ([]*record.Prepared, error) {
	prepared := make([]*record.Prepared, len(records))
	bytes := 0
	for i, r := range records {
		if r == nil {
			return nil, position(records, i, errors.New("record is nil"))
		}
		if r.Log != nil {
			return nil, position(records, i, &record.Refusal{Check: "form", N: -1, ID: r.ID, Field: "log", Reason: "is there, the ledger assigns it"})
		}
		p, err := record.Prepare(r)
		if err != nil {
			return nil, position(records, i, err)
		}
		prepared[i] = p
		bytes += len(p.Line()) + 1
	}
	if bytes > maxAppendBytes {
		return nil, fmt.Errorf("append of %d records has %d bytes, at most %d", len(records), bytes, maxAppendBytes)
	}
	return prepared, nil
}

// position names the record's place in a call of several.
func position(records []*record.Record, i int, err error) error {
	if len(records) == 1 {
		return err
	}
	return &BatchError{Position: i, Err: err}
}
