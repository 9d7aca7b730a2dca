package responsibility

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// replay evaluates a check over the values of the fields it names at the size
// of the run, with one of them replaced where instead is given. known is false
// where a value is not there.
func (u *run) replay(c *record.Check, instead map[field]string) (was, known bool, left, right fact) {
	left, right = u.operand(c.Left, instead), u.operand(c.Right, instead)
	if left.state != present || right.state != present {
		return false, false, left, right
	}
	return holds(left.value, c.Op, right.value), true, left, right
}

func (u *run) operand(o record.Operand, instead map[field]string) fact {
	if o.Ref == "" {
		return fact{present, o.Lit}
	}
	if v, ok := instead[field{o.Ref, o.Field}]; ok {
		return fact{present, v}
	}
	if r := u.f.before(u.d.Log.N, o.Ref); r != nil {
		return u.f.value(r, o.Field, u.size)
	}
	return fact{}
}

// shows writes an operand for a transcript.
func shows(o record.Operand, v fact) string {
	name := quoted(o.Lit)
	if o.Ref != "" {
		name = o.Ref
		if o.Field != "" {
			name += "." + o.Field
		}
		switch v.state {
		case present:
			name += " " + quoted(v.value)
		case unavailable:
			name += " (not available)"
		default:
			name += " (not there)"
		}
	}
	return name
}

// checks runs the rules about the checks of the decision.
func (u *run) checks() {
	if u.d == nil {
		return
	}
	for i := range u.decision.Checks {
		c := &u.decision.Checks[i]
		of := "check " + c.ID + " of " + u.d.ID
		if slices.Contains(c.Blocks, u.action.Action) {
			if u.decide(CheckFailedProceeded, of, "result "+c.Result+", which blocks "+u.action.Action+",", "==", "fail", c.Result == "fail") {
				u.find(CheckFailedProceeded, u.x.By, Established, u.d, u.x)
			}
		}
		if c.Result == "refer" {
			continue
		}
		was, known, left, right := u.replay(c, nil)
		words := shows(c.Left, left) + " " + c.Op + " " + shows(c.Right, right)
		evidence := []*record.Record{u.d, u.f.before(u.d.Log.N, c.Left.Ref), u.f.before(u.d.Log.N, c.Right.Ref)}
		if known {
			replayed := "fail"
			if was {
				replayed = "pass"
			}
			if u.decide(CheckMisreported, of, "reported "+c.Result, "!=", replayed+" of "+words, c.Result != replayed) {
				u.find(CheckMisreported, u.x.By, Established, evidence...)
			}
			continue
		}
		open := u.test(CheckMisreported, of, "reported "+c.Result, "!=", "replay of "+words, unknown)
		status := Undeterminable
		for _, o := range []struct {
			record.Operand
			fact
		}{{c.Left, left}, {c.Right, right}} {
			if r := u.f.before(u.d.Log.N, o.Ref); r != nil && o.state == unavailable {
				if against := u.withheld(CheckMisreported, r, o.Field); against != nil {
					status, evidence = Presumed, append(evidence, against...)
				}
			}
		}
		u.find(CheckMisreported, u.x.By, status, evidence...).cite(open)
	}
}

// claims runs the rules about the claims of the decision.
func (u *run) claims() {
	if u.d == nil {
		return
	}
	for i := range u.decision.Claims {
		c := &u.decision.Claims[i]
		of := "claim " + c.ID + " of " + u.d.ID
		grounded := false
		for _, s := range c.Support {
			r := u.f.before(u.d.Log.N, s.Ref)
			if r == nil || !slices.Contains(u.inputs, r) {
				u.test(UngroundedClaim, of, "support "+s.Ref, "is among", "the inputs before "+u.d.ID, no)
				continue
			}
			v := u.f.value(r, s.Field, u.size)
			if s.Field == "" {
				grounded = true
				if v.state != present {
					continue // the whole record is cited: there is no value to compare
				}
			}
			if v.state == absent {
				u.test(UngroundedClaim, of, "support "+s.Ref, "has", "a field "+quoted(s.Field), no)
				continue
			}
			grounded = true
			if c.Value != "" {
				u.contradicted(of, c, s, r, v)
			}
		}
		if c.Material && u.decide(UngroundedClaim, of, "support that is an input before the decision", "is", "missing", !grounded) {
			u.find(UngroundedClaim, u.x.By, Established, u.d)
		}
	}
}

func (u *run) contradicted(of string, c *record.Claim, s record.FieldRef, r *record.Record, v fact) {
	const rule = ContradictedClaim
	where := shows(record.Operand{Ref: s.Ref, Field: s.Field}, v)
	if v.state == present {
		if u.decide(rule, of, "value "+quoted(c.Value), "!=", where, compare(c.Value, v.value) != 0) {
			u.find(rule, u.x.By, Established, u.d, r)
		}
		return
	}
	open := u.test(rule, of, "value "+quoted(c.Value), "!=", where, unknown)
	if against := u.withheld(rule, r, s.Field); against != nil {
		u.find(rule, u.x.By, Presumed, append(against, u.d, r)...).cite(open)
		return
	}
	u.find(rule, u.x.By, Undeterminable, u.d, r)
}

