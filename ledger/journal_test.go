package ledger

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/ledger/evidence"
	"github.com/raasledger/raasledger/merkle"
)

// exampleStore is the id of the store in the document's example.
var exampleStore = storeID{0: 0x5f, 15: 0x01}

// exampleFrames are the frames of the document's example.
func exampleFrames() []frame {
	lines := [][]byte{[]byte(`{"id":"agreement/1"}`), []byte(`{"id":"o-1"}`)}
	var f merkle.Frontier
	for _, line := range lines {
		if err := f.Append(merkle.LeafHash(line)); err != nil {
			panic(err)
		}
	}
	base := baseItem{exampleStore}.append(nil)
	group := createItem{1, "vendor.example/contract-17"}.append(nil)
	group = recordsItem{number: 1, first: 0, lines: lines, root: f.Root()}.append(group)
	note := noteItem{number: 1, size: 2, note: []byte("vendor.example/contract-17\n2\n" + f.Root().String() + "\n\n" + "\u2014 vendor.example/contract-17 AAAAAAAA\n")}.append(nil)
	frames := []frame{{segment: 1, seq: 1, body: base}, {segment: 1, seq: 2, body: group}, {segment: 1, seq: 3, body: note}}
	for i := range frames {
		if i > 0 {
			frames[i].prev = frames[i-1].sum
		}
		frames[i].sum = frames[i].checksum(exampleStore)
	}
	return frames
}

// TestDocument: the example of docs/store.md is what the code writes, and is
// read back.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "store.md"))
	must(t, err)
	_, rest, ok := strings.Cut(string(text), "```journal\n")
	example, _, ok2 := strings.Cut(rest, "```\n")
	if !ok || !ok2 {
		t.Fatal("docs/store.md has no example of a journal")
	}
	var want strings.Builder
	for _, f := range exampleFrames() {
		want.WriteString(f.firstLine())
		want.Write(f.body)
	}
	if example != want.String() {
		t.Errorf("docs/store.md has\n%s\nwant\n%s", example, want.String())
	}
	b := []byte(example)
	for i, w := range exampleFrames() {
		f, n, err := parseFrame(b, exampleStore)
		must(t, err)
		if f.seq != w.seq || !bytes.Equal(f.body, w.body) {
			t.Errorf("frame %d: got %+v", i+1, f)
		}
		if _, err := parseBody(f.body, exampleStore); err != nil {
			t.Error(err)
		}
		b = b[n:]
	}
}

func TestParseBody(t *testing.T) {
	for text, want := range map[string]string{
		"base 00\n":                                      "base is of store 00, want 5f000000000000000000000000000001",
		"records 1 0 1 x\n{}\n":                          "hash",
		"records 0 0 1 x\n":                              `"0" is no number of a ledger`,
		"records 1 01 1 x\n":                             `"01" is no size`,
		"ledger 1 2\n":                                   `item "ledger 1 2" is not known`,
		"note 1 2 30\nshort":                             `item "note 1 2 30" has 5 bytes`,
		"create 1 a":                                     `item "create 1 a" does not end with a line end`,
		"evidence 1 7 attachment sha256:00\n":            `digest "sha256:00"`,
		"evidence 1 7 photo " + emptyDigest + "\n":       `"photo" is no kind of evidence`,
		"evidence 1 07 attachment " + emptyDigest + "\n": `"07" is no size`,
		"hello\n":                                        `item "hello" is not known`,
		"records 1 0 3 " + zeroRoot + "\n{}\n{}\n":       "lacks 1 records",
	} {
		_, err := parseBody([]byte(text), exampleStore)
		wantError(t, err, want)
	}
}

var emptyDigest = string(record.Sum(nil))

var zeroRoot = merkle.Hash{}.String()

