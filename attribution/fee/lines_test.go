package fee

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// example is a state with a line of every type.
func example(t failer) *kit {
	k := start(t, guarded(`"from": "claim"`, `"from": "receipt"`, `"unresolved": {"after": "4d", "then": "accept"}`, `"unresolved": {"then": "arbiter"}`, `"close_after": "10d"`, `"close_after": "0s"`))
	k.add(claimOf("2026-03-10", "T", "10"))
	k.add(claimOf("2026-03-10", "U", "3"))
	k.add(confirmOf("2026-03-20", "accept"))
	k.settle()
	k.add(disputeOf("2026-04-02"))
	k.add(reverseOf("2026-04-03", "reversed", "2"))
	k.add(reverseOf("2026-04-03", "reversed", ""))
	k.add(resolveOf("2026-04-04", "dispute", "upheld"))
	k.add(handoffOf("2026-04-04"))
	k.add(claimOf("2026-04-05", "V", "4"))
	h := &history{kit: k}
	h.receipt("client", 3, at("2026-04-06"), at("2026-04-06"), at("2026-04-06"))
	again := claimOf("2026-04-07", "V", "4")
	again.ID = "o-V2"
	k.add(again)
	miss := reverseOf("2026-04-07", "reversed", "")
	miss.ID = "miss"
	k.add(miss)
	gone := claimOf("2026-04-07", "W", "4")
	gone.ID = "o-W"
	k.add(gone)
	return k
}

func TestStateLines(t *testing.T) {
	k := example(t)
	lines := k.state.Lines()
	if !slices.IsSortedFunc(lines, bytes.Compare) {
		t.Error("the lines are not sorted")
	}
	var own []string
	types := map[string]bool{}
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.TrimPrefix(string(line), `["`), `"`)
		types[name] = true
		switch name {
		case "agreement", "author", "clock", "key", "ledger":
		default:
			own = append(own, string(line))
		}
	}
	want(t, strings.Join(own, "\n"), strings.TrimSpace(stateExample))
	if len(types) != 5+8 {
		t.Errorf("types of line: %v", types)
	}
	again, err := ReadState(lines)
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest() != k.state.Digest() || again.Size() != k.state.Size() {
		t.Error("the state that was read is another one")
	}
}

// Whatever is done to the lines of a state, they are refused, or are the lines
// of a state.
func TestDamagedStateLinesAreRefused(t *testing.T) {
	lines := example(t).state.Lines()
	refuse := func(what string, damaged [][]byte) {
		t.Helper()
		s, err := ReadState(damaged)
		if err == nil && !bytes.Equal(join(s.Lines()), join(damaged)) {
			t.Errorf("%s is read as another state", what)
		}
	}
	must := func(what string, damaged [][]byte) {
		t.Helper()
		if _, err := ReadState(damaged); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
	for i := range lines {
		refuse("a state without line "+string(lines[i]), slices.Delete(slices.Clone(lines), i, i+1))
		must("a doubled line", slices.Insert(slices.Clone(lines), i, lines[i]))
		if i > 0 {
			swapped := slices.Clone(lines)
			swapped[i], swapped[i-1] = swapped[i-1], swapped[i]
			must("a swapped line", swapped)
		}
	}
	must("a foreign line", append(slices.Clone(lines), []byte(`["zebra",1]`)))
	must("a line that is no array", append(slices.Clone(lines), []byte(`{}`)))
	must("a line with a space", append(slices.Clone(lines[:len(lines)-1]), append([]byte{' '}, lines[len(lines)-1]...)))
	source := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		damaged := slices.Clone(lines)
		i := source.IntN(len(damaged))
		line := bytes.Clone(damaged[i])
		line[source.IntN(len(line))] = `0123456789",[]{}-.:TZabcxyz`[source.IntN(27)]
		damaged[i] = line
		refuse(string(line), damaged)
	}
}

