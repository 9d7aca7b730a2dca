package mapping

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
)

// A condition is true or false of a row.
type condition struct {
	not *condition
	all []*condition
	any bool // true if some value of the field's array is
	field
	op      string // equals, prefix, present, above, below, at_least, at_most
	text    string
	number  exact.Rat
	present bool
}

func (d *document) condition(n *node) *condition {
	c := &condition{}
	if !d.is(n, mapNode) {
		return c
	}
	if v := n.get("not"); v != nil {
		c.not = d.condition(v)
		d.closed(n)
		return c
	}
	if v := n.get("all"); v != nil {
		if d.is(v, listNode) {
			if len(v.values) < 2 {
				d.mistake(v, "want two conditions or more, got %d", len(v.values))
			}
			for _, part := range v.values {
				c.all = append(c.all, d.condition(part))
			}
		}
		d.closed(n)
		return c
	}
	if v := n.get("any"); v != nil {
		c = d.comparison(v)
		c.any = true
		d.closed(n)
		return c
	}
	c = d.comparison(n)
	if c.many() {
		d.mistake(n, "%s has many values: say any", c.name)
	}
	return c
}

// comparison is a field and one operator.
func (d *document) comparison(n *node) *condition {
	c := &condition{}
	if !d.is(n, mapNode) {
		return c
	}
	c.field = d.field(n, "field")
	for _, op := range []string{"equals", "prefix", "present", "above", "below", "at_least", "at_most"} {
		v := n.get(op)
		if v == nil {
			continue
		}
		if c.op != "" {
			d.mistake(v, "want one comparison, got %s and %s", c.op, op)
		}
		c.op = op
		if !d.is(v, scalarNode) {
			continue
		}
		c.text = v.text
		switch op {
		case "present":
			if !v.isBool {
				d.mistake(v, "want true or false")
			}
			c.present = v.text == "true"
		case "above", "below", "at_least", "at_most":
			number, err := exact.Parse(v.text)
			if err != nil {
				d.mistake(v, "%v", err)
			}
			c.number = number
		case "prefix":
			if v.text == "" {
				d.mistake(v, "is empty")
			}
		}
	}
	if c.op == "" {
		d.mistake(n, "want one of equals, prefix, present, above, below, at_least, at_most")
	}
	d.closed(n)
	return c
}

// holds reports whether c is true of r.
func (c *condition) holds(r *row) (bool, error) {
	if c.not != nil {
		ok, err := c.not.holds(r)
		return !ok, err
	}
	if c.all != nil {
		for _, part := range c.all {
			if ok, err := part.holds(r); !ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	if c.any {
		n, err := c.count(r)
		return n > 0, err
	}
	v, err := r.get(c.field)
	if err != nil {
		return false, err
	}
	if c.op == "present" {
		return (v.kind != absent && (v.kind != textScalar || v.text != "")) == c.present, nil
	}
	if v.kind == absent {
		return false, fmt.Errorf("%s is absent", c.name)
	}
	return c.compare(v)
}

// count returns how many values of the array c is true of. What is absent on
// the way to them has none.
func (c *condition) count(r *row) (n int64, err error) {
	err = r.each(c.field, func(v scalar) error {
		ok, err := c.compare(v)
		if ok {
			n++
		}
		return err
	})
	return n, err
}

func (c *condition) compare(v scalar) (bool, error) {
	switch c.op {
	case "equals":
		return v.text == c.text, nil
	case "prefix":
		return strings.HasPrefix(v.text, c.text), nil
	case "present":
		return c.present, nil
	}
	x, err := exact.Parse(v.text)
	if err != nil {
		return false, fmt.Errorf("%s: %v", c.name, err)
	}
	cmp := x.Cmp(c.number)
	switch c.op {
	case "above":
		return cmp > 0, nil
	case "below":
		return cmp < 0, nil
	case "at_least":
		return cmp >= 0, nil
	case "at_most":
		return cmp <= 0, nil
	}
	panic("mapping: comparison " + strconv.Quote(c.op))
}

func (c *condition) visitFields(visit func(*field)) {
	switch {
	case c == nil:
	case c.not != nil:
		c.not.visitFields(visit)
	case c.all != nil:
		for _, part := range c.all {
			part.visitFields(visit)
		}
	default:
		visit(&c.field)
	}
}
