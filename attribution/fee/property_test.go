package fee

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"pgregory.net/rapid"
)

const (
	hour record.Time = 3600 * 1000
	day              = 24 * hour
)

// drawTable draws the tiers of a line.
func drawTable(t *rapid.T, mode string, decimals bool) map[string]any {
	price := rapid.SampledFrom([]string{"0", "0.99", "1.80", "0.003", "0.02", "0.0005", "2", "7.125"})
	bounds := [][]string{{}, {"1"}, {"2", "5"}, {"3", "3.5", "10"}}
	if !decimals {
		bounds[3] = []string{"3", "4", "10"}
	}
	var tiers []any
	first := false
	list := append(slices.Clone(rapid.SampledFrom(bounds).Draw(t, "bounds")), "")
	for i, upTo := range list {
		u := map[string]any{}
		if upTo != "" {
			u["up_to"] = upTo
		}
		switch rapid.IntRange(0, 3).Draw(t, "price") {
		case 0:
			u["flat"] = price.Draw(t, "flat")
		case 1:
			u["package"] = map[string]any{"size": rapid.SampledFrom([]string{"1", "3", "0.7"}).Draw(t, "size"), "price": price.Draw(t, "package"), "round": rapid.SampledFrom([]string{"up", "down"}).Draw(t, "round")}
		case 2:
			u["unit"], u["flat"] = price.Draw(t, "unit"), price.Draw(t, "flat")
		default:
			u["unit"] = price.Draw(t, "unit")
		}
		first = first || i == 0 && u["flat"] != nil
		tiers = append(tiers, u)
	}
	l := map[string]any{"mode": mode, "tiers": tiers}
	if first {
		l["zero"] = rapid.SampledFrom([]string{"due", "not_due"}).Draw(t, "zero")
	}
	return l
}

func drawAdjust(t *rapid.T, of map[string]any, scale int) {
	bounds := []string{"1", "3", "12", "40"}
	if scale >= 2 {
		bounds = append(bounds, "0.05", "3.50")
	}
	var list []any
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "adjustments") {
		op := rapid.SampledFrom([]string{"at_least", "at_most"}).Draw(t, "op")
		list = append(list, map[string]any{op: rapid.SampledFrom(bounds).Draw(t, "bound")})
	}
	if list != nil {
		of["adjust"] = list
	}
}

