package terms

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// adjustmentOps are the elements of adjust. The order of the list is the order
// of evaluation.
var adjustmentOps = []string{"include", "times", "factor", "percent_off", "at_least", "at_most", "prorate"}

// adjustments reads the optional list adjust of a line or, where line is nil,
// of the document.
func (d *document) adjustments(t *Terms, line *Line, o *object) []Adjustment {
	v, path, ok := o.optional("adjust")
	if !ok {
		d.checkLineOver(t, line, o.path)
		return nil
	}
	l, ok := d.listOf(path, v, maxAdjust)
	if !ok {
		return nil
	}
	var list []Adjustment
	for i, v := range l {
		ao, ok := d.object(element(path, i), v)
		if !ok {
			continue
		}
		a := Adjustment{}
		for _, op := range adjustmentOps {
			switch {
			case !ao.has(op):
			case a.Op != "":
				ao.taken[op] = true
				d.fail(ao.path, "has %s and %s, want one of them: the order of the list is the order of evaluation", a.Op, op)
			default:
				a.Op = op
			}
		}
		d.adjustment(t, line, &a, ao, list)
		ao.end()
		list = append(list, a)
	}
	if line != nil {
		line.Adjust = list
	}
	d.checkLineOver(t, line, o.path)
	return list
}

// adjustment reads an element, which has those of before in front of it.
func (d *document) adjustment(t *Terms, line *Line, a *Adjustment, o *object, before []Adjustment) {
	switch a.Op {
	case "":
		d.fail(o.path, "want %s", anyOf(adjustmentOps))
		for name := range o.fields {
			o.taken[name] = true
		}
	case "include":
		d.include(t, line, a, o, before)
	case "times":
		a.By = d.factorName(t, line, o, "times")
		a.Undefined = d.undefined(o)
	case "factor":
		if fo, ok := o.object("factor"); ok {
			d.factor(t, line, a, fo)
			fo.end()
		}
	case "percent_off":
		a.Amount = o.percent("percent_off")
	case "at_least", "at_most":
		a.Amount = o.money(t, a.Op, false)
		switch {
		case line != nil && !t.PerPeriod(line):
			o.refuse("partial", "the amount is not one of a period")
		case !d.calendarRead:
			o.taken["partial"] = true
		case t.CutsPeriod():
			a.Partial = o.choice("partial", "full", "prorated")
		default:
			o.refuse("partial", "the term cuts no period")
		}
	case "prorate":
		o.choice("prorate", "term")
		if line != nil && !t.PerPeriod(line) {
			d.fail(join(o.path, "prorate"), "the amount is not one of a period, so the term does not cut it")
		}
	}
}

// PerPeriod reports whether the amount of a line is that of one period: it is
// not one of the term to date, and not one that is due once.
func (t *Terms) PerPeriod(l *Line) bool {
	if l.Flat != "" {
		return l.DueAt == 0
	}
	return t.OverOf(l.Of) != "term"
}

func (d *document) include(t *Terms, line *Line, a *Adjustment, o *object, before []Adjustment) {
	path := join(o.path, "include")
	a.Amount = o.decimal("include", true)
	switch {
	case line == nil:
		d.fail(path, "is for the quantity of a line, and the document has none")
	case line.Flat != "":
		d.fail(path, "is for a quantity, and a flat line has none")
	case line.Mode == "each":
		d.fail(path, "is for the whole quantity, and with mode each every result is priced by itself: want each.free")
	case len(before) > 0 && before[0].Op == "include":
		d.fail(path, "stands twice, want it once")
	case len(before) > 0:
		d.fail(path, "stands after %s, want it first: it comes before the price, and all others after it", before[len(before)-1].Op)
	}
	a.Unused = o.choice("unused", "lost", "rolls")
	if a.Unused == "rolls" && line != nil && line.Of != "" && t.OverOf(line.Of) == "term" {
		d.fail(join(o.path, "unused"), "got rolls, want lost: %s is over the term, and there is no period to roll into", line.Of)
	}
	if v, at, ok := o.optional("rolls_to"); ok {
		switch a.Unused {
		case "rolls":
			a.RollsTo = d.decimalOf(at, v, true)
			if a.RollsTo != "" && a.Amount != "" && compareDecimals(a.RollsTo, a.Amount) < 0 {
				d.fail(at, "got %s, want at least the %s that each period includes", a.RollsTo, a.Amount)
			}
		case "lost":
			d.fail(at, "unknown field: what is unused is lost")
		}
	}
}

// factorName reads the name of what an amount is multiplied by.
func (d *document) factorName(t *Terms, line *Line, o *object, field string) string {
	s, ok := o.text(field, "the name of a measure or a formula")
	if !ok {
		return ""
	}
	switch {
	case !t.isNumber(s):
		d.fail(join(o.path, field), "there is no measure or formula %s", quote(s))
	case line == nil && t.OverOf(s) == "term":
		d.fail(join(o.path, field), "%s is over the term, want one over the period, as the statement is", s)
	case line != nil && line.Flat != "" && line.DueAt == 0 && t.OverOf(s) == "term":
		d.fail(join(o.path, field), "%s is over the term, want one over the period, as a flat line is", s)
	}
	return s
}

// undefined reads what stands in for a factor without a value.
func (d *document) undefined(o *object) string {
	const want = `"hold" or a decimal in quotes`
	v, path, ok := o.field("undefined", want)
	switch {
	case !ok:
		return ""
	case v == "hold":
		return "hold"
	}
	if s, isText := v.(string); isText {
		if _, err := record.ParseDecimal(s); err != nil {
			d.fail(path, "got %s, want %s", quote(s), want)
			return ""
		}
	}
	return string(d.decimalOf(path, v, false))
}

func (d *document) factor(t *Terms, line *Line, a *Adjustment, o *object) {
	a.By = d.factorName(t, line, o, "by")
	steps, path, _ := o.list("steps", maxSteps)
	for i, v := range steps {
		so, ok := d.object(element(path, i), v)
		if !ok {
			continue
		}
		s := Step{From: so.signed("from"), Times: so.decimal("times", false)}
		if n := len(a.Steps); n > 0 && s.From != "" && a.Steps[n-1].From != "" && compareDecimals(s.From, a.Steps[n-1].From) <= 0 {
			d.fail(join(so.path, "from"), "got %s, want more than %s in the step before", s.From, a.Steps[n-1].From)
		}
		so.end()
		a.Steps = append(a.Steps, s)
	}
	a.Below = o.decimal("below", false)
	a.Undefined = d.undefined(o)
}

// checkLineOver checks that a line and all that its adjustments read are over
// the period, or all over the term.
func (d *document) checkLineOver(t *Terms, line *Line, path string) {
	if line == nil {
		return
	}
	var read []string
	add := func(name string) {
		// A formula that mixes them by itself has its own mistake.
		own := t.Reads(name)
		if !slices.ContainsFunc(own, func(m string) bool { return t.Measure(m).Over != t.OverOf(name) }) {
			read = append(read, own...)
		}
	}
	add(line.Of)
	for _, a := range line.Adjust {
		add(a.By)
	}
	d.checkOver(t, path, read)
}
