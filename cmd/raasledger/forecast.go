package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
)

func forecastCommand() *cli.Command {
	return &cli.Command{
		Name:  "forecast",
		Usage: "show what each open period comes to so far, at least and at most",
		Description: `For each period that is not settled: low if all that the other side can still
take back was taken back, high if all that is pending was accepted. Then the
values of measures and formulas, and how far it is to the next cap, minimum,
tier and step.

Examples:
    raasledger forecast --db store
    raasledger forecast --db store --json`,
		Flags:  append(storeFlags(), jsonFlag()),
		Action: forecast,
	}
}

func forecast(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		a, err := l.Accrued(c.Context)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return jsonLine(c, forecastReport(l.Origin(), a))
		}
		return writeForecast(c.App.Writer, l.Origin(), a)
	})
}

// forecastColumns are the low, the present and the high statement.
var forecastColumns = []string{"low", "by now", "high"}

// forecastRows are the figures of a period, each low, by now and high.
func forecastRows(p *fee.AccruedPeriod) []*blockRow {
	b := block{}
	list := []*record.Statement{p.Low, p.Statement, p.High}
	versions := map[int64]bool{}
	for _, s := range list {
		for _, l := range s.Lines {
			versions[l.Version] = true
		}
	}
	for i, s := range list {
		if len(versions) > 1 {
			named := *s
			named.Lines = append([]record.Line{}, s.Lines...)
			for k := range named.Lines {
				named.Lines[k].Name = fmt.Sprintf("%s (version %d)", named.Lines[k].Name, named.Lines[k].Version)
			}
			s = &named
		}
		b.add(len(list), i, s, nil)
	}
	b.order()
	for k, d := range p.Statement.Prepaid {
		r := &blockRow{"prepaid left", d.Name, make([]cell, len(list))}
		for i, s := range list {
			r.cells[i] = number(s.Prepaid[k].After)
		}
		b.rows = append(b.rows, r)
	}
	return b.rows
}

// nextThing names what a distance leads to.
func nextThing(d *fee.Distance) string {
	name := "all lines"
	if d.Line != "" {
		name = d.Line
	}
	switch d.To {
	case "at_most":
		return name + ", cap"
	case "at_least":
		return name + ", minimum"
	case "tier":
		return fmt.Sprintf("%s, tier %d", name, d.N+1)
	case "step":
		return fmt.Sprintf("%s, step %d of %s", name, d.N+1, d.By)
	}
	return name + ", " + d.To
}

func writeForecast(w io.Writer, origin string, a *ledger.Accrued) error {
	var b strings.Builder
	fmt.Fprintf(&b, "forecast     %s, size %d, as of %s\n", origin, a.Size, a.At)
	fmt.Fprintf(&b, "settled      %s %s in %s\n", a.Settled, a.Currency, count(a.Statements, "statement"))
	if !a.NotAgreed.Zero() {
		fmt.Fprintf(&b, "             %s %s in those that are not agreed\n", a.NotAgreed, a.Currency)
	}
	fmt.Fprintf(&b, "carried      %s\n", a.Carried)
	for _, p := range a.Prepaid {
		fmt.Fprintf(&b, "prepaid      %s: %s left\n", p.Name, p.Left)
	}
	fmt.Fprintf(&b, "results      %d earned, %d pending, of which %d disputed; %d exposed\n", a.Earned, a.Pending+a.Disputed, a.Disputed, a.Exposed)
	if len(a.Periods) == 0 {
		b.WriteString("\nno period is left to settle\n")
	}
	var table [][]string
	for i := range a.Periods {
		p := &a.Periods[i]
		table = append(table, nil, append([]string{fmt.Sprintf("%s, %s", p.Statement.Period, a.Currency)}, forecastColumns...))
		for _, r := range forecastRows(p) {
			name := r.what
			switch r.what {
			case "amount":
				name = "  " + r.name
			case "quantity":
				name = "    quantity"
			case "prepaid left":
				name = "prepaid " + r.name + ", left"
			}
			row := []string{name}
			for _, x := range r.cells {
				row = append(row, x.text)
			}
			table = append(table, row)
		}
		table = append(table, []string{"closes " + p.Statement.Closing.String()})
		if len(p.Values) > 0 {
			table = append(table, []string{"values"})
		}
		for _, v := range p.Values {
			value := string(v.Value)
			if value == "" {
				value = "none"
			}
			table = append(table, []string{"  " + v.Name, "", value})
		}
		if len(p.Distances) > 0 {
			table = append(table, []string{"next", "at", "by now", "left"})
		}
		for k := range p.Distances {
			d := &p.Distances[k]
			table = append(table, []string{"  " + nextThing(d), string(d.Bound), string(d.Now), string(d.Left)})
		}
	}
	writeTable(&b, table)
	_, err := io.WriteString(w, b.String())
	return err
}

