package fee

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// A contest is a dispute about something that no live result claims, as far as
// the fee can tell: an action. It is one about each claim that names the action
// and whose terms hold it, so it is kept for those that come later.
type contest struct {
	action  string
	dispute said
	rulings []said // what both sides or the arbiter said of it, by n
	told    bool   // a statement has considered it
}

// said is an event that is kept before there is a claim to have it.
type said struct {
	event              // at is its instant
	logged record.Time // its instant about claims that are not backfilled
}

// about is the instant about a claim.
func (w *said) about(c *claim) record.Time {
	if c.backfilled {
		return w.at
	}
	return w.logged
}

// holds reports whether any version has disputes about actions be disputes
// about claims.
func (s *State) holds() bool {
	return slices.ContainsFunc(s.versions, func(v *version) bool { return v.holdHorizon > 0 })
}

// said is what r says, as it is kept.
func (s *State) said(r *record.Record, e event) said {
	e.n, e.at, e.by, e.id = r.Log.N, s.instant(r), roleOf(s.versions[len(s.versions)-1].terms, r.By), strings.Clone(e.id)
	w := said{event: e, logged: e.at}
	if r.Backfilled {
		w.logged = r.Log.Time
	}
	return w
}

// addContest takes a dispute about what no live result claims.
func (s *State) addContest(r *record.Record, b *record.Dispute) {
	if s.standing.SignatureVoid(r) {
		s.loose = append(s.loose, loose{n: r.Log.N, at: s.instant(r), reason: voidSignature})
		return
	}
	k := &contest{action: strings.Clone(b.About), dispute: s.said(r, event{kind: contested, id: r.ID})}
	s.keepContest(k)
	for _, c := range s.holders(k) {
		c.events = append(c.events, k.dispute.of(c))
	}
}

func (s *State) keepContest(k *contest) {
	s.contests[k.dispute.id] = k
	s.contested[k.action] = append(s.contested[k.action], k)
}

// addRuling takes what a resolve record says of a contest.
func (s *State) addRuling(r *record.Record, b *record.Resolve, k *contest) {
	if s.standing.SignatureVoid(r) {
		s.loose = append(s.loose, loose{n: r.Log.N, at: s.instant(r), reason: voidSignature})
		return
	}
	e := event{kind: reject, id: b.Dispute}
	if b.Disposition == "upheld" {
		e.kind = uphold
	}
	w := s.said(r, e)
	if b.As != record.ByFinding {
		k.rulings = append(k.rulings, w)
	}
	for _, c := range s.holders(k) {
		e := w.of(c)
		// What is found is said of the claims that there are: whether anything
		// follows is in their terms, and what is found later may be more.
		if upheld := e.kind == uphold; b.As == record.ByFinding {
			if !c.rule.Findings().Decides(upheld, b.Findings) {
				continue
			}
			if e.kind = findKeep; upheld {
				e.kind = findVoid
			}
		}
		c.events = append(c.events, e)
	}
}

// reach is the instant before which a claim has to be for a dispute at an
// instant to be about it, by the version that governs that.
func (s *State) reach(at record.Time) record.Time {
	v := s.governing(at)
	if v == nil {
		return at // no claim is before all terms
	}
	return at + v.holdHorizon
}

// holders are the live claims that a contest is about.
func (s *State) holders(k *contest) []*claim {
	var list []*claim
	for _, c := range s.byAction[k.action] {
		if c.at < s.reach(k.dispute.about(c)) {
			list = append(list, c)
		}
	}
	return list
}

// of is the event that a claim has of it.
func (w *said) of(c *claim) event {
	e := w.event
	e.at = w.about(c)
	return e
}

// contestsOf are the events that a claim has of the contests about its action,
// by n.
func (s *State) contestsOf(c *claim) []event {
	var events []event
	for _, k := range s.contested[c.asked.action] {
		if c.at >= s.reach(k.dispute.about(c)) {
			continue
		}
		events = append(events, k.dispute.of(c))
		for i := range k.rulings {
			events = append(events, k.rulings[i].of(c))
		}
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.n, b.n) })
	return events
}

