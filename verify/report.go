package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/fee"
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

	Checks     []Check // 13, in the order of docs/bundle.md
	Statements []Statement
	Withheld   []Withheld // the first 1,000
	Amounts    string     // verified, none to verify, or why they are not verified
	Next       *Next      // nil if nothing is left to settle, or it is not known

	Index      *Index      // the last chain index of the bundle, nil if there is none
	Case       *CaseReport // of a case bundle that was read to its end, else nil
	Findings   *Findings   // of a replay bundle with resolves by finding, else nil
	Signatures []Signature // verified
	Unverified []string    // keys of the other signature lines
	History    History

	WithheldMore int64 // how many beyond those in Withheld
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
	Continued    bool // the bundle continues from it: only what was compared is set, of its amounts CarriedOut alone
	Nouns        Nouns
	Account      *fee.Account   // what the terms do to the figures, nil where they were not recomputed
	Behind       []fee.Backing  // the records behind the lines, where they are asked for
	History      string         // adopted or excluded by the first version that the client signed after it, or ""
	ClaimedTotal record.Decimal // where the record says another one

	start int64 // of the bundle
}

// lineNoun is what the records behind a line are.
func (s *Statement) lineNoun(i int) string {
	if i < len(s.Nouns.Lines) {
		return s.Nouns.Lines[i]
	}
	return "record"
}

// countNoun is what is counted by a reason.
func (s *Statement) countNoun(i int) string {
	if i < len(s.Nouns.Counts) {
		return s.Nouns.Counts[i]
	}
	return "record"
}

// Nouns are what the figures of a statement count: result, measurement or
// action, or record where they are of several kinds.
type Nouns struct{ Lines, Counts []string }

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

// Findings are the resolves by finding of a replay bundle.
type Findings struct {
	Records int64 // how many there are
	Indexed bool  // the chain indexes that they rest on are recomputed from the records before them
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
	r.writeWithheld(line)
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
		Withheld   []jsonWithheld  `json:"withheld,omitempty"`
		More       int64           `json:"withheld_more,omitempty"`
		Amounts    string          `json:"amounts"`
		Next       *jsonNext       `json:"next,omitempty"`
		Index      *jsonIndex      `json:"index,omitempty"`
		Case       *jsonCase       `json:"case,omitempty"`
		Findings   *jsonFindings   `json:"findings,omitempty"`
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
	jsonFindings struct {
		Records int64 `json:"records"`
		Indexed bool  `json:"indexed"`
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
	j.Withheld, j.More = r.jsonWithheld(), r.WithheldMore
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
	if r.Findings != nil {
		x := jsonFindings(*r.Findings)
		j.Findings = &x
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
