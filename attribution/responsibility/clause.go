package responsibility

import "github.com/raasledger/raasledger/attribution/terms"

// A clause is what the terms of a result say of findings about the action
// behind a claim.
type clause struct {
	void, keep []string
	both       string // void, keep, open
}

func newClause(r *terms.Result) *clause { return nil }
