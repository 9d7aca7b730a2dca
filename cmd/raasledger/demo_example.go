package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/story"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/testdata/agreements"
	"github.com/raasledger/raasledger/verify"
)

// listExamples names the agreements that the demo can run.
func listExamples(w io.Writer) error {
	names := agreements.Names()
	width := 0
	for _, name := range names {
		width = max(width, len(name))
	}
	for _, name := range names {
		e, err := agreements.Open(name)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%-*s  %s\n", width, name, e.Title); err != nil {
			return err
		}
	}
	return nil
}

// runExample runs each case of an example: agreement, records, statements,
// bundle, verification, and what somebody worked by hand beside it. The files
// are left in dir, if one is named.
func runExample(c *cli.Context, name, dir string) (err error) {
	e, err := agreements.Open(name)
	if err != nil {
		return command.Usage("raasledger demo --list names them", "%v", err)
	}
	keep := dir != ""
	if !keep {
		if dir, err = os.MkdirTemp("", "raasledger-demo-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.Mkdir(dir, 0o755); err != nil {
		return command.Failed("name a folder that is not there yet", err)
	}
	if err := command.Report(c, "%s\n", e.Title); err != nil {
		return err
	}
	for _, example := range e.Cases {
		run, err := playExample(c.Context, filepath.Join(dir, "store"), name, example)
		if err != nil {
			return storeError(fmt.Errorf("%s: %w", exampleName(name, example), err))
		}
		var text bytes.Buffer
		run.write(&text)
		if keep {
			files, err := run.save(dir, command.Now(c))
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, "   %s%s\n", goRun(filepath.ToSlash(os.Args[0])), files)
		}
		if _, err := c.App.Writer.Write(text.Bytes()); err != nil {
			return err
		}
		if len(run.wrong) > 0 {
			return command.Refused("", errors.New(run.wrong[0]))
		}
	}
	return nil
}

// exampleName names a case like "sierra" or "deloitte_hybrid/minimum".
func exampleName(name string, c agreements.Case) string {
	if c.Name == "" {
		return name
	}
	return name + "/" + c.Name
}

// An exampleRun is what came out of one case.
type exampleRun struct {
	agreements.Case
	name       string
	terms      *terms.Terms
	expected   []story.Expected
	statements []*record.Statement
	policy     []byte
	bundle     []byte
	report     *verify.Report
	wrong      []string  // what is not as worked by hand
	now        time.Time // by the clock of the story
}

// playExample takes a case the whole way, in a ledger of its own in the store
// at path.
func playExample(ctx context.Context, path, name string, c agreements.Case) (run *exampleRun, err error) {
	run = &exampleRun{Case: c, name: exampleName(name, c)}
	canonical, err := draftExample(c.Agreement)
	if err != nil {
		return nil, fmt.Errorf("agreement: %w", err)
	}
	if run.expected, err = readExpected(c.Statement); err != nil {
		return nil, fmt.Errorf("statement: %w", err)
	}
	clock := new(story.Clock)
	db, err := ledger.Open(path, ledger.Options{Clock: clock.Now})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	deal, err := story.Agree(ctx, db, clock, "demo.example/"+run.name, canonical)
	if err != nil {
		return nil, err
	}
	run.terms, run.policy = deal.Terms, deal.PolicyText
	records, err := readYAML(c.Records)
	if err != nil {
		return nil, fmt.Errorf("records: %w", err)
	}
	scenes, err := story.Parse(records.json, deal.Terms)
	if err != nil {
		return nil, fmt.Errorf("records: %w", placed(records, err))
	}
	settled, err := deal.Run(ctx, scenes, len(run.expected))
	if err != nil {
		return nil, err
	}
	for i, r := range settled {
		run.statements = append(run.statements, r.Statement)
		run.wrong = append(run.wrong, run.expected[i].Compare(run.statements[i])...)
	}
	run.now = clock.Now()
	if run.bundle, run.report, err = bundled(ctx, deal, 0, nil); err != nil {
		return nil, err
	}
	// Whoever has checked the first statements goes on from one of them, with
	// what it carried over. Where findings rest on an index of the chains, only a
	// bundle from the first record on shows that nothing is left out.
	if n := len(settled); n > 1 && (run.report.Index == nil || run.report.Index.N < settled[n-2].N) {
		if _, _, err := bundled(ctx, deal, settled[n-2].N, settled[n-2].Checkpoint); err != nil {
			return nil, err
		}
	}
	return run, nil
}

// bundled writes a bundle and verifies it as the client would.
func bundled(ctx context.Context, deal *story.Deal, from int64, since []byte) ([]byte, *verify.Report, error) {
	text, err := deal.Bundle(ctx, from)
	if err != nil {
		return nil, nil, err
	}
	report, err := deal.Verify(bytes.NewReader(text), since)
	if err != nil {
		return nil, nil, err
	}
	if report.Verdict != verify.Verified {
		var b strings.Builder
		report.WriteText(&b)
		return nil, nil, fmt.Errorf("the bundle from %d on is %s: %s", from, report.Verdict, b.String())
	}
	return text, report, nil
}

// readExpected reads the statements that somebody worked by hand.
func readExpected(yaml []byte) ([]story.Expected, error) {
	doc, err := readYAML(yaml)
	if err != nil {
		return nil, err
	}
	expected, err := story.ParseExpected(doc.json)
	if err != nil {
		return nil, placed(doc, err)
	}
	return expected, nil
}

