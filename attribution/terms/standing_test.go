package terms

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

const testOrigin = "vendor.example/desk"

func logKey(t testing.TB, name string) string {
	t.Helper()
	key, err := merkle.NewVerifierKey(testOrigin, merkle.KindLog, testKey(name).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return key.String()
}

func fingerprint(name string) string {
	return record.Fingerprint(testKey(name).Public().(ed25519.PublicKey))
}

// fourParties is the support desk with a third party and an arbiter.
var fourParties = strings.Replace(supportDesk, `"parties": {`,
	`"parties": {
  "auditor": {"role": "third", "name": "Audit", "keys": ["KEY third"]},
  "arb": {"role": "arbiter", "name": "Chamber", "keys": ["KEY arbiter"]},`, 1)

// A book numbers records as a ledger does and applies them.
type book struct {
	testing.TB
	s       *Standing
	n       int64
	now     record.Time
	heads   map[string]head // by key name
	records []*record.Record
}

func newBook(t testing.TB) *book {
	return &book{TB: t, s: NewStanding(), now: at(t, "2026-03-02T08:00"), heads: map[string]head{}}
}

// draft is a record of a body by a party, numbered next.
func (b *book) draft(id, by string, body record.Body) *record.Record {
	return &record.Record{Kind: body.Kind(), ID: id, At: b.now, By: by, Body: body, Log: &record.Log{N: b.n, Time: b.now}}
}

// sign gives r the author chain of a key and its signature. Cites are all it
// refers to.
func (b *book) sign(r *record.Record, key string) *record.Record {
	b.Helper()
	h, ok := b.heads[key]
	r.Author = &record.Author{Prev: h.digest}
	if ok {
		r.Author.Seq = h.seq + 1
	}
	for _, ref := range record.References(r) {
		if !slices.ContainsFunc(r.Cites, func(c record.Cite) bool { return c.ID == ref.ID }) {
			r.Cites = append(r.Cites, record.Cite{ID: ref.ID, Digest: record.Sum([]byte(ref.ID))})
		}
	}
	slices.SortFunc(r.Cites, func(a, b record.Cite) int { return strings.Compare(a.ID, b.ID) })
	return b.cosign(r, key)
}

// cosign adds a signature only.
func (b *book) cosign(r *record.Record, key string) *record.Record {
	b.Helper()
	if err := record.Sign(r, testOrigin, testKey(key)); err != nil {
		b.Fatal(err)
	}
	return r
}

func (b *book) apply(r *record.Record) *record.Record {
	b.Helper()
	if err := b.s.Apply(r); err != nil {
		b.Fatal(err)
	}
	b.records = append(b.records, r)
	b.n++
	b.now += record.Time(minute)
	if r.Author != nil {
		digest, err := record.ContentDigest(r)
		if err != nil {
			b.Fatal(err)
		}
		for _, key := range []string{"client", "client2", "third", "arbiter", "vendor", "vendor2", "log", "fourth", "fifth"} {
			if slices.ContainsFunc(r.Sigs, func(s record.Signature) bool { return s.Key == fingerprint(key) }) {
				if party, _ := b.s.KeyParty(fingerprint(key)); party == r.By {
					b.heads[key] = head{r.Author.Seq, digest}
				}
			}
		}
	}
	return r
}

// refused applies r, which must be refused with this check and text, and
// nothing may have changed.
func (b *book) refused(r *record.Record, check, want string) {
	b.Helper()
	before := stateOf(b.s)
	err := b.s.Apply(r)
	var refusal *record.Refusal
	switch {
	case err == nil:
		b.Errorf("record %s is admitted, want: %s", r.ID, want)
	case !errors.As(err, &refusal):
		b.Errorf("error is a %T, want a *record.Refusal: %v", err, err)
	default:
		if got := refusal.Field + ": " + refusal.Reason; refusal.Check != check || got != want {
			b.Errorf("refused by %s\n got %s\nwant %s", refusal.Check, got, want)
		}
		if refusal.ID != r.ID || r.Log != nil && refusal.N != r.Log.N {
			b.Errorf("refusal is of record %d %s, want %d %s", refusal.N, refusal.ID, r.Log.N, r.ID)
		}
	}
	if diff := cmp.Diff(before, stateOf(b.s)); diff != "" {
		b.Errorf("a refusal changed the standing:\n%s", diff)
	}
}

// stateOf is the state in sorted lines.
func stateOf(s *Standing) string {
	lines := s.AppendLines(nil)
	slices.SortFunc(lines, bytes.Compare)
	return string(bytes.Join(lines, []byte("\n")))
}

func (b *book) agreement(version int64, text string) *record.Record {
	b.Helper()
	body := &record.Agreement{
		Version: version, Format: record.Format, Origin: testOrigin, LogKey: logKey(b, "log"),
		Nonce: base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "nonce %10d", version)),
		Terms: mustDraft(b, text),
	}
	if v := b.s.Latest(); v != nil {
		body.Prev = v.Digest
	}
	return b.draft(fmt.Sprintf("agreement/%d", version), "vendor", body)
}

// agreed begins the book with a version that vendor and client signed.
func (b *book) agreed(text string) *book {
	b.Helper()
	b.apply(b.cosign(b.cosign(b.agreement(1, text), "vendor"), "client"))
	return b
}

func (b *book) outcome(id string, facts ...record.Fact) *record.Record {
	r := b.draft(id, "vendor", &record.Outcome{Result: "resolved", Facts: facts})
	r.Case = "T-" + id
	return r
}

