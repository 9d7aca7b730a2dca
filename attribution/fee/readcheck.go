package fee

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// checkRead refuses a state in which one line contradicts another, or which no
// records lead to: what is computed from it relies on what holds of all others.
func (s *State) checkRead() error {
	if s.statement > s.size || s.statement < -1 || s.size < 0 || (s.statement >= 0) != (len(s.periods) > 0) {
		return fmt.Errorf("state of %d records has its last statement at %d, and %d periods", s.size, s.statement, len(s.periods))
	}
	known := int64(len(s.versions))
	if s.size > 0 && known == 0 {
		return fmt.Errorf("state has no version of the agreement")
	}
	scale := 0
	for _, v := range s.versions {
		scale = v.terms.Scale
		if first := s.versions[0].terms.Scale; scale != first {
			return fmt.Errorf("version %d has the scale %d, version 1 has %d", v.number, scale, first)
		}
	}
	if s.carried.sign() > 0 || s.carried.cmp(s.carried.round(scale, exact.Down)) != 0 {
		return fmt.Errorf("balance is %s, want at most 0 with at most %d decimals", s.carried, scale)
	}
	if _, err := record.ParseDecimal(string(fixed(s.carried, scale))); err != nil {
		return fmt.Errorf("balance: %v", err)
	}
	begins := func(at record.Time) bool {
		p, ok := s.periodAt(at)
		return ok && p.From == at
	}
	for i, p := range s.periods {
		if p.base > known || p.base < 0 || p.From >= p.Until || p.Until > p.closing || i > 0 && s.periods[i-1].Until > p.From {
			return fmt.Errorf("period %s is not in its place", p.Name)
		}
	}
	for i := 1; i < len(s.receipts); i++ {
		if a, b := s.receipts[i-1], s.receipts[i]; a.size >= b.size || a.at >= b.at {
			return fmt.Errorf("receipt of size %d says nothing beside that of size %d", a.size, b.size)
		}
	}
	for i, l := range s.loose {
		if l.n < 0 || l.n >= s.size || i > 0 && s.loose[i-1].n == l.n {
			return fmt.Errorf("loose record %d is not in its place", l.n)
		}
	}
	booked := map[slot]tally{}
	book := func(v *version, m *marks, n int64, occurred record.Time) {
		for _, p := range m.parts {
			at := slot{m.period, v.number, p.measure}
			if v.measures[p.measure].term {
				at.period = never
			}
			y := booked[at]
			y.add(v, v.measures[p.measure], p, n, occurred, 1)
			booked[at] = y
		}
	}
	stands, ids := map[string]bool{}, map[string]bool{}
	for i, x := range s.readings {
		if x.n < 0 || x.n >= s.size || i > 0 && s.readings[i-1].n >= x.n {
			return fmt.Errorf("measurement %d is not in its place", x.n)
		}
		if err := s.checkReading(x); err != nil {
			return fmt.Errorf("measurement %d %v", x.n, err)
		}
		if ids[x.id] || len(x.parts) > 0 && stands[x.key] {
			return fmt.Errorf("measurement %d is there twice, or counted beside another of the same", x.n)
		}
		ids[x.id], stands[x.key] = true, stands[x.key] || len(x.parts) > 0
		if x.period != never && !begins(x.period) {
			return fmt.Errorf("measurement %d is billed in a period that begins at %v, which is not there", x.n, x.period)
		}
		book(x.version, &x.marks, x.n, x.moment)
	}
	if err := s.checkContests(); err != nil {
		return err
	}
	for i, c := range s.claims {
		if c.n < 0 || c.n >= s.size || i > 0 && s.claims[i-1].n == c.n {
			return fmt.Errorf("claim %d is outside the first %d records, or there twice", c.n, s.size)
		}
		if c.period != never && !begins(c.period) {
			return fmt.Errorf("claim %d is billed in a period that begins at %v, which is not there", c.n, c.period)
		}
		if err := s.checkDelivery(c); err != nil {
			return err
		}
		book(c.rule.version, &c.marks, c.n, c.at)
		if err := s.checkFound(c, booked, begins); err != nil {
			return fmt.Errorf("claim %d %v", c.n, err)
		}
		if err := s.checkContested(c); err != nil {
			return fmt.Errorf("claim %d %v", c.n, err)
		}
		for j, e := range c.events {
			if e.n <= c.n && !s.ofContest(&e) || e.n < 0 || e.n == c.n || e.n >= s.size || j > 0 && c.events[j-1].n == e.n {
				return fmt.Errorf("event %d of claim %d is not in its place", e.n, c.n)
			}
		}
	}
	for at, y := range s.tallies {
		if at.period != never && !begins(at.period) {
			return fmt.Errorf("tally is of a period that begins at %v, which is not there", at.period)
		}
		b := booked[at]
		m := s.versions[at.version-1].measures[at.measure]
		if y.claims < b.claims || m.Source == "finding" && (y.claims < 1 || y.quantity.cmp(number{units: y.claims}) != 0) || m.Source == "result" && (y.claims < 1 || (m.Op == "count" || m.Op == "sum") && y.quantity.cmp(b.quantity) < 0) {
			return fmt.Errorf("tally of %d and %s has %d and %s in it", y.claims, y.quantity, b.claims, b.quantity)
		}
		if y.stand != nil {
			if p, _ := s.periodAt(at.period); p.base != at.version {
				return fmt.Errorf("a value stands in for measure %s of version %d, whose lines are not due then", m.Name, at.version)
			}
		}
		if err := checkValues(m, y, &b); err != nil {
			return err
		}
		if err := s.checkNobody(at, y, &b); err != nil {
			return err
		}
		delete(booked, at)
	}
	if len(booked) > 0 {
		return fmt.Errorf("%d tallies are missing, in which claims are booked", len(booked))
	}
	if err := s.checkUsage(); err != nil {
		return err
	}
	return s.checkCarried()
}

