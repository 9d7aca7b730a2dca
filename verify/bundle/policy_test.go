package bundle

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/merkle"
)

func vkey(t testing.TB, name string, kind merkle.Kind, holder string) string {
	t.Helper()
	k, err := merkle.NewVerifierKey(name, kind, key(holder).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k.String()
}

// expand writes a policy: LOG, LOG2, A to F and A-AS-X stand for keys.
func expand(t testing.TB, text string) []byte {
	pairs := []string{
		"@LOG2", vkey(t, origin, merkle.KindLog, "log2"),
		"@LOGX", vkey(t, "other.example/x", merkle.KindLog, "log"),
		"@LOGW", vkey(t, "log.example/witness", merkle.KindCosignature, "log"),
		"@LOG", vkey(t, origin, merkle.KindLog, "log"),
		"@AX", vkey(t, "x.example/a", merkle.KindCosignature, "a"),
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		pairs = append(pairs, "@"+strings.ToUpper(name), vkey(t, name+".example", merkle.KindCosignature, name))
	}
	return []byte(strings.NewReplacer(pairs...).Replace(text))
}

func TestPolicyRefused(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "policy has no quorum line"},
		{"comments only", "# quorum none\n", "policy has no quorum line"},
		{"no line end", "quorum none", "policy line 1 does not end with a line end"},
		{"carriage return", "quorum none\r\n", "policy line 1: octet 0x0d at column 12 is not allowed"},
		{"NUL", "quorum\x00none\n", "policy line 1: octet 0x00 at column 7 is not allowed"},
		{"DEL", "# \x7f\nquorum none\n", "policy line 1: octet 0x7f at column 3 is not allowed"},
		{"form feed", "quorum\fnone\n", "policy line 1: octet 0x0c at column 7 is not allowed"},
		{"unknown word", "Quorum none\n", `policy line 1: begins with "Quorum", want log, witness, group or quorum`},
		{"comment in a line", "quorum none # all\n", "policy line 1: quorum has 3 items, want a name or none"},
		{"two quorums", "quorum none\nquorum none\n", "policy line 2: second quorum line"},
		{"quorum before its definition", "quorum a\nwitness a @A\n", `policy line 1: quorum "a" is not defined before it`},
		{"quorum unknown", "quorum a\n", `policy line 1: quorum "a" is not defined before it`},
		{"quorum of two", "witness a @A\nwitness b @B\nquorum a b\n", "policy line 3: quorum has 2 items, want a name or none"},
		{"log without a key", "log\nquorum none\n", "policy line 1: log has 0 items, want KEY [URL]"},
		{"log with too much", "log @LOG u v\nquorum none\n", "policy line 1: log has 3 items, want KEY [URL]"},
		{"log with a witness key", "log @A\nquorum none\n", "policy line 1: key @A is a cosignature key, want a log key"},
		{"log twice", "log @LOG\nlog @LOG\nquorum none\n", "policy line 2: log key @LOG has the public key of @LOG"},
		{"log key under another name", "log @LOG\nlog @LOGX\nquorum none\n", "policy line 2: log key @LOGX has the public key of @LOG"},
		{"log key wrong id", "log vendor.example/c17+00000000+AT7wl2TxMBb1Ib7uBWFIUkBpqHEmxcJ3XqzVz3aDjEhq\nquorum none\n", "policy line 1: verifier key of"},
		{"small-order key", "witness a a+00000000+BAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\nquorum none\n", `policy line 1: verifier key of "a": `},
		{"witness without a name", "witness @A\nquorum none\n", "policy line 1: witness has 1 items, want NAME KEY [URL]"},
		{"witness with a log key", "witness a @LOG\nquorum none\n", "policy line 1: key @LOG is a log key, want a cosignature key"},
		{"witness key twice", "witness a @A\nwitness b @A\nquorum none\n", "policy line 2: witness key @A has the public key of @A"},
		{"witness key under another name", "witness a @A\nwitness b @AX\ngroup g 2 a b\nquorum g\n", "policy line 2: witness key @AX has the public key of @A"},
		{"witness name twice", "witness a @A\nwitness a @B\nquorum none\n", `policy line 2: "a" is defined already`},
		{"witness named none", "witness none @A\nquorum none\n", `policy line 1: "none" cannot be defined`},
		{"group named none", "witness a @A\ngroup none any a\nquorum none\n", `policy line 2: "none" cannot be defined`},
		{"group named like a witness", "witness a @A\ngroup a any a\nquorum none\n", `policy line 2: "a" is defined already`},
		{"group of none", "group g any none\nquorum none\n", `policy line 1: group "g" has the member "none", which is not defined before it`},
		{"group without members", "group g any\nquorum none\n", "policy line 1: group has 2 items, want NAME, all, any or a number, and MEMBERS"},
		{"group before its member", "group g any a\nwitness a @A\nquorum none\n", `policy line 1: group "g" has the member "a", which is not defined before it`},
		{"group of itself", "group g any g\nquorum none\n", `policy line 1: group "g" has the member "g", which is not defined before it`},
		{"k = 0", "witness a @A\ngroup g 0 a\nquorum g\n", `policy line 2: group "g" needs "0", want all, any or 1 to 1`},
		{"k > n", "witness a @A\ngroup g 2 a\nquorum g\n", `policy line 2: group "g" needs "2", want all, any or 1 to 1`},
		{"k negative", "witness a @A\ngroup g -1 a\nquorum g\n", `policy line 2: group "g" needs "-1", want all, any or 1 to 1`},
		{"k with a zero", "witness a @A\ngroup g 01 a\nquorum g\n", `policy line 2: group "g" needs "01", want all, any or 1 to 1`},
		{"k with a plus", "witness a @A\ngroup g +1 a\nquorum g\n", `policy line 2: group "g" needs "+1", want all, any or 1 to 1`},
		{"k huge", "witness a @A\ngroup g 18446744073709551617 a\nquorum g\n", `policy line 2: group "g" needs "18446744073709551617", want all, any or 1 to 1`},
		{"k hexadecimal", "witness a @A\ngroup g 0x1 a\nquorum g\n", `policy line 2: group "g" needs "0x1", want all, any or 1 to 1`},
		{"member twice in a group", "witness a @A\ngroup g 2 a a\nquorum g\n", `policy line 2: group "g" has the member "a", which is a member already`},
		{"member of two groups", "witness a @A\ngroup g any a\ngroup h any a\nquorum g\n", `policy line 3: group "h" has the member "a", which is a member already`},
		{"member and group of it", "witness a @A\ngroup g any a\ngroup h 2 a g\nquorum h\n", `policy line 3: group "h" has the member "a", which is a member already`},
		{"too long", strings.Repeat("# comment\n", 1<<18), "policy has 2621440 bytes, at most 1048576"},
		{"too many groups", tooManyGroups(), "policy line 259: more than 256 group lines"},
	} {
		_, err := ParsePolicy(expand(t, tc.text))
		if want := string(expand(t, tc.want)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v\nwant %s", tc.name, err, want)
		}
	}
}

