package ledger

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"
	"sync/atomic"

	badger "github.com/dgraph-io/badger/v4"
)

// A sieve tells of most names that are not in a set that they are not: it is
// what admission asks before Badger, where a key that is not there is the
// dearest of all answers, and nearly every record asks for its id and a chain.
// Of a name that was added it never says so.
//
// It is a row of layers, each with twice the room of the one before. A layer
// is a split block Bloom filter: a name has one bit in each of the 8 words of
// one block, which is one line of the processor's cache.
type sieve struct {
	layers []sieveLayer
	full   bool // too many names: it tells nothing any more
}

type sieveLayer struct {
	blocks [][8]uint64
	left   int // names it still takes
}

const (
	sieveBlockNames = 42 // of 512 bits: 12 bits a name, some 1 of 100 is not told
	sieveFirst      = 96 // blocks of the first layer
	sieveLayers     = 12 // 16 million names in 24 MiB
)

var sieveSalts = [8]uint32{0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31}

var sieveSeed = maphash.MakeSeed()

// idHash and chainHash are what a sieve knows a name by.
func idHash(id string) uint64       { return maphash.String(sieveSeed, id) }
func chainHash(chain string) uint64 { return ^maphash.String(sieveSeed, chain) }

// block is where the name with this hash belongs.
func (l sieveLayer) block(hash uint64) *[8]uint64 {
	i, _ := bits.Mul64(hash, uint64(len(l.blocks)))
	return &l.blocks[i]
}

func (s *sieve) add(hash uint64) {
	if s.full {
		return
	}
	if n := len(s.layers); n == 0 || s.layers[n-1].left == 0 {
		if n == sieveLayers {
			*s = sieve{full: true}
			return
		}
		blocks := sieveFirst << n
		s.layers = append(s.layers, sieveLayer{make([][8]uint64, blocks), blocks * sieveBlockNames})
	}
	l := &s.layers[len(s.layers)-1]
	l.left--
	block := l.block(hash)
	for i, salt := range sieveSalts {
		block[i] |= 1 << (uint32(hash) * salt >> 26)
	}
}

// lacks reports whether the name was surely not added.
func (s *sieve) lacks(hash uint64) bool {
	if s.full {
		return false
	}
next:
	for _, l := range s.layers {
		block := l.block(hash)
		for i, salt := range sieveSalts {
			if block[i]>>(uint32(hash)*salt>>26)&1 == 0 {
				continue next
			}
		}
		return false
	}
	return true
}

// A filter is what an admission knows of the ids and chains that are there.
// The names of its own time it is told as they are admitted; those that Badger
// had before are read in the background once enough was asked for, so that a
// process that appends a few records does not read them all.
type filter struct {
	fresh  sieve                 // admitted since the admission was read
	stored atomic.Pointer[sieve] // what Badger had then, nil until it is read
	asked  int                   // questions that went to Badger
	begun  bool                  // somebody reads stored
}

// filterAfter is how many questions go to Badger before its names are read.
const filterAfter = 1024

// lacks reports whether a name is surely not in the ledger.
func (f *filter) lacks(hash uint64) bool {
	stored := f.stored.Load()
	if stored == nil {
		f.asked++
		return false
	}
	return stored.lacks(hash) && f.fresh.lacks(hash)
}

// readFilter begins to read the names that Badger has, once. The caller holds
// the lock of the ledger, and a use of the DB. All that was admitted before
// the admission was read is in the newest snapshot, and the rest in fresh.
func (l *Ledger) readFilter(f *filter) {
	if f.begun || f.asked < filterAfter {
		return
	}
	f.begun = true
	l.db.background(func() {
		s, err := l.storedNames()
		switch {
		case err == nil:
			f.stored.Store(s)
		case errors.Is(err, ErrDamaged):
			l.db.poison(fmt.Errorf("%s: %w", l.origin, err))
		}
		// Else Badger is asked on.
	})
}

// storedNames reads the names of ids and chains that Badger has.
func (l *Ledger) storedNames() (*sieve, error) {
	s := &sieve{}
	err := l.db.read(func(txn *badger.Txn) error {
		h, err := readHead(txn, l.number)
		if err != nil {
			return err
		}
		ids, err := l.eachName(txn, keyID, func(id string) { s.add(idHash(id)) })
		if err != nil {
			return err
		}
		// An iterator of Badger's does not tell of what it cannot read.
		if ids < h.size {
			return damaged("%d ids are indexed, want %d", ids, h.size)
		}
		_, err = l.eachName(txn, keyChain, func(chain string) { s.add(chainHash(chain)) })
		return err
	})
	return s, err
}

// eachName visits the names under the keys of one kind and counts them.
func (l *Ledger) eachName(txn *badger.Txn, kind byte, visit func(name string)) (n int64, err error) {
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	o.Prefix = ledgerKey(kind, l.number)
	it := txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if l.db.closed.Load() {
			return n, ErrClosed
		}
		key := it.Item().Key()
		if len(key) < len(o.Prefix) {
			return n, errors.New("key is shorter than its prefix")
		}
		visit(string(key[len(o.Prefix):]))
		n++
	}
	return n, nil
}
