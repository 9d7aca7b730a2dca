package terms

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/raasledger/raasledger/attribution/record"
)

var update = flag.Bool("update", false, "rewrite the lists of mistakes in testdata/terms; read the diff")

const vectors = "../../testdata/terms"

// noZone stands for a caller that has no tz database.
func noZone(string, record.Time, record.Time) ([]Offset, error) {
	panic("offsets are in the document")
}

func mistakeList(mistakes []Mistake) string {
	var b strings.Builder
	for _, m := range mistakes {
		b.WriteString(m.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// checkMistakes compares with the list beside a vector.
func checkMistakes(t *testing.T, vector string, mistakes []Mistake) {
	t.Helper()
	path := strings.TrimSuffix(vector, ".json") + ".mistakes"
	got := mistakeList(mistakes)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("mistakes (-want +got):\n%s", diff)
	}
}

func eachVector(t *testing.T, kind string, check func(t *testing.T, path string, text []byte)) {
	paths, err := filepath.Glob(filepath.Join(vectors, kind, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors in %s: %v", kind, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			check(t, path, text)
		})
	}
}

func TestValidVectors(t *testing.T) {
	eachVector(t, "valid", func(t *testing.T, path string, text []byte) {
		canonical, mistakes := Draft(text, noZone)
		checkMistakes(t, path, mistakes)
		if canonical == nil {
			t.Fatal("Draft refuses it")
		}
		for _, m := range mistakes {
			if !m.Warning {
				t.Errorf("%v is no warning", m)
			}
		}
		checkInverse(t, canonical)
		terms, again := Parse(canonical)
		if diff := cmp.Diff(mistakes, again); diff != "" {
			t.Errorf("Parse warns otherwise than Draft:\n%s", diff)
		}
		// A draft of the canonical form changes nothing.
		if twice, _ := Draft(canonical, noZone); !bytes.Equal(twice, canonical) {
			t.Errorf("Draft changes the canonical form to %s", twice)
		}
		if got, want := terms.Digest(), record.Sum(canonical); got != want {
			t.Errorf("digest is %s, want %s", got, want)
		}
	})
}

// checkInverse checks that Parse and Marshal are inverse on a canonical form.
func checkInverse(t testing.TB, canonical []byte) {
	t.Helper()
	terms, mistakes := Parse(canonical)
	if terms == nil {
		t.Fatalf("Parse refuses %s: %v", canonical, mistakes)
	}
	b := terms.Marshal()
	if !bytes.Equal(b, canonical) {
		t.Fatalf("Marshal gives %s, want %s", b, canonical)
	}
	if again, _ := Parse(b); !reflect.DeepEqual(again, terms) {
		t.Fatalf("Parse of Marshal gives %+v, want %+v", again, terms)
	}
}

func TestInvalidVectors(t *testing.T) {
	eachVector(t, "invalid", func(t *testing.T, path string, text []byte) {
		canonical, mistakes := Draft(text, nil)
		checkMistakes(t, path, mistakes)
		if canonical != nil {
			t.Error("Draft takes it")
		}
		// What is wrong in a draft is wrong in canonical JSON as well: there
		// the same mistakes are found where it can be brought into that form.
		var tree map[string]any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if d.Decode(&tree) != nil {
			return
		}
		b, err := record.Canonical(tree)
		if err != nil {
			return
		}
		if terms, mistakes := Parse(b); terms != nil {
			t.Errorf("Parse takes it, with %v", mistakes)
		}
	})
}

func TestUncanonicalVectors(t *testing.T) {
	eachVector(t, "uncanonical", func(t *testing.T, path string, text []byte) {
		terms, mistakes := Parse(text)
		checkMistakes(t, path, mistakes)
		if terms != nil {
			t.Error("Parse takes it")
		}
	})
}

// Each field is required, unless docs/terms.md says that it is optional: without
// it there is a mistake that names it.
func TestEveryFieldIsRequired(t *testing.T) {
	optional := regexp.MustCompile(`^(results|measures|metrics|constants|formulas|adjust|settle\.prepaid)$|` +
		`^results\.[a-z]+\.(where|evidence|delivered|quantity|effect(\.findings(\.(void|keep))?)?)$|^metrics\..*\.facts$|^measures\.[a-z_]+\.(where|credit|credit\.skip)$|` +
		`^lines\[[0-9]\]\.(adjust|convert|due_at|each|each\.at_least|each\.at_most|each\.free)$|\.tiers\[[0-9]\]\.(up_to|unit|rate|flat|package)$|` +
		`\.rolls_to$|^settle\.prepaid\[[0-9]\]\.at_most$`)
	// Where one of several is there, another one could be.
	oneOf := regexp.MustCompile(`^(measures\.[a-z_]+|(lines\[[0-9]\]\.)?adjust\[[0-9]\]|lines\[[0-9]\]\.convert)$`)
	tried := 0
	for _, file := range []string{"everything.json", "whole-language.json", "effect-findings.json"} {
		text, err := os.ReadFile(filepath.Join(vectors, "valid", file))
		if err != nil {
			t.Fatal(err)
		}
		var tree any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		var walk func(v any, path string)
		walk = func(v any, path string) {
			switch v := v.(type) {
			case []any:
				for i := range v {
					walk(v[i], element(path, i))
				}
			case map[string]any:
				for _, name := range sortedKeys(v) {
					value, at := v[name], join(path, name)
					if !optional.MatchString(at) && !byPeople(path) {
						delete(v, name)
						b, err := json.Marshal(tree)
						if err != nil {
							t.Fatal(err)
						}
						canonical, mistakes := Draft(b, nil)
						list := mistakeList(mistakes)
						missing := strings.Contains(list, at+": missing")
						switch {
						case oneOf.MatchString(path):
							missing = missing || strings.Contains(list, path+": want ")
						case strings.HasSuffix(path, ".free"):
							// The other one alone has no ends.
							missing = missing || strings.Contains(list, path+".ends: unknown field")
						case at == "responsibility":
							missing = missing || strings.Contains(list, ".effect.findings: needs the part responsibility")
						case name == "flat":
							missing = missing || strings.Contains(list, path+".of: missing, want the name of a measure or a formula, or flat")
						}
						if canonical != nil || !missing {
							t.Errorf("%s without %s: %v", file, at, mistakes)
						}
						v[name] = value
						tried++
					}
					walk(value, at)
				}
			}
		}
		walk(tree, "")
	}
	if tried < 350 {
		t.Errorf("tried %d fields only", tried)
	}
}

// byPeople reports whether the fields of the object at path have names of
// people's choice.
func byPeople(path string) bool {
	return regexp.MustCompile(`^(parties|results|metrics|measures|constants|formulas)$|\.(facts|shares|coalitions)$`).MatchString(path)
}

func TestDraftFillsOffsets(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(vectors, "valid", "everything.json"))
	if err != nil {
		t.Fatal(err)
	}
	want, _ := Draft(text, noZone)
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	calendar := tree["calendar"].(map[string]any)
	delete(calendar, "offsets")
	text, err = json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	got, mistakes := Draft(text, func(zone string, from, until record.Time) ([]Offset, error) {
		if zone != "Europe/Berlin" || from != at(t, "2026-02-28T23:00") || until != at(t, "2027-02-28T23:00") {
			t.Errorf("asked for %s from %s until %s", zone, from, until)
		}
		// A caller may give more than the span, and a change that is none.
		return []Offset{
			{at(t, "2025-03-30T01:00"), 120}, {at(t, "2025-10-26T01:00"), 60}, {at(t, "2026-03-01T00:00"), 60},
			{at(t, "2026-03-29T01:00"), 120}, {at(t, "2026-10-25T01:00"), 60}, {at(t, "2027-03-28T01:00"), 120},
		}, nil
	})
	if !bytes.Equal(got, want) {
		t.Errorf("got %s\nwant %s\n%v", got, want, mistakes)
	}

	for name, test := range map[string]struct {
		offsets func(string, record.Time, record.Time) ([]Offset, error)
		want    string
	}{
		"nobody to ask": {nil, "calendar.offsets: missing, want a list\n"},
		"no such zone": {func(string, record.Time, record.Time) ([]Offset, error) {
			return nil, os.ErrNotExist
		}, "calendar.zone: file does not exist\n"},
		"none": {func(string, record.Time, record.Time) ([]Offset, error) {
			return nil, nil
		}, "calendar.offsets: got none for the effective span, want at least one\n"},
		"too late": {func(string, record.Time, record.Time) ([]Offset, error) {
			return []Offset{{at(t, "2026-03-29T01:00"), 120}}, nil
		}, "calendar.offsets[0].from: got 2026-03-29T01:00:00.000Z, want effective.from 2026-02-28T23:00:00.000Z or before\n"},
		"wild": {func(string, record.Time, record.Time) ([]Offset, error) {
			return []Offset{{0, 5000}}, nil
		}, "calendar.offsets[0].minutes: got 5000, want an integer from -1080 to 1080\n"},
	} {
		got, mistakes := Draft(text, test.offsets)
		if list := mistakeList(mistakes); got != nil || !strings.HasPrefix(list, test.want) {
			t.Errorf("%s: got %swant %s", name, list, test.want)
		}
	}
}

