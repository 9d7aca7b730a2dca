package responsibility

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A sealed is a field that a record commits to and does not show.
type sealed struct {
	digest record.Digest
	value  record.Value
	shown  bool // disclosed, until it is erased
}

type loader struct {
	t         testing.TB
	s         *story
	last      map[string]record.Link
	agreement map[string]any // body of the newest version
	version   int64
	digest    record.Digest // of its record
	vendor    string
	authors   map[string]*record.Author // next, by key
	digests   map[string]record.Digest
	sealed    map[field]sealed          // by id and name
	records   map[string]*record.Record // by id
}

func newLoader(t testing.TB, s *story) *loader {
	return &loader{t: t, s: s, last: map[string]record.Link{}, authors: map[string]*record.Author{}, digests: map[string]record.Digest{}, sealed: map[field]sealed{}, records: map[string]*record.Record{}}
}

func (l *loader) origin() string { return "story.example/" + l.s.ID }

func testKey(name string) ed25519.PrivateKey {
	seed := bytes.Repeat([]byte{'.'}, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func publicText(name string) string {
	return record.FormatPublicKey(testKey(name).Public().(ed25519.PublicKey))
}

func (l *loader) time(s string) record.Time {
	l.t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		l.t.Fatalf("%s: %v", l.s.ID, err)
	}
	return record.TimeOf(at)
}

func (l *loader) record(e *storyEntry) *record.Record {
	l.t.Helper()
	kind := record.Kind(e.Kind)
	if e.Kind == "amendment" {
		kind = record.KindAgreement
	}
	r := &record.Record{Kind: kind, ID: e.ID, At: l.time(e.At), By: e.By, Actor: e.Actor, Backfilled: e.Backfilled}
	if e.Case != nil {
		r.Case = *e.Case
	}
	for _, a := range e.Attach {
		t := record.Attachment{Name: a.Name, Digest: record.Sum([]byte(e.ID + " " + a.Name)), Size: 1}
		if a.Keep != "" {
			t.Keep = l.time(a.Keep)
		}
		r.Attach = append(r.Attach, t)
	}
	b := &body{l: l, e: e, m: e.Body, used: map[string]bool{}}
	r.Body = b.read(r)
	for key := range e.Body {
		if !b.used[key] {
			l.t.Errorf("%s, %s: %s is not mapped", l.s.ID, e.ID, key)
		}
	}
	r.Log = &record.Log{N: e.N - 1, Time: l.time(e.Logged)}
	for _, name := range record.Chains(r) {
		link := record.Link{Chain: name, Prev: -1}
		if before, ok := l.last[name]; ok {
			link = record.Link{Chain: name, Ordinal: before.Ordinal + 1, Prev: before.Prev}
		}
		r.Log.Chains = append(r.Log.Chains, link)
		l.last[name] = record.Link{Chain: name, Ordinal: link.Ordinal, Prev: r.Log.N}
	}
	if kind == record.KindAgreement {
		r.By = l.vendor // who writes it; both sign
	}
	keys := e.SignedBy
	if len(e.Keys) > 0 {
		keys = e.Keys
	}
	if r.By != l.vendor {
		l.author(r, keys[0])
	}
	for _, name := range keys {
		if kind == record.KindAgreement || len(e.Keys) > 0 || r.By != l.vendor {
			if err := record.Sign(r, l.origin(), testKey(name)); err != nil {
				l.t.Fatalf("%s, %s: %v", l.s.ID, e.ID, err)
			}
		}
	}
	// What the rules read is what a ledger could hold.
	line, err := record.Marshal(r)
	if err != nil {
		l.t.Fatalf("%s, %s: %v", l.s.ID, e.ID, err)
	}
	parsed, err := record.Parse(line)
	if err != nil {
		l.t.Fatalf("%s, %s: %v", l.s.ID, e.ID, err)
	}
	digest, _ := record.ContentDigest(parsed)
	l.digests[r.ID], l.records[r.ID] = digest, parsed
	if r.Author != nil {
		l.authors[keys[0]] = &record.Author{Seq: r.Author.Seq + 1, Prev: digest}
	}
	if kind == record.KindAgreement {
		l.digest = digest
	}
	return parsed
}

// author puts the author chain and the cites of who is not the operator.
func (l *loader) author(r *record.Record, key string) {
	if r.Author = l.authors[key]; r.Author == nil {
		r.Author = &record.Author{}
	}
	for _, ref := range record.References(r) {
		if digest, ok := l.digests[ref.ID]; ok && !slices.ContainsFunc(r.Cites, func(c record.Cite) bool { return c.ID == ref.ID }) {
			r.Cites = append(r.Cites, record.Cite{ID: ref.ID, Digest: digest})
		}
	}
	slices.SortFunc(r.Cites, func(a, b record.Cite) int { return strings.Compare(a.ID, b.ID) })
}

// A body is read key by key, so that none is forgotten.
type body struct {
	l    *loader
	e    *storyEntry
	m    map[string]any
	used map[string]bool
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func texts(v any) []string {
	var all []string
	list, _ := v.([]any)
	for _, v := range list {
		all = append(all, str(v))
	}
	return all
}

func (b *body) text(key string) string { b.used[key] = true; return str(b.m[key]) }

func (b *body) texts(key string) []string { b.used[key] = true; return texts(b.m[key]) }

func (b *body) objects(key string) []map[string]any {
	b.used[key] = true
	var all []map[string]any
	list, _ := b.m[key].([]any)
	for _, v := range list {
		all = append(all, v.(map[string]any))
	}
	return all
}

func (b *body) time(key string) record.Time {
	if s := b.text(key); s != "" {
		return b.l.time(s)
	}
	return 0
}

func (b *body) digest(key string) record.Digest {
	if s := b.text(key); s != "" {
		return record.Sum([]byte(s))
	}
	return ""
}

// nonce is made of a text.
func (b *body) nonce() string {
	if s := b.text("nonce"); s != "" {
		return base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%16s", s)))
	}
	return ""
}

func (b *body) facts(key string) record.Facts {
	b.used[key] = true
	object, _ := b.m[key].(map[string]any)
	var all []record.Fact
	for name, v := range object {
		if is, ok := v.(bool); ok {
			all = append(all, record.Bool(name, is))
		} else {
			all = append(all, record.Text(name, str(v)))
		}
	}
	return record.NewFacts(all...)
}

func (b *body) proposal(key string) *record.Proposal {
	b.used[key] = true
	p, ok := b.m[key].(map[string]any)
	if !ok {
		return nil
	}
	return &record.Proposal{Action: str(p["action"]), Resource: str(p["resource"]), Amount: record.Decimal(str(p["amount"]))}
}

func fieldRef(s string) record.FieldRef {
	ref, name, _ := strings.Cut(s, ".")
	return record.FieldRef{Ref: ref, Field: name}
}

func operand(v any) record.Operand {
	if o, ok := v.(map[string]any); ok {
		return record.Operand{Lit: str(o["lit"])}
	}
	r := fieldRef(str(v))
	return record.Operand{Ref: r.Ref, Field: r.Field}
}

func (b *body) read(r *record.Record) record.Body {
	switch b.e.Kind {
	case "agreement", "amendment":
		return b.agreement()
	case "key":
		k := &record.Key{Op: b.text("op"), Key: publicText(b.text("key")), Holder: b.text("holder"), Party: b.text("party"), Effective: b.time("effective")}
		if prev := b.text("prev"); prev != "" {
			k.Prev = record.Fingerprint(testKey(prev).Public().(ed25519.PublicKey))
		}
		return k
	case "config":
		return &record.Config{Agent: b.text("agent"), Model: b.text("model"), Supplier: b.text("supplier"), Prompt: b.digest("prompt"), Tools: b.digest("tools"),
			Policy: b.digest("policy"), Knowledge: b.digest("knowledge")}
	case "grant":
		g := &record.Grant{Grantor: b.text("grantor"), Grantee: b.text("grantee"), Operator: b.text("operator"), Parent: b.text("parent"), Actions: b.texts("actions"),
			Resources: b.texts("resources"), LimitEach: record.Decimal(b.text("limit_each")), OnTimeout: b.text("on_timeout"), From: b.time("from"), Until: b.time("until"), Tier: b.text("tier")}
		for _, o := range b.objects("escalate") {
			g.Escalate = append(g.Escalate, record.Boundary{When: str(o["when"]), Value: str(o["value"])})
		}
		b.used["delegable"], b.used["limit_period"] = true, true
		g.Delegable = int64(b.m["delegable"].(float64))
		if p, ok := b.m["limit_period"].(map[string]any); ok {
			g.LimitPeriod = &record.PeriodLimit{Amount: record.Decimal(str(p["amount"])), Days: int64(p["days"].(float64))}
		}
		return g
	case "revoke":
		return &record.Revoke{Grant: b.text("grant"), Effective: b.time("effective"), Reason: b.text("reason")}
	case "input":
		return b.input(r)
	case "measurement":
		return &record.Measurement{Metric: b.text("metric"), From: b.time("from"), Until: b.time("until"), Value: record.Decimal(b.text("value")), Fields: b.facts("fields"), Sources: b.texts("sources")}
	case "decision":
		return b.decision()
	case "action":
		r.Actor = b.text("actor")
		return &record.Action{Decision: b.text("decision"), Grant: b.text("grant"), Review: b.text("review"), Action: b.text("action"), Resource: b.text("resource"),
			Amount: record.Decimal(b.text("amount")), Currency: b.text("currency"), Effect: b.text("effect"), Status: b.text("status"), Key: b.text("key"), Reverses: b.text("reverses")}
	case "handoff":
		return &record.Handoff{Decision: b.text("decision"), To: b.text("to"), Deadline: b.time("deadline"), Reason: b.text("reason"), Shown: b.texts("shown"), Nonce: b.nonce()}
	case "review":
		r.Actor = b.text("human")
		return &record.Review{Of: b.text("of"), Verdict: b.text("verdict"), Opened: b.time("opened"), Shown: b.texts("shown"), Sets: b.proposal("sets"), Reasons: b.digest("reasons"), Nonce: b.nonce()}
	case "outcome":
		// A clause is a result, a fee a fact.
		return &record.Outcome{Result: strings.ReplaceAll(b.text("clause"), ".", "_"), Effect: b.text("action"), Facts: record.NewFacts(record.Text("fee", b.text("fee")))}
	case "dispute":
		return &record.Dispute{About: b.text("about"), Ground: b.text("ground"), Amount: record.Decimal(b.text("loss")), Claimed: b.facts("claimed")}
	case "resolve":
		return &record.Resolve{Dispute: b.text("dispute"), Disposition: b.text("disposition"), About: b.text("about"), Field: b.text("field"), Value: b.text("value"), As: b.text("as")}
	case "demand":
		return &record.Demand{Of: b.text("of"), Custodian: b.text("custodian"), Basis: b.text("basis"), Deadline: b.time("deadline")}
	case "disclose":
		return b.disclose(r)
	case "erase":
		e := &record.Erase{Of: b.text("of"), Basis: b.text("basis"), State: b.text("state"), Scope: b.scope(), Holders: b.texts("holders"), Confirmed: b.texts("confirmed")}
		if custodian := b.text("custodian"); len(e.Holders) == 0 && custodian != "" {
			e.Holders = []string{custodian}
		}
		return e
	}
	b.l.t.Fatalf("%s: no mapping of kind %s", b.l.s.ID, b.e.Kind)
	return nil
}

// input seals the fields under sealed, and shows them but for those under
// withheld. Where a story has none, it seals the fields that a later entry
// erases: one that stands in a record cannot be.
func (b *body) input(r *record.Record) record.Body {
	in := &record.Input{AsOf: b.time("as_of"), Flags: b.texts("flags"), Corrects: b.text("corrects")}
	_, told := b.m["sealed"]
	withheld := b.texts("withheld")
	seal := func(f record.Fact) {
		d := record.Sum([]byte(b.e.ID + "." + f.Name + " " + f.Value.Text))
		b.l.sealed[field{b.e.ID, f.Name}] = sealed{d, f.Value, !slices.Contains(withheld, f.Name)}
		r.Sealed = append(r.Sealed, d)
	}
	for _, f := range b.facts("fields") {
		if told || !b.l.erased(b.e.ID, f.Name) {
			in.Fields = append(in.Fields, f)
			continue
		}
		seal(f)
	}
	known := b.facts("sealed")
	for _, f := range known {
		seal(f)
	}
	for _, text := range withheld {
		if _, ok := known.Get(text); !ok { // of which the story says nothing more
			r.Sealed = append(r.Sealed, record.Sum([]byte(text)))
		}
	}
	slices.Sort(r.Sealed)
	return in
}

// piece is the digest that a text stands for: i1.age, or age of i1, is that of a
// sealed field, photo that of an attachment of the record; any other text stands
// for a digest of nothing.
func (b *body) piece(of, text string) record.Digest {
	if s, ok := b.l.sealed[field{of, strings.TrimPrefix(text, of+".")}]; ok {
		return s.digest
	}
	if r := b.l.records[of]; r != nil {
		if a, ok := record.Attached(r, text); ok {
			return a.Digest
		}
	}
	return record.Sum([]byte(text))
}

func (b *body) scope() []string {
	var all []string
	for _, text := range b.texts("scope") {
		all = append(all, string(b.piece(str(b.m["of"]), text)))
	}
	return all
}

// disclose hands over a piece of the record that was demanded. The elided digest
// of a story whose records commit to nothing (sha256:5e…) stands for one of
// these, or, where that record has none, for a piece that the answer brings.
func (b *body) disclose(r *record.Record) record.Body {
	d := &record.Disclose{Demand: b.text("demand"), To: b.text("to")}
	text := b.text("digest")
	demand, ok := b.l.records[d.Demand]
	if !ok {
		d.Digest = record.Sum([]byte(text))
		return d
	}
	of := demand.Body.(*record.Demand).Of
	d.Digest = b.piece(of, text)
	switch pieces := record.EvidenceOf(b.l.records[of]); {
	case len(pieces) == 0 && len(r.Attach) == 0:
		r.Attach = []record.Attachment{{Name: "answer", Digest: d.Digest, Size: 1}}
	case len(pieces) == 0:
		d.Digest = r.Attach[0].Digest
	case strings.HasSuffix(text, "…"):
		d.Digest = pieces[0]
	}
	return d
}

func (l *loader) erased(id, name string) bool {
	for _, e := range l.s.Entries {
		if e.Kind == "erase" && str(e.Body["of"]) == id {
			scope := texts(e.Body["scope"])
			if len(scope) == 0 || slices.Contains(scope, name) || slices.Contains(scope, id+"."+name) {
				return true
			}
		}
	}
	return false
}

func (b *body) decision() record.Body {
	d := &record.Decision{Agent: b.text("agent"), Config: b.text("config"), Grant: b.text("grant"), Inputs: b.texts("inputs"), Confidence: record.Decimal(b.text("confidence")),
		Proposes: b.proposal("proposes"), Reasons: b.digest("reasons"), Output: b.digest("output"), ModelReported: b.text("model_reported")}
	for _, s := range b.texts("depends_on") {
		d.DependsOn = append(d.DependsOn, fieldRef(s))
	}
	for _, o := range b.objects("claims") {
		c := record.Claim{ID: str(o["id"]), Material: o["material"] == true, Value: str(o["value"])}
		support, _ := o["support"].([]any)
		for _, s := range support {
			m := s.(map[string]any)
			c.Support = append(c.Support, record.FieldRef{Ref: str(m["ref"]), Field: str(m["field"])})
		}
		d.Claims = append(d.Claims, c)
	}
	for _, o := range b.objects("checks") {
		d.Checks = append(d.Checks, record.Check{ID: str(o["id"]), Left: operand(o["left"]), Op: str(o["op"]), Right: operand(o["right"]), Result: str(o["result"]), Blocks: texts(o["blocks"])})
	}
	return d
}

// agreement makes terms of a story's agreement: what rs-1 reads as told, and
// one result and line, which it does not read.
func (b *body) agreement() record.Body {
	m := b.m
	from := b.e.At
	if b.e.Kind == "amendment" {
		b.used["set"], b.used["effective_from"] = true, true
		from = str(b.m["effective_from"])
		m = maps.Clone(b.l.agreement)
		maps.Copy(m, b.m["set"].(map[string]any))
	}
	b.l.agreement = m
	for key := range m {
		b.used[key] = true
	}
	parties, vendor := map[string]any{}, ""
	for id, role := range m["parties"].(map[string]any) {
		switch role {
		case "vendor":
			vendor = id
		case "client", "arbiter":
		default:
			role = "third"
		}
		keys := []any{publicText(id)}
		if more, _ := m["keys"].(map[string]any); more[id] != nil {
			keys = nil
			for _, name := range texts(more[id]) {
				keys = append(keys, publicText(name))
			}
		}
		parties[id] = map[string]any{"role": role, "name": id, "keys": keys}
	}
	seconds := func(v any) string {
		if v == "unlimited" {
			return "unlimited"
		}
		return fmt.Sprintf("%ds", int(v.(float64)))
	}
	b.l.vendor = vendor
	responsibility := map[string]any{"rule_set": terms.RuleSet, "outward": m["outward"], "review_min": seconds(m["review_min_s"])}
	var duties []any
	for _, v := range m["duties"].([]any) {
		o := v.(map[string]any)
		duty := map[string]any{"id": o["id"], "party": o["party"], "on": o["on"], "weight": int64(1)}
		if w, ok := o["weight"].(float64); ok {
			duty["weight"] = int64(w)
		}
		needs := o["needs"].(map[string]any)
		if check, ok := needs["check"]; ok {
			duty["check"] = check
		} else {
			fresh := needs["fresh"].(map[string]any)
			duty["fresh"] = map[string]any{"field": fresh["field"], "within": fmt.Sprintf("%dd", int(fresh["days"].(float64)))}
		}
		duties = append(duties, duty)
	}
	for name, v := range map[string]any{"must_show": m["must_show"], "approvers": m["approvers"], "duties": duties, "erasure_bases": m["erasure_bases"], "weights": m["weights"]} {
		list, isList := v.([]any)
		if isList && len(list) > 0 || !isList && v != nil {
			responsibility[name] = v
		}
	}
	at := func(t record.Time) string { return t.String() }
	year := record.Time(365 * 24 * 3600 * 1000)
	start := b.l.time(from)
	document := map[string]any{
		"title": b.l.s.ID, "parties": parties, "currency": "CNY", "scale": int64(2),
		"rounding": map[string]any{"mode": "half_up", "at": "line"}, "calendar": map[string]any{"zone": "UTC", "period": "month"},
		"effective": map[string]any{"from": at(start), "until": at(start + 10*year)}, "record_delay": seconds(m["record_delay_s"]), "skew": "5m", "backfill": "accept",
		"results": map[string]any{"done": map[string]any{
			"facts": map[string]any{}, "once_per": "case", "claim": []any{vendor}, "accept": map[string]any{"on": "client"}, "dispute": "none", "reopen": "none",
			"escalation": "ignore", "lock": "0s", "billed_at": "accepted", "final_after": "30d",
		}},
		"measures":       map[string]any{"done": map[string]any{"count": "done", "over": "period"}},
		"lines":          []any{map[string]any{"name": "done", "of": "done", "mode": "graduated", "tiers": []any{map[string]any{"unit": "1"}}}},
		"settle":         map[string]any{"close_after": "3d", "late": "correction", "negative": "carry", "corrections": "after_minimum"},
		"responsibility": responsibility,
	}
	raw, err := json.Marshal(document)
	if err != nil {
		b.l.t.Fatal(err)
	}
	canonical, mistakes := terms.Draft(raw, func(zone string, from, until record.Time) ([]terms.Offset, error) {
		return []terms.Offset{{From: from}}, nil
	})
	if canonical == nil {
		b.l.t.Fatalf("%s: %v", b.l.s.ID, mistakes)
	}
	b.l.version++
	logKey, err := note.NewEd25519VerifierKey(b.l.origin(), testKey("log").Public().(ed25519.PublicKey))
	if err != nil {
		b.l.t.Fatal(err)
	}
	return &record.Agreement{Version: b.l.version, Prev: b.l.digest, Format: record.Format, Origin: b.l.origin(), LogKey: logKey,
		Nonce: base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf("nonce %010d", b.l.version))), Terms: canonical}
}
