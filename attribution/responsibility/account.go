package responsibility

import (
	"slices"
	"sort"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

const dayMS = 24 * 60 * 60 * 1000

// maxDays is longer than any two instants are apart.
const maxDays = 4_000_000

// An account is what was spent under a grant and under those that descend from
// it: sorted by instant, then by index, with the sums up to each entry.
type account struct {
	entries []entry
	last    int64 // greatest index
}

type entry struct {
	at  record.Time
	n   int64
	own sums // of this effect
	all sums // of it and those before it
}

// sums are amounts: those that count, those of which cannot be told whether
// they count, because the review they cite is not held, and how many are in
// another currency than that of the terms.
type sums struct {
	counted, unknown exact.Rat
	foreign          int
}

func (s sums) add(t sums) sums {
	return sums{s.counted.Add(t.counted), s.unknown.Add(t.unknown), s.foreign + t.foreign}
}

func (s sums) sub(t sums) sums {
	return sums{s.counted.Sub(t.counted), s.unknown.Sub(t.unknown), s.foreign - t.foreign}
}

// addEffect books an effect under its grant and all that this one descends
// from.
func (f *Facts) addEffect(r *record.Record, b *record.Action) {
	if b.Key != "" {
		f.effects[b.Key] = append(f.effects[b.Key], r)
	}
	if b.Grant == "" {
		return
	}
	own, counts := f.spending(r, b)
	if !counts {
		return
	}
	e := entry{at: f.instant(r), n: r.Log.N, own: own}
	for _, k := range f.ancestors(b.Grant, r.Log.N) {
		a := f.accounts[k.r.ID]
		if a == nil {
			a = &account{}
			f.accounts[k.r.ID] = a
		}
		a.add(e)
	}
}

// spending is what an effect takes from a period limit. counts is false for
// one under an override: then a human spent.
func (f *Facts) spending(r *record.Record, b *record.Action) (s sums, counts bool) {
	held := true
	if b.Review != "" {
		if held = f.before(r.Log.N, b.Review) != nil; held && f.override(r, b) != nil {
			return sums{}, false
		}
	}
	v := f.inForce(r)
	switch {
	case b.Amount != "" && (v == nil || b.Currency != v.terms.Currency):
		return sums{foreign: 1}, true
	case !held:
		return sums{unknown: amount(b.Amount)}, true
	}
	return sums{counted: amount(b.Amount)}, true
}

func (a *account) add(e entry) {
	i := sort.Search(len(a.entries), func(i int) bool { return a.entries[i].at > e.at })
	a.entries = slices.Insert(a.entries, i, e)
	a.last = max(a.last, e.n)
	for ; i < len(a.entries); i++ {
		a.entries[i].all = a.entries[i].own
		if i > 0 {
			a.entries[i].all = a.entries[i-1].all.add(a.entries[i].own)
		}
	}
}

// within sums what has an instant in (after, until] and an index below n.
func (a *account) within(after, until record.Time, n int64) sums {
	lo := sort.Search(len(a.entries), func(i int) bool { return a.entries[i].at > after })
	hi := sort.Search(len(a.entries), func(i int) bool { return a.entries[i].at > until })
	var s sums
	switch {
	case lo >= hi:
	case a.last >= n:
		for _, e := range a.entries[lo:hi] {
			if e.n < n {
				s = s.add(e.own)
			}
		}
	case lo == 0:
		s = a.entries[hi-1].all
	default:
		s = a.entries[hi-1].all.sub(a.entries[lo-1].all)
	}
	return s
}

// spent sums what was spent under a grant within days before an instant by
// effects with an index below n.
func (f *Facts) spent(grant string, days int64, until record.Time, n int64) sums {
	after := until - record.Time(min(days, maxDays)*dayMS)
	var s sums
	for l := f; l != nil; l = l.base {
		if a := l.accounts[grant]; a != nil {
			s = s.add(a.within(after, until, n))
		}
	}
	return s
}
