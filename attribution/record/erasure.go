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

// An Impropriety is what speaks against an erasure. It is read from records
// alone, so that a rule can presume from it.
type Impropriety struct {
	Cause string // "retention", "hold", "unconfirmed"
	// By is the record that shows it: the one that is to be kept, the open
	// dispute or demand; "" for a holder that has not confirmed.
	By   string
	Text string
}

// Causes of an impropriety.
const (
	CauseRetention   = "retention"
	CauseHold        = "hold"
	CauseUnconfirmed = "unconfirmed"
)

// Improper lists what speaks against the erasure e of evidence of the record
// of. Among are records of the ledger in their order, at least those of the
// chain of e (its case, or the standing chain): others are passed over.
//
//   - retention: the erasure is dated before the end of attach.keep of an
//     attachment that it covers.
//   - hold: before it, in the case of the record or about the record itself, a
//     dispute was open, or a demand for evidence of the record was unanswered.
//   - unconfirmed: a party that held the evidence, and is not the one that
//     erases, has no erasure of its own that covers as much, be it before or
//     after e. The list confirmed of e is its author's word and does not count.
//
// One that only restricts, or lifts that, keeps what it covers: nothing speaks against it.
func Improper(e, of *Record, among []*Record) []Impropriety {
	b, ok := e.Body.(*Erase)
	if !ok || b.State != Erased {
		return nil
	}
	var found []Impropriety
	// The instant is the ledger's where there is one: a late record cannot be
	// dated back behind the end of a retention, nor ahead of it.
	at := e.At
	if e.Log != nil {
		at = e.Log.Time
	}
	for _, a := range of.Attach {
		if a.Keep > at && b.Covers(a.Name, a.Digest) {
			found = append(found, Impropriety{CauseRetention, of.ID, fmt.Sprintf("attachment %q is to be kept until %v, erased at %v", a.Name, a.Keep, at)})
		}
	}
	found = append(found, holds(e, of, among)...)
	for _, holder := range b.Holders {
		if holder != e.By && !confirmed(b, holder, of, among) {
			found = append(found, Impropriety{CauseUnconfirmed, "", fmt.Sprintf("%s held it and has not erased its own", holder)})
		}
	}
	return found
}

// holds lists what was open before e.
func holds(e, of *Record, among []*Record) []Impropriety {
	var open []Impropriety
	end := func(by string) {
		open = slices.DeleteFunc(open, func(h Impropriety) bool { return h.By == by })
	}
	for _, r := range among {
		if e.Log != nil && r.Log != nil && r.Log.N >= e.Log.N {
			continue
		}
		switch b := r.Body.(type) {
		case *Dispute:
			if b.About == of.ID || of.Case != "" && r.Case == of.Case {
				open = append(open, Impropriety{CauseHold, r.ID, fmt.Sprintf("dispute %s is open", r.ID)})
			}
		case *Demand:
			if b.Of == of.ID {
				open = append(open, Impropriety{CauseHold, r.ID, fmt.Sprintf("demand %s is unanswered", r.ID)})
			}
		case *Resolve:
			if b.Dispute != "" {
				end(b.Dispute)
			}
		case *Disclose:
			if b.Demand != "" {
				end(b.Demand)
			}
		}
	}
	return open
}

// confirmed reports whether holder has erased all of its own that e covers.
func confirmed(e *Erase, holder string, of *Record, among []*Record) bool {
	var own []*Erase
	for _, r := range among {
		if b, ok := r.Body.(*Erase); ok && r.By == holder && b.Of == of.ID && b.State == Erased {
			own = append(own, b)
		}
	}
	all := func(name string, digest Digest) bool {
		return !e.Covers(name, digest) || slices.ContainsFunc(own, func(b *Erase) bool { return b.Covers(name, digest) })
	}
	for _, a := range of.Attach {
		if !all(a.Name, a.Digest) {
			return false
		}
	}
	for _, d := range of.Sealed {
		if !all("", d) {
			return false
		}
	}
	return len(own) > 0
}
