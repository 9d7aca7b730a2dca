package fee

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// What is kept of a record in the text of its claim comes back as it was, at
// each length whose varint has another number of bytes, beside claims of the
// same piece, and what nothing reads is not there.
func TestClaimText(t *testing.T) {
	r := &rule{Result: &terms.Result{Name: "sale"}, reads: []string{"a", "b", "c", "d"}}
	s := New()
	type want struct {
		id, key, matter string
		facts           record.Facts
	}
	var wants []want
	for i, n := range []int{0, 1, 125, 126, 127, 16381, 16382, 16383, 1 << 20, 3, 70_000} {
		for range 70 / (1 + n/100) * (1 + i) {
			w := want{fmt.Sprint("id-", len(wants)), fmt.Sprint("sale/", len(wants)), strings.Repeat("m", i), record.Facts{record.Bool("a", n%2 == 0), record.Text("c", strings.Repeat("é", n/2)+strings.Repeat("x", n%2))}}
			if i%2 == 0 {
				w.facts = append(w.facts, record.Text("d", ""))
			}
			wants = append(wants, w)
		}
		wants = append(wants, want{fmt.Sprint("id-", len(wants)), "sale/", "", record.Facts{record.Text("b", strings.Repeat("y", n)), record.Bool("c", false)}})
	}
	for i, w := range wants {
		s.buffer = append(append(s.buffer[:0], w.id...), w.key...)
		given := append(record.NewFacts(record.Text("aa", "not read"), record.Bool("z", true)), w.facts...)
		c := s.newClaim(r, len(w.id), w.matter, record.NewFacts(given...))
		c.n = int64(i)
		s.claims = append(s.claims, c)
	}
	for i, w := range wants {
		c := s.claims[i]
		if got := (want{c.id(), c.key(), c.matter(), c.facts(nil)}); c.n != int64(i) || !reflect.DeepEqual(got, w) {
			t.Fatalf("claim %d: got %.200v, want %.200v", i, got, w)
		}
		for _, f := range w.facts {
			if v, ok := c.fact(f.Name); !ok || v != f.Value {
				t.Fatalf("claim %d: fact %s is %.200v, want %.200v", i, f.Name, v, f.Value)
			}
		}
		if _, ok := c.fact("aa"); ok {
			t.Fatalf("claim %d has a fact that nothing reads", i)
		}
	}
	if len(wants) < 500 {
		t.Fatalf("%d claims", len(wants))
	}
}
