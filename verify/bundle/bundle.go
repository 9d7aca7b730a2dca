// Package bundle reads and writes bundles: one file that carries what is to
// be verified. It decides integrity alone (who signed, nothing removed,
// reordered or added); to it a record is a line of bytes.
//
// A bundle is JSON Lines, described in docs/bundle.md:
//
//	{"checkpoint":["vendor.example/c17","1","WG…=","","— vendor.example/c17 o6…=="],"frontier":[],"kind":"replay","origin":"vendor.example/c17","raasledger":"bundle/v1","records":1,"start":0,"state":0}
//	{"at":"2026-03-01T00:00:00.000Z","body":{…},"by":"vendor",…}
//	{"end":{"lines":2,"records":1,"sha256":"9b…"}}
//
// Every line has one form: what is read is written again and compared.
package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/raasledger/raasledger/merkle"
)

// Format is the version of the format, KindReplay and KindCase the kinds of
// bundles: a stretch of the ledger, and one matter of it, complete.
const (
	Format     = "bundle/v1"
	KindReplay = "replay"
	KindCase   = "case"
)

// Bounds of the format, all in one place. Lengths of lines are without the
// line end.
const (
	maxHeaderBytes     = 2*merkle.MaxNoteBytes + 8<<10 // each octet of the note may need an escape
	maxStateBytes      = 128 << 10                     // a line holds the terms, whole
	maxStateTotalBytes = 256 << 20                     // of a million live results and more; read, they take several times that
	maxStateLines      = 2 << 20
	maxRecordBytes     = 65535 // of tlog-tiles
	maxRefBytes        = maxRecordBytes + 4097
	maxDisclosureBytes = 65535
	maxNameBytes       = 128
	maxChainLineBytes  = 8 << 10
	maxPlaceBytes      = 4 << 10 // of a consistency line, too
	maxConsistency     = 64
	maxCaseTotalBytes  = 256 << 20 // of the records of a case bundle, all of which are kept
	maxCaseLines       = 1 << 20   // records of a case bundle, and chains
	maxEndBytes        = 256
	maxLineBytes       = maxHeaderBytes

	// ChunkBytes is the length of every chunk of an attachment but the last,
	// SaltBytes that of the salt in front of its content.
	ChunkBytes = 48 << 10
	SaltBytes  = 32
)

// A Header is the first line of a bundle.
type Header struct {
	Kind       string // replay or case
	Origin     string // that of the checkpoint
	Records    int64  // at least 1
	Checkpoint []byte // the signed note

	// Of a replay bundle.
	Start      int64         // index of the first record
	Frontier   []merkle.Hash // of the tree of the first Start records
	StateLines int64         // 0 exactly if Start is 0

	// Of a case bundle.
	Of     string // the chain that is asked for, such as case/T-1
	Chains int64  // chain lines, at least 1
}

// The beginnings of the lines that are not records. No record begins so: its
// first key is actor or at.
const (
	beginHeader = `{"checkpoint":`
	beginRef    = `{"proof":`
	beginChain  = `{"chain":`
	beginPlace  = `{"n":`

	beginConsistency = `{"consistency":`

	beginDisclosure = `{"disclosure":`
	beginChunk      = `{"attachment":`
	beginEnd        = `{"end":`
)

// An end is the last line.
type end struct {
	Lines   int64  `json:"lines"`
	Records int64  `json:"records"`
	SHA256  string `json:"sha256"`
}

// marshal returns the line of h. It is for a header that check has accepted.
func (h *Header) marshal() []byte {
	b := []byte(beginHeader + "[")
	note := bytes.TrimSuffix(h.Checkpoint, []byte("\n"))
	for i, line := range bytes.Split(note, []byte("\n")) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, string(line))
	}
	b = append(b, ']')
	if h.Kind == KindReplay {
		b = append(b, `,"frontier":`...)
		b = appendHashes(b, h.Frontier)
	}
	b = append(b, `,"kind":`...)
	b = appendText(b, h.Kind)
	if h.Kind == KindCase {
		b = append(b, `,"of":`...)
		b = appendText(b, h.Of)
	}
	b = append(b, `,"origin":`...)
	b = appendText(b, h.Origin)
	b = append(b, `,"raasledger":`...)
	b = appendText(b, Format)
	b = append(b, `,"records":`...)
	b = strconv.AppendInt(b, h.Records, 10)
	if h.Kind == KindReplay {
		b = append(b, `,"start":`...)
		b = strconv.AppendInt(b, h.Start, 10)
		b = append(b, `,"state":`...)
		b = strconv.AppendInt(b, h.StateLines, 10)
	} else {
		b = append(b, `,"shown":`...)
		b = strconv.AppendInt(b, h.Chains, 10)
	}
	return append(b, '}')
}

