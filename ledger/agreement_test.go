package ledger_test

import (
	"crypto/ed25519"
	"log"
	"strings"
	"time"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
	"github.com/raasledger/raasledger/merkle"
)

// Keys of the example: a service reads its own from files.
var (
	logKey    = exampleKey('l')
	vendorKey = exampleKey('v')
	clientKey = exampleKey('c')
)

func exampleKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(seed), ed25519.SeedSize)))
}

const exampleTerms = `{
"title": "Support desk", "currency": "EUR", "scale": 2,
"parties": {
 "vendor": {"role": "vendor", "name": "Vendor", "keys": ["@vendor"]},
 "client": {"role": "client", "name": "Client", "keys": ["@client"]}},
"rounding": {"mode": "half_even", "at": "statement"},
"calendar": {"zone": "UTC", "period": "month", "offsets": [{"from": "2026-01-01T00:00:00.000Z", "minutes": 0}]},
"effective": {"from": "2026-03-01T00:00:00.000Z", "until": "2027-03-01T00:00:00.000Z"},
"record_delay": "1h", "skew": "5m", "backfill": "refuse",
"results": {"resolved": {
 "facts": {"solved": "bool"}, "once_per": "case", "where": "solved", "claim": ["vendor"],
 "accept": {"on": "silence", "after": "72h", "from": "claim"},
 "dispute": {"within": "72h", "unresolved": {"after": "7d", "then": "accept"}},
 "reopen": {"within": "7d", "from": "accepted"},
 "escalation": "void", "lock": "0s", "billed_at": "accepted", "final_after": "90d"}},
"measures": {"resolved": {"count": "resolved", "over": "period"}},
"lines": [{"name": "resolved", "of": "resolved", "mode": "graduated", "tiers": [{"unit": "0.99"}]}],
"settle": {"close_after": "8d", "late": "current", "negative": "carry", "corrections": "after_minimum"},
"responsibility": {"rule_set": "rs-1", "outward": "client", "review_min": "60s"}}`

// signedAgreement is what both parties signed beforehand.
func signedAgreement(origin string) *record.Record {
	text := strings.NewReplacer(
		"@vendor", record.FormatPublicKey(vendorKey.Public().(ed25519.PublicKey)),
		"@client", record.FormatPublicKey(clientKey.Public().(ed25519.PublicKey))).Replace(exampleTerms)
	canonical, mistakes := terms.Draft([]byte(text), nil)
	for _, m := range mistakes {
		if !m.Warning {
			log.Fatalf("%s: %s", m.Path, m.Reason)
		}
	}
	key, err := merkle.NewVerifierKey(origin, merkle.KindLog, logKey.Public().(ed25519.PublicKey))
	check(err)
	r := &record.Record{
		Kind: record.KindAgreement, ID: "agreement/1", By: "vendor",
		At:   record.Time(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()),
		Body: &record.Agreement{Version: 1, Format: record.Format, Origin: origin, LogKey: key.String(), Nonce: "MDEyMzQ1Njc4OWFiY2RlZg==", Terms: canonical},
	}
	check(record.Sign(r, origin, vendorKey))
	check(record.Sign(r, origin, clientKey))
	return r
}
