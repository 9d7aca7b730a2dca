package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/capture"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/mapping"
	"github.com/raasledger/raasledger/ledger"
)

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "append records made from rows, chat transcripts or spans",
		ArgsUsage: "FILE",
		Description: `The mapping says which column is the case, the time and the facts, which rows
are one outcome, and which take an earlier one back: docs/import.md. A map of
format transcript, otlp or agentops makes records of what an agent did:
docs/capture.md. FILE is read through gzip where its name ends in .gz; - is
stdin.

A row that the mapping does not understand stops the import before anything is
appended (from stdin: before anything of its batch is). Importing the same
file again appends only what is not there yet.

Examples:
    raasledger import --db store --map orders.yaml orders.csv.gz
    raasledger import --db store --map orders.yaml --until 2011-01-16T00:00:00Z orders.csv.gz
    raasledger import --db store --map care.yaml --salt salt.key runs.json.gz`,
		Flags: append(storeFlags(),
			&cli.StringFlag{Name: "map", Usage: "the mapping in `FILE`"},
			&cli.StringFlag{Name: "salt", Usage: "derive the salts of contents from the secret in `FILE`, for transcripts and spans"},
			&cli.StringFlag{Name: "until", Usage: "only records before `INSTANT`, like 2026-04-01T00:00:00Z"},
			&cli.BoolFlag{Name: "progress", Usage: "show progress even where stderr is not a terminal"},
			jsonFlag()),
		Action: importRows,
	}
}

func importRows(c *cli.Context) error {
	args, err := command.Args(c, "FILE")
	if err != nil {
		return err
	}
	if err := command.Need(c, "", "map"); err != nil {
		return err
	}
	if args[0] == "-" && c.String("map") == "-" {
		return command.Usage("", "--map and FILE cannot both be stdin")
	}
	until := record.Time(math.MaxInt64)
	if c.IsSet("until") {
		t, err := time.Parse(time.RFC3339Nano, c.String("until"))
		if err != nil || t.Nanosecond()%1_000_000 != 0 {
			return command.Usage("", "--until is %q, want an instant like 2026-04-01T00:00:00Z", c.String("until"))
		}
		until = record.TimeOf(t)
	}
	text, err := command.ReadFile(c, c.String("map"), mapping.MaxMappingBytes)
	if err != nil {
		return err
	}
	if capture.Knows(text) {
		return importCapture(c, args[0], text)
	}
	if c.IsSet("salt") {
		return command.Usage("docs/capture.md tells what it is for", "--salt goes with a map of transcripts or spans, not with a mapping of rows")
	}
	m, err := mapping.Parse(text)
	if err != nil {
		return command.Refused("docs/import.md describes every field", fmt.Errorf("%s: %w", c.String("map"), err))
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		im := &importing{ledger: l, mapping: m, mappingFile: c.String("map"), file: args[0], until: until, now: record.Time(command.Now(c).UnixMilli())}
		if im.file == "-" {
			im.file, im.once = "stdin", true
		}
		im.open = func() (io.ReadCloser, error) { return command.Open(c, args[0]) }
		im.show = progress(c, args[0])
		err := im.run(c.Context)
		im.show("", 0, 0)
		if err != nil {
			if done := im.done.Appended; done > 0 {
				command.Say(c, "%s of the rows before are in the ledger; the same import goes on after them", count(done, "record"))
			}
			return err
		}
		if c.Bool("json") {
			return jsonLine(c, im.done)
		}
		return im.report(c)
	})
}

// An importing is one import of a file into a ledger.
type importing struct {
	ledger      *ledger.Ledger
	mapping     *mapping.Mapping
	mappingFile string
	file        string // its name
	once        bool   // it can be read once only
	open        func() (io.ReadCloser, error)
	until       record.Time
	now         record.Time
	show        func(what string, bytes, rows int64)
	done        imported

	delays []delay
	batch  []mapping.Item
	bytes  int
}

// imported says what an import did.
type imported struct {
	Origin       string `json:"origin"`
	Rows         int64  `json:"rows"`
	LeftOut      int64  `json:"left_out"`
	Outcomes     int64  `json:"outcomes"`
	Full         int64  `json:"full_reversals"`
	Partial      int64  `json:"partial_reversals"`
	Unmatched    int64  `json:"unmatched"`
	Measurements int64  `json:"measurements"`
	Later        int64  `json:"later"`
	Appended     int64  `json:"appended"`
	AlreadyThere int64  `json:"already_there"`
	Size         int64  `json:"size"`
}

