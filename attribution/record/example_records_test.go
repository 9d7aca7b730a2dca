package record

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"reflect"
	"testing"
)

const testOrigin = "vendor.example/support-desk"

// testKey is the key of a party in tests, made of its name.
func testKey(name string) ed25519.PrivateKey {
	seed, _ := Sum([]byte(name)).Bytes()
	return ed25519.NewKeyFromSeed(seed[:])
}

func testPublic(name string) ed25519.PublicKey {
	return testKey(name).Public().(ed25519.PublicKey)
}

func testTime(t testing.TB, s string) Time {
	t.Helper()
	at, err := ParseTime(s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func testDigest(s string) Digest { return Sum([]byte(s)) }

func testNonce(s string) string {
	sum, _ := testDigest(s).Bytes()
	return base64.StdEncoding.EncodeToString(sum[:16])
}

// bodies are two bodies of each kind: one with every field, one with what is
// required only.
func bodies(t testing.TB) []struct{ full, least Body } {
	day := func(d int) Time { return testTime(t, fmt.Sprintf("2026-03-%02dT00:00:00.000Z", d)) }
	key := FormatPublicKey(testPublic("client"))
	facts := Facts{Text("amount", "19.90"), Text("note", `said "yes" \ ✓`), Bool("solved", true), Bool("transferred", false)}
	return []struct{ full, least Body }{
		{&Agreement{Version: 2, Prev: testDigest("v1"), Format: Format, Origin: testOrigin, LogKey: testOrigin + "+01234567+AbCd", Nonce: testNonce("v2"), History: "adopt",
			Terms: []byte(`{"a":[1,-2,{"b":""}],"é":true,"😀":"\\\"","ﬀ":{}}`)},
			&Agreement{Version: 1, Format: Format, Origin: testOrigin, LogKey: testOrigin + "+01234567+AbCd", Nonce: testNonce("v1"), Terms: []byte(`{}`)}},
		{&Key{Op: "rotate", Key: key, Holder: "h-lin", Party: "client", Effective: day(1), Prev: Fingerprint(testPublic("old"))},
			&Key{Op: "enrol", Key: key, Holder: "client", Party: "client", Effective: day(1)}},
		{&Grant{Grantor: "client", Grantee: "care-3", Operator: "vendor", Parent: "g-0", Actions: []string{"refund", "deny"}, Resources: []string{"order/*"},
			LimitEach: "1000.00", LimitPeriod: &PeriodLimit{Amount: "20000", Days: 30}, Escalate: []Boundary{{"flag", "vulnerable"}, {"amount_over", "800.00"}},
			OnTimeout: "block", From: day(1), Until: day(31), Delegable: 1, Tier: "authorised"},
			&Grant{Grantor: "client", Grantee: "care-3", Operator: "vendor", Actions: []string{"refund"}, Resources: []string{"*"}, From: day(1), Until: day(2)}},
		{&Revoke{Grant: "g-1", Effective: day(3), Reason: "agent replaced"},
			&Revoke{Grant: "g-1", Effective: day(3), Reason: "agent replaced"}},
		{&Config{Agent: "care-3", Model: "modelco/m7@2026-02-15", Supplier: "modelco", Prompt: testDigest("p"), Tools: testDigest("t"), Policy: testDigest("po"), Knowledge: testDigest("k"), Sampling: testDigest("s")},
			&Config{Agent: "care-3", Model: "m7"}},
		{&Input{Fields: facts, AsOf: day(2), Source: "CRM", Flags: []string{"vulnerable", "a flag"}, Corrects: "i-0"},
			&Input{AsOf: day(2)}},
		{&Decision{Agent: "care-3", Config: "c-1", Grant: "g-1", Inputs: []string{"i-2", "i-1"}, DependsOn: []FieldRef{{"i-1", "amount"}, {"m-1", ""}},
			Claims:     []Claim{{ID: "k1", Material: true, Value: "2", Support: []FieldRef{{"i-1", "amount"}}}, {ID: "k2"}},
			Confidence: "0.93", Checks: []Check{{ID: "within", Left: Operand{Lit: "1500.00"}, Right: Operand{Ref: "i-1", Field: "amount"}, Op: "<=", Result: "pass", Blocks: []string{"refund"}},
				{ID: "meter", Left: Operand{Ref: "m-1"}, Right: Operand{Lit: "2"}, Op: "!=", Result: "refer"}},
			Proposes: &Proposal{Action: "refund", Resource: "order/8801", Amount: "15.00"}, Reasons: testDigest("r"), Output: testDigest("o"), ModelReported: "modelco/m7@2026-02-15"},
			&Decision{Agent: "care-3"}},
		{&Action{Decision: "d-1", Grant: "g-1", Review: "r-1", Action: "refund", Resource: "order/8801", Amount: "15.00", Currency: "EUR", Effect: "commit", Status: "executed", Key: "k 1", Reversible: true, ObservedBy: "bank", Reverses: "x-0", Reason: "the lead has left, the order is stopped tonight"},
			&Action{Action: "look up", Effect: "read", Status: "planned"}},
		{&Handoff{Decision: "d-1", To: "client", Reason: "amount_over:800.00", Deadline: day(4), Shown: []string{"claims", "checks"}, Nonce: testNonce("h")},
			&Handoff{To: "client", Reason: "asked for a person"}},
		{&Review{Of: "d-1", Verdict: "override", Nonce: testNonce("h"), Opened: day(4), Shown: []string{"inputs", "checks"}, Sets: &Proposal{Action: "refund", Resource: "order/1", Amount: "5"}, Reasons: testDigest("why")},
			&Review{Of: "d-1", Verdict: "approve"}},
		{&Measurement{Metric: "meter/17", Method: "read", From: day(1), Until: day(2), Value: "-12.50", Fields: facts, Population: testDigest("p"), Sources: []string{"i-1"}},
			&Measurement{Metric: "energy", From: day(1), Until: day(1), Value: "0"}},
		{&Outcome{Result: "resolved", Facts: facts, Effect: "x-1"},
			&Outcome{Result: "resolved"}},
		{&Confirm{Of: "o-1", Verdict: "partial", Reason: "two of three"}, &Confirm{Of: "o-1", Verdict: "accept"}},
		{&Reverse{Of: "o-1", Cause: "reversed", Quantity: "2.5"}, &Reverse{Of: "o-1", Cause: "reopened"}},
		{&Dispute{About: "o-1", Ground: "mis_sale", Claimed: facts, Remedy: "credit", Amount: "18000.00"}, &Dispute{About: "o-1", Ground: "not solved"}},
		{&Resolve{Dispute: "dp-1", Disposition: "upheld", About: "i-1", Field: "age", Value: "67", As: "joint"},
			&Resolve{Dispute: "dp-1", Disposition: "rejected", As: ByFinding, Findings: []string{"bad_input", "override_taken"}, Size: 418}},
		{&Adjust{Of: "statement/2026-03", Amount: "-12.00", Currency: "EUR", Reason: "goodwill", Findings: []string{"late_record"}},
			&Adjust{Of: "statement/2026-03", Amount: "1", Currency: "EUR", Reason: "goodwill"}},
		{&Statement{Period: "2026-03", From: day(1), Until: day(20), Closing: day(25), Terms: []Digest{testDigest("t1"), testDigest("t2")}, Agreed: true, Currency: "EUR",
			Lines: []Line{{Version: 1, Name: "tickets", Quantity: "70", Before: "0", Held: true, Reads: []Reading{{"accuracy", "0.94"}, {"calls", ""}}, Tiers: []TierUse{{0, "70", "69.30"}}, Adjust: []Adjustment{{"at_least", "69.30", "70.00"}}, Amount: "70.00", Records: 70, First: 4, Last: 99},
				{Version: 1, Name: "orders", Quantity: "0", Amount: "0.00", First: -1, Last: -1}},
			Reads: []Reading{{"accuracy", "0.94"}}, Prepaid: []Drawdown{{"pool", "10.00", "10.00", "0.00"}}, Due: "53.01",
			Adjust: []Adjustment{{"at_most", "70.00", "65.00"}}, Subtotal: "65.00", Corrections: []Correction{{"2026-02", 1, "tickets", "11", "10", "-0.99"}},
			CarriedIn: "-1.00", Total: "63.01", CarriedOut: "0.00", Grades: []Grade{{"both", "60.00"}, {"vendor", "5.00"}}, Counts: []Count{{"duplicate", 2}, {"where", 30}},
			Detail: testDigest("detail"), State: testDigest("state")},
			&Statement{Period: "2026-W10", From: day(2), Until: day(9), Closing: day(9), Terms: []Digest{testDigest("t1")}, Currency: "EUR", Subtotal: "0.00", CarriedIn: "0.00", Total: "0.00", CarriedOut: "0.00", Detail: testDigest("d"), State: testDigest("s")}},
		{&Receipt{Checkpoint: []string{testOrigin, "20", "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", "", "— " + testOrigin + " AAAA"}},
			&Receipt{Checkpoint: []string{testOrigin}}},
		{&ChainIndex{Chains: 12, Root: testDigest("root")}, &ChainIndex{Root: testDigest("root")}},
		{&Demand{Of: "d-1", Custodian: "vendor", Basis: "dispute dp-1", Deadline: day(9)}, &Demand{Of: "d-1", Custodian: "vendor", Basis: "PLD Art. 9", Deadline: day(9)}},
		{&Disclose{Demand: "dm-1", To: "client", Digest: testDigest("x")}, &Disclose{To: "client", Digest: testDigest("x")}},
		{&Erase{Of: "i-1", Basis: "subject_request", State: "erased", Scope: []string{"transcript"}, Holders: []string{"vendor", "client"}, Confirmed: []string{"vendor"}},
			&Erase{Of: "i-1", Basis: "retention_end", State: "restricted", Holders: []string{"vendor"}}},
		{&Incident{About: []string{"x-1", "d-1"}, Severity: "serious", Discovered: day(5), Notified: []Notice{{"BaFin", day(6)}}, Text: "wrong refunds"},
			&Incident{Severity: "low", Discovered: day(5)}},
	}
}

// standing reports whether records of the kind must not name a case.
func standing(k Kind) bool {
	switch k {
	case KindAgreement, KindKey, KindGrant, KindRevoke, KindConfig, KindStatement, KindReceipt, KindChainIndex:
		return true
	}
	return false
}

// examples are two records of each kind, as bodies are.
func examples(t testing.TB) []*Record {
	var all []*Record
	for i, b := range bodies(t) {
		at := testTime(t, "2026-03-05T10:00:00.000Z")
		full := &Record{Kind: b.full.Kind(), ID: fmt.Sprintf("full-%d", i), Case: "t-1", At: at, By: "client", Actor: "h-lin", Subject: "s-1", Body: b.full,
			Attach: []Attachment{{"screen.png", testDigest("a"), 40960, "image/png", at}, {"transcript", testDigest("b"), 0, "", 0}},
			Sealed: []Digest{testDigest("1"), testDigest("2")}, Backfilled: true, Author: &Author{7, testDigest("prev")},
			Cites: []Cite{{"d-1", testDigest("d")}, {"x-1", testDigest("x")}}}
		if full.Sealed[0] > full.Sealed[1] {
			full.Sealed[0], full.Sealed[1] = full.Sealed[1], full.Sealed[0]
		}
		if standing(full.Kind) {
			full.Case = ""
		}
		for _, name := range []string{"vendor", "client"} {
			if err := Sign(full, testOrigin, testKey(name)); err != nil {
				t.Fatal(err)
			}
		}
		full.Log = &Log{N: 41, Time: at + 5}
		for j, name := range Chains(full) {
			full.Log.Chains = append(full.Log.Chains, Link{name, int64(j), []int64{-1, 40, 39, 38, 37}[j]})
		}
		least := &Record{Kind: b.least.Kind(), ID: fmt.Sprintf("least-%d", i), At: at, By: "vendor", Body: b.least}
		if least.Kind == KindReview {
			least.Actor = "h-lin"
		}
		all = append(all, full, least)
	}
	return all
}

func TestExamplesHoldEveryKindAndField(t *testing.T) {
	list := bodies(t)
	for i, k := range Kinds() {
		if list[i].full.Kind() != k || list[i].least.Kind() != k {
			t.Fatalf("bodies %d are of kind %s and %s, want %s", i, list[i].full.Kind(), list[i].least.Kind(), k)
		}
		v, least := reflect.ValueOf(list[i].full).Elem(), reflect.ValueOf(list[i].least).Elem()
		for j := range v.NumField() {
			// A resolve by finding has fields that no other has, and lacks those of others.
			if v.Field(j).IsZero() && (k != KindResolve || least.Field(j).IsZero()) {
				t.Errorf("full %s lacks %s", k, v.Type().Field(j).Name)
			}
		}
	}
	if len(list) != len(Kinds()) {
		t.Fatalf("%d bodies, want %d", len(list), len(Kinds()))
	}
}

func TestRoundTrip(t *testing.T) {
	for _, r := range examples(t) {
		line, err := Marshal(r)
		if err != nil {
			t.Errorf("%s %s: %v", r.Kind, r.ID, err)
			continue
		}
		got, err := Parse(line)
		if err != nil {
			t.Errorf("%s: %v\n%s", r.Kind, err, line)
			continue
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("%s: parsed to another record\n%s", r.Kind, line)
		}
		again, err := Marshal(got)
		if err != nil || !bytes.Equal(again, line) {
			t.Errorf("%s: encoded as\n%s, then as\n%s %v", r.Kind, line, again, err)
		}
		if err := slowCanonical(line); err != nil {
			t.Errorf("%s: by encoding/json: %v", r.Kind, err)
		}
		for _, s := range r.Sigs {
			name := "vendor"
			if s.Key == Fingerprint(testPublic("client")) {
				name = "client"
			}
			if err := CheckSignature(got, testOrigin, testPublic(name)); err != nil {
				t.Error(err)
			}
		}

		// The same line by way of Prepare.
		p, err := Prepare(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Log != nil {
			if spliced := p.AppendLine([]byte("x"), r.Log); string(spliced) != "x"+string(line) {
				t.Errorf("%s: AppendLine gives\n%s, want\n%s", r.Kind, spliced[1:], line)
			}
		} else if !bytes.Equal(p.Line(), line) {
			t.Errorf("%s: Line gives %s", r.Kind, p.Line())
		}
		content, err := Content(got)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := ContentDigest(got)
		sum := p.Sum()
		if bytesOf, ok := digest.Bytes(); err != nil || digest != p.Digest() || !ok || bytesOf != sum || digest != Sum(content) {
			t.Errorf("%s: content digest %s, by Prepare %s %v", r.Kind, digest, p.Digest(), err)
		}
		if !reflect.DeepEqual(p.Chains(), Chains(r)) {
			t.Errorf("%s: chains %v, by Prepare %v", r.Kind, Chains(r), p.Chains())
		}
	}
}
