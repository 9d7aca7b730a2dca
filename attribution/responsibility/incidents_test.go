package responsibility

import (
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// An incidentEvent is a line of the audit log of a service desk: what an
// incident was after someone had touched it.
type incidentEvent struct {
	state, group, by           string
	priority, category         string
	reassigned, reopened       string // counts
	at                         record.Time
	opened                     record.Time // when the caller reported it, as all lines of the incident say
	resolves, reopens, assigns bool        // against the line before
}

// machine is who closes what was resolved five days before: nobody.
const machine = "Updated by 908"

func readIncidents(t *testing.T) map[string][]incidentEvent {
	file, err := os.Open("../../../shared/data/incidents/events.csv.gz")
	if err != nil {
		t.Skip("../shared/data/incidents is absent")
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
	column := map[string]int{}
	for i, name := range lines[0] {
		column[name] = i
	}
	incidents := map[string][]incidentEvent{}
	for _, l := range lines[1:] {
		get := func(name string) string { return l[column[name]] }
		instant := func(name string) record.Time {
			at, err := time.Parse("02-01-2006 15:04", get(name))
			if err != nil {
				t.Fatal(err)
			}
			return record.TimeOf(at)
		}
		e := incidentEvent{state: get("incident_state"), group: get("assignment_group"), by: get("sys_updated_by"), priority: get("priority"), category: get("category"),
			reassigned: get("reassignment_count"), reopened: get("reopen_count"), at: instant("sys_updated_at"), opened: instant("opened_at")}
		id := get("number")
		e.resolves = e.state == "Resolved" // some are taken down when they are
		if n := len(incidents[id]); n > 0 {
			before := incidents[id][n-1]
			e.at = max(e.at, before.at) // one line of all is out of order
			e.resolves = e.resolves && before.state != "Resolved"
			e.reopens = before.state == "Resolved" && e.state != "Resolved" && e.state != "Closed"
			e.assigns = e.reassigned != before.reassigned
		}
		incidents[id] = append(incidents[id], e)
	}
	return incidents
}

const (
	incidentDelay  = 3600 // seconds in which an incident is taken down
	incidentReview = 60   // seconds
	critical       = "1 - Critical"
)

// respondBy is how long a group has to look at what it was handed.
func respondBy(priority string) record.Time {
	hours := map[byte]record.Time{'1': 1, '2': 4, '3': 24, '4': 72}[priority[0]]
	return hours * 3600 * 1000
}

// mayApprove are the people of whom the log says that they resolved something.
func mayApprove(incidents map[string][]incidentEvent) map[string]bool {
	people := map[string]bool{}
	for _, events := range incidents {
		for _, e := range events {
			if e.resolves && e.by != machine {
				people[e.by] = true
			}
		}
	}
	return people
}

func idOf(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(name), "-"))
}

// Every incident of a real service desk. The log gives what was reported, who
// it was handed to, who touched it then, what was put right, when it was
// resolved and that it came back; deadlines, the grant and who may approve are
// made up. The desk's agent resolves an incident and tells the caller so. What
// is found over all of them is what a count over the lines gives, which knows
// nothing of records or rules.
func TestIncidents(t *testing.T) {
	incidents := readIncidents(t)
	people := mayApprove(incidents)
	base := incidentTerms(t, people, groupsOf(incidents))
	got, want := map[string]int{}, map[string]int{}
	handoffs, disputes, effects, blamed := 0, 0, 0, 0
	for _, id := range slices.Sorted(maps.Keys(incidents)) {
		f := base.Fork()
		told := incidentRecords(t, f, id, incidents[id])
		for _, effect := range told.effects {
			a, err := Trace(f, effect, f.Size())
			if err != nil {
				t.Fatal(err)
			}
			checkAnswer(t, a)
			for _, k := range a.Findings {
				got[strings.TrimSpace(fmt.Sprintf("%s %s %s %s", k.Rule, k.Status, k.Party, k.ButFor))]++
			}
			if len(a.Shares) > 0 {
				blamed++
			}
		}
		handoffs, disputes, effects = handoffs+told.handoffs, disputes+told.disputes, effects+len(told.effects)
		for k, n := range incidentCount(incidents[id], people) {
			want[k] += n
		}
	}
	if !maps.Equal(got, want) {
		for _, k := range slices.Sorted(maps.Keys(want)) {
			if got[k] != want[k] {
				t.Errorf("%s: found %d, want %d", k, got[k], want[k])
			}
			delete(got, k)
		}
		t.Errorf("and found %v", got)
	}
	if len(incidents) != 534 || handoffs != 540 || disputes != 6 || effects != 2*(534+6) {
		t.Errorf("%d incidents, %d handoffs, %d disputes, %d effects; want 534, 540, 6, 1080", len(incidents), handoffs, disputes, effects)
	}
	documentTotals(t, "incidents", effects, blamed, got)
}

