package fee

import "github.com/raasledger/raasledger/attribution/record"

// A Distance is how far a running total is from what the terms have next: the
// bound of a cap or a minimum, the next tier, the next step of a factor.
type Distance struct {
	Version int64  // of the terms
	Line    string // "" of the statement
	To      string // at_most, at_least, tier, step
	N       int64  // place in the terms, from 0: of the adjustment; of the tier or the step that comes next
	By      string // of a step: the measure or formula it goes by
	Bound   record.Decimal
	Now     record.Decimal // the amount before the adjustment, the quantity, or the value
	// Left is Bound less Now. At 0 or below a cap or a minimum is reached: a
	// cap then takes so much off. A minimum adds what is left above 0.
	Left record.Decimal
}

func (d Distance) to(bound, now number) Distance {
	d.Bound, d.Now, d.Left = display(bound), display(now), display(bound.sub(now))
	return d
}

// distances are those of lines, and of the statement over them. Nothing is said
// of a value that is not there, nor of what comes behind it.
func (z *settlement) distances(lines []reckoning) []Distance {
	var list []Distance
	for i := range lines {
		r := &lines[i]
		d := Distance{Version: r.version.number, Line: r.table.name}
		if next, ok := r.nextTier(d); ok {
			list = append(list, next)
		}
		g := z.setting(z.book(r.version, z.period.From, true), z.period, nil)
		if r.table.term {
			g.covered, g.whole = 1, 1
		}
		list = g.distances(list, d, r.table.adjusts, r.steps)
	}
	if z.base > 0 {
		v := z.s.versions[z.base-1]
		g := z.setting(z.book(v, z.period.From, true), z.period, nil)
		list = g.distances(list, Distance{Version: v.number}, v.adjusts, z.statement.Adjust)
	}
	return list
}

// nextTier is the distance to the end of the tier that a line's quantity is in.
func (r *reckoning) nextTier(d Distance) (Distance, bool) {
	t := r.table
	if t.of == "" || t.mode == each || !r.quantity.ok {
		return d, false
	}
	q := r.quantity.number
	if q.sign() < 0 {
		switch t.below {
		case "hold":
			return d, false
		case "negative":
			q = q.neg()
		default:
			q = number{}
		}
	}
	for _, s := range r.steps {
		if s.Op == "convert" || s.Op == "include" {
			q = mustParse(s.After)
		}
	}
	for i := range t.tiers[:len(t.tiers)-1] {
		if x := t.tiers[i].upTo; q.cmp(x) <= 0 {
			d.To, d.N = "tier", int64(i+1)
			return d.to(x, q), true
		}
	}
	return d, false
}

// distances appends those of adjustments. steps are what was done: convert and
// include to the quantity, and then one for each other adjustment, as far as
// their values are there.
func (g *setting) distances(to []Distance, d Distance, list []adjust, steps []record.Adjustment) []Distance {
	for len(steps) > 0 && (steps[0].Op == "convert" || steps[0].Op == "include") {
		steps = steps[1:]
	}
	for i := range list {
		a := &list[i]
		if a.op == "include" {
			continue
		}
		if len(steps) == 0 {
			break
		}
		before := mustParse(steps[0].Before)
		steps = steps[1:]
		switch a.op {
		case "at_most", "at_least":
			d.To, d.N, d.By = a.op, int64(i), ""
			to = append(to, d.to(g.bound(a), before))
		case "factor":
			v, ok := g.value(a.by)
			if !ok {
				continue
			}
			for k, s := range a.steps {
				if v.cmp(s.from) < 0 {
					d.To, d.N, d.By = "step", int64(k), a.by
					to = append(to, d.to(s.from, v))
					break
				}
			}
		}
	}
	return to
}
