package terms

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// Apply checks r (with r.Log set) against the standing and, if it may stand, moves the
// standing on. A refusal is a *record.Refusal and changes nothing.
func (s *Standing) Apply(r *record.Record) error {
	if r.Log == nil {
		return refuse(r, checkOrder, "log", "missing: the ledger has not numbered it")
	}
	if r.Log.Time < s.last {
		return refuse(r, checkOrder, "log.time", "got %s, want %s or later, the time of the record before", r.Log.Time, s.last)
	}
	if agreement, ok := r.Body.(*record.Agreement); ok {
		if s.past != nil {
			return refuse(r, checkTerms, "kind", "got %s, want none: the terms of a simulation are given", r.Kind)
		}
		return s.applyAgreement(r, agreement)
	}
	at, v := s.Instant(r)
	if v == nil {
		return refuse(r, checkTerms, "kind", "got %s, want an agreement first: the ledger has none", r.Kind)
	}
	if err := checkClock(r, v.Terms); err != nil {
		return err
	}
	// A statement is of the moment at which the ledger takes it: dated before, it
	// would leave room for an amendment of what it settled.
	if r.Kind == record.KindStatement && r.At != r.Log.Time {
		return refuse(r, checkOrder, "at", "got %s, want %s, the log's time: a statement is of that moment", r.At, r.Log.Time)
	}
	party := v.Terms.Party(r.By)
	switch {
	case party == nil:
		return refuse(r, checkTerms, "by", "party %q is not in version %d of the terms", r.By, v.Number)
	case !record.MayWrite(r.Kind, party.Role):
		return refuse(r, checkTerms, "by", "%s has the role %s, which may not write a %s", r.By, party.Role, r.Kind)
	}
	if err := checkBody(r, at, v, party); err != nil {
		return err
	}
	if s.past != nil {
		return s.applySimulated(r, at)
	}
	signer, err := s.authorship(r, v.Terms, party)
	if err != nil {
		return err
	}
	var change func()
	if key, ok := r.Body.(*record.Key); ok {
		if change, err = s.keyChange(r, key, v.Terms, signer); err != nil {
			return err
		}
	}
	if party.Role != record.RoleVendor {
		digest, err := record.ContentDigest(r)
		if err != nil {
			return err
		}
		s.authors[signer] = head{r.Author.Seq, digest}
	}
	if change != nil {
		change()
	}
	s.started, s.last = true, r.Log.Time
	s.latest = max(s.latest, at)
	return nil
}

// checkClock checks at and backfilled.
func checkClock(r *record.Record, t *Terms) error {
	if most := r.Log.Time + record.Time(t.Skew); r.At > most {
		return refuse(r, checkOrder, "at", "got %s, at most %s: the log's time and a skew of %s", r.At, most, t.Skew)
	}
	if !r.Backfilled {
		return nil
	}
	switch r.Kind {
	case record.KindAgreement, record.KindKey, record.KindStatement, record.KindReceipt, record.KindChainIndex:
		return refuse(r, checkTerms, "backfilled", "got true, but a record of kind %s is no history", r.Kind)
	}
	if b, ok := r.Body.(*record.Resolve); ok && b.As == record.ByFinding {
		return refuse(r, checkTerms, "backfilled", "got true, but what is found of the records before is no history")
	}
	if t.Backfill != "accept" {
		return refuse(r, checkTerms, "backfilled", "got true, but the terms refuse imported history")
	}
	return nil
}

// checkBody checks what the terms say of a body, and that its times go with the
// instant of the record.
func checkBody(r *record.Record, at record.Time, v *Version, party *Party) error {
	switch b := r.Body.(type) {
	case *record.Outcome:
		return checkOutcome(r, b, v.Terms)
	case *record.Measurement:
		return checkMeasurement(r, b, v.Terms)
	case *record.Handoff:
		if b.Deadline != 0 && b.Deadline <= at {
			return refuse(r, checkOrder, "body.deadline", "got %s, want later than %s, the instant of the handoff", b.Deadline, at)
		}
	case *record.Review:
		if b.Opened > at {
			return refuse(r, checkOrder, "body.opened", "got %s, at most %s, the instant of the review", b.Opened, at)
		}
	case *record.Demand:
		// Only a party can write the disclosure that answers it.
		if v.Terms.Party(b.Custodian) == nil {
			return refuse(r, checkTerms, "body.custodian", "party %q is not in version %d of the terms", b.Custodian, v.Number)
		}
	case *record.Resolve:
		// What follows from findings is not for the arbiter to say: both sides
		// compute it.
		if arbiter := party.Role == record.RoleArbiter; arbiter != (b.As == "arbiter") {
			return refuse(r, checkTerms, "body.as", "got %s by %s, who has the role %s", b.As, r.By, party.Role)
		}
	}
	return nil
}