// tooManyGroups nests 257 groups in one another.
func tooManyGroups() string {
	text, last := "witness a @A\n\n", "a"
	for i := range 257 {
		text += fmt.Sprintf("group g%d all %s\n", i, last)
		last = fmt.Sprintf("g%d", i)
	}
	return text + "quorum " + last + "\n"
}

// TestPolicyAccepted: what the specification allows, and some libraries refuse.
func TestPolicyAccepted(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"least", "quorum none\n", "quorum none\n"},
		{"spaces, tabs, comments", "\n \t\n  # quorum a\n\tlog \t @LOG  \n#\nquorum\tnone \n", "log @LOG\nquorum none\n"},
		{"comment sign inside", "witness #a @A\nwitness b# @B\ngroup # any #a b#\nquorum #\n", "witness #a @A\nwitness b# @B\ngroup # any #a b#\nquorum #\n"},
		{"URLs", "log @LOG https://log\nwitness a @A https://a\nquorum a\n", "log @LOG https://log\nwitness a @A https://a\nquorum a\n"},
		{"two logs of one origin", "log @LOG\nlog @LOG2\nquorum none\n", "log @LOG\nlog @LOG2\nquorum none\n"},
		{"no log", "witness a @A\nquorum a\n", "witness a @A\nquorum a\n"},
		{"quorum first but for its name", "witness a @A\nquorum a\nlog @LOG\nwitness b @B\n", "log @LOG\nwitness a @A\nwitness b @B\nquorum a\n"},
		{"log key as witness", "log @LOG\nwitness l @LOGW\nquorum l\n", "log @LOG\nwitness l @LOGW\nquorum l\n"},
		{"names are octets", "witness \xff\xfe @A\nwitness K @B\nwitness \u212a @C\ngroup all all K \u212a\nquorum all\n", "witness \xff\xfe @A\nwitness K @B\nwitness \u212a @C\ngroup all all K \u212a\nquorum all\n"},
		{"name all, any, 2, log", "witness any @A\nwitness 2 @B\nwitness log @C\ngroup all 2 any 2 log\nquorum all\n", "witness any @A\nwitness 2 @B\nwitness log @C\ngroup all 2 any 2 log\nquorum all\n"},
	} {
		p, err := ParsePolicy(expand(t, tc.text))
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if got, want := p.String(), string(expand(t, tc.want)); got != want {
			t.Errorf("%s: %q, want %q", tc.name, got, want)
		}
	}
}