func TestAgreementFirst(t *testing.T) {
	b := newBook(t)
	if b.s.Governing(b.now) != nil || b.s.Latest() != nil || len(b.s.AppendLines(nil)) != 0 {
		t.Error("an empty ledger has a version")
	}
	if _, ok := b.s.PeriodAt(b.now); ok {
		t.Error("an empty ledger has a period")
	}
	b.refused(b.outcome("1"), "terms", "kind: got outcome, want an agreement first: the ledger has none")
	unnumbered := b.outcome("1")
	unnumbered.Log = nil
	b.refused(unnumbered, "order", "log: missing: the ledger has not numbered it")

	v1 := func(change func(*record.Record, *record.Agreement)) *record.Record {
		r := b.agreement(1, fourParties)
		change(r, r.Body.(*record.Agreement))
		return b.cosign(r, "vendor")
	}
	b.refused(v1(func(r *record.Record, a *record.Agreement) { a.Version, a.Prev = 2, record.Sum(nil) }), "terms", "body.version: got 2, want 1")
	b.refused(v1(func(r *record.Record, a *record.Agreement) {
		a.Terms = bytes.Replace(a.Terms, []byte(`"EUR"`), []byte(`"Eur"`), 1)
	}), "terms", `body.terms.currency: got "Eur", want three capital letters`)
	b.refused(v1(func(r *record.Record, a *record.Agreement) {
		a.Terms = bytes.Replace(bytes.Replace(a.Terms, []byte(`"EUR"`), []byte(`"Eur"`), 1), []byte(`"month"`), []byte(`"moon"`), 1)
	}), "terms", `body.terms.currency: got "Eur", want three capital letters (and 1 more)`)
	b.refused(v1(func(r *record.Record, a *record.Agreement) { a.LogKey = "desk+00+x" }), "terms", `body.log: verifier key of "desk": key "x" is not base64`)
	b.refused(v1(func(r *record.Record, a *record.Agreement) { a.Origin = "another" }), "terms", "body.log: is named vendor.example/desk, want the origin another")
	b.refused(v1(func(r *record.Record, a *record.Agreement) { a.LogKey = logKey(t, "client") }), "terms", "body.log: is a key of client: who checks a log cannot hold its key")
	b.refused(v1(func(r *record.Record, a *record.Agreement) {
		key, err := merkle.NewVerifierKey(testOrigin, merkle.KindCosignature, testKey("log").Public().(ed25519.PublicKey))
		if err != nil {
			t.Fatal(err)
		}
		a.LogKey = key.String()
	}), "terms", "body.log: is a cosignature key, want a log key")
	b.refused(v1(func(r *record.Record, a *record.Agreement) { r.By = "client" }), "terms", "by: got client, want vendor, who has the role vendor")
	b.refused(v1(func(r *record.Record, a *record.Agreement) { r.At += record.Time(6 * minute) }), "order", "at: got 2026-03-02T08:06:00.000Z, at most 2026-03-02T08:05:00.000Z: the log's time and a skew of 5m")
	b.refused(v1(func(r *record.Record, a *record.Agreement) { r.Backfilled = true }), "terms", "backfilled: got true, but a record of kind agreement is no history")
	b.refused(v1(func(r *record.Record, a *record.Agreement) { r.Author = &record.Author{} }), "order", "author: got an author chain or cites, want none: the ledger's order is the operator's")

	b.refused(b.agreement(1, fourParties), "author signatures", "sigs: has no signature of vendor")
	b.refused(b.cosign(b.agreement(1, fourParties), "client"), "author signatures", "sigs: has no signature of vendor")
	b.refused(b.cosign(b.agreement(1, fourParties), "third"), "author signatures", "sigs."+fingerprint("third")+": is a key of auditor, want keys of vendor and client only")
	b.refused(b.cosign(b.agreement(1, fourParties), "log"), "author signatures", "sigs."+fingerprint("log")+": is no key of vendor or client that may sign this version")
	forged := b.cosign(b.agreement(1, fourParties), "vendor")
	forged.At--
	b.refused(forged, "author signatures", "sigs."+fingerprint("vendor")+": does not verify")
	twice := strings.Replace(fourParties, `"KEY vendor"`, `"KEY vendor", "KEY vendor2"`, 1)
	second := b.cosign(b.cosign(b.agreement(1, twice), "vendor"), "vendor2")
	b.refused(second, "author signatures", "sigs."+second.Sigs[1].Key+": is a second signature of vendor, want one")

	b.agreed(fourParties)
	v := b.s.Latest()
	if !v.Agreed || v.Number != 1 || v.N != 0 || v.Terms.Title != "Support desk 2026" {
		t.Errorf("version is %+v", v)
	}
	if digest, err := record.ContentDigest(b.records[0]); err != nil || digest != v.Digest {
		t.Errorf("digest is %s, want %s, %v", v.Digest, digest, err)
	}
	if b.s.Origin() != testOrigin || b.s.LogKey() != logKey(t, "log") || b.s.Last() != at(t, "2026-03-02T08:00") {
		t.Errorf("origin %s, log key %s, last %s", b.s.Origin(), b.s.LogKey(), b.s.Last())
	}
}

// later is the support desk from a later day on.
func later(text, from string) string {
	return strings.Replace(text, `"from": "2026-03-01T00:00:00.000Z"`, `"from": "`+from+`T00:00:00.000Z"`, 1)
}

func TestAmendments(t *testing.T) {
	b := newBook(t).agreed(fourParties)
	// The instant of an agreement counts like any other.
	same := b.agreement(2, strings.Replace(fourParties, `"from": "2026-03-01T00:00:00.000Z"`, `"from": "2026-03-02T08:00:00.000Z"`, 1))
	b.refused(b.cosign(b.cosign(same, "vendor"), "client"), "terms", "body.terms.effective.from: got 2026-03-02T08:00:00.000Z, want later than 2026-03-02T08:00:00.000Z, the latest instant in the ledger: no record changes its version")
	b.apply(b.outcome("1"))
	next := later(fourParties, "2026-04-15")
	v2 := func(text string, change func(*record.Record, *record.Agreement)) *record.Record {
		r := b.agreement(2, text)
		if change != nil {
			change(r, r.Body.(*record.Agreement))
		}
		return b.cosign(b.cosign(r, "vendor"), "client")
	}
	b.refused(v2(next, func(r *record.Record, a *record.Agreement) { a.Version = 3 }), "terms", "body.version: got 3, want 2")
	b.refused(v2(next, func(r *record.Record, a *record.Agreement) { a.Prev = record.Sum(nil) }), "terms",
		fmt.Sprintf("body.prev: got %s, want %s as in version 1", record.Sum(nil), b.s.Latest().Digest))
	b.refused(v2(next, func(r *record.Record, a *record.Agreement) {
		a.Nonce = b.records[0].Body.(*record.Agreement).Nonce
	}), "terms", "body.nonce: is that of an earlier version, want a new one")
	b.refused(v2(next, func(r *record.Record, a *record.Agreement) { a.LogKey = logKey(t, "vendor2") }), "terms",
		fmt.Sprintf("body.log: got %s, want %s as in version 1", logKey(t, "vendor2"), logKey(t, "log")))
	b.refused(v2(strings.Replace(next, `"EUR"`, `"USD"`, 1), nil), "terms", "body.terms.currency: got USD, want EUR as in version 1")
	b.refused(v2(strings.Replace(next, `"scale": 2`, `"scale": 3`, 1), nil), "terms", "body.terms.scale: got 3, want 2 as in version 1")
	b.refused(v2(strings.Replace(next, `"month"`, `"week"`, 1), nil), "terms", "body.terms.calendar.period: got week, want month as in version 1")
	b.refused(v2(strings.Replace(next, `"zone": "UTC"`, `"zone": "Etc/UTC"`, 1), nil), "terms", "body.terms.calendar.zone: got Etc/UTC, want UTC as in version 1")
	b.refused(v2(strings.Replace(strings.Replace(next, `"client": {`, `"other": {`, 1), "KEY client", "KEY client", 1), nil), "terms", "body.terms.parties: got client other, want client client as in version 1")
	b.refused(v2(fourParties, nil), "terms", "body.terms.effective.from: got 2026-03-01T00:00:00.000Z, want later than 2026-03-01T00:00:00.000Z of version 1")
	b.refused(v2(later(fourParties, "2026-03-02"), nil), "terms", "body.terms.effective.from: got 2026-03-02T00:00:00.000Z, want later than 2026-03-02T08:01:00.000Z, the latest instant in the ledger: no record changes its version")
	b.refused(v2(strings.Replace(fourParties, `"from": "2026-03-01T00:00:00.000Z"`, `"from": "2026-03-02T08:01:00.000Z"`, 1), nil), "terms", "body.terms.effective.from: got 2026-03-02T08:01:00.000Z, want later than 2026-03-02T08:01:00.000Z, the latest instant in the ledger: no record changes its version")
	b.refused(v2(next, func(r *record.Record, a *record.Agreement) { a.History = "adopt" }), "terms", "body.history: got adopt, want none: it is for the first version that the client signs after others")
	b.refused(b.cosign(b.agreement(2, next), "vendor"), "author signatures", "sigs: has no signature of client, who signed version 1")
	// A version's own new keys do not sign it.
	rekeyed := strings.Replace(next, "KEY client", "KEY client2", 1)
	b.refused(b.cosign(b.cosign(b.agreement(2, rekeyed), "vendor"), "client2"), "author signatures", "sigs."+fingerprint("client2")+": is no key of vendor or client that may sign this version")
	stolen := strings.Replace(next, `"KEY third"`, `"KEY log"`, 1)
	b.refused(v2(stolen, nil), "terms", "body.log: is a key of auditor: who checks a log cannot hold its key")

	b.apply(v2(rekeyed, nil))
	if got := len(b.s.Versions()); got != 2 {
		t.Fatalf("%d versions, want 2", got)
	}
	for _, test := range []struct {
		at   string
		want int64
	}{{"2026-02-28T23:59", 0}, {"2026-03-01T00:00", 1}, {"2026-04-14T23:59", 1}, {"2026-04-15T00:00", 2}, {"2030-01-01T00:00", 2}} {
		got := int64(0)
		if v := b.s.Governing(at(t, test.at)); v != nil {
			got = v.Number
		}
		if got != test.want {
			t.Errorf("version %d governs %s, want %d", got, test.at, test.want)
		}
	}
	// The old key is in force until the amendment is; then it is revoked, but known.
	if !b.s.KeyInForce(fingerprint("client"), at(t, "2026-04-14T23:59")) || b.s.KeyInForce(fingerprint("client"), at(t, "2026-04-15T00:00")) {
		t.Error("the key that version 2 leaves out is not revoked from its beginning")
	}
	if !b.s.KeyInForce(fingerprint("client2"), b.now) || b.s.KeyInForce(fingerprint("log"), b.now) {
		t.Error("KeyInForce")
	}
	if party, ok := b.s.KeyParty(fingerprint("client")); !ok || party != "client" {
		t.Errorf("the old key is of %q", party)
	}
	if party, ok := b.s.KeyParty(fingerprint("log")); ok {
		t.Errorf("the log's key is of %q", party)
	}
	// An amendment does not bring a revoked key back.
	b.apply(b.draft("revoke", "vendor", &record.Key{Op: "enrol", Key: publicText("vendor2"), Holder: "v2", Party: "vendor", Effective: b.now}))
	b.apply(b.draft("revoke2", "vendor", &record.Key{Op: "revoke", Key: publicText("vendor2"), Holder: "v2", Party: "vendor", Effective: b.now}))
	v3 := strings.Replace(later(rekeyed, "2026-05-01"), `"KEY vendor"`, `"KEY vendor", "KEY vendor2"`, 1)
	v3 = strings.Replace(v3, `"from": "2026-04-15T`, `"from": "2026-05-01T`, 1)
	b.refused(b.cosign(b.cosign(b.agreement(3, v3), "vendor"), "client2"), "terms", "body.terms.parties.vendor.keys[0]: was revoked by record 4")
	b.refused(b.cosign(b.cosign(b.agreement(3, strings.Replace(v3, `, "KEY vendor2"`, "", 1)), "vendor2"), "client2"), "author signatures",
		"sigs."+fingerprint("vendor2")+": was revoked by record 4: an agreement needs a key in force")
	v3 = strings.Replace(v3, `"KEY vendor", "KEY vendor2"`, `"KEY vendor"`, 1)
	v3 = strings.Replace(v3, `"KEY third"`, `"KEY client"`, 1)
	b.refused(b.cosign(b.cosign(b.agreement(3, v3), "vendor"), "client2"), "terms", "body.terms.parties.auditor.keys[0]: was enrolled for client by record 0")
}

