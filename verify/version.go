package verify

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
)

// load reads the carried state, which the statement r at the start commits to.
func (v *verifier) load(r *record.Record) {
	t := &v.checks[statements]
	lines := v.carried
	v.carried = nil
	defer func() {
		for i := range v.refs {
			v.refs[i].used = v.refs[i].used || v.state == nil // which were needed is not known
		}
	}()
	s, ok := r.Body.(*record.Statement)
	if !ok {
		t.fail("record %d, with which the bundle begins, is of kind %s, want a statement", r.Log.N, r.Kind)
		v.breakOff("the state is not known")
		return
	}
	var sum [sha256.Size]byte
	v.stateSum.Sum(sum[:0])
	if want, ok := s.State.Bytes(); !ok || want != sum {
		t.fail("%s: the carried state has the digest sha256:%x, the statement's is %s", s.Period, sum, s.State)
		v.breakOff("the carried state is not the statement's")
		return
	}
	state, err := fee.ReadState(lines)
	if err == nil && state.Size() != v.header.Start {
		err = fmt.Errorf("is of size %d, want %d", state.Size(), v.header.Start)
	}
	if err != nil {
		t.fail("%s: the carried state: %v", s.Period, err)
		v.breakOff("the carried state cannot be read")
		return
	}
	v.state = state
	v.list()
	v.loadVersions()
	v.continued(s)
}

// continued compares what the state knows of the statement it belongs to, but
// for its period and its digest, which Apply compares. What the statement was
// computed from is not at hand.
func (v *verifier) continued(s *record.Statement) {
	t := &v.checks[statements]
	standing := v.standing()
	governing := standing.Governing(s.Until - 1)
	if governing == nil {
		t.fail("%s: no version of the agreement in the state governs it", s.Period)
		return
	}
	if want := governing.Terms.Currency; s.Currency != want {
		t.fail("%s: currency: claimed %s, the state has %s", s.Period, s.Currency, want)
	}
	if want := v.state.Carried(); s.CarriedOut != want {
		t.fail("%s: carried_out: claimed %s, the state has %s", s.Period, s.CarriedOut, want)
	}
	// Its terms are those of versions of the state, the governing one among
	// them; it is agreed if all of them are, or were adopted.
	versions := standing.Versions()
	adopted := int64(0)
	for _, version := range versions {
		if version.History == "adopt" {
			adopted = version.Number - 1
		}
	}
	rest, named, agreed := s.Terms, false, true
	for _, version := range versions {
		if len(rest) == 0 || rest[0] != version.Terms.Digest() {
			continue
		}
		rest = rest[1:]
		named = named || version.Number == governing.Number
		agreed = agreed && (version.Agreed || version.Number <= adopted)
	}
	switch {
	case len(rest) > 0:
		t.fail("%s: terms: claimed %s, which is not, or not at this place, the digest of a version in the state", s.Period, rest[0])
	case !named:
		t.fail("%s: terms: not claimed %s, the digest of version %d, which governs it", s.Period, governing.Terms.Digest(), governing.Number)
	case s.Agreed != agreed:
		t.fail("%s: agreed: claimed %v, the state has %v", s.Period, s.Agreed, agreed)
	}
}

// loadVersions compares the versions in the carried state with the agreement
// records that are carried, which show who signed them.
func (v *verifier) loadVersions() {
	versions := v.standing().Versions()
	t := &v.checks[authors]
	for _, version := range versions {
		v.versions++
		ref := v.ref(version.N)
		if ref == nil {
			t.lack("agreement version %d, record %d, is not carried: its signatures are not shown", version.Number, version.N)
			continue
		}
		digest, err := record.ContentDigest(ref)
		body, ok := ref.Body.(*record.Agreement)
		if err != nil || !ok || digest != version.Digest || body.Version != version.Number {
			t.fail("agreement version %d of the state is not the record %d carried", version.Number, version.N)
			continue
		}
		// Who signed was judged when the version was appended; the record that
		// shows it is at hand, so it is judged here too.
		var signed []string
		for _, s := range ref.Sigs {
			pub, ok := v.publicKey(s.Key, versions, ref.Log.Time)
			if !ok {
				t.lack("agreement version %d: key %s, enrolled before %d, is not carried", version.Number, s.Key, v.header.Start)
			} else if err := record.CheckSignature(ref, v.opened.Origin, pub); err != nil {
				t.fail("agreement version %d: %v", version.Number, err)
			} else if id, ok := v.standing().KeyParty(s.Key); ok {
				signed = append(signed, id)
			}
		}
		v.signers = signers{version.Number, signed}
		if want := map[bool]int{false: 1, true: 2}[version.Agreed]; len(ref.Sigs) != want {
			t.fail("agreement version %d has %s, want %d", version.Number, many(int64(len(ref.Sigs)), "signature"), want)
		}
		v.version(version, ref, body)
	}
}

// version looks at one version of the agreement. That its signatures verify
// has been seen to.
func (v *verifier) version(version terms.Version, r *record.Record, body *record.Agreement) {
	t := &v.checks[agreed]
	if body.Origin != v.opened.Origin {
		t.fail("agreement version %d is of ledger %q, the checkpoint of %q", version.Number, body.Origin, v.opened.Origin)
	}
	if !slices.ContainsFunc(v.opened.Logs, func(k merkle.VerifierKey) bool { return k.String() == body.LogKey }) {
		t.fail("agreement version %d names the log key %s, the checkpoint is signed by %s", version.Number, body.LogKey, ids(v.opened.Logs))
	}
	if !version.Agreed {
		v.shadow = fmt.Sprintf("version %d of the agreement is signed by the vendor alone: not agreed", version.Number)
		return
	}
	v.shadow = "" // signed by both, it adopts or excludes what was in shadow before
	// The client's key must be one that the policy knows, or the vendor could
	// have signed for a client of its own making.
	by := v.clientOf(r)
	if name, _, ok := v.witness(by); ok {
		v.client = name
		return
	}
	v.checks[authors].lack("agreement version %d: client key %s is not in the policy", version.Number, cmp.Or(by, "that signed it"))
}

// newVersion looks at the version of the agreement that r brought, if it did.
func (v *verifier) newVersion(r *record.Record, body *record.Agreement) {
	all := v.standing().Versions()
	if len(all) <= v.versions {
		return
	}
	v.versions = len(all)
	v.signers = signers{version: all[len(all)-1].Number}
	for _, s := range r.Sigs {
		if id, ok := v.standing().KeyParty(s.Key); ok {
			v.signers.parties = append(v.signers.parties, id)
		}
	}
	v.version(all[len(all)-1], r, body)
}
