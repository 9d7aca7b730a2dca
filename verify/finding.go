package verify

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A findingBlock stands before a record: the chains of its case, and of all that
// the rules read for it, with their records, but for those that a block before it
// had. It is kept until the record has come, and the format bounds it.
type findingBlock struct {
	at      merkle.Checkpoint // of all records before the one it stands before
	chains  []*bundle.ChainProof
	records []carriedLine
	false   bool // a record is not in the tree
}

type carriedLine struct {
	r     *record.Record
	bytes int
	sum   [sha256.Size]byte // of its content
}

// blockChain takes a chain line of a finding block, the first of which begins it.
func (v *verifier) blockChain(it bundle.Item) {
	if v.block == nil {
		v.kept.Begin()
		f := v.tree.Frontier()
		v.block = &findingBlock{at: merkle.Checkpoint{Origin: v.opened.Origin, Size: f.Size(), Root: f.Root()}}
	}
	v.block.chains = append(v.block.chains, it.Chain)
}

// blockRef takes a record of a finding block. It returns false where its form
// ends the pass.
func (v *verifier) blockRef(it bundle.Item) bool {
	r, err := record.Parse(it.Line)
	if err == nil && r.Log == nil {
		err = errNoLog
	}
	if err != nil {
		v.checks[form].fail("line %d: ref: %v", v.lines, err)
		return false
	}
	b, t := v.block, &v.checks[findings]
	if err := bundle.CheckRecord(b.at, r.Log.N, it.Line, it.Proof); err != nil {
		t.fail("record %d: its finding block: record %d: %v", it.Index, r.Log.N, err)
		b.false = true
	}
	if k := len(b.records); k > 0 && r.Log.N <= b.records[k-1].r.Log.N {
		t.fail("record %d: its finding block: record %d after record %d", it.Index, r.Log.N, b.records[k-1].r.Log.N)
		b.false = true
	}
	if v.kept.Has(r.Log.N) {
		t.fail("record %d: its finding block: record %d was in a block before", it.Index, r.Log.N)
		b.false = true
	}
	b.records = append(b.records, carriedLine{r, len(it.Line), v.content(r, it.Line)})
	return true
}

// Kept counts the records of the finding blocks of a bundle. One that a block had
// is not in those after it: they share the standing chain, and those of grants
// with a limit. So that they can be kept, all are let go, and carried again,
// when a block begins and they have more than 32 MiB.
type Kept struct {
	bytes   int64
	records map[int64]*carriedLine
	byID    map[string]*carriedLine
	members map[string][]*carriedLine // by chain
}

const maxKeptBytes = 32 << 20

// Begin begins a block.
func (k *Kept) Begin() {
	if k.records == nil || k.bytes > maxKeptBytes {
		*k = Kept{records: map[int64]*carriedLine{}, byID: map[string]*carriedLine{}, members: map[string][]*carriedLine{}}
	}
}

// Has reports whether record n was in a block before, and is not let go.
func (k *Kept) Has(n int64) bool { return k.records[n] != nil }

// Add takes a record that the block carries; lineBytes is the length of its line.
func (k *Kept) Add(r *record.Record, lineBytes int) { k.add(carriedLine{r: r, bytes: lineBytes}) }

func (k *Kept) add(c carriedLine) {
	k.records[c.r.Log.N], k.byID[c.r.ID] = &c, &c
	for _, l := range c.r.Log.Chains {
		k.members[l.Chain] = append(k.members[l.Chain], &c)
	}
	k.bytes += int64(c.bytes) + 1
}

// whole are the records of a block together with those of the blocks before that
// belong to it too: of the chains it shows, and the reviews beside. They are
// in ledger order, up to the chain index at size - 1.
func (k *Kept) whole(b *findingBlock, of string, size int64) []carriedLine {
	all := map[int64]carriedLine{}
	for _, p := range b.chains {
		for _, c := range k.members[p.Chain] {
			if c.r.Log.N < size {
				all[c.r.Log.N] = *c
			}
		}
	}
	for _, c := range b.records {
		k.add(c)
		all[c.r.Log.N] = c
	}
	for _, c := range all {
		if beside := k.byID[Beside(of, c.r)]; beside != nil {
			all[beside.r.Log.N] = *beside
		}
	}
	ordered := slices.Collect(maps.Values(all))
	slices.SortFunc(ordered, func(a, b carriedLine) int { return cmp.Compare(a.r.Log.N, b.r.Log.N) })
	return ordered
}

