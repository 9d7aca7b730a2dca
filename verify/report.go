package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/record"
)

// A Verdict sums up the checks.
type Verdict string

// Verified: every check that there is passed. Refused: one has failed.
// Unproven is the third: nothing contradicts, but something asked for is not
// shown.
const (
	Verified Verdict = "verified"
	Refused  Verdict = "refused"
)

// ReportFormat is the version of the report's JSON.
const ReportFormat = "raasledger report/v1"

// A Report is what Verify found.
type Report struct {
	Verdict  Verdict
	Kind     string // of the bundle
	Origin   string
	Start    int64
	Size     int64
	Root     string
	Bundle   string // SHA-256 of the whole bundle, "" if it was not read to its end
	Policy   string // SHA-256 of the policy
	Verifier string // as the caller gave it

	Now       record.Time // the verifier's, 0 if none was given
	Since     *Held       // nil if none was given
	Agreement *Agreement  // nil if none is known

	Checks     []Check // 12, in the order of docs/bundle.md
	Statements []Statement
	Amounts    string // verified, none to verify, or why they are not verified
	Next       *Next  // nil if nothing is left to settle, or it is not known

	Index      *Index      // the last chain index of the bundle, nil if there is none
	Case       *CaseReport // of a case bundle that was read to its end, else nil
	Signatures []Signature // verified
	Unverified []string    // keys of the other signature lines
	History    History
}

// A Held is the checkpoint that the verifier holds from before.
type Held struct {
	Size int64
	Root string
}

// An Agreement is the newest version: what the amounts rest on, and whose they
// are.
type Agreement struct {
	Version int64
	N       int64 // index of its record
	Terms   record.Digest
	Title   string
	Parties []Party
	Signed  []string // ids of the parties whose signatures of it were verified
}

// A Party is one of the agreement.
type Party struct{ ID, Role, Name string }

// A Statement is one of the bundle, with the figures as recomputed.
type Statement struct {
	N int64 // index of its record
	*record.Statement
	Recomputed   bool
	Continued    bool           // the bundle continues from it: only what was compared is set, of its amounts CarriedOut alone
	History      string         // adopted or excluded by the first version that the client signed after it, or ""
	ClaimedTotal record.Decimal // where the record says another one
}

// An Index is a chain-index record.
type Index struct {
	N          int64 // of its record
	Chains     int64
	Recomputed bool // from the records before it, whatever came of it
}

// A CaseReport is what a case bundle is about.
type CaseReport struct {
	Of       string // the chain that was asked for
	Found    bool   // there is such a chain
	Records  int64  // of it
	Effects  int64  // executed actions, reads aside, of it or of what names it
	Complete bool   // that these are all is not the operator's word alone
}

// A Next is the period to be settled next.
type Next struct {
	Period  string
	Closing record.Time
	Overdue bool // at the verifier's time
}

// A Signature is a verified signature line of the checkpoint.
type Signature struct {
	Key     string // name and id
	Kind    string // log, cosignature
	Time    int64  // of a cosignature, in seconds since 1970
	Witness string // its name in the policy
	Role    string // log, client, vendor, third, unknown
}

// A History says who has cosigned this checkpoint: against them the vendor
// cannot show another history.
type History struct{ Client, Third bool }

func (h History) String() string {
	word := map[bool]string{true: "yes", false: "no"}
	return fmt.Sprintf("client: %s; third party: %s", word[h.Client], word[h.Third])
}

// ExitCode is 0 verified, 1 refused, 3 unproven.
func (r *Report) ExitCode() int {
	switch r.Verdict {
	case Verified:
		return 0
	case Unproven:
		return 3
	}
	return 1
}

// Result is the last line of the report.
func (r *Report) Result() string {
	count := map[string]int{}
	for _, c := range r.Checks {
		count[c.Result]++
	}
	switch r.Verdict {
	case Verified:
		return fmt.Sprintf("Result: verified, %d checks passed, %d not present", count[Passed], count[NotPresent])
	case Unproven:
		return fmt.Sprintf("Result: unproven, %d of %d checks", count[Unproven], len(r.Checks))
	}
	return fmt.Sprintf("Result: FAILED, %d of %d checks", count[Failed], len(r.Checks))
}

