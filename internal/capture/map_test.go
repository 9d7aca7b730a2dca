package capture

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// Every mistake of a map is told, each with its field.
func TestMapMistakes(t *testing.T) {
	good, err := os.ReadFile(filepath.Join(captures, "transcript.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{"format: transcript", "format: chat", `map: format: "chat", want transcript or otlp or agentops`},
		{"agent: care-3\n", "", "map: agent: is not given"},
		{"agent: care-3\n", "colour: red\n", `unknown field "colour"`},
		{"agent: care-3\n", "agent: care-3\nagent: care-4\n", `"agent" already defined`},
		{"model: gpt-4.1-mini", `model: ""`, "map: model: is not given"},
		{"run/{id}", "run/{id", `map: run: { without a field and } in "run/{id"`},
		{"ticket/{ticket}", "ticket}", `map: case: } without { in "ticket}"`},
		{"arguments: json", "arguments: xml", `map: arguments: "xml", want json, python or text`},
		{"arguments: json\n", "", `map: arguments: "", want json, python or text`},
		{"{field: timestamp, layout: rfc3339}", "{field: timestamp, layout: iso}", `map: time.layout: "iso", want rfc3339 or local`},
		{"layout: rfc3339", `layout: rfc3339, offset: "+01:00"`, "map: time.offset: each time of layout rfc3339 has its own"},
		{"layout: rfc3339", `layout: local, offset: "1h"`, `map: time.offset: "1h", want the offset from UTC like +01:00`},
		{"field: timestamp, ", "", "map: time: want start and step, or field and layout"},
		{"field: timestamp, ", "step: 1s, field: timestamp, ", "map: time.step: goes with start"},
		{"{field: timestamp, layout: rfc3339}", `{start: "2026-03-01", step: 1s}`, `map: time.start: time "2026-03-01" is not of the form`},
		{"{field: timestamp, layout: rfc3339}", `{start: "2026-03-01T00:00:00.000Z", step: 1}`, `map: time.step: "1", want a length of time like 1s`},
		{"{field: timestamp, layout: rfc3339}", `{start: "2026-03-01T00:00:00.000Z", step: 1s, field: x}`, "map: time: want start and step, or field and layout"},
		{"time: {field: timestamp, layout: rfc3339}\n", "", "map: time: is not given"},
		{"reply: reply", "empty_runs: count", `map: empty_runs: "count", want leave_out, or leave it away`},
		{"read: [get_*]", `read: [""]`, "map: tools.read: has an empty name"},
		{"transfer_to_human: shop", `transfer_*: shop`, `map: tools.handoff: "transfer_*": want a tool's whole name`},
		{"transfer_to_human: shop", `transfer_to_human: ""`, `map: tools.handoff: "transfer_to_human": want a tool's whole name`},
		{"metric: usage/care-3", `metric: ""`, "map: usage.metric: is not given"},
		{"field: cost, ", "", "map: usage.cost.field: is not given"},
		{"currency: USD, ", "", "map: usage.cost.currency: is not given"},
		{", decimals: 8", "", "map: usage.cost.decimals: want 0 to 18"},
		{"decimals: 8", "decimals: 19", "map: usage.cost.decimals: want 0 to 18"},
		{"reply: reply", "models: {a: b}", "map: models: only spans have one"},
		{"format: transcript", "format: otlp", "map: time: only transcripts have one"},
	} {
		text := strings.Replace(string(good), test.old, test.new, 1)
		if text == string(good) {
			t.Fatalf("%q is not in the map", test.old)
		}
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q for %q: %v, want %s", test.new, test.old, err, test.want)
		}
	}
	text := strings.NewReplacer("agent: care-3\n", "", "arguments: json", "arguments: xml").Replace(string(good))
	if _, err := Parse([]byte(text)); err == nil || strings.Count(err.Error(), "map: ") != 2 {
		t.Errorf("two mistakes: %v", err)
	}
	if _, err := Parse(bytes.Repeat([]byte("#"), MaxMapBytes+1)); err == nil || err.Error() != "map has 32769 bytes, at most 32768" {
		t.Errorf("a long map: %v", err)
	}
	for text, want := range map[string]bool{"format: csv": false, "format: otlp": true, "": false, "a: [": false, "- 1": false, "format: [otlp]": false} {
		if Knows([]byte(text)) != want {
			t.Errorf("%q is known: %v", text, !want)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, text string
		want          bool
	}{
		{"get_order", "get_order", true}, {"get_order", "get_orders", false}, {"get_*", "get_order", true}, {"get_*", "forget_order", false},
		{"get_*", "get_", true}, {"*", "", true}, {"*", "anything", true}, {"*_order", "get_order", true}, {"*_order", "get_order_id", false},
		{"a*b*c", "abc", true}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "acb", false}, {"a*a", "a", false}, {"a*a", "aa", true}, {"a**", "a", true},
		{`# var_* = "Error: *`, `# var_12 = "Error: user not found"`, true}, {`# var_* = "Error: *`, `# var_12 = "ok"`, false}, {"", "", true}, {"", "x", false},
	} {
		if got := matches(test.pattern, test.text); got != test.want {
			t.Errorf("%q matches %q: %v", test.pattern, test.text, got)
		}
	}
	m := &Map{Tools: Tools{Read: []string{"get_*"}, Write: []string{"get_and_set"}}}
	if e, err := m.effect("get_order"); e != "read" || err != nil {
		t.Errorf("get_order is %s, %v", e, err)
	}
	if _, err := m.effect("get_and_set"); err == nil || err.Error() != `tool "get_and_set" is in tools.read and tools.write of the map, want one` {
		t.Errorf("a tool of two lists: %v", err)
	}
}

