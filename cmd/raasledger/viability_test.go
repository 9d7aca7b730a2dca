package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger"
)

// What 21 runs of an agent cost, as its telemetry says, against 0.99 for each
// task that is solved, however often it was tried.
func TestViabilityTau2(t *testing.T) {
	file := sampleData(t, "tau2_live/simulations.jsonl.gz")
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	yaml := captureTerms(t, `from: "2025-06-01`, `from: "2026-05-01`, `until: "2025-07-01`, `until: "2026-06-01`)
	d := agreeTo(t, openStoreFor(t, now), now, "desk.example/tau2", "terms", yaml)
	d.capture("capture_tau2.yaml", file)

	cost, solved := new(big.Rat), map[string]bool{}
	runs, successes := int64(0), 0
	var claims []*record.Record
	scanner := bufio.NewScanner(bytes.NewReader(unzipped(t, file)))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var run struct {
			ID     string
			Domain string
			Task   string                   `json:"task_id"`
			End    string                   `json:"end_time"`
			Cost   *float64                 `json:"agent_cost"`
			Reward struct{ Reward float64 } `json:"reward_info"`
		}
		if err := json.Unmarshal(scanner.Bytes(), &run); err != nil {
			t.Fatal(err)
		}
		runs++
		if run.Cost != nil {
			x, _ := new(big.Rat).SetString(strconv.FormatFloat(*run.Cost, 'f', 10, 64))
			cost.Add(cost, x)
		}
		if run.Reward.Reward != 1 {
			continue
		}
		successes++
		matter := "task/" + run.Domain + "/" + run.Task
		solved[matter] = true
		at, err := record.ParseTime(run.End[:23] + "Z")
		if err != nil {
			t.Fatal(err)
		}
		claims = append(claims, &record.Record{Kind: record.KindOutcome, ID: "solved/" + run.ID, Case: matter, At: at, By: demoVendor,
			Body: &record.Outcome{Result: "resolved", Facts: record.NewFacts(record.Bool("solved", true), record.Bool("transferred", false))}})
	}
	if runs != 21 || successes != 11 || len(solved) != 10 || cost.FloatString(6) != "0.058444" {
		t.Fatalf("the file has %d runs, %d successes at %d tasks, cost %s", runs, successes, len(solved), cost.FloatString(12))
	}
	if _, err := d.Append(d.Context(), claims...); err != nil {
		t.Fatal(err)
	}
	fee := big.NewRat(99*int64(len(solved)), 100)
	if _, s := d.settle(); string(s.Total) != fee.FloatString(2) {
		t.Fatalf("settled %s, want %s", s.Total, fee.FloatString(2))
	}
	d.cosign()

	dir := t.TempDir()
	draft, past := filepath.Join(dir, "draft.yaml"), filepath.Join(dir, "past.bundle")
	if err := os.WriteFile(draft, yaml, 0o600); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := d.WriteBundle(d.Context(), &text, ledger.BundleOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(past, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := run(newApp(clock), "viability", draft, "--over", past, "--cost", "usage/tau2-agent", "--csv")
	if code != 0 || stderr != "raasledger: warning: --cost usage/tau2-agent: 2 of 21 measurements do not say it, and cost nothing\n" {
		t.Fatalf("exit %d %s", code, stderr)
	}
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, row := range rows {
		if row[0] == "all" {
			got[row[1]] = row[3]
		}
	}
	margin := new(big.Rat).Sub(fee, cost)
	perAttempt := new(big.Rat).Quo(cost, big.NewRat(runs, 1))
	perResult := new(big.Rat).Quo(fee, big.NewRat(int64(len(solved)), 1))
	for figure, want := range map[string]string{
		"revenue": fee.FloatString(2), "cost": "0.058444", "margin": margin.FloatString(6),
		"attempts": "21", "billed": "10", "cost_per_attempt": perAttempt.RatString(),
		"break_even_rate": new(big.Rat).Quo(perAttempt, perResult).RatString(),
		"cash_lowest":     "-0.058444",
	} {
		if got[figure] != want {
			t.Errorf("%s: %s, want %s", figure, got[figure], want)
		}
	}
	if got["margin"] != "9.841556" {
		t.Errorf("margin %s, want 9.841556", got["margin"])
	}
	t.Logf("%d runs cost %s, %d tasks pay %s: margin %s", runs, got["cost"], len(solved), got["revenue"], got["margin"])
}
