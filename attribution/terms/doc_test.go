package terms

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

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
