package auditor

import (
	"encoding/json"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/verify"
)

func traceCommand() *cli.Command {
	return &cli.Command{
		Name:      "trace",
		Usage:     "who answers for what was done in a case, by the agreed rules",
		ArgsUsage: "CASE-BUNDLE [EFFECT]",
		Description: `The bundle is verified as by check, and nothing is traced from one that is
refused. What was recorded of the case follows: of each record a row, below it
what else it says and what other records say of it; then the standing records
that these rest on, and of each effect, or of the one named, the findings with
the records and tests that make them, the shares, and who answers to those
outside. With --size it is the answer of then: of the first N records, of which
the bundle has all that matter. Exit codes are those of check. docs/rules.md
publishes the rules.

Examples:
    raasverify trace T-1001.bundle --policy policy
    raasverify trace T-1001.bundle refund/1 --policy policy --json
    raasverify trace T-1001.bundle --policy policy --size 1200`,
		Flags:  append(policyFlags(), &cli.Int64Flag{Name: "size", Usage: "as of the first `N` records", DefaultText: "all of the bundle"}, &cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Action: trace,
	}
}

func trace(c *cli.Context) error {
	names := []string{"CASE-BUNDLE"}
	if c.NArg() == 2 {
		names = append(names, "EFFECT")
	}
	args, err := command.Args(c, names...)
	if err != nil {
		return err
	}
	if c.IsSet("size") && c.Int64("size") < 1 {
		return command.Usage("raasverify check shows the size of the bundle", "--size is %d, want at least 1", c.Int64("size"))
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	in, err := command.Open(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	show, wipe := command.Progress(c, "records")
	o.Progress = show
	effect := ""
	if len(args) == 2 {
		effect = args[1]
	}
	t, report, err := verify.TraceAt(in, o, effect, c.Int64("size"))
	wipe()
	switch {
	case report == nil:
		return err
	case report.ExitCode() == command.ExitRefused:
		return refused(c, report, "nothing in it is traced")
	case err != nil && c.IsSet("size"):
		return command.Failed("without --size all that the bundle shows is read", err)
	case err != nil && effect != "":
		return command.Failed("without EFFECT all of the case are traced; raasledger bundle case CASE writes the bundle", err)
	case err != nil:
		return command.Failed("raasledger bundle case CASE writes the bundle of a case", err)
	}
	if err := writeTrace(c, t, report); err != nil {
		return err
	}
	return command.Exit(report.ExitCode())
}

func writeTrace(c *cli.Context, t *verify.Tracing, report *verify.Report) error {
	if c.Bool("json") {
		out, err := json.Marshal(struct {
			Trace   *verify.Tracing `json:"trace"`
			Verdict verify.Verdict  `json:"verdict"`
			Exit    int             `json:"exit"`
		}{t, report.Verdict, report.ExitCode()})
		if err != nil {
			return err
		}
		return command.Report(c, "%s\n", out)
	}
	if err := t.WriteText(c.App.Writer); err != nil {
		return err
	}
	return command.Report(c, "Result: %s\n", report.Verdict)
}
