package record

import (
	"fmt"
	"math/bits"
	"unicode/utf8"

	"github.com/raasledger/raasledger/merkle"
)

// A form is the grammar of a string value. One function, length, knows each
// grammar; it serves Marshal and Parse alike.
type form uint8

const (
	formID          form = iota // a party, actor, case, subject, record
	formRef                     // the id of another record
	formName                    // a result, measure, line, fact
	formLabel                   // short text
	formText                    // text
	formLine                    // text, may be empty
	formDigest                  // Digest
	formDecimal                 // Decimal
	formAmount                  // Decimal, not negative
	formCurrency                // three capital letters
	formNonce                   // base64 of 16 to 64 bytes
	formOrigin                  // what may be the origin of a log
	formKey                     // "ssh-ed25519 AAAA..."
	formFingerprint             // "SHA256:..."
	formPeriod                  // a settlement period
	formChain                   // the name of a chain
)

// String is the word for the form in documents.
func (f form) String() string {
	switch f {
	case formID:
		return "id"
	case formRef:
		return "record id"
	case formName:
		return "name"
	case formLabel:
		return "label"
	case formText:
		return "text"
	case formLine:
		return "line"
	case formDigest:
		return "digest"
	case formDecimal:
		return "decimal"
	case formAmount:
		return "amount"
	case formCurrency:
		return "currency"
	case formNonce:
		return "nonce"
	case formOrigin:
		return "origin"
	case formKey:
		return "public key"
	case formFingerprint:
		return "fingerprint"
	case formPeriod:
		return "period"
	case formChain:
		return "chain"
	}
	return fmt.Sprintf("form %d", uint8(f))
}

// want says in an error what the form asks for.
func (f form) want() string {
	switch f {
	case formID, formRef:
		return fmt.Sprintf("an id: a letter or digit, then letters, digits and ._:/- to %d bytes", MaxIDBytes)
	case formName:
		return fmt.Sprintf("a name: a lower-case letter, then lower-case letters, digits and _ to %d bytes", MaxNameBytes)
	case formLabel:
		return fmt.Sprintf("text of 1 to %d bytes", MaxLabelBytes)
	case formText:
		return fmt.Sprintf("text of 1 to %d bytes", MaxTextBytes)
	case formLine:
		return fmt.Sprintf("text of at most %d bytes", MaxTextBytes)
	case formDigest:
		return "sha256: and 64 lower-case hexadecimal digits"
	case formDecimal:
		return fmt.Sprintf("a decimal like -12.50 of at most %d digits and %d decimals", MaxDigits, MaxDecimals)
	case formAmount:
		return fmt.Sprintf("a decimal of at least 0, at most %d digits and %d decimals", MaxDigits, MaxDecimals)
	case formCurrency:
		return "three capital letters"
	case formNonce:
		return fmt.Sprintf("base64 of %d to %d bytes", minNonceBytes, maxNonceBytes)
	case formOrigin:
		return fmt.Sprintf("an origin: 1 to %d bytes without white space, +, quote and backslash", merkle.MaxNameBytes)
	case formKey:
		return "ssh-ed25519, a space and the key in base64, without comment"
	case formFingerprint:
		return "SHA256: and 43 characters of base64"
	case formPeriod:
		return "a period like 2026, 2026-Q1, 2026-03, 2026-W10 or 2026-03-01"
	case formChain:
		return "standing, case/ID, config/ID, grant/ID, input/ID, key/HEX or measure/METRIC"
	}
	return f.String()
}

// isText reports whether values of the form may hold any character, so that
// quotes and backslashes in them have to be escaped.
func (f form) isText() bool {
	return f == formLabel || f == formText || f == formLine
}

// maxBytes is the most a value of a text form may hold.
func (f form) maxBytes() int {
	if f == formLabel {
		return MaxLabelBytes
	}
	return MaxTextBytes
}

// length returns how many bytes at the front of s are a value of the form,
// which is not a text form: the greatest such number as far as the characters
// go, or -1 if there is none. The caller sees to it that nothing follows.
func (f form) length(s string) int {
	switch f {
	case formID, formRef:
		return idLength(s)
	case formName:
		return nameLength(s)
	case formDigest:
		return digestLength(s)
	case formDecimal:
		return decimalLength(s)
	case formAmount:
		if s != "" && s[0] == '-' {
			return -1
		}
		return decimalLength(s)
	case formCurrency:
		if len(s) < 3 || !isUpper(s[0]) || !isUpper(s[1]) || !isUpper(s[2]) {
			return -1
		}
		return 3
	case formNonce:
		return nonceLength(s)
	case formOrigin:
		return originLength(s)
	case formKey:
		return keyLength(s)
	case formFingerprint:
		return fingerprintLength(s)
	case formPeriod:
		return periodLength(s)
	case formChain:
		return chainLength(s)
	}
	return -1
}

