package main

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// 534 incidents of a service desk at 10 each, under four meanings of "closed":
// the same records give four fees.
func TestExampleIncidents(t *testing.T) {
	const file = "incidents/events.csv.gz"
	dir := runPage(t, "incidents", true, file)

	// What each incident came to, from its events in the order of the file.
	type incident struct {
		resolved, reopened          time.Time
		closed, knowledge, inTime   bool
		resolvedEvents, closeEvents int
	}
	incidents := map[string]*incident{}
	events := readTable(t, file)
	for _, row := range events.rows {
		number, state := events.get(row, "number"), events.get(row, "incident_state")
		at, err := time.Parse("02-01-2006 15:04", events.get(row, "sys_updated_at"))
		if err != nil {
			t.Fatal(err)
		}
		x := incidents[number]
		if x == nil {
			x = &incident{}
			incidents[number] = x
		}
		switch {
		case state == "Resolved":
			if x.resolved.IsZero() {
				x.resolved = at
			}
			x.resolvedEvents++
		case state == "Closed":
			if !x.closed {
				x.closed, x.knowledge, x.inTime = true, events.get(row, "knowledge") == "TRUE", events.get(row, "made_sla") == "TRUE"
			}
			x.closeEvents++
		case !x.resolved.IsZero() && x.reopened.IsZero():
			if n, err := strconv.Atoi(events.get(row, "reopen_count")); err != nil || n < 1 {
				t.Errorf("incident %s goes back to %s with reopen_count %d (%v)", number, state, n, err)
			}
			x.reopened = at
		}
	}
	want := map[string]int{}
	claims := 0
	for _, x := range incidents {
		want["received"]++
		if !x.resolved.IsZero() && (x.reopened.IsZero() || x.reopened.After(x.resolved.Add(14*24*time.Hour))) {
			want["resolved"]++
		}
		if x.closed && x.knowledge {
			want["knowledge"]++
		}
		if x.closed && x.inTime {
			want["in_time"]++
		}
		claims += 1 + x.resolvedEvents + x.closeEvents
	}

	var records []string
	// The figures of the data's README: 534 came in, 5 of those resolved were reopened.
	for store, figure := range map[string]int{"received": 534, "resolved": 534 - 5, "knowledge": 526, "in_time": 350} {
		if want[store] != figure {
			t.Errorf("%s: %d incidents, want %d as in the README", store, want[store], figure)
		}
		d := openExample(t, dir, store)
		s := d.statement("2016")
		wantLine(t, s, "incidents", whole(int64(want[store])), whole(10*int64(want[store])))
		d.finish()

		// The records are the same in all of them.
		digests := map[record.Digest]bool{}
		outcomes := 0
		for text, err := range d.Records(t.Context(), 1, d.Size()) {
			if err != nil {
				t.Fatal(err)
			}
			r, err := record.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if r.Kind == record.KindStatement || r.Kind == record.KindReceipt {
				continue
			}
			if r.Kind == record.KindOutcome {
				outcomes++
			}
			digest, err := record.ContentDigest(r)
			if err != nil {
				t.Fatal(err)
			}
			digests[digest] = true
		}
		if outcomes != claims {
			t.Errorf("%s: %d claims, want %d", store, outcomes, claims)
		}
		if len(records) > 0 && records[0] != key(digests) {
			t.Errorf("%s has other records than the first", store)
		}
		records = append(records, key(digests))
	}
}

func key(digests map[record.Digest]bool) string {
	var list []string
	for d := range digests {
		list = append(list, string(d))
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}
