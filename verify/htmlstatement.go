package verify

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

// writeStatements writes what a replay bundle tells: each statement with how
// its total comes about.
func (p *Page) writeStatements(h *page) {
	r := p.Report
	if len(r.Statements) == 0 {
		h.add("<section>\n<h2>Statements</h2>\n<p>There is no statement in this stretch of the ledger.</p>\n</section>\n")
	}
	if r.Amounts == "verified" {
		h.add("<section>\n<h2>In short</h2>\n<ul>\n")
		for i := range r.Statements {
			s := &r.Statements[i]
			if !s.Recomputed || s.History == excludes {
				continue
			}
			h.add("<li>%s: the total is <b>%s %s</b>", s.Period, s.Total, s.Currency)
			if s.Due != "" {
				h.add(", of which %s are still to be paid", s.Due)
			}
			if !s.Agreed && s.History == "" {
				h.add(", by terms that the client has not signed")
			}
			h.add(".</li>\n")
		}
		h.add("</ul>\n</section>\n")
	}
	for i := range r.Statements {
		writeStatement(h, &r.Statements[i], r.Amounts)
	}
	if r.Next != nil {
		text := "closes"
		if r.Next.Overdue {
			text = "is OVERDUE: it should have been settled after"
		}
		h.add("<p>The next period to be settled, %s, %s %s.</p>\n", r.Next.Period, text, moment(r.Next.Closing))
	}
}

func writeStatement(h *page, s *Statement, amounts string) {
	h.add("<section>\n<h2>Statement %s</h2>\n<p>For the time from %s until %s, closed %s. It settles what the records before no. %d say.</p>\n", s.Period, moment(s.From), moment(s.Until), moment(s.Statement.Closing), s.N)
	note := func(text string) { h.add("<p><b>%s</b></p>\n", text) }
	switch {
	case s.History == excludes:
		note("Excluded: when the client signed, the agreement left this history out. Nothing of it is owed.")
	case s.History == adopts:
		note("Adopted: computed before the client had signed, and taken over by the agreement.")
	case !s.Agreed:
		note("NOT AGREED: the client has not signed the terms that this rests on.")
	}
	if s.Continued {
		h.add("<p>The file continues from this statement. Its lines and total were checked with the file before, and are not shown here. Carried out of it: %s %s.</p>\n</section>\n", s.CarriedOut, s.Currency)
		return
	}
	switch {
	case !s.Recomputed:
		note("NOT COMPUTED AGAIN: these are the figures as written in the ledger. Why they could not be computed stands under what was checked.")
	case strings.HasPrefix(amounts, "not verified"):
		note("The amounts are " + amounts + ".")
	default:
		h.add("<p>Every figure was computed again from the records, and came out the same.</p>\n")
	}
	w := &waterfall{currency: s.Currency}
	writeLines(h, s, w)
	w.write(h)
	writeBehind(h, s)
	writeGrades(h, s)
	writeCounts(h, s)
	h.add("</section>\n")
}