// FuzzFrame: what parses is written again in the same bytes.
func FuzzFrame(f *testing.F) {
	for _, fr := range exampleFrames() {
		f.Add(append([]byte(fr.firstLine()), fr.body...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fr, n, err := parseFrame(b, exampleStore)
		if err != nil {
			return
		}
		if again := append([]byte(fr.firstLine()), fr.body...); !bytes.Equal(again, b[:n]) {
			t.Errorf("got %q, want %q", again, b[:n])
		}
	})
}

// FuzzBody: what parses is written again in the same bytes.
func FuzzBody(f *testing.F) {
	for _, fr := range exampleFrames() {
		f.Add(fr.body)
	}
	f.Add(evidenceItem{1, 7, evidence.Disclosure, record.Sum(nil)}.append(nil))
	f.Add(ledgerItem{7, head{12, merkle.EmptyRoot}, "vendor.example/7"}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		items, err := parseBody(b, exampleStore)
		if err != nil {
			return
		}
		var again []byte
		for _, item := range items {
			switch i := item.(type) {
			case baseItem:
				again = i.append(again)
			case ledgerItem:
				again = i.append(again)
			case createItem:
				again = i.append(again)
			case recordsItem:
				again = i.append(again)
			case evidenceItem:
				again = i.append(again)
			case noteItem:
				again = i.append(again)
			}
		}
		if !bytes.Equal(again, b) {
			t.Errorf("got %q, want %q", again, b)
		}
	})
}

// FuzzKeys: the values of the indexes.
func FuzzKeys(f *testing.F) {
	f.Add(head{3, merkle.EmptyRoot}.encode())
	f.Add(idEntry{n: 3, matter: "T-1"}.encode())
	f.Add(chainHead{1, 2}.encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := decodeHead(b); err == nil && !bytes.Equal(h.encode(), b) {
			t.Errorf("head %x gives %x", b, h.encode())
		}
		if d, ok := decodeDestroyed(b); ok && !bytes.Equal(d.encode(), b) {
			t.Errorf("destroyed %x gives %x", b, d.encode())
		}
		if e, err := decodeID(b); err == nil && !bytes.Equal(e.encode(), b) {
			t.Errorf("id %x gives %x", b, e.encode())
		}
		if h, err := decodeChain(b); err == nil && !bytes.Equal(h.encode(), b) {
			t.Errorf("chain %x gives %x", b, h.encode())
		}
	})
}

// TestJournal: frames over several segments are read back, whatever the cut of
// the last one; what is torn is gone after it.
func TestJournal(t *testing.T) {
	dir := filepath.Join(scratch(t), nameJournal)
	must(t, disk{}.MakeDir(dir))
	j := &journal{fsys: disk{}, dir: dir, store: exampleStore, maxBytes: 64 << 10}
	must(t, j.prepare(1, 100))
	must(t, j.rotate(baseItem{exampleStore}.append(nil)))
	var want []string
	for i := range 100 {
		body := fmt.Sprintf("create %d %s\n", i+1, strings.Repeat("x", i*37%3000))
		if !j.fits(len(body)) {
			must(t, j.prepare(j.last+1, 100))
			must(t, j.rotate(baseItem{exampleStore}.append(nil)))
		}
		must(t, j.append(append(make([]byte, frameLine), body...)))
		want = append(want, body)
	}
	if j.last < 3 {
		t.Fatalf("%d segments, want more", j.last)
	}
	end, lastBytes := j.at, int64(frameLine+len(want[99]))
	last := j.path(j.last)
	must(t, j.close())
	read := func() ([]string, *journal, error) {
		r := &journal{fsys: disk{}, dir: dir, store: exampleStore, maxBytes: 64 << 10}
		var got []string
		err := r.read(true, func(f frame) error {
			if !bytes.HasPrefix(f.body, []byte("base ")) {
				got = append(got, string(f.body))
			}
			return nil
		})
		return got, r, err
	}
	got, r, err := read()
	must(t, err)
	must(t, r.close())
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	whole, err := os.ReadFile(last)
	must(t, err)
	for _, cut := range []int64{1, 5, frameLine - 1, frameLine, lastBytes - 1} {
		b := bytes.Clone(whole)
		start := end - aligned(lastBytes)
		clear(b[start+cut:])
		must(t, os.WriteFile(last, b, 0o600))
		got, r, err := read()
		must(t, err)
		if len(got) != len(want)-1 {
			t.Errorf("cut at %d: %d frames, want %d", cut, len(got), len(want)-1)
		}
		// The journal goes on where the torn frame was.
		must(t, r.append(append(make([]byte, frameLine), "create 999 y\n"...)))
		must(t, r.close())
		got, r, err = read()
		must(t, err)
		must(t, r.close())
		if len(got) != len(want) || got[99] != "create 999 y\n" {
			t.Errorf("cut at %d: %d frames after one more", cut, len(got))
		}
	}
}
