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

func viabilityCommand() *cli.Command {
	return &cli.Command{
		Name:      "viability",
		Usage:     "set what an agent costs against what draft terms pay",
		ArgsUsage: "DRAFT",
		Description: `DRAFT and PAST are those of simulate. The cost is read from measurements of
PAST, as import --map writes them of an agent's runs, and from flags.

Examples:
    raasledger viability terms.yaml --over store --cost usage/care-3
    raasledger viability terms.yaml --over store \
        --tokens usage/care-3.input_tokens --token-price 0.0000004 \
        --tokens usage/care-3.output_tokens --token-price 0.0000016 --fixed 200`,
		Flags: append(pastFlags(),
			&cli.StringSliceFlag{Name: "cost", Usage: "money that measurements of `METRIC[.FIELD]` say"},
			&cli.StringSliceFlag{Name: "tokens", Usage: "tokens that measurements of `METRIC[.FIELD]` say, each at the --token-price of the same place"},
			&cli.StringSliceFlag{Name: "token-price", Usage: "price of one token: `DECIMAL`"},
			&cli.StringSliceFlag{Name: "minutes", Usage: "minutes that measurements of `METRIC[.FIELD]` say, each at the --minute-price of the same place"},
			&cli.StringSliceFlag{Name: "minute-price", Usage: "price of one minute: `DECIMAL`"},
			&cli.StringFlag{Name: "fixed", Usage: "what each period costs whatever happens: `DECIMAL`"},
			&cli.StringFlag{Name: "attempts", Usage: "measurements of `METRIC` are the attempts; needed where the cost is of several metrics"},
			&cli.BoolFlag{Name: "csv", Usage: "print CSV"},
			jsonFlag()),
		Action: viability,
	}
}

func viability(c *cli.Context) error {
	paths, err := command.Args(c, "DRAFT")
	if err != nil {
		return err
	}
	if err := command.Need(c, "", "over"); err != nil {
		return err
	}
	if err := command.Exclude(c, "csv", "json"); err != nil {
		return err
	}
	costs, err := costFlags(c)
	if err != nil {
		return err
	}
	drafts, err := readTexts(c, paths)
	if err != nil {
		return err
	}
	list := []*terms.Terms{drafts[0].terms}
	p, err := openPast(c, list)
	if err != nil {
		return err
	}
	defer p.close()
	if c.Bool("redate") {
		if list[0], err = drafts[0].redate(p); err != nil {
			return err
		}
	}
	if err := costs.read(p, list[0].Currency); err != nil {
		return err
	}
	show, wipe := command.Progress(c, "records")
	runs, err := simulate(p, columnNames(paths), list, show)
	wipe()
	if err != nil {
		return err
	}
	v := newViable(p, runs[0], costs)
	switch {
	case c.Bool("json"):
		err = v.writeJSON(c.App.Writer)
	case c.Bool("csv"):
		err = v.writeCSV(c.App.Writer)
		for _, text := range v.remarks() {
			command.Warn(c, "%s", strings.TrimSpace(text))
		}
	default:
		err = v.write(c.App.Writer, terminalWidth(c.App.Writer), chartLetters())
	}
	if err != nil {
		return err
	}
	return p.close()
}

// costs are where the cost comes from, and what the past says of it.
type costs struct {
	sources []*costSource
	fixed   exact.Rat // of each period
	counts  string    // the metric whose measurements are attempts, "" is outcomes

	charges  []charge
	attempts []record.Time // when
	restated int64         // measurements
}

// A costSource is what measurements of one metric, or one field of them, cost.
type costSource struct {
	what, name string // flag, METRIC[.FIELD]
	price      exact.Rat
	priceText  string

	metric, field string
	found, absent int64 // measurements that say it, and that do not
	quantity, sum exact.Rat
}

// A charge is a cost when it occurs. It belongs to the period that holds its
// moment.
type charge struct {
	at, moment record.Time
	amount     exact.Rat
}

// costFlags reads where the cost comes from.
func costFlags(c *cli.Context) (*costs, error) {
	x := &costs{counts: c.String("attempts")}
	for _, kind := range []struct{ what, price string }{{"cost", ""}, {"tokens", "token-price"}, {"minutes", "minute-price"}} {
		names := c.StringSlice(kind.what)
		var prices []string
		if kind.price != "" {
			prices = c.StringSlice(kind.price)
			if len(names) != len(prices) {
				return nil, command.Usage("each --"+kind.what+" has its --"+kind.price, "--%s is given %s and --%s %s", kind.what, times(len(names)), kind.price, times(len(prices)))
			}
		}
		for i, name := range names {
			if name == "" {
				return nil, command.Usage("", "--%s is empty, want METRIC or METRIC.FIELD", kind.what)
			}
			s := &costSource{what: kind.what, name: name, price: exact.Int(1)}
			if prices != nil {
				var err error
				if s.price, err = priceFlag(kind.price, prices[i]); err != nil {
					return nil, err
				}
				s.priceText = prices[i]
			}
			if slices.ContainsFunc(x.sources, func(o *costSource) bool { return o.what == s.what && o.name == s.name }) {
				return nil, command.Usage("", "--%s %s is given twice", s.what, name)
			}
			x.sources = append(x.sources, s)
		}
	}
	if c.IsSet("fixed") {
		var err error
		if x.fixed, err = priceFlag("fixed", c.String("fixed")); err != nil {
			return nil, err
		}
	} else if len(x.sources) == 0 {
		return nil, command.Usage("--fixed 0 asks without a cost", "want one of --cost, --tokens, --minutes and --fixed, got none")
	}
	return x, nil
}

