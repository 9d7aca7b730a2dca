package fee

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// This file is a second computation, written from docs/settlement.md and not
// from the code: all records of a ledger at once, no state, no fold, math/big
// for every number. It shares with the code the terms (their conditions and
// calendar among them) and nothing of this package but bare names.

// A bill is what the reference says of one statement.
type bill struct {
	text   string // as show writes it
	detail []string
}

type refResult struct {
	n       int64
	r       *record.Record
	body    *record.Outcome
	t0      record.Time
	v       terms.Version
	rule    *terms.Result
	key     string
	started string // name of the first period that considered it
	from    record.Time
	said    string
	told    map[int64]bool
	bookedP int // index of the period, -1
	booked  map[int]*big.Rat
	gone    bool
	free    bool // its key, after it is gone

	spent map[int64]bool // reversals that took from what was billed
	found bool           // counted among findings
}

type refPeriod struct {
	terms.Period
	base  int64
	tally map[[2]int]*refTally // by version and line
}

type refTally struct {
	n   int
	q   *big.Rat
	sum *big.Rat
	by  map[string]*big.Rat // grade
	use map[int][2]*big.Rat
}

func ratOf(d string) *big.Rat {
	x, ok := new(big.Rat).SetString(d)
	if !ok {
		panic("decimal " + d)
	}
	return x
}

func radd(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func rsub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func rmul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }

