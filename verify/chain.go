package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/verify/bundle"
)

// link compares the chains of r with the heads and the refs, and moves the
// heads on. A chain that goes wrong goes on from what the record claims, so
// that one fault is told once.
func (v *verifier) link(r *record.Record) {
	t := &v.checks[chains]
	if !inOwnCase(r) {
		want := record.Chains(r)
		names := make([]string, len(r.Log.Chains))
		for i, k := range r.Log.Chains {
			names[i] = k.Chain
		}
		if !slices.Equal(names, want) {
			t.fail("record %d: is in the chains %s, want %s", r.Log.N, strings.Join(names, " "), strings.Join(want, " "))
		}
	}
	for _, k := range r.Log.Chains {
		before, seen := v.index.End(k.Chain)
		switch {
		case seen && (k.Ordinal != before.Ordinal+1 || k.Prev != before.N):
			t.fail("record %d: is [%d,%d] in chain %s, want [%d,%d]", r.Log.N, k.Ordinal, k.Prev, k.Chain, before.Ordinal+1, before.N)
		case seen:
		case k.Ordinal == 0 && v.header.Start > 0 && k.Chain == record.ChainStanding:
			t.fail("record %d: begins chain %s, which began before %d", r.Log.N, k.Chain, v.header.Start)
		case k.Ordinal == 0:
		case k.Prev >= v.header.Start:
			t.fail("record %d: follows record %d in chain %s, which is not in that chain", r.Log.N, k.Prev, k.Chain)
		default:
			v.linkRef(r, k)
		}
		v.index.Set(bundle.End{Chain: k.Chain, Ordinal: k.Ordinal, N: r.Log.N})
	}
}

// chainIndex compares what the chain-index record r commits with the chains of
// the records before it.
func (v *verifier) chainIndex(r *record.Record, b *record.ChainIndex) {
	t := &v.checks[chains]
	v.report.Index = &Index{N: r.Log.N, Chains: b.Chains}
	if v.header.Start > 0 {
		t.lack("record %d: a chain index, which a bundle that begins at record %d cannot recompute, and one from record 0 can", r.Log.N, v.header.Start)
		return
	}
	v.report.Index.Recomputed = true
	v.indexes++
	root := v.index.Root()
	if want := record.Digest(fmt.Sprintf("sha256:%x", root[:])); b.Chains != v.index.Len() || b.Root != want {
		t.fail("record %d: the chain index commits %s with root %s, the records before it have %s with root %s",
			r.Log.N, many(b.Chains, "chain"), b.Root, many(v.index.Len(), "chain"), want)
	}
}

// inOwnCase reports whether r is of a kind that has the chain of its case and
// no other, and is in that. It is so of nearly all records, and seen without
// writing the name.
func inOwnCase(r *record.Record) bool {
	switch r.Body.(type) {
	case *record.Measurement, *record.Action, *record.Decision:
		return false
	}
	if r.Case == "" || len(r.Log.Chains) != 1 {
		return false
	}
	id, ok := strings.CutPrefix(r.Log.Chains[0].Chain, "case/")
	return ok && id == r.Case
}

// linkRef looks for a predecessor before the start among the refs.
func (v *verifier) linkRef(r *record.Record, k record.Link) {
	t := &v.checks[chains]
	ref := v.ref(k.Prev)
	if ref == nil {
		t.fail("record %d: its predecessor %d in chain %s is not carried", r.Log.N, k.Prev, k.Chain)
		return
	}
	v.linked++
	for _, before := range ref.Log.Chains {
		if before.Chain != k.Chain {
			continue
		}
		if before.Ordinal != k.Ordinal-1 {
			t.fail("record %d: has ordinal %d in chain %s, want %d after record %d", r.Log.N, k.Ordinal, k.Chain, before.Ordinal+1, k.Prev)
		}
		return
	}
	t.fail("record %d: its predecessor %d is not in chain %s", r.Log.N, k.Prev, k.Chain)
}

// A target is a record that others may refer to. Its digest is computed once,
// when the first of them cites it.
type target struct {
	r      *record.Record
	digest record.Digest // "" until it is asked for
}

func (t *target) content() (record.Digest, error) {
	if t.digest != "" {
		return t.digest, nil
	}
	var err error
	t.digest, err = record.ContentDigest(t.r)
	return t.digest, err
}

// recent keeps the last records for those that refer to them, within a bound
// of memory.
type recent struct {
	byID  map[string]*target
	queue []kept
	first int // of the queue, before it there is nothing any more
	bytes int64
	most  int64
	lost  bool // records have been let go
}

type kept struct {
	*target
	bytes int64
}

// A parsed record is counted as lineFactor times its line and recordBytes. Most
// take less; one of 64 facts as short as they can be takes a third more.
const (
	lineFactor  = 3
	recordBytes = 1024
)

