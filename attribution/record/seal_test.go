package record

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func TestSeal(t *testing.T) {
	salt := []byte("0123456789abcdef")
	disclosure, digest, err := Seal("name", []byte(`{"first":"Ann","n":1}`), salt)
	if err != nil {
		t.Fatal(err)
	}
	if want := encoded(`["MDEyMzQ1Njc4OWFiY2RlZg","name",{"first":"Ann","n":1}]`); disclosure != want {
		t.Errorf("disclosure is %s, want %s", disclosure, want)
	}
	if want := Digest(fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(disclosure)))); digest != want {
		t.Errorf("digest is %s, want %s, over the text of the disclosure", digest, want)
	}
	name, value, err := OpenDisclosure(disclosure)
	if err != nil || name != "name" || string(value) != `{"first":"Ann","n":1}` {
		t.Errorf("got %q %s %v", name, value, err)
	}
	for _, c := range []struct {
		name, value string
		salt        []byte
		want        string
	}{
		{"name", `"x"`, salt[:15], `sealed field "name": salt has 15 bytes, want 16 to 64`},
		{"name", `1.5`, salt, `sealed field "name": value `},
		{"name", `"x" `, salt, `sealed field "name": value `},
		{"_sd", `"x"`, salt, `sealed field "_sd": RFC 9901 keeps that name for itself`},
		{"", `"x"`, salt, `sealed field: name has 0 bytes, want 1 to 256`},
		{"a\u202eb", `"x"`, salt, `sealed field: name `},
		{"name", `"` + strings.Repeat("x", 60000) + `"`, salt, `sealed field "name": disclosure has `},
	} {
		if _, _, err := Seal(c.name, []byte(c.value), c.salt); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("Seal(%q): got %v, want %s", c.name, err, c.want)
		}
	}
}

// The example of RFC 9901 section 4.2.1 has spaces: the digest is over the
// disclosure as it is.
func TestOpenDisclosure(t *testing.T) {
	const rfc = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
	name, value, err := OpenDisclosure(rfc)
	if err != nil || name != "family_name" || string(value) != `"Möbius"` {
		t.Errorf("got %q %s %v", name, value, err)
	}
	sum, _ := Sum([]byte(rfc)).Bytes()
	if got, want := base64.RawURLEncoding.EncodeToString(sum[:]), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"; got != want {
		t.Errorf("digest is %s, the RFC has %s", got, want)
	}
	for text, want := range map[string]string{
		"WyJh!":                                         "disclosure is not base64url without padding",
		"e30":                                           "disclosure is no list of salt, name and value",
		"W10":                                           "disclosure has no salt",
		"WyJhIiwiYiIsImMiXQ":                            "disclosure has a salt of 0 bytes, want at least 16",
		strings.Repeat("A", 65536):                      "disclosure has 65536 bytes, at most 65535",
		encoded(`["` + salt22 + `",1,2]`):               "disclosure has no name",
		encoded(`["` + salt22 + `","a"]`):               "disclosure has no value",
		encoded(`["` + salt22 + `","a",1,2]`):           "disclosure has more than salt, name and value",
		encoded(`["` + salt22 + `","a",1] `):            "",
		encoded(`["` + salt22 + `","a",1]1`):            "disclosure has more behind its list",
		encoded(`["` + salt22 + `","...",1]`):           `sealed field "...": RFC 9901 keeps that name for itself`,
		encoded(`["` + salt22 + `","a",{"b":1,"b":2}]`): "disclosure has no value",
	} {
		_, _, err := OpenDisclosure(text)
		if want == "" && err == nil {
			continue
		}
		if err == nil || want == "" || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzOpenDisclosure(f *testing.F) {
	d, _, _ := Seal("a", []byte("true"), make([]byte, 16))
	f.Add(d)
	f.Fuzz(func(t *testing.T, text string) {
		name, value, err := OpenDisclosure(text)
		if err == nil && (name == "" || len(value) == 0) {
			t.Errorf("%q opens to nothing", text)
		}
	})
}

func TestCommit(t *testing.T) {
	salt := [32]byte{1, 2, 3}
	a, err := Commit("chat.txt", salt, strings.NewReader("hello"))
	want := Attachment{Name: "chat.txt", Digest: Sum(append(slices.Clone(salt[:]), "hello"...)), Size: 5}
	if err != nil || a != want {
		t.Errorf("got %v %v, want %v", a, err, want)
	}
	if _, err := Commit("chat.txt", salt, iotest.ErrReader(fmt.Errorf("gone"))); err == nil || err.Error() != `attachment "chat.txt": gone` {
		t.Errorf("got %v", err)
	}
}

func TestKeepUntil(t *testing.T) {
	for _, c := range []struct{ class, from, want string }{
		{"ops", "2026-08-31T10:00:00.001Z", "2027-02-28T10:00:00.001Z"},
		{"ops", "2026-06-30T00:00:00.000Z", "2026-12-30T00:00:00.000Z"},
		{"ops", "2026-07-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"},
		{"txn", "2024-02-29T00:00:00.000Z", "2027-02-28T00:00:00.000Z"},
		{"fin", "2026-12-31T23:59:59.999Z", "2031-12-31T23:59:59.999Z"},
		{"fin-7", "2026-01-01T00:00:00.000Z", "2033-01-01T00:00:00.000Z"},
		{"claim", "2026-11-26T00:00:00.000Z", "2036-11-26T00:00:00.000Z"},
		{"claim", "9999-01-01T00:00:00.000Z", ""},
		{"long", "2026-01-01T00:00:00.000Z", ""},
	} {
		got, err := KeepUntil(c.class, testTime(t, c.from))
		if c.want == "" {
			if err == nil {
				t.Errorf("%s from %s: got %v, want an error", c.class, c.from, got)
			}
			continue
		}
		if err != nil || got.String() != c.want {
			t.Errorf("%s from %s: got %v %v, want %s", c.class, c.from, got, err, c.want)
		}
	}
}

func TestCheckScope(t *testing.T) {
	of := &Record{ID: "o-1", Attach: []Attachment{{Name: "photo", Digest: testDigest("a")}}, Sealed: []Digest{testDigest("f")}}
	for _, c := range []struct {
		scope []string
		want  string
	}{
		{nil, ""},
		{[]string{"photo", string(testDigest("f"))}, ""},
		{[]string{string(testDigest("a"))}, ""},
		{[]string{"photo", "total"}, `record e-1: body.scope: is "total", want the name of an attachment or a digest among the 2 pieces of evidence of o-1`},
		{[]string{string(testDigest("g"))}, "record e-1: body.scope: is \"" + string(testDigest("g")) + "\", want the name of an attachment or a digest among the 2 pieces of evidence of o-1"},
	} {
		got := ""
		if err := CheckScope(&Record{ID: "e-1"}, &Erase{Of: "o-1", Scope: c.scope}, of); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("scope %q: got %q, want %q", c.scope, got, c.want)
		}
	}
}

