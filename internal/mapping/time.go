package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// A clock gives each row its instant.
type clock struct {
	text   *template // nil without times in the file
	layout string    // rfc3339, or of YYYY MM DD hh mm ss and .sss
	pieces []piece
	offset record.Time // of the file's times from UTC, in milliseconds
	start  record.Time // or, without a field: of the first row,
	step   record.Time // and how much later each further row is
}

func (d *document) clock(n *node) clock {
	var c clock
	if !d.is(n, mapNode) {
		return c
	}
	if start := n.get("start"); start != nil {
		t, err := record.ParseTime(d.text(n, "start"))
		if err != nil {
			d.mistake(start, "%v", err)
		}
		c.start = t
		if text := d.text(n, "step"); text != "" {
			step, ok := parseLength(text)
			if !ok {
				d.mistake(n.get("step"), "%q, want a length of time like 90s, 15m, 24h or 1d", text)
			}
			c.step = step
		}
		d.closed(n)
		return c
	}
	if n.get("text") != nil {
		c.text = d.template(n, "text")
	} else {
		f := d.field(n, "field")
		if f.many() {
			d.mistake(n, "%s has many values", f.name)
		}
		c.text = &template{place: n, parts: []string{"", ""}, fields: []field{f}}
	}
	c.layout = d.text(n, "layout")
	if c.layout == "rfc3339" {
		if v := n.get("offset"); v != nil {
			d.mistake(v, "each time of layout rfc3339 has its own")
		}
	} else {
		pieces, ok := parseLayout(c.layout)
		c.pieces = pieces
		if c.layout != "" && !ok {
			d.mistake(n.get("layout"), "%q, want rfc3339, or year, month and day (YYYY or YY; MM, M or Mon; DD or D) with hh or h, mm, ss and .sss as far as the times have them", c.layout)
		}
		if text := d.text(n, "offset"); text != "" {
			offset, ok := parseOffset(text)
			if !ok {
				d.mistake(n.get("offset"), "%q, want the offset from UTC like +01:00", text)
			}
			c.offset = offset
		}
	}
	d.closed(n)
	return c
}

// A length of time is a whole number and a unit.
func parseLength(text string) (record.Time, bool) {
	if len(text) < 2 || text[0] < '1' || text[0] > '9' || len(text) > 10 {
		return 0, false
	}
	var n record.Time
	for _, c := range text[:len(text)-1] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + record.Time(c-'0')
	}
	switch text[len(text)-1] {
	case 's':
		return n * 1000, true
	case 'm':
		return n * 60_000, true
	case 'h':
		return n * 3_600_000, true
	case 'd':
		return n * 86_400_000, true
	}
	return 0, false
}

// parseOffset reads an offset from UTC in the form +01:00.
func parseOffset(text string) (record.Time, bool) {
	if len(text) != 6 || text[3] != ':' || text[0] != '+' && text[0] != '-' || text == "-00:00" {
		return 0, false
	}
	hours, ok1 := digits(text[1:3])
	minutes, ok2 := digits(text[4:6])
	if !ok1 || !ok2 || hours > 14 || minutes > 59 {
		return 0, false
	}
	offset := record.Time(hours*60+minutes) * 60_000
	if text[0] == '-' {
		offset = -offset
	}
	return offset, true
}

func digits(s string) (n int, ok bool) {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, s != ""
}

// layoutParts are the parts of a layout that stand for a number. Everything
// else in it stands for itself. One that is the beginning of another stands
// after it.
var layoutParts = [...]layoutPart{
	{"YYYY", 0, 4, 4}, {"YY", 0, 2, 2},
	{"Mon", 1, 0, 0}, {"MM", 1, 2, 2}, {"M", 1, 1, 2},
	{"DD", 2, 2, 2}, {"D", 2, 1, 2},
	{"hh", 3, 2, 2}, {"h", 3, 1, 2}, {"mm", 4, 2, 2}, {"ss", 5, 2, 2}, {".sss", 6, 3, 3},
}