// TestPolicyMany: far more than the 32 entries that must be supported.
func TestPolicyMany(t *testing.T) {
	var text strings.Builder
	for i := range 256 {
		fmt.Fprintf(&text, "log %s\n", vkey(t, origin, merkle.KindLog, fmt.Sprint("log", i)))
		fmt.Fprintf(&text, "witness w%d %s\n", i, vkey(t, fmt.Sprintf("w%d", i), merkle.KindCosignature, fmt.Sprint("w", i)))
		fmt.Fprintf(&text, "group g%d any w%d\n", i, i)
	}
	text.WriteString("quorum g255\n")
	if _, err := ParsePolicy([]byte(text.String())); err != nil {
		t.Error(err)
	}
	more := fmt.Sprintf("log %s\n", vkey(t, origin, merkle.KindLog, "one more"))
	if _, err := ParsePolicy([]byte(more + text.String())); err == nil || err.Error() != "policy line 767: more than 256 log lines" {
		t.Error(err)
	}
}

// satisfied is the quorum rule by plain recursion over the text of a policy.
func satisfied(policy, name string, have []string) bool {
	for line := range strings.Lines(policy) {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != name {
			continue
		}
		switch f[0] {
		case "witness":
			return slices.Contains(have, name)
		case "group":
			n := 0
			for _, m := range f[3:] {
				if satisfied(policy, m, have) {
					n++
				}
			}
			k := 0
			switch f[2] {
			case "any":
				k = 1
			case "all":
				k = len(f) - 3
			default:
				fmt.Sscan(f[2], &k)
			}
			return n >= k
		}
	}
	return false
}

// TestQuorum: all subsets of five witnesses under several policies, with real
// signatures, against the recursion.
func TestQuorum(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	const defined = "log @LOG\nwitness a @A\nwitness b @B\nwitness c @C\nwitness d @D\nwitness e @E\n"
	c := merkle.Checkpoint{Origin: origin, Size: 1, Root: merkle.LeafHash(rec(0))}
	for _, rest := range []string{
		"quorum a\n",
		"group g any a b c d e\nquorum g\n",
		"group g all a b c d e\nquorum g\n",
		"group g 3 a b c d e\nquorum g\n",
		"group x 2 a b c\ngroup y any d e\ngroup z all x y\nquorum z\n",
		"group x all a b\ngroup y 2 x c d\nquorum y\n",
		"group x any a\ngroup y 1 x b\ngroup z 2 y c d e\nquorum z\n",
	} {
		p, err := ParsePolicy(expand(t, defined+rest))
		if err != nil {
			t.Fatal(err)
		}
		for set := range 1 << len(names) {
			note := signed(t, c)
			var have []string
			for i, name := range names {
				if set>>i&1 == 1 {
					have = append(have, name)
					if note, err = merkle.Cosign(note, name+".example", key(name), int64(1000+i)); err != nil {
						t.Fatal(err)
					}
				}
			}
			o, err := p.Open(note)
			if err != nil {
				t.Fatal(err)
			}
			if len(o.Logs) != 1 || len(o.Witnesses) != len(have) || len(o.False)+len(o.Unverified) > 0 {
				t.Fatalf("opened as %+v", o)
			}
			for _, w := range o.Witnesses {
				if name := p.WitnessName(w.Key); name != w.Witness {
					t.Errorf("witness %s is named %q", w.Witness, name)
				}
				if w.Time != int64(1000+slices.Index(names, w.Witness)) {
					t.Errorf("witness %s has the time %d", w.Witness, w.Time)
				}
			}
			got, text := p.Reached(o)
			if want := satisfied(defined+rest, p.Quorum(), have); got != want {
				t.Errorf("%s with %v: %v (%s), want %v", rest, have, got, text, want)
			}
		}
	}
}

