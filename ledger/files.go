package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// files is all access of ours to the disk: marker, journal, head files,
// ballast, preflight and directory sync. Badger's own access does not pass
// through it. Tests put an implementation in its place that fails or stops at
// any one call.
type files interface {
	// MakeDir makes dir and what is above it; dir may exist.
	MakeDir(dir string) error
	// List returns the names in dir, sorted.
	List(dir string) ([]string, error)
	// Create makes a file that must not exist; Open opens one that does.
	Create(path string) (file, error)
	Open(path string) (file, error)
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
	// Free is how many bytes this process may still take on the disk of dir.
	Free(dir string) (int64, error)
	// Lock makes path if need be and holds it until the Closer is closed or
	// the process ends. It refuses with ErrLocked at once.
	Lock(path string) (io.Closer, error)
}

// A file is one open file.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Allocate makes the file n bytes long with all blocks taken on the disk,
	// so that no later write in them can run out of space. New bytes are 0.
	Allocate(n int64) error
	// Reserve takes n bytes on the disk that nobody reads.
	Reserve(n int64) error
	// Sync makes the content durable. After an error nobody can say what is
	// stored, and a second call proves nothing.
	Sync() error
}

// disk is the real implementation.
type disk struct{}

func (disk) MakeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

func (disk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names, nil
}

func (disk) Create(path string) (file, error) {
	return openFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

func (disk) Open(path string) (file, error) { return openFile(path, os.O_RDWR) }

func openFile(path string, flag int) (file, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) Remove(path string) error     { return os.Remove(path) }

func (disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (disk) Free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

func (disk) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	// The lock falls with the process. It is of no use on NFS: docs/store.md.
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	return diskLock{f}, nil
}

// A diskLock is given back by name: a program that starts another one has
// every open file twice until the other one runs, and to close a file here
// would leave the lock with it that long.
type diskLock struct{ f *os.File }

func (l diskLock) Close() error {
	return errors.Join(unix.Flock(int(l.f.Fd()), unix.LOCK_UN), l.f.Close())
}

type diskFile struct{ *os.File }

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f diskFile) Sync() error { return syncData(f.File) }

func (f diskFile) Allocate(n int64) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	// Written zeros and not only reserved blocks: a write into a reserved
	// block costs the next sync a change of the file's map.
	zeros := make([]byte, 1<<20)
	for size < n {
		k, err := f.WriteAt(zeros[:min(int64(len(zeros)), n-size)], size)
		if err != nil {
			return err
		}
		size += int64(k)
	}
	return nil
}

func (f diskFile) Reserve(n int64) error {
	if ok, err := reserve(f.File, n); ok {
		return err
	}
	return f.Allocate(n)
}

// noSpace reports whether err says that the disk takes no more.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}

func fileSize(fsys files, path string) (int64, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return 0, err
	}
	size, err := f.Size()
	return size, errors.Join(err, f.Close())
}

// readFile returns the content of a file that may have at most max bytes.
func readFile(fsys files, path string, max int64) ([]byte, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size > max {
		return nil, fmt.Errorf("%s has %d bytes, at most %d", path, size, max)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

// replaceFile gives path a new content. A crash leaves the old or the new one,
// and perhaps path.new, which the next call takes away.
func replaceFile(fsys files, path string, content []byte) error {
	aside := path + ".new"
	if err := fsys.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := createFile(fsys, aside, content); err != nil {
		return err
	}
	if err := fsys.Rename(aside, path); err != nil {
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}

// createFile makes a new file and its content durable, not yet its name.
func createFile(fsys files, path string, content []byte) error {
	f, err := fsys.Create(path)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
