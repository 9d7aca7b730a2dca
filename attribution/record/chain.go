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
	prefixGrant   = "grant/"
	prefixMeasure = "measure/"
)

// Chains returns the names of the chains r belongs to, sorted. It is a
// function of the record alone: case/ID when it names a case, else standing
// (measurements have no standing chain); measure/METRIC for a measurement;
// grant/ID for an action under a grant.
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
	if action, ok := r.Body.(*Action); ok && action.Grant != "" {
		names = append(names, prefixGrant+action.Grant)
	}
	slices.Sort(names)
	return names
}

// chainLength knows the names of chains.
func chainLength(s string) int {
	if strings.HasPrefix(s, ChainStanding) {
		return len(ChainStanding)
	}
	for _, prefix := range []string{prefixCase, prefixGrant, prefixMeasure} {
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
