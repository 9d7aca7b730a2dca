package ledger

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/raasledger/raasledger/merkle"
)

// Values that append puts stay what they are until they are stored, also where
// one leaf completes a block, a subtree of level 16 and so on. Record 65,535
// is the first such.
func TestTreeKeepsWhatItPut(t *testing.T) {
	const leaves = 2<<16 + 1
	tr := &tree{}
	put := map[string][]byte{}
	row := make([]merkle.Hash, leaves)
	for i := range row {
		row[i] = merkle.LeafHash(binary.BigEndian.AppendUint32(nil, uint32(i)))
		must(t, tr.append(7, row[i:i+1], func(key, value []byte) {
			if put[string(key)] != nil {
				t.Errorf("key %x is put twice", key)
			}
			put[string(key)] = value
		}))
	}
	nodes := 0
	for level := 1; level <= 16; level++ {
		for i := range len(row) / 2 {
			row[i] = merkle.NodeHash(row[2*i], row[2*i+1])
		}
		row = row[:len(row)/2]
		if level%blockLevel != 0 {
			continue
		}
		for i, want := range row {
			nodes++
			if got := put[string(nodeKey(7, level, int64(i)))]; !bytes.Equal(got, want[:]) {
				t.Errorf("root of subtree %d at level %d is put as %x, want %x", i, level, got, want[:])
			}
		}
	}
	if nodes != 512+2 || len(put) != nodes+512 {
		t.Errorf("%d nodes, %d values put, want 514 and 1026", nodes, len(put))
	}
}
