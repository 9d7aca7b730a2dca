package terms

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// maxShareDecimals is the most decimals that a share of a credit has.
const maxShareDecimals = 6

// credit reads the share of a result that goes to some of those who touched
// its case.
func (d *document) credit(t *Terms, m *Measure, o *object) *Credit {
	c := &Credit{Model: o.choice("model", "first", "last", "linear", "position", "decay", "fixed", "shapley")}
	c.Decimals, _ = o.integer("decimals", 0, maxShareDecimals)
	if c.Model == "" {
		for name := range o.fields {
			o.taken[name] = true
		}
		return c
	}
	// Whose id a group can be: with touches by their authors, those who may
	// claim them.
	isGroup := func(at, s string) bool {
		if !isID(s) {
			d.fail(at, "group %s: want %s", quote(s), wantID)
			return false
		}
		return true
	}
	if c.Model != "fixed" {
		touch := d.touches(t, m, c, o)
		if c.By == creditAuthor && touch != nil {
			isID := isGroup
			isGroup = func(at, s string) bool {
				if isID(at, s) && len(touch.Claim) > 0 && !slices.Contains(touch.Claim, s) {
					d.fail(at, "%s may not claim %s, so it never touches a case", s, touch.Name)
					return false
				}
				return true
			}
		}
	}
	c.To = o.set("to", maxGroups, isGroup)
	groups := c.To
	switch c.Model {
	case "first", "last":
		if v, path, ok := o.optional("skip"); ok {
			c.Skip = d.setOf(path, v, maxGroups, isGroup)
		}
	case "position":
		c.First, c.Last = o.percent("first"), o.percent("last")
		if c.First != "" && c.Last != "" {
			sum := number{}.plus(numberIn(c.First)).plus(numberIn(c.Last))
			if sum.cmp(number{coef: 100}) > 0 {
				d.fail(o.path, "first and last are %s and %s percent, together at most 100", c.First, c.Last)
			} else if sum.sign() == 0 {
				d.fail(o.path, "first and last are 0: where there is no touch between them, nobody has a share")
			}
		}
	case "decay":
		var ok bool
		if c.HalfLife, ok = o.duration("half_life"); ok && c.HalfLife == 0 {
			d.fail(join(o.path, "half_life"), "got 0s, want more than 0s")
		}
	case "fixed":
		groups = d.fixedShares(c, o, isGroup)
	case "shapley":
		groups = d.coalitions(c, o, isGroup)
	}
	for i, g := range c.To {
		if groups != nil && !slices.Contains(groups, g) {
			d.fail(element(join(o.path, "to"), i), "group %s has no share, want one of %s", quote(g), strings.Join(groups, ", "))
		}
	}
	return c
}

const creditAuthor = "author"

// touches reads what all models but fixed have: which claims are touches, and
// whose. It returns their result, or nil.
func (d *document) touches(t *Terms, m *Measure, c *Credit, o *object) *Result {
	var touch *Result
	if s, ok := o.text("of", "the name of the result whose claims are touches"); ok {
		c.Of = s
		if touch = t.Result(s); touch == nil {
			d.fail(join(o.path, "of"), "there is no result %s", quote(s))
		}
	}
	if s, ok := o.text("by", "author, or the name of a text fact of the touches"); ok {
		c.By = s
		if s != creditAuthor && touch != nil {
			d.wantFact(touch, join(o.path, "by"), s, "text")
		}
	}
	within, ok := o.duration("within")
	if !ok {
		return touch
	}
	c.Within = within
	if r := t.Result(m.Of); r != nil && touch != nil && touch.FinalAfter > 0 {
		if want := within + r.horizon(); touch.FinalAfter < want {
			d.fail(join(o.path, "within"), "results.%s.final_after is %s, want at least %s: a touch is kept for so long until a claim of %s is settled", touch.Name, touch.FinalAfter, want, r.Name)
		}
	}
	return touch
}

