package record

// An Input is what a party supplied for decisions to rest on.
type Input struct {
	Fields   Facts
	AsOf     Time
	Source   string
	Flags    []string
	Corrects string
}

func (b *Input) fields(c *codec) {
	c.time("as_of", &b.AsOf, required)
	c.ref("corrects", &b.Corrects, optional)
	c.facts("fields", &b.Fields, optional)
	c.strings("flags", &b.Flags, formLabel, optional)
	c.label("source", &b.Source, optional)
}

// A Decision is what an agent chose, and what it rests on.
type Decision struct {
	Agent, Config, Grant string
	Inputs               []string
	DependsOn            []FieldRef
	Claims               []Claim
	Confidence           Decimal
	Checks               []Check
	Proposes             *Proposal
	Reasons, Output      Digest
	ModelReported        string
}

func (b *Decision) fields(c *codec) {
	c.id("agent", &b.Agent, required)
	list(c, "checks", &b.Checks, optional, (*Check).fields)
	list(c, "claims", &b.Claims, optional, (*Claim).fields)
	c.amount("confidence", &b.Confidence, optional)
	c.ref("config", &b.Config, optional)
	list(c, "depends_on", &b.DependsOn, optional, (*FieldRef).fields)
	c.ref("grant", &b.Grant, optional)
	c.strings("inputs", &b.Inputs, formRef, optional)
	c.label("model_reported", &b.ModelReported, optional)
	c.digest("output", &b.Output, optional)
	object(c, "proposes", &b.Proposes, optional, (*Proposal).fields)
	c.digest("reasons", &b.Reasons, optional)
	distinct(c, "checks", b.Checks, func(k *Check) string { return k.ID })
	distinct(c, "claims", b.Claims, func(k *Claim) string { return k.ID })
	if !c.holds(atMostOne(b.Confidence)) {
		c.fail("confidence", "got %s, want 0 to 1", b.Confidence)
	}
	// Each has a chain, beside that of the case and that of the config. Few
	// decisions name so many that it takes a closer look.
	most := len(b.Inputs) + len(b.DependsOn) + 2*len(b.Checks)
	for i := range b.Claims {
		most += len(b.Claims[i].Support)
	}
	if most > MaxChains-2 {
		if n := len(b.Sources()); !c.holds(n <= MaxChains-2) {
			c.fail("inputs", "names %d records with depends_on, checks and claims, at most %d", n, MaxChains-2)
		}
	}
}

// atMostOne reports whether d, which is not negative, is at most 1.
func atMostOne(d Decimal) bool {
	if d == "" || d[0] == '0' {
		return true
	}
	return d[0] == '1' && (len(d) == 1 || d[1] == '.' && d[2:].Zero())
}

// A FieldRef names a field of an input or measurement; Field may be "".
type FieldRef struct{ Ref, Field string }

func (b *FieldRef) fields(c *codec) {
	c.name("field", &b.Field, optional)
	c.ref("ref", &b.Ref, required)
}

// A Claim is a statement of fact in what the agent put out.
type Claim struct {
	ID       string
	Material bool
	Value    string
	Support  []FieldRef
}

func (b *Claim) fields(c *codec) {
	c.id("id", &b.ID, required)
	c.bool("material", &b.Material, required)
	list(c, "support", &b.Support, optional, (*FieldRef).fields)
	c.text("value", &b.Value, optional)
}

// A Check is a comparison that the agent reports to have made.
type Check struct {
	ID          string
	Left, Right Operand
	Op          string // <= < >= > == !=
	Result      string // pass, fail, refer
	Blocks      []string
}

func (b *Check) fields(c *codec) {
	c.strings("blocks", &b.Blocks, formLabel, optional)
	c.id("id", &b.ID, required)
	c.operand("left", &b.Left)
	c.enum("op", &b.Op, required, "<=", "<", ">=", ">", "==", "!=")
	c.enum("result", &b.Result, required, "pass", "fail", "refer")
	c.operand("right", &b.Right)
}

