// Command raasledger is the vendor's command: it records what happened,
// settles periods, signs checkpoints and writes bundles that raasverify
// judges.
package main

import (
	"os"
	"time"
	_ "time/tzdata" // agreements name zones; see zone.go

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
)

func main() {
	os.Exit(command.Run(newApp(time.Now), os.Args))
}

func newApp(clock func() time.Time) *cli.App {
	return command.New("raasledger", "an outcome ledger that both sides can check", `Try it:
    raasledger demo

Examples:
    raasledger key new log.key --log vendor.example/contract-17
    raasledger agreement sign terms.yaml --origin vendor.example/contract-17 \
        --log-key log.key.pub --key vendor.key -o agreement.json
    raasledger agreement add agreement.json --db store
    raasledger append --db store < records.jsonl
    raasledger settle --db store
    raasledger checkpoint --db store --key log.key -o checkpoint
    raasledger bundle --db store -o march.bundle

Exit codes: 0 done, 1 what was given is refused, 2 it could not be done.`, clock,
		command.KeyCommand("raasledger"),
		agreementCommand(),
		appendCommand(),
		grantCommand(),
		findCommand(),
		attachCommand(),
		evidenceCommand(),
		eraseCommand(),
		importCommand(),
		settleCommand(),
		forecastCommand(),
		simulateCommand(),
		viabilityCommand(),
		checkpointCommand(),
		bundleCommand(),
		showCommand(),
		caseCommand(),
		listCommand(),
		checkCommand(),
		demoCommand(),
	)
}
