// Package exact is arithmetic that loses nothing: quotients of integers, and
// the one function that rounds them.
//
// Quantities, prices and amounts are computed as a [Rat] from end to end.
// Where an amount becomes money, [Rat.Round] is called once, with the mode and
// the scale that the terms name. Package fee computes short numbers in machine
// words, as it says there; its tests hold them to this package, digit by digit.
package exact

import (
	"fmt"
	"math/bits"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Bounds of this package.
const (
	// MaxChars is the longest text that Parse takes.
	MaxChars = 256
	// MaxScale is the most decimals that Round and Fixed give.
	MaxScale = 64
)

// A Rat is an exact quotient of two integers. The zero Rat is 0. It is a value:
// no method changes its receiver, and copies are independent.
//
// It is kept in lowest terms with a denominator above 0. Denominator 0 stands
// for 1, which makes the zero Rat a number.
type Rat struct {
	num, den apd.BigInt
}

// Int returns i.
func Int(i int64) Rat {
	var z Rat
	z.num.SetInt64(i)
	return z
}

// Parse reads a decimal in the grammar -?(0|[1-9][0-9]*)(\.[0-9]+)?. It takes no
// exponent, plus sign, bare point, leading zero or negative zero.
func Parse(text string) (Rat, error) {
	if len(text) > MaxChars {
		return Rat{}, fmt.Errorf("decimal has %d characters, at most %d", len(text), MaxChars)
	}
	digits := strings.TrimPrefix(text, "-")
	negative := len(digits) < len(text)
	whole, decimals, point := strings.Cut(digits, ".")
	switch {
	case whole == "", point && decimals == "", !areDigits(whole), !areDigits(decimals):
		return Rat{}, fmt.Errorf("%q is not a decimal", text)
	case len(whole) > 1 && whole[0] == '0':
		return Rat{}, fmt.Errorf("decimal %q begins with a zero too many", text)
	}
	var z Rat
	if len(whole)+len(decimals) <= 18 {
		var n int64
		for _, part := range [2]string{whole, decimals} {
			for i := range len(part) {
				n = n*10 + int64(part[i]-'0')
			}
		}
		z.num.SetInt64(n)
	} else {
		z.num.SetString(whole+decimals, 10)
	}
	if negative {
		if z.num.Sign() == 0 {
			return Rat{}, fmt.Errorf("decimal %q is a negative zero", text)
		}
		z.num = negated(&z.num)
	}
	if len(decimals) > 0 {
		z.den = power10(len(decimals))
		z.reduce()
	}
	return z, nil
}

func areDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// power10 returns 10^n.
func power10(n int) apd.BigInt {
	var z apd.BigInt
	if n <= 19 {
		p := uint64(1)
		for range n {
			p *= 10
		}
		z.SetUint64(p)
		return z
	}
	var ten, exp apd.BigInt
	ten.SetInt64(10)
	exp.SetInt64(int64(n))
	z.Exp(&ten, &exp, nil)
	return z
}

// one is the denominator of whole numbers where none is set.
func (a *Rat) denominator() *apd.BigInt {
	if a.den.Sign() == 0 {
		return apd.NewBigInt(1)
	}
	return &a.den
}

func (a *Rat) whole() bool { return a.den.Sign() == 0 }

// reduce brings z to lowest terms. The denominator is above 0.
func (z *Rat) reduce() {
	if z.num.Sign() == 0 {
		z.den = apd.BigInt{}
		return
	}
	if z.num.IsInt64() && z.den.IsInt64() {
		n, d := z.num.Int64(), z.den.Int64()
		g := gcd(magnitude(n), uint64(d))
		// The denominator fits in 63 bits, so its divisor does.
		n, d = n/int64(g), d/int64(g)
		z.num.SetInt64(n)
		if z.den = (apd.BigInt{}); d != 1 {
			z.den.SetInt64(d)
		}
		return
	}
	var abs, g, num, den apd.BigInt
	abs.Abs(&z.num)
	g.GCD(nil, nil, &abs, &z.den)
	num.Quo(&z.num, &g)
	den.Quo(&z.den, &g)
	if den.IsInt64() && den.Int64() == 1 {
		den = apd.BigInt{}
	}
	z.num, z.den = num, den
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// gcd returns the greatest common divisor of two numbers above 0.
func gcd(a, b uint64) uint64 {
	shift := bits.TrailingZeros64(a | b)
	a >>= bits.TrailingZeros64(a)
	for b != 0 {
		b >>= bits.TrailingZeros64(b)
		if a > b {
			a, b = b, a
		}
		b -= a
	}
	return a << shift
}

// Add returns a + b.
func (a Rat) Add(b Rat) Rat {
	var z Rat
	switch {
	case a.whole() && b.whole():
		z.num.Add(&a.num, &b.num)
		return z
	case a.den.Cmp(&b.den) == 0:
		z.num.Add(&a.num, &b.num)
		z.den = a.den
	default:
		var left, right apd.BigInt
		left.Mul(&a.num, b.denominator())
		right.Mul(&b.num, a.denominator())
		z.num.Add(&left, &right)
		z.den.Mul(a.denominator(), b.denominator())
	}
	z.reduce()
	return z
}

// Neg returns -a.
func (a Rat) Neg() Rat { return Rat{num: negated(&a.num), den: a.den} }

// negated returns -i. It is not BigInt.Neg, whose negative of 0 is below 0.
func negated(i *apd.BigInt) apd.BigInt {
	var zero, z apd.BigInt
	z.Sub(&zero, i)
	return z
}

// Abs returns a without its sign.
func (a Rat) Abs() Rat {
	if a.Sign() < 0 {
		return a.Neg()
	}
	return a
}

// Sub returns a - b.
func (a Rat) Sub(b Rat) Rat { return a.Add(b.Neg()) }

// Mul returns a * b.
func (a Rat) Mul(b Rat) Rat {
	var z Rat
	z.num.Mul(&a.num, &b.num)
	if a.whole() && b.whole() {
		return z
	}
	z.den.Mul(a.denominator(), b.denominator())
	z.reduce()
	return z
}

// Quo returns a / b; ok is false where b is 0.
func (a Rat) Quo(b Rat) (z Rat, ok bool) {
	if b.num.Sign() == 0 {
		return Rat{}, false
	}
	z.num.Mul(&a.num, b.denominator())
	z.den.Mul(a.denominator(), &b.num)
	if z.den.Sign() < 0 {
		z.num, z.den = negated(&z.num), negated(&z.den)
	}
	z.reduce()
	return z, true
}

// Cmp returns -1, 0 or 1 as a is below, equal to or above b.
func (a Rat) Cmp(b Rat) int {
	if a.whole() && b.whole() || a.den.Cmp(&b.den) == 0 {
		return a.num.Cmp(&b.num)
	}
	var left, right apd.BigInt
	left.Mul(&a.num, b.denominator())
	right.Mul(&b.num, a.denominator())
	return left.Cmp(&right)
}

// Sign returns -1, 0 or 1 as a is below, equal to or above 0.
func (a Rat) Sign() int { return a.num.Sign() }

// Int64 returns a as an integer; ok is false where it is none, or too large.
func (a Rat) Int64() (i int64, ok bool) {
	if !a.whole() || !a.num.IsInt64() {
		return 0, false
	}
	return a.num.Int64(), true
}

// Max returns the larger of a and b.
func Max(a, b Rat) Rat {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

// Min returns the smaller of a and b.
func Min(a, b Rat) Rat {
	if a.Cmp(b) > 0 {
		return b
	}
	return a
}
