package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A Selection chooses evidence by names: that of an attachment or of a sealed
// field, "all", or, of one record alone, RECORD#NAME and RECORD#all. What is
// withheld is not shown, whatever else is said.
type Selection struct{ Disclose, Withhold []string }

// shows reports whether what has these names is shown.
func (s Selection) shows(recordID string, names ...string) bool {
	return chosen(s.Disclose, recordID, names) && !chosen(s.Withhold, recordID, names)
}

func chosen(list []string, recordID string, names []string) bool {
	for _, x := range list {
		x = strings.TrimPrefix(x, recordID+"#")
		if x == "all" || slices.Contains(names, x) {
			return true
		}
	}
	return false
}

// opened reports why what is chosen cannot be shown with this key.
func (s Selection) opened(key *evidence.Identity) error {
	if len(s.Disclose) > 0 && key == nil {
		return errors.New("evidence is to be shown, and there is no key to open it")
	}
	return nil
}

// writeEvidence writes what is to be shown of the record in line: what is
// stored and not erased. What a key cannot open is an error, since a bundle
// that silently lacks what was asked for would deceive who made it.
func (l *Ledger) writeEvidence(ctx context.Context, b *bundle.Writer, line []byte, show Selection, key *evidence.Identity) error {
	if len(show.Disclose) == 0 {
		return nil
	}
	r, err := record.Parse(line)
	if err != nil {
		return damaged("%v", err)
	}
	if len(r.Attach)+len(r.Sealed) == 0 {
		return nil
	}
	items, err := l.items(r)
	if err != nil {
		return err
	}
	// A bundle has the disclosures first, in the order of their digests, which
	// is that of the record.
	for _, i := range items {
		digest := string(i.Digest)
		if i.Kind != evidence.Disclosure || !i.shown() || chosen(show.Withhold, r.ID, []string{digest}) {
			continue
		}
		text, err := l.disclosure(i, key) // its name is known only then
		if err != nil {
			return err
		}
		name, _, err := record.OpenDisclosure(text)
		if err != nil {
			name = digest // of a writer with other rules: it has no name to be chosen by
		}
		if !show.shows(r.ID, name, digest) {
			continue
		}
		if err := b.Disclosure(text); err != nil {
			return err
		}
	}
	for _, i := range items {
		if i.Kind != evidence.Attachment || !i.shown() || !show.shows(r.ID, i.Name, string(i.Digest)) {
			continue
		}
		reader, err := l.openItem(i, key)
		if err != nil {
			return err
		}
		err = b.Attachment(i.Name, reader.Salt, contextReader{ctx, reader})
		if e := reader.Close(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shown reports whether it is here to be shown. What is missing is tried, and
// the error said.
func (i Item) shown() bool { return i.State == Stored || i.State == Missing }

// disclosure is the text of a sealed field.
func (l *Ledger) disclosure(i Item, key *evidence.Identity) (string, error) {
	r, err := l.openItem(i, key)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, record.MaxDisclosureBytes+1))
	if err != nil {
		return "", err
	}
	if len(text) > record.MaxDisclosureBytes {
		return "", fmt.Errorf("%s: record %d: %s has more than %d bytes", l.origin, i.N, i.called(), record.MaxDisclosureBytes)
	}
	return string(text), nil
}

// FieldName is the name of a sealed field of record n, by its digest.
func (l *Ledger) FieldName(n int64, digest record.Digest, key *evidence.Identity) (string, error) {
	item, err := l.Item(n, string(digest))
	if err != nil {
		return "", err
	}
	text, err := l.disclosure(item, key)
	if err != nil {
		return "", err
	}
	name, _, err := record.OpenDisclosure(text)
	return name, err
}
