package capture

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/raasledger/raasledger/attribution/record"
)

var update = flag.Bool("update", false, "rewrite what the tests expect; read the diff")

const captures = "../../testdata/captures"

var settings = Settings{Origin: "vendor.example/contract-17", SaltKey: bytes.Repeat([]byte("k"), MinSaltKeyBytes)}

func readMap(t testing.TB, format string) *Map {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(captures, format+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !Knows(text) {
		t.Fatalf("%s.yaml is not known as a map", format)
	}
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	m.operator = "vendor"
	return m
}

// lines are the records of a file, each with its place.
func lines(t testing.TB, items []Item) string {
	t.Helper()
	var b strings.Builder
	for _, item := range items {
		line, err := record.Marshal(item.Record)
		if err != nil {
			t.Fatal(err)
		}
		if len(line) != item.Bytes {
			t.Errorf("%s: %d bytes, said to be %d", item.Record.ID, len(line), item.Bytes)
		}
		fmt.Fprintf(&b, "%s\n", line)
	}
	return b.String()
}

// compare holds text against a file of testdata.
func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", filepath.Base(path), diff)
	}
}

// Each form has a sample whose records and counts were read by eye.
func TestSamples(t *testing.T) {
	for format, name := range map[string]string{"transcript": "transcript.json", "otlp": "otlp.jsonl", "agentops": "agentops.json"} {
		text, err := os.ReadFile(filepath.Join(captures, name))
		if err != nil {
			t.Fatal(err)
		}
		items, counts, err := readMap(t, format).Records(bytes.NewReader(text), settings)
		if err != nil {
			t.Fatal(err)
		}
		what, err := json.Marshal(counts)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join(captures, format+".records"), lines(t, items)+string(what)+"\n")

		// Nothing of what was said stands there, and a mark in front of the
		// text or another order of spans changes nothing.
		all := lines(t, items)
		for _, secret := range []string{"Ann", "broken", "support agent", "12.50", "cancel order", "cancelled", "be kind", "a song"} {
			if strings.Contains(all, secret) {
				t.Errorf("%s: %q stands in a record", format, secret)
			}
		}
		again, _, err := readMap(t, format).Records(strings.NewReader("\xef\xbb\xbf"+string(text)), settings)
		if err != nil || lines(t, again) != all {
			t.Errorf("%s: with a byte order mark other records, %v", format, err)
		}
		other := settings
		other.Origin = "vendor.example/contract-18"
		elsewhere, _, err := readMap(t, format).Records(bytes.NewReader(text), other)
		if err != nil {
			t.Fatal(err)
		}
		digests := map[record.Digest]bool{}
		for _, item := range items {
			for _, a := range item.Record.Attach {
				if digests[a.Digest] {
					t.Errorf("%s: %s: a digest is there twice", format, item.Record.ID)
				}
				digests[a.Digest] = true
			}
		}
		for _, item := range elsewhere {
			for _, a := range item.Record.Attach {
				if digests[a.Digest] {
					t.Errorf("%s: %s: two ledgers have one digest", format, item.Record.ID)
				}
			}
		}
	}
}

// A record never stands before one that it refers to.
func TestOrder(t *testing.T) {
	for format, name := range map[string]string{"transcript": "transcript.json", "otlp": "otlp.jsonl", "agentops": "agentops.json"} {
		text, err := os.ReadFile(filepath.Join(captures, name))
		if err != nil {
			t.Fatal(err)
		}
		items, _, err := readMap(t, format).Records(bytes.NewReader(text), settings)
		if err != nil {
			t.Fatal(err)
		}
		at := map[string]record.Time{}
		refs := 0
		for _, item := range items {
			r := item.Record
			for _, ref := range record.References(r) {
				refs++
				if ref.ID == "grant/care-3" {
					continue // of the ledger, as the map says
				}
				before, ok := at[ref.ID]
				if !ok || before > r.At {
					t.Errorf("%s: %s of %s is %s, which is not before it", format, ref.Field, r.ID, ref.ID)
				}
			}
			at[r.ID] = r.At
		}
		if refs == 0 {
			t.Errorf("%s: no references", format)
		}
	}
}

// The spans of an export in another order give the same records.
func TestSpansInAnyOrder(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(captures, "otlp.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	items, _, err := readMap(t, "otlp").Records(bytes.NewReader(text), settings)
	if err != nil {
		t.Fatal(err)
	}
	exports := strings.SplitAfter(string(text), "\n")
	turned, _, err := readMap(t, "otlp").Records(strings.NewReader(exports[1]+exports[0]), settings)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines(t, items), lines(t, turned)); diff != "" {
		t.Error(diff)
	}
}

// Damaged files are refused with the place, and give no record at all.
func TestDamaged(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(captures, "damaged", "*.json"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		format, _, _ := strings.Cut(filepath.Base(file), "-")
		items, _, err := readMap(t, format).Records(bytes.NewReader(text), settings)
		if err == nil || items != nil {
			t.Errorf("%s: is taken, %d records", filepath.Base(file), len(items))
			continue
		}
		compare(t, strings.TrimSuffix(file, ".json")+".error", err.Error()+"\n")
	}
}

// The digests are what the document says, computed here from its words.
func TestDigests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(captures, "transcript.json"))
	if err != nil {
		t.Fatal(err)
	}
	items, _, err := readMap(t, "transcript").Records(bytes.NewReader(text), settings)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, item := range items {
		r := item.Record
		for _, want := range []struct{ id, salted, name, content string }{
			{"run/r1/1", "run/r1/1", "content", "My order 7 came broken. I am Ann."},
			{"run/r1/2/0", "run/r1/2/0", "arguments", `{"id": 7}`},
			{"run/r1/5", "run/r1/5", "output", "A colleague will look at it."},
			{"run/r1/5/0", "run/r1/5/0", "arguments", `{"summary":"broken"}`},
			{"run/r1/8", "run/r1/8", "content", `[{"type":"text","text":"Bye"}]`},
			{"config/care-3/", "config/care-3", "prompt", "You are a support agent."},
		} {
			if r.ID != want.id && !(r.Kind == record.KindConfig && strings.HasPrefix(r.ID, want.id)) {
				continue
			}
			mac := hmac.New(sha256.New, []byte(strings.Repeat("k", 32)))
			io.WriteString(mac, "raasledger capture v1\nvendor.example/contract-17\n"+want.salted+"\n"+want.name)
			digest := record.Sum(append(mac.Sum(nil), want.content...))
			i := slices.IndexFunc(r.Attach, func(a record.Attachment) bool { return a.Name == want.name })
			if i < 0 || r.Attach[i].Digest != digest || r.Attach[i].Size != int64(len(want.content)) {
				t.Errorf("%s: attachments %v, want %s of %d bytes with %s", r.ID, r.Attach, want.name, len(want.content), digest)
			}
			switch b := r.Body.(type) {
			case *record.Decision:
				if b.Output != digest {
					t.Errorf("%s: output %s, want %s", r.ID, b.Output, digest)
				}
			case *record.Config:
				if b.Prompt != digest {
					t.Errorf("%s: prompt %s, want %s", r.ID, b.Prompt, digest)
				}
			}
			checked++
		}
	}
	if checked != 6 {
		t.Errorf("%d digests were compared, want 6", checked)
	}
}
