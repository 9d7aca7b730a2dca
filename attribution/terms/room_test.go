package terms

import (
	"fmt"
	"strings"
	"testing"

	"github.com/raasledger/raasledger/attribution/record"
)

// fullStatement is a statement with all that terms of these lines let it show,
// each number as long as a record lets it be.
func fullStatement(t *Terms, corrected int) *record.Record {
	const index = record.MaxInteger
	long := record.Decimal("-" + strings.Repeat("9", record.MaxDigits-record.MaxDecimals) + "." + strings.Repeat("9", record.MaxDecimals))
	digest := record.Sum(nil)
	s := &record.Statement{
		Period: "2026-03-01", From: t.From, Until: t.From + 1, Closing: t.From + 1, Currency: t.Currency, Terms: []record.Digest{digest},
		Subtotal: long, CarriedIn: long, Total: long, CarriedOut: long, Detail: digest, State: digest,
	}
	adjustments := func(list []Adjustment) (shown []record.Adjustment) {
		for range list {
			shown = append(shown, record.Adjustment{Op: "at_least", Before: long, After: long})
		}
		return shown
	}
	s.Adjust = adjustments(t.Adjust)
	for _, l := range t.Lines {
		line := record.Line{Version: index, Name: l.Name, Quantity: long, Amount: long, Records: index, First: index, Last: index, Adjust: adjustments(l.Adjust)}
		for i := range l.Tiers {
			line.Tiers = append(line.Tiers, record.TierUse{Tier: int64(i), Quantity: long, Amount: long})
		}
		s.Lines = append(s.Lines, line)
		for range corrected {
			s.Corrections = append(s.Corrections, record.Correction{Period: "2026-03-01", Version: index, Line: l.Name, QuantityBefore: long, Quantity: long, Amount: long})
		}
	}
	for _, grade := range []string{"both", "client", "third", "sampled", "vendor", "backfilled"} {
		s.Grades = append(s.Grades, record.Grade{Grade: grade, Amount: long})
	}
	for i := range 40 { // more reasons than there are
		s.Counts = append(s.Counts, record.Count{Reason: fmt.Sprintf("after_guarantee_%02d", i), N: index})
	}
	id := strings.Repeat("v", record.MaxIDBytes)
	return &record.Record{Kind: record.KindStatement, ID: "statement/2026-03-01", At: t.From, By: id, Body: s}
}

// The bytes that the check counts are enough for the longest statement, and
// not far from it.
func TestRoomIsEnough(t *testing.T) {
	for name, change := range map[string]func(*Terms){
		"as it is":   func(*Terms) {},
		"many lines": func(t *Terms) { t.Lines = append(t.Lines, many64(8, 1)...) },
		"many tiers": func(t *Terms) { t.Lines = append(t.Lines, many64(6, 64)...) },
		"adjusted": func(t *Terms) {
			for i := range t.Lines {
				t.Lines[i].Adjust = make([]Adjustment, maxAdjust)
			}
			t.Adjust = make([]Adjustment, maxAdjust)
		},
	} {
		terms := mustParse(t, supportDesk)
		change(terms)
		room := terms.room()
		corrected := min(room.periods, record.MaxList/len(terms.Lines))
		line, err := record.Marshal(fullStatement(terms, corrected))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		counted := statementBytes + room.own + corrected*room.corrections
		if len(line) > counted || counted-len(line) > statementBytes {
			t.Errorf("%s: a statement has %d bytes, %d are counted", name, len(line), counted)
		}
	}
}

// many64 are n lines with the longest name.
func many64(n, tiers int) (lines []Line) {
	for i := range n {
		lines = append(lines, Line{Name: fmt.Sprintf("l%063d", i), Tiers: make([]Tier, tiers)})
	}
	return lines
}

// Versions whose results may still be billed count together.
func TestRoomOfAmendments(t *testing.T) {
	tiers := func(n int) string {
		var b strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&b, `{"up_to": "%d", "unit": "0.99"},`, i+1)
		}
		return strings.Replace(supportDesk, `{"name": "tickets", "of": "tickets", "mode": "graduated", "tiers": [{"unit": "0.99"}]}`,
			strings.Join([]string{
				`{"name": "a", "of": "tickets", "mode": "graduated", "tiers": [` + b.String() + `{"unit": "0.99"}]}`,
				`{"name": "b", "of": "tickets", "mode": "graduated", "tiers": [` + b.String() + `{"unit": "0.99"}]}`,
				`{"name": "c", "of": "tickets", "mode": "graduated", "tiers": [` + b.String() + `{"unit": "0.99"}]}`,
				`{"name": "d", "of": "tickets", "mode": "graduated", "tiers": [` + b.String() + `{"unit": "0.99"}]}`,
			}, ","), 1)
	}
	b := newBook(t).agreed(tiers(64))
	amend := func(from string) *record.Record {
		return b.cosign(b.cosign(b.agreement(2, later(tiers(64), from)), "vendor"), "client")
	}
	b.refused(amend("2026-04-01"), "terms", fmt.Sprintf("body.terms.lines: this and 1 version before it, within 122d, make a statement of up to %d bytes, at most 65023", statementBytes+2*(b.s.Latest().Terms.room().own+6*b.s.Latest().Terms.room().corrections)))
	b.apply(b.cosign(b.cosign(b.agreement(2, later(supportDesk, "2026-04-01")), "vendor"), "client"))
	// When the results of the first version are final, there is room again.
	again := b.agreement(3, later(tiers(64), "2026-08-02"))
	b.apply(b.cosign(b.cosign(again, "vendor"), "client"))
}

// The document has the figures of the code, and its examples fit.
func TestDocumentRoom(t *testing.T) {
	text := strings.Join(strings.Fields(readDocument(t)), " ")
	for _, want := range []string{
		fmt.Sprintf("at most %d,%03d bytes", maxStatementBytes/1000, maxStatementBytes%1000),
		fmt.Sprintf("%d,%03d bytes; %d for each version; %d + N for each line; %d for each tier; %d for each adjustment", statementBytes/1000, statementBytes%1000, digestBytes, lineBytes, tierBytes, adjustmentBytes),
		fmt.Sprintf("%d + N for each name that a line, or the adjustments of the document, are computed from", inputBytes),
		fmt.Sprintf("%d + N for each prepaid amount", prepaidBytes),
		fmt.Sprintf("and %d + N for each line in each period", correctionBytes),
		fmt.Sprintf("and %d more", periodsAroundEnd),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("docs/terms.md does not say %q", want)
		}
	}
	for _, test := range []struct {
		period       string
		lines, tiers int
	}{{"week", 15, 1}, {"month", 30, 1}, {"month", 6, 64}} {
		terms := mustParse(t, strings.Replace(supportDesk, `"60d"`, `"90d"`, 1))
		terms.Calendar.Period, terms.Lines = test.period, nil
		for range test.lines {
			terms.Lines = append(terms.Lines, Line{Name: "ten_bytes_", Tiers: make([]Tier, test.tiers)})
		}
		if got := terms.room().bytes(); got > maxStatementBytes {
			t.Errorf("%d lines by the %s need %d bytes", test.lines, test.period, got)
		}
	}
}
