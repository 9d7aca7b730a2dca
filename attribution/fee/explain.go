package fee

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// An Explanation says why one result was billed or not, as of the last
// statement and as of now.
type Explanation struct {
	Result, Key string
	N           int64    // of the record that claims it
	Lines       []string // in plain words, oldest first, each naming its record
	Said        string   // what the statements made of it, "" where none has considered it
	Now         string   // what the next would, if it were made of the records so far

	Lapse string // why it is void, where a dispute that nobody resolved voids it

	billed bool // some of it stands in the fee
}

// Unopened says of record n, which was just applied and claims a result, why
// it opened none; ok is false where it did.
func (s *State) Unopened(n int64) (x *Explanation, ok bool) {
	for i := len(s.loose) - 1; i >= 0; i-- {
		l := &s.loose[i]
		if l.n != n || l.result == "" {
			continue
		}
		x = &Explanation{Result: l.result, Key: l.key, N: n}
		text := fmt.Sprintf("record %d claims %s for %s, and opens no result: %s", n, l.result, l.key, l.reason.meaning())
		if l.reason == duplicate {
			if c := s.claimByKey(l.result + "/" + l.key); c != nil {
				text += fmt.Sprintf(", by record %d, which is %s", c.n, c.id())
			} else {
				text += ", by a record whose result is final"
			}
		}
		x.Lines = []string{l.at.String() + "  " + text}
		return x, true
	}
	return nil, false
}

// ReasonWords are what a reason of a statement means.
func ReasonWords(word string) string {
	r, err := parseReason(word)
	if err != nil {
		return word
	}
	return r.meaning()
}

// Explain answers for the result claimed by the record with this id, or with
// this key ("resolved/T-1001").
func (s *State) Explain(result string) (*Explanation, error) {
	c := s.claimByID(result)
	if c == nil {
		c = s.claimByKey(result)
	}
	if c == nil {
		return nil, fmt.Errorf("no live result has the id or key %s: it was never claimed, or it is final", result)
	}
	now := max(s.standing.Last(), c.at)
	v := s.look(c, now)
	x := &Explanation{Result: c.rule.Name, Key: c.once(), N: c.n}
	var said []sentence
	say := func(at record.Time, n int64, format string, args ...any) {
		said = append(said, sentence{at, n, fmt.Sprintf(format, args...)})
	}

	say(c.at, c.n, "record %d claims %s for %s, under version %d of the terms, by the %s%s", c.n, c.rule.Name, c.once(), c.rule.version.number, roleWords[c.author], c.factWords())
	if !c.evidenced {
		say(c.at, c.n, "the claim lacks evidence that the terms ask for")
	}
	if c.asked.delivery != nil && !v.missing {
		say(s.delivered(c), c.asked.delivery.last, "its evidence is delivered: record %d hands over the last of it, and a receipt of the client covers that", c.asked.delivery.last)
	}
	switch {
	case c.rule.Effect == nil:
	case c.asked.action == "":
		say(c.at, c.n, "the claim names no action")
	default:
		say(c.at, c.n, "behind it is action %s", c.asked.action)
	}
	for i := range c.events {
		e := &c.events[i]
		effect := ""
		if j := slices.IndexFunc(v.idle, func(d idle) bool { return d.event == i }); j >= 0 {
			effect = ", without effect: " + v.idle[j].reason.String()
		}
		say(max(e.at, c.at), e.n, "record %d %s, by the %s%s", e.n, e.words(), roleWords[e.by], effect)
	}
	if c.rule.Escalation == "void" {
		if h, ok := s.handoffOf(c); ok && h.at <= now {
			say(h.at, h.n, "record %d hands case %s over", h.n, c.matter())
		}
	}
	if v.accepted < never && v.void == unsaid {
		say(v.accepted, math.MaxInt64, "accepted%s", s.acceptance(c, &v)) // after what happened at that instant
	}
	if v.locked < never && v.locked != v.accepted && v.void == unsaid {
		say(v.locked, math.MaxInt64, "locked")
	}
	for _, p := range v.spells {
		if p.lapsed && !p.decided && p.until <= now {
			then := "is over, and accepts nothing that silence would not"
			if p.upheld {
				then = "voids the result"
			}
			say(p.until, math.MaxInt64, "the dispute of record %d lapses: nobody resolved it within %v, and then, as agreed, it %s", c.events[p.event].n, c.rule.Dispute.After, then)
		}
	}
	slices.SortStableFunc(said, func(a, b sentence) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) })
	for _, y := range said {
		x.Lines = append(x.Lines, y.at.String()+"  "+y.text)
	}
	credits := &touches{s: s, closing: now}
	for _, u := range c.rule.uses {
		if u.Credit != nil {
			x.Lines = append(x.Lines, credits.explain(c, u, &v, never)...)
		}
	}
	x.Said, x.Now, x.billed = s.settledWords(c, &v), s.nowWords(c, &v), len(c.parts) > 0
	if p := v.upheld(); p != nil && p.lapsed {
		x.Lapse = c.why(disputeUpheld, &v)
	}
	return x, nil
}

