package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of what a record commits to and does not show.
const (
	AttachmentSaltBytes = 32 // in front of an attachment, exactly
	FieldSaltBytes      = 16 // of a sealed field, at least; RFC 9901 asks for 128 bits

	MaxDisclosureBytes = 65535
	maxFieldSaltBytes  = 64
)

// Commit reads an attachment to its end and returns what a record says of it:
// digest and size, under the name given. The salt must be fresh and random:
// without it nobody can find the content by trying.
func Commit(name string, salt [AttachmentSaltBytes]byte, content io.Reader) (Attachment, error) {
	h := sha256.New()
	h.Write(salt[:])
	size, err := io.Copy(h, content)
	if err != nil {
		return Attachment{}, fmt.Errorf("attachment %q: %w", clip(name), err)
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return Attachment{Name: name, Digest: digestOf(sum), Size: size}, nil
}

// Seal returns the RFC 9901 disclosure of a field, and the digest that goes
// into Record.Sealed in its place. The value is canonical JSON; the salt must
// be fresh and random, and has at least 16 bytes.
func Seal(name string, value []byte, salt []byte) (disclosure string, digest Digest, err error) {
	if len(salt) < FieldSaltBytes || len(salt) > maxFieldSaltBytes {
		return "", "", fmt.Errorf("sealed field %q: salt has %d bytes, want %d to %d", clip(name), len(salt), FieldSaltBytes, maxFieldSaltBytes)
	}
	if _, err := ParseCanonical(value); err != nil {
		return "", "", fmt.Errorf("sealed field %q: value %w", clip(name), err)
	}
	if err := fieldName(name); err != nil {
		return "", "", err
	}
	b := AppendString([]byte{'['}, base64.RawURLEncoding.EncodeToString(salt))
	b = AppendString(append(b, ','), name)
	b = append(append(append(b, ','), value...), ']')
	disclosure = base64.RawURLEncoding.EncodeToString(b)
	if len(disclosure) > MaxDisclosureBytes {
		return "", "", fmt.Errorf("sealed field %q: disclosure has %d bytes, at most %d", clip(name), len(disclosure), MaxDisclosureBytes)
	}
	return disclosure, Sum([]byte(disclosure)), nil
}

// OpenDisclosure returns name and value of a sealed field. Since the digest is
// taken over the disclosure as it is, it need not be one that Seal made: any
// JSON of the right types is taken, the value as it stands.
func OpenDisclosure(disclosure string) (name string, value []byte, err error) {
	fail := func(format string, args ...any) (string, []byte, error) {
		return "", nil, fmt.Errorf("disclosure "+format, args...)
	}
	if len(disclosure) > MaxDisclosureBytes {
		return fail("has %d bytes, at most %d", len(disclosure), MaxDisclosureBytes)
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(disclosure)
	if err != nil || base64.RawURLEncoding.EncodeToString(text) != disclosure {
		return fail("is not base64url without padding")
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '[' {
		return fail("is no list of salt, name and value")
	}
	salt, err := d.ReadToken()
	if err != nil || salt.Kind() != '"' {
		return fail("has no salt")
	}
	if n := base64.RawURLEncoding.DecodedLen(len(salt.String())); n < FieldSaltBytes {
		return fail("has a salt of %d bytes, want at least %d", n, FieldSaltBytes)
	}
	key, err := d.ReadToken()
	if err != nil || key.Kind() != '"' {
		return fail("has no name")
	}
	name = key.String()
	raw, err := d.ReadValue()
	if err != nil {
		return fail("has no value: %v", err)
	}
	value = bytes.Clone(raw)
	if t, err := d.ReadToken(); err != nil || t.Kind() != ']' {
		return fail("has more than salt, name and value")
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return fail("has more behind its list")
	}
	return name, value, fieldName(name)
}

// fieldName holds what RFC 9901 asks of a name, and that it can be printed.
func fieldName(name string) error {
	switch {
	case name == "_sd" || name == "...":
		return fmt.Errorf("sealed field %q: RFC 9901 keeps that name for itself", name)
	case name == "" || len(name) > MaxLabelBytes:
		return fmt.Errorf("sealed field: name has %d bytes, want 1 to %d", len(name), MaxLabelBytes)
	}
	if n := textLength(name); n < len(name) {
		return fmt.Errorf("sealed field: name %v", badCharacter(name, n))
	}
	return nil
}
