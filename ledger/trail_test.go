package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// What a trail leaves when the tool ends well, fails, is not reached, or ends
// after nobody waits any more.
func TestTrail(t *testing.T) {
	clock := newClock()
	clock.set("2026-03-02T10:00:00")
	db, l := create(t, scratch(t), small(clock))
	defer done(t, db)
	trail, err := l.Trail("run/1", "T-1", "care-3")
	must(t, err)
	refund := record.Action{Action: "refund", Effect: "commit", Key: "k-1"}

	id, err := trail.Do(ctx, refund, func(context.Context) error {
		if all := lines(t, l); len(all) != 2 || !strings.Contains(all[1], `"status":"planned"`) {
			t.Errorf("while it runs the ledger has %s", all)
		}
		return nil
	})
	if err != nil || id != "run/1/1" {
		t.Fatalf("%q, %v", id, err)
	}
	id, err = trail.Do(ctx, refund, func(context.Context) error { return errors.New("down") })
	if id != "run/1/3" || err == nil || err.Error() != "down" {
		t.Errorf("a tool that fails: %q, %v", id, err)
	}
	gone, cancel := context.WithCancel(ctx)
	if id, err = trail.Do(gone, refund, func(context.Context) error { cancel(); return nil }); err != nil || id != "run/1/5" {
		t.Errorf("cancelled while it ran: %q, %v", id, err)
	}
	ran := false
	do := func(context.Context) error { ran = true; return nil }
	_, err = trail.Do(gone, refund, do)
	wantError(t, err, "action refund is not carried out: context canceled")
	_, err = trail.Do(ctx, record.Action{Action: "refund", Effect: "pay"}, do)
	if err == nil || !strings.HasPrefix(err.Error(), "action refund is not carried out: ") {
		t.Errorf("a record that is refused: %v", err)
	}
	_, err = trail.Do(ctx, record.Action{Action: "refund", Effect: "commit", Status: "executed"}, do)
	wantError(t, err, `action refund: status is "executed", which Do sets`)
	if ran {
		t.Error("a tool ran without a record")
	}

	var status []string
	for i, line := range lines(t, l)[1:] {
		r, err := record.Parse([]byte(line))
		must(t, err)
		if r.ID != fmt.Sprintf("run/1/%d", i) || r.Case != "T-1" || r.By != "vendor" || r.Actor != "care-3" || r.At != at("2026-03-02T10:00:00") {
			t.Errorf("record %s", line)
		}
		status = append(status, r.Body.(*record.Action).Status)
	}
	if got := strings.Join(status, " "); got != "planned executed planned failed planned executed" {
		t.Errorf("statuses %s", got)
	}

	// The tool has run and the store is gone: the error says both.
	other, m := create(t, scratch(t), small(clock))
	trail, err = m.Trail("run/1", "T-1", "care-3")
	must(t, err)
	_, err = trail.Do(ctx, refund, func(context.Context) error { return other.Close() })
	wantError(t, err, "action refund executed, which is not recorded: store is closed")
	_, err = l.Trail("run/1", "T-1", "care-3")
	wantError(t, err, "run run/1 has records already, the first is 1: want a new id")
}

