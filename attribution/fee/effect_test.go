package fee

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// effected are the terms of guarded with a clause on the action behind a claim,
// and a measure of what was found, which takes from the fee: 10 for each.
func effected(change ...string) string {
	return strings.NewReplacer(change...).Replace(strings.NewReplacer(
		`"escalation": "void"`, `"effect": {"disputed": "hold", "findings": {"void": ["limit_exceeded", "no_authority"], "keep": ["bad_input"], "both": "open", "within": "20d"}}, "escalation": "void"`,
		`"measures": {`, `"responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "0s"}, "measures": {"breaches": {"count": "finding/done", "over": "period"}, `,
		`"lines": [`, `"formulas": {"owed": "amount - breaches * 10"}, "lines": [{"name": "owed", "of": "owed", "mode": "graduated", "tiers": [{"unit": "0.1"}], "below_zero": "negative"}, `,
	).Replace(guarded()))
}

// effectClaim is the claim o-T of 10, which names an action.
func effectClaim(when, action string) *record.Record {
	r := claimOf(when, "T", "10")
	r.Body.(*record.Outcome).Effect = action
	return r
}

func actionOf(id, when string) *record.Record {
	return &record.Record{At: at(when), ID: id, Case: "T", Body: &record.Action{Action: "refund", Effect: "write", Status: "executed"}}
}

func contestOf(when string) *record.Record {
	return &record.Record{At: at(when), ID: "contest", By: "client", Body: &record.Dispute{About: "x", Ground: "action"}}
}

// second is another claim of the action x.
func second(when string) *record.Record {
	r := effectClaim(when, "x")
	r.ID, r.Case = "o-S", "S"
	return r
}

// findingOf is a resolve by finding; of begins with "dispute " or is about a
// record.
func findingOf(by, when, of, disposition string) *record.Record {
	b := &record.Resolve{As: record.ByFinding, Disposition: disposition, Size: 1, Findings: []string{"limit_exceeded"}}
	if disposition == "rejected" {
		b.Findings = []string{"bad_input"}
	}
	if id, ok := strings.CutPrefix(of, "dispute "); ok {
		b.Dispute = id
	} else {
		b.About = of
	}
	return &record.Record{At: at(when), By: by, Body: b}
}

