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

// prepaidLeft is what the last statement left of money paid before.
func (s *State) prepaidLeft() []Prepaid {
	if len(s.versions) == 0 {
		return nil
	}
	t := s.versions[len(s.versions)-1].terms
	var list []Prepaid
	for _, p := range t.Settle.Prepaid {
		if x, ok := s.prepaid[p.Name]; ok {
			list = append(list, Prepaid{p.Name, fixed(x, t.Scale)})
		}
	}
	return list
}
