// Command raasverify verifies bundles, and signs what a client or an auditor
// has to sign. See docs/commands.md.
package main

import (
	"os"
	"time"

	"github.com/raasledger/raasledger/internal/auditor"
	"github.com/raasledger/raasledger/internal/command"
)

func main() {
	os.Exit(command.Run(auditor.App(time.Now), os.Args))
}
