package record

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// FuzzParse holds that what Parse accepts encodes again as the same bytes, is
// canonical by the slow reference, and survives being taken apart.
func FuzzParse(f *testing.F) {
	for _, name := range vectorNames(f) {
		f.Add(vectorLine(f, name))
	}
	for _, r := range examples(f) {
		line, err := Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		slow := slowCanonical(line)
		if err := CheckCanonical(line); (err == nil) != (slow == nil) {
			t.Fatalf("CheckCanonical: %v; by encoding/json: %v", err, slow)
		}
		v, err := ParseCanonical(line)
		if (err == nil) != (slow == nil) {
			t.Fatalf("ParseCanonical: %v; by encoding/json: %v", err, slow)
		}
		if err == nil {
			if again, err := Canonical(v); err != nil || !bytes.Equal(again, line) {
				t.Fatalf("Canonical gives %s %v", again, err)
			}
		}
		r, err := Parse(line)
		if err != nil {
			if r != nil {
				t.Fatal("a record beside an error")
			}
			return
		}
		if slow != nil {
			t.Fatalf("accepted, but by encoding/json: %v", slow)
		}
		again, err := Marshal(r)
		if err != nil || !bytes.Equal(again, line) {
			t.Fatalf("encodes again as %s %v", again, err)
		}
		p, err := Prepare(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Log != nil && !bytes.Equal(p.AppendLine(nil, r.Log), line) {
			t.Fatalf("AppendLine gives %s", p.AppendLine(nil, r.Log))
		}
		content, err := Content(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := AppendContent([]byte("before"), r, line); string(got) != "before"+string(content) {
			t.Fatalf("AppendContent gives %s, want %s", got, content)
		}
		if p.Digest() != Sum(content) {
			t.Fatalf("content digest %s by Prepare, want %s", p.Digest(), Sum(content))
		}
		References(r)
		Chains(r)
	})
}

// Any one byte of a record changed to any other: what is still accepted is
// canonical, and encodes as it stands.
func TestEveryByteChanged(t *testing.T) {
	line, err := Marshal(benchOutcome(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range line {
		for _, c := range []byte("\x00\x1f !\"'+,-./0159:;AZ[\\]_az{}\x7f\x80\xff") {
			changed := bytes.Clone(line)
			changed[i] = c
			r, err := Parse(changed)
			if err != nil {
				continue
			}
			if slow := slowCanonical(changed); slow != nil {
				t.Errorf("accepted %s, by encoding/json: %v", changed, slow)
			}
			if again, err := Marshal(r); err != nil || !bytes.Equal(again, changed) {
				t.Errorf("%s encodes again as %s %v", changed, again, err)
			}
		}
		if _, err := Parse(line[:i]); err == nil {
			t.Errorf("accepted the first %d bytes", i)
		}
	}
}

// leaves calls f on each string, integer and truth value within v.
func leaves(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			leaves(v.Elem(), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			leaves(v.Index(i), f)
		}
	case reflect.Array:
		leaves(v.Index(0), f) // of a signature, any byte will do
	case reflect.String, reflect.Int64, reflect.Bool, reflect.Uint8:
		f(v)
	}
}

// Marshal writes only what Parse accepts: whatever stands in any field,
// either Marshal refuses it, or Parse gives it back.
func TestMarshalRefusesWhatParseRefuses(t *testing.T) {
	strs := []string{"", "a", "A", "a b", "é", "-1", "0", "1.5", "1e3", "null", "\"", "\\", "\n", "\u202e", "\xff", "2026-03", "EUR",
		strings.Repeat("x", 65), strings.Repeat("x", 129), strings.Repeat("x", 257), strings.Repeat("x", 4097), string(testDigest("x")), "standing", "case/", "case/a", "vendor", "accept"}
	ints := []int64{0, 1, -1, -2, MaxInteger, MaxInteger + 1, -MaxInteger, int64(MaxTime), int64(MaxTime) + 1}
	kept, refused := 0, 0
	for _, example := range examples(t) {
		line, err := Marshal(example)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		leaves(reflect.ValueOf(example).Elem(), func(v reflect.Value) { n++ })
		for leaf := range n {
			for choice := range max(len(strs), len(ints)) {
				r, err := Parse(line)
				if err != nil {
					t.Fatal(err)
				}
				k, set := 0, false
				leaves(reflect.ValueOf(r).Elem(), func(v reflect.Value) {
					if k == leaf {
						switch {
						case v.Kind() == reflect.String && choice < len(strs):
							v.SetString(strs[choice])
							set = true
						case v.Kind() == reflect.Int64 && choice < len(ints):
							v.SetInt(ints[choice])
							set = true
						case v.Kind() == reflect.Bool && choice == 0:
							v.SetBool(!v.Bool())
							set = true
						case v.Kind() == reflect.Uint8 && choice == 0:
							v.SetUint(v.Uint() ^ 1)
							set = true
						}
					}
					k++
				})
				if !set {
					break
				}
				line, err := Marshal(r)
				if err != nil {
					refused++
					continue
				}
				kept++
				got, err := Parse(line)
				if err != nil {
					t.Fatalf("Marshal wrote what Parse refuses: %v\n%s", err, line)
				}
				if !reflect.DeepEqual(got, r) {
					t.Fatalf("Parse gives another record\n%s", line)
				}
			}
		}
	}
	if kept < 1000 || refused < 1000 {
		t.Errorf("%d kept and %d refused: too few to tell", kept, refused)
	}
}

func TestNilBodies(t *testing.T) {
	for _, r := range []*Record{{}, {Kind: KindOutcome}, {Kind: KindOutcome, Body: (*Outcome)(nil)}, {Kind: KindConfirm, ID: "a", By: "b", Body: &Outcome{Result: "x"}}, {Kind: "x", ID: "a", By: "b", Body: other{}}} {
		if line, err := Marshal(r); err == nil {
			t.Errorf("wrote %s", line)
		}
		if _, err := Prepare(r); err == nil {
			t.Errorf("prepared %+v", r)
		}
	}
}

type other struct{}

func (other) Kind() Kind { return "x" }

// Random values, canonical or nearly so: the reader agrees with encoding/json.
func TestCanonicalByReference(t *testing.T) {
	// One leaf in thirty is none that records may hold.
	rarely := func(good, bad *rapid.Generator[any]) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			if rapid.IntRange(1, 30).Draw(t, "rarely") == 30 {
				return bad.Draw(t, "bad")
			}
			return good.Draw(t, "good")
		})
	}
	key := rapid.StringOfN(rapid.RuneFrom([]rune("az09\"\\/ é\U0001f600\ufb00")), 0, 6, -1)
	text := rarely(key.AsAny(), rapid.StringOf(rapid.RuneFrom([]rune("a\uffff\u200b\u2028\x00\n"))).AsAny())
	integer := rarely(rapid.Int64Range(-MaxInteger, MaxInteger).AsAny(), rapid.Int64().AsAny())
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		return rapid.Custom(func(t *rapid.T) any {
			kinds := []string{"object", "object", "object", "list", "text", "integer", "bool"}
			switch depth {
			case 0:
				kinds = kinds[4:]
			case 4:
				kinds = kinds[:4]
			}
			switch rapid.SampledFrom(kinds).Draw(t, "kind") {
			case "text":
				return text.Draw(t, "text")
			case "integer":
				return integer.Draw(t, "integer")
			case "bool":
				return rapid.Bool().Draw(t, "bool")
			case "list":
				return rapid.SliceOfN(value(depth-1), 0, 4).Draw(t, "list")
			default:
				return rapid.MapOfN(key, value(depth-1), 1, 5).Draw(t, "object")
			}
		})
	}
	accepted, most := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		v := value(4).Draw(t, "value")
		line, err := Canonical(v)
		if err == nil {
			accepted++
			most = max(most, len(line))
			if slow := slowCanonical(line); slow != nil {
				t.Fatalf("Canonical gives %s, by encoding/json: %v", line, slow)
			}
			back, err := ParseCanonical(line)
			if err != nil || !reflect.DeepEqual(back, v) {
				t.Fatalf("ParseCanonical gives %v %v", back, err)
			}
		}
		// What encoding/json writes has its keys in the order of bytes and
		// escapes more: it agrees or is refused.
		plain, jsonErr := json.Marshal(v)
		if jsonErr != nil {
			t.Skip()
		}
		if rapid.Bool().Draw(t, "damage") && len(plain) > 0 {
			plain[rapid.IntRange(0, len(plain)-1).Draw(t, "at")] = byte(rapid.IntRange(0, 255).Draw(t, "to"))
		}
		if slow, fast := slowCanonical(plain), CheckCanonical(plain); (slow == nil) != (fast == nil) {
			t.Fatalf("%s: CheckCanonical: %v; by encoding/json: %v", plain, fast, slow)
		}
	})
	if accepted == 0 || most < 40 {
		t.Errorf("%d canonical values of at most %d bytes: too few to tell", accepted, most)
	}
}

