package terms

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// applyAgreement admits a version of the agreement.
func (s *Standing) applyAgreement(r *record.Record, b *record.Agreement) error {
	t, err := s.checkAgreement(r, b)
	if err != nil {
		return err
	}
	// Until a version is agreed, the client's keys are what the vendor says;
	// a version that the client signs then brings its own.
	agreed, err := s.checkAgreementSignatures(r, b, t)
	if err != nil {
		return err
	}
	if err := checkHistory(r, b, s.Latest(), agreed); err != nil {
		return err
	}
	keys, authors := s.keys, s.authors
	if agreed && len(s.versions) > 0 && !s.agreed() {
		keys, authors = s.ownKeys(t)
	}
	if keys, err = s.enrol(r, t, keys); err != nil {
		return err
	}
	digest, err := record.ContentDigest(r)
	if err != nil {
		return err
	}
	s.origin, s.logKey = b.Origin, b.LogKey
	s.versions = append(s.versions, Version{b.Version, r.Log.N, digest, agreed, b.History, t, b.Nonce})
	s.keys, s.authors = keys, authors
	s.started, s.last = true, r.Log.Time
	at, _ := s.Instant(r)
	s.latest = max(s.latest, at)
	return nil
}

// checkAgreement checks all but the signatures and returns the terms.
func (s *Standing) checkAgreement(r *record.Record, b *record.Agreement) (*Terms, error) {
	fail := func(field, format string, args ...any) (*Terms, error) {
		return nil, refuse(r, checkTerms, field, format, args...)
	}
	if want := int64(len(s.versions)) + 1; b.Version != want {
		return fail("body.version", "got %d, want %d", b.Version, want)
	}
	t, mistakes := Parse(b.Terms)
	if t == nil {
		return nil, refuseTerms(r, mistakes)
	}
	if slices.ContainsFunc(s.versions, func(v Version) bool { return v.nonce == b.Nonce }) {
		return fail("body.nonce", "is that of an earlier version, want a new one")
	}
	log, err := merkle.ParseVerifierKey(b.LogKey)
	switch {
	case err != nil:
		return fail("body.log", "%v", err)
	case log.Kind() != merkle.KindLog:
		return fail("body.log", "is a %s key, want a log key", log.Kind())
	case log.Name() != b.Origin:
		return fail("body.log", "is named %s, want the origin %s", log.Name(), b.Origin)
	}
	for _, p := range t.Parties {
		for _, key := range p.Keys {
			if p.Role != record.RoleVendor && key == record.FormatPublicKey(log.PublicKey()) {
				return fail("body.log", "is a key of %s: who checks a log cannot hold its key", p.ID)
			}
		}
	}
	if r.By != t.Operator().ID {
		return fail("by", "got %s, want %s, who has the role vendor", r.By, t.Operator().ID)
	}
	if r.Author != nil || len(r.Cites) > 0 {
		return nil, refuse(r, checkOrder, "author", "got an author chain or cites, want none: the ledger's order is the operator's")
	}
	clock := t
	if before := s.Latest(); before != nil {
		if err := s.checkAmendment(r, b, before, t); err != nil {
			return nil, err
		}
		_, v := s.Instant(r)
		clock = v.Terms
	}
	return t, checkClock(r, clock)
}

// refuseTerms refuses r for the mistakes in its terms, of which there is one.
func refuseTerms(r *record.Record, mistakes []Mistake) error {
	first, more := firstMistake(mistakes)
	reason := first.Reason
	if more > 0 {
		reason = fmt.Sprintf("%s (and %d more)", reason, more)
	}
	return refuse(r, checkTerms, join("body.terms", first.Path), "%s", reason)
}

func firstMistake(mistakes []Mistake) (first Mistake, more int) {
	more = -1
	for _, m := range mistakes {
		if m.Warning {
			continue
		}
		if more++; more == 0 {
			first = m
		}
	}
	return first, more
}

