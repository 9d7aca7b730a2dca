package merkle

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"io"
	"math/big"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

var (
	_ note.Verifier = VerifierKey{}
	_ note.Signer   = (*Signer)(nil)
)

// testKey returns the private key with a seed of 32 equal bytes.
func testKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func testPublic(seed byte) ed25519.PublicKey {
	return testKey(seed).Public().(ed25519.PublicKey)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestVerifierKeyAgainstNote compares verifier keys of logs with those of
// golang.org/x/mod/sumdb/note, and signatures both ways.
func TestVerifierKeyAgainstNote(t *testing.T) {
	const name = "vendor.example/log"
	key := must(NewVerifierKey(name, KindLog, testPublic(1)))
	theirs := must(note.NewEd25519VerifierKey(name, testPublic(1)))
	if key.String() != theirs {
		t.Fatalf("verifier key is %s, note has %s", key, theirs)
	}
	v := must(note.NewVerifier(key.String()))
	if v.Name() != key.Name() || v.KeyHash() != key.KeyHash() {
		t.Fatalf("name and id are %s, %08x, note has %s, %08x", key.Name(), key.KeyHash(), v.Name(), v.KeyHash())
	}
	again := must(ParseVerifierKey(key.String()))
	if again != key || again.Kind() != KindLog || !bytes.Equal(again.PublicKey(), testPublic(1)) {
		t.Fatalf("parsed again, the key is %v", again)
	}
	c := Checkpoint{Origin: name, Size: 0, Root: EmptyRoot}
	signed := must(SignCheckpoint(c, must(NewLogSigner(name, testKey(1)))))
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil || n.Text != c.String() || len(n.Sigs) != 1 {
		t.Fatalf("note opens ours as %v, %v", n, err)
	}
	if _, err := note.Open(signed, note.VerifierList(v)); err != nil {
		t.Fatal(err)
	}
	again2 := must(note.Sign(&note.Note{Text: c.String()}, must(NewLogSigner(name, testKey(1)))))
	if !bytes.Equal(again2, signed) {
		t.Fatalf("note signs %q, we %q", again2, signed)
	}
}

func TestKindOfKeyIsPartOfIt(t *testing.T) {
	log := must(NewVerifierKey("a.example", KindLog, testPublic(1)))
	cosigner := must(NewVerifierKey("a.example", KindCosignature, testPublic(1)))
	if log == cosigner || log.KeyHash() == cosigner.KeyHash() {
		t.Error("log and cosigner with one name and key are not told apart")
	}
	text := []byte(Checkpoint{Origin: "a.example", Root: EmptyRoot}.String())
	logSig := must(must(NewLogSigner("a.example", testKey(1))).Sign(text))
	coSig := must(must(NewCosigner("a.example", testKey(1), 5)).Sign(text))
	if !log.Verify(text, logSig) || !cosigner.Verify(text, coSig) {
		t.Error("an honest signature does not verify")
	}
	if log.Verify(text, coSig) || cosigner.Verify(text, logSig) || log.Verify(text, coSig[8:]) {
		t.Error("a signature of one kind verifies as the other")
	}
	if (VerifierKey{}).Verify(text, logSig) || (VerifierKey{}).Verify(text, nil) {
		t.Error("the zero key verifies")
	}
	if got := log.Kind().String() + ", " + cosigner.Kind().String() + ", " + Kind(6).String(); got != "log, cosignature, unknown key type 0x06" {
		t.Errorf("kinds are %s", got)
	}
	pub := log.PublicKey()
	pub[0] ^= 1
	if !bytes.Equal(log.PublicKey(), testPublic(1)) {
		t.Error("a change of the returned public key changes the verifier key")
	}
}

// brokenKey is a crypto.Signer that does not do what it should.
type brokenKey struct {
	public crypto.PublicKey
	sig    []byte
	err    error
}

func (k brokenKey) Public() crypto.PublicKey { return k.public }
func (k brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return k.sig, k.err
}

func TestSignerRefusals(t *testing.T) {
	log := func(name string, key crypto.Signer) error { _, err := NewLogSigner(name, key); return err }
	wantError(t, log("a.example", nil), "private key is absent")
	wantError(t, log("a.example", ed25519.PrivateKey(nil)), "private key has 0 bytes, want 64")
	wantError(t, log("a.example", testKey(1)[:63]), "private key has 63 bytes, want 64")
	wantError(t, log("a b", testKey(1)), `key name "a b" has the character U+0020`)
	wantError(t, log("a.example", must(ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{1}, 32)))), "private key is for *ecdsa.PublicKey, want ed25519.PublicKey")
	small := make(ed25519.PublicKey, 32)
	wantError(t, log("a.example", brokenKey{public: small}), "public key 0000000000000000000000000000000000000000000000000000000000000000 has small order")
	for _, seconds := range []int64{0, -1, -1 << 63} {
		_, err := NewCosigner("a.example", testKey(1), seconds)
		wantError(t, err, "cosignature time is "+big.NewInt(seconds).String()+", want at least 1")
	}
	_, err := NewCosigner("", testKey(1), 1)
	wantError(t, err, "key name is empty")
	_, err = NewVerifierKey("a.example", Kind(2), testPublic(1))
	wantError(t, err, "key type 0x02 is not known, want 0x01 (log) or 0x04 (cosignature)")

	text := []byte(Checkpoint{Origin: "a.example", Root: EmptyRoot}.String())
	sign := func(name string, key crypto.Signer, text []byte) error {
		_, err := must(NewLogSigner(name, key)).Sign(text)
		return err
	}
	agent := errors.New("agent has gone")
	err = sign("a.example", brokenKey{public: testPublic(1), err: agent}, text)
	wantError(t, err, `signature of "a.example": agent has gone`)
	if !errors.Is(err, agent) {
		t.Error("the error of the key is not wrapped")
	}
	wantError(t, sign("a.example", brokenKey{public: testPublic(1), sig: make([]byte, 64)}, text), `signature made for "a.example" does not verify`)
	wantError(t, sign("a.example", brokenKey{public: testPublic(1)}, text), `signature made for "a.example" does not verify`)
	// Public half of another key: signing with it would give the key away.
	mixed := append(slices.Clone(testKey(1)[:32]), testPublic(2)...)
	wantError(t, sign("a.example", mixed, text), `signature made for "a.example" does not verify`)
	wantError(t, sign("b.example", testKey(1), text), `log signer "b.example" is to sign a checkpoint of "a.example"`)
	wantError(t, sign("a.example", testKey(1), []byte("DSSEv1 4 http 2 hi")), "checkpoint does not end with a line end")
}

