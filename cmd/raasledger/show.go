package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/ledger/evidence"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:  "show",
		Usage: "show the ledger, its records, statements, and the next statement as it stands",
		Description: `Without a flag it shows where the ledger stands. Records are printed as
they are stored, one a line; jq reads them.

Examples:
    raasledger show --db store
    raasledger show --db store --case T-1001
    raasledger show --db store --statement 2026-03
    raasledger show --db store --accrued --detail`,
		Flags: append(storeFlags(),
			&cli.Int64Flag{Name: "n", Usage: "record `N`", DefaultText: "none"},
			&cli.StringFlag{Name: "id", Usage: "the record named `ID`"},
			&cli.StringFlag{Name: "case", Usage: "records of `CASE`"},
			&cli.StringFlag{Name: "kind", Usage: "records of `KIND`"},
			&cli.StringFlag{Name: "statement", Usage: "the statement of `PERIOD` as a table"},
			&cli.BoolFlag{Name: "accrued", Usage: "what the next statement would say if nothing more were recorded until its closing; forecast tells what is earned by now"},
			&cli.BoolFlag{Name: "detail", Usage: "with --accrued: each result with its line, quantity, amount and reason"},
			jsonFlag()),
		Action: show,
	}
}

func show(c *cli.Context) error {
	if _, err := command.Args(c); err != nil {
		return err
	}
	for _, alone := range []string{"n", "id", "statement", "accrued"} {
		for _, other := range []string{"n", "id", "case", "kind", "statement", "accrued"} {
			if other != alone {
				if err := command.Exclude(c, alone, other); err != nil {
					return err
				}
			}
		}
	}
	if c.Bool("detail") && !c.Bool("accrued") {
		return command.Usage("raasverify check --detail writes that of statements", "--detail goes with --accrued")
	}
	if c.IsSet("kind") {
		if _, ok := record.NewBody(record.Kind(c.String("kind"))); !ok {
			return command.Usage("docs/record.md lists the kinds", "no kind of record is named %q", c.String("kind"))
		}
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		switch {
		case c.IsSet("n"):
			line, err := l.Get(c.Int64("n"))
			if err != nil {
				return err
			}
			return command.Report(c, "%s\n", line)
		case c.IsSet("id"):
			n, ok, err := l.Find(c.String("id"))
			if err != nil {
				return err
			}
			if !ok {
				return command.Failed("", fmt.Errorf("there is no record %q", c.String("id")))
			}
			line, err := l.Get(n)
			if err != nil {
				return err
			}
			return command.Report(c, "%s\n", line)
		case c.IsSet("statement"):
			n, err := findStatement(l, c.String("statement"))
			if err != nil {
				return err
			}
			r, err := recordAt(l, n)
			if err != nil {
				return err
			}
			standing, err := standingOfTerms(l)
			if err != nil {
				return err
			}
			return reportStatement(c, r, standing)
		case c.Bool("accrued"):
			return l.State(func(s *fee.State) error { return showAccrued(c, s) })
		case c.IsSet("case") || c.IsSet("kind"):
			return showRecords(c, l)
		default:
			return showLedger(c, l)
		}
	})
}

// showRecords prints the records of a case, of a kind, or of both.
func showRecords(c *cli.Context, l *ledger.Ledger) error {
	found := false
	for line, err := range l.Records(c.Context, 0, l.Size()) {
		if err != nil {
			return err
		}
		r, err := record.Parse(line)
		if err != nil {
			return err
		}
		if c.IsSet("case") && r.Case != c.String("case") || c.IsSet("kind") && r.Kind != record.Kind(c.String("kind")) {
			continue
		}
		found = true
		if err := command.Report(c, "%s\n", line); err != nil {
			return err
		}
	}
	if !found {
		command.Say(c, "no such records")
	}
	return nil
}

// showAccrued prints the statement that the next settlement would give if it
// were now, with the detail lines before it.
func showAccrued(c *cli.Context, s *fee.State) error {
	if _, _, ok := s.Next(); !ok {
		return command.Failed("", errors.New("no period is left to settle"))
	}
	var detail func([]byte) error
	if c.Bool("detail") {
		detail = func(line []byte) error { return command.Report(c, "%s\n", line) }
	}
	statement, err := s.Settle(detail)
	if err != nil {
		return err
	}
	return reportStatement(c, &record.Record{
		Kind: record.KindStatement,
		ID:   "statement/" + statement.Period,
		At:   statement.Closing,
		By:   s.Standing().Governing(statement.From).Terms.Operator().ID,
		Body: statement,
	}, s.Standing())
}

// A standing is where a ledger stands.
type standing struct {
	Origin   string          `json:"origin"`
	Size     int64           `json:"size"`
	LogKey   string          `json:"log_key"`
	Versions []versionReport `json:"versions"`
	Next     *nextPeriod     `json:"next,omitempty"`
}

type versionReport struct {
	Version int64         `json:"version"`
	N       int64         `json:"n"`
	Agreed  bool          `json:"agreed"`
	From    string        `json:"from"`
	Terms   record.Digest `json:"terms"`
}

