package fee

import (
	"cmp"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// A handoff is an escalation of a case. It counts against results claimed
// before until.
type handoff struct {
	n         int64
	at, until record.Time
}

// handoffs are those of one case, by the results they count against.
type handoffs [scopes][]handoff

// A scope says against which results of its case a handoff counts.
type scope uint8

const (
	againstAll scope = iota
	againstBackfilled
	againstOthers

	scopes // how many there are
)

var scopeWords = [scopes]string{"all", "backfilled", "others"}

func (s *State) addHandoff(r *record.Record) {
	voids := slices.ContainsFunc(s.versions, func(v *version) bool { return v.voidHorizon > 0 })
	if !voids || r.Case == "" {
		return // no result that is there can be voided by it
	}
	at := s.instant(r)
	if s.standing.SignatureVoid(r) {
		s.loose = append(s.loose, loose{n: r.Log.N, at: at, reason: voidSignature})
		return
	}
	if !r.Backfilled {
		s.escalate(r, at, againstAll)
		return
	}
	s.escalate(r, at, againstBackfilled)
	s.escalate(r, r.Log.Time, againstOthers)
}

// escalate notes that r counts at an instant.
func (s *State) escalate(r *record.Record, at record.Time, against scope) {
	v := s.governing(at)
	if v == nil {
		return // before all terms
	}
	list := s.handoffs[r.Case]
	if list == nil {
		list = new(handoffs)
		s.handoffs[strings.Clone(r.Case)] = list
	}
	list[against] = keepHandoff(list[against], handoff{r.Log.N, at, at + v.voidHorizon})
}

// keepHandoff keeps the handoffs of which none counts as early as another
// against all that it counts against: the later, the longer.
func keepHandoff(list []handoff, h handoff) []handoff {
	lo, _ := slices.BinarySearchFunc(list, h, func(a, b handoff) int { return cmp.Compare(a.at, b.at) })
	if lo > 0 && list[lo-1].until >= h.until || lo < len(list) && list[lo].at == h.at && list[lo].until >= h.until {
		return list
	}
	hi := lo
	for hi < len(list) && list[hi].until <= h.until {
		hi++
	}
	return slices.Replace(list, lo, hi, h)
}

// handoffOf is the first handoff that counts against c.
func (s *State) handoffOf(c *claim) (first handoff, ok bool) {
	list := s.handoffs[c.matter()]
	if list == nil {
		return handoff{}, false
	}
	other := againstOthers
	if c.backfilled {
		other = againstBackfilled
	}
	for _, against := range [...]scope{againstAll, other} {
		i, _ := slices.BinarySearchFunc(list[against], c.at, func(h handoff, at record.Time) int { return cmp.Compare(h.until, at+1) })
		if i < len(list[against]) && (!ok || list[against][i].at < first.at) {
			first, ok = list[against][i], true
		}
	}
	return first, ok
}
