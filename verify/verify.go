// Package verify runs the numbered checks of docs/bundle.md on a bundle and
// reports. It reads once, keeps of a record of a replay a few hashes, and touches no file,
// network or clock.
package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// Options say what the verifier relies on.
type Options struct {
	Policy *bundle.Policy
	Since  []byte // signed checkpoint held from before, nil if none

	// Now is the verifier's time, for overdue statements, freshness, and
	// records of the future. 0 is none: then no statement is overdue and no
	// record too early, and freshness, if asked for, unproven.
	Now    record.Time
	MaxAge int64 // seconds that the newest cosignature may be old, 0 asks nothing

	// Evidence is what the reader asks to be shown: names of attachments, digests
	// of sealed fields, or "all". What is not shown of it is unproven.
	Evidence []string

	Detail   func(period string, line []byte) error // receives recomputed detail lines, may be nil; it must not keep them
	Progress func(records, of int64)                // is told now and then, may be nil

	behind *listing // asks for the records behind the lines of statements, may be nil
	story  string   // asks for that of a result, by its key or the id of its claim, "" for none

	Verifier string // digest of the program, for the report; may be ""
}

const (
	// maxAheadSeconds is how far the clocks of others may be ahead of ours.
	maxAheadSeconds = 300

	// progressEvery is after how many records Progress is told.
	progressEvery = 4096
)

// Verify reads one bundle in one pass. The error means only that it could not
// be checked.
func Verify(r io.Reader, o Options) (*Report, error) {
	v, err := verify(r, o)
	if err != nil {
		return nil, err
	}
	return v.report, nil
}

// A verifier is one pass.
type verifier struct {
	o      Options
	checks [checkCount]tally
	report *Report

	reader *bundle.Reader
	header bundle.Header
	opened *bundle.Opened
	since  *bundle.Opened // nil if none
	met    bool           // the pass comes by the size of since, or by a proof from there
	tree   *bundle.Tree
	leads  map[int64]proof // of a case bundle: from an earlier size to the checkpoint
	lines  int64           // number of the line at hand

	carried  [][]byte // state lines, until they are read
	stateSum hash.Hash
	state    *fee.State    // nil until it can be read, and where it cannot
	matter   *matter       // of a case bundle, else nil
	block    *findingBlock // the finding block at hand, nil if there is none
	want     int64         // index of the next record
	broken   string        // why statements are not recomputed any more, "" while they are
	index    bundle.Index  // of the chains seen in this stretch
	known    known
	buffer   []byte // for content
	past     past
	last     record.Time // log time of the last record
	refs     []carried
	evidence evidence

	count, byOthers, cited, linked, indexes, referred, far, receipts, receiptsFar, found int64 // figures of the report

	kept     Kept          // of the finding blocks so far
	seen     bool          // of a finding block: who wrote its records was judged when they came by
	said     int64         // index of the last standing record that can change what is found, -1 before
	versions int           // of the standing that have been looked at
	client   string        // name of the witness whose key signed the newest version as the client's
	behind   []fee.Backing // of the statement at hand
	told     *telling      // of the result that is asked for, nil if none is
	refused  string        // period whose statement could not be computed, "" if none
	signers  signers
	shadow   string // why what was settled is not agreed, "" if it is
}

// signers are the parties whose signatures of a version were verified.
type signers struct {
	version int64
	parties []string
}

type proof = []merkle.Hash

var errNoLog = errors.New("has no log")

// verify reads the bundle to its end, or to where nothing after can be
// believed.
func verify(r io.Reader, o Options) (*verifier, error) {
	if o.Policy == nil {
		return nil, errors.New("no policy: want the keys to rely on")
	}
	v := &verifier{o: o, report: &Report{Policy: o.Policy.Digest(), Verifier: o.Verifier, Now: o.Now}}
	v.evidence.asked = o.Evidence
	v.said = -1
	v.known = newKnown()
	if o.story != "" {
		v.told = &telling{asked: o.story, n: -1}
	}
	if o.Since != nil {
		var err error
		if v.since, err = o.Policy.Open(o.Since); err != nil {
			return nil, fmt.Errorf("checkpoint held from before: %w", err)
		}
		if len(v.since.False) > 0 {
			return nil, fmt.Errorf("checkpoint held from before: cosignature by %s is false", v.since.False[0])
		}
		v.report.Since = &Held{v.since.Size, v.since.Root.String()}
	}
	where, err := v.read(r)
	if err != nil {
		return nil, err
	}
	v.finish(where)
	return v, nil
}

