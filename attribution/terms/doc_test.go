package terms

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

func readDocument(t *testing.T) string {
	text, err := os.ReadFile("../../docs/terms.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// blocks returns the fenced blocks of a language.
func blocks(text, language string) []string {
	var list []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	return list
}

// Each agreement of the document is one, and the warnings below it are all.
func TestDocumentExamples(t *testing.T) {
	text := readDocument(t)
	agreements, warnings := blocks(text, "yaml"), blocks(text, "warnings")
	if len(agreements) != 5 || len(warnings) != len(agreements) {
		t.Fatalf("%d agreements and %d lists of warnings, want 5 of each", len(agreements), len(warnings))
	}
	root := readSchema(t)
	for i, agreement := range agreements {
		b, err := yaml.YAMLToJSON([]byte(agreement))
		if err != nil {
			t.Fatal(err)
		}
		canonical, mistakes := Draft(b, func(zone string, from, until record.Time) ([]Offset, error) {
			return zoneOffsets(t, zone, from, until), nil
		})
		got := strings.ReplaceAll(mistakeList(mistakes), "warning: ", "")
		if diff := cmp.Diff(warnings[i], got); diff != "" {
			t.Errorf("example %d (-document +got):\n%s", i, diff)
		}
		if canonical == nil {
			continue
		}
		checkInverse(t, canonical)
		var tree map[string]any
		if err := json.Unmarshal(b, &tree); err != nil {
			t.Fatal(err)
		}
		if err := conforms(root, root, any(tree), ""); err != nil {
			t.Errorf("example %d: the schema refuses it: %v", i, err)
		}
	}
}

// rows returns the rows of the table below a header.
func rows(t *testing.T, text, header string) [][]string {
	_, table, ok := strings.Cut(text, header+"\n")
	if !ok {
		t.Fatalf("no table %s", header)
	}
	var list [][]string
	for _, line := range strings.Split(table, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		line = strings.ReplaceAll(line, `\|`, "\x00")
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
		}
		list = append(list, cells)
	}
	if len(list) == 0 {
		t.Fatalf("table %s is empty", header)
	}
	return list
}

func TestDocumentConditions(t *testing.T) {
	types := []FactType{
		{Name: "closed", Type: "time"}, {Name: "count", Type: "decimal"}, {Name: "opened", Type: "time"},
		{Name: "topic", Type: "text"}, {Name: "transferred", Type: "bool"}, {Name: "value", Type: "decimal"},
	}
	for _, row := range rows(t, readDocument(t), "| condition | facts | value |") {
		e, err := Compile(strings.Trim(row[0], "`"), types, "bool")
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		given := map[string]string{}
		if row[1] != "none" {
			for _, f := range strings.Split(row[1], ", ") {
				name, value, _ := strings.Cut(f, " ")
				given[strings.Trim(name, "`")] = value
			}
		}
		var facts record.Facts
		for _, f := range types {
			switch v, ok := given[f.Name]; {
			case !ok:
				continue
			case f.Type == "bool":
				facts = append(facts, record.Bool(f.Name, v == "true"))
			default:
				facts = append(facts, record.Text(f.Name, v))
			}
			delete(given, f.Name)
		}
		want := map[string]int{"true": 1, "false": 0, "undefined": -1}
		if got := truthOn(t, e, facts); len(given) > 0 || fmt.Sprint(got) != fmt.Sprint(want[row[2]]) {
			t.Errorf("%s over %s is %d, want %s", row[0], row[1], got, row[2])
		}
	}
}

func TestDocumentFormulas(t *testing.T) {
	for _, row := range rows(t, readDocument(t), "| formula | names | value |") {
		numbers := map[string]exact.Rat{}
		var names []string
		for _, f := range strings.Split(row[1], ", ") {
			name, value, _ := strings.Cut(f, " ")
			name = strings.Trim(name, "`")
			x, err := exact.Parse(value)
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			names, numbers[name] = append(names, name), x
		}
		e, mistakes := formulaOf(strings.Trim(row[0], "`"), names...)
		if len(mistakes) > 0 {
			t.Errorf("%s: %v", row[0], mistakes)
			continue
		}
		x, ok := e.Value(func(name string) (exact.Rat, bool) { return numbers[name], true })
		got := "undefined"
		if ok {
			got = x.String()
			if want, err := exact.Parse(row[2]); err == nil && want.String() == got {
				got = row[2]
			}
		}
		if got != row[2] {
			t.Errorf("%s over %s is %s, want %s", row[0], row[1], got, row[2])
		}
	}
}

// The functions and the words of the document are those that there are.
func TestDocumentFunctions(t *testing.T) {
	text := readDocument(t)
	said := map[string]int{}
	for _, row := range rows(t, text, "| function | value |") {
		for _, call := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(row[0], -1) {
			name, arguments, _ := strings.Cut(strings.TrimSuffix(call[1], ")"), "(")
			said[name] = strings.Count(arguments, ",") + 1
			if strings.HasSuffix(arguments, "...") {
				said[name] = 0
			}
		}
	}
	for _, f := range functions {
		if n, ok := said[f.name]; !ok || n != f.arguments {
			t.Errorf("the document says that %s has %d arguments, want %d", f.name, n, f.arguments)
		}
		delete(said, f.name)
	}
	if len(said) > 0 {
		t.Errorf("there are no functions %v", said)
	}
}

// The digits of the document are those that the parser counts.
func TestDocumentDigits(t *testing.T) {
	text := readDocument(t)
	table := map[string]string{}
	for _, row := range rows(t, text, "| number | digits |") {
		table[row[0]] = row[1]
	}
	hold, other := &Missing{Then: "hold"}, &Missing{Then: "other"}
	for _, test := range []struct {
		row  string
		size size
	}{
		{"a fact; a min, max or last; a count or distinct of a metric", (&Measure{Op: "last"}).size()},
		{"a fact; a min, max or last; a count or distinct of a metric", (&Measure{Op: "count", Missing: hold}).size()},
		{"a count or distinct of results, actions or findings", (&Measure{Op: "distinct"}).size()},
		{"a sum", (&Measure{Op: "sum", Missing: hold}).size()},
		{"a mean, and a measure for which `other` may stand in", (&Measure{Op: "mean"}).size()},
		{"a mean, and a measure for which `other` may stand in", (&Measure{Op: "count", Missing: other}).size()},
		{"`power`", size{before: record.MaxDigits, behind: exact.InexactDecimals}},
	} {
		want := fmt.Sprintf("%d + %d", test.size.before, test.size.behind)
		if test.size.quotient {
			want = fmt.Sprintf("%d, a quotient", test.size.before)
		}
		if got := table[test.row]; !strings.HasPrefix(got, want) {
			t.Errorf("the document says %q of %s, want %s", got, test.row, want)
		}
	}
	if credited := (&Measure{Op: "sum", Credit: &Credit{}}).size(); !strings.HasSuffix(table["a sum"], fmt.Sprintf("with a credit %d + %d", credited.before, credited.behind)) {
		t.Errorf("a sum with a credit has %v", credited)
	}
	facts := []FactType{{Name: "a", Type: "decimal"}, {Name: "b", Type: "decimal"}}
	for expression, want := range map[string]size{
		"12.50": {before: 2, behind: 2}, "a + b": {before: 36, behind: 18}, "-a": {before: 35, behind: 18}, "max(a, b, 1)": {before: 37, behind: 18},
		"a * 1.5": {before: 37, behind: 19}, "did(a, b, 1, 2)": {before: 38, behind: 18}, "sqrt(a)": {before: 53, behind: 18}, "power(a, 2)": {before: 34, behind: 18},
		"a / b": {before: 106, quotient: true}, "a / b + a": {before: 160, quotient: true}, "ratio(a, b, 0)": {before: 108, quotient: true},
		"holdout_lower(a, 10, b, 10, 1.5)": {before: 4*(53+3+53+3+3) + 36, quotient: true},
	} {
		p := &parser{text: expression, facts: facts}
		if n := p.compile(kindDecimal); len(p.types) > 0 || n.size != want {
			t.Errorf("%s has %+v, want %+v", expression, n.size, want)
		}
	}
	flat := strings.Join(strings.Fields(text), " ")
	for _, want := range []string{
		fmt.Sprintf("more than %d,%03d digits could arise", MaxExprDigits/1000, MaxExprDigits%1000),
		fmt.Sprintf("more than %d,%03d digits together", MaxExprWork/1000, MaxExprWork%1000),
		fmt.Sprintf("a power counts for %d,%03d more", powerWork/1000, powerWork%1000),
		fmt.Sprintf("at most %d stand inside each other", MaxFormulaDepth),
		fmt.Sprintf("the first %d digits", 60),
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("the document does not say %q", want)
		}
	}
}

