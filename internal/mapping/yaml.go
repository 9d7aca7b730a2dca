package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A node is one value of a YAML document, with every scalar as it is spelled:
// a decoder into Go values would turn 1.10 into 1.1 and 0x10 into 16.
type node struct {
	line    int
	path    string
	kind    nodeKind
	text    string // of a scalar
	isBool  bool   // the scalar is true or false without quotes
	keys    []string
	values  []*node // of a map, in the order of keys, or of a list
	claimed []bool  // the keys that were asked for
}

type nodeKind string

const (
	scalarNode nodeKind = "text"
	mapNode    nodeKind = "fields"
	listNode   nodeKind = "a list"
)

// A document collects the mistakes of one mapping, so that all are reported.
type document struct {
	mistakes []string
}

func (d *document) mistake(n *node, format string, args ...any) {
	place := fmt.Sprintf("line %d: ", n.line)
	if n.path != "" {
		place += n.path + ": "
	}
	d.mistakes = append(d.mistakes, place+fmt.Sprintf(format, args...))
}

// parseYAML returns the one document of text. Anchors, aliases, tags and merge
// keys are refused: a mapping is read by people, who see what it says where it
// says it.
func (d *document) parseYAML(text []byte) (*node, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		// The library's error shows the place with the lines around it; the
		// first line says it all.
		first, _, _ := strings.Cut(err.Error(), "\n")
		return nil, fmt.Errorf("not YAML: %s", first)
	}
	var docs []*ast.DocumentNode
	for _, doc := range file.Docs {
		if doc.Body != nil {
			docs = append(docs, doc)
		}
	}
	if len(docs) != 1 {
		return nil, fmt.Errorf("%d YAML documents, want 1", len(docs))
	}
	return d.node(docs[0].Body, "", 0)
}

func (d *document) node(n ast.Node, path string, depth int) (*node, error) {
	at := func(tk *token.Token) int {
		if tk == nil || tk.Position == nil {
			return 1
		}
		return tk.Position.Line
	}
	out := &node{line: at(n.GetToken()), path: path}
	refuse := func(format string, args ...any) (*node, error) {
		return nil, fmt.Errorf("line %d: %s", out.line, fmt.Sprintf(format, args...))
	}
	if depth > maxDepth {
		return refuse("nested deeper than %d", maxDepth)
	}
	switch n := n.(type) {
	case *ast.StringNode:
		out.kind, out.text = scalarNode, n.Value
	case *ast.LiteralNode:
		out.kind, out.text = scalarNode, n.Value.Value
	case *ast.BoolNode:
		out.kind, out.text, out.isBool = scalarNode, n.Token.Value, true
	case *ast.IntegerNode:
		out.kind, out.text = scalarNode, n.Token.Value
	case *ast.FloatNode:
		out.kind, out.text = scalarNode, n.Token.Value
	case *ast.SequenceNode:
		out.kind = listNode
		for i, v := range n.Values {
			child, err := d.node(v, fmt.Sprintf("%s[%d]", path, i), depth+1)
			if err != nil {
				return nil, err
			}
			out.values = append(out.values, child)
		}
	case *ast.MappingValueNode:
		return out, d.pairs(out, []*ast.MappingValueNode{n}, depth)
	case *ast.MappingNode:
		return out, d.pairs(out, n.Values, depth)
	case *ast.NullNode:
		return refuse("%s has no value", strings.TrimPrefix(path, "."))
	default:
		return refuse("%s in YAML is not understood here: write it out", strings.ToLower(n.Type().String()))
	}
	return out, nil
}

func (d *document) pairs(out *node, pairs []*ast.MappingValueNode, depth int) error {
	out.kind = mapNode
	for _, pair := range pairs {
		key, ok := pair.Key.(ast.ScalarNode)
		if !ok || pair.Key.Type() == ast.MergeKeyType || pair.Key.Type() == ast.NullType {
			return fmt.Errorf("line %d: the name of a field must be plain text", out.line)
		}
		name := key.GetToken().Value
		if slices.Contains(out.keys, name) {
			return fmt.Errorf("line %d: field %q is there twice", key.GetToken().Position.Line, name)
		}
		path := name
		if out.path != "" {
			path = out.path + "." + name
		}
		child, err := d.node(pair.Value, path, depth+1)
		if err != nil {
			return err
		}
		child.line = key.GetToken().Position.Line
		out.keys = append(out.keys, name)
		out.values = append(out.values, child)
	}
	out.claimed = make([]bool, len(out.keys))
	return nil
}

// get returns the field of a map, or nil.
func (n *node) get(name string) *node {
	i := slices.Index(n.keys, name)
	if i < 0 {
		return nil
	}
	n.claimed[i] = true
	return n.values[i]
}

// want returns the field of a map, and says so if it is not there.
func (d *document) want(n *node, name string) *node {
	v := n.get(name)
	if v == nil {
		d.mistake(n, "%s is not given", name)
	}
	return v
}

// is reports whether n is of the kind, and says so if it is not.
func (d *document) is(n *node, kind nodeKind) bool {
	if n.kind != kind {
		d.mistake(n, "want %s, got %s", kind, n.kind)
		return false
	}
	return true
}

// text returns the text of a scalar field that must be there.
func (d *document) text(n *node, name string) string {
	v := d.want(n, name)
	if v == nil || !d.is(v, scalarNode) {
		return ""
	}
	if v.text == "" {
		d.mistake(v, "is empty")
	}
	return v.text
}

// optional returns the text of a scalar field that may be there.
func (d *document) optional(n *node, name string) string {
	if !slices.Contains(n.keys, name) {
		return ""
	}
	return d.text(n, name)
}

// choice returns the text of a field that has one of a few values.
func (d *document) choice(n *node, name string, values ...string) string {
	text := d.text(n, name)
	if v := n.get(name); text != "" && !slices.Contains(values, text) {
		d.mistake(v, "%q, want %s", text, strings.Join(values, " or "))
		return ""
	}
	return text
}

// closed reports the fields of a map that nothing asked for.
func (d *document) closed(n *node) {
	for i := range n.keys {
		if !n.claimed[i] {
			d.mistake(n.values[i], "unknown field")
		}
	}
}
