package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/mapping"
)

const runsMapping = `
format: jsonl
time: {start: "2025-06-01T00:00:00.000Z", step: 1m}
outcome:
  rows: all
  result: resolved
  id: "run/{id}"
  case: "run/{id}"
  facts: {solved: {field: solved}, transferred: {constant: false}}
`

func runLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\":%d,\"solved\":%v}\n", i, i%3 > 0)
	}
	return b.String()
}

// breaks gives the error after n bytes.
type breaks struct {
	r   io.Reader
	n   int
	err error
}

func (b *breaks) Read(p []byte) (int, error) {
	if b.n == 0 {
		return 0, b.err
	}
	n, err := b.r.Read(p[:min(len(p), b.n)])
	b.n -= n
	return n, err
}

// An import that stops anywhere goes on, and in the end the ledger is the
// same, root included, as after one that never stopped.
func TestImportResumes(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	db := openStoreFor(t, now)
	m, err := mapping.Parse([]byte(runsMapping))
	if err != nil {
		t.Fatal(err)
	}
	text := runLines(4000)
	load := func(d *deal, in func() io.Reader, once bool) (imported, error) {
		im := &importing{ledger: d.Ledger, mapping: m, file: "runs.jsonl", once: once, until: math.MaxInt64, now: record.Time(now.UnixMilli()),
			open: func() (io.ReadCloser, error) { return io.NopCloser(in()), nil }, show: func(string, int64, int64) {}}
		err := im.run(t.Context())
		return im.done, err
	}
	whole := agree(t, db, now, "desk.example/whole", "tau_retail_terms.yaml")
	if done, err := load(whole, func() io.Reader { return strings.NewReader(text) }, false); err != nil || done.Appended != 4000 {
		t.Fatalf("%+v, %v", done, err)
	}

	broken := agree(t, db, now, "desk.example/broken", "tau_retail_terms.yaml")
	size, stops := broken.Size(), 0
	for n := 0; n < len(text); n += len(text) / 7 {
		_, err := load(broken, func() io.Reader { return &breaks{strings.NewReader(text), n, context.Canceled} }, true)
		fault, ok := errors.AsType[*command.Fault](err)
		if !ok || fault.Code != command.ExitFailed || err.Error() != "interrupted" {
			t.Fatalf("stopped after %d bytes: %v", n, err)
		}
		if broken.Size() > size {
			size = broken.Size()
			stops++
		}
	}
	if stops < 2 || size >= whole.Size() {
		t.Errorf("%d stops left something, size %d of %d: want several, on the way", stops, size, whole.Size())
	}
	done, err := load(broken, func() io.Reader { return strings.NewReader(text) }, false)
	if err != nil || done.AlreadyThere != size-1 || done.Appended+done.AlreadyThere != 4000 {
		t.Errorf("in the end %+v, %v", done, err)
	}
	for n := int64(1); n < whole.Size(); n++ {
		a, errA := whole.Get(n)
		b, errB := broken.Get(n)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Fatalf("record %d differs: %s and %s (%v, %v)", n, a, b, errA, errB)
		}
	}

	// A file is read through before anything is appended; stdin cannot be.
	bad := text + "{\"id\":\"x y\",\"solved\":true}\n"
	for _, once := range []bool{false, true} {
		d := agree(t, db, now, fmt.Sprintf("desk.example/bad-%v", once), "tau_retail_terms.yaml")
		done, err := load(d, func() io.Reader { return strings.NewReader(bad) }, once)
		if err == nil || !strings.HasPrefix(err.Error(), "runs.jsonl: line 4001: record: case: got ") {
			t.Errorf("once %v: %v", once, err)
		}
		if !once && d.Size() != 1 || once && (d.Size() == 1 || d.Size() != done.Appended+1) {
			t.Errorf("once %v: size %d after a bad row, %+v", once, d.Size(), done)
		}
	}
}

// What is in the ledger after an error is said.
func TestImportSaysWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if stdout, stderr, code := run(newApp(clock), "demo", "--dir", path("demo")); code != 0 {
		t.Fatal(stdout, stderr)
	}
	// The demo's terms take no history: say that it is some.
	text := "backfilled: true\n" + strings.Replace(runsMapping, "2025-06", "2026-03", 1)
	if err := os.WriteFile(path("map.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := run(newApp(clock), "import", "--db", path("demo/store"), "--map", path("map.yaml"), "-")
	if code != 1 || stderr != "raasledger: error: "+path("map.yaml")+": mapping: backfilled is true, but the agreement says backfill: refuse\nraasledger: hint: docs/import.md describes every field\n" {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if err := os.WriteFile(path("map.yaml"), []byte(strings.NewReplacer("2025-06", "2027-05", "1m", "1s").Replace(runsMapping)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		lines string
		want  string
	}{
		{runLines(3) + "{}\n", `^raasledger: error: stdin: line 4: id is empty\n$`},
		{runLines(3400) + "{}\n", `^raasledger: [123]\d\d\d records of the rows before are in the ledger; the same import goes on after them\nraasledger: error: stdin: line 3401: id is empty\n$`},
	} {
		app := newApp(func() time.Time { return time.Date(2027, 5, 1, 0, 58, 0, 0, time.UTC) })
		var out, errs bytes.Buffer
		app.Writer, app.ErrWriter, app.Reader = &out, &errs, strings.NewReader(test.lines)
		code = command.Run(app, []string{"raasledger", "import", "--db", path("demo/store"), "--map", path("map.yaml"), "-"})
		if code != 1 || !regexp.MustCompile(test.want).MatchString(errs.String()) || out.Len() > 0 {
			t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
		}
	}
}

func TestMeter(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	var b bytes.Buffer
	m := &meter{out: &b, name: "raasledger", length: 4000}
	m.show(at(0), "checking", 0, 0)
	m.show(at(900), "checking", 900, 90)
	m.show(at(1000), "checking", 1000, 500)
	m.show(at(1500), "importing", 10, 1)
	m.show(at(3500), "importing", 3000, 1)
	m.show(at(5500), "importing", 5000, 9) // the file grew
	m.show(at(5500), "", 0, 0)
	const want = `raasledger: checking 500 rows, 500 a second, 25 %, 3s left
raasledger: importing 1 row, 0 a second, 75 %, 1s left
raasledger: importing 9 rows, 2 a second
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	b.Reset()
	m = &meter{out: &b, name: "raasledger", terminal: true}
	m.show(at(0), "", 0, 0)
	m.show(at(0), "importing", 0, 0)
	m.show(at(250), "importing", 1, 50)
	m.show(at(300), "", 0, 0)
	if want := "\rraasledger: importing 50 rows, 200 a second\x1b[K\r\x1b[K"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