// groupsOf are the groups that incidents are handed to. The log has a ? where it
// names none, and that is nobody.
func groupsOf(incidents map[string][]incidentEvent) []string {
	groups := map[string]bool{}
	for _, events := range incidents {
		for _, e := range events {
			groups[e.group] = true
		}
	}
	delete(groups, "?")
	return slices.Sorted(maps.Keys(groups))
}

func incidentTerms(t *testing.T, people map[string]bool, groups []string) *Facts {
	var approvers []any
	for _, p := range slices.Sorted(maps.Keys(people)) {
		approvers = append(approvers, map[string]any{"human": idOf(p), "party": "client", "actions": []any{"resolve"}})
	}
	s := &story{ID: "incidents"}
	entry := func(kind, id, by string, body map[string]any) {
		s.Entries = append(s.Entries, storyEntry{N: int64(len(s.Entries)) + 1, ID: id, Kind: kind, By: by, At: "2016-01-01T00:00:00Z", Logged: "2016-01-01T00:00:00Z", SignedBy: []string{by}, Body: body})
	}
	entry("agreement", "ag1", "client", map[string]any{"parties": map[string]any{"client": "client", "desk": "vendor"}, "outward": "client", "record_delay_s": float64(incidentDelay),
		"review_min_s": float64(incidentReview), "must_show": []any{"checks"}, "approvers": approvers, "duties": []any{}, "erasure_bases": []any{"x"}})
	s.Entries[0].SignedBy = []string{"client", "desk"}
	entry("config", "c1", "desk", map[string]any{"agent": "agent", "model": "rules", "prompt": "p"})
	entry("grant", "g1", "client", map[string]any{"grantor": "client", "grantee": "agent", "operator": "desk", "actions": []any{"notify", "resolve"}, "resources": []any{"incident/*"},
		"escalate": []any{map[string]any{"when": "flag", "value": "critical"}}, "on_timeout": "proceed", "from": "2016-01-01T00:00:00Z", "until": "2018-01-01T00:00:00Z", "delegable": 0.0})
	for _, group := range groups { // the client says whose they are
		entry("grant", "g/"+idOf(group), "client", map[string]any{"grantor": "client", "grantee": idOf(group), "operator": "client", "actions": []any{"resolve"}, "resources": []any{"incident/*"},
			"from": "2016-01-01T00:00:00Z", "until": "2018-01-01T00:00:00Z", "delegable": 0.0})
	}
	_, f := s.load(t)
	return f
}

// toldOf is what the records of an incident hold.
type toldOf struct {
	effects            []string
	handoffs, disputes int
}

