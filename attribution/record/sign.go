package record

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/raasledger/raasledger/merkle"
)

// PayloadType is the type that a signature names for what it signs.
const PayloadType = "application/vnd.raasledger.record.v1+json"

// SignedBytes returns what a signature of r signs in the ledger origin: the
// DSSE pre-authentication encoding of origin, a newline and r's content. It is
// for keys that are kept elsewhere, as by ssh-agent; see [AddSignature].
func SignedBytes(r *Record, origin string) ([]byte, error) {
	if origin == "" || originLength(origin) != len(origin) {
		return nil, fmt.Errorf("origin %q: want %s", clip(origin), formOrigin.want())
	}
	content, err := Content(r)
	if err != nil {
		return nil, err
	}
	return signedBytes(origin, content), nil
}

func signedBytes(origin string, content []byte) []byte {
	b := make([]byte, 0, len("DSSEv1   ")+len(PayloadType)+2*20+len(origin)+1+len(content))
	b = append(b, "DSSEv1 "...)
	b = strconv.AppendInt(b, int64(len(PayloadType)), 10)
	b = append(b, ' ')
	b = append(b, PayloadType...)
	b = append(b, ' ')
	b = strconv.AppendInt(b, int64(len(origin)+1+len(content)), 10)
	b = append(b, ' ')
	b = append(b, origin...)
	b = append(b, '\n')
	return append(b, content...)
}

// Sign adds the DSSE signature of key over r's content for the ledger
// origin; a signature by the same key is replaced.
func Sign(r *Record, origin string, key ed25519.PrivateKey) error {
	if len(key) != ed25519.PrivateKeySize {
		return fmt.Errorf("private key has %d bytes, want %d", len(key), ed25519.PrivateKeySize)
	}
	msg, err := SignedBytes(r, origin)
	if err != nil {
		return err
	}
	return AddSignature(r, origin, key.Public().(ed25519.PublicKey), ed25519.Sign(key, msg))
}

// AddSignature adds a signature that pub's key made over [SignedBytes]; a
// signature by the same key is replaced. A signature that does not verify is
// refused.
func AddSignature(r *Record, origin string, pub ed25519.PublicKey, sig []byte) error {
	if err := merkle.CheckPublicKey(pub); err != nil {
		return err
	}
	msg, err := SignedBytes(r, origin)
	if err != nil {
		return err
	}
	s := Signature{Key: Fingerprint(pub)}
	if copy(s.Sig[:], sig) != len(s.Sig) || len(sig) != len(s.Sig) {
		return fmt.Errorf("signature has %d bytes, want %d", len(sig), len(s.Sig))
	}
	if !ed25519.Verify(pub, msg, sig) {
		return fmt.Errorf("signature of %s does not verify", s.Key)
	}
	i := sort.Search(len(r.Sigs), func(i int) bool { return r.Sigs[i].Key >= s.Key })
	sigs := append([]Signature(nil), r.Sigs[:i]...)
	sigs = append(sigs, s)
	if i < len(r.Sigs) && r.Sigs[i].Key == s.Key {
		i++
	}
	sigs = append(sigs, r.Sigs[i:]...)
	if len(sigs) > MaxSignatures {
		return fmt.Errorf("record %s: has %d signatures, at most %d", r.ID, len(sigs), MaxSignatures)
	}
	r.Sigs = sigs
	return nil
}

// CheckSignature verifies the signature in r.Sigs made by pub. It is an error if there is none.
func CheckSignature(r *Record, origin string, pub ed25519.PublicKey) error {
	if err := merkle.CheckPublicKey(pub); err != nil {
		return err
	}
	key := Fingerprint(pub)
	for i := range r.Sigs {
		if r.Sigs[i].Key != key {
			continue
		}
		msg, err := SignedBytes(r, origin)
		if err != nil {
			return err
		}
		if !ed25519.Verify(pub, msg, r.Sigs[i].Sig[:]) {
			return fmt.Errorf("record %s: signature of %s does not verify", r.ID, key)
		}
		return nil
	}
	return fmt.Errorf("record %s: no signature of %s", r.ID, key)
}

// An Ed25519 key of OpenSSH is the key's name and the 32 bytes, each with its
// length in front: so the text of every key begins alike.
const (
	keyPrefix        = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
	keyBytes         = len("ssh-ed25519 ") + 68
	fingerprintBytes = len("SHA256:") + 43
)

func keyLength(s string) int {
	if len(s) < keyBytes || !strings.HasPrefix(s, keyPrefix) || base64Length(s[len("ssh-ed25519 "):], 68) != 68 {
		return -1
	}
	return keyBytes
}

func fingerprintLength(s string) int {
	if len(s) < fingerprintBytes || s[:7] != "SHA256:" || base64Length(s[7:], 43) != 43 {
		return -1
	}
	// The last character carries 4 bits of the 32 bytes and two zero bits.
	if strings.IndexByte("AEIMQUYcgkosw048", s[fingerprintBytes-1]) < 0 {
		return -1
	}
	return fingerprintBytes
}

// nonceLength admits standard base64 with padding.
func nonceLength(s string) int {
	most := base64.StdEncoding.EncodedLen(maxNonceBytes)
	n := base64Length(s, most)
	for n < len(s) && s[n] == '=' && n < most {
		n++
	}
	b, err := strict64.DecodeString(s[:n])
	if err != nil || len(b) < minNonceBytes || len(b) > maxNonceBytes {
		return -1
	}
	return n
}

// ParsePublicKey reads "ssh-ed25519 AAAA..." (no comment, no options) and
// refuses small-order and non-canonical keys.
func ParsePublicKey(text string) (ed25519.PublicKey, error) {
	if len(text) != keyBytes || keyLength(text) < 0 {
		return nil, fmt.Errorf("public key %q: want %s", clip(text), formKey.want())
	}
	blob, err := strict64.DecodeString(text[len("ssh-ed25519 "):])
	if err != nil {
		return nil, fmt.Errorf("public key %q: want %s", clip(text), formKey.want())
	}
	pub := ed25519.PublicKey(blob[len(blob)-ed25519.PublicKeySize:])
	if FormatPublicKey(pub) != text {
		return nil, fmt.Errorf("public key %q: want %s", clip(text), formKey.want())
	}
	if err := merkle.CheckPublicKey(pub); err != nil {
		return nil, fmt.Errorf("public key %q: %w", clip(text), err)
	}
	return pub, nil
}

// FormatPublicKey is the inverse of ParsePublicKey. It returns "" for a key of
// the wrong length.
func FormatPublicKey(pub ed25519.PublicKey) string {
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSuffix(ssh.MarshalAuthorizedKey(key), []byte("\n")))
}

// Fingerprint is the OpenSSH fingerprint "SHA256:..." of pub, or "" for a key
// of the wrong length.
func Fingerprint(pub ed25519.PublicKey) string {
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return ""
	}
	return ssh.FingerprintSHA256(key)
}
