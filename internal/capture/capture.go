// Package capture turns what an agent service leaves behind anyway, chat
// transcripts and OpenTelemetry spans, into records: configs, inputs,
// decisions, actions, handoffs and measurements. It opens no file and knows no
// ledger: text comes from a reader, records go to the caller.
//
// No content goes into a record in clear. What was said, asked for and
// answered is committed by salted digest, see [Salt].
//
// docs/capture.md describes the map file; this is one:
//
//	format: transcript
//	agent: care-1
//	model: gpt-4o
//	run: "run/{task_id}"
//	case: "task/{task_id}"
//	messages: traj
//	arguments: json
//	time: {start: "2025-06-01T08:00:00.000Z", step: 1s}
//	tools:
//	  read: [get_*, find_*]
//	  write: [cancel_order]
//	  handoff: {transfer_to_human_agents: shop.example}
package capture

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

const (
	// MaxValueBytes is the longest run of a transcript, or export of spans:
	// each is held in memory while it is read.
	MaxValueBytes = 64 << 20

	// MinSaltKeyBytes is the shortest key that salts are derived from.
	MinSaltKeyBytes = 32
)

// An Item is a record with the place it comes from.
type Item struct {
	Record *record.Record
	Bytes  int    // of its canonical form
	Place  string // "run 12: message 3", "span 1935beaad741db0d"
	Run    int    // which run, from 0; those of one stand side by side
}

// Counts say what a file held and what became of it.
type Counts struct {
	Runs      int64 `json:"runs"`       // conversations or traces
	Empty     int64 `json:"empty_runs"` // of these, without a message: no records
	Messages  int64 `json:"messages"`
	Spans     int64 `json:"spans"`
	Repeated  int64 `json:"repeated_spans"` // the same span again, not counted in Spans
	Pointers  int64 `json:"pointer_spans"`  // only counted in the record of their trace
	Marked    int64 `json:"marked_spans"`   // truncated, or with parts dropped
	ToolCalls int64 `json:"tool_calls"`
	ByUser    int64 `json:"tool_calls_by_user"` // of these
	Unsettled int64 `json:"tool_calls_without_result"`
	Failed    int64 `json:"tool_calls_failed"`
	Configs   int64 `json:"configs"`
	Inputs    int64 `json:"inputs"`
	Decisions int64 `json:"decisions"`
	Actions   int64 `json:"actions"`
	Effects   int64 `json:"effects"` // actions executed that are more than a read
	Handoffs  int64 `json:"handoffs"`
	Measured  int64 `json:"measurements"`
}

// Settings are what only the caller knows.
type Settings struct {
	Origin  string // of the ledger
	SaltKey []byte // secret of the vendor
}

// CheckTerms compares the map with a version of the agreement: who writes, and
// whether history is accepted. It is called for each version before
// [Map.Records].
func (m *Map) CheckTerms(t *terms.Terms) error {
	operator := t.Operator().ID
	if m.operator != "" && operator != m.operator {
		return fmt.Errorf("map: versions of the agreement name %s and %s as vendor", m.operator, operator)
	}
	m.operator = operator
	if m.Backfilled && t.Backfill != "accept" {
		return fmt.Errorf("map: backfilled is true, but the agreement says backfill: %s", t.Backfill)
	}
	return nil
}

// Records reads the whole file and returns its records in the order of its
// runs. Nothing is returned of a file of which something is not understood.
func (m *Map) Records(r io.Reader, s Settings) ([]Item, *Counts, error) {
	if m.operator == "" {
		panic("capture: Records before CheckTerms")
	}
	if len(s.SaltKey) < MinSaltKeyBytes {
		return nil, nil, fmt.Errorf("salt key has %d bytes, want at least %d", len(s.SaltKey), MinSaltKeyBytes)
	}
	w := &writer{m: m, s: s, ids: map[string]string{}, configs: map[configKey]*record.Record{}}
	var err error
	switch m.Format {
	case "transcript":
		err = w.transcript(r)
	case "otlp", "agentops":
		err = w.spans(r)
	default:
		panic("capture: format " + m.Format)
	}
	if err != nil {
		return nil, nil, err
	}
	return w.items, &w.counts, nil
}

