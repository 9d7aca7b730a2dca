package mapping

import (
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// A time from several columns, conditions that must all hold, a group that
// has the time of its first row, actions, and a metric that the rows name.
const desk = `
format: csv
time: {text: "{d} {m} {y}", layout: "D Mon YY", offset: "+00:00"}
leave_out: {all: [{field: kind, equals: note}, {not: {field: who, present: true}}]}
outcome:
  rows: {field: kind, equals: mail}
  result: answered
  id: "answered/{case}"
  case: "{case}"
  group: {by: case, rows: contiguous, at: first}
  facts: {value: {sum: {field: n}}}
reverse:
  rows: {all: [{field: kind, equals: back}, {field: n, above: 0}, {field: n, below: 9}]}
  id: "back/{case}/{#}"
  cause: reopened
  of: "answered/{case}"
  unmatched: {metric: "back/{case}", value: {field: n}}
measurement:
  rows: {field: kind, equals: meter}
  id: "meter/{#}"
  metric: "use/{who}"
  case: "meter/{case}"
  subject: "{who}"
  lasts: 1d
  value: {field: n, times: 1000, round: {mode: half_even, decimals: 1}, negate: true}
action:
  rows: {field: kind, equals: call}
  id: "call/{#}"
  case: "{case}"
  actor: "{who}"
  resource: "line/{who}"
  action: call
  effect: communicate
  amount: {field: n}
  currency: EUR
`

const deskHead = "d,m,y,kind,case,who,n\n"

func TestSections(t *testing.T) {
	m := parse(t, desk)
	got, counts, err := read(t, m, deskHead+`9,may,08,mail,A,,2
11,may,08,mail,A,,3
10,MAY,08,call,A,bot,0.10
1,jun,08,meter,7,main,7.00025
12,may,08,back,A,,1
1,jan,08,back,B,,1
1,jan,08,note,B,,
`, forever)
	const want = `line 3, outcome: answered/A 2008-05-09T00:00:00.000Z case A answered value="5"
line 4, action: call/1 2008-05-10T00:00:00.000Z case A
line 5, measurement: meter/1 2008-06-01T00:00:00.000Z case meter/7 subject main use/main -7000.2 to 2008-06-02T00:00:00.000Z
line 6, full reversal: back/A/1 2008-05-12T00:00:00.000Z case A of answered/A reopened
line 7, unmatched: back/B/1 2008-01-01T00:00:00.000Z back/B 1 to 2008-01-01T00:00:00.001Z
`
	if err != nil || got != want || counts != (Counts{Rows: 7, LeftOut: 1}) {
		t.Errorf("got %+v (%v)\n%swant\n%s", counts, err, got, want)
	}
	_, _, err = read(t, m, deskHead+"9,may,08,mail,A,,2\n8,may,08,back,A,,1\n", forever)
	wantError(t, err, "line 3: takes back answered/A, which is of 2008-05-09T00:00:00.000Z, at 2008-05-08T00:00:00.000Z before it")
	_, _, err = read(t, m, deskHead+"9,may,08,back,A,,9\n", forever)
	wantError(t, err, "line 2: the row is of no section of the mapping, want one, or leave_out")
	_, _, err = read(t, m, deskHead+"09,may,08,back,A,,1\n", forever)
	wantError(t, err, `line 2: d, m, y: time "09 may 08" is not of the form D Mon YY`)
	_, _, err = read(t, m, deskHead+"9,,08,back,A,,1\n", forever)
	wantError(t, err, "line 2: m is empty")
	_, _, err = read(t, m, deskHead+"9,may,08,call,A,bot,x\n", forever)
	wantError(t, err, `line 2: amount: n: "x" is not a decimal`)
	_, _, err = read(t, m, deskHead+"9,may,08,call,A,,1\n", forever)
	wantError(t, err, "line 2: who is empty")

	reading, err := m.Read(strings.NewReader(deskHead+"10,may,08,call,A,bot,0.10\n"), forever)
	if err != nil {
		t.Fatal(err)
	}
	for item, err := range reading.Records() {
		if err != nil {
			t.Fatal(err)
		}
		a, ok := item.Record.Body.(*record.Action)
		if !ok || a.Action != "call" || a.Effect != "communicate" || a.Status != "executed" || a.Amount != "0.1" || a.Currency != "EUR" || a.Resource != "line/bot" || item.Record.Actor != "bot" {
			t.Errorf("got %+v", item.Record)
		}
	}
}

func TestSectionMistakes(t *testing.T) {
	_, err := Parse([]byte(`format: csv
time: {text: "{a}{#}", layout: "D-M-Y", offset: "+00:00"}
leave_out: {all: [{field: a, equals: x}], not: {field: b, equals: y}}
action:
  rows: all
  id: "{a}"
  action: call
  effect: answer
  amount: {test: {field: n, present: true}, times: 2}
measurement:
  rows: {all: {field: a}}
  id: "m/{#}"
  metric: "m/{#}"
  value: {field: n, round: {mode: nearest, decimals: 19, to: 1}}
`))
	wantError(t, err, `mapping: line 2: time.text: {#} goes into an id, once
mapping: line 2: time.layout: "D-M-Y", want rfc3339, or year, month and day (YYYY or YY; MM, M or Mon; DD or D) with hh or h, mm, ss and .sss as far as the times have them
mapping: line 3: leave_out.all: unknown field
mapping: line 11: measurement.rows.all: want a list, got fields
mapping: line 13: measurement.metric: {#} goes into an id, once
mapping: line 14: measurement.value.round.mode: "nearest", want half_up or half_even or down or up
mapping: line 14: measurement.value.round: decimals: "19", want a number from 0 to 18
mapping: line 14: measurement.value.round.to: unknown field
mapping: line 4: action: case is not given
mapping: line 8: action.effect: "answer", want read or write or commit or communicate
mapping: line 9: action.amount: times goes with field or product
mapping: line 9: action.amount: want a number
mapping: line 4: action: currency is not given`)
	_, err = Parse([]byte("format: csv\ntime: {start: \"2026-01-01T00:00:00.000Z\", step: 1s}\nleave_out: {all: [{field: a, equals: x}]}\nmeasurement: {rows: all, id: \"m/{a}\", metric: m, value: {field: b}}\n"))
	wantError(t, err, "mapping: line 3: leave_out.all: want two conditions or more, got 1")
}

// What an agreement says of a metric is compared before a row is read.
func TestCheckMetric(t *testing.T) {
	const meter = `format: csv
time: {start: "2026-01-01T00:00:00.000Z", step: 1h}
measurement:
  rows: all
  id: "use/{#}"
  metric: use
  value: {field: kwh}
  fields:
    site: {field: site}
    late: {test: {field: kwh, above: 3}}
    factor: {product: [kwh, kwh]}
`
	const results = `"results":`
	metric := func(text string) []string { return []string{results, `"metrics":{` + text + `},` + results} }
	for _, test := range []struct {
		mapping string
		terms   []string
		want    string
	}{
		{meter, nil, ""}, // not declared: it carries no money
		{meter, metric(`"use":{"by":["v"],"facts":{"site":"text","late":"bool","factor":"decimal"},"final_after":"60d"}`), ""},
		{meter, metric(`"use":{"by":["c"],"facts":{"site":"text","late":"decimal","factor":"bool"},"final_after":"60d"}`), `mapping: line 3: measurement: metric "use" is not for v to measure, but for c
mapping: line 11: measurement.fields.factor: is a number, but the agreement says bool
mapping: line 10: measurement.fields.late: is true or false, but the agreement says decimal`},
		{meter, metric(`"use":{"by":["v"],"facts":{"site":"text","late":"bool"},"final_after":"60d"}`), `mapping: line 11: measurement.fields.factor: metric "use" has no such fact`},
		{strings.Replace(meter, "metric: use", `metric: "{site}"`, 1), metric(`"use":{"by":["c"],"final_after":"60d"}`), ""},
	} {
		m, err := Parse([]byte(test.mapping))
		if err != nil {
			t.Fatal(err)
		}
		err = m.CheckTerms(draft(t, test.terms...))
		if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
	}
}

// A number that a settlement gives no value is refused where a measure reads it.
func TestCounted(t *testing.T) {
	shop := mappingFile(t, "online_retail.yaml")
	const header = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
	for _, test := range []struct {
		price string
		terms []string
		want  string
	}{
		{"999999999999.999999999999", nil, ""},
		{"0.1234567890123", []string{`"quantity":"value",`, ""}, ""}, // nothing reads it
		{"0.1234567890123", nil, "line 2: fact value: got 0.1234567890123, want at most 19 digits before the point and 12 after it: it would count for nothing"},
		{"0.1234567890123", []string{`"quantity":"value",`, "", `{"count":"order",`, `{"sum":"order.value",`},
			"line 2: fact value: got 0.1234567890123, want at most 19 digits before the point and 12 after it: it would count for nothing"},
		{"12345678901234567890", nil, "line 2: fact value: got 12345678901234567890, want at most 19 digits before the point and 12 after it: it would count for nothing"},
	} {
		text := shop
		if len(test.terms) > 0 {
			text = strings.Replace(shop, "  reduces: {product: [Quantity, UnitPrice], negate: true}\n", "", 1)
		}
		m, err := Parse([]byte(text))
		if err == nil {
			err = m.CheckTerms(draft(t, test.terms...))
		}
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = read(t, m, header+"1,a,1,2026-03-01 08:00:00,"+test.price+",9\n", forever)
		if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.price, err, test.want)
		}
	}

	const meter = `format: csv
time: {start: "2026-01-01T00:00:00.000Z", step: 1h}
measurement: {rows: all, id: "use/{#}", metric: use, value: {field: kwh}}
`
	m, err := Parse([]byte(meter))
	if err == nil {
		err = m.CheckTerms(draft(t, `"results":`, `"metrics":{"use":{"by":["v"],"final_after":"60d"}},"results":`,
			`"measures":{`, `"measures":{"used":{"max":"metric/use.value","over":"period","missing":{"then":"hold"}},`))
	}
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = read(t, m, "kwh\n0.1234567890123\n", forever)
	wantError(t, err, "line 2: value: got 0.1234567890123, want at most 19 digits before the point and 12 after it: it would count for nothing")
}
