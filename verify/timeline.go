package verify

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// An Entry is a record as one row of a timeline.
type Entry struct {
	N          int64
	At         record.Time // by its author
	Logged     record.Time // by the ledger
	Kind       record.Kind
	By, Actor  string
	ID         string
	Text       string   // what it says in short
	Details    []Detail // what else it says, and what other records say of it
	Backfilled bool
}

// A Detail is one thing that a record says, in plain words.
type Detail struct{ Name, Text string }

// A Waiting is a record of a case that asks for something which no record
// gives: a dispute without a resolution, a handoff with a deadline or a demand
// without an answer.
type Waiting struct {
	responsibility.Ref
	Kind record.Kind
	Text string
	Past bool // its deadline is over
}

// Tell fills in what was recorded of the case as of the size of the tracing:
// the timeline, what it rests on, and what is waited for. Own are the records
// of the case in ledger order; f holds them and the standing ones. Records
// without a log are left out.
func (t *Tracing) Tell(f *responsibility.Facts, own []*record.Record, opened []Opened) {
	w := newTeller(f, t.Case, t.Size, opened)
	t.Timeline, t.Rests, t.Waiting = nil, nil, nil
	var mine []*record.Record
	for _, r := range own {
		if r.Case == t.Case && r.Log != nil && r.Log.N < t.Size {
			mine = append(mine, r)
			t.Timeline = append(t.Timeline, w.entry(r))
		}
	}
	rests := w.rests(mine)
	for _, r := range rests {
		t.Rests = append(t.Rests, w.entry(r))
	}
	now := f.Now(t.Case, t.Size)
	for _, r := range append(mine, rests...) {
		if x, ok := w.waiting(r, now); ok {
			t.Waiting = append(t.Waiting, x)
		}
	}
}

// entry is the row of a record that has a log.
func (w *teller) entry(r *record.Record) Entry {
	return Entry{N: r.Log.N, At: r.At, Logged: r.Log.Time, Kind: r.Kind, By: r.By, Actor: r.Actor, ID: r.ID, Text: w.inShort(r), Details: w.details(r), Backfilled: r.Backfilled}
}

// String is its index, when it happened, its kind, who says it, its name, and
// what it says in short.
func (e Entry) String() string {
	by := e.By
	if e.Actor != "" {
		by += "/" + e.Actor
	}
	row := fmt.Sprintf("%-12d %s  %-11s %-16s %-20s %s", e.N, e.At, e.Kind, by, e.ID, e.Text)
	if e.Backfilled {
		row += ", backfilled"
	}
	if e.Logged != e.At {
		row += fmt.Sprintf(", recorded %s", e.Logged)
	}
	return plain(strings.TrimRight(row, " "))
}

// write writes the row, and below it the details.
func (e Entry) write(b *strings.Builder) {
	b.WriteString(e.String() + "\n")
	for _, d := range e.Details {
		b.WriteString(plain(strings.TrimRight(fmt.Sprintf("%13s%-15s %s", "", d.Name, d.Text), " ")) + "\n")
	}
}

// How much of a text is told: of what stands in a row, and of a detail. The
// bundle has all of it.
const (
	mostInRow    = 160
	mostInDetail = 1000
	mostTold     = 40 // of the same: fields, claims, checks and the like
	mostBounds   = 4  // in the row of a grant
)

// clipped is the beginning of a text, in characters, with how many are left out.
// What would act or deceive is made visible before.
func clipped(s string, most int) string {
	s = plain(s)
	n := utf8.RuneCountInString(s)
	if n <= most {
		return s
	}
	i := 0
	for range most {
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return fmt.Sprintf("%s … (%d more characters)", s[:i], n-most)
}

// phrase joins pairs of a word and what it leads in, without those that lead
// in nothing.
func phrase(parts ...string) string {
	var s []string
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i+1] != "" {
			s = append(s, strings.TrimSpace(parts[i]+" "+clipped(parts[i+1], mostInRow)))
		}
	}
	return strings.Join(s, ", ")
}

// several joins a list, without its end if it is long.
func several(list []string) string {
	if n := len(list) - mostTold; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:mostTold], ", "), n)
	}
	return strings.Join(list, ", ")
}

func proposed(p *record.Proposal) string {
	if p == nil {
		return ""
	}
	s := strings.TrimSpace(p.Action + " " + string(p.Amount))
	if p.Resource != "" {
		s += " on " + p.Resource
	}
	return s
}

