package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger"
)

// A handedOver is a disclose record of the operator, and what proves it.
type handedOver struct {
	To      string `json:"to"`
	N       int64  `json:"n"`
	Receipt *int64 `json:"receipt,omitempty"` // n of the first receipt of that party that covers it
	At      string `json:"at,omitempty"`      // instant of that receipt
}

func (h handedOver) String() string {
	if h.Receipt == nil {
		return fmt.Sprintf("handed to %s by record %d, no receipt yet", h.To, h.N)
	}
	return fmt.Sprintf("delivered to %s at %s by records %d and %d", h.To, h.At, h.N, *h.Receipt)
}

// deliveries are the disclose records of the operator in a ledger, and the
// receipts of those to whom they hand something over.
type deliveries struct {
	disclosed map[record.Digest][]*record.Record // in ledger order
	receipts  map[string][]received              // by party, in the order of their instants
}

type received struct {
	n, size int64
	at      record.Time
}

// deliveriesSince reads what is behind record n. Whose key has cosigned is asked of the
// keys as they are known now.
func deliveriesSince(ctx context.Context, l *ledger.Ledger, n int64) (*deliveries, error) {
	d := &deliveries{map[record.Digest][]*record.Record{}, map[string][]received{}}
	var receipts []*record.Record
	var parties []string
	for line, err := range l.Records(ctx, n, l.Size()) {
		if err != nil {
			return nil, err
		}
		// Records are canonical: one of these kinds says so in these bytes.
		if !bytes.Contains(line, []byte(`"kind":"disclose"`)) && !bytes.Contains(line, []byte(`"kind":"receipt"`)) {
			continue
		}
		r, err := record.Parse(line)
		if err != nil {
			return nil, err
		}
		switch b := r.Body.(type) {
		case *record.Disclose:
			d.disclosed[b.Digest] = append(d.disclosed[b.Digest], r)
			if !slices.Contains(parties, b.To) {
				parties = append(parties, b.To)
			}
		case *record.Receipt:
			receipts = append(receipts, r)
		}
	}
	return d, l.State(func(s *fee.State) error {
		operator := s.Standing().Latest().Terms.Operator().ID
		for digest, list := range d.disclosed {
			d.disclosed[digest] = slices.DeleteFunc(list, func(r *record.Record) bool { return r.By != operator })
		}
		for _, party := range parties {
			for _, r := range receipts {
				if size, at, ok := fee.ReceivedBy(s.Standing(), party, r); ok {
					d.receipts[party] = append(d.receipts[party], received{r.Log.N, size, at})
				}
			}
			slices.SortStableFunc(d.receipts[party], func(a, b received) int { return int(min(1, max(-1, a.at-b.at))) })
		}
		return nil
	})
}

// of is how a piece of record n was handed over, the first time to each party.
func (d *deliveries) of(n int64, piece record.Digest) (list []handedOver) {
	for _, r := range d.disclosed[piece] {
		to := r.Body.(*record.Disclose).To
		if r.Log.N <= n || slices.ContainsFunc(list, func(h handedOver) bool { return h.To == to }) {
			continue
		}
		h := handedOver{To: to, N: r.Log.N}
		if i := slices.IndexFunc(d.receipts[to], func(x received) bool { return x.size > r.Log.N }); i >= 0 {
			x := d.receipts[to][i]
			h.Receipt, h.At = &x.n, x.at.String()
		}
		list = append(list, h)
	}
	return list
}
