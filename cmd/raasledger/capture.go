package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/capture"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/mapping"
	"github.com/raasledger/raasledger/ledger"
)

// maxSaltKeyBytes is the longest secret that salts are derived from.
const maxSaltKeyBytes = 4096

// captured says what an import of transcripts or spans did.
type captured struct {
	Origin string `json:"origin"`
	capture.Counts
	Appended     int64 `json:"appended"`
	AlreadyThere int64 `json:"already_there"`
	Size         int64 `json:"size"`
}

// importCapture imports what an agent did, as the map in text says.
func importCapture(c *cli.Context, file string, text []byte) error {
	if c.IsSet("until") {
		return command.Usage("", "--until goes with a mapping of rows: a run is imported whole")
	}
	if err := command.Need(c, "a secret of 32 bytes or more, which keeps the contents behind their digests", "salt"); err != nil {
		return err
	}
	if c.String("salt") == "-" {
		return command.Usage("", "--salt is a file, which the next import needs again")
	}
	m, err := capture.Parse(text)
	if err != nil {
		return command.Refused("docs/capture.md describes every field", fmt.Errorf("%s: %w", c.String("map"), err))
	}
	key, err := command.ReadFile(c, c.String("salt"), maxSaltKeyBytes)
	if err != nil {
		return err
	}
	if len(key) < capture.MinSaltKeyBytes {
		return command.Failed("", fmt.Errorf("%s has %d bytes, want at least %d", c.String("salt"), len(key), capture.MinSaltKeyBytes))
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		ci := &capturing{Map: m, mapFile: c.String("map"), key: key,
			importing: &importing{ledger: l, file: file, now: record.Time(command.Now(c).UnixMilli())}}
		if file == "-" {
			ci.file = "stdin"
		}
		ci.open = func() (io.ReadCloser, error) { return command.Open(c, file) }
		done, err := ci.run(c.Context)
		if err != nil {
			if done.Appended > 0 {
				command.Say(c, "%s of the file are in the ledger; the same import goes on after them", count(done.Appended, "record"))
			}
			return err
		}
		if c.Bool("json") {
			return jsonLine(c, done)
		}
		return done.report(c)
	})
}

// A capturing is one import of transcripts or spans.
type capturing struct {
	*importing
	*capture.Map
	mapFile string
	key     []byte
}

// run reads the whole file, compares what is in the ledger already, and only
// then appends: no bad text and no record that changed since leaves a part of
// the file behind.
func (ci *capturing) run(ctx context.Context) (captured, error) {
	done := captured{Origin: ci.ledger.Origin()}
	err := ci.ledger.State(func(s *fee.State) error {
		for _, v := range s.Standing().Versions() {
			ci.delays = append(ci.delays, delay{v.Terms.From, v.Terms.RecordDelay})
			if err := ci.CheckTerms(v.Terms); err != nil {
				return command.Refused("docs/capture.md describes every field", fmt.Errorf("%s: %w", ci.mapFile, err))
			}
		}
		return nil
	})
	if err != nil {
		return done, err
	}
	if grant := ci.Grant; grant != "" {
		switch _, ok, err := ci.ledger.Find(grant); {
		case err != nil:
			return done, err
		case !ok:
			return done, command.Refused("", fmt.Errorf("%s: map: grant: there is no record %s in the ledger", ci.mapFile, grant))
		}
	}
	items, err := ci.items(&done)
	if err != nil {
		return done, err
	}
	all := len(items)
	if items, err = ci.fresh(ctx, items); err != nil {
		return done, err
	}
	done.AlreadyThere = int64(all - len(items))
	for len(items) > 0 {
		n := batchOf(items)
		if err := ci.append(ctx, items[:n], &done); err != nil {
			return done, err
		}
		items = items[n:]
	}
	done.Size = ci.ledger.Size()
	return done, nil
}

func (ci *capturing) items(done *captured) ([]capture.Item, error) {
	in, err := ci.open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := ci.unpacked(in)
	if err != nil {
		return nil, err
	}
	items, counts, err := ci.Records(text, capture.Settings{Origin: ci.ledger.Origin(), SaltKey: ci.key})
	if err != nil {
		return nil, ci.refused(err)
	}
	done.Counts = *counts
	return items, nil
}

// A stored is an item whose record the ledger has as record n, or another
// under its id.
type stored struct {
	n int64
	capture.Item
}

