package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

func instant(t *testing.T, s string) record.Time {
	t.Helper()
	at, err := record.ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestZoneOffsets(t *testing.T) {
	type want struct {
		from    string
		minutes int
	}
	for _, v := range []struct {
		zone, from, until string
		want              []want
	}{
		{"UTC", "2026-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z", []want{{"2026-01-01T00:00:00.000Z", 0}}},
		{"Asia/Kolkata", "2026-01-01T00:00:00.000Z", "2046-01-01T00:00:00.000Z", []want{{"2026-01-01T00:00:00.000Z", 330}}},
		{"Europe/Berlin", "2026-01-31T23:00:00.000Z", "2026-12-31T23:00:00.000Z", []want{
			{"2026-01-31T23:00:00.000Z", 60}, {"2026-03-29T01:00:00.000Z", 120}, {"2026-10-25T01:00:00.000Z", 60}}},
		// The span begins and ends at a change.
		{"Europe/Berlin", "2026-03-29T01:00:00.000Z", "2026-10-25T01:00:00.000Z", []want{{"2026-03-29T01:00:00.000Z", 120}}},
		{"Europe/Berlin", "2026-03-29T00:59:59.999Z", "2026-10-25T01:00:00.001Z", []want{
			{"2026-03-29T00:59:59.999Z", 60}, {"2026-03-29T01:00:00.000Z", 120}, {"2026-10-25T01:00:00.000Z", 60}}},
		{"Australia/Lord_Howe", "2026-01-01T00:00:00.000Z", "2026-12-31T00:00:00.000Z", []want{
			{"2026-01-01T00:00:00.000Z", 660}, {"2026-04-04T15:00:00.000Z", 630}, {"2026-10-03T15:30:00.000Z", 660}}},
		// A day that never was: Samoa went over the date line.
		{"Pacific/Apia", "2011-12-01T00:00:00.000Z", "2012-01-31T00:00:00.000Z", []want{
			{"2011-12-01T00:00:00.000Z", -600}, {"2011-12-30T10:00:00.000Z", 840}}},
		// The name of the time changed and the offset did not.
		{"America/Argentina/San_Luis", "2009-09-01T00:00:00.000Z", "2009-12-01T00:00:00.000Z", []want{
			{"2009-09-01T00:00:00.000Z", -240}, {"2009-10-11T04:00:00.000Z", -180}}},
	} {
		var wanted []terms.Offset
		for _, w := range v.want {
			wanted = append(wanted, terms.Offset{From: instant(t, w.from), Minutes: w.minutes})
		}
		got, err := zoneOffsets(v.zone, instant(t, v.from), instant(t, v.until))
		if err != nil {
			t.Errorf("%s: %v", v.zone, err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%s from %s (-want +got):\n%s", v.zone, v.from, diff)
		}
	}
	for zone, want := range map[string]string{
		"":                `zone "" is not a name of the IANA database`,
		"Local":           `zone "Local" is not a name of the IANA database`,
		"Europe/Atlantis": `zone "Europe/Atlantis" is not a name of the IANA database`,
		"../zoneinfo/UTC": `zone "../zoneinfo/UTC" is not a name of the IANA database`,
		"Africa/Monrovia": "zone Africa/Monrovia has an offset of -2670 seconds at 1970-01-01T00:00:00.000Z, want whole minutes",
	} {
		if _, err := zoneOffsets(zone, 0, 1); err == nil || err.Error() != want {
			t.Errorf("%q: got error %v, want %s", zone, err, want)
		}
	}
}

// TestZoneOffsetsByMinute compares with a walk over every minute.
func TestZoneOffsetsByMinute(t *testing.T) {
	const minute = 60 * 1000
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Gaza", "Pacific/Apia"} {
		from, until := instant(t, "2010-01-01T00:00:00.000Z"), instant(t, "2012-12-31T00:00:00.000Z")
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		var want []terms.Offset
		for at := from; at < until; at += minute {
			_, seconds := time.UnixMilli(int64(at)).In(location).Zone()
			if n := len(want); n == 0 || want[n-1].Minutes != seconds/60 {
				want = append(want, terms.Offset{From: at, Minutes: seconds / 60})
			}
		}
		got, err := zoneOffsets(zone, from, until)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", zone, diff)
		}
	}
}
