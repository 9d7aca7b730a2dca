package responsibility

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// now is the time at the size of the run, in the matter of the effect.
func (u *run) now() record.Time { return max(u.f.now(u.x.Case, u.size), u.x.Log.Time) }

// core are x, its decision, the inputs, reviews and handoffs, in ledger order.
func (u *run) core() []*record.Record {
	all := []*record.Record{u.x}
	if u.d != nil {
		all = append(all, u.d)
	}
	all = slices.Concat(all, u.inputs, u.reviews, u.handoffs)
	slices.SortFunc(all, func(a, b *record.Record) int { return cmpN(a.Log.N, b.Log.N) })
	return slices.CompactFunc(all, func(a, b *record.Record) bool { return a.Log.N == b.Log.N })
}

// proof runs the rules about the records themselves.
func (u *run) proof() {
	core := u.core()
	for _, r := range core {
		u.lateRecord(r)
		u.impossibleReference(r)
		if len(r.Sigs) > 0 && u.decide(VoidSignature, "record "+r.ID, "its signature", "is by", "a key revoked before it", u.f.void(r)) {
			u.find(VoidSignature, r.By, Established, r)
		}
	}
	for _, r := range u.touched(core) {
		for _, e := range u.f.of(r.ID, u.size) {
			switch b := e.Body.(type) {
			case *record.Demand:
				u.evidenceMissing(e, b, r)
			case *record.Erase:
				if b.State == record.Lifted {
					continue // nothing goes by it
				}
				why := u.improper(e, b, r)
				words := why
				if words == "" {
					words = "basis " + b.Basis + ", no dispute open"
				}
				if u.decide(ImproperErasure, "erasure "+e.ID+" of "+r.ID, words, "is", "improper", why != "") {
					u.find(ImproperErasure, e.By, Established, e, r)
				}
			}
		}
	}
}

// touched are the core, and the records that it rests on: config, grants, and
// further words about the inputs.
func (u *run) touched(core []*record.Record) []*record.Record {
	all := slices.Clone(core)
	if u.d != nil {
		if r, _ := u.config(); r != nil {
			all = append(all, r)
		}
	}
	for _, k := range u.grants {
		all = append(all, k.r)
	}
	seen := map[string]bool{}
	for queue := slices.Clone(u.inputs); len(queue) > 0; queue = queue[1:] {
		for _, r := range u.f.of(queue[0].ID, u.size) {
			if _, ok := r.Body.(*record.Input); ok && !seen[r.ID] {
				seen[r.ID] = true
				queue, all = append(queue, r), append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b *record.Record) int { return cmpN(a.Log.N, b.Log.N) })
	return slices.CompactFunc(all, func(a, b *record.Record) bool { return a.Log.N == b.Log.N })
}

func (u *run) lateRecord(r *record.Record) {
	v := u.f.newest(r.Log.N)
	if v == nil || r.Backfilled || v.terms.RecordDelay == terms.Unlimited {
		return
	}
	late := r.Log.Time - r.At
	if u.decide(LateRecord, "record "+r.ID, fmt.Sprintf("%d ms from %s to log %s", late, r.At, r.Log.Time), ">", "record_delay "+v.terms.RecordDelay.String(), late > record.Time(v.terms.RecordDelay)) {
		u.find(LateRecord, r.By, Established, r)
	}
}

func (u *run) impossibleReference(r *record.Record) {
	clean := true
	refs := record.References(r)
	if r.Case == "" && r.Kind == record.KindMeasurement {
		refs = nil // its sources may be of any metric, and are not read for a case
	}
	for _, ref := range refs {
		cited := u.f.before(u.size, ref.ID)
		of := "record " + r.ID + ", " + ref.Field
		switch {
		case cited == nil || cited.Log.N >= r.Log.N:
			u.test(ImpossibleReference, of, ref.ID, "is not before", fmt.Sprintf("record %d", r.Log.N), yes)
		case cited.At > r.At:
			u.test(ImpossibleReference, of, ref.ID+" dated "+cited.At.String(), "is later than", r.At.String(), yes)
		default:
			continue
		}
		clean = false
		u.find(ImpossibleReference, r.By, Established, r, cited)
	}
	if clean {
		u.test(ImpossibleReference, "record "+r.ID, "what it refers to", "is not before", "it, or dated later", no)
	}
}

// disclosures returns what the custodian disclosed on a demand.
func (u *run) disclosures(demand *record.Record, b *record.Demand) []*record.Record {
	var all []*record.Record
	for _, r := range u.f.of(demand.ID, u.size) {
		if _, ok := r.Body.(*record.Disclose); ok && r.By == b.Custodian {
			all = append(all, r)
		}
	}
	return all
}

func (u *run) evidenceMissing(e *record.Record, b *record.Demand, r *record.Record) {
	of := "demand " + e.ID + " of " + r.ID + " to " + b.Custodian
	now := u.now()
	inTime := slices.ContainsFunc(u.disclosures(e, b), func(d *record.Record) bool { return u.f.instant(d) <= b.Deadline })
	left := "deadline " + b.Deadline.String()
	if inTime {
		u.test(EvidenceMissing, of, left+", met by a disclosure,", "<", now.String(), no)
		return
	}
	if u.decide(EvidenceMissing, of, left+", without a disclosure by then,", "<", now.String(), b.Deadline < now) {
		u.find(EvidenceMissing, b.Custodian, Established, e, r)
	}
}

// improper says why an erasure of r was not allowed: its basis is none that
// the agreement names, or evidence was destroyed while a dispute was open. ""
// is that it was.
func (u *run) improper(e *record.Record, b *record.Erase, r *record.Record) string {
	if bases := u.f.agreement(e).ErasureBases; !slices.Contains(bases, b.Basis) {
		return "basis " + b.Basis + " is not among " + list(bases)
	}
	if b.State != "erased" {
		return ""
	}
	open := u.about(r.ID, e.Log.N)
	if r.Case != "" {
		open = u.f.gather(e.Log.N, func(l *Facts) []*record.Record { return l.disputes[r.Case] })
	}
	for _, d := range open {
		if _, ok := d.Body.(*record.Dispute); !ok {
			continue
		}
		resolved := slices.ContainsFunc(u.about(d.ID, e.Log.N), func(r *record.Record) bool {
			b, ok := r.Body.(*record.Resolve)
			return ok && b.Dispute == d.ID
		})
		if !resolved {
			return "while dispute " + d.ID + " is open"
		}
	}
	return ""
}
