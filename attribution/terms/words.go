package terms

import (
	"encoding/json"
	"sort"
	"strconv"
	"strings"
)

// Words says the change in words for people who sign: what it is of, and how
// it changes, as in "line tickets: the price of one falls from 0.99 to 0.89".
// old and t are what [Changes] compared.
func (c Change) Words(old, t *Terms) string {
	of := subject(c, old, t)
	return of.name + c.verb(of)
}

// A subjectOf is what a path is in words.
type subjectOf struct {
	name    string
	many    bool // the verb is that of many
	word    bool // it is an element of a list of words or ids
	order   bool // it is a list whose elements have moved
	strange bool // a step has no words of its own
}

// subject walks down the path: what stands at each step has words of its own.
func subject(c Change, old, t *Terms) subjectOf {
	steps := pathSteps(c.Path)
	// An element that t has no more is at its index in old.
	in := t
	if c.After == "" && strings.HasSuffix(c.Path, "]") {
		in = old
	}
	var of, part []string // whose, and what of it
	whole := ""
	s := subjectOf{}
	for i, step := range steps {
		if step.index >= 0 {
			whole += "[]"
		} else if byName(whole) {
			whole += ".*"
		} else {
			whole = join(whole, step.name)
		}
		switch whole {
		case "lines[]":
			// Inside of a line that stays, all indexes are those of t.
			if i < len(steps)-1 && steps[len(steps)-1].index >= 0 {
				in = t
			}
			of = append(of, "line "+in.lineName(step.index))
		case "lines[].tiers[]":
			if line := steps[i-2].index; old.tiersOf(in.lineName(line)) > 1 || t.tiersOf(in.lineName(line)) > 1 {
				of = append(of, "tier "+strconv.Itoa(step.index+1))
			}
		case "adjust[]":
			of = append(of, "the statement", "adjustment "+strconv.Itoa(step.index+1))
		case "lines[].adjust[]":
			of = append(of, "adjustment "+strconv.Itoa(step.index+1))
		case "settle.prepaid[]":
			of = append(of, "prepaid amount "+in.prepaidName(step.index))
		case "lines[].adjust[].factor.steps[]", "adjust[].factor.steps[]":
			of = append(of, "step "+strconv.Itoa(step.index+1))
		case "responsibility.approvers[]", "responsibility.duties[]":
			// As with lines.
			if i < len(steps)-1 && steps[len(steps)-1].index >= 0 {
				in = t
			}
			of = append(of, in.Responsibility.nameAt(whole, step.index))
		case "responsibility.weights.*":
			of = append(of, "weight of "+step.name)
		case "parties.*":
			of = append(of, "party "+step.name)
		case "results.*":
			of = append(of, "result "+step.name)
		case "metrics.*":
			of = append(of, "metric "+step.name)
		case "measures.*":
			of = append(of, "measure "+step.name)
		case "constants.*":
			of = append(of, "constant "+step.name)
		case "formulas.*":
			of = append(of, "formula "+step.name)
		case "results.*.facts.*", "metrics.*.facts.*":
			of = append(of, "fact "+step.name)
		case "measures.*.credit.shares.*":
			of = append(of, "group "+step.name)
		case "measures.*.credit.coalitions.*":
			of = append(of, "coalition "+step.name)
		default:
			if words, ok := wordsOf(whole); ok {
				part = []string{words}
			} else {
				part = append(part, strings.ReplaceAll(step.name, "_", " "))
				s.strange = true
			}
			continue
		}
		part = nil
	}
	last := steps[len(steps)-1]
	s.name = strings.Join(of, ", ")
	if len(part) > 0 {
		if s.name != "" {
			s.name += ": "
		}
		s.name += strings.Join(part, ", ")
		s.many = isMany(part[0])
	}
	s.word = last.index >= 0 && len(part) > 0
	s.order = whole == "lines" || whole == "settle.prepaid" || whole == "responsibility.approvers" || whole == "responsibility.duties"
	return s
}

// isMany reports whether words are of many: "the keys", "those who may claim it".
func isMany(words string) bool {
	rest, _ := strings.CutPrefix(words, "the ")
	noun, _, _ := strings.Cut(rest, " ")
	return noun == "those" || strings.HasSuffix(noun, "s")
}

// byName reports whether the fields of the object at a path have names of
// people's choice.
func byName(path string) bool {
	switch path {
	case "parties", "results", "metrics", "measures", "constants", "formulas", "results.*.facts", "metrics.*.facts",
		"measures.*.credit.shares", "measures.*.credit.coalitions", "responsibility.weights":
		return true
	}
	return false
}

