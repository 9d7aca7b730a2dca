package fee

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// Each file of testdata/terms/settled is a history, with all that its
// statements say and their detail. They were computed by an implementation that
// was made from the documents alone, so nothing here rewrites them.
func TestSettledVectors(t *testing.T) {
	histories(t, "../../testdata/terms/settled", 20, func(t *testing.T, parts map[string]string) {
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
		want := 0
		for name := range parts {
			if strings.HasPrefix(name, "statement ") {
				want++
			}
		}
		if settled != want {
			t.Errorf("%d statements, want %d", settled, want)
		}
	})
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
