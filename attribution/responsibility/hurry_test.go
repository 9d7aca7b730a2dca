package responsibility

import (
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// Nobody has to answer faster than they can: neither by a deadline that is set
// or dated so, nor by an effect that is dated ahead. Only who decided hands over.
func TestHurry(t *testing.T) {
	// hand has somebody hand d1 over, dated and with a deadline so many ms from when
	// the ledger takes it, and pay so many ms later, dated ahead by that much.
	hand := func(by, to string, dated, deadline, pays, ahead record.Time) func(c *scene) {
		return func(c *scene) {
			r := c.make("h1", by, "", &record.Handoff{Decision: "d1", To: to, Reason: "r", Deadline: c.at + 60_000 + deadline})
			r.At += dated
			c.put(r)
			c.at += pays - 60_000
			x := c.make("x", "vendor", "agent-1", c.action())
			x.At += ahead
			c.put(x)
		}
	}
	const none = ""
	for name, test := range map[string]struct {
		tell func(c *scene)
		want string
	}{
		"a handoff that is missed":                    {hand("vendor", "client", 0, 120_000, 120_000, 0), "oversight_not_exercised client established"},
		"a moment before":                             {hand("vendor", "client", 0, 120_000, 119_999, 0), none},
		"a deadline of a second":                      {hand("vendor", "client", 0, 1000, 59_999, 0), none},
		"a deadline of a second, and a review's time": {hand("vendor", "client", 0, 1000, 60_000, 0), "oversight_not_exercised client established"},
		"a handoff dated back behind its deadline":    {hand("vendor", "client", -40_000, -20_000, 59_999, 0), none},
		"the same, and a review's time":               {hand("vendor", "client", -40_000, -20_000, 60_000, 0), "oversight_not_exercised client established"},
		"an effect dated ahead":                       {hand("vendor", "client", 0, 120_000, 10_000, 200_000), none},
		"a handoff by the client, to the vendor":      {hand("client", "vendor", 0, 120_000, 120_000, 0), none},
		"a handoff by the client, to a third":         {hand("client", "third", 0, 120_000, 120_000, 0), none},
		"a demand whose deadline was over, at once": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at - hourMS})
			c.demand = nil // found waits for no record delay
			c.at += 239_000
			c.add("n1", "vendor", "", &record.Incident{Severity: "low", Discovered: c.at})
		}, "bad_input client undeterminable"},
		"the same, and the record delay": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at - hourMS})
			c.demand = nil
			c.at += 240_001
			c.add("n1", "vendor", "", &record.Incident{Severity: "low", Discovered: c.at})
		}, "bad_input client presumed, evidence_missing client established"},
		"a second demand of what was handed over": {func(c *scene) {
			c.payChecked()
			c.add("dp", "vendor", "", &record.Dispute{About: "i1", Ground: "g", Claimed: record.NewFacts(record.Text("age", "60"))})
			c.add("m1", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at + hourMS})
			c.bring("s1", "client", &record.Disclose{Demand: "m1", To: "vendor", Digest: record.Sum(nil)})
			c.add("m2", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "b", Deadline: c.at})
		}, "bad_input client undeterminable, evidence_missing client established"},
	} {
		found(t, name, test.tell, test.want)
	}
}

// What another still holds is there, whatever one says of it; and of two sealed
// fields of one name neither is.
func TestWhoHolds(t *testing.T) {
	digest := record.Sum([]byte("height"))
	erase := func(by string, e record.Erase) func(c *scene) {
		return func(c *scene) {
			e.Of, e.Basis, e.State = "i2", "subject_request", record.Erased
			c.add("e-"+by, by, "", &e)
		}
	}
	for name, test := range map[string]struct {
		erase []func(c *scene)
		want  string
	}{
		"nobody erases":                          {nil, "contradicted_claim vendor established"},
		"the operator, of what the client gave":  {[]func(c *scene){erase("vendor", record.Erase{Holders: []string{"vendor"}})}, "contradicted_claim vendor established"},
		"the supplier, of what the operator has": {[]func(c *scene){erase("client", record.Erase{Holders: []string{"client"}})}, "contradicted_claim vendor established"},
		"one who held nothing":                   {[]func(c *scene){erase("third", record.Erase{Holders: []string{"third"}})}, "contradicted_claim vendor established"},
		"both":                                   {[]func(c *scene){erase("vendor", record.Erase{Holders: []string{"vendor"}}), erase("client", record.Erase{Holders: []string{"client"}})}, "contradicted_claim vendor undeterminable"},
		"both, and a third has a copy": {[]func(c *scene){
			func(c *scene) { c.add("s1", "vendor", "", &record.Disclose{To: "third", Digest: digest}) },
			erase("vendor", record.Erase{Holders: []string{"vendor"}}), erase("client", record.Erase{Holders: []string{"client"}})}, "contradicted_claim vendor established"},
		"all three": {[]func(c *scene){
			func(c *scene) { c.add("s1", "vendor", "", &record.Disclose{To: "third", Digest: digest}) },
			erase("vendor", record.Erase{Holders: []string{"vendor"}}), erase("client", record.Erase{Holders: []string{"client"}}), erase("third", record.Erase{Holders: []string{"third"}})}, "contradicted_claim vendor undeterminable"},
		"two of one name": {[]func(c *scene){func(c *scene) {
			c.f.Disclose("i2", "height", record.Sum([]byte("again")), record.Value{Text: "7"})
		}}, "contradicted_claim vendor undeterminable"},
	} {
		found(t, name, func(c *scene) {
			c.sealedClaim()
			c.f.Disclose("i2", "height", digest, record.Value{Text: "8"})
			for _, tell := range test.erase {
				tell(c)
			}
		}, test.want)
	}
}
