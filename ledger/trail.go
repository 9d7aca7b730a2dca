package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

// A Trail writes what an agent does in one run, as it does it: records of one
// case, dated by the ledger's clock, whose ids count up behind the run's:
// RUN/0, RUN/1 and so on. It is safe for concurrent use.
type Trail struct {
	ledger         *Ledger
	run, matter    string
	operator, name string

	mu   sync.Mutex
	next int64
}

// Trail begins the trail of a run of an agent in a case. A run that has records
// is refused: after a crash the agent's next attempt is a run of its own.
func (l *Ledger) Trail(run, matter, agent string) (*Trail, error) {
	n, ok, err := l.Find(run + "/0")
	if err != nil {
		return nil, err
	}
	if ok {
		return nil, fmt.Errorf("run %s has records already, the first is %d: want a new id", run, n)
	}
	t := &Trail{ledger: l, run: run, matter: matter, name: agent}
	err = l.State(func(s *fee.State) error {
		versions := s.Standing().Versions()
		t.operator = versions[len(versions)-1].Terms.Operator().ID
		return nil
	})
	return t, err
}

// Record appends one record with the body and returns its id when it is
// durable.
func (t *Trail) Record(ctx context.Context, body record.Body, attach ...record.Attachment) (id string, err error) {
	t.mu.Lock()
	id = fmt.Sprintf("%s/%d", t.run, t.next)
	t.next++
	t.mu.Unlock()
	_, err = t.ledger.Append(ctx, &record.Record{Kind: body.Kind(), ID: id, Case: t.matter, At: t.ledger.db.now(), By: t.operator, Actor: t.name, Body: body, Attach: attach})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Do carries out an action and returns the id of the record that says how it
// ended. That it is planned is durable before do is called: a crash while do
// runs leaves a plan without an end, for someone to look into, and never an
// effect without a record. Both records have the action's key, so a second
// effect under it shows.
//
// The error is do's, or says that do was not called, or that it was and the
// end is not recorded.
func (t *Trail) Do(ctx context.Context, a record.Action, do func(context.Context) error) (id string, err error) {
	if a.Status != "" {
		return "", fmt.Errorf("action %s: status is %q, which Do sets", a.Action, a.Status)
	}
	planned, ended := a, a
	planned.Status = "planned"
	if _, err := t.Record(ctx, &planned); err != nil {
		return "", fmt.Errorf("action %s is not carried out: %w", a.Action, err)
	}
	failure := do(ctx)
	ended.Status = "executed"
	if failure != nil {
		ended.Status = "failed"
	}
	// What was done is recorded even if nobody waits for it any more.
	id, err = t.Record(context.WithoutCancel(ctx), &ended)
	if err != nil {
		err = fmt.Errorf("action %s %s, which is not recorded: %w", a.Action, ended.Status, err)
	}
	return id, errors.Join(failure, err)
}
