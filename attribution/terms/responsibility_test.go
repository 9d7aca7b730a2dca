package terms

import "testing"

// A rule has the weight that the terms give it, else that of its class, else
// that of the rule set.
func TestWeights(t *testing.T) {
	for name, test := range map[string]struct {
		weights []Weight
		want    map[string]int
	}{
		"none":         {nil, map[string]int{"bad_input": 2, "duty_omitted": 1, "late_record": 0, "no_such_rule": 0}},
		"of a class":   {[]Weight{{ClassGate, 5}, {ClassProof, 1}}, map[string]int{"bad_input": 5, "duty_omitted": 1, "late_record": 1}},
		"of a rule":    {[]Weight{{"bad_input", 0}, {ClassGate, 5}}, map[string]int{"bad_input": 0, "no_authority": 5}},
		"no such rule": {[]Weight{{"gate", 5}}, map[string]int{"no_such_rule": 0}},
	} {
		r := &Responsibility{Weights: test.weights}
		for rule, want := range test.want {
			if got := r.WeightOf(rule); got != want {
				t.Errorf("%s: %s weighs %d, want %d", name, rule, got, want)
			}
		}
	}
}
