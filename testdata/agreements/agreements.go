// Package agreements holds agreements of many kinds, each with records and
// with the statements that somebody worked by hand: what the commands show as
// examples, and what the tests hold the whole way to.
//
// A folder has agreement.yaml, whose first line is the title; records.yaml, a
// story as package story reads it; and statement.yaml, the statements with
// their arithmetic in words. A further case is statement-CASE.yaml, beside
// records-CASE.yaml and agreement-CASE.yaml where they differ.
package agreements

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed */*.yaml
var files embed.FS

// An Example is one folder.
type Example struct {
	Name  string
	Title string // one line, without a full stop
	Cases []Case // the first one has no name
}

// A Case is an agreement, what happened, and what is owed for it, each as
// somebody wrote it in YAML.
type Case struct {
	Name      string
	Title     string // what is special about it, "" of the first one
	Agreement []byte
	Records   []byte
	Statement []byte
}

// Names are those of the examples, sorted.
func Names() []string {
	folders, err := fs.ReadDir(files, ".")
	if err != nil {
		panic("agreements: " + err.Error()) // the files are in the program
	}
	names := make([]string, len(folders))
	for i, f := range folders {
		names[i] = f.Name()
	}
	return names
}

// Open returns the example of that name.
func Open(name string) (*Example, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("there is no example %q", name)
	}
	statements, err := fs.Glob(files, path.Join(name, "statement*.yaml"))
	if err != nil {
		return nil, err
	}
	e := &Example{Name: name}
	for _, file := range statements {
		c := Case{Name: strings.TrimPrefix(strings.TrimSuffix(path.Base(file), ".yaml"), "statement")}
		if c.Statement, err = files.ReadFile(file); err != nil {
			return nil, err
		}
		if c.Agreement, err = own(name, "agreement", c.Name); err != nil {
			return nil, err
		}
		if c.Records, err = own(name, "records", c.Name); err != nil {
			return nil, err
		}
		if c.Name == "" {
			e.Title = firstLine(c.Agreement)
			e.Cases = append([]Case{c}, e.Cases...)
			continue
		}
		c.Name, c.Title = strings.TrimPrefix(c.Name, "-"), firstLine(c.Statement)
		e.Cases = append(e.Cases, c)
	}
	if e.Title == "" {
		return nil, fmt.Errorf("%s: agreement.yaml does not begin with a title", name)
	}
	return e, nil
}

// own reads a file of a case, or that of the first one where it has none.
func own(folder, file, suffix string) ([]byte, error) {
	text, err := files.ReadFile(path.Join(folder, file+suffix+".yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return files.ReadFile(path.Join(folder, file+".yaml"))
	}
	return text, err
}

// firstLine is the comment that text begins with.
func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	title, ok := strings.CutPrefix(line, "# ")
	if !ok {
		return ""
	}
	return title
}