func TestRefusedStatesSayWhy(t *testing.T) {
	lines := example(t).state.Lines()
	for _, c := range []struct{ from, to, want string }{
		{`["fold",`, `["fond",`, `type fond is not known`},
		{`["fold",15,`, `["fold",2,`, "state of 2 records has its last statement at 4, and 1 periods"},
		{`["tally","2026-03-01`, `["tally","2026-03-02`, "tally is of a period that begins at 2026-03-02T00:00:00.000Z, which is not there"},
		{`"amount",1,"10"`, `"among",1,"10"`, "version 1 has no such measure"},
		{`["event",1,6,`, `["event",0,6,`, "is about claim 0, which is not there"},
		{`"reduce","vendor"`, `"reduce","vender"`, `has "vender" where one of vendor, client, third, arbiter should stand`},
		{`"01"`, `"02"`, `has "02" where 2 flags should stand`},
	} {
		damaged := slices.Clone(lines)
		found := false
		for i, line := range damaged {
			if bytes.Contains(line, []byte(c.from)) && !found {
				found = true
				damaged[i] = bytes.Replace(line, []byte(c.from), []byte(c.to), 1)
			}
		}
		slices.SortFunc(damaged, bytes.Compare)
		_, err := ReadState(damaged)
		if !found || err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s to %s (found %v): got %v, want %s", c.from, c.to, found, err, c.want)
		}
	}
}

func FuzzReadState(f *testing.F) {
	k := example(f)
	f.Add(bytes.TrimSuffix(join(k.state.Lines()), []byte("\n")))
	left, err := k.state.SettledLines()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSuffix(join(left), []byte("\n")))
	whole := wholeExample(f)
	f.Add(bytes.TrimSuffix(join(whole.state.Lines()), []byte("\n")))
	if left, err = whole.state.SettledLines(); err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSuffix(join(left), []byte("\n")))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := bytes.Split(text, []byte("\n"))
		s, err := ReadState(lines)
		if err != nil {
			return
		}
		if again := join(s.Lines()); !bytes.Equal(again, append(text, '\n')) {
			t.Fatalf("read\n%s\nand write\n%s", text, again)
		}
		// It can be asked for what is next without harm.
		if st, err := s.Settle(nil); err == nil && st == nil {
			t.Fatal("no statement and no error")
		}
	})
}

const stateExample = `
["claim",1,"done","T","o-T","T","2026-03-10T00:00:00.000Z","2026-03-10T00:00:00.000Z",1,"vendor","01",{"amount":"10"},"2026-03-01T00:00:00.000Z","billed",["2026-03-01T00:00:00.000Z",["amount","10"]]]
["claim",10,"done","V","o-V","V","2026-04-05T00:00:00.000Z","2026-04-05T00:00:00.000Z",1,"vendor","01",{"amount":"4"},"","",[]]
["claim",14,"done","W","o-W","W","2026-04-07T00:00:00.000Z","2026-04-07T00:00:00.000Z",1,"vendor","01",{"amount":"4"},"","",[]]
["claim",2,"done","U","o-U","U","2026-03-10T00:00:00.000Z","2026-03-10T00:00:00.000Z",1,"vendor","01",{"amount":"3"},"2026-03-01T00:00:00.000Z","pending",[]]
["event",1,13,"reverse","vendor","2026-04-07T00:00:00.000Z","0","reversed"]
["event",1,3,"accept","client","2026-03-20T00:00:00.000Z","0"]
["event",1,5,"dispute","client","2026-04-02T00:00:00.000Z","0","dispute"]
["event",1,6,"reduce","vendor","2026-04-03T00:00:00.000Z","0","reversed","2"]
["event",1,7,"reverse","vendor","2026-04-03T00:00:00.000Z","0","reversed"]
["event",1,8,"uphold","arbiter","2026-04-04T00:00:00.000Z","0","dispute"]
["fold",15,4,"0"]
["handoff","T",9,"2026-04-04T00:00:00.000Z","2026-05-14T00:00:00.000Z","all"]
["loose",12,"2026-04-07T00:00:00.000Z","duplicate","done","V",1]
["period","2026-03","2026-03-01T00:00:00.000Z","2026-04-01T00:00:00.000Z","2026-04-01T00:00:00.000Z",1]
["receipt",3,"2026-04-06T00:00:00.000Z"]
["tally","2026-03-01T00:00:00.000Z",1,"amount",1,"10"]`
