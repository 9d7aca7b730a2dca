package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
)

// Open opens the file to read, or stdin where the path is "-". Reading ends
// with an error when the command is interrupted.
func Open(c *cli.Context, path string) (io.ReadCloser, error) {
	if path == "-" {
		return stdin(c), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		f.Close()
		if err == nil {
			err = fmt.Errorf("%s is a directory, want a file", path)
		}
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{reader{c.Context, f}, f}, nil
}

// stdin reads the app's input by a pipe, so that an interrupt also ends a
// command that waits for input.
func stdin(c *cli.Context) io.ReadCloser {
	r, w := io.Pipe()
	context.AfterFunc(c.Context, func() { w.CloseWithError(c.Context.Err()) })
	go func() {
		_, err := io.Copy(w, c.App.Reader)
		w.CloseWithError(err)
	}()
	return r
}

// ReadFile returns a file, or stdin where the path is "-", that has at most
// maxBytes bytes.
func ReadFile(c *cli.Context, path string, maxBytes int64) ([]byte, error) {
	f, err := Open(c, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > maxBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", name(path), maxBytes)
	}
	return text, nil
}

func name(path string) string {
	if path == "-" {
		return "stdin"
	}
	return path
}

// OutputFlags are the flags of commands that write a file.
func OutputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "o", Usage: "write to `FILE`, - is stdout", DefaultText: "-"},
		&cli.BoolFlag{Name: "force", Usage: "replace FILE if it is there"},
	}
}

// An Output is a file that appears under its name only when it is committed:
// a command that fails, or a machine that stops, leaves the name as it was.
type Output struct {
	io.Writer
	path  string // "" is stdout
	force bool
	file  *os.File
}

// Create begins the output named by -o and --force; without -o it is stdout.
func Create(c *cli.Context) (*Output, error) {
	if path := c.String("o"); path != "" && path != "-" {
		return CreateFile(path, c.Bool("force"), 0o644)
	}
	return &Output{Writer: c.App.Writer}, nil
}

// CreateFile begins an output file. An existing one is refused unless force
// is set, now and again when it is committed.
func CreateFile(path string, force bool, mode fs.FileMode) (*Output, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is there and is not a regular file", path)
	case !force:
		return nil, exists(path)
	}
	aside := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8])
	f, err := os.OpenFile(aside, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return nil, err
	}
	return &Output{Writer: f, path: path, force: force, file: f}, nil
}

func exists(path string) error {
	return Failed("--force replaces it", fmt.Errorf("%s is there already", path))
}

// Discard removes what was written; after Commit it does nothing.
func (o *Output) Discard() {
	if o.file != nil {
		o.file.Close()
		os.Remove(o.file.Name())
		o.file = nil
	}
}

// Commit makes the file durable and gives it its name. After an error the
// name is as it was, or the whole file is there.
func (o *Output) Commit() error {
	if o.path == "" {
		return nil
	}
	defer o.Discard()
	if err := o.file.Sync(); err != nil {
		return err
	}
	if err := o.file.Close(); err != nil {
		return err
	}
	if o.force {
		if err := os.Rename(o.file.Name(), o.path); err != nil {
			return err
		}
		o.file = nil
		return syncDir(filepath.Dir(o.path))
	}
	// A link fails where the name is taken, a rename would replace it. Where
	// the file system has no links, the moment between look and rename is
	// left open.
	err := os.Link(o.file.Name(), o.path)
	if errors.Is(err, fs.ErrExist) {
		return exists(o.path)
	}
	if err != nil {
		if _, err := os.Lstat(o.path); err == nil {
			return exists(o.path)
		}
		if err := os.Rename(o.file.Name(), o.path); err != nil {
			return err
		}
		o.file = nil
	}
	return syncDir(filepath.Dir(o.path))
}
