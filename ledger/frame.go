package ledger

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
)

// A frame of the journal is one group of appends, of all ledgers and callers; it
// is written and made durable before Badger hears of it.
//
//	RLJ1 00000001 0000000000000002 000001c4 5e1f0a52 90cd3a77
//	records 1 1 2 3q2+7w...=
//	{"at":"2026-03-01T08:00:00.000Z",...}
//	{"at":"2026-03-01T08:00:01.000Z",...}
//
// The first line has a fixed length: segment, sequence number, length of what
// follows, checksum of the frame before and of this one (CRC-32C over the
// store's id, this line up to here, and what follows). Frames begin at
// multiples of 512 bytes, so that no write touches a sector of an earlier
// one; between them are zeros. The first frame of a segment, its base, says
// how far each ledger had come: the journal alone knows how far we got, also
// when earlier segments are gone and Badger forgot.
//
// docs/store.md draws the items of a frame, with an example that a test reads.
const (
	frameMagic = "RLJ1"
	frameLine  = 4 + 1 + 8 + 1 + 16 + 1 + 8 + 1 + 8 + 1 + 8 + 1
	frameAlign = 512

	maxFrameBytes = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A frame is one group as it stands in the journal.
type frame struct {
	segment   uint32
	seq       uint64
	prev, sum uint32 // checksums of the frame before and of this one
	body      []byte
}

// line is the frame's first line up to its own checksum.
func (f frame) line() string {
	return fmt.Sprintf(frameMagic+" %08x %016x %08x %08x ", f.segment, f.seq, len(f.body), f.prev)
}

func (f frame) checksum(store storeID) uint32 {
	sum := crc32.Update(0, castagnoli, store[:])
	sum = crc32.Update(sum, castagnoli, []byte(f.line()))
	return crc32.Update(sum, castagnoli, f.body)
}

// firstLine is the whole first line. The checksum must be set.
func (f frame) firstLine() string { return f.line() + fmt.Sprintf("%08x\n", f.sum) }

// parseFrame reads the frame at the beginning of b. It returns how many bytes
// the frame has; body is part of b.
func parseFrame(b []byte, store storeID) (f frame, n int, err error) {
	if len(b) < frameLine || !bytes.HasPrefix(b, []byte(frameMagic)) {
		return f, 0, errors.New("is not there")
	}
	line := string(b[:frameLine])
	var length uint32
	if _, err := fmt.Sscanf(line, frameMagic+" %08x %016x %08x %08x %08x\n", &f.segment, &f.seq, &length, &f.prev, &f.sum); err != nil {
		return f, 0, fmt.Errorf("begins with %q", line)
	}
	if int64(length) > int64(len(b)-frameLine) {
		return f, 0, fmt.Errorf("says %d bytes, %d are there", length, len(b)-frameLine)
	}
	n = frameLine + int(length)
	f.body = b[frameLine:n:n]
	if want := f.checksum(store); f.sum != want {
		return f, 0, fmt.Errorf("has checksum %08x, want %08x", f.sum, want)
	}
	if got := f.firstLine(); got != line {
		return f, 0, fmt.Errorf("begins with %q, want %q", line, got)
	}
	return f, n, nil
}

// aligned is n rounded up to the next place where a frame can begin.
func aligned(n int64) int64 { return (n + frameAlign - 1) &^ (frameAlign - 1) }

// A storeID names one store, so that frames of another are never taken for
// its own.
type storeID [16]byte

func (id storeID) String() string { return hex.EncodeToString(id[:]) }

// Items of a frame's body.
type (
	// baseItem is the first item of each segment's first frame; ledgerItems
	// follow.
	baseItem   struct{ store storeID }
	ledgerItem struct {
		number number
		head   head
		origin string
	}
	createItem struct {
		number number
		origin string
	}
	recordsItem struct {
		number number
		first  int64
		lines  [][]byte // without LF
		root   merkle.Hash
	}
	noteItem struct {
		number number
		size   int64
		note   []byte
	}
	// evidenceItem says that evidence of record n is stored: an attachment, or
	// the disclosure of a sealed field.
	evidenceItem struct {
		number number
		n      int64
		kind   string
		digest record.Digest
	}
)

func (i baseItem) append(b []byte) []byte {
	return fmt.Appendf(b, "base %s\n", i.store)
}

func (i ledgerItem) append(b []byte) []byte {
	return fmt.Appendf(b, "ledger %d %d %s %s\n", i.number, i.head.size, i.head.root, i.origin)
}

func (i createItem) append(b []byte) []byte {
	return fmt.Appendf(b, "create %d %s\n", i.number, i.origin)
}

func (i recordsItem) append(b []byte) []byte {
	b = append(b, "records "...)
	b = strconv.AppendUint(b, uint64(i.number), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, i.first, 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(i.lines)), 10)
	b = append(b, ' ')
	b = append(b, i.root.String()...)
	b = append(b, '\n')
	for _, line := range i.lines {
		b = append(append(b, line...), '\n')
	}
	return b
}

