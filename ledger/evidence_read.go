package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
)

// States of an Item.
const (
	Stored     = "stored"
	Absent     = "absent"     // never given to this store
	Missing    = "missing"    // it was stored, and its file is not there or damaged
	Erased     = "erased"     // by an erase record
	Restricted = "restricted" // kept for storage only, by an erase record
)

// An Item is an attachment or a sealed field that a record commits to.
type Item struct {
	N       int64  // of the record
	Record  string // its id
	Kind    string // evidence.Attachment or evidence.Disclosure
	Name    string // of an attachment; that of a sealed field is sealed, too
	Digest  record.Digest
	Size    int64 // of an attachment, as committed; -1 of a sealed field
	Media   string
	Keep    record.Time
	State   string
	By      int64    // the erase record, -1
	Keys    []string // fingerprints of the keys that can open it here, sorted
	Parties []string // whose keys these are, sorted
}

// Evidence lists what record n commits to, attachments first.
func (l *Ledger) Evidence(n int64) ([]Item, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	r, err := l.recordAt(n)
	if err != nil {
		return nil, err
	}
	return l.items(r)
}

func (l *Ledger) items(r *record.Record) ([]Item, error) {
	l.evidenceMu.Lock()
	defer l.evidenceMu.Unlock()
	return l.itemsLocked(r)
}