// incidentRecords adds the records of an incident. A reassignment is a handoff
// of the decision in force; whoever else touches the incident after it has
// looked at it; a reopening is a dispute of the report that it was solved, upheld
// when it is resolved again.
func incidentRecords(t *testing.T, f *Facts, id string, events []incidentEvent) (told toldOf) {
	n := f.Size()
	add := func(by, actor string, at, logged record.Time, body record.Body) string {
		r := &record.Record{Kind: body.Kind(), ID: fmt.Sprintf("%s/%d", id, n), Case: id, At: at, By: by, Actor: actor, Body: body, Log: &record.Log{N: n, Time: logged}}
		if err := f.Add(r); err != nil {
			t.Fatal(err)
		}
		n++
		return r.ID
	}
	input, decision, report, dispute := "", "", "", ""
	var handed *incidentEvent           // the last reassignment of the decision
	touched := map[string]record.Time{} // since then, by whom
	decide := func(e incidentEvent, source, field, check, op, than, result string) string {
		d := &record.Decision{Agent: "agent", Config: "c1", Grant: "g1", Inputs: []string{source}, DependsOn: []record.FieldRef{{Ref: source, Field: field}},
			Checks:  []record.Check{{ID: check, Left: record.Operand{Ref: source, Field: field}, Op: op, Right: record.Operand{Lit: than}, Result: result}},
			Reasons: record.Sum([]byte("r")), Output: record.Sum([]byte("o"))}
		if field == "priority" {
			d.DependsOn = append(d.DependsOn, record.FieldRef{Ref: source, Field: "category"})
		}
		return add("desk", "", e.at, e.at, d)
	}
	act := func(e incidentEvent, d, action, effect string) {
		told.effects = append(told.effects, add("desk", "agent", e.at, e.at, &record.Action{Decision: d, Grant: "g1", Action: action, Resource: "incident/" + id, Effect: effect, Status: "executed",
			Key: id + " " + action + " " + e.reopened}))
	}
	for i := range events {
		e := events[i]
		if i == 0 || e.priority != events[i-1].priority || e.category != events[i-1].category {
			b := &record.Input{Fields: record.NewFacts(record.Text("priority", e.priority), record.Text("category", e.category)), AsOf: e.at, Corrects: input}
			if e.priority == critical {
				b.Flags = []string{"critical"}
			}
			at := e.at
			if i == 0 {
				at = e.opened
			}
			input = add("client", "", at, e.at, b)
		}
		if e.reopens {
			dispute = add("client", "", e.at, e.at, &record.Dispute{About: report, Ground: "reopened", Claimed: record.NewFacts(record.Text("solved", "no"))})
			told.disputes++
		}
		if i == 0 || e.reopens {
			result := "pass"
			if e.priority == critical {
				result = "fail"
			}
			decision, handed = decide(e, input, "priority", "ordinary", "!=", critical, result), nil
		}
		switch {
		case e.assigns:
			add("desk", "", e.at, e.at, &record.Handoff{Decision: decision, To: idOf(e.group), Reason: "reassigned", Deadline: e.at + respondBy(e.priority)})
			handed = &events[i]
			clear(touched)
			told.handoffs++
		case handed != nil && e.by != machine && e.by != handed.by:
			add("client", idOf(e.by), e.at, e.at, &record.Review{Of: decision, Verdict: "approve", Opened: touched[e.by], Shown: []string{"checks"}})
			touched[e.by] = e.at
		}
		if e.resolves {
			if dispute != "" {
				add("desk", "", e.at, e.at, &record.Resolve{Dispute: dispute, About: report, Disposition: "upheld", As: "joint"})
				dispute = ""
			}
			act(e, decision, "resolve", "commit")
			report = add("client", "", e.at, e.at, &record.Input{Fields: record.NewFacts(record.Text("solved", "yes")), AsOf: e.at})
			act(e, decide(e, report, "solved", "solved", "==", "yes", "pass"), "notify", "communicate")
			handed = nil // what comes now is about the result
		}
	}
	return told
}

// incidentCount says by the lines alone what must be found of an incident.
func incidentCount(events []incidentEvent, people map[string]bool) map[string]int {
	found := map[string]int{}
	last := events[len(events)-1]
	begun := 0 // the line on which work on it began, again
	for i, e := range events {
		if e.reopens {
			begun = i
			found["bad_input established client yes"]++ // the caller was told that it is solved
		}
		if !e.resolves {
			continue
		}
		first := events[begun]
		switch {
		case (first.priority == critical) != (last.priority == critical):
			found["bad_input established client yes"]++
		case first.category != last.category:
			found["bad_input established client unknown"]++
		case first.priority != last.priority:
			found["bad_input established client no"]++
		}
		if begun == 0 && first.at-first.opened > incidentDelay*1000 {
			found["late_record established client"]++
		}
		if begun == 0 && first.opened > first.at {
			found["impossible_reference established desk"]++
		}
		looks, approvals := 0, 0
		outside, short, unclear, warned := false, false, false, false
		for j := begun + 1; j <= i; j++ {
			w := events[j]
			from := j - 1 // the last reassignment before
			for from > begun && !events[from].assigns {
				from--
			}
			if !events[from].assigns || w.assigns || w.by == machine || w.by == events[from].by {
				continue
			}
			looks++
			if !people[w.by] {
				outside = true
				continue
			}
			approvals++
			warned = warned || first.priority == critical
			k := j - 1
			for k > from && events[k].by != w.by {
				k--
			}
			short = short || k > from && w.at-events[k].at < incidentReview*1000
			unclear = unclear || k == from
		}
		missed := false
		for j := begun; j <= i && looks == 0; j++ {
			w := events[j]
			missed = missed || w.assigns && w.group != "?" && w.at+respondBy(w.priority) <= e.at
		}
		for key, is := range map[string]bool{
			"missing_escalation established desk":          first.priority == critical && approvals == 0 && !missed,
			"oversight_not_exercised established client":   missed,
			"approval_out_of_authority established client": outside,
			"review_too_short established client":          short,
			"review_too_short undeterminable client":       unclear,
			"approved_over_warning established client":     warned,
		} {
			if is {
				found[key]++
			}
		}
	}
	return found
}