// An Operand is a literal, or a field of an input when Ref is set.
type Operand struct{ Lit, Ref, Field string }

func (c *codec) operand(key string, v *Operand) {
	if c.nested(key, "object", *v != Operand{}, required) {
		inline(c, key, v, (*Operand).fields)
	}
}

func (b *Operand) fields(c *codec) {
	c.name("field", &b.Field, optional)
	c.text("lit", &b.Lit, optional)
	c.ref("ref", &b.Ref, optional)
	if !c.holds(b.Lit != "" || b.Ref != "") {
		c.fail("ref", "missing: an operand has lit or ref")
	}
	if !c.holds(b.Lit == "" || b.Ref == "") {
		c.fail("lit", "stands beside ref, want one of them")
	}
	if !c.holds(b.Field == "" || b.Ref != "") {
		c.fail("ref", "missing: field needs it")
	}
}

// A Proposal is an action that is proposed or ordered.
type Proposal struct {
	Action, Resource string
	Amount           Decimal
}

func (b *Proposal) fields(c *codec) {
	c.label("action", &b.Action, required)
	c.amount("amount", &b.Amount, optional)
	c.label("resource", &b.Resource, optional)
}

// An Action is what was done, or was refused.
type Action struct {
	Decision, Grant, Review string
	Action, Resource        string
	Amount                  Decimal
	Currency                string
	Effect                  string // read, write, commit, communicate
	Status                  string // planned, executed, refused, failed
	Key                     string // idempotency key
	Reversible              bool
	ObservedBy, Reverses    string
	Reason                  string // why it is refused, or done although the rules would find something
}

// IsEffect reports whether the action was done and changed something: reads do
// not.
func (b *Action) IsEffect() bool { return b.Status == "executed" && b.Effect != "read" }

func (b *Action) fields(c *codec) {
	c.label("action", &b.Action, required)
	c.amount("amount", &b.Amount, optional)
	c.str("currency", &b.Currency, formCurrency, optional)
	c.ref("decision", &b.Decision, optional)
	c.enum("effect", &b.Effect, required, "read", "write", "commit", "communicate")
	c.ref("grant", &b.Grant, optional)
	c.label("key", &b.Key, optional)
	c.id("observed_by", &b.ObservedBy, optional)
	c.text("reason", &b.Reason, optional)
	c.label("resource", &b.Resource, optional)
	c.ref("reverses", &b.Reverses, optional)
	c.bool("reversible", &b.Reversible, optional)
	c.ref("review", &b.Review, optional)
	c.enum("status", &b.Status, required, "planned", "executed", "refused", "failed")
	if !c.holds(b.Amount == "" || b.Currency != "") {
		c.fail("currency", "missing: amount needs it")
	}
}

// A Handoff passes a matter to a human or another party.
type Handoff struct {
	Decision, To, Reason string
	Deadline             Time // 0 is none
	Shown                []string
	Nonce                string
}

func (b *Handoff) fields(c *codec) {
	c.time("deadline", &b.Deadline, optional)
	c.ref("decision", &b.Decision, optional)
	c.str("nonce", &b.Nonce, formNonce, optional)
	c.text("reason", &b.Reason, required)
	c.strings("shown", &b.Shown, formLabel, optional)
	c.id("to", &b.To, required)
}

// A Review is a human's verdict on a decision or action.
type Review struct {
	Of, Verdict, Nonce string // verdict: approve, modify, reject, override, halt
	Opened             Time   // 0 is not stated
	Shown              []string
	Sets               *Proposal
	Reasons            Digest
}

func (b *Review) fields(c *codec) {
	c.str("nonce", &b.Nonce, formNonce, optional)
	c.ref("of", &b.Of, required)
	c.time("opened", &b.Opened, optional)
	c.digest("reasons", &b.Reasons, optional)
	object(c, "sets", &b.Sets, optional, (*Proposal).fields)
	c.strings("shown", &b.Shown, formLabel, optional)
	c.enum("verdict", &b.Verdict, required, "approve", "modify", "reject", "override", "halt")
}
