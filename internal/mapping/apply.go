package mapping

import (
	"errors"
	"fmt"
	"io"
	"iter"

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
	ClassAction      Class = "action"
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
	at         record.Time
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
// record of its own: a measurement or an action. It holds nothing of the row's memory.
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
		{"action", m.action != nil, func() *condition { return m.action.rows }},
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
	case "action":
		err = r.actionRow(in, e)
	}
	return e, err
}

func (r *Reading) instant(in *row) (record.Time, error) {
	c := &r.m.time
	at := c.start + record.Time(in.index)*c.step
	if c.text != nil {
		text, err := c.text.of(in, nil)
		if err != nil {
			return 0, err
		}
		if at, err = c.instant(text); err != nil {
			return 0, fmt.Errorf("%s: %w", c.text.name(), err)
		}
	}
	if at > record.MaxTime {
		return 0, fmt.Errorf("the row's time is after the year 9999")
	}
	// Where rows take back one of the earlier ones, earlier must mean one thing.
	if rev := r.m.reverse; rev != nil && rev.match != nil && at < r.last {
		return 0, fmt.Errorf("time %s is before %s of %s: rows to match need the file in the order of time", at, r.last, r.place(r.lastRow))
	}
	r.last, r.lastRow = at, in.number
	return at, nil
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
	out := &outcome{id: g.id, caseID: g.caseID, at: g.at}
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

// single writes the record of a reversing row, a measurement or an action.
func (r *Reading) single(e *event) error {
	if e.undo == nil {
		class := ClassMeasurement
		if e.plain.Kind == record.KindAction {
			class = ClassAction
		}
		return r.give(e.plain, e.row, class)
	}
	u := e.undo
	of := r.find(u)
	if of == nil {
		return r.give(u.unmatched, e.row, ClassUnmatched)
	}
	if e.at < of.at {
		return fmt.Errorf("%s: takes back %s, which is of %s, at %s before it", r.place(e.row), of.id, of.at, e.at)
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
	if err := r.m.checkCounted(rec); err != nil {
		return fmt.Errorf("%s: %w", r.place(row), err)
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
