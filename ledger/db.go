package ledger

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// Options of a DB. The zero value is ready for use.
type Options struct {
	Clock func() time.Time // nil is time.Now

	// Sizes, 0 for the usual ones. Smaller ones are for small disks and tests.
	MemTableBytes int64 // Badger's memtable, 16 MiB
	ValueLogBytes int64 // a file of Badger's value log, 64 MiB
	SegmentBytes  int64 // the largest segment of the journal, 64 MiB
	OpenLedgers   int   // ledgers whose state is kept in memory, 1024

	// Log receives what Badger reports beside errors; nil drops it.
	Log func(text string)

	files files // nil is the disk
}

func (o Options) filled() (Options, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.files == nil {
		o.files = disk{}
	}
	set := func(v *int64, usual, least, most int64, name string) error {
		if *v == 0 {
			*v = usual
		}
		if *v < least || *v > most {
			return fmt.Errorf("option %s is %d, want %d to %d", name, *v, least, most)
		}
		return nil
	}
	if o.OpenLedgers <= 0 {
		o.OpenLedgers = 1024
	}
	return o, errors.Join(
		set(&o.MemTableBytes, 16<<20, 256<<10, 1<<30, "MemTableBytes"),
		set(&o.ValueLogBytes, 64<<20, 1<<20, 1<<30, "ValueLogBytes"),
		set(&o.SegmentBytes, 64<<20, 64<<10, 256<<20, "SegmentBytes"))
}

// A DB is one directory; it holds many ledgers. It is safe for concurrent use.
type DB struct {
	dir   string
	o     Options
	fsys  files
	store storeID
	lock  io.Closer
	kv    *badger.DB

	began    time.Time    // of Open, on the machine's own clock
	roomSeen atomic.Int64 // when the disk had room, since began

	inUse  atomic.Int64 // calls under way
	closed atomic.Bool
	idle   chan struct{} // told when there are none any more, once closed

	mu       sync.RWMutex
	ledgers  map[string]*Ledger
	byNumber map[number]*Ledger
	top      number           // the highest number given
	loaded   map[*Ledger]bool // those with an admission in memory
	uses     atomic.Uint64    // counts up; a ledger's last use is one of them

	queueMu sync.Mutex
	wake    *sync.Cond
	queue   []*request
	closing bool
	stopped chan struct{}

	// The committer's own.
	journal  *journal
	body     []byte
	inFlight []*group          // durable, not yet seen to be published
	ahead    map[*Ledger]*tree // with the groups in flight

	preparing chan error // result of the segment that is being prepared, nil if none is

	nextSegment atomic.Int64 // bytes that the next segment will take, 0 once it is prepared
	durable     atomic.Uint32
	durableMu   sync.Mutex
	synced      map[string]bool
	tasks       sync.WaitGroup
	comparing   atomic.Bool // reads that fail are mended, not reported as damage

	newest    atomic.Pointer[snapshot]
	refreshMu sync.Mutex

	cause atomic.Pointer[error] // why the DB is poisoned
}

// Names in the directory of a DB.
const (
	nameMarker  = "RAASLEDGER"
	nameLock    = "LOCK"
	nameJournal = "journal"
	nameBadger  = "badger"
	nameHeads   = "heads"
	nameBallast = "ballast"
	nameAside   = "aside"

	markerText = "raasledger store v1\n"
)

func (db *DB) path(name string) string { return filepath.Join(db.dir, name) }
func (db *DB) badgerDir() string       { return db.path(nameBadger) }