// Salt derives the salt of one commitment: HMAC-SHA256 with the vendor's key
// over origin, id of the record and name of the attachment; see config for the
// one exception. The same import gives the same records; without the key no
// guess can be tested.
func Salt(key []byte, origin, id, name string) [sha256.Size]byte {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "raasledger capture v1\n%s\n%s\n%s", origin, id, name)
	return [sha256.Size]byte(h.Sum(nil))
}

// A writer collects the records of a file.
type writer struct {
	m      *Map
	s      Settings
	items  []Item
	ids    map[string]string // where each was given
	counts Counts

	configs map[configKey]*record.Record
}

// commit returns the attachment that commits content, for the record of the
// id. Its digest is SHA-256 over salt and content.
func (w *writer) commit(id, name, media string, content []byte) record.Attachment {
	salt := Salt(w.s.SaltKey, w.s.Origin, id, name)
	h := sha256.New()
	h.Write(salt[:])
	h.Write(content)
	return record.Attachment{Name: name, Media: media, Size: int64(len(content)), Digest: record.Digest(fmt.Sprintf("sha256:%x", h.Sum(nil)))}
}

// A run is one conversation or trace on its way into records.
type run struct {
	w      *writer
	number int
	id     string // in front of the ids of its records
	matter string // its case

	from, until record.Time // of its first and last instant
	pending     []string    // inputs since the last decision
	usage       usage
}

// begin opens a run, whose id no other run has.
func (w *writer) begin(id, matter, place string) (*run, error) {
	if before, ok := w.ids[id]; ok {
		return nil, fmt.Errorf("run %s was given at %s already", id, before)
	}
	w.ids[id] = place
	w.counts.Runs++
	return &run{w: w, number: int(w.counts.Runs) - 1, id: id, matter: matter}, nil
}

// sees widens the time of the run.
func (r *run) sees(at record.Time) {
	if r.from == 0 || at < r.from {
		r.from = at
	}
	r.until = max(r.until, at)
}

// give writes one record, of which place is where it comes from. What an agent
// did has it as its actor. A config has no case: it stands for the whole ledger.
func (r *run) give(id string, at record.Time, agent string, body record.Body, place string, attach ...record.Attachment) error {
	w := r.w
	rec := &record.Record{Kind: body.Kind(), ID: id, At: at, By: w.m.operator, Case: r.matter, Body: body, Attach: attach, Backfilled: w.m.Backfilled}
	slices.SortFunc(rec.Attach, func(a, b record.Attachment) int { return cmp.Compare(a.Name, b.Name) })
	switch b := body.(type) {
	case *record.Config:
		rec.Case = ""
		w.counts.Configs++
	case *record.Input:
		w.counts.Inputs++
	case *record.Decision:
		rec.Actor = agent
		w.counts.Decisions++
	case *record.Action:
		rec.Actor = agent
		w.counts.Actions++
		if b.Status == "executed" && b.Effect != "read" {
			w.counts.Effects++
		}
	case *record.Handoff:
		rec.Actor = agent
		w.counts.Handoffs++
	case *record.Measurement:
		w.counts.Measured++
	default:
		panic("capture: kind " + string(body.Kind()))
	}
	if before, ok := w.ids[id]; ok {
		return fmt.Errorf("id %s was given at %s already", id, before)
	}
	w.ids[id] = place
	line, err := record.Marshal(rec)
	if err != nil {
		return err
	}
	w.items = append(w.items, Item{Record: rec, Bytes: len(line), Place: place, Run: r.number})
	return nil
}

// A configKey tells configs apart: what an agent runs on, content as digests.
type configKey struct {
	agent, model            string
	prompt, tools, sampling record.Digest
}

// config returns the id of the agent's config, which is written once for the
// file: it stands for the whole ledger, and every bundle of a case holds all of
// those. Its digests have one salt for all configs of the agent, so that a
// change of the prompt shows, and only a change.
func (r *run) config(agent, model string, prompt, tools, sampling []byte, at record.Time, place string) (string, error) {
	w := r.w
	salted := "config/" + agent
	key := configKey{agent: agent, model: model}
	body := &record.Config{Agent: agent, Model: model}
	var attach []record.Attachment
	for _, part := range []struct {
		name, media string
		content     []byte
		digest, key *record.Digest
	}{
		{"prompt", mediaText, prompt, &body.Prompt, &key.prompt},
		{"sampling", mediaText, sampling, &body.Sampling, &key.sampling},
		{"tools", mediaJSON, tools, &body.Tools, &key.tools},
	} {
		if part.content == nil {
			continue
		}
		a := w.commit(salted, part.name, part.media, part.content)
		*part.digest, *part.key = a.Digest, a.Digest
		attach = append(attach, a)
	}
	if c, ok := w.configs[key]; ok {
		// Nothing may be decided before what it was decided under.
		c.At = min(c.At, at)
		return c.ID, nil
	}
	// The run is part of the id: another file may hold an earlier use of the
	// same config, and has a record of its own for it.
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q", r.id, agent, model, body.Prompt, body.Tools, body.Sampling))
	id := fmt.Sprintf("%s/%x", salted, sum[:8])
	if err := r.give(id, at, "", body, place, attach...); err != nil {
		return "", err
	}
	w.configs[key] = w.items[len(w.items)-1].Record
	return id, nil
}