// read runs the pass. where says at what it stopped early, "" if it did not.
func (v *verifier) read(r io.Reader) (where string, err error) {
	v.reader, err = bundle.NewReader(r)
	if err != nil {
		return v.stop(err)
	}
	v.lines = 1
	v.header = v.reader.Header()
	v.report.Kind, v.report.Start = v.header.Kind, v.header.Start
	if v.header.Kind == bundle.KindCase && !record.IsChain(v.header.Of) {
		v.checks[form].fail("line 1: of is %q, want the name of a chain", v.header.Of)
		return "the form fails at line 1", nil
	}
	if !v.open() {
		return "the checkpoint is not signed by a log of the policy", nil
	}
	v.want = v.header.Start
	switch {
	case v.matter != nil:
	case v.header.Start == 0:
		v.state = fee.New()
		v.list()
	default:
		v.stateSum = sha256.New()
	}
	for {
		it, err := v.reader.Next()
		if errors.Is(err, io.EOF) {
			v.evidence.end(&v.checks[attachments])
			v.report.Bundle = v.reader.Digest()
			return "", nil
		}
		if err != nil {
			return v.stop(err)
		}
		v.lines = it.Number
		if it.Kind != bundle.ChunkLine || it.First {
			v.evidence.end(&v.checks[attachments])
		}
		goOn := true
		switch it.Kind {
		case bundle.StateLine:
			v.carried = append(v.carried, slices.Clone(it.Line))
			v.stateSum.Write(it.Line)
			v.stateSum.Write([]byte{'\n'})
		case bundle.RefLine:
			if it.Block {
				goOn = v.blockRef(it)
			} else {
				goOn = v.addRef(it.Line, it.Proof)
			}
		case bundle.ChainLine:
			if it.Block {
				v.blockChain(it)
			} else {
				v.matter.chains = append(v.matter.chains, it.Chain)
			}
		case bundle.RecordLine:
			if v.matter != nil {
				goOn = v.carriedRecord(it)
			} else {
				goOn, err = v.record(it.Line)
			}
		case bundle.DisclosureLine:
			v.evidence.disclose(&v.checks[attachments], it.Text)
			if v.matter != nil {
				v.matter.disclose(v.evidence.r, it.Text)
			}
		case bundle.ChunkLine:
			v.evidence.chunk(it)
		case bundle.ConsistencyLine:
			v.leads[it.Size] = it.Proof
		}
		if err != nil {
			return "", err
		}
		if !goOn {
			return fmt.Sprintf("the form fails at line %d", it.Number), nil
		}
	}
}

// stop notes a bundle that is not one, and passes on other errors.
func (v *verifier) stop(err error) (string, error) {
	var bad *bundle.FormError
	if !errors.As(err, &bad) {
		return "", fmt.Errorf("bundle could not be read: %w", err)
	}
	v.checks[form].fail("%v", bad)
	return fmt.Sprintf("the form fails at line %d", bad.Line), nil
}

// record takes the next record. It returns false where its form ends the
// pass; an error is the caller's own.
func (v *verifier) record(line []byte) (bool, error) {
	index := v.header.Start + v.count
	leaf := merkle.LeafHash(line)
	r, err := record.Parse(line)
	if err == nil && r.Log == nil {
		err = errNoLog
	}
	if err != nil {
		v.checks[form].fail("line %d: record %d: %v", v.lines, index, err)
		return false, nil
	}
	v.finding(r) // in the tree of the records before it
	v.past.add(leaf, r.Log.Time, v.tree.Frontier)
	v.compared(v.tree.Append(leaf))
	v.count++
	v.last = r.Log.Time
	v.clock(r)
	if r.Log.N != v.want {
		v.checks[order].fail("record %d stands where record %d belongs", r.Log.N, v.want)
		v.breakOff(fmt.Sprintf("record %d is not there", v.want))
	}
	v.want = r.Log.N + 1
	if v.count == 1 && v.header.Start > 0 {
		v.load(r)
	}
	switch b := r.Body.(type) {
	case *record.Receipt:
		v.receipt(r, b)
	case *record.ChainIndex:
		v.chainIndex(r, b) // of the records before it
	}
	v.link(r)
	v.refer(r)
	if err := v.apply(r); err != nil {
		return false, err
	}
	v.endRefs(r.Log.N)
	v.known.add(r, v.content(r, line))
	v.evidence.begin(r)
	return true, nil
}