// finding recomputes r, if it is a resolve by finding, from the block before it.
func (v *verifier) finding(r *record.Record) {
	b, t := v.block, &v.checks[findings]
	v.block = nil
	defer func() {
		if responsibility.SaysOf(r) {
			v.said = r.Log.N
		}
	}()
	body, ok := r.Body.(*record.Resolve)
	switch found := ok && body.As == record.ByFinding; {
	case !found && b == nil:
		return
	case !found:
		t.fail("record %d: a finding block stands before it, and it is no resolve by finding", r.Log.N)
		return
	}
	v.found++
	switch {
	case b == nil:
		t.fail("record %d: its finding block is not carried", r.Log.N)
	case b.false:
		// Said already: what is computed from another ledger's records says nothing.
	case r.Case == "":
		t.fail("record %d: case: missing: what is found is shown by the records of a case", r.Log.N)
	case body.Size > r.Log.N:
		t.fail("record %d: body.size: got %d, want at most %d: findings are of the records before", r.Log.N, body.Size, r.Log.N)
	case v.said >= body.Size:
		t.fail("record %d: body.size: got %d, want more than %d: record %d, after its chain index, is one that findings rest on", r.Log.N, body.Size, v.said, v.said)
	default:
		v.conclude(r, body, b)
	}
}

// conclude reads a finding block as the bundle of a case at an earlier size, and
// compares what r says with what follows from it.
func (v *verifier) conclude(r *record.Record, body *record.Resolve, b *findingBlock) {
	t := &v.checks[findings]
	fail := func(format string, args ...any) {
		t.fail("record %d: its finding block: %s", r.Log.N, fmt.Sprintf(format, args...))
	}
	opened := *v.opened
	opened.Checkpoint = b.at
	sub := &verifier{o: Options{Policy: v.o.Policy}, header: bundle.Header{Kind: bundle.KindCase}, seen: v.header.Start == 0, report: &Report{}, opened: &opened,
		matter: newMatter(record.ChainOfCase(r.Case), body.Size), known: newKnown()}
	sub.matter.chains = b.chains
	all := v.kept.whole(b, sub.matter.of, body.Size)
	if len(all) == 0 {
		fail("has no record")
		return
	}
	for _, c := range all {
		sub.take(c.r, c.sum)
	}
	sub.endChains()
	bad := false
	for i := range sub.checks {
		for _, text := range sub.checks[i].faults {
			bad = true
			fail("%s", text)
		}
	}
	if bad {
		return
	}
	// All that was said of the case, but for r itself.
	end := slices.IndexFunc(b.chains, func(p *bundle.ChainProof) bool { return p.Chain == sub.matter.of })
	last, _ := b.chains[end].Found()
	if k := linkIn(r, sub.matter.of); k.Prev != last.N || k.Ordinal != last.Ordinal+1 {
		t.fail("record %d: body.size: got %d, where case %s ends at record %d, and the record follows record %d: more was said since", r.Log.N, body.Size, r.Case, last.N, k.Prev)
		return
	}
	f := responsibility.NewFacts()
	for _, c := range all {
		if err := f.Add(c.r); err != nil {
			fail("%v", err)
			return
		}
	}
	if err := responsibility.CheckFinding(f, r); err != nil {
		t.fail("%v", err)
	}
}

