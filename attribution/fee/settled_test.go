package fee

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/rogpeppe/go-internal/txtar"
)

// Each file of testdata/terms/settled is a history, with all that its
// statements say and their detail. They were computed by an implementation that
// was made from the documents alone, so nothing here rewrites them.
func TestSettledVectors(t *testing.T) {
	files, err := filepath.Glob("../../testdata/terms/settled/*.txtar")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range txtar.Parse(text).Files {
				parts[f.Name] = string(f.Data)
			}
			k := start(t, parts["terms.json"])
			settled := 0
			for i, line := range strings.Split(strings.TrimSpace(parts["records"]), "\n") {
				at, what, _ := strings.Cut(line, " ")
				logged, err := record.ParseTime(at)
				if err != nil {
					t.Fatalf("records line %d: %v", i+1, err)
				}
				k.logged = logged
				switch name, amends := strings.CutPrefix(what, "amend "); {
				case what == "settle":
					st, detail := k.settle()
					settled++
					if got := body(t, st); got != parts["statement "+st.Period] {
						t.Errorf("statement %s: got\n%swant\n%s", st.Period, got, parts["statement "+st.Period])
					}
					if got := strings.Join(append(detail, ""), "\n"); got != parts["detail "+st.Period] {
						t.Errorf("detail of %s: got\n%swant\n%s", st.Period, got, parts["detail "+st.Period])
					}
				case amends:
					k.agree(logged, draft(t, parts[name]), "", "vendor", "client")
				default:
					r, err := record.Parse([]byte(what))
					if err != nil {
						t.Fatalf("records line %d: %v", i+1, err)
					}
					r.Log = &record.Log{Time: logged}
					k.add(r)
				}
			}
			if want := strings.Count(string(text), "\n-- statement "); settled != want {
				t.Errorf("%d statements, want %d", settled, want)
			}
		})
	}
}

// body is a statement as the files have it: with neither the digests of the
// terms nor that of the state.
func body(t *testing.T, st *record.Statement) string {
	t.Helper()
	line, err := record.Marshal(&record.Record{Kind: record.KindStatement, ID: "s", By: "vendor", At: st.Closing, Body: st})
	if err != nil {
		t.Fatal(err)
	}
	var r struct{ Body map[string]any }
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"state", "terms", "detail"} {
		delete(r.Body, name)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(r.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
