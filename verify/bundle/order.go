package bundle

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/raasledger/raasledger/merkle"
)

// An order holds which line may follow which, and the counts announced. The
// Writer and the Reader go by the same one.
type order struct {
	size    int64 // of the checkpoint
	earlier int64 // of the last consistency line
	proofs  int   // consistency lines so far

	kind       string
	start      int64
	wantChain  int64
	wantState  int64
	wantRecord int64

	state      int64 // lines so far
	stateBytes int64
	records    int64  // records so far
	chains     int64  // chain lines so far
	chain      string // the last of them
	n          int64  // of the last place, -1 before
	caseBytes  int64  // of the records of a case bundle

	block       bool  // within a finding block: its record has not come yet
	blockRefs   int64 // of the block so far
	blockChains int64
	blockBytes  int64 // of its lines

	last   ItemKind          // kind of the last line; StateLine before the first
	digest [sha256.Size]byte // of the last disclosure
	name   string            // of the attachment of the last chunk
	full   bool              // the last chunk may be followed by another of its attachment
}

func newOrder(h *Header) order {
	o := order{kind: h.Kind, start: h.Start, wantState: h.StateLines, wantRecord: h.Records, wantChain: h.Chains, n: -1}
	if note, err := merkle.ParseNote(h.Checkpoint); err == nil {
		o.size = note.Checkpoint.Size
	}
	return o
}

// next takes a line other than a chunk.
func (o *order) next(kind ItemKind, text string, lineBytes int) error {
	if o.kind == KindCase {
		if err := o.nextOfCase(kind, text, lineBytes); err != nil {
			return err
		}
	} else if kind == PlaceLine {
		return fmt.Errorf("%s line in a bundle of kind %s", kind, o.kind)
	}
	switch {
	case o.kind == KindCase && (kind == ChainLine || kind == PlaceLine):
		o.last = kind
		return nil
	case kind == ChainLine || o.block:
		return o.nextOfBlock(kind, text, lineBytes)
	}
	if kind == StateLine {
		if o.state == o.wantState {
			return fmt.Errorf("state line, but the header announces %d", o.wantState)
		}
		o.state++
		if o.stateBytes += int64(lineBytes) + 1; o.stateBytes > maxStateTotalBytes {
			return fmt.Errorf("state has more than %d bytes", maxStateTotalBytes)
		}
		return nil
	}
	if o.state < o.wantState {
		return fmt.Errorf("%s line after %d state lines, the header announces %d", kind, o.state, o.wantState)
	}
	switch kind {
	case RefLine:
		if o.kind == KindCase {
			return errors.New("ref line in a bundle of kind case")
		}
		if o.start == 0 {
			return errors.New("ref line, but the bundle starts at 0")
		}
		if o.records == o.wantRecord {
			return fmt.Errorf("ref line after the last record")
		}
	case RecordLine:
		if o.records == o.wantRecord {
			return fmt.Errorf("record, but the header announces %d", o.wantRecord)
		}
		o.records++
	case DisclosureLine:
		if o.last != RecordLine && o.last != DisclosureLine {
			return fmt.Errorf("disclosure after a %s line, want one after its record", o.last)
		}
		sum := sha256.Sum256([]byte(text))
		if o.last == DisclosureLine && bytes.Compare(o.digest[:], sum[:]) >= 0 {
			return errors.New("disclosures are not in the order of their digests, each once")
		}
		o.digest = sum
	default:
		return fmt.Errorf("%s line has no place here", kind)
	}
	o.last = kind
	return nil
}

