package fee

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A delivery is how far the evidence of a claim has got that the terms want
// delivered to the client. A disclose record names a piece; the first receipt
// that covers the record of the last piece delivers them all.
type delivery struct {
	open []record.Digest // pieces that no disclose record names yet, sorted
	last int64           // n of the disclose record that named the last one so far, -1 while there is none
}

// toDeliver is the delivery that the terms want for a claim with these
// attachments, nil if none. What the client itself attaches it has; and what
// lacks an attachment counts in no case.
func (c *claim) toDeliver(attach []record.Attachment) *delivery {
	if len(c.rule.Delivered) == 0 || !c.evidenced || c.author == client {
		return nil
	}
	d := &delivery{last: -1}
	for _, a := range attach {
		if slices.Contains(c.rule.Delivered, a.Name) {
			d.open = append(d.open, record.Digest(strings.Clone(string(a.Digest))))
		}
	}
	slices.Sort(d.open)
	d.open = slices.Compact(d.open)
	return d
}

// want notes that c waits for its pieces to be handed over.
func (s *State) want(c *claim) {
	if c.asked.delivery == nil {
		return
	}
	for _, piece := range c.asked.delivery.open {
		s.wanted[piece] = append(s.wanted[piece], c)
	}
}

// addDisclose takes the operator's word that it handed a piece to the client,
// for each live claim that has the piece. What is handed over before a claim is
// recorded is not handed over as its evidence.
func (s *State) addDisclose(r *record.Record, b *record.Disclose) {
	t := s.versions[len(s.versions)-1].terms
	if r.By != t.Operator().ID || b.To != t.Client().ID || s.standing.SignatureVoid(r) {
		return
	}
	for _, c := range s.wanted[b.Digest] {
		i, _ := slices.BinarySearch(c.asked.delivery.open, b.Digest)
		c.asked.delivery.open = slices.Delete(c.asked.delivery.open, i, i+1)
		c.asked.delivery.last = r.Log.N
	}
	delete(s.wanted, b.Digest)
}

// delivered is the instant from which the client has the evidence of c that it
// must have: that of the claim where it must have none, never while it lacks
// some.
func (s *State) delivered(c *claim) record.Time {
	switch d := c.asked.delivery; {
	case d == nil:
		return c.at
	case len(d.open) > 0:
		return never
	default:
		return max(c.at, s.received(d.last))
	}
}

// seen is the instant from which the other side can know of the claim, and has
// of its evidence what it must have.
func (s *State) seen(c *claim) record.Time { return max(c.at, c.logged, s.delivered(c)) }

// handedOver are those of list whose evidence was handed over, and is not
// delivered, in the order of that.
func (s *State) handedOver(list []*claim) (handed []*claim) {
	for _, c := range list {
		if c.asked.delivery != nil && len(c.asked.delivery.open) == 0 && s.delivered(c) == never {
			handed = append(handed, c)
		}
	}
	slices.SortStableFunc(handed, func(a, b *claim) int { return cmp.Compare(a.asked.delivery.last, b.asked.delivery.last) })
	return handed
}

// after is the end of a length of time, never of one that does not begin.
func after(begin record.Time, length terms.Duration) record.Time {
	if begin == never {
		return never
	}
	return begin + record.Time(length)
}

// lack says what the delivery lacks.
func (d *delivery) lack() string {
	if len(d.open) == 0 {
		return fmt.Sprintf("record %d hands over the last of it, and no receipt of the client covers that yet", d.last)
	}
	words := make([]string, len(d.open))
	for i, piece := range d.open {
		words[i] = string(piece)
	}
	return "nothing hands over " + strings.Join(words, ", ")
}

// write writes how far the delivery is, at the end of the line of its claim:
// n of the last disclose record, and what is still open.
func (d *delivery) write(r *row) {
	r.open().int(d.last)
	for _, piece := range d.open {
		r.text(string(piece))
	}
	r.close()
}

// delivery reads what write writes, if anything.
func (c *cells) delivery() *delivery {
	if len(c.row) == 0 {
		return nil
	}
	list := c.list()
	d := &delivery{last: list.int()}
	for len(list.row) > 0 {
		piece, err := record.ParseDigest(list.text())
		list.join(err)
		d.open = append(d.open, piece)
	}
	c.join(list.err)
	return d
}

// checkDelivery refuses a delivery that the terms do not want, or the lack of
// one that they do, or one that no disclose record can have brought so far.
func (s *State) checkDelivery(c *claim) error {
	wanted := len(c.rule.Delivered) > 0 && c.evidenced && c.author != client
	d := c.asked.delivery
	switch {
	case wanted != (d != nil):
		return fmt.Errorf("claim %d says of evidence to be delivered what the terms do not", c.n)
	case d == nil:
		return nil
	case d.last != -1 && (d.last <= c.n || d.last >= s.size):
		return fmt.Errorf("claim %d has evidence handed over by record %d, which is not behind it", c.n, d.last)
	case d.last == -1 && len(d.open) == 0, d.last != -1 && len(d.open) >= len(c.rule.Delivered), len(d.open) > len(c.rule.Delivered):
		return fmt.Errorf("claim %d has %d pieces of evidence of %d still to be handed over", c.n, len(d.open), len(c.rule.Delivered))
	}
	for i := 1; i < len(d.open); i++ {
		if d.open[i-1] >= d.open[i] {
			return fmt.Errorf("claim %d has evidence twice, or not in its place", c.n)
		}
	}
	return nil
}
