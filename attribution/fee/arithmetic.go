package fee

import (
	"fmt"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A Step is one step of an amount, for people: what is done, and the sum as it
// is done on paper, "" where nothing is computed.
//
//	10 x 5 = 50
//	10 x 5 + 3 = 53, rounded 53.00
//	250 / 100 = 2.5, rounded up to 3; 3 x 20 = 60
//	50 becomes 40
type Step struct{ What, How string }

// String is the step in one line.
func (s Step) String() string {
	if s.How == "" {
		return s.What
	}
	return s.What + ": " + s.How
}

// told writes a number of an explanation.
func told(x number) string { return string(display(x)) }

// sumWords writes a sum with its terms, as "1 + 2 - 3".
func sumWords(list []number) string {
	var b strings.Builder
	for i, x := range list {
		switch {
		case i > 0 && x.sign() < 0:
			b.WriteString(" - ")
			x = x.neg()
		case i > 0:
			b.WriteString(" + ")
		}
		b.WriteString(told(x))
	}
	return b.String()
}

// sumStep is the sum of several numbers, nil of one.
func sumStep(what string, list ...number) []Step {
	if len(list) < 2 {
		return nil
	}
	var sum number
	for _, x := range list {
		sum = sum.add(x)
	}
	return []Step{{what, sumWords(list) + " = " + told(sum)}}
}

// chargeWords is what a tier takes for its part of a quantity, on paper: the
// amount is that which was computed, rounded where each tier is.
func (t *table) chargeWords(tier int, q, took number) string {
	x, u := &t.tiers[tier], &t.line.Tiers[tier]
	text, computed := "", true
	switch {
	case u.Package != nil:
		mode, word := exact.Down, "down"
		if x.roundUp {
			mode, word = exact.Up, "up"
		}
		lots := q.per(x.size, mode)
		r, _ := q.rat().Quo(x.size.rat())
		text = fmt.Sprintf("%s / %s = %s, rounded %s to %s; %s x %s", told(q), told(x.size), told(numberOf(r)), word, told(lots), told(lots), told(x.price))
	case u.Unit != "" || u.Rate != "":
		text = fmt.Sprintf("%s x %s", told(q), told(x.unit))
	default:
		text, computed = told(x.flat), false
	}
	if computed && u.Flat != "" {
		text += " + " + told(x.flat)
	}
	amount := took // of a quotient it has digits that its figure lacks
	if t.roundTiers {
		amount = x.charge(q)
	}
	if computed {
		text += " = " + told(amount)
	}
	if took.cmp(amount) != 0 {
		text += ", rounded " + told(took)
	}
	return text
}

// tierStep is what one tier takes, as a statement shows it: with the sign of a
// quantity below 0.
func (t *table) tierStep(u record.TierUse) Step {
	what := tierWords(t.line, int(u.Tier))
	if u.Tier < 0 || int(u.Tier) >= len(t.tiers) {
		return Step{what, string(u.Amount)}
	}
	q, amount := mustParse(u.Quantity), mustParse(u.Amount)
	if q.sign() < 0 || amount.sign() < 0 {
		how := t.chargeWords(int(u.Tier), q.neg(), amount.neg())
		if amount.sign() != 0 {
			how += ", with its sign " + told(amount)
		}
		return Step{what, how}
	}
	return Step{what, t.chargeWords(int(u.Tier), q, amount)}
}

// A setOut sets out the adjustments of a line or of a statement: what each of
// them did, by the terms.
type setOut struct {
	convert *terms.Convert
	adjusts []terms.Adjustment
	steps   []record.Adjustment // that were made, in their order
	reads   []record.Reading
	free    *number // what of the quantity is included, with what rolled, nil where that is not known
	setting setting // for the share of the period, and the rounding of a bound
	days    string  // what the share is counted in
}

// value is what an adjustment reads.
func (o *setOut) value(name string) record.Decimal {
	for _, r := range o.reads {
		if r.Name == name {
			return r.Value
		}
	}
	return ""
}

// made are the steps of the adjustments that were made, those of the quantity
// apart, and the adjustments that were not.
func (o *setOut) made() (quantity, amount []Step, left []terms.Adjustment) {
	steps := o.steps
	next := func(op string) (a record.Adjustment, ok bool) {
		if len(steps) == 0 || steps[0].Op != op {
			return a, false
		}
		a, steps = steps[0], steps[1:]
		return a, true
	}
	if o.convert != nil {
		if a, ok := next("convert"); ok {
			quantity = append(quantity, convertStep(o.convert, a))
		}
	}
	for i := range o.adjusts {
		a := &o.adjusts[i]
		step, ok := next(a.Op)
		switch {
		case ok && a.Op == "include":
			quantity = append(quantity, o.includeStep(a, step))
		case ok:
			amount = append(amount, o.step(a, step))
		case a.Op != "include":
			left = append(left, *a)
		}
	}
	return quantity, amount, left
}

func convertStep(c *terms.Convert, a record.Adjustment) Step {
	op, by, what := " x ", c.Multiply, "multiplied by "
	x, y := mustParse(a.Before), number{}
	if c.Divide != "" {
		op, by, what = " / ", c.Divide, "divided by "
		r, _ := x.rat().Quo(mustParse(by).rat())
		y = numberOf(r)
	} else {
		y = x.mul(mustParse(by))
	}
	how := string(a.Before) + op + string(by) + " = " + told(y)
	if display(y) != a.After {
		how += ", rounded " + string(a.After)
	}
	return Step{fmt.Sprintf("converted: %s%s, rounded %s to %s", what, by, modeWords(c.Round), decimalsWords(c.Decimals)), how}
}

func (o *setOut) includeStep(a *terms.Adjustment, step record.Adjustment) Step {
	before, after, amount := mustParse(step.Before), mustParse(step.After), mustParse(a.Amount)
	free, known := amount, a.Unused != "rolls"
	switch {
	case o.free != nil:
		free, known = *o.free, true
	case after.sign() > 0:
		free, known = before.sub(after), true
	}
	what := ""
	switch {
	case !known:
		return Step{fmt.Sprintf("%s and what the periods before left over are included", a.Amount), fmt.Sprintf("%s becomes %s", step.Before, step.After)}
	case free.cmp(amount) > 0:
		what = fmt.Sprintf("%s are included, and %s that the periods before left over, together %s", a.Amount, told(free.sub(amount)), told(free))
	case free.cmp(amount) < 0:
		what = fmt.Sprintf("of %s that are included, %s are left: the rest rolled into the next period", a.Amount, told(free))
	default:
		what = fmt.Sprintf("%s are included", a.Amount)
	}
	how := fmt.Sprintf("%s - %s = %s", step.Before, told(free), told(before.sub(free)))
	if before.cmp(free) < 0 {
		how += ", at least " + string(step.After)
	}
	return Step{what, how}
}

// step is one adjustment of an amount.
func (o *setOut) step(a *terms.Adjustment, step record.Adjustment) Step {
	becomes := fmt.Sprintf("%s becomes %s", step.Before, step.After)
	switch a.Op {
	case "at_least", "at_most":
		return Step{strings.ReplaceAll(a.Op, "_", " ") + " " + o.boundWords(a), becomes}
	case "percent_off":
		return Step{string(a.Amount) + " percent off", fmt.Sprintf("%s x (100 - %s) / 100 = %s", step.Before, a.Amount, step.After)}
	case "prorate":
		if o.setting.covered == o.setting.whole {
			return Step{"the share of the period that the term covers, all of it", becomes}
		}
		covered, whole := o.share()
		return Step{fmt.Sprintf("the share of the period that the term covers, %s of %s %s", covered, whole, o.days), fmt.Sprintf("%s x %s / %s = %s", step.Before, covered, whole, step.After)}
	case "times", "factor":
		value := o.value(a.By)
		by, text := string(value), fmt.Sprintf("%s is %s", a.By, value)
		switch {
		case value == "":
			by, text = a.Undefined, fmt.Sprintf("%s has no value, and then, as agreed, it is times %s", a.By, a.Undefined)
		case a.Op == "factor":
			var words string
			by, words = factorWords(a, value)
			text += ", " + words
		default:
			text = fmt.Sprintf("times %s, which is %s", a.By, value)
		}
		return Step{text, fmt.Sprintf("%s x %s = %s", step.Before, by, step.After)}
	}
	return Step{a.Op, becomes}
}

// factorWords say which step of a factor a value reaches.
func factorWords(a *terms.Adjustment, value record.Decimal) (by, words string) {
	v := mustParse(value)
	by, words = string(a.Below), fmt.Sprintf("below the first step, %s: the factor is %s", a.Steps[0].From, a.Below)
	for _, s := range a.Steps {
		if v.cmp(mustParse(s.From)) < 0 {
			break
		}
		by, words = string(s.Times), fmt.Sprintf("which reaches the step from %s: the factor is %s", s.From, s.Times)
	}
	return by, words
}

// boundWords is the amount of a bound, with its share where that is less.
func (o *setOut) boundWords(a *terms.Adjustment) string {
	g := &o.setting
	if a.Partial != "prorated" || g.covered == g.whole {
		return string(a.Amount)
	}
	bound := g.bound(&adjust{amount: mustParse(a.Amount), prorated: true})
	covered, whole := o.share()
	return fmt.Sprintf("%s, the agreed %s for %s of %s %s, %s x %s / %s, rounded %s to %s", told(bound), a.Amount, covered, whole, o.days, a.Amount, covered, whole, modeWords(string(g.mode)), decimalsWords(g.scale))
}

// share is the share of the period, with seconds where milliseconds are not
// needed.
func (o *setOut) share() (covered, whole string) {
	c, w := number{units: o.setting.covered}, number{units: o.setting.whole}
	if o.days == "seconds" {
		thousandth := number{units: 1, decimals: 3}
		c, w = c.mul(thousandth), w.mul(thousandth)
	}
	return told(c), told(w)
}

// names name adjustments that were not made.
func (o *setOut) names(list []terms.Adjustment) string {
	var names []string
	for i := range list {
		a := &list[i]
		name := strings.ReplaceAll(a.Op, "_", " ")
		switch a.Op {
		case "at_least", "at_most":
			name += " " + o.boundWords(a)
		case "percent_off":
			name = string(a.Amount) + " percent off"
		case "times":
			name += " " + a.By
		case "factor":
			name += " by " + a.By
		case "prorate":
			name = "the share of the period"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// missing is the first value that is not there and that one of the adjustments
// needs, "" if there is none.
func (o *setOut) missing(list []terms.Adjustment) string {
	for _, a := range list {
		if a.By != "" && a.Undefined == "hold" && o.value(a.By) == "" {
			return a.By
		}
	}
	return ""
}

// modeWords name a rounding mode.
func modeWords(mode string) string { return strings.ReplaceAll(mode, "_", " ") }

func decimalsWords(n int) string {
	switch n {
	case 0:
		return "a whole number"
	case 1:
		return "1 decimal"
	}
	return fmt.Sprintf("%d decimals", n)
}
