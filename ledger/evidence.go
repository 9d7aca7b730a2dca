package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
)

// Evidence lies beside the tree, a sealed file each (docs/evidence.md). None of
// it goes through Badger or the journal: these keep what they were given, and
// erasing could not reach it.

// Evidence is what comes with a record and is not shown in it.
type Evidence struct {
	Attach []Attachment
	Fields []Field

	// Holders are the keys that can open it, nil for all keys in force of the
	// vendor and the client.
	Holders []ed25519.PublicKey
}

// An Attachment is read once, to its end.
type Attachment struct {
	Name    string
	Media   string      // "" if not stated
	Keep    record.Time // 0 if nothing is promised
	Salt    []byte      // 32 bytes; nil for a fresh one
	Content io.Reader
}

// A Field is sealed: the record carries the digest of its disclosure.
type Field struct {
	Name  string
	Value []byte // canonical JSON
	Salt  []byte // 16 bytes or more; nil for a fresh one of 32
}

// AppendEvidence appends a record with evidence, whose digests it puts into the
// record. When it returns, record and evidence are durable. A record that
// commits already to an attachment or field, as a signed one must, is compared:
// then the salts are given.
//
// After an error of the append nothing is kept; after [ErrPoisoned], and where
// the index comes with an error, opening the store again ends what was begun.
func (l *Ledger) AppendEvidence(ctx context.Context, r *record.Record, e Evidence) (n int64, err error) {
	if err := l.db.begin(); err != nil {
		return -1, err
	}
	defer l.db.end()
	if r == nil {
		return -1, errors.New("record is nil")
	}
	holders, err := l.holders(e.Holders)
	if err != nil {
		return -1, err
	}
	c := *r
	c.Attach, c.Sealed = slices.Clone(r.Attach), slices.Clone(r.Sealed)
	var all []staged
	defer func() {
		if n < 0 && !errors.Is(err, ErrPoisoned) {
			for _, s := range all {
				err = errors.Join(err, l.db.destroy(s.path))
			}
		}
	}()
	for _, a := range e.Attach {
		s, err := l.stageAttachment(ctx, &c, a, holders)
		if err != nil {
			return -1, err
		}
		all = append(all, s)
	}
	for _, f := range e.Fields {
		s, err := l.stageField(ctx, &c, f, holders)
		if err != nil {
			return -1, err
		}
		all = append(all, s)
	}
	slices.SortFunc(c.Attach, func(a, b record.Attachment) int { return strings.Compare(a.Name, b.Name) })
	slices.Sort(c.Sealed)
	ns, err := l.append(ctx, &call{records: []*record.Record{&c}})
	if err != nil {
		return -1, err
	}
	for _, s := range all {
		// A crash from here on: what is staged names the record, and open
		// gives it its place.
		err = errors.Join(err, l.place(&c, ns[0], s))
	}
	return ns[0], err
}

func (l *Ledger) stageAttachment(ctx context.Context, r *record.Record, a Attachment, holders []evidence.Holder) (staged, error) {
	salt, err := saltOr(a.Salt, record.AttachmentSaltBytes)
	if err != nil {
		return staged{}, fmt.Errorf("attachment %q: %w", a.Name, err)
	}
	if len(salt) != record.AttachmentSaltBytes {
		return staged{}, fmt.Errorf("attachment %q: salt has %d bytes, want %d", a.Name, len(salt), record.AttachmentSaltBytes)
	}
	if a.Content == nil {
		return staged{}, fmt.Errorf("attachment %q: content is nil", a.Name)
	}
	s, err := l.stage(ctx, evidence.Attachment, r.ID, io.MultiReader(bytes.NewReader(salt), a.Content), holders)
	if err != nil {
		return s, fmt.Errorf("attachment %q: %w", a.Name, err)
	}
	size := s.header.Bytes - record.AttachmentSaltBytes
	i := slices.IndexFunc(r.Attach, func(b record.Attachment) bool { return b.Name == a.Name })
	if i < 0 {
		r.Attach = append(r.Attach, record.Attachment{Name: a.Name, Digest: s.header.Digest, Size: size, Media: a.Media, Keep: a.Keep})
		return s, nil
	}
	return s, l.unless(s, commits(r.Attach[i], s.header.Digest, size))
}

