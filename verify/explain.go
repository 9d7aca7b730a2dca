package verify

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Explain verifies a bundle and then says why one result was billed or not.
// The result is named by the id of the record that claims it, or by its key
// ("resolved/T-1001"). It speaks from the records of a bundle that no check
// refuses, and says so where something is unproven; for a refused bundle the
// text says only that there is nothing to go by. The error means that it could
// not be checked, or that there is no such result.
func Explain(r io.Reader, o Options, result string) (string, *Report, error) {
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
	e, err := v.state.Explain(result)
	if err != nil {
		return "", v.report, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s in %s, as of size %d\n", plain(e.Result), plain(e.Key), plain(v.report.Origin), v.report.Size)
	for _, line := range e.Lines {
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
