package terms

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/record"
)

// A document is the tree of a JSON text while it is read into Terms: objects
// as map[string]any, lists as []any, strings, truth values, integers as int64,
// and in drafts other numbers as json.Number and null as nil. It gathers the
// mistakes.
type document struct {
	draft    bool // people's spelling is accepted: any unit, any order of sets
	mistakes []Mistake

	calendarRead bool // the calendar and the span have no mistake
}

func (d *document) fail(path, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{Path: path, Reason: fmt.Sprintf(format, args...)})
}

func (d *document) warn(path, format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{Path: path, Reason: fmt.Sprintf(format, args...), Warning: true})
}

// failed reports whether there is a mistake that is no warning.
func (d *document) failed() bool {
	return slices.ContainsFunc(d.mistakes, func(m Mistake) bool { return !m.Warning })
}

// quote shows a text of the document in a mistake.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		cut := most
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		return strconv.Quote(s[:cut]) + "..."
	}
	return strconv.Quote(s)
}

// describe says in a mistake what stands where something else should.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return quote(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case json.Number:
		return "number " + quote(v.String())
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// An object is one object of the document, of which fields are taken one by
// one. What is left at the end is unknown.
type object struct {
	d      *document
	path   string
	fields map[string]any
	taken  map[string]bool
}

// refuse takes a field that has no meaning beside the others.
func (o *object) refuse(name, why string) {
	if _, path, ok := o.optional(name); ok {
		o.d.fail(path, "unknown field: %s", why)
	}
}

// object takes v as an object; ok is false where it is none.
func (d *document) object(path string, v any) (o *object, ok bool) {
	fields, ok := v.(map[string]any)
	if !ok {
		d.fail(path, "got %s, want an object", describe(v))
		return nil, false
	}
	return &object{d, path, fields, make(map[string]bool, len(fields))}, true
}

