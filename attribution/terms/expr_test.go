package terms

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/record"
)

var exprFacts = []FactType{
	{Name: "a", Type: "decimal"}, {Name: "b", Type: "decimal"},
	{Name: "closed", Type: "time"}, {Name: "opened", Type: "time"},
	{Name: "p", Type: "bool"}, {Name: "q", Type: "bool"},
	{Name: "s", Type: "text"}, {Name: "value", Type: "decimal"},
}

// exprAt is the instant of the record in tests of conditions: 2026-03-02T00:00.
const exprAt record.Time = 1772409600000

func mustCompile(t testing.TB, text string) *Expr {
	t.Helper()
	e, err := Compile(text, exprFacts, "bool")
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

// truthOn evaluates by both ways of numbers, which must agree.
func truthOn(t testing.TB, e *Expr, f record.Facts) int {
	t.Helper()
	fast := e.Truth(f, exprAt)
	v := values{facts: f, at: exprAt, exact: true}
	if general := int(v.truth(e.root)); general != fast {
		t.Fatalf("%s over %v: %d by scaled integers, %d by quotients", e, f, fast, general)
	}
	return fast
}

func TestTruth(t *testing.T) {
	facts := record.Facts{
		record.Text("a", "0.1"), record.Text("b", "-3"),
		record.Text("closed", "2026-03-04T08:00:00.000Z"), record.Text("opened", "2026-03-01T08:00:00.000Z"),
		record.Bool("p", true), record.Text("s", "north west"), record.Text("value", "30.00"),
	}
	for text, want := range map[string]int{
		"value >= 20 && value <= 30.00":      1,
		"value > 30":                         0,
		"value == 30 && value == 30.000":     1,
		"value != 30":                        0,
		"a + 0.2 == 0.3":                     1, // not so in binary
		"a * 3 == 0.3 && a / 0.1 == 1":       1,
		"1 / 3 + 1 / 3 + 1 / 3 == 1":         1,
		"a > -100 && -100 < a && 100 > -0.5": 1,
		"4000000000 * 3000000000 > 0 && -4000000000 * 3000000000 < 0": 1, // beyond 63 bits
		"1 / 3 == 0.333333333333333333":                               0,
		"1 + 2 * 3 == 7 && (1 + 2) * 3 == 9":                          1,
		"10 - 2 - 3 == 5 && 24 / 4 / 2 == 3":                          1,
		"-b == 3 && - -b == -3 && 2 * -b == 6":                        1,
		"abs(b) == 3 && min(1, a, b) == -3":                           1,
		"max(1, a, b) == 1 && max(a, 0.10) == a":                      1,
		"closed - opened == 72h && 72h == 3d":                         1,
		"closed - opened > 71h && closed > opened":                    1,
		"opened + 3d == closed && closed - 3d < closed":               1,
		"1d - 25h < 0s && -1h == 1d - 25h":                            1,
		"abs(opened - closed) == 3d":                                  1,
		"min(closed, opened) == opened":                               1,
		`s == "north west" && s != "North west"`:                      1,
		`"\" == s`:                                                    0,
		"p && !false == true":                                         1,
		"p == true && (p != false)":                                   1,
		"!p || p":                                                     1,
		"true || false && false":                                      1, // && binds closer
		"(true || false) && false":                                    0,
		"!p == false":                                                 1,
		// q is absent.
		"q":                         -1,
		"!q":                        -1,
		"q == q":                    -1,
		"q && false":                0,
		"false && q":                0,
		"q && true":                 -1,
		"true && q":                 -1,
		"q || true":                 1,
		"true || q":                 1,
		"q || false":                -1,
		"false || q":                -1,
		"q && q || true":            1,
		"value / (a-a) == 1":        -1,
		"value / (a-0.1) > 0":       -1,
		"value / (a-a) == 1 || p":   1,
		"(value / (a-a) > 1) && !p": 0,
		"999999999999999999 * 999999999999999999 / 999999999999999999 == 999999999999999999": 1,
		"999999999999999999 + 1 == 1000000000000000000":                                      1,
		"9999999999999999999999999999999999 > 9999999999999999999999999999999998":            1,
		"0.000000000000000001 > 0 && -0.000000000000000001 < 0":                              1,
		"99999999999999999 > 0.9999999999999999 && -99999999999999999 < -0.9999999999999999": 1,
		"900000000000000000 * 10 + 900000000000000000 - 9900000000000000000 == 0":            1,
		"-900000000000000000 * 10 - 900000000000000000 + 9900000000000000000 == 0":           1,
		"0.00000000001 * 0.00000000001 * 100000000000 * 100000000000 == 1":                   1,
	} {
		e, err := Compile(text, exprFacts, "bool")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := truthOn(t, e, facts); got != want {
			t.Errorf("%s is %d, want %d", text, got, want)
		}
	}
}

// A fact that is not of its type cannot come from a ledger; it is undefined.
func TestTruthOfWrongFacts(t *testing.T) {
	for text, f := range map[string]record.Fact{
		"a == a":           record.Text("a", "1e3"),
		"a > 0 || a <= 0":  record.Bool("a", true),
		"closed == closed": record.Text("closed", "yesterday"),
		"opened == opened": record.Bool("opened", true),
		"p || !p":          record.Text("p", "true"),
		"s == s":           record.Bool("s", false),
	} {
		if got := truthOn(t, mustCompile(t, text), record.Facts{f}); got != -1 {
			t.Errorf("%s over %v is %d, want undefined", text, f, got)
		}
	}
}

func TestNames(t *testing.T) {
	e := mustCompile(t, "value > a && (b == a || !p) && closed - opened < 3d")
	if got, want := e.Names(), []string{"a", "b", "closed", "opened", "p", "value"}; !reflect.DeepEqual(got, want) {
		t.Errorf("Names are %q, want %q", got, want)
	}
	if got := mustCompile(t, "1 < 2").Names(); len(got) != 0 {
		t.Errorf("Names of a constant are %q", got)
	}
}

func TestCompileRefuses(t *testing.T) {
	deep := strings.Repeat("(", MaxExprDepth) + "p" + strings.Repeat(")", MaxExprDepth)
	mustCompile(t, deep)
	for text, want := range map[string]string{
		"":                                 "column 1: ends, want a value",
		"value >":                          "column 8: ends, want a value",
		"value > 20 30":                    `column 12: got "30", want an operator or the end`,
		"value > 20)":                      `column 11: got ")", want an operator or the end`,
		"(value > 20":                      "column 12: got the end, want )",
		"value > 0x10":                     `column 9: got "0x10", want a decimal like 30.00 or a duration like 72h`,
		"value > 1e3":                      `column 9: got "1e3", want a decimal like 30.00 or a duration like 72h`,
		"value > 1_000":                    `column 9: got "1_000", want a decimal like 30.00 or a duration like 72h`,
		"value > 01":                       `column 9: got "01", want a decimal like 30.00 or a duration like 72h`,
		"value > 1.":                       `column 9: got "1.", want a decimal like 30.00 or a duration like 72h`,
		"value > .5":                       `column 9: got ".", which no expression has`,
		"value > 1.5h":                     `column 9: got "1.5h", want a decimal like 30.00 or a duration like 72h`,
		"closed - opened < 0h":             `column 19: got "0h", want a decimal like 30.00 or a duration like 72h`,
		"closed - opened < 99999d":         "column 19: got 99999d, at most 36525d",
		"value = 3":                        `column 7: got "=", which no expression has`,
		"value > 2 and p":                  `column 11: got "and", want an operator or the end`,
		"p & q":                            `column 3: got "&", which no expression has`,
		"1 < value < 3":                    "column 11: comparisons do not chain: join two of them by &&",
		`s == "north`:                      "column 6: text has no closing quote",
		`s == 'north'`:                     `column 6: got "'", which no expression has`,
		"s == \"a\u202eb\"":                `column 6: text "a\u202eb" cannot stand in a record`,
		"größe > 1":                        `column 3: got "ö", which no expression has`,
		"p &&\tq":                          `column 5: got "\t", which no expression has`,
		"min(1":                            "column 6: got the end, want , or )",
		"min 1":                            `column 5: got "1", want ( after min`,
		"p && min":                         "column 9: got the end, want ( after min",
		"root(value) > 2":                  `column 5: got "(", want an operator or the end`,
		"(" + deep + ")":                   "column 33: more than 32 parentheses, calls and signs inside each other",
		strings.Repeat("!", 33) + "p":      "column 33: more than 32 parentheses, calls and signs inside each other",
		strings.Repeat("p||", 1365) + "pp": "expression has 4097 bytes, at most 4096",

		// Types. All mistakes are reported.
		"value":                            "column 1: expression is a decimal, want a bool",
		"price > 3":                        `column 1: unknown fact "price"`,
		"price > 3 && cost":                "column 1: unknown fact \"price\"\ncolumn 14: unknown fact \"cost\"",
		"value > true && s":                "column 7: > wants two decimals, times or durations, got decimal and bool\ncolumn 17: && wants bool, got text",
		"s > \"a\"":                        "column 3: > wants two decimals, times or durations, got text and text",
		"p < q":                            "column 3: < wants two decimals, times or durations, got bool and bool",
		"value == s":                       "column 7: == wants two values of one type, got decimal and text",
		"closed == 72h":                    "column 8: == wants two values of one type, got time and duration",
		"closed + opened > 1h":             "column 8: + wants two decimals, two durations, or a time and a duration, got time and time",
		"72h + closed > opened":            "column 5: + wants two decimals, two durations, or a time and a duration, got duration and time",
		"72h - closed > 1h":                "column 5: - wants two decimals, two durations, two times, or a time and a duration, got duration and time",
		"72h * 2 > 1d":                     "column 5: * wants two decimals, got duration and decimal",
		"-closed < opened":                 "column 2: - wants a decimal or a duration, got time",
		"!value":                           "column 2: ! wants bool, got decimal",
		"abs(s) > 1":                       "column 5: abs wants a decimal or a duration, got text",
		"abs(a, b) > 1":                    "column 1: abs has 2 arguments, want 1",
		"min(a) > 1":                       "column 1: min has 1 argument, want 2 or more",
		"min(p, q)":                        "column 5: min wants decimals, times or durations, got bool",
		"max(a, 1h) > 1":                   "column 8: max wants values of one type, got decimal and duration",
		"!(p && value)":                    "column 8: && wants bool, got decimal",
		strings.Repeat("a*", 60) + "a > 1": "column 74: * may give a number of 2050 digits, at most 2048\ncolumn 1: the numbers on the way may have 39886 digits together, at most 32768",
		strings.Repeat("a*a*a*a*a*a*a*a > 1 || ", 15) + "p": "column 1: the numbers on the way may have 34635 digits together, at most 32768",
	} {
		_, err := Compile(text, exprFacts, "bool")
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
	if _, err := Compile("p", exprFacts, "boolean"); err == nil || err.Error() != `type "boolean" of the expression is not known, want bool, decimal, text, time or duration` {
		t.Errorf("type boolean: %v", err)
	}
}

// Whatever Compile takes, it takes little time: the worst that the bounds let
// through.
func TestWorstExpression(t *testing.T) {
	long := "1234567890123456.789012345678901234"
	facts := record.Facts{record.Text("a", long), record.Text("b", "-"+long)}
	text := strings.TrimSuffix(strings.Repeat("a/(b-a)*", 6), "*") + " > 1"
	e := mustCompile(t, text)
	if got := truthOn(t, e, facts); got == -1 {
		t.Errorf("%s is undefined", text)
	}
}

// worstExpression is a condition of sums of quotients, whose denominators
// multiply, as many as the bounds let through, and facts for it.
func worstExpression(t testing.TB) (*Expr, record.Facts) {
	var facts record.Facts
	var types []FactType
	for i := range 20 {
		name := string(rune('a' + i))
		types = append(types, FactType{Name: name, Type: "decimal"})
		facts = append(facts, record.Text(name, fmt.Sprintf("%d.%018d", 1000000000000000+i*7919+1, i*104729+1)))
	}
	var worst *Expr
	for terms := range 10 {
		sum := "a/b"
		for i := range terms {
			sum += "+" + string(rune('a'+2*i)) + "/" + string(rune('b'+2*i))
		}
		text := sum + "<0"
		for {
			e, err := Compile(text, types, "bool")
			if err != nil {
				break
			}
			worst = e
			text += "||" + sum + "<0"
		}
	}
	if worst == nil {
		t.Fatal("the bounds let nothing through")
	}
	return worst, facts
}

func BenchmarkWorstExpression(b *testing.B) {
	e, facts := worstExpression(b)
	for b.Loop() {
		if e.Truth(facts, exprAt) != 0 {
			b.Fatal("the sum is below 0")
		}
	}
}

// The reference: an expression is drawn as a tree, written down with all
// parentheses, and evaluated here from docs/terms.md with math/big.

type refValue struct {
	undefined bool
	b         bool
	r         *big.Rat // decimals; durations and times in milliseconds
	s         string
}

type refNode struct {
	text string
	eval func(facts map[string]refValue) refValue
}

func drawExpr(t *rapid.T, kind string, depth int) refNode {
	leaf := depth == 0 || rapid.IntRange(0, 4).Draw(t, "leaf") == 0
	sub := func(kind string) refNode { return drawExpr(t, kind, depth-1) }
	pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
	fact := func(names ...string) refNode {
		name := rapid.SampledFrom(names).Draw(t, "fact")
		return refNode{name, func(f map[string]refValue) refValue {
			if v, ok := f[name]; ok {
				return v
			}
			return refValue{undefined: true}
		}}
	}
	constant := func(text string, v refValue) refNode {
		return refNode{text, func(map[string]refValue) refValue { return v }}
	}
	arithmetic := func(op string, a, b refNode) refNode {
		// What has a value without any facts names none. A division by such a 0
		// is refused.
		if y := b.eval(nil); op == "/" && !y.undefined && y.r.Sign() == 0 {
			op = "*"
		}
		return refNode{"(" + a.text + op + b.text + ")", func(f map[string]refValue) refValue {
			x, y := a.eval(f), b.eval(f)
			if x.undefined || y.undefined {
				return refValue{undefined: true}
			}
			z := new(big.Rat)
			switch op {
			case "+":
				z.Add(x.r, y.r)
			case "-":
				z.Sub(x.r, y.r)
			case "*":
				z.Mul(x.r, y.r)
			case "/":
				if y.r.Sign() == 0 {
					return refValue{undefined: true}
				}
				z.Quo(x.r, y.r)
			}
			return refValue{r: z}
		}}
	}
	extreme := func(name string, list ...refNode) refNode {
		texts := make([]string, len(list))
		for i := range list {
			texts[i] = list[i].text
		}
		return refNode{name + "(" + strings.Join(texts, ", ") + ")", func(f map[string]refValue) refValue {
			best := refValue{}
			for i := range list {
				x := list[i].eval(f)
				if x.undefined {
					return x
				}
				if c := 0; i == 0 {
					best = x
				} else if c = x.r.Cmp(best.r); name == "min" && c < 0 || name == "max" && c > 0 {
					best = x
				}
			}
			return best
		}}
	}
	unary := func(name string, a refNode) refNode {
		text := "-" + a.text
		if name == "abs" {
			text = "abs(" + a.text + ")"
		}
		return refNode{text, func(f map[string]refValue) refValue {
			x := a.eval(f)
			if x.undefined {
				return x
			}
			z := new(big.Rat).Neg(x.r)
			if name == "abs" {
				z.Abs(z)
			}
			return refValue{r: z}
		}}
	}
	switch kind {
	case "decimal":
		switch {
		case leaf && pick(2) == 0:
			return fact("a", "b", "value")
		case leaf:
			text := rapid.StringMatching(`(0|[1-9][0-9]{0,18})(\.[0-9]{1,6})?`).Draw(t, "literal")
			r, _ := new(big.Rat).SetString(text)
			return constant(text, refValue{r: r})
		}
		if pick(4) == 0 {
			return drawCall(t, sub)
		}
		switch pick(7) {
		case 0:
			return unary("-", sub(kind))
		case 1:
			return unary("abs", sub(kind))
		case 2:
			return extreme("min", sub(kind), sub(kind))
		case 3:
			return extreme("max", sub(kind), sub(kind), sub(kind))
		}
		return arithmetic(rapid.SampledFrom([]string{"+", "-", "*", "/"}).Draw(t, "op"), sub(kind), sub(kind))
	case "duration":
		if leaf {
			n := rapid.IntRange(1, 400).Draw(t, "n")
			unit := rapid.SampledFrom([]string{"s", "m", "h", "d"}).Draw(t, "unit")
			d, _ := time.ParseDuration(fmt.Sprintf("%d%s", n, strings.ReplaceAll(unit, "d", "h")))
			if unit == "d" {
				d *= 24
			}
			return constant(fmt.Sprintf("%d%s", n, unit), refValue{r: big.NewRat(d.Milliseconds(), 1)})
		}
		switch pick(5) {
		case 0:
			return unary("-", sub(kind))
		case 1:
			return unary("abs", sub(kind))
		case 2:
			return extreme("max", sub(kind), sub(kind))
		case 3:
			return arithmetic("-", sub("time"), sub("time"))
		}
		return arithmetic(rapid.SampledFrom([]string{"+", "-"}).Draw(t, "op"), sub(kind), sub(kind))
	case "time":
		switch {
		case leaf:
			return fact("opened", "closed")
		case pick(3) == 0:
			return extreme("min", sub(kind), sub(kind))
		}
		return arithmetic(rapid.SampledFrom([]string{"+", "-"}).Draw(t, "op"), sub(kind), sub("duration"))
	case "text":
		if pick(2) == 0 {
			return fact("s")
		}
		s := rapid.SampledFrom([]string{"", "x", "north west"}).Draw(t, "text")
		return constant(`"`+s+`"`, refValue{s: s})
	}
	switch {
	case leaf && pick(2) == 0:
		return fact("p", "q")
	case leaf:
		b := rapid.Bool().Draw(t, "literal")
		return constant(fmt.Sprint(b), refValue{b: b})
	}
	switch pick(5) {
	case 0:
		a := sub("bool")
		return refNode{"!" + a.text, func(f map[string]refValue) refValue {
			x := a.eval(f)
			return refValue{undefined: x.undefined, b: !x.b}
		}}
	case 1, 2:
		and := pick(2) == 0
		a, b := sub("bool"), sub("bool")
		op := "||"
		if and {
			op = "&&"
		}
		return refNode{"(" + a.text + " " + op + " " + b.text + ")", func(f map[string]refValue) refValue {
			x, y := a.eval(f), b.eval(f)
			// One side that decides is enough, on either hand.
			for _, v := range []refValue{x, y} {
				if !v.undefined && v.b != and {
					return v
				}
			}
			return refValue{undefined: x.undefined || y.undefined, b: and}
		}}
	}
	kind = rapid.SampledFrom([]string{"decimal", "decimal", "duration", "time", "text", "bool"}).Draw(t, "kind")
	ops := []string{"==", "!=", "<", "<=", ">", ">="}
	if kind == "text" || kind == "bool" {
		ops = ops[:2]
	}
	op := rapid.SampledFrom(ops).Draw(t, "op")
	a, b := sub(kind), sub(kind)
	return refNode{"(" + a.text + " " + op + " " + b.text + ")", func(f map[string]refValue) refValue {
		x, y := a.eval(f), b.eval(f)
		if x.undefined || y.undefined {
			return refValue{undefined: true}
		}
		c := strings.Compare(x.s, y.s)
		switch {
		case x.r != nil:
			c = x.r.Cmp(y.r)
		case kind == "bool" && x.b != y.b:
			c = 1
		}
		switch op {
		case "==":
			return refValue{b: c == 0}
		case "!=":
			return refValue{b: c != 0}
		case "<":
			return refValue{b: c < 0}
		case "<=":
			return refValue{b: c <= 0}
		case ">":
			return refValue{b: c > 0}
		}
		return refValue{b: c >= 0}
	}}
}

func TestTruthAgreesWithReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := drawExpr(t, "bool", rapid.IntRange(1, 5).Draw(t, "depth"))
		if len(n.text) > MaxExprBytes {
			t.Skip("longer than an expression")
		}
		e, err := Compile(n.text, exprFacts, "bool")
		if err != nil {
			if !strings.Contains(err.Error(), " digits") {
				t.Fatalf("%s: %v", n.text, err)
			}
			return
		}
		var facts record.Facts
		ref := map[string]refValue{}
		for _, f := range exprFacts {
			if rapid.IntRange(0, 4).Draw(t, "absent") == 0 {
				continue
			}
			var v refValue
			switch f.Type {
			case "decimal":
				text := rapid.SampledFrom([]string{"0", "1", "-1", "0.5", "20", "30.00", "999999999999999999", "-0.000000000000000001", "1234567890123456789.25"}).Draw(t, f.Name)
				facts = append(facts, record.Text(f.Name, text))
				v.r, _ = new(big.Rat).SetString(text)
			case "time":
				ms := rapid.Int64Range(0, 4e12).Draw(t, f.Name)
				facts = append(facts, record.Text(f.Name, record.Time(ms).String()))
				v.r = big.NewRat(ms, 1)
			case "bool":
				v.b = rapid.Bool().Draw(t, f.Name)
				facts = append(facts, record.Bool(f.Name, v.b))
			default:
				v.s = rapid.SampledFrom([]string{"x", "north west"}).Draw(t, f.Name)
				facts = append(facts, record.Text(f.Name, v.s))
			}
			ref[f.Name] = v
		}
		want := 0
		switch v := n.eval(ref); {
		case v.undefined:
			want = -1
		case v.b:
			want = 1
		}
		fast := e.Truth(facts, exprAt)
		v := values{facts: facts, at: exprAt, exact: true}
		if general := int(v.truth(e.root)); fast != want || general != want {
			t.Fatalf("%s over %v: %d by scaled integers, %d by quotients, want %d", n.text, facts, fast, general, want)
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"value >= 20 && value <= 30.00", `s == "x" || !p`, "closed - opened < 72h", "min(a, b) / 3 > -1", "((("} {
		f.Add(s)
	}
	facts := record.Facts{
		record.Text("a", "0.1"), record.Text("closed", "2026-03-04T08:00:00.000Z"),
		record.Text("opened", "2026-03-01T08:00:00.000Z"), record.Bool("p", true), record.Text("s", "x"), record.Text("value", "30.00"),
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Compile(text, exprFacts, "bool")
		if err != nil {
			return
		}
		if got := truthOn(t, e, facts); got < -1 || got > 1 {
			t.Fatalf("%s is %d", text, got)
		}
		truthOn(t, e, nil)
	})
}

func BenchmarkTruth(b *testing.B) {
	e := mustCompile(b, "value >= 20 && value <= 30.00")
	facts := record.Facts{record.Bool("p", true), record.Text("value", "25.99")}
	b.ReportAllocs()
	for b.Loop() {
		if e.Truth(facts, exprAt) != 1 {
			b.Fatal("is not true")
		}
	}
}

func BenchmarkTruthQuotient(b *testing.B) {
	e := mustCompile(b, "value / 3 >= 6.5")
	facts := record.Facts{record.Bool("p", true), record.Text("value", "25.99")}
	b.ReportAllocs()
	for b.Loop() {
		if e.Truth(facts, exprAt) != 1 {
			b.Fatal("is not true")
		}
	}
}
