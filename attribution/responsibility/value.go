package responsibility

import (
	"strings"

	"github.com/raasledger/raasledger/attribution/exact"
	"github.com/raasledger/raasledger/attribution/record"
)

// number reads a text as a decimal of records; ok is false where it is none.
func number(s string) (exact.Rat, bool) {
	d, err := record.ParseDecimal(s)
	if err != nil {
		return exact.Rat{}, false
	}
	return amount(d), true
}

// amount is the value of a decimal of a record; "" is 0.
func amount(d record.Decimal) exact.Rat {
	if d == "" {
		return exact.Rat{}
	}
	// A decimal of a record is one of this package as well.
	z, err := exact.Parse(string(d))
	if err != nil {
		return exact.Rat{}
	}
	return z
}

// compare compares as decimals where both are, so that 9.9 is 9.90, else as
// texts, byte by byte.
func compare(a, b string) int {
	if x, ok := number(a); ok {
		if y, ok := number(b); ok {
			return x.Cmp(y)
		}
	}
	return strings.Compare(a, b)
}

// holds evaluates a comparison of a check.
func holds(left, op, right string) bool {
	c := compare(left, right)
	switch op {
	case "<=":
		return c <= 0
	case "<":
		return c < 0
	case ">=":
		return c >= 0
	case ">":
		return c > 0
	case "==":
		return c == 0
	}
	return c != 0
}

// text is a fact's value as a text.
func text(v record.Value) string {
	switch {
	case !v.IsBool:
		return v.Text
	case v.Bool:
		return "true"
	}
	return "false"
}

// covers reports whether one of the patterns of a grant covers a resource or
// an action: the same text, or one that ends in * and is a beginning of it.
func covers(patterns []string, s string) bool {
	for _, p := range patterns {
		if prefix, ok := strings.CutSuffix(p, "*"); p == s && s != "" || ok && strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}
