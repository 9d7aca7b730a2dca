package bundle

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/raasledger/raasledger/merkle"
)

// An ItemKind says what a line after the header is.
type ItemKind int

const (
	StateLine ItemKind = iota
	RefLine
	ConsistencyLine // of a case bundle
	RecordLine
	DisclosureLine
	ChunkLine
	ChainLine // of a case bundle, or of a finding block
	PlaceLine // of a case bundle
	endLine
)

func (k ItemKind) String() string {
	switch k {
	case StateLine:
		return "state"
	case RefLine:
		return "ref"
	case ConsistencyLine:
		return "consistency"
	case RecordLine:
		return "record"
	case DisclosureLine:
		return "disclosure"
	case ChunkLine:
		return "chunk"
	case ChainLine:
		return "chain"
	case PlaceLine:
		return "place"
	case endLine:
		return "end"
	}
	return fmt.Sprintf("unknown kind %d", int(k))
}

// An Item is one line between header and end line. Its slices are valid until
// the next call of Next.
type Item struct {
	Kind   ItemKind
	Number int64         // of the line, from 1
	Index  int64         // of the record that the line is, or belongs to; -1 in the state and in a chain line of a case bundle
	Line   []byte        // of a state line or a record, verbatim; of a ref, its record
	Proof  []merkle.Hash // of a ref, a place, and the record behind a place; of a consistency line
	Size   int64         // of a consistency line
	Chain  *ChainProof   // of a chain line
	Text   string        // of a disclosure; of a chunk, the name of its attachment
	Chunk  []byte
	First  bool // of the chunks of an attachment
	Block  bool // of a chain line or a ref: it belongs to the finding block before record Index
}

// A FormError says at which line a bundle is not one.
type FormError struct {
	Line   int64 // from 1
	Reason string
}

func (e *FormError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Reason) }

// A Reader reads a bundle line by line and holds all rules of its form. It
// takes a buffer of the longest line and no further memory.
type Reader struct {
	r      *bufio.Reader
	long   []byte // a line that the buffer of r does not hold
	header Header
	sum    hash.Hash
	order  order
	proof  []merkle.Hash // of the last place
	lines  int64
	digest string
	err    error
}

// beginGzip is how a compressed file begins.
const beginGzip = "\x1f\x8b"

// NewReader reads the header. Where the bundle is refused the error is a
// [*FormError]; another error is the underlying reader's.
func NewReader(r io.Reader) (*Reader, error) {
	br := &Reader{r: bufio.NewReaderSize(r, maxRecordBytes+1), sum: sha256.New()}
	switch begin, err := br.r.Peek(len(beginGzip)); {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("line 1: %w", err)
	case string(begin) == beginGzip:
		br.lines = 1
		return nil, br.fail(errors.New("compressed: zcat FILE | raasverify check -"))
	case len(begin) == 0 && errors.Is(err, io.EOF):
		br.lines = 1
		return nil, br.fail(errors.New("bundle is empty"))
	}
	line, err := br.line()
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(line)
	if err != nil {
		return nil, br.fail(err)
	}
	br.sum.Write(line)
	br.sum.Write([]byte{'\n'})
	br.header = h
	br.order = newOrder(&h)
	return br, nil
}

// Header returns the first line.
func (r *Reader) Header() Header { return r.header }

// Digest returns the SHA-256 of the whole bundle in hexadecimal. It is known
// once Next has returned io.EOF.
func (r *Reader) Digest() string { return r.digest }

