package responsibility

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// What the stories do not reach: each scene's findings, in full.
func TestDetails(t *testing.T) {
	const none = ""
	for name, test := range map[string]struct {
		tell func(c *scene)
		want string
	}{
		"nothing wrong": {func(c *scene) { c.pay() }, none},
		"a revocation with a stolen key": {func(c *scene) {
			c.steal()
			c.void("v1", "client", "", &record.Revoke{Grant: "g1", Effective: begins, Reason: "r"})
			c.pay()
		}, none},
		"a revocation by who did not give the grant": {func(c *scene) {
			c.add("v1", "vendor", "", &record.Revoke{Grant: "g1", Effective: begins, Reason: "r"})
			c.pay()
		}, none},
		"a sub-grant that the root's giver revokes": {func(c *scene) {
			g := c.grant()
			g.Delegable = 1
			c.add("g2", "client", "", g)
			c.add("g3", "vendor", "", c.under("g2"))
			c.add("v1", "client", "", &record.Revoke{Grant: "g3", Effective: begins, Reason: "r"})
			x := c.action()
			x.Grant = "g3"
			c.add("x", "vendor", "agent-2", x)
		}, "stale_grant vendor established"},
		"a root that is revoked ends what is below": {func(c *scene) {
			g := c.grant()
			g.Delegable = 1
			c.add("g2", "client", "", g)
			c.add("g3", "vendor", "", c.under("g2"))
			c.add("v1", "client", "", &record.Revoke{Grant: "g2", Effective: begins, Reason: "r"})
			x := c.action()
			x.Grant = "g3"
			c.add("x", "vendor", "agent-2", x)
		}, "stale_grant vendor established"},
		"a grant with a stolen key": {func(c *scene) {
			c.steal()
			c.void("g2", "client", "", c.grant())
			x := c.action()
			x.Grant = "g2"
			c.add("x", "vendor", "agent-1", x)
		}, "no_authority vendor established"},
		"a grant that cites a record of another kind as its parent": {func(c *scene) {
			c.add("g2", "vendor", "", c.under("c1"))
			x := c.action()
			x.Grant = "g2"
			c.add("x", "vendor", "agent-2", x)
		}, "no_authority vendor established"},
		"a sub-grant that the client signs for the agent": {func(c *scene) {
			g := c.grant()
			g.Delegable = 1
			c.add("g2", "client", "", g)
			c.add("g3", "client", "", c.under("g2"))
			x := c.action()
			x.Grant = "g3"
			c.add("x", "vendor", "agent-2", x)
		}, "no_authority vendor established"},
		"a grant of an action that is no grant": {func(c *scene) {
			x := c.action()
			x.Grant = "i1"
			c.add("x", "vendor", "agent-1", x)
		}, "no_authority vendor established"},
		"another currency than the limit's": {func(c *scene) {
			g := c.grant()
			g.LimitEach = "1.00"
			c.add("g2", "client", "", g)
			x := c.action()
			x.Grant, x.Currency = "g2", "EUR"
			c.add("x", "vendor", "agent-1", x)
		}, "limit_exceeded vendor undeterminable"},
		"another currency than the boundary's": {func(c *scene) {
			g := c.grant()
			g.Escalate = []record.Boundary{{When: "amount_over", Value: "1000.00"}}
			c.add("g2", "client", "", g)
			x := c.action()
			x.Grant, x.Currency = "g2", "EUR"
			c.add("x", "vendor", "agent-1", x)
		}, "missing_escalation vendor established"},
		"a sub-grant without the parent's limit": {func(c *scene) {
			g := c.grant()
			g.Delegable, g.LimitEach = 1, "500.00"
			c.add("g2", "client", "", g)
			c.add("g3", "vendor", "", c.under("g2"))
			x := c.action()
			x.Grant = "g3"
			c.add("x", "vendor", "agent-2", x)
		}, "over_delegation vendor established"},
		"a sub-grant of more than the parent has": {func(c *scene) {
			g := c.grant()
			g.Delegable, g.LimitEach = 1, "99.99"
			c.add("g2", "client", "", g)
			sub := c.under("g2")
			sub.LimitEach = "200.00"
			c.add("g3", "vendor", "", sub)
			x := c.action()
			x.Grant = "g3"
			c.add("x", "vendor", "agent-2", x)
		}, "limit_exceeded vendor established, over_delegation vendor established"},
		"a period limit that only an unknown review could keep": {func(c *scene) {
			g := c.grant()
			g.LimitPeriod = &record.PeriodLimit{Amount: "150.00", Days: record.MaxInteger}
			c.add("g2", "client", "", g)
			first := c.action()
			first.Grant, first.Review = "g2", "elsewhere"
			c.add("x0", "vendor", "agent-1", first)
			x := c.action()
			x.Grant = "g2"
			c.add("x", "vendor", "agent-1", x)
		}, "limit_exceeded vendor undeterminable"},
		"absent confidence": {func(c *scene) {
			d := c.decision()
			d.Confidence = ""
			c.add("d2", "vendor", "", d)
			g := c.grant()
			g.Escalate = []record.Boundary{{When: "confidence_under", Value: "0"}}
			c.add("g2", "client", "", g)
			x := c.action()
			x.Decision, x.Grant = "d2", "g2"
			c.add("x", "vendor", "agent-1", x)
		}, "missing_escalation vendor established"},
		"no decision where confidence counts": {func(c *scene) {
			g := c.grant()
			g.Escalate = []record.Boundary{{When: "confidence_under", Value: "0.5"}, {When: "check_result", Value: "fail"}}
			c.add("g2", "client", "", g)
			x := c.action()
			x.Decision, x.Grant = "", "g2"
			c.add("x", "vendor", "agent-1", x)
		}, "missing_escalation vendor established, unexplained_decision vendor established"},
		"an input that is missing": {func(c *scene) {
			d := c.decision()
			d.Inputs = append(d.Inputs, "i9")
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
		}, "unexplained_decision vendor established, impossible_reference vendor established"},
		"no decision": {func(c *scene) {
			x := c.action()
			x.Decision = "d9"
			c.add("x", "vendor", "agent-1", x)
		}, "unexplained_decision vendor established, impossible_reference vendor established"},
		"an approval": {func(c *scene) {
			c.guarded()
			c.add("r1", "client", "h-lin", c.approve("approve"))
			c.payGuarded()
		}, none},
		"an approval with a stolen key": {func(c *scene) {
			c.guarded()
			c.steal()
			c.void("r1", "client", "h-lin", c.approve("approve"))
			c.payGuarded()
		}, "missing_escalation vendor established, void_signature client established"},
		"an approval with a key that is revoked later, from before": {func(c *scene) {
			c.guarded()
			c.void("r1", "client", "h-lin", c.approve("approve"))
			c.payGuarded()
			c.add("k1", "client", "", &record.Key{Op: "rotate", Prev: stolen, Effective: begins})
		}, none},
		"an approval with a key that is to be revoked": {func(c *scene) {
			c.guarded()
			c.add("k1", "client", "", &record.Key{Op: "rotate", Prev: stolen, Effective: c.at + hourMS})
			c.void("r1", "client", "h-lin", c.approve("approve"))
			c.payGuarded()
		}, none},
		"an approval of another decision": {func(c *scene) {
			c.guarded()
			c.add("d2", "vendor", "", c.decision())
			r := c.approve("approve")
			r.Of = "d2"
			c.add("r1", "client", "h-lin", r)
			c.payGuarded()
		}, "missing_escalation vendor established"},
		"an approval after the effect": {func(c *scene) {
			c.guarded()
			c.payGuarded()
			c.add("r1", "client", "h-lin", c.approve("approve"))
		}, "missing_escalation vendor established"},
		"an approval that is recorded before and dated after": {func(c *scene) {
			c.guarded()
			r := c.make("r1", "client", "h-lin", c.approve("approve"))
			r.At += 2 * 60_000
			c.put(r)
			c.payGuarded()
		}, "missing_escalation vendor established"},
		"an approval that is recorded after and dated before": {func(c *scene) {
			c.guarded()
			c.payGuarded()
			r := c.make("r1", "client", "h-lin", c.approve("approve"))
			r.At -= 2 * 60_000
			c.put(r)
		}, "missing_escalation vendor established"},
		"an approval without authority after the effect": {func(c *scene) {
			c.pay()
			c.add("r1", "third", "h-lin", c.approve("approve"))
		}, none},
		"an approval by another party's human of that name": {func(c *scene) {
			c.guarded()
			c.add("r1", "third", "h-lin", c.approve("approve"))
			c.payGuarded()
		}, "approval_out_of_authority third established, missing_escalation vendor established"},
		"an approval without a limit": {func(c *scene) {
			c.guarded()
			c.add("r1", "third", "h-any", c.approve("approve"))
			c.payGuarded()
		}, none},
		"an approval of less": {func(c *scene) {
			d := c.decision()
			d.Proposes = &record.Proposal{Action: "pay", Amount: "99.99"}
			c.add("d2", "vendor", "", d)
			c.guarded()
			r := c.approve("approve")
			r.Of = "d2"
			c.add("r1", "client", "h-lin", r)
			x := c.action()
			x.Decision, x.Grant = "d2", "g2"
			c.add("x", "vendor", "agent-1", x)
		}, "missing_escalation vendor established"},
		"a modification of another resource": {func(c *scene) {
			c.guarded()
			r := c.approve("modify")
			r.Sets = &record.Proposal{Action: "pay", Amount: "100", Resource: "loan/2"}
			c.add("r1", "client", "h-lin", r)
			c.payGuarded()
		}, "missing_escalation vendor established"},
		"a modification without content": {func(c *scene) {
			c.guarded()
			c.add("r1", "client", "h-lin", c.approve("modify"))
			c.payGuarded()
		}, "missing_escalation vendor established"},
		"what was shown is in the handoff": {func(c *scene) {
			c.guarded()
			c.add("h1", "vendor", "", &record.Handoff{Decision: "d1", To: "client", Reason: "r", Shown: []string{"claims", "checks"}, Nonce: "bm9uY2Vub25jZW5vbmNlbm8="})
			r := c.approve("approve")
			r.Shown, r.Nonce = nil, "bm9uY2Vub25jZW5vbmNlbm8="
			c.add("r1", "client", "h-lin", r)
			c.payGuarded()
		}, none},
		"nothing was shown": {func(c *scene) {
			c.guarded()
			c.add("r1", "client", "h-lin", &record.Review{Of: "d1", Verdict: "approve", Opened: begins})
			c.payGuarded()
		}, "incomplete_presentation vendor established"},
		"a check was to be referred, and shown": {func(c *scene) {
			d := c.decision()
			d.Checks = []record.Check{{ID: "k", Left: record.Operand{Lit: "1"}, Op: "==", Right: record.Operand{Lit: "1"}, Result: "refer"}}
			c.add("d2", "vendor", "", d)
			r := c.approve("approve")
			r.Of = "d2"
			c.add("r1", "client", "h-lin", r)
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
		}, "approved_over_warning client established"},
		"an override of something else": {func(c *scene) {
			c.add("d2", "vendor", "", c.decision())
			r := c.approve("override")
			r.Of = "d2"
			c.add("r1", "client", "h-lin", r)
			x := c.action()
			x.Review, x.Action = "r1", "wave"
			c.add("x", "vendor", "agent-1", x)
		}, "no_authority vendor established"},
		"an override with a stolen key": {func(c *scene) {
			c.steal()
			c.void("r1", "client", "h-lin", c.approve("override"))
			x := c.action()
			x.Review, x.Action = "r1", "wave"
			c.add("x", "vendor", "agent-1", x)
		}, "no_authority vendor established, void_signature client established"},
		"an override of the effect that is taken back": {func(c *scene) {
			c.add("x0", "vendor", "agent-1", c.action())
			r := c.approve("override")
			r.Of = "x0"
			c.add("r1", "client", "h-lin", r)
			x := c.action()
			x.Review, x.Reverses, x.Decision, x.Grant = "r1", "x0", "", ""
			c.add("x", "vendor", "agent-1", x)
		}, "override_taken client established"},
		"an override sets another action": {func(c *scene) {
			r := c.approve("override")
			r.Sets = &record.Proposal{Action: "pay", Amount: "100.00"}
			c.add("r1", "client", "h-lin", r)
			x := c.action()
			x.Review, x.Action = "r1", "wave"
			c.add("x", "vendor", "agent-1", x)
		}, "no_authority vendor established"},
		"an override sets another resource": {func(c *scene) {
			r := c.approve("override")
			r.Sets = &record.Proposal{Action: "pay", Amount: "100.00", Resource: "loan/2"}
			c.add("r1", "client", "h-lin", r)
			x := c.action()
			x.Review = "r1"
			c.add("x", "vendor", "agent-1", x)
		}, none},
		"a human who looked with a stolen key": {func(c *scene) {
			c.steal()
			c.add("h1", "vendor", "", c.handoff("client"))
			c.void("r1", "client", "h-lin", c.approve("reject"))
			c.pay()
		}, "oversight_not_exercised client established, void_signature client established"},
		"a human who rejected": {func(c *scene) {
			c.add("h1", "vendor", "", c.handoff("client"))
			c.add("r1", "client", "h-lin", c.approve("reject"))
			c.pay()
		}, none},
		"a handoff to nobody known": {func(c *scene) {
			c.add("h1", "vendor", "", c.handoff("duty-desk"))
			c.pay()
		}, none},
		"a grant below that says block": {func(c *scene) {
			g := c.grant()
			g.Delegable, g.OnTimeout, g.Escalate = 1, "proceed", []record.Boundary{{When: "action", Value: "pay"}}
			c.add("g2", "client", "", g)
			c.add("g3", "vendor", "", c.under("g2"))
			c.add("h1", "vendor", "", c.handoff("client"))
			x := c.action()
			x.Grant = "g3"
			c.add("x", "vendor", "agent-2", x)
		}, "missing_escalation vendor established, oversight_not_exercised client established"},
		"a claim of an absent field and one of a whole input": {func(c *scene) {
			d := c.decision()
			d.Claims = []record.Claim{{ID: "a", Material: true, Value: "1", Support: []record.FieldRef{{Ref: "i1", Field: "height"}}}, {ID: "b", Material: true, Value: "1", Support: []record.FieldRef{{Ref: "i1"}}}}
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
		}, "ungrounded_claim vendor established"},
		"a claim from a measurement": {func(c *scene) {
			c.add("m1", "third", "", &record.Measurement{Metric: "heat", Value: "21.0"})
			d := c.decision()
			d.Inputs = append(d.Inputs, "m1")
			d.Claims = []record.Claim{{ID: "a", Material: true, Value: "21", Support: []record.FieldRef{{Ref: "m1"}}}, {ID: "b", Value: "22", Support: []record.FieldRef{{Ref: "m1"}}}}
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
		}, "contradicted_claim vendor established"},
		"the supplier's word with a stolen key": {func(c *scene) {
			c.steal()
			c.pay()
			c.void("i2", "client", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "41"))})
		}, "bad_input client undeterminable"},
		"a correction that was known before": {func(c *scene) {
			c.add("i2", "client", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "41"))})
			c.add("d2", "vendor", "", c.decision())
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
			c.add("i3", "client", "", &record.Input{AsOf: begins, Corrects: "i2", Fields: record.NewFacts(record.Text("age", "41.0"))})
		}, "superseded_input vendor established"},
		"another's word from before": {func(c *scene) {
			c.add("i2", "third", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "41"))})
			c.add("d2", "vendor", "", c.decision())
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
		}, none},
		"another's word that a resolve turns down": {func(c *scene) {
			c.pay()
			c.add("i2", "third", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "41"))})
			c.add("rs", "court", "", &record.Resolve{About: "i2", Disposition: "rejected", As: "arbiter"})
		}, "bad_input client undeterminable"},
		"a dispute's word that a resolve upholds": {func(c *scene) {
			c.pay()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "41"))})
			c.add("rs", "court", "", &record.Resolve{Dispute: "dp", Disposition: "upheld", As: "arbiter"})
		}, "bad_input client established"},
		"a dispute's word that a resolve turns down": {func(c *scene) {
			c.pay()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "41"))})
			c.add("rs", "court", "", &record.Resolve{Dispute: "dp", Disposition: "rejected", As: "arbiter"})
		}, "bad_input client undeterminable"},
		"a resolve about the field": {func(c *scene) {
			c.pay()
			c.add("rs", "court", "", &record.Resolve{About: "i1", Field: "age", Value: "41", Disposition: "upheld", As: "arbiter"})
		}, "bad_input client established"},
		"a resolve that turns the value down": {func(c *scene) {
			c.pay()
			c.add("rs", "court", "", &record.Resolve{About: "i1", Field: "age", Value: "41", Disposition: "rejected", As: "arbiter"})
		}, none},
		"an input named as a whole": {func(c *scene) {
			d := c.decision()
			d.DependsOn = []record.FieldRef{{Ref: "i1"}}
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision = "d2"
			c.add("x", "vendor", "agent-1", x)
			c.add("i2", "client", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("sum", "1"))})
		}, "bad_input client established"},
		"a demand that another answers": {func(c *scene) {
			c.pay()
			c.add("m1", "client", "", &record.Demand{Of: "d1", Custodian: "vendor", Basis: "b", Deadline: c.at + hourMS})
			c.bring("s1", "client", &record.Disclose{Demand: "m1", To: "client", Digest: record.Sum(nil)})
			c.at += 2 * hourMS
			c.add("n1", "client", "", &record.Incident{Severity: "low", Discovered: c.at})
		}, "evidence_missing vendor established"},
		"a demand that its custodian answers": {func(c *scene) {
			c.pay()
			c.add("m1", "client", "", &record.Demand{Of: "d1", Custodian: "vendor", Basis: "b", Deadline: c.at + hourMS})
			c.bring("s1", "vendor", &record.Disclose{Demand: "m1", To: "client", Digest: record.Sum(nil)})
			c.at += 2 * hourMS
			c.add("n1", "client", "", &record.Incident{Severity: "low", Discovered: c.at})
		}, none},
		"a demand that is answered with what is in no record": {func(c *scene) {
			c.pay()
			c.add("m1", "client", "", &record.Demand{Of: "d1", Custodian: "vendor", Basis: "b", Deadline: c.at + hourMS})
			c.add("s1", "vendor", "", &record.Disclose{Demand: "m1", To: "client", Digest: record.Sum(nil)})
			c.at += 2 * hourMS
			c.add("n1", "client", "", &record.Incident{Severity: "low", Discovered: c.at})
		}, "evidence_missing vendor established"},
		"a demand that a standing record outlives": {func(c *scene) {
			c.pay()
			c.add("m1", "client", "", &record.Demand{Of: "g1", Custodian: "client", Basis: "b", Deadline: c.at + hourMS})
			c.at += 2 * hourMS
			c.add("g9", "client", "", c.grant())
		}, "evidence_missing client established"},
		"a demand of a grant that gives no authority": {func(c *scene) {
			x := c.action()
			x.Action = "wave"
			c.add("x", "vendor", "agent-1", x)
			c.add("m1", "client", "", &record.Demand{Of: "g1", Custodian: "client", Basis: "b", Deadline: c.at + hourMS})
			c.at += 2 * hourMS
			c.add("n1", "client", "", &record.Incident{Severity: "low", Discovered: c.at})
		}, "no_authority vendor established, evidence_missing client established"},
		"a demand while no record of the matter is later": {func(c *scene) {
			c.pay()
			c.add("m1", "client", "", &record.Demand{Of: "g1", Custodian: "client", Basis: "b", Deadline: c.at + hourMS})
			c.at += 2 * hourMS
			foreign := c.make("i9", "client", "", &record.Input{AsOf: begins})
			foreign.Case = "another"
			c.put(foreign)
		}, none},
		"an erasure after the dispute was resolved": {func(c *scene) {
			c.pay()
			c.add("dp", "client", "", &record.Dispute{About: "x", Ground: "g"})
			c.add("rs", "court", "", &record.Resolve{Dispute: "dp", Disposition: "rejected", As: "arbiter"})
			c.add("e1", "client", "", &record.Erase{Of: "i1", Basis: "retention_end", State: "erased", Holders: []string{"client"}})
		}, none},
		"a restriction during a dispute": {func(c *scene) {
			c.pay()
			c.add("dp", "client", "", &record.Dispute{About: "x", Ground: "g"})
			c.add("e1", "client", "", &record.Erase{Of: "i1", Basis: "retention_end", State: "restricted", Holders: []string{"client"}})
		}, none},
		"a restriction lifted on a basis that nobody agreed": {func(c *scene) {
			c.pay()
			c.add("e1", "client", "", &record.Erase{Of: "i1", Basis: "whim", State: "lifted", Holders: []string{"client"}})
		}, none},
		"another than the operator destroyed the value": {func(c *scene) {
			c.sealedClaim()
			c.add("e1", "client", "", &record.Erase{Of: "i2", Basis: "whim", State: "erased", Holders: []string{"client"}})
		}, "contradicted_claim vendor undeterminable, improper_erasure client established"},
		"the operator destroyed the value": {func(c *scene) {
			c.sealedClaim()
			c.add("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "whim", State: "erased", Holders: []string{"vendor"}})
		}, "contradicted_claim vendor presumed, improper_erasure vendor established"},
		"the operator destroyed another value": {func(c *scene) {
			c.sealedClaim()
			c.add("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "whim", State: "erased", Holders: []string{"vendor"}, Scope: []string{string(record.Sum([]byte("weight")))}})
		}, "contradicted_claim vendor undeterminable, improper_erasure vendor established"},
		"another than the operator withholds the value": {func(c *scene) {
			c.sealedClaim()
			c.add("m1", "vendor", "", &record.Demand{Of: "i2", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "contradicted_claim vendor undeterminable, evidence_missing client established"},
		"the operator withholds the value": {func(c *scene) {
			c.sealedClaim()
			c.add("m1", "client", "", &record.Demand{Of: "i2", Custodian: "vendor", Basis: "b", Deadline: c.at})
		}, "contradicted_claim vendor presumed, evidence_missing vendor established"},
		"the operator has still time for the value": {func(c *scene) {
			c.sealedClaim()
			c.add("m1", "client", "", &record.Demand{Of: "i2", Custodian: "vendor", Basis: "b", Deadline: c.at + hourMS})
		}, "contradicted_claim vendor undeterminable"},
		"a reference to itself": {func(c *scene) {
			x := c.action()
			x.Reverses = "x"
			c.add("x", "vendor", "agent-1", x)
		}, "impossible_reference vendor established"},
		"another operator's key": {func(c *scene) {
			x := c.action()
			x.Key = "K"
			c.add("x0", "client", "agent-1", x)
			c.add("x", "vendor", "agent-1", x)
		}, none},
		"a resource that is not named": {func(c *scene) {
			x := c.action()
			x.Resource = ""
			c.add("x", "vendor", "agent-1", x)
		}, "no_authority vendor established"},
	} {
		found(t, name, test.tell, test.want)
	}
}

// found compares what is found of x in a scene.
func found(t *testing.T, name string, tell func(c *scene), expect string) {
	t.Helper()
	c := newScene(t)
	tell(c)
	if c.demand != nil {
		c.at += 300_000 // the record delay, after which it is overdue
		c.add("later", "vendor", "", &record.Config{Agent: "agent-9", Model: "m1"})
	}
	a, err := Trace(c.f, "x", c.n)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	checkAnswer(t, a)
	var got, want []string
	for _, f := range a.Findings {
		got = append(got, fmt.Sprintf("%s %s %s", f.Rule, f.Party, f.Status))
	}
	if expect != "" {
		want = strings.Split(expect, ", ")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: found %v, want %v\n%s", name, got, want, a.Text())
	}
}

// A sealed value is there while it is disclosed, until all who held it have
// erased it.
func TestSealedFields(t *testing.T) {
	for name, test := range map[string]struct {
		disclosed string
		erase     *record.Erase
		both      bool // the operator erases its own as well
		want      string
	}{
		"not disclosed":              {"", nil, false, "undeterminable"},
		"disclosed":                  {"7", nil, false, ""},
		"disclosed, another value":   {"8", nil, false, "established"},
		"erased by one of two":       {"7", &record.Erase{Holders: []string{"client", "vendor"}}, false, ""},
		"erased by both":             {"7", &record.Erase{Holders: []string{"client", "vendor"}}, true, "undeterminable"},
		"the other is said to have":  {"7", &record.Erase{Holders: []string{"client", "vendor"}, Confirmed: []string{"vendor"}}, false, ""},
		"erased by one who says all": {"7", &record.Erase{Holders: []string{"client"}}, false, ""},
		"erased by both, one by one": {"7", &record.Erase{Holders: []string{"client"}}, true, "undeterminable"},
		"a third still has it":       {"7", &record.Erase{Holders: []string{"client", "third"}}, true, "undeterminable"}, // by the other's word nobody does
		"another field erased":       {"7", &record.Erase{Holders: []string{"client"}, Scope: []string{string(record.Sum([]byte("weight")))}}, false, ""},
		"the field erased":           {"7", &record.Erase{Holders: []string{"client"}, Scope: []string{string(record.Sum([]byte("height")))}}, true, "undeterminable"},
		"restricted":                 {"7", &record.Erase{Holders: []string{"client"}, State: "restricted"}, false, ""},
	} {
		c := newScene(t)
		c.sealedClaim()
		if test.disclosed != "" {
			c.f.Disclose("i2", "height", record.Sum([]byte("height")), record.Value{Text: test.disclosed})
		}
		if e := test.erase; e != nil {
			e.Of, e.Basis = "i2", "subject_request"
			if e.State == "" {
				e.State = "erased"
			}
			c.add("e1", "client", "", e)
		}
		if test.both {
			c.add("e2", "vendor", "", &record.Erase{Of: "i2", Basis: "subject_request", State: record.Erased, Holders: []string{"vendor"}})
		}
		a, err := Trace(c.f, "x", c.n)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range a.Findings {
			got += string(f.Status)
			if f.Rule != ContradictedClaim {
				t.Errorf("%s: found %s", name, f.Rule)
			}
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q\n%s", name, got, test.want, a.Text())
		}
	}
}
