package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// A viable is what an agent costs beside what a simulation pays.
type viable struct {
	past  *past
	run   *simulation
	costs *costs

	lines   []string // names, in the order of the terms
	periods []viablePeriod
	all     viablePeriod
	flat    exact.Rat // of the revenue: what flat lines pay, whatever happens

	outside      exact.Rat // cost of no period
	outsideCount int64     // charges

	cash   []cashPoint
	lowest cashPoint // of balance 0 where it is never below
	end    exact.Rat
}

type viablePeriod struct {
	name            string
	open            bool
	lines           []exact.Rat // by the lines' places
	rest            exact.Rat   // what the statement has beside its lines
	revenue         exact.Rat   // its total
	variable, fixed exact.Rat   // cost
	attempts        int64
	billed          int64
}

func (p *viablePeriod) cost() exact.Rat   { return p.variable.Add(p.fixed) }
func (p *viablePeriod) margin() exact.Rat { return p.revenue.Sub(p.cost()) }

// A cashPoint is the balance behind all that happens up to an instant.
type cashPoint struct {
	label   string
	at      record.Time
	balance exact.Rat
}

func newViable(p *past, run *simulation, c *costs) *viable {
	v := &viable{past: p, run: run, costs: c, all: viablePeriod{name: "all"}}
	flat := map[string]bool{}
	for i := range run.terms.Lines {
		l := &run.terms.Lines[i]
		v.lines = append(v.lines, l.Name)
		flat[l.Name] = l.Of == ""
	}
	for _, s := range run.statements {
		x := viablePeriod{name: s.Period, open: s.open, lines: make([]exact.Rat, len(v.lines)), revenue: number(s.Total).value, fixed: c.fixed, billed: s.billed}
		x.rest = x.revenue
		for i := range s.Lines {
			amount := number(s.Lines[i].Amount).value
			at := slices.Index(v.lines, s.Lines[i].Name)
			x.lines[at] = x.lines[at].Add(amount)
			x.rest = x.rest.Sub(amount)
			if flat[s.Lines[i].Name] {
				v.flat = v.flat.Add(amount)
			}
		}
		v.periods = append(v.periods, x)
	}
	for _, at := range c.attempts {
		if i := v.periodAt(at); i >= 0 {
			v.periods[i].attempts++
		}
	}
	for _, x := range c.charges {
		if i := v.periodAt(x.moment); i >= 0 {
			v.periods[i].variable = v.periods[i].variable.Add(x.amount)
		} else {
			v.outside, v.outsideCount = v.outside.Add(x.amount), v.outsideCount+1
		}
	}
	v.all.lines = make([]exact.Rat, len(v.lines))
	for _, x := range v.periods {
		for i := range x.lines {
			v.all.lines[i] = v.all.lines[i].Add(x.lines[i])
		}
		v.all.rest, v.all.revenue = v.all.rest.Add(x.rest), v.all.revenue.Add(x.revenue)
		v.all.variable, v.all.fixed = v.all.variable.Add(x.variable), v.all.fixed.Add(x.fixed)
		v.all.attempts, v.all.billed = v.all.attempts+x.attempts, v.all.billed+x.billed
	}
	v.flow()
	return v
}

// periodAt is the place of the simulated period that holds an instant, -1 if
// none does.
func (v *viable) periodAt(at record.Time) int {
	return slices.IndexFunc(v.run.statements, func(s simulated) bool { return s.From <= at && at < s.Until })
}

