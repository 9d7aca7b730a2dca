package fee

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// An Account says of the figures of a statement what the terms do to them. It
// follows from the statement and the terms alone.
type Account struct {
	Lines []LineAccount // as in the statement

	// The sum of the lines, "" of a single one; of the lines and the corrections
	// where these come before the adjustments of the whole statement.
	Sum []Step

	Adjust           []Step // of the whole statement, with the rounding of the subtotal
	CorrectionsFirst bool   // corrections are added before the adjustments, and are in the subtotal
	Total            Step   // from the subtotal to the total
}

// A LineAccount says of a line what the terms do to it.
type LineAccount struct {
	Each     string // what is asked of each result that is priced by itself, "" where none is
	Quantity []Step // what is done to the quantity
	Tiers    []Step // what each tier takes, over the term of all of it where adjustments are made to that
	Amount   []Step // what is done to the price
	Less     *Step  // of a line over the term: what it had come to, nil where the statement does not tell
	Held     string // why it is held, "" where it is not
}

// NewAccount gives the account of a statement, by the terms that are in force
// in a standing. Where it lacks a version that the statement names, it says
// nothing of what rests on that.
func NewAccount(standing *terms.Standing, st *record.Statement) *Account {
	a := &Account{}
	versions := standing.Versions()
	for i := range st.Lines {
		a.Lines = append(a.Lines, lineAccount(standing, versions, st, &st.Lines[i]))
	}
	v := standing.Governing(st.Until - 1)
	if v == nil {
		return a
	}
	a.CorrectionsFirst = v.Terms.Settle.Corrections == "before_minimum" && len(st.Corrections) > 0
	a.adjust(standing, v, st)
	a.total(v.Terms, st)
	return a
}

// newSetOut sets out what is done over a period, by the terms t.
func newSetOut(standing *terms.Standing, t *terms.Terms, rounding *terms.Terms, p terms.Period) *setOut {
	o := &setOut{days: dayWords(standing.Versions())}
	o.setting = setting{scale: rounding.Scale, mode: exact.Mode(rounding.Rounding.Mode)}
	o.setting.covered, o.setting.whole = standing.Covered(p)
	if q, ok := standing.PeriodAt(p.From); ok && q.Until > p.Until {
		// The term ended within it, and was taken up again after it was settled.
		cut := *t
		cut.From, cut.Until = p.From, p.Until
		o.setting.covered, o.setting.whole = cut.Covered(p)
	}
	return o
}

// dayWords say what a share of a period is counted in.
func dayWords(versions []terms.Version) string {
	for i := len(versions) - 1; i >= 0; i-- {
		switch versions[i].Terms.Calendar.DayCount {
		case "seconds":
			return "seconds"
		case "fixed_30":
			return "days (a month has 30)"
		case "actual":
			return "days"
		}
	}
	return "days"
}

func lineAccount(standing *terms.Standing, versions []terms.Version, st *record.Statement, l *record.Line) (a LineAccount) {
	at := slices.IndexFunc(versions, func(v terms.Version) bool { return v.Number == l.Version })
	if at < 0 {
		return a
	}
	t := versions[at].Terms
	line := lineOf(t, l.Name)
	if line == nil {
		return a
	}
	rounding := t
	if v := standing.Governing(st.Until - 1); v != nil {
		rounding = v.Terms
	}
	o := newSetOut(standing, t, rounding, terms.Period{Name: st.Period, From: st.From, Until: st.Until})
	table := newTable(t, line)
	if table.term {
		o.setting.covered, o.setting.whole = 1, 1
	}
	o.convert, o.adjusts, o.steps, o.reads = line.Convert, line.Adjust, l.Adjust, l.Reads
	var left []terms.Adjustment
	a.Quantity, a.Amount, left = o.made()
	a.Each = eachWords(line, nouns[sourceOf(t, line)])
	a.Tiers = tierSteps(table, l, len(a.Amount) > 0)
	if l.Held {
		a.Held = o.heldWords(t, line, l.Quantity, left)
		return a
	}
	// What it comes to over the term is the last amount that is shown, rounded as
	// what it had come to was.
	if now, ok := overTerm(table, l); ok && rounding.Rounding.At != "statement" {
		scale := rounding.Scale
		now = now.round(scale, exact.Mode(rounding.Rounding.Mode))
		had := now.sub(mustParse(l.Amount))
		a.Less = &Step{"less what it had come to before this statement", fmt.Sprintf("%s - %s = %s", fixed(now, scale), fixed(had, scale), l.Amount)}
	}
	return a
}

