package ledger

import (
	"strings"
	"testing"
)

// overtaken are files of which one read of the journal is overtaken by writes:
// after the first part of it, meanwhile runs.
type overtaken struct {
	disk
	meanwhile func() // nil: not now
	read      int64  // so much is read before
}

type overtakenFile struct {
	file
	of *overtaken
}

func (o *overtaken) Open(path string) (file, error) {
	f, err := o.disk.Open(path)
	if err != nil || !strings.HasSuffix(path, ".segment") {
		return f, err
	}
	return &overtakenFile{f, o}, nil
}

func (f *overtakenFile) ReadAt(b []byte, at int64) (int, error) {
	then := f.of.meanwhile
	if then == nil || at > 0 || int64(len(b)) <= f.of.read {
		return f.file.ReadAt(b, at)
	}
	f.of.meanwhile = nil
	n, err := f.file.ReadAt(b[:f.of.read], 0)
	if err != nil {
		return n, err
	}
	then()
	m, err := f.file.ReadAt(b[n:], int64(n))
	return n + m, err
}

// TestCheckOvertaken: a check that reads the journal while it is written reports
// no damage.
func TestCheckOvertaken(t *testing.T) {
	clock := newClock()
	files := &overtaken{}
	o := small(clock)
	o.files = files
	db, l := create(t, scratch(t), o)
	clock.set("2026-03-02T10:00:00")
	end := func() (end int64) { // of what is written
		b, err := readFile(db.fsys, db.newJournal().path(1), 1<<30)
		must(t, err)
		for i := int64(0); i < int64(len(b)); i += frameAlign {
			if !allZero(b[i:min(i+frameAlign, int64(len(b)))]) {
				end = i + frameAlign
			}
		}
		return end
	}
	n := 0
	files.read = end() + frameAlign // the next frame but for its end
	files.meanwhile = func() {
		for range 3 {
			_, err := l.Append(ctx, outcomes(n, 20, clock.now)...)
			must(t, err)
			n += 20
		}
	}
	for _, f := range faults(t, db) {
		t.Errorf("check meanwhile: %s", f)
	}
	if files.meanwhile != nil {
		t.Error("nothing was written meanwhile")
	}
	done(t, db)
}
