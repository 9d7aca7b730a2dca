package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/raasledger/raasledger/internal/auditor"
	"github.com/raasledger/raasledger/internal/scripttest"
	"github.com/raasledger/raasledger/ledger"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"raasledger": scripttest.Main(newApp),
		"raasverify": scripttest.Main(auditor.App),
	})
}

// TestScripts also runs those of raasverify that need a ledger. Beside the
// usual commands the scripts have
//
//	ready               makes vendor.json, agreement.json and store, with the agreement
//	settled             settles March, and makes checkpoint, cosigned and march.bundle
//	hold DIR            opens the store in the process of the test, until the script ends
//	flip FILE TEXT      flips a bit of the first TEXT in the file
//	tamper DIR KIND NAME
//	                    flips a bit of what Badger has for a name of ledger 1
func TestScripts(t *testing.T) {
	scripttest.Run(t, map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"ready":   func(ts *testscript.TestScript, _ bool, _ []string) { each(ts, ready) },
		"settled": func(ts *testscript.TestScript, _ bool, _ []string) { each(ts, settled) },
		"hold": func(ts *testscript.TestScript, _ bool, args []string) {
			db, err := ledger.Open(ts.MkAbs(args[0]), ledger.Options{})
			ts.Check(err)
			ts.Defer(func() { ts.Check(db.Close()) })
		},
		"flip":   func(ts *testscript.TestScript, _ bool, args []string) { flip(ts, args[0], args[1]) },
		"tamper": func(ts *testscript.TestScript, _ bool, args []string) { tamper(ts, args[0], args[1], args[2]) },
	})
}

func flip(ts *testscript.TestScript, path, text string) {
	b := []byte(ts.ReadFile(path))
	at := bytes.Index(b, []byte(text))
	if at < 0 {
		ts.Fatalf("%s has no %q", path, text)
	}
	b[at] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(path), b, 0o600))
}

// tamper flips a bit at the end of a value, as a program would that writes into
// the files behind the back of the ledger: with checksums that are right.
func tamper(ts *testscript.TestScript, dir, kind, name string) {
	kv, err := badger.Open(badger.DefaultOptions(filepath.Join(ts.MkAbs(dir), "badger")).WithLogger(nil).WithCompression(options.None))
	ts.Check(err)
	ts.Check(kv.Update(func(txn *badger.Txn) error {
		key := []byte(kind + "\x00\x00\x00\x01" + name)
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		value, err := item.ValueCopy(nil)
		if err != nil {
			return err
		}
		value[len(value)-1] ^= 1
		return txn.Set(key, value)
	}))
	ts.Check(kv.Close())
}

var ready = [][]string{
	{"raasledger", "agreement", "sign", "terms.yaml", "--origin", scripttest.Origin, "--log-key", "log.key.pub", "--key", "vendor.key", "--yes", "-o", "vendor.json"},
	{"raasverify", "sign", "vendor.json", "--key", "client.key", "--yes", "-o", "agreement.json"},
	{"raasledger", "agreement", "add", "agreement.json", "--db", "store"},
}

var settled = [][]string{
	{"raasledger", "-at", "2026-04-08T00:00:00Z", "settle", "--db", "store"},
	{"raasledger", "checkpoint", "--db", "store", "--key", "log.key", "-o", "checkpoint"},
	{"raasverify", "-at", "2026-04-08T01:00:00Z", "cosign", "checkpoint", "--policy", "policy", "--first", "--key", "client.key", "--name", "client.example", "-o", "cosigned"},
	{"raasledger", "checkpoint", "--db", "store", "--add", "cosigned"},
	{"raasledger", "bundle", "--db", "store", "-o", "march.bundle"},
}

func each(ts *testscript.TestScript, commands [][]string) {
	for _, c := range commands {
		ts.Check(ts.Exec(c[0], c[1:]...))
	}
}
