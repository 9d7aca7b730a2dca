package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
)

func checkpointCommand() *cli.Command {
	return &cli.Command{
		Name:  "checkpoint",
		Usage: "sign the ledger as it is, or keep cosignatures of others",
		Description: `The key is the log key of the agreement, or its public half where an
ssh-agent holds the private one. The signed note goes to the client and to
witnesses; what they send back cosigned is kept with --add. With --receipt it
is recorded as well: so the ledger proves what the other side had seen, and
silence from a receipt and evidence that must be delivered begin. With --index a
chain index is recorded before it is signed: bundle case and bundle affected
are made for such a checkpoint, once the client has cosigned it.

Examples:
    raasledger checkpoint --db store --key log.key -o checkpoint
    raasledger checkpoint --db store --key log.key --index -o checkpoint
    raasledger checkpoint --db store --add checkpoint.cosigned
    raasledger checkpoint --db store --add checkpoint.cosigned --receipt`,
		Flags: append(append(storeFlags(),
			&cli.StringFlag{Name: "key", Usage: "sign with the log key in `FILE`"},
			&cli.BoolFlag{Name: "index", Usage: "with --key: record a chain index first"},
			&cli.StringFlag{Name: "add", Usage: "keep the cosignatures of the checkpoint in `COSIGNED`"},
			&cli.BoolFlag{Name: "receipt", Usage: "with --add: record it as a receipt"},
		), command.OutputFlags()...),
		Action: checkpoint,
	}
}

func checkpoint(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	if c.IsSet("key") == c.IsSet("add") {
		return command.Usage("--key FILE signs, --add COSIGNED keeps cosignatures", "want one of --key and --add")
	}
	if c.Bool("index") && !c.IsSet("key") {
		return command.Usage("", "--index goes with --key")
	}
	if c.Bool("receipt") && !c.IsSet("add") {
		return command.Usage("", "--receipt goes with --add")
	}
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	var cosigned []byte
	if path := c.String("add"); path != "" {
		if cosigned, err = command.ReadFile(c, path, merkle.MaxNoteBytes); err != nil {
			return err
		}
		// The note says which ledger it is of; one that is none is refused there.
		if note, err := merkle.ParseNote(cosigned); err == nil && !c.IsSet("ledger") {
			if err := c.Set("ledger", note.Checkpoint.Origin); err != nil {
				return err
			}
		}
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		note, err := newCheckpoint(c, l, cosigned)
		if err != nil {
			return err
		}
		if _, err := out.Write(note); err != nil {
			return err
		}
		return out.Commit()
	})
}

func newCheckpoint(c *cli.Context, l *ledger.Ledger, cosigned []byte) ([]byte, error) {
	if c.IsSet("add") {
		merged, err := l.Cosigned(c.Context, cosigned)
		if err != nil && !isStoreError(err) {
			return nil, command.Refused("", fmt.Errorf("%s: %w", c.String("add"), err))
		}
		if err == nil && c.Bool("receipt") {
			err = recordReceipt(c, l, cosigned)
		}
		return merged, err
	}
	key, err := command.LoadKey(c)
	if err != nil {
		return nil, err
	}
	defer key.Close()
	if c.Bool("index") {
		// A crash behind this line leaves a chain index that the same command
		// finds at the end of the ledger.
		r, err := l.Index(c.Context)
		if err != nil {
			return nil, err
		}
		command.Say(c, "%s: chain index of %s is record %d", l.Origin(), count(r.Body.(*record.ChainIndex).Chains, "chain"), r.Log.N)
	}
	return l.Checkpoint(c.Context, key)
}

