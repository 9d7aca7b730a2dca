package verify

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/verify/bundle"
)

// An evidence follows the disclosures and attachments of one record.
type evidence struct {
	r     *record.Record
	name  string // of the attachment being read, "" between them
	sum   hash.Hash
	bytes int64

	committed, carried int64 // attachments
	sealed, disclosed  int64 // fields

	asked    []string        // what the verifier asks to be shown
	met      map[string]bool // of that, what records commit to
	shown    map[string]bool // of the record at hand: names and digests
	withheld []Withheld      // the first of them
	more     int64           // how many beyond these
	lacks    int64           // how many of all these are asked for
}

// maxWithheld is how many pieces of evidence that are not shown are named.
const maxWithheld = 1000

// begin takes the next record, and closes the one before.
func (e *evidence) begin(r *record.Record) {
	e.close()
	e.r = r
	if b, ok := r.Body.(*record.Erase); ok {
		e.erase(r, b)
	}
	e.committed += int64(len(r.Attach))
	e.sealed += int64(len(r.Sealed))
}

// disclose takes a disclosure of the record.
func (e *evidence) disclose(t *tally, text string) {
	e.disclosed++
	e.show(string(record.Sum([]byte(text))))
	if d := record.Sum([]byte(text)); !slices.Contains(e.r.Sealed, d) {
		t.fail("record %d: the disclosure with digest %s is not one of its %d sealed fields", e.r.Log.N, d, len(e.r.Sealed))
	}
}

// chunk takes a part of an attachment of the record.
func (e *evidence) chunk(it bundle.Item) {
	if it.First {
		e.name, e.bytes = it.Text, 0
		if e.sum == nil {
			e.sum = sha256.New()
		}
		e.sum.Reset()
	}
	e.sum.Write(it.Chunk)
	e.bytes += int64(len(it.Chunk))
}

// end compares the attachment that was read, if one was.
func (e *evidence) end(t *tally) {
	if e.name == "" {
		return
	}
	name := e.name
	e.name = ""
	e.carried++
	e.show(name)
	contentBytes := e.bytes - bundle.SaltBytes
	i := slices.IndexFunc(e.r.Attach, func(a record.Attachment) bool { return a.Name == name })
	if i < 0 {
		t.fail("record %d: attachment %q is carried, and the record has none of that name", e.r.Log.N, name)
		return
	}
	a := e.r.Attach[i]
	if a.Size != contentBytes {
		t.fail("record %d: attachment %q has %d bytes, want %d", e.r.Log.N, name, contentBytes, a.Size)
	}
	var sum [sha256.Size]byte
	e.sum.Sum(sum[:0])
	if want, ok := a.Digest.Bytes(); !ok || want != sum {
		t.fail("record %d: attachment %q has the digest sha256:%x, want %s", e.r.Log.N, name, sum, a.Digest)
	}
}

func (e *evidence) show(name string) {
	if e.shown == nil {
		e.shown = map[string]bool{}
	}
	e.shown[name] = true
}

// close notes what the record before committed to and did not show.
func (e *evidence) close() {
	r := e.r
	e.r = nil
	if r == nil {
		return
	}
	for _, a := range r.Attach {
		if asked := e.asks(a.Name, string(a.Digest)); !e.shown[a.Name] {
			e.withhold(Withheld{N: r.Log.N, Record: r.ID, Name: a.Name, Digest: a.Digest, Erased: -1}, asked)
		}
	}
	for _, d := range r.Sealed {
		// Its name is sealed, too: it can be asked for by its digest alone.
		if asked := e.asks(string(d)); !e.shown[string(d)] {
			e.withhold(Withheld{N: r.Log.N, Record: r.ID, Digest: d, Erased: -1}, asked)
		}
	}
	clear(e.shown)
}

// asks reports whether what has these names is asked for.
func (e *evidence) asks(names ...string) bool {
	asked := false
	for _, x := range e.asked {
		if x == "all" || slices.Contains(names, x) {
			asked = true
			if e.met == nil {
				e.met = map[string]bool{}
			}
			e.met[x] = true
		}
	}
	return asked
}

func (e *evidence) withhold(w Withheld, asked bool) {
	if w.Asked = asked; asked {
		e.lacks++
	}
	if len(e.withheld) == maxWithheld {
		e.more++
		return
	}
	e.withheld = append(e.withheld, w)
}

