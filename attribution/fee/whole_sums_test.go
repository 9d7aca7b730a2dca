package fee

import (
	"fmt"
	"math/big"
	"slices"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"pgregory.net/rapid"
)

// What all statements take on a line over the term is what its total costs, at
// any price, with whatever was taken back, over amendments that change nothing.
func TestCountersTelescope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawTable(t, rapid.SampledFrom([]string{"graduated", "volume"}).Draw(t, "mode"), true)
		l["name"], l["of"] = "line", "sold"
		joint := rapid.Bool().Draw(t, "joint")
		list := []any{map[string]any{"percent_off": "12.5"}, map[string]any{"at_most": "40"}}
		if joint {
			list = append(list, map[string]any{"times": "level", "undefined": "hold"})
		}
		l["adjust"] = list
		fields := `{"results": {` + simple("sale", `"value": "decimal"`) + `}, "metrics": {"level": {"by": ["client"], "final_after": "300d"}},
			"measures": {"sold": {"sum": "sale.value", "over": "term"}, "level": {"last": "metric/level.value", "over": "term", "missing": {"then": "hold"}}},
			"rounding": {"mode": "` + rapid.SampledFrom([]string{"half_up", "half_even", "down", "up"}).Draw(t, "rounding") + `", "at": "line"}, "lines": [` + toJSON(l) + `], ` + settling("correction") + `}`
		k := start(t, fields)
		sum := new(big.Rat)
		value := map[string]*big.Rat{}
		var ids []string
		level := new(big.Rat)
		var line *terms.Line
		for month := range rapid.IntRange(1, 6).Draw(t, "months") {
			when := fmt.Sprintf("2026-%02d-", 3+month)
			for range rapid.IntRange(0, 4).Draw(t, "sales") {
				v := rapid.SampledFrom([]string{"0.7", "1", "2.345", "3", "999999999999.999999999999"}).Draw(t, "value")
				id := k.claim("sale", when+"05", decimalFact("value", v))
				ids, value[id] = append(ids, id), ratOf(v)
			}
			if len(ids) > 0 && rapid.IntRange(0, 2).Draw(t, "back") == 0 {
				id := rapid.SampledFrom(ids).Draw(t, "of")
				k.add(&record.Record{At: at(when + "20"), Body: &record.Reverse{Of: id, Cause: "reversed"}})
				delete(value, id)
			}
			if joint && rapid.IntRange(0, 2).Draw(t, "level") == 0 {
				v := rapid.SampledFrom([]string{"1", "0.333", "2"}).Draw(t, "level")
				k.measure("level", "client", when+"21", when+"21", v)
				level = ratOf(v)
			}
			if len(k.state.versions) < 3 && rapid.IntRange(0, 3).Draw(t, "amend") == 0 {
				k.agree(at(when+"22"), draft(t, from(when+"25", fields)), "", "vendor", "client")
			}
			st, _ := k.settle()
			for _, x := range st.Lines {
				sum = radd(sum, ratOf(string(x.Amount)))
			}
		}
		line = &k.state.versions[0].terms.Lines[0]
		total := new(big.Rat)
		for _, x := range value {
			total = radd(total, x)
		}
		cost := rmul(refPrice(*line, total), big.NewRat(875, 1000))
		if len(ids) == 0 && !joint && cost.Sign() != 0 && sum.Sign() == 0 {
			cost = new(big.Rat) // no statement
		}
		if most := big.NewRat(40, 1); cost.Cmp(most) > 0 {
			cost = most
		}
		if joint {
			cost = rmul(cost, level)
		}
		if want := refRound(cost, 2, k.state.versions[0].terms.Rounding.Mode); sum.Cmp(want) != 0 {
			t.Fatalf("statements take %s, the total of %s costs %s", sum.FloatString(6), dec(total), want.FloatString(6))
		}
	})
}

