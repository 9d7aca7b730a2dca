package fee

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// ReadState is the inverse of Lines: it accepts exactly the lines of a state.
// Size says how many records they cover.
func ReadState(lines [][]byte) (*State, error) {
	s := New()
	for i, line := range lines {
		if i > 0 && bytes.Compare(lines[i-1], line) >= 0 {
			return nil, fmt.Errorf("state line %d is not above the one before", i+1)
		}
		if terms.IsLine(line) {
			if err := s.standing.ReadLine(line); err != nil {
				return nil, fmt.Errorf("state line %d: %w", i+1, err)
			}
		}
	}
	if err := s.standing.Complete(); err != nil {
		return nil, err
	}
	s.addVersions()
	// Parsed, a line takes many times its bytes: there is one at a time.
	for i, line := range lines {
		if terms.IsLine(line) {
			continue
		}
		v, err := record.ParseCanonicalUpTo(maxLineBytes, line)
		if err != nil {
			return nil, fmt.Errorf("state line %d is not canonical JSON: %v", i+1, err)
		}
		row, ok := v.([]any)
		if !ok || len(row) == 0 {
			return nil, fmt.Errorf("state line %d is no array that begins with a type", i+1)
		}
		if err := s.readRow(row); err != nil {
			return nil, fmt.Errorf("state line %d: %w", i+1, err)
		}
	}
	s.sortRead()
	if err := s.checkRead(); err != nil {
		return nil, err
	}
	// The lines say the same in no other spelling.
	m := s.image()
	written, other := 0, -1
	m.each(func(line []byte) {
		if other < 0 && (written >= len(lines) || !bytes.Equal(line, lines[written])) {
			other = written
		}
		written++
	})
	switch {
	case other >= 0 && other < len(lines):
		return nil, fmt.Errorf("state line %d is not in canonical form, or does not belong to this state", other+1)
	case written < len(lines):
		return nil, fmt.Errorf("state line %d is not in canonical form, or does not belong to this state", written+1)
	case written > len(lines):
		return nil, fmt.Errorf("state has %d lines, want %d", len(lines), written)
	}
	return s, nil
}

// sortRead brings what was read in the order of its lines into its own.
func (s *State) sortRead() {
	slices.SortFunc(s.claims, func(a, b *claim) int { return cmp.Compare(a.n, b.n) })
	s.setClaims(s.claims)
	for _, c := range s.claims {
		slices.SortFunc(c.events, func(a, b event) int { return cmp.Compare(a.n, b.n) })
	}
	slices.SortFunc(s.readings, func(a, b *reading) int { return cmp.Compare(a.n, b.n) })
	byN := func(a, b value) int { return cmp.Compare(a.n, b.n) }
	for _, y := range s.tallies {
		slices.SortFunc(y.values, byN)
	}
	for _, u := range s.usage {
		slices.SortFunc(u.values, byN)
	}
	slices.SortFunc(s.periods, func(a, b settled) int { return cmp.Compare(a.From, b.From) })
	for _, k := range s.contests {
		slices.SortFunc(k.rulings, func(a, b said) int { return cmp.Compare(a.n, b.n) })
	}
	for _, list := range s.contested {
		slices.SortFunc(list, func(a, b *contest) int { return cmp.Compare(a.dispute.n, b.dispute.n) })
	}
	slices.SortFunc(s.receipts, func(a, b receipt) int { return cmp.Compare(a.size, b.size) })
	slices.SortFunc(s.loose, func(a, b loose) int { return cmp.Compare(a.n, b.n) })
	s.taken = newTaken(s.taken.list)
}

