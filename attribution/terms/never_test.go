package terms

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/record"
)

var neverFacts = []FactType{{Name: "a", Type: "bool"}, {Name: "t", Type: "time"}, {Name: "v", Type: "decimal"}, {Name: "w", Type: "text"}, {Name: "x", Type: "decimal"}}

func TestNever(t *testing.T) {
	for text, want := range map[string]string{
		`v > 3 && v < 2`:             "v > 3 contradicts v < 2",
		`v >= 2 && v < 2.0`:          "v >= 2 contradicts v < 2",
		`2 > v && (a && v >= 1 + 1)`: "v >= 2 contradicts v < 2",
		`v == 1 && v == 1.00`:        "",
		`v == 1 && v == 2`:           "v == 2 contradicts v == 1",
		`v > 1 && v < 2 && v == 2`:   "v == 2 contradicts v < 2",
		`v > 1 && x < 1`:             "",
		`v > 3 || v < 2`:             "",
		`a && !a`:                    "a contradicts !a",
		`w == "x" && w == "y"`:       `w == "y" contradicts w == "x"`,
		`w == "x" && w != "x"`:       "", // not seen
		`t < "2026-03-01T00:00:00.000Z" && t >= "2026-03-01T00:00:00.000Z"`:               `t >= "2026-03-01T00:00:00.000Z" contradicts t < "2026-03-01T00:00:00.000Z"`,
		`occurred >= "2026-03-02T00:00:00.000Z" && "2026-03-01T00:00:00.000Z" > occurred`: `occurred >= "2026-03-02T00:00:00.000Z" contradicts occurred < "2026-03-01T00:00:00.000Z"`,
		`v >= 2 && v <= 2`: "",
	} {
		e, err := Compile(text, neverFacts, "bool")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := never(e.root); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// What is said to be never true is true for no record: all of one condition
// and of two, and longer ones at random.
func TestNeverIsNever(t *testing.T) {
	conditions := []string{"a", "!a", `w == "p"`, `w == "q"`, `w != "q"`, "v < x"}
	for _, bound := range []string{"1", "2", "3 - 1"} {
		for _, op := range []string{"<", "<=", "==", ">=", ">", "!="} {
			conditions = append(conditions, "v "+op+" "+bound, bound+" "+op+" v")
		}
	}
	check := func(t rapid.TB, text string) (found bool) {
		e, err := Compile(text, neverFacts, "bool")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if never(e.root) == "" {
			return false
		}
		for _, v := range []string{"0", "1", "1.5", "2", "3"} {
			for _, w := range []string{"p", "q", "r"} {
				for _, a := range []bool{true, false} {
					facts := record.Facts{record.Bool("a", a), record.Text("v", v), record.Text("w", w), record.Text("x", "2")}
					if e.Truth(facts, 0) == 1 {
						t.Fatalf("%s is said to be never true, and is of %v", text, facts)
					}
				}
			}
		}
		return true
	}
	found := 0
	for _, one := range conditions {
		if check(t, one) {
			t.Errorf("%s is said to be never true", one)
		}
		for _, two := range conditions {
			if check(t, one+" && "+two) {
				found++
			}
			check(t, one+" || "+two)
		}
	}
	if found != 348 {
		t.Errorf("%d pairs of conditions are said to be never true, want 348", found)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(conditions).Draw(t, "condition")
		for range rapid.IntRange(2, 4).Draw(t, "more") {
			text += rapid.SampledFrom([]string{" && ", " && ", " && ", " || "}).Draw(t, "join") + rapid.SampledFrom(conditions).Draw(t, "condition")
		}
		check(t, text)
	})
}
