package verify

import (
	"errors"
	"fmt"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// open judges the checkpoint, before anything after it is read.
func (v *verifier) open() bool {
	var err error
	v.opened, err = v.o.Policy.Open(v.header.Checkpoint)
	if err != nil {
		v.checks[signature].fail("%v", err)
		return false
	}
	c := v.opened.Checkpoint
	v.report.Origin, v.report.Size, v.report.Root = c.Origin, c.Size, c.Root.String()
	v.checks[signature].passed = "log key " + ids(v.opened.Logs)

	t := &v.checks[witnesses]
	for _, id := range v.opened.False {
		t.fail("cosignature by %s is false", id)
	}
	if reached, text := v.o.Policy.Reached(v.opened); !reached {
		t.lack("%s", text)
	} else if v.o.Policy.Quorum() == "none" {
		t.absent = "the policy asks for no cosignature"
	} else {
		t.passed = text
	}
	v.fresh()

	if v.header.Kind == bundle.KindCase {
		v.openCase()
		return true
	}
	if v.tree, err = bundle.NewTree(v.header, c); err != nil {
		v.checks[form].fail("line 1: %v", err) // the reader has seen to it
		return false
	}
	v.hold()
	return true
}

func ids(keys []merkle.VerifierKey) string {
	var s []string
	for _, k := range keys {
		s = append(s, bundle.ID(k))
	}
	return strings.Join(s, ", ")
}

// fresh judges the age of the newest cosignature.
func (v *verifier) fresh() {
	t := &v.checks[freshness]
	if v.o.MaxAge == 0 {
		t.absent = "no greatest age is asked for"
		return
	}
	newest := int64(0)
	for _, c := range v.opened.Witnesses {
		newest = max(newest, c.Time)
	}
	now := int64(v.o.Now) / 1000
	switch {
	case newest == 0:
		t.lack("no cosignature by a witness of the policy, want one at most %s old", duration(v.o.MaxAge))
	case v.o.Now == 0:
		t.lack("the time is not known, want a cosignature at most %s old", duration(v.o.MaxAge))
	case newest-maxAheadSeconds > now:
		t.lack("the newest cosignature is of %s, which is %s ahead of now", unix(newest), duration(newest-now))
	case now-newest > v.o.MaxAge:
		t.lack("the newest cosignature is of %s, %s old, older than the %s asked", unix(newest), duration(now-newest), duration(v.o.MaxAge))
	default:
		t.passed = fmt.Sprintf("the newest cosignature is of %s, %s old, at most %s asked", unix(newest), duration(max(now-newest, 0)), duration(v.o.MaxAge))
	}
}

// duration is the text of a number of seconds in its largest unit and the one
// below, the rest cut off.
func duration(seconds int64) string {
	var parts []string
	for _, unit := range []struct {
		seconds int64
		noun    string
	}{{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}} {
		n := seconds / unit.seconds
		seconds %= unit.seconds
		if n > 0 {
			parts = append(parts, many(n, unit.noun))
		} else if parts != nil {
			break
		}
		if len(parts) == 2 {
			break
		}
	}
	if parts == nil {
		return "0 seconds"
	}
	return strings.Join(parts, " ")
}

// unix returns the text of a time in seconds.
func unix(seconds int64) string {
	if seconds > int64(record.MaxTime)/1000 {
		return fmt.Sprintf("second %d", seconds)
	}
	return record.Time(seconds * 1000).String()
}

// hold prepares the comparison with the checkpoint held from before.
func (v *verifier) hold() {
	t := &v.checks[history]
	start, end := v.header.Start, v.header.Start+v.header.Records
	switch {
	case v.since == nil && start == 0:
		t.absent = "the bundle begins at record 0, and no checkpoint is held from before"
	case v.since == nil:
		t.lack("no checkpoint is held from before: what came before record %d is the vendor's word", start)
	case v.since.Origin != v.opened.Origin:
		t.fail("the checkpoint held from before is of %q, the bundle of %q", v.since.Origin, v.opened.Origin)
	case v.since.Size > end:
		t.lack("the bundle ends at size %d, before the checkpoint held, of size %d", end, v.since.Size)
	case start > 0 && v.since.Size <= start:
		t.lack("the checkpoint held has size %d, which does not cover the statement at %d that the bundle continues from", v.since.Size, start)
	default:
		v.met = true
		v.compared(v.tree.Expect(v.since.Checkpoint))
		t.passed = fmt.Sprintf("extends the checkpoint held, of size %d", v.since.Size)
	}
}

// compared notes what the tree says at the size of the checkpoint held.
func (v *verifier) compared(err error) {
	if err == nil {
		return
	}
	var root *merkle.RootError
	if errors.As(err, &root) {
		v.checks[history].fail("root at size %d is %v, the checkpoint held has %v", root.Size, root.Got, root.Want)
		return
	}
	v.checks[history].fail("%v", err)
}