// drawTerms draws terms of two results; the second is counted once per id.
func drawTerms(t *rapid.T, scales ...int) map[string]any {
	hours := func(name string, most int) string {
		h := rapid.IntRange(0, most/12).Draw(t, name) * 12
		if h == 0 {
			return "0s"
		}
		return fmt.Sprintf("%dh", h)
	}
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	results := map[string]any{}
	scale := rapid.SampledFrom(scales).Draw(t, "scale")
	for _, name := range []string{"sale", "visit"} {
		accept := map[string]any{"on": pick("accept", "claim", "client", "silence", "silence", "third")}
		if accept["on"] == "third" {
			accept["by"] = "bank"
		}
		if accept["on"] == "silence" {
			accept["after"], accept["from"] = hours("silence", 96), pick("from", "claim", "receipt")
		}
		r := map[string]any{
			"facts": map[string]any{"ok": "bool", "amount": "decimal", "share": "decimal", "ref": "text"}, "claim": []any{"bank", "client", "vendor"},
			"accept": accept, "dispute": "none", "reopen": "none", "escalation": pick("escalation", "void", "ignore"),
			"lock": hours("lock", 120), "billed_at": pick("billed_at", "occurred", "accepted", "locked", "recorded"),
			"final_after": fmt.Sprintf("%dd", rapid.IntRange(36, 60).Draw(t, "final_after")),
		}
		if pick("lock", "after", "after", "day") == "day" {
			r["lock"] = map[string]any{"months": 1, "day": rapid.IntRange(1, 5).Draw(t, "day")}
			r["final_after"] = fmt.Sprintf("%dd", rapid.IntRange(48, 60).Draw(t, "final_after"))
		}
		if name == "sale" {
			r["once_per"] = pick("once_per", "case", "fact:ref")
		} else {
			r["once_per"] = "id"
		}
		if pick("quantity", "yes", "yes", "no") == "yes" {
			r["quantity"] = "amount"
		}
		if w := pick("where", "", "ok", "amount >= 2 && amount <= 8", "amount / share > 1", "ok || amount > 5"); w != "" {
			r["where"] = w
		}
		if pick("dispute", "yes", "yes", "no") == "yes" {
			u := map[string]any{"then": pick("then", "accept", "void", "arbiter")}
			if u["then"] == "accept" && (accept["on"] == "client" || accept["on"] == "third") {
				u["then"] = "void" // terms take no acceptance there but the party's
			}
			if u["then"] != "arbiter" {
				u["after"] = hours("unresolved", 96)
			}
			r["dispute"] = map[string]any{"within": hours("within", 240), "unresolved": u}
		}
		if pick("reopen", "yes", "yes", "no") == "yes" {
			r["reopen"] = map[string]any{"within": hours("guarantee", 240), "from": pick("from", "occurred", "accepted", "locked")}
		}
		if pick("effect", "no", "yes") == "yes" {
			r["effect"] = drawEffect(t, r["dispute"] != "none", "both", "both", "void", "keep", "none")
		}
		if pick("evidence", "no", "no", "no", "yes") == "yes" {
			r["evidence"] = []any{"transcript"}
		}
		drawDelivered(t, r)
		results[name] = r
	}
	measures := map[string]any{
		"sales":  map[string]any{"count": "sale", "over": "period"},
		"volume": map[string]any{"over": "period", "sum": "sale.amount"},
		"big":    map[string]any{"count": "sale", "over": "period", "where": "amount > 3"},
		"visits": map[string]any{"count": "visit", "over": "period"},
		"value":  map[string]any{"over": "period", "sum": "visit.amount", "where": "amount / share < 100"},
	}
	var lines []any
	for i := range rapid.IntRange(1, 4).Draw(t, "lines") {
		of := rapid.SampledFrom([]string{"sales", "volume", "big", "visits", "value"}).Draw(t, "of")
		l := drawTable(t, pick("mode", "graduated", "volume", "each"), of == "volume" || of == "value")
		l["name"], l["of"] = fmt.Sprintf("line%d", i), of
		drawAdjust(t, l, scale)
		lines = append(lines, l)
	}
	fields := map[string]any{
		"results": results, "measures": measures, "lines": lines,
		"scale":    scale,
		"rounding": map[string]any{"mode": pick("mode", "half_up", "half_even", "down", "up"), "at": pick("at", "line", "statement")},
		"calendar": map[string]any{"zone": "UTC", "period": pick("period", "week", "month")},
		"settle": map[string]any{"close_after": hours("close_after", 120), "late": pick("late", "current", "correction", "refuse"),
			"negative": pick("negative", "carry", "credit", "forfeit"), "corrections": "after_minimum"},
		"record_delay": pick("record_delay", "unlimited", "unlimited", "5d"),
	}
	if pick("term", "long", "long", "short") == "short" {
		fields["effective"] = map[string]any{"from": "2026-03-01T00:00:00.000Z", "until": "2026-04-20T00:00:00.000Z"}
	}
	fields["responsibility"] = map[string]any{"rule_set": "rs-1", "outward": "client", "review_min": "0s"}
	drawAdjust(t, fields, scale)
	return fields
}

// drawEffect draws what the action behind a claim has to do with the fee.
func drawEffect(t *rapid.T, disputed bool, which ...string) map[string]any {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	e := map[string]any{"disputed": "ignore"}
	if disputed {
		e["disputed"] = pick("disputed", "hold", "hold", "ignore")
	}
	f := map[string]any{}
	lists := pick("lists", which...)
	if lists == "both" || lists == "void" {
		f["void"], f["within"] = []any{"limit_exceeded", "no_authority"}, pick("finding within", "0s", "60h", "10d", "30d")
	}
	if lists == "both" || lists == "keep" {
		f["keep"] = []any{"bad_input", "override_taken"}
	}
	if lists == "both" {
		f["both"] = pick("both", "void", "keep", "open")
	}
	if len(f) > 0 {
		e["findings"] = f
	}
	return e
}