// checkOutcome checks a claim against the definition of its result.
func checkOutcome(r *record.Record, b *record.Outcome, t *Terms) error {
	result := t.Result(b.Result)
	if result == nil {
		return refuse(r, checkTerms, "body.result", "the terms have no result %q", b.Result)
	}
	if _, ok := slices.BinarySearch(result.Claim, r.By); !ok {
		return refuse(r, checkTerms, "by", "%s may not claim %s", r.By, b.Result)
	}
	for i := range b.Facts {
		f := &b.Facts[i]
		declared := result.Fact(f.Name)
		if declared == nil {
			return refuse(r, checkTerms, "body.facts."+f.Name, "result %s has no such fact", b.Result)
		}
		if err := declared.check(f.Value); err != "" {
			return refuse(r, checkTerms, "body.facts."+f.Name, "%s", err)
		}
		if len(f.Value.Text) > MaxValueDecimals && declared.Type == "decimal" && TooLong(f.Value.Text) {
			return refuse(r, checkTerms, "body.facts."+f.Name, "got %s, %s", f.Value.Text, WantShort)
		}
	}
	if _, ok := result.Key(r); !ok {
		field := result.OncePer
		if name, ok := strings.CutPrefix(field, oncePerFact); ok {
			field = "body.facts." + name
		}
		return refuse(r, checkTerms, field, "missing: %s is counted once per %s", b.Result, result.OncePer)
	}
	return nil
}

// checkMeasurement checks a measurement against its metric. What the terms do
// not name, or what somebody else measures, is a number on which nothing hangs.
func checkMeasurement(r *record.Record, b *record.Measurement, t *Terms) error {
	metric := t.Metric(b.Metric)
	if metric == nil {
		return nil
	}
	if _, ok := slices.BinarySearch(metric.By, r.By); !ok {
		return nil
	}
	if b.Value == "" {
		return refuse(r, checkTerms, "body.value", "missing: metric %s has one", b.Metric)
	}
	// A number that no measure can take, or a condition that cannot be asked,
	// would leave the measurement out of what is counted.
	if TooLong(string(b.Value)) {
		return refuse(r, checkTerms, "body.value", "got %s, %s", b.Value, WantShort)
	}
	for i := range metric.Facts {
		name := metric.Facts[i].Name
		if _, ok := b.Fields.Get(name); !ok {
			return refuse(r, checkTerms, "body.fields."+name, "missing: metric %s has it", b.Metric)
		}
	}
	for i := range b.Fields {
		f := &b.Fields[i]
		declared := metric.fact(f.Name)
		if declared == nil || f.Name == metricValue {
			return refuse(r, checkTerms, "body.fields."+f.Name, "metric %s has no such fact", b.Metric)
		}
		if err := declared.check(f.Value); err != "" {
			return refuse(r, checkTerms, "body.fields."+f.Name, "%s", err)
		}
		if declared.Type == "decimal" && TooLong(f.Value.Text) {
			return refuse(r, checkTerms, "body.fields."+f.Name, "got %s, %s", f.Value.Text, WantShort)
		}
	}
	return nil
}

// TooLong reports whether a decimal has more digits than a measure takes; WantShort
// says how many that are.
func TooLong(text string) bool {
	whole, decimals, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return len(whole) > MaxValueDigits || len(strings.TrimRight(decimals, "0")) > MaxValueDecimals
}

// WantShort is the end of a refusal of a number that is too long.
var WantShort = fmt.Sprintf("want at most %d digits before the point and %d after it", MaxValueDigits, MaxValueDecimals)

