package verify

import (
	"crypto/sha256"
	"hash/maphash"

	"github.com/raasledger/raasledger/attribution/record"
)

// known is what is kept of each record for those that refer to it: enough to
// compare, in about 75 bytes, and no text. It compares by hashes with secrets of
// this run, which nobody who writes a bundle can aim at: 128 bits of the id, 64
// of what is compared once an id is found.
type known struct {
	seeds [2]maphash.Seed
	of    map[[2]uint64]target
}

// A target is a record that others may refer to.
type target struct {
	n       int64
	matter  uint64 // of its case, 0 where it has none
	content uint64 // of its digest
	effect  bool   // an action that was executed and is no read
}

func newKnown() known {
	return known{[2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, map[[2]uint64]target{}}
}

func (k *known) key(id string) [2]uint64 {
	return [2]uint64{maphash.String(k.seeds[0], id), maphash.String(k.seeds[1], id)}
}

func (k *known) find(id string) (target, bool) {
	t, ok := k.of[k.key(id)]
	return t, ok
}

// add keeps a record with the SHA-256 of its content. Of two with one id the
// later one stays.
func (k *known) add(r *record.Record, sum [sha256.Size]byte) { k.of[k.key(r.ID)] = k.target(r, sum) }

func (k *known) target(r *record.Record, sum [sha256.Size]byte) target {
	b, ok := r.Body.(*record.Action)
	return target{r.Log.N, k.matterOf(r.Case), k.contentOf(sum), ok && b.IsEffect()}
}

func (k *known) matterOf(id string) uint64 {
	if id == "" {
		return 0
	}
	return maphash.String(k.seeds[0], id) | 1
}

func (k *known) contentOf(sum [sha256.Size]byte) uint64 {
	return maphash.Bytes(k.seeds[0], sum[:])
}

// isContent reports whether the content of a record has the digest.
func (k *known) isContent(t target, d record.Digest) bool {
	sum, ok := d.Bytes()
	return ok && t.content == k.contentOf(sum)
}

// content is the SHA-256 of the content of a record, whose line this is.
func (v *verifier) content(r *record.Record, line []byte) [sha256.Size]byte {
	v.buffer = record.AppendContent(v.buffer[:0], r, line)
	return sha256.Sum256(v.buffer)
}
