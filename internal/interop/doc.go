// Package interop holds tests alone: they compare package merkle with the
// libraries of others, which users of the module never have to download. It
// is a module of its own for that reason.
//
// The oracles are golang.org/x/mod/sumdb, github.com/transparency-dev/merkle
// and formats, and filippo.io/torchwood. Do not run "go mod tidy" here: a
// command inside torchwood needs a module that the public proxy does not
// serve, and nothing here imports it.
package interop
