package record

import (
	"fmt"
	"strings"
)

// A mode is what a codec does with the fields that it is shown.
type mode uint8

const (
	decode   mode = iota // read them from a line
	encode               // write them to a line
	collect              // gather the ids of other records
	describe             // list them
)

// A need says whether a field may be absent.
type need bool

const (
	required need = false
	optional need = true
)

// A codec walks a record. Each type has one function, fields, that shows the
// codec its fields in the order of their keys; what the codec does with them
// depends on its mode. So there is one list of fields and one validation for
// both directions, and the order of keys needs no check of its own when
// reading: a key that is not the next one is refused.
//
// The first mistake stops the walk: err is set, and every further field is
// skipped.
type codec struct {
	mode mode
	bare bool // without log and sigs

	err *Refusal

	// decode
	s    string
	i    int  // at a key, or at the end of an object
	kind Kind // what the body is taken for, before the key kind was read

	// encode
	buf          []byte
	logAt        int // where the member log stands or belongs
	sigs, sigEnd int // the member sigs with its comma

	*walk // collect, describe
}

// A walk is what a codec gathers where it neither reads nor writes.
type walk struct {
	path   string // of the object it is in
	refs   []Reference
	listed []listed
}

// A listed field is what describe finds.
type listed struct {
	path string
	form string
	need need
}

// fail records the first mistake. A codec that reads is then at the end of the
// line, where no further field is.
func (c *codec) fail(field, format string, args ...any) {
	if c.err == nil {
		c.err = &Refusal{Check: "form", N: -1, Field: field, Reason: fmt.Sprintf(format, args...)}
		c.i = len(c.s)
	}
}

// holds tells whether a condition between fields holds. It is asked only of
// what is otherwise well formed: after a mistake, and where there is nothing
// to judge, everything holds.
func (c *codec) holds(condition bool) bool {
	return condition || c.err != nil || c.mode == collect || c.mode == describe
}

// inside says that a mistake was made within field.
func (c *codec) inside(field string) {
	switch {
	case c.err.Field == "":
		c.err.Field = field
	case c.err.Field[0] == '[':
		c.err.Field = field + c.err.Field
	default:
		c.err.Field = field + "." + c.err.Field
	}
}

// field reports whether the caller has a value to read or write.
func (c *codec) field(key, form string, present bool, n need) bool {
	switch c.mode {
	case decode:
		return c.here(key, n)
	case encode:
		return c.key(key, present, n)
	case describe:
		c.listed = append(c.listed, listed{c.join(key), form, n})
	}
	return false
}

// nested is field for values that hold further fields.
func (c *codec) nested(key, form string, present bool, n need) bool {
	switch c.mode {
	case collect:
		return present
	case describe:
		c.field(key, form, present, n)
		return true
	}
	return c.field(key, form, present, n)
}

// here reports whether key is the next one in the line, and moves behind it.
func (c *codec) here(key string, n need) bool {
	s, k := c.s[c.i:], len(key)
	if len(s) > k+2 && s[1] == key[0] && s[0] == '"' && s[k+1] == '"' && s[k+2] == ':' && s[1:k+1] == key {
		c.i += k + 3
		return true
	}
	if n == required {
		c.absent(key)
	}
	return false
}

// key writes a key, after a comma where it is not the first.
func (c *codec) key(key string, present bool, n need) bool {
	if c.err != nil {
		return false
	}
	if !present {
		if n == required {
			c.fail(key, "missing")
		}
		return false
	}
	c.comma()
	c.buf = append(c.buf, '"')
	c.buf = append(c.buf, key...)
	c.buf = append(c.buf, '"', ':')
	return true
}

func (c *codec) join(key string) string {
	if c.path == "" {
		return key
	}
	return c.path + "." + key
}

func (c *codec) comma() {
	if b := c.buf[len(c.buf)-1]; b != '{' && b != '[' {
		c.buf = append(c.buf, ',')
	}
}

// absent is called where a required key is not the next one.
func (c *codec) absent(key string) {
	if next, ok := c.nextKey(); ok && next < key {
		c.fail(next, "unknown field")
		return
	}
	c.fail(key, "missing")
}

// nextKey reads the key at the place of the codec, for a message.
func (c *codec) nextKey() (string, bool) {
	s := c.s[c.i:]
	if s == "" || s[0] != '"' {
		return "", false
	}
	n := plainLength(s[1:])
	if 1+n >= len(s) || s[1+n] != '"' {
		return "", false
	}
	return clip(s[1 : 1+n]), true
}

// open begins an object.
func (c *codec) open() bool {
	switch c.mode {
	case decode:
		if c.i >= len(c.s) || c.s[c.i] != '{' {
			c.fail("", "got %s, want an object", c.got())
			return false
		}
		c.i++
	case encode:
		c.buf = append(c.buf, '{')
	}
	return true
}

// close ends an object whose fields have all been shown.
func (c *codec) close() {
	if c.err != nil {
		return
	}
	switch c.mode {
	case decode:
		if c.i >= len(c.s) || c.s[c.i] != '}' {
			next, _ := c.nextKey()
			c.fail(next, "unknown field")
			return
		}
		c.i++
	case encode:
		c.buf = append(c.buf, '}')
	}
}