// bills computes every statement in the records.
func bills(records []*record.Record, standing *terms.Standing) []bill {
	versions := standing.Versions()
	instant := func(r *record.Record) record.Time { return versions[len(versions)-1].Terms.Instant(r) }
	governing := func(at record.Time) (v terms.Version, ok bool) {
		for _, w := range versions {
			if w.Terms.From <= at {
				v, ok = w, true
			}
		}
		return v, ok
	}
	// known are the versions among the first n records.
	known := func(n int64) (list []terms.Version) {
		for _, v := range versions {
			if v.N < n {
				list = append(list, v)
			}
		}
		return list
	}
	var out []bill
	var periods []refPeriod
	var results []*refResult
	var lastClosing record.Time = -1 << 62
	seen := 0
	balance := new(big.Rat)
	counted := map[int64]bool{} // loose records
	looseAt := map[int64]string{}
	looseLine := map[int64][2]string{}
	var contests []*refContest

	for cut, s := range records {
		if s.Kind != record.KindStatement {
			continue
		}
		before := records[:cut]
		// 1. Which claims open results, and what is loose.
		for i := seen; i < cut; i++ {
			r := records[i]
			at := instant(r)
			live := func(id string) *refResult {
				for _, x := range results {
					if !x.gone && x.r.ID == id {
						return x
					}
				}
				return nil
			}
			switch b := r.Body.(type) {
			case *record.Outcome:
				v, ok := governing(at)
				if !ok {
					looseAt[int64(i)], looseLine[int64(i)] = "outside_term", [2]string{b.Result, ""}
					continue
				}
				rule := v.Terms.Result(b.Result)
				once, _ := rule.Key(r)
				taken := false
				for _, x := range results {
					if !x.free && x.body.Result == b.Result && x.key == once {
						taken = true
					}
				}
				switch {
				case at+record.Time(rule.FinalAfter) <= lastClosing:
					looseAt[int64(i)], looseLine[int64(i)] = "final", [2]string{b.Result, once}
				case taken:
					looseAt[int64(i)], looseLine[int64(i)] = "duplicate", [2]string{b.Result, once}
				default:
					results = append(results, &refResult{n: int64(i), r: r, body: b, t0: at, v: v, rule: rule, key: once, told: map[int64]bool{}, bookedP: -1})
				}
			case *record.Confirm:
				if live(b.Of) == nil {
					looseAt[int64(i)] = "unmatched"
				}
			case *record.Reverse:
				if live(b.Of) == nil {
					looseAt[int64(i)] = "unmatched"
				}
			case *record.Dispute:
				if live(b.About) == nil && !takeDispute(&contests, r, known(int64(i))) {
					looseAt[int64(i)] = "unmatched"
				}
			case *record.Resolve:
				if b.As == "finding" {
					if !takeFinding(b, records[:i], contests, live, looseAt) {
						looseAt[int64(i)] = "unmatched"
					}
					break
				}
				found := isKept(contests, b.Dispute)
				for _, d := range records[:i] {
					var about string
					switch y := d.Body.(type) {
					case *record.Dispute:
						about = y.About
					case *record.Confirm:
						if y.Verdict == "reject" {
							about = y.Of
						}
					}
					if d.ID == b.Dispute && about != "" && live(about) != nil && looseAt[d.Log.N] == "" {
						found = true
					}
				}
				if !found {
					looseAt[int64(i)] = "unmatched"
				}
			}
		}
		seen = cut

		// 2. The period.
		from := versions[0].Terms.From
		if len(periods) > 0 {
			from = periods[len(periods)-1].Until
		}
		p, _ := standing.PeriodAt(from)
		ruling, _ := governing(p.Until - 1)
		t := ruling.Terms
		closing := p.Until + record.Time(t.Settle.CloseAfter)
		now := refPeriod{p, ruling.Number, map[[2]int]*refTally{}}
		tally := func(p *refPeriod, key [2]int) *refTally {
			if p.tally[key] == nil {
				p.tally[key] = &refTally{q: new(big.Rat), sum: new(big.Rat), by: map[string]*big.Rat{}, use: map[int][2]*big.Rat{}}
			}
			return p.tally[key]
		}
		for i := range t.Lines {
			tally(&now, [2]int{int(ruling.Number), i})
		}
		periods = append(periods, now)
		current := len(periods) - 1
		// What counts as before the end of P.
		end := p.Until
		if p.Until >= versions[len(versions)-1].Terms.Until {
			end = closing + 1
		}
		olds := map[int]map[[2]int]refTally{} // tallies before this statement
		touched := map[int]map[[2]int]bool{}
		counts := map[string]int{}
		behind := map[[2]int]int{}
		running := map[[3]int]*big.Rat{}
		var detail []string
		// Of one record by the name of the measure, and then by line.
		emit := func(n int64, result, key, measure, quantity string, at int, line, amount, reason string) {
			detail = append(detail, fmt.Sprintf("%09d %-64s %04d [%d,%q,%q,%q,%q,%q,%q,%q]", n, measure, at, n, result, key, measure, quantity, line, amount, reason))
		}
		rawOf := func(pi int, key [2]int) *big.Rat {
			y := tally(&periods[pi], key)
			l := versions[key[0]-1].Terms.Lines[key[1]]
			switch {
			case l.Mode == "each":
				return y.sum
			case y.n == 0 && periods[pi].base != int64(key[0]):
				return new(big.Rat)
			}
			return refPrice(l, y.q)
		}
		// A period is rounded as its base version says, also when it is corrected.
		roundAs := func(pi int, x *big.Rat) *big.Rat {
			mode := t.Rounding.Mode
			if base := periods[pi].base; pi != current && base > 0 {
				mode = versions[base-1].Terms.Rounding.Mode
			}
			return refRound(x, t.Scale, mode)
		}
		round := func(x *big.Rat) *big.Rat { return roundAs(current, x) }
		// move changes the tallies and tells the detail.
		move := func(x *refResult, pi int, line int, less, more *big.Rat, reason string) {
			key := [2]int{int(x.v.Number), line}
			if olds[pi] == nil {
				olds[pi], touched[pi] = map[[2]int]refTally{}, map[[2]int]bool{}
			}
			y := tally(&periods[pi], key)
			if !touched[pi][key] {
				touched[pi][key] = true
				olds[pi][key] = refTally{n: y.n, q: y.q, sum: y.sum}
				running[[3]int{pi, key[0], key[1]}] = roundAs(pi, rawOf(pi, key))
			}
			l := x.v.Terms.Lines[line]
			gained := new(big.Rat)
			if less != nil {
				y.n--
				y.q = rsub(y.q, less)
				gained = rsub(gained, less)
				if l.Mode == "each" {
					y.sum = rsub(y.sum, refPrice(l, less))
				}
			}
			if more != nil {
				y.n++
				y.q = radd(y.q, more)
				gained = radd(gained, more)
				if l.Mode == "each" {
					y.sum = radd(y.sum, refPrice(l, more))
				}
			}
			price := roundAs(pi, rawOf(pi, key))
			emit(x.n, x.body.Result, x.key, l.Of, dec(gained), line, l.Name, cents(rsub(price, running[[3]int{pi, key[0], key[1]}]), t.Scale), reason)
			running[[3]int{pi, key[0], key[1]}] = price
		}

		// 3. Each result.
		if n := tellContests(contests, results, closing, versions, instant); n > 0 {
			counts["unmatched"] += int(n)
		}
		for _, x := range results {
			if x.gone || x.t0 > closing {
				continue
			}
			if x.started == "" {
				x.started, x.from = p.Name, p.From
			}
			y := timeline(x, before, closing, instant, versions, looseAt)
			for _, e := range y.idle {
				if !x.told[e.n] {
					x.told[e.n] = true
					counts[e.reason]++
				}
			}
			reason, waits := "", false
			tell := func(r string) { reason = r }
			if x.bookedP >= 0 {
				gone, goneAt := y.void, y.voidAt
				if y.back != "" && (gone == "" || y.backAt < goneAt) {
					gone, goneAt = y.back, y.backAt
				}
				waits = y.later(end)
				if gone != "" && goneAt < end {
					waits = false
					reason = gone
					if len(x.booked) == 0 {
						reason = x.said
					}
					for _, line := range lines(x.booked) {
						move(x, x.bookedP, line, x.booked[line], nil, gone)
					}
					if len(x.booked) > 0 {
						counts[gone]++
					}
					x.booked = map[int]*big.Rat{}
					x.said = reason
				} else if y.locked && y.anyReduce {
					got, truth := y.measure(x, end)
					if truth != 1 {
						got = map[int]*big.Rat{}
					}
					changed := false
					left := map[int]*big.Rat{}
					for _, line := range lines(x.booked) {
						if q, ok := got[line]; ok {
							left[line] = x.booked[line]
							if q.Cmp(left[line]) < 0 {
								left[line] = q
							}
						}
						if left[line] == nil || left[line].Cmp(x.booked[line]) != 0 {
							changed = true
						}
					}
					if changed {
						for _, line := range lines(x.booked) {
							move(x, x.bookedP, line, x.booked[line], left[line], "reduced")
						}
						counts["reduced"]++
						x.booked, x.said = left, "reduced"
					}
				}
				y.spend(x, end)
				if !waits && closing >= x.t0+record.Time(x.rule.FinalAfter) {
					x.gone = true
				}
				continue
			}
			var got map[int]*big.Rat
			truth := 0
			if y.locked {
				got, truth = y.measure(x, end)
			}
			target := -1
			switch {
			case x.t0 < x.v.Terms.From || x.t0 >= x.v.Terms.Until:
				tell("outside_term")
			case !refEvidence(x):
				tell("evidence")
			case x.rule.Effect != nil && x.body.Effect == "":
				tell("no_effect")
			case y.void != "":
				tell(y.void)
			case y.open:
				tell("disputed")
			case y.missing:
				tell("undelivered")
			case !y.locked:
				tell("pending")
			case y.back != "" && y.backAt < end:
				tell(y.back)
			case truth == 0:
				tell("where")
			case truth < 0:
				tell("undefined")
			case len(got) == 0 && y.anyReduce:
				tell("reduced")
			case len(got) == 0:
				tell("no_line")
			default:
				b := map[string]record.Time{"occurred": x.t0, "accepted": y.acceptedAt, "locked": y.lockedAt, "recorded": x.r.Log.Time}[x.rule.BilledAt]
				switch {
				case b >= p.Until && b >= versions[len(versions)-1].Terms.Until:
					tell("outside_term")
				case b >= p.Until:
					tell("pending")
					waits = true
				case b >= p.From:
					target = current
				default:
					old := -1
					for i := range periods[:current] {
						if periods[i].From <= b && b < periods[i].Until {
							old = i
						}
					}
					switch {
					case old < 0:
						tell("outside_term")
					case t.Settle.Late == "correction":
						target = old
					case t.Settle.Late == "refuse" && b < x.from:
						tell("late")
					default:
						target = current
					}
				}
			}
			if target >= 0 {
				waits = y.later(end)
				x.bookedP, x.booked = target, got
				y.spend(x, end)
				x.said = "billed"
				counts["billed"]++
				grade := y.grade(x)
				for _, line := range lines(got) {
					move(x, target, line, nil, got[line], "billed")
					if target == current {
						key := [2]int{int(x.v.Number), line}
						behind[key]++
						ty := tally(&periods[current], key)
						if ty.by[grade] == nil {
							ty.by[grade] = new(big.Rat)
						}
						if got[line].Sign() > 0 {
							ty.by[grade] = radd(ty.by[grade], got[line])
						}
					}
				}
				if !waits && closing >= x.t0+record.Time(x.rule.FinalAfter) {
					x.gone = true
				}
				continue
			}
			leaves := !waits && closing >= x.t0+record.Time(x.rule.FinalAfter)
			if leaves && (reason == "pending" || reason == "disputed" || reason == "undelivered") {
				reason = "expired"
			}
			if reason == "pending" || reason == "disputed" || reason == "undelivered" || reason == "undefined" || reason != x.said {
				emit(x.n, x.body.Result, x.key, "", "", 0, "", "", reason)
				counts[reason]++
			}
			x.said = reason
			x.gone = leaves
		}
		dropContests(contests, results, closing, known(int64(cut)), instant)
		for _, x := range results {
			longest := record.Time(0)
			for _, v := range versions {
				if r := v.Terms.Result(x.rule.Name); r != nil && v.N < int64(cut) {
					longest = max(longest, record.Time(r.FinalAfter))
				}
			}
			x.free = x.free || x.gone && closing >= x.t0+record.Time(x.rule.FinalAfter)+longest
		}
		for i := range before {
			n := int64(i)
			if reason := looseAt[n]; reason != "" && !counted[n] && instant(records[i]) <= closing {
				counted[n] = true
				counts[reason]++
				if l, ok := looseLine[n]; ok {
					emit(n, l[0], l[1], "", "", 0, "", "", reason)
				}
			}
		}

		// 4. The statement.
		var b strings.Builder
		w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
		type lineOf struct {
			key    [2]int
			amount *big.Rat
			text   string
		}
		var list []lineOf
		sum := new(big.Rat)
		weights := map[string]*big.Rat{}
		for v := 1; v <= len(versions); v++ {
			for i, l := range versions[v-1].Terms.Lines {
				key := [2]int{v, i}
				y := periods[current].tally[key]
				if y == nil {
					continue
				}
				x := lineOf{key: key}
				raw := rawOf(current, key)
				var tiers, adjusts string
				if l.Mode != "each" && (y.n > 0 || int64(v) == periods[current].base) {
					for _, u := range refTiers(l, y.q) {
						tiers += fmt.Sprintf("  tier %d: %s -> %s\n", u.i, dec(u.q), dec(refRound(u.amount, 18, "half_even")))
					}
				}
				if l.Mode == "each" {
					per := map[int][2]*big.Rat{}
					for _, r := range results {
						if r.bookedP != current || r.v.Number != int64(v) || r.booked[i] == nil {
							continue
						}
						for _, u := range refTiers(l, r.booked[i]) {
							if per[u.i][0] == nil {
								per[u.i] = [2]*big.Rat{new(big.Rat), new(big.Rat)}
							}
							per[u.i] = [2]*big.Rat{radd(per[u.i][0], u.q), radd(per[u.i][1], u.amount)}
						}
					}
					for j := range l.Tiers {
						if u, ok := per[j]; ok {
							tiers += fmt.Sprintf("  tier %d: %s -> %s\n", j, dec(u[0]), dec(refRound(u[1], 18, "half_even")))
						}
					}
				}
				x.amount = raw
				if y.n > 0 || int64(v) == periods[current].base {
					x.amount = refAdjust(raw, l.Adjust, func(op string, a, c *big.Rat) {
						adjusts += fmt.Sprintf("  %s: %s -> %s\n", op, dec(refRound(a, 18, "half_even")), dec(refRound(c, 18, "half_even")))
					})
				}
				if t.Rounding.At == "line" {
					x.amount = round(x.amount)
				}
				sum = radd(sum, x.amount)
				x.text = fmt.Sprintf("line %s v%d: %s -> %%s (%d results)\n%s%s", l.Name, v, dec(y.q), behind[key], tiers, adjusts)
				list = append(list, x)
			}
		}
		if t.Rounding.At == "statement" {
			var parts []*big.Rat
			for _, x := range list {
				parts = append(parts, x.amount)
			}
			for i, a := range refParts(parts, round(sum), t.Scale) {
				list[i].amount = a
			}
		}
		agreed := true
		for _, v := range versions {
			agreed = agreed && v.Agreed
		}
		addWeight := func(g string, x *big.Rat) {
			if weights[g] == nil {
				weights[g] = new(big.Rat)
			}
			weights[g] = radd(weights[g], x)
		}
		for _, x := range list {
			fmt.Fprintf(&b, x.text, cents(x.amount, t.Scale))
			y := periods[current].tally[x.key]
			all := new(big.Rat)
			for _, q := range y.by {
				all = radd(all, q)
			}
			if all.Sign() == 0 {
				addWeight("both", x.amount)
				continue
			}
			for g, q := range y.by {
				addWeight(g, new(big.Rat).Quo(rmul(x.amount, q), all))
			}
		}
		adjusted := refAdjust(sum, t.Adjust, func(op string, a, c *big.Rat) { w("%s: %s -> %s", op, dec(a), dec(c)) })
		subtotal := round(adjusted)
		w("subtotal %s", cents(subtotal, t.Scale))
		total := subtotal
		for pi := range periods[:current] {
			for v := 1; v <= len(versions); v++ {
				for i, l := range versions[v-1].Terms.Lines {
					key := [2]int{v, i}
					if !touched[pi][key] {
						continue
					}
					price := func(y refTally) *big.Rat {
						due := periods[pi].base == int64(v)
						if y.n == 0 && !due {
							return new(big.Rat)
						}
						raw := y.sum
						if l.Mode != "each" {
							raw = refPrice(l, y.q)
						}
						return roundAs(pi, refAdjust(raw, l.Adjust, nil))
					}
					was, is := olds[pi][key], *periods[pi].tally[key]
					x := rsub(price(is), price(was))
					total = radd(total, x)
					w("correction of %s %s v%d: %s -> %s = %s", periods[pi].Name, l.Name, v, dec(was.q), dec(is.q), cents(x, t.Scale))
				}
			}
		}
		in := balance
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
		w("carried in %s, total %s, carried out %s", cents(in, t.Scale), cents(total, t.Scale), cents(balance, t.Scale))
		if subtotal.Sign() != 0 {
			names := []string{"both", "client", "third", "sampled", "vendor", "backfilled"}
			var ws []*big.Rat
			all := new(big.Rat)
			for _, g := range names {
				if weights[g] == nil {
					weights[g] = new(big.Rat)
				}
				all = radd(all, weights[g])
			}
			if all.Sign() == 0 {
				weights["both"], all = big.NewRat(1, 1), big.NewRat(1, 1)
			}
			for _, g := range names {
				ws = append(ws, new(big.Rat).Quo(rmul(subtotal, weights[g]), all))
			}
			for i, x := range refParts(ws, subtotal, t.Scale) {
				if x.Sign() != 0 {
					w("grade %s: %s", names[i], cents(x, t.Scale))
				}
			}
		}
		for _, r := range sortedKeys(counts) {
			w("count %s: %d", r, counts[r])
		}
		slices.SortStableFunc(detail, func(a, b string) int { return strings.Compare(a[:79], b[:79]) })
		for i := range detail {
			detail[i] = strings.TrimSpace(detail[i][79:])
		}
		out = append(out, bill{b.String(), detail})
		lastClosing = closing
	}
	return out
}

