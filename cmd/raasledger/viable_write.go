package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// write writes where the cost comes from, the periods, the arithmetic of the
// break-even rate, and the balance over time.
func (v *viable) write(w io.Writer, width int, letters letters) error {
	var b strings.Builder
	t := v.run.terms
	fmt.Fprintf(&b, "SIMULATED over %s, %s: nobody has signed this, and nothing is recorded\n", v.past.name, count(v.past.records, "record"))
	if v.past.start > 0 {
		fmt.Fprintf(&b, "The records begin with record %d: what refers to an earlier one has no effect\n", v.past.start)
	}
	fmt.Fprintf(&b, "%-12s %s\n", v.run.name, t.Digest())
	for _, s := range v.costs.sources {
		how := v.money(s.sum)
		if s.what != "cost" {
			how = fmt.Sprintf("%s at %s = %s", s.quantity, s.priceText, how)
		}
		fmt.Fprintf(&b, "%-12s %s: %s in %s\n", s.what, s.name, how, count(s.found, "measurement"))
	}
	if v.costs.fixed.Sign() > 0 {
		fmt.Fprintf(&b, "%-12s %s in each period\n", "fixed", v.money(v.costs.fixed))
	}
	fmt.Fprintf(&b, "%-12s %s\n", "attempts", v.attemptsAre())

	head := []string{"period, " + t.Currency}
	rest := slices.ContainsFunc(v.periods, func(p viablePeriod) bool { return p.rest.Sign() != 0 })
	head = append(head, v.lines...)
	if rest {
		head = append(head, "beside")
	}
	head = append(head, "revenue", "cost", "margin", "attempts", "billed")
	table := [][]string{nil, head}
	open := false
	for _, p := range append(slices.Clone(v.periods), v.all) {
		name := p.name
		if p.open {
			name, open = name+" *", true
		}
		row := []string{name}
		for _, x := range p.lines {
			row = append(row, v.money(x))
		}
		if rest {
			row = append(row, v.money(p.rest))
		}
		table = append(table, append(row, v.money(p.revenue), v.money(p.cost()), v.money(p.margin()), fmt.Sprint(p.attempts), fmt.Sprint(p.billed)))
	}
	writeTable(&b, table)
	b.WriteByte('\n')
	if open {
		b.WriteString("* the records end before this period closes\n")
	}
	for _, text := range v.remarks() {
		b.WriteString(text + "\n")
	}
	v.writeRates(&b)
	v.writeCash(&b, width, letters)
	_, err := io.WriteString(w, b.String())
	return err
}

// attemptsAre says what counts as an attempt.
func (v *viable) attemptsAre() string {
	if v.costs.counts == "" {
		return count(v.all.attempts, "outcome record")
	}
	return fmt.Sprintf("%s of %s", count(v.all.attempts, "measurement"), v.costs.counts)
}

// writeRates writes quotients with their arithmetic.
func (v *viable) writeRates(b *strings.Builder) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(b, "%-24s %s\n", name, fmt.Sprintf(format, args...))
	}
	cost := v.money(v.all.cost())
	per := func(name string, n int64) {
		if x, ok := v.per(n); ok {
			row(name, "%s / %d = %s", cost, n, rounded(x))
		} else {
			row(name, "none")
		}
	}
	per("cost per attempt", v.all.attempts)
	per("cost per billed result", v.all.billed)
	if v.all.attempts > 0 {
		x, _ := exact.Int(v.all.billed).Quo(exact.Int(v.all.attempts))
		row("billed per attempt", "%d / %d = %s", v.all.billed, v.all.attempts, rounded(x))
	}
	e := v.breakEven()
	if e.none != "" {
		row("break-even rate", "none: %s", e.none)
		return
	}
	less := func(text string) string {
		if v.flat.Sign() == 0 {
			return text
		}
		return fmt.Sprintf("(%s - %s of flat lines)", text, v.money(v.flat))
	}
	if e.perAttempt.Sign() == 0 {
		row("break-even rate", "0: flat lines of %s pay the cost of %s", v.money(v.flat), cost)
		return
	}
	row("  an attempt needs", "%s / %d = %s", less(cost), v.all.attempts, rounded(e.perAttempt))
	row("  a result earns", "%s / %d = %s", less(v.money(v.all.revenue)), v.all.billed, rounded(e.perResult))
	row("break-even rate", "%s / %s = %s", inBrackets(e.perAttempt), inBrackets(e.perResult), rounded(e.rate))
	if e.rate.Cmp(exact.Int(1)) > 0 {
		row("", "more than one billed result per attempt")
	}
}

