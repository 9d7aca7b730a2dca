package terms

import (
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

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
	if v, path, ok := c.optional("day_count"); ok {
		t.Calendar.DayCount = d.choiceOf(path, v, dayCounts...)
	}
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

var dayCounts = []string{"actual", "fixed_30", "seconds"}

// checkDayCount checks that the calendar says how a part of a period is
// measured where something is prorated, and only there.
func (d *document) checkDayCount(t *Terms, o *object) {
	c, ok := o.fields["calendar"].(map[string]any)
	if !ok {
		return
	}
	const path = "calendar.day_count"
	switch _, given := c["day_count"]; {
	case t.prorates() && !given:
		d.fail(path, "missing, want %s: an amount is prorated", anyOf(dayCounts))
	case !t.prorates() && given && !d.failed():
		d.fail(path, "unknown field: no amount is prorated")
	}
}

// prorates reports whether an adjustment takes the share of a period.
func (t *Terms) prorates() bool {
	prorates := func(a Adjustment) bool { return a.Op == "prorate" || a.Partial == "prorated" }
	return slices.ContainsFunc(t.Adjust, prorates) ||
		slices.ContainsFunc(t.Lines, func(l Line) bool { return slices.ContainsFunc(l.Adjust, prorates) })
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
