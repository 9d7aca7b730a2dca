package verify

import (
	"fmt"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// An Entry is a record as one line of a timeline.
type Entry struct {
	N          int64
	At         record.Time // by its author
	Logged     record.Time // by the ledger
	Kind       record.Kind
	By, Actor  string
	ID         string
	Text       string // what it says in short, "" where its kind says it all
	Backfilled bool
}

// Timeline is what was recorded of a case: one entry for each record that names
// it, in ledger order. Records without a log are left out.
func Timeline(matter string, records []*record.Record) []Entry {
	var all []Entry
	for _, r := range records {
		if r.Case == matter && r.Log != nil {
			all = append(all, NewEntry(r))
		}
	}
	return all
}

// NewEntry is the entry of a record that has a log.
func NewEntry(r *record.Record) Entry {
	return Entry{N: r.Log.N, At: r.At, Logged: r.Log.Time, Kind: r.Kind, By: r.By, Actor: r.Actor, ID: r.ID, Text: inShort(r.Body), Backfilled: r.Backfilled}
}

// String is its index, when it happened, its kind, who says it, its name, and
// what it says.
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

// inShort is what a body says, in a few words.
func inShort(b record.Body) string {
	words := func(parts ...string) string {
		var s []string
		for i := 0; i+1 < len(parts); i += 2 {
			if parts[i+1] != "" {
				s = append(s, strings.TrimSpace(parts[i]+" "+parts[i+1]))
			}
		}
		return strings.Join(s, ", ")
	}
	proposal := func(p *record.Proposal) string {
		if p == nil {
			return ""
		}
		return strings.TrimSpace(strings.Join([]string{p.Action, string(p.Amount), p.Resource}, " "))
	}
	switch b := b.(type) {
	case *record.Input:
		return words("from", b.Source, "corrects", b.Corrects, "flags", strings.Join(b.Flags, " "))
	case *record.Decision:
		return words("by", b.Agent, "under", b.Config, "grant", b.Grant, "proposes", proposal(b.Proposes))
	case *record.Action:
		return words(b.Status, b.Action, "", strings.TrimSpace(string(b.Amount)+" "+b.Currency), "on", b.Resource, "decision", b.Decision, "review", b.Review, "grant", b.Grant, "reverses", b.Reverses)
	case *record.Handoff:
		return words("to", b.To, "", b.Reason)
	case *record.Review:
		return words(b.Verdict, b.Of, "sets", proposal(b.Sets))
	case *record.Measurement:
		return words(b.Metric, string(b.Value))
	case *record.Outcome:
		return words("claims", b.Result, "effect", b.Effect)
	case *record.Confirm:
		return words(b.Verdict, b.Of, "", b.Reason)
	case *record.Reverse:
		return words(b.Cause, b.Of, "by", string(b.Quantity))
	case *record.Dispute:
		return words("about", b.About, "", b.Ground)
	case *record.Resolve:
		text := words(b.Disposition, b.Dispute, "about", b.About, "by", b.As)
		if b.As == record.ByFinding {
			text = fmt.Sprintf("%s %s at size %d", text, strings.Join(b.Findings, " "), b.Size)
		}
		return text
	case *record.Adjust:
		return words("of", b.Of, "", string(b.Amount)+" "+b.Currency, "", b.Reason)
	case *record.Demand:
		return words("of", b.Of, "from", b.Custodian, "", b.Basis)
	case *record.Disclose:
		return words("demand", b.Demand, "to", b.To)
	case *record.Erase:
		return words(b.State, b.Of, "", b.Basis)
	case *record.Incident:
		return words("", b.Severity, "about", strings.Join(b.About, " "), "", b.Text)
	}
	return "" // the others have no case
}
