package responsibility

import (
	"fmt"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A showing is what a review was shown and how long it took, as far as it is
// more than the reviewer's word.
type showing struct {
	handoff *record.Record // that the review answers; nil where it names none that it can
	shown   []string
	took    record.Time
	timed   bool   // took is known
	words   string // how took comes about, for a transcript
}

// seen is when a record was there for others: its instant, and never later than
// the ledger took it. Who dates it ahead gains nothing.
func (f *Facts) seen(r *record.Record) record.Time { return min(f.instant(r), r.Log.Time) }

// came is when a record was there for whoever has to answer it: its instant, and
// not before the ledger took it, but for one backfilled.
func (f *Facts) came(r *record.Record) record.Time {
	if r.Backfilled {
		return f.instant(r)
	}
	return max(f.instant(r), r.Log.Time)
}

// due is by when a handoff is to be answered: by its deadline, and not before a
// human had the least time that the terms want a review to take.
func (f *Facts) due(h *record.Record) record.Time {
	return max(h.Body.(*record.Handoff).Deadline, f.came(h)+record.Time(f.agreement(h).ReviewMin))
}

// demandDue is by when a demand is to be answered: by its deadline, and not before
// its custodian had the delay with which the terms let anybody record.
func (f *Facts) demandDue(e *record.Record) record.Time {
	at := f.came(e)
	if v := f.newest(e.Log.N); v != nil && v.terms.RecordDelay != terms.Unlimited {
		at += record.Time(v.terms.RecordDelay)
	}
	return max(e.Body.(*record.Demand).Deadline, at)
}

// existed is the earliest time at which somebody can have looked at r: its author
// may have shown it before it was recorded, but not before it was.
func existed(r *record.Record) record.Time { return min(r.At, r.Log.Time) }

// showing is what a review rests on. One that names a nonce is measured by the
// operator's record with that nonce, and what it says of itself is not looked
// at: when and what was shown is the word of one side, when it was decided that
// of the other. One that names none is measured by its own word, as far as that
// can be true.
func (f *Facts) showing(r *record.Record) showing {
	b := r.Body.(*record.Review)
	if b.Nonce != "" {
		h, why := f.answered(r)
		if why != "" {
			return showing{timed: true, words: "0 ms, as its nonce " + why}
		}
		took := f.seen(r) - f.seen(h)
		return showing{handoff: h, shown: h.Body.(*record.Handoff).Shown, took: took, timed: true,
			words: fmt.Sprintf("%d ms from handoff %s %s to %s", took, h.ID, f.seen(h), f.seen(r))}
	}
	s := showing{shown: b.Shown}
	if b.Opened == 0 {
		s.words = "opened is absent, so the time it took"
		return s
	}
	s.timed = true
	of := f.before(r.Log.N, b.Of)
	switch {
	case b.Opened > f.instant(r):
		s.words = fmt.Sprintf("0 ms, as opened %s is later than the review, of %s,", b.Opened, f.instant(r))
	case early(b, of, f.skew(r)):
		s.words = fmt.Sprintf("0 ms, as opened %s is earlier than %s, of %s,", b.Opened, of.ID, existed(of))
	case of != nil && b.Opened < existed(of): // clocks differ
		s.took = r.At - existed(of)
		s.words = fmt.Sprintf("%d ms from %s %s to %s", s.took, of.ID, existed(of), r.At)
	default:
		s.took = r.At - b.Opened
		s.words = fmt.Sprintf("%d ms from opened %s to %s", s.took, b.Opened, r.At)
	}
	return s
}

// what says what was shown, and in whose word.
func (s showing) what() string {
	if s.handoff != nil {
		return "shown " + list(s.shown) + " by handoff " + s.handoff.ID
	}
	return "shown " + list(s.shown)
}

// skew is by how much clocks may differ, by the newest version before r.
func (f *Facts) skew(r *record.Record) record.Time {
	if v := f.newest(r.Log.N); v != nil {
		return record.Time(v.terms.Skew)
	}
	return 0
}

// decided is the decision that a review is about: the one it names, or that of
// the action it names; nil where there is none before it.
func (f *Facts) decided(r *record.Record) *record.Record {
	of := f.before(r.Log.N, r.Body.(*record.Review).Of)
	if of == nil {
		return nil
	}
	if b, ok := of.Body.(*record.Action); ok {
		if of = f.before(of.Log.N, b.Decision); of == nil {
			return nil
		}
	}
	if of.Kind != record.KindDecision {
		return nil
	}
	return of
}

// answered returns the handoff that a review answers: the first one of its
// decision, by the author of that, with the review's nonce. why says why it
// answers none. Each party names a nonce once, void or not; what another one
// writes takes nothing from it, and a later handoff with the nonce moves nothing.
func (f *Facts) answered(r *record.Record) (handoff *record.Record, why string) {
	decision := f.decided(r)
	if decision == nil {
		return nil, "is of no handoff: the review is about no decision"
	}
	var used *record.Record
	nonce := r.Body.(*record.Review).Nonce
	for _, e := range f.gather(r.Log.N, func(l *Facts) []*record.Record { return l.nonces[nonce] }) {
		switch b := e.Body.(type) {
		case *record.Handoff:
			if handoff == nil && b.Decision == decision.ID && e.By == decision.By {
				handoff = e
			}
		case *record.Review:
			if used == nil && e.By == r.By && f.decided(e) == decision {
				used = e
			}
		}
	}
	switch {
	case handoff == nil:
		return nil, "is of no handoff of " + decision.ID + " by " + decision.By + " before it"
	case used != nil:
		return nil, "was answered by review " + used.ID
	}
	return handoff, ""
}

// early reports whether a review says that it was opened before what it is of
// was there, by more than clocks may differ.
func early(b *record.Review, of *record.Record, skew record.Time) bool {
	return b.Opened != 0 && of != nil && b.Opened+skew < existed(of)
}

// CheckReview refuses a review that names a nonce which it cannot answer, or
// says that it was opened before what it is of was there; skew is by how much
// clocks may differ. f holds the records of its case, or the standing ones,
// from the decision on. The rules take such a review, where a ledger has one,
// for one that was shown nothing.
func CheckReview(f *Facts, r *record.Record, skew record.Time) error {
	b := r.Body.(*record.Review)
	refuse := func(field, format string, args ...any) error {
		return &record.Refusal{Check: "order", N: r.Log.N, ID: r.ID, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	if of := f.before(r.Log.N, b.Of); early(b, of, skew) {
		return refuse("body.opened", "got %s, want %s or later: %s is of %s, and clocks may differ by %s", b.Opened, existed(of)-skew, of.ID, existed(of), terms.Duration(skew))
	}
	if b.Nonce == "" {
		return nil
	}
	if _, why := f.answered(r); why != "" {
		return refuse("body.nonce", "got %s, want that of a handoff to answer: it %s", b.Nonce, why)
	}
	return nil
}
