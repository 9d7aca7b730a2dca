package main

import (
	"fmt"
	"math/big"
	"testing"
)

// 8,758 hours of a simulated building: the saving of each month against a
// baseline that follows the temperature, nothing within 5 percent.
func TestExampleBuildingHourly(t *testing.T) {
	const file = "building_hourly_simulated/post.csv.gz"
	dir := runPage(t, "building_hourly_simulated", true, file)

	pre := readTable(t, "building_hourly_simulated/pre.csv.gz")
	var x [][]*big.Rat
	var y []*big.Rat
	for _, row := range pre.rows {
		if pre.get(row, "time") != "NA" {
			x = append(x, degrees(pre.number(row, "Temp"), 15))
			y = append(y, pre.number(row, "eload"))
		}
	}
	k := constants(t, "building_hourly_simulated", "", fit(x, y))

	base, used := map[string]*big.Rat{}, map[string]*big.Rat{}
	hours, without := 0, new(big.Rat)
	post := readTable(t, file)
	for _, row := range post.rows {
		at := post.get(row, "time")
		if at == "NA" {
			without.Add(without, post.number(row, "eload"))
			continue
		}
		hours++
		month := "2017-" + at[:2]
		if base[month] == nil {
			base[month], used[month] = new(big.Rat), new(big.Rat)
		}
		base[month].Add(base[month], expected(k, post.number(row, "Temp"), 15))
		used[month].Add(used[month], post.number(row, "eload"))
	}

	d := openExample(t, dir, "store")
	all, nothing := new(big.Rat), 0
	for month := 1; month <= 12; month++ {
		period := fmt.Sprintf("2017-%02d", month)
		saved := deadBand(sub(base[period], used[period]), base[period], rat(t, "0.05"))
		if saved.Sign() == 0 {
			nothing++
		}
		wantLine(t, d.statement(period), "saved", saved, mul(floor0(saved), rat(t, "0.04")))
		all = sum(all, used[period])
		t.Logf("%s: expected %s, used %s, paid for %s", period, base[period].FloatString(1), used[period].FloatString(1), saved.FloatString(1))
	}
	// The data's README has the sum of all 8,759 rows.
	if hours != 8758 || sum(all, without).FloatString(1) != "5362254.3" || nothing != 1 {
		t.Errorf("%d hours, used %s, %d months within the dead band", hours, sum(all, without).FloatString(1), nothing)
	}
	d.finish("2017-06", "2017-11")
}
