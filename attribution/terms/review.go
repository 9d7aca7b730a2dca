package terms

import (
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// review adds the warnings: what is no mistake, but what whoever signs should
// know.
func (d *document) review(t *Terms) {
	for i := range t.Results {
		d.reviewResult(t, &t.Results[i])
		d.reviewSilence(t, &t.Results[i])
		d.reviewEffect(t, &t.Results[i])
	}
	d.reviewMetrics(t)
	d.reviewUse(t)
	for i := range t.Lines {
		d.reviewLine(t, &t.Lines[i], element("lines", i))
	}
	d.reviewAdjust(t, "adjust", t.Adjust)
	d.reviewStatement(t)
	d.reviewPrepaid(t)
	if t.Responsibility != nil && t.RecordDelay == Unlimited {
		d.warn("record_delay", "unlimited: a demand for evidence has no least time then, and can name a deadline that nobody keeps")
	}
}

// reviewUse warns of numbers that no amount rests on.
func (d *document) reviewUse(t *Terms) {
	used := map[string]bool{}
	var use func(name string)
	use = func(name string) {
		if used[name] {
			return
		}
		used[name] = true
		if m := t.Measure(name); m != nil && m.Missing != nil && m.Missing.Measure != "" {
			use(m.Missing.Measure)
		}
		if f := t.Formula(name); f != nil {
			for _, inner := range f.Is.Names() {
				use(inner)
			}
		}
	}
	adjusted := t.Adjust
	for _, l := range t.Lines {
		use(l.Of)
		adjusted = append(adjusted[:len(adjusted):len(adjusted)], l.Adjust...)
	}
	for _, a := range adjusted {
		use(a.By)
	}
	for i := range t.Metrics {
		if name := t.Metrics[i].Name; !slices.ContainsFunc(t.Measures, func(m Measure) bool { return m.Source == "metric" && m.Of == name }) {
			d.warn("metrics."+name, "no measure reads it")
		}
	}
	for _, m := range t.Measures {
		if !used[m.Name] {
			d.warn("measures."+m.Name, "no line is priced by it")
		}
	}
	for _, c := range t.Constants {
		if !used[c.Name] {
			d.warn("constants."+c.Name, "no line is priced by it")
		}
	}
	for _, f := range t.Formulas {
		if !used[f.Name] {
			d.warn("formulas."+f.Name, "no line is priced by it")
		}
	}
}

func (d *document) reviewResult(t *Terms, r *Result) {
	path := "results." + r.Name
	if !slices.ContainsFunc(t.Measures, func(m Measure) bool {
		return m.Source == "result" && m.Of == r.Name || m.Credit != nil && m.Credit.Of == r.Name
	}) {
		d.warn(path, "no measure reads it")
	}
	payee := t.Operator()
	alone := payee != nil && len(r.Claim) == 1 && r.Claim[0] == payee.ID
	// Where the client accepts each claim, it has judged what the vendor wrote.
	if alone && r.Accept.On != "client" {
		if r.OncePer != "subject" && r.OncePer != "" {
			d.warn(path+".once_per", "the vendor, who is paid, alone chooses the %s of a claim, and so how many there are", strings.TrimPrefix(r.OncePer, oncePerFact))
		}
		if r.Where != nil {
			if names := r.Where.Names(); len(names) > 0 {
				d.warn(path+".where", "the vendor, who is paid, alone writes the facts it reads: %s", strings.Join(names, ", "))
			}
		}
	}
	if r.Where != nil && len(r.Where.Names()) == 0 && !r.Where.reads(occurred) {
		d.warn(path+".where", "reads no fact: it is the same for every claim")
	}
	if r.Accept.On == "claim" && r.Dispute == nil && alone {
		d.warn(path+".accept", "a claim of the vendor counts at once and cannot be disputed")
	}
	if len(r.Claim) > 1 {
		d.warn(path+".claim", "the first claim of each %s holds it, also one that is not billed: each of %s can shut out the others", strings.TrimPrefix(r.OncePer, oncePerFact), strings.Join(r.Claim, ", "))
	}
	if r.Escalation == "void" && r.Accept.On == "silence" {
		d.warn(path+".escalation", "the client may write a handoff as well, and so until acceptance keep each claim from the fee without a dispute")
	}
	d.reviewDelay(t, r)
	if r.Dispute != nil && t.Settle.CloseAfter < r.Dispute.Within {
		d.warn("settle.close_after", "%s is shorter than the %s in which %s can be disputed: a late dispute is settled as a correction", t.Settle.CloseAfter, r.Dispute.Within, r.Name)
	}
	if t.RecordDelay != Unlimited && t.RecordDelay > 0 && r.FinalAfter > 0 {
		if need := r.horizon() + t.RecordDelay; r.FinalAfter >= r.horizon() && r.FinalAfter < need {
			d.warn(path+".final_after", "%s is shorter than %s, the last window and record_delay together: what is recorded at the end of both comes too late", r.FinalAfter, need)
		}
	}
}

// reviewDelay warns where a claim can be recorded when what runs from it would
// be over. It then runs from the recording, and so ends later than who reads
// the length in the terms may think.
func (d *document) reviewDelay(t *Terms, r *Result) {
	var over []string
	add := func(name string, length Duration) {
		if t.RecordDelay == Unlimited || t.Backfill == "accept" || length <= t.RecordDelay {
			over = append(over, name+" of "+length.String())
		}
	}
	if r.Accept.On == "silence" && r.Accept.From == "claim" {
		add("the silence", r.Accept.After)
	}
	if r.Dispute != nil {
		add("the dispute window", r.Dispute.Within)
	}
	if r.Reopen != nil {
		add("the guarantee", r.Reopen.Within)
	}
	if len(over) == 0 {
		return
	}
	field := "record_delay"
	if t.Backfill == "accept" && t.RecordDelay != Unlimited {
		field = "backfill"
	}
	d.warn(field, "a claim of %s can be recorded when %s after it would be over: the recording begins them", r.Name, list(over))
}

// reviewLine warns of what a line reads.
func (d *document) reviewLine(t *Terms, l *Line, path string) {
	d.reviewAdjust(t, path+".adjust", l.Adjust)
	if l.Of != "" && len(t.Reads(l.Of)) == 0 {
		d.warn(path+".of", "formula %s reads no measure: it is the same in every period", l.Of)
	}
	d.reviewFree(t, l, path)
	if l.DueAt == 0 {
		return
	}
	due, ok := t.PeriodAt(l.DueAt)
	if !ok {
		return
	}
	for _, name := range t.Reads(l.Of) {
		m := t.Measure(name)
		if m.Over != "term" {
			continue
		}
		until, bounded := record.Time(0), false
		if m.Where != nil {
			until, bounded = m.Where.occurredBefore()
		}
		switch {
		case !bounded:
			d.warn(path+".due_at", "measure %s goes on after it: each statement has what is new since, unless its where says occurred < a time", name)
		case until > due.Until:
			d.warn(path+".due_at", "is in the period until %s, and measure %s counts what occurred until %s: the rest is on later statements", due.Until, name, until)
		}
	}
}

// occurredBefore is the earliest time before which the instant of a record has
// to be for the condition to be true, as far as it says so in so many words.
func (e *Expr) occurredBefore() (until record.Time, ok bool) {
	var walk func(n *node)
	walk = func(n *node) {
		switch n.op {
		case opAnd:
			walk(n.args[0])
			walk(n.args[1])
			return
		case opLess, opAtMost, opMore, opAtLeast:
		default:
			return
		}
		name, bound := n.args[0], n.args[1]
		if n.op == opMore || n.op == opAtLeast {
			name, bound = bound, name
		}
		if name.op != opName || name.name != occurred || bound.op != opLiteral {
			return
		}
		if at := record.Time(bound.instant); !ok || at < until {
			until, ok = at, true
		}
	}
	walk(e.root)
	return until, ok
}

// reviewAdjust warns of a bound that undoes one before it, and of a share of a
// period where each is whole.
func (d *document) reviewAdjust(t *Terms, path string, list []Adjustment) {
	for i, a := range list {
		if a.Op == "prorate" && !t.CutsPeriod() {
			d.warn(element(path, i), "has no effect: the term cuts no period, unless a later version ends within one")
		}
		for _, b := range list[:i] {
			bounds := (a.Op == "at_most" || a.Op == "at_least") && (b.Op == "at_most" || b.Op == "at_least")
			if !bounds || a.Op == b.Op {
				continue
			}
			c := compareDecimals(a.Amount, b.Amount)
			if a.Op == "at_most" && c < 0 || a.Op == "at_least" && c > 0 {
				d.warn(element(path, i), "%s %s undoes %s %s before it", a.Op, a.Amount, b.Op, b.Amount)
			}
		}
	}
}

// reviewStatement warns of amounts that the adjustments of the statement do not
// reach, and of those that are lost.
func (d *document) reviewStatement(t *Terms) {
	var fixed []string // that need no value
	for _, a := range t.Adjust {
		if a.By == "" {
			fixed = append(fixed, a.Op+" "+string(a.Amount))
		}
	}
	for i, a := range t.Adjust {
		if a.Undefined == "hold" && len(fixed) > 0 {
			d.warn(element("adjust", i), "while %s has no value, no adjustment of the statement is made: neither is %s", a.By, list(fixed))
		}
		if t.Settle.Corrections == "after_minimum" && a.Op != "at_least" {
			d.warn(element("adjust", i), "corrections of earlier periods come after it: %s does not reach what is billed or given back by one", a.Op)
		}
	}
	if t.Settle.Negative == "forfeit" {
		d.warn("settle.negative", "what %s gets back is lost to it where it is more than a statement charges", t.Client().ID)
	}
}

// reviewPrepaid warns of money from which no statement is drawn.
func (d *document) reviewPrepaid(t *Terms) {
	for i, p := range t.Settle.Prepaid {
		begun := false
		// A period begins in the span where one does that holds an instant of it.
		if period, ok := t.PeriodAt(max(p.From, t.From)); ok && max(p.From, t.From) < p.Until {
			if period.From < max(p.From, t.From) {
				period, ok = t.After(period)
			}
			begun = ok && period.From < p.Until
		}
		if !begun {
			d.warn(element("settle.prepaid", i), "no period of the term begins from %s to %s: no statement is drawn from it", p.From, p.Until)
		}
	}
}
