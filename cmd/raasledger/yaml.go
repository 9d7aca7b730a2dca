package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	maxYAMLBytes = 1 << 18 // four times what fits into the agreement's record
	maxYAMLDepth = 32
)

// A place is where something stands in a text that people wrote.
type place struct{ line, column int }

func (p place) String() string { return fmt.Sprintf("%d:%d", p.line, p.column) }

// A document is YAML turned into JSON, with the place of each value.
//
// YAML is only the pen here: what is signed is the canonical JSON. So
// whatever makes the text mean something else than it shows (anchors,
// aliases, merged keys, tags, null, several documents) is refused. A number
// is a decimal, written exactly as in the text, but for the few fields that
// are integers in the terms.
type document struct {
	json   []byte
	places map[string]place // by path in the form of placeKey
}

// A yamlError is a mistake in the YAML itself.
type yamlError struct {
	place
	reason string
}

func (e *yamlError) Error() string { return e.place.String() + ": " + e.reason }

// readYAML parses text: a whole draft, or what stands under path in one.
func readYAML(text []byte, path ...string) (*document, error) {
	if len(text) > maxYAMLBytes {
		return nil, fmt.Errorf("has %d bytes, at most %d", len(text), maxYAMLBytes)
	}
	tokens := lexer.Tokenize(string(text))
	if err := checkTokens(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		if e, ok := errors.AsType[yaml.Error](err); ok {
			return nil, &yamlError{at(e.GetToken()), e.GetMessage()}
		}
		return nil, err
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil:
		case body != nil:
			return nil, &yamlError{begin(d.Body), "a second document begins here, want one"}
		default:
			body = d.Body
		}
	}
	if body == nil {
		return nil, &yamlError{place{1, 1}, "there is nothing here"}
	}
	d := &document{places: map[string]place{}}
	if err := d.value(body, path); err != nil {
		return nil, err
	}
	return d, nil
}

const notTaken = "anchors, aliases, merged keys and tags are not taken: write out what is signed"

// checkTokens refuses what could nest without end: the library's memory grows
// with the square of the depth. In block style each level takes a column, so
// that maxYAMLBytes bounds it; several lists may begin in one line, though.
func checkTokens(tokens token.Tokens) error {
	flow, entries, line := 0, 0, 0
	for _, t := range tokens {
		p := at(t)
		if p.line != line {
			line, entries = p.line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType:
			return &yamlError{p, notTaken}
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		}
		if flow > maxYAMLDepth || entries > maxYAMLDepth {
			return &yamlError{p, fmt.Sprintf("is nested deeper than %d", maxYAMLDepth)}
		}
	}
	return nil
}

// begin is where n begins; a mapping begins at its first key.
func begin(n ast.Node) place {
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 && !m.IsFlowStyle {
			return begin(m.Values[0])
		}
	case *ast.MappingValueNode:
		return at(m.Key.GetToken())
	}
	return at(n.GetToken())
}

func at(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

// value appends n to the JSON; path is where n stands in the document.
func (d *document) value(n ast.Node, path []string) error {
	if len(path) > maxYAMLDepth {
		return &yamlError{begin(n), fmt.Sprintf("is nested deeper than %d", maxYAMLDepth)}
	}
	key := strings.Join(path, ".")
	if _, ok := d.places[key]; !ok { // a mapping key has its own place
		d.places[key] = begin(n)
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return d.mapping(n.Values, path)
	case *ast.MappingValueNode:
		return d.mapping([]*ast.MappingValueNode{n}, path)
	case *ast.SequenceNode:
		d.json = append(d.json, '[')
		for i, item := range n.Values {
			if i > 0 {
				d.json = append(d.json, ',')
			}
			if err := d.value(item, append(path[:len(path):len(path)], strconv.Itoa(i))); err != nil {
				return err
			}
		}
		d.json = append(d.json, ']')
		return nil
	case *ast.StringNode:
		// Not YAML, but the library reads a field that is indented too far
		// as more of the text above it.
		if n.Token.Type == token.StringType && strings.Contains(n.Value, ": ") {
			return &yamlError{at(n.Token), `text with ": " in it needs quotes; or is a field below it indented too far?`}
		}
		return d.text(n.Value, n.Token)
	case *ast.LiteralNode:
		return d.text(n.Value.Value, n.Start)
	case *ast.BoolNode:
		d.json = strconv.AppendBool(d.json, n.Value)
		return nil
	case *ast.IntegerNode:
		if isInteger(path) {
			v, err := strconv.ParseInt(n.Token.Value, 10, 64)
			if err != nil || strconv.FormatInt(v, 10) != n.Token.Value {
				return &yamlError{at(n.Token), fmt.Sprintf("%q is not an integer in plain decimal", n.Token.Value)}
			}
			d.json = strconv.AppendInt(d.json, v, 10)
			return nil
		}
		return d.text(n.Token.Value, n.Token)
	case *ast.FloatNode:
		return d.text(n.Token.Value, n.Token)
	case *ast.NullNode:
		return &yamlError{at(n.Token), "has no value"}
	default:
		return &yamlError{at(n.GetToken()), fmt.Sprintf("is %v, want a mapping, a list, text, a number or a truth value", n.Type())}
	}
}

func (d *document) mapping(values []*ast.MappingValueNode, path []string) error {
	d.json = append(d.json, '{')
	for i, v := range values {
		if i > 0 {
			d.json = append(d.json, ',')
		}
		var key string
		switch k := v.Key.(type) {
		case *ast.StringNode:
			key = k.Value
		case *ast.IntegerNode:
			key = k.Token.Value
		default:
			return &yamlError{at(v.Key.GetToken()), "key is not text"}
		}
		if err := d.text(key, v.Key.GetToken()); err != nil {
			return err
		}
		d.json = append(d.json, ':')
		below := append(path[:len(path):len(path)], key)
		d.places[strings.Join(below, ".")] = at(v.Key.GetToken())
		if err := d.value(v.Value, below); err != nil {
			return err
		}
	}
	d.json = append(d.json, '}')
	return nil
}

func (d *document) text(s string, t *token.Token) error {
	quoted, err := jsontext.AppendQuote(d.json, s)
	if err != nil {
		return &yamlError{at(t), "text is not UTF-8"}
	}
	d.json = quoted
	return nil
}

// isInteger says whether the terms have an integer at path; every other
// number is a decimal, which is text.
func isInteger(path []string) bool {
	switch {
	case len(path) == 1:
		return path[0] == "scale"
	case len(path) == 3:
		return path[0] == "responsibility" && path[1] == "weights"
	case len(path) == 4:
		return path[0] == "calendar" && path[1] == "offsets" && path[3] == "minutes" ||
			path[0] == "responsibility" && path[1] == "duties" && path[3] == "weight" ||
			path[0] == "results" && path[2] == "lock" ||
			path[0] == "measures" && path[2] == "credit" && path[3] == "decimals" ||
			path[0] == "lines" && path[2] == "convert" && path[3] == "decimals"
	case len(path) == 5:
		return path[0] == "lines" && path[2] == "each" && path[3] == "free" && path[4] == "events"
	}
	return false
}

// at finds the place of a path like lines[0].tiers[1].unit, or of the
// nearest part of it that is there: an absent field is placed where it should
// have been.
func (d *document) at(path string) place {
	key := strings.NewReplacer("[", ".", "]", "").Replace(path)
	for {
		if p, ok := d.places[key]; ok {
			return p
		}
		i := strings.LastIndexByte(key, '.')
		if i < 0 {
			return d.places[""]
		}
		key = key[:i]
	}
}
