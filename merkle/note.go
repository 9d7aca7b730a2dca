package merkle

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Note is a checkpoint with signature lines that nobody has verified yet.
type Note struct {
	Checkpoint Checkpoint
	Lines      []Line
}

// A Line is one signature line of a note.
type Line struct {
	Name      string // of the key
	KeyHash   uint32 // id of the key
	Signature []byte // what follows the key id
}

const (
	lineStart    = "\u2014 " // em dash and space
	keyHashBytes = 4
)

// String returns the line without its line end.
func (l Line) String() string {
	raw := binary.BigEndian.AppendUint32(nil, l.KeyHash)
	return lineStart + l.Name + " " + base64.StdEncoding.EncodeToString(append(raw, l.Signature...))
}

// key returns how messages name the key.
func (l Line) key() string { return fmt.Sprintf("%s+%08x", l.Name, l.KeyHash) }

func parseLine(text string) (Line, error) {
	rest, ok := strings.CutPrefix(text, lineStart)
	if !ok {
		return Line{}, fmt.Errorf("does not begin with %q", lineStart)
	}
	name, data, ok := strings.Cut(rest, " ")
	if !ok {
		return Line{}, errors.New("has no signature")
	}
	if err := checkName("key name", name); err != nil {
		return Line{}, err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(data)
	if err != nil {
		return Line{}, errors.New("has a signature that is not base64")
	}
	if len(raw) <= keyHashBytes {
		return Line{}, fmt.Errorf("has a signature of %d bytes, want more than %d", len(raw), keyHashBytes)
	}
	return Line{name, binary.BigEndian.Uint32(raw), raw[keyHashBytes:]}, nil
}

// ParseNote parses exactly what [Note.Marshal] writes, and verifies no
// signature: see [OpenCheckpoint].
func ParseNote(signed []byte) (Note, error) {
	if len(signed) > MaxNoteBytes {
		return Note{}, fmt.Errorf("note has %d bytes, at most %d", len(signed), MaxNoteBytes)
	}
	text, lines, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return Note{}, errors.New("note has no blank line between text and signatures")
	}
	c, err := ParseCheckpoint(text + "\n")
	if err != nil {
		return Note{}, err
	}
	n := Note{Checkpoint: c}
	body, ok := strings.CutSuffix(lines, "\n")
	if !ok {
		return Note{}, errors.New("note does not end with a line end")
	}
	for text := range strings.SplitSeq(body, "\n") {
		if len(n.Lines) == MaxNoteLines {
			return Note{}, fmt.Errorf("note has more than %d signature lines", MaxNoteLines)
		}
		line, err := parseLine(text)
		if err != nil {
			return Note{}, fmt.Errorf("signature line %d %w", len(n.Lines)+1, err)
		}
		n.Lines = append(n.Lines, line)
	}
	if err := n.check(); err != nil {
		return Note{}, err
	}
	if !bytes.Equal(n.marshal(), signed) {
		return Note{}, errors.New("note is not in canonical form")
	}
	return n, nil
}

// check refuses a note that has two lines by one key: signatures are counted,
// and of two times only one can be meant.
func (n Note) check() error {
	for i, line := range n.Lines {
		for j, other := range n.Lines[:i] {
			if line.Name == other.Name && line.KeyHash == other.KeyHash {
				return fmt.Errorf("signature lines %d and %d are by one key, %s", j+1, i+1, line.key())
			}
		}
	}
	return nil
}

// Marshal returns the signed note: the text, a blank line and the signature
// lines.
func (n Note) Marshal() ([]byte, error) {
	signed := n.marshal()
	if _, err := ParseNote(signed); err != nil {
		return nil, err
	}
	return signed, nil
}

