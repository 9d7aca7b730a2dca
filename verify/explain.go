package verify

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A Question names what is to be explained: a result, by the id of the record
// that claims it or by its key ("resolved/T-1001"); a line of a statement; or a
// statement's total. Period names the statement, "" is the last of the bundle.
type Question struct {
	Result string
	Line   string
	Total  bool
	Period string
}

// Explain verifies a bundle and then says why a result was billed or not, or
// how a line or a total comes about. It speaks from the records of a bundle that no check
// refuses, and says so where something is unproven; for a refused bundle the
// text says only that there is nothing to go by. The error means that it could
// not be checked, or that there is no such thing.
func Explain(r io.Reader, o Options, q Question) (string, *Report, error) {
	v, err := verify(r, o)
	if err != nil {
		return "", nil, err
	}
	if v.report.Verdict == Refused {
		return plain("nothing can be explained from a bundle that is refused") + "\n", v.report, nil
	}
	if v.matter != nil {
		return "", v.report, errors.New("nothing can be explained: a case bundle has no settlement in it")
	}
	if v.state == nil || v.broken != "" {
		return "", v.report, fmt.Errorf("nothing can be explained: %s", v.broken)
	}
	var b strings.Builder
	var lines []string
	if q.Result != "" {
		e, err := v.state.Explain(q.Result)
		if err != nil {
			return "", v.report, err
		}
		fmt.Fprintf(&b, "%s %s in %s, as of size %d\n", plain(e.Result), plain(e.Key), plain(v.report.Origin), v.report.Size)
		lines = e.Lines
	} else {
		if lines, err = v.explainStatement(q); err != nil {
			return "", v.report, err
		}
		fmt.Fprintf(&b, "%s, as of size %d\n", plain(v.report.Origin), v.report.Size)
	}
	for _, line := range lines {
		b.WriteString("  " + plain(line) + "\n")
	}
	if v.report.Verdict == Unproven {
		for _, c := range v.report.Checks {
			if c.Result == Unproven {
				fmt.Fprintf(&b, "unproven: %s: %s\n", c.Name, plain(c.Text))
			}
		}
	}
	return b.String(), v.report, nil
}

// explainStatement explains a line or the total of a statement of the bundle.
func (v *verifier) explainStatement(q Question) ([]string, error) {
	var st *record.Statement
	var periods []string
	for i := range v.report.Statements {
		s := &v.report.Statements[i]
		if s.Continued {
			continue // its lines were verified with the bundle before
		}
		periods = append(periods, s.Period)
		if q.Period == "" || s.Period == q.Period {
			st = s.Statement
		}
	}
	switch {
	case st == nil && periods == nil:
		return nil, fmt.Errorf("the bundle has no statement that it settles")
	case st == nil:
		return nil, fmt.Errorf("the bundle has no statement of %s: it settles %s", q.Period, strings.Join(periods, ", "))
	case q.Total:
		return fee.ExplainTotal(st), nil
	}
	versions := v.state.Standing().Versions()
	return fee.ExplainLine(st, q.Line, func(version int64) *terms.Terms {
		for i := range versions {
			if versions[i].Number == version {
				return versions[i].Terms
			}
		}
		return nil
	})
}
