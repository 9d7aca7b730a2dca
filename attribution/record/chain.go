package record

import (
	"slices"
	"strings"
)

// A Reference is the id of another record in a body, with the path of the
// field that holds it, such as "claims.support.ref".
type Reference struct{ Field, ID string }

// References returns the ids r's body refers to, in field order, with the
// field's name. An id that stands in two fields is returned twice.
func References(r *Record) []Reference {
	c := &codec{mode: collect, walk: &walk{}}
	c.bodyFields(r.Body)
	return c.refs
}

// Names of chains.
const (
	ChainStanding = "standing"
	prefixCase    = "case/"
	prefixConfig  = "config/"
	prefixGrant   = "grant/"
	prefixInput   = "input/"
	prefixKey     = "key/"
	prefixMeasure = "measure/"
)

// ChainOfCase, ChainOfConfig, ChainOfGrant, ChainOfInput and ChainOfMetric
// name the chain of one of them.
func ChainOfCase(id string) string       { return prefixCase + id }
func ChainOfConfig(id string) string     { return prefixConfig + id }
func ChainOfGrant(id string) string      { return prefixGrant + id }
func ChainOfInput(id string) string      { return prefixInput + id }
func ChainOfMetric(metric string) string { return prefixMeasure + metric }

// ChainOfKey names the chain of the effects, executed actions that are no reads,
// with an idempotency key.
// The key itself is in no name: it may be any text.
func ChainOfKey(key string) string {
	return prefixKey + strings.TrimPrefix(string(Sum([]byte(key))), "sha256:")
}

// SplitChain returns what a chain is of: case, config, grant, input, key or
// measure and the id behind it; standing has no id.
func SplitChain(chain string) (of, id string) {
	of, id, _ = strings.Cut(chain, "/")
	return of, id
}

// IsChain reports whether s is the name of a chain.
func IsChain(s string) bool { return s != "" && chainLength(s) == len(s) }

// Chains returns the names of the chains r belongs to, sorted. It is a
// function of the record alone: case/ID when it names a case, else standing
// (measurements have no standing chain); measure/METRIC for a measurement;
// grant/ID for an action under a grant; key/HEX for an executed one that is no read, with an
// idempotency key; config/ID and input/ID for a decision
// that names a config, and inputs or measurements.
func Chains(r *Record) []string {
	var names []string
	measurement, isMeasurement := r.Body.(*Measurement)
	switch {
	case r.Case != "":
		names = append(names, prefixCase+r.Case)
	case !isMeasurement:
		names = append(names, ChainStanding)
	}
	if isMeasurement {
		names = append(names, prefixMeasure+measurement.Metric)
	}
	switch b := r.Body.(type) {
	case *Action:
		if b.Grant != "" {
			names = append(names, prefixGrant+b.Grant)
		}
		if b.Key != "" && b.IsEffect() {
			names = append(names, ChainOfKey(b.Key))
		}
	case *Decision:
		if b.Config != "" {
			names = append(names, prefixConfig+b.Config)
		}
		for _, id := range b.Sources() {
			names = append(names, prefixInput+id)
		}
	}
	slices.Sort(names)
	return names
}

// Sources returns the ids of the inputs and measurements that a decision names
// in inputs, depends_on, checks and claims, sorted and each once.
func (b *Decision) Sources() []string {
	ids := slices.Clone(b.Inputs)
	for _, d := range b.DependsOn {
		ids = append(ids, d.Ref)
	}
	for _, k := range b.Checks {
		for _, o := range []Operand{k.Left, k.Right} {
			if o.Ref != "" {
				ids = append(ids, o.Ref)
			}
		}
	}
	for _, c := range b.Claims {
		for _, s := range c.Support {
			ids = append(ids, s.Ref)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// SameCase reports whether the reference in a field of a record of the kind
// stays in the case of the record it names: then both name that case, or both
// name none. So whoever has the chain of a case, or the standing one, has all
// that was done about its decisions and inputs. Any other reference may lead
// from a case to a standing record.
func SameCase(k Kind, field string) bool {
	switch k {
	case KindAction:
		return field == "decision" || field == "review" || field == "reverses"
	case KindHandoff:
		return field == "decision"
	case KindInput:
		return field == "corrects"
	case KindReview, KindDemand, KindErase:
		return field == "of"
	case KindDisclose:
		return field == "demand"
	}
	return false
}

// maxLogBytes is the most that the log of r takes in its line: all that is in
// it, and each number as long as it can be.
func maxLogBytes(r *Record) int {
	n := len(`,"log":{"chains":{},"n":9007199254740991,"time":"2026-03-01T08:00:00.000Z"}`) - 1 // no comma behind the last chain
	for _, name := range Chains(r) {
		n += len(name) + len(`"":[9007199254740991,9007199254740991],`)
	}
	return n
}

// chainLength knows the names of chains.
func chainLength(s string) int {
	if strings.HasPrefix(s, ChainStanding) {
		return len(ChainStanding)
	}
	for _, prefix := range []string{prefixCase, prefixConfig, prefixGrant, prefixInput, prefixKey, prefixMeasure} {
		if strings.HasPrefix(s, prefix) {
			n := idLength(s[len(prefix):])
			if n < 0 {
				return -1
			}
			return len(prefix) + n
		}
	}
	return -1
}

// value is [ordinal, prev].
func (k *Link) value(c *codec) bool {
	if c.mode == encode {
		c.buf = append(c.buf, '[')
		if !c.intValue(&k.Ordinal, 0) {
			return false
		}
		c.buf = append(c.buf, ',')
		if !c.intValue(&k.Prev, -1) {
			return false
		}
		c.buf = append(c.buf, ']')
	} else {
		if c.i >= len(c.s) || c.s[c.i] != '[' {
			c.fail("", "got %s, want [ordinal,previous n]", c.got())
			return false
		}
		c.i++
		if !c.intValue(&k.Ordinal, 0) {
			return false
		}
		if c.i >= len(c.s) || c.s[c.i] != ',' {
			c.fail("", "want [ordinal,previous n]")
			return false
		}
		c.i++
		if !c.intValue(&k.Prev, -1) {
			return false
		}
		if c.i >= len(c.s) || c.s[c.i] != ']' {
			c.fail("", "want [ordinal,previous n]")
			return false
		}
		c.i++
	}
	if (k.Ordinal == 0) != (k.Prev == -1) {
		c.fail("", "got ordinal %d and previous record %d, want -1 at ordinal 0 and only there", k.Ordinal, k.Prev)
		return false
	}
	return true
}
