package story

import (
	"context"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

const (
	hour = 3_600_000 // milliseconds

	// maxBatch keeps an append within what the ledger takes at once.
	maxBatch = 500
)

// Settled is a statement, and the checkpoint after it that the client cosigned.
type Settled struct {
	N          int64 // index of the statement's record
	Statement  *record.Statement
	Checkpoint []byte
}

// Run appends the scenes and settles so many periods, each at its closing
// instant. What happens within one hour of the clock goes to the ledger
// together, when the last of it has happened, as a service does that appends
// hourly. The client cosigns a checkpoint after each statement. A scene that is later than the last closing is an error: no
// statement would have seen it.
func (d *Deal) Run(ctx context.Context, scenes []Scene, periods int) ([]Settled, error) {
	var statements []Settled
	for range periods {
		closing, err := d.closing()
		if err != nil {
			return nil, err
		}
		for len(scenes) > 0 && scenes[0].Logged <= closing {
			if r := scenes[0].Record; isAlone(r) {
				d.clock.Set(scenes[0].Logged)
				take := d.find
				if r.Kind == record.KindReceipt {
					take = d.receive
				}
				if err := take(ctx, r); err != nil {
					return nil, err
				}
				scenes = scenes[1:]
				continue
			}
			n := 1
			for n < len(scenes) && n < maxBatch && scenes[n].Logged <= closing && scenes[n].Logged/hour == scenes[0].Logged/hour && !isAlone(scenes[n].Record) {
				n++
			}
			batch := make([]*record.Record, n)
			for i, s := range scenes[:n] {
				batch[i] = s.Record
			}
			d.clock.Set(scenes[n-1].Logged)
			if err := d.Write(ctx, batch...); err != nil {
				return nil, err
			}
			scenes = scenes[n:]
		}
		d.clock.Set(closing)
		r, err := d.Settle(ctx)
		if err != nil {
			return nil, err
		}
		s, ok := r.Body.(*record.Statement)
		if !ok {
			return nil, fmt.Errorf("record %s is of kind %s", r.ID, r.Kind)
		}
		note, err := d.Cosign(ctx)
		if err != nil {
			return nil, err
		}
		statements = append(statements, Settled{N: r.Log.N, Statement: s, Checkpoint: note})
	}
	if len(scenes) > 0 {
		return nil, fmt.Errorf("%d records from %s on are later than the last of %d statements", len(scenes), scenes[0].Record.ID, periods)
	}
	return statements, nil
}

// isAlone reports whether a record is written for what the ledger is then: a
// receipt, or a resolve by finding.
func isAlone(r *record.Record) bool {
	b, ok := r.Body.(*record.Resolve)
	return r.Kind == record.KindReceipt || ok && b.As == record.ByFinding
}

// find writes a resolve by finding, whose size is that of the ledger then. What
// the story says is found is what the rules find.
func (d *Deal) find(ctx context.Context, r *record.Record) error {
	b := r.Body.(*record.Resolve)
	of := b.Dispute
	if of == "" {
		of = b.About
	}
	found, err := d.Proposed(ctx, of, r.By)
	if err != nil {
		return err
	}
	if found.Record == nil {
		return fmt.Errorf("record %s: %s is not decided by what is found: %s", r.ID, of, found.Nothing)
	}
	if found.Disposition != b.Disposition || !slices.Equal(found.Findings, b.Findings) {
		return fmt.Errorf("record %s: %s is %s by %v, the story says %s by %v", r.ID, of, found.Disposition, found.Findings, b.Disposition, b.Findings)
	}
	b.Size = found.Answer.Size
	return d.Write(ctx, r)
}

// closing is when the next period can be settled.
func (d *Deal) closing() (closing record.Time, err error) {
	more := false
	if err := d.State(func(s *fee.State) error {
		_, closing, more = s.Next()
		return nil
	}); err != nil {
		return 0, err
	}
	if !more {
		return 0, fmt.Errorf("every period of the agreement is settled")
	}
	return closing, nil
}
