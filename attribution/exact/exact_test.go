package exact

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// decimal draws a decimal text with up to 40 digits, often a short one.
func decimal() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?`),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?`),
	).Filter(func(s string) bool {
		return !strings.HasPrefix(s, "-") || strings.ContainsAny(s, "123456789")
	})
}

// A pair is a Rat and the same number in math/big.
type pair struct {
	rat Rat
	big *big.Rat
}

// number draws decimals and quotients of them.
func number(t *rapid.T, name string) pair {
	one := func(name string) pair {
		text := decimal().Draw(t, name)
		r, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		b, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("big.Rat refuses %q", text)
		}
		return pair{r, b}
	}
	p := one(name)
	if rapid.Bool().Draw(t, name+" is a quotient") {
		d := one(name + " divisor")
		if q, ok := p.rat.Quo(d.rat); ok {
			return pair{q, new(big.Rat).Quo(p.big, d.big)}
		}
	}
	return p
}

func (p pair) check(t *rapid.T, what string) {
	t.Helper()
	if got, want := p.rat.num.String()+"/"+p.rat.denominator().String(), p.big.String(); got != want {
		t.Fatalf("%s is %s, want %s", what, got, want)
	}
}

func TestArithmeticAgreesWithMathBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := number(t, "a"), number(t, "b")
		// Copies must not notice what is done with the originals.
		aBefore, bBefore := a, b
		pair{a.rat.Add(b.rat), new(big.Rat).Add(a.big, b.big)}.check(t, "a + b")
		pair{a.rat.Sub(b.rat), new(big.Rat).Sub(a.big, b.big)}.check(t, "a - b")
		pair{a.rat.Mul(b.rat), new(big.Rat).Mul(a.big, b.big)}.check(t, "a * b")
		pair{a.rat.Neg(), new(big.Rat).Neg(a.big)}.check(t, "-a")
		pair{a.rat.Abs(), new(big.Rat).Abs(a.big)}.check(t, "|a|")
		q, ok := a.rat.Quo(b.rat)
		if ok != (b.big.Sign() != 0) {
			t.Fatalf("a / b is defined: %v, b is %v", ok, b.big)
		}
		if ok {
			pair{q, new(big.Rat).Quo(a.big, b.big)}.check(t, "a / b")
		}
		if got, want := a.rat.Cmp(b.rat), a.big.Cmp(b.big); got != want {
			t.Fatalf("Cmp is %d, want %d", got, want)
		}
		if got, want := a.rat.Sign(), a.big.Sign(); got != want {
			t.Fatalf("Sign is %d, want %d", got, want)
		}
		i, ok := a.rat.Int64()
		if want := a.big.IsInt() && a.big.Num().IsInt64(); ok != want || ok && i != a.big.Num().Int64() {
			t.Fatalf("Int64 is %d, %v of %v", i, ok, a.big)
		}
		larger, smaller := a, b
		if a.big.Cmp(b.big) < 0 {
			larger, smaller = b, a
		}
		pair{Max(a.rat, b.rat), larger.big}.check(t, "the larger")
		pair{Min(a.rat, b.rat), smaller.big}.check(t, "the smaller")
		if (a.rat == b.rat) != (a.big.Cmp(b.big) == 0) && a.rat.num.Size() == b.rat.num.Size() {
			// Equal numbers inside 128 bits are equal values; larger ones hold a pointer.
			if a.rat.num.Size() == new(Rat).num.Size() && a.rat.den.Size() == new(Rat).den.Size() && b.rat.den.Size() == new(Rat).den.Size() {
				t.Fatalf("== is %v for %v and %v", a.rat == b.rat, a.big, b.big)
			}
		}
		aBefore.check(t, "a afterwards")
		bBefore.check(t, "b afterwards")
	})
}

// round is the slow reference: it looks at the two neighbours.
func round(x *big.Rat, scale int, mode Mode) *big.Rat {
	step := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	steps := new(big.Rat).Quo(x, step)
	floor := new(big.Int).Div(steps.Num(), steps.Denom()) // Euclidean, so the floor
	low := new(big.Rat).SetInt(floor)
	high := new(big.Rat).Add(low, big.NewRat(1, 1))
	if low.Cmp(steps) == 0 {
		return x
	}
	toZero, away := low, high
	if x.Sign() < 0 {
		toZero, away = high, low
	}
	distance := new(big.Rat).Sub(steps, toZero)
	middle := distance.Abs(distance).Cmp(big.NewRat(1, 2))
	var to *big.Rat
	switch {
	case mode == Up, mode != Down && middle > 0:
		to = away
	case mode == Down, middle < 0:
		to = toZero
	case mode == HalfUp:
		to = away
	case new(big.Int).Rem(toZero.Num(), big.NewInt(2)).Sign() == 0:
		to = toZero
	default:
		to = away
	}
	return to.Mul(to, step)
}