// What is said and found of the action behind a claim, in the statements of
// March, which closes on 11 April, and of April. owed is the line that reads
// what was found.
func TestEffects(t *testing.T) {
	type records = []*record.Record
	claim := func() *record.Record { return effectClaim("2026-03-10T12:00", "x") }
	x := actionOf("x", "2026-03-10T11:00")
	late := func(r *record.Record, when string) *record.Record {
		r.Log = &record.Log{Time: at(when)}
		return r
	}
	history := func(r *record.Record, when string) *record.Record {
		r.Backfilled = true
		return late(r, when)
	}
	revoked := func() *record.Record {
		return &record.Record{At: at("2026-03-10T13:00"), By: "client", Body: &record.Key{Op: "revoke", Key: publicText("client"), Holder: "client", Party: "client", Effective: at("2026-03-10T13:00")}}
	}
	reverse := func(by, when, quantity string) *record.Record {
		r := reverseOf(when, "reopened", quantity)
		r.By, r.ID = by, "reverse"
		return r
	}
	for _, c := range []struct {
		name, terms  string
		records      records // to be recorded before the statement of March
		then         records // and after it
		march, april string
	}{
		{"nothing is said", effected(), records{claim()}, nil, "11.00, billed 1", "0.00"},
		{"it names no action", effected(), records{effectClaim("2026-03-10T12:00", "")}, nil, "0.00, no_effect 1", "0.00"},

		{"the action is disputed, and nobody goes on", effected(), records{claim(), contestOf("2026-03-11")}, nil, "11.00, billed 1", "0.00"},
		{"the same, where what lapses is void", effected(`"then": "accept"`, `"then": "void"`), records{claim(), contestOf("2026-03-11")}, nil, "0.00, dispute_upheld 1", "0.00"},
		{"the same, where an arbiter decides", effected(`"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`), records{claim(), contestOf("2026-03-11")}, nil, "0.00, disputed 1", "0.00, expired 1"},
		{"the action is disputed before it is claimed", effected(`"then": "accept"`, `"then": "void"`), records{contestOf("2026-03-10T11:30"), claim()}, nil, "0.00, dispute_upheld 1", "0.00"},
		{"long before", effected(`"then": "accept"`, `"then": "void"`), records{contestOf("2026-03-10T11:30"), effectClaim("2026-04-09", "x")}, nil, "0.00, disputed 1", "0.00, dispute_upheld 1"},
		{"and longer", effected(`"then": "accept"`, `"then": "void"`), records{contestOf("2026-03-10T11:30"), effectClaim("2026-04-20", "x")}, nil, "0.00, unmatched 1", "11.00, billed 1"},
		{"the dispute is upheld before the claim", effected(), records{contestOf("2026-03-10T11:30"), resolveOf("2026-03-10T11:40", "contest", "upheld"), claim()}, nil, "0.00, dispute_upheld 1", "0.00"},
		{"and rejected before the claim: nothing is accepted by it", effected(`"silence", "after": "2d", "from": "claim"`, `"client"`, `"then": "accept"`, `"then": "void"`),
			records{contestOf("2026-03-10T11:30"), resolveOf("2026-03-10T11:40", "contest", "rejected"), claim()}, nil, "0.00, pending 1", "0.00, expired 1"},
		{"and after it", effected(`"silence", "after": "2d", "from": "claim"`, `"client"`, `"then": "accept"`, `"then": "void"`),
			records{contestOf("2026-03-10T11:30"), claim(), resolveOf("2026-03-12", "contest", "rejected")}, nil, "11.00, billed 1", "0.00"},
		{"the vendor disputes its own action", effected(), records{claim(), late(&record.Record{ID: "own", At: at("2026-03-11"), Body: &record.Dispute{About: "x", Ground: "action"}}, "2026-03-11")}, nil, "11.00, billed 1, not_entitled 1", "0.00"},
		{"the action is disputed too late", effected(), records{claim(), contestOf("2026-03-15T12:01")}, nil, "11.00, billed 1, dispute_late 1", "0.00"},
		{"the terms ignore it", effected(`"hold"`, `"ignore"`), records{claim(), contestOf("2026-03-11")}, nil, "11.00, billed 1, unmatched 1", "0.00"},
		{"another action is disputed", effected(), records{actionOf("y", "2026-03-10T11:00"), effectClaim("2026-03-10T12:00", "y"), contestOf("2026-03-11")}, nil, "11.00, billed 1, unmatched 1", "0.00"},
		{"the client accepts after all", effected(`"then": "accept"`, `"then": "void"`), records{claim(), contestOf("2026-03-11"), confirmOf("2026-03-12", "accept")}, nil, "11.00, billed 1", "0.00"},

		{"a finding voids it", effected(), records{claim(), findingOf("client", "2026-03-20", "o-T", "upheld")}, nil, "-1.00, found 1", "0.00"},
		{"the vendor itself says so", effected(), records{claim(), findingOf("vendor", "2026-03-20", "o-T", "upheld")}, nil, "-1.00, found 1", "0.00"},
		{"a finding upholds the dispute about the action", effected(), records{claim(), contestOf("2026-03-11"), findingOf("client", "2026-03-12", "dispute contest", "upheld")}, nil, "-1.00, found 1", "0.00"},
		{"a finding rejects it", effected(), records{claim(), contestOf("2026-03-11"), findingOf("vendor", "2026-03-12", "dispute contest", "rejected")}, nil, "11.00, billed 1", "0.00"},
		{"a finding rejects it, and is nobody's word", effected(`"silence", "after": "2d", "from": "claim"`, `"client"`, `"then": "accept"`, `"then": "void"`),
			records{claim(), contestOf("2026-03-11"), findingOf("vendor", "2026-03-12", "dispute contest", "rejected")}, nil, "0.00, pending 1", "0.00, expired 1"},
		{"a finding rejects it before the handoff that voids", effected(`"after": "2d"`, `"after": "9d"`), records{claim(), contestOf("2026-03-11"), findingOf("vendor", "2026-03-12", "dispute contest", "rejected"), handoffOf("2026-03-13")}, nil, "0.00, escalated 1", "0.00"},
		{"found in April: given back, and owed in April", effected(), records{claim()}, records{findingOf("client", "2026-03-30T11:59", "o-T", "upheld")}, "11.00, billed 1", "-12.00, owed of 2026-03 -2.00, amount of 2026-03 -10.00, found 1"},
		{"found after the month, before its statement", effected(`"within": "20d"`, `"within": "40d"`), records{claim(), findingOf("client", "2026-04-03", "o-T", "upheld")}, nil, "0.00, found 1", "-1.00"},
		{"found too late", effected(), records{claim(), findingOf("client", "2026-03-30T12:00:01", "o-T", "upheld")}, nil, "11.00, billed 1, finding_late 1", "0.00"},
		{"found after the arbiter rejected a dispute", effected(), records{claim(), disputeOf("2026-03-11"), resolveOf("2026-03-12", "dispute", "rejected"), findingOf("client", "2026-03-13", "o-T", "upheld")}, nil, "11.00, billed 1, finding_late 1", "0.00"},
		{"found after another finding rejected one", effected(), records{claim(), contestOf("2026-03-11"), findingOf("vendor", "2026-03-12", "dispute contest", "rejected"), findingOf("client", "2026-03-13", "o-T", "upheld")}, nil, "11.00, billed 1, finding_late 1", "0.00"},
		{"found after the client withdrew one", effected(), records{claim(), disputeOf("2026-03-11"), confirmOf("2026-03-12", "accept"), findingOf("client", "2026-03-13", "o-T", "upheld")}, nil, "-1.00, found 1", "0.00"},
		{"found after the arbiter upheld one", effected(), records{claim(), disputeOf("2026-03-11"), resolveOf("2026-03-12", "dispute", "upheld"), findingOf("client", "2026-03-13", "o-T", "upheld")}, nil, "-1.00, dispute_upheld 1", "0.00"},
		{"the vendor takes it back before it is found", effected(), records{claim(), reverse("vendor", "2026-03-11", ""), findingOf("client", "2026-03-13", "o-T", "upheld")}, nil, "-1.00, reopened 1", "0.00"},
		{"found of a claim without evidence", effected(`"once_per": "case"`, `"once_per": "case", "evidence": ["log"]`), records{claim(), findingOf("client", "2026-03-13", "o-T", "upheld")}, nil, "-1.00, evidence 1", "0.00"},
		{"found twice", effected(), records{claim(), findingOf("client", "2026-03-13", "o-T", "upheld"), findingOf("vendor", "2026-03-14", "o-T", "upheld")}, nil, "-1.00, found 1", "0.00"},
		{"a revoked key disputes the action", effected(`"then": "accept"`, `"then": "void"`), records{claim(), revoked(), contestOf("2026-03-11")}, nil, "11.00, billed 1, void_signature 1", "0.00"},
		{"a revoked key finds it", effected(), records{claim(), revoked(), findingOf("client", "2026-03-20", "o-T", "upheld")}, nil, "11.00, billed 1, void_signature 1", "0.00"},
		{"a revoked key finds the dispute", effected(`"then": "accept"`, `"then": "void"`), records{claim(), contestOf("2026-03-11"), revoked(), findingOf("client", "2026-03-12", "dispute contest", "upheld")}, nil, "0.00, dispute_upheld 1, void_signature 1", "0.00"},
		{"a dispute of the action is backfilled into its window", effected(`"then": "accept"`, `"then": "void"`), records{claim(), history(contestOf("2026-03-11"), "2026-04-05")}, nil, "11.00, billed 1, dispute_late 1", "0.00"},
		{"and about a claim that is history as well", effected(`"then": "accept"`, `"then": "void"`), records{history(claim(), "2026-03-11"), history(contestOf("2026-03-12"), "2026-04-05")}, nil, "0.00, dispute_upheld 1", "0.00"},
		{"a second claim of the action, before the finding", effected(`"then": "accept"`, `"then": "void"`), records{claim(), second("2026-03-11"), contestOf("2026-03-12"), findingOf("client", "2026-03-13", "dispute contest", "upheld")}, nil, "-2.00, found 2", "0.00"},
		{"a second claim of the action, after the finding", effected(`"then": "accept"`, `"then": "void"`), records{claim(), contestOf("2026-03-11"), findingOf("client", "2026-03-12", "dispute contest", "upheld"), second("2026-03-13")}, nil, "-1.00, dispute_upheld 1, found 1", "0.00"},
		{"a rule that the clause does not have", effected(`"limit_exceeded", `, ``), records{claim(), findingOf("client", "2026-03-13", "o-T", "upheld")}, nil, "11.00, billed 1, unmatched 1", "0.00"},
		{"the client's fault, said of the claim", effected(), records{claim(), findingOf("vendor", "2026-03-13", "o-T", "rejected")}, nil, "11.00, billed 1, unmatched 1", "0.00"},

		{"the client reverses what its input brought about", effected(), records{claim(), reverse("client", "2026-03-11", ""), findingOf("vendor", "2026-03-13", "reverse", "rejected")}, nil, "11.00, billed 1, client_fault 1", "0.00"},
		{"the bank does", effected(), records{claim(), reverse("bank", "2026-03-20", ""), findingOf("vendor", "2026-03-21", "reverse", "rejected")}, nil, "11.00, billed 1, client_fault 1", "0.00"},
		{"in part", effected(), records{claim(), reverse("client", "2026-03-11", "4"), findingOf("vendor", "2026-03-13", "reverse", "rejected")}, nil, "11.00, billed 1, client_fault 1", "0.00"},
		{"the vendor took it back itself", effected(), records{claim(), reverse("vendor", "2026-03-11", ""), findingOf("vendor", "2026-03-13", "reverse", "rejected")}, nil, "0.00, not_entitled 1, reopened 1", "0.00"},
		{"a statement has told the reversal, and billed nothing", effected(), records{claim(), reverse("client", "2026-03-11", "")}, records{findingOf("vendor", "2026-04-15", "reverse", "rejected")}, "0.00, reopened 1", "11.00, owed of 2026-03 1.00, amount of 2026-03 10.00, billed 1, client_fault 1"},
		{"a statement has billed what was left", effected(), records{claim(), reverse("client", "2026-03-11", "4")}, records{findingOf("vendor", "2026-04-15", "reverse", "rejected")}, "6.60, billed 1", "0.00, finding_late 1"},
		{"in April, before the statement that would give it back", effected(), records{claim()}, records{reverse("client", "2026-03-25", ""), findingOf("vendor", "2026-04-15", "reverse", "rejected")}, "11.00, billed 1", "0.00, client_fault 1"},
		{"a finding against the vendor about a reversal", effected(), records{claim(), reverse("client", "2026-03-11", ""), findingOf("client", "2026-03-13", "reverse", "upheld")}, nil, "0.00, reopened 1, unmatched 1", "0.00"},

		{"recorded late, where late is a correction", effected(), records{claim()}, records{late(findingOf("client", "2026-03-20", "o-T", "upheld"), "2026-04-20")}, "11.00, billed 1", "-12.00, owed of 2026-03 -2.00, amount of 2026-03 -10.00, found 1"},
		{"recorded late, where late is refused", effected(`"correction"`, `"refuse"`), records{claim()}, records{late(findingOf("client", "2026-03-20", "o-T", "upheld"), "2026-04-20")}, "11.00, billed 1", "-12.00, owed of 2026-03 -1.00, amount of 2026-03 -10.00, found 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := start(t, c.terms)
			k.add(bare(x, at("2026-03-10T11:00")))
			add := func(list records) {
				for _, r := range list {
					k.add(r)
				}
			}
			add(c.records)
			march, _ := k.settle()
			add(c.then)
			april, _ := k.settle()
			if got := brief(march); got != c.march {
				t.Errorf("March: got %q, want %q", got, c.march)
			}
			if got := brief(april); got != c.april {
				t.Errorf("April: got %q, want %q", got, c.april)
			}
			if strings.Contains(c.name, "revoked key") {
				return // the reference knows no keys
			}
			// The second computation, from the document.
			bills, _ := wholeBills(k.records, k.state.standing)
			for i, st := range bills {
				if got, want := brief(st), brief([]*record.Statement{march, april}[i]); got != want {
					t.Errorf("the reference says %q, not %q", got, want)
				}
			}
		})
	}
}

