package evidence

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/raasledger/raasledger/attribution/record"
)

// nonce is prefix (15 bytes), number of the chunk (8, big end first), and 1 for
// the last chunk: so that none can be moved, left out or put at the end.
func nonce(prefix [prefixBytes]byte, chunk uint64, last bool) []byte {
	b := binary.BigEndian.AppendUint64(slices.Clone(prefix[:]), chunk)
	if last {
		return append(b, 1)
	}
	return append(b, 0)
}

// A Sealer encrypts a stream: Write all of the plain text, Close, and then
// Header. It holds one chunk.
type Sealer struct {
	w       io.Writer
	random  io.Reader
	key     []byte
	aead    cipher.AEAD
	prefix  [prefixBytes]byte
	held    []byte // plain text of the chunk at hand
	out     []byte
	chunk   uint64
	bytes   int64
	plain   hash.Hash
	payload hash.Hash
	err     error
}

// NewSealer begins the payload, which goes to w. random must be
// crypto/rand.Reader but in tests.
func NewSealer(w io.Writer, random io.Reader) (*Sealer, error) {
	s := &Sealer{w: w, random: random, key: make([]byte, fileKeyBytes), plain: sha256.New(), payload: sha256.New(), held: make([]byte, 0, ChunkBytes)}
	if _, err := io.ReadFull(random, s.key); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(random, s.prefix[:]); err != nil {
		return nil, err
	}
	var err error
	s.aead, err = chacha20poly1305.NewX(s.key)
	return s, err
}

// Write takes plain text.
func (s *Sealer) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n := len(b)
	for len(b) > 0 {
		// A full chunk goes out when more comes: the last one is marked.
		if len(s.held) == ChunkBytes {
			if s.err = s.flush(false); s.err != nil {
				return 0, s.err
			}
		}
		k := min(len(b), ChunkBytes-len(s.held))
		s.held = append(s.held, b[:k]...)
		b = b[k:]
	}
	return n, nil
}

// Close ends the payload.
func (s *Sealer) Close() error {
	if s.err != nil {
		return s.err
	}
	if len(s.held) == 0 {
		return errors.New("nothing to seal")
	}
	if s.err = s.flush(true); s.err != nil {
		return s.err
	}
	s.err = errors.New("sealer is closed")
	return nil
}

func (s *Sealer) flush(last bool) error {
	s.plain.Write(s.held)
	s.bytes += int64(len(s.held))
	s.out = s.aead.Seal(s.out[:0], nonce(s.prefix, s.chunk, last), s.held, nil)
	s.payload.Write(s.out)
	clear(s.held)
	s.held = s.held[:0]
	s.chunk++
	_, err := s.w.Write(s.out)
	return err
}

// Bytes and Digest are those of the plain text, once the sealer is closed.
func (s *Sealer) Bytes() int64          { return s.bytes }
func (s *Sealer) Digest() record.Digest { return digest(s.plain) }

// Header wraps the key for the holders. What is sealed, and where, is bound
// into each wrapping.
func (s *Sealer) Header(kind, recordID, origin string, holders []Holder) (*Header, error) {
	h := &Header{Kind: kind, Record: recordID, Digest: s.Digest(), Bytes: s.bytes, Payload: digest(s.payload), Prefix: s.prefix}
	holders = slices.Clone(holders)
	slices.SortFunc(holders, func(a, b Holder) int { return strings.Compare(a.fingerprint, b.fingerprint) })
	holders = slices.CompactFunc(holders, func(a, b Holder) bool { return a.fingerprint == b.fingerprint })
	if len(holders) < 1 || len(holders) > MaxHolders {
		return nil, fmt.Errorf("%d holders, want 1 to %d", len(holders), MaxHolders)
	}
	for _, holder := range holders {
		slot, err := wrap(s.key, holder, origin, h, s.random)
		if err != nil {
			return nil, err
		}
		h.Slots = append(h.Slots, slot)
	}
	return h, h.check()
}

func digest(h hash.Hash) record.Digest { return record.Digest(fmt.Sprintf("sha256:%x", h.Sum(nil))) }

// Open returns the plain text of a payload. Each chunk is checked before a byte
// of it is returned; that all of it is there, and has the digest, only where the
// reader returns io.EOF. It holds one chunk.
func (h *Header) Open(id *Identity, origin string, payload io.Reader) (io.Reader, error) {
	key, err := h.unwrap(id, origin)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, err
	}
	return &opener{h: h, r: payload, aead: aead, plain: sha256.New(), in: make([]byte, ChunkBytes+tagBytes)}, nil
}

type opener struct {
	h     *Header
	r     io.Reader
	aead  cipher.AEAD
	plain hash.Hash
	in    []byte
	held  []byte // plain text not yet given away
	done  int64
	chunk uint64
	err   error
}

func (o *opener) Read(b []byte) (int, error) {
	for len(o.held) == 0 && o.err == nil {
		o.err = o.next()
	}
	if len(o.held) == 0 {
		return 0, o.err
	}
	n := copy(b, o.held)
	o.held = o.held[n:]
	return n, nil
}

// next opens a chunk, or says at the end whether all was well.
func (o *opener) next() error {
	left := o.h.Bytes - o.done
	if left == 0 {
		if got := digest(o.plain); got != o.h.Digest {
			return fmt.Errorf("evidence has digest %s, want %s", got, o.h.Digest)
		}
		if _, err := io.ReadFull(o.r, o.in[:1]); err != io.EOF {
			return errors.New("evidence has more behind its end")
		}
		return io.EOF
	}
	in := o.in[:min(left, ChunkBytes)+tagBytes]
	if _, err := io.ReadFull(o.r, in); err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("evidence ends in chunk %d", o.chunk)
	} else if err != nil {
		return err
	}
	plain, err := o.aead.Open(in[:0], nonce(o.h.Prefix, o.chunk, left <= ChunkBytes), in, nil)
	if err != nil {
		return fmt.Errorf("chunk %d does not open: it is changed, moved or cut", o.chunk)
	}
	o.plain.Write(plain)
	o.held = plain
	o.done += int64(len(plain))
	o.chunk++
	return nil
}