// next moves behind the comma that follows a value of an object, if one does.
func (c *codec) next() {
	if c.i < len(c.s) {
		switch c.s[c.i] {
		case '}':
			return
		case ',':
			c.i++
			if c.i < len(c.s) && c.s[c.i] == '"' {
				return
			}
		}
	}
	c.fail("", "byte %d: not canonical", c.i)
}

// got names the value at the place of the codec, for a message.
func (c *codec) got() string {
	s := c.s[min(c.i, len(c.s)):]
	if s == "" {
		return "nothing"
	}
	switch s[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		r := reader{s: s}
		text, err := r.string()
		if err != nil {
			return "a string"
		}
		return fmt.Sprintf("%q", clip(text))
	case 't', 'f', 'n':
		n := 0
		for n < len(s) && s[n] >= 'a' && s[n] <= 'z' {
			n++
		}
		return clip(s[:n])
	}
	n := 0
	for n < len(s) && strings.IndexByte(",]}", s[n]) < 0 {
		n++
	}
	return clip(s[:n])
}

// clip shortens a value for a message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	n := most
	for n > most-4 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

// object is a struct of its own; nil is absent. When reading, *v may be memory
// to use.
func object[T any](c *codec, key string, v **T, n need, fields func(*T, *codec)) {
	if !c.nested(key, "object", *v != nil, n) {
		if c.mode == decode {
			*v = nil
		}
		return
	}
	if *v == nil {
		*v = new(T)
	}
	inline(c, key, *v, fields)
}

// inline walks an object whose key has been dealt with.
func inline[T any](c *codec, key string, v *T, fields func(*T, *codec)) {
	if c.mode == collect || c.mode == describe {
		outer := c.path
		c.path = c.join(key)
		fields(v, c)
		c.path = outer
		return
	}
	if c.open() {
		fields(v, c)
		c.close()
	}
	if c.err != nil {
		c.inside(key)
		return
	}
	if c.mode == decode {
		c.next()
	}
}

// list is a list of objects; none is absent.
func list[T any](c *codec, key string, v *[]T, n need, fields func(*T, *codec)) {
	if !c.nested(key, "list of objects", len(*v) > 0, n) {
		return
	}
	switch c.mode {
	case collect, describe:
		outer := c.path
		c.path = c.join(key)
		if c.mode == describe {
			fields(new(T), c)
		}
		for i := range *v {
			fields(&(*v)[i], c)
		}
		c.path = outer
		return
	}
	elements(c, key, v, 2, func(c *codec, e *T) bool {
		if c.open() {
			fields(e, c)
			c.close()
		}
		return c.err == nil
	})
}

// elements reads or writes the elements of a list, at least one and at most
// MaxList. Memory for at least guess elements is taken when reading.
func elements[T any](c *codec, key string, v *[]T, guess int, element func(*codec, *T) bool) {
	if c.mode == encode {
		if len(*v) > MaxList {
			c.fail(key, "has %d elements, at most %d", len(*v), MaxList)
			return
		}
		c.buf = append(c.buf, '[')
		for i := range *v {
			c.comma()
			if !element(c, &(*v)[i]) {
				c.inside(fmt.Sprintf("[%d]", i))
				c.inside(key)
				return
			}
		}
		c.buf = append(c.buf, ']')
		return
	}
	if c.i >= len(c.s) || c.s[c.i] != '[' {
		c.fail(key, "got %s, want a list", c.got())
		return
	}
	c.i++
	if c.i < len(c.s) && c.s[c.i] == ']' {
		c.fail(key, "empty list, want an element or no such field")
		return
	}
	*v = make([]T, 0, guess)
	for {
		if len(*v) == MaxList {
			c.fail(key, "has more than %d elements", MaxList)
			return
		}
		var zero T
		*v = append(*v, zero)
		i := len(*v) - 1
		if !element(c, &(*v)[i]) {
			c.inside(fmt.Sprintf("[%d]", i))
			c.inside(key)
			return
		}
		if c.i < len(c.s) {
			switch c.s[c.i] {
			case ',':
				c.i++
				continue
			case ']':
				c.i++
				c.next()
				return
			}
		}
		c.fail(key, "byte %d: not canonical", c.i)
		return
	}
}

// strings is a list of strings of the form f, in the order of their author,
// none twice.
func (c *codec) strings(key string, v *[]string, f form, n need) {
	c.plainStrings(key, v, f, n)
	distinct(c, key, *v, func(s *string) string { return *s })
}

// sortedStrings is a list of strings of the form f, sorted by their bytes.
func (c *codec) sortedStrings(key string, v *[]string, f form, n need) {
	c.plainStrings(key, v, f, n)
	for i := 1; i < len(*v); i++ {
		if !c.holds((*v)[i-1] < (*v)[i]) {
			c.unsorted(key, (*v)[i-1], (*v)[i])
		}
	}
}

