package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/internal/auditor"
	"github.com/raasledger/raasledger/testdata/agreements"
)

// TestAgreements takes every case of every example the whole way, and compares
// each statement with the one worked by hand.
func TestAgreements(t *testing.T) {
	names := agreements.Names()
	if len(names) < 32 {
		t.Fatalf("%d examples, want at least 32: %v", len(names), names)
	}
	for _, name := range names {
		e, err := agreements.Open(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, c := range e.Cases {
			t.Run(exampleName(name, c), func(t *testing.T) {
				t.Parallel()
				if text, err := os.ReadFile(filepath.Join("../../testdata/agreements", name, "records.yaml")); testing.Short() && err == nil && manyRecords.Match(text) {
					t.Skip("more than a thousand records of one entry: without -short")
				}
				if c.Name != "" && c.Title == "" {
					t.Error("the statement does not begin with what is special about the case")
				}
				played, err := playExample(t.Context(), filepath.Join(t.TempDir(), "store"), name, c)
				if err != nil {
					t.Fatal(err)
				}
				for _, wrong := range played.wrong {
					t.Error(wrong)
				}
				for _, s := range played.statements {
					if !s.Agreed {
						t.Errorf("statement %s is not agreed", s.Period)
					}
				}
				checkSimulated(t, played)
				checkExplained(t, played)
				next, err := played.save(t.TempDir(), clock())
				if err != nil {
					t.Fatal(err)
				}
				if out, errs, code := run(auditor.App(clock), shellWords(t, next)[1:]...); code != 0 {
					t.Errorf("%s: exit %d: %s%s", next, code, out, errs)
				}
			})
		}
	}
}

// manyRecords finds an entry that repeats a thousand times or more.
var manyRecords = regexp.MustCompile(`repeat: [0-9]{4,}`)

// What was worked by hand is compared to the last digit: another one is
// noticed, and the demo then fails.
func TestAgreementDiffers(t *testing.T) {
	e, err := agreements.Open("sierra")
	if err != nil {
		t.Fatal(err)
	}
	run, err := playExample(t.Context(), filepath.Join(t.TempDir(), "store"), "sierra", e.Cases[0])
	if err != nil {
		t.Fatal(err)
	}
	run.wrong = []string{"statement 2026-03: total"}
	var text bytes.Buffer
	if run.write(&text); !strings.HasSuffix(text.String(), "\nDIFFERENT: statement 2026-03: total\n") {
		t.Errorf("what differs is told as\n%s", text.String())
	}
	for _, change := range []struct{ from, to, want string }{
		{"quantity: 412, amount: 741.60", "quantity: 412, amount: 741.61", `statement 2026-03: line 1, amount: computed "741.60", by hand "741.61"`},
		{"quantity: 412, amount: 741.60", "quantity: 413, amount: 741.60", `statement 2026-03: line 1, quantity: computed "412", by hand "413"`},
		{"{name: resolutions, quantity: 412", "{name: calls, quantity: 412", `statement 2026-03: line 1, name: computed "resolutions", by hand "calls"`},
		{"total: 741.60", "total: 741.6", `statement 2026-03: total: computed "741.60", by hand "741.6"`},
		{"where: 90", "where: 89", `statement 2026-03: counts: computed "map[billed:412 escalated:6 where:90]", by hand "map[billed:412 escalated:6 where:89]"`},
		{"amount: -1.80", "amount: -1.81", `statement 2026-04: correction 1, amount: computed "-1.80", by hand "-1.81"`},
		{"total: 696.60", "total: 696.60\n  carried_out: -1.00", `statement 2026-04: carried out: computed "0.00", by hand "-1.00"`},
		{"total: 696.60", "total: 696.60\n  subtotal: 698.41", `statement 2026-04: subtotal: computed "698.40", by hand "698.41"`},
		{"period: 2026-04\n", "period: 2026-05\n", `statement 2026-05: period: computed "2026-04", by hand "2026-05"`},
	} {
		changed := bytes.Replace(e.Cases[0].Statement, []byte(change.from), []byte(change.to), 1)
		if bytes.Equal(changed, e.Cases[0].Statement) {
			t.Errorf("the statement has no %q", change.from)
			continue
		}
		expected, err := readExpected(changed)
		if err != nil {
			t.Errorf("%s: %v", change.to, err)
			continue
		}
		var wrong []string
		for i := range expected {
			wrong = append(wrong, expected[i].Compare(run.statements[i])...)
		}
		if !slices.Equal(wrong, []string{change.want}) {
			t.Errorf("%s: got %q, want %q", change.to, wrong, change.want)
		}
	}
}

// A mistake in what somebody wrote is reported with its place.
func TestExampleMistakes(t *testing.T) {
	e, err := agreements.Open("sierra")
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []struct {
		file     func(*agreements.Case) *[]byte
		from, to string
		want     string
	}{
		{records, "repeat: 411", "repeat: many", `records: 2:37: [0].repeat: got "many", want a whole number from 2 to 100000`},
		{records, "by: audio.example, reverse", "by: audio.example, outcome: {}, reverse", "records: 11:58: [5].reverse: stands beside outcome, want one kind of record"},
		{records, "of: last", "of: nobody", "record reverse/000515: names record nobody, which is not before it"},
		{records, "by: audio.example", "by: nobody.example", `party "nobody.example" is not in the terms`},
		{records, "2026-04-02 12:00", "2027-04-02 12:00", "are later than the last of 2 statements"},
		{statement, "total: 741.60", "totals: 741.60", "unknown object member name \"totals\""},
		{agreement, "accept: {on: silence", "accept: {on: nothing", "agreement: 29:14: results.resolved.accept.on: "},
		{agreement, "AAAAC3NzaC1lZDI1NTE5AAAAIN5/5miczMMpyyPHwjEoK/91q6PoKMgt2KlMNPPw4mVP", "AAAAC3NzaC1lZDI1NTE5AAAAILMIgDBe01q0L5etfcBmoZvv0UPvV8yHNj68hMlz3aj+", "parties.audio.example.keys: "},
	} {
		c := e.Cases[0]
		text := change.file(&c)
		changed := bytes.Replace(*text, []byte(change.from), []byte(change.to), 1)
		if bytes.Equal(changed, *text) {
			t.Errorf("there is no %q", change.from)
			continue
		}
		*text = changed
		if _, err := playExample(t.Context(), filepath.Join(t.TempDir(), "store"), "sierra", c); err == nil || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: got %v, want %s", change.to, err, change.want)
		}
	}
}

