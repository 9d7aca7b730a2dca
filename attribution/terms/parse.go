package terms

import (
	"bytes"
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
	before := len(d.mistakes)
	d.calendar(t, o, zone)
	d.calendarRead = len(d.mistakes) == before && t.From < t.Until
	o.namedIfThere("results", maxResults, func(path, name string, v any) {
		d.checkName(path, name)
		t.Results = append(t.Results, d.result(t, path, name, v))
	})
	d.metrics(t, o)
	d.measures(t, o)
	d.numbers(t, o)
	d.lines(t, o)
	t.Adjust = d.adjustments(t, nil, o)
	d.settle(t, o)
	d.checkDayCount(t, o)
	t.Responsibility = d.responsibility(t, o)
	d.checkEffects(t)
	o.end()
	// What is said of the whole would mislead where a part is wrong.
	if !d.failed() {
		d.checkMetricsFinal(t)
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

// roundings are the ways to round.
var roundings = []string{"half_up", "half_even", "down", "up"}

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
		t.Rounding.Mode = r.choice("mode", roundings...)
		t.Rounding.At = r.choice("at", "event", "tier", "line", "statement")
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

func (d *document) settle(t *Terms, o *object) {
	s, ok := o.object("settle")
	if !ok {
		return
	}
	t.Settle.CloseAfter, _ = s.duration("close_after")
	t.Settle.Late = s.choice("late", "current", "correction", "refuse")
	t.Settle.Negative = s.choice("negative", "carry", "credit", "forfeit")
	t.Settle.Corrections = s.choice("corrections", "after_minimum", "before_minimum")
	if v, path, ok := s.optional("prepaid"); ok {
		l, _ := d.listOf(path, v, maxPrepaid)
		for i, v := range l {
			if po, ok := d.object(element(path, i), v); ok {
				d.prepaid(t, po)
				po.end()
			}
		}
	}
	s.end()
}

// prepaid reads one element of the list.
func (d *document) prepaid(t *Terms, o *object) {
	var p Prepaid
	if s, ok := o.text("name", "a name"); ok {
		d.checkName(join(o.path, "name"), s)
		for _, other := range t.Settle.Prepaid {
			if other.Name == s {
				d.fail(join(o.path, "name"), "%s is the name of two prepaid amounts", quote(s))
				break
			}
		}
		p.Name = s
	}
	p.Amount = o.money(t, "amount", true)
	p.Every = o.choice("every", "once", "period")
	from, okFrom := o.time("from")
	until, okUntil := o.time("until")
	if okFrom && okUntil && until <= from {
		d.fail(join(o.path, "until"), "got %s, want later than from %s", until, from)
	}
	p.From, p.Until = from, until
	if p.Every == "period" {
		p.Unused = o.choice("unused", "lost", "rolls")
	} else if p.Every == "once" {
		o.refuse("unused", "what is paid once stays until it is used")
	}
	if v, path, ok := o.optional("at_most"); ok {
		switch {
		case p.Unused == "rolls":
			p.AtMost = d.moneyOf(t, path, v, true)
			if p.AtMost != "" && p.Amount != "" && compareDecimals(p.AtMost, p.Amount) < 0 {
				d.fail(path, "got %s, want at least the amount %s", p.AtMost, p.Amount)
			}
		case p.Unused == "lost", p.Every == "once":
			d.fail(path, "unknown field: nothing rolls over")
		}
	}
	t.Settle.Prepaid = append(t.Settle.Prepaid, p)
}
