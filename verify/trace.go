package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// A Tracing is what the agreed rules find of the effects of a case, from the
// records of a bundle that no check refuses.
type Tracing struct {
	Case     string
	Origin   string
	Size     int64 // as of which it says so: the records [0, Size) were read
	Tree     int64 // size of the tree that holds them, at least Size
	Complete bool  // that the records are all is not the operator's word alone
	Timeline []Entry
	Answers  []*responsibility.Answer // one for each effect asked for, in ledger order
	Without  []Without                // effects that the rules say nothing about
	Relied   []Relied                 // resolves by finding of the case, in ledger order
	Unproven []string                 // checks that are unproven, with their texts
}

// A Relied is a resolve by finding, and the effect whose findings it relies on:
// what it says was computed again, at its own size.
type Relied struct {
	responsibility.Ref
	Effect string
	*record.Resolve
}

// relied lists the resolves by finding of a case.
func relied(records []*record.Record, matter string) []Relied {
	byID := map[string]record.Body{}
	var all []Relied
	for _, r := range records {
		byID[r.ID] = r.Body
		if b, ok := r.Body.(*record.Resolve); ok && r.Case == matter && b.As == record.ByFinding {
			all = append(all, Relied{responsibility.Ref{N: r.Log.N, ID: r.ID}, effectOf(byID, b.Dispute+b.About), b})
		}
	}
	return all
}

// effectOf is the action that a dispute, a claim or a reversal leads to.
func effectOf(byID map[string]record.Body, id string) string {
	for range 3 { // reversal or dispute, claim, action
		switch b := byID[id].(type) {
		case *record.Dispute:
			id = b.About
		case *record.Confirm:
			id = b.Of
		case *record.Reverse:
			id = b.Of
		case *record.Outcome:
			id = b.Effect
		}
	}
	return id
}

// A Without is an effect under terms that name no rule set.
type Without struct {
	Effect responsibility.Ref
	Reason string
}

// NotClaimed is what no answer says, for whoever shows one.
var NotClaimed = []string{
	"who is liable in law: a finding says that the records trip an agreed rule, a share is arithmetic agreed before",
	"that the records are true: what contradicts other records is found, what was never recorded is not",
	"guilt where proof is missing: what the records neither show nor exclude is open, and weighs nothing",
}

// Trace verifies a case bundle and says who answers for an effect of the case,
// or for all of them where effect is "". Nothing is traced from a bundle that
// is refused: then the tracing is nil, and the report says why. The error means
// that it could not be checked, that it is no bundle of a case, or that the
// case has no such effect.
func Trace(r io.Reader, o Options, effect string) (*Tracing, *Report, error) {
	return TraceAt(r, o, effect, 0)
}

// TraceAt is Trace as of a size of the ledger, at most that of the bundle (0:
// that of the bundle). See [Case.TraceAt].
func TraceAt(r io.Reader, o Options, effect string, size int64) (*Tracing, *Report, error) {
	c, report, err := ReadCase(r, o)
	switch {
	case err != nil || report.Verdict == Refused:
		return nil, report, err
	case c == nil:
		return nil, report, errors.New("nothing can be traced: want the bundle of a case, got a replay bundle")
	}
	t, err := c.TraceAt(effect, size)
	if err != nil {
		return nil, report, err
	}
	for _, check := range report.Checks {
		if check.Result == Unproven {
			t.Unproven = append(t.Unproven, check.Name+": "+check.Text)
		}
	}
	return t, report, nil
}

// Trace says who answers for an effect of the case, or for all of them where
// effect is "".
func (c *Case) Trace(effect string) (*Tracing, error) { return c.TraceAt(effect, 0) }

