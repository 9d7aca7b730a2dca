package responsibility

import (
	"fmt"
	"testing"

	"github.com/raasledger/raasledger/attribution/terms"
)

const ownStories = "../../testdata/stories"

// Together the stories trip each rule, and come so near to each that one
// change of one entry trips it.
func TestStoriesMeetEveryRule(t *testing.T) {
	tripped, near := map[Rule]int{}, map[Rule]int{}
	all := readStories(t, ownStories)
	if len(all) < 12 {
		t.Errorf("%d stories", len(all))
	}
	for _, s := range all {
		_, f := s.load(t)
		for _, q := range s.Questions {
			before, err := Trace(f, q.Effect, q.AsOf)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range before.Findings {
				tripped[f.Rule]++
			}
			for _, n := range q.Near {
				status := Status(n.Status)
				if status == "" {
					status = Established
				}
				name := fmt.Sprintf("%s: %s at %d with %s.%s %v", s.ID, q.Effect, q.AsOf, n.Entry, n.Path, n.Value)
				if n.Why == "" {
					t.Errorf("%s: says not why", name)
				}
				if before.Finding(Rule(n.Rule), n.Party, status) != nil {
					t.Errorf("%s: %s is found before", name, n.Rule)
				}
				changed := s.clone()
				changed.change(t, n)
				_, g := changed.load(t)
				after, err := Trace(g, q.Effect, q.AsOf)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if after.Finding(Rule(n.Rule), n.Party, status) == nil {
					t.Errorf("%s: %s is not found\n%s", name, n.Rule, after.Text())
				}
				near[Rule(n.Rule)]++
			}
		}
	}
	for _, rule := range Rules() {
		if tripped[rule] == 0 {
			t.Errorf("no story trips %s", rule)
		}
		if near[rule] == 0 {
			t.Errorf("no story comes near %s", rule)
		}
	}
}

// The rules are those for which terms can state a weight.
func TestRules(t *testing.T) {
	seen := map[Rule]bool{}
	for _, rule := range Rules() {
		if seen[rule] || rule.Class() == "" {
			t.Errorf("%s stands twice, or has no class", rule)
		}
		seen[rule] = true
	}
	if len(seen) != 26 || terms.ClassOfRule("no_such_rule") != "" {
		t.Errorf("%d rules, want 26", len(seen))
	}
}
