package fee

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// price computes the amounts: those of the lines as they enter the subtotal,
// with what leads to them, and the subtotal.
func (z *settlement) price() (amounts []number, lines []reckoning, subtotal number) {
	s, t := z.s, z.terms
	money := func(x number) record.Decimal { return fixed(x, t.Scale) }
	st := &record.Statement{
		Period: z.period.Name, From: z.period.From, Until: z.period.Until, Closing: z.closing,
		Agreed: true, Currency: t.Currency,
	}
	z.statement = st

	// Lines of this period, by version.
	var sum number
	for _, v := range s.versions {
		for i := range v.tables {
			r, due := z.reckon(v, i)
			if !due {
				continue
			}
			x := r.amount
			if r.held {
				x = number{}
			}
			if t.Rounding.At != "statement" {
				x = z.round(x)
			}
			amounts, lines = append(amounts, x), append(lines, r)
			sum = sum.add(x)
			l := r.line()
			l.Records = z.recordsBehind(r.behind)
			st.Lines = append(st.Lines, l)
		}
	}
	z.roll()
	if t.Rounding.At == "statement" {
		exacts := make([]exact.Rat, len(amounts))
		for i, x := range amounts {
			exacts[i] = x.rat()
		}
		amounts = parts(exacts, z.round(sum), t.Scale)
	}
	for i := range st.Lines {
		st.Lines[i].Amount = money(amounts[i])
	}

	// The statement's own adjustments, and the corrections of earlier periods:
	// before or after a minimum, as agreed.
	corrections := z.correct()
	if t.Settle.Corrections == "before_minimum" {
		sum = sum.add(corrections)
	}
	subtotal = z.round(z.adjustSum(sum))
	st.Subtotal = money(subtotal)
	total := subtotal
	if t.Settle.Corrections != "before_minimum" {
		total = total.add(corrections)
	}

	// The balance.
	carriedIn := z.carriedIn()
	total = total.add(carriedIn)
	z.balance = number{}
	if total.sign() < 0 {
		switch t.Settle.Negative {
		case "carry":
			z.balance, total = total, number{}
		case "credit":
		case "forfeit":
			total = number{}
		default:
			panic("fee: unchecked settle.negative " + t.Settle.Negative)
		}
	}
	st.CarriedIn, st.Total, st.CarriedOut = money(carriedIn), money(total), money(z.balance)
	z.draw(total)
	return amounts, lines, subtotal
}

// line is the reckoning as the statement shows it, without its amount.
func (r *reckoning) line() record.Line {
	l := record.Line{
		Version: r.version.number, Name: r.table.name, Held: r.held, Reads: r.reads, Tiers: r.tiers, Adjust: r.steps,
		First: -1, Last: -1,
	}
	l.Quantity = r.quantity.display()
	l.Before = r.before.display()
	for _, y := range r.behind {
		if y.first >= 0 && (l.First < 0 || y.first < l.First) {
			l.First = y.first
		}
		l.Last = max(l.Last, y.last)
	}
	return l
}

// recordsBehind is how many different results, measurements and actions are
// behind changes.
func (z *settlement) recordsBehind(list []*change) int64 {
	if len(list) == 1 {
		return list[0].claims
	}
	var all []int64
	n := int64(0)
	for _, y := range list {
		all = append(all, y.behind...)
		n += y.actions
	}
	slices.Sort(all)
	return n + int64(len(slices.Compact(all))) - z.countedTwice(list)
}

// adjustSum applies the statement's own adjustments to the sum of the lines. A
// value that is not there leaves the sum as it is: lines are held, not
// statements.
func (z *settlement) adjustSum(sum number) number {
	if z.base == 0 {
		return sum
	}
	v := z.s.versions[z.base-1]
	r := reckoning{}
	g := z.setting(z.book(v, z.period.From, true), z.period, &r)
	x, ok := g.adjusted(sum, v.adjusts)
	for _, name := range reads(nil, v.adjusts) {
		z.statement.Reads = append(z.statement.Reads, shownValue(name, g.value))
	}
	if !ok || !x.below(maxAmount.mul(number{units: 1_000_000})) {
		return sum
	}
	z.statement.Adjust = r.steps
	return x
}

// A correctedLine is a line in a period that is corrected.
type correctedLine struct {
	period  record.Time // its start
	version int64
	line    int // by its place
}

