package fee

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

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
	readings        []readingLine
	usage           map[slot]*usage
	shared          map[shared]int64
	standins        map[string]number
	reached         map[string]number
	included        map[lineSlot]number
	rolled          map[string]number
	prepaid         map[string]number
	handoffs        map[string]*handoffs
	contests        []contestLine
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
	spent []int
}

// A readingLine is a measurement with the marks to write.
type readingLine struct {
	reading *reading
	marks   marks
}

func (s *State) image() image {
	m := image{
		standing: s.standing, size: s.size, statement: s.statement,
		carried: s.carried, usage: s.usage, shared: s.shared, standins: s.standins, reached: s.reached, included: s.included, rolled: s.rolled, prepaid: s.prepaid,
		periods: s.periods, tallies: s.tallies, handoffs: s.handoffs, receipts: s.receipts, loose: s.loose,
		claims: make([]claimLine, len(s.claims)), taken: s.taken.list, versions: s.versions,
	}
	for i, c := range s.claims {
		m.claims[i] = claimLine{claim: c, marks: c.marks}
	}
	for _, k := range s.contests {
		m.contests = append(m.contests, contestLine{k, k.told})
	}
	for _, x := range s.readings {
		m.readings = append(m.readings, readingLine{x, x.marks})
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
	lineClaim    = "claim"
	lineContest  = "contest"
	lineEvent    = "event"
	lineFold     = "fold"
	lineHandoff  = "handoff"
	lineIncluded = "included"
	lineLoose    = "loose"
	linePeriod   = "period"
	linePrepaid  = "prepaid"
	lineReached  = "reached"
	lineReading  = "reading"
	lineReceipt  = "receipt"
	lineRest     = "rest"
	lineRolled   = "rolled"
	lineRuling   = "ruling"
	lineShared   = "shared"
	lineStand    = "stand"
	lineStandin  = "standin"
	lineTaken    = "taken"
	lineTally    = "tally"
	lineUsage    = "usage"
	lineUsed     = "used"
	lineValue    = "value"
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
		m.tally(at, y, add)
	}
	for at, u := range m.usage {
		name := m.measure(at).Name
		add(newRow(lineUsage).time(at.period).int(at.version).text(name).int(u.first).int(u.last).int(u.claims).number(u.quantity).numbers(u.sums))
		for _, v := range u.values {
			add(newRow(lineUsed).time(at.period).int(at.version).text(name).value(v))
		}
	}
	for at, n := range m.shared {
		r := newRow(lineShared).time(at.period).int(at.version).open()
		for _, name := range splitNames(at.measures) {
			r.text(name)
		}
		add(r.close().int(n))
	}
	for _, x := range m.readings {
		lines = append(lines, new(row).writeReading(x.reading, x.marks))
	}
	named := func(line string, list map[string]number) {
		for name, x := range list {
			add(newRow(line).text(name).number(x))
		}
	}
	named(linePrepaid, m.prepaid)
	named(lineReached, m.reached)
	named(lineRolled, m.rolled)
	named(lineStandin, m.standins)
	for at, x := range m.included {
		add(newRow(lineIncluded).time(at.period).text(at.line).number(x))
	}
	for matter, list := range m.handoffs {
		for against := range scopes {
			for _, h := range list[against] {
				add(newRow(lineHandoff).text(matter).int(h.n).time(h.at).time(h.until).text(scopeWords[against]))
			}
		}
	}
	writeContests(m.contests, add)
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
	var told, spent []bool
	m.byText(func(l *claimLine) {
		if len(l.claim.events) == 0 {
			return
		}
		events, told, spent = events[:0], told[:0], spent[:0]
		for k := range l.claim.events {
			events, told, spent = append(events, k), append(told, l.claim.events[k].told), append(spent, l.claim.events[k].spent)
		}
		for _, k := range l.spent {
			spent[k] = true
		}
		for _, d := range l.told {
			told[d.event] = true
		}
		slices.SortFunc(events, func(a, b int) int { return compareText(l.claim.events[a].n, l.claim.events[b].n) })
		for _, k := range events {
			write(l.writeEvent(&r, k, told[k], spent[k]))
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

// measure is the measure of a slot.
func (m *image) measure(at slot) *measure { return m.versions[at.version-1].measures[at.measure] }

// tally adds the lines of a tally:
//
//	["tally",start of the period or "",version,measure,claims,quantity,sum...]
//	["value",start of the period or "",version,measure,n,occurred,quantity or text]
func (m *image) tally(at slot, y *tally, add func(*row)) {
	name := m.measure(at).Name
	begin := func(line string) *row { return newRow(line).time(at.period).int(at.version).text(name) }
	add(begin(lineTally).int(y.claims).number(y.quantity).numbers(y.sums))
	for _, v := range y.values {
		add(begin(lineValue).value(v))
	}
	if y.rest != nil {
		add(begin(lineRest).value(*y.rest))
	}
	if y.stand != nil {
		add(begin(lineStand).number(*y.stand))
	}
}

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
//
// and, where the terms ask for the action behind it, that and the start of the
// period in whose findings it is counted.
//
//	["claim",...,[n of the last disclose record,digest...]] of one whose evidence must be delivered
func (l *claimLine) write(r *row) []byte {
	c := l.claim
	r.begin(lineClaim).int(c.n).text(c.rule.Name).text(c.once()).text(c.id()).text(c.matter()).
		time(c.at).time(c.logged).int(c.rule.version.number).text(c.party.ID).flags(c.backfilled, c.evidenced)
	r.facts(c.facts(nil)).marks(c.rule.version, &l.marks)
	if c.rule.Effect != nil {
		r.text(c.asked.action).time(l.marks.found)
	}
	if c.asked.delivery != nil {
		c.asked.delivery.write(r)
	}
	return r.end()
}

// facts writes facts as an object.
func (r *row) facts(facts record.Facts) *row {
	r.next()
	r.b = append(r.b, '{')
	for i, f := range facts {
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
	return r
}

// marks writes what statements did with a claim or a measurement.
func (r *row) marks(v *version, m *marks) *row {
	r.time(m.since).text(m.said.String())
	r.open()
	if m.period != never {
		r.time(m.period)
		for _, p := range m.parts {
			r.open().text(v.measures[p.measure].Name)
			if v.measures[p.measure].Op == "distinct" {
				r.text(p.text)
			} else {
				r.number(p.quantity)
			}
			r.close()
		}
	}
	return r.close()
}

// value writes a value of a measure.
func (r *row) value(v value) *row {
	r.int(v.n).time(v.at)
	if v.text != "" {
		return r.text(v.text)
	}
	return r.number(v.quantity)
}

// numbers writes a list of numbers, each as an element.
func (r *row) numbers(list []number) *row {
	for _, x := range list {
		r.number(x)
	}
	return r
}

// writeEvent writes the line of an event of the claim:
//
//	["event",n of the claim,n,kind,author,at,flags,...]
func (l *claimLine) writeEvent(r *row, i int, told, spent bool) []byte {
	e := &l.claim.events[i]
	r.begin(lineEvent).int(l.claim.n).int(e.n).text(eventWords[e.kind]).text(roleWords[e.by]).time(e.at).flags(told)
	switch e.kind {
	case reverse:
		r.text(e.cause.String())
	case reduce:
		r.text(e.cause.String()).number(e.quantity)
	case dispute, uphold, reject, contested, findVoid, findKeep:
		r.text(e.id)
	}
	if l.claim.rule.keeps && (e.kind == reverse || e.kind == reduce) {
		r.text(e.id).flags(spent)
	}
	return r.end()
}

var roleWords = [...]string{vendor: "vendor", client: "client", third: "third", arbiter: "arbiter"}

var eventWords = [...]string{accept: "accept", remark: "remark", reverse: "reverse", reduce: "reduce", dispute: "dispute", uphold: "uphold", reject: "reject",
	contested: "contest", findVoid: "find_void", findKeep: "find_keep"}

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
