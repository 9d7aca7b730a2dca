package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/merkle"
)

func agreementCommand() *cli.Command {
	return &cli.Command{
		Name:  "agreement",
		Usage: "write, check, sign and add agreements",
		Description: `An agreement is written as YAML and recorded as the canonical JSON that
both parties sign.`,
		Subcommands: []*cli.Command{{
			Name:  "schema",
			Usage: "print the JSON Schema of the terms, for editors",
			Description: `Example:
    raasledger agreement schema > terms.schema.json`,
			Action: printSchema,
		}, {
			Name:      "check",
			Usage:     "check the terms and report every mistake with its place",
			ArgsUsage: "FILE",
			Description: `FILE is YAML, - is stdin. Exit code 1 says that there are mistakes.

Example:
    raasledger agreement check terms.yaml`,
			Flags:  []cli.Flag{jsonFlag()},
			Action: checkTerms,
		}, {
			Name:      "sign",
			Usage:     "sign the terms, or add the second signature",
			ArgsUsage: "FILE",
			Description: `FILE is YAML, or an agreement that the other party has signed already.
An amendment names the version before it with --prev, and keeps its origin
and log key. It shows what changes, and refuses what no amendment may change.

Examples:
    raasledger agreement sign terms.yaml --origin vendor.example/contract-17 \
        --log-key log.key.pub --key vendor.key -o agreement.json
    raasledger agreement sign agreement.json --key client.key -o both.json
    raasledger agreement sign terms-2.yaml --prev both.json --key vendor.key -o second.json
    raasledger agreement sign second.json --prev both.json --key client.key -o both-2.json`,
			Flags: append([]cli.Flag{
				&cli.StringFlag{Name: "origin", Usage: "`ORIGIN` of the ledger, like vendor.example/contract-17"},
				&cli.StringFlag{Name: "log-key", Usage: "`KEY` that will sign the checkpoints: a key file, or a verifier key"},
				command.PrevFlag(),
				&cli.StringFlag{Name: "history", Usage: "`adopt|exclude` what was recorded while the vendor alone had signed"},
				&cli.StringFlag{Name: "key", Usage: "sign with the key in `FILE`"},
				command.YesFlag(),
			}, command.OutputFlags()...),
			Action: signTerms,
		}, {
			Name:      "add",
			Usage:     "begin a ledger with an agreement, or append a further version",
			ArgsUsage: "AGREEMENT",
			Description: `The store is made where there is none.

Example:
    raasledger agreement add agreement.json --db store`,
			Flags:  []cli.Flag{&cli.StringFlag{Name: "db", Usage: "store in `DIR`"}, jsonFlag()},
			Action: addAgreement,
		}, fragmentsCommand(), newCommand(), diffCommand()},
	}
}

func printSchema(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	schema, err := draftSchema()
	if err != nil {
		return err
	}
	return command.Report(c, "%s\n", bytes.TrimSpace(schema))
}

// A draft is a YAML file of terms with what is wrong with it.
type draft struct {
	file      string
	doc       *document // nil where it is not YAML
	canonical []byte
	terms     *terms.Terms // nil with mistakes
	notes     []note       // mistakes and warnings
	used      []usedFragment
}

// A note is a mistake or a warning with its place in the YAML.
type note struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path,omitempty"`
	Reason  string `json:"reason"`
	Warning bool   `json:"warning,omitempty"`
}

// readDraft reads terms as people write them. The error means that the file
// could not be read; what is wrong inside it are notes.
func readDraft(c *cli.Context, path string) (*draft, error) {
	text, err := command.ReadFile(c, path, maxYAMLBytes)
	if err != nil {
		return nil, err
	}
	d := &draft{file: path}
	if path == "-" {
		d.file = "stdin"
	}
	doc, err := readYAML(text)
	if err != nil {
		if e, ok := errors.AsType[*yamlError](err); ok {
			d.notes = []note{{Line: e.line, Column: e.column, Reason: e.reason}}
			return d, nil
		}
		return nil, command.Refused("", fmt.Errorf("%s: %w", d.file, err))
	}
	d.doc = doc
	if d.used, d.notes = doc.expand(); len(d.notes) > 0 {
		return d, nil
	}
	canonical, mistakes := terms.Draft(doc.json, zoneOffsets)
	d.note(mistakes)
	if d.mistakes() > 0 {
		return d, nil
	}
	t, mistakes := terms.Parse(canonical)
	if t == nil {
		return nil, fmt.Errorf("%s: the terms as they would be signed are refused: %v", d.file, mistakes)
	}
	d.canonical, d.terms = canonical, t
	return d, nil
}

