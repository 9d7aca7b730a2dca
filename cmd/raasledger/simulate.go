package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
)

func simulateCommand() *cli.Command {
	return &cli.Command{
		Name:      "simulate",
		Usage:     "show what draft terms would have come to over past records",
		ArgsUsage: "DRAFT...",
		Description: `DRAFT is terms in YAML, as for agreement check, or an agreement in JSON. Each
is settled over PAST as though both had signed it from the start; several are
shown side by side. Nothing is recorded, and PAST is not changed.

PAST is a store, a bundle, records as JSON Lines, or with --map the rows of a
CSV or JSON file. A record that a draft cannot take is counted and named.

Examples:
    raasledger simulate terms.yaml --over store
    raasledger simulate flat.yaml tiers.yaml cap.yaml --over store --redate
    raasledger simulate terms.yaml --over orders.csv.gz --map orders.yaml --csv`,
		Flags: append(pastFlags(),
			&cli.BoolFlag{Name: "csv", Usage: "print CSV"},
			jsonFlag()),
		Action: simulateDrafts,
	}
}

func simulateDrafts(c *cli.Context) error {
	paths := c.Args().Slice()
	if len(paths) == 0 {
		return command.Usage("usage: raasledger simulate DRAFT... --over PAST", "want one DRAFT or more, got none")
	}
	if err := command.Need(c, "", "over"); err != nil {
		return err
	}
	if err := command.Exclude(c, "csv", "json"); err != nil {
		return err
	}
	drafts, err := readTexts(c, paths)
	if err != nil {
		return err
	}
	names := columnNames(paths)
	currency := drafts[0].terms.Currency
	var list []*terms.Terms
	for i, d := range drafts {
		if d.terms.Currency != currency {
			return command.Refused("", fmt.Errorf("%s is in %s and %s in %s: they cannot stand side by side", paths[0], currency, paths[i], d.terms.Currency))
		}
		list = append(list, d.terms)
	}
	p, err := openPast(c, list)
	if err != nil {
		return err
	}
	defer p.close()
	if c.Bool("redate") {
		for i, d := range drafts {
			if list[i], err = d.redate(p); err != nil {
				return err
			}
		}
	}
	show, wipe := command.Progress(c, "records")
	runs, err := simulate(p, names, list, show)
	wipe()
	if err != nil {
		return err
	}
	x := &comparison{past: p, currency: currency, runs: runs}
	switch {
	case c.Bool("json"):
		err = x.writeJSON(c.App.Writer)
	case c.Bool("csv"):
		err = x.writeCSV(c.App.Writer)
		for _, r := range runs {
			for _, g := range r.refusals() {
				command.Warn(c, "%s: %s", r.name, g)
			}
		}
	default:
		err = x.write(c.App.Writer, terminalWidth(c.App.Writer), chartLetters())
	}
	if err != nil {
		return err
	}
	return p.close()
}

// columnNames are the files' names without folder and ending, or the paths
// where those are not different.
func columnNames(paths []string) []string {
	names := make([]string, len(paths))
	seen := map[string]bool{}
	for i, path := range paths {
		names[i] = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		if seen[names[i]] {
			return paths
		}
		seen[names[i]] = true
	}
	return names
}

// A text is terms as people have them: YAML, or an agreement.
type text struct {
	file  string
	json  []byte // as it was written, or canonical
	terms *terms.Terms
}

// readTexts reads all of them; the mistakes of all are reported.
func readTexts(c *cli.Context, paths []string) ([]*text, error) {
	texts := make([]*text, len(paths))
	var wrong error
	for i, path := range paths {
		if strings.HasSuffix(path, ".json") {
			a, err := command.ReadAgreement(c, path)
			if err != nil {
				return nil, err
			}
			texts[i] = &text{path, a.Body.Terms, a.Terms}
			continue
		}
		d, err := readDraft(c, path)
		if err != nil {
			return nil, err
		}
		if d.mistakes() > 0 {
			if err := d.writeNotes(c.App.ErrWriter); err != nil {
				return nil, err
			}
			wrong = errors.Join(wrong, d.refusal())
			continue
		}
		texts[i] = &text{d.file, d.doc.json, d.terms}
	}
	return texts, wrong
}

