package ledger_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger"
)

// A vendor's service records what its agent achieved, settles the month, and
// hands over a bundle that the client verifies offline.
func Example_embed() {
	dir, err := os.MkdirTemp("", "ledger-example")
	check(err)
	defer os.RemoveAll(dir)
	clock := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ctx := context.Background()

	options := ledger.Options{Clock: func() time.Time { return clock }} // a service leaves the clock out

	db, err := ledger.Open(filepath.Join(dir, "store"), options)
	check(err)
	defer db.Close()
	// What "raasledger agreement sign" and the client's "raasverify sign" made.
	l, err := db.Create(ctx, signedAgreement("vendor.example/contract-17"))
	check(err)

	clock = clock.Add(34 * time.Hour) // an agent solves a ticket
	n, err := l.Append(ctx, &record.Record{
		Kind: record.KindOutcome, ID: "outcome-1001", Case: "ticket-1001", At: record.TimeOf(clock), By: "vendor",
		Body: &record.Outcome{Result: "resolved", Facts: record.NewFacts(record.Bool("solved", true))},
	})
	check(err)
	clock = time.Date(2026, 4, 9, 0, 0, 0, 0, time.UTC) // the month has closed
	statement, err := l.Settle(ctx)
	check(err)
	_, err = l.Checkpoint(ctx, logKey)
	check(err)
	bundle, err := os.Create(filepath.Join(dir, "2026-03.bundle"))
	check(err)
	check(l.WriteBundle(ctx, bundle, ledger.BundleOptions{}))
	check(bundle.Close())

	total := statement.Body.(*record.Statement)
	fmt.Printf("record %d is durable; %s: %s %s for %d records\n", n[0], statement.ID, total.Total, total.Currency, l.Size())
	// Output: record 1 is durable; statement/2026-03: 0.99 EUR for 3 records
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
