package terms

import (
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// All short texts of these letters: what record.ParseDecimal takes is read, as
// the same number, and nothing else.
func TestParseNumber(t *testing.T) {
	const letters = "-.019x"
	texts := []string{"", "-12.5", "123456789012345678", "1234567890.12345678", "-1234567890.1234567", "12345678901234567.8", "0.0000000000000000001", "-0.000000000000000"}
	for from, length := 0, 0; length < 6; length++ {
		until := len(texts)
		for _, text := range texts[from:until] {
			if len(text) == length {
				for _, letter := range letters {
					texts = append(texts, text+string(letter))
				}
			}
		}
		if length > 0 {
			from = until
		}
	}
	taken := 0
	for _, text := range texts {
		_, err := record.ParseDecimal(text)
		x, ok := parseNumber(text, false)
		if ok != (err == nil) {
			t.Fatalf("%q: taken %v, record.ParseDecimal: %v", text, ok, err)
		}
		if !ok {
			continue
		}
		taken++
		if y, ok := parseNumber(text, true); !ok || x.cmp(y) != 0 || x.quotient().Cmp(y.quotient()) != 0 {
			t.Fatalf("%q: got %v, want %v", text, x.quotient(), y.quotient())
		}
	}
	if len(texts) < 55_000 || taken < 500 {
		t.Fatalf("%d texts, %d taken", len(texts), taken)
	}
}