// checkValues refuses values of a measure that are not those of what is booked
// on it, or of none.
func checkValues(m *measure, y, booked *tally) error {
	if !m.listed {
		return nil
	}
	for i := 1; i < len(y.values); i++ {
		if y.values[i-1].n >= y.values[i].n {
			return fmt.Errorf("value %d of measure %s is there twice, or not in its place", y.values[i].n, m.Name)
		}
	}
	for _, v := range booked.values {
		i, ok := slices.BinarySearchFunc(y.values, v.n, func(v value, n int64) int { return cmp.Compare(v.n, n) })
		if !ok || y.values[i].quantity.cmp(v.quantity) != 0 || y.values[i].text != v.text || y.values[i].at != v.at {
			return fmt.Errorf("measure %s has no value, or another, of record %d", m.Name, v.n)
		}
	}
	kept := int64(len(y.values))
	if y.rest == nil && kept != y.claims || y.rest != nil && kept >= y.claims {
		return fmt.Errorf("measure %s has %d values of %d", m.Name, kept, y.claims)
	}
	if y.rest == nil {
		if err := addUp(m, y); err != nil {
			return err
		}
	}
	return nil
}

// addUp refuses a quantity that is not that of its values.
func addUp(m *measure, y *tally) error {
	var sum number
	for _, v := range y.values {
		sum = sum.add(v.quantity)
	}
	if sum.cmp(y.quantity) != 0 {
		return fmt.Errorf("measure %s has values of %s, and says %s", m.Name, sum, y.quantity)
	}
	return nil
}

