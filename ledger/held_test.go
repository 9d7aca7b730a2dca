package ledger

import (
	"bytes"
	"testing"

	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify"
)

// TestCaseExtends: a case bundle proves to whoever holds an earlier checkpoint
// that it extends it, of any size, whether it was ever signed or not.
func TestCaseExtends(t *testing.T) {
	clock := newClock()
	db, l := refunds(t, t.TempDir(), clock)
	defer done(t, db)
	signer, err := merkle.NewLogSigner(testOrigin, key("log"))
	must(t, err)
	sizes := []int64{1, 2, 3, 4, 7, 8, 9, 255, 256, 257, 300, l.Size() - 1, l.Size()}
	var b bytes.Buffer
	must(t, l.WriteCase(ctx, &b, "case/R-1", CaseOptions{Since: sizes}))
	for _, size := range append([]int64{0}, sizes...) {
		root, err := l.rootAt(size)
		must(t, err)
		c := merkle.Checkpoint{Origin: testOrigin, Size: size, Root: root}
		for _, fork := range []bool{false, size > 0} {
			if fork {
				c.Root[0] ^= 1
			}
			held, err := merkle.SignCheckpoint(c, signer)
			must(t, err)
			got, err := l.Extends(held)
			switch {
			case fork:
				wantError(t, err, "two histories")
			case err != nil || got != size:
				t.Errorf("extends size %d: %d, %v", size, got, err)
			}
			report, err := verify.Verify(bytes.NewReader(b.Bytes()), verify.Options{Policy: testPolicy(t), Since: held})
			must(t, err)
			if want := map[bool]string{false: verify.Passed, true: verify.Failed}[fork]; report.Checks[4].Result != want {
				t.Errorf("size %d, fork %v: history %+v", size, fork, report.Checks[4])
			}
		}
	}
	wantError(t, l.WriteCase(ctx, &b, "case/R-1", CaseOptions{Since: []int64{l.Size() + 1}}), "no proof leads from size 313 to the checkpoint of size 312")
	wantError(t, l.WriteCase(ctx, &b, "case/R-1", CaseOptions{Since: []int64{-1}}), "no proof leads from size -1")
	held, err := merkle.SignCheckpoint(merkle.Checkpoint{Origin: testOrigin, Size: l.Size() + 1}, signer)
	must(t, err)
	_, err = l.Extends(held)
	wantError(t, err, "checkpoint is of size 313, the ledger has 312 records")
	other, err := merkle.NewLogSigner("vendor.example/contract-18", key("log"))
	must(t, err)
	held, err = merkle.SignCheckpoint(merkle.Checkpoint{Origin: "vendor.example/contract-18", Size: 1}, other)
	must(t, err)
	_, err = l.Extends(held)
	wantError(t, err, "checkpoint is of vendor.example/contract-18, want "+testOrigin)
}
