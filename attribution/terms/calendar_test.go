package terms

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/record"
)

// zoneOffsets finds the offsets of a zone by looking at each minute between
// two hours that differ.
func zoneOffsets(t testing.TB, zone string, from, until record.Time) []Offset {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	minutesAt := func(at record.Time) int {
		_, seconds := time.UnixMilli(int64(at)).In(location).Zone()
		return seconds / 60
	}
	offsets := []Offset{{from, minutesAt(from)}}
	for at := from; at < until; at += record.Time(hour) {
		next := at + record.Time(hour)
		if minutesAt(at) == minutesAt(next) {
			continue
		}
		for m := at + record.Time(minute); m <= next; m += record.Time(minute) {
			if now := minutesAt(m); m < until && now != offsets[len(offsets)-1].Minutes {
				offsets = append(offsets, Offset{m, now})
			}
		}
	}
	return offsets
}

// refStart is the slow reference: the first minute whose local time is at or
// after midnight of the day.
func refStart(location *time.Location, year int, month time.Month, day int) record.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	for at := midnight.Add(-19 * time.Hour); ; at = at.Add(time.Minute) {
		_, seconds := at.In(location).Zone()
		if !at.Add(time.Duration(seconds) * time.Second).Before(midnight) {
			return record.Time(at.UnixMilli())
		}
	}
}

// Zones whose clocks did something at midnight, and others.
var calendarZones = []struct {
	zone        string
	from, until string
}{
	{"UTC", "2026-01-01T00:00", "2027-01-01T00:00"},
	{"Europe/Berlin", "2025-12-31T23:00", "2027-01-01T23:00"},
	{"America/Sao_Paulo", "2016-06-01T03:00", "2019-06-01T03:00"}, // forward from 00:00 to 01:00, back from 24:00 to 23:00
	{"Asia/Shanghai", "1986-01-01T00:00", "1992-01-01T00:00"},
	{"Pacific/Apia", "2011-06-01T00:00", "2012-06-01T00:00"},     // without 30 December 2011
	{"America/Havana", "2024-01-01T05:00", "2026-01-01T05:00"},   // back from 01:00 to 00:00
	{"Asia/Beirut", "2021-01-01T00:00", "2024-01-01T00:00"},      // forward at midnight
	{"Asia/Kathmandu", "1985-01-01T00:00", "1987-01-01T00:00"},   // to +05:45
	{"America/St_Johns", "2005-01-01T00:00", "2008-01-01T00:00"}, // at one minute past midnight
	{"Australia/Lord_Howe", "2025-01-01T00:00", "2026-01-01T00:00"},
	{"Africa/Casablanca", "2024-01-01T00:00", "2026-01-01T00:00"},
	{"Pacific/Kwajalein", "1993-01-01T00:00", "1994-06-01T00:00"}, // without 21 August 1993
	{"America/Nuuk", "2023-01-01T00:00", "2025-01-01T00:00"},      // forward at 22:00, later at 24:00
}

func TestPeriodsAgreeWithZones(t *testing.T) {
	for _, z := range calendarZones {
		location, err := time.LoadLocation(z.zone)
		if err != nil {
			t.Fatal(err)
		}
		from, until := at(t, z.from), at(t, z.until)
		offsets := zoneOffsets(t, z.zone, from, until)
		begins := map[time.Time]record.Time{}
		for _, period := range []string{"day", "week", "month", "quarter", "year"} {
			name := z.zone + " " + period
			terms := &Terms{From: from, Until: until, Calendar: Calendar{Zone: z.zone, Period: period, Offsets: offsets}}

			// Every calendar day of the span, in order, begins where the
			// reference says; empty ones are left out.
			var want []Period
			first := time.UnixMilli(int64(from)).In(location)
			year, month, day := first.Date()
			for {
				midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
				year, month, day = midnight.Date()
				start, ok := begins[midnight]
				if !ok {
					start = refStart(location, year, month, day)
					begins[midnight] = start
				}
				if start >= until {
					break
				}
				if starts(period, midnight) || len(want) == 0 {
					p := Period{Name: refName(period, midnight), From: max(start, from)}
					if n := len(want); n > 0 {
						want[n-1].Until = p.From
						if want[n-1].From == p.From {
							want = want[:n-1]
						}
					}
					want = append(want, p)
				}
				day++
			}
			want[len(want)-1].Until = until

			p, ok := terms.PeriodAt(from)
			for i := range want {
				if !ok || p != want[i] {
					t.Fatalf("%s: period %d is %v, %v, want %v", name, i, p, ok, want[i])
				}
				for _, instant := range []record.Time{p.From, (p.From + p.Until) / 2, p.Until - 1} {
					if q, ok := terms.PeriodAt(instant); !ok || q != p {
						t.Fatalf("%s: period at %s is %v, %v, want %v", name, instant, q, ok, p)
					}
				}
				p, ok = terms.After(p)
			}
			if ok {
				t.Errorf("%s: after the last comes %v", name, p)
			}
			for _, outside := range []record.Time{from - 1, until, until + 1} {
				if p, ok := terms.PeriodAt(outside); ok {
					t.Errorf("%s: %s outside the span is in %v", name, outside, p)
				}
			}
		}
	}
}