// WriteText writes the report for people. What comes from the bundle is shown
// without characters that a terminal would act on.
func (r *Report) WriteText(w io.Writer) error {
	var b bytes.Buffer
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(plain(fmt.Sprintf(format, args...)), " ") + "\n")
	}
	if r.Origin == "" {
		line("bundle without a signed checkpoint")
	} else {
		line("%s  size %d  root %s", r.Origin, r.Size, r.Root)
	}
	if r.Agreement != nil {
		line("agreement    version %-10d %s", r.Agreement.Version, r.Agreement)
	}
	for _, c := range r.Checks {
		line("%-12s %-18s %s", c.Result, c.Name, c.Text)
		for _, more := range c.More {
			line("%-12s %-18s %s", "", "", more)
		}
		if rest := c.Count - int64(len(c.More)) - 1; rest > 0 {
			line("%-12s %-18s and %d more", "", "", rest)
		}
	}
	for i := range r.Statements {
		r.Statements[i].write(line)
	}
	if c := r.Case; c != nil {
		word := "complete"
		if !c.Complete {
			word = "complete by the operator's word"
		}
		line("case         %-18s %s, %s, %s", c.Of, many(c.Records, "record"), many(c.Effects, "effect"), word)
	}
	if r.Next != nil {
		word := "closes"
		if r.Next.Overdue {
			word = "overdue since"
		}
		line("next         %-18s %s %v", r.Next.Period, word, r.Next.Closing)
	}
	for _, s := range r.Signatures {
		text := s.Key
		if s.Kind == "cosignature" {
			text = fmt.Sprintf("%s at %s", s.Key, unix(s.Time))
		}
		line("signed       %-18s %s", s.Role, text)
	}
	for _, key := range r.Unverified {
		line("unverified   %-18s %s", "", key)
	}
	line("fixed        %-18s %s", "against", r.History)
	if r.Since != nil {
		line("held         %-18s %s", fmt.Sprintf("size %d", r.Since.Size), r.Since.Root)
	}
	if r.Now != 0 {
		line("clock        %-18s %v", "", r.Now)
	}
	line("amounts      %-18s %s", "", r.Amounts)
	for _, d := range []struct{ noun, hex string }{{"verifier", r.Verifier}, {"bundle", r.Bundle}, {"policy", r.Policy}} {
		if d.hex != "" {
			line("sha256       %-18s %s", d.noun, d.hex)
		}
	}
	line("%s", r.Result())
	_, err := w.Write(b.Bytes())
	return err
}

// write writes one statement, its lines and its total.
func (s *Statement) write(line func(format string, args ...any)) {
	var notes []string
	switch {
	case s.History == excludes:
		notes = append(notes, "excluded: by the agreement nothing of it is owed")
	case s.History == adopts:
		notes = append(notes, "adopted")
	case !s.Agreed:
		notes = append(notes, "not agreed")
	}
	switch {
	case s.Continued:
		notes = append(notes, "the bundle continues from it: its lines and total were verified with the bundle before")
	case !s.Recomputed:
		notes = append(notes, "not recomputed")
	}
	note := ""
	if notes != nil {
		note = " (" + strings.Join(notes, ", ") + ")"
	}
	row := func(name, text string) { line("%-12s   %-48s %s", "", name, text) }
	money := func(name string, amount record.Decimal) { row(name, fmt.Sprintf("%14s %s", amount, s.Currency)) }
	line("statement    %s%s: %v to %v, closing %v, record %d", s.Period, note, s.From, s.Until, s.Statement.Closing, s.N)
	if s.Continued {
		money("carried out", s.CarriedOut)
	} else {
		s.writeAmounts(money, row)
	}
	for _, d := range s.Terms {
		row("terms", string(d))
	}
	if !s.Continued {
		row("detail", string(s.Detail))
	}
	row("state", string(s.State))
}

