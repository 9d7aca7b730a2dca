package ledger

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes the content durable, and of the file's attributes only what
// is needed to read it.
func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}

// reserve takes n bytes on the disk without writing them; ok is false where
// the file system cannot.
func reserve(f *os.File, n int64) (ok bool, err error) {
	err = unix.Fallocate(int(f.Fd()), 0, 0, n)
	if err == unix.EOPNOTSUPP {
		return false, nil
	}
	return true, os.NewSyscallError("fallocate", err)
}
