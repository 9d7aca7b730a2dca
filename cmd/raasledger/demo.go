package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/internal/command"
	"github.com/raasledger/raasledger/internal/keyfile"
	"github.com/raasledger/raasledger/internal/story"
	"github.com/raasledger/raasledger/ledger"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
	"github.com/raasledger/raasledger/verify/bundle"
)

//go:embed demo/agreement.yaml
var demoFiles embed.FS

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:      "demo",
		Usage:     "show the whole way on an invented month, and three frauds that fail; or on one of many agreements",
		ArgsUsage: "[NAME]",
		Description: `A support desk is paid per ticket that its agent resolves without a human. The
demo records March 2026, settles it, writes a bundle, verifies it as the
client's auditor would, and then cheats. Everything stays in a folder, to go
on with.

With NAME it takes one of the agreements that --list names the same way, and
prints beside its statements the arithmetic that somebody worked by hand.

Examples:
    raasledger demo
    raasledger demo --dir here
    raasledger demo --list
    raasledger demo sierra`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "leave the files in `DIR`, which is made", DefaultText: "a new temporary one"},
			&cli.BoolFlag{Name: "list", Usage: "name the agreements that can be shown"},
		},
		Action: runDemo,
	}
}

func runDemo(c *cli.Context) (err error) {
	dir := c.String("dir")
	if c.Bool("list") {
		if _, err := command.Args(c); err != nil {
			return err
		}
		return listExamples(c.App.Writer)
	}
	if c.NArg() > 0 {
		args, err := command.Args(c, "NAME")
		if err != nil {
			return err
		}
		return runExample(c, args[0], dir)
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "raasledger-demo-"); err != nil {
			return err
		}
	} else if err := os.Mkdir(dir, 0o755); err != nil {
		return command.Failed("name a folder that is not there yet", err)
	}
	if strings.HasPrefix(dir, "-") {
		dir = "./" + dir // the commands it ends with name it in front of its files
	}
	d := &demo{dir: dir, out: c.App.Writer, now: demoBegin,
		vendor: demoKey("vendor"), client: demoKey("client"), log: demoKey("log"), cited: map[string]record.Digest{}}
	d.signer.Key = d.client
	db, err := ledger.Open(filepath.Join(dir, "store"), ledger.Options{Clock: func() time.Time { return d.now }})
	if err != nil {
		return storeError(err)
	}
	defer func() {
		if closeErr := db.Close(); err == nil {
			err = storeError(closeErr)
		}
	}()
	if err := d.run(c.Context, db); err != nil {
		return storeError(err)
	}
	return d.err
}

// A demo is one run, in its folder, on its own clock.
type demo struct {
	dir                 string
	out                 io.Writer
	err                 error // of writing to out
	now                 time.Time
	vendor, client, log ed25519.PrivateKey
	signer              story.Signer
	cited               map[string]record.Digest // content digests of the records appended, by id

	terms    *terms.Terms
	ledger   *ledger.Ledger
	tickets  []ticket
	disputed ticket
	policy   *bundle.Policy
	held     []byte // checkpoint that the client keeps from the middle of the month
	step     int
}

func (d *demo) run(ctx context.Context, db *ledger.DB) error {
	for _, step := range []func(context.Context, *ledger.DB) error{
		d.agree, d.record, d.settle, d.bundle, d.verify, d.explain, d.cheat,
	} {
		if err := step(ctx, db); err != nil {
			return err
		}
	}
	d.farewell()
	return nil
}

func (d *demo) print(format string, args ...any) {
	if d.err == nil {
		_, d.err = fmt.Fprintf(d.out, format, args...)
	}
}

