package fee

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A touch is a claim in the case of a result, before it.
type touch struct {
	at    record.Time
	n     int64
	group string
}

// touches are the claims that credits read, as of a closing.
type touches struct {
	s       *State
	closing record.Time
	byCase  map[string][]*claim // nil until it is asked for
	counted map[*claim]bool     // of claims that were looked at: whether they are touches
	facts   record.Facts        // of the claim that is measured, to be used again
}

// of returns the touches of a credited claim, the oldest first: those of the
// same instant in ledger order.
func (x *touches) of(c *claim, k *terms.Credit) []touch {
	if x.byCase == nil {
		x.byCase = map[string][]*claim{}
		named := map[string]bool{}
		for _, v := range x.s.versions {
			for _, m := range v.measures {
				if m.read && m.Credit != nil {
					named[m.Credit.Of] = true
				}
			}
		}
		for _, t := range x.s.claims {
			if named[t.rule.Name] && t.matter() != "" {
				x.byCase[t.matter()] = append(x.byCase[t.matter()], t)
			}
		}
	}
	if c.matter() == "" {
		return nil
	}
	var list []touch
	for _, t := range x.byCase[c.matter()] {
		if t == c || t.rule.Name != k.Of || t.at > c.at || c.at-t.at > record.Time(k.Within) || !x.counts(t) {
			continue
		}
		group := t.party.ID
		if k.By != "author" {
			fact, ok := t.fact(k.By)
			if !ok {
				continue
			}
			group = fact.Text
		}
		list = append(list, touch{t.at, t.n, group})
	}
	slices.SortFunc(list, func(a, b touch) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n)) })
	return list
}

// counts reports whether a claim is a touch: whether it stands as of the
// closing. It is worked out once, however many results it is a touch of.
func (x *touches) counts(t *claim) bool {
	ok, known := x.counted[t]
	if known {
		return ok
	}
	if terms := t.rule.version.terms; t.at <= x.closing && t.rule.version.number > x.s.excluded && t.shown() && t.at >= terms.From && t.at < terms.Until {
		v := x.s.look(t, x.closing)
		ok = v.void == unsaid && v.back == unsaid && !v.open && !v.missing && v.accepted != never && holds(t.rule.Where, t.facts(nil), t.at) == 1
	}
	if x.counted == nil {
		x.counted = map[*claim]bool{}
	}
	x.counted[t] = ok
	return ok
}

// share is the part of a quantity that a credit gives to those of its groups.
func (x *touches) share(c *claim, k *terms.Credit, q number) number {
	var list []touch
	if k.Of != "" {
		list = x.of(c, k)
	}
	return creditOf(k, c.at, list, q)
}

// creditOf splits a quantity by the weights of its touches, and gives what
// falls to the groups that count.
func creditOf(k *terms.Credit, occurred record.Time, list []touch, q number) number {
	groups, split := splitCredit(k, occurred, list, q)
	var sum number
	for i, g := range groups {
		if slices.Contains(k.To, g) {
			sum = sum.add(split[i])
		}
	}
	return sum
}

// splitCredit gives what of a quantity falls to each group. They are none where
// nothing has a weight.
func splitCredit(k *terms.Credit, occurred record.Time, list []touch, q number) (groups []string, split []number) {
	groups, weights := weigh(k, occurred, list)
	var all exact.Rat
	for _, w := range weights {
		all = all.Add(w)
	}
	if all.Sign() == 0 {
		return nil, nil
	}
	for i := range weights {
		weights[i], _ = weights[i].Mul(q.rat()).Quo(all)
	}
	mode := exact.Down
	if q.sign() < 0 {
		mode = exact.Up
	}
	return groups, parts(weights, q.round(k.Decimals, mode), k.Decimals)
}

// explain says who touched a credited claim, and what falls to whom, with the
// reversals in part before until.
func (x *touches) explain(c *claim, u use, v *view, until record.Time) []string {
	k := u.Credit
	var list []touch
	var lines []string
	if k.Of != "" {
		list = x.of(c, k)
		for _, t := range list {
			lines = append(lines, fmt.Sprintf("record %d of %v is a touch of %s", t.n, t.at, t.group))
		}
	}
	var taken number
	for _, r := range v.reduces {
		if !r.locked {
			taken = taken.add(r.quantity)
		}
	}
	shared := func() (number, bool) {
		if u.Op != "sum" {
			return one, true
		}
		return factNumber(c.reduced(taken, nil), u.Fact)
	}
	q, ok := shared()
	if !ok {
		return append(lines, fmt.Sprintf("measure %s: nothing to share, %s has no value", u.Name, u.Fact))
	}
	counted := creditOf(k, c.at, list, q)
	for _, r := range v.reduces {
		if !r.locked || r.at >= until {
			continue
		}
		taken = taken.add(r.quantity)
		less, ok := shared()
		if !ok {
			return append(lines, fmt.Sprintf("measure %s: nothing is left to share, %s has no value", u.Name, u.Fact))
		}
		q, counted = less, smaller(counted, creditOf(k, c.at, list, less))
	}
	groups, split := splitCredit(k, c.at, list, q)
	if groups == nil {
		return append(lines, fmt.Sprintf("measure %s: %s has no touches to share %s, so it adds nothing", u.Name, k.Model, q))
	}
	var shares []string
	for i, g := range groups {
		shares = append(shares, fmt.Sprintf("%s %s", g, split[i]))
	}
	return append(lines, fmt.Sprintf("measure %s shares %s by %s: %s; it counts the part of %s, %s",
		u.Name, q, k.Model, strings.Join(shares, ", "), strings.Join(k.To, " and "), counted))
}

