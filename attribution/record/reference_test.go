package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// slowCanonical is the canonical form of docs/record.md in the plainest way:
// read with encoding/json, write again with sorted keys, compare. Form only:
// it knows no kinds.
func slowCanonical(line []byte) error {
	if len(line) > 65535 {
		return errors.New("too long")
	}
	if !utf8.Valid(line) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one value")
	}
	var b strings.Builder
	if err := slowWrite(&b, v, 0); err != nil {
		return err
	}
	if b.String() != string(line) {
		return fmt.Errorf("encodes again as %s", b.String())
	}
	return nil
}

func slowCompareKeys(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

var slowInteger = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,15})$`)

func slowWrite(b *strings.Builder, v any, depth int) error {
	switch v := v.(type) {
	case map[string]any:
		if depth == 16 {
			return errors.New("too deep")
		}
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, slowCompareKeys)
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := slowWrite(b, k, depth+1); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := slowWrite(b, v[k], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case []any:
		if depth == 16 {
			return errors.New("too deep")
		}
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := slowWrite(b, e, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case string:
		b.WriteByte('"')
		for _, r := range v {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) || r == 0x2065 || r >= 0xe0000 && r <= 0xe007f {
				return fmt.Errorf("character %U", r)
			}
			if r >= 0x13440 && r <= 0x1345f {
				return fmt.Errorf("character %U", r)
			}
			if r == '"' || r == '\\' {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		b.WriteByte('"')
	case bool:
		fmt.Fprint(b, v)
	case json.Number:
		s := string(v)
		if digits := strings.TrimPrefix(s, "-"); !slowInteger.MatchString(s) || len(digits) == 16 && digits > "9007199254740991" {
			return fmt.Errorf("number %s", s)
		}
		b.WriteString(s)
	default:
		return fmt.Errorf("a %T", v)
	}
	return nil
}
