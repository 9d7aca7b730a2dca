package auditor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/verify/bundle"
)

// maxSignBytes bounds the records that are signed at once: what one Append
// call takes.
const maxSignBytes = 1 << 20

func signCommand() *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "sign an agreement, or your own records, on your own machine",
		ArgsUsage: "FILE",
		Description: `FILE is an agreement that the vendor has signed, or your own records, one JSON
object a line; - is stdin. It shows what is signed, and asks.

Of a further version of an agreement it shows what changes, given your copy
of the version before with --prev.

Records of one key are numbered, each naming the one before it, so that none
can be dropped: --first says that there is none yet, --after names the file
with the last one. Records that refer to others carry the digest of what you
saw: --bundle says where you saw it.

Examples:
    raasverify sign agreement.json --key client.key -o both.json
    raasverify sign second.json --prev both.json --key client.key -o both-2.json
    raasverify sign disputes.jsonl --key client.key --origin vendor.example/contract-17 \
        --first --bundle march.bundle -o signed.jsonl
    raasverify sign more.jsonl --key client.key --origin vendor.example/contract-17 \
        --after signed.jsonl --bundle april.bundle -o signed-2.jsonl`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "sign with the key in `FILE`"},
			command.PrevFlag(),
			&cli.StringFlag{Name: "origin", Usage: "`ORIGIN` of the ledger that the records are for"},
			&cli.BoolFlag{Name: "first", Usage: "the key has signed no record of this ledger yet"},
			&cli.StringFlag{Name: "after", Usage: "the last line of `RECORDS` is the last record that the key signed"},
			&cli.StringFlag{Name: "bundle", Usage: "the records referred to are in `BUNDLE`; check it first"},
			command.YesFlag(),
		}, command.OutputFlags()...),
		Action: sign,
	}
}

func sign(c *cli.Context) error {
	args, err := command.Args(c, "FILE")
	if err != nil {
		return err
	}
	if err := command.Need(c, "", "key"); err != nil {
		return err
	}
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	text, err := command.ReadFile(c, args[0], maxSignBytes)
	if err != nil {
		return err
	}
	records, err := parseLines(text)
	if err != nil {
		return err
	}
	key, err := command.LoadKey(c)
	if err != nil {
		return err
	}
	defer key.Close()
	if records[0].Kind == record.KindAgreement {
		err = signAgreement(c, records, key)
	} else {
		err = signRecords(c, records, key)
	}
	if err != nil {
		return err
	}
	for _, r := range records {
		line, err := record.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return out.Commit()
}

// parseLines parses at least one record.
func parseLines(text []byte) ([]*record.Record, error) {
	var records []*record.Record
	for line := range bytes.Lines(text) {
		r, err := command.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			return nil, command.Refused("", fmt.Errorf("line %d: %w", len(records)+1, err))
		}
		records = append(records, r)
	}
	if len(records) == 0 {
		return nil, command.Refused("", errors.New("there is no record to sign"))
	}
	return records, nil
}

func signAgreement(c *cli.Context, records []*record.Record, key *keyfile.Key) error {
	if len(records) != 1 {
		return command.Refused("", fmt.Errorf("an agreement stands alone in its file, here are %d records", len(records)))
	}
	for _, flag := range []string{"first", "after", "bundle"} {
		if c.IsSet(flag) {
			return command.Usage("", "--%s is for records, %s is an agreement", flag, c.Args().First())
		}
	}
	a, err := command.NewAgreement(records[0])
	if err != nil {
		return command.Refused("", err)
	}
	if origin := c.String("origin"); c.IsSet("origin") && origin != a.Body.Origin {
		return command.Refused("", fmt.Errorf("the agreement is for %s, --origin is %s", a.Body.Origin, origin))
	}
	party, err := a.Signer(key)
	if err != nil {
		return err
	}
	prev, err := a.ReadPrev(c)
	if err != nil {
		return err
	}
	if err := a.Show(c, prev, party, key); err != nil {
		return err
	}
	if err := command.Confirm(c, fmt.Sprintf("Sign this as %s?", party.ID)); err != nil {
		return err
	}
	return a.Sign(key)
}

