package mapping

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// A field is a column of a CSV file by its name, or a place in a JSON row:
// names joined by dots, and [] after a name for each element of an array.
type field struct {
	place *node
	name  string
	steps []step
	slot  int // of the name in Mapping.fields
}

type step struct {
	name   string
	arrays int // how many [] follow
}

func newField(n *node) field {
	f := field{place: n, name: n.text}
	for part := range strings.SplitSeq(n.text, ".") {
		s := step{name: part}
		for strings.HasSuffix(s.name, "[]") {
			s.name = strings.TrimSuffix(s.name, "[]")
			s.arrays++
		}
		f.steps = append(f.steps, s)
	}
	return f
}

// checkPath says what is wrong with f as a place in JSON.
func (f field) checkPath() string {
	for _, s := range f.steps {
		if s.name == "" || strings.ContainsAny(s.name, "[]") {
			return fmt.Sprintf("%q is no path: want names joined by dots, with [] after the name of an array", f.name)
		}
	}
	return ""
}

// many reports whether f can have more than one value.
func (f field) many() bool {
	for _, s := range f.steps {
		if s.arrays > 0 {
			return true
		}
	}
	return false
}

func (d *document) field(n *node, name string) field {
	d.text(n, name)
	v := n.get(name)
	if v == nil || v.kind != scalarNode {
		return field{place: n}
	}
	return newField(v)
}

// A value is computed from a row: a constant, a field, the product of two
// fields, either times a number, a count of array elements, or a test.
type value struct {
	constant *scalar
	from     *field
	product  []field // two
	count    *condition
	test     *condition
	times    exact.Rat  // 1 if not given
	round    exact.Mode // "" if it is not rounded
	decimals int
	negate   bool
	optional bool // an absent field gives no value
	number   bool // sure to be a number
}

// isNumber reports whether v may stand where a number is wanted; a field may,
// and is looked at in each row.
func (v value) isNumber() bool {
	if v.constant != nil {
		_, err := exact.Parse(v.constant.text)
		return err == nil && v.constant.kind == textScalar
	}
	return v.test == nil
}

