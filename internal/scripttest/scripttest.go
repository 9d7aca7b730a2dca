// Package scripttest runs the test scripts of the commands with fixed keys
// and clocks.
package scripttest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"
	"golang.org/x/crypto/ssh/agent"

	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/merkle"
)

// Origin is that of the ledger in scripts.
const Origin = "vendor.example/support"

// start is the clock of a command that is run without -at.
var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// Main returns a function for testscript.Main that runs an app. In scripts
// "-at TIME" directly behind the command's name fixes its clock; without it
// the clock stands at the beginning of March 2026.
func Main(app func(clock func() time.Time) *cli.App) func() {
	return func() {
		now, args := start, os.Args
		if len(args) > 2 && args[1] == "-at" {
			t, err := time.Parse(time.RFC3339, args[2])
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(2)
			}
			now, args = t, append(args[:1:1], args[3:]...)
		}
		os.Exit(command.Run(app(func() time.Time { return now }), args))
	}
}

// Key is the key of a name, the same in every run.
func Key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("raasledger test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

//go:embed terms.yaml march.jsonl care.yaml care.json
var files embed.FS

// Run runs the scripts in testdata/script. Beside the commands of testscript
// they have
//
//	code N PROGRAM ARGS...    runs a program and wants exit code N of it
//	agent NAME                runs an ssh-agent that holds the key
//
// and those given.
//
// With -short, as the race detector is run, only those run in which the ledger
// itself has most to do: each command of a script is a process of its own, and
// under the detector takes a second to begin.
func Run(t *testing.T, more map[string]func(ts *testscript.TestScript, neg bool, args []string)) {
	commands := map[string]func(ts *testscript.TestScript, neg bool, args []string){"code": code, "agent": runAgent}
	maps.Copy(commands, more)
	p := testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                commands,
	}
	if testing.Short() {
		p.Dir = ""
		for _, name := range []string{"append", "settle", "store", "whole", "sign"} {
			found, err := filepath.Glob(filepath.Join("testdata/script", name+".txtar"))
			if err != nil {
				t.Fatal(err)
			}
			p.Files = append(p.Files, found...)
		}
	}
	testscript.Run(t, p)
}

func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func runAgent(ts *testscript.TestScript, _ bool, args []string) {
	ring := agent.NewKeyring()
	ts.Check(ring.Add(agent.AddedKey{PrivateKey: Key(args[0])}))
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
}

func setup(env *testscript.Env) error { return Files(env.WorkDir) }

// Files writes what each script has into dir: terms.yaml, four records in
// march.jsonl, a conversation in care.json with its map care.yaml, the keys vendor.key, client.key, log.key and stranger.key with
// their public halves, and three policies: policy asks for the client's
// cosignature, policy-none for none, policy-other relies on another log.
func Files(dir string) error {
	write := func(name string, text []byte, mode os.FileMode) error {
		return os.WriteFile(filepath.Join(dir, name), text, mode)
	}
	for _, name := range []string{"vendor", "client", "log", "stranger"} {
		key := Key(name)
		private, public, err := keyfile.Format(key, key.Public().(ed25519.PublicKey), name, nil)
		if err != nil {
			return err
		}
		if err := write(name+".key", private, 0o600); err != nil {
			return err
		}
		if err := write(name+".key.pub", public, 0o644); err != nil {
			return err
		}
	}
	verifier := func(name string, kind merkle.Kind, key string) merkle.VerifierKey {
		k, err := merkle.NewVerifierKey(name, kind, Key(key).Public().(ed25519.PublicKey))
		if err != nil {
			panic(err)
		}
		return k
	}
	log := verifier(Origin, merkle.KindLog, "log")
	client := verifier("client.example", merkle.KindCosignature, "client")
	other := verifier(Origin, merkle.KindLog, "stranger")
	for name, text := range map[string]string{
		"policy":       fmt.Sprintf("log %s\nwitness client %s\nquorum client\n", log, client),
		"policy-none":  fmt.Sprintf("log %s\nwitness client %s\nquorum none\n", log, client),
		"policy-other": fmt.Sprintf("log %s\nwitness client %s\nquorum none\n", other, client),
	} {
		if err := write(name, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"terms.yaml", "march.jsonl", "care.yaml", "care.json"} {
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := write(name, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
