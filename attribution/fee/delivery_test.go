package fee

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

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

// shown are terms under which the client must have the photo of a result.
func shown(change ...string) string {
	return strings.NewReplacer(change...).Replace(guarded(`"claim": ["vendor"],`, `"claim": ["vendor", "client"], "evidence": ["photo", "sheet"], "delivered": ["photo"],`))
}

// A scene is a ledger in which photos are handed over.
type scene struct {
	*history
	claims map[string]int64 // n by case
}

func newScene(t failer, change ...string) *scene {
	return &scene{&history{kit: start(t, shown(change...))}, map[string]int64{}}
}

// photo is the digest of the photo in a case: T and U have the same.
func photo(matter string) record.Digest {
	return record.Sum([]byte(strings.ReplaceAll(matter, "U", "T")))
}

func (s *scene) claim(when, matter string) {
	r := claimOf(when, matter, "10")
	r.Attach = []record.Attachment{{Name: "photo", Digest: photo(matter), Size: 1}, {Name: "sheet", Digest: record.Sum([]byte("sheet")), Size: 1}}
	s.claims[matter] = int64(len(s.kit.records))
	s.kit.add(r)
}

func (s *scene) hand(when, by, to, matter string) {
	s.kit.add(&record.Record{At: at(when), By: by, Body: &record.Disclose{To: to, Digest: photo(matter)}})
}

// receive adds a receipt of all records but the last few.
func (s *scene) receive(when, party string, but int) {
	s.receipt(party, int64(len(s.kit.records)-but), at(when), at(when), at(when))
}

