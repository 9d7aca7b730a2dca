package verify

import (
	"bytes"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// explained is the text of an explanation, without its head.
func explained(t *testing.T, in []byte, q Question) string {
	t.Helper()
	x, rep, err := Explain(bytes.NewReader(in), Options{Policy: policy(t, policyText(t, "both"))}, q)
	if err != nil || rep.Verdict != Verified {
		t.Fatalf("%+v: %v", q, err)
	}
	_, got, _ := strings.Cut(x.Text(), "\n")
	return got
}

// A result is told alike by its key and by the id of its claim, with what each
// statement said; another claim of it is told by its own id, and named where the
// statements count it.
func TestExplainByClaim(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(joinedTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.vendor("s-1", "T-1", &record.Outcome{Result: "sale"})
	m.vendor("s-2", "T-1", &record.Outcome{Result: "sale"})
	m.clock("2026-04-09T00:00:00")
	m.statement()
	in := m.bundle(cut{})
	want := `  2026-03-02T09:00:00.000Z  record 1 claims sale for T-1, under version 1 of the terms, by the vendor
  2026-03-02T09:00:00.000Z  accepted with the claim, as agreed
  billed in 2026-03: measure sales, quantity 1, on work, sales
  now: accepted and locked, its instant of billing is 2026-03-02T09:00:00.000Z
statement 2026-03: record 1, billed, line sales, quantity 1, amount 1.00, before the adjustments of the line
statement 2026-03: record 2, duplicate
`
	for _, result := range []string{"s-1", "sale/T-1"} {
		if got := explained(t, in, Question{Result: result}); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", result, got, want)
		}
	}
	want = `  2026-03-02T09:00:00.000Z  record 2 claims sale for T-1, and opens no result: the same was claimed before, and counts once, by record 1, which is s-1
statement 2026-03: duplicate
`
	if got := explained(t, in, Question{Result: "s-2"}); got != want {
		t.Errorf("s-2: got\n%s\nwant\n%s", got, want)
	}
	// What nobody claimed is not there.
	if _, _, err := Explain(bytes.NewReader(in), Options{Policy: policy(t, policyText(t, "both"))}, Question{Result: "s-3"}); err == nil {
		t.Error("what nobody claimed is explained")
	}
}

// What expired is not told as if something could still become of it.
func TestExplainExpired(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(strings.Replace(joinedTerms, `"accept": {"on": "claim"}`, `"accept": {"on": "client"}`, 1), 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.vendor("s-1", "T-1", &record.Outcome{Result: "sale"})
	for _, when := range []string{"2026-04-09T00:00:00", "2026-05-09T00:00:00", "2026-06-09T00:00:00"} {
		m.clock(when)
		m.statement()
	}
	want := `  2026-03-02T09:00:00.000Z  record 1 claims sale for T-1, under version 1 of the terms, by the vendor
  not billed in the statement of 2026-05: it was still pending at its horizon
  final with the statement of 2026-05: nothing that is recorded later is about it
statement 2026-03: pending
statement 2026-04: pending
statement 2026-05: expired
`
	if got := explained(t, m.bundle(cut{}), Question{Result: "s-1"}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The amount that a line gained by a result is before its adjustments, and
// nothing where the line is held.
func TestExplainHeld(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(strings.Replace(joinedTerms, `{"then": "other", "measure": "shop"}`, `{"then": "hold"}`, 1), 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.vendor("s-1", "T-1", &record.Outcome{Result: "sale"})
	m.clock("2026-04-09T00:00:00")
	m.statement()
	want := "\nstatement 2026-03: billed, line sales, quantity 1, amount 1.00, the line is held: nothing is billed on it in this statement; before the adjustments of the line\n"
	if got := explained(t, m.bundle(cut{}), Question{Result: "s-1"}); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant at the end%s", got, want)
	}
	_, page := pageOf(t, m.bundle(cut{}), Options{Policy: policy(t, policyText(t, "both"))})
	if want := "held: till has no value, so these are not applied: times till; nothing is billed on it until the value is there"; !strings.Contains(page, want) {
		t.Errorf("the page has no %q", want)
	}
}

// On the page, and in the report, corrections that are in the subtotal stand
// above it, and every line leads from its quantity to its amount.
func TestStatementOnPaper(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(strings.Replace(strings.Replace(joinedTerms, `"after_minimum"`, `"before_minimum"`, 1), `"settle":`, `"adjust": [{"percent_off": "12.5"}, {"at_least": "20"}], "settle":`, 1), 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.vendor("s-1", "T-1", &record.Outcome{Result: "sale"})
	m.clock("2026-03-31T23:59:00")
	m.vendor("m-1", "", &record.Measurement{Metric: "shop", From: at(t, "2026-03-01T00:00:00"), Until: at(t, "2026-03-31T23:59:00"), Value: "60"})
	m.clock("2026-04-09T00:00:00")
	m.statement()
	m.clock("2026-04-10T09:00:00")
	m.add(m.byClient(&record.Record{Kind: record.KindReverse, ID: "r-1", Case: "T-1", Body: &record.Reverse{Of: "s-1", Cause: "reopened"}}))
	m.clock("2026-05-09T00:00:00")
	m.statement()
	in := m.bundle(cut{})
	p, page := pageOf(t, in, Options{Policy: policy(t, policyText(t, "both"))})
	rep := p.Report
	if rep.Verdict != Verified {
		t.Fatal(text(t, rep))
	}
	report := text(t, rep)
	_, report, _ = strings.Cut(report, "statement    2026-04")
	last := -1
	for _, want := range []string{"correction 2026-03, work v1", "correction 2026-03, sales v1", "the lines and the corrections together: 50.00 + 0.00 + 0.00 - 10.00 - 60.00 = -20.00",
		"12.5 percent off: -20 x (100 - 12.5) / 100 = -17.5", "at least 20: -17.5 becomes 20", "subtotal", "total"} {
		at := strings.Index(report, want)
		if at < 0 || at <= last {
			t.Fatalf("%q is not in its place in\n%s", want, report)
		}
		last = at
	}
	_, page, _ = strings.Cut(page, "Statement 2026-04</h2>")
	last = -1
	for _, want := range []string{"<td>till is 0, below the first step, 50: the factor is 0.5</td><td>100 x 0.5 = 50</td>", "Correction of 2026-03", "<td>as it was before this statement:</td>", "<td>the difference</td><td>0.00 - 10.00 = -10.00</td>",
		"<td>12.5 percent off</td><td>-20 x (100 - 12.5) / 100 = -17.5</td>", "<td>at least 20</td><td>-17.5 becomes 20</td>", ">Subtotal</td>", ">Total</td>"} {
		at := strings.Index(page, want)
		if at < 0 || at <= last {
			t.Fatalf("%q is not in its place on the page:\n%s", want, page[:min(len(page), 8000)])
		}
		last = at
	}
}