func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Open opens or creates the DB in dir. A directory that holds anything else is
// refused with ErrNoStore, one that is in use with ErrLocked, and one whose
// content contradicts itself with ErrDamaged.
func Open(dir string, o Options) (*DB, error) {
	o, err := o.filled()
	if err != nil {
		return nil, err
	}
	db := &DB{
		dir:      dir,
		o:        o,
		fsys:     o.files,
		ledgers:  map[string]*Ledger{},
		byNumber: map[number]*Ledger{},
		loaded:   map[*Ledger]bool{},
		ahead:    map[*Ledger]*tree{},
		synced:   map[string]bool{},
		stopped:  make(chan struct{}),
		began:    time.Now(),
		idle:     make(chan struct{}, 1),
	}
	db.wake = sync.NewCond(&db.queueMu)
	if err := db.open(); err != nil {
		db.tasks.Wait()
		db.forgetSnapshot()
		if db.kv != nil {
			db.kv.Close()
		}
		if db.journal != nil {
			db.journal.close()
		}
		if db.lock != nil {
			db.lock.Close()
		}
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	go db.run()
	return db, nil
}

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
		}
	}
	return nil
}

func (db *DB) addLedger(n number, origin string) (*Ledger, error) {
	if db.byNumber[n] != nil || db.ledgers[origin] != nil {
		return nil, damaged("ledger %d, %s, is created twice", n, origin)
	}
	l := &Ledger{db: db, number: n, origin: origin}
	l.head.Store(&head{0, merkle.EmptyRoot})
	l.base = *l.head.Load()
	db.ledgers[origin] = l
	db.byNumber[n] = l
	db.top = max(db.top, n)
	return l, nil
}

