package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/paper"
	"github.com/raasledger/raasledger/testdata/agreements"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// checkExplained holds what is told of each statement to the statement: every
// line leads to as many different records as it says are behind it, from the
// first of them to the last, and all are in the bundle.
func checkExplained(t *testing.T, run *exampleRun) {
	t.Helper()
	policy, err := bundle.ParsePolicy(run.policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range run.statements {
		x, report, err := verify.Explain(bytes.NewReader(run.bundle), verify.Options{Policy: policy}, verify.Question{Total: true, Period: s.Period, All: true})
		if err != nil || report.Verdict != verify.Verified {
			t.Fatalf("explain %s: %v", s.Period, err)
		}
		behind := x.Behind
		for _, l := range s.Lines {
			if len(behind) == 0 || behind[0].Line != l.Name || behind[0].Version != l.Version || behind[0].Period != "" {
				t.Fatalf("%s: what stands behind line %s is %+v", s.Period, l.Name, behind)
			}
			records, first, last := map[int64]bool{}, int64(-1), int64(-1)
			for _, m := range behind[0].Measures {
				if m.Hidden > 0 || m.Count != int64(len(m.Sources)) {
					t.Errorf("%s: line %s: of %d records behind measure %s %d are listed", s.Period, l.Name, m.Count, m.Name, len(m.Sources))
				}
				for _, r := range m.Sources {
					if m.Beside || !r.Counted {
						continue
					}
					records[r.N] = true
					if first < 0 || r.N < first {
						first = r.N
					}
					last = max(last, r.N)
				}
			}
			if n := int64(len(records)); n != l.Records || first != l.First || last != l.Last {
				t.Errorf("%s: line %s is of %d records, %d to %d; %d are listed, %d to %d", s.Period, l.Name, l.Records, l.First, l.Last, n, first, last)
			}
			checkPaper(t, s.Period, &behind[0], l.Amount)
			behind = behind[1:]
		}
		for _, c := range s.Corrections {
			moved := int64(0)
			if len(behind) == 0 || behind[0].Line != c.Line || behind[0].Version != c.Version || behind[0].Period != c.Period {
				t.Fatalf("%s: what stands behind the correction of line %s in %s is %+v", s.Period, c.Line, c.Period, behind)
			}
			for _, m := range behind[0].Measures {
				moved += int64(len(m.Sources))
			}
			if moved == 0 {
				t.Errorf("%s: no record is listed behind the correction of line %s in %s", s.Period, c.Line, c.Period)
			}
			checkPaper(t, s.Period, &behind[0], c.Amount)
			behind = behind[1:]
		}
	}
}

// checkPaper does the sums that are printed of a line, or of a correction, with
// a pencil: from the quantity that is shown to the amount.
func checkPaper(t *testing.T, period string, b *fee.Backing, amount record.Decimal) {
	t.Helper()
	var steps []paper.Step
	var text strings.Builder
	for _, s := range b.Steps {
		steps = append(steps, paper.Step(s))
		text.WriteString("\n" + s.String())
	}
	if err := paper.Check(steps, string(amount)); err != nil {
		t.Errorf("%s: line %s %s: %v%s", period, b.Line, b.Period, err, text.String())
	}
}

// A result that is final is explained as it was before the statement with which
// it left, by its key and by the id of its claim.
func TestExplainWhatIsFinal(t *testing.T) {
	e, err := agreements.Open("care_refunds")
	if err != nil {
		t.Fatal(err)
	}
	run, err := playExample(t.Context(), filepath.Join(t.TempDir(), "store"), "care_refunds", e.Cases[0])
	if err != nil {
		t.Fatal(err)
	}
	policy, err := bundle.ParsePolicy(run.policy)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range []string{"refund/order/900", "refund/900"} {
		x, report, err := verify.Explain(bytes.NewReader(run.bundle), verify.Options{Policy: policy}, verify.Question{Result: result})
		if err != nil || report.Verdict != verify.Verified {
			t.Fatalf("explain %s: %v", result, err)
		}
		text := x.Text()
		for _, want := range []string{"refund order/900 in demo.example/care_refunds, as of size ", ", before the statement of 2026-Q2, with which it was final\n",
			"behind it is action pay/900\n", "voids it by a finding against the vendor, by the client\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q:\n%s", result, want, text)
			}
		}
	}
	if _, _, err := verify.Explain(bytes.NewReader(run.bundle), verify.Options{Policy: policy}, verify.Question{Result: "refund/order/9999"}); err == nil {
		t.Error("what was never claimed is explained")
	}
}
