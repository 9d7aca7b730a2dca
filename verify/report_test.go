package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// TestJSON: for every vector the JSON holds the facts of the text.
func TestJSON(t *testing.T) {
	files := files(t)
	for _, v := range vectors {
		o, _ := v.options(t, files)
		o.Verifier = strings.Repeat("ab", 32)
		rep := run(t, v.make(t), o)
		var b bytes.Buffer
		if err := rep.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		var j jsonReport
		d := json.NewDecoder(&b)
		d.DisallowUnknownFields()
		if err := d.Decode(&j); err != nil {
			t.Fatalf("%s: %v", v.name, err)
		}
		var back Report
		back.Verdict, back.Kind, back.Origin, back.Start, back.Size, back.Root = j.Verdict, j.Kind, j.Origin, j.Start, j.Size, j.Root
		back.Bundle, back.Policy, back.Verifier, back.Amounts, back.Unverified, back.History = j.Bundle, j.Policy, j.Verifier, j.Amounts, j.Unverified, History(j.History)
		if j.Now != "" {
			back.Now = at(t, j.Now)
		}
		if j.Since != nil {
			back.Since = &Held{j.Since.Size, j.Since.Root}
		}
		if a := j.Agreement; a != nil {
			back.Agreement = &Agreement{Version: a.Version, N: a.N, Terms: a.Terms, Title: a.Title}
			for _, p := range a.Parties {
				back.Agreement.Parties = append(back.Agreement.Parties, Party(p))
			}
			if len(a.Signed) > 0 {
				back.Agreement.Signed = a.Signed
			}
		}
		for _, c := range j.Checks {
			back.Checks = append(back.Checks, Check(c))
		}
		for _, s := range j.Signatures {
			back.Signatures = append(back.Signatures, Signature(s))
		}
		for _, w := range j.Withheld {
			held := Withheld{N: w.N, Record: w.Record, Name: w.Name, Digest: w.Digest, Asked: w.Asked, Erased: -1, State: w.State}
			if w.Erased != nil {
				held.Erased = *w.Erased
			}
			back.Withheld = append(back.Withheld, held)
		}
		back.WithheldMore = j.More
		if j.Case != nil {
			c := CaseReport(*j.Case)
			back.Case = &c
		}
		if (j.Index == nil) != (rep.Index == nil) || j.Index != nil && Index(*j.Index) != *rep.Index {
			t.Errorf("%s: index %+v, want %+v", v.name, j.Index, rep.Index)
		}
		if j.Next != nil {
			back.Next = &Next{j.Next.Period, at(t, j.Next.Closing), j.Next.Overdue}
		}
		for _, s := range j.Statements {
			st := &record.Statement{Period: s.Period, From: at(t, s.From), Until: at(t, s.Until), Closing: at(t, s.Closing), Agreed: s.Agreed, Currency: s.Currency,
				Subtotal: s.Subtotal, CarriedIn: s.CarriedIn, Total: s.Total, CarriedOut: s.CarriedOut,
				Terms: s.Terms, Detail: s.Detail, State: s.State}
			st.Adjust = adjustments(s.Adjust)
			for _, l := range s.Lines {
				st.Lines = append(st.Lines, record.Line{Version: l.Version, Name: l.Name, Quantity: l.Quantity, Amount: l.Amount, Adjust: adjustments(l.Adjust)})
			}
			for _, c := range s.Corrections {
				st.Corrections = append(st.Corrections, record.Correction(c))
			}
			for _, g := range s.Grades {
				st.Grades = append(st.Grades, record.Grade(g))
			}
			var nouns Nouns
			for _, c := range s.Counts {
				st.Counts = append(st.Counts, record.Count{Reason: c.Reason, N: c.N})
				nouns.Counts = append(nouns.Counts, c.Noun)
			}
			back.Statements = append(back.Statements, Statement{N: s.N, Statement: st, Nouns: nouns, Recomputed: s.Recomputed, Continued: s.Continued, History: s.History, ClaimedTotal: s.ClaimedTotal, Account: account(s.Account)})
		}
		if got, want := text(t, &back), text(t, rep); got != want {
			t.Errorf("%s: the JSON gives\n%s\nwant\n%s", v.name, got, want)
		}
		unproven := rep.Start > 0 && rep.Checks[history].Result == Unproven || rep.Checks[agreed].Result == Unproven
		if j.Amounts == "verified" && (rep.Verdict == Refused || unproven) {
			t.Errorf("%s: amounts verified in a report that is %s", v.name, rep.Verdict)
		}
		if j.Format != ReportFormat || j.Exit != rep.ExitCode() {
			t.Errorf("%s: format %q, exit %d", v.name, j.Format, j.Exit)
		}
	}
}