type nextPeriod struct {
	Period  string `json:"period"`
	Closing string `json:"closing"`
	Due     bool   `json:"due"`
}

func standingOf(c *cli.Context, l *ledger.Ledger) (*standing, error) {
	report := &standing{Origin: l.Origin(), Size: l.Size()}
	err := l.State(func(s *fee.State) error {
		report.Size = s.Size()
		report.LogKey = s.Standing().LogKey()
		for _, v := range s.Standing().Versions() {
			report.Versions = append(report.Versions, versionReport{v.Number, v.N, v.Agreed, v.Terms.From.String(), v.Terms.Digest()})
		}
		if p, closing, ok := s.Next(); ok {
			due := command.Now(c).UnixMilli() >= int64(closing)
			report.Next = &nextPeriod{p.Name, closing.String(), due}
		}
		return nil
	})
	return report, err
}

func showLedger(c *cli.Context, l *ledger.Ledger) error {
	s, err := standingOf(c, l)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return jsonLine(c, s)
	}
	if err := command.Report(c, "ledger       %s\nsize         %d\nlog key      %s\n", s.Origin, s.Size, s.LogKey); err != nil {
		return err
	}
	for _, v := range s.Versions {
		agreed := "signed by both"
		if !v.Agreed {
			agreed = "in shadow"
		}
		if err := command.Report(c, "version      %d, record %d, from %s, %s\n", v.Version, v.N, v.From, agreed); err != nil {
			return err
		}
	}
	if s.Next == nil {
		return command.Report(c, "next         no period is left to settle\n")
	}
	due := ""
	if s.Next.Due {
		due = ", due"
	}
	return command.Report(c, "next         %s, closing %s%s\n", s.Next.Period, s.Next.Closing, due)
}

func listCommand() *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list the ledgers of a store",
		Description: `Example:
    raasledger list --db store`,
		Flags:  []cli.Flag{&cli.StringFlag{Name: "db", Usage: "store in `DIR`"}, jsonFlag()},
		Action: list,
	}
}

func list(c *cli.Context) (err error) {
	if _, err := command.Args(c); err != nil {
		return err
	}
	db, err := openStore(c, false)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = storeError(closeErr)
		}
	}()
	for _, origin := range db.Origins() {
		l, err := db.Ledger(origin)
		if err != nil {
			return storeError(err)
		}
		if c.Bool("json") {
			s, err := standingOf(c, l)
			if err != nil {
				return storeError(err)
			}
			if err := jsonLine(c, s); err != nil {
				return err
			}
			continue
		}
		if err := command.Report(c, "%s  size %d\n", origin, l.Size()); err != nil {
			return err
		}
	}
	return nil
}

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "re-read and re-hash the whole store and report every fault",
		Description: `Nothing is changed. Exit code 1 says that there are faults. Evidence is hashed
as it lies there; with --key what that key holds is opened, too, and compared
with the records.

Example:
    raasledger check --db store`,
		Flags: []cli.Flag{&cli.StringFlag{Name: "db", Usage: "store in `DIR`"},
			&cli.StringFlag{Name: "key", Usage: "open evidence with the private key in `FILE`"}, jsonFlag()},
		Action: check,
	}
}

func check(c *cli.Context) (err error) {
	if _, err := command.Args(c); err != nil {
		return err
	}
	var keys []*evidence.Identity
	if c.IsSet("key") {
		id, err := command.LoadIdentity(c)
		if err != nil {
			return err
		}
		keys = append(keys, id)
	}
	db, err := openStore(c, false)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = storeError(closeErr)
		}
	}()
	type faultReport struct {
		Origin string `json:"origin,omitempty"`
		N      int64  `json:"n"` // -1 if it is not one record's
		Text   string `json:"text"`
	}
	faults := []faultReport{}
	if err := db.Check(c.Context, func(f ledger.Fault) { faults = append(faults, faultReport{f.Origin, f.N, f.Text}) }, keys...); err != nil {
		return storeError(err)
	}
	var records int64
	for _, origin := range db.Origins() {
		l, err := db.Ledger(origin)
		if err != nil {
			return storeError(err)
		}
		records += l.Size()
	}
	if c.Bool("json") {
		err = jsonLine(c, struct {
			Ledgers int           `json:"ledgers"`
			Records int64         `json:"records"`
			Faults  []faultReport `json:"faults"`
		}{len(db.Origins()), records, faults})
	} else {
		for _, f := range faults {
			where := "store"
			switch {
			case f.N >= 0:
				where = fmt.Sprintf("%s record %d", f.Origin, f.N)
			case f.Origin != "":
				where = f.Origin
			}
			if err := command.Report(c, "fault        %s: %s\n", where, command.Printable(f.Text)); err != nil {
				return err
			}
		}
		err = command.Report(c, "checked      %s, %s, %s\n", count(int64(len(db.Origins())), "ledger"), count(records, "record"), count(int64(len(faults)), "fault"))
	}
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return command.Refused("docs/store.md says what to do", fmt.Errorf("the store has %s", count(int64(len(faults)), "fault")))
	}
	return nil
}
