package fee

import (
	"cmp"
	"crypto/ed25519"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// addReceipt takes a receipt that proves what the client had seen: a
// checkpoint of this ledger, no larger than the ledger, with a cosignature by a
// key of the client. Any other is without effect, so that the operator cannot
// start silence by itself.
func (s *State) addReceipt(r *record.Record, b *record.Receipt) {
	note, err := merkle.ParseNote([]byte(strings.Join(b.Checkpoint, "\n") + "\n"))
	if err != nil || note.Checkpoint.Origin != s.standing.Origin() || note.Checkpoint.Size > r.Log.N {
		return
	}
	seconds, ok := s.cosigned(note)
	if !ok {
		return
	}
	// It starts silence neither before it is recorded as seen nor before the
	// client says that it saw it.
	at := max(s.instant(r), record.Time(seconds*1000))
	s.keepReceipt(receipt{note.Checkpoint.Size, at})
}

// keepReceipt keeps the receipts of which none covers as much as early as
// another.
func (s *State) keepReceipt(r receipt) {
	covers := func(a, b receipt) bool { return a.size >= b.size && a.at <= b.at }
	if slices.ContainsFunc(s.receipts, func(a receipt) bool { return covers(a, r) }) {
		return
	}
	s.receipts = slices.DeleteFunc(s.receipts, func(a receipt) bool { return covers(r, a) })
	i, _ := slices.BinarySearchFunc(s.receipts, r, func(a, b receipt) int { return cmp.Compare(a.size, b.size) })
	s.receipts = slices.Insert(s.receipts, i, r)
}

// clientKeys are the public keys of the client in any version of the terms.
func (s *State) clientKeys() []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	for _, v := range s.versions {
		for _, text := range v.terms.Client().Keys {
			if pub, err := record.ParsePublicKey(text); err == nil && !slices.ContainsFunc(keys, func(k ed25519.PublicKey) bool { return k.Equal(pub) }) {
				keys = append(keys, pub)
			}
		}
	}
	return keys
}

// cosigned is the earliest time of a cosignature by a key of the client.
func (s *State) cosigned(note merkle.Note) (seconds int64, ok bool) {
	text := []byte(note.Checkpoint.String())
	for _, line := range note.Lines {
		for _, pub := range s.clientKeys() {
			key, err := merkle.NewVerifierKey(line.Name, merkle.KindCosignature, pub)
			if err != nil || key.KeyHash() != line.KeyHash || !key.Verify(text, line.Signature) {
				continue
			}
			t := int64(binary.BigEndian.Uint64(line.Signature))
			if t <= int64(record.MaxTime)/1000 && (!ok || t < seconds) {
				seconds, ok = t, true
			}
		}
	}
	return seconds, ok
}
