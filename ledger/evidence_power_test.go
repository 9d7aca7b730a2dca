package ledger

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A power stage knows what of the evidence would be there after the power was
// cut: of a file what was synced, of names those whose folder was synced. It
// looks at the folder of evidence alone; journal and Badger have tests of their
// own.
type powerStage struct {
	stage
	mu     sync.Mutex
	inodes map[string]*inode // by path, as they are
	names  map[string]*inode // by path, as they are durable
}

type inode struct{ synced []byte } // nil: never

func (s *powerStage) watched(path string) bool { return strings.Contains(path, "/"+nameEvidence+"/") }

func (s *powerStage) Create(path string) (file, error) {
	f, err := s.stage.Create(path)
	if err == nil && s.watched(path) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inodes[path] = &inode{}
		return &powerFile{f, s, path}, nil
	}
	return f, err
}

func (s *powerStage) Open(path string) (file, error) {
	f, err := s.stage.Open(path)
	if err == nil && s.watched(path) {
		return &powerFile{f, s, path}, nil
	}
	return f, err
}

func (s *powerStage) Rename(from, to string) error {
	err := s.stage.Rename(from, to)
	if err == nil && s.watched(to) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.inodes[to] = s.inodes[from]
		delete(s.inodes, from)
	}
	return err
}

func (s *powerStage) Remove(path string) error {
	err := s.stage.Remove(path)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.inodes, path)
	}
	return err
}

func (s *powerStage) SyncDir(dir string) error {
	err := s.stage.SyncDir(dir)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		for path := range s.names {
			if filepath.Dir(path) == dir && s.inodes[path] == nil {
				delete(s.names, path)
			}
		}
		for path, i := range s.inodes {
			if filepath.Dir(path) == dir {
				s.names[path] = i
			}
		}
	}
	return err
}

type powerFile struct {
	file
	s    *powerStage
	path string
}

func (f *powerFile) Sync() error {
	err := f.file.Sync()
	if err == nil {
		b, err := os.ReadFile(f.path)
		if err != nil {
			return err
		}
		f.s.mu.Lock()
		defer f.s.mu.Unlock()
		f.s.inodes[f.path].synced = b
	}
	return err
}

// image is the store as it lies there after a power cut. Names that are not
// durable are gone or, with kept, there all the same, those taken away too.
func (s *powerStage) image(t testing.TB, dir string, kept bool) string {
	to := copyDir(t, dir)
	must(t, os.RemoveAll(filepath.Join(to, nameEvidence)))
	s.mu.Lock()
	defer s.mu.Unlock()
	put := func(path string, i *inode) {
		rel, err := filepath.Rel(dir, path)
		must(t, err)
		must(t, os.MkdirAll(filepath.Dir(filepath.Join(to, rel)), 0o700))
		must(t, os.WriteFile(filepath.Join(to, rel), i.synced, 0o600))
	}
	for path, i := range s.names {
		put(path, i)
	}
	if kept {
		for path, i := range s.inodes {
			put(path, i)
		}
	}
	return to
}

// TestEvidencePower cuts the power before each call that changes something.
func TestEvidencePower(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("enumerates every call")
	}
	clock := newClock()
	dir := scratch(t)
	db, _ := create(t, dir, small(clock))
	must(t, db.Close())
	var told []string
	type cut struct {
		what, dir string
		told      []string
	}
	var cuts []cut
	s := &powerStage{inodes: map[string]*inode{}, names: map[string]*inode{}}
	s.at = func(call int, what string) (error, bool) {
		if call%*every == 0 {
			for _, kept := range []bool{false, true} {
				cuts = append(cuts, cut{what, s.image(t, dir, kept), slices.Clone(told)})
			}
		}
		return nil, false
	}
	o := small(clock)
	o.files = s
	must(t, playEvidence(dir, o, clock, &told))
	if len(cuts) < 20 {
		t.Errorf("%d cuts, want more", len(cuts))
	}
	for i, c := range cuts {
		evidenceKept(t, c.dir, newClock(), c.told)
		if t.Failed() {
			t.Fatalf("cut %d before %s; told %q", i, c.what, c.told)
		}
	}
}
