package verify

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// refundTerms are those of the support desk with rules about who answers.
var refundTerms = strings.TrimSuffix(supportTerms, "}") + `, "responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "30s", "must_show": ["checks", "claims"],
 "approvers": [{"human": "h-wu", "party": "client", "actions": ["refund", "clawback"], "limit": "5000"}], "erasure_bases": ["subject_request"]}}`

// refund is the story of a refund beyond delegated authority. An agent with a
// limit of 1,000 passes on 2,000; the other one pays 1,500 before the client,
// whom it asks, has answered. The client's human takes 500 back, and does not
// say when she opened the matter. texts stand where free text can.
func refund(t testing.TB, texts string) *maker {
	m := newMaker(t)
	grant := func(grantor, grantee, parent, limit string) *record.Grant {
		g := &record.Grant{Grantor: grantor, Grantee: grantee, Operator: "vendor", Parent: parent, Actions: []string{"refund", "clawback"}, Resources: []string{"*"},
			LimitEach: record.Decimal(limit), OnTimeout: "block", From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2027-03-01T00:00:00")}
		if parent == "" {
			g.Delegable = 1
			g.Escalate = []record.Boundary{{When: "amount_over", Value: "800"}}
		}
		return g
	}
	act := func(id, action, amount, review, reverses string) {
		r := &record.Record{Kind: record.KindAction, ID: id, Case: "order-8801", Actor: "care-3", At: m.now, By: "vendor", Body: &record.Action{Decision: "d1", Grant: "g2", Review: review,
			Action: action, Resource: "order/8801" + texts, Amount: record.Decimal(amount), Currency: "EUR", Effect: "commit", Status: "executed", Key: "k-" + id, Reverses: reverses}}
		m.add(r)
	}
	m.clock("2026-03-01T00:00:00")
	title, err := json.Marshal("Support desk" + texts)
	m.must(err)
	m.agreement(strings.Replace(refundTerms, `"Support desk"`, string(title), 1), 1, "vendor", "client")
	m.vendor("c1", "", &record.Config{Agent: "care-3", Model: "modelco/m7" + texts})
	m.add(m.byClient(&record.Record{Kind: record.KindGrant, ID: "g1", Body: grant("client", "router-1", "", "1000")}))
	m.vendor("g2", "", grant("router-1", "care-3", "g1", "2000"))
	m.clock("2026-03-10T09:50:00")
	m.add(m.byClient(&record.Record{Kind: record.KindInput, ID: "i1", Case: "order-8801",
		Body: &record.Input{AsOf: m.now, Source: "shop" + texts, Fields: record.Facts{record.Text("delivered", "no"+texts), record.Text("total", "1500")}}}))
	m.clock("2026-03-10T10:00:00")
	r := &record.Record{Kind: record.KindDecision, ID: "d1", Case: "order-8801", At: m.now, By: "vendor", Body: &record.Decision{Agent: "care-3", Config: "c1", Grant: "g2", Inputs: []string{"i1"},
		DependsOn:  []record.FieldRef{{Ref: "i1", Field: "total"}},
		Claims:     []record.Claim{{ID: "k1", Material: true, Value: "no" + texts, Support: []record.FieldRef{{Ref: "i1", Field: "delivered"}}}},
		Checks:     []record.Check{{ID: "within_total", Left: record.Operand{Lit: "1500"}, Op: "<=", Right: record.Operand{Ref: "i1", Field: "total"}, Result: "pass", Blocks: []string{"refund" + texts}}},
		Confidence: "0.95", Proposes: &record.Proposal{Action: "refund", Resource: "order/8801" + texts, Amount: "1500"}, Reasons: record.Sum([]byte("why")), Output: record.Sum([]byte("what"))}}
	m.attach(r, "mail.txt", "I want my money back.\n")
	m.add(r)
	m.clock("2026-03-10T10:00:10")
	m.vendor("h1", "order-8801", &record.Handoff{Decision: "d1", To: "client", Deadline: at(t, "2026-03-10T10:30:00"), Reason: "amount over 800" + texts})
	m.clock("2026-03-10T10:04:00")
	act("x1", "refund", "1500", "", "")
	m.clock("2026-03-10T11:20:00")
	r = &record.Record{Kind: record.KindReview, ID: "r1", Case: "order-8801", Actor: "h-wu",
		Body: &record.Review{Of: "d1", Verdict: "override", Shown: []string{"checks", "claims" + texts}, Sets: &record.Proposal{Action: "clawback", Amount: "500"}, Reasons: record.Sum([]byte("half"))}}
	m.add(m.byClient(r))
	m.clock("2026-03-10T11:46:00")
	act("x2", "clawback", "500", "r1", "x1")
	m.clock("2026-03-11T08:00:00")
	m.add(m.byClient(&record.Record{Kind: record.KindDispute, ID: "dp1", Case: "order-8801", Body: &record.Dispute{About: "x1", Ground: "the rest too" + texts}}))
	m.index(nil)
	return m
}

// billTerms have tiers, adjustments, corrections and money paid before.
const billTerms = `{
"title": "Support desk, prepaid", "currency": "EUR", "scale": 2,
"parties": {
 "vendor": {"role": "vendor", "name": "Vendor", "keys": ["@vendor"]},
 "client": {"role": "client", "name": "Client", "keys": ["@client"]}},
"rounding": {"mode": "half_even", "at": "statement"},
"calendar": {"zone": "UTC", "period": "month", "offsets": [{"from": "2026-01-01T00:00:00.000Z", "minutes": 0}]},
"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},
"record_delay": "1h", "skew": "5m", "backfill": "refuse",
"results": {"resolved": {
 "facts": {"minutes": "decimal", "solved": "bool"}, "once_per": "case", "where": "solved", "claim": ["vendor"],
 "accept": {"on": "silence", "after": "72h", "from": "claim"},
 "dispute": {"within": "72h", "unresolved": {"after": "7d", "then": "accept"}},
 "reopen": {"within": "7d", "from": "accepted"},
 "escalation": "void", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}},
"measures": {"resolved": {"count": "resolved", "over": "period"}},
"lines": [
 {"name": "resolved_tickets", "of": "resolved", "mode": "graduated", "tiers": [{"up_to": "2", "unit": "4.50"}, {"unit": "3.20"}], "adjust": [{"percent_off": "10"}]},
 {"name": "setup", "flat": "40", "due_at": "2026-03-01T00:00:00.000Z"}],
"adjust": [{"at_most": "45"}],
"settle": {"close_after": "8d", "late": "current", "negative": "carry", "corrections": "after_minimum",
 "prepaid": [{"name": "deposit", "amount": "45", "every": "once", "from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}]}}`

// bill is a ledger of two months with a result given back in the second.
func bill(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(billTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	for i := range 3 {
		m.solved(fmt.Sprintf("o-%d", i+1), fmt.Sprintf("T-%d", i+1), true)
	}
	m.solved("o-4", "T-4", false)
	m.solved("o-4b", "T-1", true)
	m.add(m.byClient(&record.Record{Kind: record.KindConfirm, ID: "c-1", Case: "T-1", Body: &record.Confirm{Of: "o-1", Verdict: "accept"}}))
	m.clock("2026-03-28T09:00:00")
	m.solved("o-5", "T-5", true)
	m.solved("o-6", "T-6", true)
	m.clock("2026-04-03T09:00:00")
	m.add(m.byClient(&record.Record{Kind: record.KindReverse, ID: "r-5", Case: "T-5", Body: &record.Reverse{Of: "o-5", Cause: "reopened"}}))
	m.solved("o-7", "T-7", true)
	m.clock("2026-04-09T00:00:00")
	m.statement()
	m.clock("2026-05-08T20:00:00")
	m.solved("o-8", "T-8", true)
	m.clock("2026-05-09T00:00:00")
	m.statement()
	return m
}

func pageOf(t testing.TB, b []byte, o Options) (*Page, string) {
	t.Helper()
	if o.Policy == nil {
		o.Policy = policy(t, policyText(t, "client"))
	}
	p, err := ReadPage(bytes.NewReader(b), o)
	if err != nil {
		t.Fatal(err)
	}
	return p, htmlOf(t, p)
}

func htmlOf(t testing.TB, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPage(t *testing.T) {
	o := Options{Now: at(t, "2026-06-20T00:00:00"), Verifier: strings.Repeat("0f", 32)}
	for _, c := range []struct {
		name string
		b    []byte
		want []string
	}{
		{"case.html", refund(t, "").matter(matterCut{of: "case/order-8801", noEvidence: true}), []string{
			"<h2>Verified</h2>", "vendor 100.00 %", "client 100.00 %", "The amount is above the limit of the grant.", "More was passed on than had been given.",
			"The dispute dp1 by client about x1 has no resolution", "Evidence of record 5, attachment &#34;mail.txt&#34;", "who is liable in law", "To those outside answers <b>client</b>",
			"The reviewer decided faster than one can look. The records neither show nor exclude it.", "500 EUR were taken back later", strings.Repeat("0f", 32),
		}},
		{"replay.html", bill(t).bundle(cut{}), []string{
			"<h2>Statement 2026-03</h2>", "<h2>Statement 2026-04</h2>", "Correction of 2026-03", "Still to be paid", "does not meet the agreed condition", "on the vendor&#39;s word alone", "OVERDUE",
		}},
	} {
		p, got := pageOf(t, c.b, o)
		if p.Report.Verdict != Verified {
			t.Errorf("%s: %s\n%s", c.name, p.Report.Verdict, text(t, p.Report))
		}
		wellFormed(t, got)
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: without %q", c.name, want)
			}
		}
		path := filepath.Join("testdata", c.name)
		if *update {
			if err := os.MkdirAll("testdata", 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is another page; -update writes it anew", path)
		}
	}
}

// wellFormed parses a page as XML and returns its elements with their
// attributes, sorted, each once. It fails the test where the page asks for
// anything outside of it, runs anything, or has characters that act.
func wellFormed(t testing.TB, text string) []string {
	t.Helper()
	if active := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && active(r) }); active >= 0 {
		t.Fatalf("active character in %q", text[max(active-20, 0):active+4])
	}
	d := xml.NewDecoder(strings.NewReader(text))
	var open []string
	seen, ids := map[string]bool{}, map[string]bool{}
	var leads []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			open = append(open, name)
			if slices.Contains([]string{"script", "link", "img", "iframe", "object", "embed", "form", "base", "foreignObject", "use", "image", "a-"}, name) {
				t.Errorf("element %s", name)
			}
			for _, a := range token.Attr {
				seen[name+" "+a.Name.Local] = true
				switch a.Name.Local {
				case "id":
					if ids["#"+a.Value] {
						t.Errorf("two elements have the id %s", a.Value)
					}
					ids["#"+a.Value] = true
				case "href":
					leads = append(leads, a.Value)
				}
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "src" || a.Name.Local == "href" && !regexp.MustCompile(`^#(n\d+|behind-\d+-\d+)$`).MatchString(a.Value) {
					t.Errorf("<%s %s=%q>", name, a.Name.Local, a.Value)
				}
				if a.Name.Local == "style" && !regexp.MustCompile(`^(max-width: \d+px|background: #[0-9a-f]{6}; border: 1px solid #8a939b; padding: 0 .4em)$`).MatchString(a.Value) {
					t.Errorf("<%s style=%q>", name, a.Value)
				}
			}
			seen[name] = true
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] == "style" && string(token) != pageStyle {
				t.Error("another style")
			}
		case xml.Comment, xml.ProcInst:
			t.Errorf("got %T", token)
		}
	}
	for _, to := range leads {
		if !ids[to] {
			t.Errorf("a link leads to %s, which is not there", to)
		}
	}
	if len(open) > 0 {
		t.Errorf("left open: %q", open)
	}
	if s := pageStyle; strings.Contains(s, "url(") || strings.Contains(s, "@import") || strings.Contains(s, "http") || strings.ContainsAny(s, "<&") {
		t.Error("the style asks for something outside")
	}
	return slices.Sorted(maps.Keys(seen))
}

