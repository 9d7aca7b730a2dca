package responsibility

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// A link is a grant in the chain from the one an action cites up to the root.
type link struct {
	r *record.Record
	g *record.Grant
}

// ancestors returns the grant of that id, which stands before n, and those that
// it descends from, each before the one below it.
func (f *Facts) ancestors(id string, n int64) []link {
	var chain []link
	for id != "" {
		r := f.before(n, id)
		if r == nil {
			break
		}
		g, ok := r.Body.(*record.Grant)
		if !ok {
			break
		}
		chain = append(chain, link{r, g})
		id, n = g.Parent, r.Log.N
	}
	return chain
}

// authority runs the rules about grants. Without authority the further ones
// say nothing.
func (u *run) authority() {
	if u.noAuthority() {
		u.chain = nil
		return
	}
	u.staleGrant()
	u.limitExceeded()
}

func (u *run) noAuthority() bool {
	const rule = NoAuthority
	x, b := u.x, u.action
	of := "effect " + x.ID
	none := false
	trip := func(of, left, op, right string, trips bool, evidence ...*record.Record) {
		if u.decide(rule, of, left, op, right, trips) {
			none = true
			u.find(rule, x.By, Established, append(evidence, x)...)
		}
	}
	trip(of, "a grant before it with id "+quoted(b.Grant), "is", "missing", len(u.chain) == 0, u.f.before(u.size, b.Grant))
	if none {
		return true
	}
	cited := u.chain[0]
	trip(of, "actor "+quoted(x.Actor), "!=", "grantee "+quoted(cited.g.Grantee)+" of "+cited.r.ID, x.Actor != cited.g.Grantee, cited.r)
	trip(of, "party "+x.By, "!=", "operator "+cited.g.Operator+" of "+cited.r.ID, x.By != cited.g.Operator, cited.r)
	for i, k := range u.chain {
		of := "grant " + k.r.ID
		trip(of, "action "+b.Action, "is not among", list(k.g.Actions), !slices.Contains(k.g.Actions, b.Action), k.r)
		trip(of, "resource "+quoted(b.Resource), "is not covered by", list(k.g.Resources), !covers(k.g.Resources, b.Resource), k.r)
		trip(of, "its signature", "is by", "a key revoked before it", u.f.void(k.r), k.r)
		trip(of, fmt.Sprintf("delegations %d below it", i), ">", fmt.Sprintf("delegable %d", k.g.Delegable), int64(i) > k.g.Delegable, k.r)
		if i+1 < len(u.chain) {
			parent := u.chain[i+1]
			trip(of, "grantor "+k.g.Grantor, "!=", "grantee "+parent.g.Grantee+" of its parent "+parent.r.ID, k.g.Grantor != parent.g.Grantee, k.r, parent.r)
			trip(of, "party "+k.r.By, "!=", "operator "+parent.g.Operator+" of its parent "+parent.r.ID, k.r.By != parent.g.Operator, k.r, parent.r)
			continue
		}
		trip(of, "a grant before it with its parent's id "+quoted(k.g.Parent), "is", "missing", k.g.Parent != "", k.r)
		if k.g.Parent == "" {
			client := u.terms.terms.Client()
			trip(of, "the root is by "+k.r.By, "!=", "client "+client.ID, k.r.By != client.ID, k.r)
		}
	}
	return none
}

func (u *run) staleGrant() {
	const rule = StaleGrant
	for i, k := range u.chain {
		of := "grant " + k.r.ID
		if u.decide(rule, of, "instant "+u.at.String()+" of "+u.x.ID, "is outside", "["+k.g.From.String()+", "+k.g.Until.String()+")", u.at < k.g.From || u.at >= k.g.Until) {
			u.find(rule, u.x.By, Established, u.x, k.r)
		}
		for _, r := range u.f.of(k.r.ID, u.size) {
			b, ok := r.Body.(*record.Revoke)
			if !ok {
				continue
			}
			var why string
			counts := false
			switch {
			case r.Log.N > u.x.Log.N:
				why = fmt.Sprintf("record %d after the effect, which is %d", r.Log.N, u.x.Log.N)
			case u.f.void(r):
				why = "signed with a key revoked before it"
			case !slices.ContainsFunc(u.chain[i:], func(above link) bool { return above.r.By == r.By }):
				why = "by " + r.By + ", who did not give the grant or one above it"
			default:
				why, counts = "effective "+b.Effective.String(), b.Effective <= u.at
			}
			if u.decide(rule, of, "revocation "+r.ID+", "+why, "ends it by", u.at.String(), counts) {
				u.find(rule, u.x.By, Established, u.x, k.r, r)
			}
		}
	}
}

