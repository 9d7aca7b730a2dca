package ledger

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
)

// The journal is the durable order of everything that was acknowledged, in
// front of Badger. It is a row of segments, preallocated files that are
// filled with frames. A frame is one group of appends, of all ledgers and
// callers; it is written and made durable before Badger hears of it.
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
	frameMagic  = "RLJ1"
	frameLine   = 4 + 1 + 8 + 1 + 16 + 1 + 8 + 1 + 8 + 1 + 8 + 1
	frameAlign  = 512
	segmentName = "%08d.segment"
	prepared    = "prepared"

	firstSegmentBytes = int64(256 << 10) // segments grow fourfold, up to Options.SegmentBytes
	maxFrameBytes     = 64 << 20
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

// A journal is the open journal; its last segment is written to. It is used
// by one goroutine at a time.
type journal struct {
	fsys     files
	dir      string
	store    storeID
	maxBytes int64 // of a segment

	first, last uint32 // numbers of the segments that are there
	f           file   // the last segment
	size        int64  // of the last segment's file
	at          int64  // where the next frame goes
	seq         uint64 // of the last frame
	sum         uint32 // of the last frame
}

func (j *journal) path(segment uint32) string {
	return filepath.Join(j.dir, fmt.Sprintf(segmentName, segment))
}

// segmentBytes is the size of a segment's file, which must have room for
// frames with bodies of the given sizes.
func (j *journal) segmentBytes(segment uint32, bodies ...int) int64 {
	size := min(firstSegmentBytes, j.maxBytes)
	for i := uint32(1); i < segment && size < j.maxBytes; i++ {
		size = min(4*size, j.maxBytes)
	}
	need := int64(0)
	for _, n := range bodies {
		need += aligned(frameLine + int64(n))
	}
	return aligned(max(size, need))
}

// fits reports whether a frame with a body of n bytes has room in the last
// segment.
func (j *journal) fits(n int) bool {
	return j.f != nil && j.at+aligned(frameLine+int64(n)) <= j.size
}

// append writes one frame and makes it durable. buf is the body behind room
// for the first line, which is filled in. After an error the journal is not
// used any more: the frame may be stored or not.
func (j *journal) append(buf []byte) error {
	if n := len(buf) - frameLine; n > maxFrameBytes || !j.fits(n) {
		return fmt.Errorf("journal: group of %d bytes does not fit", n)
	}
	return j.write(buf)
}

func (j *journal) write(buf []byte) error {
	f := frame{segment: j.last, seq: j.seq + 1, prev: j.sum, body: buf[frameLine:]}
	f.sum = f.checksum(j.store)
	copy(buf, f.firstLine())
	if _, err := j.f.WriteAt(buf, j.at); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.seq, j.sum = f.seq, f.sum
	j.at += aligned(int64(len(buf)))
	return nil
}