// What becomes of a result whose photo the client must have: the statements of
// March and April, which close on the eleventh of the month after. It expires on
// 19 April.
func TestDelivered(t *testing.T) {
	const nothing, gone = "0.00, undelivered 1", "0.00, expired 1"
	for _, c := range []struct {
		name   string
		change []string
		steps  func(s *scene)
		want   [2]string
	}{
		{"it is never handed over", nil, func(s *scene) { s.receive("2026-03-12", "client", 0) }, [2]string{nothing, gone}},
		{"it is handed over, and nobody cosigns", nil, func(s *scene) { s.hand("2026-03-12", "vendor", "client", "T") }, [2]string{nothing, gone}},
		{"it is received before it is handed over", nil, func(s *scene) {
			s.hand("2026-03-12", "vendor", "client", "T")
			s.receive("2026-03-13", "client", 1)
		}, [2]string{nothing, gone}},
		{"it is delivered", nil, func(s *scene) {
			s.hand("2026-03-12", "vendor", "client", "T")
			s.receive("2026-03-13", "client", 0)
		}, [2]string{"10.00, billed 1", "0.00"}},
		{"the first record that hands it over counts", nil, func(s *scene) {
			s.hand("2026-03-12", "vendor", "client", "T")
			s.receive("2026-03-13", "client", 0)
			s.hand("2026-03-14", "vendor", "client", "T")
		}, [2]string{"10.00, billed 1", "0.00"}},
		{"it is delivered after the end of its period", nil, func(s *scene) {
			s.hand("2026-04-02", "vendor", "client", "T")
			s.receive("2026-04-03", "client", 0)
		}, [2]string{"10.00, billed 1", "0.00"}},
		{"it is delivered, and silence has not run when its period closes", nil, func(s *scene) {
			s.hand("2026-04-02", "vendor", "client", "T")
			s.receive("2026-04-10", "client", 0)
		}, [2]string{"0.00, pending 1", "10.00, amount of 2026-03 10.00, billed 1"}},
		{"it is delivered after its period closed", nil, func(s *scene) {
			s.hand("2026-04-02", "vendor", "client", "T")
			s.receive("2026-04-12", "client", 0)
		}, [2]string{nothing, "10.00, amount of 2026-03 10.00, billed 1"}},
		{"the same, where what is late is refused: it was there in time", []string{`"late": "correction"`, `"late": "refuse"`}, func(s *scene) {
			s.hand("2026-04-02", "vendor", "client", "T")
			s.receive("2026-04-12", "client", 0)
		}, [2]string{nothing, "10.00, billed 1"}},
		{"the client's word accepts, and delivers nothing", nil, func(s *scene) { s.kit.add(confirmOf("2026-03-12", "accept")) }, [2]string{nothing, gone}},
		{"the client's word accepts, and it is delivered later", nil, func(s *scene) {
			s.kit.add(confirmOf("2026-03-12", "accept"))
			s.hand("2026-04-11", "vendor", "client", "T")
			s.receive("2026-04-12", "client", 0)
		}, [2]string{nothing, "10.00, amount of 2026-03 10.00, billed 1"}},
		{"a claim counts at once, and is not delivered", []string{`"accept": {"on": "silence", "after": "2d", "from": "claim"}`, `"accept": {"on": "claim"}`}, func(s *scene) {}, [2]string{nothing, gone}},
		{"a claim counts at once when it is delivered", []string{`"accept": {"on": "silence", "after": "2d", "from": "claim"}`, `"accept": {"on": "claim"}`, `"billed_at": "occurred"`, `"billed_at": "accepted"`}, func(s *scene) {
			s.hand("2026-04-02", "vendor", "client", "T")
			s.receive("2026-04-03", "client", 0)
		}, [2]string{"0.00, pending 1", "10.00, billed 1"}},
		{"it is disputed long after the claim, and before it is delivered", nil, func(s *scene) { s.kit.add(disputeOf("2026-04-01")) }, [2]string{"0.00, dispute_upheld 1", "0.00"}},
		{"it is disputed five days after it was delivered", nil, func(s *scene) {
			s.hand("2026-03-20", "vendor", "client", "T")
			s.receive("2026-03-20", "client", 0)
			s.kit.add(disputeOf("2026-03-25"))
		}, [2]string{"0.00, dispute_upheld 1", "0.00"}},
		{"it is disputed more than five days after it was delivered", nil, func(s *scene) {
			s.hand("2026-03-20", "vendor", "client", "T")
			s.receive("2026-03-20", "client", 0)
			s.kit.add(disputeOf("2026-03-25T00:01"))
		}, [2]string{"10.00, billed 1, dispute_late 1", "0.00"}},
		{"a human takes over before it is delivered", nil, func(s *scene) {
			s.kit.add(handoffOf("2026-03-15"))
			s.hand("2026-03-20", "vendor", "client", "T")
			s.receive("2026-03-20", "client", 0)
		}, [2]string{"0.00, escalated 1", "0.00"}},
		{"it is taken back within the guarantee, which the delivery begins", []string{`"within": "10d", "from": "locked"`, `"within": "10d", "from": "occurred"`}, func(s *scene) {
			s.hand("2026-03-20", "vendor", "client", "T")
			s.receive("2026-03-20", "client", 0)
			s.kit.add(reverseOf("2026-03-30", "reversed", ""))
		}, [2]string{"0.00, reversed 1", "0.00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, append(c.change, `"then": "accept"`, `"then": "void"`)...)
			s.claim("2026-03-10", "T")
			c.steps(s)
			for _, want := range c.want {
				if st, _ := s.kit.settle(); brief(st) != want {
					t.Errorf("%s: %s, want %s", st.Period, brief(st), want)
				}
			}
		})
	}
}

