// Package record defines what happened: the envelope and the closed list of
// kinds, their one canonical encoding, and the signatures of their authors.
//
// A record is one line of canonical JSON, which is a leaf of the ledger's
// tree. Its body says what its kind says; docs/record.md has every field with
// its form and meaning. This one says that a ticket was resolved; a ledger put
// log into it, and it stands in the chain of its case:
//
//	{"at":"2026-03-02T09:14:05.120Z","body":{"facts":{"solved":true},"result":"resolved"},"by":"vendor","case":"ticket/88120","id":"outcome/418","kind":"outcome","log":{"chains":{"case/ticket/88120":[3,120399]},"n":120418,"time":"2026-03-02T09:14:05.932Z"}}
//
// [Marshal] writes a record and [Parse] reads it: it accepts exactly what
// Marshal writes. Whoever is not the operator of the ledger signs its records,
// see [Sign] and [CheckSignature]; what is signed is the [Content], the record
// without log and signatures.
package record

import (
	"fmt"
	"reflect"
	"strings"
)

// Limits. Each is tested before memory is taken for what it bounds.
const (
	MaxRecordBytes = 65535 // of a line, as in C2SP tlog-tiles
	LogBytes       = 512   // of these at least kept free for log, so that every record that has none yet can be taken
	MaxDepth       = 16    // of objects and lists within each other, the record itself included
	MaxIDBytes     = 128
	MaxNameBytes   = 64
	MaxLabelBytes  = 256
	MaxTextBytes   = 4096
	MaxList        = 1024 // elements of a list
	MaxFacts       = 256
	MaxAttachments = 64
	MaxSealed      = 256
	MaxCites       = 1024
	MaxSignatures  = 8
	MaxChains      = 64
	MaxDigits      = 34        // of a decimal
	MaxDecimals    = 18        // of these behind the point
	MaxInteger     = 1<<53 - 1 // of an integer, and its negative the least

	minNonceBytes = 16
	maxNonceBytes = 64
)

// A Record is one entry of a ledger. Fields that are empty are absent from
// the line; Marshal says which of them a kind requires.
type Record struct {
	Kind       Kind
	ID         string
	Case       string // "" for standing records and measurements
	At         Time   // when it happened, by its author
	By         string // party
	Actor      string // agent or human of the party, "" if none is named
	Subject    string // pseudonym of the customer, "" if none
	Body       Body
	Attach     []Attachment // sorted by name
	Sealed     []Digest     // digests of RFC 9901 disclosures, sorted
	Backfilled bool         // imported history outside the record delay
	Author     *Author      // only where the author is not the operator
	Cites      []Cite       // sorted by id; only where the author is not the operator
	Sigs       []Signature  // sorted by key
	Log        *Log         // what the ledger assigned; nil before Append
}

// An Author links the records of one key: Seq counts from 0, Prev is the
// content digest of that key's previous record ("" at 0).
type Author struct {
	Seq  int64
	Prev Digest
}

// A Cite binds a referenced id to the content its author saw.
type Cite struct {
	ID     string
	Digest Digest // content digest
}

// A Signature is an Ed25519 signature over DSSE PAE. Key is the OpenSSH
// fingerprint "SHA256:..." of the public key.
type Signature struct {
	Key string
	Sig [64]byte
}

// An Attachment commits evidence bytes by a salted digest.
type Attachment struct {
	Name   string
	Digest Digest // SHA-256 of salt followed by the bytes
	Size   int64
	Media  string // media type, "" if not stated
	Keep   Time   // until when it is to be kept at least, 0 if its author promises nothing
}

// A Log is what the ledger assigned.
type Log struct {
	N      int64
	Time   Time
	Chains []Link // sorted by chain name
}

// A Link is one chain's position of a record: its ordinal in the chain from
// 0, and the index of the chain's previous record (-1 at ordinal 0).
type Link struct {
	Chain   string
	Ordinal int64
	Prev    int64
}

// A Refusal says why a record cannot stand in the ledger. Check names the
// check of the verifier that would fail.
type Refusal struct {
	Check  string // "form", "order", "author signatures", "terms", "statements", "chains", "attachments"
	N      int64  // -1 before it has one
	ID     string
	Field  string
	Reason string // got and want
}

// Error returns "record ID: field: reason", with the index where it has one.
func (e *Refusal) Error() string {
	s := "record"
	if e.N >= 0 {
		s += fmt.Sprintf(" %d", e.N)
	}
	if e.ID != "" {
		s += " " + e.ID
	}
	if e.Field != "" {
		s += ": " + e.Field
	}
	return s + ": " + e.Reason
}

