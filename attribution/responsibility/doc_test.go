package responsibility

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func block(t *testing.T, text, language string) string {
	t.Helper()
	m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no block of %s", language)
	}
	return m[1]
}

// The example is one of the stories, and its agreement is that of the story.
func TestDocumentExample(t *testing.T) {
	text := document(t)
	s := storyNamed(t, "oversight")
	records, f := s.load(t)
	a, err := Trace(f, "x2", f.Size())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := a.Text(), block(t, text, "answer"); got != want {
		t.Errorf("the document has\n%swant\n%s", want, got)
	}
	if got, want := string(marshal(t, a)), strings.TrimSuffix(block(t, text, "json"), "\n"); !strings.HasPrefix(got, want) {
		t.Errorf("the document has\n%s\nwant\n%s", want, got)
	}
	var tree map[string]any
	parsed, _ := terms.Parse(records[0].Body.(*record.Agreement).Terms)
	if err := json.Unmarshal(parsed.Marshal(), &tree); err != nil {
		t.Fatal(err)
	}
	var responsibility map[string]any
	if err := yaml.Unmarshal([]byte(block(t, text, "yaml")), &responsibility); err != nil {
		t.Fatal(err)
	}
	tree["responsibility"] = responsibility
	raw, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	canonical, mistakes := terms.Draft(raw, nil)
	if string(canonical) != string(parsed.Marshal()) {
		t.Errorf("the agreement of the document is %s, want %s (%v)", canonical, parsed.Marshal(), mistakes)
	}
	// The table of the example names records as they are.
	for _, row := range rows(text, "| n | record | what it says |") {
		kind, _, _ := strings.Cut(row[1], " ")
		kind, _, _ = strings.Cut(kind, ",")
		if !slices.ContainsFunc(records, func(r *record.Record) bool { return row[0] == itoa(r.Log.N) && string(r.Kind) == kind }) {
			t.Errorf("record %s is no %s", row[0], kind)
		}
	}
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

func rows(text, header string) [][]string {
	_, table, _ := strings.Cut(text, header+"\n")
	var list [][]string
	for _, line := range strings.Split(table, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		list = append(list, cells)
	}
	return list
}

// The table of rules is that of the code, in its order.
func TestDocumentRules(t *testing.T) {
	table := rows(document(t), "| rule | class | falls on | established if |")
	if len(table) != len(Rules()) {
		t.Fatalf("the table has %d rules, want %d", len(table), len(Rules()))
	}
	for i, rule := range Rules() {
		if table[i][0] != string(rule) || table[i][1] != rule.Class() {
			t.Errorf("row %d is %s of %s, want %s of %s", i, table[i][0], table[i][1], rule, rule.Class())
		}
	}
	weights := &terms.Responsibility{}
	for class, want := range map[string]int{"gate": 2, "lapse": 1, "proof": 0} {
		if !strings.Contains(document(t), class+" "+itoa(int64(want))) {
			t.Errorf("the document does not say that a %s weighs %d", class, want)
		}
		for _, rule := range Rules() {
			if got := weights.WeightOf(string(rule)); rule.Class() == class && got != want {
				t.Errorf("%s weighs %d, want %d", rule, got, want)
			}
		}
	}
}

// documentTotals compares a column of the table of totals with what a test
// found, by rule and status.
func documentTotals(t *testing.T, column string, effects, blamed int, found map[string]int) {
	t.Helper()
	want := map[string]int{"effects": effects, "with shares": blamed}
	for k, n := range found {
		words := strings.Fields(k)
		want[words[0]+" "+words[1]] += n
	}
	got, place := map[string]int{}, map[string]int{"loans": 1, "incidents": 2}[column]
	for _, row := range rows(document(t), "| what | loans | incidents |") {
		if n, err := strconv.Atoi(row[place]); err == nil {
			got[row[0]] = n
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("of the %s the document has\n%v\nwant\n%v", column, got, want)
	}
}