type layoutPart struct {
	text     string
	of       int // year, month, day, hour, minute, second, millisecond, from 0
	min, max int // digits; 0 is a month's name
}

// A piece of a layout is a part, or a character that stands for itself.
type piece struct {
	part    int // of layoutParts, or -1
	literal byte
}

// parseLayout returns the pieces of a layout. It refuses one without year,
// month and day, with one of them twice, with something but not the next larger
// one, or in which a part of one or two digits runs into another number.
func parseLayout(text string) ([]piece, bool) {
	var pieces []piece
	var found [7]bool
	open := false // the piece before may have one digit or two
	for i := 0; i < len(text); {
		part := slices.IndexFunc(layoutParts[:], func(p layoutPart) bool { return strings.HasPrefix(text[i:], p.text) })
		if part < 0 {
			if open && text[i] >= '0' && text[i] <= '9' {
				return nil, false
			}
			pieces, open = append(pieces, piece{-1, text[i]}), false
			i++
			continue
		}
		p := layoutParts[part]
		if found[p.of] || open && p.max > 0 && p.of != 6 { // the point stands before milliseconds
			return nil, false
		}
		found[p.of], open = true, p.min < p.max
		if p.of == 6 {
			pieces = append(pieces, piece{-1, '.'})
		}
		pieces = append(pieces, piece{part: part})
		i += len(p.text)
	}
	for of := range found {
		if of < 3 && !found[of] || of > 3 && found[of] && !found[of-1] {
			return nil, false
		}
	}
	return pieces, true
}

var monthNames = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// take reads a part from the front of text, and returns how long it is there.
// One that may have one digit or two has no zero in front.
func (p piece) take(text string) (value, length int, ok bool) {
	part := layoutParts[p.part]
	if part.max == 0 {
		if len(text) < 3 {
			return 0, 0, false
		}
		month := slices.Index(monthNames[:], strings.ToLower(text[:3]))
		return month + 1, 3, month >= 0
	}
	for length < part.max && length < len(text) && text[length] >= '0' && text[length] <= '9' {
		value = value*10 + int(text[length]-'0')
		length++
	}
	if length < part.min || part.min < part.max && text[0] == '0' && length > 1 {
		return 0, 0, false
	}
	if part.text == "YY" {
		value += 2000
	}
	return value, length, true
}

// instant returns the instant that text is in the layout.
func (c clock) instant(text string) (record.Time, error) {
	var at time.Time
	if c.layout == "rfc3339" {
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return 0, fmt.Errorf("time %q is not of the form 2026-03-01T08:00:00Z", text)
		}
		if t.Nanosecond()%1_000_000 != 0 {
			return 0, fmt.Errorf("time %q is finer than a millisecond", text)
		}
		at = t
	} else {
		v, ok := c.parts(text)
		if !ok {
			return 0, fmt.Errorf("time %q is not of the form %s", text, c.layout)
		}
		at = time.Date(v[0], time.Month(v[1]), v[2], v[3], v[4], v[5], v[6]*1_000_000, time.UTC)
		if at.Year() != v[0] || int(at.Month()) != v[1] || at.Day() != v[2] || at.Hour() != v[3] || at.Minute() != v[4] || at.Second() != v[5] {
			return 0, fmt.Errorf("time %q does not exist", text)
		}
	}
	ms := record.Time(at.UnixMilli()) - c.offset
	if ms < 0 || ms > record.MaxTime {
		return 0, fmt.Errorf("time %q is outside 1970 to 9999", text)
	}
	return ms, nil
}

// parts returns year to millisecond of a text that is wholly in the layout.
func (c clock) parts(text string) (v [7]int, ok bool) {
	for _, p := range c.pieces {
		if p.part < 0 {
			if text == "" || text[0] != p.literal {
				return v, false
			}
			text = text[1:]
			continue
		}
		value, length, ok := p.take(text)
		if !ok {
			return v, false
		}
		v[layoutParts[p.part].of] = value
		text = text[length:]
	}
	return v, text == ""
}
