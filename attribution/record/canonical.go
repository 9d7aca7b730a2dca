package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CheckCanonical reports whether b is one value of canonical JSON: RFC 8785 on
// the subset that records use. Objects with sorted keys, lists, strings, true,
// false, integers to 2^53-1; no null, no floats, no white space; strings in
// UTF-8 without control, bidi and other format characters, escaped only where
// JSON demands it. Its depth is at most MaxDepth, its length at most
// MaxRecordBytes.
func CheckCanonical(b []byte) error {
	if len(b) > MaxRecordBytes {
		return fmt.Errorf("has %d bytes, at most %d", len(b), MaxRecordBytes)
	}
	r := reader{s: string(b)}
	return r.whole()
}

// ParseCanonical returns the value that b is in canonical JSON: a
// map[string]any, []any, string, bool or int64. It accepts exactly what
// CheckCanonical accepts.
func ParseCanonical(b []byte) (any, error) { return ParseCanonicalUpTo(MaxRecordBytes, b) }

// ParseCanonicalUpTo is ParseCanonical for a text of at most that many bytes.
func ParseCanonicalUpTo(most int, b []byte) (any, error) {
	if len(b) > most {
		return nil, fmt.Errorf("has %d bytes, at most %d", len(b), most)
	}
	r := reader{s: string(b)}
	v, err := r.value()
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Canonical returns the canonical JSON of v, which is made of map[string]any,
// []any, []string, string, bool, int, int64, uint64 and json.Number. It
// returns only what CheckCanonical accepts.
func Canonical(v any) ([]byte, error) {
	b, err := appendCanonical(nil, v, 1)
	if err != nil {
		return nil, err
	}
	if err := CheckCanonical(b); err != nil {
		return nil, err
	}
	return b, nil
}

func appendCanonical(dst []byte, v any, depth int) ([]byte, error) {
	// The depth is tested here as well, so that a value that holds itself ends.
	if depth > MaxDepth+1 {
		return nil, fmt.Errorf("is more than %d deep", MaxDepth)
	}
	var err error
	switch v := v.(type) {
	case string:
		return AppendString(dst, v), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case json.Number:
		if k, n := integer(string(v)); n == 0 || n != len(v) {
			return nil, fmt.Errorf("got number %s, want an integer to %d; write other numbers as strings", clip(string(v)), int64(MaxInteger))
		} else {
			return strconv.AppendInt(dst, k, 10), nil
		}
	case []string:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, e)
		}
		return append(dst, ']'), nil
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, err = appendCanonical(dst, e, depth+1); err != nil {
				return nil, fmt.Errorf("[%d]: %w", i, err)
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool { return compareKeys(keys[i], keys[j]) < 0 })
		dst = append(dst, '{')
		for i, k := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, k), ':')
			if dst, err = appendCanonical(dst, v[k], depth+1); err != nil {
				return nil, fmt.Errorf("%s: %w", clip(k), err)
			}
		}
		return append(dst, '}'), nil
	case nil:
		return nil, errors.New("got null, want a value or no such field")
	}
	return nil, fmt.Errorf("got a %T, want an object, a list, a string, a truth value or an integer", v)
}

// compareKeys orders keys by their UTF-16 code units, as RFC 8785 does. It
// differs from the order of bytes only where a character beyond U+FFFF meets
// one from U+E000 to U+FFFF.
func compareKeys(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	if i < len(a) && i < len(b) && a[i] >= 0xee && b[i] >= 0xee {
		if aHigh, bHigh := a[i] >= 0xf0, b[i] >= 0xf0; aHigh != bHigh {
			if aHigh {
				return -1 // a surrogate, below U+E000
			}
			return 1
		}
	}
	return strings.Compare(a, b)
}

// A reader reads canonical JSON.
type reader struct {
	s     string
	i     int
	depth int
}

func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s", r.i, fmt.Sprintf(format, args...))
}

// whole reads one value, which must be all there is.
func (r *reader) whole() error {
	if err := r.skip(); err != nil {
		return err
	}
	return r.end()
}

func (r *reader) end() error {
	if r.i < len(r.s) {
		return r.unexpected("the end")
	}
	return nil
}

// unexpected says what stands where want should.
func (r *reader) unexpected(want string) error {
	if r.i >= len(r.s) {
		return r.errorf("ends, want %s", want)
	}
	switch c := r.s[r.i]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		return r.errorf("white space, want %s", want)
	case c < 0x20 || c == 0x7f:
		return r.errorf("control character, want %s", want)
	}
	ch, n := utf8.DecodeRuneInString(r.s[r.i:])
	if ch == utf8.RuneError && n <= 1 {
		return r.errorf("invalid UTF-8, want %s", want)
	}
	return r.errorf("got %q, want %s", ch, want)
}

func (r *reader) peek() byte {
	if r.i < len(r.s) {
		return r.s[r.i]
	}
	return 0
}

func (r *reader) down() error {
	if r.depth++; r.depth > MaxDepth {
		return r.errorf("more than %d deep", MaxDepth)
	}
	r.i++
	return nil
}

