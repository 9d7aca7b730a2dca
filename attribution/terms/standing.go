package terms

import "github.com/raasledger/raasledger/attribution/record"

// A Standing is what the standing records establish: the versions of the
// agreement, the parties' keys in force, the last record of each author, the
// last instant. It decides who may write what. It is folded record by record.
type Standing struct {
	origin string
}

// A Version is one version of the agreement.
type Version struct {
	Number int64
	N      int64         // index of its record
	Digest record.Digest // content digest of its record
	Agreed bool          // signed by the client too
	Terms  *Terms
}

func NewStanding() *Standing { panic("todo") }

// Apply checks r (with r.Log set) against the standing and, if it may stand, moves the
// standing on. A refusal is a *record.Refusal and changes nothing.
func (s *Standing) Apply(r *record.Record) error { panic("todo") }

// Clone is a copy that can be moved on without touching s.
func (s *Standing) Clone() *Standing { panic("todo") }

func (s *Standing) Origin() string      { panic("todo") }
func (s *Standing) LogKey() string      { panic("todo") } // note verifier key
func (s *Standing) Versions() []Version { panic("todo") }

// Governing is the version that governs an instant: the highest whose effective.from <= at.
func (s *Standing) Governing(at record.Time) *Version { panic("todo") }

// Last is the log time of the last record applied.
func (s *Standing) Last() record.Time { panic("todo") }

// AppendLines appends the standing's canonical state lines (unsorted, without newlines); ReadLine takes them back.
func (s *Standing) AppendLines(lines [][]byte) [][]byte { panic("todo") }
func (s *Standing) ReadLine(line []byte) error          { panic("todo") }
