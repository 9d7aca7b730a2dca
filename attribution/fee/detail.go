package fee

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/raasledger/raasledger/attribution/record"
)

// detail writes the detail lines in ledger order, to the caller and into the
// statement's digest.
//
// A line's amount is what the price of its slot gained by it: the rounded price
// after less the rounded price before. So the amounts of a slot add up to its
// rounded price before adjustments, less what is due at quantity 0.
func (z *settlement) detail(to func(line []byte) error) error {
	hash := sha256.New()
	var buffer []byte
	write := func(line detailLine) error {
		buffer = line.append(buffer[:0], z.terms.Scale)
		buffer = append(buffer, '\n')
		hash.Write(buffer)
		if to == nil {
			return nil
		}
		return to(buffer[:len(buffer)-1])
	}

	entries := z.s.loose
	next := func(before int64) error {
		for len(entries) > 0 && entries[0].n < before {
			l := entries[0]
			entries = entries[1:]
			if l.at > z.closing || l.result == "" {
				continue
			}
			if err := write(detailLine{n: l.n, result: l.result, key: l.key, reason: l.reason}); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range z.decisions {
		d := &z.decisions[i]
		if d.reason == unsaid && len(d.also().found) == 0 {
			continue
		}
		if err := next(d.claim.n); err != nil {
			return err
		}
		if z.backings != nil {
			z.backings.claim, z.backings.reading = d.claim, nil
		}
		line := detailLine{n: d.claim.n, result: d.claim.rule.Name, key: d.claim.once(), reason: d.reason}
		if d.reason != unsaid {
			if err := z.moved(line, d.claim.rule.version, d.period, d.before(), d.parts(), write); err != nil {
				return err
			}
		}
		if list := d.also().found; len(list) > 0 {
			line.reason = found
			if err := z.moved(line, d.claim.rule.version, d.also().foundIn, nil, list, write); err != nil {
				return err
			}
		}
	}
	if err := next(int64(never)); err != nil {
		return err
	}
	for i := range z.readings {
		d := &z.readings[i]
		if d.reason == unsaid {
			continue
		}
		if z.backings != nil {
			z.backings.claim, z.backings.reading = nil, d.reading
		}
		line := detailLine{n: d.reading.n, result: prefixMetric + d.reading.metric, key: d.reading.id, reason: d.reason}
		if err := z.moved(line, d.reading.version, d.period, d.before, d.parts, write); err != nil {
			return err
		}
	}
	z.statement.Detail = record.Digest("sha256:" + hex.EncodeToString(hash.Sum(nil)))
	return nil
}

// prefixMetric stands before the name of a metric where that of a result may
// stand.
const prefixMetric = "metric/"

// moved writes what one claim or measurement moved: a line for each measure,
// and for each line of the terms that prices it by itself. One that moved
// nothing has one line.
func (z *settlement) moved(line detailLine, v *version, period record.Time, before, after []part, write func(detailLine) error) error {
	list := after
	if len(before) > 0 {
		list = before // what is left is a choice of these measures
	}
	if len(list) == 0 {
		return write(line)
	}
	for _, p := range list {
		m := v.measures[p.measure]
		at := z.slotOf(period, v, p.measure)
		y := z.change(at)
		y.begin(z)
		was := y.cumulated.quantity
		old, had := partOf(before, p.measure)
		if had {
			y.cumulated.count(v, m, old, -1)
		}
		kept, has := partOf(after, p.measure)
		if has {
			y.cumulated.count(v, m, kept, 1)
		}
		line.measure, line.quantity = m.Name, y.cumulated.quantity.sub(was)
		z.backings.take(at, &line, p, old, kept, had, has)
		for k, i := range y.lines {
			price := y.priceOf(i, &y.cumulated).round(z.terms.Scale, y.mode)
			line.line, line.amount = v.tables[i].name, price.sub(y.prices[k])
			y.prices[k] = price
			z.backings.priced(at, &line)
			if err := write(line); err != nil {
				return err
			}
		}
		if len(y.lines) == 0 {
			line.line, line.amount = "", number{}
			if err := write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// partOf is the part of a list that is of a measure.
func partOf(list []part, measure int) (part, bool) {
	for _, p := range list {
		if p.measure == measure {
			return p, true
		}
	}
	return part{}, false
}

// begin makes the change ready to be gone through claim by claim.
func (y *change) begin(z *settlement) {
	if y.begun {
		return
	}
	y.begun, y.cumulated = true, y.before
	y.cumulated.values, y.cumulated.sums = nil, slices.Clone(y.before.sums) // no line reads values here
	// Those that price the measure by itself say what each claim adds. What is
	// free in a period is not of one claim.
	for i, t := range y.version.tables {
		if t.own && t.free == nil && t.of == y.measure.Name {
			y.lines = append(y.lines, i)
			y.prices = append(y.prices, y.priceOf(i, &y.cumulated).round(z.terms.Scale, y.mode))
		}
	}
}

// priceOf is what a line takes for a tally of the change, before adjustments.
func (y *change) priceOf(i int, held *tally) number {
	t := y.version.tables[i]
	if t.mode == each {
		if t.share < len(held.sums) {
			return held.sums[t.share]
		}
		return number{}
	}
	q := held.quantity
	if t.convert != nil && q.sign() > 0 {
		q = t.convert.of(q)
	}
	if held.claims == 0 && !y.base {
		return number{}
	}
	return t.price(q)
}

// A detailLine is one line of the detail: what became of a claim or a
// measurement, on a measure, and on a line of the terms that prices that.
type detailLine struct {
	n                int64
	result, key      string
	measure          string // "" where no measure gained or lost
	line             string // "" where no line prices the measure by itself
	quantity, amount number
	reason           reason
}

func (l *detailLine) append(b []byte, scale int) []byte {
	b = append(b, '[')
	b = strconv.AppendInt(b, l.n, 10)
	for _, s := range [...]string{l.result, l.key, l.measure} {
		b = append(b, ',')
		b = record.AppendString(b, s)
	}
	b = append(b, `,"`...)
	if l.measure != "" {
		b = l.quantity.append(b)
	}
	b = append(b, `",`...)
	b = record.AppendString(b, l.line)
	b = append(b, `,"`...)
	if l.line != "" {
		b = l.amount.appendFixed(b, scale)
	}
	b = append(append(b, `","`...), l.reason.String()...)
	return append(b, `"]`...)
}
