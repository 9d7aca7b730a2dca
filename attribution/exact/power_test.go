package exact

import (
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigOf is x in math/big.
func bigOf(t testing.TB, x Rat) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(x.num.String() + "/" + x.denominator().String())
	if !ok {
		t.Fatalf("%v is no quotient", x)
	}
	return r
}

// nearest reports whether z is a multiple of 10^-18 which lies within half a
// step of the value, for which below says whether a number is below it, equal
// to it or above it; in the middle z is the even one.
func nearest(t testing.TB, z *big.Rat, compare func(candidate *big.Rat) int) bool {
	t.Helper()
	step := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil))
	steps := new(big.Rat).Quo(z, step)
	if !steps.IsInt() {
		return false
	}
	half := new(big.Rat).Mul(step, big.NewRat(1, 2))
	even := steps.Num().Bit(0) == 0
	low, high := compare(new(big.Rat).Sub(z, half)), compare(new(big.Rat).Add(z, half))
	return (low < 0 || low == 0 && even) && (high > 0 || high == 0 && even)
}

func mustParse(t testing.TB, text string) Rat {
	t.Helper()
	x, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSqrt(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "1": "1", "4": "2", "2.25": "1.5", "0.25": "0.5",
		"2":                    "1.41421356237309504880168872420969807856967187537694",
		"10000000000000000":    "100000000",
		"0.000000000000000001": "0.000000001",
	} {
		got, ok := Sqrt(mustParse(t, text))
		if w := mustParse(t, want).Round(InexactDecimals, HalfEven); !ok || got.Cmp(w) != 0 {
			t.Errorf("root of %s is %v, want %v", text, got, w)
		}
	}
	if _, ok := Sqrt(Int(-1)); ok {
		t.Error("root of -1")
	}
	// Ties: the square of what has 19 decimals.
	for text, want := range map[string]string{
		"0.0000000000000000005": "0",
		"0.0000000000000000015": "0.000000000000000002",
		"1.0000000000000000025": "1.000000000000000002",
	} {
		x := mustParse(t, text)
		if got, ok := Sqrt(x.Mul(x)); !ok || got.Cmp(mustParse(t, want)) != 0 {
			t.Errorf("root of the square of %s is %v, want %s", text, got, want)
		}
	}
}

func TestSqrtIsNearest(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 2000 {
		x, _ := Int(random.Int64N(1 << 62)).Quo(Int(1 + random.Int64N(1<<random.IntN(62)+1)))
		for range random.IntN(3) {
			x = x.Mul(x)
		}
		got, ok := Sqrt(x)
		value := bigOf(t, x)
		if !ok || !nearest(t, bigOf(t, got), func(c *big.Rat) int {
			if c.Sign() < 0 {
				return -1
			}
			return new(big.Rat).Mul(c, c).Cmp(value)
		}) {
			t.Fatalf("root of %v is %v", x, got)
		}
	}
}

func TestPower(t *testing.T) {
	for _, test := range []struct{ x, y, want string }{
		{"2", "10", "1024"}, {"2", "0", "1"}, {"7.3", "1", "7.3"}, {"2", "-1", "0.5"}, {"4", "0.5", "2"}, {"0.25", "-0.5", "2"},
		{"10", "33", "1000000000000000000000000000000000"},
		{"1", "1000", "1"}, {"1", "-999.5", "1"},
		{"2", "0.5", "1.414213562373095049"},
		{"0.5", "1000", "0"},
		{"0.1", "18", "0.000000000000000001"},
		{"0.1", "19", "0"},
		// Ties: 1.5^19 has 19 decimals and ends in 5.
		{"1.5", "19", "2216.8378200531005859375"},
		{"0.4", "-19", "36379788.0709171295166015625"},
	} {
		got, ok := Power(mustParse(t, test.x), mustParse(t, test.y))
		if want := mustParse(t, test.want).Round(InexactDecimals, HalfEven); !ok || got.Cmp(want) != 0 {
			t.Errorf("%s to the power of %s is %v, want %v", test.x, test.y, got, want)
		}
	}
	// Weights of a decay with a half-life of 7 days at 12, 4 and 1 days.
	for days, want := range map[int64]string{12: "0.304753413551118860", 4: "0.672950096316178066", 1: "0.905723664263906672"} {
		y, _ := Int(-days).Quo(Int(7))
		if got, ok := Power(Int(2), y); !ok || got.Cmp(mustParse(t, want)) != 0 {
			t.Errorf("weight after %d days is %v, want %s", days, got, want)
		}
	}
	for _, test := range []struct{ x, y string }{
		{"0", "1"}, {"-1", "2"}, {"0", "0"}, {"2", "1000.5"}, {"2", "-1001"}, {"10", "34"}, {"0.1", "-34"}, {"10", "1000"}, {"9.99", "1000"},
	} {
		if got, ok := Power(mustParse(t, test.x), mustParse(t, test.y)); ok {
			t.Errorf("%s to the power of %s is %v, want none", test.x, test.y, got)
		}
	}
}

// A power x^(p/q) is checked by whole powers: c is below it where c^q < x^p.
func TestPowerIsNearest(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	whole := func(x *big.Rat, n int64) *big.Rat {
		e := big.NewInt(n)
		return new(big.Rat).SetFrac(new(big.Int).Exp(x.Num(), e, nil), new(big.Int).Exp(x.Denom(), e, nil))
	}
	tried := 0
	for range 400 {
		x, _ := Int(1 + random.Int64N(1<<random.IntN(40))).Quo(Int(1 + random.Int64N(1<<random.IntN(40))))
		p, q := random.Int64N(41)-20, 1+random.Int64N(12)
		y, _ := Int(p).Quo(Int(q))
		got, ok := Power(x, y)
		base, up := bigOf(t, x), p
		if p < 0 {
			base, up = new(big.Rat).Inv(base), -p
		}
		power := whole(base, up)
		if !ok {
			ten34 := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(34*q), nil))
			if power.Cmp(ten34) < 0 {
				t.Fatalf("%v to the power of %d/%d has no value", x, p, q)
			}
			continue
		}
		tried++
		if !nearest(t, bigOf(t, got), func(c *big.Rat) int {
			if c.Sign() < 0 {
				return -1
			}
			return whole(c, q).Cmp(power)
		}) {
			t.Fatalf("%v to the power of %d/%d is %v", x, p, q, got)
		}
	}
	if tried < 100 {
		t.Errorf("tried %d powers only", tried)
	}
}

func BenchmarkPower(b *testing.B) {
	x, _ := Parse("1.000123456789")
	y, _ := Parse("999.123456789")
	for b.Loop() {
		Power(x, y)
	}
}