func TestCheckPython(t *testing.T) {
	for _, good := range []string{
		`{}`, ` {'a': 1} `, `{'a': [1, -2.5, 1e3, 1.], "b": ('x',), 'c': {'d': None}, 'e': True, 'f': False,}`, `{'a': "it's", 'b': 'a\'b\\'}`, `{'x': '#"[('}`, `{1: 2}`,
	} {
		if err := checkPython(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":              "not a Python literal at byte 0: got the end, want a dict in braces",
		"[1]":           `not a Python literal at byte 0: got "[", want a dict in braces`,
		"{'a': 1":       "not a Python literal at byte 7: got the end, want a comma or '}'",
		"{'a' 1}":       `not a Python literal at byte 5: got "1", want a colon`,
		"{'a': 'b}":     "not a Python literal at byte 9: got the end, want the end of the string",
		"{'a': 'b\n'}":  `not a Python literal at byte 8: got "\n", want the end of the string before the line's`,
		"{'a': null}":   `not a Python literal at byte 6: got "n", want a value`,
		"{'a': Nones}":  `not a Python literal at byte 6: got "N", want a value`,
		"{'a': -}":      `not a Python literal at byte 7: got "}", want a digit`,
		"{'a': 1e}":     `not a Python literal at byte 8: got "}", want a digit`,
		"{'a': f(1)}":   `not a Python literal at byte 6: got "f", want a value`,
		"{'a': 1} x":    `not a Python literal at byte 9: got "x", want its end`,
		"{'a': 'b\\":    "not a Python literal at byte 9: got the end, want the end of the string",
		"{, 'a': 1}":    `not a Python literal at byte 1: got ",", want a value`,
		"{'a': 1,, 2:}": `not a Python literal at byte 8: got ",", want a value`,
	} {
		if err := checkPython(bad); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", bad, err, want)
		}
	}
	deep := "{1:" + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}"
	if err := checkPython(deep); err == nil || !strings.Contains(err.Error(), "at most 32 deep") {
		t.Errorf("deep: %v", err)
	}
}

func TestRoundCost(t *testing.T) {
	for _, test := range []struct {
		text     string
		decimals int
		want     string
	}{
		{"0.00019240000000000001", 12, "0.0001924"}, {"0.0010911999999999998", 12, "0.0010912"}, {"0", 6, "0"}, {"0.0", 6, "0"}, {"4.5e-05", 6, "0.000045"},
		{"4.5e-05", 5, "0.00005"}, {"1E2", 2, "100"}, {"12.345", 2, "12.35"}, {"12.344", 2, "12.34"}, {"120", 0, "120"},
	} {
		x, err := roundCost(test.text, test.decimals)
		if err != nil || decimalText(x, test.decimals) != test.want {
			t.Errorf("%s to %d decimals: %v, %v, want %s", test.text, test.decimals, x, err, test.want)
		}
	}
	for _, bad := range []string{"", "-1", "-0", "1e65", "1e-65", "1e", "0x10", "NaN", "1/3", "1_000", "+1", ".5", "true", strings.Repeat("1", 65)} {
		if x, err := roundCost(bad, 6); err == nil {
			t.Errorf("%q is taken as %s", bad, x)
		}
	}
}

