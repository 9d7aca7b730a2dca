package verify

import (
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// A past keeps the leaves and times of the last records, so that the root at
// an earlier size can be computed for a receipt that carries it. It holds at
// most maxBlocks times blockLeaves of them, about 10 MiB.
type past struct{ blocks []block }

type block struct {
	start  *merkle.Frontier
	leaves []merkle.Hash
	times  []record.Time
}

const (
	blockLeaves = 4096
	maxBlocks   = 64
)

// add takes the next leaf. f returns the frontier before it.
func (p *past) add(leaf merkle.Hash, at record.Time, f func() *merkle.Frontier) {
	if k := len(p.blocks); k == 0 || len(p.blocks[k-1].leaves) == blockLeaves {
		if k == maxBlocks {
			p.blocks = append(p.blocks[:0], p.blocks[1:]...)
		}
		next := block{start: f()}
		if k > 0 { // a long ledger: this one will be full as well
			next.leaves, next.times = make([]merkle.Hash, 0, blockLeaves), make([]record.Time, 0, blockLeaves)
		}
		p.blocks = append(p.blocks, next)
	}
	b := &p.blocks[len(p.blocks)-1]
	b.leaves = append(b.leaves, leaf)
	b.times = append(b.times, at)
}

// at returns the root at a size, and the time of the last record below it. ok
// is false where they are not kept.
func (p *past) at(size int64) (root merkle.Hash, last record.Time, ok bool) {
	for _, b := range p.blocks {
		k := size - b.start.Size()
		if k < 1 || k > int64(len(b.leaves)) {
			continue
		}
		f := b.start.Clone()
		if err := f.AppendAll(b.leaves[:k]); err != nil {
			return merkle.Hash{}, 0, false
		}
		return f.Root(), b.times[k-1], true
	}
	return merkle.Hash{}, 0, false
}

// receipt compares the checkpoint that r carries with this tree, and the times
// of its cosignatures with those of the ledger: what it covers was there
// before they were made, and r came after.
func (v *verifier) receipt(r *record.Record, b *record.Receipt) {
	t := &v.checks[history]
	signed := []byte(strings.Join(b.Checkpoint, "\n") + "\n")
	note, err := merkle.ParseNote(signed)
	switch {
	case err != nil:
		t.fail("record %d: the receipt's checkpoint: %v", r.Log.N, err)
		return
	case note.Checkpoint.Origin != v.opened.Origin:
		t.fail("record %d: the receipt's checkpoint is of %q, the bundle of %q", r.Log.N, note.Checkpoint.Origin, v.opened.Origin)
		return
	case note.Checkpoint.Size > r.Log.N:
		t.fail("record %d: the receipt's checkpoint has size %d, more than there were records", r.Log.N, note.Checkpoint.Size)
		return
	}
	v.receipts++
	root, last, ok := v.past.at(note.Checkpoint.Size)
	if v.matter != nil {
		led, err := v.leadsFrom(note.Checkpoint)
		if err != nil {
			t.fail("record %d: the proof carried does not lead from the receipt's checkpoint, of size %d, to this one: %v", r.Log.N, note.Checkpoint.Size, err)
			return
		}
		if !led {
			v.receiptsFar++
		}
	} else if !ok {
		v.receiptsFar++
	} else if root != note.Checkpoint.Root {
		t.fail("record %d: the receipt's checkpoint of size %d has root %v, this tree had %v: two histories were signed", r.Log.N, note.Checkpoint.Size, note.Checkpoint.Root, root)
		return
	}
	opened, err := v.o.Policy.Open(signed)
	if err != nil {
		t.lack("record %d: the receipt's checkpoint: %v", r.Log.N, err)
		return
	}
	for _, c := range opened.Witnesses {
		if !ok {
			last = 0
		}
		v.bracket(r, c.Time, last, note.Checkpoint.Size)
	}
}

// bracket compares the time of a cosignature at a size with the time of the
// last record that it covers, and of the record that carries it, if one does.
func (v *verifier) bracket(r *record.Record, seconds int64, last record.Time, size int64) {
	skew := v.skew()
	t := &v.checks[order]
	if seconds > int64(record.MaxTime)/1000 {
		t.fail("a cosignature at size %d is of %s", size, unix(seconds))
		return
	}
	// A cosignature has whole seconds.
	at := record.Time(seconds * 1000)
	if last > at+999+skew {
		t.fail("record %d has the log time %v, after the cosignature of %v that covers it", size-1, last, at)
	}
	if r != nil && r.Log.Time+skew < at {
		t.fail("record %d has the log time %v, before the cosignature of %v that it carries", r.Log.N, r.Log.Time, at)
	}
}

// skew is the agreed difference of clocks.
func (v *verifier) skew() record.Time {
	if standing := v.standing(); standing != nil {
		if latest := standing.Latest(); latest != nil {
			return record.Time(latest.Terms.Skew)
		}
	}
	return mostSkew
}

// mostSkew is the most that terms can agree: a day.
const mostSkew record.Time = 24 * 60 * 60 * 1000