// commits compares an attachment with what a record says of it.
func commits(a record.Attachment, digest record.Digest, size int64) error {
	if a.Size != size {
		return fmt.Errorf("attachment %q has %d bytes, want %d as in the record", a.Name, size, a.Size)
	}
	if a.Digest != digest {
		return fmt.Errorf("attachment %q has digest %s, want %s as in the record: content or salt differ", a.Name, digest, a.Digest)
	}
	return nil
}

// unless destroys what was staged if it is not what the record commits to.
func (l *Ledger) unless(s staged, err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(err, l.db.destroy(s.path))
}

func (l *Ledger) stageField(ctx context.Context, r *record.Record, f Field, holders []evidence.Holder) (staged, error) {
	salt, err := saltOr(f.Salt, 32)
	if err != nil {
		return staged{}, err
	}
	text, digest, err := record.Seal(f.Name, f.Value, salt)
	if err != nil {
		return staged{}, err
	}
	s, err := l.stage(ctx, evidence.Disclosure, r.ID, strings.NewReader(text), holders)
	if err == nil && !slices.Contains(r.Sealed, digest) {
		r.Sealed = append(r.Sealed, digest)
	}
	return s, err
}

func saltOr(salt []byte, n int) ([]byte, error) {
	if salt != nil {
		return salt, nil
	}
	salt = make([]byte, n)
	_, err := rand.Read(salt)
	return salt, err
}

// Attach stores an attachment of record n, which commits to it already. What
// differs from the record in one bit is refused. One that is stored and whole
// stays as it is; one that is damaged is replaced. No holders are all keys in
// force of the vendor and the client.
func (l *Ledger) Attach(ctx context.Context, n int64, name string, salt [record.AttachmentSaltBytes]byte, content io.Reader, holders ...ed25519.PublicKey) error {
	return l.later(ctx, n, holders, func(r *record.Record, holders []evidence.Holder) (staged, error) {
		if !slices.ContainsFunc(r.Attach, func(a record.Attachment) bool { return a.Name == name }) {
			return staged{}, fmt.Errorf("%w: record %d commits to no attachment %q", ErrNoEvidence, n, name)
		}
		return l.stageAttachment(ctx, r, Attachment{Name: name, Salt: salt[:], Content: content}, holders)
	})
}

// Disclose stores the disclosure of a sealed field of record n, which carries
// its digest.
func (l *Ledger) Disclose(ctx context.Context, n int64, disclosure string, holders ...ed25519.PublicKey) error {
	return l.later(ctx, n, holders, func(r *record.Record, holders []evidence.Holder) (staged, error) {
		if _, _, err := record.OpenDisclosure(disclosure); err != nil {
			return staged{}, err
		}
		if d := record.Sum([]byte(disclosure)); !slices.Contains(r.Sealed, d) {
			return staged{}, fmt.Errorf("%w: the disclosure has digest %s, which is none of the %d sealed fields of record %d", ErrNoEvidence, d, len(r.Sealed), n)
		}
		return l.stage(ctx, evidence.Disclosure, r.ID, strings.NewReader(disclosure), holders)
	})
}

func (l *Ledger) later(ctx context.Context, n int64, keys []ed25519.PublicKey, stage func(*record.Record, []evidence.Holder) (staged, error)) error {
	if err := l.db.begin(); err != nil {
		return err
	}
	defer l.db.end()
	r, err := l.recordAt(n)
	if err != nil {
		return err
	}
	holders, err := l.holders(keys)
	if err != nil {
		return err
	}
	s, err := stage(r, holders)
	if err != nil {
		return fmt.Errorf("%s: %w", l.origin, err)
	}
	return l.place(r, n, s)
}