func signRecords(c *cli.Context, records []*record.Record, key *keyfile.Key) error {
	if err := command.Need(c, "", "origin"); err != nil {
		return err
	}
	if c.IsSet("prev") {
		return command.Usage("--after names the last record that the key signed", "--prev is for agreements, %s is records", c.Args().First())
	}
	if c.IsSet("first") == c.IsSet("after") {
		return command.Usage("--first says that the key has signed no record yet, --after names the last one", "want one of --first and --after")
	}
	next := record.Author{}
	if c.IsSet("after") {
		var err error
		if next, err = authorAfter(c, key); err != nil {
			return err
		}
	}
	for i, r := range records {
		switch {
		case r.Kind == record.KindAgreement:
			return command.Refused("sign it by itself", fmt.Errorf("line %d: is an agreement", i+1))
		case len(r.Sigs) > 0:
			return command.Refused("", fmt.Errorf("line %d: %s is signed already", i+1, r.ID))
		case r.Author != nil:
			return command.Refused("leave it out", fmt.Errorf("line %d: %s has \"author\", which is written here", i+1, r.ID))
		}
	}
	if err := cite(c, records); err != nil {
		return err
	}
	// A record of this file cites an earlier one by its content, author link
	// and cites included, so each is finished before the next.
	digests := map[string]record.Digest{}
	for i, r := range records {
		r.Author = &record.Author{Seq: next.Seq, Prev: next.Prev}
		for j, cited := range r.Cites {
			if digest, ok := digests[cited.ID]; ok {
				r.Cites[j].Digest = digest
			}
		}
		content, err := record.Content(r)
		if err != nil {
			return command.Refused("", fmt.Errorf("line %d: %w", i+1, err))
		}
		fmt.Fprintln(c.App.ErrWriter, command.Printable(string(content)))
		digests[r.ID] = record.Sum(content)
		next = record.Author{Seq: next.Seq + 1, Prev: digests[r.ID]}
	}
	noun := "these records"
	if len(records) == 1 {
		noun = "this record"
	}
	if err := command.Confirm(c, fmt.Sprintf("Sign %s with %s?", noun, record.Fingerprint(key.PublicKey()))); err != nil {
		return err
	}
	for i, r := range records {
		if err := command.SignRecord(r, c.String("origin"), key); err != nil {
			return command.Refused("", fmt.Errorf("line %d: %w", i+1, err))
		}
	}
	return nil
}

// authorAfter is the author link of the record that follows the last one of
// --after, which this key must have signed.
func authorAfter(c *cli.Context, key *keyfile.Key) (record.Author, error) {
	path := c.String("after")
	text, err := command.ReadFile(c, path, maxSignBytes)
	if err != nil {
		return record.Author{}, err
	}
	text = bytes.TrimSuffix(text, []byte("\n"))
	r, err := record.Parse(text[bytes.LastIndexByte(text, '\n')+1:])
	if err == nil {
		err = record.CheckSignature(r, c.String("origin"), key.PublicKey())
	}
	if err == nil && r.Author == nil {
		err = fmt.Errorf("record %s has no author link", r.ID)
	}
	if err != nil {
		return record.Author{}, command.Refused("", fmt.Errorf("%s: %w", path, err))
	}
	digest, err := record.ContentDigest(r)
	if err != nil {
		return record.Author{}, err
	}
	return record.Author{Seq: r.Author.Seq + 1, Prev: digest}, nil
}

// cite adds to each record that has no cites the digest of every record that
// it refers to: earlier ones of the same file (their digests follow when they
// are signed), or those in the bundle.
func cite(c *cli.Context, records []*record.Record) error {
	type use struct {
		line int
		r    *record.Record
	}
	wanted := map[string][]use{}
	own := map[string]bool{}
	for i, r := range records {
		if len(r.Cites) == 0 {
			var ids []string
			for _, ref := range record.References(r) {
				ids = append(ids, ref.ID)
			}
			slices.Sort(ids)
			for _, id := range slices.Compact(ids) {
				if own[id] {
					r.Cites = append(r.Cites, record.Cite{ID: id})
				} else {
					wanted[id] = append(wanted[id], use{i + 1, r})
				}
			}
		}
		own[r.ID] = true
	}
	if len(wanted) > 0 && c.IsSet("bundle") {
		err := eachRecord(c, c.String("bundle"), func(line []byte) error {
			r, err := record.Parse(line)
			if err != nil {
				return err
			}
			uses, ok := wanted[r.ID]
			if !ok {
				return nil
			}
			digest, err := record.ContentDigest(r)
			if err != nil {
				return err
			}
			for _, u := range uses {
				u.r.Cites = append(u.r.Cites, record.Cite{ID: r.ID, Digest: digest})
			}
			delete(wanted, r.ID)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, r := range records {
		slices.SortFunc(r.Cites, func(a, b record.Cite) int { return strings.Compare(a.ID, b.ID) })
	}
	// Of several missing records the first line's is named.
	first, missing := 0, ""
	for id, uses := range wanted {
		if line := uses[0].line; first == 0 || line < first || line == first && id < missing {
			first, missing = line, id
		}
	}
	switch {
	case first == 0:
		return nil
	case c.IsSet("bundle"):
		return command.Refused("", fmt.Errorf("line %d: refers to %s, which is not in %s", first, missing, c.String("bundle")))
	}
	return command.Usage("--bundle says where you saw it", "line %d: refers to %s", first, missing)
}

// eachRecord calls f with each record that a bundle carries, before its start
// or in its stretch.
func eachRecord(c *cli.Context, path string, f func(line []byte) error) error {
	in, err := command.Open(c, path)
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := bundle.NewReader(in)
	for err == nil {
		var item bundle.Item
		if item, err = r.Next(); err != nil {
			break
		}
		if item.Kind == bundle.RecordLine || item.Kind == bundle.RefLine {
			err = f(item.Line)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	if _, ok := errors.AsType[*bundle.FormError](err); ok {
		return command.Refused("", fmt.Errorf("%s: %w", path, err))
	}
	return err
}