func TestReachedText(t *testing.T) {
	c := merkle.Checkpoint{Origin: origin, Size: 1, Root: merkle.LeafHash(rec(0))}
	note, err := merkle.Cosign(signed(t, c), "a.example", key("a"), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ rest, want string }{
		{"quorum none\n", "the policy asks for none"},
		{"quorum a\n", "quorum a: cosigned by a"},
		{"quorum b\n", "quorum b is not reached: cosigned by nobody, missing b"},
		{"group g 2 a b c\nquorum g\n", "quorum g is not reached: cosigned by a, missing b, c"},
		{"group g any a b\nquorum g\n", "quorum g: cosigned by a"},
	} {
		p, err := ParsePolicy(expand(t, "log @LOG\nwitness a @A\nwitness b @B\nwitness c @C\n"+tc.rest))
		if err != nil {
			t.Fatal(err)
		}
		o, err := p.Open(note)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := p.Reached(o); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}

func TestOpen(t *testing.T) {
	c := merkle.Checkpoint{Origin: origin, Size: 1, Root: merkle.LeafHash(rec(0))}
	note := signed(t, c)
	policy := func(text string) *Policy {
		p, err := ParsePolicy(expand(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	// Any one log of the origin is enough, and one of another name says nothing.
	for _, text := range []string{"log @LOG\nlog @LOG2\nquorum none\n", "log @LOG2\nlog @LOG\nquorum none\n"} {
		if _, err := policy(text).Open(note); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, tc := range []struct{ text, want string }{
		{"log @LOG2\nquorum none\n", `no log key of the policy for "vendor.example/c17" has signed the checkpoint; the policy has vendor.example/c17+`},
		{"log @LOGX\nquorum none\n", `no log key of the policy for "vendor.example/c17" has signed the checkpoint; the policy has none of that name among 1`},
		{"quorum none\n", `no log key of the policy for "vendor.example/c17" has signed the checkpoint; the policy has none of that name among 0`},
		{"witness a @A\nquorum a\n", `no log key of the policy for "vendor.example/c17" has signed the checkpoint; the policy has none of that name among 0`},
	} {
		if _, err := policy(tc.text).Open(note); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.text, err)
		}
	}
	// A false line by a log key of the policy refuses the checkpoint, though another is right.
	both := policy("log @LOG\nlog @LOG2\nquorum none\n")
	other, err := merkle.ParseNote(signed(t, merkle.Checkpoint{Origin: origin, Size: 2, Root: c.Root}))
	if err != nil {
		t.Fatal(err)
	}
	n, err := merkle.ParseNote(note)
	if err != nil {
		t.Fatal(err)
	}
	forged := n
	forged.Lines = []merkle.Line{other.Lines[0]}
	b, err := forged.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := both.Open(b); err == nil || !strings.HasPrefix(err.Error(), "signature by log key vendor.example/c17+") {
		t.Errorf("forged: %v", err)
	}
	// The log's own key can be a witness as well, and then signs twice.
	twice, err := merkle.Cosign(note, "log.example/witness", key("log"), 7)
	if err != nil {
		t.Fatal(err)
	}
	o, err := policy("log @LOG\nwitness l @LOGW\nquorum l\n").Open(twice)
	if err != nil || len(o.Logs) != 1 || len(o.Witnesses) != 1 {
		t.Errorf("log as witness: %+v, %v", o, err)
	}
	// A false cosignature is told apart from one by an unknown key.
	cosigned, err := merkle.Cosign(note, "a.example", key("a"), 7)
	if err != nil {
		t.Fatal(err)
	}
	n, err = merkle.ParseNote(cosigned)
	if err != nil {
		t.Fatal(err)
	}
	n.Lines[1].Signature[7]++ // its time
	if b, err = n.Marshal(); err != nil {
		t.Fatal(err)
	}
	p := policy("log @LOG\nwitness a @A\nquorum a\n")
	if o, err = p.Open(b); err != nil || len(o.Witnesses) != 0 || len(o.False) != 1 || !strings.HasPrefix(o.False[0], "a.example+") {
		t.Errorf("false cosignature: %+v, %v", o, err)
	}
	p = policy("log @LOG\nwitness b @B\nquorum none\n")
	if o, err = p.Open(cosigned); err != nil || len(o.Witnesses) != 0 || len(o.Unverified) != 1 || !strings.HasPrefix(o.Unverified[0], "a.example+") {
		t.Errorf("unknown cosignature: %+v, %v", o, err)
	}
}

// FuzzPolicy: the plain form of an accepted policy is accepted, and is its own.
func FuzzPolicy(f *testing.F) {
	f.Add(expand(f, "# all\nlog @LOG https://log\nwitness a @A\n witness b @B\ngroup g 2 a b\ngroup h any g\nquorum h\n"))
	f.Add([]byte("quorum none\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePolicy(b)
		if err != nil {
			return
		}
		again, err := ParsePolicy([]byte(p.String()))
		if err != nil {
			t.Fatalf("%q written as %q: %v", b, p, err)
		}
		if again.String() != p.String() {
			t.Errorf("%q written as %q and then as %q", b, p, again)
		}
	})
}
