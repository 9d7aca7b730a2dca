package record

// A Statement is the settlement of one period over the records [0, n) before
// it. Amounts are in Currency at the terms' scale, as text like "69.30".
type Statement struct {
	Period      string   // "2026-03", "2026-W10", "2026-03-01", "2026-Q1", "2026"
	From, Until Time     // half open
	Closing     Time     // Until + close_after, computed from the terms
	Terms       []Digest // digest of the terms of each version that governs something in it, by version
	Agreed      bool     // false while a governing version is signed by the vendor alone
	Currency    string
	Lines       []Line
	Reads       []Reading    // of the statement adjustments
	Adjust      []Adjustment // statement adjustments, in their order
	Subtotal    Decimal      // after lines and statement adjustments
	Corrections []Correction
	CarriedIn   Decimal    // balance of earlier statements, at most 0
	Total       Decimal    // what is owed: at least 0 unless the terms give a credit note
	Prepaid     []Drawdown // of money paid before, in the order in which it is drawn
	Due         Decimal    // what of Total is still to be paid, "" where nothing can be prepaid
	CarriedOut  Decimal    // at most 0
	Grades      []Grade    // parts of Subtotal, adding up to it
	Counts      []Count    // by reason, sorted
	Detail      Digest
	State       Digest
}

// A Line is what one line of the terms comes to.
type Line struct {
	Version  int64 // of the terms
	Name     string
	Quantity Decimal // "" where a measure has no value
	Before   Decimal // of a line over the term: the quantity at the statement before, else ""
	Held     bool    // a measure that it reads has no value: nothing is billed on it now
	Reads    []Reading
	Tiers    []TierUse
	Adjust   []Adjustment
	Amount   Decimal
	Records  int64 // how many results, measurements and actions are behind it
	First    int64 // index of the first record behind it, -1 if none
	Last     int64 // index of the last, -1 if none
}

// A TierUse shows what one tier contributed. Amount is exact where it has at
// most 18 decimals, else rounded half even to 18 for display only.
type TierUse struct {
	Tier     int64 // from 0
	Quantity Decimal
	Amount   Decimal
}

// An Adjustment is what the terms do to an amount, with the amount before and
// after it. Those named convert and include are done to the quantity.
type Adjustment struct {
	Op            string // convert, include, times, factor, percent_off, at_least, at_most, prorate
	Before, After Decimal
}

// A Reading is the value of a measure or a formula that a line or an
// adjustment reads. Value is exact where it has at most 18 decimals, else
// rounded half even to 18 for display only; "" where there is none.
type Reading struct {
	Name  string
	Value Decimal
}

// A Drawdown is what a statement draws from money paid before.
type Drawdown struct {
	Name                string
	Before, Used, After Decimal
}

// A Correction changes a line of an earlier period.
type Correction struct {
	Period         string
	Version        int64
	Line           string
	QuantityBefore Decimal
	Quantity       Decimal
	Amount         Decimal
}

// A Grade is the part of the subtotal whose facts can be believed so far.
type Grade struct {
	Grade  string // both, client, third, sampled, vendor, backfilled
	Amount Decimal
}

// Words says on whose word the amount rests, for people.
func (g Grade) Words() string {
	switch g.Grade {
	case "both":
		return "both sides'"
	case "client":
		return "the client's"
	case "third":
		return "a third party's"
	case "sampled":
		return "a sample's"
	case "vendor":
		return "the vendor's alone"
	case "backfilled":
		return "the vendor's alone, of history"
	}
	return g.Grade
}

// A Count is how many results have a reason code.
type Count struct {
	Reason string
	N      int64
}

func (b *Statement) fields(c *codec) {
	list(c, "adjust", &b.Adjust, optional, (*Adjustment).fields)
	c.bool("agreed", &b.Agreed, required)
	c.decimal("carried_in", &b.CarriedIn, required)
	c.decimal("carried_out", &b.CarriedOut, required)
	c.time("closing", &b.Closing, required)
	list(c, "corrections", &b.Corrections, optional, (*Correction).fields)
	list(c, "counts", &b.Counts, optional, (*Count).fields)
	c.str("currency", &b.Currency, formCurrency, required)
	c.digest("detail", &b.Detail, required)
	c.decimal("due", &b.Due, optional)
	c.time("from", &b.From, required)
	list(c, "grades", &b.Grades, optional, (*Grade).fields)
	list(c, "lines", &b.Lines, optional, (*Line).fields)
	c.str("period", &b.Period, formPeriod, required)
	list(c, "prepaid", &b.Prepaid, optional, (*Drawdown).fields)
	list(c, "reads", &b.Reads, optional, (*Reading).fields)
	c.digest("state", &b.State, required)
	c.decimal("subtotal", &b.Subtotal, required)
	c.digests("terms", &b.Terms, required)
	c.decimal("total", &b.Total, required)
	c.time("until", &b.Until, required)
	if !c.holds(b.From < b.Until) {
		c.fail("until", "got %s, want later than from %s", b.Until, b.From)
	}
	if !c.holds(b.Until <= b.Closing) {
		c.fail("closing", "got %s, want %s or later, as until is", b.Closing, b.Until)
	}
	for i := 1; i < len(b.Counts); i++ {
		before, after := b.Counts[i-1].Reason, b.Counts[i].Reason
		if !c.holds(before < after) {
			c.fail("counts", "%q stands after %q, want them sorted", after, before)
		}
	}
}

func (b *Line) fields(c *codec) {
	list(c, "adjust", &b.Adjust, optional, (*Adjustment).fields)
	c.decimal("amount", &b.Amount, required)
	c.decimal("before", &b.Before, optional)
	c.int("first", &b.First, -1)
	c.bool("held", &b.Held, optional)
	c.int("last", &b.Last, -1)
	c.name("name", &b.Name, required)
	c.decimal("quantity", &b.Quantity, optional)
	list(c, "reads", &b.Reads, optional, (*Reading).fields)
	c.int("records", &b.Records, 0)
	list(c, "tiers", &b.Tiers, optional, (*TierUse).fields)
	c.int("version", &b.Version, 1)
}

func (b *TierUse) fields(c *codec) {
	c.decimal("amount", &b.Amount, required)
	c.decimal("quantity", &b.Quantity, required)
	c.int("tier", &b.Tier, 0)
}

func (b *Adjustment) fields(c *codec) {
	c.decimal("after", &b.After, required)
	c.decimal("before", &b.Before, required)
	c.enum("op", &b.Op, required, "at_least", "at_most", "convert", "factor", "include", "percent_off", "prorate", "times")
}

func (b *Reading) fields(c *codec) {
	c.name("name", &b.Name, required)
	c.decimal("value", &b.Value, optional)
}

func (b *Drawdown) fields(c *codec) {
	c.decimal("after", &b.After, required)
	c.decimal("before", &b.Before, required)
	c.name("name", &b.Name, required)
	c.decimal("used", &b.Used, required)
}

func (b *Correction) fields(c *codec) {
	c.decimal("amount", &b.Amount, required)
	c.name("line", &b.Line, required)
	c.str("period", &b.Period, formPeriod, required)
	c.decimal("quantity", &b.Quantity, optional)
	c.decimal("quantity_before", &b.QuantityBefore, optional)
	c.int("version", &b.Version, 1)
}

func (b *Grade) fields(c *codec) {
	c.decimal("amount", &b.Amount, required)
	c.enum("grade", &b.Grade, required, "both", "client", "third", "sampled", "vendor", "backfilled")
}

func (b *Count) fields(c *codec) {
	c.int("n", &b.N, 0)
	c.name("reason", &b.Reason, required)
}
