package terms

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// changedDesks are supportDesk with one replacement each, and what changes.
var changedDesks = []struct {
	name, old, new string
	want           []Change
}{
	{"a price", `"unit": "0.99"`, `"unit": "1.09"`, []Change{{"lines[0].tiers[0].unit", `"0.99"`, `"1.09"`}}},
	{"the spelling of a price", `"unit": "0.99"`, `"unit": "0.990"`, []Change{{"lines[0].tiers[0].unit", `"0.99"`, `"0.990"`}}},
	{"an integer", `"scale": 2`, `"scale": 3`, []Change{{"scale", "2", "3"}}},
	{"the same duration", `"record_delay": "72h"`, `"record_delay": "3d"`, nil},
	{"a field more", `"once_per": "case"`, `"once_per": "case", "quantity": "value"`, []Change{{"results.resolved.quantity", "", `"value"`}}},
	{"a field less", `"where": "!transferred",`, ``, []Change{{"results.resolved.where", `"!transferred"`, ""}}},
	{"an object for a word", `"dispute": {"within": "7d", "unresolved": {"after": "7d", "then": "void"}}`, `"dispute": "none"`,
		[]Change{{"results.resolved.dispute", `{"unresolved":{"after":"7d","then":"void"},"within":"7d"}`, `"none"`}}},
	{"a tier more", `"tiers": [{"unit": "0.99"}]`, `"tiers": [{"up_to": "100", "unit": "0.99"}, {"unit": "0.5"}]`,
		[]Change{{"lines[0].tiers[0].up_to", "", `"100"`}, {"lines[0].tiers[1]", "", `{"unit":"0.5"}`}}},
	{"a line before", `"lines": [`, `"lines": [{"name": "also", "of": "tickets", "mode": "each", "tiers": [{"unit": "1"}]},`,
		[]Change{{"lines[0]", "", `{"mode":"each","name":"also","of":"tickets","tiers":[{"unit":"1"}]}`}}},
	{"another line", `"name": "tickets"`, `"name": "cases"`, []Change{
		{"lines[0]", "", `{"mode":"graduated","name":"cases","of":"tickets","tiers":[{"unit":"0.99"}]}`},
		{"lines[0]", `{"mode":"graduated","name":"tickets","of":"tickets","tiers":[{"unit":"0.99"}]}`, ""}}},
	{"a key more", `"KEY client"`, `"KEY client", "KEY client2"`, []Change{{"parties.client.keys[0]", "", `"` + publicText("client2") + `"`}}},
	{"another key", `"KEY client"`, `"KEY client2"`, []Change{
		{"parties.client.keys[0]", "", `"` + publicText("client2") + `"`}, {"parties.client.keys[0]", `"` + publicText("client") + `"`, ""}}},
	{"a party more", `"parties": {`, `"parties": {"court": {"role": "arbiter", "name": "Court", "keys": ["KEY arbiter"]},`,
		[]Change{{"parties.court", "", `{"keys":["` + publicText("arbiter") + `"],"name":"Court","role":"arbiter"}`}}},
	{"the beginning", `"from": "2026-03-01T`, `"from": "2026-04-01T`, []Change{
		{"calendar.offsets[0]", "", `{"from":"2026-04-01T00:00:00.000Z","minutes":0}`},
		{"calendar.offsets[0]", `{"from":"2026-03-01T00:00:00.000Z","minutes":0}`, ""},
		{"effective.from", `"2026-03-01T00:00:00.000Z"`, `"2026-04-01T00:00:00.000Z"`}}},
}

