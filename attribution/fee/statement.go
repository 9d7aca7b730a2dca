package fee

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// Next is the period to be settled next; ok is false before the agreement and
// past its end.
//
// Periods follow each other from the beginning of the first version on.
func (s *State) Next() (p terms.Period, closing record.Time, ok bool) {
	if len(s.versions) == 0 {
		return p, 0, false
	}
	from := s.versions[0].terms.From
	if len(s.periods) > 0 {
		from = s.lastPeriod().Until
	}
	if p, ok = s.standing.PeriodAt(from); !ok {
		return terms.Period{}, 0, false
	}
	p.From = from
	if len(s.periods) > 0 && p.Name == s.lastPeriod().Name {
		// The term had ended within this calendar period, and a later version
		// took it up again. Its rest goes with the next one: a name is settled
		// once.
		if q, more := s.standing.PeriodAt(p.Until); more {
			p.Name, p.Until = q.Name, q.Until
		}
	}
	return p, s.standing.Closing(p), true
}

// A settlement is a statement in the making: what it decides about each claim,
// and what that changes. The state is not touched before it is taken over.
type settlement struct {
	s       *State
	period  terms.Period
	closing record.Time
	until   record.Time  // what comes before counts in this statement
	terms   *terms.Terms // of the version that governs the period's last moment
	base    int64        // version whose lines are due in any case, 0 if none

	decisions []decision // by claim, in ledger order
	slots     []slot     // touched, in the order of the statement
	changes   map[slot]*change
	current   [][]*change // those of this period, by version and line
	statement *record.Statement
	balance   number // to carry
	left      image  // the state the statement leaves
}

// A decision is what the settlement does with one claim.
type decision struct {
	claim  *claim
	reason reason // unsaid: the claim is not mentioned
	before []part // what stood in the quantities of the period
	parts  []part // what now stands there, of what changes
	period record.Time
	grade  grade
	idle   []idle // told now
	leaves bool
	marks  marks
}

// moves reports whether the decision changes quantities.
func (d *decision) moves() bool { return len(d.parts) > 0 || len(d.before) > 0 }

// A change is what the settlement does to one slot.
type change struct {
	table         *table
	base          bool
	before, after tally
	claims        int64 // of this statement
	first, last   int64
	grades        [grades]number
	uses          map[int]tierUse // of tiers, in mode each

	// For the detail: the slot up to a claim, and its rounded price.
	begun     bool
	cumulated tally
	price     number
}

type tierUse struct{ quantity, amount number }

func (s *State) settle() (*settlement, error) {
	if s.awaits() {
		return nil, fmt.Errorf("the statement of %s is record %d and has not been applied", s.lastPeriod().Name, s.size)
	}
	p, closing, ok := s.Next()
	if !ok {
		if len(s.versions) == 0 {
			return nil, fmt.Errorf("there is no agreement to settle")
		}
		return nil, fmt.Errorf("the term has ended: %s was its last period", s.lastPeriod().Name)
	}
	v := s.governing(p.Until - 1)
	z := &settlement{s: s, period: p, closing: closing, until: p.Until, terms: v.terms, changes: map[slot]*change{}}
	if _, more := s.standing.After(p); !more {
		z.until = closing + 1 // no statement follows that could give back
	}
	if v.number > s.excluded {
		z.base = v.number
	}
	for _, v := range s.versions {
		z.current = append(z.current, make([]*change, len(v.tables)))
	}
	if z.base > 0 {
		for i := range s.versions[z.base-1].tables {
			z.change(slot{p.From, z.base, i})
		}
	}
	z.decisions = make([]decision, len(s.claims))
	// Parts are kept, in pieces of memory that many claims share.
	var parts []part
	for i, c := range s.claims {
		if n := len(c.rule.uses); cap(parts)-len(parts) < n {
			parts = make([]part, 0, max(n, min(1024, n*(len(s.claims)-i))))
		}
		d := &z.decisions[i]
		parts = z.decide(c, d, parts)
		z.count(d)
	}
	return z, nil
}

