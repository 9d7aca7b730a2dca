package mapping

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// An Item is a record with the rows it comes from.
type Item struct {
	Record *record.Record
	Bytes  int    // of its canonical form
	Place  string // "line 812": its row, or the last of its rows
	Class  Class
}

// A Class says what became of a row.
type Class string

const (
	ClassOutcome     Class = "outcome"
	ClassFull        Class = "full reversal"    // nothing of the outcome is left
	ClassPartial     Class = "partial reversal" // its quantity falls
	ClassUnmatched   Class = "unmatched"        // a reversing row without an outcome, kept as a measurement
	ClassMeasurement Class = "measurement"
)

// Counts say what was done with the rows of a file.
type Counts struct {
	Rows    int64 // read
	LeftOut int64 // by leave_out
	Later   int64 // records at or after the instant up to which was imported
}

// A Reading is one pass over a file.
type Reading struct {
	Counts Counts
	m      *Mapping
	until  record.Time
	src    source
	yield  func(Item, error) bool
	items  []Item // given when all rows are understood, where they are held

	ids      map[string]int64 // the row that gave the id
	nth      map[string]int64
	groups   map[string]*group // by key
	outcomes map[string]*outcome
	lines    map[string][]*line // by what must be the same
	last     record.Time
	lastRow  int64
}

// A group is an outcome that is being put together from its rows.
type group struct {
	key, id, caseID, actor, subject string

	at     record.Time // of the last row
	row    int64       // the last one
	sums   []exact.Rat
	facts  []scalar
	lines  []*line
	events int // of its rows in a file that is held as a whole
	closed bool
}

// An outcome is one that a later row may reverse.
type outcome struct {
	id, caseID string
	quantity   exact.Rat // left
	known      bool      // whether it has a quantity
}

// A line is an outcome's row that a later row may take back.
type line struct {
	outcome *outcome
	same    string
	left    exact.Rat
}

// An event is a row understood: one of an outcome's, a reversing one, or a
// measurement. It holds nothing of the row's memory.
type event struct {
	at    record.Time
	row   int64
	group *group
	undo  *undo
	plain *record.Record
}

type undo struct {
	id, actor string
	of        string // id of the outcome, or "" where a row of it is to be matched
	same      string // "" if a field that must be the same is empty
	takes     exact.Rat
	reduces   exact.Rat
	unmatched *record.Record
}

// Read begins a pass over the rows of r. Records with an instant at or after
// until are counted and kept back. CheckTerms must have been called.
func (m *Mapping) Read(r io.Reader, until record.Time) (*Reading, error) {
	if m.checked == 0 {
		panic("mapping: Read before CheckTerms")
	}
	src, err := m.open(r)
	if err != nil {
		return nil, err
	}
	return &Reading{m: m, until: until, src: src,
		ids: map[string]int64{}, nth: map[string]int64{}, groups: map[string]*group{},
		outcomes: map[string]*outcome{}, lines: map[string][]*line{}}, nil
}

// Records returns the records in the order of the rows: an outcome stands
// where the last of its rows is. After an error there is nothing more. It can
// be used once.
func (r *Reading) Records() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		r.yield = yield
		if err := r.run(); err != nil && err != errStopped {
			yield(Item{}, err)
		}
	}
}

// place names a row in messages.
func (r *Reading) place(number int64) string { return fmt.Sprintf("%s %d", r.src.unit(), number) }

var errStopped = fmt.Errorf("stopped")

// Holds reports whether every row is understood before the first record is
// given, because groups may stand anywhere in the file.
func (m *Mapping) Holds() bool {
	return m.outcome != nil && m.outcome.group != nil && m.outcome.anywhere
}

func (r *Reading) run() error {
	hold := r.m.Holds()
	var held []event
	var open *group // of contiguous rows
	for {
		var in row
		err := r.src.next(&in)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		r.Counts.Rows++
		e, err := r.event(&in)
		if err != nil {
			return fmt.Errorf("%s: %w", r.place(in.number), err)
		}
		switch {
		case e == nil:
		case hold:
			held = append(held, *e)
		default:
			if open != nil && e.group != open {
				if err := r.finish(open); err != nil {
					return err
				}
				open = nil
			}
			if e.group == nil {
				if err := r.single(e); err != nil {
					return err
				}
				continue
			}
			open = e.group
		}
	}
	if open != nil {
		return r.finish(open)
	}
	for i := range held {
		e := &held[i]
		if g := e.group; g != nil {
			if g.events--; g.events == 0 {
				if err := r.finish(g); err != nil {
					return err
				}
			}
			continue
		}
		if err := r.single(e); err != nil {
			return err
		}
	}
	for _, item := range r.items {
		if !r.yield(item, nil) {
			return errStopped
		}
	}
	return nil
}