func TestShadow(t *testing.T) {
	b := newBook(t)
	b.apply(b.cosign(b.agreement(1, supportDesk), "vendor"))
	if b.s.Latest().Agreed {
		t.Error("version 1 is agreed without the client")
	}
	b.apply(b.outcome("1"))
	// Still in shadow: no history to speak of.
	shadow := b.agreement(2, later(supportDesk, "2026-04-01"))
	shadow.Body.(*record.Agreement).History = "adopt"
	b.refused(b.cosign(shadow, "vendor"), "terms", "body.history: got adopt, want none: it is for the first version that the client signs after others")
	b.apply(b.cosign(b.agreement(2, later(supportDesk, "2026-04-01")), "vendor"))

	// The client signs with the key that it has, whatever the vendor wrote down.
	text := strings.Replace(later(supportDesk, "2026-05-01"), "KEY client", "KEY client2", 1)
	b.refused(b.cosign(b.cosign(b.agreement(3, text), "vendor"), "client2"), "terms", "body.history: missing, want adopt or exclude: version 2 was signed by the vendor alone")
	wrong := b.agreement(3, text)
	wrong.Body.(*record.Agreement).History = "adopt"
	b.refused(b.cosign(b.cosign(wrong, "vendor"), "client"), "author signatures", "sigs."+fingerprint("client")+": is no key of vendor or client that may sign this version")
	adopt := b.agreement(3, text)
	adopt.Body.(*record.Agreement).History = "adopt"
	b.apply(b.cosign(b.cosign(adopt, "vendor"), "client2"))
	v := b.s.Versions()
	if v[0].Agreed || v[1].Agreed || !v[2].Agreed || v[2].History != "adopt" {
		t.Errorf("versions are %+v", v)
	}
}

// What the vendor named for others under shadow, and what those keys enrolled,
// ends with the first version that both signed.
func TestShadowKeysEnd(t *testing.T) {
	b := newBook(t)
	shadow := strings.NewReplacer(`"KEY client"`, `"KEY client", "KEY fourth"`, `"KEY arbiter"`, `"KEY fifth"`).Replace(fourParties)
	b.apply(b.cosign(b.agreement(1, shadow), "vendor"))
	key := func(id, op, party, name string) *record.Record {
		return b.draft(id, party, &record.Key{Op: op, Key: publicText(name), Holder: "x", Party: party, Effective: b.now})
	}
	b.apply(b.sign(key("k1", "enrol", "client", "client2"), "fourth"))
	b.apply(b.draft("k2", "vendor", &record.Key{Op: "enrol", Key: publicText("vendor2"), Holder: "x", Party: "vendor", Effective: b.now}))
	b.apply(b.sign(key("k3", "enrol", "arb", "sixth"), "fifth"))
	// The vendor's key even revokes the one that is really the client's.
	b.apply(b.sign(key("k4", "revoke", "client", "client"), "fourth"))
	b.apply(b.outcome("1"))
	b.apply(b.sign(b.draft("c", "client", &record.Confirm{Of: "1", Verdict: "accept"}), "client2"))

	adopt := b.agreement(2, later(fourParties, "2026-06-01"))
	adopt.Body.(*record.Agreement).History = "adopt"
	b.apply(b.cosign(b.cosign(adopt, "vendor"), "client"))
	for _, name := range []string{"fourth", "client2", "fifth", "sixth"} {
		if party, ok := b.s.KeyParty(fingerprint(name)); ok {
			t.Errorf("%s is still a key of %s", name, party)
		}
		delete(b.heads, name)
		b.refused(b.sign(b.draft("x", "client", &record.Confirm{Of: "1", Verdict: "accept"}), name), "author signatures", "sigs."+fingerprint(name)+": this key was never enrolled")
	}
	if got := b.s.KeysInForce("client", b.now); len(got) != 1 || record.Fingerprint(got[0]) != fingerprint("client") {
		t.Errorf("the client has %d keys, want its own", len(got))
	}
	if got := b.s.KeysInForce("vendor", b.now); len(got) != 2 {
		t.Errorf("the vendor has %d keys, want 2", len(got))
	}
	b.apply(b.sign(b.draft("d", "client", &record.Confirm{Of: "1", Verdict: "reject"}), "client"))
	reread(t, b.s, 1)
	// A later amendment takes away none that a key record brought.
	b.apply(b.sign(key("k5", "enrol", "client", "client2"), "client"))
	b.apply(b.cosign(b.cosign(b.agreement(3, later(fourParties, "2026-08-01")), "vendor"), "client2"))
	if !b.s.KeyInForce(fingerprint("client2"), at(t, "2026-09-01T00:00")) {
		t.Error("the client's own key ended")
	}
}

