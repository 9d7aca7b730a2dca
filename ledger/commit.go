package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// Bounds of a group. A group is one frame of the journal.
const (
	maxAppendBytes = 1 << 20 // lines of one Append call, without their log
	maxGroupBytes  = 4 << 20 // lines of a group
	maxGroupCalls  = 4096
)

// An entry is a record on its way into the store, with what the indexes say
// of it.
type entry struct {
	line   []byte
	leaf   merkle.Hash
	id     string
	index  idEntry
	chains []record.Link
	erases string // id of the record whose evidence it erases, "" if it does not
}

// newEntry reads from a line what the indexes say of it.
func newEntry(line []byte) (entry, error) {
	r, err := record.Parse(line)
	if err != nil {
		return entry{}, err
	}
	if r.Log == nil {
		return entry{}, fmt.Errorf("record %s has no log", r.ID)
	}
	p, err := record.Prepare(r)
	if err != nil {
		return entry{}, err
	}
	return entry{
		erases: erases(r),
		line:   line,
		leaf:   merkle.LeafHash(line),
		id:     r.ID,
		index:  indexOf(r, p),
		chains: r.Log.Chains,
	}, nil
}

func erases(r *record.Record) string {
	if b, ok := r.Body.(*record.Erase); ok {
		return b.Of
	}
	return ""
}

// A request is one call that waits for its group.
type request struct {
	ledger  *Ledger
	create  bool
	entries []entry // none: the request only waits for those before it
	note    *noteItem
	stored  *evidenceItem
	bytes   int
	done    chan error // with room for one
}

// enqueue hands requests to the committer. The caller holds the lock of the
// ledger, so that requests of one ledger come in the order of their indexes.
func (db *DB) enqueue(requests ...*request) error {
	for _, r := range requests {
		for _, e := range r.entries {
			r.bytes += len(e.line) + 1
		}
		if r.note != nil {
			r.bytes += len(r.note.note)
		}
		if r.stored != nil {
			r.bytes += 256
		}
	}
	db.queueMu.Lock()
	defer db.queueMu.Unlock()
	if db.closing {
		return ErrClosed
	}
	if len(db.queue) == 0 {
		db.wake.Signal()
	}
	db.queue = append(db.queue, requests...)
	return nil
}

// A group is what is committed at once: one frame of the journal.
type group struct {
	requests  []*request
	parts     []*part
	writer    *writer
	published chan struct{} // closed when it is visible, or will never be
}

// A part is what a group has of one ledger.
type part struct {
	ledger  *Ledger
	create  bool
	entries []entry
	next    *tree // with the entries, nil without
	notes   []*noteItem
	stored  []*evidenceItem
}

// run is the committer: the one goroutine that writes the journal. It takes
// all that waits, up to the bounds of a group, makes it durable and hands it
// to apply, so that the journal can sync one group while Badger takes the one
// before.
func (db *DB) run() {
	durable := make(chan *group)
	applied := make(chan struct{})
	go func() {
		defer close(applied)
		for g := range durable {
			db.applyGroup(g)
		}
	}()
	for {
		requests := db.take()
		if requests == nil {
			break
		}
		g := &group{requests: requests, writer: &writer{kv: db.kv}, published: make(chan struct{})}
		err := db.stopCause()
		if err == nil {
			if err = db.journalGroup(g); err != nil {
				err = db.poison(err)
			}
		}
		if err != nil {
			g.finish(err)
			continue
		}
		db.inFlight = append(db.inFlight, g)
		durable <- g
	}
	close(durable)
	<-applied
	close(db.stopped)
}

// take waits for requests and returns those of the next group, nil when the
// DB is closing and there are none.
func (db *DB) take() []*request {
	db.queueMu.Lock()
	defer db.queueMu.Unlock()
	for len(db.queue) == 0 && !db.closing {
		db.wake.Wait()
	}
	n, bytes := 0, 0
	for n < len(db.queue) && n < maxGroupCalls && (n == 0 || bytes+db.queue[n].bytes <= maxGroupBytes) {
		bytes += db.queue[n].bytes
		n++
	}
	if n == 0 {
		return nil
	}
	taken := slices.Clone(db.queue[:n])
	clear(db.queue[:n])
	db.queue = db.queue[n:]
	if len(db.queue) == 0 {
		db.queue = nil
	}
	return taken
}

// finish tells the callers.
func (g *group) finish(err error) {
	close(g.published)
	for _, r := range g.requests {
		r.done <- err
	}
}

// land forgets the groups that are published; with all it waits for them.
func (db *DB) land(all bool) {
	for len(db.inFlight) > 0 {
		g := db.inFlight[0]
		if all {
			<-g.published
		}
		select {
		case <-g.published:
		default:
			return
		}
		for _, p := range g.parts {
			if db.ahead[p.ledger] == p.next {
				delete(db.ahead, p.ledger) // the ledger has it now
			}
		}
		db.inFlight = db.inFlight[1:]
	}
	db.inFlight = nil
}

