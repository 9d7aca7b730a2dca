package fee

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/paper"
	"pgregory.net/rapid"
)

// checkBackings holds what is listed behind the lines of the next statement to
// the statement: each line leads to as many different records as it says, from
// the first one to the last one it says, and what counts adds up to what is
// shown.
func checkBackings(t failer, s *State, st *record.Statement) []Backing {
	t.Helper()
	got, list, err := s.Backings("", nil)
	if err != nil {
		t.Fatalf("backings: %v", err)
	}
	if whole(got) != whole(st) {
		t.Fatalf("the statement with its backings is\n%s", differing(whole(got), whole(st)))
	}
	checkAccount(t, s, st)
	checkListed(t, st, list)
	var own []Backing
	for _, b := range list {
		if b.Line != "" && b.Period == "" {
			own = append(own, b)
		}
		for _, m := range b.Measures {
			checkMeasured(t, s, &b, &m)
		}
	}
	if len(own) != len(st.Lines) {
		t.Fatalf("%d lines have a backing, want %d", len(own), len(st.Lines))
	}
	for i, b := range own {
		l := st.Lines[i]
		if b.Line != l.Name || b.Version != l.Version {
			t.Fatalf("backing %d is of line %s v%d, want %s v%d", i, b.Line, b.Version, l.Name, l.Version)
		}
		counted, first, last := map[int64]bool{}, int64(-1), int64(-1)
		hidden := int64(0)
		for _, m := range b.Measures {
			if m.Beside {
				continue
			}
			for _, x := range m.Sources {
				if !x.Counted {
					continue
				}
				counted[x.N] = true
				if first < 0 || x.N < first {
					first = x.N
				}
				last = max(last, x.N)
			}
			hidden = max(hidden, m.Hidden)
		}
		if n := int64(len(counted)) + hidden; n != l.Records {
			t.Fatalf("%s: line %s v%d says %d records, listed are %d: %+v", st.Period, l.Name, l.Version, l.Records, n, b)
		}
		if hidden == 0 && (first != l.First || last != l.Last) {
			t.Fatalf("%s: line %s v%d says records %d to %d, listed are %d to %d", st.Period, l.Name, l.Version, l.First, l.Last, first, last)
		}
	}
	return list
}

// checkAccount does the sums of a statement again: of its lines, and from them
// and the corrections to the subtotal.
func checkAccount(t failer, s *State, st *record.Statement) {
	t.Helper()
	a := NewAccount(s.standing, st)
	var sum number
	for _, l := range st.Lines {
		sum = sum.add(mustParse(l.Amount))
	}
	if a.CorrectionsFirst {
		for _, c := range st.Corrections {
			sum = sum.add(mustParse(c.Amount))
		}
	}
	if len(a.Sum) > 0 && strings.HasSuffix(a.Sum[0].What, " together") {
		if want := " = " + string(fixed(sum, s.governing(st.Until-1).terms.Scale)); !strings.HasSuffix(a.Sum[0].How, want) {
			t.Fatalf("statement %s: %s, want%s", st.Period, a.Sum[0], want)
		}
	}
	if n := len(a.Sum); n > 0 && strings.HasSuffix(a.Sum[n-1].What, "before they are rounded") {
		sum = mustParse(record.Decimal(a.Sum[n-1].How))
	} else if n > 0 && strings.HasSuffix(a.Sum[n-1].What, togetherRounded) {
		// Each of the two roundings is less than a unit off.
		agreed := s.governing(st.Until - 1).terms
		unit := number{units: 1, decimals: uint8(agreed.Scale)}
		once := mustParse(record.Decimal(a.Sum[n-1].How))
		if off := once.sub(sum); agreed.Rounding.At != "statement" || off.sub(unit).sign() > 0 || off.add(unit).sign() < 0 {
			t.Fatalf("statement %s: %s, after %s", st.Period, a.Sum[n-1], told(sum))
		}
		sum = once
	}
	steps := []paper.Step{{What: "it is a flat amount of " + told(sum)}}
	for _, x := range a.Adjust {
		if !strings.HasPrefix(x.What, "not applied: ") {
			steps = append(steps, paper.Step(x))
		}
	}
	if err := paper.Check(steps, string(st.Subtotal)); err != nil {
		t.Fatalf("statement %s: %v: %v", st.Period, err, steps)
	}
	if made := len(a.Adjust) > 0 && !strings.HasPrefix(a.Adjust[0].What, "not applied: "); made != (len(st.Adjust) > 0) {
		t.Fatalf("statement %s: %d adjustments are told as %v", st.Period, len(st.Adjust), a.Adjust)
	}
	for i, l := range a.Lines {
		if (l.Held != "") != st.Lines[i].Held {
			t.Fatalf("statement %s, line %s: held is told as %q", st.Period, st.Lines[i].Name, l.Held)
		}
		if l.Less == nil {
			continue
		}
		now, _, _ := strings.Cut(l.Less.How, " - ")
		steps := []paper.Step{{What: "it is a flat amount of " + now}, paper.Step(*l.Less)}
		if err := paper.Check(steps, string(st.Lines[i].Amount)); err != nil {
			t.Fatalf("statement %s, line %s: %v", st.Period, st.Lines[i].Name, err)
		}
	}
}

