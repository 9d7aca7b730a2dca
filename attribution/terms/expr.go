package terms

import "github.com/raasledger/raasledger/attribution/record"

// An Expr is a checked expression, compiled once.
type Expr struct {
	Text string
	code any
}

// Compile parses and type-checks text as an expression of type want over facts.
// Errors name the column.
func Compile(text string, facts []FactType, want string) (*Expr, error) { panic("todo") }

// Truth is the value of a condition over the facts of one record: 1 true, 0 false, -1 undefined.
func (e *Expr) Truth(f record.Facts) int { panic("todo") }

// Names returns the facts e reads, sorted.
func (e *Expr) Names() []string { panic("todo") }
