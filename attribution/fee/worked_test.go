package fee

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/rogpeppe/go-internal/txtar"
)

// histories runs each file of a folder as a test of its own, with its parts.
func histories(t *testing.T, folder string, least int, run func(t *testing.T, parts map[string]string)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(files) < least {
		t.Fatalf("%s: %d files, %v", folder, len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range archive.Files {
				parts[f.Name] = string(f.Data)
			}
			run(t, parts)
		})
	}
}

func TestStatementsWorkedByHand(t *testing.T) {
	histories(t, "../../testdata/statements", 13, func(t *testing.T, parts map[string]string) {
		k := start(t, parts["terms.json"])
		settled := 0
		for i, line := range strings.Split(strings.TrimSpace(parts["records"]), "\n") {
			if line != "settle" {
				if err := k.write(line); err != nil {
					t.Fatalf("records line %d: %v", i+1, err)
				}
				continue
			}
			st, detail := k.settle()
			checkSums(t, st, detail)
			expected, ok := parts["statement "+st.Period]
			if !ok {
				t.Fatalf("the file has no statement of %s", st.Period)
			}
			settled++
			if got := show(st); got != expected {
				t.Errorf("statement %s: got\n%s\nwant\n%s", st.Period, got, expected)
			}
		}
		if want := len(parts) - 2; settled != want {
			t.Errorf("%d statements, want %d", settled, want)
		}
	})
}

// write adds the records of a line of a worked file.
func (k *kit) write(line string) error {
	words := strings.Fields(line)
	count := 1
	if text, ok := strings.CutSuffix(words[0], "x"); ok {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		count, words = n, words[1:]
	}
	for i := range count {
		r := &record.Record{At: at(words[0])}
		named := map[string]string{}
		var facts record.Facts
		for _, word := range words[2:] {
			name, value, ok := strings.Cut(strings.ReplaceAll(word, "%", strconv.Itoa(i+1)), "=")
			if !ok {
				return fmt.Errorf("%q is not name=value", word)
			}
			switch name {
			case "id", "case", "by", "of", "cause", "quantity", "verdict":
				named[name] = value
			default:
				if value == "true" || value == "false" {
					facts = append(facts, record.Bool(name, value == "true"))
				} else {
					facts = append(facts, record.Text(name, value))
				}
			}
		}
		r.ID, r.Case, r.By = named["id"], named["case"], named["by"]
		switch kind := words[1]; kind {
		case "reverse":
			r.Body = &record.Reverse{Of: named["of"], Cause: named["cause"], Quantity: record.Decimal(named["quantity"])}
		case "confirm":
			r.Body = &record.Confirm{Of: named["of"], Verdict: named["verdict"]}
		default:
			r.Body = &record.Outcome{Result: kind, Facts: facts}
		}
		k.add(r)
	}
	return nil
}
