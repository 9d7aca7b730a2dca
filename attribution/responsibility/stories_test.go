package responsibility

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

var stories = flag.String("stories", "../../testdata/stories", "folder of stories; relative to the package")

// A story is a dispute told in records, with what rs-1 must answer. null is
// absent, indexes begin at 1, as_of is a size.
type story struct {
	ID        string
	RuleSet   string `json:"rule_set"`
	Entries   []storyEntry
	Questions []question
}

type storyEntry struct {
	N            int64
	ID, Kind, By string
	Actor        string // of kinds whose body names none
	Case         *string
	At, Logged   string
	Backfilled   bool
	SignedBy     []string `json:"signed_by"`
	Keys         []string // in place of the parties' own
	Attach       []struct{ Name, Keep string }
	Body         map[string]any
}

type question struct {
	Effect string
	AsOf   int64 `json:"as_of"`
	Expect struct {
		Outward      string
		Findings     []expected
		Contribution map[string]int64 `json:"contribution_bp"`
		Open         []expected
		NotFound     []expected `json:"not_found"`
		Mitigated    *string
	}
	Near []near
}

type expected struct {
	Rule, Party, Status string
	Evidence            []string
	ButFor              string `json:"but_for"`
}

// near says that one change of one entry trips a rule that the story as it is
// does not.
type near struct {
	Rule, Party, Status, Why string
	Entry, Path              string
	Value                    any
}

func readStories(t testing.TB, folder string) []*story {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories in %s: %v", folder, err)
	}
	var all []*story
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &story{}
		if err := json.Unmarshal(b, s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if s.RuleSet != terms.RuleSet {
			t.Fatalf("%s: rule set %q", file, s.RuleSet)
		}
		all = append(all, s)
	}
	return all
}

// clone is a deep copy, to be changed.
func (s *story) clone() *story {
	c := *s
	c.Entries = make([]storyEntry, len(s.Entries))
	for i, e := range s.Entries {
		c.Entries[i] = e
		b, _ := json.Marshal(e.Body)
		c.Entries[i].Body = nil
		json.Unmarshal(b, &c.Entries[i].Body)
	}
	return &c
}

// change sets one value of one entry: a field of the body, or .at, .logged,
// .by, .keys of the envelope.
func (s *story) change(t testing.TB, n near) {
	t.Helper()
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.ID != n.Entry {
			continue
		}
		text, _ := n.Value.(string)
		switch n.Path {
		case ".at":
			e.At = text
		case ".logged":
			e.Logged = text
		case ".by":
			e.By = text
		case ".keys":
			e.Keys = texts(n.Value)
		default:
			setPath(t, e.Body, strings.Split(n.Path, "."), n.Value)
		}
		return
	}
	t.Fatalf("near %s: no entry %s", n.Rule, n.Entry)
}

func setPath(t testing.TB, v any, path []string, value any) {
	t.Helper()
	for {
		switch m := v.(type) {
		case map[string]any:
			if len(path) == 1 {
				if m[path[0]] = value; value == nil {
					delete(m, path[0])
				}
				return
			}
			v = m[path[0]]
		case []any:
			i := int(path[0][0] - '0')
			if len(path) == 1 {
				m[i] = value
				return
			}
			v = m[i]
		default:
			t.Fatalf("no path %v", path)
		}
		path = path[1:]
	}
}

// load returns the records of a story and facts that hold them.
func (s *story) load(t testing.TB) ([]*record.Record, *Facts) {
	t.Helper()
	defer func() { // a story from elsewhere may lack what the loader reads
		if p := recover(); p != nil {
			t.Fatalf("%s: %v", s.ID, p)
		}
	}()
	l := newLoader(t, s)
	f := NewFacts()
	var all []*record.Record
	for i := range s.Entries {
		r := l.record(&s.Entries[i])
		if err := f.Add(r); err != nil {
			t.Fatalf("%s: %v", s.ID, err)
		}
		all = append(all, r)
	}
	for k, s := range l.sealed {
		if s.shown {
			f.Disclose(k.id, k.name, s.digest, s.value)
		}
	}
	return all, f
}