func records(c *agreements.Case) *[]byte   { return &c.Records }
func statement(c *agreements.Case) *[]byte { return &c.Statement }
func agreement(c *agreements.Case) *[]byte { return &c.Agreement }

func TestDemoExample(t *testing.T) {
	stdout, stderr, code := run(newApp(clock), "demo", "sierra")
	want := `Sierra: a fixed rate for each call or chat that the AI resolves; transfers to a human are free

   Statement 2026-03           |  By hand
                               |
   resolutions   412  741.60   |  412 resolved x 1.80 = 741.60
   total in USD       741.60   |  96 with a person are free

   Statement 2026-04                         |  By hand
                                             |
   resolutions                 388  698.40   |  388 resolved x 1.80            = 698.40
   2026-03 resolutions  412 -> 411   -1.80   |  one of March came back within
   total in USD                     696.60   |  72 hours: 411 x 1.80 = 739.80,
                                             |  less 741.60                    =  -1.80
                                             |  together (388 - 1) x 1.80      = 696.60

Result: verified, 9 checks passed, 4 not present: 906 records in a bundle of NNN KiB
Both agree: 2 statements, to the last digit.
`
	stdout = regexp.MustCompile(`\d+ KiB`).ReplaceAllString(stdout, "NNN KiB")
	if code != 0 || stderr != "" || stdout != want {
		t.Errorf("exit %d, %s, got\n%s\nwant\n%s", code, stderr, stdout, want)
	}
}

