package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/ledger/evidence"
)

// Erasing. The erase record comes first and stays; what it names is then
// destroyed, and destroyed again whenever the store is opened. So a crash leaves
// either no erasure, or one that the next open ends; and a file that comes
// back from a backup does not stay.
//
// The store obeys the operator's erase records alone, which have no author.
// Those of others say what became of their own copies.

// An erasure is an erase record of the operator's that covers some evidence.
type erasure struct {
	n     int64
	state string
}

func (e *erasure) error(n int64) error {
	if e.state == record.Restricted {
		return fmt.Errorf("%w: of record %d, kept for storage only by record %d", ErrErased, n, e.n)
	}
	return fmt.Errorf("%w: of record %d, by record %d", ErrErased, n, e.n)
}

// erasure is the one that holds for evidence of r, nil if there is none: one
// that erased, or else the one that restricted it, if that was not lifted.
func (l *Ledger) erasure(r *record.Record, digest record.Digest) (*erasure, error) {
	all, err := l.erasures(r.ID)
	if err != nil {
		return nil, err
	}
	name := ""
	if i := slices.IndexFunc(r.Attach, func(a record.Attachment) bool { return a.Digest == digest }); i >= 0 {
		name = r.Attach[i].Name
	}
	var found *erasure
	for _, e := range all {
		b := e.Body.(*record.Erase)
		if e.Author != nil || !b.Covers(name, digest) {
			continue
		}
		was := ""
		if found != nil {
			was = found.state
		}
		switch now := record.StateAfter(was, b.State); now {
		case was:
		case "":
			found = nil
		default:
			found = &erasure{e.Log.N, now}
		}
	}
	return found, nil
}

// erasures are the erase records about a record, of all parties, in order.
func (l *Ledger) erasures(of string) ([]*record.Record, error) {
	var ns []int64
	err := l.db.read(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		o.Prefix = erasurePrefix(l.number, of)
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			n, err := keyIndex(it.Item().Key())
			if err != nil {
				return err
			}
			ns = append(ns, n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var all []*record.Record
	for _, n := range ns {
		if n >= l.Size() {
			break // under way; whoever appends it will see to it
		}
		r, err := l.recordAt(n)
		if err != nil {
			return nil, err
		}
		if b, ok := r.Body.(*record.Erase); !ok || b.Of != of {
			return nil, damaged("%s: record %d is indexed as an erasure of %s, and is %s", l.origin, n, of, r.Kind)
		}
		all = append(all, r)
	}
	return all, nil
}

// obey destroys what the records, now durable, erase. The caller holds
// evidenceMu if there is an erase record among them.
func (l *Ledger) obey(records []*record.Record) error {
	for _, r := range records {
		b, ok := r.Body.(*record.Erase)
		if !ok {
			continue
		}
		if err := l.obeyOne(r, b); err != nil {
			return fmt.Errorf("%s: record %s is stored, what it erases is not destroyed yet; opening the store again destroys it: %w", l.origin, r.ID, err)
		}
	}
	return nil
}

func (l *Ledger) obeyOne(r *record.Record, b *record.Erase) error {
	n, ok, err := l.Find(b.Of)
	if err != nil {
		return err
	}
	if !ok {
		return damaged("record %s erases evidence of %s, which is not there", r.ID, b.Of)
	}
	by, ok, err := l.Find(r.ID)
	if err != nil || !ok {
		return err
	}
	var done destroyed
	done.n = n
	if r.Author == nil && b.State == record.Erased {
		of, err := l.recordAt(n)
		if err != nil {
			return err
		}
		for _, d := range covered(of, b) {
			sum, _ := d.Bytes()
			done.digests = append(done.digests, sum)
		}
	}
	if err := l.destroyFiles(done); err != nil {
		return err
	}
	if err := l.db.kv.Update(func(txn *badger.Txn) error { return txn.Set(erasureKey(l.number, b.Of, by), done.encode()) }); err != nil {
		return l.db.poison(err)
	}
	return nil
}

// A destroyed is what an erase record has destroyed, so that opening a store
// need not read records to find whether any of it has come back. It is derived:
// where it is missing, the records are read.
type destroyed struct {
	n       int64 // of the record whose evidence it was
	digests [][sha256.Size]byte
}

func (d destroyed) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(d.n))
	for _, sum := range d.digests {
		b = append(b, sum[:]...)
	}
	return b
}

