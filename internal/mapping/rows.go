package mapping

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/raasledger/raasledger/attribution/exact"
)

// A row is one line of a CSV file, or one object of a JSON file.
type row struct {
	number int64    // of its line, or of the object in a JSON array, from 1
	index  int64    // from 0 among the rows
	cells  []string // CSV
	cols   []int    // CSV: the cell of each of the mapping's fields
	json   tree     // JSON
}

// A scalar is the text of a string, number or truth value.
type scalar struct {
	kind scalarKind
	text string
}

type scalarKind uint8

const (
	absent scalarKind = iota // also null
	textScalar
	boolScalar
)

// tree is a JSON value with its numbers as they are spelled.
type tree struct {
	kind    jsontext.Kind
	text    string
	names   []string
	members []tree // or elements
}

// get returns the one value of f.
func (r *row) get(f field) (scalar, error) {
	if r.cols != nil {
		return scalar{kind: textScalar, text: r.cells[r.cols[f.slot]]}, nil
	}
	v := &r.json
	for _, s := range f.steps {
		if v.kind == jsontext.KindNull || v.kind == 0 {
			return scalar{}, nil
		}
		if v.kind != jsontext.KindBeginObject {
			return scalar{}, fmt.Errorf("%s: no object at %s", f.name, s.name)
		}
		v = v.member(s.name)
		if v == nil {
			return scalar{}, nil
		}
	}
	return v.scalar(f)
}

// each calls found with each value of a field with arrays. What is absent or
// null on the way has no values.
func (r *row) each(f field, found func(scalar) error) error {
	if r.cols != nil {
		return found(scalar{kind: textScalar, text: r.cells[r.cols[f.slot]]})
	}
	return r.json.each(f, f.steps, 0, found)
}

func (v *tree) each(f field, steps []step, arrays int, found func(scalar) error) error {
	switch {
	case v.kind == jsontext.KindNull:
		return nil
	case arrays > 0:
		if v.kind != jsontext.KindBeginArray {
			return fmt.Errorf("%s: no array where [] stands", f.name)
		}
		for i := range v.members {
			if err := v.members[i].each(f, steps, arrays-1, found); err != nil {
				return err
			}
		}
		return nil
	case len(steps) == 0:
		s, err := v.scalar(f)
		if err != nil {
			return err
		}
		return found(s)
	case v.kind != jsontext.KindBeginObject:
		return fmt.Errorf("%s: no object at %s", f.name, steps[0].name)
	}
	member := v.member(steps[0].name)
	if member == nil {
		return nil
	}
	return member.each(f, steps[1:], steps[0].arrays, found)
}

func (v *tree) member(name string) *tree {
	for i := range v.names {
		if v.names[i] == name {
			return &v.members[i]
		}
	}
	return nil
}

func (v *tree) scalar(f field) (scalar, error) {
	switch v.kind {
	case jsontext.KindNull:
		return scalar{}, nil
	case jsontext.KindString, jsontext.KindNumber:
		return scalar{kind: textScalar, text: v.text}, nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return scalar{kind: boolScalar, text: v.text}, nil
	}
	return scalar{}, fmt.Errorf("%s is an object or array, want one value", f.name)
}

// decimal returns the one value of f as an exact number.
func (r *row) decimal(f field) (exact.Rat, error) {
	s, err := r.get(f)
	if err != nil {
		return exact.Rat{}, err
	}
	if s.kind != textScalar || s.text == "" {
		return exact.Rat{}, fmt.Errorf("%s is %s, want a number", f.name, s)
	}
	x, err := exact.Parse(s.text)
	if err != nil {
		return exact.Rat{}, fmt.Errorf("%s: %w", f.name, err)
	}
	return x, nil
}

// A source gives the rows of a file; io.EOF ends them.
type source interface {
	next(*row) error
	unit() string // what row.number counts: lines or rows
}

func (m *Mapping) open(r io.Reader) (source, error) {
	limit := &rowLimit{r: r, left: MaxRowBytes}
	in := bufio.NewReaderSize(limit, 64<<10)
	// Spreadsheets write a byte order mark in front.
	if mark, _ := in.Peek(3); string(mark) == "\xef\xbb\xbf" {
		in.Discard(3)
	}
	switch m.format {
	case "csv":
		return m.openCSV(in, limit)
	case "json":
		return openArray(in, limit)
	case "jsonl":
		return &lines{in: in, limit: limit}, nil
	}
	panic("mapping: format " + m.format)
}

var errLongRow = fmt.Errorf("longer than %d bytes", MaxRowBytes)

// A rowLimit refuses to read more than one row may have. It counts what is
// read ahead too, so a row can be refused that is a buffer below the limit.
type rowLimit struct {
	r    io.Reader
	left int
}

