package terms

import (
	"fmt"
	"strconv"
)

// A Duration is a length of time in milliseconds. Its text is a number of
// seconds, minutes, hours or days of 24 hours: 0s, 90m, 36h, 15d.
type Duration int64

// Unlimited is the record delay that accepts any age.
const Unlimited Duration = -1

const (
	second Duration = 1000
	minute          = 60 * second
	hour            = 60 * minute
	day             = 24 * hour
)

// ParseDuration reads a number and a unit, in any unit: 72h is 3d.
func ParseDuration(text string) (Duration, error) {
	d, n := durationPrefix(text)
	switch {
	case n != len(text) || text == "":
		return 0, fmt.Errorf("got %s, want a duration like 90s, 15m, 72h or 15d", quote(text))
	case d > MaxDuration:
		return 0, fmt.Errorf("got %s, at most %s", text, MaxDuration)
	}
	return d, nil
}

// durationPrefix reads the duration at the front of text and returns how many
// bytes it takes, or -1 where there is none. One that is too long comes back
// as more than MaxDuration.
func durationPrefix(text string) (Duration, int) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	if i == 0 || i == len(text) {
		return 0, -1
	}
	unit := unitOf(text[i])
	switch {
	case unit == 0:
		return 0, -1
	case text[0] == '0':
		if i == 1 && text[i] == 's' {
			return 0, 2
		}
		return 0, -1
	case i > 10: // even so many seconds are too many
		return MaxDuration + 1, i + 1
	}
	n, err := strconv.ParseInt(text[:i], 10, 64)
	if err != nil {
		return 0, -1
	}
	if Duration(n) > MaxDuration/unit {
		return MaxDuration + 1, i + 1
	}
	return Duration(n) * unit, i + 1
}

func unitOf(c byte) Duration {
	switch c {
	case 's':
		return second
	case 'm':
		return minute
	case 'h':
		return hour
	case 'd':
		return day
	}
	return 0
}

// String returns the canonical text: the largest unit that gives a whole
// number. A duration of parts of a second has no text in terms; it prints in
// milliseconds.
func (d Duration) String() string {
	switch {
	case d == 0:
		return "0s"
	case d == Unlimited:
		return "unlimited"
	case d%second != 0:
		return strconv.FormatInt(int64(d), 10) + "ms"
	case d%minute != 0:
		return strconv.FormatInt(int64(d/second), 10) + "s"
	case d%hour != 0:
		return strconv.FormatInt(int64(d/minute), 10) + "m"
	case d%day != 0:
		return strconv.FormatInt(int64(d/hour), 10) + "h"
	}
	return strconv.FormatInt(int64(d/day), 10) + "d"
}
