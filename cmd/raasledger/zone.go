package main

import (
	"fmt"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// zoneOffsets returns the offsets of a zone over [from, until) as the zone
// database has them: one at from, and one at each instant in between at which
// the offset changes. Both parties sign them, so that a later change of law,
// or another database, changes no period.
func zoneOffsets(zone string, from, until record.Time) ([]terms.Offset, error) {
	if zone == "" || zone == "Local" {
		return nil, fmt.Errorf("zone %q is not a name of the IANA database", zone)
	}
	location, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("zone %q is not a name of the IANA database", zone)
	}
	var offsets []terms.Offset
	for t := from; t < until; {
		local := time.UnixMilli(int64(t)).In(location)
		_, seconds := local.Zone()
		if seconds%60 != 0 {
			return nil, fmt.Errorf("zone %s has an offset of %d seconds at %v, want whole minutes", zone, seconds, t)
		}
		minutes := seconds / 60
		if n := len(offsets); n == 0 || offsets[n-1].Minutes != minutes {
			offsets = append(offsets, terms.Offset{From: t, Minutes: minutes})
		}
		_, end := local.ZoneBounds()
		if end.IsZero() {
			break
		}
		t = record.TimeOf(end)
	}
	return offsets, nil
}
