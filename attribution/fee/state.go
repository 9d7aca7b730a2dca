package fee

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// never is an instant after all others.
const never = record.Time(math.MaxInt64)

// A State is everything a settlement needs of the records before it. Its size
// grows with the results inside the horizon (final_after), not with the
// ledger.
type State struct {
	standing *terms.Standing
	versions []*version // by number, from 1
	size     int64

	claims   []*claim            // live, in ledger order
	byID     index               // by the id of the claim
	byKey    index               // by result and once_per value
	taken    takenKeys           // by results that left
	buffer   []byte              // for texts while they are put together
	disputes map[string]*claim   // by the id of a dispute or rejection
	byAction map[string][]*claim // those whose terms hold it, by the action behind them

	reversals map[string]*claim     // of claims that findings may keep, by the id of a reversal
	contests  map[string]*contest   // by the id of the dispute
	contested map[string][]*contest // by the action
	handoffs  map[string]*handoffs  // by case
	receipts  []receipt             // larger sizes later, later instants later
	loose     []loose               // what opened no result and met none, in ledger order

	wanted map[record.Digest][]*claim // by a piece that is still to be handed over

	readings []*reading       // measurements inside their horizon, in ledger order
	usage    map[slot]*usage  // actions that no statement has counted
	shared   map[shared]int64 // how many of them several measures count

	periods   []settled // settled ones inside the horizon, in order
	tallies   map[slot]*tally
	standins  map[string]number   // by measure: its last value, where that stands in for a missing one
	reached   map[string]number   // by line over the term that is not own: what it has come to
	included  map[lineSlot]number // by line of a settled period, where what is included rolls
	rolled    map[string]number   // by line: what was left over for the next period
	prepaid   map[string]number   // what is left of it
	carried   number              // balance, at most 0
	statement int64               // index of the last statement, -1 if none
	adopted   int64               // versions up to this one are agreed since
	excluded  int64               // versions up to this one are excluded history

	list int // how many actions are kept to be listed, for each measure; below 0 all
}

// New returns the state of an empty ledger.
func New() *State {
	return &State{
		standing:  terms.NewStanding(),
		byID:      newIndex(),
		byKey:     newIndex(),
		wanted:    map[record.Digest][]*claim{},
		disputes:  map[string]*claim{},
		byAction:  map[string][]*claim{},
		reversals: map[string]*claim{},
		contests:  map[string]*contest{},
		contested: map[string][]*contest{},
		handoffs:  map[string]*handoffs{},
		tallies:   map[slot]*tally{},
		usage:     map[slot]*usage{},
		shared:    map[shared]int64{},
		standins:  map[string]number{},
		reached:   map[string]number{},
		included:  map[lineSlot]number{},
		rolled:    map[string]number{},
		prepaid:   map[string]number{},
		statement: -1,
	}
}

// Standing is what the records establish beside the fee. The caller must not
// move it on.
func (s *State) Standing() *terms.Standing { return s.standing }

// Size is the number of records applied.
func (s *State) Size() int64 { return s.size }

// An event is what was recorded about a claim after it.
type event struct {
	kind     eventKind
	by       role
	cause    reason // of a reversal
	told     bool   // counted as without effect
	spent    bool   // of a reversal that a finding can undo: a statement took from what was billed for it
	at       record.Time
	n        int64
	id       string // of a dispute, rejection or reversal, or of the one a resolution speaks of
	quantity number // of a reversal in part
}

type eventKind uint8

const (
	accept eventKind = iota
	remark           // a confirmation in part
	reverse
	reduce // a reversal in part
	dispute
	uphold
	reject    // a dispute
	contested // a dispute about the action
	findVoid  // a finding that voids the claim, or upholds the dispute it names
	findKeep  // a finding that rejects the dispute, or undoes the reversal, it names
)

// A receipt says that the client had seen the first size records at an instant.
type receipt struct {
	size int64
	at   record.Time
}

// A loose entry is a claim that opened no result, or an event that met none.
type loose struct {
	n           int64
	at          record.Time
	result, key string // of a claim
	version     int64  // 0 for an event, and where none governs
	reason      reason
}

// A settled period, and the version whose lines are due in it in any case.
type settled struct {
	terms.Period
	closing record.Time
	base    int64
}

