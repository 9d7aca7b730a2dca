package terms

import (
	"os"
	"testing"
)

func TestFindingsDecide(t *testing.T) {
	f := &Findings{Void: []string{"limit_exceeded", "no_authority"}, Keep: []string{"bad_input"}}
	for _, test := range []struct {
		upheld bool
		found  []string
		want   bool
	}{
		{true, []string{"no_authority"}, true},
		{true, []string{"bad_input"}, false},
		{false, []string{"bad_input"}, true},
		{false, []string{"limit_exceeded", "no_authority"}, false},
		{true, []string{"late_record", "limit_exceeded"}, true},
		{true, nil, false},
	} {
		if got := f.Decides(test.upheld, test.found); got != test.want {
			t.Errorf("upheld %v by %q: %v, want %v", test.upheld, test.found, got, test.want)
		}
	}
	if (*Findings)(nil).Decides(true, []string{"no_authority"}) {
		t.Error("findings of which the terms do not speak decide")
	}
}

// The rules that are said never to fall on the client are those which
// docs/rules.md has fall on the operator.
func TestRulesOfTheOperator(t *testing.T) {
	text, err := os.ReadFile("../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows(t, string(text), "| rule | class | falls on | established if |") {
		// Under an override the decision is the reviewer's to explain.
		if got, want := fallsOnOperator(row[0]), row[2] == "operator" && row[0] != "unexplained_decision"; got != want {
			t.Errorf("%s falls on %s: got %v", row[0], row[2], got)
		}
	}
}
