package terms

import (
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// A Standing is what the standing records establish: the versions of the
// agreement, the parties' keys in force, the last record of each author, the
// last instant. It decides who may write what. It is folded record by record.
type Standing struct {
	origin   string
	logKey   string
	versions []Version
	keys     map[string]*enrolled
	authors  map[string]head
	started  bool        // there is a record, and so a last one
	last     record.Time // log time of the last record
	latest   record.Time // the latest instant of any record
	past     *Standing   // of a simulation: what the records established in fact, else nil
}

// A Version is one version of the agreement.
type Version struct {
	Number  int64
	N       int64         // index of its record
	Digest  record.Digest // content digest of its record
	Agreed  bool          // signed by the client too
	History string        // "", or adopt or exclude: what it makes of versions before it that the client had not signed
	Terms   *Terms

	nonce string
}

// An enrolled key may sign for its party. Once both sides have signed, it is
// never forgotten: a record that a revoked key signed is admitted, and found.
// The value is not changed once it is in a Standing.
type enrolled struct {
	text   string // "ssh-ed25519 AAAA..."
	pub    ed25519.PublicKey
	party  string
	holder string
	n      int64       // index of the record that enrolled it
	from   record.Time // 0 for a key that the terms name

	revoked     int64 // index of the record that revoked it, -1 if none
	revokedFrom record.Time
}

// inForce reports whether the key has begun and is not revoked at an instant.
func (k *enrolled) inForce(at record.Time) bool {
	return at >= k.from && (k.revoked < 0 || at < k.revokedFrom)
}

// A head is the last record of a key that signs: Seq of it and its content
// digest.
type head struct {
	seq    int64
	digest record.Digest
}

// NewStanding returns the standing of a ledger without records.
func NewStanding() *Standing {
	return &Standing{keys: map[string]*enrolled{}, authors: map[string]head{}}
}

// Clone is a copy that can be moved on without touching s.
func (s *Standing) Clone() *Standing {
	c := *s
	c.versions = slices.Clone(s.versions)
	c.keys = maps.Clone(s.keys)
	c.authors = maps.Clone(s.authors)
	return &c
}

// Origin is the origin of the ledger, "" before its agreement.
func (s *Standing) Origin() string {
	if s.past != nil {
		return s.past.Origin()
	}
	return s.origin
}

// LogKey is the note verifier key of the ledger's log.
func (s *Standing) LogKey() string { return s.logKey }

// Versions returns the versions of the agreement, oldest first.
func (s *Standing) Versions() []Version { return slices.Clone(s.versions) }

// Latest is the newest version, or nil.
func (s *Standing) Latest() *Version {
	if len(s.versions) == 0 {
		return nil
	}
	return &s.versions[len(s.versions)-1]
}

// Governing is the version that governs an instant: the highest whose
// effective.from <= at. It is nil for what comes before all of them.
func (s *Standing) Governing(at record.Time) *Version {
	for i := len(s.versions) - 1; i >= 0; i-- {
		if s.versions[i].Terms.From <= at {
			return &s.versions[i]
		}
	}
	return nil
}

// Instant is the instant of r, whose Log is set, by the record delay of the
// newest version, and the version by which r is admitted: the one that governs
// the instant, or the first for what comes before all of them. The version is
// nil where there is none yet.
func (s *Standing) Instant(r *record.Record) (record.Time, *Version) {
	newest := s.Latest()
	if newest == nil {
		return r.Log.Time, nil
	}
	at := newest.Terms.Instant(r)
	if v := s.Governing(at); v != nil {
		return at, v
	}
	return at, &s.versions[0]
}

// KeyInstant is the instant by which the keys that signed r are judged; r.Log
// is set. It is the instant of r where the author's word for it is bounded by
// the record delay, and the log's time where it is not: else a revoked key
// would date what it signs to before its revocation.
func (s *Standing) KeyInstant(r *record.Record) record.Time {
	if s.past != nil {
		return s.past.KeyInstant(r)
	}
	newest := s.Latest()
	if newest == nil || r.Backfilled || newest.Terms.RecordDelay == Unlimited {
		return r.Log.Time
	}
	return newest.Terms.Instant(r)
}

// SignatureVoid reports whether r, which was admitted, bears the signature of
// a key that was revoked by then.
func (s *Standing) SignatureVoid(r *record.Record) bool {
	if s.past != nil {
		return s.past.Latest() != nil && s.past.SignatureVoid(r)
	}
	if len(r.Sigs) == 0 {
		return false
	}
	at := s.KeyInstant(r)
	return slices.ContainsFunc(r.Sigs, func(g record.Signature) bool { return !s.KeyInForce(g.Key, at) })
}

// Resume takes the word of r for the record of its key before it, where that
// was not applied: it is for who has some records of the ledger and not all.
// Apply still refuses a record that does not follow one that was applied.
func (s *Standing) Resume(r *record.Record) {
	if r.Author == nil {
		return
	}
	for i := range r.Sigs {
		before, ok := s.authors[r.Sigs[i].Key]
		if !ok && r.Author.Seq > 0 || ok && r.Author.Seq > before.seq+1 {
			s.authors[r.Sigs[i].Key] = head{r.Author.Seq - 1, r.Author.Prev}
		}
	}
}

// Last is the log time of the last record applied.
func (s *Standing) Last() record.Time { return s.last }

// KeyParty is the party whose key has the fingerprint. A key that was revoked
// still has one.
func (s *Standing) KeyParty(fingerprint string) (party string, ok bool) {
	k, ok := s.keys[fingerprint]
	if !ok {
		return "", false
	}
	return k.party, true
}

// KeyInForce reports whether a key was enrolled, has begun and is not revoked
// at an instant.
func (s *Standing) KeyInForce(fingerprint string, at record.Time) bool {
	if s.past != nil {
		return s.past.KeyInForce(fingerprint, at)
	}
	k, ok := s.keys[fingerprint]
	return ok && k.inForce(at)
}

// KeysInForce returns the keys of a party that are in force at an instant,
// whether terms or a key record brought them, sorted by fingerprint.
func (s *Standing) KeysInForce(party string, at record.Time) []ed25519.PublicKey {
	if s.past != nil {
		return s.past.KeysInForce(party, at)
	}
	var found []string
	for fingerprint, k := range s.keys {
		if k.party == party && k.inForce(at) {
			found = append(found, fingerprint)
		}
	}
	slices.Sort(found)
	keys := make([]ed25519.PublicKey, len(found))
	for i, fingerprint := range found {
		keys[i] = s.keys[fingerprint].pub
	}
	return keys
}

// PeriodAt is the calendar period that holds at, over all versions: an
// amendment in the middle of a month does not cut the month. ok is false
// outside the span from the first version's beginning to the last one's end.
func (s *Standing) PeriodAt(at record.Time) (p Period, ok bool) {
	if len(s.versions) == 0 {
		return Period{}, false
	}
	c := s.calendar()
	return c.periodAt(at, s.versions[0].Terms.From, s.Latest().Terms.Until)
}

// After is the period that follows p; ok is false past the last version's end.
func (s *Standing) After(p Period) (next Period, ok bool) { return s.PeriodAt(p.Until) }

// Covered is [Terms.Covered] over the span of all versions.
func (s *Standing) Covered(p Period) (covered, whole int64) {
	if len(s.versions) == 0 {
		return 0, 1
	}
	c := s.calendar()
	for i := len(s.versions) - 1; i >= 0 && c.DayCount == ""; i-- {
		c.DayCount = s.versions[i].Terms.Calendar.DayCount
	}
	return c.covered(p, s.versions[0].Terms.From, s.Latest().Terms.Until)
}

// Closing is the closing instant of p, by the version that governs its last
// moment.
func (s *Standing) Closing(p Period) record.Time {
	if v := s.Governing(p.Until - 1); v != nil {
		return v.Terms.Closing(p)
	}
	return p.Until
}

// calendar joins the versions' offsets: each holds from its version's
// beginning on. What an amendment changes is later than every instant in the
// ledger, so a period that was settled keeps its bounds.
func (s *Standing) calendar() Calendar {
	c := s.versions[0].Terms.Calendar
	if len(s.versions) == 1 {
		return c
	}
	var joined []Offset
	for i := range s.versions {
		t := s.versions[i].Terms
		if i > 0 {
			// Those of the version before end here.
			n, _ := slices.BinarySearchFunc(joined, t.From, func(e Offset, at record.Time) int {
				if e.From < at {
					return -1
				}
				return 1
			})
			joined = joined[:n]
		}
		for _, e := range cutOffsets(t.Calendar.Offsets, t.From, max(t.Until, t.From+1)) {
			if n := len(joined); n == 0 || joined[n-1].Minutes != e.Minutes {
				joined = append(joined, e)
			}
		}
	}
	c.Offsets = joined
	return c
}

// refuse makes a refusal of r.
func refuse(r *record.Record, check, field, format string, args ...any) error {
	e := &record.Refusal{Check: check, N: -1, ID: r.ID, Field: field, Reason: fmt.Sprintf(format, args...)}
	if r.Log != nil {
		e.N = r.Log.N
	}
	return e
}

// The checks of the verifier that a refusal of a Standing belongs to.
const (
	checkOrder      = "order"
	checkSignatures = "author signatures"
	checkTerms      = "terms"
)