// decide works out what becomes of c. Its parts are appended to the buffer.
func (z *settlement) decide(c *claim, d *decision, buffer []part) []part {
	s := z.s
	d.claim, d.marks = c, c.marks
	if c.at > z.closing {
		return buffer
	}
	d.marks.since = min(c.since, z.period.From)
	if c.version.number <= s.excluded {
		d.reason, d.leaves = shadow, true
		return buffer
	}
	v := s.look(c, z.closing)
	for _, e := range v.idle {
		if !c.events[e.event].told {
			d.idle = append(d.idle, e)
		}
	}
	var reason reason
	waits := false // for its own period, though nothing else is open
	if c.period != never {
		reason, waits, buffer = z.review(c, &v, d, buffer)
	} else {
		reason, waits, buffer = z.judge(c, &v, d, buffer)
	}
	d.leaves = !waits && z.closing >= c.at+record.Time(c.rule.FinalAfter)
	if d.leaves && (reason == pending || reason == disputed) {
		reason = expired
	}
	// What was said before is not said again, except that it is still open.
	if d.moves() || reason.underWay() || reason != c.said {
		d.reason = reason
	}
	d.marks.said = reason
	return buffer
}

// judge decides about a claim that is not billed.
func (z *settlement) judge(c *claim, v *view, d *decision, buffer []part) (r reason, waits bool, parts []part) {
	t := c.version.terms
	switch {
	case c.at < t.From || c.at >= t.Until:
		return outsideTerm, false, buffer
	case !c.evidenced:
		return evidence, false, buffer
	case v.void != unsaid:
		return v.void, false, buffer
	case v.open:
		return disputed, false, buffer
	case v.locked == never:
		return pending, false, buffer
	case v.back != unsaid && v.backAt < z.until:
		return v.back, false, buffer
	}
	from := len(buffer)
	buffer, truth := c.target(v, z.until, buffer)
	switch {
	case truth == 0:
		return where, false, buffer
	case truth < 0:
		return undefined, false, buffer
	case len(buffer) == from:
		if len(v.reduces) > 0 {
			return reduced, false, buffer
		}
		return noLine, false, buffer
	}
	parts = buffer[from:len(buffer):len(buffer)]
	b := c.billedAt(v)
	period := z.period.From
	switch {
	case b >= z.period.Until:
		if b >= z.s.versions[len(z.s.versions)-1].terms.Until {
			return outsideTerm, false, buffer[:from]
		}
		return pending, true, buffer[:from]
	case b < z.period.From:
		p, ok := z.s.periodAt(b)
		if !ok {
			return outsideTerm, false, buffer[:from]
		}
		switch z.terms.Settle.Late {
		case "current":
		case "correction":
			period = p.From
		case "refuse":
			// A claim that was there when its period was settled is not late.
			if b < d.marks.since {
				return late, false, buffer[:from]
			}
		default:
			panic("fee: unchecked settle.late " + z.terms.Settle.Late)
		}
	}
	d.period, d.parts, d.grade = period, parts, v.grade(c)
	d.marks.period, d.marks.parts = period, parts
	// A reversal of the next period is not lost when the claim would leave now.
	return billed, v.waits(z.until), buffer
}

// review decides about a claim that is billed: what is to be given back.
func (z *settlement) review(c *claim, v *view, d *decision, buffer []part) (r reason, waits bool, parts []part) {
	if len(c.parts) == 0 {
		return c.said, false, buffer // all of it was given back
	}
	d.period = c.period
	at, gone := v.voidAt, v.void
	if v.backAt < at {
		at, gone = v.backAt, v.back
	}
	if gone != unsaid && at < z.until {
		d.before, d.marks.parts = c.parts, nil
		return gone, false, buffer
	}
	waits = v.waits(z.until)
	if v.locked == never || len(v.reduces) == 0 {
		return c.said, waits, buffer
	}
	from := len(buffer)
	buffer, truth := c.target(v, z.until, buffer)
	if truth != 1 {
		buffer = buffer[:from]
	}
	now := least(c.parts, buffer[from:])
	buffer = buffer[:from]
	if slices.EqualFunc(now, c.parts, func(a, b part) bool { return a.line == b.line && a.quantity.cmp(b.quantity) == 0 }) {
		return c.said, waits, buffer
	}
	d.before, d.parts, d.marks.parts = c.parts, now, now
	return reduced, waits, buffer
}

