package capture

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/raasledger/raasledger/attribution/record"
)

// MaxMapBytes is the longest map file.
const MaxMapBytes = 32 << 10

// A Map says how the text of a service becomes records. It is made by [Parse].
type Map struct {
	Format     string            `yaml:"format"` // transcript, otlp, agentops
	Agent      string            `yaml:"agent"`  // where the data names none
	Agents     map[string]string `yaml:"agents"` // spans: id by name
	Grant      string            `yaml:"grant"`  // record of the ledger, or none
	Run        string            `yaml:"run"`    // template: id of a run
	Case       string            `yaml:"case"`   // template
	Model      string            `yaml:"model"`  // transcript: template
	Models     map[string]string `yaml:"models"` // spans: model by the name it is requested by
	Messages   string            `yaml:"messages"`
	EmptyRuns  string            `yaml:"empty_runs"`
	Time       *Clock            `yaml:"time"`
	Arguments  string            `yaml:"arguments"`
	Failed     []string          `yaml:"failed"`
	Confidence string            `yaml:"confidence"`
	Reply      string            `yaml:"reply"`
	ToolList   string            `yaml:"tool_definitions"`
	Tools      Tools             `yaml:"tools"`
	Usage      *Usage            `yaml:"usage"`
	Backfilled bool              `yaml:"backfilled"`

	operator string // party that writes the records, from the terms
}

// A Clock says when a message was. Spans have their own times.
type Clock struct {
	Start  string `yaml:"start"`
	Step   string `yaml:"step"`
	Field  string `yaml:"field"`
	Layout string `yaml:"layout"`
	Offset string `yaml:"offset"`

	start, step, offset record.Time
}

// Tools say what each tool changes, by names in which * stands for anything.
type Tools struct {
	Read        []string          `yaml:"read"`
	Write       []string          `yaml:"write"`
	Commit      []string          `yaml:"commit"`
	Communicate []string          `yaml:"communicate"`
	Handoff     map[string]string `yaml:"handoff"` // party or actor by tool
}

// A Usage says where tokens and costs go.
type Usage struct {
	Metric string `yaml:"metric"`
	Cost   *Cost  `yaml:"cost"`
}

// A Cost is where the data states money.
type Cost struct {
	Field    string `yaml:"field"`
	Currency string `yaml:"currency"`
	Decimals *int   `yaml:"decimals"`
}

// Knows reports whether text is a map of this package rather than a mapping of
// rows: its format tells.
func Knows(text []byte) bool {
	var m struct {
		Format string `yaml:"format"`
	}
	// What is no YAML at all is for the other parser to refuse.
	if err := yaml.Unmarshal(text, &m); err != nil {
		return false
	}
	return slices.Contains(formats, m.Format)
}

var formats = []string{"transcript", "otlp", "agentops"}

// Parse reads a map file. The error names every mistake.
func Parse(text []byte) (*Map, error) {
	if len(text) > MaxMapBytes {
		return nil, fmt.Errorf("map has %d bytes, at most %d", len(text), MaxMapBytes)
	}
	m := &Map{}
	if err := yaml.UnmarshalWithOptions(text, m, yaml.Strict()); err != nil {
		// The library's error shows the place with the lines around it; the
		// first line says it all.
		first, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("map: %s", first)
	}
	var mistakes []error
	mistake := func(field, format string, args ...any) {
		mistakes = append(mistakes, fmt.Errorf("map: %s: %s", field, fmt.Sprintf(format, args...)))
	}
	m.check(mistake)
	return m, errors.Join(mistakes...)
}

func (m *Map) check(mistake func(field, format string, args ...any)) {
	if !slices.Contains(formats, m.Format) {
		mistake("format", "%q, want %s", m.Format, strings.Join(formats, " or "))
		return
	}
	spans := m.Format != "transcript"
	given := func(field, text string) {
		if text == "" {
			mistake(field, "is not given")
		}
	}
	only := func(what string, wrong bool, fields map[string]bool) {
		for _, name := range sorted(fields) {
			if wrong && fields[name] {
				mistake(name, "only %s have one", what)
			}
		}
	}
	given("agent", m.Agent)
	given("run", m.Run)
	given("case", m.Case)
	for _, t := range []struct{ field, text string }{{"run", m.Run}, {"case", m.Case}, {"model", m.Model}} {
		if _, err := parseTemplate(t.text); err != nil {
			mistake(t.field, "%v", err)
		}
	}
	only("transcripts", spans, map[string]bool{"model": m.Model != "", "messages": m.Messages != "", "empty_runs": m.EmptyRuns != "",
		"time": m.Time != nil, "arguments": m.Arguments != "", "failed": m.Failed != nil, "reply": m.Reply != "", "tool_definitions": m.ToolList != ""})
	only("spans", !spans, map[string]bool{"agents": m.Agents != nil, "models": m.Models != nil})
	if !spans {
		given("model", m.Model)
		if m.Time == nil {
			mistake("time", "is not given")
		} else {
			m.Time.check(mistake)
		}
		if !slices.Contains([]string{"json", "python", "text"}, m.Arguments) {
			mistake("arguments", "%q, want json, python or text", m.Arguments)
		}
		if m.EmptyRuns != "" && m.EmptyRuns != "leave_out" {
			mistake("empty_runs", "%q, want leave_out, or leave it away", m.EmptyRuns)
		}
	}
	for _, list := range m.Tools.lists() {
		for _, p := range list.patterns {
			if p == "" {
				mistake("tools."+list.effect, "has an empty name")
			}
		}
	}
	for tool, to := range m.Tools.Handoff {
		if to == "" || strings.Contains(tool, "*") {
			mistake("tools.handoff", "%q: want a tool's whole name and to whom the matter passes", tool)
		}
	}
	if u := m.Usage; u != nil {
		given("usage.metric", u.Metric)
		if c := u.Cost; c != nil {
			given("usage.cost.field", c.Field)
			given("usage.cost.currency", c.Currency)
			if c.Decimals == nil || *c.Decimals < 0 || *c.Decimals > record.MaxDecimals {
				mistake("usage.cost.decimals", "want 0 to %d: costs are rounded half up to so many", record.MaxDecimals)
			}
		}
	}
}

