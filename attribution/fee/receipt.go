package fee

import (
	"cmp"
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
	// It starts silence neither before it is recorded as seen nor before the
	// client says that it saw it.
	if seconds, ok := s.cosigned(note, s.standing.KeyInstant(r)); ok {
		s.keepReceipt(receipt{note.Checkpoint.Size, max(s.instant(r), record.Time(seconds*1000))})
	}
}

// keepReceipt keeps the receipts of which none covers as much as early as
// another: the larger the size, the later.
func (s *State) keepReceipt(r receipt) {
	lo, _ := slices.BinarySearchFunc(s.receipts, r, func(a, b receipt) int { return cmp.Compare(a.size, b.size) })
	hi := lo
	if lo < len(s.receipts) {
		if s.receipts[lo].at <= r.at {
			return
		}
		if s.receipts[lo].size == r.size {
			hi++
		}
	}
	for lo > 0 && s.receipts[lo-1].at >= r.at {
		lo--
	}
	s.receipts = slices.Replace(s.receipts, lo, hi, r)
}

// cosigned is the earliest time of a cosignature by a key of the client that
// is in force from then on until the receipt, at the least, is judged.
func (s *State) cosigned(note merkle.Note, judged record.Time) (seconds int64, ok bool) {
	text := []byte(note.Checkpoint.String())
	keys := s.standing.KeysInForce(s.versions[len(s.versions)-1].terms.Client().ID, judged)
	for _, line := range note.Lines {
		for _, pub := range keys {
			key, err := merkle.NewVerifierKey(line.Name, merkle.KindCosignature, pub)
			if err != nil || key.KeyHash() != line.KeyHash || !key.Verify(text, line.Signature) {
				continue
			}
			t := int64(binary.BigEndian.Uint64(line.Signature))
			if t > int64(record.MaxTime)/1000 || !s.standing.KeyInForce(record.Fingerprint(pub), max(judged, record.Time(t*1000))) {
				continue
			}
			if !ok || t < seconds {
				seconds, ok = t, true
			}
		}
	}
	return seconds, ok
}
