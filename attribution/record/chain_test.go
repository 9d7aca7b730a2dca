package record

import (
	"fmt"
	"strings"
	"testing"
)

// TestRoomForLog: a decision with as many sources as there can be, as long as
// it may be without a log, can still be given the longest log there is.
func TestRoomForLog(t *testing.T) {
	long := func(i int) string { return fmt.Sprintf("%0*d", MaxIDBytes, i) }
	b := &Decision{Agent: "a", Config: long(0)}
	for i := range MaxChains - 2 {
		b.Inputs = append(b.Inputs, long(i+1))
	}
	r := &Record{Kind: KindDecision, ID: "d", By: "vendor", Case: long(99), Body: b}
	room := maxLogBytes(r)
	if room <= LogBytes {
		t.Fatalf("the longest log has %d bytes", room)
	}
	line, err := Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	// Filled up with claims to the last byte.
	for i := 0; len(line) < MaxRecordBytes-room; i++ {
		b.Claims = append(b.Claims, Claim{ID: fmt.Sprintf("c-%d", i), Value: "x"})
		if line, err = Marshal(r); err != nil {
			t.Fatal(err)
		}
		rest := MaxRecordBytes - room - len(line)
		b.Claims[i].Value = strings.Repeat("x", 1+min(max(rest, 0), MaxTextBytes-1))
		if line, err = Marshal(r); err != nil && rest >= 0 {
			t.Fatal(err)
		}
		if rest > MaxTextBytes && rest < MaxTextBytes+100 {
			b.Claims[i].Value = b.Claims[i].Value[:MaxTextBytes/2]
			line, _ = Marshal(r)
		}
	}
	if len(line) != MaxRecordBytes-room {
		t.Fatalf("the line has %d bytes, want %d", len(line), MaxRecordBytes-room)
	}
	r.Log = &Log{N: MaxInteger, Time: MaxTime}
	for _, name := range Chains(r) {
		r.Log.Chains = append(r.Log.Chains, Link{name, MaxInteger - 1, MaxInteger - 1})
	}
	if len(r.Log.Chains) != MaxChains {
		t.Errorf("is in %d chains, want %d", len(r.Log.Chains), MaxChains)
	}
	full, err := Marshal(r)
	if err != nil || len(full) != MaxRecordBytes {
		t.Errorf("with its log it has %d bytes: %v", len(full), err)
	}
	if _, err := Parse(full); err != nil {
		t.Error(err)
	}
	r.Log = nil
	last := &b.Claims[len(b.Claims)-1]
	last.Value += "x"
	if _, err := Marshal(r); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("at most %d", MaxRecordBytes-room)) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestChainNames(t *testing.T) {
	for name, want := range map[string]string{
		"standing": "standing|", "case/a/b": "case|a/b", "config/c": "config|c", "grant/g": "grant|g", "input/i": "input|i", "measure/m": "measure|m",
	} {
		if of, id := SplitChain(name); !IsChain(name) || of+"|"+id != want {
			t.Errorf("%s: %v %s %s", name, IsChain(name), of, id)
		}
	}
	for _, name := range []string{"", "case/", "case", "standing/x", "standing2", "case/ x", "other/x"} {
		if IsChain(name) {
			t.Errorf("%q is a chain", name)
		}
	}
}
