package main

import (
	"math/big"
	"testing"
)

// The electricity of a rebuilt building from July to September, a year apart,
// against 67 buildings that nobody touched: 1,608 bills.
func TestExampleBuildingControl(t *testing.T) {
	const rebuilt, untouched = "building_retrofit/retrofit_bills.csv", "building_retrofit/control_bills.csv"
	dir := runPage(t, "building_control", true, rebuilt, untouched)

	// mean of the bills of the months from July to September of a year.
	mean := func(bills *table, building, year string) *big.Rat {
		total, n := new(big.Rat), int64(0)
		for _, row := range bills.rows {
			if building != "" && bills.get(row, "bdbid") != building || bills.get(row, "energy_type") != "Elec" {
				continue
			}
			usage := bills.number(row, "usage")
			if building == "" {
				// Measured in Wh to six decimals.
				usage = evenly(mul(usage, whole(1000)), 6)
			}
			switch end := bills.get(row, "end_date"); end[:7] {
			case year + "-07", year + "-08", year + "-09":
				total.Add(total, usage)
				n++
			}
		}
		if want := int64(3 * 67); building == "" && n != want || building != "" && n != 3 {
			t.Fatalf("%d bills of %s", n, year)
		}
		return quo(total, whole(n))
	}
	one, others := readTable(t, rebuilt), readTable(t, untouched)
	before, after := mean(one, "846152", "2015"), mean(one, "846152", "2016")
	othersBefore, othersAfter := mean(others, "", "2015"), mean(others, "", "2016")
	saved := deadBand(sub(mul(before, quo(othersAfter, othersBefore)), after), before, rat(t, "0.02"))
	amount := mul(rat(t, mul(saved, whole(92)).FloatString(0)), rat(t, "0.06"))

	d := openExample(t, dir, "store")
	wantLine(t, d.statement("2016-Q3"), "saved", saved, amount)
	for _, period := range []string{"2015-Q3", "2015-Q4", "2016-Q1", "2016-Q2"} {
		if s := d.statement(period); string(s.Total) != "0.00" {
			t.Errorf("%s: total %s before it is due", period, s.Total)
		}
	}
	t.Logf("before %s, after %s, the others %s to %s: saved %s, due %s", before.FloatString(2), after.FloatString(2),
		othersBefore.FloatString(5), othersAfter.FloatString(5), saved.FloatString(2), cents(amount))
	d.finish("2015-Q3", "2016-Q2")
}

// evenly rounds half to even.
func evenly(x *big.Rat, decimals int64) *big.Rat {
	scale := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(decimals), nil))
	scaled := mul(x, scale)
	down := new(big.Int).Div(scaled.Num(), scaled.Denom()) // towards minus infinity
	switch rest := sub(scaled, new(big.Rat).SetInt(down)); rest.Cmp(big.NewRat(1, 2)) {
	case 1:
		down.Add(down, big.NewInt(1))
	case 0:
		down.Add(down, new(big.Int).And(down, big.NewInt(1)))
	}
	return quo(new(big.Rat).SetInt(down), scale)
}