// ask checks one question of a story.
func (q *question) ask(t *testing.T, f *Facts) *Answer {
	t.Helper()
	a, err := Trace(f, q.Effect, q.AsOf)
	if err != nil {
		t.Fatalf("%s at %d: %v", q.Effect, q.AsOf, err)
	}
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s at %d: %s\n%s", q.Effect, q.AsOf, fmt.Sprintf(format, args...), a.Text())
	}
	var got, want []string
	for _, f := range a.Findings {
		got = append(got, fmt.Sprintf("%s %s %s", f.Rule, f.Party, f.Status))
	}
	for _, e := range slices.Concat(q.Expect.Findings, q.Expect.Open) {
		status := e.Status
		if status == "" {
			status = "undeterminable"
		}
		line := fmt.Sprintf("%s %s %s", e.Rule, e.Party, status)
		if !slices.Contains(want, line) {
			want = append(want, line)
		}
		found := a.Finding(Rule(e.Rule), e.Party, Status(status))
		if found == nil {
			continue
		}
		for _, id := range e.Evidence {
			if !slices.ContainsFunc(found.Evidence, func(r Ref) bool { return r.ID == id }) {
				fail("%s has no evidence %s", line, id)
			}
		}
		if e.ButFor != "" && string(found.ButFor) != e.ButFor {
			fail("%s: but for %s, want %s", line, found.ButFor, e.ButFor)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		fail("found\n %s\nwant\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
	bp := map[string]int64{}
	for _, s := range a.Shares {
		bp[s.Party] = s.BP
	}
	if !maps.Equal(bp, q.Expect.Contribution) {
		fail("shares %v, want %v", bp, q.Expect.Contribution)
	}
	if a.Outward != q.Expect.Outward {
		fail("outward %s, want %s", a.Outward, q.Expect.Outward)
	}
	if m := q.Expect.Mitigated; m != nil && compare(string(a.Mitigated), *m) != 0 {
		fail("mitigated %s, want %s", a.Mitigated, *m)
	}
	for _, e := range q.Expect.NotFound {
		for _, f := range a.Findings {
			if string(f.Rule) == e.Rule && f.Party == e.Party {
				fail("found %s %s", e.Rule, e.Party)
			}
		}
	}
	return a
}

func TestStories(t *testing.T) {
	for _, s := range readStories(t, *stories) {
		t.Run(s.ID, func(t *testing.T) {
			_, f := s.load(t)
			if len(s.Questions) == 0 {
				t.Fatal("no questions")
			}
			for i := range s.Questions {
				s.Questions[i].ask(t, f)
			}
		})
	}
}

// The worked disputes beside the checkout come out as they are told there.
func TestSharedStories(t *testing.T) {
	const folder = "../../../shared/cases/responsibility"
	if _, err := os.Stat(folder); err != nil {
		t.Skip("../shared/cases/responsibility is absent")
	}
	for _, s := range readStories(t, folder) {
		_, f := s.load(t)
		for i := range s.Questions {
			s.Questions[i].ask(t, f)
		}
	}
}

// What the stories find is of records that a ledger admits: the rules are for
// what admission lets in.
func TestStoriesAreAdmitted(t *testing.T) {
	for _, s := range readStories(t, ownStories) {
		records, _ := s.load(t)
		standing, f := terms.NewStanding(), NewFacts()
		for _, r := range records {
			if err := f.Add(r); err != nil {
				t.Fatal(err)
			}
			if err := standing.Apply(r); err != nil {
				t.Errorf("%s: %v", s.ID, err)
			}
			if _, ok := r.Body.(*record.Review); ok {
				if err := CheckReview(f, r, record.Time(standing.Latest().Terms.Skew)); err != nil {
					t.Errorf("%s: %v", s.ID, err)
				}
			}
			if standing.SignatureVoid(r) != f.void(r) {
				t.Errorf("%s: whether the signature of %s is void is not what the standing says", s.ID, r.ID)
			}
		}
	}
}
