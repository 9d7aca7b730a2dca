// Package bundle reads and writes bundles: one file that carries what is to
// be verified. It decides integrity alone (who signed, nothing removed,
// reordered or added); to it a record is a line of bytes.
package bundle

import (
	"io"

	"github.com/raasledger/raasledger/merkle"
)

// A Header is the first line of a bundle.
type Header struct {
	Kind       string // replay
	Origin     string
	Start      int64 // index of the first record
	Frontier   []merkle.Hash
	StateLines int64
	Records    int64
	Checkpoint []byte // the signed note
}

// A Writer writes a bundle in its order: NewWriter, State..., then for each
// record Ref..., Record, Attachment..., and Close.
type Writer struct{ w io.Writer }

func NewWriter(w io.Writer, h Header) (*Writer, error) { panic("todo") }

func (w *Writer) State(line []byte) error { panic("todo") }

// Ref writes a record from before the start with its inclusion proof against the start root.
func (w *Writer) Ref(record []byte, proof []merkle.Hash) error { panic("todo") }

func (w *Writer) Record(line []byte) error { panic("todo") }

func (w *Writer) Disclosure(text string) error                                   { panic("todo") }
func (w *Writer) Attachment(name string, salt [32]byte, content io.Reader) error { panic("todo") }

// Close writes the end line; it does not close the underlying writer.
func (w *Writer) Close() error { panic("todo") }
