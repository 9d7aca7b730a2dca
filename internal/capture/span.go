package capture

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/raasledger/raasledger/attribution/record"
)

// Conventions are the OpenTelemetry semantic conventions whose attribute names
// are read. All names of generative AI are in development there, so that
// another version may have others.
const Conventions = "https://opentelemetry.io/schemas/1.41.0"

// renamed are names of earlier conventions that much telemetry still has.
var renamed = map[string]string{
	"gen_ai.usage.prompt_tokens":     "gen_ai.usage.input_tokens",
	"gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
	"gen_ai.system":                  "gen_ai.provider.name",
}

// A span is one operation of a service, whichever form it was exported in.
type span struct {
	trace, id, parent string
	start, end        record.Time
	schema            string
	failed            bool  // by its status
	dropped           int64 // attributes, events and links that it no longer has
	truncated         bool
	sampled           bool // by its trace state: other traces were left out
	attributes        map[string]jsontext.Value
}

// text returns an attribute that has one value, "" where it is absent.
func (s *span) text(name string) (string, error) { return object(s.attributes).scalar(name) }

// content returns the bytes of an attribute for a digest. A span that lost
// parts is no evidence of what it held.
func (s *span) content(name string) ([]byte, string) {
	if s.marked() {
		return nil, ""
	}
	return contentOf(s.attributes[name])
}

func (s *span) marked() bool { return s.dropped > 0 || s.truncated }

func (s *span) operation() string {
	text, _ := scalarText(s.attributes["gen_ai.operation.name"])
	return text
}

// isModel reports whether a model answered in the span.
func (s *span) isModel() bool {
	return slices.Contains([]string{"chat", "generate_content", "text_completion"}, s.operation())
}

// rename gives attributes of earlier conventions their present names.
func (s *span) rename() error {
	for old, name := range renamed {
		v, ok := s.attributes[old]
		if !ok {
			continue
		}
		if other, ok := s.attributes[name]; ok {
			a, _ := scalarText(v)
			b, _ := scalarText(other)
			if a != b {
				return fmt.Errorf("%s is %q, but %s, its name before, is %q", name, b, old, a)
			}
		}
		s.attributes[name] = v
		delete(s.attributes, old)
	}
	return nil
}

// spans reads a file of spans and writes the records of its traces.
func (w *writer) spans(r io.Reader) error {
	in, err := withoutMark(r)
	if err != nil {
		return err
	}
	traces := map[string][]*span{}
	var order []string
	seen := map[string]*span{}
	add := func(place string, s *span) error {
		if err := s.rename(); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		if before, ok := seen[s.trace+s.id]; ok {
			// Exporters send again what they are not sure of.
			if !reflect.DeepEqual(before, s) {
				return fmt.Errorf("%s: span %s of trace %s is there twice, and differs", place, s.id, s.trace)
			}
			w.counts.Repeated++
			return nil
		}
		seen[s.trace+s.id] = s
		if traces[s.trace] == nil {
			order = append(order, s.trace)
		}
		traces[s.trace] = append(traces[s.trace], s)
		w.counts.Spans++
		return nil
	}
	read := readOTLP
	if w.m.Format == "agentops" {
		read = readAgentOps
	}
	err = values(in, "export", func(place string, v jsontext.Value) error {
		o, err := parseObject(v)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		return read(place, o, add)
	})
	if err != nil {
		return err
	}
	for _, id := range order {
		if err := w.trace(id, traces[id]); err != nil {
			return fmt.Errorf("trace %s: %w", id, err)
		}
	}
	return nil
}

// A trace is the spans of one trace with what was written of them.
type trace struct {
	*run
	spans []*span
	byID  map[string]*span
	done  []decided
	cost  *big.Rat
}

// decided is the decision of a span.
type decided struct {
	span *span
	id   string
}

func (w *writer) trace(id string, spans []*span) error {
	slices.SortFunc(spans, func(a, b *span) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(b.start, a.start), cmp.Compare(a.id, b.id))
	})
	t := &trace{spans: spans, byID: map[string]*span{}}
	for _, s := range spans {
		t.byID[s.id] = s
	}
	runID, err := fill(w.m.Run, t.attribute(id))
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	matter, err := fill(w.m.Case, t.attribute(id))
	if err != nil {
		return fmt.Errorf("case: %w", err)
	}
	if t.run, err = w.begin(runID, matter, "trace "+id); err != nil {
		return err
	}
	for _, s := range spans {
		t.sees(s.start)
		t.sees(s.end)
	}
	for _, s := range spans {
		if err := t.span(s); err != nil {
			return fmt.Errorf("span %s: %w", s.id, err)
		}
	}
	if t.cost != nil {
		t.usage.cost = decimalText(t.cost, *w.m.Usage.Cost.Decimals)
	}
	if err := t.measure("other", "trace "+id); err != nil {
		return err
	}
	return t.pointer(id)
}

