package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/merkle"
)

// recordReceipt records a cosigned checkpoint that was verified and kept: from
// then on the ledger itself proves what its cosigners had seen. The same one is
// recorded once, so that the command can be run again after a crash.
func recordReceipt(c *cli.Context, l *ledger.Ledger, cosigned []byte) error {
	note, err := merkle.ParseNote(cosigned)
	if err != nil {
		return err
	}
	if len(note.Lines) < 2 {
		return command.Refused("raasverify cosign makes a cosignature", fmt.Errorf("%s: nobody has cosigned it, so it is no receipt", c.String("add")))
	}
	digest := strings.TrimPrefix(string(record.Sum(cosigned)), "sha256:")
	id := fmt.Sprintf("receipt/%d/%s", note.Checkpoint.Size, digest[:32])
	if n, ok, err := l.Find(id); err != nil {
		return err
	} else if ok {
		command.Say(c, "%s: the receipt of size %d is record %d already", l.Origin(), note.Checkpoint.Size, n)
		return nil
	}
	r := &record.Record{Kind: record.KindReceipt, ID: id, At: record.TimeOf(command.Now(c)),
		Body: &record.Receipt{Checkpoint: strings.Split(strings.TrimSuffix(string(cosigned), "\n"), "\n")}}
	if err := l.State(func(s *fee.State) error {
		r.By = s.Standing().Latest().Terms.Operator().ID
		return nil
	}); err != nil {
		return err
	}
	ns, err := l.Append(c.Context, r)
	if err != nil {
		return err
	}
	command.Say(c, "%s: the receipt of size %d is record %d", l.Origin(), note.Checkpoint.Size, ns[0])
	return nil
}
