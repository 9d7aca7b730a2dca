package command

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/raasledger/raasledger/attribution/record"
)

// MaxLineBytes bounds a line of people's JSON: twice the longest record, for
// spaces and spelled-out characters.
const MaxLineBytes = 131072

// Canonical rewrites strict JSON as people write it (any order of names,
// spaces, any spelling of characters, but no name twice) in canonical form.
// Numbers stay as they are written: a number that is not in canonical form
// would lose digits, and is for the parser of the record to refuse.
func Canonical(line []byte) ([]byte, error) {
	v := jsontext.Value(bytes.Clone(line))
	if err := v.Canonicalize(jsontext.CanonicalizeRawInts(false), jsontext.CanonicalizeRawFloats(false)); err != nil {
		return nil, errors.New(jsonReason(err))
	}
	return v, nil
}

// jsonReason is the reason of a syntax error and its place, without the
// library's name.
func jsonReason(err error) string {
	s, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return err.Error()
	}
	reason := strings.TrimPrefix(s.Err.Error(), "jsontext: ")
	if s.JSONPointer != "" {
		return fmt.Sprintf("%s at byte %d, in %s", reason, s.ByteOffset, s.JSONPointer)
	}
	return fmt.Sprintf("%s at byte %d", reason, s.ByteOffset)
}

// ParseLine reads one record of people's JSON. A record that carries
// signatures must be in canonical form, as it was signed; what the ledger
// assigns must be absent.
func ParseLine(line []byte) (*record.Record, error) {
	canonical, err := Canonical(line)
	if err != nil {
		return nil, err
	}
	r, err := record.Parse(canonical)
	if err != nil {
		return nil, err
	}
	if r.Log != nil {
		return nil, errors.New(`has "log", which the ledger assigns`)
	}
	if len(r.Sigs) > 0 && !bytes.Equal(line, canonical) {
		return nil, errors.New("carries signatures and is not in canonical form, as it was signed")
	}
	return r, nil
}
