// Package mapping turns the rows of a CSV or JSON file into records, as a
// mapping file says. It opens no file and knows no ledger: rows come from a
// reader, records go to the caller.
//
// docs/import.md describes the mapping file; this is one:
//
//	format: csv
//	time: {field: InvoiceDate, layout: "YYYY-MM-DD hh:mm:ss", offset: "+00:00"}
//	outcome:
//	  rows: {not: {field: InvoiceNo, prefix: C}}
//	  result: order
//	  id: "order/{InvoiceNo}"
//	  case: "order/{InvoiceNo}"
//	  group: {by: InvoiceNo, rows: anywhere}
//	  facts:
//	    value: {sum: {product: [Quantity, UnitPrice]}}
//	reverse:
//	  rows: {field: InvoiceNo, prefix: C}
//	  id: "cancellation/{InvoiceNo}/{#}"
//	  cause: cancelled
//	  match:
//	    same: [CustomerID, StockCode, UnitPrice]
//	    line: {field: Quantity}
//	    takes: {field: Quantity, negate: true}
//	    lines_match: until_used_up
//	    pick: latest
//	  reduces: {product: [Quantity, UnitPrice], negate: true}
//	  unmatched:
//	    metric: unmatched_cancellation
//	    value: {product: [Quantity, UnitPrice], negate: true}
package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

const (
	// MaxMappingBytes is the longest mapping file. The YAML library takes
	// time with the square of the nesting.
	MaxMappingBytes = 32 << 10

	// maxDepth is the deepest nesting of a mapping file.
	maxDepth = 32

	// MaxRowBytes is the longest row: more is not a row but a quotation mark
	// that was never closed.
	MaxRowBytes = 16 << 20
)

// A Mapping says which records the rows of a file are. It is made by [Parse].
type Mapping struct {
	format     string // csv, json, jsonl
	separator  rune
	backfilled bool
	time       clock
	leaveOut   *condition // nil leaves out nothing
	outcome    *outcomeRows
	reverse    *reverseRows
	measure    *measureRows
	action     *actionRows
	fields     []field // each name once; field.slot is the index here

	operator string // party that writes the records, from the terms
	quantity string // fact of the outcome's result that partial reversals reduce, from the terms
	checked  int    // versions of the terms it was checked against

	counted map[counted]bool // what measures of the terms read
}

type outcomeRows struct {
	place          *node
	rows           *condition // nil is every row
	result         string
	id, caseID     *template
	actor, subject *template // nil if not given
	group          *field    // nil makes one outcome of each row
	anywhere       bool      // rows of a group may stand anywhere, else side by side
	atFirst        bool      // a group has the time of its first row, else of the last
	facts          []fact    // sorted by name
}

type fact struct {
	place *node
	name  string
	op    string // "" or, of a group's rows, sum or same
	value value
}

type reverseRows struct {
	place          *node
	rows           *condition
	id             *template
	actor          *template
	cause          string
	of             *template // id of the outcome, or nil
	match          *match    // or nil
	reduces        *value    // nil is all of it
	unmatchedPlace *node
	unmatched      measurement
}

// A match finds the row of an earlier outcome that a reversing row takes back.
type match struct {
	same   []field
	line   value // how much an outcome's row has
	takes  value // how much a reversing row takes back
	usedUp bool  // a row is matched until it is used up, else any number of times
}

type measureRows struct {
	place *node
	rows  *condition
	id    *template
	measurement
}

// actionRows are what was done, by whom, to what and for how much.
type actionRows struct {
	place           *node
	rows            *condition
	id, caseID      *template
	actor, resource *template // nil if not given
	action, effect  string
	amount          *value // nil if there is none
	currency        string
}

type measurement struct {
	metric          *template
	caseID, subject *template // what is measured, where one metric is of many; nil if not given
	method          string
	lasts           record.Time // milliseconds
	value           value
	fields          []fact
}

// Parse reads a mapping file. The error names every mistake with its line.
func Parse(text []byte) (*Mapping, error) {
	if len(text) > MaxMappingBytes {
		return nil, fmt.Errorf("mapping has %d bytes, at most %d", len(text), MaxMappingBytes)
	}
	d := &document{}
	root, err := d.parseYAML(text)
	if err != nil {
		return nil, fmt.Errorf("mapping: %w", err)
	}
	m := d.mapping(root)
	if len(d.mistakes) > 0 {
		return nil, &MistakesError{Mistakes: d.mistakes}
	}
	return m, nil
}

// A MistakesError lists what is wrong with a mapping.
type MistakesError struct {
	Mistakes []string
}

func (e *MistakesError) Error() string {
	return "mapping: " + strings.Join(e.Mistakes, "\nmapping: ")
}