func (s *State) readRow(row []any) error {
	c := &cells{row: row[1:]}
	switch row[0] {
	case lineFold:
		s.size, s.statement, s.carried = c.int(), c.int(), c.number()
	case linePeriod:
		var p settled
		p.Name, p.From, p.Until, p.closing, p.base = c.text(), c.time(), c.time(), c.time(), c.int()
		s.periods = append(s.periods, p)
	case lineReceipt:
		s.receipts = append(s.receipts, receipt{c.int(), c.time()})
	case lineHandoff:
		matter := c.text()
		h := handoff{c.int(), c.time(), c.time()}
		against := c.word(scopeWords[:])
		if s.handoffs[matter] == nil {
			s.handoffs[matter] = new(handoffs)
		}
		list := s.handoffs[matter]
		list[against] = keepHandoff(list[against], h)
	case lineLoose:
		l := loose{n: c.int(), at: c.time(), reason: c.reason()}
		if len(c.row) > 0 {
			l.result, l.key, l.version = c.text(), c.text(), c.int()
		}
		if l.version != 0 && s.version(l.version) == nil {
			return fmt.Errorf("version %d is not there", l.version)
		}
		switch l.reason {
		case outsideTerm, duplicate, final, voidSignature, unmatched, undefined:
		default:
			return fmt.Errorf("has the reason %q, which no loose record has", l.reason)
		}
		s.loose = append(s.loose, l)
	case lineTaken:
		result, value := c.text(), c.text()
		k := takenKey{text: takenText(result, value), at: c.time(), version: s.version(c.int())}
		if k.version != nil {
			k.rule = k.version.rules[result]
		}
		if k.rule == nil {
			return fmt.Errorf("has a version or a result that is not there")
		}
		if n := len(s.taken.list); n > 0 && s.taken.list[n-1].text == k.text || s.claimByKey(result+"/"+value) != nil {
			return fmt.Errorf("is a key that another result has")
		}
		s.taken.list = append(s.taken.list, k)
	case lineTally, lineValue, lineRest, lineStand:
		return s.readTally(row[0].(string), c)
	case lineUsage, lineUsed:
		return s.readUsage(row[0].(string), c)
	case lineShared:
		at := shared{period: c.time(), version: c.int()}
		var names []string
		for list := c.list(); len(list.row) > 0; c.join(list.err) {
			names = append(names, list.text())
		}
		at.measures = joinNames(names)
		s.shared[at] = c.int()
	case lineReading:
		return s.readReading(c)
	case linePrepaid:
		s.prepaid[c.text()] = c.number()
	case lineReached:
		s.reached[c.text()] = c.number()
	case lineRolled:
		s.rolled[c.text()] = c.number()
	case lineStandin:
		s.standins[c.text()] = c.number()
	case lineIncluded:
		s.included[lineSlot{c.time(), c.text()}] = c.number()
	case lineClaim:
		return s.readClaim(c)
	case lineEvent:
		return s.readEvent(c)
	case lineContest, lineRuling:
		return s.readContest(row[0].(string), c)
	default:
		return fmt.Errorf("type %v is not known", row[0])
	}
	return c.done()
}

func (s *State) readClaim(c *cells) error {
	n := c.int()
	result, once := c.text(), c.text()
	id, matter := c.text(), c.text()
	at, logged := c.time(), c.time()
	number := c.int()
	party := c.text()
	flags := c.flags(2)
	facts := c.facts()
	v := s.version(number)
	if v == nil {
		return fmt.Errorf("version %d is not there", number)
	}
	rule := v.rules[result]
	if rule == nil {
		return fmt.Errorf("version %d has no result %s", number, result)
	}
	for _, f := range facts {
		if err := rule.checkRead(f); err != nil {
			return err
		}
	}
	s.buffer = append(append(append(append(s.buffer[:0], id...), result...), '/'), once...)
	x := s.newClaim(rule, len(id), matter, facts)
	x.n, x.at, x.logged = n, at, logged
	x.backfilled, x.evidenced = flags[0], flags[1]
	if !slices.Contains(x.rule.Claim, party) {
		return fmt.Errorf("%s may not claim %s under version %d", party, result, number)
	}
	x.party, x.author = v.terms.Party(party), roleOf(v.terms, party)
	var err error
	if x.marks, err = c.marks(v, func(m *measure) bool { return m.Source == "result" && m.Of == result }); err != nil {
		return err
	}
	x.marks.found = never
	if x.rule.asks() {
		x.asked = new(asked)
	}
	if x.rule.Effect != nil {
		x.asked.action, x.marks.found = c.text(), c.timeOrNever()
	}
	if d := c.delivery(); d != nil {
		x.asked = &asked{x.asked.action, d}
	}
	if s.governing(x.at) != v {
		return fmt.Errorf("version %d does not govern %v", number, x.at)
	}
	if s.claimByID(x.id()) != nil || s.claimByKey(x.key()) != nil {
		return fmt.Errorf("claim %d has the id or the key of another", x.n)
	}
	if err := c.done(); err != nil {
		return err
	}
	s.add(x, s.byKey.hash(x.key()))
	return nil
}

// marks reads what statements did with a claim or a measurement. counts says
// which measures it can be booked on.
func (c *cells) marks(v *version, counts func(*measure) bool) (m marks, err error) {
	m = marks{since: c.timeOrNever(), said: c.reason(), period: never, found: never}
	kept := c.list()
	if c.err != nil {
		return m, c.err
	}
	if len(kept.row) > 0 {
		m.period = kept.time()
		for len(kept.row) > 0 {
			p := kept.list()
			name := p.text()
			x := part{measure: v.measure(name)}
			if x.measure < 0 || !v.measures[x.measure].read || !counts(v.measures[x.measure]) {
				return m, fmt.Errorf("version %d has no such measure %s of it", v.number, name)
			}
			if n := len(m.parts); n > 0 && m.parts[n-1].measure >= x.measure {
				return m, fmt.Errorf("is booked on a measure twice, or not in order")
			}
			if v.measures[x.measure].Op == "distinct" {
				x.quantity, x.text = one, p.text()
			} else {
				x.quantity = p.number()
			}
			m.parts = append(m.parts, x)
			kept.join(p.done())
		}
	}
	return m, kept.err
}

