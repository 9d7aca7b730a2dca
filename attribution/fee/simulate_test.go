package fee

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// simulated gives the statements that the first version of a ledger's terms
// comes to over its records, until it is amended, each beside the ledger's own.
func simulated(t failer, records []*record.Record) (got, want []*record.Statement) {
	t.Helper()
	past := terms.NewStanding()
	var m *Simulation
	for _, r := range records {
		if r.Kind == record.KindAgreement && m != nil {
			break
		}
		if err := past.Apply(r); err != nil {
			t.Fatalf("past: %v", err)
		}
		if m == nil {
			m = Simulate(past.Latest().Terms, past)
		}
		if err := m.Apply(r); err != nil {
			t.Fatalf("simulation: %v", err)
		}
		if s, ok := r.Body.(*record.Statement); ok {
			st, err := m.Settle()
			if err != nil {
				t.Fatalf("simulation: %v", err)
			}
			own := *s
			own.State = ""
			got, want = append(got, st), append(want, &own)
		}
	}
	return got, want
}

// Terms simulated over a ledger of theirs come to what that settled, receipts
// and all.
func TestSimulationSettlesAsTheLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got, want := simulated(t, drawHistory(t, 40).kit.records)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A signature that was void in the past is void in the simulation, though none
// is checked there.
func TestSimulationKnowsRevokedKeys(t *testing.T) {
	k := start(t, guarded())
	k.add(&record.Record{At: at("2026-03-09"), By: "client", Body: &record.Key{Op: "revoke", Key: publicText("client"), Holder: "client", Party: "client", Effective: at("2026-03-09")}})
	k.add(claimOf("2026-03-10", "T", "10"))
	h := handoffOf("2026-03-11")
	h.By = "client"
	k.add(h)
	k.settle()
	got, want := simulated(t, k.records)
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 1 || len(got[0].Counts) != 2 {
		t.Errorf("%+v\n%s", got, diff)
	}
}

// What the terms of a simulation cannot take is refused, and changes nothing;
// records keep their numbers.
func TestSimulationRefuses(t *testing.T) {
	past := terms.NewStanding()
	agreed, _ := terms.Parse(draft(t, guarded()))
	m := Simulate(agreed, past)
	take := func(n int64, r *record.Record) error {
		r.Kind, r.Log = r.Body.Kind(), &record.Log{N: n, Time: r.At}
		return m.Apply(r)
	}
	first := claimOf("2026-03-10", "T", "10")
	first.ID, first.By = "o-1", "vendor"
	if err := take(5, first); err != nil {
		t.Fatal(err)
	}
	strange := claimOf("2026-03-10", "U", "10")
	strange.ID, strange.By = "o-2", "nobody"
	refusal := new(record.Refusal)
	if err := take(7, strange); !errors.As(err, &refusal) || refusal.Field != "by" || refusal.N != 7 {
		t.Errorf("a record of a stranger: %v", err)
	}
	receipt := &record.Record{ID: "r", By: "vendor", At: at("2026-03-11"), Body: &record.Receipt{}}
	if err := take(8, receipt); !errors.As(err, &refusal) || refusal.Field != "kind" {
		t.Errorf("a receipt of nobody knows whom: %v", err)
	}
	again := claimOf("2026-03-12", "V", "10")
	again.ID, again.By = "o-3", "vendor"
	if err := take(5, again); err == nil || errors.As(err, new(*record.Refusal)) {
		t.Errorf("a record out of order: %v", err)
	}
	if err := take(9, again); err != nil {
		t.Fatal(err)
	}
	st, err := m.Settle()
	if err != nil {
		t.Fatal(err)
	}
	if l := st.Lines[0]; l.First != 5 || l.Last != 9 || l.Records != 2 || st.State != "" {
		t.Errorf("%+v", st)
	}
}
