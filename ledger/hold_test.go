package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// TestHold: evidence of what a disputed effect rests on is held, wherever the
// record stands, and what is erased all the same is found for that effect. What
// rests on it without a dispute holds nothing.
func TestHold(t *testing.T) {
	clock := newClock()
	db, l := underRules(t, t.TempDir(), clock)
	defer done(t, db)
	seq, prev := int64(0), record.Digest("")
	client := func(r *record.Record, cites ...string) {
		t.Helper()
		r.At = clock.now
		var cited []*record.Record
		for _, id := range cites {
			n, _, err := l.Find(id)
			must(t, err)
			c, err := l.recordAt(n)
			must(t, err)
			cited = append(cited, strip(c))
		}
		byClient(t, r, seq, prev, cited...)
		_, err := l.Append(ctx, r)
		must(t, err)
		seq++
		prev, err = record.ContentDigest(r)
		must(t, err)
	}
	vendor := func(id, matter string, b record.Body) {
		t.Helper()
		_, err := l.Append(ctx, vendorRecord(clock, id, matter, b))
		must(t, err)
	}
	with := func(id, matter string, b record.Body) {
		t.Helper()
		_, err := l.AppendEvidence(ctx, vendorRecord(clock, id, matter, b), Evidence{Fields: []Field{{Name: "total", Value: []byte(`"80"`)}}, Attach: []Attachment{{Name: "file", Content: strings.NewReader("file of " + id)}}})
		must(t, err)
	}
	grant := func(grantor, parent string) *record.Grant {
		return &record.Grant{Grantor: grantor, Grantee: "agent", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, Delegable: 3, Parent: parent,
			From: at("2026-03-01T00:00:00"), Until: at("2026-05-01T00:00:00"), OnTimeout: "block"}
	}
	client(&record.Record{Kind: record.KindGrant, ID: "g", Body: grant("client", "")})
	with("g-middle", "", grant("agent", "g"))
	vendor("g-low", "", grant("agent", "g-middle"))
	with("c", "", &record.Config{Agent: "agent", Model: "m"})
	with("i", "", &record.Input{AsOf: clock.now})
	with("i-later", "", &record.Input{AsOf: clock.now, Corrects: "i"})
	with("meter", "", &record.Measurement{Metric: "m", From: clock.now, Until: clock.now, Value: "4.5"})
	with("idle", "", &record.Input{AsOf: clock.now})
	claims := func(ref string) []record.Claim {
		return []record.Claim{{ID: "k", Material: true, Value: "90", Support: []record.FieldRef{{Ref: ref, Field: "total"}}}}
	}
	for _, matter := range []string{"T-1", "T-2"} { // one of which is disputed
		with("own/"+matter, matter, &record.Input{AsOf: clock.now})
		vendor("d/"+matter, matter, &record.Decision{Agent: "agent", Config: "c", Grant: "g-low", Inputs: []string{"i", "own/" + matter}, Claims: claims("i"), DependsOn: []record.FieldRef{{Ref: "meter"}}})
		vendor("x/"+matter, matter, &record.Action{Decision: "d/" + matter, Grant: "g-low", Action: "refund", Resource: "order", Effect: "commit", Status: "executed"})
	}
	// A matter of the whole ledger.
	with("i-all", "", &record.Input{AsOf: clock.now})
	with("d-all", "", &record.Decision{Agent: "agent", Inputs: []string{"i-all"}, Claims: claims("i-all")})
	vendor("x-all", "", &record.Action{Decision: "d-all", Action: "refund", Resource: "order", Effect: "commit", Status: "executed"})

	erase := func(of, basis string, improper bool) error {
		t.Helper()
		_, _, err := l.Erase(ctx, Erasure{ID: fmt.Sprintf("erase/%s/%d", of, l.Size()), Of: of, Basis: basis, Scope: []string{"file"}, Improper: improper})
		return err
	}
	held := []string{"own/T-1", "i", "i-later", "meter", "c", "g-middle"}
	client(&record.Record{Kind: record.KindDispute, ID: "dp", Case: "T-1", Body: &record.Dispute{About: "x/T-1", Ground: "wrong"}}, "x/T-1")
	client(&record.Record{Kind: record.KindDispute, ID: "dp-all", Body: &record.Dispute{About: "x-all", Ground: "wrong"}}, "x-all")
	for _, of := range held {
		err := erase(of, "asked", false)
		if refused, ok := errors.AsType[*ImproperError](err); !ok || len(refused.Causes) != 1 || refused.Causes[0].Cause != responsibility.CauseHold {
			t.Errorf("%s: got %v, want a hold", of, err)
		}
		wantError(t, err, "erasing evidence of "+of+" would be improper: dispute dp is open")
	}
	for _, of := range []string{"i-all", "d-all"} {
		wantError(t, erase(of, "asked", false), "erasing evidence of "+of+" would be improper: dispute dp-all is open")
	}
	wantError(t, erase("idle", "hush", false), "erasing evidence of idle would be improper: basis hush is not among [asked]")
	for _, of := range []string{"idle", "own/T-2"} {
		must(t, erase(of, "asked", false))
	}
	// The rules say the same of the one, and nothing of the other.
	for _, of := range held {
		must(t, erase(of, "asked", true))
		a, err := l.Trace(ctx, "x/T-1", 0)
		must(t, err)
		f := a.Finding(responsibility.ImproperErasure, "vendor", responsibility.Established)
		if f == nil || !strings.HasPrefix(f.Evidence[len(f.Evidence)-1].ID, "erase/"+of+"/") {
			t.Errorf("%s: improper_erasure is not found of its erasure\n%s", of, a.Text())
		}
	}
	must(t, erase("i-all", "asked", true))
	for effect, want := range map[string]bool{"x/T-1": true, "x-all": true, "x/T-2": false} {
		a, err := l.Trace(ctx, effect, 0)
		must(t, err)
		if got := a.Finding(responsibility.ImproperErasure, "vendor", responsibility.Established) != nil; got != want {
			t.Errorf("%s: improper_erasure found: %v, want %v\n%s", effect, got, want, a.Text())
		}
		// A file was destroyed, and no field.
		if a.Finding(responsibility.ContradictedClaim, "vendor", responsibility.Presumed) != nil {
			t.Errorf("%s: presumed from a file\n%s", effect, a.Text())
		}
	}
	// One sealed field of all is as much as all.
	_, _, err := l.Erase(ctx, Erasure{ID: "erase/field", Of: "i", Basis: "asked", Scope: []string{string(sealedOf(t, l, "i"))}, Improper: true})
	must(t, err)
	a, err := l.Trace(ctx, "x/T-1", 0)
	must(t, err)
	if a.Finding(responsibility.ContradictedClaim, "vendor", responsibility.Presumed) == nil {
		t.Errorf("not presumed\n%s", a.Text())
	}
	// What was resolved holds no longer.
	r := &record.Record{Kind: record.KindResolve, ID: "rs", Case: "T-1", At: clock.now, Body: &record.Resolve{Dispute: "dp", Disposition: "rejected", As: "joint"}}
	dispute, _, err := l.Find("dp")
	must(t, err)
	cited, err := l.recordAt(dispute)
	must(t, err)
	byClient(t, r, seq, prev, strip(cited))
	must(t, record.Sign(r, testOrigin, key("vendor")))
	_, err = l.Append(ctx, r)
	must(t, err)
	must(t, erase("i-later", "asked", false))
	// Who took a key holds nothing with it once it is revoked.
	pub := record.FormatPublicKey(public("lost"))
	seq++
	prev, err = record.ContentDigest(r)
	must(t, err)
	client(&record.Record{Kind: record.KindKey, ID: "k", Body: &record.Key{Op: "enrol", Key: pub, Holder: "client", Party: "client", Effective: clock.now}})
	client(&record.Record{Kind: record.KindKey, ID: "k-end", Body: &record.Key{Op: "revoke", Key: pub, Holder: "client", Party: "client", Effective: clock.now}})
	with("late/T-2", "T-2", &record.Input{AsOf: clock.now})
	own, _, err := l.Find("x/T-2")
	must(t, err)
	cited, err = l.recordAt(own)
	must(t, err)
	r = byClient(t, &record.Record{Kind: record.KindDispute, ID: "dp-lost", Case: "T-2", At: clock.now, Body: &record.Dispute{About: "x/T-2", Ground: "wrong"}}, 0, "", strip(cited))
	r.Sigs = nil
	must(t, record.Sign(r, testOrigin, key("lost")))
	_, err = l.Append(ctx, r)
	must(t, err)
	must(t, erase("late/T-2", "asked", false))
}

