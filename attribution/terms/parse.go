package terms

import (
	"bytes"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// Parse reads the canonical JSON of terms and type-checks them whole. With a
// mistake that is not a warning the Terms are nil; all mistakes are returned.
func Parse(json []byte) (*Terms, []Mistake) {
	d := &document{}
	if len(json) > MaxBytes {
		d.fail("", "has %d bytes, at most %d", len(json), MaxBytes)
		return nil, d.mistakes
	}
	tree, err := record.ParseCanonical(json)
	if err != nil {
		d.fail("", "is not canonical JSON: %v", err)
		return nil, d.mistakes
	}
	t := d.terms(tree, nil)
	if d.failed() {
		return nil, d.mistakes
	}
	// Each field was checked; this holds what no field alone can break.
	if !bytes.Equal(t.Marshal(), json) {
		d.fail("", "is not in canonical form")
		return nil, d.mistakes
	}
	return t, d.mistakes
}

// terms reads the whole document. In a draft, zone gives the offsets of the
// calendar where they are absent.
func (d *document) terms(tree any, zone func(zone string, from, until record.Time) ([]Offset, error)) *Terms {
	t := &Terms{}
	o, ok := d.object("", tree)
	if !ok {
		return t
	}
	t.Title = o.free("title")
	d.parties(t, o)
	d.header(t, o)
	d.effective(t, o)
	d.calendar(t, o, zone)
	o.named("results", 1, maxResults, func(path, name string, v any) {
		d.checkName(path, name)
		t.Results = append(t.Results, d.result(t, path, name, v))
	})
	o.named("measures", 1, maxMeasures, func(path, name string, v any) {
		d.checkName(path, name)
		t.Measures = append(t.Measures, d.measure(t, path, name, v))
	})
	d.lines(t, o)
	t.Adjust = d.adjustments(t, o)
	d.settle(t, o)
	t.Responsibility = d.responsibility(t, o)
	o.end()
	// What is said of the whole would mislead where a part is wrong.
	if !d.failed() {
		d.checkRoom(t)
		d.review(t)
	}
	return t
}

func (d *document) parties(t *Terms, o *object) {
	raw := map[string]string{} // party by key
	o.named("parties", 2, maxParties, func(path, id string, v any) {
		if !isID(id) {
			d.fail(path, "party id %s: want %s", quote(id), wantID)
		}
		p := Party{ID: id}
		if po, ok := d.object(path, v); ok {
			p.Role = po.choice("role", record.RoleVendor, record.RoleClient, record.RoleThird, record.RoleArbiter)
			p.Name = po.free("name")
			p.Keys = po.set("keys", maxKeys, func(at, key string) bool {
				if _, err := record.ParsePublicKey(key); err != nil {
					d.fail(at, "%v", err)
					return false
				}
				// A key has one text only, so equal keys are equal texts.
				if owner, ok := raw[key]; ok && owner != id {
					d.fail(at, "is a key of %s already: each party has its own", owner)
					return false
				}
				raw[key] = id
				return true
			})
			po.end()
		}
		t.Parties = append(t.Parties, p)
	})
	for _, role := range []string{record.RoleVendor, record.RoleClient} {
		n := 0
		for i := range t.Parties {
			if t.Parties[i].Role == role {
				n++
			}
		}
		if n != 1 && len(t.Parties) > 0 {
			d.fail("parties", "%d have the role %s, want exactly one", n, role)
		}
	}
}

func (d *document) header(t *Terms, o *object) {
	const wantCurrency = "three capital letters"
	if s, ok := o.text("currency", wantCurrency); ok {
		if len(s) != 3 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			d.fail("currency", "got %s, want %s", quote(s), wantCurrency)
		}
		t.Currency = s
	}
	t.Scale = MaxScale // where it is a mistake, it is the only one
	if i, ok := o.integer("scale", 0, MaxScale); ok {
		t.Scale = i
	}
	if r, ok := o.object("rounding"); ok {
		t.Rounding.Mode = r.choice("mode", "half_up", "half_even", "down", "up")
		t.Rounding.At = r.choice("at", "line", "statement")
		r.end()
	}
	const wantDelay = `a duration like 72h or "unlimited"`
	if v, path, ok := o.field("record_delay", wantDelay); ok {
		if v == "unlimited" {
			t.RecordDelay = Unlimited
		} else {
			t.RecordDelay, _ = d.durationOf(path, v, wantDelay)
		}
	}
	if s, ok := o.duration("skew"); ok {
		if s > MaxSkew {
			d.fail("skew", "got %s, at most %s", s, MaxSkew)
		}
		t.Skew = s
	}
	t.Backfill = o.choice("backfill", "accept", "refuse")
}

