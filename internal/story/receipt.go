package story

import (
	"context"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// receipt makes of the client's entry the record of the operator, whose
// checkpoint is that of the ledger when its time comes.
func (e *entry) receipt(t *terms.Terms) error {
	if client := t.Client(); client == nil || e.tree["by"] != client.ID {
		return mistake("by", "got %v, want the client, who cosigns", e.tree["by"])
	}
	if len(e.tree["body"].(map[string]any)) > 0 {
		return mistake("receipt", "want {}: it is of all that is in the ledger then")
	}
	e.tree["by"] = t.Operator().ID
	return nil
}

// madeUp writes the digest of what is attached for "NAME of ID" in the body of a
// disclose record.
func madeUp(body map[string]any) {
	if s, ok := body["digest"].(string); ok && strings.Contains(s, " of ") {
		body["digest"] = string(record.Sum([]byte(s)))
	}
}

// receive lets the client cosign the ledger as it is, and records that.
func (d *Deal) receive(ctx context.Context, r *record.Record) error {
	note, err := d.Cosign(ctx)
	if err != nil {
		return err
	}
	r.Body.(*record.Receipt).Checkpoint = strings.Split(strings.TrimSuffix(string(note), "\n"), "\n")
	return d.Write(ctx, r)
}
