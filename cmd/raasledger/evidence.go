package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/ledger/evidence"
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

// evidenceError tells what was given from what the store has.
func evidenceError(err error) error {
	if err == nil || isStoreError(err) {
		return err
	}
	if _, ok := errors.AsType[*record.Refusal](err); ok {
		return err
	}
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return err
	}
	return command.Refused("", err)
}

func findRecord(l *ledger.Ledger, id string) (int64, error) {
	n, ok, err := l.Find(id)
	if err == nil && !ok {
		err = command.Refused("raasledger show lists the records", fmt.Errorf("%s: there is no record %s", l.Origin(), id))
	}
	return n, err
}

func evidenceCommand() *cli.Command {
	key := &cli.StringFlag{Name: "key", Usage: "open with the private key in `FILE`"}
	return &cli.Command{
		Name:  "evidence",
		Usage: "list, read, hand over and open evidence",
		Subcommands: []*cli.Command{{
			Name:      "list",
			Usage:     "list the evidence of a record, or of all",
			ArgsUsage: "[RECORD]",
			Description: `Says for each attachment and sealed field whether it is stored, absent (this
store was not given it), missing (it was stored), erased or restricted,
which parties' keys open it here, and to whom it was handed over or, with a
receipt of that party, delivered. With --key the names of sealed fields are
told.

Example:
    raasledger evidence list o-1 --db store`,
			Flags:  append(storeFlags(), key, jsonFlag()),
			Action: listEvidence,
		}, {
			Name:      "get",
			Usage:     "read evidence, or make a sealed copy for a party",
			ArgsUsage: "RECORD NAME",
			Description: `NAME is that of an attachment or a sealed field, or a digest. With --for the
copy stays sealed, and only that party's keys open it: evidence open does.

Examples:
    raasledger evidence get o-1 transcript --db store --key vendor.key -o chat.txt
    raasledger evidence get o-1 transcript --db store --for client -o chat.sealed`,
			Flags: append(append(storeFlags(), key,
				&cli.StringFlag{Name: "for", Usage: "a sealed copy for the keys of `PARTY`, or the one with that fingerprint"}), command.OutputFlags()...),
			Action: getEvidence,
		}, command.OpenCommand("raasledger"), command.CommitCommand("raasledger"), addHolderCommand(), {
			Name:      "deliver",
			Usage:     "record that evidence was handed over to a party",
			ArgsUsage: "RECORD",
			Description: `Appends a disclose record for each attachment of the record, or those of
--name, that is stored and that the party's keys open. The hand-over is
proven once the party has cosigned a checkpoint that covers it, and a receipt
of that is in the ledger.

Example:
    raasledger evidence deliver o-1 --db store --to client`,
			Flags: append(storeFlags(),
				&cli.StringFlag{Name: "to", Usage: "the `PARTY`"},
				&cli.StringSliceFlag{Name: "name", Usage: "only the attachment `NAME`, or the sealed field with that digest"}),
			Action: deliverEvidence,
		}},
	}
}

// An item is the report on one piece of evidence.
type item struct {
	N       int64         `json:"n"`
	Record  string        `json:"record"`
	Kind    string        `json:"kind"`
	Name    string        `json:"name,omitempty"`
	Digest  record.Digest `json:"digest"`
	Size    *int64        `json:"size,omitempty"`
	Media   string        `json:"media,omitempty"`
	Keep    string        `json:"keep,omitempty"`
	State   string        `json:"state"`
	By      *int64        `json:"by,omitempty"`
	Parties []string      `json:"parties,omitempty"`
	Keys    []string      `json:"keys,omitempty"`
	Handed  []handedOver  `json:"handed,omitempty"`
}

func listEvidence(c *cli.Context) error {
	if c.NArg() > 1 {
		_, err := command.Args(c, "RECORD")
		return err
	}
	var id *evidence.Identity
	if c.IsSet("key") {
		var err error
		if id, err = command.LoadIdentity(c); err != nil {
			return err
		}
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		if c.NArg() == 1 {
			n, err := findRecord(l, c.Args().First())
			if err != nil {
				return err
			}
			d, err := deliveriesSince(c.Context, l, n)
			if err != nil {
				return err
			}
			return listItems(c, l, n, d, id)
		}
		d, err := deliveriesSince(c.Context, l, 0)
		if err != nil {
			return err
		}
		for line, err := range l.Records(c.Context, 0, l.Size()) {
			if err != nil {
				return err
			}
			r, err := record.Parse(line)
			if err != nil {
				return err
			}
			if len(r.Attach)+len(r.Sealed) == 0 {
				continue
			}
			if err := listItems(c, l, r.Log.N, d, id); err != nil {
				return err
			}
		}
		return nil
	})
}

