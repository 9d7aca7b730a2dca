package verify

import (
	"fmt"
	"strings"

	"github.com/raasledger/raasledger/attribution/fee"
	"github.com/raasledger/raasledger/attribution/record"
)

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
	steps := func(indent string, list []fee.Step) {
		for _, step := range list {
			row(indent+step.String(), "")
		}
	}
	read := func(indent string, list []record.Reading) {
		for _, r := range list {
			value := string(r.Value)
			if value == "" {
				value = "without value"
			}
			row(fmt.Sprintf("%s%s: %s", indent, r.Name, value), "")
		}
	}
	corrections := func() {
		for _, c := range s.Corrections {
			money(fmt.Sprintf("correction %s, %s v%d, quantity %s to %s", c.Period, c.Line, c.Version, c.QuantityBefore, c.Quantity), c.Amount)
		}
	}
	for i, l := range s.Lines {
		a := s.Account.Line(s.Statement, i)
		money(fmt.Sprintf("%s v%d%s", l.Name, l.Version, quantityWords(&l)), l.Amount)
		if a.Each != "" {
			row("  "+a.Each, "")
		}
		steps("  ", a.Quantity)
		if len(l.Tiers) > 1 || len(a.Amount) > 0 {
			steps("  ", a.Tiers)
		}
		read("  ", l.Reads)
		steps("  ", a.Amount)
		if a.Less != nil {
			steps("  ", []fee.Step{*a.Less})
		}
		if a.Held != "" {
			row("  "+a.Held, "")
		}
	}
	if s.correctionsFirst() {
		corrections()
	}
	steps("", s.sums())
	read("", s.Reads)
	steps("", s.adjustments())
	money("subtotal", s.Subtotal)
	for _, g := range s.Grades {
		money("  word: "+g.Words(), g.Amount)
	}
	if !s.correctionsFirst() {
		corrections()
	}
	if !s.CarriedIn.Zero() {
		money("carried in", s.CarriedIn)
	}
	money("total", s.Total)
	if text := s.below(); text != "" {
		row("  "+text, "")
	}
	if s.ClaimedTotal != "" {
		money("total claimed", s.ClaimedTotal)
	}
	if !s.CarriedOut.Zero() {
		money("carried out", s.CarriedOut)
	}
	for _, p := range s.Prepaid {
		money(fmt.Sprintf("  from prepaid %s, which leaves %s", p.Name, p.After), p.Used)
	}
	if s.Due != "" {
		money("still to be paid", s.Due)
	}
	for i, c := range s.Counts {
		row(words(c.Reason), fmt.Sprintf("%18s", many(c.N, s.countNoun(i))))
	}
}

// correctionsFirst reports whether corrections are in the subtotal.
func (s *Statement) correctionsFirst() bool { return s.Account != nil && s.Account.CorrectionsFirst }

// sums is what the adjustments of the whole statement begin with, where there
// are any, or where corrections are in it.
func (s *Statement) sums() []fee.Step {
	if s.Account == nil || len(s.Account.Adjust) == 0 && !s.Account.CorrectionsFirst {
		return nil
	}
	return s.Account.Sum
}

// adjustments are those of the whole statement.
func (s *Statement) adjustments() []fee.Step {
	if s.Account != nil {
		return s.Account.Adjust
	}
	var list []fee.Step
	for _, a := range s.Adjust {
		list = append(list, fee.Step{What: words(a.Op), How: fmt.Sprintf("%s becomes %s", a.Before, a.After)})
	}
	return list
}

// below says how a total follows from a sum below 0, "" where it is not.
func (s *Statement) below() string {
	if s.Account == nil || !strings.Contains(s.Account.Total.How, "; ") {
		return ""
	}
	return s.Account.Total.How
}

