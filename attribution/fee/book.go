package fee

import (
	"cmp"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// A slot is where quantities of a measure add up: those of one period, or,
// with the period never, of the term.
type slot struct {
	period  record.Time // its start
	version int64
	measure int
}

func (a slot) compare(b slot) int {
	return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.version, b.version), cmp.Compare(a.measure, b.measure))
}

// A tally is what a slot holds.
type tally struct {
	claims   int64 // results, measurements or actions
	quantity number
	sums     []number // of the prices of each, by the lines that price them so
	values   []value  // of a measure that is listed, by n
	rest     *value   // of a listed measure over the term: what those that left come to
	stand    *number  // what stands in for a measure that nobody delivered
}

// A value is that of one result, measurement or action.
type value struct {
	n        int64
	at       record.Time // when it occurred
	quantity number
	text     string // of distinct
}

// count counts one in, or out with the sign -1, but in no list. The sums are
// the tally's own.
func (y *tally) count(v *version, m *measure, p part, sign int64) {
	y.claims += sign
	q := p.quantity
	if sign < 0 {
		q = q.neg()
	}
	y.quantity = y.quantity.add(q)
	if len(m.each) == 0 {
		return
	}
	if y.sums == nil {
		y.sums = make([]number, len(m.each))
	}
	for k, i := range m.each {
		if t := v.tables[i]; t.free == nil {
			amount, _ := t.one(p.quantity)
			if sign < 0 {
				amount = amount.neg()
			}
			y.sums[k] = y.sums[k].add(amount)
		}
	}
}

// add counts one in, or out with the sign -1.
func (y *tally) add(v *version, m *measure, p part, n int64, at record.Time, sign int64) {
	y.count(v, m, p, sign)
	if !m.listed {
		return
	}
	if sign > 0 && (len(y.values) == 0 || y.values[len(y.values)-1].n < n) {
		y.values = append(y.values, value{n, at, p.quantity, p.text})
		return
	}
	i, found := slices.BinarySearchFunc(y.values, n, func(v value, n int64) int { return cmp.Compare(v.n, n) })
	switch {
	case sign > 0:
		y.values = slices.Insert(y.values, i, value{n, at, p.quantity, p.text})
	case found:
		y.values = slices.Delete(y.values, i, i+1)
	}
}

// empty reports whether nothing is in the tally.
func (y *tally) empty() bool {
	return y.claims == 0 && len(y.values) == 0 && y.rest == nil && y.stand == nil && y.quantity.sign() == 0
}

// joined is a tally with those of another version added.
func (y tally) joined(o *tally) tally {
	y.claims += o.claims
	y.quantity = y.quantity.add(o.quantity)
	y.values = slices.Concat(y.values, o.values)
	if o.rest != nil {
		y.values = append(y.values, *o.rest)
	}
	if y.rest != nil {
		y.values, y.rest = append(y.values, *y.rest), nil
	}
	if o.stand != nil {
		y.stand = o.stand
	}
	return y
}

// value is what the measure comes to; ok is false where it has no value. Values
// of all versions stand together, in any order.
func (y *tally) value(op string) (x number, ok bool) {
	all := y.values
	if y.rest != nil {
		all = append(slices.Clone(all), *y.rest)
	}
	switch op {
	case "count", "sum":
		return y.quantity, true
	case "mean":
		if y.claims == 0 {
			return number{}, false
		}
		r, _ := y.quantity.rat().Quo(exact.Int(y.claims))
		return numberOf(r), true
	case "distinct":
		texts := make([]string, len(all))
		for i := range all {
			texts[i] = all[i].text
		}
		slices.Sort(texts)
		return number{units: int64(len(slices.Compact(texts)))}, true
	}
	best, ok := bestOf(op, all)
	return best.quantity, ok
}

// bestOf is the value that min, max or last chooses.
func bestOf(op string, all []value) (best value, ok bool) {
	for i, v := range all {
		better := i == 0
		switch op {
		case "min":
			better = better || v.quantity.cmp(best.quantity) < 0
		case "max":
			better = better || v.quantity.cmp(best.quantity) > 0
		case "last":
			better = better || cmp.Or(cmp.Compare(v.at, best.at), cmp.Compare(v.n, best.n)) > 0
		default:
			panic("fee: unchecked measure " + op)
		}
		if better {
			best = v
		}
	}
	return best, len(all) > 0
}

// A book gives the values of measures and formulas in one period, before or
// after the statement that is being made, as a version of the terms has them.
type book struct {
	z       *settlement
	version *version
	period  record.Time // its start
	after   bool
	known   map[string]bookValue
}

type bookValue struct {
	number
	ok bool
}

func (z *settlement) book(v *version, period record.Time, after bool) *book {
	for _, b := range z.books {
		if b.version == v && b.period == period && b.after == after {
			return b
		}
	}
	b := &book{z, v, period, after, map[string]bookValue{}}
	z.books = append(z.books, b)
	return b
}

// value is the value of a measure, a formula or a constant; ok is false where
// it has none.
func (b *book) value(name string) (number, bool) {
	if x, ok := b.known[name]; ok {
		return x.number, x.ok
	}
	x, ok := b.compute(name)
	b.known[name] = bookValue{x, ok}
	return x, ok
}

func (b *book) compute(name string) (number, bool) {
	t := b.version.terms
	if i := b.version.measure(name); i >= 0 {
		return b.measured(b.version.measures[i])
	}
	if c := t.Constant(name); c != nil {
		return mustParse(c.Value), true
	}
	f := t.Formula(name)
	if f == nil {
		panic("fee: unchecked name " + name)
	}
	r, ok := f.Is.Value(func(name string) (exact.Rat, bool) {
		x, ok := b.value(name)
		return x.rat(), ok
	})
	x := numberOf(r)
	return x, ok && x.below(maxWhole)
}

// measured is the value of a measure, over the results, measurements or
// actions of all versions that measure the same by this name.
func (b *book) measured(m *measure) (number, bool) {
	y := b.tally(m)
	if m.Missing == nil || y.claims > 0 {
		return y.value(m.Op)
	}
	switch m.Missing.Then {
	case "value":
		return mustParse(m.Missing.Value), true
	case "other":
		return b.value(m.Missing.Measure)
	case "last":
		if y.stand != nil {
			return *y.stand, true
		}
	}
	return number{}, false
}

// tally is what the measure holds, all versions together.
func (b *book) tally(m *measure) tally {
	period := b.period
	if m.term {
		period = never
	}
	var all tally
	for _, v := range b.z.s.versions {
		if v.number <= b.z.s.excluded {
			continue
		}
		i := v.same(m)
		if i < 0 {
			continue
		}
		if y := b.z.tally(slot{period, v.number, i}, b.after); y != nil {
			all = all.joined(y)
		}
	}
	return all
}

// same is the place of the measure that measures the same as one of another
// version, -1 if there is none: of its name, and all but the condition alike.
func (v *version) same(m *measure) int {
	i := v.measure(m.Name)
	if i < 0 {
		return -1
	}
	if o := v.measures[i]; o.Op != m.Op || o.Source != m.Source || o.Of != m.Of || o.Fact != m.Fact || o.term != m.term {
		return -1
	}
	return i
}

// tally is what a slot holds before or after the statement, nil if nothing.
func (z *settlement) tally(at slot, after bool) *tally {
	if y := z.changes[at]; y != nil {
		if after {
			return &y.after
		}
		return &y.before
	}
	return z.s.tallies[at]
}