// checkNobody refuses what counts in a tally and is of nobody: values of
// records that are there, and are not booked on it.
func (s *State) checkNobody(at slot, y, booked *tally) error {
	m := s.versions[at.version-1].measures[at.measure]
	if y.claims == 0 && (y.stand == nil || y.quantity.sign() != 0) {
		return fmt.Errorf("tally of measure %s has nothing in it", m.Name)
	}
	for k, x := range booked.sums {
		if k >= len(y.sums) || y.sums[k].cmp(x) < 0 {
			return fmt.Errorf("prices on measure %s are less than those of what is booked on it", m.Name)
		}
	}
	onIt := make(map[int64]bool, len(booked.values))
	for _, v := range booked.values {
		onIt[v.n] = true
	}
	list := y.values
	if y.rest != nil {
		list = append(slices.Clone(list), *y.rest)
	}
	for _, v := range list {
		if v.n < 0 || v.n >= s.size {
			return fmt.Errorf("measure %s has a value of record %d of %d", m.Name, v.n, s.size)
		}
		_, live := slices.BinarySearchFunc(s.claims, v.n, func(c *claim, n int64) int { return cmp.Compare(c.n, n) })
		if !live {
			_, live = slices.BinarySearchFunc(s.readings, v.n, func(x *reading, n int64) int { return cmp.Compare(x.n, n) })
		}
		if live && !onIt[v.n] {
			return fmt.Errorf("measure %s has a value of record %d, which is not booked on it", m.Name, v.n)
		}
	}
	return nil
}

// checkReading refuses a measurement that no record makes: whose key is
// another's, or on which more or less is booked than it measures.
func (s *State) checkReading(x *reading) error {
	key := strings.Split(x.key, " ")
	if len(key) < 6 || key[0] != x.metric {
		return fmt.Errorf("has the key %q, which is not of metric %s", x.key, x.metric)
	}
	if metricOf(x.version, key[1], x.metric) == nil || x.author != roleOf(x.version.terms, key[1]) {
		return fmt.Errorf("is by %s as %s, who does not measure %s", key[1], roleWords[x.author], x.metric)
	}
	from, err := record.ParseTime(key[len(key)-2])
	until, err2 := record.ParseTime(key[len(key)-1])
	if err != nil || err2 != nil || momentOf(&record.Measurement{From: from, Until: until}) != x.moment {
		return fmt.Errorf("is of %v, and its key of another span", x.moment)
	}
	for _, w := range s.versions[x.version.number:] {
		if !x.resolved && w.terms.From <= x.moment && s.standing.Versions()[w.number-1].N < x.n {
			return fmt.Errorf("is under version %d, and version %d governs %v", x.version.number, w.number, x.moment)
		}
	}
	if len(x.parts) == 0 {
		return nil
	}
	parts, ok := x.measured()
	if !ok || !slices.EqualFunc(parts, x.parts, func(a, b part) bool {
		return a.measure == b.measure && a.text == b.text && a.quantity.cmp(b.quantity) == 0
	}) {
		return fmt.Errorf("is booked with what it does not measure")
	}
	return nil
}

// checkUsage refuses actions that a statement has counted already, or that
// belong to no period.
func (s *State) checkUsage() error {
	for at, u := range s.usage {
		v := s.versions[at.version-1]
		m := v.measures[at.measure]
		p, ok := s.standing.PeriodAt(at.period)
		rest := len(s.periods) > 0 && at.period == s.lastPeriod().Until
		if !ok || p.From != at.period && !rest || p.Until <= v.terms.From {
			return fmt.Errorf("actions of measure %s are of a period that begins at %v, which there is not", m.Name, at.period)
		}
		if len(s.periods) > 0 && at.period < s.lastPeriod().Until && u.first <= s.statement {
			return fmt.Errorf("actions of measure %s are of %s, which record %d settled", m.Name, p.Name, s.statement)
		}
		if !m.listed {
			continue
		}
		for i, x := range u.values {
			if x.n < u.first || x.n > u.last || i > 0 && u.values[i-1].n >= x.n {
				return fmt.Errorf("action %d of measure %s is there twice, or not in its place", x.n, m.Name)
			}
		}
		if n := int64(len(u.values)); n != u.claims {
			return fmt.Errorf("measure %s has %d actions of %d", m.Name, n, u.claims)
		}
		if err := addUp(m, &u.tally); err != nil {
			return err
		}
	}
	several := map[slot]int64{}
	for at, n := range s.shared {
		v, names, last := s.version(at.version), splitNames(at.measures), -1
		if v == nil || len(names) < 2 || n < 1 {
			return fmt.Errorf("%d actions are said to be counted by the measures %q of version %d", n, at.measures, at.version)
		}
		for _, name := range names {
			i := v.measure(name)
			where := slot{at.period, at.version, i}
			if i <= last || s.usage[where] == nil || v.measures[i].Of != v.measures[v.measure(names[0])].Of {
				return fmt.Errorf("measure %q of version %d counts no actions that another one counts at %v, or not in this order", name, at.version, at.period)
			}
			if n > s.usage[where].claims-several[where] {
				return fmt.Errorf("measure %s counts %d actions, and more of them together with others", name, s.usage[where].claims)
			}
			last, several[where] = i, several[where]+n
		}
	}
	return nil
}

