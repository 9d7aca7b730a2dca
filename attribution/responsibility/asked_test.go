package responsibility

import (
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// A supplier that is asked for the source of a disputed input, and does not give
// it, and each condition of that by itself.
func TestAskedSuppliers(t *testing.T) {
	for name, test := range map[string]struct {
		tell func(c *scene)
		want string
	}{
		"a supplier that does not say where it has it from": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "bad_input client presumed, evidence_missing client established"},
		"a supplier that is asked before anybody disputes it": {func(c *scene) {
			c.payChecked()
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
		}, "bad_input client presumed, evidence_missing client established"},
		"a supplier that asks itself": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "client", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "bad_input client undeterminable, evidence_missing client established"},
		"a supplier of whom another is asked": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "third", Basis: "b", Deadline: c.at})
		}, "bad_input client undeterminable, evidence_missing third established"},
		"a supplier with time left": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at + hourMS})
		}, "bad_input client undeterminable"},
		"a supplier asked by who had lost its key": {func(c *scene) {
			c.payChecked()
			c.steal()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.void("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "bad_input client undeterminable"},
		"a dispute by who had lost its key": {func(c *scene) {
			c.payChecked()
			c.steal()
			c.void("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "evidence_missing client established"},
		"a supplier of a value that a check does not turn on": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "41"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "bad_input client undeterminable, evidence_missing client established"},
		"a supplier of what was decided to be right": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
			c.add("rs", "court", "", &record.Resolve{Dispute: "dp", Disposition: "rejected", As: "arbiter"})
		}, "bad_input client undeterminable, evidence_missing client established"},
		"a supplier of what was decided to be wrong": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
			c.add("rs", "court", "", &record.Resolve{Dispute: "dp", Disposition: "upheld", As: "arbiter"})
		}, "bad_input client established, evidence_missing client established"},
		"a supplier whom an input contradicts and no dispute": {func(c *scene) {
			c.payChecked()
			c.add("i9", "third", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "bad_input client undeterminable, evidence_missing client established"},
		"an operator that does not say where it has its own input from": {func(c *scene) {
			c.add("i2", "vendor", "", &record.Input{AsOf: begins, Fields: record.NewFacts(record.Text("age", "40"))})
			d := c.decision()
			d.Inputs, d.DependsOn = []string{"i2"}, []record.FieldRef{{Ref: "i2", Field: "age"}}
			d.Checks = []record.Check{{ID: "k", Left: record.Operand{Ref: "i2", Field: "age"}, Op: "<", Right: record.Operand{Lit: "50"}, Result: "pass"}}
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
			c.add("dp", "client", "", &record.Dispute{About: "i2", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "client", "", &record.Demand{Of: "i2", Custodian: "vendor", Basis: "b", Deadline: c.at})
		}, "bad_input vendor undeterminable, evidence_missing vendor established"},
		"a supplier that had put it right before": {func(c *scene) {
			c.add("i9", "client", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "60"))})
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "superseded_input vendor established, bad_input client undeterminable, evidence_missing client established"},
		"a demand for what a check reads and no input is": {func(c *scene) {
			c.add("i2", "client", "", &record.Input{AsOf: begins, Fields: record.NewFacts(record.Text("age", "40"))})
			d := c.decision()
			d.Checks = []record.Check{{ID: "k", Left: record.Operand{Ref: "i2", Field: "age"}, Op: "<", Right: record.Operand{Lit: "50"}, Result: "pass"}}
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
			c.add("m1", "vendor", "", &record.Demand{Of: "i2", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "evidence_missing client established"},
	} {
		found(t, name, test.tell, test.want)
	}
}
