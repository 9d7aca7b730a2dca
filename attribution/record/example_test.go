package record_test

import (
	"crypto/ed25519"
	"fmt"

	"github.com/raasledger/raasledger/attribution/record"
)

func Example() {
	at, err := record.ParseTime("2026-03-02T09:14:05.120Z")
	if err != nil {
		panic(err)
	}
	r := &record.Record{
		Kind: record.KindOutcome,
		ID:   "outcome/418",
		Case: "ticket/88120",
		By:   "vendor",
		At:   at,
		Body: &record.Outcome{Result: "resolved", Facts: record.NewFacts(
			record.Bool("solved", true),
			record.Text("order_value", "129.90"),
		)},
	}
	line, err := record.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))

	read, err := record.Parse(line)
	if err != nil {
		panic(err)
	}
	outcome := read.Body.(*record.Outcome)
	value, ok := outcome.Facts.Get("order_value")
	fmt.Println(read.Case, outcome.Result, value.Text, ok)
	// Output:
	// {"at":"2026-03-02T09:14:05.120Z","body":{"facts":{"order_value":"129.90","solved":true},"result":"resolved"},"by":"vendor","case":"ticket/88120","id":"outcome/418","kind":"outcome"}
	// ticket/88120 resolved 129.90 true
}

// The client disputes an outcome. It is not the operator of the ledger, so its
// record goes on from the last one of its key, cites what it speaks of, and is
// signed.
func ExampleSign() {
	const origin = "vendor.example/support-desk"
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // yours comes from a key file
	at, err := record.ParseTime("2026-03-03T10:00:00.000Z")
	if err != nil {
		panic(err)
	}
	r := &record.Record{
		Kind: record.KindDispute,
		ID:   "dispute/1",
		Case: "ticket/88120",
		By:   "client",
		At:   at,
		Body: &record.Dispute{About: "outcome/418", Ground: "the customer called again the same day"},

		Author: &record.Author{Seq: 0},
		Cites:  []record.Cite{{ID: "outcome/418", Digest: record.Sum([]byte("the content of the outcome"))}},
	}
	if err := record.Sign(r, origin, key); err != nil {
		panic(err)
	}

	public := key.Public().(ed25519.PublicKey)
	fmt.Println(record.CheckSignature(r, origin, public))
	r.Body.(*record.Dispute).Ground = "something else"
	fmt.Println(record.CheckSignature(r, origin, public))
	// Output:
	// <nil>
	// record dispute/1: signature of SHA256:tAXFyTXI8xtDaujAEcwJslAYc9/6FKcUkd2Lw0xDhPo does not verify
}