func account(j *jsonAccount) *fee.Account {
	if j == nil {
		return nil
	}
	steps := func(list []jsonStep) (all []fee.Step) {
		for _, s := range list {
			all = append(all, fee.Step(s))
		}
		return all
	}
	a := &fee.Account{Sum: steps(j.Sum), Adjust: steps(j.Adjust), CorrectionsFirst: j.CorrectionsFirst, Total: fee.Step(j.Total)}
	for _, l := range j.Lines {
		a.Lines = append(a.Lines, fee.LineAccount{Each: l.Each, Quantity: steps(l.Quantity), Tiers: steps(l.Tiers), Amount: steps(l.Amount), Less: (*fee.Step)(l.Less), Held: l.Held})
	}
	return a
}

func adjustments(list []jsonAdjust) []record.Adjustment {
	var all []record.Adjustment
	for _, a := range list {
		all = append(all, record.Adjustment(a))
	}
	return all
}

// TestManyWithheld: what is withheld is counted, and kept up to a bound.
func TestManyWithheld(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	for i := range 21 {
		r := &record.Record{Kind: record.KindOutcome, ID: fmt.Sprint("o-", i), Case: fmt.Sprint("T-", i), At: m.now, By: "vendor",
			Body: &record.Outcome{Result: "resolved", Facts: record.Facts{record.Text("minutes", "12"), record.Bool("solved", true)}}}
		for k := range 50 {
			r.Sealed = append(r.Sealed, record.Sum(fmt.Append(nil, i, k)))
		}
		slices.Sort(r.Sealed)
		if i == 20 {
			r.Attach = []record.Attachment{{Name: "last", Digest: record.Sum(nil), Size: 1}}
		}
		m.add(r)
	}
	in := m.bundle(cut{})
	rep := run(t, in, Options{Policy: policy(t, policyText(t, "both"))})
	if rep.Verdict != Verified || len(rep.Withheld) != 1000 || rep.WithheldMore != 51 || !strings.Contains(text(t, rep), "\nwithheld                        and 1031 more\n") {
		t.Errorf("%d withheld and %d more\n%s", len(rep.Withheld), rep.WithheldMore, text(t, rep))
	}
	for _, tc := range []struct {
		asks  string
		count int64
		want  string
	}{{"all", 1051, "record 1: sealed field sha256:"}, {"last", 1, "1 piece asked for and not shown, none among the first 1000 withheld"}} {
		rep := run(t, in, Options{Policy: policy(t, policyText(t, "both")), Evidence: []string{tc.asks}})
		if c := rep.Checks[attachments]; rep.Verdict != Unproven || c.Count != tc.count || !strings.HasPrefix(c.Text, tc.want) {
			t.Errorf("%s: %+v", tc.asks, c)
		}
	}
}

