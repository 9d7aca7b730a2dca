package fee

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/exact"
	"pgregory.net/rapid"
)

// decimalText draws decimals short and long, many near the ends of an int64.
func decimalText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?`),
		rapid.StringMatching(`-?[1-9][0-9]{0,16}(\.[0-9]{1,18})?`),
		rapid.StringMatching(`-?92233720368547758(0[67]|\.0[67])`),
	).Filter(func(s string) bool { return !strings.HasPrefix(s, "-") || strings.ContainsAny(s, "123456789") })
}

func TestNumberAgreesWithExact(t *testing.T) {
	modes := []exact.Mode{exact.HalfUp, exact.HalfEven, exact.Down, exact.Up}
	rapid.Check(t, func(t *rapid.T) {
		at, bt := decimalText().Draw(t, "a"), decimalText().Draw(t, "b")
		a, err := parseNumber(at)
		if err != nil {
			t.Fatal(err)
		}
		b, err := parseNumber(bt)
		if err != nil {
			t.Fatal(err)
		}
		x, _ := exact.Parse(at)
		y, _ := exact.Parse(bt)
		same := func(what string, got number, want exact.Rat) {
			t.Helper()
			if got.rat().Cmp(want) != 0 || got.String() != want.String() {
				t.Fatalf("%s of %s and %s is %s, want %s", what, at, bt, got, want)
			}
		}
		same("a", a, x)
		same("sum", a.add(b), x.Add(y))
		same("difference", a.sub(b), x.Sub(y))
		same("product", a.mul(b), x.Mul(y))
		same("larger", larger(a, b), exact.Max(x, y))
		same("smaller", smaller(a, b), exact.Min(x, y))
		same("negative", a.neg(), x.Neg())
		if got, want := a.cmp(b), x.Cmp(y); got != want {
			t.Fatalf("%s against %s is %d, want %d", at, bt, got, want)
		}
		if got, want := a.sign(), x.Sign(); got != want {
			t.Fatalf("sign of %s is %d, want %d", at, got, want)
		}
		scale := rapid.IntRange(0, 20).Draw(t, "scale")
		for _, mode := range modes {
			r := a.round(scale, mode)
			same("rounding", r, x.Round(scale, mode))
			want, _ := x.Round(scale, mode).Fixed(scale)
			if got := string(r.appendFixed(nil, scale)); got != want {
				t.Fatalf("%s at %d decimals is %s, want %s", r, scale, got, want)
			}
			if b.sign() > 0 {
				q, _ := x.Quo(y)
				same("packages", a.per(b, mode), q.Round(0, mode))
			}
		}
	})
}

func TestRoundingOfNegatives(t *testing.T) {
	for _, c := range []struct {
		text string
		want [4]string // half_up, half_even, down, up
	}{
		{"-0.125", [4]string{"-0.13", "-0.12", "-0.12", "-0.13"}},
		{"-0.135", [4]string{"-0.14", "-0.14", "-0.13", "-0.14"}},
		{"-0.00499", [4]string{"0.00", "0.00", "0.00", "-0.01"}},
		{"-0.005", [4]string{"-0.01", "0.00", "0.00", "-0.01"}},
		{"0.005", [4]string{"0.01", "0.00", "0.00", "0.01"}},
		{"-2.5", [4]string{"-2.50", "-2.50", "-2.50", "-2.50"}},
	} {
		for i, mode := range []exact.Mode{exact.HalfUp, exact.HalfEven, exact.Down, exact.Up} {
			x, err := parseNumber(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(x.round(2, mode).appendFixed(nil, 2)); got != c.want[i] {
				t.Errorf("%s by %s is %s, want %s", c.text, mode, got, c.want[i])
			}
		}
	}
}

func TestParseNumberRefuses(t *testing.T) {
	for _, text := range []string{"", "-", ".", "1.", ".5", "-.5", "1.2.3", "1e3", "+1", " 1", "1 ", "-0", "-0.0", "0x1", "NaN", "1-2", "--1"} {
		if x, err := parseNumber(text); err == nil {
			t.Errorf("parseNumber(%q) is %s, want an error", text, x)
		}
	}
}

func TestPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.IntRange(0, 6).Draw(t, "scale")
		mode := rapid.SampledFrom([]exact.Mode{exact.HalfUp, exact.HalfEven, exact.Down, exact.Up}).Draw(t, "mode")
		n := rapid.IntRange(1, 8).Draw(t, "n")
		var list []exact.Rat
		var slow []*big.Rat
		var sum exact.Rat
		for range n {
			num, den := rapid.Int64Range(-2000, 2000).Draw(t, "num"), rapid.Int64Range(1, 900).Draw(t, "den")
			q, _ := exact.Int(num).Quo(exact.Int(den))
			list, slow = append(list, q), append(slow, big.NewRat(num, den))
			sum = sum.Add(q)
		}
		total := numberOf(sum.Round(scale, mode))
		want := refParts(slow, ratOf(total.String()), scale)
		var added number
		for i, p := range parts(list, total, scale) {
			if ratOf(p.String()).Cmp(want[i]) != 0 {
				t.Fatalf("part %d is %s, want %v", i, p, want[i])
			}
			added = added.add(p)
		}
		if added.cmp(total) != 0 {
			t.Fatalf("parts add up to %s, want %s", added, total)
		}
	})
}

func TestTextKeysOrderAsText(t *testing.T) {
	var list []int64
	for p := int64(1); ; p *= 10 {
		for _, d := range []int64{-1, 0, 1, 2} {
			if n := p + d; n >= 0 {
				list = append(list, n, 2*p+d, 9*p)
			}
		}
		if p >= 1e17 {
			break
		}
	}
	list = append(list, 0, 1<<53, math.MaxInt64)
	for _, a := range list {
		for _, b := range list {
			if got, want := compareText(a, b), cmp.Compare(fmt.Sprintf("%d,", a), fmt.Sprintf("%d,", b)); got != want {
				t.Fatalf("compareText(%d, %d) is %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestByTextOrdersClaims(t *testing.T) {
	for n := range 130 {
		m := &image{}
		var want []string
		for i := range n {
			m.claims = append(m.claims, claimLine{claim: &claim{n: int64(i * 3)}})
			want = append(want, fmt.Sprintf("%d,", i*3))
		}
		slices.Sort(want)
		var got []string
		m.byText(func(l *claimLine) { got = append(got, fmt.Sprintf("%d,", l.claim.n)) })
		if !slices.Equal(got, want) {
			t.Fatalf("%d claims come as %v, want %v", n, got, want)
		}
	}
}

func TestIndexAgreesWithMap(t *testing.T) {
	x, m := newIndex(), map[string]int{}
	var texts []string
	at := func(i int) string { return texts[i] }
	for i := range 3000 {
		key := fmt.Sprint(i * i)
		if got := x.find(key, at); got != -1 {
			t.Fatalf("%s is at %d before it is there", key, got)
		}
		x.add(x.hash(key))
		m[key] = len(texts)
		texts = append(texts, key)
	}
	for key, want := range m {
		if got := x.find(key, at); got != want {
			t.Fatalf("%s is at %d, want %d", key, got, want)
		}
	}
}