// waits reports whether something known at the closing takes effect in a later
// period only.
func (v *view) waits(until record.Time) bool {
	if v.void != unsaid && v.voidAt >= until || v.back != unsaid && v.backAt >= until {
		return true
	}
	return slices.ContainsFunc(v.reduces, func(r reduction) bool { return r.at >= until })
}

// billedAt is the instant that decides the period of a claim.
func (c *claim) billedAt(v *view) record.Time {
	switch c.rule.BilledAt {
	case "occurred":
		return c.at
	case "accepted":
		return v.accepted
	case "locked":
		return v.locked
	case "recorded":
		return c.logged
	}
	panic("fee: unchecked billed_at " + c.rule.BilledAt)
}

// change is the change of a slot, begun if there is none.
func (z *settlement) change(at slot) *change {
	now := at.period == z.period.From
	y := z.current[at.version-1][at.line]
	if !now {
		y = z.changes[at]
	}
	if y != nil {
		return y
	}
	y = &change{table: z.s.versions[at.version-1].tables[at.line], first: -1, last: -1}
	base := z.base
	if at.period != z.period.From {
		p, _ := z.s.periodAt(at.period)
		base = p.base
	}
	y.base = at.version == base
	if t := z.s.tallies[at]; t != nil {
		y.before = *t
	}
	y.after = y.before
	z.changes[at] = y
	if now {
		z.current[at.version-1][at.line] = y
	}
	z.slots = append(z.slots, at)
	return y
}

// count adds a decision to the slots it changes.
func (z *settlement) count(d *decision) {
	add := func(list []part, sign number, claims int64) {
		for _, p := range list {
			y := z.change(slot{d.period, d.claim.version.number, p.line})
			y.after.add(y.table, p.quantity, sign, claims)
			if claims < 0 {
				continue
			}
			y.claims++
			if y.first < 0 {
				y.first = d.claim.n
			}
			y.last = d.claim.n
			if d.reason == billed && d.period == z.period.From {
				y.grades[d.grade] = y.grades[d.grade].add(larger(p.quantity, number{}))
				if y.table.mode == each {
					y.use(p.quantity)
				}
			}
		}
	}
	add(d.before, minusOne, -1)
	add(d.parts, one, 1)
}

// add counts one claim's quantity in or out.
func (y *tally) add(t *table, q, sign number, claims int64) {
	y.claims += claims
	y.quantity = y.quantity.add(q.mul(sign))
	if t.mode == each {
		y.sum = y.sum.add(t.price(q).mul(sign))
	}
}

func (y *change) use(q number) {
	if y.uses == nil {
		y.uses = map[int]tierUse{}
	}
	y.table.split(q, func(tier int, quantity, amount number) {
		u := y.uses[tier]
		y.uses[tier] = tierUse{u.quantity.add(quantity), u.amount.add(amount)}
	})
}

// Settle computes the statement of the next period over the records applied so
// far. The state does not change: it moves on when the statement's record is
// applied. detail, if not nil, receives each canonical detail line; it must not
// keep it.
func (s *State) Settle(detail func(line []byte) error) (*record.Statement, error) {
	z, err := s.settle()
	if err != nil {
		return nil, err
	}
	if err := z.write(detail); err != nil {
		return nil, err
	}
	return z.statement, nil
}