// writeAmounts writes how the total comes about: parts stand under what they
// add up to.
func (s *Statement) writeAmounts(money func(name string, amount record.Decimal), row func(name, text string)) {
	adjusted := func(indent string, list []record.Adjustment) {
		for _, a := range list {
			row(fmt.Sprintf("%s%s: %s to %s", indent, words(a.Op), atScale(a.Before, s.Subtotal), atScale(a.After, s.Subtotal)), "")
		}
	}
	for _, l := range s.Lines {
		money(fmt.Sprintf("%s v%d, quantity %s", l.Name, l.Version, l.Quantity), l.Amount)
		adjusted("  ", l.Adjust)
	}
	adjusted("", s.Adjust)
	money("subtotal", s.Subtotal)
	for _, g := range s.Grades {
		money("  word: "+g.Words(), g.Amount)
	}
	for _, c := range s.Corrections {
		money(fmt.Sprintf("correction %s, %s v%d, quantity %s to %s", c.Period, c.Line, c.Version, c.QuantityBefore, c.Quantity), c.Amount)
	}
	if !s.CarriedIn.Zero() {
		money("carried in", s.CarriedIn)
	}
	money("total", s.Total)
	if s.ClaimedTotal != "" {
		money("total claimed", s.ClaimedTotal)
	}
	if !s.CarriedOut.Zero() {
		money("carried out", s.CarriedOut)
	}
	for _, c := range s.Counts {
		row(words(c.Reason), fmt.Sprintf("%18s", many(c.N, "result")))
	}
}

// words is a code of the rules as people write it.
func words(code string) string { return strings.ReplaceAll(code, "_", " ") }

// atScale writes d with at least the decimals of like.
func atScale(d, like record.Decimal) string {
	_, want, _ := strings.Cut(string(like), ".")
	whole, have, _ := strings.Cut(string(d), ".")
	if len(have) >= len(want) {
		return string(d)
	}
	return whole + "." + have + strings.Repeat("0", len(want)-len(have))
}

func (a *Agreement) String() string {
	var parties []string
	for _, p := range a.Parties {
		parties = append(parties, fmt.Sprintf("%s (%s, %s)", p.ID, p.Role, p.Name))
	}
	signed := "nobody, as far as is shown"
	if a.Signed != nil {
		signed = strings.Join(a.Signed, ", ")
	}
	return fmt.Sprintf("%s: %s; signed by %s", a.Title, strings.Join(parties, ", "), signed)
}

