package ledger

import (
	"bytes"
	"iter"

	badger "github.com/dgraph-io/badger/v4"
)

// Packs are how records lie in Badger: the lines of one group of one ledger
// together, up to packBytes to a value. Badger writes a value beyond
// valueThreshold into its value log, once; smaller ones go through its tables.
const (
	packBytes      = 64 << 10
	valueThreshold = 16 << 10
)

// packs splits lines into packs in order. The split depends on the lines
// alone, so that what is applied again gives the same keys.
func packs(first int64, lines [][]byte) iter.Seq2[int64, []byte] {
	return func(yield func(last int64, value []byte) bool) {
		for len(lines) > 0 {
			n, size := 0, 0
			for n < len(lines) && (n == 0 || size+len(lines[n])+1 <= packBytes) {
				size += len(lines[n]) + 1
				n++
			}
			value := make([]byte, 0, size)
			for _, line := range lines[:n] {
				value = append(append(value, line...), '\n')
			}
			if !yield(first+int64(n)-1, value) {
				return
			}
			first, lines = first+int64(n), lines[n:]
		}
	}
}

// unpack splits a pack into its lines. The record of the last line has index
// last; first is that of the first one.
func unpack(last int64, value []byte) (first int64, lines [][]byte, err error) {
	body, ok := bytes.CutSuffix(value, []byte{'\n'})
	if !ok {
		return 0, nil, damaged("records up to %d do not end with a line end", last)
	}
	lines = bytes.Split(body, []byte{'\n'})
	first = last - int64(len(lines)) + 1
	if first < 0 {
		return 0, nil, damaged("records up to %d are %d lines", last, len(lines))
	}
	return first, lines, nil
}

// readLines yields the lines of [lo, hi), all of which must be there. They
// are copies. It does not check them against leaf hashes.
func readLines(txn *badger.Txn, l number, lo, hi int64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if lo >= hi {
			return
		}
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		o.Prefix = ledgerKey(keyPack, l)
		it := txn.NewIterator(o)
		defer it.Close()
		next := lo
		for it.Seek(packKey(l, lo)); it.Valid() && next < hi; it.Next() {
			last, err := keyIndex(it.Item().Key())
			if err != nil {
				yield(nil, err)
				return
			}
			value, err := it.Item().ValueCopy(nil)
			if err != nil {
				yield(nil, damaged("records up to %d: %v", last, err))
				return
			}
			first, lines, err := unpack(last, value)
			if err != nil {
				yield(nil, err)
				return
			}
			// The first pack may begin before lo; after it they follow one
			// another.
			if first > next || next > lo && first != next {
				yield(nil, damaged("records %d to %d are missing", next, first-1))
				return
			}
			for _, line := range lines[next-first:] {
				if next == hi {
					return
				}
				next++
				if !yield(line, nil) {
					return
				}
			}
		}
		if next < hi {
			yield(nil, damaged("records %d to %d are missing", next, hi-1))
		}
	}
}