// drawActions adds the actions that claims can name.
func drawActions(k *kit) (ids []string) {
	for i := range 4 {
		ids = append(ids, k.add(&record.Record{ID: fmt.Sprintf("x-%d", i), At: max(k.logged, at("2026-03-01")), Body: &record.Action{Action: "refund", Effect: "write", Status: "executed"}}))
	}
	return ids
}

// drawFinding draws a resolve by finding about one of what there is.
func drawFinding(t *rapid.T, disputes, claims, reversals []string) (by string, b *record.Resolve, ok bool) {
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	latest := func(name string, of []string) string {
		return of[len(of)-1-rapid.IntRange(0, min(5, len(of)-1)).Draw(t, name)]
	}
	b = &record.Resolve{As: record.ByFinding, Size: 1, Disposition: pick("disposition", "upheld", "rejected")}
	switch what := pick("about", "dispute", "claim", "claim", "reversal", "reversal"); {
	case what == "dispute" && len(disputes) > 0:
		b.Dispute = latest("dispute", disputes)
	case what == "claim" && len(claims) > 0:
		b.About, b.Disposition = latest("about", claims), pick("disposition", "upheld", "upheld", "upheld", "rejected")
	case what == "reversal" && len(reversals) > 0:
		b.About, b.Disposition = latest("about", reversals), pick("disposition", "rejected", "rejected", "rejected", "upheld")
	default:
		return "", nil, false
	}
	rules := map[string][]string{"upheld": {"limit_exceeded", "no_authority", "stale_grant"}, "rejected": {"bad_input", "override_taken", "late_record"}}[b.Disposition]
	b.Findings = []string{rapid.SampledFrom(rules).Draw(t, "rule")}
	return pick("by", "vendor", "client"), b, true
}

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// A history is what happened in a ledger drawn at random.
type history struct {
	kit    *kit
	shown  []string
	claims []string
	rows   []string
}

