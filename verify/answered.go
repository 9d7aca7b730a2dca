package verify

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// A teller says in words what records say, together with what others say of
// them, as of a size of the ledger.
type teller struct {
	facts  *responsibility.Facts
	matter string // the case whose records are all at hand, as the standing ones are
	size   int64
	opened map[string][]Opened // by record
}

func newTeller(f *responsibility.Facts, matter string, size int64, opened []Opened) *teller {
	w := &teller{facts: f, matter: matter, size: size, opened: map[string][]Opened{}}
	for _, o := range opened {
		w.opened[o.Record] = append(w.opened[o.Record], o)
	}
	return w
}

// find is the record of an id, nil if it is not at hand.
func (w *teller) find(id string) *record.Record {
	if id == "" {
		return nil
	}
	return w.facts.Record(id, w.size)
}

// inShort is what a record says in a few words, with how long a review took
// and what became of a handoff or demand. Of another matter not all is at hand,
// so nothing is said of what others say.
func (w *teller) inShort(r *record.Record) string {
	s := inShort(r.Body)
	if r.Case != "" && r.Case != w.matter {
		return clipped(s, mostInDetail)
	}
	switch b := r.Body.(type) {
	case *record.Review:
		s += ", " + w.took(r, b).short
	case *record.Handoff:
		if b.Decision != "" || b.Deadline != 0 {
			s += ", " + w.answer(r, b).short
		}
	case *record.Demand:
		s += ", " + w.answerTo(r, b).short
	}
	return clipped(s, mostInDetail)
}

// A told is something said in a few words, and in full; drawn is what a box of
// the graph has room for.
type told struct{ short, full, drawn string }

// took is how long a reviewer had it before them, and by whose word: from the
// showing, which is another author's, else from where the reviewer says to have
// opened it.
func (w *teller) took(r *record.Record, b *record.Review) told {
	h, took, why := w.facts.Showing(r)
	switch {
	case why != "":
		return told{"shown nothing: its nonce " + why, "none: its nonce " + why + ", so nothing is known to have been shown", "not shown"}
	case h != nil:
		by := fmt.Sprintf("handoff %s (record %d, by %s)", h.ID, h.Log.N, h.By)
		if took < 0 {
			return told{"dated before " + h.ID + ", which showed it", fmt.Sprintf("less than none: this record is dated %s before %s, which showed it", lasting(-took), by), "time unclear"}
		}
		d := lasting(took)
		return told{d + " after " + h.ID + " showed it", fmt.Sprintf("%s, from %s, which showed it, to this record (record %d, by %s)", d, by, r.Log.N, r.By), d}
	}
	const none = "it names no showing"
	switch {
	case b.Opened == 0:
		return told{"how long it took is not recorded", "not recorded: " + none + ", and it does not say when it was opened", "time unknown"}
	case b.Opened > r.At:
		return told{"dated before it was opened, by its own word", fmt.Sprintf("less than none, by the word of %s alone: it says to be opened %s after it is dated; %s", r.By, lasting(b.Opened-r.At), none), "time unclear"}
	}
	d := lasting(r.At - b.Opened)
	return told{d + " after opening, by its own word", fmt.Sprintf("%s, from opening to this record, both by the word of %s alone: %s", d, r.By, none), d}
}

// answer is what became of a handoff. It is answered by the first review of its
// decision behind it that names its nonce, else by the first one.
func (w *teller) answer(r *record.Record, b *record.Handoff) told {
	if b.Decision == "" {
		return told{short: "no answer can be told", full: "cannot be told: it is about no decision, so no review names it"}
	}
	x := w.answered(r, b)
	if x == nil {
		return told{short: "not answered", full: "none: no review of " + b.Decision + " stands behind it"}
	}
	after := "dated before it"
	if x.At >= r.At {
		after = "after " + lasting(x.At-r.At)
	}
	full := fmt.Sprintf("%s by %s in review %s (record %d), %s", x.Body.(*record.Review).Verdict, who(x), x.ID, x.Log.N, after)
	if b.Deadline != 0 && x.At > b.Deadline {
		full += ", " + lasting(x.At-b.Deadline) + " past the deadline"
	}
	if n := x.Body.(*record.Review).Nonce; b.Nonce != "" && n != b.Nonce {
		full += "; it does not name the nonce"
	}
	return told{short: "answered by " + x.ID + " " + after, full: full}
}