// journalGroup makes a group durable. An error leaves open whether it is
// stored; the caller poisons the DB.
func (db *DB) journalGroup(g *group) error {
	db.land(false)
	// Requests of one ledger go into one item of the frame. The first index
	// of each follows from the one before, since they came in order.
	byLedger := map[*Ledger]*part{}
	for _, r := range g.requests {
		p := byLedger[r.ledger]
		if p == nil {
			p = &part{ledger: r.ledger}
			byLedger[r.ledger] = p
			g.parts = append(g.parts, p)
		}
		p.create = p.create || r.create
		if p.entries == nil {
			p.entries = slices.Clip(r.entries) // the first append copies
		} else {
			p.entries = append(p.entries, r.entries...)
		}
		if r.note != nil {
			p.notes = append(p.notes, r.note)
		}
		if r.stored != nil {
			p.stored = append(p.stored, r.stored)
		}
	}

	w := g.writer
	body := append(db.body[:0], make([]byte, frameLine)...) // its first line comes last
	for _, p := range g.parts {
		if p.create {
			body = createItem{p.ledger.number, p.ledger.origin}.append(body)
			w.put(originKey(p.ledger.origin), encodeNumber(p.ledger.number))
		}
		if len(p.entries) > 0 {
			t := db.ahead[p.ledger]
			if t == nil {
				var err error
				if t, err = p.ledger.edge(); err != nil {
					return err
				}
			}
			first := t.size()
			if got := p.entries[0].index.n; got != first {
				return fmt.Errorf("%s: record %s is numbered %d, want %d", p.ledger.origin, p.entries[0].id, got, first)
			}
			var err error
			if p.next, err = apply(w, p.ledger.number, t, p.entries); err != nil {
				return err
			}
			db.ahead[p.ledger] = p.next
			lines := make([][]byte, len(p.entries))
			for i, e := range p.entries {
				lines[i] = e.line
			}
			body = recordsItem{number: p.ledger.number, first: first, lines: lines, root: p.next.frontier.Root()}.append(body)
		}
		for _, n := range p.notes {
			body = n.append(body)
			w.put(checkpointKey(n.number, n.size), n.note)
		}
		for _, e := range p.stored {
			body = e.append(body)
			w.pairs = append(w.pairs, e.pair())
		}
	}
	db.body = body
	if len(body) == frameLine {
		return nil // callers that only wait
	}
	if err := db.makeRoom(len(body) - frameLine); err != nil {
		return err
	}
	// A crash before this line: nothing of the group is stored. Within it: the
	// frame is whole or not, and nobody was told. After it: open puts into
	// Badger what Badger lacks.
	if err := db.journal.append(body); err != nil {
		return err
	}
	db.prepareAhead()
	return nil
}

// applyGroup puts a durable group into Badger, makes it visible and tells the
// callers.
func (db *DB) applyGroup(g *group) {
	err := db.stopCause()
	if err == nil && len(g.writer.pairs) > 0 {
		if err = g.writer.commit(); err != nil {
			err = db.poison(err)
		}
	}
	if err == nil {
		db.refresh() // before publish: a size that is seen is in the snapshot
		for _, p := range g.parts {
			if p.next != nil {
				p.ledger.publish(p.next)
			}
		}
	}
	g.finish(err)
}

// apply puts the entries of one ledger behind the records of t, and returns
// the tree with them. It is used alike by appends and by replay.
func apply(w *writer, l number, t *tree, entries []entry) (*tree, error) {
	next := *t
	lines := make([][]byte, len(entries))
	leaves := make([]merkle.Hash, len(entries))
	w.pairs = slices.Grow(w.pairs, 2*len(entries)+8)
	for i, e := range entries {
		lines[i], leaves[i] = e.line, e.leaf
		w.put(idKey(l, e.id), e.index.encode())
		if e.erases != "" {
			w.put(erasureKey(l, e.erases, e.index.n), nil)
		}
		for _, link := range e.chains {
			w.put(chainKey(l, link.Chain), chainHead{link.Ordinal, e.index.n}.encode())
		}
	}
	for last, value := range packs(t.size(), lines) {
		w.put(packKey(l, last), value)
	}
	if err := next.append(l, leaves, w.put); err != nil {
		return nil, err
	}
	w.put(headKey(l), next.head().encode())
	return &next, nil
}

// A writer collects what goes into Badger. Nothing goes before commit, so that
// Badger is never ahead of the journal.
type writer struct {
	kv    *badger.DB
	pairs []pair
}

type pair struct{ key, value []byte }

// put sets a key. Key and value must not be changed any more.
func (w *writer) put(key, value []byte) { w.pairs = append(w.pairs, pair{key, value}) }

