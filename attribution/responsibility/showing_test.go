package responsibility

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

const sceneNonce = "bm9uY2Vub25jZW5vbmNlbm8="

// dated adds a record that says it is of the time at from now, and is recorded
// after logged.
func (c *scene) dated(r *record.Record, at, logged record.Time) {
	c.at -= 60_000 // what make moved it by
	r.At = c.at + at
	c.at += max(logged, 0)
	c.put(r)
}

// show adds a handoff of d1 with the scene's nonce, which may still be changed.
func (c *scene) show(id, by string, at, logged record.Time) *record.Handoff {
	b := &record.Handoff{Decision: "d1", To: "client", Reason: "r", Shown: []string{"checks", "claims"}, Nonce: sceneNonce}
	c.dated(c.make(id, by, "", b), at, logged)
	return b
}

// answer adds an approval of d1 that names the scene's nonce, likewise.
func (c *scene) answer(id, by string, at, logged record.Time) *record.Review {
	b := &record.Review{Of: "d1", Verdict: "approve", Nonce: sceneNonce, Reasons: record.Sum(nil)}
	c.dated(c.make(id, by, "h-lin", b), at, logged)
	return b
}

// What a review was shown and how long it took is measured between two authors:
// neither gains by what it says.
func TestShowings(t *testing.T) {
	const (
		none  = ""
		short = "review_too_short client established"
		less  = "incomplete_presentation vendor established"
		both  = short + ", " + less
	)
	for name, test := range map[string]struct {
		tell func(c *scene)
		want string
	}{
		"a minute after it was shown": {func(c *scene) {
			c.show("h1", "vendor", 0, 0)
			c.answer("r1", "client", 60_000, 60_000)
		}, none},
		"a millisecond less": {func(c *scene) {
			c.show("h1", "vendor", 0, 0)
			c.answer("r1", "client", 59_999, 59_999)
		}, short},
		"the vendor dates the handoff ahead": {func(c *scene) {
			c.show("h1", "vendor", 59_000, 0)
			c.answer("r1", "client", 60_000, 60_000)
		}, none},
		"the vendor dates the handoff back": {func(c *scene) { // against itself
			c.show("h1", "vendor", -59_000, 0)
			c.answer("r1", "client", 1000, 1000)
		}, none},
		"the vendor records the handoff late": {func(c *scene) {
			c.show("h1", "vendor", -hourMS, 0)
			c.answer("r1", "client", 1000, 1000)
		}, short},
		"the reviewer dates the review ahead": {func(c *scene) {
			c.show("h1", "vendor", 0, 0)
			c.answer("r1", "client", 60_000, 1000)
		}, short},
		"the reviewer dates the review back": {func(c *scene) { // against itself
			c.show("h1", "vendor", 0, 0)
			c.answer("r1", "client", 1000, 60_000)
		}, short},
		"opened is not looked at": {func(c *scene) {
			c.show("h1", "vendor", 0, 0)
			c.answer("r1", "client", 1000, 1000).Opened = c.at - hourMS
		}, short},
		"shown is not looked at": {func(c *scene) {
			c.show("h1", "vendor", 0, 0).Shown = []string{"claims"}
			c.answer("r1", "client", 60_000, 60_000).Shown = []string{"checks", "claims"}
		}, less},
		"the second handoff with the nonce": {func(c *scene) {
			c.show("h1", "vendor", 0, 0)
			c.show("h2", "vendor", 59_000, 59_000).Shown = nil
			c.answer("r1", "client", 1000, 1000)
		}, none},
		"a handoff that the reviewer's side wrote": {func(c *scene) {
			c.show("h1", "client", 0, 0)
			c.answer("r1", "client", 60_000, 60_000)
		}, both},
		"a handoff after the review": {func(c *scene) {
			c.answer("r1", "client", 60_000, 60_000)
			c.show("h1", "vendor", -60_000, 0)
		}, both},
		"a handoff of another decision": {func(c *scene) {
			c.show("h1", "vendor", 0, 0).Decision = "d0"
			c.answer("r1", "client", 60_000, 60_000)
		}, both},
		"a nonce that was answered": {func(c *scene) {
			c.show("h1", "vendor", 0, 0)
			c.answer("r0", "client", 60_000, 60_000).Verdict = "reject"
			c.answer("r1", "client", 60_000, 60_000)
		}, both},
		"a nonce that another party answered": {func(c *scene) {
			c.show("h1", "vendor", 0, 0)
			c.answer("r0", "vendor", 60_000, 60_000).Verdict = "halt"
			c.answer("r1", "client", 0, 0)
		}, none},
		"opened after the review": {func(c *scene) {
			r := c.answer("r1", "client", 60_000, 60_000)
			r.Nonce, r.Opened, r.Shown = "", c.at+1, []string{"checks", "claims"}
		}, short},
		"opened before the decision": {func(c *scene) {
			r := c.answer("r1", "client", 60_000, 60_000)
			r.Nonce, r.Opened, r.Shown = "", c.f.find("d1").At-300_001, []string{"checks", "claims"}
		}, short},
		"opened before the decision, by a clock that may differ": {func(c *scene) {
			r := c.answer("r1", "client", 60_000, 60_000)
			r.Nonce, r.Opened, r.Shown = "", c.f.find("d1").At-300_000, []string{"checks", "claims"}
		}, none},
	} {
		c := newScene(t)
		c.guarded()
		test.tell(c)
		x := c.action()
		x.Grant = "g2"
		c.add("x", "vendor", "agent-1", x)
		a, err := Trace(c.f, "x", c.n)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		checkAnswer(t, a)
		var got, want []string
		for _, f := range a.Findings {
			if f.Rule.Class() != "proof" {
				got = append(got, fmt.Sprintf("%s %s %s", f.Rule, f.Party, f.Status))
			}
		}
		if test.want != none {
			want = strings.Split(test.want, ", ")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %v, want %v\n%s", name, got, want, a.Text())
		}
	}
}