// The curve once more, in the coordinates of a textbook: to name the points of
// small order without the list that CheckPublicKey holds.

var (
	prime    = must2(new(big.Int).SetString("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed", 16))
	curve    = new(big.Int).Mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), prime)), prime)
	big1     = big.NewInt(1)
	signBits = []byte{0x00, 0x80}
)

func must2[T any](v T, ok bool) T {
	if !ok {
		panic("not ok")
	}
	return v
}

type point struct{ x, y *big.Int }

func (p point) add(q point) point {
	mul := func(f ...*big.Int) *big.Int {
		r := big.NewInt(1)
		for _, v := range f {
			r.Mod(r.Mul(r, v), prime)
		}
		return r
	}
	over := func(n, d *big.Int) *big.Int { return mul(n, new(big.Int).ModInverse(d, prime)) }
	k := mul(curve, p.x, q.x, p.y, q.y)
	mod := func(i *big.Int) *big.Int { return i.Mod(i, prime) }
	return point{
		over(mod(new(big.Int).Add(mul(p.x, q.y), mul(p.y, q.x))), mod(new(big.Int).Add(big1, k))),
		over(mod(new(big.Int).Add(mul(p.y, q.y), mul(p.x, q.x))), mod(new(big.Int).Sub(big1, k))),
	}
}

// decode returns the points of a key: none, or one, which is of the sign asked
// for unless x is 0.
func decode(key []byte) (point, bool) {
	le := slices.Clone(key)
	sign := le[31] >> 7
	le[31] &= 0x7f
	slices.Reverse(le)
	y := new(big.Int).SetBytes(le)
	y.Mod(y, prime)
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, big1)
	v := new(big.Int).Add(new(big.Int).Mul(curve, yy), big1)
	xx := new(big.Int).Mul(u, new(big.Int).ModInverse(v.Mod(v, prime), prime))
	x := new(big.Int).ModSqrt(xx.Mod(xx, prime), prime)
	if x == nil {
		return point{}, false
	}
	if byte(x.Bit(0)) != sign && x.Sign() != 0 {
		x.Sub(prime, x)
	}
	return point{x, y}, true
}