func times(n int) string { return count(int64(n), "time") }

func priceFlag(flag, text string) (exact.Rat, error) {
	d, err := record.ParseDecimal(text)
	if err != nil {
		return exact.Rat{}, command.Usage("", "--%s: %v", flag, err)
	}
	x, err := exact.Parse(string(d))
	if err != nil {
		return exact.Rat{}, command.Usage("", "--%s: %v", flag, err)
	}
	if x.Sign() < 0 {
		return exact.Rat{}, command.Usage("", "--%s is %s, want at least 0", flag, text)
	}
	return x, nil
}

// A measured is a measurement of the past that stands.
type measured struct {
	place, id string
	moment    record.Time
	*record.Measurement
}

// measurements are those that stand, in their order: one that is restated, by a
// later one of the same metric, party, case, subject and span, is not among
// them.
func (x *costs) measurements(p *past) (list []measured, outcomes []record.Time, err error) {
	type span struct {
		metric, by, matter, subject string
		from, until                 record.Time
	}
	places := map[span]int{}
	ids := map[string]bool{}
	err = p.read(nil, func(r *record.Record, place string) error {
		switch b := r.Body.(type) {
		case *record.Outcome:
			outcomes = append(outcomes, r.At)
		case *record.Measurement:
			if ids[r.ID] {
				return command.Refused("", fmt.Errorf("%s: %s: measurement %s: an earlier one has this id", p.name, place, r.ID))
			}
			ids[r.ID] = true
			m := measured{place, r.ID, b.From, b}
			if b.Until > b.From {
				m.moment = b.Until - 1
			}
			of := span{b.Metric, r.By, r.Case, r.Subject, b.From, b.Until}
			if i, again := places[of]; again {
				list[i] = m
				x.restated++
				return nil
			}
			places[of] = len(list)
			list = append(list, m)
		}
		return nil
	})
	return list, outcomes, err
}

// read finds the charges and the attempts in p.
func (x *costs) read(p *past, currency string) error {
	list, outcomes, err := x.measurements(p)
	if err != nil {
		return err
	}
	var metrics []string
	byMetric := map[string][]record.Time{}
	for _, m := range list {
		if _, seen := byMetric[m.Metric]; !seen {
			metrics = append(metrics, m.Metric)
		}
		byMetric[m.Metric] = append(byMetric[m.Metric], m.moment)
		for _, s := range x.sources {
			amount, ok, err := s.read(m.Measurement, currency)
			if err != nil {
				return command.Refused("", fmt.Errorf("%s: %s: measurement %s: %w", p.name, m.place, m.id, err))
			}
			if ok {
				x.charges = append(x.charges, charge{m.Until, m.moment, amount})
			}
		}
	}
	var counted []string
	for _, s := range x.sources {
		if s.found == 0 {
			hint := "PAST has no measurements"
			if len(metrics) > 0 {
				hint = "metrics of PAST: " + command.Printable(strings.Join(metrics[:min(len(metrics), 10)], ", "))
			}
			err := fmt.Errorf("%s: no measurement says what --%s %s names", p.name, s.what, s.name)
			return command.Refused(hint, err)
		}
		if !slices.Contains(counted, s.metric) {
			counted = append(counted, s.metric)
		}
	}
	switch {
	case x.counts != "":
		if _, ok := byMetric[x.counts]; !ok {
			return command.Refused("", fmt.Errorf("%s: --attempts: PAST has no measurement of %s", p.name, x.counts))
		}
	case len(counted) > 1:
		return command.Usage("--attempts METRIC says which are the attempts", "the cost is of %d metrics: %s", len(counted), strings.Join(counted, ", "))
	case len(counted) == 1:
		x.counts = counted[0]
	}
	x.attempts = outcomes
	if x.counts != "" {
		x.attempts = byMetric[x.counts]
	}
	return nil
}

// read is what a measurement costs by this source; ok is false where it says
// nothing of it.
func (s *costSource) read(b *record.Measurement, currency string) (amount exact.Rat, ok bool, err error) {
	field := ""
	if s.name != b.Metric {
		if field, ok = strings.CutPrefix(s.name, b.Metric+"."); !ok {
			return amount, false, nil
		}
	}
	text, there := string(b.Value), b.Value != ""
	if field != "" {
		var v record.Value
		if v, there = b.Fields.Get(field); v.IsBool {
			return amount, false, fmt.Errorf("%s: got a bool, want a decimal", field)
		}
		text = v.Text
	}
	if s.metric != "" && s.metric != b.Metric {
		return amount, false, fmt.Errorf("--%s %s names %s and %s alike", s.what, s.name, s.metric, b.Metric)
	}
	if !there {
		s.absent++
		return amount, false, nil
	}
	if _, err := record.ParseDecimal(text); err != nil {
		return amount, false, fmt.Errorf("%s: %v", field, err)
	}
	x, err := exact.Parse(text)
	if err != nil {
		return amount, false, fmt.Errorf("%s: %v", field, err)
	}
	if s.what != "cost" && x.Sign() < 0 {
		return amount, false, fmt.Errorf("%s is %s, want at least 0 %s", s.name, text, s.what)
	}
	if got, ok := b.Fields.Get("currency"); ok && s.what == "cost" && got.Text != currency {
		return amount, false, fmt.Errorf("currency: got %s, want %s as in the draft", got.Text, currency)
	}
	s.metric, s.field = b.Metric, field
	s.found++
	amount = x.Mul(s.price)
	s.quantity, s.sum = s.quantity.Add(x), s.sum.Add(amount)
	return amount, true, nil
}