// drawHistory draws records and settles periods as they come due.
func drawHistory(t *rapid.T, most int) *history {
	fields := drawTerms(t, 0, 2, 2, 3, 6)
	k := start(t, toJSON(fields))
	h := &history{kit: k}
	clock := at("2026-03-01")
	var disputes, reversals []string
	actions := drawActions(k)
	pick := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	amounts := []string{"0", "1", "2", "2.50", "3.5", "8", "8.01", "10", "0.000000000001", "1234567890123", "9999999999999999999.999999999999"}
	// Nothing may be dated before a later version begins once it is there, and
	// an amendment begins after all that was recorded.
	for i := range rapid.IntRange(1, most).Draw(t, "records") {
		clock += record.Time(rapid.SampledFrom([]int{0, 0, 1, 2, 5, 12, 40}).Draw(t, "pause")) * 12 * hour
		if _, closing, ok := k.state.Next(); ok && clock >= closing && rapid.IntRange(0, 2).Draw(t, "settle") > 0 {
			h.settle()
		}
		r := &record.Record{At: max(clock-record.Time(rapid.SampledFrom([]int{0, 0, 0, 1, 3, 9, 25, 70}).Draw(t, "age"))*12*hour, at("2026-02-25"))}
		r.Log = &record.Log{Time: clock}
		what := rapid.IntRange(0, 18).Draw(t, "what")
		if len(h.claims) == 0 && what < 11 { // an event needs a claim
			what = 0
		}
		of := ""
		if len(h.claims) > 0 {
			of = h.claims[len(h.claims)-1-rapid.IntRange(0, min(5, len(h.claims)-1)).Draw(t, "of")]
		}
		switch what {
		case 0, 1, 2, 3:
			facts := record.Facts{}
			if a := pick("amount", append([]string{""}, amounts...)...); a != "" {
				facts = append(facts, record.Text("amount", a))
			}
			facts = append(facts, record.Bool("ok", rapid.IntRange(0, 4).Draw(t, "ok") > 0), record.Text("ref", fmt.Sprintf("k%d", rapid.IntRange(0, 30).Draw(t, "ref"))))
			if s := pick("share", "1", "0.01", "0", ""); s != "" {
				facts = append(facts, record.Text("share", s))
			}
			r.ID = fmt.Sprintf("o-%d", i)
			r.Case = fmt.Sprintf("c-%d", rapid.IntRange(0, 40).Draw(t, "case"))
			r.By = pick("by", "vendor", "vendor", "vendor", "client", "bank")
			r.Backfilled = rapid.IntRange(0, 9).Draw(t, "backfilled") == 0
			r.Attach = drawAttached(t)
			r.Body = &record.Outcome{Result: pick("result", "sale", "sale", "visit"), Facts: facts, Effect: pick("effect", append(actions, "", actions[0])...)}
			h.claims = append(h.claims, r.ID)
		case 4, 5:
			r.By = pick("by", "client", "client", "vendor", "bank")
			r.Body = &record.Confirm{Of: of, Verdict: pick("verdict", "accept", "accept", "reject", "partial")}
			if r.Body.(*record.Confirm).Verdict == "reject" {
				r.ID = fmt.Sprintf("d-%d", i)
				disputes = append(disputes, r.ID)
			}
		case 6, 7:
			b := &record.Reverse{Of: of, Cause: pick("cause", "reopened", "reversed", "cancelled")}
			if pick("part", "yes", "yes", "no") == "yes" {
				b.Quantity = record.Decimal(pick("quantity", "0.5", "1", "2", "5", "7", "0.0000000000001"))
			}
			r.By = pick("by", "vendor", "client", "bank")
			r.ID, r.Body = fmt.Sprintf("v-%d", i), b
			reversals = append(reversals, r.ID)
		case 8:
			r.ID, r.By = fmt.Sprintf("d-%d", i), pick("by", "client", "client", "vendor")
			r.Body = &record.Dispute{About: of, Ground: "result"}
			disputes = append(disputes, r.ID)
		case 9:
			if len(disputes) == 0 {
				continue
			}
			r.By = "court"
			r.Body = &record.Resolve{Dispute: disputes[len(disputes)-1-rapid.IntRange(0, min(3, len(disputes)-1)).Draw(t, "dispute")], Disposition: pick("disposition", "upheld", "rejected"), As: "arbiter"}
		case 10:
			r.Case = k.cases[of]
			r.Body = &record.Handoff{To: "person", Reason: "asked", Nonce: "AAAAAAAAAAAAAAAAAAAAAA=="}
		case 14:
			r.ID, r.By = fmt.Sprintf("d-%d", i), pick("by", "client", "client", "vendor")
			r.Body = &record.Dispute{About: pick("action", actions...), Ground: "action"}
			disputes = append(disputes, r.ID)
		case 15, 16:
			by, b, ok := drawFinding(t, disputes, h.claims, reversals)
			if !ok {
				continue
			}
			r.By, r.Body = by, b
		case 11:
			if len(k.state.versions) == 1 && fields["effective"] == nil && i > 5 && rapid.IntRange(0, 2).Draw(t, "amend") == 0 {
				h.amend(t, fields, clock)
			}
			continue
		case 12, 13:
			size := int64(len(k.records) - rapid.SampledFrom([]int{-1, 0, 0, 1, 3, 8}).Draw(t, "behind"))
			if size > 0 {
				h.receipt(pick("cosigner", "client", "client", "client", "court"), size, r.At+record.Time(rapid.IntRange(-4, 4).Draw(t, "cosigned"))*12*hour, r.At, max(clock, k.logged))
			}
			continue
		case 17, 18:
			r.Body = drawDisclose(t, r)
		}
		if what >= 4 {
			r.Backfilled = rapid.IntRange(0, 5).Draw(t, "backfilled") == 0 && what != 15 && what != 16 // no finding is history
		}
		r.Log.Time = max(clock, k.logged)
		k.add(r)
	}
	for range rapid.IntRange(1, 3).Draw(t, "last") {
		h.settle()
	}
	return h
}