// check holds the rules of the header, and returns its parsed note.
func (h *Header) check() (merkle.Note, error) {
	switch h.Kind {
	case KindReplay, KindCase:
	default:
		return merkle.Note{}, fmt.Errorf("kind is %q, want %q or %q", h.Kind, KindReplay, KindCase)
	}
	note, err := merkle.ParseNote(h.Checkpoint)
	if err != nil {
		return merkle.Note{}, fmt.Errorf("checkpoint: %w", err)
	}
	switch {
	case h.Origin != note.Checkpoint.Origin:
		return merkle.Note{}, fmt.Errorf("origin is %q, the checkpoint's is %q", h.Origin, note.Checkpoint.Origin)
	case h.Records < 1:
		return merkle.Note{}, fmt.Errorf("records is %d, want at least 1", h.Records)
	case h.Kind == KindCase:
		return note, h.checkCase(note.Checkpoint.Size)
	case h.Of != "" || h.Chains != 0:
		return merkle.Note{}, errors.New("of and shown are of case bundles alone")
	case h.Start < 0 || h.Start >= merkle.MaxSize:
		return merkle.Note{}, fmt.Errorf("start is %d, want 0 to %d", h.Start, int64(merkle.MaxSize)-1)
	case h.StateLines < 0 || h.StateLines > maxStateLines:
		return merkle.Note{}, fmt.Errorf("state is %d, want 0 to %d lines", h.StateLines, maxStateLines)
	case (h.Start == 0) != (h.StateLines == 0):
		return merkle.Note{}, fmt.Errorf("start is %d with %d state lines, want both 0 or neither", h.Start, h.StateLines)
	case h.Records > merkle.MaxSize-h.Start:
		return merkle.Note{}, fmt.Errorf("start %d and %d records end beyond %d", h.Start, h.Records, int64(merkle.MaxSize))
	}
	if _, err := merkle.NewFrontier(h.Start, h.Frontier); err != nil {
		return merkle.Note{}, err
	}
	return note, nil
}

// checkCase holds the rules of the header of a case bundle.
func (h *Header) checkCase(size int64) error {
	switch {
	case checkChain(h.Of) != nil:
		return fmt.Errorf("of: %v", checkChain(h.Of))
	case h.Records > min(size, maxCaseLines):
		return fmt.Errorf("records is %d, want at most %d", h.Records, min(size, maxCaseLines))
	case h.Chains < 1 || h.Chains > maxCaseLines:
		return fmt.Errorf("shown is %d, want 1 to %d", h.Chains, maxCaseLines)
	case h.Start != 0 || h.Frontier != nil || h.StateLines != 0:
		return errors.New("start, frontier and state are of replay bundles alone")
	}
	return nil
}

// parseHeader accepts exactly what marshal writes.
func parseHeader(line []byte) (Header, error) {
	var raw struct {
		Checkpoint []string `json:"checkpoint"`
		Frontier   []string `json:"frontier"`
		Kind       string   `json:"kind"`
		Origin     string   `json:"origin"`
		Format     string   `json:"raasledger"`
		Records    int64    `json:"records"`
		Start      int64    `json:"start"`
		State      int64    `json:"state"`
		Of         string   `json:"of"`
		Shown      int64    `json:"shown"`
	}
	if !bytes.HasPrefix(line, []byte(beginHeader)) {
		return Header{}, fmt.Errorf("not a bundle: begins with %q, want %q", line[:min(len(line), len(beginHeader))], beginHeader)
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return Header{}, fmt.Errorf("header is not JSON of the right types: %v", err)
	}
	if raw.Format != Format {
		return Header{}, fmt.Errorf("format is %q, want %q", raw.Format, Format)
	}
	h := Header{Kind: raw.Kind, Origin: raw.Origin, Start: raw.Start, StateLines: raw.State, Records: raw.Records, Of: raw.Of, Chains: raw.Shown}
	for _, text := range raw.Frontier {
		hash, err := merkle.ParseHash(text)
		if err != nil {
			return Header{}, fmt.Errorf("frontier: %w", err)
		}
		h.Frontier = append(h.Frontier, hash)
	}
	for _, text := range raw.Checkpoint {
		h.Checkpoint = append(append(h.Checkpoint, text...), '\n')
	}
	if _, err := h.check(); err != nil {
		return Header{}, err
	}
	return h, canonical(line, h.marshal())
}

func marshalRef(record []byte, proof []merkle.Hash) []byte {
	b := appendHashes([]byte(beginRef), proof)
	b = append(b, `,"ref":`...)
	b = append(b, record...)
	return append(b, '}')
}

