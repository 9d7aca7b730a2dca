// Package merkle is the hash tree of a ledger and the checkpoints that sign it:
// with it one shows that nothing was removed, reordered or added. To it a
// record is a line of bytes. It uses no files, network, clock or randomness;
// records, keys and times come in as arguments. docs/checkpoint.md says what
// must hold, with commands that check the example below by hand.
//
// # Tree
//
// The tree is that of RFC 6962 with SHA-256. A leaf hashes a zero byte and the
// record, a node hashes a one byte and its two children, and the left child is
// always complete and the largest that fits:
//
//	size 7         root
//	             /      \
//	          o            o
//	        /   \         / \
//	       o     o       o   6
//	      / \   / \     / \
//	     0   1 2   3   4   5
//
// The roots of the complete subtrees, here 0 to 3, 4 to 5 and 6, are the
// [Frontier]: one for each 1 bit of the size. Who holds it can append records
// and state the root; see [Replay] for checking a stretch of a ledger in one
// pass. [CheckInclusion] shows that one record is in a tree,
// [CheckConsistency] that one tree begins with another.
//
// # Checkpoint
//
// A [Checkpoint] is three lines: the origin, which names the log, the size in
// decimal, and the root in base64. It is signed as a note: the text, a blank
// line, and a line for each signature, which is a dash, the name of the key,
// and in base64 4 bytes of key id and the signature:
//
//	vendor.example/contract-17
//	3
//	Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=
//
//	— vendor.example/contract-17 sHegCUII/pzrP2g/Lf1O/j8R8zQXZD01V7sTvx2/mHoLEGeBhCBsXeUztk8P1plZZqss9OjLjnItmzd01YcYdQhYqwo=
//	— client.example/audit ZyRBLwAAAABppAAQDfP3LbBleaxP4PJ7/Rl3IyVwGnqVRVu7lhnaP91alEtxhMdihNNof4GlinTM2Sd2QDpPQCmTTAw4qtZhPzf8AA==
//	— witness.example/w1 2e1ixQAAAABppABMGBNQnRiWWIfTBk5pRx6Vvu7wd+agZ55YZPelMzWEZxQMUr4FSaq8ktF/jSDiIs24Ma4pA9cWh2jvqfYON8DODw==
//
// The first of these is the log's, an Ed25519 signature of the text. The others
// are cosignatures: 8 bytes of time and an Ed25519 signature of the time and
// the text, by whoever says that this was the largest tree of the log it had
// seen. A [VerifierKey] is the public half of either, as text the name, the key
// id, and the type and key in base64:
//
//	vendor.example/contract-17+b077a009+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c
//	client.example/audit+6724412f+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU
//
// [SignCheckpoint] and [Cosign] write notes, [OpenCheckpoint] reads and
// verifies them. Each parser of this package accepts exactly what its other
// half writes.
package merkle
