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

// A Writer writes a bundle in its order: NewWriter, State..., then for each
// record Ref..., Record, Disclosure..., Attachment..., and Close. A call out of
// order is refused, and so is everything after an error: what was written
// until then is no bundle, since its end line is missing. Before a record that
// rests on findings, behind its refs, a finding block may stand: Chain..., Ref....
// The order of a case
// bundle is NewWriter, Consistency..., Chain..., then for each record Place, Record,
// Disclosure..., Attachment..., and Close.
type Writer struct {
	w     *bufio.Writer
	sum   hash.Hash
	order order
	lines int64
	err   error
}

// NewWriter writes the header.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if _, err := h.check(); err != nil {
		return nil, fmt.Errorf("bundle header: %w", err)
	}
	bw := &Writer{w: bufio.NewWriterSize(w, 1<<16), sum: sha256.New(), order: newOrder(&h)}
	if err := bw.line(h.marshal(), maxHeaderBytes); err != nil {
		return nil, err
	}
	return bw, nil
}

// State writes the next line of the carried state.
func (w *Writer) State(line []byte) error {
	return w.item(StateLine, "", line, maxStateBytes)
}

// Ref writes a record from before the start with its inclusion proof in the
// tree of the first Start records. Refs stand before the record that needs
// them, by ascending index, each once: the predecessors below Start in its
// chains and the records below Start that it cites; before the first record
// also the agreement records of all versions in the state.
//
// Behind a call of Chain it writes a record of a finding block, with its proof
// in the tree of all records before the next one.
func (w *Writer) Ref(record []byte, proof []merkle.Hash) error {
	if err := checkVerbatim(record, '{', maxRecordBytes); err != nil {
		return w.fail(fmt.Errorf("ref: record %w", err))
	}
	return w.item(RefLine, "", marshalRef(record, proof), maxRefBytes)
}

// Record writes the next record.
func (w *Writer) Record(line []byte) error {
	if other := lineKind(line); other != RecordLine {
		return w.fail(fmt.Errorf("record begins like a %s line: %.20q", other, line))
	}
	return w.item(RecordLine, "", line, maxRecordBytes)
}

// Disclosure writes a disclosure (RFC 9901) of one of the record's sealed
// fields. They stand in the order of their digests.
func (w *Writer) Disclosure(text string) error {
	if err := checkDisclosure(text); err != nil {
		return w.fail(err)
	}
	return w.item(DisclosureLine, text, marshalDisclosure(text), maxDisclosureBytes+32)
}

// Attachment writes an attachment of the record, in chunks that begin with
// the salt. They stand in the order of their names.
func (w *Writer) Attachment(name string, salt [SaltBytes]byte, content io.Reader) error {
	if err := checkName(name); err != nil {
		return w.fail(err)
	}
	all := io.MultiReader(bytes.NewReader(salt[:]), content)
	buf := make([]byte, ChunkBytes)
	for {
		n, err := io.ReadFull(all, buf)
		if n > 0 {
			if err := w.chunk(name, buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		default:
			return w.fail(fmt.Errorf("attachment %q: %w", name, err))
		}
	}
}

func (w *Writer) chunk(name string, chunk []byte) error {
	if w.err != nil {
		return w.err
	}
	if err := w.order.chunk(name, len(chunk)); err != nil {
		return w.fail(err)
	}
	return w.line(marshalChunk(name, chunk), maxLineBytes)
}

// Close writes the end line; it does not close the underlying writer.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.order.end(); err != nil {
		return w.fail(err)
	}
	e := end{Lines: w.lines, Records: w.order.records, SHA256: hex.EncodeToString(w.sum.Sum(nil))}
	if err := w.line(e.marshal(), maxEndBytes); err != nil {
		return err
	}
	w.err = errors.New("bundle is closed")
	return w.w.Flush()
}

func (w *Writer) item(kind ItemKind, text string, line []byte, most int) error {
	if w.err != nil {
		return w.err
	}
	begin := byte('{')
	if kind == StateLine {
		begin = '['
	}
	if err := checkVerbatim(line, begin, most); err != nil {
		return w.fail(fmt.Errorf("%s line: %w", kind, err))
	}
	if err := w.order.next(kind, text, len(line)); err != nil {
		return w.fail(err)
	}
	return w.line(line, most)
}

func (w *Writer) line(line []byte, most int) error {
	if len(line) > most {
		return w.fail(fmt.Errorf("line has %d bytes, at most %d", len(line), most))
	}
	for _, b := range [][]byte{line, {'\n'}} {
		w.sum.Write(b)
		if _, err := w.w.Write(b); err != nil {
			return w.fail(err)
		}
	}
	w.lines++
	return nil
}

func (w *Writer) fail(err error) error {
	if w.err == nil {
		w.err = fmt.Errorf("bundle line %d: %w", w.lines+1, err)
	}
	return w.err
}

// checkVerbatim holds what is asked of a line of others.
func checkVerbatim(line []byte, begin byte, most int) error {
	switch {
	case len(line) > most:
		return fmt.Errorf("has %d bytes, at most %d", len(line), most)
	case len(line) == 0 || line[0] != begin:
		return fmt.Errorf("begins with %q, want %q", line[:min(len(line), 1)], []byte{begin})
	case bytes.IndexByte(line, '\n') >= 0:
		return errors.New("has a line end in it")
	}
	return nil
}