// Who stole a key does not choose how long it lasts.
func TestKeyInstants(t *testing.T) {
	b := newBook(t).agreed(strings.Replace(fourParties, `"backfill": "refuse"`, `"backfill": "accept"`, 1))
	b.apply(b.outcome("1"))
	key := func(op, name string, effective record.Time) *record.Record {
		return b.draft("k", "client", &record.Key{Op: op, Key: publicText(name), Holder: "x", Party: "client", Effective: effective})
	}
	limit := b.now + record.Time(5*minute)
	for _, op := range []string{"enrol", "revoke"} {
		b.refused(b.sign(key(op, "client", limit+1), "client"), "terms", fmt.Sprintf("body.effective: got %s, at most %s: the log's time and a skew of 5m", limit+1, limit))
	}
	// In force from its effective on, and not before.
	begins := b.now + record.Time(2*minute)
	b.apply(b.sign(key("enrol", "client2", begins), "client"))
	confirm := func(at record.Time) *record.Record {
		r := b.draft("c", "client", &record.Confirm{Of: "1", Verdict: "accept"})
		r.At = at
		return r
	}
	b.refused(b.sign(confirm(b.now), "client2"), "author signatures", fmt.Sprintf("sigs.%s: is in force from %s on, and the record is of %s", fingerprint("client2"), begins, b.now))
	if b.s.KeyInForce(fingerprint("client2"), begins-1) || !b.s.KeyInForce(fingerprint("client2"), begins) || len(b.s.KeysInForce("client", begins-1)) != 1 || len(b.s.KeysInForce("client", begins)) != 2 {
		t.Error("the key does not begin with its effective")
	}
	b.now += record.Time(minute)
	b.apply(b.sign(confirm(b.now), "client2"))

	// An earlier revocation is taken, a later one is not.
	b.apply(b.sign(key("revoke", "client", b.now+record.Time(4*minute)), "client"))
	from := b.now - record.Time(2*minute)
	b.apply(b.sign(key("revoke", "client", from), "client2"))
	b.refused(b.sign(key("revoke", "client", from), "client2"), "terms", fmt.Sprintf("body.key: %s was revoked from %s by record 5", fingerprint("client"), from))
	if b.s.KeyInForce(fingerprint("client"), from) || !b.s.KeyInForce(fingerprint("client"), from-1) {
		t.Error("the earlier revocation does not count")
	}
	// It brings no other key, whatever it dates that to.
	dated := key("enrol", "fourth", from-1)
	dated.At = from - 1
	b.refused(b.sign(dated, "client"), "author signatures", "sigs."+fingerprint("client")+": was revoked by record 5: a key record needs a key in force")

	// Dated to before, within the record delay, its word counts; marked as
	// history it does not.
	early := b.sign(confirm(from-1), "client")
	b.apply(early)
	history := confirm(from - 1)
	history.Backfilled = true
	b.apply(b.sign(history, "client"))
	if b.s.SignatureVoid(early) || !b.s.SignatureVoid(history) || b.s.SignatureVoid(b.outcome("2")) {
		t.Error("SignatureVoid")
	}
	if got := b.s.KeyInstant(history); got != history.Log.Time {
		t.Errorf("the key of a backfilled record is judged by %s, want the log's time %s", got, history.Log.Time)
	}

	// Under an unlimited record delay any date is as good as history.
	b = newBook(t).agreed(strings.Replace(fourParties, `"record_delay": "72h"`, `"record_delay": "unlimited"`, 1))
	b.apply(b.outcome("1"))
	b.apply(b.sign(key("enrol", "client2", b.now), "client"))
	b.apply(b.sign(key("revoke", "client", b.now), "client2"))
	old := b.sign(confirm(b.now-record.Time(hour)), "client")
	b.apply(old)
	if !b.s.SignatureVoid(old) {
		t.Error("a revoked key signs under an unlimited record delay")
	}
}

// A statement is of the moment at which the ledger takes it.
func TestStatementAt(t *testing.T) {
	b := newBook(t).agreed(supportDesk)
	r := b.draft("statement/2026-03", "vendor", &record.Statement{Period: "2026-03"})
	r.At--
	b.refused(r, "order", fmt.Sprintf("at: got %s, want %s, the log's time: a statement is of that moment", r.At, b.now))
	r.At++
	b.apply(r)
}

func TestClock(t *testing.T) {
	b := newBook(t).agreed(strings.Replace(supportDesk, `"backfill": "refuse"`, `"backfill": "accept"`, 1))
	b.apply(b.outcome("1"))
	r := b.outcome("2")
	r.Log.Time = b.now - record.Time(minute) - 1
	b.refused(r, "order", "log.time: got 2026-03-02T08:00:59.999Z, want 2026-03-02T08:01:00.000Z or later, the time of the record before")
	r.Log.Time++
	b.apply(r) // the same instant again
	r = b.outcome("3")
	r.At += record.Time(5*minute) + 1
	b.refused(r, "order", "at: got 2026-03-02T08:08:00.001Z, at most 2026-03-02T08:08:00.000Z: the log's time and a skew of 5m")
	r.At--
	b.apply(r)
	r = b.outcome("4")
	r.At, r.Backfilled = at(t, "2025-01-01T00:00"), true
	b.apply(r)
	late := b.outcome("5")
	late.At = at(t, "2026-01-01T00:00")
	b.apply(late) // admitted; its instant is the log's time
	if got, v := b.s.Instant(late); got != late.Log.Time || v.Number != 1 {
		t.Errorf("instant is %s by version %d", got, v.Number)
	}
	if got, v := b.s.Instant(r); got != r.At || v.Number != 1 {
		t.Errorf("instant of history is %s by version %d", got, v.Number)
	}
	for _, body := range []record.Body{&record.Key{}, &record.Statement{}, &record.Receipt{}, &record.ChainIndex{}} {
		r := b.draft("x", "vendor", body)
		r.Backfilled = true
		b.refused(r, "terms", fmt.Sprintf("backfilled: got true, but a record of kind %s is no history", body.Kind()))
	}

	b = newBook(t).agreed(supportDesk)
	r = b.outcome("1")
	r.Backfilled = true
	b.refused(r, "terms", "backfilled: got true, but the terms refuse imported history")
}

func TestRoles(t *testing.T) {
	b := newBook(t).agreed(fourParties)
	b.refused(b.draft("x", "nobody", &record.Incident{}), "terms", `by: party "nobody" is not in version 1 of the terms`)
	for _, kind := range record.Kinds() {
		if kind == record.KindAgreement {
			continue
		}
		body, ok := record.NewBody(kind)
		if !ok {
			t.Fatalf("no body of kind %s", kind)
		}
		for party, role := range map[string]string{"vendor": "vendor", "client": "client", "auditor": "third", "arb": "arbiter"} {
			err := b.s.Clone().Apply(b.draft("x", party, body))
			want := fmt.Sprintf("%s has the role %s, which may not write a %s", party, role, kind)
			if refused := err != nil && strings.Contains(err.Error(), want); refused == record.MayWrite(kind, role) {
				t.Errorf("%s by a %s: %v", kind, role, err)
			}
		}
	}
}