// A forecastJSON is what forecast --json prints.
type forecastJSON struct {
	Origin     string           `json:"origin"`
	Size       int64            `json:"size"`
	AsOf       string           `json:"as_of"`
	Currency   string           `json:"currency"`
	Statements int64            `json:"statements"`
	Settled    record.Decimal   `json:"settled"`
	NotAgreed  record.Decimal   `json:"not_agreed"`
	Carried    record.Decimal   `json:"carried"`
	Prepaid    []forecastValue  `json:"prepaid"`
	Earned     int64            `json:"earned"`
	Pending    int64            `json:"pending"` // the disputed ones too
	Disputed   int64            `json:"disputed"`
	Exposed    int64            `json:"exposed"`
	Periods    []forecastPeriod `json:"periods"`
}

type forecastValue struct {
	Name  string         `json:"name"`
	Value record.Decimal `json:"value,omitempty"` // absent: there is none
}

type forecastPeriod struct {
	Period  string           `json:"period"`
	From    string           `json:"from"`
	Until   string           `json:"until"`
	Closing string           `json:"closing"`
	Figures []forecastFigure `json:"figures"`
	Values  []forecastValue  `json:"values"`
	Next    []forecastNext   `json:"next"`
}

type forecastFigure struct {
	Figure string `json:"figure"`
	Line   string `json:"line,omitempty"` // or the prepaid
	Low    string `json:"low,omitempty"`
	Now    string `json:"now,omitempty"`
	High   string `json:"high,omitempty"`
}

type forecastNext struct {
	Version int64          `json:"version"`
	Line    string         `json:"line,omitempty"` // absent: of the statement
	To      string         `json:"to"`
	N       int64          `json:"n"`
	By      string         `json:"by,omitempty"`
	At      record.Decimal `json:"at"`
	Now     record.Decimal `json:"now"`
	Left    record.Decimal `json:"left"`
}

func forecastReport(origin string, a *ledger.Accrued) *forecastJSON {
	report := &forecastJSON{
		Origin: origin, Size: a.Size, AsOf: a.At.String(), Currency: a.Currency,
		Statements: a.Statements, Settled: a.Settled, NotAgreed: a.NotAgreed, Carried: a.Carried, Prepaid: []forecastValue{},
		Earned: a.Earned, Pending: a.Pending + a.Disputed, Disputed: a.Disputed, Exposed: a.Exposed, Periods: []forecastPeriod{},
	}
	for _, p := range a.Prepaid {
		report.Prepaid = append(report.Prepaid, forecastValue{p.Name, p.Left})
	}
	for i := range a.Periods {
		p := &a.Periods[i]
		s := p.Statement
		out := forecastPeriod{Period: s.Period, From: s.From.String(), Until: s.Until.String(), Closing: s.Closing.String(),
			Figures: []forecastFigure{}, Values: []forecastValue{}, Next: []forecastNext{}}
		for _, r := range forecastRows(p) {
			out.Figures = append(out.Figures, forecastFigure{strings.ReplaceAll(r.what, " ", "_"), r.name, r.cells[0].text, r.cells[1].text, r.cells[2].text})
		}
		for _, v := range p.Values {
			out.Values = append(out.Values, forecastValue{v.Name, v.Value})
		}
		for _, d := range p.Distances {
			out.Next = append(out.Next, forecastNext{d.Version, d.Line, d.To, d.N, d.By, d.Bound, d.Now, d.Left})
		}
		report.Periods = append(report.Periods, out)
	}
	return report
}
