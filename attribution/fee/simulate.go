package fee

import (
	"fmt"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A Simulation is what terms that nobody has signed would have come to over
// records of the past: the same fold, with the terms as version 1. Its
// statements name no state, so that no record can hold one.
type Simulation struct {
	s      *State
	billed int64
}

// Simulate begins a simulation of t. past is what the records established in
// fact; the caller applies each record to it before the simulation takes it.
func Simulate(t *terms.Terms, past *terms.Standing) *Simulation {
	s := New()
	s.standing = terms.Simulated(t, past)
	s.addVersions()
	return &Simulation{s: s}
}

// Apply takes a record of the past, whose Log is set, with its number and its
// times as they were. A refusal is a *record.Refusal and changes nothing: the
// terms cannot take the record. What the terms stand for by themselves, that
// is agreements, keys and statements, is passed over.
func (m *Simulation) Apply(r *record.Record) error {
	s := m.s
	if r.Log == nil || r.Log.N < s.size {
		return fmt.Errorf("record %s is out of order: want one behind record %d", r.ID, s.size-1)
	}
	switch r.Kind {
	case record.KindAgreement, record.KindStatement, record.KindKey:
		return nil
	}
	if client := s.versions[0].terms.Client().ID; r.Kind == record.KindReceipt && len(s.standing.KeysInForce(client, s.standing.KeyInstant(r))) == 0 {
		return &record.Refusal{Check: "terms", N: r.Log.N, ID: r.ID, Field: "kind", Reason: fmt.Sprintf("is receipt, and the records bring no key of %s that was in force", client)}
	}
	// Records that are refused or passed over keep their numbers.
	size := s.size
	s.size = r.Log.N
	if err := s.Apply(r); err != nil {
		s.size = size
		return err
	}
	return nil
}

// Next is the period that is simulated next, and its closing instant; ok is
// false past the end of the terms.
func (m *Simulation) Next() (p terms.Period, closing record.Time, ok bool) { return m.s.Next() }

// Settle computes the statement of the next period over the records so far and
// moves on.
func (m *Simulation) Settle() (*record.Statement, error) {
	z, err := m.s.settle()
	if err != nil {
		return nil, err
	}
	if err := z.compute(nil); err != nil {
		return nil, err
	}
	m.billed = 0
	for i := range z.decisions {
		d := &z.decisions[i]
		if len(d.stands) > 0 {
			m.billed++
		}
		if len(d.claim.parts) > 0 {
			m.billed--
		}
	}
	z.take()
	return z.statement, nil
}

// Billed is how many results the last statement bills, less those that it gives
// back whole.
func (m *Simulation) Billed() int64 { return m.billed }
