package fee

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// The reference of disputes about actions, and of findings, from
// docs/settlement.md: what of them stands beside no claim is kept as records.

// refHolds: some version has disputes about actions hold claims.
func refHolds(versions []terms.Version) bool {
	return slices.ContainsFunc(versions, func(v terms.Version) bool { return refReachOf(v.Terms) > 0 })
}

func refReachOf(t *terms.Terms) (longest record.Time) {
	for _, r := range t.Results {
		if r.Effect != nil && r.Effect.Disputed == "hold" {
			longest = max(longest, record.Time(r.FinalAfter))
		}
	}
	return longest
}

// refReach is the instant before which a claim has to be.
func refReach(versions []terms.Version, at record.Time) record.Time {
	reach := record.Time(0)
	for _, v := range versions {
		if v.Terms.From <= at {
			reach = refReachOf(v.Terms)
		}
	}
	return at + reach
}

// refInstant is when an event counts about a result.
func refInstant(x *refResult, r *record.Record, instant func(*record.Record) record.Time) record.Time {
	if r.Backfilled && !x.r.Backfilled {
		return r.Log.Time
	}
	return instant(r)
}

// refHeld: the dispute about an action is one about the result.
func refHeld(x *refResult, d *record.Record, versions []terms.Version, instant func(*record.Record) record.Time) bool {
	b, ok := d.Body.(*record.Dispute)
	return ok && x.rule.Effect != nil && x.rule.Effect.Disputed == "hold" && x.body.Effect != "" && b.About == x.body.Effect &&
		x.t0 < refReach(versions, refInstant(x, d, instant))
}

// refDecides: the rules that were found are among those of the result.
func refDecides(x *refResult, b *record.Resolve) bool {
	if x == nil || x.rule.Effect == nil || x.rule.Effect.Findings == nil {
		return false
	}
	list := x.rule.Effect.Findings.Keep
	if b.Disposition == "upheld" {
		list = x.rule.Effect.Findings.Void
	}
	for _, rule := range b.Findings {
		if slices.Contains(list, rule) {
			return true
		}
	}
	return false
}

// A refContest is a dispute about what no live result claims.
type refContest struct {
	r          *record.Record
	told, gone bool
}

// takeDispute keeps a dispute that is about no live result; false is that
// nothing can come of it.
func takeDispute(list *[]*refContest, r *record.Record, versions []terms.Version) bool {
	if !refHolds(versions) {
		return false
	}
	*list = append(*list, &refContest{r: r})
	return true
}

// isKept: the dispute of this id is kept.
func isKept(list []*refContest, id string) bool {
	return slices.ContainsFunc(list, func(k *refContest) bool { return !k.gone && k.r.ID == id })
}

// takeFinding says whether a resolve by finding is about anything.
func takeFinding(b *record.Resolve, before []*record.Record, contests []*refContest, live func(string) *refResult, loose map[int64]string) bool {
	if b.Dispute != "" && isKept(contests, b.Dispute) {
		return true
	}
	for _, d := range before {
		if loose[d.Log.N] != "" {
			continue
		}
		switch y := d.Body.(type) {
		case *record.Outcome:
			if b.Disposition == "upheld" && d.ID == b.About && refDecides(live(d.ID), b) {
				return true
			}
		case *record.Reverse:
			if b.Disposition == "rejected" && d.ID == b.About && refDecides(live(y.Of), b) {
				return true
			}
		case *record.Dispute:
			if d.ID == b.Dispute && refDecides(live(y.About), b) {
				return true
			}
		case *record.Confirm:
			if d.ID == b.Dispute && y.Verdict == "reject" && refDecides(live(y.Of), b) {
				return true
			}
		}
	}
	return false
}

// tellContests counts the disputes that a statement sees first and that are
// about no live result.
func tellContests(list []*refContest, results []*refResult, closing record.Time, versions []terms.Version, instant func(*record.Record) record.Time) (strangers int64) {
	for _, k := range list {
		if k.gone || k.told || instant(k.r) > closing {
			continue
		}
		k.told = true
		if !slices.ContainsFunc(results, func(x *refResult) bool { return !x.gone && refHeld(x, k.r, versions, instant) }) {
			strangers++
		}
	}
	return strangers
}

// dropContests drops those of which nothing can come any more.
func dropContests(list []*refContest, results []*refResult, closing record.Time, versions []terms.Version, instant func(*record.Record) record.Time) {
	horizon := record.Time(0)
	for _, v := range versions {
		for _, r := range v.Terms.Results {
			horizon = max(horizon, record.Time(r.FinalAfter))
		}
		for _, m := range v.Terms.Metrics {
			horizon = max(horizon, record.Time(m.FinalAfter))
		}
	}
	for _, k := range list {
		reach := refReach(versions, instant(k.r))
		if k.r.Backfilled {
			reach = max(reach, refReach(versions, k.r.Log.Time))
		}
		held := slices.ContainsFunc(results, func(x *refResult) bool { return !x.gone && refHeld(x, k.r, versions, instant) })
		k.gone = k.gone || !held && reach <= closing-horizon
	}
}