// clock compares the time of r with the verifier's, and tells the progress.
func (v *verifier) clock(r *record.Record) {
	if v.o.Now != 0 && r.Log.Time > v.o.Now+maxAheadSeconds*1000 {
		v.checks[order].fail("record %d has the log time %v, more than %d s ahead of now, %v", r.Log.N, r.Log.Time, maxAheadSeconds, v.o.Now)
	}
	if v.o.Progress != nil && v.count%progressEvery == 0 {
		v.o.Progress(v.count, v.header.Records)
	}
}

// breakOff notes that statements cannot be recomputed from here on.
func (v *verifier) breakOff(why string) {
	if v.broken == "" {
		v.broken = why
	}
}

// apply folds r into the state.
func (v *verifier) apply(r *record.Record) error {
	if r.Author != nil {
		v.byOthers++
	}
	if v.state == nil {
		return nil
	}
	s, isStatement := r.Body.(*record.Statement)
	// A record that was refused, or is not there, is not in the state; those
	// after it are still judged, under the numbers the state has come to.
	n := r.Log.N
	if size := v.state.Size(); n != size {
		log, moved := *r.Log, *r
		log.N = size
		moved.Log = &log
		r = &moved
	}
	first := v.count == 1 && v.header.Start > 0
	if isStatement {
		if s.Period == v.refused {
			v.checks[statements].fail("record %d: another statement of %s, which could not be computed", n, s.Period)
			return nil
		}
	}
	var err error
	if isStatement {
		// Whether it may stand at all, before all that it settles is computed.
		err = v.standing().Clone().Apply(r)
	}
	if err == nil && isStatement && !first {
		if err := v.detail(r, s); err != nil {
			return err
		}
	}
	if err == nil {
		err = v.state.Apply(r)
	}
	if err == nil && !isStatement && r.Kind != record.KindAgreement {
		v.claim(r, n)
		return nil // nearly all
	}
	var refused *record.Refusal
	var mismatch *fee.Mismatch
	switch {
	case err == nil:
	case errors.As(err, &mismatch):
		if v.broken == "" {
			for _, d := range mismatch.Differences {
				v.checks[statements].fail("%s: %s", s.Period, d)
			}
		}
	case errors.As(err, &refused):
		told := *refused
		told.N = n
		v.checks[checkOf(refused.Check)].fail("%v", &told)
		if isStatement && refused.Check == checkNames[statements] && refused.Field == "body" {
			v.refused = s.Period // to try again with the next one would take as long
		}
		if !isStatement {
			v.breakOff(fmt.Sprintf("record %d is refused", n))
		}
	default:
		v.checks[statements].fail("record %d: %v", n, err)
		v.breakOff(fmt.Sprintf("record %d cannot be computed", n))
	}
	if isStatement && (err == nil || mismatch != nil) {
		v.statement(n, s, mismatch, first)
	}
	if body, ok := r.Body.(*record.Agreement); ok && refused == nil {
		v.newVersion(r, body)
	}
	return nil
}

// detail tells the caller the detail lines of the statement that r is, unless
// it will be refused.
func (v *verifier) detail(r *record.Record, s *record.Statement) error {
	if v.o.Detail == nil && v.o.behind == nil && v.told == nil || v.broken != "" {
		return nil
	}
	p, closing, ok := v.state.Next()
	if !ok || p.Name != s.Period || r.Log.Time < closing {
		return nil
	}
	var own error
	v.settle(s.Period, r.Log.N, func(line []byte) error {
		if v.o.Detail != nil {
			own = v.o.Detail(s.Period, line)
		}
		return own
	})
	return own
}

// statement notes a statement that the state has taken for the report. There
// is one for a period.
func (v *verifier) statement(n int64, claimed *record.Statement, m *fee.Mismatch, first bool) {
	s := Statement{N: n, Statement: claimed, Recomputed: v.broken == "" && !first, Continued: first, Behind: v.behind}
	v.behind = nil
	switch {
	case first: // nothing else of it was compared
		s.Statement = &record.Statement{Period: claimed.Period, From: claimed.From, Until: claimed.Until, Closing: claimed.Closing,
			Terms: claimed.Terms, Agreed: claimed.Agreed, Currency: claimed.Currency, CarriedOut: claimed.CarriedOut, State: claimed.State}
	case v.broken != "":
		v.checks[statements].lack("%s: not recomputed, since %s", claimed.Period, v.broken)
	case m != nil:
		s.Statement = m.Computed
		if claimed.Total != m.Computed.Total {
			s.ClaimedTotal = claimed.Total
		}
	}
	v.report.Statements = append(v.report.Statements, s)
}

// unknown is the role of a witness where no agreement tells it.
const unknown = "unknown"

// What the first version that the client signed makes of the history before it.
const (
	adopts   = "adopted"
	excludes = "excluded"
)
