package verify

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

var update = flag.Bool("update", false, "write the vectors in testdata/bundles anew")

const vectorDir = "../testdata/bundles"

// A vector is one file of testdata/bundles, named for its damage, and beside it
// the report it must give.
type vector struct {
	name   string
	make   func(t testing.TB) []byte
	policy string // file, quorum both if empty
	since  string // file
	now    string
	maxAge int64
	asks   []string // evidence
	fails  string   // the one check that refuses, "several", or "" if none does
}

func (v vector) policyFile() string {
	if v.policy == "" {
		return "both.policy"
	}
	return v.policy
}

// now is ten minutes after the honest ledger's last record.
const now = "2026-05-09T00:10:00"

// altered is the bundle of alteredStory.
func altered(n int, alter func(m *maker, r *record.Record)) func(t testing.TB) []byte {
	return func(t testing.TB) []byte { return alteredStory(t, n, alter).bundle(cut{}) }
}

// alteredStory is the honest ledger with record n changed by the vendor, who
// then signs the tree that has the changed record.
func alteredStory(t testing.TB, n int, alter func(m *maker, r *record.Record)) *maker {
	return story(t, func(m *maker, next int) {
		m.alter = nil
		if next == n {
			m.alter = func(r *record.Record) { alter(m, r) }
		}
	})
}

// changed is the bundle of the honest ledger from start on, after f has had
// its records.
func changed(start int64, f func(lines [][]byte) [][]byte) func(t testing.TB) []byte {
	return func(t testing.TB) []byte { return honest(t).bundle(cut{start: start, lines: f}) }
}

// edited is a bundle whose text was replaced; the end line is made right again.
func edited(start int64, old, new string) func(t testing.TB) []byte {
	return func(t testing.TB) []byte {
		b := honest(t).bundle(cut{start: start})
		if bytes.Count(b, []byte(old)) != 1 {
			t.Fatalf("%q is in the bundle %d times", old, bytes.Count(b, []byte(old)))
		}
		return resum(bytes.Replace(b, []byte(old), []byte(new), 1))
	}
}

// resum writes the end line anew, as an attacker would.
func resum(b []byte) []byte {
	i := bytes.LastIndex(b[:len(b)-1], []byte("\n")) + 1
	body, last := b[:i], b[i:]
	sum := record.Sum(body)
	j := bytes.Index(last, []byte(`"sha256":"`)) + len(`"sha256":"`)
	return slices.Concat(body, last[:j], []byte(strings.TrimPrefix(string(sum), "sha256:")), last[j+64:])
}

// erased is the honest ledger with what became of its evidence: the client
// erased its copies, the vendor an attachment and restricted a field.
func erased(t testing.TB) *maker {
	m := honest(t)
	delete(m.hidden, 1)
	m.files[1] = slices.DeleteFunc(slices.Clone(m.files[1]), func(f file) bool { return f.name == "answer.txt" })
	of := m.records[1]
	m.clock("2026-05-09T00:05:00")
	erase := func(id, state string, scope ...string) *record.Record {
		return &record.Record{Kind: record.KindErase, ID: id, Case: of.Case, At: m.now, By: "vendor",
			Body: &record.Erase{Of: of.ID, Basis: "asked", State: state, Scope: scope, Holders: []string{"client", "vendor"}}}
	}
	m.add(m.byClient(erase("client-erased", record.Erased)))
	m.add(erase("erase/1", record.Erased, "answer.txt"))
	m.add(erase("erase/2", record.Restricted, string(of.Sealed[0])))
	return m
}

