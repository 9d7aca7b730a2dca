package capture

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/capture.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The maps of the document are files that other tests run.
func TestDocumentMaps(t *testing.T) {
	blocks := strings.Split(document(t), "```yaml\n")[1:]
	files := []string{"../scripttest/care.yaml", filepath.Join(captures, "otlp.yaml")}
	if len(blocks) != len(files) {
		t.Fatalf("the document has %d maps, want %d", len(blocks), len(files))
	}
	for i, name := range files {
		block, _, _ := strings.Cut(blocks[i], "```")
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(file) != block {
			t.Errorf("the document and %s differ:\n%s", name, block)
		}
	}
}

// Every field of a map, every count and every attribute that is read stands in
// the document, and no attribute stands in its tables that is not read.
func TestDocumentNames(t *testing.T) {
	text := document(t)
	for _, of := range []struct {
		v   any
		tag string
	}{{Map{}, "yaml"}, {Clock{}, "yaml"}, {Tools{}, "yaml"}, {Usage{}, "yaml"}, {Cost{}, "yaml"}, {Counts{}, "json"}} {
		for f := range reflect.TypeOf(of.v).Fields() {
			if name := f.Tag.Get(of.tag); f.IsExported() && !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+": ") {
				t.Errorf("%s is not in the document", name)
			}
		}
	}
	// Names in a list leave away what they begin with.
	for _, list := range []struct{ front, names string }{
		{"gen_ai.request", ".temperature`, `.top_p`, `.top_k`, `.seed`, `.max_tokens"},
		{"gen_ai.usage", ".output_tokens`, `.cache_read.input_tokens`, `.reasoning.output_tokens"},
	} {
		text = strings.Replace(text, list.names, strings.ReplaceAll(list.names, "`.", "`"+list.front+"."), 1)
		text = strings.Replace(text, "`"+strings.Split(list.names, "`")[0], "`"+list.front+strings.Split(list.names, "`")[0], 1)
	}
	attribute := regexp.MustCompile("[\"`]((?:gen_ai|agent|tool|agentops|error)\\.[a-z_.]+)[\"`]")
	read := map[string]bool{}
	for _, name := range []string{"span.go", "otlp.go", "agentops.go"} {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range attribute.FindAllStringSubmatch(string(source), -1) {
			read[m[1]] = true
		}
	}
	told := map[string]bool{}
	for _, m := range attribute.FindAllStringSubmatch(text, -1) {
		told[m[1]] = true
	}
	if len(read) < 25 {
		t.Errorf("%d attributes are read, want more", len(read))
	}
	for name := range read {
		if !told[name] && name != "gen_ai.provider.name" {
			t.Errorf("%s is read, and not in the document", name)
		}
	}
	for name := range told {
		if !read[name] && name != "gen_ai.conversation.id" {
			t.Errorf("%s is in the document, and not read", name)
		}
	}
	if !strings.Contains(text, Conventions) {
		t.Errorf("%s is not in the document", Conventions)
	}
}

// The record that the document shows is what its example gives.
func TestDocumentRecord(t *testing.T) {
	mapText, err := os.ReadFile("../scripttest/care.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(mapText)
	if err != nil {
		t.Fatal(err)
	}
	m.operator = "vendor"
	in, err := os.Open("../scripttest/care.json")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	items, _, err := m.Records(in, settings)
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(document(t), "```\n{")
	shown, _, _ = strings.Cut(shown, "\n```")
	pattern := regexp.QuoteMeta("{" + strings.TrimSuffix(shown, ",…}"))
	pattern = strings.Replace(pattern, "sha256:…", "sha256:[0-9a-f]{64}", 1)
	if !regexp.MustCompile("(?m)^" + pattern + "}$").MatchString(lines(t, items)) {
		t.Errorf("the example gives\n%swant among it\n{%s", lines(t, items), shown)
	}
}