func (k *recent) add(r *record.Record, lineBytes int) {
	e := kept{&target{r: r}, lineFactor*int64(lineBytes) + recordBytes}
	k.byID[r.ID] = e.target
	k.queue = append(k.queue, e)
	k.bytes += e.bytes
	for k.bytes > k.most && k.first < len(k.queue)-1 {
		old := k.queue[k.first]
		k.queue[k.first] = kept{}
		k.first++
		k.bytes -= old.bytes
		k.lost = true
		if k.byID[old.r.ID] == old.target {
			delete(k.byID, old.r.ID)
		}
	}
	if k.first > len(k.queue)/2 && k.first > 1024 {
		k.queue = append(k.queue[:0:0], k.queue[k.first:]...)
		k.first = 0
	}
}

// refer checks the id of r and what it refers to, as far as it is kept.
func (v *verifier) refer(r *record.Record) {
	t := &v.checks[chains]
	if same := v.recent.byID[r.ID]; same != nil {
		t.fail("record %d: has the id %q of record %d", r.Log.N, r.ID, same.r.Log.N)
	}
	all := v.header.Start == 0 && !v.recent.lost
	if v.matter != nil {
		all = v.matter.refersWithin(r)
	}
	for _, ref := range record.References(r) {
		v.referred++
		to := v.find(ref.ID)
		switch {
		case to == nil && all:
			t.fail("record %d: %s refers to %q, which is no earlier record", r.Log.N, ref.Field, ref.ID)
		case to == nil:
			v.far++
		case to.r.Case != r.Case && (to.r.Case != "" && !exempt(r.Kind) || record.SameCase(r.Kind, ref.Field)):
			t.fail("record %d: %s refers to record %d of case %q, and the record's own case is %q", r.Log.N, ref.Field, to.r.Log.N, to.r.Case, r.Case)
		case r.Kind == record.KindOutcome && ref.Field == "effect" && v.standing() != nil:
			b, ok := to.r.Body.(*record.Action)
			if err := v.standing().CheckEffect(r, ok && b.IsEffect()); err != nil {
				v.checks[agreed].fail("%v", err)
			}
		}
	}
	for _, c := range r.Cites {
		to := v.find(c.ID)
		if to == nil {
			if v.matter != nil && !all {
				v.far++
			} else if all {
				v.checks[authors].fail("record %d: cites %q, which is no earlier record", r.Log.N, c.ID)
			} else {
				v.checks[authors].lack("record %d: cites %q, which is neither carried nor among the records kept", r.Log.N, c.ID)
			}
			continue
		}
		got, err := to.content()
		switch {
		case err != nil:
			v.checks[authors].fail("record %d: cites record %d: %v", r.Log.N, to.r.Log.N, err)
		case got != c.Digest:
			v.checks[authors].fail("record %d: cites %q as %s, record %d is %s", r.Log.N, c.ID, c.Digest, to.r.Log.N, got)
		default:
			v.cited++
		}
	}
}

// exempt are the kinds that may speak of the matters of others.
func exempt(k record.Kind) bool {
	switch k {
	case record.KindIncident, record.KindStatement, record.KindAdjust, record.KindChainIndex:
		return true
	}
	return false
}

// find returns the earlier record of that id, if it is kept or carried.
func (v *verifier) find(id string) *target {
	if t := v.recent.byID[id]; t != nil {
		return t
	}
	for i := range v.refs {
		if v.refs[i].r.ID == id {
			v.refs[i].used = true
			return &v.refs[i].target
		}
	}
	return nil
}

// A carried ref stands before the record that needs it.
type carried struct {
	target
	used bool
}

// maxRefs is how many refs one record can need: its chains, its cites, and
// before the first record the versions of the agreement.
const maxRefs = record.MaxChains + record.MaxCites + 256

// ref returns the carried record with index n.
func (v *verifier) ref(n int64) *record.Record {
	for i := range v.refs {
		if v.refs[i].r.Log.N == n {
			v.refs[i].used = true
			return v.refs[i].r
		}
	}
	return nil
}

// addRef takes a ref line.
func (v *verifier) addRef(line []byte, proof proof) bool {
	r, err := record.Parse(line)
	if err == nil && r.Log == nil {
		err = errNoLog
	}
	if err != nil {
		v.checks[form].fail("line %d: ref: %v", v.lines, err)
		return false
	}
	n := r.Log.N
	if n >= v.header.Start {
		v.checks[chains].fail("line %d: ref of record %d, which does not lie before %d", v.lines, n, v.header.Start)
		return true
	}
	if err := v.tree.CheckRef(n, line, proof); err != nil {
		v.checks[records].fail("line %d: ref of record %d: %v", v.lines, n, err)
	}
	if k := len(v.refs); k > 0 && n <= v.refs[k-1].r.Log.N {
		v.checks[chains].fail("line %d: ref of record %d after that of record %d", v.lines, n, v.refs[k-1].r.Log.N)
	}
	if len(v.refs) == maxRefs {
		v.checks[form].fail("line %d: more than %d refs before one record", v.lines, maxRefs)
		return false
	}
	v.refs = append(v.refs, carried{target: target{r: r}})
	return true
}

// endRefs refuses refs that the record did not need.
func (v *verifier) endRefs(n int64) {
	for _, c := range v.refs {
		if !c.used {
			v.checks[chains].fail("record %d: the ref of record %d is not asked for", n, c.r.Log.N)
		}
	}
	v.refs = v.refs[:0]
}