// effectExample is a state with a line of every type that actions and findings
// bring.
func effectExample(t failer) *kit {
	k := start(t, effected())
	for _, id := range []string{"x", "y", "z"} {
		k.add(actionOf(id, "2026-03-10T11:00"))
	}
	k.add(effectClaim("2026-03-10T12:00", "x"))
	k.add(contestOf("2026-03-11"))
	k.add(findingOf("client", "2026-03-12", "dispute contest", "upheld"))
	k.add(resolveOf("2026-03-13", "contest", "upheld"))
	k.add(&record.Record{At: at("2026-03-13"), ID: "reverse", By: "client", Body: &record.Reverse{Of: "o-T", Cause: "reopened"}})
	u := claimOf("2026-03-20", "U", "7")
	u.Body.(*record.Outcome).Effect = "y"
	k.add(u)
	k.add(&record.Record{At: at("2026-03-21"), ID: "part", By: "client", Body: &record.Reverse{Of: "o-U", Cause: "reversed", Quantity: "2"}})
	k.add(&record.Record{At: at("2026-04-12"), ID: "stranger", By: "client", Body: &record.Dispute{About: "z", Ground: "action"}})
	k.settle()
	k.add(findingOf("client", "2026-04-13", "o-U", "upheld"))
	return k
}

