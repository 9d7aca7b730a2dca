package ledger

import (
	"errors"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/merkle"
)

// A block is 256 leaves, the subtree whose leaf hashes are kept as one tile.
// The roots of complete subtrees are kept at the levels 8, 16, 24, ...: any
// frontier or proof at any size is a handful of reads, at 32.2 bytes a record.
const (
	blockLevel  = 8
	blockLeaves = 1 << blockLevel
	treeLevels  = 7 // 0, 8, ..., 48: enough for merkle.MaxSize
)

// A tree is the right edge of a ledger's tree: what is needed to append and
// what no tile or node holds yet. A tree that was published is not changed;
// next appends to a copy, which shares the slices' beginnings.
type tree struct {
	frontier merkle.Frontier
	// edges[k] are the roots at level 8k behind the last complete subtree of
	// level 8k+8, at most 255. edges[0] are leaf hashes. Capacity is 256.
	edges [treeLevels][]merkle.Hash
}

func (t *tree) size() int64 { return t.frontier.Size() }
func (t *tree) head() head  { return head{t.frontier.Size(), t.frontier.Root()} }

// append adds leaves and puts the tiles and nodes that they complete.
func (t *tree) append(l number, leaves []merkle.Hash, put func(key, value []byte)) error {
	for _, leaf := range leaves {
		if err := t.frontier.Append(leaf); err != nil {
			return err
		}
		h := leaf
		for k := 0; ; k++ {
			if t.edges[k] == nil {
				t.edges[k] = make([]merkle.Hash, 0, blockLeaves)
			}
			t.edges[k] = append(t.edges[k], h)
			if len(t.edges[k]) < blockLeaves {
				break
			}
			// A new array: what was put below is kept until the commit, and
			// one leaf can complete subtrees of several levels.
			root := foldRoot(t.edges[k])
			h = root
			level := blockLevel * (k + 1)
			index := t.frontier.Size()>>level - 1
			if k == 0 {
				put(tileKey(l, index), encodeTile(t.edges[0]))
			}
			put(nodeKey(l, level, index), root[:])
			t.edges[k] = nil
		}
	}
	return nil
}

// foldRoot is the root of a power of two of hashes.
func foldRoot(hashes []merkle.Hash) merkle.Hash {
	row := append(make([]merkle.Hash, 0, len(hashes)), hashes...)
	for len(row) > 1 {
		for i := range len(row) / 2 {
			row[i] = merkle.NodeHash(row[2*i], row[2*i+1])
		}
		row = row[:len(row)/2]
	}
	return row[0]
}

func encodeTile(leaves []merkle.Hash) []byte {
	b := make([]byte, 0, len(leaves)*len(merkle.Hash{}))
	for _, h := range leaves {
		b = append(b, h[:]...)
	}
	return b
}

func decodeTile(b []byte) ([]merkle.Hash, error) {
	if len(b) != blockLeaves*len(merkle.Hash{}) {
		return nil, damaged("tile has %d bytes, want %d", len(b), blockLeaves*len(merkle.Hash{}))
	}
	leaves := make([]merkle.Hash, blockLeaves)
	for i := range leaves {
		copy(leaves[i][:], b[i*len(merkle.Hash{}):])
	}
	return leaves, nil
}

// A treeReader reads roots of complete subtrees of one ledger from Badger. It
// is a merkle.HashReader for all below the size of edge.
type treeReader struct {
	txn    *badger.Txn
	number number
	edge   *tree // nil: only what tiles and nodes hold

	block  int64 // of leaves, -1 none
	leaves []merkle.Hash
}

func newTreeReader(txn *badger.Txn, l number, edge *tree) *treeReader {
	return &treeReader{txn: txn, number: l, edge: edge, block: -1}
}

func (r *treeReader) Subtree(level int, index int64) (merkle.Hash, error) {
	base := level &^ (blockLevel - 1)
	count := int64(1) << (level - base)
	if base > 0 {
		nodes := make([]merkle.Hash, count)
		for i := range nodes {
			var err error
			if nodes[i], err = r.node(base, index*count+int64(i)); err != nil {
				return merkle.Hash{}, err
			}
		}
		return foldRoot(nodes), nil
	}
	lo := index * count
	leaves, err := r.tile(lo / blockLeaves)
	if err != nil {
		return merkle.Hash{}, err
	}
	lo %= blockLeaves
	if lo+count > int64(len(leaves)) {
		return merkle.Hash{}, damaged("leaves %d to %d of a block of %d", lo, lo+count, len(leaves))
	}
	return foldRoot(leaves[lo : lo+count]), nil
}

// leaf is the leaf hash of record n.
func (r *treeReader) leaf(n int64) (merkle.Hash, error) { return r.Subtree(0, n) }

func (r *treeReader) tile(block int64) ([]merkle.Hash, error) {
	if block == r.block {
		return r.leaves, nil
	}
	if r.edge != nil && block == r.edge.size()/blockLeaves {
		return r.edge.edges[0], nil
	}
	item, err := r.txn.Get(tileKey(r.number, block))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, damaged("leaf hashes of records %d to %d are missing", block*blockLeaves, (block+1)*blockLeaves-1)
	}
	if err != nil {
		return nil, err
	}
	err = item.Value(func(b []byte) (err error) {
		r.leaves, err = decodeTile(b)
		return err
	})
	if err != nil {
		r.block = -1
		return nil, err
	}
	r.block = block
	return r.leaves, nil
}

func (r *treeReader) node(level int, index int64) (h merkle.Hash, err error) {
	item, err := r.txn.Get(nodeKey(r.number, level, index))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return h, damaged("root of subtree %d at level %d is missing", index, level)
	}
	if err != nil {
		return h, err
	}
	err = item.Value(func(b []byte) error {
		if len(b) != len(h) {
			return damaged("root of subtree %d at level %d has %d bytes, want %d", index, level, len(b), len(h))
		}
		copy(h[:], b)
		return nil
	})
	return h, err
}

// readTree is the tree of the first records of a ledger, rebuilt from nodes
// and tiles, and from the records behind the last tile. Whoever calls it
// compares the root.
func readTree(txn *badger.Txn, l number, size int64) (*tree, error) {
	t := &tree{}
	for k := 1; k < treeLevels; k++ {
		have := size >> (blockLevel * k)
		for i := have &^ (blockLeaves - 1); i < have; i++ {
			h, err := newTreeReader(txn, l, nil).node(blockLevel*k, i)
			if err != nil {
				return nil, err
			}
			if t.edges[k] == nil {
				t.edges[k] = make([]merkle.Hash, 0, blockLeaves)
			}
			t.edges[k] = append(t.edges[k], h)
		}
	}
	lo := size &^ (blockLeaves - 1)
	if lo < size {
		t.edges[0] = make([]merkle.Hash, 0, blockLeaves)
		for line, err := range readLines(txn, l, lo, size) {
			if err != nil {
				return nil, err
			}
			t.edges[0] = append(t.edges[0], merkle.LeafHash(line))
		}
	}
	// The frontier's size is not set yet, so the reader is told the edge by a
	// tree that has it.
	r := newTreeReader(txn, l, nil)
	r.block, r.leaves = lo/blockLeaves, t.edges[0]
	f, err := merkle.FrontierAt(size, r)
	if err != nil {
		return nil, err
	}
	t.frontier = *f
	return t, nil
}
