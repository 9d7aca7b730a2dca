package record

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The worked disputes beside the checkout can be told in records: null is
// absent, .000 is added to times, texts of digests that are not empty stand
// for a digest, "REF.FIELD" is a field reference.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("../../../shared/cases/responsibility/*.json")
	if err != nil || len(files) == 0 {
		t.Skip("../shared/cases/responsibility is absent")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var story struct{ Entries []storyEntry }
		if err := json.Unmarshal(b, &story); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		last := map[string]Link{}
		for _, e := range story.Entries {
			r := e.record(t)
			r.Log = &Log{N: e.N - 1, Time: storyTime(t, e.Logged)}
			for _, name := range Chains(r) {
				link := Link{name, 0, -1}
				if before, ok := last[name]; ok {
					link = Link{name, before.Ordinal + 1, before.Prev}
				}
				r.Log.Chains = append(r.Log.Chains, link)
				last[name] = Link{name, link.Ordinal, r.Log.N}
			}
			for _, party := range e.SignedBy {
				if err := Sign(r, "story.example/"+filepath.Base(file), testKey(party)); err != nil {
					t.Errorf("%s %s: %v", file, e.ID, err)
				}
			}
			line, err := Marshal(r)
			if err != nil {
				t.Errorf("%s %s: %v", file, e.ID, err)
				continue
			}
			got, err := Parse(line)
			if err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("%s %s: %v\n%s", file, e.ID, err, line)
			}
		}
	}
}

type storyEntry struct {
	N            int64
	ID, Kind, By string
	Case         *string
	At, Logged   string
	SignedBy     []string `json:"signed_by"`
	Body         map[string]any
}

func storyTime(t *testing.T, s string) Time {
	return testTime(t, strings.TrimSuffix(s, "Z")+".000Z")
}