func (d *document) effective(t *Terms, o *object) {
	e, ok := o.object("effective")
	if !ok {
		return
	}
	from, okFrom := e.time("from")
	until, okUntil := e.time("until")
	e.end()
	if !okFrom || !okUntil {
		return
	}
	switch {
	case until <= from:
		d.fail("effective.until", "got %s, want later than from %s", until, from)
	case until-from > record.Time(MaxTerm):
		d.fail("effective.until", "is %s after from, at most %s", Duration(until-from), MaxTerm)
	case until > lastUntil:
		d.fail("effective.until", "got %s, at most %s", until, lastUntil)
	default:
		t.From, t.Until = from, until
	}
}

func (d *document) calendar(t *Terms, o *object, zone func(zone string, from, until record.Time) ([]Offset, error)) {
	c, ok := o.object("calendar")
	if !ok {
		return
	}
	defer c.end()
	const wantZone = "the IANA name of a time zone, like Europe/Berlin or UTC"
	named := false
	if s, ok := c.text("zone", wantZone); ok {
		if named = isZone(s); !named {
			d.fail("calendar.zone", "got %s, want %s", quote(s), wantZone)
		}
		t.Calendar.Zone = s
	}
	t.Calendar.Period = c.choice("period", "day", "week", "month", "quarter", "year")
	if _, ok := c.fields["offsets"]; !ok && zone != nil {
		// They belong to the span, and to a zone: without these there is a
		// mistake already.
		if named && t.From < t.Until {
			offsets, err := zone(t.Calendar.Zone, t.From, t.Until)
			if err != nil {
				d.fail("calendar.zone", "%v", err)
				return
			}
			t.Calendar.Offsets = cutOffsets(offsets, t.From, t.Until)
			d.checkOffsets(t)
		}
		return
	}
	l, path, ok := c.list("offsets", maxOffsets)
	if !ok {
		return
	}
	for i, v := range l {
		at := element(path, i)
		e, ok := d.object(at, v)
		if !ok {
			return
		}
		from, okFrom := e.time("from")
		minutes, okMinutes := e.integer("minutes", -MaxOffsetMinutes, MaxOffsetMinutes)
		e.end()
		if !okFrom || !okMinutes {
			return
		}
		t.Calendar.Offsets = append(t.Calendar.Offsets, Offset{from, minutes})
	}
	d.checkOffsets(t)
}

// checkOffsets checks the offsets of a calendar whose span is known.
func (d *document) checkOffsets(t *Terms) {
	const path = "calendar.offsets"
	offsets := t.Calendar.Offsets
	switch {
	case len(offsets) == 0:
		d.fail(path, "got none for the effective span, want at least one")
	case len(offsets) > maxOffsets:
		d.fail(path, "has %d elements, at most %d", len(offsets), maxOffsets)
	}
	for i, e := range offsets {
		at := element(path, i)
		if e.Minutes < -MaxOffsetMinutes || e.Minutes > MaxOffsetMinutes {
			d.fail(at+".minutes", "got %d, want an integer from %d to %d", e.Minutes, -MaxOffsetMinutes, MaxOffsetMinutes)
		}
		spanned := t.From < t.Until
		switch {
		case i == 0:
			if spanned && e.From > t.From {
				d.fail(at+".from", "got %s, want effective.from %s or before", e.From, t.From)
			}
		case e.From <= offsets[i-1].From:
			d.fail(at+".from", "got %s, want later than the one before it, %s", e.From, offsets[i-1].From)
		case e.Minutes == offsets[i-1].Minutes:
			d.fail(at+".minutes", "got %d, as in the one before it: want a change", e.Minutes)
		case spanned && e.From <= t.From:
			d.fail(at+".from", "got %s, want later than effective.from %s: only the first is before it", e.From, t.From)
		case spanned && e.From >= t.Until:
			d.fail(at+".from", "got %s, want before effective.until %s", e.From, t.Until)
		}
	}
}

