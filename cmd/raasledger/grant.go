package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
)

func grantCommand() *cli.Command {
	who := []cli.Flag{
		&cli.StringFlag{Name: "by", Usage: "the `PARTY` that says so", DefaultText: "the operator of the ledger"},
		&cli.StringFlag{Name: "id", Usage: "`ID` of the record", DefaultText: "revoke/GRANT for a revocation"},
	}
	return &cli.Command{
		Name:  "grant",
		Usage: "give an agent authority, or take it back",
		Subcommands: []*cli.Command{{
			Name:      "give",
			Usage:     "record a grant",
			ArgsUsage: "GRANTEE",
			Description: `What the operator of the ledger gives is appended. What another party gives is
printed, for that party to sign with raasverify sign: a chain of grants begins
with the client's. With --parent the grant is taken from another one, whose
grantee gives it; where it is wider than that, it says so.

Examples:
    raasledger grant give agent-1 --db store --id grant/1 --by client --action refund \
        --resource 'order/*' --limit-each 100 --limit-period 1000/30 --until 2026-12-31 \
        --escalate amount_over=60 --on-timeout block --delegable 1 -o grant.json
    raasledger grant give agent-2 --db store --id grant/2 --parent grant/1 \
        --action refund --resource 'order/*' --limit-each 20 --until 2026-06-30`,
			Flags: append(append(append(storeFlags(), who...),
				&cli.StringFlag{Name: "parent", Usage: "take it from `GRANT`"},
				&cli.StringSliceFlag{Name: "action", Usage: "what may be done: `ACTION`"},
				&cli.StringSliceFlag{Name: "resource", Usage: "on what: `RESOURCE`, a * at its end stands for the rest"},
				&cli.StringFlag{Name: "limit-each", Usage: "at most `AMOUNT` each time"},
				&cli.StringFlag{Name: "limit-period", Usage: "at most `AMOUNT/DAYS` within any days"},
				&cli.StringSliceFlag{Name: "escalate", Usage: "ask a human where `WHEN=VALUE`: amount_over, confidence_under, flag, action or check_result"},
				&cli.StringFlag{Name: "on-timeout", Usage: "where no human answers: `block` or proceed"},
				&cli.StringFlag{Name: "tier", Usage: "`TIER`: user, authorised or autonomous"},
				&cli.Int64Flag{Name: "delegable", Usage: "how many times it may be passed on: `N`"},
				&cli.StringFlag{Name: "from", Usage: "from `TIME` on", DefaultText: "now"},
				&cli.StringFlag{Name: "until", Usage: "before `TIME`"},
				&cli.StringFlag{Name: "operator", Usage: "the `PARTY` whose agent it is", DefaultText: "the operator of the ledger"},
			), command.OutputFlags()...),
			Action: giveGrant,
		}, {
			Name:      "revoke",
			Usage:     "record that a grant ends",
			ArgsUsage: "GRANT",
			Description: `It counts from --effective on, and not before it is recorded: what was done
until then was done under the grant.

Example:
    raasledger grant revoke grant/2 --db store --reason "agent-2 is switched off"`,
			Flags: append(append(append(storeFlags(), who...),
				&cli.StringFlag{Name: "reason", Usage: "why: `TEXT`"},
				&cli.StringFlag{Name: "effective", Usage: "from `TIME` on", DefaultText: "now"},
			), command.OutputFlags()...),
			Action: revokeGrant,
		}},
	}
}

func giveGrant(c *cli.Context) error {
	args, err := command.Args(c, "GRANTEE")
	if err != nil {
		return err
	}
	if err := command.Need(c, "", "id", "action", "resource", "until"); err != nil {
		return err
	}
	g := &record.Grant{Grantee: args[0], Parent: c.String("parent"), Actions: sortedSet(c.StringSlice("action")), Resources: sortedSet(c.StringSlice("resource")),
		LimitEach: record.Decimal(c.String("limit-each")), OnTimeout: c.String("on-timeout"), Tier: c.String("tier"), Delegable: c.Int64("delegable"), Operator: c.String("operator")}
	if g.LimitPeriod, err = periodLimit(c.String("limit-period")); err != nil {
		return err
	}
	for _, text := range c.StringSlice("escalate") {
		when, value, ok := strings.Cut(text, "=")
		if !ok {
			return command.Usage("like amount_over=60", "--escalate is %q, want WHEN=VALUE", text)
		}
		g.Escalate = append(g.Escalate, record.Boundary{When: when, Value: value})
	}
	if g.From, err = command.Time(c, "from"); err != nil {
		return err
	}
	if g.Until, err = command.Time(c, "until"); err != nil {
		return err
	}
	return withAuthor(c, func(l *ledger.Ledger, by, operator string) (*record.Record, error) {
		g.Grantor = by
		if g.Operator == "" {
			g.Operator = operator
		}
		if g.Parent != "" {
			parent, err := findGrant(l, g.Parent)
			if err != nil {
				return nil, err
			}
			g.Grantor = parent.Grantee
			for _, wider := range widerThan(g, parent) {
				command.Say(c, "wider than %s: %s", g.Parent, wider)
			}
		}
		return &record.Record{Kind: record.KindGrant, ID: c.String("id"), Body: g}, nil
	})
}