// amend adds a version with other prices.
func (h *history) amend(t *rapid.T, fields map[string]any, clock record.Time) {
	other := drawTerms(t, fields["scale"].(int))
	for _, name := range []string{"calendar", "record_delay"} {
		other[name] = fields[name]
	}
	other["effective"] = map[string]any{"from": (clock + record.Time(rapid.IntRange(1, 40).Draw(t, "begins"))*12*hour).String(), "until": "2027-03-01T00:00:00.000Z"}
	h.kit.agree(clock, draft(t, toJSON(other)), "", "vendor", "client")
}

// receipt adds one of the newest checkpoint, cosigned by a party.
func (h *history) receipt(party string, size int64, cosigned, when, logged record.Time) {
	k := h.kit
	log, err := merkle.NewLogSigner(origin, key("log"))
	if err != nil {
		k.t.Fatalf("log: %v", err)
	}
	note, err := merkle.SignCheckpoint(merkle.Checkpoint{Origin: origin, Size: size, Root: merkle.LeafHash([]byte("any"))}, log)
	if err == nil {
		note, err = merkle.Cosign(note, party+".example/witness", key(party), int64(cosigned/1000))
	}
	if err != nil {
		k.t.Fatalf("checkpoint: %v", err)
	}
	k.add(&record.Record{At: when, Log: &record.Log{Time: logged}, Body: &record.Receipt{Checkpoint: strings.Split(strings.TrimSuffix(string(note), "\n"), "\n")}})
}

func (h *history) settle() {
	if _, _, ok := h.kit.state.Next(); !ok {
		return
	}
	st, detail := h.kit.settle()
	h.shown = append(h.shown, show(st))
	h.rows = append(h.rows, strings.Join(detail, "\n"))
	checkSums(h.kit.t, st, detail)
}

// checkSums holds what every statement must add up to.
func checkSums(t failer, st *record.Statement, detail []string) {
	t.Helper()
	sum := func(list []*big.Rat) *big.Rat {
		x := new(big.Rat)
		for _, y := range list {
			x = radd(x, y)
		}
		return x
	}
	var grades, lines, corrections []*big.Rat
	for _, g := range st.Grades {
		grades = append(grades, ratOf(string(g.Amount)))
	}
	if x := sum(grades); x.Cmp(ratOf(string(st.Subtotal))) != 0 {
		t.Fatalf("grades add up to %v, subtotal is %s", x, st.Subtotal)
	}
	for _, l := range st.Lines {
		lines = append(lines, ratOf(string(l.Amount)))
	}
	if x := sum(lines); len(st.Adjust) == 0 && x.Cmp(ratOf(string(st.Subtotal))) != 0 {
		t.Fatalf("lines add up to %v, subtotal is %s", x, st.Subtotal)
	}
	for _, c := range st.Corrections {
		corrections = append(corrections, ratOf(string(c.Amount)))
	}
	left := rsub(radd(radd(ratOf(string(st.Subtotal)), sum(corrections)), ratOf(string(st.CarriedIn))), radd(ratOf(string(st.Total)), ratOf(string(st.CarriedOut))))
	if left.Sign() > 0 {
		t.Fatalf("%v is lost between subtotal and total", left)
	}
}

func TestReferenceAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 60)
		want := bills(h.kit.records, h.kit.state.standing)
		if len(want) != len(h.shown) {
			t.Fatalf("%d statements, want %d", len(h.shown), len(want))
		}
		for i, w := range want {
			if h.shown[i] != w.text {
				t.Fatalf("statement %d:\ngot\n%s%s\nwant\n%s%s", i, h.shown[i], h.rows[i], w.text, w.detail)
			}
			if d := strings.Join(w.detail, "\n"); h.rows[i] != d {
				t.Fatalf("detail %d:\ngot\n%s\nwant\n%s", i, h.rows[i], d)
			}
		}
	})
}