// note adds what is wrong with the terms, each with its place.
func (d *draft) note(mistakes []terms.Mistake) {
	for _, m := range mistakes {
		p := d.doc.at(m.Path)
		d.notes = append(d.notes, note{p.line, p.column, m.Path, m.Reason, m.Warning})
	}
}

func (d *draft) mistakes() int {
	n := 0
	for _, m := range d.notes {
		if !m.Warning {
			n++
		}
	}
	return n
}

// writeNotes writes the notes, one a line.
func (d *draft) writeNotes(w io.Writer) error {
	for _, m := range d.notes {
		what := "mistake"
		if m.Warning {
			what = "warning"
		}
		where := ""
		if m.Path != "" {
			where = command.Printable(m.Path) + ": "
		}
		if _, err := fmt.Fprintf(w, "%s:%d:%d: %s: %s%s\n", d.file, m.Line, m.Column, what, where, command.Printable(m.Reason)); err != nil {
			return err
		}
	}
	return nil
}

// writeUsed says which fragments were put in, one a line.
func (d *draft) writeUsed(w io.Writer) error {
	for _, u := range d.used {
		if _, err := fmt.Fprintf(w, "fragment     %s is %s\n", command.Printable(u.Path), u.Fragment); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) refusal() error {
	noun := "mistakes"
	if d.mistakes() == 1 {
		noun = "mistake"
	}
	return command.Refused("", fmt.Errorf("%s has %d %s", d.file, d.mistakes(), noun))
}

func checkTerms(c *cli.Context) error {
	args, err := command.Args(c, "FILE")
	if err != nil {
		return err
	}
	d, err := readDraft(c, args[0])
	if err != nil {
		return err
	}
	var digest record.Digest
	periods := []terms.Period{}
	if d.terms != nil {
		digest = d.terms.Digest()
		for p, ok := d.terms.PeriodAt(d.terms.From); ok; p, ok = d.terms.After(p) {
			periods = append(periods, p)
		}
	}
	if c.Bool("json") {
		type period struct {
			Name    string `json:"name"`
			From    string `json:"from"`
			Until   string `json:"until"`
			Closing string `json:"closing"`
		}
		report := struct {
			Notes     []note         `json:"notes"`
			Digest    record.Digest  `json:"digest,omitempty"`
			Periods   []period       `json:"periods"`
			Fragments []usedFragment `json:"fragments,omitempty"`
		}{append([]note{}, d.notes...), digest, []period{}, d.used}
		for _, p := range periods {
			report.Periods = append(report.Periods, period{p.Name, p.From.String(), p.Until.String(), d.terms.Closing(p).String()})
		}
		text, err := json.Marshal(report)
		if err != nil {
			return err
		}
		if err := command.Report(c, "%s\n", text); err != nil {
			return err
		}
	} else {
		if err := d.writeNotes(c.App.Writer); err != nil {
			return err
		}
		if d.terms != nil {
			if err := d.writeUsed(c.App.Writer); err != nil {
				return err
			}
			if err := command.Report(c, "digest       %s\n", digest); err != nil {
				return err
			}
			if err := writePeriods(c, d.terms, periods); err != nil {
				return err
			}
		}
	}
	if d.mistakes() > 0 {
		return d.refusal()
	}
	return nil
}

// writePeriods writes the first periods and the last one.
func writePeriods(c *cli.Context, t *terms.Terms, periods []terms.Period) error {
	const first = 3
	for i, p := range periods {
		if i >= first && i < len(periods)-1 {
			if i == first {
				if err := command.Report(c, "%-12s and %d more\n", "", len(periods)-1-first); err != nil {
					return err
				}
			}
			continue
		}
		if err := command.Report(c, "period       %s  %v to %v, closing %v\n", p.Name, p.From, p.Until, t.Closing(p)); err != nil {
			return err
		}
	}
	return nil
}

func signTerms(c *cli.Context) error {
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
	agreement, prev, err := agreementToSign(c, args[0])
	if err != nil {
		return err
	}
	key, err := command.LoadKey(c)
	if err != nil {
		return err
	}
	defer key.Close()
	party, err := agreement.Signer(key)
	if err != nil {
		return err
	}
	if err := agreement.Show(c, prev, party, key); err != nil {
		return err
	}
	if err := command.Confirm(c, fmt.Sprintf("Sign this as %s?", party.ID)); err != nil {
		return err
	}
	if err := agreement.Sign(key); err != nil {
		return err
	}
	line, err := agreement.Line()
	if err != nil {
		return err
	}
	if _, err := out.Write(line); err != nil {
		return err
	}
	return out.Commit()
}

// agreementToSign reads an agreement that is signed already, or makes one
// from YAML, with the version before it where --prev names that.
func agreementToSign(c *cli.Context, path string) (agreement, prev *command.Agreement, err error) {
	if isRecord := strings.HasSuffix(path, ".json"); isRecord {
		for _, flag := range []string{"origin", "log-key", "history"} {
			if c.IsSet(flag) {
				return nil, nil, command.Usage("", "--%s is part of what %s says already", flag, path)
			}
		}
		if agreement, err = command.ReadAgreement(c, path); err != nil {
			return nil, nil, err
		}
		prev, err = agreement.ReadPrev(c)
		return agreement, prev, err
	}
	body := &record.Agreement{Version: 1, Format: "raasledger/v1", History: c.String("history")}
	if c.IsSet("prev") {
		if prev, err = command.ReadAgreement(c, c.String("prev")); err != nil {
			return nil, nil, err
		}
		for _, flag := range []string{"origin", "log-key"} {
			if c.IsSet(flag) {
				return nil, nil, command.Usage("", "--%s is kept from the version before", flag)
			}
		}
		body.Version, body.Origin, body.LogKey = prev.Body.Version+1, prev.Body.Origin, prev.Body.LogKey
		if body.Prev, err = record.ContentDigest(prev.Record); err != nil {
			return nil, nil, err
		}
	} else {
		if err := command.Need(c, "a further version names the one before it with --prev", "origin", "log-key"); err != nil {
			return nil, nil, err
		}
		key, err := logKey(c.String("origin"), c.String("log-key"))
		if err != nil {
			return nil, nil, err
		}
		body.Origin, body.LogKey = c.String("origin"), key.String()
	}
	d, err := readDraft(c, path)
	if err != nil {
		return nil, nil, err
	}
	if d.terms != nil && prev != nil {
		d.note(prev.CheckNext(d.terms))
	}
	if d.mistakes() > 0 {
		if err := d.writeNotes(c.App.ErrWriter); err != nil {
			return nil, nil, err
		}
		return nil, nil, d.refusal()
	}
	if err := d.writeUsed(c.App.ErrWriter); err != nil {
		return nil, nil, err
	}
	body.Terms = d.canonical
	var nonce [16]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return nil, nil, err
	}
	body.Nonce = base64.StdEncoding.EncodeToString(nonce[:])
	r := &record.Record{
		Kind: record.KindAgreement,
		ID:   fmt.Sprintf("agreement/%d", body.Version),
		At:   record.Time(command.Now(c).UnixMilli()),
		By:   d.terms.Operator().ID,
		Body: body,
	}
	// The way through the line shows that what is signed can be read.
	if _, err := record.Marshal(r); err != nil {
		return nil, nil, command.Refused("", err)
	}
	if agreement, err = command.NewAgreement(r); err != nil {
		return nil, nil, err
	}
	return agreement, prev, nil
}

