package main

import (
	"math/big"
	"strings"
	"testing"
)

// 6,000 applications of a loan process: half a percent of what was approved,
// times a factor by how many of the steps ran by themselves.
func TestExampleLoanApplications(t *testing.T) {
	if testing.Short() {
		t.Skip("48,000 records")
	}
	const file = "loan_applications/events.csv.gz"
	dir := runPage(t, "loan_applications", true, file)

	approved := new(big.Rat)
	var approvals, automatic, human int64
	events := readTable(t, file)
	for _, row := range events.rows {
		activity, resource := events.get(row, "activity"), events.get(row, "resource")
		if activity == "A_Approved" {
			approvals++
			approved.Add(approved, events.number(row, "requested_amount"))
		}
		switch {
		case resource == "112":
			automatic++
		case resource != "" && strings.HasPrefix(activity, "W_") && events.get(row, "lifecycle") == "complete":
			human++
		}
	}
	fee := mul(approved, rat(t, "0.005"))
	if approvals != 1064 || automatic != 20930 || fee.FloatString(3) != "79525.535" {
		t.Fatalf("%d approvals, %d automatic steps, %s: not the data of the README", approvals, automatic, fee.FloatString(3))
	}
	share := big.NewRat(automatic, automatic+human)
	factor := rat(t, "0.75")
	if share.Cmp(rat(t, "0.5")) >= 0 {
		factor = whole(1)
	} else if share.Cmp(rat(t, "0.4")) >= 0 {
		factor = rat(t, "0.9")
	}

	d := openExample(t, dir, "store")
	s := d.statement("2022")
	wantLine(t, s, "approved", approved, mul(fee, factor))
	l := line(t, s, "approved")
	if len(l.Tiers) != 1 || string(l.Tiers[0].Amount) != "79525.535" {
		t.Errorf("tiers %+v, want 79525.535", l.Tiers)
	}
	t.Logf("%d automatic and %d human steps, share %s", automatic, human, share.FloatString(4))
	d.finish()
}
