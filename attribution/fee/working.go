package fee

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A working is what the settlement keeps of how a line comes about, or of how
// a line was and is that a statement corrects, until all records are known.
type working struct {
	was, now *reckoning // was is nil but of a correction
	period   terms.Period
	at       int // place among the lines of the statement, or the corrections

	gained, lost eachSums              // of a line that prices each by itself
	hidden       eachSum               // of actions of which only the sum is known
	prices       map[int64]singlePrice // of one that has free results, by n
	before       map[int64]singlePrice // and before the statement, of a correction
}

// corrects makes ready what a correction is worked out with, nil where nobody
// asks.
func (x *backings) corrects(v *version, t *table) (was, now *reckoning) {
	if x == nil {
		return nil, nil
	}
	was, now = &reckoning{table: t, version: v}, &reckoning{table: t, version: v}
	x.corrections = append(x.corrections, working{was: was, now: now})
	return was, now
}

// priceFree works out the prices of results of which some are free: they are
// not of one record.
func (w *working) priceFree(z *settlement) {
	t := w.now.table
	if t.mode != each || t.free == nil {
		return
	}
	at := z.slotOf(w.period.From, w.now.version, w.now.version.measure(t.of))
	if y := z.tally(at, true); y != nil {
		w.prices = t.pricedAll(y.values)
	}
	if y := z.tally(at, false); y != nil && w.was != nil {
		w.before = t.pricedAll(y.values)
	}
}

// moves notes a record that a line prices by itself, with the quantity that it
// had and the one that it has, and gives its price on paper.
func (w *working) moves(z *settlement, at slot, n int64, was, now number, had, has bool) string {
	t, ok := z.tableEach(z.s.versions[at.version-1], w.now.table.name, at.measure)
	if !ok || w.now.table.mode != each {
		return ""
	}
	if t.free != nil {
		if p, ok := w.prices[n]; ok {
			return p.words(t)
		}
		if p, ok := w.before[n]; ok {
			return "it was " + p.words(t)
		}
		return ""
	}
	text := ""
	if had {
		p := t.pricedOne(was)
		w.lost.add(t, p)
		text = "it was " + p.words(t)
	}
	if has {
		p := t.pricedOne(now)
		w.gained.add(t, p)
		if text != "" {
			text = "; " + text
		}
		text = p.words(t) + text
	}
	return text
}

// acts notes actions that a line prices by itself, and gives what prices one of
// them on paper. Of those that the state took over only the sum is known.
func (w *working) acts(z *settlement, c countedUsage) (price func(a acted) string) {
	none := func(acted) string { return "" }
	t, ok := z.tableEach(z.s.versions[c.to.version-1], w.now.table.name, c.to.measure)
	switch {
	case !ok || w.now.table.mode != each:
		return none
	case t.free != nil:
		return func(a acted) string { return w.moves(z, c.to, a.n, number{}, a.part.quantity, false, true) }
	}
	var known number
	if t.share < len(c.prices) {
		w.gained.join(&c.prices[t.share])
		_, known = c.prices[t.share].total()
	}
	if n := c.claims - c.passed; n > 0 && t.share < len(c.sums) {
		w.hidden.n, w.hidden.amount = w.hidden.n+n, w.hidden.amount.add(c.sums[t.share].sub(known))
	}
	return func(a acted) string {
		p := t.pricedOne(a.part.quantity)
		return p.words(t)
	}
}

// tableEach is the line of a name of a version, where that prices results of
// a measure by itself.
func (z *settlement) tableEach(v *version, line string, measure int) (t *table, ok bool) {
	i := v.line(line)
	if i < 0 || v.tables[i].mode != each || v.tables[i].of != v.measures[measure].Name {
		return nil, false
	}
	return v.tables[i], true
}

// steps are how a line comes about.
func (w *working) steps(z *settlement, l *record.Line) []Step {
	r := w.now
	line := &r.version.terms.Lines[r.version.line(r.table.name)]
	if r.was == nil {
		out := append(w.source(z, r, line, true), w.reckoned(z, r, line, true)...)
		return append(out, z.ends(r, line, l)...)
	}
	// Over the term: what all of it comes to, less what it had come to.
	side := func(head string, r *reckoning, after bool) []Step {
		return append([]Step{{What: head}}, indented(append(w.source(z, r, line, after), w.reckoned(z, r, line, after)...))...)
	}
	out := side("what it had come to before this statement:", r.was, false)
	out = append(out, side("what it comes to now, over the term so far:", r, true)...)
	return append(out, z.ends(r, line, l)...)
}

// indented sets steps under what they lead to.
func indented(steps []Step) []Step {
	out := make([]Step, len(steps))
	for i, s := range steps {
		out[i] = Step{"  " + s.What, s.How}
	}
	return out
}

// mode is how the statement rounds.
func (z *settlement) mode() exact.Mode { return exact.Mode(z.terms.Rounding.Mode) }

