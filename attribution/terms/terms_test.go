package terms

import (
	"reflect"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

func TestSmoke(t *testing.T) {
	terms := mustParse(t, supportDesk)
	b := terms.Marshal()
	t.Logf("%s", b)
	again, mistakes := Parse(b)
	if !reflect.DeepEqual(terms, again) {
		t.Fatalf("%v\n%v", mistakes, again)
	}
	t.Log(mistakes)
	p, ok := terms.PeriodAt(at(t, "2026-03-17T00:00"))
	t.Log(p, ok)
	e, err := Compile("value >= 20 && value <= 30.00", terms.Results[0].Facts, "bool")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(e.Truth(record.Facts{record.Text("value", "30")}))
	_, err = Compile("value >= true && topic", terms.Results[0].Facts, "bool")
	t.Log(err)
}