// slot reads where a tally stands, and its measure.
func (s *State) slot(c *cells) (at slot, m *measure, err error) {
	at = slot{period: c.timeOrNever(), version: c.int()}
	v := s.version(at.version)
	name := c.text()
	switch {
	case c.err != nil:
		return at, nil, c.err
	case v == nil:
		return at, nil, fmt.Errorf("version %d is not there", at.version)
	}
	if at.measure = v.measure(name); at.measure < 0 || !v.measures[at.measure].read {
		return at, nil, fmt.Errorf("version %d has no such measure", at.version)
	}
	return at, v.measures[at.measure], nil
}

func (s *State) readTally(line string, c *cells) error {
	at, m, err := s.slot(c)
	if err != nil {
		return err
	}
	y := s.tallies[at]
	switch {
	case m.term != (at.period == never):
		return fmt.Errorf("measure %s is over another span", m.Name)
	case line == lineTally:
		if y == nil {
			y = new(tally)
		}
		y.claims, y.quantity, y.sums = c.int(), c.number(), c.numbers()
		if y.sums != nil && len(y.sums) != len(m.each) {
			return fmt.Errorf("measure %s has %d sums, want %d", m.Name, len(y.sums), len(m.each))
		}
		s.tallies[at] = y
	case y == nil:
		// The lines of a tally stand before those of its values: "rest" does
		// not, and waits.
		y = new(tally)
		s.tallies[at] = y
		fallthrough
	default:
		switch line {
		case lineValue:
			if !m.listed {
				return fmt.Errorf("measure %s keeps no values", m.Name)
			}
			y.values = append(y.values, c.value(m))
		case lineRest:
			if !m.listed || !m.term {
				return fmt.Errorf("measure %s keeps no rest", m.Name)
			}
			x := c.value(m)
			y.rest = &x
		case lineStand:
			if !m.standsIn() {
				return fmt.Errorf("nothing stands in for measure %s", m.Name)
			}
			x := c.number()
			y.stand = &x
		}
	}
	return c.done()
}

func (s *State) readUsage(line string, c *cells) error {
	at, m, err := s.slot(c)
	if err != nil {
		return err
	}
	if m.Source != "action" || at.period == never {
		return fmt.Errorf("measure %s counts no actions", m.Name)
	}
	if line == lineUsage {
		u := &usage{first: c.int(), last: c.int()}
		u.tally = tally{claims: c.int(), quantity: c.number()}
		if u.claims < 1 || u.first < 0 || u.claims > u.last-u.first+1 || u.last >= s.size {
			return fmt.Errorf("measure %s has actions that are not in their place", m.Name)
		}
		s.usage[at] = u
		return c.done()
	}
	u := s.usage[at]
	if u == nil || !m.listed {
		return fmt.Errorf("measure %s keeps no such values", m.Name)
	}
	u.values = append(u.values, c.value(m))
	return c.done()
}

// value reads a value of a measure.
func (c *cells) value(m *measure) value {
	v := value{n: c.int(), at: c.time()}
	if m.Op == "distinct" {
		v.quantity, v.text = one, c.text()
	} else {
		v.quantity = c.number()
	}
	return v
}

// numbers reads the numbers that a line ends with.
func (c *cells) numbers() []number {
	var list []number
	for len(c.row) > 0 {
		list = append(list, c.number())
	}
	return list
}

// checkRead refuses a fact that the terms do not read, or that is of another
// type.
func (r *rule) checkRead(f record.Fact) error {
	declared := r.Fact(f.Name)
	if _, ok := slices.BinarySearch(r.reads, f.Name); !ok || declared == nil {
		return fmt.Errorf("has the fact %s, which nothing reads", f.Name)
	}
	err := error(nil)
	switch {
	case f.Value.IsBool != (declared.Type == "bool"):
		err = fmt.Errorf("it is a %s", declared.Type)
	case declared.Type == "decimal":
		_, err = record.ParseDecimal(f.Value.Text)
	case declared.Type == "time":
		_, err = record.ParseTime(f.Value.Text)
	}
	if err != nil {
		return fmt.Errorf("fact %s: %v", f.Name, err)
	}
	return nil
}