// TraceAt is Trace as of a size of the ledger, at most that of the bundle (0:
// that of the bundle): what followed when there were so many records. The bundle
// shows enough for each of them, since what a case rests on only grows. It shows
// no value of a sealed field that was erased since.
func (c *Case) TraceAt(effect string, size int64) (*Tracing, error) {
	what, id := record.SplitChain(c.Of)
	if what != "case" {
		return nil, fmt.Errorf("nothing can be traced: the bundle is of %s, want one of a case, which carries all that the rules read", c.Of)
	}
	t := &Tracing{Case: id, Origin: c.Origin, Size: c.Size, Complete: c.Complete, Timeline: Timeline(id, c.Records), Relied: relied(c.Records, id)}
	f, err := c.Facts()
	if err != nil {
		return nil, err
	}
	if err := t.AsOf(size); err != nil {
		return nil, err
	}
	found := false
	for _, x := range c.Effects() {
		switch {
		case effect != "" && x.ID != effect:
		case x.Log.N < t.Size:
			found = true
			if err := t.Add(f, x); err != nil {
				return nil, err
			}
		case effect != "":
			return nil, fmt.Errorf("effect %s is record %d, not among the first %d", effect, x.Log.N, t.Size)
		}
	}
	if effect != "" && !found {
		return nil, fmt.Errorf("case %s has no effect %s", id, effect)
	}
	return t, nil
}

// AsOf makes a tracing that has no answers yet one as of an earlier size, at most
// its own (0: its own).
func (t *Tracing) AsOf(size int64) error {
	t.Tree = t.Size
	if size == 0 {
		return nil
	}
	if size < 0 || size > t.Size {
		return fmt.Errorf("size is %d, want 1 to %d", size, t.Size)
	}
	t.Size = size
	t.Timeline = slices.DeleteFunc(t.Timeline, func(e Entry) bool { return e.N >= size })
	t.Relied = slices.DeleteFunc(t.Relied, func(r Relied) bool { return r.N >= size })
	return nil
}

// Add traces one more effect, from facts of the tracing's size or of a greater
// one.
func (t *Tracing) Add(f *responsibility.Facts, x *record.Record) error {
	answer, err := responsibility.Trace(f, x.ID, t.Size)
	switch {
	case errors.Is(err, responsibility.ErrNoRules):
		t.Without = append(t.Without, Without{responsibility.Ref{N: x.Log.N, ID: x.ID}, responsibility.ErrNoRules.Error()})
	case err != nil:
		return err
	default:
		t.Answers = append(t.Answers, answer)
	}
	return nil
}

// Facts are the records of the case for the rules, with the values that the
// bundle shows. What follows from them for an effect of a case is what follows
// from all records of the ledger.
func (c *Case) Facts() (*responsibility.Facts, error) {
	f := responsibility.NewFacts()
	for _, r := range c.Records {
		if err := f.Add(r); err != nil {
			return nil, err
		}
	}
	for _, d := range c.Disclosed {
		f.Disclose(d.Record, d.Field, d.Digest, d.Value)
	}
	return f, nil
}

// disclose keeps the value of a sealed field, which the check of attachments
// compares with its digest. What is no text, number or truth value cannot be
// compared by a rule, and stays unavailable to it.
func (m *matter) disclose(r *record.Record, text string) {
	name, raw, err := record.OpenDisclosure(text)
	if err != nil {
		return
	}
	d := Disclosed{Record: r.ID, Field: name, Digest: record.Sum([]byte(text))}
	switch raw[0] {
	case '"':
		if json.Unmarshal(raw, &d.Value.Text) != nil {
			return
		}
	case 't', 'f':
		d.Value.IsBool, d.Value.Bool = true, raw[0] == 't'
	case '{', '[', 'n':
		return
	default:
		d.Value.Text = string(raw)
	}
	m.disclosed = append(m.disclosed, d)
}

