package terms

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/record"
)

func TestLockedAt(t *testing.T) {
	for _, test := range []struct {
		zone    string
		lock    Lock
		claimed string
		want    string
	}{
		{"UTC", Lock{After: 15 * day}, "2026-03-10T12:00:00Z", "2026-03-25T12:00:00Z"},
		{"UTC", Lock{}, "2026-03-10T12:00:00Z", "2026-03-10T12:00:00Z"},
		{"UTC", Lock{Months: 1, Day: 20}, "2026-03-10T12:00:00Z", "2026-04-20T00:00:00Z"},
		{"UTC", Lock{Months: 1, Day: 20}, "2026-03-31T23:59:59Z", "2026-04-20T00:00:00Z"},
		{"UTC", Lock{Months: 1, Day: 20}, "2026-04-01T00:00:00Z", "2026-05-20T00:00:00Z"},
		{"UTC", Lock{Months: 1, Day: 1}, "2026-03-31T23:59:59Z", "2026-04-01T00:00:00Z"},
		{"UTC", Lock{Months: 1, Day: 28}, "2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z"},
		{"UTC", Lock{Months: 2, Day: 1}, "2026-12-10T00:00:00Z", "2027-02-01T00:00:00Z"},
		{"UTC", Lock{Months: 12, Day: 1}, "2026-12-10T00:00:00Z", "2027-12-01T00:00:00Z"},
		// In Shanghai it is April already, and April begins at 16:00 UTC.
		{"Asia/Shanghai", Lock{Months: 1, Day: 1}, "2026-03-31T16:00:00Z", "2026-04-30T16:00:00Z"},
		{"Asia/Shanghai", Lock{Months: 1, Day: 1}, "2026-03-31T15:59:59Z", "2026-03-31T16:00:00Z"},
		// Claimed in winter, locked in summer time.
		{"Europe/Berlin", Lock{Months: 1, Day: 15}, "2026-03-10T12:00:00Z", "2026-04-14T22:00:00Z"},
		// The day that Samoa left out is over when it begins.
		{"Pacific/Apia", Lock{Months: 1, Day: 28}, "2011-11-10T12:00:00Z", "2011-12-28T10:00:00Z"},
	} {
		claimed := instantOf(t, test.claimed)
		terms := &Terms{Calendar: Calendar{Offsets: zoneOffsets(t, test.zone, claimed, claimed+record.Time(400*day))}}
		got := terms.LockedAt(&Result{Lock: test.lock}, claimed)
		if want := instantOf(t, test.want); got != want {
			t.Errorf("%s: claimed at %s, locked %s: got %s, want %s", test.zone, test.claimed, test.lock, got, test.want)
		}
	}
}

func instantOf(t *testing.T, s string) record.Time {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return record.Time(at.UnixMilli())
}

// Whatever the offsets are, the bounds hold, and final_after rests on them.
func TestLockBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Calendar{Period: "month"}
		from := record.Time(rapid.Int64Range(0, 1<<40).Draw(t, "from"))
		for range rapid.IntRange(1, 6).Draw(t, "offsets") {
			c.Offsets = append(c.Offsets, Offset{from, rapid.IntRange(-MaxOffsetMinutes, MaxOffsetMinutes).Draw(t, "minutes")})
			from += record.Time(rapid.Int64Range(1, int64(60*day)).Draw(t, "for"))
		}
		l := Lock{Months: rapid.IntRange(1, maxLockMonths).Draw(t, "months"), Day: rapid.IntRange(1, maxLockDay).Draw(t, "day")}
		claimed := c.Offsets[0].From + record.Time(rapid.Int64Range(0, int64(400*day)).Draw(t, "claimed"))
		got := Duration(c.lockedAt(l, claimed) - claimed)
		if got < l.least() || got > l.most() {
			t.Fatalf("%+v: got %s, want %s to %s", l, got, l.least(), l.most())
		}
	})
}
