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

// conclusionTerms pay a refund by what is found of it; a second result is about
// the same action, and a third knows no findings.
const conclusionTerms = `{
"title": "Refunds", "currency": "CNY", "scale": 2,
"parties": {
 "vendor": {"role": "vendor", "name": "Vendor", "keys": ["@vendor"]},
 "client": {"role": "client", "name": "Client", "keys": ["@client"]},
 "bureau": {"role": "third", "name": "Data bureau", "keys": ["@third"]}},
"rounding": {"mode": "half_even", "at": "statement"},
"calendar": {"zone": "UTC", "period": "month", "offsets": [{"from": "2026-01-01T00:00:00.000Z", "minutes": 0}]},
"effective": {"from": "@from", "until": "2030-03-01T00:00:00.000Z"},
"record_delay": "1h", "skew": "5m", "backfill": "refuse",
"results": {"refund": @result@both, "second": @result@second, "plain": @result}},
"measures": {"refunds": {"count": "refund", "over": "period"}},
"lines": [{"name": "refunds", "of": "refunds", "mode": "graduated", "tiers": [{"unit": "2.00"}]}],
"settle": {"close_after": "8d", "late": "current", "negative": "carry", "corrections": "after_minimum"},
"responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "60s"}}`

// A judged is a matter in which what is found decides.
type judged struct {
	*scene
}

// newJudged begins with an agreement, a grant of 100 each, a config, an input of
// the client's and one of the bureau's, and a decision that rests on a field of either.
func newJudged(t testing.TB, both, second string) *judged {
	c := &judged{&scene{t: t, f: NewFacts(), at: begins}}
	c.agreement(1, "2026-01-01T00:00:00.000Z", both, second)
	c.add("c1", "vendor", "", &record.Config{Agent: "agent-1", Model: "m1"})
	g := c.grant()
	g.LimitEach = "100"
	c.add("g1", "client", "", g)
	c.add("i1", "client", "", &record.Input{AsOf: begins, Fields: record.NewFacts(record.Text("age", "40"))})
	c.add("i2", "bureau", "", &record.Input{AsOf: begins, Fields: record.NewFacts(record.Text("score", "7"))})
	d := c.decision()
	d.Inputs = []string{"i1", "i2"}
	d.DependsOn = []record.FieldRef{{Ref: "i1", Field: "age"}, {Ref: "i2", Field: "score"}}
	d.Checks = []record.Check{
		{ID: "adult", Left: record.Operand{Ref: "i1", Field: "age"}, Op: "<", Right: record.Operand{Lit: "50"}, Result: "pass"},
		{ID: "score", Left: record.Operand{Ref: "i2", Field: "score"}, Op: ">", Right: record.Operand{Lit: "5"}, Result: "pass"}}
	c.add("d1", "vendor", "", d)
	return c
}

func (c *judged) agreement(version int64, from, both, second string) {
	c.t.Helper()
	const result = `{"facts": {"amount": "decimal"}, "once_per": "case", "claim": ["vendor"],
 "accept": {"on": "silence", "after": "72h", "from": "claim"},
 "dispute": {"within": "72h", "unresolved": {"after": "7d", "then": "accept"}},
 "reopen": {"within": "7d", "from": "accepted"},
 "escalation": "ignore", "lock": "0s", "billed_at": "accepted", "final_after": "90d"`
	effect := func(findings string) string {
		return `, "effect": {"disputed": "hold", "findings": {` + findings + `}}}`
	}
	text := strings.NewReplacer("@from", from, "@result", result, "@both", effect(both), "@second", effect(second),
		"@vendor", publicText("vendor"), "@client", publicText("client"), "@third", publicText("third")).Replace(conclusionTerms)
	canonical, mistakes := terms.Draft([]byte(text), nil)
	if canonical == nil {
		c.t.Fatal(mistakes)
	}
	c.put(&record.Record{Kind: record.KindAgreement, ID: fmt.Sprintf("agreement/%d", version), At: c.at, By: "vendor", Body: &record.Agreement{Version: version, Terms: canonical}})
}

