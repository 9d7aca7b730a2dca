package exact

import (
	"fmt"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// A Mode says where a value goes that lies between two steps.
type Mode string

const (
	HalfUp   Mode = "half_up"   // to the nearer; from the middle away from zero
	HalfEven Mode = "half_even" // to the nearer; from the middle to the even one
	Down     Mode = "down"      // towards zero
	Up       Mode = "up"        // away from zero
)

// Round returns a rounded to scale decimals: what rounding means, wherever the
// project rounds. The scale is 0 to MaxScale and the mode one of the four.
func (a Rat) Round(scale int, mode Mode) Rat {
	checkScale("Round", scale)
	if a.whole() {
		return a
	}
	// a * 10^scale, cut towards zero, and what was cut off.
	step := power10(scale)
	var scaled, cut, rest apd.BigInt
	scaled.Mul(&a.num, &step)
	cut.QuoRem(&scaled, &a.den, &rest)
	if rest.Sign() != 0 && awayFromZero(&cut, &rest, &a.den, mode) {
		cut.Add(&cut, apd.NewBigInt(int64(a.num.Sign())))
	}
	z := Rat{num: cut, den: step}
	z.reduce()
	return z
}

// awayFromZero reports whether a value that was cut to cut, with rest/den left
// over, goes to the next integer away from zero.
func awayFromZero(cut, rest, den *apd.BigInt, mode Mode) bool {
	switch mode {
	case Down:
		return false
	case Up:
		return true
	case HalfUp, HalfEven:
		var twice apd.BigInt
		twice.Add(rest, rest)
		if c := twice.CmpAbs(den); c != 0 {
			return c > 0
		}
		return mode == HalfUp || cut.Bit(0) == 1
	}
	panic(fmt.Sprintf("exact: Round with mode %q", string(mode)))
}

func checkScale(name string, scale int) {
	if scale < 0 || scale > MaxScale {
		panic(fmt.Sprintf("exact: %s with scale %d", name, scale))
	}
}

// Decimals returns how many decimals a needs to be written exactly; ok is
// false where no number of them, or more than MaxScale, would do.
func (a Rat) Decimals() (n int, ok bool) {
	if a.whole() {
		return 0, true
	}
	// In lowest terms a is a decimal with n places if and only if the
	// denominator divides 10^n.
	step := apd.NewBigInt(1)
	ten := apd.NewBigInt(10)
	for n = 1; n <= MaxScale; n++ {
		step.Mul(step, ten)
		var rest apd.BigInt
		if rest.Rem(step, &a.den); rest.Sign() == 0 {
			return n, true
		}
	}
	return 0, false
}

// Fixed writes a with exactly scale decimals, as in 69.30; ok is false where
// a has more.
func (a Rat) Fixed(scale int) (text string, ok bool) {
	checkScale("Fixed", scale)
	step := power10(scale)
	var scaled, rest apd.BigInt
	scaled.Mul(&a.num, &step)
	if !a.whole() {
		scaled.QuoRem(&scaled, &a.den, &rest)
		if rest.Sign() != 0 {
			return "", false
		}
	}
	sign := ""
	if scaled.Sign() < 0 {
		sign = "-"
		scaled = negated(&scaled)
	}
	digits := scaled.String()
	if scale == 0 {
		return sign + digits, true
	}
	if short := scale + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	at := len(digits) - scale
	return sign + digits[:at] + "." + digits[at:], true
}

// String writes a as the shortest decimal that is exactly a, or as a quotient
// like 1/3 where there is none.
func (a Rat) String() string {
	if n, ok := a.Decimals(); ok {
		text, _ := a.Fixed(n)
		return text
	}
	return a.num.String() + "/" + a.denominator().String()
}
