package fee

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"pgregory.net/rapid"
)

// drawWhole draws terms with parts of the whole language. What the check finds
// missing, or too much, is put right: so the check says what belongs together.
func drawWhole(t *rapid.T, scale int, keep map[string]any) []byte {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	maybe := func(name string, of int) bool { return rapid.IntRange(0, of).Draw(t, name) == 0 }
	fields := drawTerms(t, scale)
	results := fields["results"].(map[string]any)
	results["visit"].(map[string]any)["final_after"] = "120d" // of a touch
	sale := results["sale"].(map[string]any)
	sale["effect"] = drawEffect(t, sale["dispute"] != "none", "both", "void") // measures count what is found
	for name := range keep {
		fields[name] = keep[name]
	}
	number := func(name string) string { return pick(name, "0", "1", "2", "0.5", "3", "12.25") }
	metric := func(of, value string) map[string]any {
		m := map[string]any{of: value, "over": "period", "missing": map[string]any{"then": pick("missing", "last", "hold")}}
		switch pick("missing", "as it is", "value", "other") {
		case "value":
			m["missing"] = map[string]any{"then": "value", "value": pick("stands in", "0", "-2", "4.5")}
		case "other":
			m["missing"] = map[string]any{"then": "other", "measure": "ours"}
		}
		return m
	}
	fields["metrics"] = map[string]any{
		"kwh":  map[string]any{"by": []any{"client", "bank"}, "facts": map[string]any{"good": "bool"}, "final_after": fmt.Sprintf("%dd", rapid.IntRange(36, 70).Draw(t, "metric final"))},
		"ours": map[string]any{"by": []any{"vendor"}, "final_after": "50d"},
	}
	credit := map[string]any{"model": pick("model", "first", "last", "linear", "position", "decay", "fixed", "shapley"), "to": []any{"k1", "k2"}, "decimals": rapid.IntRange(0, 3).Draw(t, "decimals")}
	switch credit["model"] {
	case "last":
		credit["skip"] = []any{"k2"}
	case "position":
		credit["first"], credit["last"] = "40", "35"
	case "decay":
		credit["half_life"] = "24h"
	case "fixed":
		credit["shares"] = map[string]any{"k1": "33.3", "k2": "6.7", "k3": "60"}
	case "shapley":
		credit["coalitions"] = map[string]any{"k1": "3", "k2": "5", "k0": "2", "k1+k2": "11", "k0+k1": "5", "k0+k2": "7.5", "k0+k1+k2": "14"}
	}
	if credit["model"] != "fixed" {
		credit["of"], credit["by"], credit["within"] = "visit", "ref", pick("within", "5d", "20d")
	}
	measures := map[string]any{
		"sales":    map[string]any{"count": "sale", "over": "period"},
		"volume":   map[string]any{"sum": "sale.amount", "over": "period"},
		"big":      map[string]any{"count": "sale", "over": "period", "where": "amount > 3"},
		"visits":   map[string]any{"count": "visit", "over": "period"},
		"buyers":   map[string]any{"distinct": "sale.ref", "over": "period"},
		"top":      map[string]any{"max": "sale.amount", "over": "period"},
		"low":      map[string]any{"min": "sale.amount", "over": "period", "where": "ok"},
		"newest":   map[string]any{"last": "sale.amount", "over": "period"},
		"mean":     map[string]any{"mean": "sale.amount", "over": "period"},
		"credited": map[string]any{"sum": "sale.amount", "over": "period", "credit": credit},
		"used":     metric("sum", "metric/kwh.value"),
		"trend":    metric("last", "metric/kwh.value"),
		"ours":     map[string]any{"max": "metric/ours.value", "over": "period", "missing": map[string]any{"then": pick("ours", "hold", "last")}},
		"readings": map[string]any{"count": "metric/kwh", "over": "period", "where": "good", "missing": map[string]any{"then": "hold"}},
		"calls":    map[string]any{"count": "action/dial", "over": "period", "where": "amount > 1"},
		"cheap":    map[string]any{"count": "action/dial", "over": "period", "where": "amount <= 1"},
		"spent":    map[string]any{"sum": "action/dial.amount", "over": "period"},
		"places":   map[string]any{"distinct": "action/dial.resource", "over": "period"},
		"won":      map[string]any{"count": "sale", "over": "term"},
		"earned":   map[string]any{"sum": "sale.amount", "over": "term"},
		"breaches": map[string]any{"count": "finding/sale", "over": "period"},
		"faults":   map[string]any{"count": "finding/sale", "over": "term"},
		"ever":     map[string]any{"max": "sale.amount", "over": "term"},
		"meter":    map[string]any{"sum": "metric/kwh.value", "over": "term", "missing": map[string]any{"then": "hold"}},
		"dialed":   map[string]any{"sum": "action/dial.amount", "over": "term"},
		"level":    map[string]any{"last": "metric/kwh.value", "over": "term", "missing": map[string]any{"then": "hold"}},
	}
	fields["measures"] = measures
	fields["constants"] = map[string]any{"base": pick("base", "2", "-1", "0.75")}
	fields["formulas"] = map[string]any{"net": "used - base", "price": "volume / sales", "rate": "ratio(volume, sales, base) / 3", "swing": "excess(trend, 1)", "more": "earned * 0.1 - base", "mixed": "calls * 3 + cheap + sales"}
	overPeriod := []string{"sales", "volume", "big", "visits", "buyers", "top", "low", "newest", "mean", "credited", "used", "trend", "ours", "readings", "calls", "spent", "places", "net", "price", "rate", "swing", "breaches", "breaches", "mixed", "mixed", "cheap"}
	overTerm := []string{"won", "earned", "ever", "meter", "dialed", "level", "more", "faults"}
	money := []string{"1", "3", "12", "40"}
	if scale >= 2 {
		money = append(money, "0.05", "3.50")
	}
	adjust := func(names []string, whole, term bool) (list []any) {
		for range rapid.SampledFrom([]int{0, 0, 1, 1, 2, 3}).Draw(t, "adjustments") {
			switch pick("op", "at_least", "at_most", "percent_off", "times", "factor", "prorate") {
			case "at_least":
				list = append(list, map[string]any{"at_least": rapid.SampledFrom(money).Draw(t, "bound")})
			case "at_most":
				list = append(list, map[string]any{"at_most": rapid.SampledFrom(money).Draw(t, "bound")})
			case "percent_off":
				list = append(list, map[string]any{"percent_off": pick("percent", "0", "10", "33.3", "100")})
			case "times":
				list = append(list, map[string]any{"times": rapid.SampledFrom(names).Draw(t, "times"), "undefined": pick("undefined", "hold", "hold", "0.9")})
			case "factor":
				list = append(list, map[string]any{"factor": map[string]any{"by": rapid.SampledFrom(names).Draw(t, "by"), "below": "0", "undefined": pick("undefined", "hold", "1"),
					"steps": []any{map[string]any{"from": "-1", "times": "0.5"}, map[string]any{"from": "2", "times": "1"}, map[string]any{"from": "7.5", "times": "1.05"}}}})
			case "prorate":
				if !term {
					list = append(list, map[string]any{"prorate": "term"})
				}
			}
		}
		return list
	}
	var lines []any
	for i := range rapid.IntRange(1, 4).Draw(t, "lines") {
		names, term := overPeriod, false
		if maybe("over the term", 3) {
			names, term = overTerm, true
		}
		l := map[string]any{"name": fmt.Sprintf("line%d", i)}
		if maybe("due", 5) {
			l["due_at"] = pick("due_at", "2026-03-20T12:00:00.000Z", "2026-04-05T00:00:00.000Z", "2026-05-04T00:00:00.000Z")
		}
		if maybe("flat", 5) {
			l["flat"] = pick("flat", "8", "100.5")
			if l["due_at"] == nil {
				names, term = overPeriod, false
			}
			if list := adjust(names, false, term); list != nil {
				l["adjust"] = list
			}
			lines = append(lines, l)
			continue
		}
		of := rapid.SampledFrom(names).Draw(t, "of")
		mode := pick("mode", "graduated", "volume", "graduated")
		if slices.Contains([]string{"sales", "volume", "big", "visits", "credited", "won", "earned"}, of) && maybe("each", 2) {
			mode = "each"
		}
		for name, v := range drawTable(t, mode, true) {
			l[name] = v
		}
		l["of"] = of
		list := adjust(names, false, term)
		switch {
		case mode == "each" && maybe("bounds", 1):
			e := map[string]any{"at_least": pick("at_least", "0.5", "2"), "at_most": pick("at_most", "3", "20")}
			if !term && maybe("free", 1) {
				switch pick("free", "events", "amount", "both", "independent") {
				case "events":
					e["free"] = map[string]any{"events": 1}
				case "amount":
					e["free"] = map[string]any{"amount": "3.5"}
				case "both":
					e["free"] = map[string]any{"events": 2, "amount": "4", "ends": "together"}
				default:
					e["free"] = map[string]any{"events": 1, "amount": "4", "ends": "independent"}
				}
			}
			l["each"] = e
		case mode != "each":
			if maybe("convert", 3) {
				l["convert"] = map[string]any{pick("convert", "divide", "multiply"): pick("by", "3", "0.7"), "round": pick("round", "up", "down", "half_even"), "decimals": rapid.IntRange(0, 2).Draw(t, "decimals")}
			}
			if maybe("include", 2) {
				a := map[string]any{"include": "2", "unused": "lost"}
				if !term && maybe("rolls", 1) {
					a["unused"] = "rolls"
					if maybe("rolls_to", 1) {
						a["rolls_to"] = "3"
					}
				}
				list = append([]any{a}, list...)
			}
		}
		if list != nil {
			l["adjust"] = list
		}
		lines = append(lines, l)
	}
	fields["lines"] = lines
	delete(fields, "adjust")
	if list := adjust(overPeriod, true, false); list != nil && maybe("document", 1) {
		fields["adjust"] = list
	}
	settle := fields["settle"].(map[string]any)
	settle["corrections"] = pick("corrections", "after_minimum", "before_minimum")
	if maybe("prepaid", 2) {
		span := func(m map[string]any) map[string]any {
			m["from"], m["until"] = "2026-03-01T00:00:00.000Z", pick("until", "2026-04-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z")
			return m
		}
		settle["prepaid"] = []any{span(map[string]any{"name": "gift", "amount": "15", "every": "once"}), span(map[string]any{"name": "lost", "amount": "7", "every": "period", "unused": "lost"}),
			span(map[string]any{"name": "monthly", "amount": "2", "every": "period", "unused": "rolls", "at_most": "3"})}
	}
	fields["rounding"].(map[string]any)["at"] = pick("at", "event", "tier", "line", "statement")
	_ = number
	return repaired(t, fields)
}

