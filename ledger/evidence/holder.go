package evidence

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// A Holder is a key for which evidence is sealed: an Ed25519 key as OpenSSH
// has them, taken as the X25519 key that belongs to it.
type Holder struct {
	fingerprint string
	key         *ecdh.PublicKey
}

// NewHolder takes a public key. Small-order and non-canonical ones are refused.
func NewHolder(pub ed25519.PublicKey) (Holder, error) {
	if err := merkle.CheckPublicKey(pub); err != nil {
		return Holder{}, err
	}
	key, err := ecdh.X25519().NewPublicKey(montgomery(pub))
	if err != nil {
		return Holder{}, err
	}
	return Holder{record.Fingerprint(pub), key}, nil
}

// Fingerprint is the OpenSSH fingerprint of the holder's key.
func (h Holder) Fingerprint() string { return h.fingerprint }

// montgomery is the X25519 key of an Ed25519 key: u = (1+y)/(1-y) modulo
// 2^255-19 (RFC 7748 section 4.1). The key is public, so that nothing is given
// away by the time that this takes. y is not 1: that point has small order.
func montgomery(pub ed25519.PublicKey) []byte {
	one := big.NewInt(1)
	p := new(big.Int).Sub(new(big.Int).Lsh(one, 255), big.NewInt(19))
	le := slices.Clone(pub)
	le[31] &= 0x7f // the sign of x
	slices.Reverse(le)
	y := new(big.Int).SetBytes(le)
	u := new(big.Int).Sub(one, y)
	u.ModInverse(u.Mod(u, p), p)
	u.Mul(u, y.Add(y, one)).Mod(u, p)
	b := u.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

// An Identity is the private half of a holder's key.
type Identity struct {
	Holder
	key *ecdh.PrivateKey
}

// NewIdentity takes a private key. One that is kept by an ssh-agent cannot
// serve: an agent signs and does not open.
func NewIdentity(private ed25519.PrivateKey) (*Identity, error) {
	if len(private) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("private key has %d bytes, want %d", len(private), ed25519.PrivateKeySize)
	}
	h, err := NewHolder(private.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum512(private.Seed()) // RFC 8032 section 5.1.5; X25519 clamps it
	key, err := ecdh.X25519().NewPrivateKey(sum[:32])
	if err != nil {
		return nil, err
	}
	if !key.PublicKey().Equal(h.key) {
		return nil, errors.New("private key does not belong to its public half")
	}
	return &Identity{h, key}, nil
}

// wrapKey is what the file key is wrapped with: HKDF of the shared secret, with
// all that the wrapping is for, so that a slot cannot be carried over to other
// evidence, another ledger or another holder.
func wrapKey(secret, share []byte, holder Holder, origin string, h *Header) ([]byte, error) {
	salt := slices.Concat(share, holder.key.Bytes())
	info := strings.Join([]string{magic + " wrap", origin, h.Kind, h.Record, string(h.Digest), holder.fingerprint}, "\n")
	return hkdf.Key(sha256.New, secret, salt, info, chacha20poly1305.KeySize)
}

// wrap makes the slot of a holder. The wrapping key is used once, with the
// nonce 0.
func wrap(fileKey []byte, holder Holder, origin string, h *Header, random io.Reader) (Slot, error) {
	s := Slot{Holder: holder.fingerprint}
	seed := make([]byte, 32)
	if _, err := io.ReadFull(random, seed); err != nil {
		return s, err
	}
	ephemeral, err := ecdh.X25519().NewPrivateKey(seed)
	if err != nil {
		return s, err
	}
	secret, err := ephemeral.ECDH(holder.key)
	if err != nil {
		return s, fmt.Errorf("key %s: %w", holder.fingerprint, err)
	}
	copy(s.Share[:], ephemeral.PublicKey().Bytes())
	key, err := wrapKey(secret, s.Share[:], holder, origin, h)
	if err != nil {
		return s, err
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return s, err
	}
	copy(s.Wrapped[:], aead.Seal(nil, make([]byte, aead.NonceSize()), fileKey, nil))
	return s, nil
}

// ErrNotHeld is what Open says to a key for which the evidence is not sealed.
var ErrNotHeld = errors.New("is not sealed for this key")

// unwrap returns the file key.
func (h *Header) unwrap(id *Identity, origin string) ([]byte, error) {
	s := h.slot(id.fingerprint)
	if s == nil {
		return nil, fmt.Errorf("evidence %w, %s", ErrNotHeld, id.fingerprint)
	}
	share, err := ecdh.X25519().NewPublicKey(s.Share[:])
	if err != nil {
		return nil, err
	}
	secret, err := id.key.ECDH(share)
	if err != nil {
		return nil, fmt.Errorf("slot of %s: %w", s.Holder, err)
	}
	key, err := wrapKey(secret, s.Share[:], id.Holder, origin, h)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return nil, err
	}
	fileKey, err := aead.Open(nil, make([]byte, aead.NonceSize()), s.Wrapped[:], nil)
	if err != nil {
		return nil, fmt.Errorf("slot of %s does not open: it is changed, or of other evidence", s.Holder)
	}
	return fileKey, nil
}
