package terms

import "slices"

// delivered takes the attachments that the client must have got before a claim
// counts: a choice of those that the claim must have.
func (d *document) delivered(r *Result, o *object) {
	v, path, ok := o.optional("delivered")
	if !ok {
		return
	}
	r.Delivered = d.setOf(path, v, maxEvidence, func(at, s string) bool {
		if !slices.Contains(r.Evidence, s) {
			d.fail(at, "attachment %s is not in evidence, and so need not be on a claim", quote(s))
		}
		return true
	})
}

// reviewDelivered warns of who keeps a claim from the fee by cosigning nothing,
// and where there is nothing to deliver.
func (d *document) reviewDelivered(t *Terms, r *Result) {
	if len(r.Delivered) == 0 {
		return
	}
	path, client := "results."+r.Name+".delivered", t.Client().ID
	if slices.Equal(r.Claim, []string{client}) {
		d.warn(path, "has no effect: %s alone claims it, and has what it attaches", client)
		return
	}
	d.warn(path, "is proven by a receipt of %s: while it cosigns nothing, no claim of anyone else counts", client)
}
