package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh/agent"

	"github.com/raasledger/raasledger/internal/auditor"
	"github.com/raasledger/raasledger/internal/scripttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"raasverify": scripttest.Main(auditor.App)})
}

// TestScripts runs what needs no ledger; the other scripts of raasverify are
// with those of raasledger, which makes them theirs. Beside the usual commands
// the scripts have
//
//	agent NAME    runs an ssh-agent that holds the key
func TestScripts(t *testing.T) {
	scripttest.Run(t, map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"agent": func(ts *testscript.TestScript, _ bool, args []string) {
			ring := agent.NewKeyring()
			ts.Check(ring.Add(agent.AddedKey{PrivateKey: scripttest.Key(args[0])}))
			dir, err := os.MkdirTemp("", "agent") // the script's folder may be too long for a socket
			ts.Check(err)
			ts.Defer(func() { os.RemoveAll(dir) })
			listener, err := net.Listen("unix", filepath.Join(dir, "s"))
			ts.Check(err)
			ts.Defer(func() { listener.Close() })
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					go agent.ServeAgent(ring, conn)
				}
			}()
			ts.Setenv("SSH_AUTH_SOCK", listener.Addr().String())
		},
	})
}