// bare is a record as its author made it, to be recorded again elsewhere.
func bare(r *record.Record, logged record.Time) *record.Record {
	c := *r
	c.Log, c.Author, c.Cites, c.Sigs = &record.Log{Time: logged}, nil, nil, nil
	return &c
}

// Inside one cut only the order of the claims counts.
func TestOrderOfEventsInsideACutDoesNotCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 50)
		first := h.kit.records[0].Body.(*record.Agreement).Terms
		// Segments end with a statement or before a further version.
		type segment struct {
			claims, contests, events, resolves []*record.Record
			last                               *record.Record
		}
		var segments []segment
		var now segment
		for _, r := range h.kit.records[1:] {
			switch r.Body.(type) {
			case *record.Outcome, *record.Action:
				now.claims = append(now.claims, r)
			case *record.Dispute:
				if strings.HasPrefix(r.Body.(*record.Dispute).About, "x-") && len(segments) > 0 {
					now.contests = append(now.contests, r) // where the actions are there
					break
				}
				now.events = append(now.events, r)
			case *record.Resolve:
				now.resolves = append(now.resolves, r)
			case *record.Receipt: // it speaks of positions, which change here
			case *record.Statement, *record.Agreement:
				now.last = r
				segments = append(segments, now)
				now = segment{}
			default:
				now.events = append(now.events, r)
			}
		}
		run := func(shuffle bool) string {
			k := newKit(t)
			k.agree(at("2026-03-01"), first, "", "vendor", "client")
			out := ""
			for _, s := range segments {
				events, resolves := slices.Clone(s.events), slices.Clone(s.resolves)
				if shuffle {
					events, resolves = rapid.Permutation(events).Draw(t, "events"), rapid.Permutation(resolves).Draw(t, "resolves")
				}
				all := slices.Concat(s.claims, s.contests, events, resolves)
				if shuffle && rapid.Bool().Draw(t, "contests first") {
					all = slices.Concat(s.contests, s.claims, events, resolves)
				}
				for _, r := range all {
					k.add(bare(r, max(k.logged, s.last.Log.Time)))
				}
				if a, ok := s.last.Body.(*record.Agreement); ok {
					k.agree(s.last.At, a.Terms, "", "vendor", "client")
					continue
				}
				st, detail := k.settle()
				out += show(st)
				for _, line := range detail {
					_, line, _ = strings.Cut(line, ",")
					out += line + "\n"
				}
			}
			return out
		}
		if a, b := run(false), run(true); a != b {
			t.Fatalf("in another order\n%s\nwant\n%s", b, a)
		}
	})
}

// A state that is written, read back and taken on is the same state.
func TestStateCutAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, 50)
		s := New()
		for i, r := range h.kit.records {
			if rapid.IntRange(0, 9).Draw(t, "cut") == 0 {
				lines := s.Lines()
				again, err := ReadState(lines)
				if err != nil {
					t.Fatalf("before record %d: %v", i, err)
				}
				if again.Size() != int64(i) {
					t.Fatalf("size is %d, want %d", again.Size(), i)
				}
				s = again
			}
			if err := s.Apply(r); err != nil {
				t.Fatalf("record %d: %v", i, err)
			}
		}
		if a, b := join(s.Lines()), join(h.kit.state.Lines()); string(a) != string(b) {
			t.Fatalf("ends as\n%s\nwant\n%s", a, b)
		}
	})
}