// logKey reads the key of a log: a verifier key, or either half of a key file.
func logKey(origin, text string) (merkle.VerifierKey, error) {
	if strings.Contains(text, "+") {
		key, err := merkle.ParseVerifierKey(text)
		if err != nil {
			return merkle.VerifierKey{}, command.Usage("", "--log-key: %v", err)
		}
		if key.Name() != origin || key.Kind() != merkle.KindLog {
			return merkle.VerifierKey{}, command.Usage("raasledger key show FILE --log ORIGIN prints it",
				"--log-key is a %s key of %q, want a log key of %q", key.Kind(), key.Name(), origin)
		}
		return key, nil
	}
	var pub ed25519.PublicKey
	pub, _, err := keyfile.LoadPublic(text)
	if err != nil {
		return merkle.VerifierKey{}, err
	}
	key, err := merkle.NewVerifierKey(origin, merkle.KindLog, pub)
	if err != nil {
		return merkle.VerifierKey{}, command.Usage("", "--origin: %v", err)
	}
	return key, nil
}

func addAgreement(c *cli.Context) (err error) {
	args, err := command.Args(c, "AGREEMENT")
	if err != nil {
		return err
	}
	agreement, err := command.ReadAgreement(c, args[0])
	if err != nil {
		return err
	}
	vendor, client := agreement.Terms.Operator(), agreement.Terms.Client()
	if !agreement.Signed(vendor) {
		return command.Refused("raasledger agreement sign adds a signature", fmt.Errorf("%s is not signed by %s, the vendor", args[0], vendor.ID))
	}
	db, err := openStore(c, agreement.Body.Version == 1)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = storeError(closeErr)
		}
	}()
	n, agreed, err := addVersion(c, db, agreement)
	if err != nil {
		return storeError(err)
	}
	if !agreed {
		command.Warn(c, "IN SHADOW: %s has not signed; statements say \"not agreed\" until a version signed by both is added", client.ID)
	}
	if c.Bool("json") {
		text, err := json.Marshal(struct {
			Origin  string `json:"origin"`
			Version int64  `json:"version"`
			N       int64  `json:"n"`
			Agreed  bool   `json:"agreed"`
		}{agreement.Body.Origin, agreement.Body.Version, n, agreed})
		if err != nil {
			return err
		}
		return command.Report(c, "%s\n", text)
	}
	signed := "signed by both"
	if !agreed {
		signed = "in shadow"
	}
	return command.Report(c, "%s: agreement version %d is record %d, %s\n", agreement.Body.Origin, agreement.Body.Version, n, signed)
}

