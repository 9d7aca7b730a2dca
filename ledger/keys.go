package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// All keys in Badger. L is the ledger's number in this store, 4 bytes; the
// other numbers are 8 bytes, big end first, so that keys sort as they count.
//
//	key             value                          written
//	o ORIGIN        number of the ledger           with its first group
//	l L             size, root                     with each group of the ledger
//	r L LAST        a pack: the lines of records   with each group
//	                up to and with LAST, each
//	                followed by LF
//	t L BLOCK       256 leaf hashes, those of      when the block is full
//	                records [BLOCK*256, +256)
//	n L LEVEL I     root of the subtree I at       when the subtree is full
//	                level 8, 16, 24, ... (1 byte)
//	i L ID          n, content digest, case        with each group
//	c L CHAIN       last ordinal, last n           with each group
//	k L SIZE        signed checkpoint of SIZE,     with each checkpoint
//	                with its cosignatures
//	e L N DIGEST    kind of the evidence           when it is stored, before
//	                                               its file gets its name
//	x L OF 0 N      the erase record N is about    with each group; the value
//	                the record OF: its index and   when all is destroyed, derived
//	                the digests destroyed
//	s L N CHUNK     state lines that the           after the statement; derived,
//	                statement at N left, each      not in the journal
//	                followed by LF (CHUNK: 4 bytes)
//
// The keys i, c, t, n, x and s follow from the records.
const (
	keyOrigin     = 'o'
	keyHead       = 'l'
	keyPack       = 'r'
	keyTile       = 't'
	keyNode       = 'n'
	keyID         = 'i'
	keyChain      = 'c'
	keyCheckpoint = 'k'
	keySnapshot   = 's'
	keyEvidence   = 'e'
	keyErasure    = 'x'
)

// A number is how a ledger is called in keys and journal: from 1, in the
// order of creation.
type number uint32

func originKey(origin string) []byte { return append([]byte{keyOrigin}, origin...) }

func ledgerKey(kind byte, l number) []byte { return namedKey(kind, l, "") }

// namedKey is made in one piece, with room for a number and a timestamp of
// Badger's behind the name.
func namedKey(kind byte, l number, name string) []byte {
	key := append(make([]byte, 0, 24+len(name)), kind)
	return append(binary.BigEndian.AppendUint32(key, uint32(l)), name...)
}

func headKey(l number) []byte { return ledgerKey(keyHead, l) }

func packKey(l number, last int64) []byte {
	return binary.BigEndian.AppendUint64(ledgerKey(keyPack, l), uint64(last))
}

func tileKey(l number, block int64) []byte {
	return binary.BigEndian.AppendUint64(ledgerKey(keyTile, l), uint64(block))
}

func nodeKey(l number, level int, index int64) []byte {
	return binary.BigEndian.AppendUint64(append(ledgerKey(keyNode, l), byte(level)), uint64(index))
}

func idKey(l number, id string) []byte { return namedKey(keyID, l, id) }

func chainKey(l number, chain string) []byte { return namedKey(keyChain, l, chain) }

func checkpointKey(l number, size int64) []byte {
	return binary.BigEndian.AppendUint64(ledgerKey(keyCheckpoint, l), uint64(size))
}

func evidenceKey(l number, n int64, digest [sha256.Size]byte) []byte {
	return append(binary.BigEndian.AppendUint64(ledgerKey(keyEvidence, l), uint64(n)), digest[:]...)
}

// No id has a byte 0 in it, so that no other record's keys begin like this.
func erasurePrefix(l number, of string) []byte { return namedKey(keyErasure, l, of+"\x00") }

func erasureKey(l number, of string, n int64) []byte {
	return binary.BigEndian.AppendUint64(erasurePrefix(l, of), uint64(n))
}

func snapshotPrefix(l number, n int64) []byte {
	return binary.BigEndian.AppendUint64(ledgerKey(keySnapshot, l), uint64(n))
}

func snapshotKey(l number, n int64, chunk int) []byte {
	return binary.BigEndian.AppendUint32(snapshotPrefix(l, n), uint32(chunk))
}

// keyIndex is the 8-byte number at the end of a key of pack, tile, node or
// checkpoint.
func keyIndex(key []byte) (int64, error) {
	if len(key) < 13 {
		return 0, damaged("key %x has %d bytes, want at least 13", key, len(key))
	}
	return int64(binary.BigEndian.Uint64(key[len(key)-8:])), nil
}

// A head is how far Badger got with a ledger.
type head struct {
	size int64
	root merkle.Hash
}

func (h head) encode() []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 40), uint64(h.size)), h.root[:]...)
}

func decodeHead(b []byte) (h head, err error) {
	if len(b) != 40 {
		return h, fmt.Errorf("%w: head has %d bytes, want 40", ErrDamaged, len(b))
	}
	h.size = int64(binary.BigEndian.Uint64(b))
	copy(h.root[:], b[8:])
	return h, nil
}

// An idEntry is what admission asks about a record that is there: where it
// stands, its content digest, and its case.
type idEntry struct {
	n      int64
	digest [sha256.Size]byte
	matter string // case, "" if none

	stored bool // read from the store, which does not say the rest
	effect bool // it is an action that changed something
}

// same reports whether both would be stored alike.
func (e idEntry) same(f idEntry) bool {
	return e.n == f.n && e.digest == f.digest && e.matter == f.matter
}

// indexOf is what the index keeps of a record with its log.
func indexOf(r *record.Record, p *record.Prepared) idEntry {
	b, ok := r.Body.(*record.Action)
	return idEntry{n: r.Log.N, digest: p.Sum(), matter: r.Case, effect: ok && b.IsEffect()}
}

func (e idEntry) encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 40+len(e.matter)), uint64(e.n))
	return append(append(b, e.digest[:]...), e.matter...)
}

func decodeID(b []byte) (e idEntry, err error) {
	if len(b) < 8+sha256.Size {
		return e, damaged("entry of an id has %d bytes, want at least %d", len(b), 8+sha256.Size)
	}
	e.n = int64(binary.BigEndian.Uint64(b))
	copy(e.digest[:], b[8:])
	e.matter = string(b[8+sha256.Size:])
	return e, nil
}

// A chainHead is the last record of a chain.
type chainHead struct{ ordinal, n int64 }

func (h chainHead) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(h.ordinal)), uint64(h.n))
}

func decodeChain(b []byte) (h chainHead, err error) {
	if len(b) != 16 {
		return h, damaged("head of a chain has %d bytes, want 16", len(b))
	}
	return chainHead{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, nil
}
