package mapping

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

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

// layoutParts are the parts of a layout that stand for digits. Everything
// else in it stands for itself.
var layoutParts = [...]string{"YYYY", "MM", "DD", "hh", "mm", "ss", ".sss"}

// A width says that from here on so many digits are a part of the layout; 0
// is a character that stands for itself.
type width struct{ part, digits uint8 }

// parseLayout returns the width at each byte of a layout. It refuses one
// without year, month and day, with a part twice, or with a part but not the
// next larger one.
func parseLayout(text string) ([]width, bool) {
	widths := make([]width, len(text))
	var found [len(layoutParts)]bool
	for i := 0; i < len(text); {
		part := slices.IndexFunc(layoutParts[:], func(p string) bool { return strings.HasPrefix(text[i:], p) })
		if part < 0 {
			i++
			continue
		}
		if found[part] {
			return nil, false
		}
		found[part] = true
		letters := strings.TrimPrefix(layoutParts[part], ".") // the point stands for itself
		i += len(layoutParts[part])
		widths[i-len(letters)] = width{uint8(part), uint8(len(letters))}
	}
	for part := range found {
		if part < 3 && !found[part] || part > 3 && found[part] && !found[part-1] {
			return nil, false
		}
	}
	return widths, true
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
		if len(text) != len(c.layout) {
			return 0, fmt.Errorf("time %q is not of the form %s", text, c.layout)
		}
		v := [len(layoutParts)]int{1: 1, 2: 1}
		for i := 0; i < len(text); {
			n := int(c.widths[i].digits)
			if n == 0 {
				if text[i] != c.layout[i] {
					return 0, fmt.Errorf("time %q is not of the form %s", text, c.layout)
				}
				i++
				continue
			}
			d, ok := digits(text[i : i+n])
			if !ok {
				return 0, fmt.Errorf("time %q is not of the form %s", text, c.layout)
			}
			v[c.widths[i].part] = d
			i += n
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
