package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/mapping"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A past is where the records come from that terms are simulated over: a
// store, a bundle, records as JSON Lines, or rows through a mapping. It is
// read several times, and nothing is written to it.
type past struct {
	name  string // as it was given
	start int64  // index of the first record
	// read hands each record, with its log, and its place to do. Where the
	// records bring their agreement, what they establish is moved on before, in
	// standing unless that is nil.
	read  func(standing *terms.Standing, do func(r *record.Record, place string) error) error
	close func() error

	// Of the first reading.
	records     int64
	statements  []statementOfPast
	first, last record.Time // instants of what is settled: of results, measurements and what is said of them
	log         record.Time // log time of the last record
}

// A statementOfPast is where the past settled a period itself.
type statementOfPast struct {
	until   record.Time // of the period
	n       int64
	settled record.Time
}

// pastFlags name what terms are simulated over.
func pastFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "over", Usage: "records of the past: a store, a bundle, records as JSON Lines, or rows with --map, in `PAST`"},
		&cli.StringFlag{Name: "map", Usage: "PAST is CSV or JSON; the mapping in `FILE` says which records its rows are"},
		&cli.StringFlag{Name: "ledger", Usage: "ledger of `ORIGIN`; not needed where the store has one only"},
		&cli.BoolFlag{Name: "redate", Usage: "as though the terms had been in force over all of PAST"},
	}
}