// plainStrings is strings that may hold one twice.
func (c *codec) plainStrings(key string, v *[]string, f form, n need) {
	switch c.mode {
	case collect:
		if f == formRef {
			for _, id := range *v {
				c.refs = append(c.refs, Reference{c.join(key), id})
			}
		}
		return
	case describe:
		c.field(key, "list of "+f.String(), false, n)
		return
	}
	if c.field(key, "", len(*v) > 0, n) {
		elements(c, key, v, 4, func(c *codec, e *string) bool { return c.value(e, f) })
	}
}

// digests is a list of digests.
func (c *codec) digests(key string, v *[]Digest, n need) {
	if c.mode == describe {
		c.field(key, "list of "+formDigest.String(), false, n)
		return
	}
	if c.field(key, "", len(*v) > 0, n) {
		elements(c, key, v, 2, func(c *codec, e *Digest) bool { return c.value((*string)(e), formDigest) })
	}
}

// distinct refuses a list in which two elements have one name.
func distinct[T any](c *codec, key string, list []T, name func(*T) string) {
	if c.err != nil || c.mode == collect || c.mode == describe {
		return
	}
	twice := func(s string) { c.fail(key, "%q stands twice", clip(s)) }
	if len(list) <= 16 {
		for i := range list {
			for j := range i {
				if s := name(&list[i]); s == name(&list[j]) {
					twice(s)
					return
				}
			}
		}
		return
	}
	seen := make(map[string]bool, len(list))
	for i := range list {
		s := name(&list[i])
		if seen[s] {
			twice(s)
			return
		}
		seen[s] = true
	}
}

// keyed is an object whose keys are data: a sorted list of things with a key
// each, not empty, at most most. where returns the key of an element.
//
// Memory for at least guess elements is taken when reading.
func keyed[T any](c *codec, key, form string, v *[]T, f form, guess, most int, n need, where func(*T) *string, value func(*codec, *T) bool) {
	if !c.field(key, form, len(*v) > 0, n) {
		return
	}
	if c.mode == encode {
		if len(*v) > most {
			c.fail(key, "has %d members, at most %d", len(*v), most)
			return
		}
		c.buf = append(c.buf, '{')
		for i := range *v {
			e := &(*v)[i]
			c.comma()
			if !c.writeString(*where(e), f) {
				c.inside(key)
				return
			}
			if i > 0 && *where(&(*v)[i-1]) >= *where(e) {
				c.unsorted(key, *where(&(*v)[i-1]), *where(e))
				return
			}
			c.buf = append(c.buf, ':')
			if !value(c, e) {
				c.inside(*where(e))
				c.inside(key)
				return
			}
		}
		c.buf = append(c.buf, '}')
		return
	}
	if !c.open() {
		c.inside(key)
		return
	}
	if c.i < len(c.s) && c.s[c.i] == '}' {
		c.fail(key, "empty object, want a member or no such field")
		return
	}
	if cap(*v) == 0 {
		*v = make([]T, 0, guess)
	}
	last := ""
	for i := 0; ; i++ {
		if i == most {
			c.fail(key, "has more than %d members", most)
			return
		}
		var zero T
		*v = append(*v, zero)
		e := &(*v)[i]
		name := where(e)
		if !c.readString(name, f) {
			c.inside(key)
			return
		}
		if i > 0 && last >= *name {
			c.unsorted(key, last, *name)
			return
		}
		last = *name
		if c.i >= len(c.s) || c.s[c.i] != ':' {
			c.fail(key, "byte %d: not canonical", c.i)
			return
		}
		c.i++
		if !value(c, e) {
			c.inside(last)
			c.inside(key)
			return
		}
		c.next()
		if c.err != nil {
			return
		}
		if c.s[c.i] == '}' {
			c.i++
			c.next()
			return
		}
	}
}

func (c *codec) unsorted(key, before, after string) {
	if before == after {
		c.fail(key, "%q stands twice", clip(after))
		return
	}
	c.fail(key, "%q stands after %q, want them sorted", clip(after), clip(before))
}

// facts is an object of truth values and texts.
func (c *codec) facts(key string, v *Facts, n need) {
	keyed(c, key, "facts", (*[]Fact)(v), formName, 8, MaxFacts, n,
		func(f *Fact) *string { return &f.Name },
		func(c *codec, f *Fact) bool {
			if c.mode == encode {
				if f.Value.IsBool {
					if f.Value.Text != "" {
						c.fail("", "is a truth value with the text %q", clip(f.Value.Text))
						return false
					}
					return c.boolValue(&f.Value.Bool)
				}
				if f.Value.Bool {
					c.fail("", "is a text that is true")
					return false
				}
				return c.value(&f.Value.Text, formText)
			}
			if c.i < len(c.s) && (c.s[c.i] == 't' || c.s[c.i] == 'f') {
				f.Value.IsBool = true
				return c.boolValue(&f.Value.Bool)
			}
			if c.i < len(c.s) && c.s[c.i] != '"' {
				c.fail("", "got %s, want true, false or a string", c.got())
				return false
			}
			return c.value(&f.Value.Text, formText)
		})
}

// member is an object that is the value of a keyed member.
func member[T any](c *codec, v *T, fields func(*T, *codec)) bool {
	if c.open() {
		fields(v, c)
		c.close()
	}
	return c.err == nil
}
