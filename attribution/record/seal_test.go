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

func TestImproper(t *testing.T) {
	when := testTime(t, "2026-06-01T00:00:00.000Z")
	rec := func(n int64, id, by, matter string, b Body) *Record {
		return &Record{Kind: b.Kind(), ID: id, By: by, Case: matter, At: when, Body: b, Log: &Log{N: n, Time: when}}
	}
	of := rec(1, "o-1", "vendor", "T-1", &Outcome{})
	of.Attach = []Attachment{{Name: "a", Digest: testDigest("a"), Keep: when + 1}, {Name: "b", Digest: testDigest("b"), Keep: when}}
	of.Sealed = []Digest{testDigest("f")}
	erase := func(n int64, by string, scope ...string) *Record {
		return rec(n, fmt.Sprintf("e-%d", n), by, "T-1", &Erase{Of: "o-1", State: Erased, Scope: scope, Holders: []string{"vendor", "client"}})
	}
	dispute := rec(2, "d-1", "client", "T-1", &Dispute{About: "o-2"})
	elsewhere := rec(2, "d-2", "client", "T-2", &Dispute{About: "o-9"})
	demand := rec(3, "dm-1", "client", "T-1", &Demand{Of: "o-1"})
	settled := rec(4, "r-1", "arbiter", "T-1", &Resolve{Dispute: "d-1"})
	shown := rec(5, "di-1", "vendor", "T-1", &Disclose{Demand: "dm-1"})
	for _, c := range []struct {
		name  string
		e     *Record
		among []*Record
		want  []string
	}{
		{"all, nobody asked", erase(9, "vendor"), nil, []string{"retention o-1", "unconfirmed "}},
		{"confirmed", erase(9, "vendor"), []*Record{erase(8, "client")}, []string{"retention o-1"}},
		{"confirmed afterwards", erase(9, "vendor"), []*Record{erase(10, "client")}, []string{"retention o-1"}},
		{"confirmed in part", erase(9, "vendor"), []*Record{erase(8, "client", "a")}, []string{"retention o-1", "unconfirmed "}},
		{"confirmed in parts", erase(9, "vendor"), []*Record{erase(7, "client", "a"), erase(8, "client", "b", string(testDigest("f")))}, []string{"retention o-1"}},
		{"of another than a holder", erase(9, "vendor", "b"), []*Record{erase(8, "third")}, []string{"unconfirmed "}},
		{"at the end of its time", erase(9, "vendor", "b"), []*Record{erase(8, "client")}, nil},
		{"field", erase(9, "vendor", string(testDigest("f"))), []*Record{erase(8, "client")}, nil},
		{"dispute in the case", erase(9, "vendor", "b"), []*Record{dispute, erase(8, "client")}, []string{"hold d-1"}},
		{"dispute after it", erase(1, "vendor", "b"), []*Record{dispute, erase(8, "client")}, nil},
		{"dispute elsewhere", erase(9, "vendor", "b"), []*Record{elsewhere, erase(8, "client")}, nil},
		{"resolved", erase(9, "vendor", "b"), []*Record{dispute, settled, erase(8, "client")}, nil},
		{"demand", erase(9, "vendor", "b"), []*Record{demand, erase(8, "client")}, []string{"hold dm-1"}},
		{"answered", erase(9, "vendor", "b"), []*Record{demand, shown, erase(8, "client")}, nil},
		{"restricted", rec(9, "e", "vendor", "T-1", &Erase{Of: "o-1", State: Restricted, Holders: []string{"client"}}), []*Record{dispute}, nil},
	} {
		var got []string
		for _, i := range Improper(c.e, of, c.among) {
			got = append(got, i.Cause+" "+i.By)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

const salt22 = "AAAAAAAAAAAAAAAAAAAAAA"
