package record

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// Every day there is, and the ends of every one.
func TestTimeByPackageTime(t *testing.T) {
	const layout = "2006-01-02T15:04:05.000Z"
	check := func(ms int64) {
		want := time.UnixMilli(ms).UTC().Format(layout)
		if got := Time(ms).String(); got != want {
			t.Fatalf("%d is %s, want %s", ms, got, want)
		}
		if got, err := ParseTime(want); err != nil || got != Time(ms) {
			t.Fatalf("ParseTime(%s) is %d %v, want %d", want, got, err, ms)
		}
	}
	for ms := int64(0); ms <= int64(MaxTime); ms += dayMS {
		check(ms)
		check(ms + dayMS - 1)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		check(r.Int64N(int64(MaxTime) + 1))
	}
	for _, at := range []Time{-1, MaxTime + 1, -1 << 63} {
		if s := at.String(); s != fmt.Sprintf("%d ms", int64(at)) {
			t.Errorf("%d is %s", int64(at), s)
		}
	}
	// Any field beyond its range, by package time.
	for range 100000 {
		s := fmt.Sprintf("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", 1968+r.IntN(5)*r.IntN(2000), r.IntN(14), r.IntN(33), r.IntN(26), r.IntN(62), r.IntN(62), r.IntN(1000))
		at, err := ParseTime(s)
		want, wantErr := time.Parse(layout, s)
		if wantErr == nil && want.Year() < 1970 {
			wantErr = fmt.Errorf("early")
		}
		if (err == nil) != (wantErr == nil) || err == nil && int64(at) != want.UnixMilli() {
			t.Fatalf("ParseTime(%q) is %d %v, by package time %v %v", s, at, err, want, wantErr)
		}
	}
}

func TestDecimalByGrammar(t *testing.T) {
	grammar := regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)
	zero := regexp.MustCompile(`^-[0.]+$`)
	check := func(s string) {
		digits := len(strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return r
			}
			return -1
		}, s))
		_, decimals, _ := strings.Cut(s, ".")
		want := grammar.MatchString(s) && !zero.MatchString(s) && digits <= 34 && len(decimals) <= 18
		d, err := ParseDecimal(s)
		if (err == nil) != want || err == nil && string(d) != s {
			t.Fatalf("ParseDecimal(%q) is %q %v, want accepted %v", s, d, err, want)
		}
		if want && (d.Negative() != (s[0] == '-') || d.Zero() != (strings.Trim(s, "0.") == "")) {
			t.Fatalf("%q: Negative %v, Zero %v", s, d.Negative(), d.Zero())
		}
	}
	// All texts of up to 6 characters of these.
	alphabet := "-019.e"
	var all func(s string)
	all = func(s string) {
		check(s)
		if len(s) < 6 {
			for _, c := range alphabet {
				all(s + string(c))
			}
		}
	}
	all("")
	for _, s := range []string{"+1", " 1", "1 ", "1,0", "NaN", "Infinity", "-Infinity", "1_0", "0x1", "١", strings.Repeat("9", 34), strings.Repeat("9", 35),
		"0." + strings.Repeat("1", 18), "0." + strings.Repeat("1", 19), "-" + strings.Repeat("9", 16) + "." + strings.Repeat("9", 18), strings.Repeat("9", 17) + "." + strings.Repeat("9", 18)} {
		check(s)
	}
	if Decimal("").Zero() || Decimal("").Negative() {
		t.Error("an absent decimal is zero or negative")
	}
}

// Which characters text may hold, against the tables of package unicode: it
// refuses all that they call control, format, separator of lines or
// noncharacter, and little else.
func TestTextCharacters(t *testing.T) {
	var more []rune
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		b := utf8.AppendRune(nil, r)
		got := allowed(r, len(b))
		refuse := unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
		if got && refuse {
			t.Errorf("%U is allowed", r)
		}
		if !got && !refuse {
			more = append(more, r)
		}
	}
	for _, r := range more {
		if r != 0x2065 && !(r >= 0x13440 && r <= 0x1345f) && !(r >= 0xe0000 && r <= 0xe007f) {
			t.Errorf("%U is refused", r)
		}
	}
	if !allowed(utf8.RuneError, 3) || allowed(utf8.RuneError, 1) {
		t.Error("the replacement character is text where it is written, and not where it stands for bad UTF-8")
	}
}

