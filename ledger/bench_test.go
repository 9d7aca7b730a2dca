package ledger

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/raasledger/raasledger/attribution/record"
)

// benchRecord is a record of 1 KiB.
func benchRecord(id string, when record.Time) *record.Record {
	r := outcome(id, "T-"+id, when)
	r.Kind, r.Body = record.KindInput, &record.Input{Source: "bench", AsOf: when, Fields: record.Facts{record.Text("text", strings.Repeat("x", 720))}}
	return r
}

// callers runs n calls of append by c callers, each waiting for its own, and
// returns how long all took and how long each waited.
func callers(b *testing.B, c, n int, append func(k int) error) (total time.Duration, waits []time.Duration) {
	b.Helper()
	waits = make([]time.Duration, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for range c {
		wg.Go(func() {
			for {
				k := int(next.Add(1)) - 1
				if k >= n {
					return
				}
				t := time.Now()
				if err := append(k); err != nil {
					b.Error(err)
					return
				}
				waits[k] = time.Since(t)
			}
		})
	}
	wg.Wait()
	return time.Since(start), waits
}

// BenchmarkAppend: durable appends of records of 1 KiB by 1, 64 and 1,024
// callers. In turns with it, in the same run, plain Badger takes values of the
// same size in its own group commit with synced writes: x-badger is the ratio
// of the rates, which the noise of a disk spares more than the rates.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("callers=%d", c), func(b *testing.B) {
			clock := newClock()
			db := open(b, b.TempDir(), Options{Clock: clock.Now})
			l, err := db.Create(ctx, agreement(b, testOrigin, "vendor", "client"))
			must(b, err)
			plain := newPlainBadger(b)
			records := make([]*record.Record, b.N)
			for i := range records {
				records[i] = benchRecord(fmt.Sprint(i), clock.now)
			}
			line, err := record.Marshal(records[0])
			must(b, err)
			value := make([]byte, len(line)+60) // with its log
			b.ResetTimer()
			var ours, theirs time.Duration
			var waits []time.Duration
			rounds := max(1, min(8, b.N/(4*c)))
			for round := range rounds {
				lo, hi := b.N*round/rounds, b.N*(round+1)/rounds
				took, wait := callers(b, c, hi-lo, func(k int) error {
					_, err := l.Append(ctx, records[lo+k])
					return err
				})
				ours += took
				waits = append(waits, wait...)
				b.StopTimer()
				took, _ = callers(b, c, hi-lo, func(k int) error { return plain.put(lo+k, value) })
				theirs += took
				b.StartTimer()
			}
			b.StopTimer()
			must(b, db.Close())
			plain.close()
			slices.Sort(waits)
			b.ReportMetric(float64(b.N)/ours.Seconds(), "records/s")
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-badger")
		})
	}
}

// plainBadger is a group commit of one transaction a group on Badger with
// synced writes: what one would write without a ledger.
type plainBadger struct {
	kv    *badger.DB
	queue chan plainPut
}

type plainPut struct {
	k     int
	value []byte
	done  chan error
}

func newPlainBadger(b *testing.B) *plainBadger {
	b.Helper()
	kv, err := badger.Open(badger.DefaultOptions(b.TempDir()).WithSyncWrites(true).WithLogger(nil).
		WithDetectConflicts(false).WithMetricsEnabled(false).WithCompression(options.None).WithNumCompactors(2))
	must(b, err)
	p := &plainBadger{kv, make(chan plainPut, 4096)}
	go func() {
		for first := range p.queue {
			group := []plainPut{first}
			for len(p.queue) > 0 && len(group) < 4096 {
				group = append(group, <-p.queue)
			}
			err := kv.Update(func(txn *badger.Txn) error {
				for _, p := range group {
					if err := txn.Set(fmt.Appendf(nil, "%016d", p.k), p.value); err != nil {
						return err
					}
				}
				return nil
			})
			for _, p := range group {
				p.done <- err
			}
		}
	}()
	return p
}

func (p *plainBadger) put(k int, value []byte) error {
	done := make(chan error, 1)
	p.queue <- plainPut{k, value, done}
	return <-done
}

func (p *plainBadger) close() {
	close(p.queue)
	p.kv.Close()
}

func BenchmarkGet(b *testing.B) {
	clock := newClock()
	db := open(b, b.TempDir(), Options{Clock: clock.Now})
	l, err := db.Create(ctx, agreement(b, testOrigin, "vendor", "client"))
	must(b, err)
	fill(b, l, 20000)
	b.ResetTimer()
	for range b.N {
		if _, err := l.Get(rand.Int64N(l.Size())); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	must(b, db.Close())
}

// BenchmarkOpen: a store of 100,000 records, to its first append.
func BenchmarkOpen(b *testing.B) {
	clock := newClock()
	dir := b.TempDir()
	db := open(b, dir, Options{Clock: clock.Now})
	l, err := db.Create(ctx, agreement(b, testOrigin, "vendor", "client"))
	must(b, err)
	fill(b, l, 100000)
	must(b, db.Close())
	b.ResetTimer()
	for i := range b.N {
		db := open(b, dir, Options{Clock: clock.Now})
		l, err := db.Ledger(testOrigin)
		must(b, err)
		opened := time.Now()
		_, err = l.Append(ctx, benchRecord(fmt.Sprint("again-", i), clock.now))
		must(b, err)
		b.ReportMetric(float64(time.Since(opened).Milliseconds()), "fold-ms")
		must(b, db.Close())
	}
}

// fill appends n records in calls of 500.
func fill(b *testing.B, l *Ledger, n int) {
	b.Helper()
	when := record.Time(l.db.now())
	for i := 0; i < n; i += 500 {
		rs := make([]*record.Record, 500)
		for k := range rs {
			rs[k] = benchRecord(fmt.Sprint(i+k), when)
		}
		_, err := l.Append(ctx, rs...)
		must(b, err)
	}
}
