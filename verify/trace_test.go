package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// sealedCase is a case whose decision rests on a sealed field, which has the
// value given as JSON: the agent says that it is below 50.
func sealedCase(t testing.TB, value string) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	rules := strings.TrimSuffix(strings.TrimSpace(supportTerms), "}") + `, "responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "60s"}}`
	m.agreement(rules, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	r := &record.Record{Kind: record.KindInput, ID: "i-1", Case: "T-1", At: m.now, By: "vendor", Body: &record.Input{AsOf: m.now, Source: "till"}}
	m.seal(r, base64.RawURLEncoding.EncodeToString([]byte(`["MDEyMzQ1Njc4OWFiY2RlZg","total",`+value+`]`)))
	m.add(r)
	m.vendor("d-1", "T-1", &record.Decision{Agent: "agent-1", Inputs: []string{"i-1"}, Reasons: record.Sum(nil), Output: record.Sum(nil),
		Checks: []record.Check{{ID: "small", Left: record.Operand{Ref: "i-1", Field: "total"}, Op: "<", Right: record.Operand{Lit: "50"}, Result: "pass"}}})
	m.vendor("x-1", "T-1", &record.Action{Decision: "d-1", Action: "refund", Amount: "80", Currency: "EUR", Effect: "commit", Status: "executed"})
	m.vendor("x-2", "T-1", &record.Action{Decision: "d-1", Action: "look", Effect: "read", Status: "executed"})
	m.index(nil)
	return m
}

// TestTraceSealed: a value that the bundle shows is read by the rules, one that
// it withholds leaves the finding open.
func TestTraceSealed(t *testing.T) {
	o := Options{Policy: policy(t, policyText(t, "both"))}
	for _, tc := range []struct {
		name, value string
		withheld    bool
		want        responsibility.Status // of check_misreported, "" for none
	}{
		{"text", `"80.00"`, false, responsibility.Established},
		{"number", `80`, false, responsibility.Established},
		{"small", `"8"`, false, ""},
		{"a list cannot be compared", `[80]`, false, responsibility.Undeterminable},
		{"nothing", `null`, false, responsibility.Undeterminable},
		{"withheld", `"80.00"`, true, responsibility.Undeterminable},
	} {
		in := sealedCase(t, tc.value).matter(matterCut{of: "case/T-1", noEvidence: tc.withheld})
		traced, report, err := Trace(bytes.NewReader(in), o, "")
		if err != nil || traced == nil || len(traced.Answers) != 1 {
			t.Fatalf("%s: %v, %v\n%s", tc.name, traced, err, text(t, report))
		}
		answer := traced.Answers[0]
		got := responsibility.Status("")
		for _, f := range answer.Findings {
			if f.Rule == responsibility.CheckMisreported {
				got = f.Status
			}
		}
		if got != tc.want {
			t.Errorf("%s: check_misreported %q, want %q\n%s", tc.name, got, tc.want, answer.Text())
		}
		var b strings.Builder
		if err := traced.WriteText(&b); err != nil {
			t.Fatal(err)
		}
		open := "\nopen: check_misreported against vendor: the records neither show nor exclude it\n"
		if strings.Contains(b.String(), open) != (tc.want == responsibility.Undeterminable) {
			t.Errorf("%s:\n%s", tc.name, b.String())
		}
		checkTraceJSON(t, traced)
	}
}

// checkTraceJSON compares the JSON with what is traced.
func checkTraceJSON(t *testing.T, traced *Tracing) {
	t.Helper()
	raw, err := json.Marshal(traced)
	if err != nil {
		t.Fatal(err)
	}
	var j struct {
		Case, Origin string
		Size         int64
		Complete     bool
		Timeline     []struct {
			N                           int64
			At, Logged, Kind, By, Actor string
			ID                          string
			Text                        string
			Backfilled                  bool
		}
		Answers []struct {
			Effect   struct{ ID string }
			Findings []struct{ Rule, Party, Status string }
			Tests    [][]string
		}
		Open       []struct{ Effect, Rule, Party string }
		NotClaimed []string `json:"not_claimed"`
	}
	if err := json.Unmarshal(raw, &j); err != nil {
		t.Fatal(err)
	}
	if j.Case != traced.Case || j.Origin != traced.Origin || j.Size != traced.Size || j.Complete != traced.Complete || len(j.Timeline) != len(traced.Timeline) || len(j.NotClaimed) != len(NotClaimed) {
		t.Errorf("%s", raw)
	}
	for i, e := range traced.Timeline {
		if got := j.Timeline[i]; got.N != e.N || got.At != e.At.String() || got.Logged != e.Logged.String() || got.Kind != string(e.Kind) || got.By != e.By || got.Actor != e.Actor || got.ID != e.ID || got.Text != e.Text || got.Backfilled != e.Backfilled {
			t.Errorf("%+v, want %+v", got, e)
		}
	}
	opened := 0
	for i, a := range traced.Answers {
		if got := j.Answers[i]; got.Effect.ID != a.Effect.ID || len(got.Findings) != len(a.Findings) || len(got.Tests) != len(a.Tests) {
			t.Errorf("%+v, want %+v", got, a)
		}
		opened += len(a.Open())
	}
	if len(j.Open) != opened {
		t.Errorf("%d open, want %d", len(j.Open), opened)
	}
}

