package command

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/keyfile"
)

// An Agreement is a version of an agreement as its record carries it.
type Agreement struct {
	Record   *record.Record
	Body     *record.Agreement
	Terms    *terms.Terms
	Warnings []terms.Mistake
}

// ReadAgreement reads a signed agreement: its record on one line. All
// signatures on it must verify and be by keys of its vendor or client.
func ReadAgreement(c *cli.Context, path string) (*Agreement, error) {
	text, err := ReadFile(c, path, record.MaxRecordBytes+1)
	if err != nil {
		return nil, err
	}
	a, err := parseAgreement(bytes.TrimSuffix(text, []byte("\n")))
	if err != nil {
		hint := ""
		if !bytes.HasPrefix(text, []byte("{")) {
			hint = "raasledger agreement sign makes an agreement of terms in YAML"
		}
		return nil, Refused(hint, fmt.Errorf("%s: %w", name(path), err))
	}
	return a, nil
}

// PrevFlag names the version before an agreement.
func PrevFlag() cli.Flag {
	return &cli.StringFlag{Name: "prev", Usage: "the agreement in `FILE` is the version before; shows what changes"}
}

// ReadPrev reads the agreement of --prev, which must be the version before a,
// as a names it by its digest, and refuses what a may not change in it. It is
// nil without --prev.
func (a *Agreement) ReadPrev(c *cli.Context) (*Agreement, error) {
	if !c.IsSet("prev") {
		return nil, nil
	}
	prev, err := ReadAgreement(c, c.String("prev"))
	if err != nil {
		return nil, err
	}
	if a.Body.Version == 1 {
		return nil, Usage("", "--prev is for further versions, this is version 1")
	}
	digest, err := record.ContentDigest(prev.Record)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct{ what, got, want string }{
		{"digest", string(digest), string(a.Body.Prev)},
		{"version", strconv.FormatInt(prev.Body.Version, 10), strconv.FormatInt(a.Body.Version-1, 10)},
		{"origin", prev.Body.Origin, a.Body.Origin},
		{"log key", prev.Body.LogKey, a.Body.LogKey},
	} {
		if f.got != f.want {
			return nil, Refused("", fmt.Errorf("%s: %s is %s, want %s: version %d follows another", name(c.String("prev")), f.what, f.got, f.want, a.Body.Version))
		}
	}
	var all []error
	for _, m := range prev.CheckNext(a.Terms) {
		all = append(all, fmt.Errorf("%s: %s", m.Path, m.Reason))
	}
	if len(all) > 0 {
		return nil, Refused("no ledger takes it: the vendor writes it anew", fmt.Errorf("%s does not follow %s: %w", name(c.Args().First()), name(c.String("prev")), errors.Join(all...)))
	}
	return prev, nil
}

// CheckNext returns the mistakes of t as the terms of the version after a.
func (a *Agreement) CheckNext(t *terms.Terms) []terms.Mistake {
	return terms.CheckAmendment([]terms.Version{{Number: a.Body.Version, Terms: a.Terms}}, t)
}

// parseAgreement parses the record's line.
func parseAgreement(line []byte) (*Agreement, error) {
	r, err := record.Parse(line)
	if err != nil {
		return nil, err
	}
	return NewAgreement(r)
}

// NewAgreement reads the terms in an agreement record and checks its signatures.
func NewAgreement(r *record.Record) (*Agreement, error) {
	body, ok := r.Body.(*record.Agreement)
	if !ok {
		return nil, fmt.Errorf("kind is %s, want %s", r.Kind, record.KindAgreement)
	}
	t, mistakes := terms.Parse(body.Terms)
	if t == nil {
		var all []error
		for _, m := range mistakes {
			if !m.Warning {
				all = append(all, fmt.Errorf("%s: %s", m.Path, m.Reason))
			}
		}
		return nil, errors.Join(all...)
	}
	a := &Agreement{Record: r, Body: body, Terms: t}
	for _, m := range mistakes {
		if m.Warning {
			a.Warnings = append(a.Warnings, m)
		}
	}
	for _, s := range r.Sigs {
		party, pub, err := a.signer(s.Key)
		if err != nil {
			return nil, err
		}
		if err := record.CheckSignature(r, body.Origin, pub); err != nil {
			return nil, fmt.Errorf("signature of %s: %w", party.ID, err)
		}
	}
	return a, nil
}

