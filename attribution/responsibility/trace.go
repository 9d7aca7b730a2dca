package responsibility

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// ErrNoRules is that the terms in force for an effect name no rule set.
var ErrNoRules = errors.New("the terms in force name no rule set")

// Trace returns what rs-1 finds of an effect over the records [0, size). It is
// a pure function of these, and of the sealed values that were disclosed:
// records behind size, and those of other matters, change nothing. An error says that there is no such effect, or no rule set.
func Trace(f *Facts, effect string, size int64) (*Answer, error) {
	x := f.before(size, effect)
	if x == nil {
		return nil, fmt.Errorf("effect %s: no such record among the first %d", effect, size)
	}
	b, ok := x.Body.(*record.Action)
	switch {
	case !ok:
		return nil, fmt.Errorf("effect %s: record %d is a %s, want an action", effect, x.Log.N, x.Kind)
	case !b.IsEffect():
		return nil, fmt.Errorf("effect %s: record %d is %s with effect %s, want an executed action that changed something", effect, x.Log.N, b.Status, b.Effect)
	}
	return trace(f, x, b, size)
}

// Precheck returns what rs-1 would find of an action if it were executed and
// recorded next, at the time now: the same rules, run before the effect.
// The action's own log and status are not looked at, and neither it nor f is
// changed.
func Precheck(f *Facts, action *record.Record, now record.Time) (*Answer, error) {
	b, ok := action.Body.(*record.Action)
	switch {
	case !ok:
		return nil, fmt.Errorf("effect %s: got a %s, want an action", action.ID, action.Kind)
	case b.Effect == "read":
		return nil, fmt.Errorf("effect %s: got effect read, want one that changes something", action.ID)
	case f.find(action.ID) != nil:
		return nil, fmt.Errorf("effect %s: record %d has the same id", action.ID, f.find(action.ID).Log.N)
	}
	x, body := *action, *b
	body.Status = "executed"
	x.Body = &body
	x.Log = &record.Log{N: f.Size(), Time: now}
	return trace(f, &x, &body, x.Log.N+1)
}

// A run is one computation of an answer.
type run struct {
	f      *Facts
	size   int64
	x      *record.Record
	action *record.Action
	at     record.Time // instant of x
	terms  *version
	agreed *terms.Responsibility

	d        *record.Record // nil where none stands before x
	decision *record.Decision
	inputs   []*record.Record // of d, before it
	reviews  []*record.Record // of d and x
	handoffs []*record.Record // of d
	override *record.Record   // that x cites and that carries it
	counting []*record.Record // approvals of d
	grants   []link           // from the one that x cites up
	chain    []link           // these, or none where they give no authority

	held map[string][]*record.Record // disputes that hold evidence of a record, with what resolves them, as far as asked for

	tests    []Test
	findings []Finding
}

func trace(f *Facts, x *record.Record, b *record.Action, size int64) (*Answer, error) {
	v := f.inForce(x)
	if v == nil || v.terms.Responsibility == nil {
		return nil, fmt.Errorf("effect %s: %w", x.ID, ErrNoRules)
	}
	u := &run{f: f, size: size, x: x, action: b, at: f.instant(x), terms: v, agreed: v.terms.Responsibility, held: map[string][]*record.Record{}}
	u.gather()
	if u.override != nil {
		u.overrideTaken()
	} else {
		u.authority()
		u.escalation()
		u.checks()
		u.claims()
		u.corrections()
		u.dutyOmitted()
		u.modelMismatch()
		u.overDelegation()
	}
	u.duplicate()
	u.oversight()
	u.reviewing()
	u.unexplained()
	u.proof()
	return u.answer(), nil
}

// gather finds the records of the closure.
func (u *run) gather() {
	f := u.f
	if d := f.before(u.x.Log.N, u.action.Decision); d != nil {
		if b, ok := d.Body.(*record.Decision); ok {
			u.d, u.decision = d, b
		}
	}
	if u.d != nil {
		for _, id := range u.decision.Inputs {
			if r := f.before(u.d.Log.N, id); r != nil && isSource(r) {
				u.inputs = append(u.inputs, r)
			}
		}
		for _, r := range f.of(u.d.ID, u.size) {
			switch r.Body.(type) {
			case *record.Review:
				u.reviews = append(u.reviews, r)
			case *record.Handoff:
				u.handoffs = append(u.handoffs, r)
			}
		}
	}
	for _, r := range f.of(u.x.ID, u.size) {
		if _, ok := r.Body.(*record.Review); ok {
			u.reviews = append(u.reviews, r)
		}
	}
	u.override = f.override(u.x, u.action)
	u.grants = f.ancestors(u.action.Grant, u.x.Log.N)
	u.chain = u.grants
	for _, r := range u.approvals() {
		if u.counts(r) {
			u.counting = append(u.counting, r)
		}
	}
}

