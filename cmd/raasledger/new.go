package main

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/testdata/agreements"
)

func newCommand() *cli.Command {
	return &cli.Command{
		Name:  "new",
		Usage: "begin a draft with the terms of a worked agreement",
		Description: `Each choice of the terms stands in the draft with a comment that says what else
could be chosen. The parties, their keys and all figures are those of the
example: put yours. docs/agreements.md tells what each comes to.

Examples:
    raasledger agreement new --list
    raasledger agreement new --like sierra -o terms.yaml`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "like", Usage: "the example `NAME`, or NAME/CASE"},
			&cli.BoolFlag{Name: "list", Usage: "name the examples"},
		}, command.OutputFlags()...),
		Action: newTerms,
	}
}

func newTerms(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	if err := command.Exclude(c, "like", "list"); err != nil {
		return err
	}
	if c.Bool("list") {
		if c.IsSet("o") || c.IsSet("force") {
			return command.Usage("", "-o and --force go with --like")
		}
		return listTerms(c)
	}
	if err := command.Need(c, "raasledger agreement new --list names the examples", "like"); err != nil {
		return err
	}
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	terms, err := exampleTerms(c.String("like"))
	if err != nil {
		return err
	}
	if _, err := out.Write(annotated(c.String("like"), terms)); err != nil {
		return err
	}
	return out.Commit()
}

// listTerms names the examples, and their cases that have terms of their own.
func listTerms(c *cli.Context) error {
	type row struct{ name, title string }
	var rows []row
	width := 0
	for _, name := range agreements.Names() {
		e, err := agreements.Open(name)
		if err != nil {
			return err
		}
		rows = append(rows, row{name, e.Title})
		for _, k := range e.Cases[1:] {
			if !bytes.Equal(k.Agreement, e.Cases[0].Agreement) {
				rows = append(rows, row{name + "/" + k.Name, k.Title})
			}
		}
	}
	for _, r := range rows {
		width = max(width, len(r.name))
	}
	for _, r := range rows {
		if err := command.Report(c, "%-*s  %s\n", width, r.name, r.title); err != nil {
			return err
		}
	}
	return nil
}

// exampleTerms are the terms of an example, or of one of its cases.
func exampleTerms(like string) ([]byte, error) {
	const hint = "raasledger agreement new --list names the examples"
	name, which, _ := strings.Cut(like, "/")
	e, err := agreements.Open(name)
	if err != nil {
		return nil, command.Failed(hint, err)
	}
	for _, k := range e.Cases {
		if k.Name == which {
			return k.Agreement, nil
		}
	}
	return nil, command.Failed(hint, fmt.Errorf("the example %s has no case %q", name, which))
}