// signer finds the party that has the key with this fingerprint. Only vendor
// and client sign an agreement.
func (a *Agreement) signer(fingerprint string) (*terms.Party, ed25519.PublicKey, error) {
	for i := range a.Terms.Parties {
		p := &a.Terms.Parties[i]
		for _, text := range p.Keys {
			pub, err := record.ParsePublicKey(text)
			if err != nil {
				return nil, nil, err
			}
			if record.Fingerprint(pub) != fingerprint {
				continue
			}
			if p != a.Terms.Operator() && p != a.Terms.Client() {
				return nil, nil, fmt.Errorf("key %s is of %s, whose role is %s; only vendor and client sign an agreement", fingerprint, p.ID, p.Role)
			}
			return p, pub, nil
		}
	}
	return nil, nil, fmt.Errorf("key %s is of no party of this agreement", fingerprint)
}

// Signed says whether the party has signed.
func (a *Agreement) Signed(p *terms.Party) bool {
	for _, s := range a.Record.Sigs {
		if by, _, err := a.signer(s.Key); err == nil && by == p {
			return true
		}
	}
	return false
}

// Signer names the party that would sign with key, or refuses it.
func (a *Agreement) Signer(key *keyfile.Key) (*terms.Party, error) {
	p, _, err := a.signer(record.Fingerprint(key.PublicKey()))
	if err != nil {
		return nil, Refused("the terms name each party's keys", err)
	}
	if a.Signed(p) {
		return nil, Refused("", fmt.Errorf("%s has signed already", p.ID))
	}
	return p, nil
}

// Sign adds the signature of a party.
func (a *Agreement) Sign(key *keyfile.Key) error {
	if _, err := a.Signer(key); err != nil {
		return err
	}
	return SignRecord(a.Record, a.Body.Origin, key)
}

// Line is the record's line with its line end.
func (a *Agreement) Line() ([]byte, error) {
	line, err := record.Marshal(a.Record)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

// Show shows who is to sign, as party with key, what the agreement says and
// what it changes in prev. Where there is a version before and prev is nil, it
// says that the changes are not shown.
func (a *Agreement) Show(c *cli.Context, prev *Agreement, party *terms.Party, key *keyfile.Key) error {
	if err := a.describe(c.App.ErrWriter); err != nil {
		return err
	}
	if prev != nil {
		if err := a.describeChanges(c.App.ErrWriter, prev); err != nil {
			return err
		}
		// In shadow, the client's keys before are only the vendor's word.
		text := record.FormatPublicKey(key.PublicKey())
		shadow := party == a.Terms.Client() && !prev.Signed(prev.Terms.Client())
		if p := prev.Terms.Party(party.ID); !shadow && (p == nil || !slices.Contains(p.Keys, text)) {
			Warn(c, "NEW KEY: version %d does not name the key of %s: no version is signed by a key that it brings itself, unless a key record enrolled it before", prev.Body.Version, party.ID)
		}
	} else if a.Body.Version > 1 {
		Warn(c, "CHANGES NOT SHOWN: version %d takes the place of version %d; --prev FILE, your copy of that, shows what it changes", a.Body.Version, a.Body.Version-1)
	}
	return nil
}

// describeChanges writes what a changes in the version before it.
func (a *Agreement) describeChanges(w io.Writer, prev *Agreement) error {
	signed := "not signed"
	vendor, client := prev.Signed(prev.Terms.Operator()), prev.Signed(prev.Terms.Client())
	switch {
	case vendor && client:
		signed = "signed by both"
	case vendor:
		signed = "signed by the vendor alone"
	case client:
		signed = "signed by the client alone"
	}
	changes := terms.Changes(prev.Terms, a.Terms)
	var b strings.Builder
	row := rows(&b)
	row("changes", "%d from version %d, %s", len(changes), prev.Body.Version, signed)
	for _, change := range changes {
		row("", "%s", change.Words(prev.Terms, a.Terms))
	}
	for _, m := range terms.ReviewAmendment(prev.Terms, a.Terms) {
		row("warning", "%s: %s", m.Path, m.Reason)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// rows returns a function that writes one row of a description.
func rows(b *strings.Builder) func(name, format string, args ...any) {
	return func(name, format string, args ...any) {
		fmt.Fprintf(b, "%-12s %s\n", name, Printable(fmt.Sprintf(format, args...)))
	}
}
