package record

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// str is a string of the form f; "" is absent.
func (c *codec) str(key string, v *string, f form, n need) {
	switch c.mode {
	case decode:
		if !c.here(key, n) {
			return
		}
		if !c.readString(v, f) {
			c.inside(key)
			return
		}
		c.next()
	case encode:
		if c.key(key, *v != "", n) && !c.writeString(*v, f) {
			c.inside(key)
		}
	case collect:
		if f == formRef && *v != "" {
			c.refs = append(c.refs, Reference{c.join(key), *v})
		}
	case describe:
		c.field(key, f.String(), false, n)
	}
}

// value reads or writes a string of the form f.
func (c *codec) value(v *string, f form) bool {
	if c.mode == encode {
		return c.writeString(*v, f)
	}
	return c.readString(v, f)
}

func (c *codec) readString(v *string, f form) bool {
	s := c.s[c.i:]
	if s == "" || s[0] != '"' {
		c.fail("", "got %s, want %s", c.got(), f.want())
		return false
	}
	if f.isText() {
		return c.readText(v, f)
	}
	s = s[1:]
	n := 0
	switch f {
	case formID, formRef:
		n = idLength(s)
	default:
		n = f.length(s)
	}
	if n <= 0 || n >= len(s) || s[n] != '"' {
		c.fail("", "got %s, want %s", c.got(), f.want())
		return false
	}
	*v = s[:n]
	c.i += n + 2
	return true
}

func (c *codec) readText(v *string, f form) bool {
	s := c.s[c.i+1:]
	n := plainLength(s)
	if n < len(s) && s[n] == '"' {
		*v = s[:n]
		c.i += n + 2
	} else {
		r := reader{s: c.s, i: c.i}
		text, err := r.string()
		if err != nil {
			c.fail("", "%v", err)
			return false
		}
		*v = text
		c.i = r.i
	}
	return c.checkText(*v, f)
}

// checkText tests the length of text.
func (c *codec) checkText(v string, f form) bool {
	switch {
	case v == "" && f != formLine:
		c.fail("", `got "", want %s`, f.want())
	case len(v) > f.maxBytes():
		c.fail("", "has %d bytes, want %s", len(v), f.want())
	default:
		return true
	}
	return false
}

func (c *codec) writeString(v string, f form) bool {
	if !f.isText() {
		if v == "" || f.length(v) != len(v) {
			c.fail("", "got %q, want %s", clip(v), f.want())
			return false
		}
		c.buf = append(c.buf, '"')
		c.buf = append(c.buf, v...)
		c.buf = append(c.buf, '"')
		return true
	}
	if !c.checkText(v, f) {
		return false
	}
	if n := textLength(v); n < len(v) {
		c.fail("", "%v", badCharacter(v, n))
		return false
	}
	c.buf = AppendString(c.buf, v)
	return true
}

// enum is a string out of a list.
func (c *codec) enum(key string, v *string, n need, values ...string) {
	if c.mode == collect {
		return
	}
	if c.mode == describe {
		c.field(key, strings.Join(values, ", "), false, n)
		return
	}
	if !c.field(key, "", *v != "", n) {
		return
	}
	if c.mode == encode {
		for _, w := range values {
			if *v == w {
				c.buf = append(c.buf, '"')
				c.buf = append(c.buf, w...)
				c.buf = append(c.buf, '"')
				return
			}
		}
		c.fail(key, "got %q, want %s", clip(*v), oneOf(values))
		return
	}
	s := c.s[c.i:]
	for _, w := range values {
		if k := len(w); len(s) > k+1 && s[0] == '"' && s[k+1] == '"' && s[1:k+1] == w {
			*v = w
			c.i += k + 2
			c.next()
			return
		}
	}
	c.fail(key, "got %s, want %s", c.got(), oneOf(values))
}

func oneOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

func (c *codec) id(key string, v *string, n need)    { c.str(key, v, formID, n) }
func (c *codec) ref(key string, v *string, n need)   { c.str(key, v, formRef, n) }
func (c *codec) name(key string, v *string, n need)  { c.str(key, v, formName, n) }
func (c *codec) label(key string, v *string, n need) { c.str(key, v, formLabel, n) }
func (c *codec) text(key string, v *string, n need)  { c.str(key, v, formText, n) }

func (c *codec) digest(key string, v *Digest, n need) { c.str(key, (*string)(v), formDigest, n) }
func (c *codec) decimal(key string, v *Decimal, n need) {
	c.str(key, (*string)(v), formDecimal, n)
}
func (c *codec) amount(key string, v *Decimal, n need) { c.str(key, (*string)(v), formAmount, n) }

// time is an instant. Where it is optional, 0 is absent; so an optional time
// cannot be 1970-01-01T00:00:00.000Z.
func (c *codec) time(key string, v *Time, n need) {
	if !c.field(key, "time", n == required || *v != 0, n) {
		return
	}
	if !c.timeValue(v) {
		c.inside(key)
		return
	}
	if c.mode == decode {
		if n == optional && *v == 0 {
			c.fail(key, "got %s, want a later time or none", *v)
			return
		}
		c.next()
	}
}

func (c *codec) timeValue(v *Time) bool {
	if c.mode == encode {
		if *v < 0 || *v > MaxTime {
			c.fail("", "got %s, want a time in the years 1970 to 9999", *v)
			return false
		}
		c.buf = append(c.buf, '"')
		c.buf = appendTime(c.buf, *v)
		c.buf = append(c.buf, '"')
		return true
	}
	s := c.s[c.i:]
	if len(s) < timeBytes+2 || s[0] != '"' || s[timeBytes+1] != '"' {
		c.fail("", "got %s, want a time like 2026-03-01T08:00:00.000Z", c.got())
		return false
	}
	t, why := parseTime(s[1 : timeBytes+1])
	if why != "" {
		c.fail("", "time %s %s", c.got(), why)
		return false
	}
	*v = t
	c.i += timeBytes + 2
	return true
}