// The JSON of the report, documented in docs/bundle.md.
type (
	jsonReport struct {
		Format     string          `json:"format"`
		Verdict    Verdict         `json:"verdict"`
		Exit       int             `json:"exit"`
		Kind       string          `json:"kind,omitempty"`
		Origin     string          `json:"origin,omitempty"`
		Start      int64           `json:"start"`
		Size       int64           `json:"size"`
		Root       string          `json:"root,omitempty"`
		Bundle     string          `json:"bundle,omitempty"`
		Policy     string          `json:"policy"`
		Verifier   string          `json:"verifier,omitempty"`
		Now        string          `json:"now,omitempty"`
		Since      *jsonHeld       `json:"since,omitempty"`
		Agreement  *jsonAgreement  `json:"agreement,omitempty"`
		Checks     []jsonCheck     `json:"checks"`
		Statements []jsonStatement `json:"statements"`
		Amounts    string          `json:"amounts"`
		Next       *jsonNext       `json:"next,omitempty"`
		Index      *jsonIndex      `json:"index,omitempty"`
		Case       *jsonCase       `json:"case,omitempty"`
		Signatures []jsonSignature `json:"signatures"`
		Unverified []string        `json:"unverified"`
		History    jsonHistory     `json:"history"`
	}
	jsonHeld struct {
		Size int64  `json:"size"`
		Root string `json:"root"`
	}
	jsonAgreement struct {
		Version int64         `json:"version"`
		N       int64         `json:"n"`
		Terms   record.Digest `json:"terms"`
		Title   string        `json:"title"`
		Parties []jsonParty   `json:"parties"`
		Signed  []string      `json:"signed"`
	}
	jsonParty struct {
		ID   string `json:"id"`
		Role string `json:"role"`
		Name string `json:"name"`
	}
	jsonCheck struct {
		Name   string   `json:"name"`
		Result string   `json:"result"`
		Text   string   `json:"text"`
		More   []string `json:"more,omitempty"`
		Count  int64    `json:"count,omitempty"`
	}
	jsonStatement struct {
		N            int64            `json:"n"`
		Period       string           `json:"period"`
		From         string           `json:"from"`
		Until        string           `json:"until"`
		Closing      string           `json:"closing"`
		Agreed       bool             `json:"agreed"`
		Recomputed   bool             `json:"recomputed"`
		Continued    bool             `json:"continued,omitempty"`
		History      string           `json:"history,omitempty"`
		Currency     string           `json:"currency"`
		Lines        []jsonLine       `json:"lines,omitzero"`
		Adjust       []jsonAdjust     `json:"adjust,omitempty"`
		Subtotal     record.Decimal   `json:"subtotal,omitempty"`
		Corrections  []jsonCorrection `json:"corrections,omitempty"`
		CarriedIn    record.Decimal   `json:"carried_in,omitempty"`
		Total        record.Decimal   `json:"total,omitempty"`
		ClaimedTotal record.Decimal   `json:"claimed_total,omitempty"`
		CarriedOut   record.Decimal   `json:"carried_out"`
		Grades       []jsonGrade      `json:"grades,omitzero"`
		Counts       []jsonCount      `json:"counts,omitzero"`
		Terms        []record.Digest  `json:"terms"`
		Detail       record.Digest    `json:"detail,omitempty"`
		State        record.Digest    `json:"state"`
	}
	jsonLine struct {
		Version  int64          `json:"version"`
		Name     string         `json:"name"`
		Quantity record.Decimal `json:"quantity"`
		Tiers    []jsonTier     `json:"tiers,omitempty"`
		Adjust   []jsonAdjust   `json:"adjust,omitempty"`
		Amount   record.Decimal `json:"amount"`
		Records  int64          `json:"records"`
		First    int64          `json:"first"`
		Last     int64          `json:"last"`
	}
	jsonTier struct {
		Tier     int64          `json:"tier"`
		Quantity record.Decimal `json:"quantity"`
		Amount   record.Decimal `json:"amount"`
	}
	jsonAdjust struct {
		Op     string         `json:"op"`
		Before record.Decimal `json:"before"`
		After  record.Decimal `json:"after"`
	}
	jsonCorrection struct {
		Period         string         `json:"period"`
		Version        int64          `json:"version"`
		Line           string         `json:"line"`
		QuantityBefore record.Decimal `json:"quantity_before"`
		Quantity       record.Decimal `json:"quantity"`
		Amount         record.Decimal `json:"amount"`
	}
	jsonGrade struct {
		Grade  string         `json:"grade"`
		Amount record.Decimal `json:"amount"`
	}
	jsonCount struct {
		Reason string `json:"reason"`
		N      int64  `json:"n"`
	}
	jsonNext struct {
		Period  string `json:"period"`
		Closing string `json:"closing"`
		Overdue bool   `json:"overdue"`
	}
	jsonIndex struct {
		N          int64 `json:"n"`
		Chains     int64 `json:"chains"`
		Recomputed bool  `json:"recomputed"`
	}
	jsonCase struct {
		Of       string `json:"of"`
		Found    bool   `json:"found"`
		Records  int64  `json:"records"`
		Effects  int64  `json:"effects"`
		Complete bool   `json:"complete"`
	}
	jsonSignature struct {
		Key     string `json:"key"`
		Kind    string `json:"kind"`
		Time    int64  `json:"time,omitempty"`
		Witness string `json:"witness,omitempty"`
		Role    string `json:"role"`
	}
	jsonHistory struct {
		Client bool `json:"client"`
		Third  bool `json:"third"`
	}
)

