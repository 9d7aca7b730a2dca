package ledger

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
)

// A header is written anew in its place: a second file of the evidence would
// keep what erasing could not reach. So that no crash can leave half a header,
// the whole one is durable beside it before.

// suffixHolders ends the name of a staged header, which has no payload.
const suffixHolders = ".holders"

// AddHolders lets further keys open evidence of record n, which the key of id
// opens: its file key is wrapped for them, too. No keys are all in force of the
// vendor and the client. It returns how many were added; a key that opens the
// evidence already is passed over.
//
// The content is neither read nor sealed again, and no record says so: that
// something was handed over is said by a disclose record. Who can open evidence
// is asked of its file, and an erase record names them as its holders.
func (l *Ledger) AddHolders(ctx context.Context, n int64, name string, id *evidence.Identity, keys ...ed25519.PublicKey) (added int, err error) {
	if err := l.db.begin(); err != nil {
		return 0, err
	}
	defer l.db.end()
	item, err := l.Item(n, name)
	if err == nil {
		err = l.openable(item)
	}
	if err != nil {
		return 0, err
	}
	holders, err := l.holders(keys)
	if err != nil {
		return 0, err
	}
	r, err := l.recordAt(n)
	if err != nil {
		return 0, err
	}
	l.evidenceMu.Lock()
	defer l.evidenceMu.Unlock()
	if err := errors.Join(ctx.Err(), l.db.stopCause(), l.db.room()); err != nil {
		return 0, err
	}
	// It may have been erased since the item was looked at.
	by, err := l.erasure(r, item.Digest)
	if err == nil && by != nil {
		err = by.error(n)
	}
	if err == nil {
		added, err = l.addHolders(item, id, holders)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: record %d: %s: %w", l.origin, n, item.called(), err)
	}
	return added, nil
}

func (l *Ledger) addHolders(item Item, id *evidence.Identity, holders []evidence.Holder) (added int, err error) {
	var f file
	h, err := l.openHeader(item, &f)
	if err != nil {
		return 0, damaged("%v", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	wider, err := h.With(id, l.origin, holders, rand.Reader)
	if err != nil {
		return 0, err
	}
	if added = len(wider.Slots) - len(h.Slots); added == 0 {
		return 0, nil
	}
	head, err := wider.Marshal()
	if err != nil {
		return 0, err
	}
	return added, l.replaceHeader(f, head)
}

// replaceHeader writes a header over that of a file.
//
//	a crash before             leaves
//	the folder is synced       the old header, and a staged one or a part of it
//	the header is synced       the old one, the new one, or neither: the staged one is whole
//	the staged one is gone     the new header
func (l *Ledger) replaceHeader(f file, head []byte) error {
	db := l.db
	dir := filepath.Join(l.evidenceDir(), nameStaged)
	if err := l.makeDirLocked(dir); err != nil {
		return err
	}
	var name [16]byte
	if _, err := rand.Read(name[:]); err != nil {
		return err
	}
	path := filepath.Join(dir, hex.EncodeToString(name[:])+suffixHolders)
	if err := db.writeAside(path, head); err != nil {
		return errors.Join(err, db.destroy(path))
	}
	// From here on an error leaves what only the next open can end.
	_, err := f.WriteAt(head, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = db.destroy(path)
	}
	if err != nil {
		return db.poison(fmt.Errorf("the header of evidence: %w", err))
	}
	return nil
}

// writeAside makes a new file with its content durable.
func (db *DB) writeAside(path string, content []byte) error {
	if err := createFile(db.fsys, path, content); err != nil {
		return err
	}
	return db.fsys.SyncDir(filepath.Dir(path))
}

// openHolders ends the writing of a header that a crash cut off.
func (l *Ledger) openHolders(path string) error {
	l.evidenceMu.Lock()
	defer l.evidenceMu.Unlock()
	head, err := readFile(l.db.fsys, path, evidence.HeaderBytes)
	if err != nil {
		return err
	}
	h, err := evidence.ParseHeader(head)
	if err != nil {
		return l.db.destroy(path)
	}
	n, ok, err := l.Find(h.Record)
	if err != nil {
		return err
	}
	if !ok {
		return l.db.destroy(path)
	}
	r, err := l.recordAt(n)
	if err != nil {
		return err
	}
	by, err := l.erasure(r, h.Digest)
	if err != nil {
		return err
	}
	if by == nil && slices.Contains(record.EvidenceOf(r), h.Digest) {
		if err := l.mendHeader(l.evidencePath(n, h.Digest), h, head); err != nil {
			return err
		}
	}
	return l.db.destroy(path)
}

// mendHeader writes a header over that of a file, if the payload is its. Of a
// header that was written in part any slots may be there, and it may look whole;
// but one with a slot that the new one has not is of another time, and stays.
func (l *Ledger) mendHeader(path string, h *evidence.Header, head []byte) error {
	there, err := l.db.readHeader(path)
	_, bad := errors.AsType[*badEvidence](err)
	switch {
	case isGone(err):
		return nil
	case err != nil && !bad:
		return err
	case err == nil && slices.ContainsFunc(there.Slots, func(s evidence.Slot) bool { return !slices.Contains(h.Slots, s) }):
		return nil
	}
	size, err := fileSize(l.db.fsys, path)
	if err != nil || size != evidence.HeaderBytes+h.PayloadBytes() {
		return err
	}
	err = l.db.checkPayload(path, h)
	if _, bad := errors.AsType[*badEvidence](err); bad {
		return nil // check reports it
	}
	if err != nil {
		return err
	}
	f, err := l.db.fsys.Open(path)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(head, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func isHolders(name string) bool { return strings.HasSuffix(name, suffixHolders) }