func (n Note) marshal() []byte {
	var b bytes.Buffer
	b.WriteString(n.Checkpoint.String())
	b.WriteByte('\n')
	for _, line := range n.Lines {
		b.WriteString(line.String())
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// add appends a line by each signer.
func (n *Note) add(signers ...*Signer) error {
	text := []byte(n.Checkpoint.String())
	for _, s := range signers {
		sig, err := s.Sign(text)
		if err != nil {
			return err
		}
		n.Lines = append(n.Lines, Line{s.Name(), s.KeyHash(), sig})
	}
	return nil
}

// SignCheckpoint returns the signed note of a checkpoint with a line by each
// signer, in their order. One of them must be the log's.
func SignCheckpoint(c Checkpoint, signers ...*Signer) ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(signers, func(s *Signer) bool { return s.verifier.kind == KindLog }) {
		return nil, fmt.Errorf("checkpoint of %q has no log signer", c.Origin)
	}
	n := Note{Checkpoint: c}
	if err := n.add(signers...); err != nil {
		return nil, err
	}
	return n.Marshal()
}

// Cosign returns the note with one more line: the cosignature of key under
// name, at a time in seconds since 1970. Cosigning says that at that time this
// was the largest tree of the log that the cosigner had seen, and consistent
// with all before. It does not verify the lines that are there: the cosigner
// opens the note first.
func Cosign(signed []byte, name string, key crypto.Signer, unixSeconds int64) ([]byte, error) {
	n, err := ParseNote(signed)
	if err != nil {
		return nil, err
	}
	s, err := NewCosigner(name, key, unixSeconds)
	if err != nil {
		return nil, err
	}
	if err := n.add(s); err != nil {
		return nil, err
	}
	return n.Marshal()
}

// An OpenedCheckpoint is a checkpoint with what was verified about it.
type OpenedCheckpoint struct {
	Checkpoint
	Signatures []Signature // by the keys given, at least one of them a log key
	Unverified []Line      // by other keys: they say nothing
}

// A Signature is a verified signature line.
type Signature struct {
	Key  VerifierKey
	Time int64 // of a cosignature, in seconds since 1970; 0 for a log
}

// OpenCheckpoint parses a signed note and verifies each line by one of the
// keys given. It refuses the note if such a line does not verify, if none is
// by a log key, and if a log key has another name than the origin. Lines by
// other keys are returned as unverified.
//
// The same key may be given twice, but not under two names or as two kinds:
// its signature would count twice.
func OpenCheckpoint(signed []byte, keys ...VerifierKey) (*OpenedCheckpoint, error) {
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	n, err := ParseNote(signed)
	if err != nil {
		return nil, err
	}
	text := []byte(n.Checkpoint.String())
	opened := &OpenedCheckpoint{Checkpoint: n.Checkpoint}
	byLog := false
	for _, line := range n.Lines {
		i := slices.IndexFunc(keys, func(k VerifierKey) bool {
			return k.Name() == line.Name && k.KeyHash() == line.KeyHash
		})
		if i < 0 {
			opened.Unverified = append(opened.Unverified, line)
			continue
		}
		key := keys[i]
		if key.Kind() == KindLog && key.Name() != n.Checkpoint.Origin {
			return nil, fmt.Errorf("log key %s signs a checkpoint of %q", line.key(), n.Checkpoint.Origin)
		}
		if !key.Verify(text, line.Signature) {
			return nil, fmt.Errorf("%s by %s does not verify", key.Kind().signature(), line.key())
		}
		sig := Signature{Key: key}
		switch key.Kind() {
		case KindLog:
			byLog = true
		case KindCosignature:
			sig.Time, _ = cosignatureTime(line.Signature)
		}
		opened.Signatures = append(opened.Signatures, sig)
	}
	if !byLog {
		return nil, fmt.Errorf("checkpoint of %q has no signature by a known log key", n.Checkpoint.Origin)
	}
	return opened, nil
}

// checkKeys refuses keys among which one signature could count twice, or one
// line belong to two keys.
func checkKeys(keys []VerifierKey) error {
	for i, k := range keys {
		if err := k.kind.check(); err != nil {
			return fmt.Errorf("verifier key %d: %w", i+1, err)
		}
		for _, other := range keys[:i] {
			switch {
			case k == other:
			case k.pub == other.pub:
				return fmt.Errorf("verifier keys %s and %s are one public key", other, k)
			case k.name == other.name && k.KeyHash() == other.KeyHash():
				return fmt.Errorf("verifier keys %s and %s have one id", other, k)
			}
		}
	}
	return nil
}