// checkAmendment checks what no further version may change.
func (s *Standing) checkAmendment(r *record.Record, b *record.Agreement, before *Version, t *Terms) error {
	for _, f := range []struct{ field, got, want string }{
		{"body.prev", string(b.Prev), string(before.Digest)},
		{"body.origin", b.Origin, s.origin},
		{"body.log", b.LogKey, s.logKey},
	} {
		if f.got != f.want {
			return refuse(r, checkTerms, f.field, "got %s, want %s as in version %d", f.got, f.want, before.Number)
		}
	}
	if mistakes := CheckAmendment(s.versions, t); len(mistakes) > 0 {
		return refuseTerms(r, mistakes)
	}
	if t.From <= s.latest {
		return refuse(r, checkTerms, "body.terms.effective.from", "got %s, want later than %s, the latest instant in the ledger: no record changes its version", t.From, s.latest)
	}
	return nil
}

// CheckAmendment returns the mistakes of t as the terms of the version that
// follows those before it, oldest first, of which there is one. Beside the
// newest alone, which whoever writes or signs an amendment has at hand, it
// finds nothing that is no mistake beside all. What hangs on the records of the
// ledger, like the latest instant and the keys in force, is left to a
// [Standing].
func CheckAmendment(before []Version, t *Terms) []Mistake {
	d := &document{}
	newest := &before[len(before)-1]
	old := newest.Terms
	for _, f := range []struct{ path, got, want string }{
		{"parties", "vendor " + t.Operator().ID, "vendor " + old.Operator().ID},
		{"parties", "client " + t.Client().ID, "client " + old.Client().ID},
		{"currency", t.Currency, old.Currency},
		{"scale", strconv.Itoa(t.Scale), strconv.Itoa(old.Scale)},
		{"calendar.zone", t.Calendar.Zone, old.Calendar.Zone},
		{"calendar.period", t.Calendar.Period, old.Calendar.Period},
	} {
		if f.got != f.want {
			d.fail(f.path, "got %s, want %s as in version %d", f.got, f.want, newest.Number)
		}
	}
	for i := len(before) - 1; i >= 0; i-- {
		// A period is cut by the whole span, and so counted in one way only.
		want := before[i].Terms.Calendar.DayCount
		if want == "" || t.Calendar.DayCount == "" {
			continue
		}
		if t.Calendar.DayCount != want {
			d.fail("calendar.day_count", "got %s, want %s as in version %d", t.Calendar.DayCount, want, before[i].Number)
		}
		break
	}
	if t.From <= old.From {
		d.fail("effective.from", "got %s, want later than %s of version %d", t.From, old.From, newest.Number)
	}
	d.checkRoomBeside(before, t)
	return d.mistakes
}

// checkAgreementSignatures checks the signatures of vendor and client and
// returns whether the client's is there.
func (s *Standing) checkAgreementSignatures(r *record.Record, b *record.Agreement, t *Terms) (agreed bool, err error) {
	vendor, client := t.Operator().ID, t.Client().ID
	var mustAgree int64 // version that was agreed
	if s.agreed() {
		mustAgree = s.Latest().Number
	}
	signed := map[string]bool{}
	for i := range r.Sigs {
		fingerprint := r.Sigs[i].Key
		field := "sigs." + fingerprint
		key := s.agreementKey(fingerprint, t, len(s.versions) == 0, mustAgree == 0)
		switch {
		case key == nil:
			return false, refuse(r, checkSignatures, field, "is no key of %s or %s that may sign this version", vendor, client)
		case key.party != vendor && key.party != client:
			return false, refuse(r, checkSignatures, field, "is a key of %s, want keys of %s and %s only", key.party, vendor, client)
		case signed[key.party]:
			return false, refuse(r, checkSignatures, field, "is a second signature of %s, want one", key.party)
		case !key.inForce(r.Log.Time):
			return false, refuse(r, checkSignatures, field, "was revoked by record %d: an agreement needs a key in force", key.revoked)
		}
		if err := checkSignature(r, i, b.Origin, key); err != nil {
			return false, err
		}
		signed[key.party] = true
	}
	switch {
	case !signed[vendor]:
		return false, refuse(r, checkSignatures, "sigs", "has no signature of %s", vendor)
	case !signed[client] && mustAgree > 0:
		return false, refuse(r, checkSignatures, "sigs", "has no signature of %s, who signed version %d", client, mustAgree)
	}
	return signed[client], nil
}

