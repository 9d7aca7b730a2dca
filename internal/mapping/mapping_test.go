package mapping

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

const forever = record.Time(math.MaxInt64)

// parse returns a mapping as it is after CheckTerms, with a result whose
// quantity is value.
func parse(t testing.TB, text string) *Mapping {
	t.Helper()
	m, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m.operator, m.quantity, m.checked = "vendor", "value", 1
	return m
}

// read returns the records as text, one a line, and the error.
func read(t testing.TB, m *Mapping, text string, until record.Time) (string, Counts, error) {
	t.Helper()
	r, err := m.Read(strings.NewReader(text), until)
	if err != nil {
		return "", Counts{}, err
	}
	var b strings.Builder
	for item, err := range r.Records() {
		if err != nil {
			return b.String(), r.Counts, err
		}
		fmt.Fprintf(&b, "%s, %s: %s\n", item.Place, item.Class, show(item.Record))
		if line, err := record.Marshal(item.Record); err != nil || len(line) != item.Bytes {
			t.Errorf("%s: %d bytes, marshals to %d (%v)", item.Place, item.Bytes, len(line), err)
		}
	}
	return b.String(), r.Counts, nil
}

func show(r *record.Record) string {
	s := fmt.Sprintf("%s %s", r.ID, r.At)
	if r.Case != "" {
		s += " case " + r.Case
	}
	switch b := r.Body.(type) {
	case *record.Outcome:
		return s + " " + b.Result + facts(b.Facts)
	case *record.Reverse:
		return strings.TrimSuffix(fmt.Sprintf("%s of %s %s %s", s, b.Of, b.Cause, b.Quantity), " ")
	case *record.Measurement:
		return fmt.Sprintf("%s %s %s to %s%s", s, b.Metric, b.Value, b.Until, facts(b.Fields))
	}
	return s
}

func facts(list record.Facts) string {
	var s string
	for _, f := range list {
		if f.Value.IsBool {
			s += fmt.Sprintf(" %s=%t", f.Name, f.Value.Bool)
		} else {
			s += fmt.Sprintf(" %s=%q", f.Name, f.Value.Text)
		}
	}
	return s
}

func mappingFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../testdata/mappings", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestShop(t *testing.T) {
	text := mappingFile(t, "online_retail.yaml")
	// Invoice 2 stands apart; customer 9's pen is sold twice, and of the
	// latest one 4 are left after the first cancellation.
	const rows = `InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,pen,"PEN, BLUE",5,2026-03-01 08:00:00,1.10,9,UK
2,cup,CUP,1,2026-03-01 08:01:00,2.125,8,UK
1,cup,CUP,1,2026-03-01 08:02:00,2.5,9,UK
2,cup,CUP,2,2026-03-01 08:03:00,2.125,8,UK
3,pen,PEN,6,2026-03-02 08:00:00,1.10,9,UK
C1,pen,PEN,-2,2026-03-03 08:00:00,1.10,9,UK
C1,pen,PEN,-5,2026-03-03 08:00:00,1.10,9,UK
C2,pen,PEN,-4,2026-03-03 08:01:00,1.10,9,UK
C3,pen,PEN,-1,2026-03-03 08:02:00,1.10,9,UK
C4,cup,CUP,-1,2026-03-03 08:03:00,2.125,,UK
C5,cup,CUP,-1,2026-03-03 08:04:00,2.50,9,UK
`
	const want = `line 4, outcome: order/1 2026-03-01T08:02:00.000Z case order/1 order value="8"
line 5, outcome: order/2 2026-03-01T08:03:00.000Z case order/2 order value="6.375"
line 6, outcome: order/3 2026-03-02T08:00:00.000Z case order/3 order value="6.6"
line 7, partial reversal: cancellation/C1/1 2026-03-03T08:00:00.000Z case order/3 of order/3 cancelled 2.2
line 8, partial reversal: cancellation/C1/2 2026-03-03T08:00:00.000Z case order/1 of order/1 cancelled 5.5
line 9, full reversal: cancellation/C2/1 2026-03-03T08:01:00.000Z case order/3 of order/3 cancelled
line 10, unmatched: cancellation/C3/1 2026-03-03T08:02:00.000Z cancelled_without_sale 1.1 to 2026-03-03T08:02:00.001Z article="pen"
line 11, unmatched: cancellation/C4/1 2026-03-03T08:03:00.000Z cancelled_without_sale 2.125 to 2026-03-03T08:03:00.001Z article="cup"
line 12, unmatched: cancellation/C5/1 2026-03-03T08:04:00.000Z cancelled_without_sale 2.5 to 2026-03-03T08:04:00.001Z article="cup"
`
	got, counts, err := read(t, parse(t, text), rows, forever)
	if err != nil || got != want {
		t.Errorf("got\n%swant\n%s(%v)", got, want, err)
	}
	if counts != (Counts{Rows: 11}) {
		t.Errorf("counts %+v", counts)
	}

	// Without using up, the latest line with 5 or more is invoice 3's each
	// time, and more is taken of it than it had.
	m := parse(t, strings.Replace(text, "until_used_up", "any_number_of_times", 1))
	got, _, err = read(t, m, rows, forever)
	if err != nil || strings.Count(got, " of order/3 cancelled") != 4 || !strings.Contains(got, "C1/2 2026-03-03T08:00:00.000Z case order/3 of order/3 cancelled 5.5\n") {
		t.Errorf("any number of times: got\n%s(%v)", got, err)
	}

	// Up to each instant a prefix is given, and the rest is counted.
	all := strings.SplitAfter(strings.TrimSuffix(want, "\n"), "\n")
	for i := range all {
		at, err := record.ParseTime(all[i][strings.Index(all[i], "2026-"):][:24])
		if err != nil {
			t.Fatal(err)
		}
		n := strings.Count(want[:strings.Index(want, at.String())], "\n")
		got, counts, err := read(t, parse(t, text), rows, at)
		if err != nil || got != strings.Join(all[:n], "") || counts.Later != int64(len(all)-n) {
			t.Errorf("until %s: got %d later and\n%s(%v)", at, counts.Later, got, err)
		}
	}
}

