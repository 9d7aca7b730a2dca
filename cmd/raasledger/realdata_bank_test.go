package main

import (
	"math/big"
	"testing"
)

// 27,729 clients that a bank called in 2008: 50 a sale and 0.10 a call, at most
// 12,000 a month.
func TestExampleBankCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("27,729 records")
	}
	const file = "bank_calls/calls_2008.csv.gz"
	dir := runPage(t, "bank_calls", true, file)

	months := map[string]string{"may": "2008-05", "jun": "2008-06", "jul": "2008-07", "aug": "2008-08", "sep": "2008-09", "oct": "2008-10", "nov": "2008-11", "dec": "2008-12"}
	sales, calls := map[string]*big.Rat{}, map[string]*big.Rat{}
	for _, period := range months {
		sales[period], calls[period] = new(big.Rat), new(big.Rat)
	}
	clients := readTable(t, file)
	for _, row := range clients.rows {
		period := months[clients.get(row, "month")]
		if clients.get(row, "y") == "yes" {
			sales[period].Add(sales[period], whole(1))
		}
		calls[period].Add(calls[period], clients.number(row, "campaign"))
	}

	d := openExample(t, dir, "store")
	budget := whole(12000)
	allSales, allCalls, total, capped := new(big.Rat), new(big.Rat), new(big.Rat), 0
	for _, period := range months {
		s := d.statement(period)
		forSales, forCalls := mul(sales[period], whole(50)), mul(calls[period], rat(t, "0.10"))
		wantLine(t, s, "sales", sales[period], forSales)
		wantLine(t, s, "calls", calls[period], forCalls)
		want := sum(forSales, forCalls)
		if want.Cmp(budget) > 0 {
			want = budget
			capped++
		}
		if string(s.Total) != cents(want) {
			t.Errorf("%s: total %s, want %s", period, s.Total, cents(want))
		}
		allSales.Add(allSales, forSales)
		allCalls.Add(allCalls, forCalls)
		total.Add(total, want)
	}
	// The data's README has the first two.
	if cents(allSales) != "70050.00" || cents(allCalls) != "8835.70" || capped != 3 {
		t.Errorf("sales %s, calls %s, %d months at the budget", cents(allSales), cents(allCalls), capped)
	}
	t.Logf("sales %s, calls %s, with the budget %s", cents(allSales), cents(allCalls), cents(total))
	d.finish("2008-08")
}