// WriteText writes the timeline of the case; of each effect the findings, with
// their records and the tests that made them, the shares, and what stays open;
// and what is not claimed.
func (t *Tracing) WriteText(w io.Writer) error {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(plain(fmt.Sprintf(format, args...)) + "\n") }
	complete := "complete"
	if !t.Complete {
		complete = "complete by the operator's word"
	}
	of := ""
	if t.Tree > t.Size {
		of = fmt.Sprintf(" of %d", t.Tree)
	}
	line("case         %s in %s, as of size %d%s, %s, %s", t.Case, t.Origin, t.Size, of, many(int64(len(t.Timeline)), "record"), complete)
	for _, e := range t.Timeline {
		b.WriteString(e.String() + "\n")
	}
	if len(t.Answers)+len(t.Without) == 0 {
		b.WriteByte('\n')
		line("no effect: nothing was done in this case that changed something outside")
	}
	for _, a := range t.Answers {
		b.WriteByte('\n')
		writeAnswer(line, a)
		for _, r := range t.Relied {
			if r.Effect == a.Effect.ID {
				line("relied on: %s (%d), at size %d: %s, by %s", r.ID, r.N, r.Size, r.Disposition, strings.Join(r.Findings, ", "))
			}
		}
	}
	for _, x := range t.Without {
		b.WriteByte('\n')
		line("effect %s (record %d): %s, so nothing follows from the records", x.Effect.ID, x.Effect.N, x.Reason)
	}
	b.WriteByte('\n')
	for _, u := range t.Unproven {
		line("unproven     %s", u)
	}
	for _, n := range NotClaimed {
		line("not claimed  %s", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeAnswer writes the answer of one effect.
func writeAnswer(line func(format string, args ...any), a *responsibility.Answer) {
	for s := range strings.Lines(a.Text()) {
		line("%s", strings.TrimSuffix(s, "\n"))
	}
	for _, f := range a.Open() {
		line("open: %s against %s: the records neither show nor exclude it", f.Rule, f.Party)
	}
	trips := 0
	for _, test := range a.Tests {
		if test.Result == "yes" {
			trips++
		}
	}
	line("tests: %d made, %d with the result yes", len(a.Tests), trips)
}

// MarshalJSON has the same facts as the text, and all tests.
func (t *Tracing) MarshalJSON() ([]byte, error) {
	type entry struct {
		N          int64  `json:"n"`
		At         string `json:"at"`
		Logged     string `json:"logged"`
		Kind       string `json:"kind"`
		By         string `json:"by"`
		Actor      string `json:"actor,omitempty"`
		ID         string `json:"id"`
		Text       string `json:"text,omitempty"`
		Backfilled bool   `json:"backfilled,omitempty"`
	}
	type open struct {
		Effect string `json:"effect"`
		Rule   string `json:"rule"`
		Party  string `json:"party"`
	}
	type finding struct {
		N           int64    `json:"n"`
		ID          string   `json:"id"`
		Effect      string   `json:"effect"`
		Size        int64    `json:"size"`
		Disposition string   `json:"disposition"`
		Findings    []string `json:"findings"`
	}
	type without struct {
		Effect string `json:"effect"`
		N      int64  `json:"n"`
		Reason string `json:"reason"`
	}
	out := struct {
		Case       string            `json:"case"`
		Origin     string            `json:"origin"`
		Size       int64             `json:"size"`
		Tree       int64             `json:"tree,omitempty"`
		Complete   bool              `json:"complete"`
		Timeline   []entry           `json:"timeline"`
		Answers    []json.RawMessage `json:"answers"`
		Open       []open            `json:"open"`
		Relied     []finding         `json:"relied_on,omitempty"`
		Without    []without         `json:"without_rules,omitempty"`
		Unproven   []string          `json:"unproven,omitempty"`
		NotClaimed []string          `json:"not_claimed"`
	}{Case: t.Case, Origin: t.Origin, Size: t.Size, Complete: t.Complete, Timeline: []entry{}, Answers: []json.RawMessage{}, Open: []open{}, Unproven: t.Unproven, NotClaimed: NotClaimed}
	if t.Tree > t.Size {
		out.Tree = t.Tree
	}
	for _, e := range t.Timeline {
		out.Timeline = append(out.Timeline, entry{e.N, e.At.String(), e.Logged.String(), string(e.Kind), e.By, e.Actor, e.ID, e.Text, e.Backfilled})
	}
	for _, a := range t.Answers {
		raw, err := a.Marshal()
		if err != nil {
			return nil, err
		}
		out.Answers = append(out.Answers, raw)
		for _, f := range a.Open() {
			out.Open = append(out.Open, open{a.Effect.ID, string(f.Rule), f.Party})
		}
	}
	for _, r := range t.Relied {
		out.Relied = append(out.Relied, finding{r.N, r.ID, r.Effect, r.Size, r.Disposition, r.Findings})
	}
	for _, x := range t.Without {
		out.Without = append(out.Without, without{x.Effect.ID, x.Effect.N, x.Reason})
	}
	return json.Marshal(out)
}