// paid appends the refund and the claims of it.
func (c *judged) paid(amount string, results ...string) {
	c.t.Helper()
	x := c.action()
	x.Amount = record.Decimal(amount)
	c.add("x", "vendor", "agent-1", x)
	for _, result := range results {
		c.add("o-"+result, "vendor", "", &record.Outcome{Result: result, Effect: "x"})
	}
	c.add("dp", "client", "", &record.Dispute{About: "x", Ground: "wrong"})
}

const (
	voids = `"void": ["limit_exceeded", "unexplained_decision", "no_authority"], "within": "30d"`
	keeps = `"keep": ["bad_input", "override_taken", "evidence_missing"]`
	open_ = voids + "," + keeps + `, "both": "open"`
)

// follows is what is concluded in short.
func (c *judged) follows(of string) string {
	c.t.Helper()
	a, err := Conclude(c.f, of, c.n)
	if err != nil {
		return "error: " + err.Error()
	}
	if a.Disposition == "" {
		return "nothing: " + a.Nothing
	}
	if b := a.Body(c.f); (b.About != "") == strings.HasPrefix(of, "dp") || b.Size != c.n || b.As != record.ByFinding || b.Dispute+b.About != of {
		c.t.Errorf("%s: body %+v", of, b)
	}
	return a.Disposition + " " + strings.Join(a.Findings, " ")
}

