package verify

import (
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A Case is what a case bundle carries: the records of one matter, and of all
// chains that what is said of it rests on.
type Case struct {
	Of       string           // the chain that was asked for, such as case/T-1
	Found    bool             // there is such a chain
	Complete bool             // that these are all is not the operator's word alone
	Origin   string           // of the ledger
	Size     int64            // of the tree in which they are all
	Records  []*record.Record // all that the bundle carries, in ledger order
	Standing *terms.Standing  // after all of them; the caller must not move it on

	// Disclosed are the values of sealed fields that the bundle shows, as
	// committed by their records.
	Disclosed []Disclosed

	// Opened are all sealed fields that the bundle shows, those too whose
	// values no rule can compare.
	Opened []Opened

	chains map[string][]*record.Record
}

// A Disclosed is the value of a sealed field of a record.
type Disclosed struct {
	Record, Field string
	Digest        record.Digest // that the record commits to
	Value         record.Value
	Opaque        bool // the value is no text, number or truth value, and not in Value
}

// An Opened is a sealed field of a record as its disclosure has it.
type Opened struct {
	Record string
	Digest record.Digest
	Field  string
	Value  string // a text as it is, all else as JSON
}

// Chain returns the records of a chain that the bundle shows whole, in ledger
// order; of a case those of a grant from before the span on that its limit looks
// back. ok is false where it does not show that chain.
func (c *Case) Chain(name string) (records []*record.Record, ok bool) {
	records, ok = c.chains[name]
	return records, ok
}

// Effects returns the executed actions, reads aside, of what was asked for: of
// the case; under the grant or one below it; or of the decisions that name the
// config or the input, and of the reviews of these.
func (c *Case) Effects() []*record.Record {
	what, id := record.SplitChain(c.Of)
	found := map[string]bool{} // decisions and reviews that lead to one
	if what == "config" || what == "input" {
		for _, r := range c.chains[c.Of] {
			found[r.ID] = true
		}
	}
	under := map[string]bool{}
	if what == "grant" {
		for name := range c.chains {
			if what, id := record.SplitChain(name); what == "grant" {
				under[id] = true
			}
		}
	}
	var effects []*record.Record
	for _, r := range c.Records {
		switch b := r.Body.(type) {
		case *record.Review:
			found[r.ID] = found[b.Of]
		case *record.Action:
			led := found[b.Decision] || found[b.Review]
			found[r.ID] = led
			switch what {
			case "case":
				led = r.Case == id
			case "grant":
				led = under[b.Grant]
			}
			if led && b.IsEffect() {
				effects = append(effects, r)
			}
		}
	}
	return effects
}

// ReadCase verifies a case bundle and returns what it carries, unless a check
// refuses it or its kind is another: then the case is nil. Where the verdict is
// unproven, the report says what is not shown; Complete says whether the chains
// are. The error means that it could not be checked.
func ReadCase(r io.Reader, o Options) (*Case, *Report, error) {
	v, err := verify(r, o)
	if err != nil {
		return nil, nil, err
	}
	if v.matter == nil || v.report.Verdict == Refused {
		return nil, v.report, nil
	}
	return v.matter.result(v.report), v.report, nil
}

// A matter is what is read of a case bundle, or of a finding block.
type matter struct {
	of       string
	size     int64 // of the ledger, whose last record is the chain index
	standing *terms.Standing
	chains   []*bundle.ChainProof
	records  []*record.Record // all of them: the format bounds how many
	byID     map[string]*record.Record
	members  map[string][]*record.Record // by chain, without the chain index

	disclosed []Disclosed
	opened    []Opened
}

func newMatter(of string, size int64) *matter {
	return &matter{of: of, size: size, standing: terms.NewStanding(), byID: map[string]*record.Record{}, members: map[string][]*record.Record{}}
}

func (m *matter) result(report *Report) *Case {
	c := &Case{Of: m.of, Found: report.Case.Found, Complete: report.Case.Complete, Origin: report.Origin, Size: report.Size,
		Records: m.records, Standing: m.standing, Disclosed: m.disclosed, Opened: m.opened, chains: map[string][]*record.Record{}}
	for _, p := range m.chains {
		c.chains[p.Chain] = m.members[p.Chain]
	}
	return c
}

// refersWithin reports whether all that r refers to is carried: it is of the
// case that is asked for, and may not speak of the matters of others.
func (m *matter) refersWithin(r *record.Record) bool {
	what, id := record.SplitChain(m.of)
	return what == "case" && r.Case == id && !exempt(r.Kind)
}

// openCase prepares for the lines of a case bundle.
func (v *verifier) openCase() {
	v.matter = newMatter(v.header.Of, v.opened.Size)
	v.leads = map[int64]proof{}
	t, size := &v.checks[history], v.opened.Size
	switch {
	case v.since == nil:
		t.absent = "no checkpoint is held from before"
	case v.since.Origin != v.opened.Origin:
		t.fail("the checkpoint held from before is of %q, the bundle of %q", v.since.Origin, v.opened.Origin)
	case v.since.Size > size:
		t.lack("the bundle is of size %d, before the checkpoint held, of size %d", size, v.since.Size)
	case v.since.Size < size:
		v.met = true // judged at the end: a proof may come
	case v.since.Root != v.opened.Root:
		v.compared(&merkle.RootError{Size: size, Got: v.opened.Root, Want: v.since.Root})
	default:
		t.passed = fmt.Sprintf("is the checkpoint held, of size %d", size)
	}
}

// carriedRecord takes the next record of a case bundle. It returns false where
// its form ends the pass.
func (v *verifier) carriedRecord(it bundle.Item) bool {
	r, err := record.Parse(it.Line)
	if err == nil && r.Log == nil {
		err = errNoLog
	}
	if err != nil {
		v.checks[form].fail("line %d: record %d: %v", v.lines, it.Index, err)
		return false
	}
	if err := bundle.CheckRecord(v.opened.Checkpoint, it.Index, it.Line, it.Proof); err != nil {
		v.checks[records].fail("record %d: %v", it.Index, err)
	}
	if r.Log.N != it.Index {
		v.checks[order].fail("record %d stands where record %d belongs", r.Log.N, it.Index)
	}
	v.count++
	v.last = r.Log.Time
	v.clock(r)
	if b, ok := r.Body.(*record.Receipt); ok {
		v.receipt(r, b)
	}
	v.take(r, v.content(r, it.Line))
	v.evidence.begin(r)
	return true
}

// take adds the next record of a matter.
func (v *verifier) take(r *record.Record, content [sha256.Size]byte) {
	v.refer(r)
	if !v.seen {
		v.applyCarried(r)
	}
	v.known.add(r, content)
	v.matter.records = append(v.matter.records, r)
	v.matter.byID[r.ID] = r
}

// applyCarried checks what the agreement says of r, as far as it can be said
// without the records between.
func (v *verifier) applyCarried(r *record.Record) {
	if r.Author != nil {
		v.byOthers++
	}
	m := v.matter
	m.standing.Resume(r)
	err := m.standing.Apply(r)
	if err != nil {
		check := agreed
		if refused, ok := err.(*record.Refusal); ok {
			check = checkOf(refused.Check)
		}
		v.checks[check].fail("%v", err)
		return
	}
	if b, ok := r.Body.(*record.Agreement); ok {
		v.newVersion(r, b)
	}
}

// endCase judges a case bundle that was read to its end.
func (v *verifier) endCase() {
	c, m := &v.checks, v.matter
	c[form].passed = fmt.Sprintf("%s, %s, %s", many(v.lines+1, "line"), many(v.count, "record"), many(int64(len(m.chains)), "chain"))
	v.endHeld()
	v.endHistory(v.opened.Size)
	c[records].passed = fmt.Sprintf("%s, each in the tree that was signed", many(v.count, "record"))
	c[order].passed = "the numbers of the records are their places, times do not go back"
	v.endAgreed()
	c[statements].absent = "a case bundle carries no settlement; a replay bundle does"
	if v.endChains(); v.report.Index != nil {
		v.endComplete()
	}
	v.endCaseFindings()
	v.endEvidence()
}

// endChains judges whether the records carried are all there are.
func (v *verifier) endChains() {
	t, m := &v.checks[chains], v.matter
	if v.checks[records].failed > 0 {
		t.lack("not judged: not all that is carried is in the tree")
		return
	}
	last := m.records[len(m.records)-1]
	index, ok := last.Body.(*record.ChainIndex)
	if !ok || last.Log.N != m.size-1 {
		t.fail("the last record carried is record %d of kind %s, want the chain index, at %d", last.Log.N, last.Kind, m.size-1)
		return
	}
	v.report.Index = &Index{N: last.Log.N, Chains: index.Chains}
	root, _ := index.Root.Bytes()
	names := make([]string, len(m.chains))
	shown := map[string]bool{}
	for i, p := range m.chains {
		names[i], shown[p.Chain] = p.Chain, true
		if err := p.Check(index.Chains, root); err != nil {
			t.fail("the chain index at %d: %v", last.Log.N, err)
		}
	}
	for _, r := range m.records {
		if want, got := record.Chains(r), chainNames(r); !slices.Equal(got, want) {
			t.fail("record %d: is in the chains %s, want %s", r.Log.N, strings.Join(got, " "), strings.Join(want, " "))
		}
		if r == last {
			continue
		}
		for _, k := range r.Log.Chains {
			m.members[k.Chain] = append(m.members[k.Chain], r)
		}
	}
	find := func(id string) *record.Record { return m.byID[id] }
	want := Asked(m.of, m.members[m.of], m.members[record.ChainStanding], find)
	for _, p := range m.chains {
		v.endChain(p, want.Since)
	}
	v.endOfStanding(last)
	v.endAsked(want.Chains, names, shown, last, find)
}

// endChain compares the records carried of a chain with where the index says
// that it ends. Faults are told once: after one it goes on from there.
func (v *verifier) endChain(p *bundle.ChainProof, since record.Time) {
	t, list := &v.checks[chains], v.matter.members[p.Chain]
	end, found := p.Found()
	if !found {
		if len(list) > 0 {
			t.fail("record %d: is in chain %s, and the chain index has none of that name", list[0].Log.N, p.Chain)
		}
		return
	}
	ordinal, prev := int64(0), int64(-1)
	if what, _ := record.SplitChain(p.Chain); what == "grant" && since > 0 {
		// What other chains carry of it from before is not counted with it.
		for i, r := range slices.Backward(list) {
			k := linkIn(r, p.Chain)
			if i == 0 || k.Prev != list[i-1].Log.N {
				if list = list[i:]; k.Ordinal > 0 && r.Log.Time <= since {
					ordinal, prev = k.Ordinal, k.Prev
				}
				break
			}
		}
		v.matter.members[p.Chain] = list
	}
	for _, r := range list {
		k := linkIn(r, p.Chain)
		if k.Ordinal != ordinal || k.Prev != prev {
			t.fail("record %d: is [%d,%d] in chain %s, want [%d,%d]", r.Log.N, k.Ordinal, k.Prev, p.Chain, ordinal, prev)
		}
		ordinal, prev = k.Ordinal+1, r.Log.N
	}
	if ordinal != end.Ordinal+1 || prev != end.N {
		t.fail("chain %s: ends at record %d with ordinal %d, the records carried end at record %d with ordinal %d", p.Chain, end.N, end.Ordinal, prev, ordinal-1)
	}
}

// endOfStanding compares the link of the chain index with the chain that it is
// itself the next record of.
func (v *verifier) endOfStanding(index *record.Record) {
	for _, p := range v.matter.chains {
		if p.Chain != record.ChainStanding {
			continue
		}
		want := record.Link{Chain: p.Chain, Prev: -1}
		if end, ok := p.Found(); ok {
			want.Ordinal, want.Prev = end.Ordinal+1, end.N
		}
		if k := linkIn(index, p.Chain); k != want {
			v.checks[chains].fail("record %d: is [%d,%d] in chain %s, want [%d,%d]", index.Log.N, k.Ordinal, k.Prev, k.Chain, want.Ordinal, want.Prev)
		}
	}
}

// endAsked compares the chains that are shown with those that must be, and
// refuses records of neither.
func (v *verifier) endAsked(want, names []string, shown map[string]bool, index *record.Record, find func(id string) *record.Record) {
	t, m := &v.checks[chains], v.matter
	for _, name := range want {
		if !shown[name] {
			t.fail("chain %s is not shown, and %s rests on it", name, m.of)
		}
	}
	for _, name := range names {
		if _, ok := slices.BinarySearch(want, name); !ok {
			t.fail("chain %s is shown and not asked for", name)
		}
	}
	beside := map[string]bool{}
	for _, r := range m.records {
		if id := Beside(m.of, r); id != "" {
			beside[id] = true
			if find(id) == nil {
				t.fail("record %d: its review %q is not carried", r.Log.N, id)
			}
		}
	}
	for _, r := range m.records {
		in := func(k record.Link) bool { return shown[k.Chain] }
		if r != index && !slices.ContainsFunc(r.Log.Chains, in) && !beside[r.ID] {
			t.fail("record %d: is in none of the chains shown", r.Log.N)
		}
	}
}

// endComplete says what is complete, and by whose word.
func (v *verifier) endComplete() {
	t, m := &v.checks[chains], v.matter
	c := &CaseReport{Of: m.of, Records: int64(len(m.members[m.of]))}
	c.Found = c.Records > 0
	c.Complete = v.clientCosigned()
	v.report.Case = c
	t.passed = fmt.Sprintf("%s at size %d; %s shown, %s", c.words(), v.opened.Size, many(int64(len(m.chains)), "chain"), many(v.referred, "reference"))
	if v.far > 0 {
		t.passed += fmt.Sprintf(", of which %d lead to other matters and are not compared", v.far)
	}
	if !c.Complete {
		t.lack("that nothing of %s is left out at size %d is the operator's word: the client, who replays the ledger, has not cosigned this checkpoint", m.of, v.opened.Size)
	}
	c.Effects = int64(len(m.result(v.report).Effects()))
}

// words say what was found.
func (c *CaseReport) words() string {
	what, id := record.SplitChain(c.Of)
	one, some, of := "record", "records", "of "+what+" "+id
	switch what {
	case "standing":
		of = "of the standing chain"
	case "config", "input":
		one, some, of = "decision", "decisions", "on "+what+" "+id
	case "grant":
		one, some, of = "action", "actions", "under "+what+" "+id
	}
	switch {
	case !c.Found && what == "case":
		return "there is no case " + id
	case !c.Found:
		return "there are no " + some + " " + of
	case c.Records == 1:
		return "this is the only " + one + " " + of
	}
	return fmt.Sprintf("these are all %d %s %s", c.Records, some, of)
}

func chainNames(r *record.Record) []string {
	names := make([]string, len(r.Log.Chains))
	for i, k := range r.Log.Chains {
		names[i] = k.Chain
	}
	return names
}

// linkIn is the link of r in a chain that it is in.
func linkIn(r *record.Record, chain string) record.Link {
	for _, k := range r.Log.Chains {
		if k.Chain == chain {
			return k
		}
	}
	return record.Link{}
}
