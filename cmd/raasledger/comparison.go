package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A comparison shows simulations side by side: a column each, and how much each
// is more than the first.
type comparison struct {
	past     *past
	currency string
	runs     []*simulation
}

// A block is the table of a period, or of all of them.
type block struct {
	period string // "" is all
	open   bool
	rows   []*blockRow
}

// A blockRow is one figure of each simulation.
type blockRow struct {
	what, name string // "amount" of line "tickets"; "total" of none
	cells      []cell
}

// A cell is empty where the simulation has no such figure; a text stands for
// one that is none.
type cell struct {
	text  string
	value exact.Rat
	known bool
}

func number(d record.Decimal) cell {
	if x, err := exact.Parse(string(d)); err == nil {
		return cell{text: string(d), value: x, known: true}
	}
	return cell{text: string(d)}
}

// blocks are the tables, by period and at last of all periods together.
func (x *comparison) blocks() []block {
	type span struct {
		from   record.Time
		until  record.Time
		period string
	}
	var spans []span
	for _, r := range x.runs {
		for _, s := range r.statements {
			if n := (span{s.From, s.Until, s.Period}); !slices.Contains(spans, n) {
				spans = append(spans, n)
			}
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int {
		return 2*compare(a.from, b.from) + compare(a.until, b.until)
	})
	var list []block
	for _, n := range spans {
		b := block{period: n.period}
		for i, r := range x.runs {
			at := slices.IndexFunc(r.statements, func(s simulated) bool { return s.Period == n.period && s.From == n.from && s.Until == n.until })
			if at >= 0 {
				b.open = b.open || r.statements[at].open
				b.add(len(x.runs), i, r.statements[at].Statement, nil)
			}
		}
		b.order()
		list = append(list, b)
	}
	all := block{}
	for i, r := range x.runs {
		for _, s := range r.statements {
			all.add(len(x.runs), i, s.Statement, r.terms)
		}
	}
	all.rows = slices.DeleteFunc(all.rows, func(r *blockRow) bool { return r.what == "carried in" || r.what == "carried out" })
	all.order()
	return append(list, all)
}

func compare(a, b record.Time) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// add adds the figures of a statement to column i of n. Where several are added
// up, t are their terms: they say which quantities can be.
func (b *block) add(n, i int, s *record.Statement, t *terms.Terms) {
	put := func(what, name string, d record.Decimal) {
		at := slices.IndexFunc(b.rows, func(r *blockRow) bool { return r.what == what && r.name == name })
		if at < 0 {
			at = len(b.rows)
			b.rows = append(b.rows, &blockRow{what, name, make([]cell, n)})
		}
		c, more := &b.rows[at].cells[i], number(d)
		if c.known && more.known {
			sum := c.value.Add(more.value)
			text, ok := sum.Fixed(max(decimals(c.text), decimals(string(d))))
			if !ok {
				text = sum.String()
			}
			*c = cell{text, sum, true}
		} else if c.text == "" || more.known {
			*c = more
		}
	}
	scale := decimals(string(s.Subtotal))
	money := func(x exact.Rat) record.Decimal {
		text, _ := x.Fixed(scale)
		return record.Decimal(text)
	}
	var lines, corrections exact.Rat
	for _, l := range s.Lines {
		quantity := l.Quantity
		if l.Held {
			quantity = "held"
		}
		put("amount", l.Name, l.Amount)
		if t != nil {
			quantity = increment(t, &l)
		}
		put("quantity", l.Name, quantity)
		lines = lines.Add(number(l.Amount).value)
	}
	if change := number(s.Subtotal).value.Sub(lines); len(s.Adjust) > 0 || change.Sign() != 0 {
		put("adjustments", "", money(change))
	}
	put("subtotal", "", s.Subtotal)
	for _, k := range s.Corrections {
		corrections = corrections.Add(number(k.Amount).value)
	}
	if len(s.Corrections) > 0 {
		put("corrections", "", money(corrections))
	}
	if !s.CarriedIn.Zero() {
		put("carried in", "", s.CarriedIn)
	}
	put("total", "", s.Total)
	if s.Due != "" {
		put("due", "", s.Due)
	}
	if !s.CarriedOut.Zero() {
		put("carried out", "", s.CarriedOut)
	}
}

// increment is what a line's quantity adds to those of other periods: "" where
// they do not add up, like shares and greatest values.
func increment(t *terms.Terms, l *record.Line) record.Decimal {
	for i := range t.Lines {
		if t.Lines[i].Name != l.Name {
			continue
		}
		m := t.Measure(t.Lines[i].Of)
		if m == nil || m.Op != "count" && m.Op != "sum" || l.Quantity == "" {
			return ""
		}
		if l.Before == "" {
			return l.Quantity
		}
		return record.Decimal(number(l.Quantity).value.Sub(number(l.Before).value).String()) // over the term: to date
	}
	return ""
}

var blockOrder = []string{"amount", "quantity", "adjustments", "subtotal", "corrections", "carried in", "total", "due", "carried out"}

// order puts the lines first, as the terms have them, and the rest behind them
// as a statement has it. A row that only some have is 0 in none of the others.
func (b *block) order() {
	rank := func(r *blockRow) int {
		if r.name != "" {
			return 0
		}
		return slices.Index(blockOrder, r.what)
	}
	slices.SortStableFunc(b.rows, func(a, z *blockRow) int { return rank(a) - rank(z) })
	// Without a quantity anywhere the line is flat.
	b.rows = slices.DeleteFunc(b.rows, func(r *blockRow) bool {
		return r.what == "quantity" && !slices.ContainsFunc(r.cells, func(c cell) bool { return c.text != "" })
	})
}

func decimals(s string) int {
	if i := strings.IndexByte(s, '.'); i >= 0 {
		return len(s) - i - 1
	}
	return 0
}

// differences are how much more each column has than the first; "" where one of
// them has none.
func (r *blockRow) differences() []string {
	list := make([]string, len(r.cells)-1)
	for i, c := range r.cells[1:] {
		first := r.cells[0]
		if !c.known || !first.known {
			continue
		}
		list[i] = signed(c.value.Sub(first.value), max(decimals(c.text), decimals(first.text)))
	}
	return list
}

// signed writes a difference with its sign.
func signed(x exact.Rat, scale int) string {
	text, ok := x.Fixed(scale)
	if !ok {
		text = x.String()
	}
	if x.Sign() > 0 {
		text = "+" + text
	}
	return text
}

// columns are the headings: the simulations, and then the differences.
func (x *comparison) columns() []string {
	var list []string
	for _, r := range x.runs {
		list = append(list, r.name)
	}
	for _, r := range x.runs[1:] {
		list = append(list, r.name+" - "+x.runs[0].name)
	}
	return list
}

func (r *blockRow) texts() []string {
	list := make([]string, len(r.cells), 2*len(r.cells))
	for i, c := range r.cells {
		list[i] = c.text
	}
	return append(list, r.differences()...)
}

// write writes the tables, what was not taken, and a chart.
func (x *comparison) write(w io.Writer, width int, letters letters) error {
	var b strings.Builder
	fmt.Fprintf(&b, "SIMULATED over %s, %s: nobody has signed this, and nothing is recorded\n", x.past.name, count(x.past.records, "record"))
	if x.past.start > 0 {
		fmt.Fprintf(&b, "The records begin with record %d: what refers to an earlier one has no effect\n", x.past.start)
	}
	for _, r := range x.runs {
		fmt.Fprintf(&b, "%-12s %s\n", r.name, r.terms.Digest())
	}
	blocks := x.blocks()
	open := false
	table := [][]string{}
	for _, k := range blocks {
		name := "all periods"
		if k.period != "" {
			name = k.period
		}
		if k.open {
			name, open = name+" *", true
		}
		table = append(table, nil, append([]string{name + ", " + x.currency}, x.columns()...))
		for _, r := range k.rows {
			name := r.what
			switch r.what {
			case "amount":
				name = "  " + r.name
			case "quantity":
				name = "    quantity"
			}
			table = append(table, append([]string{name}, r.texts()...))
		}
	}
	writeTable(&b, table)
	b.WriteByte('\n')
	if open {
		b.WriteString("* the records end before this period closes\n")
	}
	for _, r := range x.runs {
		for _, text := range r.remarks() {
			b.WriteString(text + "\n")
		}
	}
	x.writeChart(&b, blocks, width, letters)
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTable writes rows with the first column to the left and the others to
// the right; a nil row is an empty line.
func writeTable(b *strings.Builder, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i == 0 {
				line.WriteString(text + space)
			} else {
				line.WriteString("  " + space + text)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// writeCSV writes the tables as rows with their period and what they are.
func (x *comparison) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if err := out.Write(append([]string{"simulated_period", "figure", "line"}, x.columns()...)); err != nil {
		return err
	}
	for _, k := range x.blocks() {
		period := k.period
		if period == "" {
			period = "all"
		}
		for _, r := range k.rows {
			if err := out.Write(append([]string{period, strings.ReplaceAll(r.what, " ", "_"), r.name}, r.texts()...)); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// writeJSON writes the statements whole, as a record would have them but for
// the state that they leave.
func (x *comparison) writeJSON(w io.Writer) error {
	type figure struct {
		Period      string            `json:"period,omitempty"` // absent: all
		Figure      string            `json:"figure"`
		Line        string            `json:"line,omitempty"`
		Values      map[string]string `json:"values"`
		Differences map[string]string `json:"differences,omitempty"`
	}
	type draftReport struct {
		Name       string            `json:"name"`
		Terms      record.Digest     `json:"terms"`
		From       string            `json:"from"`
		Until      string            `json:"until"`
		Statements []json.RawMessage `json:"statements"`
		Open       []string          `json:"open"` // periods that close after the last record
		LeftOpen   int64             `json:"left_open"`
		Taken      int64             `json:"taken"`
		Refused    []refused         `json:"refused"`
	}
	report := struct {
		Simulated bool          `json:"simulated"`
		Over      string        `json:"over"`
		Records   int64         `json:"records"`
		Start     int64         `json:"start"`
		Currency  string        `json:"currency"`
		Drafts    []draftReport `json:"drafts"`
		Figures   []figure      `json:"figures"`
	}{true, x.past.name, x.past.records, x.past.start, x.currency, nil, nil}
	for _, r := range x.runs {
		d := draftReport{Name: r.name, Terms: r.terms.Digest(), From: r.terms.From.String(), Until: r.terms.Until.String(),
			Statements: []json.RawMessage{}, Open: []string{}, LeftOpen: r.left(), Taken: r.taken, Refused: append([]refused{}, r.refused...)}
		for _, s := range r.statements {
			body, err := statementJSON(s.Statement, r.terms.Operator().ID)
			if err != nil {
				return err
			}
			d.Statements = append(d.Statements, body)
			if s.open {
				d.Open = append(d.Open, s.Period)
			}
		}
		report.Drafts = append(report.Drafts, d)
	}
	for _, k := range x.blocks() {
		for _, r := range k.rows {
			f := figure{Period: k.period, Figure: strings.ReplaceAll(r.what, " ", "_"), Line: r.name, Values: map[string]string{}}
			for i, c := range r.cells {
				if c.text != "" {
					f.Values[x.runs[i].name] = c.text
				}
			}
			for i, text := range r.differences() {
				if text != "" {
					if f.Differences == nil {
						f.Differences = map[string]string{}
					}
					f.Differences[x.runs[i+1].name] = text
				}
			}
			report.Figures = append(report.Figures, f)
		}
	}
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// statementJSON is a statement as the body of its record would have it, but
// for the state.
func statementJSON(s *record.Statement, by string) (json.RawMessage, error) {
	whole := *s
	whole.State = s.Detail // of the form that the record wants
	line, err := record.Marshal(&record.Record{Kind: record.KindStatement, ID: "statement/" + s.Period, At: s.Closing, By: by, Body: &whole})
	if err != nil {
		return nil, err
	}
	var envelope struct {
		Body map[string]json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(line, &envelope); err != nil {
		return nil, err
	}
	delete(envelope.Body, "state")
	return json.Marshal(envelope.Body)
}