// An override answers the handoff of the decision behind the action that it
// takes back.
func TestOverrideAnswers(t *testing.T) {
	c := newScene(t)
	c.show("h1", "vendor", 0, 0)
	c.add("x0", "vendor", "agent-1", c.action())
	r := c.answer("r1", "client", 1000, 1000)
	r.Of, r.Verdict = "x0", "override"
	x := c.action()
	x.Review, x.Reverses, x.Decision, x.Grant = "r1", "x0", "", ""
	c.add("x", "vendor", "agent-1", x)
	a, err := Trace(c.f, "x", c.n)
	if err != nil {
		t.Fatal(err)
	}
	// A minute lies between the handoff and the action, and a second more.
	if f := a.Finding(ReviewTooShort, "client", Established); f != nil || a.Finding(IncompletePresentation, "vendor", Established) != nil {
		t.Errorf("the handoff of d1 was answered:\n%s", a.Text())
	}
}

// Nobody but a party has a share, whoever a record says it is.
func TestSharesAreOfParties(t *testing.T) {
	c := newScene(t)
	c.add("m1", "client", "", &record.Demand{Of: "d1", Custodian: "marsman", Basis: "b", Deadline: c.at})
	u := &run{f: c.f, size: c.n, terms: c.f.newest(c.n), agreed: c.f.newest(c.n).terms.Responsibility}
	u.test(EvidenceMissing, "demand m1", "", "", "", yes)
	for party, want := range map[string]int{"marsman": 0, "client": 3} {
		if got := u.findWeighing(3, EvidenceMissing, party, Established, c.f.find("m1")).Weight; got != want {
			t.Errorf("a finding against %s weighs %d, want %d", party, got, want)
		}
	}
}

// A field is absent once each sealed digest of the record is shown under another
// name, and unavailable while one is not.
func TestNameOfSealedField(t *testing.T) {
	one, two := record.Sum([]byte("one")), record.Sum([]byte("two"))
	text := record.Value{Text: "7"}
	for name, test := range map[string]struct {
		sealed []record.Digest
		show   func(f *Facts)
		erase  bool
		want   factState
	}{
		"nothing sealed":    {nil, func(f *Facts) {}, false, absent},
		"nothing shown":     {[]record.Digest{one}, func(f *Facts) {}, false, unavailable},
		"another shown":     {[]record.Digest{one}, func(f *Facts) { f.Disclose("i2", "note", one, text) }, false, absent},
		"one of two":        {[]record.Digest{one, two}, func(f *Facts) { f.Disclose("i2", "note", one, text) }, false, unavailable},
		"one of two, twice": {[]record.Digest{one, two}, func(f *Facts) { f.Disclose("i2", "note", one, text); f.Disclose("i2", "more", one, text) }, false, unavailable},
		"both":              {[]record.Digest{one, two}, func(f *Facts) { f.Disclose("i2", "note", one, text); f.Disclose("i2", "note", two, text) }, false, absent},
		"both, one a list":  {[]record.Digest{one, two}, func(f *Facts) { f.Disclose("i2", "note", one, text); f.DiscloseName("i2", "more", two) }, false, absent},
		"it is a list":      {[]record.Digest{one}, func(f *Facts) { f.DiscloseName("i2", "ghost", one) }, false, unavailable},
		"it is there":       {[]record.Digest{one, two}, func(f *Facts) { f.Disclose("i2", "ghost", one, text) }, false, present},
		"of another record": {[]record.Digest{one}, func(f *Facts) { f.Disclose("i1", "note", one, text) }, false, unavailable},
		"another erased":    {[]record.Digest{one}, func(f *Facts) { f.Disclose("i2", "note", one, text) }, true, unavailable},
	} {
		c := newScene(t)
		r := c.make("i2", "vendor", "", &record.Input{AsOf: begins})
		r.Sealed = test.sealed
		c.put(r)
		if test.erase {
			c.add("e1", "vendor", "", &record.Erase{Of: "i2", Basis: "subject_request", State: "erased", Holders: []string{"vendor"}})
		}
		f := c.f.Fork()
		test.show(f)
		if got := f.value(r, "ghost", c.n).state; got != test.want {
			t.Errorf("%s: state %d, want %d", name, got, test.want)
		}
	}
}
