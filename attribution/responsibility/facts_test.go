package responsibility

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

func storyNamed(t testing.TB, id string) *story {
	t.Helper()
	for _, s := range readStories(t, ownStories) {
		if s.ID == id {
			return s
		}
	}
	t.Fatalf("no story %s", id)
	return nil
}

func TestAddRefuses(t *testing.T) {
	_, f := storyNamed(t, "authority").load(t)
	numbered := func(n int64, id string) *record.Record {
		return &record.Record{ID: id, Kind: record.KindInput, Body: &record.Input{}, Log: &record.Log{N: n}}
	}
	bad := numbered(99, "ag9")
	bad.Body = &record.Agreement{Version: 2, Terms: []byte(`{}`)}
	for want, r := range map[string]*record.Record{
		"record i9: the ledger has not numbered it":                  {ID: "i9", Body: &record.Input{}},
		"record 99 i9: has no body":                                  {ID: "i9", Log: &record.Log{N: 99}},
		"record 99 x1: record 5 has the same id":                     numbered(99, "x1"),
		"record 3 i9: comes after record 11, want ledger order":      numbered(3, "i9"),
		"record 99 ag9: title: missing, want text of 1 to 256 bytes": bad,
	} {
		size := f.Size()
		if err := f.Add(r); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if f.Size() != size {
			t.Errorf("%s: and yet the size is %d, was %d", want, f.Size(), size)
		}
	}
	if err := f.Add(numbered(5, "x1")); err != nil {
		t.Errorf("a record that is held: %v", err)
	}
}