// price computes the amounts: those of the lines as they enter the subtotal,
// with the changes they come from, and the subtotal.
func (z *settlement) price() (amounts []number, current []*change, subtotal number) {
	s, t := z.s, z.terms
	round := z.round
	money := func(x number) record.Decimal { return fixed(x, t.Scale) }

	st := &record.Statement{
		Period: z.period.Name, From: z.period.From, Until: z.period.Until, Closing: z.closing,
		Agreed: true, Currency: t.Currency,
	}
	z.statement = st
	slices.SortFunc(z.slots, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.version, b.version), cmp.Compare(a.line, b.line))
	})

	// Lines of this period.
	var sum number
	for _, at := range z.slots {
		if at.period != z.period.From {
			continue
		}
		y := z.changes[at]
		l := record.Line{Version: at.version, Name: y.table.name, Quantity: plain(y.after.quantity), Records: y.claims, First: y.first, Last: y.last}
		l.Tiers = y.tiers()
		x := y.after.amount(y.table, y.base, func(a adjust, before, after number) {
			l.Adjust = append(l.Adjust, shown(a, before, after))
		})
		if t.Rounding.At == "line" {
			x = round(x)
		}
		amounts, current = append(amounts, x), append(current, y)
		sum = sum.add(x)
		st.Lines = append(st.Lines, l)
	}
	if t.Rounding.At != "line" {
		exacts := make([]exact.Rat, len(amounts))
		for i, x := range amounts {
			exacts[i] = x.rat()
		}
		amounts = parts(exacts, round(sum), t.Scale)
	}
	for i := range st.Lines {
		st.Lines[i].Amount = money(amounts[i])
	}

	// The statement's own adjustments.
	var minimum []adjust
	if z.base > 0 {
		minimum = s.versions[z.base-1].minimum
	}
	subtotal = round(adjusted(sum, minimum, func(a adjust, before, after number) {
		st.Adjust = append(st.Adjust, shown(a, before, after))
	}))
	st.Subtotal = money(subtotal)

	// Corrections of earlier periods.
	total := subtotal
	for _, at := range z.slots {
		if at.period == z.period.From {
			continue
		}
		y := z.changes[at]
		p, _ := s.periodAt(at.period)
		x := round(y.after.amount(y.table, y.base, nil)).sub(round(y.before.amount(y.table, y.base, nil)))
		total = total.add(x)
		st.Corrections = append(st.Corrections, record.Correction{
			Period: p.Name, Version: at.version, Line: y.table.name,
			QuantityBefore: plain(y.before.quantity), Quantity: plain(y.after.quantity), Amount: money(x),
		})
	}

	// The balance.
	carriedIn := z.carriedIn()
	total = total.add(carriedIn)
	z.balance = number{}
	if total.sign() < 0 {
		switch t.Settle.Negative {
		case "carry":
			z.balance, total = total, number{}
		case "credit":
		case "forfeit":
			total = number{}
		default:
			panic("fee: unchecked settle.negative " + t.Settle.Negative)
		}
	}
	st.CarriedIn, st.Total, st.CarriedOut = money(carriedIn), money(total), money(z.balance)
	return amounts, current, subtotal
}

// write fills in the statement.
func (z *settlement) write(detail func(line []byte) error) error {
	amounts, current, subtotal := z.price()
	z.involve()
	z.gradeParts(amounts, current, subtotal)
	z.counts()
	if err := z.detail(detail); err != nil {
		return err
	}
	if err := z.fits(); err != nil {
		return err
	}
	z.left = z.leave()
	z.statement.State = z.left.digest()
	return nil
}

// round makes money of an exact amount.
func (z *settlement) round(x number) number {
	return x.round(z.terms.Scale, exact.Mode(z.terms.Rounding.Mode))
}

// carriedIn is the balance of the statements before. It ends with a history
// that the client excluded when it signed.
func (z *settlement) carriedIn() number {
	if n := len(z.s.periods); n > 0 && z.s.periods[n-1].base <= z.s.excluded {
		return number{}
	}
	return z.s.carried
}

