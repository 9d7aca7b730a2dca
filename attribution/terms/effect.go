package terms

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// An Effect says what the action behind a claim has to do with the fee. Each
// claim of the result then names its action in body.effect.
type Effect struct {
	Disputed string    // hold: a dispute about the action is one about the claim; ignore: it is not
	Findings *Findings // nil is that findings change nothing
}

// Findings are the rules of the rule set from which something follows for the
// fee, once the records trip them.
type Findings struct {
	Void   []string // that keep a claim from the fee where they fall on the vendor, sorted; may be empty
	Keep   []string // that keep it in the fee where they fall on the client, sorted; may be empty
	Both   string   // where there are some of either: void, keep, open; "" where one of the lists is empty
	Within Duration // how long after a claim was seen a finding voids it without a dispute; 0 where Void is empty
}

// Decides reports whether one of the rules that were found decides against the
// claim (upheld), or for it.
func (f *Findings) Decides(upheld bool, found []string) bool {
	if f == nil {
		return false
	}
	list := f.Keep
	if upheld {
		list = f.Void
	}
	return slices.ContainsFunc(found, func(rule string) bool { return slices.Contains(list, rule) })
}

// Holds reports whether a dispute about the action behind a claim is one about
// the claim.
func (r *Result) Holds() bool { return r.Effect != nil && r.Effect.Disputed == "hold" }

// Findings are what findings do to claims of the result, nil if nothing.
func (r *Result) Findings() *Findings {
	if r.Effect == nil {
		return nil
	}
	return r.Effect.Findings
}

// CheckEffect checks a claim, whose Log is set, of a result that asks for the
// action behind it: is reports whether the record it names is an action that was
// executed and is no read. Nothing is ever found of any other, so a claim that
// names one would have nothing to fear.
func (s *Standing) CheckEffect(r *record.Record, is bool) error {
	b, ok := r.Body.(*record.Outcome)
	if !ok || b.Effect == "" || is {
		return nil
	}
	if _, v := s.Instant(r); v != nil {
		if result := v.Terms.Result(b.Result); result != nil && result.Effect != nil {
			return refuse(r, checkTerms, "body.effect", "got %s, want an action that was executed and is no read: the terms of %s ask for it", b.Effect, b.Result)
		}
	}
	return nil
}

// effect reads the optional clause of that name.
func (d *document) effect(r *Result, o *object) {
	v, path, ok := o.optional("effect")
	if !ok {
		return
	}
	r.Effect = &Effect{}
	e, ok := d.object(path, v)
	if !ok {
		return
	}
	defer e.end()
	r.Effect.Disputed = e.choice("disputed", "hold", "ignore")
	if r.Effect.Disputed == "hold" && r.Dispute == nil && o.fields["dispute"] == "none" {
		d.fail(join(path, "disputed"), "got hold, but the result cannot be disputed: want ignore, or a dispute of the result")
	}
	if v, at, ok := e.optional("findings"); ok {
		r.Effect.Findings = &Findings{}
		if f, ok := d.object(at, v); ok {
			d.findings(r.Effect.Findings, f)
			f.end()
		}
	}
}

func (d *document) findings(f *Findings, o *object) {
	f.Void, f.Keep = d.rules(o, "void"), d.rules(o, "keep")
	void, keep := o.has("void"), o.has("keep")
	if !void && !keep {
		d.fail(o.path, "want void, keep or both lists: with none nothing follows")
	}
	switch {
	case void && keep:
		f.Both = o.choice("both", "void", "keep", "open")
	default:
		o.refuse("both", "only void and keep together can meet")
	}
	if void {
		f.Within, _ = o.duration("within")
	} else {
		o.refuse("within", "only what is in void takes effect without a dispute")
	}
}

// rules reads an optional set of rules of the rule set.
func (d *document) rules(o *object, name string) []string {
	if !o.has(name) {
		return nil
	}
	return o.set(name, maxActions, func(at, rule string) bool {
		if ClassOfRule(rule) == "" {
			d.fail(at, "%s has no rule %s", RuleSet, quote(rule))
		}
		return true
	})
}

// checkEffects checks that findings have the rule set that they are of.
func (d *document) checkEffects(t *Terms) {
	for i := range t.Results {
		if t.Results[i].Findings() != nil && t.Responsibility == nil {
			d.fail("results."+t.Results[i].Name+".effect.findings", "needs the part responsibility, which names the rule set")
		}
	}
}

// tree is what Marshal writes.
func (e *Effect) tree() members {
	v := members{"disputed": e.Disputed}
	f := e.Findings
	if f == nil {
		return v
	}
	findings := members{}
	findings.put("both", f.Both)
	if len(f.Void) > 0 {
		findings["void"], findings["within"] = texts(f.Void), f.Within.String()
	}
	if len(f.Keep) > 0 {
		findings["keep"] = texts(f.Keep)
	}
	v["findings"] = findings
	return v
}

// reviewEffect warns of what either side can do with the clause, or by leaving
// something out.
func (d *document) reviewEffect(t *Terms, r *Result) {
	if r.Effect == nil {
		return
	}
	path := "results." + r.Name + ".effect"
	vendor, client := t.Operator().ID, t.Client().ID
	if slices.Equal(r.Claim, []string{vendor}) {
		d.warn(path, "%s, who is paid, alone says which action is behind a claim, and what shows of another one is not found", vendor)
	}
	f := r.Effect.Findings
	if f == nil {
		if r.Effect.Disputed == "ignore" {
			d.warn(path, "asks only that each claim names an action: neither a dispute about it nor a finding changes the fee")
		}
		return
	}
	path += ".findings"
	if len(f.Void) == 0 {
		d.warn(path+".void", "no finding keeps a claim from the fee: what falls on %s changes nothing", vendor)
	}
	if len(f.Keep) == 0 {
		d.warn(path+".keep", "no finding keeps a claim in the fee: what falls on %s changes nothing", client)
	}
	for i, rule := range f.Keep {
		if fallsOnOperator(rule) {
			d.warn(element(path+".keep", i), "%s never falls on %s: only %s, who acts, answers for it", rule, client, vendor)
		}
	}
	// What one side can bring about against the other.
	for _, l := range []struct {
		name  string
		rules []string
		gains string
	}{{"void", f.Void, client}, {"keep", f.Keep, vendor}} {
		for i, rule := range l.rules {
			switch rule {
			case "oversight_not_exercised":
				d.warn(element(path+"."+l.name, i), "whoever hands off names the deadline: %s can name one that %s does not keep", l.gains, other(l.gains, vendor, client))
			case "evidence_missing":
				d.warn(element(path+"."+l.name, i), "whoever demands evidence names the deadline: %s can name one that %s does not keep", l.gains, other(l.gains, vendor, client))
			}
		}
	}
	switch f.Both {
	case "keep":
		d.warn(path+".both", "where both are found %s is paid for what its own agent did wrong", vendor)
	case "void":
		d.warn(path+".both", "where both are found %s does not pay for what it brought about as well", client)
	}
}

func other(one, a, b string) string {
	if one == a {
		return b
	}
	return a
}

// fallsOnOperator reports whether a rule falls on nobody but the party that
// acts, which is the vendor: no other may write an action.
func fallsOnOperator(rule string) bool {
	switch rule {
	case "no_authority", "stale_grant", "limit_exceeded", "missing_escalation", "check_failed_proceeded", "check_misreported", "ungrounded_claim",
		"contradicted_claim", "superseded_input", "duplicate_effect", "incomplete_presentation", "model_mismatch":
		return !record.MayWrite(record.KindAction, record.RoleClient)
	}
	return false
}

// wordsOfEffect is the part of wordsOf for the clause.
func wordsOfEffect(path string) (words string, ok bool) {
	switch path {
	case "results.*.effect":
		words = "the part on the action behind a claim"
	case "results.*.effect.disputed":
		words = "what a dispute about the action does"
	case "results.*.effect.findings":
		words = "what findings do to the fee"
	case "results.*.effect.findings.void":
		words = "the rules that keep a claim from the fee"
	case "results.*.effect.findings.keep":
		words = "the rules that keep a claim in the fee"
	case "results.*.effect.findings.both":
		words = "the outcome where both sides failed"
	case "results.*.effect.findings.within":
		words = "the time in which a finding counts without a dispute"
	default:
		return "", false
	}
	return words, true
}
