package ledger

import (
	"fmt"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// A name that was added is never denied; nearly all others are; and beyond its
// bound a sieve denies nothing.
func TestSieve(t *testing.T) {
	var s sieve
	if !s.lacks(idHash("a")) {
		t.Error("an empty sieve does not deny a name")
	}
	const n = 100_000
	for i := range n {
		s.add(idHash(fmt.Sprint(i)))
		if s.lacks(idHash(fmt.Sprint(i))) {
			t.Fatalf("name %d is denied once it was added", i)
		}
	}
	missed := 0
	for i := range n {
		if s.lacks(idHash(fmt.Sprint(i))) {
			t.Fatalf("name %d is denied", i)
		}
		if !s.lacks(idHash(fmt.Sprint("other ", i))) {
			missed++
		}
		if !s.lacks(chainHash(fmt.Sprint(i))) {
			missed++
		}
	}
	if missed > 2*n/50 {
		t.Errorf("%d of %d names that were not added are not denied, want at most 1 of 50", missed, 2*n)
	}
	if got, least := len(s.layers), 3; got < least {
		t.Errorf("%d layers, want at least %d for a test of their growth", got, least)
	}

	const room = (1<<sieveLayers - 1) * sieveFirst * sieveBlockNames
	for i := n; i < room; i++ {
		s.add(uint64(i) * 0x9e3779b97f4a7c15)
	}
	if s.full {
		t.Errorf("full with %d names", room)
	}
	s.add(idHash("one more"))
	if !s.full || s.layers != nil || s.lacks(idHash("other")) {
		t.Errorf("with %d names: full %t, %d layers, denies %t", room+1, s.full, len(s.layers), s.lacks(idHash("other")))
	}
}

// What Badger had before a ledger was opened is found behind the filter: ids
// keep their first index, chains go on.
func TestFilterKnowsTheStore(t *testing.T) {
	clock, dir := newClock(), t.TempDir()
	db := open(t, dir, Options{Clock: clock.Now})
	l, err := db.Create(ctx, agreement(t, testOrigin, "vendor", "client"))
	must(t, err)
	named := func(i int) *record.Record { return outcome(fmt.Sprint("o-", i), fmt.Sprint("T-", i), clock.now) }
	const n = 1500
	appendAll := func(lo, hi int) []int64 {
		t.Helper()
		var ns []int64
		for i := lo; i < hi; i += 100 {
			var call []*record.Record
			for k := i; k < min(i+100, hi); k++ {
				call = append(call, named(k))
			}
			got, err := l.Append(ctx, call...)
			must(t, err)
			ns = append(ns, got...)
		}
		return ns
	}
	first := appendAll(0, n)
	if a := l.admission; a.names.asked != 0 {
		t.Errorf("a new ledger asked Badger %d times", a.names.asked)
	}
	must(t, db.Close())

	db = open(t, dir, Options{Clock: clock.Now})
	l, err = db.Ledger(testOrigin)
	must(t, err)
	appendAll(n, 2*n) // enough that the names are read
	names := &l.admission.names
	if !names.begun {
		t.Fatalf("after %d questions the names are not read", names.asked)
	}
	db.tasks.Wait()
	if names.stored.Load() == nil {
		t.Fatal("the names were not read")
	}
	asked := names.asked
	if got := appendAll(2*n, 3*n); got[0] != first[0]+2*n {
		t.Errorf("first index is %d, want %d", got[0], first[0]+2*n)
	}
	if names.asked != asked {
		t.Errorf("%d more questions went to Badger", names.asked-asked)
	}
	clear(l.admission.ids)
	clear(l.admission.chains)
	for i, got := range appendAll(0, 3*n) {
		if want := first[0] + int64(i); got != want {
			t.Fatalf("record o-%d, appended again, has index %d, want %d", i, got, want)
		}
	}
	for _, i := range []int{0, n, 2 * n, 3*n - 1} {
		r := named(i)
		r.ID = fmt.Sprint("again-", i)
		at, err := l.Append(ctx, r)
		must(t, err)
		line, err := l.Get(at[0])
		must(t, err)
		stored, err := record.Parse(line)
		must(t, err)
		want := record.Link{Chain: fmt.Sprint("case/T-", i), Ordinal: 1, Prev: first[0] + int64(i)}
		if got := stored.Log.Chains[0]; got != want {
			t.Errorf("record %s is %v, want %v", r.ID, got, want)
		}
	}
	must(t, db.Check(ctx, func(f Fault) { t.Error(f) }))
	must(t, db.Close())
}

// A filter of an index that lacks ids would let records in twice: the store
// stops.
func TestFilterRefusesALackingIndex(t *testing.T) {
	clock, dir := newClock(), t.TempDir()
	db := open(t, dir, Options{Clock: clock.Now})
	l, err := db.Create(ctx, agreement(t, testOrigin, "vendor", "client"))
	must(t, err)
	_, err = l.Append(ctx, outcome("o-1", "T-1", clock.now))
	must(t, err)
	txn := db.kv.NewTransaction(true)
	must(t, txn.Delete(idKey(l.number, "o-1")))
	must(t, txn.Commit())
	db.refresh()
	if _, err := l.storedNames(); err == nil || err.Error() != "store is damaged: 1 ids are indexed, want 2" {
		t.Errorf("got %v, want store is damaged: 1 ids are indexed, want 2", err)
	}
	l.readFilter(&filter{asked: filterAfter})
	db.tasks.Wait()
	if err := db.stopCause(); err == nil {
		t.Error("the store goes on")
	}
	if err := db.Close(); err == nil {
		t.Error("closed without an error")
	}
}
