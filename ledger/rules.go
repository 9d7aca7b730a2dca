package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// rules are the facts that all cases share, in memory: the standing records,
// and what was done under grants with a limit of a period. They are derived,
// and moved on along the chains by what came since.
type rules struct {
	size     int64 // records before it have been looked at
	standing *responsibility.Facts
	grants   *verify.Grants
	last     int64             // of the standing chain
	spent    map[string]*spent // by the grants whose limits they are of
}

// spent is what was done under grants that have a limit, and under those below
// them.
type spent struct {
	facts       *responsibility.Facts
	since       record.Time      // from then on
	last        map[string]int64 // by grant
	built, held int              // effects when it was put together, and now
}

// maxSpent is how many sets of limits are kept in memory; mostStale how many
// effects may come before old ones are let go.
const (
	maxSpent  = 64
	mostStale = 65_536
)

// Precheck returns what rs-1 would find of an action if it were executed and
// recorded next: the same rules as [Ledger.Trace], run before the effect. The
// action has no log, and its status is not looked at; nothing is appended. Sealed
// values are not opened: what rests on one is undeterminable.
//
// It reads the chains of the action's case, of its idempotency key and of the
// grants whose limits it counts against, not the ledger. The standing records
// and the effects within the span of the limits are read once and stay in
// memory: the first call of many effects takes longer. Where the terms name no rules the error is
// [responsibility.ErrNoRules].
func (l *Ledger) Precheck(ctx context.Context, action *record.Record) (*responsibility.Answer, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	l.rulesMu.Lock()
	defer l.rulesMu.Unlock()
	size := l.Size()
	own, _, err := l.caseOf(ctx, action.Case, size)
	if err != nil {
		return nil, err
	}
	f, err := l.facts(ctx, own, size, action)
	if err != nil {
		return nil, err
	}
	last, err := l.recordAt(size - 1)
	if err != nil {
		return nil, err
	}
	f.Reach(size)
	answer, err := responsibility.Precheck(f, action, max(l.db.now(), last.Log.Time))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.origin, err)
	}
	return answer, nil
}

// Trace returns what rs-1 finds of an effect over the first size records (size
// 0: all there are), from the chains that the rules read. A case bundle of the
// same size gives the same answer, but for sealed values, which are not opened
// here.
func (l *Ledger) Trace(ctx context.Context, effect string, size int64) (*responsibility.Answer, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	l.rulesMu.Lock()
	defer l.rulesMu.Unlock()
	all := l.Size()
	switch {
	case size == 0:
		size = all
	case size < 0 || size > all:
		return nil, fmt.Errorf("%s: trace at size %d, the ledger has %d", l.origin, size, all)
	}
	n, ok, err := l.Find(effect)
	if err != nil {
		return nil, err
	}
	if !ok || n >= size {
		return nil, fmt.Errorf("%s: effect %s: no such record among the first %d", l.origin, effect, size)
	}
	x, err := l.recordAt(n)
	if err != nil {
		return nil, err
	}
	own, _, err := l.caseOf(ctx, x.Case, all)
	if err != nil {
		return nil, err
	}
	f, err := l.facts(ctx, own, all, x)
	if err != nil {
		return nil, err
	}
	answer, err := responsibility.Trace(f, effect, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.origin, err)
	}
	return answer, nil
}

// TraceCase traces all effects of a case, as Trace does one of them, over the
// first size records (0: all there are). That its records are all is the
// operator's word; a case bundle proves it.
func (l *Ledger) TraceCase(ctx context.Context, matter string, size int64) (*verify.Tracing, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	l.rulesMu.Lock()
	defer l.rulesMu.Unlock()
	all := l.Size()
	own, effects, err := l.caseOf(ctx, matter, all)
	if err != nil {
		return nil, err
	}
	t := &verify.Tracing{Case: matter, Origin: l.origin, Size: all}
	if err := t.AsOf(size); err != nil {
		return nil, fmt.Errorf("%s: trace: %w", l.origin, err)
	}
	effects = slices.DeleteFunc(effects, func(x *record.Record) bool { return x.Log.N >= t.Size })
	f, err := l.facts(ctx, slices.Clone(own), all, effects...)
	if err != nil {
		return nil, err
	}
	for _, x := range effects {
		if err := t.Add(f, x); err != nil {
			return nil, fmt.Errorf("%s: %w", l.origin, err)
		}
	}
	if err := l.tell(t, f, own); err != nil {
		return nil, err
	}
	return t, nil
}

// tell tells the timeline of a case. Its records may name measurements that no
// rule has read for an effect.
func (l *Ledger) tell(t *verify.Tracing, f *responsibility.Facts, own []*record.Record) error {
	for _, r := range own {
		for _, ref := range record.References(r) {
			if f.Record(ref.ID, t.Size) != nil {
				continue
			}
			to, err := l.foundBefore(ref.ID, t.Size)
			if err != nil {
				return err
			}
			if to != nil && to.Case == "" {
				f.Beside(to)
			}
		}
	}
	t.Tell(f, own, nil)
	return nil
}

// caseOf are the records of a case before size, and the effects among them.
func (l *Ledger) caseOf(ctx context.Context, matter string, size int64) (own, effects []*record.Record, err error) {
	if matter == "" {
		return nil, nil, nil // the standing records are read for every case
	}
	own, _, err = l.chainAfter(ctx, record.ChainOfCase(matter), -1, 0, size)
	for _, r := range own {
		if b, ok := r.Body.(*record.Action); ok && b.IsEffect() {
			effects = append(effects, r)
		}
	}
	return own, effects, err
}

