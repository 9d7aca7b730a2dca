package fee

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/terms"
)

// eachWords say what is asked of each result of a line that prices each by
// itself, "" of other lines.
func eachWords(l *terms.Line, noun string) string {
	if l.Mode != "each" {
		return ""
	}
	text := fmt.Sprintf("each %s is priced by itself", noun)
	e := l.Each
	if e == nil {
		return text
	}
	switch {
	case e.AtLeast != "" && e.AtMost != "":
		text += fmt.Sprintf(", at least %s and at most %s", e.AtLeast, e.AtMost)
	case e.AtLeast != "":
		text += ", at least " + string(e.AtLeast)
	case e.AtMost != "":
		text += ", at most " + string(e.AtMost)
	}
	f := e.Free
	if f == nil {
		return text
	}
	events := fmt.Sprintf("the first %s of the period", many(f.Events, noun))
	switch {
	case f.Events > 0 && f.Amount == "":
		text += "; free: " + events
	case f.Events == 0:
		text += fmt.Sprintf("; free: the first %s of the period's quantity", f.Amount)
	case f.Ends == "independent":
		text += fmt.Sprintf("; free: %s, and the first %s of the quantity after them", events, f.Amount)
	default:
		text += fmt.Sprintf("; free: %s, or the first %s of the quantity, until either is used up", events, f.Amount)
	}
	return text
}

// A singlePrice is the price of one result in mode each.
type singlePrice struct {
	whole, rest number // the quantity, and what of it is not free
	tier        int    // -1 where none has it
	by          number // what the tier takes
	amount      number
}

// pricedOne is the price of one result of which nothing is free.
func (t *table) pricedOne(q number) singlePrice {
	p := singlePrice{whole: q, rest: q}
	p.by, p.tier = t.inTier(q)
	p.amount, _ = t.one(q)
	return p
}

// pricedAll are the prices of results of which some are free, by their n.
func (t *table) pricedAll(values []value) map[int64]singlePrice {
	all := map[int64]singlePrice{}
	t.walk(values, func(v *value, rest, amount number, tier int) {
		p := singlePrice{whole: v.quantity, rest: rest, tier: tier, amount: amount}
		if rest.sign() != 0 || amount.sign() != 0 {
			p.by, _ = t.inTier(rest)
		}
		all[v.n] = p
	})
	return all
}

// bounded is the price within the bounds of each result, and what did it.
func (p *singlePrice) bounded(t *table) (x number, word string) {
	x = p.by
	if t.least != nil && x.cmp(*t.least) < 0 {
		x, word = *t.least, "raised to "+told(*t.least)
	}
	if t.most != nil && x.cmp(*t.most) > 0 {
		x, word = *t.most, "cut to "+told(*t.most)
	}
	return x, word
}

// free reports whether all of it is free.
func (p *singlePrice) free() bool {
	return p.tier < 0 && p.rest.sign() == 0 && p.whole.sign() != 0 && p.amount.sign() == 0
}

// freeWords are the price of what is free.
const freeWords = "free"

// words are the price on paper.
func (p *singlePrice) words(t *table) string {
	if p.free() {
		return freeWords
	}
	text := ""
	if less := p.whole.sub(p.rest); less.sign() != 0 {
		text = fmt.Sprintf("%s of it free, ", told(less))
	}
	switch {
	case p.tier >= 0:
		text += t.chargeWords(p.tier, p.rest, p.by)
	default:
		text += "0"
	}
	x, word := p.bounded(t)
	if word != "" {
		text += ", " + word
	}
	if p.amount.cmp(x) != 0 {
		text += ", rounded " + told(p.amount)
	}
	return text
}

// What prices of results are alike in.
type eachKind struct {
	class eachClass
	tier  int
}

type eachClass int

const (
	wholeFree eachClass = iota // all of it is free
	byTier                     // as the tier has it
	raised                     // to the least
	cut                        // to the most
)

// eachSums add up the prices of results, by what they are alike in.
type eachSums struct {
	kinds  map[eachKind]*eachSum
	partly number // what is free of those of which not all is
	some   int64  // how many they are
}

type eachSum struct {
	n                int64
	quantity, amount number
}

