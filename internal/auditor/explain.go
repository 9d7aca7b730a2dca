package auditor

import (
	"encoding/json"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/verify"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "why a result was billed or not, how a line or a total comes about",
		ArgsUsage: "BUNDLE [RESULT]",
		Description: `RESULT is its name and key, or the id of the record that claims it. --line
names a line of the terms instead, --total asks for the whole; --period says
of which statement, else it is the last. The bundle is verified as by check,
and nothing is explained from one that is refused. What each statement said of
the result follows, or the records behind the line, measure by measure: what
was counted, what was taken back, and what stood in for what was missing.

Examples:
    raasverify explain march.bundle resolved/T-1001 --policy policy
    raasverify explain march.bundle --line resolutions --policy policy
    raasverify explain march.bundle --total --period 2026-03 --policy policy --json`,
		Flags: append(policyFlags(),
			&cli.StringFlag{Name: "line", Usage: "explain the line `NAME` of a statement"},
			&cli.BoolFlag{Name: "total", Usage: "explain the total of a statement"},
			&cli.StringFlag{Name: "period", Usage: "of the statement of `PERIOD`, like 2026-03", DefaultText: "the last one"},
			&cli.BoolFlag{Name: "all", Usage: "list every record behind a line", DefaultText: "the first 20 of each measure; with --json always"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Action: explain,
	}
}

// A settled line is what one statement says of a result.
type settled struct {
	Period   string `json:"period"`
	N        int64  `json:"n"`
	Measure  string `json:"measure,omitempty"`
	Quantity string `json:"quantity,omitempty"`
	Line     string `json:"line,omitempty"`
	Amount   string `json:"amount,omitempty"`
	Reason   string `json:"reason"`
	Price    string `json:"price,omitempty"`
	Note     string `json:"note,omitempty"`
}

// asked reads what is to be explained.
func asked(c *cli.Context) (bundle string, q verify.Question, err error) {
	q = verify.Question{Line: c.String("line"), Total: c.Bool("total"), Period: c.String("period"), All: c.Bool("all") || c.Bool("json")}
	if q.Line == "" && !q.Total {
		if q.Period != "" {
			return "", q, command.Failed("--period goes with --line or --total", errors.New("a result is not of one period"))
		}
		args, err := command.Args(c, "BUNDLE", "RESULT")
		if err != nil {
			return "", q, err
		}
		q.Result = args[1]
		return args[0], q, nil
	}
	if q.Line != "" && q.Total {
		return "", q, command.Failed("ask for one of them", errors.New("--line and --total stand together"))
	}
	args, err := command.Args(c, "BUNDLE")
	if err != nil {
		return "", q, err
	}
	return args[0], q, nil
}

func explain(c *cli.Context) error {
	path, q, err := asked(c)
	if err != nil {
		return err
	}
	o, err := options(c)
	if err != nil {
		return err
	}
	in, err := command.Open(c, path)
	if err != nil {
		return err
	}
	defer in.Close()
	show, wipe := command.Progress(c, "records")
	o.Progress = show
	x, report, err := verify.Explain(in, o, q)
	wipe()
	switch {
	case report == nil:
		return err
	case report.ExitCode() == command.ExitRefused:
		return refused(c, report, "nothing in it is explained")
	case err != nil && q.Result == "":
		return command.Failed("raasverify check shows the statements and their lines", err)
	case err != nil:
		return command.Failed("a result is named by name and key, like resolved/T-1001, or by the id of its claim", err)
	}
	if err := writeStory(c, q, x, report); err != nil {
		return err
	}
	return command.Exit(report.ExitCode())
}

func writeStory(c *cli.Context, q verify.Question, x *verify.Explanation, report *verify.Report) error {
	if c.Bool("json") {
		statements := []settled{}
		for _, d := range x.Said {
			statements = append(statements, settled(d))
		}
		out, err := json.Marshal(story{q.Result, q.Line, append([]string{x.Head}, x.Lines...), behind(x), statements, x.Open, report.Verdict, report.ExitCode()})
		if err != nil {
			return err
		}
		return command.Report(c, "%s\n", out)
	}
	return command.Report(c, "%sResult: %s\n", x.Text(), report.Verdict)
}

// The JSON of an explanation.
type (
	story struct {
		Result     string         `json:"result,omitempty"`
		Line       string         `json:"line,omitempty"`
		Lines      []string       `json:"lines"`
		Behind     []backing      `json:"behind,omitempty"`
		Statements []settled      `json:"statements"`
		Unproven   []string       `json:"unproven,omitempty"`
		Verdict    verify.Verdict `json:"verdict"`
		Exit       int            `json:"exit"`
	}
	backing struct {
		Line       string     `json:"line,omitempty"` // absent of the statement's own adjustments
		Version    int64      `json:"version"`
		Correction string     `json:"correction,omitempty"` // the period that is corrected
		Steps      []string   `json:"steps,omitempty"`      // how the amount comes about
		Measures   []measured `json:"measures"`
	}
	measured struct {
		Measure string   `json:"measure"`
		Beside  bool     `json:"beside,omitempty"`
		Value   string   `json:"value,omitempty"`
		Before  string   `json:"before,omitempty"`
		Earlier int64    `json:"earlier,omitempty"`
		StandIn string   `json:"stand_in,omitempty"`
		Hidden  int64    `json:"hidden,omitempty"` // actions before the bundle
		Records []source `json:"records"`
	}
	source struct {
		N        int64    `json:"n"`
		Kind     string   `json:"kind"`
		At       string   `json:"at"`
		Key      string   `json:"key"`
		Quantity string   `json:"quantity"`
		Text     string   `json:"text,omitempty"`
		Amount   string   `json:"amount,omitempty"`
		Price    string   `json:"price,omitempty"` // on paper, where each is priced by itself
		Counted  bool     `json:"counted"`         // now; else it is taken out
		Reason   string   `json:"reason"`
		By       []int64  `json:"by,omitempty"`
		Credit   []string `json:"credit,omitempty"`
	}
)

func behind(x *verify.Explanation) []backing {
	var list []backing
	for _, b := range x.Behind {
		j := backing{Line: b.Line, Version: b.Version, Correction: b.Period, Measures: []measured{}}
		for _, step := range b.Steps {
			j.Steps = append(j.Steps, step.String())
		}
		for _, m := range b.Measures {
			d := measured{Measure: m.Name, Beside: m.Beside, Value: string(m.Value), StandIn: m.StandIn, Hidden: m.Hidden, Records: []source{}}
			if m.CountsOn {
				d.Before, d.Earlier = string(m.Before), m.Earlier
			}
			for _, s := range m.Sources {
				d.Records = append(d.Records, source{s.N, m.Noun, s.At.String(), s.Key, string(s.Quantity), s.Text, string(s.Amount), s.Price, s.Counted, s.Reason, s.By, s.Credit})
			}
			j.Measures = append(j.Measures, d)
		}
		list = append(list, j)
	}
	return list
}