// What people may write otherwise than it is signed.
func TestDraftSpelling(t *testing.T) {
	canonical := mustDraft(t, supportDesk)
	for name, replace := range map[string][2]string{
		"duration in another unit": {`"72h"`, `"4320m"`},
		"condition on two lines":   {`"!transferred"`, `"\n  !transferred\n"`},
		"escapes":                  {`"Shop Ltd"`, `"Shop\u0020Ltd"`},
	} {
		text := strings.ReplaceAll(supportDesk, replace[0], replace[1])
		if text == supportDesk {
			t.Fatalf("%s: nothing to replace", name)
		}
		if got := mustDraft(t, text); !bytes.Equal(got, canonical) {
			t.Errorf("%s: got %s", name, got)
		}
	}
	for from, want := range map[string]string{
		"  a  >  1 ":            "a  >  1",
		"a\n  > 1":              "a > 1",
		"s == \"x  y\" &&\n\tp": "s == \"x  y\" && p",
		"\n":                    "",
	} {
		if got := foldSpace(from); got != want {
			t.Errorf("%q folds to %q, want %q", from, got, want)
		}
	}
}

func TestBounds(t *testing.T) {
	if _, mistakes := Parse(make([]byte, MaxBytes+1)); mistakeList(mistakes) != "has 61441 bytes, at most 61440\n" {
		t.Errorf("Parse of a long document: %v", mistakes)
	}
	if _, mistakes := Draft(make([]byte, MaxDraftBytes+1), nil); mistakeList(mistakes) != "has 1048577 bytes, at most 1048576\n" {
		t.Errorf("Draft of a long document: %v", mistakes)
	}
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	if _, mistakes := Draft([]byte(deep), nil); mistakeList(mistakes) != "is not JSON: more than 64 deep\n" {
		t.Errorf("Draft of a deep document: %v", mistakes)
	}
	// Text that is long only in canonical form, or too long for a record.
	long := strings.Replace(supportDesk, `"Shop Ltd"`, `"`+strings.Repeat("x", 257)+`"`, 1)
	if _, mistakes := Draft([]byte(withKeys(long)), utc); !strings.Contains(mistakeList(mistakes), "want text of 1 to 256 bytes without space around it") {
		t.Errorf("Draft of a long name: %v", mistakes)
	}
	var results strings.Builder
	for i := range 200 {
		results.WriteString(strings.Replace(resultText(supportDesk), `"resolved"`, `"r`+string(rune('a'+i/26))+string(rune('a'+i%26))+`"`, 1))
		results.WriteByte(',')
	}
	many := strings.Replace(supportDesk, resultText(supportDesk), results.String()+resultText(supportDesk), 1)
	if _, mistakes := Draft([]byte(withKeys(many)), utc); !strings.Contains(mistakeList(mistakes), "bytes in canonical form, at most 61440") {
		t.Errorf("Draft of many results: %v", mistakes[len(mistakes)-1])
	}
}

