//go:build unix

// Faultprobe is a writer and a checker that a fault tool drives: it kills the
// writer, fails its system calls or cuts the power, and asks the checker what
// is left.
//
//	faultprobe write -dir D -n 600     appends, prints "ack N" when N records are promised
//	faultprobe check -dir D -acked N   opens and checks; exit 0 all there, 3 promised records are
//	                                   missing, 4 refused to open, 5 something is wrong, 2 usage
package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/merkle"
)

const (
	origin = "vendor.example/faults"
	start  = "2026-03-02T10:00:00.000Z"

	exitUsage, exitLost, exitRefused, exitWrong = 2, 3, 4, 5
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: faultprobe write|check -dir DIR [-n N] [-acked N]")
		os.Exit(exitUsage)
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	dir := flags.String("dir", "", "directory of the store")
	n := flags.Int("n", 600, "records to append")
	size := flags.Int("size", 900, "bytes of text in each")
	acked := flags.Int64("acked", 0, "records that were promised")
	segment := flags.Int64("segment", 256<<10, "bytes of a journal segment")
	flags.Parse(os.Args[2:])
	o := ledger.Options{
		Clock:         func() time.Time { return must(time.Parse(time.RFC3339, start)) },
		MemTableBytes: 256 << 10,
		ValueLogBytes: 1 << 20,
		SegmentBytes:  *segment,
		Log:           func(text string) { fmt.Fprintln(os.Stderr, text) },
	}
	switch os.Args[1] {
	case "write":
		if err := write(*dir, o, *n, *size); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "check":
		os.Exit(check(*dir, o, *acked))
	default:
		os.Exit(exitUsage)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("raasledger test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func write(dir string, o ledger.Options, n, size int) error {
	ctx := context.Background()
	db, err := ledger.Open(dir, o)
	if err != nil {
		return err
	}
	l, err := db.Ledger(origin)
	if errors.Is(err, ledger.ErrNoLedger) {
		l, err = db.Create(ctx, agreement())
	}
	if err != nil {
		return err
	}
	fmt.Printf("ack %d\n", l.Size())
	at := must(record.ParseTime(start))
	text := strings.Repeat("x", size)
	for range n {
		id := fmt.Sprint("input-", l.Size())
		call := []*record.Record{input(id, text, at)}
		if l.Size()%40 == 7 { // a group that goes into the value log
			for k := range 40 {
				call = append(call, input(fmt.Sprint(id, "-", k), text, at))
			}
		}
		ns, err := l.Append(ctx, call...)
		if err != nil {
			return err
		}
		fmt.Printf("ack %d\n", ns[len(ns)-1]+1)
		if l.Size()%50 == 0 {
			if _, err := l.Checkpoint(ctx, key("log")); err != nil {
				return err
			}
		}
	}
	return db.Close()
}

func input(id, text string, at record.Time) *record.Record {
	return &record.Record{Kind: record.KindInput, ID: id, Case: "case-" + id, At: at, By: "vendor",
		Body: &record.Input{Source: "probe", AsOf: at, Fields: record.Facts{record.Text("text", text)}}}
}

func check(dir string, o ledger.Options, acked int64) int {
	db, err := ledger.Open(dir, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "open:", err)
		return exitRefused
	}
	code := 0
	l, err := db.Ledger(origin)
	switch {
	case err != nil && acked > 0:
		fmt.Fprintln(os.Stderr, err)
		code = exitLost
	case err == nil:
		fmt.Printf("size %d acked %d\n", l.Size(), acked)
		if l.Size() < acked {
			code = exitLost
		}
	}
	err = db.Check(context.Background(), func(f ledger.Fault) {
		fmt.Fprintln(os.Stderr, "check:", f)
		code = exitWrong
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		code = exitWrong
	}
	if err := db.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close:", err)
		code = exitWrong
	}
	return code
}

func agreement() *record.Record {
	const text = `{
"title": "Probe", "currency": "EUR", "scale": 2,
"parties": {
 "vendor": {"role": "vendor", "name": "Vendor", "keys": ["@vendor"]},
 "client": {"role": "client", "name": "Client", "keys": ["@client"]}},
"rounding": {"mode": "half_even", "at": "statement"},
"calendar": {"zone": "UTC", "period": "month", "offsets": [{"from": "2026-01-01T00:00:00.000Z", "minutes": 0}]},
"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},
"record_delay": "1h", "skew": "5m", "backfill": "refuse",
"results": {"resolved": {
 "facts": {"solved": "bool"}, "once_per": "case", "where": "solved", "claim": ["vendor"],
 "accept": {"on": "silence", "after": "72h", "from": "claim"},
 "dispute": {"within": "72h", "unresolved": {"after": "7d", "then": "accept"}},
 "reopen": {"within": "7d", "from": "accepted"},
 "escalation": "void", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}},
"measures": {"resolved": {"count": "resolved", "over": "period"}},
"lines": [{"name": "resolved", "of": "resolved", "mode": "graduated", "tiers": [{"unit": "0.99"}]}],
"settle": {"close_after": "8d", "late": "current", "negative": "carry", "corrections": "after_minimum"}}`
	filled := text
	for _, name := range []string{"vendor", "client"} {
		filled = strings.ReplaceAll(filled, "@"+name, record.FormatPublicKey(key(name).Public().(ed25519.PublicKey)))
	}
	canonical, mistakes := terms.Draft([]byte(filled), nil)
	for _, m := range mistakes {
		if !m.Warning {
			panic(fmt.Sprintf("terms: %s: %s", m.Path, m.Reason))
		}
	}
	logKey := must(merkle.NewVerifierKey(origin, merkle.KindLog, key("log").Public().(ed25519.PublicKey)))
	r := &record.Record{Kind: record.KindAgreement, ID: "agreement/1", At: must(record.ParseTime(start)), By: "vendor",
		Body: &record.Agreement{Version: 1, Format: record.Format, Origin: origin, LogKey: logKey.String(), Nonce: "MDEyMzQ1Njc4OWFiY2RlZg==", Terms: canonical}}
	for _, name := range []string{"vendor", "client"} {
		if err := record.Sign(r, origin, key(name)); err != nil {
			panic(err)
		}
	}
	return r
}
