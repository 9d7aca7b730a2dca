package verify

import (
	"crypto/sha256"
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

// refer checks the id of r and what it refers to.
func (v *verifier) refer(r *record.Record) {
	t := &v.checks[chains]
	if same, ok := v.known.find(r.ID); ok {
		t.fail("record %d: has the id %q of record %d", r.Log.N, r.ID, same.n)
	}
	// Whether what is not found is not there. In a replay all of the stretch is
	// known, and what is before it is carried where it is needed.
	all := v.header.Start == 0
	if v.matter != nil {
		all = v.matter.refersWithin(r)
	}
	for _, ref := range record.References(r) {
		v.referred++
		to, ok := v.find(ref.ID)
		effect := r.Kind == record.KindOutcome && ref.Field == "effect"
		switch {
		case !ok && (all || effect && v.matter == nil):
			t.fail("record %d: %s refers to %q, which is no earlier record%s", r.Log.N, ref.Field, ref.ID, v.orCarried())
		case !ok:
			v.far++
		case to.matter != v.known.matterOf(r.Case) && (to.matter != 0 && !exempt(r.Kind) || record.SameCase(r.Kind, ref.Field)):
			t.fail("record %d: %s refers to record %d, which is not of the record's own case %q", r.Log.N, ref.Field, to.n, r.Case)
		case effect && v.standing() != nil:
			if err := v.standing().CheckEffect(r, to.effect); err != nil {
				v.checks[agreed].fail("%v", err)
			}
		}
	}
	for _, c := range r.Cites {
		to, ok := v.find(c.ID)
		switch {
		case !ok && v.matter != nil && !all:
			v.far++
		case !ok:
			v.checks[authors].fail("record %d: cites %q, which is no earlier record%s", r.Log.N, c.ID, v.orCarried())
		case !v.known.isContent(to, c.Digest):
			v.checks[authors].fail("record %d: cites %q as %s, which is not what record %d is", r.Log.N, c.ID, c.Digest, to.n)
		default:
			v.cited++
		}
	}
}

// orCarried says what else would have done, in a stretch that does not begin
// with the ledger.
func (v *verifier) orCarried() string {
	if v.header.Start > 0 && v.matter == nil {
		return " of this stretch, and is not carried"
	}
	return ""
}

// exempt are the kinds that may speak of the matters of others.
func exempt(k record.Kind) bool {
	switch k {
	case record.KindIncident, record.KindStatement, record.KindAdjust, record.KindChainIndex:
		return true
	}
	return false
}

// find returns the earlier record of that id, if it is known or carried.
func (v *verifier) find(id string) (target, bool) {
	if t, ok := v.known.find(id); ok {
		return t, true
	}
	for i := range v.refs {
		if v.refs[i].r.ID == id {
			v.refs[i].used = true
			return v.known.target(v.refs[i].r, v.refs[i].sum), true
		}
	}
	return target{}, false
}

// A carried ref stands before the record that needs it.
type carried struct {
	r    *record.Record
	sum  [sha256.Size]byte // of its content
	used bool
}

// maxRefs is how many refs one record can need: its chains, its cites, the
// action it names, and before the first record the versions of the agreement.
const maxRefs = record.MaxChains + record.MaxCites + 1 + 256

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
	v.refs = append(v.refs, carried{r: r, sum: v.content(r, line)})
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
