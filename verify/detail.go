package verify

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/raasledger/raasledger/attribution/record"
)

// A list of details, of which those that say nothing are left out.
type details []Detail

func (d *details) add(name, text string) {
	if text != "" {
		*d = append(*d, Detail{clipped(name, mostInRow), clipped(text, mostInDetail)})
	}
}

func (d *details) time(name string, t record.Time) {
	if t != 0 {
		d.add(name, moment(t))
	}
}

// rest is a text that stands in the row, where it is too long for that.
func (d *details) rest(name, text string) {
	if utf8.RuneCountInString(plain(text)) > mostInRow {
		d.add(name, text)
	}
}

// outside is what a record commits to by its digest alone.
func (d *details) outside(name string, digest record.Digest) {
	if digest != "" {
		d.add(name, "kept outside, "+string(digest))
	}
}

// each adds the first of n things of a noun, and how many there are beyond.
func (d *details) each(n int, noun string, add func(i int)) {
	for i := range min(n, mostTold) {
		add(i)
	}
	if n > mostTold {
		d.add("", "and "+many(int64(n-mostTold), "more "+noun))
	}
}

// details is all that a record says and its row does not, and what other
// records say of it.
func (w *teller) details(r *record.Record) []Detail {
	var d details
	switch b := r.Body.(type) {
	case *record.Agreement:
		d.add("history", b.History)
		d.add("terms", plural(int64(len(b.Terms)), "byte", "bytes")+" of terms, which stand in the record")
	case *record.Key:
		d.add("key", b.Key)
		d.time("from", b.Effective)
		d.add("in place of", b.Prev)
	case *record.Grant:
		w.grant(&d, b)
	case *record.Revoke:
		d.time("from", b.Effective)
		d.rest("because", b.Reason)
	case *record.Config:
		d.outside("prompt", b.Prompt)
		d.outside("tools", b.Tools)
		d.outside("policy", b.Policy)
		d.outside("knowledge", b.Knowledge)
		d.outside("sampling", b.Sampling)
	case *record.Input:
		d.time("as of", b.AsOf)
		d.rest("flags", strings.Join(b.Flags, " "))
		d.facts("field", b.Fields)
	case *record.Decision:
		w.decision(&d, b)
	case *record.Action:
		d.add("effect", map[bool]string{true: b.Effect + ", can be undone", false: b.Effect}[b.Reversible])
		d.add("key", b.Key)
		d.add("seen by", b.ObservedBy)
		d.rest("because", b.Reason)
	case *record.Handoff:
		d.rest("because", b.Reason)
		d.add("about", b.Decision)
		d.add("shown", orNone(b.Shown, "it does not say what"))
		d.add("deadline", map[bool]string{true: "none", false: moment(b.Deadline)}[b.Deadline == 0])
		d.add("nonce", b.Nonce)
		d.add("answer", w.answer(r, b).full)
	case *record.Review:
		w.review(&d, r, b)
	case *record.Measurement:
		d.add("measured", moment(b.From)+" to "+moment(b.Until))
		d.add("method", b.Method)
		d.facts("field", b.Fields)
		d.outside("population", b.Population)
		d.add("computed from", several(b.Sources))
	case *record.Outcome:
		d.facts("claimed", b.Facts)
	case *record.Confirm:
		d.rest("because", b.Reason)
	case *record.Dispute:
		d.rest("ground", b.Ground)
		d.add("at stake", string(b.Amount))
		d.add("sought", b.Remedy)
		d.facts("as claimed", b.Claimed)
	case *record.Resolve:
		if b.Field != "" {
			d.add("holds", fmt.Sprintf("%s of %s is %q", b.Field, b.About, b.Value))
		}
	case *record.Adjust:
		d.rest("because", b.Reason)
		d.add("rests on", several(b.Findings))
	case *record.Statement:
		d.add("for", moment(b.From)+" to "+moment(b.Until)+", closed "+moment(b.Closing))
	case *record.Demand:
		d.add("deadline", moment(b.Deadline))
		d.add("answer", w.answerTo(r, b).full)
	case *record.Disclose:
		var of *record.Record
		if x := w.find(b.Demand); x != nil {
			if m, ok := x.Body.(*record.Demand); ok {
				of = w.find(m.Of)
			}
		}
		d.add("hands over", w.evidence(of, b.Digest))
	case *record.Erase:
		w.erase(&d, b)
	case *record.Incident:
		d.time("discovered", b.Discovered)
		d.rest("about", several(b.About))
		d.rest("what", b.Text)
		d.each(len(b.Notified), "person told", func(i int) { d.add("told", b.Notified[i].Who+" at "+moment(b.Notified[i].At)) })
	}
	w.held(&d, r)
	return d
}