func (d *document) mapping(n *node) *Mapping {
	m := &Mapping{separator: ','}
	if !d.is(n, mapNode) {
		return m
	}
	m.format = d.choice(n, "format", "csv", "json", "jsonl")
	if text := d.optional(n, "separator"); text != "" {
		r := []rune(text)
		switch {
		case m.format != "csv":
			d.mistake(n.get("separator"), "only CSV has one")
		case len(r) != 1 || r[0] == '"' || r[0] == '\n' || r[0] == '\r' || r[0] == '\ufffd':
			d.mistake(n.get("separator"), "%q, want one character", text)
		default:
			m.separator = r[0]
		}
	}
	m.backfilled = d.optionalTrue(n, "backfilled")
	if v := d.want(n, "time"); v != nil {
		m.time = d.clock(v)
	}
	if v := n.get("leave_out"); v != nil {
		m.leaveOut = d.condition(v)
	}
	if v := n.get("outcome"); v != nil {
		m.outcome = d.outcome(v)
	}
	if v := n.get("reverse"); v != nil {
		m.reverse = d.reverse(v)
		if m.outcome == nil {
			d.mistake(v, "reverses nothing: outcome is not given")
		}
	}
	if v := n.get("measurement"); v != nil {
		m.measure = d.measureRows(v)
	}
	if v := n.get("action"); v != nil {
		m.action = d.actionRows(v)
	}
	if m.outcome == nil && m.measure == nil && m.action == nil {
		d.mistake(n, "want outcome, action or measurement")
	}
	d.closed(n)
	slots := map[string]int{}
	m.visitFields(func(f *field) {
		if why := f.checkPath(); why != "" && m.format != "csv" {
			d.mistake(f.place, "%s", why)
		}
		slot, ok := slots[f.name]
		if !ok {
			slot = len(m.fields)
			slots[f.name] = slot
			m.fields = append(m.fields, *f)
		}
		f.slot = slot
	})
	return m
}

// optionalTrue returns whether a field is there, which then must be true.
func (d *document) optionalTrue(n *node, name string) bool {
	v := n.get(name)
	if v == nil || !d.is(v, scalarNode) {
		return false
	}
	if !v.isBool || v.text != "true" {
		d.mistake(v, "want true, or leave it away")
	}
	return true
}

// rows returns which rows a section is of: nil for all.
func (d *document) rows(n *node) *condition {
	v := d.want(n, "rows")
	if v == nil {
		return nil
	}
	if v.kind == scalarNode {
		if v.text != "all" {
			d.mistake(v, "%q, want all or a condition", v.text)
		}
		return nil
	}
	return d.condition(v)
}

func (d *document) outcome(n *node) *outcomeRows {
	o := &outcomeRows{place: n}
	if !d.is(n, mapNode) {
		return o
	}
	o.rows = d.rows(n)
	o.result = d.text(n, "result")
	o.id = d.template(n, "id")
	o.caseID = d.template(n, "case")
	o.actor = d.optionalTemplate(n, "actor")
	o.subject = d.optionalTemplate(n, "subject")
	if v := n.get("group"); v != nil && d.is(v, mapNode) {
		f := d.field(v, "by")
		o.group = &f
		o.anywhere = d.choice(v, "rows", "contiguous", "anywhere") == "anywhere"
		if slices.Contains(v.keys, "at") {
			o.atFirst = d.choice(v, "at", "first", "last") == "first"
		}
		d.closed(v)
		if o.id != nil && o.id.counts {
			d.mistake(o.id.place, "{#} counts rows, but a group has many")
		}
	}
	if v := d.want(n, "facts"); v != nil {
		o.facts = d.facts(v, o.group != nil)
	}
	d.closed(n)
	return o
}

func (d *document) facts(n *node, grouped bool) []fact {
	if !d.is(n, mapNode) {
		return nil
	}
	var facts []fact
	for _, name := range n.keys {
		v := n.get(name)
		f := fact{place: v, name: name}
		switch {
		case !d.is(v, mapNode):
		case grouped:
			for _, op := range []string{"sum", "same"} {
				if inner := v.get(op); inner != nil {
					if f.op != "" {
						d.mistake(inner, "want one of sum and same")
					}
					f.op, f.value = op, d.value(inner)
				}
			}
			switch {
			case f.op == "":
				d.mistake(v, "want sum (of the group's rows) or same (in all of them)")
			case f.op == "sum" && !f.value.isNumber():
				d.mistake(v, "only numbers have a sum")
			case f.op == "sum" && f.value.optional:
				d.mistake(v, "a sum needs the number of every row")
			}
			d.closed(v)
		default:
			f.value = d.value(v)
		}
		facts = append(facts, f)
	}
	slices.SortFunc(facts, func(a, b fact) int { return strings.Compare(a.name, b.name) })
	return facts
}

func (d *document) reverse(n *node) *reverseRows {
	r := &reverseRows{place: n}
	if !d.is(n, mapNode) {
		return r
	}
	r.rows = d.rows(n)
	r.id = d.template(n, "id")
	r.actor = d.optionalTemplate(n, "actor")
	r.cause = d.choice(n, "cause", "reopened", "reversed", "cancelled")
	r.of = d.optionalTemplate(n, "of")
	if v := n.get("match"); v != nil {
		r.match = d.match(v)
	}
	if (r.of == nil) == (r.match == nil) {
		d.mistake(n, "want one of: of (the id of the outcome), match (a row of it)")
	}
	if v := n.get("reduces"); v != nil {
		value := d.value(v)
		if !value.isNumber() || value.optional {
			d.mistake(v, "want a number")
		}
		r.reduces = &value
	}
	if v := d.want(n, "unmatched"); v != nil && d.is(v, mapNode) {
		r.unmatchedPlace = v
		r.unmatched = d.measurement(v)
		d.closed(v)
	}
	d.closed(n)
	return r
}

