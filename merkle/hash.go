package merkle

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Bounds of this package, all in one place. Each is tested before memory is
// taken for what it bounds.
const (
	// MaxSize is the largest size of a tree: the largest integer that every
	// JSON reader holds exactly, and far beyond what one ledger can fill.
	MaxSize = 1<<53 - 1

	// MaxNameBytes is the longest origin and key name. Cosignatures of the
	// coming kind carry the length of a name in one byte.
	MaxNameBytes = 255

	// MaxNoteBytes is the longest signed checkpoint. It leaves room for
	// post-quantum lines of others, which take 3 to 5 kB each.
	MaxNoteBytes = 128 << 10

	// MaxNoteLines is the largest number of signature lines in one note.
	MaxNoteLines = 64

	// maxLevels is how many levels of complete subtrees a tree can have.
	maxLevels = 53
)

// A Hash is the SHA-256 hash of a leaf or of a node.
type Hash [sha256.Size]byte

// EmptyRoot is the root of the tree of size 0: the hash of no bytes.
var EmptyRoot = Hash(sha256.Sum256(nil))

// hashChars is the length of the text form of a Hash.
const hashChars = 44

// String returns the hash in standard base64 with padding, 44 characters.
func (h Hash) String() string {
	return base64.StdEncoding.EncodeToString(h[:])
}

// ParseHash parses exactly what [Hash.String] writes.
func ParseHash(text string) (Hash, error) {
	if len(text) != hashChars {
		return Hash{}, fmt.Errorf("hash has %d characters, want %d", len(text), hashChars)
	}
	var h Hash
	// A text without its padding would decode to 33 bytes. The decoder skips
	// line ends, but 32 bytes take all of the 44 characters.
	var raw [hashChars / 4 * 3]byte
	n, err := base64.StdEncoding.Strict().Decode(raw[:], []byte(text))
	if err != nil {
		return Hash{}, fmt.Errorf("hash %q is not base64", text)
	}
	if n != len(h) {
		return Hash{}, fmt.Errorf("hash %q has %d bytes, want %d", text, n, len(h))
	}
	copy(h[:], raw[:])
	return h, nil
}

// LeafHash returns the hash of a record as a leaf: SHA-256 of a zero byte and
// the record.
func LeafHash(record []byte) Hash {
	h := sha256.New() // stays on the stack
	h.Write([]byte{0})
	h.Write(record)
	var leaf Hash
	h.Sum(leaf[:0])
	return leaf
}

// NodeHash returns the hash of an inner node: SHA-256 of a one byte, the left
// and the right child.
func NodeHash(left, right Hash) Hash {
	var buf [1 + 2*sha256.Size]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+sha256.Size:], right[:])
	return sha256.Sum256(buf[:])
}
