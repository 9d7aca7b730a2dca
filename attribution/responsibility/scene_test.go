package responsibility

import (
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// A scene is a case of one matter, told record by record. It begins with an
// agreement, a config, a grant, an input and a decision of agent-1.
type scene struct {
	t      testing.TB
	f      *Facts
	n      int64
	at     record.Time
	demand *record.Demand // the last one whose deadline was over when it came
}

const (
	stolen  = "SHA256:stolen"
	begins  = record.Time(1_780_000_000_000)
	hourMS  = record.Time(3_600_000)
	forever = record.Time(1_900_000_000_000)
)

func newScene(t testing.TB) *scene {
	s := storyNamed(t, "duties").clone()
	e := &s.Entries[0]
	e.By, e.SignedBy = "client", []string{"client", "vendor"}
	for key, v := range map[string]any{
		"parties": map[string]any{"client": "client", "vendor": "vendor", "third": "data source", "court": "arbiter"}, "outward": "client", "duties": []any{}, "weights": nil,
		"approvers": []any{
			map[string]any{"human": "h-lin", "party": "client", "actions": []any{"pay"}, "limit": "10.00"},
			map[string]any{"human": "h-lin", "party": "client", "actions": []any{"pay"}, "limit": "1000.00"},
			map[string]any{"human": "h-any", "party": "third", "actions": []any{"pay"}},
		},
	} {
		e.Body[key] = v
	}
	c := &scene{t: t, f: NewFacts(), at: begins}
	agreement := newLoader(t, s).record(e)
	c.put(agreement)
	c.add("c1", "vendor", "", &record.Config{Agent: "agent-1", Model: "m1"})
	c.add("g1", "client", "", c.grant())
	c.add("i1", "client", "", &record.Input{AsOf: begins, Fields: record.NewFacts(record.Text("age", "40"), record.Text("sum", "500.00"))})
	c.add("d1", "vendor", "", c.decision())
	return c
}

func (c *scene) put(r *record.Record) *record.Record {
	c.t.Helper()
	r.Log = &record.Log{N: c.n, Time: c.at}
	c.n++
	if b, ok := r.Body.(*record.Demand); ok && b.Deadline < r.At {
		c.demand = b
	}
	if err := c.f.Add(r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func (c *scene) make(id, by, actor string, b record.Body) *record.Record {
	c.at += 60_000
	r := &record.Record{ID: id, Kind: b.Kind(), At: c.at, By: by, Actor: actor, Body: b}
	switch b.(type) {
	case *record.Config, *record.Grant, *record.Revoke, *record.Key:
	default:
		r.Case = "matter"
	}
	return r
}

func (c *scene) add(id, by, actor string, b record.Body) *record.Record {
	c.t.Helper()
	return c.put(c.make(id, by, actor, b))
}

// void adds a record that is signed with the stolen key.
func (c *scene) void(id, by, actor string, b record.Body) {
	c.t.Helper()
	r := c.make(id, by, actor, b)
	r.Sigs = []record.Signature{{Key: stolen}}
	c.put(r)
}

func (c *scene) steal() {
	c.add("k1", "client", "", &record.Key{Op: "rotate", Prev: stolen, Effective: c.at})
}

func (c *scene) grant() *record.Grant {
	return &record.Grant{Grantor: "client", Grantee: "agent-1", Operator: "vendor", Actions: []string{"pay"}, Resources: []string{"loan/*"}, From: begins, Until: forever, OnTimeout: "block"}
}

// under is a grant that agent-1 gives to agent-2.
func (c *scene) under(parent string) *record.Grant {
	g := c.grant()
	g.Grantor, g.Grantee, g.Parent = "agent-1", "agent-2", parent
	return g
}

func (c *scene) decision() *record.Decision {
	return &record.Decision{Agent: "agent-1", Config: "c1", Grant: "g1", Inputs: []string{"i1"}, Confidence: "0.9", Reasons: record.Sum(nil), Output: record.Sum(nil),
		DependsOn: []record.FieldRef{{Ref: "i1", Field: "age"}}}
}

func (c *scene) action() *record.Action {
	return &record.Action{Decision: "d1", Grant: "g1", Action: "pay", Resource: "loan/1", Amount: "100.00", Currency: "CNY", Effect: "commit", Status: "executed"}
}

func (c *scene) pay() { c.add("x", "vendor", "agent-1", c.action()) }

// handoff passes d1 on, with a deadline that is over half a minute later.
func (c *scene) handoff(to string) *record.Handoff {
	return &record.Handoff{Decision: "d1", To: to, Reason: "r", Deadline: c.at + 90_000}
}

// payChecked is an effect of a decision that checks what it depends on.
func (c *scene) payChecked() {
	d := c.decision()
	d.Checks = []record.Check{{ID: "k", Left: record.Operand{Ref: "i1", Field: "age"}, Op: "<", Right: record.Operand{Lit: "50"}, Result: "pass"}}
	c.add("d2", "vendor", "", d)
	x := c.action()
	x.Decision = "d2"
	c.add("x", "vendor", "agent-1", x)
}

// bring adds a disclosure of what it has attached itself.
func (c *scene) bring(id, by string, b *record.Disclose) {
	r := c.make(id, by, "", b)
	r.Attach = []record.Attachment{{Name: "answer", Digest: b.Digest}}
	c.put(r)
}

func (c *scene) approve(verdict string) *record.Review {
	return &record.Review{Of: "d1", Verdict: verdict, Opened: c.at, Shown: []string{"checks", "claims"}, Reasons: record.Sum(nil)}
}

// guarded makes every payment need a human.
func (c *scene) guarded() {
	g := c.grant()
	g.Escalate = []record.Boundary{{When: "action", Value: "pay"}}
	c.add("g2", "client", "", g)
}

func (c *scene) payGuarded() {
	x := c.action()
	x.Grant = "g2"
	c.add("x", "vendor", "agent-1", x)
}

// sealedClaim is an effect of a decision with a claim from a sealed field.
func (c *scene) sealedClaim() {
	sealed := c.make("i2", "client", "", &record.Input{AsOf: begins})
	sealed.Sealed = []record.Digest{record.Sum([]byte("height"))}
	c.put(sealed)
	d := c.decision()
	d.Inputs = append(d.Inputs, "i2")
	d.Claims = []record.Claim{{ID: "k", Material: true, Value: "7", Support: []record.FieldRef{{Ref: "i2", Field: "height"}}}}
	c.add("d2", "vendor", "", d)
	x := c.action()
	x.Decision = "d2"
	c.add("x", "vendor", "agent-1", x)
}
