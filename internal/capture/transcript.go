package capture

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/raasledger/raasledger/attribution/record"
)

// transcript reads conversations in the form of OpenAI's chat messages: one
// array of them, or one a line.
func (w *writer) transcript(r io.Reader) error {
	in, err := withoutMark(r)
	if err != nil {
		return err
	}
	if w.m.Messages == "" {
		// The file is one conversation.
		var list []jsontext.Value
		err := values(in, "message", func(_ string, v jsontext.Value) error {
			list = append(list, v.Clone())
			return nil
		})
		if err != nil {
			return err
		}
		return w.conversation("run 1", object{}, list)
	}
	return values(in, "run", func(place string, v jsontext.Value) error {
		o, err := parseObject(v)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		if _, ok := o[w.m.Messages]; !ok {
			return fmt.Errorf("%s: has no %s, where the map says that the messages are", place, w.m.Messages)
		}
		list, err := o.list(w.m.Messages)
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		return w.conversation(place, o, list)
	})
}

// A message is one message of a conversation, understood.
type message struct {
	place   string
	at      record.Time
	role    string
	content []byte // nil where there is none
	media   string
	calls   []*toolCall

	// Of a tool's result.
	answers *toolCall

	// Of the agent's.
	model, confidence string
	usage             object
}

// A toolCall is a call with what answered it.
type toolCall struct {
	call
	byUser   bool
	answered bool
}

// conversation writes the records of one run.
func (w *writer) conversation(place string, o object, list []jsontext.Value) error {
	fail := func(err error) error { return fmt.Errorf("%s: %w", place, err) }
	id, err := fill(w.m.Run, o.scalar)
	if err != nil {
		return fail(fmt.Errorf("run: %w", err))
	}
	matter, err := fill(w.m.Case, o.scalar)
	if err != nil {
		return fail(fmt.Errorf("case: %w", err))
	}
	r, err := w.begin(id, matter, place)
	if err != nil {
		return fail(err)
	}
	if len(list) == 0 {
		if w.m.EmptyRuns == "" {
			return fail(errors.New("has no messages; empty_runs: leave_out in the map counts such runs and nothing else"))
		}
		w.counts.Empty++
		return nil
	}
	messages, err := r.messages(place, list)
	if err != nil {
		return err
	}
	model, err := fill(w.m.Model, o.scalar)
	if err != nil {
		return fail(fmt.Errorf("model: %w", err))
	}
	var tools, prompt []byte
	if name := w.m.ToolList; name != "" {
		if tools, _ = contentOf(o[name]); tools == nil {
			return fail(fmt.Errorf("has no %s, where the map says that the tool definitions are", name))
		}
	}
	if first := messages[0]; isInstruction(first.role) {
		prompt = first.content
	}
	config, err := r.config(w.m.Agent, model, prompt, tools, nil, r.from, place)
	if err != nil {
		return fail(err)
	}
	for i, m := range messages {
		id := fmt.Sprintf("%s/%d", r.id, i)
		switch {
		case i == 0 && isInstruction(m.role):
			err = nil // the prompt of the config
		case m.role == "assistant":
			err = r.assistant(id, config, m)
		case m.role == "tool":
			err = r.result(id, m)
		default:
			err = r.said(id, m)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", m.place, err)
		}
	}
	if err := r.cost(o); err != nil {
		return fail(err)
	}
	if err := r.measure("user", place); err != nil {
		return fail(err)
	}
	return nil
}

func isInstruction(role string) bool { return role == "system" || role == "developer" }

// messages reads the messages and matches results with calls.
func (r *run) messages(place string, list []jsontext.Value) ([]*message, error) {
	var messages []*message
	var open []*toolCall // calls without a result
	for i, v := range list {
		m := &message{place: fmt.Sprintf("%s: message %d", place, i+1)}
		o, err := parseObject(v)
		if err == nil {
			open, err = r.message(m, o, i, open)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.place, err)
		}
		r.w.counts.Messages++
		r.sees(m.at)
		messages = append(messages, m)
	}
	r.w.counts.Unsettled += int64(len(open))
	return messages, nil
}