// source says what a line prices, and how much of it there is.
func (w *working) source(z *settlement, r *reckoning, line *terms.Line, after bool) []Step {
	b := z.book(r.version, w.period.From, after)
	if line.Of == "" {
		return []Step{{What: "it is a flat amount of " + string(line.Flat)}}
	}
	var out []Step
	what := sourceWords(b.version.terms, line.Of)
	if r.version.terms.Formula(line.Of) != nil {
		out = b.formulas(line.Of)
		what = "formula " + line.Of
	}
	switch q := r.quantity.display(); {
	case q == "":
		out = append(out, Step{What: what + " has no value"})
	case r.table.term && r.was == nil && r.before.ok && after:
		out = append(out, Step{What: fmt.Sprintf("%s is %s, over the term so far; at the statement before it was %s", what, q, r.before.display())})
	default:
		out = append(out, Step{What: fmt.Sprintf("%s is %s", what, q)})
	}
	return out
}

// formulas say what a formula computes, and those before it that it reads.
func (b *book) formulas(name string) []Step {
	f := b.version.terms.Formula(name)
	if f == nil {
		return nil
	}
	var out []Step
	var values []string
	for _, of := range f.Is.Names() {
		if b.version.measure(of) < 0 && b.version.terms.Constant(of) == nil && b.version.terms.Formula(of) == nil {
			continue
		}
		out = append(out, b.formulas(of)...)
		if x, ok := b.value(of); ok {
			values = append(values, of+" "+told(x))
		} else {
			values = append(values, of+" without a value")
		}
	}
	text := fmt.Sprintf("formula %s = %s", name, f.Is)
	if values != nil {
		text += ", with " + strings.Join(values, ", ")
	}
	return append(out, Step{What: text})
}

// reckoned is the arithmetic from a quantity to an amount that is not rounded.
func (w *working) reckoned(z *settlement, r *reckoning, line *terms.Line, after bool) []Step {
	t := r.table
	var out []Step
	o := &setOut{convert: line.Convert, adjusts: line.Adjust, steps: r.steps, reads: r.reads, free: &r.free, days: dayWords(z.s.standing.Versions())}
	o.setting = setting{covered: r.covered, whole: r.whole, scale: z.terms.Scale, mode: z.modeOf(w.period.From)}
	quantity, amount, _ := o.made()
	if q := r.quantity; t.mode != each && t.of != "" && q.ok && q.sign() < 0 {
		switch t.below {
		case "negative":
			out = append(out, Step{What: "below 0 it is priced without its sign, as agreed, and the price is below 0"})
		case "zero":
			out = append(out, Step{What: "below 0 it counts as 0, as agreed"})
		}
	}
	out = append(out, quantity...)
	switch {
	case r.start == nil || t.of == "":
	case t.mode == each:
		out = append(out, w.each(r, after)...)
	default:
		tiers := r.tiers
		if t.term && t.own {
			tiers = r.all
		}
		var amounts []number
		for _, u := range tiers {
			out = append(out, t.tierStep(u))
			amounts = append(amounts, mustParse(u.Amount))
		}
		if len(tiers) == 0 {
			out = append(out, Step{"no tier has any of it", "0"})
		}
		out = append(out, sumStep("together", amounts...)...)
	}
	b := z.book(r.version, w.period.From, after)
	for _, a := range r.reads {
		out = append(out, b.formulas(a.Name)...)
		switch {
		case a.Value == "":
			out = append(out, Step{What: readWords(r.version.terms, a.Name) + " has no value"})
		default:
			out = append(out, Step{What: fmt.Sprintf("%s is %s", readWords(r.version.terms, a.Name), a.Value)})
		}
	}
	return append(out, amount...)
}

// readWords name what an adjustment reads.
func readWords(t *terms.Terms, name string) string {
	if t.Formula(name) != nil {
		return "formula " + name
	}
	return sourceWords(t, name)
}

// each is the arithmetic of a line that prices each of its results by itself.
func (w *working) each(r *reckoning, after bool) []Step {
	t := r.table
	noun := nouns[r.version.measures[r.version.measure(t.of)].Source]
	out := []Step{{What: eachWords(t.line, noun)}}
	switch {
	case t.free != nil:
		prices := w.prices
		if !after {
			prices = w.before
		}
		var sums eachSums
		for _, p := range prices {
			sums.add(t, p)
		}
		return append(out, sums.all(t, noun)...)
	case !after:
		return append(out, Step{"the prices of those before this statement", told(*r.start)})
	}
	n, gained := w.gained.total()
	m, lost := w.lost.total()
	had := r.start.sub(gained).sub(w.hidden.amount).add(lost)
	if w.was == nil && r.was == nil && r.before.sign() == 0 && had.sign() == 0 && m == 0 && w.hidden.n == 0 {
		return append(out, w.gained.all(t, noun)...)
	}
	out = append(out, Step{"the prices of those before this statement", told(had)})
	list := []number{had}
	if n > 0 {
		steps, amounts := w.gained.steps(t, noun)
		out = append(append(out, steps...), sumStep("those that count now, together", amounts...)...)
		list = append(list, gained)
	}
	if w.hidden.n > 0 {
		out = append(out, Step{fmt.Sprintf("%s before the bundle, of which only the sum is known", many(w.hidden.n, noun)), told(w.hidden.amount)})
		list = append(list, w.hidden.amount)
	}
	if m > 0 {
		steps, amounts := w.lost.steps(t, noun)
		for i := range steps {
			steps[i].What = "taken out: " + steps[i].What
		}
		out = append(append(out, steps...), sumStep("those that are taken out, together", amounts...)...)
		list = append(list, lost.neg())
	}
	return append(out, sumStep("together", list...)...)
}