// overTerm is what a line over the term comes to so far, before it is rounded;
// ok is false where the statement shows only what it gained.
func overTerm(t *table, l *record.Line) (now number, ok bool) {
	for _, s := range l.Adjust {
		if s.Op != "convert" && s.Op != "include" {
			now, ok = mustParse(s.After), true
		}
	}
	switch {
	case !t.term:
		return now, false
	case ok || t.own || t.mode == each:
		return now, ok
	case t.of == "":
		return t.flat, true
	}
	for _, u := range l.Tiers {
		now = now.add(mustParse(u.Amount))
	}
	return now, true
}

// tierSteps are what the tiers take, as the statement shows it. Of an own line
// over the term it shows what they gained; where adjustments are made to all of
// it, that is worked out again from the quantity, and shown if it is what the
// first of them was made to.
func tierSteps(t *table, l *record.Line, adjusted bool) (steps []Step) {
	var amounts []number
	switch {
	case t.mode == each || t.of == "":
	case t.own && t.term && adjusted:
		q, before, first := mustParse(l.Quantity), number{}, true
		for _, s := range l.Adjust {
			switch {
			case s.Op == "convert" || s.Op == "include":
				q = mustParse(s.After)
			case first:
				before, first = mustParse(s.Before), false
			}
		}
		var sum number
		t.split(q, func(tier int, quantity, amount number) {
			steps = append(steps, t.tierStep(record.TierUse{Tier: int64(tier), Quantity: display(quantity), Amount: display(amount)}))
			amounts, sum = append(amounts, amount), sum.add(amount)
		})
		if sum.cmp(before) == 0 {
			return append(steps, sumStep("together, over the term so far", amounts...)...)
		}
		steps, amounts = nil, nil
	case t.own && t.term:
	default:
		for _, u := range l.Tiers {
			steps = append(steps, t.tierStep(u))
			amounts = append(amounts, mustParse(u.Amount))
		}
		if adjusted {
			steps = append(steps, sumStep("together", amounts...)...)
		}
		return steps
	}
	for _, u := range l.Tiers {
		what := fmt.Sprintf("tier %d", u.Tier+1)
		if t.term {
			what += ", added now"
		}
		steps = append(steps, Step{what, fmt.Sprintf("%s for %s", u.Amount, u.Quantity)})
	}
	return steps
}

func lineOf(t *terms.Terms, name string) *terms.Line {
	for i := range t.Lines {
		if t.Lines[i].Name == name {
			return &t.Lines[i]
		}
	}
	return nil
}

// sourceOf is what a line prices: result, action or metric, "" of others.
func sourceOf(t *terms.Terms, l *terms.Line) string {
	if m := t.Measure(l.Of); m != nil {
		return m.Source
	}
	return ""
}

// heldWords say why a line is held, and what was not done to it.
func (o *setOut) heldWords(t *terms.Terms, l *terms.Line, quantity record.Decimal, left []terms.Adjustment) string {
	why := "a figure is larger than a statement can say"
	switch missing := o.missing(left); {
	case l.Of != "" && quantity == "":
		return fmt.Sprintf("held: %s has no value, so nothing is billed on it until it has one", l.Of)
	case missing != "":
		why = missing + " has no value"
	case quantity != "" && mustParse(quantity).sign() < 0 && l.BelowZero == "hold":
		return "held: a quantity below 0 has no price, as agreed"
	}
	text := "held: " + why
	if len(left) > 0 {
		text += ", so these are not applied: " + o.names(left)
	}
	return text + "; nothing is billed on it until the value is there"
}

// togetherRounded ends the words of a step in which what was shown rounded is
// rounded anew, exact and as one.
const togetherRounded = ", rounded once as their exact sum"