// openPast opens what --over names and reads it once. list are the terms that
// are simulated over it.
func openPast(c *cli.Context, list []*terms.Terms) (p *past, err error) {
	path := c.String("over")
	if path == "-" {
		return nil, command.Usage("", "--over is read several times, want a file or a store")
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	p = &past{name: path, close: func() error { return nil }}
	switch {
	case info.IsDir() && c.IsSet("map"):
		return nil, command.Usage("", "--map is for rows of a file, and %s is a folder", path)
	case c.IsSet("ledger") && !info.IsDir():
		return nil, command.Usage("", "--ledger is for a store, and %s is a file", path)
	case info.IsDir():
		err = p.openLedger(c, path)
	case c.IsSet("map"):
		err = p.openRows(c, path, list)
	default:
		err = p.openFile(c, path)
	}
	if err != nil {
		return nil, err
	}
	if err := p.look(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// look reads p once, and finds what it spans and where it was settled.
func (p *past) look() error {
	p.first, p.last = math.MaxInt64, math.MinInt64
	return p.read(nil, func(r *record.Record, _ string) error {
		p.records++
		p.log = max(p.log, r.Log.Time)
		at := r.At
		switch b := r.Body.(type) {
		case *record.Agreement, *record.Key, *record.Receipt, *record.ChainIndex:
			return nil
		case *record.Statement:
			p.statements = append(p.statements, statementOfPast{b.Until, r.Log.N, r.Log.Time})
			at = b.Until - 1
		case *record.Measurement:
			at = b.From
		}
		p.first, p.last = min(p.first, at), max(p.last, at)
		return nil
	})
}

// settledBehind reports whether p itself settles the period behind record n,
// once it has closed.
func (p *past) settledBehind(period terms.Period, closing record.Time, n int64) bool {
	for _, s := range p.statements {
		if s.until == period.Until && s.settled >= closing && s.n > n {
			return true
		}
	}
	return false
}

func (p *past) openLedger(c *cli.Context, dir string) error {
	if err := hasStore(dir); err != nil {
		return command.Failed("--over wants a store, a bundle or a file of records", err)
	}
	db, err := ledger.Open(dir, ledger.Options{Clock: command.Clock(c)})
	if err != nil {
		return storeError(err)
	}
	l, err := pick(c, db)
	if err != nil {
		db.Close()
		return err
	}
	p.name = l.Origin()
	p.close = func() error { return storeError(db.Close()) }
	p.read = func(standing *terms.Standing, do func(*record.Record, string) error) error {
		for line, err := range l.Records(c.Context, 0, l.Size()) {
			if err != nil {
				return storeError(err)
			}
			r, err := record.Parse(line)
			if err != nil {
				return storeError(err)
			}
			if standing != nil {
				if err := standing.Apply(r); err != nil {
					return storeError(err)
				}
			}
			if err := do(r, fmt.Sprintf("record %d", r.Log.N)); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// openText opens a file, through gzip where its name ends so.
func openText(c *cli.Context, path string) (io.Reader, func() error, error) {
	f, err := command.Open(c, path)
	if err != nil {
		return nil, nil, err
	}
	if !strings.HasSuffix(path, ".gz") {
		return f, f.Close, nil
	}
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, nil, command.Refused("", fmt.Errorf("%s: %w", path, err))
	}
	return unzipped, f.Close, nil
}

const beginBundle = `{"checkpoint":`

// openFile opens a bundle, or records as JSON Lines.
func (p *past) openFile(c *cli.Context, path string) error {
	in, done, err := openText(c, path)
	if err != nil {
		return err
	}
	begin, err := bufio.NewReader(in).Peek(len(beginBundle))
	done()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	read := p.readLines
	switch {
	case string(begin) == beginBundle:
		read = p.readBundle
	case len(begin) > 0 && begin[0] != '{':
		return command.Refused("rows of a table are read with --map FILE", fmt.Errorf("%s: begins with %q, want a bundle, or records as JSON Lines", path, begin[:1]))
	}
	p.read = func(standing *terms.Standing, do func(*record.Record, string) error) error {
		in, done, err := openText(c, path)
		if err != nil {
			return err
		}
		defer done()
		return read(in, standing, do)
	}
	return nil
}

// readBundle reads the records of a bundle. Its checkpoint is not verified,
// nor are its records against that: raasverify does so.
func (p *past) readBundle(in io.Reader, standing *terms.Standing, do func(*record.Record, string) error) error {
	refused := func(err error) error {
		if _, ok := errors.AsType[*bundle.FormError](err); ok {
			err = command.Refused("", fmt.Errorf("%s: %w", p.name, err))
		}
		return err
	}
	b, err := bundle.NewReader(in)
	if err != nil {
		return refused(err)
	}
	p.start = b.Header().Start
	var state [][]byte
	for {
		item, err := b.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return refused(err)
		}
		switch item.Kind {
		case bundle.StateLine:
			if standing != nil {
				state = append(state, bytes.Clone(item.Line))
			}
		case bundle.RecordLine:
			if state != nil {
				s, err := fee.ReadState(state)
				if err != nil {
					return command.Refused("", fmt.Errorf("%s: the state it begins with: %w", p.name, err))
				}
				*standing, state = *s.Standing(), nil
			}
			r, err := record.Parse(item.Line)
			if err == nil && (r.Log == nil || r.Log.N != item.Index) {
				err = fmt.Errorf("want it numbered %d", item.Index)
			}
			if err == nil && standing != nil {
				err = standing.Apply(r)
			}
			if err != nil {
				return command.Refused("raasverify check tells more", fmt.Errorf("%s: line %d: %w", p.name, item.Number, err))
			}
			if err := do(r, fmt.Sprintf("record %d", r.Log.N)); err != nil {
				return err
			}
		}
	}
}

// readLines reads records as JSON Lines: as a ledger keeps them, or without
// log as for append. Those are then numbered, and taken to be recorded when
// they happened, in the order of the file.
func (p *past) readLines(in io.Reader, _ *terms.Standing, do func(*record.Record, string) error) error {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 0, 65536), command.MaxLineBytes)
	line, n := 0, int64(0) // record 0 is the agreement
	var logged bool
	var last record.Time
	for scanner.Scan() {
		line++
		refused := func(err error) error {
			return command.Refused("", fmt.Errorf("%s: line %d: %w", p.name, line, err))
		}
		canonical, err := command.Canonical(scanner.Bytes())
		if err != nil {
			return refused(err)
		}
		r, err := record.Parse(canonical)
		if err != nil {
			return refused(err)
		}
		if line == 1 {
			logged = r.Log != nil
		}
		switch {
		case logged != (r.Log != nil):
			return refused(errors.New(`some records have "log" and some do not, want all or none`))
		case !logged:
			r.Log = &record.Log{N: n + 1, Time: max(last, r.At)}
		case line > 1 && r.Log.N <= n:
			return refused(fmt.Errorf("log.n is %d behind %d, want the order of the ledger", r.Log.N, n))
		case r.Log.Time < last:
			return refused(fmt.Errorf("log.time is %s behind %s, want the order of the ledger", r.Log.Time, last))
		}
		n, last = r.Log.N, r.Log.Time
		if err := do(r, fmt.Sprintf("line %d", line)); err != nil {
			return err
		}
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		return command.Refused("", fmt.Errorf("%s: line %d has more than %d bytes", p.name, line+1, command.MaxLineBytes))
	} else if err != nil {
		return err
	}
	if line == 0 {
		return command.Refused("", fmt.Errorf("%s is empty", p.name))
	}
	return nil
}

// openRows reads rows through a mapping, as import does. Their records are
// taken to be recorded when they happened, in the order of the file.
func (p *past) openRows(c *cli.Context, path string, list []*terms.Terms) error {
	file := c.String("map")
	text, err := command.ReadFile(c, file, mapping.MaxMappingBytes)
	if err != nil {
		return err
	}
	m, err := readMapping(file, text, list)
	if err != nil {
		return err
	}
	p.read = func(_ *terms.Standing, do func(*record.Record, string) error) error {
		in, done, err := openText(c, path)
		if err != nil {
			return err
		}
		defer done()
		refused := func(err error) error {
			if errors.Is(err, context.Canceled) {
				return err
			}
			return command.Refused("", fmt.Errorf("%s: %w", path, err))
		}
		reading, err := m.Read(in, math.MaxInt64)
		if err != nil {
			return refused(err)
		}
		n, last := int64(0), record.Time(math.MinInt64)
		for item, err := range reading.Records() {
			if err != nil {
				return refused(err)
			}
			n++
			last = max(last, item.Record.At)
			r := *item.Record
			r.Log = &record.Log{N: n, Time: last}
			if err := do(&r, item.Place); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// readMapping parses a mapping and compares it with each of the terms.
func readMapping(file string, text []byte, list []*terms.Terms) (*mapping.Mapping, error) {
	m, err := mapping.Parse(text)
	for _, t := range list {
		if err == nil {
			err = m.CheckTerms(t)
		}
	}
	if err != nil {
		return nil, command.Refused("docs/import.md describes every field", fmt.Errorf("%s: %w", file, err))
	}
	return m, nil
}