// TestStatementText: parts stand under what they add up to, at the scale of
// the amounts and in words.
func TestStatementText(t *testing.T) {
	r := &Report{Verdict: Verified, Statements: []Statement{{N: 9, Recomputed: true, Statement: &record.Statement{
		Period: "2026-03", Agreed: true, Currency: "EUR", Subtotal: "8.50", CarriedIn: "-1.00", Total: "6.50", CarriedOut: "0.00",
		Lines:       []record.Line{{Version: 1, Name: "tickets", Quantity: "30", Amount: "20.00", Adjust: []record.Adjustment{{Op: "at_most", Before: "30", After: "20"}}}},
		Adjust:      []record.Adjustment{{Op: "at_most", Before: "20", After: "8.5"}},
		Grades:      []record.Grade{{Grade: "both", Amount: "6.00"}, {Grade: "vendor", Amount: "2.50"}},
		Corrections: []record.Correction{{Period: "2026-02", Version: 1, Line: "tickets", QuantityBefore: "4", Quantity: "3", Amount: "-1.00"}},
		Counts:      []record.Count{{Reason: "billed", N: 30}, {Reason: "no_line", N: 1}},
		Terms:       []record.Digest{"sha256:aa"}, Detail: "sha256:bb", State: "sha256:cc"}, Nouns: Nouns{Counts: []string{"result", "measurement"}}}}}
	const want = `
               tickets v1, quantity 30                                   20.00 EUR
                 at most: 30 becomes 20
               at most: 20 becomes 8.5
               subtotal                                                   8.50 EUR
                 word: both sides'                                        6.00 EUR
                 word: the vendor's alone                                 2.50 EUR
               correction 2026-02, tickets v1, quantity 4 to 3           -1.00 EUR
               carried in                                                -1.00 EUR
               total                                                      6.50 EUR
               billed                                                   30 results
               no line                                               1 measurement
               terms                                            sha256:aa
               detail                                           sha256:bb
               state                                            sha256:cc
`
	if got := text(t, r); !strings.Contains(got, want) {
		t.Errorf("%s\nwant in it%s", got, want)
	}
	for _, tc := range []struct{ d, like, want record.Decimal }{{"8.5", "1.00", "8.50"}, {"8", "1.00", "8.00"}, {"8", "1", "8"}, {"8.125", "1.00", "8.125"}, {"-0.5", "0.000", "-0.500"}} {
		if got := atScale(tc.d, tc.like); got != string(tc.want) {
			t.Errorf("%s like %s is %s, want %s", tc.d, tc.like, got, tc.want)
		}
	}
}

// TestDuration: an age is written in its largest unit and the one below.
func TestDuration(t *testing.T) {
	for seconds, want := range map[int64]string{
		0: "0 seconds", 1: "1 second", 59: "59 seconds", 60: "1 minute", 61: "1 minute 1 second", 3600: "1 hour", 3601: "1 hour", 5400: "1 hour 30 minutes",
		86399: "23 hours 59 minutes", 86400: "1 day", 90000: "1 day 1 hour", 222 * 86400: "222 days", 222*86400 + 3599: "222 days",
	} {
		if got := duration(seconds); got != want {
			t.Errorf("%d s are %s, want %s", seconds, got, want)
		}
	}
}

// TestPlain: nothing from a bundle reaches the terminal that it would act on.
func TestPlain(t *testing.T) {
	const evil = "a\x1b]0;x\x07\u202eb\u009b\u200b\ufeff\u00a0é\xff 語"
	const want = `a\x1b]0;x\x07\u{202e}b\u{9b}\u{200b}\u{feff}\u{a0}é\u{fffd} 語`
	if got := plain(evil); got != want {
		t.Errorf("plain text %q, want %q", got, want)
	}
	r := &Report{Verdict: Refused, Origin: evil, Checks: []Check{{Name: "form", Result: Failed, Text: evil, More: []string{evil}, Count: 2}}, Unverified: []string{evil},
		Statements: []Statement{{Statement: &record.Statement{Period: evil, Lines: []record.Line{{Name: evil}}}}}, Signatures: []Signature{{Key: evil, Role: evil}}, Amounts: evil,
		Agreement: &Agreement{Title: evil, Parties: []Party{{ID: evil, Role: evil, Name: evil}}, Signed: []string{evil}}}
	if got := text(t, r); strings.ContainsAny(got, "\x1b\x07\u202e\u009b\u200b\ufeff") || strings.Count(got, want) != 14 {
		t.Errorf("text %q", got)
	}
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.ContainsFunc(got, func(r rune) bool { return r != '\n' && active(r) }) {
		t.Errorf("JSON %q", got)
	}
	var back jsonReport
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Origin != strings.ToValidUTF8(evil, "\ufffd") {
		t.Errorf("origin %q, %v", back.Origin, err)
	}
	if got := string(escapeJSON([]byte("\"\U000e0001\""))); got != `"\udb40\udc01"` {
		t.Errorf("beyond 16 bits: %s", got)
	}
}

