package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An object is a JSON object whose members are still text. Names stand in it
// once: the decoder refuses doubled ones.
type object map[string]jsontext.Value

func parseObject(v jsontext.Value) (object, error) {
	var o object
	if v.Kind() != jsontext.KindBeginObject {
		return nil, fmt.Errorf("got %s, want an object", kindOf(v))
	}
	if err := json.Unmarshal(v, &o); err != nil {
		return nil, jsonError(err)
	}
	return o, nil
}

func parseArray(v jsontext.Value) ([]jsontext.Value, error) {
	if v.Kind() != jsontext.KindBeginArray {
		return nil, fmt.Errorf("got %s, want an array", kindOf(v))
	}
	var list []jsontext.Value
	if err := json.Unmarshal(v, &list); err != nil {
		return nil, jsonError(err)
	}
	return list, nil
}

// has reports whether the member is there and not null.
func (o object) has(name string) bool {
	v, ok := o[name]
	return ok && v.Kind() != jsontext.KindNull
}

// text returns a string member, "" where it is absent or null.
func (o object) text(name string) (string, error) {
	if !o.has(name) {
		return "", nil
	}
	v := o[name]
	if v.Kind() != jsontext.KindString {
		return "", fmt.Errorf("%s: got %s, want text", name, kindOf(v))
	}
	return unquote(v), nil
}

// list returns the elements of an array member, none where it is absent or null.
func (o object) list(name string) ([]jsontext.Value, error) {
	if !o.has(name) {
		return nil, nil
	}
	list, err := parseArray(o[name])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return list, nil
}

// object returns an object member, nil where it is absent or null.
func (o object) object(name string) (object, error) {
	if !o.has(name) {
		return nil, nil
	}
	inner, err := parseObject(o[name])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return inner, nil
}

// scalar returns the text of a string, number or truth value.
func (o object) scalar(name string) (string, error) {
	if !o.has(name) {
		return "", nil
	}
	text, ok := scalarText(o[name])
	if !ok {
		return "", fmt.Errorf("%s: got %s, want one value", name, kindOf(o[name]))
	}
	return text, nil
}

// count returns a member that counts something, as a number or as text.
func (o object) count(name string) (int64, error) {
	text, err := o.scalar(name)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := parseCount(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}

// parseCount reads a count: digits, at most fifteen of them.
func parseCount(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > 999_999_999_999_999 || strconv.FormatInt(n, 10) != text {
		return 0, fmt.Errorf("got %.40q, want a count", text)
	}
	return n, nil
}

// scalarText returns the text of a string, number or truth value as spelled.
func scalarText(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case jsontext.KindString:
		return unquote(v), true
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
		return string(v), true
	}
	return "", false
}

// unquote returns the text of a string that a decoder has passed.
func unquote(v jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		panic("capture: a string that was read is none: " + err.Error())
	}
	return string(text)
}

// contentOf returns the bytes that stand for a value in a digest: those of a
// string, else the JSON text without white space. They are nil for null.
func contentOf(v jsontext.Value) (content []byte, media string) {
	switch v.Kind() {
	case 0, jsontext.KindNull:
		return nil, ""
	case jsontext.KindString:
		return []byte(unquote(v)), mediaText
	}
	compact := v.Clone()
	if err := compact.Compact(); err != nil {
		panic("capture: a value that was read is none: " + err.Error())
	}
	return compact, mediaJSON
}

func kindOf(v jsontext.Value) string {
	switch v.Kind() {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindString:
		return "text"
	case jsontext.KindNumber:
		return "a number"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "a truth value"
	case jsontext.KindBeginObject:
		return "an object"
	case jsontext.KindBeginArray:
		return "an array"
	}
	return "nothing"
}

func jsonError(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("ends within the JSON")
	case errors.As(err, &syntactic):
		return fmt.Errorf("not JSON at byte %d: %w", syntactic.ByteOffset, syntactic.Err)
	}
	return err
}

// values hands over each element of a file that is one array, or each value
// of a file with a value a line. place says which, by the noun.
func values(r io.Reader, noun string, do func(place string, v jsontext.Value) error) error {
	limit := &valueLimit{r: r, left: MaxValueBytes}
	in := jsontext.NewDecoder(limit)
	array := in.PeekKind() == jsontext.KindBeginArray
	if array {
		if _, err := in.ReadToken(); err != nil {
			return jsonError(err)
		}
	}
	for n := 1; ; n++ {
		place := noun + " " + strconv.Itoa(n)
		limit.left = MaxValueBytes
		if array && in.PeekKind() == jsontext.KindEndArray {
			if _, err := in.ReadToken(); err != nil {
				return jsonError(err)
			}
			if _, err := in.ReadToken(); err != io.EOF {
				return errors.New("text after the end of the array")
			}
			return nil
		}
		v, err := in.ReadValue()
		if err == io.EOF && !array {
			if n == 1 {
				return errEmptyFile
			}
			return nil
		}
		if err != nil {
			if isReadError(err) {
				return err
			}
			return fmt.Errorf("%s: %w", place, jsonError(err))
		}
		if err := do(place, v); err != nil {
			return err
		}
	}
}

// isReadError tells an error of the reader from one of the text.
func isReadError(err error) bool {
	var syntactic *jsontext.SyntacticError
	return !errors.As(err, &syntactic) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) && !errors.Is(err, errLongValue)
}

var errLongValue = fmt.Errorf("longer than %d bytes", MaxValueBytes)

// A valueLimit refuses to read more than one value may have.
type valueLimit struct {
	r    io.Reader
	left int
}

func (l *valueLimit) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, errLongValue
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// withoutMark skips the byte order mark that some programs write in front.
func withoutMark(r io.Reader) (io.Reader, error) {
	front := make([]byte, 3)
	n, err := io.ReadFull(r, front)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	if string(front[:n]) == "\xef\xbb\xbf" {
		return r, nil
	}
	return io.MultiReader(bytes.NewReader(front[:n]), r), nil
}

// maxNumberBytes is the longest number that costs are read from, and
// maxExponent the largest power of ten in it: 1e999999999 is short.
const (
	maxNumberBytes = 64
	maxExponent    = 64
)

// roundCost reads a JSON number and rounds it half up to so many decimals, as
// the map says: telemetry writes binary floats, 0.00019240000000000001 for
// 0.0001924.
func roundCost(text string, decimals int) (*big.Rat, error) {
	bad := fmt.Errorf("got %.80q, want a number of at least 0", text)
	if text == "" || len(text) > maxNumberBytes {
		return nil, bad
	}
	if !jsontext.Value(text).IsValid() || jsontext.Value(text).Kind() != jsontext.KindNumber || text[0] == '-' {
		return nil, bad
	}
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n, err := strconv.Atoi(text[i+1:])
		if err != nil || n > maxExponent || n < -maxExponent {
			return nil, bad
		}
	}
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, bad
	}
	x.SetString(x.FloatString(decimals))
	return x, nil
}

// decimalText writes a rounded cost without zeros at its end.
func decimalText(x *big.Rat, decimals int) string {
	text := x.FloatString(decimals)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
