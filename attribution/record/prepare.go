package record

import (
	"bytes"
	"crypto/sha256"
	"strconv"
)

// Content is the canonical bytes of r without log and sigs: what is signed,
// and what "same content" means.
func Content(r *Record) ([]byte, error) {
	c, err := r.encode(true)
	if err != nil {
		return nil, err
	}
	return c.buf, nil
}

// ContentDigest is the SHA-256 of Content(r).
func ContentDigest(r *Record) (Digest, error) {
	content, err := Content(r)
	if err != nil {
		return "", err
	}
	return Sum(content), nil
}

// AppendContent appends what [Content] returns for the record r that [Parse]
// read from line. Nothing is written again: it is the line without two members.
func AppendContent(dst []byte, r *Record, line []byte) []byte {
	if r.Log != nil {
		at := len(dst)
		dst = appendLog(dst, r.Log) // in no text are its quotes unescaped, and no body has such a member
		i, n := bytes.Index(line, dst[at:]), len(dst)-at
		dst = append(dst[:at], line[:i]...)
		line = line[i+n:]
	}
	if len(r.Sigs) > 0 {
		i := bytes.LastIndex(line, []byte(`,"sigs":{"`)) // only a text is behind it
		dst = append(dst, line[:i]...)
		line = line[i:]
		line = line[bytes.IndexByte(line, '}')+1:] // fingerprints and signatures have none
	}
	return append(dst, line...)
}

// A Prepared record is written but for what the ledger assigns. All that is
// costly can so be done by whoever appends, and the one goroutine that numbers
// the records only puts log into the line.
type Prepared struct {
	line         []byte // without log
	logAt        int    // where the member log belongs, with a comma before it
	sigs, sigEnd int    // the member sigs, with its comma
	sum          [sha256.Size]byte
	chains       []string
}

// Prepare writes r, whose Log is not looked at.
func Prepare(r *Record) (*Prepared, error) {
	bare := *r
	bare.Log = nil
	c, err := bare.encode(false)
	if err != nil {
		return nil, err
	}
	p := &Prepared{line: c.buf, logAt: c.logAt, sigs: c.sigs, sigEnd: c.sigEnd, chains: Chains(r)}
	h := sha256.New()
	h.Write(p.line[:p.sigs])
	h.Write(p.line[p.sigEnd:])
	h.Sum(p.sum[:0])
	return p, nil
}

// Line returns the line of the record before it has a log, as Marshal does.
// The caller must not change it.
func (p *Prepared) Line() []byte { return p.line }

// Sum returns the content digest as bytes.
func (p *Prepared) Sum() [sha256.Size]byte { return p.sum }

// Digest returns what [ContentDigest] returns.
func (p *Prepared) Digest() Digest { return digestOf(p.sum) }

// Chains returns what [Chains] returns. The caller must not change it.
func (p *Prepared) Chains() []string { return p.chains }

// AppendLine appends the line with log in it: what Marshal returns for the
// record with that Log. The log is the ledger's own, in its range and with the
// chains of the record; it is not looked over again.
func (p *Prepared) AppendLine(dst []byte, log *Log) []byte {
	dst = append(dst, p.line[:p.logAt]...)
	dst = appendLog(dst, log)
	return append(dst, p.line[p.logAt:]...)
}

// appendLog appends the member log with the comma before it. It cannot be the
// first: body, by and kind stand before it in every record.
func appendLog(dst []byte, log *Log) []byte {
	dst = append(dst, `,"log":{"chains":{`...)
	for i, k := range log.Chains {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '"')
		dst = append(dst, k.Chain...)
		dst = append(dst, '"', ':', '[')
		dst = strconv.AppendInt(dst, k.Ordinal, 10)
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, k.Prev, 10)
		dst = append(dst, ']')
	}
	dst = append(dst, `},"n":`...)
	dst = strconv.AppendInt(dst, log.N, 10)
	dst = append(dst, `,"time":"`...)
	dst = appendTime(dst, log.Time)
	return append(dst, '"', '}')
}
