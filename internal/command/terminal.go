package command

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

var errNoTerminal = errors.New("there is no terminal to ask on")

// withTerminal calls f with the terminal of the process, which is another
// thing than stdin: that may be a file.
func withTerminal(f func(in, out *os.File) error) error {
	if runtime.GOOS == "windows" {
		in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
		if err != nil {
			return errNoTerminal
		}
		defer in.Close()
		out, err := os.OpenFile("CONOUT$", os.O_WRONLY, 0)
		if err != nil {
			return errNoTerminal
		}
		defer out.Close()
		return f(in, out)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return errNoTerminal
	}
	defer tty.Close()
	return f(tty, tty)
}

// askSecret asks for a line that is not shown.
func askSecret(prompt string) (answer []byte, err error) {
	err = withTerminal(func(in, out *os.File) error {
		fmt.Fprintf(out, "%s: ", prompt)
		answer, err = term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(out)
		return err
	})
	return answer, err
}

// askPassphrase asks for the passphrase of a key file.
func askPassphrase(path string) ([]byte, error) {
	return askSecret("Passphrase of " + path)
}

// askNewPassphrase asks twice for the passphrase of a new key.
func askNewPassphrase(path string) ([]byte, error) {
	first, err := askSecret("New passphrase of " + path)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, errors.New("passphrase is empty")
	}
	second, err := askSecret("The same again")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ")
	}
	return first, nil
}

// YesFlag is for commands that ask before they sign.
func YesFlag() cli.Flag { return &cli.BoolFlag{Name: "yes", Usage: "do not ask"} }

// Confirm asks on the terminal, unless --yes is given. Only "yes" is yes.
func Confirm(c *cli.Context, question string) error {
	if c.Bool("yes") {
		return nil
	}
	var answer string
	err := withTerminal(func(in, out *os.File) error {
		fmt.Fprintf(out, "%s (yes/no) ", question)
		line, err := readLine(in)
		answer = line
		return err
	})
	if err != nil {
		return Usage("read what is signed, then give --yes", "%v", err)
	}
	if answer != "yes" {
		return Failed("", errors.New("not confirmed, nothing is signed"))
	}
	return nil
}

// readLine reads one short line byte by byte, so that nothing typed ahead is lost.
func readLine(r io.Reader) (string, error) {
	const maxLineBytes = 1024
	var line []byte
	for b := make([]byte, 1); len(line) < maxLineBytes; {
		n, err := r.Read(b)
		if n == 1 && b[0] == '\n' {
			return strings.TrimSpace(string(line)), nil
		}
		if err != nil {
			return "", err
		}
		line = append(line, b[:n]...)
	}
	return "", fmt.Errorf("answer has more than %d bytes", maxLineBytes)
}

// Progress returns a function that shows on stderr how far long work is, and
// one that wipes that away. Both do nothing where stderr is not a terminal.
func Progress(c *cli.Context, noun string) (show func(done, of int64), wipe func()) {
	f, ok := c.App.ErrWriter.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(int64, int64) {}, func() {}
	}
	const every = 200 * time.Millisecond
	last := time.Now() // when to draw again; the app's clock may stand still
	shown := false
	show = func(done, of int64) {
		if time.Since(last) < every {
			return
		}
		last, shown = time.Now(), true
		if of > 0 {
			fmt.Fprintf(f, "\r%s: %d of %d %s", c.App.Name, done, of, noun)
			return
		}
		fmt.Fprintf(f, "\r%s: %d %s", c.App.Name, done, noun)
	}
	wipe = func() {
		if shown {
			fmt.Fprint(f, "\r\x1b[K")
		}
	}
	return show, wipe
}
