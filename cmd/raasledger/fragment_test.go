package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/testdata/agreements"
)

// Every fragment makes terms without a mistake, once what it leaves open is
// said.
func TestFragments(t *testing.T) {
	desk, err := os.ReadFile("../../internal/scripttest/terms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(desk), "    facts:")
	_, after, _ := strings.Cut(rest, "measures:")
	const parties = "  third:\n    role: third\n    name: Bank\n    keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrMS8Hptw8SGoYXvc4UzWB9jqlexb39YeWgrcHevl5v]\n" +
		"  court:\n    role: arbiter\n    name: Court\n    keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5/5miczMMpyyPHwjEoK/91q6PoKMgt2KlMNPPw4mVP]\n"
	before = strings.Replace(before, "parties:\n", "parties:\n"+parties, 1)
	for _, f := range allFragments() {
		text := before + "    fragment: " + f.reference() + "\n    claim: [vendor]\n"
		if strings.Contains(string(f.text), "on: third") {
			text += "    accept: {by: third}\n"
		}
		doc, err := readYAML([]byte(text + "measures:" + after))
		if err != nil {
			t.Errorf("%s: %v", f.name, err)
			continue
		}
		used, notes := doc.expand()
		if len(notes) > 0 || len(used) != 1 || used[0] != (usedFragment{"results.resolved", f.reference()}) {
			t.Errorf("%s: used %v, %v", f.name, used, notes)
		}
		canonical, mistakes := terms.Draft(doc.json, zoneOffsets)
		for _, m := range mistakes {
			if !m.Warning {
				t.Errorf("%s: %v", f.name, m)
			}
		}
		if bytes.Contains(canonical, []byte(fragmentField)) {
			t.Errorf("%s: the terms speak of it", f.name)
		}
		if !strings.HasPrefix(string(f.text), "# "+f.title+"\n") || f.title == "" {
			t.Errorf("%s does not begin with a title", f.name)
		}
	}
}

// The schema for editors knows that a result may be named, and is JSON.
func TestDraftSchema(t *testing.T) {
	text, err := draftSchema()
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Results struct {
				AdditionalProperties struct {
					AnyOf []struct {
						Ref        string `json:"$ref"`
						Properties struct{ Fragment struct{ Pattern string } }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	choices := schema.Properties.Results.AdditionalProperties.AnyOf
	if len(choices) != 2 || choices[0].Ref != "#/$defs/result" {
		t.Fatalf("got %+v", choices)
	}
	pattern := regexp.MustCompile(choices[1].Properties.Fragment.Pattern)
	for _, f := range allFragments() {
		if !pattern.MatchString(f.reference()) || pattern.MatchString(f.name) {
			t.Errorf("%s is not as the schema has it", f.reference())
		}
	}
}

// A draft that begins with an example has its terms, with each field commented.
func TestNewTerms(t *testing.T) {
	canonical := func(text []byte) []byte {
		t.Helper()
		doc, err := readYAML(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		canonical, mistakes := terms.Draft(doc.json, zoneOffsets)
		if canonical == nil {
			t.Fatalf("%v\n%s", mistakes, text)
		}
		return canonical
	}
	commented := map[string]bool{}
	for _, name := range agreements.Names() {
		text, err := exampleTerms(name)
		if err != nil {
			t.Fatal(err)
		}
		noted := annotated(name, text)
		if !bytes.Equal(canonical(text), canonical(noted)) {
			t.Errorf("%s: the comments change the terms", name)
		}
		before := ""
		for line := range strings.Lines(string(noted)) {
			field, _, ok := strings.Cut(line, ":")
			if ok && field != "" && !strings.ContainsAny(field, " #-") {
				if !strings.HasPrefix(before, "#") && field != "scale" {
					t.Errorf("%s: %s has no comment", name, field)
				}
				commented[field] = true
			}
			before = line
		}
	}
	for path := range choices {
		if !strings.Contains(path, "*") && !commented[path] && path != "adjust" {
			t.Errorf("no example has %s", path)
		}
	}
}
