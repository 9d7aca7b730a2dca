package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
	"github.com/raasledger/raasledger/verify/bundle"
)

// finish judges what only the end can tell, and makes the report.
func (v *verifier) finish(where string) {
	switch {
	case where != "":
		v.cut(where)
	case v.matter != nil:
		v.endCase()
	default:
		v.end()
	}
	v.nouns()
	rep := v.report
	if v.opened != nil {
		rep.Unverified = append(slices.Clone(v.opened.Unverified), v.opened.False...)
		v.signatures()
		v.endWitnesses()
	}
	rep.Verdict = Verified
	for i := range v.checks {
		c := v.checks[i].check(checkNames[i])
		rep.Checks = append(rep.Checks, c)
		switch {
		case c.Result == Failed:
			rep.Verdict = Refused
		case c.Result == Unproven && rep.Verdict == Verified:
			rep.Verdict = Unproven
		}
	}
	if rep.Verdict == Refused {
		rep.Case = nil // nothing is complete that is refused
	}
	rep.Amounts = v.amounts()
	rep.Agreement = v.agreement()
}

// agreement is the newest version that the state knows, nil if there is none.
func (v *verifier) agreement() *Agreement {
	if v.standing() == nil || v.versions == 0 {
		return nil
	}
	version := v.standing().Latest()
	a := &Agreement{Version: version.Number, N: version.N, Terms: version.Terms.Digest(), Title: version.Terms.Title}
	for _, p := range version.Terms.Parties {
		a.Parties = append(a.Parties, Party{p.ID, p.Role, p.Name})
	}
	if v.signers.version == version.Number {
		a.Signed = v.signers.parties
		slices.Sort(a.Signed)
	}
	return a
}

// end judges a bundle that was read to its end.
func (v *verifier) end() {
	c := &v.checks
	end := v.header.Start + v.header.Records
	c[form].passed = fmt.Sprintf("%s, %s", many(v.lines+1, "line"), many(v.count, "record"))
	v.endHistory(v.header.Start + v.count)
	c[records].passed = fmt.Sprintf("%s from %d on, none removed, changed or added; root as signed", many(v.count, "record"), v.header.Start)
	if err := v.tree.Finish(); err != nil {
		c[records].fail("%v", err)
	}
	c[order].passed = fmt.Sprintf("records %d to %d without a gap, times do not go back", v.header.Start, end-1)
	v.endAgreed()
	if v.state == nil {
		for _, i := range []int{order, authors, agreed, statements} {
			c[i].lack("not judged: %s", v.broken)
		}
	}
	v.endStatements()
	c[chains].passed = fmt.Sprintf("%s without a gap, %d continued from before the start; %s", many(v.index.Len(), "chain"), v.linked, many(v.referred, "reference"))
	if v.indexes > 0 {
		c[chains].passed += fmt.Sprintf("; %s recomputed", plural(v.indexes, "chain index", "chain indexes"))
	}
	if v.far > 0 {
		c[chains].passed += fmt.Sprintf(", of which %d lead to before the start and are not compared", v.far)
	}
	v.endFindings()
	v.endEvidence()
}

// endAgreed sums up what was seen of agreement and authors.
func (v *verifier) endAgreed() {
	c := &v.checks
	c[authors].passed = fmt.Sprintf("%s, %s by others than the vendor, %s compared", many(int64(v.versions), "agreement version"), many(v.byOthers, "record"), many(v.cited, "cite"))
	if v.client != "" {
		c[authors].passed += fmt.Sprintf("; the client's key is witness %s of the policy", v.client)
	}
	c[agreed].passed = "every record is one its author may write; origin and log key as agreed"
	if v.versions == 0 && v.standing() != nil {
		c[agreed].lack("no agreement is shown")
	}
	if v.shadow != "" {
		c[agreed].lack("%s", v.shadow)
	}
}

