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

// The second computation of the whole language, from docs/settlement.md and
// docs/terms.md: everything that counts is an entry of one list, and whatever a
// statement says is worked out from the list as it was before and as it is
// after. No state, no fold, math/big for every number. What a result is as of a
// closing is that of reference_test.go.

// A wPart is what something adds to one measure of its version.
type wPart struct {
	q    *big.Rat
	text string
}

// A wEntry is something that counts.
type wEntry struct {
	n       int64
	version int // number
	measure int
	period  int // index
	at      record.Time
	wPart
	grade string // of those that this statement counts
	many  bool   // an action
}

type wResult struct {
	refResult
	parts map[int]wPart // booked
}

type wReading struct {
	n               int64
	id, metric, key string
	moment, at      record.Time
	v               terms.Version
	grade           string
	resolved        bool
	fields          record.Facts
	since           record.Time // -1 is never
	said            string
	period          int // -1 while it is not booked
	parts           map[int]wPart
	gone            bool
}

type wAction struct {
	n     int64
	at    record.Time
	v     terms.Version
	parts map[int]wPart
	done  bool
}

type wPeriod struct {
	terms.Period
	base    int
	closing record.Time
}

type world struct {
	versions []terms.Version // known at the statement
	excluded int
	periods  []wPeriod
	t        *terms.Terms // of the period that is settled
	entries  [2][]wEntry  // before and after the statement
	stand    map[[3]int]*big.Rat
	reached  map[string]*big.Rat
	rolled   map[string]*big.Rat
	included map[string]*big.Rat // by period and line
	prepaid  map[string]*big.Rat
	standins map[string]*big.Rat
	results  []*wResult
	contests []*refContest
}

// refs are the results as the reference of one result knows them.
func (w *world) refs() (list []*refResult) {
	for _, x := range w.results {
		list = append(list, &x.refResult)
	}
	return list
}

func (w *world) now() int                  { return len(w.periods) - 1 }
func (w *world) cur() *wPeriod             { return &w.periods[w.now()] }
func (w *world) round(x *big.Rat) *big.Rat { return w.roundAs(w.now(), x) }

// roundAs rounds as a period does: as its base version says, also when it is
// corrected.
func (w *world) roundAs(period int, x *big.Rat) *big.Rat {
	mode := w.t.Rounding.Mode
	if base := w.periods[period].base; period != w.now() && base > 0 {
		mode = w.versions[base-1].Terms.Rounding.Mode
	}
	return refRound(x, w.t.Scale, mode)
}

// begun: a statement that is owed came before.
func (w *world) begun() bool { return w.now() > 0 && w.periods[w.now()-1].base > w.excluded }

func wShow(x *big.Rat) record.Decimal {
	for scale := 18; ; scale-- {
		text := dec(refRound(x, scale, "half_even"))
		whole, _, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
		if len(whole)+scale <= 34 || whole == "0" {
			return record.Decimal(text)
		}
	}
}

// under reports whether x is, without its sign, less than a power of ten.
func under(x *big.Rat, digits int64) bool {
	return new(big.Rat).Abs(x).Cmp(new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil))) < 0
}

// calendarPeriod is the month or ISO week that holds an instant, in UTC.
func calendarPeriod(kind string, at record.Time) (name string, from, until record.Time) {
	t := time.UnixMilli(int64(at)).UTC()
	t = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	if kind == "month" {
		t = t.AddDate(0, 0, 1-t.Day())
		return t.Format("2006-01"), record.Time(t.UnixMilli()), record.Time(t.AddDate(0, 1, 0).UnixMilli())
	}
	t = t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
	y, n := t.ISOWeek()
	return fmt.Sprintf("%04d-W%02d", y, n), record.Time(t.UnixMilli()), record.Time(t.AddDate(0, 0, 7).UnixMilli())
}

// share is the covered part of a period.
func (w *world) share(p wPeriod) *big.Rat {
	first, last := w.versions[0].Terms, w.versions[len(w.versions)-1].Terms
	count := ""
	for _, v := range w.versions {
		if c := v.Terms.Calendar.DayCount; c != "" {
			count = c
		}
	}
	_, from, until := calendarPeriod(first.Calendar.Period, p.From)
	lo, hi := max(from, first.From), min(until, last.Until)
	covered, whole := int64(hi-lo), int64(until-from)
	switch count {
	case "actual":
		covered, whole = covered/int64(day), whole/int64(day)
	case "fixed_30":
		out := (whole - covered) / int64(day)
		whole = map[string]int64{"month": 30, "week": 7}[first.Calendar.Period]
		covered = max(0, whole-out)
	}
	return big.NewRat(covered, whole)
}

