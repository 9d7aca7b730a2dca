package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// writeCase writes what a case bundle tells: in short, the timeline, the
// graph, and the answer of each effect.
func (p *Page) writeCase(h *page) {
	entries := p.entries()
	if t := p.Tracing; t != nil {
		h.add("<section>\n<h2>In short</h2>\n")
		switch {
		case !p.Case.Found:
			h.add("<p>The ledger has no such case. That nothing of this name was recorded is what the file shows.</p>\n")
		case len(t.Answers)+len(t.Without) == 0:
			h.add("<p>Nothing was done in this case that changed something outside, so there is nothing to answer for.</p>\n")
		default:
			h.add("<ul>\n")
			for _, a := range t.Answers {
				h.add("<li>%s: %s To those outside answers <b>%s</b>.</li>\n", upper(p.effectWords(a.Effect)), shareWords(a), a.Outward)
			}
			for _, x := range t.Without {
				h.add("<li>%s: the agreement has no rules about this, so nothing follows from the records.</li>\n", upper(p.effectWords(x.Effect)))
			}
			h.add("</ul>\n")
		}
		h.add("</section>\n")
	} else {
		h.add("<section>\n<h2>In short</h2>\n<p>%s. Who answers for what was done is told from the bundle of a case, which this is not.</p>\n</section>\n", upper(p.Report.Case.words()))
	}
	if len(entries) > 0 {
		h.add("<section>\n<h2>What was recorded, in order</h2>\n")
		writeEntries(h, entries)
		h.add("<p class=\"small\">No. is the place in the ledger, where records of other matters stand between these. When is the time that the author gives; where the ledger took the record in at another time, that is said.</p>\n</section>\n")
	}
	if t := p.Tracing; t != nil && len(t.Rests) > 0 {
		h.add("<section>\n<h2>What it rests on</h2>\n<p>Records that belong to no single case: who was allowed what, what the agents ran on, what is known to all.</p>\n")
		writeEntries(h, t.Rests)
		h.add("</section>\n")
	}
	if p.Tracing == nil {
		return
	}
	if graph := p.graph(); graph != nil {
		graph.write(h)
	}
	told := map[int64]bool{} // records that have a row
	for _, e := range slices.Concat(entries, p.Tracing.Rests) {
		told[e.N] = true
	}
	for _, a := range p.Tracing.Answers {
		p.writeAnswer(h, a, told)
	}
	p.writeOpen(h)
}

// entries are those of the timeline.
func (p *Page) entries() []Entry {
	if p.Tracing != nil {
		return p.Tracing.Timeline
	}
	var all []Entry
	list, _ := p.Case.Chain(p.Case.Of)
	for _, r := range list {
		all = append(all, p.tell.entry(r))
	}
	return all
}