// foreign reports whether the effect has an amount that the limits, which are
// in the currency of the terms, say nothing about.
func (u *run) foreign() bool {
	return u.action.Amount != "" && u.action.Currency != u.terms.terms.Currency
}

func (u *run) limitExceeded() {
	const rule = LimitExceeded
	least := -1
	for i, k := range u.chain {
		if k.g.LimitEach != "" && (least < 0 || compare(string(k.g.LimitEach), string(u.chain[least].g.LimitEach)) < 0) {
			least = i
		}
	}
	if least >= 0 && u.action.Amount != "" {
		k := u.chain[least]
		left, right := "amount "+string(u.action.Amount)+" "+u.action.Currency, "limit_each "+string(k.g.LimitEach)+" "+u.terms.terms.Currency+", the least of the chain, of "+k.r.ID
		if u.foreign() {
			u.test(rule, "effect "+u.x.ID, left, ">", right, unknown)
			u.find(rule, u.x.By, Undeterminable, u.x, k.r)
		} else if u.decide(rule, "effect "+u.x.ID, left, ">", right, compare(string(u.action.Amount), string(k.g.LimitEach)) > 0) {
			u.find(rule, u.x.By, Established, u.x, k.r)
		}
	}
	for _, k := range u.chain {
		if k.g.LimitPeriod == nil {
			continue
		}
		s := u.f.spent(k.r.ID, k.g.LimitPeriod.Days, u.at, u.x.Log.N)
		// It is under no override, or the rule would not be run.
		if u.foreign() {
			s.foreign++
		} else {
			s.counted = s.counted.Add(amount(u.action.Amount))
		}
		limit := amount(k.g.LimitPeriod.Amount)
		left := fmt.Sprintf("sum %s over the %d days to %s", s.counted, k.g.LimitPeriod.Days, u.at)
		right := "limit_period " + string(k.g.LimitPeriod.Amount) + " of " + k.r.ID
		switch of := "grant " + k.r.ID; {
		case s.counted.Cmp(limit) <= 0 && (s.foreign > 0 || s.counted.Add(s.unknown).Cmp(limit) > 0):
			u.test(rule, of, left+fmt.Sprintf(", %s of effects whose review is not held, %d in another currency", s.unknown, s.foreign), ">", right, unknown)
			u.find(rule, u.x.By, Undeterminable, u.x, k.r)
		case u.decide(rule, of, left, ">", right, s.counted.Cmp(limit) > 0):
			u.find(rule, u.x.By, Established, u.x, k.r)
		}
	}
}

// A hit is a boundary of a grant that the effect touches.
type hit struct {
	k        link
	evidence []*record.Record
	test     int
}

// escalation finds an effect beyond a boundary that no human approved.
func (u *run) escalation() {
	var hits []hit
	for _, k := range u.chain {
		if k.g.Tier == "user" {
			i := u.test(MissingEscalation, "grant "+k.r.ID, "tier", "is", "user: every effect needs a review", yes)
			hits = append(hits, hit{k: k, test: i})
		}
		for _, b := range k.g.Escalate {
			if h, ok := u.boundary(k, b); ok {
				hits = append(hits, h)
			}
		}
	}
	if len(hits) == 0 {
		return
	}
	if u.decide(MissingEscalation, "effect "+u.x.ID, fmt.Sprintf("counting approvals %d", len(u.counting)), "==", "0", len(u.counting) == 0) {
		if h := u.escalated(u.missed()); h != nil && u.proceeds(hits) {
			u.test(MissingEscalation, "effect "+u.x.ID, "on_timeout proceed, and the deadline of "+h.ID, "has", "not passed", no)
			return
		}
		for _, h := range hits {
			f := u.find(MissingEscalation, u.x.By, Established, append(h.evidence, u.x, h.k.r)...)
			if !slices.Contains(f.Tests, h.test) {
				f.Tests = append(f.Tests, h.test)
			}
			slices.Sort(f.Tests)
			f.Tests = slices.Compact(f.Tests)
		}
	}
}

// proceeds reports whether the grants whose boundaries were hit let the agent
// go on when the human is silent, and the cited one does not forbid it.
func (u *run) proceeds(hits []hit) bool {
	return u.chain[0].g.OnTimeout != "block" && !slices.ContainsFunc(hits, func(h hit) bool { return h.k.g.OnTimeout != "proceed" })
}