// A delay is the record delay of a version of the agreement.
type delay struct {
	from record.Time
	most terms.Duration
}

// logBytes is more than the ledger adds to a record.
const logBytes = 512

// run imports the file. A file is read twice, first only to see that every
// row is understood, unless the mapping sees to that itself. What was appended
// before an error stays.
func (im *importing) run(ctx context.Context) error {
	im.done.Origin = im.ledger.Origin()
	err := im.ledger.State(func(s *fee.State) error {
		for _, v := range s.Standing().Versions() {
			im.delays = append(im.delays, delay{v.Terms.From, v.Terms.RecordDelay})
			if err := im.mapping.CheckTerms(v.Terms); err != nil {
				return command.Refused("docs/import.md describes every field", fmt.Errorf("%s: %w", im.mappingFile, err))
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	limited := slices.ContainsFunc(im.delays, func(d delay) bool { return d.most != terms.Unlimited })
	if !im.once && (limited || !im.mapping.Holds()) {
		if err := im.read("checking", im.check); err != nil {
			return err
		}
	}
	im.done = imported{Origin: im.done.Origin}
	err = im.read("importing", func(item mapping.Item) error {
		if err := im.check(item); err != nil {
			return err
		}
		if im.bytes+item.Bytes+logBytes > maxAppendBytes {
			if err := im.append(ctx); err != nil {
				return err
			}
		}
		im.batch = append(im.batch, item)
		im.bytes += item.Bytes + logBytes
		return nil
	})
	if err != nil {
		return err
	}
	if err := im.append(ctx); err != nil {
		return err
	}
	im.done.Size = im.ledger.Size()
	return nil
}

// read hands every record of the file to do.
func (im *importing) read(what string, do func(mapping.Item) error) error {
	in, err := im.open()
	if err != nil {
		return err
	}
	defer in.Close()
	counted := &countingReader{r: in}
	rows, err := im.unpacked(counted)
	if err != nil {
		return err
	}
	reading, err := im.mapping.Read(rows, im.until)
	if err != nil {
		return im.refused(err)
	}
	for item, err := range reading.Records() {
		if err != nil {
			return im.refused(err)
		}
		if err := do(item); err != nil {
			return err
		}
		im.show(what, counted.n, reading.Counts.Rows)
	}
	im.done.Rows, im.done.LeftOut, im.done.Later = reading.Counts.Rows, reading.Counts.LeftOut, reading.Counts.Later
	return nil
}

// unpacked reads through gzip where the file's name says so.
func (im *importing) unpacked(in io.Reader) (io.Reader, error) {
	if !strings.HasSuffix(im.file, ".gz") {
		return in, nil
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, command.Refused("", fmt.Errorf("%s: %w", im.file, err))
	}
	return unzipped, nil
}

var errInterrupted = command.Failed("the same import again goes on where it ended", errors.New("interrupted"))

// refused is an error of reading rows: of the file's text, unless the command
// was interrupted or the file could not be read.
func (im *importing) refused(err error) error {
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	err = fmt.Errorf("%s: %w", im.file, err)
	if _, ok := errors.AsType[*os.PathError](err); ok {
		return err
	}
	return command.Refused("", err)
}

// check refuses a record that the agreement would date at its import: the
// mapping has to say that it is history. One that is in the ledger already
// was young enough when it was appended.
func (im *importing) check(item mapping.Item) error {
	r := item.Record
	if r.Backfilled || len(im.delays) == 0 {
		return nil
	}
	governing := im.delays[0]
	for _, d := range im.delays {
		if d.from <= r.At {
			governing = d
		}
	}
	age := im.now - r.At
	if governing.most == terms.Unlimited || age <= record.Time(governing.most) {
		return nil
	}
	if _, ok, err := im.ledger.Find(r.ID); err != nil || ok {
		return err
	}
	return command.Refused("say backfilled: true in the mapping, where the agreement accepts it",
		fmt.Errorf("%s: %s: record %s is dated %s, which is longer ago than the agreement's record delay", im.file, item.Place, r.ID, r.At))
}

// append appends the batch.
func (im *importing) append(ctx context.Context) error {
	if len(im.batch) == 0 {
		return nil
	}
	records := make([]*record.Record, len(im.batch))
	for i, item := range im.batch {
		records[i] = item.Record
	}
	size := im.ledger.Size()
	n, err := im.ledger.Append(ctx, records...)
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	if err != nil {
		if e, ok := errors.AsType[*ledger.BatchError](err); ok && e.Position < len(im.batch) {
			return command.Refused("", fmt.Errorf("%s: %s: %w", im.file, im.batch[e.Position].Place, e.Err))
		}
		if len(im.batch) == 1 {
			if _, ok := errors.AsType[*record.Refusal](err); ok {
				return command.Refused("", fmt.Errorf("%s: %s: %w", im.file, im.batch[0].Place, err))
			}
		}
		return err
	}
	for i, item := range im.batch {
		switch item.Class {
		case mapping.ClassOutcome:
			im.done.Outcomes++
		case mapping.ClassFull:
			im.done.Full++
		case mapping.ClassPartial:
			im.done.Partial++
		case mapping.ClassUnmatched:
			im.done.Unmatched++
		case mapping.ClassMeasurement:
			im.done.Measurements++
		default:
			return fmt.Errorf("%s: %s: class %q", im.file, item.Place, item.Class)
		}
		if n[i] < size {
			im.done.AlreadyThere++
		} else {
			im.done.Appended++
		}
	}
	im.batch, im.bytes = im.batch[:0], 0
	return nil
}

func (im *importing) report(c *cli.Context) error {
	d := im.done
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("rows", "%d, %d left out", d.Rows, d.LeftOut)
	line("outcomes", "%d", d.Outcomes)
	line("reversals", "%d in full, %d in part, %d unmatched and kept as measurements", d.Full, d.Partial, d.Unmatched)
	if d.Measurements > 0 {
		line("measurements", "%d", d.Measurements)
	}
	if c.IsSet("until") {
		line("later", "%s at or after %s, not imported", count(d.Later, "record"), im.until)
	}
	line("appended", "%s, %d were there already", count(d.Appended, "record"), d.AlreadyThere)
	line("ledger", "%s, size %d", d.Origin, d.Size)
	return command.Report(c, "%s", b.String())
}

type countingReader struct {
	r io.Reader
	n int64
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	return n, err
}

// progress returns a function that shows on stderr how far the import is;
// an empty what wipes that away.
func progress(c *cli.Context, file string) func(what string, bytes, rows int64) {
	f, ok := c.App.ErrWriter.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	if !terminal && !c.Bool("progress") {
		return func(string, int64, int64) {}
	}
	m := &meter{out: c.App.ErrWriter, name: c.App.Name, terminal: terminal}
	if info, err := os.Stat(file); err == nil && file != "-" {
		m.length = info.Size()
	}
	// The real clock: the app's may stand still.
	return func(what string, bytes, rows int64) { m.show(time.Now(), what, bytes, rows) }
}

// A meter shows how far something is, how fast, and how long it will still
// take where the length is known. On a terminal it keeps to one line.
type meter struct {
	out      io.Writer
	name     string
	terminal bool
	length   int64 // in bytes, 0 if not known

	what        string
	began, last time.Time
	shown       bool
}

func (m *meter) show(now time.Time, what string, bytes, rows int64) {
	if what == "" {
		if m.shown && m.terminal {
			fmt.Fprint(m.out, "\r\x1b[K")
		}
		return
	}
	if what != m.what {
		m.what, m.began, m.last = what, now, now
	}
	every := time.Second
	if m.terminal {
		every = 200 * time.Millisecond
	}
	if now.Sub(m.last) < every {
		return
	}
	m.last, m.shown = now, true
	text := fmt.Sprintf("%s: %s %s, %.0f a second", m.name, what, count(rows, "row"), float64(rows)/now.Sub(m.began).Seconds())
	if bytes > 0 && m.length >= bytes {
		left := time.Duration(float64(now.Sub(m.began)) * float64(m.length-bytes) / float64(bytes))
		text += fmt.Sprintf(", %d %%, %s left", bytes*100/m.length, left.Round(time.Second))
	}
	if m.terminal {
		fmt.Fprintf(m.out, "\r%s\x1b[K", text)
		return
	}
	fmt.Fprintln(m.out, text)
}