// facts are all records before size that the rules read for actions of a case,
// own. The caller holds rulesMu, as long as it uses them.
func (l *Ledger) facts(ctx context.Context, own []*record.Record, size int64, actions ...*record.Record) (*responsibility.Facts, error) {
	if err := l.moveOn(ctx, size); err != nil {
		return nil, err
	}
	base := l.rules.standing
	var named []string
	keys, decisions := map[string]bool{}, map[string]bool{}
	first := record.MaxTime
	for _, x := range actions {
		if b, ok := x.Body.(*record.Action); ok { // the rules say of another that it is none
			named, first = append(named, b.Grant), min(first, x.At)
			keys[b.Key], decisions[b.Decision] = true, true
		}
	}
	if limited := l.rules.grants.Limited(named...); len(limited) > 0 {
		s, err := l.spent(ctx, limited, first-l.rules.grants.LookBack(limited...), size)
		if err != nil {
			return nil, err
		}
		base = s.facts
	}
	more := own
	for key := range keys {
		if key == "" {
			continue
		}
		same, _, err := l.chainAfter(ctx, record.ChainOfKey(key), -1, 0, size)
		if err != nil {
			return nil, err
		}
		more = append(more, same...)
	}
	// Measurements that are nobody's matter are in no chain read here. The
	// decision may be a standing record itself.
	for id := range decisions {
		d, err := l.foundBefore(id, size)
		if err != nil {
			return nil, err
		}
		if d == nil || d.Kind != record.KindDecision {
			continue
		}
		for _, ref := range record.References(d) {
			to, err := l.foundBefore(ref.ID, size)
			if err != nil {
				return nil, err
			}
			if to != nil && to.Case == "" && to.Kind == record.KindMeasurement {
				more = append(more, to)
			}
		}
	}
	f := base.Fork()
	return f, add(f, more)
}

// foundBefore is the record of that id with an index below n, or nil.
func (l *Ledger) foundBefore(id string, n int64) (*record.Record, error) {
	at, ok, err := l.Find(id)
	if err != nil || !ok || at >= n {
		return nil, err
	}
	return l.recordAt(at)
}

// add adds records in ledger order, each once.
func add(f *responsibility.Facts, records []*record.Record) error {
	slices.SortFunc(records, func(a, b *record.Record) int { return int(a.Log.N - b.Log.N) })
	for i, r := range records {
		if i > 0 && records[i-1].Log.N == r.Log.N {
			continue
		}
		if err := f.Add(r); err != nil {
			return damaged("%v", err)
		}
	}
	return nil
}

// moveOn takes the standing records that came since.
func (l *Ledger) moveOn(ctx context.Context, size int64) error {
	if l.rules == nil {
		l.rules = &rules{standing: responsibility.NewFacts(), grants: verify.NewGrants(), last: -1, spent: map[string]*spent{}}
	}
	r := l.rules
	if size <= r.size {
		return nil
	}
	records, last, err := l.chainAfter(ctx, record.ChainStanding, r.last, 0, size)
	if err != nil {
		return err
	}
	for _, s := range records {
		r.grants.Add(s)
	}
	if err := add(r.standing, records); err != nil {
		l.rules = nil // what was taken in part is taken again
		return err
	}
	r.last, r.size = last, size
	return nil
}

// spent is what was done under the grants limited, and those below, since then.
func (l *Ledger) spent(ctx context.Context, limited []string, since record.Time, size int64) (*spent, error) {
	r := l.rules
	key := strings.Join(limited, " ")
	s := r.spent[key]
	delete(r.spent, key) // what fails half way is taken again
	if s == nil || since < s.since || s.held > 2*s.built+mostStale {
		if s == nil && len(r.spent) >= maxSpent {
			clear(r.spent)
		}
		s = &spent{facts: r.standing.Fork(), since: since, last: map[string]int64{}}
	}
	var effects []*record.Record
	for _, grant := range r.grants.Below(limited...) {
		after, ok := s.last[grant]
		if !ok {
			after = -1
		}
		more, last, err := l.chainAfter(ctx, record.ChainOfGrant(grant), after, s.since, size)
		if err != nil {
			return nil, err
		}
		s.last[grant] = last
		effects = append(effects, more...)
	}
	for _, x := range effects {
		if b := x.Body.(*record.Action); b.Review != "" {
			review, err := l.foundBefore(b.Review, x.Log.N)
			if err != nil {
				return nil, err
			}
			if review == nil {
				continue
			}
			s.facts.Beside(review)
		}
	}
	if err := add(s.facts, effects); err != nil {
		return nil, err
	}
	if s.held += len(effects); s.built == 0 {
		s.built = s.held
	}
	r.spent[key] = s
	return s, nil
}

// chainAfter are the records of a chain before size that come after record
// after (-1: from its beginning), back to the first one of since or before (0: all).
// last is the index of the last of them, or after.
func (l *Ledger) chainAfter(ctx context.Context, name string, after int64, since record.Time, size int64) (records []*record.Record, last int64, err error) {
	var end chainHead
	var found bool
	err = l.view(func(txn *badger.Txn, _ *tree) (err error) {
		end, found, err = readChain(txn, l.number, name)
		return err
	})
	if err != nil || !found || end.n <= after {
		return nil, after, err
	}
	if end.n >= l.Size() {
		// A group that is being committed is ahead of what can be read.
		if err := l.barrier(); err != nil {
			return nil, after, err
		}
	}
	_, _, err = l.walkTo(ctx, bundle.End{Chain: name, Ordinal: end.ordinal, N: end.n}, after, since, func(r *record.Record) {
		if r.Log.N < size {
			records = append(records, r)
		}
	})
	slices.Reverse(records)
	if last = after; len(records) > 0 {
		last = records[len(records)-1].Log.N
	}
	return records, last, err
}
