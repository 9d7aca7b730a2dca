package responsibility

import "github.com/raasledger/raasledger/attribution/record"

// Record returns the record of that id among the first size, or nil.
func (f *Facts) Record(id string, size int64) *record.Record { return f.before(size, id) }

// About returns the records among the first size that refer to id in a way that
// the rules follow back, in ledger order: what was said of it later, such as
// reviews and handoffs of a decision, corrections of an input, revocations of a
// grant, demands, disclosures on a demand, erasures, disputes and resolutions.
func (f *Facts) About(id string, size int64) []*record.Record { return f.of(id, size) }

// Void reports whether r was signed with a key that was revoked before it.
func (f *Facts) Void(r *record.Record) bool { return f.void(r) }

// Now is the time at a size in a case: that of the last record that names the
// case or is a standing one. The rules measure deadlines by it.
func (f *Facts) Now(matter string, size int64) record.Time { return f.now(matter, size) }

// Showing is the handoff that a review answers by the nonce it names, and how
// long the review came after it, by the word of both: below 0 where one of them
// is dated so. why says why it answers none; it is "" where the review names no
// nonce.
func (f *Facts) Showing(review *record.Record) (handoff *record.Record, took record.Time, why string) {
	if review.Body.(*record.Review).Nonce == "" {
		return nil, 0, ""
	}
	h, why := f.answered(review)
	if why != "" {
		return nil, 0, why
	}
	return h, f.seen(review) - f.seen(h), ""
}
