package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/ledger/evidence"
)

func eraseCommand() *cli.Command {
	return &cli.Command{
		Name:      "erase",
		Usage:     "erase evidence: record it, and destroy keys and content",
		ArgsUsage: "RECORD [NAME...]",
		Description: `Without NAME all evidence of the record is erased. An erase record says basis,
scope, holders and who of them has confirmed; then the keys and the content
are overwritten in this store. Copies that others hold are theirs to erase.

Where the basis is not an agreed one, a dispute holds the evidence, or it is to
be kept longer, nothing is done, unless --improper says so. That stays in the
ledger, and the rules of responsibility find it (improper_erasure), and may
presume what it took away. Where a demand for it is unanswered, --demanded is
asked for.

Examples:
    raasledger erase o-1 --db store --basis "GDPR 17(1)(a)"
    raasledger erase o-1 photo --db store --basis asked --restrict
    raasledger erase o-1 photo --db store --basis "found accurate" --lift`,
		Flags: append(storeFlags(),
			&cli.StringFlag{Name: "basis", Usage: "legal or agreed basis: `TEXT`"},
			&cli.BoolFlag{Name: "restrict", Usage: "destroy nothing; keep it for storage only"},
			&cli.BoolFlag{Name: "lift", Usage: "end a restriction"},
			&cli.BoolFlag{Name: "improper", Usage: "erase even where something speaks against it"},
			&cli.BoolFlag{Name: "demanded", Usage: "erase even where a demand for it is unanswered"},
			&cli.StringFlag{Name: "id", Usage: "`ID` of the erase record", DefaultText: "erase/RECORD, restrict/RECORD or lift/RECORD, with a NAME behind it"},
			&cli.StringFlag{Name: "key", Usage: "tell sealed fields by name, with the private key in `FILE`"},
			jsonFlag()),
		Action: erase,
	}
}

func erase(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) == 0 {
		_, err := command.Args(c, "RECORD")
		return err
	}
	if err := command.Need(c, "", "basis"); err != nil {
		return err
	}
	var id *evidence.Identity
	if c.IsSet("key") {
		var err error
		if id, err = command.LoadIdentity(c); err != nil {
			return err
		}
	}
	e := ledger.Erasure{ID: c.String("id"), Of: args[0], Basis: c.String("basis"), State: record.Erased, Improper: c.Bool("improper"), Demanded: c.Bool("demanded")}
	if err := command.Exclude(c, "restrict", "lift"); err != nil {
		return err
	}
	first := "erase/"
	switch {
	case c.Bool("restrict"):
		e.State, first = record.Restricted, "restrict/"
	case c.Bool("lift"):
		e.State, first = record.Lifted, "lift/"
	}
	if e.ID == "" {
		e.ID = first + args[0]
		if len(args) > 2 {
			return command.Usage("give the erase record an id", "--id is missing: several names are erased")
		}
	}
	return withLedger(c, func(l *ledger.Ledger) error {
		n, err := findRecord(l, e.Of)
		if err != nil {
			return err
		}
		for _, name := range args[1:] {
			i, err := resolve(l, n, name, id)
			if err != nil {
				return err
			}
			scope := i.Name
			if i.Kind == evidence.Disclosure {
				scope = string(i.Digest)
			}
			e.Scope = append(e.Scope, scope)
			if !c.IsSet("id") {
				e.ID += "/" + strings.TrimPrefix(scope, "sha256:")[:min(len(strings.TrimPrefix(scope, "sha256:")), 32)]
			}
		}
		at, improper, err := l.Erase(c.Context, e)
		if e, ok := errors.AsType[*ledger.ImproperError](err); ok {
			return command.Refused("--improper erases all the same, and leaves that in the ledger", e)
		}
		if e, ok := errors.AsType[*ledger.DemandedError](err); ok {
			return command.Refused("disclose it first; --demanded erases it unanswered, and the rules presume from that", e)
		}
		if err != nil {
			return evidenceError(err)
		}
		return reportErasure(c, l, at, e, improper)
	})
}

func reportErasure(c *cli.Context, l *ledger.Ledger, n int64, e ledger.Erasure, improper []responsibility.Impropriety) error {
	r, err := recordAt(l, n)
	if err != nil {
		return err
	}
	b := r.Body.(*record.Erase)
	if c.Bool("json") {
		type cause struct {
			Cause string `json:"cause"`
			By    string `json:"by,omitempty"`
			Text  string `json:"text"`
		}
		causes := []cause{}
		for _, i := range improper {
			causes = append(causes, cause(i))
		}
		text, err := json.Marshal(struct {
			N         int64    `json:"n"`
			ID        string   `json:"id"`
			State     string   `json:"state"`
			Holders   []string `json:"holders"`
			Confirmed []string `json:"confirmed"`
			Improper  []cause  `json:"improper"`
		}{n, r.ID, b.State, b.Holders, append([]string{}, b.Confirmed...), causes})
		if err != nil {
			return err
		}
		return command.Report(c, "%s\n", text)
	}
	scope := "all evidence"
	if len(b.Scope) > 0 {
		scope = strings.Join(b.Scope, ", ")
	}
	confirmed := ""
	if len(b.Confirmed) > 0 {
		confirmed = "; confirmed by " + strings.Join(b.Confirmed, ", ")
	}
	if b.State == record.Erased {
		for _, h := range b.Holders {
			if h != r.By && !slices.Contains(b.Confirmed, h) {
				confirmed += "; " + h + " has not erased its own"
			}
		}
	}
	if err := command.Report(c, "%s: record %d, %s of %s %s; held by %s%s\n", l.Origin(), n, command.Printable(scope), e.Of, b.State, strings.Join(b.Holders, ", "), confirmed); err != nil {
		return err
	}
	for _, i := range improper {
		if err := command.Report(c, "improper     %-12s %s\n", i.Cause, command.Printable(i.Text)); err != nil {
			return err
		}
	}
	return nil
}
