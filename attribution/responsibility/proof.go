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
				against := u.improper(e, r)
				for _, i := range against {
					u.test(ImproperErasure, "erasure "+e.ID+" of "+r.ID, i.Text+",", "so it is", "improper", yes)
					u.find(ImproperErasure, e.By, Established, e, r)
				}
				if len(against) == 0 {
					u.test(ImproperErasure, "erasure "+e.ID+" of "+r.ID, "basis "+b.Basis+", no dispute open, no retention", "is", "improper", no)
				}
			}
		}
	}
}

// touched are the core, and the records that it rests on: what else the decision
// depends on, checks or cites, config, grants, and further words about all
// these sources.
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
	var sources []*record.Record
	if u.d != nil {
		for _, id := range u.decision.Sources() {
			if r := u.f.before(u.d.Log.N, id); r != nil && isSource(r) {
				sources = append(sources, r)
			}
		}
	}
	all = append(all, sources...)
	seen := map[string]bool{}
	for queue := sources; len(queue) > 0; queue = queue[1:] {
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

// disclosures returns what the custodian disclosed on a demand for evidence of
// r: pieces of that, to who demanded them.
func (u *run) disclosures(demand *record.Record, b *record.Demand, r *record.Record) []*record.Record {
	var all []*record.Record
	for _, d := range u.f.of(demand.ID, u.size) {
		if a, ok := d.Body.(*record.Disclose); ok && d.By == b.Custodian && !u.f.void(d) && record.CheckAnswer(d, a, demand, r) == nil {
			all = append(all, d)
		}
	}
	return all
}

func (u *run) evidenceMissing(e *record.Record, b *record.Demand, r *record.Record) {
	of := "demand " + e.ID + " of " + r.ID + " to " + b.Custodian
	now := u.now()
	due := u.f.demandDue(e)
	if u.f.void(e) {
		u.test(EvidenceMissing, of, "its signature, by a key revoked before it,", "asks for", "anything", no)
		return
	}
	inTime := slices.ContainsFunc(u.disclosures(e, b, r), func(d *record.Record) bool { return u.f.instant(d) <= due })
	left := "deadline " + due.String()
	if inTime {
		u.test(EvidenceMissing, of, left+", met by a disclosure,", "<", now.String(), no)
		return
	}
	if u.decide(EvidenceMissing, of, left+", without a disclosure by then,", "<", now.String(), due < now) {
		u.find(EvidenceMissing, b.Custodian, Established, e, r)
	}
}
