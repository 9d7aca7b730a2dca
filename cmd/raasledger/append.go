package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
)

// maxAppendBytes is what one Append call may hold.
const maxAppendBytes = 1 << 20

func appendCommand() *cli.Command {
	return &cli.Command{
		Name:  "append",
		Usage: "append records from stdin, all or none",
		Description: `stdin is JSON Lines: one record a line, without "log". Names may stand in
any order, but a record that carries signatures stands as it was signed. A
record that is there already keeps its number, so that running the same
append again does no harm.

Examples:
    raasledger append --db store < records.jsonl
    zcat many.jsonl.gz | raasledger append --db store --batch 500`,
		Flags: append(storeFlags(),
			&cli.Int64Flag{Name: "batch", Usage: "append `N` lines at a time, each batch all or none; without it all lines are one batch of at most 1 MiB", DefaultText: "all"},
			jsonFlag()),
		Action: appendRecords,
	}
}

// A batch is the lines that are to be appended together.
type batch struct {
	records []*record.Record
	lines   []int // of the input, from 1
	bytes   int
}

// An appended counts what append did.
type appended struct {
	Records int64  `json:"records"` // lines whose records are in the ledger
	First   int64  `json:"first"`   // lowest and highest index among them
	Last    int64  `json:"last"`
	Size    int64  `json:"size"`
	There   int64  `json:"already_there"` // of the records
	Origin  string `json:"origin"`

	lines int // input lines done
}

func appendRecords(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	most := int64(0)
	if c.IsSet("batch") {
		if most = c.Int64("batch"); most < 1 {
			return command.Usage("", "--batch is %d, want at least 1", most)
		}
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		done := appended{First: -1, Last: -1, Origin: l.Origin()}
		show, wipe := command.Progress(c, "records")
		err := readBatches(c, most, func(b *batch) error {
			if err := done.append(c, l, b); err != nil {
				return err
			}
			show(done.Records, 0)
			return nil
		})
		wipe()
		if err != nil {
			if done.lines > 0 {
				command.Say(c, "lines 1 to %d are appended, nothing after them", done.lines)
			}
			return err
		}
		done.Size = l.Size()
		if c.Bool("json") {
			text, err := json.Marshal(done)
			if err != nil {
				return err
			}
			return command.Report(c, "%s\n", text)
		}
		if done.Records == 0 {
			return command.Report(c, "%s: nothing to append, size %d\n", done.Origin, done.Size)
		}
		there := ""
		if done.There > 0 {
			there = fmt.Sprintf(" (%d there already)", done.There)
		}
		return command.Report(c, "%s: %s%s, n %d to %d, size %d\n", done.Origin, count(done.Records, "record"), there, done.First, done.Last, done.Size)
	})
}

func (a *appended) append(c *cli.Context, l *ledger.Ledger, b *batch) error {
	size := l.Size()
	n, err := l.Append(c.Context, b.records...)
	if err != nil {
		if e, ok := errors.AsType[*ledger.BatchError](err); ok && e.Position < len(b.lines) {
			return refusedLine(b.lines[e.Position], e.Err)
		}
		if len(b.lines) == 1 {
			if _, ok := errors.AsType[*record.Refusal](err); ok {
				return refusedLine(b.lines[0], err)
			}
		}
		return err
	}
	for _, i := range n {
		if a.First < 0 || i < a.First {
			a.First = i
		}
		a.Last = max(a.Last, i)
		if i < size {
			a.There++
		}
	}
	a.Records += int64(len(n))
	a.lines = b.lines[len(b.lines)-1]
	return nil
}

func refusedLine(line int, err error) error {
	return command.Refused("", fmt.Errorf("line %d: %w", line, err))
}

// readBatches reads stdin and hands over batches of at most `most` lines, or
// one batch of all where it is 0. Nothing of a batch is handed over before
// its last line was read.
func readBatches(c *cli.Context, most int64, do func(*batch) error) error {
	in, err := command.Open(c, "-")
	if err != nil {
		return err
	}
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 65536), command.MaxLineBytes)
	b := &batch{}
	line := 0
	for scanner.Scan() {
		line++
		text := scanner.Bytes()
		if len(bytes.TrimSpace(text)) == 0 {
			return refusedLine(line, errors.New("is empty"))
		}
		r, err := command.ParseLine(text)
		if err != nil {
			return refusedLine(line, err)
		}
		b.bytes += len(text)
		if b.bytes > maxAppendBytes {
			hint := "--batch N appends N lines at a time"
			if most > 0 {
				hint = "give a smaller --batch"
			}
			return command.Refused(hint, fmt.Errorf("line %d: the batch has more than %d bytes", line, maxAppendBytes))
		}
		b.records, b.lines = append(b.records, r), append(b.lines, line)
		if int64(len(b.records)) == most {
			if err := do(b); err != nil {
				return err
			}
			b = &batch{}
		}
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		return refusedLine(line+1, fmt.Errorf("has more than %d bytes", command.MaxLineBytes))
	} else if err != nil {
		return err
	}
	if len(b.records) == 0 {
		return nil
	}
	return do(b)
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
