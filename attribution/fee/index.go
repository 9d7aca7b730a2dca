package fee

import "hash/maphash"

// An index finds claims by one of their texts. It is a hash table with open
// addressing that holds positions in the list of claims, which costs a fraction
// of a map's memory. Nothing is removed: a statement that lets claims go builds
// it again.
type index struct {
	seed  maphash.Seed
	slots []entry // a power of two of them, at most three quarters in use
	used  int
}

// An entry is the position of a claim plus 1, 0 where there is none, and the
// hash of its text, which also says where the search for it begins.
type entry struct{ position, hash uint32 }

func newIndex() index { return index{seed: maphash.MakeSeed()} }

func (x *index) hash(key string) uint32 { return uint32(maphash.String(x.seed, key)) }

// find gives the position of the claim with a text, -1 if there is none. text
// is what the index is by.
func (x *index) find(key string, text func(position int) string) int {
	return x.search(x.hash(key), key, text)
}

// search is find for who has the hash of the text.
func (x *index) search(h uint32, key string, text func(position int) string) int {
	if len(x.slots) == 0 {
		return -1
	}
	for i := h; ; i++ {
		e := x.slots[i&uint32(len(x.slots)-1)]
		if e.position == 0 {
			return -1
		}
		if e.hash == h && text(int(e.position-1)) == key {
			return int(e.position - 1)
		}
	}
}

// add enters a claim by the hash of a text that is not there.
func (x *index) add(h uint32, position int) {
	if 4*x.used >= 3*len(x.slots) {
		old := x.slots
		x.slots = make([]entry, max(16, 2*len(old)))
		for _, e := range old {
			if e.position > 0 {
				x.put(e)
			}
		}
	}
	x.put(entry{uint32(position + 1), h})
	x.used++
}

func (x *index) put(e entry) {
	i := e.hash
	for x.slots[i&uint32(len(x.slots)-1)].position != 0 {
		i++
	}
	x.slots[i&uint32(len(x.slots)-1)] = e
}