// alike gives the place in another version of a measure that measures the same.
func alike(v, o terms.Version, name string) int {
	m := v.Terms.Measure(name)
	for i := range o.Terms.Measures {
		x := &o.Terms.Measures[i]
		if x.Name == name && x.Op == m.Op && x.Source == m.Source && x.Of == m.Of && x.Fact == m.Fact && x.Over == m.Over {
			return i
		}
	}
	return -1
}

// in are the entries of a slot; period -1 is the term.
func (w *world) in(set, period, version, measure int) (list []wEntry) {
	for _, e := range w.entries[set] {
		if e.version == version && e.measure == measure && (period < 0 || e.period == period) {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b wEntry) int { return int(a.n - b.n) })
	return list
}

// ofAll are the entries of a measure of all versions that measure the same.
func (w *world) ofAll(set, period int, v terms.Version, name string) (list []wEntry) {
	for _, o := range w.versions {
		if i := alike(v, o, name); i >= 0 && int(o.Number) > w.excluded {
			list = append(list, w.in(set, period, int(o.Number), i)...)
		}
	}
	return list
}

func wSum(list []wEntry) *big.Rat {
	x := new(big.Rat)
	for _, e := range list {
		x = radd(x, e.q)
	}
	return x
}

// worth is the value of a measure over entries, nil if it has none.
func worth(op string, list []wEntry) *big.Rat {
	switch op {
	case "count", "sum":
		return wSum(list)
	case "distinct":
		seen := map[string]bool{}
		for _, e := range list {
			seen[e.text] = true
		}
		return big.NewRat(int64(len(seen)), 1)
	}
	if len(list) == 0 {
		return nil
	}
	if op == "mean" {
		return new(big.Rat).Quo(wSum(list), big.NewRat(int64(len(list)), 1))
	}
	best := list[0]
	for _, e := range list[1:] {
		c := e.q.Cmp(best.q)
		if op == "min" && c < 0 || op == "max" && c > 0 || op == "last" && (e.at > best.at || e.at == best.at && e.n > best.n) {
			best = e
		}
	}
	return best.q
}

// value is that of a measure, a formula or a constant; nil if it has none.
func (w *world) value(set, period int, v terms.Version, name string) *big.Rat {
	t := v.Terms
	if c := t.Constant(name); c != nil {
		return ratOf(string(c.Value))
	}
	if f := t.Formula(name); f != nil {
		x := wFormulas[f.Is.String()](func(name string) *big.Rat { return w.value(set, period, v, name) })
		if x != nil && !under(x, 34) {
			return nil
		}
		return x
	}
	m := t.Measure(name)
	at := period
	if m.Over == "term" {
		at = -1
	}
	list := w.ofAll(set, at, v, name)
	if m.Missing == nil || len(list) > 0 {
		return worth(m.Op, list)
	}
	switch m.Missing.Then {
	case "value":
		return ratOf(string(m.Missing.Value))
	case "other":
		return w.value(set, period, v, m.Missing.Measure)
	case "last":
		if at >= 0 {
			for _, o := range w.versions {
				if i := alike(v, o, name); i >= 0 && int(o.Number) > w.excluded {
					if x := w.stand[[3]int{period, int(o.Number), i}]; x != nil {
						return x
					}
				}
			}
		}
	}
	return nil
}