// prepare makes the file of the next segment, filled with zeros and durable,
// under a name that means nothing. It may run beside append.
func (j *journal) prepare(segment uint32, bodies ...int) error {
	path := filepath.Join(j.dir, prepared)
	if err := j.fsys.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := j.fsys.Create(path)
	if err != nil {
		return err
	}
	err = f.Allocate(j.segmentBytes(segment, bodies...))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// rotate starts the next segment with base as its first frame. The prepared
// file must be there. A crash before the rename leaves a prepared file that
// open takes away; after it, a segment with its base.
func (j *journal) rotate(base []byte) error {
	path := filepath.Join(j.dir, prepared)
	f, err := j.fsys.Open(path)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return fmt.Errorf("journal: %w", err)
	}
	old := j.f
	j.f, j.size, j.at = f, size, 0
	j.last++
	if err := j.write(append(make([]byte, frameLine), base...)); err != nil {
		return err
	}
	if err := j.fsys.Rename(path, j.path(j.last)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.fsys.SyncDir(j.dir); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if j.first == 0 {
		j.first = j.last
	}
	if old != nil {
		return old.Close()
	}
	return nil
}

// keepFrom is the first segment to keep although Badger has it durably: as
// many as fit in twice the largest, so that a young store can be written
// again from its journal, and an old one in its newest part.
func (j *journal) keepFrom() uint32 {
	total := int64(0)
	for s := j.last; s > j.first; s-- {
		total += j.segmentBytes(s - 1)
		if total > 2*j.maxBytes {
			return s
		}
	}
	return j.first
}

// drop removes the segments before the given one. Everything in them must be
// durable in Badger.
func (j *journal) drop(before uint32) error {
	for j.first < before && j.first < j.last {
		if err := j.fsys.Remove(j.path(j.first)); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		j.first++
	}
	return nil
}

func (j *journal) close() error {
	if j.f == nil {
		return nil
	}
	err := j.f.Close()
	j.f = nil
	return err
}

// segments lists the numbers of the segments in dir, which must follow one
// another.
func segments(fsys files, dir string) (first, last uint32, err error) {
	names, err := fsys.List(dir)
	if err != nil {
		return 0, 0, err
	}
	for _, name := range names {
		if name == prepared {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(name, ".segment"), 10, 32)
		if err != nil || n == 0 || fmt.Sprintf(segmentName, n) != name {
			return 0, 0, damaged("journal: %s is no segment", filepath.Join(dir, name))
		}
		switch {
		case first == 0:
			first = uint32(n)
		case uint32(n) != last+1:
			return 0, 0, damaged("journal: segment %d is missing between %d and %d", last+1, last, n)
		}
		last = uint32(n)
	}
	return first, last, nil
}

// read reads the whole journal from dir and hands each frame to visit. With
// repair it leaves the journal ready for append; without, nothing is changed.
//
// A frame that is not whole at the very end was never acknowledged: writing
// it was not finished. One that is followed by a whole frame was, and the
// journal is damaged.
func (j *journal) read(repair bool, visit func(frame) error) error {
	first, last, err := segments(j.fsys, j.dir)
	if err != nil {
		return err
	}
	if last == 0 {
		return damaged("journal: %s has no segment", j.dir)
	}
	j.first, j.last = first, last
	for s := first; s <= last; s++ {
		if err := j.readSegment(s, s == first, s == last, repair, visit); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) readSegment(s uint32, isFirst, isLast, repair bool, visit func(frame) error) error {
	f, err := j.fsys.Open(j.path(s))
	if err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			f.Close()
		}
	}()
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size > maxFrameBytes*4 {
		return damaged("journal: segment %d has %d bytes, at most %d", s, size, maxFrameBytes*4)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return err
	}
	at := int64(0)
	frames := 0
	var torn error
	for at < size {
		rest := b[at:]
		if rest[0] == 0 && allZero(rest[:min(len(rest), frameAlign)]) {
			break
		}
		fr, n, err := parseFrame(rest, j.store)
		if err != nil {
			torn = err
			break
		}
		want := frame{segment: s, seq: j.seq + 1, prev: j.sum}
		if isFirst && frames == 0 {
			want.seq, want.prev = fr.seq, fr.prev // what was before is gone
		}
		if fr.segment != want.segment || fr.seq != want.seq || fr.prev != want.prev {
			return damaged("journal: segment %d, byte %d: frame %d of segment %d after %08x, want frame %d of segment %d after %08x",
				s, at, fr.seq, fr.segment, fr.prev, want.seq, want.segment, want.prev)
		}
		if err := visit(fr); err != nil {
			return fmt.Errorf("journal: segment %d, byte %d: %w", s, at, err)
		}
		j.seq, j.sum = fr.seq, fr.sum
		at += aligned(int64(n))
		frames++
	}
	if frames == 0 {
		if torn == nil {
			torn = errors.New("is empty")
		}
		return damaged("journal: segment %d has no base: %v", s, torn)
	}
	// Nothing of a later frame may stand behind the end.
	end := at
	for p := at; p < size; p += frameAlign {
		sector := b[p:min(p+frameAlign, size)]
		if allZero(sector) {
			continue
		}
		end = p + int64(len(sector))
		if p == at && torn == nil {
			continue
		}
		if fr, _, err := parseFrame(b[p:], j.store); err == nil && fr.segment == s && fr.seq > j.seq {
			if torn == nil {
				torn = errors.New("is empty")
			}
			return damaged("journal: segment %d, byte %d: frame %d: %v, but frame %d follows it", s, at, j.seq+1, torn, fr.seq)
		}
	}
	if !isLast {
		if torn != nil || end != at {
			return damaged("journal: segment %d, byte %d: frame %d: not whole, but segment %d follows it", s, at, j.seq+1, s+1)
		}
		return nil
	}
	if !repair {
		return nil
	}
	if end > at {
		// What is left of the unfinished frame goes, so that it is never
		// read behind a shorter one.
		if _, err := f.WriteAt(make([]byte, end-at), at); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	j.f, j.size, j.at = f, size, at
	keep = true
	return nil
}

func allZero(b []byte) bool {
	for len(b) >= 8 {
		if b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7] != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