// event understands a row; nil is one that is left out.
func (r *Reading) event(in *row) (*event, error) {
	m := r.m
	if m.leaveOut != nil {
		out, err := m.leaveOut.holds(in)
		if err != nil {
			return nil, err
		}
		if out {
			r.Counts.LeftOut++
			return nil, nil
		}
	}
	var sections []string
	for _, s := range []struct {
		name  string
		given bool
		rows  func() *condition
	}{
		{"outcome", m.outcome != nil, func() *condition { return m.outcome.rows }},
		{"reverse", m.reverse != nil, func() *condition { return m.reverse.rows }},
		{"measurement", m.measure != nil, func() *condition { return m.measure.rows }},
	} {
		if !s.given {
			continue
		}
		holds := true
		if c := s.rows(); c != nil {
			var err error
			if holds, err = c.holds(in); err != nil {
				return nil, err
			}
		}
		if holds {
			sections = append(sections, s.name)
		}
	}
	switch len(sections) {
	case 0:
		return nil, errors.New("the row is of no section of the mapping, want one, or leave_out")
	case 1:
	default:
		return nil, fmt.Errorf("the row is of %d sections of the mapping (%s), want one", len(sections), listed(sections))
	}
	at, err := r.instant(in)
	if err != nil {
		return nil, err
	}
	e := &event{at: at, row: in.number}
	switch sections[0] {
	case "outcome":
		err = r.outcomeRow(in, e)
	case "reverse":
		err = r.reverseRow(in, e)
	case "measurement":
		err = r.measureRow(in, e)
	}
	return e, err
}

func (r *Reading) instant(in *row) (record.Time, error) {
	c := &r.m.time
	at := c.start + record.Time(in.index)*c.step
	if c.field != nil {
		s, err := in.get(*c.field)
		if err != nil {
			return 0, err
		}
		if at, err = c.instant(s.text); err != nil {
			return 0, fmt.Errorf("%s: %w", c.field.name, err)
		}
	}
	if at > record.MaxTime {
		return 0, fmt.Errorf("the row's time is after the year 9999")
	}
	// Where rows take back earlier ones, earlier must mean one thing.
	if r.m.reverse != nil && at < r.last {
		return 0, fmt.Errorf("time %s is before %s of %s: rows to reverse need the file in the order of time", at, r.last, r.place(r.lastRow))
	}
	r.last, r.lastRow = at, in.number
	return at, nil
}