// Where prices are linear and nothing is rounded, weekly statements add up to
// the one of the year.
func TestIncrementalStatementsAddUp(t *testing.T) {
	fields := `{"scale": 6, "calendar": {"zone": "UTC", "period": %q},
		"results": {"sale": {"facts": {"value": "decimal"}, "quantity": "value", "once_per": "id", "where": "value >= 2", "claim": ["vendor"],
			"accept": {"on": "silence", "after": "2d", "from": "claim"}, "dispute": "none", "reopen": {"within": "20d", "from": "occurred"}, "escalation": "ignore",
			"lock": "0s", "billed_at": "accepted", "final_after": "40d"}},
		"measures": {"sales": {"count": "sale", "over": "period"}, "value": {"over": "period", "sum": "sale.value"}},
		"lines": [{"name": "count", "of": "sales", "mode": "graduated", "tiers": [{"unit": "0.35"}]},
			{"name": "share", "of": "value", "mode": "volume", "tiers": [{"rate": "0.0125"}]},
			{"name": "each", "of": "value", "mode": "each", "tiers": [{"up_to": "3", "unit": "0.1"}, {"unit": "0.05", "flat": "0.5"}]}],
		"settle": {"close_after": "0s", "late": %q, "negative": "credit", "corrections": "after_minimum"}}`
	rapid.Check(t, func(t *rapid.T) {
		late := rapid.SampledFrom([]string{"current", "correction"}).Draw(t, "late")
		weekly, yearly := start(t, fmt.Sprintf(fields, "week", late)), start(t, fmt.Sprintf(fields, "year", late))
		clock := at("2026-03-01")
		sum := new(big.Rat)
		settle := func(k *kit) {
			st, detail := k.settle()
			checkSums(t, st, detail)
			if k == weekly {
				sum = radd(sum, ratOf(string(st.Total)))
			}
		}
		var claims []string
		for i := range rapid.IntRange(1, 60).Draw(t, "records") {
			clock += record.Time(rapid.IntRange(0, 6).Draw(t, "pause")) * 12 * hour
			for {
				if _, closing, ok := weekly.state.Next(); !ok || closing > clock {
					break
				}
				settle(weekly)
			}
			r := &record.Record{At: max(clock-record.Time(rapid.IntRange(0, 4).Draw(t, "age"))*day, at("2026-03-01")), Log: &record.Log{Time: clock}}
			if len(claims) == 0 || rapid.IntRange(0, 2).Draw(t, "claim") > 0 {
				r.ID = fmt.Sprintf("o-%d", i)
				r.Body = &record.Outcome{Result: "sale", Facts: record.Facts{record.Text("value", rapid.SampledFrom([]string{"1", "2", "2.75", "3", "7.5"}).Draw(t, "value"))}}
				claims = append(claims, r.ID)
			} else {
				b := &record.Reverse{Of: rapid.SampledFrom(claims).Draw(t, "of"), Cause: "reversed"}
				if rapid.Bool().Draw(t, "part") {
					b.Quantity = "0.5"
				}
				r.Body = b
			}
			weekly.add(bare(r, clock))
			yearly.add(bare(r, clock))
		}
		for {
			p, _, ok := weekly.state.Next()
			if !ok || p.From >= clock+40*day {
				break
			}
			settle(weekly)
		}
		st, _ := yearly.settle()
		if sum.Cmp(ratOf(string(st.Total))) != 0 {
			t.Fatalf("weeks add up to %v, the year is %s\n%s", sum, st.Total, show(st))
		}
	})
}

func TestGraduatedPriceNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawTable(t, "graduated", true)
		l["name"], l["of"] = "line", "sales"
		k := start(t, `{"results": {"sale": {"facts": {"value": "decimal"}, "once_per": "id", "claim": ["vendor"], "accept": {"on": "claim"}, "dispute": "none", "reopen": "none",
			"escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "40d"}}, "measures": {"sales": {"over": "period", "sum": "sale.value"}}, "lines": [`+toJSON(l)+`]}`)
		table := k.state.versions[0].tables[0]
		step, last := mustParse("0.35"), number{}
		q := number{}
		for range 50 {
			if x := table.price(q); x.cmp(last) < 0 {
				t.Fatalf("price of %s is %s, less than %s before", q, x, last)
			} else {
				last = x
			}
			q = q.add(step)
		}
	})
}
