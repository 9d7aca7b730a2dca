package fee

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// An image is what state lines are written from: a state, or what a settlement
// would leave of it.
type image struct {
	standing        *terms.Standing
	size, statement int64
	carried         exact.Rat
	periods         []settled
	tallies         map[slot]*tally
	handoffs        map[string][]handoff
	receipts        []receipt
	loose           []loose
	claims          []claimLine
	versions        []*version
}

// A claimLine is a claim with the marks to write, and events to mark as told
// beside those that are.
type claimLine struct {
	claim *claim
	marks marks
	told  []idle
}

func (s *State) image() image {
	m := image{
		standing: s.standing, size: s.size, statement: s.statement,
		carried: s.carried,
		periods: s.periods, tallies: s.tallies, handoffs: s.handoffs, receipts: s.receipts, loose: s.loose,
		claims: make([]claimLine, len(s.claims)), versions: s.versions,
	}
	for i, c := range s.claims {
		m.claims[i] = claimLine{claim: c, marks: c.marks}
	}
	return m
}

// Lines returns the canonical state lines, sorted, without newlines.
func (s *State) Lines() [][]byte {
	m := s.image()
	return m.lines()
}

// Digest is the digest of the state lines.
func (s *State) Digest() record.Digest {
	m := s.image()
	return m.digest()
}

// SettledLines returns the state lines that the statement of the next period
// leaves: those whose digest is its field state. [ReadState] makes of them a
// state whose next record is that statement.
func (s *State) SettledLines() ([][]byte, error) {
	if s.awaits() {
		return s.Lines(), nil
	}
	z, err := s.settle()
	if err != nil {
		return nil, err
	}
	if err := z.write(nil); err != nil {
		return nil, err
	}
	return z.left.lines(), nil
}

func (m *image) lines() [][]byte {
	var lines [][]byte
	m.each(func(line []byte) { lines = append(lines, bytes.Clone(line)) })
	return lines
}

// digest is the SHA-256 over all lines, each with a newline. The lines of
// claims are never in memory together.
func (m *image) digest() record.Digest {
	hash := sha256.New()
	m.each(func(line []byte) {
		hash.Write(line)
		hash.Write([]byte{'\n'})
	})
	return record.Digest("sha256:" + hex.EncodeToString(hash.Sum(nil)))
}

// Types of state lines, beside those of the standing.
const (
	lineClaim   = "claim"
	lineEvent   = "event"
	lineFold    = "fold"
	lineHandoff = "handoff"
	lineLoose   = "loose"
	linePeriod  = "period"
	lineReceipt = "receipt"
	lineTally   = "tally"
)

// each calls write with each line, in bytewise order. The line is valid until
// write returns.
func (m *image) each(write func(line []byte)) {
	lines := m.standing.AppendLines(nil)
	add := func(b *row) { lines = append(lines, b.end()) }

	add(newRow(nil, lineFold).int(m.size).int(m.statement).text(m.carried.String()))
	for _, p := range m.periods {
		add(newRow(nil, linePeriod).text(p.Name).time(p.From).time(p.Until).time(p.closing).int(p.base))
	}
	for at, y := range m.tallies {
		t := m.table(at)
		r := newRow(nil, lineTally).time(at.period).int(at.version).text(t.name).int(y.claims).text(y.quantity.String())
		if t.mode == each {
			r.text(y.sum.String())
		}
		add(r)
	}
	for matter, list := range m.handoffs {
		for _, h := range list {
			add(newRow(nil, lineHandoff).text(matter).int(h.n).time(h.at).time(h.until))
		}
	}
	for _, r := range m.receipts {
		add(newRow(nil, lineReceipt).int(r.size).time(r.at))
	}
	for _, l := range m.loose {
		r := newRow(nil, lineLoose).int(l.n).time(l.at).text(l.reason.String())
		if l.result != "" {
			r.text(l.result).text(l.key).int(l.version)
		}
		add(r)
	}
	slices.SortFunc(lines, bytes.Compare)

	upTo := func(name string) {
		for ; len(lines) > 0 && string(lines[0]) < `["`+name+`"`; lines = lines[1:] {
			write(lines[0])
		}
	}

	upTo(lineClaim)
	// Claims in the order of the text of their n, which is that of their lines.
	order := make([]int32, len(m.claims))
	for j := range order {
		order[j] = int32(j)
	}
	slices.SortFunc(order, func(a, b int32) int { return compareText(m.claims[a].claim.n, m.claims[b].claim.n) })
	var buffer []byte
	for _, j := range order {
		buffer = m.claims[j].append(buffer[:0])
		write(buffer)
	}
	upTo(lineEvent)
	var events []int
	for _, j := range order {
		l := &m.claims[j]
		events = events[:0]
		for k := range l.claim.events {
			events = append(events, k)
		}
		slices.SortFunc(events, func(a, b int) int { return compareText(l.claim.events[a].n, l.claim.events[b].n) })
		for _, k := range events {
			buffer = l.appendEvent(buffer[:0], k)
			write(buffer)
		}
	}
	for _, line := range lines {
		write(line)
	}
}

