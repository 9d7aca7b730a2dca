package fee

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

var refGrades = []string{"both", "client", "third", "sampled", "vendor", "backfilled"}

// wholeBills computes every statement in the records, without the digests of
// its detail and its state, and its detail.
func wholeBills(records []*record.Record, standing *terms.Standing) (out []*record.Statement, details [][]string) {
	all := standing.Versions()
	w := &world{stand: map[[3]int]*big.Rat{}, reached: map[string]*big.Rat{}, rolled: map[string]*big.Rat{}, included: map[string]*big.Rat{}, prepaid: map[string]*big.Rat{}, standins: map[string]*big.Rat{}}
	var readings []*wReading
	var actions []*wAction
	known := func(n int64) (list []terms.Version) {
		for _, v := range all {
			if v.N < n {
				list = append(list, v)
			}
		}
		return list
	}
	governing := func(list []terms.Version, at record.Time) (v terms.Version, ok bool) {
		for _, x := range list {
			if x.Terms.From <= at {
				v, ok = x, true
			}
		}
		return v, ok
	}
	instant := func(r *record.Record) record.Time {
		list := known(r.Log.N)
		if len(list) == 0 {
			return r.At
		}
		return list[len(list)-1].Terms.Instant(r)
	}
	loose, looseLine, looseVersion := map[int64]string{}, map[int64][2]string{}, map[int64]int64{}
	counted := map[int64]bool{}
	balance := new(big.Rat)
	lastClosing := record.Time(-1 << 62)
	seen := 0

	for cut, s := range records {
		if s.Kind != record.KindStatement {
			continue
		}
		before := records[:cut]
		for i := seen; i < cut; i++ {
			w.take(records, i, known(int64(i)), instant, governing, lastClosing, loose, looseLine, looseVersion, &readings, &actions)
		}
		seen = cut
		w.versions = known(int64(cut))
		for _, v := range w.versions {
			if v.History == "exclude" {
				w.excluded = int(v.Number) - 1
			}
		}

		// The period.
		first, last := w.versions[0].Terms, w.versions[len(w.versions)-1].Terms
		from := first.From
		if len(w.periods) > 0 {
			from = w.periods[len(w.periods)-1].Until
		}
		name, _, until := calendarPeriod(first.Calendar.Period, from)
		p := wPeriod{Period: terms.Period{Name: name, From: from, Until: min(until, last.Until)}}
		ruling, _ := governing(w.versions, p.Until-1)
		w.t = ruling.Terms
		t := w.t
		p.closing = p.Until + record.Time(t.Settle.CloseAfter)
		closing := p.closing
		if int(ruling.Number) > w.excluded {
			p.base = int(ruling.Number)
		}
		w.periods = append(w.periods, p)
		current := w.now()
		if !w.begun() {
			clear(w.reached) // counters begin anew behind a history that is excluded
		}
		end := p.Until
		if p.Until >= last.Until {
			end = closing + 1
		}
		periodOf := func(at record.Time) int {
			return slices.IndexFunc(w.periods[:current], func(q wPeriod) bool { return q.From <= at && at < q.Until })
		}

		w.entries[0] = w.entries[1]
		w.entries[1] = slices.Clone(w.entries[0])
		counts := map[string]int64{}
		involved := map[int64]bool{ruling.Number: true}
		touched := map[[3]int]bool{} // period, version, measure
		var fresh []wEntry
		type told struct {
			n                       int64
			reading                 bool
			result, key, reason     string
			version, measure, place int
			period                  int
			less, more              *wPart
		}
		var rows []told
		say := func(r told, reason string) {
			r.reason, r.place = reason, -1
			rows = append(rows, r)
			counts[reason]++
			involved[int64(r.version)] = true
		}
		// moved changes what is booked of a record.
		moved := func(r told, period int, at record.Time, less, more map[int]wPart, reason, grade string) {
			r.reason, r.period = reason, period
			counts[reason]++
			involved[int64(r.version)] = true
			for m := range w.versions[r.version-1].Terms.Measures {
				a, b := less[m], more[m]
				if a.q == nil && b.q == nil {
					continue
				}
				touched[[3]int{period, r.version, m}] = true
				row := r
				row.measure = m
				if a.q != nil {
					row.less = &a
					w.entries[1] = slices.DeleteFunc(w.entries[1], func(e wEntry) bool { return e.n == r.n && e.version == r.version && e.measure == m })
				}
				if b.q != nil {
					row.more = &b
					e := wEntry{n: r.n, version: r.version, measure: m, period: period, at: at, wPart: b, grade: grade}
					w.entries[1] = append(w.entries[1], e)
					if grade != "" {
						fresh = append(fresh, e)
					}
				}
				rows = append(rows, row)
			}
		}

		views := map[*wResult]refLine{}
		view := func(x *wResult) refLine {
			y, ok := views[x]
			if !ok {
				y = timeline(&x.refResult, before, closing, instant, w.versions, loose)
				views[x] = y
			}
			return y
		}
		touches := func(x *wResult) bool {
			if x.t0 > closing || int(x.v.Number) <= w.excluded || !refEvidence(&x.refResult) || x.rule.Effect != nil && x.body.Effect == "" || x.t0 < x.v.Terms.From || x.t0 >= x.v.Terms.Until {
				return false
			}
			y := view(x)
			return y.acceptedAt >= 0 && y.void == "" && y.back == "" && !y.open && !y.missing && (x.rule.Where == nil || x.rule.Where.Truth(x.body.Facts, x.t0) == 1)
		}

		// finding counts what a finding voided, in the period of the finding.
		finding := func(x *wResult, row told, y *refLine) (waits bool) {
			read := readMeasures(x.v.Terms)
			var measures []int
			for i := range x.v.Terms.Measures {
				if m := &x.v.Terms.Measures[i]; m.Source == "finding" && m.Of == x.rule.Name && slices.Contains(read, m.Name) {
					measures = append(measures, i)
				}
			}
			switch {
			case x.found || y.found < 0 || measures == nil || x.t0 < x.v.Terms.From || x.t0 >= x.v.Terms.Until:
				return false
			case y.found >= end:
				return true
			}
			x.found = true
			period := current
			if old := periodOf(y.found); y.found < p.From && old >= 0 && t.Settle.Late == "correction" {
				period = old
			}
			involved[x.v.Number] = true
			for _, i := range measures {
				part := wPart{q: big.NewRat(1, 1)}
				touched[[3]int{period, int(x.v.Number), i}] = true
				e := wEntry{n: x.n, version: int(x.v.Number), measure: i, period: period, at: x.t0, wPart: part, grade: "both"}
				w.entries[1] = append(w.entries[1], e)
				fresh = append(fresh, e)
				row.reason, row.measure, row.period, row.more = "found", i, period, &part
				rows = append(rows, row)
			}
			return false
		}

		if n := tellContests(w.contests, w.refs(), closing, w.versions, instant); n > 0 {
			counts["unmatched"] += n
		}

		// The results.
		for _, x := range w.results {
			if x.gone || x.t0 > closing {
				continue
			}
			row := told{n: x.n, result: x.body.Result, key: x.key, version: int(x.v.Number)}
			if x.started == "" {
				x.started, x.from = p.Name, p.From
			}
			if int(x.v.Number) <= w.excluded {
				say(row, "shadow")
				x.gone, x.free = true, true
				continue
			}
			y := view(x)
			for _, e := range y.idle {
				if !x.told[e.n] {
					x.told[e.n] = true
					counts[e.reason]++
				}
			}
			over := closing >= x.t0+record.Time(x.rule.FinalAfter)
			waits := false
			if x.bookedP >= 0 {
				y.spend(&x.refResult, end)
				if len(x.parts) == 0 {
					x.gone = !finding(x, row, &y) && over
					continue
				}
				gone, goneAt := y.void, y.voidAt
				if y.back != "" && (gone == "" || y.backAt < goneAt) {
					gone, goneAt = y.back, y.backAt
				}
				if gone != "" && goneAt < end {
					moved(row, x.bookedP, x.t0, x.parts, nil, gone, "")
					x.parts, x.said = nil, gone
				} else {
					waits = y.later(end)
					if y.locked && y.anyReduce {
						got, truth := w.measured(&y, x, end, touches)
						left, changed := map[int]wPart{}, false
						for m, a := range x.parts {
							if b, ok := got[m]; ok && truth == 1 {
								if a.q.Cmp(b.q) < 0 {
									b = a
								}
								b.text = a.text
								left[m] = b
								changed = changed || b.q.Cmp(a.q) != 0
							} else {
								changed = true
							}
						}
						if changed {
							moved(row, x.bookedP, x.t0, x.parts, left, "reduced", "")
							x.parts, x.said = left, "reduced"
						}
					}
				}
				if finding(x, row, &y) {
					waits = true
				}
				x.gone = !waits && over
				continue
			}
			var got map[int]wPart
			truth := 0
			if y.locked {
				got, truth = w.measured(&y, x, end, touches)
			}
			reason, target := "", -1
			switch {
			case x.t0 < x.v.Terms.From || x.t0 >= x.v.Terms.Until:
				reason = "outside_term"
			case !refEvidence(&x.refResult):
				reason = "evidence"
			case x.rule.Effect != nil && x.body.Effect == "":
				reason = "no_effect"
			case y.void != "":
				reason = y.void
			case y.open:
				reason = "disputed"
			case y.missing:
				reason = "undelivered"
			case !y.locked:
				reason = "pending"
			case y.back != "" && y.backAt < end:
				reason = y.back
			case truth == 0:
				reason = "where"
			case truth < 0:
				reason = "undefined"
			case len(got) == 0 && y.anyReduce:
				reason = "reduced"
			case len(got) == 0:
				reason = "no_line"
			default:
				b := map[string]record.Time{"occurred": x.t0, "accepted": y.acceptedAt, "locked": y.lockedAt, "recorded": x.r.Log.Time}[x.rule.BilledAt]
				switch old := periodOf(b); {
				case b >= p.Until && b >= last.Until:
					reason = "outside_term"
				case b >= p.Until:
					reason, waits = "pending", true
				case b >= p.From:
					target = current
				case old < 0:
					reason = "outside_term"
				case t.Settle.Late == "correction":
					target = old
				case t.Settle.Late == "refuse" && b < x.from:
					reason = "late"
				default:
					target = current
				}
			}
			if target >= 0 {
				waits = y.later(end)
				x.bookedP, x.parts, x.said = target, got, "billed"
				y.spend(&x.refResult, end)
				moved(row, target, x.t0, nil, got, "billed", y.grade(&x.refResult))
				x.gone = !waits && over
				continue
			}
			x.gone = !waits && over
			if x.gone && (reason == "pending" || reason == "disputed" || reason == "undelivered") {
				reason = "expired"
			}
			if reason == "pending" || reason == "disputed" || reason == "undelivered" || reason == "undefined" || reason != x.said {
				say(row, reason)
			}
			if finding(x, row, &y) {
				x.gone = false
			}
			x.said = reason
		}
		dropContests(w.contests, w.refs(), closing, w.versions, instant)
		for _, x := range w.results {
			longest := record.Time(0)
			for _, v := range w.versions {
				if r := v.Terms.Result(x.rule.Name); r != nil {
					longest = max(longest, record.Time(r.FinalAfter))
				}
			}
			x.free = x.free || x.gone && (int(x.v.Number) <= w.excluded || closing >= x.t0+record.Time(x.rule.FinalAfter)+longest)
		}

		// The measurements.
		tooLate := func(x *wReading) bool {
			since := p.From
			if x.since >= 0 {
				since = min(since, x.since)
			}
			return t.Settle.Late == "refuse" && !x.resolved && x.period < 0 && x.moment < since
		}
		up := map[string]*wReading{}
		for _, x := range readings {
			if x.gone || x.at > closing || int(x.v.Number) <= w.excluded || tooLate(x) || x.moment < x.v.Terms.From || x.moment >= x.v.Terms.Until {
				continue
			}
			if o := up[x.key]; o == nil || x.resolved && !o.resolved || x.resolved == o.resolved && x.n > o.n {
				up[x.key] = x
			}
		}
		// What both sides resolved of a span stands, whoever measured it.
		agreed := map[string]*wReading{}
		span := func(key string) string {
			f := strings.Split(key, "|")
			return strings.Join(append([]string{f[0]}, f[2:]...), "|")
		}
		for _, x := range up {
			if o := agreed[span(x.key)]; x.resolved && (o == nil || x.n > o.n) {
				agreed[span(x.key)] = x
			}
		}
		for key, x := range up {
			if o := agreed[span(key)]; o != nil && o != x {
				delete(up, key)
			}
		}
		for _, x := range readings {
			if x.gone {
				continue
			}
			row := told{n: x.n, reading: true, result: "metric/" + x.metric, key: x.id, version: int(x.v.Number)}
			over := closing >= x.moment+record.Time(x.v.Terms.Metric(x.metric).FinalAfter)
			if x.at > closing {
				if over {
					say(row, "final")
					x.gone = true
				}
				continue
			}
			if x.since < 0 {
				x.since = p.From
			}
			reason := ""
			late := x.since > x.moment && t.Settle.Late == "refuse" && !x.resolved && x.period < 0
			switch {
			case int(x.v.Number) <= w.excluded:
				say(row, "shadow")
				x.gone = true
				continue
			case x.moment < x.v.Terms.From || x.moment >= x.v.Terms.Until:
				say(row, "outside_term")
				x.gone = true
				continue
			case late:
				reason = "late"
			case up[x.key] != x && x.period >= 0 && len(x.parts) > 0:
				moved(row, x.period, x.moment, x.parts, nil, "restated", "")
				x.parts, x.said = nil, "restated"
			case up[x.key] != x:
				reason = "restated"
			case x.period >= 0:
			case x.moment >= p.Until:
				reason, over = "pending", false
			default:
				target := current
				if x.moment < p.From {
					target = periodOf(x.moment)
				}
				got, ok := wReadingParts(x)
				switch {
				case target < 0:
					reason = "outside_term"
				case !ok:
					reason = "undefined"
				case len(got) == 0:
					reason = "no_line"
				default:
					moved(row, target, x.moment, nil, got, "billed", x.grade)
					x.period, x.parts, x.said = target, got, "billed"
				}
			}
			if reason != "" && (reason == "pending" || reason == "undefined" || reason != x.said) {
				say(row, reason)
				x.said = reason
			}
			x.gone = over
		}

		// The actions.
		horizon := record.Time(0)
		for _, v := range w.versions {
			for _, r := range v.Terms.Results {
				horizon = max(horizon, record.Time(r.FinalAfter))
			}
			for _, m := range v.Terms.Metrics {
				horizon = max(horizon, record.Time(m.FinalAfter))
			}
		}
		for _, x := range actions {
			if x.done || x.at >= p.Until {
				continue
			}
			x.done = true
			target := current
			if x.at < p.From {
				target = periodOf(x.at)
			}
			refused := ""
			switch {
			case int(x.v.Number) <= w.excluded:
				refused = "shadow"
			case target < 0 || target < current && w.periods[target].Until <= lastClosing-horizon:
				refused = "final"
			case target < current && t.Settle.Late == "refuse":
				refused = "late"
			case target < current && t.Settle.Late == "current":
				target = current
			}
			for m, part := range x.parts {
				involved[x.v.Number] = true
				if refused != "" {
					counts[refused]++ // for each measure
					continue
				}
				e := wEntry{n: x.n, version: int(x.v.Number), measure: m, period: target, at: x.at, wPart: part, grade: "vendor", many: true}
				w.entries[1] = append(w.entries[1], e)
				fresh = append(fresh, e)
				touched[[3]int{target, e.version, m}] = true
			}
		}

		// What stands in.
		if p.base > 0 {
			read := readMeasures(t)
			lastOf := func(v terms.Version, name string, upTo int) *big.Rat {
				if !w.begun() {
					return nil
				}
				for i := upTo; i >= 0; i-- {
					if w.periods[i].base <= w.excluded {
						return nil
					}
					if list := w.ofAll(1, i, v, name); len(list) > 0 {
						return worth(v.Terms.Measure(name).Op, list)
					}
				}
				return nil
			}
			for i, m := range t.Measures {
				if m.Missing != nil && m.Missing.Then == "last" && m.Over == "period" && slices.Contains(read, m.Name) {
					if x := lastOf(ruling, m.Name, current-1); x != nil {
						w.stand[[3]int{current, int(ruling.Number), i}] = refRound(x, 18, "half_even")
					}
				}
			}
		}

		for i := range before {
			n := int64(i)
			if reason := loose[n]; reason != "" && !counted[n] && instant(records[i]) <= closing {
				counted[n] = true
				counts[reason]++
				if v := looseVersion[n]; v > 0 {
					involved[v] = true
				}
				if l, ok := looseLine[n]; ok {
					rows = append(rows, told{n: n, result: l[0], key: l[1], reason: reason, place: -1})
				}
			}
		}

		st := &record.Statement{Period: p.Name, From: p.From, Until: p.Until, Closing: closing, Agreed: true, Currency: t.Currency}
		money := func(x *big.Rat) record.Decimal { return record.Decimal(cents(x, t.Scale)) }

		// The lines.
		var amounts []*big.Rat
		sum := new(big.Rat)
		weights := map[string]*big.Rat{}
		weigh := func(g string, x *big.Rat) {
			if weights[g] == nil {
				weights[g] = new(big.Rat)
			}
			weights[g] = radd(weights[g], x)
		}
		var behinds [][]wEntry
		var owns []bool
		for _, v := range w.versions {
			for i := range v.Terms.Lines {
				l, x, behind, due := w.statementLine(v, i, fresh)
				if !due {
					continue
				}
				if t.Rounding.At != "statement" {
					x = w.round(x)
				}
				sum = radd(sum, x)
				st.Lines, amounts, behinds, owns = append(st.Lines, l), append(amounts, x), append(behinds, behind), append(owns, isOwn(v.Terms, &v.Terms.Lines[i]))
			}
		}
		// What rolls on.
		rolled := map[string]*big.Rat{}
		for i := range t.Lines {
			l := &t.Lines[i]
			a := includeOf(l)
			if p.base == 0 || a == nil || a.Unused != "rolls" || l.DueAt != 0 || isTerm(t, l) {
				continue
			}
			free := w.includes(current, ruling, l, a)
			used := new(big.Rat)
			if c := w.line(1, current, ruling, i); c.quantity != nil {
				if q, _ := unsigned(l, c.quantity); q != nil {
					used = converted(l, q)
				}
			}
			left := refRound(rsub(free, used), 18, "down")
			if a.RollsTo != "" {
				if most := rsub(ratOf(string(a.RollsTo)), ratOf(string(a.Amount))); left.Cmp(most) > 0 {
					left = most
				}
			}
			if left.Sign() > 0 {
				rolled[l.Name], free = left, rsub(free, left)
			}
			w.included[fmt.Sprint(current, l.Name)] = free
		}
		if t.Rounding.At == "statement" {
			amounts = refParts(amounts, w.round(sum), t.Scale)
		}
		for i, x := range amounts {
			st.Lines[i].Amount = money(x)
		}

		// Corrections.
		corrections := new(big.Rat)
		for pi := range w.periods[:current] {
			changed := func(f func(version int, m *terms.Measure) bool) bool {
				for k := range touched {
					if k[0] != pi {
						continue
					}
					if m := &w.versions[k[1]-1].Terms.Measures[k[2]]; m.Over == "period" && f(k[1], m) {
						return true
					}
				}
				return false
			}
			for _, v := range w.versions {
				for i := range v.Terms.Lines {
					l := &v.Terms.Lines[i]
					number := int(v.Number)
					if number <= w.excluded || isTerm(v.Terms, l) || !dueIn(l, w.periods[pi].Period) {
						continue
					}
					own, base := isOwn(v.Terms, l), w.periods[pi].base == number
					reads := lineReads(v.Terms, l)
					place := slices.IndexFunc(v.Terms.Measures, func(m terms.Measure) bool { return m.Name == l.Of })
					there := base || own && (len(w.in(0, pi, number, place)) > 0 || touched[[3]int{pi, number, place}])
					if !changed(func(version int, m *terms.Measure) bool {
						return own && version == number && m.Name == l.Of || there && slices.Contains(reads, m.Name) && alike(v, w.versions[version-1], m.Name) >= 0
					}) {
						continue
					}
					was, is := w.line(0, pi, v, i), w.line(1, pi, v, i)
					amount := func(c wCalc) *big.Rat {
						if c.amount == nil {
							return new(big.Rat)
						}
						return w.roundAs(pi, c.amount)
					}
					quantity := func(c wCalc) record.Decimal {
						if c.quantity == nil {
							return ""
						}
						return wShow(c.quantity)
					}
					x := rsub(amount(is), amount(was))
					corrections = radd(corrections, x)
					st.Corrections = append(st.Corrections, record.Correction{Period: w.periods[pi].Name, Version: v.Number, Line: l.Name, QuantityBefore: quantity(was), Quantity: quantity(is), Amount: money(x)})
				}
			}
		}
		w.rolled = rolled

		// The subtotal and the balance.
		if t.Settle.Corrections == "before_minimum" {
			sum = radd(sum, corrections)
		}
		if p.base > 0 {
			var c wCalc
			x := w.adjusted(&c, t.Adjust, sum, func(name string) *big.Rat { return w.value(1, current, ruling, name) }, current, w.share(p))
			if st.Reads = c.reads; x != nil && under(x, 28) {
				sum, st.Adjust = x, c.steps
			}
		}
		subtotal := w.round(sum)
		total := subtotal
		if t.Settle.Corrections != "before_minimum" {
			total = radd(total, corrections)
		}
		in := balance
		if current > 0 && w.periods[current-1].base <= w.excluded {
			in = new(big.Rat)
		}
		total = radd(total, in)
		balance = new(big.Rat)
		if total.Sign() < 0 {
			switch t.Settle.Negative {
			case "carry":
				balance, total = total, new(big.Rat)
			case "forfeit":
				total = new(big.Rat)
			}
		}
		st.Subtotal, st.CarriedIn, st.Total, st.CarriedOut = money(subtotal), money(in), money(total), money(balance)
		left := map[string]*big.Rat{}
		if p.base > 0 && len(t.Settle.Prepaid) > 0 {
			due := total
			for _, x := range t.Settle.Prepaid {
				if p.From < x.From || p.From >= x.Until {
					continue
				}
				have := ratOf(string(x.Amount))
				if old := w.prepaid[x.Name]; old != nil && w.begun() {
					if x.Every == "once" {
						have = old
					} else if x.Unused == "rolls" {
						have = radd(old, have)
					}
				}
				if x.AtMost != "" && have.Cmp(ratOf(string(x.AtMost))) > 0 {
					have = ratOf(string(x.AtMost))
				}
				use := new(big.Rat)
				if due.Sign() > 0 {
					if use = have; due.Cmp(have) < 0 {
						use = due
					}
				}
				due = rsub(due, use)
				left[x.Name] = rsub(have, use)
				st.Prepaid = append(st.Prepaid, record.Drawdown{Name: x.Name, Before: money(have), Used: money(use), After: money(left[x.Name])})
			}
			st.Due = money(due)
		}
		w.prepaid = left

		for _, v := range w.versions {
			adopted := slices.ContainsFunc(w.versions, func(o terms.Version) bool { return o.History == "adopt" && o.Number > v.Number })
			if involved[v.Number] {
				st.Terms = append(st.Terms, v.Terms.Digest())
				st.Agreed = st.Agreed && (v.Agreed || adopted)
			}
		}

		// Grades.
		bare := "both"
		if !st.Agreed {
			bare = "vendor"
		}
		for i, behind := range behinds {
			all := new(big.Rat)
			by := map[string]*big.Rat{}
			weakest := 0
			for _, e := range behind {
				weakest = max(weakest, slices.Index(refGrades, e.grade))
				if e.q.Sign() > 0 {
					if by[e.grade] == nil {
						by[e.grade] = new(big.Rat)
					}
					by[e.grade] = radd(by[e.grade], e.q)
					all = radd(all, e.q)
				}
			}
			switch {
			case len(behind) > 0 && !owns[i]:
				weigh(refGrades[weakest], amounts[i])
			case all.Sign() == 0:
				weigh(bare, amounts[i])
			default:
				for g, q := range by {
					weigh(g, new(big.Rat).Quo(rmul(amounts[i], q), all))
				}
			}
		}
		if subtotal.Sign() != 0 {
			all := new(big.Rat)
			for _, x := range weights {
				all = radd(all, x)
			}
			if all.Sign() == 0 {
				weights = map[string]*big.Rat{bare: big.NewRat(1, 1)}
				all = big.NewRat(1, 1)
			}
			var parts []*big.Rat
			for _, g := range refGrades {
				x := weights[g]
				if x == nil {
					x = new(big.Rat)
				}
				parts = append(parts, new(big.Rat).Quo(rmul(subtotal, x), all))
			}
			for i, x := range refParts(parts, subtotal, t.Scale) {
				if x.Sign() != 0 {
					st.Grades = append(st.Grades, record.Grade{Grade: refGrades[i], Amount: money(x)})
				}
			}
		}
		for reason, n := range counts {
			st.Counts = append(st.Counts, record.Count{Reason: reason, N: n})
		}
		slices.SortFunc(st.Counts, func(a, b record.Count) int { return strings.Compare(a.Reason, b.Reason) })

		// The detail.
		slices.SortStableFunc(rows, func(a, b told) int {
			if a.reading != b.reading {
				if a.reading {
					return 1
				}
				return -1
			}
			return int(a.n - b.n)
		})
		var detail []string
		running := map[[3]int][]wEntry{}
		for _, r := range rows {
			write := func(measure, quantity, line, amount string) {
				detail = append(detail, fmt.Sprintf("[%d,%q,%q,%q,%q,%q,%q,%q]", r.n, r.result, r.key, measure, quantity, line, amount, r.reason))
			}
			if r.place < 0 {
				write("", "", "", "")
				continue
			}
			v := w.versions[r.version-1]
			m := &v.Terms.Measures[r.measure]
			key := [3]int{r.period, r.version, r.measure}
			if m.Over == "term" {
				key[0] = -1
			}
			was, ok := running[key]
			if !ok {
				was = w.in(0, key[0], r.version, r.measure)
			}
			is := slices.Clone(was)
			gained := new(big.Rat)
			if r.less != nil {
				is = slices.DeleteFunc(is, func(e wEntry) bool { return e.n == r.n })
				gained = rsub(gained, r.less.q)
			}
			if r.more != nil {
				is = append(is, wEntry{n: r.n, wPart: *r.more})
				gained = radd(gained, r.more.q)
			}
			running[key] = is
			period := current
			if key[0] >= 0 {
				period = key[0]
			}
			base := w.periods[period].base
			price := func(l *terms.Line, list []wEntry) *big.Rat {
				if l.Mode == "each" {
					x, _ := eachPrice(v.Terms, *l, list)
					return w.roundAs(period, x)
				}
				if len(list) == 0 && base != r.version {
					return new(big.Rat)
				}
				x := new(big.Rat)
				for _, u := range wTiers(v.Terms, *l, converted(l, wSum(list))) {
					x = radd(x, u.amount)
				}
				return w.roundAs(period, x)
			}
			priced := false
			for i := range v.Terms.Lines {
				if l := &v.Terms.Lines[i]; isOwn(v.Terms, l) && l.Of == m.Name && (l.Each == nil || l.Each.Free == nil) {
					priced = true
					write(m.Name, dec(gained), l.Name, cents(rsub(price(l, is), price(l, was)), t.Scale))
				}
			}
			if !priced {
				write(m.Name, dec(gained), "", "")
			}
		}
		out, details = append(out, st), append(details, detail)
		lastClosing = closing
	}
	return out, details
}