// wFormulas are the formulas of the tests, by their texts.
var wFormulas = map[string]func(get func(string) *big.Rat) *big.Rat{
	"calls * 3 + cheap + sales": func(get func(string) *big.Rat) *big.Rat {
		return radd(radd(rmul(get("calls"), big.NewRat(3, 1)), get("cheap")), get("sales"))
	},
	"used - base": func(get func(string) *big.Rat) *big.Rat {
		if get("used") == nil {
			return nil
		}
		return rsub(get("used"), get("base"))
	},
	"volume / sales": func(get func(string) *big.Rat) *big.Rat {
		if get("sales").Sign() == 0 {
			return nil
		}
		return new(big.Rat).Quo(get("volume"), get("sales"))
	},
	"ratio(volume, sales, base) / 3": func(get func(string) *big.Rat) *big.Rat {
		x := get("base")
		if get("sales").Sign() != 0 {
			x = new(big.Rat).Quo(get("volume"), get("sales"))
		}
		return rmul(x, big.NewRat(1, 3))
	},
	"excess(trend, 1)": func(get func(string) *big.Rat) *big.Rat {
		x := get("trend")
		if x == nil {
			return nil
		}
		over := rsub(new(big.Rat).Abs(x), big.NewRat(1, 1))
		if over.Sign() <= 0 {
			return new(big.Rat)
		}
		if x.Sign() < 0 {
			over.Neg(over)
		}
		return over
	},
	"amount - breaches * 10": func(get func(string) *big.Rat) *big.Rat {
		return rsub(get("amount"), rmul(get("breaches"), big.NewRat(10, 1)))
	},
	"earned * 0.1 - base": func(get func(string) *big.Rat) *big.Rat {
		return rsub(rmul(get("earned"), big.NewRat(1, 10)), get("base"))
	},
}

// isOwn: it prices a count or a sum of results or actions, and, over the term,
// nothing but them.
func isOwn(t *terms.Terms, l *terms.Line) bool {
	m := t.Measure(l.Of)
	if l.Of == "" || m == nil || m.Source == "metric" || m.Source == "finding" || m.Op != "count" && m.Op != "sum" {
		return false
	}
	return m.Over == "period" || l.DueAt == 0 && !slices.ContainsFunc(l.Adjust, func(a terms.Adjustment) bool { return a.By != "" })
}

// isTerm: it is over the term.
func isTerm(t *terms.Terms, l *terms.Line) bool {
	names := []string{l.Of}
	for _, a := range l.Adjust {
		names = append(names, a.By)
	}
	return slices.ContainsFunc(names, func(n string) bool { return n != "" && t.OverOf(n) == "term" })
}

// restsOn are the measures of names, with those that stand in for them.
func restsOn(t *terms.Terms, names ...string) (list []string) {
	for i := 0; i < len(names); i++ {
		if names[i] == "" {
			continue
		}
		for _, m := range t.Reads(names[i]) {
			if !slices.Contains(list, m) {
				list = append(list, m)
				if x := t.Measure(m).Missing; x != nil {
					names = append(names, x.Measure)
				}
			}
		}
	}
	return list
}

func lineReads(t *terms.Terms, l *terms.Line) []string {
	var names []string
	if !isOwn(t, l) {
		names = append(names, l.Of)
	}
	for _, a := range l.Adjust {
		names = append(names, a.By)
	}
	return restsOn(t, names...)
}

// readMeasures are those that anything reads.
func readMeasures(t *terms.Terms) []string {
	var names []string
	for i := range t.Lines {
		names = append(names, t.Lines[i].Of)
		for _, a := range t.Lines[i].Adjust {
			names = append(names, a.By)
		}
	}
	for _, a := range t.Adjust {
		names = append(names, a.By)
	}
	return restsOn(t, names...)
}

// A wCalc is what a line comes to, with all that is shown of it.
type wCalc struct {
	quantity, amount *big.Rat // nil is no value
	reads            []record.Reading
	tiers            []record.TierUse
	steps            []record.Adjustment
}

func (c *wCalc) step(op string, a, b *big.Rat) {
	c.steps = append(c.steps, record.Adjustment{Op: op, Before: wShow(a), After: wShow(b)})
}

// tierPrice rounds what a tier takes where that is agreed. Rounding is that of
// the version of the line.
func wTiers(t *terms.Terms, l terms.Line, q *big.Rat) []refUse {
	uses := refTiers(l, q)
	if t.Rounding.At == "tier" {
		for i := range uses {
			uses[i].amount = refRound(uses[i].amount, t.Scale, t.Rounding.Mode)
		}
	}
	return uses
}

// onePrice is the price of one result in mode each.
func onePrice(t *terms.Terms, l terms.Line, q *big.Rat) (amount *big.Rat, tier int) {
	amount, tier = new(big.Rat), -1
	for _, u := range wTiers(t, l, q) {
		amount, tier = u.amount, u.i
	}
	if e := l.Each; e != nil {
		if e.AtLeast != "" && amount.Cmp(ratOf(string(e.AtLeast))) < 0 {
			amount = ratOf(string(e.AtLeast))
		}
		if e.AtMost != "" && amount.Cmp(ratOf(string(e.AtMost))) > 0 {
			amount = ratOf(string(e.AtMost))
		}
	}
	if t.Rounding.At == "event" {
		amount = refRound(amount, t.Scale, t.Rounding.Mode)
	}
	return amount, tier
}

