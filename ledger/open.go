package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/merkle"
)

func (db *DB) open() error {
	if err := db.mark(); err != nil {
		return err
	}
	if err := db.openJournal(); err != nil {
		return err
	}
	if err := db.compareSigned(); err != nil {
		return err
	}
	if err := db.openSpace(); err != nil {
		return err
	}
	if err := db.openBadger(); err != nil {
		return err
	}
	db.refresh()
	db.nextSegment.Store(db.journal.segmentBytes(db.journal.last + 1))
	return db.restoreHeads()
}

// mark finds the store's marker and takes the lock, or makes both in a
// directory that is empty. A crash on the way leaves a directory that the
// next call takes for empty, or a store without records.
func (db *DB) mark() error {
	names, err := db.fsys.List(db.dir)
	if err != nil && !isGone(err) {
		return err
	}
	marked := slices.Contains(names, nameMarker)
	if !marked {
		for _, name := range names {
			if name != nameLock && name != nameMarker+".new" {
				return fmt.Errorf("%w: it holds %s and no %s", ErrNoStore, name, nameMarker)
			}
		}
		if err := db.fsys.MakeDir(db.dir); err != nil {
			return err
		}
	}
	if db.lock, err = db.fsys.Lock(db.path(nameLock)); err != nil {
		return err
	}
	if !marked {
		// Another process may have been here before the lock was taken.
		names, err := db.fsys.List(db.dir)
		if err != nil {
			return err
		}
		marked = slices.Contains(names, nameMarker)
	}
	if !marked {
		if _, err := rand.Read(db.store[:]); err != nil {
			return err
		}
		text := fmt.Sprintf("%sid %s\n", markerText, db.store)
		if err := replaceFile(db.fsys, db.path(nameMarker), []byte(text)); err != nil {
			return err
		}
		return nil
	}
	text, err := readFile(db.fsys, db.path(nameMarker), 1024)
	if err != nil {
		return err
	}
	rest, ok := strings.CutPrefix(string(text), markerText+"id ")
	id, err := hex.DecodeString(strings.TrimSuffix(rest, "\n"))
	if !ok || err != nil || len(id) != len(db.store) || fmt.Sprintf("%x\n", id) != rest {
		return fmt.Errorf("%w: %s is %.60q, want %q and an id", ErrNoStore, nameMarker, text, markerText)
	}
	db.store = storeID(id)
	return nil
}

// openJournal reads how far each ledger got. It changes nothing in a journal
// that is there.
func (db *DB) openJournal() error {
	dir := db.path(nameJournal)
	first, last, err := segments(db.fsys, dir)
	if err != nil && !isGone(err) {
		return err
	}
	if last == 0 {
		// A store without a journal has nothing else either, or it lost it.
		names, err := db.fsys.List(db.dir)
		if err != nil {
			return err
		}
		for _, name := range []string{nameBadger, nameHeads} {
			if slices.Contains(names, name) {
				return damaged("journal is missing, %s is there", name)
			}
		}
		if err := db.fsys.MakeDir(dir); err != nil {
			return err
		}
		j := db.newJournal()
		base := baseItem{db.store}.append(nil)
		if err := j.prepare(1, len(base)); err != nil {
			return err
		}
		if err := errors.Join(j.rotate(base), j.close()); err != nil {
			return err
		}
		return db.fsys.SyncDir(db.dir)
	}
	j := db.newJournal()
	if err := j.read(false, func(f frame) error { return db.noteHeads(f) }); err != nil {
		return err
	}
	db.durable.Store(first)
	return nil
}

// compareSigned refuses a store that has less than what was signed: it was
// rolled back. That the roots agree is looked at before the next signature.
func (db *DB) compareSigned() error {
	names, err := db.fsys.List(db.path(nameHeads))
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".new") {
			continue // what a crash left of a replacement
		}
		text, err := readFile(db.fsys, filepath.Join(db.path(nameHeads), name), merkle.MaxNoteBytes)
		if err != nil {
			return err
		}
		n, err := merkle.ParseNote(text)
		if err != nil {
			return damaged("head file %s: %v", name, err)
		}
		l := db.ledgers[n.Checkpoint.Origin]
		if l == nil || filepath.Base(l.headPath()) != name {
			return damaged("head file %s is of %s, which is not the ledger of that number", name, n.Checkpoint.Origin)
		}
		if size := l.Size(); n.Checkpoint.Size > size {
			return damaged("%s: a checkpoint of size %d was signed, the store has %d records: it was rolled back", l.origin, n.Checkpoint.Size, size)
		}
	}
	return nil
}

