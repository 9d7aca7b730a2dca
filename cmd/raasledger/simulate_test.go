package main

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	got, err := simulate(p, []string{"draft"}, []*terms.Terms{run.terms})
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