func (i noteItem) append(b []byte) []byte {
	b = fmt.Appendf(b, "note %d %d %d\n", i.number, i.size, len(i.note))
	return append(b, i.note...)
}

func (i evidenceItem) append(b []byte) []byte {
	return fmt.Appendf(b, "evidence %d %d %s %s\n", i.number, i.n, i.kind, i.digest)
}

func (i evidenceItem) pair() pair {
	sum, _ := i.digest.Bytes()
	return pair{evidenceKey(i.number, i.n, sum), []byte(i.kind)}
}

// parseBody reads the items of a frame in order. The slices of an item are
// part of body.
func parseBody(body []byte, store storeID) ([]any, error) {
	var items []any
	next := func() (string, bool) {
		line, rest, ok := bytes.Cut(body, []byte{'\n'})
		if ok {
			body = rest
		}
		return string(line), ok
	}
	for len(body) > 0 {
		line, ok := next()
		if !ok {
			return nil, fmt.Errorf("item %q does not end with a line end", line)
		}
		f := strings.SplitN(line, " ", 5)
		var item any
		var err error
		switch {
		case f[0] == "base" && len(f) == 2:
			if f[1] != store.String() {
				return nil, fmt.Errorf("base is of store %s, want %s", f[1], store)
			}
			item = baseItem{store}
		case f[0] == "ledger" && len(f) == 5:
			i := ledgerItem{origin: f[4]}
			i.number, err = parseNumber(f[1])
			if err == nil {
				i.head.size, err = parseSize(f[2])
			}
			if err == nil {
				i.head.root, err = merkle.ParseHash(f[3])
			}
			item = i
		case f[0] == "create" && len(f) == 3:
			i := createItem{origin: f[2]}
			i.number, err = parseNumber(f[1])
			item = i
		case f[0] == "records" && len(f) == 5:
			var count int64
			i := recordsItem{}
			i.number, err = parseNumber(f[1])
			if err == nil {
				i.first, err = parseSize(f[2])
			}
			if err == nil {
				count, err = parseSize(f[3])
			}
			if err == nil {
				i.root, err = merkle.ParseHash(f[4])
			}
			for ; err == nil && count > 0; count-- {
				rec, rest, ok := bytes.Cut(body, []byte{'\n'})
				if !ok {
					return nil, fmt.Errorf("item %q lacks %d records", line, count)
				}
				i.lines = append(i.lines, rec)
				body = rest
			}
			item = i
		case f[0] == "note" && len(f) == 4:
			var length int64
			i := noteItem{}
			i.number, err = parseNumber(f[1])
			if err == nil {
				i.size, err = parseSize(f[2])
			}
			if err == nil {
				length, err = parseSize(f[3])
			}
			if err == nil && length > int64(len(body)) {
				return nil, fmt.Errorf("item %q has %d bytes", line, len(body))
			}
			if err == nil {
				i.note, body = body[:length:length], body[length:]
			}
			item = i
		case f[0] == "evidence" && len(f) == 5:
			i := evidenceItem{kind: f[3]}
			i.number, err = parseNumber(f[1])
			if err == nil {
				i.n, err = parseSize(f[2])
			}
			if err == nil && i.kind != evidence.Attachment && i.kind != evidence.Disclosure {
				err = fmt.Errorf("%q is no kind of evidence", i.kind)
			}
			if err == nil {
				i.digest, err = record.ParseDigest(f[4])
			}
			item = i
		default:
			return nil, fmt.Errorf("item %q is not known", line)
		}
		if err != nil {
			return nil, fmt.Errorf("item %q: %v", line, err)
		}
		items = append(items, item)
	}
	return items, nil
}

func parseNumber(s string) (number, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%q is no number of a ledger", s)
	}
	return number(n), nil
}

func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > merkle.MaxSize || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%q is no size", s)
	}
	return n, nil
}