// addFinding takes a resolve by finding. That its findings are so is for the
// ledger and the verifier to say; here it does what the terms of the claim say
// of them, and nothing where they say nothing of them.
func (s *State) addFinding(r *record.Record, b *record.Resolve) {
	upheld := b.Disposition == "upheld"
	e := event{kind: findKeep}
	if upheld {
		e.kind = findVoid
	}
	var c *claim
	switch {
	case b.Dispute != "":
		if k := s.contests[b.Dispute]; k != nil {
			s.addRuling(r, b, k)
			return
		}
		c, e.id = s.disputes[b.Dispute], b.Dispute
	case upheld:
		c = s.claimByID(b.About)
	default:
		c, e.id = s.reversals[b.About], b.About
	}
	if c != nil && !c.rule.Findings().Decides(upheld, b.Findings) {
		c = nil
	}
	s.addEvent(r, c, e)
}

// concerned are the live claims that an event is about.
func (s *State) concerned(r *record.Record) []*claim {
	var c *claim
	switch b := r.Body.(type) {
	case *record.Confirm:
		c = s.claimByID(b.Of)
	case *record.Reverse:
		c = s.claimByID(b.Of)
	case *record.Dispute:
		if k := s.contests[r.ID]; k != nil {
			return s.holders(k)
		}
		c = s.claimByID(b.About)
	case *record.Resolve:
		if k := s.contests[b.Dispute]; k != nil {
			return s.holders(k)
		}
		if c = s.disputes[b.Dispute]; c == nil && b.As == record.ByFinding {
			if c = s.claimByID(b.About); c == nil {
				c = s.reversals[b.About]
			}
		}
	}
	if c == nil {
		return nil
	}
	return []*claim{c}
}

// A contestLine is a contest with what a statement leaves of it.
type contestLine struct {
	contest *contest
	told    bool
}

// contestsAfter are those that a statement leaves, and how many of them it
// considers first and finds to be about no live claim.
func (z *settlement) contestsAfter() (after []contestLine, unmatched int64) {
	s := z.s
	if len(s.contests) == 0 {
		return nil, 0
	}
	leaves := map[*claim]bool{}
	for i := range z.decisions {
		if d := &z.decisions[i]; d.leaves {
			leaves[d.claim] = true
		}
	}
	past := z.closing - s.horizon()
	for _, k := range s.contests {
		holders := s.holders(k)
		told := k.told || k.dispute.at <= z.closing
		if told && !k.told && len(holders) == 0 {
			unmatched++
		}
		// One that a claim has, or that a claim to come can have, is kept.
		stays := slices.ContainsFunc(holders, func(c *claim) bool { return !leaves[c] })
		if stays || max(s.reach(k.dispute.at), s.reach(k.dispute.logged)) > past {
			after = append(after, contestLine{k, told})
		}
	}
	return after, unmatched
}

// takeContests makes those that a statement left the ones that there are.
func (s *State) takeContests(list []contestLine) {
	s.contests, s.contested = map[string]*contest{}, map[string][]*contest{}
	for _, l := range list {
		l.contest.told = l.told
	}
	slices.SortFunc(list, func(a, b contestLine) int { return cmp.Compare(a.contest.dispute.n, b.contest.dispute.n) })
	for _, l := range list {
		s.keepContest(l.contest)
	}
}

// writeContests writes the lines of contests:
//
//	["contest",action,n,id of the dispute,author,instant,instant about others,flag]
//	["ruling",id of the dispute,n,kind,author,instant,instant about others]
func writeContests(list []contestLine, add func(*row)) {
	for _, l := range list {
		d := &l.contest.dispute
		add(newRow(lineContest).text(l.contest.action).int(d.n).text(d.id).text(roleWords[d.by]).time(d.at).time(d.logged).flags(l.told))
		for i := range l.contest.rulings {
			w := &l.contest.rulings[i]
			add(newRow(lineRuling).text(d.id).int(w.n).text(eventWords[w.kind]).text(roleWords[w.by]).time(w.at).time(w.logged))
		}
	}
}

