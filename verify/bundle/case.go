package bundle

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/raasledger/raasledger/merkle"
)

// The lines of a case bundle that a replay bundle has not, or in a finding block
// alone: what the chain index says of a chain, and where the record that follows
// stands in the tree.
//
//	{"chain":"case/T-1","shown":[{"end":[1,3],"name":"case/T-1","place":0,"proof":["…="]}]}
//	{"n":3,"proof":["…="]}

func marshalChain(p *ChainProof) []byte {
	b := appendText([]byte(beginChain), p.Chain)
	b = append(b, `,"shown":[`...)
	for i, s := range p.Shown {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"end":[`...)
		b = strconv.AppendInt(b, s.Ordinal, 10)
		b = append(b, ',')
		b = strconv.AppendInt(b, s.N, 10)
		b = append(b, `],"name":`...)
		b = appendText(b, s.Chain)
		b = append(b, `,"place":`...)
		b = strconv.AppendInt(b, s.Place, 10)
		b = append(b, `,"proof":`...)
		b = appendHashes(b, s.Proof)
		b = append(b, '}')
	}
	return append(b, `]}`...)
}

// checkForm holds what is asked of a chain line before its proofs.
func (p *ChainProof) checkForm() error {
	if err := checkChain(p.Chain); err != nil {
		return err
	}
	if len(p.Shown) < 1 || len(p.Shown) > 2 {
		return fmt.Errorf("chain %s: %d lines are shown, want 1 or 2", p.Chain, len(p.Shown))
	}
	for _, s := range p.Shown {
		if err := s.check(); err != nil {
			return err
		}
		if s.Place < 0 || s.Place >= merkle.MaxSize {
			return fmt.Errorf("chain %s: place %d", s.Chain, s.Place)
		}
	}
	return nil
}

func parseChain(line []byte) (*ChainProof, error) {
	var raw struct {
		Chain string `json:"chain"`
		Shown []struct {
			End   []int64  `json:"end"`
			Name  string   `json:"name"`
			Place int64    `json:"place"`
			Proof []string `json:"proof"`
		} `json:"shown"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, fmt.Errorf("chain line is not JSON of the right types: %v", err)
	}
	p := &ChainProof{Chain: raw.Chain}
	for _, s := range raw.Shown {
		if len(s.End) != 2 {
			return nil, fmt.Errorf("chain %q: end has %d numbers, want 2", s.Name, len(s.End))
		}
		proof, err := parseHashes(s.Proof)
		if err != nil {
			return nil, fmt.Errorf("chain %q: %w", s.Name, err)
		}
		p.Shown = append(p.Shown, Place{End{s.Name, s.End[0], s.End[1]}, s.Place, proof})
	}
	if err := p.checkForm(); err != nil {
		return nil, err
	}
	return p, canonical(line, marshalChain(p))
}

func marshalPlace(n int64, proof []merkle.Hash) []byte {
	b := strconv.AppendInt([]byte(beginPlace), n, 10)
	b = append(b, `,"proof":`...)
	b = appendHashes(b, proof)
	return append(b, '}')
}

func parsePlace(line []byte) (n int64, proof []merkle.Hash, err error) {
	var raw struct {
		N     int64    `json:"n"`
		Proof []string `json:"proof"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return 0, nil, fmt.Errorf("place is not JSON of the right types: %v", err)
	}
	if proof, err = parseHashes(raw.Proof); err != nil {
		return 0, nil, err
	}
	return raw.N, proof, canonical(line, marshalPlace(raw.N, proof))
}

func parseHashes(texts []string) ([]merkle.Hash, error) {
	var hashes []merkle.Hash
	for _, text := range texts {
		h, err := merkle.ParseHash(text)
		if err != nil {
			return nil, fmt.Errorf("proof: %w", err)
		}
		hashes = append(hashes, h)
	}
	return hashes, nil
}

// CheckRecord returns nil if proof shows that the record has index n in the
// tree of c.
func CheckRecord(c merkle.Checkpoint, n int64, record []byte, proof []merkle.Hash) error {
	return merkle.CheckInclusion(proof, c.Size, c.Root, n, merkle.LeafHash(record))
}

// Chain writes what the chain index says of a chain. In a case bundle these
// lines stand first, in the order of the names; in a replay bundle they begin a
// finding block.
func (w *Writer) Chain(p ChainProof) error {
	if err := p.checkForm(); err != nil {
		return w.fail(err)
	}
	return w.item(ChainLine, p.Chain, marshalChain(&p), maxChainLineBytes)
}

// Place writes where the record that is written next stands in the tree of the
// checkpoint. In a case bundle each record has such a line, and they go up.
func (w *Writer) Place(n int64, proof []merkle.Hash) error {
	if w.err == nil {
		if err := w.order.place(n); err != nil {
			return w.fail(err)
		}
	}
	return w.item(PlaceLine, "", marshalPlace(n, proof), maxPlaceBytes)
}
