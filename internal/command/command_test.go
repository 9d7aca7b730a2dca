package command

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// run runs a small app and returns what it gives back and prints.
func run(args ...string) (code int, stdout, stderr string) {
	var out, errOut bytes.Buffer
	clock := func() time.Time { return time.UnixMilli(0).UTC() }
	echo := &cli.Command{
		Name: "echo", Usage: "print arguments", ArgsUsage: "TEXT",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "s", Usage: "`TEXT`"},
			&cli.Int64Flag{Name: "number"},
			&cli.BoolFlag{Name: "b"},
			&cli.StringSliceFlag{Name: "many"},
		},
		Action: func(c *cli.Context) error {
			args, err := Args(c, "TEXT")
			if err != nil {
				return err
			}
			if c.Bool("b") {
				if err := Need(c, "", "s"); err != nil {
					return err
				}
			}
			return Report(c, "%q s=%q number=%d b=%v many=%q now=%d\n", args, c.String("s"), c.Int64("number"), c.Bool("b"), c.StringSlice("many"), Now(c).Unix())
		},
	}
	refuse := &cli.Command{Name: "refuse", Action: func(*cli.Context) error {
		return Refused("do better", errors.New("bad input"))
	}}
	fail := &cli.Command{Name: "fail", Action: func(*cli.Context) error { return errors.New("broken") }}
	unproven := &cli.Command{Name: "unproven", Action: func(*cli.Context) error { return Exit(ExitUnproven) }}
	app := New("tool", "test things", "Some words.", clock, echo, refuse, fail, unproven,
		&cli.Command{Name: "key", Usage: "keys", Subcommands: []*cli.Command{{Name: "new", Usage: "make", Action: func(c *cli.Context) error {
			args, err := Args(c)
			if err != nil {
				return err
			}
			return Report(c, "new %q\n", args)
		}}}})
	app.Writer, app.ErrWriter, app.Reader = &out, &errOut, strings.NewReader("")
	code = Run(app, append([]string{"tool"}, args...))
	return code, out.String(), errOut.String()
}