// inShort is what a body says, in a few words.
func inShort(b record.Body) string {
	switch b := b.(type) {
	case *record.Agreement:
		return fmt.Sprintf("version %d of the terms", b.Version)
	case *record.Key:
		return phrase(b.Op, "the key of "+b.Holder, "for", b.Party)
	case *record.Grant:
		return granted(b)
	case *record.Revoke:
		return phrase("ends grant", b.Grant, "because", b.Reason)
	case *record.Config:
		return phrase("", b.Agent+" runs on "+b.Model, "supplied by", b.Supplier)
	case *record.Input:
		fields := "no field in plain"
		if n := int64(len(b.Fields)); n > 0 {
			fields = many(n, "field")
		}
		return phrase("from", b.Source, "corrects", b.Corrects, "flags", strings.Join(b.Flags, " "), "", fields)
	case *record.Decision:
		return phrase("by", b.Agent, "under", b.Config, "grant", b.Grant, "proposes", proposed(b.Proposes))
	case *record.Action:
		return phrase(b.Status, b.Action, "", strings.TrimSpace(string(b.Amount)+" "+b.Currency), "on", b.Resource, "decision", b.Decision, "review", b.Review, "grant", b.Grant, "reverses", b.Reverses, "because", b.Reason)
	case *record.Handoff:
		return phrase("to", b.To, "", b.Reason)
	case *record.Review:
		return phrase(b.Verdict, b.Of, "sets", proposed(b.Sets))
	case *record.Measurement:
		return phrase("", strings.TrimSpace(b.Metric+" "+string(b.Value)))
	case *record.Outcome:
		return phrase("claims", b.Result, "effect", b.Effect)
	case *record.Confirm:
		return phrase(b.Verdict, b.Of, "", b.Reason)
	case *record.Reverse:
		return phrase(b.Cause, b.Of, "by", string(b.Quantity))
	case *record.Dispute:
		return phrase("about", b.About, "", b.Ground)
	case *record.Resolve:
		text := phrase(b.Disposition, b.Dispute, "about", b.About, "by", b.As)
		if b.Dispute == "" {
			text = phrase(b.Disposition, b.About, "by", b.As)
		}
		if b.As == record.ByFinding {
			text = fmt.Sprintf("%s %s at size %d", text, strings.Join(b.Findings, " "), b.Size)
		}
		return text
	case *record.Adjust:
		return phrase("of", b.Of, "", string(b.Amount)+" "+b.Currency, "", b.Reason)
	case *record.Statement:
		return fmt.Sprintf("%s: total %s %s", b.Period, b.Total, b.Currency)
	case *record.Receipt:
		if len(b.Checkpoint) > 1 {
			return phrase("a cosigned checkpoint of size", b.Checkpoint[1])
		}
		return "a cosigned checkpoint"
	case *record.ChainIndex:
		return plural(b.Chains, "chain ends", "chains end") + " where it says"
	case *record.Demand:
		return phrase("of", b.Of, "from", b.Custodian, "", b.Basis)
	case *record.Disclose:
		return phrase("demand", b.Demand, "to", b.To)
	case *record.Erase:
		return phrase(b.State, b.Of, "", b.Basis)
	case *record.Incident:
		return phrase("", b.Severity, "about", strings.Join(b.About, " "), "", b.Text)
	}
	return ""
}

// granted is a grant with its bounds.
func granted(b *record.Grant) string {
	s := fmt.Sprintf("%s lets %s do %s on %s", b.Grantor, b.Grantee, clipped(strings.Join(b.Actions, ", "), mostInRow), clipped(strings.Join(b.Resources, ", "), mostInRow))
	if b.LimitEach != "" {
		s += fmt.Sprintf(", at most %s each", b.LimitEach)
	}
	if b.LimitPeriod != nil {
		s += fmt.Sprintf(", at most %s in %s", b.LimitPeriod.Amount, many(b.LimitPeriod.Days, "day"))
	}
	for i, e := range b.Escalate {
		if i == mostBounds {
			s += fmt.Sprintf(", and %d more bounds for a human", len(b.Escalate)-i)
			break
		}
		s += ", a human first if " + boundary(e)
	}
	if b.Parent != "" {
		s += ", out of grant " + b.Parent
	}
	return s + fmt.Sprintf(", from %s until %s", moment(b.From), moment(b.Until))
}

// boundary is when a human decides.
func boundary(e record.Boundary) string {
	switch e.When {
	case "amount_over":
		return "the amount is over " + e.Value
	case "confidence_under":
		return "the confidence is under " + e.Value
	case "flag":
		return "an input has the flag " + e.Value
	case "action":
		return "the action is " + e.Value
	case "check_result":
		return "a check says " + e.Value
	}
	return strings.TrimSpace(words(e.When) + " " + e.Value)
}

// lasting is a span of time in milliseconds, not negative, for people.
func lasting(ms record.Time) string {
	two := func(a record.Time, ua string, b record.Time, ub string) string {
		if b == 0 {
			return fmt.Sprintf("%d %s", a, ua)
		}
		return fmt.Sprintf("%d %s %d %s", a, ua, b, ub)
	}
	s := ms / 1000
	switch {
	case ms < 60_000 && ms%1000 != 0:
		return strings.TrimRight(fmt.Sprintf("%d.%03d", s, ms%1000), "0") + " s"
	case ms < 60_000:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return two(s/60, "min", s%60, "s")
	case s < 86_400:
		return two(s/3600, "h", s%3600/60, "min")
	}
	return two(s/86_400, "d", s%86_400/3600, "h")
}