// hostile are texts that would leave their place if they were not escaped.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onload='alert(1)`,
	`</text></svg></title></style><h1>Verified</h1>`,
	`]]><!--x`,
	`&lt;b&gt;&#60;i&#62; &amp`,
	`%s%!d(MISSING) %[1]s`,
	`javascript:alert(1) http://evil.example/x.png url(//evil.example)`,
	strings.Repeat(`<w>`, 40),
}

// deceiving are texts that no record may have; other parts of a report could.
var deceiving = []string{"\x1b[31m", "a\u202eb\u2066c\u200d\ufeff", "\x00\x07\r\n", "\xff\xfe", "\u2028</p>", "\U000e0041"}

// TestPageHostile: texts of records change no element and no attribute.
func TestPageHostile(t *testing.T) {
	elements := func(texts string) []string {
		p, got := pageOf(t, refund(t, texts).matter(matterCut{of: "case/order-8801"}), Options{})
		if p.Report.Verdict != Verified {
			t.Fatal(text(t, p.Report))
		}
		return wellFormed(t, got)
	}
	want := elements("")
	for _, texts := range hostile {
		if got := elements(texts); !slices.Equal(got, want) {
			t.Errorf("%q: elements %q, want %q", texts, got, want)
		}
	}
}

// TestPageEveryText puts hostile text into each text of what a page is written
// from, whatever the reader of bundles lets through.
func TestPageEveryText(t *testing.T) {
	for _, texts := range slices.Concat(hostile, deceiving) {
		for _, b := range [][]byte{refund(t, "").matter(matterCut{of: "case/order-8801"}), bill(t).bundle(cut{})} {
			p, before := pageOf(t, b, Options{Now: at(t, "2026-06-01T00:00:00")})
			want := wellFormed(t, before)
			want = append(want, wellFormed(t, htmlOf(t, &Page{Report: &Report{Verdict: Refused}}))...)
			changed := 0
			spoil(reflect.ValueOf(p), texts, map[uintptr]bool{}, &changed)
			if changed < 40 {
				t.Fatalf("only %d texts changed", changed)
			}
			for _, got := range wellFormed(t, htmlOf(t, p)) {
				if !slices.Contains(want, got) {
					t.Errorf("%q: element %q", texts, got)
				}
			}
		}
	}
}