// cutOffsets brings the offsets of a zone to what the span needs: the one in
// force at from, and the changes before until.
func cutOffsets(offsets []Offset, from, until record.Time) []Offset {
	var cut []Offset
	for _, e := range offsets {
		if e.From >= until {
			break
		}
		if n := len(cut); n > 0 && e.From <= from {
			cut = cut[:n-1]
		}
		if n := len(cut); n == 0 || cut[n-1].Minutes != e.Minutes {
			cut = append(cut, e)
		}
	}
	if len(cut) > 0 && cut[0].From < from {
		cut[0].From = from
	}
	return cut
}

// isZone admits what the names of the tz database are made of.
func isZone(s string) bool {
	if s == "" || len(s) > maxZoneBytes {
		return false
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == "" || part[0] < 'A' || part[0] > 'Z' && (part[0] < 'a' || part[0] > 'z') {
			return false
		}
		for i := range len(part) {
			if !isWord(part[i]) && part[i] != '-' && part[i] != '+' {
				return false
			}
		}
	}
	return true
}

func (d *document) result(t *Terms, path, name string, v any) Result {
	r := Result{Name: name}
	o, ok := d.object(path, v)
	if !ok {
		return r
	}
	defer o.end()
	o.named("facts", 0, maxFacts, func(at, fact string, v any) {
		d.checkName(at, fact)
		if isReserved(fact) {
			d.fail(at, "%s is a word of expressions, want another name", fact)
		}
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
	r.Claim = o.set("claim", maxParties, func(at, id string) bool {
		if t.Party(id) == nil && len(t.Parties) > 0 {
			d.fail(at, "party %s is not among the parties", quote(id))
			return false
		}
		return true
	})
	if v, at, ok := o.optional("evidence"); ok {
		r.Evidence = d.setOf(at, v, maxEvidence, func(at, s string) bool {
			if !isID(s) {
				d.fail(at, "attachment name %s: want %s", quote(s), wantID)
			}
			return true
		})
	}
	d.accept(&r, o)
	d.dispute(t, &r, o)
	if v, at, ok := o.field("reopen", `{within, from} or "none"`); ok && v != "none" {
		if ro, ok := d.objectOrNone(at, v, "{within, from}"); ok {
			r.Reopen = &Reopen{}
			r.Reopen.Within, _ = ro.duration("within")
			r.Reopen.From = ro.choice("from", "occurred", "accepted", "locked")
			ro.end()
		}
	}
	r.Escalation = o.choice("escalation", "void", "ignore")
	r.Lock, _ = o.duration("lock")
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
	switch f := r.Fact(name); {
	case f == nil:
		d.fail(path, "result %s has no fact %s", r.Name, quote(name))
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
	const want = "a condition over the facts"
	s, ok := v.(string)
	if !ok {
		d.fail(path, "got %s, want %s", describe(v), want)
		return nil
	}
	if d.draft {
		s = foldSpace(s)
	}
	if s, ok = d.textOf(path, s, want); !ok {
		return nil
	}
	if s == "" {
		d.fail(path, "got \"\", want %s or no such field", want)
		return nil
	}
	root, mistakes := compile(s, facts, kindBool)
	for _, err := range mistakes {
		d.fail(path, "%v", err)
	}
	if len(mistakes) > 0 {
		return nil
	}
	return &Expr{s, root}
}

func (d *document) accept(r *Result, o *object) {
	a, ok := o.object("accept")
	if !ok {
		return
	}
	r.Accept.On = a.choice("on", "claim", "client", "silence")
	if r.Accept.On == "silence" {
		r.Accept.After, _ = a.duration("after")
		r.Accept.From = a.choice("from", "claim", "receipt")
	}
	a.end()
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
		if r.Dispute.Then == "accept" && r.Accept.On == "client" {
			d.fail(join(u.path, "then"), "got accept, want void or arbiter: with accept on client a claim is accepted by the client's word only")
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
	locked := max(accepted, r.Lock)
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
	return end
}

func (d *document) checkFinal(r *Result, path string) {
	if want := r.horizon(); r.FinalAfter < want {
		d.fail(path, "got %s, want at least %s: acceptance, dispute, lock and reopening last so long", r.FinalAfter, want)
	}
}

func (d *document) measure(t *Terms, path, name string, v any) Measure {
	m := Measure{Name: name}
	o, ok := d.object(path, v)
	if !ok {
		return m
	}
	defer o.end()
	count, countPath, isCount := o.optional("count")
	sum, sumPath, isSum := o.optional("sum")
	var facts []FactType
	switch {
	case isCount == isSum:
		d.fail(path, "want exactly one of count and sum")
	case isCount:
		m.Op = "count"
		if s, ok := d.textOf(countPath, count, "the name of a result"); ok {
			if m.Result = s; t.Result(s) == nil {
				d.fail(countPath, "there is no result %s", quote(s))
			}
		}
	default:
		m.Op = "sum"
		const want = "RESULT.FACT"
		s, ok := d.textOf(sumPath, sum, want)
		if !ok {
			break
		}
		result, fact, dotted := strings.Cut(s, ".")
		if !dotted {
			d.fail(sumPath, "got %s, want %s", quote(s), want)
			break
		}
		m.Result, m.Fact = result, fact
		r := t.Result(result)
		if r == nil {
			d.fail(sumPath, "there is no result %s", quote(result))
			break
		}
		d.wantFact(r, sumPath, fact, "decimal")
		if f := r.Fact(fact); f != nil {
			f.summed = true
		}
	}
	if r := t.Result(m.Result); r != nil {
		facts = r.Facts
		m.Where = d.where(o, facts)
	} else if o.has("where") {
		// Its facts are not known, so nothing can be said about it.
		o.taken["where"] = true
	}
	return m
}

func (d *document) lines(t *Terms, o *object) {
	l, path, ok := o.list("lines", maxLines)
	if !ok {
		return
	}
	for i, v := range l {
		at := element(path, i)
		line := Line{}
		if lo, ok := d.object(at, v); ok {
			d.line(t, &line, lo)
			lo.end()
		}
		for _, other := range t.Lines {
			if line.Name != "" && other.Name == line.Name {
				d.fail(at+".name", "%s is the name of two lines", quote(line.Name))
				break
			}
		}
		t.Lines = append(t.Lines, line)
	}
}

func (d *document) line(t *Terms, line *Line, o *object) {
	if s, ok := o.text("name", "a name"); ok {
		d.checkName(join(o.path, "name"), s)
		line.Name = s
	}
	if s, ok := o.text("of", "the name of a measure"); ok {
		if line.Of = s; t.Measure(s) == nil {
			d.fail(join(o.path, "of"), "there is no measure %s", quote(s))
		}
	}
	line.Mode = o.choice("mode", "graduated", "volume", "each")
	tiers, path, okTiers := o.list("tiers", maxTiers)
	for i, v := range tiers {
		tier := Tier{}
		if to, ok := d.object(element(path, i), v); ok {
			d.tier(t, line, &tier, to, i == len(tiers)-1)
			to.end()
		}
		line.Tiers = append(line.Tiers, tier)
	}
	switch flat := okTiers && len(line.Tiers) > 0 && line.Tiers[0].Flat != ""; {
	case flat:
		line.Zero = o.choice("zero", "due", "not_due")
	case o.has("zero") && okTiers:
		o.taken["zero"] = true
		d.fail(join(o.path, "zero"), "unknown field: the first tier has no flat")
	case o.has("zero"):
		o.taken["zero"] = true
	}
	line.Adjust = d.adjustments(t, o)
}

// tier reads a tier of line, which has the tiers before it.
func (d *document) tier(t *Terms, line *Line, tier *Tier, o *object, last bool) {
	v, path, ok := o.optional("up_to")
	switch {
	case ok && last:
		d.fail(path, "got %s, want none: the last tier is open", describe(v))
	case !ok && !last:
		d.fail(path, "missing, want a decimal: only the last tier is open")
	case ok:
		tier.UpTo = d.decimalOf(path, v, true)
		if n := len(line.Tiers); n > 0 && tier.UpTo != "" && line.Tiers[n-1].UpTo != "" && compareDecimals(tier.UpTo, line.Tiers[n-1].UpTo) <= 0 {
			d.fail(path, "got %s, want more than %s in the tier before", tier.UpTo, line.Tiers[n-1].UpTo)
		}
	}
	priced := 0
	if v, path, ok := o.optional("unit"); ok {
		tier.Unit = d.decimalOf(path, v, false)
		priced++
	}
	if v, path, ok := o.optional("rate"); ok {
		tier.Rate = d.decimalOf(path, v, false)
		priced++
		if m := t.Measure(line.Of); m != nil && m.Op == "count" {
			d.warn(path, "measure %s counts: a rate is meant for a sum of money, a unit price for a count", m.Name)
		}
	}
	if v, path, ok := o.optional("package"); ok {
		priced++
		if p, ok := d.object(path, v); ok {
			tier.Package = &Package{
				Size:  p.decimal("size", true),
				Price: p.decimal("price", false),
				Round: p.choice("round", "up", "down"),
			}
			p.end()
		}
	}
	if v, path, ok := o.optional("flat"); ok {
		tier.Flat = d.decimalOf(path, v, false)
	} else if priced == 0 {
		d.fail(o.path, "has no price, want unit, rate, package or flat")
	}
	if priced > 1 {
		d.fail(o.path, "has %d prices, want at most one of unit, rate and package", priced)
	}
}

// adjustments reads the optional list adjust of a line or of the document.
func (d *document) adjustments(t *Terms, o *object) []Adjustment {
	v, path, ok := o.optional("adjust")
	if !ok {
		return nil
	}
	l, ok := d.listOf(path, v, maxAdjust)
	if !ok {
		return nil
	}
	var list []Adjustment
	for i, v := range l {
		at := element(path, i)
		ao, ok := d.object(at, v)
		if !ok {
			continue
		}
		var a Adjustment
		for _, op := range []string{"at_least", "at_most"} {
			if !ao.has(op) {
				continue
			}
			if a.Op != "" {
				d.fail(at, "has at_least and at_most, want one of them: the order of the list is the order of evaluation")
			}
			a.Op = op
			a.Amount = ao.decimal(op, false)
			if n := decimalsOf(a.Amount); n > t.Scale {
				d.fail(join(at, op), "amount %s has %d decimals, at most %d", a.Amount, n, t.Scale)
			}
		}
		if a.Op == "" {
			d.fail(at, "want at_least or at_most")
		}
		ao.end()
		list = append(list, a)
	}
	return list
}

func (d *document) settle(t *Terms, o *object) {
	s, ok := o.object("settle")
	if !ok {
		return
	}
	t.Settle.CloseAfter, _ = s.duration("close_after")
	t.Settle.Late = s.choice("late", "current", "correction", "refuse")
	t.Settle.Negative = s.choice("negative", "carry", "credit", "forfeit")
	t.Settle.Corrections = s.choice("corrections", "after_minimum")
	s.end()
}

// compareDecimals compares by value.
func compareDecimals(a, b record.Decimal) int {
	x, _ := parseNumber(string(a), false)
	y, _ := parseNumber(string(b), false)
	return x.cmp(y)
}

func decimalsOf(d record.Decimal) int {
	_, decimals, _ := strings.Cut(string(d), ".")
	return len(decimals)
}