func bundleCommand() *cli.Command {
	return &cli.Command{
		Name:      "bundle",
		Usage:     "write a bundle, which carries all that is needed to verify the ledger, or one case of it",
		ArgsUsage: "[case CASE | affected REF]",
		Description: `The bundle ends at a checkpoint that is kept, the newest if --size names no
other. It begins at record 0, or at a statement: then it carries the state
that the statement left. It is verified before its last byte is written.

"case CASE" writes all records of one case and those that it rests on, with
the proof that they are all, or that there is no such case. "affected REF"
writes all that was done under a config or a grant, or decided on an input,
with the same proof. They are made for a checkpoint whose last record is a
chain index: checkpoint --index. With --since such a bundle gets the proof that
it extends the checkpoint in a file, or any of that size, which its reader
holds from before: check --since.

Evidence is withheld unless --disclose names it: attachments and sealed fields
by name, all, or, of one record, RECORD#NAME. What --withhold names is not
shown, whatever else is said. A verifier reports what is withheld.

Examples:
    raasledger bundle --db store -o all.bundle
    raasledger bundle --db store --disclose all --withhold iban --key vendor.key -o shown.bundle
    raasledger bundle --db store --from-statement 2026-03 -o april.bundle
    raasledger bundle case T-1001 --db store -o T-1001.bundle
    raasledger bundle case T-1001 --db store --since march.checkpoint -o T-1001.bundle
    raasledger bundle affected config/7 --db store -o affected.bundle`,
		Flags: append(append(storeFlags(),
			&cli.StringFlag{Name: "from-statement", Usage: "begin at the statement of `PERIOD`"},
			&cli.Int64Flag{Name: "from", Usage: "begin at the statement that is record `N`"},
			&cli.Int64Flag{Name: "size", Usage: "end at the checkpoint of size `N`", DefaultText: "newest"},
			&cli.StringSliceFlag{Name: "since", Usage: "of a case: with the proof that it extends the checkpoint in `FILE`, or of that size"},
			&cli.StringSliceFlag{Name: "disclose", Usage: "show the evidence `NAME`, or all"},
			&cli.StringSliceFlag{Name: "withhold", Usage: "do not show the evidence `NAME`, or all"},
			&cli.StringFlag{Name: "key", Usage: "with --disclose: open evidence with the private key in `FILE`"},
		), command.OutputFlags()...),
		Action: writeBundle,
	}
}

func writeBundle(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) > 0 {
		var err error
		if args, err = command.Args(c, "case or affected", "CASE or REF"); err != nil {
			return err
		}
		for _, flag := range []string{"from", "from-statement"} {
			if c.IsSet(flag) {
				return command.Usage("", "--%s goes with a bundle of the whole ledger", flag)
			}
		}
	}
	if c.IsSet("since") && len(args) == 0 {
		return command.Usage("a bundle of the whole ledger proves it by itself", "--since goes with a bundle of a case")
	}
	if err := command.Exclude(c, "from", "from-statement"); err != nil {
		return err
	}
	for _, flag := range []string{"from", "size"} {
		if c.IsSet(flag) && c.Int64(flag) < 0 {
			return command.Usage("", "--%s is %d, want at least 0", flag, c.Int64(flag))
		}
	}
	show, id, err := shownEvidence(c)
	if err != nil {
		return err
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		if len(args) > 0 {
			since, err := heldSizes(c, l)
			if err != nil {
				return err
			}
			return writeCaseBundle(c, l, args[0], args[1], ledger.CaseOptions{Size: c.Int64("size"), Since: since, Show: show, Key: id})
		}
		o := ledger.BundleOptions{From: c.Int64("from"), Size: c.Int64("size"), Show: show, Key: id}
		if period := c.String("from-statement"); period != "" {
			n, err := findStatement(l, period)
			if err != nil {
				return err
			}
			o.From = n
		}
		return deliver(c, l, func(w *progressWriter) (string, error) {
			return fmt.Sprintf("bundle from record %d", o.From), l.WriteBundle(c.Context, w, o)
		})
	})
}

// shownEvidence is what the flags say of evidence, with the key to open it.
func shownEvidence(c *cli.Context) (show ledger.Selection, id *evidence.Identity, err error) {
	show = ledger.Selection{Disclose: c.StringSlice("disclose"), Withhold: c.StringSlice("withhold")}
	if len(show.Disclose) > 0 {
		id, err = command.LoadIdentity(c)
	} else if c.IsSet("withhold") || c.IsSet("key") {
		err = command.Usage("without --disclose nothing is shown", "--withhold and --key go with --disclose")
	}
	return show, id, err
}

// deliver writes a bundle into the output file.
func deliver(c *cli.Context, l *ledger.Ledger, write func(w *progressWriter) (what string, err error)) error {
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	show, wipe := command.Progress(c, "bytes")
	counter := &progressWriter{w: out, show: show}
	what, err := write(counter)
	wipe()
	if errors.Is(err, ledger.ErrNoCheckpoint) {
		hint := "raasledger checkpoint --key signs one"
		if c.NArg() > 0 {
			hint = "raasledger checkpoint --key --index signs one"
		}
		return command.Failed(hint, err)
	}
	if err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return err
	}
	command.Say(c, "%s: %s, %s, verified", l.Origin(), what, count(counter.n, "byte"))
	return nil
}

// findStatement is the index of the statement of a period.
func findStatement(l *ledger.Ledger, period string) (int64, error) {
	n, ok, err := l.Find("statement/" + period)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, command.Failed("raasledger show --kind statement lists the statements", fmt.Errorf("there is no statement %s", period))
	}
	return n, nil
}

// A progressWriter counts the bytes.
type progressWriter struct {
	w    io.Writer
	n    int64
	show func(done, of int64)
}

func (p *progressWriter) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.n += int64(n)
	p.show(p.n, 0)
	return n, err
}