// acceptance says by what an accepted claim is accepted.
func (s *State) acceptance(c *claim, v *view) string {
	by := "the client"
	if c.rule.Accept.On == "third" {
		by = c.rule.Accept.By
	}
	switch silent := s.silent(c); {
	case c.ownWord():
		return fmt.Sprintf(": %s claims it itself", by)
	case v.accepted == silent && c.rule.Accept.On == "claim":
		if c.asked.delivery != nil {
			return " with the delivery, as agreed"
		}
		return " with the claim, as agreed"
	case v.accepted == silent:
		return " by silence"
	case v.explicit && c.rule.Accept.On != "third", v.attested:
		return " by " + by
	}
	return ": the dispute is over"
}

// settledWords say what the last statement made of the claim, "" where none has
// considered it.
func (s *State) settledWords(c *claim, v *view) string {
	if c.since == never {
		return ""
	}
	if c.period == never {
		return fmt.Sprintf("not billed as of the statement of %s: %s", s.lastPeriod().Name, c.why(c.said, v))
	}
	p, _ := s.periodAt(c.period)
	if len(c.parts) == 0 {
		return fmt.Sprintf("billed in %s and given back: %s", p.Name, c.why(c.said, v))
	}
	var counted []string
	for _, part := range c.parts {
		counted = append(counted, c.rule.version.counted(part))
	}
	return fmt.Sprintf("billed in %s: %s", p.Name, strings.Join(counted, "; "))
}

// nowWords say what the next statement would make of it if it were made of the
// records so far.
func (s *State) nowWords(c *claim, v *view) string {
	taken := "outside the fee" // never billed, or given back by a statement
	if len(c.parts) > 0 {
		taken = "to be given back"
	}
	switch {
	case v.void != unsaid:
		return fmt.Sprintf("%s since %v: %s", taken, v.voidAt, c.why(v.void, v))
	case v.back != unsaid:
		return fmt.Sprintf("%s since %v: %s", taken, v.backAt, v.back.meaning())
	case v.open:
		return disputed.meaning()
	case v.missing:
		return undelivered.meaning() + ": " + c.asked.delivery.lack()
	case v.accepted == never:
		if t := s.silent(c); t < never {
			return fmt.Sprintf("silence accepts it at %v", t)
		}
		return "not accepted"
	case v.locked == never:
		return fmt.Sprintf("accepted, locked at %v", max(v.accepted, c.locks()))
	}
	switch _, truth := c.target(v, never, nil, &touches{s: s, closing: max(s.standing.Last(), c.at)}); truth {
	case 1:
		return fmt.Sprintf("accepted and locked, its instant of billing is %v", c.billedAt(v))
	case 0:
		return where.meaning()
	}
	return undefined.meaning()
}

// upheld is the first dispute that voids the claim by a word, or because nobody
// resolved it, nil if none does.
func (v *view) upheld() *spell {
	var first *spell
	for i := range v.spells {
		if p := &v.spells[i]; p.upheld && !p.found && (first == nil || p.until < first.until) {
			first = p
		}
	}
	return first
}

// why is the meaning of a reason, for this claim.
func (c *claim) why(r reason, v *view) string {
	if p := v.upheld(); r == disputeUpheld && p != nil && p.lapsed {
		return fmt.Sprintf("nobody resolved the dispute of record %d within %v, and then, as agreed, it voids the result", c.events[p.event].n, c.rule.Dispute.After)
	}
	return r.meaning()
}

// Words is the explanation as of now, line by line.
func (x *Explanation) Words() []string {
	said := x.Said
	if said == "" {
		said = "no statement has considered it yet"
	}
	return append(slices.Clone(x.Lines), said, "now: "+x.Now)
}

