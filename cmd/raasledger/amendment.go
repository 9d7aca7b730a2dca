package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
)

func diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "say what an amendment changes, and with --over what each change costs",
		ArgsUsage: "OLD NEW",
		Description: `OLD and NEW are terms in YAML, or agreements in JSON.

With --over each change is priced: the records of PAST are settled under OLD,
under OLD with that one change alone, and under NEW. A change that is no terms
alone is taken with as few others as it needs. All are taken to be in force as
OLD is; --redate takes all of PAST. Nothing is recorded.

Examples:
    raasledger agreement diff agreement.json terms-2.yaml
    raasledger agreement diff agreement.json terms-2.yaml --over store`,
		Flags:  append(pastFlags(), jsonFlag()),
		Action: diffTerms,
	}
}

func diffTerms(c *cli.Context) error {
	args, err := command.Args(c, "OLD", "NEW")
	if err != nil {
		return err
	}
	if !c.IsSet("over") {
		for _, flag := range []string{"map", "ledger", "redate"} {
			if c.IsSet(flag) {
				return command.Usage("", "--%s goes with --over", flag)
			}
		}
	}
	texts, err := readTexts(c, args)
	if err != nil {
		return err
	}
	x := &amendment{old: texts[0], new: texts[1], changes: terms.Changes(texts[0].terms, texts[1].terms)}
	if c.IsSet("over") {
		if err := x.price(c); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return x.writeJSON(c)
	}
	return x.write(c)
}

// An amendment is what NEW changes in OLD, and what that comes to.
type amendment struct {
	old, new *text
	changes  []terms.Change

	past   *past // nil without --over
	span   terms.Period
	priced []pricedChange
	groups []*changeGroup
	runs   []*simulation // old, new, and whatever of priced and groups are terms
}

// A pricedChange is a change with what it comes to alone: run, or why it is no
// terms.
type pricedChange struct {
	change terms.Change
	words  string
	run    *simulation
	reason string
}

// A changeGroup are changes that are no terms without each other, or without
// those beside them that are.
type changeGroup struct {
	changes, with []int // indexes of priced
	run           *simulation
}

// maxPriced bounds the terms that are settled side by side.
const maxPriced = 128

// price settles the past under the old terms, under each change, and under the
// new.
func (x *amendment) price(c *cli.Context) error {
	if a, b := x.old.terms.Currency, x.new.terms.Currency; a != b {
		return command.Refused("", fmt.Errorf("%s is in %s and %s in %s: there is no difference between them", x.old.file, a, x.new.file, b))
	}
	p, err := openPast(c, []*terms.Terms{x.old.terms, x.new.terms})
	if err != nil {
		return err
	}
	defer p.close()
	x.past = p
	old := x.old.terms
	if c.Bool("redate") {
		if old, err = x.old.redate(p); err != nil {
			return err
		}
	}
	x.span = terms.Period{From: old.From, Until: old.Until}
	next, err := x.new.within(old)
	if err != nil {
		return err
	}
	changes := terms.Changes(old, next)
	if len(changes) > maxPriced {
		return command.Refused("", fmt.Errorf("%d changes are too many to price, at most %d", len(changes), maxPriced))
	}
	for _, change := range changes {
		x.priced = append(x.priced, pricedChange{change: change, words: change.Words(old, next)})
	}
	// merged are the old terms with the changes, and why they are none.
	merged := func(taken []int) (*terms.Terms, string) {
		t, mistakes := terms.Parse(terms.Merge(old, next, func(d terms.Change) bool {
			return slices.ContainsFunc(taken, func(i int) bool { return changes[i] == d })
		}))
		switch {
		case t == nil:
			return nil, firstOf(mistakes).Error()
		case c.IsSet("map") && !fits(c, old, t):
			return nil, "the mapping makes other records of it"
		}
		return t, ""
	}
	names, list := []string{"old", "new"}, []*terms.Terms{old, next}
	var runs []**simulation // where each of list behind these goes
	add := func(name string, t *terms.Terms, to **simulation) {
		names, list, runs = append(names, name), append(list, t), append(runs, to)
	}
	for i := range x.priced {
		k := &x.priced[i]
		var t *terms.Terms
		if t, k.reason = merged([]int{i}); t != nil {
			add(k.words, t, &k.run)
		}
	}
	for i := range x.priced {
		if k := &x.priced[i]; k.reason != "" && !x.grouped(i) {
			g, t := x.group(i, merged)
			x.groups = append(x.groups, g)
			add(k.words, t, &g.run)
		}
	}
	show, wipe := command.Progress(c, "records")
	x.runs, err = simulate(p, names, list, show)
	wipe()
	if err != nil {
		return err
	}
	for i, to := range runs {
		*to = x.runs[2+i]
	}
	return p.close()
}

// grouped reports whether change i is priced in a group.
func (x *amendment) grouped(i int) bool {
	return slices.ContainsFunc(x.groups, func(g *changeGroup) bool { return slices.Contains(g.changes, i) })
}

