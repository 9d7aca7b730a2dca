package verify

import (
	"crypto/ed25519"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// standing is what the records read so far establish, nil where it is not known.
func (v *verifier) standing() *terms.Standing {
	if v.matter != nil {
		return v.matter.standing
	}
	if v.state == nil {
		return nil
	}
	return v.state.Standing()
}

// roleOf is the role of the party whose key this is, "" if it is nobody's.
func (v *verifier) roleOf(fingerprint string) string {
	standing := v.standing()
	if standing == nil {
		return ""
	}
	id, ok := standing.KeyParty(fingerprint)
	if !ok {
		return ""
	}
	if p := standing.Latest().Terms.Party(id); p != nil {
		return p.Role
	}
	return ""
}

// clientOf is the fingerprint of the client's key among the signatures of an
// agreement, "" if there is none.
func (v *verifier) clientOf(r *record.Record) string {
	for _, s := range r.Sigs {
		if v.roleOf(s.Key) == record.RoleClient {
			return s.Key
		}
	}
	return ""
}

// publicKey finds the key with the fingerprint in the policy, in the terms of
// any version, and among those of the state that were in force at an instant.
func (v *verifier) publicKey(fingerprint string, versions []terms.Version, at record.Time) (ed25519.PublicKey, bool) {
	if _, pub, ok := v.witness(fingerprint); ok {
		return pub, true
	}
	if party, ok := v.standing().KeyParty(fingerprint); ok {
		for _, pub := range v.standing().KeysInForce(party, at) {
			if record.Fingerprint(pub) == fingerprint {
				return pub, true
			}
		}
	}
	for _, version := range versions {
		for _, p := range version.Terms.Parties {
			for _, text := range p.Keys {
				if pub, err := record.ParsePublicKey(text); err == nil && record.Fingerprint(pub) == fingerprint {
					return pub, true
				}
			}
		}
	}
	return nil, false
}

// witness finds the key with the fingerprint among the policy's witnesses, and
// the name it has there.
func (v *verifier) witness(fingerprint string) (name string, pub ed25519.PublicKey, ok bool) {
	for _, k := range v.o.Policy.Witnesses() {
		if pub := k.PublicKey(); record.Fingerprint(pub) == fingerprint {
			return v.o.Policy.WitnessName(k), pub, true
		}
	}
	return "", nil, false
}