// nextOfBlock holds what is so in a finding block: chain lines by name, then
// refs, then the record that it belongs to.
func (o *order) nextOfBlock(kind ItemKind, text string, lineBytes int) error {
	switch {
	case o.state < o.wantState:
		return fmt.Errorf("%s line after %d state lines, the header announces %d", kind, o.state, o.wantState)
	case o.records == o.wantRecord:
		return fmt.Errorf("%s line after the last record", kind)
	case kind == ChainLine && o.block && o.last != ChainLine:
		return errors.New("chain line after a ref line of its finding block")
	case kind == ChainLine && o.block && text <= o.chain:
		return fmt.Errorf("chain %s after %s, want them by name, each once", text, o.chain)
	case kind == ChainLine && o.blockChains == maxCaseLines:
		return fmt.Errorf("finding block has more than %d chain lines", maxCaseLines)
	case kind == ChainLine:
		o.block, o.chain = true, text
		o.blockChains++
	case kind == RefLine && o.blockRefs == maxCaseLines:
		return fmt.Errorf("finding block has more than %d ref lines", maxCaseLines)
	case kind == RefLine:
		o.blockRefs++
	case kind == RecordLine:
		o.block, o.blockRefs, o.blockChains, o.blockBytes = false, 0, 0, 0
		o.records++
	default:
		return fmt.Errorf("%s line within a finding block", kind)
	}
	if o.block {
		if o.blockBytes += int64(lineBytes) + 1; o.blockBytes > maxCaseTotalBytes {
			return fmt.Errorf("finding block has more than %d bytes", maxCaseTotalBytes)
		}
	}
	o.last = kind
	return nil
}

// nextOfCase holds what is so in case bundles alone: the chains come first, by
// name, and each record stands behind its place.
func (o *order) nextOfCase(kind ItemKind, text string, lineBytes int) error {
	switch {
	case kind == ChainLine && o.chains == o.wantChain:
		return fmt.Errorf("chain line, but the header announces %d", o.wantChain)
	case kind == ChainLine && o.chains > 0 && text <= o.chain:
		return fmt.Errorf("chain %s after %s, want them by name, each once", text, o.chain)
	case kind == ChainLine:
		o.chains++
		o.chain = text
	case o.chains < o.wantChain:
		return fmt.Errorf("%s line after %d chain lines, the header announces %d", kind, o.chains, o.wantChain)
	case kind == PlaceLine && o.records == o.wantRecord:
		return fmt.Errorf("place line after the last record")
	case kind == PlaceLine && o.last == PlaceLine:
		return errors.New("place line after another, want its record")
	case kind == PlaceLine:
	case o.last == PlaceLine && kind != RecordLine:
		return fmt.Errorf("%s line after a place line, want its record", kind)
	case kind == RecordLine && o.last != PlaceLine:
		return errors.New("record without its place")
	case kind == RecordLine:
		if o.caseBytes += int64(lineBytes) + 1; o.caseBytes > maxCaseTotalBytes {
			return fmt.Errorf("records have more than %d bytes", maxCaseTotalBytes)
		}
	}
	return nil
}

// place takes the index of the next record of a case bundle.
func (o *order) place(n int64) error {
	if n <= o.n {
		return fmt.Errorf("place of record %d after that of record %d", n, o.n)
	}
	o.n = n
	return nil
}

// chunk takes a chunk of an attachment.
func (o *order) chunk(name string, chunkBytes int) error {
	switch {
	case o.block || o.last != RecordLine && o.last != DisclosureLine && o.last != ChunkLine:
		return fmt.Errorf("chunk after a %s line, want one after its record", o.last)
	case chunkBytes == 0:
		return errors.New("chunk is empty")
	case chunkBytes > ChunkBytes:
		return fmt.Errorf("chunk has %d bytes, at most %d", chunkBytes, ChunkBytes)
	case o.last == ChunkLine && name < o.name:
		return errors.New("attachments are not in the order of their names, each once")
	case o.last == ChunkLine && name == o.name && !o.full:
		return fmt.Errorf("chunk of %q follows one of less than %d bytes", name, ChunkBytes)
	case (o.last != ChunkLine || name != o.name) && chunkBytes < SaltBytes:
		return fmt.Errorf("first chunk of %q has %d bytes, less than the salt of %d", name, chunkBytes, SaltBytes)
	}
	o.last, o.name, o.full = ChunkLine, name, chunkBytes == ChunkBytes
	return nil
}

// end takes the end line.
func (o *order) end() error {
	switch {
	case o.chains < o.wantChain:
		return fmt.Errorf("end after %d chain lines, the header announces %d", o.chains, o.wantChain)
	case o.last == PlaceLine:
		return errors.New("end after a place line, want its record")
	case o.block:
		return errors.New("end within a finding block, want its record")
	case o.state < o.wantState:
		return fmt.Errorf("end after %d state lines, the header announces %d", o.state, o.wantState)
	case o.records < o.wantRecord:
		return fmt.Errorf("end after %d records, the header announces %d", o.records, o.wantRecord)
	}
	return nil
}
