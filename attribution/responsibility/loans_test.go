package responsibility

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// A loanEvent is a line of the log of a lender: what the system did by itself
// (resource 112) and what people did.
type loanEvent struct {
	activity, lifecycle, resource string
	amount                        string
	at                            record.Time
}

func (e loanEvent) human() bool { return e.resource != "" && e.resource != "112" }

func readLoans(t *testing.T) map[string][]loanEvent {
	file, err := os.Open("../../../shared/data/loan_applications/events.csv.gz")
	if err != nil {
		t.Skip("../shared/data/loan_applications is absent")
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]loanEvent{}
	for _, l := range lines[1:] {
		at, err := time.Parse(time.RFC3339, l[6])
		if err != nil {
			t.Fatal(err)
		}
		cases[l[0]] = append(cases[l[0]], loanEvent{l[3], l[4], l[5], l[1], record.TimeOf(at)})
	}
	return cases
}

const (
	loanLimit    = 15000 // of each approver
	loanCheck    = 25000 // what the check compares with, and always reports as passed
	loanDeadline = dayMS
	loanReview   = 60_000
)

// approves reports whether the lender lets this human approve.
func approves(resource string) bool { n, _ := strconv.Atoi(resource); return n%2 == 0 }

// Every application of a real loan process: the system's steps are decisions
// of an agent, people's work is review, a scheduled task is a handoff. What is
// found over all of them is what a plain count over the log gives.
func TestLoanApplications(t *testing.T) {
	cases := readLoans(t)
	base, start := loanTerms(t, cases)
	got, want := map[string]int{}, map[string]int{}
	effects, blamed, approved := 0, 0, 0
	for _, id := range slices.Sorted(maps.Keys(cases)) {
		f := base.Fork()
		effect := loanRecords(t, f, start, id, cases[id])
		for k := range loanCount(cases[id]) {
			want[k]++
		}
		if effect == "" {
			continue
		}
		a, err := Trace(f, effect, f.Size())
		if err != nil {
			t.Fatal(err)
		}
		checkAnswer(t, a)
		for _, k := range a.Findings {
			got[string(k.Rule)+" "+string(k.Status)]++
		}
		if len(a.Shares) > 0 {
			blamed++
		}
		if b := f.find(effect).Body.(*record.Action); b.Action == "approve" {
			n, _ := strconv.Atoi(string(b.Amount))
			approved += n
		}
		effects++
	}
	if !maps.Equal(got, want) {
		t.Errorf("found %v\nwant  %v", got, want)
	}
	if len(cases) != 6000 || effects != 1064+3619 || approved != 15_905_107 {
		t.Errorf("%d cases, %d effects, %d approved; want 6000, 4683, 15905107", len(cases), effects, approved)
	}
	documentTotals(t, "loans", effects, blamed, got)
}

// loanTerms are the standing records.
func loanTerms(t *testing.T, cases map[string][]loanEvent) (*Facts, int64) {
	humans := map[string]bool{}
	for _, events := range cases {
		for _, e := range events {
			if e.human() && approves(e.resource) {
				humans[e.resource] = true
			}
		}
	}
	var approvers []any
	for _, h := range slices.Sorted(maps.Keys(humans)) {
		approvers = append(approvers, map[string]any{"human": "h-" + h, "party": "lender", "actions": []any{"approve", "deny"}, "limit": strconv.Itoa(loanLimit)})
	}
	s := &story{ID: "loans"}
	entry := func(kind, id, by string, body map[string]any) {
		s.Entries = append(s.Entries, storyEntry{N: int64(len(s.Entries)) + 1, ID: id, Kind: kind, By: by, At: "2020-01-01T00:00:00Z", Logged: "2020-01-01T00:00:00Z", SignedBy: []string{by}, Body: body})
	}
	entry("agreement", "ag1", "lender", map[string]any{"parties": map[string]any{"lender": "client", "vendor": "vendor"}, "outward": "lender", "record_delay_s": 300.0,
		"review_min_s": loanReview / 1000.0, "must_show": []any{"claims"}, "approvers": approvers, "duties": []any{}, "erasure_bases": []any{"x"}})
	s.Entries[0].SignedBy = []string{"lender", "vendor"}
	entry("config", "c1", "vendor", map[string]any{"agent": "system", "model": "rules", "prompt": "p"})
	entry("grant", "g1", "lender", map[string]any{"grantor": "lender", "grantee": "system", "operator": "vendor", "actions": []any{"approve", "deny"}, "resources": []any{"loan/*"},
		"escalate": []any{map[string]any{"when": "action", "value": "approve"}}, "on_timeout": "proceed", "from": "2020-01-01T00:00:00Z", "until": "2029-01-01T00:00:00Z", "delegable": 0.0})
	_, f := s.load(t)
	return f, f.Size()
}

