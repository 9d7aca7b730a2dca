package record

import (
	"fmt"
	"strings"
	"testing"
)

// benchOutcome is an outcome of the client's of about 1 KiB, as it stands in a ledger.
func benchOutcome(b testing.TB) *Record {
	at := testTime(b, "2026-03-02T09:14:05.120Z")
	r := &Record{Kind: KindOutcome, ID: "outcome/2026-03-02/000418", Case: "ticket/88120", At: at, By: "client", Actor: "desk-1", Subject: "s-5f3a9c0d2b7e4416",
		Body: &Outcome{Result: "resolved", Effect: "action/2026-03-02/000418", Facts: Facts{
			Text("closed_at", "2026-03-02T09:13:58.000Z"), Text("language", "de"), Text("note", "customer confirmed in chat, refund of shipping was offered and taken"),
			Text("order_value", "129.90"), Text("queue", "returns"), Text("rating", "5"), Bool("solved", true), Bool("transferred", false)}},
		Attach: []Attachment{{"transcript", testDigest("t"), 18211, "text/plain", 0}},
		Author: &Author{417, testDigest("prev")},
		Cites:  []Cite{{"action/2026-03-02/000418", testDigest("x")}}}
	if err := Sign(r, testOrigin, testKey("client")); err != nil {
		b.Fatal(err)
	}
	r.Log = &Log{N: 120418, Time: at + 812, Chains: []Link{{"case/ticket/88120", 3, 120399}}}
	return r
}

// benchDecision is a decision of the vendor's of about 1 KiB.
func benchDecision(b testing.TB) *Record {
	at := testTime(b, "2026-09-02T02:00:00.000Z")
	return &Record{Kind: KindDecision, ID: "decision/71", Case: "case-71", At: at, By: "vendor", Actor: "advisor-1",
		Body: &Decision{Agent: "advisor-1", Config: "c1", Grant: "g1", Inputs: []string{"i1", "i2"}, DependsOn: []FieldRef{{"i1", "risk_tolerance"}, {"i2", "product_risk"}},
			Claims:     []Claim{{"k1", true, "2", []FieldRef{{"i2", "product_risk"}}}, {"k2", true, "the principal is protected until the fund ends", nil}},
			Confidence: "0.93", Checks: []Check{{"suitability", Operand{Ref: "i2", Field: "product_risk"}, Operand{Ref: "i1", Field: "risk_tolerance"}, "<=", "pass", []string{"subscribe"}}},
			Proposes: &Proposal{"subscribe", "fund/P9", "150000.00"}, Reasons: testDigest("r"), Output: testDigest("o"), ModelReported: "modelco/m7@2026-02-15"},
		Log: &Log{N: 5, Time: at, Chains: []Link{{"case/case-71", 2, 4}}}}
}

func BenchmarkParse(b *testing.B) {
	for _, r := range []*Record{benchOutcome(b), benchDecision(b)} {
		line, err := Marshal(r)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%s/bytes=%d", r.Kind, len(line)), func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(line); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkMarshal(b *testing.B) {
	for _, r := range []*Record{benchOutcome(b), benchDecision(b)} {
		b.Run(string(r.Kind), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Marshal(r); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	r := benchOutcome(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Prepare(r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkAppendLine(b *testing.B) {
	r := benchOutcome(b)
	p, err := Prepare(r)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 2048)
	for b.Loop() {
		dst = p.AppendLine(dst[:0], r.Log)
	}
}

func BenchmarkReferences(b *testing.B) {
	r := benchDecision(b)
	for b.Loop() {
		if len(References(r)) != 9 {
			b.Fatal(References(r))
		}
	}
}

func BenchmarkCheckCanonical(b *testing.B) {
	line := []byte(`{"terms":[` + strings.Repeat(`{"name":"resolved","text":"some words here","up_to":1000},`, 20) + `true]}`)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if err := CheckCanonical(line); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckSignature(b *testing.B) {
	r := benchOutcome(b)
	for b.Loop() {
		if err := CheckSignature(r, testOrigin, testPublic("client")); err != nil {
			b.Fatal(err)
		}
	}
}