// attribute returns what templates find: trace_id, or an attribute that is
// the same in all spans that have it.
func (t *trace) attribute(id string) func(string) (string, error) {
	return func(name string) (string, error) {
		if name == "trace_id" {
			return id, nil
		}
		found := ""
		for _, s := range t.spans {
			text, err := s.text(name)
			if err != nil {
				return "", fmt.Errorf("span %s: %w", s.id, err)
			}
			if text != "" && found != "" && text != found {
				return "", fmt.Errorf("%s is %q and %q in spans of the trace, want one", name, found, text)
			}
			if text != "" {
				found = text
			}
		}
		return found, nil
	}
}

// span writes the records of one span, in the order in which they ended.
func (t *trace) span(s *span) error {
	id := t.id + "/" + s.id
	place := "span " + s.id
	if s.marked() {
		t.w.counts.Marked++
		// A flag, so that a boundary of a grant can ask for a human.
		var flags []string
		if s.dropped > 0 {
			flags = append(flags, "span_dropped")
		}
		if s.truncated {
			flags = append(flags, "span_truncated")
		}
		if err := t.give(id+"/marked", s.end, "", &record.Input{AsOf: s.end, Source: "pointer", Flags: flags}, place); err != nil {
			return err
		}
		t.pending = append(t.pending, id+"/marked")
	}
	if err := t.count(s); err != nil {
		return err
	}
	switch op := s.operation(); {
	case s.isModel():
		return t.model(id, s, place)
	case op == "execute_tool":
		return t.tool(id, s, place)
	case op == "retrieval" || op == "search_memory":
		return t.retrieval(id, s, place)
	default:
		t.w.counts.Pointers++
		return nil
	}
}

// count adds what the span took. What spans other than a model's answer say is
// kept apart: those around answers repeat the tokens of these.
func (t *trace) count(s *span) error {
	u := &t.usage
	input, output := &u.otherInput, &u.otherOutput
	cached, thinking := new(int64), new(int64)
	if s.isModel() {
		input, output, cached, thinking = &u.input, &u.output, &u.cached, &u.thinking
	}
	for _, c := range []struct {
		name string
		to   *int64
	}{
		{"gen_ai.usage.input_tokens", input}, {"gen_ai.usage.output_tokens", output},
		{"gen_ai.usage.cache_read.input_tokens", cached}, {"gen_ai.usage.reasoning.output_tokens", thinking},
	} {
		if !object(s.attributes).has(c.name) {
			continue
		}
		n, err := object(s.attributes).count(c.name)
		if err != nil {
			return err
		}
		*c.to += n
		u.there = true
	}
	if m := t.w.m.Usage; m != nil && m.Cost != nil && s.isModel() && object(s.attributes).has(m.Cost.Field) {
		text, err := s.text(m.Cost.Field)
		if err != nil {
			return err
		}
		if t.cost == nil {
			t.cost = new(big.Rat)
		}
		return m.Cost.add(t.cost, text)
	}
	return nil
}

// samplingNames are the parameters that make a config's sampling.
var samplingNames = []string{"gen_ai.request.max_tokens", "gen_ai.request.seed", "gen_ai.request.temperature", "gen_ai.request.top_k", "gen_ai.request.top_p"}

// model writes the decision of a model's answer, after what it was given.
func (t *trace) model(id string, s *span, place string) error {
	agent, err := t.agent(s)
	if err != nil {
		return err
	}
	requested, err := s.text("gen_ai.request.model")
	if err != nil {
		return err
	}
	model := requested
	if name, ok := t.w.m.Models[requested]; ok {
		model = name
	}
	if model == "" {
		return errors.New("gen_ai.request.model is empty")
	}
	prompt, _ := s.content("gen_ai.system_instructions")
	tools, _ := s.content("gen_ai.tool.definitions")
	var sampling []byte
	for _, name := range samplingNames {
		if v, _ := s.content(name); v != nil {
			sampling = fmt.Appendf(sampling, "%s=%s\n", name, v)
		}
	}
	config := ""
	if !s.marked() { // else nobody knows what the prompt was
		if config, err = t.config(agent, model, prompt, tools, sampling, s.start, place); err != nil {
			return err
		}
	}
	if content, media := s.content("gen_ai.input.messages"); content != nil {
		a := t.w.commit(id+"/messages", "content", media, content)
		if err := t.give(id+"/messages", s.start, "", &record.Input{AsOf: s.start, Source: "messages"}, place, a); err != nil {
			return err
		}
		t.pending = append(t.pending, id+"/messages")
	}
	d := &record.Decision{Agent: agent, Config: config}
	if d.ModelReported, err = s.text("gen_ai.response.model"); err != nil {
		return err
	}
	if name := t.w.m.Confidence; name != "" {
		text, err := s.text(name)
		if err != nil {
			return err
		}
		d.Confidence = record.Decimal(text)
	}
	output, media := s.content("gen_ai.output.messages")
	t.done = append(t.done, decided{s, id})
	return t.decide(id, s.end, d, output, media, place)
}