var vectors = append([]vector{
	{name: "honest", make: changed(0, nil), now: now, maxAge: 3600},
	{name: "tiny", make: func(t testing.TB) []byte { return tiny(t).bundle(cut{}) }},
	{name: "continued", make: changed(8, nil), since: "held-9.checkpoint", now: now, maxAge: 3600},
	{name: "without-evidence", make: func(t testing.TB) []byte { return honest(t).bundle(cut{noEvidence: true}) }},

	// form
	{name: "truncated", fails: "form", make: func(t testing.TB) []byte { b := honest(t).bundle(cut{}); return b[:len(b)-100] }},
	{name: "appended-bytes", fails: "form", make: func(t testing.TB) []byte { return append(honest(t).bundle(cut{}), "{}\n"...) }},
	{name: "doubled-header-key", fails: "form", make: edited(0, `"start":0,`, `"start":0,"start":0,`)},
	{name: "kind-case", fails: "form", make: edited(0, `"kind":"replay"`, `"kind":"case"`)},
	{name: "one-bit", fails: "form", make: func(t testing.TB) []byte {
		b := honest(t).bundle(cut{})
		b[bytes.Index(b, []byte(`"value":"4.5"`))+9] ^= 1
		return b
	}},
	{name: "line-removed", fails: "form", make: func(t testing.TB) []byte {
		lines := bytes.SplitAfter(honest(t).bundle(cut{}), []byte("\n"))
		return bytes.Join(slices.Delete(lines, 5, 6), nil)
	}},
	{name: "record-not-canonical", fails: "form", make: func(t testing.TB) []byte {
		m := honest(t)
		m.lines[6] = bytes.Replace(m.lines[6], []byte(`,"by"`), []byte(`, "by"`), 1)
		m.leaves[6] = merkle.LeafHash(m.lines[6])
		return m.bundle(cut{})
	}},
	{name: "terminal-escapes", fails: "form", make: func(t testing.TB) []byte {
		return []byte("{\"checkpoint\":[\"\x1b]0;gotcha\x07\u202eevil\"]}\n")
	}},

	// signature
	{name: "recomputed-tree", fails: "signature", make: func(t testing.TB) []byte {
		// Whoever changes a record and the root, and has not the log's key.
		m := alteredStory(t, 6, func(m *maker, r *record.Record) { r.Body.(*record.Measurement).Value = "9.5" })
		honestNote := honest(t).checkpoint(13, "client", "third")
		return m.bundle(cut{header: func(h *bundle.Header) {
			n, err := merkle.ParseNote(honestNote)
			m.must(err)
			root, err := m.tree(13).RootAt(13)
			m.must(err)
			n.Checkpoint.Root = root
			h.Checkpoint, err = n.Marshal()
			m.must(err)
		}})
	}},
	{name: "other-log-key", fails: "signature", make: changed(0, nil), policy: "other-log.policy"},
	{name: "other-origin", fails: "signature", make: func(t testing.TB) []byte {
		m := newMaker(t)
		m.logName = "vendor.example/contract-18"
		m.clock("2026-03-01T00:00:00")
		m.agreement(supportTerms, 1, "vendor", "client")
		return m.bundle(cut{})
	}},

	// witnesses, freshness
	{name: "cosignature-false", fails: "witnesses", make: func(t testing.TB) []byte {
		m := honest(t)
		return m.bundle(cut{header: func(h *bundle.Header) {
			n, err := merkle.ParseNote(h.Checkpoint)
			m.must(err)
			n.Lines[1].Signature[7]++ // the client's time
			h.Checkpoint, err = n.Marshal()
			m.must(err)
		}})
	}},
	{name: "cosignature-missing", make: func(t testing.TB) []byte { return honest(t).bundle(cut{cosigners: []string{"client"}}) }},
	{name: "client-not-asked", policy: "asks-third.policy", make: func(t testing.TB) []byte { return honest(t).bundle(cut{cosigners: []string{"third"}}) }},
	{name: "third-as-client", make: func(t testing.TB) []byte { return thirdAsClient(t).bundle(cut{}) }},
	{name: "cosigned-by-a-stranger", make: func(t testing.TB) []byte {
		return honest(t).bundle(cut{cosigners: []string{"client", "stranger"}})
	}},
	{name: "stale", make: changed(0, nil), now: "2026-06-01T00:00:00", maxAge: 86400},
	{name: "overdue", make: func(t testing.TB) []byte { return honest(t).bundle(cut{size: 12}) }, now: "2026-06-01T00:00:00"},
	{name: "overdue-and-asked", make: func(t testing.TB) []byte { return honest(t).bundle(cut{size: 12}) }, now: "2026-05-10T00:00:00", maxAge: 40 * 86400},

	// history
	{name: "forked-history", fails: "history", make: changed(0, nil), since: "forked-9.checkpoint"},
	{name: "forked-history-continued", fails: "history", make: changed(8, nil), since: "forked-9.checkpoint"},
	{name: "nothing-held", make: changed(8, nil)},
	{name: "held-too-small", make: changed(8, nil), since: "held-8.checkpoint"},
	{name: "older-than-held", make: func(t testing.TB) []byte { return honest(t).bundle(cut{size: 9}) }, since: "held-13.checkpoint"},

	{name: "receipt", make: func(t testing.TB) []byte { return receipts(t, nil).bundle(cut{}) }},
	{name: "receipt-of-a-fork", fails: "history", make: func(t testing.TB) []byte {
		// The client was shown another record 1, and cosigned it.
		fork := receipts(t, func(m *maker, r *record.Record) {
			if b, ok := r.Body.(*record.Outcome); ok {
				b.Facts[0].Value.Text = "60"
			}
		})
		note := fork.checkpoint(2, "client")
		return receipts(t, func(m *maker, r *record.Record) {
			if b, ok := r.Body.(*record.Receipt); ok {
				b.Checkpoint = noteLines(note)
			}
		}).bundle(cut{})
	}},

	// records
	{name: "changed-fact", fails: "several", make: edited(0, `"minutes":"7.5"`, `"minutes":"8.5"`)},
	{name: "changed-measurement", fails: "records", make: edited(0, `"value":"4.5"`, `"value":"9.5"`)},
	{name: "dropped-record", fails: "several", make: changed(0, func(lines [][]byte) [][]byte { return slices.Delete(lines, 5, 6) })},
	{name: "dropped-last-record", fails: "records", make: changed(0, func(lines [][]byte) [][]byte { return lines[:12] })},
	{name: "inserted-record", fails: "several", make: changed(0, func(lines [][]byte) [][]byte { return slices.Insert(lines, 5, lines[4]) })},
	{name: "reordered", fails: "several", make: changed(0, func(lines [][]byte) [][]byte {
		lines[6], lines[7] = lines[7], lines[6]
		return lines
	})},
	{name: "other-frontier", fails: "several", since: "held-9.checkpoint", make: func(t testing.TB) []byte {
		return honest(t).bundle(cut{start: 8, header: func(h *bundle.Header) { h.Frontier[0][0] ^= 1 }})
	}},

	// order
	{name: "time-goes-back", fails: "order", make: altered(7, func(m *maker, r *record.Record) { r.Log.Time -= 60 * 1000 })},
	{name: "at-in-the-future", fails: "order", make: altered(6, func(m *maker, r *record.Record) { r.At += 6 * 60 * 1000 })},
	{name: "backdated", fails: "several", make: func(t testing.TB) []byte {
		// The client cosigned record 1 a minute after 09:00; now it is said to be of 09:07.
		return receipts(t, func(m *maker, r *record.Record) {
			if r.Kind == record.KindOutcome {
				r.Log.Time += 7 * 60 * 1000
			}
		}).bundle(cut{})
	}},
	{name: "receipt-before-its-cosignature", fails: "several", make: func(t testing.TB) []byte {
		return receipts(t, func(m *maker, r *record.Record) {
			if b, ok := r.Body.(*record.Receipt); ok {
				note := m.checkpoint(2)
				note, err := merkle.Cosign(note, "client.example/auditor", key("client"), int64(r.Log.Time)/1000+301)
				m.must(err)
				b.Checkpoint = noteLines(note)
			}
		}).bundle(cut{})
	}},
	{name: "from-the-future", fails: "order", make: changed(0, nil), now: "2026-05-08T23:54:59"},
	{name: "number-skipped", fails: "order", make: altered(6, func(m *maker, r *record.Record) { r.Log.N = 60 })},
	{name: "client-record-dropped", fails: "order", make: func(t testing.TB) []byte {
		// The vendor never records what the client signed first, and numbers the
		// rest without a gap.
		m := newMaker(t)
		m.clock("2026-03-01T00:00:00")
		m.agreement(supportTerms, 1, "vendor", "client")
		m.clock("2026-03-02T09:00:00")
		m.solved("o-1", "T-1", true)
		m.solved("o-2", "T-2", true)
		second := func() *record.Record {
			return m.byClient(&record.Record{Kind: record.KindConfirm, ID: "c-2", Case: "T-2", Body: &record.Confirm{Of: "o-2", Verdict: "accept"}})
		}
		taken := second()
		clear(m.authors)
		m.byClient(&record.Record{Kind: record.KindDispute, ID: "d-1", Case: "T-1", Body: &record.Dispute{About: "o-1", Ground: "not solved"}})
		signed := second()
		m.alter = func(r *record.Record) { r.Author, r.Sigs = signed.Author, signed.Sigs }
		m.add(taken)
		m.alter = nil
		m.clock("2026-04-09T00:00:00")
		m.statement()
		return m.bundle(cut{})
	}},
	{name: "cites-too-little", fails: "order", make: altered(11, func(m *maker, r *record.Record) {
		r.Cites, r.Sigs = nil, nil
		m.must(record.Sign(r, origin, key("client")))
	})},

	// author signatures
	{name: "signature-false", fails: "author signatures", make: altered(11, func(m *maker, r *record.Record) { r.Sigs[0].Sig[0] ^= 1 })},
	{name: "signature-missing", fails: "author signatures", make: altered(11, func(m *maker, r *record.Record) { r.Sigs = nil })},
	{name: "signed-by-a-stranger", fails: "author signatures", make: altered(11, func(m *maker, r *record.Record) {
		r.Sigs = nil
		m.must(record.Sign(r, origin, key("stranger")))
	})},
	{name: "client-record-changed", fails: "author signatures", make: altered(11, func(m *maker, r *record.Record) { r.Body.(*record.Confirm).Verdict = "reject" })},
	{name: "cited-record-changed", fails: "author signatures", make: altered(9, func(m *maker, r *record.Record) {
		r.Body.(*record.Outcome).Facts[0].Value.Text = "60"
	})},
	{name: "agreement-signature-false", fails: "several", make: altered(0, func(m *maker, r *record.Record) {
		r.Sigs[0].Sig[0] ^= 1
		r.Sigs[1].Sig[0] ^= 1
	})},
	{name: "client-not-in-policy", make: changed(0, nil), policy: "third.policy"},
	{name: "client-not-in-policy-continued", make: changed(8, nil), policy: "third.policy", since: "held-9.checkpoint"},

	// terms
	{name: "fact-of-another-type", fails: "terms", make: altered(4, func(m *maker, r *record.Record) {
		r.Body.(*record.Outcome).Facts[0].Value = record.Value{IsBool: true}
	})},
	{name: "result-not-agreed", fails: "terms", make: altered(4, func(m *maker, r *record.Record) { r.Body.(*record.Outcome).Result = "saved" })},
	{name: "party-not-agreed", fails: "terms", make: altered(6, func(m *maker, r *record.Record) { r.By = "supplier" })},
	{name: "log-key-not-agreed", fails: "terms", make: func(t testing.TB) []byte {
		m := newMaker(t)
		m.logKey = "log2"
		m.clock("2026-03-01T00:00:00")
		m.agreement(supportTerms, 1, "vendor", "client")
		return m.bundle(cut{})
	}},
	{name: "origin-not-agreed", fails: "terms", make: func(t testing.TB) []byte {
		m := newMaker(t)
		m.agreed = "vendor.example/contract-18"
		m.clock("2026-03-01T00:00:00")
		m.agreement(supportTerms, 1, "vendor", "client")
		return m.bundle(cut{})
	}},
	{name: "shadow", make: func(t testing.TB) []byte { return shadow(t).bundle(cut{}) }},
	{name: "shadow-adopted", make: func(t testing.TB) []byte {
		m := shadow(t)
		m.history = "adopt"
		m.agreement(later(supportTerms), 2, "vendor", "client")
		return m.bundle(cut{})
	}},

	{name: "shadow-excluded", make: func(t testing.TB) []byte { return excluded(t).bundle(cut{}) }},

	{name: "amended", make: func(t testing.TB) []byte { return amended(t).bundle(cut{}) }},
	{name: "amended-continued", since: "held-amended.checkpoint", make: func(t testing.TB) []byte { return amended(t).bundle(cut{start: 5}) }},

	// statements
	{name: "raised-total", fails: "statements", make: func(t testing.TB) []byte {
		return story(t, func(m *maker, n int) {
			if m.spoil = nil; n == 12 {
				m.spoil = func(s *record.Statement) { s.Total = "19.80" }
			}
		}).bundle(cut{})
	}},
	{name: "raised-everywhere", fails: "statements", make: func(t testing.TB) []byte {
		return story(t, func(m *maker, n int) {
			if m.spoil = nil; n == 8 {
				m.spoil = func(s *record.Statement) {
					s.Lines[0].Quantity, s.Lines[0].Amount, s.Lines[0].Records = "20", "19.80", 20
					s.Lines[0].Tiers[0].Quantity, s.Lines[0].Tiers[0].Amount = "20", "19.80"
					s.Subtotal, s.Total = "19.80", "19.80"
					s.Grades[0].Amount = "19.80"
				}
			}
		}).bundle(cut{})
	}},
	{name: "detail-changed", fails: "statements", make: func(t testing.TB) []byte {
		return story(t, func(m *maker, n int) {
			if m.spoil = nil; n == 12 {
				m.spoil = func(s *record.Statement) { s.Detail = record.Sum(nil) }
			}
		}).bundle(cut{})
	}},
	{name: "state-changed", fails: "statements", since: "held-9.checkpoint", make: func(t testing.TB) []byte {
		return honest(t).bundle(cut{start: 8, state: func(lines [][]byte) [][]byte { return lines[1:] }})
	}},
	{name: "continued-currency", fails: "statements", make: continued(func(s *record.Statement) { s.Currency = "USD" })},
	{name: "continued-balance", fails: "statements", make: continued(func(s *record.Statement) { s.CarriedOut = "-5.00" })},
	{name: "continued-terms", fails: "statements", make: continued(func(s *record.Statement) { s.Terms = []record.Digest{s.State} })},
	{name: "continued-not-agreed", fails: "statements", make: continued(func(s *record.Statement) { s.Agreed = false })},
	{name: "continued-closing", fails: "several", make: continued(func(s *record.Statement) { s.Closing-- })},
	{name: "starts-within-a-period", fails: "statements", since: "held-13.checkpoint", make: func(t testing.TB) []byte {
		return honest(t).bundle(cut{start: 9, stateOf: 8})
	}},

	// chains
	{name: "chain-gap", fails: "chains", make: altered(11, func(m *maker, r *record.Record) { r.Log.Chains[0].Ordinal++ })},
	{name: "chain-of-another-case", fails: "chains", make: altered(7, func(m *maker, r *record.Record) { r.Log.Chains[0].Chain = "case/T-9" })},
	{name: "chain-begun-anew", fails: "chains", since: "held-9.checkpoint", make: func(t testing.TB) []byte {
		return alteredStory(t, 12, func(m *maker, r *record.Record) { r.Log.Chains[0].Ordinal, r.Log.Chains[0].Prev = 0, -1 }).bundle(cut{start: 8})
	}},
	{name: "refs-missing", fails: "several", since: "held-9.checkpoint", make: func(t testing.TB) []byte { return honest(t).bundle(cut{start: 8, noRefs: true}) }},
	{name: "ref-not-asked-for", fails: "chains", since: "held-9.checkpoint", make: func(t testing.TB) []byte { return honest(t).bundle(cut{start: 8, alsoRef: 2}) }},
	{name: "doubled-id", fails: "chains", make: altered(6, func(m *maker, r *record.Record) { r.ID = "o-3" })},
	{name: "refers-to-nothing", fails: "chains", make: altered(6, func(m *maker, r *record.Record) { r.Body.(*record.Measurement).Sources = []string{"m-0"} })},
	{name: "refers-into-a-case", fails: "chains", make: altered(6, func(m *maker, r *record.Record) { r.Body.(*record.Measurement).Sources = []string{"o-1"} })},

	// attachments
	{name: "evidence-asked-for", asks: []string{"all"}, make: func(t testing.TB) []byte { return honest(t).bundle(cut{noEvidence: true}) }},
	{name: "evidence-of-no-record-asked-for", asks: []string{"answer.txt", "video"}, make: changed(0, nil)},
	{name: "evidence-erased", make: func(t testing.TB) []byte { return erased(t).bundle(cut{}) }},
	{name: "evidence-changed", fails: "attachments", make: func(t testing.TB) []byte {
		m := honest(t)
		m.files[1][0].content = "Please press the other button.\n"
		return m.bundle(cut{})
	}},
	{name: "evidence-not-committed", fails: "attachments", make: func(t testing.TB) []byte {
		m := honest(t)
		m.files[2] = []file{{name: "extra.txt", content: "x"}}
		return m.bundle(cut{})
	}},
	{name: "disclosure-changed", fails: "attachments", make: func(t testing.TB) []byte {
		m := honest(t)
		m.hidden[1] = []string{"WyJzYWx0MSIsImVtYWlsIiwiYkBiLmV4YW1wbGUiXQ"}
		return m.bundle(cut{})
	}},
}, slices.Concat(caseVectors, findingVectors)...)

