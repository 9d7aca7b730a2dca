package bundle

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/raasledger/raasledger/merkle"
)

// Bounds of a policy.
const (
	maxPolicyBytes   = 1 << 20
	maxPolicyEntries = 256 // of logs, of witnesses, of groups
)

// A Policy is whose keys a verifier relies on: a file in the form of C2SP
// tlog-policy. A checkpoint is valid under it if any one of its logs has
// signed it and its quorum has cosigned it.
type Policy struct {
	logs      []keyLine
	witnesses []keyLine
	defined   []definition // witnesses and groups, in the order of the file
	quorum    string       // of a witness or group, or none
	digest    string
}

// A keyLine is a log, or a witness, which has a name.
type keyLine struct {
	name string // of a witness
	key  merkle.VerifierKey
	url  string
}

// A definition is a witness, or a group when it has members.
type definition struct {
	name    string
	witness merkle.VerifierKey
	need    int // of the members
	members []int
	word    string // all, any or the number, as written
}

const none = "none"

// ParsePolicy reads a policy. Errors name the line.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicyBytes {
		return nil, fmt.Errorf("policy has %d bytes, at most %d", len(text), maxPolicyBytes)
	}
	sum := sha256.Sum256(text)
	p := &Policy{digest: hex.EncodeToString(sum[:])}
	number := 0
	for len(text) > 0 {
		number++
		line, rest, ok := bytes.Cut(text, []byte("\n"))
		if !ok {
			return nil, fmt.Errorf("policy line %d does not end with a line end", number)
		}
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("policy line %d: %w", number, err)
		}
		text = rest
	}
	if p.quorum == "" {
		return nil, errors.New("policy has no quorum line")
	}
	return p, nil
}

func (p *Policy) line(line []byte) error {
	for i, c := range line {
		if c != '\t' && (c < 0x20 || c == 0x7f) {
			return fmt.Errorf("octet 0x%02x at column %d is not allowed", c, i+1)
		}
	}
	items := strings.FieldsFunc(string(line), func(r rune) bool { return r == ' ' || r == '\t' })
	if len(items) == 0 || items[0][0] == '#' {
		return nil
	}
	word, items := items[0], items[1:]
	switch word {
	case "log":
		return p.log(items)
	case "witness":
		return p.witness(items)
	case "group":
		return p.group(items)
	case "quorum":
		return p.setQuorum(items)
	}
	return fmt.Errorf("begins with %q, want log, witness, group or quorum", word)
}

func (p *Policy) log(items []string) error {
	if len(items) != 1 && len(items) != 2 {
		return fmt.Errorf("log has %d items, want KEY [URL]", len(items))
	}
	l, err := newKeyLine("", merkle.KindLog, items)
	if err != nil {
		return err
	}
	p.logs, err = addKey("log", p.logs, l)
	return err
}

func (p *Policy) witness(items []string) error {
	if len(items) != 2 && len(items) != 3 {
		return fmt.Errorf("witness has %d items, want NAME KEY [URL]", len(items))
	}
	w, err := newKeyLine(items[0], merkle.KindCosignature, items[1:])
	if err != nil {
		return err
	}
	if p.witnesses, err = addKey("witness", p.witnesses, w); err != nil {
		return err
	}
	return p.define(definition{name: w.name, witness: w.key})
}

func newKeyLine(name string, kind merkle.Kind, items []string) (keyLine, error) {
	key, err := merkle.ParseVerifierKey(items[0])
	if err != nil {
		return keyLine{}, err
	}
	if key.Kind() != kind {
		return keyLine{}, fmt.Errorf("key %s is a %s key, want a %s key", items[0], key.Kind(), kind)
	}
	l := keyLine{name: name, key: key}
	if len(items) == 2 {
		l.url = items[1]
	}
	return l, nil
}

// addKey refuses a public key that is there already, whatever its name: it
// would be one signer counted twice.
func addKey(noun string, keys []keyLine, add keyLine) ([]keyLine, error) {
	if len(keys) == maxPolicyEntries {
		return keys, fmt.Errorf("more than %d %s lines", maxPolicyEntries, noun)
	}
	for _, l := range keys {
		if l.key.PublicKey().Equal(add.key.PublicKey()) {
			return keys, fmt.Errorf("%s key %s has the public key of %s", noun, add.key, l.key)
		}
		if l.key.Name() == add.key.Name() && l.key.KeyHash() == add.key.KeyHash() {
			return keys, fmt.Errorf("%s key %s has the id of %s", noun, add.key, l.key)
		}
	}
	return append(keys, add), nil
}

