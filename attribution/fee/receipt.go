package fee

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
)

// addReceipt takes a receipt that proves what the client had seen: a
// checkpoint of this ledger, no larger than the ledger, with a cosignature by a
// key of the client. Any other is without effect, so that the operator cannot
// start silence by itself.
func (s *State) addReceipt(r *record.Record) {
	if size, at, ok := ReceivedBy(s.standing, s.versions[len(s.versions)-1].terms.Client().ID, r); ok {
		s.keepReceipt(receipt{size, at})
	}
}

// ReceivedBy says what a receipt proves of a party: that it had seen the first
// size records at an instant. ok is false where it proves nothing of it, by the
// keys that standing knows.
func ReceivedBy(standing *terms.Standing, party string, r *record.Record) (size int64, at record.Time, ok bool) {
	b, ok := r.Body.(*record.Receipt)
	if !ok {
		return 0, 0, false
	}
	note, err := merkle.ParseNote([]byte(strings.Join(b.Checkpoint, "\n") + "\n"))
	if err != nil || note.Checkpoint.Origin != standing.Origin() || note.Checkpoint.Size > r.Log.N {
		return 0, 0, false
	}
	seconds, ok := cosigned(standing, party, note, standing.KeyInstant(r))
	if !ok {
		return 0, 0, false
	}
	// Neither before it is recorded as seen nor before the party says that it
	// saw it.
	at, _ = standing.Instant(r)
	return note.Checkpoint.Size, max(at, record.Time(seconds*1000)), true
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

// cosigned is the earliest time of a cosignature by a key of the party that
// is in force from then on until the receipt, at the least, is judged.
func cosigned(standing *terms.Standing, party string, note merkle.Note, judged record.Time) (seconds int64, ok bool) {
	text := []byte(note.Checkpoint.String())
	keys := standing.KeysInForce(party, judged)
	for _, line := range note.Lines {
		for _, pub := range keys {
			key, err := merkle.NewVerifierKey(line.Name, merkle.KindCosignature, pub)
			if err != nil || key.KeyHash() != line.KeyHash || !key.Verify(text, line.Signature) {
				continue
			}
			t := int64(binary.BigEndian.Uint64(line.Signature))
			if t > int64(record.MaxTime)/1000 || !standing.KeyInForce(record.Fingerprint(pub), max(judged, record.Time(t*1000))) {
				continue
			}
			if !ok || t < seconds {
				seconds, ok = t, true
			}
		}
	}
	return seconds, ok
}