// A vendor that hands nothing over tries to be paid for it all the same.
func TestNobodyElseDelivers(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps func(s *scene)
	}{
		{"it cosigns its own checkpoint", func(s *scene) {
			s.hand("2026-03-12", "vendor", "client", "T")
			s.receive("2026-03-13", "vendor", 0)
		}},
		{"another party cosigns", func(s *scene) {
			s.hand("2026-03-12", "vendor", "client", "T")
			s.receive("2026-03-13", "bank", 0)
		}},
		{"it hands the photo to another party", func(s *scene) {
			s.hand("2026-03-12", "vendor", "bank", "T")
			s.receive("2026-03-13", "client", 0)
		}},
		{"another party says that it handed it over", func(s *scene) {
			s.hand("2026-03-12", "bank", "client", "T")
			s.receive("2026-03-13", "client", 0)
		}},
		{"it hands over the photo of another case", func(s *scene) {
			s.hand("2026-03-12", "vendor", "client", "V")
			s.receive("2026-03-13", "client", 0)
		}},
		{"it hands over what need not be delivered", func(s *scene) {
			s.kit.add(&record.Record{At: at("2026-03-12"), Body: &record.Disclose{To: "client", Digest: record.Sum([]byte("sheet"))}})
			s.receive("2026-03-13", "client", 0)
		}},
		{"it dates the hand-over back before a receipt", func(s *scene) {
			s.receive("2026-03-13", "client", 0)
			s.kit.add(&record.Record{At: at("2026-03-11"), Backfilled: true, Log: &record.Log{Time: at("2026-03-14")}, Body: &record.Disclose{To: "client", Digest: photo("T")}})
		}},
		{"the receipt is of a larger ledger than there was", func(s *scene) {
			s.hand("2026-03-12", "vendor", "client", "T")
			s.receipt("client", 99, at("2026-03-13"), at("2026-03-13"), at("2026-03-13"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.claim("2026-03-10", "T")
			c.steps(s)
			if st, _ := s.kit.settle(); brief(st) != "0.00, undelivered 1" {
				t.Errorf("%s", brief(st))
			}
		})
	}

	// It signs with a key that it has replaced.
	s := newScene(t)
	s.claim("2026-03-10", "T")
	for _, r := range []*record.Record{
		{At: at("2026-03-11"), By: "vendor", Body: &record.Key{Op: "rotate", Key: publicText("vendor2"), Prev: record.Fingerprint(key("vendor").Public().(ed25519.PublicKey)), Holder: "vendor", Party: "vendor", Effective: at("2026-03-11")}},
		{At: at("2026-03-12"), Body: &record.Disclose{To: "client", Digest: photo("T")}},
	} {
		s.kit.make(r)
		if err := record.Sign(r, origin, key("vendor")); err != nil {
			t.Fatal(err)
		}
		if err := s.kit.state.Apply(r); err != nil {
			t.Fatal(err)
		}
		s.kit.keep(r)
	}
	s.receive("2026-03-13", "client", 0)
	if st, _ := s.kit.settle(); brief(st) != "0.00, undelivered 1" {
		t.Errorf("signed with a replaced key: %s", brief(st))
	}

	// What was handed over before the claim is not its evidence.
	s = newScene(t)
	s.hand("2026-03-09", "vendor", "client", "T")
	s.claim("2026-03-10", "T")
	s.receive("2026-03-13", "client", 0)
	if st, _ := s.kit.settle(); brief(st) != "0.00, undelivered 1" {
		t.Errorf("%s", brief(st))
	}
}

// What the client attaches it has, and one photo may be evidence of two
// results: handing it over once does for those that are there.
func TestOnePieceOfSeveralClaims(t *testing.T) {
	s := newScene(t)
	s.claim("2026-03-10", "T")
	s.claim("2026-03-10", "U")
	own := claimOf("2026-03-10", "W", "10")
	own.By, own.Attach = "client", []record.Attachment{{Name: "photo", Digest: photo("W"), Size: 1}, {Name: "sheet", Digest: photo("W"), Size: 1}}
	s.kit.add(own)
	s.hand("2026-03-12", "vendor", "client", "T")
	s.claim("2026-03-13", "UT") // its photo is another one
	again := claimOf("2026-03-13", "V", "10")
	again.Attach = []record.Attachment{{Name: "photo", Digest: photo("T"), Size: 1}, {Name: "sheet", Digest: photo("W"), Size: 1}}
	s.kit.add(again)
	s.receive("2026-03-14", "client", 0)
	st, detail := s.kit.settle()
	if got := brief(st); got != "30.00, billed 3, undelivered 2" {
		t.Errorf("%s\n%s", got, strings.Join(detail, "\n"))
	}
	s.hand("2026-04-11", "vendor", "client", "T")
	s.receive("2026-04-12", "client", 0)
	if st, _ := s.kit.settle(); brief(st) != "10.00, amount of 2026-03 10.00, billed 1, expired 1" {
		t.Errorf("%s", brief(st))
	}
}

// The line of a claim says what is still to be handed over.
func TestDeliveryInTheState(t *testing.T) {
	s := newScene(t, `"delivered": ["photo"]`, `"delivered": ["photo", "sheet"]`)
	line := func() string {
		for _, l := range s.kit.state.Lines() {
			if strings.HasPrefix(string(l), `["claim",1,`) {
				_, rest, _ := strings.Cut(string(l), `"","",[]`)
				return rest
			}
		}
		return ""
	}
	s.claim("2026-03-10", "T")
	sheet := record.Sum([]byte("sheet"))
	pieces := []string{string(photo("T")), string(sheet)}
	slices.Sort(pieces)
	if got, want := line(), fmt.Sprintf(`,[-1,%q,%q]]`, pieces[0], pieces[1]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.hand("2026-03-12", "vendor", "client", "T")
	if got, want := line(), fmt.Sprintf(`,[2,%q]]`, sheet); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	s.kit.add(&record.Record{At: at("2026-03-13"), Body: &record.Disclose{To: "client", Digest: sheet}})
	if got, want := line(), `,[3]]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	explain := func(want string) {
		t.Helper()
		x, err := s.kit.state.Explain("o-T")
		if err != nil || !strings.Contains(strings.Join(x.Words(), "\n"), want) {
			t.Errorf("got %v %v, want %s", x, err, want)
		}
	}
	explain("now: evidence that the terms want delivered has not reached the client: record 3 hands over the last of it, and no receipt of the client covers that yet")
	s.receive("2026-03-14", "client", 0)
	explain("2026-03-14T00:00:00.000Z  its evidence is delivered: record 3 hands over the last of it, and a receipt of the client covers that")
	explain("now: silence accepts it at 2026-03-16T00:00:00.000Z")
	s.claim("2026-03-15", "V")
	x, err := s.kit.state.Explain("done/V")
	if err != nil || !strings.Contains(strings.Join(x.Words(), "\n"), "nothing hands over "+string(min(photo("V"), sheet))) {
		t.Errorf("got %v %v", x, err)
	}
}

// What a state says of deliveries that no records lead to.
func TestHostileDeliveriesAreRefused(t *testing.T) {
	s := newScene(t)
	s.claim("2026-03-10", "T") // 1, handed over
	s.claim("2026-03-10", "V") // 2, not
	bare := claimOf("2026-03-10", "W", "10")
	s.kit.add(bare) // 3, without evidence
	s.hand("2026-03-12", "vendor", "client", "T")
	text := string(join(s.kit.state.Lines()))
	v := string(photo("V"))
	for _, c := range []struct{ from, to, want string }{
		{`,[4]]`, `]`, "claim 1 says of evidence to be delivered what the terms do not"},
		{`"W","o-W","W","2026-03-10T00:00:00.000Z","2026-03-10T00:00:00.000Z",1,"vendor","00",{"amount":"10"},"","",[]]`, `"W","o-W","W","2026-03-10T00:00:00.000Z","2026-03-10T00:00:00.000Z",1,"vendor","00",{"amount":"10"},"","",[],[4]]`, "claim 3 says of evidence to be delivered what the terms do not"},
		{`,[4]]`, `,[1]]`, "claim 1 has evidence handed over by record 1, which is not behind it"},
		{`,[4]]`, `,[5]]`, "claim 1 has evidence handed over by record 5, which is not behind it"},
		{`,[4]]`, `,[-2]]`, "claim 1 has evidence handed over by record -2, which is not behind it"},
		{`,[4]]`, `,[-1]]`, "claim 1 has 0 pieces of evidence of 1 still to be handed over"},
		{`,[4]]`, `,[4,"` + v + `"]]`, "claim 1 has 1 pieces of evidence of 1 still to be handed over"},
		{`,[-1,"` + v + `"]]`, `,[-1,"` + v + `","` + v + `"]]`, "claim 2 has 2 pieces of evidence of 1 still to be handed over"},
		{`,[-1,"` + v + `"]]`, `,[-1,"sha256:x"]]`, `digest "sha256:x": want `},
		{`,[-1,"` + v + `"]]`, `,["` + v + `"]]`, "has something else where a whole number should stand"},
		{`,[-1,"` + v + `"]]`, `,[]]`, "ends where a whole number should stand"},
		{`,[-1,"` + v + `"]]`, `,"",[-1,"` + v + `"]]`, "has something else where an array should stand"},
		{`,[-1,"` + v + `"]]`, `,[-1,"` + v + `"],1]`, "has 1 elements too many"},
	} {
		if !strings.Contains(text, c.from) {
			t.Fatalf("there is no %s in\n%s", c.from, text)
		}
		var lines [][]byte
		for line := range strings.SplitSeq(strings.TrimSuffix(strings.Replace(text, c.from, c.to, 1), "\n"), "\n") {
			lines = append(lines, []byte(line))
		}
		slices.SortFunc(lines, func(a, b []byte) int { return strings.Compare(string(a), string(b)) })
		if _, err := ReadState(lines); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s to %s: got %v, want %s", c.from, c.to, err, c.want)
		}
	}
}

// A touch whose evidence is not delivered is none, though the client's word has
// accepted it.
func TestTouchesAreDelivered(t *testing.T) {
	for _, c := range []struct {
		delivered bool
		want      string
	}{{false, "0.00, no_line 1, undelivered 1"}, {true, "10.00, billed 1, no_line 1"}} {
		k := start(t, `{"results": {`+simple("sale", `"value": "decimal"`)+`, "touch": {"facts": {"channel": "text"}, "once_per": "id", "claim": ["vendor"], "evidence": ["photo"], "delivered": ["photo"], "accept": {"on": "client"},
				"dispute": "none", "reopen": "none", "escalation": "ignore", "lock": "0s", "billed_at": "occurred", "final_after": "366d"}},
			"measures": {"credited": {"sum": "sale.value", "over": "period", "credit": {"of": "touch", "by": "channel", "to": ["agent"], "within": "30d", "decimals": 2, "model": "linear"}}},
			"lines": [{"name": "credited", "of": "credited", "mode": "graduated", "tiers": [{"unit": "1"}]}], `+settling("current")+`}`)
		touch := &record.Record{ID: "touch", Case: "K", At: at("2026-03-02"), Body: &record.Outcome{Result: "touch", Facts: record.Facts{record.Text("channel", "agent")}}}
		touch.Attach = []record.Attachment{{Name: "photo", Digest: photo("K"), Size: 1}}
		k.add(touch)
		k.add(&record.Record{At: at("2026-03-03"), By: "client", Body: &record.Confirm{Of: "touch", Verdict: "accept"}})
		k.add(&record.Record{Case: "K", At: at("2026-03-04"), Body: &record.Outcome{Result: "sale", Facts: record.NewFacts(decimalFact("value", "10"))}})
		if c.delivered {
			s := &scene{&history{kit: k}, nil}
			s.hand("2026-03-05", "vendor", "client", "K")
			s.receive("2026-03-06", "client", 0)
		}
		if st, _ := k.settle(); brief(st) != c.want {
			t.Errorf("delivered %v: %s, want %s", c.delivered, brief(st), c.want)
		}
	}
}
