package fee

import "github.com/raasledger/raasledger/attribution/record"

// Carried is the balance that the last statement left: its carried_out, at most
// 0. It is "" before the agreement.
func (s *State) Carried() record.Decimal {
	if len(s.versions) == 0 {
		return ""
	}
	return fixed(s.carried, s.versions[len(s.versions)-1].terms.Scale)
}