// eachPrice is the sum of the prices of results, with what tiers take.
func eachPrice(t *terms.Terms, l terms.Line, list []wEntry) (sum *big.Rat, tiers map[int][2]*big.Rat) {
	sum, tiers = new(big.Rat), map[int][2]*big.Rat{}
	charge := func(q *big.Rat) {
		x, tier := onePrice(t, l, q)
		sum = radd(sum, x)
		if tier < 0 {
			return
		}
		u, ok := tiers[tier]
		if !ok {
			u = [2]*big.Rat{new(big.Rat), new(big.Rat)}
		}
		tiers[tier] = [2]*big.Rat{radd(u[0], q), radd(u[1], x)}
	}
	var free *terms.Free
	if l.Each != nil {
		free = l.Each.Free
	}
	if free == nil {
		for _, e := range list {
			charge(e.q)
		}
		return sum, tiers
	}
	used, events := new(big.Rat), int64(0)
	var limit *big.Rat
	if free.Amount != "" {
		limit = ratOf(string(free.Amount))
	}
	over := false
	for _, e := range list {
		left := func() *big.Rat { // of the quantity that is not free
			part := rsub(limit, used)
			if part.Cmp(e.q) > 0 {
				part = e.q
			}
			used = radd(used, part)
			return rsub(e.q, part)
		}
		switch {
		case free.Ends == "independent":
			if events < free.Events {
				events++
				continue
			}
			some := used.Cmp(limit) < 0
			if rest := left(); rest.Sign() > 0 || !some {
				charge(rest)
			}
		case over:
			charge(e.q)
		default:
			events++
			rest := new(big.Rat)
			if limit != nil {
				rest = left()
			}
			over = free.Events > 0 && events == free.Events || limit != nil && used.Cmp(limit) >= 0
			if rest.Sign() > 0 {
				charge(rest)
			}
		}
	}
	return sum, tiers
}

// adjusted applies adjustments of an amount; nil is held.
func (w *world) adjusted(c *wCalc, list []terms.Adjustment, x *big.Rat, get func(string) *big.Rat, period int, share *big.Rat) *big.Rat {
	defer func() {
		seen := map[string]bool{}
		for _, a := range list {
			if a.By != "" && !seen[a.By] {
				seen[a.By] = true
				r := record.Reading{Name: a.By}
				if v := get(a.By); v != nil {
					r.Value = wShow(v)
				}
				c.reads = append(c.reads, r)
			}
		}
	}()
	if !under(x, 34) {
		return nil
	}
	for _, a := range list {
		before := x
		bound := func() *big.Rat {
			b := ratOf(string(a.Amount))
			if a.Partial == "prorated" && share.Cmp(big.NewRat(1, 1)) != 0 {
				b = w.roundAs(period, rmul(b, share))
			}
			return b
		}
		switch a.Op {
		case "include":
			continue
		case "at_least":
			if b := bound(); x.Cmp(b) < 0 {
				x = b
			}
		case "at_most":
			if b := bound(); x.Cmp(b) > 0 {
				x = b
			}
		case "percent_off":
			x = rmul(x, rmul(rsub(big.NewRat(100, 1), ratOf(string(a.Amount))), big.NewRat(1, 100)))
		case "prorate":
			x = rmul(x, share)
		default:
			f := get(a.By)
			switch {
			case f == nil && a.Undefined == "hold":
				return nil
			case f == nil:
				f = ratOf(a.Undefined)
			case a.Op == "factor":
				v := f
				f = ratOf(string(a.Below))
				for _, s := range a.Steps {
					if v.Cmp(ratOf(string(s.From))) >= 0 {
						f = ratOf(string(s.Times))
					}
				}
			}
			x = rmul(x, f)
		}
		if !under(x, 34) {
			return nil
		}
		c.step(a.Op, before, x)
	}
	return x
}

