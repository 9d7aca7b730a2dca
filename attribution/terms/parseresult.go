package terms

import (
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

func (d *document) result(t *Terms, path, name string, v any) Result {
	r := Result{Name: name}
	o, ok := d.object(path, v)
	if !ok {
		return r
	}
	defer o.end()
	o.named("facts", 0, maxFacts, func(at, fact string, v any) {
		d.checkWord(at, fact)
		r.Facts = append(r.Facts, FactType{Name: fact, Type: d.choiceOf(at, v, "bool", "decimal", "text", "time")})
	})
	if v, at, ok := o.optional("quantity"); ok {
		if s, ok := d.textOf(at, v, "the name of a decimal fact"); ok {
			d.wantFact(&r, at, s, "decimal")
			r.Quantity = s
		}
	}
	d.oncePer(&r, o)
	r.Where = d.where(o, r.Facts)
	r.Claim = d.partySet(t, o, "claim")
	if v, at, ok := o.optional("evidence"); ok {
		r.Evidence = d.setOf(at, v, maxEvidence, func(at, s string) bool {
			if !isID(s) {
				d.fail(at, "attachment name %s: want %s", quote(s), wantID)
			}
			return true
		})
	}
	d.delivered(&r, o)
	d.accept(t, &r, o)
	d.dispute(t, &r, o)
	if v, at, ok := o.field("reopen", `{within, from} or "none"`); ok && v != "none" {
		if ro, ok := d.objectOrNone(at, v, "{within, from}"); ok {
			r.Reopen = &Reopen{}
			r.Reopen.Within, _ = ro.duration("within")
			r.Reopen.From = ro.choice("from", "occurred", "accepted", "locked")
			ro.end()
		}
	}
	d.effect(&r, o)
	r.Escalation = o.choice("escalation", "void", "ignore")
	r.Lock = o.lock()
	r.BilledAt = o.choice("billed_at", "occurred", "accepted", "locked", "recorded")
	if final, ok := o.duration("final_after"); ok {
		r.FinalAfter = final
		d.checkFinal(&r, join(path, "final_after"))
	}
	return r
}

func (d *document) objectOrNone(path string, v any, fields string) (*object, bool) {
	if _, ok := v.(map[string]any); !ok {
		d.fail(path, `got %s, want %s or "none"`, describe(v), fields)
		return nil, false
	}
	return d.object(path, v)
}

// wantFact checks that r has a fact of that name and one of the types.
func (d *document) wantFact(r *Result, path, name string, types ...string) {
	d.wantType(path, "result "+r.Name, name, r.Fact(name), types...)
}

// wantType checks that the fact of a name that something has is there and of
// one of the types.
func (d *document) wantType(path, of, name string, f *FactType, types ...string) {
	switch {
	case f == nil:
		d.fail(path, "%s has no fact %s", of, quote(name))
	case f.Type == "": // its own mistake is reported
	case !slices.Contains(types, f.Type):
		d.fail(path, "fact %s is a %s, want a %s", name, f.Type, strings.Join(types, " or a "))
	}
}

func (d *document) oncePer(r *Result, o *object) {
	const want = "case, subject, id or fact:NAME"
	s, ok := o.text("once_per", want)
	if !ok {
		return
	}
	at := join(o.path, "once_per")
	switch fact, isFact := strings.CutPrefix(s, oncePerFact); {
	case isFact:
		// The same decimal has several texts, and so would be several keys.
		d.wantFact(r, at, fact, "text", "time")
	case s != "case" && s != "subject" && s != "id":
		d.fail(at, "got %s, want %s", quote(s), want)
	}
	r.OncePer = s
}

// where takes a condition over facts; it may be absent.
func (d *document) where(o *object, facts []FactType) *Expr {
	v, path, ok := o.optional("where")
	if !ok {
		return nil
	}
	s, ok := d.exprText(path, v, "a condition over the facts")
	if !ok {
		return nil
	}
	root, mistakes := compile(s, facts, kindBool)
	for _, err := range mistakes {
		d.fail(path, "%v", err)
	}
	if len(mistakes) > 0 {
		return nil
	}
	if why := never(root); why != "" {
		d.fail(path, "is never true: %s", why)
	}
	return &Expr{s, root}
}

// exprText takes the text of an expression.
func (d *document) exprText(path string, v any, want string) (string, bool) {
	s, ok := v.(string)
	if !ok {
		d.fail(path, "got %s, want %s", describe(v), want)
		return "", false
	}
	if d.draft {
		s = foldSpace(s)
	}
	if s, ok = d.textOf(path, s, want); !ok {
		return "", false
	}
	if s == "" {
		d.fail(path, "got \"\", want %s or no such field", want)
		return "", false
	}
	return s, true
}

func (d *document) accept(t *Terms, r *Result, o *object) {
	a, ok := o.object("accept")
	if !ok {
		return
	}
	defer a.end()
	r.Accept.On = a.choice("on", "claim", "client", "silence", "third")
	switch r.Accept.On {
	case "silence":
		r.Accept.After, _ = a.duration("after")
		r.Accept.From = a.choice("from", "claim", "receipt")
	case "third":
		const want = "the id of the party whose word accepts"
		s, ok := a.text("by", want)
		if !ok || len(t.Parties) == 0 {
			return
		}
		r.Accept.By = s
		switch p := t.Party(s); {
		case p == nil:
			d.fail(join(a.path, "by"), "party %s is not among the parties", quote(s))
		case p.Role == record.RoleVendor || p.Role == record.RoleClient:
			d.fail(join(a.path, "by"), "%s has the role %s, want a party of another role", s, p.Role)
		case p.Role != "" && !record.MayWrite(record.KindConfirm, p.Role):
			d.fail(join(a.path, "by"), "%s has the role %s, which may not write a confirm", s, p.Role)
		}
	}
}

func (d *document) dispute(t *Terms, r *Result, o *object) {
	v, path, ok := o.field("dispute", `{within, unresolved} or "none"`)
	if !ok || v == "none" {
		return
	}
	do, ok := d.objectOrNone(path, v, "{within, unresolved}")
	if !ok {
		return
	}
	defer do.end()
	r.Dispute = &Dispute{}
	r.Dispute.Within, _ = do.duration("within")
	u, ok := do.object("unresolved")
	if !ok {
		return
	}
	defer u.end()
	r.Dispute.Then = u.choice("then", "accept", "void", "arbiter")
	switch r.Dispute.Then {
	case "accept", "void":
		r.Dispute.After, _ = u.duration("after")
		switch {
		case r.Dispute.Then != "accept":
		case r.Accept.On == "client":
			d.fail(join(u.path, "then"), "got accept, want void or arbiter: with accept on client a claim is accepted by the client's word only")
		case r.Accept.On == "third":
			d.fail(join(u.path, "then"), "got accept, want void or arbiter: with accept on third a claim is accepted by the third party's word only")
		}
	case "arbiter":
		if t.withRole(record.RoleArbiter) == nil && len(t.Parties) > 0 {
			d.fail(join(u.path, "then"), "got arbiter, but no party has the role arbiter")
		}
	}
}

// horizon returns how long after its claim a result can still change by what
// the terms name.
func (r *Result) horizon() Duration {
	var accepted, resolved Duration
	if r.Accept.On == "silence" {
		accepted = r.Accept.After
	}
	if r.Dispute != nil {
		resolved = r.Dispute.Within
		if r.Dispute.Then != "arbiter" {
			resolved += r.Dispute.After
		}
	}
	accepted = max(accepted, resolved)
	locked := max(accepted, r.Lock.most())
	end := locked
	if r.Reopen != nil {
		switch r.Reopen.From {
		case "accepted":
			end = max(end, accepted+r.Reopen.Within)
		case "locked":
			end = max(end, locked+r.Reopen.Within)
		default:
			end = max(end, r.Reopen.Within)
		}
	}
	if f := r.Findings(); f != nil {
		end = max(end, f.Within)
	}
	return end
}

func (d *document) checkFinal(r *Result, path string) {
	if want := r.horizon(); r.FinalAfter < want {
		d.fail(path, "got %s, want at least %s: acceptance, dispute, lock, reopening and findings last so long", r.FinalAfter, want)
	}
}