// Next returns the next line. After the last it returns io.EOF: then the end
// line was there, its figures were right, and nothing followed it.
func (r *Reader) Next() (Item, error) {
	if r.err != nil {
		return Item{}, r.err
	}
	line, err := r.line()
	if err != nil {
		return Item{}, err
	}
	kind := lineKind(line)
	switch kind {
	case endLine:
		return Item{}, r.end(line)
	case ConsistencyLine:
		return r.consistency(line)
	}
	it := Item{Kind: kind, Number: r.lines, Line: line}
	most := maxRecordBytes
	switch kind {
	case StateLine:
		most = maxStateBytes
	case RefLine:
		most = maxRefBytes
	case RecordLine:
	case DisclosureLine:
		most = maxDisclosureBytes + 32
	case ChunkLine:
		most = maxLineBytes
	case ChainLine:
		most = maxChainLineBytes
	case PlaceLine:
		most = maxPlaceBytes
	}
	if len(line) > most {
		return Item{}, r.fail(fmt.Errorf("%s line has %d bytes, at most %d", kind, len(line), most))
	}
	switch kind {
	case RecordLine:
		err = checkVerbatim(line, '{', most)
	case RefLine:
		it.Line, it.Proof, err = parseRef(line)
	case DisclosureLine:
		it.Text, err = parseDisclosure(line)
	case ChunkLine:
		it.Text, it.Chunk, err = parseChunk(line)
	case ChainLine:
		if it.Chain, err = parseChain(line); err == nil {
			it.Text = it.Chain.Chain
		}
	case PlaceLine:
		if it.Index, it.Proof, err = parsePlace(line); err == nil {
			err = r.order.place(it.Index)
		}
	}
	if err != nil {
		return Item{}, r.fail(err)
	}
	if kind == ChunkLine {
		it.First = r.order.last != ChunkLine || r.order.name != it.Text
		err = r.order.chunk(it.Text, len(it.Chunk))
	} else {
		err = r.order.next(kind, it.Text, len(line))
	}
	if err != nil {
		return Item{}, r.fail(err)
	}
	switch {
	case kind == StateLine, kind == ChainLine && r.header.Kind == KindCase:
		it.Index = -1
	case kind == RefLine, kind == ChainLine:
		it.Index, it.Block = r.header.Start+r.order.records, r.order.block
	case kind == PlaceLine:
		r.proof = it.Proof
	default:
		it.Index = r.header.Start + r.order.records - 1
		if r.header.Kind == KindCase {
			it.Index, it.Proof = r.order.n, r.proof
		}
	}
	r.sum.Write(line)
	r.sum.Write([]byte{'\n'})
	return it, nil
}

// end checks the end line and that nothing follows.
func (r *Reader) end(line []byte) error {
	if len(line) > maxEndBytes {
		return r.fail(fmt.Errorf("end line has %d bytes, at most %d", len(line), maxEndBytes))
	}
	if err := r.order.end(); err != nil {
		return r.fail(err)
	}
	e, err := parseEnd(line)
	if err != nil {
		return r.fail(err)
	}
	sum := hex.EncodeToString(r.sum.Sum(nil))
	switch {
	case e.Lines != r.lines-1:
		err = fmt.Errorf("end line counts %d lines before it, there are %d", e.Lines, r.lines-1)
	case e.Records != r.order.records:
		err = fmt.Errorf("end line counts %d records, there are %d", e.Records, r.order.records)
	case e.SHA256 != sum:
		err = fmt.Errorf("SHA-256 of all bytes before the end line is %s, the line says %s", sum, e.SHA256)
	}
	if err != nil {
		return r.fail(err)
	}
	r.sum.Write(line)
	r.sum.Write([]byte{'\n'})
	switch _, err := r.r.ReadByte(); {
	case err == nil:
		r.lines++
		return r.fail(errors.New("bytes follow the end line"))
	case !errors.Is(err, io.EOF):
		r.err = fmt.Errorf("line %d: %w", r.lines+1, err)
		return r.err
	}
	r.digest = hex.EncodeToString(r.sum.Sum(nil))
	r.err = io.EOF
	return io.EOF
}

// line returns the next line without its line end.
func (r *Reader) line() ([]byte, error) {
	r.lines++
	line, err := r.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		// The header and chunks only: records fit the buffer.
		r.long = r.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(r.long)+len(line) <= maxLineBytes {
			r.long = append(r.long, line...)
			line, err = r.r.ReadSlice('\n')
		}
		r.long = append(r.long, line...)
		line = r.long
	}
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(line) > maxLineBytes+1:
		return nil, r.fail(fmt.Errorf("longer than %d bytes, the longest line there is", maxLineBytes))
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, r.fail(errors.New("cut off: the line has no line end"))
	case errors.Is(err, io.EOF):
		return nil, r.fail(errors.New("cut off: the end line is missing"))
	}
	r.err = fmt.Errorf("line %d: %w", r.lines, err)
	return nil, r.err
}

func (r *Reader) fail(err error) error {
	r.err = &FormError{Line: r.lines, Reason: err.Error()}
	return r.err
}

// lineKind tells the lines apart by how they begin.
func lineKind(line []byte) ItemKind {
	switch {
	case bytes.HasPrefix(line, []byte("[")):
		return StateLine
	case bytes.HasPrefix(line, []byte(beginRef)):
		return RefLine
	case bytes.HasPrefix(line, []byte(beginDisclosure)):
		return DisclosureLine
	case bytes.HasPrefix(line, []byte(beginChunk)):
		return ChunkLine
	case bytes.HasPrefix(line, []byte(beginChain)):
		return ChainLine
	case bytes.HasPrefix(line, []byte(beginPlace)):
		return PlaceLine
	case bytes.HasPrefix(line, []byte(beginConsistency)):
		return ConsistencyLine
	case bytes.HasPrefix(line, []byte(beginEnd)):
		return endLine
	}
	return RecordLine
}
