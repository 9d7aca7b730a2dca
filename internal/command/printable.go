package command

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable returns text from records and files with every character that
// does not print (controls, bidi and other format characters) escaped, so
// that it cannot draw on the terminal what it does not say.
func Printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !printable(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if printable(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func printable(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar }
