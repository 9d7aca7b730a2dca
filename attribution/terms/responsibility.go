package terms

import (
	"slices"
	"strconv"

	"github.com/raasledger/raasledger/attribution/record"
)

// RuleSet is the rule set that terms can name. docs/rules.md publishes it.
const RuleSet = "rs-1"

// Bounds of the part responsibility.
const (
	// MaxWeight is the greatest weight of a rule or a duty.
	MaxWeight = 100

	maxApprovers = 256
	maxDuties    = 64
	maxActions   = 64
)

// Responsibility says who answers for what an agent did: the rule set by which
// findings follow from the records, and what that rule set takes from the
// agreement.
type Responsibility struct {
	RuleSet      string
	Outward      string // party that answers to those outside
	ReviewMin    Duration
	MustShow     []string   // what a reviewer is shown, sorted; may be empty
	Approvers    []Approver // in the agreed order; may be empty
	Duties       []Duty     // in the agreed order; may be empty
	ErasureBases []string   // sorted; may be empty
	Weights      []Weight   // that differ from those of the rule set, sorted by rule; may be empty
}

// An Approver is a human who may approve actions for a party.
type Approver struct {
	Human, Party string
	Actions      []string       // sorted
	Limit        record.Decimal // "" is any amount
}

// A Duty is what a party owes whenever one of the actions is taken: a check of
// the agent, or a field that is kept fresh.
type Duty struct {
	ID, Party string
	On        []string // actions, sorted
	Check     string   // id of the check, or ""
	Fresh     string   // name of the field, or ""
	Within    Duration // how old the field may be
	Weight    int
}

// A Weight is the weight of a rule, or of a class of rules.
type Weight struct {
	Rule   string
	Weight int
}

// Classes of rules, by what a rule is about.
const (
	ClassGate  = "gate"  // a bound that the effect should not have passed
	ClassLapse = "lapse" // something owed that was not done
	ClassProof = "proof" // the record itself
)

// ClassOfRule is the class of a rule of the rule set, or "" if it has no such
// rule.
func ClassOfRule(rule string) string {
	switch rule {
	case "no_authority", "stale_grant", "limit_exceeded", "missing_escalation", "check_failed_proceeded", "check_misreported", "ungrounded_claim",
		"contradicted_claim", "bad_input", "superseded_input", "duplicate_effect", "approval_out_of_authority", "override_taken":
		return ClassGate
	case "oversight_not_exercised", "review_too_short", "incomplete_presentation", "approved_over_warning", "duty_omitted", "model_mismatch":
		return ClassLapse
	case "over_delegation", "unexplained_decision", "late_record", "impossible_reference", "void_signature", "evidence_missing", "improper_erasure":
		return ClassProof
	}
	return ""
}

// WeightOf is the weight of a rule: what the terms say of it, else of its
// class, else 2 for a gate, 1 for a lapse and 0 for proof.
func (r *Responsibility) WeightOf(rule string) int {
	class := ClassOfRule(rule)
	for _, name := range []string{rule, class} {
		for _, w := range r.Weights {
			if w.Rule == name {
				return w.Weight
			}
		}
	}
	switch class {
	case ClassGate:
		return 2
	case ClassLapse:
		return 1
	}
	return 0
}

// responsibility reads the optional part of that name.
func (d *document) responsibility(t *Terms, o *object) *Responsibility {
	v, path, ok := o.optional("responsibility")
	if !ok {
		return nil
	}
	r := &Responsibility{}
	ro, ok := d.object(path, v)
	if !ok {
		return r
	}
	defer ro.end()
	r.RuleSet = ro.choice("rule_set", RuleSet)
	r.Outward = d.partyOf(t, ro, "outward")
	r.ReviewMin, _ = ro.duration("review_min")
	r.MustShow = d.labels(ro, "must_show")
	r.ErasureBases = d.labels(ro, "erasure_bases")
	d.eachOf(ro, "approvers", maxApprovers, func(e *object) {
		r.Approvers = append(r.Approvers, d.approver(t, e))
	})
	d.eachOf(ro, "duties", maxDuties, func(e *object) {
		duty := d.duty(t, e)
		if duty.ID != "" && slices.ContainsFunc(r.Duties, func(before Duty) bool { return before.ID == duty.ID }) {
			d.fail(join(e.path, "id"), "%s is the id of two duties", quote(duty.ID))
		}
		r.Duties = append(r.Duties, duty)
	})
	if ro.has("weights") {
		ro.named("weights", 1, maxActions, func(at, rule string, v any) {
			if rule == "duty_omitted" {
				d.fail(at, "got a weight, want none: each duty has its own")
			} else if ClassOfRule(rule) == "" && rule != ClassGate && rule != ClassLapse && rule != ClassProof {
				d.fail(at, "%s has no rule %s, and there is no such class", RuleSet, quote(rule))
			}
			r.Weights = append(r.Weights, Weight{rule, d.weightOf(at, v)})
		})
	}
	return r
}

// eachOf reads the objects of an optional list.
func (d *document) eachOf(o *object, name string, most int, each func(e *object)) {
	v, path, ok := o.optional(name)
	if !ok {
		return
	}
	l, _ := d.listOf(path, v, most)
	for i, v := range l {
		if e, ok := d.object(element(path, i), v); ok {
			each(e)
			e.end()
		}
	}
}

// labels reads an optional set of labels.
func (d *document) labels(o *object, name string) []string {
	if !o.has(name) {
		return nil
	}
	return d.wantedLabels(o, name)
}

func (d *document) wantedLabels(o *object, name string) []string {
	return o.set(name, maxActions, func(at, s string) bool {
		if s == "" || len(s) > record.MaxLabelBytes {
			d.fail(at, "got %s, want text of 1 to %d bytes", quote(s), record.MaxLabelBytes)
		}
		return true
	})
}

func (d *document) partyOf(t *Terms, o *object, name string) string {
	s, ok := o.text(name, "a party")
	if ok && t.Party(s) == nil && len(t.Parties) > 0 {
		d.fail(join(o.path, name), "party %s is not among the parties", quote(s))
	}
	return s
}

func (d *document) idOf(o *object, name string) string {
	s, ok := o.text(name, "an id")
	if ok && !isID(s) {
		d.fail(join(o.path, name), "got %s, want %s", quote(s), wantID)
	}
	return s
}

func (d *document) weightOf(path string, v any) int {
	i, ok := v.(int64)
	if !ok || i < 0 || i > MaxWeight {
		d.fail(path, "got %s, want an integer from 0 to %d", describe(v), MaxWeight)
		return 0
	}
	return int(i)
}

func (d *document) approver(t *Terms, o *object) Approver {
	a := Approver{Human: d.idOf(o, "human"), Party: d.partyOf(t, o, "party"), Actions: d.wantedLabels(o, "actions")}
	if v, path, ok := o.optional("limit"); ok {
		a.Limit = d.decimalOf(path, v, false)
		if n := decimalsOf(a.Limit); n > t.Scale {
			d.fail(path, "amount %s has %d decimals, at most %d", a.Limit, n, t.Scale)
		}
	}
	if p := t.Party(a.Party); p != nil && p.Role == record.RoleVendor {
		d.warn(join(o.path, "party"), "%s is a human of the vendor, who so approves what its own agents propose", a.Human)
	}
	return a
}

func (d *document) duty(t *Terms, o *object) Duty {
	duty := Duty{ID: d.idOf(o, "id"), Party: d.partyOf(t, o, "party"), On: d.wantedLabels(o, "on")}
	isCheck, isFresh := o.has("check"), o.has("fresh")
	if isCheck == isFresh {
		d.fail(o.path, "want exactly one of check and fresh")
		o.taken["check"], o.taken["fresh"] = true, true
	} else if isCheck {
		duty.Check = d.idOf(o, "check")
	} else if f, ok := o.object("fresh"); ok {
		if s, ok := f.text("field", "the name of a field"); ok {
			d.checkName(join(f.path, "field"), s)
			duty.Fresh = s
		}
		duty.Within, _ = f.duration("within")
		f.end()
	}
	if v, path, ok := o.field("weight", "an integer from 0 to "+strconv.Itoa(MaxWeight)); ok {
		duty.Weight = d.weightOf(path, v)
	}
	return duty
}

