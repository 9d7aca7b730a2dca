package main

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
)

func caseCommand() *cli.Command {
	return &cli.Command{
		Name:      "case",
		Usage:     "show what was recorded of a case, in order, and who answers for what was done",
		ArgsUsage: "CASE",
		Description: `A row for each record: its index, when it happened, its kind, who says it, its
name, and what it says in short; below it what else it says, and what other
records say of it. The standing records that these rest on follow, and of each
effect the findings that the agreed rules make of the records, with the tests
that made them, and the shares (docs/rules.md); sealed values are not opened
for that. With --json the records themselves are printed, and each answer
behind them. bundle case CASE writes the records with the proof that they are
all, for raasverify trace.

Examples:
    raasledger case T-1001 --db store
    raasledger case T-1001 --db store --size 1200`,
		Flags:  append(storeFlags(), &cli.Int64Flag{Name: "size", Usage: "as of the first `N` records", DefaultText: "all"}, jsonFlag()),
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
		size, none := l.Size(), fmt.Errorf("there is no case %s", args[0])
		if c.IsSet("size") {
			if size = c.Int64("size"); size < 1 || size > l.Size() {
				return command.Usage("raasledger show tells the size", "--size is %d, want 1 to %d", size, l.Size())
			}
			ns = slices.DeleteFunc(ns, func(n int64) bool { return n >= size })
			none = fmt.Errorf("there is no case %s among the first %s", args[0], count(size, "record"))
		}
		if len(ns) == 0 {
			return command.Failed("raasledger bundle case proves it to others", none)
		}
		t, err := l.TraceCase(c.Context, args[0], size)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return printCase(c, l, ns, t)
		}
		return showTracing(c, args[0], t)
	})
}

// printCase prints the records of a case, and the answers behind them.
func printCase(c *cli.Context, l *ledger.Ledger, ns []int64, t *verify.Tracing) error {
	for _, n := range ns {
		line, err := l.Get(n)
		if err != nil {
			return err
		}
		if err := command.Report(c, "%s\n", line); err != nil {
			return err
		}
	}
	for _, answer := range t.Answers {
		raw, err := answer.Marshal()
		if err != nil {
			return err
		}
		if err := command.Report(c, "{\"answer\":%s}\n", raw); err != nil {
			return err
		}
	}
	return nil
}

// showTracing shows what was recorded of a case, what follows for each effect,
// and what is still waited for.
func showTracing(c *cli.Context, matter string, t *verify.Tracing) error {
	if err := command.Report(c, "case         %s, %s\n", matter, count(int64(len(t.Timeline)), "record")); err != nil {
		return err
	}
	if err := t.WriteRecords(c.App.Writer); err != nil {
		return err
	}
	for _, answer := range t.Answers {
		if err := command.Report(c, "\n%s", answer.Text()); err != nil {
			return err
		}
	}
	for _, x := range t.Without {
		if err := command.Report(c, "\neffect %s: %s, so nothing follows from the records\n", x.Effect.ID, x.Reason); err != nil {
			return err
		}
	}
	if len(t.Waiting) == 0 {
		return nil
	}
	if err := command.Report(c, "\n"); err != nil {
		return err
	}
	return t.WriteWaiting(c.App.Writer)
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
	r, err := recordAt(l, n)
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

// heldSizes are the sizes that --since names, each itself or by a file with a
// checkpoint of that size.
func heldSizes(c *cli.Context, l *ledger.Ledger) (sizes []int64, err error) {
	for _, held := range c.StringSlice("since") {
		if size, err := strconv.ParseInt(held, 10, 64); err == nil {
			sizes = append(sizes, size)
			continue
		}
		note, err := command.ReadFile(c, held, merkle.MaxNoteBytes)
		if err != nil {
			return nil, err
		}
		size, err := l.Extends(note)
		if err != nil {
			return nil, command.Failed("keep both: a ledger has one history", fmt.Errorf("%s: %w", held, err))
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
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
