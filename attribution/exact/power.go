package exact

import (
	"github.com/cockroachdb/apd/v3"
)

// Roots and powers have no end in general. They are the only values of this
// package that are not exact: each is rounded once, half even, to
// InexactDecimals decimals.
const InexactDecimals = 18

const (
	// MaxExponent bounds the exponent of Power, and maxPower its value: 10^34
	// has more digits than a decimal of a record.
	MaxExponent = 1000
	maxPower    = 34

	// powerDigits is what Power computes with, powerKept what is kept of it
	// before it is rounded. A value that ends within that, like a tie, stands
	// as it is; the digits between make up for what the steps lose.
	powerDigits = 80
	powerKept   = 60
)

// Sqrt returns the square root of x, half even to InexactDecimals decimals; ok
// is false where x is below 0.
func Sqrt(x Rat) (z Rat, ok bool) {
	if x.Sign() < 0 {
		return Rat{}, false
	}
	// With s = 10^18, the root in steps of 1/s is that of x s^2: the integer
	// below it, and then the step that is nearer.
	step := power10(InexactDecimals)
	var square, scaled, root apd.BigInt
	square.Mul(&step, &step)
	square.Mul(&square, &x.num)
	scaled.Quo(&square, x.denominator())
	root.Sqrt(&scaled)
	// Compare (2 root + 1)^2 with 4 x s^2, both times the denominator.
	var middle, four apd.BigInt
	middle.Add(&root, &root)
	middle.Add(&middle, apd.NewBigInt(1))
	middle.Mul(&middle, &middle)
	middle.Mul(&middle, x.denominator())
	four.Mul(&square, apd.NewBigInt(4))
	if c := middle.Cmp(&four); c < 0 || c == 0 && root.Bit(0) == 1 {
		root.Add(&root, apd.NewBigInt(1))
	}
	z = Rat{num: root, den: step}
	z.reduce()
	return z, true
}

// Power returns x to the power of y, half even to InexactDecimals decimals,
// where the first 60 digits of it are taken for the whole. ok is false where x
// is not above 0, y is further from 0 than MaxExponent, or the power is 10^34
// or more.
func Power(x, y Rat) (z Rat, ok bool) {
	if x.Sign() <= 0 || y.Abs().Cmp(Int(MaxExponent)) > 0 {
		return Rat{}, false
	}
	if y.Sign() < 0 {
		// The inverse is exact, and so is a whole power of it.
		x, _ = Int(1).Quo(x)
		y = y.Neg()
	}
	// 10^(magnitude-1) < x < 10^(magnitude+1).
	magnitude := Int(apd.NumDigits(&x.num) - apd.NumDigits(x.denominator()))
	if y.Mul(magnitude.Sub(Int(1))).Cmp(Int(maxPower)) > 0 {
		return Rat{}, false
	}
	if y.Mul(magnitude.Add(Int(1))).Cmp(Int(-InexactDecimals-1)) < 0 {
		return Rat{}, true
	}
	ctx := apd.Context{Precision: powerDigits, MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent, Rounding: apd.RoundHalfEven}
	var base, exponent, power apd.Decimal
	if !x.quotientIn(&ctx, &base) || !y.quotientIn(&ctx, &exponent) {
		return Rat{}, false
	}
	if _, err := ctx.Pow(&power, &base, &exponent); err != nil || power.Form != apd.Finite {
		return Rat{}, false
	}
	ctx.Precision = powerKept
	if _, err := ctx.Round(&power, &power); err != nil {
		return Rat{}, false
	}
	z = Rat{num: power.Coeff}
	if power.Exponent > 0 {
		scale := power10(int(power.Exponent))
		z.num.Mul(&z.num, &scale)
	} else if power.Exponent < 0 {
		z.den = power10(int(-power.Exponent))
		z.reduce()
	}
	if limit := power10(maxPower); z.Cmp(Rat{num: limit}) >= 0 {
		return Rat{}, false
	}
	return z.Round(InexactDecimals, HalfEven), true
}

// quotientIn sets d to x, to the digits of ctx.
func (x Rat) quotientIn(ctx *apd.Context, d *apd.Decimal) bool {
	var num, den apd.Decimal
	num.Coeff.Abs(&x.num)
	num.Negative = x.Sign() < 0
	den.Coeff = *x.denominator()
	_, err := ctx.Quo(d, &num, &den)
	return err == nil
}
