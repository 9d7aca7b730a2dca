package main

import (
	"crypto/ed25519"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/ledger"
)

func addHolderCommand() *cli.Command {
	return &cli.Command{
		Name:      "add-holder",
		Usage:     "let a further key open evidence that is stored",
		ArgsUsage: "RECORD [NAME...]",
		Description: `NAME is that of an attachment or a sealed field, or a digest; without one it is
all that is stored of the record. --key opens it, and its key is wrapped for
the further ones as well; the content stays as it is. evidence get --for makes
the copy to hand over, evidence deliver records that it was.

Examples:
    raasledger evidence add-holder o-1 --db store --key vendor.key --for arbiter
    raasledger evidence add-holder o-1 transcript --db store --key vendor.key --holder auditor.pub`,
		Flags: append(storeFlags(),
			&cli.StringFlag{Name: "key", Usage: "open with the private key in `FILE`"},
			&cli.StringSliceFlag{Name: "for", Usage: "the keys in force of `PARTY`"},
			&cli.StringSliceFlag{Name: "holder", Usage: "the public key in `FILE`"}),
		Action: addHolder,
	}
}

func addHolder(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) == 0 {
		_, err := command.Args(c, "RECORD")
		return err
	}
	if !c.IsSet("for") && !c.IsSet("holder") {
		return command.Usage("--for PARTY, or --holder FILE with a public key", "want --for or --holder")
	}
	id, err := command.LoadIdentity(c)
	if err != nil {
		return err
	}
	var keys []ed25519.PublicKey
	var who []string
	for _, path := range c.StringSlice("holder") {
		pub, _, err := keyfile.LoadPublic(path)
		if err != nil {
			return err
		}
		keys, who = append(keys, pub), append(who, record.Fingerprint(pub))
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		n, err := findRecord(l, args[0])
		if err != nil {
			return err
		}
		for _, party := range c.StringSlice("for") {
			more, err := keysInForce(c, l, party)
			if err != nil {
				return err
			}
			keys, who = append(keys, more...), append(who, party)
		}
		var items []ledger.Item
		for _, name := range args[1:] {
			i, err := resolve(l, n, name, id)
			if err != nil {
				return err
			}
			items = append(items, i)
		}
		if len(items) == 0 {
			all, err := l.Evidence(n)
			if err != nil {
				return err
			}
			for _, i := range all {
				if i.State == ledger.Stored {
					items = append(items, i)
				}
			}
		}
		added := int64(0)
		for _, i := range items {
			k, err := l.AddHolders(c.Context, n, string(i.Digest), id, keys...)
			if err != nil {
				return evidenceError(err)
			}
			if k > 0 {
				added++
			}
		}
		return command.Report(c, "%s: %s of %s for the keys of %s, %d of them not before\n", l.Origin(), count(int64(len(items)), "piece"), args[0], strings.Join(who, ", "), added)
	})
}

// keysInForce are the keys of a party that are in force now.
func keysInForce(c *cli.Context, l *ledger.Ledger, party string) (keys []ed25519.PublicKey, err error) {
	err = l.State(func(s *fee.State) error {
		keys = s.Standing().KeysInForce(party, max(record.Time(command.Now(c).UnixMilli()), s.Standing().Last()))
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = command.Refused("", fmt.Errorf("%s: no key of %s is in force", l.Origin(), party))
	}
	return keys, err
}
