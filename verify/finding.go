package verify

import (
	"fmt"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A findingBlock stands before a record: the chains of its case, and of all that
// the rules read for it, with their records, but for the standing ones that a
// block before it had. It is kept until the record has come, and the format
// bounds it.
type findingBlock struct {
	at      merkle.Checkpoint // of all records before the one it stands before
	chains  []*bundle.ChainProof
	records []carriedLine
	false   bool // a record is not in the tree
}

type carriedLine struct {
	r     *record.Record
	bytes int
}

// blockChain takes a chain line of a finding block, the first of which begins it.
func (v *verifier) blockChain(it bundle.Item) {
	if v.block == nil {
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
	if k := len(v.kept); Standing(r) && k > 0 && r.Log.N <= v.kept[k-1].r.Log.N {
		t.fail("record %d: its finding block: record %d, a standing one, was in a block before", it.Index, r.Log.N)
		b.false = true
	}
	b.records = append(b.records, carriedLine{r, len(it.Line)})
	return true
}

// Standing reports whether a record is in the standing chain, by its content. All
// finding blocks need that chain, so that of a bundle each of its records is
// carried in one block only.
func Standing(r *record.Record) bool { return r.Case == "" && r.Kind != record.KindMeasurement }

// maxKeptBytes bounds the standing records that are kept from block to block.
const maxKeptBytes = 256 << 20

// whole are the records of a block with the standing ones of the blocks before,
// in ledger order, up to the chain index at size - 1. It keeps those that are
// new.
func (v *verifier) whole(b *findingBlock, size int64) []carriedLine {
	var all []carriedLine
	before := v.kept
	for len(before) > 0 && before[len(before)-1].r.Log.N >= size {
		before = before[:len(before)-1]
	}
	for _, c := range b.records {
		for len(before) > 0 && before[0].r.Log.N < c.r.Log.N {
			all, before = append(all, before[0]), before[1:]
		}
		all = append(all, c)
		if Standing(c.r) {
			v.kept = append(v.kept, c)
			v.keptBytes += int64(c.bytes) + 1
		}
	}
	return append(all, before...)
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
		matter: newMatter(record.ChainOfCase(r.Case), body.Size), recent: recent{byID: map[string]*target{}, most: 1 << 62}}
	sub.matter.chains = b.chains
	all := v.whole(b, body.Size)
	if v.keptBytes > maxKeptBytes {
		t.fail("record %d: the standing records of finding blocks have more than %d bytes", r.Log.N, maxKeptBytes)
		return
	}
	for _, c := range all {
		sub.take(c.r, c.bytes)
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
