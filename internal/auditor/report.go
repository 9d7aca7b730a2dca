package auditor

import (
	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/verify"
)

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "one HTML page for people: what was checked, what follows, what stays open",
		ArgsUsage: "BUNDLE",
		Description: `The bundle is verified as by check, and the page begins with the verdict. Of a
case it tells what was recorded, who granted, decided, reviewed and acted, and
each finding with its records and tests; of a stretch of the ledger each
statement with how its total comes about. It is one file that needs no network
and prints well. Of a bundle that is refused it shows no amount and no finding.
Exit codes are those of check.

Examples:
    raasverify report T-1001.bundle --policy policy -o case.html
    raasverify report march.bundle --policy policy -o march.html`,
		Flags:  append(policyFlags(), command.OutputFlags()...),
		Action: writePage,
	}
}

func writePage(c *cli.Context) error {
	args, err := command.Args(c, "BUNDLE")
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
	page, err := verify.ReadPage(in, o)
	wipe()
	if err != nil {
		return err
	}
	if err := page.WriteHTML(out); err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	if path := c.String("o"); path != "" && path != "-" {
		command.Say(c, "%s", page.Report.Result())
	}
	return command.Exit(page.Report.ExitCode())
}
