package ledger

import (
	"sync/atomic"

	badger "github.com/dgraph-io/badger/v4"
)

// A snapshot is Badger as of a commit, shared by all who read. A transaction
// of one's own would wait for the commits under way: admissions would go on
// only between two commits, and groups never grow.
type snapshot struct {
	txn  *badger.Txn
	uses atomic.Int64 // one of them is the DB's while it is the newest
}

// refresh takes a new snapshot.
func (db *DB) refresh() {
	db.refreshMu.Lock()
	defer db.refreshMu.Unlock()
	s := &snapshot{txn: db.kv.NewTransaction(false)}
	s.uses.Store(1)
	if old := db.newest.Swap(s); old != nil {
		old.release()
	}
}

// forgetSnapshot lets go of the newest one, before Badger is closed.
func (db *DB) forgetSnapshot() {
	if old := db.newest.Swap(nil); old != nil {
		old.release()
	}
}

func (s *snapshot) release() {
	if s.uses.Add(-1) == 0 {
		s.txn.Discard()
	}
}

// read runs f on the newest snapshot.
func (db *DB) read(f func(txn *badger.Txn) error) error {
	for {
		s := db.newest.Load()
		n := s.uses.Load()
		if n == 0 || !s.uses.CompareAndSwap(n, n+1) {
			continue // it has just been replaced
		}
		defer s.release()
		return f(s.txn)
	}
}
