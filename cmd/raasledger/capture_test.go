package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/capture"
	"github.com/raasledger/raasledger/ledger"
)

// What an agent service leaves behind, imported into a real ledger. Each figure
// that is compared is counted here, from the file and without package capture;
// those of the data's README are written out beside.

const testSalt = "a secret of a test, of 32 bytes and more"

// captureTerms are those of the support agent with some words replaced.
func captureTerms(t *testing.T, oldnew ...string) []byte {
	t.Helper()
	yaml, err := os.ReadFile("../../testdata/mappings/tau_retail_terms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(yaml)
	for i := 0; i < len(oldnew); i += 2 {
		if strings.Count(text, oldnew[i]) != 1 {
			t.Fatalf("the terms do not have one %q", oldnew[i])
		}
		text = strings.Replace(text, oldnew[i], oldnew[i+1], 1)
	}
	return []byte(text)
}

// capture imports transcripts or spans as raasledger import does.
func (d *deal) capture(mapName, file string) captured {
	d.Helper()
	text, err := os.ReadFile(filepath.Join("../../testdata/mappings", mapName))
	if err != nil {
		d.Fatal(err)
	}
	m, err := capture.Parse(text)
	if err != nil {
		d.Fatal(err)
	}
	ci := &capturing{Map: m, mapFile: mapName, key: []byte(testSalt), importing: &importing{ledger: d.Ledger, file: file,
		now: record.Time(d.now.UnixMilli()), open: func() (io.ReadCloser, error) { return os.Open(file) }}}
	done, err := ci.run(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	return done
}

// tally counts what stands in the ledger.
type tally struct {
	kinds, calls, effects, status map[string]int // of actions and handoffs: by tool, effect, status
	keys                          int            // of actions that have one
	cost                          *big.Rat
	fields                        map[string]int64 // sums of measurements
	flags                         map[string]int
}

func (d *deal) tally() tally {
	d.Helper()
	t := tally{map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}, 0, new(big.Rat), map[string]int64{}, map[string]int{}}
	for line, err := range d.Records(d.Context(), 0, d.Size()) {
		if err != nil {
			d.Fatal(err)
		}
		r, err := record.Parse(line)
		if err != nil {
			d.Fatal(err)
		}
		t.kinds[string(r.Kind)]++
		switch b := r.Body.(type) {
		case *record.Action:
			t.calls[b.Action]++
			t.effects[b.Effect]++
			t.status[b.Status]++
			if b.Key != "" {
				t.keys++
			}
		case *record.Handoff:
			t.calls[strings.TrimPrefix(b.Reason, "tool ")]++
		case *record.Input:
			for _, f := range b.Flags {
				t.flags[f]++
			}
			if tool, ok := strings.CutPrefix(b.Source, "user tool "); ok {
				t.calls[tool]++
			}
		case *record.Measurement:
			if b.Value != "" {
				x, _ := new(big.Rat).SetString(string(b.Value))
				t.cost.Add(t.cost, x)
			}
			for _, f := range b.Fields {
				if n, err := strconv.ParseInt(f.Value.Text, 10, 64); err == nil {
					t.fields[f.Name] += n
				}
			}
		}
	}
	return t
}

func (t tally) allCalls() (n int) {
	for _, k := range t.calls {
		n += k
	}
	return n
}

// unzipped is the text of a file.
func unzipped(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// inClear fails where a text of a conversation stands in the ledger.
func (d *deal) inClear(texts []string) {
	d.Helper()
	var all bytes.Buffer
	for line, err := range d.Records(d.Context(), 1, d.Size()) {
		if err != nil {
			d.Fatal(err)
		}
		all.Write(line)
	}
	for _, text := range texts {
		if bytes.Contains(all.Bytes(), []byte(text)) {
			d.Errorf("%q stands in the ledger in clear", text)
		}
	}
}

func TestCaptureTauRetail(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	db := openStoreFor(t, now)
	for _, test := range []struct {
		agent, file, mapName, total    string
		calls, writes, transfers, runs int // of the README
		crashed                        int64
	}{
		{"toolcalling", "tau_retail/runs_toolcalling_2025-06-23.json.gz", "capture_tau_retail.yaml", "69.30", 793, 148, 7, 100, 0},
		{"assertions", "tau_retail/runs_assertions_2025-06-18.json.gz", "capture_tau_assertions.yaml", "32.67", 472, 85, 6, 100, 34},
	} {
		file := sampleData(t, test.file)
		var runs []struct {
			Traj []struct {
				Role    string
				Content *string
				Calls   []struct {
					ID       string
					Function struct{ Name, Arguments string }
				} `json:"tool_calls"`
			}
		}
		if err := json.Unmarshal(unzipped(t, file), &runs); err != nil {
			t.Fatal(err)
		}
		calls, writes, transfers, messages, agents, ids, errs, withSystem := 0, 0, 0, int64(0), int64(0), 0, 0, int64(0)
		var clear []string
		for _, run := range runs {
			for _, m := range run.Traj {
				messages++
				switch m.Role {
				case "assistant":
					agents++
				case "system":
					withSystem++
				case "tool":
					text := *m.Content
					if strings.HasPrefix(text, "Error") || strings.HasPrefix(text, "#") && strings.Contains(text, `"Error`) {
						errs++
					}
				}
				if m.Content != nil && len(*m.Content) >= 30 {
					clear = append(clear, (*m.Content)[:30])
				}
				for _, c := range m.Calls {
					calls++
					if len(c.Function.Arguments) > 2 {
						clear = append(clear, c.Function.Arguments)
					}
					if c.ID != "" && c.Function.Name != "transfer_to_human_agents" {
						ids++
					}
					for _, w := range []string{"cancel_pending_order", "modify_pending_order_", "return_delivered_order_items", "exchange_delivered_order_items", "modify_user_address"} {
						if strings.HasPrefix(c.Function.Name, w) {
							writes++
						}
					}
					if c.Function.Name == "transfer_to_human_agents" {
						transfers++
					}
				}
			}
		}
		if calls != test.calls || writes != test.writes || transfers != test.transfers || len(runs) != test.runs {
			t.Fatalf("%s: the file has %d calls, %d writes, %d transfers, %d runs", test.agent, calls, writes, transfers, len(runs))
		}

		// A handoff on record voids the result, whatever its claim says.
		d := agreeTo(t, db, now, "desk.example/capture-"+test.agent, "terms", captureTerms(t,
			"facts: {solved: bool, transferred: bool}", "facts: {solved: bool}", "where: solved && !transferred", "where: solved", "escalation: ignore", "escalation: void"))
		done := d.capture(test.mapName, file)
		got := d.tally()
		if done.Runs != int64(test.runs) || done.Empty != test.crashed || done.Messages != messages || done.ToolCalls != int64(calls) {
			t.Errorf("%s: %+v", test.agent, done)
		}
		if got.allCalls() != calls || got.effects["write"] != writes || got.kinds["handoff"] != transfers || got.kinds["action"] != calls-transfers {
			t.Errorf("%s: %+v", test.agent, got)
		}
		// A write that failed changed nothing: it is recorded, and no effect.
		if got.status["failed"] != errs || got.status["planned"] != 0 || done.Effects >= int64(writes) || done.Failed != int64(errs) {
			t.Errorf("%s: %d failed, want %d; %d effects of %d writes; %v", test.agent, got.status["failed"], errs, done.Effects, writes, got.status)
		}
		if int64(got.kinds["decision"]) != agents || int64(got.kinds["input"]) != messages-agents-withSystem || got.kinds["config"] != 1 {
			t.Errorf("%s: %v, want %d decisions of %d messages", test.agent, got.kinds, agents, messages)
		}
		if got.keys != ids {
			t.Errorf("%s: %d actions have a key, want %d", test.agent, got.keys, ids)
		}
		d.inClear(clear)

		size := d.Size()
		if again := d.capture(test.mapName, file); again.Appended != 0 || again.AlreadyThere != size-1 || d.Size() != size {
			t.Errorf("%s, again: %+v", test.agent, again)
		}
		// The results stand in the same ledger and the same cases. Their
		// claims say nothing of transfers: the handoffs void those.
		d.load("capture_tau_outcomes.yaml", file, math.MaxInt64)
		if _, s := d.settle(); string(s.Total) != test.total {
			t.Errorf("%s: total %s, want %s", test.agent, s.Total, test.total)
		}
		d.cosign()
		d.verified(0, nil)
	}
}

func TestCaptureTau2(t *testing.T) {
	file := sampleData(t, "tau2_live/simulations.jsonl.gz")
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	d := agreeTo(t, openStoreFor(t, now), now, "desk.example/tau2", "terms", captureTerms(t, `until: "2025-07-01`, `until: "2027-07-01`))
	done := d.capture("capture_tau2.yaml", file)
	got := d.tally()

	var calls, byUser, transfers, messages int
	var prompt, completion int64
	cost, costly := new(big.Rat), 0
	scanner := bufio.NewScanner(bytes.NewReader(unzipped(t, file)))
	scanner.Buffer(nil, 1<<20)
	first := ""
	for scanner.Scan() {
		var run struct {
			Cost     *float64 `json:"agent_cost"`
			Messages []struct {
				Role, Timestamp string
				Usage           struct {
					Prompt     int64 `json:"prompt_tokens"`
					Completion int64 `json:"completion_tokens"`
				}
				Calls []struct{ Name string } `json:"tool_calls"`
			}
		}
		if err := json.Unmarshal(scanner.Bytes(), &run); err != nil {
			t.Fatal(err)
		}
		if run.Cost != nil {
			costly++
			x, _ := new(big.Rat).SetString(strconv.FormatFloat(*run.Cost, 'f', 10, 64))
			cost.Add(cost, x)
		}
		for _, m := range run.Messages {
			messages++
			if first == "" {
				first = m.Timestamp
			}
			prompt += m.Usage.Prompt
			completion += m.Usage.Completion
			for _, c := range m.Calls {
				calls++
				if m.Role == "user" {
					byUser++
				}
				if c.Name == "transfer_to_human_agents" {
					transfers++
				}
			}
		}
	}
	if calls != 58 || prompt != 348148 || completion != 8398 || cost.FloatString(6) != "0.058444" || messages != 248 || done.Runs != 21 {
		t.Fatalf("the file has %d calls, %d and %d tokens, cost %s, %d messages; %d runs", calls, prompt, completion, cost.FloatString(12), messages, done.Runs)
	}
	if got.allCalls() != calls || done.ToolCalls != int64(calls) || done.ByUser != int64(byUser) || got.kinds["handoff"] != transfers || transfers != 2 {
		t.Errorf("%+v, %d by users; %+v", got, byUser, done)
	}
	if in, out := got.fields["input_tokens"]+got.fields["user_input_tokens"], got.fields["output_tokens"]+got.fields["user_output_tokens"]; in != prompt || out != completion {
		t.Errorf("%d and %d tokens, want %d and %d", in, out, prompt, completion)
	}
	if got.cost.Cmp(cost) != 0 || got.kinds["measurement"] != 21 {
		t.Errorf("cost %s, want %s; %d measurements, %d runs have a cost", got.cost.FloatString(18), cost.FloatString(18), got.kinds["measurement"], costly)
	}
	// The clock of the data is that of the records.
	line, err := d.Get(1)
	if err != nil || !strings.Contains(string(line), `"at":"`+first[:23]+`Z"`) {
		t.Errorf("record 1 is not dated %s: %s, %v", first, line, err)
	}
	if again := d.capture("capture_tau2.yaml", file); again.Appended != 0 {
		t.Errorf("again: %+v", again)
	}
	d.cosign()
	d.verified(0, nil)
}

func TestCaptureAgentOps(t *testing.T) {
	file := sampleData(t, "agent_span_trace/trace.json")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := agreeTo(t, openStoreFor(t, now), now, "desk.example/crew", "terms", captureTerms(t, `until: "2025-07-01`, `until: "2027-07-01`))
	done := d.capture("capture_agentops.yaml", file)
	got := d.tally()

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var export struct {
		Spans []struct {
			Type    string `json:"span_type"`
			Metrics *struct {
				Total int64 `json:"total_tokens"`
			}
		}
	}
	if err := json.Unmarshal(text, &export); err != nil {
		t.Fatal(err)
	}
	var all, models, answers int64
	for _, s := range export.Spans {
		if s.Metrics == nil {
			continue
		}
		all += s.Metrics.Total
		if s.Type == "request" {
			models += s.Metrics.Total
			answers++
		}
	}
	if all != 1954 || len(export.Spans) != 7 || models != 977 {
		t.Fatalf("the file has %d tokens in %d spans, %d of models", all, len(export.Spans), models)
	}
	if done.Spans != 7 || done.Pointers != 7-answers || int64(got.kinds["decision"]) != answers || done.Marked != 0 {
		t.Errorf("%+v, %v", done, got.kinds)
	}
	// The README's figure counts the tokens of the models and, again, those
	// of the workflow around them.
	mine := got.fields["input_tokens"] + got.fields["output_tokens"]
	around := got.fields["other_input_tokens"] + got.fields["other_output_tokens"]
	if mine != models || mine+around != all {
		t.Errorf("%d tokens of models and %d around them, want %d and %d in all", mine, around, models, all)
	}
	if again := d.capture("capture_agentops.yaml", file); again.Appended != 0 {
		t.Errorf("again: %+v", again)
	}
	d.cosign()
	d.verified(0, nil)
}

// The example of docs/capture.md is that of docs/commands.md, which is run.
func TestCaptureDocument(t *testing.T) {
	var texts []string
	for _, name := range []string{"capture.md", "commands.md"} {
		text, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	_, example, _ := strings.Cut(texts[0], "```\n$ ")
	example, _, _ = strings.Cut(example, "```")
	if example == "" || !strings.Contains(texts[1], "$ "+example) {
		t.Errorf("docs/commands.md does not have\n$ %s", example)
	}
}

// Batches end where runs end, as far as they fit.
func TestCaptureBatches(t *testing.T) {
	const mib = maxAppendBytes
	for _, test := range []struct {
		name  string
		items [][2]int // run, bytes
		want  []int
	}{
		{"one small run", [][2]int{{0, 100}, {0, 100}}, []int{2}},
		{"two runs that fit", [][2]int{{0, 100}, {1, 100}}, []int{2}},
		{"two runs that do not fit together", [][2]int{{0, mib / 2}, {0, mib / 3}, {1, mib / 3}, {1, 100}}, []int{2, 2}},
		{"a run that does not fit", [][2]int{{0, 100}, {1, mib / 2}, {1, mib / 2}, {1, mib / 2}, {2, 100}}, []int{1, 1, 1, 2}},
		{"as much as fits", [][2]int{{0, mib/2 - logBytes}, {0, mib/2 - logBytes}}, []int{2}},
		{"a byte more", [][2]int{{0, mib/2 - logBytes}, {0, mib/2 - logBytes + 1}}, []int{1, 1}},
	} {
		var items []capture.Item
		for _, i := range test.items {
			items = append(items, capture.Item{Run: i[0], Bytes: i[1]})
		}
		var got []int
		for len(items) > 0 {
			n := batchOf(items)
			got = append(got, n)
			items = items[n:]
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: batches of %v, want %v", test.name, got, test.want)
		}
	}
}

// An import that was interrupted goes on, and in the end the ledger is the
// same as after one that was not. What is there of the file in part is whole
// runs.
func TestCaptureResumes(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	db := openStoreFor(t, now)
	m, err := capture.Parse([]byte(`
format: transcript
agent: a
model: m
run: "run/{id}"
case: "case/{id}"
messages: messages
arguments: json
time: {start: "2025-06-01T00:00:00.000Z", step: 1s}
`))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range 900 {
		fmt.Fprintf(&text, `{"id":%d,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`+"\n", i)
	}
	start := func(d *deal, ctx context.Context) (captured, error) {
		ci := &capturing{Map: m, key: []byte(testSalt), importing: &importing{ledger: d.Ledger, file: "runs.jsonl", now: record.Time(now.UnixMilli()),
			open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text.String())), nil }}}
		return ci.run(ctx)
	}
	whole := agree(t, db, now, "desk.example/whole", "tau_retail_terms.yaml")
	if done, err := start(whole, t.Context()); err != nil || done.Appended != 1801 {
		t.Fatalf("%+v, %v", done, err)
	}
	part := agree(t, db, now, "desk.example/whole-2", "tau_retail_terms.yaml")
	// Interrupted when something is in the ledger: the context ends by itself.
	ctx := &afterSize{Context: t.Context(), l: part.Ledger}
	if _, err := start(part, ctx); err == nil || err.Error() != "interrupted" {
		t.Fatalf("interrupted: %v", err)
	}
	size := part.Size()
	if size == 1 || size == whole.Size() || (size-2)%2 != 0 {
		t.Errorf("size %d after an interruption, want agreement, config and whole runs", size)
	}
	done, err := start(part, t.Context())
	if err != nil || done.AlreadyThere != size-1 || part.Size() != whole.Size() {
		t.Errorf("%+v, %v", done, err)
	}
	for n := int64(1); n < whole.Size(); n++ {
		a, _ := whole.Get(n)
		b, _ := part.Get(n)
		ra, errA := record.Parse(a)
		rb, errB := record.Parse(b)
		if errA != nil || errB != nil || ra.ID != rb.ID && ra.Kind != record.KindConfig {
			t.Fatalf("record %d is %s and %s", n, a, b)
		}
	}
}

// afterSize is a context that is over once the ledger has a first batch.
type afterSize struct {
	context.Context
	l *ledger.Ledger
}

func (c *afterSize) Err() error {
	if c.l.Size() > 1 {
		return context.Canceled
	}
	return nil
}
