package merkle

import (
	"crypto/sha256"
	"fmt"
)

// The functions of RFC 6962 section 2.1 as they stand there, by recursion over
// the list of records, with nothing shared with the package: MTH, PATH, PROOF
// and SUBPROOF. They are slow; a memo of MTH makes them bearable.

type reference struct {
	records []string
	memo    map[[2]int][32]byte
}

func newReference(n int) *reference {
	r := &reference{memo: map[[2]int][32]byte{}}
	for i := range n {
		r.records = append(r.records, fmt.Sprintf("record %d", i))
	}
	return r
}

// k is the largest power of two smaller than n.
func (r *reference) k(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// mth is MTH(D[lo:hi]).
func (r *reference) mth(lo, hi int) [32]byte {
	if h, ok := r.memo[[2]int{lo, hi}]; ok {
		return h
	}
	var h [32]byte
	switch n := hi - lo; n {
	case 0:
		h = sha256.Sum256([]byte(""))
	case 1:
		h = sha256.Sum256([]byte("\x00" + r.records[lo]))
	default:
		left, right := r.mth(lo, lo+r.k(n)), r.mth(lo+r.k(n), hi)
		h = sha256.Sum256([]byte("\x01" + string(left[:]) + string(right[:])))
	}
	r.memo[[2]int{lo, hi}] = h
	return h
}

// path is PATH(m, D[lo:hi]).
func (r *reference) path(m, lo, hi int) []Hash {
	n := hi - lo
	if n == 1 {
		return nil
	}
	if k := r.k(n); m < k {
		return append(r.path(m, lo, lo+k), r.mth(lo+k, hi))
	} else {
		return append(r.path(m-k, lo+k, hi), r.mth(lo, lo+k))
	}
}

// subproof is SUBPROOF(m, D[lo:hi], whole).
func (r *reference) subproof(m, lo, hi int, whole bool) []Hash {
	n := hi - lo
	if m == n {
		if whole {
			return nil
		}
		return []Hash{r.mth(lo, hi)}
	}
	if k := r.k(n); m <= k {
		return append(r.subproof(m, lo, lo+k, whole), r.mth(lo+k, hi))
	} else {
		return append(r.subproof(m-k, lo+k, hi, false), r.mth(lo, lo+k))
	}
}

func (r *reference) leaf(i int) Hash { return LeafHash([]byte(r.records[i])) }

// tree returns a Tree of the same records.
func (r *reference) tree() *Tree {
	t := new(Tree)
	for i := range r.records {
		t.Append(r.leaf(i))
	}
	return t
}