func TestEffectExampleHasAllLines(t *testing.T) {
	text := string(join(effectExample(t).state.Lines()))
	lines := ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		for _, name := range []string{lineClaim, lineContest, lineEvent, lineRuling, lineTally} {
			if strings.HasPrefix(line, `["`+name+`"`) {
				lines += "\n" + line
			}
		}
	}
	want(t, lines, `
["claim",4,"done","T","o-T","T","2026-03-10T12:00:00.000Z","2026-03-10T12:00:00.000Z",1,"vendor","01",{"amount":"10"},"2026-03-01T00:00:00.000Z","found",[],"x","2026-03-01T00:00:00.000Z"]
["claim",9,"done","U","o-U","U","2026-03-20T00:00:00.000Z","2026-03-20T00:00:00.000Z",1,"vendor","01",{"amount":"7"},"2026-03-01T00:00:00.000Z","billed",["2026-03-01T00:00:00.000Z",["amount","5"]],"y",""]
["contest","x",5,"contest","client","2026-03-11T00:00:00.000Z","2026-03-11T00:00:00.000Z","1"]
["contest","z",11,"stranger","client","2026-04-12T00:00:00.000Z","2026-04-12T00:00:00.000Z","0"]
["event",4,5,"contest","client","2026-03-11T00:00:00.000Z","0","contest"]
["event",4,6,"find_void","client","2026-03-12T00:00:00.000Z","0","contest"]
["event",4,7,"uphold","arbiter","2026-03-13T00:00:00.000Z","0","contest"]
["event",4,8,"reverse","client","2026-03-13T00:00:00.000Z","0","reopened","reverse","0"]
["event",9,10,"reduce","client","2026-03-21T00:00:00.000Z","0","reversed","2","part","1"]
["event",9,13,"find_void","client","2026-04-13T00:00:00.000Z","0",""]
["ruling","contest",7,"uphold","arbiter","2026-03-13T00:00:00.000Z","2026-03-13T00:00:00.000Z"]
["tally","2026-03-01T00:00:00.000Z",1,"amount",1,"5"]
["tally","2026-03-01T00:00:00.000Z",1,"breaches",1,"1"]`)
}