// title begins a numbered step.
func (d *demo) title(format string, args ...any) {
	d.step++
	if d.step > 1 {
		d.print("\n")
	}
	d.print("%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

func (d *demo) write(name string, text []byte) error {
	return os.WriteFile(d.path(name), text, 0o644)
}

// agree signs the terms by both keys and begins the ledger.
func (d *demo) agree(ctx context.Context, db *ledger.DB) error {
	yaml, err := demoFiles.ReadFile("demo/agreement.yaml")
	if err != nil {
		return err
	}
	doc, err := readYAML(yaml)
	if err != nil {
		return err
	}
	canonical, mistakes := terms.Draft(doc.json, zoneOffsets)
	for _, m := range mistakes {
		if !m.Warning {
			return fmt.Errorf("demo/agreement.yaml: %s: %s", m.Path, m.Reason)
		}
	}
	if d.terms, mistakes = terms.Parse(canonical); d.terms == nil {
		return fmt.Errorf("demo/agreement.yaml: %v", mistakes)
	}
	logKey, err := merkle.NewVerifierKey(demoOrigin, merkle.KindLog, d.log.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	witness, err := merkle.NewVerifierKey(demoWitness, merkle.KindCosignature, d.client.Public().(ed25519.PublicKey))
	if err != nil {
		return err
	}
	policy := []byte("log " + logKey.String() + "\nwitness client " + witness.String() + "\nquorum client\n")
	if d.policy, err = bundle.ParsePolicy(policy); err != nil {
		return err
	}
	agreement := &record.Record{Kind: record.KindAgreement, ID: "agreement/1", At: record.Time(d.now.UnixMilli()), By: demoVendor, Body: &record.Agreement{
		Version: 1, Format: "raasledger/v1", Origin: demoOrigin, LogKey: logKey.String(),
		Nonce: base64.StdEncoding.EncodeToString([]byte("a demo's nonce..")), Terms: canonical,
	}}
	for _, key := range []ed25519.PrivateKey{d.vendor, d.client} {
		if err := record.Sign(agreement, demoOrigin, key); err != nil {
			return err
		}
	}
	line, err := record.Marshal(agreement)
	if err != nil {
		return err
	}
	for _, half := range []struct {
		name string
		key  ed25519.PrivateKey
	}{{"vendor.key", d.vendor}, {"client.key", d.client}, {"log.key", d.log}} {
		private, public, err := keyfile.Format(half.key, half.key.Public().(ed25519.PublicKey), "demo", nil)
		if err != nil {
			return err
		}
		if err := os.WriteFile(d.path(half.name), private, 0o600); err != nil {
			return err
		}
		if err := d.write(half.name+".pub", public); err != nil {
			return err
		}
	}
	for name, text := range map[string][]byte{"agreement.yaml": yaml, "agreement.json": append(line, '\n'), "policy": policy} {
		if err := d.write(name, text); err != nil {
			return err
		}
	}
	if d.ledger, err = db.Create(ctx, agreement); err != nil {
		return err
	}
	d.print("A support desk that is paid by result, in March 2026: invented, and the same each time.\n\n")
	d.title("Agree: agreement.yaml, signed by vendor and client")
	d.print("   0.99 EUR a ticket resolved without a human; transfers are free; a ticket that is\n")
	d.print("   reopened within 14 days is given back; silence accepts after 3 days.\n")
	return nil
}

// record appends the month, a day at a time; in the middle the client
// cosigns a checkpoint and keeps it, and the vendor records that as a receipt.
func (d *demo) record(ctx context.Context, _ *ledger.DB) error {
	var scenes []scene
	d.tickets, scenes = demoStory()
	day := demoBegin
	var batch []*record.Record
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		_, err := d.ledger.Append(ctx, batch...)
		batch = nil
		return err
	}
	kinds := map[record.Kind]int{}
	for _, s := range scenes {
		if !s.at.Before(demoClosing) {
			continue
		}
		for !s.at.Before(day.Add(30 * time.Minute)) {
			if err := flush(); err != nil {
				return err
			}
			if d.held == nil && !day.Before(demoMid) {
				if err := d.receive(ctx); err != nil {
					return err
				}
			}
			day = day.Add(30 * time.Minute)
		}
		d.now = day.Add(30 * time.Minute)
		if s.client {
			if err := d.signer.Sign(s.record, demoOrigin, d.cited); err != nil {
				return err
			}
			if s.record.Kind == record.KindDispute {
				d.disputed = d.ticket(s.record.Case)
			}
		}
		digest, err := record.ContentDigest(s.record)
		if err != nil {
			return err
		}
		d.cited[s.record.ID] = digest
		kinds[s.record.Kind]++
		batch = append(batch, s.record)
	}
	if err := flush(); err != nil {
		return err
	}
	d.title("Record: %d tickets of March 2026 in %d records", len(d.tickets), d.ledger.Size())
	d.print("   %d decisions, %d replies, %d handoffs, %d outcomes, %d reopenings by the vendor;\n",
		kinds[record.KindDecision], kinds[record.KindAction], kinds[record.KindHandoff], kinds[record.KindOutcome], kinds[record.KindReverse])
	d.print("   %d confirmations and %d dispute, signed by the client's own key. On 16 March the\n", kinds[record.KindConfirm], kinds[record.KindDispute])
	d.print("   client cosigned a checkpoint, which says \"received\", and kept it: checkpoint.16-march\n")
	return nil
}

func (d *demo) ticket(matter string) ticket {
	for _, t := range d.tickets {
		if "ticket/"+t.id == matter {
			return t
		}
	}
	panic("demo: no " + matter)
}

// cosigned returns a checkpoint of the ledger, cosigned by the client.
func (d *demo) cosigned(ctx context.Context) ([]byte, error) {
	note, err := d.ledger.Checkpoint(ctx, d.log)
	if err != nil {
		return nil, err
	}
	if note, err = merkle.Cosign(note, demoWitness, d.client, d.now.Unix()); err != nil {
		return nil, err
	}
	return d.ledger.Cosigned(ctx, note)
}

// receive makes the checkpoint that the client keeps, and records it.
func (d *demo) receive(ctx context.Context) (err error) {
	if d.held, err = d.cosigned(ctx); err != nil {
		return err
	}
	if err := d.write("checkpoint.16-march", d.held); err != nil {
		return err
	}
	_, err = d.ledger.Append(ctx, &record.Record{Kind: record.KindReceipt, ID: "receipt/1", At: record.Time(d.now.UnixMilli()), By: demoVendor,
		Body: &record.Receipt{Checkpoint: strings.Split(strings.TrimSuffix(string(d.held), "\n"), "\n")}})
	return err
}

func (d *demo) settle(ctx context.Context, _ *ledger.DB) error {
	d.now = demoClosing
	r, err := d.ledger.Settle(ctx)
	if err != nil {
		return err
	}
	s, ok := r.Body.(*record.Statement)
	if !ok {
		return fmt.Errorf("record %s is of kind %s", r.ID, r.Kind)
	}
	d.title("Settle: statement %s, record %d, computed from the records before it", s.Period, r.Log.N)
	for _, l := range s.Lines {
		d.print("   %s %s: %s %s\n", l.Quantity, l.Name, l.Amount, s.Currency)
	}
	for _, k := range s.Counts {
		words, ok := demoReasons[k.Reason]
		if !ok {
			return fmt.Errorf("the statement counts %d %s, which the story does not have", k.N, k.Reason)
		}
		d.print("   %7d %-16s %s\n", k.N, strings.ReplaceAll(k.Reason, "_", " "), words)
	}
	d.print("   total due: %s %s\n", s.Total, s.Currency)
	return nil
}

func (d *demo) bundle(ctx context.Context, _ *ledger.DB) error {
	note, err := d.cosigned(ctx)
	if err != nil {
		return err
	}
	if err := d.write("checkpoint", note); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := d.ledger.WriteBundle(ctx, &text, ledger.BundleOptions{}); err != nil {
		return err
	}
	if err := d.write("march.bundle", text.Bytes()); err != nil {
		return err
	}
	d.title("Bundle: march.bundle, one text file of %d KiB with everything in it", (text.Len()+1023)/1024)
	return nil
}

// check verifies a bundle of the folder as the client would: with the
// client's policy and the checkpoint that the client kept.
func (d *demo) check(name string) (*verify.Report, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return verify.Verify(f, verify.Options{Policy: d.policy, Since: d.held, Now: record.Time(d.now.UnixMilli())})
}

func (d *demo) verify(context.Context, *ledger.DB) error {
	report, err := d.check("march.bundle")
	if err != nil {
		return err
	}
	d.title("Verify, as the client: the code of raasverify check")
	d.print("   %s  size %d  root %s\n", report.Origin, report.Size, report.Root)
	for _, check := range report.Checks {
		d.print("   %-12s %-18s %s\n", check.Result, check.Name, command.Printable(check.Text))
	}
	d.print("   %s\n", report.Result())
	if report.Verdict != verify.Verified {
		return errors.New("the honest bundle is not verified")
	}
	return nil
}

func (d *demo) explain(context.Context, *ledger.DB) error {
	billed, unbilled := -1, -1
	for i, t := range d.tickets {
		plain := t.solved && !t.transfer
		if billed < 0 && plain && t.reopened == 0 {
			billed = i
		}
		if unbilled < 0 && plain && t.reopened > 0 && t.reopened < 14*24*time.Hour {
			unbilled = i
		}
	}
	d.title("Explain: why was a ticket billed, or not?")
	return d.ledger.State(func(s *fee.State) error {
		for _, i := range []int{billed, unbilled} {
			e, err := s.Explain("closed/" + d.tickets[i].id)
			if err != nil {
				return err
			}
			d.print("   %s %s\n", e.Result, e.Key)
			for _, line := range e.Words() {
				d.print("     %s\n", command.Printable(line))
			}
		}
		return nil
	})
}

// cheat lets the vendor forge the bundle three times. A forgery that is not
// refused is an error of this program.
func (d *demo) cheat(context.Context, *ledger.DB) error {
	honest, err := os.ReadFile(d.path("march.bundle"))
	if err != nil {
		return err
	}
	fact := -1
	for i, t := range d.tickets {
		if t.transfer && t.solved && t.closed.Before(demoMid.Add(-96*time.Hour)) {
			fact = i
		}
	}
	d.title("Cheat: the vendor forges the bundle, and signs what it forged")
	d.print("   It holds the log key, so each forgery has a valid signature. What it cannot make is\n")
	d.print("   the client's cosignature, so check witnesses alone would already be unproven.\n")
	for i, cheat := range demoCheats(d.tickets[fact], d.disputed) {
		records, err := bundleRecords(honest)
		if err != nil {
			return err
		}
		if records, err = cheat.do(records); err != nil {
			return fmt.Errorf("%s: %w", cheat.file, err)
		}
		var text bytes.Buffer
		if err := forge(&text, records, d.log); err != nil {
			return fmt.Errorf("%s: %w", cheat.file, err)
		}
		if err := d.write(cheat.file, text.Bytes()); err != nil {
			return err
		}
		report, err := d.check(cheat.file)
		if err != nil {
			return err
		}
		d.print("\n   %c. %s\n", 'a'+i, strings.ReplaceAll(cheat.told, "\n", "\n      "))
		for _, check := range report.Checks {
			if check.Result == verify.Failed {
				d.print("      %s  %s: %s\n", check.Result, check.Name, command.Printable(check.Text))
			}
		}
		d.print("      %s\n", report.Result())
		if report.Verdict != verify.Refused {
			return fmt.Errorf("%s is %s, want refused", cheat.file, report.Verdict)
		}
	}
	return nil
}

// farewell prints commands that go on from here.
func (d *demo) farewell() {
	prefix := goRun(filepath.ToSlash(os.Args[0]))
	d.print("\nThe files are in %s. Go on with:\n", d.dir)
	for _, line := range []string{
		"raasverify check DIR/march.bundle --policy DIR/policy --since DIR/checkpoint.16-march",
		"raasverify check DIR/cheat-1-fact.bundle --policy DIR/policy --since DIR/checkpoint.16-march",
		"raasverify explain DIR/march.bundle resolved/ticket/" + d.disputed.id + " --policy DIR/policy",
		"raasledger show --db DIR/store --case ticket/" + d.disputed.id,
	} {
		d.print("   %s%s\n", prefix, strings.ReplaceAll(line, "DIR", quoteShell(d.dir)))
	}
}

// demoReasons says what the statement's reasons mean in this story.
var demoReasons = map[string]string{
	"after_guarantee": "these reopenings came after 14 days; their tickets stay billed",
	"billed":          "solved, and accepted by the client or by its silence",
	"disputed":        "the client objects, and nobody has decided yet",
	"escalated":       "a human took over",
	"reopened":        "the customer came back within 14 days",
	"where":           "the terms' condition is not met: the ticket was not solved",
}

// goRun is the prefix that the commands need where this one was started by
// go run: then there are no installed ones. go run starts what it builds in
// .../go-build123/b001/exe, or later in its cache, in a folder named by a
// hash and -d.
func goRun(self string) string {
	folder := path.Dir(self)
	if cached := path.Base(folder); strings.HasSuffix(folder, "/exe") && strings.Contains(folder, "/go-build") || len(cached) == 66 && strings.HasSuffix(cached, "-d") {
		return "go run ./cmd/"
	}
	return ""
}

// quoteShell quotes a path for a shell where it needs it.
func quoteShell(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-", r))
	}) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
