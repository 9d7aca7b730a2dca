package ledger

import (
	"context"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// Accrued is where a ledger stands between its statements.
type Accrued struct {
	*fee.Accrued
	Size     int64 // the records that it rests on
	Currency string

	Statements int64          // in the ledger
	Settled    record.Decimal // the sum of their totals, of those whose terms both have signed
	NotAgreed  record.Decimal // the same of the others
}

// Accrued gives the running totals as of the ledger's clock: what each period
// that is not settled comes to so far, and at least and at most.
//
// The first call looks at all live results. From then on the totals move with
// each record that is admitted, and a call looks only at what has changed by
// itself since: results that silence accepted, guarantees that ended. They cost
// memory for each live result, and go with the rest of what is kept of a ledger
// when the DB lets go of it; the next call begins anew. Statements are read by
// their names, one for each settled period.
func (l *Ledger) Accrued(ctx context.Context) (*Accrued, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a := &Accrued{}
	var standing *terms.Standing
	next := record.Time(-1) // where the first period begins that is not settled, -1 if none does
	err := l.admissionDo(func(k *admission) (err error) {
		now := max(l.db.now(), k.state.Standing().Last())
		if k.meter == nil {
			k.meter = fee.NewMeter(k.state, now)
		}
		k.meter.Advance(now)
		if a.Accrued, err = k.meter.Accrued(); err != nil {
			return err
		}
		a.Size, standing = k.state.Size(), k.state.Standing().Clone()
		if p, _, ok := k.state.Next(); ok {
			next = p.From
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := standing.Latest().Terms
	a.Currency = t.Currency
	statements, err := l.statementsUpTo(ctx, standing, next, a.Size)
	if err != nil {
		return nil, err
	}
	var settled, notAgreed exact.Rat
	for _, s := range statements {
		x, err := exact.Parse(string(s.Total))
		if err != nil {
			return nil, damaged("%s: statement %s: total: %v", l.origin, s.Period, err)
		}
		if s.Agreed {
			settled = settled.Add(x)
		} else {
			notAgreed = notAgreed.Add(x)
		}
	}
	a.Statements = int64(len(statements))
	for _, sum := range []struct {
		x  exact.Rat
		to *record.Decimal
	}{{settled, &a.Settled}, {notAgreed, &a.NotAgreed}} {
		text, ok := sum.x.Fixed(t.Scale)
		if !ok {
			return nil, damaged("%s: the totals add up to %s, want at most %d decimals", l.origin, sum.x, t.Scale)
		}
		*sum.to = record.Decimal(text)
	}
	return a, nil
}

// statementsUpTo are the statements of the periods before next, among the first
// size records. They are found by the names of their records; one that whoever
// appended it named otherwise is looked for among all.
func (l *Ledger) statementsUpTo(ctx context.Context, standing *terms.Standing, next record.Time, size int64) ([]*record.Statement, error) {
	var list []*record.Statement
	from := standing.Versions()[0].Terms.From
	for next < 0 || from < next {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, ok := standing.PeriodAt(from)
		if !ok {
			return list, nil
		}
		s, err := l.statementNamed(p.Name, from)
		if err != nil {
			return nil, err
		}
		if s == nil {
			// Its term may have ended within the period before: then it has the
			// name of the one behind.
			if q, ok := standing.PeriodAt(p.Until); ok {
				if s, err = l.statementNamed(q.Name, from); err != nil {
					return nil, err
				}
			}
		}
		if s == nil {
			return l.allStatements(ctx, size)
		}
		list, from = append(list, s), s.Until
	}
	return list, nil
}

// statementNamed is the statement of that name, nil if there is none that
// begins there.
func (l *Ledger) statementNamed(period string, from record.Time) (*record.Statement, error) {
	n, ok, err := l.Find("statement/" + period)
	if err != nil || !ok {
		return nil, err
	}
	r, err := l.recordAt(n)
	if err != nil {
		return nil, err
	}
	if s, ok := r.Body.(*record.Statement); ok && s.From == from {
		return s, nil
	}
	return nil, nil
}

func (l *Ledger) allStatements(ctx context.Context, size int64) ([]*record.Statement, error) {
	var list []*record.Statement
	n := int64(0)
	for line, err := range l.Records(ctx, 0, size) {
		if err != nil {
			return nil, err
		}
		r, err := record.Parse(line)
		if err != nil {
			return nil, damaged("%s: record %d: %v", l.origin, n, err)
		}
		if s, ok := r.Body.(*record.Statement); ok {
			list = append(list, s)
		}
		n++
	}
	return list, nil
}

// apply moves the state on by a record, and the running totals beside it. A
// refusal changes neither; after any other error the admission is dropped.
func (a *admission) apply(r *record.Record) error {
	if a.meter == nil {
		return a.state.Apply(r)
	}
	return a.meter.Apply(r)
}
