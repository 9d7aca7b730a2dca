package fee

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

var updateVectors = flag.Bool("update", false, "rewrite the statements of testdata/terms/valid; read the diff")

// Each valid vector of the terms has the statement of its first period over a
// few records: a result of each kind by each party that may claim it, a
// measurement of each metric by each of its parties, an action of each name.
// The file has the records, without signatures, and what is settled.
func TestStatementsOfTheTermsVectors(t *testing.T) {
	files, err := filepath.Glob("../../testdata/terms/valid/*.json")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d vectors (%v)", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		agreed, mistakes := terms.Parse([]byte(strings.TrimSpace(string(text))))
		if agreed == nil {
			// Written as people do: brought to the canonical form first.
			canonical, more := terms.Draft(text, func(_ string, from, _ record.Time) ([]terms.Offset, error) {
				return []terms.Offset{{From: from}}, nil
			})
			if agreed, _ = terms.Parse(canonical); agreed == nil {
				t.Fatalf("%s: %v %v", name, mistakes, more)
			}
		}
		got := settleVector(t, agreed)
		path := strings.TrimSuffix(file, ".json") + ".statement"
		if *updateVectors {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func settleVector(t *testing.T, agreed *terms.Terms) string {
	t.Helper()
	m := Simulate(agreed, terms.NewStanding())
	p, _, ok := m.Next()
	if !ok {
		t.Fatal("nothing to settle")
	}
	var b strings.Builder
	n := int64(0)
	add := func(r *record.Record) {
		n++
		r.Kind, r.ID, r.At = r.Body.Kind(), fmt.Sprintf("r-%d", n), p.From+record.Time(n)*1000
		r.Log = &record.Log{N: n, Time: r.At}
		line, err := record.Marshal(&record.Record{Kind: r.Kind, ID: r.ID, Case: r.Case, At: r.At, By: r.By, Subject: r.Subject, Attach: r.Attach, Body: r.Body})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
		if err := m.Apply(r); err != nil {
			fmt.Fprintf(&b, "refused: %v\n", err)
		}
	}
	facts := func(list []terms.FactType, i int) record.Facts {
		var all []record.Fact
		for _, f := range list {
			switch f.Type {
			case "bool":
				all = append(all, record.Bool(f.Name, i%2 == 0))
			case "decimal":
				all = append(all, decimalFact(f.Name, fmt.Sprint(10*(i+1))))
			case "time":
				all = append(all, record.Text(f.Name, (p.From+record.Time(i)*3600_000).String()))
			default:
				all = append(all, record.Text(f.Name, fmt.Sprintf("%s-%d", f.Name, i)))
			}
		}
		return record.NewFacts(all...)
	}
	for i := range agreed.Results {
		rule := &agreed.Results[i]
		for j, by := range rule.Claim {
			for k := range 3 {
				r := &record.Record{By: by, Case: fmt.Sprintf("case-%d", k), Subject: fmt.Sprintf("subject-%d-%d", j, k), Body: &record.Outcome{Result: rule.Name, Facts: facts(rule.Facts, k)}}
				if rule.Effect != nil {
					// Each rests on an action of its own; the first is disputed, the second found.
					x := &record.Record{By: agreed.Operator().ID, Case: r.Case, Body: &record.Action{Action: "refund", Effect: "write", Status: "executed"}}
					add(x)
					r.Body.(*record.Outcome).Effect = x.ID
				}
				for _, name := range rule.Evidence {
					r.Attach = append(r.Attach, record.Attachment{Name: name, Digest: record.Sum([]byte(name)), Size: 1})
				}
				add(r)
				if rule.Effect != nil && k == 0 {
					add(&record.Record{By: agreed.Client().ID, Case: r.Case, Body: &record.Dispute{About: r.Body.(*record.Outcome).Effect, Ground: "action"}})
				}
				if f := rule.Findings(); f != nil && len(f.Void) > 0 && k == 1 {
					add(&record.Record{By: agreed.Client().ID, Case: r.Case, Body: &record.Resolve{About: r.ID, As: record.ByFinding, Disposition: "upheld", Findings: f.Void[:1], Size: n}})
				}
			}
		}
	}
	for i := range agreed.Metrics {
		metric := &agreed.Metrics[i]
		for j, by := range metric.By {
			for k := range 2 {
				value := record.Decimal(fmt.Sprint(100 * (j + k + 1)))
				from := p.From + record.Time(k)*1000
				add(&record.Record{By: by, Body: &record.Measurement{Metric: metric.Name, From: from, Until: from + 1000, Value: value, Fields: facts(metric.Facts, k)}})
			}
		}
	}
	seen := map[string]bool{}
	for _, x := range agreed.Measures {
		if x.Source == "action" && !seen[x.Of] {
			seen[x.Of] = true
			for k := range 2 {
				add(&record.Record{By: agreed.Operator().ID, Body: &record.Action{Action: x.Of, Resource: fmt.Sprintf("resource-%d", k), Amount: record.Decimal(fmt.Sprint(5 * (k + 1))), Currency: agreed.Currency, Effect: "write", Status: "executed"}})
			}
		}
	}
	st, err := m.Settle()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "\nstatement %s\n%s", st.Period, tellAll(st))
	fmt.Fprintf(&b, "subtotal %s, carried out %s\n", st.Subtotal, st.CarriedOut)
	for _, c := range st.Counts {
		fmt.Fprintf(&b, "%s %d\n", c.Reason, c.N)
	}
	return b.String()
}
