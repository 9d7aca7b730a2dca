package main

import (
	"compress/gzip"
	"crypto/ed25519"
	"encoding/csv"
	"flag"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/internal/mapping"
	"github.com/raasledger/raasledger/verify"
)

// docs/examples.md shows the folders of testdata/examples. The terms and
// mappings in it are the files, and each test of an example runs the commands
// in it on the real data and compares what they print: see runPage. Then the
// test computes the figures itself, from the data alone.

var updateExamples = flag.Bool("update-examples", false, "rewrite files and outputs shown in docs/examples.md")

const examplesPage = "../../docs/examples.md"

// A pageBlock is a fenced block of the page with the comment above it:
// "terms NAME" shows an agreement from its results or metrics on, "file NAME/FILE" a whole
// file, "run NAME" commands with what they print.
type pageBlock struct {
	what, of string
	text     string
}

var pageBlocks = regexp.MustCompile("(?m)^<!-- (terms|file|run) (\\S+) -->\n```[a-z]*\n((?s:.*?))```$")

func readPage(t *testing.T) (text string, blocks []pageBlock) {
	t.Helper()
	b, err := os.ReadFile(examplesPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range pageBlocks.FindAllStringSubmatch(string(b), -1) {
		blocks = append(blocks, pageBlock{m[1], m[2], m[3]})
	}
	return string(b), blocks
}

// same compares a block with what it should be, or with -update-examples
// writes that into the page.
func (b pageBlock) same(t *testing.T, want string) {
	t.Helper()
	if b.text == want {
		return
	}
	if !*updateExamples {
		t.Errorf("docs/examples.md, %s %s: got\n%s\nthe page has\n%s", b.what, b.of, want, b.text)
		return
	}
	text, _ := readPage(t)
	head := "<!-- " + b.what + " " + b.of + " -->\n```"
	at := strings.Index(text, head)
	for !strings.HasPrefix(text[at+len(head)+strings.Index(text[at+len(head):], "\n")+1:], b.text+"```") {
		at += len(head) + strings.Index(text[at+len(head):], head)
	}
	begin := at + len(head) + strings.Index(text[at+len(head):], "\n") + 1
	if err := os.WriteFile(examplesPage, []byte(text[:begin]+want+text[begin+len(b.text):]), 0o644); err != nil {
		t.Fatal(err)
	}
}

var termsBegin = regexp.MustCompile(`(?m)^(?:(?:#.*\n)*metrics|results):`)

// The page shows every example, and what it shows are the files.
func TestExamplesPage(t *testing.T) {
	_, blocks := readPage(t)
	shown := map[string]bool{}
	for _, b := range blocks {
		name, file := b.of, "agreement.yaml"
		if b.what == "run" {
			shown["run "+name] = true
			continue
		}
		if b.what == "file" {
			name, file, _ = strings.Cut(b.of, "/")
		}
		shown[name+"/"+file] = true
		text, err := os.ReadFile(filepath.Join("../../testdata/examples", name, file))
		if err != nil {
			t.Error(err)
			continue
		}
		want := string(text)
		if b.what == "terms" {
			at := termsBegin.FindStringIndex(want)
			if at == nil {
				t.Errorf("%s: neither results nor metrics", b.of)
				continue
			}
			want = want[at[0]:]
		}
		b.same(t, want)
	}
	files, err := filepath.Glob("../../testdata/examples/*/*.yaml")
	if err != nil || len(files) < 22 {
		t.Fatalf("%d files of examples (%v)", len(files), err)
	}
	for _, file := range files {
		dir := filepath.Base(filepath.Dir(file))
		if !shown[dir+"/"+filepath.Base(file)] {
			t.Errorf("%s is not shown in docs/examples.md", file)
		}
		if !shown["run "+dir] {
			t.Errorf("docs/examples.md runs nothing of %s", dir)
		}
	}
}

// Every agreement of the examples can be signed, and its mappings fit it.
func TestExamplesFit(t *testing.T) {
	agreements, err := filepath.Glob("../../testdata/examples/*/agreement.yaml")
	if err != nil || len(agreements) != 9 {
		t.Fatalf("%d agreements (%v)", len(agreements), err)
	}
	for _, file := range agreements {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := readYAML(text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		canonical, mistakes := terms.Draft(doc.json, zoneOffsets)
		if canonical == nil {
			t.Errorf("%s: %v", file, mistakes)
			continue
		}
		agreed, _ := terms.Parse(canonical)
		mappings, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*.yaml"))
		if err != nil || len(mappings) < 2 {
			t.Fatalf("%s: %d files (%v)", file, len(mappings), err)
		}
		for _, name := range mappings {
			if name == file {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			m, err := mapping.Parse(text)
			if err == nil {
				err = m.CheckTerms(agreed)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// The commands with which the page begins: each example begins with them, with
// an origin of its own.
var beginExample = []string{
	"raasledger agreement sign agreement.yaml --origin desk.example/NAME --log-key log.key.pub --key vendor.key --yes -o vendor.json",
	"raasverify sign vendor.json --key client.key --yes -o agreement.json",
	"raasledger agreement add agreement.json --db store",
}

var settleNow = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// runPage runs the commands of an example's blocks in a folder that has its
// files, the data, the demo's keys, and after beginExample its store.
func runPage(t *testing.T, name string, begin bool, data ...string) (dir string) {
	t.Helper()
	if testing.Short() {
		t.Skip("each command is a process: without -short")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no sh")
	}
	dir = t.TempDir()
	for _, file := range data {
		path, err := filepath.Abs(sampleData(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, filepath.Base(file))); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join("../../testdata/examples", name, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files (%v)", name, len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if begin {
		for _, key := range []string{"vendor", "client", "log"} {
			private, public, err := keyfile.Format(demoKey(key), demoKey(key).Public().(ed25519.PublicKey), key, nil)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, key+".key"), private, 0o600)
			}
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, key+".key.pub"), public, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, command := range beginExample {
			shell(t, dir, strings.ReplaceAll(command, "NAME", strings.ReplaceAll(name, "_", "-")))
		}
	}
	_, blocks := readPage(t)
	for _, b := range blocks {
		if b.what != "run" || b.of != name {
			continue
		}
		var out strings.Builder
		for _, command := range blockCommands(b.text) {
			out.WriteString("$ " + strings.ReplaceAll(command, "\n", "\n> ") + "\n")
			out.WriteString(masked(shell(t, dir, command)))
		}
		b.same(t, out.String())
	}
	return dir
}

// blockCommands returns the commands of a block: "$ " begins one, "> " goes on
// with it, anything else is what it printed.
func blockCommands(text string) (commands []string) {
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if begin, ok := strings.CutPrefix(line, "$ "); ok {
			commands, inside = append(commands, begin), true
		} else if more, ok := strings.CutPrefix(line, "> "); ok && inside {
			commands[len(commands)-1] += "\n" + more
		} else {
			inside = false
		}
	}
	return commands
}

func shell(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// masked replaces what is another in every run, or with every change of the
// text of terms: keys and digests.
func masked(text string) string {
	text = regexp.MustCompile(`(sha256:|SHA256:|ssh-ed25519 AAAA)[A-Za-z0-9+/]{43,}=?`).ReplaceAllString(text, "$1…")
	text = regexp.MustCompile(`\+[0-9a-f]{8}(\+[A-Za-z0-9+/]{40,}=?)?`).ReplaceAllString(text, "+…")
	text = regexp.MustCompile(`\b[0-9a-f]{64}\b`).ReplaceAllString(text, "…")
	return regexp.MustCompile(`root [A-Za-z0-9+/]{43}=`).ReplaceAllString(text, "root …")
}

// openExample opens the store that an example's commands made.
func openExample(t *testing.T, dir, store string) *deal {
	t.Helper()
	db := openStoreIn(t, filepath.Join(dir, store), settleNow)
	origins := db.Origins()
	if len(origins) != 1 {
		t.Fatalf("%s: %d ledgers, want 1", store, len(origins))
	}
	l, err := db.Ledger(origins[0])
	if err != nil {
		t.Fatal(err)
	}
	return &deal{TB: t, Ledger: l, policy: policyFor(t, origins[0]), now: settleNow}
}

func (d *deal) statement(period string) *record.Statement {
	d.Helper()
	n, ok, err := d.Find("statement/" + period)
	if err != nil || !ok {
		d.Fatalf("statement of %s: found %v (%v)", period, ok, err)
	}
	line, err := d.Get(n)
	if err != nil {
		d.Fatal(err)
	}
	r, err := record.Parse(line)
	if err != nil {
		d.Fatal(err)
	}
	return r.Body.(*record.Statement)
}

// line returns the line of a statement by its name.
func line(t testing.TB, s *record.Statement, name string) record.Line {
	t.Helper()
	i := slices.IndexFunc(s.Lines, func(l record.Line) bool { return l.Name == name })
	if i < 0 {
		t.Fatalf("statement %s has no line %s", s.Period, name)
	}
	return s.Lines[i]
}

// wantLine compares amount and quantity of a line; quantity to as many
// decimals as want has.
func wantLine(t testing.TB, s *record.Statement, name string, quantity, amount *big.Rat) {
	t.Helper()
	l := line(t, s, name)
	got, ok := new(big.Rat).SetString(string(l.Quantity))
	if !ok {
		t.Fatalf("%s %s: quantity %q", s.Period, name, l.Quantity)
	}
	if quantity != nil && got.FloatString(12) != quantity.FloatString(12) {
		t.Errorf("%s %s: quantity %s, want %s", s.Period, name, l.Quantity, quantity.FloatString(18))
	}
	if string(l.Amount) != cents(amount) {
		t.Errorf("%s %s: amount %s, want %s", s.Period, name, l.Amount, cents(amount))
	}
}

// cents rounds half away from zero to two decimals.
func cents(x *big.Rat) string {
	if s := x.FloatString(2); s != "-0.00" { // FloatString rounds half away from zero
		return s
	}
	return "0.00"
}

// finish verifies the whole ledger as the client, who cosigns, and the rest of it
// from each of these statements on: the state that they carry over must do. What
// came before is then not proven, as the client holds no checkpoint.
func (d *deal) finish(periods ...string) {
	d.Helper()
	d.cosign()
	report := d.verified(0, nil)
	if report.Size != d.Size() || report.Start != 0 {
		d.Errorf("verified %d to %d, want 0 to %d", report.Start, report.Size, d.Size())
	}
	for _, period := range periods {
		n, ok, err := d.Find("statement/" + period)
		if err != nil || !ok {
			d.Fatalf("statement of %s: found %v (%v)", period, ok, err)
		}
		report := d.report(n, nil)
		statements := false
		for _, c := range report.Checks {
			if c.Result == verify.Failed || c.Result == verify.Unproven && c.Name != "history" {
				d.refused(report)
			}
			statements = statements || c.Name == "statements" && c.Result == verify.Passed
		}
		if !statements || report.Start != n || report.Size != d.Size() {
			d.refused(report)
		}
	}
}

// A table is a CSV file of the sample data, read without any code of ours.
type table struct {
	t    testing.TB
	cols map[string]int
	rows [][]string
}

func readTable(t testing.TB, name string) *table {
	t.Helper()
	f, err := os.Open(sampleData(t, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	table := &table{t: t, cols: map[string]int{}, rows: rows[1:]}
	for i, name := range rows[0] {
		table.cols[name] = i
	}
	return table
}

func (d *table) get(row []string, column string) string {
	i, ok := d.cols[column]
	if !ok {
		d.t.Fatalf("no column %s", column)
	}
	return row[i]
}

func (d *table) number(row []string, column string) *big.Rat {
	return rat(d.t, d.get(row, column))
}

func rat(t testing.TB, text string) *big.Rat {
	t.Helper()
	x, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("number %q", text)
	}
	return x
}

func sum(xs ...*big.Rat) *big.Rat {
	total := new(big.Rat)
	for _, x := range xs {
		total.Add(total, x)
	}
	return total
}

func mul(xs ...*big.Rat) *big.Rat {
	product := big.NewRat(1, 1)
	for _, x := range xs {
		product.Mul(product, x)
	}
	return product
}

func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func quo(a, b *big.Rat) *big.Rat { return new(big.Rat).Quo(a, b) }
func whole(n int64) *big.Rat     { return new(big.Rat).SetInt64(n) }

// floor0 is x, or 0 where x is below.
func floor0(x *big.Rat) *big.Rat {
	if x.Sign() < 0 {
		return new(big.Rat)
	}
	return x
}
