package story

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// A Clock is what the ledger of a story takes for the time.
type Clock struct{ now time.Time }

// Now is the time of the story.
func (c *Clock) Now() time.Time { return c.now }

// Set moves the clock, never back: a ledger's times do not decrease.
func (c *Clock) Set(t record.Time) {
	if now := time.UnixMilli(int64(t)).UTC(); now.After(c.now) {
		c.now = now
	}
}

// A Deal is a ledger with the keys of all its parties at hand.
type Deal struct {
	*ledger.Ledger
	Terms *terms.Terms
	// Policy is the client's: it relies on the log's key and on its own
	// cosignature. PolicyText is its text.
	Policy     *bundle.Policy
	PolicyText []byte

	clock   *Clock
	witness string
	signers map[string]*Signer // by party, the operator's is not used for its own records
	cases   map[string]string  // of the records appended, by id
	digests map[string]record.Digest
}

// Agree begins a ledger in db, whose clock is clock, under canonical terms
// that both sides sign. Each party of the terms must have the key of its role,
// see [Key].
func Agree(ctx context.Context, db *ledger.DB, clock *Clock, origin string, canonical []byte) (*Deal, error) {
	t, mistakes := terms.Parse(canonical)
	if t == nil {
		return nil, fmt.Errorf("terms: %v", mistakes)
	}
	d := &Deal{Terms: t, clock: clock, witness: t.Client().ID + "/auditor",
		signers: map[string]*Signer{}, cases: map[string]string{}, digests: map[string]record.Digest{}}
	for _, p := range t.Parties {
		key := Key(p.Role)
		if text := record.FormatPublicKey(key.Public().(ed25519.PublicKey)); len(p.Keys) != 1 || p.Keys[0] != text {
			return nil, fmt.Errorf("parties.%s.keys: got %v, want the key of a story's %s, %s", p.ID, p.Keys, p.Role, text)
		}
		d.signers[p.ID] = &Signer{Key: key}
	}
	logKey, err := merkle.NewVerifierKey(origin, merkle.KindLog, Key("log").Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	witness, err := merkle.NewVerifierKey(d.witness, merkle.KindCosignature, Key(record.RoleClient).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	d.PolicyText = []byte("log " + logKey.String() + "\nwitness client " + witness.String() + "\nquorum client\n")
	if d.Policy, err = bundle.ParsePolicy(d.PolicyText); err != nil {
		return nil, err
	}
	clock.Set(t.From)
	agreement := &record.Record{Kind: record.KindAgreement, ID: "agreement/1", At: t.From, By: t.Operator().ID, Body: &record.Agreement{
		Version: 1, Format: "raasledger/v1", Origin: origin, LogKey: logKey.String(),
		Nonce: base64.StdEncoding.EncodeToString([]byte("a story's nonce.")), Terms: canonical,
	}}
	for _, role := range []string{record.RoleVendor, record.RoleClient} {
		if err := record.Sign(agreement, origin, Key(role)); err != nil {
			return nil, err
		}
	}
	d.Ledger, err = db.Create(ctx, agreement)
	return d, err
}

// Write signs records as their parties do and appends them together.
func (d *Deal) Write(ctx context.Context, records ...*record.Record) error {
	for _, r := range records {
		if err := d.finish(r); err != nil {
			return fmt.Errorf("record %s: %w", r.ID, err)
		}
	}
	_, err := d.Append(ctx, records...)
	return err
}

// finish fills in what follows from the records before: the case, the
// signatures and what they cite.
func (d *Deal) finish(r *record.Record) error {
	for _, ref := range record.References(r) {
		if _, ok := d.digests[ref.ID]; !ok {
			return fmt.Errorf("names record %s, which is not before it", ref.ID)
		}
		if r.Case == "" {
			r.Case = d.cases[ref.ID]
		}
	}
	signer := d.signers[r.By]
	if signer == nil {
		return fmt.Errorf("by: party %q is not in the terms", r.By)
	}
	operator := d.Terms.Operator().ID
	if r.By != operator {
		if err := signer.Sign(r, d.Origin(), d.digests); err != nil {
			return err
		}
	}
	if resolve, ok := r.Body.(*record.Resolve); ok && resolve.As == "joint" {
		for _, party := range []string{operator, d.Terms.Client().ID} {
			if err := record.Sign(r, d.Origin(), d.signers[party].Key); err != nil {
				return err
			}
		}
	}
	digest, err := record.ContentDigest(r)
	if err != nil {
		return err
	}
	d.cases[r.ID], d.digests[r.ID] = r.Case, digest
	return nil
}

// Cosign returns a checkpoint of the whole ledger that the client cosigned.
func (d *Deal) Cosign(ctx context.Context) ([]byte, error) {
	note, err := d.Checkpoint(ctx, Key("log"))
	if err != nil {
		return nil, err
	}
	if note, err = merkle.Cosign(note, d.witness, Key(record.RoleClient), d.clock.now.Unix()); err != nil {
		return nil, err
	}
	return d.Cosigned(ctx, note)
}

// Bundle is everything in one file, up to the newest checkpoint: from the
// first record on, or from that of a statement.
func (d *Deal) Bundle(ctx context.Context, from int64) ([]byte, error) {
	var text bytes.Buffer
	err := d.WriteBundle(ctx, &text, ledger.BundleOptions{From: from})
	return text.Bytes(), err
}

// Verify judges a bundle as the client does, by its own policy and the
// checkpoint that it holds from before, if any.
func (d *Deal) Verify(r io.Reader, since []byte) (*verify.Report, error) {
	return verify.Verify(r, verify.Options{Policy: d.Policy, Since: since, Now: record.TimeOf(d.clock.now)})
}
