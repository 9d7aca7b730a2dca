package merkle

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Kind is what a key signs, and the type byte in its verifier key.
type Kind byte

const (
	KindLog         Kind = 0x01 // Ed25519 over the text of a checkpoint
	KindCosignature Kind = 0x04 // Ed25519 over a time and the text: cosignature/v1
)

// String returns "log" or "cosignature".
func (k Kind) String() string {
	switch k {
	case KindLog:
		return "log"
	case KindCosignature:
		return "cosignature"
	}
	return fmt.Sprintf("unknown key type 0x%02x", byte(k))
}

// signature returns what messages call a signature by a key of this kind.
func (k Kind) signature() string {
	if k == KindLog {
		return "log signature"
	}
	return k.String()
}

func (k Kind) check() error {
	switch k {
	case KindLog, KindCosignature:
		return nil
	}
	return fmt.Errorf("key type 0x%02x is not known, want 0x01 (log) or 0x04 (cosignature)", byte(k))
}

// A VerifierKey is a public key with the name it signs under. It is made by
// [NewVerifierKey] and [ParseVerifierKey] only; the zero VerifierKey verifies
// nothing. Two keys are the same if they are equal by ==.
//
// It implements note.Verifier of golang.org/x/mod/sumdb/note, so that notes
// other than checkpoints can be opened there.
type VerifierKey struct {
	name string
	kind Kind
	pub  [ed25519.PublicKeySize]byte
}

// NewVerifierKey returns the verifier key for a public key, which it checks by
// [CheckPublicKey].
func NewVerifierKey(name string, kind Kind, pub ed25519.PublicKey) (VerifierKey, error) {
	if err := checkName("key name", name); err != nil {
		return VerifierKey{}, err
	}
	if err := kind.check(); err != nil {
		return VerifierKey{}, err
	}
	if err := CheckPublicKey(pub); err != nil {
		return VerifierKey{}, err
	}
	return VerifierKey{name, kind, [ed25519.PublicKeySize]byte(pub)}, nil
}

// ParseVerifierKey parses exactly what [VerifierKey.String] writes.
func ParseVerifierKey(text string) (VerifierKey, error) {
	const keyBytes = 1 + ed25519.PublicKeySize
	if most := MaxNameBytes + len("+01234567+") + base64.StdEncoding.EncodedLen(keyBytes); len(text) > most {
		return VerifierKey{}, fmt.Errorf("verifier key has %d bytes, at most %d", len(text), most)
	}
	name, rest, ok1 := strings.Cut(text, "+")
	id, data, ok2 := strings.Cut(rest, "+")
	if !ok1 || !ok2 {
		return VerifierKey{}, fmt.Errorf("verifier key %q is not of the form name+id+key", text)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(data)
	if err != nil {
		return VerifierKey{}, fmt.Errorf("verifier key of %q: key %q is not base64", name, data)
	}
	if len(raw) == 0 {
		return VerifierKey{}, fmt.Errorf("verifier key of %q: key is empty", name)
	}
	key, err := NewVerifierKey(name, Kind(raw[0]), raw[1:])
	if err != nil {
		return VerifierKey{}, fmt.Errorf("verifier key of %q: %w", name, err)
	}
	if want := fmt.Sprintf("%08x", key.KeyHash()); id != want {
		return VerifierKey{}, fmt.Errorf("verifier key of %q: id is %q, want %q", name, id, want)
	}
	if key.String() != text {
		return VerifierKey{}, fmt.Errorf("verifier key of %q is not in canonical form", name)
	}
	return key, nil
}

// String returns the verifier key as text: the name, the key id in 8 hex
// digits, and the type byte with the key in base64, joined by plus signs.
func (k VerifierKey) String() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.KeyHash(), base64.StdEncoding.EncodeToString(k.typed()))
}

// typed returns the type byte and the key.
func (k VerifierKey) typed() []byte {
	return append([]byte{byte(k.kind)}, k.pub[:]...)
}

// Name returns the name that the key signs under.
func (k VerifierKey) Name() string { return k.name }

// Kind returns what the key signs.
func (k VerifierKey) Kind() Kind { return k.kind }

// PublicKey returns the bare public key. Who counts signatures must count
// these, not names: one key under two names is one signer.
func (k VerifierKey) PublicKey() ed25519.PublicKey { return slices.Clone(k.pub[:]) }

// KeyHash returns the key id: the first 4 bytes of SHA-256 over name, line
// end, type byte and key.
func (k VerifierKey) KeyHash() uint32 {
	sum := sha256.Sum256(slices.Concat([]byte(k.name), []byte{'\n'}, k.typed()))
	return binary.BigEndian.Uint32(sum[:])
}

