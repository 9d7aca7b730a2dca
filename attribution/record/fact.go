package record

import "sort"

// A Fact is a named value: a truth value, or text (a decimal, a time or an
// id is text whose form the terms' type decides).
type Fact struct {
	Name  string
	Value Value
}

// Facts is sorted by name, without doubles.
type Facts []Fact

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

// Get returns the value of the fact of that name.
func (f Facts) Get(name string) (Value, bool) {
	i := sort.Search(len(f), func(i int) bool { return f[i].Name >= name })
	if i < len(f) && f[i].Name == name {
		return f[i].Value, true
	}
	return Value{}, false
}
