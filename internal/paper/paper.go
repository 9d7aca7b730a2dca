// Package paper does the sums of an explanation again, as a reader does with a
// pencil. It knows nothing of how they were computed: it reads the figures that
// are printed, and asks that each leads to the next, from a quantity to an
// amount. Tests hold explanations to it.
package paper

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// A Step is what is done and the sum, as package fee prints it.
type Step struct{ What, How string }

// Check does the sums of a line, or of a correction, again. Each has to come
// out, to begin with figures that were printed before it, and the last one has
// to be the amount.
func Check(steps []Step, amount string) error {
	_, decimals, _ := strings.Cut(amount, ".")
	p := &reader{scale: len(decimals)}
	for i, s := range steps {
		if err := p.step(strings.TrimSpace(s.What), s.How); err != nil {
			return fmt.Errorf("step %d, %s: %s: %w", i+1, s.What, s.How, err)
		}
	}
	want, ok := number(amount)
	switch {
	case !ok:
		return fmt.Errorf("amount %q is no number", amount)
	case p.held && want.Sign() == 0:
		return nil
	case p.at == nil:
		return fmt.Errorf("nothing leads to %s", amount)
	case p.at.Cmp(want) != 0:
		return fmt.Errorf("the steps lead to %s, not to %s", p.at.FloatString(6), amount)
	}
	return nil
}

// A reader goes through the steps.
type reader struct {
	quantity *big.Rat   // that is being priced
	parts    []*big.Rat // of the quantity, priced so far
	amounts  []*big.Rat // of these parts
	results  []*big.Rat // all that came out so far
	at       *big.Rat   // the last result
	some     bool       // not all that is priced is printed
	held     bool
	scale    int // of amounts
}

var (
	isNumber   = regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	isQuantity = regexp.MustCompile(`^(?:measure|formula) .* is (-?\d+(?:\.\d+)?)(?:,|$)`)
	ofQuantity = regexp.MustCompile(`^\d+ \w+ of quantity (-?\d+(?:\.\d+)?)`)
	partFree   = regexp.MustCompile(`a part is free, together (\d+(?:\.\d+)?)`)
	places     = regexp.MustCompile(`(\d+) decimals?\b`)
)