// restoreHeads ends what a crash cut off between the two places of a signed
// checkpoint: the journal had it, and the head file not yet. A head file that
// has another note for its size than Badger has is refused.
func (db *DB) restoreHeads() error {
	for _, l := range db.allLedgers() {
		kept, err := l.Kept(0)
		if errors.Is(err, ErrNoCheckpoint) {
			continue
		}
		if err != nil {
			return err
		}
		text, err := readFile(db.fsys, l.headPath(), merkle.MaxNoteBytes)
		if err != nil && !isGone(err) {
			return err
		}
		if err == nil {
			n, err := merkle.ParseNote(text)
			if err != nil {
				return damaged("head file %s: %v", filepath.Base(l.headPath()), err)
			}
			same, err := l.kept(n.Checkpoint.Size)
			if err != nil {
				return err
			}
			// What is kept may have cosignatures beside the log's line.
			if !bytes.Contains(same, []byte(n.Lines[0].String())) || !bytes.HasPrefix(same, []byte(n.Checkpoint.String())) {
				return damaged("head file %s has another note for size %d than the store", filepath.Base(l.headPath()), n.Checkpoint.Size)
			}
		}
		if err := l.writeHead(kept); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) newJournal() *journal {
	return &journal{fsys: db.fsys, dir: db.path(nameJournal), store: db.store, maxBytes: db.o.SegmentBytes}
}

// noteHeads moves the ledgers' heads on by one frame of the journal.
func (db *DB) noteHeads(f frame) error {
	items, err := parseBody(f.body, db.store)
	if err != nil {
		return damaged("frame %d: %v", f.seq, err)
	}
	for _, item := range items {
		switch i := item.(type) {
		case baseItem:
		case ledgerItem:
			l := db.byNumber[i.number]
			if l == nil {
				if l, err = db.addLedger(i.number, i.origin); err != nil {
					return err
				}
				l.head.Store(&i.head)
				l.base = i.head
			}
			if got := *l.head.Load(); got != i.head || l.origin != i.origin {
				return damaged("frame %d: base has %s at size %d with root %v, the frames before it %s at size %d with root %v",
					f.seq, i.origin, i.head.size, i.head.root, l.origin, got.size, got.root)
			}
		case createItem:
			if _, err := db.addLedger(i.number, i.origin); err != nil {
				return damaged("frame %d: %v", f.seq, err)
			}
		case recordsItem:
			l := db.byNumber[i.number]
			if l == nil {
				return damaged("frame %d: ledger %d is not known", f.seq, i.number)
			}
			if size := l.head.Load().size; i.first != size || len(i.lines) == 0 {
				return damaged("frame %d: %d records of %s from %d, want some from %d", f.seq, len(i.lines), l.origin, i.first, size)
			}
			l.head.Store(&head{i.first + int64(len(i.lines)), i.root})
		case noteItem:
			l := db.byNumber[i.number]
			if l == nil || i.size > l.head.Load().size {
				return damaged("frame %d: checkpoint of ledger %d at size %d, which it has not", f.seq, i.number, i.size)
			}
		case evidenceItem:
			l := db.byNumber[i.number]
			if l == nil || i.n >= l.head.Load().size {
				return damaged("frame %d: evidence of record %d of ledger %d, which it has not", f.seq, i.n, i.number)
			}
		}
	}
	return nil
}

// openBadger opens Badger, puts into it what only the journal has, and
// compares. If Badger cannot be opened or contradicts the journal, and the
// journal goes back to the first record, Badger's files are set aside and
// written again from the journal; otherwise the store is refused.
func (db *DB) openBadger() error {
	why := db.tryBadger()
	if why == nil {
		return nil
	}
	first, _, err := segments(db.fsys, db.path(nameJournal))
	if err != nil {
		return err
	}
	if first != 1 || !errors.Is(why, ErrDamaged) || errors.Is(why, errAhead) {
		return why
	}
	if db.kv != nil {
		db.kv.Close()
		db.kv = nil
	}
	if db.journal != nil {
		db.journal.close()
	}
	db.cause.Store(nil)
	if err := db.setAside(nameBadger); err != nil {
		return errors.Join(why, err)
	}
	for _, l := range db.ledgers {
		l.tree.Store(nil)
		l.replaying = false
	}
	db.report("badger's files are set aside and written again from the journal: " + why.Error())
	if err := db.tryBadger(); err != nil {
		return fmt.Errorf("%w; written again from the journal: %w", why, err)
	}
	return nil
}

// setAside moves a name of the store's directory into the folder of what is
// no longer used, where nothing is ever deleted.
func (db *DB) setAside(name string) error {
	if err := db.fsys.MakeDir(db.path(nameAside)); err != nil {
		return err
	}
	there, err := db.fsys.List(db.path(nameAside))
	if err != nil {
		return err
	}
	for i := 1; ; i++ {
		to := fmt.Sprintf("%s.%d", name, i)
		if slices.Contains(there, to) {
			continue
		}
		if err := db.fsys.Rename(db.path(name), filepath.Join(db.path(nameAside), to)); err != nil {
			return err
		}
		return errors.Join(db.fsys.SyncDir(db.path(nameAside)), db.fsys.SyncDir(db.dir))
	}
}

func (db *DB) tryBadger() error {
	o := badgerOptions(db.badgerDir(), db.o, badgerLog{db})
	found, err := preflight(db.fsys, db.badgerDir(), db.path(nameAside), o)
	if err != nil {
		return err
	}
	if err := db.fsys.MakeDir(db.badgerDir()); err != nil {
		return err
	}
	if err := db.fsys.SyncDir(db.dir); err != nil {
		return err
	}
	db.kv, err = openUnlocked(o)
	if err != nil {
		db.kv = nil
		return err
	}
	if cause := db.cause.Load(); cause != nil {
		return damaged("%v", *cause)
	}
	if err := db.compareHeads(); err != nil {
		return err
	}
	db.journal = db.newJournal()
	db.comparing.Store(true)
	err = db.journal.read(true, db.replay)
	db.comparing.Store(false)
	if err != nil {
		return err
	}
	if cause := db.cause.Load(); cause != nil {
		return damaged("%v", *cause)
	}
	if err := db.compareReplayed(); err != nil {
		return err
	}
	if len(found.suspicious) > 0 {
		var faults []string
		err := db.checkStore(context.Background(), func(f Fault) { faults = append(faults, f.String()) })
		if err != nil {
			return err
		}
		if len(faults) > 0 {
			return damaged("%s; check: %s", strings.Join(found.suspicious, "; "), strings.Join(faults, "; "))
		}
	}
	return nil
}

// openUnlocked opens Badger. Its own lock is on its directory and falls only
// when every copy of the open directory is closed; a program that starts
// another one has such a copy for a moment. So a lock is waited for, up to a
// second, and is no damage: files that somebody else has open are not to be
// set aside.
func openUnlocked(o badger.Options) (*badger.DB, error) {
	for tries := 0; ; tries++ {
		kv, err := badger.Open(o)
		switch {
		case err == nil:
			return kv, nil
		case !strings.Contains(err.Error(), "Cannot acquire directory lock"):
			return nil, damaged("badger: %v", err)
		case tries == 100:
			return nil, fmt.Errorf("badger's files: %w", ErrLocked)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// errAhead marks damage that the journal cannot mend, since it is its own.
var errAhead = errors.New("badger is ahead of the journal")

// compareHeads refuses a Badger that has more than the journal, or less than
// the journal can give back.
func (db *DB) compareHeads() error {
	return db.kv.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix = []byte{keyOrigin}
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			origin := string(it.Item().Key()[1:])
			l := db.ledgers[origin]
			if l == nil {
				return fmt.Errorf("%w: %w: it has ledger %s", ErrDamaged, errAhead, origin)
			}
			err := it.Item().Value(func(v []byte) error {
				if n, err := decodeNumber(v); err != nil || n != l.number {
					return damaged("ledger %s has number %x in badger, %d in the journal", origin, v, l.number)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		for _, l := range db.byNumber {
			h, err := readHead(txn, l.number)
			if err != nil {
				return err
			}
			want := *l.head.Load()
			switch {
			case h.size > want.size:
				return fmt.Errorf("%w: %w: %s has %d records in badger, %d in the journal", ErrDamaged, errAhead, l.origin, h.size, want.size)
			case h.size == want.size && h.root != want.root:
				return damaged("%s at size %d has root %v in badger, %v in the journal", l.origin, h.size, h.root, want.root)
			case h.size < l.base.size:
				return damaged("%s has %d records in badger; of the %d that were acknowledged the journal still has those from %d on",
					l.origin, h.size, want.size, l.base.size)
			}
		}
		return nil
	})
}

// readHead is how far Badger got with a ledger.
func readHead(txn *badger.Txn, l number) (head, error) {
	item, err := txn.Get(headKey(l))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return head{0, merkle.EmptyRoot}, nil
	}
	if err != nil {
		return head{}, err
	}
	var h head
	err = item.Value(func(v []byte) (err error) {
		h, err = decodeHead(v)
		return err
	})
	return h, err
}

// replay puts into Badger what it lacks of one frame.
func (db *DB) replay(f frame) error {
	items, err := parseBody(f.body, db.store)
	if err != nil {
		return damaged("frame %d: %v", f.seq, err)
	}
	w := &writer{kv: db.kv}
	for _, item := range items {
		switch i := item.(type) {
		case baseItem:
		case ledgerItem:
			w.putMissing(originKey(i.origin), encodeNumber(i.number))
		case createItem:
			w.putMissing(originKey(i.origin), encodeNumber(i.number))
		case noteItem:
			w.putMissing(checkpointKey(i.number, i.size), i.note)
		case evidenceItem:
			p := i.pair()
			w.putMissing(p.key, p.value)
		case recordsItem:
			if err := db.replayRecords(w, f, i); err != nil {
				return err
			}
		}
	}
	if len(w.pairs) == 0 {
		return nil
	}
	return w.commit()
}

func (w *writer) putMissing(key, value []byte) {
	err := w.kv.View(func(txn *badger.Txn) error {
		_, err := txn.Get(key)
		return err
	})
	if err != nil {
		w.put(key, value)
	}
}

// replayRecords applies the records of one item again unless Badger has them
// byte for byte. From the first item that it lacks on, all later ones of the
// ledger are applied, since heads must not go back.
func (db *DB) replayRecords(w *writer, f frame, i recordsItem) error {
	l := db.byNumber[i.number]
	if !l.replaying && db.has(i) {
		return nil
	}
	var t *tree
	if l.replaying {
		t = l.tree.Load()
	} else {
		err := db.kv.View(func(txn *badger.Txn) (err error) {
			t, err = readTree(txn, l.number, i.first)
			return err
		})
		if err != nil {
			return fmt.Errorf("frame %d: %s: %w", f.seq, l.origin, err)
		}
	}
	entries := make([]entry, len(i.lines))
	for k, line := range i.lines {
		e, err := newEntry(slices.Clone(line))
		if err != nil {
			return damaged("frame %d: %s: record %d: %v", f.seq, l.origin, i.first+int64(k), err)
		}
		if want := i.first + int64(k); e.index.n != want {
			return damaged("frame %d: %s: record %s is numbered %d, want %d", f.seq, l.origin, e.id, e.index.n, want)
		}
		entries[k] = e
	}
	next, err := apply(w, l.number, t, entries)
	if err != nil {
		return err
	}
	if got := next.frontier.Root(); got != i.root {
		return damaged("frame %d: %s at size %d has root %v, the journal says %v", f.seq, l.origin, next.size(), got, i.root)
	}
	l.replaying = true
	l.tree.Store(next)
	return nil
}

// has reports whether Badger has the records of an item, in the packs in
// which they were put, and a head that counts them.
func (db *DB) has(i recordsItem) bool {
	err := db.kv.View(func(txn *badger.Txn) error {
		h, err := readHead(txn, i.number)
		if err != nil {
			return err
		}
		if h.size < i.first+int64(len(i.lines)) {
			return errAhead
		}
		for last, value := range packs(i.first, i.lines) {
			item, err := txn.Get(packKey(i.number, last))
			if err != nil {
				return err
			}
			err = item.Value(func(v []byte) error {
				if string(v) != string(value) {
					return damaged("records up to %d differ", last)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return err == nil
}

// compareReplayed compares the heads once more, now that Badger has all.
func (db *DB) compareReplayed() error {
	return db.kv.View(func(txn *badger.Txn) error {
		for _, l := range db.byNumber {
			h, err := readHead(txn, l.number)
			if err != nil {
				return err
			}
			if want := *l.head.Load(); h != want {
				return damaged("%s is at size %d with root %v in badger, at %d with %v in the journal", l.origin, h.size, h.root, want.size, want.root)
			}
			l.replaying = false
			l.tree.Store(nil) // read again when the ledger is used
		}
		return nil
	})
}
