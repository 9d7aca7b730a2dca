package fee

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// shop is paid for each sale of 20 to 30, and 2% of the value of all.
const shop = `{
	"results": {"sale": {"facts": {"value": "decimal", "paid": "bool"}, "quantity": "value", "once_per": "case", "where": "paid && value >= 20 && value <= 30.00", "claim": ["vendor"],
		"accept": {"on": "claim"}, "dispute": "none", "reopen": {"within": "15d", "from": "occurred"},
		"escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "30d"}},
	"measures": {"sales": {"count": "sale", "over": "period"}, "value": {"over": "period", "sum": "sale.value"}},
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

// wholeShop has beside that a formula, prices of each with an allowance, lists of
// values, a counter over the term, and a factor.
var wholeShop = strings.NewReplacer(
	`"lines": [`, `"formulas": {"basket": "value / sales", "spread": "max(most - least, 0)"},
	"lines": [{"name": "each", "of": "each", "mode": "each", "tiers": [{"rate": "0.02"}], "each": {"at_least": "0.45", "free": {"events": 100}}},
		{"name": "basket", "of": "spread", "mode": "graduated", "tiers": [{"unit": "1"}], "below_zero": "zero", "adjust": [{"times": "basket", "undefined": "hold"}]},
		{"name": "total", "of": "total", "mode": "graduated", "tiers": [{"up_to": "50000", "unit": "1"}, {"unit": "0.5"}]}, `,
	`"measures": {`, `"measures": {"most": {"max": "sale.value", "over": "period"}, "least": {"min": "sale.value", "over": "period"}, "each": {"sum": "sale.value", "over": "period"}, "total": {"count": "sale", "over": "term"}, `,
).Replace(shop)

// bench folds 100,000 sales of March and then does what is measured beside it.
// The records come as they do in a replay, 256 at a time from the parser; the
// time of the parser is not counted, but its garbage is there.
func bench(b *testing.B, fields string, then func(s *State) error) {
	const n = 100_000
	var lines [][]byte
	for _, r := range sales(start(b, fields), n) {
		r.Log.Chains = []record.Link{{Chain: record.ChainOfCase(r.Case), Prev: -1}}
		line, err := record.Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		lines = append(lines, line)
	}
	timed := &stopwatch{}
	for b.Loop() {
		k := start(b, fields)
		for batch := range slices.Chunk(lines, 256) {
			var list []*record.Record
			for _, line := range batch {
				r, err := record.Parse(line)
				if err != nil {
					b.Fatal(err)
				}
				list = append(list, r)
			}
			timed.time(b, func() error { return applyAll(k.state, list) })
		}
		timed.time(b, func() error { return then(k.state) })
	}
	timed.report(b, n)
}

// A stopwatch counts the time of what is measured alone.
type stopwatch struct{ spent time.Duration }

func (w *stopwatch) time(b *testing.B, what func() error) {
	from := time.Now()
	err := what()
	w.spent += time.Since(from)
	if err != nil {
		b.Fatal(err)
	}
}

func (w *stopwatch) report(b *testing.B, results int) {
	b.ReportMetric(float64(results)*float64(b.N)/w.spent.Seconds(), "results/s")
	b.ReportMetric(0, "ns/op")
}

func applyAll(s *State, list []*record.Record) error {
	for _, r := range list {
		if err := s.Apply(r); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkApply folds and settles nothing.
func BenchmarkApply(b *testing.B) { bench(b, shop, func(s *State) error { return nil }) }

// BenchmarkFold folds through where, measure and price: two lines a result.
func BenchmarkFold(b *testing.B) { bench(b, shop, (*State).priced) }

// BenchmarkFoldList does the same for a list of records that were parsed long
// before and are far away in memory, all of which the garbage collector sees.
func BenchmarkFoldList(b *testing.B) {
	const n = 100_000
	list := sales(start(b, shop), n)
	b.ReportAllocs()
	timed := &stopwatch{}
	for b.Loop() {
		k := start(b, shop)
		timed.time(b, func() error { return applyAll(k.state, list) })
		timed.time(b, k.state.priced)
	}
	timed.report(b, n)
}

// BenchmarkFoldWhole does the same as BenchmarkFold for six lines of the whole
// language.
func BenchmarkFoldWhole(b *testing.B) { bench(b, wholeShop, (*State).priced) }

func (s *State) priced() error {
	z, err := s.settle()
	if err == nil {
		z.price()
	}
	return err
}

// BenchmarkTakenBack settles a period in which all of one before is taken back:
// the time for each result does not grow with how many they are.
func BenchmarkTakenBack(b *testing.B) {
	for _, n := range []int{25_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			k := start(b, wholeShop)
			list := sales(k, n)
			for _, r := range list {
				if err := k.state.Apply(r); err != nil {
					b.Fatal(err)
				}
			}
			k.records = append(k.records, list...)
			k.settle()
			for _, c := range k.state.claims {
				c.events = append(c.events, event{kind: reverse, cause: reversed, by: vendor, at: at("2026-04-01"), n: c.n + int64(n) + 2})
			}
			for b.Loop() {
				if err := k.state.priced(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "results/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkSettle makes the statement too, with the digests of its detail and
// of the state it leaves.
func BenchmarkSettle(b *testing.B) {
	bench(b, shop, func(s *State) error {
		_, err := s.Settle(nil)
		return err
	})
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
	for _, of := range []struct{ name, fields string }{{"two-lines", shop}, {"whole", wholeShop}} {
		b.Run(of.name, func(b *testing.B) { stateBytes(b, of.fields, n, heap) })
	}
}

func stateBytes(b *testing.B, fields string, n int, heap func() float64) {
	for b.Loop() {
		k := start(b, fields)
		list := sales(k, n)
		all := heap()
		for _, r := range list {
			if err := k.state.Apply(r); err != nil {
				b.Fatal(err)
			}
		}
		claimed := heap() - all
		b.ReportMetric(claimed/float64(n), "claimed-B/key")
		k.records = append(k.records, list...)
		list = nil
		all = heap() - claimed
		k.settle()
		b.ReportMetric((heap()-all)/float64(n), "billed-B/key")
		runtime.KeepAlive(k)
	}
	b.ReportMetric(0, "ns/op")
}
