package evidence

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

var (
	update = flag.Bool("update", false, "write the vectors again")
	mebi   = flag.Int64("mebi", 64, "MiB of the stream in TestStream")
)

const origin = "vendor.example/contract-17"

func privateKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("raasledger test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func identity(t testing.TB, name string) *Identity {
	t.Helper()
	id, err := NewIdentity(privateKey(name))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A counter is randomness that is the same each time.
type counter struct {
	n    uint64
	rest []byte
}

func (c *counter) Read(b []byte) (int, error) {
	for i := range b {
		if len(c.rest) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("test"), c.n))
			c.rest = sum[:]
			c.n++
		}
		b[i], c.rest = c.rest[0], c.rest[1:]
	}
	return len(b), nil
}

// sealed is a whole file.
func sealed(t testing.TB, plain []byte, recordID string, names ...string) (*Header, []byte) {
	t.Helper()
	var payload bytes.Buffer
	s, err := NewSealer(&payload, &counter{})
	must(t, err)
	for len(plain) > 0 { // in pieces that do not fit the chunks
		n, err := s.Write(plain[:min(len(plain), 50001)])
		must(t, err)
		plain = plain[n:]
	}
	must(t, s.Close())
	var holders []Holder
	for _, name := range names {
		holders = append(holders, identity(t, name).Holder)
	}
	h, err := s.Header(Attachment, recordID, origin, holders)
	must(t, err)
	return h, payload.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(h *Header, id *Identity, origin string, payload []byte) ([]byte, error) {
	r, err := h.Open(id, origin, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func TestSizes(t *testing.T) {
	for _, n := range []int{1, 32, ChunkBytes - 1, ChunkBytes, ChunkBytes + 1, 2*ChunkBytes - 1, 2 * ChunkBytes, 2*ChunkBytes + 1, 300000} {
		plain := make([]byte, n)
		(&counter{n: 7}).Read(plain)
		h, payload := sealed(t, plain, "o-1", "vendor", "client")
		if int64(len(payload)) != h.PayloadBytes() || h.Bytes != int64(n) || h.Digest != record.Sum(plain) || h.Payload != record.Sum(payload) {
			t.Errorf("%d bytes: header %+v, %d bytes of payload", n, h, len(payload))
		}
		for _, name := range []string{"vendor", "client"} {
			got, err := open(h, identity(t, name), origin, payload)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes, %s: got %d bytes, %v", n, name, len(got), err)
			}
		}
	}
	s, err := NewSealer(io.Discard, &counter{})
	must(t, err)
	if err := s.Close(); err == nil || err.Error() != "nothing to seal" {
		t.Errorf("empty: %v", err)
	}
}

// Each holder's own copy opens without the others, and for nobody else.
func TestHolders(t *testing.T) {
	h, payload := sealed(t, []byte("secret"), "o-1", "vendor", "client")
	client := identity(t, "client")
	own, err := h.For(client.Fingerprint())
	must(t, err)
	b, err := own.Marshal()
	must(t, err)
	own, err = ParseHeader(b)
	must(t, err)
	if got, err := open(own, client, origin, payload); err != nil || string(got) != "secret" {
		t.Errorf("got %q %v", got, err)
	}
	if _, err := open(own, identity(t, "vendor"), origin, payload); !errors.Is(err, ErrNotHeld) {
		t.Errorf("vendor opens the client's copy: %v", err)
	}
	if _, err := h.For(identity(t, "stranger").Fingerprint()); err == nil {
		t.Error("a copy for a stranger")
	}
	// Wrappings are bound to what they are for.
	other := *h
	other.Record = "o-2"
	for _, c := range []struct {
		h      *Header
		origin string
	}{{&other, origin}, {h, "vendor.example/contract-18"}} {
		if _, err := open(c.h, client, c.origin, payload); err == nil || !strings.HasSuffix(err.Error(), "does not open: it is changed, or of other evidence") {
			t.Errorf("got %v", err)
		}
	}
	var many []string
	for i := range MaxHolders {
		many = append(many, fmt.Sprint("holder ", i))
	}
	h, payload = sealed(t, []byte("secret"), "o-1", many...)
	if got, err := open(h, identity(t, many[13]), origin, payload); err != nil || string(got) != "secret" {
		t.Errorf("holder 14: got %q %v", got, err)
	}
	s, err := NewSealer(io.Discard, &counter{})
	must(t, err)
	s.Write([]byte("x"))
	must(t, s.Close())
	holder := client.Holder
	if _, err := s.Header(Attachment, "o-1", origin, nil); err == nil {
		t.Error("nobody holds it")
	}
	if h, err := s.Header(Attachment, "o-1", origin, []Holder{holder, holder}); err != nil || len(h.Slots) != 1 {
		t.Errorf("twice the same holder: %v %v", h, err)
	}
}

// A further holder opens the same payload, and nobody else's slot is touched.
func TestWith(t *testing.T) {
	h, payload := sealed(t, []byte("secret"), "o-1", "vendor", "client")
	client, third := identity(t, "client"), identity(t, "third")
	wider, err := h.With(client, origin, []Holder{third.Holder, client.Holder, third.Holder}, &counter{n: 99})
	must(t, err)
	b, err := wider.Marshal()
	must(t, err)
	if wider, err = ParseHeader(b); err != nil || len(wider.Slots) != 3 || !wider.PayloadEqual(h) || len(h.Slots) != 2 {
		t.Fatalf("%+v, %v", wider, err)
	}
	for _, s := range h.Slots {
		if !slices.Contains(wider.Slots, s) {
			t.Errorf("the slot of %s is another", s.Holder)
		}
	}
	for _, name := range []string{"vendor", "client", "third"} {
		if got, err := open(wider, identity(t, name), origin, payload); err != nil || string(got) != "secret" {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if again, err := wider.With(third, origin, []Holder{client.Holder}, nil); err != nil || !slices.Equal(again.Slots, wider.Slots) {
		t.Errorf("who can open it already: %v", err)
	}
	if _, err := h.With(third, origin, []Holder{third.Holder}, &counter{}); !errors.Is(err, ErrNotHeld) {
		t.Errorf("who cannot open it lets itself in: %v", err)
	}
	if _, err := h.With(client, "vendor.example/contract-18", []Holder{third.Holder}, &counter{}); err == nil {
		t.Error("under another ledger")
	}
}

// The X25519 key that the public half gives is the one that the private half
// gives, by the curve's own arithmetic.
func TestMontgomery(t *testing.T) {
	for i := range 64 {
		private := privateKey(fmt.Sprint("montgomery ", i))
		sum := sha512.Sum512(private.Seed())
		key, err := ecdh.X25519().NewPrivateKey(sum[:32])
		must(t, err)
		if got, want := montgomery(private.Public().(ed25519.PublicKey)), key.PublicKey().Bytes(); !bytes.Equal(got, want) {
			t.Fatalf("key %d: got %x, want %x", i, got, want)
		}
	}
	if _, err := NewHolder(make([]byte, 32)); err == nil {
		t.Error("a key of small order is taken")
	}
	bad := slices.Clone(privateKey("a"))
	copy(bad[32:], privateKey("b")[32:])
	if _, err := NewIdentity(bad); err == nil || err.Error() != "private key does not belong to its public half" {
		t.Errorf("got %v", err)
	}
	if _, err := NewIdentity(bad[:63]); err == nil {
		t.Error("63 bytes are taken")
	}
}

// Every bit of a file matters.
func TestEveryBit(t *testing.T) {
	plain := []byte("the content of an attachment, with its salt")
	h, payload := sealed(t, plain, "o-1", "client")
	client := identity(t, "client")
	head, err := h.Marshal()
	must(t, err)
	for i := range 8 * (len(head) + len(payload)) {
		b := slices.Concat(head, payload)
		b[i/8] ^= 1 << (i % 8)
		h, err := ParseHeader(b[:HeaderBytes])
		if err != nil {
			continue
		}
		if got, err := open(h, client, origin, b[HeaderBytes:]); err == nil || len(got) > 0 {
			t.Fatalf("bit %d flipped: got %q, %v", i, got, err)
		}
	}
}

// Chunks cannot be moved, left out, or end the stream early.
func TestChunks(t *testing.T) {
	plain := make([]byte, 3*ChunkBytes)
	h, payload := sealed(t, plain, "o-1", "client")
	client := identity(t, "client")
	const c = ChunkBytes + tagBytes
	part := func(i int) []byte { return payload[i*c : (i+1)*c] }
	for _, x := range []struct {
		name    string
		bytes   int64
		payload []byte
		want    string
	}{
		{"moved", h.Bytes, slices.Concat(part(1), part(0), part(2)), "chunk 0 does not open"},
		{"twice", h.Bytes, slices.Concat(part(0), part(0), part(2)), "chunk 1 does not open"},
		{"left out", 2 * ChunkBytes, slices.Concat(part(0), part(2)), "chunk 1 does not open"},
		{"ended early", 2 * ChunkBytes, payload[:2*c], "chunk 1 does not open"},
		{"cut", h.Bytes, payload[:2*c+100], "evidence ends in chunk 2"},
		{"cut at a chunk", h.Bytes, payload[:2*c], "evidence ends in chunk 2"},
		{"more behind it", h.Bytes, append(slices.Clone(payload), 0), "evidence has more behind its end"},
	} {
		other := *h
		other.Bytes = x.bytes
		if _, err := open(&other, client, origin, x.payload); err == nil || !strings.HasPrefix(err.Error(), x.want) {
			t.Errorf("%s: got %v, want %s", x.name, err, x.want)
		}
	}
}

// vectors are files in testdata/evidence, named for their damage, each for the
// client's key and the record o-1.
func vectors(t testing.TB) map[string][]byte {
	h, payload := sealed(t, append(bytes.Repeat([]byte{7}, 32), "12 minutes, solved\n"...), "o-1", "vendor", "client")
	file := func(change func(h *Header)) []byte {
		c := *h
		c.Slots = slices.Clone(h.Slots)
		change(&c)
		b, err := c.Marshal()
		must(t, err)
		return append(b, payload...)
	}
	good := file(func(*Header) {})
	edit := func(f func(b []byte)) []byte {
		b := slices.Clone(good)
		f(b)
		return b
	}
	return map[string][]byte{
		"good": good,
		"good-own-copy": file(func(h *Header) {
			h.Slots = slices.DeleteFunc(h.Slots, func(s Slot) bool { return s.Holder != identity(t, "client").fingerprint })
		}),
		"payload-flipped":    edit(func(b []byte) { b[HeaderBytes+3] ^= 1 }),
		"payload-cut":        good[:len(good)-1],
		"payload-longer":     append(slices.Clone(good), 'x'),
		"record-changed":     file(func(h *Header) { h.Record = "o-2" }),
		"digest-changed":     file(func(h *Header) { h.Digest = record.Sum(nil) }),
		"shorter-than-it-is": file(func(h *Header) { h.Bytes-- }),
		"prefix-changed":     file(func(h *Header) { h.Prefix[0] ^= 1 }),
		"share-changed":      file(func(h *Header) { h.Slots[0].Share[0] ^= 1; h.Slots[1].Share[0] ^= 1 }),
		"wrapped-changed":    file(func(h *Header) { h.Slots[0].Wrapped[47] ^= 1; h.Slots[1].Wrapped[47] ^= 1 }),
		"not-for-the-client": file(func(h *Header) {
			h.Slots = slices.DeleteFunc(h.Slots, func(s Slot) bool { return s.Holder == identity(t, "client").fingerprint })
		}),
		"slot-flipped":      edit(func(b []byte) { b[firstBytes+80] ^= 1 }),
		"slots-swapped":     edit(func(b []byte) { a := slices.Clone(b[512:768]); copy(b[512:], b[768:1024]); copy(b[768:], a) }),
		"gap-between-slots": edit(func(b []byte) { copy(b[1024:1280], b[768:1024]); copy(b[768:1024], b[2048:2304]) }),
		"header-erased":     edit(func(b []byte) { clear(b[:HeaderBytes]) }),
		"header-cut":        good[:1000],
		"other-version": edit(func(b []byte) {
			copy(b, line(strings.Replace(strings.TrimRight(string(b[:firstBytes]), " \n")[:firstLength(b)], "v1", "v2", 1), firstBytes))
		}),
		"unknown-kind": edit(func(b []byte) {
			copy(b, line(strings.Replace(strings.TrimRight(string(b[:firstBytes]), " \n")[:firstLength(b)], "attachment", "attachments", 1), firstBytes))
		}),
	}
}

// firstLength is how long the first line is without its checksum.
func firstLength(b []byte) int {
	return bytes.LastIndexByte(bytes.TrimRight(b[:firstBytes], " \n"), ' ')
}

func TestVectors(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "evidence")
	all := vectors(t)
	client := identity(t, "client")
	result := func(b []byte) string {
		h, err := ParseHeader(b[:min(len(b), HeaderBytes)])
		if err != nil {
			return err.Error() + "\n"
		}
		plain, err := open(h, client, origin, b[HeaderBytes:])
		if err != nil {
			return err.Error() + "\n"
		}
		return fmt.Sprintf("opens, %d bytes, %s\n", len(plain), h.Digest)
	}
	if *update {
		must(t, os.MkdirAll(dir, 0o755))
		for name, b := range all {
			must(t, os.WriteFile(filepath.Join(dir, name+".sealed"), b, 0o644))
			must(t, os.WriteFile(filepath.Join(dir, name+".txt"), []byte(result(b)), 0o644))
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.sealed"))
	must(t, err)
	if len(files) != len(all) {
		t.Errorf("%d files, want %d", len(files), len(all))
	}
	for name, made := range all {
		b, err := os.ReadFile(filepath.Join(dir, name+".sealed"))
		must(t, err)
		want, err := os.ReadFile(filepath.Join(dir, name+".txt"))
		must(t, err)
		if !bytes.Equal(b, made) {
			t.Errorf("%s: is not what is made of it", name)
		}
		if got := result(b); got != string(want) || strings.HasPrefix(got, "opens") != strings.HasPrefix(name, "good") {
			t.Errorf("%s: got %s want %s", name, got, want)
		}
	}
}

// A zeros is a stream of any length.
type zeros struct{ left int64 }

func (z *zeros) Read(b []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), z.left))
	clear(b[:n])
	z.left -= int64(n)
	return n, nil
}

// A long stream takes no more memory than a short one.
func TestStream(t *testing.T) {
	pr, pw := io.Pipe()
	s, err := NewSealer(pw, &counter{})
	must(t, err)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	length := *mebi << 20
	// The header is needed to open: its slots do not depend on the payload,
	// but digest and length do, so the stream is sealed once for the header.
	first, err := NewSealer(io.Discard, &counter{})
	must(t, err)
	_, err = io.Copy(first, &zeros{length})
	must(t, err)
	must(t, first.Close())
	client := identity(t, "client")
	h, err := first.Header(Attachment, "o-1", origin, []Holder{client.Holder})
	must(t, err)
	go func() {
		_, err := io.Copy(s, &zeros{length})
		if err == nil {
			err = s.Close()
		}
		pw.CloseWithError(err)
	}()
	r, err := h.Open(client, origin, pr)
	must(t, err)
	n, err := io.Copy(io.Discard, r)
	must(t, err)
	runtime.ReadMemStats(&after)
	if n != length {
		t.Errorf("got %d bytes, want %d", n, length)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d MiB took %d bytes of memory, want at most 4 MiB", *mebi, grown)
	}
}

func FuzzParseHeader(f *testing.F) {
	for _, b := range vectors(f) {
		f.Add(b[:min(len(b), HeaderBytes)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		again, err := h.Marshal()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q is written as %q, %v", b, again, err)
		}
	})
}
