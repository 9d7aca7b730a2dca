package merkle

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The vectors in testdata/merkle are for this package and for whoever writes
// another one: a folder for each subject, a file for each honest case and each
// damage, with the error it must give. The error is exactly what this package
// says, empty for an honest case; another implementation need only refuse.
// The files are made by this test with -update, from the tables below.

var update = flag.Bool("update", false, "write testdata/merkle")

const vectorFolder = "../testdata/merkle"

type inclusionVector struct {
	Size  int64    `json:"size"`
	Root  string   `json:"root"`
	Index int64    `json:"index"`
	Leaf  string   `json:"leaf"`
	Proof []string `json:"proof"`
	Error string   `json:"error"`
}

type consistencyVector struct {
	Size1 int64    `json:"size1"`
	Root1 string   `json:"root1"`
	Size2 int64    `json:"size2"`
	Root2 string   `json:"root2"`
	Proof []string `json:"proof"`
	Error string   `json:"error"`
}

// A textVector is a checkpoint, a verifier key or a note.
type textVector struct {
	text string // of Text or Base64

	Text       string   `json:"text,omitempty"`
	Base64     string   `json:"base64,omitempty"`     // where the text is not UTF-8
	Keys       []string `json:"keys,omitempty"`       // to open a note with
	Signatures []string `json:"signatures,omitempty"` // verified, as kind, key and time
	Unverified []string `json:"unverified,omitempty"` // lines
	Error      string   `json:"error"`
}

func hashTexts(hashes []Hash) []string {
	texts := []string{}
	for _, h := range hashes {
		texts = append(texts, h.String())
	}
	return texts
}

func parseHashes(t testing.TB, texts []string) []Hash {
	t.Helper()
	var hashes []Hash
	for _, text := range texts {
		hashes = append(hashes, parseHash(t, text))
	}
	return hashes
}

