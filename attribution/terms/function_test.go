package terms

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// The reference of the functions, written from docs/terms.md with math/big.

func refUndefined() refValue { return refValue{undefined: true} }

func refOf(r *big.Rat) refValue { return refValue{r: r} }

func refSub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }

func refMul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }

func refQuo(a, b *big.Rat) *big.Rat { return new(big.Rat).Quo(a, b) }

func refTen(n int) *big.Rat {
	p := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(n, -n))), nil))
	if n < 0 {
		p.Inv(p)
	}
	return p
}

// refRound rounds half even to decimals, which may be below 0.
func refRound(x *big.Rat, decimals int) *big.Rat {
	scaled := refMul(x, refTen(decimals))
	floor := new(big.Int).Div(scaled.Num(), scaled.Denom())
	twice := refMul(refSub(scaled, new(big.Rat).SetInt(floor)), big.NewRat(2, 1))
	if c := twice.Cmp(big.NewRat(1, 1)); c > 0 || c == 0 && floor.Bit(0) == 1 {
		floor.Add(floor, big.NewInt(1))
	}
	return refQuo(new(big.Rat).SetInt(floor), refTen(decimals))
}

func refSqrt(x *big.Rat) refValue {
	if x.Sign() < 0 {
		return refUndefined()
	}
	f := new(big.Float).SetPrec(8192).SetRat(x)
	root, _ := f.Sqrt(f).Rat(nil)
	if root == nil {
		root = new(big.Rat)
	}
	return refOf(refRound(root, 18))
}

// refPower knows whole exponents.
func refPower(x, y *big.Rat) refValue {
	if x.Sign() <= 0 || new(big.Rat).Abs(y).Cmp(big.NewRat(1000, 1)) > 0 {
		return refUndefined()
	}
	base, n := x, new(big.Int).Set(y.Num())
	if n.Sign() < 0 {
		base, n = new(big.Rat).Inv(x), n.Neg(n)
	}
	z := new(big.Rat).SetFrac(new(big.Int).Exp(base.Num(), n, nil), new(big.Int).Exp(base.Denom(), n, nil))
	// The first 60 digits.
	digits := len(z.Num().String()) - len(z.Denom().String())
	for digits > -2000 && z.Cmp(refTen(digits)) < 0 {
		digits--
	}
	for z.Cmp(refTen(digits+1)) >= 0 {
		digits++
	}
	if z = refRound(z, 59-digits); z.Cmp(refTen(34)) >= 0 {
		return refUndefined()
	}
	return refOf(refRound(z, 18))
}

func refCall(name string, a []*big.Rat) refValue {
	zero := new(big.Rat)
	switch name {
	case "ratio":
		if a[1].Sign() == 0 {
			return refOf(a[2])
		}
		return refOf(refQuo(a[0], a[1]))
	case "dead_band":
		if new(big.Rat).Abs(a[0]).Cmp(a[1]) >= 0 {
			return refOf(a[0])
		}
		return refOf(zero)
	case "excess":
		over := refSub(new(big.Rat).Abs(a[0]), a[1])
		if over.Sign() < 0 {
			over = zero
		}
		return refOf(refMul(over, big.NewRat(int64(a[0].Sign()), 1)))
	case "holdout":
		if a[1].Sign() == 0 || a[3].Sign() == 0 {
			return refOf(zero)
		}
		return refOf(refSub(a[0], refQuo(refMul(a[2], a[1]), a[3])))
	case "holdout_lower":
		if a[1].Sign() == 0 || a[3].Sign() == 0 {
			return refOf(zero)
		}
		one := big.NewRat(1, 1)
		pt, pc := refQuo(a[0], a[1]), refQuo(a[2], a[3])
		variance := new(big.Rat).Add(refQuo(refMul(pt, refSub(one, pt)), a[1]), refQuo(refMul(pc, refSub(one, pc)), a[3]))
		se := refSqrt(variance)
		if se.undefined {
			return se
		}
		x := refMul(a[1], refSub(refSub(pt, pc), refMul(a[4], se.r)))
		if x.Sign() < 0 {
			x = zero
		}
		return refOf(x)
	case "did":
		return refOf(refSub(refSub(a[1], a[0]), refSub(a[3], a[2])))
	case "did_relative":
		if a[2].Sign() == 0 {
			return refUndefined()
		}
		return refOf(refSub(a[1], refQuo(refMul(a[0], a[3]), a[2])))
	case "sqrt":
		return refSqrt(a[0])
	case "power":
		return refPower(a[0], a[1])
	}
	panic("no function " + name)
}