var mistakePath = regexp.MustCompile(`^(?:lines\[(\d+)\]\.)?(?:adjust\[(\d+)\]\.)?(\w+)$`)

// repaired drafts terms, and puts right what stands or misses beside other
// fields.
func repaired(t *rapid.T, fields map[string]any) []byte {
	h := header()
	for name, v := range fields {
		h[name] = v
	}
	utc := func(_ string, from, _ record.Time) ([]terms.Offset, error) { return []terms.Offset{{From: from}}, nil }
	var mistakes []terms.Mistake
	for range 6 {
		var canonical []byte
		canonical, mistakes = terms.Draft([]byte(toJSON(h)), utc)
		if canonical != nil {
			return canonical
		}
		drop := map[int]bool{}
		for _, m := range mistakes {
			if m.Warning {
				continue
			}
			missing := strings.HasPrefix(m.Reason, "missing")
			if m.Path == "calendar.day_count" {
				c := map[string]any{"zone": "UTC", "period": h["calendar"].(map[string]any)["period"]}
				if missing {
					c["day_count"] = rapid.SampledFrom([]string{"actual", "fixed_30", "seconds"}).Draw(t, "day_count")
				}
				h["calendar"] = c
				continue
			}
			f := mistakePath.FindStringSubmatch(m.Path)
			if f == nil {
				if i := strings.IndexByte(m.Path, ']'); strings.HasPrefix(m.Path, "lines[") && i > 0 {
					n, _ := strconv.Atoi(m.Path[6:i])
					drop[n] = true
					continue
				}
				t.Fatalf("terms: %v", mistakes)
			}
			at := h
			line := -1
			if f[1] != "" {
				line, _ = strconv.Atoi(f[1])
				at = h["lines"].([]any)[line].(map[string]any)
			}
			if f[2] != "" {
				i, _ := strconv.Atoi(f[2])
				at = at["adjust"].([]any)[i].(map[string]any)
			}
			value := map[string][]string{"partial": {"full", "prorated"}, "below_zero": {"zero", "negative", "hold"}, "zero": {"due", "not_due"}}[f[3]]
			switch {
			case value == nil && line >= 0:
				drop[line] = true
			case value == nil:
				t.Fatalf("terms: %v", mistakes)
			case missing:
				at[f[3]] = rapid.SampledFrom(value).Draw(t, f[3])
			default:
				delete(at, f[3])
			}
		}
		if len(drop) > 0 {
			var lines []any
			for i, l := range h["lines"].([]any) {
				if !drop[i] {
					lines = append(lines, l)
				}
			}
			if lines == nil {
				lines = []any{map[string]any{"name": "flat", "flat": "10"}}
			}
			h["lines"] = lines
		}
	}
	t.Fatalf("terms: %v", mistakes)
	return nil
}