// measured is what a result adds to the measures of its version.
func (w *world) measured(y *refLine, x *wResult, until record.Time, touches func(*wResult) bool) (map[int]wPart, int) {
	off := new(big.Rat)
	t := x.v.Terms
	read := readMeasures(t)
	once := func() (map[int]wPart, int) {
		facts := slices.Clone(x.body.Facts)
		for i, f := range facts {
			if f.Name == x.rule.Quantity && off.Sign() > 0 {
				facts[i].Value.Text = dec(rsub(ratOf(f.Value.Text), off))
			}
		}
		if e := x.rule.Where; e != nil {
			if truth := e.Truth(facts, x.t0); truth != 1 {
				return nil, truth
			}
		}
		got := map[int]wPart{}
		for i := range t.Measures {
			m := &t.Measures[i]
			if m.Source != "result" || m.Of != x.rule.Name || !slices.Contains(read, m.Name) {
				continue
			}
			part, truth := wPartOf(m, facts, x.t0)
			if truth < 0 {
				return nil, -1
			}
			if truth == 0 {
				continue
			}
			if m.Credit != nil {
				if part.q = w.credited(m.Credit, x, part.q, touches); part.q.Sign() == 0 {
					continue
				}
			}
			got[i] = part
		}
		return got, 1
	}
	for _, c := range y.pre {
		off = radd(off, c.q)
	}
	got, truth := once()
	if truth != 1 {
		return nil, truth
	}
	for _, c := range y.post {
		if c.at >= until {
			continue
		}
		off = radd(off, c.q)
		now, _ := once()
		for m := range got {
			if b, ok := now[m]; !ok {
				delete(got, m)
			} else if b.q.Cmp(got[m].q) < 0 {
				got[m] = wPart{b.q, got[m].text}
			}
		}
	}
	return got, 1
}