func (p *Policy) group(items []string) error {
	if len(items) < 3 {
		return fmt.Errorf("group has %d items, want NAME, all, any or a number, and MEMBERS", len(items))
	}
	if len(p.defined)-len(p.witnesses) == maxPolicyEntries {
		return fmt.Errorf("more than %d group lines", maxPolicyEntries)
	}
	g := definition{name: items[0], word: items[1]}
	for _, name := range items[2:] {
		i := p.find(name)
		if i < 0 {
			return fmt.Errorf("group %q has the member %q, which is not defined before it", g.name, name)
		}
		if slices.Contains(g.members, i) || p.isMember(i) {
			return fmt.Errorf("group %q has the member %q, which is a member already", g.name, name)
		}
		g.members = append(g.members, i)
	}
	switch g.word {
	case "all":
		g.need = len(g.members)
	case "any":
		g.need = 1
	default:
		k, err := strconv.Atoi(g.word)
		if err != nil || strconv.Itoa(k) != g.word || k < 1 || k > len(g.members) {
			return fmt.Errorf("group %q needs %q, want all, any or 1 to %d", g.name, g.word, len(g.members))
		}
		g.need = k
	}
	return p.define(g)
}

func (p *Policy) isMember(i int) bool {
	return slices.ContainsFunc(p.defined, func(d definition) bool { return slices.Contains(d.members, i) })
}

func (p *Policy) define(d definition) error {
	if d.name == none {
		return fmt.Errorf("%q cannot be defined", none)
	}
	if p.find(d.name) >= 0 {
		return fmt.Errorf("%q is defined already", d.name)
	}
	p.defined = append(p.defined, d)
	return nil
}

func (p *Policy) find(name string) int {
	return slices.IndexFunc(p.defined, func(d definition) bool { return d.name == name })
}

func (p *Policy) setQuorum(items []string) error {
	switch {
	case len(items) != 1:
		return fmt.Errorf("quorum has %d items, want a name or %s", len(items), none)
	case p.quorum != "":
		return errors.New("second quorum line")
	case items[0] != none && p.find(items[0]) < 0:
		return fmt.Errorf("quorum %q is not defined before it", items[0])
	}
	p.quorum = items[0]
	return nil
}

// String returns the policy without comments and with single spaces;
// [ParsePolicy] reads it back. Logs come first.
func (p *Policy) String() string {
	var b strings.Builder
	url := func(u string) {
		if u != "" {
			b.WriteString(" " + u)
		}
		b.WriteString("\n")
	}
	for _, l := range p.logs {
		b.WriteString("log " + l.key.String())
		url(l.url)
	}
	for _, d := range p.defined {
		if d.members == nil {
			w := p.witnesses[slices.IndexFunc(p.witnesses, func(w keyLine) bool { return w.name == d.name })]
			b.WriteString("witness " + w.name + " " + w.key.String())
			url(w.url)
			continue
		}
		b.WriteString("group " + d.name + " " + d.word)
		for _, i := range d.members {
			b.WriteString(" " + p.defined[i].name)
		}
		b.WriteString("\n")
	}
	b.WriteString("quorum " + p.quorum + "\n")
	return b.String()
}

// Digest returns the SHA-256 of the policy's text in hexadecimal.
func (p *Policy) Digest() string { return p.digest }

// Quorum returns the name in the quorum line; it is none where no cosignature
// is asked for.
func (p *Policy) Quorum() string { return p.quorum }

// Logs returns the keys of the logs whose name is origin.
func (p *Policy) Logs(origin string) []merkle.VerifierKey {
	var keys []merkle.VerifierKey
	for _, l := range p.logs {
		if l.key.Name() == origin {
			keys = append(keys, l.key)
		}
	}
	return keys
}

// Witnesses returns the keys of the witnesses.
func (p *Policy) Witnesses() []merkle.VerifierKey {
	keys := make([]merkle.VerifierKey, len(p.witnesses))
	for i, w := range p.witnesses {
		keys[i] = w.key
	}
	return keys
}

// WitnessName returns the name of the witness with the key, "" if there is
// none.
func (p *Policy) WitnessName(k merkle.VerifierKey) string {
	if i := slices.IndexFunc(p.witnesses, func(w keyLine) bool { return w.key == k }); i >= 0 {
		return p.witnesses[i].name
	}
	return ""
}

