package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// An admission is what decides whether a record may stand at the end of a
// ledger. It is ahead of what is committed by the records that are under way:
// a commit that fails stops the whole DB, so it need never go back.
type admission struct {
	state  *fee.State
	meter  *fee.Meter           // running totals of the state, nil until somebody asks for them
	next   int64                // index of the next record
	ids    map[string]idEntry   // recent ones, all that are under way among them
	chains map[string]chainHead // likewise
	names  filter
}

func newAdmission(state *fee.State, next int64) *admission {
	a := &admission{state: state, next: next, ids: map[string]idEntry{}, chains: map[string]chainHead{}}
	if next == 0 {
		a.names.stored.Store(&sieve{})
	}
	return a
}

// recentEntries bounds what an admission remembers beside the store.
const recentEntries = 1 << 14

// forget drops entries that the store has, once there are many.
func (a *admission) forget(size int64) {
	if len(a.ids) > recentEntries {
		for id, e := range a.ids {
			if e.n < size {
				delete(a.ids, id)
			}
		}
	}
	if len(a.chains) > recentEntries {
		for chain, h := range a.chains {
			if h.n < size {
				delete(a.chains, chain)
			}
		}
	}
}

// A draft is a record of an Append call on its way through admission.
type draft struct {
	record   *record.Record // a copy with its log
	prepared *record.Prepared
	position int
	behind   idEntry // the record that a claim names as the action behind it
}