// wPartOf is what facts add to a measure.
func wPartOf(m *terms.Measure, facts record.Facts, at record.Time) (wPart, int) {
	if m.Where != nil {
		if truth := m.Where.Truth(facts, at); truth != 1 {
			return wPart{}, truth
		}
	}
	part := wPart{q: big.NewRat(1, 1)}
	if m.Op == "count" {
		return part, 1
	}
	f, ok := facts.Get(m.Fact)
	switch {
	case !ok:
		return wPart{}, -1
	case m.Op == "distinct":
		part.text = f.Text
	case !writable(f.Text):
		return wPart{}, -1
	default:
		part.q = ratOf(f.Text)
	}
	return part, 1
}

func wReadingParts(x *wReading) (map[int]wPart, bool) {
	got := map[int]wPart{}
	read := readMeasures(x.v.Terms)
	for i := range x.v.Terms.Measures {
		m := &x.v.Terms.Measures[i]
		if m.Source != "metric" || m.Of != x.metric || !slices.Contains(read, m.Name) {
			continue
		}
		switch part, truth := wPartOf(m, x.fields, x.moment); truth {
		case -1:
			return nil, false
		case 1:
			got[i] = part
		}
	}
	return got, true
}

// take notes what a record is.
func (w *world) take(records []*record.Record, i int, versions []terms.Version, instant func(*record.Record) record.Time, governing func([]terms.Version, record.Time) (terms.Version, bool), lastClosing record.Time,
	loose map[int64]string, looseLine map[int64][2]string, looseVersion map[int64]int64, readings *[]*wReading, actions *[]*wAction) {
	r := records[i]
	n := int64(i)
	at := instant(r)
	live := func(id string) bool {
		return slices.ContainsFunc(w.results, func(x *wResult) bool { return !x.gone && x.r.ID == id })
	}
	unmatched := func(ok bool) {
		if !ok {
			loose[n] = "unmatched"
		}
	}
	switch b := r.Body.(type) {
	case *record.Outcome:
		v, ok := governing(versions, at)
		if !ok {
			loose[n], looseLine[n] = "outside_term", [2]string{b.Result, ""}
			return
		}
		rule := v.Terms.Result(b.Result)
		once, _ := rule.Key(r)
		looseLine[n], looseVersion[n] = [2]string{b.Result, once}, v.Number
		switch {
		case at+record.Time(rule.FinalAfter) <= lastClosing:
			loose[n] = "final"
		case slices.ContainsFunc(w.results, func(x *wResult) bool { return !x.free && x.body.Result == b.Result && x.key == once }):
			loose[n] = "duplicate"
		default:
			delete(looseLine, n)
			w.results = append(w.results, &wResult{refResult: refResult{n: n, r: r, body: b, t0: at, v: v, rule: rule, key: once, told: map[int64]bool{}, bookedP: -1}})
		}
	case *record.Confirm:
		unmatched(live(b.Of))
	case *record.Reverse:
		unmatched(live(b.Of))
	case *record.Dispute:
		unmatched(live(b.About) || takeDispute(&w.contests, r, versions))
	case *record.Resolve:
		measured := false
		if b.Field != "" {
			for _, x := range *readings {
				if !x.gone && x.id == b.About {
					y := *x
					y.n, y.at, y.id, y.resolved, y.grade = n, at, r.ID, true, "both"
					y.since, y.period, y.parts, y.said = -1, -1, nil, ""
					y.fields = slices.Clone(x.fields)
					for k := range y.fields {
						if y.fields[k].Name == b.Field {
							y.fields[k].Value.Text = b.Value
						}
					}
					*readings = append(*readings, &y)
					measured = true
					break
				}
			}
		}
		if b.As == "finding" {
			unmatched(takeFinding(b, records[:i], w.contests, func(id string) *refResult {
				for _, x := range w.results {
					if !x.gone && x.r.ID == id {
						return &x.refResult
					}
				}
				return nil
			}, loose))
			return
		}
		found := measured || isKept(w.contests, b.Dispute)
		for _, d := range records[:i] {
			about := ""
			switch y := d.Body.(type) {
			case *record.Dispute:
				about = y.About
			case *record.Confirm:
				if y.Verdict == "reject" {
					about = y.Of
				}
			}
			found = found || d.ID == b.Dispute && about != "" && live(about) && loose[d.Log.N] == ""
		}
		unmatched(found)
	case *record.Measurement:
		moment := b.From
		if b.Until > b.From {
			moment = b.Until - 1
		}
		v, ok := governing(versions, moment)
		if !ok {
			if v, ok = governing(versions, at); ok && v.Terms.Metric(b.Metric) != nil && slices.Contains(v.Terms.Metric(b.Metric).By, r.By) {
				loose[n] = "outside_term"
			}
			return
		}
		m := v.Terms.Metric(b.Metric)
		if m == nil || !slices.Contains(m.By, r.By) {
			return
		}
		if moment+record.Time(m.FinalAfter) <= lastClosing {
			loose[n] = "final"
			return
		}
		grade := map[string]string{"client": "client", "vendor": "vendor"}[v.Terms.Party(r.By).Role]
		if r.Backfilled && grade != "client" {
			grade = "backfilled"
		}
		if grade == "" {
			grade = "third"
		}
		facts := append(slices.Clone(b.Fields), record.Text("value", string(b.Value)))
		*readings = append(*readings, &wReading{n: n, id: r.ID, metric: b.Metric, moment: moment, at: at, v: v, grade: grade, fields: record.NewFacts(facts...), since: -1, period: -1,
			key: fmt.Sprint(b.Metric, "|", r.By, "|", r.Case, "|", r.Subject, "|", b.From, "|", b.Until)})
	case *record.Action:
		v, ok := governing(versions, at)
		if !ok || b.Status != "executed" {
			return
		}
		read := readMeasures(v.Terms)
		facts := record.Facts{}
		for _, f := range []struct{ name, text string }{{"amount", string(b.Amount)}, {"currency", b.Currency}, {"resource", b.Resource}} {
			if f.text != "" {
				facts = append(facts, record.Text(f.name, f.text))
			}
		}
		x := &wAction{n: n, at: at, v: v, parts: map[int]wPart{}}
		any := false
		for k := range v.Terms.Measures {
			m := &v.Terms.Measures[k]
			if m.Source != "action" || m.Of != b.Action || !slices.Contains(read, m.Name) {
				continue
			}
			any = true
			switch part, truth := wPartOf(m, facts, at); truth {
			case -1:
				loose[n] = "undefined"
			case 1:
				x.parts[k] = part
			}
		}
		if any && (at < v.Terms.From || at >= v.Terms.Until) {
			loose[n] = "outside_term"
		}
		if any && loose[n] == "" {
			*actions = append(*actions, x)
		}
	}
}
