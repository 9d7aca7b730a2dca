package terms

import (
	"fmt"
	"sort"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// A Period is one settlement period, half open.
type Period struct {
	Name        string // 2026-03-01, 2026-W10, 2026-03, 2026-Q1, 2026
	From, Until record.Time
}

// A Period begins at the earliest instant whose local time is at or after
// local midnight of its first day. Where clocks are put forward over midnight
// that is the moment they are; where they are put back over it, the first of
// the two midnights counts. A day that a zone left out is no period.

// PeriodAt is the calendar period that holds at, cut to the effective span. ok is false outside it.
func (t *Terms) PeriodAt(at record.Time) (p Period, ok bool) {
	return t.Calendar.periodAt(at, t.From, t.Until)
}

// After is the period that follows p; ok is false past the effective span.
func (t *Terms) After(p Period) (next Period, ok bool) { return t.PeriodAt(p.Until) }

// Closing is the closing instant of p.
func (t *Terms) Closing(p Period) record.Time { return p.Until + record.Time(t.Settle.CloseAfter) }

// periodAt is the period that holds at, cut to [from, until).
func (c *Calendar) periodAt(at, from, until record.Time) (p Period, ok bool) {
	if at < from || at >= until || len(c.Offsets) == 0 {
		return Period{}, false
	}
	first, whole := c.wholePeriod(at)
	return Period{
		Name:  c.periodName(first),
		From:  max(whole.From, from),
		Until: min(whole.Until, until),
	}, true
}

// wholePeriod is the period that holds at as the calendar has it, without a
// name, and midnight of its first day.
func (c *Calendar) wholePeriod(at record.Time) (first time.Time, p Period) {
	first = c.firstDay(c.local(at))
	end := c.boundary(c.nextFirst(first))
	// Where clocks were put back over midnight, at may stand before a midnight
	// that has been already; and a day may have been left out.
	for end <= at {
		first = c.nextFirst(first)
		end = c.boundary(c.nextFirst(first))
	}
	return first, Period{From: c.boundary(first), Until: end}
}

// CutsPeriod reports whether the first or the last period of the effective
// span is shorter than the calendar's.
func (t *Terms) CutsPeriod() bool {
	c := &t.Calendar
	if t.From >= t.Until || len(c.Offsets) == 0 {
		return false
	}
	_, first := c.wholePeriod(t.From)
	_, last := c.wholePeriod(t.Until - 1)
	return first.From < t.From || last.Until > t.Until
}

// Covered is the share of the calendar's period p that the effective span
// covers, covered parts of whole, by the day count of the calendar. docs/terms.md
// has the counts. p holds an instant of the span.
func (t *Terms) Covered(p Period) (covered, whole int64) {
	return t.Calendar.covered(p, t.From, t.Until)
}

// covered is the share of p that [from, until) covers.
func (c *Calendar) covered(p Period, from, until record.Time) (covered, whole int64) {
	if len(c.Offsets) == 0 {
		return 0, 1
	}
	first, all := c.wholePeriod(p.From)
	from, until = max(all.From, from), min(all.Until, until)
	if c.DayCount == "seconds" {
		return int64(max(until-from, 0)), int64(all.Until - all.From)
	}
	// The day of from is covered, that of until is not; where until is midnight
	// it is the day that begins. Days that the zone left out are none.
	begin, end := first, c.nextFirst(first)
	covering, covered := begin, int64(0)
	if from > all.From {
		covering = dayOf(c.local(from))
	}
	covers := end
	if until < all.Until {
		covers = dayOf(c.local(until))
	}
	for d := begin; d.Before(end); d = d.AddDate(0, 0, 1) {
		if c.boundary(d) >= c.boundary(d.AddDate(0, 0, 1)) {
			continue
		}
		whole++
		if !d.Before(covering) && d.Before(covers) {
			covered++
		}
	}
	if c.DayCount == "fixed_30" {
		out := whole - covered
		whole = fixedDays(c.Period)
		return max(whole-out, 0), whole
	}
	return covered, whole
}

// dayOf is midnight of the day of a local time.
func dayOf(local time.Time) time.Time {
	year, month, dayOfMonth := local.Date()
	return time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
}

// fixedDays is how many days a period has where each month has 30.
func fixedDays(period string) int64 {
	switch period {
	case "week":
		return 7
	case "month":
		return 30
	case "quarter":
		return 90
	case "year":
		return 360
	}
	return 1
}

// offsetAt is the index of the offset in force at an instant. The first is
// taken to hold before its time as well.
func (c *Calendar) offsetAt(at record.Time) int {
	i := sort.Search(len(c.Offsets), func(i int) bool { return c.Offsets[i].From > at })
	return max(i-1, 0)
}

// local is the time that clocks of the zone show at an instant, as a UTC time.
func (c *Calendar) local(at record.Time) time.Time {
	shift := record.Time(c.Offsets[c.offsetAt(at)].Minutes) * record.Time(minute)
	return time.UnixMilli(int64(at + shift)).UTC()
}

// boundary is the earliest instant at which clocks of the zone show midnight
// of the day, or later.
func (c *Calendar) boundary(midnight time.Time) record.Time {
	local := record.Time(midnight.UnixMilli())
	shift := func(i int) record.Time { return record.Time(c.Offsets[i].Minutes) * record.Time(minute) }
	// No offset changes the time by more than MaxOffsetMinutes, so the search
	// can begin with the offset that long before.
	for i := c.offsetAt(local - MaxOffsetMinutes*record.Time(minute)); ; i++ {
		at := local - shift(i)
		if i > 0 {
			at = max(at, c.Offsets[i].From)
		}
		if i == len(c.Offsets)-1 || at < c.Offsets[i+1].From {
			return at
		}
	}
}

// firstDay is midnight of the first day of the period that holds a local time.
func (c *Calendar) firstDay(local time.Time) time.Time {
	year, month, dayOfMonth := local.Date()
	switch c.Period {
	case "day":
	case "week":
		// ISO weeks begin on Monday.
		dayOfMonth -= (int(local.Weekday()) + 6) % 7
	case "month":
		dayOfMonth = 1
	case "quarter":
		month, dayOfMonth = month-(month-1)%3, 1
	case "year":
		month, dayOfMonth = time.January, 1
	}
	return time.Date(year, month, dayOfMonth, 0, 0, 0, 0, time.UTC)
}

// nextFirst is the first day of the period after the one that begins on first.
func (c *Calendar) nextFirst(first time.Time) time.Time {
	switch c.Period {
	case "week":
		return first.AddDate(0, 0, 7)
	case "month":
		return first.AddDate(0, 1, 0)
	case "quarter":
		return first.AddDate(0, 3, 0)
	case "year":
		return first.AddDate(1, 0, 0)
	}
	return first.AddDate(0, 0, 1)
}

// periodName names the period that begins on first.
func (c *Calendar) periodName(first time.Time) string {
	year, month, dayOfMonth := first.Date()
	switch c.Period {
	case "week":
		year, week := first.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	case "month":
		return fmt.Sprintf("%04d-%02d", year, int(month))
	case "quarter":
		return fmt.Sprintf("%04d-Q%d", year, (int(month)+2)/3)
	case "year":
		return fmt.Sprintf("%04d", year)
	}
	return fmt.Sprintf("%04d-%02d-%02d", year, int(month), dayOfMonth)
}
