package ledger

import (
	"errors"
	"fmt"

	"github.com/raasledger/raasledger/attribution/record"
)

// Errors that a caller is promised to match with errors.Is. What refuses a
// record is a [*record.Refusal] instead, found with errors.As.
var (
	// ErrNoStore: the directory holds something that is no store. Nothing was
	// written into it.
	ErrNoStore = errors.New("not a ledger store")

	// ErrLocked: another process, or another DB of this one, has the store.
	ErrLocked = errors.New("in use by another process")

	// ErrDamaged: what is stored contradicts itself. Nothing was changed.
	ErrDamaged = errors.New("store is damaged")

	// ErrPoisoned: after an error of a write nobody can say what is stored.
	// The DB takes no more appends until it is opened again, which compares.
	// An append that returns it has the status "unknown": open again and
	// append the same records again, which returns their first indexes.
	ErrPoisoned = errors.New("store stopped after an error; open it again and look up what is stored")

	// ErrNoSpace: the disk has less room than the store keeps in reserve.
	// Nothing was written and nothing is lost.
	ErrNoSpace = errors.New("disk is full: nothing was written, nothing is lost")

	// ErrClosed: the DB was closed.
	ErrClosed = errors.New("store is closed")

	// ErrNoLedger: the store has no ledger of that origin.
	ErrNoLedger = errors.New("no such ledger")

	// ErrNoRecord: the index is not below the size.
	ErrNoRecord = errors.New("no such record")

	// ErrNoEvidence: the store has not the evidence, or the record commits to
	// none of that name.
	ErrNoEvidence = errors.New("no such evidence")

	// ErrErased: an erase record says that the evidence was erased, or that it
	// is kept for storage only.
	ErrErased = errors.New("evidence is erased")

	// ErrNoCheckpoint: no checkpoint is kept for that size.
	ErrNoCheckpoint = errors.New("no such checkpoint")
)

// A NotDueError says when the next period can be settled.
type NotDueError struct {
	Origin  string
	Period  string
	Closing record.Time // first instant at which it can be settled
	Clock   record.Time // of the ledger, now
}

func (e *NotDueError) Error() string {
	return fmt.Sprintf("%s: period %s closes at %s, the ledger's clock is at %s", e.Origin, e.Period, e.Closing, e.Clock)
}

// A BatchError is a refusal of one of several records in an Append call, none
// of which was stored.
type BatchError struct {
	Position int // in the call, from 0
	Err      error
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("record %d of the call: %v", e.Position+1, e.Err)
}
func (e *BatchError) Unwrap() error { return e.Err }

// damaged is an ErrDamaged with the place.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}