// group finds a smallest set of changes that are terms and have change i in it:
// all of them are, so one after the other is left out as long as the rest are.
func (x *amendment) group(i int, merged func([]int) (*terms.Terms, string)) (*changeGroup, *terms.Terms) {
	taken := make([]int, len(x.priced))
	for j := range taken {
		taken[j] = j
	}
	all, _ := merged(taken)
	for j := range x.priced {
		if j == i {
			continue
		}
		less := slices.DeleteFunc(slices.Clone(taken), func(k int) bool { return k == j })
		if t, _ := merged(less); t != nil {
			taken, all = less, t
		}
	}
	g := &changeGroup{}
	for _, j := range taken {
		if x.priced[j].reason != "" {
			g.changes = append(g.changes, j)
		} else {
			g.with = append(g.with, j)
		}
	}
	return g, all
}

// fits reports whether a mapping makes the same records under both terms.
func fits(c *cli.Context, old, t *terms.Terms) bool {
	file := c.String("map")
	text, err := command.ReadFile(c, file, maxYAMLBytes)
	if err != nil {
		return false
	}
	_, err = readMapping(file, text, []*terms.Terms{old, t})
	return err == nil
}

// total is what a simulation comes to, over all its periods.
func (x *simulation) total() (sum exact.Rat) {
	for _, s := range x.statements {
		sum = sum.Add(number(s.Total).value)
	}
	return sum
}

// fixed writes an amount.
func (x *amendment) fixed(v exact.Rat) string {
	text, ok := v.Fixed(x.scale())
	if !ok {
		return v.String()
	}
	return text
}

func (x *amendment) scale() int { return max(x.old.terms.Scale, x.new.terms.Scale) }

// effect is what a change comes to by itself.
func (x *amendment) effect(i int) exact.Rat {
	return x.priced[i].run.total().Sub(x.runs[0].total())
}

// groupEffect is what a group comes to beyond those in it that are terms alone.
func (x *amendment) groupEffect(g *changeGroup) exact.Rat {
	sum := g.run.total().Sub(x.runs[0].total())
	for _, i := range g.with {
		sum = sum.Sub(x.effect(i))
	}
	return sum
}

// effects are what the changes come to, each by itself or in its group, added
// up, and what all have together beyond that.
func (x *amendment) effects() (sum, joint exact.Rat) {
	for i, k := range x.priced {
		if k.run != nil {
			sum = sum.Add(x.effect(i))
		}
	}
	for _, g := range x.groups {
		sum = sum.Add(x.groupEffect(g))
	}
	return sum, x.runs[1].total().Sub(x.runs[0].total()).Sub(sum)
}

func (x *amendment) write(c *cli.Context) error {
	var b strings.Builder
	fmt.Fprintf(&b, "changes      %d from %s to %s\n", len(x.changes), x.old.file, x.new.file)
	for _, change := range x.changes {
		fmt.Fprintf(&b, "  %s\n", command.Printable(change.Words(x.old.terms, x.new.terms)))
	}
	for _, m := range terms.ReviewAmendment(x.old.terms, x.new.terms) {
		fmt.Fprintf(&b, "warning      %s: %s\n", m.Path, command.Printable(m.Reason))
	}
	if x.past != nil {
		x.writePrices(&b)
	}
	return command.Report(c, "%s", b.String())
}

func (x *amendment) writePrices(b *strings.Builder) {
	fmt.Fprintf(b, "\nSIMULATED over %s, %s: nobody has signed this, and nothing is recorded\n", x.past.name, count(x.past.records, "record"))
	fmt.Fprintf(b, "all as though in force from %s to %s\n", x.span.From, x.span.Until)
	old, next := x.runs[0], x.runs[1]
	table := [][]string{nil, {x.old.terms.Currency, "total", "change"}, {"old terms", x.fixed(old.total()), ""}}
	row := func(name, total string, change exact.Rat) {
		table = append(table, []string{name, total, signed(change, x.scale())})
	}
	for i, k := range x.priced {
		name := fmt.Sprintf("  %d. %s", i+1, command.Printable(k.words))
		if k.run != nil {
			row(name, x.fixed(k.run.total()), x.effect(i))
		} else {
			table = append(table, []string{name, "", "not alone"})
		}
	}
	for _, g := range x.groups {
		name := "  " + listed(g.changes)
		if len(g.with) > 0 {
			name += " with " + listed(g.with)
		}
		row(name, x.fixed(g.run.total()), x.groupEffect(g))
	}
	sum, joint := x.effects()
	row("added up", "", sum)
	row("joint effect", "", joint)
	row("new terms", x.fixed(next.total()), next.total().Sub(old.total()))
	writeTable(b, table)
	for i, k := range x.priced {
		if k.run == nil {
			fmt.Fprintf(b, "%d alone is no terms: %s\n", i+1, command.Printable(k.reason))
		}
	}
	pair := &comparison{past: x.past, currency: x.old.terms.Currency, runs: x.runs[:2]}
	table = [][]string{nil, append([]string{"total by period"}, pair.columns()...)}
	for _, k := range pair.blocks() {
		for _, r := range k.rows {
			if r.what == "total" && k.period != "" {
				table = append(table, append([]string{k.period}, r.texts()...))
			}
		}
	}
	writeTable(b, table)
	for _, run := range x.runs[:2] {
		for _, text := range run.remarks() {
			fmt.Fprintf(b, "%s\n", text)
		}
	}
}

