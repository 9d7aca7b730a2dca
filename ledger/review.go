package ledger

import (
	"context"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// looksBack reports whether a record says of those before it what its
// references do not: a review, which handoff it answers, and since when it had
// what it is of before it.
func looksBack(b record.Body) bool {
	r, ok := b.(*record.Review)
	return ok && (r.Nonce != "" || r.Opened != 0)
}

// checkReview refuses a review that names a nonce which it cannot answer, or
// says that it was opened before what it is of was there. All before it is
// committed, but for the drafts of its call. It reads what was recorded of the
// matter from the decision on, once for all reviews of the call.
func (l *Ledger) checkReview(ctx context.Context, a *admission, r *record.Record, drafts []draft, matters map[string]matterFrom) error {
	size := l.Size()
	find := func(id string) (*record.Record, error) {
		if i := slices.IndexFunc(drafts, func(d draft) bool { return d.record.ID == id }); i >= 0 {
			return drafts[i].record, nil
		}
		return l.foundBefore(id, size)
	}
	of, err := find(r.Body.(*record.Review).Of)
	if err != nil {
		return err
	}
	if of == nil {
		return damaged("%s: review %s: what it is of was there, and is not among the first %d records", l.origin, r.ID, size)
	}
	f := responsibility.NewFacts()
	add := func(e *record.Record) error {
		switch e.Kind {
		case record.KindDecision, record.KindAction, record.KindHandoff, record.KindReview:
			if err := f.Add(e); err != nil {
				return damaged("%v", err)
			}
		}
		return nil
	}
	skew := record.Time(a.state.Standing().Latest().Terms.Skew)
	if r.Body.(*record.Review).Nonce == "" {
		if err := add(of); err != nil {
			return err
		}
		return responsibility.CheckReview(f, r, skew)
	}
	first := of.Log.N
	if b, ok := of.Body.(*record.Action); ok && b.Decision != "" {
		decision, err := find(b.Decision)
		if err != nil {
			return err
		}
		if decision != nil {
			first = min(first, decision.Log.N)
		}
	}
	chain := record.ChainStanding
	if r.Case != "" {
		chain = record.ChainOfCase(r.Case)
	}
	m, ok := matters[chain]
	if !ok || m.first > first {
		m = matterFrom{first: first}
		if m.records, _, err = l.chainAfter(ctx, chain, first-1, 0, size); err != nil {
			return err
		}
		m.records = slices.DeleteFunc(m.records, func(e *record.Record) bool {
			return e.Kind != record.KindDecision && e.Kind != record.KindAction && e.Kind != record.KindHandoff && e.Kind != record.KindReview
		})
		matters[chain] = m
	}
	for _, e := range m.records {
		if err := add(e); err != nil {
			return err
		}
	}
	for _, d := range drafts {
		if d.record.Case == r.Case {
			if err := add(d.record); err != nil {
				return err
			}
		}
	}
	return responsibility.CheckReview(f, r, skew)
}

// A matterFrom is what was recorded of a matter from a record on.
type matterFrom struct {
	first   int64
	records []*record.Record
}
