// Package readme holds README.md to what the project does.
package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestPicture: the picture is what the demo prints, roots aside.
func TestPicture(t *testing.T) {
	demo := unmask(read(t, "cmd/raasledger/testdata/demo.txt"))
	lines := 0
	for line := range strings.Lines(block(t, "```\n")) {
		if strings.HasPrefix(line, "$ ") {
			continue
		}
		lines++
		if want := unmask(strings.TrimSpace(line)); !strings.Contains(demo, want) {
			t.Errorf("README shows %q, which the demo does not print", want)
		}
	}
	if lines < 10 {
		t.Errorf("the picture has %d lines, want at least 10", lines)
	}
}

// TestEmbed: the snippet is the godoc example of package ledger, which runs,
// less some of its lines.
func TestEmbed(t *testing.T) {
	example := strings.Split(read(t, "ledger/example_test.go"), "\n")
	lines := 0
	for line := range strings.Lines(block(t, "```go\n")) {
		want := strings.TrimSpace(line)
		if want == "" {
			continue
		}
		lines++
		i := slices.IndexFunc(example, func(line string) bool { return strings.TrimSpace(line) == want })
		if i < 0 {
			t.Fatalf("README shows %q, which ledger/example_test.go does not have there", want)
		}
		example = example[i+1:]
	}
	if lines < 10 {
		t.Errorf("the snippet has %d lines, want at least 10", lines)
	}
}

// TestLinks: what the documents link to is there.
func TestLinks(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, path := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", filepath.Base(path), m[1], err)
			}
		}
	}
	if links < 15 {
		t.Errorf("%d links, want at least 15", links)
	}
}

// block is the first fenced block of README.md that opens so.
func block(t *testing.T, fence string) string {
	_, text, ok := strings.Cut(read(t, "README.md"), "\n"+fence)
	if !ok {
		t.Fatalf("README.md has no block %q", fence)
	}
	text, _, _ = strings.Cut(text, "\n```")
	return text + "\n"
}

func read(t *testing.T, path string) string {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// unmask puts one word for a hash, which the demo's text masks.
func unmask(text string) string {
	return regexp.MustCompile(`[A-Za-z0-9+/]{43}=|HASH`).ReplaceAllString(text, "HASH")
}