// fixedShares reads the percents of the model fixed and returns their groups.
func (d *document) fixedShares(c *Credit, o *object, isGroup func(at, s string) bool) (groups []string) {
	var sum number
	complete := true
	o.named("shares", 1, maxGroups, func(at, group string, v any) {
		p := d.percentOf(at, v)
		if !isGroup(at, group) || p == "" {
			complete = false
			return
		}
		sum = sum.plus(numberIn(p))
		c.Shares = append(c.Shares, Share{group, p})
		groups = append(groups, group)
	})
	if complete && len(c.Shares) > 0 && sum.cmp(number{coef: 100}) != 0 {
		d.fail(join(o.path, "shares"), "add up to %s percent, want 100", sum.quotient())
	}
	if !complete {
		return nil
	}
	return groups
}

// coalitions reads the values of the model shapley and returns the groups that
// they name. Each choice of groups must have a value above 0, since a result
// that only these touched goes to them; and no group may lose by joining, so
// that no share is below 0.
func (d *document) coalitions(c *Credit, o *object, isGroup func(at, s string) bool) []string {
	const most = 1<<maxGroups - 1
	path := join(o.path, "coalitions")
	var groups []string
	complete := true
	o.named("coalitions", 1, most, func(at, key string, v any) {
		names := strings.Split(key, "+")
		for _, g := range names {
			if !isGroup(at, g) {
				complete = false
				return
			}
			if !slices.Contains(groups, g) {
				groups = append(groups, g)
			}
		}
		if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) < len(names) {
			d.fail(at, "got %s, want the names sorted, each once, joined by +", quote(key))
			complete = false
			return
		}
		value := d.decimalOf(at, v, true)
		complete = complete && value != ""
		c.Shares = append(c.Shares, Share{key, value})
	})
	slices.Sort(groups)
	if len(groups) > maxGroups {
		d.fail(path, "names %d groups, at most %d", len(groups), maxGroups)
		return nil
	}
	if !complete || len(groups) == 0 {
		return nil
	}
	// By the set of groups, that of nobody being 0, and as whole numbers.
	values := make([]exact.Rat, 1<<len(groups))
	whole, _ := exact.Parse("1" + strings.Repeat("0", record.MaxDecimals))
	for set := 1; set < len(values); set++ {
		key := coalition(groups, set)
		i := slices.IndexFunc(c.Shares, func(s Share) bool { return s.Of == key })
		if i < 0 {
			d.fail(path, "has no value of %s, want one for each choice of %s", key, strings.Join(groups, ", "))
			complete = false
			continue
		}
		values[set] = numberIn(c.Shares[i].Value).quotient().Mul(whole)
	}
	if complete {
		for set := range values {
			for i := range groups {
				if set&(1<<i) != 0 && added(values, set, i).Sign() < 0 {
					d.fail(path, "give %s a share below 0 where %s touched the case", groups[i], coalition(groups, set))
				}
			}
		}
	}
	return groups
}

// coalition is the name of a set of groups.
func coalition(groups []string, set int) string {
	var names []string
	for i, g := range groups {
		if set&(1<<i) != 0 {
			names = append(names, g)
		}
	}
	return strings.Join(names, "+")
}

// added is what member i of a set adds to its value over all orders in which
// the members can join, summed up over the orders.
func added(values []exact.Rat, set, i int) exact.Rat {
	n := bits.OnesCount(uint(set))
	rest := set &^ (1 << i)
	var sum exact.Rat
	for sub := rest; ; sub = (sub - 1) & rest {
		s := bits.OnesCount(uint(sub))
		orders := exact.Int(factorials[s] * factorials[n-s-1])
		sum = sum.Add(values[sub|1<<i].Sub(values[sub]).Mul(orders))
		if sub == 0 {
			return sum
		}
	}
}

var factorials = [maxGroups + 1]int64{1, 1, 2, 6, 24, 120, 720, 5040, 40320}

// numberIn is the value of a decimal of the terms.
func numberIn(d record.Decimal) number {
	x, _ := parseNumber(string(d), false)
	return x
}
