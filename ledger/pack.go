package ledger

import (
	"bytes"
	"errors"
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

// unpack returns copies of the lines [lo, hi) that a pack has, and the index of
// the pack's first record. The record of its last line has index last.
func unpack(last int64, value []byte, lo, hi int64) (first int64, lines [][]byte, err error) {
	if len(value) == 0 || value[len(value)-1] != '\n' {
		return 0, nil, damaged("records up to %d do not end with a line end", last)
	}
	first = last - int64(bytes.Count(value, []byte{'\n'})) + 1
	if first < 0 {
		return 0, nil, damaged("records up to %d are %d lines", last, last-first+1)
	}
	for n := first; n < lo; n++ {
		value = value[bytes.IndexByte(value, '\n')+1:]
	}
	end := 0
	for n := max(first, lo); n < min(last+1, hi); n++ {
		end += bytes.IndexByte(value[end:], '\n') + 1
	}
	value = bytes.Clone(value[:end])
	for len(value) > 0 {
		i := bytes.IndexByte(value, '\n')
		lines = append(lines, value[:i:i])
		value = value[i+1:]
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
			var first int64
			var lines [][]byte
			err = it.Item().Value(func(v []byte) (err error) {
				first, lines, err = unpack(last, v, next, hi)
				return err
			})
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					err = damaged("records up to %d: %v", last, err)
				}
				yield(nil, err)
				return
			}
			// The first pack may begin before lo; after it they follow one
			// another.
			if first > next || next > lo && first != next {
				yield(nil, damaged("records %d to %d are missing", next, first-1))
				return
			}
			for _, line := range lines {
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
