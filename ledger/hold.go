package ledger

import (
	"context"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

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
