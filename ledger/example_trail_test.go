package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger"
)

// A tool is what the agent's loop calls by name.
type tool func(ctx context.Context, arguments string) (string, error)

// recorded is the middleware: it puts a tool behind the trail, so that the
// loop cannot call it without a record.
func recorded(t *ledger.Trail, name, effect string, call tool) func(ctx context.Context, decision, key, arguments string) (string, error) {
	return func(ctx context.Context, decision, key, arguments string) (result string, err error) {
		_, err = t.Do(ctx, record.Action{Decision: decision, Action: name, Effect: effect, Key: key}, func(ctx context.Context) error {
			result, err = call(ctx, arguments)
			return err
		})
		return result, err
	}
}

// An agent's loop writes its trail: it decides, asks a human, and acts once
// the human has answered.
func ExampleLedger_Trail() {
	dir, err := os.MkdirTemp("", "ledger-example")
	check(err)
	defer os.RemoveAll(dir)
	clock := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	db, err := ledger.Open(filepath.Join(dir, "store"), ledger.Options{Clock: func() time.Time { return clock }})
	check(err)
	defer db.Close()
	const origin = "vendor.example/contract-17"
	l, err := db.Create(context.Background(), signedAgreement(origin))
	check(err)
	ctx := context.Background()

	trail, err := l.Trail("run-1", "ticket-1001", "care-3")
	check(err)
	find := recorded(trail, "find_order", "read", func(context.Context, string) (string, error) { return "1500.00, not delivered", nil })
	refund := recorded(trail, "refund", "commit", func(context.Context, string) (string, error) { return "", errors.New("payment service is down") })

	// The model asks for a tool; its answer is the next input.
	d1, err := trail.Record(ctx, &record.Decision{Agent: "care-3", Proposes: &record.Proposal{Action: "find_order"}})
	check(err)
	order, err := find(ctx, d1, "call_1", `{"order":"W-7"}`)
	check(err)
	in, err := trail.Record(ctx, &record.Input{AsOf: record.TimeOf(clock), Source: "tool find_order"}, committed("content", order))
	check(err)

	// It proposes a refund that is for a human to approve.
	d2, err := trail.Record(ctx, &record.Decision{Agent: "care-3", Inputs: []string{in}, Proposes: &record.Proposal{Action: "refund", Amount: "1500.00"}})
	check(err)
	_, err = trail.Record(ctx, &record.Handoff{Decision: d2, To: "client", Reason: "more than 800", Deadline: record.TimeOf(clock.Add(30 * time.Minute))})
	check(err)

	// The human is the client's, who signs what they author.
	clock = clock.Add(10 * time.Minute)
	check(review(ctx, l, origin, "review-1", d2, clock))

	// The tool fails: the plan and the failure stand there, and no effect.
	if _, err := refund(ctx, d2, "call_2", `{"order":"W-7"}`); err != nil {
		fmt.Println("refund:", err)
	}
	for line, err := range l.Records(ctx, 1, l.Size()) {
		check(err)
		r, err := record.Parse(line)
		check(err)
		switch b := r.Body.(type) {
		case *record.Action:
			fmt.Println(r.Log.N, r.ID, r.Kind, b.Action, b.Status)
		case *record.Review:
			fmt.Println(r.Log.N, r.ID, r.Kind, b.Verdict)
		default:
			fmt.Println(r.Log.N, r.ID, r.Kind)
		}
	}
	// Output:
	// refund: payment service is down
	// 1 run-1/0 decision
	// 2 run-1/1 action find_order planned
	// 3 run-1/2 action find_order executed
	// 4 run-1/3 input
	// 5 run-1/4 decision
	// 6 run-1/5 handoff
	// 7 review-1 review approve
	// 8 run-1/6 action refund planned
	// 9 run-1/7 action refund failed
}

// committed binds a content that stays outside: the service keeps it with its
// salt, 32 bytes that nobody can guess.
func committed(name, content string) record.Attachment {
	salt := make([]byte, 32) // crypto/rand.Read in a service
	return record.Attachment{Name: name, Size: int64(len(content)), Digest: record.Sum(append(salt, content...))}
}

// review is what the client's own program appends, or sends to be appended.
func review(ctx context.Context, l *ledger.Ledger, origin, id, decision string, now time.Time) error {
	n, ok, err := l.Find(decision)
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("decision %s is found: %v", decision, ok))
	}
	line, err := l.Get(n)
	if err != nil {
		return err
	}
	seen, err := record.Parse(line)
	if err != nil {
		return err
	}
	digest, err := record.ContentDigest(seen)
	if err != nil {
		return err
	}
	r := &record.Record{
		Kind: record.KindReview, ID: id, Case: seen.Case, At: record.TimeOf(now), By: "client", Actor: "h-wu",
		Body:   &record.Review{Of: decision, Verdict: "approve", Opened: record.TimeOf(now.Add(-2 * time.Minute)), Shown: []string{"inputs"}},
		Author: &record.Author{}, // the first record that this key signs
		Cites:  []record.Cite{{ID: decision, Digest: digest}},
	}
	if err := record.Sign(r, origin, clientKey); err != nil {
		return err
	}
	_, err = l.Append(ctx, r)
	return err
}