func TestNotHex(t *testing.T) {
	for c := range 256 {
		for lane := range 8 {
			b := []byte("0123abcd")
			b[lane] = byte(c)
			want := strings.IndexByte("0123456789abcdef", byte(c)) >= 0
			if got := notHex(word(string(b))) == 0; got != want {
				t.Errorf("byte %#x in lane %d: %v, want %v", c, lane, got, want)
			}
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 100000 {
		var b [8]byte
		want := true
		for i := range b {
			b[i] = "0123456789abcdef\x00/:`g\x80\xb0\xe1\xff"[r.IntN(25)]
			want = want && strings.IndexByte("0123456789abcdef", b[i]) >= 0
		}
		if got := notHex(word(string(b[:]))) == 0; got != want {
			t.Fatalf("%q: %v, want %v", b, got, want)
		}
	}
}

func TestNotPlain(t *testing.T) {
	plain := func(c byte) bool { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' }
	r := rand.New(rand.NewPCG(5, 6))
	for range 300000 {
		b := []byte("a zA~!#]")
		for range r.IntN(3) {
			b[r.IntN(8)] = byte(r.IntN(256))
		}
		want := 0
		for want < 8 && plain(b[want]) {
			want++
		}
		if got := bits.TrailingZeros64(notPlain(word(string(b)))) / 8; got != want {
			t.Fatalf("%q: %d plain bytes in front, want %d", b, got, want)
		}
	}
}

func TestDecodeSignature(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 50000 {
		var sig, got [64]byte
		for i := range sig {
			sig[i] = byte(r.Uint32())
		}
		text := []byte(base64.StdEncoding.EncodeToString(sig[:]))
		if r.IntN(2) == 0 {
			text[r.IntN(88)] = "AZaz09+/=-_ \n\xff"[r.IntN(14)]
		}
		want, err := base64.StdEncoding.Strict().DecodeString(string(text))
		ok := err == nil && len(want) == 64 && !bytes.ContainsAny(text, "\n")
		if decodeSignature(&got, string(text)) != ok || ok && !bytes.Equal(got[:], want) {
			t.Fatalf("%q: %x, want %x %v", text, got, want, err)
		}
	}
}

func TestDigest(t *testing.T) {
	d := Sum([]byte("abc"))
	if d != "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Errorf("digest of abc is %s", d)
	}
	if got, err := ParseDigest(string(d)); err != nil || got != d {
		t.Errorf("ParseDigest gives %s %v", got, err)
	}
	for _, s := range []string{"", "sha256:", string(d) + "0", string(d[:70]), strings.ToUpper(string(d)), "sha512" + string(d[6:])} {
		if _, err := ParseDigest(s); err == nil {
			t.Errorf("%q accepted", s)
		}
		if _, ok := Digest(s).Bytes(); ok {
			t.Errorf("%q has bytes", s)
		}
	}
}

func TestFacts(t *testing.T) {
	facts := Facts{Text("amount", "1.50"), Bool("solved", true), Bool("transferred", false)}
	for _, f := range facts {
		if v, ok := facts.Get(f.Name); !ok || v != f.Value {
			t.Errorf("Get(%s) is %v %v", f.Name, v, ok)
		}
	}
	given := []Fact{facts[2], facts[0], facts[1]}
	if got := NewFacts(given...); !reflect.DeepEqual(got, facts) || given[0].Name != "transferred" {
		t.Errorf("NewFacts gives %v, and leaves %v", got, given)
	}
	twice := &Record{Kind: KindOutcome, ID: "o", By: "v", Body: &Outcome{Result: "r", Facts: NewFacts(Text("b", "1"), Text("a", "1"), Text("b", "2"))}}
	if _, err := Marshal(twice); err == nil || err.Error() != `record o: body.facts: "b" stands twice` {
		t.Errorf("a fact that stands twice: %v", err)
	}
	for _, name := range []string{"", "a", "b", "solve", "z"} {
		if v, ok := facts.Get(name); ok {
			t.Errorf("Get(%s) is %v", name, v)
		}
	}
}

func TestReferencesAndChains(t *testing.T) {
	want := map[Kind]string{
		KindGrant: "[{parent g-0}]", KindRevoke: "[{grant g-1}]", KindInput: "[{corrects i-0}]",
		KindDecision: "[{checks.left.ref m-1} {checks.right.ref i-1} {claims.support.ref i-1} {config c-1} {depends_on.ref i-1} {depends_on.ref m-1} {grant g-1} {inputs i-1} {inputs i-2}]",
		KindAction:   "[{decision d-1} {grant g-1} {reverses x-0} {review r-1}]",
		KindHandoff:  "[{decision d-1}]", KindReview: "[{of d-1}]", KindMeasurement: "[{sources i-1}]", KindOutcome: "[{effect x-1}]", KindConfirm: "[{of o-1}]",
		KindReverse: "[{of o-1}]", KindDispute: "[{about o-1}]", KindResolve: "[{about i-1} {dispute dp-1}]", KindAdjust: "[{of statement/2026-03}]",
		KindDemand: "[{of d-1}]", KindDisclose: "[{demand dm-1}]", KindErase: "[{of i-1}]", KindIncident: "[{about d-1} {about x-1}]",
	}
	chains := map[Kind]string{KindMeasurement: "[case/t-1 measure/meter/17]", KindAction: "[case/t-1 grant/g-1 key/ca786f1e02cd1fa6858ba7d98a5653bb1643ebe08c849ba27d08415c02aec72a]",
		KindDecision: "[case/t-1 config/c-1 input/i-1 input/i-2 input/m-1]"}
	for i, r := range examples(t) {
		if i%2 == 1 {
			if r.Kind == KindMeasurement {
				if got := fmt.Sprint(Chains(r)); got != "[measure/energy]" {
					t.Errorf("a measurement without a case is in %s", got)
				}
			} else if got := fmt.Sprint(Chains(r)); got != "[standing]" {
				t.Errorf("a %s without a case is in %s", r.Kind, got)
			}
			continue
		}
		refs := References(r)
		sorted := append([]Reference(nil), refs...)
		for i := range sorted {
			for j := range i {
				if sorted[j].Field > sorted[i].Field || sorted[j].Field == sorted[i].Field && sorted[j].ID > sorted[i].ID {
					sorted[i], sorted[j] = sorted[j], sorted[i]
				}
			}
		}
		got := fmt.Sprint(sorted)
		if w := want[r.Kind]; got != w && !(w == "" && got == "[]") {
			t.Errorf("a %s refers to %s, want %s", r.Kind, got, w)
		}
		wantChains := chains[r.Kind]
		if wantChains == "" {
			wantChains = "[case/t-1]"
			if standing(r.Kind) {
				wantChains = "[standing]"
			}
		}
		if got := fmt.Sprint(Chains(r)); got != wantChains {
			t.Errorf("a %s is in %s, want %s", r.Kind, got, wantChains)
		}
	}
}

func TestSign(t *testing.T) {
	r := benchOutcome(t)
	pub := testPublic("client")
	if err := CheckSignature(r, testOrigin, pub); err != nil {
		t.Fatal(err)
	}
	fails := func(name string, err error, want string) {
		t.Helper()
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	key := Fingerprint(pub)
	fails("other origin", CheckSignature(r, "vendor.example/other", pub), "record "+r.ID+": signature of "+key+" does not verify")
	fails("other key", CheckSignature(r, testOrigin, testPublic("third")), "record "+r.ID+": no signature of "+Fingerprint(testPublic("third")))
	fails("bad origin", CheckSignature(r, "a\nb", pub), `origin "a\nb": want an origin: 1 to 255 bytes without white space, +, quote and backslash`)
	small := make(ed25519.PublicKey, 32)
	small[0] = 1
	fails("small order", CheckSignature(r, testOrigin, small), fmt.Sprintf("public key %x has small order", []byte(small)))
	fails("short private key", Sign(r, testOrigin, testKey("x")[:32]), "private key has 32 bytes, want 64")
	fails("short signature", AddSignature(r, testOrigin, pub, make([]byte, 63)), "signature has 63 bytes, want 64")
	fails("false signature", AddSignature(r, testOrigin, pub, make([]byte, 64)), "signature of "+key+" does not verify")

	// log and sigs are not signed; everything else is.
	r.Log.N++
	r.Log.Time++
	if err := CheckSignature(r, testOrigin, pub); err != nil {
		t.Error(err)
	}
	changed := *r
	changed.At++
	fails("other time", CheckSignature(&changed, testOrigin, pub), "record "+r.ID+": signature of "+key+" does not verify")

	// A second signature by a key replaces its first; keys are sorted.
	for i := range 7 {
		if err := Sign(r, testOrigin, testKey(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sign(r, testOrigin, testKey("client")); err != nil || len(r.Sigs) != 8 {
		t.Errorf("%d signatures, want 8: %v", len(r.Sigs), err)
	}
	if _, err := Marshal(r); err != nil {
		t.Error(err)
	}
	fails("ninth", Sign(r, testOrigin, testKey("ninth")), "record "+r.ID+": has 9 signatures, at most 8")
	if len(r.Sigs) != 8 {
		t.Errorf("%d signatures after a refusal, want 8", len(r.Sigs))
	}

	// What is signed, written out.
	content, err := Content(r)
	if err != nil {
		t.Fatal(err)
	}
	body := testOrigin + "\n" + string(content)
	want := fmt.Sprintf("DSSEv1 %d %s %d %s", len(PayloadType), PayloadType, len(body), body)
	if got, err := SignedBytes(r, testOrigin); err != nil || string(got) != want {
		t.Errorf("signs %s %v, want %s", got, err, want)
	}
	if bytes.Contains(content, []byte(`"log"`)) || bytes.Contains(content, []byte(`"sigs"`)) {
		t.Errorf("content has log or sigs: %s", content)
	}
}

func TestPeriods(t *testing.T) {
	grammar := regexp.MustCompile(`^[0-9]{4}(-Q[1-4]|-W(0[1-9]|[1-4][0-9]|5[0-3])|-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$`)
	check := func(s string) {
		if got, want := periodLength(s) == len(s), grammar.MatchString(s); got != want {
			t.Errorf("period %q: %v, want %v", s, got, want)
		}
	}
	for i := range 100 {
		for _, format := range []string{"20%02d", "2026-%02d", "2026-Q%d", "2026-W%02d", "2026-03-%02d", "2026-%02d-07", "2026-W%02d-1", "2026-Q%d-", "202%d", "2026%d", "2026-0%d"} {
			check(fmt.Sprintf(format, i))
		}
	}
	for _, s := range []string{"", "-", "2026-", "2026-W", "2026-Q", "2026-03-", "2026-03-0x", "2026-0x", "2026-Wx1", "2026-w10", "abcd"} {
		check(s)
	}
}

func TestPublicKeys(t *testing.T) {
	for i := range 200 {
		pub := testPublic(fmt.Sprint(i))
		text := FormatPublicKey(pub)
		if got, err := ParsePublicKey(text); err != nil || !got.Equal(pub) {
			t.Errorf("ParsePublicKey(%s): %v", text, err)
		}
		if text[:len(keyPrefix)] != keyPrefix || len(text) != keyBytes || len(Fingerprint(pub)) != fingerprintBytes {
			t.Errorf("%s, %s", text, Fingerprint(pub))
		}
	}
	good := FormatPublicKey(testPublic("a"))
	for _, s := range []string{"", good + " ", good + " me", good + "\n", " " + good, "no-pty " + good, good[:len(good)-1], strings.Replace(good, " ", "  ", 1), "ssh-rsa" + good[11:],
		good[:len(good)-1] + "=", good[:40] + "====" + good[44:], keyPrefix + strings.Repeat("/", 43), strings.Replace(good, "AAAI", "AAAJ", 1)} {
		if _, err := ParsePublicKey(s); err == nil {
			t.Errorf("%q accepted", s)
		}
	}
	for _, pub := range []ed25519.PublicKey{nil, make(ed25519.PublicKey, 31)} {
		if FormatPublicKey(pub) != "" || Fingerprint(pub) != "" {
			t.Errorf("a key of %d bytes has a text", len(pub))
		}
	}
}

// Records at their limits, and one beyond.
func TestLimits(t *testing.T) {
	build := func(lineBytes int, log *Log) *Record {
		r := &Record{Kind: KindOutcome, ID: "o", By: "v", Body: &Outcome{Result: "r"}, Log: log}
		facts := Facts{}
		for i := range 15 {
			facts = append(facts, Text(fmt.Sprintf("f%02d", i), strings.Repeat("x", MaxTextBytes)))
		}
		facts = append(facts, Text("g", "x"))
		r.Body.(*Outcome).Facts = facts
		line, err := Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		facts[15] = Text("g", strings.Repeat("x", 1+lineBytes-len(line)))
		return r
	}
	log := &Log{N: 3, Chains: []Link{{"standing", 1, 2}}}
	for _, c := range []struct {
		bytes int
		log   *Log
		want  string
	}{
		{MaxRecordBytes - LogBytes + len(appendLog(nil, log)), log, ""},
		{MaxRecordBytes - LogBytes + len(appendLog(nil, log)) + 1, log, "record 3 o: has 65024 bytes without log, at most 65023"},
		{MaxRecordBytes - LogBytes, nil, ""},
		{MaxRecordBytes - LogBytes + 1, nil, "record o: has 65024 bytes, at most 65023"},
	} {
		r := build(c.bytes, c.log)
		line, err := Marshal(r)
		if c.want == "" {
			if err != nil || len(line) != c.bytes {
				t.Errorf("%d bytes: got %d %v", c.bytes, len(line), err)
			} else if got, err := Parse(line); err != nil || !reflect.DeepEqual(got, r) {
				t.Errorf("%d bytes: %v", c.bytes, err)
			}
			continue
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%d bytes: got %v, want %s", c.bytes, err, c.want)
		}
	}
	// Parse tests the same, on lines made of others.
	line, err := Marshal(build(MaxRecordBytes-LogBytes, nil))
	if err != nil {
		t.Fatal(err)
	}
	longer := bytes.Replace(line, []byte(`"g":"x`), []byte(`"g":"xx`), 1)
	if _, err := Parse(longer); err == nil || err.Error() != "record o: has 65024 bytes, at most 65023" {
		t.Errorf("got %v", err)
	}
	line, err = Marshal(build(MaxRecordBytes-LogBytes+len(appendLog(nil, log)), log))
	if err != nil {
		t.Fatal(err)
	}
	longer = bytes.Replace(line, []byte(`"g":"x`), []byte(`"g":"xx`), 1)
	if _, err := Parse(longer); err == nil || err.Error() != "record o: has 65024 bytes without log, at most 65023" {
		t.Errorf("got %v", err)
	}
	longer = bytes.Replace(line, []byte(`"g":"x`), []byte(`"g":"`+strings.Repeat("x", MaxRecordBytes+2-len(line))), 1)
	if _, err := Parse(longer); err == nil || err.Error() != "record: has 65536 bytes, at most 65535" {
		t.Errorf("got %v", err)
	}
	if err := CheckCanonical(longer); err == nil || err.Error() != "has 65536 bytes, at most 65535" {
		t.Errorf("got %v", err)
	}

	// A log that no ledger would write can be longer than LogBytes.
	long := strings.Repeat("x", MaxIDBytes)
	wide := &Log{N: MaxInteger}
	for _, name := range []string{"case/" + long, "grant/" + long, "measure/" + long, "standing"} {
		wide.Chains = append(wide.Chains, Link{name, MaxInteger, MaxInteger - 1})
	}
	over := build(MaxRecordBytes-LogBytes, nil)
	over.Log = wide
	wantError := fmt.Sprintf("record %d o: has %d bytes, at most 65535", int64(MaxInteger), MaxRecordBytes-LogBytes+len(appendLog(nil, wide)))
	if _, err := Marshal(over); err == nil || err.Error() != wantError {
		t.Errorf("got %v, want %s", err, wantError)
	}

	// LogBytes is enough for the longest log there is.
	for _, b := range []Body{&Measurement{Metric: long, Value: "1"}, &Action{Grant: long, Action: "a", Effect: "read", Status: "planned"}} {
		r := &Record{Kind: b.Kind(), ID: "a", By: "b", Case: long, Body: b}
		p, err := Prepare(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Log = &Log{N: MaxInteger, Time: MaxTime}
		for _, name := range Chains(r) {
			r.Log.Chains = append(r.Log.Chains, Link{name, MaxInteger, MaxInteger - 1})
		}
		if n := len(p.AppendLine(nil, r.Log)) - len(p.Line()); n > LogBytes {
			t.Errorf("the longest log of a %s has %d bytes, at most %d", r.Kind, n, LogBytes)
		}
		if _, err := Marshal(r); err != nil {
			t.Error(err)
		}
	}
}

// Prepare leaves the record alone.
func TestPrepareLeavesLog(t *testing.T) {
	r := benchOutcome(t)
	log := r.Log
	if _, err := Prepare(r); err != nil || r.Log != log {
		t.Errorf("log is %v, want %v: %v", r.Log, log, err)
	}
}

func TestRefusal(t *testing.T) {
	for _, c := range []struct {
		e    Refusal
		want string
	}{
		{Refusal{N: -1, Reason: "has no form"}, "record: has no form"},
		{Refusal{N: -1, ID: "o-1", Field: "body.result", Reason: "missing"}, "record o-1: body.result: missing"},
		{Refusal{N: 812, ID: "o-1", Field: "at", Reason: "late"}, "record 812 o-1: at: late"},
	} {
		if got := c.e.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