// message reads one message; it returns the calls that have no result yet.
func (r *run) message(m *message, o object, i int, open []*toolCall) ([]*toolCall, error) {
	var err error
	if m.role, err = o.text("role"); err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"system", "developer", "user", "assistant", "tool"}, m.role) {
		return nil, fmt.Errorf("role: got %q, want system, developer, user, assistant or tool", m.role)
	}
	if m.at, err = r.w.m.Time.of(o, r.w.counts.Messages); err != nil {
		return nil, err
	}
	switch k := o["content"].Kind(); k {
	case 0, jsontext.KindNull, jsontext.KindString, jsontext.KindBeginArray:
	default:
		return nil, fmt.Errorf("content: got %s, want text, an array of parts or null", kindOf(o["content"]))
	}
	m.content, m.media = contentOf(o["content"])
	calls, err := o.list("tool_calls")
	if err != nil {
		return nil, err
	}
	if len(calls) > 0 && m.role != "assistant" && m.role != "user" {
		return nil, fmt.Errorf("tool_calls: stand in a message of role %s", m.role)
	}
	for n, v := range calls {
		c, err := r.toolCall(v)
		if err != nil {
			return nil, fmt.Errorf("tool_calls[%d]: %w", n, err)
		}
		c.id = fmt.Sprintf("%s/%d/%d", r.id, i, n)
		c.at, c.agent, c.status, c.byUser = m.at, r.w.m.Agent, "planned", m.role == "user"
		r.w.counts.ToolCalls++
		if c.byUser {
			r.w.counts.ByUser++
		}
		m.calls = append(m.calls, c)
		open = append(open, c)
	}
	if o.has("usage") {
		if m.usage, err = o.object("usage"); err != nil {
			return nil, err
		}
		if err := r.usage.add(m.usage, m.role == "assistant"); err != nil {
			return nil, fmt.Errorf("usage: %w", err)
		}
	}
	switch m.role {
	case "assistant":
		if m.model, err = o.text("model"); err != nil {
			return nil, err
		}
		if name := r.w.m.Confidence; name != "" {
			if m.confidence, err = o.scalar(name); err != nil {
				return nil, err
			}
		}
	case "tool":
		return r.answer(m, o, open)
	}
	return open, nil
}

// of returns the instant of a message: its own, or by its place among all
// messages of the file.
func (c *Clock) of(o object, before int64) (record.Time, error) {
	if c.Field == "" {
		at := c.start + record.Time(before)*c.step
		if at > record.MaxTime {
			return 0, errors.New("its time is after the year 9999")
		}
		return at, nil
	}
	text, err := o.text(c.Field)
	if err != nil {
		return 0, err
	}
	if text == "" {
		return 0, fmt.Errorf("%s is empty, want the time of the message", c.Field)
	}
	return c.instant(text)
}

// toolCall reads a call in either of two forms: with the members in function,
// or beside the id.
func (r *run) toolCall(v jsontext.Value) (*toolCall, error) {
	o, err := parseObject(v)
	if err != nil {
		return nil, err
	}
	c := &toolCall{}
	if c.key, err = o.text("id"); err != nil {
		return nil, err
	}
	if o.has("function") {
		if o, err = o.object("function"); err != nil {
			return nil, err
		}
	}
	if c.tool, err = o.text("name"); err != nil {
		return nil, err
	}
	if c.tool == "" {
		return nil, errors.New("name is empty, want that of a tool")
	}
	arguments, ok := o["arguments"]
	if !ok {
		return nil, errors.New("arguments are absent")
	}
	c.arguments, c.media = contentOf(arguments)
	switch arguments.Kind() {
	case jsontext.KindBeginObject:
		return c, nil
	case jsontext.KindString:
	default:
		return nil, fmt.Errorf("arguments: got %s, want an object, or one as text", kindOf(arguments))
	}
	if r.w.m.Arguments == "python" {
		c.media = "text/x-python"
		if err := checkPython(string(c.arguments)); err != nil {
			return nil, fmt.Errorf("arguments: %w", err)
		}
		return c, nil
	}
	if r.w.m.Arguments == "text" || len(c.arguments) == 0 {
		return c, nil
	}
	c.media = mediaJSON
	if _, err := parseObject(jsontext.Value(c.arguments)); err != nil {
		hint := ""
		if checkPython(string(c.arguments)) == nil {
			hint = "; it is a Python literal, for which the map says arguments: python"
		}
		return nil, fmt.Errorf("arguments: got text that is no JSON object%s", hint)
	}
	return c, nil
}

// answer finds the call that a tool's message answers: by its id, or where
// the calls have none the first that is open.
func (r *run) answer(m *message, o object, open []*toolCall) ([]*toolCall, error) {
	id, err := o.text("tool_call_id")
	if err == nil && id == "" {
		id, err = o.text("id")
	}
	if err != nil {
		return nil, err
	}
	name, err := o.text("name")
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(open, func(c *toolCall) bool { return c.key == id })
	if i < 0 {
		if id == "" {
			return nil, errors.New("is a tool's result without an id, and no call without one is open before it")
		}
		return nil, fmt.Errorf("is the result of call %q, which is not open before it", id)
	}
	c := open[i]
	if name != "" && name != c.tool {
		return nil, fmt.Errorf("name: got %q, want %q as in the call", name, c.tool)
	}
	failed := false
	if o.has("error") {
		text, err := o.scalar("error")
		if err != nil || text != "true" && text != "false" {
			return nil, fmt.Errorf("error: got %s, want true or false", kindOf(o["error"]))
		}
		failed = text == "true"
	}
	failed = failed || m.media == mediaText && r.w.m.failed(string(m.content))
	c.at, c.answered, c.status = m.at, true, "executed"
	if failed {
		c.status = "failed"
		r.w.counts.Failed++
	}
	m.answers = c
	return slices.Delete(slices.Clone(open), i, i+1), nil
}