// resultText is the one result of the support desk, with its name.
func resultText(text string) string {
	from := strings.Index(text, `"resolved": {`)
	until := strings.Index(text, ` },
 "measures"`)
	return text[from:until]
}

func TestLookups(t *testing.T) {
	terms := mustParse(t, supportDesk)
	if terms.Operator().ID != "vendor" || terms.Client().ID != "client" {
		t.Errorf("operator %v, client %v", terms.Operator(), terms.Client())
	}
	if terms.Party("vendor") == nil || terms.Party("nobody") != nil {
		t.Error("Party")
	}
	if terms.Result("resolved") == nil || terms.Result("a") != nil || terms.Result("z") != nil {
		t.Error("Result")
	}
	if terms.Measure("tickets") == nil || terms.Measure("z") != nil {
		t.Error("Measure")
	}
	if r := terms.Result("resolved"); r.Fact("value") == nil || r.Fact("z") != nil {
		t.Error("Fact")
	}
}

func TestHorizon(t *testing.T) {
	silence := Accept{On: "silence", After: 3 * day}
	void := &Dispute{Within: 14 * day, After: 30 * day, Then: "void"}
	for _, test := range []struct {
		result Result
		want   Duration
	}{
		{Result{Accept: Accept{On: "claim"}}, 0},
		{Result{Accept: silence}, 3 * day},
		{Result{Accept: Accept{On: "client"}, Lock: Lock{After: 5 * day}}, 5 * day},
		{Result{Accept: silence, Lock: Lock{After: 5 * day}}, 5 * day},
		{Result{Accept: silence, Dispute: void}, 44 * day},
		{Result{Accept: silence, Dispute: &Dispute{Within: 14 * day, Then: "arbiter"}}, 14 * day},
		{Result{Accept: silence, Reopen: &Reopen{7 * day, "occurred"}}, 7 * day},
		{Result{Accept: silence, Reopen: &Reopen{2 * day, "occurred"}}, 3 * day},
		{Result{Accept: silence, Lock: Lock{After: 5 * day}, Reopen: &Reopen{7 * day, "accepted"}}, 10 * day},
		{Result{Accept: silence, Lock: Lock{After: 5 * day}, Reopen: &Reopen{7 * day, "locked"}}, 12 * day},
		{Result{Accept: silence, Lock: Lock{Months: 2, Day: 1}, Reopen: &Reopen{7 * day, "locked"}}, 71 * day},
		{Result{Accept: silence, Dispute: void, Lock: Lock{After: 5 * day}, Reopen: &Reopen{7 * day, "locked"}}, 51 * day},
		{Result{Accept: silence, Effect: &Effect{Findings: &Findings{Within: 30 * day}}}, 30 * day},
	} {
		if got := test.result.horizon(); got != test.want {
			t.Errorf("horizon of %+v is %s, want %s", test.result, got, test.want)
		}
	}
}

