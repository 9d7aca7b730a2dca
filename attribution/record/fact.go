package record

import (
	"slices"
	"strings"
)

// A Fact is a named value: a truth value, or text (a decimal, a time or an
// id is text whose form the terms' type decides).
type Fact struct {
	Name  string
	Value Value
}

// Facts is sorted by name, without doubles, which Marshal sees to.
type Facts []Fact

// NewFacts returns facts in their order. One that stands twice stays so, for
// Marshal to refuse.
func NewFacts(facts ...Fact) Facts {
	sorted := slices.Clone(facts)
	slices.SortStableFunc(sorted, compareFacts)
	return sorted
}

func compareFacts(a, b Fact) int { return strings.Compare(a.Name, b.Name) }

// A Value is a bool or a text.
type Value struct {
	IsBool bool
	Bool   bool
	Text   string
}

// Bool makes a fact that is a truth value.
func Bool(name string, v bool) Fact {
	return Fact{name, Value{IsBool: true, Bool: v}}
}

// Text makes a fact that is text: a decimal, a time, an id or words.
func Text(name, v string) Fact {
	return Fact{name, Value{Text: v}}
}

// fewFacts are found sooner one after the other than by halves.
const fewFacts = 12

// Get returns the value of the fact of that name.
func (f Facts) Get(name string) (Value, bool) {
	if len(f) > fewFacts {
		i, ok := slices.BinarySearchFunc(f, name, func(f Fact, name string) int { return strings.Compare(f.Name, name) })
		if !ok {
			return Value{}, false
		}
		return f[i].Value, true
	}
	for i := range f {
		if f[i].Name == name {
			return f[i].Value, true
		}
	}
	return Value{}, false
}