// What a byte may stand in. Text bytes are the ASCII characters that stand
// for themselves within quotes.
const (
	inText uint8 = 1 << iota
	inID
	inName
	inHex
	inBase64
	inDigits
	inAlnum
)

var class = classes()

func classes() (t [256]uint8) {
	for c := range 256 {
		lower, upper, digit := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
		if c >= 0x20 && c < 0x7f && c != '"' && c != '\\' {
			t[c] |= inText
		}
		if lower || upper || digit {
			t[c] |= inID | inBase64 | inAlnum
		}
		switch c {
		case '.', '_', ':', '/', '-':
			t[c] |= inID
		}
		if c == '+' || c == '/' {
			t[c] |= inBase64
		}
		if lower || digit || c == '_' {
			t[c] |= inName
		}
		if digit || c >= 'a' && c <= 'f' {
			t[c] |= inHex
		}
		if digit {
			t[c] |= inDigits
		}
	}
	return t
}

func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func idLength(s string) int {
	if s == "" || class[s[0]]&inAlnum == 0 {
		return -1
	}
	n := 1
	for n < len(s) && class[s[n]]&inID != 0 {
		n++
	}
	if n > MaxIDBytes {
		return -1
	}
	return n
}

func nameLength(s string) int {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return -1
	}
	n := 1
	for n < len(s) && class[s[n]]&inName != 0 {
		n++
	}
	if n > MaxNameBytes {
		return -1
	}
	return n
}

const digestBytes = len("sha256:") + 64

func digestLength(s string) int {
	if len(s) < digestBytes || s[:7] != "sha256:" {
		return -1
	}
	var bad uint64
	for i := 7; i < digestBytes; i += 8 {
		bad |= notHex(word(s[i : i+8]))
	}
	if bad != 0 {
		return -1
	}
	return digestBytes
}

const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// word returns the first eight bytes of s.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// notHex returns 0 if each of the eight bytes of w is a lower-case
// hexadecimal digit. Each byte is judged in its own lane: with its top bit
// clear, adding 0x80-k sets the top bit if the byte is at least k, and never
// carries into the next.
func notHex(w uint64) uint64 {
	low := w &^ tops
	digit := (low + (0x80-'0')*ones) &^ (low + (0x80-'9'-1)*ones)
	letter := (low + (0x80-'a')*ones) &^ (low + (0x80-'f'-1)*ones)
	return (^(digit | letter) | w) & tops
}

// base64Length counts the characters of s in the base64 alphabet, without
// padding, up to most.
func base64Length(s string, most int) int {
	n := 0
	for n < len(s) && n < most && class[s[n]]&inBase64 != 0 {
		n++
	}
	return n
}

// originLength admits what a signed note takes as the name of a log, and needs
// no escape in JSON.
func originLength(s string) int {
	n := plainLength(s)
	if n == 0 || n > merkle.MaxNameBytes {
		return -1
	}
	for i, r := range s[:n] {
		if r == '+' || isSpace(r) {
			return i
		}
	}
	return n
}

func isSpace(r rune) bool {
	switch r {
	case ' ', 0xa0, 0x1680, 0x202f, 0x205f, 0x3000:
		return true
	}
	return r >= 0x2000 && r <= 0x200a
}

// periodLength knows the spellings of periods, not which of them exist.
func periodLength(s string) int {
	digits := func(at, n int) bool {
		if len(s) < at+n {
			return false
		}
		for i := at; i < at+n; i++ {
			if !isDigit(s[i]) {
				return false
			}
		}
		return true
	}
	number := func(at int) int { return int(s[at]-'0')*10 + int(s[at+1]-'0') }
	switch {
	case !digits(0, 4):
		return -1
	case len(s) < 5 || s[4] != '-':
		return 4
	case len(s) >= 7 && s[5] == 'Q' && s[6] >= '1' && s[6] <= '4':
		return 7
	case len(s) >= 8 && s[5] == 'W' && digits(6, 2) && number(6) >= 1 && number(6) <= 53:
		return 8
	case !digits(5, 2) || number(5) < 1 || number(5) > 12:
		return -1
	case len(s) < 8 || s[7] != '-':
		return 7
	case !digits(8, 2) || number(8) < 1 || number(8) > 31:
		return -1
	}
	return 10
}

