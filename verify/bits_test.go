package verify

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/raasledger/raasledger/verify/bundle"
)

var allBits = flag.Bool("bits", false, "verify a bundle for every single bit flipped, not for one bit of each byte")

// eachBit calls f with b and each single bit of it flipped, on all processors.
// f must not keep its argument. whole says whether this bit is one to spend
// the full verification on: one of each byte (of each eighth where
// tests are to be short), or all by flag -bits.
func eachBit(b []byte, f func(flipped []byte, whole bool, at string)) {
	var next atomic.Int64
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			own := slices.Clone(b)
			for i := next.Add(1) - 1; i < int64(len(b)); i = next.Add(1) - 1 {
				for bit := range int64(8) {
					own[i] ^= 1 << bit
					f(own, *allBits || bit == i*5%8 && (i%8 == 0 || !testing.Short()), fmt.Sprintf("bit %d of byte %d", bit, i))
					own[i] ^= 1 << bit
				}
			}
		})
	}
	wait.Wait()
}

// TestEveryBit: an honest bundle, all of whose keys are in the policy, with any
// one bit flipped is refused. The form alone refuses it: whatever the reader
// refuses, Verify does, and that is tried as well.
func TestEveryBit(t *testing.T) {
	b := tiny(t).bundle(cut{})
	if len(b) > 16<<10 {
		t.Fatalf("the bundle has %d bytes", len(b))
	}
	o := Options{Policy: policy(t, policyText(t, "both"))}
	if rep := run(t, b, o); rep.Verdict != Verified {
		t.Fatal(text(t, rep))
	}
	eachBit(b, func(flipped []byte, whole bool, at string) {
		var bad *bundle.FormError
		r, err := bundle.NewReader(bytes.NewReader(flipped))
		for err == nil {
			_, err = r.Next()
		}
		if !errors.As(err, &bad) {
			t.Errorf("%s: read to the end: %v", at, err)
		}
		if !whole {
			return
		}
		if rep, err := Verify(bytes.NewReader(flipped), o); err != nil || rep.Verdict != Refused || rep.ExitCode() != 1 {
			t.Errorf("%s: %v, %v", at, rep, err)
		}
	})
}

// TestEveryBitResummed: the same where the attacker writes the end line anew.
// Then at least it is not verified.
func TestEveryBitResummed(t *testing.T) {
	b := tiny(t).bundle(cut{})
	o := Options{Policy: policy(t, policyText(t, "both"))}
	end := bytes.LastIndex(b, []byte(`{"end"`))
	eachBit(b[:end], func(flipped []byte, whole bool, at string) {
		if !whole {
			return
		}
		again := resum(slices.Concat(flipped, b[end:]))
		if rep, err := Verify(bytes.NewReader(again), o); err != nil || rep.Verdict == Verified || rep.ExitCode() == 0 {
			t.Errorf("%s: %v, %v", at, rep, err)
		}
	})
}

// TestCut: a bundle cut anywhere is refused; package bundle tries every byte.
func TestCut(t *testing.T) {
	m := honest(t)
	o := Options{Policy: policy(t, policyText(t, "both"))}
	for _, start := range []int64{0, 8} {
		b := m.bundle(cut{start: start})
		for i := 0; i < len(b); i += 11 {
			if rep, err := Verify(bytes.NewReader(b[:i]), o); err != nil || rep.Verdict != Refused {
				t.Fatalf("start %d, cut at %d: %v, %v", start, i, rep, err)
			}
		}
	}
}

// TestNotChecked: what could not be checked is an error, not a report.
func TestNotChecked(t *testing.T) {
	m := honest(t)
	b := m.bundle(cut{})
	p := policy(t, policyText(t, "both"))
	broken := errors.New("disk on fire")
	held := m.checkpoint(9, "client")
	forged := bytes.Replace(held, []byte("\n9\n"), []byte("\n8\n"), 1)
	for _, tc := range []struct {
		name string
		o    Options
		r    *brokenReader
		want string
	}{
		{"no policy", Options{}, &brokenReader{b: b}, "no policy: want the keys to rely on"},
		{"reader fails", Options{Policy: p}, &brokenReader{b: b[:5100], err: broken}, "bundle could not be read: line 12: disk on fire"},
		{"reader fails at once", Options{Policy: p}, &brokenReader{err: broken}, "bundle could not be read: line 1: disk on fire"},
		{"held is no checkpoint", Options{Policy: p, Since: []byte("x")}, &brokenReader{b: b}, "checkpoint held from before: note has no blank line between text and signatures"},
		{"held is forged", Options{Policy: p, Since: forged}, &brokenReader{b: b}, "checkpoint held from before: signature by log key vendor.example/contract-17+df449566 is false"},
		{"detail fails", Options{Policy: p, Detail: func(string, []byte) error { return broken }}, &brokenReader{b: b}, "disk on fire"},
	} {
		rep, err := Verify(tc.r, tc.o)
		if rep != nil || err == nil || err.Error() != tc.want {
			t.Errorf("%s: %v, %v, want %s", tc.name, rep, err, tc.want)
		}
	}
}

// A brokenReader returns err after b, nil stands for the end.
type brokenReader struct {
	b   []byte
	err error
}

func (r *brokenReader) Read(p []byte) (int, error) {
	if len(r.b) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		return 0, io.EOF
	}
	n := copy(p, r.b)
	r.b = r.b[n:]
	return n, nil
}
