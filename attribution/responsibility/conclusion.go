package responsibility

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/terms"
)

// A Conclusion is what the terms make of the findings about the action behind a
// claim. It is what a resolve by finding says, and nothing else: who has the
// records concludes the same.
type Conclusion struct {
	Of          string // the dispute, the claim or the reversal that is decided
	Claims      []Ref  // whose terms decide: one, or those that name a disputed action
	Disposition string // upheld: a claim is void; rejected: it stands; "" where nothing follows
	Findings    []string
	Nothing     string // why nothing follows, "" where something does
	Answer      *Answer
}

// Body is the body of the record that says c, as of a size.
func (c *Conclusion) Body(f *Facts) *record.Resolve {
	b := &record.Resolve{As: record.ByFinding, Disposition: c.Disposition, Findings: c.Findings, Size: c.Answer.Size}
	switch r := f.find(c.Of); r.Body.(type) {
	case *record.Outcome, *record.Reverse:
		b.About = c.Of
	default:
		b.Dispute = c.Of
	}
	return b
}

// Conclude says what the terms make, over the records [0, size), of the
// findings about the action behind a claim: for a dispute of the claim or of
// the action, for the claim itself, or for its reversal. f has no disclosed
// values: what rests on one is undeterminable, so that everybody concludes the
// same. An error says that of is none of these, or that the terms say nothing
// of it.
func Conclude(f *Facts, of string, size int64) (*Conclusion, error) {
	claims, x, err := f.concerned(of, size)
	if err != nil {
		return nil, err
	}
	answer, err := Trace(f, x.ID, size)
	if err != nil {
		return nil, err
	}
	c := &Conclusion{Of: of, Answer: answer}
	first := true
	for _, claim := range claims {
		t, clause := f.clauseOf(claim)
		if clause == nil {
			continue
		}
		disposition, findings, nothing := decide(clause, answer, t)
		if !first && (disposition != c.Disposition || !slices.Equal(findings, c.Findings)) {
			return nil, fmt.Errorf("dispute %s: the terms of the claims %s and %s of action %s decide it differently, want a dispute of one of them", of, c.Claims[0].ID, claim.ID, x.ID)
		}
		first = false
		c.Claims = append(c.Claims, Ref{claim.Log.N, claim.ID})
		c.Disposition, c.Findings, c.Nothing = disposition, findings, nothing
	}
	if first {
		if len(claims) == 1 {
			return nil, fmt.Errorf("claim %s: its terms say nothing of findings", claims[0].ID)
		}
		return nil, fmt.Errorf("dispute %s: no claim of action %s has terms that say something of findings", of, x.ID)
	}
	switch about := f.find(of).Body.(type) {
	case *record.Outcome:
		if c.Disposition == "rejected" {
			c.nothing(fmt.Sprintf("no dispute of it is named, and what is found (%s) keeps it", strings.Join(c.Findings, ", ")))
		}
	case *record.Reverse:
		if c.Disposition == "upheld" {
			c.nothing(fmt.Sprintf("what is found (%s) does not speak against the reversal of %s", strings.Join(c.Findings, ", "), about.Of))
		}
	}
	return c, nil
}

func (c *Conclusion) nothing(why string) { c.Disposition, c.Findings, c.Nothing = "", nil, why }

// concerned are the claims that the record of that id is about, and the action
// behind them.
func (f *Facts) concerned(of string, size int64) (claims []*record.Record, x *record.Record, err error) {
	r := f.before(size, of)
	if r == nil {
		return nil, nil, fmt.Errorf("%s: no such record among the first %d", of, size)
	}
	about := of
	switch b := r.Body.(type) {
	case *record.Outcome:
	case *record.Reverse:
		about = b.Of
	case *record.Dispute:
		about = b.About
	case *record.Confirm:
		if b.Verdict != "reject" {
			return nil, nil, fmt.Errorf("%s: record %d is a confirm that does not reject, want a dispute, a claim or a reversal", of, r.Log.N)
		}
		about = b.Of
	default:
		return nil, nil, fmt.Errorf("%s: record %d is of kind %s, want a dispute, a claim or a reversal", of, r.Log.N, r.Kind)
	}
	to := f.before(size, about)
	if to == nil {
		return nil, nil, fmt.Errorf("%s: is about %s, which is not among the first %d records", of, about, size)
	}
	switch b := to.Body.(type) {
	case *record.Outcome:
		if b.Effect == "" {
			return nil, nil, fmt.Errorf("claim %s: names no action behind it", to.ID)
		}
		claims = []*record.Record{to}
		if x = f.before(to.Log.N, b.Effect); x == nil {
			return nil, nil, fmt.Errorf("claim %s: its action %s is not among the records before it", to.ID, b.Effect)
		}
	case *record.Action:
		x = to
		for _, r := range f.of(x.ID, size) {
			if _, ok := r.Body.(*record.Outcome); ok {
				claims = append(claims, r)
			}
		}
		if len(claims) == 0 {
			return nil, nil, fmt.Errorf("dispute %s: no claim names the action %s that it is about", of, x.ID)
		}
	default:
		return nil, nil, fmt.Errorf("%s: is about record %d of kind %s, want a claim or an action", of, to.Log.N, to.Kind)
	}
	// A case is what can be shown to be complete.
	if x.Case == "" {
		return nil, nil, fmt.Errorf("action %s: names no case, so nothing shows that all that was said of it is there", x.ID)
	}
	return claims, x, nil
}