// plainLength returns how many bytes at the front of s are characters that
// records may hold and that stand for themselves within quotes.
func plainLength(s string) int {
	i := 0
	for {
		for len(s)-i >= 8 {
			bad := notPlain(word(s[i:]))
			i += bits.TrailingZeros64(bad) / 8 // 8 if there is none
			if bad != 0 {
				break
			}
		}
		if i == len(s) {
			return i
		}
		n := 1
		if s[i] >= utf8.RuneSelf {
			var r rune
			if r, n = utf8.DecodeRuneInString(s[i:]); !allowed(r, n) {
				return i
			}
		} else if class[s[i]]&inText == 0 {
			return i
		}
		i += n
	}
}

// notPlain returns 0 if each of the eight bytes of w is an ASCII character
// that stands for itself within quotes; else the lowest bit that is set is in
// the first byte that is not. Each byte is judged in its own lane, as in
// notHex.
func notPlain(w uint64) uint64 {
	low := w &^ tops
	control := ^(low + (0x80-0x20)*ones)
	quote := ^(low ^ '"'*ones + 0x7f*ones)
	backslash := ^(low ^ '\\'*ones + 0x7f*ones)
	del := ^(low ^ 0x7f*ones + 0x7f*ones)
	return (w | control | quote | backslash | del) & tops
}

// allowed reports whether text may hold the rune r, which took n bytes of
// UTF-8 to write: no control characters, none that are invisible or change the
// direction of what stands beside them, no line separators, no
// noncharacters. The ranges are written out rather than taken from package
// unicode, whose tables grow from release to release: two verifiers must agree.
func allowed(r rune, n int) bool {
	switch {
	case r < 0x20 || r == utf8.RuneError && n <= 1:
		return false
	case r < 0x7f:
		return true
	case r <= 0x9f, // delete and C1 controls
		r == 0xad,                // soft hyphen
		r >= 0x600 && r <= 0x605, // Arabic number signs
		r == 0x61c,               // Arabic letter mark
		r == 0x6dd, r == 0x70f,   // end of ayah, Syriac abbreviation mark
		r == 0x890, r == 0x891, // Arabic pound and piastre marks above
		r == 0x8e2,                 // disputed end of ayah
		r == 0x180e,                // Mongolian vowel separator
		r >= 0x200b && r <= 0x200f, // zero width, direction marks
		r >= 0x2028 && r <= 0x202e, // line and paragraph separator, direction
		r >= 0x2060 && r <= 0x206f, // word joiner, invisible operators, direction
		r >= 0xfdd0 && r <= 0xfdef, // noncharacters
		r == 0xfeff,                // byte order mark
		r >= 0xfff9 && r <= 0xfffb, // interlinear annotation
		r == 0x110bd, r == 0x110cd, // Kaithi number signs
		r >= 0x13430 && r <= 0x1345f, // Egyptian format controls
		r >= 0x1bca0 && r <= 0x1bca3, // shorthand format controls
		r >= 0x1d173 && r <= 0x1d17a, // musical format controls
		r >= 0xe0000 && r <= 0xe007f, // tags
		r&0xfffe == 0xfffe:           // noncharacters
		return false
	}
	return true
}

// textLength returns len(s) if s is text throughout, else where the first
// character stands that records may not hold.
func textLength(s string) int {
	i := 0
	for {
		i += plainLength(s[i:])
		if i == len(s) || s[i] != '"' && s[i] != '\\' {
			return i
		}
		i++
	}
}

// AppendString appends s as a JSON string in canonical form. It does not ask
// whether records may hold the characters of s; see [CheckCanonical].
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		i := 0
		for i < len(s) && s[i] != '"' && s[i] != '\\' && s[i] >= 0x20 {
			i++
		}
		dst = append(dst, s[:i]...)
		if i == len(s) {
			return append(dst, '"')
		}
		dst = appendEscape(dst, s[i])
		s = s[i+1:]
	}
}

// appendEscape writes as RFC 8785 does, control characters included, though
// no record holds these.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, `\b`...)
	case '\t':
		return append(dst, `\t`...)
	case '\n':
		return append(dst, `\n`...)
	case '\f':
		return append(dst, `\f`...)
	case '\r':
		return append(dst, `\r`...)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