func TestCanonicalErrors(t *testing.T) {
	self := map[string]any{}
	self["self"] = self
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "got null, want a value or no such field"},
		{map[string]any{"a": []any{1, 2.5}}, "a: [1]: got a float64, want an object, a list, a string, a truth value or an integer"},
		{map[string]any{"a": json.Number("0.99")}, "a: got number 0.99, want an integer to 9007199254740991; write other numbers as strings"},
		{int64(MaxInteger + 1), "byte 0: number 9007199254740992 is beyond 9007199254740991: write it as a string"},
		{"a\nb", `byte 2: escape "\\n": only \" and \\ are canonical here`},
		{"a\u202eb", "byte 2: character U+202E is invisible or changes the direction of text"},
	} {
		if got, err := Canonical(c.v); err == nil || err.Error() != c.want {
			t.Errorf("Canonical(%v) gives %s, error %v, want %s", c.v, got, err, c.want)
		}
	}
	if _, err := Canonical(self); err == nil || !strings.HasSuffix(err.Error(), "is more than 16 deep") {
		t.Errorf("a value within itself: %v", err)
	}
	line, err := Canonical(map[string]any{"b": []string{"x", "y"}, "a": json.Number("-7"), "c": uint64(3), "d": 4})
	if want := `{"a":-7,"b":["x","y"],"c":3,"d":4}`; err != nil || string(line) != want {
		t.Errorf("got %s %v, want %s", line, err, want)
	}
}

// Keys compare as their UTF-16 does.
func TestCompareKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	runes := []rune("aé\ud7ff\ue000\uffff\U00010000\U0010ffffz")
	random := func() string {
		var b strings.Builder
		for range r.IntN(4) {
			b.WriteRune(runes[r.IntN(len(runes))])
		}
		return b.String()
	}
	for range 20000 {
		a, b := random(), random()
		if got, want := compareKeys(a, b), slowCompareKeys(a, b); got != want {
			t.Fatalf("compareKeys(%q, %q) is %d, want %d", a, b, got, want)
		}
	}
}
