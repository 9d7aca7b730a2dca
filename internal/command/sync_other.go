//go:build !unix

package command

// syncDir does nothing: directories cannot be synced here, names are as
// durable as the system makes them.
func syncDir(string) error { return nil }
