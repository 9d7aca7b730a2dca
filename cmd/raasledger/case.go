package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
)

func caseCommand() *cli.Command {
	return &cli.Command{
		Name:      "case",
		Usage:     "show what was recorded of a case, in order",
		ArgsUsage: "CASE",
		Description: `One line a record: its index, when it happened, its kind, who says it, its
name, and what it says in short. With --json the records themselves are
printed. bundle case CASE writes them with the proof that they are all.

Example:
    raasledger case T-1001 --db store`,
		Flags:  append(storeFlags(), jsonFlag()),
		Action: showCase,
	}
}

func showCase(c *cli.Context) error {
	args, err := command.Args(c, "CASE")
	if err != nil {
		return err
	}
	chain, err := caseChain(args[0])
	if err != nil {
		return err
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		ns, err := l.Chain(c.Context, chain)
		if err != nil {
			return err
		}
		if len(ns) == 0 {
			return command.Failed("raasledger bundle case proves it to others", fmt.Errorf("there is no case %s", args[0]))
		}
		if !c.Bool("json") {
			if err := command.Report(c, "case         %s, %s\n", args[0], count(int64(len(ns)), "record")); err != nil {
				return err
			}
		}
		for _, n := range ns {
			line, err := l.Get(n)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				if err := command.Report(c, "%s\n", line); err != nil {
					return err
				}
				continue
			}
			r, err := record.Parse(line)
			if err != nil {
				return err
			}
			if err := command.Report(c, "%s\n", timelineRow(r)); err != nil {
				return err
			}
		}
		return nil
	})
}

// caseChain is the chain of a case that a person names.
func caseChain(id string) (string, error) {
	chain := record.ChainOfCase(id)
	if !record.IsChain(chain) {
		return "", command.Usage("docs/record.md says what an id is", "%q is no name of a case", id)
	}
	return chain, nil
}

// timelineRow is a record in one line.
func timelineRow(r *record.Record) string {
	by := r.By
	if r.Actor != "" {
		by += "/" + r.Actor
	}
	row := fmt.Sprintf("%-12d %s  %-11s %-16s %-20s %s", r.Log.N, r.At, r.Kind, by, r.ID, command.Printable(inShort(r.Body)))
	if r.Backfilled {
		row += ", backfilled"
	}
	if r.Log.Time != r.At {
		row += fmt.Sprintf(", recorded %s", r.Log.Time)
	}
	return strings.TrimRight(row, " ")
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
		return words(b.Disposition, b.Dispute, "about", b.About, "by", b.As)
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

// subject is the chain that a bundle is of: that of a case, or of the config,
// input or grant with an id.
func subject(l *ledger.Ledger, what, id string) (string, error) {
	switch what {
	case "case":
		return caseChain(id)
	case "affected":
	default:
		return "", command.Usage("raasledger bundle case CASE, or raasledger bundle affected REF", "no bundle %q", what)
	}
	n, ok, err := l.Find(id)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", command.Failed("REF is the id of a config, an input or a grant", fmt.Errorf("there is no record %q", id))
	}
	line, err := l.Get(n)
	if err != nil {
		return "", err
	}
	r, err := record.Parse(line)
	if err != nil {
		return "", err
	}
	switch r.Kind {
	case record.KindConfig:
		return record.ChainOfConfig(id), nil
	case record.KindGrant:
		return record.ChainOfGrant(id), nil
	case record.KindInput, record.KindMeasurement:
		return record.ChainOfInput(id), nil
	}
	return "", command.Failed("", fmt.Errorf("record %s is of kind %s, want config, input, measurement or grant", id, r.Kind))
}

// writeCaseBundle writes the bundle of a case, or of what is affected by a
// record.
func writeCaseBundle(c *cli.Context, l *ledger.Ledger, what, id string, o ledger.CaseOptions) error {
	of, err := subject(l, what, id)
	if err != nil {
		return err
	}
	return deliver(c, l, func(w *progressWriter) (string, error) {
		return "case bundle of " + of, l.WriteCase(c.Context, w, of, o)
	})
}
