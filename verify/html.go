package verify

import (
	"bytes"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/raasledger/raasledger/attribution/record"
)

// A Page is what is told of one bundle to people who read no terminal.
type Page struct {
	Report  *Report
	Case    *Case    // of a case bundle that is not refused, else nil
	Tracing *Tracing // of the bundle of a case that is not refused, else nil

	tell *teller // of Case
}

// ReadPage verifies a bundle and gathers what a page tells of it. Of a bundle
// that is refused that is the report alone. The error means that it could not
// be checked.
func ReadPage(r io.Reader, o Options) (*Page, error) {
	o.behind = &listing{most: mostListed}
	c, report, err := ReadCase(r, o)
	if err != nil {
		return nil, err
	}
	p := &Page{Report: report, Case: c}
	if c == nil {
		return p, nil
	}
	f, err := c.Facts()
	if err != nil {
		return nil, err
	}
	what, id := record.SplitChain(c.Of)
	if what != "case" {
		id = ""
	}
	p.tell = newTeller(f, id, c.Size, c.Opened)
	if what == "case" {
		if p.Tracing, err = c.Trace(""); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// WriteHTML writes one HTML page that needs nothing else: no script, no font,
// no picture, no network. It is well-formed XML too. All that comes from the
// bundle is text in it, with characters that would act or deceive shown as
// escapes.
func (p *Page) WriteHTML(w io.Writer) error {
	h := &page{}
	title := p.title()
	h.add(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>%s</title>
<style>%s</style>
</head>
<body>
<h1>%s</h1>
`, title, markup(pageStyle), title)
	p.writeVerdict(h)
	switch {
	case p.Report.Verdict == Refused:
	case p.Case != nil:
		p.writeCase(h)
	default:
		p.writeStatements(h)
	}
	p.writeChecks(h)
	p.writeNotChecked(h)
	p.writeNotClaimed(h)
	p.writeDigests(h)
	p.writeAllTests(h)
	h.add("</body>\n</html>\n")
	_, err := w.Write(h.b.Bytes())
	return err
}

// A markup is text of our own that stands in the page as it is.
type markup string

// A page is one that is being written.
type page struct{ b bytes.Buffer }

// add writes markup with arguments: numbers and markup as they are, all else
// as escaped text. The format is never from a bundle.
func (h *page) add(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case int, int64, float64, markup:
		default:
			args[i] = escaped(fmt.Sprint(a))
		}
	}
	fmt.Fprintf(&h.b, format, args...)
}

// escaped is text for a page, in an attribute's quotes too.
func escaped(s string) string { return html.EscapeString(plain(s)) }

// title says what the bundle is about. Of a refused one nothing is repeated
// that it says of itself.
func (p *Page) title() string {
	switch {
	case p.Report.Verdict == Refused:
		return "Report on a bundle that is refused"
	case p.Case != nil:
		what, id := record.SplitChain(p.Case.Of)
		if id == "" {
			return "Report on the standing records of " + p.Report.Origin
		}
		return "Report on " + what + " " + id
	}
	return "Report on the statements of " + p.Report.Origin
}

// writeVerdict writes what it comes to, before all else.
func (p *Page) writeVerdict(h *page) {
	r := p.Report
	class, head, text := "refused", "REFUSED", "Do not rely on anything in this file. At least one check failed: the file is damaged, was changed, or contradicts itself or what you hold. "+
		"So this page shows no amount, no case and no finding from it. Ask whoever gave you the file for another one, and keep this one."
	switch r.Verdict {
	case Verified:
		class, head, text = "verified", "Verified", "Every check that applies to this file passed."
	case Unproven:
		class, head, text = "unproven", "Not proven", "Nothing in this file contradicts, but something that was asked for is not shown. What is missing stands below; until it is shown, do not treat this page as proof."
	}
	h.add("<section class=\"verdict %s\">\n<h2>%s</h2>\n<p>%s</p>\n", markup(class), head, text)
	for _, c := range r.Checks {
		if c.Result == Failed || c.Result == Unproven && r.Verdict == Unproven {
			h.add("<p><b>%s</b> %s: %s</p>\n", c.Name, resultWord(c.Result), c.Text)
		}
	}
	h.add("</section>\n")
	if r.Verdict == Refused {
		if r.Origin != "" {
			h.add("<p>The file says that it is of the ledger <code>%s</code>, at size %d.</p>\n", r.Origin, r.Size)
		}
		return
	}
	h.add("<table class=\"facts\">\n")
	fact := func(name, text string) { h.add("<tr><th>%s</th><td>%s</td></tr>\n", name, text) }
	fact("Ledger", fmt.Sprintf("%s, with %s at that moment", r.Origin, many(r.Size, "record")))
	if a := r.Agreement; a != nil {
		fact("Agreement", fmt.Sprintf("%s, version %d", a.Title, a.Version))
		for _, party := range a.Parties {
			signed := "has not signed it, as far as is shown"
			if slices.Contains(a.Signed, party.ID) {
				signed = "has signed it"
			}
			fact("", fmt.Sprintf("%s: %s (%s), %s", roleWord(party.Role), party.Name, party.ID, signed))
		}
	}
	if c := r.Case; c != nil {
		fact("Completeness", c.words()+"; "+map[bool]string{
			true:  "the client, who recomputes the ledger, has countersigned this state of it.",
			false: "that nothing is left out is the operator's word alone: the client has not countersigned this state of the ledger.",
		}[c.Complete])
	} else {
		fact("Amounts", r.Amounts)
	}
	fact("Fixed history", fixedWords(r.History))
	if r.Now != 0 {
		fact("Made at", moment(r.Now)+", by the clock of who made this page")
	}
	h.add("</table>\n")
}

// fixedWords say to whom the vendor can not show another history.
func fixedWords(h History) string {
	switch {
	case h.Client && h.Third:
		return "The client and a third party have countersigned this history: the vendor can not show another one to either."
	case h.Client:
		return "The client has countersigned this history: the vendor can not show it another one. No third party has countersigned."
	case h.Third:
		return "A third party has countersigned this history: the vendor can not show it another one. The client has not countersigned."
	}
	return "Neither the client nor a third party has countersigned this history: two readers may be shown two."
}

// moment is a time for people.
func moment(t record.Time) string { return bare(t) + " UTC" }

// bare is a time where UTC is said beside it.
func bare(t record.Time) string {
	s := strings.Replace(t.String(), "T", " ", 1)
	return strings.TrimSuffix(strings.TrimSuffix(s, "Z"), ".000")
}

// writeChecks writes what was checked, and how each check came out.
func (p *Page) writeChecks(h *page) {
	h.add("<section>\n<h2>What was checked</h2>\n<table class=\"grid\">\n<thead><tr><th>Check</th><th>Question</th><th>Result</th><th>What was found</th></tr></thead>\n<tbody>\n")
	for _, c := range p.Report.Checks {
		text := c.Text
		if p.Report.Verdict == Refused && c.Name == checkNames[statements] && c.Result == Passed {
			text = "the figures are not shown, since the file is refused"
		}
		h.add("<tr class=\"%s\"><td>%s</td><td>%s</td><td><b>%s</b></td><td>%s", markup(resultClass(c.Result)), c.Name, checkQuestion(c.Name), resultWord(c.Result), text)
		for _, more := range c.More {
			h.add("<br />%s", more)
		}
		if rest := c.Count - int64(len(c.More)) - 1; rest > 0 {
			h.add("<br />and %d more", rest)
		}
		h.add("</td></tr>\n")
	}
	h.add("</tbody>\n</table>\n</section>\n")
}

// writeNotChecked writes what nobody should think was checked.
func (p *Page) writeNotChecked(h *page) {
	r := p.Report
	h.add("<section>\n<h2>What was not checked</h2>\n<ul>\n")
	for _, c := range r.Checks {
		if c.Result == NotPresent || c.Result == Unproven {
			h.add("<li><b>%s</b>, %s: %s</li>\n", c.Name, resultWord(c.Result), c.Text)
		}
	}
	if r.Verdict != Refused {
		for i := range r.Withheld {
			if i == shownWithheld {
				h.add("<li>and %d more pieces of evidence that are not in the file</li>\n", int64(len(r.Withheld)-i)+r.WithheldMore)
				break
			}
			w := &r.Withheld[i]
			h.add("<li>Evidence of record %d, %s: not in the file, so nobody looked at it</li>\n", w.N, w.called())
		}
	}
	for _, k := range r.Unverified {
		h.add("<li>The signature by %s: its key is none of those relied on</li>\n", k)
	}
	if r.Verdict != Refused {
		h.add("<li>Whether the records tell the truth. They are what each side wrote down at the time; that nobody changed them since is what was checked.</li>\n")
	}
	h.add("</ul>\n</section>\n")
}

// writeNotClaimed writes what does not follow from the page.
func (p *Page) writeNotClaimed(h *page) {
	claims := NotClaimed
	switch {
	case p.Report.Verdict == Refused:
		claims = []string{
			"who changed the file, and why: a damaged copy is refused like a forged one",
			"that the ledger itself is wrong: another copy of it may be whole",
			"who is liable in law",
		}
	case p.Case == nil:
		claims = []string{
			"who is liable in law, or what a court would award: amounts follow from the records by the agreed terms, and from nothing else",
			"that the records are true: what contradicts other records is found, what was never recorded is not",
			"that anything was paid",
		}
	}
	h.add("<section>\n<h2>What is not claimed</h2>\n<p>This page does not say:</p>\n<ul>\n")
	for _, c := range claims {
		h.add("<li>%s</li>\n", c)
	}
	h.add("</ul>\n</section>\n")
}

// writeDigests writes who signed, and by what another person can tell that
// they hold the same files.
func (p *Page) writeDigests(h *page) {
	r := p.Report
	h.add("<section>\n<h2>Signatures and digests</h2>\n<table class=\"facts\">\n")
	fact := func(name string, text string) { h.add("<tr><th>%s</th><td><code>%s</code></td></tr>\n", name, text) }
	for _, s := range r.Signatures {
		text := s.Key
		if s.Kind == "cosignature" {
			text += " at " + unix(s.Time)
		}
		fact("Signed, "+s.Role, text)
	}
	if r.Root != "" {
		fact("Root", r.Root)
	}
	if r.Since != nil {
		fact("Held before", fmt.Sprintf("size %d, root %s", r.Since.Size, r.Since.Root))
	}
	for _, d := range []struct{ noun, hex string }{{"Bundle", r.Bundle}, {"Policy", r.Policy}, {"Verifier", r.Verifier}} {
		text := d.hex
		if text == "" {
			text = "not known"
			if d.noun == "Bundle" {
				text = "not known, since the file was not read to its end"
			}
		}
		fact(d.noun+", SHA-256", text)
	}
	h.add("</table>\n<p class=\"small\">The bundle is the file that was checked, the policy says whose keys were relied on, the verifier is the program that made this page. "+
		"Who has the same three, the same checkpoint from before and the same clock comes to the same result.</p>\n<p class=\"small\">%s</p>\n</section>\n", r.Result())
}
