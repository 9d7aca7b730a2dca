package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
)

func settleCommand() *cli.Command {
	return &cli.Command{
		Name:  "settle",
		Usage: "settle the next period: append its statement",
		Description: `A period can be settled from its closing instant on, which the terms fix.

Examples:
    raasledger settle --db store
    raasledger settle --db store --all --json`,
		Flags: append(storeFlags(),
			&cli.BoolFlag{Name: "all", Usage: "settle every period that has closed"},
			jsonFlag()),
		Action: settle,
	}
}

func settle(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		for done := 0; ; done++ {
			r, err := l.Settle(c.Context)
			if _, notDue := errors.AsType[*ledger.NotDueError](err); done > 0 && (notDue || errors.Is(err, ledger.ErrAllSettled)) {
				return nil
			}
			if err != nil {
				return err
			}
			standing, err := standingOfTerms(l)
			if err != nil {
				return err
			}
			if err := reportStatement(c, r, standing); err != nil {
				return err
			}
			if !c.Bool("all") {
				return nil
			}
		}
	})
}

// standingOfTerms is what stands in a ledger by the records so far.
func standingOfTerms(l *ledger.Ledger) (standing *terms.Standing, err error) {
	err = l.State(func(s *fee.State) error {
		standing = s.Standing().Clone()
		return nil
	})
	return standing, err
}

// reportStatement prints a statement record: as a table, or with --json as
// its line. The standing has the terms.
func reportStatement(c *cli.Context, r *record.Record, standing *terms.Standing) error {
	if c.Bool("json") {
		line, err := record.Marshal(r)
		if err != nil {
			return err
		}
		return command.Report(c, "%s\n", line)
	}
	s, ok := r.Body.(*record.Statement)
	if !ok {
		return fmt.Errorf("record %s is %s, want %s", r.ID, r.Kind, record.KindStatement)
	}
	n := int64(-1)
	if r.Log != nil {
		n = r.Log.N
	}
	return writeStatement(c.App.Writer, s, n, standing)
}

// writeStatement writes a statement as a table: what was priced, how it came
// to the total, whose word it rests on, and what was left out. n is the
// index of its record, -1 for what has only accrued; the standing has the terms,
// which say what is counted, and what is done to it.
func writeStatement(w io.Writer, s *record.Statement, n int64, standing *terms.Standing) error {
	var b strings.Builder
	head := fmt.Sprintf("statement %s, record %d", s.Period, n)
	if n < 0 {
		head = fmt.Sprintf("statement %s as it would be if nothing more were recorded until its closing", s.Period)
	}
	if !s.Agreed {
		head += ", NOT AGREED: the client has not signed the terms"
	}
	fmt.Fprintf(&b, "%s\n%v to %v, closing %v\n", head, s.From, s.Until, s.Closing)
	row := func(name, quantity, amount string) {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-36s %14s %18s", name, quantity, amount), " ") + "\n")
	}
	b.WriteByte('\n')
	row("line", "quantity", s.Currency)
	account := fee.NewAccount(standing, s)
	versions := standing.Versions()
	steps := func(indent string, list []fee.Step) {
		for _, step := range list {
			b.WriteString(indent + step.String() + "\n")
		}
	}
	for i, l := range s.Lines {
		a := account.Line(s, i)
		row(versioned(l.Name, l.Version, s), string(l.Quantity), string(l.Amount))
		if l.Before != "" {
			row("  at the statement before", string(l.Before), "")
		}
		if a.Each != "" {
			fmt.Fprintf(&b, "  %s\n", a.Each)
		}
		steps("  ", a.Quantity)
		steps("  ", a.Tiers)
		writeReadings(row, l.Reads, "  ")
		steps("  ", a.Amount)
		if a.Less != nil {
			steps("  ", []fee.Step{*a.Less})
		}
		if a.Held != "" {
			fmt.Fprintf(&b, "  %s\n", a.Held)
		}
		if l.Records > 0 {
			fmt.Fprintf(&b, "  %s, n %d to %d\n", count(l.Records, fee.LineNoun(versions, &l)), l.First, l.Last)
		}
	}
	corrections := func() {
		for _, k := range s.Corrections {
			row(fmt.Sprintf("correction %s %s", k.Period, versioned(k.Line, k.Version, s)),
				fmt.Sprintf("%s to %s", k.QuantityBefore, k.Quantity), string(k.Amount))
		}
	}
	if account.CorrectionsFirst {
		corrections()
	}
	if len(account.Adjust) > 0 || account.CorrectionsFirst {
		steps("", account.Sum)
	}
	writeReadings(row, s.Reads, "")
	steps("", account.Adjust)
	row("subtotal", "", string(s.Subtotal))
	if !account.CorrectionsFirst {
		corrections()
	}
	row("carried in", "", string(s.CarriedIn))
	row("total", "", string(s.Total))
	if strings.Contains(account.Total.How, "; ") {
		fmt.Fprintf(&b, "  %s\n", account.Total.How)
	}
	row("carried out", "", string(s.CarriedOut))
	for _, p := range s.Prepaid {
		row(fmt.Sprintf("  from prepaid %s, which leaves %s", p.Name, p.After), "", string(p.Used))
	}
	if s.Due != "" {
		row("still to be paid", "", string(s.Due))
	}
	if len(s.Grades) > 0 {
		b.WriteByte('\n')
		row("by whose word", "", s.Currency)
		for _, g := range s.Grades {
			row("  "+g.Words(), "", string(g.Amount))
		}
	}
	if len(s.Counts) > 0 {
		b.WriteByte('\n')
		row("what became of them", "count", "")
		for _, k := range s.Counts {
			row("  "+strings.ReplaceAll(k.Reason, "_", " "), count(k.N, fee.CountNoun(versions, k.Reason)), "")
		}
	}
	b.WriteByte('\n')
	for i, d := range s.Terms {
		fmt.Fprintf(&b, "terms %d  %s\n", i+1, d)
	}
	fmt.Fprintf(&b, "detail   %s\nstate    %s\n", s.Detail, s.State)
	_, err := io.WriteString(w, b.String())
	return err
}

// versioned names a line, with its version of the terms where the statement
// rests on more than one.
func versioned(line string, version int64, s *record.Statement) string {
	if len(s.Terms) > 1 {
		return fmt.Sprintf("%s (version %d)", line, version)
	}
	return line
}

func writeReadings(row func(name, quantity, amount string), reads []record.Reading, indent string) {
	for _, r := range reads {
		value := string(r.Value)
		if value == "" {
			value = "no value"
		}
		row(indent+r.Name, value, "")
	}
}

func jsonLine(c *cli.Context, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return command.Report(c, "%s\n", text)
}