// correct gives the corrections of earlier periods, and their sum.
func (z *settlement) correct() (sum number) {
	z.corrected = nil
	for i, at := range z.slots {
		if at.period == z.period.From || at.period == never || i > 0 && z.slots[i-1].period == at.period {
			continue
		}
		touched := z.slots[i:]
		if end := slices.IndexFunc(touched, func(b slot) bool { return b.period != at.period }); end >= 0 {
			touched = touched[:end]
		}
		for _, v := range z.s.versions {
			for line, t := range v.tables {
				if !t.term && v.number > z.s.excluded && z.reaches(v, t, at.period, touched) {
					z.corrected = append(z.corrected, correctedLine{at.period, v.number, line})
				}
			}
		}
	}
	for _, k := range z.corrected {
		v := z.s.versions[k.version-1]
		t := v.tables[k.line]
		p, _ := z.s.periodAt(k.period)
		was, now := z.backings.corrects(v, t)
		before, after := z.lineOf(v, k.line, p.Period, false, was), z.lineOf(v, k.line, p.Period, true, now)
		if was != nil {
			was.quantity, now.quantity, was.end, now.end = before.quantity, after.quantity, before.amount, after.amount
		}
		x := z.settledAt(k.period, after.amount).sub(z.settledAt(k.period, before.amount))
		sum = sum.add(x)
		z.statement.Corrections = append(z.statement.Corrections, record.Correction{
			Period: p.Name, Version: k.version, Line: t.name,
			QuantityBefore: before.quantity.display(), Quantity: after.quantity.display(), Amount: fixed(x, z.terms.Scale),
		})
	}
	return sum
}

// settledAt is what a line of a period that is corrected comes to: nothing
// while it is held. It is rounded as that period is, so that what was billed
// can be given back whole.
func (z *settlement) settledAt(period record.Time, x bookValue) number {
	if !x.ok {
		return number{}
	}
	return x.number.round(z.terms.Scale, z.modeOf(period))
}

// reaches reports whether one of the slots, all of one period, is read by a
// line that is due in it.
func (z *settlement) reaches(v *version, t *table, period record.Time, slots []slot) bool {
	base := z.baseOf(period) == v.number
	names := v.reads(t)
	if p, _ := z.s.periodAt(period); t.due != 0 && (t.due < p.From || t.due >= p.Until) {
		return false
	}
	for _, at := range slots {
		w := z.s.versions[at.version-1]
		m := w.measures[at.measure]
		name := m.Name
		switch {
		case t.own && w == v && name == t.of:
			return true
		case !base && (!t.own || z.tally(slot{period, v.number, v.measure(t.of)}, true) == nil):
			continue
		case contains(names, name) && v.same(m) >= 0:
			return true
		}
	}
	return false
}

// display is the value as a statement shows it, "" where there is none.
func (x bookValue) display() record.Decimal {
	if !x.ok {
		return ""
	}
	return display(x.number)
}

// draw takes what is due from money paid before.
func (z *settlement) draw(total number) {
	z.prepaid = map[string]number{}
	scale := z.terms.Scale
	list := z.terms.Settle.Prepaid
	if z.later {
		z.prepaid = z.s.prepaid
		return
	}
	if z.base == 0 || len(list) == 0 {
		return // what was left has lapsed: nothing is drawn from it any more
	}
	due := total
	for _, p := range list {
		left, there := z.s.prepaid[p.Name]
		there = there && z.begun() // and was not drawn on by a history that is excluded
		switch {
		case z.period.From < p.From || z.period.From >= p.Until:
			continue // not yet, or what was left has lapsed
		case !there || p.Every == "period" && p.Unused == "lost":
			left = mustParse(p.Amount)
		case p.Every == "period":
			left = left.add(mustParse(p.Amount))
		}
		if p.AtMost != "" {
			left = smaller(left, mustParse(p.AtMost))
		}
		used := larger(smaller(left, due), number{})
		after := left.sub(used)
		due = due.sub(used)
		z.prepaid[p.Name] = after
		z.statement.Prepaid = append(z.statement.Prepaid, record.Drawdown{
			Name: p.Name, Before: fixed(left, scale), Used: fixed(used, scale), After: fixed(after, scale),
		})
	}
	z.statement.Due = fixed(due, scale)
}
