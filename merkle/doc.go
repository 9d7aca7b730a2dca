// Package merkle is the hash tree of a ledger, and the checkpoints that sign it.
package merkle
