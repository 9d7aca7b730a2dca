package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/mapping"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

// The whole way on the sample data that lies beside the checkout: import,
// settle, checkpoint, bundle, verify. The data's README has the figures.

func sampleData(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join("../../../shared/data", name)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		t.Skipf("no %s: the sample data is not beside this checkout", path)
	}
	return path
}

// A deal is a ledger with both parties at hand.
type deal struct {
	testing.TB
	*ledger.Ledger
	policy *bundle.Policy
	now    time.Time
}

func openStoreFor(t testing.TB, now time.Time) *ledger.DB {
	t.Helper()
	return openStoreIn(t, t.TempDir(), now)
}

// openStoreIn opens the store in dir until the test ends, which checks it.
func openStoreIn(t testing.TB, dir string, now time.Time) *ledger.DB {
	t.Helper()
	db, err := ledger.Open(dir, ledger.Options{Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Check(context.Background(), func(f ledger.Fault) { t.Errorf("%s: record %d: %s", f.Origin, f.N, f.Text) }); err != nil {
			t.Errorf("check: %v", err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// agree begins a ledger under terms of testdata/mappings, signed by both.
func agree(t testing.TB, db *ledger.DB, now time.Time, origin, file string) *deal {
	t.Helper()
	yaml, err := os.ReadFile(filepath.Join("../../testdata/mappings", file))
	if err != nil {
		t.Fatal(err)
	}
	return agreeTo(t, db, now, origin, file, yaml)
}

// agreeTo begins a ledger under terms that stand in a file, or were changed.
func agreeTo(t testing.TB, db *ledger.DB, now time.Time, origin, file string, yaml []byte) *deal {
	t.Helper()
	doc, err := readYAML(yaml)
	if err != nil {
		t.Fatal(err)
	}
	canonical, mistakes := terms.Draft(doc.json, zoneOffsets)
	if canonical == nil {
		t.Fatalf("%s: %v", file, mistakes)
	}
	logKey := verifierKey(t, origin, merkle.KindLog, "log")
	r := &record.Record{Kind: record.KindAgreement, ID: "agreement/1", At: record.Time(now.UnixMilli()), By: demoVendor, Body: &record.Agreement{
		Version: 1, Format: "raasledger/v1", Origin: origin, LogKey: logKey,
		Nonce: base64.StdEncoding.EncodeToString([]byte("nonce of a test.")), Terms: canonical}}
	for _, name := range []string{"vendor", "client"} {
		if err := record.Sign(r, origin, demoKey(name)); err != nil {
			t.Fatal(err)
		}
	}
	d := &deal{TB: t, now: now}
	if d.Ledger, err = db.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	d.policy = policyFor(t, origin)
	return d
}

func verifierKey(t testing.TB, name string, kind merkle.Kind, key string) string {
	t.Helper()
	k, err := merkle.NewVerifierKey(name, kind, demoKey(key).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k.String()
}

// policyFor relies on the log of origin and asks for the client's cosignature.
func policyFor(t testing.TB, origin string) *bundle.Policy {
	t.Helper()
	policy, err := bundle.ParsePolicy([]byte("log " + verifierKey(t, origin, merkle.KindLog, "log") +
		"\nwitness client " + verifierKey(t, demoWitness, merkle.KindCosignature, "client") + "\nquorum client\n"))
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

// load imports a file as raasledger import does.
func (d *deal) load(mappingName, file string, until record.Time) imported {
	d.Helper()
	text, err := os.ReadFile(filepath.Join("../../testdata/mappings", mappingName))
	if err != nil {
		d.Fatal(err)
	}
	m, err := mapping.Parse(text)
	if err != nil {
		d.Fatal(err)
	}
	im := &importing{ledger: d.Ledger, mapping: m, file: file, until: until, now: record.Time(d.now.UnixMilli()),
		open: func() (io.ReadCloser, error) { return os.Open(file) }, show: func(string, int64, int64) {}}
	if err := im.run(d.Context()); err != nil {
		d.Fatal(err)
	}
	return im.done
}

func (d *deal) settle() (*record.Record, *record.Statement) {
	d.Helper()
	r, err := d.Settle(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	return r, r.Body.(*record.Statement)
}

// cosign returns a checkpoint of the whole ledger that the client cosigned.
func (d *deal) cosign() []byte {
	d.Helper()
	note, err := d.Checkpoint(d.Context(), demoKey("log"))
	if err == nil {
		note, err = merkle.Cosign(note, demoWitness, demoKey("client"), d.now.Unix())
	}
	if err == nil {
		note, err = d.Cosigned(d.Context(), note)
	}
	if err != nil {
		d.Fatal(err)
	}
	return note
}

// verified writes the bundle from a record on and verifies it as the client
// would, who holds the checkpoint since.
func (d *deal) verified(from int64, since []byte) *verify.Report {
	d.Helper()
	report := d.report(from, since)
	if report.Verdict != verify.Verified || report.ExitCode() != 0 {
		d.refused(report)
	}
	return report
}

func (d *deal) refused(report *verify.Report) {
	d.Helper()
	var b strings.Builder
	report.WriteText(&b)
	d.Fatalf("%s from %d: %s\n%s", d.Origin(), report.Start, report.Verdict, b.String())
}

func (d *deal) report(from int64, since []byte) *verify.Report {
	d.Helper()
	var text bytes.Buffer
	if err := d.WriteBundle(d.Context(), &text, ledger.BundleOptions{From: from}); err != nil {
		d.Fatal(err)
	}
	report, err := verify.Verify(&text, verify.Options{Policy: d.policy, Since: since, Now: record.Time(d.now.UnixMilli())})
	if err != nil {
		d.Fatal(err)
	}
	return report
}

// Two versions of a support agent on the same 100 tasks: 0.99 for each case
// solved without a human.
func TestTauRetail(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	db := openStoreFor(t, now)
	for _, test := range []struct {
		agent, file, total string
	}{
		{"toolcalling", "tau_retail/runs_toolcalling_2025-06-23.json.gz", "69.30"},
		{"assertions", "tau_retail/runs_assertions_2025-06-18.json.gz", "32.67"},
	} {
		file := sampleData(t, test.file)
		d := agree(t, db, now, "desk.example/tau-"+test.agent, "tau_retail_terms.yaml")
		if done := d.load("tau_retail.yaml", file, math.MaxInt64); done.Rows != 100 || done.Outcomes != 100 || done.Appended != 100 {
			t.Errorf("%s: %+v", test.agent, done)
		}
		if done := d.load("tau_retail.yaml", file, math.MaxInt64); done.Outcomes != 100 || done.AlreadyThere != 100 || done.Size != 101 {
			t.Errorf("%s, imported again: %+v", test.agent, done)
		}
		if _, s := d.settle(); string(s.Total) != test.total || s.Currency != "USD" {
			t.Errorf("%s: total %s %s, want %s USD", test.agent, s.Total, s.Currency, test.total)
		}
		d.cosign()
		if report := d.verified(0, nil); report.Size != 102 {
			t.Errorf("%s: verified size %d, want 102", test.agent, report.Size)
		}
	}
}

// Six months of a shop: 209,029 invoice lines, imported and settled month by
// month; the statements are compared with a separate computation.
func TestOnlineRetail(t *testing.T) {
	if testing.Short() {
		t.Skip("209,029 lines: without -short")
	}
	file := sampleData(t, "online_retail/lines.csv.gz")
	want := shopTotals(t, file)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := agree(t, openStoreFor(t, now), now, "desk.example/orders", "online_retail_terms.yaml")

	var from, sum int64
	var held []byte
	var done imported
	for months := 0; ; months++ {
		var closing record.Time
		var more bool
		if err := d.State(func(s *fee.State) error {
			_, closing, more = s.Next()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !more {
			if months != 6 {
				t.Errorf("%d months were settled, want 6", months)
			}
			break
		}
		before := done
		done = d.load("online_retail.yaml", file, closing)
		if done.Rows != 209029 || done.AlreadyThere != before.Appended+before.AlreadyThere || done.Appended == 0 && months < 5 {
			t.Errorf("until %s: %+v after %+v", closing, done, before)
		}
		r, s := d.settle()
		if got := string(s.Total); got != fmt.Sprintf("%d.00", want[s.Period]) || want[s.Period] == 0 {
			t.Errorf("%s: total %s, want %d.00", s.Period, got, want[s.Period])
		}
		sum += want[s.Period]
		note := d.cosign()
		report := d.verified(from, held)
		if report.Start != from || report.Size != r.Log.N+1 {
			t.Errorf("%s: verified %d to %d, want %d to %d", s.Period, report.Start, report.Size, from, r.Log.N+1)
		}
		from, held = r.Log.N, note
		t.Logf("%s: total %s %s, %d records verified from %d", s.Period, s.Total, s.Currency, report.Size-report.Start, report.Start)
	}
	// 9,106 invoices, 3,783 cancellation lines: the figures of the data's
	// README, and those of TestOnlineRetail in package mapping.
	if done.Outcomes != 9106 || done.Full != 58 || done.Partial != 2518 || done.Unmatched != 1207 || done.Later != 0 {
		t.Errorf("imported in the end: %+v", done)
	}
	if sum != 226 {
		t.Errorf("total of the six months %d, want 226", sum)
	}
	again := d.load("online_retail.yaml", file, math.MaxInt64)
	if again.Appended != 0 || again.AlreadyThere != 9106+3783 || again.Size != d.Size() {
		t.Errorf("imported again: %+v", again)
	}
}

// The command at the head of docs/import.md prints what stands there.
func TestImportDocument(t *testing.T) {
	file := sampleData(t, "online_retail/lines.csv.gz")
	text, err := os.ReadFile("../../docs/import.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```\n")
	if len(blocks) < 4 || !strings.HasPrefix(blocks[1], "raasledger import --db store --map orders.yaml lines.csv.gz\n") {
		t.Fatalf("docs/import.md does not begin with the command")
	}
	dir := t.TempDir()
	db, err := ledger.Open(dir, ledger.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	agree(t, db, clock(), "shop.example/agent-1", "online_retail_terms.yaml")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := run(newApp(clock), "import", "--db", dir, "--map", "../../testdata/mappings/online_retail.yaml", file)
	if code != 0 || stderr != "" || stdout != blocks[3] {
		t.Errorf("exit %d %s\ngot\n%swant\n%s", code, stderr, stdout, blocks[3])
	}
}

// shopTotals computes the fee of each month from the file alone, in integers
// of a tenth of a penny, with nothing of this module.
func shopTotals(t testing.TB, file string) map[string]int64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(zip).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	const number, article, quantity, date, price, customer = 0, 1, 3, 4, 5, 6
	type invoice struct {
		value int64
		at    time.Time
	}
	type sold struct {
		key     string
		invoice string
		left    int64
	}
	mills := func(text string) int64 {
		whole, decimals, _ := strings.Cut(text, ".")
		n, err := strconv.ParseInt(whole+(decimals + "000")[:3], 10, 64)
		if err != nil || len(decimals) > 3 {
			t.Fatalf("price %q", text)
		}
		return n
	}
	invoices := map[string]*invoice{}
	lines := map[string][]*sold{}
	type cancellation struct {
		invoice string
		value   int64
		at      time.Time
	}
	var cancelled []cancellation
	for _, row := range rows[1:] {
		n, err := strconv.ParseInt(row[quantity], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.DateTime, row[date])
		if err != nil {
			t.Fatal(err)
		}
		key := row[customer] + "|" + row[article] + "|" + row[price]
		if !strings.HasPrefix(row[number], "C") {
			i := invoices[row[number]]
			if i == nil {
				i = &invoice{}
				invoices[row[number]] = i
			}
			i.value += n * mills(row[price])
			i.at = at // of its last line
			lines[key] = append(lines[key], &sold{key, row[number], n})
			continue
		}
		if row[customer] == "" {
			continue
		}
		for k := len(lines[key]) - 1; k >= 0; k-- {
			if line := lines[key][k]; line.left >= -n {
				line.left += n
				cancelled = append(cancelled, cancellation{line.invoice, -n * mills(row[price]), at})
				break
			}
		}
	}
	for _, c := range cancelled {
		if i := invoices[c.invoice]; !c.at.After(i.at.Add(15 * 24 * time.Hour)) {
			i.value -= c.value
		}
	}
	totals := map[string]int64{}
	for _, i := range invoices {
		if i.value >= 20_000 && i.value <= 30_000 {
			totals[i.at.Format("2006-01")] += 2
		}
	}
	return totals
}