// TestManyFaults: at most five faults of a check are named, and all counted.
func TestManyFaults(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.alter = func(r *record.Record) { r.Body.(*record.Outcome).Result = "saved" }
	for i := range 9 {
		m.solved(fmt.Sprint("o-", i), fmt.Sprint("T-", i), true)
	}
	rep := run(t, m.bundle(cut{}), Options{Policy: policy(t, policyText(t, "both"))})
	c := rep.Checks[agreed]
	if c.Result != Failed || c.Count != 9 || len(c.More) != 4 || !strings.Contains(text(t, rep), "and 4 more\n") {
		t.Errorf("%+v\n%s", c, text(t, rep))
	}
	if c.Text != `record 1 o-0: body.result: the terms have no result "saved"` {
		t.Error(c.Text)
	}
}

// TestDetail: the recomputed detail lines of a statement hash to its detail.
func TestDetail(t *testing.T) {
	m := honest(t)
	got := map[string]*bytes.Buffer{}
	o := Options{Policy: policy(t, policyText(t, "both")), Since: m.checkpoint(9), Detail: func(period string, line []byte) error {
		if got[period] == nil {
			got[period] = &bytes.Buffer{}
		}
		fmt.Fprintf(got[period], "%s\n", line)
		return nil
	}}
	for _, start := range []int64{0, 8} {
		clear(got)
		rep := run(t, m.bundle(cut{start: start}), o)
		if rep.Verdict != Verified {
			t.Fatal(text(t, rep))
		}
		for _, s := range rep.Statements {
			if s.Continued {
				if got[s.Period] != nil {
					t.Errorf("detail of %s, which is not recomputed", s.Period)
				}
				continue
			}
			if d := record.Sum(got[s.Period].Bytes()); d != s.Detail {
				t.Errorf("detail of %s has the digest %s, want %s:\n%s", s.Period, d, s.Detail, got[s.Period])
			}
		}
	}
}

// TestExplain speaks of what was verified, and says when it was not.
func TestExplain(t *testing.T) {
	b := honest(t).bundle(cut{})
	o := Options{Policy: policy(t, policyText(t, "both"))}
	for _, result := range []string{"o-2", "resolved/T-2"} {
		got, rep, err := Explain(bytes.NewReader(b), o, Question{Result: result})
		if err != nil || rep.Verdict != Verified || !strings.HasPrefix(got.Text(), "resolved T-2 in vendor.example/contract-17, as of size 13\n  ") || !strings.Contains(got.Text(), "record 2 claims") || strings.Contains(got.Text(), "unproven") {
			t.Errorf("%s: %v\n%+v", result, err, got)
		}
	}
	if _, _, err := Explain(bytes.NewReader(b), o, Question{Result: "o-99"}); err == nil || !strings.Contains(err.Error(), "o-99") {
		t.Errorf("unknown result: %v", err)
	}
	o.Policy = policy(t, string(files(t)["third.policy"]))
	got, rep, err := Explain(bytes.NewReader(b), o, Question{Result: "o-2"})
	if err != nil || rep.Verdict != Unproven || !strings.Contains(got.Text(), "\nunproven: author signatures: agreement version 1: client key SHA256:") {
		t.Errorf("unproven: %v\n%+v", err, got)
	}
	bad := bytes.Replace(b, []byte(`"minutes":"7.5"`), []byte(`"minutes":"8.5"`), 1)
	got, rep, err = Explain(bytes.NewReader(bad), o, Question{Result: "o-2"})
	if err != nil || rep.Verdict != Refused || got.Text() != "nothing can be explained from a bundle that is refused\n" {
		t.Errorf("refused: %v\n%+v", err, got)
	}
}