func parseRef(line []byte) (record []byte, proof []merkle.Hash, err error) {
	var raw struct {
		Proof []string        `json:"proof"`
		Ref   json.RawMessage `json:"ref"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, nil, fmt.Errorf("ref is not JSON of the right types: %v", err)
	}
	if proof, err = parseHashes(raw.Proof); err != nil {
		return nil, nil, err
	}
	if err := checkVerbatim(raw.Ref, '{', maxRecordBytes); err != nil {
		return nil, nil, fmt.Errorf("ref: record %w", err)
	}
	return raw.Ref, proof, canonical(line, marshalRef(raw.Ref, proof))
}

func marshalDisclosure(text string) []byte {
	return append(appendText([]byte(beginDisclosure), text), '}')
}

func parseDisclosure(line []byte) (string, error) {
	var raw struct {
		Disclosure string `json:"disclosure"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return "", fmt.Errorf("disclosure is not JSON of the right types: %v", err)
	}
	if err := checkDisclosure(raw.Disclosure); err != nil {
		return "", err
	}
	return raw.Disclosure, canonical(line, marshalDisclosure(raw.Disclosure))
}

func checkDisclosure(text string) error {
	if text == "" || len(text) > maxDisclosureBytes {
		return fmt.Errorf("disclosure has %d characters, want 1 to %d", len(text), maxDisclosureBytes)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != text {
		return fmt.Errorf("disclosure is not base64url without padding")
	}
	return nil
}

func marshalChunk(name string, chunk []byte) []byte {
	b := appendText([]byte(beginChunk), name)
	b = append(b, `,"chunk":"`...)
	b = base64.StdEncoding.AppendEncode(b, chunk)
	return append(b, `"}`...)
}

func parseChunk(line []byte) (name string, chunk []byte, err error) {
	var raw struct {
		Attachment string `json:"attachment"`
		Chunk      string `json:"chunk"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return "", nil, fmt.Errorf("chunk is not JSON of the right types: %v", err)
	}
	if err := checkName(raw.Attachment); err != nil {
		return "", nil, err
	}
	if most := base64.StdEncoding.EncodedLen(ChunkBytes); len(raw.Chunk) > most {
		return "", nil, fmt.Errorf("chunk has %d characters, at most %d", len(raw.Chunk), most)
	}
	chunk, err = base64.StdEncoding.Strict().DecodeString(raw.Chunk)
	if err != nil {
		return "", nil, fmt.Errorf("chunk is not base64")
	}
	return raw.Attachment, chunk, canonical(line, marshalChunk(raw.Attachment, chunk))
}

// checkName holds what is asked of the name of an attachment: no control
// characters, and no bytes that are no text, nor what stands for them.
func checkName(name string) error {
	if name == "" || len(name) > maxNameBytes {
		return fmt.Errorf("attachment name has %d bytes, want 1 to %d", len(name), maxNameBytes)
	}
	for _, r := range name {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return fmt.Errorf("attachment name %q is not plain text", name)
		}
	}
	return nil
}

func (e end) marshal() []byte {
	return fmt.Appendf(nil, `{"end":{"lines":%d,"records":%d,"sha256":"%s"}}`, e.Lines, e.Records, e.SHA256)
}

func parseEnd(line []byte) (end, error) {
	var raw struct {
		End end `json:"end"`
	}
	if err := json.Unmarshal(line, &raw); err != nil {
		return end{}, fmt.Errorf("end line is not JSON of the right types: %v", err)
	}
	if n := len(raw.End.SHA256); n != 2*sha256.Size {
		return end{}, fmt.Errorf("end line: sha256 has %d digits, want %d", n, 2*sha256.Size)
	}
	return raw.End, canonical(line, raw.End.marshal())
}

// canonical refuses a line that is not written in the one form there is.
func canonical(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	return fmt.Errorf("not in canonical form at column %d: got %q, want %q", at+1, excerpt(got, at), excerpt(want, at))
}

func excerpt(b []byte, at int) []byte { return b[at:min(len(b), at+20)] }

func appendHashes(b []byte, hashes []merkle.Hash) []byte {
	b = append(b, '[')
	for i, h := range hashes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, h.String()...)
		b = append(b, '"')
	}
	return append(b, ']')
}

// appendText appends a JSON string. Quotes and backslashes alone are escaped:
// control characters, which would need it too, have no place in a bundle, and
// unescaped they are no JSON.
func appendText(b []byte, text string) []byte {
	b = append(b, '"')
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, text[i])
	}
	return append(b, '"')
}