// Each line of them that no records lead to is refused by what it says.
func TestHostileEffectStatesAreRefused(t *testing.T) {
	text := string(join(effectExample(t).state.Lines()))
	for _, c := range []struct{ from, to, want string }{
		{`"found",[],"x","2026-03-01T00:00:00.000Z"]`, `"found",[],"x","2026-03-02T00:00:00.000Z"]`, "claim 4 is counted as found in a period that begins at 2026-03-02T00:00:00.000Z, where it cannot be"},
		{`"found",[],"x",`, `"found",[],"z",`, "claim 4 has the events [5 contest 7 uphold] of disputes about its action, want [11 contest]"},
		{`["amount","5"]],"y",""]`, `["amount","5"]],"y","2026-03-01T00:00:00.000Z"]`, "tally of 1 and 1 has 2 and 2 in it"},
		{`["amount","5"]],"y",""]`, `["amount","5"]],"y"]`, "where a text should stand"},
		{`["tally","2026-03-01T00:00:00.000Z",1,"breaches",1,"1"]`, ``, "1 tallies are missing, in which claims are booked"},
		{`["tally","2026-03-01T00:00:00.000Z",1,"breaches",1,"1"]`, `["tally","2026-03-01T00:00:00.000Z",1,"breaches",1,"2"]`, "tally of 1 and 2 has 1 and 1 in it"},
		{`["contest","x",5,`, ``, "is about a dispute that is not there"},
		{`["contest","x",5,`, `["contest","x",3,`, "claim 4 has the events [5 contest 7 uphold] of disputes about its action, want [3 contest 7 uphold]"},
		{`["contest","z",11,"stranger"`, `["contest","z",99,"stranger"`, "dispute 99 about action z is not in its place"},
		{`["contest","z",11,"stranger"`, `["contest","o-U",11,"stranger"`, "dispute 11 about action o-U is not in its place"},
		{`["contest","z",11,"stranger"`, `["contest","y",11,"stranger"`, "claim 9 has the events [] of disputes about its action, want [11 contest]"},
		{`["contest","z",11,"stranger"`, `["contest","z",11,"contest"`, "has the id of another dispute"},
		{`"2026-04-12T00:00:00.000Z","0"]`, `"2026-04-12T00:00:00.000Z","1"]`, "dispute 11 about action z was considered by a statement: true, want false"},
		{`["event",4,5,"contest"`, ``, "claim 4 has the events [7 uphold] of disputes about its action, want [5 contest 7 uphold]"},
		{`["event",4,6,"find_void","client"`, `["event",9,6,"find_void","client"`, "event 6 of claim 9 is not in its place"},
		{`["event",4,7,"uphold"`, `["event",4,7,"reject"`, "claim 4 has the events [5 contest 7 reject] of disputes about its action, want [5 contest 7 uphold]"},
		{`["ruling","contest",7,"uphold"`, ``, "claim 4 has the events [5 contest 7 uphold] of disputes about its action, want [5 contest]"},
		{`["ruling","contest",7,"uphold"`, `["ruling","contest",7,"accept"`, "has accept where uphold or reject should stand"},
		{`["ruling","contest",7,"uphold"`, `["ruling","contest",4,"uphold"`, "ruling 4 about dispute 5 is not in its place"},
		{`["ruling","contest",7,`, `["ruling","stranger",7,`, "ruling 7 about dispute 11 is not in its place"},
		{`["ruling","contest",7,`, `["ruling","nothing",7,`, "is about a dispute that is not there"},
		{`["event",9,10,"reduce"`, `["event",9,8,"reduce"`, "event 8 of claim 9 is not in its place"},
		{`"reopened","reverse","0"]`, `"reopened","reverse","1"]`, "claim 4 has the reversal 8, which took from what was never billed"},
		{`"reopened","reverse","0"]`, `"reopened","part","0"]`, "has the id of another reversal"},
		{`"reopened","reverse","0"]`, `"reopened"]`, "where a text should stand"},
	} {
		if !strings.Contains(text, c.from) {
			t.Errorf("there is no %s in\n%s", c.from, text)
			continue
		}
		var lines [][]byte
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			if strings.Contains(line, c.from) {
				if c.to == "" {
					continue
				}
				line = strings.Replace(line, c.from, c.to, 1)
			}
			lines = append(lines, []byte(line))
		}
		slices.SortFunc(lines, bytes.Compare)
		if _, err := ReadState(lines); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: got %v, want %s", c.from, c.to, err, c.want)
		}
	}
}

