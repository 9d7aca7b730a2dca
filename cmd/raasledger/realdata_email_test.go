package main

import (
	"math/big"
	"testing"
)

// 32,000 customers, drawn at random into two mailings and none: only the gain
// over none is paid, by the point estimate and by the lower bound.
func TestExampleEmailExperiment(t *testing.T) {
	if testing.Short() {
		t.Skip("32,000 records")
	}
	const file = "email_experiment/customers.csv.gz"
	dir := runPage(t, "email_experiment", true, file)

	type arm struct {
		n, buyers int64
		spend     *big.Rat
	}
	arms := map[string]*arm{}
	customers := readTable(t, file)
	for _, row := range customers.rows {
		name := customers.get(row, "segment")
		if arms[name] == nil {
			arms[name] = &arm{spend: new(big.Rat)}
		}
		a := arms[name]
		a.n++
		if customers.get(row, "conversion") == "1" {
			a.buyers++
		}
		a.spend.Add(a.spend, customers.number(row, "spend"))
	}

	d := openExample(t, dir, "store")
	s := d.statement("2008-03")
	none := arms["No E-Mail"]
	total := new(big.Rat)
	for _, test := range []struct{ name, arm, gain, sales string }{
		// The data's README has the gains.
		{"men", "Mens E-Mail", "54.875", "5025.99"},
		{"women", "Womens E-Mail", "30.707", "6253.85"},
	} {
		a := arms[test.arm]
		scaled := big.NewRat(a.n, none.n)
		gain := sub(whole(a.buyers), mul(whole(none.buyers), scaled))
		sales := sub(a.spend, mul(none.spend, scaled))
		if gain.FloatString(3) != test.gain || sales.FloatString(2) != test.sales {
			t.Errorf("%s: gain %s, sales %s: not those of the README", test.name, gain.FloatString(3), sales.FloatString(2))
		}
		// n (p - q - z sqrt(p (1-p) / n + q (1-q) / m))
		p, q := big.NewRat(a.buyers, a.n), big.NewRat(none.buyers, none.n)
		variance := sum(quo(mul(p, sub(whole(1), p)), whole(a.n)), quo(mul(q, sub(whole(1), q)), whole(none.n)))
		sure := floor0(mul(whole(a.n), sub(sub(p, q), mul(rat(t, "1.645"), root(variance)))))
		if sure.Sign() <= 0 || sure.Cmp(gain) >= 0 {
			t.Errorf("%s: lower bound %s of %s", test.name, sure.FloatString(3), gain.FloatString(3))
		}
		for _, line := range []struct {
			name            string
			quantity, price *big.Rat
		}{{"gain", gain, whole(5)}, {"sure", sure, whole(35)}, {"sales", sales, rat(t, "0.1")}} {
			amount := mul(line.quantity, line.price)
			wantLine(t, s, test.name+"_"+line.name, line.quantity, amount)
			total.Add(total, rat(t, cents(amount)))
		}
		t.Logf("%s: gain %s, surely %s, sales %s", test.name, gain.FloatString(6), sure.FloatString(6), sales.FloatString(2))
	}
	if string(s.Total) != cents(total) {
		t.Errorf("total %s, want %s", s.Total, cents(total))
	}
	d.finish()
}

// root is the square root to 18 decimals, half even, from the integer root of
// x times 10^40: two digits more than are kept decide how to round, as the root
// of a fraction in tests is never just between two.
func root(x *big.Rat) *big.Rat {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(40), nil)
	n := new(big.Int).Mul(x.Num(), scale)
	n.Sqrt(n.Quo(n, x.Denom()))
	n.Add(n, big.NewInt(50))
	n.Quo(n, big.NewInt(100))
	return new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil))
}
