package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/attribution/responsibility"
)

// A graph is who granted, decided, reviewed and acted: the records of a case
// and the grants they rest on, a lane for each of these, time downwards.
type graph struct {
	nodes   []*node
	lanes   []int    // that have nodes, of the lanes below
	parties []string // by tint
	rows    int
	left    int // nodes that are not drawn
	tell    *teller
}

// A node is one record.
type node struct {
	r         *record.Record
	lane, row int
	from      []*node        // what it refers to, unless one of these leads there
	above     map[*node]bool // all that it rests on
	cited     bool           // by a finding that is not open
}

// The lanes, from left to right.
const (
	laneGranted = iota
	laneKnown
	laneDecided
	laneReviewed
	laneActed
	laneAfter
)

var laneNames = [...]string{"Granted", "Known", "Decided", "Reviewed", "Acted", "Afterwards"}

// laneName is what stands above a lane: that of reviews may have handoffs, to
// whoever is to review.
func (g *graph) laneName(lane int) string {
	if lane != laneReviewed {
		return laneNames[lane]
	}
	handed, reviewed := false, false
	for _, n := range g.nodes {
		handed = handed || n.r.Kind == record.KindHandoff
		reviewed = reviewed || n.r.Kind == record.KindReview
	}
	switch {
	case handed && reviewed:
		return "Handed on, reviewed"
	case handed:
		return "Handed on"
	}
	return laneNames[lane]
}

// maxNodes is how many records are drawn; the timeline has them all.
const maxNodes = 80

// tints tell the parties apart; their names are written too.
var tints = []string{"#dcebfa", "#fbe8cf", "#e2f3dd", "#f0e1f5", "#f9dfe2", "#e4e7ea"}

// laneOf is the lane of a record, -1 if it is not drawn.
func laneOf(r *record.Record) int {
	switch r.Body.(type) {
	case *record.Grant:
		return laneGranted
	case *record.Input, *record.Measurement:
		return laneKnown
	case *record.Decision:
		return laneDecided
	case *record.Handoff, *record.Review:
		return laneReviewed
	case *record.Action:
		return laneActed
	case *record.Outcome, *record.Confirm, *record.Reverse, *record.Dispute, *record.Resolve, *record.Demand, *record.Disclose, *record.Erase, *record.Incident, *record.Revoke:
		return laneAfter
	}
	return -1
}

// graph is that of the case, nil where there is nothing to draw.
func (p *Page) graph() *graph {
	byID := map[string]*record.Record{}
	for _, r := range p.Case.Records {
		byID[r.ID] = r
	}
	in := map[string]bool{}
	for _, r := range p.Case.Records {
		if r.Case != p.Tracing.Case {
			continue
		}
		in[r.ID] = true
		for _, ref := range record.References(r) {
			if to := byID[ref.ID]; to != nil && to.Case == "" {
				in[ref.ID] = true
			}
		}
		for id := grantOf(r); id != "" && byID[id] != nil; {
			in[id] = true
			b, ok := byID[id].Body.(*record.Grant)
			if !ok || in[b.Parent] {
				break
			}
			id = b.Parent
		}
	}
	cited := map[int64]bool{}
	for _, a := range p.Tracing.Answers {
		for _, f := range a.Findings {
			for _, e := range f.Evidence {
				cited[e.N] = cited[e.N] || f.Status != responsibility.Undeterminable
			}
		}
	}
	g := &graph{tell: p.tell}
	nodes := map[string]*node{}
	for _, r := range p.Case.Records {
		lane := laneOf(r)
		if !in[r.ID] || lane < 0 {
			continue
		}
		if len(g.nodes) == maxNodes {
			g.left++
			continue
		}
		n := &node{r: r, lane: lane, above: map[*node]bool{}, cited: cited[r.Log.N]}
		var named []*node
		for _, ref := range record.References(r) {
			if to := nodes[ref.ID]; to != nil && !slices.Contains(named, to) {
				named = append(named, to)
				maps.Copy(n.above, to.above)
			}
		}
		for _, to := range named {
			if !n.above[to] {
				n.from = append(n.from, to)
			}
		}
		for _, to := range named {
			n.above[to] = true
		}
		nodes[r.ID] = n
		g.nodes = append(g.nodes, n)
	}
	if len(g.nodes) == 0 {
		return nil
	}
	g.place()
	return g
}