// finished is what a line comes to; nil is held.
func (w *world) finished(c *wCalc, list []terms.Adjustment, x *big.Rat, get func(string) *big.Rat, period int, share *big.Rat) *big.Rat {
	if !under(x, 34) {
		c.tiers = nil
	}
	if x = w.adjusted(c, list, x, get, period, share); x == nil || !under(x, 22) {
		return nil
	}
	return x
}

func includeOf(l *terms.Line) *terms.Adjustment {
	if len(l.Adjust) > 0 && l.Adjust[0].Op == "include" {
		return &l.Adjust[0]
	}
	return nil
}

func converted(l *terms.Line, q *big.Rat) *big.Rat {
	c := l.Convert
	if c == nil {
		return q
	}
	if c.Divide != "" {
		q = new(big.Rat).Quo(q, ratOf(string(c.Divide)))
	} else {
		q = rmul(q, ratOf(string(c.Multiply)))
	}
	return refRound(q, c.Decimals, c.Round)
}

// unsigned is the quantity as it is priced, and the sign of its price; nil is
// held.
func unsigned(l *terms.Line, q *big.Rat) (*big.Rat, int64) {
	switch {
	case q.Sign() >= 0:
		return q, 1
	case l.BelowZero == "negative":
		return new(big.Rat).Neg(q), -1
	case l.BelowZero == "hold":
		return nil, 0
	}
	return new(big.Rat), 1
}

// priced is the price of a quantity in modes graduated and volume; nil is held.
func priced(c *wCalc, t *terms.Terms, l *terms.Line, q, free *big.Rat) *big.Rat {
	x, sign := unsigned(l, q)
	if x == nil {
		return nil
	}
	if l.Convert != nil {
		y := converted(l, x)
		if !under(y, 34) {
			return nil
		}
		c.step("convert", x, y)
		x = y
	}
	if includeOf(l) != nil {
		y := rsub(x, free)
		if y.Sign() < 0 {
			y = new(big.Rat)
		}
		c.step("include", x, y)
		x = y
	}
	sum := new(big.Rat)
	s := big.NewRat(sign, 1)
	for _, u := range wTiers(t, *l, x) {
		sum = radd(sum, u.amount)
		c.tiers = append(c.tiers, record.TierUse{Tier: int64(u.i), Quantity: wShow(rmul(u.q, s)), Amount: wShow(rmul(u.amount, s))})
	}
	if !under(sum, 34) {
		c.tiers = nil
		return nil
	}
	return rmul(sum, s)
}

func dueIn(l *terms.Line, p terms.Period) bool {
	return l.DueAt == 0 || l.DueAt >= p.From && l.DueAt < p.Until
}

// line works out a line of a period that is not over the term.
func (w *world) line(set, period int, v terms.Version, i int) (c wCalc) {
	t := v.Terms
	l := &t.Lines[i]
	p := w.periods[period]
	get := func(name string) *big.Rat { return w.value(set, period, v, name) }
	share := w.share(p)
	if l.Of == "" {
		c.amount = w.finished(&c, l.Adjust, ratOf(string(l.Flat)), get, period, share)
		return c
	}
	base := p.base == int(v.Number)
	if isOwn(t, l) {
		list := w.in(set, period, int(v.Number), slices.IndexFunc(t.Measures, func(m terms.Measure) bool { return m.Name == l.Of }))
		c.quantity = wSum(list)
		if len(list) == 0 && !base {
			c.amount = new(big.Rat)
			return c
		}
		if l.Mode == "each" {
			sum, tiers := eachPrice(t, *l, list)
			for j := range l.Tiers {
				if u, ok := tiers[j]; ok {
					c.tiers = append(c.tiers, record.TierUse{Tier: int64(j), Quantity: wShow(u[0]), Amount: wShow(u[1])})
				}
			}
			c.amount = w.finished(&c, l.Adjust, sum, get, period, share)
			return c
		}
	} else if c.quantity = get(l.Of); c.quantity == nil {
		return c
	}
	free := new(big.Rat)
	if a := includeOf(l); a != nil {
		free = w.includes(period, v, l, a)
	}
	if x := priced(&c, t, l, c.quantity, free); x != nil {
		c.amount = w.finished(&c, l.Adjust, x, get, period, share)
	}
	return c
}