// facts adds named values.
func (d *details) facts(name string, facts record.Facts) {
	d.each(len(facts), "field", func(i int) { d.add(name+" "+facts[i].Name, valueWords(facts[i].Value)) })
}

// valueWords is a value as it stands; nothing is told as "".
func valueWords(v record.Value) string {
	switch {
	case v.IsBool && v.Bool:
		return "true"
	case v.IsBool:
		return "false"
	case v.Text == "":
		return `""`
	}
	return v.Text
}

// orNone is a list, or what it means that there is none.
func orNone(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return several(list)
}

func (w *teller) grant(d *details, b *record.Grant) {
	d.add("run by", b.Operator)
	d.rest("actions", several(b.Actions))
	d.rest("resources", several(b.Resources))
	switch b.Delegable {
	case 0:
		d.add("passing on", "not allowed")
	default:
		d.add("passing on", plural(b.Delegable, "time", "times"))
	}
	if len(b.Escalate) > mostBounds {
		d.each(len(b.Escalate), "bound", func(i int) { d.add("a human first", "if "+boundary(b.Escalate[i])) })
	}
	switch b.OnTimeout {
	case "block":
		d.add("if none answers", "it may not go on")
	case "proceed":
		d.add("if none answers", "it may go on")
	}
	d.add("tier", b.Tier)
}

func (w *teller) decision(d *details, b *record.Decision) {
	d.add("model", b.ModelReported)
	d.add("inputs", orNone(b.Inputs, "none is named"))
	d.each(len(b.DependsOn), "field", func(i int) { d.add("depends on", w.field(b.DependsOn[i].Ref, b.DependsOn[i].Field)) })
	d.each(len(b.Claims), "claim", func(i int) {
		c := &b.Claims[i]
		text, from := "states no value", "supported by nothing"
		if c.Value != "" {
			text = fmt.Sprintf("%q", plain(c.Value))
		}
		if len(c.Support) > 0 {
			var of []string
			for _, s := range c.Support {
				of = append(of, w.field(s.Ref, s.Field))
			}
			from = "from " + several(of)
		}
		d.add("claim "+c.ID, fmt.Sprintf("%s, %s, %s", text, map[bool]string{true: "material", false: "not material"}[c.Material], from))
	})
	d.each(len(b.Checks), "check", func(i int) {
		c := &b.Checks[i]
		text := fmt.Sprintf("%s %s %s, reported %s", w.operand(c.Left), c.Op, w.operand(c.Right), c.Result)
		if len(c.Blocks) > 0 {
			text += "; if it fails it blocks " + several(c.Blocks)
		}
		d.add("check "+c.ID, text)
	})
	if b.Confidence == "" {
		d.add("confidence", "not stated")
	}
	d.add("confidence", string(b.Confidence))
	d.outside("reasons", b.Reasons)
	d.outside("output", b.Output)
}

func (w *teller) review(d *details, r *record.Record, b *record.Review) {
	d.add("time taken", w.took(r, b).full)
	shown := orNone(b.Shown, "it does not say what")
	if h, _, _ := w.facts.Showing(r); h != nil {
		shown += fmt.Sprintf("; by handoff %s: %s", h.ID, orNone(h.Body.(*record.Handoff).Shown, "it does not say what"))
	}
	d.add("shown", shown)
	nonce := b.Nonce
	for _, x := range w.facts.About(b.Of, min(w.size, r.Log.N)) {
		if v, ok := x.Body.(*record.Review); ok && nonce != "" && v.Nonce == b.Nonce {
			nonce += fmt.Sprintf(", which review %s (record %d) named before", x.ID, x.Log.N)
		}
	}
	d.add("nonce", nonce)
	if b.Opened != 0 {
		d.add("opened", moment(b.Opened)+", by the word of "+r.By)
	}
	d.outside("reasons", b.Reasons)
}

