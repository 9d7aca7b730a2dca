package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// BundleOptions choose the stretch: from 0, or from the index of a statement,
// to a kept checkpoint (Size 0: the newest).
type BundleOptions struct {
	From int64
	Size int64

	// Show is the evidence to disclose, none by default. Whatever is neither
	// shown nor erased is reported by a verifier as withheld.
	Show Selection
	Key  *evidence.Identity // opens what is shown
}

// WriteBundle writes a replay bundle to w as it reads, and verifies it on the
// way, relying on the ledger's own log key. What a verifier would refuse gets
// no end line, and so is no bundle; the error says why.
func (l *Ledger) WriteBundle(ctx context.Context, w io.Writer, o BundleOptions) error {
	if err := l.db.begin(); err != nil {
		return err
	}
	defer l.db.end()
	note, err := l.Kept(o.Size)
	if err != nil {
		return err
	}
	n, err := merkle.ParseNote(note)
	if err != nil {
		return damaged("%s: checkpoint at size %d: %v", l.origin, o.Size, err)
	}
	size := n.Checkpoint.Size
	if o.From < 0 || o.From >= size {
		return fmt.Errorf("%s: bundle from %d to checkpoint %d holds no record", l.origin, o.From, size)
	}
	if err := o.Show.opened(o.Key); err != nil {
		return fmt.Errorf("%s: bundle: %w", l.origin, err)
	}
	return l.verified(w, note, func(w io.Writer) error { return l.writeBundle(ctx, w, note, o, size) })
}

// verified passes to w what write writes, but for its end, which it gets when
// the verifier has found nothing to refuse.
func (l *Ledger) verified(w io.Writer, note []byte, write func(w io.Writer) error) error {
	n, err := merkle.ParseNote(note)
	if err != nil {
		return damaged("%s: checkpoint: %v", l.origin, err)
	}
	k, err := l.keys()
	if err != nil {
		return err
	}
	policy, err := k.policy(n)
	if err != nil {
		return err
	}

	r, pw := io.Pipe()
	verdict := make(chan error, 1)
	go func() {
		err := judge(r, policy)
		// The writer stops where the verifier did.
		r.CloseWithError(errors.Join(err, io.ErrClosedPipe))
		verdict <- err
	}()
	out := &holdBack{w: w, keep: bundleTail}
	err = write(io.MultiWriter(pw, out))
	pw.CloseWithError(err) // nil is the end of the file
	if refused := <-verdict; refused != nil && (err == nil || errors.Is(err, io.ErrClosedPipe)) {
		err = refused
	}
	if err != nil {
		return fmt.Errorf("%s: bundle: %w", l.origin, err)
	}
	return out.release()
}

// judge verifies a bundle and returns why it would be refused. That something
// is unproven is no refusal: it depends on what the reader holds.
func judge(r io.Reader, policy *bundle.Policy) error {
	report, err := verify.Verify(r, verify.Options{Policy: policy})
	if err != nil {
		return fmt.Errorf("cannot be verified: %w", err)
	}
	var failed []string
	for _, c := range report.Checks {
		if c.Result == "FAILED" {
			failed = append(failed, c.Name+": "+c.Text)
		}
	}
	if len(failed) > 0 || report.Verdict == "refused" {
		return fmt.Errorf("would be refused: %s", strings.Join(failed, "; "))
	}
	return nil
}

// policy relies on the ledger's log key, and takes the parties' keys as
// witnesses without asking for any of them.
func (k keys) policy(n merkle.Note) (*bundle.Policy, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "log %s\n", k.log)
	for i, pub := range k.parties {
		name := fmt.Sprintf("party.%d", i+1)
		for _, key := range k.known(n)[1:] {
			if pub.Equal(key.PublicKey()) {
				name = key.Name()
			}
		}
		key, err := merkle.NewVerifierKey(name, merkle.KindCosignature, pub)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "witness party%d %s\n", i+1, key)
	}
	b.WriteString("quorum none\n")
	return bundle.ParsePolicy([]byte(b.String()))
}