// clauseOf is what the version that governs a claim says of findings about its
// action, nil if nothing.
func (f *Facts) clauseOf(claim *record.Record) (*terms.Terms, *terms.Findings) {
	v := f.inForce(claim)
	if v == nil || v.terms.From > f.instant(claim) {
		return nil, nil // before all of them, where nothing is billed
	}
	result := v.terms.Result(claim.Body.(*record.Outcome).Result)
	if result == nil || result.Effect == nil {
		return nil, nil
	}
	return v.terms, result.Effect.Findings
}

// decide says what follows from an answer: upheld or rejected with the rules
// that decide it, or why nothing does.
func decide(c *terms.Findings, a *Answer, t *terms.Terms) (disposition string, findings []string, nothing string) {
	void := against(a, t, record.RoleVendor, c.Void)
	keep := against(a, t, record.RoleClient, c.Keep)
	if len(void) > 0 && len(keep) > 0 {
		switch c.Both {
		case "void":
			keep = nil
		case "keep":
			void = nil
		default:
			return "", nil, fmt.Sprintf("both sides answer for it (%s; %s), and the terms leave that open", strings.Join(void, ", "), strings.Join(keep, ", "))
		}
	}
	switch {
	case len(void) > 0:
		return "upheld", void, ""
	case len(keep) > 0:
		return "rejected", keep, ""
	}
	return "", nil, fmt.Sprintf("none of %s is found against the vendor, none of %s against the client", rulesOf(c.Void), rulesOf(c.Keep))
}

func rulesOf(rules []string) string {
	if len(rules) == 0 {
		return "no rules"
	}
	return strings.Join(rules, ", ")
}

// against are the rules among those of the terms that are found against the
// party of a role, sorted. A finding counts if it is established, and with the
// right value another decision would have been made where that is asked; or if
// it is presumed. Its weight is for the shares: the terms name the rule here.
func against(a *Answer, t *terms.Terms, role string, rules []string) []string {
	var found []string
	for _, f := range a.Findings {
		party := t.Party(f.Party)
		counts := f.Status == Established && (f.ButFor == "" || f.ButFor == ButForYes) || f.Status == Presumed
		if counts && party != nil && party.Role == role && slices.Contains(rules, string(f.Rule)) {
			found = append(found, string(f.Rule))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// CheckFinding returns nil if the resolve by finding r, whose Log is set, says
// what [Conclude] says over the records of f. The refusal names the field. That
// the record before its size is the chain index, and that nothing was said
// since ([SaysOf]), is for the caller to see.
func CheckFinding(f *Facts, r *record.Record) error {
	refuse := func(field, format string, args ...any) error {
		return &record.Refusal{Check: "findings", N: r.Log.N, ID: r.ID, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	b, ok := r.Body.(*record.Resolve)
	if !ok || b.As != record.ByFinding {
		return refuse("kind", "is %s, want a resolve by finding", r.Kind)
	}
	of, field := b.Dispute, "body.dispute"
	if of == "" {
		of, field = b.About, "body.about"
	}
	if b.Size > r.Log.N {
		return refuse("body.size", "got %d, want at most %d: findings are of the records before", b.Size, r.Log.N)
	}
	switch to := f.before(b.Size, of); {
	case to == nil:
		return refuse(field, "is %q, which is not among the first %d records", of, b.Size)
	case b.About != "" && to.Kind != record.KindOutcome && to.Kind != record.KindReverse:
		return refuse(field, "is %q of kind %s, want an outcome or a reverse", of, to.Kind)
	case b.Dispute != "" && to.Kind != record.KindDispute && to.Kind != record.KindConfirm:
		return refuse(field, "is %q of kind %s, want a dispute", of, to.Kind)
	}
	c, err := Conclude(f, of, b.Size)
	switch {
	case err != nil:
		return refuse(field, "%v", err)
	case c.Disposition == "":
		return refuse("body.findings", "got %s, want no such record: %s", strings.Join(b.Findings, ", "), c.Nothing)
	case b.Disposition != c.Disposition:
		return refuse("body.disposition", "got %s, want %s, as %s is found at size %d", b.Disposition, c.Disposition, strings.Join(c.Findings, ", "), b.Size)
	case !slices.Equal(b.Findings, c.Findings):
		return refuse("body.findings", "got %s, want %s", strings.Join(b.Findings, ", "), strings.Join(c.Findings, ", "))
	}
	return nil
}

// SaysOf reports whether a record can change what is found of an action before
// it, for a case that it does not name: it is a standing one, and of a kind that
// the rules follow back. No such record, and no statement or agreement, stands between
// a chain index and the resolve that relies on it. Keys, grants and revocations
// count from when they are recorded on.
func SaysOf(r *record.Record) bool {
	if r.Case != "" {
		return false
	}
	switch r.Body.(type) {
	case *record.Input, *record.Dispute, *record.Resolve, *record.Demand, *record.Disclose, *record.Erase, *record.Statement, *record.Agreement:
		return true
	}
	return false
}

// IDOf is the id of the record that decides by finding what has the id of. One is
// decided once.
func IDOf(of string) string {
	const prefix = "finding/"
	if len(prefix)+len(of) <= record.MaxIDBytes {
		return prefix + of
	}
	return prefix + strings.TrimPrefix(string(record.Sum([]byte(of))), "sha256:")
}

// Text is what follows, for people: the answer, and the line that decides.
func (c *Conclusion) Text() string {
	text := c.Answer.Text()
	if c.Disposition == "" {
		return text + fmt.Sprintf("decided: %s not, %s\n", c.Of, c.Nothing)
	}
	var claims []string
	for _, claim := range c.Claims {
		claims = append(claims, fmt.Sprintf("%s (%d)", claim.ID, claim.N))
	}
	return text + fmt.Sprintf("decided: %s %s, by %s; as the terms of %s say\n", c.Of, c.Disposition, strings.Join(c.Findings, ", "), strings.Join(claims, " "))
}