func TestOutcomes(t *testing.T) {
	text := strings.Replace(fourParties, `"once_per": "case"`, `"once_per": "fact:topic"`, 1)
	text = strings.Replace(text, `"measures": {`, `"measures": {"worth": {"over": "period", "sum": "resolved.value"},`, 1)
	b := newBook(t).agreed(text)
	good := []record.Fact{record.Text("opened", "2026-03-01T08:00:00.000Z"), record.Text("topic", "refund"), record.Bool("transferred", false), record.Text("value", "12.50")}
	b.apply(b.outcome("1", good...))
	b.apply(b.outcome("2", record.Text("topic", "x"))) // what is absent is undefined, not wrong
	change := func(f record.Fact) *record.Record {
		facts := slices.Clone(good)
		for i := range facts {
			if facts[i].Name == f.Name {
				facts[i] = f
				return b.outcome("x", facts...)
			}
		}
		return b.outcome("x", append(facts, f)...)
	}
	for _, test := range []struct {
		fact record.Fact
		want string
	}{
		{record.Text("weight", "1"), "body.facts.weight: result resolved has no such fact"},
		{record.Text("value", "1e3"), `body.facts.value: decimal "1e3": want a decimal like -12.50 of at most 34 digits and 18 decimals`},
		{record.Bool("value", true), "body.facts.value: got a truth value, want a decimal"},
		{record.Text("value", "-0.01"), "body.facts.value: got -0.01, want at least 0: a measure adds it up"},
		{record.Text("opened", "2026-03-01"), `body.facts.opened: time "2026-03-01" is not of the form 2026-03-01T08:00:00.000Z`},
		{record.Bool("opened", true), "body.facts.opened: got a truth value, want a time"},
		{record.Text("transferred", "true"), `body.facts.transferred: got "true", want true or false`},
		{record.Bool("topic", true), "body.facts.topic: got a truth value, want a text"},
	} {
		b.refused(change(test.fact), "terms", test.want)
	}
	b.refused(b.outcome("x", good[0]), "terms", "body.facts.topic: missing: resolved is counted once per fact:topic")
	unknown := b.outcome("x")
	unknown.Body.(*record.Outcome).Result = "closed"
	b.refused(unknown, "terms", `body.result: the terms have no result "closed"`)
	foreign := b.outcome("x", good...)
	foreign.By = "client"
	b.refused(foreign, "terms", "by: client may not claim resolved")

	for once, field := range map[string]string{"case": "case", "subject": "subject"} {
		b := newBook(t).agreed(strings.Replace(supportDesk, `"once_per": "case"`, `"once_per": "`+once+`"`, 1))
		r := b.outcome("x")
		r.Case = ""
		b.refused(r, "terms", field+": missing: resolved is counted once per "+once)
		r.Case, r.Subject = "T-1", "s-1"
		b.apply(r)
		key, ok := b.s.Latest().Terms.Results[0].Key(r)
		if want := map[string]string{"case": "T-1", "subject": "s-1"}[once]; !ok || key != want {
			t.Errorf("key once per %s is %q", once, key)
		}
	}
	b = newBook(t).agreed(strings.Replace(supportDesk, `"once_per": "case"`, `"once_per": "id"`, 1))
	r := b.apply(b.outcome("x"))
	if key, ok := b.s.Latest().Terms.Results[0].Key(r); !ok || key != "x" {
		t.Errorf("key once per id is %q", key)
	}
	if _, ok := (&Result{OncePer: "fact:topic"}).Key(b.draft("y", "vendor", &record.Incident{})); ok {
		t.Error("an incident has a fact")
	}
}

func TestSignatures(t *testing.T) {
	b := newBook(t).agreed(fourParties)
	b.apply(b.outcome("1"))
	confirm := func(id string) *record.Record {
		r := b.draft(id, "client", &record.Confirm{Of: "1", Verdict: "accept"})
		r.Case = "T-1"
		return r
	}
	b.apply(b.sign(confirm("c0"), "client"))
	unsigned := b.sign(confirm("x"), "client")
	unsigned.Sigs = nil
	b.refused(unsigned, "author signatures", "sigs: has no signature of client")
	b.refused(b.sign(confirm("x"), "third"), "author signatures", "sigs."+fingerprint("third")+": is a key of auditor, want one of client")
	b.refused(b.sign(confirm("x"), "vendor"), "author signatures", "sigs."+fingerprint("vendor")+": is a key of vendor, want one of client")
	b.refused(b.sign(confirm("x"), "client2"), "author signatures", "sigs."+fingerprint("client2")+": this key was never enrolled")
	changed := b.sign(confirm("x"), "client")
	changed.Body.(*record.Confirm).Verdict = "reject"
	b.refused(changed, "author signatures", "sigs."+fingerprint("client")+": does not verify")
	elsewhere := b.sign(confirm("x"), "client")
	elsewhere.Sigs = nil
	if err := record.Sign(elsewhere, "another/ledger", testKey("client")); err != nil {
		t.Fatal(err)
	}
	b.refused(elsewhere, "author signatures", "sigs."+fingerprint("client")+": does not verify")

	// The author chain.
	gap := confirm("x")
	b.heads["client"] = head{seq: 7, digest: b.heads["client"].digest}
	b.refused(b.sign(gap, "client"), "order", "author.seq: got 8, want 1, the next of "+fingerprint("client"))
	digest, err := record.ContentDigest(b.records[2])
	if err != nil {
		t.Fatal(err)
	}
	b.heads["client"] = head{seq: 0, digest: record.Sum(nil)}
	b.refused(b.sign(confirm("x"), "client"), "order", fmt.Sprintf("author.prev: got %s, want %s, the content of the record before", record.Sum(nil), digest))
	delete(b.heads, "client")
	b.refused(b.sign(confirm("x"), "client"), "order", "author.seq: got 0, want 1, the next of "+fingerprint("client"))
	b.heads["client"] = head{seq: 0, digest: digest}
	authorless := confirm("x")
	authorless.Cites = []record.Cite{{ID: "1", Digest: record.Sum(nil)}}
	b.refused(b.cosign(authorless, "client"), "order", "author: missing: a record of client carries its author chain")

	// Cites.
	uncited := confirm("x")
	uncited.Author = &record.Author{Seq: 1, Prev: digest}
	b.refused(b.cosign(uncited, "client"), "order", "cites: has no digest of 1, which of refers to")
	stray := confirm("x")
	stray.Cites = []record.Cite{{ID: "2", Digest: record.Sum(nil)}}
	b.refused(b.sign(stray, "client"), "order", "cites.2: the record does not refer to it")
	b.apply(b.sign(confirm("c1"), "client"))
	if got := b.s.authors[fingerprint("client")].seq; got != 1 {
		t.Errorf("seq is %d, want 1", got)
	}

	// The operator may sign, and then rightly; it has no author chain.
	b.apply(b.cosign(b.outcome("2"), "vendor"))
	wrong := b.cosign(b.outcome("x"), "vendor")
	wrong.Case = "another"
	b.refused(wrong, "author signatures", "sigs."+fingerprint("vendor")+": does not verify")
	b.refused(b.sign(b.outcome("x"), "vendor"), "order", "author: got one, want none: the ledger's order is the operator's")
	cited := b.outcome("x")
	cited.Cites = []record.Cite{{ID: "2", Digest: record.Sum(nil)}}
	b.refused(cited, "order", "cites: got 1, want none: the ledger's order is the operator's")
	b.refused(b.cosign(b.outcome("x"), "client"), "author signatures", "sigs."+fingerprint("client")+": is a key of client, want one of vendor")
}