// fields shows c the members of the envelope, sorted by key.
func (r *Record) fields(c *codec) {
	c.id("actor", &r.Actor, optional)
	c.time("at", &r.At, required)
	keyed(c, "attach", "attachments", &r.Attach, formID, 1, MaxAttachments, optional,
		func(a *Attachment) *string { return &a.Name },
		func(c *codec, a *Attachment) bool { return member(c, a, (*Attachment).fields) })
	if c.mode == describe {
		c.path = "attach"
		(*Attachment).fields(new(Attachment), c)
		c.path = ""
	}
	object(c, "author", &r.Author, optional, (*Author).fields)
	c.bool("backfilled", &r.Backfilled, optional)
	c.body(r)
	c.id("by", &r.By, required)
	c.id("case", &r.Case, optional)
	keyed(c, "cites", "digests by record id", &r.Cites, formID, 1, MaxCites, optional,
		func(e *Cite) *string { return &e.ID },
		func(c *codec, e *Cite) bool { return c.value((*string)(&e.Digest), formDigest) })
	c.id("id", &r.ID, required)
	c.kindOf(r)
	if c.mode == encode {
		c.logAt = len(c.buf)
	}
	if !c.bare {
		object(c, "log", &r.Log, optional, (*Log).fields)
	}
	c.digests("sealed", &r.Sealed, optional)
	if c.mode == encode {
		c.sigs = len(c.buf)
	}
	if !c.bare {
		keyed(c, "sigs", "signatures by fingerprint", &r.Sigs, formFingerprint, 1, MaxSignatures, optional,
			func(s *Signature) *string { return &s.Key },
			func(c *codec, s *Signature) bool { return c.signature(&s.Sig) })
	}
	if c.mode == encode {
		c.sigEnd = len(c.buf)
	}
	c.id("subject", &r.Subject, optional)
	if c.err == nil {
		r.rules(c)
	}
}

// rules are the conditions between members of the envelope.
func (r *Record) rules(c *codec) {
	switch r.Kind {
	case KindAgreement, KindKey, KindGrant, KindRevoke, KindConfig, KindStatement, KindReceipt, KindChainIndex:
		// They stand for the whole ledger: in the chain of a case they would
		// be missing from the chain that everyone reads for them.
		if !c.holds(r.Case == "") {
			c.fail("case", "got %q, want none: a record of kind %s is standing", r.Case, r.Kind)
		}
	case KindReview:
		if !c.holds(r.Actor != "") {
			c.fail("actor", "missing: a review names the person")
		}
	}
	if !c.holds(len(r.Sealed) <= MaxSealed) {
		c.fail("sealed", "has %d elements, at most %d", len(r.Sealed), MaxSealed)
	}
	for i := 1; i < len(r.Sealed); i++ {
		if !c.holds(r.Sealed[i-1] < r.Sealed[i]) {
			c.fail("sealed", "%q stands after %q, want them sorted and none twice", r.Sealed[i], r.Sealed[i-1])
		}
	}
}

func (a *Attachment) fields(c *codec) {
	c.digest("digest", &a.Digest, required)
	c.time("keep", &a.Keep, optional)
	c.label("media", &a.Media, optional)
	c.int("size", &a.Size, 0)
}

func (a *Author) fields(c *codec) {
	c.digest("prev", &a.Prev, optional)
	c.int("seq", &a.Seq, 0)
	if !c.holds(a.Seq == 0 || a.Prev != "") {
		c.fail("prev", "missing at seq %d", a.Seq)
	}
	if !c.holds(a.Seq > 0 || a.Prev == "") {
		c.fail("prev", "got a digest at seq 0, want none")
	}
}

func (l *Log) fields(c *codec) {
	keyed(c, "chains", "[ordinal, previous n] by chain", &l.Chains, formChain, 1, MaxChains, required,
		func(k *Link) *string { return &k.Chain },
		func(c *codec, k *Link) bool { return k.value(c) })
	c.int("n", &l.N, 0)
	c.time("time", &l.Time, required)
	for _, k := range l.Chains {
		if !c.holds(k.Prev < l.N) {
			c.fail("chains."+k.Chain, "previous record is %d, want one before %d", k.Prev, l.N)
		}
	}
}

// body codes the body by the kind of the record. The key body comes before the
// key kind; so reading takes the last `,"kind":"` of the line for it, and
// kindOf sees to it that this was right. It is right in every valid record:
// behind kind there are only ids, digests, numbers, signatures and the names
// of chains, none of them a key of that form.
func (c *codec) body(r *Record) {
	switch c.mode {
	case describe:
		c.field("body", "object", true, required)
		return
	case collect:
		c.bodyFields(r.Body)
		return
	case encode:
		if r.Body == nil || reflect.ValueOf(r.Body).Kind() == reflect.Pointer && reflect.ValueOf(r.Body).IsNil() {
			c.fail("body", "missing")
			return
		}
	}
	if !c.field("body", "object", true, required) {
		return
	}
	if c.mode == decode {
		c.kind = hint(c.s[c.i:])
		body, ok := NewBody(c.kind)
		if !ok {
			if c.kind == "" {
				c.fail("kind", "missing, want a kind")
			} else {
				c.fail("kind", "unknown kind %q", clip(string(c.kind)))
			}
			return
		}
		r.Body = body
	}
	if c.open() {
		c.bodyFields(r.Body)
		c.close()
	}
	if c.err != nil {
		c.inside("body")
		return
	}
	if c.mode == decode {
		c.next()
	}
}

