package fee

import (
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
)

// undo sorts out the reversals that a finding undoes. What the vendor takes
// back itself stays taken back, and so does what a statement took from the fee:
// nothing ever increases.
func (c *claim) undo(v *view, closing record.Time) {
	if !c.rule.keeps {
		return
	}
	for i := range c.events {
		e := &c.events[i]
		if e.kind != findKeep || e.at > closing {
			continue
		}
		j := slices.IndexFunc(c.events, func(r event) bool { return (r.kind == reverse || r.kind == reduce) && r.id == e.id })
		switch {
		case j < 0 || c.events[j].at > closing: // it is about a dispute, or about what is not there yet
		case c.events[j].by == vendor:
			v.idle = append(v.idle, idle{i, notEntitled})
		case c.events[j].spent:
			v.idle = append(v.idle, idle{i, findingLate})
		case slices.Contains(v.undone, j):
		default:
			v.undone = append(v.undone, j)
			v.idle = append(v.idle, idle{j, clientFault})
		}
	}
}

// foundAt is the first instant at which a finding voids the claim, never if none
// does: one that upholds a dispute in force, or one about the claim itself, in
// its time and before a resolve record has rejected a dispute. What both sides,
// the arbiter or the rules themselves have decided is not decided again.
func (c *claim) foundAt(closing record.Time, spells []spell, v *view, when func(*event) record.Time) record.Time {
	first, rejected := never, never
	for _, p := range spells {
		if p.found {
			first = min(first, p.until)
		}
		if p.decided {
			rejected = min(rejected, p.until)
		}
	}
	f := c.rule.Findings()
	if f == nil {
		return first
	}
	last := min(after(v.seen, f.Within), rejected)
	for i := range c.events {
		e := &c.events[i]
		switch t := when(e); {
		case e.kind != findVoid || e.id != "" || e.at > closing:
		case t > last:
			v.idle = append(v.idle, idle{i, findingLate})
		default:
			first = min(first, t)
		}
	}
	return first
}

// spend notes the reversals for which a statement takes from what was billed.
func (z *settlement) spend(c *claim, v *view, d *decision) {
	if !c.rule.keeps || d.period == never {
		return
	}
	for i := range c.events {
		e := &c.events[i]
		if e.kind != reverse && e.kind != reduce || e.spent || e.at > z.closing || slices.Contains(v.undone, i) ||
			slices.ContainsFunc(v.idle, func(w idle) bool { return w.event == i }) {
			continue
		}
		// What is taken off before the lock is taken off whenever it is billed.
		if t := max(e.at, c.at); t < z.until || e.kind == reduce && t <= v.locked {
			d.rarely().spent = append(d.rarely().spent, i)
		}
	}
}

// find counts a claim that a finding voids in the measures of findings, in the
// period of the finding. It counts as well where something else voided it
// before: who takes a claim back does not hide what it did. waits reports that
// this is a period to come.
func (z *settlement) find(c *claim, v *view, d *decision) (waits bool) {
	t := c.rule.version.terms
	if v.found == never || c.marks.found != never || len(c.rule.finds) == 0 || c.at < t.From || c.at >= t.Until {
		return false
	}
	if v.found >= z.until {
		return true
	}
	period := z.period.From
	// Where what is late is refused a finding still counts: who keeps the ledger
	// must not hide it by being slow.
	if v.found < period && z.terms.Settle.Late == "correction" {
		if p, ok := z.s.periodAt(v.found); ok {
			period = p.From
		}
	}
	r := d.rarely()
	r.found, r.foundIn = c.findParts(), period
	return false
}

// findParts is what a claim that a finding voids adds to the measures of
// findings.
func (c *claim) findParts() []part {
	parts := make([]part, len(c.rule.finds))
	for i, u := range c.rule.finds {
		parts[i] = part{measure: u.at, quantity: one}
	}
	return parts
}

// find is that of a settlement, of a running total.
func (m *Meter) find(c *claim, v *view, x *metered) {
	t := c.rule.version.terms
	if v.found < never && c.marks.found == never && len(c.rule.finds) > 0 && c.at >= t.From && c.at < t.Until {
		x.found, x.foundIn = c.findParts(), m.periodOf(v.found)
	}
}