// shadow is a ledger whose terms the vendor alone has signed.
func shadow(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor")
	m.clock("2026-03-02T09:00:00")
	m.solved("o-1", "T-1", true)
	m.clock("2026-04-09T00:00:00")
	m.statement()
	return m
}

// later makes terms that begin on the first of May.
func later(text string) string {
	return strings.Replace(text, `"from": "2026-03-01T00:00:00.000Z", "until"`, `"from": "2026-05-01T00:00:00.000Z", "until"`, 1)
}

// excluded is shadow, whose history the client then excludes, with a statement
// that is owed.
func excluded(t testing.TB) *maker {
	m := shadow(t)
	m.history = "exclude"
	m.agreement(later(supportTerms), 2, "vendor", "client")
	m.clock("2026-05-09T00:00:00")
	m.statement()
	m.solved("o-2", "T-2", true)
	m.clock("2026-06-09T00:00:00")
	m.statement()
	return m
}

// thirdAsClient is a ledger in which the client's key is that of the witness
// third.
func thirdAsClient(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(strings.Replace(supportTerms, "@client", record.FormatPublicKey(public("third")), 1), 1, "vendor", "third")
	m.clock("2026-04-09T00:00:00")
	m.statement()
	return m
}

// continued is the bundle from the first statement on, which the vendor changed
// after the state had taken it.
func continued(alter func(s *record.Statement)) func(t testing.TB) []byte {
	return func(t testing.TB) []byte {
		return alteredStory(t, 8, func(m *maker, r *record.Record) { alter(r.Body.(*record.Statement)) }).bundle(cut{start: 8})
	}
}

