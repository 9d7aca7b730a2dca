package fee

import (
	"cmp"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A view is what a claim's records say as of a closing instant.
type view struct {
	accepted record.Time // never while it is not
	locked   record.Time // never while it is not
	explicit bool        // confirmed by the client
	attested bool        // confirmed by the third party whose word accepts
	seconded bool        // the client's own claim, accepted by the vendor
	open     bool        // a dispute is open
	missing  bool        // its evidence is not delivered
	seen     record.Time // from when the other side can know of it and has its evidence, never before
	void     reason      // what keeps the claim from the fee, unsaid if nothing does
	voidAt   record.Time
	found    record.Time // when a finding voids it, or would if nothing else had, never if none does
	back     reason      // what gives it back after the lock, unsaid if nothing does
	backAt   record.Time
	reduces  []reduction // reversals in part that count, in their order
	undone   []int       // reversals that a finding undid
	idle     []idle      // events without effect
	spells   []spell     // disputes in force
}

type reduction struct {
	at       record.Time
	quantity number
	n        int64
	locked   bool // after the lock, inside the guarantee
}

type idle struct {
	event  int
	reason reason
}

// A spell is a dispute in force: from its instant to its end.
type spell struct {
	from, until record.Time // until is never while it is open
	upheld      bool
	lapsed      bool // no word ended it
	found       bool // a finding upheld it
	decided     bool // a resolve record rejected it
	event       int  // the dispute
}

// look works out the view. It reads what has an instant up to the closing.
func (s *State) look(c *claim, closing record.Time) view {
	v := view{accepted: never, locked: never, voidAt: never, found: never, backAt: never, seen: s.seen(c), missing: s.delivered(c) > closing}
	r := c.rule

	// An event cannot come before what it is about.
	when := func(e *event) record.Time { return max(e.at, c.at) }
	c.undo(&v, closing)

	// The first word of whoever accepts, and reversals in full.
	explicit := never
	if c.ownWord() {
		explicit = c.at
	}
	full := never
	var cause reason
	for i := range c.events {
		e := &c.events[i]
		if e.at > closing {
			continue
		}
		switch e.kind {
		case accept:
			if c.accepts(e) {
				explicit = min(explicit, when(e))
			}
			switch {
			case e.by == client:
				v.explicit = true
			case e.by == vendor && c.author == client:
				v.seconded = true
			case e.by == third && c.accepts(e):
				v.attested = true
			}
		case reverse:
			if slices.Contains(v.undone, i) {
				continue
			}
			if !c.reversedBy(e) {
				v.idle = append(v.idle, idle{i, notEntitled})
			} else if t := when(e); t < full || t == full && e.cause < cause {
				full, cause = t, e.cause
			}
		}
	}

	silent := s.silent(c)
	spells := c.spells(closing, min(silent, explicit), &v, when)
	v.spells = spells
	v.found = c.foundAt(closing, spells, &v, when)
	v.accepted = explicit
	if r.Accept.On != "third" {
		v.accepted = min(explicit, acceptedUnsaid(silent, spells))
	}
	if v.accepted > closing {
		v.accepted = never
	}
	if v.accepted < never {
		v.locked = max(v.accepted, c.locks())
		if v.locked > closing {
			v.locked = never
		}
	}

	// What keeps it from the fee: the earliest, of equals the first here.
	if full <= v.locked && full < never {
		v.void, v.voidAt = cause, full
	}
	if r.Escalation == "void" {
		if h, ok := s.handoffOf(c); ok && h.at <= closing {
			if t := max(h.at, c.at); t <= v.accepted && t < v.voidAt {
				v.void, v.voidAt = escalated, t
			}
		}
	}
	for _, p := range spells {
		if p.upheld && !p.found && p.until < v.voidAt {
			v.void, v.voidAt = disputeUpheld, p.until
		}
		if p.until == never {
			v.open = true
		}
	}
	if v.found < v.voidAt {
		v.void, v.voidAt = found, v.found
	}
	if v.locked < never && full > v.locked && full < never {
		if full <= v.guarantee(c) {
			v.back, v.backAt = cause, full
		}
	}
	v.reductions(c, closing, when)
	return v
}

// locks is the first instant at which the claim can be locked.
func (c *claim) locks() record.Time { return c.rule.version.terms.LockedAt(c.rule.Result, c.at) }

// ownWord reports whether the author of the claim is whose word accepts it.
func (c *claim) ownWord() bool {
	if c.rule.Accept.On == "third" {
		return c.party.ID == c.rule.Accept.By
	}
	return c.author == client
}

// accepts reports whether an acceptance is by whose word accepts the claim:
// the client, or the third party that the terms name.
func (c *claim) accepts(e *event) bool {
	if c.rule.Accept.On == "third" {
		return e.by == third // one by another third party was taken as a remark
	}
	return e.by == client
}

// reversedBy reports whether the author of a reversal may take the claim back.
// The vendor takes back its own: what the client or a third party claims can be
// what lowers the fee.
func (c *claim) reversedBy(e *event) bool { return e.by != vendor || c.author == vendor }

// silent is the instant at which the claim is accepted if nobody says anything.
func (s *State) silent(c *claim) record.Time {
	a := c.rule.Accept
	switch a.On {
	case "claim":
		return s.delivered(c)
	case "silence":
		if c.backfilled {
			return never
		}
		base := s.seen(c)
		if a.From == "receipt" {
			base = max(base, s.received(c.n))
		}
		return after(base, a.After)
	}
	return never
}

// received is the instant of the first receipt that covers record n, never if
// there is none.
func (s *State) received(n int64) record.Time {
	i, _ := slices.BinarySearchFunc(s.receipts, n+1, func(r receipt, size int64) int { return cmp.Compare(r.size, size) })
	if i == len(s.receipts) {
		return never
	}
	return s.receipts[i].at
}

// spells returns the disputes that are in force, by their instants. unbound is
// the last instant at which the other side is bound neither by silence nor by
// its word: until then it may dispute in any case.
func (c *claim) spells(closing, unbound record.Time, v *view, when func(*event) record.Time) []spell {
	window := record.Time(-1)
	if d := c.rule.Dispute; d != nil {
		window = max(unbound, after(v.seen, d.Within))
	}
	var spells []spell
	var end endings
	for i := range c.events {
		d := &c.events[i]
		if d.kind != dispute && d.kind != contested || d.at > closing {
			continue
		}
		from := when(d)
		switch {
		case d.by == c.author:
			v.idle = append(v.idle, idle{i, notEntitled})
			continue
		case from > window:
			v.idle = append(v.idle, idle{i, disputeLate})
			continue
		}
		if end.said == nil {
			end = c.endings(closing, when)
		}
		// The first end counts; of equals a resolution before a withdrawal
		// before a lapse, and upheld before rejected.
		p := spell{from: from, until: never, event: i}
		w, decided := end.said[d.id]
		if over := min(w.rejected, w.kept); d.kind == contested && decided && over < c.at && over < min(w.upheld, w.found) {
			continue // it was over before there was a claim
		}
		if u := c.rule.Dispute; u.Then != "arbiter" && from+record.Time(u.After) <= closing {
			p = spell{event: i, from: from, until: from + record.Time(u.After), upheld: u.Then == "void", lapsed: true}
		}
		accepts := end.accepts
		if c.rule.Accept.On == "third" && d.by == client {
			accepts = end.clients
		}
		if k, _ := slices.BinarySearch(accepts, from); k < len(accepts) && accepts[k] <= p.until {
			p = spell{event: i, from: from, until: accepts[k]}
		}
		if decided {
			// A finding is nobody's word: what it rejects is over, and accepts no
			// more than a lapse does.
			if t := max(w.kept, from); t < never && t <= p.until {
				p = spell{event: i, from: from, until: t, lapsed: true, decided: true}
			}
			if t := max(w.rejected, from); t < never && t <= p.until {
				p = spell{event: i, from: from, until: t, decided: true}
			}
			if t := max(w.found, from); t < never && t <= p.until {
				p = spell{event: i, from: from, until: t, upheld: true, found: true}
			}
			if t := max(w.upheld, from); t < never && t <= p.until {
				p = spell{event: i, from: from, until: t, upheld: true}
			}
		}
		spells = append(spells, p)
	}
	slices.SortFunc(spells, func(a, b spell) int { return cmp.Compare(a.from, b.from) })
	return spells
}

// endings are what can end disputes, so that each finds its own without
// looking at all events.
type endings struct {
	accepts []record.Time           // of whose word accepts, and did not claim, sorted
	clients []record.Time           // of the client, where a third party's word accepts, sorted
	said    map[string]dispositions // by the id of the dispute
}

// dispositions are the first instants at which a dispute was upheld and rejected
// by word, and by a finding (found, kept), never if it was not.
type dispositions struct{ upheld, rejected, found, kept record.Time }

func (c *claim) endings(closing record.Time, when func(*event) record.Time) endings {
	end := endings{said: map[string]dispositions{}}
	for i := range c.events {
		e := &c.events[i]
		if e.at > closing {
			continue
		}
		switch e.kind {
		case accept:
			switch {
			case c.accepts(e) && !c.ownWord(): // whoever claimed has had its word
				end.accepts = append(end.accepts, when(e))
			case e.by == client:
				end.clients = append(end.clients, when(e))
			}
		case uphold, reject, findVoid, findKeep:
			w, ok := end.said[e.id]
			if !ok {
				w = dispositions{never, never, never, never}
			}
			switch e.kind {
			case uphold:
				w.upheld = min(w.upheld, e.at)
			case findVoid:
				w.found = min(w.found, e.at)
			case findKeep:
				w.kept = min(w.kept, e.at)
			default:
				w.rejected = min(w.rejected, e.at)
			}
			end.said[e.id] = w
		}
	}
	slices.Sort(end.accepts)
	slices.Sort(end.clients)
	return end
}

// acceptedUnsaid is the instant of acceptance without the word of whoever accepts:
// the first at which no dispute is open, and which is at or after the silent
// instant or the end, by somebody's word, of a dispute. The lapse of a dispute
// accepts nothing that silence would not have accepted.
func acceptedUnsaid(silent record.Time, spells []spell) record.Time {
	for len(spells) > 0 && spells[0].from <= silent {
		// Disputes of which each begins before those before it are over.
		over, said := spells[0].until, !spells[0].lapsed
		for spells = spells[1:]; len(spells) > 0 && spells[0].from <= over; spells = spells[1:] {
			switch p := spells[0]; {
			case p.until > over:
				over, said = p.until, !p.lapsed
			case p.until == over:
				said = said || !p.lapsed
			}
		}
		if said || over >= silent {
			return over
		}
	}
	return silent
}

// guarantee is the last instant at which a reversal after the lock counts, one
// before the lock if the terms give no guarantee.
func (v *view) guarantee(c *claim) record.Time {
	g := c.rule.Reopen
	if g == nil {
		return v.locked - 1
	}
	base := v.seen
	switch g.From {
	case "accepted":
		base = max(base, v.accepted)
	case "locked":
		base = max(base, v.locked)
	}
	return after(base, g.Within)
}

// reductions sorts out the reversals in part, and those in full that come too
// late.
func (v *view) reductions(c *claim, closing record.Time, when func(*event) record.Time) {
	var order []int
	for i := range c.events {
		e := &c.events[i]
		if e.at > closing {
			continue
		}
		switch {
		case slices.Contains(v.undone, i):
		case e.kind == reduce && !c.reversedBy(e):
			v.idle = append(v.idle, idle{i, notEntitled})
		case e.kind == reduce:
			order = append(order, i)
		case e.kind == reverse && c.reversedBy(e) && v.locked < never && when(e) > max(v.locked, v.guarantee(c)):
			v.idle = append(v.idle, idle{i, afterGuarantee})
		}
	}
	if order == nil {
		return
	}
	left, ok := quantityOf(c)
	slices.SortFunc(order, func(i, j int) int {
		a, b := &c.events[i], &c.events[j]
		return cmp.Or(cmp.Compare(when(a), when(b)), a.quantity.cmp(b.quantity))
	})
	for _, i := range order {
		e := &c.events[i]
		locked := when(e) > v.locked
		switch {
		case !ok || e.quantity.sign() <= 0 || !e.quantity.brief():
			v.idle = append(v.idle, idle{i, noQuantity})
		case locked && when(e) > v.guarantee(c):
			v.idle = append(v.idle, idle{i, afterGuarantee})
		case e.quantity.cmp(left) > 0:
			v.idle = append(v.idle, idle{i, overReversed})
		default:
			left = left.sub(e.quantity)
			v.reduces = append(v.reduces, reduction{when(e), e.quantity, e.n, locked})
		}
	}
}

// quantityOf is the quantity of the claim that reversals in part reduce.
func quantityOf(c *claim) (number, bool) {
	if c.rule.Quantity == "" {
		return number{}, false
	}
	v, ok := c.fact(c.rule.Quantity)
	if !ok {
		return number{}, false
	}
	return valueNumber(v)
}

// bound is above every value of a record that a measure takes.
var bound = tenTo(terms.MaxValueDigits)

// factNumber is the value of a decimal fact.
func factNumber(facts record.Facts, name string) (number, bool) {
	v, ok := facts.Get(name)
	if !ok {
		return number{}, false
	}
	return valueNumber(v)
}

func valueNumber(v record.Value) (number, bool) {
	if v.IsBool {
		return number{}, false
	}
	x, err := parseNumber(v.Text)
	if err != nil {
		return number{}, false
	}
	if len(v.Text) > terms.MaxValueDecimals && !x.brief() {
		return number{}, false
	}
	return x, true
}

// brief reports whether a measure takes x.
func (x number) brief() bool {
	return x.cmp(bound) < 0 && x.neg().cmp(bound) < 0 && x.cmp(x.round(terms.MaxValueDecimals, exact.Down)) == 0
}

// measure gives what the claim adds to the measures of its version, with its
// quantity reduced. truth is that of the result's condition: 1, 0, or -1 where
// it or a measure has no value.
func (c *claim) measure(reduced number, buffer []part, credits *touches) (parts []part, truth int) {
	facts := c.reduced(reduced, credits.facts[:0])
	credits.facts = facts
	parts = buffer
	if truth := holds(c.rule.Where, facts, c.at); truth != 1 {
		return parts, truth
	}
	for _, u := range c.rule.uses {
		p, truth := u.part(u.at, facts, c.at)
		switch {
		case truth == 0:
			continue
		case truth < 0:
			return parts[:len(buffer)], -1
		}
		if u.Credit != nil {
			if p.quantity = credits.share(c, u.Credit, p.quantity); p.quantity.sign() == 0 {
				continue
			}
		}
		parts = append(parts, p)
	}
	return parts, 1
}

// reduced are the facts of the claim, its quantity reduced, appended to the
// buffer.
func (c *claim) reduced(by number, buffer record.Facts) record.Facts {
	facts := c.facts(buffer)
	if by.sign() > 0 {
		left, _ := quantityOf(c)
		i := slices.IndexFunc(facts, func(f record.Fact) bool { return f.Name == c.rule.Quantity })
		facts[i].Value.Text = left.sub(by).String()
	}
	return facts
}

// holds is the truth of a condition over the facts of what occurred then: 1,
// 0, or -1 where it has no value.
func holds(condition *terms.Expr, facts record.Facts, occurred record.Time) int {
	if condition == nil {
		return 1
	}
	return condition.Truth(facts, occurred)
}

// target gives the parts that should stand in the quantities at the end of a
// period: those at the lock, less what was reversed after it before until.
// Nothing ever increases, and after the lock what has no value counts for
// nothing.
func (c *claim) target(v *view, until record.Time, buffer []part, credits *touches) (parts []part, truth int) {
	var reduced number
	for _, r := range v.reduces {
		if !r.locked {
			reduced = reduced.add(r.quantity)
		}
	}
	parts, truth = c.measure(reduced, buffer, credits)
	if truth != 1 {
		return parts, truth
	}
	for _, r := range v.reduces {
		if r.locked && r.at < until {
			reduced = reduced.add(r.quantity)
			now, _ := c.measure(reduced, nil, credits)
			kept := least(parts[len(buffer):], now)
			parts = append(parts[:len(buffer)], kept...)
		}
	}
	return parts, 1
}

// least keeps of each measure in both lists the smaller quantity.
func least(a, b []part) []part {
	var out []part
	for _, p := range a {
		for _, q := range b {
			if p.measure == q.measure {
				p.quantity = smaller(p.quantity, q.quantity)
				out = append(out, p)
			}
		}
	}
	return out
}

func sameParts(a, b []part) bool {
	return slices.EqualFunc(a, b, func(a, b part) bool {
		return a.measure == b.measure && a.text == b.text && a.quantity.cmp(b.quantity) == 0
	})
}

// A grade says how far a claim can be believed, the best first.
type grade uint8

const (
	gradeBoth grade = iota
	gradeClient
	gradeThird
	gradeSampled
	gradeVendor
	gradeBackfilled

	grades // how many there are
)

var gradeWords = [grades]string{"both", "client", "third", "sampled", "vendor", "backfilled"}

// grade is the grade of the claim at the closing.
func (v *view) grade(c *claim) grade {
	switch {
	case c.author == client && v.seconded, c.author == vendor && v.explicit:
		return gradeBoth
	case c.author == client:
		return gradeClient
	case c.author == vendor && v.attested:
		return gradeThird
	case c.backfilled && !v.explicit:
		return gradeBackfilled
	case c.author == vendor:
		return gradeVendor
	}
	return gradeThird
}
