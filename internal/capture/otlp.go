package capture

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/raasledger/raasledger/attribution/record"
)

// readOTLP reads one export in OTLP's JSON form: resourceSpans, scopeSpans,
// spans. Members it does not know are passed over, as that form asks for.
func readOTLP(place string, o object, add func(string, *span) error) error {
	if !o.has("resourceSpans") {
		return fmt.Errorf("%s: has no resourceSpans, want an export of OTLP in JSON", place)
	}
	return each(place, o, "resourceSpans", func(place string, o object) error {
		resource, err := o.object("resource")
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		shared, err := attributes(resource)
		if err != nil {
			return fmt.Errorf("%s: resource: %w", place, err)
		}
		outer, err := o.text("schemaUrl")
		if err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		return each(place, o, "scopeSpans", func(place string, o object) error {
			schema, err := o.text("schemaUrl")
			if err != nil {
				return fmt.Errorf("%s: %w", place, err)
			}
			if schema == "" {
				schema = outer
			}
			return each(place, o, "spans", func(place string, o object) error {
				s, err := otlpSpan(o)
				if err != nil {
					return fmt.Errorf("%s: %w", place, err)
				}
				s.schema = schema
				own := s.attributes
				s.attributes = maps.Clone(shared)
				maps.Copy(s.attributes, own)
				return add(place, s)
			})
		})
	})
}

// each hands over the objects of an array member.
func each(place string, o object, name string, do func(string, object) error) error {
	list, err := o.list(name)
	if err != nil {
		return fmt.Errorf("%s: %w", place, err)
	}
	for i, v := range list {
		at := fmt.Sprintf("%s: %s[%d]", place, name, i)
		inner, err := parseObject(v)
		if err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
		if err := do(at, inner); err != nil {
			return err
		}
	}
	return nil
}

func otlpSpan(o object) (*span, error) {
	s := &span{}
	var err error
	for _, id := range []struct {
		name  string
		to    *string
		bytes int
	}{{"traceId", &s.trace, 16}, {"spanId", &s.id, 8}, {"parentSpanId", &s.parent, 8}} {
		if *id.to, err = o.text(id.name); err != nil {
			return nil, err
		}
		// Upper case is allowed there, and would make two ids of one.
		*id.to = strings.ToLower(*id.to)
		if id.name == "parentSpanId" && *id.to == "" {
			continue
		}
		if !isHex(*id.to, id.bytes) {
			return nil, fmt.Errorf("%s: got %.80q, want %d hexadecimal digits, not all 0", id.name, *id.to, 2*id.bytes)
		}
	}
	for _, instant := range []struct {
		name string
		to   *record.Time
	}{{"startTimeUnixNano", &s.start}, {"endTimeUnixNano", &s.end}} {
		text, err := o.scalar(instant.name)
		if err != nil {
			return nil, err
		}
		ns, err := strconv.ParseInt(text, 10, 64)
		if err != nil || ns < 1_000_000 {
			return nil, fmt.Errorf("%s: got %.40q, want nanoseconds since 1970", instant.name, text)
		}
		*instant.to = record.Time(ns / 1_000_000)
	}
	if s.end < s.start {
		return nil, fmt.Errorf("ends at %s, before it starts at %s", s.end, s.start)
	}
	if s.attributes, err = attributes(o); err != nil {
		return nil, err
	}
	for _, name := range []string{"droppedAttributesCount", "droppedEventsCount", "droppedLinksCount"} {
		n, err := o.count(name)
		if err != nil {
			return nil, err
		}
		s.dropped += n
	}
	status, err := o.object("status")
	if err != nil {
		return nil, err
	}
	code, err := status.scalar("code")
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	s.failed = code == "2" || code == "STATUS_CODE_ERROR"
	state, err := o.text("traceState")
	if err != nil {
		return nil, err
	}
	s.sampled = isSampled(state)
	return s, nil
}

// isHex reports whether text is so many bytes in lower-case hexadecimal, not
// all 0.
func isHex(text string, bytes int) bool {
	return len(text) == 2*bytes && strings.Trim(text, "0123456789abcdef") == "" && strings.Trim(text, "0") != ""
}

// isSampled reports whether a trace state says that not every trace was kept:
// ot=th:T rejects the part T of all, and th:0 none.
func isSampled(state string) bool {
	for member := range strings.SplitSeq(state, ",") {
		list, ok := strings.CutPrefix(strings.TrimSpace(member), "ot=")
		if !ok {
			continue
		}
		for part := range strings.SplitSeq(list, ";") {
			if threshold, ok := strings.CutPrefix(part, "th:"); ok && strings.Trim(threshold, "0") != "" {
				return true
			}
		}
	}
	return false
}