func sealedOf(t *testing.T, l *Ledger, id string) record.Digest {
	t.Helper()
	n, _, err := l.Find(id)
	must(t, err)
	r, err := l.recordAt(n)
	must(t, err)
	return r.Sealed[0]
}

// TestDemanded: what is demanded is not erased unawares. That is no impropriety:
// a demand that stays unanswered has a rule of its own.
func TestDemanded(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := withChat(t, dir, clock, small(clock))
	defer done(t, db)
	of, err := l.recordAt(1)
	must(t, err)
	deadline := clock.now + 1000
	demand := &record.Record{Kind: record.KindDemand, ID: "dm", Case: "T-1", At: clock.now, Body: &record.Demand{Of: "o-1", Custodian: "vendor", Basis: "audit", Deadline: deadline}}
	byClient(t, demand, 0, "", strip(of))
	e := Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Scope: []string{string(of.Sealed[0])}}
	_, err = l.Append(ctx, demand)
	must(t, err)
	_, improper, err := l.Erase(ctx, e)
	if _, ok := errors.AsType[*DemandedError](err); !ok || improper != nil {
		t.Fatalf("got %v %v", improper, err)
	}
	wantError(t, err, "evidence of o-1 is demanded by client until "+deadline.String()+": demand dm is unanswered")
	answer := func(id, to string, digest record.Digest) error {
		_, err := l.Append(ctx, vendorRecord(clock, id, "T-1", &record.Disclose{Demand: "dm", To: to, Digest: digest}))
		return err
	}
	wantError(t, answer("ds/1", "bank", of.Sealed[0]), "record ds/1: body.to: is bank, want client, who demanded it in dm")
	nothing := record.Sum([]byte("nothing"))
	wantError(t, answer("ds/2", "client", nothing), "record ds/2: body.digest: is "+string(nothing)+", want one of the 4 that o-1 commits to, demanded in dm")
	wantError(t, func() error {
		_, err := l.Append(ctx, vendorRecord(clock, "ds/3", "T-1", &record.Disclose{Demand: "o-1", To: "client", Digest: nothing}))
		return err
	}(), "record ds/3: body.demand: is o-1, of kind outcome, want a demand")
	if l.Size() != 3 {
		t.Fatalf("size %d", l.Size())
	}
	other := e
	other.Demanded, other.ID, other.Scope = true, "erase/2", []string{string(of.Sealed[1])}
	_, _, err = l.Erase(ctx, other)
	must(t, err)
	must(t, answer("ds/4", "client", of.Sealed[0]))
	_, _, err = l.Erase(ctx, e)
	must(t, err)
}