// add adds one.
func (s *eachSums) add(t *table, p singlePrice) {
	k := eachKind{byTier, p.tier}
	least := t.least != nil && p.by.cmp(*t.least) < 0
	most := t.most != nil && p.by.cmp(*t.most) > 0
	switch {
	case p.free():
		k = eachKind{wholeFree, -1}
	case most || least && t.most != nil && t.least.cmp(*t.most) > 0:
		k.class, k.tier = cut, -1
	case least:
		k.class, k.tier = raised, -1
	}
	if less := p.whole.sub(p.rest); less.sign() != 0 && k.class != wholeFree {
		s.partly, s.some = s.partly.add(less), s.some+1
	}
	if s.kinds == nil {
		s.kinds = map[eachKind]*eachSum{}
	}
	x := s.kinds[k]
	if x == nil {
		x = new(eachSum)
		s.kinds[k] = x
	}
	q := p.rest
	if k.class == wholeFree {
		q = p.whole
	}
	x.n, x.quantity, x.amount = x.n+1, x.quantity.add(q), x.amount.add(p.amount)
}

// join adds others.
func (s *eachSums) join(o *eachSums) {
	if s.kinds == nil {
		s.kinds = map[eachKind]*eachSum{}
	}
	for k, x := range o.kinds {
		y := s.kinds[k]
		if y == nil {
			y = new(eachSum)
			s.kinds[k] = y
		}
		*y = eachSum{y.n + x.n, y.quantity.add(x.quantity), y.amount.add(x.amount)}
	}
	s.partly, s.some = s.partly.add(o.partly), s.some+o.some
}

// total is what all of them come to, and how many they are.
func (s *eachSums) total() (n int64, amount number) {
	for _, x := range s.kinds {
		n, amount = n+x.n, amount.add(x.amount)
	}
	return n, amount
}

// steps are the sums on paper, and the amounts that add up.
func (s *eachSums) steps(t *table, noun string) (steps []Step, amounts []number) {
	var kinds []eachKind
	for k := range s.kinds {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b eachKind) int { return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.tier, b.tier)) })
	if s.some > 0 {
		steps = append(steps, Step{What: fmt.Sprintf("of %s a part is free, together %s", many(s.some, noun), told(s.partly))})
	}
	for _, k := range kinds {
		x := s.kinds[k]
		amounts = append(amounts, x.amount)
		head := fmt.Sprintf("%s of quantity %s", many(x.n, noun), told(x.quantity))
		how := told(x.amount)
		product := func(y number) {
			if sum := y.mul(number{units: x.n}); sum.cmp(x.amount) == 0 {
				how = fmt.Sprintf("%d x %s = %s", x.n, told(y), told(sum))
			} else {
				head += ", each rounded"
			}
		}
		switch k.class {
		case wholeFree:
			head += ", free"
			how = "0"
		case raised:
			head += ", raised to " + told(*t.least) + " each"
			product(*t.least)
		case cut:
			head += ", cut to " + told(*t.most) + " each"
			product(*t.most)
		default:
			if k.tier < 0 {
				head += ", which no tier has"
				break
			}
			head += ", " + tierWords(t.line, k.tier)
			how = s.tierSum(&t.tiers[k.tier], x)
		}
		steps = append(steps, Step{head, how})
	}
	return steps, amounts
}

// tierSum is what a tier takes of several results, on paper where they can be
// taken together, else what they come to one by one.
func (s *eachSums) tierSum(u *tier, x *eachSum) string {
	sum := u.unit.mul(x.quantity).add(u.flat.mul(number{units: x.n}))
	if u.size.sign() > 0 || sum.cmp(x.amount) != 0 || x.quantity.sign() <= 0 {
		return told(x.amount)
	}
	text := ""
	if u.unit.sign() != 0 || u.flat.sign() == 0 {
		text = fmt.Sprintf("%s x %s", told(x.quantity), told(u.unit))
	}
	if u.flat.sign() != 0 {
		if text != "" {
			text += " + "
		}
		text += fmt.Sprintf("%d x %s", x.n, told(u.flat))
	}
	return text + " = " + told(sum)
}