// Verify reports whether sig is this key's signature of the text of a
// checkpoint. For a cosignature, sig begins with the time; that time may be
// in the future.
func (k VerifierKey) Verify(text, sig []byte) bool {
	switch k.kind {
	case KindLog:
		return ed25519.Verify(k.pub[:], text, sig)
	case KindCosignature:
		seconds, ok := cosignatureTime(sig)
		return ok && ed25519.Verify(k.pub[:], cosigned(seconds, text), sig[timeBytes:])
	}
	return false
}

// A Signer signs checkpoints as a log or as a cosigner. It implements
// note.Signer of golang.org/x/mod/sumdb/note too.
type Signer struct {
	verifier VerifierKey
	key      crypto.Signer
	seconds  int64 // of a cosigner
}

// NewLogSigner returns the signer of the log whose origin is name. The key is
// an ed25519.PrivateKey, or stands for one that is kept elsewhere.
func NewLogSigner(name string, key crypto.Signer) (*Signer, error) {
	return newSigner(name, KindLog, key)
}

// NewCosigner returns a signer of cosignatures with the given time, in seconds
// since 1970. The time is part of what is signed, so a signer serves for one
// moment.
func NewCosigner(name string, key crypto.Signer, unixSeconds int64) (*Signer, error) {
	if unixSeconds < 1 {
		return nil, fmt.Errorf("cosignature time is %d, want at least 1", unixSeconds)
	}
	s, err := newSigner(name, KindCosignature, key)
	if err != nil {
		return nil, err
	}
	s.seconds = unixSeconds
	return s, nil
}

func newSigner(name string, kind Kind, key crypto.Signer) (*Signer, error) {
	if key == nil {
		return nil, errors.New("private key is absent")
	}
	if k, ok := key.(ed25519.PrivateKey); ok && len(k) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("private key has %d bytes, want %d", len(k), ed25519.PrivateKeySize)
	}
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("private key is for %T, want ed25519.PublicKey", key.Public())
	}
	verifier, err := NewVerifierKey(name, kind, pub)
	if err != nil {
		return nil, err
	}
	return &Signer{verifier: verifier, key: key}, nil
}

// Name returns the name that the signer signs under.
func (s *Signer) Name() string { return s.verifier.Name() }

// KeyHash returns the key id.
func (s *Signer) KeyHash() uint32 { return s.verifier.KeyHash() }

// VerifierKey returns the key that verifies the signatures.
func (s *Signer) VerifierKey() VerifierKey { return s.verifier }

// Sign signs the text of a checkpoint, which for a log must be one of its own.
// It signs nothing else: the same key may sign other things elsewhere.
func (s *Signer) Sign(text []byte) ([]byte, error) {
	c, err := ParseCheckpoint(string(text))
	if err != nil {
		return nil, err
	}
	if s.verifier.kind == KindLog && c.Origin != s.Name() {
		return nil, fmt.Errorf("log signer %q is to sign a checkpoint of %q", s.Name(), c.Origin)
	}
	msg := text
	var prefix []byte
	if s.verifier.kind == KindCosignature {
		msg = cosigned(s.seconds, text)
		prefix = binary.BigEndian.AppendUint64(nil, uint64(s.seconds))
	}
	sig, err := s.key.Sign(nil, msg, crypto.Hash(0))
	if err != nil {
		return nil, fmt.Errorf("signature of %q: %w", s.Name(), err)
	}
	sig = append(prefix, sig...)
	// The key may be kept by an agent, and a signature that was made wrongly
	// can give the key away. It does not leave here.
	if !s.verifier.Verify(text, sig) {
		return nil, fmt.Errorf("signature made for %q does not verify", s.Name())
	}
	return sig, nil
}

// timeBytes is the length of the time in front of a cosignature.
const timeBytes = 8

// cosignatureTime returns the time of a cosignature of the right length, in
// seconds. Times are 1 to 2^63-1: no time is no cosignature of a checkpoint.
func cosignatureTime(sig []byte) (int64, bool) {
	if len(sig) != timeBytes+ed25519.SignatureSize {
		return 0, false
	}
	seconds := int64(binary.BigEndian.Uint64(sig))
	return seconds, seconds > 0
}

// cosigned returns what a cosignature signs.
func cosigned(seconds int64, text []byte) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text)
}

// checkName accepts key names and origins: those of the signed note
// specification, at most MaxNameBytes long, and without characters that make a
// name look like another one. The noun says which it is.
func checkName(noun, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s is empty", noun)
	case len(name) > MaxNameBytes:
		return fmt.Errorf("%s has %d bytes, at most %d", noun, len(name), MaxNameBytes)
	case !utf8.ValidString(name):
		return fmt.Errorf("%s %q is not UTF-8", noun, name)
	}
	for _, r := range name {
		if r == '+' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Errorf("%s %q has the character %U", noun, name, r)
		}
	}
	return nil
}
