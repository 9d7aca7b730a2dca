package main

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A cheat is what a vendor might do to its own ledger, and how well it can
// hide it: it holds the log key, so it can sign any tree it likes.
type cheat struct {
	file string
	told string // what was done, for the reader
	do   func([]*record.Record) ([]*record.Record, error)
}

// demoCheats are tried on the records of an honest bundle. fact is a transferred ticket
// from before the checkpoint that the client holds; disputed is the ticket
// that the client has disputed since.
func demoCheats(fact, disputed ticket) []cheat {
	return []cheat{{
		file: "cheat-1-fact.bundle",
		told: fmt.Sprintf("A fact is changed: ticket %s was never transferred, the vendor now says, and drops\nthe handoff. The statement and the tree are computed anew, as if it had been so.", fact.id),
		do: func(records []*record.Record) ([]*record.Record, error) {
			r := find(records, "closed/"+fact.id)
			outcome, ok := r.Body.(*record.Outcome)
			if !ok {
				return nil, fmt.Errorf("record %s is of kind %s", r.ID, r.Kind)
			}
			outcome.Facts = record.Facts{record.Bool("solved", true), record.Bool("transferred", false)}
			records = slices.DeleteFunc(records, func(r *record.Record) bool { return r.ID == "handoff/"+fact.id })
			return records, resettle(records)
		},
	}, {
		file: "cheat-2-dropped.bundle",
		told: fmt.Sprintf("A record is dropped: the client's dispute of ticket %s, from after the checkpoint\nthat the client holds. The records after it are renumbered, and the ticket is billed.", disputed.id),
		do: func(records []*record.Record) ([]*record.Record, error) {
			records = slices.DeleteFunc(records, func(r *record.Record) bool { return r.ID == "dispute/"+disputed.id })
			return records, raise(records, "0.99", 1)
		},
	}, {
		file: "cheat-3-total.bundle",
		told: "The total is raised by 100.00, in the statement alone.",
		do: func(records []*record.Record) ([]*record.Record, error) {
			return records, raise(records, "100.00", 0)
		},
	}}
}

func find(records []*record.Record, id string) *record.Record {
	i := slices.IndexFunc(records, func(r *record.Record) bool { return r.ID == id })
	if i < 0 {
		panic("demo: no record " + id)
	}
	return records[i]
}

// resettle computes the statement anew, as an honest vendor would have on
// these records.
func resettle(records []*record.Record) error {
	relink(records)
	state := fee.New()
	for _, r := range records {
		if r.Kind != record.KindStatement {
			if err := state.Apply(r); err != nil {
				return err
			}
			continue
		}
		s, err := state.Settle(nil)
		if err != nil {
			return err
		}
		r.Body = s
		return nil
	}
	return errors.New("no statement")
}

// raise adds to the statement's only line and to its sums, by hand.
func raise(records []*record.Record, amount string, results int64) error {
	s, ok := records[len(records)-1].Body.(*record.Statement)
	if !ok {
		return errors.New("the last record is no statement")
	}
	more, err := exact.Parse(amount)
	if err != nil {
		return err
	}
	add := func(d *record.Decimal) {
		x, bad := exact.Parse(string(*d))
		text, fits := x.Add(more).Fixed(2)
		if bad != nil || !fits {
			err = fmt.Errorf("amount %q cannot be raised", *d)
			return
		}
		*d = record.Decimal(text)
	}
	line := &s.Lines[0]
	for _, d := range []*record.Decimal{&line.Amount, &line.Tiers[0].Amount, &s.Subtotal, &s.Total, &s.Grades[len(s.Grades)-1].Amount} {
		add(d)
	}
	if results != 0 {
		x, bad := exact.Parse(string(line.Quantity))
		if bad != nil {
			return bad
		}
		line.Quantity = record.Decimal(x.Add(exact.Int(results)).String())
		line.Tiers[0].Quantity = line.Quantity
		line.Records += results
		s.Counts = slices.DeleteFunc(s.Counts, func(c record.Count) bool { return c.Reason == "disputed" })
	}
	return err
}

// relink numbers the records anew and makes their chains fit.
func relink(records []*record.Record) {
	heads := map[string]record.Link{}
	for i, r := range records {
		log := &record.Log{N: int64(i), Time: r.Log.Time}
		for _, name := range record.Chains(r) {
			link := record.Link{Chain: name, Prev: -1}
			if head, ok := heads[name]; ok {
				link.Ordinal, link.Prev = head.Ordinal+1, head.Prev
			}
			log.Chains = append(log.Chains, link)
			heads[name] = record.Link{Ordinal: link.Ordinal, Prev: int64(i)}
		}
		r.Log = log
	}
}

// forge writes a bundle of records that were tampered with: a whole new tree,
// signed with the log key. The cosignature of the client is the one thing that
// the vendor cannot make.
func forge(w io.Writer, records []*record.Record, key ed25519.PrivateKey) error {
	relink(records)
	var tree merkle.Frontier
	lines := make([][]byte, len(records))
	for i, r := range records {
		line, err := record.Marshal(r)
		if err != nil {
			return err
		}
		lines[i] = line
		if err := tree.Append(merkle.LeafHash(line)); err != nil {
			return err
		}
	}
	signer, err := merkle.NewLogSigner(demoOrigin, key)
	if err != nil {
		return err
	}
	note, err := merkle.SignCheckpoint(merkle.Checkpoint{Origin: demoOrigin, Size: tree.Size(), Root: tree.Root()}, signer)
	if err != nil {
		return err
	}
	out, err := bundle.NewWriter(w, bundle.Header{Kind: "replay", Origin: demoOrigin, Records: int64(len(records)), Checkpoint: note})
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := out.Record(line); err != nil {
			return err
		}
	}
	return out.Close()
}

// bundleRecords reads the records of a bundle.
func bundleRecords(text []byte) ([]*record.Record, error) {
	in, err := bundle.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var records []*record.Record
	for {
		item, err := in.Next()
		if err == io.EOF {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		if item.Kind != bundle.RecordLine {
			continue
		}
		r, err := record.Parse(item.Line)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
}