// drawWholeHistory draws records of everything that money hangs on, and settles
// as periods come due.
func drawWholeHistory(t *rapid.T, most int) (k *kit, statements []*record.Statement, details [][]string) {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	maybe := func(name string, of int) bool { return rapid.IntRange(0, of).Draw(t, name) == 0 }
	scale := rapid.SampledFrom([]int{0, 2, 2, 6}).Draw(t, "scale")
	keep := map[string]any{"calendar": map[string]any{"zone": "UTC", "period": pick("period", "week", "month", "month")}, "record_delay": pick("record_delay", "unlimited", "unlimited", "5d")}
	if maybe("short", 3) {
		keep["effective"] = map[string]any{"from": "2026-03-01T00:00:00.000Z", "until": "2026-04-20T00:00:00.000Z"}
	} else {
		keep["effective"] = map[string]any{"from": pick("from", "2026-03-01T00:00:00.000Z", "2026-02-23T00:00:00.000Z"), "until": "2027-03-01T00:00:00.000Z"}
	}
	k = newKit(t)
	parties := []string{"vendor", "client"}
	if maybe("shadow", 3) {
		parties = parties[:1]
	}
	k.agree(at("2026-03-01"), drawWhole(t, scale, keep), "", parties...)
	settle := func() {
		if _, _, ok := k.state.Next(); ok {
			st, detail := k.settle()
			statements, details = append(statements, st), append(details, detail)
			if k.state.governing(st.Until-1).terms.Settle.Corrections == "after_minimum" {
				checkSums(t, st, detail)
			}
		}
	}
	clock := at("2026-03-01")
	var claims, disputes, measured, reversals []string
	actions := drawActions(k)
	amounts := []string{"1", "2", "2.50", "3.5", "8", "8.01", "10", "0", "0.005", "0.000000000001", "999999999999.999999999999", "1000000000000000000", "9999999999999999999.999999999999"}
	latest := func(name string, of []string) string {
		return of[len(of)-1-rapid.IntRange(0, min(5, len(of)-1)).Draw(t, name)]
	}
	for i := range rapid.IntRange(1, most).Draw(t, "records") {
		clock += record.Time(rapid.SampledFrom([]int{0, 0, 1, 2, 5, 12, 40}).Draw(t, "pause")) * 12 * hour
		if _, closing, ok := k.state.Next(); ok && clock >= closing && rapid.IntRange(0, 2).Draw(t, "settle") > 0 {
			settle()
		}
		when := max(clock-record.Time(rapid.SampledFrom([]int{0, 0, 0, 1, 3, 9, 25, 70}).Draw(t, "age"))*12*hour, at("2026-02-21"))
		r := &record.Record{At: when}
		switch what := rapid.IntRange(0, 23).Draw(t, "what"); {
		case what < 5 || len(claims) == 0 && what < 10:
			facts := record.Facts{}
			if a := pick("amount", append([]string{"5", "7", ""}, amounts...)...); a != "" {
				facts = append(facts, record.Text("amount", a))
			}
			facts = append(facts, record.Bool("ok", !maybe("not ok", 4)), record.Text("ref", fmt.Sprintf("k%d", rapid.IntRange(0, 4).Draw(t, "ref"))), record.Text("share", pick("share", "1", "1", "0.01", "0")))
			r.ID, r.Case = fmt.Sprintf("o-%d", i), fmt.Sprintf("c-%d", rapid.IntRange(0, 6).Draw(t, "case"))
			r.By = pick("by", "vendor", "vendor", "vendor", "client", "bank")
			r.Backfilled = maybe("backfilled", 9)
			r.Attach = drawAttached(t)
			r.Body = &record.Outcome{Result: pick("result", "sale", "sale", "visit"), Facts: facts, Effect: pick("effect", append(actions, "", actions[0])...)}
			claims = append(claims, r.ID)
		case what == 5:
			r.By = pick("by", "client", "client", "vendor")
			r.Body = &record.Confirm{Of: latest("of", claims), Verdict: pick("verdict", "accept", "accept", "reject", "partial")}
			if r.Body.(*record.Confirm).Verdict == "reject" {
				r.ID = fmt.Sprintf("d-%d", i)
				disputes = append(disputes, r.ID)
			}
		case what < 8:
			b := &record.Reverse{Of: latest("of", claims), Cause: pick("cause", "reopened", "reversed", "cancelled")}
			if maybe("part", 1) {
				b.Quantity = record.Decimal(pick("quantity", "0.5", "1", "2", "5"))
			}
			r.By = pick("by", "vendor", "client", "bank")
			r.ID, r.Body = fmt.Sprintf("v-%d", i), b
			reversals = append(reversals, r.ID)
		case what == 21:
			r.ID, r.By = fmt.Sprintf("d-%d", i), pick("by", "client", "client", "vendor")
			r.Body = &record.Dispute{About: pick("action", actions...), Ground: "action"}
			r.Backfilled = maybe("backfilled", 5)
			disputes = append(disputes, r.ID)
		case what > 21:
			by, b, ok := drawFinding(t, disputes, claims, reversals)
			if !ok {
				continue
			}
			r.By, r.Body = by, b
		case what == 8:
			r.ID, r.By = fmt.Sprintf("d-%d", i), pick("by", "client", "client", "vendor")
			r.Body = &record.Dispute{About: latest("of", claims), Ground: "result"}
			disputes = append(disputes, r.ID)
		case what == 9:
			if len(disputes) == 0 {
				continue
			}
			r.By = "court"
			r.Body = &record.Resolve{Dispute: latest("dispute", disputes), Disposition: pick("disposition", "upheld", "rejected"), As: "arbiter"}
		case what < 13:
			from := when - when%day - record.Time(rapid.IntRange(0, 2).Draw(t, "span"))*day
			r.ID = fmt.Sprintf("m-%d", i)
			r.By = pick("by", "client", "client", "bank", "vendor", "court")
			b := &record.Measurement{Metric: pick("metric", "kwh", "kwh", "kwh", "ours"), From: from, Until: when, Value: record.Decimal(pick("value", "3", "-4", "7.25", "0", "2", "0.5", "-999999999999.999999999999"))}
			if len(measured) > 0 && maybe("again", 1) { // of the same
				o := k.byID(latest("restated", measured))
				b.From, b.Until, b.Metric = o.Body.(*record.Measurement).From, o.Body.(*record.Measurement).Until, o.Body.(*record.Measurement).Metric
				r.By, r.At = o.By, max(when, b.Until)
			}
			if b.Metric == "kwh" {
				b.Fields = record.Facts{record.Bool("good", rapid.Bool().Draw(t, "good"))}
			}
			measured = append(measured, r.ID)
			r.Body = b
		case what == 13:
			if len(measured) == 0 {
				continue
			}
			r.By = "client"
			r.Body = &record.Resolve{About: latest("resolved", measured), Field: "value", Value: pick("value", "1", "6.5", "-3"), Disposition: "upheld", As: "joint"}
		case what < 16:
			b := &record.Action{Action: pick("action", "dial", "dial", "other"), Effect: "communicate", Currency: "EUR", Resource: pick("resource", "a", "b", "c"), Status: pick("status", "executed", "executed", "executed", "failed"), Amount: record.Decimal(pick("amount", "1", "2", "0.5", ""))}
			r.Body = b
		case what == 16:
			r.Case = fmt.Sprintf("c-%d", rapid.IntRange(0, 6).Draw(t, "case"))
			r.Body = &record.Handoff{To: "person", Reason: "asked", Nonce: "AAAAAAAAAAAAAAAAAAAAAA=="}
		case what == 17:
			r.Body = drawDisclose(t, r)
		case what < 20:
			(&history{kit: k}).receipt("client", int64(max(1, len(k.records)-rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(t, "behind"))), r.At, r.At, max(clock, k.logged))
			continue
		default:
			if n := len(k.state.versions); n < 3 && i > 4 && keep["effective"].(map[string]any)["until"] != "2026-04-20T00:00:00.000Z" {
				later := map[string]any{"calendar": keep["calendar"], "record_delay": keep["record_delay"]}
				if c := k.state.versions[n-1].terms.Calendar.DayCount; c != "" {
					later["calendar"] = map[string]any{"zone": "UTC", "period": keep["calendar"].(map[string]any)["period"], "day_count": c}
				}
				begins := max(clock, k.logged, k.state.versions[n-1].terms.From) + record.Time(rapid.IntRange(1, 40).Draw(t, "begins"))*12*hour
				if begins >= at("2027-03-01") {
					continue // the agreement is over by then
				}
				later["effective"] = map[string]any{"from": begins.String(), "until": "2027-03-01T00:00:00.000Z"}
				history := ""
				text := drawWhole(t, scale, later)
				if v, _ := terms.Parse(text); v == nil || len(terms.CheckAmendment(k.state.standing.Versions(), v)) > 0 {
					continue // too long together, or it counts days in another way
				} else if !stoodIn(k.state.versions[n-1].terms, v) {
					continue // what would stand in may have left the state
				}
				if len(parties) == 1 {
					history, parties = pick("history", "adopt", "exclude"), []string{"vendor", "client"}
				}
				k.agree(max(clock, k.logged), text, history, parties...)
			}
			continue
		}
		r.Log = &record.Log{Time: max(clock, k.logged)}
		k.add(r)
	}
	for range rapid.IntRange(1, 3).Draw(t, "last") {
		settle()
	}
	return k, statements, details
}