// Apply folds r, whose Log is set. A refusal is a *record.Refusal and changes
// nothing. A statement record that differs from what Settle computes is a
// *Mismatch; the state has then moved on with the computed one.
func (s *State) Apply(r *record.Record) error {
	if r.Log == nil {
		return &record.Refusal{Check: "order", N: -1, ID: r.ID, Field: "log", Reason: "is absent"}
	}
	if r.Log.N != s.size {
		return &record.Refusal{Check: "order", N: r.Log.N, ID: r.ID, Field: "log.n", Reason: fmt.Sprintf("is %d, want %d", r.Log.N, s.size)}
	}
	if s.awaits() && r.Kind != record.KindStatement {
		return &record.Refusal{Check: "order", N: r.Log.N, ID: r.ID, Field: "kind", Reason: fmt.Sprintf("is %s, want the statement of %s, which leaves this state", r.Kind, s.lastPeriod().Name)}
	}
	if b, ok := r.Body.(*record.Statement); ok {
		return s.applyStatement(r, b)
	}
	if err := s.check(r); err != nil {
		return err
	}
	if err := s.standing.Apply(r); err != nil {
		return err
	}
	s.size++
	switch b := r.Body.(type) {
	case *record.Agreement:
		s.addVersions()
	case *record.Outcome:
		s.addClaim(r, b)
	case *record.Confirm:
		e := event{kind: remark}
		switch b.Verdict {
		case "accept":
			e.kind = accept
		case "reject":
			e.kind, e.id = dispute, r.ID
		}
		s.addEvent(r, s.claimByID(b.Of), e)
	case *record.Reverse:
		e := event{kind: reverse, cause: causeOf(b.Cause)}
		if b.Quantity != "" {
			e.kind = reduce
			e.quantity, _ = parseNumber(string(b.Quantity)) // of a checked form; 0 would have no effect
		}
		c := s.claimByID(b.Of)
		if c != nil && c.rule.keeps {
			e.id = r.ID
		}
		s.addEvent(r, c, e)
	case *record.Dispute:
		c := s.claimByID(b.About)
		if c == nil && s.holds() {
			s.addContest(r, b)
			break
		}
		s.addEvent(r, c, event{kind: dispute, id: r.ID})
	case *record.Measurement:
		s.addMeasurement(r, b)
	case *record.Action:
		s.addAction(r, b)
	case *record.Resolve:
		if b.As == record.ByFinding {
			s.addFinding(r, b)
			break
		}
		measured := s.resolveReading(r, b)
		if k := s.contests[b.Dispute]; k != nil {
			s.addRuling(r, b, k)
			break
		}
		of := s.disputes[b.Dispute]
		if of == nil && measured {
			break // it was not about a result
		}
		e := event{kind: reject, id: b.Dispute}
		if b.Disposition == "upheld" {
			e.kind = uphold
		}
		s.addEvent(r, of, e)
	case *record.Handoff:
		s.addHandoff(r)
	case *record.Receipt:
		s.addReceipt(r)
	case *record.Disclose:
		s.addDisclose(r, b)
	}
	return nil
}

// check refuses what the fold cannot take, beside what the standing refuses.
func (s *State) check(r *record.Record) error {
	again := false
	switch b := r.Body.(type) {
	case *record.Outcome:
		again = s.claimByID(r.ID) != nil
	case *record.Dispute:
		again = s.disputes[r.ID] != nil || s.contests[r.ID] != nil
	case *record.Confirm:
		again = b.Verdict == "reject" && (s.disputes[r.ID] != nil || s.contests[r.ID] != nil)
	case *record.Reverse:
		again = s.reversals[r.ID] != nil
	case *record.Agreement:
		if len(s.periods) == 0 {
			break
		}
		// What is wrong with the terms is for the standing to say.
		t, _ := terms.Parse(b.Terms)
		if p := s.lastPeriod(); t != nil && t.From < p.Until {
			return &record.Refusal{Check: "terms", N: r.Log.N, ID: r.ID, Field: "body.terms.effective.from",
				Reason: fmt.Sprintf("is %v, before the end of %s at %v, which is settled", t.From, p.Name, p.Until)}
		}
	}
	if again {
		return &record.Refusal{Check: "chains", N: r.Log.N, ID: r.ID, Field: "id", Reason: "is that of an earlier record about a live result"}
	}
	return nil
}

// instant is the instant of r.
func (s *State) instant(r *record.Record) record.Time {
	at, _ := s.standing.Instant(r)
	return at
}

func (s *State) governing(at record.Time) *version {
	v := s.standing.Governing(at)
	if v == nil {
		return nil
	}
	return s.versions[v.Number-1]
}

// addVersions takes over versions that the standing has and s has not.
func (s *State) addVersions() {
	for _, v := range s.standing.Versions()[len(s.versions):] {
		s.versions = append(s.versions, newVersion(v))
		switch v.History {
		case "adopt":
			s.adopted = v.Number - 1
		case "exclude":
			s.excluded = v.Number - 1
		}
	}
}