// TestConclude: who is found, and which way the terms go.
func TestConclude(t *testing.T) {
	late := func(c *judged) { // the client puts its own input right
		c.add("i3", "client", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "60"))})
	}
	for _, tc := range []struct {
		name, both string
		story      func(c *judged)
		of, want   string
	}{
		{"too much", open_, func(c *judged) { c.paid("120", "refund") }, "dp", "upheld limit_exceeded"},
		{"too much, of the claim", open_, func(c *judged) { c.paid("120", "refund") }, "o-refund", "upheld limit_exceeded"},
		{"nothing", open_, func(c *judged) { c.paid("80", "refund") }, "dp",
			"nothing: none of limit_exceeded, no_authority, unexplained_decision is found against the vendor, none of bad_input, evidence_missing, override_taken against the client"},
		{"the client's input", open_, func(c *judged) { c.paid("80", "refund"); late(c) }, "dp", "rejected bad_input"},
		{"the client's input, of the claim", open_, func(c *judged) { c.paid("80", "refund"); late(c) }, "o-refund",
			"nothing: no dispute of it is named, and what is found (bad_input) keeps it"},
		{"both, open", open_, func(c *judged) { c.paid("120", "refund"); late(c) }, "dp",
			"nothing: both sides answer for it (limit_exceeded; bad_input), and the terms leave that open"},
		{"both, void", strings.Replace(open_, "open", "void", 1), func(c *judged) { c.paid("120", "refund"); late(c) }, "dp", "upheld limit_exceeded"},
		{"both, keep", strings.Replace(open_, "open", "keep", 1), func(c *judged) { c.paid("120", "refund"); late(c) }, "dp", "rejected bad_input"},
		{"void alone", voids, func(c *judged) { c.paid("80", "refund"); late(c) }, "dp",
			"nothing: none of limit_exceeded, no_authority, unexplained_decision is found against the vendor, none of no rules against the client"},
		{"keep alone", keeps, func(c *judged) { c.paid("120", "refund") }, "dp",
			"nothing: none of no rules is found against the vendor, none of bad_input, evidence_missing, override_taken against the client"},
		// The bureau is neither the vendor nor the client.
		{"another's input", open_, func(c *judged) {
			c.paid("80", "refund")
			c.add("i3", "bureau", "", &record.Input{AsOf: begins, Corrects: "i2", Fields: record.NewFacts(record.Text("score", "3"))})
		}, "dp", "nothing: none of"},
		// With the right value the check had come out the same.
		{"not operative", open_, func(c *judged) {
			c.paid("80", "refund")
			c.add("i3", "client", "", &record.Input{AsOf: begins, Corrects: "i1", Fields: record.NewFacts(record.Text("age", "41"))})
		}, "dp", "nothing: none of"},
		// A rule of proof weighs 0, and decides where the terms name it.
		{"without weight", open_, func(c *judged) {
			d := c.decision()
			d.Reasons = ""
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision, x.Amount = "d2", "80"
			c.add("x", "vendor", "agent-1", x)
			c.add("o-refund", "vendor", "", &record.Outcome{Result: "refund", Effect: "x"})
		}, "o-refund", "upheld unexplained_decision"},
		{"two rules", open_, func(c *judged) {
			d := c.decision()
			d.Reasons = ""
			c.add("d2", "vendor", "", d)
			x := c.action()
			x.Decision, x.Amount = "d2", "120"
			c.add("x", "vendor", "agent-1", x)
			c.add("o-refund", "vendor", "", &record.Outcome{Result: "refund", Effect: "x"})
		}, "o-refund", "upheld limit_exceeded unexplained_decision"},
		{"a rejection is a dispute", open_, func(c *judged) {
			c.paid("120", "refund")
			c.add("dp-2", "client", "", &record.Confirm{Of: "o-refund", Verdict: "reject"})
		}, "dp-2", "upheld limit_exceeded"},
		{"an acceptance is none", open_, func(c *judged) {
			c.paid("120", "refund")
			c.add("dp-2", "client", "", &record.Confirm{Of: "o-refund", Verdict: "accept"})
		}, "dp-2", "error: dp-2: record 9 is a confirm that does not reject, want a dispute, a claim or a reversal"},
		{"a reversal that stands", open_, func(c *judged) {
			c.paid("120", "refund")
			c.add("rv", "client", "", &record.Reverse{Of: "o-refund", Cause: "reversed"})
		}, "rv", "nothing: what is found (limit_exceeded) does not speak against the reversal of o-refund"},
		{"a reversal without effect", open_, func(c *judged) {
			c.paid("80", "refund")
			late(c)
			c.add("rv", "client", "", &record.Reverse{Of: "o-refund", Cause: "reversed"})
		}, "rv", "rejected bad_input"},
		{"no findings in the terms", open_, func(c *judged) { c.paid("120", "plain") }, "o-plain", "error: claim o-plain: its terms say nothing of findings"},
		{"nor of any claim", open_, func(c *judged) { c.paid("120", "plain") }, "dp", "error: claim o-plain: its terms say nothing of findings"},
		{"of one of two", open_, func(c *judged) { c.paid("120", "plain", "refund") }, "dp", "upheld limit_exceeded"},
		{"of two that differ", open_, func(c *judged) { c.paid("120", "refund", "second") }, "dp",
			"error: dispute dp: the terms of the claims o-refund and o-second of action x decide it differently, want a dispute of one of them"},
		{"of one that differs", open_, func(c *judged) { c.paid("120", "refund", "second") }, "o-refund", "upheld limit_exceeded"},
		{"no claim", open_, func(c *judged) { c.paid("120") }, "dp", "error: dispute dp: no claim names the action x that it is about"},
		{"no action", open_, func(c *judged) {
			c.add("o-refund", "vendor", "", &record.Outcome{Result: "refund"})
		}, "o-refund", "error: claim o-refund: names no action behind it"},
		{"of an input", open_, func(c *judged) { c.add("dp", "client", "", &record.Dispute{About: "i1", Ground: "wrong"}) }, "dp",
			"error: dp: is about record 3 of kind input, want a claim or an action"},
		{"of nothing", open_, func(c *judged) {}, "dp", "error: dp: no such record among the first 6"},
		{"of the action itself", open_, func(c *judged) { c.paid("120", "refund") }, "x", "error: x: record 6 is of kind action, want a dispute, a claim or a reversal"},
		{"of no case", open_, func(c *judged) {
			x := c.make("x", "vendor", "agent-1", c.action())
			x.Case = ""
			c.put(x)
			c.add("o-refund", "vendor", "", &record.Outcome{Result: "refund", Effect: "x"})
		}, "o-refund", "error: action x: names no case, so nothing shows that all that was said of it is there"},
		// The client may be found to withhold what it was asked for.
		{"what the client withholds", open_, func(c *judged) {
			c.add("de", "vendor", "", &record.Demand{Of: "i1", Custodian: "client", Basis: "the contract", Deadline: c.at + hourMS})
			c.at += 2 * hourMS
			c.paid("80", "refund")
		}, "dp", "rejected evidence_missing"},
		// An amendment between the claim and the finding changes nothing.
		{"amended since", open_, func(c *judged) {
			c.paid("120", "refund")
			c.at += 48 * hourMS
			c.agreement(2, (begins + 24*hourMS).String(), keeps, keeps)
			c.add("last", "client", "", &record.Input{AsOf: begins})
		}, "dp", "upheld limit_exceeded"},
		{"amended before", open_, func(c *judged) {
			c.at += 24 * hourMS
			c.agreement(2, (begins + hourMS).String(), keeps, keeps)
			c.paid("120", "refund")
		}, "dp", "nothing: none of no rules"},
	} {
		c := newJudged(t, tc.both, keeps)
		tc.story(c)
		if got := c.follows(tc.of); got != tc.want && !(strings.HasPrefix(tc.want, "nothing: none of") && strings.HasPrefix(got, tc.want)) {
			t.Errorf("%s: %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// TestConcludeBeforeAllVersions: what no version governs is not billed, and not
// decided.
func TestConcludeBeforeAllVersions(t *testing.T) {
	c := &judged{&scene{t: t, f: NewFacts(), at: begins}}
	c.agreement(1, "2029-01-01T00:00:00.000Z", open_, keeps)
	c.paid("120", "refund")
	if got := c.follows("o-refund"); got != "error: claim o-refund: its terms say nothing of findings" {
		t.Error(got)
	}
}

// TestCheckFinding: each field of the record is compared, and named.
func TestCheckFinding(t *testing.T) {
	c := newJudged(t, open_, keeps)
	c.paid("120", "refund")
	size := c.n
	good := func() *record.Resolve {
		return &record.Resolve{Dispute: "dp", Disposition: "upheld", As: record.ByFinding, Findings: []string{"limit_exceeded"}, Size: size}
	}
	at := func(b record.Body) *record.Record {
		return &record.Record{Kind: b.Kind(), ID: "f", Case: "matter", By: "client", Body: b, Log: &record.Log{N: size + 3, Time: c.at}}
	}
	if err := CheckFinding(c.f, at(good())); err != nil {
		t.Error(err)
	}
	for field, change := range map[string]func(b *record.Resolve){
		"body.disposition": func(b *record.Resolve) { b.Disposition = "rejected" },
		"body.findings":    func(b *record.Resolve) { b.Findings = []string{"limit_exceeded", "no_authority"} },
		"body.size":        func(b *record.Resolve) { b.Size = size + 4 },
		"body.about":       func(b *record.Resolve) { b.Dispute, b.About = "", "dp" },
		"body.dispute":     func(b *record.Resolve) { b.Dispute = "o-refund" },
		"kind":             func(b *record.Resolve) { b.As = "joint" },
	} {
		b := good()
		change(b)
		var refused *record.Refusal
		if err := CheckFinding(c.f, at(b)); !errors.As(err, &refused) || refused.Field != field || refused.Check != "findings" || refused.N != size+3 {
			t.Errorf("%s: %v", field, err)
		}
	}
	// At a smaller size there is no such dispute.
	b := good()
	b.Size = size - 1
	if err := CheckFinding(c.f, at(b)); err == nil || err.Error() != fmt.Sprintf(`record %d f: body.dispute: is "dp", which is not among the first %d records`, size+3, size-1) {
		t.Error(err)
	}
}

// TestSaysOf: each kind that the rules follow back is one, where it names no case.
func TestSaysOf(t *testing.T) {
	var says []string
	for _, k := range record.Kinds() {
		b, _ := record.NewBody(k)
		if SaysOf(&record.Record{Kind: k, Body: b}) {
			says = append(says, string(k))
		}
		if SaysOf(&record.Record{Kind: k, Case: "T-1", Body: b}) {
			t.Errorf("%s of a case", k)
		}
	}
	if want := []string{"agreement", "input", "dispute", "resolve", "statement", "demand", "disclose", "erase"}; !slices.Equal(says, want) {
		t.Errorf("got %v, want %v", says, want)
	}
}

// TestIDOf is an id for each id.
func TestIDOf(t *testing.T) {
	long := strings.Repeat("a", record.MaxIDBytes)
	if IDOf("dp") != "finding/dp" || len(IDOf(long)) > record.MaxIDBytes || IDOf(long) == IDOf(long[1:]) {
		t.Error(IDOf("dp"), IDOf(long))
	}
}
