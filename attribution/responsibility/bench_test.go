package responsibility

import (
	"fmt"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// busy is a case on a base with many effects under its grant, and the action
// that is to come.
func busy(b testing.TB, effects int) (*Facts, *record.Record) {
	s := storyNamed(b, "limits")
	records, _ := s.load(b)
	base, n := NewFacts(), int64(0)
	add := func(f *Facts, r *record.Record) {
		c := *r
		c.Log = &record.Log{N: n, Time: r.Log.Time}
		n++
		if err := f.Add(&c); err != nil {
			b.Fatal(err)
		}
	}
	var action *record.Record
	for _, r := range records {
		if r.Case == "" {
			add(base, r)
		}
		if r.ID == "x1" {
			action = r
		}
	}
	for i := range effects {
		other := *action
		other.ID, other.Case = fmt.Sprint("other/", i), fmt.Sprint("case/", i)
		body := *action.Body.(*record.Action)
		body.Key, other.Body = other.ID, &body
		add(base, &other)
	}
	f := base.Fork()
	for _, r := range records {
		if r.Case != "" && r.ID != "x1" {
			add(f, r)
		}
	}
	next := *action
	next.ID, next.Log = "next", nil
	return f, &next
}

func BenchmarkPrecheck(b *testing.B) {
	for _, effects := range []int{0, 10_000, 100_000} {
		b.Run(fmt.Sprintf("effects=%d", effects), func(b *testing.B) {
			f, action := busy(b, effects)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Precheck(f, action, action.At); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTrace(b *testing.B) {
	_, f := storyNamed(b, "corrections").load(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Trace(f, "x1", f.Size()); err != nil {
			b.Fatal(err)
		}
	}
}