func (s *State) addClaim(r *record.Record, b *record.Outcome) {
	at := s.instant(r)
	v := s.governing(at)
	if v == nil {
		s.loose = append(s.loose, loose{n: r.Log.N, at: at, result: strings.Clone(b.Result), reason: outsideTerm})
		return
	}
	rule := v.rules[b.Result]
	value, _ := rule.Key(r)
	s.buffer = append(append(append(append(s.buffer[:0], r.ID...), b.Result...), '/'), value...)
	key := s.buffer[len(r.ID):]
	hash := s.byKey.hash(string(key))
	opens := unsaid
	switch {
	case s.standing.SignatureVoid(r):
		opens = voidSignature
	case s.beyondHorizon(at, rule):
		opens = final
	case s.byKey.search(hash, string(key), s.keyAt) >= 0 || s.taken.has(rule.Name, value):
		opens = duplicate
	}
	if opens != unsaid {
		s.loose = append(s.loose, loose{r.Log.N, at, rule.Name, strings.Clone(value), v.number, opens})
		return
	}
	c := s.newClaim(rule, len(r.ID), r.Case, b.Facts)
	c.n, c.at, c.logged, c.backfilled = r.Log.N, at, r.Log.Time, r.Backfilled
	c.evidenced = true
	c.party = v.terms.Party(r.By) // who may claim is a party
	c.author = roleIn(c.party)
	for _, name := range rule.Evidence {
		if !slices.ContainsFunc(r.Attach, func(a record.Attachment) bool { return a.Name == name }) {
			c.evidenced = false
		}
	}
	if rule.asks() {
		c.asked = &asked{delivery: c.toDeliver(r.Attach)}
		if rule.Effect != nil {
			c.asked.action = strings.Clone(b.Effect)
		}
	}
	s.add(c, hash)
	if rule.Holds() && c.asked.action != "" {
		c.events = s.contestsOf(c)
	}
}

// add enters a claim, with the hash of its key.
func (s *State) add(c *claim, hash uint32) {
	s.byID.add(s.byID.hash(c.id()))
	s.byKey.add(hash)
	s.claims = append(s.claims, c)
	s.want(c)
	if c.rule.Holds() && c.asked.action != "" {
		s.byAction[c.asked.action] = append(s.byAction[c.asked.action], c)
	}
}

// setClaims makes list the live claims.
func (s *State) setClaims(list []*claim) {
	s.claims, s.byID, s.byKey = make([]*claim, 0, len(list)), newIndex(), newIndex()
	s.byAction = map[string][]*claim{}
	s.wanted = map[record.Digest][]*claim{}
	for _, c := range list {
		s.add(c, s.byKey.hash(c.key()))
	}
}

func (s *State) idAt(position int) string  { return s.claims[position].id() }
func (s *State) keyAt(position int) string { return s.claims[position].key() }

// claimByID is the live result whose claim has the id, nil if there is none.
func (s *State) claimByID(id string) *claim {
	if i := s.byID.find(id, s.idAt); i >= 0 {
		return s.claims[i]
	}
	return nil
}

// claimByKey is the live result of the key, nil if there is none.
func (s *State) claimByKey(key string) *claim {
	if i := s.byKey.find(key, s.keyAt); i >= 0 {
		return s.claims[i]
	}
	return nil
}

// beyondHorizon reports whether a claim of that instant would have left the
// state with the last statement.
func (s *State) beyondHorizon(at record.Time, rule *rule) bool {
	return len(s.periods) > 0 && s.lastPeriod().closing >= at+record.Time(rule.FinalAfter)
}

func (s *State) lastPeriod() settled { return s.periods[len(s.periods)-1] }

// addEvent adds e about c, the claim that r names, nil if it names none that
// is live.
func (s *State) addEvent(r *record.Record, c *claim, e event) {
	e.n, e.at = r.Log.N, s.instant(r)
	if c == nil {
		s.loose = append(s.loose, loose{n: e.n, at: e.at, reason: unmatched})
		return
	}
	if s.standing.SignatureVoid(r) {
		s.loose = append(s.loose, loose{n: e.n, at: e.at, reason: voidSignature})
		return
	}
	if r.Backfilled && !c.backfilled {
		e.at = r.Log.Time
	}
	e.by = roleOf(s.versions[len(s.versions)-1].terms, r.By)
	if e.kind == accept && e.by == third && c.rule.Accept.On == "third" && r.By != c.rule.Accept.By {
		e.kind = remark // not the third party whose word accepts
	}
	e.id = strings.Clone(e.id)
	c.events = append(c.events, e)
	s.nameEvent(c, &e)
}

// nameEvent makes an event of a claim one that others can name.
func (s *State) nameEvent(c *claim, e *event) {
	switch {
	case e.kind == dispute:
		s.disputes[e.id] = c
	case (e.kind == reverse || e.kind == reduce) && e.id != "":
		s.reversals[e.id] = c
	}
}

// periodAt finds the settled period that holds an instant.
func (s *State) periodAt(at record.Time) (settled, bool) {
	i, found := slices.BinarySearchFunc(s.periods, at, func(p settled, at record.Time) int { return cmp.Compare(p.From, at) })
	if !found {
		i--
	}
	if i < 0 || at >= s.periods[i].Until {
		return settled{}, false
	}
	return s.periods[i], true
}