// adjust sets out the adjustments of the whole statement, from the sum that
// they begin with to the subtotal.
func (a *Account) adjust(standing *terms.Standing, v *terms.Version, st *record.Statement) {
	var list []number
	for _, l := range st.Lines {
		list = append(list, mustParse(l.Amount))
	}
	what := "the lines together"
	if a.CorrectionsFirst {
		what = "the lines and the corrections together"
		for _, c := range st.Corrections {
			list = append(list, mustParse(c.Amount))
		}
	}
	var sum number
	for _, x := range list {
		sum = sum.add(x)
	}
	if len(list) > 1 {
		a.Sum = []Step{{what, sumOf(list, v.Terms.Scale)}}
	}
	if len(st.Adjust) > 0 {
		if before := mustParse(st.Adjust[0].Before); before.cmp(sum) != 0 {
			// Lines that are rounded at the sum show parts of it.
			a.Sum = append(a.Sum, Step{what + ", before they are rounded", told(before)})
			sum = before
		}
	} else if a.CorrectionsFirst && v.Terms.Rounding.At == "statement" && sum.cmp(mustParse(st.Subtotal)) != 0 {
		// Rounding does not keep sums: half to even 0.005 is 0.00, and with a
		// correction of 0.01 it is 0.015, which is 0.02.
		a.Sum = append(a.Sum, Step{what + togetherRounded, string(st.Subtotal)})
	}
	if len(v.Terms.Adjust) == 0 {
		return
	}
	o := newSetOut(standing, v.Terms, v.Terms, terms.Period{Name: st.Period, From: st.From, Until: st.Until})
	o.adjusts, o.steps, o.reads = v.Terms.Adjust, st.Adjust, st.Reads
	_, steps, left := o.made()
	a.Adjust = steps
	if len(left) > 0 {
		why := "a figure is larger than a statement can say"
		switch missing := o.missing(left); {
		case missing != "":
			why = missing + " has no value, and then, as agreed, none of the adjustments of the whole statement is made"
		case excluded(standing, v.Number):
			why = "nothing is owed under this version of the terms, which the client excluded"
		}
		a.Adjust = append(a.Adjust, Step{What: fmt.Sprintf("not applied: %s: %s", o.names(left), why)})
	}
	if len(steps) > 0 {
		if last := st.Adjust[len(st.Adjust)-1].After; mustParse(last).cmp(mustParse(st.Subtotal)) != 0 {
			a.Adjust = append(a.Adjust, Step{fmt.Sprintf("rounded %s to %s", modeWords(v.Terms.Rounding.Mode), decimalsWords(v.Terms.Scale)), fmt.Sprintf("%s becomes %s", last, st.Subtotal)})
		}
	}
}

// excluded reports whether a later version leaves the history under this one
// out.
func excluded(standing *terms.Standing, number int64) bool {
	return slices.ContainsFunc(standing.Versions(), func(v terms.Version) bool { return v.Number > number && v.History == "exclude" })
}

// total sets out how the total follows from the subtotal.
func (a *Account) total(t *terms.Terms, st *record.Statement) {
	list := []number{mustParse(st.Subtotal)}
	if !a.CorrectionsFirst {
		for _, c := range st.Corrections {
			list = append(list, mustParse(c.Amount))
		}
	}
	if !st.CarriedIn.Zero() {
		list = append(list, mustParse(st.CarriedIn))
	}
	a.Total = Step{"total", string(st.Total)}
	var sum number
	for _, x := range list {
		sum = sum.add(x)
	}
	switch {
	case len(list) > 1:
		a.Total.How = sumOf(list, t.Scale)
	case sum.sign() < 0:
		a.Total.How = string(st.Subtotal)
	}
	if sum.sign() >= 0 {
		return
	}
	switch t.Settle.Negative {
	case "carry":
		a.Total.How += fmt.Sprintf("; below 0 nothing is owed, and %s is carried into the next statement", st.CarriedOut)
	case "forfeit":
		a.Total.How += "; below 0 nothing is owed, and nothing is carried, as agreed"
	case "credit":
		a.Total.How += "; below 0 it is a credit note"
	}
}

// Line is the account of a line; where there is none, what the statement alone
// says.
func (a *Account) Line(st *record.Statement, i int) LineAccount {
	if a != nil && i < len(a.Lines) {
		return a.Lines[i]
	}
	l := &st.Lines[i]
	x := LineAccount{}
	for _, u := range l.Tiers {
		x.Tiers = append(x.Tiers, Step{fmt.Sprintf("tier %d", u.Tier+1), fmt.Sprintf("%s for %s", u.Amount, u.Quantity)})
	}
	for _, s := range l.Adjust {
		step := Step{modeWords(s.Op), fmt.Sprintf("%s becomes %s", s.Before, s.After)}
		if s.Op == "convert" || s.Op == "include" {
			x.Quantity = append(x.Quantity, step)
		} else {
			x.Amount = append(x.Amount, step)
		}
	}
	if l.Held {
		x.Held = "held: a value is missing"
	}
	return x
}

// sumOf writes the sum of amounts.
func sumOf(list []number, scale int) string {
	text, sum := "", number{}
	for i, x := range list {
		sum = sum.add(x)
		switch {
		case i > 0 && x.sign() < 0:
			text += " - "
			x = x.neg()
		case i > 0:
			text += " + "
		}
		text += string(fixed(x, scale))
	}
	return text + " = " + string(fixed(sum, scale))
}