func (r *Reading) outcomeRow(in *row, e *event) error {
	o := r.m.outcome
	var key string
	if o.group != nil {
		s, err := in.get(*o.group)
		if err != nil {
			return err
		}
		if s.text == "" {
			return fmt.Errorf("%s is empty", o.group.name)
		}
		key = s.text
	}
	id, err := o.id.of(in, r.nth)
	if err != nil {
		return err
	}
	caseID, err := o.caseID.of(in, nil)
	if err != nil {
		return err
	}
	actor, err := o.actor.orNone(in)
	if err != nil {
		return err
	}
	subject, err := o.subject.orNone(in)
	if err != nil {
		return err
	}
	g := r.groups[key]
	if g != nil && g.closed {
		return fmt.Errorf("%s %s is here again, and ended at %s: rows of a group stand side by side, or the mapping says anywhere", o.group.name, key, r.place(g.row))
	}
	first := g == nil
	if first {
		// A cell keeps its whole row in memory.
		g = &group{key: strings.Clone(key), id: id, caseID: caseID, actor: actor, subject: subject,
			sums: make([]exact.Rat, len(o.facts)), facts: make([]scalar, len(o.facts))}
		if o.group != nil {
			r.groups[g.key] = g
		}
	}
	for _, same := range []struct{ name, got, want string }{
		{"id", id, g.id}, {"case", caseID, g.caseID}, {"actor", actor, g.actor}, {"subject", subject, g.subject},
	} {
		if same.got != same.want {
			return fmt.Errorf("%s is %s, but %s in the rows of %s %s before", same.name, same.got, same.want, o.group.name, g.key)
		}
	}
	for i := range o.facts {
		f := &o.facts[i]
		if f.op == "sum" {
			x, err := f.value.numberOf(in)
			if err != nil {
				return fmt.Errorf("fact %s: %w", f.name, err)
			}
			g.sums[i] = g.sums[i].Add(x)
			continue
		}
		s, err := f.value.of(in)
		if err != nil {
			return fmt.Errorf("fact %s: %w", f.name, err)
		}
		if !first && s != g.facts[i] {
			return fmt.Errorf("fact %s is %s, but %s in the rows of %s %s before", f.name, s, g.facts[i], o.group.name, g.key)
		}
		if first {
			s.text = strings.Clone(s.text)
			g.facts[i] = s
		}
	}
	if rev := r.m.reverse; rev != nil && rev.match != nil {
		same, err := rev.match.key(in)
		if err != nil {
			return err
		}
		has, err := rev.match.line.numberOf(in)
		if err != nil {
			return fmt.Errorf("line: %w", err)
		}
		if same != "" && has.Sign() > 0 {
			g.lines = append(g.lines, &line{same: same, left: has})
		}
	}
	g.at, g.row = e.at, e.row
	g.events++
	e.group = g
	return nil
}

// key is what must be the same, as one text; "" if a part of it is empty.
func (m *match) key(in *row) (string, error) {
	var b strings.Builder
	for _, f := range m.same {
		s, err := in.get(f)
		if err != nil {
			return "", err
		}
		if s.text == "" {
			return "", nil
		}
		// The length in front keeps two texts from running into each other.
		b.WriteString(strconv.Itoa(len(s.text)))
		b.WriteByte(':')
		b.WriteString(s.text)
	}
	return b.String(), nil
}

func (t *template) orNone(in *row) (string, error) {
	if t == nil {
		return "", nil
	}
	return t.of(in, nil)
}

func (r *Reading) reverseRow(in *row, e *event) error {
	rev := r.m.reverse
	u := &undo{}
	var err error
	if u.id, err = rev.id.of(in, r.nth); err != nil {
		return err
	}
	if u.actor, err = rev.actor.orNone(in); err != nil {
		return err
	}
	if rev.of != nil {
		if u.of, err = rev.of.of(in, nil); err != nil {
			return err
		}
	} else {
		if u.same, err = rev.match.key(in); err != nil {
			return err
		}
		if u.takes, err = rev.match.takes.numberOf(in); err != nil {
			return fmt.Errorf("takes: %w", err)
		}
		if u.takes.Sign() <= 0 {
			return fmt.Errorf("takes: %s, want more than 0", u.takes)
		}
	}
	if rev.reduces != nil {
		if u.reduces, err = rev.reduces.numberOf(in); err != nil {
			return fmt.Errorf("reduces: %w", err)
		}
	}
	if u.unmatched, err = rev.unmatched.of(in, e.at); err != nil {
		return err
	}
	u.unmatched.ID, u.unmatched.Actor = u.id, u.actor
	e.undo = u
	return nil
}

func (r *Reading) measureRow(in *row, e *event) error {
	rec, err := r.m.measure.of(in, e.at)
	if err != nil {
		return err
	}
	if rec.ID, err = r.m.measure.id.of(in, r.nth); err != nil {
		return err
	}
	e.plain = rec
	return nil
}

// of returns the measurement's record, without its id.
func (m *measurement) of(in *row, at record.Time) (*record.Record, error) {
	x, err := m.value.numberOf(in)
	if err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	body := &record.Measurement{Metric: m.metric, Method: m.method, From: at, Until: at + m.lasts, Value: record.Decimal(x.String())}
	for i := range m.fields {
		f := &m.fields[i]
		s, err := f.value.of(in)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
		if s.kind != absent {
			s.text = strings.Clone(s.text)
			body.Fields = append(body.Fields, s.fact(f.name))
		}
	}
	return &record.Record{Kind: record.KindMeasurement, At: at, Body: body}, nil
}