// WriteJSON writes the same facts as JSON, indented.
func (r *Report) WriteJSON(w io.Writer) error {
	j := jsonReport{
		Format: ReportFormat, Verdict: r.Verdict, Exit: r.ExitCode(), Kind: r.Kind, Origin: r.Origin, Start: r.Start, Size: r.Size,
		Root: r.Root, Bundle: r.Bundle, Policy: r.Policy, Verifier: r.Verifier, Amounts: r.Amounts,
		Checks: []jsonCheck{}, Statements: []jsonStatement{}, Signatures: []jsonSignature{}, Unverified: append([]string{}, r.Unverified...),
		History: jsonHistory(r.History),
	}
	if r.Now != 0 {
		j.Now = r.Now.String()
	}
	if r.Since != nil {
		j.Since = &jsonHeld{r.Since.Size, r.Since.Root}
	}
	if a := r.Agreement; a != nil {
		j.Agreement = &jsonAgreement{Version: a.Version, N: a.N, Terms: a.Terms, Title: a.Title, Signed: append([]string{}, a.Signed...)}
		for _, p := range a.Parties {
			j.Agreement.Parties = append(j.Agreement.Parties, jsonParty(p))
		}
	}
	for _, c := range r.Checks {
		j.Checks = append(j.Checks, jsonCheck(c))
	}
	for _, s := range r.Statements {
		j.Statements = append(j.Statements, s.json())
	}
	if r.Next != nil {
		j.Next = &jsonNext{r.Next.Period, r.Next.Closing.String(), r.Next.Overdue}
	}
	if r.Index != nil {
		x := jsonIndex(*r.Index)
		j.Index = &x
	}
	if r.Case != nil {
		x := jsonCase(*r.Case)
		j.Case = &x
	}
	for _, s := range r.Signatures {
		j.Signatures = append(j.Signatures, jsonSignature(s))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(j); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err := w.Write(escapeJSON(b.Bytes()))
	return err
}

func (s *Statement) json() jsonStatement {
	j := jsonStatement{
		N: s.N, Period: s.Period, From: s.From.String(), Until: s.Until.String(), Closing: s.Statement.Closing.String(),
		Agreed: s.Agreed, Recomputed: s.Recomputed, Continued: s.Continued, History: s.History, Currency: s.Currency, CarriedOut: s.CarriedOut,
		Terms: append([]record.Digest{}, s.Terms...), State: s.State,
	}
	if s.Continued {
		return j
	}
	j.Subtotal, j.CarriedIn, j.Total, j.ClaimedTotal, j.Detail = s.Subtotal, s.CarriedIn, s.Total, s.ClaimedTotal, s.Detail
	j.Lines, j.Adjust, j.Grades, j.Counts = []jsonLine{}, adjusts(s.Adjust), []jsonGrade{}, []jsonCount{}
	for _, l := range s.Lines {
		line := jsonLine{Version: l.Version, Name: l.Name, Quantity: l.Quantity, Adjust: adjusts(l.Adjust), Amount: l.Amount, Records: l.Records, First: l.First, Last: l.Last}
		for _, u := range l.Tiers {
			line.Tiers = append(line.Tiers, jsonTier(u))
		}
		j.Lines = append(j.Lines, line)
	}
	for _, c := range s.Corrections {
		j.Corrections = append(j.Corrections, jsonCorrection(c))
	}
	for _, g := range s.Grades {
		j.Grades = append(j.Grades, jsonGrade(g))
	}
	for _, c := range s.Counts {
		j.Counts = append(j.Counts, jsonCount(c))
	}
	return j
}

func adjusts(list []record.Adjustment) []jsonAdjust {
	var j []jsonAdjust
	for _, a := range list {
		j = append(j, jsonAdjust(a))
	}
	return j
}

// plain escapes what a terminal would act on, or what would make text look
// like other text.
func plain(s string) string {
	if !strings.ContainsFunc(s, active) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case !active(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// active are control, format, bidi and unassigned characters, all spaces but the common
// one, and bytes that are no text.
func active(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) }

// escapeJSON writes such characters in the escapes of JSON. Outside of strings
// there are none but line ends.
func escapeJSON(b []byte) []byte {
	s := string(b)
	if !strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && active(r) }) {
		return b
	}
	var out bytes.Buffer
	for _, r := range s {
		switch {
		case r == '\n' || !active(r):
			out.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return out.Bytes()
}
