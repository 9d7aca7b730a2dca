package agreements

import (
	"bytes"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	names := Names()
	if len(names) < 39 {
		t.Errorf("%d examples, want at least 39", len(names))
	}
	for _, name := range names {
		e, err := Open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if e.Name != name || len(e.Title) < 20 || len(e.Title) > 100 || strings.HasSuffix(e.Title, ".") {
			t.Errorf("%s has the title %q", e.Name, e.Title)
		}
		for i, c := range e.Cases {
			if (i == 0) != (c.Name == "") || (i == 0) != (c.Title == "") {
				t.Errorf("%s: case %d is %q with the title %q", name, i, c.Name, c.Title)
			}
			for _, text := range [][]byte{c.Agreement, c.Records, c.Statement} {
				if len(text) == 0 || !bytes.HasSuffix(text, []byte("\n")) || bytes.Contains(text, []byte("\t")) {
					t.Errorf("%s: case %d has a file that is empty, does not end with its line, or has a tab", name, i)
				}
			}
		}
	}
	for _, name := range []string{"", ".", "..", "nothing", "sierra/", "sierra/agreement.yaml", "*", "agreements.go"} {
		if e, err := Open(name); err == nil {
			t.Errorf("Open(%q) is %s", name, e.Title)
		}
	}
}

// A case has its own files where they differ, and those of the first one else.
func TestCases(t *testing.T) {
	e, err := Open("deloitte_hybrid")
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Cases) != 2 || e.Cases[1].Name != "minimum" {
		t.Fatalf("cases: %v", e.Cases)
	}
	first, minimum := e.Cases[0], e.Cases[1]
	if bytes.Equal(first.Agreement, minimum.Agreement) || !bytes.Equal(first.Records, minimum.Records) || bytes.Equal(first.Statement, minimum.Statement) {
		t.Error("the minimum has the agreement or the statement of the first case, or other records")
	}
}
