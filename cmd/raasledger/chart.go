package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/raasledger/raasledger/attribution/exact"
)

// letters are what a bar is drawn with: one for each full place, one for a
// place of what is below 0, and those for a begun place, in equal steps.
type letters struct {
	full, below string
	begun       []string
}

var (
	blockLetters = letters{"█", "▒", []string{"▏", "▎", "▍", "▌", "▋", "▊", "▉"}}
	asciiLetters = letters{"#", "-", nil}
)

// chartLetters are the block elements where the locale is in UTF-8, as the
// terminal's then is, and ASCII elsewhere.
func chartLetters() letters {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if value := os.Getenv(name); value != "" {
			value = strings.ReplaceAll(strings.ToUpper(value), "-", "")
			if strings.Contains(value, "UTF8") {
				return blockLetters
			}
			return asciiLetters
		}
	}
	return asciiLetters
}

const defaultWidth = 80

// terminalWidth is how many columns the terminal has that w is.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return defaultWidth
}

// bar draws x, of most, in at most width places.
func (l letters) bar(x, most exact.Rat, width int) string {
	share, ok := x.Abs().Quo(most)
	if !ok {
		return ""
	}
	steps := int64(len(l.begun) + 1)
	n, _ := share.Mul(exact.Int(int64(width)*steps)).Round(0, exact.HalfUp).Int64()
	letter := l.full
	if x.Sign() < 0 {
		letter, n = l.below, n/steps*steps
	}
	text := strings.Repeat(letter, int(n/steps))
	if rest := n % steps; rest > 0 {
		text += l.begun[rest-1]
	}
	return text
}

// writeChart draws the total of each period, a bar for each simulation.
func (x *comparison) writeChart(b *strings.Builder, blocks []block, width int, letters letters) {
	var most exact.Rat
	periodWidth, nameWidth, textWidth := 0, 0, 0
	for _, r := range x.runs {
		nameWidth = max(nameWidth, utf8.RuneCountInString(r.name))
	}
	for _, k := range blocks {
		if k.period == "" {
			continue
		}
		periodWidth = max(periodWidth, len(k.period))
		for _, c := range k.totals() {
			most = exact.Max(most, c.value.Abs())
			textWidth = max(textWidth, len(c.text))
		}
	}
	if periodWidth == 0 {
		return
	}
	const narrowest = 10
	places := max(narrowest, width-periodWidth-nameWidth-textWidth-6)
	fmt.Fprintf(b, "\ntotal by period, %s\n", x.currency)
	for _, k := range blocks {
		if k.period == "" {
			continue
		}
		period := k.period
		for i, c := range k.totals() {
			if !c.known {
				continue
			}
			pad := func(text string, width int) string {
				return text + strings.Repeat(" ", width-utf8.RuneCountInString(text))
			}
			line := pad(period, periodWidth) + "  " + pad(x.runs[i].name, nameWidth) + "  " + letters.bar(c.value, most, places)
			fmt.Fprintf(b, "%s %s\n", strings.TrimRight(line, " "), c.text)
			period = ""
		}
	}
}

// totals are the cells of the row of totals.
func (k *block) totals() []cell {
	for _, r := range k.rows {
		if r.what == "total" {
			return r.cells
		}
	}
	return nil
}
