// Package auditor is the command raasverify: it verifies bundles and signs
// what its user has to sign. It needs no network, no database and no account.
package auditor

import (
	"time"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
)

// App is the command with a clock.
func App(clock func() time.Time) *cli.App {
	return command.New("raasverify", "verify bundles, and sign as client or auditor", `Examples:
    raasverify check march.bundle --policy policy
    raasverify check april.bundle --policy policy --since checkpoint
    raasverify explain march.bundle resolved/T-1001 --policy policy
    raasverify trace T-1001.bundle --policy policy
    raasverify report T-1001.bundle --policy policy -o case.html
    raasverify sign agreement.json --key client.key -o both.json
    raasverify cosign march.bundle --policy policy --first \
        --key client.key --name client.example -o checkpoint.cosigned

Exit codes: 0 every check passed, 1 the bundle is refused, 2 it could not be
checked, 3 nothing contradicts, but something the policy asks for is not shown.`, clock,
		checkCommand(),
		explainCommand(),
		traceCommand(),
		findCommand(),
		reportCommand(),
		signCommand(),
		cosignCommand(),
		&cli.Command{
			Name:        "evidence",
			Usage:       "open evidence that was handed over, commit to your own",
			Subcommands: []*cli.Command{command.OpenCommand("raasverify"), command.CommitCommand("raasverify")},
		},
		command.KeyCommand("raasverify"),
	)
}