// drawCall draws a call of one of the functions that are not in drawExpr.
func drawCall(t *rapid.T, sub func(kind string) refNode) refNode {
	f := rapid.SampledFrom(functions[:]).Draw(t, "function")
	for f.op <= opAbs {
		f = functions[len(functions)-1-int(f.op)%3]
	}
	args := make([]refNode, f.arguments)
	texts := make([]string, len(args))
	fixed := true
	for i := range args {
		args[i] = sub("decimal")
		if f.op == opPower && i == 1 {
			n := rapid.SampledFrom([]int64{0, 1, 2, 5, 19, -1, -3, 1000, 1001}).Draw(t, "exponent")
			args[i] = refNode{fmt.Sprint(n), func(map[string]refValue) refValue { return refOf(big.NewRat(n, 1)) }}
		}
		texts[i] = args[i].text
		fixed = fixed && !args[i].eval(nil).undefined
	}
	n := refNode{f.name + "(" + strings.Join(texts, ", ") + ")", func(facts map[string]refValue) refValue {
		values := make([]*big.Rat, len(args))
		for i := range args {
			v := args[i].eval(facts)
			if v.undefined {
				return v
			}
			values[i] = v.r
		}
		return refCall(f.name, values)
	}}
	if fixed && n.eval(nil).undefined {
		return args[0] // which would be refused
	}
	return n
}

// formulaOf compiles a formula over measures that are decimals of records.
func formulaOf(text string, names ...string) (*Expr, []error) {
	p := &parser{text: text, numbers: func(word string) (named, bool) {
		for _, name := range names {
			if name == word {
				return named{kind: kindDecimal, size: size{before: record.MaxDigits, behind: record.MaxDecimals}}, true
			}
		}
		return named{}, false
	}}
	root := p.compile(kindDecimal)
	return &Expr{text, root}, p.mistakes()
}

func TestValueAgreesWithReference(t *testing.T) {
	computed := 0
	rapid.Check(t, func(t *rapid.T) {
		n := drawExpr(t, "decimal", rapid.IntRange(1, 4).Draw(t, "depth"))
		if len(n.text) > MaxExprBytes {
			return
		}
		e, mistakes := formulaOf(n.text, "a", "b", "value")
		if len(mistakes) > 0 {
			if !strings.Contains(mistakes[0].Error(), " digits") {
				t.Fatalf("%s: %v", n.text, mistakes)
			}
			return
		}
		numbers, ref := map[string]exact.Rat{}, map[string]refValue{}
		for _, name := range []string{"a", "b", "value"} {
			text := rapid.SampledFrom([]string{"", "0", "1", "-1", "0.5", "3", "20000", "-0.000000000000000001", "1234567890123456789.25"}).Draw(t, name)
			if text == "" {
				continue
			}
			numbers[name], _ = exact.Parse(text)
			r, _ := new(big.Rat).SetString(text)
			ref[name] = refOf(r)
		}
		got, ok := e.Value(func(name string) (exact.Rat, bool) {
			x, ok := numbers[name]
			return x, ok
		})
		want := n.eval(ref)
		if ok == want.undefined {
			t.Fatalf("%s over %v: has a value %v, want %v", n.text, numbers, ok, !want.undefined)
		}
		if !ok {
			return
		}
		computed++
		if r, _ := new(big.Rat).SetString(got.String()); r.Cmp(want.r) != 0 {
			t.Fatalf("%s over %v is %v, want %v", n.text, numbers, got, want.r)
		}
	})
	if computed < 20 && !testing.Short() { // there are a fifth of them
		t.Errorf("%d formulas had a value, want more", computed)
	}
}

// Figures that were worked out elsewhere.
func TestFunctions(t *testing.T) {
	for text, want := range map[string]string{
		"holdout(640, 20000, 130, 5000)":                             "120",
		"did(400, 460, 300, 330)":                                    "30",
		"did_relative(400, 460, 300, 330)":                           "20",
		"dead_band(-20, 20) + dead_band(19.99, 20)":                  "-20",
		"excess(-25, 20)":                                            "-5",
		"excess(25, 20) + excess(15, 20) + excess(0, -3)":            "5",
		"ratio(1, 4, 9) + ratio(1, 0, 9)":                            "9.25",
		"holdout(640, 20000, 130, 0)":                                "0",
		"holdout(640, 0, 130, 5000)":                                 "0",
		"holdout_lower(640, 0, 130, 5000, 1.645)":                    "0",
		"holdout_lower(640, 20000, 130, 0, 1.645)":                   "0",
		"holdout_lower(130, 5000, 640, 20000, 1.645)":                "0",
		"sqrt(2) * sqrt(2)":                                          "2.000000000000000000" + "273",
		"power(2, -12/7)":                                            "0.304753413551118860",
		"power(2, 0.5) - sqrt(2)":                                    "0",
		"ratio(holdout_lower(640, 20000, 130, 5000, 0) - 120, 1, 0)": "0",
	} {
		e, mistakes := formulaOf(text)
		if len(mistakes) > 0 {
			t.Errorf("%s: %v", text, mistakes)
			continue
		}
		got, ok := e.Value(nil)
		if strings.HasPrefix(text, "sqrt(2) *") {
			// The root is rounded, its square is not.
			root, _ := exact.Parse("1.414213562373095049")
			want = root.Mul(root).String()
		}
		if w, err := exact.Parse(want); err != nil || !ok || got.Cmp(w) != 0 {
			t.Errorf("%s is %v, want %s", text, got, want)
		}
	}
	// The published point 120 has this lower bound.
	e, _ := formulaOf("holdout_lower(640, 20000, 130, 5000, 1.645)")
	got, _ := e.Value(nil)
	if text, _ := got.Round(4, exact.HalfUp).Fixed(4); text != "35.3913" {
		t.Errorf("lower bound is %s, want 35.3913", text)
	}
}

