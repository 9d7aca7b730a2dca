package auditor

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/verify"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "why a result was billed or not",
		ArgsUsage: "BUNDLE RESULT",
		Description: `RESULT is its name and key, or the id of the record that claims it. The
bundle is verified as by check, and nothing is explained from one that is
refused. What statements of the bundle made of the result follows where it is
given by name and key.

Examples:
    raasverify explain march.bundle resolved/T-1001 --policy policy
    raasverify explain march.bundle outcome-1001 --policy policy --json`,
		Flags:  append(policyFlags(), &cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Action: explain,
	}
}

// A settled line is what one statement says of the result.
type settled struct {
	Period   string `json:"period"`
	Line     string `json:"line,omitempty"`
	Quantity string `json:"quantity,omitempty"`
	Amount   string `json:"amount,omitempty"`
	Reason   string `json:"reason"`
}

func explain(c *cli.Context) error {
	args, err := command.Args(c, "BUNDLE", "RESULT")
	if err != nil {
		return err
	}
	result := args[1]
	o, err := options(c)
	if err != nil {
		return err
	}
	// Statements also tell of results that have left the state.
	statements := []settled{}
	o.Detail = func(period string, line []byte) error {
		d, err := parseDetail(line)
		if err != nil {
			return err
		}
		if d.result+"/"+d.key == result {
			d.Period = period
			statements = append(statements, d.settled)
		}
		return nil
	}
	in, err := command.Open(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	show, wipe := command.Progress(c, "records")
	o.Progress = show
	text, report, err := verify.Explain(in, o, result)
	wipe()
	switch {
	case report == nil:
		return err
	case report.ExitCode() == command.ExitRefused:
		if err := report.WriteText(c.App.ErrWriter); err != nil {
			return err
		}
		return command.Refused("", errors.New("the bundle is refused, nothing in it is explained"))
	case err != nil && len(statements) == 0:
		return command.Failed("a result is named by name and key, like resolved/T-1001, or by the id of its claim", err)
	case err != nil:
		text = result + "\n"
	}
	if err := writeStory(c, result, text, statements, report); err != nil {
		return err
	}
	return command.Exit(report.ExitCode())
}

func writeStory(c *cli.Context, result, text string, statements []settled, report *verify.Report) error {
	if c.Bool("json") {
		lines := []string{}
		for line := range strings.Lines(text) {
			lines = append(lines, strings.TrimSpace(line))
		}
		out, err := json.Marshal(struct {
			Result     string         `json:"result"`
			Lines      []string       `json:"lines"`
			Statements []settled      `json:"statements"`
			Verdict    verify.Verdict `json:"verdict"`
			Exit       int            `json:"exit"`
		}{result, lines, statements, report.Verdict, report.ExitCode()})
		if err != nil {
			return err
		}
		return command.Report(c, "%s\n", out)
	}
	var b strings.Builder
	b.WriteString(text)
	for _, d := range statements {
		fmt.Fprintf(&b, "statement %s: %s", d.Period, strings.ReplaceAll(d.Reason, "_", " "))
		if d.Line != "" {
			fmt.Fprintf(&b, ", line %s, quantity %s, amount %s", d.Line, d.Quantity, d.Amount)
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "Result: %s\n", report.Verdict)
	return command.Report(c, "%s", b.String())
}

// A detail is a detail line of a statement.
type detail struct {
	result, key string
	settled
}

// parseDetail reads [n, result, key, line, quantity, amount, reason].
func parseDetail(line []byte) (*detail, error) {
	wrong := func() error {
		return fmt.Errorf("detail line %s has not the form [n, result, key, line, quantity, amount, reason]", line)
	}
	var fields []any
	if err := json.Unmarshal(line, &fields); err != nil || len(fields) != 7 {
		return nil, wrong()
	}
	text := make([]string, len(fields))
	for i, f := range fields[1:] {
		s, ok := f.(string)
		if !ok {
			return nil, wrong()
		}
		text[i+1] = s
	}
	return &detail{text[1], text[2], settled{Line: text[3], Quantity: text[4], Amount: text[5], Reason: text[6]}}, nil
}
