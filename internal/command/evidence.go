package command

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
)

// maxFieldsBytes bounds a file of fields to seal, and one of commitments.
const maxFieldsBytes = 1 << 20

// LoadIdentity loads the private key that --key names, to open evidence.
func LoadIdentity(c *cli.Context) (*evidence.Identity, error) {
	if err := Need(c, "the private key of a holder opens evidence", "key"); err != nil {
		return nil, err
	}
	key, err := LoadKey(c)
	if err != nil {
		return nil, err
	}
	defer key.Close()
	private, ok := key.Private()
	if !ok {
		return nil, Failed("give the private key's file", fmt.Errorf("%s: an ssh-agent signs and cannot open evidence", c.String("key")))
	}
	return evidence.NewIdentity(private)
}

// A NamedFile is NAME=FILE of the command line.
type NamedFile struct{ Name, Path string }

// NamedFiles reads a flag of NAME=FILE, each name once.
func NamedFiles(c *cli.Context, flag string) ([]NamedFile, error) {
	var all []NamedFile
	for _, text := range c.StringSlice(flag) {
		name, path, ok := strings.Cut(text, "=")
		if !ok || name == "" || path == "" {
			return nil, Usage("", "--%s is %q, want NAME=FILE", flag, text)
		}
		if slices.ContainsFunc(all, func(f NamedFile) bool { return f.Name == name }) {
			return nil, Usage("", "--%s names %q twice", flag, name)
		}
		all = append(all, NamedFile{name, path})
	}
	return all, nil
}

// A SecretField is one to be sealed.
type SecretField struct {
	Name  string
	Value []byte // canonical JSON
}

// SecretFields reads an object of fields to be sealed. They come from a file:
// a command line is seen by others.
func SecretFields(c *cli.Context, path string) ([]SecretField, error) {
	text, err := ReadFile(c, path, maxFieldsBytes)
	if err != nil {
		return nil, err
	}
	canonical, err := Canonical(bytes.TrimSpace(text))
	if err != nil {
		return nil, Refused("", fmt.Errorf("%s: %w", path, err))
	}
	refused := Refused(`write it like {"customer": "Ann"}`, fmt.Errorf("%s is no object of fields", path))
	d := jsontext.NewDecoder(bytes.NewReader(canonical))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, refused
	}
	var all []SecretField
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, refused
		}
		f := SecretField{Name: name.String()}
		value, err := d.ReadValue()
		if err != nil {
			return nil, refused
		}
		f.Value = bytes.Clone(value)
		all = append(all, f)
	}
	return all, nil
}

// A Commitment is what a record says of evidence, and what is needed to store
// it later: the salts and the disclosures, which are as secret as the evidence.
type Commitment struct {
	Attach      map[string]committed `json:"attach,omitempty"`
	Sealed      []record.Digest      `json:"sealed,omitempty"`
	Salts       map[string]string    `json:"salts,omitempty"`
	Disclosures []string             `json:"disclosures,omitempty"`
}

type committed struct {
	Digest record.Digest `json:"digest"`
	Size   int64         `json:"size"`
}

// ReadCommitment reads the file that evidence commit wrote.
func ReadCommitment(c *cli.Context, path string) (*Commitment, error) {
	text, err := ReadFile(c, path, maxFieldsBytes)
	if err != nil {
		return nil, err
	}
	var k Commitment
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&k); err != nil {
		return nil, Refused("raasledger evidence commit writes one", fmt.Errorf("%s is no commitment: %v", path, err))
	}
	return &k, nil
}

// Salt is that of an attachment.
func (k *Commitment) Salt(name string) (salt [record.AttachmentSaltBytes]byte, err error) {
	b, err := hex.DecodeString(k.Salts[name])
	if err != nil || len(b) != len(salt) {
		return salt, Refused("", fmt.Errorf("the commitment has no salt for %q", name))
	}
	return [record.AttachmentSaltBytes]byte(b), nil
}

// CommitCommand makes commitments: whoever signs a record with evidence commits
// to it first.
func CommitCommand(app string) *cli.Command {
	return &cli.Command{
		Name:  "commit",
		Usage: "commit to files and fields, for a record that is signed",
		Description: `Writes JSON: "attach" and "sealed" go into the record; the file itself goes
to whoever stores the evidence, and is as secret as the evidence is.

Example:
    ` + app + ` evidence commit --file meter=meter.csv --seal fields.json -o commitment.json`,
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "file", Usage: "an attachment: `NAME=FILE`"},
			&cli.StringFlag{Name: "seal", Usage: "seal the fields of the JSON object in `FILE`"},
		}, OutputFlags()...),
		Action: commit,
	}
}