// TestScopeRefused: a scope names what the record commits to. A name of a sealed
// field is none: no record shows it.
func TestScopeRefused(t *testing.T) {
	clock := newClock()
	db, l := withChat(t, scratch(t), clock, small(clock))
	defer done(t, db)
	of, err := l.recordAt(1)
	must(t, err)
	erase := func(id string, scope ...string) *record.Record {
		return vendorRecord(clock, id, "T-1", &record.Erase{Of: "o-1", Basis: "asked", State: record.Erased, Scope: scope, Holders: []string{"vendor"}})
	}
	for _, bad := range []string{"iban", string(record.Sum([]byte("nothing"))), "video"} {
		for _, scope := range [][]string{{bad}, {"photo", bad}} {
			_, err := l.Append(ctx, erase("e", scope...))
			wantError(t, err, fmt.Sprintf("record e: body.scope: is %q, want the name of an attachment or a digest among the 4 pieces of evidence of o-1", bad))
		}
	}
	// In one call with the record itself.
	sheet := vendorRecord(clock, "i", "T-1", &record.Input{AsOf: clock.now})
	sheet.Sealed = []record.Digest{record.Sum([]byte("sealed"))}
	late := vendorRecord(clock, "e", "T-1", &record.Erase{Of: "i", Basis: "asked", State: record.Erased, Scope: []string{string(of.Sealed[0])}, Holders: []string{"vendor"}})
	_, err = l.Append(ctx, sheet, late)
	wantError(t, err, fmt.Sprintf("record e: body.scope: is %q, want the name of an attachment or a digest among the 1 pieces of evidence of i", of.Sealed[0]))
	if l.Size() != 2 {
		t.Fatalf("size %d", l.Size())
	}
	late.Body.(*record.Erase).Scope = []string{string(sheet.Sealed[0])}
	_, err = l.Append(ctx, sheet, late)
	must(t, err)
	_, err = l.Append(ctx, erase("e2", "photo", string(of.Sealed[1])))
	must(t, err)
}
