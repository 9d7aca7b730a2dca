package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/ledger"
)

// A service lets the rules be asked before each effect, and says what is done
// where they would find something.
func ExampleTrail_Do() {
	dir, err := os.MkdirTemp("", "ledger-example")
	check(err)
	defer os.RemoveAll(dir)
	clock := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ctx := context.Background()
	db, err := ledger.Open(filepath.Join(dir, "store"), ledger.Options{Clock: func() time.Time { return clock }})
	check(err)
	defer db.Close()
	l, err := db.Create(ctx, signedAgreement("vendor.example/contract-17"))
	check(err)
	clock = clock.Add(34 * time.Hour)
	trail, err := l.Trail("run-1", "order-1001", "care-3")
	check(err)

	trail.Decide = func(ctx context.Context, a record.Action, answer *responsibility.Answer) ledger.Choice {
		switch {
		case slices.ContainsFunc(answer.Findings, func(f responsibility.Finding) bool { return f.Rule == responsibility.DuplicateEffect }):
			return ledger.Stop("done before under the same key")
		case a.Reversible:
			return ledger.Proceed("the desk is closed until Monday, and it can be taken back")
		}
		return ledger.Escalate(record.Handoff{To: "client", Reason: "nobody has approved it"})
	}

	call := func(context.Context) error { fmt.Println("the tool is called"); return nil }
	hold := record.Action{Action: "hold_order", Effect: "write", Key: "call_1", Reversible: true}
	refund := record.Action{Action: "refund", Effect: "commit", Key: "call_2", Amount: "80.00", Currency: "EUR"}
	for _, a := range []record.Action{hold, hold, refund} {
		id, err := trail.Do(ctx, a, call)
		n, _, found := l.Find(id)
		check(found)
		line, err2 := l.Get(n)
		check(err2)
		r, err2 := record.Parse(line)
		check(err2)
		switch b := r.Body.(type) {
		case *record.Action:
			fmt.Printf("%s %s %s, because %s (%v)\n", r.ID, b.Action, b.Status, b.Reason, err)
		case *record.Handoff:
			fmt.Printf("%s handed to %s: %s (%v)\n", r.ID, b.To, b.Reason, err)
		}
	}
	// Output:
	// the tool is called
	// run-1/1 hold_order executed, because the desk is closed until Monday, and it can be taken back (<nil>)
	// run-1/2 hold_order refused, because done before under the same key (stopped before the effect)
	// run-1/3 handed to client: nobody has approved it (escalated before the effect)
}
