package main

import (
	"math/big"
	"testing"
)

// 679 ads of two campaigns: 15 percent of the money spent, cut where the return
// was below 1:3, and what a sale cost beyond 20 paid back.
func TestExampleAdCampaigns(t *testing.T) {
	const file = "ad_campaigns/ads.csv"
	dir := runPage(t, "ad_campaigns", true, file)

	spent, sold := map[string]*big.Rat{}, map[string]*big.Rat{}
	ads := readTable(t, file)
	for _, row := range ads.rows {
		campaign := ads.get(row, "xyz_campaign_id")
		if spent[campaign] == nil {
			spent[campaign], sold[campaign] = new(big.Rat), new(big.Rat)
		}
		spent[campaign].Add(spent[campaign], ads.number(row, "Spent"))
		sold[campaign].Add(sold[campaign], ads.number(row, "Approved_Conversion"))
	}

	d := openExample(t, dir, "store")
	s := d.statement("2017-08")
	total := new(big.Rat)
	for _, test := range []struct{ campaign, refund string }{
		// The data's README has the refunds.
		{"916", "0.00"},
		{"1178", "-38222.15"},
	} {
		x, n := spent[test.campaign], sold[test.campaign]
		reached := quo(mul(n, whole(100)), mul(whole(3), x))
		if reached.Cmp(whole(1)) > 0 {
			reached = whole(1)
		}
		fee := mul(x, rat(t, "0.15"), reached)
		left := sub(mul(n, whole(20)), x)
		if left.Sign() > 0 {
			left = new(big.Rat)
		}
		if cents(left) != test.refund {
			t.Errorf("campaign %s: refund %s, want %s as in the README", test.campaign, cents(left), test.refund)
		}
		wantLine(t, s, "fee_"+test.campaign, x, fee)
		wantLine(t, s, "refund_"+test.campaign, left, left)
		total = sum(total, rat(t, cents(fee)), rat(t, cents(left)))
	}
	if string(s.Total) != cents(total) || total.Sign() >= 0 || string(s.CarriedOut) != "0.00" {
		t.Errorf("total %s, carried out %s, want %s and nothing", s.Total, s.CarriedOut, cents(total))
	}
	d.finish()
}