func upper(s string) string {
	if s != "" && s[0] >= 'a' && s[0] <= 'z' {
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return s
}

// find is the record of an index that the bundle carries, nil if none.
func (p *Page) find(n int64) *record.Record {
	i, ok := slices.BinarySearchFunc(p.Case.Records, n, func(r *record.Record, n int64) int { return int(r.Log.N - n) })
	if !ok {
		return nil
	}
	return p.Case.Records[i]
}

// effectWords say what was done.
func (p *Page) effectWords(e responsibility.Ref) string {
	r := p.find(e.N)
	if r == nil {
		return e.ID
	}
	b, ok := r.Body.(*record.Action)
	if !ok {
		return e.ID
	}
	s := words(b.Action)
	if b.Amount != "" {
		s += fmt.Sprintf(" of %s %s", b.Amount, b.Currency)
	}
	if b.Resource != "" {
		s += " on " + b.Resource
	}
	return fmt.Sprintf("%s (%s), by %s at %s", s, e.ID, who(r), moment(r.At))
}

// who wrote or did it.
func who(r *record.Record) string {
	if r.Actor != "" {
		return r.Actor + " of " + r.By
	}
	return r.By
}

// shareWords are the shares in one sentence.
func shareWords(a *responsibility.Answer) string {
	open := int64(len(a.Open()))
	found := many(int64(len(a.Findings))-open, "finding")
	if open > 0 {
		found += fmt.Sprintf(", %d more left open", open)
	}
	switch {
	case len(a.Shares) > 0:
	case int64(len(a.Findings)) > open:
		return found + "; none has weight, so there are no shares."
	default:
		return found + "; no fault is on the record."
	}
	var parts []string
	for _, s := range a.Shares {
		parts = append(parts, s.Party+" "+percent(s.BP))
	}
	return found + "; by the agreed rules the shares are " + strings.Join(parts, ", ") + "."
}

// percent is basis points as a percentage.
func percent(bp int64) string { return fmt.Sprintf("%d.%02d %%", bp/100, bp%100) }

// writeEntries writes a table of records: of each a row, and below it what it
// says in full.
func writeEntries(h *page, entries []Entry) {
	h.add("<table class=\"grid told\">\n<thead><tr><th class=\"n\">No.</th><th>When (UTC)</th><th>What</th><th>Name</th><th>By</th><th>It says</th></tr></thead>\n")
	for _, e := range entries {
		h.add("<tbody><tr id=\"n%d\" class=\"head\"><td class=\"n\">%d</td><td class=\"nowrap\">%s</td><td class=\"word\">%s</td><td>%s</td><td class=\"by\">%s</td><td class=\"says\">%s", e.N, e.N, bare(e.At), words(string(e.Kind)), e.ID, by(e), e.Text)
		if e.Backfilled {
			h.add(" <b>Entered afterwards, as history.</b>")
		}
		if e.Logged != e.At {
			h.add(" <span class=\"small\">(recorded %s)</span>", moment(e.Logged))
		}
		h.add("</td></tr>\n<tr class=\"more\"><td></td><td colspan=\"5\">")
		if len(e.Details) > 0 {
			h.add("<dl>")
			for _, d := range e.Details {
				h.add("<dt>%s</dt><dd>%s</dd>", d.Name, d.Text)
			}
			h.add("</dl>")
		}
		h.add("</td></tr></tbody>\n")
	}
	h.add("</table>\n")
}

func by(e Entry) string {
	if e.Actor != "" {
		return e.Actor + " of " + e.By
	}
	return e.By
}

// writeAnswer writes the answer of one effect.
func (p *Page) writeAnswer(h *page, a *responsibility.Answer, told map[int64]bool) {
	h.add("<section>\n<h2>Who answers for %s</h2>\n<p>%s.</p>\n", a.Effect.ID, upper(p.effectWords(a.Effect)))
	if r := p.find(a.Effect.N); r != nil {
		if b, ok := r.Body.(*record.Action); ok && b.Reason != "" {
			h.add("<p>The reason that %s gives for doing it: %s. It takes no finding away.</p>\n", who(r), strings.TrimSuffix(b.Reason, "."))
		}
	}
	agreed := "which the client has signed"
	if !a.Agreed {
		agreed = "which the client has NOT signed: this answer is by the vendor's terms alone"
	}
	h.add("<p>The findings follow from the records up to size %d, by rule set %s of version %d of the agreement, %s.</p>\n", a.Size, a.RuleSet, a.Version, agreed)
	writeShares(h, a)
	h.add("<p>To those outside answers <b>%s</b>, alone; the shares are between the parties.</p>\n", a.Outward)
	for _, r := range p.Tracing.Relied {
		if r.Effect != a.Effect.ID {
			continue
		}
		word := "keeps the claim in the fee"
		if r.Disposition == "upheld" {
			word = "takes the claim out of the fee"
		}
		h.add("<p>Record <a href=\"#n%d\">%d</a> relies on it, as of the first %d records: %s %s, as the terms say.</p>\n", r.N, r.N, r.Size, strings.Join(r.Findings, ", "), word)
	}
	if a.Mitigated != "0" {
		h.add("<p>Of what was done, %s %s were taken back later. That changes no share by itself.</p>\n", a.Mitigated, a.Currency)
	}
	if len(a.Findings) == 0 {
		h.add("<p>No rule finds anything against anybody.</p>\n")
	}
	for i := range a.Findings {
		p.writeFinding(h, a, &a.Findings[i], told)
	}
	h.add("<p class=\"small\">For this %s made; all of them stand at the end of the page.</p>\n</section>\n", plural(int64(len(a.Tests)), "test was", "tests were"))
}

// writeAllTests writes the tests of all answers, those too that found nothing.
func (p *Page) writeAllTests(h *page) {
	if p.Tracing == nil || len(p.Tracing.Answers) == 0 {
		return
	}
	h.add("<section>\n<h2>Every test that was made</h2>\n<p>A test compares left with right. The answer yes speaks for a finding, no against one; unknown is that the records do not tell.</p>\n")
	for _, a := range p.Tracing.Answers {
		trips := 0
		all := make([]int, len(a.Tests))
		for i, t := range a.Tests {
			all[i] = i
			if t.Result == "yes" {
				trips++
			}
		}
		h.add("<h3>%s: %s, %d with the answer yes</h3>\n", a.Effect.ID, many(int64(len(a.Tests)), "test"), trips)
		writeTests(h, a, all, true)
	}
	h.add("</section>\n")
}

// writeShares writes the shares as one bar and a table.
func writeShares(h *page, a *responsibility.Answer) {
	if len(a.Shares) == 0 {
		h.add("<p><b>Shares: none, since no finding has weight.</b></p>\n")
		return
	}
	h.add("<table class=\"grid\">\n<thead><tr><th>Party</th><th class=\"n\">Share</th><th></th></tr></thead>\n<tbody>\n")
	for _, s := range a.Shares {
		h.add("<tr><td>%s</td><td class=\"n\"><b>%s</b></td><td><svg viewBox=\"0 0 500 16\" role=\"img\" aria-label=\"%s\"><rect x=\"0\" y=\"1\" width=\"500\" height=\"14\" fill=\"#eef0f2\" />"+
			"<rect x=\"0\" y=\"1\" width=\"%.1f\" height=\"14\" fill=\"#3a434b\" /></svg></td></tr>\n",
			s.Party, percent(s.BP), percent(s.BP), float64(s.BP)/20)
	}
	h.add("</tbody>\n</table>\n")
}

// writeFinding writes a finding with its records and its tests.
func (p *Page) writeFinding(h *page, a *responsibility.Answer, f *responsibility.Finding, told map[int64]bool) {
	class := "established"
	switch f.Status {
	case responsibility.Presumed, responsibility.Undeterminable:
		class = string(f.Status)
	}
	against := f.Party
	if f.Status != responsibility.Established {
		against = upper(string(f.Status)) + ", " + f.Party
	}
	h.add("<div class=\"finding %s\">\n<h4>%s: %s</h4>\n<p>%s", markup(class), against, ruleText(f.Rule), statusText(f.Status))
	switch {
	case f.Weight > 0:
		h.add(" Weight %d.", f.Weight)
	case f.Status != responsibility.Undeterminable && f.ButFor == "":
		h.add(" It has no weight in the shares.")
	}
	if f.ButFor != "" {
		h.add(" %s", butForText(f.ButFor))
	}
	h.add(" <span class=\"small\">Rule %s.</span></p>\n", string(f.Rule))
	h.add("<table class=\"grid small\">\n<thead><tr><th class=\"n\">No.</th><th>Record</th><th>By</th><th>When (UTC)</th><th>It says</th></tr></thead>\n<tbody>\n")
	for _, ref := range f.Evidence {
		h.add("<tr><td class=\"n\">")
		if told[ref.N] {
			h.add("<a href=\"#n%d\">%d</a>", ref.N, ref.N)
		} else {
			h.add("%d", ref.N)
		}
		r := p.find(ref.N)
		if r == nil {
			h.add("</td><td>%s</td><td></td><td></td><td></td></tr>\n", ref.ID)
			continue
		}
		h.add("</td><td>%s %s</td><td>%s</td><td class=\"nowrap\">%s</td><td>%s</td></tr>\n", words(string(r.Kind)), ref.ID, who(r), bare(r.At), p.tell.inShort(r))
	}
	h.add("</tbody>\n</table>\n")
	writeTests(h, a, f.Tests, false)
	h.add("</div>\n")
}

// writeTests writes tests with their operands and results.
func writeTests(h *page, a *responsibility.Answer, indexes []int, withRule bool) {
	if len(indexes) == 0 {
		return
	}
	h.add("<table class=\"grid small\">\n<thead><tr>")
	if withRule {
		h.add("<th>Rule</th>")
	}
	h.add("<th>Test of</th><th>Left</th><th>Comparison</th><th>Right</th><th>Result</th></tr></thead>\n<tbody>\n")
	for _, i := range indexes {
		if i < 0 || i >= len(a.Tests) {
			continue
		}
		t := a.Tests[i]
		h.add("<tr>")
		if withRule {
			h.add("<td>%s</td>", words(string(t.Rule)))
		}
		class := markup("word")
		if t.Result == "yes" {
			class = "word yes"
		}
		h.add("<td>%s</td><td>%s</td><td>%s</td><td>%s</td><td class=\"%s\">%s</td></tr>\n", t.Of, t.Left, t.Op, t.Right, class, t.Result)
	}
	h.add("</tbody>\n</table>\n")
}

// writeOpen writes what stays open in the whole case.
func (p *Page) writeOpen(h *page) {
	h.add("<section>\n<h2>What stays open</h2>\n")
	some := false
	item := func(format string, args ...any) {
		if !some {
			h.add("<ul>\n")
		}
		some = true
		h.add("<li>"+format+"</li>\n", args...)
	}
	for _, a := range p.Tracing.Answers {
		for _, f := range a.Open() {
			item("%s, %s: %s The records neither show nor exclude it.", a.Effect.ID, f.Party, ruleText(f.Rule))
		}
	}
	for _, x := range p.Tracing.Without {
		item("%s: %s", x.Effect.ID, x.Reason)
	}
	for _, x := range p.Tracing.Waiting {
		item("The %s.", x.Text)
	}
	if some {
		h.add("</ul>\n</section>\n")
		return
	}
	h.add("<p>Nothing: every rule that was asked gave an answer.</p>\n</section>\n")
}