// inBrackets writes a number exactly, a quotient in brackets.
func inBrackets(x exact.Rat) string {
	text := x.String()
	if strings.Contains(text, "/") {
		text = "(" + text + ")"
	}
	return text
}

// writeCash draws the balance at the end of each period, and when it closes.
func (v *viable) writeCash(b *strings.Builder, width int, letters letters) {
	if len(v.cash) == 0 {
		return
	}
	lowest := "never below 0"
	if v.lowest.balance.Sign() < 0 {
		lowest = fmt.Sprintf("lowest %s at %s", v.money(v.lowest.balance), v.lowest.at)
	}
	fmt.Fprintf(b, "\ncash, %s: costs as they occur, fees as statements close; %s\n", v.run.terms.Currency, lowest)
	var most exact.Rat
	labels, texts := 0, 0
	for _, p := range v.cash {
		most = exact.Max(most, p.balance.Abs())
		labels, texts = max(labels, utf8.RuneCountInString(p.label)), max(texts, len(v.money(p.balance)))
	}
	const narrowest = 10
	places := max(narrowest, width-labels-texts-4)
	for _, p := range v.cash {
		line := fmt.Sprintf("%-*s  %s", labels, p.label, letters.bar(p.balance, most, places))
		fmt.Fprintf(b, "%s %s\n", strings.TrimRight(line, " "), v.money(p.balance))
	}
}

// writeCSV writes a row for each figure, as simulate does.
func (v *viable) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"simulated_period", "figure", "line", "value"}}
	for _, p := range append(slices.Clone(v.periods), v.all) {
		for i, x := range p.lines {
			rows = append(rows, []string{p.name, "amount", v.lines[i], v.money(x)})
		}
		rows = append(rows,
			[]string{p.name, "beside", "", v.money(p.rest)},
			[]string{p.name, "revenue", "", v.money(p.revenue)},
			[]string{p.name, "cost", "", v.money(p.cost())},
			[]string{p.name, "fixed_cost", "", v.money(p.fixed)},
			[]string{p.name, "margin", "", v.money(p.margin())},
			[]string{p.name, "attempts", "", fmt.Sprint(p.attempts)},
			[]string{p.name, "billed", "", fmt.Sprint(p.billed)})
	}
	r := v.rates()
	for _, x := range [][2]string{{"cost_per_attempt", r.CostPerAttempt}, {"cost_per_billed_result", r.CostPerBilled}, {"break_even_rate", r.BreakEven}} {
		rows = append(rows, []string{"all", x[0], "", x[1]})
	}
	for _, p := range v.cash {
		rows = append(rows, []string{"all", "cash", p.at.String(), v.money(p.balance)})
	}
	if v.lowest.balance.Sign() < 0 {
		rows = append(rows, []string{"all", "cash_lowest", v.lowest.at.String(), v.money(v.lowest.balance)})
	}
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return out.Error()
}

// viableRates are exact: decimals, or quotients like 1/3; "" is none.
type viableRates struct {
	CostPerAttempt string `json:"cost_per_attempt,omitempty"`
	CostPerBilled  string `json:"cost_per_billed_result,omitempty"`
	Flat           string `json:"flat_revenue"`
	Needs          string `json:"attempt_needs,omitempty"`
	Earns          string `json:"result_earns,omitempty"`
	BreakEven      string `json:"break_even_rate,omitempty"`
	None           string `json:"no_break_even,omitempty"` // why
}

