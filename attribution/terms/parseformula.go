package terms

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// numbers reads the optional objects constants and formulas. Their names and
// those of the measures are one namespace.
func (d *document) numbers(t *Terms, o *object) {
	o.namedIfThere("constants", maxConstants, func(path, name string, v any) {
		d.checkWord(path, name)
		if t.Measure(name) != nil {
			d.fail(path, "%s is the name of a measure already", name)
		}
		t.Constants = append(t.Constants, Constant{name, d.signedOf(path, v)})
	})
	c := &formulas{d: d, t: t, texts: map[string]string{}, done: map[string]*compiled{}}
	var names []string
	o.namedIfThere("formulas", maxFormulas, func(path, name string, v any) {
		d.checkWord(path, name)
		if t.Measure(name) != nil {
			d.fail(path, "%s is the name of a measure already", name)
		}
		if t.Constant(name) != nil {
			d.fail(path, "%s is the name of a constant already", name)
		}
		names = append(names, name)
		if s, ok := d.exprText(path, v, "a formula over measures, constants and formulas"); ok {
			c.texts[name] = s
		} else {
			c.done[name] = &compiled{}
		}
	})
	for _, name := range names {
		c.formula(name)
	}
	for _, name := range names {
		f := c.done[name]
		for _, reason := range f.mistakes {
			d.fail("formulas."+name, "%s", reason)
		}
		if len(f.mistakes) == 0 && f.root != nil {
			t.Formulas = append(t.Formulas, Formula{name, &Expr{c.texts[name], f.root}, f.reads()})
		} else {
			t.Formulas = append(t.Formulas, Formula{Name: name})
		}
	}
	for i := range t.Formulas {
		if f := &t.Formulas[i]; f.Is != nil {
			d.checkOver(t, "formulas."+f.Name, t.Reads(f.Name))
		}
	}
}

// size bounds the digits of a measure, as many records as a ledger can hold
// being in it.
func (m *Measure) size() size {
	const counted = len("9007199254740991")
	switch {
	case m.Op == "mean", m.Missing != nil && m.Missing.Then == "other": // which can be a mean
		// The sum of decimals by how many they are.
		return size{before: record.MaxDigits + 2*record.MaxDecimals + 2*counted, quotient: true}
	case m.Op == "sum" && m.Credit != nil:
		return size{before: record.MaxDigits + counted, behind: record.MaxDecimals + maxShareDecimals}
	case m.Op == "sum":
		return size{before: record.MaxDigits + counted, behind: record.MaxDecimals}
	case m.Missing != nil, m.Op != "count" && m.Op != "distinct":
		return size{before: record.MaxDigits, behind: record.MaxDecimals}
	}
	return size{before: counted, behind: maxShareDecimals}
}

// sizeOfDecimal counts the digits of a decimal.
func sizeOfDecimal(text string) size {
	before, behind, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return size{before: len(before), behind: len(behind)}
}

// formulas compiles each formula after those that it reads.
type formulas struct {
	d     *document
	t     *Terms
	texts map[string]string
	done  map[string]*compiled
	open  []string // being compiled, each read by the one before it
}

// A compiled formula has a root, or mistakes, or where what it reads has some,
// neither.
type compiled struct {
	root     *node
	work     int
	depth    int
	measures map[string]bool // that it reads, also by way of others
	mistakes []string
}

// reads returns the measures, sorted.
func (f *compiled) reads() []string {
	return slices.Sorted(maps.Keys(f.measures))
}

// formula compiles the formula of a name and returns it; it is nil in a cycle.
func (c *formulas) formula(name string) *compiled {
	if f := c.done[name]; f != nil {
		return f
	}
	f := &compiled{depth: 1, measures: map[string]bool{}}
	if i := slices.Index(c.open, name); i >= 0 {
		return nil
	}
	c.open = append(c.open, name)
	p := &parser{text: c.texts[name]}
	p.numbers = func(word string) (named, bool) {
		if m := c.t.Measure(word); m != nil {
			f.measures[word] = true
			return named{kind: kindDecimal, size: m.size()}, true
		}
		if k := c.t.Constant(word); k != nil {
			if k.Value == "" {
				return named{}, true
			}
			return named{kind: kindDecimal, size: sizeOfDecimal(string(k.Value)), fixed: true, number: numberIn(k.Value)}, true
		}
		if _, ok := c.texts[word]; !ok {
			_, known := c.done[word]
			return named{}, known
		}
		inner := c.formula(word)
		if inner == nil {
			i := slices.Index(c.open, word)
			f.mistakes = append(f.mistakes, "reads itself: "+strings.Join(append(slices.Clone(c.open[i:]), word), " -> "))
			return named{}, true
		}
		if inner.root == nil {
			return named{}, true
		}
		f.depth = max(f.depth, inner.depth+1)
		maps.Copy(f.measures, inner.measures)
		return named{kind: kindDecimal, size: inner.root.size, work: inner.work}, true
	}
	root := p.compile(kindDecimal)
	c.open = c.open[:len(c.open)-1]
	for _, err := range p.mistakes() {
		f.mistakes = append(f.mistakes, err.Error())
	}
	if f.depth > MaxFormulaDepth {
		f.mistakes = append(f.mistakes, fmt.Sprintf("has more than %d formulas inside each other", MaxFormulaDepth))
	}
	if len(f.mistakes) == 0 && root.kind == kindDecimal {
		f.root, f.work = root, p.digits
	}
	c.done[name] = f
	return f
}

// checkOver checks that measures are all over the period or all over the term.
func (d *document) checkOver(t *Terms, path string, measures []string) {
	first := map[string]string{}
	for _, name := range measures {
		if m := t.Measure(name); m != nil && m.Over != "" && first[m.Over] == "" {
			first[m.Over] = name
		}
	}
	if len(first) > 1 {
		d.fail(path, "mixes measures over the period and over the term: %s and %s", first["period"], first["term"])
	}
}

// Reads returns the measures on which a measure, a formula or a constant
// rests, sorted: itself of a measure, none of a constant.
func (t *Terms) Reads(name string) []string {
	if t.Measure(name) != nil {
		return []string{name}
	}
	if f := t.Formula(name); f != nil {
		return slices.Clone(f.reads)
	}
	return nil
}

// OverOf tells over what a measure or a formula is: period, term, or "" where
// it reads no measure.
func (t *Terms) OverOf(name string) string {
	if f := t.Formula(name); f != nil && len(f.reads) > 0 {
		name = f.reads[0]
	}
	if m := t.Measure(name); m != nil {
		return m.Over
	}
	return ""
}