// writeLines writes the statement as a table, and its steps into w.
func writeLines(h *page, s *Statement, w *waterfall) {
	h.add("<table class=\"grid\">\n<thead><tr><th>What</th><th>How it comes about</th><th class=\"n\">%s</th></tr></thead>\n<tbody>\n", s.Currency)
	row := func(class, what, how string, amount record.Decimal) {
		h.add("<tr class=\"%s\"><td>%s</td><td>%s</td><td class=\"n\">%s</td></tr>\n", markup(class), what, how, string(amount))
	}
	leads := func(class, what, how, from string, amount record.Decimal, line string, version int64, period string) {
		link := s.behindOf(line, version, period)
		switch {
		case link < 0:
			row(class, what, how+from, amount)
			return
		case from == "":
			from = "the records"
			if how != "" {
				how += ": "
			}
		}
		h.add("<tr class=\"%s\"><td>%s</td><td>%s<a href=\"#behind-%d-%d\">%s</a></td><td class=\"n\">%s</td></tr>\n", markup(class), what, how, s.N, link, from, string(amount))
	}
	part := func(what, how string) { row("part", what, how, "") }
	steps := func(list []fee.Step) {
		for _, step := range list {
			part(strings.TrimSpace(step.What), step.How)
		}
	}
	read := func(list []record.Reading) {
		for _, r := range list {
			value := string(r.Value)
			if value == "" {
				value = "without value"
			}
			part("reads "+r.Name, value)
		}
	}
	for i, l := range s.Lines {
		how := strings.TrimPrefix(quantityWords(&l), ", ")
		from := ""
		if l.Records > 0 {
			from = fmt.Sprintf("from %s, no. %d to %d", many(l.Records, s.lineNoun(i)), l.First, l.Last)
			if how != "" {
				how += ", "
			}
		}
		leads("line", fmt.Sprintf("%s, terms version %d", words(l.Name), l.Version), how, from, l.Amount, l.Name, l.Version, "")
		if list := s.stepsOf(l.Name, l.Version, ""); list != nil {
			steps(list)
		} else {
			a := s.Account.Line(s.Statement, i)
			steps(a.Quantity)
			steps(a.Tiers)
			read(l.Reads)
			steps(a.Amount)
			if a.Held != "" {
				part(a.Held, "")
			}
		}
		w.step(words(l.Name), l.Amount)
	}
	corrections := func() {
		for _, c := range s.Corrections {
			leads("line", "Correction of "+c.Period, fmt.Sprintf("%s, terms version %d, quantity %s to %s", words(c.Line), c.Version, c.QuantityBefore, c.Quantity), "", c.Amount, c.Line, c.Version, c.Period)
			steps(s.stepsOf(c.Line, c.Version, c.Period))
			w.step("correction of "+c.Period, c.Amount)
		}
	}
	if s.correctionsFirst() {
		corrections()
	}
	steps(s.sums())
	read(s.Reads)
	for _, a := range s.adjustments() {
		row("line", a.What, a.How, "")
	}
	for _, a := range s.Adjust {
		w.to(words(a.Op), record.Decimal(atScale(a.After, s.Subtotal)))
	}
	row("sum", "Subtotal", "", s.Subtotal)
	w.sum("Subtotal", s.Subtotal)
	if !s.correctionsFirst() {
		corrections()
	}
	if !s.CarriedIn.Zero() {
		row("line", "Carried in", "from the statements before", s.CarriedIn)
		w.step("carried in", s.CarriedIn)
	}
	row("sum", "Total", s.below(), s.Total)
	if !s.CarriedOut.Zero() {
		row("line", "Carried out", "to the statement after, not owed now", s.CarriedOut)
		w.to("carried out", s.Total)
	}
	w.sum("Total", s.Total)
	if s.ClaimedTotal != "" {
		row("line", "Total claimed", "what the ledger says instead", s.ClaimedTotal)
	}
	for _, d := range s.Prepaid {
		row("line", "Prepaid "+words(d.Name), fmt.Sprintf("%s before, %s used, %s left", d.Before, d.Used, d.After), negated(d.Used))
		w.step("prepaid "+words(d.Name), negated(d.Used))
	}
	if s.Due != "" {
		row("sum", "Still to be paid", "", s.Due)
		w.sum("Still to be paid", s.Due)
	}
	h.add("</tbody>\n</table>\n")
}

// stepsOf are how a line, or a correction of one, comes about, nil where that
// was not asked for.
func (s *Statement) stepsOf(line string, version int64, period string) []fee.Step {
	for i := range s.Behind {
		if b := &s.Behind[i]; b.Line == line && b.Version == version && b.Period == period {
			return b.Steps
		}
	}
	return nil
}

func negated(d record.Decimal) record.Decimal {
	switch {
	case d == "" || d.Zero():
		return d
	case d[0] == '-':
		return d[1:]
	}
	return "-" + d
}

func writeGrades(h *page, s *Statement) {
	if len(s.Grades) == 0 {
		return
	}
	h.add("<h3>On whose word the subtotal rests</h3>\n<table class=\"grid\">\n<tbody>\n")
	for _, g := range s.Grades {
		h.add("<tr><td>%s</td><td class=\"n\">%s %s</td></tr>\n", gradeText(g), string(g.Amount), s.Currency)
	}
	h.add("</tbody>\n</table>\n")
}