func TestExplainEffect(t *testing.T) {
	k := effectExample(t)
	for id, lines := range map[string]string{"o-T": `
2026-03-10T12:00:00.000Z  record 4 claims done for T, under version 1 of the terms, by the vendor, with amount 10
2026-03-10T12:00:00.000Z  behind it is action x
2026-03-11T00:00:00.000Z  record 5 disputes the action behind it, by the client
2026-03-12T00:00:00.000Z  record 6 upholds dispute contest by a finding against the vendor, by the client
2026-03-13T00:00:00.000Z  record 7 upholds dispute contest, by the arbiter
2026-03-13T00:00:00.000Z  record 8 reverses it: reopened, by the client
not billed as of the statement of 2026-03: a finding against the vendor voids it
now: outside the fee since 2026-03-12T00:00:00.000Z: a finding against the vendor voids it`, "o-U": `
2026-03-20T00:00:00.000Z  record 9 claims done for U, under version 1 of the terms, by the vendor, with amount 7
2026-03-20T00:00:00.000Z  behind it is action y
2026-03-21T00:00:00.000Z  record 10 reverses 2 of it: reversed, by the client
2026-03-22T00:00:00.000Z  accepted by silence
2026-03-26T00:00:00.000Z  locked
2026-04-13T00:00:00.000Z  record 13 voids it by a finding against the vendor, by the client, without effect: finding_late
billed in 2026-03: measure amount, quantity 5, on owed, amount
now: accepted and locked, its instant of billing is 2026-03-20T00:00:00.000Z`} {
		x, err := k.state.Explain(id)
		if err != nil {
			t.Fatal(err)
		}
		want(t, strings.Join(x.Words(), "\n"), lines)
	}
}

