package main

import (
	"context"
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
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/ledger/evidence"
)

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
		of, err := recordAt(l, n)
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
