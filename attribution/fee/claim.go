package fee

import (
	"encoding/binary"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A claim is a live result: the outcome record that opened it and all that
// was recorded about it since. What follows from them is computed as of a
// closing instant; only what statements did with it is kept as marks.
type claim struct {
	n          int64
	at         record.Time // its instant
	logged     record.Time
	rule       *rule
	text       string    // of the record: its id, the key, the case, and the facts that are read: see facts
	ends       [3]uint32 // of the first three in the text
	author     role      // of the party
	backfilled bool
	evidenced  bool         // has the attachments the terms ask for
	party      *terms.Party // its author
	asked      *asked       // never nil
	events     []event
	marks
}

// An asked is what some terms ask of a claim beside.
type asked struct {
	action   string    // behind it
	delivery *delivery // of the evidence that must be delivered, nil if none must
}

// nothingAsked is that of all other claims.
var nothingAsked asked

// asks reports whether the terms ask for it.
func (r *rule) asks() bool { return r.Effect != nil || len(r.Delivered) > 0 }

// newClaim makes a claim whose id and key, in this order, stand in the buffer.
// Of its facts those that the terms read are kept. All that is kept of the
// record is one text, so that the record can go.
func (s *State) newClaim(rule *rule, id int, matter string, facts record.Facts) *claim {
	text := append(s.buffer, matter...)
	ends := [3]uint32{uint32(id), uint32(len(s.buffer)), uint32(len(text))}
	i := 0
	for read, name := range rule.reads {
		for i < len(facts) && facts[i].Name < name {
			i++
		}
		if i == len(facts) || facts[i].Name != name {
			continue
		}
		switch v := &facts[i].Value; {
		case !v.IsBool:
			text = binary.AppendUvarint(append(text, byte(read)), isText+uint64(len(v.Text)))
			text = append(text, v.Text...)
		case v.Bool:
			text = append(text, byte(read), isTrue)
		default:
			text = append(text, byte(read), isFalse)
		}
	}
	s.buffer = text
	p := &rule.piece
	if len(p.claims) == cap(p.claims) {
		*p = piece{claims: make([]claim, 0, max(1, min(pieceClaims, len(s.claims)/pieceClaims)))}
	}
	n := len(p.claims)
	p.claims = p.claims[:n+1]
	c := &p.claims[n]
	c.rule, c.text, c.ends, c.asked = rule, p.keep(text, cap(p.claims)-n), ends, &nothingAsked
	c.since, c.period, c.found = never, never, never
	return c
}

// A piece is memory of several claims of a rule. They leave the state in about
// the order in which they came, so a piece is soon free when its first claim is.
type piece struct {
	claims []claim
	text   strings.Builder
}

// pieceClaims is the most claims of a piece; one is never more than that part of
// all there are.
const pieceClaims = 64

// pieceText is the most that is got for texts that are still to come.
const pieceText = 4096

// keep is text, in memory of the piece, to which so many are still to come.
func (p *piece) keep(text []byte, more int) string {
	if free := p.text.Cap() - p.text.Len(); free < len(text) {
		p.text = strings.Builder{} // whoever has texts of it keeps it
		p.text.Grow(max(len(text), min(pieceText, len(text)*more)))
	}
	from := p.text.Len()
	p.text.Write(text)
	return p.text.String()[from:]
}

func (c *claim) id() string     { return c.text[:c.ends[0]] }
func (c *claim) key() string    { return c.text[c.ends[0]:c.ends[1]] }
func (c *claim) matter() string { return c.text[c.ends[1]:c.ends[2]] }

// once is the value the claim's result counts once per.
func (c *claim) once() string { return c.key()[len(c.rule.Name)+1:] }

// What follows the name of a fact in the text: its truth value, or this and the
// length of its text.
const (
	isFalse = iota
	isTrue
	isText
)

// facts appends the facts of the claim that the terms read to a buffer. In the
// text of the claim each is a byte, the place of its name among those that the
// rule reads, what it is as a varint, and its text.
func (c *claim) facts(buffer record.Facts) record.Facts {
	for at := int(c.ends[2]); at < len(c.text); {
		f := record.Fact{Name: c.rule.reads[c.text[at]]}
		at++
		var is uint64
		for shift := 0; ; shift += 7 {
			b := c.text[at]
			at++
			is |= uint64(b&0x7f) << shift
			if b < 0x80 {
				break
			}
		}
		if is < isText {
			f.Value = record.Value{IsBool: true, Bool: is == isTrue}
		} else {
			n := int(is - isText)
			f.Value.Text = c.text[at : at+n]
			at += n
		}
		buffer = append(buffer, f)
	}
	return buffer
}

// fact is the fact of that name.
func (c *claim) fact(name string) (v record.Value, ok bool) { return c.facts(nil).Get(name) }

// shown reports whether the claim has what the terms want with it: evidence, and
// the action behind it.
func (c *claim) shown() bool { return c.evidenced && (c.rule.Effect == nil || c.asked.action != "") }

// marks are what the statements so far did with a claim.
type marks struct {
	since  record.Time // start of the period whose statement considered it first, never if none did
	said   reason      // in the last statement that named it
	period record.Time // start of the period that it is billed in, never while it is not
	parts  []part      // what of it stands in the quantities of that period; never changed in place
	found  record.Time // start of the period in whose findings it is counted, never while it is not
}

// A part is what a claim adds to one measure of its version.
type part struct {
	measure  int
	quantity number
	text     string // of distinct
}

// A role is who authored a record, as far as the fee asks.
type role uint8

const (
	vendor role = iota
	client
	third
	arbiter
)

// roleOf is the role of a party of the terms; whoever is none is a third.
func roleOf(t *terms.Terms, party string) role {
	if p := t.Party(party); p != nil {
		return roleIn(p)
	}
	return third
}

func roleIn(p *terms.Party) role {
	switch p.Role {
	case "vendor":
		return vendor
	case "client":
		return client
	case "arbiter":
		return arbiter
	}
	return third
}