// receipts is a ledger in which the client's cosignature is recorded. alter
// changes records after the state has taken them.
func receipts(t testing.TB, alter func(m *maker, r *record.Record)) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	if alter != nil {
		m.alter = func(r *record.Record) { alter(m, r) }
	}
	m.clock("2026-03-02T09:00:00")
	m.solved("o-1", "T-1", true)
	note := m.checkpoint(2)
	note, err := merkle.Cosign(note, "client.example/auditor", key("client"), int64(at(t, "2026-03-02T09:01:00"))/1000)
	m.must(err)
	m.clock("2026-03-02T09:10:00")
	m.add(&record.Record{Kind: record.KindReceipt, ID: "receipt-1", At: m.now, By: "vendor", Body: &record.Receipt{Checkpoint: noteLines(note)}})
	m.clock("2026-04-09T00:00:00")
	m.statement()
	return m
}

// amended is a ledger whose client enrols another key, and signs the second
// version with it. Both versions are below the second statement.
func amended(t testing.TB) *maker {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client") // 0
	m.clock("2026-03-02T09:00:00")
	m.solved("o-1", "T-1", true) // 1
	m.add(m.byClient(&record.Record{Kind: record.KindKey, ID: "key-third", Body: &record.Key{
		Op: "enrol", Key: record.FormatPublicKey(public("third")), Holder: "client", Party: "client", Effective: m.now}})) // 2
	m.clock("2026-03-20T09:00:00")
	second := strings.Replace(supportTerms, `"from": "2026-03-01T00:00:00.000Z", "until"`, `"from": "2026-04-01T00:00:00.000Z", "until"`, 1)
	m.agreement(strings.Replace(second, `"unit": "0.99"`, `"unit": "0.89"`, 1), 2, "vendor", "third") // 3
	m.clock("2026-04-02T09:00:00")
	m.solved("o-2", "T-2", true) // 4
	m.clock("2026-04-09T00:00:00")
	m.statement() // 5
	m.clock("2026-05-09T00:00:00")
	m.statement() // 6
	return m
}