// decide writes a decision that rests on what came in since the last one.
func (r *run) decide(id string, at record.Time, d *record.Decision, output []byte, media, place string) error {
	d.Inputs, d.Grant = r.pending, r.w.m.Grant
	r.pending = nil
	if len(d.Inputs) > record.MaxList {
		return fmt.Errorf("%d inputs since the last decision, at most %d", len(d.Inputs), record.MaxList)
	}
	var attach []record.Attachment
	if output != nil {
		attach = []record.Attachment{r.w.commit(id, "output", media, output)}
		d.Output = attach[0].Digest
	}
	return r.give(id, at, d.Agent, d, place, attach...)
}

// call writes what a tool call is: an action, or where the map says so a
// handoff.
func (r *run) call(c *call, place string) error {
	var attach []record.Attachment
	if c.arguments != nil {
		attach = []record.Attachment{r.w.commit(c.id, "arguments", c.media, c.arguments)}
	}
	if to, ok := r.w.m.Tools.Handoff[c.tool]; ok {
		body := &record.Handoff{Decision: c.decision, To: to, Reason: "tool " + c.tool}
		return r.give(c.id, c.at, c.agent, body, place, attach...)
	}
	effect, err := r.w.m.effect(c.tool)
	if err != nil {
		return err
	}
	body := &record.Action{Decision: c.decision, Action: c.tool, Effect: effect, Status: c.status, Grant: r.w.m.Grant}
	if c.key != "" {
		// Providers give some ids again, such as call_1 in each
		// conversation, and the same key twice says that one effect was made
		// twice.
		body.Key = r.id + "/" + c.key
	}
	return r.give(c.id, c.at, c.agent, body, place, attach...)
}

// A call is one use of a tool.
type call struct {
	id        string // of its record
	at        record.Time
	agent     string
	decision  string
	tool      string
	key       string // id that the provider gave it
	arguments []byte
	media     string
	status    string // planned, executed, failed
}

const (
	mediaText = "text/plain"
	mediaJSON = "application/json"
)

// A usage is what the models of a run took.
type usage struct {
	there                           bool
	input, output, cached, thinking int64 // the agent's
	otherInput, otherOutput         int64 // beside them, see measure
	cost                            string
}

// measure writes what the run took, if its data says so. beside says what the
// tokens are that are not the agent's.
func (r *run) measure(beside, place string) error {
	u := r.usage
	if !u.there && u.cost == "" {
		return nil
	}
	if r.w.m.Usage == nil {
		return errors.New("there are tokens or costs, but the map has no usage")
	}
	fields := record.Facts{}
	for _, f := range []struct {
		name   string
		n      int64
		always bool
	}{
		{"cached_input_tokens", u.cached, false},
		{"input_tokens", u.input, u.there},
		{"output_tokens", u.output, u.there},
		{"reasoning_tokens", u.thinking, false},
		{beside + "_input_tokens", u.otherInput, false},
		{beside + "_output_tokens", u.otherOutput, false},
	} {
		if f.n > 0 || f.always {
			fields = append(fields, record.Text(f.name, fmt.Sprint(f.n)))
		}
	}
	body := &record.Measurement{Metric: r.w.m.Usage.Metric, Method: "as reported by the agent's own telemetry", From: r.from, Until: r.until + 1}
	if u.cost != "" {
		body.Value = record.Decimal(u.cost)
		fields = append(fields, record.Text("currency", r.w.m.Usage.Cost.Currency))
	}
	body.Fields = record.NewFacts(fields...)
	return r.give(r.id+"/usage", r.until, "", body, place)
}

var errEmptyFile = errors.New("holds nothing")