func (k *kit) byID(id string) *record.Record {
	for _, r := range k.records {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// stoodIn reports whether each measure whose last value stands in by the terms
// next had that by those before as well.
func stoodIn(before, next *terms.Terms) bool {
	standing := func(t *terms.Terms, name string) bool {
		m := t.Measure(name)
		return m.Missing != nil && m.Missing.Then == "last" && m.Over == "period" && slices.Contains(readMeasures(t), name)
	}
	return !slices.ContainsFunc(next.Measures, func(m terms.Measure) bool { return standing(next, m.Name) && !standing(before, m.Name) })
}

// The whole language, whole statements, byte for byte.
func TestReferenceAgreesOnTheWholeLanguage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, got, details := drawWholeHistory(t, 50)
		want, rows := wholeBills(k.records, k.state.standing)
		if len(want) != len(got) {
			t.Fatalf("%d statements, want %d", len(got), len(want))
		}
		for i := range want {
			g := *got[i]
			g.Detail, g.State = "", ""
			a, b := whole(&g), whole(want[i])
			if a != b {
				t.Fatalf("statement %d:\n%s\ndetail\n%s", i, differing(a, b), strings.Join(details[i], "\n"))
			}
			if a, b := strings.Join(details[i], "\n"), strings.Join(rows[i], "\n"); a != b {
				t.Fatalf("detail of statement %d:\n%s", i, differing(a, b))
			}
		}
	})
}

// whole writes all of a statement.
func whole(st *record.Statement) string {
	s := *st
	s.Lines, s.Corrections = nil, nil
	text := fmt.Sprintf("%+v\n", s)
	for _, l := range st.Lines {
		text += fmt.Sprintf("%+v\n", l)
	}
	for _, c := range st.Corrections {
		text += fmt.Sprintf("%+v\n", c)
	}
	return text
}

// differing are the lines of two texts that are not in both.
func differing(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	out := ""
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			out += "got  " + x + "\nwant " + y + "\n"
		}
	}
	return out
}
