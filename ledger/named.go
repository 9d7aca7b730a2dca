package ledger

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// namesEvidence reports whether a record names pieces of evidence that another
// one commits to: what it erases, or what it answers a demand with.
func namesEvidence(b record.Body) bool {
	switch b := b.(type) {
	case *record.Erase:
		return len(b.Scope) > 0
	case *record.Disclose:
		return b.Demand != ""
	}
	return false
}

// checkEvidence checks that the pieces of evidence that r names are those of the
// record it names: among the records of the call, or stored.
func (l *Ledger) checkEvidence(call []*record.Record, r *record.Record) error {
	find := func(id string) (*record.Record, error) {
		if i := slices.IndexFunc(call, func(r *record.Record) bool { return r.ID == id }); i >= 0 {
			return call[i], nil
		}
		n, ok, err := l.Find(id)
		if err == nil && !ok {
			err = damaged("%s: record %s is not indexed", l.origin, id)
		}
		if err != nil {
			return nil, err
		}
		return l.recordAt(n)
	}
	switch b := r.Body.(type) {
	case *record.Erase:
		of, err := find(b.Of)
		if err != nil {
			return err
		}
		return record.CheckScope(r, b, of)
	case *record.Disclose:
		demand, err := find(b.Demand)
		if err != nil {
			return err
		}
		d, ok := demand.Body.(*record.Demand)
		if !ok {
			return &record.Refusal{Check: "attachments", N: -1, ID: r.ID, Field: "body.demand", Reason: fmt.Sprintf("is %s, of kind %s, want a demand", b.Demand, demand.Kind)}
		}
		of, err := find(d.Of)
		if err != nil {
			return err
		}
		return record.CheckAnswer(r, b, demand, of)
	}
	return nil
}
