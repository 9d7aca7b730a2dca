package terms

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
)

// testKey is the key that a name stands for in tests.
func testKey(name string) ed25519.PrivateKey {
	seed := bytes.Repeat([]byte{'.'}, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func publicText(name string) string {
	return record.FormatPublicKey(testKey(name).Public().(ed25519.PublicKey))
}

// at reads a time like 2026-03-01T08:00.
func at(t testing.TB, text string) record.Time {
	t.Helper()
	parsed, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return record.Time(parsed.UnixMilli())
}

// supportDesk is the agreement that docs/terms.md begins with, in JSON.
const supportDesk = `{
 "title": "Support desk 2026",
 "parties": {
  "client": {"role": "client", "name": "Shop Ltd", "keys": ["KEY client"]},
  "vendor": {"role": "vendor", "name": "Agents Inc", "keys": ["KEY vendor"]}
 },
 "currency": "EUR", "scale": 2,
 "rounding": {"mode": "half_up", "at": "line"},
 "calendar": {"zone": "UTC", "period": "month"},
 "effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},
 "record_delay": "72h", "skew": "5m", "backfill": "refuse",
 "results": {
  "resolved": {
   "facts": {"transferred": "bool", "value": "decimal", "opened": "time", "topic": "text"},
   "once_per": "case",
   "where": "!transferred",
   "claim": ["vendor"],
   "accept": {"on": "silence", "after": "72h", "from": "claim"},
   "dispute": {"within": "7d", "unresolved": {"after": "7d", "then": "void"}},
   "reopen": {"within": "72h", "from": "accepted"},
   "escalation": "void", "lock": "0s", "billed_at": "accepted", "final_after": "60d"
  }
 },
 "measures": {"tickets": {"count": "resolved", "over": "period"}},
 "lines": [{"name": "tickets", "of": "tickets", "mode": "graduated", "tiers": [{"unit": "0.99"}]}],
 "settle": {"close_after": "8d", "late": "current", "negative": "carry", "corrections": "after_minimum"}
}`

// withKeys replaces "KEY name" by the key's text.
func withKeys(text string) string {
	for _, name := range []string{"client", "vendor", "client2", "vendor2", "third", "arbiter", "log", "fourth", "fifth"} {
		text = strings.ReplaceAll(text, `"KEY `+name+`"`, `"`+publicText(name)+`"`)
	}
	return text
}

func utc(zone string, from, until record.Time) ([]Offset, error) {
	return []Offset{{From: from, Minutes: 0}}, nil
}

// mustDraft returns the canonical form of a document.
func mustDraft(t testing.TB, text string) []byte {
	t.Helper()
	b, mistakes := Draft([]byte(withKeys(text)), utc)
	for _, m := range mistakes {
		if !m.Warning {
			t.Error(m)
		}
	}
	if b == nil {
		t.Fatal("no terms")
	}
	return b
}

func mustParse(t testing.TB, text string) *Terms {
	t.Helper()
	terms, mistakes := Parse(mustDraft(t, text))
	if terms == nil {
		t.Fatalf("Parse refuses what Draft gave: %v", mistakes)
	}
	return terms
}
