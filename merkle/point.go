package merkle

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
)

// CheckPublicKey returns nil if pub is an Ed25519 public key that can be relied
// on: 32 bytes, in canonical form, a point of the curve, and not of small
// order. Package crypto/ed25519 verifies under keys that are not: of small
// order, where one signature can be made to fit many messages, so that its
// holder can deny what was signed; and in a second form, which would make one
// signer look like two.
func CheckPublicKey(pub ed25519.PublicKey) error {
	if len(pub) != ed25519.PublicKeySize {
		return fmt.Errorf("public key has %d bytes, want %d", len(pub), ed25519.PublicKeySize)
	}
	// The key is y, little end first, with the sign of x in the highest bit.
	yBytes := slices.Clone(pub)
	yBytes[31] &= 0x7f
	switch hex.EncodeToString(yBytes) {
	// The y of the eight points whose order divides 8. Those of order 4, 1 and
	// 2 are 0, 1 and -1, and 0 and 1 can also be written as p and p+1, which
	// with both signs makes fourteen keys.
	case "0000000000000000000000000000000000000000000000000000000000000000",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a":
		return fmt.Errorf("public key %x has small order", []byte(pub))
	}

	p := new(big.Int).Lsh(big.NewInt(1), 255)
	p.Sub(p, big.NewInt(19))
	slices.Reverse(yBytes)
	y := new(big.Int).SetBytes(yBytes)
	if y.Cmp(p) >= 0 {
		return fmt.Errorf("public key %x is not in canonical form", []byte(pub))
	}

	// The curve is -x²+y² = 1+dx²y², with d = -121665/121666, so that x² is
	// (y²-1)/(dy²+1). To see whether that is a square, multiply it by the
	// square of 121666(dy²+1): (y²-1)·121666·(121666-121665y²). It is not zero,
	// since that would be y = 1 or -1, or d a square.
	yy := y.Mul(y, y)
	x := new(big.Int).Sub(yy, big.NewInt(1))
	v := new(big.Int).Mul(yy, big.NewInt(121665))
	v.Sub(big.NewInt(121666), v)
	x.Mul(x, v).Mul(x, big.NewInt(121666))
	if big.Jacobi(x.Mod(x, p), p) != 1 {
		return fmt.Errorf("public key %x is not a point of the curve", []byte(pub))
	}
	return nil
}
