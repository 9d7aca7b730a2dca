package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/raasledger/raasledger/internal/auditor"
	"github.com/raasledger/raasledger/internal/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"raasverify": scripttest.Main(auditor.App)})
}

// TestScripts runs what needs no ledger; the other scripts of raasverify are
// with those of raasledger, which makes them theirs.
func TestScripts(t *testing.T) { scripttest.Run(t, nil) }
