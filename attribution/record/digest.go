package record

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// A Digest is "sha256:" and 64 lower-case hexadecimal digits; "" is absent.
type Digest string

// ParseDigest returns s as a Digest if it is one.
func ParseDigest(s string) (Digest, error) {
	if len(s) != digestBytes || digestLength(s) < 0 {
		return "", fmt.Errorf("digest %q: want %s", clip(s), formDigest.want())
	}
	return Digest(s), nil
}

// Sum returns the digest of b.
func Sum(b []byte) Digest {
	return digestOf(sha256.Sum256(b))
}

func digestOf(sum [sha256.Size]byte) Digest {
	b := make([]byte, 0, digestBytes)
	return Digest(hex.AppendEncode(append(b, "sha256:"...), sum[:]))
}

// Bytes returns the 32 bytes of d, or false if d is not a digest.
func (d Digest) Bytes() (sum [sha256.Size]byte, ok bool) {
	if len(d) != digestBytes || digestLength(string(d)) < 0 {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(d[len("sha256:"):]))
	return sum, err == nil
}