// skip reads a value without keeping it.
func (r *reader) skip() error {
	switch r.peek() {
	case '{':
		if err := r.down(); err != nil {
			return err
		}
		if r.peek() == '}' {
			break
		}
		last := ""
		for first := true; ; first = false {
			at := r.i
			key, err := r.key()
			if err != nil {
				return err
			}
			if err := r.order(at, first, last, key); err != nil {
				return err
			}
			last = key
			if err := r.skip(); err != nil {
				return err
			}
			if r.peek() == '}' {
				break
			}
			if r.peek() != ',' {
				return r.unexpected("a comma or the end of the object")
			}
			r.i++
		}
	case '[':
		if err := r.down(); err != nil {
			return err
		}
		if r.peek() == ']' {
			break
		}
		for {
			if err := r.skip(); err != nil {
				return err
			}
			if r.peek() == ']' {
				break
			}
			if r.peek() != ',' {
				return r.unexpected("a comma or the end of the list")
			}
			r.i++
		}
	default:
		_, err := r.scalar()
		return err
	}
	r.i++
	r.depth--
	return nil
}

// value reads a value and returns it.
func (r *reader) value() (any, error) {
	switch r.peek() {
	case '{':
		if err := r.down(); err != nil {
			return nil, err
		}
		object := map[string]any{}
		last := ""
		for first := true; r.peek() != '}'; first = false {
			if !first {
				if r.peek() != ',' {
					return nil, r.unexpected("a comma or the end of the object")
				}
				r.i++
			}
			at := r.i
			key, err := r.key()
			if err != nil {
				return nil, err
			}
			if err := r.order(at, first, last, key); err != nil {
				return nil, err
			}
			last = key
			if object[key], err = r.value(); err != nil {
				return nil, err
			}
		}
		r.i++
		r.depth--
		return object, nil
	case '[':
		if err := r.down(); err != nil {
			return nil, err
		}
		list := []any{}
		for r.peek() != ']' {
			if len(list) > 0 {
				if r.peek() != ',' {
					return nil, r.unexpected("a comma or the end of the list")
				}
				r.i++
			}
			v, err := r.value()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		r.i++
		r.depth--
		return list, nil
	}
	return r.scalar()
}

// key reads a key and its colon.
func (r *reader) key() (string, error) {
	if r.peek() != '"' {
		return "", r.unexpected("a key")
	}
	key, err := r.string()
	if err != nil {
		return "", err
	}
	if r.peek() != ':' {
		return "", r.unexpected("a colon")
	}
	r.i++
	return key, nil
}

func (r *reader) order(at int, first bool, last, key string) error {
	if first || compareKeys(last, key) < 0 {
		return nil
	}
	r.i = at
	if last == key {
		return r.errorf("key %q stands twice", clip(key))
	}
	return r.errorf("key %q stands after %q, want them sorted", clip(key), clip(last))
}

// scalar reads a string, a truth value or an integer.
func (r *reader) scalar() (any, error) {
	c := r.peek()
	switch {
	case c == '"':
		return r.string()
	case c == '-' || isDigit(c):
		return r.integer()
	}
	for _, w := range []string{"true", "false", "null"} {
		if strings.HasPrefix(r.s[r.i:], w) {
			if w == "null" {
				return nil, r.errorf("null, want a value or no such field")
			}
			r.i += len(w)
			return w == "true", nil
		}
	}
	return nil, r.unexpected("a value")
}

func (r *reader) integer() (any, error) {
	s := r.s[r.i:]
	v, n := integer(s)
	end := n
	for end < len(s) && (isDigit(s[end]) || strings.IndexByte("+-.eE", s[end]) >= 0) {
		end++
	}
	if n > 0 && end == n {
		r.i += n
		return v, nil
	}
	switch text := clip(s[:end]); {
	case strings.ContainsAny(s[:end], ".eE"):
		return nil, r.errorf("number %s is not an integer: write it as a string", text)
	case s[:end] == "-0":
		return nil, r.errorf("negative zero")
	case strings.Trim(s[:end], "-0123456789") == "" && len(strings.TrimLeft(s[:end], "-0")) >= 16 && !strings.HasPrefix(strings.TrimLeft(s[:end], "-"), "0"):
		return nil, r.errorf("number %s is beyond %d: write it as a string", text, int64(MaxInteger))
	default:
		return nil, r.errorf("number %s is not in canonical form", text)
	}
}

// string reads a string.
func (r *reader) string() (string, error) {
	r.i++
	s := r.s[r.i:]
	n := plainLength(s)
	if n < len(s) && s[n] == '"' {
		r.i += n + 1
		return s[:n], nil
	}
	b := make([]byte, 0, n+16)
	for {
		n := plainLength(r.s[r.i:])
		b = append(b, r.s[r.i:r.i+n]...)
		r.i += n
		switch r.peek() {
		case '"':
			r.i++
			return string(b), nil
		case '\\':
			if r.i+1 >= len(r.s) {
				r.i++
				return "", r.unexpected("the end of the string")
			}
			switch c := r.s[r.i+1]; c {
			case '"', '\\':
				b = append(b, c)
				r.i += 2
				continue
			}
			return "", r.errorf("escape %q: only \\\" and \\\\ are canonical here", clip(r.s[r.i:min(r.i+2, len(r.s))]))
		}
		if r.i >= len(r.s) {
			return "", r.unexpected("the end of the string")
		}
		return "", r.errorf("%v", badCharacter(r.s, r.i))
	}
}

// badCharacter says why the character at s[i] may not stand in text.
func badCharacter(s string, i int) error {
	c, n := utf8.DecodeRuneInString(s[i:])
	if c == utf8.RuneError && n <= 1 {
		if n == 1 && len(s) > i+1 && s[i] == 0xed && s[i+1] >= 0xa0 {
			return errors.New("surrogate in UTF-8")
		}
		return errors.New("invalid UTF-8")
	}
	if c < 0x20 || c >= 0x7f && c < 0xa0 {
		return fmt.Errorf("control character %U", c)
	}
	return fmt.Errorf("character %U is invisible or changes the direction of text", c)
}
