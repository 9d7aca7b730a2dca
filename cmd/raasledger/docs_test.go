package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/internal/scripttest"
)

// TestCommandsDocument runs the examples of docs/commands.md in their order
// and compares what they print: "…" stands for anything. Comments give the
// clock of what follows, the exit code of the next block, and which block
// runs in a folder of its own. The first block shows how it ends, so it runs
// last.
func TestCommandsDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("each command is a process: without -short")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := scripttest.Files(dir); err != nil {
		t.Fatal(err)
	}
	blocks := documentBlocks(string(text))
	if len(blocks) < 8 {
		t.Fatalf("the document has %d blocks, want more", len(blocks))
	}
	first := blocks[0]
	first.at = blocks[len(blocks)-1].at
	for _, b := range append(blocks[1:], first) {
		in := dir
		if b.apart {
			in = t.TempDir()
		}
		b.run(t, in)
	}
}

// TestEvidenceDocument runs the example of docs/evidence.md.
func TestEvidenceDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("each command is a process: without -short")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	text, err := os.ReadFile("../../docs/evidence.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := scripttest.Files(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"chat.txt":    "Hello. My card does not work.\n",
		"fields.json": `{"customer": "Ann", "iban": "DE00"}`,
		"record.json": `{"kind":"outcome","id":"o-1","case":"T-1","at":"2026-03-07T09:00:00.000Z","by":"vendor","body":{"result":"resolved","facts":{"solved":true,"transferred":false}}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range ready {
		cmd := exec.Command(command[0], command[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
	}
	blocks := documentBlocks(string(text))
	if len(blocks) < 4 {
		t.Fatalf("the document has %d blocks, want more", len(blocks))
	}
	for _, b := range blocks {
		b.run(t, dir)
	}
}

// A documentBlock is a block of commands, each with what it prints.
type documentBlock struct {
	at    string // clock, "" is the usual one
	exit  int
	apart bool
	lines []string
}

var comment = regexp.MustCompile(`^<!-- (at|exit|apart) ?(.*?) ?-->$`)

func documentBlocks(text string) (blocks []documentBlock) {
	var next documentBlock
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch m := comment.FindStringSubmatch(line); {
		case line == "```" && inside:
			inside = false
			blocks = append(blocks, next)
			next = documentBlock{at: next.at}
		case line == "```":
			inside = true
		case inside:
			next.lines = append(next.lines, line)
		case m == nil:
		case m[1] == "at":
			next.at = m[2]
		case m[1] == "exit":
			next.exit, _ = strconv.Atoi(m[2])
		case m[1] == "apart":
			next.apart = true
		}
	}
	return blocks
}

var program = regexp.MustCompile(`\b(raasledger|raasverify) `)

func (b documentBlock) run(t *testing.T, dir string) {
	t.Helper()
	for i := 0; i < len(b.lines); {
		line, ok := strings.CutPrefix(b.lines[i], "$ ")
		if !ok {
			t.Fatalf("%q is no command", b.lines[i])
		}
		var want []string
		for i++; i < len(b.lines) && !strings.HasPrefix(b.lines[i], "$ "); i++ {
			want = append(want, b.lines[i])
		}
		script := line
		if b.at != "" {
			script = program.ReplaceAllString(line, "$1 -at "+b.at+" ")
		}
		cmd := exec.Command("sh", "-c", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		exit := 0
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			exit = e.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if exit != b.exit {
			t.Fatalf("%s: exit code %d, want %d\n%s", line, exit, b.exit, out)
		}
		if !documentPattern(want).Match(out) {
			t.Errorf("%s: printed\n%swant\n%s", line, out, strings.Join(want, "\n"))
		}
	}
}

// documentPattern matches the lines: a line that is "…" is any number of
// lines, elsewhere it is any text within one.
func documentPattern(lines []string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	for _, line := range lines {
		if line == "…" {
			b.WriteString(`(?:.*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", `.*`) + `\n`)
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// The same of docs/simulate.md, with the tickets of testdata.
func TestSimulateDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("each command is a process: without -short")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	text, err := os.ReadFile("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := scripttest.Files(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"tickets.csv", "tickets.yaml"} {
		file, err := os.ReadFile(filepath.Join("../../testdata/mappings", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("LC_ALL", "C.UTF-8") // for the chart
	blocks := documentBlocks(string(text))
	if len(blocks) < 5 {
		t.Fatalf("the document has %d blocks, want more", len(blocks))
	}
	for _, b := range blocks {
		b.run(t, dir)
	}
}
