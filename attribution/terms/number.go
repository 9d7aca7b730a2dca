package terms

import (
	"math/bits"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// A number is an exact decimal or quotient. It is coef / 10^scale where rat is
// nil, which is what nearly all numbers of terms and facts are.
type number struct {
	coef  int64
	scale uint8
	rat   *exact.Rat
}

// maxScaledDigits is how many digits a scaled integer may have: they fit in 63
// bits, and so does each power of ten up to it.
const maxScaledDigits = 18

var powers = func() (p [maxScaledDigits + 1]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// parseNumber reads a decimal of a record.
func parseNumber(text string, general bool) (number, bool) {
	if !general && len(text) <= maxScaledDigits {
		return parseScaled(text)
	}
	if _, err := record.ParseDecimal(text); err != nil {
		return number{}, false
	}
	r, err := exact.Parse(text)
	return number{rat: &r}, err == nil
}

// parseScaled reads a decimal that fits, in one pass: all that record.ParseDecimal
// takes of that length, and nothing else.
func parseScaled(text string) (x number, ok bool) {
	digits := text
	if text != "" && text[0] == '-' {
		digits = text[1:]
	}
	whole := len(digits) // digits before the point
	for i := range len(digits) {
		switch c := digits[i]; {
		case c >= '0' && c <= '9':
			x.coef = x.coef*10 + int64(c-'0')
		case c == '.' && whole == len(digits):
			whole = i
			x.scale = uint8(len(digits) - 1 - i)
		default:
			return number{}, false
		}
	}
	if whole == 0 || whole > 1 && digits[0] == '0' || whole+1 == len(digits) {
		return number{}, false
	}
	if len(digits) < len(text) {
		if x.coef == 0 {
			return number{}, false
		}
		x.coef = -x.coef
	}
	return x, true
}

// general returns x as a quotient.
func (x number) general() number {
	r := x.quotient()
	return number{rat: &r}
}

func (x number) quotient() exact.Rat {
	if x.rat != nil {
		return *x.rat
	}
	r, _ := exact.Int(x.coef).Quo(exact.Int(powers[x.scale]))
	return r
}

func (x number) sign() int {
	switch {
	case x.rat != nil:
		return x.rat.Sign()
	case x.coef < 0:
		return -1
	case x.coef > 0:
		return 1
	}
	return 0
}

func (x number) negated() number {
	if x.rat != nil {
		r := x.rat.Neg()
		return number{rat: &r}
	}
	// A scaled integer has at most 63 bits and is never the least int64.
	x.coef = -x.coef
	return x
}

func (x number) cmp(y number) int {
	if x.rat != nil || y.rat != nil {
		return x.quotient().Cmp(y.quotient())
	}
	if x.scale == y.scale {
		switch {
		case x.coef < y.coef:
			return -1
		case x.coef > y.coef:
			return 1
		}
		return 0
	}
	if s, t := x.sign(), y.sign(); s != t {
		if s < t {
			return -1
		}
		return 1
	}
	// Same sign: the magnitudes at the same scale, which fit in 128 bits.
	var xs, ys int64 = 1, 1
	if x.scale < y.scale {
		xs = powers[y.scale-x.scale]
	} else {
		ys = powers[x.scale-y.scale]
	}
	xHigh, xLow := bits.Mul64(magnitude(x.coef), uint64(xs))
	yHigh, yLow := bits.Mul64(magnitude(y.coef), uint64(ys))
	c := 0
	switch {
	case xHigh < yHigh || xHigh == yHigh && xLow < yLow:
		c = -1
	case xHigh > yHigh || xHigh == yHigh && xLow > yLow:
		c = 1
	}
	if x.coef < 0 {
		return -c
	}
	return c
}

func magnitude(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

// scaled returns a product if it fits in a scaled integer.
func scaled(a, b int64) (int64, bool) {
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	if high != 0 || low > 1<<63-1 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(low), true
	}
	return int64(low), true
}

func (x number) plus(y number) number {
	if x.rat == nil && y.rat == nil {
		if x.scale < y.scale {
			x, y = y, x
		}
		if b, ok := scaled(y.coef, powers[x.scale-y.scale]); ok {
			// Both are above the least int64, so an overflow shows in the sign.
			sum := x.coef + b
			if (x.coef < 0) != (b < 0) || sum != -1<<63 && (sum < 0) == (x.coef < 0) {
				return number{coef: sum, scale: x.scale}
			}
		}
	}
	r := x.quotient().Add(y.quotient())
	return number{rat: &r}
}

func (x number) times(y number) number {
	if x.rat == nil && y.rat == nil && x.scale+y.scale <= maxScaledDigits {
		if coef, ok := scaled(x.coef, y.coef); ok {
			return number{coef: coef, scale: x.scale + y.scale}
		}
	}
	r := x.quotient().Mul(y.quotient())
	return number{rat: &r}
}

// by divides; ok is false where y is 0.
func (x number) by(y number) (number, bool) {
	r, ok := x.quotient().Quo(y.quotient())
	return number{rat: &r}, ok
}

func (x number) minus(y number) number { return x.plus(y.negated()) }

func (x number) abs() number {
	if x.sign() < 0 {
		return x.negated()
	}
	return x
}

// root is the square root; ok is false below 0.
func (x number) root() (number, bool) {
	r, ok := exact.Sqrt(x.quotient())
	return number{rat: &r}, ok
}

// numberOf returns a quotient as a number.
func numberOf(r exact.Rat, general bool) number {
	if i, ok := r.Int64(); ok && !general && i < powers[maxScaledDigits] && i > -powers[maxScaledDigits] {
		return number{coef: i}
	}
	return number{rat: &r}
}
