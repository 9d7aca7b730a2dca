package story

import (
	"crypto/ed25519"
	"crypto/sha256"

	"github.com/raasledger/raasledger/attribution/record"
)

// Key is a key of a story: "vendor", "client", "third", "arbiter" of the party with that role, "log" of the
// ledger. Everybody can make it: it proves nothing.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("raasledger demo " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// A Signer signs a party's records, each with its place in the sequence of
// the key and the digests of what it refers to.
type Signer struct {
	Key  ed25519.PrivateKey
	next record.Author
}

// Sign signs r for the ledger origin; cited are the content digests of the
// records before it, by id.
func (s *Signer) Sign(r *record.Record, origin string, cited map[string]record.Digest) error {
	author := s.next
	r.Author = &author
	seen := map[string]bool{}
	for _, ref := range record.References(r) {
		if !seen[ref.ID] {
			seen[ref.ID] = true
			r.Cites = append(r.Cites, record.Cite{ID: ref.ID, Digest: cited[ref.ID]})
		}
	}
	if err := record.Sign(r, origin, s.Key); err != nil {
		return err
	}
	digest, err := record.ContentDigest(r)
	s.next = record.Author{Seq: author.Seq + 1, Prev: digest}
	return err
}
