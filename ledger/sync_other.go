//go:build !linux

package ledger

import "os"

// syncData makes the content durable. On darwin os.File.Sync asks the drive
// itself to flush, which fsync alone does not.
func syncData(f *os.File) error { return f.Sync() }

func reserve(*os.File, int64) (ok bool, err error) { return false, nil }
