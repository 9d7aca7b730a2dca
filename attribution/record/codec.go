package record

import "crypto/ed25519"

// Marshal returns the canonical line of r, without a newline.
func Marshal(r *Record) ([]byte, error) { panic("todo") }

// Parse accepts exactly what Marshal writes.
func Parse(line []byte) (*Record, error) { panic("todo") }

// Content is the canonical bytes of r without log and sigs: what is signed,
// and what "same content" means.
func Content(r *Record) ([]byte, error) { panic("todo") }

// ContentDigest is the SHA-256 of Content(r).
func ContentDigest(r *Record) (Digest, error) { panic("todo") }

// Sign adds the DSSE signature of key over r's content for the ledger
// origin; a signature by the same key is replaced.
func Sign(r *Record, origin string, key ed25519.PrivateKey) error { panic("todo") }

// CheckSignature verifies the signature in r.Sigs made by pub. It is an error if there is none.
func CheckSignature(r *Record, origin string, pub ed25519.PublicKey) error { panic("todo") }

// ParsePublicKey reads "ssh-ed25519 AAAA..." (no comment, no options) and
// refuses small-order and non-canonical keys.
func ParsePublicKey(text string) (ed25519.PublicKey, error) { panic("todo") }

// FormatPublicKey is the inverse of ParsePublicKey.
func FormatPublicKey(pub ed25519.PublicKey) string { panic("todo") }

// Fingerprint is the OpenSSH fingerprint "SHA256:..." of pub.
func Fingerprint(pub ed25519.PublicKey) string { panic("todo") }

func ParseTime(s string) (Time, error)       { panic("todo") }
func (t Time) String() string                { panic("todo") }
func ParseDecimal(s string) (Decimal, error) { panic("todo") }
func ParseDigest(s string) (Digest, error)   { panic("todo") }

// Sum returns the digest of b.
func Sum(b []byte) Digest { panic("todo") }

// Bool, Text and Number make facts. Number refuses nothing: Marshal checks its grammar is text only; the terms check the type.
func Bool(name string, v bool) Fact           { panic("todo") }
func Text(name, v string) Fact                { panic("todo") }
func (f Facts) Get(name string) (Value, bool) { panic("todo") }

// References returns the ids r's body refers to, in field order, with the field's name.
func References(r *Record) []Reference { panic("todo") }

type Reference struct{ Field, ID string }

// Chains returns the names of the chains r belongs to, sorted. It is a
// function of the record alone: case/ID when it names a case, else standing
// (measurements have no standing chain); measure/METRIC for a measurement;
// grant/ID for an action under a grant.
func Chains(r *Record) []string { panic("todo") }
