package main

import (
	"math/big"
	"testing"
)

// 516 claims of January 2015: 2 percent of what was claimed by fraud. The
// section of the page begins with keys of its own and ends with the verdict.
func TestExampleClaimAmounts(t *testing.T) {
	const file = "claim_amounts/claims.csv"
	dir := runPage(t, "claim_amounts", false, file)

	claims := readTable(t, file)
	fraud := new(big.Rat)
	for _, row := range claims.rows {
		if claims.get(row, "fraud_reported") == "Y" {
			fraud.Add(fraud, claims.number(row, "total_claim_amount"))
		}
	}
	fee := mul(fraud, rat(t, "0.02"))
	if cents(fee) != "163125.00" || len(claims.rows) != 516 {
		t.Fatalf("%d claims, fee %s: not the data of the README", len(claims.rows), cents(fee))
	}

	d := openExample(t, dir, "store")
	s := d.statement("2015-01")
	wantLine(t, s, "not_paid_out", fraud, fee)
	if string(s.Total) != cents(fee) || s.Currency != "USD" || !s.Agreed {
		t.Errorf("total %s %s, agreed %t", s.Total, s.Currency, s.Agreed)
	}
}