func revokeGrant(c *cli.Context) error {
	args, err := command.Args(c, "GRANT")
	if err != nil {
		return err
	}
	if err := command.Need(c, "", "reason"); err != nil {
		return err
	}
	effective, err := command.Time(c, "effective")
	if err != nil {
		return err
	}
	return withAuthor(c, func(l *ledger.Ledger, _, _ string) (*record.Record, error) {
		if _, err := findGrant(l, args[0]); err != nil {
			return nil, err
		}
		id := c.String("id")
		if id == "" {
			id = "revoke/" + args[0]
		}
		return &record.Record{Kind: record.KindRevoke, ID: id, Body: &record.Revoke{Grant: args[0], Effective: effective, Reason: c.String("reason")}}, nil
	})
}

// withAuthor makes a record as a party. That of the operator is appended, that
// of another is printed for it to sign.
func withAuthor(c *cli.Context, make func(l *ledger.Ledger, by, operator string) (*record.Record, error)) error {
	out, err := command.Create(c)
	if err != nil {
		return err
	}
	defer out.Discard()
	return withLedger(c, func(l *ledger.Ledger) error {
		var operator string
		if err := l.State(func(s *fee.State) error { operator = s.Standing().Latest().Terms.Operator().ID; return nil }); err != nil {
			return err
		}
		by := c.String("by")
		if by == "" {
			by = operator
		}
		r, err := make(l, by, operator)
		if err != nil {
			return err
		}
		r.By, r.At = by, record.Time(command.Now(c).UnixMilli())
		if by == operator {
			n, err := l.Append(c.Context, r)
			if err != nil {
				if isStoreError(err) {
					return err
				}
				return command.Refused("", err)
			}
			return command.Report(c, "%s: %s %s is record %d\n", l.Origin(), r.Kind, r.ID, n[0])
		}
		line, err := record.Marshal(r)
		if err != nil {
			return command.Refused("", err)
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
		if err := out.Commit(); err != nil {
			return err
		}
		command.Say(c, "%s: %s %s is to be signed by %s: raasverify sign", l.Origin(), r.Kind, r.ID, by)
		return nil
	})
}

func findGrant(l *ledger.Ledger, id string) (*record.Grant, error) {
	n, err := findRecord(l, id)
	if err != nil {
		return nil, err
	}
	r, err := recordAt(l, n)
	if err != nil {
		return nil, err
	}
	g, ok := r.Body.(*record.Grant)
	if !ok {
		return nil, command.Refused("", fmt.Errorf("%s: record %s is of kind %s, want grant", l.Origin(), id, r.Kind))
	}
	return g, nil
}

// widerThan says what a grant gives that its parent has not. The rules find
// that, too; it is no reason to refuse the record.
func widerThan(g, parent *record.Grant) []string {
	var wider []string
	if parent.LimitEach != "" {
		if g.LimitEach == "" {
			wider = append(wider, fmt.Sprintf("no limit for each, it has %s", parent.LimitEach))
		} else if more(g.LimitEach, parent.LimitEach) {
			wider = append(wider, fmt.Sprintf("%s for each, it has %s", g.LimitEach, parent.LimitEach))
		}
	}
	if g.Until > parent.Until {
		wider = append(wider, fmt.Sprintf("until %s, it has %s", g.Until, parent.Until))
	}
	for _, action := range g.Actions {
		if !slices.Contains(parent.Actions, action) {
			wider = append(wider, "action "+action+", which it has not")
		}
	}
	if parent.Delegable <= g.Delegable {
		wider = append(wider, fmt.Sprintf("delegable %d, it has %d", g.Delegable, parent.Delegable))
	}
	return wider
}

// more compares two amounts; what is none, the record will not take.
func more(a, b record.Decimal) bool {
	x, err := exact.Parse(string(a))
	y, bad := exact.Parse(string(b))
	return err == nil && bad == nil && x.Cmp(y) > 0
}

func periodLimit(text string) (*record.PeriodLimit, error) {
	if text == "" {
		return nil, nil
	}
	amount, days, ok := strings.Cut(text, "/")
	n, err := strconv.ParseInt(days, 10, 64)
	if !ok || err != nil {
		return nil, command.Usage("1000/30 is at most 1000 within any 30 days", "--limit-period is %q, want AMOUNT/DAYS", text)
	}
	return &record.PeriodLimit{Amount: record.Decimal(amount), Days: n}, nil
}

func sortedSet(list []string) []string {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