func TestContiguous(t *testing.T) {
	text := strings.Replace(mappingFile(t, "online_retail.yaml"), "rows: anywhere", "rows: contiguous", 1)
	const header = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
	got, _, err := read(t, parse(t, text), header+
		"1,a,1,2026-03-01 08:00:00,2,9\n1,b,1,2026-03-01 08:00:00,3,9\nC1,b,-1,2026-03-01 08:00:00,3,9\n2,b,1,2026-03-01 08:00:00,3,9\n", forever)
	const want = `line 3, outcome: order/1 2026-03-01T08:00:00.000Z case order/1 order value="5"
line 4, partial reversal: cancellation/C1/1 2026-03-01T08:00:00.000Z case order/1 of order/1 cancelled 3
line 5, outcome: order/2 2026-03-01T08:00:00.000Z case order/2 order value="3"
`
	if err != nil || got != want {
		t.Errorf("got\n%swant\n%s(%v)", got, want, err)
	}
	_, _, err = read(t, parse(t, text), header+
		"1,a,1,2026-03-01 08:00:00,2,9\n2,b,1,2026-03-01 08:00:00,3,9\n1,b,1,2026-03-01 08:00:00,3,9\n", forever)
	wantError(t, err, "line 4: InvoiceNo 1 is here again, and ended at line 2: rows of a group stand side by side, or the mapping says anywhere")
}

func TestRuns(t *testing.T) {
	m := parse(t, mappingFile(t, "tau_retail.yaml"))
	got, counts, err := read(t, m, `[
{"task_id": 0, "reward": 1.0, "traj": [{"role": "user"}, {"tool_calls": null}, {"tool_calls": [{"function": {"name": "x", "arguments": {"a": [1e400]}}}]}]},
{"task_id": 1, "reward": 0.99, "traj": [{"tool_calls": [{"function": {"name": "x"}}, {"function": {"name": "transfer_to_human_agents"}}]}]},
{"task_id": 2, "reward": 1, "traj": []}
]
`, forever)
	const want = `row 1, outcome: run/0 2025-06-01T08:00:00.000Z case task/0 resolved solved=true transferred=false
row 2, outcome: run/1 2025-06-01T08:01:00.000Z case task/1 resolved solved=false transferred=true
row 3, outcome: run/2 2025-06-01T08:02:00.000Z case task/2 resolved solved=true transferred=false
`
	if err != nil || got != want || counts.Rows != 3 {
		t.Errorf("got\n%swant\n%s(%v)", got, want, err)
	}
	if _, _, err := read(t, m, "[]", forever); err != nil {
		t.Errorf("an empty array: %v", err)
	}
}