func (w *teller) erase(d *details, b *record.Erase) {
	of := w.find(b.Of)
	if len(b.Scope) == 0 {
		d.add("what", "all evidence and sealed fields of "+b.Of)
	}
	d.each(len(b.Scope), "piece", func(i int) {
		text := "attachment " + b.Scope[i]
		if strings.HasPrefix(b.Scope[i], "sha256:") {
			text = w.evidence(of, record.Digest(b.Scope[i]))
		}
		d.add("what", text)
	})
	d.add("held by", several(b.Holders))
	d.add("confirmed by", orNone(b.Confirmed, "nobody else"))
}

// evidence says which evidence of a record has a digest.
func (w *teller) evidence(of *record.Record, digest record.Digest) string {
	if of == nil {
		return string(digest)
	}
	for _, a := range of.Attach {
		if a.Digest == digest {
			return fmt.Sprintf("attachment %s of %s", a.Name, of.ID)
		}
	}
	if !slices.Contains(of.Sealed, digest) {
		return fmt.Sprintf("%s, which is no evidence that %s commits to", digest, of.ID)
	}
	for _, o := range w.opened[of.ID] {
		if o.Digest == digest {
			return fmt.Sprintf("sealed field %s of %s", o.Field, of.ID)
		}
	}
	return fmt.Sprintf("a sealed field of %s, %s", of.ID, digest)
}

// held adds the evidence and the sealed fields of a record: what is shown of
// these, and what became of the others.
func (w *teller) held(d *details, r *record.Record) {
	d.each(len(r.Attach), "attachment", func(i int) {
		a := &r.Attach[i]
		text := many(a.Size, "byte")
		if a.Media != "" {
			text += ", " + a.Media
		}
		if a.Keep != 0 {
			text += ", to be kept until " + moment(a.Keep)
		}
		if gone := w.erased(r, a.Name, a.Digest); gone != "" {
			text += ", " + gone
		}
		d.add("evidence "+a.Name, text)
	})
	untold := int64(0)
	told := 0
	for _, digest := range r.Sealed {
		gone := w.erased(r, "", digest)
		i := slices.IndexFunc(w.opened[r.ID], func(o Opened) bool { return o.Digest == digest })
		switch {
		case i < 0 && gone == "", told == mostTold:
			untold++
			continue
		case i < 0:
			d.add("sealed field", gone)
		default:
			o := w.opened[r.ID][i]
			text := o.Value
			if text == "" {
				text = `""`
			}
			if gone != "" {
				text += ", " + gone
			}
			d.add("sealed "+o.Field, text)
		}
		told++
	}
	if untold > 0 {
		d.add("sealed", plural(untold, "field, not shown", "fields, not shown"))
	}
}

// erased says what became of evidence of a record by the erasures that cover
// it, "" if nothing did.
func (w *teller) erased(r *record.Record, name string, digest record.Digest) string {
	state, by := "", (*record.Record)(nil)
	for _, x := range w.facts.About(r.ID, w.size) {
		if b, ok := x.Body.(*record.Erase); ok && b.Covers(name, digest) {
			if next := record.StateAfter(state, b.State); next != state {
				state, by = next, x
			}
		}
	}
	if state == "" {
		return ""
	}
	return fmt.Sprintf("%s by %s (record %d, by %s)", state, by.ID, by.Log.N, by.By)
}

// operand is one side of a check.
func (w *teller) operand(o record.Operand) string {
	if o.Ref == "" {
		return o.Lit
	}
	return w.field(o.Ref, o.Field)
}

// field is a field of a record with its value, as far as that is shown.
func (w *teller) field(id, name string) string {
	place := id
	if name != "" {
		place = name + " of " + id
	}
	r := w.find(id)
	if r == nil {
		return place + " (no such record at hand)"
	}
	var facts record.Facts
	switch b := r.Body.(type) {
	case *record.Input:
		if facts = b.Fields; name == "" {
			return place
		}
	case *record.Measurement:
		if facts = b.Fields; name == "" && b.Value != "" {
			return fmt.Sprintf("%s (%s)", place, b.Value)
		}
	}
	if v, ok := facts.Get(name); ok {
		return fmt.Sprintf("%s (%s)", place, clipped(valueWords(v), mostInRow))
	}
	opened := w.opened[id]
	for _, o := range opened {
		if o.Field == name {
			return fmt.Sprintf("%s (%s)", place, clipped(o.Value, mostInRow))
		}
	}
	if len(r.Sealed) > len(opened) {
		return place + " (sealed, not shown)"
	}
	return place + " (no such field)"
}
