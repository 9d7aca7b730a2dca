package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/raasledger/raasledger/merkle"
)

const origin = "vendor.example/c17"

// key returns a private key that its name decides.
func key(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("raasledger test key " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func signed(t testing.TB, c merkle.Checkpoint) []byte {
	t.Helper()
	s, err := merkle.NewLogSigner(c.Origin, key("log"))
	if err != nil {
		t.Fatal(err)
	}
	note, err := merkle.SignCheckpoint(c, s)
	if err != nil {
		t.Fatal(err)
	}
	return note
}

func rec(n int) []byte { return fmt.Appendf(nil, `{"at":"%d"}`, n) }

// sample is a bundle of the records [start, 7) with all kinds of lines.
func sample(t testing.TB, start int64) []byte { return build(t, start, 2*ChunkBytes-SaltBytes) }

// build is sample with an attachment of the given length.
func build(t testing.TB, start int64, attached int) []byte {
	t.Helper()
	var tree merkle.Tree
	for n := range 7 {
		tree.Append(merkle.LeafHash(rec(n)))
	}
	root, err := tree.RootAt(7)
	if err != nil {
		t.Fatal(err)
	}
	f, err := merkle.FrontierAt(start, &tree)
	if err != nil {
		t.Fatal(err)
	}
	h := Header{Kind: KindReplay, Origin: origin, Start: start, Frontier: f.Hashes(), Records: 7 - start,
		Checkpoint: signed(t, merkle.Checkpoint{Origin: origin, Size: 7, Root: root})}
	if start > 0 {
		h.StateLines = 2
	}
	var b bytes.Buffer
	w, err := NewWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if start > 0 {
		must(w.State([]byte(`["a"]`)))
		must(w.State([]byte(`["b",1]`)))
		part := merkle.Tree{}
		for n := range start {
			part.Append(merkle.LeafHash(rec(int(n))))
		}
		proof, err := merkle.ProveInclusion(start, 1, &part)
		must(err)
		must(w.Ref(rec(1), proof))
	}
	for n := start; n < 7; n++ {
		must(w.Record(rec(int(n))))
		if n == 4 {
			texts := []string{"YQ", "Yg"}
			slices.SortFunc(texts, func(a, b string) int {
				x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
				return bytes.Compare(x[:], y[:])
			})
			for _, text := range texts {
				must(w.Disclosure(text))
			}
		}
		if n >= 4 {
			must(w.Attachment("a.txt", [32]byte{1}, strings.NewReader("hello")))
		}
		if n == 5 {
			must(w.Attachment("b.bin", [32]byte{2}, bytes.NewReader(make([]byte, attached))))
			must(w.Attachment("empty", [32]byte{2}, strings.NewReader("")))
		}
	}
	must(w.Close())
	return b.Bytes()
}

// readAll reads a bundle to its end and returns its items in words.
func readAll(b []byte) ([]string, *Reader, error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	var items []string
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			return items, r, nil
		}
		if err != nil {
			return items, r, err
		}
		s := fmt.Sprintf("%s %d", it.Kind, it.Index)
		switch it.Kind {
		case StateLine, RecordLine:
			s += " " + string(it.Line)
		case RefLine:
			s += fmt.Sprintf(" %s %d", it.Line, len(it.Proof))
		case DisclosureLine:
			s += " " + it.Text
		case ChunkLine:
			s += fmt.Sprintf(" %s %d %v", it.Text, len(it.Chunk), it.First)
		}
		items = append(items, s)
	}
}

