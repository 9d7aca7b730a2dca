package ledger

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

func nonceOf(text string) string {
	return base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%16s", text)))
}

// reviewed is a matter in which the vendor decided at 10:00 and handed over at
// 10:20, with the nonce "one".
func reviewed(t *testing.T) (*desk, func(matter string, b record.Review) *record.Record) {
	clock := newClock()
	clock.now = at("2026-03-10T10:00:00")
	db, l := underRules(t, t.TempDir(), clock)
	t.Cleanup(func() { done(t, db) })
	d := &desk{t: t, clock: clock, l: l, seq: -1}
	for _, matter := range []string{"T-1", ""} {
		for _, id := range []string{"d1", "d2"} {
			_, err := l.Append(ctx, vendorRecord(clock, id+matter, matter, &record.Decision{Agent: "agent", Reasons: record.Sum(nil), Output: record.Sum(nil)}))
			must(t, err)
		}
	}
	clock.now = at("2026-03-10T10:20:00")
	for _, matter := range []string{"T-1", ""} {
		_, err := l.Append(ctx, vendorRecord(clock, "h1"+matter, matter, &record.Handoff{Decision: "d1" + matter, To: "client", Reason: "unsure", Shown: []string{"claims"}, Nonce: nonceOf("one")}),
			vendorRecord(clock, "h2"+matter, matter, &record.Handoff{To: "client", Reason: "of no decision", Nonce: nonceOf("two")}),
			vendorRecord(clock, "x1"+matter, matter, &record.Action{Decision: "d1" + matter, Action: "refund", Effect: "commit", Status: "planned"}))
		must(t, err)
	}
	clock.now = at("2026-03-10T10:20:01")
	return d, func(matter string, b record.Review) *record.Record {
		b.Verdict = "approve"
		return &record.Record{Kind: record.KindReview, ID: d.id("review"), Case: matter, Actor: "h-lin", Body: &b}
	}
}

// A review that cannot have been shown what it says is refused, in a case and
// among the standing records.
func TestReviewsThatCannotBeAreRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		review record.Review
		want   string // "" is admitted
	}{
		{"it answers", record.Review{Of: "d1", Nonce: nonceOf("one"), Opened: at("2026-03-10T10:20:00")}, ""},
		{"it answers, about the action", record.Review{Of: "x1", Nonce: nonceOf("one")}, ""},
		{"no nonce", record.Review{Of: "d1", Opened: at("2026-03-10T10:00:01")}, ""},
		{"a slow clock", record.Review{Of: "d1", Opened: at("2026-03-10T09:55:00")}, ""},
		{"a nonce of nothing", record.Review{Of: "d1", Nonce: nonceOf("three")},
			`body.nonce: got ` + nonceOf("three") + `, want that of a handoff to answer: it is of no handoff of d1@ by vendor before it`},
		{"a nonce of no decision", record.Review{Of: "d1", Nonce: nonceOf("two")}, "it is of no handoff of d1@ by vendor before it"},
		{"a nonce of another decision", record.Review{Of: "d2", Nonce: nonceOf("one")}, "it is of no handoff of d2@ by vendor before it"},
		{"opened before the decision", record.Review{Of: "d1", Opened: at("2026-03-10T09:54:59")},
			"body.opened: got 2026-03-10T09:54:59.000Z, want 2026-03-10T09:55:00.000Z or later: d1@ is of 2026-03-10T10:00:00.000Z, and clocks may differ by 5m"},
		{"opened before the action", record.Review{Of: "x1", Opened: at("2026-03-10T10:14:59")}, "body.opened: got 2026-03-10T10:14:59.000Z, want 2026-03-10T10:15:00.000Z or later: x1@"},
		{"opened after it decided", record.Review{Of: "d1", Opened: at("2026-03-10T10:20:02")}, "body.opened: got 2026-03-10T10:20:02.000Z, at most 2026-03-10T10:20:01.000Z, the instant of the review"},
	} {
		d, review := reviewed(t)
		for _, matter := range []string{"T-1", ""} {
			b := test.review
			b.Of += matter
			r := review(matter, b)
			size := d.l.Size()
			cited, _, err := d.l.Find(b.Of)
			must(t, err)
			of, err := d.l.recordAt(cited)
			must(t, err)
			r.At = d.clock.now
			byClient(t, r, d.seq+1, d.prev, of)
			_, err = d.l.Append(ctx, r)
			if test.want == "" {
				if err != nil {
					t.Errorf("%s: %v", test.name, err)
					continue
				}
				d.seq++
				d.prev, err = record.ContentDigest(r)
				must(t, err)
				continue
			}
			wantError(t, err, strings.ReplaceAll(test.want, "@", matter))
			if d.l.Size() != size {
				t.Errorf("%s: the ledger has %d records, want %d", test.name, d.l.Size(), size)
			}
		}
	}
}