// includes is what a line includes in a period.
func (w *world) includes(period int, v terms.Version, l *terms.Line, a *terms.Adjustment) *big.Rat {
	x := ratOf(string(a.Amount))
	if a.Unused != "rolls" || w.periods[period].base != int(v.Number) {
		return x
	}
	if period != w.now() {
		if y := w.included[fmt.Sprint(period, l.Name)]; y != nil {
			return y
		}
		return x
	}
	if y := w.rolled[l.Name]; y != nil && w.begun() {
		x = radd(x, y)
	}
	if a.RollsTo != "" && x.Cmp(ratOf(string(a.RollsTo))) > 0 {
		x = ratOf(string(a.RollsTo))
	}
	return x
}

// total is what a line over the term comes to with a quantity.
func (w *world) total(set int, v terms.Version, l *terms.Line, q, eachSum *big.Rat) (c wCalc) {
	c.quantity = q
	get := func(name string) *big.Rat { return w.value(set, w.now(), v, name) }
	x := eachSum
	switch {
	case l.Of == "":
		x = ratOf(string(l.Flat))
	case q == nil:
		return c
	case l.Mode != "each":
		free := new(big.Rat)
		if a := includeOf(l); a != nil {
			free = ratOf(string(a.Amount))
		}
		if x = priced(&c, v.Terms, l, q, free); x == nil {
			return c
		}
	}
	c.amount = w.finished(&c, l.Adjust, x, get, w.now(), big.NewRat(1, 1))
	return c
}

func changedEntries(a, b []wEntry) bool {
	return len(a) != len(b) || wSum(a).Cmp(wSum(b)) != 0
}

// gained is what a line over the term takes.
func (w *world) gained(prior, now *big.Rat) *big.Rat {
	if w.t.Rounding.At == "statement" {
		return rsub(now, prior)
	}
	return rsub(w.round(now), w.round(prior))
}