// table is the price table of a slot.
func (m *image) table(at slot) *table { return m.versions[at.version-1].tables[at.line] }

// compareText orders numbers as their decimal texts are ordered when a comma
// follows.
func compareText(a, b int64) int {
	da, db := digitsOf(a), digitsOf(b)
	x, y := a, b
	for range 19 - da {
		x *= 10
	}
	for range 19 - db {
		y *= 10
	}
	return cmp.Or(cmp.Compare(uint64(x), uint64(y)), cmp.Compare(da, db))
}

func digitsOf(n int64) int {
	d := 1
	for n >= 10 {
		n /= 10
		d++
	}
	return d
}

// append writes the line of a claim:
//
//	["claim",n,result,key,id,case,at,logged,version,author,flags,facts,since,said,booking]
func (l *claimLine) append(b []byte) []byte {
	c := l.claim
	r := newRow(b, lineClaim).int(c.n).text(c.rule.Name).text(c.once()).text(c.id).text(c.matter).
		time(c.at).time(c.logged).int(c.version.number).text(roleWords[c.author]).flags(c.backfilled, c.evidenced)
	r.next()
	r.b = append(r.b, '{')
	for i, f := range c.facts {
		if i > 0 {
			r.b = append(r.b, ',')
		}
		r.b = record.AppendString(r.b, f.Name)
		r.b = append(r.b, ':')
		if f.Value.IsBool {
			r.b = strconv.AppendBool(r.b, f.Value.Bool)
		} else {
			r.b = record.AppendString(r.b, f.Value.Text)
		}
	}
	r.b = append(r.b, '}')
	r.time(l.marks.since).text(l.marks.said.String())
	r.open()
	if k := l.marks.booking; k != nil {
		r.time(k.period)
		for _, p := range k.parts {
			r.open().text(c.version.tables[p.line].name).text(p.quantity.String()).close()
		}
	}
	return r.close().end()
}

// appendEvent writes the line of an event of the claim:
//
//	["event",n of the claim,n,kind,author,at,flags,...]
func (l *claimLine) appendEvent(b []byte, i int) []byte {
	e := &l.claim.events[i]
	told := e.told || slices.ContainsFunc(l.told, func(d idle) bool { return d.event == i })
	r := newRow(b, lineEvent).int(l.claim.n).int(e.n).text(eventWords[e.kind]).text(roleWords[e.by]).time(e.at).flags(told)
	switch e.kind {
	case reverse:
		r.text(e.cause.String())
	case reduce:
		r.text(e.cause.String()).text(e.quantity.String())
	case dispute, uphold, reject:
		r.text(e.id)
	}
	return r.end()
}

var roleWords = [...]string{vendor: "vendor", client: "client", third: "third", arbiter: "arbiter"}

var eventWords = [...]string{accept: "accept", remark: "remark", reverse: "reverse", reduce: "reduce", dispute: "dispute", uphold: "uphold", reject: "reject"}

// A row is a line under construction: an array of an array's elements.
type row struct {
	b     []byte
	first bool // nothing stands in the open array yet
}

func newRow(b []byte, name string) *row {
	r := &row{b: append(b, '['), first: true}
	return r.text(name)
}

func (r *row) next() {
	if !r.first {
		r.b = append(r.b, ',')
	}
	r.first = false
}

func (r *row) text(s string) *row {
	r.next()
	r.b = record.AppendString(r.b, s)
	return r
}

func (r *row) int(i int64) *row {
	r.next()
	r.b = strconv.AppendInt(r.b, i, 10)
	return r
}

// time writes an instant; never is "".
func (r *row) time(t record.Time) *row {
	if t == never {
		return r.text("")
	}
	return r.text(t.String())
}