// Times that a body and the instant of its record contradict, and a custodian
// who cannot answer, are refused.
func TestBodiesThatCannotBe(t *testing.T) {
	b := newBook(t).agreed(fourParties)
	b.apply(b.outcome("1"))
	instant := b.now
	b.refused(b.draft("h", "vendor", &record.Handoff{To: "client", Reason: "r", Deadline: instant}), "order", "body.deadline: got "+instant.String()+", want later than "+instant.String()+", the instant of the handoff")
	b.refused(b.draft("r", "vendor", &record.Review{Of: "1", Verdict: "reject", Opened: instant + 1}), "order", "body.opened: got "+(instant+1).String()+", at most "+instant.String()+", the instant of the review")
	b.refused(b.draft("m", "vendor", &record.Demand{Of: "1", Custodian: "marsman", Basis: "b", Deadline: instant}), "terms", `body.custodian: party "marsman" is not in version 1 of the terms`)
	b.apply(b.draft("h", "vendor", &record.Handoff{To: "marsman", Reason: "r", Deadline: instant + 1}))
	b.apply(b.draft("h2", "vendor", &record.Handoff{To: "client", Reason: "no deadline"}))
	b.apply(b.draft("m", "vendor", &record.Demand{Of: "1", Custodian: "auditor", Basis: "b", Deadline: instant}))
}

func TestResolves(t *testing.T) {
	b := newBook(t).agreed(fourParties)
	b.apply(b.outcome("1"))
	b.apply(b.sign(b.draft("d", "client", &record.Dispute{About: "1", Ground: "not solved"}), "client"))
	resolve := func(by, as string) *record.Record {
		return b.draft("x", by, &record.Resolve{Dispute: "d", Disposition: "upheld", As: as})
	}
	b.refused(resolve("vendor", "arbiter"), "terms", "body.as: got arbiter by vendor, who has the role vendor")
	b.refused(resolve("arb", "joint"), "terms", "body.as: got joint by arb, who has the role arbiter")
	b.refused(b.cosign(resolve("vendor", "joint"), "vendor"), "author signatures", "sigs: has no signature of client: a joint resolve needs vendor and client")
	b.refused(b.cosign(resolve("vendor", "joint"), "client"), "author signatures", "sigs: has no signature of vendor")
	b.refused(b.sign(resolve("client", "joint"), "client"), "author signatures", "sigs: has no signature of vendor: a joint resolve needs vendor and client")
	b.refused(b.sign(resolve("arb", "arbiter"), "client"), "author signatures", "sigs."+fingerprint("client")+": is a key of client, want one of arb")
	found := func(by string) *record.Record {
		return b.draft("x", by, &record.Resolve{Dispute: "d", Disposition: "upheld", As: "finding", Size: 4, Findings: []string{"limit_exceeded"}})
	}
	b.refused(found("auditor"), "terms", "by: auditor has the role third, which may not write a resolve")
	b.refused(b.sign(found("arb"), "arbiter"), "terms", "body.as: got finding by arb, who has the role arbiter")
	b.refused(found("client"), "author signatures", "sigs: has no signature of client")
	b.refused(b.cosign(found("vendor"), "client"), "author signatures", "sigs."+fingerprint("client")+": is a key of client, want one of vendor")
	b.refused(b.cosign(b.sign(found("client"), "client"), "vendor"), "author signatures", "sigs."+fingerprint("vendor")+": is a key of vendor, want one of client")
	history := found("vendor")
	history.Backfilled = true
	b.refused(history, "terms", "backfilled: got true, but what is found of the records before is no history")
	b.apply(found("vendor"))
	b.apply(b.sign(found("client"), "client"))
	b.apply(b.cosign(b.cosign(resolve("vendor", "joint"), "vendor"), "client"))
	b.apply(b.cosign(b.sign(resolve("client", "joint"), "client"), "vendor"))
	b.apply(b.sign(resolve("arb", "arbiter"), "arbiter"))
	// The vendor's signature beside the client's begins no chain of the vendor.
	if _, ok := b.s.authors[fingerprint("vendor")]; ok {
		t.Error("the vendor has an author chain")
	}
	if got := b.s.authors[fingerprint("client")].seq; got != 2 {
		t.Errorf("the client's chain is at %d, want 2", got)
	}
}

func TestKeys(t *testing.T) {
	b := newBook(t).agreed(fourParties)
	b.apply(b.outcome("1"))
	key := func(op, name, prev string) *record.Record {
		k := &record.Key{Op: op, Key: publicText(name), Holder: "desk-1", Party: "client", Effective: b.now}
		if prev != "" {
			k.Prev = fingerprint(prev)
		}
		return b.draft("x", "client", k)
	}
	b.refused(b.sign(key("enrol", "third", ""), "client"), "terms", "body.key: was enrolled for auditor by record 0")
	b.refused(b.sign(key("enrol", "client", ""), "client"), "terms", "body.key: was enrolled for client by record 0")
	b.refused(b.sign(key("enrol", "log", ""), "client"), "terms", "body.key: is the key of the log")
	other := key("enrol", "client2", "")
	other.Body.(*record.Key).Party = "vendor"
	b.refused(b.sign(other, "client"), "terms", "body.party: got vendor, want client: a party speaks for its own keys")
	b.refused(b.sign(key("revoke", "client2", ""), "client"), "terms", "body.key: "+fingerprint("client2")+" was never enrolled")
	b.refused(b.sign(key("revoke", "third", ""), "client"), "terms", "body.key: "+fingerprint("third")+" is a key of auditor, want one of client")
	b.refused(b.sign(key("rotate", "client2", "third"), "client"), "author signatures", "sigs."+fingerprint("client")+": want the signature of "+fingerprint("third")+", which it replaces")

	b.apply(b.sign(key("enrol", "client2", ""), "client"))
	confirm := func() *record.Record {
		return b.draft("c", "client", &record.Confirm{Of: "1", Verdict: "accept"})
	}
	b.apply(b.sign(confirm(), "client2")) // its own chain, from 0
	b.apply(b.sign(key("revoke", "client", ""), "client2"))
	if b.s.KeyInForce(fingerprint("client"), b.now) || !b.s.KeyInForce(fingerprint("client"), b.now-record.Time(hour)) {
		t.Error("the revoked key is in force")
	}
	// Found later, but admitted; only it brings no other key in.
	b.apply(b.sign(confirm(), "client"))
	b.refused(b.sign(key("enrol", "vendor2", ""), "client"), "author signatures", "sigs."+fingerprint("client")+": was revoked by record 4: a key record needs a key in force")
	b.refused(b.sign(key("revoke", "client", ""), "client2"), "terms", "body.key: "+fingerprint("client")+" was revoked from 2026-03-02T08:04:00.000Z by record 4")
	// One signature, not two.
	third := b.draft("y", "client", &record.Key{Op: "enrol", Key: publicText("fourth"), Holder: "desk-2", Party: "client", Effective: b.now})
	b.apply(b.sign(third, "client2"))
	double := b.cosign(b.sign(confirm(), "client2"), "fourth")
	b.refused(double, "author signatures", "sigs."+double.Sigs[1].Key+": is a second signature of client, want one")
	// An amendment does not touch what key records brought.
	b.apply(b.cosign(b.cosign(b.agreement(2, strings.Replace(later(fourParties, "2026-05-01"), "KEY client", "KEY fifth", 1)), "vendor"), "fourth"))
	if until := at(t, "2027-01-01T00:00"); !b.s.KeyInForce(fingerprint("client2"), until) || !b.s.KeyInForce(fingerprint("fourth"), until) || !b.s.KeyInForce(fingerprint("fifth"), until) {
		t.Error("an amendment revoked keys that it never named")
	}
	// Rotation is by the old key, and ends it.
	b.apply(b.sign(key("rotate", "vendor2", "client2"), "client2"))
	if b.s.KeyInForce(fingerprint("client2"), b.now) || !b.s.KeyInForce(fingerprint("vendor2"), b.now) {
		t.Error("rotation")
	}
	if party, _ := b.s.KeyParty(fingerprint("vendor2")); party != "client" {
		t.Errorf("the new key is of %s", party)
	}
	bad := key("enrol", "client", "")
	bad.Body.(*record.Key).Key = "ssh-ed25519 AAAA"
	bad.By, bad.Body.(*record.Key).Party = "vendor", "vendor"
	b.refused(bad, "terms", `body.key: public key "ssh-ed25519 AAAA": want ssh-ed25519, a space and the key in base64, without comment`)
	// The operator's key records need no signature.
	b.apply(b.draft("v", "vendor", &record.Key{Op: "rotate", Key: publicText("fresh"), Holder: "vendor", Party: "vendor", Effective: b.now, Prev: fingerprint("vendor")}))
}