// assistant writes the agent's decision, and its calls that nothing answered.
func (r *run) assistant(id, config string, m *message) error {
	d := &record.Decision{Agent: r.w.m.Agent, Config: config, ModelReported: m.model, Confidence: record.Decimal(m.confidence)}
	if len(m.calls) == 1 {
		d.Proposes = &record.Proposal{Action: m.calls[0].tool}
	}
	if err := r.decide(id, m.at, d, m.content, m.media, m.place); err != nil {
		return err
	}
	for _, c := range m.calls {
		c.decision = id
		_, handoff := r.w.m.Tools.Handoff[c.tool]
		if !c.answered || handoff {
			if handoff {
				c.at = m.at // the matter passes when the agent says so
			}
			if err := r.call(&c.call, m.place); err != nil {
				return err
			}
		}
	}
	if r.w.m.Reply == "" || len(m.content) == 0 || len(m.calls) > 0 {
		return nil
	}
	body := &record.Action{Decision: id, Grant: r.w.m.Grant, Action: r.w.m.Reply, Effect: "communicate", Status: "executed"}
	return r.give(id+"/reply", m.at, r.w.m.Agent, body, m.place)
}

// result writes the call that the message answers, and its result as an input.
func (r *run) result(id string, m *message) error {
	c := m.answers
	if c.byUser {
		return r.input(id, m, "tool "+c.tool, false)
	}
	if _, handoff := r.w.m.Tools.Handoff[c.tool]; !handoff {
		if err := r.call(&c.call, m.place); err != nil {
			return err
		}
	}
	return r.input(id, m, "tool "+c.tool, true)
}

// said writes what a user or the system said, and what tools a user used: the
// agent did not, so that these are no actions of the ledger.
func (r *run) said(id string, m *message) error {
	if m.content != nil || len(m.calls) == 0 {
		if err := r.input(id, m, m.role, true); err != nil {
			return err
		}
	}
	for _, c := range m.calls {
		a := r.w.commit(c.id, "arguments", c.media, c.arguments)
		if err := r.give(c.id, m.at, "", &record.Input{AsOf: m.at, Source: "user tool " + c.tool, Flags: []string{"by_user"}}, m.place, a); err != nil {
			return err
		}
	}
	return nil
}

// input writes what came in; where the agent saw it, its next decision rests
// on it.
func (r *run) input(id string, m *message, source string, seen bool) error {
	body := &record.Input{AsOf: m.at, Source: source}
	if !seen {
		body.Flags = []string{"by_user"}
	} else {
		r.pending = append(r.pending, id)
	}
	var attach []record.Attachment
	if m.content != nil {
		attach = []record.Attachment{r.w.commit(id, "content", m.media, m.content)}
	}
	return r.give(id, m.at, "", body, m.place, attach...)
}

// add counts the tokens of one answer of a model, in OpenAI's terms.
func (u *usage) add(o object, agent bool) error {
	input, err := o.count("prompt_tokens")
	if err != nil {
		return err
	}
	output, err := o.count("completion_tokens")
	if err != nil {
		return err
	}
	u.there = true
	if !agent {
		u.otherInput += input
		u.otherOutput += output
		return nil
	}
	u.input += input
	u.output += output
	for _, part := range []struct {
		object, name string
		to           *int64
	}{{"prompt_tokens_details", "cached_tokens", &u.cached}, {"completion_tokens_details", "reasoning_tokens", &u.thinking}} {
		details, err := o.object(part.object)
		if err != nil {
			return err
		}
		n, err := details.count(part.name)
		if err != nil {
			return fmt.Errorf("%s: %w", part.object, err)
		}
		*part.to += n
	}
	return nil
}

// cost reads what the run cost, where its data says so.
func (r *run) cost(o object) error {
	u := r.w.m.Usage
	if u == nil || u.Cost == nil || !o.has(u.Cost.Field) {
		return nil
	}
	var sum big.Rat
	text, err := o.scalar(u.Cost.Field)
	if err == nil {
		err = u.Cost.add(&sum, text)
	}
	if err != nil {
		return err
	}
	r.usage.cost = decimalText(&sum, *u.Cost.Decimals)
	return nil
}

// add adds one cost, rounded.
func (c *Cost) add(sum *big.Rat, text string) error {
	x, err := roundCost(text, *c.Decimals)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Field, err)
	}
	sum.Add(sum, x)
	return nil
}