func (l *rowLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongRow
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

func (l *rowLimit) reset() { l.left = MaxRowBytes }

type csvRows struct {
	in    *csv.Reader
	limit *rowLimit
	cols  []int
	index int64
}

func (m *Mapping) openCSV(in io.Reader, limit *rowLimit) (source, error) {
	c := &csvRows{in: csv.NewReader(in), limit: limit}
	c.in.Comma = m.separator
	c.in.ReuseRecord = true
	header, err := c.in.Read()
	if err == io.EOF {
		return nil, errors.New("no header line")
	}
	if err != nil {
		return nil, csvError(err)
	}
	at := map[string]int{}
	for i, name := range header {
		if _, ok := at[name]; ok {
			return nil, fmt.Errorf("line 1: two columns are named %q", name)
		}
		at[strings.Clone(name)] = i
	}
	c.cols = make([]int, len(m.fields))
	for i, f := range m.fields {
		col, ok := at[f.name]
		if !ok {
			return nil, fmt.Errorf("line 1: no column %q, which the mapping names in line %d; there are %s", f.name, f.place.line, strings.Join(header, ", "))
		}
		c.cols[i] = col
	}
	return c, nil
}

func (c *csvRows) next(r *row) error {
	c.limit.reset()
	cells, err := c.in.Read()
	if err == io.EOF {
		return err
	}
	if err != nil {
		return csvError(err)
	}
	line, _ := c.in.FieldPos(0)
	*r = row{number: int64(line), index: c.index, cells: cells, cols: c.cols}
	c.index++
	return nil
}

func (c *csvRows) unit() string { return "line" }

func csvError(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	switch {
	case errors.Is(p.Err, csv.ErrFieldCount):
		return fmt.Errorf("line %d: another number of columns than the header line", p.Line)
	case errors.Is(p.Err, csv.ErrQuote), errors.Is(p.Err, csv.ErrBareQuote):
		return fmt.Errorf("line %d: quotation mark in column %d out of place", p.Line, p.Column)
	}
	return fmt.Errorf("line %d: %w", p.Line, p.Err)
}

// array is a JSON file that is one array of objects.
type array struct {
	in    *jsontext.Decoder
	limit *rowLimit
	index int64
}

func openArray(in io.Reader, limit *rowLimit) (source, error) {
	a := &array{in: jsontext.NewDecoder(in), limit: limit}
	t, err := a.in.ReadToken()
	if err != nil {
		return nil, jsonError(err)
	}
	if t.Kind() != jsontext.KindBeginArray {
		return nil, errors.New("want one JSON array of objects; for an object a line the format is jsonl")
	}
	return a, nil
}

func (a *array) next(r *row) error {
	a.limit.reset()
	if a.in.PeekKind() == jsontext.KindEndArray {
		if _, err := a.in.ReadToken(); err != nil {
			return jsonError(err)
		}
		if _, err := a.in.ReadToken(); err != io.EOF {
			return errors.New("text after the end of the array")
		}
		return io.EOF
	}
	a.index++
	tree, err := readValue(a.in)
	if err != nil {
		return fmt.Errorf("row %d: %w", a.index, jsonError(err))
	}
	if tree.kind != jsontext.KindBeginObject {
		return fmt.Errorf("row %d: want an object", a.index)
	}
	*r = row{number: a.index, index: a.index - 1, json: tree}
	return nil
}

func (a *array) unit() string { return "row" }

// lines is a JSON Lines file: an object a line.
type lines struct {
	in    *bufio.Reader
	limit *rowLimit
	index int64
}

func (l *lines) next(r *row) error {
	l.limit.reset()
	line, err := l.in.ReadBytes('\n')
	if err == io.EOF && len(line) == 0 {
		return io.EOF
	}
	l.index++
	if err != nil && err != io.EOF {
		return fmt.Errorf("line %d: %w", l.index, err)
	}
	in := jsontext.NewDecoder(bytes.NewBuffer(line))
	tree, err := readValue(in)
	if err != nil {
		return fmt.Errorf("line %d: %w", l.index, jsonError(err))
	}
	if tree.kind != jsontext.KindBeginObject {
		return fmt.Errorf("line %d: want an object", l.index)
	}
	if _, err := in.ReadToken(); err != io.EOF {
		return fmt.Errorf("line %d: text after the object", l.index)
	}
	*r = row{number: l.index, index: l.index - 1, json: tree}
	return nil
}

func (l *lines) unit() string { return "line" }

func jsonError(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return errors.New("ends within the JSON")
	case errors.As(err, &syntactic):
		return fmt.Errorf("not JSON at byte %d: %w", syntactic.ByteOffset, syntactic.Err)
	}
	return err
}

// readValue reads a JSON value. The decoder refuses doubled names and a
// nesting that is too deep.
func readValue(in *jsontext.Decoder) (tree, error) {
	t, err := in.ReadToken()
	if err != nil {
		return tree{}, err
	}
	v := tree{kind: t.Kind()}
	switch v.kind {
	case jsontext.KindBeginObject:
		for in.PeekKind() != jsontext.KindEndObject {
			name, err := in.ReadToken()
			if err != nil {
				return v, err
			}
			v.names = append(v.names, name.String())
			member, err := readValue(in)
			if err != nil {
				return v, err
			}
			v.members = append(v.members, member)
		}
		_, err = in.ReadToken()
	case jsontext.KindBeginArray:
		for in.PeekKind() != jsontext.KindEndArray {
			element, err := readValue(in)
			if err != nil {
				return v, err
			}
			v.members = append(v.members, element)
		}
		_, err = in.ReadToken()
	default:
		v.text = t.String()
	}
	return v, err
}
