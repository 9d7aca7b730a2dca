package terms

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	old := mustParse(t, supportDesk)
	for _, test := range []struct{ old, new, want string }{
		{`"unit": "0.99"`, `"unit": "0.89"`, "line tickets: the price of one falls from 0.99 to 0.89"},
		{`"unit": "0.99"`, `"unit": "1.09"`, "line tickets: the price of one rises from 0.99 to 1.09"},
		{`"unit": "0.99"`, `"unit": "0.990"`, "line tickets: the price of one is written 0.990, the same as 0.99"},
		{`"final_after": "60d"`, `"final_after": "90d"`, "result resolved: the time after which nothing changes any more rises from 60d to 90d"},
		{`"scale": 2`, `"scale": 3`, "the decimals of an amount rise from 2 to 3"},
		{`"title": "Support desk 2026"`, `"title": "Desk"`, "the title changes from Support desk 2026 to Desk"},
		{`"once_per": "case"`, `"once_per": "case", "quantity": "value"`, "result resolved: the fact that a partial return takes from is new: value"},
		{`"where": "!transferred",`, ``, "result resolved: the condition under which it is paid is dropped, it was !transferred"},
		{`"dispute": {"within": "7d", "unresolved": {"after": "7d", "then": "void"}}`, `"dispute": "none"`,
			"result resolved: the right to dispute changes from unresolved (after 7d, then void), within 7d to none"},
		{`"claim": ["vendor"]`, `"claim": ["vendor", "client"]`, "result resolved: those who may claim it: added client"},
		{`"tiers": [{"unit": "0.99"}]`, `"tiers": [{"up_to": "100", "unit": "0.99"}, {"unit": "0.5"}]`,
			"line tickets, tier 1: the upper bound is new: 100\nline tickets, tier 2 is new: unit 0.5"},
		{`"name": "tickets"`, `"name": "cases"`,
			"line cases is new: mode graduated, name cases, of tickets, tiers (unit 0.99)\nline tickets is dropped, it was mode graduated, name tickets, of tickets, tiers (unit 0.99)"},
		{`"parties": {`, `"parties": {"a.name.of": {"role": "third", "name": "A", "keys": ["KEY third"]},`,
			"party a.name.of is new: keys " + publicText("third") + ", name A, role third"},
		{`"settle": {`, `"adjust": [{"at_most": "500"}], "settle": {`, "the adjustments are new: (at most 500)"},
	} {
		text := strings.Replace(supportDesk, test.old, test.new, 1)
		if text == supportDesk {
			t.Fatalf("no %s", test.old)
		}
		next := mustParse(t, text)
		var words []string
		for _, c := range Changes(old, next) {
			words = append(words, c.Words(old, next))
		}
		if got := strings.Join(words, "\n"); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	// What is gone is named as it was, and ids with points stay whole.
	with := mustParse(t, strings.Replace(supportDesk, `"parties": {`, `"parties": {"a.name.of": {"role": "third", "name": "A", "keys": ["KEY third"]},`, 1))
	other := mustParse(t, strings.Replace(supportDesk, `"parties": {`, `"parties": {"a.name.of": {"role": "third", "name": "B", "keys": ["KEY third"]},`, 1))
	if got, want := Changes(with, other)[0].Words(with, other), "party a.name.of: the name changes from A to B"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := (Change{"lines", `["a","b"]`, `["b","a"]`}).Words(old, old), "the lines stand in another order, b and a instead of a and b"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Every field of the language, wherever it stands, has words of its own.
func TestEveryPathHasWords(t *testing.T) {
	names := map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(vectors, "valid", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		canonical, _ := Draft(text, noZone)
		terms, _ := Parse(canonical)
		var walk func(path string, v any)
		walk = func(path string, v any) {
			if path != "" {
				for _, c := range []Change{{path, canonicalText(v), `"x"`}, {path, "", canonicalText(v)}, {path, canonicalText(v), ""}} {
					s := subject(c, terms, terms)
					if words := c.Words(terms, terms); s.strange || s.name == "" || !strings.HasPrefix(words, s.name) {
						t.Errorf("%s: %s", path, words)
					}
				}
			}
			switch v := v.(type) {
			case members:
				for name, inner := range v {
					names[name] = true
					walk(join(path, name), inner)
				}
			case []any:
				for i := range v {
					walk(element(path, i), v[i])
				}
			}
		}
		walk("", terms.tree())
	}
	// The vectors show every field that the schema has.
	var missing []string
	var fields func(v any)
	fields = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok {
				for name := range properties {
					if !names[name] {
						missing = append(missing, name)
					}
				}
			}
			for _, inner := range v {
				fields(inner)
			}
		case []any:
			for i := range v {
				fields(v[i])
			}
		}
	}
	var root any
	if err := json.Unmarshal(JSONSchema(), &root); err != nil {
		t.Fatal(err)
	}
	fields(root)
	if slices.Sort(missing); len(missing) > 0 {
		t.Errorf("no valid vector has %q", missing)
	}
}
