package record

// An Agreement is one version of the terms that vendor and client signed.
type Agreement struct {
	Version int64
	Prev    Digest // content digest of the previous version, "" at version 1
	Format  string // "raasledger/v1"
	Origin  string
	LogKey  string // note verifier key of the log
	Nonce   string // base64 of at least 16 bytes
	History string // "", or "adopt" or "exclude" when the version before was signed by the vendor alone
	Terms   []byte // canonical JSON object, verbatim
}

// Format is what an Agreement names as its format.
const Format = "raasledger/v1"

// termsDepth is how deep the object terms stands in a record.
const termsDepth = 2

func (b *Agreement) fields(c *codec) {
	c.enum("format", &b.Format, required, Format)
	c.enum("history", &b.History, optional, "adopt", "exclude")
	c.label("log", &b.LogKey, required)
	c.str("nonce", &b.Nonce, formNonce, required)
	c.str("origin", &b.Origin, formOrigin, required)
	c.digest("prev", &b.Prev, optional)
	c.raw("terms", &b.Terms, termsDepth, required)
	c.int("version", &b.Version, 1)
	if !c.holds(b.Version == 1 || b.Prev != "") {
		c.fail("prev", "missing at version %d", b.Version)
	}
	if !c.holds(b.Version > 1 || b.Prev == "") {
		c.fail("prev", "got a digest at version 1, want none")
	}
	if !c.holds(b.Version > 1 || b.History == "") {
		c.fail("history", "got %q at version 1, want none", b.History)
	}
}

// A Key enrols, rotates or revokes the key of a party or one of its actors.
type Key struct {
	Op        string // enrol, rotate, revoke
	Key       string // "ssh-ed25519 AAAA..."
	Holder    string // party or actor
	Party     string
	Effective Time
	Prev      string // fingerprint of the key it replaces
}

func (b *Key) fields(c *codec) {
	c.time("effective", &b.Effective, required)
	c.id("holder", &b.Holder, required)
	c.str("key", &b.Key, formKey, required)
	c.enum("op", &b.Op, required, "enrol", "rotate", "revoke")
	c.id("party", &b.Party, required)
	c.str("prev", &b.Prev, formFingerprint, optional)
	if !c.holds(b.Op == "rotate" || b.Prev == "") {
		c.fail("prev", "got a fingerprint with op %s, want none", b.Op)
	}
	if !c.holds(b.Op != "rotate" || b.Prev != "") {
		c.fail("prev", "missing with op rotate")
	}
	if c.err == nil && c.mode != collect && c.mode != describe {
		if _, err := ParsePublicKey(b.Key); err != nil {
			c.fail("key", "%v", err)
		}
	}
}

// A Grant gives an agent authority.
type Grant struct {
	Grantor, Grantee, Operator string
	Parent                     string
	Actions, Resources         []string
	LimitEach                  Decimal
	LimitPeriod                *PeriodLimit
	Escalate                   []Boundary
	OnTimeout                  string // block, proceed
	From, Until                Time
	Delegable                  int64
	Tier                       string // user, authorised, autonomous
}

func (b *Grant) fields(c *codec) {
	c.strings("actions", &b.Actions, formLabel, required)
	c.int("delegable", &b.Delegable, 0)
	list(c, "escalate", &b.Escalate, optional, (*Boundary).fields)
	c.time("from", &b.From, required)
	c.id("grantee", &b.Grantee, required)
	c.id("grantor", &b.Grantor, required)
	c.amount("limit_each", &b.LimitEach, optional)
	object(c, "limit_period", &b.LimitPeriod, optional, (*PeriodLimit).fields)
	c.enum("on_timeout", &b.OnTimeout, optional, "block", "proceed")
	c.id("operator", &b.Operator, required)
	c.ref("parent", &b.Parent, optional)
	c.strings("resources", &b.Resources, formLabel, required)
	c.enum("tier", &b.Tier, optional, "user", "authorised", "autonomous")
	c.time("until", &b.Until, required)
	if !c.holds(len(b.Escalate) == 0 || b.OnTimeout != "") {
		c.fail("on_timeout", "missing: escalate needs it")
	}
	if !c.holds(b.From < b.Until) {
		c.fail("until", "got %s, want later than from %s", b.Until, b.From)
	}
}

// A PeriodLimit bounds the sum of amounts in any span of Days.
type PeriodLimit struct {
	Amount Decimal
	Days   int64
}

func (b *PeriodLimit) fields(c *codec) {
	c.amount("amount", &b.Amount, required)
	c.int("days", &b.Days, 1)
}

// A Boundary says when an agent must hand off to a human.
type Boundary struct {
	When  string // amount_over, confidence_under, flag, action, check_result
	Value string
}

func (b *Boundary) fields(c *codec) {
	c.label("value", &b.Value, required)
	c.enum("when", &b.When, required, "amount_over", "confidence_under", "flag", "action", "check_result")
	if b.When == "amount_over" || b.When == "confidence_under" {
		if !c.holds(decimalLength(b.Value) == len(b.Value)) {
			c.fail("value", "got %q with %s, want a decimal", clip(b.Value), b.When)
		}
	}
}

// A Revoke ends a grant.
type Revoke struct {
	Grant     string
	Effective Time
	Reason    string
}

func (b *Revoke) fields(c *codec) {
	c.time("effective", &b.Effective, required)
	c.ref("grant", &b.Grant, required)
	c.text("reason", &b.Reason, required)
}

// A Config is what an agent runs on.
type Config struct {
	Agent, Model, Supplier                     string
	Prompt, Tools, Policy, Knowledge, Sampling Digest
}

func (b *Config) fields(c *codec) {
	c.id("agent", &b.Agent, required)
	c.digest("knowledge", &b.Knowledge, optional)
	c.label("model", &b.Model, required)
	c.digest("policy", &b.Policy, optional)
	c.digest("prompt", &b.Prompt, optional)
	c.digest("sampling", &b.Sampling, optional)
	c.id("supplier", &b.Supplier, optional)
	c.digest("tools", &b.Tools, optional)
}