// endFindings sums up what was recomputed.
func (v *verifier) endFindings() {
	t := &v.checks[findings]
	if v.found == 0 {
		t.absent = "no resolve by finding in this stretch"
		return
	}
	v.report.Findings = &Findings{Records: v.found, Indexed: v.header.Start == 0}
	t.passed = fmt.Sprintf("%s as computed from the records before", plural(v.found, "resolve by finding", "resolves by finding"))
	if v.checks[records].failed > 0 {
		t.lack("not judged: the records are not those that were signed")
		return
	}
	if v.report.Findings.Indexed {
		return
	}
	if v.clientCosigned() {
		t.passed += "; that nothing is left out of them rests on the client, who cosigned this checkpoint"
		return
	}
	what := "the resolve by finding rests"
	if v.found > 1 {
		what = fmt.Sprintf("the %d resolves by finding rest", v.found)
	}
	t.lack("that nothing is left out of what %s on is the operator's word: the bundle begins at record %d and cannot recompute the chain index, and the client has not cosigned this checkpoint", what, v.header.Start)
}

// clientCosigned reports whether the client, by the agreement, has cosigned the
// checkpoint.
func (v *verifier) clientCosigned() bool {
	return slices.ContainsFunc(v.opened.Witnesses, func(k bundle.Cosignature) bool { return v.role(k) == record.RoleClient })
}

// endCaseFindings recomputes the resolves by finding of a case that is complete:
// answers for an earlier size do not change.
func (v *verifier) endCaseFindings() {
	t, m := &v.checks[findings], v.matter
	if what, _ := record.SplitChain(m.of); what != "case" {
		t.absent = "the bundle is of no case"
		return
	}
	f := responsibility.NewFacts()
	byN := map[int64]*record.Record{}
	for _, r := range m.records {
		byN[r.Log.N] = r
		if err := f.Add(r); err != nil && v.checks[chains].failed == 0 {
			t.fail("%v", err)
		}
	}
	for _, r := range m.members[m.of] {
		body, ok := r.Body.(*record.Resolve)
		if !ok || body.As != record.ByFinding {
			continue
		}
		v.found++
		if v.checks[records].failed+v.checks[chains].failed > 0 {
			continue
		}
		if index := byN[body.Size-1]; index == nil || index.Kind != record.KindChainIndex {
			t.fail("record %d: body.size: got %d, want the size behind a chain index", r.Log.N, body.Size)
			continue
		}
		if k := linkIn(r, m.of); k.Prev >= body.Size {
			t.fail("record %d: body.size: got %d, want more than %d: more was said of the case since", r.Log.N, body.Size, k.Prev)
			continue
		}
		since := slices.IndexFunc(m.members[record.ChainStanding], func(s *record.Record) bool {
			return s.Log.N >= body.Size && s.Log.N < r.Log.N && responsibility.SaysOf(s)
		})
		if since >= 0 {
			s := m.members[record.ChainStanding][since]
			t.fail("record %d: body.size: got %d, want more than %d: record %d, after its chain index, is one that findings rest on", r.Log.N, body.Size, s.Log.N, s.Log.N)
			continue
		}
		if err := responsibility.CheckFinding(f, r); err != nil {
			t.fail("%v", err)
		}
	}
	switch {
	case v.found == 0:
		t.absent = "no resolve by finding in this case"
	case v.checks[records].failed+v.checks[chains].failed > 0:
		t.lack("not judged: not all of the case is there")
	}
	t.passed = fmt.Sprintf("%s as computed from the records before", plural(v.found, "resolve by finding", "resolves by finding"))
}

// Conclude says what the terms make of the findings about the action behind a
// dispute, a claim or a reversal of the case, at the size of the bundle, and the
// body of the record that says so; the body is nil where nothing follows.
// What the bundle discloses is not looked at.
func (c *Case) Conclude(of string) (*responsibility.Conclusion, *record.Resolve, error) {
	if what, _ := record.SplitChain(c.Of); what != "case" {
		return nil, nil, fmt.Errorf("nothing can be found: the bundle is of %s, want one of a case, which carries all that the rules read", c.Of)
	}
	f := responsibility.NewFacts()
	for _, r := range c.Records {
		if err := f.Add(r); err != nil {
			return nil, nil, err
		}
	}
	conclusion, err := responsibility.Conclude(f, of, c.Size)
	if err != nil || conclusion.Disposition == "" {
		return conclusion, nil, err
	}
	return conclusion, conclusion.Body(f), nil
}
