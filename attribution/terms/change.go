package terms

import (
	"maps"
	"slices"
)

// A Change is one place at which two terms differ. Before and After are
// canonical JSON; one of them is "" where nothing stands there.
type Change struct{ Path, Before, After string }

// Changes lists where the canonical JSON of t differs from that of old: all
// of it, in the order of the fields' names.
//
// The lines are compared by their names, and keys, claims, evidence and the
// calendar's offsets by what they are, so that one more does not look like
// other ones behind it. Paths have the index in t, of what t no longer has
// that in old.
func Changes(old, t *Terms) []Change {
	var c changes
	c.compare("", old.tree(), t.tree())
	return c
}

type changes []Change

func (c *changes) add(path string, before, after any) {
	*c = append(*c, Change{path, canonicalText(before), canonicalText(after)})
}

// canonicalText is "" for what is absent: terms have no null.
func canonicalText(v any) string {
	if v == nil {
		return ""
	}
	return string(appendTree(nil, v))
}

func (c *changes) compare(path string, before, after any) {
	switch before := before.(type) {
	case members:
		if after, ok := after.(members); ok {
			c.compareFields(path, before, after)
			return
		}
	case []any:
		if after, ok := after.([]any); ok {
			c.compareLists(path, before, after)
			return
		}
	}
	if canonicalText(before) != canonicalText(after) {
		c.add(path, before, after)
	}
}

func (c *changes) compareFields(path string, before, after members) {
	names := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		c.compare(join(path, name), before[name], after[name])
	}
}

func (c *changes) compareLists(path string, before, after []any) {
	oldNames, names := elementNames(before), elementNames(after)
	if oldNames == nil || names == nil {
		for i := range max(len(before), len(after)) {
			var old, next any
			if i < len(before) {
				old = before[i]
			}
			if i < len(after) {
				next = after[i]
			}
			c.compare(element(path, i), old, next)
		}
		return
	}
	var stayed []any // in the order of after
	for i, name := range names {
		if j := slices.Index(oldNames, name); j >= 0 {
			stayed = append(stayed, name)
			c.compare(element(path, i), before[j], after[i])
		} else {
			c.add(element(path, i), nil, after[i])
		}
	}
	var were []any // the same in the order of before
	for j, name := range oldNames {
		if slices.Contains(names, name) {
			were = append(were, name)
		} else {
			c.add(element(path, j), before[j], nil)
		}
	}
	if !slices.Equal(were, stayed) {
		c.add(path, were, stayed)
	}
}

// elementNames are what tells the elements of a list apart wherever they
// stand. It is nil for tiers and adjustments, whose place says what they are,
// and where a name stands twice.
func elementNames(list []any) []string {
	names := make([]string, 0, len(list))
	for _, e := range list {
		name, ok := e.(string)
		if m, isObject := e.(members); isObject {
			for _, field := range []string{"name", "from", "id", "human"} {
				if name, ok = m[field].(string); ok {
					break
				}
			}
		}
		if !ok || slices.Contains(names, name) {
			return nil
		}
		names = append(names, name)
	}
	return names
}
