package fee

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"pgregory.net/rapid"
)

// wholeExample is a state with a line of every type that the whole language
// brings.
func wholeExample(t failer) *kit {
	k := start(t, `{"results": {`+simple("sale", `"value": "decimal", "buyer": "text"`)+`},
		"metrics": {"kwh": {"by": ["bank"], "facts": {"good": "bool"}, "final_after": "40d"}},
		"measures": {"sold": {"sum": "sale.value", "over": "period"}, "priced": {"sum": "sale.value", "over": "period"}, "buyers": {"distinct": "sale.buyer", "over": "period"}, "sales": {"count": "sale", "over": "period"}, "won": {"count": "sale", "over": "term"},
			"used": {"last": "metric/kwh.value", "where": "good", "over": "period", "missing": {"then": "last"}}, "most": {"max": "metric/kwh.value", "over": "term", "missing": {"then": "hold"}},
			"calls": {"count": "action/dial", "over": "period"}, "dear": {"max": "action/dial.amount", "over": "period"}},
		"lines": [{"name": "free", "of": "sold", "mode": "each", "tiers": [{"rate": "0.1"}], "each": {"free": {"events": 1}}}, {"name": "priced", "of": "priced", "mode": "each", "tiers": [{"rate": "0.1"}]},
			{"name": "buyers", "of": "buyers", "mode": "graduated", "tiers": [{"unit": "1"}]},
			{"name": "rolling", "of": "sales", "mode": "graduated", "tiers": [{"unit": "1"}], "adjust": [{"include": "5", "unused": "rolls", "rolls_to": "8"}]},
			{"name": "won", "of": "won", "mode": "graduated", "tiers": [{"unit": "2"}]},
			{"name": "used", "of": "used", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"}, {"name": "most", "of": "most", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero"},
			{"name": "calls", "of": "calls", "mode": "graduated", "tiers": [{"unit": "1"}]}, {"name": "dear", "of": "dear", "mode": "graduated", "tiers": [{"unit": "1"}]}],
		"settle": {"close_after": "0s", "late": "correction", "negative": "carry", "corrections": "after_minimum", "prepaid": [{"name": "gift", "amount": "50", "every": "once", "from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"}]}}`)
	k.measure("kwh", "bank", "2026-03-01", "2026-03-11", "9", record.Bool("good", true))
	k.claim("sale", "2026-03-20", decimalFact("value", "10"), decimalFact("buyer", "ann"))
	k.claim("sale", "2026-03-21", decimalFact("value", "7"), decimalFact("buyer", "bob"))
	k.settle()
	k.measure("kwh", "bank", "2026-04-01", "2026-04-11", "4", record.Bool("good", true))
	k.settle() // the measurement of March has left: most has a rest
	k.dial("2026-04-20", "3")
	k.dial("2026-05-02", "8")
	k.measure("kwh", "bank", "2026-04-01", "2026-04-11", "5", record.Bool("good", true))
	return k
}

func TestWholeExampleHasAllLines(t *testing.T) {
	text := string(join(wholeExample(t).state.Lines()))
	for _, name := range []string{lineIncluded, linePrepaid, lineReached, lineReading, lineRest, lineRolled, lineShared, lineStand, lineStandin, lineTally, lineUsage, lineUsed, lineValue} {
		if !strings.Contains(text, `["`+name+`",`) {
			t.Errorf("no line %s in\n%s", name, text)
		}
	}
}