func (p point) smallOrder() bool {
	for range 3 {
		p = p.add(p)
	}
	return p.x.Sign() == 0 && p.y.Cmp(big1) == 0
}

// encodings returns the keys for y, which may be p or more, with both signs.
func encodings(y *big.Int) []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	for _, sign := range signBits {
		le := y.FillBytes(make([]byte, 32))
		slices.Reverse(le)
		le[31] |= sign
		keys = append(keys, le)
	}
	return keys
}

// smallOrderKeys finds the keys of small order: the torsion points are the
// multiples of one of order 8, which is the prime group's order times any
// point that has a part of order 8.
func smallOrderKeys() []ed25519.PublicKey {
	order := must2(new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10))
	var eighth point
	for i := int64(2); ; i++ {
		p, ok := decode(encodings(big.NewInt(i))[0])
		if !ok {
			continue
		}
		eighth = point{big.NewInt(0), big1}
		for bit := order.BitLen() - 1; bit >= 0; bit-- {
			eighth = eighth.add(eighth)
			if order.Bit(bit) == 1 {
				eighth = eighth.add(p)
			}
		}
		two := eighth.add(eighth)
		if four := two.add(two); four.x.Sign() != 0 || four.y.Cmp(big1) != 0 {
			break // order 8: four times it is not yet neutral
		}
	}
	keys := map[string]bool{}
	for p, i := eighth, 0; i < 8; p, i = p.add(eighth), i+1 {
		for y := p.y; y.BitLen() <= 255; y = new(big.Int).Add(y, prime) {
			for _, k := range encodings(y) {
				keys[string(k)] = true
			}
		}
	}
	var list []ed25519.PublicKey
	for k := range keys {
		list = append(list, ed25519.PublicKey(k))
	}
	slices.SortFunc(list, func(a, b ed25519.PublicKey) int { return bytes.Compare(a, b) })
	return list
}

func TestSmallOrderKeys(t *testing.T) {
	keys := smallOrderKeys()
	if len(keys) != 14 {
		t.Fatalf("found %d keys of small order, want 14", len(keys))
	}
	for _, k := range keys {
		if p, ok := decode(k); !ok || !p.smallOrder() {
			t.Fatalf("%x is not of small order", []byte(k))
		}
		wantError(t, CheckPublicKey(k), "public key "+hexOf(k)+" has small order")
	}
}

func hexOf(k []byte) string { return new(big.Int).SetBytes(append([]byte{1}, k...)).Text(16)[1:] }

func TestNonCanonicalKeys(t *testing.T) {
	// From p+2 to 2^255-1: all second forms that are not of small order.
	for i := int64(2); i < 19; i++ {
		for _, k := range encodings(new(big.Int).Add(prime, big.NewInt(i))) {
			wantError(t, CheckPublicKey(k), "public key "+hexOf(k)+" is not in canonical form")
		}
	}
	for _, n := range []int{0, 31, 33, 64} {
		wantError(t, CheckPublicKey(make([]byte, n)), "public key has "+big.NewInt(int64(n)).String()+" bytes, want 32")
	}
}

// TestCheckPublicKey compares with the curve above on small, large and random
// y, half of which are no points, and on keys that were generated.
func TestCheckPublicKey(t *testing.T) {
	small := smallOrderKeys()
	check := func(k ed25519.PublicKey) {
		t.Helper()
		_, onCurve := decode(k)
		isSmall := slices.ContainsFunc(small, func(s ed25519.PublicKey) bool { return s.Equal(k) })
		err := CheckPublicKey(k)
		if (err == nil) != (onCurve && !isSmall) {
			t.Fatalf("CheckPublicKey(%x) is %v, on the curve %v, of small order %v", []byte(k), err, onCurve, isSmall)
		}
		if !onCurve {
			wantError(t, err, "public key "+hexOf(k)+" is not a point of the curve")
		}
	}
	for i := range int64(200) {
		for _, k := range encodings(big.NewInt(i)) {
			check(k)
		}
		for _, k := range encodings(new(big.Int).Sub(prime, big.NewInt(i+1))) {
			check(k)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed")
		if err := CheckPublicKey(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)); err != nil {
			t.Fatal(err)
		}
		seed[31] &= 0xbf // below p
		check(seed)
	})
}