func sortedKeys(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func lines(m map[int]*big.Rat) []int {
	var keys []int
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// dec writes the shortest exact decimal.
// dec shows a figure with at most 18 decimals and 34 digits.
func dec(x *big.Rat) string {
	for scale := 18; ; scale-- {
		y := refRound(x, scale, "half_even")
		n, _ := y.FloatPrec()
		text := y.FloatString(n)
		if digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(text), "0"); len(digits) <= 34 || scale == 0 {
			return text
		}
	}
}

func cents(x *big.Rat, scale int) string { return x.FloatString(scale) }

// refRound rounds by comparing distances to the two neighbours.
func refRound(x *big.Rat, scale int, mode string) *big.Rat {
	step := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	size := new(big.Rat).Quo(new(big.Rat).Abs(x), step)
	floor := new(big.Int).Quo(size.Num(), size.Denom())
	rest := rsub(size, new(big.Rat).SetInt(floor))
	up := false
	switch c := rest.Cmp(big.NewRat(1, 2)); mode {
	case "half_up":
		up = c >= 0
	case "half_even":
		up = c > 0 || c == 0 && floor.Bit(0) == 1
	case "up":
		up = rest.Sign() > 0
	}
	if up {
		floor.Add(floor, big.NewInt(1))
	}
	y := rmul(new(big.Rat).SetInt(floor), step)
	if x.Sign() < 0 {
		y.Neg(y)
	}
	return y
}

// refParts is the rule for parts.
func refParts(parts []*big.Rat, total *big.Rat, scale int) []*big.Rat {
	step := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	type rest struct {
		i int
		x *big.Rat
	}
	var rests []rest
	out := make([]*big.Rat, len(parts))
	sum := new(big.Rat)
	for i, p := range parts {
		units := new(big.Rat).Quo(p, step)
		floor := new(big.Int).Div(units.Num(), units.Denom())
		out[i] = rmul(new(big.Rat).SetInt(floor), step)
		sum = radd(sum, out[i])
		rests = append(rests, rest{i, rsub(p, out[i])})
	}
	slices.SortStableFunc(rests, func(a, b rest) int { return b.x.Cmp(a.x) })
	for i := 0; sum.Cmp(total) < 0; i++ {
		out[rests[i].i] = radd(out[rests[i].i], step)
		sum = radd(sum, step)
	}
	if sum.Cmp(total) != 0 {
		panic("parts do not add up")
	}
	return out
}

func refAdjust(x *big.Rat, list []terms.Adjustment, step func(op string, before, after *big.Rat)) *big.Rat {
	for _, a := range list {
		y, m := x, ratOf(string(a.Amount))
		if a.Op == "at_least" && x.Cmp(m) < 0 || a.Op == "at_most" && x.Cmp(m) > 0 {
			y = m
		}
		if step != nil {
			step(a.Op, x, y)
		}
		x = y
	}
	return x
}

type refUse struct {
	i         int
	q, amount *big.Rat
}

// refTiers splits a quantity over the tiers of a line.
func refTiers(l terms.Line, q *big.Rat) []refUse {
	charge := func(u terms.Tier, part *big.Rat) *big.Rat {
		x := new(big.Rat)
		for _, unit := range []record.Decimal{u.Unit, u.Rate} {
			if unit != "" {
				x = radd(x, rmul(ratOf(string(unit)), part))
			}
		}
		if p := u.Package; p != nil {
			n := new(big.Rat).Quo(part, ratOf(string(p.Size)))
			x = rmul(refRound(n, 0, p.Round), ratOf(string(p.Price)))
		}
		if u.Flat != "" {
			x = radd(x, ratOf(string(u.Flat)))
		}
		return x
	}
	if q.Sign() <= 0 {
		if l.Zero == "due" {
			return []refUse{{0, new(big.Rat), ratOf(string(l.Tiers[0].Flat))}}
		}
		return nil
	}
	var uses []refUse
	low := new(big.Rat)
	for i, u := range l.Tiers {
		inside := u.UpTo == "" || q.Cmp(ratOf(string(u.UpTo))) <= 0
		if l.Mode == "graduated" {
			high := q
			if !inside {
				high = ratOf(string(u.UpTo))
			}
			part := rsub(high, low)
			uses = append(uses, refUse{i, part, charge(u, part)})
			low = high
		} else if inside {
			uses = append(uses, refUse{i, q, charge(u, q)})
		}
		if inside {
			break
		}
	}
	return uses
}

func refPrice(l terms.Line, q *big.Rat) *big.Rat {
	x := new(big.Rat)
	for _, u := range refTiers(l, q) {
		x = radd(x, u.amount)
	}
	return x
}

func refEvidence(x *refResult) bool {
	for _, name := range x.rule.Evidence {
		found := false
		for _, a := range x.r.Attach {
			found = found || a.Name == name
		}
		if !found {
			return false
		}
	}
	return true
}

// A line of time: what a result is as of a closing instant.
type refLine struct {
	acceptedAt, lockedAt record.Time
	locked, open         bool
	missing              bool // what must be delivered is not
	void, back           string
	voidAt, backAt       record.Time
	pre, post            []refCut
	anyReduce            bool
	found                record.Time  // -1 is never
	reverses             []refReverse // those that count
	idle                 []refIdle
	byClient, byVendor   bool
	byThird              bool
}

type refCut struct {
	at record.Time
	q  *big.Rat
}

type refReverse struct {
	n    int64
	at   record.Time
	part bool
}

// spend notes the reversals for which a statement took from what it billed, or
// another before it.
func (y *refLine) spend(x *refResult, end record.Time) {
	if x.bookedP < 0 {
		return
	}
	if x.spent == nil {
		x.spent = map[int64]bool{}
	}
	for _, r := range y.reverses {
		if slices.ContainsFunc(y.idle, func(e refIdle) bool { return e.n == r.n }) {
			continue
		}
		if r.at < end || r.part && (!y.locked || r.at <= y.lockedAt) {
			x.spent[r.n] = true
		}
	}
}

type refIdle struct {
	n      int64
	reason string
}

// timeline lets time run: it walks over every instant at which something
// happens, and asks at each what holds.
func timeline(x *refResult, records []*record.Record, closing record.Time, instant func(*record.Record) record.Time, versions []terms.Version, loose map[int64]string) refLine {
	var y refLine
	type happening struct {
		at record.Time
		n  int64
		r  *record.Record
	}
	delivered := refDelivered(x, records, instant)
	y.missing = delivered > closing
	seen := max(x.t0, x.r.Log.Time, delivered)
	counts := func(r *record.Record) record.Time {
		if r.Backfilled && !x.r.Backfilled {
			return r.Log.Time
		}
		return instant(r)
	}
	clamp := func(r *record.Record) record.Time { return max(counts(r), x.t0) }
	role := func(r *record.Record) string { return x.v.Terms.Party(r.By).Role }
	var accepts, disputes, reverses, voids []happening
	about := map[int64]bool{}        // disputes about the action
	var reversesOfVendor []happening // that have no effect
	findings := x.rule.Findings()
	resolves := map[string][]happening{}
	var handoffs []happening
	for _, r := range records {
		if counts(r) > closing || loose[r.Log.N] != "" {
			continue
		}
		h := happening{clamp(r), r.Log.N, r}
		switch b := r.Body.(type) {
		case *record.Confirm:
			switch {
			case b.Of != x.r.ID || r.Log.N < x.n:
			case b.Verdict == "accept":
				accepts = append(accepts, h)
			case b.Verdict == "reject":
				disputes = append(disputes, h)
			}
		case *record.Dispute:
			if b.About == x.r.ID && r.Log.N > x.n {
				disputes = append(disputes, h)
			}
			if refHeld(x, r, versions, instant) {
				about[h.n] = true
				disputes = append(disputes, h)
			}
		case *record.Resolve:
			switch {
			case b.As != "finding":
				resolves[b.Dispute] = append(resolves[b.Dispute], h)
			case !refDecides(x, b):
			case b.Dispute != "" && h.n < x.n: // it was found without this claim
			case b.Dispute != "":
				resolves[b.Dispute] = append(resolves[b.Dispute], h)
			case b.Disposition == "upheld" && b.About == x.r.ID:
				voids = append(voids, h)
			}
		case *record.Reverse:
			if b.Of == x.r.ID && r.Log.N > x.n {
				if r.By == "vendor" && x.r.By != "vendor" && counts(r) <= closing {
					y.idle = append(y.idle, refIdle{h.n, "not_entitled"})
					reversesOfVendor = append(reversesOfVendor, h)
					break
				}
				reverses = append(reverses, h)
			}
		case *record.Handoff:
			reach := record.Time(0)
			for _, v := range versions {
				if v.Terms.From <= counts(r) {
					reach = 0
					for _, res := range v.Terms.Results {
						if res.Escalation == "void" {
							reach = max(reach, record.Time(res.FinalAfter))
						}
					}
				}
			}
			if r.Case == x.r.Case && r.Case != "" && x.t0 < counts(r)+reach {
				handoffs = append(handoffs, h)
			}
		}
	}

	// What a finding keeps. Each finding about a reversal is told, of the
	// reversal or of itself.
	if findings != nil && len(findings.Keep) > 0 {
		all := append(slices.Clone(reverses), reversesOfVendor...)
		for _, r := range records {
			b, ok := r.Body.(*record.Resolve)
			if !ok || b.As != "finding" || b.Disposition != "rejected" || b.About == "" || loose[r.Log.N] != "" || counts(r) > closing || !refDecides(x, b) {
				continue
			}
			for _, h := range all {
				switch {
				case h.r.ID != b.About:
				case role(h.r) == "vendor":
					y.idle = append(y.idle, refIdle{r.Log.N, "not_entitled"})
				case x.spent[h.n]:
					y.idle = append(y.idle, refIdle{r.Log.N, "finding_late"})
				case slices.ContainsFunc(reverses, func(o happening) bool { return o.n == h.n }):
					reverses = slices.DeleteFunc(reverses, func(o happening) bool { return o.n == h.n })
					y.idle = append(y.idle, refIdle{h.n, "client_fault"})
				}
			}
		}
	}
	for _, h := range reverses {
		y.reverses = append(y.reverses, refReverse{h.n, h.at, h.r.Body.(*record.Reverse).Quantity != ""})
	}

	// The first proof that the client had seen the claim.
	receipt := refCovered(x.n, records, instant)
	if receipt >= 0 {
		receipt = max(receipt, seen)
	}

	// The silent instant.
	silent, spoken := record.Time(-1), record.Time(-1)
	switch a := x.rule.Accept; {
	case a.On == "claim":
		silent = delivered
	case a.On == "silence" && !x.r.Backfilled && a.From == "claim":
		silent = seen + record.Time(a.After)
	case a.On == "silence" && !x.r.Backfilled && receipt >= 0:
		silent = receipt + record.Time(a.After)
	}
	author := role(x.r)
	decides := func(r *record.Record) bool {
		if x.rule.Accept.On == "third" {
			return r.By == x.rule.Accept.By
		}
		return role(r) == "client"
	}
	for _, h := range accepts {
		if decides(h.r) && (spoken < 0 || h.at < spoken) {
			spoken = h.at
		}
		switch role(h.r) {
		case "third":
			y.byThird = y.byThird || decides(h.r)
		case "client":
			y.byClient = true
		case "vendor":
			if author == "client" {
				y.byVendor = true
			}
		}
	}
	if decides(x.r) {
		spoken = x.t0
	}

	// Disputes with their ends.
	type quarrel struct {
		from, to record.Time // to is -1 while open
		upheld   bool
		said     bool // somebody's word ended it
		by       string
	}
	var quarrels []quarrel
	for _, d := range disputes {
		free := (silent < 0 || d.at <= silent) && (spoken < 0 || d.at <= spoken)
		switch {
		case role(d.r) == author:
			y.idle = append(y.idle, refIdle{d.n, "not_entitled"})
			continue
		case x.rule.Dispute == nil || d.at > seen+record.Time(x.rule.Dispute.Within) && !free:
			y.idle = append(y.idle, refIdle{d.n, "dispute_late"})
			continue
		}
		q := quarrel{d.at, -1, false, false, ""}
		if about[d.n] {
			// It was over before there was a claim, and not upheld.
			first := func(disposition string) record.Time {
				least := record.Time(1 << 62)
				for _, h := range resolves[d.r.ID] {
					if h.r.Body.(*record.Resolve).Disposition == disposition {
						least = min(least, counts(h.r))
					}
				}
				return least
			}
			if r := first("rejected"); r < x.t0 && r < first("upheld") {
				continue
			}
		}
		// Ends in the order that breaks ties.
		type end struct {
			at     record.Time
			upheld bool
			said   bool
			by     string
		}
		var ends []end
		for _, by := range []string{"upheld word", "upheld finding", "rejected word", "rejected finding"} {
			for _, h := range resolves[d.r.ID] {
				b := h.r.Body.(*record.Resolve)
				this := b.Disposition + " word"
				if b.As == "finding" {
					this = b.Disposition + " finding"
				}
				if this == by { // a finding is nobody's word, and accepts nothing
					ends = append(ends, end{max(h.at, d.at), b.Disposition == "upheld", by != "rejected finding", by})
				}
			}
		}
		for _, h := range accepts {
			withdraws := decides(h.r) && h.r.By != x.r.By
			if x.rule.Accept.On == "third" && role(d.r) == "client" {
				withdraws = role(h.r) == "client"
			}
			if withdraws && h.at >= d.at {
				ends = append(ends, end{h.at, false, true, ""})
			}
		}
		if u := x.rule.Dispute; u.Then != "arbiter" && d.at+record.Time(u.After) <= closing {
			ends = append(ends, end{d.at + record.Time(u.After), u.Then == "void", false, ""})
		}
		slices.SortStableFunc(ends, func(a, b end) int { return int(min(1, max(-1, a.at-b.at))) })
		if len(ends) > 0 {
			q.to, q.upheld, q.said, q.by = ends[0].at, ends[0].upheld, ends[0].said, ends[0].by
		}
		quarrels = append(quarrels, q)
	}

	// Let time run from instant to instant until it is accepted.
	var moments []record.Time
	add := func(t record.Time) {
		if t >= 0 && t <= closing {
			moments = append(moments, t)
		}
	}
	add(silent)
	add(spoken)
	for _, q := range quarrels {
		add(q.from)
		add(q.to)
	}
	slices.Sort(moments)
	accepted := record.Time(-1)
	for _, t := range moments {
		open := slices.ContainsFunc(quarrels, func(q quarrel) bool { return q.from <= t && (q.to < 0 || q.to > t) })
		ended := slices.ContainsFunc(quarrels, func(q quarrel) bool { return q.to == t && q.said })
		if t == spoken || x.rule.Accept.On != "third" && !open && (ended || silent >= 0 && t >= silent) {
			accepted = t
			break
		}
	}
	never := record.Time(-1)
	y.acceptedAt, y.lockedAt = never, never
	if accepted >= 0 {
		y.acceptedAt = accepted
		lock := x.t0 + record.Time(x.rule.Lock.After)
		if l := x.rule.Lock; l.Months > 0 { // the calendar of these is UTC
			claimed := time.UnixMilli(int64(x.t0)).UTC()
			lock = record.Time(time.Date(claimed.Year(), claimed.Month()+time.Month(l.Months), l.Day, 0, 0, 0, 0, time.UTC).UnixMilli())
		}
		if l := max(accepted, lock); l <= closing {
			y.locked, y.lockedAt = true, l
		}
	}
	atOrBefore := func(t, limit record.Time) bool { return limit < 0 || t <= limit }

	// Void.
	void := func(reason string, at record.Time) {
		if y.void == "" || at < y.voidAt {
			y.void, y.voidAt = reason, at
		}
	}
	order := map[string]int{"reopened": 0, "reversed": 1, "cancelled": 2}
	slices.SortStableFunc(reverses, func(a, b happening) int {
		if a.at != b.at {
			return int(min(1, max(-1, a.at-b.at)))
		}
		return order[a.r.Body.(*record.Reverse).Cause] - order[b.r.Body.(*record.Reverse).Cause]
	})
	guarantee := never
	if g := x.rule.Reopen; g != nil && y.locked {
		base := map[string]record.Time{"occurred": seen, "accepted": y.acceptedAt, "locked": y.lockedAt}[g.From]
		guarantee = max(base, seen) + record.Time(g.Within)
	}
	for _, h := range reverses {
		b := h.r.Body.(*record.Reverse)
		if b.Quantity != "" {
			continue
		}
		switch {
		case !y.locked || h.at <= y.lockedAt:
			void(b.Cause, h.at)
		case h.at <= guarantee:
			if y.back == "" {
				y.back, y.backAt = b.Cause, h.at
			}
		default:
			y.idle = append(y.idle, refIdle{h.n, "after_guarantee"})
		}
	}
	if x.rule.Escalation == "void" {
		for _, h := range handoffs {
			if atOrBefore(h.at, y.acceptedAt) {
				void("escalated", h.at)
			}
		}
	}
	for _, q := range quarrels {
		if q.to >= 0 && q.upheld && q.by != "upheld finding" {
			void("dispute_upheld", q.to)
		}
		if q.to < 0 {
			y.open = true
		}
	}
	y.found = -1
	find := func(at record.Time) {
		if y.found < 0 || at < y.found {
			y.found = at
		}
	}
	for _, q := range quarrels {
		if q.by == "upheld finding" {
			find(q.to)
		}
	}
	for _, h := range voids {
		late := h.at > seen+record.Time(findings.Within)
		for _, q := range quarrels {
			late = late || strings.HasPrefix(q.by, "rejected") && q.to < h.at
		}
		if late {
			y.idle = append(y.idle, refIdle{h.n, "finding_late"})
			continue
		}
		find(h.at)
	}
	if y.found >= 0 {
		void("found", y.found)
	}

	// Reversals in part.
	slices.SortStableFunc(reverses, func(a, b happening) int {
		if a.at != b.at {
			return int(min(1, max(-1, a.at-b.at)))
		}
		p, q := a.r.Body.(*record.Reverse).Quantity, b.r.Body.(*record.Reverse).Quantity
		if p == "" || q == "" {
			return len(p) - len(q)
		}
		return ratOf(string(p)).Cmp(ratOf(string(q)))
	})
	var left *big.Rat
	if x.rule.Quantity != "" {
		if v, ok := x.body.Facts.Get(x.rule.Quantity); ok && writable(v.Text) {
			left = ratOf(v.Text)
		}
	}
	for _, h := range reverses {
		b := h.r.Body.(*record.Reverse)
		if b.Quantity == "" {
			continue
		}
		q := ratOf(string(b.Quantity))
		late := y.locked && h.at > y.lockedAt
		switch {
		case left == nil || q.Sign() <= 0 || !writable(string(b.Quantity)):
			y.idle = append(y.idle, refIdle{h.n, "no_quantity"})
		case late && h.at > guarantee:
			y.idle = append(y.idle, refIdle{h.n, "after_guarantee"})
		case q.Cmp(left) > 0:
			y.idle = append(y.idle, refIdle{h.n, "over_reversed"})
		default:
			left = rsub(left, q)
			y.anyReduce = true
			if late {
				y.post = append(y.post, refCut{h.at, q})
			} else {
				y.pre = append(y.pre, refCut{h.at, q})
			}
		}
	}
	return y
}

// later reports whether something takes effect only after the period.
func (y *refLine) later(until record.Time) bool {
	if y.void != "" && y.voidAt >= until || y.back != "" && y.backAt >= until {
		return true
	}
	for _, c := range append(slices.Clone(y.pre), y.post...) {
		if c.at >= until {
			return true
		}
	}
	return false
}

// measure gives quantities by line at the end of a period.
func (y *refLine) measure(x *refResult, until record.Time) (map[int]*big.Rat, int) {
	off := new(big.Rat)
	once := func() (map[int]*big.Rat, int) {
		facts := slices.Clone(x.body.Facts)
		for i, f := range facts {
			if f.Name == x.rule.Quantity && off.Sign() > 0 {
				facts[i].Value.Text = dec(rsub(ratOf(f.Value.Text), off))
			}
		}
		truth := func(e *terms.Expr) int {
			if e == nil {
				return 1
			}
			return e.Truth(facts, x.t0)
		}
		if t := truth(x.rule.Where); t != 1 {
			return nil, t
		}
		got := map[int]*big.Rat{}
		for i, l := range x.v.Terms.Lines {
			m := x.v.Terms.Measure(l.Of)
			if m.Of != x.rule.Name {
				continue
			}
			switch truth(m.Where) {
			case 0:
				continue
			case -1:
				return nil, -1
			}
			got[i] = big.NewRat(1, 1)
			if m.Op == "sum" {
				v, ok := facts.Get(m.Fact)
				if !ok {
					return nil, -1
				}
				if !writable(v.Text) {
					return nil, -1
				}
				got[i] = ratOf(v.Text)
			}
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
		for line := range got {
			if now[line] == nil {
				delete(got, line)
			} else if now[line].Cmp(got[line]) < 0 {
				got[line] = now[line]
			}
		}
	}
	return got, 1
}

// writable reports whether a value has few enough digits.
func writable(d string) bool {
	whole, rest, _ := strings.Cut(strings.TrimPrefix(d, "-"), ".")
	return len(whole) <= 19 && len(strings.TrimRight(rest, "0")) <= 12
}

func (y *refLine) grade(x *refResult) string {
	role := x.v.Terms.Party(x.r.By).Role
	switch {
	case role == "vendor" && y.byClient, role == "client" && y.byVendor:
		return "both"
	case role == "client":
		return "client"
	case role == "vendor" && y.byThird:
		return "third"
	case x.r.Backfilled && !y.byClient:
		return "backfilled"
	case role == "vendor":
		return "vendor"
	}
	return "third"
}