func TestChanges(t *testing.T) {
	old := mustParse(t, supportDesk)
	for _, test := range changedDesks {
		text := strings.Replace(supportDesk, test.old, test.new, 1)
		if text == supportDesk {
			t.Fatalf("%s: no %s", test.name, test.old)
		}
		if diff := cmp.Diff(test.want, Changes(old, mustParse(t, text))); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}

// Lines that have only moved are seen as that.
func TestChangesOfOrder(t *testing.T) {
	const a, b = `{"name": "a", "of": "tickets", "mode": "each", "tiers": [{"unit": "1"}]}`, `{"name": "b", "of": "tickets", "mode": "each", "tiers": [{"unit": "2"}]}`
	with := func(lines ...string) *Terms {
		terms := strings.Replace(supportDesk, `{"name": "tickets", "of": "tickets", "mode": "graduated", "tiers": [{"unit": "0.99"}]}`, strings.Join(lines, ","), 1)
		return mustParse(t, terms)
	}
	cheaper := strings.Replace(b, `"2"`, `"1.5"`, 1)
	want := []Change{{"lines[0].tiers[0].unit", `"2"`, `"1.5"`}, {"lines", `["a","b"]`, `["b","a"]`}}
	if diff := cmp.Diff(want, Changes(with(a, b), with(cheaper, a))); diff != "" {
		t.Error(diff)
	}
	want = []Change{{"lines[0]", `{"mode":"each","name":"a","of":"tickets","tiers":[{"unit":"1"}]}`, ""}}
	if diff := cmp.Diff(want, Changes(with(a, b), with(b))); diff != "" {
		t.Error(diff)
	}
}

// Between any two terms there are changes exactly where their canonical JSON
// differs, and the way back shows the same with before and after exchanged.
func TestChangesBothWays(t *testing.T) {
	all := []*Terms{mustParse(t, supportDesk), mustParse(t, fourParties)}
	for _, test := range changedDesks {
		all = append(all, mustParse(t, strings.Replace(supportDesk, test.old, test.new, 1)))
	}
	texts := func(changes []Change, back bool) (all []string) {
		for _, c := range changes {
			if c.Before == c.After {
				t.Errorf("%s: %s is no change", c.Path, c.Before)
			}
			if back {
				c.Before, c.After = c.After, c.Before
			}
			all = append(all, c.Before+" to "+c.After)
		}
		slices.Sort(all)
		return all
	}
	for _, a := range all {
		for _, b := range all {
			changes := Changes(a, b)
			if same := bytes.Equal(a.Marshal(), b.Marshal()); same != (len(changes) == 0) {
				t.Errorf("same is %v, changes are %v", same, changes)
			}
			if diff := cmp.Diff(texts(changes, false), texts(Changes(b, a), true)); diff != "" {
				t.Error(diff)
			}
		}
	}
}

// An amendment is checked beside the version before it alone as a ledger
// checks it beside all, and all mistakes are found.
func TestCheckAmendment(t *testing.T) {
	before := []Version{{Number: 4, Terms: mustParse(t, supportDesk)}}
	if mistakes := CheckAmendment(before, mustParse(t, later(supportDesk, "2026-04-01"))); len(mistakes) > 0 {
		t.Error(mistakes)
	}
	changed := strings.NewReplacer(`"EUR"`, `"USD"`, `"scale": 2`, `"scale": 3`, `"zone": "UTC"`, `"zone": "Etc/UTC"`, `"month"`, `"week"`, `"vendor": {`, `"seller": {`, `["vendor"]`, `["seller"]`).Replace(supportDesk)
	want := []Mistake{
		{Path: "parties", Reason: "got vendor seller, want vendor vendor as in version 4"},
		{Path: "currency", Reason: "got USD, want EUR as in version 4"},
		{Path: "scale", Reason: "got 3, want 2 as in version 4"},
		{Path: "calendar.zone", Reason: "got Etc/UTC, want UTC as in version 4"},
		{Path: "calendar.period", Reason: "got week, want month as in version 4"},
		{Path: "effective.from", Reason: "got 2026-03-01T00:00:00.000Z, want later than 2026-03-01T00:00:00.000Z of version 4"},
	}
	if diff := cmp.Diff(want, CheckAmendment(before, mustParse(t, changed))); diff != "" {
		t.Error(diff)
	}
	wide := strings.Replace(later(supportDesk, "2026-04-01"), `"lines": [`, `"lines": [`+strings.Repeat(`{"name": "NAME", "of": "tickets", "mode": "each", "tiers": [{"unit": "1"}]},`, 20), 1)
	for i := range 20 {
		wide = strings.Replace(wide, "NAME", "line_"+strings.Repeat("x", i), 1)
	}
	first := []Version{{Number: 1, Terms: mustParse(t, strings.Replace(wide, `"from": "2026-04-01T`, `"from": "2026-03-01T`, 1))}}
	want = []Mistake{{Path: "lines", Reason: "this and 1 version before it, within 122d, make a statement of up to 80518 bytes, at most 65023"}}
	if diff := cmp.Diff(want, CheckAmendment(first, mustParse(t, wide))); diff != "" {
		t.Error(diff)
	}
}

// Taking all changes gives the new terms, and taking none the old; one by one,
// each is a change of its own.
func TestMerge(t *testing.T) {
	all := []*Terms{mustParse(t, supportDesk), mustParse(t, fourParties)}
	for _, test := range changedDesks {
		all = append(all, mustParse(t, strings.Replace(supportDesk, test.old, test.new, 1)))
	}
	eachVector(t, "valid", func(t *testing.T, _ string, text []byte) {
		canonical, _ := Draft(text, noZone)
		terms, _ := Parse(canonical)
		all = append(all, terms)
	})
	for i, a := range all {
		for _, b := range []*Terms{all[0], all[(i+1)%len(all)]} {
			if got, want := Merge(a, b, func(Change) bool { return true }), b.Marshal(); !bytes.Equal(got, want) {
				t.Fatalf("all changes taken\n got %s\nwant %s", got, want)
			}
			if got, want := Merge(a, b, func(Change) bool { return false }), a.Marshal(); !bytes.Equal(got, want) {
				t.Fatalf("no change taken\n got %s\nwant %s", got, want)
			}
			for _, c := range Changes(a, b) {
				taken := 0
				got := Merge(a, b, func(d Change) bool {
					if c == d {
						taken++
					}
					return c == d
				})
				if taken != 1 || bytes.Equal(got, a.Marshal()) {
					t.Errorf("%+v is taken %d times, and the terms are\n%s", c, taken, got)
				}
			}
		}
	}
}