// Every construct that the two mappings above do not have.
func TestConstructs(t *testing.T) {
	m := parse(t, `
format: jsonl
backfilled: true
time: {field: t.at, layout: rfc3339}
leave_out: {field: kind, equals: noise}
outcome:
  rows: {field: kind, equals: close}
  result: closed
  id: "close/{case}/{#}"
  case: "case/{case}"
  actor: "{agent}"
  subject: "{who}"
  facts:
    calls: {count: {field: "calls[].name", prefix: get_}}
    ok: {field: ok}
    team: {field: team, optional: true}
    channel: {constant: chat}
    sure: {constant: true}
    cost: {field: cost, negate: true}
    value: {constant: 1.50}
    late: {test: {not: {field: minutes, at_most: 30}}}
    long: {test: {field: minutes, above: 90}}
    short: {test: {field: minutes, below: 45.0}}
    named: {test: {field: team, present: true}}
reverse:
  rows: {field: kind, equals: reopen}
  id: "reopen/{case}/{#}"
  actor: desk
  cause: reopened
  of: "close/{case}/1"
  unmatched: {metric: reopened_unknown, value: {constant: 1}, method: desk log}
measurement:
  rows: {field: kind, equals: meter}
  id: "meter/{#}"
  metric: usage
  lasts: 15m
  value: {product: [kwh, factor]}
  fields: {site: {field: site}}
`)
	got, counts, err := read(t, m, `{"kind":"close","case":7,"agent":"bot","who":"u1","t":{"at":"2026-03-01T09:00:00+01:00"},"calls":[{"name":"get_a"},{"name":"set"},{"name":"get_b"},{}],"ok":true,"cost":0.30,"minutes":60}
{"kind":"noise"}
{"kind":"reopen","case":7,"t":{"at":"2026-03-01T08:00:00.5Z"}}
{"kind":"reopen","case":8,"t":{"at":"2026-03-01T08:00:01Z"}}
{"kind":"close","case":7,"agent":"bot","who":"u1","t":{"at":"2026-03-01T08:00:02Z"},"calls":[],"ok":false,"cost":0,"minutes":1e1,"team":"a\"b"}
`, forever)
	wantError(t, err, `line 5: fact late: minutes: "1e1" is not a decimal`)
	const first = `line 1, outcome: close/7/1 2026-03-01T08:00:00.000Z case case/7 closed calls="2" channel="chat" cost="-0.3" late=true long=false named=false ok=true short=false sure=true value="1.50"
line 3, full reversal: reopen/7/1 2026-03-01T08:00:00.500Z case case/7 of close/7/1 reopened
line 4, unmatched: reopen/8/1 2026-03-01T08:00:01.000Z reopened_unknown 1 to 2026-03-01T08:00:01.001Z
`
	if got != first || counts != (Counts{Rows: 5, LeftOut: 1}) {
		t.Errorf("got %+v\n%swant\n%s", counts, got, first)
	}
	got, _, err = read(t, m, `{"kind":"meter","t":{"at":"2026-03-01T08:00:00Z"},"kwh":"2.5","factor":0.4,"site":"a"}
{"kind":"meter","t":{"at":"2026-03-01T08:15:00Z"},"kwh":-1,"factor":3,"site":"a"}
`, forever)
	const meter = `line 1, measurement: meter/1 2026-03-01T08:00:00.000Z usage 1 to 2026-03-01T08:15:00.000Z site="a"
line 2, measurement: meter/2 2026-03-01T08:15:00.000Z usage -3 to 2026-03-01T08:30:00.000Z site="a"
`
	if err != nil || got != meter {
		t.Errorf("got\n%swant\n%s(%v)", got, meter, err)
	}
	r, err := m.Read(strings.NewReader(`{"kind":"close","case":7,"agent":"bot","who":"u1","t":{"at":"2026-03-01T08:00:02Z"},"calls":[],"ok":false,"cost":0,"minutes":10,"team":"desk"}`), forever)
	if err != nil {
		t.Fatal(err)
	}
	for item, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if r := item.Record; r.By != "vendor" || r.Actor != "bot" || r.Subject != "u1" || !r.Backfilled {
			t.Errorf("got %+v", r)
		}
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got error %v\nwant      %s", err, want)
	}
}