func (t *Terms) lineName(i int) string {
	if i < len(t.Lines) {
		return t.Lines[i].Name
	}
	return strconv.Itoa(i + 1)
}

func (t *Terms) tiersOf(line string) int {
	for i := range t.Lines {
		if t.Lines[i].Name == line {
			return len(t.Lines[i].Tiers)
		}
	}
	return 0
}

func (t *Terms) prepaidName(i int) string {
	if i < len(t.Settle.Prepaid) {
		return t.Settle.Prepaid[i].Name
	}
	return strconv.Itoa(i + 1)
}

// A pathStep is a field or an index.
type pathStep struct {
	name  string
	index int // -1 of a field
}

// pathSteps takes a path apart. Names that people chose may have points of
// their own: those of parties, metrics and groups.
func pathSteps(path string) (steps []pathStep) {
	whole := ""
	for path != "" {
		if i := strings.IndexByte(path, ']'); path[0] == '[' && i > 0 {
			n, _ := strconv.Atoi(path[1:i])
			steps = append(steps, pathStep{index: n})
			whole += "[]"
			path = strings.TrimPrefix(path[i+1:], ".")
			continue
		}
		end := strings.IndexAny(path, ".[")
		if byName(whole) {
			end = nameEnd(whole, path)
		}
		if end < 0 {
			end = len(path)
		}
		steps = append(steps, pathStep{path[:end], -1})
		if byName(whole) {
			whole += ".*"
		} else {
			whole = join(whole, path[:end])
		}
		path = strings.TrimPrefix(path[end:], ".")
	}
	return steps
}

// nameEnd is where the name at the front of path ends, -1 at its end. An id
// may have points, so the field that must follow is looked for from behind.
func nameEnd(whole, path string) int {
	var fields []string
	switch whole {
	case "parties":
		fields = []string{".role", ".name", ".keys"}
	case "metrics":
		fields = []string{".by", ".facts.", ".facts", ".final_after"}
	case "measures.*.credit.shares", "measures.*.credit.coalitions":
		return -1
	default:
		return strings.IndexAny(path, ".[")
	}
	for _, f := range fields {
		i := strings.LastIndex(path, f)
		if i <= 0 {
			continue
		}
		if rest := path[i+len(f):]; rest == "" || rest[0] == '[' || strings.HasSuffix(f, ".") {
			return i
		}
	}
	return -1
}

// verb says how the subject changes.
func (c Change) verb(of subjectOf) string {
	before, after := plain(c.Before), plain(c.After)
	is, it, ending := " is", "it was", "s"
	if of.many {
		is, it, ending = " are", "they were", ""
	}
	switch {
	case of.order:
		return " stand in another order, " + after + " instead of " + before
	case c.Before == "" && of.word:
		return ": added " + after
	case c.After == "" && of.word:
		return ": removed " + before
	case c.Before == "":
		return is + " new: " + after
	case c.After == "":
		return is + " dropped, " + it + " " + before
	}
	span := " from " + before + " to " + after
	switch compareTexts(before, after) {
	case -1:
		return " rise" + ending + span
	case 1:
		return " fall" + ending + span
	case 0:
		return is + " written " + after + ", the same as " + before
	}
	return " change" + ending + span
}

// compareTexts is -1, 0 or 1 as b is above, equal to or below a where both are
// decimals or durations, and else 2.
func compareTexts(a, b string) int {
	if x, ok := parseNumber(a, false); ok {
		if y, ok := parseNumber(b, false); ok {
			return x.cmp(y)
		}
		return 2
	}
	x, errX := ParseDuration(a)
	y, errY := ParseDuration(b)
	if errX != nil || errY != nil {
		return 2
	}
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// plain writes canonical JSON without its quotes and brackets.
func plain(text string) string {
	if text == "" {
		return ""
	}
	in := json.NewDecoder(strings.NewReader(text))
	in.UseNumber()
	var v any
	if in.Decode(&v) != nil {
		return text
	}
	return plainValue(v)
}

func plainValue(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return `""`
		}
		return v
	case json.Number:
		return v.String()
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = plainValue(v[i])
			if _, inner := v[i].(map[string]any); inner {
				words[i] = "(" + words[i] + ")"
			}
		}
		if len(words) == 0 {
			return "none"
		}
		return list(words)
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		words := make([]string, len(names))
		for i, name := range names {
			inner := plainValue(v[name])
			if _, nested := v[name].(map[string]any); nested {
				inner = "(" + inner + ")"
			}
			words[i] = strings.ReplaceAll(name, "_", " ") + " " + inner
		}
		if len(words) == 0 {
			return "none"
		}
		return strings.Join(words, ", ")
	}
	return describe(v)
}