func listItems(c *cli.Context, l *ledger.Ledger, n int64, d *deliveries, id *evidence.Identity) error {
	items, err := l.Evidence(n)
	if err != nil {
		return err
	}
	for _, i := range items {
		out := item{N: i.N, Record: i.Record, Kind: i.Kind, Name: i.Name, Digest: i.Digest, Media: i.Media, State: i.State, Parties: i.Parties, Keys: i.Keys, Handed: d.of(n, i.Digest)}
		if i.Size >= 0 {
			out.Size = &i.Size
		}
		if i.Keep != 0 {
			out.Keep = i.Keep.String()
		}
		if i.By >= 0 {
			out.By = &i.By
		}
		if i.Kind == evidence.Disclosure && id != nil && i.State == ledger.Stored && slices.Contains(i.Keys, id.Fingerprint()) {
			if out.Name, err = l.FieldName(n, i.Digest, id); err != nil {
				return err
			}
		}
		if c.Bool("json") {
			err = jsonLine(c, out)
		} else {
			err = command.Report(c, "%s\n", out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (i item) String() string {
	what := "attachment " + i.Name
	if i.Kind == evidence.Disclosure {
		what = "sealed field " + i.Name
		if i.Name == "" {
			what += string(i.Digest)
		}
	}
	s := fmt.Sprintf("%-12s %d %s  %s", i.State, i.N, i.Record, command.Printable(what))
	if i.Size != nil {
		s += "  " + count(*i.Size, "byte")
	}
	if i.Media != "" {
		s += "  " + command.Printable(i.Media)
	}
	if i.By != nil {
		s += fmt.Sprintf("  by record %d", *i.By)
	}
	if i.Keep != "" {
		s += "  keep until " + i.Keep
	}
	if len(i.Parties) > 0 {
		s += "  opens with keys of " + strings.Join(i.Parties, ", ")
	} else if len(i.Keys) > 0 {
		s += "  opens with keys " + strings.Join(i.Keys, ", ")
	}
	for _, h := range i.Handed {
		s += "  " + h.String()
	}
	return s
}

// resolve is what of record n is called name: an attachment, a digest, or, with
// a key, a sealed field.
func resolve(l *ledger.Ledger, n int64, name string, id *evidence.Identity) (ledger.Item, error) {
	found, err := l.Item(n, name)
	if err == nil || !errors.Is(err, ledger.ErrNoEvidence) {
		return found, err
	}
	if id == nil {
		return found, command.Refused("the name of a sealed field is sealed, too: --key FILE, or its digest", err)
	}
	items, listErr := l.Evidence(n)
	if listErr != nil {
		return found, listErr
	}
	for _, i := range items {
		if i.Kind != evidence.Disclosure || i.State != ledger.Stored || !slices.Contains(i.Keys, id.Fingerprint()) {
			continue
		}
		field, err := l.FieldName(n, i.Digest, id)
		if err != nil {
			return found, err
		}
		if field == name {
			return i, nil
		}
	}
	return found, command.Refused("raasledger evidence list tells what there is", err)
}

func getEvidence(c *cli.Context) error {
	args, err := command.Args(c, "RECORD", "NAME")
	if err != nil {
		return err
	}
	if !c.IsSet("key") && !c.IsSet("for") {
		return command.Usage("--key FILE reads it, --for PARTY makes a sealed copy", "want --key or --for")
	}
	var id *evidence.Identity
	if c.IsSet("key") {
		if id, err = command.LoadIdentity(c); err != nil {
			return err
		}
	}
	out, err := command.CreateSecret(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	return withLedger(c, func(l *ledger.Ledger) error {
		n, err := findRecord(l, args[0])
		if err != nil {
			return err
		}
		i, err := resolve(l, n, args[1], id)
		if err != nil {
			return err
		}
		if c.IsSet("for") {
			err = sealedCopy(out, l, i, c.String("for"))
		} else {
			err = readEvidence(c.Context, out, l, i, id)
		}
		if err != nil {
			return evidenceError(err)
		}
		return out.Commit()
	})
}

func sealedCopy(w io.Writer, l *ledger.Ledger, i ledger.Item, party string) error {
	if slices.Contains(i.Keys, party) { // a holder who is no party, by its fingerprint
		return l.SealedCopy(w, i.N, string(i.Digest), party)
	}
	keys, err := keysOf(l, party, i)
	if err != nil {
		return err
	}
	return l.SealedCopy(w, i.N, string(i.Digest), keys...)
}

// keysOf are the party's keys that open the evidence.
func keysOf(l *ledger.Ledger, party string, i ledger.Item) (keys []string, err error) {
	err = l.State(func(s *fee.State) error {
		for _, k := range i.Keys {
			if p, ok := s.Standing().KeyParty(k); ok && p == party {
				keys = append(keys, k)
			}
		}
		return nil
	})
	if err == nil && len(keys) == 0 {
		err = command.Refused("raasledger evidence add-holder lets another key open it", fmt.Errorf("record %d: no key of %s opens %s, which is %s", i.N, party, i.Digest, i.State))
	}
	return keys, err
}

func readEvidence(ctx context.Context, w io.Writer, l *ledger.Ledger, i ledger.Item, id *evidence.Identity) error {
	r, err := l.OpenEvidence(i.N, string(i.Digest), id)
	if err != nil {
		return err
	}
	defer r.Close()
	if i.Kind == evidence.Attachment {
		_, err := io.Copy(w, interruptible{ctx, r})
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return command.WriteField(w, string(text))
}

type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (r interruptible) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

func deliverEvidence(c *cli.Context) error {
	args, err := command.Args(c, "RECORD")
	if err != nil {
		return err
	}
	if err := command.Need(c, "", "to"); err != nil {
		return err
	}
	to, names := c.String("to"), c.StringSlice("name")
	return withLedger(c, func(l *ledger.Ledger) error {
		n, err := findRecord(l, args[0])
		if err != nil {
			return err
		}
		items, err := l.Evidence(n)
		if err != nil {
			return err
		}
		line, err := l.Get(n)
		if err != nil {
			return err
		}
		of, err := record.Parse(line)
		if err != nil {
			return err
		}
		operator := ""
		if err := l.State(func(s *fee.State) error {
			operator = s.Standing().Latest().Terms.Operator().ID
			return nil
		}); err != nil {
			return err
		}
		var records []*record.Record
		for _, i := range items {
			if len(names) > 0 && !slices.Contains(names, i.Name) && !slices.Contains(names, string(i.Digest)) || len(names) == 0 && i.Kind != evidence.Attachment {
				continue
			}
			if _, err := keysOf(l, to, i); err != nil {
				return err // "handed over" would be no more than a word
			}
			// One record for a digest and a party, whenever it is said again;
			// and another one where the first came before this record, whose
			// evidence it does not hand over.
			id := fmt.Sprintf("disclose/%s/%s", to, strings.TrimPrefix(string(i.Digest), "sha256:")[:32])
			by, ok, err := l.Find(id)
			if err == nil && ok && by < n {
				id = fmt.Sprintf("%s/%d", id, n)
				by, ok, err = l.Find(id)
			}
			switch {
			case err != nil:
				return err
			case slices.ContainsFunc(records, func(r *record.Record) bool { return r.ID == id }):
				continue // two attachments are one piece
			case ok:
				if err := command.Report(c, "%s: %s is delivered to %s by record %d already\n", l.Origin(), i.Digest, to, by); err != nil {
					return err
				}
				continue
			}
			records = append(records, &record.Record{Kind: record.KindDisclose, ID: id, Case: of.Case,
				At: record.TimeOf(command.Now(c)), By: operator, Body: &record.Disclose{To: to, Digest: i.Digest}})
		}
		if len(records) == 0 {
			return nil
		}
		ns, err := l.Append(c.Context, records...)
		if err != nil {
			return err
		}
		for k, n := range ns {
			if err := command.Report(c, "%s: record %d, %s delivered to %s\n", l.Origin(), n, records[k].Body.(*record.Disclose).Digest, to); err != nil {
				return err
			}
		}
		return nil
	})
}
