package story

import (
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// berlin is an agreement of 2026 in Berlin, of which Parse reads the clocks only.
func berlin(t *testing.T) *terms.Terms {
	offset := func(from string, minutes int) terms.Offset {
		at, err := record.ParseTime(from)
		if err != nil {
			t.Fatal(err)
		}
		return terms.Offset{From: at, Minutes: minutes}
	}
	return &terms.Terms{Calendar: terms.Calendar{Zone: "Europe/Berlin", Offsets: []terms.Offset{
		offset("2025-12-31T23:00:00.000Z", 60), offset("2026-03-29T01:00:00.000Z", 120), offset("2026-10-25T01:00:00.000Z", 60)}}}
}

func TestParse(t *testing.T) {
	scenes, err := Parse([]byte(`[
		{"at": "2026-03-02 09:00", "every": "90s", "repeat": "3", "by": "vendor", "id": "done/{i}", "case": "t/{i}", "attach": ["log"],
		 "outcome": {"result": "resolved", "facts": {"n": "{i}.5", "solved": true}}},
		{"at": "2026-03-02 09:01", "logged": "2026-03-02 12:00", "by": "client", "confirm": {"of": "done/2", "verdict": "accept"}},
		{"at": "2026-03-01", "by": "bank", "measurement": {"metric": "assets", "from": "2026-02-01", "until": "2026-03-01 00:00:00.250", "value": "-3.10"}}]`), berlin(t))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, s := range scenes {
		line, err := record.Marshal(s.Record)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, s.Logged.String()+" "+string(line))
	}
	digest := func(text string) string { return string(record.Sum([]byte(text))) }
	want := []string{
		`2026-02-28T23:00:00.000Z {"at":"2026-02-28T23:00:00.000Z","body":{"from":"2026-01-31T23:00:00.000Z","metric":"assets","until":"2026-02-28T23:00:00.250Z","value":"-3.10"},"by":"bank","id":"measurement/000005","kind":"measurement"}`,
		`2026-03-02T08:00:00.000Z {"at":"2026-03-02T08:00:00.000Z","attach":{"log":{"digest":"` + digest("log of done/1") + `","size":13}},"body":{"facts":{"n":"1.5","solved":true},"result":"resolved"},"by":"vendor","case":"t/1","id":"done/1","kind":"outcome"}`,
		`2026-03-02T08:01:30.000Z {"at":"2026-03-02T08:01:30.000Z","attach":{"log":{"digest":"` + digest("log of done/2") + `","size":13}},"body":{"facts":{"n":"2.5","solved":true},"result":"resolved"},"by":"vendor","case":"t/2","id":"done/2","kind":"outcome"}`,
		`2026-03-02T08:03:00.000Z {"at":"2026-03-02T08:03:00.000Z","attach":{"log":{"digest":"` + digest("log of done/3") + `","size":13}},"body":{"facts":{"n":"3.5","solved":true},"result":"resolved"},"by":"vendor","case":"t/3","id":"done/3","kind":"outcome"}`,
		`2026-03-02T11:00:00.000Z {"at":"2026-03-02T08:01:00.000Z","body":{"of":"done/2","verdict":"accept"},"by":"client","id":"confirm/000004","kind":"confirm"}`,
	}
	if got := strings.Join(lines, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestParseRefuses(t *testing.T) {
	const outcome = `"at": "2026-03-02 09:00", "by": "vendor", "outcome": {"result": "resolved"}`
	for _, test := range []struct{ text, want string }{
		{`{}`, "want a list of entries"},
		{`[1]`, "want a list of entries"},
		{`[{}]`, "[0].at: missing"},
		{`[{"at": "2026-03-02 09:00"}]`, "[0]: has no record: want one of key, grant, "},
		{`[{` + outcome + `, "unknown": "x"}]`, "[0].unknown: unknown field"},
		{`[{` + outcome + `, "statement": {}}]`, "[0].statement: unknown field"},
		{`[{` + outcome + `, "confirm": {}}]`, "[0].outcome: stands beside confirm, want one kind of record"},
		{`[{` + outcome + `}, {` + outcome + `, "repeat": "1"}]`, `[1].repeat: got "1", want a whole number from 2 to 100000`},
		{`[{` + outcome + `, "repeat": "100001"}]`, `[0].repeat: got "100001", want a whole number from 2 to 100000`},
		{`[{` + outcome + `, "repeat": "02"}]`, `[0].repeat: got "02", want`},
		{`[{` + outcome + `, "repeat": true}]`, "[0].repeat: want text"},
		{`[{` + outcome + `, "every": "1m"}]`, "[0].repeat: missing: every needs it"},
		{`[{` + outcome + `, "every": "1 month", "repeat": "2"}]`, `[0].every: got "1 month", want a duration`},
		{`[{` + outcome + `, "repeat": "2", "id": "same"}]`, `[0].id: got "same" for 2 records, want {i} in it`},
		{`[{` + outcome + `, "logged": "2026-03-02 08:59"}]`, "[0].logged: got 2026-03-02T07:59:00.000Z, want 2026-03-02T08:00:00.000Z or later, as at is"},
		{`[{` + outcome + `, "attach": [true]}]`, "[0].attach: want names"},
		{`[{"at": "2026-03-02 09:00", "by": "vendor", "outcome": "resolved"}]`, "[0].outcome: want the fields of the record's body"},
		{`[{"at": "2026-03-02 09:00", "by": "vendor", "outcome": {"result": "resolved", "sum": "1"}}]`, "[0].outcome.sum: unknown field"},
		{`[{"at": "2026-03-02 09:00", "by": "vendor", "outcome": {"result": "A Result"}}]`, `[0].outcome.result: got "A Result", want`},
		{`[{"at": "2026-03-02 09:00", "by": "vendor", "reverse": {"of": "x", "cause": "reversed", "quantity": "-1"}}]`, `[0].reverse.quantity: got "-1", want`},
		{`[{"at": "2026-03-02 09:00", "outcome": {"result": "resolved"}}]`, "[0].by: "},
		{`[{"at": "2026-03-02T09:00:00.000Z", "by": "vendor", "outcome": {"result": "resolved"}}]`, `[0].at: got "2026-03-02T09:00:00.000Z", want a time like 2026-03-02 09:00`},
		{`[{"at": "2026-02-30 09:00", "by": "vendor", "outcome": {"result": "resolved"}}]`, "[0].at: "},
		{`[{"at": "2026-03-29 02:30", "by": "vendor", "outcome": {"result": "resolved"}}]`, "[0].at: clocks in Europe/Berlin show 2026-03-29 02:30 0 times, want once"},
		{`[{"at": "2026-10-25 02:30", "by": "vendor", "outcome": {"result": "resolved"}}]`, "[0].at: clocks in Europe/Berlin show 2026-10-25 02:30 2 times, want once"},
		{`[{"at": "2026-03-02", "by": "bank", "measurement": {"metric": "m", "from": "March", "until": "2026-03-01", "value": "1"}}]`, `[0].measurement.from: got "March", want a time like`},
		{`[{"at": "2026-03-02", "by": "vendor", "resolve": {"about": "x", "as": "finding", "disposition": "upheld", "findings": ["no_authority"], "size": "3"}}]`, "[0].resolve.size: unknown field: it is that of the ledger then"},
		{`[{"at": "2026-03-02", "by": "vendor", "resolve": {"about": "x", "as": "finding", "disposition": "upheld"}}]`, "[0].resolve.findings: missing"},
		{`[{"at": "2026-03-02", "by": "vendor", "grant": {"grantor": "a", "grantee": "b", "operator": "c", "actions": ["x"], "resources": ["*"], "from": "2026-03-01T00:00:00.000Z", "until": "2026-04-01T00:00:00.000Z", "delegable": "some"}}]`, `[0].grant.delegable: got "some", want an integer`},
		{`[{"at": "2026-03-02", "by": "vendor", "receipt": {}}]`, "[0].by: got vendor, want the client, who cosigns"},
		{`[{}, {` + outcome + `, "more": "x"}]`, "[0].at: missing\n[1].more: unknown field"},
	} {
		_, err := Parse([]byte(test.text), berlin(t))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.text, err, test.want)
		}
	}
}

func TestParseExpectedRefuses(t *testing.T) {
	const lines = `"lines": [{"name": "a", "quantity": "1", "amount": "1.00"}]`
	for _, test := range []struct{ text, want string }{
		{`{}`, ""},
		{`[]`, "holds no statement"},
		{`[{"by_hand": "x", ` + lines + `, "total": "1.00"}]`, "[0].period: missing"},
		{`[{"period": "2026-03", "by_hand": " ", ` + lines + `, "total": "1.00"}]`, "[0].by_hand: missing: how was it worked?"},
		{`[{"period": "2026-03", "by_hand": "x", "total": "1.00"}]`, "[0].lines: missing"},
		{`[{"period": "2026-03", "by_hand": "x", ` + lines + `}]`, "[0].total: missing"},
		{`[{"period": "2026-03", "by_hand": "x", ` + lines + `, "sum": "1.00"}]`, ""},
		{`[{"period": "2026-03", "by_hand": "x", "lines": [{"name": "a", "price": "1"}], "total": "1.00"}]`, ""},
	} {
		_, err := ParseExpected([]byte(test.text))
		if err == nil || test.want != "" && err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.text, err, test.want)
		}
	}
}
