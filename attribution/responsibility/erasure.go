package responsibility

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// An Impropriety is what speaks against an erasure. It is read from records
// alone: what a store refuses to erase without being told twice is what the
// rule improper_erasure finds.
type Impropriety struct {
	Cause string
	By    string // the record that shows it: the open dispute, the one whose attachment is to be kept; "" for the basis
	Text  string
}

// Causes of an impropriety.
const (
	CauseBasis     = "basis"
	CauseHold      = "hold"
	CauseRetention = "retention"
)

// Improper lists what speaks against the erasure e of evidence of the record
// of. Agreed is what the terms in force for e say of responsibility, nil where
// they say nothing. Matter has the disputes that hold the evidence and what
// resolves them, in ledger order; what does not stand before e is passed over.
//
//   - basis: its basis is not among the agreed erasure_bases.
//   - hold: before it a dispute was open.
//   - retention: it came, by the ledger's time, before the end of attach.keep
//     of an attachment that it covers.
//
// Against one that only restricts nothing speaks but its basis, against one
// that lifts a restriction nothing at all.
func Improper(e, of *record.Record, agreed *terms.Responsibility, matter []*record.Record) []Impropriety {
	b, ok := e.Body.(*record.Erase)
	if !ok || b.State == record.Lifted {
		return nil
	}
	var found []Impropriety
	if agreed != nil && !slices.Contains(agreed.ErasureBases, b.Basis) {
		found = append(found, Impropriety{CauseBasis, "", fmt.Sprintf("basis %s is not among %s", b.Basis, list(agreed.ErasureBases))})
	}
	if b.State != record.Erased {
		return found
	}
	var open []string
	resolved := map[string]bool{}
	for _, r := range slices.Backward(matter) { // what resolves a dispute stands behind it
		if e.Log != nil && r.Log.N >= e.Log.N {
			continue
		}
		switch b := r.Body.(type) {
		case *record.Dispute:
			if !resolved[r.ID] {
				open = append(open, r.ID)
			}
		case *record.Resolve:
			resolved[b.Dispute] = true
		}
	}
	slices.Reverse(open)
	switch n := len(open); {
	case n == 1:
		found = append(found, Impropriety{CauseHold, open[0], fmt.Sprintf("dispute %s is open", open[0])})
	case n > 1: // one holds it: of what all of them say nobody reads more
		found = append(found, Impropriety{CauseHold, open[0], fmt.Sprintf("dispute %s is open, and %d more", open[0], n-1)})
	}
	// The ledger's time: a late record cannot be dated behind the end of a
	// retention.
	at := e.At
	if e.Log != nil {
		at = e.Log.Time
	}
	for _, a := range of.Attach {
		if a.Keep > at && b.Covers(a.Name, a.Digest) {
			found = append(found, Impropriety{CauseRetention, of.ID, fmt.Sprintf("attachment %q is to be kept until %v, erased at %v", a.Name, a.Keep, at)})
		}
	}
	return found
}

// improper lists what speaks against an erasure of evidence of r, which the
// effect rests on: in the effect's own matter, wherever r stands.
func (u *run) improper(e, r *record.Record) []Impropriety {
	matter, known := u.held[r.ID]
	if !known {
		matter = u.holding(r)
		u.held[r.ID] = matter
	}
	return Improper(e, r, u.f.Agreed(e), matter)
}

// holding are the disputes that hold evidence of r, with what resolves them:
// those in the case of the effect, whatever they are about; and of those in no
// case, the ones about r, the effect, its decision or a claim for it.
func (u *run) holding(r *record.Record) []*record.Record {
	all := u.about(r.ID, u.size)
	if u.x.Case != "" {
		all = append(all, u.f.gather(u.size, func(l *Facts) []*record.Record { return l.disputes[u.x.Case] })...)
	} else {
		ids := []string{u.x.ID}
		if u.d != nil {
			ids = append(ids, u.d.ID)
		}
		for _, o := range u.about(u.x.ID, u.size) {
			if _, ok := o.Body.(*record.Outcome); ok {
				ids = append(ids, o.ID)
			}
		}
		for _, id := range ids {
			all = append(all, u.about(id, u.size)...)
		}
	}
	all = slices.DeleteFunc(all, func(r *record.Record) bool { return r.Kind != record.KindDispute || u.f.empty(r) })
	for _, d := range slices.Clone(all) {
		for _, e := range u.about(d.ID, u.size) {
			if b, ok := e.Body.(*record.Resolve); ok && b.Dispute == d.ID {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, func(a, b *record.Record) int { return cmpN(a.Log.N, b.Log.N) })
	return slices.CompactFunc(all, func(a, b *record.Record) bool { return a.Log.N == b.Log.N })
}

// behind are the digests of r behind one of which a sealed field may stand: that
// of the field where it was disclosed, else all but those that are shown to be
// other fields. The name behind a digest is not seen.
func (f *Facts) behind(r *record.Record, name string, size int64) []record.Digest {
	shown := f.shown(r.ID)
	if i := slices.IndexFunc(shown, func(d disclosure) bool { return d.name == name }); i >= 0 {
		return []record.Digest{shown[i].digest}
	}
	return slices.DeleteFunc(slices.Clone(r.Sealed), func(d record.Digest) bool {
		return slices.ContainsFunc(shown, func(s disclosure) bool { return s.digest == d && !f.taken(r, s, size) })
	})
}

// handed are the pieces of evidence of r that a custodian handed over, on any
// demand for them: what was given is not asked for once more.
func (u *run) handed(r *record.Record, custodian string) (all []record.Digest) {
	for _, e := range u.f.of(r.ID, u.size) {
		if b, ok := e.Body.(*record.Demand); ok && b.Custodian == custodian {
			for _, d := range u.disclosures(e, b, r) {
				all = append(all, d.Body.(*record.Disclose).Digest)
			}
		}
	}
	return all
}

// withheld returns the records by which the operator itself improperly
// destroyed what may be the value of a sealed field, or left a demand for it
// unanswered; nil if it did not. A retention is of an attachment, and no field
// stands in one.
func (u *run) withheld(rule Rule, r *record.Record, name string) []*record.Record {
	var against []*record.Record
	behind := u.f.behind(r, name, u.size)
	handed := u.handed(r, u.x.By)
	for _, e := range u.f.of(r.ID, u.size) {
		switch b := e.Body.(type) {
		case *record.Erase:
			if e.By != u.x.By || b.State != record.Erased || !slices.ContainsFunc(behind, func(d record.Digest) bool { return b.Covers("", d) }) {
				continue
			}
			for _, i := range u.improper(e, r) {
				if i.Cause != CauseRetention {
					u.test(rule, "erasure "+e.ID+" by the operator", i.Text+",", "so it is", "improper", yes)
					against = append(against, e)
				}
			}
		case *record.Demand:
			if b.Custodian != u.x.By || u.f.void(e) || u.f.demandDue(e) >= u.now() {
				continue
			}
			if slices.ContainsFunc(behind, func(d record.Digest) bool { return !slices.Contains(handed, d) }) {
				u.test(rule, "demand "+e.ID+" to the operator", "deadline "+u.f.demandDue(e).String(), "<", u.now().String()+", and not disclosed", yes)
				against = append(against, e)
			}
		}
	}
	return against
}
