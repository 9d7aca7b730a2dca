package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
)

func findCommand() *cli.Command {
	return &cli.Command{
		Name:      "find",
		Usage:     "decide a dispute, a claim or a reversal by what the agreed rules find",
		ArgsUsage: "DISPUTE|CLAIM|REVERSE",
		Description: `The action behind a claim is judged by the agreed rules (docs/rules.md), and the
terms say what follows for the fee: a dispute is upheld or rejected, a claim is
void, a reversal has no effect. The findings are printed with their records. A
chain index and the record that names them are appended; the ledger and every
verifier compute it again. With --dry-run nothing is appended. Where nothing
follows, nothing is appended and the exit code is 1.

What another party wants decided is printed, for that party to sign with
raasverify sign; it can make the same line from a case bundle by itself, with
raasverify find.

Examples:
    raasledger find dispute/88 --db store --dry-run
    raasledger find dispute/88 --db store
    raasledger find refund/17 --db store --by client -o finding.jsonl`,
		Flags: append(append(storeFlags(),
			&cli.BoolFlag{Name: "dry-run", Usage: "say what follows, and append nothing"},
			&cli.StringFlag{Name: "by", Usage: "the `PARTY` that says so", DefaultText: "the operator of the ledger"},
			jsonFlag()), command.OutputFlags()...),
		Action: conclude,
	}
}

func conclude(c *cli.Context) error {
	args, err := command.Args(c, "DISPUTE|CLAIM|REVERSE")
	if err != nil {
		return err
	}
	if err := command.Exclude(c, "dry-run", "by"); err != nil {
		return err
	}
	if c.IsSet("o") && !c.IsSet("by") {
		return command.Usage("", "-o is for what another party signs: --by PARTY")
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		switch {
		case c.Bool("dry-run"):
			conclusion, err := l.Conclusion(c.Context, args[0], 0)
			if err != nil {
				return unfound(err)
			}
			return reportConclusion(c, conclusion)
		case c.IsSet("by"):
			return propose(c, l, args[0])
		}
		d, err := l.Conclude(c.Context, args[0])
		if err != nil {
			return unfound(err)
		}
		if err := reportConclusion(c, d.Conclusion); err != nil {
			return err
		}
		if d.Record == nil {
			return nothing(d.Conclusion)
		}
		if c.Bool("json") {
			line, err := record.Marshal(d.Record)
			if err != nil {
				return err
			}
			return command.Report(c, "%s\n", line)
		}
		return command.Report(c, "%s: resolve %s is record %d\n", l.Origin(), d.Record.ID, d.Record.Log.N)
	})
}

// propose prints the record that another party is to sign.
func propose(c *cli.Context, l *ledger.Ledger, of string) error {
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	d, err := l.Proposed(c.Context, of, c.String("by"))
	if err != nil {
		return unfound(err)
	}
	for line := range strings.Lines(d.Text()) {
		fmt.Fprintln(c.App.ErrWriter, command.Printable(strings.TrimSuffix(line, "\n")))
	}
	if d.Record == nil {
		return nothing(d.Conclusion)
	}
	line, err := record.Marshal(d.Record)
	if err != nil {
		return command.Refused("", err)
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	command.Say(c, "%s: resolve %s is to be signed by %s: raasverify sign", l.Origin(), d.Record.ID, d.Record.By)
	return nil
}

func reportConclusion(c *cli.Context, conclusion *responsibility.Conclusion) error {
	if c.Bool("json") {
		answer, err := conclusion.Answer.Marshal()
		if err != nil {
			return err
		}
		return command.Report(c, "{\"answer\":%s}\n", answer)
	}
	return command.Report(c, "%s", conclusion.Text())
}

func nothing(c *responsibility.Conclusion) error {
	return command.Refused("people decide it: a resolve by both, or by the arbiter", fmt.Errorf("%s is not decided: %s", c.Of, c.Nothing))
}

// unfound says that what was given is refused, unless the store is at fault.
func unfound(err error) error {
	if isStoreError(err) {
		return err
	}
	if _, ok := errors.AsType[*record.Refusal](err); ok {
		return command.Refused("", err)
	}
	return command.Refused("raasledger case CASE lists what there is", err)
}