// statementLine works out a line of the statement; due is false where it has
// none.
func (w *world) statementLine(v terms.Version, i int, fresh []wEntry) (out record.Line, amount *big.Rat, behind []wEntry, due bool) {
	t := v.Terms
	l := &t.Lines[i]
	p := w.cur()
	own, term := isOwn(t, l), isTerm(t, l)
	base := p.base == int(v.Number)
	out = record.Line{Version: v.Number, Name: l.Name, First: -1, Last: -1}
	mine := func(name string, o terms.Version, k int) {
		for _, e := range fresh {
			if e.version == int(o.Number) && e.measure == k && (t.Measure(name).Over == "term" || e.period == w.now()) {
				behind = append(behind, e)
			}
		}
	}
	place := slices.IndexFunc(t.Measures, func(m terms.Measure) bool { return m.Name == l.Of })
	if own {
		mine(l.Of, v, place)
	} else {
		for _, name := range lineReads(t, l) {
			for _, o := range w.versions {
				if k := alike(v, o, name); k >= 0 && int(o.Number) > w.excluded {
					mine(name, o, k)
				}
			}
		}
	}
	// Each record once.
	seen := map[int64]bool{}
	for _, e := range behind {
		seen[e.n] = true
	}
	out.Records = int64(len(seen))
	for _, e := range behind {
		if out.First < 0 || e.n < out.First {
			out.First = e.n
		}
		out.Last = max(out.Last, e.n)
	}
	at := w.now()
	if term {
		at = -1
	}
	switch {
	case int(v.Number) <= w.excluded:
		return out, nil, nil, false
	case !base && !own:
		return out, nil, nil, false
	case !base && len(behind) == 0 && !changedEntries(w.in(0, at, int(v.Number), place), w.in(1, at, int(v.Number), place)):
		return out, nil, nil, false
	case !term && !dueIn(l, p.Period), term && l.DueAt >= p.Until:
		return out, nil, nil, false
	}
	set := func(c wCalc) {
		out.Reads, out.Tiers, out.Adjust = c.reads, c.tiers, c.steps
		if out.Held = c.amount == nil; out.Held {
			amount = new(big.Rat)
		}
		if c.quantity != nil {
			out.Quantity = wShow(c.quantity)
		}
	}
	switch {
	case !term:
		c := w.line(1, w.now(), v, i)
		amount = c.amount
		set(c)
		if own && l.Mode == "each" && (l.Each == nil || l.Each.Free == nil) {
			out.Tiers = eachTiers(t, l, behind)
		}
	case own:
		var from, to []wEntry
		earlier := false
		for _, o := range w.versions {
			k := alike(v, o, l.Of)
			if k < 0 || int(o.Number) <= w.excluded {
				continue
			}
			a, b := w.in(0, -1, int(o.Number), k), w.in(1, -1, int(o.Number), k)
			switch {
			case o.Number < v.Number:
				from, to = append(from, b...), append(to, b...)
				earlier = earlier || len(b) > 0
			case o.Number == v.Number:
				from, to = append(from, a...), append(to, b...)
			default:
				from, to = append(from, a...), append(to, a...)
			}
		}
		each := func(set int) *big.Rat {
			sum, _ := eachPrice(t, *l, w.in(set, -1, int(v.Number), place))
			return sum
		}
		prior := new(big.Rat)
		var tiers []record.TierUse
		if w.begun() || earlier {
			c := w.total(1, v, l, wSum(from), each(0))
			prior, tiers = c.amount, c.tiers
		}
		c := w.total(1, v, l, wSum(to), each(1))
		set(c)
		amount = w.gained(prior, c.amount)
		out.Before = wShow(wSum(from))
		if l.Mode == "each" {
			out.Tiers = eachTiers(t, l, behind)
		} else {
			out.Tiers = tiersGained(c.tiers, tiers)
		}
		if base {
			w.reached[l.Name] = refRound(c.amount, 18, "half_even")
		}
	default:
		q := func(set int) *big.Rat {
			if l.Of == "" {
				return nil
			}
			return w.value(set, w.now(), v, l.Of)
		}
		each := func(set int) *big.Rat {
			sum := new(big.Rat)
			for _, o := range w.versions {
				for j := range o.Terms.Lines {
					x := &o.Terms.Lines[j]
					if x.Name != l.Name || x.Mode != "each" || x.Of != l.Of || int(o.Number) <= w.excluded {
						continue
					}
					if k := alike(v, o, l.Of); k >= 0 {
						part, _ := eachPrice(o.Terms, *x, w.in(set, -1, int(o.Number), k))
						sum = radd(sum, part)
					}
				}
			}
			return sum
		}
		prior := new(big.Rat)
		if w.begun() {
			if x := w.reached[l.Name]; x != nil {
				prior = x
			}
			last := w.periods[w.now()-1]
			if last.base != p.base && (l.DueAt == 0 || l.DueAt < last.Until) {
				if c := w.total(0, v, l, q(0), each(0)); c.amount != nil {
					prior = refRound(c.amount, 18, "half_even")
				}
			}
			if x := q(0); x != nil {
				out.Before = wShow(x)
			}
		}
		c := w.total(1, v, l, q(1), each(1))
		set(c)
		if c.amount == nil {
			w.reached[l.Name] = prior
			break
		}
		now := refRound(c.amount, 18, "half_even")
		w.reached[l.Name] = now
		amount = w.gained(prior, now)
	}
	return out, amount, behind, true
}

func eachTiers(t *terms.Terms, l *terms.Line, list []wEntry) (out []record.TierUse) {
	_, tiers := eachPrice(t, *l, list)
	for j := range l.Tiers {
		if u, ok := tiers[j]; ok {
			out = append(out, record.TierUse{Tier: int64(j), Quantity: wShow(u[0]), Amount: wShow(u[1])})
		}
	}
	return out
}

// tiersGained is the difference of the figures that are shown.
func tiersGained(now, prior []record.TierUse) (out []record.TierUse) {
	all := map[int64][2]*big.Rat{}
	var order []int64
	put := func(list []record.TierUse, sign int64) {
		for _, u := range list {
			x, ok := all[u.Tier]
			if !ok {
				x = [2]*big.Rat{new(big.Rat), new(big.Rat)}
				order = append(order, u.Tier)
			}
			s := big.NewRat(sign, 1)
			all[u.Tier] = [2]*big.Rat{radd(x[0], rmul(s, ratOf(string(u.Quantity)))), radd(x[1], rmul(s, ratOf(string(u.Amount))))}
		}
	}
	put(now, 1)
	put(prior, -1)
	slices.Sort(order)
	for _, tier := range order {
		if x := all[tier]; x[0].Sign() != 0 || x[1].Sign() != 0 {
			out = append(out, record.TierUse{Tier: tier, Quantity: record.Decimal(dec(x[0])), Amount: record.Decimal(dec(x[1]))})
		}
	}
	return out
}