// spoil adds a text to each string that v leads to, but for those that decide
// which part of the page is written.
func spoil(v reflect.Value, texts string, seen map[uintptr]bool, changed *int) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return
		}
		seen[v.Pointer()] = true
		spoil(v.Elem(), texts, seen, changed)
	case reflect.Interface:
		spoil(v.Elem(), texts, seen, changed)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "Verdict" && f.Name != "Standing" {
				spoil(v.Field(i), texts, seen, changed)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i), texts, seen, changed)
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString(v.String() + texts)
			*changed++
		}
	}
}

// TestPageRefused: the page says so first, and has nothing that the bundle
// says.
func TestPageRefused(t *testing.T) {
	spoilt := []byte(strings.Replace(string(refund(t, "").matter(matterCut{of: "case/order-8801"})), `"amount":"1500"`, `"amount":"150"`, 1))
	raised := newMaker(t)
	raised.spoil = func(s *record.Statement) { s.Total = "777.77" }
	raised.clock("2026-03-01T00:00:00")
	raised.agreement(billTerms, 1, "vendor", "client")
	raised.clock("2026-04-09T00:00:00")
	raised.statement()
	damaged := bytes.Replace(bill(t).bundle(cut{}), []byte(`"solved":false`), []byte(`"solved":true`), 1)
	for name, b := range map[string][]byte{
		"case": spoilt, "raised": raised.bundle(cut{}), "damaged": damaged, "none": []byte("<script>\x1b\n"), "empty": nil,
	} {
		p, got := pageOf(t, b, Options{})
		wellFormed(t, got)
		if p.Report.ExitCode() != 1 || p.Case != nil || p.Tracing != nil {
			t.Errorf("%s: %s, %v", name, p.Report.Verdict, p.Case)
		}
		first := strings.Index(got, "<h2>")
		if !strings.HasPrefix(got[first:], "<h2>REFUSED</h2>") {
			t.Errorf("%s: begins with %.40q", name, got[first:])
		}
		for _, never := range []string{"as computed: 2026", "<h2>Statement", "Who answers for", "Subtotal", "1500", "47.77", "share"} {
			if strings.Contains(strings.ReplaceAll(got, pageStyle, ""), never) {
				t.Errorf("%s: has %q", name, never)
			}
		}
	}
}