func TestInstant(t *testing.T) {
	logged := at(t, "2026-03-10T00:00")
	for _, test := range []struct {
		delay      Duration
		at         string
		backfilled bool
		want       string
	}{
		{3 * day, "2026-03-07T00:00", false, "2026-03-07T00:00"},
		{3 * day, "2026-03-06T23:59", false, "2026-03-10T00:00"},
		{3 * day, "2026-01-01T00:00", true, "2026-01-01T00:00"},
		{Unlimited, "2020-01-01T00:00", false, "2020-01-01T00:00"},
		{0, "2026-03-10T00:00", false, "2026-03-10T00:00"},
		{0, "2026-03-10T00:04", false, "2026-03-10T00:04"}, // within the skew
	} {
		terms := &Terms{RecordDelay: test.delay}
		r := &record.Record{At: at(t, test.at), Backfilled: test.backfilled, Log: &record.Log{Time: logged}}
		if got := terms.Instant(r); got != at(t, test.want) {
			t.Errorf("at %s with delay %s, backfilled %v: %s, want %s", test.at, test.delay, test.backfilled, got, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(vectors, "*", "*.json"))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		if canonical, _ := Draft(text, nil); canonical != nil {
			f.Add(canonical)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if terms, mistakes := Parse(text); terms != nil {
			checkInverse(t, text)
		} else if len(mistakes) == 0 {
			t.Fatal("refused without a mistake")
		}
		canonical, mistakes := Draft(text, nil)
		if canonical == nil {
			if len(mistakes) == 0 {
				t.Fatal("draft refused without a mistake")
			}
			return
		}
		checkInverse(t, canonical)
		if _, again := Parse(canonical); !reflect.DeepEqual(mistakes, again) {
			t.Fatalf("Parse warns %v, Draft %v", again, mistakes)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text, err := os.ReadFile(filepath.Join(vectors, "valid", "everything.json"))
	if err != nil {
		b.Fatal(err)
	}
	canonical, _ := Draft(text, nil)
	b.SetBytes(int64(len(canonical)))
	b.ReportAllocs()
	for b.Loop() {
		if terms, mistakes := Parse(canonical); terms == nil {
			b.Fatal(mistakes)
		}
	}
}