// Final is the explanation of a result that left with the statement of a
// period, which gave this reason, "" where it says nothing new of it.
func (x *Explanation) Final(period, reason string) []string {
	lines := slices.Clone(x.Lines)
	why := ReasonWords(reason)
	if reason == disputeUpheld.String() && x.Lapse != "" {
		why = x.Lapse
	}
	switch {
	case reason == billed.String():
		lines = append(lines, "billed in the statement of "+period)
	case reason == "" && x.Said != "":
		lines = append(lines, x.Said)
	case reason != "" && x.billed:
		lines = append(lines, fmt.Sprintf("given back in the statement of %s: %s", period, why))
	case reason != "":
		lines = append(lines, fmt.Sprintf("not billed in the statement of %s: %s", period, why))
	}
	return append(lines, fmt.Sprintf("final with the statement of %s: nothing that is recorded later is about it", period))
}

// A sentence is one thing that happened.
type sentence struct {
	at   record.Time
	n    int64
	text string
}

// words says what the event does.
func (e *event) words() string {
	switch e.kind {
	case accept:
		return "accepts it"
	case remark:
		return "confirms it in part"
	case reverse:
		return "reverses it: " + e.cause.String()
	case reduce:
		return fmt.Sprintf("reverses %s of it: %s", e.quantity, e.cause)
	case dispute:
		return "disputes it"
	case uphold:
		return "upholds dispute " + e.id
	case reject:
		return "rejects dispute " + e.id
	case contested:
		return "disputes the action behind it"
	case findVoid:
		if e.id == "" {
			return "voids it by a finding against the vendor"
		}
		return "upholds dispute " + e.id + " by a finding against the vendor"
	case findKeep:
		return "answers " + e.id + " by a finding against the client"
	}
	panic("fee: unknown event")
}

// counted says what a part counts for.
func (v *version) counted(p part) string {
	m := v.measures[p.measure]
	text := fmt.Sprintf("measure %s, quantity %s", m.Name, p.quantity)
	if m.Op == "distinct" {
		text = fmt.Sprintf("measure %s, value %s", m.Name, p.text)
	}
	var names []string
	for _, t := range v.tables {
		if t.of != "" && contains(v.terms.Reads(t.of), m.Name) {
			names = append(names, t.name)
		}
	}
	if len(names) > 0 {
		text += ", on " + strings.Join(names, ", ")
	}
	return text
}

// factWords lists the facts that the terms read.
func (c *claim) factWords() string {
	text := ""
	for i, f := range c.facts(nil) {
		switch {
		case i == 0:
			text += ", with "
		default:
			text += ", "
		}
		if f.Value.IsBool {
			text += fmt.Sprintf("%s %v", f.Name, f.Value.Bool)
		} else {
			text += f.Name + " " + f.Value.Text
		}
	}
	return text
}

// meaning is the reason in plain words.
func (r reason) meaning() string {
	switch r {
	case pending:
		return "it was not accepted and locked, or belongs to a later period"
	case disputed:
		return "a dispute is open"
	case undelivered:
		return "evidence that the terms want delivered has not reached the client"
	case undefined:
		return "a condition or a measure has no value for it"
	case billed:
		return "it is billed"
	case reopened, reversed, cancelled:
		return "it was " + r.String()
	case escalated:
		return "its case was handed over before it was accepted"
	case disputeUpheld:
		return "a dispute about it was upheld, or was not resolved in the time after which it voids"
	case duplicate:
		return "the same was claimed before, and counts once"
	case final:
		return "it was claimed after the last day on which it could be"
	case voidSignature:
		return "its signature is by a key that was revoked before"
	case found:
		return "a finding against the vendor voids it"
	case reduced:
		return "nothing is left of it"
	case where:
		return "the condition of the terms is false for it"
	case noLine:
		return "no line of the terms counts it"
	case evidence:
		return "it lacks evidence that the terms ask for"
	case noEffect:
		return "it names no action, which the terms ask for"
	case outsideTerm:
		return "it lies outside the term"
	case late:
		return "it was claimed after its period was settled"
	case expired:
		return "it was still pending at its horizon"
	case restated:
		return "a later measurement stands in its place"
	case shadow:
		return "it was claimed before the client signed, under terms that the client excluded"
	}
	return r.String()
}
