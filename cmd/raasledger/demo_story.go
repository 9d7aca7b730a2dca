package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/story"
)

// The story of the demo: a support desk in March 2026. It is drawn from a
// generator with a fixed seed, so it is the same story every time.

const (
	demoOrigin  = "desk.example/shop-pilot"
	demoVendor  = "desk.example"
	demoClient  = "shop.example"
	demoWitness = "shop.example/auditor" // the client's name on cosignatures
	demoTickets = 400
)

var (
	demoBegin   = time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC)
	demoMid     = time.Date(2026, 3, 16, 5, 0, 0, 0, time.UTC)  // the client cosigns
	demoEnd     = time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC) // of the month in Berlin
	demoClosing = demoEnd.AddDate(0, 0, 14)
)

// demoKey is a key of the story.
func demoKey(name string) ed25519.PrivateKey { return story.Key(name) }

// A scene is a record and when it is appended.
type scene struct {
	at     time.Time
	record *record.Record
	client bool // the client signs it
}

// A ticket is how the desk fares with one customer's question.
type ticket struct {
	id       string
	topic    string
	closed   time.Time
	transfer bool
	solved   bool
	reopened time.Duration // after it was closed; 0 is never
}

var demoTopics = []string{"where is my parcel", "wrong size", "invoice copy", "change of address", "discount code", "late refund", "broken on arrival"}

// demoStory returns the tickets and all that was recorded about them, in the order of
// time. The agent's configuration comes first.
func demoStory() ([]ticket, []scene) {
	rng := rand.New(rand.NewPCG(2026, 3))
	opened := make([]time.Time, demoTickets)
	for i := range opened {
		// Working hours of 31 days, to the second.
		day := rng.IntN(31)
		opened[i] = demoBegin.Add(time.Duration(day)*24*time.Hour + 8*time.Hour + time.Duration(rng.IntN(10*3600))*time.Second)
	}
	slices.SortFunc(opened, time.Time.Compare)

	scenes := []scene{{at: demoBegin.Add(time.Hour), record: &record.Record{Kind: record.KindConfig, ID: "config/1", By: demoVendor, Body: &record.Config{
		Agent: "desk-agent", Model: "example-model-7", Supplier: "model.example",
		Prompt: record.Sum([]byte("You answer customers of a shop.")), Policy: record.Sum([]byte("Money goes to a human.")),
	}}}}
	add := func(at time.Time, t ticket, kind record.Kind, name string, body record.Body) *scene {
		scenes = append(scenes, scene{at: at, record: &record.Record{Kind: kind, ID: name + "/" + t.id, Case: "ticket/" + t.id, By: demoVendor, Actor: "desk-agent", Body: body}})
		return &scenes[len(scenes)-1]
	}
	var tickets []ticket
	for i, at := range opened {
		t := ticket{id: fmt.Sprintf("%04d", i+1), topic: demoTopics[rng.IntN(len(demoTopics))]}
		switch fate := rng.IntN(100); {
		case fate < 12:
			t.transfer, t.solved = true, fate < 8
		case fate < 18: // given up
		case fate < 22:
			t.solved, t.reopened = true, time.Duration(4+rng.IntN(200))*time.Hour
		case fate < 23:
			t.solved, t.reopened = true, time.Duration(15+rng.IntN(5))*24*time.Hour // after the guarantee
		default:
			t.solved = true
		}
		took := time.Duration(60+rng.IntN(1500)) * time.Second
		t.closed = at.Add(took)
		digest := record.Sum([]byte("reply to ticket " + t.id))
		add(at, t, record.KindDecision, "decision", &record.Decision{Agent: "desk-agent", Config: "config/1",
			Confidence: record.Decimal(fmt.Sprintf("0.%d", 60+rng.IntN(40))), Output: digest,
			Proposes: &record.Proposal{Action: "answer", Resource: t.topic}})
		if t.transfer {
			nonce := sha256.Sum256([]byte("nonce of " + t.id))
			add(at.Add(took/2), t, record.KindHandoff, "handoff", &record.Handoff{Decision: "decision/" + t.id, To: "shop-team",
				Reason: "the customer asks for a human", Nonce: base64.StdEncoding.EncodeToString(nonce[:16])})
		} else {
			add(at.Add(took/2), t, record.KindAction, "reply", &record.Action{Decision: "decision/" + t.id, Action: "answer", Resource: t.topic,
				Effect: "communicate", Status: "executed"})
		}
		add(t.closed, t, record.KindOutcome, "closed", &record.Outcome{Result: "resolved",
			Facts: record.Facts{record.Bool("solved", t.solved), record.Bool("transferred", t.transfer)}})
		if t.reopened > 0 {
			add(t.closed.Add(t.reopened), t, record.KindReverse, "reopened", &record.Reverse{Of: "closed/" + t.id, Cause: "reopened"})
		}
		tickets = append(tickets, t)
	}

	// The client confirms some tickets, and disputes one of the second half.
	disputed := false
	for i, t := range tickets {
		plain := t.solved && !t.transfer && t.reopened == 0
		switch {
		case plain && !disputed && t.closed.After(demoMid.Add(48*time.Hour)):
			disputed = true
			add(t.closed.Add(26*time.Hour), t, record.KindDispute, "dispute", &record.Dispute{About: "closed/" + t.id,
				Ground: "the customer called us about the same question"}).client = true
		case plain && i%25 == 0:
			add(t.closed.Add(20*time.Hour), t, record.KindConfirm, "confirm", &record.Confirm{Of: "closed/" + t.id, Verdict: "accept"}).client = true
		}
	}
	slices.SortStableFunc(scenes, func(a, b scene) int { return a.at.Compare(b.at) })
	for i := range scenes {
		r := scenes[i].record
		r.At = record.TimeOf(scenes[i].at)
		if scenes[i].client {
			r.By, r.Actor = demoClient, ""
		}
	}
	return tickets, scenes
}
