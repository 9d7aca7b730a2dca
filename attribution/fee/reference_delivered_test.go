package fee

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// What the second computation knows of receipts and of evidence that must be
// delivered, from docs/settlement.md.

// noTime is an instant that does not come.
const noTime = record.Time(1 << 60)

// refCovered is the instant of the earliest receipt of the client that covers
// record n, -1 if there is none.
func refCovered(n int64, records []*record.Record, instant func(*record.Record) record.Time) record.Time {
	receipt := record.Time(-1)
	for _, r := range records {
		b, ok := r.Body.(*record.Receipt)
		if !ok {
			continue
		}
		size, _ := strconv.ParseInt(b.Checkpoint[1], 10, 64)
		if size <= n || size > r.Log.N {
			continue
		}
		for _, line := range b.Checkpoint[4:] {
			words := strings.Split(line, " ")
			if words[1] != "client.example/witness" {
				continue
			}
			sig, _ := base64.StdEncoding.DecodeString(words[2])
			at := max(instant(r), record.Time(binary.BigEndian.Uint64(sig[4:])*1000))
			if receipt < 0 || at < receipt {
				receipt = at
			}
		}
	}
	return receipt
}

// refDelivered asks of each piece on its own when the client had it, and gives
// the latest of these instants: t0 where none must be delivered.
func refDelivered(x *refResult, records []*record.Record, instant func(*record.Record) record.Time) record.Time {
	all := x.t0
	if x.r.By == "client" || !refEvidence(x) {
		return all
	}
	for _, a := range x.r.Attach {
		if !slices.Contains(x.rule.Delivered, a.Name) {
			continue
		}
		had := noTime
		for _, r := range records {
			b, ok := r.Body.(*record.Disclose)
			if !ok || r.Log.N <= x.n || r.By != "vendor" || b.To != "client" || b.Digest != a.Digest {
				continue
			}
			if at := refCovered(r.Log.N, records, instant); at >= 0 {
				had = at
			}
			break // a later one proves nothing that the first does not
		}
		all = max(all, had)
	}
	return all
}
