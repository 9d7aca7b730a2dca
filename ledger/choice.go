package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// Errors of [Trail.Do] where the service chose not to act. What it chose is
// recorded.
var (
	// ErrStopped: the action is recorded as refused.
	ErrStopped = errors.New("stopped before the effect")

	// ErrEscalated: the matter is handed to a human or another party.
	ErrEscalated = errors.New("escalated before the effect")
)

// A Choice is what a service does about an action of which the rules would find
// something: [Stop], [Escalate] or [Proceed]. The zero Choice is none, and
// nothing is done.
type Choice struct {
	status  string // refused or planned; "" with a handoff
	reason  string
	handoff *record.Handoff
}

// Stop does not act: that the action is refused, and why, is recorded.
func Stop(reason string) Choice { return Choice{status: "refused", reason: reason} }

// Escalate does not act now: the handoff is recorded. It is about the decision
// of the action unless it names another. Once the answer is there, the action
// is one that names the review.
func Escalate(h record.Handoff) Choice { return Choice{handoff: &h} }

// Proceed acts all the same: the action carries the reason. What the rules find
// they find; the reason is for who judges it afterwards.
func Proceed(reason string) Choice { return Choice{status: "planned", reason: reason} }

// choose asks the rules about an action that would be the record id, and what
// to do where they would find something. A read is no effect: nothing is asked.
func (t *Trail) choose(ctx context.Context, id string, a record.Action) (Choice, error) {
	proceed := Choice{status: "planned", reason: a.Reason}
	if t.Decide == nil || a.Effect == "read" {
		return proceed, nil
	}
	if a.Reason != "" {
		return Choice{}, fmt.Errorf("reason is %q, which Decide gives", a.Reason)
	}
	a.Status = "planned"
	answer, err := t.ledger.Precheck(ctx, t.about(id, &a))
	if err != nil {
		return Choice{}, err
	}
	if len(answer.Findings) == 0 {
		return proceed, nil
	}
	c := t.Decide(ctx, a, answer)
	switch {
	case c.handoff != nil:
		h := *c.handoff // a Choice may be given twice
		if h.Decision == "" {
			h.Decision = a.Decision
		}
		c.handoff = &h
	case c.status == "":
		return Choice{}, fmt.Errorf("the rules would find %s, and nothing is chosen", trips(answer))
	case c.reason == "":
		return Choice{}, fmt.Errorf("the rules would find %s, and the choice has no reason", trips(answer))
	}
	return c, nil
}

// trips names the first finding, and how many more there are.
func trips(a *responsibility.Answer) string {
	f := a.Findings[0]
	text := fmt.Sprintf("%s of %s", f.Rule, f.Party)
	if n := len(a.Findings) - 1; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