// readContest reads what writeContests writes.
func (s *State) readContest(line string, c *cells) error {
	if line == lineContest {
		k := &contest{action: c.text()}
		k.dispute = said{event: event{kind: contested, n: c.int(), id: c.text(), by: role(c.word(roleWords[:])), at: c.time()}, logged: c.time()}
		k.told = c.flags(1)[0]
		if err := c.done(); err != nil {
			return err
		}
		if s.contests[k.dispute.id] != nil {
			return fmt.Errorf("has the id of another dispute")
		}
		s.keepContest(k)
		return nil
	}
	k := s.contests[c.text()]
	w := said{event: event{n: c.int(), kind: eventKind(c.word(eventWords[:])), by: role(c.word(roleWords[:])), at: c.time()}, logged: c.time()}
	if err := c.done(); err != nil {
		return err
	}
	switch {
	case k == nil:
		return fmt.Errorf("is about a dispute that is not there")
	case w.kind != uphold && w.kind != reject:
		return fmt.Errorf("has %s where uphold or reject should stand", eventWords[w.kind])
	}
	w.id = k.dispute.id
	k.rulings = append(k.rulings, w)
	return nil
}

// ofContest reports whether an event of a claim is one that all claims of its
// action have, those to come included.
func (s *State) ofContest(e *event) bool {
	switch e.kind {
	case contested:
		return true
	case uphold, reject:
		return s.contests[e.id] != nil
	}
	return false
}

// checkContests refuses contests that are not in their place.
func (s *State) checkContests() error {
	if len(s.contests) > 0 && !s.holds() {
		return fmt.Errorf("disputes about actions are kept, and no version holds a claim for them")
	}
	closing := s.settledUpTo()
	for _, k := range s.contests {
		d := &k.dispute
		if d.n < 0 || d.n >= s.size || s.disputes[d.id] != nil || s.claimByID(k.action) != nil {
			return fmt.Errorf("dispute %d about action %s is not in its place", d.n, k.action)
		}
		if seen := d.n < s.statement && d.at <= closing; k.told != seen {
			return fmt.Errorf("dispute %d about action %s was considered by a statement: %v, want %v", d.n, k.action, k.told, seen)
		}
		for i, w := range k.rulings {
			if w.n <= d.n || w.n >= s.size || i > 0 && k.rulings[i-1].n == w.n {
				return fmt.Errorf("ruling %d about dispute %d is not in its place", w.n, d.n)
			}
		}
	}
	return nil
}

// checkContested refuses a claim that has other events of contests than these
// give it, or events that its terms do not know.
func (s *State) checkContested(c *claim) error {
	var has []event
	for _, e := range c.events {
		if s.ofContest(&e) {
			e.told = false
			has = append(has, e)
		}
		f := c.rule.Findings()
		if e.kind == findVoid && (f == nil || len(f.Void) == 0) || e.kind == findKeep && !c.rule.keeps {
			return fmt.Errorf("has the finding %d, from which nothing follows", e.n)
		}
		if e.spent && c.period == never {
			return fmt.Errorf("has the reversal %d, which took from what was never billed", e.n)
		}
	}
	var want []event
	if c.rule.Holds() && c.asked.action != "" {
		want = s.contestsOf(c)
	}
	if !slices.Equal(has, want) {
		return fmt.Errorf("has the events %v of disputes about its action, want %v", eventNames(has), eventNames(want))
	}
	return nil
}

// eventNames tell events apart.
func eventNames(list []event) (names []string) {
	for _, e := range list {
		names = append(names, fmt.Sprintf("%d %s", e.n, eventWords[e.kind]))
	}
	return names
}

// checkFound refuses a claim that is counted among findings where it cannot be,
// and books it where it is.
func (s *State) checkFound(c *claim, booked map[slot]tally, begins func(record.Time) bool) error {
	if c.marks.found == never {
		return nil
	}
	if len(c.rule.finds) == 0 || !begins(c.marks.found) {
		return fmt.Errorf("is counted as found in a period that begins at %v, where it cannot be", c.marks.found)
	}
	for _, p := range c.findParts() {
		m := c.rule.version.measures[p.measure]
		at := slot{c.marks.found, c.rule.version.number, p.measure}
		if m.term {
			at.period = never
		}
		y := booked[at]
		y.add(c.rule.version, m, p, c.n, c.at, 1)
		booked[at] = y
	}
	return nil
}
