package bundle

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/merkle"
)

// sampleCase is a case bundle of the records 1, 4 and 6 of 7.
func sampleCase(t testing.TB) []byte {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var tree merkle.Tree
	for n := range 7 {
		tree.Append(merkle.LeafHash(rec(n)))
	}
	root, err := tree.RootAt(7)
	must(err)
	var x Index
	for i, name := range []string{"standing", "case/T-2", "case/T-3", "case/T-4"} {
		x.Set(End{name, 0, int64(i)})
	}
	var b bytes.Buffer
	w, err := NewWriter(&b, Header{Kind: KindCase, Origin: origin, Of: "case/T-2", Chains: 3, Records: 3,
		Checkpoint: signed(t, merkle.Checkpoint{Origin: origin, Size: 7, Root: root})})
	must(err)
	for _, name := range []string{"case/T-2", "case/T-35", "standing"} {
		p, err := x.Tree().Prove(name)
		must(err)
		must(w.Chain(p))
	}
	for _, n := range []int64{1, 4, 6} {
		proof, err := merkle.ProveInclusion(7, n, &tree)
		must(err)
		must(w.Place(n, proof))
		must(w.Record(rec(int(n))))
		if n == 4 {
			must(w.Disclosure("YQ"))
			must(w.Attachment("a.txt", [32]byte{1}, strings.NewReader("hello")))
		}
	}
	must(w.Close())
	return b.Bytes()
}