// TestReference: a verifier that holds every record and asks plainly agrees on
// the tree, the numbers and the chains of bundles damaged at random.
func TestReference(t *testing.T) {
	m := honest(t)
	want, err := m.tree(13).RootAt(13)
	m.must(err)
	o := Options{Policy: policy(t, policyText(t, "none"))}
	rapid.Check(t, func(t *rapid.T) {
		lines := slices.Clone(m.lines)
		for range rapid.IntRange(0, 2).Draw(t, "damages") {
			i := rapid.IntRange(0, len(lines)-1).Draw(t, "record")
			switch rapid.SampledFrom([]string{"drop", "double", "swap", "change"}).Draw(t, "damage") {
			case "drop":
				lines = slices.Delete(lines, i, i+1)
			case "double":
				lines = slices.Insert(lines, i, lines[i])
			case "swap":
				j := rapid.IntRange(0, len(lines)-1).Draw(t, "with")
				lines[i], lines[j] = lines[j], lines[i]
			case "change":
				lines[i] = bytes.Replace(lines[i], []byte(`T09:30`), []byte(`T09:31`), 1)
			}
		}
		var leaves [][]byte
		counts := true
		for i, line := range lines {
			leaves = append(leaves, line)
			counts = counts && bytes.Contains(line, fmt.Appendf(nil, `"n":%d,"time"`, i))
		}
		in := m.bundle(cut{lines: func([][]byte) [][]byte { return lines }, noEvidence: true})
		rep, err := Verify(bytes.NewReader(in), o)
		if err != nil {
			t.Fatal(err)
		}
		if got, honest := rep.Checks[records].Result == Passed, len(lines) == 13 && plainRoot(leaves) == want; got != honest {
			t.Errorf("records passed is %v, want %v", got, honest)
		}
		if !counts && rep.Checks[order].Result != Failed {
			t.Error("order passed with wrong numbers")
		}
		if (rep.Verdict == Verified) != (plainRoot(leaves) == want) {
			t.Errorf("verdict %s", rep.Verdict)
		}
	})
}

// plainRoot is MTH of RFC 6962.
func plainRoot(leaves [][]byte) merkle.Hash {
	switch n := len(leaves); n {
	case 0:
		return merkle.EmptyRoot
	case 1:
		return merkle.LeafHash(leaves[0])
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		return merkle.NodeHash(plainRoot(leaves[:k]), plainRoot(leaves[k:]))
	}
}

// TestPast: roots at earlier sizes are those of the tree, as far as they are kept.
func TestPast(t *testing.T) {
	var p past
	var f merkle.Frontier
	const n = blockLeaves*(maxBlocks+1) + 10
	var roots []merkle.Hash
	for i := range n {
		leaf := merkle.LeafHash(fmt.Append(nil, i))
		p.add(leaf, record.Time(i), f.Clone)
		if err := f.Append(leaf); err != nil {
			t.Fatal(err)
		}
		roots = append(roots, f.Root())
	}
	first := n - blockLeaves*(maxBlocks-1) - 10
	for size := int64(1); size <= n; size += 997 {
		root, last, ok := p.at(size)
		if want := size > int64(first); ok != want || ok && (root != roots[size-1] || last != record.Time(size-1)) {
			t.Errorf("size %d: %v %v %v, want kept %v", size, root, last, ok, want)
		}
	}
	if _, _, ok := p.at(0); ok {
		t.Error("root at size 0")
	}
}

