// Package terms defines what was agreed: the terms language, its type check,
// its expressions and calendar, and who may write what under it.
package terms

import "github.com/raasledger/raasledger/attribution/record"

// A Duration is a length of time in milliseconds. Its text is 0s, 72h, 15d.
type Duration int64

// Unlimited is the record delay that accepts any age.
const Unlimited Duration = -1

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
	Backfill    string    // accept, refuse
	Results     []Result  // sorted by name
	Measures    []Measure // sorted by name
	Lines       []Line    // in the agreed order
	Adjust      []Adjustment
	Settle      Settle
}

type Party struct {
	ID, Role, Name string
	Keys           []string // "ssh-ed25519 AAAA...", sorted
}

type Rounding struct{ Mode, At string }

type Calendar struct {
	Zone, Period string
	Offsets      []Offset
}

// An Offset is the zone's offset from UTC from an instant on.
type Offset struct {
	From    record.Time
	Minutes int
}

// A Period is one settlement period, half open.
type Period struct {
	Name        string // "2026-03"
	From, Until record.Time
}

type Result struct {
	Name       string
	Facts      []FactType // sorted by name
	Quantity   string     // "" or the decimal fact that partial reversals reduce
	OncePer    string     // case, subject, id, fact:NAME
	Where      *Expr      // nil is always true
	Claim      []string   // parties
	Evidence   []string   // attachment names
	Accept     Accept
	Dispute    *Dispute // nil is none
	Reopen     *Reopen  // nil is none
	Escalation string   // void, ignore
	Lock       Duration
	BilledAt   string // occurred, accepted, locked, recorded
	FinalAfter Duration
}

type FactType struct{ Name, Type string } // bool, decimal, text, time

type Accept struct {
	On    string // claim, client, silence
	After Duration
	From  string // claim, receipt
}

type Dispute struct {
	Within Duration
	After  Duration // of an unresolved dispute; unused when Then is arbiter
	Then   string   // accept, void, arbiter
}

type Reopen struct {
	Within Duration
	From   string // occurred, accepted, locked
}

type Measure struct {
	Name   string
	Op     string // count, sum
	Result string
	Fact   string // sum
	Where  *Expr
}

type Line struct {
	Name, Of, Mode string // mode: graduated, volume, each
	Tiers          []Tier
	Zero           string // "", due, not_due
	Adjust         []Adjustment
}

type Tier struct {
	UpTo    record.Decimal // "" in the last
	Unit    record.Decimal
	Rate    record.Decimal
	Flat    record.Decimal
	Package *Package
}

type Package struct {
	Size, Price record.Decimal
	Round       string // up, down
}

type Adjustment struct {
	Op     string // at_least, at_most
	Amount record.Decimal
}

type Settle struct {
	CloseAfter  Duration
	Late        string // current, correction, refuse
	Negative    string // carry, credit, forfeit
	Corrections string // after_minimum
}

// A Mistake is one thing wrong with (or, as a warning, worth knowing about) a
// document of terms.
type Mistake struct {
	Path    string // "results.resolved.where"
	Reason  string
	Warning bool
}

// Parse reads the canonical JSON of terms and type-checks them whole. With a
// mistake that is not a warning the Terms are nil; all mistakes are returned.
func Parse(json []byte) (*Terms, []Mistake) { panic("todo") }

// Draft is Parse for text that people write: any JSON (any key order and
// spacing, already converted from YAML), with calendar.offsets filled in by
// the caller or absent (offsets is then asked for the zone's offsets in a span). It returns the canonical JSON to sign.
func Draft(json []byte, offsets func(zone string, from, until record.Time) ([]Offset, error)) (canonical []byte, mistakes []Mistake) {
	panic("todo")
}

// Marshal returns the canonical JSON of t; Parse accepts exactly that.
func (t *Terms) Marshal() []byte { panic("todo") }

// Digest is the SHA-256 of the canonical JSON.
func (t *Terms) Digest() record.Digest { panic("todo") }

func (t *Terms) Result(name string) *Result   { panic("todo") }
func (t *Terms) Measure(name string) *Measure { panic("todo") }
func (t *Terms) Party(id string) *Party       { panic("todo") }

// Operator is the party with the role vendor; Client the one with role client.
func (t *Terms) Operator() *Party { panic("todo") }
func (t *Terms) Client() *Party   { panic("todo") }

// Instant is the instant of r under the clock rule; r.Log is set.
func (t *Terms) Instant(r *record.Record) record.Time { panic("todo") }

// PeriodAt is the calendar period that holds t, cut to the effective span. ok is false outside it.
func (t *Terms) PeriodAt(at record.Time) (p Period, ok bool) { panic("todo") }

// After is the period that follows p; ok is false past the effective span.
func (t *Terms) After(p Period) (next Period, ok bool) { panic("todo") }

// Closing is the closing instant of p.
func (t *Terms) Closing(p Period) record.Time { return p.Until + record.Time(t.Settle.CloseAfter) }

// JSONSchema returns the JSON Schema of the terms' document, for editors.
func JSONSchema() []byte { panic("todo") }