// choices say what each field is for and what else could stand there. Under a
// name that people choose stands "*".
var choices = map[string]string{
	"title":          "What people call this agreement.",
	"parties":        "Who agrees, or is named: role vendor (is paid, runs the ledger), client (pays), third, arbiter, ... The keys are what each side signs with: raasledger key new, raasledger key show. THESE ARE EXAMPLES that everybody has: put your own.",
	"currency":       "The code of the currency, and how many decimals its amounts have (scale, 0 to 6).",
	"rounding":       "mode: half_up, half_even, down, up. at: event (each result's price), tier, line, statement.",
	"calendar":       "zone: an IANA name. period: day, week, month, quarter, year. day_count, where something is prorated: actual, fixed_30, seconds.",
	"effective":      "From when until when, in UTC; until is the first instant outside.",
	"record_delay":   "How long after the fact a record's own time counts: a duration, or unlimited. Later ones count from when they were recorded.",
	"skew":           "How far ahead of the ledger's clock a record may be dated, at most 24h.",
	"backfill":       "History from before, marked as such: accept or refuse.",
	"results":        "What can be claimed. A definition can be named instead of written out: raasledger agreement fragments.",
	"metrics":        "What is measured: by whom, with which facts beside the value, and how long a measurement can be restated.",
	"measures":       "A number each: count, sum, min, max, last, mean or distinct, of a result, metric/NAME.value or action/NAME, or count of finding/RESULT; where: a condition; over: period or term; of a metric, missing: what stands in (last, value, other, hold).",
	"constants":      "Agreed numbers that formulas read.",
	"formulas":       "Numbers computed from measures, constants and each other.",
	"lines":          "What is paid for: of a measure or formula, mode graduated (each unit at its tier's price), volume (all at the price of the tier that is reached) or each (a result at a time), or flat. adjust: in the order in which they stand.",
	"adjust":         "What is done to the sum of the lines, in the order in which they stand.",
	"responsibility": "Who answers for what an agent did: the rule set, approvers, duties (docs/rules.md).",
	"settle":         "close_after: how long after a period it is settled. late: what is recorded after that: current (next statement), correction (of its period), refuse. negative totals: carry, credit, forfeit. corrections: after_minimum, before_minimum. prepaid: what was paid before.",

	"results.*.facts":       "What a claim states: bool, decimal, text or time; {} if nothing.",
	"results.*.quantity":    "Optional: the decimal fact that a reversal in part takes from.",
	"results.*.once_per":    "What is paid once: case, subject, id or fact:NAME.",
	"results.*.where":       "Optional: only claims of which this is true are billed.",
	"results.*.claim":       "Who may claim.",
	"results.*.evidence":    "Optional: what must be attached.",
	"results.*.delivered":   "Optional: which of the evidence the client must have received, with a receipt of it, before the claim counts.",
	"results.*.accept":      "What accepts a claim: on claim (nothing more), client (its express yes), silence (after a time, from claim or from receipt), third (by a party that is named).",
	"results.*.dispute":     "none, or within which time the client can object, and what becomes of it when nobody resolves it: then accept, void or arbiter.",
	"results.*.reopen":      "none, or the guarantee: what does not last so long, from occurred, accepted or locked, is given back.",
	"results.*.effect":      "Optional: each claim names the action behind it. disputed: hold (a dispute about the action is one about the claim) or ignore; findings: the rules that void a claim, or keep it.",
	"results.*.escalation":  "A person took over before acceptance: void (free) or ignore.",
	"results.*.lock":        "How long nothing is billed yet: a time from the claim, 0s if not at all; or until a day begins, {months: 2, day: 1} is the end of the month after that of the claim.",
	"results.*.billed_at":   "Which instant decides the period: occurred, accepted, locked, recorded.",
	"results.*.final_after": "When nobody can change anything any more.",
}

// annotated is an example's YAML with a comment above each field, where it
// stands first. The comments of the example stay.
func annotated(like string, text []byte) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Begun with the worked agreement %s. Its parties, keys and figures are examples.\n", like)
	out.WriteString("# raasledger agreement check FILE says what is wrong; raasledger simulate FILE --over PAST what it comes to.\n#\n")
	seen := map[string]bool{}
	section := ""
	for line := range strings.Lines(string(text)) {
		key, isKey := "", false
		body := strings.TrimLeft(line, " ")
		indent := len(line) - len(body)
		if at := strings.IndexByte(body, ':'); at > 0 && !strings.ContainsAny(body[:at], " #\"{[-") {
			key, isKey = body[:at], true
		}
		path := ""
		switch {
		case isKey && indent == 0:
			section, path = key, key
		case isKey && indent == 4 && section == "results":
			path = "results.*." + key
		}
		if words, ok := choices[path]; ok && !seen[path] {
			seen[path] = true
			for _, row := range wrapped(words, 100-indent) {
				fmt.Fprintf(&out, "%s# %s\n", strings.Repeat(" ", indent), row)
			}
		}
		out.WriteString(line)
	}
	return out.Bytes()
}

// wrapped breaks words into rows of at most width.
func wrapped(words string, width int) (rows []string) {
	row := ""
	for _, word := range strings.Fields(words) {
		if row != "" && utf8.RuneCountInString(row)+1+utf8.RuneCountInString(word) > width {
			rows, row = append(rows, row), ""
		}
		if row != "" {
			row += " "
		}
		row += word
	}
	return append(rows, row)
}