// agent returns the id of the agent that a span belongs to: of the nearest
// span, itself included, that names one, or the map's.
func (t *trace) agent(s *span) (string, error) {
	for around, steps := s, 0; around != nil && steps <= len(t.spans); around, steps = t.byID[around.parent], steps+1 {
		id, err := around.text("gen_ai.agent.id")
		if err != nil || id != "" {
			return id, err
		}
		name, err := around.text("gen_ai.agent.name")
		if err != nil {
			return "", err
		}
		if name == "" {
			continue
		}
		id, ok := t.w.m.Agents[name]
		if !ok {
			return "", fmt.Errorf("gen_ai.agent.name %q has no id in agents of the map", name)
		}
		return id, nil
	}
	return t.w.m.Agent, nil
}

// decision returns the decision that a tool was used by: the last that had
// ended, of the same parent, else of the nearest span around it.
func (t *trace) decision(s *span) string {
	for around, steps := s, 0; around != nil && steps <= len(t.spans); around, steps = t.byID[around.parent], steps+1 {
		for _, d := range slices.Backward(t.done) {
			if (d.span.parent == around.parent || d.span.id == around.parent) && d.span.end <= s.start {
				return d.id
			}
		}
	}
	return ""
}

// tool writes an action, or a handoff, and its result.
func (t *trace) tool(id string, s *span, place string) error {
	c := &call{id: id, at: s.end, decision: t.decision(s), status: "executed"}
	var err error
	if c.agent, err = t.agent(s); err != nil {
		return err
	}
	if c.tool, err = s.text("gen_ai.tool.name"); err != nil {
		return err
	}
	if c.tool == "" {
		return errors.New("gen_ai.tool.name is empty")
	}
	if c.key, err = s.text("gen_ai.tool.call.id"); err != nil {
		return err
	}
	t.w.counts.ToolCalls++
	if s.failed || object(s.attributes).has("error.type") {
		c.status = "failed"
		t.w.counts.Failed++
	}
	c.arguments, c.media = s.content("gen_ai.tool.call.arguments")
	if err := t.call(c, place); err != nil {
		return err
	}
	content, media := s.content("gen_ai.tool.call.result")
	if content == nil {
		return nil
	}
	a := t.w.commit(id+"/result", "content", media, content)
	t.pending = append(t.pending, id+"/result")
	return t.give(id+"/result", s.end, "", &record.Input{AsOf: s.end, Source: "tool " + c.tool}, place, a)
}

// retrieval writes what was looked up as an input.
func (t *trace) retrieval(id string, s *span, place string) error {
	source, err := s.text("gen_ai.data_source.id")
	if err != nil {
		return err
	}
	var attach []record.Attachment
	for _, part := range []struct{ name, attribute string }{{"content", "gen_ai.retrieval.documents"}, {"query", "gen_ai.retrieval.query.text"}} {
		if content, media := s.content(part.attribute); content != nil {
			attach = append(attach, t.w.commit(id, part.name, media, content))
		}
	}
	t.pending = append(t.pending, id)
	return t.give(id, s.end, "", &record.Input{AsOf: s.end, Source: strings.TrimSpace("retrieval " + source)}, place, attach...)
}

// pointer writes where the records of the trace come from and what it lacks.
func (t *trace) pointer(id string) error {
	var flags []string
	var dropped, orphans, roots int64
	truncated, sampled := false, false
	schema := ""
	for _, s := range t.spans {
		dropped += s.dropped
		truncated = truncated || s.truncated
		sampled = sampled || s.sampled
		schema = cmp.Or(schema, s.schema)
		switch {
		case s.parent == "":
			roots++
		case t.byID[s.parent] == nil:
			orphans++
		}
	}
	for _, f := range []struct {
		name string
		is   bool
	}{
		{"trace_sampled", sampled}, {"trace_incomplete", orphans > 0 || roots == 0},
		{"span_dropped", dropped > 0}, {"span_truncated", truncated},
	} {
		if f.is {
			flags = append(flags, f.name)
		}
	}
	fields := record.NewFacts(
		record.Text("conventions", Conventions),
		record.Text("dropped_parts", fmt.Sprint(dropped)),
		record.Text("format", t.w.m.Format),
		record.Text("missing_parents", fmt.Sprint(orphans)),
		record.Text("spans", fmt.Sprint(len(t.spans))),
		record.Text("trace_id", id))
	if schema != "" {
		fields = record.NewFacts(append(fields, record.Text("schema", schema))...)
	}
	return t.give(t.id+"/trace", t.until, "", &record.Input{AsOf: t.until, Source: "pointer", Fields: fields, Flags: flags}, "trace "+id)
}
