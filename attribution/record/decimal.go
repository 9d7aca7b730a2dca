package record

import (
	"fmt"
	"strings"
)

// A Decimal is an exact decimal in the grammar -?(0|[1-9][0-9]*)(\.[0-9]+)?,
// at most 34 digits and 18 decimals, no negative zero. "" is absent.
//
// It is text: 9.9 and 9.90 are different Decimals of the same value. Nothing
// is computed here.
type Decimal string

// ParseDecimal returns s as a Decimal if it is one.
func ParseDecimal(s string) (Decimal, error) {
	if decimalLength(s) == len(s) && s != "" {
		return Decimal(s), nil
	}
	return "", fmt.Errorf("decimal %q: want %s", clip(s), formDecimal.want())
}

// Negative reports whether d is below 0.
func (d Decimal) Negative() bool { return strings.HasPrefix(string(d), "-") }

// Zero reports whether d is 0, however it is spelled.
func (d Decimal) Zero() bool {
	return d != "" && strings.Trim(string(d), "0.") == ""
}

// decimalLength returns how many bytes at the front of s are a decimal, or -1
// if none are.
func decimalLength(s string) int {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	first := i
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	digits := i - first
	if digits == 0 || digits > 1 && s[first] == '0' {
		return -1
	}
	if i < len(s) && s[i] == '.' {
		i++
		point := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		if i == point || i-point > MaxDecimals {
			return -1
		}
		digits += i - point
	}
	if digits > MaxDigits || first == 1 && Decimal(s[first:i]).Zero() {
		return -1
	}
	return i
}
