package responsibility

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

func quoted(s string) string { return strconv.Quote(s) }

func list(s []string) string { return "[" + strings.Join(s, ", ") + "]" }

// override returns the override that an action cites and that carries it: a
// review before it, not void, of its decision or of the action that it
// reverses, which sets nothing else than what the action does. It is nil where
// there is none.
func (f *Facts) override(x *record.Record, b *record.Action) *record.Record {
	r := f.before(x.Log.N, b.Review)
	if r == nil {
		return nil
	}
	review, ok := r.Body.(*record.Review)
	if !ok || review.Verdict != "override" || review.Of != b.Decision && review.Of != b.Reverses || f.void(r) {
		return nil
	}
	if s := review.Sets; s != nil {
		if s.Action != b.Action || s.Amount != "" && compare(string(s.Amount), string(orZero(b.Amount))) != 0 || s.Resource != "" && s.Resource != b.Resource {
			return nil
		}
	}
	return r
}

func orZero(d record.Decimal) record.Decimal {
	if d == "" {
		return "0"
	}
	return d
}

func (u *run) overrideTaken() {
	u.test(OverrideTaken, "effect "+u.x.ID, "it cites the override "+u.override.ID, "of", u.override.By, yes)
	u.find(OverrideTaken, u.override.By, Established, u.override, u.x)
}

// approvals are the approvals of d before x that are not void.
func (u *run) approvals() []*record.Record {
	var all []*record.Record
	for _, r := range u.reviews {
		b := r.Body.(*record.Review)
		if u.d == nil || b.Of != u.d.ID || b.Verdict != "approve" && b.Verdict != "modify" || r.Log.N >= u.x.Log.N || u.f.void(r) {
			continue
		}
		all = append(all, r)
	}
	return all
}

// counts reports whether an approval covers the effect: by a human with
// authority, not later than it, for what it does.
func (u *run) counts(r *record.Record) bool {
	if authorised, _ := u.authorised(r); !authorised || u.f.instant(r) > u.at {
		return false
	}
	b, x := r.Body.(*record.Review), u.action
	if b.Verdict == "modify" {
		s := b.Sets
		return s != nil && s.Action == x.Action && compare(string(orZero(s.Amount)), string(orZero(x.Amount))) == 0 && (s.Resource == "" || s.Resource == x.Resource)
	}
	// What is approved is the proposal: the same action for more was not.
	p := u.decision.Proposes
	return p == nil || p.Action != x.Action || x.Amount == "" || p.Amount == "" || compare(string(x.Amount), string(p.Amount)) <= 0
}

// authorised reports whether the human of a review is an approver for the
// effect, by the terms in force for the review, and says why not.
func (u *run) authorised(r *record.Record) (ok bool, why string) {
	return u.approves(u.f.agreement(r), r.Actor, r.By)
}

func (u *run) mayApprove(agreed *terms.Responsibility, human, party string) bool {
	ok, _ := u.approves(agreed, human, party)
	return ok
}

// approves reports whether a human of a party is an approver for the effect, and
// says why not.
func (u *run) approves(agreed *terms.Responsibility, human, party string) (ok bool, why string) {
	why = quoted(human) + " of " + party + " is no approver of " + u.action.Action
	for _, a := range agreed.Approvers {
		if a.Human != human || a.Party != party || !slices.Contains(a.Actions, u.action.Action) {
			continue
		}
		switch {
		case a.Limit == "" || u.action.Amount == "":
			return true, ""
		case u.foreign():
			why = fmt.Sprintf("%s may approve %s in the currency of the terms, not %s %s", human, a.Limit, u.action.Amount, u.action.Currency)
		case compare(string(u.action.Amount), string(a.Limit)) <= 0:
			return true, ""
		default:
			why = fmt.Sprintf("%s may approve %s, the effect has %s", human, a.Limit, u.action.Amount)
		}
	}
	return false, why
}

// reviewing runs the rules about the reviews that the effect rests on: the
// override it cites, or the approvals of its decision.
func (u *run) reviewing() {
	looked, rests := u.approvals(), u.counting
	if u.override != nil {
		looked, rests = []*record.Record{u.override}, []*record.Record{u.override}
	}
	for _, r := range looked {
		ok, why := u.authorised(r)
		if ok {
			why = r.Actor + " may approve it"
		}
		if u.decide(ApprovalOutOfAuthority, "review "+r.ID, why, "is", "without authority", !ok) {
			u.find(ApprovalOutOfAuthority, r.By, Established, r, u.x)
		}
	}
	for _, r := range rests {
		s := u.f.showing(r)
		u.reviewTooShort(r, s)
		u.incompletePresentation(r, s)
		if u.override == nil {
			u.approvedOverWarning(r, s)
		}
	}
}

