package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/ledger"
)

// storeFlags name the store and the ledger in it.
func storeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "db", Usage: "store in `DIR`"},
		&cli.StringFlag{Name: "ledger", Usage: "ledger of `ORIGIN`; not needed where the store has one only"},
	}
}

func jsonFlag() cli.Flag { return &cli.BoolFlag{Name: "json", Usage: "print JSON"} }

// openStore opens the store that --db names. Only create makes a new one:
// any other command would leave an empty store behind a mistyped name.
func openStore(c *cli.Context, create bool) (*ledger.DB, error) {
	if err := command.Need(c, "", "db"); err != nil {
		return nil, err
	}
	dir := c.String("db")
	if !create {
		if err := hasStore(dir); err != nil {
			return nil, command.Failed("raasledger agreement add makes a store", err)
		}
	}
	db, err := ledger.Open(dir, ledger.Options{Clock: command.Clock(c)})
	return db, storeError(err)
}

// hasStore refuses a directory in which Open would make a new store.
func hasStore(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	info, err := d.Stat()
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if _, err := d.Readdirnames(1); errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is empty", dir)
	} else if err != nil {
		return err
	}
	return nil
}

// storeError gives an error of package ledger its exit code and a hint.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*command.Fault](err); ok {
		return err
	}
	if _, ok := errors.AsType[*ledger.NotDueError](err); ok {
		return command.Refused("raasledger show --accrued tells what it would say if nothing more were recorded", err)
	}
	if _, ok := errors.AsType[*record.Refusal](err); ok {
		return command.Refused("", err)
	}
	switch {
	case errors.Is(err, ledger.ErrLocked):
		return command.Failed("only one process may have a store open", err)
	case errors.Is(err, ledger.ErrNoStore):
		return command.Failed("give the directory that raasledger agreement add made", err)
	case errors.Is(err, ledger.ErrDamaged):
		return command.Failed("raasledger check lists what is damaged", err)
	case errors.Is(err, ledger.ErrPoisoned):
		return command.Failed("run the same command again: records that are stored already keep their number", err)
	}
	return err
}

// isStoreError tells an error of the store from one of what it was given.
func isStoreError(err error) bool {
	for _, e := range []error{ledger.ErrDamaged, ledger.ErrPoisoned, ledger.ErrNoSpace, ledger.ErrClosed, context.Canceled} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// withLedger opens the store and the ledger that the flags name, and closes
// the store after f.
func withLedger(c *cli.Context, f func(*ledger.Ledger) error) (err error) {
	db, err := openStore(c, false)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = storeError(closeErr)
		}
	}()
	l, err := pick(c, db)
	if err != nil {
		return err
	}
	return storeError(f(l))
}

// recordAt is record n.
func recordAt(l *ledger.Ledger, n int64) (*record.Record, error) {
	line, err := l.Get(n)
	if err != nil {
		return nil, err
	}
	return record.Parse(line)
}

// pick returns the ledger that --ledger names, or the only one.
func pick(c *cli.Context, db *ledger.DB) (*ledger.Ledger, error) {
	if origin := c.String("ledger"); origin != "" {
		l, err := db.Ledger(origin)
		if errors.Is(err, ledger.ErrNoLedger) {
			return nil, command.Failed("raasledger list tells what is there", err)
		}
		return l, storeError(err)
	}
	switch origins := db.Origins(); len(origins) {
	case 0:
		return nil, command.Failed("raasledger agreement add begins a ledger", errors.New("the store has no ledger"))
	case 1:
		l, err := db.Ledger(origins[0])
		return l, storeError(err)
	default:
		const most = 5
		shown := origins[:min(most, len(origins))]
		return nil, command.Usage("--ledger names one: "+strings.Join(shown, ", "), "the store has %d ledgers", len(origins))
	}
}
