package ledger

import (
	"context"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// against is what speaks against an erasure of evidence of a record, in the
// matter of any effect that rests on it.
func (l *Ledger) against(ctx context.Context, e, of *record.Record) ([]responsibility.Impropriety, error) {
	l.rulesMu.Lock()
	defer l.rulesMu.Unlock()
	size := l.Size()
	matter, err := l.holding(ctx, of, size)
	if err != nil {
		return nil, err
	}
	matter = slices.DeleteFunc(matter, l.rules.standing.Void) // a void dispute holds nothing, a void resolve ends none
	if e.Log == nil {
		next := *e
		next.Log = &record.Log{N: size, Time: e.At}
		e = &next
	}
	return responsibility.Improper(e, of, l.rules.standing.Agreed(e), matter), nil
}

// unanswered is a demand to a party for evidence of a record that it has not
// answered, nil if there is none.
func unanswered(of *record.Record, custodian string, among []*record.Record) *record.Record {
	for _, r := range among {
		b, ok := r.Body.(*record.Demand)
		if !ok || b.Of != of.ID || b.Custodian != custodian {
			continue
		}
		if !slices.ContainsFunc(among, func(d *record.Record) bool {
			a, ok := d.Body.(*record.Disclose)
			return ok && a.Demand == r.ID && d.By == custodian && record.CheckAnswer(d, a, r, of) == nil
		}) {
			return r
		}
	}
	return nil
}

// confirmed reports whether a holder has erased all of its own that e covers.
func confirmed(e *record.Erase, holder string, of *record.Record, among []*record.Record) bool {
	for _, d := range covered(of, e) {
		if !slices.ContainsFunc(among, func(r *record.Record) bool {
			b, ok := r.Body.(*record.Erase)
			return ok && r.By == holder && b.Of == of.ID && b.State == record.Erased && slices.Contains(covered(of, b), d)
		}) {
			return false
		}
	}
	return true
}

// holding are the disputes that hold evidence of a record, with what resolves
// them, before size: those in the case of the record; and of a standing one,
// those in the case of any decision or action that rests on it. What the rules
// ask of one effect is asked here of all there are, and of all there may be:
// whether a decision was carried out already makes no difference. It reads the
// chains of what rests on the record, and those of their cases. The caller
// holds rulesMu.
func (l *Ledger) holding(ctx context.Context, of *record.Record, size int64) ([]*record.Record, error) {
	if err := l.moveOn(ctx, size); err != nil {
		return nil, err
	}
	matters := map[string]bool{of.Case: true}
	about := map[string]bool{of.ID: true} // standing records a dispute of which holds it
	after := of.Log.N - 1
	if of.Case == "" {
		resting, err := l.resting(ctx, of, size)
		if err != nil {
			return nil, err
		}
		for _, r := range resting {
			if matters[r.Case] = true; r.Case != "" {
				continue
			}
			about[r.ID] = true
			if b, ok := r.Body.(*record.Action); ok {
				about[b.Decision] = true
			}
		}
		// Of a record that is part of a decision's matter, what is about that may
		// stand before it.
		switch b := of.Body.(type) {
		case *record.Action:
			about[b.Decision], after = true, -1
		case *record.Review:
			about[b.Of], after = true, -1
		case *record.Handoff:
			about[b.Decision], after = true, -1
		}
		delete(about, "")
	}
	var found []*record.Record
	for matter := range matters {
		if matter == "" {
			continue
		}
		own, _, err := l.chainAfter(ctx, record.ChainOfCase(matter), -1, 0, size)
		if err != nil {
			return nil, err
		}
		for _, r := range own {
			switch r.Body.(type) {
			case *record.Dispute, *record.Resolve:
				found = append(found, r)
			}
		}
	}
	if of.Case == "" {
		standing, _, err := l.chainAfter(ctx, record.ChainStanding, after, 0, size)
		if err != nil {
			return nil, err
		}
		for _, r := range standing {
			switch b := r.Body.(type) {
			case *record.Action:
				about[r.ID] = about[r.ID] || about[b.Decision]
			case *record.Outcome:
				about[r.ID] = about[r.ID] || about[b.Effect]
			case *record.Dispute:
				if about[b.About] {
					found = append(found, r)
				}
			case *record.Resolve:
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, func(a, b *record.Record) int { return int(a.Log.N - b.Log.N) })
	return found, nil
}

// resting are the decisions and actions before size that rest on a standing
// record: on an input, or one that it corrects; on a config; on a grant, or one
// above it.
func (l *Ledger) resting(ctx context.Context, of *record.Record, size int64) ([]*record.Record, error) {
	var chains []string
	switch of.Body.(type) {
	case *record.Input, *record.Measurement:
		for r := of; r != nil; {
			chains = append(chains, record.ChainOfInput(r.ID))
			b, ok := r.Body.(*record.Input)
			if !ok || b.Corrects == "" {
				break
			}
			var err error
			if r, err = l.foundBefore(b.Corrects, r.Log.N); err != nil {
				return nil, err
			}
		}
	case *record.Config:
		chains = append(chains, record.ChainOfConfig(of.ID))
	case *record.Grant:
		for _, id := range l.rules.grants.Below(of.ID) {
			chains = append(chains, record.ChainOfGrant(id))
		}
	}
	var all []*record.Record
	for _, name := range chains {
		more, _, err := l.chainAfter(ctx, name, -1, 0, size)
		if err != nil {
			return nil, err
		}
		all = append(all, more...)
	}
	return all, nil
}
