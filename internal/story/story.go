// Package story runs agreements that were made up: records in a short form,
// the keys of parties that do not exist, a ledger on a clock of its own, and
// the statements that somebody worked by hand to compare with.
//
// A story is a list of entries. Each is a record as docs/record.md has it, or
// many of them, written shorter:
//
//   - at: 2026-03-02 09:00
//     every: 1m
//     repeat: 412
//     by: agents.example
//     case: ticket/{i}
//     outcome: {result: resolved, facts: {transferred: false}}
//
// The body stands under the name of its kind. {i} counts from 1 in every text.
// Times are those of the agreement's zone, the next record of a repeated
// entry is as much later as every says (and so is what it measures), and logged is when the ledger takes a
// record, if that is not when it happened. An id may be left out. attach may list names: what is
// attached is then made up as well, and the digest of a disclose record is written as "NAME of ID". A resolve as finding has no
// size: it is that of the ledger then. The entry receipt: {} by the client is when it cosigns all that is in the ledger, and the
// vendor records that.
package story

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// Bounds of a story.
const (
	maxRepeat  = 100_000
	maxRecords = 200_000
)

// A Scene is a record and when the ledger takes it.
type Scene struct {
	Logged record.Time
	Record *record.Record
}

// A Mistake is one thing wrong with a story or with an expected statement.
type Mistake struct {
	Path   string // "[3].outcome.facts"
	Reason string
}

func (m *Mistake) Error() string {
	if m.Path == "" {
		return m.Reason
	}
	return m.Path + ": " + m.Reason
}

func mistake(path, format string, args ...any) error {
	return &Mistake{path, fmt.Sprintf(format, args...)}
}

// Parse reads a story under terms: YAML turned into JSON, in which numbers are texts. The scenes come in the order
// in which the ledger takes them. Every entry that has a mistake is reported.
func Parse(text []byte, t *terms.Terms) ([]Scene, error) {
	var list []map[string]any
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, mistake("", "want a list of entries")
	}
	var scenes []Scene
	var mistakes []error
	for i, entry := range list {
		e, err := parseEntry(entry, t)
		if err == nil && len(scenes)+e.repeat > maxRecords {
			err = mistake("repeat", "makes more than %d records", maxRecords)
		}
		if err == nil {
			scenes, err = e.scenes(scenes)
		}
		if err != nil {
			m, ok := errors.AsType[*Mistake](err)
			if !ok {
				m = &Mistake{"", err.Error()}
			}
			place := fmt.Sprintf("[%d]", i)
			if m.Path != "" {
				place += "." + m.Path
			}
			mistakes = append(mistakes, &Mistake{place, m.Reason})
		}
	}
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	slices.SortStableFunc(scenes, func(a, b Scene) int { return int(min(max(a.Logged-b.Logged, -1), 1)) })
	return scenes, nil
}

// An entry is one element of the list.
type entry struct {
	kind   string
	tree   map[string]any         // the record but for its times
	span   map[string]record.Time // from and until of a measurement
	at     record.Time
	delay  record.Time // of the ledger
	every  record.Time
	repeat int
	hasID  bool
}

// kinds are those that a story may write: an agreement, a statement and an
// index of chains are made by the way itself.
var kinds = []string{"key", "grant", "revoke", "config", "input", "decision", "action", "handoff", "review", "measurement",
	"outcome", "confirm", "reverse", "dispute", "resolve", "adjust", "demand", "disclose", "erase", "incident", "receipt"}

func parseEntry(in map[string]any, t *terms.Terms) (*entry, error) {
	e := &entry{repeat: 1, tree: map[string]any{}}
	text := func(name string) (string, error) {
		s, ok := in[name].(string)
		if !ok {
			return "", mistake(name, "want text")
		}
		return s, nil
	}
	logged := record.Time(-1)
	for _, name := range slices.Sorted(maps.Keys(in)) {
		var s string
		var err error
		switch name {
		case "at", "logged":
			if s, err = text(name); err != nil {
				return nil, err
			}
			at, err := Local(t, s)
			if err != nil {
				return nil, mistake(name, "%v", err)
			}
			if name == "at" {
				e.at = at
			} else {
				logged = at
			}
		case "every":
			if s, err = text(name); err != nil {
				return nil, err
			}
			d, err := terms.ParseDuration(s)
			if err != nil {
				return nil, mistake(name, "%v", err)
			}
			e.every = record.Time(d)
		case "repeat":
			if s, err = text(name); err != nil {
				return nil, err
			}
			if e.repeat, err = strconv.Atoi(s); err != nil || e.repeat < 2 || e.repeat > maxRepeat || strconv.Itoa(e.repeat) != s {
				return nil, mistake(name, "got %q, want a whole number from 2 to %d", s, maxRepeat)
			}
		case "by", "id", "case", "actor", "subject", "backfilled", "attach":
			e.tree[name] = in[name]
		default:
			if !slices.Contains(kinds, name) {
				return nil, mistake(name, "unknown field")
			}
			if e.kind != "" {
				return nil, mistake(name, "stands beside %s, want one kind of record", e.kind)
			}
			body, ok := in[name].(map[string]any)
			if !ok {
				return nil, mistake(name, "want the fields of the record's body")
			}
			e.kind = name
			e.tree["body"] = body
			if name == "measurement" {
				if e.tree["body"], e.span, err = measured(body, t); err != nil {
					return nil, err
				}
			}
		}
	}
	switch {
	case e.at == 0:
		return nil, mistake("at", "missing")
	case e.kind == "":
		return nil, mistake("", "has no record: want one of %s", strings.Join(kinds, ", "))
	case e.kind == "receipt":
		if err := e.receipt(t); err != nil {
			return nil, err
		}
	case e.every > 0 && e.repeat == 1:
		return nil, mistake("repeat", "missing: every needs it")
	}
	if logged >= 0 {
		if e.delay = logged - e.at; e.delay < 0 {
			return nil, mistake("logged", "got %s, want %s or later, as at is", logged, e.at)
		}
	}
	e.tree["kind"] = e.kind
	_, e.hasID = e.tree["id"]
	if id, _ := e.tree["id"].(string); e.hasID && e.repeat > 1 && !strings.Contains(id, "{i}") {
		return nil, mistake("id", "got %q for %d records, want {i} in it", id, e.repeat)
	}
	return e, nil
}