// commit writes all in one transaction, or in several where Badger takes no
// more in one. A crash between two leaves the head of a ledger behind, which
// is put last, and open applies the group again.
func (w *writer) commit() error {
	txn := w.kv.NewTransaction(true)
	defer func() { txn.Discard() }()
	for _, p := range w.pairs {
		err := txn.Set(p.key, p.value)
		if errors.Is(err, badger.ErrTxnTooBig) {
			if err = txn.Commit(); err == nil {
				txn = w.kv.NewTransaction(true)
				err = txn.Set(p.key, p.value)
			}
		}
		if err != nil {
			return fmt.Errorf("badger: %w", err)
		}
	}
	if err := txn.Commit(); err != nil {
		return fmt.Errorf("badger: %w", err)
	}
	return nil
}

// makeRoom starts a new segment of the journal where the last one has no room
// for a body of n bytes.
func (db *DB) makeRoom(n int) error {
	j := db.journal
	if j.fits(n) {
		return nil
	}
	// The base says what is in Badger: all groups before are applied first.
	db.land(true)
	if err := db.stopCause(); err != nil {
		return err
	}
	base := baseItem{db.store}.append(nil)
	for _, l := range db.allLedgers() {
		h := l.head.Load()
		if h.size > 0 {
			base = ledgerItem{l.number, *h, l.origin}.append(base)
		}
	}
	if err := db.preparedSegment(len(base), n); err != nil {
		return err
	}
	if err := j.rotate(base); err != nil {
		return err
	}
	db.nextSegment.Store(j.segmentBytes(j.last + 1))
	// Segments whose content was found durable in Badger, and which are more
	// than what we keep to give a damaged Badger back.
	if err := j.drop(min(db.durable.Load(), j.keepFrom())); err != nil {
		return err
	}
	last := j.last
	db.background(func() {
		if err := db.makeDurable(last); err != nil {
			db.poison(err)
		}
	})
	return nil
}

// prepareAhead starts to prepare the next segment once half of the last one
// is used, so that the group that needs it does not wait.
func (db *DB) prepareAhead() {
	j := db.journal
	if db.preparing != nil || j.at < j.size/2 {
		return
	}
	done := make(chan error, 1)
	db.preparing = done
	next, base := j.last+1, 256*len(db.allLedgers())
	db.background(func() {
		err := j.prepare(next, base)
		if err == nil {
			db.nextSegment.Store(0)
		}
		done <- err
	})
}

// preparedSegment waits until a file for the next segment is there that takes
// a base and the body at hand.
func (db *DB) preparedSegment(base, body int) error {
	j := db.journal
	if db.preparing != nil {
		err := <-db.preparing
		db.preparing = nil
		if err == nil {
			size, err := fileSize(j.fsys, filepath.Join(j.dir, prepared))
			if err != nil {
				return err
			}
			if size >= j.segmentBytes(j.last+1, base, body) {
				return nil
			}
		} else if !noSpace(err) {
			return err
		}
	}
	return j.prepare(j.last+1, base, body)
}

// makeDurable makes all durable that Badger was given before segment last was
// begun.
func (db *DB) makeDurable(last uint32) error {
	db.durableMu.Lock()
	defer db.durableMu.Unlock()
	if err := db.syncStore(); err != nil {
		return err
	}
	db.durable.Store(max(db.durable.Load(), last))
	return nil
}

// syncStore makes Badger's files durable, through descriptors of our own. db.Sync
// would not do: it covers the memtable in use and not one that was switched
// out and waits for its flush. What Badger was given lies, at any moment, in
// the files of the directory: in a memtable's log, in the value log, or in a
// table that the manifest lists. So all of them are synced, and then the
// names, until no name changed meanwhile.
func (db *DB) syncStore() error {
	for {
		before, err := db.fsys.List(db.badgerDir())
		if err != nil {
			return err
		}
		gone := false
		for _, name := range before {
			switch filepath.Ext(name) {
			case ".sst":
				if db.synced[name] {
					continue // written once
				}
			case ".mem", ".vlog":
			default:
				if name != badger.ManifestFilename && name != badger.KeyRegistryFileName {
					continue
				}
			}
			f, err := db.fsys.Open(filepath.Join(db.badgerDir(), name))
			if isGone(err) {
				gone = true
				break
			}
			if err != nil {
				return err
			}
			if err := errors.Join(f.Sync(), f.Close()); err != nil {
				return err
			}
			if strings.HasSuffix(name, ".sst") {
				db.synced[name] = true
			}
		}
		if gone {
			continue
		}
		if err := db.fsys.SyncDir(db.badgerDir()); err != nil {
			return err
		}
		after, err := db.fsys.List(db.badgerDir())
		if err != nil {
			return err
		}
		if slices.Equal(before, after) {
			return nil
		}
	}
}