// An Opened is a checkpoint with what its signature lines are worth under a
// policy.
type Opened struct {
	merkle.Checkpoint
	Logs       []merkle.VerifierKey // that signed it, at least one
	Witnesses  []Cosignature        // of the policy's witnesses
	False      []string             // keys of witnesses whose line does not verify
	Unverified []string             // keys that the policy does not have
}

// A Cosignature is a verified one.
type Cosignature struct {
	Witness string // its name in the policy
	Key     merkle.VerifierKey
	Time    int64 // in seconds since 1970
}

// Open verifies the signature lines of a signed checkpoint. It is an error if
// no log of the policy with the name of the origin has signed, or if a line by
// such a log is false. Whether the quorum is reached is asked of [Policy.Reached].
func (p *Policy) Open(signed []byte) (*Opened, error) {
	note, err := merkle.ParseNote(signed)
	if err != nil {
		return nil, err
	}
	c := note.Checkpoint
	o := &Opened{Checkpoint: c}
	text := []byte(c.String())
	for _, line := range note.Lines {
		is := func(l keyLine) bool { return l.key.Name() == line.Name && l.key.KeyHash() == line.KeyHash }
		id := fmt.Sprintf("%s+%08x", line.Name, line.KeyHash)
		if i := slices.IndexFunc(p.logs, is); i >= 0 && line.Name == c.Origin {
			if !p.logs[i].key.Verify(text, line.Signature) {
				return nil, fmt.Errorf("signature by log key %s is false", id)
			}
			o.Logs = append(o.Logs, p.logs[i].key)
			continue
		}
		i := slices.IndexFunc(p.witnesses, is)
		switch {
		case i < 0:
			o.Unverified = append(o.Unverified, id)
		case !p.witnesses[i].key.Verify(text, line.Signature):
			o.False = append(o.False, id)
		default:
			// A cosignature begins with its time; Verify has seen to its length.
			seconds := binary.BigEndian.Uint64(line.Signature)
			o.Witnesses = append(o.Witnesses, Cosignature{p.witnesses[i].name, p.witnesses[i].key, int64(seconds)})
		}
	}
	if len(o.Logs) == 0 {
		return nil, fmt.Errorf("no log key of the policy for %q has signed the checkpoint; the policy has %s", c.Origin, p.logIDs(c.Origin))
	}
	return o, nil
}

func (p *Policy) logIDs(origin string) string {
	var ids []string
	for _, k := range p.Logs(origin) {
		ids = append(ids, ID(k))
	}
	if ids == nil {
		return fmt.Sprintf("none of that name among %d", len(p.logs))
	}
	return strings.Join(ids, ", ")
}

// ID returns the name of a key in messages: its name and id.
func ID(k merkle.VerifierKey) string { return fmt.Sprintf("%s+%08x", k.Name(), k.KeyHash()) }

// Reached tells whether the cosignatures reach the quorum, and says so in
// words: who has cosigned, and if it is not enough, who is missing.
func (p *Policy) Reached(o *Opened) (bool, string) {
	if p.quorum == none {
		return true, "the policy asks for none"
	}
	reached := make([]bool, len(p.defined)) // in their order, so members come first
	for i, d := range p.defined {
		if d.members == nil {
			reached[i] = slices.ContainsFunc(o.Witnesses, func(c Cosignature) bool { return c.Witness == d.name })
			continue
		}
		have := 0
		for _, m := range d.members {
			if reached[m] {
				have++
			}
		}
		reached[i] = have >= d.need
	}
	top := p.find(p.quorum)
	var have, missing []string
	for _, i := range p.under(top) {
		if d := p.defined[i]; d.members != nil {
			continue
		} else if reached[i] {
			have = append(have, d.name)
		} else {
			missing = append(missing, d.name)
		}
	}
	if reached[top] {
		return true, fmt.Sprintf("quorum %s: cosigned by %s", p.quorum, strings.Join(have, ", "))
	}
	return false, fmt.Sprintf("quorum %s is not reached: cosigned by %s, missing %s", p.quorum, cmp.Or(strings.Join(have, ", "), "nobody"), strings.Join(missing, ", "))
}

// under returns the definitions that count for i, itself included.
func (p *Policy) under(i int) []int {
	all := []int{i}
	for _, m := range p.defined[i].members {
		all = append(all, p.under(m)...)
	}
	return all
}
