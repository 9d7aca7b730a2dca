package terms

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/record"
)

// Draft is Parse for text that people write: any JSON (any key order and
// spacing, already converted from YAML), with calendar.offsets filled in by
// the caller or absent (offsets is then asked for the zone's offsets in a span). It returns the canonical JSON to sign.
//
// People may write a duration in any unit (72h becomes 3d), the elements of a
// set in any order (keys, claim, evidence), and a condition over several
// lines. Nothing else is guessed or filled in.
func Draft(json []byte, offsets func(zone string, from, until record.Time) ([]Offset, error)) (canonical []byte, mistakes []Mistake) {
	d := &document{draft: true}
	if len(json) > MaxDraftBytes {
		d.fail("", "has %d bytes, at most %d", len(json), MaxDraftBytes)
		return nil, d.mistakes
	}
	tree, err := d.tree(json)
	if err != nil {
		d.fail("", "is not JSON: %v", err)
		return nil, d.mistakes
	}
	t := d.terms(tree, offsets)
	if d.failed() {
		return nil, d.mistakes
	}
	canonical = t.Marshal()
	if len(canonical) > MaxBytes {
		d.fail("", "has %d bytes in canonical form, at most %d", len(canonical), MaxBytes)
		return nil, d.mistakes
	}
	return canonical, d.mistakes
}

// tree reads any JSON. Doubled fields are mistakes with their place.
func (d *document) tree(text []byte) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("it is not UTF-8")
	}
	// The decoder's tokens are laxer than the grammar.
	if !json.Valid(text) {
		var v any
		err := json.Unmarshal(text, &v)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			return nil, fmt.Errorf("byte %d: %v", syntax.Offset, syntax)
		}
		return nil, errors.New("want one value")
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	return d.value(in, "", 0)
}

// maxDraftDepth is more than any valid document has.
const maxDraftDepth = 64

func (d *document) value(in *json.Decoder, path string, depth int) (any, error) {
	if depth > maxDraftDepth {
		return nil, fmt.Errorf("more than %d deep", maxDraftDepth)
	}
	token, err := in.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Number:
		if i, err := token.Int64(); err == nil {
			return i, nil
		}
		return token, nil
	case json.Delim:
		if token == '[' {
			list := []any{}
			for in.More() {
				v, err := d.value(in, element(path, len(list)), depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := in.Token()
			return list, err
		}
		object := map[string]any{}
		for in.More() {
			key, err := in.Token()
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, fmt.Errorf("got %v, want the name of a field", key)
			}
			at := join(path, name)
			if _, ok := object[name]; ok {
				d.fail(at, "stands twice")
			}
			if object[name], err = d.value(in, at, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := in.Token()
		return object, err
	case string:
		// An escape of half a surrogate pair has become this; nobody writes it.
		if strings.ContainsRune(token, utf8.RuneError) {
			d.fail(path, "got text with U+FFFD, which stands for text that could not be read")
		}
	}
	return token, nil
}

// foldSpace makes one line of a condition that people broke into several: each
// run of space outside of quotes becomes one space.
func foldSpace(s string) string {
	s = strings.TrimSpace(s)
	if !strings.ContainsAny(s, "\n\t\r") {
		return s
	}
	var b strings.Builder
	quoted, space := false, false
	for _, c := range s {
		switch {
		case !quoted && strings.ContainsRune(" \n\t\r", c):
			space = true
			continue
		case c == '"':
			quoted = !quoted
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(c)
	}
	return b.String()
}
