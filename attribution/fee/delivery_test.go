package fee

import (
	"github.com/raasledger/raasledger/attribution/record"
	"pgregory.net/rapid"
)

// drawDelivered draws whether a result wants evidence delivered.
func drawDelivered(t *rapid.T, result map[string]any) {
	switch rapid.SampledFrom([]string{"none", "none", "one", "both"}).Draw(t, "delivered") {
	case "one":
		result["evidence"], result["delivered"] = []any{"photo", "transcript"}, []any{"photo"}
	case "both":
		result["evidence"], result["delivered"] = []any{"photo", "transcript"}, []any{"photo", "transcript"}
	}
}

// pieces are few, so that several claims have the same.
var pieces = []record.Digest{record.Sum([]byte("a")), record.Sum([]byte("b")), record.Sum([]byte("c"))}

func drawAttached(t *rapid.T) (list []record.Attachment) {
	for _, name := range []string{"photo", "transcript"} {
		if rapid.IntRange(0, 9).Draw(t, "attached") > 0 {
			list = append(list, record.Attachment{Name: name, Digest: rapid.SampledFrom(pieces).Draw(t, "piece"), Size: 1})
		}
	}
	return list
}

// drawDisclose draws who hands a piece over to whom: r gets its author.
func drawDisclose(t *rapid.T, r *record.Record) *record.Disclose {
	r.By = rapid.SampledFrom([]string{"vendor", "vendor", "vendor", "vendor", "client", "bank"}).Draw(t, "by")
	return &record.Disclose{To: rapid.SampledFrom([]string{"client", "client", "client", "client", "bank"}).Draw(t, "to"), Digest: rapid.SampledFrom(pieces).Draw(t, "piece")}
}