// weigh gives the weight of each group, in the order in which they first
// touched: ties of the split go by it.
func weigh(k *terms.Credit, occurred record.Time, list []touch) (groups []string, weights []exact.Rat) {
	add := func(group string, w exact.Rat) {
		i := slices.Index(groups, group)
		if i < 0 {
			groups, weights = append(groups, group), append(weights, exact.Rat{})
			i = len(groups) - 1
		}
		weights[i] = weights[i].Add(w)
	}
	if k.Model == "fixed" {
		for _, s := range k.Shares {
			add(s.Of, mustParse(s.Value).rat())
		}
		return groups, weights
	}
	if len(list) == 0 {
		return nil, nil
	}
	n := len(list)
	switch k.Model {
	case "first", "last":
		if k.Model == "last" {
			list = slices.Clone(list)
			slices.Reverse(list)
		}
		i := max(0, slices.IndexFunc(list, func(t touch) bool { return !slices.Contains(k.Skip, t.group) }))
		add(list[i].group, exact.Int(1))
	case "linear":
		for _, t := range list {
			add(t.group, exact.Int(1))
		}
	case "position":
		first, last := mustParse(k.First).rat(), mustParse(k.Last).rat()
		if n == 1 {
			add(list[0].group, exact.Int(1))
			break
		}
		between := exact.Int(100).Sub(first).Sub(last)
		if n > 2 {
			between, _ = between.Quo(exact.Int(int64(n - 2)))
		} // with two, first and last share alone: one of them is above 0
		for i, t := range list {
			switch i {
			case 0:
				add(t.group, first)
			case n - 1:
				add(t.group, last)
			default:
				add(t.group, between)
			}
		}
	case "decay":
		for _, t := range list {
			age, _ := exact.Int(int64(occurred - t.at)).Quo(exact.Int(int64(k.HalfLife)))
			w, ok := exact.Power(exact.Int(2), age.Neg())
			if ok {
				add(t.group, w)
			}
		}
	case "shapley":
		return shapley(k, list)
	default:
		panic("fee: unchecked credit model " + k.Model)
	}
	return groups, weights
}

// shapley gives each group that touched its Shapley value in the game that the
// agreed values of coalitions define. A value below 0 counts as none.
func shapley(k *terms.Credit, list []touch) (groups []string, weights []exact.Rat) {
	for _, t := range list {
		if !slices.Contains(groups, t.group) {
			groups = append(groups, t.group)
		}
	}
	worth := func(set []string) exact.Rat {
		slices.Sort(set)
		name := strings.Join(set, "+")
		for _, s := range k.Shares {
			if s.Of == name {
				return mustParse(s.Value).rat()
			}
		}
		return exact.Rat{} // of nobody, or of who has no row
	}
	factorial := func(n int) int64 {
		f := int64(1)
		for i := 2; i <= n; i++ {
			f *= int64(i)
		}
		return f
	}
	// Whoever has no row in the table brings nothing, and is no player.
	groups = slices.DeleteFunc(groups, func(g string) bool {
		return !slices.ContainsFunc(k.Shares, func(s terms.Share) bool { return s.Of == g })
	})
	n := len(groups)
	weights = make([]exact.Rat, n)
	for i := range groups {
		for set := range 1 << n {
			if set&(1<<i) != 0 {
				continue
			}
			var without []string
			for j := range groups {
				if set&(1<<j) != 0 {
					without = append(without, groups[j])
				}
			}
			size := len(without)
			gain := worth(append(slices.Clone(without), groups[i])).Sub(worth(without))
			chance, _ := exact.Int(factorial(size) * factorial(n-size-1)).Quo(exact.Int(factorial(n)))
			weights[i] = weights[i].Add(gain.Mul(chance))
		}
		weights[i] = exact.Max(weights[i], exact.Rat{})
	}
	return groups, weights
}