// attributes returns the attributes of a span or resource as plain JSON
// values, by name.
func attributes(o object) (map[string]jsontext.Value, error) {
	list, err := o.list("attributes")
	if err != nil {
		return nil, err
	}
	all := map[string]jsontext.Value{}
	for i, v := range list {
		pair, err := parseObject(v)
		if err != nil {
			return nil, fmt.Errorf("attributes[%d]: %w", i, err)
		}
		name, err := pair.text("key")
		if err != nil || name == "" {
			return nil, fmt.Errorf("attributes[%d]: key is no text", i)
		}
		if _, ok := all[name]; ok {
			return nil, fmt.Errorf("attribute %s is there twice", name)
		}
		if !pair.has("value") {
			continue // the form has no other way to say that it is empty
		}
		value, err := anyValue(pair["value"], 0)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		if value != nil {
			all[name] = value
		}
	}
	return all, nil
}

// maxAnyDepth is the deepest nesting of an attribute's value.
const maxAnyDepth = 64

// anyValue returns a typed value of OTLP as the plain JSON that it stands for.
func anyValue(v jsontext.Value, depth int) (jsontext.Value, error) {
	if depth > maxAnyDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxAnyDepth)
	}
	o, err := parseObject(v)
	if err != nil {
		return nil, err
	}
	if len(o) == 0 {
		return nil, nil
	}
	if len(o) > 1 {
		return nil, fmt.Errorf("has %d typed values, want one", len(o))
	}
	for name, inner := range o {
		wrong := func(want string) error { return fmt.Errorf("%s: got %.40s, want %s", name, inner, want) }
		switch name {
		case "stringValue", "bytesValue":
			if inner.Kind() != jsontext.KindString {
				return nil, wrong("text")
			}
			return inner, nil
		case "boolValue":
			if k := inner.Kind(); k != jsontext.KindTrue && k != jsontext.KindFalse {
				return nil, wrong("true or false")
			}
			return inner, nil
		case "intValue":
			// The form writes 64-bit integers as text.
			text, _ := scalarText(inner)
			if _, err := strconv.ParseInt(text, 10, 64); err != nil {
				return nil, wrong("an integer")
			}
			return jsontext.Value(text), nil
		case "doubleValue":
			if k := inner.Kind(); k != jsontext.KindNumber && k != jsontext.KindString {
				return nil, wrong("a number")
			}
			return inner, nil
		case "arrayValue":
			return anyList(inner, depth)
		case "kvlistValue":
			return anyMap(inner, depth)
		default:
			return nil, fmt.Errorf("typed value %q is not known", name)
		}
	}
	return nil, errors.New("has no value")
}

func anyList(v jsontext.Value, depth int) (jsontext.Value, error) {
	o, err := parseObject(v)
	if err != nil {
		return nil, err
	}
	list, err := o.list("values")
	if err != nil {
		return nil, err
	}
	out := []byte{'['}
	for i, v := range list {
		if i > 0 {
			out = append(out, ',')
		}
		inner, err := anyValue(v, depth+1)
		if err != nil {
			return nil, err
		}
		if inner == nil {
			inner = jsontext.Value("null")
		}
		out = append(out, inner...)
	}
	return append(out, ']'), nil
}

func anyMap(v jsontext.Value, depth int) (jsontext.Value, error) {
	o, err := parseObject(v)
	if err != nil {
		return nil, err
	}
	list, err := o.list("values")
	if err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for i, v := range list {
		if i > 0 {
			out = append(out, ',')
		}
		pair, err := parseObject(v)
		if err != nil {
			return nil, err
		}
		key, err := pair.text("key")
		if err != nil {
			return nil, err
		}
		if out, err = jsontext.AppendQuote(out, key); err != nil {
			return nil, err
		}
		out = append(out, ':')
		inner := jsontext.Value("null")
		if pair.has("value") {
			typed, err := anyValue(pair["value"], depth+1)
			if err != nil {
				return nil, err
			}
			if typed != nil {
				inner = typed
			}
		}
		out = append(out, inner...)
	}
	out = append(out, '}')
	// Two equal keys in the list are a doubled name here.
	if _, err := parseObject(out); err != nil {
		return nil, err
	}
	return out, nil
}
