package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// The journal is the durable order of everything that was acknowledged, in
// front of Badger. It is a row of segments, preallocated files that are
// filled with frames.
const (
	segmentName = "%08d.segment"
	prepared    = "prepared"

	firstSegmentBytes = int64(256 << 10) // segments grow fourfold, up to Options.SegmentBytes
)

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