func (w *teller) answered(r *record.Record, b *record.Handoff) *record.Record {
	var first *record.Record
	for _, x := range w.facts.About(b.Decision, w.size) {
		v, ok := x.Body.(*record.Review)
		if !ok || x.Log.N < r.Log.N {
			continue
		}
		if b.Nonce != "" && v.Nonce == b.Nonce {
			return x
		}
		if first == nil {
			first = x
		}
	}
	return first
}

// answerTo is what became of a demand: what its custodian disclosed on it.
func (w *teller) answerTo(r *record.Record, b *record.Demand) told {
	x := w.disclosure(r, b)
	if x == nil {
		return told{short: "not answered", full: "none: " + b.Custodian + " disclosed nothing on it"}
	}
	d := x.Body.(*record.Disclose)
	full := fmt.Sprintf("%s to %s in %s (record %d)", w.evidence(w.find(b.Of), d.Digest), d.To, x.ID, x.Log.N)
	if x.At > b.Deadline {
		full += ", " + lasting(x.At-b.Deadline) + " past the deadline"
	}
	return told{short: "answered by " + x.ID, full: full}
}

// disclosure is the first one on a demand by whom it was made to that answers
// it, as far as what was demanded is at hand.
func (w *teller) disclosure(r *record.Record, b *record.Demand) *record.Record {
	of := w.find(b.Of)
	for _, x := range w.facts.About(r.ID, w.size) {
		if d, ok := x.Body.(*record.Disclose); ok && x.By == b.Custodian && (of == nil || record.CheckAnswer(x, d, r, of) == nil) {
			return x
		}
	}
	return nil
}

// waiting is what r asks for and no record gives, in a case that has come to
// the time now.
func (w *teller) waiting(r *record.Record, now record.Time) (Waiting, bool) {
	x := Waiting{Ref: responsibility.Ref{N: r.Log.N, ID: r.ID}, Kind: r.Kind}
	deadline := record.Time(0)
	switch b := r.Body.(type) {
	case *record.Dispute:
		for _, s := range w.facts.About(r.ID, w.size) {
			if e, ok := s.Body.(*record.Resolve); ok && e.Dispute == r.ID {
				return x, false
			}
		}
		x.Text = fmt.Sprintf("dispute %s by %s about %s has no resolution in the records", r.ID, who(r), b.About)
	case *record.Handoff:
		if b.Deadline == 0 || b.Decision != "" && w.answered(r, b) != nil {
			return x, false
		}
		deadline = b.Deadline
		x.Text = fmt.Sprintf("handoff %s by %s to %s has no answer in the records", r.ID, who(r), b.To)
	case *record.Demand:
		if w.disclosure(r, b) != nil {
			return x, false
		}
		deadline = b.Deadline
		x.Text = fmt.Sprintf("demand %s by %s to %s for evidence of %s has no answer in the records", r.ID, who(r), b.Custodian, b.Of)
	default:
		return x, false
	}
	if deadline != 0 {
		x.Past = deadline < now
		x.Text += fmt.Sprintf("; its deadline, %s, is %s", moment(deadline), map[bool]string{true: "past", false: "not past at the last of them"}[x.Past])
	}
	return x, true
}

// rests are the standing records that those of a case refer to, however many
// steps away, and what standing records say of these: grants with their
// parents and revocations, configs, inputs, and the measurements that the case
// itself names. Those are what a bundle of the case carries.
func (w *teller) rests(mine []*record.Record) []*record.Record {
	found := map[string]*record.Record{}
	queue := slices.Clone(mine)
	take := func(by, r *record.Record) {
		if r == nil || r.Case != "" || r.Log == nil || found[r.ID] != nil {
			return
		}
		switch r.Body.(type) {
		case *record.Agreement, *record.Key, *record.Statement, *record.Receipt, *record.ChainIndex:
			return
		case *record.Measurement:
			if by.Case == "" {
				return
			}
		}
		found[r.ID] = r
		queue = append(queue, r)
	}
	for len(queue) > 0 {
		r := queue[0]
		queue = queue[1:]
		if !exempt(r.Kind) {
			for _, ref := range record.References(r) {
				take(r, w.find(ref.ID))
			}
		}
		if r.Case == "" {
			for _, x := range w.facts.About(r.ID, w.size) {
				take(r, x)
			}
		}
	}
	var all []*record.Record
	for _, r := range found {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *record.Record) int { return int(a.Log.N - b.Log.N) })
	return all
}
