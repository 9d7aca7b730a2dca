package terms

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// reviewSilence warns where a side gains by doing nothing. Each of these ends
// at final_after at the latest.
func (d *document) reviewSilence(t *Terms, r *Result) {
	path := "results." + r.Name
	client := t.Client().ID
	if slices.Equal(r.Claim, []string{client}) {
		d.warn(path+".claim", "%s, who pays, alone claims it: what it does not claim does not count", client)
	}
	switch r.Accept.On {
	case "client":
		d.warn(path+".accept.on", "%s can leave a claim unaccepted for ever: it expires at final_after, %s after the claim", client, r.FinalAfter)
	case "third":
		d.warn(path+".accept.on", "%s can leave a claim unaccepted for ever: it expires at final_after, %s after the claim", r.Accept.By, r.FinalAfter)
	case "silence":
		if r.Accept.From == "receipt" {
			d.warn(path+".accept.from", "silence runs from the receipt of %s: while it cosigns nothing, no claim is accepted by silence", client)
		}
	}
	d.reviewDelivered(t, r)
	if r.Dispute != nil {
		decided := "both agree"
		if t.withRole(record.RoleArbiter) != nil {
			decided = "both agree or an arbiter decides"
		}
		at := path + ".dispute.unresolved"
		other := client // whoever claims does not dispute
		if slices.Equal(r.Claim, []string{client}) {
			other = t.Operator().ID
		}
		switch r.Dispute.Then {
		case "void":
			d.warn(at, "what %s disputes until the last day is not paid unless %s within %s", other, decided, r.Dispute.After)
		case "accept":
			d.warn(at, "what %s disputes is paid unless %s within %s", other, decided, r.Dispute.After)
		case "arbiter":
			d.warn(at, "what the arbiter leaves open is not paid: it expires at final_after, %s after the claim", r.FinalAfter)
		}
	}
	d.reviewGuarantee(t, path, r)
	if r.Lock.Months == 1 && r.Lock.Day == 1 {
		d.warn(path+".lock", "what is claimed on the last day of a month is locked when that day ends: day 1 of months 2 is the end of the next month")
	}
}

// reviewGuarantee warns where the guarantee is over before it can begin, and
// that the client's word alone takes back what the vendor claims.
func (d *document) reviewGuarantee(t *Terms, path string, r *Result) {
	if r.Reopen == nil {
		return
	}
	client := t.Client().ID
	switch {
	case r.Reopen.From == "occurred" && r.Reopen.Within <= r.Lock.least() && r.Lock.least() > 0:
		d.warn(path+".reopen", "%s from when it occurred is over before the lock, %s: a return after the lock is never given back", r.Reopen.Within, r.Lock)
	case !slices.Equal(r.Claim, []string{client}):
		d.warn(path+".reopen", "%s may take back each claim until %s after it %s, and %s cannot dispute that", client, r.Reopen.Within,
			map[string]string{"occurred": "occurred", "accepted": "was accepted", "locked": "was locked"}[r.Reopen.From], t.Operator().ID)
	}
}

// reviewFree warns where one side chooses which results are free: they are free
// in the order of the ledger, and do not all cost the same.
func (d *document) reviewFree(t *Terms, l *Line, path string) {
	m := t.Measure(l.Of)
	if l.Each == nil || l.Each.Free == nil || m == nil || m.Source != "result" || m.Op == "count" && m.Credit == nil {
		return
	}
	r := t.Result(m.Of)
	for _, side := range []struct {
		party *Party
		what  string
	}{{t.Operator(), "is paid"}, {t.Client(), "pays"}} {
		if slices.Equal(r.Claim, []string{side.party.ID}) {
			d.warn(path+".each.free", "the first ones in the ledger are free, and not all cost the same: %s, who %s, alone claims %s, and by the order chooses which", side.party.ID, side.what, r.Name)
		}
	}
}

// reviewMetrics warns of numbers that one side alone delivers, of what it gains
// by not delivering them, and of those that two sides deliver and that add up.
func (d *document) reviewMetrics(t *Terms) {
	for i := range t.Metrics {
		m := &t.Metrics[i]
		if len(m.By) != 1 {
			continue
		}
		path := "metrics." + m.Name + ".by"
		switch m.By[0] {
		case t.Operator().ID:
			d.warn(path, "%s, who is paid, alone delivers it", m.By[0])
		case t.Client().ID:
			d.warn(path, "%s, who pays, alone delivers it", m.By[0])
		}
	}
	delivered := false
	for i := range t.Measures {
		m := &t.Measures[i]
		path := "measures." + m.Name
		switch m.Source {
		case "action":
			d.warn(path, "%s, who is paid, alone records actions", t.Operator().ID)
		case "finding":
			if slices.Equal(t.Result(m.Of).Claim, []string{t.Operator().ID}) {
				d.warn(path, "%s, who is paid, alone claims %s: what it does not claim is not found", t.Operator().ID, m.Of)
			}
		case "metric":
			delivered = true
			switch by := t.Metric(m.Of).By; {
			case len(by) == 1:
				d.reviewMissing(t, m, by[0])
			case m.Op == "sum" || m.Op == "count":
				d.warn(path, "each of %s delivers %s, and what two of them measure of one span counts twice", list(by), m.Of)
			}
		}
		if c := m.Credit; c != nil && c.Of != "" {
			if touch := t.Result(c.Of); touch.Accept.On == "claim" && slices.Equal(touch.Claim, []string{t.Operator().ID}) {
				d.warn(path+".credit.of", "%s, who is paid, alone claims %s, and its claims count at once", t.Operator().ID, c.Of)
			}
		}
	}
	if delivered && t.Settle.CloseAfter == 0 {
		d.warn("settle.close_after", "0s after its end a period is settled, before its last measurements can be delivered")
	}
}

// reviewMissing warns of what the one party that delivers a metric can do by
// delivering nothing.
func (d *document) reviewMissing(t *Terms, m *Measure, by string) {
	gain := ""
	switch m.Missing.Then {
	case "hold":
		gain = "can hold what rests on it"
		if lines := t.linesOver(m.Name); len(lines) > 0 {
			gain = "can hold " + list(lines)
		}
	case "last":
		gain = "can let the last value stand"
	case "value":
		gain = fmt.Sprintf("can choose %s instead of what it measured", m.Missing.Value)
	case "other":
		other := t.Measure(m.Missing.Measure)
		gain = fmt.Sprintf("can choose measure %s instead", other.Name)
		if !slices.Contains(t.Metric(other.Of).By, by) {
			return // the other side's number
		}
	}
	d.warn("measures."+m.Name+".missing", "%s alone delivers %s, and by delivering nothing %s", by, m.Of, gain)
}

// linesOver are the names of the lines whose amount rests on a measure.
func (t *Terms) linesOver(measure string) (lines []string) {
	for _, l := range t.Lines {
		read := t.Reads(l.Of)
		for _, a := range l.Adjust {
			read = append(read, t.Reads(a.By)...)
		}
		if slices.Contains(read, measure) {
			lines = append(lines, "line "+l.Name)
		}
	}
	for _, a := range t.Adjust {
		if slices.Contains(t.Reads(a.By), measure) {
			return append(lines, "the statement")
		}
	}
	return lines
}

// list joins words as people do.
func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return words[0]
}