// Each line of the whole language that no records lead to is refused by what it
// says.
func TestHostileWholeStatesAreRefused(t *testing.T) {
	text := string(join(wholeExample(t).state.Lines()))
	const march, april = `"2026-03-01T00:00:00.000Z"`, `"2026-04-01T00:00:00.000Z"`
	for _, c := range []struct{ from, to, want string }{
		{`["value",` + march + `,1,"sold",2,`, "", "measure sold has no value, or another, of record 2"},
		{`["value",` + march + `,1,"sold",2,`, `["value",` + march + `,1,"sold",0,`, "measure sold has no value, or another, of record 2"},
		{`["value",` + march + `,1,"sold",3,"2026-03-21T00:00:00.000Z","7"]`, `["value",` + march + `,1,"sold",3,"2026-03-21T00:00:00.000Z","7"]` + "\n" + `["value",` + march + `,1,"sold",7,"2026-03-21T00:00:00.000Z","1"]`, "measure sold has 3 values of 2"},
		{`["tally",` + march + `,1,"sold",2,"17","0"]`, `["tally",` + march + `,1,"sold",2,"18","0"]`, "measure sold has values of 17, and says 18"},
		{`["tally",` + march + `,1,"priced",2,"17","1.7"]`, `["tally",` + march + `,1,"priced",2,"17","1.6"]`, "prices on measure priced are less than those of what is booked on it"},
		{`["tally",` + march + `,1,"buyers",`, "", "tally of 0 and 0 has 2 and 2 in it"},
		{`["rest","",1,"most",1,`, `["rest","",1,"most",99,`, "measure most has a value of record 99 of"},
		{`["rest","",1,"most",1,`, `["rest","",1,"most",2,`, "measure most has a value of record 2, which is not booked on it"},
		{`["rest","",1,"most",1,`, `["rest",` + march + `,1,"used",1,`, "measure used keeps no rest"},
		{`["stand",` + april + `,1,"used",`, `["stand",` + april + `,1,"sold",`, "nothing stands in for measure sold"},
		{`["standin","used","4"]`, `["standin","most","4"]`, "4 is the last value of most, and stands in for nothing"},
		{`["prepaid","gift","`, `["prepaid","gilt","`, "and nothing of that name was paid before"},
		{`["prepaid","gift","`, `["prepaid","gift","-`, "is left of gift, which does not hold so much"},
		{`["prepaid","gift","`, `["prepaid","gift","1`, "is left of gift, which does not hold so much"},
		{`["reached","most","9"]`, `["reached","sold","9"]`, "line sold has come to 9, and no line over the term does"},
		{`["reached","most","9"]`, `["reached","most","0"]`, "line most has come to 0, and no line over the term does"},
		{`["rolled","rolling","3"]`, `["rolled","rolling","4"]`, "4 rolls on line rolling, on which no such quantity does"},
		{`["rolled","rolling","3"]`, `["rolled","won","3"]`, "3 rolls on line won, on which no such quantity does"},
		{`["included",` + march + `,"rolling","2"]`, `["included",` + march + `,"rolling","9"]`, "9 is included in line rolling at 2026-03-01T00:00:00.000Z, where no such quantity is"},
		{`["included",` + march + `,"rolling","2"]`, `["included","2026-03-02T00:00:00.000Z","rolling","2"]`, "where no such quantity is"},
		{`["included",` + march + `,"rolling","2"]`, `["included",` + march + `,"free","2"]`, "where no such quantity is"},
		{`["usage",` + april + `,1,"calls",7,7,1,"1"]`, `["usage",` + april + `,1,"calls",5,7,1,"1"]`, "actions of measure calls are of 2026-04, which record 6 settled"},
		{`["usage",` + april + `,1,"calls",7,7,1,"1"]`, `["usage","2026-04-02T00:00:00.000Z",1,"calls",7,7,1,"1"]`, "actions of measure calls are of a period that begins at 2026-04-02T00:00:00.000Z, which there is not"},
		{`["usage",` + april + `,1,"calls",7,7,1,"1"]`, `["usage",` + april + `,1,"calls",7,7,2,"1"]`, "measure calls has actions that are not in their place"},
		{`["shared",` + april + `,1,["calls","dear"],1]`, `["shared",` + april + `,1,["calls","dear"],2]`, "measure calls counts 1 actions, and more of them together with others"},
		{`["shared",` + april + `,1,["calls","dear"],1]`, `["shared",` + april + `,1,["calls"],1]`, `1 actions are said to be counted by the measures "calls" of version 1`},
		{`["shared",` + april + `,1,["calls","dear"],1]`, `["shared",` + april + `,1,["calls","dear"],0]`, `0 actions are said to be counted by the measures "calls,dear" of version 1`},
		{`["shared",` + april + `,1,["calls","dear"],1]`, `["shared",` + april + `,1,["dear","calls"],1]`, `measure "calls" of version 1 counts no actions that another one counts at 2026-04-01T00:00:00.000Z, or not in this order`},
		{`["shared",` + april + `,1,["calls","dear"],1]`, `["shared",` + april + `,1,["calls","most"],1]`, `measure "most" of version 1 counts no actions`},
		{`["shared",` + april + `,1,["calls","dear"],1]`, `["shared",` + march + `,1,["calls","dear"],1]`, `measure "calls" of version 1 counts no actions that another one counts at 2026-03`},
		{`["used",` + april + `,1,"dear",7,`, `["used",` + april + `,1,"dear",8,`, "action 8 of measure dear is there twice, or not in its place"},
		{`["used",` + april + `,1,"dear",7,`, "", "measure dear has 0 actions of 1"},
		{`["reading",9,"kwh","r-9","kwh bank`, `["reading",9,"kwh","r-5","kwh bank`, "measurement 9 is there twice, or counted beside another of the same"},
		{`["reading",9,"kwh","r-9","kwh bank`, `["reading",9,"kwh","r-9","kwh client`, "is by client as third, who does not measure kwh"},
		{`["reading",9,"kwh","r-9","kwh bank`, `["reading",9,"kwh","r-9","kvh bank`, `which is not of metric kwh`},
		{`"2026-04-10T23:59:59.999Z","2026-05-02T00:00:00.000Z",1,"third","00",{"good":true,"value":"5"}`, `"2026-04-09T23:59:59.999Z","2026-05-02T00:00:00.000Z",1,"third","00",{"good":true,"value":"5"}`, "and its key of another span"},
		{`{"good":true,"value":"5"}`, `{"bad":"x","good":true,"value":"5"}`, "fact bad is no "},
		{`{"good":true,"value":"5"},"","",[]]`, `{"good":true,"value":"5"},"","",[` + april + `,["most","5"],["used","5"]]]`, "counted beside another of the same"},
		{`["used","4"]`, `["used","3"]`, "is booked with what it does not measure"},
	} {
		if !strings.Contains(text, c.from) {
			t.Errorf("there is no %s in\n%s", c.from, text)
			continue
		}
		var lines [][]byte
		found := false
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			if strings.Contains(line, c.from) && !found {
				found = true
				if c.to == "" {
					continue
				}
				line = strings.Replace(line, c.from, c.to, 1)
			}
			for part := range strings.SplitSeq(line, "\n") {
				lines = append(lines, []byte(part))
			}
		}
		slices.SortFunc(lines, bytes.Compare)
		if _, err := ReadState(lines); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: got %v, want %s", c.from, c.to, err, c.want)
		}
	}
}

// What is read of the whole language is written again, wherever records end.
func TestWholeStateCutAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, _, _ := drawWholeHistory(t, 25)
		s := New()
		for i, r := range k.records {
			if rapid.IntRange(0, 6).Draw(t, "cut") == 0 {
				lines := s.Lines()
				again, err := ReadState(lines)
				if err != nil {
					t.Fatalf("before record %d: %v\n%s", i, err, join(lines))
				}
				s = again
			}
			if err := s.Apply(r); err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
		}
		if a, b := join(s.Lines()), join(k.state.Lines()); !bytes.Equal(a, b) {
			t.Fatalf("ends as\n%s\nwant\n%s", a, b)
		}
	})
}