func (v *viable) rates() (r viableRates) {
	r.Flat = v.money(v.flat)
	if x, ok := v.per(v.all.attempts); ok {
		r.CostPerAttempt = x.String()
	}
	if x, ok := v.per(v.all.billed); ok {
		r.CostPerBilled = x.String()
	}
	e := v.breakEven()
	if r.None = e.none; r.None == "" {
		r.Needs, r.Earns, r.BreakEven = e.perAttempt.String(), e.perResult.String(), e.rate.String()
	}
	return r
}

func (v *viable) writeJSON(w io.Writer) error {
	type source struct {
		What         string `json:"what"`
		Metric       string `json:"metric"`
		Field        string `json:"field,omitempty"`
		Price        string `json:"price,omitempty"`
		Quantity     string `json:"quantity"`
		Cost         string `json:"cost"`
		Measurements int64  `json:"measurements"`
		Without      int64  `json:"without"` // measurements that do not say it
	}
	type line struct {
		Line   string `json:"line"`
		Amount string `json:"amount"`
	}
	type period struct {
		Period   string `json:"period,omitempty"` // absent: all
		Open     bool   `json:"open,omitempty"`
		Lines    []line `json:"lines"`
		Beside   string `json:"beside"`
		Revenue  string `json:"revenue"`
		Cost     string `json:"cost"`
		Fixed    string `json:"fixed_cost"`
		Margin   string `json:"margin"`
		Attempts int64  `json:"attempts"`
		Billed   int64  `json:"billed"`
	}
	type point struct {
		At      string `json:"at"`
		Balance string `json:"balance"`
	}
	periodOf := func(p *viablePeriod, name string) period {
		x := period{name, p.open, []line{}, v.money(p.rest), v.money(p.revenue), v.money(p.cost()), v.money(p.fixed), v.money(p.margin()), p.attempts, p.billed}
		for i, a := range p.lines {
			x.Lines = append(x.Lines, line{v.lines[i], v.money(a)})
		}
		return x
	}
	report := struct {
		Simulated    bool          `json:"simulated"`
		Over         string        `json:"over"`
		Records      int64         `json:"records"`
		Start        int64         `json:"start"`
		Currency     string        `json:"currency"`
		Name         string        `json:"name"`
		Terms        record.Digest `json:"terms"`
		Sources      []source      `json:"sources"`
		Fixed        string        `json:"fixed"`
		AttemptsOf   string        `json:"attempts_of,omitempty"` // metric; absent: outcome records
		Periods      []period      `json:"periods"`
		All          period        `json:"all"`
		Rates        viableRates   `json:"rates"`
		Cash         []point       `json:"cash"`
		Lowest       *point        `json:"lowest,omitempty"` // absent: never below 0
		OutsideCosts int64         `json:"outside_costs"`
		OutsideSum   string        `json:"outside_sum"`
		LeftOpen     int64         `json:"left_open"`
		Taken        int64         `json:"taken"`
		Refused      []refused     `json:"refused"`
	}{true, v.past.name, v.past.records, v.past.start, v.run.terms.Currency, v.run.name, v.run.terms.Digest(), []source{}, v.money(v.costs.fixed), v.costs.counts,
		[]period{}, periodOf(&v.all, ""), v.rates(), []point{}, nil, v.outsideCount, v.money(v.outside), v.run.left(), v.run.taken, append([]refused{}, v.run.refused...)}
	for _, s := range v.costs.sources {
		report.Sources = append(report.Sources, source{s.what, s.metric, s.field, s.priceText, s.quantity.String(), v.money(s.sum), s.found, s.absent})
	}
	for i := range v.periods {
		report.Periods = append(report.Periods, periodOf(&v.periods[i], v.periods[i].name))
	}
	for _, p := range v.cash {
		report.Cash = append(report.Cash, point{p.at.String(), v.money(p.balance)})
	}
	if v.lowest.balance.Sign() < 0 {
		report.Lowest = &point{v.lowest.at.String(), v.money(v.lowest.balance)}
	}
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