// itemsLocked is items for who holds evidenceMu.
func (l *Ledger) itemsLocked(r *record.Record) ([]Item, error) {
	var all []Item
	for _, a := range r.Attach {
		all = append(all, Item{Kind: evidence.Attachment, Name: a.Name, Digest: a.Digest, Size: a.Size, Media: a.Media, Keep: a.Keep})
	}
	for _, d := range r.Sealed {
		all = append(all, Item{Kind: evidence.Disclosure, Digest: d, Size: -1})
	}
	party := map[string]string{}
	for i := range all {
		item := &all[i]
		item.N, item.Record, item.By = r.Log.N, r.ID, -1
		if err := l.itemState(r, item); err != nil {
			return nil, err
		}
		for _, k := range item.Keys {
			party[k] = ""
		}
	}
	if len(party) > 0 {
		err := l.State(func(s *fee.State) error {
			for k := range party {
				party[k], _ = s.Standing().KeyParty(k)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range all {
		for _, k := range all[i].Keys {
			if p := party[k]; p != "" && !slices.Contains(all[i].Parties, p) {
				all[i].Parties = append(all[i].Parties, p)
			}
		}
		slices.Sort(all[i].Parties)
	}
	return all, nil
}

func (l *Ledger) itemState(r *record.Record, item *Item) error {
	by, err := l.erasure(r, item.Digest)
	if err != nil {
		return err
	}
	if by != nil {
		item.By = by.n
		item.State = Erased
		if by.state != record.Restricted {
			return nil
		}
	}
	there, err := l.isStored(item.N, item.Digest)
	if err != nil {
		return err
	}
	h, err := l.db.readHeader(l.evidencePath(item.N, item.Digest))
	_, bad := errors.AsType[*badEvidence](err)
	switch {
	case err == nil && there:
		item.State = Stored
		for _, s := range h.Slots {
			item.Keys = append(item.Keys, s.Holder)
		}
	case err != nil && !isGone(err) && !bad:
		return err
	case there:
		item.State = Missing
	default:
		item.State = Absent
	}
	if by != nil && item.State == Stored {
		item.State = Restricted
	}
	return nil
}

// Item is the one of record n that is called so: the name of an attachment, or
// a digest.
func (l *Ledger) Item(n int64, name string) (Item, error) {
	all, err := l.Evidence(n)
	if err != nil {
		return Item{}, err
	}
	for _, i := range all {
		if i.Name == name && name != "" || string(i.Digest) == name {
			return i, nil
		}
	}
	return Item{}, fmt.Errorf("%s: %w: record %d commits to none called %q", l.origin, ErrNoEvidence, n, name)
}

// A Reader reads evidence. That all of it was read, and has the digest that the
// record commits to, is said by io.EOF and by nothing before.
type Reader struct {
	Item Item
	Salt [record.AttachmentSaltBytes]byte // of an attachment
	l    *Ledger
	f    file
	r    io.Reader
}

// OpenEvidence opens evidence of record n with a key that holds it: the content
// of an attachment, or the text of a disclosure. The caller closes it before
// the DB.
func (l *Ledger) OpenEvidence(n int64, name string, id *evidence.Identity) (*Reader, error) {
	item, err := l.Item(n, name)
	if err != nil {
		return nil, err
	}
	return l.openItem(item, id)
}

func (l *Ledger) openItem(item Item, id *evidence.Identity) (*Reader, error) {
	r := &Reader{Item: item, l: l}
	h, err := l.openFile(item, &r.f)
	if err != nil {
		return nil, err
	}
	payload := io.NewSectionReader(r.f, evidence.HeaderBytes, h.PayloadBytes())
	if r.r, err = h.Open(id, l.origin, payload); err == nil && item.Kind == evidence.Attachment {
		_, err = io.ReadFull(r.r, r.Salt[:])
	}
	if err != nil {
		return nil, errors.Join(l.told(item, err), r.f.Close())
	}
	return r, nil
}

// openFile opens the file of an item and compares its header with the record.
func (l *Ledger) openFile(item Item, f *file) (h *evidence.Header, err error) {
	if err := l.openable(item); err != nil {
		return nil, err
	}
	l.evidenceMu.Lock() // a header may be written anew
	h, err = l.openHeader(item, f)
	l.evidenceMu.Unlock()
	if err != nil {
		return nil, l.told(item, err)
	}
	return h, nil
}

// openable refuses an item that is not stored, or not to be read.
func (l *Ledger) openable(item Item) error {
	what := fmt.Sprintf("%s: record %d: %s", l.origin, item.N, item.called())
	switch item.State {
	case Erased, Restricted:
		return fmt.Errorf("%s: %w", what, (&erasure{item.By, item.State}).error(item.N))
	case Absent:
		return fmt.Errorf("%s: %w: this store was not given it", what, ErrNoEvidence)
	case Missing:
		return fmt.Errorf("%s: %w", what, damaged("it was stored, and its file is missing or damaged"))
	}
	return nil
}

// openHeader is openFile for who holds evidenceMu and has an item that is
// openable.
func (l *Ledger) openHeader(item Item, f *file) (h *evidence.Header, err error) {
	if *f, err = l.db.fsys.Open(l.evidencePath(item.N, item.Digest)); err != nil {
		return nil, err
	}
	if h, err = readHeader(*f); err == nil {
		err = item.matches(h)
	}
	if err != nil {
		return nil, errors.Join(err, (*f).Close())
	}
	return h, nil
}

// called is what a message calls it.
func (i Item) called() string {
	if i.Kind == evidence.Attachment {
		return fmt.Sprintf("attachment %q", i.Name)
	}
	return "sealed field " + string(i.Digest)
}

// matches compares a header with what the record says.
func (i Item) matches(h *evidence.Header) error {
	size := i.Size + record.AttachmentSaltBytes
	switch {
	case h.Kind != i.Kind:
		return fmt.Errorf("file is of kind %s, want %s", h.Kind, i.Kind)
	case h.Record != i.Record:
		return fmt.Errorf("file is of record %s, want %s", h.Record, i.Record)
	case h.Digest != i.Digest:
		return fmt.Errorf("file has digest %s, want %s", h.Digest, i.Digest)
	case i.Kind == evidence.Attachment && h.Bytes != size:
		return fmt.Errorf("file seals %d bytes, want %d", h.Bytes, size)
	}
	return nil
}

func (r *Reader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if err != nil && err != io.EOF {
		err = r.l.told(r.Item, err)
	}
	return n, err
}

// told says what an error of reading means: what was erased meanwhile reads as
// damaged.
func (l *Ledger) told(item Item, err error) error {
	if now, e := l.Item(item.N, string(item.Digest)); e == nil && now.State == Erased {
		err = (&erasure{now.By, record.Erased}).error(now.N)
	} else if !errors.Is(err, evidence.ErrNotHeld) {
		err = damaged("%v", err)
	}
	return fmt.Errorf("%s: record %d: %s: %w", l.origin, item.N, item.called(), err)
}

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }

// SealedCopy writes the sealed file of an item as it is, but for the keys of
// others than those named: what a party is given, to open with its own key.
func (l *Ledger) SealedCopy(w io.Writer, n int64, name string, fingerprints ...string) error {
	item, err := l.Item(n, name)
	if err != nil {
		return err
	}
	var f file
	h, err := l.openFile(item, &f)
	if err != nil {
		return err
	}
	defer f.Close()
	fail := func(err error) error {
		return fmt.Errorf("%s: record %d: %s: %w", l.origin, n, item.called(), err)
	}
	own, err := h.For(fingerprints...)
	if err != nil {
		return fail(err)
	}
	head, err := own.Marshal()
	if err != nil {
		return fail(err)
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), io.NewSectionReader(f, evidence.HeaderBytes, h.PayloadBytes())); err != nil {
		return err
	}
	if got := record.Digest(fmt.Sprintf("sha256:%x", sum.Sum(nil))); got != h.Payload {
		return fail(damaged("payload has digest %s, want %s", got, h.Payload))
	}
	return nil
}

// checkPayload hashes the payload of a file as it lies there.
func (db *DB) checkPayload(path string, h *evidence.Header) error {
	f, err := db.fsys.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, evidence.HeaderBytes, h.PayloadBytes())); err != nil {
		return err
	}
	if got := record.Digest(fmt.Sprintf("sha256:%x", sum.Sum(nil))); got != h.Payload {
		return &badEvidence{fmt.Errorf("payload has digest %s, want %s", got, h.Payload)}
	}
	return nil
}