// holders are the keys given, or those in force of vendor and client.
func (l *Ledger) holders(keys []ed25519.PublicKey) ([]evidence.Holder, error) {
	if len(keys) == 0 {
		err := l.State(func(s *fee.State) error {
			now := max(l.db.now(), s.Standing().Last())
			t := s.Standing().Latest().Terms
			keys = append(s.Standing().KeysInForce(t.Operator().ID, now), s.Standing().KeysInForce(t.Client().ID, now)...)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var holders []evidence.Holder
	for _, key := range keys {
		h, err := evidence.NewHolder(key)
		if err != nil {
			return nil, err
		}
		holders = append(holders, h)
	}
	if len(holders) == 0 {
		return nil, errors.New("no key is in force for which evidence could be sealed")
	}
	return holders, nil
}

// A staged file is sealed and durable, and has no place yet.
type staged struct {
	path   string
	header *evidence.Header
}

const nameStaged = "staged"

func (l *Ledger) evidenceDir() string {
	return filepath.Join(l.db.path(nameEvidence), fmt.Sprintf("%08d", l.number))
}

// perFolder is how many records have their evidence in one folder.
const perFolder = 4096

// evidencePath is the file of one piece of evidence of record n.
func (l *Ledger) evidencePath(n int64, digest record.Digest) string {
	return filepath.Join(l.evidenceDir(), fmt.Sprintf("%08x", n/perFolder), evidenceName(n, digest))
}

func evidenceName(n int64, digest record.Digest) string {
	return fmt.Sprintf("%016x-%s", n, strings.TrimPrefix(string(digest), "sha256:"))
}

// stage seals a stream into a file of its own. It holds two chunks of it.
func (l *Ledger) stage(ctx context.Context, kind, recordID string, plain io.Reader, holders []evidence.Holder) (s staged, err error) {
	db := l.db
	if err := errors.Join(db.stopCause(), db.room()); err != nil {
		return s, err
	}
	dir := filepath.Join(l.evidenceDir(), nameStaged)
	if err := l.makeDir(dir); err != nil {
		return s, err
	}
	var name [16]byte
	if _, err := rand.Read(name[:]); err != nil {
		return s, err
	}
	s.path = filepath.Join(dir, hex.EncodeToString(name[:]))
	f, err := db.fsys.Create(s.path)
	if err != nil {
		return s, err
	}
	// A crash from here on leaves a file without a whole header, or one that
	// no record commits to: open destroys it.
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, db.destroy(s.path))
		}
	}()
	sealer, err := evidence.NewSealer(&roomWriter{db, io.NewOffsetWriter(f, evidence.HeaderBytes)}, rand.Reader)
	if err != nil {
		return s, err
	}
	if _, err := io.Copy(sealer, contextReader{ctx, plain}); err != nil {
		return s, err
	}
	if err := sealer.Close(); err != nil {
		return s, err
	}
	if s.header, err = sealer.Header(kind, recordID, l.origin, holders); err != nil {
		return s, err
	}
	head, err := s.header.Marshal()
	if err != nil {
		return s, err
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		return s, err
	}
	if err := f.Sync(); err != nil {
		return s, err
	}
	return s, db.fsys.SyncDir(dir)
}

// A roomWriter stops before Badger's reserve is used up: see space.go.
type roomWriter struct {
	db *DB
	w  io.Writer
}

