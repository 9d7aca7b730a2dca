package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A Said is what one statement says of a result.
type Said struct {
	Period   string
	N        int64 // of the record that claims it
	Measure  string
	Quantity string
	Line     string // that prices it by itself
	Amount   string // that the line gained, before its adjustments
	Reason   string
	Price    string // on paper, where each result is priced by itself
	Note     string // what becomes of the amount, or which lines read the measure
}

// A telling gathers what the statements of a bundle say of one result.
type telling struct {
	asked    string           // the id of a record that claims it, or its key
	n        int64            // of the record with that id, -1 as long as there is none
	key      string           // result and key, "" as long as they are not known
	live     *fee.Explanation // when it was last live before a statement
	as       string           // as of when that is, in words
	period   string           // of that statement
	reason   string           // that it gave, "" if it said nothing new
	unopened *fee.Explanation // of a claim that opened no result
	said     []Said
}

// claim notes a record that was just taken, and claims a result.
func (v *verifier) claim(r *record.Record, n int64) {
	t := v.told
	if t == nil || r.Kind != record.KindOutcome || r.ID != t.asked {
		return
	}
	t.n = n
	t.unopened, _ = v.state.Unopened(r.Log.N)
}

// tell notes what the statement that is next says of the result, before it is
// taken.
func (v *verifier) tell(period string, size int64, detail func(line []byte) error) {
	t := v.told
	if e, err := v.state.Explain(t.asked); err == nil {
		t.live, t.n, t.key, t.period, t.reason = e, e.N, e.Result+"/"+e.Key, period, ""
		t.as = fmt.Sprintf("as of size %d, before the statement of %s, with which it was final", size, period)
	}
	from := len(t.said)
	gather := func(line []byte) error {
		if key, s, ok := parseDetail(line); ok && (s.N == t.n || key == t.asked || key == t.key && t.unopened == nil) {
			s.Period = period
			t.said = append(t.said, s)
			if t.live != nil && s.N == t.live.N && t.period == period {
				t.reason = s.Reason
			}
		}
		if detail == nil {
			return nil
		}
		return detail(line)
	}
	if t.live == nil || t.period != period {
		v.state.Settle(gather)
		return
	}
	st, behind, _ := v.state.BackingsOf(t.key, gather)
	if st == nil {
		return
	}
	for i := range t.said[from:] {
		s := &t.said[from+i]
		s.place(st, behind, v.adjusted)
		if s.Reason == "dispute_upheld" && s.N == t.live.N && t.live.Lapse != "" {
			s.Note = strings.TrimPrefix(s.Note+"; "+t.live.Lapse, "; ")
		}
	}
}

// adjusted reports whether a line has adjustments of its amount, in any version
// of the terms.
func (v *verifier) adjusted(line string) bool {
	for _, version := range v.standing().Versions() {
		for _, l := range version.Terms.Lines {
			if l.Name == line && slices.ContainsFunc(l.Adjust, func(a terms.Adjustment) bool { return a.Op != "include" }) {
				return true
			}
		}
	}
	return false
}

// place says what became of it on the lines of the statement.
func (s *Said) place(st *record.Statement, behind []fee.Backing, adjusted func(line string) bool) {
	var notes, reads []string
	for i := range behind {
		b := &behind[i]
		for j := range b.Measures {
			m := &b.Measures[j]
			at := slices.IndexFunc(m.Sources, func(x fee.Source) bool { return x.N == s.N })
			if m.Name != s.Measure || m.Beside || at < 0 || s.Line != "" && b.Line != s.Line {
				continue
			}
			price := m.Sources[at].Price
			switch {
			case s.Line == "" && price == "" && b.Line == "":
				reads = append(reads, "the adjustments of the whole statement")
				continue
			case s.Line == "" && price == "":
				reads = append(reads, "line "+b.Line)
				continue
			case s.Line == "":
				s.Line = b.Line
			}
			s.Price = price
			switch held := slices.ContainsFunc(st.Lines, func(l record.Line) bool { return l.Name == b.Line && l.Version == b.Version && l.Held }); {
			case b.Period != "":
				notes = append(notes, "in the correction of "+b.Period)
			case held:
				notes = append(notes, "the line is held: nothing is billed on it in this statement")
			}
			if adjusted(b.Line) {
				notes = append(notes, "before the adjustments of the line")
			}
		}
	}
	if reads != nil {
		notes = append(notes, "read by "+strings.Join(reads, ", "))
	}
	s.Note = strings.Join(notes, "; ")
}

// words are what the statement says, in a line. The record is named where
// several claim the result.
func (s *Said) words(several bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "statement %s: ", s.Period)
	if several {
		fmt.Fprintf(&b, "record %d, ", s.N)
	}
	b.WriteString(words(s.Reason))
	switch {
	case s.Line != "":
		fmt.Fprintf(&b, ", line %s, quantity %s", s.Line, s.Quantity)
	case s.Measure != "":
		fmt.Fprintf(&b, ", measure %s, quantity %s", s.Measure, s.Quantity)
	}
	if s.Price != "" {
		b.WriteString(", price " + s.Price)
	}
	if s.Amount != "" {
		b.WriteString(", amount " + s.Amount)
	}
	if s.Note != "" {
		b.WriteString(", " + s.Note)
	}
	return b.String()
}

// parseDetail reads [n, result, key, measure, quantity, line, amount, reason].
func parseDetail(line []byte) (key string, s Said, ok bool) {
	var result, of string
	fields := []any{&s.N, &result, &of, &s.Measure, &s.Quantity, &s.Line, &s.Amount, &s.Reason}
	if err := json.Unmarshal(line, &fields); err != nil || len(fields) != 8 {
		return "", s, false
	}
	return result + "/" + of, s, true
}
