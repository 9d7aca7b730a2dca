package story

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/raasledger/raasledger/attribution/record"
)

// An Expected statement was worked by hand. What is absent is nothing: no
// correction, no balance, no count.
type Expected struct {
	Period      string               `json:"period"`
	ByHand      string               `json:"by_hand"` // the arithmetic, in words
	Lines       []ExpectedLine       `json:"lines"`
	Subtotal    record.Decimal       `json:"subtotal"`
	Corrections []ExpectedCorrection `json:"corrections"`
	CarriedIn   record.Decimal       `json:"carried_in"`
	Total       record.Decimal       `json:"total"`
	Due         record.Decimal       `json:"due"` // there where something can be prepaid
	CarriedOut  record.Decimal       `json:"carried_out"`
	Counts      map[string]string    `json:"counts"` // results by reason
}

// An ExpectedLine is a line of the terms.
type ExpectedLine struct {
	Name     string         `json:"name"`
	Before   record.Decimal `json:"before"`   // of a line over the term: the quantity at the statement before
	Quantity record.Decimal `json:"quantity"` // "" where there is none: of a flat line, or where a measure has no value
	Amount   record.Decimal `json:"amount"`
	Held     bool           `json:"held"`
}

// An ExpectedCorrection changes a line of an earlier period.
type ExpectedCorrection struct {
	Period   string         `json:"period"`
	Line     string         `json:"line"`
	Before   record.Decimal `json:"quantity_before"`
	Quantity record.Decimal `json:"quantity"`
	Amount   record.Decimal `json:"amount"`
}

// ParseExpected reads a list of statements: YAML turned into JSON, in which
// numbers are texts.
func ParseExpected(text []byte) ([]Expected, error) {
	var list []Expected
	if err := json.Unmarshal(text, &list, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, mistake("", "holds no statement")
	}
	for i, e := range list {
		place := fmt.Sprintf("[%d].", i)
		switch {
		case e.Period == "":
			return nil, mistake(place+"period", "missing")
		case strings.TrimSpace(e.ByHand) == "":
			return nil, mistake(place+"by_hand", "missing: how was it worked?")
		case e.Lines == nil:
			return nil, mistake(place+"lines", "missing")
		case e.Total == "":
			return nil, mistake(place+"total", "missing")
		}
	}
	return list, nil
}

// Compare returns in what s is not as expected: in nothing, if the list is empty.
func (e *Expected) Compare(s *record.Statement) []string {
	var wrong []string
	same := func(what, got, want string) {
		if got != want {
			wrong = append(wrong, fmt.Sprintf("statement %s: %s: computed %q, by hand %q", e.Period, what, got, want))
		}
	}
	amount := func(what string, got, want record.Decimal) {
		if want == "" && got.Zero() {
			return
		}
		same(what, string(got), string(want))
	}
	same("period", s.Period, e.Period)
	same("number of lines", fmt.Sprint(len(s.Lines)), fmt.Sprint(len(e.Lines)))
	for i := range min(len(s.Lines), len(e.Lines)) {
		got, want := s.Lines[i], e.Lines[i]
		place := fmt.Sprintf("line %d, ", i+1)
		same(place+"name", got.Name, want.Name)
		same(place+"quantity", string(got.Quantity), string(want.Quantity))
		same(place+"quantity before", string(got.Before), string(want.Before))
		same(place+"amount", string(got.Amount), string(want.Amount))
		same(place+"held", fmt.Sprint(got.Held), fmt.Sprint(want.Held))
	}
	same("number of corrections", fmt.Sprint(len(s.Corrections)), fmt.Sprint(len(e.Corrections)))
	for i := range min(len(s.Corrections), len(e.Corrections)) {
		got, want := s.Corrections[i], e.Corrections[i]
		place := fmt.Sprintf("correction %d, ", i+1)
		same(place+"period", got.Period, want.Period)
		same(place+"line", got.Line, want.Line)
		same(place+"quantity before", string(got.QuantityBefore), string(want.Before))
		same(place+"quantity", string(got.Quantity), string(want.Quantity))
		same(place+"amount", string(got.Amount), string(want.Amount))
	}
	if e.Subtotal != "" {
		same("subtotal", string(s.Subtotal), string(e.Subtotal))
	}
	amount("carried in", s.CarriedIn, e.CarriedIn)
	same("total", string(s.Total), string(e.Total))
	same("due", string(s.Due), string(e.Due))
	amount("carried out", s.CarriedOut, e.CarriedOut)
	counts := map[string]string{}
	for _, c := range s.Counts {
		counts[c.Reason] = fmt.Sprint(c.N)
	}
	same("counts", fmt.Sprint(counts), fmt.Sprint(map[string]string(e.Counts)))
	return wrong
}
