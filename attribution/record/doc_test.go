package record

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func document(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/record.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section returns what stands under a heading, up to the next of its level or above.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("docs/record.md has no %q", heading)
	}
	level := heading[:strings.Index(heading, " ")]
	for i, line := range strings.SplitAfter(rest, "\n") {
		h := line[:len(line)-len(strings.TrimLeft(line, "#"))]
		if i > 0 && h != "" && len(h) <= len(level) {
			return rest[:strings.Index(rest, line)]
		}
	}
	return rest
}

// table returns the cells of the only table in text, without its head.
func table(t *testing.T, text string) [][]string {
	t.Helper()
	var rows [][]string
	for _, line := range strings.Split(text, "\n") {
		if line, ok := strings.CutPrefix(line, "| "); ok {
			cells := strings.Split(strings.TrimSuffix(line, " |"), " | ")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) < 3 {
		t.Fatalf("no table in %q", text)
	}
	return rows[2:]
}

// The record of the document is a record, and says what the text says of it.
func TestDocumentExample(t *testing.T) {
	example := section(t, document(t), "## Example")
	line := regexp.MustCompile("(?s)```\n(.*?)\n```").FindStringSubmatch(example)[1]
	r, err := Parse([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Marshal(r)
	if err != nil || !bytes.Equal(again, []byte(line)) {
		t.Errorf("encodes again as %s %v", again, err)
	}
	digest, err := ContentDigest(r)
	if err != nil || !strings.Contains(example, "`"+string(digest)+"`") {
		t.Errorf("content digest %s is not what the text says: %v", digest, err)
	}
	pub, err := ParsePublicKey(regexp.MustCompile("`(ssh-ed25519 .*)`").FindStringSubmatch(example)[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckSignature(r, "vendor.example/support-desk", pub); err != nil {
		t.Error(err)
	}
}

// So is the one of the package comment.
func TestPackageExample(t *testing.T) {
	source, err := os.ReadFile("record.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^//\t(\{.*\})$`).FindSubmatch(source)[1]
	if r, err := Parse(line); err != nil {
		t.Error(err)
	} else if names := Chains(r); len(names) != 1 || names[0] != r.Log.Chains[0].Chain {
		t.Errorf("is in %v, and says %v", names, r.Log.Chains)
	}
}

// Each table of fields is the one that Marshal and Parse follow.
func TestDocumentFields(t *testing.T) {
	doc := document(t)
	check := func(name, heading string, fields func(*codec)) {
		c := &codec{mode: describe, walk: &walk{}}
		fields(c)
		var want, got []string
		for _, l := range c.listed {
			need := ""
			if l.need == required {
				need = "yes"
			}
			want = append(want, fmt.Sprintf("| %s | %s | %s |", l.path, l.form, need))
		}
		for _, cells := range table(t, section(t, doc, heading)) {
			if len(cells) != 4 || cells[3] == "" {
				t.Errorf("%s: row %q has no meaning", name, cells)
				continue
			}
			got = append(got, fmt.Sprintf("| %s | %s | %s |", cells[0], cells[1], cells[2]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the document has\n%s\nthe code\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		// Within one object the keys are sorted, which Parse rests on.
		last := map[string]string{}
		for _, l := range c.listed {
			i := strings.LastIndex(l.path, ".")
			object, key := l.path[:max(i, 0)], l.path[i+1:]
			if before := last[object]; before >= key {
				t.Errorf("%s: %q is shown after %q", name, key, before)
			}
			last[object] = key
		}
	}
	check("envelope", "## Envelope", (&Record{}).fields)
	for _, k := range Kinds() {
		check(string(k), "### "+string(k), func(c *codec) {
			b, ok := NewBody(k)
			if !ok {
				t.Fatalf("no body of kind %s", k)
			}
			c.bodyFields(b)
		})
	}
	if n := strings.Count(section(t, doc, "## Kinds"), "\n### "); n != len(Kinds()) {
		t.Errorf("the document has %d kinds, the code %d", n, len(Kinds()))
	}
}

func TestDocumentTypes(t *testing.T) {
	written := section(t, document(t), "## Canonical form")
	for f := formID; f <= formPeriod; f++ {
		if !strings.Contains(written, "\n| "+f.String()+" | ") {
			t.Errorf("the document does not explain the type %s", f)
		}
	}
}

func TestDocumentLimits(t *testing.T) {
	want := map[string]int64{
		"MaxRecordBytes": MaxRecordBytes, "LogBytes": LogBytes, "MaxDepth": MaxDepth, "MaxIDBytes": MaxIDBytes, "MaxNameBytes": MaxNameBytes,
		"MaxLabelBytes": MaxLabelBytes, "MaxTextBytes": MaxTextBytes, "MaxList": MaxList, "MaxFacts": MaxFacts, "MaxAttachments": MaxAttachments,
		"MaxSealed": MaxSealed, "MaxCites": MaxCites, "MaxSignatures": MaxSignatures, "MaxChains": MaxChains, "MaxDigits": MaxDigits,
		"MaxDecimals": MaxDecimals, "MaxInteger": MaxInteger,
	}
	rows := table(t, section(t, document(t), "## Limits"))
	for _, row := range rows {
		if got := fmt.Sprint(want[row[0]]); got != row[1] {
			t.Errorf("%s is %s, the document says %s", row[0], got, row[1])
		}
	}
	if len(rows) != len(want) {
		t.Errorf("the document has %d limits, want %d", len(rows), len(want))
	}
	source, err := os.ReadFile("record.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^\t(Max\w+|LogBytes) +=`).FindAll(source, -1)); n != len(want) {
		t.Errorf("record.go has %d limits, want %d", n, len(want))
	}
}

func TestDocumentAdmission(t *testing.T) {
	rows := table(t, section(t, document(t), "## Admission"))
	if len(rows) != len(Kinds()) {
		t.Errorf("the document has %d rows, want %d", len(rows), len(Kinds()))
	}
	for i, row := range rows {
		if Kind(row[0]) != Kinds()[i] {
			t.Errorf("row %d is of %s, want %s", i, row[0], Kinds()[i])
		}
		for j, role := range []string{RoleVendor, RoleClient, RoleThird, RoleArbiter} {
			if may := MayWrite(Kind(row[0]), role); may != (row[j+1] == "yes") {
				t.Errorf("MayWrite(%s, %s) is %v, the document says %q", row[0], role, may, row[j+1])
			}
		}
	}
	for _, k := range Kinds() {
		if MayWrite(k, "") || MayWrite(k, "operator") {
			t.Errorf("a role that is none may write %s", k)
		}
	}
	if MayWrite("agreements", RoleVendor) || MayWrite("", RoleVendor) {
		t.Error("a kind that is none may be written")
	}
}

func TestDocumentSignatures(t *testing.T) {
	text := section(t, document(t), "## Signatures")
	want := fmt.Sprintf(`"DSSEv1" SP "%d" SP "%s" SP LENGTH SP ORIGIN LF CONTENT`, len(PayloadType), PayloadType)
	if !strings.Contains(text, want) {
		t.Errorf("the document lacks %s", want)
	}
}