func sorted(m map[string]bool) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (t *Tools) lists() []struct {
	effect   string
	patterns []string
} {
	return []struct {
		effect   string
		patterns []string
	}{{"read", t.Read}, {"write", t.Write}, {"commit", t.Commit}, {"communicate", t.Communicate}}
}

// effect returns what a tool changes. A tool of no list is refused: nobody
// would notice a payment that counts as a read.
func (m *Map) effect(tool string) (string, error) {
	found := ""
	for _, list := range m.Tools.lists() {
		if !slices.ContainsFunc(list.patterns, func(p string) bool { return matches(p, tool) }) {
			continue
		}
		if found != "" {
			return "", fmt.Errorf("tool %q is in tools.%s and tools.%s of the map, want one", tool, found, list.effect)
		}
		found = list.effect
	}
	if found == "" {
		return "", fmt.Errorf("tool %q is in no list of the map, want it in tools.read, write, commit, communicate or handoff", tool)
	}
	return found, nil
}

// failed reports whether a tool's result says that it failed.
func (m *Map) failed(result string) bool {
	return slices.ContainsFunc(m.Failed, func(p string) bool { return matches(p, result) })
}

// matches reports whether text is what the pattern says, in which each *
// stands for anything.
func matches(pattern, text string) bool {
	front, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, front)
	for ok && rest != "" {
		var part string
		part, rest, star = strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(text, part)
		}
		_, text, ok = strings.Cut(text, part)
	}
	return ok
}

// A template is text with {FIELD} in it: parts[i] is followed by fields[i].
type template struct{ parts, fields []string }

func parseTemplate(text string) (t template, err error) {
	rest := text
	for {
		before, after, ok := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return t, fmt.Errorf("} without { in %q", text)
		}
		t.parts = append(t.parts, before)
		if !ok {
			return t, nil
		}
		inside, tail, ok := strings.Cut(after, "}")
		if !ok || inside == "" || strings.Contains(inside, "{") {
			return t, fmt.Errorf("{ without a field and } in %q", text)
		}
		t.fields = append(t.fields, inside)
		rest = tail
	}
}

// fill returns the text with what get has for each field, none of which may be
// empty.
func fill(text string, get func(field string) (string, error)) (string, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(t.parts[0])
	for i, field := range t.fields {
		value, err := get(field)
		if err != nil {
			return "", err
		}
		if value == "" {
			return "", fmt.Errorf("%s is empty, and stands in %q of the map", field, text)
		}
		b.WriteString(value)
		b.WriteString(t.parts[i+1])
	}
	return b.String(), nil
}

func (c *Clock) check(mistake func(field, format string, args ...any)) {
	if c.Start != "" {
		var err error
		if c.start, err = record.ParseTime(c.Start); err != nil {
			mistake("time.start", "%v", err)
		}
		step, err := time.ParseDuration(c.Step)
		if err != nil || step < time.Millisecond || step%time.Millisecond != 0 {
			mistake("time.step", "%q, want a length of time like 1s", c.Step)
		}
		c.step = record.Time(step.Milliseconds())
		if c.Field != "" || c.Layout != "" || c.Offset != "" {
			mistake("time", "want start and step, or field and layout")
		}
		return
	}
	if c.Field == "" {
		mistake("time", "want start and step, or field and layout")
	}
	if c.Step != "" {
		mistake("time.step", "goes with start")
	}
	switch c.Layout {
	case "rfc3339":
		if c.Offset != "" {
			mistake("time.offset", "each time of layout rfc3339 has its own")
		}
	case "local":
		offset, err := time.Parse("-07:00", c.Offset)
		if err != nil {
			mistake("time.offset", "%q, want the offset from UTC like +01:00", c.Offset)
			return
		}
		_, seconds := offset.Zone()
		c.offset = record.Time(seconds) * 1000
	default:
		mistake("time.layout", "%q, want rfc3339 or local", c.Layout)
	}
}

// instant reads a time of the data. What is finer than a millisecond is cut
// off: a record's times have none of it.
func (c *Clock) instant(text string) (record.Time, error) {
	layout, form := time.RFC3339Nano, "2026-03-01T08:00:00Z"
	if c.Layout == "local" {
		layout, form = "2006-01-02T15:04:05.999999999", "2026-03-01T08:00:00.123456"
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return 0, fmt.Errorf("%s: time %.80q is not of the form %s", c.Field, text, form)
	}
	at := record.TimeOf(t) - c.offset
	if at <= 0 || at > record.MaxTime {
		return 0, fmt.Errorf("%s: time %.80q is outside 1970 to 9999", c.Field, text)
	}
	return at, nil
}