// The choices that the document names are all of them.
func TestDocumentChoices(t *testing.T) {
	table := map[string]string{}
	for _, line := range strings.Split(readDocument(t), "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 3 {
			table[strings.TrimSpace(cells[1])] += cells[2]
		}
	}
	for field, choices := range map[string][]string{
		"rounding.mode": roundings, "rounding.at": {"event", "tier", "line", "statement"}, "accept.on": {"claim", "client", "silence", "third"},
		"over": {"period", "term"}, "missing.then": {"last", "value", "other", "hold"}, "below_zero": {"zero", "negative", "hold"},
		"model": {"first", "last", "linear", "position", "decay", "fixed", "shapley"}, "unused": {"lost", "rolls"}, "partial": {"full", "prorated"},
		"corrections": {"after_minimum", "before_minimum"}, "prepaid.every": {"once", "period"}, "disputed": {"hold", "ignore"}, "findings.both": {"void", "keep", "open"}, "each.free.ends": {"together", "independent"},
	} {
		for _, choice := range choices {
			if !regexp.MustCompile(`\b` + choice + `\b`).MatchString(table[field]) {
				t.Errorf("the row of %s has no %s: %q", field, choice, table[field])
			}
		}
	}
	for _, count := range rows(t, readDocument(t), "| day_count | covered | whole |") {
		if !slices.Contains(dayCounts, count[0]) {
			t.Errorf("there is no day count %s", count[0])
		}
	}
	if documented := rows(t, readDocument(t), "| day_count | covered | whole |"); len(documented) != len(dayCounts) {
		t.Errorf("the document has %d day counts, want %d", len(documented), len(dayCounts))
	}
}