// dutyOmitted finds what the agreement makes parties owe on this action.
func (u *run) dutyOmitted() {
	const rule = DutyOmitted
	evidence := u.d
	if evidence == nil {
		evidence = u.x
	}
	for _, duty := range u.agreed.Duties {
		if !slices.Contains(duty.On, u.action.Action) {
			continue
		}
		of := "duty " + duty.ID + " of " + duty.Party
		if duty.Check != "" {
			has := u.d != nil && slices.ContainsFunc(u.decision.Checks, func(c record.Check) bool { return c.ID == duty.Check })
			if u.decide(rule, of, "check "+duty.Check, "is", "missing", !has) {
				u.findWeighing(duty.Weight, rule, duty.Party, Established, evidence)
			}
			continue
		}
		u.dutyFresh(duty, of, evidence)
	}
}

// dutyFresh looks for the newest input that has the field. One of which it
// cannot be seen whether it has it may be newer, and so leaves open what would
// otherwise be established.
func (u *run) dutyFresh(duty terms.Duty, of string, evidence *record.Record) {
	const rule = DutyOmitted
	var newest, sealed *record.Record
	for _, r := range u.inputs {
		switch u.f.value(r, duty.Fresh, u.size).state {
		case present:
			if newest == nil || asOf(r) > asOf(newest) {
				newest = r
			}
		case unavailable:
			if sealed == nil || asOf(r) > asOf(sealed) {
				sealed = r
			}
		}
	}
	if newest == nil && sealed == nil {
		u.test(rule, of, "no input of the decision has "+duty.Fresh+", so its age", ">", duty.Within.String(), unknown)
		u.findWeighing(0, rule, duty.Party, Undeterminable, evidence)
		return
	}
	at := u.f.instant(u.d)
	old := func(r *record.Record) bool { return at-asOf(r) > record.Time(duty.Within) }
	age := func(r *record.Record, words string) string {
		return duty.Fresh + " of " + r.ID + words + " as of " + asOf(r).String() + ", its age at " + at.String()
	}
	switch {
	case newest != nil && !old(newest):
		u.test(rule, of, age(newest, ""), ">", duty.Within.String(), no)
	case sealed != nil && !old(sealed):
		u.test(rule, of, age(sealed, " (not available)"), ">", duty.Within.String(), unknown)
		u.findWeighing(0, rule, duty.Party, Undeterminable, u.d, newest, sealed)
	case newest != nil:
		u.test(rule, of, age(newest, ""), ">", duty.Within.String(), yes)
		u.findWeighing(duty.Weight, rule, duty.Party, Established, u.d, newest)
	default:
		// Old if it has the field, and without it there is none.
		u.test(rule, of, age(sealed, " (not available)"), ">", duty.Within.String(), unknown)
		u.findWeighing(0, rule, duty.Party, Undeterminable, u.d, sealed)
	}
}

// asOf is when the facts of a source held.
func asOf(r *record.Record) record.Time {
	switch b := r.Body.(type) {
	case *record.Input:
		return b.AsOf
	case *record.Measurement:
		return b.Until
	}
	return 0
}

// config is the config record of the decision, before it, or nil.
func (u *run) config() (*record.Record, *record.Config) {
	if r := u.f.before(u.d.Log.N, u.decision.Config); r != nil {
		if b, ok := r.Body.(*record.Config); ok {
			return r, b
		}
	}
	return nil, nil
}

func (u *run) modelMismatch() {
	if u.d == nil || u.decision.ModelReported == "" {
		return
	}
	if r, b := u.config(); r != nil {
		if u.decide(ModelMismatch, "decision "+u.d.ID, "model_reported "+quoted(u.decision.ModelReported), "!=", "model "+quoted(b.Model)+" of "+r.ID, u.decision.ModelReported != b.Model) {
			u.find(ModelMismatch, u.x.By, Established, u.d, r)
		}
	}
}

// unexplained finds what is missing to understand the decision. Under an
// override only the human's reasons count.
func (u *run) unexplained() {
	const rule = UnexplainedDecision
	if u.override != nil {
		if u.decide(rule, "override "+u.override.ID, "reasons", "are", "missing", u.override.Body.(*record.Review).Reasons == "") {
			u.find(rule, u.override.By, Established, u.override)
		}
		return
	}
	if u.decide(rule, "effect "+u.x.ID, "a decision before it with id "+quoted(u.action.Decision), "is", "missing", u.d == nil) {
		u.find(rule, u.x.By, Established, u.x)
		return
	}
	of, b := "decision "+u.d.ID, u.decision
	config, _ := u.config()
	trip := func(left, right string, missing bool) {
		if u.decide(rule, of, left, "is", right, missing) {
			u.find(rule, u.x.By, Established, u.d)
		}
	}
	trip("a config before it with id "+quoted(b.Config), "missing", config == nil)
	trip("one of the inputs "+list(b.Inputs), "missing", len(b.Inputs) == 0 || len(u.inputs) < len(b.Inputs))
	trip("reasons digest", "missing", b.Reasons == "")
	trip("output digest", "missing", b.Output == "")
}
