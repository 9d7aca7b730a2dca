package responsibility

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

var seed = flag.Uint64("seed", 0, "seed of random records; 0 takes a new one")

func marshal(t testing.TB, a *Answer) []byte {
	t.Helper()
	b, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func factsOf(t testing.TB, records []*record.Record) *Facts {
	t.Helper()
	f := NewFacts()
	for _, r := range records {
		if err := f.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// eachQuestion calls each with the records of a story and a question of it.
func eachQuestion(t *testing.T, each func(t *testing.T, s *story, records []*record.Record, q *question, a *Answer)) {
	for _, s := range readStories(t, ownStories) {
		records, f := s.load(t)
		for i := range s.Questions {
			q := &s.Questions[i]
			a, err := Trace(f, q.Effect, q.AsOf)
			if err != nil {
				t.Fatal(err)
			}
			each(t, s, records, q, a)
		}
	}
}

// undisclosed tells stories whose values come from beside the records.
func (s *story) undisclosed() bool {
	return !slices.ContainsFunc(s.Entries, func(e storyEntry) bool { return e.Kind == "erase" || e.Body["sealed"] != nil })
}

// What is recorded later does not change an answer at an old size, nor does
// having the records already.
func TestAppendingChangesNothing(t *testing.T) {
	eachQuestion(t, func(t *testing.T, s *story, records []*record.Record, q *question, a *Answer) {
		if !s.undisclosed() {
			return
		}
		b, err := Trace(factsOf(t, records[:q.AsOf]), q.Effect, q.AsOf)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(marshal(t, a), marshal(t, b)) {
			t.Errorf("%s: %s at %d is\n%swith the records behind it, and without\n%s", s.ID, q.Effect, q.AsOf, a.Text(), b.Text())
		}
	})
}

// Without a record that a finding rests on the answer is another.
func TestRemovingEvidenceChangesTheAnswer(t *testing.T) {
	removed := 0
	eachQuestion(t, func(t *testing.T, s *story, records []*record.Record, q *question, a *Answer) {
		for _, f := range a.Findings {
			for _, e := range f.Evidence {
				if e.ID == q.Effect {
					continue
				}
				rest := slices.DeleteFunc(slices.Clone(records), func(r *record.Record) bool { return r.ID == e.ID })
				b, err := Trace(factsOf(t, rest), q.Effect, q.AsOf)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Equal(marshal(t, a), marshal(t, b)) {
					t.Errorf("%s: %s at %d stays without %s, which %s rests on\n%s", s.ID, q.Effect, q.AsOf, e.ID, f.Rule, a.Text())
				}
				removed++
			}
		}
	})
	if removed < 50 {
		t.Errorf("removed %d records only", removed)
	}
}

// A negative fact rests on what is not there: without the approval, the
// disclosure or the override, there is a finding.
func TestRemovingADecisiveRecord(t *testing.T) {
	for _, test := range []struct {
		story, effect, without string
		rule                   Rule
		party                  string
	}{
		{"approvals", "x1", "r1", MissingEscalation, "vendor"},
		{"override", "x1", "r1", NoAuthority, "vendor"},
		{"revoked-key", "x1", "r1", MissingEscalation, "vendor"},
		{"limits", "x1", "g1", NoAuthority, "vendor"},
		{"duties", "x1", "i1", DutyOmitted, "data"},
		{"claims", "x1", "i1", UngroundedClaim, "vendor"},
	} {
		for _, s := range readStories(t, ownStories) {
			if s.ID != test.story {
				continue
			}
			records, f := s.load(t)
			if a, err := Trace(f, test.effect, f.Size()); err != nil || a.Finding(test.rule, test.party, Established) != nil {
				t.Fatalf("%s: %s: %v", test.story, test.effect, err)
			}
			records = slices.DeleteFunc(records, func(r *record.Record) bool { return r.ID == test.without })
			a, err := Trace(factsOf(t, records), test.effect, f.Size())
			if err != nil {
				t.Fatal(err)
			}
			if a.Finding(test.rule, test.party, Established) == nil {
				t.Errorf("%s: %s without %s has no %s\n%s", test.story, test.effect, test.without, test.rule, a.Text())
			}
		}
	}
}

// essence is an answer without the indexes of records.
func essence(a *Answer) string {
	var b strings.Builder
	for _, f := range a.Findings {
		var ids []string
		for _, e := range f.Evidence {
			ids = append(ids, e.ID)
		}
		fmt.Fprintln(&b, f.Rule, f.Party, f.Status, f.Weight, f.ButFor, ids)
	}
	fmt.Fprintln(&b, a.Shares, a.Mitigated, a.Outward, a.Version, a.Agreed, len(a.Tests))
	return b.String()
}

// A further case with the same course of events in between changes nothing.
func TestUnrelatedCasesChangeNothing(t *testing.T) {
	checked := 0
	for _, s := range readStories(t, ownStories) {
		text, _ := json.Marshal(s.Entries)
		if bytes.Contains(text, []byte("limit_period")) || !s.undisclosed() {
			continue // what is spent under one grant is related
		}
		_, alone := s.load(t)
		both := s.clone()
		both.Entries = nil
		at := map[int64]int64{} // sizes
		rename := map[string]string{}
		for _, e := range s.Entries {
			if e.Case != nil {
				rename[e.ID] = e.ID + "-b"
			}
		}
		for _, e := range s.clone().Entries {
			if e.Case != nil {
				c := e
				other := *e.Case + "-b"
				c.Case, c.ID, c.N = &other, rename[e.ID], int64(len(both.Entries))+1
				c.Body = renamed(e.Body, rename).(map[string]any)
				if key, ok := c.Body["key"].(string); ok {
					c.Body["key"] = key + "-b"
				}
				both.Entries = append(both.Entries, c)
			}
			old := e.N
			e.N = int64(len(both.Entries)) + 1
			both.Entries = append(both.Entries, e)
			at[old] = e.N
		}
		_, f := both.load(t)
		for _, q := range s.Questions {
			a, err := Trace(alone, q.Effect, q.AsOf)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Trace(f, q.Effect, at[q.AsOf])
			if err != nil {
				t.Fatal(err)
			}
			if essence(a) != essence(b) {
				t.Errorf("%s: %s is alone\n%s%swith another case\n%s%s", s.ID, q.Effect, essence(a), a.Text(), essence(b), b.Text())
			}
			checked++
		}
	}
	if checked < 40 {
		t.Errorf("checked %d answers only", checked)
	}
}

// renamed replaces ids, alone or before a field.
func renamed(v any, to map[string]string) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			if m[k] = e; k != "fields" && k != "id" {
				m[k] = renamed(e, to)
			}
		}
		return m
	case []any:
		l := make([]any, len(v))
		for i, e := range v {
			l[i] = renamed(e, to)
		}
		return l
	case string:
		id, name, dotted := strings.Cut(v, ".")
		if other, ok := to[id]; ok {
			if dotted {
				return other + "." + name
			}
			return other
		}
	}
	return v
}

