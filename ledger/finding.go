package ledger

import (
	"context"
	"errors"
	"fmt"

	badger "github.com/dgraph-io/badger/v4"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// byFinding reports whether a record relies on findings.
func byFinding(b record.Body) bool {
	r, ok := b.(*record.Resolve)
	return ok && r.As == record.ByFinding
}

// Conclusion says what the terms make of the findings about the action behind a
// dispute, a claim or a reversal, over the first size records (0: all there are).
// Nothing is appended. Sealed values are not opened.
func (l *Ledger) Conclusion(ctx context.Context, of string, size int64) (*responsibility.Conclusion, error) {
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	c, _, err := l.conclusion(ctx, of, size)
	return c, err
}

// A Decided is what [Ledger.Conclude] or [Ledger.Proposed] has come to.
type Decided struct {
	*responsibility.Conclusion
	Record *record.Record // nil where nothing follows
}

// Conclude appends the record by which a dispute, a claim or a reversal is
// decided by what is found of the action behind it, and before it the chain index
// that it relies on. Where nothing follows, nothing is appended.
func (l *Ledger) Conclude(ctx context.Context, of string) (*Decided, error) {
	for attempt := 0; ; attempt++ {
		d, err := l.Proposed(ctx, of, "")
		if err != nil || d.Record == nil {
			return d, err
		}
		ns, err := l.append(ctx, &call{settled: true, fix: func(_ *fee.State, now record.Time) (*record.Record, error) {
			r := *d.Record
			r.At = now
			return &r, nil
		}})
		if err == nil {
			d.Record, err = l.recordAt(ns[0])
			return d, err
		}
		// More was said of the case since the index: it is read again.
		var refused *record.Refusal
		if attempt == maxConclude || !errors.As(err, &refused) || refused.Field != fieldSize {
			return nil, err
		}
	}
}

// maxConclude is how often Conclude begins again when others are faster.
const maxConclude = 3

// Proposed appends the chain index alone, and returns the record that Conclude
// would append next, by a party: without log, author, cites and signatures,
// for that party to sign. "" is the operator.
func (l *Ledger) Proposed(ctx context.Context, of, by string) (*Decided, error) {
	if c, err := l.Conclusion(ctx, of, 0); err != nil || c.Disposition == "" {
		return &Decided{Conclusion: c}, err
	}
	index, err := l.Index(ctx)
	if err != nil {
		return nil, err
	}
	if by == "" {
		err := l.State(func(s *fee.State) error {
			by = s.Standing().Latest().Terms.Operator().ID
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if err := l.db.begin(); err != nil {
		return nil, err
	}
	defer l.db.end()
	c, body, err := l.conclusion(ctx, of, index.Log.N+1)
	if err != nil || c.Disposition == "" {
		return &Decided{Conclusion: c}, err
	}
	n, ok, err := l.Find(of)
	if err != nil || !ok {
		return nil, errors.Join(err, damaged("%s: record %s is not indexed", l.origin, of))
	}
	r, err := l.recordAt(n)
	if err != nil {
		return nil, err
	}
	return &Decided{c, &record.Record{Kind: record.KindResolve, ID: responsibility.IDOf(of), Case: r.Case, At: max(l.db.now(), index.Log.Time), By: by, Body: body}}, nil
}

// conclusion is Conclusion, and the body of the record that says it.
func (l *Ledger) conclusion(ctx context.Context, of string, size int64) (*responsibility.Conclusion, *record.Resolve, error) {
	all := l.Size()
	switch {
	case size == 0:
		size = all
	case size < 0 || size > all:
		return nil, nil, fmt.Errorf("%s: findings at size %d, the ledger has %d", l.origin, size, all)
	}
	n, ok, err := l.Find(of)
	if err != nil {
		return nil, nil, err
	}
	if !ok || n >= size {
		return nil, nil, fmt.Errorf("%s: %s: no such record among the first %d", l.origin, of, size)
	}
	r, err := l.recordAt(n)
	if err != nil {
		return nil, nil, err
	}
	f, err := l.factsOf(ctx, r.Case, size, l.indexAt)
	if err != nil {
		return nil, nil, err
	}
	c, err := responsibility.Conclude(f, of, size)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", l.origin, err)
	}
	if c.Disposition == "" {
		return c, nil, nil
	}
	return c, c.Body(f), nil
}

// factsOf are the records that a verifier gets to see for a case at a size: those
// of its case bundle, and no others. What is taken here is what it will find.
func (l *Ledger) factsOf(ctx context.Context, matter string, size int64, indexAt indexer) (*responsibility.Facts, error) {
	var names []string
	var ns []int64
	err := indexAt(ctx, size-1, func(x *indexed) (err error) {
		names, ns, err = l.caseRecords(ctx, x.index, record.ChainOfCase(matter), size)
		return err
	})
	if err != nil {
		return nil, err
	}
	f := responsibility.NewFacts()
	bytes := int64(len(names)) * 2 * proofBytes
	for _, n := range ns {
		line, err := l.Get(n)
		if err != nil {
			return nil, err
		}
		r, err := record.Parse(line)
		if err != nil {
			return nil, damaged("%s: record %d: %v", l.origin, n, err)
		}
		if err := f.Add(r); err != nil {
			return nil, damaged("%v", err)
		}
		// What no bundle has room for would leave the ledger without bundles.
		if bytes += int64(len(line)) + proofBytes; bytes > maxCaseBytes {
			return nil, fmt.Errorf("%s: case %s: what the rules read for it has more than the %d bytes of a finding block", l.origin, matter, maxCaseBytes)
		}
	}
	return f, nil
}

// proofBytes is more than a proof has in a line, with all around it.
const proofBytes = 64*47 + 256

const fieldSize = "body.size"

// checkFinding refuses a resolve by finding that the records before it do not
// bear out, all of which are committed. Its log is set.
func (l *Ledger) checkFinding(ctx context.Context, r *record.Record, indexAt indexer) error {
	b := r.Body.(*record.Resolve)
	refuse := func(field, format string, args ...any) error {
		return &record.Refusal{Check: "findings", N: r.Log.N, ID: r.ID, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	if r.Case == "" {
		return refuse("case", "missing: what is found is shown by the records of a case")
	}
	if b.Size > r.Log.N {
		return refuse(fieldSize, "got %d, want at most %d: findings are of the records before", b.Size, r.Log.N)
	}
	index, err := l.recordAt(b.Size - 1)
	if err != nil {
		return err
	}
	if index.Kind != record.KindChainIndex {
		return refuse(fieldSize, "got %d, where record %d is of kind %s, want the size behind a chain index", b.Size, index.Log.N, index.Kind)
	}
	for _, k := range r.Log.Chains {
		if k.Prev >= b.Size {
			return refuse(fieldSize, "got %d, want more than %d: more was said of the case since", b.Size, k.Prev)
		}
	}
	said := int64(-1)
	if err := l.standingAfter(ctx, b.Size-1, func(s *record.Record) {
		if s.Log.N < r.Log.N && responsibility.SaysOf(s) {
			said = max(said, s.Log.N)
		}
	}); err != nil {
		return err
	}
	if said >= 0 {
		return refuse(fieldSize, "got %d, want more than %d: record %d, after its chain index, is one that findings rest on", b.Size, said, said)
	}
	f, err := l.factsOf(ctx, r.Case, b.Size, indexAt)
	if err != nil {
		return err
	}
	return responsibility.CheckFinding(f, r)
}

// standingAfter calls each with the standing records after record n.
func (l *Ledger) standingAfter(ctx context.Context, n int64, each func(r *record.Record)) error {
	var end chainHead
	var found bool
	err := l.view(func(txn *badger.Txn, _ *tree) (err error) {
		end, found, err = readChain(txn, l.number, record.ChainStanding)
		return err
	})
	if err != nil || !found {
		return err
	}
	_, _, err = l.walkTo(ctx, bundle.End{Chain: record.ChainStanding, Ordinal: end.ordinal, N: end.n}, n, 0, each)
	return err
}

// An indexer gives f the chain index of the first size records, like
// [Ledger.indexAt].
type indexer func(ctx context.Context, size int64, f func(*indexed) error) error

// A walker is an indexer for sizes that go up: it keeps an index of its own and
// moves it on, so that all of them together read the ledger once. The one that
// the ledger keeps is of its end.
type walker struct {
	ledger  *Ledger
	indexed *indexed
	kept    verify.Kept // of the finding blocks of the bundle so far
}

func (w *walker) indexAt(ctx context.Context, size int64, f func(*indexed) error) (err error) {
	if w.indexed, err = w.ledger.moveIndex(ctx, w.indexed, size); err != nil {
		return err
	}
	return f(w.indexed)
}

// writeBlock writes the finding block of a resolve by finding r.
func (w *walker) writeBlock(ctx context.Context, out *bundle.Writer, r *record.Record) error {
	size := r.Body.(*record.Resolve).Size
	return w.indexAt(ctx, size-1, func(x *indexed) error { return w.writeBlockOf(ctx, out, r, size, x) })
}

func (w *walker) writeBlockOf(ctx context.Context, out *bundle.Writer, r *record.Record, size int64, x *indexed) error {
	l := w.ledger
	index, err := l.recordAt(size - 1)
	if err != nil {
		return err
	}
	tree := x.proofs()
	if b, ok := index.Body.(*record.ChainIndex); !ok || *b != *x.commitment() {
		return damaged("%s: record %d rests on record %d, which is not the chain index of the records before it", l.origin, r.Log.N, size-1)
	}
	names, ns, err := l.caseRecords(ctx, x.index, record.ChainOfCase(r.Case), size)
	if err != nil {
		return err
	}
	w.kept.Begin()
	for _, name := range names {
		p, err := tree.Prove(name)
		if err != nil {
			return err
		}
		if err := out.Chain(p); err != nil {
			return err
		}
	}
	for _, n := range ns {
		if w.kept.Has(n) {
			continue
		}
		line, proof, err := l.proven(n, r.Log.N)
		if err != nil {
			return err
		}
		if err := out.Ref(line, proof); err != nil {
			return err
		}
		carried, err := record.Parse(line)
		if err != nil {
			return damaged("%s: record %d: %v", l.origin, n, err)
		}
		w.kept.Add(carried, len(line))
	}
	return nil
}