// What the grammar of the document derives, the parser reads.
func TestDocumentGrammar(t *testing.T) {
	rules := map[string][]string{}
	for _, block := range blocks(readDocument(t), "ebnf") {
		for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
			name, rule, _ := strings.Cut(line, "=")
			rules[strings.TrimSpace(name)] = regexp.MustCompile(`"[^"]*"|[A-Za-z]+|[][{}()|]`).FindAllString(rule, -1)
		}
	}
	if len(rules) != 9 {
		t.Fatalf("%d rules, want 9", len(rules))
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }

	// derive writes alternatives until the bracket that closes them.
	var derive func(out *[]string, tokens []string, depth int)
	group := func(tokens []string, open, close string) (inside, rest []string) {
		level := 0
		for i, tok := range tokens {
			switch tok {
			case open:
				level++
			case close:
				if level--; level == 0 {
					return tokens[1:i], tokens[i+1:]
				}
			}
		}
		t.Fatalf("no %s in %q", close, tokens)
		return nil, nil
	}
	derive = func(out *[]string, tokens []string, depth int) {
		// The alternatives of this level.
		alternatives := [][]string{nil}
		for rest := tokens; len(rest) > 0; {
			n := len(alternatives) - 1
			switch rest[0] {
			case "|":
				alternatives = append(alternatives, nil)
				rest = rest[1:]
				continue
			case "(", "[", "{":
				inside, after := group(rest, rest[0], map[string]string{"(": ")", "[": "]", "{": "}"}[rest[0]])
				alternatives[n] = append(alternatives[n], rest[:len(inside)+2]...)
				rest = after
				continue
			}
			alternatives[n] = append(alternatives[n], rest[0])
			rest = rest[1:]
		}
		choice := alternatives[random.IntN(len(alternatives))]
		if depth > 40 {
			// Leaves only: the simplest of them.
			choice = alternatives[0]
			if len(alternatives) == 2 {
				choice = alternatives[1] // unary = ... | value
			}
		}
		for len(choice) > 0 {
			tok := choice[0]
			switch {
			case tok == "(" || tok == "[" || tok == "{":
				inside, after := group(choice, tok, map[string]string{"(": ")", "[": "]", "{": "}"}[tok])
				times := 1
				if tok != "(" {
					if times = random.IntN(2); depth > 20 {
						times = 0
					}
				}
				for range times {
					derive(out, inside, depth+1)
				}
				choice = after
				continue
			case tok[0] == '"':
				*out = append(*out, strings.Trim(tok, `"`))
			case tok == "DECIMAL":
				*out = append(*out, pick("0", "30.00", "0.5", "100"))
			case tok == "DURATION":
				*out = append(*out, pick("0s", "72h", "15d", "90s"))
			case tok == "TEXT":
				*out = append(*out, pick(`""`, `"north west"`, `"&& ("`))
			case tok == "FUNCTION":
				*out = append(*out, functions[random.IntN(len(functions))].name)
			case tok == "NAME":
				*out = append(*out, pick("a", "value", "p", "opened", "s"))
			default:
				derive(out, rules[tok], depth+1)
			}
			choice = choice[1:]
		}
	}
	around := regexp.MustCompile(` *([-+*/()!<>=&|,]) *`)
	read := 0
	for range 2000 {
		var words []string
		derive(&words, rules["expression"], 0)
		text := strings.Join(words, " ")
		if len(text) > MaxExprBytes {
			continue
		}
		p := &parser{text: text, facts: exprFacts}
		p.next()
		p.binary(0)
		if p.form != nil && strings.Contains(p.form.Error(), "inside each other") {
			continue
		}
		if p.form != nil || p.tok != "" {
			t.Fatalf("%s: %v, stopped at %q", text, p.form, p.tok)
		}
		read++
		// No space is needed but between words.
		tight := around.ReplaceAllString(text, "$1")
		if strings.Contains(text, `"`) || strings.Contains(text, "! =") {
			continue
		}
		q := &parser{text: tight, facts: exprFacts}
		q.next()
		q.binary(0)
		if q.form != nil || q.tok != "" {
			t.Fatalf("%s: %v", tight, q.form)
		}
	}
	if read < 500 {
		t.Errorf("read %d conditions only", read)
	}
}

// The fields that the document names are those that there are.
func TestDocumentFields(t *testing.T) {
	text := readDocument(t)
	root := readSchema(t)
	var missing []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok {
				for _, name := range sortedKeys(properties) {
					if !regexp.MustCompile(`(?m)(^|[|.,{ "])` + name + `\b`).MatchString(text) {
						missing = append(missing, name)
					}
				}
			}
			for _, name := range sortedKeys(v) {
				walk(v[name])
			}
		case []any:
			for i := range v {
				walk(v[i])
			}
		}
	}
	walk(root)
	if len(missing) > 0 {
		t.Errorf("the document does not speak of %q", missing)
	}
	for _, row := range rows(t, text, "| type | form |") {
		if len(row) != 2 {
			t.Errorf("row %q", row)
		}
	}
}
