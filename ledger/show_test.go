package ledger

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
)

// TestSelectiveDisclosure: a bundle shows what is chosen, the verifier checks
// it and reports the rest; all of it holds after an erasure.
func TestSelectiveDisclosure(t *testing.T) {
	clock := newClock()
	dir := scratch(t)
	db, l := withChat(t, dir, clock, small(clock))
	_, err := l.AppendEvidence(ctx, outcome("o-2", "T-2", clock.now), Evidence{Attach: []Attachment{{Name: "transcript", Content: strings.NewReader("SECOND")}}})
	must(t, err)
	_, err = l.Checkpoint(ctx, key("log"))
	must(t, err)
	r, err := l.recordAt(1)
	must(t, err)
	k, err := l.keys()
	must(t, err)
	write := func(show Selection, id *evidence.Identity) (*verify.Report, string, error) {
		var b bytes.Buffer
		if err := l.WriteBundle(ctx, &b, BundleOptions{Show: show, Key: id}); err != nil {
			return nil, "", err
		}
		note, err := l.Kept(0)
		must(t, err)
		policy, err := k.policy(parsed(t, note))
		must(t, err)
		report, err := verify.Verify(bytes.NewReader(b.Bytes()), verify.Options{Policy: policy})
		must(t, err)
		return report, b.String(), nil
	}
	in := func(s ...string) Selection { return Selection{Disclose: s} }
	for _, c := range []struct {
		name string
		show Selection
		want string
	}{
		{"nothing", Selection{}, "none carried; the records commit to 3 attachments and 2 sealed fields"},
		{"all", in("all"), "3 of 3 attachments, 2 of 2 sealed fields carried, as committed"},
		{"attachment", in("transcript"), "2 of 3 attachments, 0 of 2 sealed fields carried, as committed; 3 withheld"},
		{"of one record", in("o-2#transcript"), "1 of 3 attachments, 0 of 2 sealed fields carried, as committed; 4 withheld"},
		{"all of one record", in("o-2#all"), "1 of 3 attachments, 0 of 2 sealed fields carried, as committed; 4 withheld"},
		{"field", in("customer"), "0 of 3 attachments, 1 of 2 sealed fields carried, as committed; 4 withheld"},
		{"field by digest", in(string(r.Sealed[0])), "0 of 3 attachments, 1 of 2 sealed fields carried, as committed; 4 withheld"},
		{"all but", Selection{[]string{"all"}, []string{"iban", "photo", string(r.Sealed[0])}}, ""},
		{"withheld all the same", Selection{[]string{"photo"}, []string{"all"}}, "none carried; the records commit to 3 attachments and 2 sealed fields"},
	} {
		report, text, err := write(c.show, identity(t, "vendor"))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		last := report.Checks[len(report.Checks)-1]
		if report.Verdict == verify.Refused || c.want != "" && last.Text != c.want {
			t.Errorf("%s: %s: got %q, want %q", c.name, report.Verdict, last.Text, c.want)
		}
		if c.name == "all but" && (strings.Contains(text, `"attachment":"photo"`) || strings.Contains(text, "U0VDUkVULWliYW4") || !strings.Contains(text, `"attachment":"transcript"`)) {
			t.Errorf("%s: %s", c.name, last.Text)
		}
	}
	_, _, err = write(in("all"), nil)
	wantError(t, err, "evidence is to be shown, and there is no key to open it")
	_, _, err = write(in("all"), identity(t, "stranger"))
	if !errors.Is(err, evidence.ErrNotHeld) {
		t.Errorf("got %v, want %v", err, evidence.ErrNotHeld)
	}

	// A bundle made after an erasure verifies, and says what is erased.
	_, _, err = l.Erase(ctx, Erasure{ID: "erase/1", Of: "o-1", Basis: "asked", Scope: []string{"transcript", string(r.Sealed[0])}, Improper: true})
	must(t, err)
	_, err = l.Checkpoint(ctx, key("log"))
	must(t, err)
	report, text, err := write(in("all"), identity(t, "vendor"))
	must(t, err)
	if want := "2 of 3 attachments, 1 of 2 sealed fields carried, as committed; 0 withheld, 2 erased or restricted"; report.Checks[len(report.Checks)-1].Text != want || report.Verdict == verify.Refused {
		t.Errorf("%s: got %q, want %q", report.Verdict, report.Checks[len(report.Checks)-1].Text, want)
	}
	if len(report.Withheld) != 2 || report.Withheld[0].Name != "transcript" || report.Withheld[0].Erased != 3 || report.Withheld[0].State != record.Erased || strings.Contains(text, "U0VDUkVULXRyYW5zY3JpcHQ") {
		t.Errorf("withheld %+v", report.Withheld)
	}
	// What is damaged is said, not left out.
	item, err := l.Item(2, "transcript")
	must(t, err)
	path := l.evidencePath(2, item.Digest)
	whole, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Remove(path))
	if _, _, err = write(in("all"), identity(t, "vendor")); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v, want %v", err, ErrDamaged)
	}
	must(t, os.WriteFile(path, whole, 0o600))
	done(t, db)
}

func parsed(t testing.TB, note []byte) merkle.Note {
	t.Helper()
	n, err := merkle.ParseNote(note)
	must(t, err)
	return n
}