func TestRoundAgreesWithNeighbours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := number(t, "a")
		scale := rapid.IntRange(0, 12).Draw(t, "scale")
		mode := rapid.SampledFrom([]Mode{HalfUp, HalfEven, Down, Up}).Draw(t, "mode")
		got := a.rat.Round(scale, mode)
		pair{got, round(a.big, scale, mode)}.check(t, "rounded a")
		if n, ok := got.Decimals(); !ok || n > scale {
			t.Fatalf("rounded to %d, has %d decimals (%v)", scale, n, ok)
		}
		if text, ok := got.Fixed(scale); !ok || text != a.big.FloatString(scale) && mode == HalfUp && a.big.FloatString(scale) != "-"+text {
			t.Fatalf("Fixed is %q, %v, math/big has %q", text, ok, a.big.FloatString(scale))
		}
	})
}

func TestRoundByHand(t *testing.T) {
	for _, test := range []struct {
		value, halfUp, halfEven, down, up string
	}{
		{"0.125", "0.13", "0.12", "0.12", "0.13"},
		{"-0.125", "-0.13", "-0.12", "-0.12", "-0.13"},
		{"0.135", "0.14", "0.14", "0.13", "0.14"},
		{"-0.00499", "0.00", "0.00", "0.00", "-0.01"},
		{"0.005", "0.01", "0.00", "0.00", "0.01"},
		{"2.345000000000000001", "2.35", "2.35", "2.34", "2.35"},
		{"99999999999999999999999999.995", "100000000000000000000000000.00", "100000000000000000000000000.00", "99999999999999999999999999.99", "100000000000000000000000000.00"},
		{"7", "7.00", "7.00", "7.00", "7.00"},
	} {
		for mode, want := range map[Mode]string{HalfUp: test.halfUp, HalfEven: test.halfEven, Down: test.down, Up: test.up} {
			a, err := Parse(test.value)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := a.Round(2, mode).Fixed(2); !ok || got != want {
				t.Errorf("%s %s is %q, want %q", test.value, mode, got, want)
			}
		}
	}
}

func TestStringRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := number(t, "a")
		text := a.rat.String()
		if strings.Contains(text, "/") {
			if text != a.big.String() {
				t.Fatalf("String is %q, want %q", text, a.big.String())
			}
			return
		}
		back, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		pair{back, a.big}.check(t, text)
		if strings.Contains(text, ".") && strings.HasSuffix(text, "0") {
			t.Fatalf("String %q is not the shortest", text)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                       `"" is not a decimal`,
		"-":                      `"-" is not a decimal`,
		"+1":                     `"+1" is not a decimal`,
		"1.":                     `"1." is not a decimal`,
		".5":                     `".5" is not a decimal`,
		"1e3":                    `"1e3" is not a decimal`,
		"NaN":                    `"NaN" is not a decimal`,
		"Infinity":               `"Infinity" is not a decimal`,
		"1 ":                     `"1 " is not a decimal`,
		"1.2.3":                  `"1.2.3" is not a decimal`,
		"--1":                    `"--1" is not a decimal`,
		"01":                     `decimal "01" begins with a zero too many`,
		"-0":                     `decimal "-0" is a negative zero`,
		"-0.00":                  `decimal "-0.00" is a negative zero`,
		strings.Repeat("9", 257): `decimal has 257 characters, at most 256`,
	} {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("Parse(%q): got %v, want %s", text, err, want)
		}
	}
}

func TestDecimalsLimit(t *testing.T) {
	third, _ := Int(1).Quo(Int(3))
	if _, ok := third.Decimals(); ok {
		t.Error("1/3 has decimals")
	}
	if _, ok := third.Fixed(2); ok {
		t.Error("1/3 is fixed at 2 decimals")
	}
	if got := third.String(); got != "1/3" {
		t.Errorf("1/3 is %q", got)
	}
	var zero Rat
	if got := zero.String(); got != "0" {
		t.Errorf("the zero Rat is %q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "-1.50", "12345678901234567890.123456789", "1e9", "-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("math/big refuses %q", text)
		}
		back, ok := new(big.Rat).SetString(a.String())
		if !ok || back.Cmp(want) != 0 {
			t.Fatalf("%q is %s, want %s", text, a, want)
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	x, _ := Parse("0.99")
	sum := Int(0)
	b.ReportAllocs()
	for b.Loop() {
		sum = sum.Add(x)
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("1234.56"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRound(b *testing.B) {
	x, _ := Int(200).Quo(Int(3))
	b.ReportAllocs()
	for b.Loop() {
		x.Round(2, HalfUp)
	}
}