func (u *run) reviewTooShort(r *record.Record, s showing) {
	least := u.f.agreement(r).ReviewMin
	of, right := "review "+r.ID, "review_min "+least.String()
	switch {
	case s.timed:
		if u.decide(ReviewTooShort, of, s.words, "<", right, s.took < record.Time(least)) {
			u.find(ReviewTooShort, r.By, Established, r, s.handoff)
		}
	case least > 0:
		u.test(ReviewTooShort, of, s.words, "<", right, unknown)
		u.find(ReviewTooShort, r.By, Undeterminable, r)
	}
}

func (u *run) incompletePresentation(r *record.Record, s showing) {
	want := u.f.agreement(r).MustShow
	less := slices.ContainsFunc(want, func(label string) bool { return !slices.Contains(s.shown, label) })
	if u.decide(IncompletePresentation, "review "+r.ID, s.what(), "is less than", "must_show "+list(want), less) {
		u.find(IncompletePresentation, u.x.By, Established, r, s.handoff)
	}
}

func (u *run) approvedOverWarning(r *record.Record, s showing) {
	if !slices.Contains(s.shown, "checks") {
		u.test(ApprovedOverWarning, "review "+r.ID, s.what(), "has", "checks", no)
		return
	}
	for _, c := range u.decision.Checks {
		if u.decide(ApprovedOverWarning, "review "+r.ID, "check "+c.ID+", which was shown, says "+c.Result, "is", "fail or refer", c.Result == "fail" || c.Result == "refer") {
			u.find(ApprovedOverWarning, r.By, Established, r, u.d, s.handoff)
		}
	}
}

// missed returns the handoffs of d that were due before x, if no human looked at
// d before x.
func (u *run) missed() []*record.Record {
	for _, r := range u.reviews {
		if r.Log.N < u.x.Log.N && !u.f.void(r) {
			return nil
		}
	}
	var missed []*record.Record
	for _, h := range u.handoffs {
		if u.asks(h) && u.f.due(h) <= u.f.seen(u.x) && u.f.addressee(h).party != "" {
			missed = append(missed, h)
		}
	}
	return missed
}

// asks reports whether a handoff asks somebody to decide by a deadline before x:
// who decided hands it over, by a key that is not revoked, and the deadline had
// not passed when it did.
func (u *run) asks(h *record.Record) bool {
	b := h.Body.(*record.Handoff)
	return h.Log.N < u.x.Log.N && h.By == u.d.By && !u.f.void(h) && b.Deadline > u.f.instant(h)
}

// escalated returns of the handoffs that were missed the first one by which the
// operator let go of the matter: one to another party, or to a human whom the
// terms let approve the effect. Who hands over to its own has not asked anybody.
func (u *run) escalated(missed []*record.Record) *record.Record {
	i := slices.IndexFunc(missed, func(h *record.Record) bool {
		to := u.f.addressee(h)
		return to.party != u.x.By || to.approver && u.mayApprove(u.f.agreement(h), h.Body.(*record.Handoff).To, to.party)
	})
	if i < 0 {
		return nil
	}
	return missed[i]
}

func (u *run) oversight() {
	missed := u.missed()
	for _, h := range u.handoffs {
		b := h.Body.(*record.Handoff)
		if b.Deadline == 0 || h.Log.N >= u.x.Log.N || h.By != u.d.By || u.f.void(h) {
			continue
		}
		of, to := "handoff "+h.ID, u.f.addressee(h)
		if to.party == "" {
			u.test(OversightNotExercised, of, "to "+b.To, "is", "a party, or somebody of one", no)
			continue
		}
		if at := u.f.instant(h); b.Deadline <= at {
			u.test(OversightNotExercised, of, "deadline "+b.Deadline.String(), "is later than", "the handoff, of "+at.String(), no)
			continue
		}
		if u.decide(OversightNotExercised, of, "deadline "+u.f.due(h).String()+", and no review before the effect,", "<=", u.f.seen(u.x).String(), slices.Contains(missed, h)) {
			u.find(OversightNotExercised, to.party, Established, h, u.x)
		}
	}
}
