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
	var c []Change
	merge("", old.tree(), t.tree(), func(change Change) bool {
		c = append(c, change)
		return false
	})
	return c
}

// Merge returns the canonical JSON of old with those of the [Changes] to t that
// pick takes. Whether these are terms is for [Parse] to say.
func Merge(old, t *Terms, pick func(Change) bool) []byte {
	return appendTree(nil, merge("", old.tree(), t.tree(), pick))
}

// canonicalText is "" for what is absent: terms have no null.
func canonicalText(v any) string {
	if v == nil {
		return ""
	}
	return string(appendTree(nil, v))
}

// merge is before with the changes to after that pick takes; pick is asked
// about each. What is absent is nil.
func merge(path string, before, after any, pick func(Change) bool) any {
	switch before := before.(type) {
	case members:
		if after, ok := after.(members); ok {
			return mergeFields(path, before, after, pick)
		}
	case []any:
		if after, ok := after.([]any); ok {
			return mergeLists(path, before, after, pick)
		}
	}
	if old, next := canonicalText(before), canonicalText(after); old != next && pick(Change{path, old, next}) {
		return after
	}
	return before
}

func mergeFields(path string, before, after members, pick func(Change) bool) members {
	names := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(names)
	merged := members{}
	for _, name := range slices.Compact(names) {
		if v := merge(join(path, name), before[name], after[name], pick); v != nil {
			merged[name] = v
		}
	}
	return merged
}

func mergeLists(path string, before, after []any, pick func(Change) bool) []any {
	merged := []any{}
	add := func(v any) {
		if v != nil {
			merged = append(merged, v)
		}
	}
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
			add(merge(element(path, i), old, next, pick))
		}
		return merged
	}
	elements := map[string]any{}
	var stayed []any // in the order of after
	for i, name := range names {
		var old any
		if j := slices.Index(oldNames, name); j >= 0 {
			stayed = append(stayed, name)
			old = before[j]
		}
		elements[name] = merge(element(path, i), old, after[i], pick)
	}
	var were []any // the same in the order of before
	for j, name := range oldNames {
		if slices.Contains(names, name) {
			were = append(were, name)
		} else {
			elements[name] = merge(element(path, j), before[j], nil, pick)
		}
	}
	order, rest := oldNames, names
	if !slices.Equal(were, stayed) && pick(Change{path, canonicalText(were), canonicalText(stayed)}) {
		order, rest = names, oldNames
	}
	for _, name := range between(order, rest) {
		add(elements[name])
	}
	return merged
}

// between is order with those of rest that it has not, each behind the one that
// it stands behind in rest.
func between(order, rest []string) []string {
	order = slices.Clone(order)
	for i, name := range rest {
		if slices.Contains(order, name) {
			continue
		}
		at := 0
		if i > 0 {
			at = slices.Index(order, rest[i-1]) + 1
		}
		order = slices.Insert(order, at, name)
	}
	return order
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