func TestBadRows(t *testing.T) {
	shop := mappingFile(t, "online_retail.yaml")
	runs := mappingFile(t, "tau_retail.yaml")
	const header = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
	const at = "2026-03-01 08:00:00"
	for _, test := range []struct{ mapping, rows, want string }{
		{shop, "", "no header line"},
		{shop, "InvoiceNo,InvoiceNo\n", `line 1: two columns are named "InvoiceNo"`},
		{shop, "a,b\n", `line 1: no column "InvoiceDate", which the mapping names in line 4; there are a, b`},
		{shop, header + "1,a\n", "line 2: another number of columns than the header line"},
		{shop, header + "1,a,1," + at + ",2,9\n1,\"a,1," + at + ",2,9\n", "line 3: quotation mark in column 32 out of place"},
		{shop, header + "1,a,1," + at + ",2,9\n1,a\"b,1," + at + ",2,9\n", "line 3: quotation mark in column 4 out of place"},
		{shop, header + ",a,1," + at + ",2,9\n", "line 2: InvoiceNo is empty"},
		{shop, header + "1 2,a,1," + at + ",2,9\n", `line 2: record: case: got "order/1 2", want an id: a letter or digit, then letters, digits and ._:/- to 128 bytes`},
		{shop, header + "1,a,1e3," + at + ",2,9\n", `line 2: fact value: Quantity: "1e3" is not a decimal`},
		{shop, header + "1,a,," + at + ",2,9\n", "line 2: fact value: Quantity is empty, want a number"},
		{shop, header + "1,a,1,2026-03-01 08:00,2,9\n", `line 2: InvoiceDate: time "2026-03-01 08:00" is not of the form YYYY-MM-DD hh:mm:ss`},
		{shop, header + "1,a,1,2026-02-29 08:00:00,2,9\n", `line 2: InvoiceDate: time "2026-02-29 08:00:00" does not exist`},
		{shop, header + "1,a,1,2026-03-01 8:00:000,2,9\n", `line 2: InvoiceDate: time "2026-03-01 8:00:000" is not of the form YYYY-MM-DD hh:mm:ss`},
		{shop, header + "1,a,1,1969-12-31 23:59:59,2,9\n", `line 2: InvoiceDate: time "1969-12-31 23:59:59" is outside 1970 to 9999`},
		{shop, header + "1,a,1," + at + ",2,9\n2,a,1,2026-03-01 07:59:59,2,9\n", "line 3: time 2026-03-01T07:59:59.000Z is before 2026-03-01T08:00:00.000Z of line 2: rows to reverse need the file in the order of time"},
		{shop, header + "C1,a,1," + at + ",2,9\n", "line 2: takes: -1, want more than 0"},
		{shop, header + "1,a,1," + at + ",0,9\nC1,a,-1," + at + ",0,9\n", "line 3: reduces order/1 by 0, want more than 0"},
		{strings.Replace(shop, "value: {sum:", "value: {same: {field: CustomerID}}\n    v: {sum:", 1), header + "1,a,1," + at + ",2,9\n1,a,1," + at + ",2,8\n", "line 3: fact value is 8, but 9 in the rows of InvoiceNo 1 before"},
		{strings.Replace(shop, `case: "order/{InvoiceNo}"`, `case: "customer/{CustomerID}"`, 1), header + "1,a,1," + at + ",2,9\n1,a,1," + at + ",2,8\n", "line 3: case is customer/8, but customer/9 in the rows of InvoiceNo 1 before"},
		{strings.Replace(shop, "not: {field: InvoiceNo, prefix: C}", "field: InvoiceNo, prefix: O", 1), header + "1,a,1," + at + ",2,9\n", "line 2: the row is of no section of the mapping, want one, or leave_out"},
		{strings.Replace(shop, "rows: {not: {field: InvoiceNo, prefix: C}}", "rows: all", 1), header + "C1,a,-1," + at + ",2,9\n", "line 2: the row is of 2 sections of the mapping (outcome, reverse), want one"},
		{strings.Replace(shop, "/{#}", "", 1), header + "C1,a,-1," + at + ",2,9\nC1,a,-1," + at + ",2,9\n", "line 3: id cancellation/C1 was given at line 2 already"},
		{runs, "", "ends within the JSON"},
		{runs, `{"task_id":1}`, "want one JSON array of objects; for an object a line the format is jsonl"},
		{runs, `[1]`, "row 1: want an object"},
		{runs, `[{"task_id":1,"task_id":2}]`, `row 1: not JSON at byte 14: duplicate object member name`},
		{runs, `[{"task_id":1,"reward":1,"traj":[]}`, "row 2: ends within the JSON"},
		{runs, `[{"task_id":1,"reward":1,"traj":[]}] 2`, "text after the end of the array"},
		{runs, `[{"task_id":1,"reward":1,"traj":[]},`, "row 2: ends within the JSON"},
		{runs, `[{"task_id":1,"reward":null,"traj":[]}]`, "row 1: fact solved: reward is absent"},
		{runs, `[{"task_id":1,"reward":[1],"traj":[]}]`, "row 1: fact solved: reward is an object or array, want one value"},
		{runs, `[{"task_id":{},"reward":1,"traj":[]}]`, "row 1: task_id is an object or array, want one value"},
		{runs, `[{"task_id":1,"reward":1,"traj":{}}]`, "row 1: fact transferred: traj[].tool_calls[].function.name: no array where [] stands"},
		{runs, `[{"task_id":1,"reward":1,"traj":[1]}]`, "row 1: fact transferred: traj[].tool_calls[].function.name: no object at tool_calls"},
		{strings.Replace(runs, "json", "jsonl", 1), "{}\n\n", "line 1: task_id is empty"},
		{strings.Replace(runs, "json", "jsonl", 1), "{\"task_id\":1,\"reward\":1}\n\n", "line 2: ends within the JSON"},
		{strings.Replace(runs, "json", "jsonl", 1), "{} {}\n", "line 1: text after the object"},
		{strings.Replace(runs, "json", "jsonl", 1), "[]\n", "line 1: want an object"},
	} {
		m := parse(t, test.mapping)
		got, _, err := read(t, m, test.rows, forever)
		if m.Holds() && got != "" {
			t.Errorf("%q gives records before it is refused:\n%s", test.rows, got)
		}
		if err == nil || err.Error() != test.want {
			t.Errorf("%q\n got %v\nwant %s", test.rows, err, test.want)
		}
	}
}