// about returns the records before size that speak of the record with that id,
// but for those of other matters: what these dispute of a record that is
// nobody's matter is theirs alone; and but for disputes and resolves that are
// void, which dispute and end nothing.
func (u *run) about(id string, size int64) []*record.Record {
	return slices.DeleteFunc(u.f.of(id, size), func(r *record.Record) bool { return r.Case != "" && r.Case != u.x.Case || u.f.empty(r) })
}

// empty reports whether r is a dispute or a resolve that is void.
func (f *Facts) empty(r *record.Record) bool {
	return (r.Kind == record.KindDispute || r.Kind == record.KindResolve) && f.void(r)
}

// isSource reports whether decisions can rest on r.
func isSource(r *record.Record) bool {
	switch r.Body.(type) {
	case *record.Input, *record.Measurement:
		return true
	}
	return false
}

// Results of a test.
const (
	yes     = "yes"
	no      = "no"
	unknown = "unknown"
)

func answered(trips bool) string {
	if trips {
		return yes
	}
	return no
}

// test writes a test down and returns its index. The result yes trips the
// rule.
func (u *run) test(rule Rule, of, left, op, right, result string) int {
	u.tests = append(u.tests, Test{rule, of, left, op, right, result})
	return len(u.tests) - 1
}

// decide writes a test down and reports whether it trips the rule; the finding
// then cites the test.
func (u *run) decide(rule Rule, of, left, op, right string, trips bool) bool {
	u.test(rule, of, left, op, right, answered(trips))
	return trips
}

// find adds a finding that the last test made, or adds it to the one that
// there is of the rule, party and status.
func (u *run) find(rule Rule, party string, status Status, evidence ...*record.Record) *Finding {
	return u.findWeighing(u.agreed.WeightOf(string(rule)), rule, party, status, evidence...)
}

func (u *run) findWeighing(weight int, rule Rule, party string, status Status, evidence ...*record.Record) *Finding {
	if status == Undeterminable || !u.isParty(party) {
		weight = 0
	}
	i := slices.IndexFunc(u.findings, func(f Finding) bool { return f.Rule == rule && f.Party == party && f.Status == status })
	if i < 0 {
		i = len(u.findings)
		u.findings = append(u.findings, Finding{Rule: rule, Party: party, Status: status})
	}
	f := &u.findings[i]
	f.Weight = max(f.Weight, weight)
	f.Tests = append(f.Tests, len(u.tests)-1)
	for _, r := range evidence {
		if r != nil {
			f.Evidence = append(f.Evidence, Ref{r.Log.N, r.ID})
		}
	}
	return f
}

// cite has a finding whose last test was just made name those since the test
// open too: what could not be tested, before why that is held against a party.
func (f *Finding) cite(open int) {
	last := len(f.Tests) - 1
	for i := open; i < f.Tests[last]; i++ {
		f.Tests = append(f.Tests, i)
	}
	slices.Sort(f.Tests[last:])
}

// isParty reports whether a version of the terms names the party: nobody else
// has a share.
func (u *run) isParty(id string) (is bool) {
	u.f.eachVersion(u.size, func(v *version) bool { is = v.terms.Party(id) != nil; return !is })
	return is
}

func (u *run) answer() *Answer {
	order := map[Rule]int{}
	for i, rule := range Rules() {
		order[rule] = i
	}
	for i := range u.findings {
		e := u.findings[i].Evidence
		slices.SortFunc(e, func(a, b Ref) int { return cmpN(a.N, b.N) })
		u.findings[i].Evidence = slices.Compact(e)
	}
	slices.SortStableFunc(u.findings, func(a, b Finding) int {
		if a.Rule != b.Rule {
			return order[a.Rule] - order[b.Rule]
		}
		if c := strings.Compare(a.Party, b.Party); c != 0 {
			return c
		}
		return strings.Compare(string(a.Status), string(b.Status))
	})
	agreed := u.terms.agreed
	if !agreed {
		// A later version may have adopted what the vendor alone had signed.
		u.f.eachVersion(u.size, func(v *version) bool {
			if v.n > u.terms.n && v.agreed {
				agreed = v.adopts // the oldest agreed one decides, and is met last
			}
			return v.n > u.terms.n
		})
	}
	return &Answer{
		RuleSet: u.agreed.RuleSet, Effect: Ref{u.x.Log.N, u.x.ID}, Size: u.size, Version: u.terms.number, Agreed: agreed, Operator: u.x.By,
		Outward: u.agreed.Outward, Findings: u.findings, Shares: shares(u.findings), Mitigated: u.mitigated(), Currency: u.terms.terms.Currency, Tests: u.tests,
	}
}

// mitigated sums the amounts, in the currency of the terms, of the effects
// that reverse x.
func (u *run) mitigated() record.Decimal {
	var sum exact.Rat
	for _, r := range u.f.of(u.x.ID, u.size) {
		if b, ok := r.Body.(*record.Action); ok && b.IsEffect() && b.Reverses == u.x.ID && b.Amount != "" && b.Currency == u.terms.terms.Currency {
			sum = sum.Add(amount(b.Amount))
		}
	}
	return record.Decimal(sum.String())
}