func TestRoundTrip(t *testing.T) {
	for _, tc := range []struct {
		start int64
		want  []string
	}{
		{0, []string{
			`record 0 {"at":"0"}`, `record 1 {"at":"1"}`, `record 2 {"at":"2"}`, `record 3 {"at":"3"}`,
			`record 4 {"at":"4"}`, "disclosure 4 Yg", "disclosure 4 YQ", "chunk 4 a.txt 37 true",
			`record 5 {"at":"5"}`, "chunk 5 a.txt 37 true", "chunk 5 b.bin 49152 true", "chunk 5 b.bin 49152 false", "chunk 5 empty 32 true",
			`record 6 {"at":"6"}`, "chunk 6 a.txt 37 true"}},
		{5, []string{
			`state -1 ["a"]`, `state -1 ["b",1]`, `ref 5 {"at":"1"} 3`,
			`record 5 {"at":"5"}`, "chunk 5 a.txt 37 true", "chunk 5 b.bin 49152 true", "chunk 5 b.bin 49152 false", "chunk 5 empty 32 true",
			`record 6 {"at":"6"}`, "chunk 6 a.txt 37 true"}},
	} {
		b := sample(t, tc.start)
		got, r, err := readAll(b)
		if err != nil {
			t.Fatalf("start %d: %v", tc.start, err)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("start %d: items\n%s\nwant\n%s", tc.start, strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
		}
		sum := sha256.Sum256(b)
		if want := hex.EncodeToString(sum[:]); r.Digest() != want {
			t.Errorf("start %d: digest %s, want %s", tc.start, r.Digest(), want)
		}
		if h := r.Header(); h.Start != tc.start || h.Records != 7-tc.start || h.Origin != origin {
			t.Errorf("start %d: header %+v", tc.start, h)
		}
	}
}

// TestCut: a bundle cut at any byte is refused, also where the reader
// underneath hands out single bytes.
func TestCut(t *testing.T) {
	for _, start := range []int64{0, 5} {
		b := build(t, start, 10)
		for i := range b {
			_, _, err := readAll(b[:i])
			var form *FormError
			if !errors.As(err, &form) || !strings.Contains(form.Reason, "cut off") && (i > 0 || form.Reason != "bundle is empty") {
				t.Fatalf("start %d, cut at %d of %d: %v", start, i, len(b), err)
			}
		}
	}
}

// TestFlip: a bundle with any one bit changed is refused by its form alone.
func TestFlip(t *testing.T) {
	b := build(t, 5, 10)
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if _, _, err := readAll(b); err == nil {
				t.Fatalf("bit %d of byte %d flipped: accepted", bit, i)
			}
			b[i] ^= 1 << bit
		}
	}
}

// redone returns b with the lines changed by f and a right end line.
func redone(b []byte, f func(lines []string) []string) []byte {
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	lines = f(lines[:len(lines)-1])
	records := 0
	for _, line := range lines[1:] {
		if lineKind([]byte(line)) == RecordLine {
			records++
		}
	}
	body := strings.Join(lines, "\n") + "\n"
	sum := sha256.Sum256([]byte(body))
	e := end{int64(len(lines)), int64(records), hex.EncodeToString(sum[:])}
	return []byte(body + string(e.marshal()) + "\n")
}