func number(text string) (*big.Rat, bool) {
	if !isNumber.MatchString(text) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

func (p *reader) step(what, how string) error {
	if strings.HasPrefix(what, "held: ") {
		p.held = true
		p.results = append(p.results, new(big.Rat)) // nothing is billed
		return nil
	}
	if how == "" {
		return p.words(what)
	}
	begin, end, err := p.sums(what, how)
	if err != nil {
		return err
	}
	defer func() { p.results, p.at = append(p.results, end), end }()
	is := func(x, y *big.Rat) bool { return x != nil && y != nil && near(x, y) }
	tier := strings.HasPrefix(what, "tier ") || strings.HasPrefix(what, "at ") && !strings.HasPrefix(what, "at least ") && !strings.HasPrefix(what, "at most ")
	m := ofQuantity.FindStringSubmatch(strings.TrimPrefix(what, "taken out: "))
	p.some = p.some || strings.HasPrefix(what, "taken out: ") || strings.HasPrefix(what, "the prices of those before") || strings.Contains(what, "only the sum is known")
	if m == nil && !tier {
		if err := p.all(); err != nil {
			return err
		}
	}
	switch {
	case m != nil:
		q, _ := number(m[1])
		p.parts, p.amounts = append(p.parts, q), append(p.amounts, end)
	case tier && strings.Contains(how, " x ") || tier && strings.Contains(how, " / "):
		p.parts, p.amounts = append(p.parts, begin), append(p.amounts, end)
	case tier:
		p.parts, p.amounts = append(p.parts, nil), append(p.amounts, end) // a flat price is of any quantity
	case strings.HasSuffix(what, "together"):
		for _, x := range addends(how) {
			if !p.came(x) {
				return fmt.Errorf("%s did not come out before", x.FloatString(6))
			}
		}
		p.amounts = nil
	case strings.HasPrefix(what, "converted: "), strings.Contains(what, "included"):
		if !is(begin, p.quantity) {
			return fmt.Errorf("begins with another quantity than %v", p.quantity)
		}
		p.quantity = end
	case strings.HasPrefix(what, "less what it had come to"), what == "the difference":
		list := addends(how)
		if !p.came(list[0]) || len(list) != 2 {
			return fmt.Errorf("begins with what did not come out before")
		}
	case strings.HasPrefix(what, "what it had come to before"), strings.HasPrefix(what, "the prices of those before"), strings.Contains(what, "only the sum is known"),
		strings.HasPrefix(what, "no "), strings.HasPrefix(what, "nothing is due"):
	case p.at == nil && begin != nil: // of a flat line
	case !is(begin, p.at):
		return fmt.Errorf("begins with another figure than %s", p.at.FloatString(18))
	}
	return nil
}

// words takes what is said without a sum.
func (p *reader) words(what string) error {
	switch m := isQuantity.FindStringSubmatch(what); {
	case m != nil && (p.quantity == nil || p.at == nil):
		p.quantity, _ = number(m[1])
	case strings.HasPrefix(what, "as it "), strings.HasPrefix(what, "what it "):
		// It begins anew.
		*p = reader{results: p.results, scale: p.scale}
	case strings.HasPrefix(what, "it is a flat amount of "):
		p.at, _ = number(strings.TrimPrefix(what, "it is a flat amount of "))
		p.results = append(p.results, p.at)
	case strings.HasPrefix(what, "below 0 it counts as 0"):
		p.quantity = new(big.Rat)
	case strings.HasPrefix(what, "below 0 it is priced without its sign") && p.quantity != nil:
		p.quantity = new(big.Rat).Neg(p.quantity)
	}
	if m := partFree.FindStringSubmatch(what); m != nil {
		q, _ := number(m[1])
		p.parts = append(p.parts, q)
	}
	return nil
}

// all asks that the parts that were priced are the quantity, and begins anew.
func (p *reader) all() error {
	parts := p.parts
	p.parts = nil
	if p.quantity == nil || p.some || len(parts) == 0 {
		return nil
	}
	sum := new(big.Rat)
	for _, x := range parts {
		if x == nil {
			return nil
		}
		sum.Add(sum, x)
	}
	if !near(sum, p.quantity) {
		return fmt.Errorf("%s are priced of %s", sum.FloatString(6), p.quantity.FloatString(6))
	}
	return nil
}

// came reports whether a figure came out before.
func (p *reader) came(x *big.Rat) bool {
	for _, y := range p.results {
		if near(x, y) || near(new(big.Rat).Neg(x), y) {
			return true
		}
	}
	return false
}

// near reports whether two figures are the same to the digits that are printed.
func near(x, y *big.Rat) bool {
	d := new(big.Rat).Sub(x, y)
	if d.Sign() == 0 {
		return true
	}
	d.Abs(d)
	size := new(big.Rat).Abs(x)
	size.Add(size, big.NewRat(1, 1))
	// Of a figure at most 34 digits are printed, of a quotient at most 18 decimals.
	bound := new(big.Rat).Quo(size, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(28), nil)))
	if finest(x) >= 17 || finest(y) >= 17 {
		bound = size.Mul(size, big.NewRat(1, 1e14))
	}
	return d.Cmp(bound) < 0 || d.Cmp(big.NewRat(1, 1e18)) < 0
}

// finest is how many digits a denominator has, beyond the first.
func finest(x *big.Rat) int { return len(x.Denom().String()) - 1 }

// sums does what a step prints, and gives the figure that it begins with and
// the one that it comes to.
func (p *reader) sums(what, how string) (begin, end *big.Rat, err error) {
	for _, part := range strings.Split(how, "; ") {
		if from, to, ok := strings.Cut(part, " becomes "); ok {
			x, ok1 := number(from)
			y, ok2 := number(to)
			if !ok1 || !ok2 {
				return nil, nil, fmt.Errorf("no figures in %q", part)
			}
			if begin == nil {
				begin = x
			}
			end = y
			if err := p.becomes(what, x, y); err != nil {
				return nil, nil, err
			}
			continue
		}
		sum, after, _ := strings.Cut(part, ", ")
		left, right, equals := strings.Cut(sum, " = ")
		first, value, err := evaluate(left)
		if err != nil {
			return nil, nil, err
		}
		if begin == nil {
			begin = first
		}
		if equals {
			shown, ok := number(right)
			if !ok || !near(value, shown) {
				return nil, nil, fmt.Errorf("%s is %s", left, value.FloatString(18))
			}
			value = shown
		}
		for after != "" {
			var one string
			one, after, _ = strings.Cut(after, ", ")
			if value, err = p.rounded(what, value, one); err != nil {
				return nil, nil, err
			}
		}
		end = value
	}
	return begin, end, nil
}

