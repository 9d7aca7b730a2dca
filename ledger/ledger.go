// Package ledger is the append-only outcome ledger on Badger.
package ledger

import (
	"context"
	"crypto/ed25519"
	"io"
	"iter"
	"time"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

// Options of a DB. The zero value is ready for use.
type Options struct {
	Clock func() time.Time // nil is time.Now
}

// A DB is one directory; it holds many ledgers.
type DB struct{}

// Open opens or creates the DB in dir.
func Open(dir string, o Options) (*DB, error) { panic("todo") }

// Create starts a ledger with a signed agreement (version 1) as its record 0. Origin and log key are the agreement's.
func (db *DB) Create(ctx context.Context, agreement *record.Record) (*Ledger, error) { panic("todo") }

// Ledger returns an existing ledger; Origins lists them, sorted.
func (db *DB) Ledger(origin string) (*Ledger, error) { panic("todo") }
func (db *DB) Origins() []string                     { panic("todo") }

// Check re-reads and re-hashes everything, reports every fault and changes nothing.
func (db *DB) Check(ctx context.Context, fault func(Fault)) error { panic("todo") }
func (db *DB) Close() error                                       { panic("todo") }

type Fault struct {
	Origin string
	N      int64 // -1 if it is not one record's
	Text   string
}

// A Ledger is the append-only log of one agreement.
type Ledger struct{}

func (l *Ledger) Origin() string { panic("todo") }
func (l *Ledger) Size() int64    { panic("todo") }

// Append makes the records durable, all or none, and returns their indexes. A record whose id is already there with the same content gets the first index.
func (l *Ledger) Append(ctx context.Context, records ...*record.Record) ([]int64, error) {
	panic("todo")
}

// Get returns the line of record n; Find the index of an id.
func (l *Ledger) Get(n int64) ([]byte, error)                  { panic("todo") }
func (l *Ledger) Find(id string) (n int64, ok bool, err error) { panic("todo") }

// Records iterates over the lines [lo, hi).
func (l *Ledger) Records(ctx context.Context, lo, hi int64) iter.Seq2[[]byte, error] { panic("todo") }

// Due is the next period to settle and its closing instant.
// Settle appends the statement of the next period and returns its record with Log set.
func (l *Ledger) Settle(ctx context.Context) (*record.Record, error) { panic("todo") }

// State gives f the settlement state as of the current size, under the ledger's lock; f must not keep it.
func (l *Ledger) State(f func(*fee.State) error) error { panic("todo") }

// Checkpoint signs the current size and root; the key is the agreement's log key. It is durable before it is returned.
func (l *Ledger) Checkpoint(ctx context.Context, key ed25519.PrivateKey) ([]byte, error) {
	panic("todo")
}

// Cosigned merges the verified cosignatures of note into the kept checkpoint of its size.
func (l *Ledger) Cosigned(ctx context.Context, note []byte) ([]byte, error) { panic("todo") }

// BundleOptions choose the stretch: from 0, or from the index of a statement, to a kept checkpoint (Size 0: the newest).
type BundleOptions struct {
	From int64
	Size int64
}

// WriteBundle writes a replay bundle and verifies it before the last byte is released.
func (l *Ledger) WriteBundle(ctx context.Context, w io.Writer, o BundleOptions) error { panic("todo") }