func TestIsSampled(t *testing.T) {
	for state, want := range map[string]bool{"": false, "ot=th:0": false, "ot=th:8": true, "a=b, ot=rv:6e6d1a75832a2f;th:c": true, "other=th:8": false, "ot=rv:1": false} {
		if isSampled(state) != want {
			t.Errorf("%q: %v", state, !want)
		}
	}
}

// What a reader fails with is told apart from what the text is.
func TestReadErrors(t *testing.T) {
	boom := errors.New("disk is on fire")
	for _, front := range []string{"", "[", `[{"id": "r1",`} {
		_, _, err := readMap(t, "transcript").Records(io.MultiReader(strings.NewReader(front), failing{boom}), settings)
		if !errors.Is(err, boom) {
			t.Errorf("after %q: %v", front, err)
		}
	}
	short := settings
	short.SaltKey = short.SaltKey[:31]
	if _, _, err := readMap(t, "transcript").Records(strings.NewReader("[]"), short); err == nil || err.Error() != "salt key has 31 bytes, want at least 32" {
		t.Errorf("a short key: %v", err)
	}
	items, counts, err := readMap(t, "transcript").Records(strings.NewReader("[]"), settings)
	if len(items) != 0 || err != nil || *counts != (Counts{}) {
		t.Errorf("no runs: %v, %v", items, err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A value that never ends is refused before it fills the memory.
func TestLongValue(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 64 MiB")
	}
	text := io.MultiReader(strings.NewReader(`[{"id": "`), &endless{})
	_, _, err := readMap(t, "transcript").Records(text, settings)
	if err == nil || !strings.HasSuffix(err.Error(), "longer than 67108864 bytes") {
		t.Errorf("%v", err)
	}
}

type endless struct{}

func (*endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// A file that is one conversation needs no fields for its names.
func TestOneConversation(t *testing.T) {
	m, err := Parse([]byte(`
format: transcript
agent: a
model: m
run: run/1
case: T-1
arguments: text
time: {start: "2026-03-01T00:00:00.000Z", step: 500ms}
tools: {read: ["*"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	m.operator = "vendor"
	for _, text := range []string{
		`[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"name":"x","arguments":"{cut"},{"name":"y","arguments":""}]},{"role":"tool","content":"1"},{"role":"tool","content":"2"}]`,
		`{"role":"user","content":"hi"}` + "\n" + `{"role":"assistant","tool_calls":[{"name":"x","arguments":"{cut"},{"name":"y","arguments":""}]}` + "\n" + `{"role":"tool","content":"1"}` + "\n" + `{"role":"tool","content":"2"}`,
	} {
		items, counts, err := m.Records(strings.NewReader(text), settings)
		if err != nil || counts.ToolCalls != 2 || counts.Unsettled != 0 || counts.Decisions != 1 || counts.Runs != 1 {
			t.Fatalf("%+v, %v", counts, err)
		}
		var tools []string
		for _, item := range items {
			if a, ok := item.Record.Body.(*record.Action); ok {
				tools = append(tools, item.Record.ID+" "+a.Action+" "+a.Key+" "+item.Record.At.String())
			}
		}
		if got := strings.Join(tools, ", "); got != "run/1/1/0 x  2026-03-01T00:00:01.000Z, run/1/1/1 y  2026-03-01T00:00:01.500Z" {
			t.Errorf("actions %s", got)
		}
	}
}

// Whatever the text is, there are records that the record's own parser takes,
// or an error and none.
func FuzzRecords(f *testing.F) {
	for format, name := range map[string]string{"transcript": "transcript.json", "otlp": "otlp.jsonl", "agentops": "agentops.json"} {
		text, err := os.ReadFile(filepath.Join(captures, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(format, text)
	}
	f.Fuzz(func(t *testing.T, format string, text []byte) {
		if format != "otlp" && format != "agentops" {
			format = "transcript"
		}
		items, _, err := readMap(t, format).Records(bytes.NewReader(text), settings)
		if err != nil {
			if items != nil {
				t.Errorf("%d records beside %v", len(items), err)
			}
			return
		}
		ids := map[string]bool{}
		for _, item := range items {
			line, err := record.Marshal(item.Record)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := record.Parse(line); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			if ids[item.Record.ID] {
				t.Errorf("id %s is there twice", item.Record.ID)
			}
			ids[item.Record.ID] = true
		}
	})
}
