package capture

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/raasledger/raasledger/attribution/record"
)

// readAgentOps reads one trace as AgentOps exports it: JSON of spans that is
// not OTLP, with attributes as nested objects. It becomes spans with the
// attributes of the conventions:
//
//	agentops.span.kind llm, tool   gen_ai.operation.name chat, execute_tool
//	                   agent       invoke_agent
//	                   workflow    invoke_workflow
//	agent.id, agent.role           gen_ai.agent.id, gen_ai.agent.name
//	gen_ai.prompt, of it role system   gen_ai.system_instructions
//	               the rest            gen_ai.input.messages
//	gen_ai.completion              gen_ai.output.messages
//	tool.name, .parameters, .result    gen_ai.tool.name, .call.arguments, .call.result
//	freeplan_truncated             the span is truncated
func readAgentOps(place string, o object, add func(string, *span) error) error {
	head, err := o.object("trace")
	if err == nil && head == nil {
		err = errors.New("has no trace, want an export of AgentOps")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	trace, err := head.text("trace_id")
	if err == nil && !isHex(trace, 16) {
		err = fmt.Errorf("trace_id: got %.80q, want 32 hexadecimal digits, not all 0", trace)
	}
	if err != nil {
		return fmt.Errorf("%s: trace: %w", place, err)
	}
	cut, err := head.truth("freeplan_truncated")
	if err != nil {
		return fmt.Errorf("%s: trace: %w", place, err)
	}
	announced, err := head.count("span_count")
	if err != nil {
		return fmt.Errorf("%s: trace: %w", place, err)
	}
	n := int64(0)
	err = each(place, o, "spans", func(place string, o object) error {
		s, err := agentOpsSpan(trace, o)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		s.truncated = s.truncated || cut
		n++
		return add(place, s)
	})
	if err != nil {
		return err
	}
	if head.has("span_count") && n != announced {
		return fmt.Errorf("%s: has %d spans, want %d as its span_count says", place, n, announced)
	}
	return nil
}

// truth returns a member that is true or false; absent is false.
func (o object) truth(name string) (bool, error) {
	if !o.has(name) {
		return false, nil
	}
	switch o[name].Kind() {
	case jsontext.KindTrue:
		return true, nil
	case jsontext.KindFalse:
		return false, nil
	}
	return false, fmt.Errorf("%s: got %s, want true or false", name, kindOf(o[name]))
}

func agentOpsSpan(trace string, o object) (*span, error) {
	s := &span{trace: trace, attributes: map[string]jsontext.Value{}}
	var err error
	for _, id := range []struct {
		name string
		to   *string
	}{{"span_id", &s.id}, {"parent_span_id", &s.parent}} {
		if *id.to, err = o.text(id.name); err != nil {
			return nil, err
		}
		if id.name == "parent_span_id" && *id.to == "" {
			continue
		}
		if !isHex(*id.to, 8) {
			return nil, fmt.Errorf("%s: got %.80q, want 16 hexadecimal digits, not all 0", id.name, *id.to)
		}
	}
	for _, instant := range []struct {
		name string
		to   *record.Time
	}{{"start_time", &s.start}, {"end_time", &s.end}} {
		text, err := o.text(instant.name)
		if err != nil {
			return nil, err
		}
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || t.UnixMilli() <= 0 {
			return nil, fmt.Errorf("%s: got %.80q, want a time like 2026-03-01T08:00:00Z", instant.name, text)
		}
		*instant.to = record.TimeOf(t)
	}
	if s.end < s.start {
		return nil, fmt.Errorf("ends at %s, before it starts at %s", s.end, s.start)
	}
	if s.truncated, err = o.truth("freeplan_truncated"); err != nil {
		return nil, err
	}
	status, err := o.text("status_code")
	if err != nil {
		return nil, err
	}
	s.failed = status == "ERROR"
	nested, err := o.object("span_attributes")
	if err != nil {
		return nil, err
	}
	if err := s.flatten("", nested, 0); err != nil {
		return nil, fmt.Errorf("span_attributes: %w", err)
	}
	return s, s.conventional()
}

// flatten joins the names of nested objects with dots.
func (s *span) flatten(front string, o object, depth int) error {
	if depth > maxAnyDepth {
		return fmt.Errorf("nested deeper than %d", maxAnyDepth)
	}
	for name, v := range o {
		name = front + name
		if v.Kind() == jsontext.KindBeginObject {
			inner, err := parseObject(v)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if err := s.flatten(name+".", inner, depth+1); err != nil {
				return err
			}
			continue
		}
		if _, ok := s.attributes[name]; ok {
			return fmt.Errorf("%s is there twice, nested and with dots", name)
		}
		s.attributes[name] = v
	}
	return nil
}

// conventional gives attributes of AgentOps the names of the conventions.
func (s *span) conventional() error {
	kind, err := s.text("agentops.span.kind")
	if err != nil {
		return err
	}
	operation, ok := map[string]string{"llm": "chat", "tool": "execute_tool", "agent": "invoke_agent", "workflow": "invoke_workflow"}[kind]
	if ok {
		s.attributes["gen_ai.operation.name"] = jsontext.Value(`"` + operation + `"`)
	}
	for old, name := range map[string]string{
		"agent.id": "gen_ai.agent.id", "agent.role": "gen_ai.agent.name", "gen_ai.completion": "gen_ai.output.messages",
		"tool.name": "gen_ai.tool.name", "tool.parameters": "gen_ai.tool.call.arguments", "tool.result": "gen_ai.tool.call.result",
	} {
		if v, ok := s.attributes[old]; ok {
			s.attributes[name] = v
		}
	}
	prompt, err := object(s.attributes).list("gen_ai.prompt")
	if err != nil {
		return err
	}
	system, rest := []byte{'['}, []byte{'['}
	for i, v := range prompt {
		o, err := parseObject(v)
		if err != nil {
			return fmt.Errorf("gen_ai.prompt[%d]: %w", i, err)
		}
		role, err := o.text("role")
		if err != nil {
			return fmt.Errorf("gen_ai.prompt[%d]: %w", i, err)
		}
		to := &rest
		if isInstruction(role) {
			to = &system
		}
		if len(*to) > 1 {
			*to = append(*to, ',')
		}
		*to = append(*to, v...)
	}
	if len(system) > 1 {
		s.attributes["gen_ai.system_instructions"] = append(system, ']')
	}
	if len(rest) > 1 {
		s.attributes["gen_ai.input.messages"] = append(rest, ']')
	}
	return nil
}
