package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// pastOfBundle is a past read from the text of a bundle.
func pastOfBundle(t testing.TB, text []byte) *past {
	t.Helper()
	p := &past{name: "bundle", close: func() error { return nil }}
	p.read = func(standing *terms.Standing, do func(*record.Record, string) error) error {
		return p.readBundle(bytes.NewReader(text), standing, do)
	}
	if err := p.look(); err != nil {
		t.Fatal(err)
	}
	return p
}

// checkSimulated simulates the terms of a ledger over its own records, and
// wants the statements that the ledger settled: all of them, to the last
// digest, but for the state that they leave.
func checkSimulated(t *testing.T, run *exampleRun) {
	t.Helper()
	p := pastOfBundle(t, run.bundle)
	got, err := simulate(p, []string{"draft"}, []*terms.Terms{run.terms}, func(int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(got[0].refused) > 0 {
		t.Errorf("the draft does not take %+v", got[0].refused)
	}
	if len(got[0].statements) < len(run.statements) {
		t.Fatalf("%d statements simulated, want %d", len(got[0].statements), len(run.statements))
	}
	for i, s := range run.statements {
		want := *s
		want.State = ""
		if diff := cmp.Diff(&want, got[0].statements[i].Statement); diff != "" {
			t.Errorf("simulated %s is another one:\n%s", s.Period, diff)
		}
		if _, err := record.Marshal(&record.Record{Kind: record.KindStatement, ID: "s", By: "v", At: s.Closing, Body: got[0].statements[i].Statement}); err == nil {
			t.Errorf("a record can hold the simulated statement %s", s.Period)
		}
	}
}

// Three drafts over half a year of a shop's invoice lines: each month as it
// follows from the orders that a separate computation counts.
func TestSimulateOnlineRetail(t *testing.T) {
	file := sampleData(t, "online_retail/lines.csv.gz")
	months := shopTotals(t, file)
	base, err := os.ReadFile("../../testdata/mappings/online_retail_terms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var paths []string
	for _, draft := range []struct{ name, from, to string }{
		{"agreed", "", ""},
		{"dearer", `{unit: "2"}`, `{unit: "2.5"}`},
		{"floor", "settle:", "adjust: [{at_least: 40}]\nsettle:"},
	} {
		path := filepath.Join(dir, draft.name+".yaml")
		text := strings.Replace(string(base), draft.from, draft.to, 1)
		if draft.name != "agreed" && text == string(base) {
			t.Fatalf("%s changes nothing", draft.name)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	args := append([]string{"simulate"}, paths...)
	stdout, stderr, code := run(newApp(clock), append(args, "--over", file, "--map", "../../testdata/mappings/online_retail.yaml", "--csv")...)
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d %s", code, stderr)
	}
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	// Amounts in hundredths.
	fixed := func(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }
	found := 0
	var sum [3]int64
	for _, row := range rows {
		if row[1] != "total" {
			continue
		}
		var want [3]int64
		if row[0] == "all" {
			want = sum
		} else {
			n := months[row[0]] * 100 // 2 for each order
			want = [3]int64{n, n * 5 / 4, max(n, 4000)}
			for i := range sum {
				sum[i] += want[i]
			}
		}
		found++
		for i, n := range want {
			if row[3+i] != fixed(n) {
				t.Errorf("%s of %s: %s, want %s", row[0], rows[0][3+i], row[3+i], fixed(n))
			}
		}
		if got, want := row[6], "+"+fixed(want[1]-want[0]); got != want {
			t.Errorf("%s: difference %s, want %s", row[0], got, want)
		}
	}
	if found != 7 || sum[0] != 22600 {
		t.Errorf("%d totals, the months add up to %d, want 7 and 22600", found, sum[0])
	}
}

func TestBar(t *testing.T) {
	for _, test := range []struct {
		letters letters
		x, most string
		width   int
		want    string
	}{
		{blockLetters, "10", "10", 4, "████"},
		{blockLetters, "5", "10", 4, "██"},
		{blockLetters, "1", "32", 4, "▏"},
		{blockLetters, "9", "32", 4, "█▏"},
		{blockLetters, "0", "10", 4, ""},
		{blockLetters, "0", "0", 4, ""},
		{blockLetters, "-6", "10", 5, "▒▒▒"},
		{asciiLetters, "10", "10", 4, "####"},
		{asciiLetters, "3", "10", 4, "#"},
		{asciiLetters, "-10", "10", 4, "----"},
	} {
		x, _ := exact.Parse(test.x)
		most, _ := exact.Parse(test.most)
		if got := test.letters.bar(x, most, test.width); got != test.want {
			t.Errorf("%s of %s in %d: %q, want %q", test.x, test.most, test.width, got, test.want)
		}
	}
}

// The chart keeps to the width of the terminal, as far as that has room.
func TestChartWidth(t *testing.T) {
	statement := func(period string, from record.Time, total record.Decimal) simulated {
		return simulated{&record.Statement{Period: period, From: from, Until: from + 1, Subtotal: total, Total: total, CarriedIn: "0.00", CarriedOut: "0.00"}, false, 0}
	}
	x := &comparison{past: &past{}, currency: "EUR", runs: []*simulation{
		{name: "one", terms: new(terms.Terms), statements: []simulated{statement("2026-03", 1, "8.00"), statement("2026-04", 2, "-2.00")}},
		{name: "zwei", terms: new(terms.Terms), statements: []simulated{statement("2026-03", 1, "4.00")}},
	}}
	for _, width := range []int{20, 40, 80} {
		var b strings.Builder
		x.writeChart(&b, x.blocks(), width, asciiLetters)
		longest := 0
		for line := range strings.Lines(b.String()) {
			longest = max(longest, len(strings.TrimSuffix(line, "\n")))
		}
		if want := max(width, 35) - 2; longest < want-4 || longest > want+2 {
			t.Errorf("width %d: the longest line has %d\n%s", width, longest, b.String())
		}
	}
	var b strings.Builder
	x.writeChart(&b, x.blocks(), 40, asciiLetters)
	const want = `
total by period, EUR
2026-03  one   ################## 8.00
         zwei  ######### 4.00
2026-04  one   ----- -2.00
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