// A prefix of the standing records below, and the case on top, are the same
// facts as all in one.
func TestForksAreTheSameFacts(t *testing.T) {
	eachQuestion(t, func(t *testing.T, s *story, records []*record.Record, q *question, a *Answer) {
		if !s.undisclosed() {
			return
		}
		base := NewFacts()
		for _, r := range records {
			if _, isAction := r.Body.(*record.Action); r.Case == "" || isAction {
				if err := base.Add(r); err != nil {
					t.Fatal(err)
				}
			}
		}
		f := base.Fork()
		for _, r := range records {
			if err := f.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		b, err := Trace(f, q.Effect, q.AsOf)
		if err != nil {
			t.Fatal(err)
		}
		// An effect that cites a review is booked before the review is known
		// in the base, so its sum is not told there.
		if s.ID != "limits" && s.ID != "spent" && !bytes.Equal(marshal(t, a), marshal(t, b)) {
			t.Errorf("%s: %s at %d is in one\n%sand on a base\n%s", s.ID, q.Effect, q.AsOf, a.Text(), b.Text())
		}
		if base.Size() > f.Size() {
			t.Errorf("%s: a fork of size %d on a base of size %d", s.ID, f.Size(), base.Size())
		}
	})
}

// What is prechecked is what is traced once it is recorded.
func TestPrecheckIsTrace(t *testing.T) {
	checked := 0
	for _, s := range readStories(t, ownStories) {
		if !s.undisclosed() {
			continue
		}
		records, _ := s.load(t)
		for i, r := range records {
			b, ok := r.Body.(*record.Action)
			if !ok || !b.IsEffect() {
				continue
			}
			f := factsOf(t, records[:i])
			planned, body := *r, *b
			body.Status = "planned"
			planned.Body, planned.Log = &body, nil
			before, err := Precheck(f, &planned, r.Log.Time)
			if err != nil {
				t.Fatal(err)
			}
			if body.Status != "planned" || planned.Log != nil || f.Size() != int64(i) {
				t.Fatal("Precheck changed what it was given")
			}
			if err := f.Add(r); err != nil {
				t.Fatal(err)
			}
			after, err := Trace(f, r.ID, int64(i)+1)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(marshal(t, before), marshal(t, after)) {
				t.Errorf("%s: %s is prechecked as\n%sand traced as\n%s", s.ID, r.ID, before.Text(), after.Text())
			}
			checked++
		}
	}
	if checked < 50 {
		t.Errorf("checked %d effects only", checked)
	}
}

// Shares are 10,000 in all or none, at least the floor and at most one more.
func TestSharesAddUp(t *testing.T) {
	random, _ := randomSource(t)
	for range 5000 {
		var findings []Finding
		total, weights := 0, map[string]int{}
		for range random.IntN(12) {
			f := Finding{Rule: Rules()[random.IntN(26)], Party: string('a' + rune(random.IntN(5))), Status: Established, Weight: random.IntN(7)}
			if slices.ContainsFunc(findings, func(g Finding) bool { return g.Rule == f.Rule && g.Party == f.Party }) {
				continue
			}
			weights[f.Party] += f.Weight
			total += f.Weight
			findings = append(findings, f, Finding{Rule: f.Rule, Party: f.Party, Status: Undeterminable, Weight: 0}, Finding{Rule: f.Rule, Party: f.Party, Status: Presumed, Weight: f.Weight / 2})
		}
		sum := int64(0)
		list := shares(findings)
		for i, s := range list {
			sum += s.BP
			if floor := int64(10000 * weights[s.Party] / total); s.BP != floor && s.BP != floor+1 {
				t.Fatalf("%s has %d of %v", s.Party, s.BP, weights)
			}
			if i > 0 && list[i-1].Party >= s.Party {
				t.Fatal("not by party")
			}
		}
		if want := map[bool]int64{true: 10000}[total > 0]; sum != want {
			t.Fatalf("shares of %v add up to %d", weights, sum)
		}
	}
}

func TestSharesByHand(t *testing.T) {
	for _, test := range []struct {
		weights map[string]int
		want    string
	}{
		{nil, "[]"},
		{map[string]int{"a": 0}, "[]"},
		{map[string]int{"a": 1, "b": 1, "c": 1}, "[{a 3334} {b 3333} {c 3333}]"},
		{map[string]int{"a": 1, "b": 2, "c": 3}, "[{a 1667} {b 3333} {c 5000}]"}, // 1666.67 before 3333.33
		{map[string]int{"b": 5, "a": 1}, "[{a 1667} {b 8333}]"},                  // 1666.67 before 8333.33
		{map[string]int{"a": 3, "b": 4}, "[{a 4286} {b 5714}]"},                  // 4285.71 before 5714.29
		{map[string]int{"a": 2, "b": 2, "c": 3}, "[{a 2857} {b 2857} {c 4286}]"}, // .14, .14, .71
		{map[string]int{"x": 1, "b": 1, "m": 1, "a": 1, "k": 1, "c": 1}, "[{a 1667} {b 1667} {c 1667} {k 1667} {m 1666} {x 1666}]"},
	} {
		var findings []Finding
		for party, w := range test.weights {
			findings = append(findings, Finding{Rule: LimitExceeded, Party: party, Status: Established, Weight: w})
		}
		if got := fmt.Sprint(shares(findings)); got != test.want {
			t.Errorf("%v: %s, want %s", test.weights, got, test.want)
		}
	}
}

func randomSource(t testing.TB) (*rand.Rand, uint64) {
	n := *seed
	if n == 0 {
		n = rand.Uint64()
	}
	t.Logf("seed %d", n)
	return rand.New(rand.NewPCG(n, 0)), n
}

// To erase one of the sealed fields improperly, be it the decisive one or, as
// long as no name is shown, another one, is to erase them all: in what is found
// and in the shares, of a claim as of a check.
func TestErasingOneIsErasingAll(t *testing.T) {
	height, weight := record.Sum([]byte("height")), record.Sum([]byte("weight"))
	tell := func(shown bool, scope ...record.Digest) string {
		c := newScene(t)
		in := c.make("i2", "vendor", "", &record.Input{AsOf: begins})
		in.Sealed = []record.Digest{height, weight}
		slices.Sort(in.Sealed)
		c.put(in)
		d := c.decision()
		d.Inputs = append(d.Inputs, "i2")
		d.Claims = []record.Claim{{ID: "k", Material: true, Value: "7", Support: []record.FieldRef{{Ref: "i2", Field: "height"}}}}
		d.Checks = []record.Check{{ID: "k", Left: record.Operand{Ref: "i2", Field: "height"}, Op: ">", Right: record.Operand{Lit: "5"}, Result: "pass"}}
		c.add("d2", "vendor", "", d)
		x := c.action()
		x.Decision = "d2"
		c.add("x", "vendor", "agent-1", x)
		if shown {
			c.f.Disclose("i2", "height", height, record.Value{Text: "7"})
		}
		c.add("dp", "client", "", &record.Dispute{About: "x", Ground: "g"})
		e := &record.Erase{Of: "i2", Basis: "subject_request", State: record.Erased, Holders: []string{"vendor"}}
		for _, digest := range scope {
			e.Scope = append(e.Scope, string(digest))
		}
		c.add("e1", "vendor", "", e)
		a, err := Trace(c.f, "x", c.n)
		if err != nil {
			t.Fatal(err)
		}
		return essence(a)
	}
	for _, shown := range []bool{false, true} {
		all := tell(shown)
		for _, rule := range []Rule{ContradictedClaim, CheckMisreported, ImproperErasure} {
			if !strings.Contains(all, string(rule)) {
				t.Errorf("no %s in\n%s", rule, all)
			}
		}
		if one := tell(shown, height); one != all {
			t.Errorf("shown %v: erasing the height is\n%serasing all is\n%s", shown, one, all)
		}
		if other := tell(shown, weight); (other == all) == shown {
			t.Errorf("shown %v: erasing the weight is\n%serasing all is\n%s", shown, other, all)
		}
	}
}