func TestTraceRefuses(t *testing.T) {
	records, f := storyNamed(t, "duplicates").load(t)
	for want, ask := range map[string]struct {
		id   string
		size int64
	}{
		"effect x9: no such record among the first 12":                                                      {"x9", 12},
		"effect x2: no such record among the first 7":                                                       {"x2", 7},
		"effect i1: record 4 is a input, want an action":                                                    {"i1", 12},
		"effect x1: record 6 is planned with effect commit, want an executed action that changed something": {"x1", 12},
	} {
		if _, err := Trace(f, ask.id, ask.size); err == nil || err.Error() != want {
			t.Errorf("%s at %d: got %v, want %s", ask.id, ask.size, err, want)
		}
	}
	next := *records[7]
	next.ID = "next"
	for want, r := range map[string]*record.Record{
		"effect i1: got a input, want an action": records[4],
		"effect x2: record 7 has the same id":    records[7],
		"effect next: got effect read, want one that changes something": func() *record.Record {
			read := next
			read.Body = &record.Action{Effect: "read"}
			return &read
		}(),
	} {
		if _, err := Precheck(f, r, 0); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	// Terms that name no rule set, and no terms at all.
	agreement := *records[0]
	body := *agreement.Body.(*record.Agreement)
	parsed, _ := terms.Parse(body.Terms)
	parsed.Responsibility = nil
	body.Terms = parsed.Marshal()
	agreement.Body = &body
	for _, rest := range [][]*record.Record{append([]*record.Record{&agreement}, records[1:]...), records[1:]} {
		if _, err := Trace(factsOf(t, rest), "x2", 12); !errors.Is(err, ErrNoRules) || err.Error() != "effect x2: the terms in force name no rule set" {
			t.Errorf("got %v", err)
		}
	}
}

// Whether the version was agreed follows from the client's signature, or from
// a later version that adopts it.
func TestAgreed(t *testing.T) {
	s := storyNamed(t, "amended")
	for name, test := range map[string]struct {
		signers []string
		history string
		want    bool
	}{
		"both":            {[]string{"lessor", "vendor"}, "", true},
		"vendor":          {[]string{"vendor"}, "", false},
		"vendor, adopted": {[]string{"vendor"}, "adopt", true},
		"vendor, left":    {[]string{"vendor"}, "exclude", false},
	} {
		shadow := s.clone()
		shadow.Entries[0].SignedBy = test.signers
		shadow.Entries[3].Body["effective_from"] = "2026-06-30T00:00:00Z"
		records, _ := shadow.load(t)
		records[3].Body.(*record.Agreement).History = test.history
		a, err := Trace(factsOf(t, records), "x1", int64(len(records)))
		if err != nil {
			t.Fatal(err)
		}
		if a.Agreed != test.want || a.Version != 1 {
			t.Errorf("%s: version %d, agreed %t, want %t", name, a.Version, a.Agreed, test.want)
		}
		if test.want == strings.Contains(a.Text(), "not agreed") {
			t.Errorf("%s: %s", name, a.Text())
		}
	}
}

// The chains of a case are those whose records the rules read: with them alone
// the answers are the same.
func TestChainsAreEnough(t *testing.T) {
	for _, s := range readStories(t, ownStories) {
		if !s.undisclosed() {
			continue
		}
		records, f := s.load(t)
		for _, q := range s.Questions {
			x := f.find(q.Effect)
			names := f.Chains(x.Case)
			if !slices.IsSorted(names) {
				t.Errorf("%s: %v", s.ID, names)
			}
			var read []*record.Record
			cited := map[string]bool{}
			for _, r := range records {
				if b, ok := r.Body.(*record.Action); ok {
					cited[b.Decision], cited[b.Review] = true, true
				}
			}
			for _, r := range records {
				in := slices.ContainsFunc(record.Chains(r), func(name string) bool { return slices.Contains(names, name) })
				if in || cited[r.ID] || r.Kind == record.KindInput || r.Kind == record.KindMeasurement {
					read = append(read, r)
				}
			}
			g := factsOf(t, read)
			a, err := Trace(f, q.Effect, q.AsOf)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Trace(g, q.Effect, q.AsOf)
			if err != nil {
				t.Fatal(err)
			}
			if string(marshal(t, a)) != string(marshal(t, b)) {
				t.Errorf("%s: %s with %v is\n%swith all\n%s", s.ID, q.Effect, names, b.Text(), a.Text())
			}
		}
	}
	_, f := storyNamed(t, "limits").load(t)
	isKey := func(name string) bool { what, _ := record.SplitChain(name); return what == "key" }
	names := f.Chains("claim-8")
	keys := map[string]bool{}
	for _, r := range f.byID {
		if b, ok := r.Body.(*record.Action); ok && r.Case == "claim-8" && b.IsEffect() {
			keys[record.ChainOfKey(b.Key)] = true
		}
	}
	for key := range keys {
		if !slices.Contains(names, key) {
			t.Errorf("chains %v, want %s", names, key)
		}
	}
	if got := fmt.Sprint(slices.DeleteFunc(names, isKey)); len(keys) < 2 || got != "[case/claim-8 grant/g1 grant/g2 standing]" {
		t.Errorf("chains %s", got)
	}
}

// A period limit counts whatever order the effects' instants have.
func TestAccounts(t *testing.T) {
	random, _ := randomSource(t)
	for range 300 {
		a, all := &account{}, []entry(nil)
		for n := range int64(30) {
			e := entry{at: record.Time(random.Int64N(50)), n: n, own: sums{counted: amount(record.Decimal(fmt.Sprint(random.IntN(100)))), foreign: random.IntN(2)}}
			a.add(e)
			all = append(all, e)
		}
		for range 30 {
			after, until, n := record.Time(random.Int64N(60)-5), record.Time(random.Int64N(60)-5), random.Int64N(40)
			var want sums
			for _, e := range all {
				if e.at > after && e.at <= until && e.n < n {
					want = want.add(e.own)
				}
			}
			if got := a.within(after, until, n); got.counted.Cmp(want.counted) != 0 || got.foreign != want.foreign {
				t.Fatalf("(%d, %d] before %d: %s and %d, want %s and %d", after, until, n, got.counted, got.foreign, want.counted, want.foreign)
			}
		}
	}
}
