package fee

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// Settle computes the statement of the next period over the records applied so
// far. The state does not change: it moves on when the statement's record is
// applied. detail, if not nil, receives each canonical detail line; it must not
// keep it.
func (s *State) Settle(detail func(line []byte) error) (*record.Statement, error) {
	z, err := s.settle()
	if err != nil {
		return nil, err
	}
	if err := z.write(detail); err != nil {
		return nil, err
	}
	return z.statement, nil
}

// write fills in the statement.
func (z *settlement) write(detail func(line []byte) error) error {
	if err := z.compute(detail); err != nil {
		return err
	}
	z.statement.State = z.left.digest()
	return nil
}

// compute fills in all of the statement but the digest of the state it leaves.
func (z *settlement) compute(detail func(line []byte) error) error {
	amounts, lines, subtotal := z.price()
	z.involve()
	z.gradeParts(amounts, lines, subtotal)
	z.counts()
	z.backings.begin(lines)
	if err := z.detail(detail); err != nil {
		return err
	}
	z.backings.actions()
	z.backings.end()
	if err := z.fits(); err != nil {
		return err
	}
	z.left = z.leave()
	return nil
}

// round makes money of an exact amount.
func (z *settlement) round(x number) number {
	return x.round(z.terms.Scale, exact.Mode(z.terms.Rounding.Mode))
}

// carriedIn is the balance of the statements before. It ends with a history
// that the client excluded when it signed.
func (z *settlement) carriedIn() number {
	if n := len(z.s.periods); z.later || n > 0 && z.s.periods[n-1].base <= z.s.excluded {
		return number{}
	}
	return z.s.carried
}

// involve names the versions of the terms that govern something in the
// statement, and whether all of them are agreed.
func (z *settlement) involve() {
	involved := make([]bool, len(z.s.versions))
	for _, at := range z.slots {
		involved[at.version-1] = true
	}
	for i := range z.decisions {
		if d := &z.decisions[i]; d.reason != unsaid {
			involved[d.claim.rule.version.number-1] = true
		}
	}
	for i := range z.readings {
		if d := &z.readings[i]; d.reason != unsaid {
			involved[d.reading.version.number-1] = true
		}
	}
	for _, u := range z.refused {
		involved[u.at.version-1] = true
	}
	for _, l := range z.s.loose {
		if l.version > 0 && l.at <= z.closing {
			involved[l.version-1] = true
		}
	}
	involved[z.s.governing(z.period.Until-1).number-1] = true
	for i, v := range z.s.versions {
		if involved[i] {
			z.statement.Terms = append(z.statement.Terms, v.digest)
			z.statement.Agreed = z.statement.Agreed && (v.agreed || v.number <= z.s.adopted)
		}
	}
}

// gradeParts splits the subtotal by how far what is behind it can be believed:
// the amount of an own line by the share of its quantity, that of another
// whole by the weakest fact that it rests on, all of it together by the rule for
// parts. What no quantity stands behind rests on the terms alone, which both
// signed, or the vendor.
func (z *settlement) gradeParts(amounts []number, lines []reckoning, subtotal number) {
	if subtotal.sign() == 0 {
		return
	}
	bare := gradeBoth
	if !z.statement.Agreed {
		bare = gradeVendor
	}
	// Shares are quotients, so these are the numbers of package exact.
	weights := make([]exact.Rat, grades)
	var sum exact.Rat
	add := func(g grade, x exact.Rat) {
		weights[g] = weights[g].Add(x)
		sum = sum.Add(x)
	}
	for i := range lines {
		r := &lines[i]
		var shares [grades]number
		var all number
		var weakest grade
		behind := false
		for _, y := range r.behind {
			for g, q := range y.grades {
				shares[g] = shares[g].add(q)
				all = all.add(q)
			}
			if y.claims > 0 {
				behind, weakest = true, max(weakest, y.weakest)
			}
		}
		switch {
		case behind && !r.table.own:
			add(weakest, amounts[i].rat())
		case all.sign() == 0:
			add(bare, amounts[i].rat())
		default:
			for g, q := range shares {
				x, _ := amounts[i].mul(q).rat().Quo(all.rat())
				add(grade(g), x)
			}
		}
	}
	if sum.Sign() == 0 {
		clear(weights) // they set each other off
		add(bare, exact.Int(1))
	}
	for i := range weights {
		weights[i], _ = subtotal.rat().Mul(weights[i]).Quo(sum)
	}
	for i, x := range parts(weights, subtotal, z.terms.Scale) {
		if x.sign() != 0 {
			z.statement.Grades = append(z.statement.Grades, record.Grade{Grade: gradeWords[i], Amount: fixed(x, z.terms.Scale)})
		}
	}
}

