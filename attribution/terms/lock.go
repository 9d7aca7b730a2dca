package terms

import (
	"fmt"
	"strconv"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// A Lock says how long facts about a claim may still fall before it is billed:
// a time from the claim or, where Months is above 0, until a day of the
// calendar begins.
type Lock struct {
	After       Duration
	Months, Day int // the day of the month so many months after that of the claim
}

const (
	maxLockMonths = 12
	maxLockDay    = 28 // each month has it
)

// LockedAt is the first instant at which a claim of r can be locked.
func (t *Terms) LockedAt(r *Result, claimed record.Time) record.Time {
	if r.Lock.Months == 0 {
		return claimed + record.Time(r.Lock.After)
	}
	return t.Calendar.lockedAt(r.Lock, claimed)
}

func (c *Calendar) lockedAt(l Lock, claimed record.Time) record.Time {
	year, month, _ := c.local(claimed).Date()
	// Where clocks go back a whole day, that day may have begun before.
	return max(claimed, c.boundary(time.Date(year, month+time.Month(l.Months), l.Day, 0, 0, 0, 0, time.UTC)))
}

// least and most bound the time from a claim to its lock. Offsets that both
// signed can put a zone's clocks forward or back by 36 hours in between.
func (l Lock) least() Duration {
	if l.Months == 0 {
		return l.After
	}
	return max(0, Duration(28*(l.Months-1)+l.Day-3)*day)
}

func (l Lock) most() Duration {
	if l.Months == 0 {
		return l.After
	}
	return Duration(31*l.Months+l.Day+1) * day
}

func (l Lock) String() string {
	switch l.Months {
	case 0:
		return l.After.String() + " after the claim"
	case 1:
		return fmt.Sprintf("when day %d of the month after the claim begins", l.Day)
	}
	return fmt.Sprintf("when day %d of the %s month after the claim begins", l.Day, ordinal(l.Months))
}

// ordinal is 1st, 2nd, 3rd, 4th, up to 20.
func ordinal(n int) string {
	suffix := "th"
	switch n {
	case 1:
		suffix = "st"
	case 2:
		suffix = "nd"
	case 3:
		suffix = "rd"
	}
	return strconv.Itoa(n) + suffix
}

func (o *object) lock() (l Lock) {
	const want = wantDuration + ", or {months, day}"
	v, path, ok := o.field("lock", want)
	if !ok {
		return l
	}
	switch v := v.(type) {
	case string:
		if _, n := durationPrefix(v); n == len(v) && n > 0 {
			l.After, _ = o.d.durationOf(path, v, want)
			return l
		}
	case map[string]any:
		on, _ := o.d.object(path, v)
		l.Months, _ = on.integer("months", 1, maxLockMonths)
		l.Day, _ = on.integer("day", 1, maxLockDay)
		on.end()
		return l
	}
	o.d.fail(path, "got %s, want %s", describe(v), want)
	return l
}

func (l Lock) tree() any {
	if l.Months == 0 {
		return l.After.String()
	}
	return members{"months": int64(l.Months), "day": int64(l.Day)}
}
