package verify

import (
	"fmt"

	"github.com/raasledger/raasledger/attribution/fee"
)

// behindOf is the place of what stands behind a line of the statement, or behind
// a correction of one, -1 where no record does.
func (s *Statement) behindOf(line string, version int64, period string) int {
	for i := range s.Behind {
		if b := &s.Behind[i]; b.Line == line && b.Version == version && b.Period == period && shows(b) {
			return i
		}
	}
	return -1
}

// shows reports whether there is anything to show behind it.
func shows(b *fee.Backing) bool {
	for i := range b.Measures {
		if m := &b.Measures[i]; m.Count > 0 || m.StandIn != "" {
			return true
		}
	}
	return false
}

// writeBehind lists the records behind the lines, the first ones of each
// measure.
func writeBehind(h *page, s *Statement) {
	first := true
	for i := range s.Behind {
		b := &s.Behind[i]
		if !shows(b) {
			continue
		}
		if first {
			h.add("<h3>The records behind the lines</h3>\n<p class=\"small\">At most %d of each measure are listed here; <code>raasverify explain</code> with <code>--all</code> lists every one.</p>\n", mostListed)
			first = false
		}
		h.add("<table class=\"grid small\" id=\"behind-%d-%d\">\n<thead><tr><th class=\"n\">No.</th><th>Time</th><th>%s</th></tr></thead>\n<tbody>\n", s.N, i, upper(backingWords(b)))
		row := func(no, at, text string) {
			h.add("<tr><td class=\"n\">%s</td><td class=\"nowrap\">%s</td><td>%s</td></tr>\n", no, at, text)
		}
		for j := range b.Measures {
			m := &b.Measures[j]
			h.add("<tr><td></td><td></td><td><b>%s</b></td></tr>\n", upper(measuredWords(m)))
			if m.StandIn != "" {
				row("", "", upper(m.StandIn))
			}
			if hidden := hiddenWords(m, s.start); hidden != "" {
				row("", "", hidden)
			}
			for k := range m.Sources {
				x := &m.Sources[k]
				row(fmt.Sprint(x.N), bare(x.At), x.Words()+beforeWords(x, s.start))
				for _, line := range x.Credit {
					row("", "", line)
				}
			}
			if more := m.Count - m.Hidden - int64(len(m.Sources)); more > 0 {
				row("", "", fmt.Sprintf("and %s", many(more, "more "+m.Noun)))
			}
		}
		h.add("</tbody>\n</table>\n")
	}
}
