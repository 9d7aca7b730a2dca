package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
)

// Fragments are definitions of results that a draft names instead of writing
// them out:
//
//	results:
//	  resolved:
//	    fragment: resolved-strict@sha256:…
//	    claim: [vendor.example]
//
// They are only a way of writing: what is signed has the whole definition, and
// nothing else reads them. The digest is that of the file, so that nobody who
// has read one gets another.
//
//go:embed fragments/*.yaml
var fragments embed.FS

const fragmentField = "fragment"

// A fragment is one of the files.
type fragment struct {
	name  string
	title string // its first line
	text  []byte
}

func (f *fragment) digest() record.Digest { return record.Sum(f.text) }

// reference is how a draft names it.
func (f *fragment) reference() string { return f.name + "@" + string(f.digest()) }

// allFragments are sorted by name.
func allFragments() []*fragment {
	paths, err := fs.Glob(fragments, "fragments/*.yaml")
	if err != nil {
		panic("raasledger: " + err.Error()) // the files are in the program
	}
	var list []*fragment
	for _, path := range paths {
		text, err := fragments.ReadFile(path)
		if err != nil {
			panic("raasledger: " + err.Error())
		}
		first, _, _ := strings.Cut(string(text), "\n")
		list = append(list, &fragment{
			name:  strings.TrimSuffix(strings.TrimPrefix(path, "fragments/"), ".yaml"),
			title: strings.TrimPrefix(first, "# "),
			text:  text,
		})
	}
	return list
}

func fragmentNamed(name string) *fragment {
	for _, f := range allFragments() {
		if f.name == name {
			return f
		}
	}
	return nil
}

// fragmentReferenced is the fragment that a reference names, with its digest.
func fragmentReferenced(reference string) (*fragment, error) {
	name, digest, ok := strings.Cut(reference, "@")
	f := fragmentNamed(name)
	switch {
	case f == nil:
		return nil, fmt.Errorf("no fragment is named %q; raasledger agreement fragments lists them", name)
	case !ok:
		return nil, fmt.Errorf("got no digest, want %s", f.reference())
	case digest != string(f.digest()):
		return nil, fmt.Errorf("%s is not the one that was meant: got %q, want %s", name, digest, f.digest())
	}
	return f, nil
}

// A usedFragment says where a fragment was put in.
type usedFragment struct {
	Path     string `json:"path"` // results.NAME
	Fragment string `json:"fragment"`
}

// expand puts the fragments in that the results of a draft name. What is wrong
// with that are notes. Where the draft is not of the form to have any, it is
// left as it is, for the terms to say what is wrong with it.
func (d *document) expand() (used []usedFragment, notes []note) {
	if !bytes.Contains(d.json, []byte(`"`+fragmentField+`":`)) {
		return nil, nil
	}
	if _, err := command.Canonical(d.json); err != nil {
		return nil, nil // a name stands twice
	}
	var tree map[string]any
	in := json.NewDecoder(bytes.NewReader(d.json))
	in.UseNumber()
	if in.Decode(&tree) != nil {
		return nil, nil
	}
	results, _ := tree["results"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(results)) {
		definition, _ := results[name].(map[string]any)
		value, ok := definition[fragmentField]
		if !ok {
			continue
		}
		path := "results." + name
		mistake := func(path, format string, args ...any) {
			p := d.at(path)
			notes = append(notes, note{Line: p.line, Column: p.column, Path: path, Reason: fmt.Sprintf(format, args...)})
		}
		reference, _ := value.(string)
		f, err := fragmentReferenced(reference)
		if err != nil {
			mistake(path+"."+fragmentField, "%v", err)
			continue
		}
		doc, err := readYAML(f.text, "results", name)
		if err != nil {
			panic("raasledger: fragment " + f.name + ": " + err.Error())
		}
		var said map[string]any
		if err := json.Unmarshal(doc.json, &said); err != nil {
			panic("raasledger: fragment " + f.name + ": " + err.Error())
		}
		delete(definition, fragmentField)
		putIn(definition, said, path, func(path string) {
			mistake(path, "is said by the fragment %s, which cannot be changed: write its definition out, and change that", f.name)
		})
		used = append(used, usedFragment{path, reference})
	}
	if len(notes) > 0 {
		return nil, notes
	}
	expanded, err := json.Marshal(tree)
	if err != nil {
		panic("raasledger: " + err.Error()) // it was JSON
	}
	d.json = expanded
	return used, nil
}

// putIn adds what a fragment says to a definition, which says only what the
// fragment leaves open.
func putIn(definition, said map[string]any, path string, twice func(path string)) {
	for _, name := range slices.Sorted(maps.Keys(said)) {
		own, ok := definition[name]
		if !ok {
			definition[name] = said[name]
			continue
		}
		ownFields, isObject := own.(map[string]any)
		saidFields, saidObject := said[name].(map[string]any)
		// The facts are one set: a fragment that has some has all.
		if !isObject || !saidObject || name == "facts" {
			twice(path + "." + name)
			continue
		}
		putIn(ownFields, saidFields, path+"."+name, twice)
	}
}

// draftSchema is the JSON Schema of drafts: that of the terms, where a result
// may also be named by a fragment.
func draftSchema() ([]byte, error) {
	const result, named = `"additionalProperties": {"$ref": "#/$defs/result"}`, `"additionalProperties": {"anyOf": [{"$ref": "#/$defs/result"}, {
        "type": "object", "required": ["fragment"],
        "properties": {
          "fragment": {"type": "string", "pattern": "^[a-z-]+@sha256:[0-9a-f]{64}$", "description": "A definition by name and digest: raasledger agreement fragments. Beside it stands what that leaves open."}
        }
      }]}`
	schema := terms.JSONSchema()
	if bytes.Count(schema, []byte(result)) != 1 {
		return nil, errors.New("the schema of the terms has no single place for results")
	}
	return bytes.Replace(schema, []byte(result), []byte(named), 1), nil
}

func fragmentsCommand() *cli.Command {
	return &cli.Command{
		Name:      "fragments",
		Usage:     "list the definitions of results that a draft can name, or print one",
		ArgsUsage: "[NAME]",
		Description: `A draft names one with its digest, and says beside it what it leaves open:

    results:
      resolved:
        fragment: resolved-strict@sha256:...
        claim: [vendor.example]

What is signed has the definition written out. The digest is that of the text
that is printed.

Examples:
    raasledger agreement fragments
    raasledger agreement fragments resolved-strict
    raasledger agreement fragments resolved-strict | sha256sum`,
		Flags:  []cli.Flag{jsonFlag()},
		Action: printFragments,
	}
}

func printFragments(c *cli.Context) error {
	if c.NArg() == 1 {
		name := c.Args().First()
		f := fragmentNamed(name)
		if f == nil {
			return command.Failed("raasledger agreement fragments lists them", fmt.Errorf("no fragment is named %q", name))
		}
		if c.Bool("json") {
			return command.Usage("", "--json is for the list")
		}
		_, err := c.App.Writer.Write(f.text)
		return err
	}
	if _, err := command.Args(c); err != nil {
		return err
	}
	for _, f := range allFragments() {
		var err error
		if c.Bool("json") {
			err = jsonLine(c, struct {
				Name   string        `json:"name"`
				Digest record.Digest `json:"digest"`
				Title  string        `json:"title"`
			}{f.name, f.digest(), f.title})
		} else {
			err = command.Report(c, "%s\n    %s\n", f.reference(), f.title)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