// tiers shows what each tier contributed.
func (y *change) tiers() []record.TierUse {
	var out []record.TierUse
	show := func(tier int, quantity, amount number) {
		out = append(out, record.TierUse{Tier: int64(tier), Quantity: plain(quantity), Amount: display(amount)})
	}
	switch {
	case y.table.mode == each:
		for i := range y.table.tiers {
			if u, ok := y.uses[i]; ok {
				show(i, u.quantity, u.amount)
			}
		}
	case y.after.claims > 0 || y.base:
		y.table.split(y.after.quantity, show)
	}
	return out
}

func shown(a adjust, before, after number) record.Adjustment {
	return record.Adjustment{Op: a.op, Before: display(before), After: display(after)}
}

// involve names the versions of the terms that govern something in the
// statement, and whether all of them are agreed.
func (z *settlement) involve() {
	involved := make([]bool, len(z.s.versions))
	for _, at := range z.slots {
		involved[at.version-1] = true
	}
	for i := range z.decisions {
		if d := &z.decisions[i]; d.reason != unsaid {
			involved[d.claim.version.number-1] = true
		}
	}
	for _, l := range z.s.loose {
		if l.version > 0 && l.at <= z.closing {
			involved[l.version-1] = true
		}
	}
	involved[z.s.governing(z.period.Until-1).number-1] = true
	for i, v := range z.s.versions {
		if involved[i] {
			z.statement.Terms = append(z.statement.Terms, v.digest)
			z.statement.Agreed = z.statement.Agreed && (v.agreed || v.number <= z.s.adopted)
		}
	}
}

// gradeParts splits the subtotal by how far the claims behind it can be believed:
// the amount of each line by the share of its quantity, all of it together by
// the rule for parts. What no quantity stands behind rests on the terms alone,
// which both signed, or the vendor.
func (z *settlement) gradeParts(amounts []number, lines []*change, subtotal number) {
	if subtotal.sign() == 0 {
		return
	}
	bare := gradeBoth
	if !z.statement.Agreed {
		bare = gradeVendor
	}
	// Shares are quotients, so these are the numbers of package exact.
	weights := make([]exact.Rat, grades)
	var sum exact.Rat
	add := func(g grade, x exact.Rat) {
		weights[g] = weights[g].Add(x)
		sum = sum.Add(x)
	}
	for i, y := range lines {
		var all number
		for _, q := range y.grades {
			all = all.add(q)
		}
		if all.sign() == 0 {
			add(bare, amounts[i].rat())
			continue
		}
		for g, q := range y.grades {
			x, _ := amounts[i].mul(q).rat().Quo(all.rat())
			add(grade(g), x)
		}
	}
	if sum.Sign() == 0 {
		add(bare, exact.Int(1))
	}
	for i := range weights {
		weights[i], _ = subtotal.rat().Mul(weights[i]).Quo(sum)
	}
	for i, x := range parts(weights, subtotal, z.terms.Scale) {
		if x.sign() != 0 {
			z.statement.Grades = append(z.statement.Grades, record.Grade{Grade: gradeWords[i], Amount: fixed(x, z.terms.Scale)})
		}
	}
}

// counts says how many claims and idle events there were of each reason.
func (z *settlement) counts() {
	var counts [reasons]int64
	for i := range z.decisions {
		d := &z.decisions[i]
		counts[d.reason]++
		for _, e := range d.idle {
			counts[e.reason]++
		}
	}
	for _, l := range z.s.loose {
		if l.at <= z.closing {
			counts[l.reason]++
		}
	}
	for r, n := range counts {
		if n > 0 && reason(r) != unsaid {
			z.statement.Counts = append(z.statement.Counts, record.Count{Reason: reason(r).String(), N: n})
		}
	}
	slices.SortFunc(z.statement.Counts, func(a, b record.Count) int { return cmp.Compare(a.Reason, b.Reason) })
}

