package verify

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

// A Question names what is to be explained: a result, by the id of the record
// that claims it or by its key ("resolved/T-1001"); a line of a statement; or a
// statement's total. Period names the statement, "" is the last of the bundle.
type Question struct {
	Result string
	Line   string
	Total  bool
	Period string
	All    bool // lists every record behind a line, else the first 20 of each measure
}

// mostListed is how many records of a measure are listed where not all are
// asked for.
const mostListed = 20

// An Explanation is the answer to a question.
type Explanation struct {
	Head   string        // what is explained
	Lines  []string      // how it comes about, in plain words
	Said   []Said        // what the statements say of a result
	Behind []fee.Backing // the records behind it, of lines and totals
	Open   []string      // what is unproven of the bundle
	Start  int64         // the bundle has the records from this one on
}

// Explain verifies a bundle and then says why a result was billed or not, or
// how a line or a total comes about, with the records behind it. It speaks from
// the records of a bundle that no check refuses, and says so where something is
// unproven; of a refused bundle it says only that there is nothing to go by.
// The error means that it could not be checked, or that there is no such thing.
func Explain(r io.Reader, o Options, q Question) (*Explanation, *Report, error) {
	if o.story = q.Result; q.Result == "" {
		o.behind = &listing{most: mostListed, question: q}
		if q.All {
			o.behind.most = -1
		}
	}
	v, err := verify(r, o)
	if err != nil {
		return nil, nil, err
	}
	if v.report.Verdict == Refused {
		return &Explanation{Head: "nothing can be explained from a bundle that is refused"}, v.report, nil
	}
	if v.matter != nil {
		return nil, v.report, errors.New("nothing can be explained: a case bundle has no settlement in it")
	}
	if v.state == nil || v.broken != "" {
		return nil, v.report, fmt.Errorf("nothing can be explained: %s", v.broken)
	}
	x := &Explanation{Start: v.report.Start}
	if q.Result != "" {
		if err := v.explainResult(x, q.Result); err != nil {
			return nil, v.report, err
		}
	} else {
		x.Head = fmt.Sprintf("%s, as of size %d", v.report.Origin, v.report.Size)
		if err := v.explainStatement(x, q); err != nil {
			return nil, v.report, err
		}
	}
	if v.report.Verdict == Unproven {
		for _, c := range v.report.Checks {
			if c.Result == Unproven {
				x.Open = append(x.Open, c.Name+": "+c.Text)
			}
		}
	}
	return x, v.report, nil
}

// explainResult explains a result, as it is or as it was before it was final, or
// a claim that opened none.
func (v *verifier) explainResult(x *Explanation, asked string) error {
	t := v.told
	x.Said = t.said
	head := func(e *fee.Explanation, as string) string {
		return fmt.Sprintf("%s %s in %s, %s", e.Result, e.Key, v.report.Origin, as)
	}
	e, err := v.state.Explain(asked)
	switch {
	case err == nil:
		x.Head, x.Lines = head(e, fmt.Sprintf("as of size %d", v.report.Size)), e.Words()
	case t.live != nil:
		x.Head, x.Lines = head(t.live, t.as), t.live.Final(t.period, t.reason)
	case t.unopened != nil:
		x.Head, x.Lines = head(t.unopened, fmt.Sprintf("as of size %d", v.report.Size)), t.unopened.Lines
	case t.said != nil:
		x.Head = asked // as the statements tell it
	default:
		return err
	}
	return nil
}

// explainStatement explains a line or the total of a statement of the bundle.
func (v *verifier) explainStatement(x *Explanation, q Question) error {
	var st *Statement
	var periods []string
	for i := range v.report.Statements {
		s := &v.report.Statements[i]
		if s.Continued {
			continue // its lines were verified with the bundle before
		}
		periods = append(periods, s.Period)
		if q.Period == "" || s.Period == q.Period {
			st = s
		}
	}
	switch {
	case st == nil && periods == nil:
		return fmt.Errorf("the bundle has no statement that it settles")
	case st == nil:
		return fmt.Errorf("the bundle has no statement of %s: it settles %s", q.Period, strings.Join(periods, ", "))
	}
	x.Behind = st.Behind
	if q.Total {
		x.Lines = fee.ExplainTotal(v.standing(), st.Statement, st.Behind)
		return nil
	}
	var err error
	x.Lines, err = fee.ExplainLine(st.Statement, q.Line, v.standing().Versions(), st.Behind)
	return err
}