// addVersion begins the ledger with version 1, and appends any further one.
// One that is there already stays as it was signed then: the record does not
// change, and agreed is what it says.
func addVersion(c *cli.Context, db *ledger.DB, a *command.Agreement) (n int64, agreed bool, err error) {
	l, err := db.Ledger(a.Body.Origin)
	switch {
	case err == nil:
		numbers, err := l.Append(c.Context, a.Record)
		if err != nil {
			return 0, false, err
		}
		n = numbers[0]
	case !errors.Is(err, ledger.ErrNoLedger):
		return 0, false, err
	case a.Body.Version != 1:
		return 0, false, command.Refused("version 1 begins a ledger", fmt.Errorf("there is no ledger %s to append version %d to", a.Body.Origin, a.Body.Version))
	default:
		if l, err = db.Create(c.Context, a.Record); err != nil {
			return 0, false, err
		}
	}
	there, err := recordAt(l, n)
	if err != nil {
		return 0, false, err
	}
	agreed = (&command.Agreement{Record: there, Body: a.Body, Terms: a.Terms}).Signed(a.Terms.Client())
	if a.Signed(a.Terms.Client()) && !agreed {
		return 0, false, command.Refused(fmt.Sprintf("sign version %d with --prev and --history, which says what becomes of the records in shadow", a.Body.Version+1),
			fmt.Errorf("version %d is record %d already, signed by the vendor alone, and records do not change", a.Body.Version, n))
	}
	return n, agreed, nil
}
