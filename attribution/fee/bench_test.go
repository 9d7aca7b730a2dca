package fee

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// shop is paid for each sale of 20 to 30, and 2% of the value of all.
const shop = `{
	"results": {"sale": {"facts": {"value": "decimal", "paid": "bool"}, "quantity": "value", "once_per": "case", "where": "paid && value >= 20 && value <= 30.00", "claim": ["vendor"],
		"accept": {"on": "claim"}, "dispute": "none", "reopen": {"within": "15d", "from": "occurred"},
		"escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "30d"}},
	"measures": {"sales": {"count": "sale"}, "value": {"sum": "sale.value"}},
	"lines": [{"name": "orders", "of": "sales", "mode": "graduated", "tiers": [{"up_to": "1000", "unit": "2"}, {"unit": "1.80"}]},
		{"name": "share", "of": "value", "mode": "graduated", "tiers": [{"rate": "0.02"}]}]}`

// sales are n claims of March, as a parser gives them.
func sales(k *kit, n int) []*record.Record {
	list := make([]*record.Record, n)
	for i := range list {
		at := at("2026-03-01") + record.Time(int64(i)*int64(30*day)/int64(n))
		list[i] = &record.Record{
			Kind: record.KindOutcome, ID: fmt.Sprintf("sale-%07d", i), Case: fmt.Sprintf("order-%07d", i), At: at, By: "vendor",
			Body: &record.Outcome{Result: "sale", Facts: record.Facts{record.Bool("paid", true), record.Text("value", fmt.Sprintf("2%d.%02d", i%10, i%100))}},
			Log:  &record.Log{N: int64(len(k.records) + i), Time: at},
		}
	}
	return list
}

// BenchmarkSettle folds and settles sales: through where, measure and price,
// the detail digest and the digest of the state included.
func BenchmarkSettle(b *testing.B) {
	const n = 100_000
	base := start(b, shop)
	list := sales(base, n)
	b.ReportAllocs()
	for b.Loop() {
		k := start(b, shop)
		for _, r := range list {
			if err := k.state.Apply(r); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := k.state.Settle(nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "results/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkApply folds sales and settles nothing.
func BenchmarkApply(b *testing.B) {
	const n = 100_000
	base := start(b, shop)
	list := sales(base, n)
	b.ReportAllocs()
	for b.Loop() {
		k := start(b, shop)
		for _, r := range list {
			if err := k.state.Apply(r); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "results/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStateBytes measures the memory of the state for each live result,
// before and after it is billed.
func BenchmarkStateBytes(b *testing.B) {
	const n = 200_000
	heap := func() float64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for b.Loop() {
		k := start(b, shop)
		list := sales(k, n)
		all := heap()
		for _, r := range list {
			if err := k.state.Apply(r); err != nil {
				b.Fatal(err)
			}
		}
		claimed := heap() - all
		k.records = list
		k.settle()
		k.records, list = nil, nil
		_ = list
		b.ReportMetric(claimed/n, "claimed-B/key")
		runtime.KeepAlive(k)
	}
	b.ReportMetric(0, "ns/op")
}
