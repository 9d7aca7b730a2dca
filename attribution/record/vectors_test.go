package record

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the .error files of testdata/records")

const vectors = "../../testdata/records"

// vectorLine reads a vector: one line and its newline.
func vectorLine(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectors, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	line, ok := bytes.CutSuffix(b, []byte("\n"))
	if !ok {
		t.Fatalf("%s does not end in a newline", name)
	}
	return line
}

func vectorNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectors, "*.json"))
	if err != nil || len(files) < 220 {
		t.Fatalf("%d vectors in %s: %v", len(files), vectors, err)
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return files
}

// A vector NAME.json is a line. If its name begins with good-, Parse accepts
// it; else it is named for its damage, and NAME.error is the error.
func TestVectors(t *testing.T) {
	for _, name := range vectorNames(t) {
		line := vectorLine(t, name)
		r, err := Parse(line)
		slow := slowCanonical(line)
		if strings.HasPrefix(name, "good-") {
			if err != nil || slow != nil {
				t.Errorf("%s: %v; canonical by encoding/json: %v", name, err, slow)
				continue
			}
			if again, err := Marshal(r); err != nil || !bytes.Equal(again, line) {
				t.Errorf("%s: encodes again as %s %v", name, again, err)
			}
			continue
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		got := err.Error() + "\n"
		file := filepath.Join(vectors, name+".error")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got error\n%swant\n%s", name, got, want)
		}

		// Both ways of asking for canonical form agree with the slow one.
		if err := CheckCanonical(line); (err == nil) != (slow == nil) {
			t.Errorf("%s: CheckCanonical: %v; by encoding/json: %v", name, err, slow)
		}
		if v, err := ParseCanonical(line); (err == nil) != (slow == nil) {
			t.Errorf("%s: ParseCanonical: %v; by encoding/json: %v", name, err, slow)
		} else if err == nil {
			if again, err := Canonical(v); err != nil || !bytes.Equal(again, line) {
				t.Errorf("%s: Canonical(ParseCanonical) gives %s %v", name, again, err)
			}
		}
	}
}
