package fee

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// mixed is the noun of what is of several kinds.
const mixed = "record"

// nouns are what measures of each source count.
var nouns = map[string]string{"result": "result", "metric": "measurement", "action": "action", "finding": "result"}

// LineNoun is what the records behind a line of a statement are: result,
// measurement or action, or record where they are of several kinds. versions
// are those of the terms.
func LineNoun(versions []terms.Version, l *record.Line) string {
	i := slices.IndexFunc(versions, func(v terms.Version) bool { return v.Number == l.Version })
	if i < 0 {
		return mixed
	}
	v := newVersion(versions[i])
	line := v.line(l.Name)
	if line < 0 {
		return mixed
	}
	t := v.tables[line]
	names := v.reads(t)
	if t.own {
		names = []string{t.of}
	}
	var kinds []string
	for _, name := range names {
		kinds = append(kinds, nouns[v.measures[v.measure(name)].Source])
	}
	return only(kinds)
}

// CountNoun is what a statement counts by a reason: claim, result, measurement
// or action, or record where there are several kinds of them.
func CountNoun(versions []terms.Version, word string) string {
	r, err := parseReason(word)
	if err != nil {
		return mixed
	}
	switch r {
	case duplicate:
		return "claim"
	case restated:
		return nouns["metric"]
	case voidSignature, unmatched, notEntitled, disputeLate, afterGuarantee, overReversed, noQuantity, clientFault, findingLate:
		return mixed
	case disputed, reopened, reversed, cancelled, escalated, disputeUpheld, found, reduced, where, evidence, noEffect, undelivered, expired:
		return nouns["result"]
	}
	var kinds []string
	for _, v := range versions {
		if len(v.Terms.Results) > 0 {
			kinds = append(kinds, nouns["result"])
		}
		if len(v.Terms.Metrics) > 0 {
			kinds = append(kinds, nouns["metric"])
		}
		acts := slices.ContainsFunc(v.Terms.Measures, func(m terms.Measure) bool { return m.Source == "action" })
		switch r {
		case undefined, outsideTerm, late, final, shadow:
			if acts {
				kinds = append(kinds, nouns["action"])
			}
		}
	}
	return only(kinds)
}

// only is the one noun that is in the list, or that of what is mixed.
func only(kinds []string) string {
	slices.Sort(kinds)
	if kinds = slices.Compact(kinds); len(kinds) == 1 {
		return kinds[0]
	}
	return mixed
}

// many is a count with its noun.
func many(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