// int is an integer of at least least.
func (c *codec) int(key string, v *int64, least int64) {
	if !c.field(key, "integer", true, required) {
		return
	}
	if !c.intValue(v, least) {
		c.inside(key)
		return
	}
	if c.mode == decode {
		c.next()
	}
}

// optionalInt is an integer of at least least, which is above 0; 0 is absent.
func (c *codec) optionalInt(key string, v *int64, least int64) {
	if !c.field(key, "integer", *v != 0, optional) {
		return
	}
	if !c.intValue(v, least) {
		c.inside(key)
		return
	}
	if c.mode == decode {
		c.next()
	}
}

func (c *codec) intValue(v *int64, least int64) bool {
	if c.mode == encode {
		if *v < least || *v > MaxInteger {
			c.fail("", "got %d, want an integer from %d to %d", *v, least, int64(MaxInteger))
			return false
		}
		c.buf = strconv.AppendInt(c.buf, *v, 10)
		return true
	}
	k, n := integer(c.s[c.i:])
	if n == 0 || k < least {
		c.fail("", "got %s, want an integer from %d to %d", c.got(), least, int64(MaxInteger))
		return false
	}
	*v = k
	c.i += n
	return true
}

// integer returns the canonical integer at the front of s and its length, or
// length 0 if there is none.
func integer(s string) (v int64, n int) {
	negative := s != "" && s[0] == '-'
	if negative {
		n++
	}
	first := n
	for n < len(s) && isDigit(s[n]) && n-first < 17 {
		v = v*10 + int64(s[n]-'0')
		n++
	}
	switch {
	case n == first, s[first] == '0' && (n > first+1 || negative), v > MaxInteger:
		return 0, 0
	}
	if negative {
		v = -v
	}
	return v, n
}

// bool is a truth value. Where it is optional, false is absent.
func (c *codec) bool(key string, v *bool, n need) {
	form := "true or false"
	if n == optional {
		form = "true"
	}
	if !c.field(key, form, n == required || *v, n) {
		return
	}
	if !c.boolValue(v) {
		c.inside(key)
		return
	}
	if c.mode == decode {
		if n == optional && !*v {
			c.fail(key, "got false, want true or no such field")
			return
		}
		c.next()
	}
}

func (c *codec) boolValue(v *bool) bool {
	if c.mode == encode {
		c.buf = strconv.AppendBool(c.buf, *v)
		return true
	}
	switch s := c.s[c.i:]; {
	case strings.HasPrefix(s, "true"):
		*v = true
		c.i += len("true")
	case strings.HasPrefix(s, "false"):
		*v = false
		c.i += len("false")
	default:
		c.fail("", "got %s, want true or false", c.got())
		return false
	}
	return true
}

// raw is any canonical JSON object, verbatim.
func (c *codec) raw(key string, v *[]byte, depth int, n need) {
	if !c.field(key, "canonical object", len(*v) > 0, n) {
		return
	}
	if c.mode == encode {
		if (*v)[0] != '{' {
			c.fail(key, "want an object")
			return
		}
		r := reader{s: string(*v), depth: depth}
		if err := r.whole(); err != nil {
			c.fail(key, "%v", err)
			return
		}
		c.buf = append(c.buf, *v...)
		return
	}
	if c.i >= len(c.s) || c.s[c.i] != '{' {
		c.fail(key, "got %s, want an object", c.got())
		return
	}
	r := reader{s: c.s, i: c.i, depth: depth}
	if err := r.skip(); err != nil {
		c.fail(key, "%v", err)
		return
	}
	*v = []byte(c.s[c.i:r.i])
	c.i = r.i
	c.next()
}

var strict64 = base64.StdEncoding.Strict()

// signature is 64 bytes in base64.
func (c *codec) signature(v *[64]byte) bool {
	const chars = 88
	if c.mode == encode {
		c.buf = append(c.buf, '"')
		c.buf = strict64.AppendEncode(c.buf, v[:])
		c.buf = append(c.buf, '"')
		return true
	}
	s := c.s[c.i:]
	if len(s) >= chars+2 && s[0] == '"' && s[chars+1] == '"' && decodeSignature(v, s[1:chars+1]) {
		c.i += chars + 2
		return true
	}
	c.fail("", "got %s, want 64 bytes in base64", c.got())
	return false
}

// decodeSignature decodes 88 characters of base64. Package base64 would take
// four times as long, and a tenth of the time of Parse.
func decodeSignature(v *[64]byte, s string) bool {
	_ = s[87]
	var all byte
	for i, j := 0, 0; i < 84; i, j = i+4, j+3 {
		a, b, c, d := sextet[s[i]], sextet[s[i+1]], sextet[s[i+2]], sextet[s[i+3]]
		all |= a | b | c | d
		v[j], v[j+1], v[j+2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
	}
	a, b := sextet[s[84]], sextet[s[85]]
	all |= a | b
	v[63] = a<<2 | b>>4
	return all&notSextet == 0 && b&15 == 0 && s[86:] == "=="
}

const notSextet = 0x80

// sextet is the value of each character of base64, notSextet for others.
var sextet = sextets()

func sextets() (t [256]byte) {
	for c := range t {
		t[c] = notSextet
	}
	for v, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		t[c] = byte(v)
	}
	return t
}
