package capture

import (
	"fmt"
	"strings"
)

// maxPythonDepth is the deepest nesting of a Python literal.
const maxPythonDepth = 32

// checkPython reports whether text is one Python dict literal, as some agent
// frameworks print arguments: strings, numbers, True, False, None, lists,
// tuples and dicts. It is read only to refuse what is damaged; what is
// committed is the text as it stands.
func checkPython(text string) error {
	p := &python{text: text}
	p.space()
	if p.at >= len(text) || text[p.at] != '{' {
		return p.bad("want a dict in braces")
	}
	if err := p.value(0); err != nil {
		return err
	}
	p.space()
	if p.at < len(text) {
		return p.bad("want its end")
	}
	return nil
}

type python struct {
	text string
	at   int
}

func (p *python) bad(want string) error {
	got := "the end"
	if p.at < len(p.text) {
		got = fmt.Sprintf("%q", p.text[p.at:min(len(p.text), p.at+1)])
	}
	return fmt.Errorf("not a Python literal at byte %d: got %s, %s", p.at, got, want)
}

func (p *python) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// eat passes over c, and reports whether it was there.
func (p *python) eat(c byte) bool {
	p.space()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *python) value(depth int) error {
	if depth > maxPythonDepth {
		return p.bad(fmt.Sprintf("want at most %d deep", maxPythonDepth))
	}
	p.space()
	if p.at >= len(p.text) {
		return p.bad("want a value")
	}
	switch c := p.text[p.at]; {
	case c == '{':
		return p.elements('}', func() error {
			if err := p.value(depth + 1); err != nil {
				return err
			}
			if !p.eat(':') {
				return p.bad("want a colon")
			}
			return p.value(depth + 1)
		})
	case c == '[':
		return p.elements(']', func() error { return p.value(depth + 1) })
	case c == '(':
		return p.elements(')', func() error { return p.value(depth + 1) })
	case c == '\'' || c == '"':
		return p.quoted(c)
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, word := range []string{"True", "False", "None"} {
		if rest, ok := strings.CutPrefix(p.text[p.at:], word); ok && (rest == "" || strings.IndexByte(" \t\r\n,:]})", rest[0]) >= 0) {
			p.at += len(word)
			return nil
		}
	}
	return p.bad("want a value")
}

// elements passes over a bracket, what is in it and its end.
func (p *python) elements(end byte, element func() error) error {
	p.at++
	for !p.eat(end) {
		if err := element(); err != nil {
			return err
		}
		if p.eat(end) {
			return nil
		}
		if !p.eat(',') {
			return p.bad(fmt.Sprintf("want a comma or %q", end))
		}
	}
	return nil
}

func (p *python) quoted(quote byte) error {
	for p.at++; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case quote:
			p.at++
			return nil
		case '\\':
			p.at++
		case '\n':
			return p.bad("want the end of the string before the line's")
		}
	}
	p.at = len(p.text)
	return p.bad("want the end of the string")
}

func (p *python) number() error {
	if p.text[p.at] == '-' {
		p.at++
	}
	digits := func() bool {
		from := p.at
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			p.at++
		}
		return p.at > from
	}
	if !digits() {
		return p.bad("want a digit")
	}
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		digits() // 1. is a number
	}
	if p.at < len(p.text) && (p.text[p.at] == 'e' || p.text[p.at] == 'E') {
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		if !digits() {
			return p.bad("want a digit")
		}
	}
	return nil
}
