package merkle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Checkpoint states the root of a log at a size.
type Checkpoint struct {
	Origin string // names the log
	Size   int64
	Root   Hash
}

// String returns the text that is signed: three lines.
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// ParseCheckpoint parses exactly what [Checkpoint.String] writes. Extension
// lines, which the specification allows and advises against, are refused.
func ParseCheckpoint(text string) (Checkpoint, error) {
	if most := MaxNameBytes + len("\n9007199254740991\n\n") + hashChars; len(text) > most {
		return Checkpoint{}, fmt.Errorf("checkpoint has %d bytes, at most %d", len(text), most)
	}
	body, ok := strings.CutSuffix(text, "\n")
	if !ok {
		return Checkpoint{}, errors.New("checkpoint does not end with a line end")
	}
	lines := strings.Split(body, "\n")
	if len(lines) != 3 {
		return Checkpoint{}, fmt.Errorf("checkpoint has %d lines, want 3", len(lines))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("checkpoint size %q is not a number in plain decimal", lines[1])
	}
	root, err := ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint root: %w", err)
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if err := c.check(); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

func (c Checkpoint) check() error {
	if err := checkName("checkpoint origin", c.Origin); err != nil {
		return err
	}
	if err := checkSize(c.Size); err != nil {
		return fmt.Errorf("checkpoint %w", err)
	}
	if c.Size == 0 && c.Root != EmptyRoot {
		return fmt.Errorf("checkpoint root at size 0 is %v, want %v", c.Root, EmptyRoot)
	}
	return nil
}
