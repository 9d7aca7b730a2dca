package main

import (
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// fit is the least squares fit of y to the columns of x, by the normal
// equations, exactly.
func fit(x [][]*big.Rat, y []*big.Rat) []*big.Rat {
	n := len(x[0])
	m := make([][]*big.Rat, n)
	for i := range m {
		m[i] = make([]*big.Rat, n+1)
		for j := range m[i] {
			m[i][j] = new(big.Rat)
		}
		for k, row := range x {
			for j := range n {
				m[i][j].Add(m[i][j], mul(row[i], row[j]))
			}
			m[i][n].Add(m[i][n], mul(row[i], y[k]))
		}
	}
	for i := range n {
		pivot := slices.IndexFunc(m[i:], func(row []*big.Rat) bool { return row[i].Sign() != 0 })
		m[i], m[i+pivot] = m[i+pivot], m[i]
		for k := range m {
			if k == i {
				continue
			}
			f := quo(m[k][i], m[i][i])
			for j := range m[k] {
				m[k][j] = sub(m[k][j], mul(f, m[i][j]))
			}
		}
	}
	out := make([]*big.Rat, n)
	for i := range out {
		out[i] = quo(m[i][n], m[i][i])
	}
	return out
}

// degrees are 1, and the degrees below and above a mark.
func degrees(temp *big.Rat, mark int64) []*big.Rat {
	return []*big.Rat{whole(1), floor0(sub(whole(mark), temp)), floor0(sub(temp, whole(mark)))}
}

// constants returns the agreed constants PREFIX+base, cold and warm, which must
// be the fit to six decimals.
func constants(t *testing.T, example, prefix string, fitted []*big.Rat) []*big.Rat {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../testdata/examples", example, "agreement.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []*big.Rat
	for i, name := range []string{"base", "cold", "warm"} {
		m := regexp.MustCompile(`(?m)^  ` + prefix + name + `: "(.*)"$`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("%s: no constant %s%s", example, prefix, name)
		}
		if got, want := string(m[1]), fitted[i].FloatString(6); got != want {
			t.Errorf("%s: constant %s%s is %s, fitted %s", example, prefix, name, got, want)
		}
		out = append(out, rat(t, string(m[1])))
	}
	return out
}

// expected is what the agreed constants say for a temperature.
func expected(k []*big.Rat, temp *big.Rat, mark int64) *big.Rat {
	total := new(big.Rat)
	for i, x := range degrees(temp, mark) {
		total.Add(total, mul(k[i], x))
	}
	return total
}

// deadBand is x, or 0 where it is less than share of base either way.
func deadBand(x, base, share *big.Rat) *big.Rat {
	if new(big.Rat).Abs(x).Cmp(mul(share, base)) < 0 {
		return new(big.Rat)
	}
	return x
}

// Three meters of two rebuilt buildings, settled by the quarter on what was saved
// since the work; an estimated bill is restated before the last quarter closes.
func TestExampleBuildingRetrofit(t *testing.T) {
	const file = "building_retrofit/retrofit_bills.csv"
	dir := runPage(t, "building_retrofit", true, file)

	type meter struct {
		building, kind, line string
		unit                 *big.Rat // of the converted quantity
		convert              *big.Rat
		decimals             int
		restated             map[string]string // end of the month: what was read later
	}
	d := openExample(t, dir, "store")
	periods := []string{"2016-Q2", "2016-Q3", "2016-Q4", "2017-Q1"}
	last := map[string]string{"2016-04": "2016-Q2", "2016-05": "2016-Q2", "2016-06": "2016-Q2", "2016-07": "2016-Q3", "2016-08": "2016-Q3", "2016-09": "2016-Q3",
		"2016-10": "2016-Q4", "2016-11": "2016-Q4", "2016-12": "2016-Q4", "2017-01": "2017-Q1", "2017-02": "2017-Q1", "2017-03": "2017-Q1"}
	bills := readTable(t, file)
	paid := map[string]*big.Rat{}
	for _, m := range []meter{
		{"846152", "Elec", "elec_846152", rat(t, "0.06"), whole(30), 0, map[string]string{"2016-11-30": "1699.61616162"}},
		{"846152", "Fuel", "fuel_846152", rat(t, "3.60"), rat(t, "0.00003"), 3, nil},
		{"9943", "Elec", "elec_9943", rat(t, "0.06"), whole(30), 0, nil},
	} {
		var x [][]*big.Rat
		var y []*big.Rat
		for _, row := range bills.rows {
			if bills.get(row, "bdbid") == m.building && bills.get(row, "energy_type") == m.kind && bills.get(row, "prepost") == "1" {
				x = append(x, degrees(bills.number(row, "OAT"), 60))
				y = append(y, bills.number(row, "usage"))
			}
		}
		if len(y) != 12 {
			t.Fatalf("%s: %d bills before the work, want 12", m.line, len(y))
		}
		k := constants(t, "building_retrofit", m.line+"_", fit(x, y))

		before := new(big.Rat)
		for i, period := range periods {
			base, used := new(big.Rat), new(big.Rat)
			for _, row := range bills.rows {
				if bills.get(row, "bdbid") != m.building || bills.get(row, "energy_type") != m.kind || bills.get(row, "prepost") != "3" {
					continue
				}
				end := bills.get(row, "end_date")
				if slices.Index(periods, last[end[:7]]) > i {
					continue
				}
				usage := bills.number(row, "usage")
				if read, ok := m.restated[end]; ok && period == "2017-Q1" {
					if bills.get(row, "estimated") != "1" {
						t.Errorf("the bill of %s was no estimate", end)
					}
					usage = rat(t, read)
				}
				base.Add(base, expected(k, bills.number(row, "OAT"), 60))
				used.Add(used, usage)
			}
			saved := deadBand(sub(base, used), base, rat(t, "0.02"))
			quantity := rat(t, mul(saved, m.convert).FloatString(m.decimals))
			now := rat(t, cents(mul(floor0(quantity), m.unit)))
			amount := sub(now, before)
			before = now
			wantLine(t, d.statement(period), m.line, nil, amount)
			if paid[period] == nil {
				paid[period] = new(big.Rat)
			}
			paid[period].Add(paid[period], amount)
			t.Logf("%s %s: expected %s, used %s, saved %s, due so far %s", period, m.line, base.FloatString(2), used.FloatString(2), saved.FloatString(2), now.FloatString(2))
		}
		// Of three meters one saves.
		if (before.Sign() > 0) != (m.line == "elec_846152") {
			t.Errorf("%s: %s in the end", m.line, before.FloatString(2))
		}
	}
	carried := new(big.Rat)
	for _, period := range periods {
		s := d.statement(period)
		total := sum(paid[period], carried)
		carried = new(big.Rat)
		if total.Sign() < 0 {
			total, carried = carried, total
		}
		if string(s.Total) != cents(total) || string(s.CarriedOut) != cents(carried) {
			t.Errorf("%s: total %s, carried out %s, want %s and %s", period, s.Total, s.CarriedOut, cents(total), cents(carried))
		}
	}
	d.finish("2016-Q2", "2016-Q4")
}