func writeCounts(h *page, s *Statement) {
	if len(s.Counts) == 0 {
		return
	}
	h.add("<h3>What was counted, and why some was not billed</h3>\n<table class=\"grid\">\n<thead><tr><th class=\"n\">How many</th><th>What became of them</th><th></th></tr></thead>\n<tbody>\n")
	for i, c := range s.Counts {
		h.add("<tr><td class=\"n\">%s</td><td>%s</td><td class=\"small\">%s</td></tr>\n", many(c.N, s.countNoun(i)), reasonText(c.Reason), words(c.Reason))
	}
	h.add("</tbody>\n</table>\n")
}

// A waterfall is how a total comes about, as bars. They are drawn from floats;
// the figures beside them are the exact ones.
type waterfall struct {
	currency string
	bars     []bar
	at       float64
}

type bar struct {
	name     string
	from, to float64
	text     string
	sum      bool
}

func drawn(d record.Decimal) float64 {
	f, err := strconv.ParseFloat(string(d), 64)
	if err != nil || math.IsInf(f, 0) {
		return 0
	}
	return f
}

// step adds an amount.
func (w *waterfall) step(name string, amount record.Decimal) {
	from := w.at
	w.at += drawn(amount)
	w.bars = append(w.bars, bar{name: name, from: from, to: w.at, text: string(amount)})
}

// to goes on to an amount.
func (w *waterfall) to(name string, amount record.Decimal) {
	from := w.at
	w.at = drawn(amount)
	w.bars = append(w.bars, bar{name: name, from: from, to: w.at, text: "to " + string(amount)})
}

// sum stands for all before.
func (w *waterfall) sum(name string, amount record.Decimal) {
	w.at = drawn(amount)
	w.bars = append(w.bars, bar{name: name, from: 0, to: w.at, text: string(amount), sum: true})
}

// maxBars is how many bars are drawn; the table has them all.
const maxBars = 60

func (w *waterfall) write(h *page) {
	if len(w.bars) > maxBars {
		h.add("<p class=\"small\">%d steps are too many to draw.</p>\n", len(w.bars))
		return
	}
	lo, hi := 0.0, 0.0
	for _, b := range w.bars {
		lo, hi = min(lo, b.from, b.to), max(hi, b.from, b.to)
	}
	if hi == lo {
		hi = lo + 1
	}
	const left, width, right, rowHeight = 230, 480, 150, 24
	x := func(v float64) float64 { return left + (v-lo)/(hi-lo)*width }
	height := len(w.bars)*rowHeight + 8
	h.add("<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"How the total comes about, in %s\">\n<path d=\"M%.1f 0V%d\" stroke=\"#8a939b\" stroke-width=\"1\" />\n", left+width+right, height, w.currency, x(0), height)
	for i, b := range w.bars {
		y := i*rowHeight + 6
		fill, weight := markup("#3f7fbf"), markup("400")
		switch {
		case b.sum:
			fill, weight = "#3a434b", "600"
		case b.to < b.from:
			fill = "#cf8a2e"
		}
		a, z := x(min(b.from, b.to)), x(max(b.from, b.to))
		h.add("<text x=\"%d\" y=\"%d\" font-size=\"12.5\" text-anchor=\"end\" font-weight=\"%s\">%s</text>", left-10, y+13, weight, fit(b.name, 32))
		h.add("<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"16\" fill=\"%s\" />", a, y, max(z-a, 1), fill)
		h.add("<text x=\"%.1f\" y=\"%d\" font-size=\"12.5\" font-weight=\"%s\">%s</text>", z+6, y+13, weight, fit(b.text, 24))
		if i+1 < len(w.bars) {
			h.add("<path d=\"M%.1f %dV%d\" stroke=\"#8a939b\" stroke-width=\"1\" stroke-dasharray=\"2 2\" />", x(b.to), y+16, y+rowHeight)
		}
		h.add("\n")
	}
	h.add("</svg>\n<p class=\"small\">Blue adds, orange takes away, dark is what it comes to. The bars only show proportions; the figures are exact.</p>\n")
}
