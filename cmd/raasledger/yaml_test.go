package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

func TestYAML(t *testing.T) {
	for _, v := range []struct{ name, in, want, err string }{
		{"block", "a: x\nb:\n  - 1\n  - c: true\n", `{"a":"x","b":["1",{"c":true}]}`, ""},
		{"flow", `{a: [x, "y"], b: {}, c: []}`, `{"a":["x","y"],"b":{},"c":[]}`, ""},
		{"comments", "# first\na: x # behind\n", `{"a":"x"}`, ""},
		{"decimals stay as written", "a: 0.10\nb: 1.00\nc: 100\nd: -5\n", `{"a":"0.10","b":"1.00","c":"100","d":"-5"}`, ""},
		{"other spellings are for the terms to refuse", "a: 1_000\nb: 0x10\nc: 1e3\nd: +1\ne: 010\n", `{"a":"1_000","b":"0x10","c":"1e3","d":"+1","e":"010"}`, ""},
		{"quoted numbers are text", `a: "5"`, `{"a":"5"}`, ""},
		{"integers of the terms", "scale: 2\ncalendar: {offsets: [{from: x, minutes: -60}]}\n", `{"scale":2,"calendar":{"offsets":[{"from":"x","minutes":-60}]}}`, ""},
		{"weights", "responsibility: {weights: {gate: 3}, duties: [{weight: 2, limit: 2}]}\n", `{"responsibility":{"weights":{"gate":3},"duties":[{"weight":2,"limit":"2"}]}}`, ""},
		{"integers inside of names", "results: {a: {lock: {months: 2, day: 1}}}\nmeasures: {a: {credit: {decimals: 6, first: 40}}}\nlines: [{convert: {decimals: 0, divide: 60}, each: {free: {events: 100, amount: 5}}}]\n",
			`{"results":{"a":{"lock":{"months":2,"day":1}}},"measures":{"a":{"credit":{"decimals":6,"first":"40"}}},"lines":[{"convert":{"decimals":0,"divide":"60"},"each":{"free":{"events":100,"amount":"5"}}}]}`, ""},
		{"only there", "x: {scale: 2}\n", `{"x":{"scale":"2"}}`, ""},
		{"no Norway", "a: no\nb: yes\nc: on\nd: true\n", `{"a":"no","b":"yes","c":"on","d":true}`, ""},
		{"times", "a: 2026-03-01T00:00:00.000Z\nb: 2026-03-01\n", `{"a":"2026-03-01T00:00:00.000Z","b":"2026-03-01"}`, ""},
		{"folded", "a: >-\n  x &&\n  y\n", `{"a":"x && y"}`, ""},
		{"literal", "a: |\n  x\n  y\n", `{"a":"x\ny\n"}`, ""},
		{"escapes", `a: "\u00e4\"\\"`, `{"a":"ä\"\\"}`, ""},
		{"numbers as keys", "17: x\n", `{"17":"x"}`, ""},
		{"end marks", "---\na: x\n...\n", `{"a":"x"}`, ""},
		{"anchor", "a: &x 1\nb: *x\n", "", "1:4: anchors, aliases, merged keys and tags are not taken: write out what is signed"},
		{"alias", "a: *x\n", "", "1:4: anchors"},
		{"tag", "a: !!binary x\n", "", "1:4: anchors"},
		{"null", "a: ~\n", "", "1:4: has no value"},
		{"infinity", "a: .inf\n", "", "1:4: is Infinity, want"},
		{"bool key", "true: 1\n", "", "1:1: key is not text"},
		{"integer in another base", "scale: 0x2\n", "", `1:8: "0x2" is not an integer in plain decimal`},
		{"integer with a zero", "scale: 02\n", "", `1:8: "02" is not an integer in plain decimal`},
		{"deep", strings.Repeat("[", 40) + strings.Repeat("]", 40), "", "1:33: is nested deeper than 32"},
		{"deep without end", strings.Repeat("{a: [", maxYAMLBytes/5), "", "1:81: is nested deeper than 32"},
		{"deep lists in a line", strings.Repeat("- ", maxYAMLBytes/2), "", "1:65: is nested deeper than 32"},
		{"deep keys in a line", strings.Repeat("? ", maxYAMLBytes/2), "", "1:65: is nested deeper than 32"},
		{"deep blocks", staircase(600), "", "34:34: is nested deeper than 32"},
	} {
		t.Run(v.name, func(t *testing.T) {
			d, err := readYAML([]byte(v.in))
			switch {
			case v.err != "":
				if err == nil || !bytes.HasPrefix([]byte(err.Error()), []byte(v.err)) {
					t.Errorf("got error %v, want %s", err, v.err)
				}
			case err != nil:
				t.Error(err)
			case string(d.json) != v.want:
				t.Errorf("got  %s\nwant %s", d.json, v.want)
			}
		})
	}
	if _, err := readYAML(make([]byte, maxYAMLBytes+1)); err == nil || err.Error() != "has 262145 bytes, at most 262144" {
		t.Errorf("too large: %v", err)
	}
}

// staircase nests n fields, one a line.
func staircase(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestPlaces(t *testing.T) {
	d, err := readYAML([]byte("title: x\nparties:\n  a.b:\n    role: y\nlines:\n  - name: p\n    tiers:\n      - unit: 1\n      - {up_to: 2, unit: 3}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"":                       "1:1",
		"title":                  "1:1",
		"parties.a.b.role":       "4:5",
		"parties.a.b.name":       "3:3", // absent: where it should have been
		"lines":                  "5:1",
		"lines[0]":               "6:5",
		"lines[0].name":          "6:5",
		"lines[0].tiers[0].unit": "8:9",
		"lines[0].tiers[1].unit": "9:20",
		"lines[0].tiers[1].flat": "9:9",
		"lines[7]":               "5:1",
		"absent.field":           "1:1",
	} {
		if got := d.at(path).String(); got != want {
			t.Errorf("%s: at %s, want %s", path, got, want)
		}
	}
}

// FuzzYAML: whatever the text is, it is refused with a place or becomes
// valid JSON, which reads as the same again.
func FuzzYAML(f *testing.F) {
	text, err := os.ReadFile("../../internal/scripttest/terms.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, s := range []string{"a: [1, {b: c}]", "a: |\n x", "? a\n: b", "- a\n- b: c", "a: \"\\ud800\"", "&a a: *a", "{}", "[]", "a: 'b'", "\"\\x00\": 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := readYAML(text)
		if err != nil {
			if e, ok := errors.AsType[*yamlError](err); ok && (e.line < 1 || e.column < 0) {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		if !json.Valid(d.json) {
			t.Fatalf("not JSON: %q", d.json)
		}
	})
}