// listed names changes as the table numbers them.
func listed(indexes []int) string {
	numbers := make([]string, len(indexes))
	for i, n := range indexes {
		numbers[i] = fmt.Sprint(n + 1)
	}
	if last := len(numbers) - 1; last > 0 {
		return strings.Join(numbers[:last], ", ") + " and " + numbers[last]
	}
	return numbers[0]
}

func (x *amendment) writeJSON(c *cli.Context) error {
	type changeReport struct {
		Path   string `json:"path"`
		Before string `json:"before,omitempty"`
		After  string `json:"after,omitempty"`
		Words  string `json:"words"`
	}
	type warningReport struct {
		Path   string `json:"path"`
		Reason string `json:"reason"`
	}
	type totalReport struct {
		Total    string            `json:"total"`
		ByPeriod map[string]string `json:"by_period"`
		Taken    int64             `json:"taken"`
		Refused  []refused         `json:"refused"`
	}
	type priceReport struct {
		changeReport
		Alone  *totalReport `json:"alone,omitempty"`
		Effect string       `json:"effect,omitempty"`
		Reason string       `json:"reason,omitempty"` // why it is no terms alone
	}
	type groupReport struct {
		Changes []int        `json:"changes"` // by their place above, from 0
		With    []int        `json:"with"`    // those that are terms alone
		Total   *totalReport `json:"together"`
		Effect  string       `json:"effect"` // beyond those of with
	}
	type pricesReport struct {
		Simulated  bool          `json:"simulated"`
		Over       string        `json:"over"`
		Records    int64         `json:"records"`
		From       string        `json:"from"`
		Until      string        `json:"until"`
		Currency   string        `json:"currency"`
		Old        *totalReport  `json:"old"`
		New        *totalReport  `json:"new"`
		Changes    []priceReport `json:"changes"`
		Groups     []groupReport `json:"groups"` // of those that are no terms alone
		AddedUp    string        `json:"added_up"`
		Joint      string        `json:"joint_effect"`
		Difference string        `json:"difference"`
	}
	report := struct {
		Old      record.Digest   `json:"old"`
		New      record.Digest   `json:"new"`
		Changes  []changeReport  `json:"changes"`
		Warnings []warningReport `json:"warnings,omitempty"`
		Prices   *pricesReport   `json:"prices,omitempty"`
	}{x.old.terms.Digest(), x.new.terms.Digest(), []changeReport{}, nil, nil}
	for _, m := range terms.ReviewAmendment(x.old.terms, x.new.terms) {
		report.Warnings = append(report.Warnings, warningReport{m.Path, m.Reason})
	}
	for _, k := range x.changes {
		report.Changes = append(report.Changes, changeReport{k.Path, k.Before, k.After, k.Words(x.old.terms, x.new.terms)})
	}
	if x.past == nil {
		return jsonLine(c, report)
	}
	total := func(run *simulation) *totalReport {
		if run == nil {
			return nil
		}
		t := &totalReport{x.fixed(run.total()), map[string]string{}, run.taken, append([]refused{}, run.refused...)}
		for _, s := range run.statements {
			t.ByPeriod[s.Period] = string(s.Total)
		}
		return t
	}
	old := x.runs[0].total()
	sum, joint := x.effects()
	prices := &pricesReport{Simulated: true, Over: x.past.name, Records: x.past.records, From: x.span.From.String(), Until: x.span.Until.String(),
		Currency: x.old.terms.Currency, Old: total(x.runs[0]), New: total(x.runs[1]), Changes: []priceReport{}, Groups: []groupReport{},
		AddedUp: x.fixed(sum), Joint: x.fixed(joint), Difference: x.fixed(x.runs[1].total().Sub(old))}
	for i, k := range x.priced {
		r := priceReport{changeReport: changeReport{k.change.Path, k.change.Before, k.change.After, k.words}, Alone: total(k.run), Reason: k.reason}
		if k.run != nil {
			r.Effect = x.fixed(x.effect(i))
		}
		prices.Changes = append(prices.Changes, r)
	}
	for _, g := range x.groups {
		prices.Groups = append(prices.Groups, groupReport{append([]int{}, g.changes...), append([]int{}, g.with...), total(g.run), x.fixed(x.groupEffect(g))})
	}
	report.Prices = prices
	return jsonLine(c, report)
}
