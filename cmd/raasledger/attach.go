package main

import (
	"crypto/ed25519"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/ledger"
)

func attachCommand() *cli.Command {
	return &cli.Command{
		Name:  "attach",
		Usage: "append a record with its evidence, or store evidence later",
		Description: `Without --to stdin is one record, as for append; what is given with it is
sealed and its digests go into the record. With --to the record is there and
commits to what is given: to files with the --commitment from which it was
made, which also has the disclosures of its sealed fields.

Evidence is sealed for the keys in force of vendor and client, or for those
of --holder. Files are read once and may have any size.

Examples:
    raasledger attach --db store --file transcript=chat.txt --keep txn < record.json
    raasledger attach --db store --seal fields.json < record.json
    raasledger attach --db store --to i-7 --file meter=meter.csv --commitment commitment.json`,
		Flags: append(storeFlags(),
			&cli.StringFlag{Name: "to", Usage: "store evidence of the record `ID`"},
			&cli.StringSliceFlag{Name: "file", Usage: "an attachment: `NAME=FILE`"},
			&cli.StringSliceFlag{Name: "media", Usage: "media type of an attachment: `NAME=TYPE`"},
			&cli.StringFlag{Name: "keep", Usage: "keep the files at least until `TIME`, or for a class from the record's time on: ops, txn, fin, fin-7, claim"},
			&cli.StringFlag{Name: "seal", Usage: "seal the fields of the JSON object in `FILE`"},
			&cli.StringFlag{Name: "commitment", Usage: "with --to: salts and disclosures as evidence commit wrote them to `FILE`"},
			&cli.StringSliceFlag{Name: "holder", Usage: "seal for the public key in `FILE`"}),
		Action: attach,
	}
}

func attach(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	files, err := command.NamedFiles(c, "file")
	if err != nil {
		return err
	}
	var holders []ed25519.PublicKey
	for _, path := range c.StringSlice("holder") {
		pub, _, err := keyfile.LoadPublic(path)
		if err != nil {
			return err
		}
		holders = append(holders, pub)
	}
	if c.IsSet("to") {
		for _, flag := range []string{"media", "keep", "seal"} {
			if c.IsSet(flag) {
				return command.Usage("the record says it already", "--%s goes with a new record", flag)
			}
		}
		return attachLater(c, files, holders)
	}
	if c.IsSet("commitment") {
		return command.Usage("", "--commitment goes with --to")
	}
	if len(files) == 0 && !c.IsSet("seal") {
		return command.Usage("--file NAME=FILE, --seal FILE; raasledger append appends records without evidence", "no evidence is given")
	}
	return attachNew(c, files, holders)
}

func attachNew(c *cli.Context, files []command.NamedFile, holders []ed25519.PublicKey) error {
	e := ledger.Evidence{Holders: holders}
	media, err := command.NamedFiles(c, "media")
	if err != nil {
		return err
	}
	r, err := oneRecord(c)
	if err != nil {
		return err
	}
	keep, err := keepUntil(c, r)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Path == "-" {
			return command.Usage("stdin is the record", "--file %s=- reads stdin", f.Name)
		}
		in, err := command.Open(c, f.Path)
		if err != nil {
			return err
		}
		defer in.Close()
		a := ledger.Attachment{Name: f.Name, Keep: keep, Content: in}
		if i := slices.IndexFunc(media, func(m command.NamedFile) bool { return m.Name == f.Name }); i >= 0 {
			a.Media = media[i].Path
			media = slices.Delete(media, i, i+1)
		}
		e.Attach = append(e.Attach, a)
	}
	if len(media) > 0 {
		return command.Usage("", "--media names %q, which is no --file", media[0].Name)
	}
	if c.IsSet("seal") {
		fields, err := command.SecretFields(c, c.String("seal"))
		if err != nil {
			return err
		}
		for _, f := range fields {
			e.Fields = append(e.Fields, ledger.Field{Name: f.Name, Value: f.Value})
		}
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		n, err := l.AppendEvidence(c.Context, r, e)
		if err != nil {
			return evidenceError(err)
		}
		return command.Report(c, "%s: record %d with %s and %s\n", l.Origin(), n, count(int64(len(e.Attach)), "attachment"), count(int64(len(e.Fields)), "sealed field"))
	})
}

// oneRecord reads the record on stdin.
func oneRecord(c *cli.Context) (*record.Record, error) {
	var all []*record.Record
	err := readBatches(c, 0, func(b *batch) error {
		all = append(all, b.records...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) != 1 {
		return nil, command.Refused("", fmt.Errorf("stdin has %s, want 1", count(int64(len(all)), "record")))
	}
	return all[0], nil
}

// keepUntil is the instant that --keep means.
func keepUntil(c *cli.Context, r *record.Record) (record.Time, error) {
	text := c.String("keep")
	if text == "" {
		return 0, nil
	}
	if t, err := record.ParseTime(text); err == nil {
		return t, nil
	}
	t, err := record.KeepUntil(text, r.At)
	if err != nil {
		return 0, command.Usage("or a time like 2029-03-01T00:00:00.000Z", "--keep: %v", err)
	}
	return t, nil
}

func attachLater(c *cli.Context, files []command.NamedFile, holders []ed25519.PublicKey) error {
	if err := command.Need(c, "raasledger evidence commit writes it", "commitment"); err != nil {
		return err
	}
	k, err := command.ReadCommitment(c, c.String("commitment"))
	if err != nil {
		return err
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		n, err := findRecord(l, c.String("to"))
		if err != nil {
			return err
		}
		for _, f := range files {
			salt, err := k.Salt(f.Name)
			if err != nil {
				return err
			}
			in, err := command.Open(c, f.Path)
			if err != nil {
				return err
			}
			err = l.Attach(c.Context, n, f.Name, salt, in, holders...)
			in.Close()
			if err != nil {
				return evidenceError(err)
			}
		}
		for _, text := range k.Disclosures {
			if err := l.Disclose(c.Context, n, text, holders...); err != nil {
				return evidenceError(err)
			}
		}
		return command.Report(c, "%s: %s and %s of record %d stored\n", l.Origin(), count(int64(len(files)), "attachment"), count(int64(len(k.Disclosures)), "sealed field"), n)
	})
}