func (w *roomWriter) Write(b []byte) (int, error) {
	if err := w.db.room(); err != nil {
		return 0, err
	}
	return w.w.Write(b)
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// makeDir makes a folder of evidence, and its name durable, once.
func (l *Ledger) makeDir(dir string) error {
	l.evidenceMu.Lock()
	defer l.evidenceMu.Unlock()
	return l.makeDirLocked(dir)
}

func (l *Ledger) makeDirLocked(dir string) error {
	if l.madeDirs[dir] {
		return nil
	}
	fsys := l.db.fsys
	if err := fsys.MakeDir(dir); err != nil {
		return err
	}
	for _, d := range []string{l.evidenceDir(), l.db.path(nameEvidence), l.db.dir} {
		if err := fsys.SyncDir(d); err != nil {
			return err
		}
	}
	if l.madeDirs == nil {
		l.madeDirs = map[string]bool{}
	}
	l.madeDirs[dir] = true
	return nil
}

// place gives what was staged its place as evidence of record n, unless it is
// there already or was erased meanwhile.
//
//	a crash before             leaves
//	the group                  a staged file, which open places
//	the rename                 the same, and the key in Badger that says it is stored
//	the folders are synced     the file under either name
func (l *Ledger) place(r *record.Record, n int64, s staged) error {
	l.evidenceMu.Lock()
	defer l.evidenceMu.Unlock()
	db := l.db
	by, err := l.erasure(r, s.header.Digest)
	if err != nil {
		return err
	}
	if by != nil {
		return errors.Join(by.error(n), db.destroy(s.path))
	}
	path := l.evidencePath(n, s.header.Digest)
	there, err := db.readHeader(path)
	switch {
	case isGone(err):
	case err == nil && there.PayloadEqual(s.header) && slices.Equal(there.Slots, s.header.Slots):
		// One file with two names: a power cut kept the old one.
		return errors.Join(db.fsys.Remove(s.path), db.fsys.SyncDir(filepath.Dir(s.path)))
	case err == nil && db.checkPayload(path, there) == nil:
		return db.destroy(s.path)
	default: // damaged: the new one takes its place
		if err := db.destroy(path); err != nil {
			return err
		}
	}
	if known, err := l.isStored(n, s.header.Digest); err != nil {
		return err
	} else if !known {
		request := &request{ledger: l, stored: &evidenceItem{l.number, n, s.header.Kind, s.header.Digest}, done: make(chan error, 1)}
		if err := db.enqueue(request); err != nil {
			return err
		}
		if err := <-request.done; err != nil {
			return err
		}
	}
	if err := l.makeDirLocked(filepath.Dir(path)); err != nil {
		return err
	}
	if err := db.fsys.Rename(s.path, path); err != nil {
		return err
	}
	return errors.Join(db.fsys.SyncDir(filepath.Dir(path)), db.fsys.SyncDir(filepath.Dir(s.path)))
}

// openEvidence ends what a crash cut off: what is staged gets its place, or is
// destroyed if no record commits to it; and what is erased by a record is
// destroyed again, be it that the erasing was cut off or that a copy of the
// file came back.
func (db *DB) openEvidence() error {
	names, err := db.fsys.List(db.path(nameEvidence))
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, l := range db.allLedgers() {
		if !slices.Contains(names, filepath.Base(l.evidenceDir())) || l.Size() == 0 {
			continue
		}
		if err := l.openStaged(); err != nil {
			return err
		}
		if err := l.eraseAgain(); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) openStaged() error {
	dir := filepath.Join(l.evidenceDir(), nameStaged)
	names, err := l.db.fsys.List(dir)
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range names {
		s := staged{path: filepath.Join(dir, name)}
		if isHolders(name) {
			if err := l.openHolders(s.path); err != nil {
				return err
			}
			continue
		}
		n := int64(-1)
		var r *record.Record
		if s.header, err = l.db.readHeader(s.path); err == nil {
			var ok bool
			if n, ok, err = l.Find(s.header.Record); err != nil {
				return err
			}
			if ok {
				if r, err = l.recordAt(n); err != nil {
					return err
				}
			}
		} else if _, bad := errors.AsType[*badEvidence](err); !bad {
			return err
		}
		if r == nil || !slices.Contains(record.EvidenceOf(r), s.header.Digest) {
			if err := l.db.destroy(s.path); err != nil {
				return err
			}
			continue
		}
		if known, err := l.isStored(n, s.header.Digest); err != nil {
			return err
		} else if !known {
			err := l.db.room()
			if errors.Is(err, ErrNoSpace) {
				continue // nobody was told that it is stored: it waits for the next open
			}
			if err != nil {
				return err
			}
		}
		switch err := l.place(r, n, s); {
		case err == nil, errors.Is(err, ErrErased):
		case noSpace(err):
			// A store opens on a full disk; this piece waits.
			l.db.report(fmt.Sprintf("evidence of record %d has no place yet: %v", n, err))
		default:
			return err
		}
	}
	return nil
}

// A badEvidence is a file that is not what it should be.
type badEvidence struct{ err error }

func (e *badEvidence) Error() string { return e.err.Error() }
func (e *badEvidence) Unwrap() error { return e.err }

// readHeader reads the header of a file and compares its length.
func (db *DB) readHeader(path string) (*evidence.Header, error) {
	f, err := db.fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readHeader(f)
}

func readHeader(f file) (*evidence.Header, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(size, evidence.HeaderBytes))
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	h, err := evidence.ParseHeader(b)
	if err != nil {
		return nil, &badEvidence{err}
	}
	if want := evidence.HeaderBytes + h.PayloadBytes(); size != want {
		return nil, &badEvidence{fmt.Errorf("file has %d bytes, want %d", size, want)}
	}
	return h, nil
}

func (l *Ledger) isStored(n int64, digest record.Digest) (ok bool, err error) {
	err = l.db.read(func(txn *badger.Txn) error {
		ok, err = l.stored(txn, n, digest)
		return err
	})
	return ok, err
}

// stored reports whether the store has taken in evidence of record n.
func (l *Ledger) stored(txn *badger.Txn, n int64, digest record.Digest) (bool, error) {
	sum, _ := digest.Bytes()
	_, err := txn.Get(evidenceKey(l.number, n, sum))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	return err == nil, err
}
