// Package fee defines what is owed: the settlement as a pure fold over the
// records. State and record give state; state and period give a statement.
package fee

import (
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A State is everything a settlement needs of the records before it.
type State struct {
	standing *terms.Standing
}

func New() *State { return &State{standing: terms.NewStanding()} }

func (s *State) Standing() *terms.Standing { return s.standing }

// Apply folds r, whose Log is set. A refusal is a *record.Refusal and changes
// nothing. A statement record that differs from what Settle computes is a
// *Mismatch; the state has then moved on with the computed one.
func (s *State) Apply(r *record.Record) error { panic("todo") }

// Size is the number of records applied.
func (s *State) Size() int64 { panic("todo") }

// Next is the period to be settled next; ok is false before the agreement and past its end.
func (s *State) Next() (p terms.Period, closing record.Time, ok bool) { panic("todo") }

// Settle computes the statement of the next period over the records applied so far. The state does not change: it moves on when the statement's record is applied.
// detail, if not nil, receives each canonical detail line.
func (s *State) Settle(detail func(line []byte) error) (*record.Statement, error) { panic("todo") }

// Lines returns the canonical state lines, sorted, without newlines; Digest their digest.
func (s *State) Lines() [][]byte       { panic("todo") }
func (s *State) Digest() record.Digest { panic("todo") }

// ReadState is the inverse of Lines. size is the number of records the state covers.
func ReadState(lines [][]byte) (*State, error) { panic("todo") }

// A Mismatch is a statement that differs from the computed one.
type Mismatch struct {
	N                 int64
	Claimed, Computed *record.Statement
	Differences       []string // "total: claimed 1204.50 EUR, computed 1198.20 EUR"
}

func (m *Mismatch) Error() string { panic("todo") }

// An Explanation says why one result was billed or not, as of the last statement and as of now.
type Explanation struct {
	Result, Key string
	Lines       []string // in plain words, oldest first, each naming its record
}

// Explain answers for the result claimed by the record with this id, or with this key ("resolved/T-1001").
func (s *State) Explain(result string) (*Explanation, error) { panic("todo") }
