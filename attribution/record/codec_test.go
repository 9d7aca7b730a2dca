package record

import (
	"crypto/ed25519"
	"reflect"
	"strings"
	"testing"
)

func testKey(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(b)), 32)))
}

func TestSmoke(t *testing.T) {
	at, err := ParseTime("2026-03-02T09:14:05.120Z")
	if err != nil {
		t.Fatal(err)
	}
	r := &Record{Kind: KindOutcome, ID: "o-1", Case: "t-1", At: at, By: "client",
		Body:   &Outcome{Result: "resolved", Facts: Facts{Bool("solved", true), Text("value", "1.50"), Text("who", `a "b" \ é`)}},
		Author: &Author{}, Cites: []Cite{{"a", Sum(nil)}},
	}
	if err := Sign(r, "vendor.example/17", testKey('a')); err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	r.Log = &Log{N: 5, Time: at, Chains: []Link{{"case/t-1", 1, 3}}}
	line, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", line)
	got, err := Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Fatalf("got %+v", got)
	}
	if s := string(p.AppendLine(nil, r.Log)); s != string(line) {
		t.Fatal(s)
	}
	if err := CheckSignature(got, "vendor.example/17", testKey('a').Public().(ed25519.PublicKey)); err != nil {
		t.Fatal(err)
	}
	if d, _ := ContentDigest(got); d != p.Digest() {
		t.Fatal(d)
	}
}
