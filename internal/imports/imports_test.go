// Package imports holds the import directions of docs/design.md. It parses
// the import clauses itself: a test that asks the go command can stay green
// from the test cache after a clause was added.
package imports

import (
	"fmt"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/raasledger/raasledger"

// A rule says what the package in a folder may import beside the pure part
// of the standard library: packages of this module, other modules, and the
// impure standard packages it is granted by name.
type rule struct {
	module []string // folders of this module
	others []string // import paths of other modules
	std    []string // impure standard packages
}

// rules are the directions: one line a package, in the order of the way.
var rules = map[string]rule{
	"merkle":                     {others: []string{"golang.org/x/mod/sumdb/note"}},
	"attribution/exact":          {others: []string{"github.com/cockroachdb/apd/v3"}},
	"attribution/record":         {module: []string{"merkle"}, others: []string{"github.com/cockroachdb/apd/v3", "golang.org/x/crypto/ssh", "github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext"}},
	"attribution/terms":          {module: []string{"merkle", "attribution/exact", "attribution/record"}, others: []string{"github.com/cockroachdb/apd/v3", "github.com/go-json-experiment/json", "github.com/go-json-experiment/json/jsontext", "golang.org/x/mod/sumdb/note"}},
	"attribution/fee":            {module: []string{"merkle", "attribution/exact", "attribution/record", "attribution/terms"}, others: []string{"github.com/cockroachdb/apd/v3", "golang.org/x/mod/sumdb/note"}},
	"attribution/responsibility": {module: []string{"attribution/exact", "attribution/record", "attribution/terms"}},
	"ledger/evidence":            {module: []string{"merkle", "attribution/record"}, others: []string{"golang.org/x/crypto/chacha20poly1305"}},
	"verify/bundle":              {module: []string{"merkle"}, others: []string{"golang.org/x/mod/sumdb/note"}},
	"verify":                     {module: []string{"merkle", "verify/bundle", "attribution/exact", "attribution/record", "attribution/terms", "attribution/fee", "attribution/responsibility"}, others: []string{"golang.org/x/mod/sumdb/note"}},
}

// impure are the standard packages through which files, network, clocks of
// the environment and other processes are reached. Package time is listed
// apart, by name of its functions: see TestNoClock.
var impure = []string{"net", "net/http", "os", "os/exec", "os/signal", "os/user", "io/ioutil", "syscall", "plugin", "math/rand", "math/rand/v2", "crypto/rand", "unsafe", "log", "log/slog", "testing", "path/filepath", "expvar", "runtime/debug", "time/tzdata", "C"}

func TestDirections(t *testing.T) {
	root := moduleRoot(t)
	for folder, r := range rules {
		files := sources(t, filepath.Join(root, filepath.FromSlash(folder)))
		if len(files) == 0 {
			t.Errorf("%s: no source files", folder)
		}
		for _, file := range files {
			for _, path := range importsOf(t, file) {
				if err := r.allows(path); err != nil {
					t.Errorf("%s: %v", rel(root, file), err)
				}
			}
		}
	}
}

func (r rule) allows(path string) error {
	if inside, ok := strings.CutPrefix(path, module+"/"); ok {
		if !slices.Contains(r.module, inside) {
			return fmt.Errorf("imports %s, may import of this module only %v", inside, r.module)
		}
		return nil
	}
	if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
		if !slices.Contains(r.others, path) {
			return fmt.Errorf("imports %s, may import of other modules only %v", path, r.others)
		}
		return nil
	}
	if slices.Contains(impure, path) && !slices.Contains(r.std, path) {
		return fmt.Errorf("imports %s; files, network, clocks and globals come in as arguments", path)
	}
	return nil
}

// TestNoClock: below ledger nothing asks what time it is.
func TestNoClock(t *testing.T) {
	root := moduleRoot(t)
	for folder := range rules {
		for _, file := range sources(t, filepath.Join(root, filepath.FromSlash(folder))) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range []string{"time.Now(", "time.Since(", "time.Until(", "time.Sleep(", "time.After(", "time.Tick(", "time.NewTimer(", "time.NewTicker(", "time.LoadLocation(", "time.Local"} {
				if strings.Contains(string(text), call) {
					t.Errorf("%s: calls %s...", rel(root, file), call)
				}
			}
		}
	}
}

// TestAuditor follows the imports of raasverify through this module: it never
// links Badger, package ledger, YAML or net/http.
func TestAuditor(t *testing.T) {
	root := moduleRoot(t)
	seen := map[string]string{}
	follow(t, root, "cmd/raasverify", "", seen)
	if len(seen) < 8 {
		t.Errorf("raasverify reaches %d folders of this module, want at least 8", len(seen))
	}
	for folder := range seen {
		for _, file := range sources(t, filepath.Join(root, filepath.FromSlash(folder))) {
			for _, path := range importsOf(t, file) {
				switch {
				case path == "net/http", path == module+"/ledger",
					strings.HasPrefix(path, "github.com/dgraph-io/"),
					strings.Contains(path, "yaml"):
					t.Errorf("%s (reached from %s): imports %s", rel(root, file), seen[folder], path)
				}
			}
		}
	}
}

// TestAllPackagesHaveARule: a new package below ledger states its directions.
func TestAllPackagesHaveARule(t *testing.T) {
	root := moduleRoot(t)
	for _, top := range []string{"merkle", "attribution", "verify"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() || d.Name() == "testdata" {
				return err
			}
			folder := rel(root, path)
			if _, ok := rules[folder]; !ok && len(sources(t, path)) > 0 {
				t.Errorf("%s: no rule in this test", folder)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func follow(t *testing.T, root, folder, from string, seen map[string]string) {
	if _, ok := seen[folder]; ok {
		return
	}
	seen[folder] = from
	for _, file := range sources(t, filepath.Join(root, filepath.FromSlash(folder))) {
		for _, path := range importsOf(t, file) {
			if inside, ok := strings.CutPrefix(path, module+"/"); ok {
				follow(t, root, inside, folder, seen)
			}
		}
	}
}

// sources are the non-test Go files of a folder, whatever their build
// constraints, except those that are never built.
func sources(t *testing.T, folder string) []string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		path := filepath.Join(folder, name)
		if !ignored(t, path) {
			files = append(files, path)
		}
	}
	return files
}

func ignored(t *testing.T, path string) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "package ") {
			return false
		}
		if constraint.IsGoBuild(line) && strings.TrimSpace(line) == "//go:build ignore" {
			return true
		}
	}
	return false
}

func importsOf(t *testing.T, file string) []string {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, spec := range f.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func moduleRoot(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
}

func rel(root, path string) string {
	r, err := filepath.Rel(root, path)
	if err != nil {
		return path
	}
	return filepath.ToSlash(r)
}