// flow follows the balance: a cost is paid when it occurs, what is fixed when
// its period begins, a fee when its statement closes, and what is paid before
// when its first period begins. At one instant what goes out goes first.
func (v *viable) flow() {
	type payment struct {
		at     record.Time
		amount exact.Rat
	}
	var list []payment
	for _, x := range v.costs.charges {
		if v.periodAt(x.moment) >= 0 {
			list = append(list, payment{x.at, x.amount.Neg()})
		}
	}
	begun := map[string]bool{}
	for i, s := range v.run.statements {
		list = append(list, payment{s.From, v.costs.fixed.Neg()})
		due := s.Total
		if s.Due != "" {
			due = s.Due
		}
		list = append(list, payment{s.Closing, number(due).value})
		for _, p := range v.run.terms.Settle.Prepaid {
			if s.From >= p.From && s.From < p.Until && (p.Every == "period" || !begun[p.Name]) {
				begun[p.Name] = true
				list = append(list, payment{s.From, number(p.Amount).value})
			}
		}
		v.cash = append(v.cash, cashPoint{label: s.Period + " ends", at: s.Until - 1}, cashPoint{label: s.Period + " closes", at: v.run.statements[i].Closing})
	}
	slices.SortStableFunc(list, func(a, b payment) int { return cmp.Or(cmp.Compare(a.at, b.at), a.amount.Cmp(b.amount)) })
	slices.SortStableFunc(v.cash, func(a, b cashPoint) int { return cmp.Compare(a.at, b.at) })
	i := 0
	for _, p := range list {
		for ; i < len(v.cash) && v.cash[i].at < p.at; i++ {
			v.cash[i].balance = v.end
		}
		v.end = v.end.Add(p.amount)
		if v.end.Cmp(v.lowest.balance) < 0 {
			v.lowest = cashPoint{"lowest", p.at, v.end}
		}
	}
	for ; i < len(v.cash); i++ {
		v.cash[i].balance = v.end
	}
}

// A breakEven is the rate of billed results per attempt at which the revenue is
// the cost, if what a result earns, and what an attempt costs, stay what they
// were.
type breakEven struct {
	perAttempt exact.Rat // cost that flat lines do not pay, per attempt
	perResult  exact.Rat // revenue beside flat lines, per billed result
	rate       exact.Rat
	none       string // why there is none
}

func (v *viable) breakEven() (b breakEven) {
	if v.all.attempts == 0 {
		b.none = "there are no attempts"
		return b
	}
	b.perAttempt, _ = v.all.cost().Sub(v.flat).Quo(exact.Int(v.all.attempts))
	earned := v.all.revenue.Sub(v.flat)
	switch {
	case v.all.billed <= 0:
		b.none = "no result is billed"
		return b
	case earned.Sign() <= 0:
		b.none = "a result earns nothing"
		return b
	}
	b.perResult, _ = earned.Quo(exact.Int(v.all.billed))
	if b.perAttempt.Sign() <= 0 {
		b.perAttempt = exact.Int(0)
	}
	b.rate, _ = b.perAttempt.Quo(b.perResult)
	return b
}

// per is what one of n costs; ok is false where there are none.
func (v *viable) per(n int64) (x exact.Rat, ok bool) {
	if n <= 0 {
		return x, false
	}
	return v.all.cost().Quo(exact.Int(n))
}

// money writes an amount with all its decimals, and no fewer than the draft's.
func (v *viable) money(x exact.Rat) string {
	n, ok := x.Decimals()
	if !ok {
		return rounded(x)
	}
	text, _ := x.Fixed(max(n, v.run.terms.Scale))
	return text
}

// shownDecimals are those of a quotient that has more, or no end.
const shownDecimals = 6

// rounded writes a quotient, with ~ where that is not all of it.
func rounded(x exact.Rat) string {
	if n, ok := x.Decimals(); ok && n <= shownDecimals {
		return x.String()
	}
	text, _ := x.Round(shownDecimals, exact.HalfEven).Fixed(shownDecimals)
	return "~" + text
}

// remarks say what the figures do not.
func (v *viable) remarks() (list []string) {
	for _, s := range v.costs.sources {
		if s.absent > 0 {
			list = append(list, fmt.Sprintf("--%s %s: %d of %s do not say it, and cost nothing", s.what, s.name, s.absent, count(s.absent+s.found, "measurement")))
		}
	}
	switch n := v.costs.restated; {
	case n == 1:
		list = append(list, "1 measurement was restated: the later one holds")
	case n > 1:
		list = append(list, fmt.Sprintf("%d measurements were restated: the later ones hold", n))
	}
	if v.outsideCount > 0 {
		list = append(list, fmt.Sprintf("%s of %s %s are of no period that is simulated: they are in none of the figures",
			count(v.outsideCount, "cost"), v.money(v.outside), v.run.terms.Currency))
	}
	return append(list, v.run.remarks()...)
}
