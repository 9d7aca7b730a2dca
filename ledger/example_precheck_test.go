package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/ledger"
)

// A service asks before its agent acts. Nothing is recorded by asking.
func ExampleLedger_Precheck() {
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
	refund := &record.Record{
		Kind: record.KindAction, ID: "refund-1001", Case: "order-1001", At: record.TimeOf(clock), By: "vendor", Actor: "agent-1",
		Body: &record.Action{Action: "refund", Resource: "order/1001", Amount: "80.00", Currency: "EUR", Effect: "commit", Status: "planned"},
	}
	answer, err := l.Precheck(ctx, refund)
	switch {
	case errors.Is(err, responsibility.ErrNoRules):
		return // the terms name no rules
	case err != nil:
		check(err)
	}
	for _, f := range answer.Findings {
		if f.Rule.Class() != "gate" {
			continue
		}
		fmt.Println(f.Status, f.Rule, f.Party)
		for _, i := range f.Tests {
			fmt.Println(" ", answer.Tests[i])
		}
	}
	// Output:
	// established no_authority vendor
	//   no_authority, effect refund-1001: a grant before it with id "" is missing: yes
}