// check says why a value is not of the type; "" is that it is.
func (f *FactType) check(v record.Value) string {
	if v.IsBool != (f.Type == "bool") {
		if v.IsBool {
			return "got a truth value, want a " + f.Type
		}
		return "got " + quote(v.Text) + ", want true or false"
	}
	switch f.Type {
	case "decimal":
		d, err := record.ParseDecimal(v.Text)
		if err != nil {
			return err.Error()
		}
		if f.summed && d.Negative() {
			return "got " + v.Text + ", want at least 0: a measure adds it up"
		}
	case "time":
		if _, err := record.ParseTime(v.Text); err != nil {
			return err.Error()
		}
	}
	return ""
}

// authorship checks signatures, author chain and cites. It returns the
// fingerprint of the key that signed for the author, "" where none did.
func (s *Standing) authorship(r *record.Record, t *Terms, party *Party) (string, error) {
	operator := party.Role == record.RoleVendor
	// Whose signatures are wanted beside the author's own.
	beside := ""
	if b, ok := r.Body.(*record.Resolve); ok && b.As == "joint" {
		if beside = t.Client().ID; beside == party.ID {
			beside = t.Operator().ID
		}
	}
	if operator && beside == "" && len(r.Sigs) == 0 && r.Author == nil && len(r.Cites) == 0 {
		return "", nil // as nearly all records are: the checkpoint is its signature
	}
	at := s.KeyInstant(r)
	signed := map[string]string{}
	for i := range r.Sigs {
		fingerprint := r.Sigs[i].Key
		field := "sigs." + fingerprint
		key, ok := s.keys[fingerprint]
		switch {
		case !ok:
			return "", refuse(r, checkSignatures, field, "this key was never enrolled")
		case key.party != party.ID && key.party != beside:
			return "", refuse(r, checkSignatures, field, "is a key of %s, want one of %s", key.party, party.ID)
		case signed[key.party] != "":
			return "", refuse(r, checkSignatures, field, "is a second signature of %s, want one", key.party)
		case at < key.from:
			return "", refuse(r, checkSignatures, field, "is in force from %s on, and the record is of %s", key.from, at)
		}
		if err := checkSignature(r, i, s.origin, key); err != nil {
			return "", err
		}
		signed[key.party] = fingerprint
	}
	if beside != "" && signed[beside] == "" {
		return "", refuse(r, checkSignatures, "sigs", "has no signature of %s: a joint resolve needs vendor and client", beside)
	}
	signer := signed[party.ID]
	if signer == "" && (!operator || beside != "") {
		return "", refuse(r, checkSignatures, "sigs", "has no signature of %s", party.ID)
	}
	if operator {
		switch {
		case r.Author != nil:
			return "", refuse(r, checkOrder, "author", "got one, want none: the ledger's order is the operator's")
		case len(r.Cites) > 0:
			return "", refuse(r, checkOrder, "cites", "got %d, want none: the ledger's order is the operator's", len(r.Cites))
		}
		return signer, nil
	}
	if err := s.checkAuthor(r, signer); err != nil {
		return "", err
	}
	return signer, checkCites(r)
}

// checkAuthor checks the chain of the key that signed.
func (s *Standing) checkAuthor(r *record.Record, signer string) error {
	if r.Author == nil {
		return refuse(r, checkOrder, "author", "missing: a record of %s carries its author chain", r.By)
	}
	head, ok := s.authors[signer]
	want := int64(0)
	if ok {
		want = head.seq + 1
	}
	if r.Author.Seq != want {
		return refuse(r, checkOrder, "author.seq", "got %d, want %d, the next of %s", r.Author.Seq, want, signer)
	}
	if r.Author.Prev != head.digest {
		return refuse(r, checkOrder, "author.prev", "got %s, want %s, the content of the record before", r.Author.Prev, head.digest)
	}
	return nil
}

