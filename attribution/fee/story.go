package fee

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// ExplainLine says in plain words how one line of a statement comes about, by
// the versions of the terms; the statement has what was computed from them.
func ExplainLine(st *record.Statement, name string, versions []terms.Version) ([]string, error) {
	var out []string
	for i := range st.Lines {
		l := &st.Lines[i]
		if l.Name != name {
			continue
		}
		at := slices.IndexFunc(versions, func(v terms.Version) bool { return v.Number == l.Version })
		if at < 0 {
			return nil, fmt.Errorf("statement %s: version %d of the terms is not there", st.Period, l.Version)
		}
		out = append(out, explainLine(st, l, versions[at].Terms, LineNoun(versions, l))...)
	}
	for _, c := range st.Corrections {
		if c.Line == name {
			out = append(out, correctionWords(&c, st.Currency))
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

func explainLine(st *record.Statement, l *record.Line, t *terms.Terms, noun string) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	var line *terms.Line
	for i := range t.Lines {
		if t.Lines[i].Name == l.Name {
			line = &t.Lines[i]
		}
	}
	if line == nil {
		say("version %d of the terms has no line %s", l.Version, l.Name)
		return out
	}
	say("line %s of version %d in %s comes to %s %s", l.Name, l.Version, st.Period, l.Amount, st.Currency)
	over := ""
	switch {
	case line.Of == "":
		say("it is a flat amount of %s", line.Flat)
	case l.Quantity == "":
		say("%s has no value", sourceWords(t, line.Of))
	case l.Before != "":
		over = ", over the term so far"
		say("%s is %s%s; at the statement before it was %s", sourceWords(t, line.Of), l.Quantity, over, l.Before)
	default:
		say("%s is %s", sourceWords(t, line.Of), l.Quantity)
	}
	if l.Records > 0 {
		say("behind it in this statement: %s, record %d to record %d", many(l.Records, noun), l.First, l.Last)
	}
	steps := l.Adjust
	for len(steps) > 0 && (steps[0].Op == "convert" || steps[0].Op == "include") {
		switch a := steps[0]; a.Op {
		case "convert":
			say("converted: %s becomes %s", a.Before, a.After)
		default:
			say("what is included is taken off: %s becomes %s", a.Before, a.After)
		}
		steps = steps[1:]
	}
	for _, u := range l.Tiers {
		say("%s: %s comes to %s", tierWords(line, int(u.Tier)), u.Quantity, u.Amount)
	}
	for _, r := range l.Reads {
		if r.Value == "" {
			say("%s has no value", sourceWords(t, r.Name))
		} else {
			say("%s is %s", sourceWords(t, r.Name), r.Value)
		}
	}
	for _, a := range steps {
		say("%s: %s becomes %s", adjustmentWords(a.Op), a.Before, a.After)
	}
	switch {
	case l.Held:
		say("a value is missing, so the line is held: nothing is billed on it until the value is there")
	case l.Before != "":
		say("less what it had come to before, %s is %s", roundingWords(t), l.Amount)
	default:
		say("%s, that is %s", roundingWords(t), l.Amount)
	}
	return out
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

func adjustmentWords(op string) string {
	switch op {
	case "at_least":
		return "at least the agreed minimum"
	case "at_most":
		return "at most the agreed maximum"
	case "percent_off":
		return "the agreed percentage off"
	case "times":
		return "multiplied by that"
	case "factor":
		return "multiplied by the factor of its step"
	case "prorate":
		return "the share of the period that the term covers"
	}
	return op
}

func roundingWords(t *terms.Terms) string {
	place := map[string]string{"event": "each result and the line", "tier": "each tier and the line", "line": "the line", "statement": "the sum of the statement"}[t.Rounding.At]
	mode := map[string]string{"half_up": "half up", "half_even": "half even", "down": "down", "up": "up"}[t.Rounding.Mode]
	return fmt.Sprintf("rounded %s to %d decimals at %s", mode, t.Scale, place)
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

// ExplainTotal says in plain words how the total of a statement comes about.
func ExplainTotal(st *record.Statement) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	say("statement %s covers %v to %v, and sees what happened up to %v", st.Period, st.From, st.Until, st.Closing)
	if !st.Agreed {
		say("it is not agreed: the client has not signed the terms")
	}
	for _, l := range st.Lines {
		held := ""
		if l.Held {
			held = ", held: a value is missing"
		}
		say("line %s of version %d: %s%s", l.Name, l.Version, l.Amount, held)
	}
	for _, r := range st.Reads {
		say("%s is %s", r.Name, r.Value)
	}
	for _, a := range st.Adjust {
		say("%s: %s becomes %s", adjustmentWords(a.Op), a.Before, a.After)
	}
	say("subtotal: %s", st.Subtotal)
	for _, c := range st.Corrections {
		say("%s", correctionWords(&c, st.Currency))
	}
	if !st.CarriedIn.Zero() {
		say("carried in from the statement before: %s", st.CarriedIn)
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
		say("%s of the subtotal rests on %s word", g.Amount, g.Words())
	}
	return out
}