func (d *document) value(n *node) value {
	v := value{times: exact.Int(1)}
	if !d.is(n, mapNode) {
		return v
	}
	var given []string
	for _, name := range []string{"constant", "field", "product", "count", "test"} {
		inner := n.get(name)
		if inner == nil {
			continue
		}
		given = append(given, name)
		switch name {
		case "constant":
			if d.is(inner, scalarNode) {
				c := scalar{kind: textScalar, text: inner.text}
				if inner.isBool {
					c.kind = boolScalar
				}
				v.constant = &c
			}
		case "field":
			f := d.field(n, "field")
			if f.many() {
				d.mistake(inner, "%s has many values: say count, or any in a test", f.name)
			}
			v.from = &f
		case "product":
			if !d.is(inner, listNode) {
				continue
			}
			if len(inner.values) != 2 {
				d.mistake(inner, "want two fields, got %d", len(inner.values))
			}
			for _, name := range inner.values {
				if d.is(name, scalarNode) {
					v.product = append(v.product, newField(name))
				}
			}
			v.number = true
		case "count":
			v.count = d.comparison(inner)
			v.number = true
		case "test":
			v.test = d.condition(inner)
		}
	}
	if len(given) != 1 {
		d.mistake(n, "want one of constant, field, product, count, test; got %s", listed(given))
	}
	if inner := n.get("times"); inner != nil && d.is(inner, scalarNode) {
		v.number = true
		var err error
		if v.times, err = exact.Parse(inner.text); err != nil {
			d.mistake(inner, "%v", err)
		}
		if v.from == nil && v.product == nil {
			d.mistake(n, "times goes with field or product")
		}
	}
	if inner := n.get("round"); inner != nil && d.is(inner, mapNode) {
		v.number = true
		v.round = exact.Mode(d.choice(inner, "mode", "half_up", "half_even", "down", "up"))
		text := d.text(inner, "decimals")
		var ok bool
		if v.decimals, ok = digits(text); text != "" && (!ok || len(text) > 2 || v.decimals > record.MaxDecimals) {
			d.mistake(inner, "decimals: %q, want a number from 0 to %d", text, record.MaxDecimals)
		}
		d.closed(inner)
		if v.from == nil && v.product == nil {
			d.mistake(n, "round goes with field or product")
		}
	}
	if d.optionalTrue(n, "negate") {
		v.negate, v.number = true, true
		if v.from == nil && v.product == nil {
			d.mistake(n, "negate goes with field or product")
		}
	}
	if d.optionalTrue(n, "optional") {
		v.optional = true
		if v.from == nil {
			d.mistake(n, "optional goes with field")
		}
	}
	d.closed(n)
	return v
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// of returns the value in r; its kind is absent only where it is optional.
func (v value) of(r *row) (scalar, error) {
	switch {
	case v.constant != nil:
		return *v.constant, nil
	case v.test != nil:
		ok, err := v.test.holds(r)
		return scalar{kind: boolScalar, text: strconv.FormatBool(ok)}, err
	case v.from != nil && !v.number:
		s, err := r.get(*v.from)
		if err != nil {
			return scalar{}, err
		}
		if s.kind == absent || s.text == "" {
			if v.optional {
				return scalar{}, nil
			}
			return scalar{}, fmt.Errorf("%s is empty", v.from.name)
		}
		return s, nil
	case v.from != nil && v.optional:
		if s, err := r.get(*v.from); err != nil || s.text == "" {
			return scalar{}, err
		}
	}
	x, err := v.numberOf(r)
	if err != nil {
		return scalar{}, err
	}
	return scalar{kind: textScalar, text: x.String()}, nil
}

// numberOf returns the value in r as an exact number.
func (v value) numberOf(r *row) (exact.Rat, error) {
	var x exact.Rat
	var err error
	switch {
	case v.product != nil:
		var a, b exact.Rat
		if a, err = r.decimal(v.product[0]); err != nil {
			return x, err
		}
		if b, err = r.decimal(v.product[1]); err != nil {
			return x, err
		}
		x = a.Mul(b)
	case v.count != nil:
		var n int64
		n, err = v.count.count(r)
		x = exact.Int(n)
	case v.from != nil:
		x, err = r.decimal(*v.from)
	case v.constant != nil:
		x, err = exact.Parse(v.constant.text)
	default:
		panic("mapping: number of a test")
	}
	if v.from != nil || v.product != nil {
		x = x.Mul(v.times)
		if v.round != "" {
			x = x.Round(v.decimals, v.round)
		}
	}
	if v.negate {
		x = x.Neg()
	}
	return x, err
}

// A template is text with {FIELD} in it. {#} stands for the number, from 1, of
// the row among those whose id is otherwise the same.
type template struct {
	place  *node
	parts  []string // parts[i] is followed by fields[i]
	fields []field  // name "#" is the number
	counts bool
}

func (d *document) template(n *node, name string) *template {
	d.text(n, name)
	v := n.get(name)
	if v == nil || v.kind != scalarNode {
		return nil
	}
	t := &template{place: v}
	rest := v.text
	for {
		before, after, ok := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			d.mistake(v, "} without { in %q", v.text)
			return t
		}
		t.parts = append(t.parts, before)
		if !ok {
			return t
		}
		inside, tail, ok := strings.Cut(after, "}")
		if !ok || inside == "" || strings.Contains(inside, "{") {
			d.mistake(v, "{ without a field and } in %q", v.text)
			return t
		}
		f := newField(&node{line: v.line, path: v.path, kind: scalarNode, text: inside})
		if inside == "#" {
			if name != "id" || t.counts {
				d.mistake(v, "{#} goes into an id, once")
			}
			t.counts = true
		} else if f.many() {
			d.mistake(v, "%s has many values", inside)
		}
		t.fields = append(t.fields, f)
		rest = tail
	}
}

func (d *document) optionalTemplate(n *node, name string) *template {
	if n.get(name) == nil {
		return nil
	}
	return d.template(n, name)
}

// of returns the text for r. nth counts the rows of each text that has {#}.
func (t *template) of(r *row, nth map[string]int64) (string, error) {
	var b strings.Builder
	b.WriteString(t.parts[0])
	at := -1
	for i, f := range t.fields {
		if f.name == "#" {
			at = b.Len()
		} else {
			s, err := r.get(f)
			if err != nil {
				return "", err
			}
			if s.text == "" {
				return "", fmt.Errorf("%s is empty", f.name)
			}
			b.WriteString(s.text)
		}
		b.WriteString(t.parts[i+1])
	}
	text := b.String()
	if at < 0 {
		return text, nil
	}
	// A space cannot be part of an id, so no two templates share a count.
	key := text[:at] + " " + text[at:]
	nth[key]++
	return text[:at] + strconv.FormatInt(nth[key], 10) + text[at:], nil
}

// name is what the clock reads, for messages.
func (t *template) name() string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}
