package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// large is a bundle of n records: cases of an outcome, a decision's input and a
// client's confirmation of each tenth, over one month, with its statement.
func large(t testing.TB, n int) []byte {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	m.clock("2026-03-02T00:00:00")
	for i := 0; len(m.records) < n-1; i++ {
		m.now += 1000
		matter := fmt.Sprintf("T-%d", i)
		m.add(&record.Record{Kind: record.KindInput, ID: fmt.Sprintf("i-%d", i), Case: matter, At: m.now, By: "vendor", Actor: "desk", Subject: "s-0123456789abcdef",
			Body: &record.Input{AsOf: m.now, Source: "mail", Fields: record.Facts{record.Text("subject", "It does not work any more since the last update of the device"), record.Text("urgency", "3")}}})
		m.solved(fmt.Sprintf("o-%d", i), matter, i%3 > 0)
		if i%20 == 0 {
			m.add(m.byClient(&record.Record{Kind: record.KindConfirm, ID: fmt.Sprintf("c-%d", i), Case: matter, Body: &record.Confirm{Of: fmt.Sprintf("o-%d", i), Verdict: "accept"}}))
		}
	}
	m.clock("2026-04-09T00:00:00")
	m.statement()
	return m.bundle(cut{})
}

// BenchmarkVerify verifies bundles of several sizes; a client has signed every
// fortieth record or so. Each second record claims a result of a case of its
// own, so the state grows with the bundle.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { pass(b, large(b, n), n) })
	}
}

// BenchmarkMemory verifies bundles whose state stays as it is: all records are
// inputs of one case.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{100000, 200000, 400000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { pass(b, stateless(b, n), n) })
	}
}

// stateless is a bundle of n records that leave nothing in the state.
func stateless(t testing.TB, n int) []byte {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	for i := 1; i < n; i++ {
		m.now += 1000
		m.add(&record.Record{Kind: record.KindInput, ID: fmt.Sprintf("i-%d", i), Case: "T-1", At: m.now, By: "vendor",
			Body: &record.Input{AsOf: m.now, Source: "mail", Fields: record.Facts{record.Text("subject", "It does not work any more since the last update of the device")}}})
	}
	return m.bundle(cut{})
}

// pass verifies a bundle of n records from a file. Memory is what is live at
// the most, measured in a pass of its own.
func pass(b *testing.B, in []byte, n int) {
	path, length := filepath.Join(b.TempDir(), "bundle"), len(in)
	if err := os.WriteFile(path, in, 0o600); err != nil {
		b.Fatal(err)
	}
	in = nil
	o := Options{Policy: policy(b, policyText(b, "both"))}
	once := func() {
		file, err := os.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		if rep, err := Verify(file, o); err != nil || rep.Verdict != Verified {
			b.Fatal(err, text(b, rep))
		}
	}
	live := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most := live(), uint64(0)
	o.Progress = func(records, of int64) {
		if records%65536 == 0 {
			most = max(most, live())
		}
	}
	once()
	o.Progress = nil

	b.SetBytes(int64(length))
	b.ReportAllocs()
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(length)/float64(n), "B/record")
	if most > before {
		b.ReportMetric(float64(most-before)/(1<<20), "MiB-live")
	}
}

// BenchmarkCites compares the digests that records cite, of a record of many
// fields: it was hashed when it came.
func BenchmarkCites(b *testing.B) {
	in := &record.Input{Source: "mail"}
	for i := range 60 {
		in.Fields = append(in.Fields, record.Text(fmt.Sprintf("f%02d", i), strings.Repeat("x", 800)))
	}
	m := newMaker(b)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	m.clock("2026-03-02T00:00:00")
	in.AsOf = m.now
	m.add(&record.Record{Kind: record.KindInput, ID: "i-1", Case: "T-1", At: m.now, By: "vendor", Body: in})
	to := m.records[1]
	digest, err := record.ContentDigest(to)
	m.must(err)
	v := &verifier{known: newKnown()}
	v.known.add(to, v.content(to, m.lines[1]))
	r := &record.Record{ID: "c-1", Kind: record.KindConfirm, Log: &record.Log{N: 2}, Body: &record.Confirm{Of: "i-1"}, Case: "T-1", Cites: []record.Cite{{ID: "i-1", Digest: digest}}}
	b.ReportAllocs()
	for b.Loop() {
		v.refer(r)
	}
	if t := &v.checks[authors]; t.failed+t.lacked > 0 || v.cited == 0 {
		b.Fatalf("%+v", t)
	}
}