// TestTraceNothing: what is no bundle of a case, or is refused, is not traced.
func TestTraceNothing(t *testing.T) {
	o := Options{Policy: policy(t, policyText(t, "both"))}
	m := sealedCase(t, `"80"`)
	for _, tc := range []struct {
		name, effect, want string
		in                 []byte
	}{
		{"replay", "", "nothing can be traced: want the bundle of a case, got a replay bundle", m.bundle(cut{})},
		{"config", "", "nothing can be traced: the bundle is of input/i-1, want one of a case, which carries all that the rules read", m.matter(matterCut{of: "input/i-1"})},
		{"a read", "x-2", "case T-1 has no effect x-2", m.matter(matterCut{of: "case/T-1"})},
		{"no effect", "d-1", "case T-1 has no effect d-1", m.matter(matterCut{of: "case/T-1"})},
	} {
		traced, report, err := Trace(bytes.NewReader(tc.in), o, tc.effect)
		if traced != nil || report == nil || err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, %v, want %q", tc.name, traced, err, tc.want)
		}
	}
	for _, tc := range []struct {
		effect, want string
		size         int64
	}{
		{"", "size is -1, want 1 to 6", -1},
		{"", "size is 7, want 1 to 6", 7},
		{"x-1", "effect x-1 is record 3, not among the first 3", 3},
	} {
		traced, _, err := TraceAt(bytes.NewReader(m.matter(matterCut{of: "case/T-1"})), o, tc.effect, tc.size)
		if traced != nil || err == nil || err.Error() != tc.want {
			t.Errorf("at %d: %v, %v, want %q", tc.size, traced, err, tc.want)
		}
	}
	for size, want := range map[int64]int{1: 0, 3: 0, 4: 1, 5: 1, 6: 1} {
		traced, _, err := TraceAt(bytes.NewReader(m.matter(matterCut{of: "case/T-1"})), o, "", size)
		if err != nil || len(traced.Answers) != want || traced.Size != size || traced.Tree != 6 || len(traced.Timeline) != int(min(size, 5))-1 || want > 0 && traced.Answers[0].Size != size {
			t.Errorf("at %d: %+v, %v", size, traced, err)
		}
		checkTraceJSON(t, traced)
	}
	in := m.matter(matterCut{of: "case/T-1", drop: []int64{1}})
	if traced, report, err := Trace(bytes.NewReader(in), o, ""); traced != nil || err != nil || report.Verdict != Refused {
		t.Errorf("refused: %v, %v", traced, err)
	}
	in = m.matter(matterCut{of: "case/T-1", cosigners: []string{"third"}})
	traced, report, err := Trace(bytes.NewReader(in), Options{Policy: policy(t, policyText(t, "third"))}, "x-1")
	if err != nil || traced == nil || report.Verdict != Unproven || traced.Complete || len(traced.Unproven) == 0 {
		t.Fatalf("by the operator's word: %+v, %v", traced, err)
	}
	var b strings.Builder
	if err := traced.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{", complete by the operator's word\n", "\nunproven     chains: ", "\nnot claimed  " + NotClaimed[0] + "\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	without, _, err := Trace(bytes.NewReader(claims(t, nil).matter(matterCut{of: "case/T-1"})), o, "")
	if err != nil || len(without.Answers) != 0 || fmt.Sprint(without.Without) != "[{{12 x-1} the terms in force name no rule set}]" {
		t.Errorf("without rules: %+v, %v", without, err)
	}
}
