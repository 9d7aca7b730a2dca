package ledger

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

// wantAccrued wants the running totals, and that they are those which one finds
// who looks at everything.
func wantAccrued(t *testing.T, l *Ledger, clock *testClock, want string) {
	t.Helper()
	a, err := l.Accrued(ctx)
	must(t, err)
	got := fmt.Sprintf("size %d, %d settled with %s and %s not agreed; earned %d, pending %d, exposed %d", a.Size, a.Statements, a.Settled, a.NotAgreed, a.Earned, a.Pending, a.Exposed)
	for _, p := range a.Periods {
		got += fmt.Sprintf("; %s %s, %s, %s", p.Statement.Period, p.Low.Total, p.Statement.Total, p.High.Total)
	}
	if got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	must(t, l.State(func(s *fee.State) error {
		anew, err := fee.NewMeter(s, max(record.Time(clock.Now().UnixMilli()), s.Standing().Last())).Accrued()
		if diff := cmp.Diff(anew, a.Accrued); diff != "" {
			t.Errorf("the totals are not those of the state:\n%s", diff)
		}
		return err
	}))
}

func TestAccrued(t *testing.T) {
	clock := newClock()
	dir := t.TempDir()
	db, l := create(t, dir, small(clock))
	wantAccrued(t, l, clock, "size 1, 0 settled with 0.00 and 0.00 not agreed; earned 0, pending 0, exposed 0; 2026-03 0.00, 0.00, 0.00")
	clock.set("2026-03-02T10:00:00")
	_, err := l.Append(ctx, outcomes(1, 10, at("2026-03-02T10:00:00"))...)
	must(t, err)
	wantAccrued(t, l, clock, "size 11, 0 settled with 0.00 and 0.00 not agreed; earned 0, pending 10, exposed 0; 2026-03 0.00, 0.00, 9.90")
	// A refusal leaves them as they are, in a batch and alone.
	_, err = l.Append(ctx, outcome("o-1", "T-other", at("2026-03-02T10:00:00")))
	if _, ok := errors.AsType[*record.Refusal](err); !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	unknown := outcome("o-51", "T-51", at("2026-03-02T10:00:00"))
	unknown.Body.(*record.Outcome).Result = "other"
	if _, err := l.Append(ctx, outcome("o-50", "T-50", at("2026-03-02T10:00:00")), unknown); err == nil {
		t.Fatal("the batch was taken")
	}
	wantAccrued(t, l, clock, "size 11, 0 settled with 0.00 and 0.00 not agreed; earned 0, pending 10, exposed 0; 2026-03 0.00, 0.00, 9.90")
	// Silence accepts while nobody appends.
	clock.set("2026-03-06T10:00:00")
	wantAccrued(t, l, clock, "size 11, 0 settled with 0.00 and 0.00 not agreed; earned 10, pending 0, exposed 10; 2026-03 0.00, 9.90, 9.90")
	clock.set("2026-04-09T00:00:00")
	_, err = l.Append(ctx, outcomes(20, 5, at("2026-04-08T23:59:00"))...)
	must(t, err)
	wantAccrued(t, l, clock, "size 16, 0 settled with 0.00 and 0.00 not agreed; earned 10, pending 5, exposed 0; 2026-03 9.90, 9.90, 9.90; 2026-04 0.00, 0.00, 4.95")
	_, err = l.Settle(ctx)
	must(t, err)
	wantAccrued(t, l, clock, "size 17, 1 settled with 9.90 and 0.00 not agreed; earned 0, pending 5, exposed 0; 2026-04 0.00, 0.00, 4.95")
	// A statement may have another name.
	clock.set("2026-05-09T00:00:00")
	var april *record.Statement
	must(t, l.State(func(s *fee.State) error { april, err = s.Settle(nil); return err }))
	_, err = l.Append(ctx, &record.Record{Kind: record.KindStatement, ID: "april", At: at("2026-05-09T00:00:00"), By: "vendor", Body: april})
	must(t, err)
	const last = "size 18, 2 settled with 14.85 and 0.00 not agreed; earned 0, pending 0, exposed 0; 2026-05 0.00, 0.00, 0.00"
	wantAccrued(t, l, clock, last)
	must(t, db.Close())
	db, err = Open(dir, small(clock))
	must(t, err)
	l, err = db.Ledger(testOrigin)
	must(t, err)
	wantAccrued(t, l, clock, last)
	if found := faults(t, db); found != nil {
		t.Errorf("faults: %v", found)
	}
	must(t, db.Close())
}