func TestForm(t *testing.T) {
	from0, from5 := sample(t, 0), sample(t, 5)
	replace := func(b []byte, line int, old, new string) []byte {
		return redone(b, func(lines []string) []string {
			if !strings.Contains(lines[line-1], old) {
				t.Fatalf("line %d %.200s has no %q", line, lines[line-1], old)
			}
			lines[line-1] = strings.Replace(lines[line-1], old, new, 1)
			return lines
		})
	}
	insert := func(b []byte, line int, text string) []byte {
		return redone(b, func(lines []string) []string { return slices.Insert(lines, line-1, text) })
	}
	remove := func(b []byte, line int) []byte {
		return redone(b, func(lines []string) []string { return slices.Delete(lines, line-1, line) })
	}
	last := func(b []byte, old, new string) []byte {
		i := bytes.LastIndex(b, []byte(`{"end"`))
		return append(slices.Clone(b[:i]), strings.Replace(string(b[i:]), old, new, 1)...)
	}
	full := base64.StdEncoding.EncodeToString(make([]byte, ChunkBytes))
	for _, tc := range []struct {
		name string
		b    []byte
		want string // beginning of the error
	}{
		{"empty", nil, `line 1: bundle is empty`},
		{"compressed", []byte("\x1f\x8b\x08\x00"), `line 1: compressed: zcat FILE | raasverify check -`},
		{"half a magic", []byte("\x1f"), `line 1: cut off: the line has no line end`},
		{"other file", []byte("PK\x03\x04\n"), `line 1: not a bundle: begins with "PK\x03\x04", want "{\"checkpoint\":"`},
		{"header is no object", []byte("{\"checkpoint\":1}\n"), `line 1: header is not JSON of the right types: `},
		{"format", replace(from0, 1, "bundle/v1", "bundle/v2"), `line 1: format is "bundle/v2", want "bundle/v1"`},
		{"kind case", replace(from0, 1, `"replay"`, `"case"`), `line 1: of: name of a chain has 0 bytes, want 1 to 136`},
		{"kind", replace(from0, 1, `"replay"`, `"Replay"`), `line 1: kind is "Replay", want "replay" or "case"`},
		{"origin", replace(from0, 1, `"origin":"vendor`, `"origin":"Vendor`), `line 1: origin is "Vendor.example/c17", the checkpoint's is "vendor.example/c17"`},
		{"doubled key", replace(from0, 1, `"start":0`, `"start":0,"start":0`), `line 1: not in canonical form at column`},
		{"unknown key", replace(from0, 1, `"start":0`, `"salt":0,"start":0`), `line 1: not in canonical form at column`},
		{"key case", replace(from0, 1, `"start":0`, `"Start":0`), `line 1: not in canonical form at column`},
		{"missing key", replace(from0, 1, `,"state":0`, ``), `line 1: not in canonical form at column`},
		{"space", replace(from0, 1, `"start":0`, `"start": 0`), `line 1: not in canonical form at column`},
		{"space at end", replace(from0, 1, `"state":0}`, `"state":0} `), `line 1: not in canonical form at column`},
		{"carriage return", replace(from0, 1, `"state":0}`, "\"state\":0}\r"), `line 1: not in canonical form at column`},
		{"escape", replace(from0, 1, `"replay"`, `"repl\u0061y"`), `line 1: not in canonical form at column`},
		{"number", replace(from0, 1, `"records":7`, `"records":7.0`), `line 1: header is not JSON of the right types: `},
		{"big number", replace(from0, 1, `"records":7`, `"records":9007199254740993`), `line 1: start 0 and 9007199254740993 records end beyond 9007199254740991`},
		{"negative", replace(from0, 1, `"start":0`, `"start":-1`), `line 1: start is -1, want 0 to 9007199254740990`},
		{"no records", replace(from0, 1, `"records":7`, `"records":0`), `line 1: records is 0, want at least 1`},
		{"state at 0", replace(from0, 1, `"state":0`, `"state":1`), `line 1: start is 0 with 1 state lines, want both 0 or neither`},
		{"too many state lines", replace(from5, 1, `"state":2`, `"state":2097153`), `line 1: state is 2097153, want 0 to 2097152 lines`},
		{"no state", replace(from5, 1, `"state":2`, `"state":0`), `line 1: start is 5 with 0 state lines, want both 0 or neither`},
		{"null", replace(from0, 1, `"frontier":[]`, `"frontier":null`), `line 1: not in canonical form at column`},
		{"frontier too long", replace(from0, 1, `"frontier":[]`, `"frontier":["`+merkle.EmptyRoot.String()+`"]`), `line 1: frontier of size 0 has 1 hashes, want 0`},
		{"frontier hash", replace(from5, 1, `"frontier":["`, `"frontier":["A`), `line 1: frontier: hash has 45 characters, want 44`},
		{"note line end", replace(from0, 1, `"7"`, `"7\n"`), `line 1: checkpoint: `},
		{"note size", replace(from0, 1, `"7"`, `"07"`), `line 1: checkpoint: checkpoint size "07" is not a number in plain decimal`},
		{"header too long", append(append([]byte(beginHeader), bytes.Repeat([]byte("a"), maxLineBytes)...), '\n'), `line 1: longer than 270336 bytes, the longest line there is`},

		{"record too long", replace(from0, 3, `"1"`, `"`+strings.Repeat("1", maxRecordBytes)+`"`), `line 3: record line has 65544 bytes, at most 65535`},
		{"empty line", insert(from0, 3, ""), `line 3: begins with "", want "{"`},
		{"record is no object", insert(from0, 3, "1"), `line 3: begins with "1", want "{"`},
		{"state line too many", insert(from5, 3, `["x"]`), `line 4: state line, but the header announces 2`},
		{"state line at 0", insert(from0, 2, `["x"]`), `line 2: state line, but the header announces 0`},
		{"state line missing", remove(from5, 2), `line 3: ref line after 1 state lines, the header announces 2`},
		{"state line too long", replace(from5, 2, `"a"`, `"`+strings.Repeat("a", maxStateBytes)+`"`), `line 2: state line has 131076 bytes, at most 131072`},
		{"record too many", insert(from0, 3, `{"at":"x"}`), `line 16: record, but the header announces 7`},
		{"record missing", remove(from0, 3), `line 16: end after 6 records, the header announces 7`},
		{"ref at 0", insert(from0, 3, `{"proof":[],"ref":{"at":"1"}}`), `line 3: ref line, but the bundle starts at 0`},
		{"ref at end", insert(from5, 12, `{"proof":[],"ref":{"at":"1"}}`), `line 12: ref line after the last record`},
		{"ref space", replace(from5, 4, `"ref":`, `"ref": `), `line 4: not in canonical form at column`},
		{"ref of a text", insert(from5, 4, `{"proof":[],"ref":"x"}`), `line 4: ref: record begins with "\"", want "{"`},
		{"ref of a list", insert(from5, 4, `{"proof":[],"ref":[]}`), `line 4: ref: record begins with "[", want "{"`},
		{"ref of nothing", insert(from5, 4, `{"proof":[]}`), `line 4: ref: record begins with "", want "{"`},
		{"ref keys", replace(from5, 4, `"ref":`, `"rel":1,"ref":`), `line 4: not in canonical form at column`},
		{"ref proof", replace(from5, 4, `"proof":["`, `"proof":["A`), `line 4: proof: hash has 45 characters, want 44`},
		{"disclosure first", insert(from0, 2, `{"disclosure":"YQ"}`), `line 2: disclosure after a state line, want one after its record`},
		{"disclosure after chunk", insert(from0, 10, `{"disclosure":"YQ"}`), `line 10: disclosure after a chunk line, want one after its record`},
		{"disclosure twice", insert(from0, 8, `{"disclosure":"YQ"}`), `line 9: disclosures are not in the order of their digests, each once`},
		{"disclosure order", insert(from0, 7, `{"disclosure":"YQ"}`), `line 8: disclosures are not in the order of their digests, each once`},
		{"disclosure padding", replace(from0, 8, `"YQ"`, `"YQ=="`), `line 8: disclosure is not base64url without padding`},
		{"disclosure bits", replace(from0, 8, `"YQ"`, `"YR"`), `line 8: disclosure is not base64url without padding`},
		{"disclosure empty", replace(from0, 8, `"YQ"`, `""`), `line 8: disclosure has 0 characters, want 1 to 65535`},
		{"chunk first", insert(from0, 2, `{"attachment":"a","chunk":"`+full+`"}`), `line 2: chunk after a state line, want one after its record`},
		{"chunk empty", insert(from0, 3, `{"attachment":"a","chunk":""}`), `line 3: chunk is empty`},
		{"chunk without salt", insert(from0, 3, `{"attachment":"a","chunk":"AAAA"}`), `line 3: first chunk of "a" has 3 bytes, less than the salt of 32`},
		{"chunk after the short one", insert(from0, 10, `{"attachment":"a.txt","chunk":"AAAA"}`), `line 10: chunk of "a.txt" follows one of less than 49152 bytes`},
		{"attachment order", insert(from0, 10, `{"attachment":"a","chunk":"`+full+`"}`), `line 10: attachments are not in the order of their names, each once`},
		{"chunk too long", insert(from0, 3, `{"attachment":"a","chunk":"`+full+`AAAA"}`), `line 3: chunk has 65540 characters, at most 65536`},
		{"chunk line end", insert(from0, 3, `{"attachment":"a","chunk":"`+full[4:]+`\n"}`), `line 3: not in canonical form at column`},
		{"attachment name", insert(from0, 3, `{"attachment":"","chunk":"`+full+`"}`), `line 3: attachment name has 0 bytes, want 1 to 128`},
		{"attachment control", insert(from0, 3, `{"attachment":"a\u001b","chunk":"`+full+`"}`), `line 3: attachment name "a\x1b" is not plain text`},

		{"end digest", last(from0, `"sha256":"`, `"sha256":"0`), `line 17: end line: sha256 has 65 digits, want 64`},
		{"end lines", last(from0, `"lines":16`, `"lines":15`), `line 17: end line counts 15 lines before it, there are 16`},
		{"end records", last(from0, `"records":7`, `"records":6`), `line 17: end line counts 6 records, there are 7`},
		{"end key", last(from0, `"records":7`, `"records":7,"records":7`), `line 17: not in canonical form at column`},
		{"end too long", last(from0, `{"end":`, `{"end":`+strings.Repeat(" ", maxEndBytes)), `line 17: end line has`},
		{"byte after the end", append(slices.Clone(from0), '\n'), `line 18: bytes follow the end line`},
		{"two bundles", append(slices.Clone(from0), from0...), `line 18: bytes follow the end line`},
		{"changed under the digest", bytes.Replace(from0, []byte(`{"at":"3"}`), []byte(`{"at":"9"}`), 1), `line 17: SHA-256 of all bytes before the end line is`},
	} {
		_, _, err := readAll(tc.b)
		var form *FormError
		if !errors.As(err, &form) || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v\nwant %s", tc.name, err, tc.want)
		}
	}
}

