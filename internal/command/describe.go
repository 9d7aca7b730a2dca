package command

import (
	"fmt"
	"io"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// describe writes what the agreement says.
func (a *Agreement) describe(w io.Writer) error {
	var b strings.Builder
	row := rows(&b)
	t := a.Terms
	row("agreement", "version %d of %s", a.Body.Version, a.Body.Origin)
	row("title", "%s", t.Title)
	row("log key", "%s", a.Body.LogKey)
	if a.Body.Prev != "" {
		row("follows", "%s", a.Body.Prev)
	}
	if a.Body.History != "" {
		row("history", "%s what was recorded before the client signed", a.Body.History)
	}
	for i := range t.Parties {
		p := &t.Parties[i]
		signed := ""
		if a.Signed(p) {
			signed = ", signed"
		}
		row("party", "%s (%s), %s%s", p.ID, p.Role, p.Name, signed)
		for _, text := range p.Keys {
			pub, err := record.ParsePublicKey(text)
			if err != nil {
				return err
			}
			row("", "key %s", record.Fingerprint(pub))
		}
	}
	row("effective", "%v to %v", t.From, t.Until)
	row("periods", "%s, %s; closing %v after the end", t.Calendar.Period, t.Calendar.Zone, t.Settle.CloseAfter)
	for _, o := range t.Calendar.Offsets {
		row("", "from %v on %+d minutes from UTC", o.From, o.Minutes)
	}
	delay := "their own time counts, however late they are recorded"
	if t.RecordDelay != terms.Unlimited {
		delay = fmt.Sprintf("their own time counts up to %v after the fact, then the ledger's", t.RecordDelay)
	}
	row("records", "%s; clocks may differ by %v; backfill: %s", delay, t.Skew, t.Backfill)
	row("rounding", "%s, %d decimals, at %s", t.Rounding.Mode, t.Scale, t.Rounding.At)
	for i := range t.Results {
		describeResult(row, &t.Results[i])
	}
	for i := range t.Metrics {
		describeMetric(row, &t.Metrics[i])
	}
	for i := range t.Measures {
		describeMeasure(row, &t.Measures[i])
	}
	for _, c := range t.Constants {
		row("constant", "%s: %s", c.Name, c.Value)
	}
	for _, f := range t.Formulas {
		row("formula", "%s: %s", f.Name, f.Is.Text)
	}
	for i := range t.Lines {
		describeLine(row, &t.Lines[i], t.Currency)
	}
	for _, adj := range t.Adjust {
		row("statement", "%s", adjustment(adj, t.Currency))
	}
	if t.Calendar.DayCount != "" {
		row("day count", "%s: how a part of a period is prorated", words(t.Calendar.DayCount))
	}
	row("settle", "late results: %s; negative totals: %s; corrections: %s", t.Settle.Late, t.Settle.Negative, words(t.Settle.Corrections))
	for _, p := range t.Settle.Prepaid {
		describePrepaid(row, p, t.Currency)
	}
	for _, m := range a.Warnings {
		row("warning", "%s: %s", m.Path, m.Reason)
	}
	row("digest", "%s", t.Digest())
	_, err := io.WriteString(w, b.String())
	return err
}

func describeResult(row func(name, format string, args ...any), r *terms.Result) {
	row("result", "%s: once per %s, claimed by %s", r.Name, r.OncePer, strings.Join(r.Claim, ", "))
	var facts []string
	for _, f := range r.Facts {
		facts = append(facts, f.Name+" "+f.Type)
	}
	if len(facts) == 0 {
		facts = []string{"none"}
	}
	row("", "facts: %s", strings.Join(facts, ", "))
	if r.Quantity != "" {
		row("", "partial reversals reduce %s", r.Quantity)
	}
	if r.Where != nil {
		row("", "where %s", r.Where.Text)
	}
	switch r.Accept.On {
	case "silence":
		row("", "accepted by silence %v after the %s", r.Accept.After, r.Accept.From)
	case "third":
		row("", "accepted by the word of %s", r.Accept.By)
	default:
		row("", "accepted on %s", r.Accept.On)
	}
	switch {
	case r.Dispute == nil:
		row("", "no dispute")
	case r.Dispute.Then == "arbiter":
		row("", "dispute within %v, else the arbiter resolves it", r.Dispute.Within)
	default:
		row("", "dispute within %v, unresolved after %v: %s", r.Dispute.Within, r.Dispute.After, r.Dispute.Then)
	}
	if r.Reopen == nil {
		row("", "nothing is given back after the lock")
	} else {
		row("", "given back when reopened within %v from %s", r.Reopen.Within, r.Reopen.From)
	}
	row("", "billed at %s, locked %v, final after %v; escalation: %s", r.BilledAt, r.Lock, r.FinalAfter, r.Escalation)
	if len(r.Evidence) > 0 {
		row("", "evidence: %s", strings.Join(r.Evidence, ", "))
	}
	if len(r.Delivered) > 0 {
		row("", "counts only once delivered to the client: %s; silence, dispute and guarantee begin then", strings.Join(r.Delivered, ", "))
	}
}

func describeMetric(row func(name, format string, args ...any), m *terms.Metric) {
	row("metric", "%s: delivered by %s, final after %v", m.Name, strings.Join(m.By, ", "), m.FinalAfter)
	var facts []string
	for _, f := range m.Facts {
		facts = append(facts, f.Name+" "+f.Type)
	}
	if len(facts) > 0 {
		row("", "beside its value: %s", strings.Join(facts, ", "))
	}
}

func describeMeasure(row func(name, format string, args ...any), m *terms.Measure) {
	what := m.Op + " of " + m.Of
	if m.Source != "result" {
		what = m.Op + " of " + m.Source + " " + m.Of
	}
	if m.Fact != "" {
		what += "." + m.Fact
	}
	if m.Where != nil {
		what += " where " + m.Where.Text
	}
	row("measure", "%s: %s, over the %s", m.Name, what, m.Over)
	if m.Missing != nil {
		switch m.Missing.Then {
		case "value":
			row("", "where it is missing: %s", m.Missing.Value)
		case "other":
			row("", "where it is missing: measure %s", m.Missing.Measure)
		case "last":
			row("", "where it is missing: the last value")
		default:
			row("", "where it is missing: %s", m.Missing.Then)
		}
	}
	if m.Credit != nil {
		describeCredit(row, m.Credit)
	}
}

func describeCredit(row func(name, format string, args ...any), c *terms.Credit) {
	row("", "credit to %s: %s, to %d decimals", strings.Join(c.To, ", "), c.Model, c.Decimals)
	if c.Of != "" {
		row("", "touches: claims of %s within %v before, by %s", c.Of, c.Within, c.By)
	}
	if len(c.Skip) > 0 {
		row("", "passed over while there is another: %s", strings.Join(c.Skip, ", "))
	}
	switch c.Model {
	case "position":
		row("", "first touch %s percent, last %s percent, the rest between them", c.First, c.Last)
	case "decay":
		row("", "half-life %v", c.HalfLife)
	}
	unit := ""
	if c.Model == "fixed" {
		unit = " percent"
	}
	for _, s := range c.Shares {
		row("", "%s: %s%s", s.Of, s.Value, unit)
	}
}

func describeLine(row func(name, format string, args ...any), l *terms.Line, currency string) {
	if l.Flat != "" {
		row("line", "%s: %s %s flat", l.Name, l.Flat, currency)
	} else {
		row("line", "%s: %s of %s", l.Name, l.Mode, l.Of)
	}
	if l.DueAt != 0 {
		row("", "due once, in the period of %v", l.DueAt)
	}
	if c := l.Convert; c != nil {
		how := "divided by " + string(c.Divide)
		if c.Multiply != "" {
			how = "multiplied by " + string(c.Multiply)
		}
		row("", "the quantity is %s and rounded %s to %d decimals", how, words(c.Round), c.Decimals)
	}
	describeTiers(row, l, currency)
	if l.Zero != "" {
		row("", "the flat price at quantity 0 is %s", words(l.Zero))
	}
	if l.BelowZero != "" {
		row("", "a quantity below 0 is priced as: %s", l.BelowZero)
	}
	if e := l.Each; e != nil {
		if e.AtLeast != "" {
			row("", "each result at least %s %s", e.AtLeast, currency)
		}
		if e.AtMost != "" {
			row("", "each result at most %s %s", e.AtMost, currency)
		}
		if f := e.Free; f != nil {
			var free []string
			if f.Events > 0 {
				free = append(free, fmt.Sprintf("%d results", f.Events))
			}
			if f.Amount != "" {
				free = append(free, fmt.Sprintf("a quantity of %s", f.Amount))
			}
			ends := ""
			if f.Ends != "" {
				ends = ", " + f.Ends
			}
			row("", "free in each period: %s%s", strings.Join(free, " and "), ends)
		}
	}
	for _, adj := range l.Adjust {
		row("", "%s", adjustment(adj, currency))
	}
}

func describeTiers(row func(name, format string, args ...any), l *terms.Line, currency string) {
	for _, tier := range l.Tiers {
		span := "above that"
		switch {
		case len(l.Tiers) == 1:
			span = "all"
		case tier.UpTo != "":
			span = "up to " + string(tier.UpTo)
		}
		var price []string
		switch {
		case tier.Unit != "":
			price = append(price, fmt.Sprintf("%s %s each", tier.Unit, currency))
		case tier.Rate != "":
			price = append(price, fmt.Sprintf("%s of the amount", tier.Rate))
		case tier.Package != nil:
			price = append(price, fmt.Sprintf("%s %s per %s, rounded %s", tier.Package.Price, currency, tier.Package.Size, tier.Package.Round))
		}
		if tier.Flat != "" {
			price = append(price, fmt.Sprintf("%s %s flat", tier.Flat, currency))
		}
		row("", "%s: %s", span, strings.Join(price, " and "))
	}
}

// adjustment says one element of adjust.
func adjustment(a terms.Adjustment, currency string) string {
	switch a.Op {
	case "include":
		unused := "what is unused is lost"
		if a.Unused == "rolls" {
			unused = "what is unused rolls over"
			if a.RollsTo != "" {
				unused += ", to " + string(a.RollsTo)
			}
		}
		return fmt.Sprintf("%s included, %s", a.Amount, unused)
	case "times":
		return fmt.Sprintf("times %s, undefined: %s", a.By, a.Undefined)
	case "factor":
		var steps []string
		for _, s := range a.Steps {
			steps = append(steps, fmt.Sprintf("%s from %s", s.Times, s.From))
		}
		return fmt.Sprintf("factor by %s: %s, below that %s, undefined: %s", a.By, strings.Join(steps, ", "), a.Below, a.Undefined)
	case "percent_off":
		return fmt.Sprintf("%s percent off", a.Amount)
	case "prorate":
		return "the share of the period that the term covers"
	}
	partial := ""
	if a.Partial != "" {
		partial = ", in a period that the term cuts: " + a.Partial
	}
	return fmt.Sprintf("%s %s %s%s", words(a.Op), a.Amount, currency, partial)
}

func describePrepaid(row func(name, format string, args ...any), p terms.Prepaid, currency string) {
	every := "once"
	if p.Every == "period" {
		every = "each period, unused: " + p.Unused
		if p.AtMost != "" {
			every += fmt.Sprintf(" to %s %s", p.AtMost, currency)
		}
	}
	row("prepaid", "%s: %s %s %s, from %v to %v", p.Name, p.Amount, currency, every, p.From, p.Until)
}

func words(name string) string { return strings.ReplaceAll(name, "_", " ") }