func decodeDestroyed(b []byte) (d destroyed, ok bool) {
	if len(b) < 8 || (len(b)-8)%sha256.Size != 0 {
		return d, false
	}
	d.n = int64(binary.BigEndian.Uint64(b))
	for b = b[8:]; len(b) > 0; b = b[sha256.Size:] {
		d.digests = append(d.digests, [sha256.Size]byte(b))
	}
	return d, true
}

func (l *Ledger) destroyFiles(d destroyed) error {
	for _, sum := range d.digests {
		if err := l.db.destroy(l.evidencePath(d.n, record.Digest(fmt.Sprintf("sha256:%x", sum)))); err != nil {
			return err
		}
	}
	return nil
}

// covered are the digests of evidence of r that b is about.
func covered(r *record.Record, b *record.Erase) []record.Digest {
	var all []record.Digest
	for _, a := range r.Attach {
		if b.Covers(a.Name, a.Digest) {
			all = append(all, a.Digest)
		}
	}
	for _, d := range r.Sealed {
		if b.Covers("", d) {
			all = append(all, d)
		}
	}
	return all
}

// eraseAgain destroys what any erase record of the ledger covers.
func (l *Ledger) eraseAgain() error {
	var unknown []int64
	var known []destroyed
	err := l.db.read(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.Prefix = ledgerKey(keyErasure, l.number)
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			n, err := keyIndex(it.Item().Key())
			if err != nil {
				return err
			}
			err = it.Item().Value(func(v []byte) error {
				if d, ok := decodeDestroyed(v); ok {
					known = append(known, d)
				} else {
					unknown = append(unknown, n)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	l.evidenceMu.Lock()
	defer l.evidenceMu.Unlock()
	for _, d := range known {
		if err := l.destroyFiles(d); err != nil {
			return err
		}
	}
	for _, n := range unknown {
		r, err := l.recordAt(n)
		if err != nil {
			return err
		}
		if err := l.obey([]*record.Record{r}); err != nil {
			return err
		}
	}
	return nil
}

// destroy overwrites a file in its place, the wrapped keys first, and removes
// it. A crash leaves less and less of it; doing it again does no harm.
//
//	a crash before           leaves
//	the first sync           the file, or one whose keys are gone in part
//	the second sync          no keys: what is left cannot be opened by anyone
//	the folder is synced     zeros under the name
func (db *DB) destroy(path string) error {
	f, err := db.fsys.Open(path)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	err = overwrite(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := db.fsys.Remove(path); err != nil {
		return err
	}
	return db.fsys.SyncDir(filepath.Dir(path))
}

func overwrite(f file) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	zeros := make([]byte, 64<<10)
	for at := int64(0); at < size; {
		n := min(size-at, int64(len(zeros)))
		if at == 0 {
			n = min(n, evidence.HeaderBytes)
		}
		if _, err := f.WriteAt(zeros[:n], at); err != nil {
			return err
		}
		at += n
		if at == n || at == size {
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	return nil
}

// An Erasure is what Erase is asked for.
type Erasure struct {
	ID    string // of the erase record
	Of    string // id of the record whose evidence is erased
	Basis string // legal or agreed basis
	Scope []string
	// State is record.Erased, record.Restricted, or record.Lifted, which ends a
	// restriction; "" is erased.
	State string
	// Improper erases even where something speaks against it. That stays in
	// the ledger: the rules find it, and presume from it.
	Improper bool
	// Demanded erases even where a demand to the operator is unanswered.
	Demanded bool
}

// An ImproperError is why Erase erased nothing.
type ImproperError struct {
	Of     string
	Causes []responsibility.Impropriety
}

func (e *ImproperError) Error() string {
	s := "erasing evidence of " + e.Of + " would be improper"
	for i, c := range e.Causes {
		s += map[bool]string{true: ": ", false: "; "}[i == 0] + c.Text
	}
	return s
}

// A DemandedError is why Erase erased nothing: it is demanded, and who erases it
// cannot answer any more.
type DemandedError struct {
	Of, Demand, By string // what is demanded, the demand, and who demands
	Deadline       record.Time
}

func (e *DemandedError) Error() string {
	return fmt.Sprintf("evidence of %s is demanded by %s until %v: demand %s is unanswered", e.Of, e.By, e.Deadline, e.Demand)
}

// Erase records the operator's erasure of evidence and destroys the keys and the
// content in this store. The holders it names are the parties whose keys could
// open it, and those among them confirmed that have an erasure of their own.
// It returns the index of the erase record, and what speaks against it: that
// which the rule improper_erasure finds of some effect, now or later. The
// same id again ends an erasing that was cut off.
func (l *Ledger) Erase(ctx context.Context, e Erasure) (n int64, improper []responsibility.Impropriety, err error) {
	if err := l.db.begin(); err != nil {
		return -1, nil, err
	}
	defer l.db.end()
	if e.State == "" {
		e.State = record.Erased
	}
	at, ok, err := l.Find(e.Of)
	if err != nil {
		return -1, nil, err
	}
	if !ok {
		return -1, nil, fmt.Errorf("%s: %w: %s", l.origin, ErrNoRecord, e.Of)
	}
	of, err := l.recordAt(at)
	if err != nil {
		return -1, nil, err
	}
	among, err := l.around(of)
	if err != nil {
		return -1, nil, err
	}
	body := &record.Erase{Of: e.Of, Basis: e.Basis, State: e.State, Scope: e.Scope}
	if i := slices.IndexFunc(among, func(r *record.Record) bool { return r.ID == e.ID }); i >= 0 {
		// It is there: holders and confirmations stay as they were.
		old, ok := among[i].Body.(*record.Erase)
		if !ok || old.Of != body.Of || old.Basis != body.Basis || old.State != body.State || !slices.Equal(old.Scope, body.Scope) {
			return -1, nil, &record.Refusal{Check: "order", N: -1, ID: e.ID, Field: "id", Reason: fmt.Sprintf("is that of record %d with other content", among[i].Log.N)}
		}
		if err := l.stillSo(of, among[i]); err != nil {
			return -1, nil, err
		}
		if improper, err = l.against(ctx, among[i], of); err != nil {
			return -1, nil, err
		}
		again := *among[i]
		again.Log = nil
		ns, err := l.Append(ctx, &again)
		if err != nil {
			return -1, nil, err
		}
		return ns[0], improper, nil
	}
	for _, s := range e.Scope {
		one := record.Erase{Scope: []string{s}}
		if len(covered(of, &one)) == 0 {
			return -1, nil, fmt.Errorf("%s: %w: record %d commits to none called %q", l.origin, ErrNoEvidence, at, s)
		}
	}
	if len(covered(of, body)) == 0 {
		return -1, nil, fmt.Errorf("%s: %w: record %d commits to none", l.origin, ErrNoEvidence, at)
	}
	if e.State == record.Lifted {
		if err := l.restricted(of, body); err != nil {
			return -1, nil, err
		}
	}
	operator, now, err := l.operator()
	if err != nil {
		return -1, nil, err
	}
	if body.Holders, err = l.heldBy(of, body); err != nil {
		return -1, nil, err
	}
	if !slices.Contains(body.Holders, operator) {
		body.Holders = append(body.Holders, operator)
	}
	slices.Sort(body.Holders)
	r := &record.Record{Kind: record.KindErase, ID: e.ID, Case: of.Case, At: now, By: operator, Body: body}
	if improper, err = l.against(ctx, r, of); err != nil {
		return -1, nil, err
	}
	if len(improper) > 0 && !e.Improper {
		return -1, improper, &ImproperError{e.Of, improper}
	}
	if e.State == record.Erased {
		if demand := unanswered(of, operator, among); demand != nil && !e.Demanded {
			return -1, improper, &DemandedError{e.Of, demand.ID, demand.By, demand.Body.(*record.Demand).Deadline}
		}
		for _, h := range body.Holders {
			if h != operator && confirmed(body, h, of, among) {
				body.Confirmed = append(body.Confirmed, h)
			}
		}
	}
	ns, err := l.Append(ctx, r)
	if err != nil {
		return -1, improper, err
	}
	return ns[0], improper, nil
}

// restricted refuses to lift a restriction of evidence that has none.
func (l *Ledger) restricted(of *record.Record, b *record.Erase) error {
	for _, d := range covered(of, b) {
		by, err := l.erasure(of, d)
		if err != nil {
			return err
		}
		if by != nil && by.state == record.Restricted {
			return nil
		}
	}
	return fmt.Errorf("%s: %w: none of record %d that is named is restricted", l.origin, ErrNoEvidence, of.Log.N)
}

// stillSo refuses to take the record of a restriction, or of its lifting, for
// that of another one: what it said has been taken back since.
func (l *Ledger) stillSo(of, r *record.Record) error {
	b := r.Body.(*record.Erase)
	for _, d := range covered(of, b) {
		by, err := l.erasure(of, d)
		if err != nil {
			return err
		}
		now := ""
		if by != nil {
			now = by.state
		}
		if now != record.StateAfter(now, b.State) {
			return &record.Refusal{Check: "order", N: -1, ID: r.ID, Field: "id", Reason: fmt.Sprintf("is that of record %d, and its evidence is not %s any more: a further record needs another id", r.Log.N, b.State)}
		}
	}
	return nil
}

// operator is the operator's id, and the ledger's time.
func (l *Ledger) operator() (id string, now record.Time, err error) {
	err = l.State(func(s *fee.State) error {
		id, now = s.Standing().Latest().Terms.Operator().ID, max(l.db.now(), s.Standing().Last())
		return nil
	})
	return id, now, err
}

// heldBy are the parties for whose keys the covered evidence is sealed here.
func (l *Ledger) heldBy(of *record.Record, b *record.Erase) ([]string, error) {
	items, err := l.items(of)
	if err != nil {
		return nil, err
	}
	var parties []string
	for _, i := range items {
		if !b.Covers(i.Name, i.Digest) {
			continue
		}
		for _, p := range i.Parties {
			if !slices.Contains(parties, p) {
				parties = append(parties, p)
			}
		}
	}
	return parties, nil
}

// around are the demands, disclosures and erasures in the case of of, or behind
// it in the standing chain, in their order.
func (l *Ledger) around(of *record.Record) ([]*record.Record, error) {
	chain, least := "case/"+of.Case, int64(0)
	if of.Case == "" {
		chain, least = "standing", of.Log.N
	}
	var n int64 = -1
	err := l.db.read(func(txn *badger.Txn) error {
		h, ok, err := readChain(txn, l.number, chain)
		if ok {
			n = h.n
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if n >= l.Size() { // under way
		if err := l.barrier(); err != nil {
			return nil, err
		}
	}
	var found []*record.Record
	for n >= least {
		r, err := l.recordAt(n)
		if err != nil {
			return nil, err
		}
		switch r.Body.(type) {
		case *record.Demand, *record.Disclose, *record.Erase:
			found = append(found, r)
		}
		n = -1
		for _, link := range r.Log.Chains {
			if link.Chain == chain {
				n = link.Prev
			}
		}
	}
	slices.Reverse(found)
	return found, nil
}