// Text is the explanation for people. What comes from the bundle is shown
// without characters that a terminal would act on.
func (x *Explanation) Text() string {
	var b strings.Builder
	say := func(indent int, text string) { b.WriteString(strings.Repeat("  ", indent) + plain(text) + "\n") }
	say(0, x.Head)
	for _, line := range x.Lines {
		say(1, line)
	}
	for i := range x.Behind {
		k := &x.Behind[i]
		if len(k.Measures) == 0 {
			continue
		}
		say(0, backingWords(k)+":")
		for j := range k.Measures {
			m := &k.Measures[j]
			say(1, measuredWords(m))
			if m.StandIn != "" {
				say(2, m.StandIn)
			}
			if hidden := hiddenWords(m, x.Start); hidden != "" {
				say(2, hidden)
			}
			for n := range m.Sources {
				s := &m.Sources[n]
				say(2, fmt.Sprintf("record %d  %v  %s%s", s.N, s.At, s.Words(), beforeWords(s, x.Start)))
				for _, line := range s.Credit {
					say(3, line)
				}
			}
			if more := m.Count - m.Hidden - int64(len(m.Sources)); more > 0 {
				say(2, fmt.Sprintf("and %s: --all lists them", many(more, "more "+m.Noun)))
			}
		}
	}
	several := slices.ContainsFunc(x.Said, func(s Said) bool { return s.N != x.Said[0].N })
	for i := range x.Said {
		say(0, x.Said[i].words(several))
	}
	for _, text := range x.Open {
		say(0, "unproven: "+text)
	}
	return b.String()
}

// backingWords say what the records are behind.
func backingWords(b *fee.Backing) string {
	switch {
	case b.Line == "":
		return "behind the adjustments of the whole statement"
	case b.Period != "":
		return fmt.Sprintf("behind the correction of line %s of version %d in %s", b.Line, b.Version, b.Period)
	}
	return fmt.Sprintf("behind line %s of version %d", b.Line, b.Version)
}

// measuredWords say what a measure is, and what of it the statement counted.
func measuredWords(m *fee.Measured) string {
	value := func(d record.Decimal) string {
		if d == "" {
			return "no value"
		}
		return string(d)
	}
	text := fmt.Sprintf("measure %s, %s, ", m.Name, m.Means)
	switch {
	case m.CountsOn:
		text += fmt.Sprintf("goes from %s to %s", value(m.Before), value(m.Value))
	case m.Value == "":
		text += "has no value"
	default:
		text += "is " + value(m.Value)
	}
	if m.Beside {
		text += ", read by an adjustment"
	}
	switch {
	case m.Count == 0 && m.CountsOn:
		text += ": nothing of this statement is behind it"
	case m.Count == 0:
		text += fmt.Sprintf(": no %s is behind it", m.Noun)
	default:
		text += ": " + many(m.Count, m.Noun)
	}
	if m.CountsOn && m.Earlier > 0 {
		text += fmt.Sprintf(", beside %d that statements before counted", m.Earlier)
	}
	return text
}

// hiddenWords say what actions the bundle can not show, "" where it shows all.
func hiddenWords(m *fee.Measured, start int64) string {
	if m.Hidden == 0 {
		return ""
	}
	return fmt.Sprintf("%s from record %d on, before record %d, with which the bundle begins: it has how many they are and what they add up to, not each",
		many(m.Hidden, "action"), m.HiddenFirst, start)
}

// beforeWords say of a record that it is in no line of the bundle.
func beforeWords(s *fee.Source, start int64) string {
	if s.N >= start {
		return ""
	}
	return fmt.Sprintf(", before the bundle, which begins with record %d", start)
}

// A listing asks for the records behind the lines of statements.
type listing struct {
	most     int      // of each measure, below 0 is all
	question Question // of one statement, and of one line if it names one; of all statements if it is empty
}

// list lets the state keep what is to be listed.
func (v *verifier) list() {
	if v.o.behind != nil {
		v.state.List(v.o.behind.most)
	}
}

// settle computes the next statement for what the caller asks of it: detail
// lines, and the records behind its lines. What is wrong with the settlement
// itself, Apply will say.
func (v *verifier) settle(period string, size int64, detail func(line []byte) error) {
	if v.told != nil {
		v.tell(period, size, detail)
		return
	}
	v.behind = nil
	b := v.o.behind
	if b == nil || b.question.Period != "" && b.question.Period != period {
		v.state.Settle(detail)
		return
	}
	_, v.behind, _ = v.state.Backings(b.question.Line, detail)
	if b.question != (Question{}) && b.question.Period == "" {
		for i := range v.report.Statements {
			v.report.Statements[i].Behind = nil // of the last one only
		}
	}
}
