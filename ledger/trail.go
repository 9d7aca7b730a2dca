package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// A Trail writes what an agent does in one run, as it does it: records of one
// case, dated by the ledger's clock, whose ids count up behind the run's:
// RUN/0, RUN/1 and so on. It is safe for concurrent use.
type Trail struct {
	// Decide, if it is set, has Do ask the rules before each action that is to
	// change something, and is called where they would find something, whatever
	// its status or weight. It is set before the first Do, and may be called by
	// several at once. Terms that name no rules are an error then: the action is
	// not carried out.
	Decide func(ctx context.Context, a record.Action, answer *responsibility.Answer) Choice

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
	return t.append(ctx, t.take(), body, attach...)
}

// take is the next id, which nobody else gets.
func (t *Trail) take() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := fmt.Sprintf("%s/%d", t.run, t.next)
	t.next++
	return id
}

// untake gives an id back that nothing was appended under, unless others were
// taken since. Otherwise a run whose first action is not carried out would look
// like one without records.
func (t *Trail) untake(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id == fmt.Sprintf("%s/%d", t.run, t.next-1) {
		t.next--
	}
}

// about is the agent's record with that id and body, dated now.
func (t *Trail) about(id string, body record.Body) *record.Record {
	return &record.Record{Kind: body.Kind(), ID: id, Case: t.matter, At: t.ledger.db.now(), By: t.operator, Actor: t.name, Body: body}
}

func (t *Trail) append(ctx context.Context, id string, body record.Body, attach ...record.Attachment) (string, error) {
	r := t.about(id, body)
	r.Attach = attach
	if _, err := t.ledger.Append(ctx, r); err != nil {
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
// With Decide the rules are asked first, as [Ledger.Precheck] does. Where they
// would find something, Decide says what is done about it: stop, which leaves
// an action that is refused, and escalate, which leaves a handoff, end Do with
// the id of that record and [ErrStopped] or [ErrEscalated], and do is not
// called. Proceed goes on, and both records of the action carry its reason.
// What others append between the asking and the effect is not asked about.
//
// The error is do's, one of these two, or says that do was not called, or that
// it was and the end is not recorded.
func (t *Trail) Do(ctx context.Context, a record.Action, do func(context.Context) error) (id string, err error) {
	if a.Status != "" {
		return "", fmt.Errorf("action %s: status is %q, which Do sets", a.Action, a.Status)
	}
	id = t.take()
	choice, err := t.choose(ctx, id, a)
	if err != nil {
		t.untake(id)
		return "", fmt.Errorf("action %s is not carried out: %w", a.Action, err)
	}
	a.Status, a.Reason = choice.status, choice.reason
	var first record.Body = &a
	if choice.handoff != nil {
		first = choice.handoff
	}
	ended := a
	if _, err := t.append(ctx, id, first); err != nil {
		return "", fmt.Errorf("action %s is not carried out: %w", a.Action, err)
	}
	switch {
	case choice.handoff != nil:
		return id, ErrEscalated
	case choice.status == "refused":
		return id, ErrStopped
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
