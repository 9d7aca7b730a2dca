package terms

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/raasledger/raasledger/attribution/record"
	"github.com/raasledger/raasledger/merkle"
)

// The state lines of a Standing are canonical JSON arrays that begin with
// their type:
//
//	["agreement",version,n,digest,agreed,history,nonce,terms]
//	["author",fingerprint,seq,digest]            the last record of a key
//	["clock",last log time,latest instant]
//	["key",fingerprint,key,party,holder,n,in force from,revoked by n or -1,revoked from or ""]
//	["ledger",origin,log key]
//
// They stand in any order; a standing has one ledger line and one clock line
// as soon as it has a version.

// IsLine reports whether a state line is one of a Standing.
func IsLine(line []byte) bool {
	for _, prefix := range []string{`["agreement",`, `["author",`, `["clock",`, `["key",`, `["ledger",`} {
		if bytes.HasPrefix(line, []byte(prefix)) {
			return true
		}
	}
	return false
}

// AppendLines appends the standing's canonical state lines (unsorted, without newlines); ReadLine takes them back.
func (s *Standing) AppendLines(lines [][]byte) [][]byte {
	if len(s.versions) == 0 {
		return lines
	}
	lines = append(lines, s.clockLine(), s.ledgerLine())
	for i := range s.versions {
		lines = append(lines, s.versions[i].line())
	}
	for fingerprint, k := range s.keys {
		lines = append(lines, k.line(fingerprint))
	}
	for fingerprint, h := range s.authors {
		lines = append(lines, h.line(fingerprint))
	}
	return lines
}

// A lineWriter writes one array.
type lineWriter []byte

func newLine(name string) lineWriter { return record.AppendString(lineWriter{'['}, name) }

func (w lineWriter) text(s string) lineWriter { return record.AppendString(append(w, ','), s) }

func (w lineWriter) integer(i int64) lineWriter { return strconv.AppendInt(append(w, ','), i, 10) }

func (w lineWriter) end() []byte { return append(w, ']') }

func (s *Standing) clockLine() []byte {
	return newLine("clock").text(s.last.String()).text(s.latest.String()).end()
}

func (s *Standing) ledgerLine() []byte {
	return newLine("ledger").text(s.origin).text(s.logKey).end()
}

func (v *Version) line() []byte {
	w := newLine("agreement").integer(v.Number).integer(v.N).text(string(v.Digest))
	w = strconv.AppendBool(append(w, ','), v.Agreed)
	w = w.text(v.History).text(v.nonce)
	return append(append(w, ','), v.Terms.Marshal()...).end()
}

func (k *enrolled) line(fingerprint string) []byte {
	from := ""
	if k.revoked >= 0 {
		from = k.revokedFrom.String()
	}
	return newLine("key").text(fingerprint).text(k.text).text(k.party).text(k.holder).integer(k.n).text(k.from.String()).integer(k.revoked).text(from).end()
}

func (h head) line(fingerprint string) []byte {
	return newLine("author").text(fingerprint).integer(h.seq).text(string(h.digest)).end()
}

// ReadLine takes a state line back. It accepts exactly what AppendLines
// writes, in any order and none twice. [Standing.Complete] says whether all
// are there.
func (s *Standing) ReadLine(line []byte) error {
	v, err := record.ParseCanonical(line)
	if err != nil {
		return fmt.Errorf("state line is not canonical JSON: %v", err)
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return fmt.Errorf("state line is %s, want a list", describe(v))
	}
	r := &lineReader{list: list[1:]}
	name, _ := list[0].(string)
	var again []byte
	var accept func()
	switch name {
	case "agreement":
		again, accept, err = s.readVersion(r)
	case "author":
		fingerprint, h := r.text(), head{seq: r.integer()}
		h.digest = r.digest()
		if _, ok := s.authors[fingerprint]; ok {
			err = fmt.Errorf("stands twice for %s", fingerprint)
		} else if h.seq < 0 {
			err = fmt.Errorf("seq is %d", h.seq)
		}
		again, accept = h.line(fingerprint), func() { s.authors[fingerprint] = h }
	case "clock":
		read := Standing{last: r.time(), latest: r.time()}
		if s.started {
			err = fmt.Errorf("stands twice")
		}
		again, accept = read.clockLine(), func() { s.last, s.latest, s.started = read.last, read.latest, true }
	case "key":
		again, accept, err = s.readKey(r)
	case "ledger":
		read := Standing{origin: r.text(), logKey: r.text()}
		log, keyErr := merkle.ParseVerifierKey(read.logKey)
		switch {
		case s.origin != "":
			err = fmt.Errorf("stands twice")
		case keyErr != nil:
			err = keyErr
		case log.Kind() != merkle.KindLog || log.Name() != read.origin:
			err = fmt.Errorf("key is a %s key named %s, want a log key named %s", log.Kind(), log.Name(), read.origin)
		}
		again, accept = read.ledgerLine(), func() { s.origin, s.logKey = read.origin, read.logKey }
	default:
		return fmt.Errorf("state line has the type %s, which no standing has", describe(list[0]))
	}
	if err == nil {
		err = r.end()
	}
	if err == nil && !bytes.Equal(again, line) {
		err = fmt.Errorf("is not what the state writes")
	}
	if err != nil {
		return fmt.Errorf("state line %s: %v", name, err)
	}
	accept()
	return nil
}

