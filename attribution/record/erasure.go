package record

import (
	"fmt"
	"slices"
)

// States of an erasure.
const (
	Erased     = "erased"     // keys and content are destroyed
	Restricted = "restricted" // kept, and used for nothing but storage
	Lifted     = "lifted"     // a restriction has ended
)

// StateAfter is what holds of evidence that was in a state ("" if nothing was
// said of it) once an erase record says next: what is erased stays so, and only
// a restriction can be lifted.
func StateAfter(was, next string) string {
	switch {
	case was == Erased:
		return Erased
	case next == Lifted:
		return ""
	}
	return next
}

// Covers reports whether b is about an attachment, by its name and digest, or
// a sealed field, by its digest and the name "".
func (b *Erase) Covers(name string, digest Digest) bool {
	if len(b.Scope) == 0 {
		return true
	}
	return name != "" && slices.Contains(b.Scope, name) || slices.Contains(b.Scope, string(digest))
}

// Attached is the attachment of r that is called name.
func Attached(r *Record, name string) (Attachment, bool) {
	i := slices.IndexFunc(r.Attach, func(a Attachment) bool { return a.Name == name })
	if i < 0 {
		return Attachment{}, false
	}
	return r.Attach[i], true
}

// EvidenceOf lists the digests of all that r commits to and does not show:
// attachments, then sealed fields.
func EvidenceOf(r *Record) []Digest {
	var all []Digest
	for _, a := range r.Attach {
		all = append(all, a.Digest)
	}
	return append(all, r.Sealed...)
}

// CheckScope compares the scope of an erasure with what the record of commits
// to: each item is the name of one of its attachments, or a digest that it has.
// The error is a [*Refusal].
func CheckScope(e *Record, b *Erase, of *Record) error {
	for _, s := range b.Scope {
		_, named := Attached(of, s)
		if !named && !slices.Contains(EvidenceOf(of), Digest(s)) {
			return refuseEvidence(e, "body.scope", "is %q, want the name of an attachment or a digest among the %d pieces of evidence of %s", clip(s), len(EvidenceOf(of)), of.ID)
		}
	}
	return nil
}

// CheckAnswer says whether d answers a demand for evidence of the record of: it
// hands a piece of that to who demanded it. Where of commits to none, the piece
// is one that d itself has attached. The error is a [*Refusal].
func CheckAnswer(d *Record, b *Disclose, demand, of *Record) error {
	if b.To != demand.By {
		return refuseEvidence(d, "body.to", "is %s, want %s, who demanded it in %s", clip(b.To), demand.By, demand.ID)
	}
	from := of
	if len(EvidenceOf(of)) == 0 {
		from = d
	}
	pieces := EvidenceOf(from)
	if slices.Contains(pieces, b.Digest) {
		return nil
	}
	what := of.ID + " commits to"
	if from == d {
		what = "are attached, as " + of.ID + " commits to none"
	}
	return refuseEvidence(d, "body.digest", "is %s, want one of the %d that %s, demanded in %s", b.Digest, len(pieces), what, demand.ID)
}

func refuseEvidence(r *Record, field, reason string, args ...any) error {
	n := int64(-1)
	if r.Log != nil {
		n = r.Log.N
	}
	return &Refusal{Check: "attachments", N: n, ID: r.ID, Field: field, Reason: fmt.Sprintf(reason, args...)}
}

// A retention class is a name for how long evidence is to be kept. The record
// itself says the instant (attach.keep), so that no reader needs the list.
const (
	ClassOps   = "ops"   // six months
	ClassTxn   = "txn"   // three years
	ClassFin   = "fin"   // five years
	ClassFin7  = "fin-7" // seven years
	ClassClaim = "claim" // ten years
)

// KeepUntil is the instant until which evidence of a class that is of the
// instant from is to be kept: the same day and time months later, or the last
// day of that month.
func KeepUntil(class string, from Time) (Time, error) {
	months := 0
	switch class {
	case ClassOps:
		months = 6
	case ClassTxn:
		months = 36
	case ClassFin:
		months = 60
	case ClassFin7:
		months = 84
	case ClassClaim:
		months = 120
	default:
		return 0, fmt.Errorf("retention class %q, want %s, %s, %s, %s or %s", clip(class), ClassOps, ClassTxn, ClassFin, ClassFin7, ClassClaim)
	}
	if from < 0 || from > MaxTime {
		return 0, fmt.Errorf("retention class %s from %v, which is no time", class, from)
	}
	year, month, day := date(int(from / dayMS))
	month += months
	year, month = year+(month-1)/12, (month-1)%12+1
	day = min(day, daysIn(year, month))
	t := Time(days(year, month, day))*dayMS + from%dayMS
	if t > MaxTime {
		return 0, fmt.Errorf("retention class %s from %v ends after %v", class, from, MaxTime)
	}
	return t, nil
}
