package responsibility

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// An acting is an actor in a matter; "" are the standing records.
type acting struct{ actor, matter string }

// A known is the party that an actor is of, since record n.
type known struct {
	n     int64
	party string
}

// acquaint takes from a record whose actor somebody is. A party says so of its
// own: by a record of that actor, a key that it holds, or a grant to it that
// the party operates itself. The first word stands.
func (f *Facts) acquaint(r *record.Record) {
	switch b := r.Body.(type) {
	case *record.Action:
		return // an agent's, of which the facts hold those of many matters
	case *record.Key:
		if b.Op != "revoke" {
			f.know(b.Holder, r)
		}
	case *record.Grant:
		if b.Operator == r.By {
			f.know(b.Grantee, r)
		}
	}
	f.know(r.Actor, r)
}

func (f *Facts) know(actor string, r *record.Record) {
	key := acting{actor, r.Case}
	if _, ok := f.known[key]; !ok && actor != "" {
		f.known[key] = known{r.Log.N, r.By}
	}
}

// An addressee is who a handoff goes to.
type addressee struct {
	party    string // "" is nobody
	approver bool   // a human whom the terms name
}

// addressee is the party that a handoff goes to: a party of the terms in force
// for it, that of an approver there, or that of an actor whom an earlier record
// of the handoff's case, or a standing one, makes known. It is nobody else: who
// is of no party answers for nothing, and nothing is handed over to them.
func (f *Facts) addressee(h *record.Record) addressee {
	to := h.Body.(*record.Handoff).To
	v := f.inForce(h)
	if v == nil {
		return addressee{}
	}
	if v.terms.Party(to) != nil {
		return addressee{party: to}
	}
	approvers := f.agreement(h).Approvers
	if i := slices.IndexFunc(approvers, func(a terms.Approver) bool { return a.Human == to }); i >= 0 {
		return addressee{approvers[i].Party, true}
	}
	first := known{n: h.Log.N}
	for l := f; l != nil; l = l.base {
		for _, matter := range []string{h.Case, ""} {
			if k, ok := l.known[acting{to, matter}]; ok && k.n < first.n {
				first = k
			}
		}
	}
	if v.terms.Party(first.party) == nil {
		return addressee{}
	}
	return addressee{party: first.party}
}