func (s *Standing) readVersion(r *lineReader) (again []byte, accept func(), err error) {
	v := Version{Number: r.integer(), N: r.integer(), Digest: r.digest(), Agreed: r.truth(), History: r.text(), nonce: r.text()}
	tree := r.next()
	if err := r.err; err != nil {
		return nil, nil, err
	}
	if v.Number < 1 || v.N < 0 || v.History != "" && v.History != "adopt" && v.History != "exclude" {
		return nil, nil, fmt.Errorf("version %d is record %d with history %q", v.Number, v.N, v.History)
	}
	text, err := record.Canonical(tree)
	if err != nil {
		return nil, nil, err
	}
	t, mistakes := Parse(text)
	if t == nil {
		first, _ := firstMistake(mistakes)
		return nil, nil, fmt.Errorf("terms: %v", first)
	}
	v.Terms = t
	i, found := slices.BinarySearchFunc(s.versions, v.Number, func(v Version, n int64) int { return cmp.Compare(v.Number, n) })
	if found {
		return nil, nil, fmt.Errorf("version %d stands twice", v.Number)
	}
	return v.line(), func() { s.versions = slices.Insert(s.versions, i, v) }, nil
}

func (s *Standing) readKey(r *lineReader) (again []byte, accept func(), err error) {
	fingerprint := r.text()
	k := &enrolled{text: r.text(), party: r.text(), holder: r.text(), n: r.integer(), from: r.time(), revoked: r.integer()}
	if k.revoked >= 0 {
		k.revokedFrom = r.time()
	} else if from := r.text(); from != "" || k.revoked != -1 || k.n < 0 {
		return nil, nil, fmt.Errorf("is of record %d, revoked from %q by record %d", k.n, from, k.revoked)
	}
	if r.err != nil {
		return nil, nil, r.err
	}
	if k.pub, err = record.ParsePublicKey(k.text); err != nil {
		return nil, nil, err
	}
	if got := record.Fingerprint(k.pub); got != fingerprint {
		return nil, nil, fmt.Errorf("fingerprint is %s, want %s", fingerprint, got)
	}
	if _, ok := s.keys[fingerprint]; ok {
		return nil, nil, fmt.Errorf("%s stands twice", fingerprint)
	}
	return k.line(fingerprint), func() { s.keys[fingerprint] = k }, nil
}

// Complete reports whether the lines that were read make up a standing: all
// versions from 1 on with what no version changes, the ledger, the clock, and a key for each author. A
// standing that was not read is complete.
func (s *Standing) Complete() error {
	if len(s.versions) == 0 {
		if s.origin != "" || s.started || len(s.keys) > 0 || len(s.authors) > 0 {
			return fmt.Errorf("state has no agreement line")
		}
		return nil
	}
	if s.origin == "" {
		return fmt.Errorf("state has no ledger line")
	}
	if !s.started {
		return fmt.Errorf("state has no clock line")
	}
	for i := range s.versions {
		if v := &s.versions[i]; v.Number != int64(i)+1 {
			return fmt.Errorf("state has version %d, want %d", v.Number, i+1)
		}
	}
	for i := 1; i < len(s.versions); i++ {
		// Beside the one before it alone, so that the work grows with the lines.
		if mistakes := CheckAmendment(s.versions[i-1:i], s.versions[i].Terms); len(mistakes) > 0 {
			return fmt.Errorf("state has version %d with %v", i+1, mistakes[0])
		}
	}
	for fingerprint := range s.authors {
		if s.keys[fingerprint] == nil {
			return fmt.Errorf("state has author %s without its key", fingerprint)
		}
	}
	return nil
}

// A lineReader takes the elements of an array one by one. The first mistake
// stays.
type lineReader struct {
	list []any
	err  error
}

func (r *lineReader) next() any {
	if len(r.list) == 0 {
		if r.err == nil {
			r.err = fmt.Errorf("ends too early")
		}
		return nil
	}
	v := r.list[0]
	r.list = r.list[1:]
	return v
}

func (r *lineReader) fail(v any, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("got %s, want %s", describe(v), want)
	}
}

func (r *lineReader) text() string {
	v := r.next()
	s, ok := v.(string)
	if !ok {
		r.fail(v, "text")
	}
	return s
}

func (r *lineReader) integer() int64 {
	v := r.next()
	i, ok := v.(int64)
	if !ok {
		r.fail(v, "an integer")
	}
	return i
}

func (r *lineReader) truth() bool {
	v := r.next()
	b, ok := v.(bool)
	if !ok {
		r.fail(v, "true or false")
	}
	return b
}

func (r *lineReader) time() record.Time {
	s := r.text()
	t, err := record.ParseTime(s)
	if err != nil && r.err == nil {
		r.err = err
	}
	return t
}

func (r *lineReader) digest() record.Digest {
	s := r.text()
	d, err := record.ParseDigest(s)
	if err != nil && r.err == nil {
		r.err = err
	}
	return d
}

func (r *lineReader) end() error {
	if r.err == nil && len(r.list) > 0 {
		r.err = fmt.Errorf("has %d elements too many", len(r.list))
	}
	return r.err
}