// TestPure: no file, network, clock or chance comes into these packages, but for
// the secrets of the hashes by which ids are compared.
func TestPure(t *testing.T) {
	allowed := map[string][]string{
		".": {"bytes", "cmp", "crypto/ed25519", "crypto/sha256", "encoding/json", "errors", "fmt", "hash", "hash/maphash", "html", "io", "maps", "math", "slices", "strconv", "strings", "unicode", "unicode/utf8",
			"attribution/fee", "attribution/record", "attribution/responsibility", "attribution/terms", "merkle", "verify/bundle"},
		"bundle": {"bufio", "bytes", "cmp", "crypto/sha256", "encoding/base64", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash", "io",
			"slices", "strconv", "strings", "unicode", "unicode/utf8", "merkle"},
	}
	for dir, want := range allowed {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) < 4 {
			t.Fatal(names, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range f.Imports {
				path := strings.TrimPrefix(strings.Trim(spec.Path.Value, `"`), "github.com/raasledger/raasledger/")
				if !slices.Contains(want, path) {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
}

// TestDocument: the example of docs/bundle.md is the tiny bundle, cut where it
// says so, and the checks are listed there by the names and in the order here.
func TestDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/bundle.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(doc), "```\n")
	lines := strings.Split(strings.TrimSuffix(string(tiny(t).bundle(cut{})), "\n"), "\n")
	example := strings.Split(strings.TrimSuffix(parts[1], "\n"), "\n")
	if len(example) != len(lines) {
		t.Fatalf("the example has %d lines, the bundle %d", len(example), len(lines))
	}
	for i, line := range example {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
		if ok, err := regexp.MatchString("^"+pattern+"$", lines[i]); err != nil || !ok {
			t.Errorf("line %d of the example is\n%s\nthe bundle has\n%s", i+1, line, lines[i])
		}
	}
	last := 0
	for i, name := range checkNames {
		at := strings.Index(string(doc), fmt.Sprintf("\n%d. **%s**:", i+1, name))
		if at <= last {
			t.Errorf("check %d, %s, is not in its place", i+1, name)
		}
		last = at
	}
}

// FuzzVerify never panics, and says verified of nothing but what the reader
// reads to its end.
func FuzzVerify(f *testing.F) {
	files := files(f)
	p := policy(f, string(files["both.policy"]))
	m := honest(f)
	f.Add(m.bundle(cut{}), true)
	f.Add(m.bundle(cut{start: 8}), true)
	f.Add(tiny(f).bundle(cut{}), false)
	f.Add(receipts(f, nil).bundle(cut{}), false)
	f.Add(refunds(f, nil).bundle(cut{}), false)
	f.Add(refunds(f, nil).bundle(cut{}), true)
	f.Fuzz(func(t *testing.T, b []byte, redo bool) {
		if i := bytes.LastIndex(b, []byte("\n{\"end\":{")); redo && i > 0 && regexp.MustCompile(`"sha256":"[0-9a-f]{64}"`).Match(b[i:]) && bytes.Count(b[i+1:], []byte("\n")) == 1 && b[len(b)-1] == '\n' {
			b = resum(b) // past the digest, into the records
		}
		rep, err := Verify(bytes.NewReader(b), Options{Policy: p, Since: files["held-9.checkpoint"]})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := rep.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		text(t, rep)
	})
}

// FuzzRecord lets the vendor put any line in the place of a record, and sign
// the tree that has it: never a panic, and verified is only what was honest.
func FuzzRecord(f *testing.F) {
	o := Options{Policy: policy(f, policyText(f, "both"))}
	m := honest(f)
	o.Since = m.checkpoint(13, "client")
	for n, line := range m.lines {
		f.Add(uint8(n), line, false)
		f.Add(uint8(n), line, true)
	}
	f.Fuzz(func(t *testing.T, n uint8, line []byte, continued bool) {
		i := int(n) % len(m.lines)
		own := *m
		own.t, own.lines, own.leaves = t, slices.Clone(m.lines), slices.Clone(m.leaves)
		c := cut{}
		if continued {
			c.start, i = 8, 8+i%5
		}
		if len(line) == 0 || len(line) > 65535 || !bytes.HasPrefix(line, []byte(`{"a`)) || bytes.HasPrefix(line, []byte(`{"attachment":`)) || bytes.ContainsRune(line, '\n') {
			return
		}
		changed := !bytes.Equal(line, own.lines[i])
		own.lines[i], own.leaves[i] = line, merkle.LeafHash(line)
		rep := run(t, own.bundle(c), o)
		if rep.Verdict == Verified && changed {
			t.Errorf("verified against the checkpoint held:\n%s", text(t, rep))
		}
		text(t, rep)
		// The same with nothing held: whatever is said, it is said without a panic.
		run(t, own.bundle(c), Options{Policy: o.Policy})
	})
}