// agreementKey finds a key that may sign a version: one that was enrolled, or
// one that the version itself brings for a party that is not bound yet. The
// first version brings all keys; the client's are its own word only once it
// has signed.
func (s *Standing) agreementKey(fingerprint string, t *Terms, first, shadow bool) *enrolled {
	for i := range t.Parties {
		p := &t.Parties[i]
		if !first && !(shadow && p.Role == record.RoleClient) {
			continue
		}
		for _, text := range p.Keys {
			pub, err := record.ParsePublicKey(text)
			if err == nil && record.Fingerprint(pub) == fingerprint {
				return &enrolled{text: text, pub: pub, party: p.ID, revoked: -1}
			}
		}
	}
	k := s.keys[fingerprint]
	if k != nil && shadow && k.party == t.Client().ID {
		return nil // named for the client by the vendor alone, and not in this version
	}
	return k
}

// checkHistory: a version that the client signs says what it makes of those
// before it that the client did not sign, and no other version does.
func checkHistory(r *record.Record, b *record.Agreement, before *Version, agreed bool) error {
	switch ends := before != nil && !before.Agreed && agreed; {
	case ends && b.History == "":
		return refuse(r, checkTerms, "body.history", "missing, want adopt or exclude: version %d was signed by the vendor alone", before.Number)
	case !ends && b.History != "":
		return refuse(r, checkTerms, "body.history", "got %s, want none: it is for the first version that the client signs after others", b.History)
	}
	return nil
}

// agreed reports whether the client has signed a version. All after it are
// then signed by both.
func (s *Standing) agreed() bool { return len(s.versions) > 0 && s.Latest().Agreed }

// ownKeys are the keys, and the heads of their author chains, that outlast the
// shadow: the vendor's, and those which t, the first version that both signed,
// names. Under shadow a key of anyone else was what the vendor said, and so
// was what that key then enrolled or revoked.
func (s *Standing) ownKeys(t *Terms) (map[string]*enrolled, map[string]head) {
	keys, authors := maps.Clone(s.keys), maps.Clone(s.authors)
	for fingerprint, k := range s.keys {
		if k.party == t.Operator().ID {
			continue
		}
		if p := t.Party(k.party); p != nil && slices.Contains(p.Keys, k.text) {
			named := *k
			named.from, named.revoked, named.revokedFrom = 0, -1, 0
			keys[fingerprint] = &named
			continue
		}
		delete(keys, fingerprint)
		delete(authors, fingerprint)
	}
	return keys, authors
}

// enrol returns keys with those of the terms. A key that a version no longer
// names is revoked by it, unless a key record brought it.
func (s *Standing) enrol(r *record.Record, t *Terms, keys map[string]*enrolled) (map[string]*enrolled, error) {
	keys = maps.Clone(keys)
	named := map[string]bool{}
	for i := range t.Parties {
		p := &t.Parties[i]
		for j, text := range p.Keys {
			pub, err := record.ParsePublicKey(text)
			if err != nil {
				return nil, refuse(r, checkTerms, element("body.terms.parties."+p.ID+".keys", j), "%v", err)
			}
			fingerprint := record.Fingerprint(pub)
			named[fingerprint] = true
			switch k, ok := keys[fingerprint]; {
			case !ok:
				keys[fingerprint] = &enrolled{text: text, pub: pub, party: p.ID, holder: p.ID, n: r.Log.N, revoked: -1}
			case k.party != p.ID:
				return nil, refuse(r, checkTerms, element("body.terms.parties."+p.ID+".keys", j), "was enrolled for %s by record %d", k.party, k.n)
			case k.revoked >= 0:
				return nil, refuse(r, checkTerms, element("body.terms.parties."+p.ID+".keys", j), "was revoked by record %d", k.revoked)
			}
		}
	}
	for fingerprint, k := range keys {
		if named[fingerprint] || k.revoked >= 0 && k.revokedFrom <= t.From || !s.isOfTerms(fingerprint) {
			continue
		}
		gone := *k
		gone.revoked, gone.revokedFrom = r.Log.N, t.From
		keys[fingerprint] = &gone
	}
	return keys, nil
}

// isOfTerms reports whether the latest version names the key.
func (s *Standing) isOfTerms(fingerprint string) bool {
	k, v := s.keys[fingerprint], s.Latest()
	if k == nil || v == nil {
		return false
	}
	p := v.Terms.Party(k.party)
	return p != nil && slices.Contains(p.Keys, k.text)
}
