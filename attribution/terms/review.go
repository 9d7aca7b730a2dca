package terms

import (
	"strings"
)

// review adds the warnings: what is no mistake, but what whoever signs should
// know.
func (d *document) review(t *Terms) {
	for i := range t.Results {
		d.reviewResult(t, &t.Results[i])
	}
	for _, m := range t.Measures {
		used := false
		for _, l := range t.Lines {
			used = used || l.Of == m.Name
		}
		if !used {
			d.warn("measures."+m.Name, "no line is priced by it")
		}
	}
	for i, l := range t.Lines {
		d.reviewAdjust(element("lines", i)+".adjust", l.Adjust)
	}
	d.reviewAdjust("adjust", t.Adjust)
}

func (d *document) reviewResult(t *Terms, r *Result) {
	path := "results." + r.Name
	used := false
	for _, m := range t.Measures {
		used = used || m.Result == r.Name
	}
	if !used {
		d.warn(path, "no measure reads it")
	}
	payee := t.Operator()
	alone := payee != nil && len(r.Claim) == 1 && r.Claim[0] == payee.ID
	// Where the client accepts each claim, it has judged what the vendor wrote.
	if alone && r.Accept.On != "client" {
		if r.OncePer != "subject" && r.OncePer != "" {
			d.warn(path+".once_per", "the vendor, who is paid, alone chooses the %s of a claim, and so how many there are", strings.TrimPrefix(r.OncePer, oncePerFact))
		}
		if r.Where != nil {
			if names := r.Where.Names(); len(names) > 0 {
				d.warn(path+".where", "the vendor, who is paid, alone writes the facts it reads: %s", strings.Join(names, ", "))
			}
		}
	}
	if r.Where != nil && len(r.Where.Names()) == 0 {
		d.warn(path+".where", "reads no fact: it is the same for every claim")
	}
	switch r.Accept.On {
	case "claim":
		if r.Dispute == nil && alone {
			d.warn(path+".accept", "a claim of the vendor counts at once and cannot be disputed")
		}
	case "silence":
		if r.Accept.From == "claim" && t.RecordDelay == Unlimited {
			d.warn(path+".accept.from", "with an unlimited record_delay a claim can be accepted by silence before the client could see it")
		}
	}
	if r.Dispute != nil && t.Settle.CloseAfter < r.Dispute.Within {
		d.warn("settle.close_after", "%s is shorter than the %s in which %s can be disputed: a late dispute is settled as a correction", t.Settle.CloseAfter, r.Dispute.Within, r.Name)
	}
	if t.RecordDelay != Unlimited && t.RecordDelay > 0 && r.FinalAfter > 0 {
		if need := r.horizon() + t.RecordDelay; r.FinalAfter >= r.horizon() && r.FinalAfter < need {
			d.warn(path+".final_after", "%s is shorter than %s, the last window and record_delay together: what is recorded at the end of both comes too late", r.FinalAfter, need)
		}
	}
}

// reviewAdjust warns of a bound that undoes one before it.
func (d *document) reviewAdjust(path string, list []Adjustment) {
	for i, a := range list {
		for _, b := range list[:i] {
			if a.Amount == "" || b.Amount == "" || a.Op == b.Op {
				continue
			}
			c := compareDecimals(a.Amount, b.Amount)
			if a.Op == "at_most" && c < 0 || a.Op == "at_least" && c > 0 {
				d.warn(element(path, i), "%s %s undoes %s %s before it", a.Op, a.Amount, b.Op, b.Amount)
			}
		}
	}
}
