package ledger

import (
	"encoding/binary"
	"testing"

	"github.com/raasledger/raasledger/merkle"
)

// TestNodes: what is put of a tree of three levels of nodes are the roots of
// its subtrees, also where one leaf completes two of them.
func TestNodes(t *testing.T) {
	const size = 2<<16 + 300
	var want merkle.Tree
	var edge tree
	type node struct {
		level int
		index int64
		value []byte
	}
	var nodes []node
	for n := range size {
		leaf := merkle.LeafHash(binary.BigEndian.AppendUint64(nil, uint64(n)))
		want.Append(leaf)
		err := edge.append(1, []merkle.Hash{leaf}, func(key, value []byte) {
			if key[0] != keyNode {
				return
			}
			index, err := keyIndex(key)
			must(t, err)
			nodes = append(nodes, node{int(key[5]), index, value})
		})
		must(t, err)
	}
	if got := len(nodes); got != size>>8+size>>16 {
		t.Errorf("%d nodes", got)
	}
	for _, k := range nodes {
		root, err := want.Subtree(k.level, k.index)
		must(t, err)
		if string(k.value) != string(root[:]) {
			t.Errorf("root of subtree %d at level %d is %x, want %v", k.index, k.level, k.value, root)
		}
	}
}