// story is a ledger with some of everything.
func story(t testing.TB) *book {
	b := newBook(t)
	b.apply(b.cosign(b.agreement(1, fourParties), "vendor"))
	b.apply(b.outcome("1", record.Bool("transferred", false)))
	b.apply(b.sign(b.draft("c", "client", &record.Confirm{Of: "1", Verdict: "accept"}), "client"))
	adopt := b.agreement(2, strings.Replace(later(fourParties, "2026-04-15"), `"KEY client"`, `"KEY client", "KEY client2"`, 1))
	adopt.Body.(*record.Agreement).History = "adopt"
	b.apply(b.cosign(b.cosign(adopt, "vendor"), "client"))
	b.apply(b.outcome("2"))
	b.apply(b.sign(b.draft("r", "auditor", &record.Confirm{Of: "2", Verdict: "reject"}), "third"))
	b.apply(b.sign(b.draft("k", "client", &record.Key{Op: "revoke", Key: publicText("client2"), Holder: "client", Party: "client", Effective: b.now}), "client"))
	b.apply(b.sign(b.draft("d", "client", &record.Dispute{About: "2", Ground: "no"}), "client"))
	b.now = at(t, "2026-04-20T00:00")
	b.apply(b.outcome("3"))
	b.apply(b.cosign(b.cosign(b.agreement(3, later(fourParties, "2026-06-01")), "vendor"), "client"))
	b.apply(b.sign(b.draft("e", "client", &record.Confirm{Of: "3", Verdict: "accept"}), "client"))
	return b
}

// reread is the standing that the lines of s make, read in any order.
func reread(t testing.TB, s *Standing, seed uint64) *Standing {
	t.Helper()
	lines := s.AppendLines(nil)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	again := NewStanding()
	for _, line := range lines {
		if !IsLine(line) {
			t.Errorf("IsLine denies %s", line)
		}
		if err := again.ReadLine(line); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if err := again.ReadLine(line); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Fatalf("read twice: %v: %s", err, line)
		}
	}
	if err := again.Complete(); err != nil {
		t.Fatal(err)
	}
	return again
}

// Cutting at any record and going on from the lines is the same as one pass.
func TestCutAndContinue(t *testing.T) {
	whole := story(t)
	want := stateOf(whole.s)
	for cut := range len(whole.records) + 1 {
		s := NewStanding()
		for i, r := range whole.records {
			if i == cut {
				s = reread(t, s, uint64(cut))
			}
			if err := s.Apply(r); err != nil {
				t.Fatalf("cut at %d: %v", cut, err)
			}
		}
		s = reread(t, s, uint64(cut))
		if diff := cmp.Diff(want, stateOf(s)); diff != "" {
			t.Fatalf("cut at %d:\n%s", cut, diff)
		}
		if cut == len(whole.records) && !reflect.DeepEqual(s, whole.s) {
			t.Errorf("read standing is %+v, want %+v", s, whole.s)
		}
	}
}