func TestManners(t *testing.T) {
	for _, v := range []struct {
		args           string
		code           int
		stdout, stderr string // parts; "" is nothing at all
	}{
		{"", 2, "", "Usage:"},
		{"--help", 0, "Usage:", ""},
		{"-h", 0, "Usage:", ""},
		{"--version", 0, "tool version", ""},
		{"nothing", 2, "", "tool: error: no command \"nothing\"\ntool: hint: tool --help lists the commands\n"},
		{"ec", 2, "", "tool: hint: did you mean echo?\n"},
		{"help", 2, "", "no command \"help\""},
		{"--flag", 2, "", "tool: error: no flag --flag\ntool: hint: tool --help lists the flags\n"},
		{"--flag echo a", 2, "", "no flag --flag"},
		{"key", 2, "", "tool key COMMAND"},
		{"key --help", 0, "tool key COMMAND", ""},
		{"key old", 2, "", "tool: error: no command \"old\"\ntool: hint: tool key --help lists the commands\n"},
		{"key new", 0, "new []", ""},
		{"key new x", 2, "", "tool: error: want no arguments, got 1 argument\ntool: hint: usage: tool key new [flags]\n"},
		{"key new help", 2, "", "want no arguments, got 1 argument"},
		{"echo", 2, "", "tool: error: want one TEXT, got none\ntool: hint: usage: tool echo [flags] TEXT\n"},
		{"echo a b c", 2, "", "want one TEXT, got 3 arguments"},
		{"echo help", 0, `["help"]`, ""},
		{"echo --help", 0, "tool echo [flags] TEXT", ""},
		{"echo a --help", 0, "tool echo [flags] TEXT", ""},
		{"echo --s x a", 0, `["a"] s="x"`, ""},
		{"echo a --s x", 0, `["a"] s="x"`, ""},
		{"echo a --s=x --number -5", 0, `["a"] s="x" number=-5`, ""},
		{"echo a -s x -b", 0, `s="x" number=0 b=true`, ""},
		{"echo -b a", 2, "", "tool: error: -s is missing\n"},
		{"echo a --s", 2, "", "tool: error: -s needs a value\n"},
		{"echo a --number x", 2, "", "invalid value \"x\""},
		{"echo a --other", 2, "", "tool: error: no flag --other\ntool: hint: tool echo --help lists the flags\n"},
		{"echo a --s x --s y", 2, "", "tool: error: -s is given twice\n"},
		{"echo a --many x,y --many z", 0, `many=["x,y" "z"]`, ""},
		{"echo -- --s", 0, `["--s"] s=""`, ""},
		{"echo - --s x", 0, `["-"] s="x"`, ""},
		{"refuse", 1, "", "tool: error: bad input\ntool: hint: do better\n"},
		{"fail", 2, "", "tool: error: broken\n"},
		{"unproven", 3, "", ""},
	} {
		t.Run(v.args, func(t *testing.T) {
			code, stdout, stderr := run(strings.Fields(v.args)...)
			if code != v.code {
				t.Errorf("exit code %d, want %d", code, v.code)
			}
			for _, s := range []struct{ name, got, want string }{{"stdout", stdout, v.stdout}, {"stderr", stderr, v.stderr}} {
				if s.want == "" && s.got != "" || !strings.Contains(s.got, s.want) {
					t.Errorf("%s is %q, want %q", s.name, s.got, s.want)
				}
			}
		})
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestOutput(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	begin := func(force bool) *Output {
		t.Helper()
		o, err := CreateFile(path, force, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
		return o
	}
	content := func() string {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return string(b)
	}

	begin(false).Discard()
	if got := names(t, dir); got != "" {
		t.Errorf("after Discard there is %q, want nothing", got)
	}

	o := begin(false)
	if content() != "" {
		t.Error("the file is there before Commit")
	}
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	o.Discard()
	if got := names(t, dir); got != "out" || content() != "new" {
		t.Errorf("after Commit there is %q with %q", got, content())
	}

	if _, err := CreateFile(path, false, 0o600); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("an existing file: %v", err)
	}

	// One that appeared in the meantime is not replaced.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	o = begin(false)
	if err := os.WriteFile(path, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a file that appeared: %v", err)
	}
	if got := names(t, dir); got != "out" || content() != "other" {
		t.Errorf("there is %q with %q, want the other's", got, content())
	}

	o = begin(true)
	if content() != "other" {
		t.Error("--force replaces before Commit")
	}
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, dir); got != "out" || content() != "new" {
		t.Errorf("after a forced Commit there is %q with %q", got, content())
	}

	if _, err := CreateFile(dir, true, 0o600); err == nil {
		t.Error("a directory is replaced")
	}
	if _, err := CreateFile(filepath.Join(dir, "no", "out"), false, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// TestInterrupt: a command that waits for input ends when it is interrupted.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	never, _ := io.Pipe()
	c := cli.NewContext(&cli.App{Reader: never}, nil, &cli.Context{Context: ctx})
	in, err := Open(c, "-")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(10*time.Millisecond, cancel)
	if n, err := in.Read(make([]byte, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("read %d bytes, %v; want context.Canceled", n, err)
	}
}

func TestCanonical(t *testing.T) {
	for _, v := range []struct{ in, want, err string }{
		{`{"b":1,"a":[true,"x"]}`, `{"a":[true,"x"],"b":1}`, ""},
		{` { "a" : "\u0041\/" } `, `{"a":"A/"}`, ""},
		{`{"a":1,"a":2}`, "", "duplicate object member name at byte 7, in /a"},
		{`{"a":1,"\u0061":2}`, "", "duplicate"},
		{`{"a":1.0}`, `{"a":1.0}`, ""}, // for the record's parser to refuse
		{`{"a":1e3}`, `{"a":1e3}`, ""},
		{`{"a":9007199254740993}`, `{"a":9007199254740993}`, ""},
		{`{"a":-0}`, `{"a":-0}`, ""},
		{`{"a":1}{"b":2}`, "", "after top-level value"},
		{`{"a":`, "", "unexpected EOF"},
		{"{\"a\":\"\xff\"}", "", "UTF-8"},
		{``, "", "unexpected EOF"},
	} {
		got, err := Canonical([]byte(v.in))
		if string(got) != v.want && v.err == "" {
			t.Errorf("%s: got %s, want %s (%v)", v.in, got, v.want, err)
		}
		if v.err != "" && (err == nil || !strings.Contains(err.Error(), v.err)) {
			t.Errorf("%s: got error %v, want %q", v.in, err, v.err)
		}
		if err != nil && strings.Contains(err.Error(), "jsontext") {
			t.Errorf("%s: error %q names a library", v.in, err)
		}
	}
}

func TestParseLine(t *testing.T) {
	const good = `{"kind":"outcome", "id":"o-1","case":"T-1","at":"2026-03-02T09:00:00.000Z","by":"vendor","body":{"result":"resolved","facts":{"solved":true}}}`
	r, err := ParseLine([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != "o-1" || r.Case != "T-1" {
		t.Errorf("got %+v", r)
	}
	sig := `"sigs":{"SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA":"` + strings.Repeat("A", 86) + `=="}`
	for _, v := range []struct{ name, line, want string }{
		{"log", strings.Replace(good, `"id"`, `"log":{"chains":{"case/T-1":[0,-1]},"n":1,"time":"2026-03-02T09:00:00.000Z"},"id"`, 1), "which the ledger assigns"},
		{"unknown field", strings.Replace(good, `"id"`, `"x":1,"id"`, 1), "x"},
		{"float", strings.Replace(good, "true", "1.5", 1), "number 1.5 is not an integer"},
		{"null", strings.Replace(good, "true", "null", 1), "null, want a value"},
		{"signed, other order", strings.Replace(good, `"id"`, sig+`,"id"`, 1), "is not in canonical form, as it was signed"},
		{"twice", strings.Replace(good, `"id"`, `"id":"o-2","id"`, 1), "duplicate"},
	} {
		if _, err := ParseLine([]byte(v.line)); err == nil || !strings.Contains(err.Error(), v.want) {
			t.Errorf("%s: got %v, want %q", v.name, err, v.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain Ä €":      "plain Ä €",
		"a\x1b[2Jb":      `a\x1b[2Jb`,
		"a\u202eb":       `a\u202eb`,
		"a\nb":           `a\nb`,
		"a\xffb":         `a\ufffdb`,
		"zero\u200bwide": `zero\u200bwide`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
