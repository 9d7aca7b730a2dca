package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/internal/auditor"
	"github.com/raasledger/raasledger/internal/command"
)

var updateDemo = flag.Bool("update-demo", false, "rewrite testdata/demo.txt")

// run runs an app as its main does, and returns what it printed.
func run(app *cli.App, args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	app.Writer, app.ErrWriter, app.Reader = &out, &errs, strings.NewReader("")
	code = command.Run(app, append([]string{app.Name}, args...))
	return out.String(), errs.String(), code
}

// clock is some day after the demo was written: the demo has its own.
func clock() time.Time { return time.Date(2027, 5, 4, 3, 2, 1, 0, time.UTC) }

func TestDemo(t *testing.T) {
	dirs := [2]string{filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "it's two")}
	var outs [2]string
	for i, dir := range dirs {
		var stderr string
		var code int
		if outs[i], stderr, code = run(newApp(clock), "demo", "--dir", dir); code != 0 || stderr != "" {
			t.Fatalf("exit %d, stderr %q, stdout\n%s", code, stderr, outs[i])
		}
	}

	// The same story every time, to the last byte.
	hash := regexp.MustCompile(`[A-Za-z0-9+/]{43}=?`)
	masked := func(i int) string {
		s := strings.ReplaceAll(strings.ReplaceAll(outs[i], quoteShell(dirs[i]), "DIR"), dirs[i], "DIR")
		return hash.ReplaceAllString(s, "HASH")
	}
	if masked(0) != masked(1) {
		t.Errorf("two runs differ:\n%s\n%s", masked(0), masked(1))
	}
	for _, name := range []string{"agreement.json", "checkpoint", "checkpoint.16-march", "policy", "march.bundle", "cheat-1-fact.bundle", "cheat-2-dropped.bundle", "cheat-3-total.bundle"} {
		a, errA := os.ReadFile(filepath.Join(dirs[0], name))
		b, errB := os.ReadFile(filepath.Join(dirs[1], name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs between two runs (%v, %v)", name, errA, errB)
		}
	}
	golden := "testdata/demo.txt"
	if *updateDemo {
		if err := os.WriteFile(golden, []byte(masked(0)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if masked(0) != string(want) {
		t.Errorf("got\n%s\nwant, as in %s,\n%s", masked(0), golden, want)
	}

	// The commands it ends with work as they are printed.
	_, printed, _ := strings.Cut(outs[1], "Go on with:\n")
	for i, line := range strings.Split(strings.TrimSpace(printed), "\n") {
		args := shellWords(t, strings.TrimSpace(line))
		app := newApp(clock)
		if args[0] == "raasverify" {
			app = auditor.App(clock)
		}
		stdout, stderr, code := run(app, args[1:]...)
		wantCode := 0
		if strings.Contains(line, "cheat") {
			wantCode = 1
		}
		if code != wantCode || stdout == "" {
			t.Errorf("command %d: %s\nexit %d, want %d: %s%s", i+1, line, code, wantCode, stdout, stderr)
		}
	}
}

// shellWords splits a line as a shell does that knows single quotes and
// backslashes only.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	var words []string
	var word strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\'':
			quoted = !quoted
		case c == '\\' && !quoted:
			i++
			word.WriteByte(line[i])
		case c == ' ' && !quoted:
			words = append(words, word.String())
			word.Reset()
		default:
			word.WriteByte(c)
		}
	}
	if quoted {
		t.Fatalf("quotation mark left open: %s", line)
	}
	return append(words, word.String())
}

// go run keeps what it built in its cache, from the second time on.
func TestDemoGoRun(t *testing.T) {
	for self, want := range map[string]string{
		"/tmp/go-build1029384756/b001/exe/raasledger":                                             "go run ./cmd/",
		"/home/me/.cache/go-build/ec/" + strings.Repeat("ec", 32) + "-d/raasledger":               "go run ./cmd/",
		"C:/Users/me/AppData/Local/go-build/ec/" + strings.Repeat("ec", 32) + "-d/raasledger.exe": "go run ./cmd/",
		"/home/me/go/bin/raasledger":                                                              "", "raasledger": "", "./raasledger": "", "/tmp/go-build1/b001/raasledger.test": "",
	} {
		if got := goRun(self); got != want {
			t.Errorf("%s: got %q, want %q", self, got, want)
		}
	}
}

func TestDemoRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"demo", "--dir", dir}, fmt.Sprintf("raasledger: error: mkdir %s: file exists\nraasledger: hint: name a folder that is not there yet\n", dir)},
		{[]string{"demo", "here"}, "raasledger: error: there is no example \"here\"\nraasledger: hint: raasledger demo --list names them\n"},
		{[]string{"demo", "../sierra"}, "raasledger: error: there is no example \"../sierra\"\nraasledger: hint: raasledger demo --list names them\n"},
		{[]string{"demo", "sierra", "hexie"}, "raasledger: error: want one NAME, got 2 arguments\nraasledger: hint: usage: raasledger demo [flags] [NAME]\n"},
		{[]string{"demo", "--list", "sierra"}, "raasledger: error: want no arguments, got 1 argument\nraasledger: hint: usage: raasledger demo [flags] [NAME]\n"},
	} {
		if stdout, stderr, code := run(newApp(clock), test.args...); code != 2 || stdout != "" || stderr != test.want {
			t.Errorf("%v: exit %d, %q, %q", test.args, code, stdout, stderr)
		}
	}
}

// Without --dir the files go into a new temporary folder, which is named.
func TestDemoTemporary(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	stdout, stderr, code := run(newApp(clock), "demo")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	_, rest, _ := strings.Cut(stdout, "The files are in ")
	dir, _, _ := strings.Cut(rest, ". Go on with:")
	if _, err := os.Stat(filepath.Join(dir, "march.bundle")); err != nil || !strings.HasPrefix(filepath.Base(dir), "raasledger-demo-") {
		t.Errorf("folder %q: %v", dir, err)
	}
}