// place gives each node a row: below the last of its lane, and not above what
// it refers to.
func (g *graph) place() {
	next := [len(laneNames)]int{}
	for _, n := range g.nodes {
		n.row = next[n.lane]
		for _, from := range n.from {
			row := from.row
			if from.lane >= n.lane {
				row++
			}
			n.row = max(n.row, row)
		}
		next[n.lane] = n.row + 1
		g.rows = max(g.rows, n.row+1)
		if !slices.Contains(g.lanes, n.lane) {
			g.lanes = append(g.lanes, n.lane)
		}
		if !slices.Contains(g.parties, n.r.By) {
			g.parties = append(g.parties, n.r.By)
		}
	}
	slices.Sort(g.lanes)
	slices.Sort(g.parties)
}

// Sizes of the drawing, in units of its view box.
const (
	boxWidth, boxHeight = 158, 62
	gapWidth, gapHeight = 46, 26
	headHeight          = 34
)

func (g *graph) x(n *node) int { return 4 + slices.Index(g.lanes, n.lane)*(boxWidth+gapWidth) }
func (n *node) y() int         { return headHeight + n.row*(boxHeight+gapHeight) }

func (g *graph) tint(party string) markup {
	return markup(tints[slices.Index(g.parties, party)%len(tints)])
}

func (g *graph) write(h *page) {
	width := 8 + len(g.lanes)*(boxWidth+gapWidth) - gapWidth
	height := headHeight + g.rows*(boxHeight+gapHeight) - gapHeight + 8
	h.add("<section>\n<h2>Who granted, decided, reviewed and acted</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"The records of the case and what each rests on\" style=\"max-width: %dpx\">\n", width, height, width)
	for i, lane := range g.lanes {
		x := 4 + i*(boxWidth+gapWidth)
		h.add("<rect x=\"%d\" y=\"0\" width=\"%d\" height=\"%d\" fill=\"#f6f7f8\" /><text x=\"%d\" y=\"20\" font-size=\"14\" font-weight=\"600\" text-anchor=\"middle\">%s</text>\n",
			x-4, boxWidth+8, height, x+boxWidth/2, g.laneName(lane))
	}
	for _, n := range g.nodes {
		for i, from := range n.from {
			g.arrow(h, from, n, i)
		}
	}
	for _, n := range g.nodes {
		g.box(h, n)
	}
	h.add("</svg>\n<p class=\"small\">Time runs downwards. An arrow leads from a record to one that names it, which rests on it or speaks of it; where others lie between, by way of these. A thick frame: a finding cites the record. Written by:")
	for _, party := range g.parties {
		h.add(" <span class=\"nowrap\" style=\"background: %s; border: 1px solid #8a939b; padding: 0 .4em\">%s</span>", g.tint(party), fit(party, 40))
	}
	h.add("</p>\n")
	if g.left > 0 {
		h.add("<p><b>%d more records are not drawn.</b> The list above has them all.</p>\n", g.left)
	}
	h.add("</section>\n")
}

