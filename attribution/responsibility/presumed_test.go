package responsibility

import (
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// A presumed finding says which claim or check could not be tested, with the
// field that is gone, and then why its absence is held against the operator.
func TestPresumedTranscript(t *testing.T) {
	c := newScene(t)
	sealed := c.make("i2", "vendor", "", &record.Input{AsOf: begins})
	sealed.Sealed = []record.Digest{record.Sum([]byte("height"))}
	c.put(sealed)
	d := c.decision()
	d.Inputs = append(d.Inputs, "i2")
	height := record.FieldRef{Ref: "i2", Field: "height"}
	d.Claims = []record.Claim{{ID: "k", Value: "7", Support: []record.FieldRef{height}}, {ID: "k2", Value: "8", Support: []record.FieldRef{height}}}
	d.Checks = []record.Check{{ID: "tall", Left: record.Operand{Ref: "i2", Field: "height"}, Op: ">", Right: record.Operand{Lit: "5"}, Result: "pass"}}
	c.add("d2", "vendor", "", d)
	x := c.action()
	x.Decision = "d2"
	c.add("x", "vendor", "agent-1", x)
	c.add("m1", "client", "", &record.Demand{Of: "i2", Custodian: "vendor", Basis: "b", Deadline: c.at})
	c.at += 300_000 // the record delay, after which the demand is overdue
	c.add("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "whim", State: "erased", Holders: []string{"vendor"}})
	a, err := Trace(c.f, "x", c.n)
	if err != nil {
		t.Fatal(err)
	}
	checkAnswer(t, a)
	for rule, want := range map[Rule][]string{
		ContradictedClaim: {
			`claim k of d2: value "7" != i2.height (not available): unknown`, "demand m1 to the operator: yes", "erasure e1 by the operator: yes",
			`claim k2 of d2: value "8" != i2.height (not available): unknown`, "demand m1 to the operator: yes", "erasure e1 by the operator: yes",
		},
		CheckMisreported: {
			`check tall of d2: reported pass != replay of i2.height (not available) > "5": unknown`, "demand m1 to the operator: yes", "erasure e1 by the operator: yes",
		},
	} {
		i := slices.IndexFunc(a.Findings, func(f Finding) bool { return f.Rule == rule && f.Status == Presumed })
		if i < 0 {
			t.Fatalf("no presumed %s\n%s", rule, a.Text())
		}
		var got []string
		for _, n := range a.Findings[i].Tests {
			text := strings.TrimPrefix(a.Tests[n].String(), string(rule)+", ")
			if k := strings.Index(text, " the operator: "); k > 0 {
				text = text[:k] + " the operator: " + a.Tests[n].Result
			}
			got = append(got, text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s cites\n%s\nwant\n%s", rule, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
