package responsibility

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// An Answer is what rs-1 finds of one effect at one size of the ledger.
type Answer struct {
	RuleSet   string
	Effect    Ref
	Size      int64 // of the ledger: records [0, Size) were read
	Version   int64 // of the terms in force for the effect
	Agreed    bool  // whether the client signed that version
	Operator  string
	Outward   string // who answers to those outside; the shares are inward
	Findings  []Finding
	Shares    []Share // by party; empty: no fault on the record
	Mitigated record.Decimal
	Currency  string // of Mitigated
	Tests     []Test // all tests made, in their order
}

// A Ref names a record.
type Ref struct {
	N  int64
	ID string
}

// A Finding is a rule that the records trip, against a party.
type Finding struct {
	Rule     Rule
	Party    string
	Status   Status
	Weight   int    // towards the shares; 0 where the finding is not operative
	ButFor   ButFor // of bad_input and superseded_input
	Evidence []Ref  // by n
	Tests    []int  // indexes into Answer.Tests
}

// A Share is a party's part of 10,000.
type Share struct {
	Party string
	BP    int64
}

// A Test is one comparison that a rule made. It is worded so that the result
// yes trips the rule.
type Test struct {
	Rule   Rule
	Of     string // what was looked at
	Left   string
	Op     string
	Right  string
	Result string // yes, no, unknown
}

// String is "rule, of: left op right: result".
func (t Test) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s: %s", t.Rule, t.Of, t.Left)
	if t.Op != "" {
		b.WriteString(" " + t.Op)
	}
	if t.Right != "" {
		b.WriteString(" " + t.Right)
	}
	return b.String() + ": " + t.Result
}

// Open returns the findings that the records neither show nor exclude.
func (a *Answer) Open() []Finding {
	var open []Finding
	for _, f := range a.Findings {
		if f.Status == Undeterminable {
			open = append(open, f)
		}
	}
	return open
}

// Finding returns the finding of a rule against a party with a status, or nil.
func (a *Answer) Finding(rule Rule, party string, status Status) *Finding {
	for i := range a.Findings {
		if f := &a.Findings[i]; f.Rule == rule && f.Party == party && f.Status == status {
			return f
		}
	}
	return nil
}

// Marshal returns the answer as canonical JSON: two who have the same records
// have the same bytes.
func (a *Answer) Marshal() ([]byte, error) {
	findings, tests, shares := make([]any, len(a.Findings)), make([]any, len(a.Tests)), map[string]any{}
	for i, f := range a.Findings {
		evidence, indexes := make([]any, len(f.Evidence)), make([]any, len(f.Tests))
		for j, e := range f.Evidence {
			evidence[j] = map[string]any{"id": e.ID, "n": e.N}
		}
		for j, k := range f.Tests {
			indexes[j] = int64(k)
		}
		m := map[string]any{"rule": string(f.Rule), "party": f.Party, "status": string(f.Status), "weight": int64(f.Weight), "evidence": evidence, "tests": indexes}
		if f.ButFor != "" {
			m["but_for"] = string(f.ButFor)
		}
		findings[i] = m
	}
	for i, t := range a.Tests {
		tests[i] = []any{string(t.Rule), t.Of, t.Left, t.Op, t.Right, t.Result}
	}
	for _, s := range a.Shares {
		shares[s.Party] = s.BP
	}
	return record.Canonical(map[string]any{
		"rule_set": a.RuleSet, "effect": map[string]any{"id": a.Effect.ID, "n": a.Effect.N}, "size": a.Size, "version": a.Version, "agreed": a.Agreed,
		"operator": a.Operator, "outward": a.Outward, "findings": findings, "contribution_bp": shares, "mitigated": string(a.Mitigated),
		"currency": a.Currency, "tests": tests,
	})
}

// Text is the answer for people: the findings, and below each the tests that
// made it.
func (a *Answer) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "effect %s (record %d) at size %d, by %s of version %d", a.Effect.ID, a.Effect.N, a.Size, a.RuleSet, a.Version)
	if !a.Agreed {
		b.WriteString(", not agreed")
	}
	fmt.Fprintf(&b, "\noutward: %s\n", a.Outward)
	for _, f := range a.Findings {
		fmt.Fprintf(&b, "%-14s %-25s %s, weight %d", f.Status, f.Rule, f.Party, f.Weight)
		if f.ButFor != "" {
			fmt.Fprintf(&b, ", but for: %s", f.ButFor)
		}
		b.WriteString(", records")
		for _, e := range f.Evidence {
			fmt.Fprintf(&b, " %s (%d)", e.ID, e.N)
		}
		b.WriteByte('\n')
		for _, i := range f.Tests {
			fmt.Fprintf(&b, "  %s\n", a.Tests[i])
		}
	}
	if len(a.Shares) == 0 {
		b.WriteString("shares: none, no fault on the record\n")
	}
	for _, s := range a.Shares {
		fmt.Fprintf(&b, "share: %s %d of 10000\n", s.Party, s.BP)
	}
	if a.Mitigated != "0" {
		fmt.Fprintf(&b, "mitigated: %s %s\n", a.Mitigated, a.Currency)
	}
	return b.String()
}

// shares splits 10,000 by the weights of the findings that count: for each
// rule and party the greatest, floored, the rest by the largest fraction, then
// by the party's id.
func shares(findings []Finding) []Share {
	type key struct {
		rule  Rule
		party string
	}
	greatest := map[key]int64{}
	for _, f := range findings {
		if f.Status != Undeterminable {
			k := key{f.Rule, f.Party}
			greatest[k] = max(greatest[k], int64(f.Weight))
		}
	}
	weights := map[string]int64{}
	total := int64(0)
	for k, w := range greatest {
		if w > 0 {
			weights[k.party] += w
			total += w
		}
	}
	if total == 0 {
		return nil
	}
	list := make([]Share, 0, len(weights))
	rest := int64(10000)
	for party, w := range weights {
		s := Share{party, 10000 * w / total}
		rest -= s.BP
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Share) int {
		if fa, fb := 10000*weights[a.Party]%total, 10000*weights[b.Party]%total; fa != fb {
			return int(fb - fa)
		}
		return strings.Compare(a.Party, b.Party)
	})
	for i := range list[:rest] {
		list[i].BP++
	}
	slices.SortFunc(list, func(a, b Share) int { return strings.Compare(a.Party, b.Party) })
	return list
}