func TestCaseRoundTrip(t *testing.T) {
	b := sampleCase(t)
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header()
	if h.Kind != KindCase || h.Of != "case/T-2" || h.Chains != 3 || h.Records != 3 {
		t.Errorf("header is %+v", h)
	}
	note, err := merkle.ParseNote(h.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		it, err := r.Next()
		if err != nil {
			break
		}
		s := fmt.Sprintf("%s %d", it.Kind, it.Index)
		switch it.Kind {
		case ChainLine:
			_, found := it.Chain.Found()
			s += fmt.Sprintf(" %s %v", it.Chain.Chain, found)
		case RecordLine:
			s += fmt.Sprintf(" %s %v", it.Line, CheckRecord(note.Checkpoint, it.Index, it.Line, it.Proof))
		}
		got = append(got, s)
	}
	want := []string{"chain -1 case/T-2 true", "chain -1 case/T-35 false", "chain -1 standing true",
		"place 1", `record 1 {"at":"1"} <nil>`, "place 4", `record 4 {"at":"4"} <nil>`, "disclosure 4", "chunk 4", "place 6", `record 6 {"at":"6"} <nil>`}
	if !slices.Equal(got, want) || r.Digest() == "" {
		t.Errorf("items\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	rewritten(t, b)
}

// TestCaseCutAndFlip: cut at any byte, or with any bit changed, it is refused.
func TestCaseCutAndFlip(t *testing.T) {
	b := sampleCase(t)
	for i := range b {
		if _, _, err := readAll(b[:i]); err == nil {
			t.Fatalf("cut at %d: accepted", i)
		}
		for bit := range 8 {
			b[i] ^= 1 << bit
			if _, _, err := readAll(b); err == nil {
				t.Fatalf("bit %d of byte %d flipped: accepted", bit, i)
			}
			b[i] ^= 1 << bit
		}
	}
}

func TestCaseForm(t *testing.T) {
	b := sampleCase(t)
	replace := func(line int, old, new string) []byte {
		return redone(b, func(lines []string) []string {
			if !strings.Contains(lines[line-1], old) {
				t.Fatalf("line %d %.200s has no %q", line, lines[line-1], old)
			}
			lines[line-1] = strings.Replace(lines[line-1], old, new, 1)
			return lines
		})
	}
	remove := func(line int) []byte {
		return redone(b, func(lines []string) []string { return slices.Delete(lines, line-1, line) })
	}
	insert := func(line int, text string) []byte {
		return redone(b, func(lines []string) []string { return slices.Insert(lines, line-1, text) })
	}
	swap := func(i, k int) []byte {
		return redone(b, func(lines []string) []string {
			lines[i-1], lines[k-1] = lines[k-1], lines[i-1]
			return lines
		})
	}
	long := strings.Repeat("x", 9000)
	for _, tc := range []struct {
		name string
		b    []byte
		want string // beginning of the error
	}{
		{"kind replay", replace(1, `"kind":"case","of":"case/T-2"`, `"kind":"replay"`), `line 1: of and shown are of case bundles alone`},
		{"no subject", replace(1, `"of":"case/T-2",`, ``), `line 1: of: name of a chain has 0 bytes, want 1 to 136`},
		{"subject with a space", replace(1, `"of":"case/T-2"`, `"of":"case/T 2"`), `line 1: of: name of a chain "case/T 2" has a character that none has`},
		{"too many records", replace(1, `"records":3`, `"records":8`), `line 1: records is 8, want at most 7`},
		{"no chains", replace(1, `"shown":3`, `"shown":0`), `line 1: shown is 0, want 1 to 1048576`},
		{"a start", replace(1, `"shown":3`, `"shown":3,"start":1`), `line 1: start, frontier and state are of replay bundles alone`},
		{"doubled key", replace(1, `"shown":3`, `"shown":3,"shown":3`), `line 1: not in canonical form at column`},
		{"a chain too few", remove(4), `line 4: place line after 2 chain lines, the header announces 3`},
		{"a chain too many", replace(1, `"shown":3`, `"shown":2`), `line 4: chain line, but the header announces 2`},
		{"chains in disorder", swap(2, 3), `line 3: chain case/T-2 after case/T-35, want them by name, each once`},
		{"chain line no JSON", insert(2, `{"chain":1}`), `line 2: chain line is not JSON of the right types: `},
		{"chain line with more", replace(2, `]}`, `],"x":1}`), `line 2: not in canonical form at column`},
		{"chain line too long", insert(2, `{"chain":"`+long+`"}`), `line 2: chain line has 9012 bytes, at most 8192`},
		{"nothing shown", insert(2, `{"chain":"a","shown":[]}`), `line 2: chain a: 0 lines are shown, want 1 or 2`},
		{"end of one number", replace(2, `"end":[0,1]`, `"end":[0]`), `line 2: chain "case/T-2": end has 1 numbers, want 2`},
		{"end before its ordinal", replace(2, `"end":[0,1]`, `"end":[2,1]`), `line 2: chain case/T-2 ends at ordinal 2, record 1`},
		{"negative place", replace(2, `"place":0`, `"place":-1`), `line 2: chain case/T-2: place -1`},
		{"hash", replace(2, `="`, `"`), `line 2: chain "case/T-2": proof: `},
		{"name with a quote", replace(2, `"chain":"case/T-2"`, `"chain":"case/T\"2"`), `line 2: name of a chain "case/T\"2" has a character that none has`},
		{"record without its place", remove(5), `line 5: record without its place`},
		{"place without its record", remove(6), `line 6: place line after another, want its record`},
		{"last record missing", redone(b, func(lines []string) []string { return lines[:len(lines)-1] }), `line 12: end after a place line, want its record`},
		{"place twice", insert(5, `{"n":0,"proof":[]}`), `line 6: place line after another, want its record`},
		{"places in disorder", replace(7, `"n":4`, `"n":1`), `line 7: place of record 1 after that of record 1`},
		{"place of less than none", replace(5, `"n":1`, `"n":-1`), `line 5: place of record -1 after that of record -1`},
		{"place no JSON", insert(5, `{"n":"1"}`), `line 5: place is not JSON of the right types: `},
		{"place spelled otherwise", replace(5, `"n":1`, `"n":1e0`), `line 5: place is not JSON of the right types: `},
		{"ref", insert(5, `{"proof":[],"ref":{"at":"0"}}`), `line 5: ref line in a bundle of kind case`},
		{"state", insert(5, `[1]`), `line 5: state line, but the header announces 0`},
		{"a record too many", insert(13, `{"n":7,"proof":[]}`), `line 13: place line after the last record`},
		{"place in a replay bundle", redone(sample(t, 0), func(lines []string) []string { return slices.Insert(lines, 1, `{"n":0,"proof":[]}`) }),
			`line 2: place line in a bundle of kind replay`},
	} {
		_, _, err := readAll(tc.b)
		var form *FormError
		if !errors.As(err, &form) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v\nwant %s", tc.name, err, tc.want)
		}
	}
	// The records of a case bundle are kept, so they have a bound.
	o := newOrder(&Header{Kind: KindCase, Records: maxCaseLines, Chains: 1})
	if err := o.next(ChainLine, "a", 1); err != nil {
		t.Fatal(err)
	}
	for n := int64(0); ; n++ {
		if err := errors.Join(o.place(n), o.next(PlaceLine, "", 1)); err != nil {
			t.Fatal(err)
		}
		if err := o.next(RecordLine, "", maxRecordBytes); err != nil {
			if want := "records have more than 268435456 bytes"; err.Error() != want || n != 4096 {
				t.Errorf("record %d: %v", n, err)
			}
			break
		}
	}
}

func FuzzCaseReader(f *testing.F) {
	b := sampleCase(f)
	f.Add(b)
	f.Add(leading(f))
	f.Add(redone(b, func(lines []string) []string { return slices.Delete(lines, 7, 9) }))
	f.Add(redone(b, func(lines []string) []string {
		return append(lines[:2], strings.Replace(lines[2], base64.StdEncoding.EncodeToString(make([]byte, 32)), "", 1))
	}))
	f.Fuzz(rewritten)
}
