package verify

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// Asking is what a case bundle of a chain must show.
type Asking struct {
	Chains []string // sorted

	// Since is from when on the chains of grants are shown, of a case: a limit
	// looks no farther back. They begin with a record of then or before, or
	// with their first. 0 is that they are shown whole.
	Since record.Time
}

// Asked returns what a case bundle of a chain shows: all that must be complete
// so that what is said of it is. own are the records of the chain and standing
// those of the standing chain; find returns an earlier record by its id, nil
// where it is not at hand.
//
//   - of a case: the chain of each grant that its actions and decisions name,
//     of the grants above that, and of all below one of these, as far as a
//     limit of a period reaches; the chain of each idempotency key that its
//     effects have; the chain of each metric of which it names a
//     measurement without a case;
//   - of a config or an input: the case of each decision that names it;
//   - of a grant: the grants below it;
//   - and the chain itself and the standing chain, always.
func Asked(of string, own, standing []*record.Record, find func(id string) *record.Record) Asking {
	names := []string{of, record.ChainStanding}
	a := Asking{}
	g := NewGrants()
	for _, r := range standing {
		g.Add(r)
	}
	switch what, id := record.SplitChain(of); what {
	case "case":
		// Whether a key was used before is asked of all cases.
		for _, r := range own {
			if b, ok := r.Body.(*record.Action); ok && b.Key != "" && b.IsEffect() {
				names = append(names, record.ChainOfKey(b.Key))
			}
		}
		var named []string
		first := record.MaxTime
		for _, r := range own {
			if grant := grantOf(r); grant != "" {
				named = append(named, grant)
				first = min(first, r.At)
			}
			for _, ref := range record.References(r) {
				if to := find(ref.ID); to != nil && to.Case == "" {
					if b, ok := to.Body.(*record.Measurement); ok {
						names = append(names, record.ChainOfMetric(b.Metric))
					}
				}
			}
		}
		limited := g.Limited(named...)
		for _, grant := range g.Below(limited...) {
			names = append(names, record.ChainOfGrant(grant))
		}
		a.Since = first - g.LookBack(limited...)
	case "config", "input":
		for _, r := range own {
			if r.Case != "" {
				names = append(names, record.ChainOfCase(r.Case))
			}
		}
	case "grant":
		for _, below := range g.Below(id) {
			names = append(names, record.ChainOfGrant(below))
		}
	}
	slices.Sort(names)
	a.Chains = slices.Compact(names)
	return a
}

// grantOf is the grant that a decision or an action relies on, "" if none.
func grantOf(r *record.Record) string {
	switch b := r.Body.(type) {
	case *record.Decision:
		return b.Grant
	case *record.Action:
		return b.Grant
	}
	return ""
}

// Beside is the id of the record that a case bundle of a case carries for r,
// an action of another case in the chain of a grant: the review that it names,
// since what was ordered by a person does not use up a limit. "" is none.
func Beside(of string, r *record.Record) string {
	b, ok := r.Body.(*record.Action)
	if what, id := record.SplitChain(of); !ok || what != "case" || r.Case == id {
		return ""
	}
	return b.Review
}

// Grants are those of the standing records, by id, and which are taken from
// which.
type Grants struct {
	byID  map[string]*record.Grant
	taken map[string][]string
}

// NewGrants returns Grants without any.
func NewGrants() *Grants {
	return &Grants{map[string]*record.Grant{}, map[string][]string{}}
}

// Add takes a standing record; one that is no grant changes nothing.
func (g *Grants) Add(r *record.Record) {
	if b, ok := r.Body.(*record.Grant); ok {
		g.byID[r.ID] = b
		if b.Parent != "" {
			g.taken[b.Parent] = append(g.taken[b.Parent], r.ID)
		}
	}
}

// Below are the grants, those that were taken from them, those from these, and
// so on, each once.
func (g *Grants) Below(ids ...string) []string {
	all, seen := []string(nil), map[string]bool{}
	for todo := ids; len(todo) > 0; {
		id := todo[0]
		if todo = todo[1:]; !seen[id] {
			seen[id] = true
			all = append(all, id)
			todo = append(todo, g.taken[id]...)
		}
	}
	return all
}

// Limited are those of the grants named, and of the grants above them, that
// have a limit of a period.
func (g *Grants) Limited(named ...string) []string {
	var limited []string
	seen := map[string]bool{}
	for _, id := range named {
		for b := g.byID[id]; b != nil && !seen[id]; id, b = b.Parent, g.byID[b.Parent] {
			seen[id] = true
			if b.LimitPeriod != nil {
				limited = append(limited, id)
			}
		}
	}
	return limited
}

// LookBack is how far before an action a record may have been taken into the
// ledger that counts against a limit together with it: the longest span, and
// the most that a record may be dated ahead of the ledger.
func (g *Grants) LookBack(limited ...string) record.Time {
	days := int64(0)
	for _, id := range limited {
		days = max(days, min(g.byID[id].LimitPeriod.Days, maxLookBackDays))
	}
	return record.Time(days)*24*60*60*1000 + mostSkew
}

// maxLookBackDays is longer than all the time that there is.
const maxLookBackDays = 10_000 * 366