// becomes holds a bound or a rounding to its words.
func (p *reader) becomes(what string, x, y *big.Rat) error {
	words := strings.Fields(what)
	switch {
	case strings.HasPrefix(what, "at least "), strings.HasPrefix(what, "at most "):
		bound, ok := number(strings.TrimSuffix(words[2], ","))
		if !ok {
			return fmt.Errorf("names no bound")
		}
		want := x
		if c := x.Cmp(bound); words[1] == "least" && c < 0 || words[1] == "most" && c > 0 {
			want = bound
		}
		if y.Cmp(want) != 0 && !near(y, want) {
			return fmt.Errorf("should be %s", want.FloatString(6))
		}
	case strings.HasPrefix(what, "rounded "), strings.HasSuffix(what, "rounded alike"):
		_, err := p.rounded(what, x, "rounded "+y.FloatString(30))
		return err
	}
	return nil
}

// rounded holds what stands behind a sum to its words.
func (p *reader) rounded(what string, x *big.Rat, after string) (*big.Rat, error) {
	words := strings.Fields(after)
	y, ok := number(words[len(words)-1])
	if !ok {
		return nil, fmt.Errorf("no figure in %q", after)
	}
	d := new(big.Rat).Sub(y, x)
	scale := p.scale
	if m := places.FindStringSubmatch(what); m != nil {
		scale, _ = strconv.Atoi(m[1])
	} else if strings.Contains(what, "a whole number") {
		scale = 0
	}
	unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	switch {
	case strings.HasPrefix(after, "rounded up to "):
		ok = d.Sign() >= 0 && d.Cmp(big.NewRat(1, 1)) < 0 && y.IsInt()
	case strings.HasPrefix(after, "rounded down to "):
		ok = d.Sign() <= 0 && d.Cmp(big.NewRat(-1, 1)) > 0 && y.IsInt()
	case strings.HasPrefix(after, "at least "):
		ok = d.Sign() > 0 && y.Sign() == 0
	case strings.HasPrefix(after, "with its sign "):
		ok = new(big.Rat).Neg(x).Cmp(y) == 0
	default:
		ok = d.Abs(d).Cmp(unit) < 0 || d.Sign() == 0
	}
	if !ok {
		return nil, fmt.Errorf("%s is not %s", x.FloatString(18), after)
	}
	return y, nil
}

// addends are the figures of a sum, each without its sign.
func addends(how string) (list []*big.Rat) {
	left, _, _ := strings.Cut(how, " = ")
	for _, word := range strings.Fields(left) {
		if x, ok := number(word); ok {
			list = append(list, x)
		}
	}
	return list
}

// evaluate computes an expression of figures, with x and / before + and -, and
// (a - b). It also gives the first figure.
func evaluate(text string) (first, value *big.Rat, err error) {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "(", "( "), ")", " )")
	words := strings.Fields(text)
	var sum func() (*big.Rat, error)
	factor := func() (*big.Rat, error) {
		if len(words) == 0 {
			return nil, fmt.Errorf("%q ends early", text)
		}
		word := words[0]
		words = words[1:]
		if word == "(" {
			x, err := sum()
			if err == nil && (len(words) == 0 || words[0] != ")") {
				err = fmt.Errorf("%q has no )", text)
			}
			if err == nil {
				words = words[1:]
			}
			return x, err
		}
		x, ok := number(word)
		if !ok {
			return nil, fmt.Errorf("%q is no figure", word)
		}
		if first == nil {
			first = x
		}
		return x, nil
	}
	product := func() (*big.Rat, error) {
		x, err := factor()
		for err == nil && len(words) > 0 && (words[0] == "x" || words[0] == "/") {
			op := words[0]
			words = words[1:]
			var y *big.Rat
			if y, err = factor(); err != nil {
				break
			}
			switch {
			case op == "x":
				x = new(big.Rat).Mul(x, y)
			case y.Sign() == 0:
				err = fmt.Errorf("%q divides by 0", text)
			default:
				x = new(big.Rat).Quo(x, y)
			}
		}
		return x, err
	}
	sum = func() (*big.Rat, error) {
		x, err := product()
		for err == nil && len(words) > 0 && (words[0] == "+" || words[0] == "-") {
			op := words[0]
			words = words[1:]
			var y *big.Rat
			if y, err = product(); err != nil {
				break
			}
			if op == "+" {
				x = new(big.Rat).Add(x, y)
			} else {
				x = new(big.Rat).Sub(x, y)
			}
		}
		return x, err
	}
	value, err = sum()
	if err == nil && len(words) > 0 {
		err = fmt.Errorf("%q goes on with %q", text, words[0])
	}
	return first, value, err
}