// noteLines are the lines of a note as a receipt carries them.
func noteLines(note []byte) []string {
	return strings.Split(strings.TrimSuffix(string(note), "\n"), "\n")
}

// files are what the vectors are verified under.
func files(t testing.TB) map[string][]byte {
	m, fork := honest(t), alteredStory(t, 6, func(m *maker, r *record.Record) { r.Body.(*record.Measurement).Value = "9.5" })
	both := policyText(t, "both")
	other, err := merkle.NewVerifierKey(origin, merkle.KindLog, public("log2"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(both, "\n")
	return map[string][]byte{
		"both.policy":         []byte(both),
		"client.policy":       []byte(policyText(t, "client")),
		"none.policy":         []byte(policyText(t, "none")),
		"asks-third.policy":   []byte(policyText(t, "third")),
		"third.policy":        []byte(lines[0] + lines[2] + "quorum third\n"),
		"other-log.policy":    []byte("log " + other.String() + "\n" + strings.Join(lines[1:], "")),
		"held-8.checkpoint":   m.checkpoint(8, "client"),
		"held-9.checkpoint":   m.checkpoint(9, "client"),
		"held-13.checkpoint":  m.checkpoint(13, "client"),
		"forked-9.checkpoint": fork.checkpoint(9, "client"),

		"held-refunds.checkpoint":  refunds(t, nil).checkpoint(23, "client"),
		"held-amended.checkpoint":  amended(t).checkpoint(6, "client"),
		"held-claims.checkpoint":   claims(t, nil).checkpoint(21, "client"),
		"forked-claims.checkpoint": spoilt(t, 16, func(m *maker, r *record.Record) { r.Body.(*record.Outcome).Facts[0].Value.Text = "1" }).checkpoint(21, "client"),

		"held-14.checkpoint":   claims(t, nil).checkpoint(14, "client"),
		"forked-14.checkpoint": spoilt(t, 9, func(m *maker, r *record.Record) { r.Body.(*record.Decision).Agent = "agent-2" }).checkpoint(14, "client"),
	}
}

// options are those of the vector, in words as well.
func (v vector) options(t testing.TB, files map[string][]byte) (Options, string) {
	o := Options{Policy: policy(t, string(files[v.policyFile()])), MaxAge: v.maxAge}
	words := "policy  " + v.policyFile() + "\n"
	if v.since != "" {
		o.Since = files[v.since]
		words += "since   " + v.since + "\n"
	}
	if v.now != "" {
		o.Now = at(t, v.now)
		words += "now     " + o.Now.String() + "\n"
	}
	if v.maxAge != 0 {
		words += fmt.Sprintf("max age %d s\n", v.maxAge)
	}
	if o.Evidence = v.asks; v.asks != nil {
		words += "asks    " + strings.Join(v.asks, ", ") + "\n"
	}
	return o, words + "\n"
}

// TestVectors: each bundle in testdata gives the report beside it, byte for
// byte, and fails the check that it is made for.
func TestVectors(t *testing.T) {
	files := files(t)
	if *update {
		old, err := filepath.Glob(filepath.Join(vectorDir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range old {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, text := range files {
		golden(t, name, text)
	}
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			b := v.make(t)
			golden(t, v.name+".bundle", b)
			o, words := v.options(t, files)
			rep := run(t, b, o)
			golden(t, v.name+".txt", []byte(words+text(t, rep)))
			if strings.HasPrefix(v.name, "trace-") {
				golden(t, v.name+".trace", traceText(t, b, o))
			}
			var failed []string
			for _, c := range rep.Checks {
				if c.Result == Failed {
					failed = append(failed, c.Name)
				}
			}
			switch {
			case v.fails == "several" && len(failed) > 1:
			case v.fails == "" && len(failed) == 0 && rep.Verdict != Refused:
			case len(failed) == 1 && failed[0] == v.fails && rep.Verdict == Refused:
			default:
				t.Errorf("verdict %s, failed %q, want %q\n%s", rep.Verdict, failed, v.fails, text(t, rep))
			}
		})
	}
	var left []string
	found, err := filepath.Glob(filepath.Join(vectorDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		name := filepath.Base(path)
		known := files[name] != nil || slices.ContainsFunc(vectors, func(v vector) bool {
			return name == v.name+".bundle" || name == v.name+".txt" || name == v.name+".trace" && strings.HasPrefix(name, "trace-")
		})
		if !known {
			left = append(left, name)
		}
	}
	if left != nil {
		t.Errorf("files that no vector makes: %q", left)
	}
}

func golden(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join(vectorDir, name)
	if *update {
		if err := os.MkdirAll(vectorDir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s", name, got, want)
	}
}

// TestEachCheck: for every check there is a bundle that it alone refuses.
// Freshness refuses nothing; it has one that it alone leaves unproven.
func TestEachCheck(t *testing.T) {
	files := files(t)
	for _, name := range checkNames {
		if name == checkNames[freshness] {
			continue
		}
		if !slices.ContainsFunc(vectors, func(v vector) bool { return v.fails == name }) {
			t.Errorf("no vector fails %s alone", name)
		}
	}
	for _, tc := range []struct{ vector, check string }{
		{"stale", "freshness"}, {"cosignature-missing", "witnesses"}, {"nothing-held", "history"}, {"held-too-small", "history"},
		{"older-than-held", "history"}, {"client-not-in-policy", "author signatures"}, {"shadow", "terms"}, {"overdue-and-asked", "statements"},
		{"evidence-asked-for", "attachments"}, {"evidence-of-no-record-asked-for", "attachments"},
	} {
		v := vectors[slices.IndexFunc(vectors, func(v vector) bool { return v.name == tc.vector })]
		o, _ := v.options(t, files)
		rep := run(t, v.make(t), o)
		for _, c := range rep.Checks {
			if (c.Result == Unproven) != (c.Name == tc.check) || c.Result == Failed {
				t.Errorf("%s: %s is %s", tc.vector, c.Name, c.Result)
			}
		}
		if rep.Verdict != Unproven || rep.ExitCode() != 3 {
			t.Errorf("%s: verdict %s, exit code %d", tc.vector, rep.Verdict, rep.ExitCode())
		}
	}
}

// TestClock: a record may be at most 300 s ahead of the verifier's clock, if
// it has one.
func TestClock(t *testing.T) {
	m := honest(t)
	last := m.records[12].Log.Time
	for _, tc := range []struct {
		now  record.Time
		want string
	}{{0, Passed}, {last - 300_000, Passed}, {last - 300_001, Failed}, {last, Passed}} {
		rep := run(t, m.bundle(cut{}), Options{Policy: policy(t, policyText(t, "both")), Now: tc.now})
		if c := rep.Checks[order]; c.Result != tc.want {
			t.Errorf("now %v: %+v", tc.now, c)
		}
	}
	rep := run(t, m.bundle(cut{}), Options{Policy: policy(t, policyText(t, "both")), Now: at(t, "2026-03-01T00:00:00")})
	if c := rep.Checks[order]; c.Result != Failed || c.Count != 12 {
		t.Errorf("all but the first are of the future: %+v", c)
	}
}

// TestRoles: the client is who has signed the agreement, with a key in force.
func TestRoles(t *testing.T) {
	p := Options{Policy: policy(t, policyText(t, "none"))}
	revoked := newMaker(t)
	revoked.clock("2026-03-01T00:00:00")
	revoked.agreement(supportTerms, 1, "vendor", "client")
	revoked.clock("2026-03-02T00:00:00")
	revoked.add(revoked.byClient(&record.Record{Kind: record.KindKey, ID: "k-1", Body: &record.Key{
		Op: "revoke", Key: record.FormatPublicKey(public("client")), Holder: "client", Party: "client", Effective: revoked.now}}))
	for _, tc := range []struct {
		name      string
		in        []byte
		roles     []string
		fixed     History
		witnesses string
	}{
		{"client", honest(t).bundle(cut{}), []string{"log", "client", "third"}, History{true, true},
			"the policy asks for no cosignature; cosigned by client, third; the client by the agreement: client"},
		{"third only", honest(t).bundle(cut{cosigners: []string{"third"}}), []string{"log", "third"}, History{false, true},
			"the policy asks for no cosignature; cosigned by third; the client by the agreement: none of them"},
		{"third named as client", thirdAsClient(t).bundle(cut{cosigners: []string{"client", "third"}}), []string{"log", "third", "client"}, History{true, true},
			"the policy asks for no cosignature; cosigned by client, third; the client by the agreement: third"},
		{"shadow", shadow(t).bundle(cut{}), []string{"log", "unknown", "third"}, History{false, true},
			"the policy asks for no cosignature; cosigned by client, third; the client is not known: no agreement is signed by both"},
		{"revoked", revoked.bundle(cut{}), []string{"log", "unknown", "third"}, History{false, true},
			"the policy asks for no cosignature; cosigned by client, third; the client by the agreement: none of them"},
		{"nobody", honest(t).bundle(cut{cosigners: []string{}}), []string{"log"}, History{false, false},
			"the policy asks for no cosignature"},
	} {
		rep := run(t, tc.in, p)
		var roles []string
		for _, s := range rep.Signatures {
			roles = append(roles, s.Role)
		}
		if !slices.Equal(roles, tc.roles) || rep.History != tc.fixed || rep.Checks[witnesses].Text != tc.witnesses {
			t.Errorf("%s: roles %q, %+v\n%s\nwant\n%s", tc.name, roles, rep.History, rep.Checks[witnesses].Text, tc.witnesses)
		}
	}
}

// TestContinuedShown: of the statement that a bundle continues from no amount
// is shown but the one that was compared.
func TestContinuedShown(t *testing.T) {
	in := continued(func(s *record.Statement) {
		s.Total, s.Subtotal, s.CarriedIn = "9999.00", "9999.00", "-9999.00"
		s.Lines[0].Amount, s.Lines[0].Quantity, s.Grades[0].Amount, s.Counts[0].N = "9999.00", "9999", "9999.00", 9999
	})(t)
	rep := run(t, in, Options{Policy: policy(t, policyText(t, "both"))})
	var b bytes.Buffer
	if err := rep.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if all := text(t, rep) + b.String(); strings.Contains(all, "9999") || !strings.Contains(all, "its lines and total were verified with the bundle before") {
		t.Error(all)
	}
}

// TestSignerOfKeyRecord: a version that was signed with a key which a key record
// brought is proven from a later start as well, and a false signature by it is
// found.
func TestSignerOfKeyRecord(t *testing.T) {
	m := newMaker(t)
	m.clock("2026-03-01T00:00:00")
	m.agreement(supportTerms, 1, "vendor", "client")
	m.clock("2026-03-02T09:00:00")
	m.add(&record.Record{Kind: record.KindKey, ID: "key-2", At: m.now, By: "vendor", Body: &record.Key{
		Op: "enrol", Key: record.FormatPublicKey(public("vendor2")), Holder: "vendor", Party: "vendor", Effective: m.now}})
	m.clock("2026-03-20T09:00:00")
	m.agreement(later(supportTerms), 2, "vendor2", "client")
	m.clock("2026-04-09T00:00:00")
	n := m.statement().Log.N
	rep := run(t, m.bundle(cut{start: n}), Options{Policy: policy(t, policyText(t, "both")), Since: m.checkpoint(n+1, "client")})
	if rep.Verdict != Verified {
		t.Error(text(t, rep))
	}
}

// TestExcluded: a statement of an excluded history is not among the amounts.
func TestExcluded(t *testing.T) {
	m := excluded(t)
	for _, tc := range []struct {
		size      int64
		histories []string
		amounts   string
		statement string
	}{
		{3, []string{""}, "not verified: terms unproven", "as computed: 2026-03 0.99 EUR"},
		{4, []string{"excluded"}, "none to verify", "1 statement as computed, of a history that the agreement excludes"},
		{7, []string{"excluded", "excluded", ""}, "verified", "as computed: 2026-05 0.99 EUR; and 2 of a history that the agreement excludes"},
	} {
		rep := run(t, m.bundle(cut{size: tc.size}), Options{Policy: policy(t, policyText(t, "both"))})
		var histories []string
		for _, s := range rep.Statements {
			histories = append(histories, s.History)
		}
		if c := rep.Checks[statements]; !slices.Equal(histories, tc.histories) || rep.Amounts != tc.amounts || c.Text != tc.statement {
			t.Errorf("size %d: %q, amounts %s\n%s", tc.size, histories, rep.Amounts, c.Text)
		}
	}
}

// TestRefusedStatements are refused before anything is computed, and are not in
// the report.
func TestRefusedStatements(t *testing.T) {
	m := tiny(t)
	line := m.lines[2]
	m.lines[2] = bytes.Replace(line, []byte(`"by":"vendor","id":"statement/2026-03"`), []byte(`"by":"nobody","id":"statement/0000-00"`), 1)
	m.leaves[2] = merkle.LeafHash(m.lines[2])
	detail := 0
	rep := run(t, m.bundle(cut{}), Options{Policy: policy(t, policyText(t, "both")), Detail: func(string, []byte) error { detail++; return nil }})
	want := `record 2 statement/0000-00: by: party "nobody" is not in version 1 of the terms`
	if c := rep.Checks[agreed]; c.Text != want || detail > 0 || len(rep.Statements) > 0 {
		t.Errorf("%+v, %d detail lines, %d statements", c, detail, len(rep.Statements))
	}
}

// TestVerified: the honest bundles are verified, under any quorum they reach.
func TestVerified(t *testing.T) {
	files := files(t)
	for _, tc := range []struct{ vector, policy string }{
		{"honest", "both.policy"}, {"honest", "client.policy"}, {"honest", "none.policy"}, {"tiny", "both.policy"},
		{"continued", "both.policy"}, {"without-evidence", "both.policy"}, {"evidence-erased", "both.policy"}, {"shadow-adopted", "both.policy"}, {"shadow-excluded", "both.policy"}, {"third-as-client", "both.policy"}, {"client-not-asked", "asks-third.policy"}, {"amended", "both.policy"}, {"amended-continued", "both.policy"}, {"overdue", "both.policy"},
	} {
		v := vectors[slices.IndexFunc(vectors, func(v vector) bool { return v.name == tc.vector })]
		v.policy = tc.policy
		o, _ := v.options(t, files)
		if rep := run(t, v.make(t), o); rep.Verdict != Verified || rep.ExitCode() != 0 {
			t.Errorf("%s under %s:\n%s", tc.vector, tc.policy, text(t, rep))
		}
	}
}