// redate returns the terms as though they had been in force over all of p:
// from the beginning of the calendar period that holds its first instant to the
// end of that which holds its last.
func (x *text) redate(p *past) (*terms.Terms, error) {
	if p.first > p.last {
		return x.terms, nil
	}
	// Enough on both sides that the calendar's periods are whole.
	const around = record.Time(400 * 24 * 3600 * 1000)
	wide := *x.terms
	wide.From, wide.Until = p.first-around, p.last+around
	offsets, err := zoneOffsets(wide.Calendar.Zone, wide.From, wide.Until)
	if err != nil {
		return nil, command.Refused("--redate needs the zone's offsets", fmt.Errorf("%s: %w", x.file, err))
	}
	wide.Calendar.Offsets = offsets
	first, _ := wide.PeriodAt(p.first)
	last, _ := wide.PeriodAt(p.last)
	return x.inForce(first.From, last.Until, func(tree map[string]any) {
		calendar, _ := tree["calendar"].(map[string]any)
		delete(calendar, "offsets")
		withoutPartial(tree)
	})
}

// within returns the terms as though they had been in force as other terms
// are.
func (x *text) within(other *terms.Terms) (*terms.Terms, error) {
	offsets := []any{}
	for _, o := range other.Calendar.Offsets {
		offsets = append(offsets, map[string]any{"from": o.From.String(), "minutes": o.Minutes})
	}
	return x.inForce(other.From, other.Until, func(tree map[string]any) {
		if calendar, _ := tree["calendar"].(map[string]any); calendar["zone"] == other.Calendar.Zone {
			calendar["offsets"] = offsets
		} else {
			delete(calendar, "offsets")
		}
		if !other.CutsPeriod() {
			withoutPartial(tree)
		}
	})
}

// inForce returns the terms with another effective span, and what else that
// changes.
func (x *text) inForce(from, until record.Time, change func(tree map[string]any)) (*terms.Terms, error) {
	var tree map[string]any
	in := json.NewDecoder(bytes.NewReader(x.json))
	in.UseNumber()
	if err := in.Decode(&tree); err != nil {
		return nil, fmt.Errorf("%s: %w", x.file, err)
	}
	tree["effective"] = map[string]any{"from": from.String(), "until": until.String()}
	change(tree)
	changed, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	canonical, mistakes := terms.Draft(changed, zoneOffsets)
	if canonical == nil {
		return nil, command.Refused("", fmt.Errorf("%s, in force from %s to %s: %w", x.file, from, until, firstOf(mistakes)))
	}
	t, mistakes := terms.Parse(canonical)
	if t == nil {
		return nil, fmt.Errorf("%s: %w", x.file, firstOf(mistakes))
	}
	return t, nil
}

// withoutPartial takes out what terms say of periods that the term cuts: they
// say it exactly where there are such periods.
func withoutPartial(tree map[string]any) {
	adjustments := func(owner any) {
		fields, _ := owner.(map[string]any)
		list, _ := fields["adjust"].([]any)
		for _, a := range list {
			if fields, ok := a.(map[string]any); ok {
				delete(fields, "partial")
			}
		}
	}
	adjustments(tree)
	lines, _ := tree["lines"].([]any)
	for _, l := range lines {
		adjustments(l)
	}
}

func firstOf(mistakes []terms.Mistake) error {
	for _, m := range mistakes {
		if !m.Warning {
			return errors.New(m.String())
		}
	}
	return errors.New("refused")
}

// A simulation is what one draft comes to.
type simulation struct {
	name       string
	terms      *terms.Terms
	fold       *fee.Simulation
	statements []simulated
	taken      int64 // records
	refused    []refused
}

// A simulated statement. It is open where the records end before the period
// closes.
type simulated struct {
	*record.Statement
	open   bool
	billed int64 // results, less those given back whole
}