// evidenceOf checks the evidence of one record: what is stored is there, whole,
// and what the record commits to; what is erased is not.
func (c *checker) evidenceOf(ctx context.Context, r *record.Record) {
	if b, ok := r.Body.(*record.Erase); ok {
		c.erasures++
		if _, err := c.txn.Get(erasureKey(c.ledger.number, b.Of, r.Log.N)); err != nil {
			c.fault(r.Log.N, "erasure of %s is not indexed: %v", b.Of, err)
		}
	}
	if len(r.Attach)+len(r.Sealed) == 0 {
		return
	}
	l := c.ledger
	for _, d := range slices.Compact(slices.Sorted(slices.Values(record.EvidenceOf(r)))) {
		if ok, err := l.stored(c.txn, r.Log.N, d); err != nil {
			c.fault(r.Log.N, "evidence %s: %v", d, err)
		} else if ok {
			c.stored++
		}
	}
	if c.badgerOnly {
		return
	}
	l.evidenceMu.Lock() // so that what is being placed or erased is seen whole
	items, err := l.itemsLocked(r)
	whole := map[record.Digest]*evidence.Header{}
	for _, i := range items {
		h, err := l.db.readHeader(l.evidencePath(i.N, i.Digest))
		if err == nil {
			whole[i.Digest] = h
		}
		c.item(i, h, err)
	}
	l.evidenceMu.Unlock()
	if err != nil {
		c.fault(r.Log.N, "evidence: %v", err)
		return
	}
	for _, i := range items {
		h := whole[i.Digest]
		if h == nil || i.State != Stored && i.State != Restricted {
			continue
		}
		if err := l.db.checkPayload(l.evidencePath(i.N, i.Digest), h); err != nil {
			// It may have been erased meanwhile.
			if now, e := l.Item(i.N, string(i.Digest)); e != nil || now.State != Erased {
				c.fault(i.N, "%s: %v", i.called(), err)
			}
		} else if i.State == Stored {
			c.plain(ctx, i, h)
		}
	}
}

// item compares the state of one piece with its file: h is its header, err why
// there is none.
func (c *checker) item(i Item, h *evidence.Header, err error) {
	switch {
	case (i.State == Absent || i.State == Erased) && isGone(err):
	case i.State == Absent:
		c.fault(i.N, "%s is there, and not known to be stored", i.called())
	case i.State == Erased:
		c.fault(i.N, "%s is erased by record %d, and its file is there", i.called(), i.By)
	case isGone(err):
		c.fault(i.N, "%s was stored, and its file is missing", i.called())
	case err != nil:
		c.fault(i.N, "%s: %v", i.called(), err)
	default:
		if err := i.matches(h); err != nil {
			c.fault(i.N, "%s: %v", i.called(), err)
		}
	}
}

// plain opens what one of the keys at hand can open, to compare its digest with
// the record's.
func (c *checker) plain(ctx context.Context, i Item, h *evidence.Header) {
	for _, id := range c.identities {
		if !h.HeldBy(id.Fingerprint()) {
			continue
		}
		r, err := c.ledger.openItem(i, id)
		if err == nil {
			_, err = io.Copy(io.Discard, contextReader{ctx, r})
			err = errors.Join(err, r.Close())
		}
		if err != nil && !errors.Is(err, ErrErased) {
			c.fault(i.N, "%s does not open with key %s: %v", i.called(), id.Fingerprint(), err)
		}
	}
}

// evidenceFiles looks for files that are no evidence of a record.
func (c *checker) evidenceFiles(ctx context.Context) error {
	l := c.ledger
	if c.badgerOnly {
		return nil
	}
	fsys := l.db.fsys
	folders, err := fsys.List(l.evidenceDir())
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if folder == nameStaged {
			continue // under way, or waiting for the next open
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		names, err := fsys.List(filepath.Join(l.evidenceDir(), folder))
		if err != nil {
			return err
		}
		for _, name := range names {
			var n int64
			_, digest, _ := strings.Cut(name, "-")
			d := record.Digest("sha256:" + digest)
			if _, err := fmt.Sscanf(name, "%016x-", &n); err != nil || l.evidencePath(n, d) != filepath.Join(l.evidenceDir(), folder, name) {
				c.fault(-1, "file %s/%s is no evidence of a record", folder, name)
				continue
			}
			// Not the snapshot of this check: it may have been placed since.
			ok, err := l.isStored(n, d)
			if err != nil {
				return err
			}
			if !ok {
				c.fault(n, "file %s/%s is there, and not known to be stored", folder, name)
			}
		}
	}
	return nil
}