// loanRecords adds the records of an application, and returns its effect.
func loanRecords(t *testing.T, f *Facts, n int64, id string, events []loanEvent) (effect string) {
	decision, cancelled, decided := "", false, record.Time(0)
	opened := map[string]record.Time{}
	add := func(by, actor string, at record.Time, body record.Body) string {
		r := &record.Record{Kind: body.Kind(), ID: fmt.Sprintf("%s/%d", id, n), Case: id, At: at, By: by, Actor: actor, Body: body, Log: &record.Log{N: n, Time: at}}
		if err := f.Add(r); err != nil {
			t.Fatal(err)
		}
		n++
		return r.ID
	}
	amount := record.Decimal(events[0].amount)
	input := add("lender", "", events[0].at, &record.Input{Fields: record.NewFacts(record.Text("amount", string(amount))), AsOf: events[0].at})
	decide := func(at record.Time) {
		decided = at
		decision = add("vendor", "", at, &record.Decision{Agent: "system", Config: "c1", Grant: "g1", Inputs: []string{input}, DependsOn: []record.FieldRef{{Ref: input, Field: "amount"}},
			Checks:   []record.Check{{ID: "size", Left: record.Operand{Ref: input, Field: "amount"}, Op: "<=", Right: record.Operand{Lit: strconv.Itoa(loanCheck)}, Result: "pass"}},
			Proposes: &record.Proposal{Action: "approve", Resource: "loan/" + id, Amount: amount}, Reasons: record.Sum([]byte("r")), Output: record.Sum([]byte("o"))})
	}
	for _, e := range events {
		action := &record.Action{Decision: decision, Grant: "g1", Resource: "loan/" + id, Effect: "commit", Status: "executed", Key: id}
		switch work := strings.HasPrefix(e.activity, "W_"); {
		case e.activity == "A_Submitted":
			decide(e.at)
		case e.activity == "O_Cancelled":
			cancelled = true
		case e.activity == "O_Create Offer" && cancelled:
			decide(e.at)
			cancelled = false
		case e.activity == "A_Approved":
			action.Action, action.Amount, action.Currency = "approve", amount, "CNY"
			effect = add("vendor", "system", e.at, action)
		case e.activity == "A_Denied":
			action.Action, action.Effect = "deny", "communicate"
			effect = add("vendor", "system", e.at, action)
		case e.activity == "O_Refused":
			add("lender", "", e.at, &record.Dispute{About: decision, Ground: "the customer refuses"})
		case work && e.lifecycle == "schedule":
			add("vendor", "", e.at, &record.Handoff{Decision: decision, To: "lender", Reason: e.activity, Deadline: e.at + loanDeadline})
		case work && e.lifecycle == "start" && e.human():
			opened[e.activity+e.resource] = e.at
		case work && e.lifecycle == "complete" && e.human():
			// Who had the application open when it was decided anew looks at the
			// decision from then on.
			at := opened[e.activity+e.resource]
			if at != 0 {
				at = max(at, decided)
			}
			add("lender", "h-"+e.resource, e.at, &record.Review{Of: decision, Verdict: "approve", Opened: at, Shown: []string{"claims"}})
		}
	}
	return effect
}

// loanCount says by the log alone what must be found of an application.
func loanCount(events []loanEvent) map[string]bool {
	found := map[string]bool{}
	amount, _ := strconv.Atoi(events[0].amount)
	begun := 0 // index of the event that made the decision in force
	renew := false
	for i, e := range events {
		if e.activity == "O_Cancelled" {
			renew = true
		}
		if e.activity == "O_Create Offer" && renew {
			begun, renew = i, false
		}
		if e.activity != "A_Approved" && e.activity != "A_Denied" {
			continue
		}
		looked, counted, late := 0, 0, false
		for j := begun; j < i; j++ {
			w := events[j]
			if w.activity[:2] != "W_" {
				continue
			}
			late = late || w.lifecycle == "schedule" && w.at+loanDeadline <= e.at
			if w.lifecycle != "complete" || w.resource == "" || w.resource == "112" {
				continue
			}
			looked++
			if !approves(w.resource) || e.activity == "A_Approved" && amount > loanLimit {
				found["approval_out_of_authority established"] = true
				continue
			}
			counted++
			k := j - 1
			for k >= 0 && (events[k].activity != w.activity || events[k].resource != w.resource || events[k].lifecycle != "start") {
				k--
			}
			if k < 0 {
				found["review_too_short undeterminable"] = true
			} else if w.at-max(events[k].at, events[begun].at) < loanReview {
				found["review_too_short established"] = true
			}
		}
		switch {
		case looked == 0 && late:
			found["oversight_not_exercised established"] = true
		case counted == 0 && e.activity == "A_Approved":
			found["missing_escalation established"] = true
		}
		if amount > loanCheck {
			found["check_misreported established"] = true
		}
	}
	return found
}
