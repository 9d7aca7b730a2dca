package fee

import (
	"fmt"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// A Mismatch is a statement that differs from the computed one.
type Mismatch struct {
	N                 int64
	Claimed, Computed *record.Statement
	Differences       []string // "total: claimed 1204.50 EUR, computed 1198.20 EUR"
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("statement %s: %s", m.Computed.Period, strings.Join(m.Differences, "; "))
}

// differences compares two statements of one period field by field, the total
// first.
func differences(claimed, computed *record.Statement) []string {
	d := &differ{currency: computed.Currency, other: claimed.Currency}
	d.amount("total", claimed.Total, computed.Total)
	d.amount("subtotal", claimed.Subtotal, computed.Subtotal)
	d.amount("carried_in", claimed.CarriedIn, computed.CarriedIn)
	d.amount("carried_out", claimed.CarriedOut, computed.CarriedOut)
	d.amount("due", claimed.Due, computed.Due)
	d.value("period", claimed.Period, computed.Period)
	d.value("from", claimed.From, computed.From)
	d.value("until", claimed.Until, computed.Until)
	d.value("closing", claimed.Closing, computed.Closing)
	d.value("agreed", claimed.Agreed, computed.Agreed)
	d.value("currency", claimed.Currency, computed.Currency)
	d.value("terms", words(claimed.Terms), words(computed.Terms))
	compare(d, "line", claimed.Lines, computed.Lines,
		func(l record.Line) string { return fmt.Sprintf("%s of version %d", l.Name, l.Version) },
		func(at string, a, b record.Line) {
			d.amount(at, a.Amount, b.Amount)
			d.value(at+": quantity", a.Quantity, b.Quantity)
			d.value(at+": before", a.Before, b.Before)
			d.value(at+": held", a.Held, b.Held)
			d.value(at+": reads", words(a.Reads), words(b.Reads))
			d.value(at+": records", a.Records, b.Records)
			d.value(at+": first", a.First, b.First)
			d.value(at+": last", a.Last, b.Last)
			d.value(at+": tiers", words(a.Tiers), words(b.Tiers))
			d.value(at+": adjust", words(a.Adjust), words(b.Adjust))
		})
	d.value("reads", words(claimed.Reads), words(computed.Reads))
	d.value("adjust", words(claimed.Adjust), words(computed.Adjust))
	compare(d, "prepaid", claimed.Prepaid, computed.Prepaid,
		func(p record.Drawdown) string { return p.Name },
		func(at string, a, b record.Drawdown) {
			d.amount(at+": before", a.Before, b.Before)
			d.amount(at+": used", a.Used, b.Used)
			d.amount(at+": after", a.After, b.After)
		})
	compare(d, "correction", claimed.Corrections, computed.Corrections,
		func(c record.Correction) string {
			return fmt.Sprintf("of %s in %s of version %d", c.Line, c.Period, c.Version)
		},
		func(at string, a, b record.Correction) {
			d.amount(at, a.Amount, b.Amount)
			d.value(at+": quantity_before", a.QuantityBefore, b.QuantityBefore)
			d.value(at+": quantity", a.Quantity, b.Quantity)
		})
	compare(d, "grade", claimed.Grades, computed.Grades,
		func(g record.Grade) string { return g.Grade },
		func(at string, a, b record.Grade) { d.amount(at, a.Amount, b.Amount) })
	compare(d, "count", claimed.Counts, computed.Counts,
		func(c record.Count) string { return c.Reason },
		func(at string, a, b record.Count) { d.value(at, a.N, b.N) })
	d.value("detail", claimed.Detail, computed.Detail)
	d.value("state", claimed.State, computed.State)
	return d.found
}

type differ struct {
	currency, other string
	found           []string
}

func (d *differ) amount(at string, claimed, computed record.Decimal) {
	if claimed != computed {
		d.found = append(d.found, fmt.Sprintf("%s: claimed %s %s, computed %s %s", at, claimed, d.other, computed, d.currency))
	}
}

func (d *differ) value(at string, claimed, computed any) {
	if claimed != computed {
		d.found = append(d.found, fmt.Sprintf("%s: claimed %v, computed %v", at, claimed, computed))
	}
}

// compare pairs the elements of two lists by name.
func compare[T any](d *differ, noun string, claimed, computed []T, name func(T) string, differ func(at string, claimed, computed T)) {
	var names, others []string
	for _, x := range computed {
		i := slices.IndexFunc(claimed, func(y T) bool { return name(y) == name(x) })
		names = append(names, name(x))
		if i < 0 {
			d.found = append(d.found, fmt.Sprintf("%s %s: not claimed, computed", noun, name(x)))
			continue
		}
		differ(noun+" "+name(x), claimed[i], x)
	}
	for _, y := range claimed {
		others = append(others, name(y))
		if !slices.Contains(names, name(y)) {
			d.found = append(d.found, fmt.Sprintf("%s %s: claimed, not computed", noun, name(y)))
		}
	}
	// Left over: the same elements in another order, or one of them twice.
	slices.Sort(names)
	sorted := slices.Sorted(slices.Values(others))
	if slices.Equal(names, sorted) && !slices.EqualFunc(claimed, computed, func(a, b T) bool { return name(a) == name(b) }) || len(slices.Compact(sorted)) != len(others) {
		d.found = append(d.found, fmt.Sprintf("%ss: claimed in another order, or twice", noun))
	}
}

func words[T any](list []T) string {
	var out []string
	for _, x := range list {
		out = append(out, fmt.Sprint(x))
	}
	return "[" + strings.Join(out, ", ") + "]"
}
