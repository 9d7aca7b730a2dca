package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
				command.Say(c, "%s of whole runs are in the ledger; the same import goes on after them", count(done.Appended, "record"))
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
	for _, item := range items {
		if err := ci.compare(item); err != nil {
			return done, err
		}
	}
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

// compare refuses a record that the ledger would refuse, or date at its
// import.
func (ci *capturing) compare(item capture.Item) error {
	r := item.Record
	refused := func(hint, format string, args ...any) error {
		return command.Refused(hint, fmt.Errorf("%s: %s: record %s %s", ci.file, item.Place, r.ID, fmt.Sprintf(format, args...)))
	}
	if r.At > ci.now {
		return refused("", "is dated %s, and it is %s", r.At, ci.now)
	}
	n, ok, err := ci.ledger.Find(r.ID)
	if err != nil {
		return err
	}
	if !ok {
		return ci.check(mapping.Item{Record: r, Place: item.Place})
	}
	line, err := ci.ledger.Get(n)
	if err != nil {
		return err
	}
	there, err := record.Parse(line)
	if err != nil {
		return err
	}
	want, err := record.ContentDigest(there)
	if err != nil {
		return err
	}
	got, err := record.ContentDigest(r)
	if err != nil {
		return err
	}
	if got != want {
		return refused("the data, the map or the salt has changed since", "is there as record %d with other content", n)
	}
	return nil
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
	size := ci.ledger.Size()
	ns, err := ci.ledger.Append(ctx, records...)
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	if err != nil {
		if e, ok := errors.AsType[*ledger.BatchError](err); ok && e.Position < len(items) {
			return command.Refused("", fmt.Errorf("%s: %s: %w", ci.file, items[e.Position].Place, e.Err))
		}
		return err
	}
	for _, n := range ns {
		if n < size {
			done.AlreadyThere++
		} else {
			done.Appended++
		}
	}
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