// draftExample makes the canonical terms of an example.
func draftExample(yaml []byte) ([]byte, error) {
	doc, err := readYAML(yaml)
	if err != nil {
		return nil, err
	}
	canonical, mistakes := terms.Draft(doc.json, zoneOffsets)
	var all []error
	for _, m := range mistakes {
		if !m.Warning {
			all = append(all, fmt.Errorf("%s: %s: %s", doc.at(m.Path), m.Path, m.Reason))
		}
	}
	return canonical, errors.Join(all...)
}

// placed gives the mistakes of a story their places in the YAML.
func placed(doc *document, err error) error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range list.Unwrap() {
			all = append(all, placed(doc, e))
		}
		return errors.Join(all...)
	}
	m, ok := errors.AsType[*story.Mistake](err)
	if !ok {
		return err
	}
	return fmt.Errorf("%s: %w", doc.at(strings.TrimPrefix(m.Path, "[")), m)
}

// write tells what came out, statement by statement, and what was worked by
// hand beside it.
func (x *exampleRun) write(w io.Writer) {
	if x.Title != "" {
		fmt.Fprintf(w, "\n%s\n", x.Title)
	}
	for i, s := range x.statements {
		left := append([]string{"Statement " + s.Period, ""}, statementLines(s)...)
		right := append([]string{"By hand", ""}, strings.Split(strings.TrimSpace(x.expected[i].ByHand), "\n")...)
		fmt.Fprintln(w)
		writeBeside(w, left, right)
	}
	fmt.Fprintf(w, "\n%s: %d records in a bundle of %d KiB\n", x.report.Result(), x.report.Size, (len(x.bundle)+1023)/1024)
	for _, text := range x.wrong {
		fmt.Fprintf(w, "DIFFERENT: %s\n", command.Printable(text))
	}
	if len(x.wrong) == 0 {
		fmt.Fprintf(w, "Both agree: %s, to the last digit.\n", count(int64(len(x.statements)), "statement"))
	}
}

// statementLines is a statement in a few words, a row of a table each.
func statementLines(s *record.Statement) []string {
	type row struct{ name, quantity, amount string }
	var rows []row
	for _, l := range s.Lines {
		quantity := string(l.Quantity)
		if l.Before != "" {
			quantity = string(l.Before) + " -> " + quantity
		}
		if l.Held {
			quantity = "held"
		}
		rows = append(rows, row{l.Name, quantity, string(l.Amount)})
		for _, r := range l.Reads {
			rows = append(rows, row{"  " + r.Name, string(r.Value), ""})
		}
	}
	for _, a := range s.Adjust {
		rows = append(rows, row{strings.ReplaceAll(a.Op, "_", " "), string(a.Before), string(a.After)})
	}
	for _, r := range s.Reads {
		rows = append(rows, row{"  " + r.Name, string(r.Value), ""})
	}
	for _, c := range s.Corrections {
		rows = append(rows, row{c.Period + " " + c.Line, string(c.QuantityBefore + " -> " + c.Quantity), string(c.Amount)})
	}
	for _, balance := range []struct {
		name   string
		amount record.Decimal
		always bool
	}{{"carried in", s.CarriedIn, false}, {"total in " + s.Currency, s.Total, true}, {"due", s.Due, s.Due != ""}, {"carried out", s.CarriedOut, false}} {
		if balance.always || balance.amount != "" && !balance.amount.Zero() {
			rows = append(rows, row{balance.name, "", string(balance.amount)})
		}
	}
	var widths [3]int
	for _, r := range rows {
		widths = [3]int{max(widths[0], len(r.name)), max(widths[1], len(r.quantity)), max(widths[2], len(r.amount))}
	}
	var lines []string
	for _, r := range rows {
		lines = append(lines, fmt.Sprintf("%-*s  %*s  %*s", widths[0], r.name, widths[1], r.quantity, widths[2], r.amount))
	}
	return lines
}

// writeBeside writes two columns.
func writeBeside(w io.Writer, left, right []string) {
	width := 0
	for _, line := range left {
		width = max(width, utf8.RuneCountInString(line))
	}
	for i := range max(len(left), len(right)) {
		var l, r string
		if i < len(left) {
			l = left[i]
		}
		if i < len(right) {
			r = right[i]
		}
		fmt.Fprintf(w, "%s\n", strings.TrimRight("   "+l+strings.Repeat(" ", width-utf8.RuneCountInString(l))+"   |  "+r, " "))
	}
}

// save leaves the files of a case in dir, and returns the command that goes on
// with them. now is the clock of whoever runs it: a story may go on into days to
// come.
func (x *exampleRun) save(dir string, now time.Time) (string, error) {
	base := strings.ReplaceAll(x.name, "/", "-")
	for name, text := range map[string][]byte{
		".agreement.yaml": x.Agreement, ".records.yaml": x.Records, ".statement.yaml": x.Statement, ".bundle": x.bundle, ".policy": x.policy,
	} {
		if err := os.WriteFile(filepath.Join(dir, base+name), text, 0o644); err != nil {
			return "", err
		}
	}
	at := func(name string) string { return quoteShell(filepath.Join(dir, base+name)) }
	command := fmt.Sprintf("raasverify check %s --policy %s", at(".bundle"), at(".policy"))
	if x.now.After(now) {
		command += " --now " + x.now.Add(time.Second).Format(time.RFC3339) // which has no fractions
	}
	return command, nil
}