// quantityWords is the quantity of a line, as it has one.
func quantityWords(l *record.Line) string {
	switch {
	case l.Quantity == "":
		return ""
	case l.Before != "":
		return fmt.Sprintf(", quantity %s to %s", l.Before, l.Quantity)
	}
	return fmt.Sprintf(", quantity %s", l.Quantity)
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

// The JSON of a statement in a report.
type (
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
		Reads        []jsonReading    `json:"reads,omitempty"`
		Adjust       []jsonAdjust     `json:"adjust,omitempty"`
		Subtotal     record.Decimal   `json:"subtotal,omitempty"`
		Corrections  []jsonCorrection `json:"corrections,omitempty"`
		CarriedIn    record.Decimal   `json:"carried_in,omitempty"`
		Total        record.Decimal   `json:"total,omitempty"`
		ClaimedTotal record.Decimal   `json:"claimed_total,omitempty"`
		CarriedOut   record.Decimal   `json:"carried_out"`
		Prepaid      []jsonDrawdown   `json:"prepaid,omitempty"`
		Due          record.Decimal   `json:"due,omitempty"`
		Grades       []jsonGrade      `json:"grades,omitzero"`
		Counts       []jsonCount      `json:"counts,omitzero"`
		Terms        []record.Digest  `json:"terms"`
		Detail       record.Digest    `json:"detail,omitempty"`
		State        record.Digest    `json:"state"`
		Account      *jsonAccount     `json:"account,omitempty"`
	}
	// What the terms do to the figures.
	jsonAccount struct {
		Lines            []jsonLineAccount `json:"lines"`
		Sum              []jsonStep        `json:"sum,omitempty"`
		Adjust           []jsonStep        `json:"adjust,omitempty"`
		CorrectionsFirst bool              `json:"corrections_first,omitempty"`
		Total            jsonStep          `json:"total"`
	}
	jsonLineAccount struct {
		Each     string     `json:"each,omitempty"`
		Quantity []jsonStep `json:"quantity,omitempty"`
		Tiers    []jsonStep `json:"tiers,omitempty"`
		Amount   []jsonStep `json:"amount,omitempty"`
		Less     *jsonStep  `json:"less,omitempty"`
		Held     string     `json:"held,omitempty"`
	}
	jsonStep struct {
		What string `json:"what"`
		How  string `json:"how,omitempty"`
	}
	jsonLine struct {
		Version  int64          `json:"version"`
		Name     string         `json:"name"`
		Quantity record.Decimal `json:"quantity,omitempty"`
		Before   record.Decimal `json:"before,omitempty"`
		Held     bool           `json:"held,omitempty"`
		Reads    []jsonReading  `json:"reads,omitempty"`
		Tiers    []jsonTier     `json:"tiers,omitempty"`
		Adjust   []jsonAdjust   `json:"adjust,omitempty"`
		Amount   record.Decimal `json:"amount"`
		Records  int64          `json:"records"`
		Noun     string         `json:"noun"`
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
		QuantityBefore record.Decimal `json:"quantity_before,omitempty"`
		Quantity       record.Decimal `json:"quantity,omitempty"`
		Amount         record.Decimal `json:"amount"`
	}
	jsonGrade struct {
		Grade  string         `json:"grade"`
		Amount record.Decimal `json:"amount"`
	}
	jsonCount struct {
		Reason string `json:"reason"`
		N      int64  `json:"n"`
		Noun   string `json:"noun"`
	}
	jsonReading struct {
		Name  string         `json:"name"`
		Value record.Decimal `json:"value,omitempty"`
	}
	jsonDrawdown struct {
		Name   string         `json:"name"`
		Before record.Decimal `json:"before"`
		Used   record.Decimal `json:"used"`
		After  record.Decimal `json:"after"`
	}
)

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
	for i, l := range s.Lines {
		line := jsonLine{Version: l.Version, Name: l.Name, Quantity: l.Quantity, Before: l.Before, Held: l.Held, Reads: readings(l.Reads), Adjust: adjusts(l.Adjust), Amount: l.Amount, Records: l.Records, Noun: s.lineNoun(i), First: l.First, Last: l.Last}
		for _, u := range l.Tiers {
			line.Tiers = append(line.Tiers, jsonTier(u))
		}
		j.Lines = append(j.Lines, line)
	}
	j.Account = accounts(s.Account)
	j.Reads, j.Due = readings(s.Reads), s.Due
	for _, p := range s.Prepaid {
		j.Prepaid = append(j.Prepaid, jsonDrawdown(p))
	}
	for _, c := range s.Corrections {
		j.Corrections = append(j.Corrections, jsonCorrection(c))
	}
	for _, g := range s.Grades {
		j.Grades = append(j.Grades, jsonGrade(g))
	}
	for i, c := range s.Counts {
		j.Counts = append(j.Counts, jsonCount{c.Reason, c.N, s.countNoun(i)})
	}
	return j
}

func accounts(a *fee.Account) *jsonAccount {
	if a == nil {
		return nil
	}
	j := &jsonAccount{[]jsonLineAccount{}, jsonSteps(a.Sum), jsonSteps(a.Adjust), a.CorrectionsFirst, jsonStep(a.Total)}
	for _, l := range a.Lines {
		j.Lines = append(j.Lines, jsonLineAccount{l.Each, jsonSteps(l.Quantity), jsonSteps(l.Tiers), jsonSteps(l.Amount), (*jsonStep)(l.Less), l.Held})
	}
	return j
}

func jsonSteps(list []fee.Step) []jsonStep {
	var j []jsonStep
	for _, s := range list {
		j = append(j, jsonStep(s))
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

func readings(list []record.Reading) []jsonReading {
	var j []jsonReading
	for _, r := range list {
		j = append(j, jsonReading(r))
	}
	return j
}