func parseHash(t testing.TB, text string) Hash {
	t.Helper()
	h, err := ParseHash(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// readVectors reads a folder of vectors, by name of the file without ".json".
func readVectors[V any](t testing.TB, folder string) map[string]V {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectorFolder, folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	vectors := map[string]V{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		var v V
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		vectors[strings.TrimSuffix(filepath.Base(file), ".json")] = v
	}
	if len(vectors) == 0 {
		t.Fatalf("%s/%s holds no vectors", vectorFolder, folder)
	}
	return vectors
}

// textVectors reads a folder of text vectors.
func textVectors(t testing.TB, folder string) map[string]textVector {
	t.Helper()
	vectors := readVectors[textVector](t, folder)
	for name, v := range vectors {
		v.text = v.Text
		if v.Base64 != "" {
			raw, err := base64.StdEncoding.DecodeString(v.Base64)
			if err != nil {
				t.Fatalf("%s/%s: %v", folder, name, err)
			}
			v.text = string(raw)
		}
		vectors[name] = v
	}
	return vectors
}

// same compares the folder with the table it was made from, or makes it.
func same[V any](t *testing.T, folder string, table map[string]V) {
	t.Helper()
	dir := filepath.Join(vectorFolder, folder)
	if *update {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		for name, v := range table {
			if err := os.WriteFile(filepath.Join(dir, name+".json"), marshalVector(t, v), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, v := range table {
		data, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(data, marshalVector(t, v)) {
			t.Errorf("%s/%s.json differs from the table: run the test with -update and read the diff", folder, name)
		}
	}
	if got := len(readVectors[V](t, folder)); got != len(table) {
		t.Errorf("%s holds %d vectors, the table %d", folder, got, len(table))
	}
}

func marshalVector(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantVectorError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil {
		t.Errorf("refused: %v", err)
	}
	if want != "" {
		wantError(t, err, want)
	}
}

func TestInclusionVectors(t *testing.T) {
	ref := newReference(8)
	tree := ref.tree()
	honest := func(size, index int64) inclusionVector {
		return inclusionVector{
			Size: size, Root: must(tree.RootAt(size)).String(),
			Index: index, Leaf: must(tree.Subtree(0, index)).String(),
			Proof: hashTexts(must(ProveInclusion(size, index, tree))),
		}
	}
	damaged := func(size, index int64, want string, damage func(*inclusionVector)) inclusionVector {
		v := honest(size, index)
		damage(&v)
		v.Error = want
		return v
	}
	root7 := must(tree.RootAt(7)).String()
	gives := func(size, index int64, leaf Hash, proof []Hash) string {
		return fmt.Sprintf("inclusion proof for index %d in size %d gives root %v, want %s", index, size, foldPath(proof, size, 0, index, leaf), root7)
	}
	p := must(ProveInclusion(7, 5, tree))
	leaf := must(tree.Subtree(0, 5))
	flipped := slices.Clone(p)
	flipped[1][31] ^= 1
	exchanged := []Hash{p[1], p[0], p[2]}
	same(t, "inclusion", map[string]inclusionVector{
		"honest-only-leaf":   honest(1, 0),
		"honest-full-tree":   honest(8, 3),
		"honest-first":       honest(7, 0),
		"honest-both-sides":  honest(7, 5),
		"honest-last-border": honest(7, 6),
		"dropped-hash": damaged(7, 5, "inclusion proof has 2 hashes, want 3 for index 5 in size 7", func(v *inclusionVector) {
			v.Proof = v.Proof[:2]
		}),
		"added-hash": damaged(7, 5, "inclusion proof has 4 hashes, want 3 for index 5 in size 7", func(v *inclusionVector) {
			v.Proof = append(v.Proof, v.Proof[2])
		}),
		"added-hash-to-only-leaf": damaged(1, 0, "inclusion proof has 1 hashes, want 0 for index 0 in size 1", func(v *inclusionVector) {
			v.Proof = []string{v.Root}
		}),
		"empty-proof": damaged(7, 5, "inclusion proof has 0 hashes, want 3 for index 5 in size 7", func(v *inclusionVector) {
			v.Proof = []string{}
		}),
		"flipped-bit": damaged(7, 5, gives(7, 5, leaf, flipped), func(v *inclusionVector) {
			v.Proof = hashTexts(flipped)
		}),
		"exchanged-hashes": damaged(7, 5, gives(7, 5, leaf, exchanged), func(v *inclusionVector) {
			v.Proof = hashTexts(exchanged)
		}),
		"other-leaf": damaged(7, 5, gives(7, 5, must(tree.Subtree(0, 4)), p), func(v *inclusionVector) {
			v.Leaf = must(tree.Subtree(0, 4)).String()
		}),
		"other-index": damaged(7, 5, gives(7, 4, leaf, p), func(v *inclusionVector) { v.Index = 4 }),
		"index-of-other-length": damaged(7, 5, "inclusion proof has 3 hashes, want 2 for index 6 in size 7", func(v *inclusionVector) {
			v.Index = 6
		}),
		"size-of-other-length": damaged(7, 5, "inclusion proof has 3 hashes, want 2 for index 5 in size 6", func(v *inclusionVector) {
			v.Size = 6
		}),
		"root-of-other-size": damaged(8, 5, gives(8, 5, leaf, must(ProveInclusion(8, 5, tree))), func(v *inclusionVector) {
			v.Root = root7
		}),
		"node-as-leaf": damaged(4, 0, "inclusion proof has 1 hashes, want 2 for index 0 in size 4", func(v *inclusionVector) {
			v.Leaf, v.Proof = must(tree.Subtree(1, 0)).String(), v.Proof[1:]
		}),
		"index-is-size":      damaged(7, 5, "index 7 is outside size 7", func(v *inclusionVector) { v.Index = 7 }),
		"index-negative":     damaged(7, 5, "index -1 is outside size 7", func(v *inclusionVector) { v.Index = -1 }),
		"index-beyond-32bit": damaged(7, 5, "index 4294967301 is outside size 7", func(v *inclusionVector) { v.Index = 1<<32 + 5 }),
		"size-zero": damaged(1, 0, "index 0 is outside size 0", func(v *inclusionVector) {
			v.Size, v.Root = 0, EmptyRoot.String()
		}),
		"size-negative": damaged(7, 5, "size -7 is outside 0 to 9007199254740991", func(v *inclusionVector) { v.Size = -7 }),
		"size-too-large": damaged(7, 5, "size 9007199254740992 is outside 0 to 9007199254740991", func(v *inclusionVector) {
			v.Size = MaxSize + 1
		}),
	})
	for name, v := range readVectors[inclusionVector](t, "inclusion") {
		t.Run(name, func(t *testing.T) {
			err := CheckInclusion(parseHashes(t, v.Proof), v.Size, parseHash(t, v.Root), v.Index, parseHash(t, v.Leaf))
			wantVectorError(t, err, v.Error)
		})
	}
}

func TestConsistencyVectors(t *testing.T) {
	ref := newReference(8)
	tree := ref.tree()
	other := newReference(8)
	other.records[1] = "rewritten"
	rewritten := other.tree()
	honest := func(size1, size2 int64) consistencyVector {
		return consistencyVector{
			Size1: size1, Root1: must(tree.RootAt(size1)).String(),
			Size2: size2, Root2: must(tree.RootAt(size2)).String(),
			Proof: hashTexts(must(ProveConsistency(size1, size2, tree))),
		}
	}
	damaged := func(size1, size2 int64, want string, damage func(*consistencyVector)) consistencyVector {
		v := honest(size1, size2)
		damage(&v)
		v.Error = want
		return v
	}
	root := func(size int64) Hash { return must(tree.RootAt(size)) }
	gives := func(size1, size2, at int64, got, want Hash) string {
		return fmt.Sprintf("consistency proof from size %d to %d gives root %v at size %d, want %v", size1, size2, got, at, want)
	}
	flip := func(h Hash) Hash { h[0] ^= 1; return h }
	p := must(ProveConsistency(3, 7, tree)) // leaf 2, leaf 3, leaves 0-1, leaves 4-6
	r := must(ProveConsistency(3, 7, rewritten))
	same(t, "consistency", map[string]consistencyVector{
		"honest-one-to-two":     honest(1, 2),
		"honest-inside":         honest(3, 7),
		"honest-power-of-two":   honest(4, 7),
		"honest-to-full-tree":   honest(6, 8),
		"honest-upper-level":    honest(6, 7),
		"honest-equal-sizes":    honest(7, 7),
		"honest-one-to-one":     honest(1, 1),
		"honest-full-to-itself": honest(8, 8),
		"dropped-hash": damaged(3, 7, "consistency proof has 3 hashes, want 4 from size 3 to 7", func(v *consistencyVector) {
			v.Proof = v.Proof[:3]
		}),
		"added-hash": damaged(3, 7, "consistency proof has 5 hashes, want 4 from size 3 to 7", func(v *consistencyVector) {
			v.Proof = append(v.Proof, v.Proof[0])
		}),
		"empty-proof": damaged(4, 7, "consistency proof has 0 hashes, want 1 from size 4 to 7", func(v *consistencyVector) {
			v.Proof = []string{}
		}),
		"first-root-in-proof": damaged(4, 7, "consistency proof has 2 hashes, want 1 from size 4 to 7", func(v *consistencyVector) {
			v.Proof = slices.Insert(v.Proof, 0, v.Root1)
		}),
		"flipped-bit-of-both": damaged(3, 7, gives(3, 7, 3, NodeHash(flip(p[2]), p[0]), root(3)), func(v *consistencyVector) {
			v.Proof[2] = flip(p[2]).String()
		}),
		"flipped-bit-of-second": damaged(3, 7, gives(3, 7, 7, NodeHash(NodeHash(p[2], NodeHash(p[0], p[1])), flip(p[3])), root(7)), func(v *consistencyVector) {
			v.Proof[3] = flip(p[3]).String()
		}),
		"other-first-root": damaged(3, 7, gives(3, 7, 3, root(3), flip(root(3))), func(v *consistencyVector) {
			v.Root1 = flip(root(3)).String()
		}),
		"other-first-root-of-power-of-two": damaged(4, 7, gives(4, 7, 7, NodeHash(flip(root(4)), parseHash(t, honest(4, 7).Proof[0])), root(7)), func(v *consistencyVector) {
			v.Root1 = flip(root(4)).String()
		}),
		"other-second-root": damaged(3, 7, gives(3, 7, 7, root(7), flip(root(7))), func(v *consistencyVector) {
			v.Root2 = flip(root(7)).String()
		}),
		"rewritten-history": damaged(3, 7, gives(3, 7, 3, must(rewritten.RootAt(3)), root(3)), func(v *consistencyVector) {
			v.Root2, v.Proof = must(rewritten.RootAt(7)).String(), hashTexts(r)
		}),
		"rewritten-at-equal-sizes": damaged(7, 7, fmt.Sprintf("roots at size 7 differ: %v and %v", root(7), must(rewritten.RootAt(7))), func(v *consistencyVector) {
			v.Root2 = must(rewritten.RootAt(7)).String()
		}),
		"hash-at-equal-sizes": damaged(7, 7, "consistency proof has 1 hashes, want 0 from size 7 to 7", func(v *consistencyVector) {
			v.Proof = []string{v.Root1}
		}),
		"from-size-zero": damaged(1, 7, "consistency from size 0 proves nothing", func(v *consistencyVector) {
			v.Size1, v.Root1, v.Proof = 0, EmptyRoot.String(), []string{}
		}),
		"from-size-zero-to-zero": damaged(1, 1, "consistency from size 0 proves nothing", func(v *consistencyVector) {
			v.Size1, v.Root1, v.Size2, v.Root2, v.Proof = 0, EmptyRoot.String(), 0, EmptyRoot.String(), []string{}
		}),
		"to-smaller": damaged(3, 7, "consistency from size 7 to 3, a smaller one", func(v *consistencyVector) {
			v.Size1, v.Root1, v.Size2, v.Root2 = v.Size2, v.Root2, v.Size1, v.Root1
		}),
		"size1-negative": damaged(3, 7, "size -3 is outside 0 to 9007199254740991", func(v *consistencyVector) { v.Size1 = -3 }),
		"size2-too-large": damaged(3, 7, "size 9007199254740992 is outside 0 to 9007199254740991", func(v *consistencyVector) {
			v.Size2 = MaxSize + 1
		}),
		"size1-of-other-length": damaged(3, 7, "consistency proof has 4 hashes, want 1 from size 4 to 7", func(v *consistencyVector) { v.Size1 = 4 }),
	})
	for name, v := range readVectors[consistencyVector](t, "consistency") {
		t.Run(name, func(t *testing.T) {
			err := CheckConsistency(parseHashes(t, v.Proof), v.Size1, parseHash(t, v.Root1), v.Size2, parseHash(t, v.Root2))
			wantVectorError(t, err, v.Error)
		})
	}
}

func TestCheckpointVectors(t *testing.T) {
	honest := exampleCheckpoint()
	root := honest.Root.String()
	text := func(origin, size, root string) string { return origin + "\n" + size + "\n" + root + "\n" }
	with := func(text, want string) textVector { return textVector{Text: text, Error: want} }
	number := func(size string) textVector {
		return with(text(exampleOrigin, size, root), fmt.Sprintf("checkpoint size %q is not a number in plain decimal", size))
	}
	long := strings.Repeat("o", 256)
	same(t, "checkpoint", map[string]textVector{
		"honest":                with(honest.String(), ""),
		"honest-empty":          with(text(exampleOrigin, "0", EmptyRoot.String()), ""),
		"honest-largest":        with(text(long[1:], "9007199254740991", root), ""),
		"honest-not-ascii":      with(text("größe.example/日本", "3", root), ""),
		"nothing":               with("", "checkpoint does not end with a line end"),
		"no-line-end":           with(strings.TrimSuffix(honest.String(), "\n"), "checkpoint does not end with a line end"),
		"carriage-returns":      with(strings.ReplaceAll(honest.String(), "\n", "\r\n"), `checkpoint size "3\r" is not a number in plain decimal`),
		"extension-line":        with(honest.String()+"extension\n", "checkpoint has 4 lines, want 3"),
		"blank-line-at-end":     with(honest.String()+"\n", "checkpoint has 4 lines, want 3"),
		"blank-line-at-start":   with("\n"+honest.String(), "checkpoint has 4 lines, want 3"),
		"no-root":               with(exampleOrigin+"\n3\n", "checkpoint has 2 lines, want 3"),
		"too-long":              with(honest.String()+strings.Repeat("x\n", 200), fmt.Sprintf("checkpoint has %d bytes, at most 318", len(honest.String())+400)),
		"size-leading-zero":     number("03"),
		"size-plus":             number("+3"),
		"size-minus-zero":       number("-0"),
		"size-empty":            number(""),
		"size-hex":              number("0x3"),
		"size-underscore":       number("1_000"),
		"size-exponent":         number("3e0"),
		"size-space":            number(" 3"),
		"size-arabic-digit":     number("٣"),
		"size-beyond-64bit":     number("18446744073709551619"),
		"size-negative":         with(text(exampleOrigin, "-3", root), "checkpoint size -3 is outside 0 to 9007199254740991"),
		"size-too-large":        with(text(exampleOrigin, "9007199254740992", root), "checkpoint size 9007199254740992 is outside 0 to 9007199254740991"),
		"root-empty":            with(text(exampleOrigin, "3", ""), "checkpoint root: hash has 0 characters, want 44"),
		"root-31-bytes":         with(text(exampleOrigin, "3", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA=="), `checkpoint root: hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuA==" has 31 bytes, want 32`),
		"root-33-bytes":         with(text(exampleOrigin, "3", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUU"), `checkpoint root: hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFUU" has 33 bytes, want 32`),
		"root-hex":              with(text(exampleOrigin, "3", strings.Repeat("a", 64)), "checkpoint root: hash has 64 characters, want 44"),
		"root-url-base64":       with(text(exampleOrigin, "3", strings.NewReplacer("+", "-", "/", "_").Replace(EmptyRoot.String())), `checkpoint root: hash "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=" is not base64`),
		"root-no-padding":       with(text(exampleOrigin, "3", strings.TrimSuffix(root, "=")), "checkpoint root: hash has 43 characters, want 44"),
		"root-trailing-bits":    with(text(exampleOrigin, "3", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV="), `checkpoint root: hash "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=" is not base64`),
		"root-trailing-space":   with(text(exampleOrigin, "3", root+" "), "checkpoint root: hash has 45 characters, want 44"),
		"root-of-empty-tree":    with(text(exampleOrigin, "0", root), fmt.Sprintf("checkpoint root at size 0 is %s, want %v", root, EmptyRoot)),
		"origin-empty":          with(text("", "3", root), "checkpoint origin is empty"),
		"origin-too-long":       with(text(long, "3", root), "checkpoint origin has 256 bytes, at most 255"),
		"origin-space":          with(text("vendor.example contract", "3", root), `checkpoint origin "vendor.example contract" has the character U+0020`),
		"origin-no-break-space": with(text("vendor.example\u00a0contract", "3", root), `checkpoint origin "vendor.example\u00a0contract" has the character U+00A0`),
		"origin-plus":           with(text("vendor.example+contract", "3", root), `checkpoint origin "vendor.example+contract" has the character U+002B`),
		"origin-tab":            with(text("vendor.example\tcontract", "3", root), `checkpoint origin "vendor.example\tcontract" has the character U+0009`),
		"origin-nul":            with(text("vendor.example\x00", "3", root), `checkpoint origin "vendor.example\x00" has the character U+0000`),
		"origin-delete":         with(text("vendor.example\x7f", "3", root), `checkpoint origin "vendor.example\x7f" has the character U+007F`),
		"origin-right-to-left":  with(text("vendor.\u202eelpmaxe", "3", root), `checkpoint origin "vendor.\u202eelpmaxe" has the character U+202E`),
		"origin-not-utf8": {
			Base64: base64.StdEncoding.EncodeToString([]byte(text("vendor.\xff", "3", root))),
			Error:  `checkpoint origin "vendor.\xff" is not UTF-8`,
		},
	})
	for name, v := range textVectors(t, "checkpoint") {
		t.Run(name, func(t *testing.T) {
			c, err := ParseCheckpoint(v.text)
			wantVectorError(t, err, v.Error)
			if err == nil && c.String() != v.text {
				t.Errorf("written as %q", c)
			}
		})
	}
}

func TestKeyVectors(t *testing.T) {
	with := func(text, want string) textVector { return textVector{Text: text, Error: want} }
	// typed writes a verifier key of any type byte and bytes, with the right id.
	typed := func(name string, kind byte, key []byte) string {
		raw := append([]byte{kind}, key...)
		id := sum(name + "\n" + string(raw))[:4]
		return fmt.Sprintf("%s+%x+%s", name, id, base64.StdEncoding.EncodeToString(raw))
	}
	const name = "a.example"
	of := `verifier key of "a.example": `
	pub := testPublic(1)
	log := typed(name, 1, pub)
	unknown := func(kind byte, key []byte) textVector {
		return with(typed(name, kind, key), fmt.Sprintf(of+"key type 0x%02x is not known, want 0x01 (log) or 0x04 (cosignature)", kind))
	}
	data := base64.StdEncoding.EncodeToString(append([]byte{1}, pub...))
	wrongID := fmt.Sprintf("%s+%08x+%s", name, must(ParseVerifierKey(log)).KeyHash()^1, data)
	right := fmt.Sprintf("%08x", must(ParseVerifierKey(log)).KeyHash())
	otherID := func(id string) textVector {
		return with(name+"+"+id+"+"+data, fmt.Sprintf(of+"id is %q, want %q", id, right))
	}
	long := strings.Repeat("n", 256)
	table := map[string]textVector{
		"honest-log":         with(log, ""),
		"honest-cosignature": with(typed(name, 4, pub), ""),
		"honest-longest":     with(typed(long[1:], 1, pub), ""),
		"name-too-long":      with(typed(long, 1, pub), "verifier key has 310 bytes, at most 309"),
		"nothing":            with("", `verifier key "" is not of the form name+id+key`),
		"one-plus":           with("a.example+"+right, `verifier key "a.example+`+right+`" is not of the form name+id+key`),
		"three-pluses":       with("a.example++"+right+"+"+data, fmt.Sprintf(of+"key %q is not base64", right+"+"+data)),
		"line-end":           with(log+"\n", `verifier key of "a.example" is not in canonical form`),
		"line-end-in-key":    with(strings.Replace(log, data, data[:8]+"\n"+data[8:], 1), `verifier key of "a.example" is not in canonical form`),
		"name-empty":         with(typed("", 1, pub), `verifier key of "": key name is empty`),
		"name-space":         with(typed("a b", 1, pub), `verifier key of "a b": key name "a b" has the character U+0020`),
		"id-of-other-name":   with(strings.Replace(log, name, "b.example", 1), fmt.Sprintf(`verifier key of "b.example": id is %q, want "%x"`, right, sum("b.example\n\x01" + string(pub))[:4])),
		"id-wrong":           with(wrongID, fmt.Sprintf(of+`id is "%08x", want %q`, must(ParseVerifierKey(log)).KeyHash()^1, right)),
		"id-upper-case":      otherID(strings.ToUpper(right)),
		"id-short":           otherID(right[:7]),
		"id-long":            otherID("0" + right),
		"id-empty":           otherID(""),
		"key-empty":          with(name+"+"+right+"+", of+"key is empty"),
		"key-no-padding":     with(typed(name, 1, pub)[:len(log)-1]+"!", fmt.Sprintf(of+"key %q is not base64", data[:len(data)-1]+"!")),
		"key-31-bytes":       with(typed(name, 1, pub[:31]), of+"public key has 31 bytes, want 32"),
		"key-33-bytes":       with(typed(name, 1, append(slices.Clone(pub), 0)), of+"public key has 33 bytes, want 32"),
		"type-alone":         with(typed(name, 1, nil), of+"public key has 0 bytes, want 32"),
		"type-00":            unknown(0, pub),
		"type-02-ecdsa":      unknown(2, pub),
		"type-05-rfc6962":    unknown(5, pub),
		"type-06-ml-dsa":     unknown(6, pub),
		"type-ff":            unknown(0xff, pub),
		"no-point":           with(typed(name, 1, append([]byte{2}, make([]byte, 31)...)), of+"public key 0200000000000000000000000000000000000000000000000000000000000000 is not a point of the curve"),
	}
	for _, k := range smallOrderKeys() {
		table["small-order-"+hexOf(k)] = with(typed(name, 4, k), of+"public key "+hexOf(k)+" has small order")
	}
	second := bytes.Repeat([]byte{0xff}, 32) // 2^255-1 with the sign: y = 18
	table["second-form"] = with(typed(name, 1, second), of+"public key "+hexOf(second)+" is not in canonical form")
	same(t, "key", table)
	for name, v := range textVectors(t, "key") {
		t.Run(name, func(t *testing.T) {
			k, err := ParseVerifierKey(v.text)
			wantVectorError(t, err, v.Error)
			if err == nil && k.String() != v.text {
				t.Errorf("written as %q", k)
			}
		})
	}
}

func TestNoteVectors(t *testing.T) {
	c := exampleCheckpoint()
	text := c.String()
	signed, cosigned := string(exampleSigned()), string(must(Cosign(exampleSigned(), exampleClient, testKey(2), exampleTime)))
	n := must(ParseNote([]byte(cosigned)))
	logLine, clientLine := n.Lines[0].String()+"\n", n.Lines[1].String()+"\n"
	witness := must(Cosign(exampleSigned(), exampleWitness, testKey(3), exampleTime+60))
	witnessLine := must(ParseNote(witness)).Lines[1].String() + "\n"
	head := text + "\n"
	logID, clientID := exampleOrigin+"+"+id(logKey()), exampleClient+"+"+id(clientKey())

	keys := []string{logKey().String(), clientKey().String()}
	with := func(note, want string) textVector { return textVector{Text: note, Keys: keys, Error: want} }
	opens := func(note string, signatures, unverified []string) textVector {
		return textVector{Text: note, Keys: keys, Signatures: signatures, Unverified: unverified}
	}
	withKeys := func(note, want string, keys ...VerifierKey) textVector {
		v := textVector{Text: note, Error: want}
		for _, k := range keys {
			v.Keys = append(v.Keys, k.String())
		}
		return v
	}
	byLog := "log " + logID
	byClient := fmt.Sprintf("cosignature %s %d", clientID, exampleTime)

	// line writes a signature line of any bytes.
	line := func(k VerifierKey, sig []byte) string {
		return Line{k.Name(), k.KeyHash(), sig}.String() + "\n"
	}
	at := func(seconds uint64) string {
		sig := ed25519.Sign(testKey(2), fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text))
		return line(clientKey(), append(binary.BigEndian.AppendUint64(nil, seconds), sig...))
	}
	sig := func(line string) []byte { return must(parseLine(strings.TrimSuffix(line, "\n"))).Signature }
	flip := func(sig []byte, i int) []byte { sig = slices.Clone(sig); sig[i] ^= 1; return sig }
	changed := func(old, new string) string { return strings.Replace(cosigned, old, new, 1) }
	failed := "log signature by " + logID + " does not verify"
	coFailed := "cosignature by " + clientID + " does not verify"
	none := fmt.Sprintf("checkpoint of %q has no signature by a known log key", exampleOrigin)

	otherOrigin := must(NewVerifierKey("other.example", KindLog, testPublic(5)))
	twoNames := must(NewVerifierKey("second.example", KindCosignature, testPublic(2)))
	bothKinds := must(NewVerifierKey(exampleOrigin, KindCosignature, testPublic(1)))
	extended := text + "extension\n"

	same(t, "note", map[string]textVector{
		"honest-log":                opens(signed, []string{byLog}, nil),
		"honest-cosigned":           opens(cosigned, []string{byLog, byClient}, nil),
		"honest-cosignature-first":  opens(head+clientLine+logLine, []string{byClient, byLog}, nil),
		"honest-unknown-key":        opens(cosigned+witnessLine, []string{byLog, byClient}, []string{strings.TrimSuffix(witnessLine, "\n")}),
		"honest-long-unknown-line":  opens(signed+line(witnessKey(), make([]byte, 2428)), []string{byLog}, []string{Line{exampleWitness, witnessKey().KeyHash(), make([]byte, 2428)}.String()}),
		"honest-latest-time":        opens(signed+at(1<<63-1), []string{byLog, "cosignature " + clientID + " 9223372036854775807"}, nil),
		"nothing":                   with("", "note has no blank line between text and signatures"),
		"no-blank-line":             with(text+logLine, "note has no blank line between text and signatures"),
		"no-lines":                  with(head, "note does not end with a line end"),
		"no-lines-but-line-end":     with(head+"\n", `signature line 1 does not begin with "— "`),
		"two-blank-lines":           with(head+"\n"+logLine, `signature line 1 does not begin with "— "`),
		"blank-line-at-end":         with(signed+"\n", `signature line 2 does not begin with "— "`),
		"no-line-end":               with(strings.TrimSuffix(signed, "\n"), "note does not end with a line end"),
		"carriage-returns":          with(strings.ReplaceAll(signed, "\n", "\r\n"), "note has no blank line between text and signatures"),
		"hyphen-for-dash":           with(changed("— "+exampleClient, "- "+exampleClient), `signature line 2 does not begin with "— "`),
		"en-dash-for-dash":          with(changed("— "+exampleClient, "– "+exampleClient), `signature line 2 does not begin with "— "`),
		"two-spaces-before-name":    with(changed("— "+exampleClient, "—  "+exampleClient), "signature line 2 key name is empty"),
		"two-spaces-after-name":     with(changed(exampleClient+" ", exampleClient+"  "), "signature line 2 has a signature that is not base64"),
		"space-at-end-of-line":      with(strings.TrimSuffix(signed, "\n")+" \n", "signature line 1 has a signature that is not base64"),
		"name-alone":                with(signed+"— a.example\n", "signature line 2 has no signature"),
		"name-plus":                 with(signed+"— a+b "+strings.Repeat("A", 92)+"\n", `signature line 2 key name "a+b" has the character U+002B`),
		"signature-empty":           with(signed+"— a.example \n", "signature line 2 has a signature of 0 bytes, want more than 4"),
		"signature-id-alone":        with(signed+"— a.example AAAAAA==\n", "signature line 2 has a signature of 4 bytes, want more than 4"),
		"signature-no-padding":      with(strings.TrimSuffix(strings.TrimSuffix(signed, "\n"), "=")+"\n", "signature line 1 has a signature that is not base64"),
		"signature-trailing-bits":   with(signed+"— a.example AAAAAAB=\n", "signature line 2 has a signature that is not base64"),
		"signature-carriage-return": with(signed+"— a.example AAAA\rAAAA\n", "note is not in canonical form"),
		"text-not-signed":           with(changed(text, text[:len(text)-1]+" \n"), "checkpoint root: hash has 45 characters, want 44"),
		"origin-changed":            with(changed(exampleOrigin, "vendor.example/contract-18"), fmt.Sprintf("log key %s signs a checkpoint of %q", logID, "vendor.example/contract-18")),
		"size-changed":              with(changed("\n3\n", "\n4\n"), failed),
		"root-changed":              with(changed(c.Root.String(), EmptyRoot.String()), failed),
		"extension-line-signed":     with(extended+"\n"+line(logKey(), ed25519.Sign(testKey(1), []byte(extended))), "checkpoint has 4 lines, want 3"),
		"log-signature-flipped":     with(head+line(logKey(), flip(sig(logLine), 9))+clientLine, failed),
		"log-signature-short":       with(head+line(logKey(), sig(logLine)[:63]), failed),
		"log-signature-long":        with(head+line(logKey(), append(sig(logLine), 0)), failed),
		"log-signature-of-client":   with(head+line(logKey(), ed25519.Sign(testKey(2), []byte(text))), failed),
		"log-signature-as-cosign":   with(head+line(logKey(), sig(clientLine)), failed),
		"cosignature-flipped":       with(signed+line(clientKey(), flip(sig(clientLine), 30)), coFailed),
		"cosignature-time-changed":  with(signed+line(clientKey(), flip(sig(clientLine), 7)), coFailed),
		"cosignature-time-zero":     with(signed+at(0), coFailed),
		"cosignature-time-2-63":     with(signed+at(1<<63), coFailed),
		"cosignature-short":         with(signed+line(clientKey(), sig(clientLine)[:71]), coFailed),
		"cosignature-long":          with(signed+line(clientKey(), append(sig(clientLine), 0)), coFailed),
		"cosignature-without-time":  with(signed+line(clientKey(), ed25519.Sign(testKey(2), []byte(text))), coFailed),
		"cosignature-of-other-size": with(signed+line(clientKey(), sig(string(must(parseLineOf(t, Checkpoint{exampleOrigin, 4, c.Root}))))), coFailed),
		"log-line-twice":            with(signed+logLine, "signature lines 1 and 2 are by one key, "+logID),
		"cosignature-twice":         with(cosigned+clientLine, "signature lines 2 and 3 are by one key, "+clientID),
		"cosignature-at-two-times":  with(cosigned+at(exampleTime+1), "signature lines 2 and 3 are by one key, "+clientID),
		"unknown-line-twice":        with(signed+witnessLine+witnessLine, "signature lines 2 and 3 are by one key, "+exampleWitness+"+"+id(witnessKey())),
		"unknown-keys-alone":        with(head+witnessLine, none),
		"cosignature-alone":         with(head+clientLine, none),
		"no-keys":                   withKeys(signed, none),
		"log-key-of-other-origin": withKeys(signed+line(otherOrigin, ed25519.Sign(testKey(5), []byte(text))),
			fmt.Sprintf("log key other.example+%s signs a checkpoint of %q", id(otherOrigin), exampleOrigin), logKey(), otherOrigin),
		"one-key-under-two-names": withKeys(cosigned+line(twoNames, sig(clientLine)),
			fmt.Sprintf("verifier keys %s and %s are one public key", clientKey(), twoNames), logKey(), clientKey(), twoNames),
		"one-key-as-log-and-cosigner": withKeys(signed,
			fmt.Sprintf("verifier keys %s and %s are one public key", logKey(), bothKinds), logKey(), bothKinds),
		"name-not-utf8": {
			Base64: base64.StdEncoding.EncodeToString([]byte(signed + "— a\xff AAAAAAAA\n")), Keys: keys,
			Error: `signature line 2 key name "a\xff" is not UTF-8`,
		},
	})
	for name, v := range textVectors(t, "note") {
		t.Run(name, func(t *testing.T) {
			var keys []VerifierKey
			for _, text := range v.Keys {
				keys = append(keys, must(ParseVerifierKey(text)))
			}
			opened, err := OpenCheckpoint([]byte(v.text), keys...)
			wantVectorError(t, err, v.Error)
			if err != nil {
				return
			}
			var signatures, unverified []string
			for _, sig := range opened.Signatures {
				s := fmt.Sprintf("%s %s+%08x", sig.Key.Kind(), sig.Key.Name(), sig.Key.KeyHash())
				if sig.Key.Kind() == KindCosignature {
					s += fmt.Sprintf(" %d", sig.Time)
				}
				signatures = append(signatures, s)
			}
			for _, line := range opened.Unverified {
				unverified = append(unverified, line.String())
			}
			if !slices.Equal(signatures, v.Signatures) || !slices.Equal(unverified, v.Unverified) {
				t.Errorf("signatures %q, unverified %q\nwant       %q            %q", signatures, unverified, v.Signatures, v.Unverified)
			}
		})
	}
}

// parseLineOf returns the client's cosignature line of another checkpoint.
func parseLineOf(t *testing.T, c Checkpoint) ([]byte, error) {
	t.Helper()
	sig, err := must(NewCosigner(exampleClient, testKey(2), exampleTime)).Sign([]byte(c.String()))
	if err != nil {
		return nil, err
	}
	return []byte(Line{exampleClient, clientKey().KeyHash(), sig}.String() + "\n"), nil
}
