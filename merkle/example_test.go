package merkle_test

import (
	"crypto/ed25519"
	"fmt"

	"github.com/raasledger/raasledger/merkle"
)

// A log proves that a record is in its tree, and that its tree only grew. Who
// checks needs the roots, which come from signed checkpoints, and no tree.
func Example() {
	var tree merkle.Tree
	records := []string{"one", "two", "three", "four", "five"}
	for _, r := range records {
		tree.Append(merkle.LeafHash([]byte(r)))
	}
	root3, _ := tree.RootAt(3)
	root5, _ := tree.RootAt(5)

	inclusion, err := merkle.ProveInclusion(5, 2, &tree)
	if err != nil {
		panic(err)
	}
	fmt.Println(merkle.CheckInclusion(inclusion, 5, root5, 2, merkle.LeafHash([]byte("three"))))

	consistency, err := merkle.ProveConsistency(3, 5, &tree)
	if err != nil {
		panic(err)
	}
	fmt.Println(merkle.CheckConsistency(consistency, 3, root3, 5, root5))
	fmt.Println(merkle.CheckConsistency(consistency[1:], 3, root3, 5, root5))
	// Output:
	// <nil>
	// <nil>
	// consistency proof has 3 hashes, want 4 from size 3 to 5
}

// A log signs a checkpoint, its client cosigns it, and a reader opens it with
// the keys of both.
func ExampleOpenCheckpoint() {
	logKey := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // yours come from key files
	clientKey := ed25519.NewKeyFromSeed([]byte("the client's own seed: 32 bytes."))
	log, err := merkle.NewLogSigner("vendor.example/contract-17", logKey)
	if err != nil {
		panic(err)
	}
	client, err := merkle.NewCosigner("client.example/audit", clientKey, 1772355600)
	if err != nil {
		panic(err)
	}

	var tree merkle.Frontier
	if err := tree.Append(merkle.LeafHash([]byte("one"))); err != nil {
		panic(err)
	}
	signed, err := merkle.SignCheckpoint(merkle.Checkpoint{Origin: log.Name(), Size: tree.Size(), Root: tree.Root()}, log)
	if err != nil {
		panic(err)
	}
	signed, err = merkle.Cosign(signed, "client.example/audit", clientKey, 1772355600)
	if err != nil {
		panic(err)
	}

	opened, err := merkle.OpenCheckpoint(signed, log.VerifierKey(), client.VerifierKey())
	if err != nil {
		panic(err)
	}
	fmt.Println(opened.Size, opened.Root)
	for _, s := range opened.Signatures {
		fmt.Println(s.Key.Kind(), s.Key.Name(), s.Time)
	}
	// Output:
	// 1 0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=
	// log vendor.example/contract-17 0
	// cosignature client.example/audit 1772355600
}