func (s scalar) fact(name string) record.Fact {
	if s.kind == boolScalar {
		return record.Bool(name, s.text == "true")
	}
	return record.Text(name, s.text)
}

func (s scalar) String() string {
	if s.kind == absent || s.text == "" {
		return "empty"
	}
	return s.text
}

// finish writes the outcome of a group whose last row was read. From here on
// its rows can be taken back.
func (r *Reading) finish(g *group) error {
	o := r.m.outcome
	g.closed = true
	body := &record.Outcome{Result: o.result}
	out := &outcome{id: g.id, caseID: g.caseID}
	for i := range o.facts {
		f := &o.facts[i]
		s := g.facts[i]
		if f.op == "sum" {
			s = scalar{kind: textScalar, text: g.sums[i].String()}
		}
		if s.kind == absent {
			continue
		}
		body.Facts = append(body.Facts, s.fact(f.name))
		if f.name == r.m.quantity {
			x, err := exact.Parse(s.text)
			if err != nil {
				return fmt.Errorf("%s: fact %s: %w", r.place(g.row), f.name, err)
			}
			out.quantity, out.known = x, true
		}
	}
	if r.m.reverse != nil {
		r.outcomes[g.id] = out
		for _, l := range g.lines {
			l.outcome = out
			r.lines[l.same] = append(r.lines[l.same], l)
		}
	}
	rec := &record.Record{Kind: record.KindOutcome, ID: g.id, Case: g.caseID, At: g.at, Actor: g.actor, Subject: g.subject, Body: body}
	g.facts, g.sums, g.lines = nil, nil, nil
	return r.give(rec, g.row, ClassOutcome)
}

// single writes the record of a reversing row or a measurement.
func (r *Reading) single(e *event) error {
	if e.undo == nil {
		return r.give(e.plain, e.row, ClassMeasurement)
	}
	u := e.undo
	of := r.find(u)
	if of == nil {
		return r.give(u.unmatched, e.row, ClassUnmatched)
	}
	body := &record.Reverse{Of: of.id, Cause: r.m.reverse.cause}
	class := ClassFull
	if r.m.reverse.reduces != nil {
		if u.reduces.Sign() <= 0 {
			return fmt.Errorf("%s: reduces %s by %s, want more than 0", r.place(e.row), of.id, u.reduces)
		}
		of.quantity = of.quantity.Sub(u.reduces)
		if !of.known || of.quantity.Sign() != 0 {
			class = ClassPartial
			body.Quantity = record.Decimal(u.reduces.String())
		}
	}
	return r.give(&record.Record{Kind: record.KindReverse, ID: u.id, Case: of.caseID, At: e.at, Actor: u.actor, Body: body}, e.row, class)
}

// find returns the outcome that u takes back, or nil.
func (r *Reading) find(u *undo) *outcome {
	if u.of != "" {
		return r.outcomes[u.of]
	}
	if u.same == "" {
		return nil
	}
	lines := r.lines[u.same]
	for i := len(lines) - 1; i >= 0; i-- {
		l := lines[i]
		if l.left.Cmp(u.takes) < 0 {
			continue
		}
		if r.m.reverse.match.usedUp {
			l.left = l.left.Sub(u.takes)
		}
		return l.outcome
	}
	return nil
}

// give hands a record to the caller, with what all of them have.
func (r *Reading) give(rec *record.Record, row int64, class Class) error {
	if before, ok := r.ids[rec.ID]; ok {
		return fmt.Errorf("%s: id %s was given at %s already", r.place(row), rec.ID, r.place(before))
	}
	r.ids[rec.ID] = row
	if rec.At >= r.until {
		r.Counts.Later++
		return nil
	}
	rec.By = r.m.operator
	rec.Backfilled = r.m.backfilled
	line, err := record.Marshal(rec)
	if err != nil {
		return fmt.Errorf("%s: %w", r.place(row), err)
	}
	item := Item{Record: rec, Bytes: len(line), Place: r.place(row), Class: class}
	if r.m.Holds() {
		r.items = append(r.items, item)
		return nil
	}
	if !r.yield(item, nil) {
		return errStopped
	}
	return nil
}