// TestStateBytes: the bound on all state lines holds to the byte.
func TestStateBytes(t *testing.T) {
	o := newOrder(&Header{Start: 1, StateLines: maxStateLines})
	const lines = maxStateTotalBytes / maxStateBytes
	for i := range lines {
		if err := o.next(StateLine, "", maxStateBytes-1); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
	}
	if err := o.next(StateLine, "", 0); err == nil || err.Error() != "state has more than 268435456 bytes" {
		t.Error(err)
	}
}

// TestNames: the reader takes the names of attachments that the writer takes,
// and no others.
func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "Rechnung März.pdf": true, "語": true, `"\`: true, strings.Repeat("n", 128): true,
		"": false, strings.Repeat("n", 129): false, "a\n": false, "a\x7f": false, "a\u0085": false, "a\u009b": false, "a\ufffd": false, "a\xff": false,
	} {
		h := Header{Kind: KindReplay, Origin: origin, Records: 1, Checkpoint: signed(t, merkle.Checkpoint{Origin: origin, Size: 1, Root: merkle.LeafHash(rec(0))})}
		w, err := NewWriter(io.Discard, h)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Record(rec(0)); err != nil {
			t.Fatal(err)
		}
		if err := w.Attachment(name, [32]byte{}, strings.NewReader("x")); (err == nil) != want {
			t.Errorf("writing %q: %v", name, err)
		}
		if got, _, err := parseChunk(marshalChunk(name, []byte("x"))); (err == nil) != want || want && got != name {
			t.Errorf("reading %q: %q, %v", name, got, err)
		}
	}
}

// TestReadError: an error of the reader underneath is no judgement on the
// bundle.
func TestReadError(t *testing.T) {
	b := sample(t, 0)
	broken := errors.New("disk on fire")
	for i := 0; i < len(b); i += 101 {
		r, err := NewReader(io.MultiReader(bytes.NewReader(b[:i]), iotest.ErrReader(broken)))
		for err == nil {
			_, err = r.Next()
		}
		var form *FormError
		if !errors.Is(err, broken) || errors.As(err, &form) {
			t.Fatalf("broken at %d: %v", i, err)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	h := Header{Kind: KindReplay, Origin: origin, Records: 1, Checkpoint: signed(t, merkle.Checkpoint{Origin: origin, Size: 1, Root: merkle.LeafHash(rec(0))})}
	if _, err := NewWriter(io.Discard, Header{Kind: "Replay"}); err == nil || err.Error() != `bundle header: kind is "Replay", want "replay" or "case"` {
		t.Errorf("kind Replay: %v", err)
	}
	for _, tc := range []struct {
		name string
		f    func(w *Writer) error
		want string
	}{
		{"close early", func(w *Writer) error { return w.Close() }, "bundle line 2: end after 0 records, the header announces 1"},
		{"state", func(w *Writer) error { return w.State([]byte("[1]")) }, "bundle line 2: state line, but the header announces 0"},
		{"ref", func(w *Writer) error { return w.Ref(rec(1), nil) }, "bundle line 2: ref line, but the bundle starts at 0"},
		{"ref text", func(w *Writer) error { return w.Ref([]byte("x"), nil) }, `bundle line 2: ref: record begins with "x", want "{"`},
		{"not a record", func(w *Writer) error { return w.Record([]byte(`{"end":1}`)) }, `bundle line 2: record begins like a end line: "{\"end\":1}"`},
		{"record with a line end", func(w *Writer) error { return w.Record([]byte("{\n}")) }, "bundle line 2: record line: has a line end in it"},
		{"record too long", func(w *Writer) error { return w.Record(bytes.Repeat([]byte("{"), 65536)) }, "bundle line 2: record line: has 65536 bytes, at most 65535"},
		{"disclosure", func(w *Writer) error { return w.Disclosure("YQ") }, "bundle line 2: disclosure after a state line, want one after its record"},
		{"attachment", func(w *Writer) error { return w.Attachment("a", [32]byte{}, strings.NewReader("")) }, "bundle line 2: chunk after a state line, want one after its record"},
		{"attachment name", func(w *Writer) error { return w.Attachment("a\n", [32]byte{}, strings.NewReader("")) }, `bundle line 2: attachment name "a\n" is not plain text`},
		{"attachment unreadable", func(w *Writer) error {
			if err := w.Record(rec(0)); err != nil {
				return err
			}
			return w.Attachment("a", [32]byte{}, iotest.ErrReader(errors.New("gone")))
		}, `bundle line 4: attachment "a": gone`},
		{"second record", func(w *Writer) error {
			if err := w.Record(rec(0)); err != nil {
				return err
			}
			return w.Record(rec(1))
		}, "bundle line 3: record, but the header announces 1"},
	} {
		w, err := NewWriter(io.Discard, h)
		if err != nil {
			t.Fatal(err)
		}
		if err := tc.f(w); err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v\nwant %s", tc.name, err, tc.want)
		}
		if err := w.Record(rec(0)); err == nil || err.Error() != tc.want {
			t.Errorf("%s: after the error: %v", tc.name, err)
		}
		if err := w.Close(); err == nil {
			t.Errorf("%s: closed after the error", tc.name)
		}
	}
}

// TestTree: the honest bundle ends at the checkpoint, its refs are in the
// start, and any record changed, left out, doubled or swapped is noticed.
func TestTree(t *testing.T) {
	for _, start := range []int64{0, 5} {
		b := sample(t, start)
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		note, err := merkle.ParseNote(r.Header().Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		fold := func(records [][]byte) error {
			tree, err := NewTree(r.Header(), note.Checkpoint)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range records {
				if err := tree.Append(merkle.LeafHash(line)); err != nil {
					t.Fatal(err)
				}
			}
			return tree.Finish()
		}
		var records [][]byte
		tree, err := NewTree(r.Header(), note.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		for {
			it, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			switch it.Kind {
			case RecordLine:
				records = append(records, slices.Clone(it.Line))
			case RefLine:
				if err := tree.CheckRef(1, it.Line, it.Proof); err != nil {
					t.Error(err)
				}
				if tree.CheckRef(2, it.Line, it.Proof) == nil || tree.CheckRef(1, rec(2), it.Proof) == nil {
					t.Error("ref with a wrong index or record is accepted")
				}
			}
		}
		if err := fold(records); err != nil {
			t.Errorf("start %d: %v", start, err)
		}
		for i := range records {
			if err := fold(slices.Delete(slices.Clone(records), i, i+1)); err == nil {
				t.Errorf("start %d: accepted without record %d", start, i)
			}
			if err := fold(slices.Insert(slices.Clone(records), i, records[i])); err == nil {
				t.Errorf("start %d: accepted with record %d twice", start, i)
			}
			changed := slices.Clone(records)
			changed[i] = rec(99)
			if err := fold(changed); err == nil {
				t.Errorf("start %d: accepted with record %d changed", start, i)
			}
			if i > 0 {
				changed := slices.Clone(records)
				changed[i-1], changed[i] = changed[i], changed[i-1]
				if err := fold(changed); err == nil {
					t.Errorf("start %d: accepted with records %d and %d swapped", start, i-1, i)
				}
			}
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(sample(f, 0)[:4000])
	small := redone(sample(f, 5), func(lines []string) []string {
		return slices.DeleteFunc(lines, func(s string) bool { return len(s) > 2000 })
	})
	f.Add(small)
	f.Add(redone(sample(f, 0), func(lines []string) []string {
		return slices.DeleteFunc(lines, func(s string) bool { return len(s) > 2000 })
	}))
	f.Fuzz(rewritten)
}

// rewritten: what is read, written again by a Writer, is the same bytes.
func rewritten(t *testing.T, b []byte) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return
	}
	var again bytes.Buffer
	w, err := NewWriter(&again, r.Header())
	if err != nil {
		t.Fatal(err)
	}
	for {
		it, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
		switch it.Kind {
		case StateLine:
			err = w.State(it.Line)
		case RefLine:
			err = w.Ref(it.Line, it.Proof)
		case ChainLine:
			err = w.Chain(*it.Chain)
		case ConsistencyLine:
			err = w.Consistency(it.Size, it.Proof)
		case PlaceLine:
			err = w.Place(it.Index, it.Proof)
		case RecordLine:
			err = w.Record(it.Line)
		case DisclosureLine:
			err = w.Disclosure(it.Text)
		case ChunkLine:
			err = w.chunk(it.Text, it.Chunk)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), b) {
		t.Errorf("read\n%s\nwritten again\n%s", b, again.Bytes())
	}
}