// fits refuses a statement that no record can hold.
func (z *settlement) fits() error {
	st := z.statement
	check := func(d record.Decimal, what string) error {
		if _, err := record.ParseDecimal(string(d)); err != nil {
			return fmt.Errorf("statement %s: %s: %v", st.Period, what, err)
		}
		return nil
	}
	for _, l := range st.Lines {
		for _, d := range []record.Decimal{l.Quantity, l.Amount} {
			if err := check(d, "line "+l.Name); err != nil {
				return err
			}
		}
		for _, u := range l.Tiers {
			if err := check(u.Amount, "line "+l.Name); err != nil {
				return err
			}
		}
		for _, a := range l.Adjust {
			if err := check(a.Before, "line "+l.Name); err != nil {
				return err
			}
		}
	}
	for _, a := range st.Adjust {
		if err := check(a.Before, a.Op); err != nil {
			return err
		}
	}
	for _, c := range st.Corrections {
		for _, d := range []record.Decimal{c.QuantityBefore, c.Quantity, c.Amount} {
			if err := check(d, "correction of "+c.Period); err != nil {
				return err
			}
		}
	}
	for _, d := range []record.Decimal{st.Subtotal, st.Total, st.CarriedOut} {
		if err := check(d, "total"); err != nil {
			return err
		}
	}
	// And as a whole, whatever the digest of the state will be: the terms leave
	// room for the longest statement there can be.
	whole := *st
	whole.State = st.Detail
	r := &record.Record{Kind: record.KindStatement, ID: "statement/" + st.Period, By: z.terms.Operator().ID, At: z.closing, Body: &whole}
	if _, err := record.Marshal(r); err != nil {
		return fmt.Errorf("statement %s: %v", st.Period, err)
	}
	return nil
}

// plain writes a quantity.
func plain(x number) record.Decimal { return record.Decimal(x.append(nil)) }

// fixed writes an amount that is rounded to scale.
func fixed(x number, scale int) record.Decimal { return record.Decimal(x.appendFixed(nil, scale)) }

// displayScale is the most decimals of a figure that is shown and not summed.
const displayScale = 18

// display writes a figure that is shown and not summed.
func display(x number) record.Decimal {
	return plain(x.round(displayScale, exact.HalfEven))
}

// applyStatement checks r against the computed statement and moves on.
func (s *State) applyStatement(r *record.Record, b *record.Statement) error {
	refuse := func(field, reason string, args ...any) error {
		return &record.Refusal{Check: "statements", N: r.Log.N, ID: r.ID, Field: field, Reason: fmt.Sprintf(reason, args...)}
	}
	if s.awaits() {
		return s.applyAwaited(r, b)
	}
	p, closing, ok := s.Next()
	switch {
	case !ok:
		return refuse("body.period", "is %s, and there is nothing left to settle", b.Period)
	case b.Period != p.Name:
		return refuse("body.period", "is %s, want %s: periods are settled in order", b.Period, p.Name)
	case r.Log.Time < closing:
		return refuse("log.time", "is %v, before %s closes at %v", r.Log.Time, p.Name, closing)
	}
	// Who may not write it is told so before anything is computed.
	after := s.standing.Clone()
	if err := after.Apply(r); err != nil {
		return err
	}
	z, err := s.settle()
	if err == nil {
		err = z.write(nil)
	}
	if err != nil {
		return refuse("body", "%v", err)
	}
	*s.standing = *after
	z.take()
	s.statement = s.size
	s.size++
	if d := differences(b, z.statement); len(d) > 0 {
		return &Mismatch{r.Log.N, b, z.statement, d}
	}
	return nil
}

// awaits reports whether the next record is the statement that s already
// accounts for: s was read from the state lines it leaves.
func (s *State) awaits() bool { return s.statement == s.size }