// A refused record is one that the terms cannot take.
type refused struct {
	Place  string `json:"place"`
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

// simulate settles each of the terms over p.
//
// A period is settled where p settled it itself: what was recorded until then
// is in it. Any other is settled before the first record that is later than its
// closing, or at the end.
//
// show is told how many records are done, of how many.
func simulate(p *past, names []string, list []*terms.Terms, show func(done, of int64)) ([]*simulation, error) {
	standing := terms.NewStanding()
	runs := make([]*simulation, len(list))
	for i, t := range list {
		runs[i] = &simulation{name: names[i], terms: t, fold: fee.Simulate(t, standing)}
	}
	done := int64(0)
	err := p.read(standing, func(r *record.Record, place string) error {
		done++
		show(done, p.records)
		for _, run := range runs {
			if err := run.take(p, r, place); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		if err := run.settleWhile(p, func(terms.Period, record.Time) bool { return true }); err != nil {
			return nil, err
		}
	}
	return runs, nil
}

// take settles what closed before r, and takes r.
func (x *simulation) take(p *past, r *record.Record, place string) error {
	if s, ok := r.Body.(*record.Statement); ok {
		return x.settleWhile(p, func(period terms.Period, closing record.Time) bool {
			return period.Until <= s.Until && closing <= r.Log.Time
		})
	}
	err := x.settleWhile(p, func(period terms.Period, closing record.Time) bool {
		return closing < r.Log.Time && !p.settledBehind(period, closing, r.Log.N)
	})
	if err != nil {
		return err
	}
	switch r.Kind {
	case record.KindAgreement, record.KindKey:
		return nil // of the past's own; the draft stands for itself
	}
	err = x.fold.Apply(r)
	refusal, ok := errors.AsType[*record.Refusal](err)
	switch {
	case err == nil:
		x.taken++
	case ok:
		x.refused = append(x.refused, refused{place, r.ID, string(r.Kind), refusal.Field, refusal.Reason})
		err = nil
	}
	return err
}

// settleWhile settles the next period as long as it is one of p's time and
// due.
func (x *simulation) settleWhile(p *past, due func(terms.Period, record.Time) bool) error {
	for {
		period, closing, ok := x.fold.Next()
		if !ok || period.From > p.last || !due(period, closing) {
			return nil
		}
		s, err := x.fold.Settle()
		if err != nil {
			return command.Refused("", fmt.Errorf("%s: %w", x.name, err))
		}
		x.statements = append(x.statements, simulated{s, p.log < closing, x.fold.Billed()})
	}
}

// left is how many results the last statement leaves open.
func (x *simulation) left() (n int64) {
	if len(x.statements) == 0 {
		return 0
	}
	for _, k := range x.statements[len(x.statements)-1].Counts {
		switch k.Reason {
		case "pending", "disputed", "undelivered", "undefined":
			n += k.N
		}
	}
	return n
}

// outside is how many results are of a time for which the terms have no
// period.
func (x *simulation) outside() (n int64) {
	for _, s := range x.statements {
		for _, k := range s.Counts {
			if k.Reason == "outside_term" {
				n += k.N
			}
		}
	}
	return n
}

// noun is what is counted by a reason.
func (x *simulation) noun(reason string) string {
	return fee.CountNoun([]terms.Version{{Number: 1, Terms: x.terms}}, reason)
}

// remarks say what the figures do not: what was not taken, and what is open.
func (x *simulation) remarks() (list []string) {
	if len(x.statements) == 0 {
		list = append(list, fmt.Sprintf("%s: no period from %s to %s has records; --redate shows it as though it had been in force then", x.name, x.terms.From, x.terms.Until))
	}
	if n := x.outside(); n > 0 {
		list = append(list, fmt.Sprintf("%s: %s outside its term, from %s to %s", x.name, count(n, x.noun("outside_term")), x.terms.From, x.terms.Until))
	}
	if n := x.left(); n > 0 {
		list = append(list, fmt.Sprintf("%s: %s still open after the last period", x.name, count(n, x.noun("pending"))))
	}
	if len(x.refused) > 0 {
		list = append(list, fmt.Sprintf("%s: %s NOT TAKEN, %d taken", x.name, count(int64(len(x.refused)), "record"), x.taken))
		for _, text := range x.refusals() {
			list = append(list, "  "+text)
		}
	}
	return list
}

// refusals are the refused records in words, those for one reason together.
func (x *simulation) refusals() []string {
	const most = 20
	type group struct {
		refused
		n int64
	}
	var groups []group
	at := map[[3]string]int{}
	for _, r := range x.refused {
		key := [3]string{r.Kind, r.Field, r.Reason}
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key] = i
			groups = append(groups, group{refused: r})
		}
		groups[i].n++
	}
	var list []string
	for i, g := range groups {
		if i == most {
			list = append(list, fmt.Sprintf("and for %d further reasons; --json names each record", len(groups)-most))
			break
		}
		text := fmt.Sprintf("%s: %s %s: ", g.Place, g.Kind, g.ID)
		if g.Field != "" {
			text += g.Field + ": "
		}
		text += g.Reason
		if g.n > 1 {
			text += fmt.Sprintf(", and %d more for the same reason", g.n-1)
		}
		list = append(list, command.Printable(text))
	}
	return list
}