// fresh returns the items that the ledger does not have. It refuses records
// that the ledger would refuse, or date at their import.
func (ci *capturing) fresh(ctx context.Context, items []capture.Item) ([]capture.Item, error) {
	var fresh []capture.Item
	var there []stored
	for _, item := range items {
		r := item.Record
		if r.At > ci.now {
			return nil, ci.refusedRecord("", item, "is dated %s, and it is %s", r.At, ci.now)
		}
		n, ok, err := ci.ledger.Find(r.ID)
		if err != nil {
			return nil, err
		}
		if ok {
			there = append(there, stored{n, item})
			continue
		}
		if err := ci.check(mapping.Item{Record: r, Place: item.Place}); err != nil {
			return nil, err
		}
		fresh = append(fresh, item)
	}
	// Neighbours are read together: one by one each would unpack its group.
	slices.SortFunc(there, func(a, b stored) int { return cmp.Compare(a.n, b.n) })
	for len(there) > 0 {
		near := 1
		for near < len(there) && there[near].n-there[near-1].n <= nearRecords {
			near++
		}
		if err := ci.compareStored(ctx, there[:near]); err != nil {
			return nil, err
		}
		there = there[near:]
	}
	return fresh, nil
}

// nearRecords is how far apart records are that are read together.
const nearRecords = 64

func (ci *capturing) compareStored(ctx context.Context, there []stored) error {
	n := there[0].n
	for line, err := range ci.ledger.Records(ctx, n, there[len(there)-1].n+1) {
		if errors.Is(err, context.Canceled) {
			return errInterrupted
		}
		if err != nil {
			return err
		}
		if n == there[0].n {
			old, err := record.Parse(line)
			if err != nil {
				return err
			}
			want, err := record.ContentDigest(old)
			if err != nil {
				return err
			}
			got, err := record.ContentDigest(there[0].Record)
			if err != nil {
				return err
			}
			if got != want {
				return ci.refusedRecord("the data, the map or the salt has changed since", there[0].Item, "is there as record %d with other content", n)
			}
			there = there[1:]
		}
		n++
	}
	return nil
}

func (ci *capturing) refusedRecord(hint string, item capture.Item, format string, args ...any) error {
	return command.Refused(hint, fmt.Errorf("%s: %s: record %s %s", ci.file, item.Place, item.Record.ID, fmt.Sprintf(format, args...)))
}

// batchOf returns how many of the items go into the next Append: as many whole
// runs as fit, or what fits of a run that is larger.
func batchOf(items []capture.Item) int {
	bytes, whole := 0, 0
	for i, item := range items {
		if i > 0 && item.Run != items[i-1].Run {
			whole = i
		}
		bytes += item.Bytes + logBytes
		if bytes > maxAppendBytes {
			if whole > 0 {
				return whole
			}
			return max(i, 1)
		}
	}
	return len(items)
}

func (ci *capturing) append(ctx context.Context, items []capture.Item, done *captured) error {
	records := make([]*record.Record, len(items))
	for i, item := range items {
		records[i] = item.Record
	}
	_, err := ci.ledger.Append(ctx, records...)
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	if err != nil {
		if e, ok := errors.AsType[*ledger.BatchError](err); ok && e.Position < len(items) {
			return command.Refused("", fmt.Errorf("%s: %s: %w", ci.file, items[e.Position].Place, e.Err))
		}
		return err
	}
	done.Appended += int64(len(items))
	return nil
}

func (d captured) report(c *cli.Context) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	if d.Spans > 0 {
		line("traces", "%d, with %d spans: %d are pointers only, %d marked as dropped or truncated, %d there twice", d.Runs, d.Spans, d.Pointers, d.Marked, d.Repeated)
	} else {
		line("runs", "%d, %d of them empty, with %s", d.Runs, d.Empty, count(d.Messages, "message"))
	}
	line("tool calls", "%d: %d failed, %d without a result, %d by users", d.ToolCalls, d.Failed, d.Unsettled, d.ByUser)
	line("decisions", "%d", d.Decisions)
	line("actions", "%d, %d of them effects", d.Actions, d.Effects)
	line("handoffs", "%d", d.Handoffs)
	line("beside", "%s, %s, %s", count(d.Configs, "config"), count(d.Inputs, "input"), count(d.Measured, "measurement"))
	line("appended", "%s, %d were there already", count(d.Appended, "record"), d.AlreadyThere)
	line("ledger", "%s, size %d", d.Origin, d.Size)
	return command.Report(c, "%s", b.String())
}