// The clause is that of the version of the claim, whatever an amendment makes
// of it between the claim and what is said.
func TestAmendedEffect(t *testing.T) {
	later := func(fields string) string {
		return strings.Replace(fields, `{`, `{"effective": {"from": "2026-04-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},`, 1)
	}
	without := strings.Replace(strings.Replace(effected(), `"effect": {"disputed": "hold", "findings": {"void": ["limit_exceeded", "no_authority"], "keep": ["bad_input"], "both": "open", "within": "20d"}}, `, ``, 1),
		`"breaches": {"count": "finding/done", "over": "period"}`, `"breaches": {"count": "done", "over": "period"}`, 1)
	if strings.Contains(without, "effect\":") {
		t.Fatal(without)
	}
	found := func(of, when string) *record.Record { return findingOf("client", when, of, "upheld") }
	type records = []*record.Record
	for _, c := range []struct {
		name, first, second string
		records             records
		march, april        string
	}{
		{"the clause is dropped, and the guarantee with it", effected(), later(without), records{found("o-T", "2026-04-05")}, "0.00, found 1", "0.00"},
		{"the clause is new", without, later(effected()), records{found("o-T", "2026-04-05")}, "10.00, billed 1, unmatched 1", "0.00"},
		{"a rule is dropped", effected(), later(effected(`"limit_exceeded", `, ``)), records{found("o-T", "2026-04-05")}, "0.00, found 1", "-1.00"},
		{"the action is disputed after the clause was dropped", effected(`"within": "5d"`, `"within": "30d"`, `"final_after": "40d"`, `"final_after": "60d"`, `"accept"}`, `"void"}`), later(without), records{contestOf("2026-04-05")}, "0.00, dispute_upheld 1", "0.00"},
		{"the action is disputed once the clause is there", without, later(effected()), records{contestOf("2026-04-02")}, "10.00, billed 1, unmatched 1", "0.00"},
		{"a finding ends a dispute for those whose clause has the rule", effected(`"within": "5d"`, `"within": "30d"`, `"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`),
			later(effected(`"limit_exceeded", `, ``, `"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`)),
			records{second("2026-04-02"), contestOf("2026-04-03"), found("dispute contest", "2026-04-04")}, "0.00, disputed 1, found 1", "-1.00, disputed 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := start(t, c.first)
			k.add(actionOf("x", "2026-03-10T11:00"))
			k.add(effectClaim("2026-03-25T12:00", "x"))
			k.agree(at("2026-03-31T23:00"), draft(t, c.second), "", "vendor", "client")
			for _, r := range c.records {
				k.add(r)
			}
			march, _ := k.settle()
			april, _ := k.settle()
			if got := brief(march); got != c.march {
				t.Errorf("March: got %q, want %q", got, c.march)
			}
			if got := brief(april); got != c.april {
				t.Errorf("April: got %q, want %q", got, c.april)
			}
			bills, _ := wholeBills(k.records, k.state.standing)
			for i, st := range bills {
				if got, want := brief(st), brief([]*record.Statement{march, april}[i]); got != want {
					t.Errorf("the reference says %q, not %q", got, want)
				}
			}
		})
	}
}

