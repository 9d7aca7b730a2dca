package command

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// Whoever signs is shown all that the terms say.
func TestDescribeShowsEverything(t *testing.T) {
	text, err := os.ReadFile("../../testdata/terms/valid/whole-language.json")
	if err != nil {
		t.Fatal(err)
	}
	canonical, _ := terms.Draft(text, nil)
	parsed, mistakes := terms.Parse(canonical)
	if parsed == nil {
		t.Fatal(mistakes)
	}
	var b strings.Builder
	a := &Agreement{Record: &record.Record{}, Body: &record.Agreement{Version: 1, Origin: "vendor.example/x", LogKey: "key"}, Terms: parsed}
	if err := a.describe(&b); err != nil {
		t.Fatal(err)
	}
	shown := b.String()
	// What is said in other words.
	said := map[string]string{
		"first": "first", "hold": "hold", "last": "the last value", "other": "measure aum", "value": "-1.5",
		"due": "the flat price at quantity 0 is due", "rolls": "rolls over", "lost": "unused: lost", "term": "the share of the period that the term covers",
		"none": "nothing is given back", "period": "each period",
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				if !strings.HasSuffix(path, ".keys") {
					walk(path+"."+name, inner)
				}
			}
		case []any:
			for _, inner := range v {
				walk(path, inner)
			}
		case string:
			if strings.HasSuffix(path, ".keys") || strings.Contains(path, ".offsets") {
				return
			}
			want, ok := said[v]
			if !ok {
				want = strings.NewReplacer("metric/", "metric ", "action/", "action ").Replace(v)
			}
			if !strings.Contains(shown, want) && !strings.Contains(shown, words(want)) {
				t.Errorf("%s: %q is not shown", path, v)
			}
		}
	}
	var tree any
	if err := json.Unmarshal(canonical, &tree); err != nil {
		t.Fatal(err)
	}
	walk("", tree)
	if t.Failed() {
		t.Log(shown)
	}
}