// bundleTail is more than an end line and less than would matter to a reader.
const bundleTail = 1024

// A holdBack passes on all but the last bytes, so that a bundle has no end
// line before it is found good.
type holdBack struct {
	w    io.Writer
	keep int
	held []byte
}

func (h *holdBack) Write(b []byte) (int, error) {
	h.held = append(h.held, b...)
	if pass := len(h.held) - h.keep; pass > 0 {
		if _, err := h.w.Write(h.held[:pass]); err != nil {
			return 0, err
		}
		h.held = append(h.held[:0], h.held[pass:]...)
	}
	return len(b), nil
}

func (h *holdBack) release() error {
	_, err := h.w.Write(h.held)
	return err
}

// writeBundle writes the records [o.From, size) under a checkpoint.
func (l *Ledger) writeBundle(ctx context.Context, w io.Writer, note []byte, o BundleOptions, size int64) error {
	from := o.From
	header := bundle.Header{Kind: "replay", Origin: l.origin, Start: from, Records: size - from, Checkpoint: note}
	var state [][]byte
	var refs []int64 // of the first record: the agreement versions
	if from > 0 {
		var err error
		if state, err = l.stateAfter(from); err != nil {
			return err
		}
		settled, err := fee.ReadState(state)
		if err != nil {
			return damaged("state after the statement at %d: %v", from, err)
		}
		for _, v := range settled.Standing().Versions() {
			refs = append(refs, v.N)
		}
		f, err := l.frontierAt(from)
		if err != nil {
			return err
		}
		header.StateLines, header.Frontier = int64(len(state)), f.Hashes()
	}
	b, err := bundle.NewWriter(w, header)
	if err != nil {
		return err
	}
	for _, line := range state {
		if err := b.State(line); err != nil {
			return err
		}
	}
	chains := &walker{ledger: l}
	for line, err := range l.Records(ctx, from, size) {
		if err != nil {
			return err
		}
		if from > 0 {
			more, err := l.refsOf(line, from)
			if err != nil {
				return err
			}
			refs = append(refs, more...)
			slices.Sort(refs)
			for _, n := range slices.Compact(refs) {
				if err := l.writeRef(b, n, from); err != nil {
					return err
				}
			}
			refs = refs[:0]
		}
		if bytes.Contains(line, []byte(`"as":"`+record.ByFinding+`"`)) { // a text may hold it too, where its quotes are escaped
			r, err := record.Parse(line)
			if err != nil {
				return damaged("%s: %v", l.origin, err)
			}
			if byFinding(r.Body) {
				if err := chains.writeBlock(ctx, b, r); err != nil {
					return err
				}
			}
		}
		if err := b.Record(line); err != nil {
			return err
		}
		if err := l.writeEvidence(ctx, b, line, o.Show, o.Key); err != nil {
			return err
		}
	}
	return b.Close()
}

// refsOf lists the records before start that a record needs: its chains'
// predecessors, what it cites, and the action that a claim names.
func (l *Ledger) refsOf(line []byte, start int64) ([]int64, error) {
	r, err := record.Parse(line)
	if err != nil {
		return nil, damaged("%v", err)
	}
	var refs []int64
	for _, link := range r.Log.Chains {
		if link.Prev >= 0 && link.Prev < start {
			refs = append(refs, link.Prev)
		}
	}
	var named []string
	for _, cite := range r.Cites {
		named = append(named, cite.ID)
	}
	if b, ok := r.Body.(*record.Outcome); ok && b.Effect != "" {
		named = append(named, b.Effect)
	}
	for _, id := range named {
		n, ok, err := l.Find(id)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, damaged("record %d names %s, which is not indexed", r.Log.N, id)
		}
		if n < start {
			refs = append(refs, n)
		}
	}
	return refs, nil
}

// writeRef writes record n with its inclusion in the tree of the first start
// records.
func (l *Ledger) writeRef(b *bundle.Writer, n, start int64) error {
	line, proof, err := l.proven(n, start)
	if err != nil {
		return err
	}
	return b.Ref(line, proof)
}