// counts says how many claims and idle events there were of each reason.
func (z *settlement) counts() {
	var counts [reasons]int64
	for i := range z.decisions {
		d := &z.decisions[i]
		counts[d.reason]++
		for _, e := range d.also().idle {
			counts[e.reason]++
		}
	}
	for i := range z.readings {
		counts[z.readings[i].reason]++
	}
	for _, l := range z.s.loose {
		if l.at <= z.closing {
			counts[l.reason]++
		}
	}
	for _, u := range z.refused {
		counts[u.reason] += z.s.usage[u.at].claims
	}
	_, strangers := z.contestsAfter()
	counts[unmatched] += strangers
	for r, n := range counts {
		if n > 0 && reason(r) != unsaid {
			z.statement.Counts = append(z.statement.Counts, record.Count{Reason: reason(r).String(), N: n})
		}
	}
	slices.SortFunc(z.statement.Counts, func(a, b record.Count) int { return cmp.Compare(a.Reason, b.Reason) })
}

// fits refuses a statement that no record can hold.
func (z *settlement) fits() error {
	st := z.statement
	check := func(d record.Decimal, what string) error {
		if _, err := record.ParseDecimal(string(d)); err != nil {
			return fmt.Errorf("statement %s: %s: %v", st.Period, what, err)
		}
		return nil
	}
	all := func(what string, list ...record.Decimal) error {
		for _, d := range list {
			if d == "" {
				continue
			}
			if err := check(d, what); err != nil {
				return err
			}
		}
		return nil
	}
	read := func(what string, list []record.Reading, steps []record.Adjustment) error {
		for _, r := range list {
			if err := all(what, r.Value); err != nil {
				return err
			}
		}
		for _, a := range steps {
			if err := all(what, a.Before, a.After); err != nil {
				return err
			}
		}
		return nil
	}
	for _, l := range st.Lines {
		if err := all("line "+l.Name, l.Quantity, l.Before, l.Amount); err != nil {
			return err
		}
		if err := read("line "+l.Name, l.Reads, l.Adjust); err != nil {
			return err
		}
		for _, u := range l.Tiers {
			if err := all("line "+l.Name, u.Quantity, u.Amount); err != nil {
				return err
			}
		}
	}
	if err := read("adjustments", st.Reads, st.Adjust); err != nil {
		return err
	}
	for _, c := range st.Corrections {
		if err := all("correction of "+c.Period, c.QuantityBefore, c.Quantity, c.Amount); err != nil {
			return err
		}
	}
	for _, p := range st.Prepaid {
		if err := all("prepaid "+p.Name, p.Before, p.Used, p.After); err != nil {
			return err
		}
	}
	if err := all("total", st.Subtotal, st.Total, st.CarriedOut, st.Due); err != nil {
		return err
	}
	// And as a whole, whatever the digest of the state will be: the terms leave
	// room for the longest statement there can be.
	whole := *st
	whole.State = st.Detail
	r := &record.Record{Kind: record.KindStatement, ID: "statement/" + st.Period, By: z.terms.Operator().ID, At: z.closing, Body: &whole}
	if _, err := record.Marshal(r); err != nil {
		return fmt.Errorf("statement %s: %v", st.Period, err)
	}
	return nil
}

// plain writes a quantity.
func plain(x number) record.Decimal { return record.Decimal(x.append(nil)) }

// fixed writes an amount that is rounded to scale.
func fixed(x number, scale int) record.Decimal { return record.Decimal(x.appendFixed(nil, scale)) }

// displayScale is the most decimals of a figure that is shown and not summed.
const displayScale = 18

// maxWhole and maxAmount bound what a statement can say: a figure below the
// first has at most 34 digits, and lines below the second, however many, add up
// to an amount that has.
var (
	maxWhole  = tenTo(34)
	maxAmount = tenTo(22)
)

func tenTo(n int) number {
	x := one
	for range n {
		x = x.mul(number{units: 10})
	}
	return x
}

// below reports whether x is, without its sign, below a bound.
func (x number) below(most number) bool { return x.cmp(most) < 0 && x.neg().cmp(most) < 0 }

// display writes a figure that is shown and not summed: with as many decimals
// as it has, at most 18, and at most 34 digits.
func display(x number) record.Decimal {
	scale := displayScale
	for most := tenTo(34 - displayScale); scale > 0 && !x.round(scale, exact.HalfEven).below(most); scale-- {
		most = most.mul(number{units: 10})
	}
	return plain(x.round(scale, exact.HalfEven))
}
