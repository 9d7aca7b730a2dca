package ledger

import (
	"errors"
	"fmt"
	"time"
)

// The space guard. Badger writes through mapped sparse files: on a full disk
// the process ends by a signal, with no error and no recover. So an append is
// refused while the disk has less left than all that Badger may still have to
// write of what it was given: its memtables as tables, the same again for a
// compaction, and the journal's next segment.
func (db *DB) reserveBytes() int64 {
	return 2*(memTables+1)*db.o.MemTableBytes + 2*maxGroupBytes
}

// ballastBytes is what open gives back on a full disk, so that Badger can
// finish what it had begun: the flush of what its logs hold.
func (db *DB) ballastBytes() int64 {
	return (memTables+1)*db.o.MemTableBytes + 1<<20
}

// roomFor is how long an answer of room holds: what is written meanwhile is
// far below the reserve.
const roomFor = 5 * time.Millisecond

// room refuses while the disk has less than the reserve.
func (db *DB) room() error {
	now := int64(time.Since(db.began))
	if seen := db.roomSeen.Load(); seen != 0 && now-seen < int64(roomFor) {
		return nil
	}
	free, err := db.fsys.Free(db.dir)
	if err != nil {
		return err
	}
	if want := db.reserveBytes() + db.nextSegment.Load(); free < want {
		return fmt.Errorf("%w (%d bytes left, %d kept in reserve)", ErrNoSpace, free, want)
	}
	db.roomSeen.Store(now)
	return nil
}

// openSpace releases the ballast on a disk that is full, and else sees that it
// is there. On a full disk the store opens, reads and refuses appends.
func (db *DB) openSpace() error {
	free, err := db.fsys.Free(db.dir)
	if err != nil {
		return err
	}
	path := db.path(nameBallast)
	f, err := db.fsys.Open(path)
	if err == nil {
		size, err := f.Size()
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		if size == db.ballastBytes() && free >= db.ballastBytes() {
			return nil
		}
		if err := db.fsys.Remove(path); err != nil {
			return err
		}
	} else if !isGone(err) {
		return err
	}
	if free < db.reserveBytes()+db.ballastBytes() {
		return nil
	}
	f, err = db.fsys.Create(path)
	if err != nil {
		return err
	}
	err = errors.Join(f.Reserve(db.ballastBytes()), f.Close())
	if noSpace(err) {
		return db.fsys.Remove(path)
	}
	return err
}