func (db *DB) allLedgers() []*Ledger {
	db.mu.RLock()
	defer db.mu.RUnlock()
	all := make([]*Ledger, 0, len(db.byNumber))
	for _, l := range db.byNumber {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b *Ledger) int { return int(a.number) - int(b.number) })
	return all
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
	db.kv, err = badger.Open(o)
	if err != nil {
		db.kv = nil
		return damaged("badger: %v", err)
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

func encodeNumber(n number) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func decodeNumber(b []byte) (number, error) {
	if len(b) != 4 {
		return 0, damaged("number of a ledger has %d bytes, want 4", len(b))
	}
	return number(binary.BigEndian.Uint32(b)), nil
}

// badgerLog receives what Badger logs. Failures of flush, sync and compaction
// are reported nowhere else, so every error stops the DB.
type badgerLog struct{ db *DB }

func (l badgerLog) Errorf(format string, args ...any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	l.db.report("error: " + text)
	if l.db.comparing.Load() {
		for _, read := range []string{"Invalid read:", "Unable to read:", "Key:"} {
			if strings.HasPrefix(text, read) {
				return // a value that the journal gives back
			}
		}
	}
	l.db.poison(fmt.Errorf("badger: %s", text))
}
func (l badgerLog) Warningf(format string, args ...any) {
	l.db.report("warning: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}
func (badgerLog) Infof(string, ...any)  {}
func (badgerLog) Debugf(string, ...any) {}

func (db *DB) report(text string) {
	if db.o.Log != nil {
		db.o.Log(text)
	}
}

// poison stops the DB for good, unless it is stopped already, and returns
// what callers get.
func (db *DB) poison(cause error) error {
	db.cause.CompareAndSwap(nil, &cause)
	return db.stopCause()
}

// stopCause is nil while the DB takes appends.
func (db *DB) stopCause() error {
	if cause := db.cause.Load(); cause != nil {
		return fmt.Errorf("%w: %w", ErrPoisoned, *cause)
	}
	return nil
}

// background runs f beside the committer; Close waits for it.
func (db *DB) background(f func()) {
	db.tasks.Add(1)
	go func() {
		defer db.tasks.Done()
		f()
	}()
}

// begin and end bracket every use of the DB, so that Close can wait for it.
func (db *DB) begin() error {
	db.inUse.Add(1)
	if db.closed.Load() {
		db.end()
		return ErrClosed
	}
	return nil
}

func (db *DB) end() {
	if db.inUse.Add(-1) == 0 && db.closed.Load() {
		select {
		case db.idle <- struct{}{}:
		default:
		}
	}
}

// Close waits for the calls under way and closes the store. It returns
// ErrPoisoned if the DB was stopped; what was acknowledged is safe even then.
func (db *DB) Close() error {
	if !db.closed.CompareAndSwap(false, true) {
		return ErrClosed
	}
	for db.inUse.Load() > 0 {
		<-db.idle
	}
	db.queueMu.Lock()
	db.closing = true
	db.wake.Broadcast()
	db.queueMu.Unlock()
	<-db.stopped
	db.tasks.Wait()
	errs := []error{db.stopCause()}
	db.forgetSnapshot()
	if err := db.kv.Close(); err != nil {
		errs = append(errs, fmt.Errorf("badger: %w", err))
	}
	errs = append(errs, db.journal.close(), db.lock.Close())
	if errs[0] == nil {
		errs[0] = db.stopCause() // Badger may have logged an error while it closed
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("store %s: %w", db.dir, err)
	}
	return nil
}

// Create starts a ledger with a signed agreement (version 1) as its record 0.
// Origin and log key are the agreement's. Signed by the vendor alone the
// ledger is in shadow. An origin that is there is refused.
func (db *DB) Create(ctx context.Context, agreement *record.Record) (*Ledger, error) {
	if agreement == nil {
		return nil, errors.New("agreement is nil")
	}
	body, ok := agreement.Body.(*record.Agreement)
	if !ok || body == nil {
		return nil, &record.Refusal{Check: "terms", N: -1, ID: agreement.ID, Field: "kind", Reason: fmt.Sprintf("is %q, a ledger begins with an agreement", agreement.Kind)}
	}
	db.mu.Lock()
	if db.ledgers[body.Origin] != nil {
		db.mu.Unlock()
		return nil, &record.Refusal{Check: "terms", N: -1, ID: agreement.ID, Field: "body.origin", Reason: fmt.Sprintf("is %q, which is there already", body.Origin)}
	}
	l, err := db.addLedger(db.top+1, body.Origin)
	db.mu.Unlock()
	if err != nil {
		return nil, err
	}
	// The state of a ledger without records needs no reading.
	l.admission = newAdmission(fee.New(), 0)
	l.tree.Store(&tree{})
	if _, err := l.append(ctx, true, []*record.Record{agreement}, nil); err != nil {
		if !errors.Is(err, ErrPoisoned) {
			db.mu.Lock()
			delete(db.ledgers, l.origin)
			delete(db.byNumber, l.number)
			db.mu.Unlock()
		}
		return nil, err
	}
	l.mu.Lock()
	db.letGo(l)
	l.mu.Unlock()
	return l, nil
}

// letGo counts l among the ledgers with a state in memory, and lets go of those
// that were not used for longest where there are too many. One that is in use,
// or has records under way, stays for now. The caller holds the lock of l.
func (db *DB) letGo(l *Ledger) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.loaded[l] = true
	if len(db.loaded) <= db.o.OpenLedgers {
		return
	}
	others := make([]*Ledger, 0, len(db.loaded))
	for o := range db.loaded {
		if o != l {
			others = append(others, o)
		}
	}
	slices.SortFunc(others, func(a, b *Ledger) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	for _, o := range others {
		if len(db.loaded) <= db.o.OpenLedgers {
			return
		}
		if !o.mu.TryLock() {
			continue
		}
		if o.admission == nil || o.admission.next == o.Size() {
			o.admission = nil
			o.tree.Store(nil)
			delete(db.loaded, o)
		}
		o.mu.Unlock()
	}
}

// crowded reports whether more ledgers are in memory than there should be.
func (db *DB) crowded() bool {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return len(db.loaded) > db.o.OpenLedgers
}

// Ledger returns an existing ledger.
func (db *DB) Ledger(origin string) (*Ledger, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	l := db.ledgers[origin]
	if l == nil || l.head.Load().size == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNoLedger, origin)
	}
	return l, nil
}

// Origins lists the ledgers, sorted.
func (db *DB) Origins() []string {
	db.mu.RLock()
	defer db.mu.RUnlock()
	origins := make([]string, 0, len(db.ledgers))
	for origin, l := range db.ledgers {
		if l.head.Load().size > 0 {
			origins = append(origins, origin)
		}
	}
	slices.Sort(origins)
	return origins
}

// now is the clock's time.
func (db *DB) now() record.Time { return record.Time(db.o.Clock().UnixMilli()) }