// checkListed does the sums of the lines and corrections of a statement again.
func checkListed(t failer, st *record.Statement, list []Backing) {
	t.Helper()
	corrections := st.Corrections
	for i := range list {
		switch b := &list[i]; {
		case b.Line == "":
		case b.Period == "":
			checkSteps(t, b, st.Lines[i].Amount)
		default:
			checkSteps(t, b, corrections[0].Amount)
			corrections = corrections[1:]
		}
	}
}

// checkSteps does the sums of a line or of a correction again, with a pencil.
func checkSteps(t failer, b *Backing, amount record.Decimal) {
	t.Helper()
	var steps []paper.Step
	var text strings.Builder
	for _, s := range b.Steps {
		steps = append(steps, paper.Step(s))
		text.WriteString("\n" + s.String())
	}
	if err := paper.Check(steps, string(amount)); err != nil {
		t.Fatalf("line %s v%d %s: %v%s", b.Line, b.Version, b.Period, err, text.String())
	}
}

// checkMeasured holds what is listed for one measure to its values.
func checkMeasured(t failer, s *State, b *Backing, m *Measured) {
	t.Helper()
	if m.Count != int64(len(m.Sources))+m.Hidden {
		t.Fatalf("line %s: measure %s says %d sources, has %d and %d hidden", b.Line, m.Name, m.Count, len(m.Sources), m.Hidden)
	}
	for _, x := range m.Sources {
		if (x.Reason == "billed") != (len(x.By) == 0) {
			t.Fatalf("line %s: measure %s: record %d is %s by %v", b.Line, m.Name, x.N, x.Reason, x.By)
		}
	}
	op := s.versions[b.Version-1].measures[s.versions[b.Version-1].measure(m.Name)].Op
	if m.StandIn != "" || m.Hidden > 0 || op != "count" && op != "sum" || m.Value == "" {
		return
	}
	var sum number
	for _, x := range m.Sources {
		sum = sum.add(mustParse(x.Quantity))
	}
	before := number{}
	if m.Before != "" && m.Earlier > 0 {
		before = mustParse(m.Before)
	}
	if want := mustParse(m.Value).sub(before); display(sum) != display(want) {
		t.Fatalf("line %s %s: measure %s goes from %s to %s, what is listed adds up to %s: %+v", b.Line, b.Period, m.Name, m.Before, m.Value, display(sum), m.Sources)
	}
}

// A shorter list has the first of what the whole one has, and says how many
// there are.
func TestBackingsAreCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, _, _ := drawWholeHistory(t, 20)
		if _, _, ok := k.state.Next(); !ok {
			return
		}
		_, all, err := k.state.Backings("", nil)
		if err != nil {
			t.Fatal(err)
		}
		k.state.List(1)
		_, cut, err := k.state.Backings("", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			for j := range all[i].Measures {
				a, c := all[i].Measures[j], cut[i].Measures[j]
				a.Sources = a.Sources[:min(1, len(a.Sources))]
				if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", c) {
					t.Fatalf("cut:\n%+v\nwant\n%+v", c, a)
				}
			}
		}
	})
}

// Whoever takes the state over somewhere lists the same, but for the actions
// before: of these it says how many they are, and from which on.
func TestBackingsOfATakenOverState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, _, _ := drawWholeHistory(t, 25)
		// The records after the last statement, and the last ones before it.
		from := rapid.IntRange(0, len(k.records)).Draw(t, "from")
		s := New()
		for _, r := range k.records[:from] {
			if err := s.Apply(r); err != nil {
				t.Fatal(err)
			}
		}
		s, err := ReadState(s.Lines())
		if err != nil {
			t.Fatal(err)
		}
		s.List(-1)
		for _, r := range k.records[from:] {
			if err := s.Apply(r); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, ok := s.Next(); !ok {
			return
		}
		_, all, err := k.state.Backings("", nil)
		if err != nil {
			t.Fatal(err)
		}
		st, got, err := s.Backings("", nil)
		if err != nil {
			t.Fatal(err)
		}
		checkListed(t, st, got)
		for i := range all {
			for j := range all[i].Measures {
				a, g := all[i].Measures[j], got[i].Measures[j]
				if a.Noun == "action" {
					shown := a.Sources[:0:0]
					for _, x := range a.Sources {
						if x.N >= int64(from) {
							shown = append(shown, x)
							continue
						}
						if a.Hidden++; a.HiddenFirst < 0 {
							a.HiddenFirst = x.N
						}
					}
					a.Sources = shown
				}
				if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", g) {
					t.Fatalf("from record %d on: %+v\nwant %+v", from, g, a)
				}
			}
		}
	})
}