func (s *State) readEvent(r *cells) error {
	// Claims are read before, in the order of their lines.
	n := r.int()
	i, ok := slices.BinarySearchFunc(s.claims, n, func(c *claim, n int64) int { return compareText(c.n, n) })
	e := event{n: r.int(), kind: eventKind(r.word(eventWords[:])), by: role(r.word(roleWords[:])), at: r.time(), told: r.flags(1)[0]}
	switch e.kind {
	case reverse:
		e.cause = r.cause()
	case reduce:
		e.cause, e.quantity = r.cause(), r.number()
	case dispute, uphold, reject, contested, findVoid, findKeep:
		e.id = r.text()
	}
	switch {
	case !ok:
		r.join(fmt.Errorf("is about claim %d, which is not there", n))
	case s.claims[i].rule.keeps && (e.kind == reverse || e.kind == reduce):
		e.id, e.spent = r.text(), r.flags(1)[0]
	}
	if err := r.done(); err != nil {
		return err
	}
	c := s.claims[i]
	switch {
	case e.kind == dispute && s.disputes[e.id] != nil:
		return fmt.Errorf("has the id of another dispute")
	case (e.kind == reverse || e.kind == reduce) && s.reversals[e.id] != nil:
		return fmt.Errorf("has the id of another reversal")
	}
	c.events = append(c.events, e)
	s.nameEvent(c, &e)
	return nil
}

// cells are the elements of a line that are still to be read. The first thing
// wrong with them stays in err.
type cells struct {
	row []any
	err error
}

func (c *cells) join(err error) {
	if c.err == nil {
		c.err = err
	}
}

// done reports what was wrong, elements too many included.
func (c *cells) done() error {
	if len(c.row) > 0 {
		c.join(fmt.Errorf("has %d elements too many", len(c.row)))
	}
	return c.err
}

func take[T any](c *cells, what string) T {
	var zero T
	if len(c.row) == 0 {
		c.join(fmt.Errorf("ends where %s should stand", what))
		return zero
	}
	v, ok := c.row[0].(T)
	c.row = c.row[1:]
	if !ok {
		c.join(fmt.Errorf("has something else where %s should stand", what))
	}
	return v
}

func (c *cells) timeOrNever() record.Time {
	if len(c.row) > 0 && c.row[0] == "" {
		c.row = c.row[1:]
		return never
	}
	return c.time()
}

func (c *cells) reason() reason {
	r, err := parseReason(c.text())
	if err != nil {
		c.join(err)
	}
	return r
}

func (c *cells) cause() reason {
	r := c.reason()
	if r != reopened && r != reversed && r != cancelled {
		c.join(fmt.Errorf("has %q where a cause should stand", r))
	}
	return r
}

func (c *cells) word(words []string) int {
	s := c.text()
	i := slices.Index(words, s)
	if i < 0 {
		c.join(fmt.Errorf("has %q where one of %s should stand", s, strings.Join(words, ", ")))
		return 0
	}
	return i
}

func (c *cells) list() *cells { return &cells{row: take[[]any](c, "an array")} }

func (c *cells) facts() record.Facts {
	var facts record.Facts
	for name, v := range take[map[string]any](c, "an object") {
		f := record.Fact{Name: name}
		switch v := v.(type) {
		case bool:
			f.Value = record.Value{IsBool: true, Bool: v}
		case string:
			f.Value = record.Value{Text: v}
		default:
			c.join(fmt.Errorf("fact %s is neither a text nor a truth value", name))
		}
		facts = append(facts, f)
	}
	slices.SortFunc(facts, func(a, b record.Fact) int { return strings.Compare(a.Name, b.Name) })
	return facts
}

func (c *cells) text() string { return take[string](c, "a text") }

func (c *cells) int() int64 { return take[int64](c, "a whole number") }

func (c *cells) time() record.Time {
	s := c.text()
	t, err := record.ParseTime(s)
	if err != nil {
		c.join(err)
	}
	return t
}

func (c *cells) number() number {
	s := c.text()
	if len(s) > maxNumberBytes {
		c.join(fmt.Errorf("has a number of %d bytes, at most %d", len(s), maxNumberBytes))
		return number{}
	}
	x, err := parseNumber(s)
	if err != nil {
		c.join(err)
	}
	return x
}

func (c *cells) flags(n int) []bool {
	s := c.text()
	list := make([]bool, n)
	if len(s) != n || strings.Trim(s, "01") != "" {
		c.join(fmt.Errorf("has %q where %d flags should stand", s, n))
		return list
	}
	for i := range list {
		list[i] = s[i] == '1'
	}
	return list
}