// end reports the fields that nobody took.
func (o *object) end() {
	for _, name := range sortedKeys(o.fields) {
		if !o.taken[name] {
			o.d.fail(join(o.path, name), "unknown field")
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func (o *object) has(name string) bool {
	_, ok := o.fields[name]
	return ok
}

// optional takes a field that may be absent.
func (o *object) optional(name string) (v any, path string, ok bool) {
	o.taken[name] = true
	v, ok = o.fields[name]
	return v, join(o.path, name), ok
}

// field takes a field that must be there.
func (o *object) field(name, want string) (v any, path string, ok bool) {
	if v, path, ok = o.optional(name); !ok {
		o.d.fail(path, "missing, want %s", want)
	}
	return v, path, ok
}

func (o *object) object(name string) (*object, bool) {
	v, path, ok := o.field(name, "an object")
	if !ok {
		return nil, false
	}
	return o.d.object(path, v)
}

// list takes a list of at least one and at most most elements.
func (o *object) list(name string, most int) ([]any, string, bool) {
	v, path, ok := o.field(name, "a list")
	if !ok {
		return nil, path, false
	}
	l, ok := o.d.listOf(path, v, most)
	return l, path, ok
}

func (d *document) listOf(path string, v any, most int) ([]any, bool) {
	l, ok := v.([]any)
	switch {
	case !ok:
		d.fail(path, "got %s, want a list", describe(v))
	case len(l) == 0:
		d.fail(path, "got an empty list, want at least one element")
	case len(l) > most:
		d.fail(path, "has %d elements, at most %d", len(l), most)
	default:
		return l, true
	}
	return nil, false
}

// named takes an object whose fields are named by people: least to most of them.
func (o *object) named(name string, least, most int, each func(path, name string, v any)) {
	m, ok := o.object(name)
	if !ok {
		return
	}
	if n := len(m.fields); n < least || n > most {
		o.d.fail(m.path, "has %d entries, want %d to %d", n, least, most)
		return
	}
	for _, key := range sortedKeys(m.fields) {
		each(join(m.path, key), key, m.fields[key])
	}
}

// namedIfThere is named for an object that may be absent.
func (o *object) namedIfThere(name string, most int, each func(path, name string, v any)) {
	if o.has(name) {
		o.named(name, 1, most, each)
	}
}

// text takes a text as it is.
func (o *object) text(name, want string) (string, bool) {
	v, path, ok := o.field(name, want)
	if !ok {
		return "", false
	}
	return o.d.textOf(path, v, want)
}

func (d *document) textOf(path string, v any, want string) (string, bool) {
	s, ok := v.(string)
	if !ok {
		d.fail(path, "got %s, want %s", describe(v), want)
		return "", false
	}
	// In canonical JSON this holds already.
	if d.draft {
		if err := record.CheckCanonical(record.AppendString(nil, s)); err != nil {
			d.fail(path, "got text that no record holds: %v", err)
			return "", false
		}
	}
	return s, true
}

// free takes a text of people's choice.
func (o *object) free(name string) string {
	want := fmt.Sprintf("text of 1 to %d bytes", maxTitleBytes)
	s, ok := o.text(name, want)
	if ok && (s == "" || len(s) > maxTitleBytes || strings.TrimSpace(s) != s) {
		o.d.fail(join(o.path, name), "got %s, want %s without space around it", quote(s), want)
	}
	return s
}

// choice takes one word of a closed set.
func (o *object) choice(name string, words ...string) string {
	v, path, ok := o.field(name, anyOf(words))
	if !ok {
		return ""
	}
	return o.d.choiceOf(path, v, words...)
}

func (d *document) choiceOf(path string, v any, words ...string) string {
	s, ok := v.(string)
	if !ok || !slices.Contains(words, s) {
		d.fail(path, "got %s, want %s", describe(v), anyOf(words))
		return ""
	}
	return s
}

// anyOf is "a, b or c".
func anyOf(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// integer takes an integer from lo to hi.
func (o *object) integer(name string, lo, hi int) (int, bool) {
	want := fmt.Sprintf("an integer from %d to %d", lo, hi)
	v, path, ok := o.field(name, want)
	if !ok {
		return 0, false
	}
	i, ok := v.(int64)
	if !ok || i < int64(lo) || i > int64(hi) {
		o.d.fail(path, "got %s, want %s", describe(v), want)
		return 0, false
	}
	return int(i), true
}

func (o *object) time(name string) (record.Time, bool) {
	const want = "a time like 2026-03-01T00:00:00.000Z"
	v, path, ok := o.field(name, want)
	if !ok {
		return 0, false
	}
	s, ok := v.(string)
	if !ok {
		o.d.fail(path, "got %s, want %s", describe(v), want)
		return 0, false
	}
	t, err := record.ParseTime(s)
	if err != nil {
		o.d.fail(path, "%v", err)
		return 0, false
	}
	return t, true
}

const wantDuration = "a duration like 90s, 15m, 72h or 15d"

func (o *object) duration(name string) (Duration, bool) {
	v, path, ok := o.field(name, wantDuration)
	if !ok {
		return 0, false
	}
	return o.d.durationOf(path, v, wantDuration)
}

func (d *document) durationOf(path string, v any, want string) (Duration, bool) {
	s, ok := v.(string)
	if !ok {
		d.fail(path, "got %s, want %s", describe(v), want)
		return 0, false
	}
	t, err := ParseDuration(s)
	switch {
	case err != nil:
		d.fail(path, "%v", err)
		return 0, false
	case !d.draft && t.String() != s:
		d.fail(path, "got %q, want %q: the canonical form has the largest unit", s, t.String())
		return 0, false
	}
	return t, true
}

// decimal takes a decimal of at least 0 or, where above is set, more than 0.
func (o *object) decimal(name string, above bool) record.Decimal {
	v, path, ok := o.field(name, "a decimal in quotes")
	if !ok {
		return ""
	}
	return o.d.decimalOf(path, v, above)
}

// signed takes a decimal that may be below 0.
func (o *object) signed(name string) record.Decimal {
	v, path, ok := o.field(name, "a decimal in quotes")
	if !ok {
		return ""
	}
	return o.d.signedOf(path, v)
}

// money takes a decimal with no more decimals than the currency has.
func (o *object) money(t *Terms, name string, above bool) record.Decimal {
	v, path, ok := o.field(name, "a decimal in quotes")
	if !ok {
		return ""
	}
	return o.d.moneyOf(t, path, v, above)
}

func (d *document) moneyOf(t *Terms, path string, v any, above bool) record.Decimal {
	x := d.decimalOf(path, v, above)
	if n := decimalsOf(x); n > t.Scale {
		d.fail(path, "amount %s has %d decimals, at most %d", x, n, t.Scale)
	}
	return x
}

func (d *document) decimalOf(path string, v any, above bool) record.Decimal {
	x := d.signedOf(path, v)
	switch {
	case x.Negative():
		d.fail(path, "got %s, want at least 0", x)
		return ""
	case above && x.Zero():
		d.fail(path, "got %s, want more than 0", x)
		return ""
	}
	return x
}

// percent takes a decimal from 0 to 100.
func (o *object) percent(name string) record.Decimal {
	v, path, ok := o.field(name, "a decimal in quotes")
	if !ok {
		return ""
	}
	return o.d.percentOf(path, v)
}

func (d *document) percentOf(path string, v any) record.Decimal {
	x := d.decimalOf(path, v, false)
	if x != "" && compareDecimals(x, "100") > 0 {
		d.fail(path, "got %s, at most 100", x)
		return ""
	}
	return x
}

func (d *document) signedOf(path string, v any) record.Decimal {
	s, ok := v.(string)
	if !ok {
		switch n := v.(type) {
		case int64:
			d.fail(path, "got the number %d, want a decimal in quotes: \"%d\"", n, n)
		case json.Number:
			// 1.10 may already have become 1.1 on the way here, or 1e3.
			d.fail(path, "got the number %s, want a decimal in quotes", n)
		default:
			d.fail(path, "got %s, want a decimal in quotes", describe(v))
		}
		return ""
	}
	x, err := record.ParseDecimal(s)
	if err != nil {
		d.fail(path, "%v", err)
		return ""
	}
	return x
}

// set takes a list of different texts, which the canonical form sorts.
func (o *object) set(name string, most int, each func(path, s string) bool) []string {
	v, path, ok := o.field(name, "a list")
	if !ok {
		return nil
	}
	return o.d.setOf(path, v, most, each)
}

func (d *document) setOf(path string, v any, most int, each func(path, s string) bool) []string {
	l, ok := d.listOf(path, v, most)
	if !ok {
		return nil
	}
	set := make([]string, 0, len(l))
	for i, v := range l {
		at := element(path, i)
		s, ok := d.textOf(at, v, "text")
		switch {
		case !ok || !each(at, s):
			continue
		case slices.Contains(set, s):
			d.fail(at, "%s stands twice", quote(s))
			continue
		case !d.draft && len(set) > 0 && set[len(set)-1] > s:
			d.fail(at, "%s stands after %s, want them sorted", quote(s), quote(set[len(set)-1]))
		}
		set = append(set, s)
	}
	slices.Sort(set)
	return set
}

func isName(s string) bool {
	if s == "" || len(s) > maxNameBytes || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

const wantName = "a lower-case letter, then lower-case letters, digits and _, to 64 bytes"

func (d *document) checkName(path, name string) {
	if !isName(name) {
		d.fail(path, "name %s: want %s", quote(name), wantName)
	}
}

// checkWord checks a name that stands in expressions.
func (d *document) checkWord(path, name string) {
	d.checkName(path, name)
	if isReserved(name) {
		d.fail(path, "%s is a word of expressions, want another name", name)
	}
}

// partySet takes a list of ids of parties.
func (d *document) partySet(t *Terms, o *object, name string) []string {
	return o.set(name, maxParties, func(at, id string) bool {
		if t.Party(id) == nil && len(t.Parties) > 0 {
			d.fail(at, "party %s is not among the parties", quote(id))
			return false
		}
		return true
	})
}

func isID(s string) bool {
	if s == "" || len(s) > maxIDBytes {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && strings.IndexByte("._:/-", c) >= 0:
		default:
			return false
		}
	}
	return true
}

const wantID = "a letter or digit, then letters, digits and ._:/- to 128 bytes"

// compareDecimals compares by value.
func compareDecimals(a, b record.Decimal) int {
	x, _ := parseNumber(string(a), false)
	y, _ := parseNumber(string(b), false)
	return x.cmp(y)
}

func decimalsOf(d record.Decimal) int {
	_, decimals, _ := strings.Cut(string(d), ".")
	return len(decimals)
}
