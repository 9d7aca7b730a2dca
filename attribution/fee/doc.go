// Package fee defines what is owed: the settlement as a pure fold over the
// records. State and record give state; state and period give a statement.
//
// The document "Settlement" says what holds; the code follows its order:
// what is kept of a record (state.go), the timeline of a result as of an
// instant (result.go), prices (price.go), the statement (statement.go), its
// detail (detail.go) and the lines of the state (lines.go).
package fee