// all are the sums of all that count.
func (s *eachSums) all(t *table, noun string) []Step {
	steps, amounts := s.steps(t, noun)
	if len(steps) == 0 {
		return []Step{{fmt.Sprintf("no %s counts", noun), "0"}}
	}
	return append(steps, sumStep("together", amounts...)...)
}

// ends are the last steps of a line: its rounding, and over the term what it
// had come to.
func (z *settlement) ends(r *reckoning, line *terms.Line, l *record.Line) []Step {
	scale := z.terms.Scale
	if r.held {
		o := &setOut{adjusts: line.Adjust, steps: r.steps, reads: r.reads, days: dayWords(z.s.standing.Versions())}
		o.setting = setting{covered: r.covered, whole: r.whole, scale: scale, mode: z.mode()}
		_, _, left := o.made()
		return []Step{{What: o.heldWords(r.version.terms, line, l.Quantity, left)}}
	}
	rounding := Step{What: roundingWords(z.terms)}
	if !r.table.term {
		rounding.How = fmt.Sprintf("%s becomes %s", told(r.end.number), l.Amount)
		return []Step{rounding}
	}
	now := r.end.number
	if r.was == nil && !r.table.own {
		now = kept(now)
	}
	if z.terms.Rounding.At == "statement" {
		return append([]Step{{"less what it had come to before this statement", told(now) + " - " + told(r.had) + " = " + told(now.sub(r.had))}},
			Step{rounding.What, fmt.Sprintf("%s becomes %s", told(now.sub(r.had)), l.Amount)})
	}
	x, y := fixed(z.round(now), scale), fixed(z.round(r.had), scale)
	out := []Step{{rounding.What, fmt.Sprintf("%s becomes %s", told(now), x)}}
	if r.was != nil || r.had.sign() != 0 {
		out = append(out, Step{"what it had come to before this statement, rounded alike", fmt.Sprintf("%s becomes %s", told(r.had), y)})
	}
	return append(out, Step{"less what it had come to before this statement", fmt.Sprintf("%s - %s = %s", x, y, l.Amount)})
}

// correction is how a line of an earlier period was, and how it is now.
func (w *working) correction(z *settlement, c *record.Correction) []Step {
	v, t := w.now.version, w.now.table
	line := &v.terms.Lines[v.line(t.name)]
	scale := z.terms.Scale
	var out []Step
	side := func(head string, r *reckoning, after bool) record.Decimal {
		out = append(out, Step{What: head})
		steps := append(w.source(z, r, line, after), w.reckoned(z, r, line, after)...)
		amount := fixed(z.settledAt(w.period.From, r.end), scale)
		switch {
		case r.end.ok && r.start != nil:
			steps = append(steps, Step{fmt.Sprintf("rounded %s to %s", modeWords(string(z.modeOf(w.period.From))), decimalsWords(scale)), fmt.Sprintf("%s becomes %s", told(r.end.number), amount)})
		case r.end.ok:
			steps = append(steps, Step{"nothing is due where no " + nouns[sourceOf(v.terms, line)] + " counts", string(amount)})
		default:
			o := &setOut{adjusts: line.Adjust, steps: r.steps, reads: r.reads, days: dayWords(z.s.standing.Versions())}
			o.setting = setting{covered: r.covered, whole: r.whole, scale: scale, mode: z.modeOf(w.period.From)}
			_, _, left := o.made()
			steps = append(steps, Step{o.heldWords(v.terms, line, r.quantity.display(), left), string(amount)})
		}
		out = append(out, indented(steps)...)
		return amount
	}
	was := side("as it was before this statement:", w.was, false)
	now := side("as it is now:", w.now, true)
	if t.mode == each && t.free != nil {
		out = append(out, w.shifted(t)...)
	}
	return append(out, Step{"the difference", fmt.Sprintf("%s - %s = %s", now, was, c.Amount)})
}

// mostShifted is how many prices are listed that another record changed.
const mostShifted = 20

// shifted names the results whose price changed, since what is free is of all
// results together.
func (w *working) shifted(t *table) []Step {
	var list []int64
	for n, p := range w.prices {
		if was, ok := w.before[n]; ok && (was.amount.cmp(p.amount) != 0 || was.rest.cmp(p.rest) != 0) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	var out []Step
	for i, n := range list {
		if i == mostShifted {
			return append(out, Step{What: fmt.Sprintf("and %d more have another price", len(list)-i)})
		}
		was, now := w.before[n], w.prices[n]
		out = append(out, Step{What: fmt.Sprintf("record %d has another price: it was %s, and is %s", n, was.words(t), now.words(t))})
	}
	return out
}