// An id that another dispute about an action has, or another reversal that a
// finding may undo, is refused.
func TestEffectsRefusedByTheFold(t *testing.T) {
	k := effectExample(t)
	before := k.state.Digest()
	contest := contestOf("2026-04-14")
	contest.Body.(*record.Dispute).About = "z"
	reject := confirmOf("2026-04-14", "reject")
	reject.ID = "contest"
	reverse := reverseOf("2026-04-14", "reopened", "")
	reverse.ID = "reverse"
	for id, r := range map[string]*record.Record{"contest": contest, "reject": reject, "reverse": reverse} {
		k.make(r)
		if err := k.state.Apply(r); err == nil || err.Error() != "record 14 "+r.ID+": id: is that of an earlier record about a live result" {
			t.Errorf("%s: got %v", id, err)
		}
		if k.state.Digest() != before {
			t.Errorf("%s: the refusal changed the state", id)
		}
	}
}

func TestMeasureOfFindingsInWords(t *testing.T) {
	k := start(t, effected(`"of": "owed"`, `"of": "breaches"`, `, "below_zero": "negative"`, ``))
	k.add(actionOf("x", "2026-03-10T11:00"))
	k.add(effectClaim("2026-03-10T12:00", "x"))
	k.add(findingOf("client", "2026-03-11", "o-T", "upheld"))
	_, behind, err := k.state.Backings("owed", nil)
	if err != nil {
		t.Fatal(err)
	}
	st, detail := k.settle()
	lines, err := ExplainLine(st, "owed", k.state.standing.Versions(), behind)
	if err != nil {
		t.Fatal(err)
	}
	want(t, strings.Join(lines, "\n"), `
line owed of version 1 in 2026-03 comes to 0.10 EUR
behind it in this statement: 1 result, record 2 to record 2
measure breaches, how many results done a finding voided, is 1
at 0.1 each: 1 x 0.1 = 0.1
rounded half up to 2 decimals at the line: 0.1 becomes 0.10`)
	want(t, strings.Join(detail, "\n"), `
[2,"done","T","","","","","found"]
[2,"done","T","breaches","1","","","found"]`)
}
