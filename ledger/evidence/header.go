// Package evidence seals attachments and disclosures: each is encrypted with a
// key of its own, and that key is wrapped for each holder, so that any of them
// can open it without the others. docs/evidence.md has the format.
//
// A sealed file is a header of 4,096 bytes of text, and the payload. The header
// says what was sealed, in lines of fixed length (the spaces at their ends are
// left out here, long values are cut with …):
//
//	raasledger evidence v1 attachment o-1 sha256:e3b9… 18243 sha256:77aa… q83v…==… 0f3d9c1e
//	-> SHA256:2vcd… 8zR0… kN1b… 5ac0f2d1
//	-> SHA256:Zk3q… yQ7c… 0aPf… 91b2c3d4
//
// The package touches no file and no source of randomness of its own.
package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// What can be sealed.
const (
	Attachment = "attachment" // a salt of 32 bytes and the content
	Disclosure = "disclosure" // the text of an RFC 9901 disclosure
)

// Sizes of the format.
const (
	HeaderBytes = 4096
	ChunkBytes  = 64 << 10 // of plain text, all chunks but the last
	MaxHolders  = (HeaderBytes - firstBytes) / slotBytes

	firstBytes   = 512 // a sector, as are each two slots
	slotBytes    = 256
	magic        = "raasledger evidence v1"
	prefixBytes  = 15
	fileKeyBytes = 32
	tagBytes     = 16
	shareBytes   = 32
	wrappedBytes = fileKeyBytes + tagBytes

	maxPlainBytes = 1 << 53
)

// A Header says what is sealed and for whom.
type Header struct {
	Kind    string        // Attachment or Disclosure
	Record  string        // id of the record that commits to it
	Digest  record.Digest // of the plain text, as the record has it
	Bytes   int64         // of the plain text
	Payload record.Digest // of the payload as it lies there: damage is found without a key
	Prefix  [prefixBytes]byte
	Slots   []Slot // sorted by holder, 1 to MaxHolders
}

// A Slot is the key as one holder has it.
type Slot struct {
	Holder  string // fingerprint of the holder's key
	Share   [shareBytes]byte
	Wrapped [wrappedBytes]byte
}

// PayloadBytes is how long the payload is.
func (h *Header) PayloadBytes() int64 {
	return h.Bytes + tagBytes*((h.Bytes+ChunkBytes-1)/ChunkBytes)
}

// PayloadEqual reports whether two headers are of one and the same payload.
func (h *Header) PayloadEqual(other *Header) bool {
	return h.Payload == other.Payload && h.Digest == other.Digest && h.Prefix == other.Prefix
}

// HeldBy reports whether the holder of a key can open it.
func (h *Header) HeldBy(fingerprint string) bool { return h.slot(fingerprint) != nil }

func (h *Header) slot(fingerprint string) *Slot {
	for i := range h.Slots {
		if h.Slots[i].Holder == fingerprint {
			return &h.Slots[i]
		}
	}
	return nil
}

// For is the header of a copy that only the holders named can open.
func (h *Header) For(fingerprints ...string) (*Header, error) {
	c := *h
	c.Slots = nil
	for _, s := range h.Slots {
		for _, f := range fingerprints {
			if s.Holder == f {
				c.Slots = append(c.Slots, s)
				break
			}
		}
	}
	if len(c.Slots) == 0 {
		return nil, fmt.Errorf("none of the keys %s holds it", strings.Join(fingerprints, ", "))
	}
	return &c, nil
}