func (e storyEntry) record(t *testing.T) *Record {
	r := &Record{Kind: Kind(e.Kind), ID: e.ID, At: storyTime(t, e.At), By: e.By}
	if e.Case != nil {
		r.Case = *e.Case
	}
	m := e.Body
	used := map[string]bool{}
	text := func(key string) string {
		used[key] = true
		s, _ := m[key].(string)
		return s
	}
	at := func(key string) Time {
		if s := text(key); s != "" {
			return storyTime(t, s)
		}
		return 0
	}
	digest := func(key string) Digest {
		if s := text(key); s != "" {
			return testDigest(s)
		}
		return ""
	}
	objects := func(key string) []map[string]any {
		used[key] = true
		var all []map[string]any
		list, _ := m[key].([]any)
		for _, v := range list {
			all = append(all, v.(map[string]any))
		}
		return all
	}
	str := func(v any) string {
		s, _ := v.(string)
		return s
	}
	texts := func(v any) []string {
		var all []string
		list, _ := v.([]any)
		for _, v := range list {
			all = append(all, v.(string))
		}
		return all
	}
	list := func(key string) []string {
		used[key] = true
		return texts(m[key])
	}
	facts := func(key string) Facts {
		used[key] = true
		object, _ := m[key].(map[string]any)
		var all Facts
		for name, v := range object {
			i := 0
			for i < len(all) && all[i].Name < name {
				i++
			}
			all = append(all[:i:i], append(Facts{Text(name, v.(string))}, all[i:]...)...)
		}
		return all
	}
	operand := func(v any) Operand {
		if o, ok := v.(map[string]any); ok {
			return Operand{Lit: str(o["lit"])}
		}
		ref, field, _ := strings.Cut(str(v), ".")
		return Operand{Ref: ref, Field: field}
	}
	proposal := func(key string) *Proposal {
		used[key] = true
		p, ok := m[key].(map[string]any)
		if !ok {
			return nil
		}
		return &Proposal{Action: str(p["action"]), Resource: str(p["resource"]), Amount: Decimal(str(p["amount"]))}
	}
	switch r.Kind {
	case KindAgreement:
		// The terms of these stories are a matter of package terms; here they
		// are one canonical object.
		delete(m, "weights")
		terms, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(strings.NewReader(string(terms)))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if terms, err = Canonical(v); err != nil {
			t.Fatal(err)
		}
		r.Body = &Agreement{Version: 1, Format: Format, Origin: testOrigin, LogKey: testOrigin + "+00000000+AA==", Nonce: testNonce(e.ID), Terms: terms}
		return r
	case KindConfig:
		r.Body = &Config{Agent: text("agent"), Model: text("model"), Supplier: text("supplier"), Prompt: digest("prompt"), Tools: digest("tools"), Policy: digest("policy"), Knowledge: digest("knowledge")}
	case KindGrant:
		b := &Grant{Grantor: text("grantor"), Grantee: text("grantee"), Operator: text("operator"), Parent: text("parent"), Actions: list("actions"), Resources: list("resources"),
			LimitEach: Decimal(text("limit_each")), OnTimeout: text("on_timeout"), From: at("from"), Until: at("until")}
		for _, o := range objects("escalate") {
			b.Escalate = append(b.Escalate, Boundary{str(o["when"]), str(o["value"])})
		}
		used["delegable"] = true
		b.Delegable = int64(m["delegable"].(float64))
		r.Body = b
	case KindInput:
		r.Body = &Input{Fields: facts("fields"), AsOf: at("as_of"), Flags: list("flags"), Corrects: text("corrects")}
	case KindDecision:
		b := &Decision{Agent: text("agent"), Config: text("config"), Grant: text("grant"), Inputs: list("inputs"), Confidence: Decimal(text("confidence")),
			Proposes: proposal("proposes"), Reasons: digest("reasons"), Output: digest("output"), ModelReported: text("model_reported")}
		for _, s := range list("depends_on") {
			ref, field, _ := strings.Cut(s, ".")
			b.DependsOn = append(b.DependsOn, FieldRef{ref, field})
		}
		for _, o := range objects("claims") {
			c := Claim{ID: str(o["id"]), Material: o["material"] == true, Value: str(o["value"])}
			support, _ := o["support"].([]any)
			for _, s := range support {
				c.Support = append(c.Support, FieldRef{str(s.(map[string]any)["ref"]), str(s.(map[string]any)["field"])})
			}
			b.Claims = append(b.Claims, c)
		}
		for _, o := range objects("checks") {
			b.Checks = append(b.Checks, Check{ID: str(o["id"]), Left: operand(o["left"]), Op: str(o["op"]), Right: operand(o["right"]), Result: str(o["result"]), Blocks: texts(o["blocks"])})
		}
		r.Body = b
	case KindAction:
		r.Actor = text("actor")
		r.Body = &Action{Decision: text("decision"), Grant: text("grant"), Review: text("review"), Action: text("action"), Resource: text("resource"), Amount: Decimal(text("amount")),
			Currency: text("currency"), Effect: text("effect"), Status: text("status"), Key: text("key"), Reverses: text("reverses")}
	case KindHandoff:
		r.Body = &Handoff{Decision: text("decision"), To: text("to"), Deadline: at("deadline"), Reason: text("reason")}
	case KindReview:
		r.Actor = text("human")
		r.Body = &Review{Of: text("of"), Verdict: text("verdict"), Opened: at("opened"), Shown: list("shown"), Sets: proposal("sets"), Reasons: digest("reasons")}
	case KindOutcome:
		// A clause is a result, a fee a fact.
		r.Body = &Outcome{Result: strings.ReplaceAll(text("clause"), ".", "_"), Effect: text("action"), Facts: Facts{Text("fee", text("fee"))}}
	case KindDispute:
		r.Body = &Dispute{About: text("about"), Ground: text("ground"), Amount: Decimal(text("loss"))}
	default:
		t.Fatalf("no mapping of kind %s", r.Kind)
	}
	for key := range m {
		if !used[key] {
			t.Errorf("%s: %s is not mapped", e.ID, key)
		}
	}
	return r
}