func commit(c *cli.Context) error {
	if _, err := Args(c); err != nil {
		return err
	}
	if !c.IsSet("file") && !c.IsSet("seal") {
		return Usage("--file NAME=FILE, --seal FILE", "nothing to commit to")
	}
	out, err := CreateSecret(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	files, err := NamedFiles(c, "file")
	if err != nil {
		return err
	}
	k := Commitment{Attach: map[string]committed{}, Salts: map[string]string{}}
	for _, f := range files {
		var salt [record.AttachmentSaltBytes]byte
		if _, err := rand.Read(salt[:]); err != nil {
			return err
		}
		in, err := Open(c, f.Path)
		if err != nil {
			return err
		}
		a, err := record.Commit(f.Name, salt, in)
		in.Close()
		if err != nil {
			return err
		}
		k.Attach[f.Name], k.Salts[f.Name] = committed{a.Digest, a.Size}, hex.EncodeToString(salt[:])
	}
	if c.IsSet("seal") {
		fields, err := SecretFields(c, c.String("seal"))
		if err != nil {
			return err
		}
		sealed := map[record.Digest]string{}
		for _, f := range fields {
			var salt [32]byte
			if _, err := rand.Read(salt[:]); err != nil {
				return err
			}
			text, digest, err := record.Seal(f.Name, f.Value, salt[:])
			if err != nil {
				return Refused("", err)
			}
			sealed[digest] = text
		}
		for _, d := range slices.Sorted(maps.Keys(sealed)) {
			k.Sealed, k.Disclosures = append(k.Sealed, d), append(k.Disclosures, sealed[d])
		}
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if _, err := out.Write(append(text, '\n')); err != nil {
		return err
	}
	return out.Commit()
}

// CreateSecret is Create for a file that its owner alone can read.
func CreateSecret(c *cli.Context) (*Output, error) {
	if path := c.String("o"); path != "" && path != "-" {
		return CreateFile(path, c.Bool("force"), 0o600)
	}
	return Create(c)
}

// OpenCommand opens a sealed copy: it needs no store and nobody else's key.
func OpenCommand(app string) *cli.Command {
	return &cli.Command{
		Name:      "open",
		Usage:     "open a sealed copy of evidence with your own key",
		ArgsUsage: "SEALED",
		Description: `SEALED is what raasledger evidence get --for wrote. Of an attachment the
content is written, of a sealed field its value. Compare the digest with the
record: it is said on stderr, and --digest compares it.

Example:
    ` + app + ` evidence open chat.sealed --key client.key --origin vendor.example/support -o chat.txt`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "key", Usage: "open with the private key in `FILE`"},
			&cli.StringFlag{Name: "origin", Usage: "it is of the ledger `ORIGIN`"},
			&cli.StringFlag{Name: "digest", Usage: "it must have `DIGEST`, as the record says"},
			&cli.StringFlag{Name: "record", Usage: "it must be of the record `ID`"},
		}, OutputFlags()...),
		Action: openSealed,
	}
}

func openSealed(c *cli.Context) error {
	args, err := Args(c, "SEALED")
	if err != nil {
		return err
	}
	if err := Need(c, "", "origin"); err != nil {
		return err
	}
	id, err := LoadIdentity(c)
	if err != nil {
		return err
	}
	in, err := Open(c, args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := CreateSecret(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	h, err := evidence.ReadHeader(in)
	if err == nil {
		switch want := c.String("digest"); {
		case want != "" && want != string(h.Digest):
			err = fmt.Errorf("is sealed as digest %s, want %s", h.Digest, want)
		case c.IsSet("record") && c.String("record") != h.Record:
			err = fmt.Errorf("is of record %s, want %s", h.Record, c.String("record"))
		}
	}
	var plain io.Reader
	if err == nil {
		plain, err = h.Open(id, c.String("origin"), in)
	}
	if err == nil {
		err = WriteEvidence(out, h.Kind, plain)
	}
	if err != nil && c.Context.Err() != nil {
		return err
	}
	if err != nil {
		return Refused("", fmt.Errorf("%s: %w", args[0], err))
	}
	if err := out.Commit(); err != nil {
		return err
	}
	Say(c, "opened %s of record %s, %d bytes, digest %s", h.Kind, h.Record, h.Bytes, h.Digest)
	return nil
}

// WriteEvidence writes what was sealed for people: the content of an
// attachment without its salt, the value of a sealed field.
func WriteEvidence(w io.Writer, kind string, plain io.Reader) error {
	if kind == evidence.Attachment {
		if _, err := io.CopyN(io.Discard, plain, record.AttachmentSaltBytes); err != nil {
			return err
		}
		_, err := io.Copy(w, plain)
		return err
	}
	text, err := io.ReadAll(io.LimitReader(plain, record.MaxDisclosureBytes+1))
	if err != nil {
		return err
	}
	return WriteField(w, string(text))
}

// WriteField writes a disclosure as {"NAME":VALUE}.
func WriteField(w io.Writer, disclosure string) error {
	name, value, err := record.OpenDisclosure(disclosure)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "{%s:%s}\n", record.AppendString(nil, name), value)
	return err
}