// TestPageKinds: every bundle of the vectors has a page, of a well-formed kind.
func TestPageKinds(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(vectorDir, "*.bundle"))
	if err != nil || len(paths) < 50 {
		t.Fatal(len(paths), err)
	}
	seen := map[Verdict]int{}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, got := pageOf(t, b, Options{})
		wellFormed(t, got)
		seen[p.Report.Verdict]++
	}
	if seen[Verified] < 5 || seen[Refused] < 20 || seen[Unproven] < 3 {
		t.Error(seen)
	}
	for _, of := range []string{"case/T-9", "grant/g-1", "config/c-1", "input/i-prices", "standing", "case/T-3"} {
		_, got := pageOf(t, claims(t, nil).matter(matterCut{of: of}), Options{})
		wellFormed(t, got)
	}
}

// Each rule and each reason that the documents name has words of its own.
func TestPageWords(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range responsibility.Rules() {
		s := ruleText(r)
		if s == "" || seen[s] {
			t.Errorf("%s: %q", r, s)
		}
		seen[s] = true
	}
	for _, name := range checkNames {
		if checkQuestion(name) == "" {
			t.Errorf("check %s has no question", name)
		}
	}
	doc, err := os.ReadFile("../docs/settlement.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "\n## Reasons\n")
	table, _, _ = strings.Cut(table, "\n## ")
	found := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[1], -1) {
			found++
			if s := reasonText(m[1]); s == words(m[1]) && m[1] != "cancelled" {
				t.Errorf("reason %s has no words", m[1])
			}
		}
	}
	if !ok || found < 25 {
		t.Errorf("%d reasons found in docs/settlement.md", found)
	}
}

// A long case is drawn up to a bound, and the page says so.
func TestPageLong(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(refundTerms, 1, "vendor", "client")
	for i := range maxNodes + 5 {
		m.vendor(fmt.Sprintf("d-%d", i), "T-1", &record.Decision{Agent: "a"})
	}
	m.index(nil)
	_, got := pageOf(t, m.matter(matterCut{of: "case/T-1"}), Options{})
	wellFormed(t, got)
	if !strings.Contains(got, "<b>5 more records are not drawn.</b>") || strings.Count(got, "<g>") != maxNodes {
		t.Errorf("%d boxes", strings.Count(got, "<g>"))
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		s     string
		width int
		want  string
	}{
		{"refund", 6, "refund"}, {"refunds", 6, "refun…"}, {"", 3, ""}, {"退款退款", 8, "退款退款"}, {"退款退款", 7, "退款…"}, {"a\u202eb", 12, `a\u{202e}b`}, {"a\u202ebcdef", 6, `a\u{2…`}, {"ab", 1, "…"},
	} {
		if got := fit(c.s, c.width); got != c.want {
			t.Errorf("fit(%q, %d) = %q, want %q", c.s, c.width, got, c.want)
		}
	}
}