func TestCheckAnswer(t *testing.T) {
	of := &Record{ID: "i-1", Attach: []Attachment{{Name: "photo", Digest: testDigest("a")}}, Sealed: []Digest{testDigest("f")}}
	plain := &Record{ID: "i-2"}
	demand := &Record{ID: "dm-1", By: "client"}
	brings := &Record{ID: "ds-1", Attach: []Attachment{{Name: "source", Digest: testDigest("s")}}}
	for name, c := range map[string]struct {
		d    *Record
		to   string
		what string
		of   *Record
		want string
	}{
		"an attachment":               {&Record{ID: "ds-1"}, "client", "a", of, ""},
		"a sealed field":              {&Record{ID: "ds-1"}, "client", "f", of, ""},
		"to another":                  {&Record{ID: "ds-1"}, "lab", "f", of, "record ds-1: body.to: is lab, want client, who demanded it in dm-1"},
		"of nothing":                  {&Record{ID: "ds-1"}, "client", "s", of, "record ds-1: body.digest: is " + string(testDigest("s")) + ", want one of the 2 that i-1 commits to, demanded in dm-1"},
		"of itself, though there is":  {brings, "client", "s", of, "record ds-1: body.digest: is " + string(testDigest("s")) + ", want one of the 2 that i-1 commits to, demanded in dm-1"},
		"of itself, as there is none": {brings, "client", "s", plain, ""},
		"of nothing at all":           {&Record{ID: "ds-1"}, "client", "s", plain, "record ds-1: body.digest: is " + string(testDigest("s")) + ", want one of the 0 that are attached, as i-2 commits to none, demanded in dm-1"},
	} {
		got := ""
		if err := CheckAnswer(c.d, &Disclose{Demand: "dm-1", To: c.to, Digest: testDigest(c.what)}, demand, c.of); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

const salt22 = "AAAAAAAAAAAAAAAAAAAAAA"
