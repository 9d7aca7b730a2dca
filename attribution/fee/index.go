package fee

import "hash/maphash"

// An index finds claims by one of their texts. It is a hash table with open
// addressing that holds positions in the list of claims, which costs a fraction
// of a map's memory. Nearly all searches are for what is not there, so what
// they read is by itself and small: a byte a slot. Nothing is removed: a
// statement that lets claims go builds it again.
type index struct {
	seed      maphash.Seed
	hashes    []uint32 // of the texts, by position
	tags      []uint8  // by slot, a power of two of them: 0 where there is none, else of the hash
	positions []uint32 // by slot
}

func newIndex() index { return index{seed: maphash.MakeSeed()} }

func (x *index) hash(key string) uint32 { return uint32(maphash.String(x.seed, key)) }

// tag is of the bits of a hash that do not say where its search begins, but in
// tables of more than 2^25 slots.
func tag(h uint32) uint8 { return uint8(h>>24) | 1 }

// find gives the position of the claim with a text, -1 if there is none. text
// is what the index is by.
func (x *index) find(key string, text func(position int) string) int {
	return x.search(x.hash(key), key, text)
}

// search is find for who has the hash of the text.
func (x *index) search(h uint32, key string, text func(position int) string) int {
	if len(x.tags) == 0 {
		return -1
	}
	for i := h; ; i++ {
		switch slot := i & uint32(len(x.tags)-1); x.tags[slot] {
		case 0:
			return -1
		case tag(h):
			if p := int(x.positions[slot]); x.hashes[p] == h && text(p) == key {
				return p
			}
		}
	}
}

// add enters the next claim by the hash of a text that is not there. At most
// three quarters of the slots are used.
func (x *index) add(h uint32) {
	if 4*len(x.hashes) >= 3*len(x.tags) {
		n := max(16, 2*len(x.tags))
		x.tags, x.positions = make([]uint8, n), make([]uint32, n)
		for p, h := range x.hashes {
			x.put(h, p)
		}
	}
	x.put(h, len(x.hashes))
	x.hashes = append(x.hashes, h)
}

func (x *index) put(h uint32, position int) {
	slot := h & uint32(len(x.tags)-1)
	for x.tags[slot] != 0 {
		slot = (slot + 1) & uint32(len(x.tags)-1)
	}
	x.tags[slot], x.positions[slot] = tag(h), uint32(position)
}
