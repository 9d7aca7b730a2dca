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
	carried         number
	periods         []settled
	tallies         map[slot]*tally
	handoffs        map[string]*handoffs
	receipts        []receipt
	loose           []loose
	claims          []claimLine
	taken           []takenKey
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
		claims: make([]claimLine, len(s.claims)), taken: s.taken.list, versions: s.versions,
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
	lineTaken   = "taken"
	lineTally   = "tally"
)

// each calls write with each line, in bytewise order. The line is valid until
// write returns.
func (m *image) each(write func(line []byte)) {
	lines := m.standing.AppendLines(nil)
	add := func(b *row) { lines = append(lines, b.end()) }

	add(newRow(lineFold).int(m.size).int(m.statement).number(m.carried))
	for _, p := range m.periods {
		add(newRow(linePeriod).text(p.Name).time(p.From).time(p.Until).time(p.closing).int(p.base))
	}
	for at, y := range m.tallies {
		t := m.table(at)
		r := newRow(lineTally).time(at.period).int(at.version).text(t.name).int(y.claims).number(y.quantity)
		if t.mode == each {
			r.number(y.sum)
		}
		add(r)
	}
	for matter, list := range m.handoffs {
		for against := range scopes {
			for _, h := range list[against] {
				add(newRow(lineHandoff).text(matter).int(h.n).time(h.at).time(h.until).text(scopeWords[against]))
			}
		}
	}
	for _, r := range m.receipts {
		add(newRow(lineReceipt).int(r.size).time(r.at))
	}
	for _, l := range m.loose {
		r := newRow(lineLoose).int(l.n).time(l.at).text(l.reason.String())
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
	// In the order of the text of their n, which is that of their lines.
	var r row
	m.byText(func(l *claimLine) { write(l.write(&r)) })
	upTo(lineEvent)
	var events []int
	var told []bool
	m.byText(func(l *claimLine) {
		if len(l.claim.events) == 0 {
			return
		}
		events, told = events[:0], told[:0]
		for k := range l.claim.events {
			events, told = append(events, k), append(told, l.claim.events[k].told)
		}
		for _, d := range l.told {
			told[d.event] = true
		}
		slices.SortFunc(events, func(a, b int) int { return compareText(l.claim.events[a].n, l.claim.events[b].n) })
		for _, k := range events {
			write(l.writeEvent(&r, k, told[k]))
		}
	})
	upTo(lineTaken)
	for _, k := range m.taken {
		r.begin(lineTaken).next()
		r.b = append(r.b, k.text...)
		write(r.time(k.at).int(k.version.number).end())
	}
	for _, line := range lines {
		write(line)
	}
}

// table is the price table of a slot.
func (m *image) table(at slot) *table { return m.versions[at.version-1].tables[at.line] }

// byText calls do with the claims in the order of the decimal text of their n.
// They stand in the order of n, so those with equally many digits stand
// together and in order: these few lists are merged.
func (m *image) byText(do func(l *claimLine)) {
	var lists [][]claimLine
	var heads []textKey
	for rest := m.claims; len(rest) > 0; {
		digits := textKeyOf(rest[0].claim.n).digits
		n, _ := slices.BinarySearchFunc(rest, digits+1, func(l claimLine, digits int) int { return cmp.Compare(textKeyOf(l.claim.n).digits, digits) })
		lists, heads = append(lists, rest[:n]), append(heads, textKeyOf(rest[0].claim.n))
		rest = rest[n:]
	}
	for len(lists) > 0 {
		least := 0
		for i := range heads {
			if heads[i].compare(heads[least]) < 0 {
				least = i
			}
		}
		do(&lists[least][0])
		if lists[least] = lists[least][1:]; len(lists[least]) > 0 {
			heads[least] = textKeyOf(lists[least][0].claim.n)
			continue
		}
		lists, heads = slices.Delete(lists, least, least+1), slices.Delete(heads, least, least+1)
	}
}

// A textKey orders numbers as their decimal texts are ordered when a comma
// follows.
type textKey struct {
	left   uint64 // the number with its first digit at 10^18
	digits int
}

func textKeyOf(n int64) textKey {
	k := textKey{uint64(n), 1}
	for k.digits <= maxDecimals && n >= power10[k.digits] {
		k.digits++
	}
	k.left *= uint64(power10[maxDecimals+1-k.digits])
	return k
}

func (k textKey) compare(o textKey) int {
	return cmp.Or(cmp.Compare(k.left, o.left), cmp.Compare(k.digits, o.digits))
}

// compareText orders numbers by their textKeys.
func compareText(a, b int64) int { return textKeyOf(a).compare(textKeyOf(b)) }

// write writes the line of a claim:
//
//	["claim",n,result,key,id,case,at,logged,version,author,flags,facts,since,said,booking]
func (l *claimLine) write(r *row) []byte {
	c := l.claim
	r.begin(lineClaim).int(c.n).text(c.rule.Name).text(c.once()).text(c.id).text(c.matter).
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
	if l.marks.period != never {
		r.time(l.marks.period)
		for _, p := range l.marks.parts {
			r.open().text(c.version.tables[p.line].name).number(p.quantity).close()
		}
	}
	return r.close().end()
}

// writeEvent writes the line of an event of the claim:
//
//	["event",n of the claim,n,kind,author,at,flags,...]
func (l *claimLine) writeEvent(r *row, i int, told bool) []byte {
	e := &l.claim.events[i]
	r.begin(lineEvent).int(l.claim.n).int(e.n).text(eventWords[e.kind]).text(roleWords[e.by]).time(e.at).flags(told)
	switch e.kind {
	case reverse:
		r.text(e.cause.String())
	case reduce:
		r.text(e.cause.String()).number(e.quantity)
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

	date     record.Time // of dateText, in days
	dateText string
}

func newRow(name string) *row { return new(row).begin(name) }

// begin begins a line in the memory of the one before.
func (r *row) begin(name string) *row {
	r.b, r.first = append(r.b[:0], '['), true
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

func (r *row) number(x number) *row {
	r.next()
	r.b = append(x.append(append(r.b, '"')), '"')
	return r
}

// time writes an instant; never is "".
func (r *row) time(t record.Time) *row {
	if t == never {
		return r.text("")
	}
	r.next()
	r.b = append(r.b, '"')
	// The date is that of the time before more often than not.
	const dayMS = 24 * 60 * 60 * 1000
	date, ms := t/dayMS, int64(t%dayMS)
	if r.date != date || r.dateText == "" {
		r.date, r.dateText = date, t.String()[:len("2026-03-01T")]
	}
	r.b = append(r.b, r.dateText...)
	for _, f := range [...]struct {
		unit   int64
		digits int
		end    byte
	}{{3600_000, 2, ':'}, {60_000, 2, ':'}, {1000, 2, '.'}, {1, 3, 'Z'}} {
		v := ms / f.unit
		ms %= f.unit
		if f.digits == 3 {
			r.b = append(r.b, byte('0'+v/100))
		}
		r.b = append(r.b, byte('0'+v/10%10), byte('0'+v%10), f.end)
	}
	r.b = append(r.b, '"')
	return r
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

func (r *row) end() []byte {
	r.b = append(r.b, ']')
	return r.b
}

// maxLineBytes bounds a state line: that of a claim repeats what its record,
// of at most record.MaxRecordBytes, has of it, the once_per value twice, and
// says where it is booked.
const (
	maxLineBytes   = 128 << 10
	maxNumberBytes = 256 // more than any sum has of what records can say
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
	slices.SortFunc(s.periods, func(a, b settled) int { return cmp.Compare(a.From, b.From) })
	slices.SortFunc(s.receipts, func(a, b receipt) int { return cmp.Compare(a.size, b.size) })
	slices.SortFunc(s.loose, func(a, b loose) int { return cmp.Compare(a.n, b.n) })
	s.taken = newTaken(s.taken.list)
}

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
	for i, c := range s.claims {
		if c.n < 0 || c.n >= s.size || i > 0 && s.claims[i-1].n == c.n {
			return fmt.Errorf("claim %d is outside the first %d records, or there twice", c.n, s.size)
		}
		if c.period != never && !begins(c.period) {
			return fmt.Errorf("claim %d is billed in a period that begins at %v, which is not there", c.n, c.period)
		}
		for _, p := range c.parts {
			at := slot{c.period, c.version.number, p.line}
			y := booked[at]
			y.add(c.version.tables[p.line], p.quantity, one, 1)
			booked[at] = y
		}
		for j, e := range c.events {
			if e.n <= c.n || e.n >= s.size || j > 0 && c.events[j-1].n == e.n {
				return fmt.Errorf("event %d of claim %d is not in its place", e.n, c.n)
			}
		}
	}
	for at, y := range s.tallies {
		if !begins(at.period) {
			return fmt.Errorf("tally is of a period that begins at %v, which is not there", at.period)
		}
		if b := booked[at]; y.claims < 1 || y.claims < b.claims || y.quantity.cmp(b.quantity) < 0 {
			return fmt.Errorf("tally of %d results and %s has %d and %s in it", y.claims, y.quantity, b.claims, b.quantity)
		}
		delete(booked, at)
	}
	if len(booked) > 0 {
		return fmt.Errorf("%d tallies are missing, in which claims are booked", len(booked))
	}
	return nil
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
		case outsideTerm, duplicate, final, voidSignature, unmatched:
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
	case lineTally:
		at := slot{period: c.time(), version: c.int()}
		v := s.version(at.version)
		if v == nil {
			return fmt.Errorf("version %d is not there", at.version)
		}
		if at.line = v.line(c.text()); at.line < 0 {
			return fmt.Errorf("version %d has no such line", at.version)
		}
		y := &tally{claims: c.int(), quantity: c.number()}
		if v.tables[at.line].mode == each {
			y.sum = c.number()
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
	x.since, x.said, x.period = c.timeOrNever(), c.reason(), never
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
	if v := s.governing(x.at); v != x.version {
		return fmt.Errorf("version %d does not govern %v", number, x.at)
	}
	for _, f := range x.facts {
		if err := x.rule.checkRead(f); err != nil {
			return err
		}
	}
	if s.claimByID(x.id) != nil || s.claimByKey(x.key) != nil {
		return fmt.Errorf("claim %d has the id or the key of another", x.n)
	}
	if len(kept.row) > 0 {
		x.period = kept.time()
		for len(kept.row) > 0 {
			p := kept.list()
			i := x.version.line(p.text())
			if !slices.ContainsFunc(x.rule.uses, func(u use) bool { return u.line == i }) {
				return fmt.Errorf("version %d has no such line of %s", number, result)
			}
			if n := len(x.parts); n > 0 && x.parts[n-1].line >= i {
				return fmt.Errorf("claim %d is booked on a line twice, or not in order", x.n)
			}
			x.parts = append(x.parts, part{i, p.number()})
			kept.join(p.done())
		}
	}
	if kept.err != nil {
		return kept.err
	}
	s.add(x)
	return nil
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
		if s.disputes[e.id] != nil {
			return fmt.Errorf("has the id of another dispute")
		}
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

func (c *cells) timeOrNever() record.Time {
	if len(c.row) > 0 && c.row[0] == "" {
		c.row = c.row[1:]
		return never
	}
	return c.time()
}

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