// flags writes truth values as one text of 0 and 1.
func (r *row) flags(list ...bool) *row {
	r.next()
	r.b = append(r.b, '"')
	for _, f := range list {
		if f {
			r.b = append(r.b, '1')
		} else {
			r.b = append(r.b, '0')
		}
	}
	r.b = append(r.b, '"')
	return r
}

func (r *row) open() *row {
	r.next()
	r.b = append(r.b, '[')
	r.first = true
	return r
}

func (r *row) close() *row {
	r.b = append(r.b, ']')
	r.first = false
	return r
}

func (r *row) end() []byte { return append(r.b, ']') }

// ReadState is the inverse of Lines: it accepts exactly the lines of a state.
// Size says how many records they cover.
func ReadState(lines [][]byte) (*State, error) {
	s := New()
	rows := make([][]any, len(lines))
	for i, line := range lines {
		if i > 0 && bytes.Compare(lines[i-1], line) >= 0 {
			return nil, fmt.Errorf("state line %d is not above the one before", i+1)
		}
		if terms.IsLine(line) {
			if err := s.standing.ReadLine(line); err != nil {
				return nil, fmt.Errorf("state line %d: %w", i+1, err)
			}
			continue
		}
		v, err := record.ParseCanonical(line)
		if err != nil {
			return nil, fmt.Errorf("state line %d is not canonical JSON: %v", i+1, err)
		}
		row, ok := v.([]any)
		if !ok || len(row) == 0 {
			return nil, fmt.Errorf("state line %d is no array that begins with a type", i+1)
		}
		rows[i] = row
	}
	if err := s.standing.Complete(); err != nil {
		return nil, err
	}
	s.addVersions()
	for i, row := range rows {
		if row == nil {
			continue
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
	again := s.Lines()
	for i, line := range lines {
		if i >= len(again) || !bytes.Equal(line, again[i]) {
			return nil, fmt.Errorf("state line %d is not in canonical form, or does not belong to this state", i+1)
		}
	}
	if len(again) > len(lines) {
		return nil, fmt.Errorf("state has %d lines, want %d", len(lines), len(again))
	}
	return s, nil
}

// sortRead brings what was read in the order of its lines into its own.
func (s *State) sortRead() {
	slices.SortFunc(s.claims, func(a, b *claim) int { return cmp.Compare(a.n, b.n) })
	for _, c := range s.claims {
		slices.SortFunc(c.events, func(a, b event) int { return cmp.Compare(a.n, b.n) })
	}
	slices.SortFunc(s.periods, func(a, b settled) int { return cmp.Compare(a.From, b.From) })
	slices.SortFunc(s.receipts, func(a, b receipt) int { return cmp.Compare(a.size, b.size) })
	slices.SortFunc(s.loose, func(a, b loose) int { return cmp.Compare(a.n, b.n) })
	for _, list := range s.handoffs {
		slices.SortFunc(list, func(a, b handoff) int { return cmp.Compare(a.n, b.n) })
	}
}

// checkRead refuses a state in which one line names what no other holds.
func (s *State) checkRead() error {
	if s.statement > s.size || s.statement < -1 || s.size < 0 || (s.statement >= 0) != (len(s.periods) > 0) {
		return fmt.Errorf("state of %d records has its last statement at %d, and %d periods", s.size, s.statement, len(s.periods))
	}
	known := int64(len(s.versions))
	if s.size > 0 && known == 0 {
		return fmt.Errorf("state has no version of the agreement")
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
	for at := range s.tallies {
		if !begins(at.period) {
			return fmt.Errorf("tally is of a period that begins at %v, which is not there", at.period)
		}
	}
	for _, c := range s.claims {
		if c.n < 0 || c.n >= s.size {
			return fmt.Errorf("claim %d is outside the first %d records", c.n, s.size)
		}
		if c.booking != nil && !begins(c.booking.period) {
			return fmt.Errorf("claim %d is billed in a period that begins at %v, which is not there", c.n, c.booking.period)
		}
	}
	return nil
}

func (s *State) readRow(row []any) error {
	c := &cells{row: row[1:]}
	switch row[0] {
	case lineFold:
		s.size, s.statement, s.carried = c.int(), c.int(), c.rat()
	case linePeriod:
		var p settled
		p.Name, p.From, p.Until, p.closing, p.base = c.text(), c.time(), c.time(), c.time(), c.int()
		s.periods = append(s.periods, p)
	case lineReceipt:
		s.receipts = append(s.receipts, receipt{c.int(), c.time()})
	case lineHandoff:
		matter := c.text()
		s.handoffs[matter] = append(s.handoffs[matter], handoff{c.int(), c.time(), c.time()})
	case lineLoose:
		l := loose{n: c.int(), at: c.time(), reason: c.reason()}
		if len(c.row) > 0 {
			l.result, l.key, l.version = c.text(), c.text(), c.int()
		}
		if l.version != 0 && s.version(l.version) == nil {
			return fmt.Errorf("version %d is not there", l.version)
		}
		s.loose = append(s.loose, l)
	case lineTally:
		at := slot{period: c.time(), version: c.int()}
		v := s.version(at.version)
		if v == nil {
			return fmt.Errorf("version %d is not there", at.version)
		}
		if at.line = v.line(c.text()); at.line < 0 {
			return fmt.Errorf("version %d has no such line", at.version)
		}
		y := &tally{claims: c.int(), quantity: c.rat()}
		if v.tables[at.line].mode == each {
			y.sum = c.rat()
		}
		s.tallies[at] = y
	case lineClaim:
		return s.readClaim(c)
	case lineEvent:
		return s.readEvent(c)
	default:
		return fmt.Errorf("type %v is not known", row[0])
	}
	return c.done()
}

func (s *State) version(number int64) *version {
	if number < 1 || number > int64(len(s.versions)) {
		return nil
	}
	return s.versions[number-1]
}

// line is the index of the line of that name, -1 if there is none.
func (v *version) line(name string) int {
	return slices.IndexFunc(v.tables, func(t *table) bool { return t.name == name })
}

func (s *State) readClaim(c *cells) error {
	x := &claim{n: c.int()}
	result, once := c.text(), c.text()
	x.id, x.matter, x.key = c.text(), c.text(), result+"/"+once
	x.at, x.logged = c.time(), c.time()
	number := c.int()
	x.author = role(c.word(roleWords[:]))
	flags := c.flags(2)
	x.backfilled, x.evidenced = flags[0], flags[1]
	x.facts = c.facts()
	x.since, x.said = c.time(), c.reason()
	kept := c.list()
	if err := c.done(); err != nil {
		return err
	}
	if x.version = s.version(number); x.version == nil {
		return fmt.Errorf("version %d is not there", number)
	}
	if x.rule = x.version.rules[result]; x.rule == nil {
		return fmt.Errorf("version %d has no result %s", number, result)
	}
	if s.byID[x.id] != nil || s.byKey[x.key] != nil {
		return fmt.Errorf("claim %d has the id or the key of another", x.n)
	}
	if len(kept.row) > 0 {
		var stands booking
		stands.period = kept.time()
		for len(kept.row) > 0 {
			p := kept.list()
			i := x.version.line(p.text())
			if i < 0 {
				return fmt.Errorf("version %d has no such line", number)
			}
			stands.parts = append(stands.parts, part{i, p.rat()})
			kept.join(p.done())
		}
		x.booking = &stands
	}
	if kept.err != nil {
		return kept.err
	}
	s.add(x)
	return nil
}

func (s *State) readEvent(r *cells) error {
	// Claims are read before, in the order of their lines.
	n := r.int()
	i, ok := slices.BinarySearchFunc(s.claims, n, func(c *claim, n int64) int { return compareText(c.n, n) })
	e := event{n: r.int(), kind: eventKind(r.word(eventWords[:])), by: role(r.word(roleWords[:])), at: r.time(), told: r.flags(1)[0]}
	switch e.kind {
	case reverse:
		e.cause = r.reason()
	case reduce:
		e.cause, e.quantity = r.reason(), r.rat()
	case dispute, uphold, reject:
		e.id = r.text()
	}
	if !ok {
		r.join(fmt.Errorf("is about claim %d, which is not there", n))
	}
	if err := r.done(); err != nil {
		return err
	}
	c := s.claims[i]
	if e.kind == dispute {
		s.disputes[e.id] = c
	}
	c.events = append(c.events, e)
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

func (c *cells) text() string { return take[string](c, "a text") }

func (c *cells) int() int64 { return take[int64](c, "a whole number") }

func (c *cells) time() record.Time {
	s := c.text()
	if s == "" {
		return never
	}
	t, err := record.ParseTime(s)
	if err != nil {
		c.join(err)
	}
	return t
}

func (c *cells) rat() exact.Rat {
	x, err := exact.Parse(c.text())
	if err != nil {
		c.join(err)
	}
	return x
}

func (c *cells) reason() reason {
	r, err := parseReason(c.text())
	if err != nil {
		c.join(err)
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
