package verify

import "fmt"

// The checks, in the order of docs/bundle.md.
const (
	form = iota
	signature
	witnesses
	freshness
	history
	records
	order
	authors
	agreed
	statements
	chains
	findings
	attachments
	checkCount
)

var checkNames = [checkCount]string{
	"form", "signature", "witnesses", "freshness", "history", "records", "order",
	"author signatures", "terms", "statements", "chains", "findings", "attachments",
}

// checkOf is the check that a refused record fails.
func checkOf(refused string) int {
	for i, name := range checkNames {
		if name == refused {
			return i
		}
	}
	return agreed
}

// Results of a check.
const (
	Passed     = "passed"
	Failed     = "FAILED"
	Unproven   = "unproven"
	NotPresent = "not present"
)

// maxTexts is how many faults of one check are named; the others are counted.
const maxTexts = 5

// A Check is one numbered check of the report.
type Check struct {
	Name   string
	Result string   // Passed, Failed, Unproven, NotPresent
	Text   string   // figures, or the first fault
	More   []string // further faults, at most 4
	Count  int64    // how many faults there are
}

// A tally gathers what one check finds.
type tally struct {
	faults []string
	failed int64
	lacks  []string
	lacked int64
	passed string // figures, if it passes
	absent string // why there is nothing to check, if there is nothing
}

// fail notes that something contradicts.
func (t *tally) fail(format string, args ...any) {
	t.failed++
	if len(t.faults) < maxTexts {
		t.faults = append(t.faults, fmt.Sprintf(format, args...))
	}
}

// lack notes that something asked for is not shown.
func (t *tally) lack(format string, args ...any) {
	t.lacked++
	if len(t.lacks) < maxTexts {
		t.lacks = append(t.lacks, fmt.Sprintf(format, args...))
	}
}

// check sums up.
func (t *tally) check(name string) Check {
	c := Check{Name: name}
	texts := t.faults
	switch {
	case t.failed > 0:
		c.Result, c.Count = Failed, t.failed
	case t.lacked > 0:
		c.Result, c.Count, texts = Unproven, t.lacked, t.lacks
	case t.absent != "":
		c.Result, c.Text = NotPresent, t.absent
		return c
	default:
		c.Result, c.Text = Passed, t.passed
		return c
	}
	c.Text, c.More = texts[0], texts[1:]
	return c
}
