// Package terms defines what was agreed: the terms language, its type check,
// its expressions and calendar, and who may write what under it.
//
// Terms are an object of canonical JSON inside an agreement record. People
// write them as YAML; [Draft] turns that into the canonical form that both
// parties sign, and [Parse] accepts exactly what [Terms.Marshal] writes.
// docs/terms.md describes every field, by example first.
package terms

import (
	"sort"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// Bounds of the language, all in one place.
const (
	// MaxBytes is the longest canonical document. It leaves the rest of a
	// record to the envelope and signatures of an agreement.
	MaxBytes = 60 << 10
	// MaxDraftBytes is the longest text that Draft takes.
	MaxDraftBytes = 1 << 20
	// MaxDuration is the longest duration: a hundred years.
	MaxDuration = 36525 * day
	// MaxTerm is the longest effective span: twenty years.
	MaxTerm = 7305 * day
	// MaxSkew is how far ahead of the ledger's clock terms may let records be.
	MaxSkew = 24 * hour
	// MaxScale is the most decimals of a currency.
	MaxScale = 6
	// MaxValueDigits and MaxValueDecimals are the most digits before and after
	// the point of a number of a record that a measure takes: so the sum over any
	// number of records can be written in a statement.
	MaxValueDigits   = 19
	MaxValueDecimals = 12
	// MaxOffsetMinutes is how far a zone may be from UTC.
	MaxOffsetMinutes = 18 * 60
	// MaxExprBytes and MaxExprDepth bound an expression; MaxExprDigits bounds
	// the digits of any number it can meet on the way, MaxExprWork the digits
	// of all of them together. One evaluation then takes less than 1 ms, or with
	// powers a few.
	MaxExprBytes  = 4 << 10
	MaxExprDepth  = 32
	MaxExprDigits = 2048
	MaxExprWork   = 32 << 10

	// MaxFormulaDepth is how many formulas can stand inside each other; the
	// bounds of an expression hold for the whole of them.
	MaxFormulaDepth = 32

	maxTitleBytes = 256
	maxNameBytes  = 64
	maxIDBytes    = 128
	maxZoneBytes  = 64
	maxParties    = 64
	maxKeys       = 64
	maxResults    = 256
	maxFacts      = 64
	maxEvidence   = 16
	maxMetrics    = 256
	maxMeasures   = 256
	maxConstants  = 256
	maxFormulas   = 256
	maxLines      = 256
	maxTiers      = 64
	maxAdjust     = 16
	maxSteps      = 32
	maxGroups     = 8 // of touches: a table of coalitions has a row for each choice of them
	maxPrepaid    = 16
	maxOffsets    = 128

	// lastUntil is 9000-01-01T00:00:00.000Z. Whatever the terms add to an
	// instant of theirs then still has a text.
	lastUntil record.Time = 221845392000000
)

// Terms are what the parties agreed. Parse makes them; they are not changed
// afterwards.
type Terms struct {
	Title       string
	Parties     []Party // sorted by id
	Currency    string
	Scale       int
	Rounding    Rounding
	Calendar    Calendar
	From, Until record.Time // effective, half open
	RecordDelay Duration
	Skew        Duration
	Backfill    string     // accept, refuse
	Results     []Result   // sorted by name
	Metrics     []Metric   // sorted by name
	Measures    []Measure  // sorted by name
	Constants   []Constant // sorted by name
	Formulas    []Formula  // sorted by name
	Lines       []Line     // in the agreed order
	Adjust      []Adjustment
	Settle      Settle

	Responsibility *Responsibility // nil is that the terms name no rule set
}

// A Party is one of those who agreed, or whom they named.
type Party struct {
	ID, Role, Name string
	Keys           []string // "ssh-ed25519 AAAA...", sorted
}

// Rounding names the mode and the place of the one rounding.
type Rounding struct{ Mode, At string } // at: event, tier, line, statement

// A Calendar cuts the effective span into settlement periods. DayCount says
// how a part of a period is measured where something is prorated, else it is "".
type Calendar struct {
	Zone, Period string
	DayCount     string // actual, fixed_30, seconds
	Offsets      []Offset
}

// An Offset is the zone's offset from UTC from an instant on.
type Offset struct {
	From    record.Time
	Minutes int
}

// A Result defines what is paid for: how it is claimed, accepted, disputed,
// reopened and locked.
type Result struct {
	Name       string
	Facts      []FactType // sorted by name
	Quantity   string     // "" or the decimal fact that partial reversals reduce
	OncePer    string     // case, subject, id, fact:NAME
	Where      *Expr      // nil is always true
	Claim      []string   // parties, sorted
	Evidence   []string   // attachment names, sorted
	Delivered  []string   // those of them that must be delivered to the client, sorted
	Accept     Accept
	Dispute    *Dispute // nil is none
	Reopen     *Reopen  // nil is none
	Effect     *Effect  // nil is that a claim names no action
	Escalation string   // void, ignore
	Lock       Lock
	BilledAt   string // occurred, accepted, locked, recorded
	FinalAfter Duration
}

// A FactType declares one fact of a result.
type FactType struct {
	Name, Type string // type: bool, decimal, text, time

	// summed is set where a measure adds the fact up. Its values are then at
	// least 0, so that no quantity falls below 0.
	summed bool
}

// Accept says when a claim is accepted.
type Accept struct {
	On    string // claim, client, silence, third
	After Duration
	From  string // claim, receipt
	By    string // the third party whose word accepts, with third
}

// A Dispute says how long a claim can be contested, and what becomes of a
// dispute that nobody resolves.
type Dispute struct {
	Within Duration
	After  Duration // of an unresolved dispute; unused when Then is arbiter
	Then   string   // accept, void, arbiter
}

// A Reopen is the guarantee that a result which does not last is given back.
type Reopen struct {
	Within Duration
	From   string // occurred, accepted, locked
}

// A Metric is a number that is measured: who delivers it, what stands beside
// its value, and how long a measurement can be restated.
type Metric struct {
	Name       string
	By         []string   // parties whose measurements count, sorted
	Facts      []FactType // fields beside value, sorted by name
	FinalAfter Duration
}

// A Measure is a number per period, or over the term: of billed results, of
// measurements, of executed actions, or of results that findings voided.
type Measure struct {
	Name   string
	Op     string // count, sum, min, max, last, mean, distinct
	Source string // result, metric, action, finding
	Of     string // name of the result, the metric or the action
	Fact   string // all but count; value or a field of a metric, amount of an action
	Where  *Expr
	Over   string // period, term
	// Missing says what stands in for a period without a measurement; it is
	// there if and only if the source is a metric.
	Missing *Missing
	Credit  *Credit // nil counts all of a result
}

// A Missing stands in for a measure that nobody delivered.
type Missing struct {
	Then    string         // last, value, other, hold
	Value   record.Decimal // value
	Measure string         // other
}

// A Credit is the share of a result that goes to those who touched its case
// before. Touches are claims of the result Of in the same case.
type Credit struct {
	Model    string         // first, last, linear, position, decay, fixed, shapley
	Of       string         // result whose claims are touches; "" with fixed
	By       string         // what groups touches: author, or a text fact of them
	To       []string       // groups whose shares count, sorted
	Within   Duration       // how long before the result a touch counts
	Skip     []string       // groups passed over by first and last while there is another, sorted
	First    record.Decimal // percent of position
	Last     record.Decimal // percent of position; the rest goes to those between
	HalfLife Duration       // of decay
	Shares   []Share        // percent by group, of fixed; values by coalition "a+b", of shapley; sorted
	Decimals int            // a share is a whole number of 10^-Decimals
}

// A Share is the number of one group, or of one coalition of groups.
type Share struct {
	Of    string
	Value record.Decimal
}

// A Constant is an agreed number that formulas read.
type Constant struct {
	Name  string
	Value record.Decimal
}

// A Formula computes a number from measures, constants and other formulas.
type Formula struct {
	Name string
	Is   *Expr

	reads []string // measures, also by way of other formulas, sorted
}

// A Line prices a measure or a formula, or is a flat amount.
type Line struct {
	Name      string
	Of        string         // measure or formula, "" of a flat line
	Flat      record.Decimal // of a flat line, else ""
	Mode      string         // graduated, volume, each; "" of a flat line
	Convert   *Convert
	Tiers     []Tier
	Zero      string      // "", due, not_due
	BelowZero string      // "", zero, negative, hold: where the quantity can be below 0
	Each      *Each       // bounds and allowance of each result, in mode each
	DueAt     record.Time // 0, or the line is due only from the period that holds it on, once
	Adjust    []Adjustment
}

// Convert changes the unit of a quantity before anything is taken off it.
type Convert struct {
	Multiply, Divide record.Decimal // one of them
	Round            string         // half_up, half_even, down, up
	Decimals         int
}

// A Tier is one row of a price table.
type Tier struct {
	UpTo    record.Decimal // "" in the last
	Unit    record.Decimal
	Rate    record.Decimal
	Flat    record.Decimal
	Package *Package
}

// A Package prices full or begun lots.
type Package struct {
	Size, Price record.Decimal
	Round       string // up, down
}

// Each bounds the price of each result, and says what is free.
type Each struct {
	AtLeast, AtMost record.Decimal // "" is no bound
	Free            *Free
}

// Free are the first results of a period, or the first of their quantity, in
// ledger order.
type Free struct {
	Events int64          // 0 is none
	Amount record.Decimal // "" is none
	Ends   string         // together, independent; "" where only one of them is given
}

// An Adjustment changes a quantity (include) or an amount.
type Adjustment struct {
	Op string // include, times, factor, percent_off, at_least, at_most, prorate

	Amount  record.Decimal // of include, percent_off, at_least, at_most
	Partial string         // of at_least and at_most: "", full, prorated in a period that the term cuts
	Unused  string         // of include: lost, rolls
	RollsTo record.Decimal // of include that rolls: the most that is included, "" without bound

	By        string         // of times and factor: the measure or formula
	Steps     []Step         // of factor, rising
	Below     record.Decimal // of factor: below the first step
	Undefined string         // of times and factor: hold, or the decimal that stands in
}

// A Step of a factor holds from a value on.
type Step struct{ From, Times record.Decimal }

// Settle says how periods are closed.
type Settle struct {
	CloseAfter  Duration
	Late        string    // current, correction, refuse
	Negative    string    // carry, credit, forfeit
	Corrections string    // after_minimum, before_minimum
	Prepaid     []Prepaid // in the order in which they are drawn
}

// A Prepaid is money paid before, from which statements are drawn down.
type Prepaid struct {
	Name        string
	Amount      record.Decimal
	Every       string         // once, period
	From, Until record.Time    // half open, by the beginning of a period
	Unused      string         // lost, rolls; "" where it is paid once
	AtMost      record.Decimal // of one that rolls: the most it holds, "" without bound
}

// A Mistake is one thing wrong with (or, as a warning, worth knowing about) a
// document of terms.
type Mistake struct {
	Path    string // "results.resolved.where", "lines[0].tiers[1].up_to"
	Reason  string
	Warning bool
}

// String returns "path: reason".
func (m Mistake) String() string {
	s := m.Reason
	if m.Path != "" {
		s = m.Path + ": " + s
	}
	if m.Warning {
		s = "warning: " + s
	}
	return s
}

// Digest is the SHA-256 of the canonical JSON.
func (t *Terms) Digest() record.Digest { return record.Sum(t.Marshal()) }

// Result returns the result of that name, or nil.
func (t *Terms) Result(name string) *Result {
	i := sort.Search(len(t.Results), func(i int) bool { return t.Results[i].Name >= name })
	if i < len(t.Results) && t.Results[i].Name == name {
		return &t.Results[i]
	}
	return nil
}

// Measure returns the measure of that name, or nil.
func (t *Terms) Measure(name string) *Measure {
	i := sort.Search(len(t.Measures), func(i int) bool { return t.Measures[i].Name >= name })
	if i < len(t.Measures) && t.Measures[i].Name == name {
		return &t.Measures[i]
	}
	return nil
}

// Formula returns the formula of that name, or nil.
func (t *Terms) Formula(name string) *Formula {
	i := sort.Search(len(t.Formulas), func(i int) bool { return t.Formulas[i].Name >= name })
	if i < len(t.Formulas) && t.Formulas[i].Name == name {
		return &t.Formulas[i]
	}
	return nil
}

// Constant returns the constant of that name, or nil.
func (t *Terms) Constant(name string) *Constant {
	i := sort.Search(len(t.Constants), func(i int) bool { return t.Constants[i].Name >= name })
	if i < len(t.Constants) && t.Constants[i].Name == name {
		return &t.Constants[i]
	}
	return nil
}

// Metric returns the metric of that name, or nil.
func (t *Terms) Metric(name string) *Metric {
	i := sort.Search(len(t.Metrics), func(i int) bool { return t.Metrics[i].Name >= name })
	if i < len(t.Metrics) && t.Metrics[i].Name == name {
		return &t.Metrics[i]
	}
	return nil
}

// Party returns the party of that id, or nil.
func (t *Terms) Party(id string) *Party {
	for i := range t.Parties {
		if t.Parties[i].ID == id {
			return &t.Parties[i]
		}
	}
	return nil
}

// Operator is the party with the role vendor.
func (t *Terms) Operator() *Party { return t.withRole(record.RoleVendor) }

// Client is the party with the role client.
func (t *Terms) Client() *Party { return t.withRole(record.RoleClient) }

func (t *Terms) withRole(role string) *Party {
	for i := range t.Parties {
		if t.Parties[i].Role == role {
			return &t.Parties[i]
		}
	}
	return nil
}

// Fact returns the fact of that name, or nil.
func (r *Result) Fact(name string) *FactType {
	for i := range r.Facts {
		if r.Facts[i].Name == name {
			return &r.Facts[i]
		}
	}
	return nil
}

// Key returns what makes a claim of the result the only one: its case,
// subject, id or fact. ok is false where the record does not have it.
func (r *Result) Key(claim *record.Record) (key string, ok bool) {
	switch r.OncePer {
	case "case":
		key = claim.Case
	case "subject":
		key = claim.Subject
	case "id":
		key = claim.ID
	default:
		outcome, isOutcome := claim.Body.(*record.Outcome)
		if !isOutcome {
			return "", false
		}
		v, _ := outcome.Facts.Get(strings.TrimPrefix(r.OncePer, oncePerFact))
		key = v.Text
	}
	return key, key != ""
}

const oncePerFact = "fact:"

// Instant is the instant of r under the clock rule; r.Log is set. It is when
// the author says it happened, if that reached the ledger within the record
// delay or is marked as history; else when it reached the ledger.
func (t *Terms) Instant(r *record.Record) record.Time {
	if r.Backfilled || t.RecordDelay == Unlimited || r.Log.Time-r.At <= record.Time(t.RecordDelay) {
		return r.At
	}
	return r.Log.Time
}
