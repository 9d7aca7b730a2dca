package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
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