func (u *run) boundary(k link, b record.Boundary) (hit, bool) {
	of := "grant " + k.r.ID
	h := hit{k: k}
	found := false
	try := func(left, op, right string, trips bool, evidence ...*record.Record) {
		i := u.test(MissingEscalation, of, left, op, right, answered(trips))
		if trips {
			found = true
			h.test = i
			h.evidence = append(h.evidence, evidence...)
		}
	}
	switch b.When {
	case "amount_over":
		switch {
		case u.action.Amount == "":
			try("no amount", ">", b.Value, false)
		case u.foreign():
			try("amount "+string(u.action.Amount)+" "+u.action.Currency+", another currency than the terms',", ">", b.Value, true)
		default:
			try("amount "+string(u.action.Amount), ">", b.Value, compare(string(u.action.Amount), b.Value) > 0)
		}
	case "confidence_under":
		if u.d == nil || u.decision.Confidence == "" {
			try("absent confidence", "<", b.Value, true, u.d)
		} else {
			try("confidence "+string(u.decision.Confidence), "<", b.Value, compare(string(u.decision.Confidence), b.Value) < 0, u.d)
		}
	case "flag":
		flagged := false
		for _, r := range u.inputs {
			if in, ok := r.Body.(*record.Input); ok && slices.Contains(in.Flags, b.Value) {
				flagged = true
				try("flags "+list(in.Flags)+" of "+r.ID, "have", b.Value, true, u.d, r)
			}
		}
		if !flagged {
			try("no input's flags", "have", b.Value, false)
		}
	case "action":
		try("action "+u.action.Action, "==", b.Value, u.action.Action == b.Value)
	case "check_result":
		hasResult := false
		if u.d != nil {
			for _, c := range u.decision.Checks {
				if c.Result == b.Value {
					hasResult = true
					try("result "+c.Result+" of check "+c.ID, "==", b.Value, true, u.d)
				}
			}
		}
		if !hasResult {
			try("no check's result", "==", b.Value, false)
		}
	}
	return h, found
}

// overDelegation finds a grant that gives more than the one it is taken from.
func (u *run) overDelegation() {
	const rule = OverDelegation
	for i := 0; i+1 < len(u.chain); i++ {
		k, parent := u.chain[i], u.chain[i+1]
		of := "grant " + k.r.ID
		trip := func(left, op, right string, trips bool) {
			if u.decide(rule, of, left, op, right+" of "+parent.r.ID, trips) {
				u.find(rule, parent.g.Operator, Established, k.r, parent.r)
			}
		}
		if parent.g.LimitEach != "" {
			if k.g.LimitEach == "" {
				trip("no limit_each", ">", "limit_each "+string(parent.g.LimitEach), true)
			} else {
				trip("limit_each "+string(k.g.LimitEach), ">", "limit_each "+string(parent.g.LimitEach), compare(string(k.g.LimitEach), string(parent.g.LimitEach)) > 0)
			}
		}
		trip("until "+k.g.Until.String(), ">", "until "+parent.g.Until.String(), k.g.Until > parent.g.Until)
		wider := slices.ContainsFunc(k.g.Actions, func(a string) bool { return !slices.Contains(parent.g.Actions, a) })
		trip("actions "+list(k.g.Actions), "are not all among", "actions "+list(parent.g.Actions), wider)
	}
}

// duplicate finds an effect whose idempotency key was used before, in the same
// case or under the same grant.
func (u *run) duplicate() {
	if u.action.Key == "" {
		return
	}
	var first *record.Record
	for l := u.f; l != nil; l = l.base {
		for _, r := range l.effects[u.action.Key] {
			b := r.Body.(*record.Action)
			related := r.Case != "" && r.Case == u.x.Case || b.Grant != "" && b.Grant == u.action.Grant
			if related && r.By == u.x.By && r.Log.N < u.x.Log.N && (first == nil || r.Log.N < first.Log.N) {
				first = r
			}
		}
	}
	right := "that of an effect before it in the case or under the grant"
	if first != nil {
		right = "key of " + first.ID + ", executed before"
	}
	if u.decide(DuplicateEffect, "effect "+u.x.ID, "key "+quoted(u.action.Key), "==", right, first != nil) {
		u.find(DuplicateEffect, u.x.By, Established, u.x, first)
	}
}