// erase marks what an erase record by the operator covers. Of others it says
// what became of their own copies.
func (e *evidence) erase(r *record.Record, b *record.Erase) {
	if r.Author != nil {
		return
	}
	for i := range e.withheld {
		w := &e.withheld[i]
		if w.Record != b.Of || w.N >= r.Log.N || !b.Covers(w.Name, w.Digest) {
			continue
		}
		switch now := record.StateAfter(w.State, b.State); now {
		case w.State:
		case "":
			w.Erased, w.State = -1, ""
		default:
			w.Erased, w.State = r.Log.N, now
		}
	}
}

// called is what the report calls it.
func (w *Withheld) called() string {
	s := fmt.Sprintf("attachment %q", w.Name)
	if w.Name == "" {
		s = "sealed field " + string(w.Digest)
	}
	if w.Erased >= 0 {
		s += fmt.Sprintf(", %s by record %d", w.State, w.Erased)
	}
	return s
}

// endEvidence judges what was shown and what was not. Withholding is no fault:
// a bundle is made for a reader, and evidence may be erased.
func (v *verifier) endEvidence() {
	e, t := &v.evidence, &v.checks[attachments]
	e.close()
	v.report.Withheld, v.report.WithheldMore = e.withheld, e.more
	withheld := int64(len(e.withheld)) + e.more
	erased := int64(0)
	for i := range e.withheld {
		if e.withheld[i].Erased >= 0 {
			erased++
		}
	}
	rest := ""
	if withheld > 0 {
		rest = fmt.Sprintf("; %d withheld", withheld-erased)
		if erased > 0 {
			rest += fmt.Sprintf(", %d erased or restricted", erased)
		}
	}
	if e.carried+e.disclosed > 0 {
		t.passed = fmt.Sprintf("%d of %s, %d of %s carried, as committed%s", e.carried, many(e.committed, "attachment"), e.disclosed, many(e.sealed, "sealed field"), rest)
	} else {
		t.absent = fmt.Sprintf("none carried; the records commit to %s and %s", many(e.committed, "attachment"), many(e.sealed, "sealed field"))
		if erased > 0 {
			t.absent += rest
		}
	}
	for _, x := range e.asked {
		if x != "all" && !e.met[x] {
			t.lack("%q is asked for, and no record commits to evidence of that name", x)
		}
	}
	lacked := t.lacked + e.lacks
	for i := range e.withheld {
		if w := &e.withheld[i]; w.Asked {
			t.lack("record %d: %s is asked for and not shown", w.N, w.called())
		}
	}
	if e.lacks > 0 && t.lacks == nil {
		t.lack("%s asked for and not shown, none among the first %d withheld", many(e.lacks, "piece"), maxWithheld)
	}
	t.lacked = lacked
}

// A Withheld is evidence that a record commits to and the bundle does not
// show.
type Withheld struct {
	N      int64 // of the record
	Record string
	Name   string // of an attachment; "" of a sealed field
	Digest record.Digest
	Asked  bool   // the reader asked for it
	Erased int64  // the erase record by the operator that covers it, -1
	State  string // by that: erased, or restricted
}

// shownWithheld is how many pieces the text names; the JSON has them all.
const shownWithheld = 20

func (r *Report) writeWithheld(line func(format string, args ...any)) {
	for i := range r.Withheld {
		if i == shownWithheld {
			line("withheld     %-18s and %d more", "", int64(len(r.Withheld)-i)+r.WithheldMore)
			break
		}
		w := &r.Withheld[i]
		line("withheld     %-18s %s", fmt.Sprintf("record %d", w.N), w.called())
	}
}

type jsonWithheld struct {
	N      int64         `json:"n"`
	Record string        `json:"record"`
	Name   string        `json:"name,omitempty"`
	Digest record.Digest `json:"digest"`
	Asked  bool          `json:"asked,omitempty"`
	Erased *int64        `json:"erased_by,omitempty"`
	State  string        `json:"state,omitempty"`
}

func (r *Report) jsonWithheld() []jsonWithheld {
	var all []jsonWithheld
	for _, w := range r.Withheld {
		j := jsonWithheld{N: w.N, Record: w.Record, Name: w.Name, Digest: w.Digest, Asked: w.Asked, State: w.State}
		if w.Erased >= 0 {
			j.Erased = &w.Erased
		}
		all = append(all, j)
	}
	return all
}
