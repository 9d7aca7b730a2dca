package ledger

import (
	"cmp"
	"context"
	"encoding/binary"
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

	nameEvidence = "evidence"

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
	if err := db.openEvidence(); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", dir, err), db.Close())
	}
	return db, nil
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
	if _, err := l.append(ctx, &call{create: true, records: []*record.Record{agreement}}); err != nil {
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
			if o.indexMu.TryLock() {
				o.indexed = nil
				o.indexMu.Unlock()
			}
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
