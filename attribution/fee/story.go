package fee

import (
	"fmt"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// ExplainLine says in plain words how one line of a statement comes about: by
// the versions of the terms, and by what the settlement computed, which is in
// what stands behind its lines.
func ExplainLine(st *record.Statement, name string, versions []terms.Version, behind []Backing) ([]string, error) {
	var out []string
	say := func(indent string, steps []Step) {
		for _, s := range steps {
			out = append(out, indent+s.String())
		}
	}
	find := func(version int64, period string) []Step {
		for i := range behind {
			if b := &behind[i]; b.Line == name && b.Version == version && b.Period == period {
				return b.Steps
			}
		}
		return nil
	}
	for i := range st.Lines {
		l := &st.Lines[i]
		if l.Name != name {
			continue
		}
		out = append(out, fmt.Sprintf("line %s of version %d in %s comes to %s %s", l.Name, l.Version, st.Period, l.Amount, st.Currency))
		if l.Records > 0 {
			out = append(out, fmt.Sprintf("behind it in this statement: %s, record %d to record %d", many(l.Records, LineNoun(versions, l)), l.First, l.Last))
		}
		say("", find(l.Version, ""))
	}
	for _, c := range st.Corrections {
		if c.Line == name {
			out = append(out, correctionWords(&c, st.Currency))
			say("  ", find(c.Version, c.Period))
		}
	}
	if out == nil {
		return nil, fmt.Errorf("statement %s has no line %s: it has %s", st.Period, name, lineNames(st))
	}
	return out, nil
}

func lineNames(st *record.Statement) string {
	var names []string
	for _, l := range st.Lines {
		if !contains(names, l.Name) {
			names = append(names, l.Name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// sourceWords says what a name of the terms stands for.
func sourceWords(t *terms.Terms, name string) string {
	if m := t.Measure(name); m != nil {
		return fmt.Sprintf("measure %s, %s", name, measureWords(m))
	}
	if f := t.Formula(name); f != nil {
		return fmt.Sprintf("formula %s = %s", name, f.Is)
	}
	return name
}

func measureWords(m *terms.Measure) string {
	what := map[string]string{"result": "the results", "metric": "the measurements", "action": "the actions"}[m.Source]
	text := ""
	switch {
	case m.Source == "finding":
		text = fmt.Sprintf("how many results %s a finding voided", m.Of)
	case m.Op == "count":
		text = fmt.Sprintf("the number of %s %s", what, m.Of)
	case m.Op == "sum":
		text = fmt.Sprintf("the sum of %s over %s %s", m.Fact, what, m.Of)
	case m.Op == "distinct":
		text = fmt.Sprintf("how many different %s %s %s have", m.Fact, what, m.Of)
	default:
		text = fmt.Sprintf("the %s %s of %s %s", m.Op, m.Fact, what, m.Of)
	}
	if m.Where != nil {
		text += fmt.Sprintf(" where %s", m.Where)
	}
	if m.Credit != nil {
		text += fmt.Sprintf(", shared by %s: the part of %s", m.Credit.Model, strings.Join(m.Credit.To, " and "))
	}
	return text + ","
}

func tierWords(l *terms.Line, i int) string {
	if i < 0 || i >= len(l.Tiers) {
		return fmt.Sprintf("tier %d", i+1)
	}
	u := l.Tiers[i]
	var price []string
	switch {
	case u.Unit != "":
		price = append(price, string(u.Unit)+" each")
	case u.Rate != "":
		price = append(price, "a rate of "+string(u.Rate))
	case u.Package != nil:
		word := map[string]string{"up": "begun", "down": "full"}[u.Package.Round]
		price = append(price, fmt.Sprintf("%s for each %s lot of %s", u.Package.Price, word, u.Package.Size))
	}
	if u.Flat != "" {
		price = append(price, string(u.Flat)+" flat")
	}
	span := ""
	if len(l.Tiers) > 1 {
		if u.UpTo != "" {
			span = fmt.Sprintf("tier %d, up to %s, ", i+1, u.UpTo)
		} else {
			span = fmt.Sprintf("tier %d, above %s, ", i+1, l.Tiers[i-1].UpTo)
		}
	}
	return span + "at " + strings.Join(price, " and ")
}

func roundingWords(t *terms.Terms) string {
	place := map[string]string{"event": "each result and the line", "tier": "each tier and the line", "line": "the line", "statement": "the sum of the lines, of which each shows its part"}[t.Rounding.At]
	return fmt.Sprintf("rounded %s to %s at %s", modeWords(t.Rounding.Mode), decimalsWords(t.Scale), place)
}

func correctionWords(c *record.Correction, currency string) string {
	quantity := func(d record.Decimal) string {
		if d == "" {
			return "no quantity"
		}
		return string(d)
	}
	return fmt.Sprintf("correction of line %s in %s: from %s to %s, %s %s", c.Line, c.Period, quantity(c.QuantityBefore), quantity(c.Quantity), c.Amount, currency)
}

// ExplainTotal says in plain words how the total of a statement comes about,
// by the terms in force in the standing, and by what the settlement computed of
// its corrections.
func ExplainTotal(standing *terms.Standing, st *record.Statement, behind []Backing) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	steps := func(indent string, list []Step) {
		for _, s := range list {
			out = append(out, indent+s.String())
		}
	}
	a := NewAccount(standing, st)
	say("statement %s covers %v to %v, and sees what happened up to %v", st.Period, st.From, st.Until, st.Closing)
	if !st.Agreed {
		say("it is not agreed: the client has not signed the terms")
	}
	for i, l := range st.Lines {
		say("line %s of version %d: %s", l.Name, l.Version, l.Amount)
		if held := a.Lines[i].Held; held != "" {
			say("  %s", held)
		}
	}
	corrections := func() {
		for _, c := range st.Corrections {
			say("%s", correctionWords(&c, st.Currency))
			for i := range behind {
				if b := &behind[i]; b.Line == c.Line && b.Version == c.Version && b.Period == c.Period {
					steps("  ", b.Steps)
				}
			}
		}
	}
	if a.CorrectionsFirst {
		corrections()
	}
	steps("", a.Sum)
	for _, r := range st.Reads {
		if r.Value == "" {
			say("%s has no value", r.Name)
		} else {
			say("%s is %s", r.Name, r.Value)
		}
	}
	steps("", a.Adjust)
	say("subtotal: %s", st.Subtotal)
	if !a.CorrectionsFirst {
		corrections()
	}
	if !st.CarriedIn.Zero() {
		say("carried in from the statement before: %s", st.CarriedIn)
	}
	if a.Total.How != "" && a.Total.How != string(st.Total) {
		say("subtotal, corrections and what is carried in: %s", a.Total.How)
	}
	say("total: %s %s", st.Total, st.Currency)
	if !st.CarriedOut.Zero() {
		say("more was given back than earned: %s is carried into the next statement", st.CarriedOut)
	}
	for _, p := range st.Prepaid {
		say("from prepaid %s: %s of %s, which leaves %s", p.Name, p.Used, p.Before, p.After)
	}
	if st.Due != "" {
		say("still to be paid: %s %s", st.Due, st.Currency)
	}
	for _, g := range st.Grades {
		words := g.Words() + " word"
		if whose, rest, alone := strings.Cut(g.Words(), " alone"); alone {
			words = whose + " word alone" + rest
		}
		say("%s of the subtotal rests on %s", g.Amount, words)
	}
	return out
}