// A party answers a handoff once, whether its first answer stands in the store
// or in the same call; what another party answers takes nothing from it.
func TestNonceIsAnsweredOnce(t *testing.T) {
	d, review := reviewed(t)
	answer := record.Review{Of: "d1T-1", Nonce: nonceOf("one")}
	own := vendorRecord(d.clock, "own", "T-1", &record.Review{Of: "d1T-1", Verdict: "approve", Nonce: nonceOf("one")})
	own.Actor = "agent"
	_, err := d.l.Append(ctx, own)
	must(t, err)
	again := vendorRecord(d.clock, "again", "T-1", &record.Review{Of: "x1T-1", Verdict: "approve", Nonce: nonceOf("one")})
	again.Actor = "agent"
	_, err = d.l.Append(ctx, again)
	wantError(t, err, "record again: body.nonce: got "+nonceOf("one")+", want that of a handoff to answer: it was answered by review own")

	if !d.client(review("T-1", answer)) {
		t.Fatal("what the vendor answers takes the nonce from the client")
	}
	if d.client(review("T-1", answer)) {
		t.Error("the client answers twice")
	}

	// In one call: the handoff, an answer, and another one.
	handoff := vendorRecord(d.clock, "h3", "T-1", &record.Handoff{Decision: "d1T-1", To: "client", Reason: "again", Nonce: nonceOf("again")})
	first := vendorRecord(d.clock, "first", "T-1", &record.Review{Of: "d1T-1", Verdict: "approve", Nonce: nonceOf("again")})
	second := vendorRecord(d.clock, "second", "T-1", &record.Review{Of: "d1T-1", Verdict: "reject", Nonce: nonceOf("again")})
	first.Actor, second.Actor = "agent", "agent"
	size := d.l.Size()
	_, err = d.l.Append(ctx, handoff, first, second)
	wantError(t, err, "it was answered by review first")
	if d.l.Size() != size {
		t.Errorf("the ledger has %d records, want %d: all of a call or none", d.l.Size(), size)
	}
	_, err = d.l.Append(ctx, handoff, first)
	must(t, err)
}

// What is admitted is what the rules measure: a second after it was shown is too
// short, whatever the review says of itself.
func TestHastyAnswerIsFound(t *testing.T) {
	d, review := reviewed(t)
	if !d.client(review("T-1", record.Review{Of: "d1T-1", Nonce: nonceOf("one"), Opened: at("2026-03-10T10:00:00"), Shown: []string{"checks", "claims"}})) {
		t.Fatal("the review is refused")
	}
	x := vendorRecord(d.clock, "x", "T-1", &record.Action{Decision: "d1T-1", Action: "refund", Resource: "order", Amount: "5", Currency: "EUR", Effect: "commit", Status: "executed"})
	before, err := d.l.Precheck(ctx, x)
	must(t, err)
	_, err = d.l.Append(ctx, x)
	must(t, err)
	after, err := d.l.Trace(ctx, "x", 0)
	must(t, err)
	d.same("asked before", before, after)
	if after.Finding(responsibility.ReviewTooShort, "client", responsibility.Established) == nil || after.Finding(responsibility.IncompletePresentation, "vendor", responsibility.Established) == nil {
		t.Errorf("want a review of 1 s, and a presentation without checks:\n%s", after.Text())
	}
}

// Times and parties of a body that cannot be are refused before anything is
// written.
func TestBodiesThatCannotBeAreRefused(t *testing.T) {
	d, _ := reviewed(t)
	refuse := func(b record.Body, want string) {
		t.Helper()
		_, err := d.l.Append(ctx, vendorRecord(d.clock, d.id("refused"), "T-1", b))
		wantError(t, err, want)
	}
	refuse(&record.Handoff{Decision: "d1T-1", To: "client", Reason: "r", Deadline: d.clock.now}, "body.deadline: got 2026-03-10T10:20:01.000Z, want later than 2026-03-10T10:20:01.000Z, the instant of the handoff")
	refuse(&record.Demand{Of: "d1T-1", Custodian: "marsman", Basis: "b", Deadline: d.clock.now}, `body.custodian: party "marsman" is not in version 1 of the terms`)
	_, err := d.l.Append(ctx, vendorRecord(d.clock, "h9", "T-1", &record.Handoff{Decision: "d1T-1", To: "marsman", Reason: "r", Deadline: d.clock.now + 1}),
		vendorRecord(d.clock, "m9", "T-1", &record.Demand{Of: "d1T-1", Custodian: "client", Basis: "b", Deadline: d.clock.now}))
	must(t, err)
}
