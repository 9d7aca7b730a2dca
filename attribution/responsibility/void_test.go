package responsibility

import (
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// Who took a key decides, disputes, demands and answers nothing with it once it
// is revoked. An erasure speaks against its author, whatever it is signed with.
func TestVoidRecords(t *testing.T) {
	age := record.NewFacts(record.Text("age", "60"))
	dispute := &record.Dispute{About: "i1", Ground: "g", Claimed: age}
	correct := func(c *scene) {
		c.payChecked()
		c.steal()
		c.add("i9", "third", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: age})
	}
	demand := func(c *scene, of string) *record.Demand {
		return &record.Demand{Of: of, Custodian: "vendor", Basis: "b", Deadline: c.at}
	}
	for name, test := range map[string]struct {
		tell func(c *scene)
		want string
	}{
		"a resolve that admits a word": {func(c *scene) {
			correct(c)
			c.add("rs", "court", "", &record.Resolve{About: "i9", Disposition: "upheld", As: "arbiter"})
		}, "bad_input client established"},
		"the same, void": {func(c *scene) {
			correct(c)
			c.void("rs", "court", "", &record.Resolve{About: "i9", Disposition: "upheld", As: "arbiter"})
		}, "bad_input client undeterminable"},
		"a void resolve of a field": {func(c *scene) {
			c.payChecked()
			c.steal()
			c.void("rs", "court", "", &record.Resolve{About: "i1", Field: "age", Value: "60", Disposition: "upheld", As: "arbiter"})
		}, ""},
		"a void resolve of a dispute": {func(c *scene) {
			c.payChecked()
			c.steal()
			c.add("dp", "vendor", "", dispute)
			c.void("rs", "court", "", &record.Resolve{Dispute: "dp", Disposition: "upheld", As: "arbiter"})
		}, "bad_input client undeterminable"},
		"an erasure during a dispute": {func(c *scene) {
			c.sealedClaim()
			c.steal()
			c.add("dp", "client", "", &record.Dispute{About: "x", Ground: "g"})
			c.add("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "subject_request", Holders: []string{"vendor"}, State: record.Erased})
		}, "contradicted_claim vendor presumed, improper_erasure vendor established"},
		"an erasure during a void dispute": {func(c *scene) {
			c.sealedClaim()
			c.steal()
			c.void("dp", "client", "", &record.Dispute{About: "x", Ground: "g"})
			c.add("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "subject_request", Holders: []string{"vendor"}, State: record.Erased})
		}, "contradicted_claim vendor undeterminable"},
		"an erasure after a void resolve": {func(c *scene) {
			c.sealedClaim()
			c.steal()
			c.add("dp", "client", "", &record.Dispute{About: "x", Ground: "g"})
			c.void("rs", "court", "", &record.Resolve{Dispute: "dp", Disposition: "rejected", As: "arbiter"})
			c.add("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "subject_request", Holders: []string{"vendor"}, State: record.Erased})
		}, "contradicted_claim vendor presumed, improper_erasure vendor established"},
		"a void erasure": {func(c *scene) {
			c.sealedClaim()
			c.steal()
			c.void("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "whim", Holders: []string{"vendor"}, State: record.Erased})
		}, "contradicted_claim vendor presumed, improper_erasure vendor established"},
		"a demand": {func(c *scene) {
			c.sealedClaim()
			c.steal()
			c.add("m1", "client", "", demand(c, "i2"))
		}, "contradicted_claim vendor presumed, evidence_missing vendor established"},
		"a void demand": {func(c *scene) {
			c.sealedClaim()
			c.steal()
			c.void("m1", "client", "", demand(c, "i2"))
		}, "contradicted_claim vendor undeterminable"},
		"a void answer": {func(c *scene) {
			c.sealedClaim()
			c.steal()
			m := demand(c, "i2")
			m.Deadline += hourMS
			c.add("m1", "client", "", m)
			c.void("s1", "vendor", "", &record.Disclose{Demand: "m1", To: "client", Digest: record.Sum([]byte("height"))})
			c.at += hourMS
			c.add("n1", "client", "", &record.Incident{Severity: "low", Discovered: c.at})
		}, "contradicted_claim vendor presumed, evidence_missing vendor established"},
		"a handoff": {func(c *scene) {
			c.steal()
			c.add("h1", "vendor", "", c.handoff("client"))
			c.at += hourMS
			c.pay()
		}, "oversight_not_exercised client established"},
		"a void handoff": {func(c *scene) {
			c.steal()
			c.void("h1", "vendor", "", c.handoff("client"))
			c.at += hourMS
			c.pay()
		}, "void_signature vendor established"},
	} {
		found(t, name, test.tell, test.want)
	}
}