func (d *document) match(n *node) *match {
	m := &match{}
	if !d.is(n, mapNode) {
		return m
	}
	if v := d.want(n, "same"); v != nil && d.is(v, listNode) {
		if len(v.values) == 0 {
			d.mistake(v, "names no field")
		}
		for _, name := range v.values {
			if d.is(name, scalarNode) {
				m.same = append(m.same, newField(name))
			}
		}
	}
	for _, side := range []struct {
		name string
		to   *value
	}{{"line", &m.line}, {"takes", &m.takes}} {
		if v := d.want(n, side.name); v != nil {
			*side.to = d.value(v)
			if !side.to.isNumber() || side.to.optional {
				d.mistake(v, "want a number")
			}
		}
	}
	m.usedUp = d.choice(n, "lines_match", "until_used_up", "any_number_of_times") == "until_used_up"
	d.choice(n, "pick", "latest")
	d.closed(n)
	return m
}

func (d *document) measureRows(n *node) *measureRows {
	m := &measureRows{place: n}
	if !d.is(n, mapNode) {
		return m
	}
	m.rows = d.rows(n)
	m.id = d.template(n, "id")
	m.measurement = d.measurement(n)
	d.closed(n)
	return m
}

func (d *document) actionRows(n *node) *actionRows {
	a := &actionRows{place: n}
	if !d.is(n, mapNode) {
		return a
	}
	a.rows = d.rows(n)
	a.id = d.template(n, "id")
	a.caseID = d.template(n, "case")
	a.actor = d.optionalTemplate(n, "actor")
	a.resource = d.optionalTemplate(n, "resource")
	a.action = d.text(n, "action")
	a.effect = d.choice(n, "effect", "read", "write", "commit", "communicate")
	if v := n.get("amount"); v != nil {
		value := d.value(v)
		if !value.isNumber() || value.optional {
			d.mistake(v, "want a number")
		}
		a.amount = &value
		a.currency = d.text(n, "currency")
	}
	d.closed(n)
	return a
}

func (d *document) measurement(n *node) measurement {
	m := measurement{lasts: 1}
	m.metric = d.template(n, "metric")
	m.caseID = d.optionalTemplate(n, "case")
	m.subject = d.optionalTemplate(n, "subject")
	m.method = d.optional(n, "method")
	if text := d.optional(n, "lasts"); text != "" {
		lasts, ok := parseLength(text)
		if !ok {
			d.mistake(n.get("lasts"), "%q, want a length of time like 15m, 24h or 1d", text)
		}
		m.lasts = lasts
	}
	if v := d.want(n, "value"); v != nil {
		m.value = d.value(v)
		if !m.value.isNumber() || m.value.optional {
			d.mistake(v, "want a number")
		}
	}
	if v := n.get("fields"); v != nil {
		m.fields = d.facts(v, false)
	}
	return m
}

// visitFields calls visit with every field the mapping reads.
func (m *Mapping) visitFields(visit func(*field)) {
	condition := func(c *condition) { c.visitFields(visit) }
	value := func(v *value) {
		if v == nil {
			return
		}
		if v.from != nil {
			visit(v.from)
		}
		for i := range v.product {
			visit(&v.product[i])
		}
		condition(v.count)
		condition(v.test)
	}
	text := func(t *template) {
		if t == nil {
			return
		}
		for i := range t.fields {
			if t.fields[i].name != "#" {
				visit(&t.fields[i])
			}
		}
	}
	facts := func(list []fact) {
		for i := range list {
			value(&list[i].value)
		}
	}
	measured := func(s *measurement) {
		for _, t := range []*template{s.metric, s.caseID, s.subject} {
			text(t)
		}
		value(&s.value)
		facts(s.fields)
	}
	text(m.time.text)
	condition(m.leaveOut)
	if o := m.outcome; o != nil {
		condition(o.rows)
		for _, t := range []*template{o.id, o.caseID, o.actor, o.subject} {
			text(t)
		}
		if o.group != nil {
			visit(o.group)
		}
		facts(o.facts)
	}
	if r := m.reverse; r != nil {
		condition(r.rows)
		text(r.id)
		text(r.actor)
		text(r.of)
		if r.match != nil {
			for i := range r.match.same {
				visit(&r.match.same[i])
			}
			value(&r.match.line)
			value(&r.match.takes)
		}
		value(r.reduces)
		measured(&r.unmatched)
	}
	if s := m.measure; s != nil {
		condition(s.rows)
		text(s.id)
		measured(&s.measurement)
	}
	if a := m.action; a != nil {
		condition(a.rows)
		for _, t := range []*template{a.id, a.caseID, a.actor, a.resource} {
			text(t)
		}
		value(a.amount)
	}
}
