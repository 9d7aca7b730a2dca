package terms

import "github.com/raasledger/raasledger/attribution/record"

// Simulated is the standing that t would have established as version 1, as
// though both had signed it, for records of the past. Nobody has: it is for
// looking at terms, and takes no agreement.
//
// Apply checks what the terms say of a record, and neither its signatures nor
// its author's chain: those are what they were in the past. Which keys were in
// force then is for past to say, which the caller moves on record by record; it
// has no version where the records bring no agreement, and then no signature
// is void and no receipt has a key.
func Simulated(t *Terms, past *Standing) *Standing {
	s := NewStanding()
	s.past = past
	s.versions = []Version{{Number: 1, Agreed: true, Terms: t}}
	return s
}

// applySimulated moves s on by a record that the terms admit.
func (s *Standing) applySimulated(r *record.Record, at record.Time) error {
	s.started, s.last = true, r.Log.Time
	s.latest = max(s.latest, at)
	return nil
}
