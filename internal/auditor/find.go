package auditor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/verify"
)

func findCommand() *cli.Command {
	return &cli.Command{
		Name:      "find",
		Usage:     "say what the agreed rules decide of a dispute, a claim or a reversal, as a record to sign",
		ArgsUsage: "CASE-BUNDLE DISPUTE|CLAIM|REVERSE",
		Description: `The bundle is verified as by check, and nothing is found in one that is refused.
What the rules find of the action behind the claim, and what follows by the
terms, is shown; the record that says so is written, for you to sign and for
the vendor to append, before more is said of the case. The vendor's ledger
refuses it unless it comes to the same. Sealed values decide nothing. Exit
codes are those of check, and 1 where nothing follows.

Examples:
    raasverify find T-1001.bundle dispute/88 --policy policy -o finding.jsonl
    raasverify sign finding.jsonl --key client.key --origin vendor.example/contract-17 \
        --after signed.jsonl --bundle T-1001.bundle -o signed-2.jsonl`,
		Flags: append(append(policyFlags(),
			&cli.StringFlag{Name: "by", Usage: "the `PARTY` that will sign it", DefaultText: "the client of the agreement"}), command.OutputFlags()...),
		Action: find,
	}
}

func find(c *cli.Context) error {
	args, err := command.Args(c, "CASE-BUNDLE", "DISPUTE|CLAIM|REVERSE")
	if err != nil {
		return err
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	in, err := command.Open(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	show, wipe := command.Progress(c, "records")
	o.Progress = show
	matter, report, err := verify.ReadCase(in, o)
	wipe()
	switch {
	case err != nil:
		return err
	case report.ExitCode() == command.ExitRefused:
		return refused(c, report, "nothing in it is found")
	case matter == nil:
		return command.Failed("raasledger bundle case CASE writes the bundle of a case", errors.New("want the bundle of a case, got a replay bundle"))
	}
	conclusion, body, err := matter.Conclude(args[1])
	if err != nil {
		return command.Failed("", err)
	}
	for line := range strings.Lines(conclusion.Text()) {
		fmt.Fprintln(c.App.ErrWriter, command.Printable(strings.TrimSuffix(line, "\n")))
	}
	for _, check := range report.Checks {
		if check.Result == verify.Unproven {
			command.Warn(c, "%s is unproven: %s", check.Name, check.Text)
		}
	}
	if body == nil {
		return command.Refused("people decide it: a resolve by both, or by the arbiter", fmt.Errorf("%s is not decided: %s", args[1], conclusion.Nothing))
	}
	_, id := record.SplitChain(matter.Of)
	r := &record.Record{Kind: record.KindResolve, ID: responsibility.IDOf(args[1]), Case: id, At: record.Time(command.Now(c).UnixMilli()), By: c.String("by"), Body: body}
	if r.By == "" {
		r.By = matter.Standing.Latest().Terms.Client().ID
	}
	line, err := record.Marshal(r)
	if err != nil {
		return command.Failed("", err)
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	command.Say(c, "%s is to be signed by %s: raasverify sign", r.ID, r.By)
	return command.Exit(report.ExitCode())
}