// hint returns the kind that s seems to name. It looks from the end, and goes
// by as many bytes as the byte it sees allows.
func hint(s string) Kind {
	const key = `,"kind":"`
	for i := len(s) - len(key); i >= 0; {
		switch s[i] {
		case ',':
			if s[i:i+len(key)] == key {
				s = s[i+len(key):]
				return Kind(s[:max(0, strings.IndexByte(s, '"'))])
			}
			i -= len(key)
		case '"':
			i--
		case 'k':
			i -= 2
		case 'i':
			i -= 3
		case 'n':
			i -= 4
		case 'd':
			i -= 5
		case ':':
			i -= 7
		default:
			i -= len(key)
		}
	}
	return ""
}

// kindOf codes the kind, which must be that of the body.
func (c *codec) kindOf(r *Record) {
	if c.err != nil || c.mode == collect {
		return
	}
	if !c.field("kind", "kind", r.Kind != "", required) {
		return
	}
	if c.mode == encode {
		if want := r.Body.Kind(); r.Kind != want {
			c.fail("kind", "got %q, want %s, as the body is", clip(string(r.Kind)), want)
			return
		}
		c.buf = append(c.buf, '"')
		c.buf = append(c.buf, r.Kind...)
		c.buf = append(c.buf, '"')
		return
	}
	s, k := c.s[c.i:], len(c.kind)
	if len(s) < k+2 || s[0] != '"' || s[k+1] != '"' || s[1:k+1] != string(c.kind) {
		c.fail("kind", "got %s, want a kind", c.got())
		return
	}
	r.Kind = c.kind
	c.i += k + 2
	c.next()
}

// Marshal returns the canonical line of r, without a newline.
func Marshal(r *Record) ([]byte, error) {
	c, err := r.encode(false)
	if err != nil {
		return nil, err
	}
	return c.buf, nil
}

// encode writes r.
func (r *Record) encode(bare bool) (*codec, error) {
	c := &codec{mode: encode, bare: bare, buf: make([]byte, 0, 1024)}
	c.open()
	r.fields(c)
	c.close()
	if c.err == nil {
		r.checkLength(c, len(c.buf))
	}
	if c.err != nil {
		return nil, r.refuse(c.err)
	}
	return c, nil
}

// checkLength bounds the line, and what it was before it had a log: so each
// record in a ledger is one that could come to it, and has a content.
func (r *Record) checkLength(c *codec, lineBytes int) {
	most := MaxRecordBytes - LogBytes
	if lineBytes > MaxRecordBytes-MaxChains*(MaxIDBytes+64) { // else there is room for any log
		if b, ok := r.Body.(*Decision); ok && b != nil {
			most = MaxRecordBytes - max(LogBytes, maxLogBytes(r))
		}
	}
	switch withLog := r.Log != nil && !c.bare; {
	case lineBytes <= most:
	case lineBytes > MaxRecordBytes && withLog:
		c.fail("", "has %d bytes, at most %d", lineBytes, MaxRecordBytes)
	case !withLog:
		c.fail("", "has %d bytes, at most %d", lineBytes, most)
	default:
		if n := lineBytes - len(appendLog(nil, r.Log)); n > most {
			c.fail("", "has %d bytes without log, at most %d", n, most)
		}
	}
}

// refuse completes a refusal by what is known of r.
func (r *Record) refuse(e *Refusal) *Refusal {
	if idLength(r.ID) == len(r.ID) {
		e.ID = r.ID
	}
	if r.Log != nil {
		e.N = r.Log.N
	}
	return e
}

// parsed is what most records need, in one piece of memory.
type parsed struct {
	codec  codec
	record Record
	author Author
	log    Log
	links  [2]Link
}

// Parse accepts exactly what Marshal writes. The record keeps its own copy of
// the line, which its strings are parts of.
func Parse(line []byte) (*Record, error) {
	if len(line) > MaxRecordBytes {
		return nil, &Refusal{Check: "form", N: -1, Reason: fmt.Sprintf("has %d bytes, at most %d", len(line), MaxRecordBytes)}
	}
	p := &parsed{}
	c, r := &p.codec, &p.record
	c.s = string(line)
	r.Author, r.Log, p.log.Chains = &p.author, &p.log, p.links[:0]
	if c.open() {
		r.fields(c)
		c.close()
	}
	if c.err == nil && c.i < len(c.s) {
		c.fail("", "byte %d: got more behind the record", c.i)
	}
	if c.err == nil {
		r.checkLength(c, len(line))
	}
	if c.err == nil {
		return r, nil
	}
	// The walk stops at the first thing that is not the next one it wants.
	// Where the line is not canonical, the reason lies in that.
	v, err := ParseCanonical(line)
	if err != nil {
		return nil, &Refusal{Check: "form", N: -1, Reason: err.Error()}
	}
	if members, ok := v.(map[string]any); ok {
		if id, ok := members["id"].(string); ok && idLength(id) == len(id) {
			c.err.ID = id
		}
	}
	return nil, c.err
}
