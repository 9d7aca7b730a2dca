// Package verify runs the numbered checks on a bundle and reports.
package verify

import (
	"io"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/verify/bundle"
)

// Options say what the verifier relies on.
type Options struct {
	Policy   *bundle.Policy
	Since    []byte                                 // signed checkpoint held from before, nil if none
	Now      record.Time                            // for overdue statements and freshness; 0 leaves both unproven or not present
	MaxAge   int64                                  // seconds a cosignature may be old, 0 asks nothing
	Detail   func(period string, line []byte) error // receives recomputed detail lines, may be nil
	Progress func(records, of int64)
}

// Verify reads one bundle in one pass. The error means only that it could not be checked.
func Verify(r io.Reader, o Options) (*Report, error) { panic("todo") }

type Verdict string // verified, refused, unproven

type Report struct {
	Verdict Verdict
	Origin  string
	Size    int64
	Root    string
	Checks  []Check
}

type Check struct {
	Name   string
	Result string // passed, FAILED, unproven, not present
	Text   string
}

func (r *Report) WriteText(w io.Writer) error { panic("todo") }
func (r *Report) WriteJSON(w io.Writer) error { panic("todo") }

// ExitCode is 0 verified, 1 refused, 3 unproven.
func (r *Report) ExitCode() int { panic("todo") }
