package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/verify"
)

func caseCommand() *cli.Command {
	return &cli.Command{
		Name:      "case",
		Usage:     "show what was recorded of a case, in order",
		ArgsUsage: "CASE",
		Description: `One line a record: its index, when it happened, its kind, who says it, its
name, and what it says in short. With --json the records themselves are
printed. bundle case CASE writes them with the proof that they are all.

Example:
    raasledger case T-1001 --db store`,
		Flags:  append(storeFlags(), jsonFlag()),
		Action: showCase,
	}
}

func showCase(c *cli.Context) error {
	args, err := command.Args(c, "CASE")
	if err != nil {
		return err
	}
	chain, err := caseChain(args[0])
	if err != nil {
		return err
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		ns, err := l.Chain(c.Context, chain)
		if err != nil {
			return err
		}
		if len(ns) == 0 {
			return command.Failed("raasledger bundle case proves it to others", fmt.Errorf("there is no case %s", args[0]))
		}
		if !c.Bool("json") {
			if err := command.Report(c, "case         %s, %s\n", args[0], count(int64(len(ns)), "record")); err != nil {
				return err
			}
		}
		for _, n := range ns {
			line, err := l.Get(n)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				if err := command.Report(c, "%s\n", line); err != nil {
					return err
				}
				continue
			}
			r, err := record.Parse(line)
			if err != nil {
				return err
			}
			if err := command.Report(c, "%s\n", verify.NewEntry(r)); err != nil {
				return err
			}
		}
		return nil
	})
}

// caseChain is the chain of a case that a person names.
func caseChain(id string) (string, error) {
	chain := record.ChainOfCase(id)
	if !record.IsChain(chain) {
		return "", command.Usage("docs/record.md says what an id is", "%q is no name of a case", id)
	}
	return chain, nil
}

// subject is the chain that a bundle is of: that of a case, or of the config,
// input or grant with an id.
func subject(l *ledger.Ledger, what, id string) (string, error) {
	switch what {
	case "case":
		return caseChain(id)
	case "affected":
	default:
		return "", command.Usage("raasledger bundle case CASE, or raasledger bundle affected REF", "no bundle %q", what)
	}
	n, ok, err := l.Find(id)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", command.Failed("REF is the id of a config, an input or a grant", fmt.Errorf("there is no record %q", id))
	}
	line, err := l.Get(n)
	if err != nil {
		return "", err
	}
	r, err := record.Parse(line)
	if err != nil {
		return "", err
	}
	switch r.Kind {
	case record.KindConfig:
		return record.ChainOfConfig(id), nil
	case record.KindGrant:
		return record.ChainOfGrant(id), nil
	case record.KindInput, record.KindMeasurement:
		return record.ChainOfInput(id), nil
	}
	return "", command.Failed("", fmt.Errorf("record %s is of kind %s, want config, input, measurement or grant", id, r.Kind))
}

// writeCaseBundle writes the bundle of a case, or of what is affected by a
// record.
func writeCaseBundle(c *cli.Context, l *ledger.Ledger, what, id string, o ledger.CaseOptions) error {
	of, err := subject(l, what, id)
	if err != nil {
		return err
	}
	return deliver(c, l, func(w *progressWriter) (string, error) {
		return "case bundle of " + of, l.WriteCase(c.Context, w, of, o)
	})
}
