// Package record defines what happened: the envelope and the closed list of
// kinds, their one canonical encoding, and the signatures of their authors.
package record

// A Time is an instant in milliseconds since 1970-01-01T00:00:00Z. Its text
// is UTC in exactly the form 2026-03-01T08:00:00.000Z, years 1970 to 9999.
type Time int64

// A Digest is "sha256:" and 64 lower-case hexadecimal digits; "" is absent.
type Digest string

// A Decimal is an exact decimal in the grammar -?(0|[1-9][0-9]*)(\.[0-9]+)?,
// at most 34 digits and 18 decimals, no negative zero. "" is absent.
type Decimal string

// A Record is one entry of a ledger.
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

// A Fact is a named value: a truth value, or text (a decimal, a time or an
// id is text whose form the terms' type decides).
type Fact struct {
	Name  string
	Value Value
}

// Facts is sorted by name, without doubles.
type Facts []Fact

// A Value is a bool or a text.
type Value struct {
	IsBool bool
	Bool   bool
	Text   string
}

// A Refusal says why a record cannot stand in the ledger. Check names the
// check of the verifier that would fail.
type Refusal struct {
	Check  string // "form", "order", "author signatures", "terms", "statements", "chains"
	N      int64  // -1 before it has one
	ID     string
	Field  string
	Reason string // got and want
}

func (e *Refusal) Error() string {
	s := "record "
	if e.ID != "" {
		s += e.ID
	}
	if e.Field != "" {
		s += ": " + e.Field
	}
	return s + ": " + e.Reason
}