// tree is what Marshal writes.
func (r *Responsibility) tree() members {
	v := members{"rule_set": r.RuleSet, "outward": r.Outward, "review_min": r.ReviewMin.String()}
	if len(r.MustShow) > 0 {
		v["must_show"] = texts(r.MustShow)
	}
	if len(r.ErasureBases) > 0 {
		v["erasure_bases"] = texts(r.ErasureBases)
	}
	approvers := make([]any, len(r.Approvers))
	for i, a := range r.Approvers {
		m := members{"human": a.Human, "party": a.Party, "actions": texts(a.Actions)}
		m.put("limit", string(a.Limit))
		approvers[i] = m
	}
	if len(approvers) > 0 {
		v["approvers"] = approvers
	}
	duties := make([]any, len(r.Duties))
	for i, d := range r.Duties {
		m := members{"id": d.ID, "party": d.Party, "on": texts(d.On), "weight": int64(d.Weight)}
		m.put("check", d.Check)
		if d.Fresh != "" {
			m["fresh"] = members{"field": d.Fresh, "within": d.Within.String()}
		}
		duties[i] = m
	}
	if len(duties) > 0 {
		v["duties"] = duties
	}
	if len(r.Weights) > 0 {
		weights := members{}
		for _, w := range r.Weights {
			weights[w.Rule] = int64(w.Weight)
		}
		v["weights"] = weights
	}
	return v
}

// nameAt is what an element of the approvers or duties is called in words.
func (r *Responsibility) nameAt(list string, i int) string {
	switch {
	case list == "responsibility.duties[]" && r != nil && i < len(r.Duties):
		return "duty " + r.Duties[i].ID
	case list == "responsibility.duties[]":
		return "duty " + strconv.Itoa(i+1)
	case r != nil && i < len(r.Approvers):
		return "approver " + r.Approvers[i].Human
	}
	return "approver " + strconv.Itoa(i+1)
}

// wordsOfResponsibility is the part of wordsOf for responsibility.
func wordsOfResponsibility(path string) (words string, ok bool) {
	switch path {
	case "responsibility":
		words = "the part on who answers for the agent"
	case "responsibility.rule_set":
		words = "the rule set"
	case "responsibility.outward":
		words = "the party that answers outwardly"
	case "responsibility.review_min":
		words = "the least time of a review"
	case "responsibility.must_show":
		words = "the things that a reviewer must be shown"
	case "responsibility.erasure_bases":
		words = "the grounds on which evidence may be erased"
	case "responsibility.approvers":
		words = "the approvers"
	case "responsibility.approvers[].human", "responsibility.duties[].id":
		words = "the name"
	case "responsibility.approvers[].party", "responsibility.duties[].party":
		words = "the party"
	case "responsibility.approvers[].actions":
		words = "the actions that may be approved"
	case "responsibility.approvers[].limit":
		words = "the greatest amount that may be approved"
	case "responsibility.duties":
		words = "the duties"
	case "responsibility.duties[].on":
		words = "the actions that call for it"
	case "responsibility.duties[].check":
		words = "the check that must be made"
	case "responsibility.duties[].fresh":
		words = "the field that must be kept fresh"
	case "responsibility.duties[].fresh.field":
		words = "the name of the field"
	case "responsibility.duties[].fresh.within":
		words = "the age that the field may have"
	case "responsibility.duties[].weight":
		words = "the weight"
	case "responsibility.weights":
		words = "the weights of the rules"
	default:
		return "", false
	}
	return words, true
}
