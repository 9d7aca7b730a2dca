package fee

import (
	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// Carried is the balance that the last statement left: its carried_out, at most
// 0. It is "" before the agreement.
func (s *State) Carried() record.Decimal {
	if len(s.versions) == 0 {
		return ""
	}
	scale := s.versions[len(s.versions)-1].terms.Scale
	if s.carried.round(scale, exact.Down).cmp(s.carried) != 0 {
		return plain(s.carried) // of a state that no statement left
	}
	return fixed(s.carried, scale)
}