// The shares of all groups add up to the quantity, cut to the decimals of a
// share.
func TestSharesAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups := []string{"a", "b", "c", "d"}
		k := terms.Credit{Model: rapid.SampledFrom([]string{"first", "last", "linear", "position", "decay", "fixed", "shapley"}).Draw(t, "model"), Decimals: rapid.IntRange(0, 6).Draw(t, "decimals"),
			Skip: []string{"b"}, First: "35.5", Last: "20", HalfLife: terms.Duration(7 * 24 * hour),
			Shares: []terms.Share{{Of: "a", Value: "33.33"}, {Of: "b", Value: "33.33"}, {Of: "c", Value: "0.01"}, {Of: "d", Value: "33.33"}}}
		if k.Model == "shapley" {
			k.Shares = nil
			for set := 1; set < 16; set++ {
				name, n := "", int64(0)
				for i, g := range groups {
					if set&(1<<i) != 0 {
						if name != "" {
							name += "+"
						}
						name, n = name+g, n+int64(i+3)
					}
				}
				k.Shares = append(k.Shares, terms.Share{Of: name, Value: record.Decimal(fmt.Sprint(n * n))})
			}
		}
		var list []touch
		for i := range rapid.IntRange(1, 9).Draw(t, "touches") {
			list = append(list, touch{at("2026-03-01") + record.Time(i)*day, int64(i), rapid.SampledFrom(groups).Draw(t, "group")})
		}
		q := mustParse(record.Decimal(rapid.SampledFrom([]string{"1", "10", "0.01", "88.88", "0.000000000001", "999999999999.999999999999", "0"}).Draw(t, "quantity")))
		var sum number
		for _, g := range groups {
			k.To = []string{g}
			x := creditOf(&k, at("2026-03-20"), list, q)
			if x.sign() < 0 {
				t.Fatalf("%s has %s", g, x)
			}
			sum = sum.add(x)
		}
		if want := q.round(k.Decimals, "down"); sum.cmp(want) != 0 {
			t.Fatalf("%s: the shares add up to %s, want %s", k.Model, sum, want)
		}
	})
}

// Inside one cut it does not matter when claims, measurements and actions come
// between each other: only the order among claims, and among measurements of
// the same, is ever named.
func TestOrderOfKindsInsideACutDoesNotCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, _, _ := drawWholeHistory(t, 25)
		type segment struct {
			kinds [3][]*record.Record // claims and what is said of them, measurements, actions
			last  *record.Record
		}
		var segments []segment
		var now segment
		for _, r := range h.records[1:] {
			switch b := r.Body.(type) {
			case *record.Statement, *record.Agreement:
				now.last = r
				segments = append(segments, now)
				now = segment{}
			case *record.Measurement:
				now.kinds[1] = append(now.kinds[1], r)
			case *record.Action:
				i := 2
				if b.Action == "refund" { // which claims name
					i = 0
				}
				now.kinds[i] = append(now.kinds[i], r)
			case *record.Resolve:
				i := 0
				if b.Dispute == "" && b.As != record.ByFinding {
					i = 1
				}
				now.kinds[i] = append(now.kinds[i], r)
			case *record.Receipt: // it speaks of positions, which change here
			default:
				now.kinds[0] = append(now.kinds[0], r)
			}
		}
		signed := func(a *record.Record) (parties []string) {
			if parties = []string{"vendor"}; len(a.Sigs) > 1 {
				parties = append(parties, "client")
			}
			return parties
		}
		run := func(order []int, turns bool) string {
			k := newKit(t)
			first := h.records[0]
			k.agree(first.At, first.Body.(*record.Agreement).Terms, "", signed(first)...)
			out := ""
			for _, s := range segments {
				kinds := s.kinds
				var list []*record.Record
				if turns {
					for len(kinds[0])+len(kinds[1])+len(kinds[2]) > 0 {
						for _, i := range order {
							if len(kinds[i]) > 0 {
								list, kinds[i] = append(list, kinds[i][0]), kinds[i][1:]
							}
						}
					}
				} else {
					for _, i := range order {
						list = append(list, kinds[i]...)
					}
				}
				for _, r := range list {
					k.add(bare(r, max(k.logged, s.last.Log.Time)))
				}
				if a, ok := s.last.Body.(*record.Agreement); ok {
					k.agree(s.last.At, a.Terms, a.History, signed(s.last)...)
					continue
				}
				st, _ := k.settle()
				x := *st
				x.Lines = slices.Clone(st.Lines)
				for i := range x.Lines {
					x.Lines[i].First, x.Lines[i].Last = 0, 0
				}
				x.Detail, x.State = "", ""
				out += whole(&x)
			}
			return out
		}
		a := run([]int{0, 1, 2}, false)
		order := rapid.Permutation([]int{0, 1, 2}).Draw(t, "order")
		if b := run(order, rapid.Bool().Draw(t, "turns")); a != b {
			t.Fatalf("in another order\n%s", differing(b, a))
		}
	})
}