// measured takes the span out of the body of a measurement: it moves with a
// repeated entry.
func measured(body map[string]any, t *terms.Terms) (rest map[string]any, span map[string]record.Time, err error) {
	rest, span = maps.Clone(body), map[string]record.Time{}
	for _, name := range []string{"from", "until"} {
		s, ok := body[name].(string)
		if !ok {
			continue
		}
		if span[name], err = Local(t, s); err != nil {
			return nil, nil, mistake("measurement."+name, "%v", err)
		}
		delete(rest, name)
	}
	return rest, span, nil
}

// scenes appends the records of e.
func (e *entry) scenes(scenes []Scene) ([]Scene, error) {
	for i := 1; i <= e.repeat; i++ {
		at := e.at + record.Time(i-1)*e.every
		tree := numbered(e.tree, strconv.Itoa(i)).(map[string]any)
		tree["at"] = at.String()
		for name, of := range e.span {
			tree["body"].(map[string]any)[name] = (of + record.Time(i-1)*e.every).String()
		}
		if !e.hasID {
			tree["id"] = fmt.Sprintf("%s/%06d", e.kind, len(scenes)+1)
		}
		if names, ok := tree["attach"].([]any); ok {
			attached := map[string]any{}
			for _, name := range names {
				s, ok := name.(string)
				if !ok {
					return nil, mistake("attach", "want names")
				}
				bytes := fmt.Sprintf("%s of %v", s, tree["id"])
				attached[s] = map[string]any{"digest": string(record.Sum([]byte(bytes))), "size": len(bytes)}
			}
			tree["attach"] = attached
		}
		if e.kind == "receipt" {
			id, _ := tree["id"].(string)
			scenes = append(scenes, Scene{at + e.delay, &record.Record{Kind: record.KindReceipt, ID: id, At: at, By: e.tree["by"].(string), Body: new(record.Receipt)}})
			continue
		}
		if e.kind == "disclose" {
			madeUp(tree["body"].(map[string]any))
		}
		if err := whole(e.kind, tree["body"].(map[string]any)); err != nil {
			return nil, err
		}
		line, err := record.Canonical(tree)
		if err != nil {
			return nil, err
		}
		r, err := record.Parse(line)
		if err != nil {
			refusal, ok := errors.AsType[*record.Refusal](err)
			if !ok {
				return nil, err
			}
			field := refusal.Field
			if rest, ok := strings.CutPrefix(field, "body"); ok {
				field = e.kind + rest
			}
			return nil, mistake(field, "%s", refusal.Reason)
		}
		scenes = append(scenes, Scene{at + e.delay, r})
	}
	return scenes, nil
}

// whole makes whole numbers of the fields of a body that are none of text, and
// gives a resolve by finding a size until it is written.
func whole(kind string, body map[string]any) error {
	switch {
	case kind == string(record.KindResolve) && body["as"] == record.ByFinding:
		if _, ok := body["size"]; ok {
			return mistake("resolve.size", "unknown field: it is that of the ledger then")
		}
		body["size"] = 1
	case kind == string(record.KindGrant):
		if n, err := strconv.ParseInt(fmt.Sprint(body["delegable"]), 10, 32); err == nil {
			body["delegable"] = n
		}
	}
	return nil
}

// numbered is v with {i} replaced in every text.
func numbered(v any, i string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "{i}", i)
	case []any:
		out := make([]any, len(v))
		for k, e := range v {
			out[k] = numbered(e, i)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = numbered(e, i)
		}
		return out
	}
	return v
}

var localForm = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d)(?:(:\d\d)(\.\d{3})?)?)?$`)

// Local reads a time as the clocks of the agreement's zone show it: 2026-03-02, 2026-03-02 09:00, or with seconds and thousandths. A time
// that they show twice, or never, is refused.
func Local(t *terms.Terms, s string) (record.Time, error) {
	m := localForm.FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("got %q, want a time like 2026-03-02 09:00", s)
	}
	or := func(text, otherwise string) string {
		if text == "" {
			return otherwise
		}
		return text
	}
	shown, err := record.ParseTime(m[1] + "T" + or(m[2], "00:00") + or(m[3], ":00") + or(m[4], ".000") + "Z")
	if err != nil {
		return 0, err
	}
	var found []record.Time
	for i, o := range t.Calendar.Offsets {
		at := shown - record.Time(o.Minutes)*60_000
		if at >= o.From && (i+1 == len(t.Calendar.Offsets) || at < t.Calendar.Offsets[i+1].From) || i == 0 && at < o.From {
			found = append(found, at)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("clocks in %s show %s %d times, want once", t.Calendar.Zone, s, len(found))
	}
	return found[0], nil
}