// applyAwaited takes the statement whose state lines s was read from. What it
// was computed from is not at hand; that it leaves this state is.
func (s *State) applyAwaited(r *record.Record, b *record.Statement) error {
	p := s.lastPeriod()
	got := [...]string{b.Period, b.From.String(), b.Until.String(), b.Closing.String(), string(b.State)}
	want := [...]string{p.Name, p.From.String(), p.Until.String(), p.closing.String(), string(s.Digest())}
	for i, field := range [...]string{"body.period", "body.from", "body.until", "body.closing", "body.state"} {
		if got[i] != want[i] {
			return &record.Refusal{Check: "statements", N: r.Log.N, ID: r.ID, Field: field, Reason: fmt.Sprintf("is %s, and the state it leaves says %s", got[i], want[i])}
		}
	}
	if err := s.standing.Apply(r); err != nil {
		return err
	}
	s.size++
	return nil
}

// leave is the state after the statement, before its record.
func (z *settlement) leave() image {
	s := z.s
	m := image{
		standing: s.standing, size: s.size, statement: s.size,
		carried: z.balance, versions: s.versions,
		tallies: map[slot]*tally{}, handoffs: map[string]*handoffs{},
		claims: make([]claimLine, 0, len(z.decisions)),
	}
	booked, covered := never, never // earliest booking, first claim that a receipt may accept
	earliest := map[string]record.Time{}
	for i := range z.decisions {
		d := &z.decisions[i]
		if d.leaves {
			continue
		}
		m.claims = append(m.claims, claimLine{d.claim, d.marks, d.idle})
		booked = min(booked, d.marks.period)
		covered = min(covered, record.Time(d.claim.n))
		if _, ok := s.handoffs[d.claim.matter]; ok {
			at, ok := earliest[d.claim.matter]
			if !ok {
				at = never
			}
			earliest[d.claim.matter] = min(at, d.claim.at)
		}
	}

	// What no claim, present or to come, can ask for any more is dropped. A
	// claim to come has its horizon after this closing.
	past := z.closing - s.horizon()
	m.periods = append(slices.Clone(s.periods), settled{z.period, z.closing, z.base})
	for len(m.periods) > 1 && m.periods[0].Until <= past && m.periods[0].From < booked {
		m.periods = m.periods[1:]
	}
	keep := func(at slot, y *tally) {
		if at.period >= m.periods[0].From && y.claims > 0 {
			m.tallies[at] = y
		}
	}
	for at, y := range s.tallies {
		keep(at, y)
	}
	for at, y := range z.changes {
		delete(m.tallies, at)
		keep(at, &y.after)
	}
	for matter, list := range s.handoffs {
		at, ok := earliest[matter]
		var kept handoffs
		for against := range scopes {
			// The earliest claim that there is or may come: the others count.
			i := 0
			for i < len(list[against]) && list[against][i].until <= past && !(ok && at < list[against][i].until) {
				i++
			}
			if i < len(list[against]) {
				kept[against] = list[against][i:]
				m.handoffs[matter] = &kept
			}
		}
	}
	for _, r := range s.receipts {
		if r.size > int64(covered) {
			m.receipts = append(m.receipts, r)
		}
	}
	for _, l := range s.loose {
		if l.at > z.closing {
			m.loose = append(m.loose, l)
		}
	}
	m.taken = z.takenAfter()
	return m
}

// take moves the state on as the settlement decided.
func (z *settlement) take() {
	s, m := z.s, &z.left
	for i := range z.decisions {
		d := &z.decisions[i]
		c := d.claim
		if !d.leaves {
			c.marks = d.marks
			for _, e := range d.idle {
				c.events[e.event].told = true
			}
			continue
		}
		for j := range c.events {
			if c.events[j].kind == dispute {
				delete(s.disputes, c.events[j].id)
			}
		}
	}
	if len(m.claims) < len(s.claims) {
		left := make([]*claim, len(m.claims))
		for i := range m.claims {
			left[i] = m.claims[i].claim
		}
		s.setClaims(left)
	}
	s.carried, s.periods, s.tallies = m.carried, m.periods, m.tallies
	s.handoffs, s.receipts, s.loose = m.handoffs, m.receipts, m.loose
	s.taken = newTaken(m.taken)
}