// checkCarried refuses what no statement carries: the last one's version has
// none of that name, or it is out of its bounds.
func (s *State) checkCarried() error {
	var last *version // whose lines were due in the last period
	var p settled
	if len(s.periods) > 0 {
		p = s.lastPeriod()
		last = s.version(p.base)
	}
	rolling := func(v *version, line string) *adjust {
		if v == nil {
			return nil
		}
		i := v.line(line)
		if i < 0 || v.tables[i].term || v.tables[i].due != 0 {
			return nil
		}
		if a := included(v.tables[i].adjusts); a != nil && a.rolls {
			return a
		}
		return nil
	}
	shown := func(x number) bool { return x.cmp(x.round(displayScale, exact.Down)) == 0 }
	for name, x := range s.rolled {
		a := rolling(last, name)
		if a == nil || x.sign() <= 0 || !shown(x) || a.rollsTo != nil && x.cmp(a.rollsTo.sub(a.amount)) > 0 {
			return fmt.Errorf("%s rolls on line %s, on which no such quantity does", x, name)
		}
	}
	for at, x := range s.included {
		q, ok := s.periodAt(at.period)
		a := rolling(s.version(q.base), at.line)
		if !ok || q.From != at.period || a == nil || x.sign() < 0 || !shown(x) || a.rollsTo != nil && x.cmp(*a.rollsTo) > 0 {
			return fmt.Errorf("%s is included in line %s at %v, where no such quantity is", x, at.line, at.period)
		}
	}
	for name, x := range s.reached {
		there := last != nil && slices.ContainsFunc(s.versions, func(v *version) bool {
			i := v.line(name)
			return i >= 0 && v.tables[i].term
		})
		if !there || x.sign() == 0 || !shown(x) {
			return fmt.Errorf("line %s has come to %s, and no line over the term does", name, x)
		}
	}
	for name, x := range s.standins {
		if last == nil || last.measure(name) < 0 || !last.measures[last.measure(name)].standsIn() || !shown(x) {
			return fmt.Errorf("%s is the last value of %s, and stands in for nothing", x, name)
		}
	}
	for name, x := range s.prepaid {
		i := -1
		if last != nil {
			i = slices.IndexFunc(last.terms.Settle.Prepaid, func(p terms.Prepaid) bool { return p.Name == name })
		}
		if i < 0 {
			return fmt.Errorf("%s is left of %s, and nothing of that name was paid before", x, name)
		}
		of := last.terms.Settle.Prepaid[i]
		most := decimalOrNil(of.AtMost)
		if of.Every == "once" || of.Unused == "lost" {
			most = decimalOrNil(of.Amount)
		}
		if x.sign() < 0 || x.cmp(x.round(last.terms.Scale, exact.Down)) != 0 || most != nil && x.cmp(*most) > 0 || p.From < of.From || p.From >= of.Until {
			return fmt.Errorf("%s is left of %s, which does not hold so much", x, name)
		}
	}
	return nil
}
