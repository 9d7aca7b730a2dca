package merkle

import (
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPackageComment opens the checkpoint of the package comment with the keys
// of the package comment.
func TestPackageComment(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, block := range new(comment.Parser).Parse(file.Doc.Text()).Content {
		if code, ok := block.(*comment.Code); ok {
			blocks = append(blocks, code.Text)
		}
	}
	if len(blocks) != 3 {
		t.Fatalf("package comment has %d code blocks, want tree, note and keys", len(blocks))
	}
	testExample(t, blocks[1], strings.Fields(blocks[2]), 1)
}

// testExample opens a note that must be exampleNote.
func testExample(t *testing.T, signed string, keyTexts []string, unverified int) {
	t.Helper()
	var keys []VerifierKey
	for _, text := range keyTexts {
		k, err := ParseVerifierKey(text)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	opened, err := OpenCheckpoint([]byte(signed), keys...)
	if err != nil {
		t.Fatal(err)
	}
	if opened.Checkpoint != exampleCheckpoint() || len(opened.Signatures) != len(keys) || len(opened.Unverified) != unverified {
		t.Errorf("example opens as %+v", opened)
	}
	if signed != string(exampleNote()) {
		t.Errorf("example is\n%s\nwant\n%s", signed, exampleNote())
	}
}

// fenced returns the blocks of a document that begin with the given word.
func fenced(doc, word string) []string {
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+word+"\n(.*?)^```$").FindAllStringSubmatch(doc, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// TestDocument opens the example of docs/checkpoint.md and runs its commands.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../docs/checkpoint.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	notes, keys, consoles := fenced(doc, "checkpoint"), fenced(doc, "keys"), fenced(doc, "console")
	if len(notes) != 1 || len(keys) != 1 || len(consoles) != 2 {
		t.Fatalf("document has %d checkpoints, %d lists of keys, %d consoles, want 1, 1, 2", len(notes), len(keys), len(consoles))
	}
	testExample(t, notes[0], strings.Fields(keys[0]), 0)
	for _, must := range []string{EmptyRoot.String(), "9007199254740991", "131,072", "64 lines", "1 to 255 bytes"} {
		if !strings.Contains(doc, must) {
			t.Errorf("document does not say %q", must)
		}
	}

	if out, err := exec.Command("openssl", "version").Output(); err != nil || !strings.HasPrefix(string(out), "OpenSSL 3") {
		t.Skipf("the commands are not run: want OpenSSL 3, got %q, %v", out, err)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"checkpoint": notes[0], "keys": keys[0]} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, console := range consoles {
		var commands, want strings.Builder
		for line := range strings.Lines(console) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				commands.WriteString(command)
			} else {
				want.WriteString(line)
			}
		}
		sh := exec.Command("sh", "-eu")
		sh.Dir, sh.Stdin = dir, strings.NewReader(commands.String())
		out, err := sh.CombinedOutput()
		if err != nil || string(out) != want.String() {
			t.Errorf("the commands\n%sprint\n%s%v\nwant\n%s", commands.String(), out, err, want.String())
		}
	}
}
