package terms

import (
	"strings"
	"testing"
)

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

// A change of approvers and duties is told by whose it is, wherever they stand.
func TestResponsibilityInWords(t *testing.T) {
	with := func(part string) *Terms {
		return mustParse(t, strings.Replace(supportDesk, `"settle": {`, `"responsibility": `+part+`, "settle": {`, 1))
	}
	const was = `{"rule_set": "rs-1", "outward": "client", "review_min": "60s", "weights": {"gate": 2},
		"approvers": [{"human": "h-an", "party": "client", "actions": ["pay"], "limit": "100"}, {"human": "h-bo", "party": "client", "actions": ["pay"]}],
		"duties": [{"id": "D1", "party": "vendor", "on": ["pay", "deny"], "check": "twice", "weight": 1}, {"id": "D2", "party": "client", "on": ["pay"], "check": "once", "weight": 1}]}`
	for _, test := range []struct{ old, new, want string }{
		{`"limit": "100"`, `"limit": "900"`, "approver h-an: the greatest amount that may be approved rises from 100 to 900"},
		{`{"human": "h-an", "party": "client", "actions": ["pay"], "limit": "100"}, `, ``, "approver h-an is dropped, it was actions pay, human h-an, limit 100, party client"},
		{`{"id": "D1", "party": "vendor", "on": ["pay", "deny"], "check": "twice", "weight": 1}, `, ``,
			"duty D1 is dropped, it was check twice, id D1, on deny and pay, party vendor, weight 1"},
		{`"on": ["pay", "deny"]`, `"on": ["pay"]`, "duty D1: the actions that call for it: removed deny"},
		{`"gate": 2`, `"gate": 5`, "weight of gate rises from 2 to 5"},
		{`"review_min": "60s"`, `"review_min": "30s"`, "the least time of a review falls from 1m to 30s"},
		{`"outward": "client"`, `"outward": "vendor"`, "the party that answers outwardly changes from client to vendor"},
	} {
		old, next := with(was), with(strings.Replace(was, test.old, test.new, 1))
		var words []string
		for _, c := range Changes(old, next) {
			words = append(words, c.Words(old, next))
		}
		if got := strings.Join(words, "\n"); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	old, next := mustParse(t, supportDesk), with(`{"rule_set": "rs-1", "outward": "client", "review_min": "0s"}`)
	if got, want := Changes(old, next)[0].Words(old, next), "the part on who answers for the agent is new: outward client, review min 0s, rule set rs-1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
