package responsibility

import (
	"fmt"
	"slices"
	"sort"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// Facts hold the records that the rules read, with the indexes they need. They
// are filled record by record in ledger order, and may hold the records of one
// case, or of many: what does not touch an effect changes nothing about it.
//
// The records of a case are enough together with the standing ones, the
// effects under the grants of the case and the reviews that these cite; see
// [Facts.Chains]. Records are held as they are given, and not changed.
type Facts struct {
	base      *Facts // read, not written
	size      int64  // one more than the greatest index in this layer
	byID      map[string]*record.Record
	about     map[string][]*record.Record // by the id that a rule follows back, in ledger order
	disputes  map[string][]*record.Record // by case
	versions  []version
	revoked   map[string][]revocation // by the fingerprint of a key
	accounts  map[string]*account     // by grant
	effects   map[string][]*record.Record
	moments   map[string][]moment         // by case; "" are the standing records
	disclosed map[string][]disclosure     // by the id of the record
	nonces    map[string][]*record.Record // handoffs and reviews that name it, in ledger order
	known     map[acting]known
	handed    map[record.Digest][]*record.Record // disclosures of a piece of evidence
	beside    map[string]*record.Record
}

type version struct {
	n      int64
	number int64
	agreed bool
	adopts bool
	terms  *terms.Terms
}

// A revocation of a key, by the record n, from an instant on.
type revocation struct {
	n    int64
	from record.Time
}

type moment struct {
	n  int64
	at record.Time
}

type field struct{ id, name string }

// A disclosure is the value of a sealed field that somebody has shown.
type disclosure struct {
	name, value string
	digest      record.Digest
	opaque      bool // the value is none that a rule compares
}

// NewFacts returns Facts without records.
func NewFacts() *Facts { return newLayer(nil) }

// Fork returns Facts that hold what f holds, and to which more can be added
// without touching f. It costs nothing: standing records are indexed once and
// each case on top of them. Adding to f while a fork is in use is the caller's
// mistake.
func (f *Facts) Fork() *Facts { return newLayer(f) }

func newLayer(base *Facts) *Facts {
	return &Facts{
		base: base, byID: map[string]*record.Record{}, about: map[string][]*record.Record{}, disputes: map[string][]*record.Record{},
		revoked: map[string][]revocation{}, accounts: map[string]*account{}, effects: map[string][]*record.Record{},
		moments: map[string][]moment{}, disclosed: map[string][]disclosure{}, nonces: map[string][]*record.Record{}, known: map[acting]known{}, handed: map[record.Digest][]*record.Record{},
		beside: map[string]*record.Record{},
	}
}

// Size is one more than the greatest index held.
func (f *Facts) Size() int64 {
	if f.base == nil {
		return f.size
	}
	return max(f.size, f.base.Size())
}

// Add takes the next record in ledger order, which was admitted: its author
// and signatures were checked. A record that is held already is passed over.
func (f *Facts) Add(r *record.Record) error {
	switch {
	case r.Log == nil:
		return fmt.Errorf("record %s: the ledger has not numbered it", r.ID)
	case r.Body == nil:
		return fmt.Errorf("record %d %s: has no body", r.Log.N, r.ID)
	}
	if held := f.find(r.ID); held != nil {
		if held.Log.N != r.Log.N {
			return fmt.Errorf("record %d %s: record %d has the same id", r.Log.N, r.ID, held.Log.N)
		}
		return nil
	}
	if r.Log.N < f.size {
		return fmt.Errorf("record %d %s: comes after record %d, want ledger order", r.Log.N, r.ID, f.size-1)
	}
	if b, ok := r.Body.(*record.Agreement); ok {
		if err := f.addVersion(r, b); err != nil {
			return err
		}
	}
	f.size = r.Log.N + 1
	f.byID[r.ID] = r
	if _, isMeasurement := r.Body.(*record.Measurement); r.Case != "" || !isMeasurement {
		f.moments[r.Case] = append(f.moments[r.Case], moment{r.Log.N, r.Log.Time})
		f.acquaint(r)
	}
	switch b := r.Body.(type) {
	case *record.Key:
		f.addKey(r, b)
	case *record.Revoke:
		f.index(b.Grant, r)
	case *record.Input:
		f.index(b.Corrects, r)
	case *record.Handoff:
		f.index(b.Decision, r)
		f.name(b.Nonce, r)
	case *record.Outcome:
		f.index(b.Effect, r) // for Conclude; the rules read no claim
	case *record.Review:
		f.index(b.Of, r)
		f.name(b.Nonce, r)
	case *record.Demand:
		f.index(b.Of, r)
	case *record.Disclose:
		f.index(b.Demand, r)
		f.handed[b.Digest] = append(f.handed[b.Digest], r)
	case *record.Erase:
		f.index(b.Of, r)
	case *record.Dispute:
		f.index(b.About, r)
		if r.Case != "" {
			f.disputes[r.Case] = append(f.disputes[r.Case], r)
		}
	case *record.Resolve:
		f.index(b.Dispute, r)
		if b.About != b.Dispute {
			f.index(b.About, r)
		}
	case *record.Action:
		f.index(b.Reverses, r)
		if b.IsEffect() {
			f.addEffect(r, b)
		}
	}
	return nil
}

func (f *Facts) index(id string, r *record.Record) {
	if id != "" {
		f.about[id] = append(f.about[id], r)
	}
}

func (f *Facts) name(nonce string, r *record.Record) {
	if nonce != "" {
		f.nonces[nonce] = append(f.nonces[nonce], r)
	}
}

// Disclose gives name and value of a sealed field of a record, which the caller
// has checked against the digest in the record.
func (f *Facts) Disclose(id, name string, digest record.Digest, value record.Value) {
	f.disclosed[id] = append(f.disclosed[id], disclosure{name: name, value: text(value), digest: digest})
}

// DiscloseName gives the name of a sealed field whose value is an object, a list
// or null: no rule can compare it, and the name is not that of another field.
func (f *Facts) DiscloseName(id, name string, digest record.Digest) {
	f.disclosed[id] = append(f.disclosed[id], disclosure{name: name, digest: digest, opaque: true})
}

// shown are the sealed fields of a record that somebody has shown.
func (f *Facts) shown(id string) []disclosure {
	var all []disclosure
	for l := f; l != nil; l = l.base {
		all = append(all, l.disclosed[id]...)
	}
	return all
}

// Beside holds a record only for those that name it, in any order: the review
// of another matter, which an effect that counts against a limit cites.
func (f *Facts) Beside(r *record.Record) { f.beside[r.ID] = r }

// Reach says that the facts are those of a ledger of at least that size: what
// is not held below it is nothing that the rules read.
func (f *Facts) Reach(size int64) { f.size = max(f.size, size) }

func (f *Facts) addVersion(r *record.Record, b *record.Agreement) error {
	t, mistakes := terms.Parse(b.Terms)
	if t == nil {
		return fmt.Errorf("record %d %s: %v", r.Log.N, r.ID, mistakes[0])
	}
	v := version{n: r.Log.N, number: b.Version, adopts: b.History == "adopt", terms: t}
	for _, key := range t.Client().Keys {
		if pub, err := record.ParsePublicKey(key); err == nil {
			fingerprint := record.Fingerprint(pub)
			v.agreed = v.agreed || slices.ContainsFunc(r.Sigs, func(s record.Signature) bool { return s.Key == fingerprint })
		}
	}
	// A key that the version before names, and this one does not, is revoked.
	if before := f.newest(r.Log.N); before != nil {
		named := map[string]bool{}
		for i := range t.Parties {
			for _, key := range t.Parties[i].Keys {
				named[key] = true
			}
		}
		for i := range before.terms.Parties {
			for _, key := range before.terms.Parties[i].Keys {
				if pub, err := record.ParsePublicKey(key); err == nil && !named[key] {
					f.revoke(record.Fingerprint(pub), revocation{r.Log.N, t.From})
				}
			}
		}
	}
	f.versions = append(f.versions, v)
	return nil
}

func (f *Facts) addKey(r *record.Record, b *record.Key) {
	switch b.Op {
	case "revoke":
		if pub, err := record.ParsePublicKey(b.Key); err == nil {
			f.revoke(record.Fingerprint(pub), revocation{r.Log.N, b.Effective})
		}
	case "rotate":
		f.revoke(b.Prev, revocation{r.Log.N, b.Effective})
	}
}

func (f *Facts) revoke(fingerprint string, r revocation) {
	f.revoked[fingerprint] = append(f.revoked[fingerprint], r)
}

func (f *Facts) find(id string) *record.Record {
	for l := f; l != nil; l = l.base {
		if r := l.byID[id]; r != nil {
			return r
		}
	}
	return nil
}

// before returns the record of that id with an index below n, or nil.
func (f *Facts) before(n int64, id string) *record.Record {
	r := f.find(id)
	for l := f; r == nil && l != nil; l = l.base {
		r = l.beside[id]
	}
	if r != nil && r.Log.N < n {
		return r
	}
	return nil
}

// of returns the records before size that refer to id in a way that the rules
// follow, in ledger order.
func (f *Facts) of(id string, size int64) []*record.Record {
	return f.gather(size, func(l *Facts) []*record.Record { return l.about[id] })
}

func (f *Facts) gather(size int64, list func(l *Facts) []*record.Record) []*record.Record {
	var all []*record.Record
	layers := 0
	for l := f; l != nil; l = l.base {
		for _, r := range list(l) {
			if r.Log.N < size {
				all = append(all, r)
			}
		}
		layers++
	}
	if layers > 1 {
		slices.SortStableFunc(all, func(a, b *record.Record) int { return cmpN(a.Log.N, b.Log.N) })
	}
	return all
}

func cmpN(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// eachVersion calls each from the newest version that is recorded before n to
// the oldest, until it returns false.
func (f *Facts) eachVersion(n int64, each func(v *version) bool) {
	for l := f; l != nil; l = l.base {
		for i := len(l.versions) - 1; i >= 0; i-- {
			if l.versions[i].n < n && !each(&l.versions[i]) {
				return
			}
		}
	}
}

// newest is the newest version recorded before n, or nil.
func (f *Facts) newest(n int64) (newest *version) {
	f.eachVersion(n, func(v *version) bool { newest = v; return false })
	return newest
}

// instant is the instant of r by the clock rule, with the record delay of the
// newest version before it.
func (f *Facts) instant(r *record.Record) record.Time {
	if v := f.newest(r.Log.N); v != nil {
		return v.terms.Instant(r)
	}
	return r.Log.Time
}

// inForce is the version in force for r: recorded before it, and in effect at
// its instant. Before all of them it is the oldest. It is nil where there is
// none.
func (f *Facts) inForce(r *record.Record) *version {
	at := f.instant(r)
	var found, oldest *version
	f.eachVersion(r.Log.N, func(v *version) bool {
		if oldest = v; v.terms.From <= at {
			found = v
		}
		return found == nil
	})
	if found == nil {
		return oldest
	}
	return found
}

// Agreed is what the terms in force for a record say of responsibility, nil
// where they say nothing.
func (f *Facts) Agreed(r *record.Record) *terms.Responsibility {
	if v := f.inForce(r); v != nil {
		return v.terms.Responsibility
	}
	return nil
}

// agreement is the part of the terms in force for r that rs-1 reads; it is
// empty where they have none.
func (f *Facts) agreement(r *record.Record) *terms.Responsibility {
	if agreed := f.Agreed(r); agreed != nil {
		return agreed
	}
	return &terms.Responsibility{}
}

// void reports whether r was signed with a key that was revoked before it: on
// the ledger, and from its instant on. Where the author's word for the instant
// is not bounded, the log's time counts.
func (f *Facts) void(r *record.Record) bool {
	if len(r.Sigs) == 0 {
		return false
	}
	at := r.Log.Time
	if v := f.newest(r.Log.N); v != nil && !r.Backfilled && v.terms.RecordDelay != terms.Unlimited {
		at = v.terms.Instant(r)
	}
	for i := range r.Sigs {
		for l := f; l != nil; l = l.base {
			for _, k := range l.revoked[r.Sigs[i].Key] {
				if k.n < r.Log.N && k.from <= at {
					return true
				}
			}
		}
	}
	return false
}

// now is the time of the last record before size that is in the case or is a
// standing one. The time of the ledger would let a foreign case change an
// answer.
func (f *Facts) now(matter string, size int64) record.Time {
	last := moment{-1, 0}
	for l := f; l != nil; l = l.base {
		for _, list := range [][]moment{l.moments[matter], l.moments[""]} {
			if i := sort.Search(len(list), func(i int) bool { return list[i].n >= size }); i > 0 && list[i-1].n > last.n {
				last = list[i-1]
			}
		}
	}
	return last.at
}

// A fact is the value of a field as the rules see it.
type fact struct {
	state factState
	value string
}

type factState uint8

const (
	absent      factState = iota // the record has no such field
	unavailable                  // sealed and not disclosed, or erased; or one that is sealed may be it
	present
)

// value is a field of an input or measurement at a size. A field that stands
// in the record stays, whatever is said to be erased; a sealed one is there
// while it is disclosed and not erased by all who held it.
func (f *Facts) value(r *record.Record, name string, size int64) fact {
	switch b := r.Body.(type) {
	case *record.Input:
		if v, ok := b.Fields.Get(name); ok {
			return fact{present, text(v)}
		}
	case *record.Measurement:
		if v, ok := b.Fields.Get(name); ok {
			return fact{present, text(v)}
		}
		if name == "" && b.Value != "" {
			return fact{present, string(b.Value)}
		}
	default:
		return fact{}
	}
	if len(r.Sealed) == 0 || name == "" {
		return fact{}
	}
	shown := f.shown(r.ID)
	i := slices.IndexFunc(shown, func(d disclosure) bool { return d.name == name })
	again := func(d disclosure) bool { return d.name == name && d.digest != shown[i].digest }
	switch {
	case i < 0:
		return fact{state: f.unnamed(r, shown, size)}
	case slices.ContainsFunc(shown, again):
		return fact{state: unavailable} // two of one name: whoever shows one would choose
	case shown[i].opaque || f.taken(r, shown[i], size):
		return fact{state: unavailable}
	}
	return fact{present, shown[i].value}
}

// unnamed is the state of a field that no sealed field shown has the name of:
// absent once each of them is shown, unavailable while one is not.
func (f *Facts) unnamed(r *record.Record, shown []disclosure, size int64) factState {
	for _, digest := range r.Sealed {
		if !slices.ContainsFunc(shown, func(d disclosure) bool { return d.digest == digest && !f.taken(r, d, size) }) {
			return unavailable
		}
	}
	return absent
}

// taken reports whether all who held a sealed field have erased it.
func (f *Facts) taken(r *record.Record, d disclosure, size int64) bool {
	return slices.ContainsFunc(f.of(r.ID, size), func(e *record.Record) bool {
		b, ok := e.Body.(*record.Erase)
		return ok && b.State == record.Erased && b.Covers("", d.digest) && f.gone(e, b, r, d.digest, size)
	})
}

// gone reports whether by an erasure of a piece of r nobody holds it any more.
// Who holds it is not only its author's word: the supplier of r and the operator
// do, and each to whom it was handed, until they write so themselves. Others
// whom the erasure names wrote one too, or confirmed.
func (f *Facts) gone(e *record.Record, b *record.Erase, r *record.Record, piece record.Digest, size int64) bool {
	erased := func(holder string) bool {
		return holder == e.By || slices.ContainsFunc(f.of(r.ID, size), func(o *record.Record) bool {
			c, ok := o.Body.(*record.Erase)
			return ok && o.By == holder && c.State == record.Erased && c.Covers("", piece)
		})
	}
	holders := []string{r.By}
	if v := f.newest(size); v != nil {
		holders = append(holders, v.terms.Operator().ID)
	}
	for _, d := range f.gather(size, func(l *Facts) []*record.Record { return l.handed[piece] }) {
		holders = append(holders, d.Body.(*record.Disclose).To)
	}
	if slices.ContainsFunc(holders, func(holder string) bool { return !erased(holder) }) {
		return false
	}
	return !slices.ContainsFunc(b.Holders, func(holder string) bool { return !slices.Contains(b.Confirmed, holder) && !erased(holder) })
}

// Chains returns the names of the chains whose records the rules read for the
// effects of a case, sorted: its own, the standing records, and the effects
// under each grant that shares a period limit with a grant its actions cite,
// and those with an idempotency key of its effects.
// Beside them the rules read the inputs of its decisions wherever they stand,
// and the reviews that effects under these grants cite.
func (f *Facts) Chains(matter string) []string {
	grants, names := map[string]bool{}, []string{record.ChainStanding}
	for l := f; l != nil; l = l.base {
		for _, r := range l.byID {
			b, ok := r.Body.(*record.Action)
			if !ok || r.Case != matter {
				continue
			}
			if b.Key != "" && b.IsEffect() {
				names = append(names, record.ChainOfKey(b.Key))
			}
			if b.Grant == "" {
				continue
			}
			grants[b.Grant] = true
			for _, k := range f.ancestors(b.Grant, r.Log.N) {
				grants[k.r.ID] = true
			}
		}
	}
	// A grant that descends from one of these spends what is theirs.
	for l := f; l != nil; l = l.base {
		for _, r := range l.byID {
			if _, ok := r.Body.(*record.Grant); ok {
				if slices.ContainsFunc(f.ancestors(r.ID, r.Log.N+1), func(k link) bool { return grants[k.r.ID] && k.g.LimitPeriod != nil }) {
					grants[r.ID] = true
				}
			}
		}
	}
	if matter != "" {
		names = append(names, record.ChainOfCase(matter))
	}
	for id := range grants {
		names = append(names, record.ChainOfGrant(id))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