func TestCloneSharesNothing(t *testing.T) {
	whole := story(t)
	s := NewStanding()
	var states []string
	var clones []*Standing
	for _, r := range whole.records {
		states = append(states, stateOf(s))
		clones = append(clones, s.Clone())
		if err := s.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range clones {
		if got := stateOf(c); got != states[i] {
			t.Errorf("clone %d was changed", i)
		}
		for _, r := range whole.records[i:] {
			if err := c.Apply(r); err != nil {
				t.Fatal(err)
			}
		}
		if got := stateOf(c); got != stateOf(s) {
			t.Errorf("clone %d went another way", i)
		}
	}
}

// Two clones take different amendments.
func TestClonesPart(t *testing.T) {
	b := story(t)
	var clones []*Standing
	for _, from := range []string{"2026-07-01", "2026-08-01"} {
		c := b.s.Clone()
		if err := c.Apply(b.cosign(b.cosign(b.agreement(4, later(fourParties, from)), "vendor"), "client")); err != nil {
			t.Fatal(err)
		}
		clones = append(clones, c)
	}
	for i, from := range []string{"2026-07-01T00:00", "2026-08-01T00:00"} {
		if got := clones[i].Latest().Terms.From; got != at(t, from) {
			t.Errorf("clone %d begins at %s, want %s", i, got, from)
		}
	}
	if len(b.s.Versions()) != 3 {
		t.Errorf("the original has %d versions", len(b.s.Versions()))
	}
}

// Versions of one ledger keep what no amendment may change, also when they are
// read.
func TestCompleteRefuses(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{`"EUR"`, `"USD"`, "state has version 2 with currency: got USD, want EUR as in version 1"},
		{`"scale":2`, `"scale":3`, "state has version 2 with scale: got 3, want 2 as in version 1"},
		{`"period":"month"`, `"period":"week"`, "state has version 2 with calendar.period: got week, want month as in version 1"},
		{`"from":"2026-04-15T`, `"from":"2026-03-01T`, "state has version 2 with effective.from: got 2026-03-01T00:00:00.000Z, want later than 2026-03-01T00:00:00.000Z of version 1"},
	} {
		s := NewStanding()
		for _, line := range story(t).s.AppendLines(nil) {
			if bytes.HasPrefix(line, []byte(`["agreement",2,`)) {
				changed := bytes.ReplaceAll(line, []byte(test.old), []byte(test.new))
				if bytes.Equal(changed, line) {
					t.Fatalf("no %s in %s", test.old, line)
				}
				line = changed
			}
			if err := s.ReadLine(line); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Complete(); err == nil || err.Error() != test.want {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

func TestReadLineRefuses(t *testing.T) {
	lines := story(t).s.AppendLines(nil)
	find := func(prefix string) string {
		for _, line := range lines {
			if bytes.HasPrefix(line, []byte(prefix)) {
				return string(line)
			}
		}
		t.Fatalf("no line begins with %s", prefix)
		return ""
	}
	agreement, author, clock, ledger := find(`["agreement",1`), find(`["author"`), find(`["clock"`), find(`["ledger"`)
	key, revoked := "", ""
	for _, line := range lines {
		if bytes.Contains(line, []byte(`"vendor","vendor",`)) {
			key = string(line)
		}
		if bytes.Contains(line, []byte(`"2026-03-02T08:06:00.000Z"]`)) {
			revoked = string(line)
		}
	}
	for _, test := range []struct{ line, old, new, want string }{
		{clock, `[`, ` [`, "state line is not canonical JSON: byte 0: white space, want a value"},
		{`{}`, "", "", "state line is an object, want a list"},
		{`[]`, "", "", "state line is a list, want a list"},
		{`["claim"]`, "", "", `state line has the type "claim", which no standing has`},
		{`[1]`, "", "", `state line has the type 1, which no standing has`},
		{`["clock"]`, "", "", "state line clock: ends too early"},
		{clock, `]`, `,1]`, "state line clock: has 1 elements too many"},
		{`["clock","2026-03-02","2026-03-02"]`, "", "", `state line clock: time "2026-03-02" is not of the form 2026-03-01T08:00:00.000Z`},
		{ledger, `"vendor.example/desk",`, `"vendor.example/other",`, "state line ledger: key is a log key named vendor.example/desk, want a log key named vendor.example/other"},
		{`["ledger","x","y"]`, "", "", `state line ledger: verifier key "y" is not of the form name+id+key`},
		{author, "sha256:", "sha512:", ""},
		{author, `",`, `",-`, ""},
		{agreement, `["agreement",1,0,`, `["agreement",1,-1,`, `state line agreement: version 1 is record -1 with history ""`},
		{agreement, `["agreement",1,`, `["agreement",-1,`, `state line agreement: version -1 is record 0 with history ""`},
		{agreement, `,false,"",`, `,false,"forget",`, `state line agreement: version 1 is record 0 with history "forget"`},
		{`["author",1,1,1]`, "", "", "state line author: got 1, want text"},
		{`["author","x","y",1]`, "", "", `state line author: got "y", want an integer`},
		{key, `SHA256:`, `SHA256:X`, ""},
		{key, `,-1,""`, `,-2,""`, `state line key: is of record 0, revoked from "" by record -2`},
		{key, `,-1,""`, `,-1,"2026-03-02T08:00:00.000Z"`, `state line key: is of record 0, revoked from "2026-03-02T08:00:00.000Z" by record -1`},
		{revoked, `"2026-03-02T08:06:00.000Z"]`, `""]`, ""},
		{key, `ssh-ed25519 `, `ssh-rsa `, ""},
		{agreement, `,false,`, `,"false",`, `state line agreement: got "false", want true or false`},
		{agreement, `"EUR"`, `"Eur"`, `state line agreement: terms: currency: got "Eur", want three capital letters`},
	} {
		line := strings.Replace(test.line, test.old, test.new, 1)
		if test.old != "" && line == test.line {
			t.Errorf("%s: nothing to replace in %s", test.old, line)
			continue
		}
		s := NewStanding()
		err := s.ReadLine([]byte(line))
		if err == nil || test.want != "" && err.Error() != test.want {
			t.Errorf("%s:\n got %v\nwant %s", line, err, test.want)
		}
		if got := len(s.AppendLines(nil)); got != 0 || s.Complete() != nil {
			t.Errorf("%s: a refused line left something", line)
		}
	}
	if IsLine([]byte(`["claim",1]`)) || IsLine([]byte(`["keys",1]`)) || IsLine(nil) {
		t.Error("IsLine takes lines of others")
	}

	// Each line is needed.
	for _, test := range []struct{ without, want string }{
		{`["clock"`, "state has no clock line"},
		{`["ledger"`, "state has no ledger line"},
		{`["agreement",2`, "state has version 3, want 2"},
		{`["agreement"`, "state has no agreement line"},
		{`["key"`, "without its key"},
	} {
		s := NewStanding()
		for _, line := range lines {
			if !bytes.HasPrefix(line, []byte(test.without)) {
				if err := s.ReadLine(line); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Complete(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("without %s: got %v, want %s", test.without, err, test.want)
		}
	}
}

func FuzzReadLine(f *testing.F) {
	for _, line := range story(f).s.AppendLines(nil) {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		s := NewStanding()
		if err := s.ReadLine(line); err != nil {
			return
		}
		// Alone it is not complete, so it is written here as what it is.
		var again []byte
		switch {
		case s.origin != "":
			again = s.ledgerLine()
		case s.started:
			again = s.clockLine()
		case len(s.versions) == 1:
			again = s.versions[0].line()
		}
		for fingerprint, k := range s.keys {
			again = k.line(fingerprint)
		}
		for fingerprint, h := range s.authors {
			again = h.line(fingerprint)
		}
		if !bytes.Equal(again, line) {
			t.Fatalf("read %s, wrote %s", line, again)
		}
	})
}

// An amendment does not cut the month it falls into, and from its beginning
// on its offsets hold.
func TestPeriodsOverVersions(t *testing.T) {
	zoned := strings.Replace(supportDesk, `"zone": "UTC"`, `"zone": "Asia/Shanghai"`, 1)
	offsets := func(list string) string {
		return strings.Replace(zoned, `"period": "month"`, `"period": "month", "offsets": `+list, 1)
	}
	b := newBook(t)
	b.agreed(offsets(`[{"from": "2026-03-01T00:00:00.000Z", "minutes": 480}]`))
	// A law of the summer: from May on nine hours, which version 2 tells from 15 April on.
	b.apply(b.cosign(b.cosign(b.agreement(2, later(offsets(`[{"from": "2026-04-15T00:00:00.000Z", "minutes": 480}, {"from": "2026-05-10T00:00:00.000Z", "minutes": 540}]`), "2026-04-15")), "vendor"), "client"))
	b.now = at(t, "2026-04-20T00:00")
	b.apply(b.outcome("1"))
	// It is put off: version 3 forgets of it, and ends later.
	v3 := strings.Replace(later(offsets(`[{"from": "2026-05-01T00:00:00.000Z", "minutes": 480}, {"from": "2026-06-10T00:00:00.000Z", "minutes": 540}]`), "2026-05-01"), "2027-03-01T", "2027-06-01T", 1)
	v3 = strings.Replace(v3, `"close_after": "8d"`, `"close_after": "9d"`, 1)
	b.apply(b.cosign(b.cosign(b.agreement(3, v3), "vendor"), "client"))

	want := []string{
		"2026-03 2026-03-01T00:00:00.000Z 2026-03-31T16:00:00.000Z 2026-04-08T16:00:00.000Z",
		"2026-04 2026-03-31T16:00:00.000Z 2026-04-30T16:00:00.000Z 2026-05-08T16:00:00.000Z",
		"2026-05 2026-04-30T16:00:00.000Z 2026-05-31T16:00:00.000Z 2026-06-09T16:00:00.000Z",
		"2026-06 2026-05-31T16:00:00.000Z 2026-06-30T15:00:00.000Z 2026-07-09T15:00:00.000Z",
		"2026-07 2026-06-30T15:00:00.000Z 2026-07-31T15:00:00.000Z 2026-08-09T15:00:00.000Z",
	}
	p, ok := b.s.PeriodAt(at(t, "2026-03-01T00:00"))
	for i := range want {
		if got := fmt.Sprint(p.Name, " ", p.From, " ", p.Until, " ", b.s.Closing(p)); !ok || got != want[i] {
			t.Errorf("period %d:\n got %s\nwant %s", i, got, want[i])
		}
		p, ok = b.s.After(p)
	}
	last, ok := b.s.PeriodAt(at(t, "2027-05-31T23:59"))
	if !ok || last.Until != at(t, "2027-06-01T00:00") {
		t.Errorf("the last period is %v, %v", last, ok)
	}
	if next, ok := b.s.After(last); ok {
		t.Errorf("after the last comes %v", next)
	}
	if got := NewStanding().Closing(last); got != last.Until {
		t.Errorf("closing without terms is %s", got)
	}
}

func benchmarkBook(b *testing.B) (*book, *record.Record) {
	k := newBook(b).agreed(supportDesk)
	r := k.outcome("1", record.Bool("transferred", false), record.Text("value", "25.99"))
	return k, r
}

func BenchmarkApplyOutcome(b *testing.B) {
	k, r := benchmarkBook(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := k.s.Apply(r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplySigned(b *testing.B) {
	k, _ := benchmarkBook(b)
	k.apply(k.outcome("1"))
	r := k.sign(k.draft("c", "client", &record.Confirm{Of: "1", Verdict: "accept"}), "client")
	b.ReportAllocs()
	for b.Loop() {
		if err := k.s.Clone().Apply(r); err != nil {
			b.Fatal(err)
		}
	}
}