// endHistory judges the cosignatures of the checkpoint by the clock of the
// ledger, and adds what was seen of receipts.
func (v *verifier) endHistory(size int64) {
	for _, c := range v.opened.Witnesses {
		v.bracket(nil, c.Time, v.last, size)
	}
	if v.receipts == 0 {
		return
	}
	text := fmt.Sprintf("; %s of this tree", many(v.receipts, "receipt"))
	if v.receiptsFar > 0 {
		text += fmt.Sprintf(", of which %d are of sizes not kept and are not compared", v.receiptsFar)
	}
	if t := &v.checks[history]; t.absent != "" {
		t.absent += text
	} else {
		t.passed += text
	}
}

// many is a count with its noun.
func many(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// plural is a count with one of two nouns.
func plural(n int64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// endStatements judges the statements as a whole.
func (v *verifier) endStatements() {
	t := &v.checks[statements]
	v.histories()
	var names []string
	excluded := int64(0)
	for _, s := range v.report.Statements {
		switch {
		case s.Recomputed && s.History == excludes:
			excluded++
		case s.Recomputed:
			names = append(names, fmt.Sprintf("%s %s %s", s.Statement.Period, s.Statement.Total, s.Statement.Currency))
		}
	}
	switch k := len(names); {
	case k == 0 && excluded > 0:
		t.passed = fmt.Sprintf("%s as computed, of a history that the agreement excludes", many(excluded, "statement"))
	case k == 0 && len(v.report.Statements) == 0:
		t.absent = "no statement in this stretch"
	case k == 0:
		t.absent = "no statement but the one the bundle continues from"
	case k <= 3:
		t.passed = "as computed: " + strings.Join(names, "; ")
	default:
		t.passed = fmt.Sprintf("%d as computed: %s; ...; %s", k, names[0], names[k-1])
	}
	if excluded > 0 && names != nil {
		t.passed += fmt.Sprintf("; and %d of a history that the agreement excludes", excluded)
	}
	if v.state == nil || v.broken != "" {
		return
	}
	p, closing, ok := v.state.Next()
	if !ok {
		return
	}
	v.report.Next = &Next{Period: p.Name, Closing: closing, Overdue: v.o.Now > closing && v.o.Now != 0}
	if !v.report.Next.Overdue {
		return
	}
	overdue := fmt.Sprintf("%s is overdue since %v", p.Name, closing)
	if v.o.MaxAge > 0 {
		t.lack("%s", overdue)
	} else if t.absent != "" {
		t.absent += "; " + overdue
	} else {
		t.passed += "; " + overdue
	}
}

// cut marks the checks that were not reached.
func (v *verifier) cut(where string) {
	for i := range v.checks {
		t := &v.checks[i]
		judged := i == form || v.opened != nil && i <= freshness || v.opened != nil && i == history && !v.met
		if i == signature && t.failed > 0 {
			judged = true
		}
		if i == form && t.failed == 0 {
			t.lack("not read to the end: %s", where)
		}
		if !judged {
			t.lack("not reached: %s", where)
		}
	}
}

// signatures lists the verified lines of the checkpoint, and against whom they
// fix history.
func (v *verifier) signatures() {
	rep := v.report
	for _, k := range v.opened.Logs {
		rep.Signatures = append(rep.Signatures, Signature{Key: bundle.ID(k), Kind: k.Kind().String(), Role: "log"})
	}
	for _, c := range v.opened.Witnesses {
		s := Signature{Key: bundle.ID(c.Key), Kind: c.Key.Kind().String(), Time: c.Time, Witness: c.Witness, Role: v.role(c)}
		rep.Signatures = append(rep.Signatures, s)
		switch s.Role {
		case record.RoleClient:
			rep.History.Client = true
		case record.RoleThird:
			rep.History.Third = true
		}
	}
}

// role is what the holder of a cosigning key is in the agreement: client,
// vendor, or third. Who the client is, the client itself must have signed.
func (v *verifier) role(c bundle.Cosignature) string {
	pub := c.Key.PublicKey()
	if slices.ContainsFunc(v.opened.Logs, func(l merkle.VerifierKey) bool { return l.PublicKey().Equal(pub) }) {
		return record.RoleVendor
	}
	if v.standing() == nil || v.versions == 0 {
		return unknown
	}
	fingerprint := record.Fingerprint(pub)
	switch role := v.roleOf(fingerprint); {
	case role == record.RoleVendor:
		return role
	case role == record.RoleClient:
		if v.shadow != "" || c.Time > int64(record.MaxTime)/1000 || !v.standing().KeyInForce(fingerprint, record.Time(c.Time*1000)) {
			return unknown
		}
		return role
	}
	return record.RoleThird
}

// endWitnesses adds who has cosigned, and which of them is the client: a quorum
// may do without it.
func (v *verifier) endWitnesses() {
	t := &v.checks[witnesses]
	var all, client []string
	for _, s := range v.report.Signatures {
		if s.Witness == "" {
			continue
		}
		all = append(all, s.Witness)
		if s.Role == record.RoleClient {
			client = append(client, s.Witness)
		}
	}
	if all == nil {
		return
	}
	text := "; the client by the agreement: none of them"
	switch {
	case v.standing() == nil || v.versions == 0 || v.shadow != "":
		text = "; the client is not known: no agreement is signed by both"
	case client != nil:
		text = "; the client by the agreement: " + strings.Join(client, ", ")
	}
	t.passed += text
	if t.absent != "" {
		t.absent += "; cosigned by " + strings.Join(all, ", ") + text
	}
}

// nouns says of the statements what their figures count.
func (v *verifier) nouns() {
	if v.state == nil {
		return
	}
	versions := v.standing().Versions()
	for i := range v.report.Statements {
		s := &v.report.Statements[i]
		s.start = v.header.Start
		if !s.Continued {
			s.Account = fee.NewAccount(v.standing(), s.Statement)
		}
		for k := range s.Lines {
			s.Nouns.Lines = append(s.Nouns.Lines, fee.LineNoun(versions, &s.Lines[k]))
		}
		for _, c := range s.Counts {
			s.Nouns.Counts = append(s.Nouns.Counts, fee.CountNoun(versions, c.Reason))
		}
	}
}

// histories marks the statements that rest on no version but those which the
// vendor alone had signed.
func (v *verifier) histories() {
	if v.state == nil {
		return
	}
	before := map[record.Digest]bool{}
	for _, version := range v.standing().Versions() {
		word := ""
		switch version.History {
		case "adopt":
			word = adopts
		case "exclude":
			word = excludes
		}
		for i := range v.report.Statements {
			s := &v.report.Statements[i]
			if word != "" && !slices.ContainsFunc(s.Terms, func(d record.Digest) bool { return !before[d] }) {
				s.History = word
			}
		}
		before[version.Terms.Digest()] = true
	}
}

// amounts says whether the figures can be relied on: not in a bundle that is
// refused, whichever check refuses it, and not where they rest on something
// that is not shown.
func (v *verifier) amounts() string {
	var failed, open []string
	for i, c := range v.report.Checks {
		switch c.Result {
		case Failed:
			failed = append(failed, c.Name+" "+Failed)
		case Unproven:
			if v.carries(i) {
				open = append(open, c.Name+" "+Unproven)
			}
		}
	}
	switch {
	case failed != nil:
		return "not verified: " + strings.Join(failed, ", ")
	case open != nil:
		return "not verified: " + strings.Join(open, ", ")
	case !slices.ContainsFunc(v.report.Statements, func(s Statement) bool { return s.Recomputed && s.History != excludes }):
		return "none to verify"
	}
	return "verified"
}

// carries reports whether the amounts rest on this check. From a statement on
// they rest on the history before it too, since what is carried over was
// computed there.
func (v *verifier) carries(check int) bool {
	switch check {
	case form, signature, records, order, authors, agreed, statements, findings:
		return true
	case history:
		return v.header.Start > 0
	}
	return false
}