// What a service chooses where the rules would find something, and what that
// leaves.
func TestTrailDecides(t *testing.T) {
	clock := newClock()
	clock.set("2026-03-01T00:00:00")
	db, l := underRules(t, scratch(t), clock)
	defer done(t, db)
	clock.set("2026-03-02T10:00:00")
	trail, err := l.Trail("run/1", "T-1", "care-3")
	must(t, err)
	var asked []string
	var next Choice
	trail.Decide = func(_ context.Context, a record.Action, answer *responsibility.Answer) Choice {
		asked = append(asked, fmt.Sprintf("%s %s %d %v", a.Action, answer.Effect.ID, len(answer.Findings), answer.Findings[0].Rule))
		return next
	}
	ran := 0
	do := func(context.Context) error { ran++; return nil }
	refund := record.Action{Action: "refund", Resource: "order/1", Effect: "commit", Key: "k-1"}

	next = Stop("no grant")
	id, err := trail.Do(ctx, refund, do)
	if id != "run/1/0" || !errors.Is(err, ErrStopped) || ran != 0 {
		t.Errorf("stopped: %q, %v, ran %d", id, err, ran)
	}
	d, err := trail.Record(ctx, &record.Decision{Agent: "care-3"})
	must(t, err)
	refund.Decision = d
	next = Escalate(record.Handoff{To: "client", Reason: "no grant"})
	id, err = trail.Do(ctx, refund, do)
	if id != "run/1/2" || !errors.Is(err, ErrEscalated) || ran != 0 {
		t.Errorf("escalated: %q, %v, ran %d", id, err, ran)
	}
	next = Proceed("the order leaves in ten minutes")
	id, err = trail.Do(ctx, refund, do)
	if id != "run/1/4" || err != nil || ran != 1 {
		t.Errorf("proceeded: %q, %v, ran %d", id, err, ran)
	}
	// A read is no effect: nobody is asked.
	if id, err = trail.Do(ctx, record.Action{Action: "look up", Effect: "read"}, do); id != "run/1/6" || err != nil || ran != 2 {
		t.Errorf("a read: %q, %v, ran %d", id, err, ran)
	}
	for _, c := range []struct {
		next Choice
		a    record.Action
		want string
	}{
		{Choice{}, refund, "action refund is not carried out: the rules would find no_authority of vendor and 3 more, and nothing is chosen"},
		{Proceed(""), refund, "action refund is not carried out: the rules would find no_authority of vendor and 3 more, and the choice has no reason"},
		{Stop(""), refund, "action refund is not carried out: the rules would find no_authority of vendor and 3 more, and the choice has no reason"},
		{Proceed("x"), record.Action{Action: "refund", Effect: "commit", Reason: "y"}, `action refund is not carried out: reason is "y", which Decide gives`},
	} {
		next = c.next
		id, err := trail.Do(ctx, c.a, do)
		wantError(t, err, c.want)
		if id != "" || ran != 2 {
			t.Errorf("%s: %q, ran %d", c.want, id, ran)
		}
	}
	// A handoff that the ledger refuses: nothing is done either.
	next = Escalate(record.Handoff{To: "client"})
	if _, err := trail.Do(ctx, refund, do); err == nil || !strings.HasPrefix(err.Error(), "action refund is not carried out: ") || ran != 2 {
		t.Errorf("a handoff without a reason: %v, ran %d", err, ran)
	}

	if want := "refund run/1/0 3 no_authority"; asked[0] != want || len(asked) != 7 {
		t.Errorf("asked %q, first want %q", asked, want)
	}
	var got []string
	for _, line := range lines(t, l)[1:] {
		r, err := record.Parse([]byte(line))
		must(t, err)
		switch b := r.Body.(type) {
		case *record.Action:
			got = append(got, fmt.Sprintf("%s %s %s %q", r.ID, b.Action, b.Status, b.Reason))
		case *record.Handoff:
			got = append(got, fmt.Sprintf("%s %s to %s: %q", r.ID, b.Decision, b.To, b.Reason))
		}
	}
	want := []string{
		`run/1/0 refund refused "no grant"`,
		`run/1/2 run/1/1 to client: "no grant"`,
		`run/1/3 refund planned "the order leaves in ten minutes"`,
		`run/1/4 refund executed "the order leaves in ten minutes"`,
		`run/1/5 look up planned ""`,
		`run/1/6 look up executed ""`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the ledger has\n%s", strings.Join(got, "\n"))
	}

	// Terms without rules cannot be asked.
	other, m := create(t, scratch(t), small(clock))
	defer done(t, other)
	trail, err = m.Trail("run/1", "T-1", "care-3")
	must(t, err)
	trail.Decide = func(context.Context, record.Action, *responsibility.Answer) Choice { return Proceed("x") }
	if _, err := trail.Do(ctx, record.Action{Action: "refund", Effect: "commit"}, do); !errors.Is(err, responsibility.ErrNoRules) || ran != 2 {
		t.Errorf("without rules: %v, ran %d", err, ran)
	}
}

// The choice that docs/capture.md shows is that of the example.
func TestDocumentedChoice(t *testing.T) {
	document, err := os.ReadFile("../docs/capture.md")
	must(t, err)
	example, err := os.ReadFile("example_decide_test.go")
	must(t, err)
	_, code, ok := strings.Cut(string(document), "```go\n")
	code, _, ends := strings.Cut(code, "```")
	if !ok || !ends {
		t.Fatal("docs/capture.md has no block of Go")
	}
	code = "\t" + strings.ReplaceAll(strings.TrimSuffix(code, "\n"), "\n", "\n\t") + "\n"
	if !strings.Contains(string(example), code) {
		t.Errorf("the example has other lines than\n%s", code)
	}
}