// With is the header with which further holders can open the same payload. id
// is one who can. A holder who can already keeps the slot that it has. random
// must be crypto/rand.Reader but in tests.
func (h *Header) With(id *Identity, origin string, holders []Holder, random io.Reader) (*Header, error) {
	fileKey, err := h.unwrap(id, origin)
	if err != nil {
		return nil, err
	}
	defer clear(fileKey)
	c := *h
	c.Slots = slices.Clone(h.Slots)
	for _, holder := range holders {
		if c.HeldBy(holder.fingerprint) {
			continue
		}
		s, err := wrap(fileKey, holder, origin, h, random)
		if err != nil {
			return nil, err
		}
		c.Slots = append(c.Slots, s)
	}
	if len(c.Slots) > MaxHolders {
		return nil, fmt.Errorf("%d holders, at most %d", len(c.Slots), MaxHolders)
	}
	slices.SortFunc(c.Slots, func(a, b Slot) int { return strings.Compare(a.Holder, b.Holder) })
	return &c, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// line closes a line of the header: the checksum, and spaces up to its length.
func line(text string, length int) []byte {
	b := fmt.Appendf(nil, "%s %08x", text, crc32.Checksum([]byte(text), castagnoli))
	b = append(b, bytes.Repeat([]byte{' '}, length-1-len(b))...)
	return append(b, '\n')
}

// Marshal returns the HeaderBytes of h.
func (h *Header) Marshal() ([]byte, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	b := line(fmt.Sprintf(magic+" %s %s %s %d %s %s", h.Kind, h.Record, h.Digest, h.Bytes, h.Payload, base64.RawStdEncoding.EncodeToString(h.Prefix[:])), firstBytes)
	for _, s := range h.Slots {
		b = append(b, line(fmt.Sprintf("-> %s %s %s", s.Holder, base64.RawStdEncoding.EncodeToString(s.Share[:]), base64.RawStdEncoding.EncodeToString(s.Wrapped[:])), slotBytes)...)
	}
	for len(b) < HeaderBytes {
		b = append(append(b, bytes.Repeat([]byte{' '}, slotBytes-1)...), '\n')
	}
	return b, nil
}

func (h *Header) check() error {
	if h.Kind != Attachment && h.Kind != Disclosure {
		return fmt.Errorf("kind is %.20q, want %s or %s", h.Kind, Attachment, Disclosure)
	}
	if h.Record == "" || len(h.Record) > record.MaxIDBytes || strings.ContainsFunc(h.Record, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("record is %.40q, want an id", h.Record)
	}
	for _, d := range []record.Digest{h.Digest, h.Payload} {
		if _, ok := d.Bytes(); !ok {
			return fmt.Errorf("digest is %.80q", d)
		}
	}
	if h.Bytes < 1 || h.Bytes > maxPlainBytes {
		return fmt.Errorf("length is %d, want 1 to %d", h.Bytes, int64(maxPlainBytes))
	}
	if len(h.Slots) < 1 || len(h.Slots) > MaxHolders {
		return fmt.Errorf("%d holders, want 1 to %d", len(h.Slots), MaxHolders)
	}
	for i, s := range h.Slots {
		if raw, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimPrefix(s.Holder, "SHA256:")); err != nil || len(raw) != sha256.Size || !strings.HasPrefix(s.Holder, "SHA256:") {
			return fmt.Errorf("holder is %.60q, want a fingerprint", s.Holder)
		}
		if i > 0 && h.Slots[i-1].Holder >= s.Holder {
			return errors.New("holders are not sorted, each once")
		}
	}
	return nil
}

// ErrErased is what ParseHeader says of a header that was overwritten.
var ErrErased = errors.New("is overwritten with zeros")

// ParseHeader accepts exactly what Marshal writes.
func ParseHeader(b []byte) (*Header, error) {
	if len(b) != HeaderBytes {
		return nil, fmt.Errorf("header has %d bytes, want %d", len(b), HeaderBytes)
	}
	if bytes.Count(b, []byte{0}) == len(b) {
		return nil, fmt.Errorf("header %w", ErrErased)
	}
	fields, err := parseLine(b[:firstBytes])
	if err != nil {
		return nil, fmt.Errorf("header line 1: %w", err)
	}
	if len(fields) != 9 || strings.Join(fields[:3], " ") != magic {
		return nil, fmt.Errorf("header line 1: begins with %.22q, want %q and 6 fields", b[:firstBytes], magic)
	}
	h := &Header{Kind: fields[3], Record: fields[4], Digest: record.Digest(fields[5]), Payload: record.Digest(fields[7])}
	if h.Bytes, err = strconv.ParseInt(fields[6], 10, 64); err != nil {
		return nil, fmt.Errorf("header line 1: length is %q", fields[6])
	}
	if err := decode(h.Prefix[:], fields[8]); err != nil {
		return nil, fmt.Errorf("header line 1: nonce prefix: %w", err)
	}
	for i := firstBytes; i < HeaderBytes; i += slotBytes {
		text := b[i : i+slotBytes]
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		number := (i-firstBytes)/slotBytes + 2
		fields, err := parseLine(text)
		if err == nil && (len(fields) != 4 || fields[0] != "->") {
			err = errors.New(`want "->", a fingerprint, a share and a wrapped key`)
		}
		var s Slot
		if err == nil {
			s.Holder = fields[1]
			err = errors.Join(decode(s.Share[:], fields[2]), decode(s.Wrapped[:], fields[3]))
		}
		if err != nil {
			return nil, fmt.Errorf("header line %d: %w", number, err)
		}
		h.Slots = append(h.Slots, s)
	}
	again, err := h.Marshal()
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if !bytes.Equal(again, b) {
		return nil, errors.New("header is not in the one form there is")
	}
	return h, nil
}

// parseLine returns the fields before the checksum, which it compares.
func parseLine(b []byte) ([]string, error) {
	text := strings.TrimRight(string(b), " \n")
	at := strings.LastIndexByte(text, ' ')
	if at < 0 {
		return nil, fmt.Errorf("is %.20q", text)
	}
	sum, err := hex.DecodeString(text[at+1:])
	if err != nil || len(sum) != 4 {
		return nil, fmt.Errorf("ends with %.20q, want a checksum", text[at+1:])
	}
	if want := crc32.Checksum([]byte(text[:at]), castagnoli); text[at+1:] != fmt.Sprintf("%08x", want) {
		return nil, fmt.Errorf("has checksum %s, want %08x", text[at+1:], want)
	}
	return strings.Split(text[:at], " "), nil
}

func decode(to []byte, text string) error {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(to) {
		return fmt.Errorf("%.80q is not the base64 of %d bytes", text, len(to))
	}
	copy(to, raw)
	return nil
}

// ReadHeader reads the header in front of a payload.
func ReadHeader(r io.Reader) (*Header, error) {
	b := make([]byte, HeaderBytes)
	n, err := io.ReadFull(r, b)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	return ParseHeader(b[:n])
}
