package bundle

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/raasledger/raasledger/merkle"
)

// The line of a case bundle that leads from an earlier size of the ledger to
// its checkpoint, for a reader who holds a checkpoint of that size. They stand
// behind the header, by ascending size, and nobody needs to have any.
//
//	{"consistency":["…=","…="],"size":3}

func marshalConsistency(size int64, proof []merkle.Hash) []byte {
	b := appendHashes([]byte(beginConsistency), proof)
	b = append(b, `,"size":`...)
	b = strconv.AppendInt(b, size, 10)
	return append(b, '}')
}

func parseConsistency(line []byte) (size int64, proof []merkle.Hash, err error) {
	var raw struct {
		Consistency []string `json:"consistency"`
		Size        int64    `json:"size"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return 0, nil, fmt.Errorf("consistency line is not JSON of the right types: %v", err)
	}
	if proof, err = parseHashes(raw.Consistency); err != nil {
		return 0, nil, err
	}
	return raw.Size, proof, canonical(line, marshalConsistency(raw.Size, proof))
}

// Consistency writes the proof that the tree of the checkpoint begins with the
// records of an earlier size. In a case bundle these lines stand before those of
// chains, with ascending sizes; nobody needs to write any.
func (w *Writer) Consistency(size int64, proof []merkle.Hash) error {
	if w.err != nil {
		return w.err
	}
	if err := w.order.consistency(size); err != nil {
		return w.fail(err)
	}
	return w.line(marshalConsistency(size, proof), maxPlaceBytes)
}

// consistency reads such a line.
func (r *Reader) consistency(line []byte) (Item, error) {
	if len(line) > maxPlaceBytes {
		return Item{}, r.fail(fmt.Errorf("consistency line has %d bytes, at most %d", len(line), maxPlaceBytes))
	}
	size, proof, err := parseConsistency(line)
	if err == nil {
		err = r.order.consistency(size)
	}
	if err != nil {
		return Item{}, r.fail(err)
	}
	r.sum.Write(line)
	r.sum.Write([]byte{'\n'})
	return Item{Kind: ConsistencyLine, Number: r.lines, Index: -1, Size: size, Proof: proof}, nil
}

// consistency takes such a line.
func (o *order) consistency(size int64) error {
	switch {
	case o.kind != KindCase:
		return fmt.Errorf("consistency line in a bundle of kind %s", o.kind)
	case o.chains > 0:
		return fmt.Errorf("consistency line after a chain line")
	case size < 1 || size >= o.size:
		return fmt.Errorf("consistency line of size %d, want 1 to %d", size, o.size-1)
	case size <= o.earlier:
		return fmt.Errorf("consistency line of size %d after that of size %d", size, o.earlier)
	case o.proofs == maxConsistency:
		return fmt.Errorf("more than %d consistency lines", maxConsistency)
	}
	o.earlier = size
	o.proofs++
	return nil
}
