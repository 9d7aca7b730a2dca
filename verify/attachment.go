package verify

import (
	"crypto/sha256"
	"hash"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/verify/bundle"
)

// An evidence follows the disclosures and attachments of one record.
type evidence struct {
	r     *record.Record
	name  string // of the attachment being read, "" between them
	sum   hash.Hash
	bytes int64

	committed, carried int64 // attachments
	sealed, disclosed  int64 // fields
}

// begin takes the next record.
func (e *evidence) begin(r *record.Record) {
	e.r = r
	e.committed += int64(len(r.Attach))
	e.sealed += int64(len(r.Sealed))
}

// disclose takes a disclosure of the record.
func (e *evidence) disclose(t *tally, text string) {
	e.disclosed++
	if d := record.Sum([]byte(text)); !slices.Contains(e.r.Sealed, d) {
		t.fail("record %d: the disclosure with digest %s is not one of its %d sealed fields", e.r.Log.N, d, len(e.r.Sealed))
	}
}

// chunk takes a part of an attachment of the record.
func (e *evidence) chunk(it bundle.Item) {
	if it.First {
		e.name, e.bytes = it.Text, 0
		if e.sum == nil {
			e.sum = sha256.New()
		}
		e.sum.Reset()
	}
	e.sum.Write(it.Chunk)
	e.bytes += int64(len(it.Chunk))
}

// end compares the attachment that was read, if one was.
func (e *evidence) end(t *tally) {
	if e.name == "" {
		return
	}
	name := e.name
	e.name = ""
	e.carried++
	contentBytes := e.bytes - bundle.SaltBytes
	i := slices.IndexFunc(e.r.Attach, func(a record.Attachment) bool { return a.Name == name })
	if i < 0 {
		t.fail("record %d: attachment %q is carried, and the record has none of that name", e.r.Log.N, name)
		return
	}
	a := e.r.Attach[i]
	if a.Size != contentBytes {
		t.fail("record %d: attachment %q has %d bytes, want %d", e.r.Log.N, name, contentBytes, a.Size)
	}
	var sum [sha256.Size]byte
	e.sum.Sum(sum[:0])
	if want, ok := a.Digest.Bytes(); !ok || want != sum {
		t.fail("record %d: attachment %q has the digest sha256:%x, want %s", e.r.Log.N, name, sum, a.Digest)
	}
}