// What hangs on names has no value where one of them has none, or where a
// function of them has none.
func TestUndefinedFormulas(t *testing.T) {
	lookup := func(name string) (exact.Rat, bool) {
		switch name {
		case "zero":
			return exact.Int(0), true
		case "three":
			return exact.Int(3), true
		}
		return exact.Rat{}, false
	}
	for text, want := range map[string]string{
		"three / zero": "", "ratio(1, zero, three)": "3", "ratio(1, three - 3, gone)": "", "gone * 0": "",
		"sqrt(-three)": "", "power(zero, 2)": "", "power(three, 1001 - zero)": "", "power(three, 1000 + zero)": "",
		"did_relative(1, 2, zero, 3)": "", "holdout_lower(3 * three, three, 1, three, 1)": "", "min(three, gone)": "", "max(three, zero, -1)": "3",
		"holdout(1, three, 1, zero)": "0",
	} {
		e, mistakes := formulaOf(text, "zero", "three", "gone")
		if len(mistakes) > 0 {
			t.Errorf("%s: %v", text, mistakes)
			continue
		}
		got, ok := e.Value(lookup)
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s is %v, %v, want %q", text, got, ok, want)
		}
	}
}

func TestOccurred(t *testing.T) {
	for text, want := range map[string]int{
		`occurred == "2026-03-02T00:00:00.000Z"`:                1,
		`"2026-03-02T00:00:00.000Z" > occurred`:                 0,
		`occurred < "2026-03-02T00:00:00.001Z" && p`:            1,
		`occurred - "2026-03-01T00:00:00.000Z" == 24h`:          1,
		`"2026-03-03T00:00:00.000Z" - occurred == 1d`:           1,
		`"2026-03-01T00:00:00.000Z" + 1d == occurred`:           1,
		`"2026-03-03T00:00:00.000Z" - 1d == occurred`:           1,
		`max(occurred, "2027-01-01T00:00:00.000Z") != occurred`: 1,
		`s == "2026-03-02T00:00:00.000Z"`:                       1, // a text stays one
		`opened < occurred`:                                     -1,
	} {
		e, err := Compile(text, exprFacts, "bool")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := truthOn(t, e, record.Facts{record.Bool("p", true), record.Text("s", "2026-03-02T00:00:00.000Z")}); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
		if names := e.Names(); len(names) > 1 {
			t.Errorf("%s reads %q", text, names)
		}
	}
	for text, want := range map[string]string{
		`occurred < "2026-03-02"`:                                 `column 12: time "2026-03-02" is not of the form 2026-03-01T08:00:00.000Z`,
		`occurred < "2026-02-29T00:00:00.000Z"`:                   `column 12: time "2026-02-29T00:00:00.000Z" has no such day`,
		`"2026-03-02T00:00:00.000Z" < "2026-03-03T00:00:00.000Z"`: "column 28: < wants two decimals, times or durations, got text and text",
		`occurred + s > occurred`:                                 "column 10: + wants two decimals, two durations, or a time and a duration, got time and text",
		`"x" - 1d == occurred`:                                    `column 1: time "x" is not of the form 2026-03-01T08:00:00.000Z`,
	} {
		if _, err := Compile(text, exprFacts, "bool"); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// FuzzFormula holds that whatever compiles is evaluated, and that its names are
// all that it reads.
func FuzzFormula(f *testing.F) {
	for _, s := range []string{"a - b", "holdout_lower(a, b, 1, 2, 1.645)", "power(a, -b / 7) + sqrt(b)", "ratio(a, b - b, 0)", "excess(a, b) * did(a, b, a, b)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, mistakes := formulaOf(text, "a", "b")
		if len(mistakes) > 0 {
			return
		}
		read := map[string]bool{}
		for _, name := range e.Names() {
			read[name] = true
		}
		e.Value(func(name string) (exact.Rat, bool) {
			if !read[name] {
				t.Fatalf("%s reads %s, which is not among its names", text, name)
			}
			return exact.Int(int64(len(name))), true
		})
	})
}

// The worst that the bounds let through.
func BenchmarkWorstFormula(b *testing.B) {
	text := "power(a, a / b)"
	for {
		longer := text + " + power(a, b / a)"
		if _, mistakes := formulaOf(longer, "a", "b"); len(mistakes) > 0 {
			break
		}
		text = longer
	}
	e, _ := formulaOf(text, "a", "b")
	x, _ := exact.Parse("1.234567890123456789")
	y, _ := exact.Parse("17.123456789012345678")
	for b.Loop() {
		if _, ok := e.Value(func(name string) (exact.Rat, bool) {
			if name == "a" {
				return x, true
			}
			return y, true
		}); !ok {
			b.Fatal("is undefined")
		}
	}
}