// admit checks everything, moves the admission on, and returns what goes to
// the committer: nil if nothing is new and all is committed. The caller holds
// the lock, and hands requests on in order before it lets go.
func (l *Ledger) admit(c *call) (*request, error) {
	a, err := l.admitted()
	if err != nil {
		return nil, err
	}
	if c.settled {
		if err := l.drain(a); err != nil {
			return nil, err
		}
		if err := l.db.stopCause(); err != nil {
			return nil, err // what was admitted may not be stored
		}
	}
	now := l.db.now()
	if !c.create {
		now = max(now, a.state.Standing().Last())
	}
	if c.fix != nil {
		r, err := c.fix(a.state, now)
		if err != nil {
			return nil, err
		}
		c.records = []*record.Record{r}
		if c.prepared, err = prepare(c.records); err != nil {
			return nil, err
		}
	}
	records := c.records

	b := &batch{ledger: l, admission: a}
	if len(records) > 1 {
		b.ids, b.chains = map[string]idEntry{}, map[string]chainHead{}
	}
	c.ns = make([]int64, len(records))
	var drafts []draft
	err = l.db.read(func(txn *badger.Txn) error {
		b.txn = txn
		for i, r := range records {
			n, known, err := b.known(r, c.prepared[i])
			if err != nil {
				return position(records, i, err)
			}
			if known {
				c.ns[i] = n
				continue
			}
			n = a.next + int64(len(drafts))
			c.ns[i] = n
			d := draft{prepared: c.prepared[i], position: i}
			if d.record, err = b.draft(r, c.prepared[i], n, now); err != nil {
				return position(records, i, err)
			}
			if o, ok := r.Body.(*record.Outcome); ok && o.Effect != "" {
				if d.behind, _, err = b.find(o.Effect); err != nil {
					return position(records, i, err)
				}
			}
			drafts = append(drafts, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(drafts) == 0 {
		if slices.ContainsFunc(c.ns, func(n int64) bool { return n >= l.Size() }) {
			return &request{ledger: l, done: c.done}, nil // wait for those under way
		}
		return nil, nil
	}
	matters := map[string]matterFrom{}
	for i, d := range drafts {
		if alone(d.record.Body) && len(records) > 1 {
			return nil, position(records, d.position, &record.Refusal{Check: "form", N: -1, ID: d.record.ID, Field: "kind",
				Reason: fmt.Sprintf("is %s, which stands alone in its call; this one has %d records", d.record.Body.Kind(), len(records))})
		}
		if b, ok := d.record.Body.(*record.ChainIndex); ok {
			if err := l.checkIndex(c.ctx, d.record, b); err != nil {
				return nil, err
			}
		}
		if o, ok := d.record.Body.(*record.Outcome); ok && o.Effect != "" {
			if err := l.checkEffect(a, d.record, d.behind); err != nil {
				return nil, position(records, d.position, refusedAtAdmission(err))
			}
		}
		if looksBack(d.record.Body) {
			if err := l.checkReview(c.ctx, a, d.record, drafts[:i], matters); err != nil {
				return nil, position(records, d.position, refusedAtAdmission(err))
			}
		}
		if namesEvidence(d.record.Body) {
			if err := l.checkEvidence(records, d.record); err != nil {
				return nil, position(records, d.position, refusedAtAdmission(err))
			}
		}
		if byFinding(d.record.Body) {
			if err := l.checkFinding(c.ctx, d.record, l.indexAt); err != nil {
				return nil, refusedAtAdmission(err)
			}
		}
	}

	entries := make([]entry, len(drafts))
	for i, d := range drafts {
		line := d.prepared.AppendLine(make([]byte, 0, len(d.prepared.Line())+logBytes(d.record.Log)), d.record.Log)
		if len(line) > record.MaxRecordBytes {
			return nil, position(records, d.position, &record.Refusal{Check: "form", N: -1, ID: d.record.ID,
				Reason: fmt.Sprintf("has %d bytes with its log, at most %d", len(line), record.MaxRecordBytes)})
		}
		entries[i] = entry{
			line: line, leaf: merkle.LeafHash(line), id: d.record.ID, chains: d.record.Log.Chains, erases: erases(d.record),
			index: indexOf(d.record, d.prepared),
		}
	}
	if drafts[0].record.Kind == record.KindStatement {
		// Before the fold: these lines are what the statement leaves.
		if c.snapshot, err = a.state.SettledLines(); err != nil {
			return nil, err
		}
	}
	if err := l.fold(a, records, drafts); err != nil {
		return nil, err
	}
	for _, e := range entries {
		a.ids[e.id] = e.index
		a.names.fresh.add(idHash(e.id))
		for _, link := range e.chains {
			a.chains[link.Chain] = chainHead{link.Ordinal, e.index.n}
			if link.Ordinal == 0 {
				a.names.fresh.add(chainHash(link.Chain))
			}
		}
	}
	a.next += int64(len(drafts))
	a.forget(l.Size())
	l.readFilter(&a.names)
	return &request{ledger: l, create: c.create, entries: entries, done: c.done}, nil
}

// logBytes is the room that a log takes in a line, or a little more.
func logBytes(log *record.Log) int {
	n := 96
	for _, link := range log.Chains {
		n += len(link.Chain) + 48
	}
	return n
}

// alone reports whether a record of this kind must be the only one of a call:
// what stands behind it is read under what it says, or it is of all before it.
func alone(b record.Body) bool {
	switch b.(type) {
	case *record.Agreement, *record.Statement, *record.ChainIndex:
		return true
	}
	return byFinding(b)
}

// fold moves the state on by the drafts: by all, or by none if one is
// refused. The checks are those of the verifier.
func (l *Ledger) fold(a *admission, records []*record.Record, drafts []draft) error {
	if len(drafts) == 1 {
		d := drafts[0]
		err := a.apply(d.record)
		if err == nil {
			return nil
		}
		var m *fee.Mismatch
		if errors.As(err, &m) {
			// The state has moved on with the computed statement, which was
			// not appended: it is read again from the records.
			l.admission = nil
			err = &record.Refusal{Check: "statements", N: -1, ID: d.record.ID, Field: "body", Reason: strings.Join(m.Differences, "; ")}
		}
		return position(records, d.position, refusedAtAdmission(err))
	}
	trial := a.state.Standing().Clone()
	for _, d := range drafts {
		if err := trial.Apply(d.record); err != nil {
			return position(records, d.position, refusedAtAdmission(err))
		}
	}
	for _, d := range drafts {
		if err := a.apply(d.record); err != nil {
			// The trial let it pass. The state is half moved on: it is read
			// again from the records, of which none was stored.
			l.admission = nil
			return position(records, d.position, refusedAtAdmission(err))
		}
	}
	return nil
}

// refusedAtAdmission takes the index out of a refusal: the record has none.
func refusedAtAdmission(err error) error {
	var r *record.Refusal
	if errors.As(err, &r) && r.N >= 0 {
		c := *r
		c.N = -1
		return &c
	}
	return err
}

// A batch is what one call adds while it is looked at.
type batch struct {
	ledger    *Ledger
	admission *admission
	txn       *badger.Txn
	ids       map[string]idEntry // nil for a single record
	chains    map[string]chainHead
}

// find looks an id up: in the call, among what is under way, in the store.
func (b *batch) find(id string) (idEntry, bool, error) {
	if e, ok := b.ids[id]; ok {
		return e, true, nil
	}
	if e, ok := b.admission.ids[id]; ok {
		return e, true, nil
	}
	if b.admission.names.lacks(idHash(id)) {
		return idEntry{}, false, nil
	}
	return readID(b.txn, b.ledger.number, id)
}

// known returns the first index of a record that is there already.
func (b *batch) known(r *record.Record, p *record.Prepared) (int64, bool, error) {
	e, ok, err := b.find(r.ID)
	if err != nil || !ok {
		return 0, false, err
	}
	if e.digest != p.Sum() {
		return 0, false, &record.Refusal{Check: "order", N: -1, ID: r.ID, Field: "id",
			Reason: fmt.Sprintf("is that of record %d with other content: got %s, want sha256:%x", e.n, p.Digest(), e.digest)}
	}
	return e.n, true, nil
}

// draft gives a record its log and checks what it says of others.
func (b *batch) draft(r *record.Record, p *record.Prepared, n int64, now record.Time) (*record.Record, error) {
	if err := b.references(r); err != nil {
		return nil, err
	}
	log := &record.Log{N: n, Time: now}
	for _, name := range p.Chains() {
		h, ok, err := b.chain(name)
		if err != nil {
			return nil, err
		}
		link := record.Link{Chain: name, Ordinal: 0, Prev: -1}
		if ok {
			link.Ordinal, link.Prev = h.ordinal+1, h.n
		}
		log.Chains = append(log.Chains, link)
		if b.chains != nil {
			b.chains[name] = chainHead{link.Ordinal, n}
		}
	}
	c := *r
	c.Log = log
	if b.ids != nil {
		b.ids[r.ID] = indexOf(&c, p)
	}
	return &c, nil
}

func (b *batch) chain(name string) (chainHead, bool, error) {
	if h, ok := b.chains[name]; ok {
		return h, true, nil
	}
	if h, ok := b.admission.chains[name]; ok {
		return h, true, nil
	}
	if b.admission.names.lacks(chainHash(name)) {
		return chainHead{}, false, nil
	}
	return readChain(b.txn, b.ledger.number, name)
}

// references checks that what r refers to is there and before it, that r
// belongs to the case it refers into, and that it saw what is there.
func (b *batch) references(r *record.Record) error {
	refuse := func(check, field, reason string, args ...any) error {
		return &record.Refusal{Check: check, N: -1, ID: r.ID, Field: field, Reason: fmt.Sprintf(reason, args...)}
	}
	for _, ref := range record.References(r) {
		e, ok, err := b.find(ref.ID)
		if err != nil {
			return err
		}
		if !ok {
			return refuse("chains", "body."+ref.Field, "is %q, which is no earlier record", ref.ID)
		}
		if e.matter != r.Case && (e.matter != "" && !crossesCases(r.Body) || record.SameCase(r.Kind, ref.Field)) {
			return refuse("chains", "case", "is %q, want %q, that of record %s in body.%s", r.Case, e.matter, ref.ID, ref.Field)
		}
	}
	for _, cite := range r.Cites {
		e, ok, err := b.find(cite.ID)
		if err != nil {
			return err
		}
		if !ok {
			return refuse("chains", "cites", "names %q, which is no earlier record", cite.ID)
		}
		if want := record.Digest(fmt.Sprintf("sha256:%x", e.digest)); cite.Digest != want {
			return refuse("author signatures", "cites", "has %s for %s, want %s", cite.Digest, cite.ID, want)
		}
	}
	return nil
}

// checkEffect checks that the action behind a claim is one, where the terms ask
// for it.
func (l *Ledger) checkEffect(a *admission, r *record.Record, behind idEntry) error {
	standing := a.state.Standing()
	err := standing.CheckEffect(r, behind.effect)
	if err == nil || !behind.stored {
		return err
	}
	x, err := l.recordAt(behind.n)
	if err != nil {
		return err
	}
	b, ok := x.Body.(*record.Action)
	return standing.CheckEffect(r, ok && b.IsEffect())
}

// crossesCases are the kinds that may refer into several cases.
func crossesCases(b record.Body) bool {
	switch b.(type) {
	case *record.Incident, *record.Statement, *record.Adjust, *record.ChainIndex:
		return true
	}
	return false
}

// admitted is the ledger's admission, read from the store if need be. The
// caller holds the lock.
func (l *Ledger) admitted() (*admission, error) {
	l.used.Store(l.db.uses.Add(1))
	if l.admission != nil {
		if l.db.crowded() {
			l.db.letGo(l)
		}
		return l.admission, nil
	}
	// Calls that were admitted before it was dropped may be under way. A
	// stopped DB takes none, and is still read.
	if l.db.stopCause() == nil {
		if err := l.barrier(); err != nil {
			return nil, err
		}
	}
	state, err := l.readState()
	if err != nil {
		return nil, err
	}
	// What was signed last is the beginning of what is there.
	if state.Size() > 0 {
		k, err := keysOf(state)
		if err != nil {
			return nil, err
		}
		if err := l.compareHead(k, l.Size()); err != nil {
			return nil, l.db.poison(err)
		}
	}
	l.admission = newAdmission(state, l.Size())
	l.db.letGo(l)
	return l.admission, nil
}

// drain waits until all that was admitted is committed.
func (l *Ledger) drain(a *admission) error {
	if a.next == l.Size() || l.db.stopCause() != nil {
		return nil
	}
	return l.barrier()
}

// barrier waits for all that was handed to the committer before.
func (l *Ledger) barrier() error {
	r := &request{ledger: l, done: make(chan error, 1)}
	if err := l.db.enqueue(r); err != nil {
		return err
	}
	return <-r.done
}