// checkCites checks that the record cites each record it refers to, and no
// other. Whether the digests are right is for who holds these records.
func checkCites(r *record.Record) error {
	refs := record.References(r)
	for _, ref := range refs {
		if !slices.ContainsFunc(r.Cites, func(c record.Cite) bool { return c.ID == ref.ID }) {
			return refuse(r, checkOrder, "cites", "has no digest of %s, which %s refers to", ref.ID, ref.Field)
		}
	}
	for _, c := range r.Cites {
		if !slices.ContainsFunc(refs, func(ref record.Reference) bool { return ref.ID == c.ID }) {
			return refuse(r, checkOrder, "cites."+c.ID, "the record does not refer to it")
		}
	}
	return nil
}

// keyChange checks a key record and returns what it does.
func (s *Standing) keyChange(r *record.Record, b *record.Key, t *Terms, signer string) (func(), error) {
	if b.Party != r.By {
		return nil, refuse(r, checkTerms, "body.party", "got %s, want %s: a party speaks for its own keys", b.Party, r.By)
	}
	// A date to come would keep a stolen key in force that revokes itself.
	if most := r.Log.Time + record.Time(t.Skew); b.Effective > most {
		return nil, refuse(r, checkTerms, "body.effective", "got %s, at most %s: the log's time and a skew of %s", b.Effective, most, t.Skew)
	}
	// A stolen key that was revoked must not enrol another one, nor date a
	// record to before its revocation to do so.
	if signer != "" && !s.keys[signer].inForce(r.Log.Time) {
		return nil, refuse(r, checkSignatures, "sigs."+signer, "was revoked by record %d: a key record needs a key in force", s.keys[signer].revoked)
	}
	pub, err := record.ParsePublicKey(b.Key)
	if err != nil {
		return nil, refuse(r, checkTerms, "body.key", "%v", err)
	}
	fingerprint := record.Fingerprint(pub)
	if b.Op == "revoke" {
		return s.revocation(r, "body.key", fingerprint, b.Effective)
	}
	if k, ok := s.keys[fingerprint]; ok {
		return nil, refuse(r, checkTerms, "body.key", "was enrolled for %s by record %d", k.party, k.n)
	}
	if log, err := merkle.ParseVerifierKey(s.logKey); err == nil && slices.Equal(log.PublicKey(), pub) {
		return nil, refuse(r, checkTerms, "body.key", "is the key of the log")
	}
	key := &enrolled{text: b.Key, pub: pub, party: b.Party, holder: b.Holder, n: r.Log.N, from: b.Effective, revoked: -1}
	revoke := func() {}
	if b.Op == "rotate" {
		if signer != "" && signer != b.Prev {
			return nil, refuse(r, checkSignatures, "sigs."+signer, "want the signature of %s, which it replaces", b.Prev)
		}
		if revoke, err = s.revocation(r, "body.prev", b.Prev, b.Effective); err != nil {
			return nil, err
		}
	}
	return func() {
		revoke()
		s.keys[fingerprint] = key
	}, nil
}

// revocation checks that r's party has the key and that it is not revoked by
// then. An earlier revocation goes before one that stands: whoever stole a key
// must not choose how long it lasts.
func (s *Standing) revocation(r *record.Record, field, fingerprint string, from record.Time) (func(), error) {
	k, ok := s.keys[fingerprint]
	switch {
	case !ok:
		return nil, refuse(r, checkTerms, field, "%s was never enrolled", fingerprint)
	case k.party != r.By:
		return nil, refuse(r, checkTerms, field, "%s is a key of %s, want one of %s", fingerprint, k.party, r.By)
	case k.revoked >= 0 && k.revokedFrom <= from:
		return nil, refuse(r, checkTerms, field, "%s was revoked from %s by record %d", fingerprint, k.revokedFrom, k.revoked)
	}
	revoked := *k
	revoked.revoked, revoked.revokedFrom = r.Log.N, from
	return func() { s.keys[fingerprint] = &revoked }, nil
}

// checkSignature verifies the i-th signature of r.
func checkSignature(r *record.Record, i int, origin string, key *enrolled) error {
	msg, err := record.SignedBytes(r, origin)
	if err != nil {
		return err
	}
	if !ed25519.Verify(key.pub, msg, r.Sigs[i].Sig[:]) {
		return refuse(r, checkSignatures, "sigs."+r.Sigs[i].Key, "does not verify")
	}
	return nil
}