func starts(period string, day time.Time) bool {
	switch period {
	case "week":
		return day.Weekday() == time.Monday
	case "month":
		return day.Day() == 1
	case "quarter":
		return day.Day() == 1 && (day.Month()-1)%3 == 0
	case "year":
		return day.YearDay() == 1
	}
	return true
}

func refName(period string, day time.Time) string {
	switch period {
	case "week":
		year, week := day.ISOWeek()
		return fmt.Sprintf("%d-W%02d", year, week)
	case "month":
		return day.Format("2006-01")
	case "quarter":
		return fmt.Sprintf("%d-Q%d", day.Year(), map[time.Month]int{1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3}[day.Month()]+4*boolInt(day.Month() > 9))
	case "year":
		return day.Format("2006")
	}
	return day.Format("2006-01-02")
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// By hand, so that the reference is not the only witness.
func TestPeriodsByHand(t *testing.T) {
	for _, test := range []struct {
		zone, period, span, until, at string
		want                          string
	}{
		// Brazil put clocks forward at midnight of 15 October 2017: the day began at 01:00 local, 03:00 UTC.
		{"America/Sao_Paulo", "day", "2017-10-01T03:00", "2018-03-01T03:00", "2017-10-15T12:00", "2017-10-15 2017-10-15T03:00:00.000Z 2017-10-16T02:00:00.000Z"},
		// They went back at midnight before 18 February 2018: 17 February lasted 25 hours.
		{"America/Sao_Paulo", "day", "2017-10-01T03:00", "2018-03-01T03:00", "2018-02-18T02:30", "2018-02-17 2018-02-17T02:00:00.000Z 2018-02-18T03:00:00.000Z"},
		// Samoa had no 30 December 2011.
		{"Pacific/Apia", "day", "2011-12-01T10:00", "2012-01-31T10:00", "2011-12-30T09:59", "2011-12-29 2011-12-29T10:00:00.000Z 2011-12-30T10:00:00.000Z"},
		{"Pacific/Apia", "day", "2011-12-01T10:00", "2012-01-31T10:00", "2011-12-30T10:00", "2011-12-31 2011-12-30T10:00:00.000Z 2011-12-31T10:00:00.000Z"},
		{"Europe/Berlin", "month", "2026-01-14T23:00", "2026-11-10T23:00", "2026-03-29T00:59", "2026-03 2026-02-28T23:00:00.000Z 2026-03-31T22:00:00.000Z"},
		{"Europe/Berlin", "month", "2026-01-14T23:00", "2026-11-10T23:00", "2026-01-20T00:00", "2026-01 2026-01-14T23:00:00.000Z 2026-01-31T23:00:00.000Z"},
		{"Europe/Berlin", "month", "2026-01-14T23:00", "2026-11-10T23:00", "2026-11-05T00:00", "2026-11 2026-10-31T23:00:00.000Z 2026-11-10T23:00:00.000Z"},
		{"UTC", "week", "2026-01-01T00:00", "2027-01-01T00:00", "2026-01-02T00:00", "2026-W01 2026-01-01T00:00:00.000Z 2026-01-05T00:00:00.000Z"},
		{"UTC", "week", "2026-01-01T00:00", "2027-02-01T00:00", "2027-01-02T00:00", "2026-W53 2026-12-28T00:00:00.000Z 2027-01-04T00:00:00.000Z"},
		{"UTC", "week", "2026-01-01T00:00", "2027-01-01T00:00", "2026-03-08T23:59", "2026-W10 2026-03-02T00:00:00.000Z 2026-03-09T00:00:00.000Z"},
		{"UTC", "quarter", "2026-01-01T00:00", "2027-01-01T00:00", "2026-12-08T23:59", "2026-Q4 2026-10-01T00:00:00.000Z 2027-01-01T00:00:00.000Z"},
		{"UTC", "year", "2026-05-01T00:00", "2029-01-01T00:00", "2026-12-31T23:59", "2026 2026-05-01T00:00:00.000Z 2027-01-01T00:00:00.000Z"},
	} {
		from, until := at(t, test.span), at(t, test.until)
		terms := &Terms{From: from, Until: until, Calendar: Calendar{Period: test.period, Offsets: zoneOffsets(t, test.zone, from, until)}}
		p, ok := terms.PeriodAt(at(t, test.at))
		if got := fmt.Sprint(p.Name, " ", p.From, " ", p.Until); !ok || got != test.want {
			t.Errorf("%s %s at %s:\n got %s\nwant %s", test.zone, test.period, test.at, got, test.want)
		}
	}
}

func TestClosing(t *testing.T) {
	terms := &Terms{Settle: Settle{CloseAfter: 3 * day}}
	if got, want := terms.Closing(Period{Until: at(t, "2026-04-01T00:00")}), at(t, "2026-04-04T00:00"); got != want {
		t.Errorf("closing is %s, want %s", got, want)
	}
}

// Whatever the offsets, the periods tile the span, and each instant is in the
// one that PeriodAt gives.
func TestPeriodsTile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := record.Time(rapid.Int64Range(1e12, 2e12).Draw(t, "from"))
		until := from + record.Time(rapid.Int64Range(1, int64(90*day)).Draw(t, "span"))
		offsets := []Offset{{from, rapid.IntRange(-MaxOffsetMinutes, MaxOffsetMinutes).Draw(t, "minutes")}}
		for at := from; ; {
			at += record.Time(rapid.Int64Range(1, int64(20*day)).Draw(t, "step"))
			if at >= until {
				break
			}
			offsets = append(offsets, Offset{at, rapid.IntRange(-MaxOffsetMinutes, MaxOffsetMinutes).Draw(t, "minutes")})
		}
		c := &Terms{From: from, Until: until, Calendar: Calendar{
			Period:  rapid.SampledFrom([]string{"day", "week", "month", "quarter", "year"}).Draw(t, "period"),
			Offsets: offsets,
		}}
		next := from
		names := map[string]bool{}
		p, ok := c.PeriodAt(from)
		for ; ok; p, ok = c.After(p) {
			if p.From != next || p.Until <= p.From || names[p.Name] {
				t.Fatalf("period %v follows %s", p, next)
			}
			inside := p.From + record.Time(rapid.Int64Range(0, int64(p.Until-p.From)-1).Draw(t, "inside"))
			if q, ok := c.PeriodAt(inside); !ok || q != p {
				t.Fatalf("%s is in %v, %v, want %v", inside, q, ok, p)
			}
			next = p.Until
			names[p.Name] = true
		}
		if next != until {
			t.Fatalf("periods end at %s, want %s", next, until)
		}
	})
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]Duration{
		"0s": 0, "1s": second, "90s": 90 * second, "15m": 15 * minute, "72h": 3 * day, "15d": 15 * day,
		"36525d": MaxDuration, "3155760000s": MaxDuration,
	} {
		got, err := ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%s is %d, %v, want %d", text, got, err, want)
		}
		again, err := ParseDuration(got.String())
		if err != nil || again != got {
			t.Errorf("%s writes %s, which is %d, %v", text, got, again, err)
		}
	}
	for text, want := range map[string]string{
		"":             `got "", want a duration like 90s, 15m, 72h or 15d`,
		"0":            `got "0", want a duration like 90s, 15m, 72h or 15d`,
		"0d":           `got "0d", want a duration like 90s, 15m, 72h or 15d`,
		"00s":          `got "00s", want a duration like 90s, 15m, 72h or 15d`,
		"01d":          `got "01d", want a duration like 90s, 15m, 72h or 15d`,
		"-1d":          `got "-1d", want a duration like 90s, 15m, 72h or 15d`,
		"1.5h":         `got "1.5h", want a duration like 90s, 15m, 72h or 15d`,
		"1h30m":        `got "1h30m", want a duration like 90s, 15m, 72h or 15d`,
		"7 d":          `got "7 d", want a duration like 90s, 15m, 72h or 15d`,
		"2w":           `got "2w", want a duration like 90s, 15m, 72h or 15d`,
		"5ms":          `got "5ms", want a duration like 90s, 15m, 72h or 15d`,
		"36526d":       "got 36526d, at most 36525d",
		"99999999999d": "got 99999999999d, at most 36525d",
		"3155760001s":  "got 3155760001s, at most 36525d",
		"10000000000h": "got 10000000000h, at most 36525d",
		"unlimited":    `got "unlimited", want a duration like 90s, 15m, 72h or 15d`,
	} {
		if _, err := ParseDuration(text); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
	for d, want := range map[Duration]string{Unlimited: "unlimited", 1500: "1500ms", 25 * hour: "25h", 61 * minute: "61m"} {
		if got := d.String(); got != want {
			t.Errorf("%d is %s, want %s", int64(d), got, want)
		}
	}
	for s := range 200000 {
		d := Duration(s) * second
		if again, err := ParseDuration(d.String()); err != nil || again != d {
			t.Fatalf("%d s writes %s, which is %d, %v", s, d, again, err)
		}
	}
}

func BenchmarkPeriodAt(b *testing.B) {
	from, until := at(b, "2020-01-01T00:00"), at(b, "2030-01-01T00:00")
	terms := &Terms{From: from, Until: until, Calendar: Calendar{Period: "month", Offsets: zoneOffsets(b, "Europe/Berlin", from, until)}}
	instant := at(b, "2026-03-17T11:22")
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := terms.PeriodAt(instant); !ok {
			b.Fatal("no period")
		}
	}
}
