package record

// A Measurement is a number that both sides may rely on.
type Measurement struct {
	Metric, Method string
	From, Until    Time // half open
	Value          Decimal
	Fields         Facts
	Population     Digest
	Sources        []string
}

func (b *Measurement) fields(c *codec) {
	c.facts("fields", &b.Fields, optional)
	c.time("from", &b.From, required)
	c.label("method", &b.Method, optional)
	c.id("metric", &b.Metric, required)
	c.digest("population", &b.Population, optional)
	c.strings("sources", &b.Sources, formRef, optional)
	c.time("until", &b.Until, required)
	c.decimal("value", &b.Value, optional)
	if !c.holds(b.From <= b.Until) {
		c.fail("until", "got %s, want %s or later, as from is", b.Until, b.From)
	}
	if !c.holds(b.Value != "" || len(b.Fields) > 0) {
		c.fail("value", "missing: a measurement has value or fields")
	}
}

// An Outcome claims that a result named in the terms was reached.
type Outcome struct {
	Result string
	Facts  Facts
	Effect string
}

func (b *Outcome) fields(c *codec) {
	c.ref("effect", &b.Effect, optional)
	c.facts("facts", &b.Facts, optional)
	c.name("result", &b.Result, required)
}

// A Confirm is the other side's verdict.
type Confirm struct {
	Of, Verdict, Reason string // verdict: accept, reject, partial
}

func (b *Confirm) fields(c *codec) {
	c.ref("of", &b.Of, required)
	c.text("reason", &b.Reason, optional)
	c.enum("verdict", &b.Verdict, required, "accept", "reject", "partial")
}

// A Reverse takes a result back, wholly or in part.
type Reverse struct {
	Of       string
	Cause    string  // reopened, reversed, cancelled
	Quantity Decimal // "" is all of it; else how much the result's quantity fact falls
}

func (b *Reverse) fields(c *codec) {
	c.enum("cause", &b.Cause, required, "reopened", "reversed", "cancelled")
	c.ref("of", &b.Of, required)
	c.amount("quantity", &b.Quantity, optional)
	if !c.holds(!b.Quantity.Zero()) {
		c.fail("quantity", "got %s, want more than 0", b.Quantity)
	}
}

// A Dispute contests a record.
type Dispute struct {
	About, Ground string
	Claimed       Facts
	Remedy        string
	Amount        Decimal
}

func (b *Dispute) fields(c *codec) {
	c.ref("about", &b.About, required)
	c.amount("amount", &b.Amount, optional)
	c.facts("claimed", &b.Claimed, optional)
	c.text("ground", &b.Ground, required)
	c.text("remedy", &b.Remedy, optional)
}

// A Resolve ends a dispute, or settles what holds of a record. One by finding
// relies on what the agreed rules find in the records [0, Size), which whoever
// has these computes again: it is no fact of its own.
type Resolve struct {
	Dispute     string // id of the dispute
	Disposition string // upheld, rejected
	About       string // record the resolution speaks of, with Field and Value; by finding, an outcome or its reverse
	Field       string
	Value       string
	As          string   // joint, arbiter, finding
	Findings    []string // rules found, sorted; by finding
	Size        int64    // of the ledger, for which they were found; by finding, else 0
}

// ByFinding is As of a resolve that relies on findings.
const ByFinding = "finding"

func (b *Resolve) fields(c *codec) {
	c.ref("about", &b.About, optional)
	c.enum("as", &b.As, required, "joint", "arbiter", ByFinding)
	c.enum("disposition", &b.Disposition, required, "upheld", "rejected")
	c.ref("dispute", &b.Dispute, optional)
	c.name("field", &b.Field, optional)
	c.sortedStrings("findings", &b.Findings, formLabel, optional)
	c.optionalInt("size", &b.Size, 1)
	c.text("value", &b.Value, optional)
	if !c.holds(b.Dispute != "" || b.About != "") {
		c.fail("dispute", "missing: a resolve has dispute or about")
	}
	if !c.holds(b.Field == "" || b.About != "") {
		c.fail("about", "missing: field needs it")
	}
	if !c.holds(b.Value == "" || b.Field != "") {
		c.fail("field", "missing: value needs it")
	}
	if b.As != ByFinding {
		if !c.holds(len(b.Findings) == 0) {
			c.fail("findings", "are there, but as is %s, want finding", b.As)
		}
		if !c.holds(b.Size == 0) {
			c.fail("size", "is there, but as is %s, want finding", b.As)
		}
		return
	}
	if !c.holds(b.Dispute == "" || b.About == "") {
		c.fail("about", "is there beside dispute, want one of them as finding")
	}
	if !c.holds(b.Field == "") {
		c.fail("field", "is there, want none as finding")
	}
	if !c.holds(len(b.Findings) > 0) {
		c.fail("findings", "missing: as finding needs them")
	}
	if !c.holds(b.Size > 0) {
		c.fail("size", "missing: as finding needs it")
	}
}

// An Adjust changes what is owed by an amount.
type Adjust struct {
	Of       string
	Amount   Decimal
	Currency string
	Reason   string
	Findings []string
}

func (b *Adjust) fields(c *codec) {
	c.decimal("amount", &b.Amount, required)
	c.str("currency", &b.Currency, formCurrency, required)
	c.strings("findings", &b.Findings, formLabel, optional)
	c.ref("of", &b.Of, required)
	c.text("reason", &b.Reason, required)
}