// An endless row is refused before it fills the memory.
func TestLongRow(t *testing.T) {
	for name, front := range map[string]string{"online_retail.yaml": "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n\"", "tau_retail.yaml": `[{"a":"`} {
		m := parse(t, mappingFile(t, name))
		endless := io.MultiReader(strings.NewReader(front), zeros{})
		r, err := m.Read(endless, forever)
		if err != nil {
			t.Fatal(err)
		}
		for _, err = range r.Records() {
		}
		if err == nil || !errors.Is(err, errLongRow) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestMistakes(t *testing.T) {
	for _, test := range []struct{ mapping, want string }{
		{"", "mapping: 0 YAML documents, want 1"},
		{"format: csv\n---\nformat: csv\n", "mapping: 2 YAML documents, want 1"},
		{"[", "mapping: not YAML: [1:1] sequence end token ']' not found"},
		{"format: csv\nformat: csv", `mapping: not YAML: [2:1] mapping key "format" already defined at [1:1]`},
		{"format: &a csv\n", "mapping: line 1: anchor in YAML is not understood here: write it out"},
		{"format:\n", "mapping: line 1: format has no value"},
		{"5", "mapping: line 1: want fields, got text"},
		{"format: xml\ntime: {start: 2026-03-01T08:00:00.000Z, step: 1m, layout: x}\nextra: 1\noutcome:\n  rows: some\n", `mapping: line 1: format: "xml", want csv or json or jsonl
mapping: line 2: time.layout: unknown field
mapping: line 5: outcome.rows: "some", want all or a condition
mapping: line 4: outcome: result is not given
mapping: line 4: outcome: id is not given
mapping: line 4: outcome: case is not given
mapping: line 4: outcome: facts is not given
mapping: line 3: extra: unknown field`},
		{"format: csv\nseparator: ab\ntime: {field: a, layout: DD.MM, offset: 1}\n", `mapping: line 2: separator: "ab", want one character
mapping: line 3: time.layout: "DD.MM", want rfc3339, or YYYY, MM and DD with hh, mm, ss and .sss as far as the times have them
mapping: line 3: time.offset: "1", want the offset from UTC like +01:00
mapping: line 1: want outcome or measurement`},
		{`format: json
time: {start: "2026-03-01", step: 0s}
backfilled: false
outcome:
  rows: {field: "a[].b", equals: 1}
  result: r
  id: "{a"
  case: "a}"
  facts:
    a: {field: x, constant: y}
    b: {count: {field: "z[]"}}
    c: {test: {field: n, above: x}}
    d: {product: [a]}
    e: {constant: 1, negate: true}
    f: {sum: {field: q}}
    g: {field: "m..n"}
    h: {field: "p[]"}
reverse:
  rows: all
  id: "{#}{#}"
  cause: lost
`, `mapping: line 3: backfilled: want true, or leave it away
mapping: line 2: time.start: time "2026-03-01" is not of the form 2026-03-01T08:00:00.000Z
mapping: line 2: time.step: "0s", want a length of time like 90s, 15m, 24h or 1d
mapping: line 5: outcome.rows: a[].b has many values: say any
mapping: line 7: outcome.id: { without a field and } in "{a"
mapping: line 8: outcome.case: } without { in "a}"
mapping: line 10: outcome.facts.a: want one of constant, field, product, count, test; got constant, field
mapping: line 11: outcome.facts.b.count: want one of equals, prefix, present, above, below, at_least, at_most
mapping: line 12: outcome.facts.c.test.above: "x" is not a decimal
mapping: line 13: outcome.facts.d.product: want two fields, got 1
mapping: line 14: outcome.facts.e: negate goes with field or product
mapping: line 15: outcome.facts.f: want one of constant, field, product, count, test; got none
mapping: line 15: outcome.facts.f.sum: unknown field
mapping: line 17: outcome.facts.h.field: p[] has many values: say count, or any in a test
mapping: line 20: reverse.id: {#} goes into an id, once
mapping: line 21: reverse.cause: "lost", want reopened or reversed or cancelled
mapping: line 18: reverse: want one of: of (the id of the outcome), match (a row of it)
mapping: line 18: reverse: unmatched is not given
mapping: line 16: outcome.facts.g.field: "m..n" is no path: want names joined by dots, with [] after the name of an array`},
		{`format: csv
time: {field: a, layout: rfc3339, offset: "+00:00"}
outcome:
  rows: all
  result: r
  id: "{a}/{#}"
  case: "{a}"
  group: {by: a, rows: sorted}
  facts:
    a: {field: x}
    b: {sum: {test: {field: x, present: true}}}
    c: {sum: {field: x, optional: true}}
reverse:
  rows: {not: {not: {field: x, equals: 1, prefix: 2}}}
  id: "{a}"
  cause: reversed
  match: {same: [], line: {constant: a}, takes: {field: x}, lines_match: always, pick: first}
  unmatched: {metric: m, value: {field: a, optional: true}, lasts: 1w}
`, `mapping: line 2: time.offset: each time of layout rfc3339 has its own
mapping: line 8: outcome.group.rows: "sorted", want contiguous or anywhere
mapping: line 6: outcome.id: {#} counts rows, but a group has many
mapping: line 10: outcome.facts.a: want sum (of the group's rows) or same (in all of them)
mapping: line 10: outcome.facts.a.field: unknown field
mapping: line 11: outcome.facts.b: only numbers have a sum
mapping: line 12: outcome.facts.c: a sum needs the number of every row
mapping: line 14: reverse.rows.not.not.prefix: want one comparison, got equals and prefix
mapping: line 17: reverse.match.same: names no field
mapping: line 17: reverse.match.line: want a number
mapping: line 17: reverse.match.lines_match: "always", want until_used_up or any_number_of_times
mapping: line 17: reverse.match.pick: "first", want latest
mapping: line 18: reverse.unmatched.lasts: "1w", want a length of time like 15m, 24h or 1d
mapping: line 18: reverse.unmatched.value: want a number`},
	} {
		_, err := Parse([]byte(test.mapping))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s\n got %v\nwant %s", test.mapping, err, test.want)
		}
	}
	_, err := Parse(make([]byte, MaxMappingBytes+1))
	wantError(t, err, "mapping has 32769 bytes, at most 32768")
	_, err = Parse([]byte(strings.Repeat("- ", 34) + "a"))
	wantError(t, err, "mapping: line 1: nested deeper than 32")
}

// draft returns terms with the changes made.
func draft(t *testing.T, changes ...string) *terms.Terms {
	t.Helper()
	const text = `{"title":"t","parties":{"v":{"role":"vendor","name":"v","keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrMS8Hptw8SGoYXvc4UzWB9jqlexb39YeWgrcHevl5v"]},"c":{"role":"client","name":"c","keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN5/5miczMMpyyPHwjEoK/91q6PoKMgt2KlMNPPw4mVP"]}},
"currency":"EUR","scale":2,"rounding":{"mode":"half_up","at":"line"},"calendar":{"zone":"UTC","period":"month","offsets":[{"from":"2026-01-01T00:00:00.000Z","minutes":0}]},
"effective":{"from":"2026-01-01T00:00:00.000Z","until":"2027-01-01T00:00:00.000Z"},"record_delay":"unlimited","skew":"0s","backfill":"refuse",
"results":{"order":{"facts":{"value":"decimal","lines":"decimal","paid":"bool"},"quantity":"value","once_per":"case","claim":["v"],"accept":{"on":"claim"},"dispute":"none","reopen":"none","escalation":"ignore","lock":"0s","billed_at":"occurred","final_after":"60d"}},
"measures":{"orders":{"count":"order","over":"period"}},"lines":[{"name":"orders","of":"orders","mode":"graduated","tiers":[{"unit":"2"}]}],
"settle":{"close_after":"0s","late":"refuse","negative":"carry","corrections":"after_minimum"}}`
	canonical, mistakes := terms.Draft([]byte(strings.NewReplacer(changes...).Replace(text)), nil)
	if canonical == nil {
		t.Fatal(mistakes)
	}
	parsed, _ := terms.Parse(canonical)
	return parsed
}

func TestCheckTerms(t *testing.T) {
	shop := mappingFile(t, "online_retail.yaml")
	for _, test := range []struct {
		mapping string
		terms   []string // changes
		want    string
	}{
		{shop, nil, ""},
		{strings.Replace(shop, "result: order", "result: sale", 1), nil, `mapping: line 6: outcome: result "sale" is not in the agreement, which has order`},
		{shop, []string{`"claim":["v"]`, `"claim":["c"]`}, `mapping: line 6: outcome: result "order" is not for v to claim, but for c`},
		{shop, []string{`"value":"decimal"`, `"worth":"decimal"`, `"quantity":"value"`, `"quantity":"worth"`},
			"mapping: line 13: outcome.facts.value: result \"order\" has no such fact\nmapping: line 6: outcome: facts: worth is not given, which reversals reduce"},
		{shop, []string{`"quantity":"value",`, ""}, `mapping: line 15: reverse: reduces: result "order" has no quantity that could fall`},
		{strings.Replace(shop, "value: {sum", "value: {same: {field: CustomerID}}\n    paid: {sum", 1), nil, "mapping: line 14: outcome.facts.paid: is a number, but the agreement says bool"},
		{strings.Replace(shop, "value: {sum", "lines: {same: {test: {field: CustomerID, present: true}}}\n    value: {sum", 1), nil, "mapping: line 13: outcome.facts.lines: is true or false, but the agreement says decimal"},
		{shop, []string{`"claim":["v"]`, `"claim":["v"],"evidence":["photo"]`}, `mapping: line 6: outcome: result "order" asks for attachments, which an import has not: photo`},
		{"backfilled: true\n" + shop, nil, "mapping: backfilled is true, but the agreement says backfill: refuse"},
		{"backfilled: true\n" + shop, []string{`"backfill":"refuse"`, `"backfill":"accept"`}, ""},
	} {
		m, err := Parse([]byte(test.mapping))
		if err != nil {
			t.Fatal(err)
		}
		err = m.CheckTerms(draft(t, test.terms...))
		if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
		if err == nil && (m.operator != "v" || m.quantity != "value") {
			t.Errorf("operator %q, quantity %q", m.operator, m.quantity)
		}
	}

	// Each version is asked; those that differ where it matters are refused.
	m, err := Parse([]byte(shop))
	if err == nil {
		err = m.CheckTerms(draft(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, m.CheckTerms(draft(t, `"quantity":"value"`, `"quantity":"lines"`)),
		"mapping: line 6: outcome: facts: lines is not given, which reversals reduce\nmapping: line 15: reverse: reduces: versions of the agreement reduce \"value\" and \"lines\"")
	wantError(t, m.CheckTerms(draft(t, `"v":{`, `"w":{`, `"claim":["v"]`, `"claim":["w"]`)), "mapping: versions of the agreement name v and w as vendor")
}

func TestInstant(t *testing.T) {
	for _, test := range []struct{ layout, offset, text, want string }{
		{"YYYY-MM-DD hh:mm:ss.sss", "+00:00", "2026-03-01 08:09:10.123", "2026-03-01T08:09:10.123Z"},
		{"DD/MM/YYYY hh:mm", "+05:30", "01/03/2026 00:15", "2026-02-28T18:45:00.000Z"},
		{"MM.DD.YYYY", "-08:00", "03.01.2026", "2026-03-01T08:00:00.000Z"},
		{"ss.sss mm:hh DD MM YYYY", "+00:00", "10.123 09:08 01 03 2026", "2026-03-01T08:09:10.123Z"},
		{"YYYYMMDDThhmmss", "+00:00", "20260301T080910", "2026-03-01T08:09:10.000Z"},
		{"YYYY-MM-DD hh:mm", "+00:00", "2026-03-01 24:00", `time "2026-03-01 24:00" does not exist`},
		{"YYYY-MM-DD", "+00:00", "0000-01-01", `time "0000-01-01" is outside 1970 to 9999`},
	} {
		offset, ok := parseOffset(test.offset)
		widths, isLayout := parseLayout(test.layout)
		if !ok || !isLayout {
			t.Fatalf("%s %s", test.layout, test.offset)
		}
		got, err := clock{layout: test.layout, widths: widths, offset: offset}.instant(test.text)
		if s := got.String(); err == nil && s != test.want || err != nil && err.Error() != test.want {
			t.Errorf("%s: got %s, %v, want %s", test.text, s, err, test.want)
		}
	}
	for _, text := range []string{"", "+1:00", "+15:00", "+01:60", "01:00", "-00:00", "+01-00", "Z"} {
		if _, ok := parseOffset(text); ok {
			t.Errorf("offset %q was taken", text)
		}
	}
	for _, text := range []string{"", "YYYY", "MM-DD", "YYYY-MM-DD ss", "YYYY-MM-DD hh:ss", "YYYY-MM-DD-DD", "YYYY-MM-DD hh:mm.sss"} {
		if _, ok := parseLayout(text); ok {
			t.Errorf("layout %q was taken", text)
		}
	}
	rfc := clock{layout: "rfc3339"}
	for _, text := range []string{"2026-03-01 08:00:00", "2026-03-01T08:00:00.0001Z", ""} {
		if _, err := rfc.instant(text); err == nil {
			t.Errorf("rfc3339 %q was taken", text)
		}
	}
}

// Whatever the bytes are, reading ends with records or an error.
func FuzzRead(f *testing.F) {
	f.Add(true, []byte("InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n1,a,1,2026-03-01 08:00:00,2,9\nC1,a,-1,2026-03-01 08:00:00,2,9\n"))
	f.Add(false, []byte(`[{"task_id":1,"reward":1,"traj":[{"tool_calls":[{"function":{"name":"x"}}]}]}]`))
	shop, runs := parse(f, mappingFile(f, "online_retail.yaml")), parse(f, mappingFile(f, "tau_retail.yaml"))
	f.Fuzz(func(t *testing.T, csv bool, text []byte) {
		m := runs
		if csv {
			m = shop
		}
		// Two passes give the same: records derive from the rows.
		a, _, errA := read(t, m, string(text), forever)
		b, _, errB := read(t, m, string(text), forever)
		if a != b || (errA == nil) != (errB == nil) {
			t.Errorf("got %q, %v, then %q, %v", a, errA, b, errB)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"online_retail.yaml", "tau_retail.yaml"} {
		f.Add([]byte(mappingFile(f, name)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if m, err := Parse(text); (m == nil) == (err == nil) {
			t.Errorf("got %v, %v", m, err)
		}
	})
}

func openData(t testing.TB, name string) io.Reader {
	t.Helper()
	path := filepath.Join("../../../shared/data", name)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no %s: the sample data is not beside this checkout", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The figures are those of the data's README: 9,106 invoices, and 2,593 of
// 3,783 cancellation lines with an earlier line of the same customer, article
// and price and at least that quantity. When a line is used up by what
// cancels it, 17 fewer have one.
func TestOnlineRetail(t *testing.T) {
	text := mappingFile(t, "online_retail.yaml")
	for _, test := range []struct {
		how                      string
		full, partial, unmatched int
	}{
		{"any_number_of_times", 58, 2535, 1190},
		{"until_used_up", 58, 2518, 1207},
	} {
		m := parse(t, strings.Replace(text, "until_used_up", test.how, 1))
		r, err := m.Read(openData(t, "online_retail/lines.csv.gz"), forever)
		if err != nil {
			t.Fatal(err)
		}
		classes := map[Class]int{}
		for item, err := range r.Records() {
			if err != nil {
				t.Fatal(err)
			}
			classes[item.Class]++
		}
		if r.Counts.Rows != 209029 || classes[ClassOutcome] != 9106 || classes[ClassFull] != test.full ||
			classes[ClassPartial] != test.partial || classes[ClassUnmatched] != test.unmatched {
			t.Errorf("%s: %+v %v", test.how, r.Counts, classes)
		}
	}
}

func BenchmarkOnlineRetail(b *testing.B) {
	m := parse(b, mappingFile(b, "online_retail.yaml"))
	var rows int64
	for b.Loop() {
		r, err := m.Read(openData(b, "online_retail/lines.csv.gz"), forever)
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.Records() {
			if err != nil {
				b.Fatal(err)
			}
		}
		rows += r.Counts.Rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

// The examples of the document are the mappings of testdata.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	for i, name := range []string{"online_retail.yaml", "tau_retail.yaml"} {
		block, _, _ := strings.Cut(blocks[i], "```")
		file := mappingFile(t, name)
		if !strings.HasSuffix(file, block) {
			t.Errorf("the document and %s differ:\n%s", name, block)
		}
	}
	if len(blocks) != 2 {
		t.Errorf("%d mappings in the document, want 2", len(blocks))
	}
}
