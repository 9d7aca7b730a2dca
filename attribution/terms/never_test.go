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

// What is said to be never true is true for no record.
func TestNeverIsNever(t *testing.T) {
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
		text := ""
		for i := range rapid.IntRange(1, 4).Draw(t, "conditions") {
			if i > 0 {
				text += pick("join", " && ", " && ", " && ", " || ")
			}
			text += pick("condition", "a", "!a", `w == "p"`, `w == "q"`, `w != "q"`, "v "+pick("op", "<", "<=", "==", ">=", ">", "!=")+pick("bound", " 1", " 2", " 3 - 1"), pick("bound", "1 ", "2 ")+pick("op", "<", "<=", "==", ">=", ">")+" v", "v < x")
		}
		e, err := Compile(text, neverFacts, "bool")
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if never(e.root) == "" {
			return
		}
		found++
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
	})
	if found == 0 {
		t.Error("none was found")
	}
}