// With --dir the files are left, and the command printed works.
func TestDemoExampleFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "it's here")
	stdout, stderr, code := run(newApp(clock), "demo", "--dir", dir, "sierra")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	args := shellWords(t, strings.TrimSpace(lines[len(lines)-1]))
	if len(args) < 2 || args[0] != "raasverify" {
		t.Fatalf("the last line is %q", lines[len(lines)-1])
	}
	if out, errs, code := run(auditor.App(clock), args[1:]...); code != 0 || !strings.Contains(out, "as computed: 2026-03 741.60 USD; 2026-04 696.60 USD") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	e, err := agreements.Open("sierra")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "sierra.agreement.yaml")); err != nil || !bytes.Equal(text, e.Cases[0].Agreement) {
		t.Errorf("sierra.agreement.yaml is another one (%v)", err)
	}
	if _, stderr, code := run(newApp(clock), "demo", "--dir", dir, "sierra"); code != 2 || !strings.Contains(stderr, "name a folder that is not there yet") {
		t.Errorf("into the same folder: exit %d, %s", code, stderr)
	}
}

func TestDemoList(t *testing.T) {
	stdout, stderr, code := run(newApp(clock), "demo", "--list")
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	names := agreements.Names()
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) != len(names) {
		t.Fatalf("%d lines for %d examples", len(lines), len(names))
	}
	for i, line := range lines {
		name, title, _ := strings.Cut(line, "  ")
		if name != names[i] || len(strings.TrimSpace(title)) < 20 || len(line) > 120 {
			t.Errorf("line %d is %q", i+1, line)
		}
	}
}

// What an example says is found is what the rules find, or it does not run.
func TestAgreementFinds(t *testing.T) {
	e, err := agreements.Open("care_refunds")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, to, want string }{
		{"findings: [limit_exceeded, missing_escalation]", "findings: [limit_exceeded]", "refund/900 is upheld by [limit_exceeded missing_escalation], the story says upheld by [limit_exceeded]"},
		{"disposition: rejected, findings: [bad_input]", "disposition: upheld, findings: [bad_input]", "back/902 is rejected by [bad_input], the story says upheld by [bad_input]"},
		{"resolve: {dispute: dispute/904, as: joint, disposition: rejected}", "resolve: {dispute: dispute/904, as: finding, disposition: rejected, findings: [bad_input]}", "dispute/904 is not decided by what is found: both sides answer for it"},
	} {
		changed := e.Cases[0]
		changed.Records = bytes.Replace(changed.Records, []byte(test.from), []byte(test.to), 1)
		if bytes.Equal(changed.Records, e.Cases[0].Records) {
			t.Errorf("the records have no %q", test.from)
			continue
		}
		if _, err := playExample(t.Context(), filepath.Join(t.TempDir(), "store"), "care_refunds", changed); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", test.to, err, test.want)
		}
	}
}

// The document of the agreements names every folder, and none that is not there.
func TestAgreementsDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/agreements.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := documentBlocks(string(text))
	if len(blocks) == 0 {
		t.Fatal("docs/agreements.md does not begin with an example")
	}
	for _, b := range blocks {
		if strings.HasPrefix(b.lines[0], "$ ") {
			b.run(t, t.TempDir())
		}
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`\(\.\./testdata/agreements/([a-z0-9_]+)\)`).FindAllStringSubmatch(string(text), -1) {
		named[m[1]] = true
	}
	for _, name := range agreements.Names() {
		if !named[name] {
			t.Errorf("docs/agreements.md does not name %s", name)
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("docs/agreements.md names %s, which is not there", name)
	}
}