// box draws a node: what it is, who wrote it, what it says.
func (g *graph) box(h *page, n *node) {
	x, y := g.x(n), n.y()
	stroke := markup("1")
	if n.cited {
		stroke = "3"
	}
	h.add("<g><title>%s</title><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" fill=\"%s\" stroke=\"#1c2126\" stroke-width=\"%s\" />",
		fmt.Sprintf("No. %d, %s %s by %s at %s: %s", n.r.Log.N, n.r.Kind, n.r.ID, who(n.r), moment(n.r.At), g.tell.inShort(n.r)), x, y, boxWidth, boxHeight, g.tint(n.r.By), stroke)
	second, third := who(n.r), inShort(n.r.Body)
	switch b := n.r.Body.(type) {
	case *record.Grant:
		second, third = b.Grantor+" to "+b.Grantee, strings.Join(b.Actions, ", ")
		if b.LimitEach != "" {
			third += " up to " + string(b.LimitEach)
		}
	case *record.Decision:
		second, third = b.Agent+" of "+n.r.By, ""
		if q := b.Proposes; q != nil {
			third = strings.TrimSpace(q.Action + " " + string(q.Amount))
		}
	case *record.Action:
		third = strings.TrimSpace(b.Action + " " + string(b.Amount) + " " + b.Currency)
		if b.Status != "executed" {
			third = b.Status + ": " + third
		}
	case *record.Review:
		third = b.Verdict + ", " + g.tell.took(n.r, b).drawn
	case *record.Handoff:
		third = "to " + b.To
		if b.Decision != "" && g.tell.answered(n.r, b) == nil {
			third += ", unanswered"
		}
	}
	h.add("<text x=\"%d\" y=\"%d\" font-size=\"12\" font-weight=\"600\">%s</text>", x+8, y+18, fit(words(string(n.r.Kind))+" "+n.r.ID, 21))
	h.add("<text x=\"%d\" y=\"%d\" font-size=\"11.5\">%s</text>", x+8, y+35, fit(second, 24))
	h.add("<text x=\"%d\" y=\"%d\" font-size=\"11.5\">%s</text></g>\n", x+8, y+52, fit(third, 24))
}

// arrow draws what leads from one node to the i-th... of another: straight
// between neighbours, else through the gaps between rows and lanes.
func (g *graph) arrow(h *page, from, to *node, i int) {
	spread := 5 * (i % 4)
	x1, y1, x2, y2 := g.x(from)+boxWidth, from.y()+boxHeight/2, g.x(to), to.y()+14+8*(i%5)
	lanes := slices.Index(g.lanes, to.lane) - slices.Index(g.lanes, from.lane)
	path := fmt.Sprintf("M%d %d", x1, y1)
	tip := -7
	switch {
	case lanes == 1: // through the gap between them
		path += fmt.Sprintf("H%dV%dH%d", x2-14-spread, y2, x2)
	case lanes > 1: // along the gap above the row
		path += fmt.Sprintf("H%dV%dH%dV%dH%d", x1+8+spread, to.y()-4-spread, x2-10-spread, y2, x2)
	case lanes == 0: // down beside the lane
		path = fmt.Sprintf("M%d %dH%dV%dH%d", g.x(from), y1, x2-10-spread, y2, x2)
		if g.x(from) < 10 { // there is no gap beside the first
			path = fmt.Sprintf("M%d %dV%d", g.x(from)+boxWidth/2+spread, from.y()+boxHeight, to.y())
			h.add("<path d=\"%s\" fill=\"none\" stroke=\"#5b6670\" stroke-width=\"1.3\" /><path d=\"M%d %dl-4 -7h8z\" fill=\"#5b6670\" />\n", markup(path), g.x(from)+boxWidth/2+spread, to.y())
			return
		}
	default: // back to the left, into the right side
		x2, tip = g.x(to)+boxWidth, 7
		path = fmt.Sprintf("M%d %dH%dV%dH%dV%dH%d", g.x(from), y1, g.x(from)-10-spread, to.y()-4-spread, x2+10+spread, y2, x2)
	}
	h.add("<path d=\"%s\" fill=\"none\" stroke=\"#5b6670\" stroke-width=\"1.3\" /><path d=\"M%d %dl%d -4v8z\" fill=\"#5b6670\" />\n", markup(path), x2, y2, tip)
}

// fit cuts a text to a width in letters of the common kind. What would act or
// deceive is made visible before it is cut, so that it cannot be cut to
// something that does.
func fit(s string, width int) string {
	s = plain(s)
	used := 0
	for i, r := range s {
		if used += breadth(r); used > 2*width {
			_, last := utf8.DecodeLastRuneInString(s[:i]) // makes room for the sign that something is missing
			return strings.TrimSpace(s[:i-last]) + "…"
		}
	}
	return s
}

// breadth is how wide a character is, about, in halves of a common letter.
func breadth(r rune) int {
	switch {
	case r >= 'A' && r <= 'Z', strings.ContainsRune("mw<>=+~%@&#", r):
		return 3
	case r >= 0x1100: // East Asia, and whatever is not known
		return 4
	}
	return 2
}