// credited is the part of a quantity that falls to the groups that count.
func (w *world) credited(k *terms.Credit, x *wResult, q *big.Rat, touches func(*wResult) bool) *big.Rat {
	type touch struct {
		at record.Time
		n  int64
		g  string
	}
	var list []touch
	for _, y := range w.results {
		if k.Of == "" || y == x || y.gone || y.body.Result != k.Of || y.r.Case == "" || y.r.Case != x.r.Case || y.t0 > x.t0 || x.t0-y.t0 > record.Time(k.Within) {
			continue
		}
		if f, ok := y.body.Facts.Get(k.By); ok && touches(y) {
			list = append(list, touch{y.t0, y.n, f.Text})
		}
	}
	slices.SortFunc(list, func(a, b touch) int {
		if a.at != b.at {
			return int(min(1, max(-1, a.at-b.at)))
		}
		return int(a.n - b.n)
	})
	var groups []string
	weights := map[string]*big.Rat{}
	add := func(g string, x *big.Rat) {
		if weights[g] == nil {
			weights[g] = new(big.Rat)
			groups = append(groups, g)
		}
		weights[g] = radd(weights[g], x)
	}
	one := big.NewRat(1, 1)
	switch k.Model {
	case "fixed":
		for _, s := range k.Shares {
			add(s.Of, ratOf(string(s.Value)))
		}
	case "first", "last":
		if k.Model == "last" {
			slices.Reverse(list)
		}
		for _, pass := range []bool{true, false} {
			for _, y := range list {
				if len(groups) == 0 && !(pass && slices.Contains(k.Skip, y.g)) {
					add(y.g, one)
				}
			}
		}
	case "linear":
		for _, y := range list {
			add(y.g, one)
		}
	case "position":
		first, last := ratOf(string(k.First)), ratOf(string(k.Last))
		for i, y := range list {
			switch {
			case len(list) == 1:
				add(y.g, one)
			case i == 0:
				add(y.g, first)
			case i == len(list)-1:
				add(y.g, last)
			default:
				add(y.g, new(big.Rat).Quo(rsub(rsub(big.NewRat(100, 1), first), last), big.NewRat(int64(len(list)-2), 1)))
			}
		}
	case "decay":
		for _, y := range list {
			// Ages are multiples of half of the half-life.
			halves := int64(x.t0-y.at) * 2 / int64(k.HalfLife)
			f := new(big.Float).SetPrec(400).SetInt64(1)
			root := new(big.Float).SetPrec(400).Sqrt(new(big.Float).SetPrec(400).SetInt64(2))
			for range halves {
				f.Quo(f, root)
			}
			r, _ := f.Rat(nil)
			add(y.g, refRound(r, 18, "half_even"))
		}
	case "shapley":
		row := func(set []string) *big.Rat {
			set = slices.Clone(set)
			slices.Sort(set)
			for _, s := range k.Shares {
				if s.Of == strings.Join(set, "+") {
					return ratOf(string(s.Value))
				}
			}
			return new(big.Rat)
		}
		var players []string
		for _, y := range list {
			if !slices.Contains(players, y.g) && row([]string{y.g}).Sign() > 0 {
				players = append(players, y.g)
			}
		}
		for _, g := range players {
			add(g, new(big.Rat))
		}
		// The mean over all orders, one by one.
		orders := int64(0)
		var walk func(done []string)
		walk = func(done []string) {
			if len(done) == len(players) {
				orders++
				for i, g := range done {
					add(g, rsub(row(done[:i+1]), row(done[:i])))
				}
				return
			}
			for _, g := range players {
				if !slices.Contains(done, g) {
					walk(append(slices.Clone(done), g))
				}
			}
		}
		walk(nil)
		for g := range weights {
			weights[g] = new(big.Rat).Quo(weights[g], big.NewRat(max(orders, 1), 1))
		}
	}
	all := new(big.Rat)
	for _, x := range weights {
		all = radd(all, x)
	}
	if all.Sign() == 0 {
		return new(big.Rat)
	}
	var parts []*big.Rat
	for _, g := range groups {
		parts = append(parts, new(big.Rat).Quo(rmul(weights[g], q), all))
	}
	sum := new(big.Rat)
	for i, x := range refParts(parts, refRound(q, k.Decimals, "down"), k.Decimals) {
		if slices.Contains(k.To, groups[i]) {
			sum = radd(sum, x)
		}
	}
	return sum
}
